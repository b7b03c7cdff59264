#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Linux finds when it tests the processor: its log, and the self-tests of its cryptography.

The kernel patches itself with INT3, checks the x87 and XSAVE at boot, and runs known answers
through every cipher and hash before it is offered; all of that stands in the log or /proc/crypto.
"""
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Scratch, guest_file, run_row, tap

SCRIPT = """
echo "self-tests passed: $(grep -c '^selftest *: passed' /proc/crypto)"
grep '^selftest' /proc/crypto | grep -v passed
dmesg | grep -iE 'x86/fpu|self.?test|alternatives|int3'
[ -e /proc/sys/kernel/tainted ] && echo "tainted: $(cat /proc/sys/kernel/tainted)"
poweroff -f
"""
# Messages of kernel/entry, arch/x86/kernel/fpu and crypto/testmgr.c that tell of a mistake, and
# those which the kernel writes in the ordinary way about what a processor lacks.
TROUBLE = (KERNEL_TROUBLE + r"|alg: .*(fail|wrong|unable)|selftest *: (?!passed)|self.?tests? failed|"
           r"x86/fpu: .*(inconsistent|mismatch|[Ff]ailed)|XSAVE consistency|int3.*(fail|missed)|"
           r"Unexpected #|trap invalid opcode|math-emu|FDIV bug|unchecked MSR access|"
           r"clocksource: .*unstable|spurious")
EXPECTED = (r"^self-tests passed: [1-9]", r"x86/fpu: ", r"^tainted: 0$", r"reboot: Power down")
# Of 32-bit kernels as well, and where no XSAVE is the message is another one or none.
EXPECTED32 = (r"^self-tests passed: [1-9]", r"^tainted: 0$", r"reboot: Power down")

# name                                    kernel   busybox      arguments                        expected
ROWS = (
    ("log: cloud kernel, translator",     "cloud", "busybox",   ("-cpu", "max"),                 EXPECTED),
    ("log: cloud kernel, interpreter",    "cloud", "busybox",   ("-accel", "tcg,engine=interp"), EXPECTED),
    ("log: full kernel",                  "amd64", "busybox",   ("-cpu", "max"),                 EXPECTED),
    ("log: 686 kernel",                   "i386",  "busybox32", (),                              EXPECTED32),
)
TIMEOUT = 200


def test_of(row):
    name, kernel, busybox, args, expected = row

    def test():
        initrd = Scratch()
        run_row(["-nographic", "-no-reboot", "-m", "512M", "-kernel", guest_file(kernel),
                 "-initrd", initrd.initrd(SCRIPT, INIT_HEAD, (), busybox),
                 "-append", "console=ttyS0 panic=-1", *args], expected, TROUBLE, 0, TIMEOUT)

    return name, test


if __name__ == "__main__":
    sys.exit(tap([test_of(row) for row in ROWS]))
