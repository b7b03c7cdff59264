#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels boot to busybox, run scripts there and power off without a complaint."""
import hashlib
import random
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Scratch, guest_file, run_row, tap

APPEND = "console=ttyS0 panic=-1"
POWEROFF = "\npoweroff -f\n"
MIB = 1 << 20

# Half noise, half text, so that gzip has both to do.
DATA = bytes(random.Random(1).randbytes(4 * MIB)) + (b"The quick brown fox.\n" * 200000)[:4 * MIB]
DATA_MD5 = hashlib.md5(DATA).hexdigest()

SHELL_TOUR = """
uname -a
grep -m1 'model name' /proc/cpuinfo
grep -c ^processor /proc/cpuinfo
mount | sed 's/^/mounted: /'
dd if=/dev/zero bs=1M count=1 2>/dev/null | md5sum
echo TOUR-DONE
"""

FORK_LOOP = """
i=0
while [ $i -lt 200 ]; do /bin/true || echo FORK-FAILED; i=$((i + 1)); done
echo "forked $i times"
(echo from a pipe | cat | tr a-z A-Z)
"""

GZIP_MD5 = """
md5sum /data
gzip -c /data >/tmp/data.gz
gzip -dc /tmp/data.gz | md5sum | sed 's/^/unpacked: /'
"""

TIMERS = """
start=$(cut -d. -f1 /proc/uptime)
sleep 2
end=$(cut -d. -f1 /proc/uptime)
passed=$((end - start))
[ $passed -ge 1 ] && [ $passed -le 4 ] && echo "slept as told"
date +%Y
grep -E 'timer|rtc' /proc/interrupts
cat /sys/devices/system/clocksource/clocksource0/current_clocksource
"""

# The panic is the test's way out: exit status and message are in endings.py.
DATA_FILE = (("data", DATA),)
TOUR = (r"^INIT-STARTED", r"^Linux .* 6\.1\..* x86_64", r"^model name", r"^1$",
        r"^mounted: proc on /proc", r"^mounted: sysfs on /sys", r"^mounted: tmpfs on /tmp",
        r"^b6d81b360a5672d80c27430f39153e2c  -", r"^TOUR-DONE", r"reboot: Power down")
FORKS = (r"^forked 200 times", r"^FROM A PIPE")
SUMS = (rf"^{DATA_MD5}  /data", rf"^unpacked: {DATA_MD5}  -")
CLOCKS = (r"^slept as told", r"^20\d\d$")

# clang-format has no say here, but the rows keep their columns:
# name                        kernel   arguments              script       files      expected
ROWS = (
    ("cloud kernel: shell",   "cloud", ("-m", "512M"),        SHELL_TOUR,  (),        TOUR),
    ("cloud kernel: forks",   "cloud", ("-m", "256"),         FORK_LOOP,   (),        FORKS),
    ("cloud kernel: gzip",    "cloud", ("-m", "512M"),        GZIP_MD5,    DATA_FILE, SUMS),
    ("cloud kernel: timers",  "cloud", ("-m", "512M"),        TIMERS,      (),        CLOCKS),
    ("cloud kernel: 5 GiB",   "cloud", ("-m", "5G"),          SHELL_TOUR,  (),        TOUR),
    ("full kernel: shell",    "amd64", ("-m", "512M"),        SHELL_TOUR,  (),        TOUR),
    ("full kernel: forks",    "amd64", ("-m", "512M"),        FORK_LOOP,   (),        FORKS),
    ("full kernel: gzip",     "amd64", ("-m", "512M"),        GZIP_MD5,    DATA_FILE, SUMS),
)

# Seconds: an interpreter on a busy two-core CI machine.
TIMEOUT = 300


def test_of(row):
    name, kernel, args, script, files, expected = row

    def test():
        scratch = Scratch()
        run_row(["-nographic", "-no-reboot", "-kernel", guest_file(kernel),
                 "-initrd", scratch.initrd(script + POWEROFF, INIT_HEAD, files),
                 "-append", APPEND, *args],
                expected, KERNEL_TROUBLE, 0, TIMEOUT)

    return name, test


if __name__ == "__main__":
    sys.exit(tap([test_of(row) for row in ROWS]))
