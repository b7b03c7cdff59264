#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How a machine ends: panic, triple fault, reset, no root, debug exit, signal."""
import os
import signal
import sys
import time

from boot import Run, Scratch, guest_file, resident, run_row, tap

LINUX = "console=ttyS0 panic=-1 quiet"
DEBUG_EXIT = ("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")
MANY = DEBUG_EXIT + ("-M", "q35", "-accel", "tcg", "-smp")
TIMEOUT = 120
STARTED = r"GUEST-STARTED"

PANIC = "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger\n"
REBOOT = "reboot -f\n"
POWEROFF = "poweroff -f\n"
EXIT = "exit 0\n"
IDLE = "sleep 1000\n"
IDLE_SECONDS = 3

# Small guest (guest.S): name, its letter, arguments, expected output, exit status
SMALL = (
    ("triple fault, -no-reboot",      "t", ("-no-reboot",), (STARTED,), 0),
    ("keyboard reset, -no-reboot",    "k", ("-no-reboot",), (STARTED,), 0),
    ("port 0xcf9 reset, -no-reboot",  "c", ("-no-reboot",), (STARTED,), 0),
    ("isa-debug-exit with 0x21",      "d", DEBUG_EXIT,      (STARTED,), 0x21 << 1 | 1),
    ("isa-debug-exit with 0",         "D", DEBUG_EXIT,      (STARTED,), 1),
    ("64 vCPUs have room below 2 GiB",  "D", MANY + ("64",), (STARTED,), 1),
    ("128 vCPUs have room below 2 GiB", "D", MANY + ("128",), (STARTED,), 1),
    ("255 vCPUs have room below 2 GiB", "D", MANY + ("255",), (STARTED,), 1),
)

# Small guest without -no-reboot: it must start a second time. Then SIGTERM.
AGAIN = (
    ("triple fault starts it again",     "t"),
    ("keyboard reset starts it again",   "k"),
    ("port 0xcf9 reset starts it again", "c"),
)

# Linux: name, init script (None: no initrd), arguments, expected output
ENDINGS = (
    ("panic with panic=-1",    PANIC,    ("-no-reboot",), (r"INIT-STARTED", r"Kernel panic - not syncing: sysrq")),
    ("init ends: panic",       EXIT,     ("-no-reboot",), (r"INIT-STARTED", r"Attempted to kill init")),
    ("no initrd: no root",     None,     ("-no-reboot",), (r"VFS: Unable to mount root fs",)),
    ("reboot, -no-reboot",     REBOOT,   ("-no-reboot",), (r"INIT-STARTED",)),
    ("poweroff",               POWEROFF, (),              (r"INIT-STARTED", r"reboot: Power down")),
)


def small_args(scratch, letter):
    return ["-nographic", "-kernel", scratch.assemble("guest.S"), "-append", letter]


def small_test(row):
    name, letter, args, expected, status = row

    def test():
        scratch = Scratch()
        run_row([*small_args(scratch, letter), *args], expected, None, status, TIMEOUT)

    return name, test


def again_test(row):
    name, letter = row

    def test():
        scratch = Scratch()             # kept: a reset loads the kernel again
        with Run(small_args(scratch, letter)) as run:
            first = run.expect(STARTED, TIMEOUT)
            run.expect(STARTED, TIMEOUT, first)
            run.child.send_signal(signal.SIGTERM)
            status = run.finish(TIMEOUT)
            if status != 0:
                run.fail(f"exit status {status} after SIGTERM, expected 0")

    return name, test


def linux_args(scratch, script):
    args = ["-nographic", "-m", "512M", "-kernel", guest_file("cloud"), "-append", LINUX]
    if script is not None:
        args += ["-initrd", scratch.initrd(script)]
    return args


def linux_test(row):
    name, script, args, expected = row

    def test():
        scratch = Scratch()
        run_row([*linux_args(scratch, script), *args], expected, None, 0, TIMEOUT)

    return name, test


def reboot_starts_linux_again():
    scratch = Scratch()
    with Run(linux_args(scratch, REBOOT)) as run:
        first = run.expect(r"INIT-STARTED", TIMEOUT)
        run.expect(r"INIT-STARTED", TIMEOUT, first)


def reboot_without_the_kernel_file_says_so():
    scratch = Scratch()
    with open(guest_file("cloud"), "rb") as file:
        kernel = scratch.path("kernel", file.read())
    args = linux_args(scratch, REBOOT)
    args[args.index("-kernel") + 1] = kernel
    with Run(args) as run:
        run.expect(r"INIT-STARTED", TIMEOUT)
        os.remove(kernel)
        run.expect(r"internal error: cannot boot again: could not open kernel file", TIMEOUT)


def own_memory(pid):
    """MiB that are the process's own: pages of program files and libraries are not."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return sum(int(line.split()[1]) for line in file
                   if line.startswith(("RssAnon:", "RssShmem:"))) / 1024


def idle_guest_leaves_memory_alone():
    scratch = Scratch()
    with Run(linux_args(scratch, IDLE)) as run:
        run.expect(r"INIT-STARTED", TIMEOUT)
        time.sleep(IDLE_SECONDS)
        ram, total = resident(run.child.pid, 512 << 20)[0], own_memory(run.child.pid)
        limit = 1.2 * ram + 40
        if total > limit:
            run.fail(f"{total:.0f} MiB resident, {ram:.0f} of them the guest's, "
                     f"expected at most {limit:.0f}")


def sigterm_ends_with_status_0():
    for letter in "hw":                 # halted, and busy
        scratch = Scratch()
        with Run(small_args(scratch, letter)) as run:
            run.expect(STARTED, TIMEOUT)
            run.child.send_signal(signal.SIGTERM)
            status = run.finish(TIMEOUT)
            if status != 0:
                run.fail(f"exit status {status}, expected 0")


TESTS = (
    [small_test(row) for row in SMALL] + [again_test(row) for row in AGAIN] +
    [linux_test(row) for row in ENDINGS] +
    [("reboot starts Linux again", reboot_starts_linux_again),
     ("reboot without the kernel file", reboot_without_the_kernel_file_says_so),
     ("memory of an idle guest", idle_guest_leaves_memory_alone),
     ("SIGTERM ends with status 0", sigterm_ends_with_status_0)]
)

if __name__ == "__main__":
    sys.exit(tap(TESTS))
