#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux uses virtio devices: modern, transitional and legacy PCI functions, split and packed rings, MSI-X
and INTx. A microvm names its devices on the kernel's command line, where Debian's kernels do not look."""
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Scratch, guest_data, guest_file, run_row, tap

TIMEOUT = 400
INTERP = ["-accel", "tcg,engine=interp"]
PC = ["-no-reboot"]
# The microvm ends with a triple fault.
MICROVM = ["-M", "microvm", "-no-reboot"]

# In the order of their dependencies; one that is built into the kernel is not there.
CORE = ("virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
        "virtio_mmio")

HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
"""
END = """
insmod /button.ko 2>/dev/null
%s -f
"""

RNG = """
cat /sys/class/misc/hw_random/rng_current
dd if=/dev/hwrng of=/tmp/a bs=4096 count=16 2>/dev/null
dd if=/dev/hwrng of=/tmp/b bs=4096 count=16 2>/dev/null
[ -s /tmp/a ] && ! cmp -s /tmp/a /tmp/b && echo ENTROPY
grep virtio /proc/interrupts
for d in /sys/bus/virtio/devices/*; do echo "features: $(cat $d/features)"; done
"""


def initrd(scratch, drivers, script, microvm):
    files = []
    for name in CORE + drivers + ("button",):
        try:
            files.append((f"{name}.ko", guest_data("virtio", f"{name}.ko")))
        except FileNotFoundError:
            pass
    end = END % ("reboot" if microvm else "poweroff")
    return scratch.initrd(script + end, HEAD % " ".join(CORE + drivers), files)


def boot(scratch, drivers, script, args, expected, append=""):
    """Runs a script in the guest; its output."""
    microvm = "microvm" in args
    append = f"console=ttyS0 panic=-1 {'reboot=t ' if microvm else ''}{append}"
    return run_row(["-nographic", "-m", "512", "-kernel", guest_file("virtio"), "-initrd",
                    initrd(scratch, drivers, script, microvm), "-append", append.strip(), *args],
                   expected, KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)


def rng(args, *expected, append=""):
    def test():
        boot(Scratch(), ("virtio-rng",), RNG, args, (r"^virtio_rng\.0", r"^ENTROPY", *expected), append)
    return test


MSIX = r"PCI-MSI.*virtio0-input"
INTX = r"IO-APIC.*virtio0"
VERSION_1 = r"^features: [01]{32}1"             # bit 32, of a modern driver
LEGACY = r"^features: [01]{32}0"
PACKED = r"^features: [01]{32}1[01]1"

TESTS = (
    ("entropy over virtio-pci with MSI-X",
     rng([*PC, "-device", "virtio-rng-pci"], MSIX, VERSION_1)),
    ("the same in the interpreter", rng([*PC, *INTERP, "-device", "virtio-rng-pci"], MSIX)),
    ("entropy with packed rings",
     rng([*PC, "-device", "virtio-rng-pci,packed=on"], MSIX, PACKED)),
    ("entropy without event index and indirect descriptors, two CPUs",
     rng([*PC, "-smp", "2", "-device", "virtio-rng-pci,event_idx=off,indirect_desc=off"], VERSION_1)),
    ("entropy over the legacy interface and INTx",
     rng([*PC, "-device", "virtio-rng-pci,disable-modern=on,vectors=0"], INTX, LEGACY)),
    ("entropy over a modern function behind a PCI Express port",
     rng([*PC, "-M", "q35", "-device", "pcie-root-port,id=p,chassis=1", "-device",
          "virtio-rng-pci,bus=p"], MSIX, VERSION_1)),
    ("a microvm names its devices",
     lambda: boot(Scratch(), (), "cat /proc/cmdline", [*MICROVM, "-device", "virtio-rng-device"],
                  (r"panic=-1 reboot=t virtio_mmio\.device=512@0xfeb00000:5$",))),
)

if __name__ == "__main__":
    chosen = [t for t in TESTS if not sys.argv[1:] or any(a in t[0] for a in sys.argv[1:])]
    sys.exit(tap(chosen))
