#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's gdb on a guest: the kernel from its first instruction, a program, a change of modes, several CPUs; and
clients that are not gdb."""
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time

from boot import (HERE, INIT_HEAD, KERNEL_TROUBLE, RHEA, SLOW, Failed, Run, Scratch, Skip, guest_file,
                  tap)
from firmware import need_bios

TIMEOUT = 120
APPEND = "console=ttyS0 nokaslr panic=-1 quiet mitigations=off"
INTERP = ("-accel", "tcg,engine=interp")
PROGRAM = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <sched.h>
#include <stdlib.h>
volatile int counter;
__attribute__((noinline)) int work(int n)
{
    counter = n;
    return n * 2;
}
__attribute__((noinline)) int middle(int n)
{
    return work(n) + 1;
}
int main(int argc, char **argv)
{
    int sum = 0;
    cpu_set_t set;

    if (argc > 1) {
        CPU_ZERO(&set);
        CPU_SET(atoi(argv[1]), &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    for (int i = 0; i < 5; i++)
        sum += middle(i);
    printf("SUM %d\n", sum);
    return 0;
}
"""
# The last: a program's code is looked at before it is mapped.
QUIET = """set pagination off
set confirm off
set width 0
set height 0
set trust-readonly-sections on
"""


def compiled(scratch):
    if not shutil.which("gcc"):
        raise Skip("no gcc")
    program = scratch.path("program")
    done = subprocess.run(["gcc", "-g", "-O0", "-static", "-no-pie", "-x", "c", "-o", program, "-"],
                          input=PROGRAM, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Skip("no static C library") if "cannot find -l" in done.stderr else Failed(done.stderr)
    return program


def program_initrd(scratch, script):
    program = compiled(scratch)
    with open(program, "rb") as file:
        initrd = scratch.initrd(f"\nchmod +x /program\n{script}\npoweroff -f\n", INIT_HEAD,
                                (("program", file.read()),))
    return program, initrd


def linux(initrd, *args):
    return ["-nographic", "-no-reboot", "-m", "256M", "-kernel", guest_file("cloud"), "-initrd", initrd,
            "-append", APPEND, *args]


SYMBOLS = {}


def symbol(name):
    """The address of one of the kernel's functions, from a guest that says it."""
    if not SYMBOLS:
        scratch = Scratch()
        names = "|".join(("start_kernel", "kernel_init", "schedule", "machine_restart", "linux_banner"))
        script = f"\ngrep -E ' ({names})$' /proc/kallsyms\npoweroff -f\n"
        with Run(linux(scratch.initrd(script))) as run:
            run.finish(TIMEOUT)
            for address, what in re.findall(r"^([0-9a-f]{16}) [DTdt] (\w+)", run.output, re.M):
                SYMBOLS[what] = "0x" + address
    return SYMBOLS[name]


def gdb(scratch, commands, where=None):
    """Runs gdb on commands and gives what it prints.  It waits for the server, which begins to listen soon."""
    if not shutil.which("gdb"):
        raise Skip("no gdb (Debian package gdb)")
    if where is None:
        where = scratch.path("gdb")
        deadline = time.monotonic() + TIMEOUT * SLOW
        while not os.path.exists(where) and time.monotonic() < deadline:
            time.sleep(0.01)
    script = scratch.path("commands", f"{QUIET}{where and 'target remote ' + where}\n{commands}".encode())
    try:
        done = subprocess.run(["gdb", "-nx", "-batch", "-x", script], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=TIMEOUT * SLOW)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"gdb did not end; it printed:\n{(late.stdout or b'').decode()}") from None
    return done.stdout


def server(scratch, *args):
    return ("-gdb", f"unix:{scratch.path('gdb')},server=on,wait=off", *args)


def check(text, patterns):
    """Each pattern behind the one before."""
    at = 0
    for pattern in patterns:
        match = re.compile(pattern, re.M).search(text, at)
        if not match:
            raise Failed(f"gdb did not print '{pattern}' there; it printed:\n{text}")
        at = match.end()


def ends_well(run, pattern):
    status = run.finish(TIMEOUT)
    trouble = re.search(KERNEL_TROUBLE, run.output)
    if status != 0 or trouble or len(re.findall(pattern, run.output, re.M)) == 0:
        run.fail(f"exit status {status}, expected 0, '{pattern}' and no trouble")


# Engines and CPUs --------------------------------------------------------------------------------

