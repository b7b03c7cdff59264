#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Several CPUs: Linux brings all of them up on each board, and they keep what CPUs owe each other.

smp_stress.c says what is asked of them; it is built here as a static program.
"""
import os
import shutil
import subprocess
import sys

from boot import HERE, INIT_HEAD, KERNEL_TROUBLE, Failed, Scratch, Skip, guest_file, main, run_row
from firmware_os import iso

# The kernel warns of what AMD processors with threads leak.
APPEND = "console=ttyS0 panic=-1 reboot=t mitigations=off"
INTERP = ("-accel", "tcg,engine=interp")
STRESS = """
echo "online: $(cat /sys/devices/system/cpu/online)"
echo "packages: $(grep 'physical id' /proc/cpuinfo | sort -u | wc -l)"
echo "siblings: $(cat /sys/devices/system/cpu/cpu1/topology/thread_siblings_list)"
chmod +x /stress
/stress %d %s
"""
END = "\npoweroff -f\n"
RESET = "\nreboot -f\n"
# Those that need no long waits where there are more CPUs than the host has.
SHORT = "aligned split on-code code mappings tsc"

# clang-format has no say here, but the rows keep their columns:
# name                      kernel   arguments                        rounds parts  online  packages siblings
ROWS = (
    ("pc, 2 CPUs",          "cloud", ("-smp", "2"),                   100,   "",    "0-1",  1,       "1"),
    ("pc, 2 CPUs, interpreted", "cloud", ("-smp", "2", *INTERP),      20,    "",    "0-1",  1,       "1"),
    ("q35, 4 CPUs of 2 sockets, 2 threads", "cloud",
     ("-machine", "q35", "-smp", "4,sockets=2,cores=1,threads=2"),    20,    SHORT, "0-3",  2,       "0-1"),
    ("pc, 8 CPUs of AMD's kind", "cloud",
     ("-cpu", "EPYC", "-smp", "8,sockets=1,cores=4,threads=2"),       5,     SHORT, "0-7",  1,       "0-1"),
    ("microvm, 2 CPUs by the MP table", "amd64",
     ("-M", "microvm,acpi=off", "-smp", "2"),                         20,    SHORT, "0-1",  1,       "1"),
    ("microvm, 4 CPUs, interpreted", "amd64",
     ("-M", "microvm,acpi=off", "-smp", "4", *INTERP),                   3,     SHORT, "0-3",  1,       "1"),
)
TIMEOUT = 400


def stress(scratch):
    program = scratch.path("stress")
    if not shutil.which("gcc"):
        raise Skip("no gcc")
    done = subprocess.run(["gcc", "-O2", "-static", "-pthread", "-o", program,
                           os.path.join(HERE, "smp_stress.c")],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        if "cannot find -l" in done.stderr:
            raise Skip("no static C library")
        raise Failed(done.stderr)
    with open(program, "rb") as file:
        return file.read()


def expected(online, packages, siblings):
    return (rf"^online: {online}$", rf"^packages: {packages}$", rf"^siblings: {siblings}$",
            r"threads, \d+ rounds: PASSED")


def test_of(row):
    name, kernel, args, rounds, parts, online, packages, siblings = row

    def test():
        scratch = Scratch()
        script = STRESS % (rounds, parts) + (RESET if "microvm,acpi=off" in args else END)
        run_row(["-nographic", "-no-reboot", "-m", "512M", "-kernel", guest_file(kernel), "-initrd",
                 scratch.initrd(script, INIT_HEAD, (("stress", stress(scratch)),)),
                 "-append", APPEND, *args],
                expected(online, packages, siblings), KERNEL_TROUBLE, 0, TIMEOUT)

    return name, test


def through_firmware(machine):
    def test():
        scratch = Scratch()
        image = iso(scratch, guest_file("cloud"),
                    scratch.initrd("\ncat /sys/devices/system/cpu/online" + RESET, INIT_HEAD),
                    APPEND + " tsc=reliable")
        run_row(["-nographic", "-no-reboot", "-m", "512M", "-machine", machine, "-smp", "4",
                 "-cdrom", image], (r"ISOLINUX \d", r"^0-3$"), KERNEL_TROUBLE, 0, TIMEOUT)

    return f"{machine}, 4 CPUs through SeaBIOS", test


# With --all alone: these take long, and others are near to them.
LONG = (
    "microvm, 4 CPUs, interpreted",
)


if __name__ == "__main__":
    sys.exit(main([test_of(row) for row in ROWS] +
                  [through_firmware(machine) for machine in ("pc", "q35")], LONG))
