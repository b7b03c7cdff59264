#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times the boot of Debian's cloud kernel under Rhea's engines and, when installed, QEMU's translator.

Instructions are counted, and their speed given, where the interpreter runs all of them. Rounds are interleaved, so that a busy host is unfair to nobody; the table shows medians.
RHEA_BIN is the emulator, BENCH_ROUNDS the number of rounds (3), BENCH_MD5 the MiB of the md5 (16).
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))

from boot import INIT_HEAD, RHEA, Scratch, Skip, guest_file  # noqa: E402

MD5_MIB = os.environ.get("BENCH_MD5", "16")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
TIMEOUT = 600

# What the guest does after init started; each part ends with a marker and is timed on its own.
SCRIPT = f"""
i=0
while [ $i -lt 300 ]; do /bin/true; i=$((i + 1)); done
echo FORKS-DONE
dd if=/dev/zero bs=1M count={MD5_MIB} 2>/dev/null | md5sum >/dev/null
echo MD5-DONE
poweroff -f
"""

COUNT = re.compile(r"accel: tcg: (\d+) instructions in ([\d.]+) s")

# column, unit, how to print it, whether a ratio to QEMU makes sense
COLUMNS = (
    ("init wall",    "s",     "{:.2f}", True),
    ("forks",        "s",     "{:.2f}", True),
    ("md5",          "s",     "{:.2f}", True),
    ("total wall",   "s",     "{:.2f}", True),
    ("total CPU",    "s",     "{:.2f}", True),
    ("peak RSS",     "MiB",   "{:.0f}", True),
    ("instructions", "M",     "{:.0f}", False),
    ("speed",        "M/s",   "{:.1f}", False),
)


def measure(command, log):
    """One boot: a dictionary by column."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, bufsize=0)
    watchdog = threading.Timer(TIMEOUT, child.kill)
    watchdog.start()
    output, at = b"", {}
    while chunk := child.stdout.read(4096):
        output += chunk
        for marker in (b"INIT-STARTED", b"FORKS-DONE", b"MD5-DONE"):
            if marker not in at and marker in output:
                at[marker] = time.monotonic() - start
    _, status, usage = os.wait4(child.pid, 0)
    watchdog.cancel()
    total = time.monotonic() - start
    if status != 0 or len(at) != 3:
        sys.exit(f"bench: {' '.join(command)}\nended with status {os.waitstatus_to_exitcode(status)}"
                 f" and this output:\n{output.decode('utf-8', 'replace')[-2000:]}")
    result = {
        "init wall": at[b"INIT-STARTED"],
        "forks": at[b"FORKS-DONE"] - at[b"INIT-STARTED"],
        "md5": at[b"MD5-DONE"] - at[b"FORKS-DONE"],
        "total wall": total,
        "total CPU": usage.ru_utime + usage.ru_stime,
        "peak RSS": usage.ru_maxrss / 1024,
    }
    counted = COUNT.search(open(log, encoding="utf-8").read()) if os.path.exists(log) else None
    if counted:
        result["instructions"] = int(counted.group(1)) / 1e6
        result["speed"] = int(counted.group(1)) / 1e6 / max(float(counted.group(2)), 1e-9)
    return result


def emulators(log):
    """(name, command) of what is installed; BENCH_ONLY=interp leaves the others out."""
    found = [("interp", [RHEA, "-accel", "tcg,engine=interp", "-d", "accel", "-D", log]),
             ("rhea", [RHEA])]
    qemu = shutil.which("qemu-system-x86_64")
    if qemu:
        found.append(("qemu tcg", [qemu, "-accel", "tcg", "-nodefaults", "-cpu", "max"]))
    only = os.environ.get("BENCH_ONLY")
    return [one for one in found if not only or one[0] == only]


def main():
    if not os.access(RHEA, os.X_OK):
        sys.exit(f"bench: no emulator '{RHEA}'")
    try:
        kernel = guest_file("cloud")
        scratch = Scratch()
        initrd = scratch.initrd(SCRIPT, INIT_HEAD)
    except Skip as skip:
        sys.exit(f"bench: {skip}")
    machine = ["-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-m", "512M",
               "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1"]
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        contestants = emulators(log)
        runs = {name: [] for name, _ in contestants}
        for number in range(ROUNDS):
            for name, command in contestants:
                if os.path.exists(log):
                    os.unlink(log)
                print(f"round {number + 1} of {ROUNDS}: {name}", file=sys.stderr, flush=True)
                runs[name].append(measure(command + machine, log))
    names = [name for name, _ in contestants]
    print(f"\nBoot of {os.path.basename(os.path.dirname(kernel))}, medians of {ROUNDS}")
    ratio = len(names) == 3             # of rhea to QEMU
    print(f"{'':14}{'':6}" + "".join(f"{name:>12}" for name in names) + (f"{'ratio':>12}" * ratio))
    for column, unit, form, compare in COLUMNS:
        values = [statistics.median([run[column] for run in runs[name]])
                  if all(column in run for run in runs[name]) else None for name in names]
        row = f"{column:14}{unit:6}" + "".join(
            f"{form.format(v) if v is not None else '-':>12}" for v in values)
        if ratio and compare:
            row += f"{values[1] / max(values[2], 1e-9):>11.2f}x"
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