def kernel_and_program(*args):
    """From -S: start_kernel, which is not mapped yet; then a program."""
    def test():
        scratch = Scratch()
        program, initrd = program_initrd(scratch, "/program")
        start = symbol("start_kernel")
        commands = f"""
hbreak *{start}
continue
printf "at %#lx cs %#x efer %#lx\\n", $rip, $cs, $efer
stepi
printf "then %#lx\\n", $rip
delete
file {program}
break work
continue
backtrace
info breakpoints
continue
print n
finish
next
delete
watch counter
continue
continue
delete
rwatch counter
break middle
continue
delete
print counter
print counter = 77
x/dw &counter
print $xmm0.v4_int32
info registers eflags
monitor info status
continue
"""
        with Run(linux(initrd, *server(scratch, "-S", *args))) as run:
            check(gdb(scratch, commands), (
                r"Breakpoint 1, ", rf"^at {start} cs 0x10 efer 0x[0-9a-f]*d01", r"^then 0xf",
                r"Breakpoint 2, work \(n=0\)", r"#0 +work \(n=0\)", r"#1 .*middle \(n=0\)", r"#2 .*main \(",
                r"breakpoint already hit 1 time", r"Breakpoint 2, work \(n=1\)", r"= 1$",
                r"Value returned is \$\d+ = 2$", r"atchpoint 3: counter",
                r"Old value = 1\nNew value = 2", r"Old value = 2\nNew value = 3",
                r"Breakpoint 5, middle \(n=4\)", r"= 3$", r"= 77$", r"<counter>:\s+77$", r"= \{", r"^eflags ",
                r"VM status: paused \(debug\)", r"exited normally"))
            ends_well(run, r"^SUM 25$")
    return test


def two_cpus():
    """Both threads meet the breakpoint, each on its CPU."""
    scratch = Scratch()
    program, initrd = program_initrd(scratch, "/program 0 & /program 1 & wait")
    commands = f"""
hbreak *{symbol('kernel_init')}
continue
delete
file {program}
break work if n == 4
commands
silent
printf "hit on thread %d\\n", $_thread
end
continue
info threads
thread apply all printf "thread %d is there\\n", $_thread
continue
delete
continue
"""
    with Run(linux(initrd, *server(scratch, "-S", "-smp", "2"))) as run:
        text = gdb(scratch, commands)
        check(text, (r"^hit on thread", r"Thread 1\.1 \(CPU#0", r"Thread 1\.2 \(CPU#1", r"^hit on thread",
                     r"exited normally"))
        if {"1", "2"} != set(re.findall(r"hit on thread (\d)", text)):
            raise Failed(f"not on both threads:\n{text}")
        status = run.finish(TIMEOUT)
        if status != 0 or len(re.findall(r"^SUM 25$", run.output, re.M)) != 2:
            run.fail(f"exit status {status}, expected 0 and two sums")


# A change of modes -------------------------------------------------------------------------------

def modes(*args):
    def test():
        need_bios()
        scratch = Scratch()
        obj, elf, disk = scratch.path("a.o"), scratch.path("modes.elf"), scratch.path("disk.img")
        for command in (["gcc", "-c", "-o", obj, os.path.join(HERE, "gdb_modes.S")],
                        ["ld", "-n", "-Ttext=0x7c00", "-o", elf, obj],
                        ["objcopy", "-O", "binary", "-j", ".text", elf, disk]):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(disk, "ab") as file:
            file.truncate(1440 << 10)
        commands = f"""
set trust-readonly-sections off
file {elf}
hbreak *0x7c00
continue
printf "real %#lx %d\\n", $cr0 & 1, $efer & 0x400
set $steps = 0
while $rip != (long)&protected
stepi
set $steps = $steps + 1
end
printf "protected %d: cs %#x pe %d\\n", $steps, $cs, $cr0 & 1
while $rip != (long)&compatible
stepi
end
printf "compatible: lma %#lx\\n", $efer & 0x400
stepi
printf "long: %d cs %#x\\n", $rip == (long)&long_mode, $cs
stepi
printf "rax %#lx\\n", $rax
delete
break loop
continue
continue
printf "ebx %d\\n", $ebx
delete
watch *(int *)&counter
continue
kill
"""
        with Run(["-display", "none", "-m", "64M", "-fda", disk, *server(scratch, "-S", *args)]) as run:
            check(gdb(scratch, commands), (
                r"Breakpoint 1, ", r"^real 0 0$", r"^protected 8: cs 0x8 pe 1$", r"^compatible: lma 0x400$",
                r"^long: 1 cs 0x18$", r"^rax 0x1122334455667788$", r"Breakpoint 2, ", r"Breakpoint 2, ",
                r"^ebx 1$", r"Old value = 1\nNew value = 2", r"killed"))
            if run.finish(TIMEOUT) != 0:
                run.fail("the exit status is not 0")
    return test


