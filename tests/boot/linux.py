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
TOUR32 = (r"^INIT-STARTED", r"^Linux .* 6\.1\..* i686", r"^b6d81b360a5672d80c27430f39153e2c  -",
          r"^TOUR-DONE", r"reboot: Power down")
CLOCKS = (r"^slept as told", r"^20\d\d$")

# Configuration space as memory, two kinds of bridge with a device behind each, and the power button.
PCI_TOUR = """
grep MMCONFIG /proc/iomem
cat /sys/bus/pci/devices/*/uevent | grep PCI_ID
cd /sys/bus/pci/devices
for d in */; do echo "at $d $(cat $d/vendor) $(cat $d/device)"; done
grep -E 'acpi|pciehp' /proc/interrupts
for d in */; do test $(wc -c < $d/config) = 4096 && echo "$d $(od -An -tx4 -j256 -N4 $d/config)"; done
"""
Q35 = ("-machine", "q35", "-device", "pcie-root-port,id=port,slot=3", "-device", "edu,bus=port",
       "-device", "pcie-pci-bridge,id=pci", "-device", "pci-testdev,bus=pci")
PCI = (r"PCI MMCONFIG 0000", r"PCI_ID=8086:29C0", r"PCI_ID=8086:2918",
       r"^at 0000:01:00.0/ 0x1234 0x11e8", r"^at 0000:02:00.0/ 0x1b36 0x0005",
       r"9-fasteoi +acpi", r"^0000:00:0[0-9].0/ +00020001", r"PCI-MSI .*pciehp", r"reboot: Power down")

# Without ACPI it ends by a triple fault: there is nothing that could switch it off.
MICRO_TOUR = """
cat /proc/interrupts
ls /sys/bus/pci/devices | wc -l | sed 's/^/PCI functions: /'
reboot -f
"""
MICROVM = ("-m", "256M", "-machine", "microvm,acpi=off", "-append", APPEND + " reboot=t")
MICRO_ACPI_TOUR = MICRO_TOUR.replace("reboot -f", "insmod /button.ko 2>/dev/null; poweroff -f")
# Debian's cloud kernel does not read MP tables.
MICRO = (r"XT-PIC +ttyS0", r"^PCI functions: 0", r"reboot: machine restart")
MICRO_ACPI = (r"IO-APIC +4-edge +ttyS0", r"9-fasteoi +acpi", r"^PCI functions: 0", r"reboot: Power down")
MICRO_MP = (r"found SMP MP-table", r"IO-APIC +4-edge +ttyS0", r"reboot: machine restart")

# clang-format has no say here, but the rows keep their columns:
# name                        kernel   arguments              script       files      expected
ROWS = (
    ("cloud kernel: shell",   "cloud", ("-m", "512M"),        SHELL_TOUR,  (),        TOUR),
    ("cloud kernel: forks",   "cloud", ("-m", "256"),         FORK_LOOP,   (),        FORKS),
    ("cloud kernel: gzip",    "cloud", ("-m", "512M"),        GZIP_MD5,    DATA_FILE, SUMS),
    ("cloud kernel: timers",  "cloud", ("-m", "512M"),        TIMERS,      (),        CLOCKS),
    ("cloud kernel: 96 MiB",  "cloud", ("-m", "96"),          SHELL_TOUR,  (),        TOUR),
    ("cloud kernel: 5 GiB",   "cloud", ("-m", "5G"),          SHELL_TOUR,  (),        TOUR),
    ("cloud kernel: q35",     "cloud", ("-m", "512M", *Q35), PCI_TOUR,   (),        PCI),
    ("cloud kernel: q35 4G",  "cloud", ("-m", "4G", *Q35),    SHELL_TOUR,  (),        TOUR),
    ("cloud kernel: microvm", "cloud", ("-m", "256M", "-M", "microvm"), MICRO_ACPI_TOUR, (), MICRO_ACPI),
    ("cloud kernel: microvm without ACPI", "cloud", MICROVM,  MICRO_TOUR,  (),        MICRO),
    ("full kernel: microvm",  "amd64", MICROVM,               MICRO_TOUR,  (),        MICRO_MP),
    ("full kernel: q35",      "amd64", ("-m", "512M", *Q35),  PCI_TOUR,    (),        PCI),
    ("full kernel: shell",    "amd64", ("-m", "512M"),        SHELL_TOUR,  (),        TOUR),
    ("full kernel: forks",    "amd64", ("-m", "512M"),        FORK_LOOP,   (),        FORKS),
    ("full kernel: gzip",     "amd64", ("-m", "512M"),        GZIP_MD5,    DATA_FILE, SUMS),
    ("686 kernel: shell",     "i386",  ("-m", "512M"),        SHELL_TOUR,  (),        TOUR32),
)
# Processes of a kernel that runs no 64-bit ones; busybox for the others.
BUSYBOX = {"i386": "busybox32"}

# Seconds: an interpreter on a busy two-core CI machine.
TIMEOUT = 300


def test_of(row):
    name, kernel, args, script, files, expected = row

    def test():
        scratch = Scratch()
        run_row(["-nographic", "-no-reboot", "-kernel", guest_file(kernel),
                 "-initrd", scratch.initrd(script + POWEROFF, INIT_HEAD, files,
                                          BUSYBOX.get(kernel, "busybox")),
                 "-append", APPEND, *args],
                expected, KERNEL_TROUBLE, 0, TIMEOUT)

    return name, test


if __name__ == "__main__":
    sys.exit(tap([test_of(row) for row in ROWS]))
