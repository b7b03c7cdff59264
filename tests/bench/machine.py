# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured of the machine as a whole: its boot, its start, its memory, two vCPUs.

Each kind of rows.MACHINE is a function that adds rows to the results: what, unit, a figure for each
emulator, what is wanted. A figure is a number, or a word where the emulator cannot do it.
"""
import os
import re
import statistics
import subprocess
import time

from boot import INIT_HEAD, Failed, Scratch, resident
from rows import (BOOT_FASTER, IDLE_FACTOR, IDLE_MIB, SMP, SMP_FASTER, SMP_QUICK, SMP_WORK,
                  START_MS, words)
from runners import BOOT_TIMEOUT, Agent, Trouble, cpu_seconds, machine_arguments

HERE = os.path.dirname(os.path.abspath(__file__))
START_RUNS = 11
START_STATUS = 0x21 << 1 | 1
IDLE_SECONDS, IDLE_MEMORY = 3, "512M"
MD5_MIB = 16
COUNT = re.compile(r"accel: tcg: (\d+) instructions in ([\d.]+) s")

# What the guest of the boot does after init started; each part is timed on its own.
BOOT_SCRIPT = f"""
i=0
while [ $i -lt 300 ]; do /bin/true; i=$((i + 1)); done
echo FORKS-DONE
dd if=/dev/zero bs=1M count={MD5_MIB} 2>/dev/null | md5sum >/dev/null
echo MD5-DONE
poweroff -f
"""
BOOT_MARKS = ("INIT-STARTED", "FORKS-DONE", "MD5-DONE")

# row                   unit    wanted
BOOT_ROWS = (
    ("boot to init, CPU",   "s",   f"QEMU / {BOOT_FASTER}"),
    ("boot to init, wall",  "s",   ""),
    ("300 processes, CPU",  "s",   ""),
    ("md5 of 16 MiB, CPU",  "s",   ""),
    ("all until power off, CPU", "s", ""),
    ("all until power off, wall", "s", ""),
    ("peak memory",         "MiB", ""),
    ("instructions",        "M",   ""),
    ("speed",               "M/s", ""),
)


def boot_once(command, machine, log):
    """One boot: figures by row. Instructions only where '-d accel' logs them."""
    agent, start = Agent("boot", BOOT_TIMEOUT), time.monotonic()
    with open(log, "wb") as stderr:
        agent.start([*command, *machine], stderr=stderr)
    cpu, wall, deadline = [], [], start + BOOT_TIMEOUT
    try:
        for mark in BOOT_MARKS:
            agent.lines.wait(mark, deadline)
            cpu.append(cpu_seconds(agent.child.pid))
            wall.append(time.monotonic() - start)
        try:
            agent.lines.wait("the end of the output", deadline)
        except Trouble as trouble:
            if trouble.kind != "ended":
                raise
        _, status, usage = os.wait4(agent.child.pid, 0)
        agent.child.returncode = os.waitstatus_to_exitcode(status)
    finally:
        agent.stop()
    found = dict(zip([row[0] for row in BOOT_ROWS], (
        cpu[0], wall[0], cpu[1] - cpu[0], cpu[2] - cpu[1], usage.ru_utime + usage.ru_stime,
        time.monotonic() - start, usage.ru_maxrss / 1024)))
    with open(log, encoding="utf-8", errors="replace") as file:
        counted = COUNT.search(file.read())
    if counted:
        found["instructions"] = int(counted.group(1)) / 1e6
        found["speed"] = found["instructions"] / max(float(counted.group(2)), 1e-9)
    return found


def boot(bench, say):
    scratch = Scratch()
    machine = machine_arguments(bench.kernel, scratch.initrd(BOOT_SCRIPT, INIT_HEAD), IDLE_MEMORY)
    runs = {name: [] for name in bench.commands}
    for number in range(bench.args.rounds):
        for name, command in bench.commands.items():
            if isinstance(runs[name], str):
                continue
            say(f"boot {number + 1} of {bench.args.rounds}: {name}")
            try:
                runs[name].append(boot_once(command, machine, bench.log))
            except Trouble as trouble:
                say(f"  {name}: {trouble}")
                runs[name] = trouble.kind
    for what, unit, aim in BOOT_ROWS:
        values = {}
        for name, found in runs.items():
            if isinstance(found, str):
                values[name] = found
            elif all(what in one for one in found):
                values[name] = statistics.median(one[what] for one in found)
        if values:
            yield what, unit, values, aim


def start_once(command):
    """Milliseconds from the start of the process to its end."""
    begin = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=BOOT_TIMEOUT, check=False)
    if done.returncode != START_STATUS:
        raise Trouble("fails", done.stderr[-200:].decode("utf-8", "replace"))
    return (time.monotonic() - begin) * 1000


def start(bench, say):
    """The smallest of several runs: a busy host only adds."""
    scratch = Scratch()
    try:
        kernel = scratch.assemble(os.path.join(HERE, "start.S"))
    except Failed as failed:
        say(f"start: {failed}")
        return
    for board in ("pc", "microvm"):
        values = {}
        for name, command in bench.commands.items():
            whole = [*command, "-M", board, "-display", "none", "-nodefaults", "-m", IDLE_MEMORY,
                     "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-kernel", kernel]
            try:
                values[name] = min(start_once(whole) for _ in range(START_RUNS))
            except (Trouble, subprocess.TimeoutExpired) as trouble:
                say(f"  start, {board}, {name}: {trouble}")
                values[name] = "fails"
        yield f"start to guest and out, -M {board}", "ms", values, f"{START_MS}"


def memory(bench, say):
    """An idle guest, a few seconds after it reached its init."""
    scratch = Scratch()
    initrd = scratch.initrd("echo IDLE\nsleep 10000\n", INIT_HEAD)
    machine = machine_arguments(bench.kernel, initrd, IDLE_MEMORY)
    touched, total, limits = {}, {}, {}
    for name, command in bench.commands.items():
        say(f"memory of an idle guest: {name}")
        agent = Agent(name, BOOT_TIMEOUT)
        with open(bench.log, "wb") as log:
            agent.start([*command, *machine], stderr=log)
        try:
            agent.lines.wait("IDLE", time.monotonic() + BOOT_TIMEOUT)
            time.sleep(IDLE_SECONDS)
            touched[name], total[name] = resident(agent.child.pid, int(IDLE_MEMORY[:-1]) << 20)
            limits[name] = touched[name] * IDLE_FACTOR + IDLE_MIB
        except Trouble as trouble:
            touched[name] = total[name] = limits[name] = trouble.kind
        finally:
            agent.stop()
    yield f"idle guest of {IDLE_MEMORY}: touched by it", "MiB", touched, ""
    yield "resident in all", "MiB", total, "the next row"
    yield f"wanted: touched x {IDLE_FACTOR} + {IDLE_MIB}", "MiB", limits, ""


def smp(bench, say):
    """Wall time of a job of two threads, with one vCPU and with two."""
    work = words(SMP, SMP_QUICK if bench.args.quick else SMP_WORK)
    runners = {"native": [bench.native(1), bench.native(2)]}
    for name in bench.commands:
        runners[name] = [bench.emulator(name, ("-smp", str(n))) for n in (1, 2)]
    walls = {name: ([], []) for name in runners}
    words_ = {}
    for _ in range(bench.args.rounds):
        for name, pair in runners.items():
            try:
                for runner, wall in zip(pair, walls[name]):
                    if name not in words_:
                        wall.append(runner.run(work)["wall"])
            except Trouble as trouble:
                say(f"  two vCPUs, {name}: {trouble}")
                words_[name] = "refuses -smp 2" if trouble.kind == "no boot" else trouble.kind
    for pair in runners.values():
        for runner in pair:
            runner.stop()
    values = dict(words_)
    for name, (one, two) in walls.items():
        if name not in values:
            values[name] = statistics.median(one) / statistics.median(two)
    say(f"two threads, natively: {values.pop('native'):.2f} times as fast on two CPUs")
    yield "two threads, -smp 2 against -smp 1, wall", "x", values, f"{SMP_FASTER}"


KINDS = {"boot": boot, "start": start, "memory": memory, "smp": smp}


def measure(bench, kind, say):
    """Adds the rows of one kind to the results."""
    say(f"machine: {kind}")
    for what, unit, values, aim in KINDS[kind](bench, say):
        bench.results["machine"].append([what, unit, values, aim])