# Coming and going --------------------------------------------------------------------------------

def attach_and_detach():
    scratch = Scratch()
    initrd = scratch.initrd("\ni=0\nwhile true; do i=$((i+1)); echo LAP $i; usleep 20000; done\n")
    with Run(linux(initrd, *server(scratch, "-smp", "2"))) as run:
        at = run.expect(r"LAP 5$", TIMEOUT)
        for k in range(5):
            commands = (f"info threads\nbreak *{symbol('schedule')}\ncontinue\ncontinue\n", "x/2i $rip\nstepi\n")[k % 2]
            check(gdb(scratch, commands + "detach\n"),
                  ((r"Thread 1\.2", r"Breakpoint 1", r"Breakpoint 1", r"detached"), (r"=> 0x", r"detached"))[k % 2])
            at = run.expect(r"LAP \d+$", TIMEOUT, at)
            at = run.expect(r"LAP \d+$", TIMEOUT, at)


def gdbserver_of_the_monitor():
    scratch = Scratch()
    path = scratch.path("gdb")
    initrd = scratch.initrd("\necho STARTED\nsleep 1000\n")
    with Run(linux(initrd, "-serial", f"file:{scratch.path('serial')}", "-monitor", "stdio")) as run:
        at = run.expect(r"\(qemu\) ", TIMEOUT)
        run.type(f"gdbserver unix:{path},server=on,wait=off\n")
        at = run.expect(r"Waiting for gdb connection on device 'unix:", TIMEOUT, at)
        check(gdb(scratch, "print $rip\nmonitor gdbserver none\nmonitor info status\ndetach\n"),
              (r"\$1 = ", r"use another monitor", r"VM status: paused", r"detached"))
        run.type("gdbserver foo\n")
        at = run.expect(r"'foo'", TIMEOUT, at)
        run.type("gdbserver none\n")
        at = run.expect(r"Disabled gdbserver", TIMEOUT, at)
        if os.path.exists(path):
            run.fail("the socket is still there")
        run.type("info status\n")
        run.expect(r"VM status: running", TIMEOUT, at)
        run.type("quit\n")
        if run.finish(TIMEOUT) != 0:
            run.fail("the exit status is not 0")


def through_a_pipe():
    """target remote | rhea -gdb stdio"""
    scratch = Scratch()
    initrd = scratch.initrd("\npoweroff -f\n")
    command = " ".join([RHEA, "-display none -no-reboot -S -m 256M -gdb stdio -kernel", guest_file("cloud"),
                        "-initrd", initrd, "-append", f"'{APPEND}'"])
    check(gdb(scratch, f"hbreak *{symbol('start_kernel')}\ncontinue\ndelete\ncontinue\n", f"| {command}"),
          (r"Breakpoint 1, ", r"exited normally"))


def cores():
    """dump-guest-memory: gdb reads the kernel's banner at its physical and, with -p, at its linear address."""
    scratch = Scratch()
    initrd = scratch.initrd("\necho STARTED\nsleep 1000\n")
    banner = int(symbol("linux_banner"), 16)
    physical = banner - 0xffffffff80000000
    with Run(linux(initrd, "-smp", "2", "-serial", f"file:{scratch.path('serial')}", "-monitor", "stdio")) as run:
        at = run.expect(r"\(qemu\) ", TIMEOUT)
        deadline = time.monotonic() + TIMEOUT * SLOW
        while "STARTED\n" not in open(scratch.path("serial"), encoding="latin1").read().replace("\r", ""):
            if time.monotonic() > deadline:
                run.fail("the guest does not start")
            run.pump(0.1)
        for line in ("stop", f"dump-guest-memory {scratch.path('plain')}", f"dump-guest-memory -p {scratch.path('paged')}",
                     f"dump-guest-memory {scratch.path('part')} {physical & ~0xfff:#x} 0x2000", "info registers"):
            at = len(run.output)
            run.type(line + "\n")
            run.expect(r"^\(qemu\) $", TIMEOUT, run.expect(re.escape(line.split()[0]), TIMEOUT, at))
        rip = re.search(r"RIP=([0-9a-f]{16})", run.output[at:]).group(1)
        for name, where in (("plain", physical), ("paged", banner), ("part", physical)):
            text = gdb(scratch, f"core-file {scratch.path(name)}\nx/s {where:#x}\ninfo threads\nthread 1\n"
                       'printf "rip %016lx\\n", $rip\n', "")
            check(text, (r"Linux version \d", r" 1 ", r" 2 ", rf"^rip {rip}$"))
        for line, says in (("dump-guest-memory", "takes a file name"), ("dump-guest-memory -z x", "only -p and -d"),
                           ("dump-guest-memory /nowhere/x", "cannot open"), ("dump-guest-memory x 1 2", "whole pages"), ("dump-guest-memory -p x 0 0x1000", "takes no begin"),
                           ("dump-guest-memory x 0x8000000000 0x1000", "no memory in this range")):
            at = len(run.output)
            run.type(line + "\n")
            run.expect(says, TIMEOUT, at)


# Clients that are not gdb ------------------------------------------------------------------------

def packet(data):
    return b"$" + data + b"#%02x" % (sum(data) & 255)


def connected(path):
    """The server listens again once the client before is gone."""
    deadline = time.monotonic() + TIMEOUT * SLOW
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except OSError:
            client.close()
            if time.monotonic() > deadline:
                raise Failed("the server does not listen any more") from None
            time.sleep(0.01)


def bother(scratch, letters, rounds):
    draw = random.Random(11)
    for k in range(rounds):
        client = connected(scratch.path("gdb"))
        try:
            for _ in range(50):
                data = bytes(draw.choice(letters) for _ in range(draw.randrange(60)))
                client.sendall(packet(data) if k % 2 else data)
            if k % 3 == 0:
                client.sendall(b"$" + b"m" * 200000)
            if k % 5 == 0:              # many questions, no answer is read
                client.sendall(packet(b"g") * 3000)
        except OSError:
            pass
        client.close()


def hostile_clients():
    """They may do to the guest what they like, but not to the emulator."""
    scratch = Scratch()
    initrd = scratch.initrd("\nwhile true; do :; done\n")
    args = [arg for arg in linux(initrd, *server(scratch, "-smp", "2", "-no-shutdown")) if arg != "-no-reboot"]
    with Run(args) as run:
        run.expect("INIT-STARTED", TIMEOUT)
        bother(scratch, b"?gGpPmMXcCsSHTDzZqQv0123456789abcdef,;:=-+}*#$\x03", 60)
        client = connected(scratch.path("gdb"))
        client.settimeout(TIMEOUT * SLOW)
        client.sendall(packet(b"qAttached"))
        got = b""
        while b"$1#" not in got:
            got += client.recv(100)
        client.close()
        run.child.terminate()
        if run.finish(TIMEOUT) != 0:
            run.fail("the exit status is not 0")


def curious_clients():
    """Those that change nothing leave the guest as it was."""
    scratch = Scratch()
    initrd = scratch.initrd("\ni=0\nwhile true; do i=$((i+1)); echo LAP $i; usleep 20000; done\n")
    with Run(linux(initrd, *server(scratch, "-smp", "2"))) as run:
        run.expect(r"LAP 3$", TIMEOUT)
        bother(scratch, b"?gpmHTzZqv0123456789abdef,;:=-+}*#$\x03", 40)
        run.expect(r"LAP \d+$", TIMEOUT, run.expect(r"LAP \d+$", TIMEOUT, len(run.output)))


def far_breakpoints_cost_nothing():
    """What is interpreted when a breakpoint is somewhere else is about what always is."""
    counts = []
    for far in (False, True):
        scratch = Scratch()
        _, initrd = program_initrd(scratch, "/program")
        with Run(linux(initrd, *server(scratch, "-S", "-d", "accel"))) as run:
            gdb(scratch, f"hbreak *{symbol('machine_restart')}\n" * far + "continue\n")
            ends_well(run, r"^SUM 25$")
            counts.append(int(re.search(r"tcg: (\d+) interpreted", run.output).group(1)))
    if counts[1] > 1.5 * counts[0]:
        raise Failed(f"{counts[1]} instructions are interpreted, {counts[0]} without a breakpoint")


TESTS = (
    ("start_kernel and a program", kernel_and_program()),
    ("the same with 2 CPUs", kernel_and_program("-smp", "2")),
    ("the same, interpreted", kernel_and_program(*INTERP)),
    ("two CPUs, a breakpoint on each", two_cpus),
    ("single steps from real to long mode", modes()),
    ("the same, interpreted", modes(*INTERP)),
    ("attach and detach while it runs", attach_and_detach),
    ("gdbserver in the monitor", gdbserver_of_the_monitor),
    ("through a pipe: -gdb stdio", through_a_pipe),
    ("cores by dump-guest-memory", cores),
    ("hostile clients", hostile_clients),
    ("curious clients", curious_clients),
    ("far breakpoints cost nothing", far_breakpoints_cost_nothing),
)

if __name__ == "__main__":
    sys.exit(tap(TESTS))
