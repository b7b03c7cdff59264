#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small parts of a PC as Linux finds them: vmgenid and loads, pvpanic, fw_cfg, SMBus and its EEPROMs."""
import re
import sys

from boot import KERNEL_TROUBLE, Run, Scratch, guest_data, guest_file, run_row, tap
from disks import run as run_tool, tool
from hotplug import Monitor
from uefi import firmware

TIMEOUT = 300
GUID = "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"
APPEND = "console=ttyS0 panic=-1"
RESEEDED = "crng reseeded due to virtual machine fork"


def modules(*names):
    return [(f"{name}.ko", guest_data("parts", f"{name}.ko")) for name in names]


def load(*names):
    return "".join(f"insmod /{name}.ko || echo INSMOD-FAILED {name}\n" for name in names)


def base(scratch, script, names=(), *args):
    return ["-nographic", "-no-reboot", "-m", "256", "-kernel", guest_file("parts"), "-initrd",
            scratch.initrd(script, files=modules(*names)), "-append", APPEND, *args]


WAITS = """
echo GUEST-READY
while read line; do echo "LINE $line"; done
"""


def vmgenid_tells_linux_of_a_load(machine, by_firmware=False):
    """The kernel mixes the number into its random numbers when the guest was loaded."""
    def test():
        scratch = Scratch()
        image = scratch.path("disk.qcow2")
        run_tool([tool("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", image, "16M"])
        args = base(scratch, WAITS, (), "-M", machine, "-hda", image, "-device", "vmgenid,guid=")
        args[-1] += GUID
        if by_firmware:
            args += ["-bios", scratch.path("ovmf", firmware("OVMF.fd"))]
        with Run(args, terminal=True) as guest:
            monitor = Monitor(guest)
            guest.expect("^GUEST-READY", TIMEOUT)
            if GUID not in monitor.command("info vm-generation-id"):
                guest.fail("info vm-generation-id does not tell")
            monitor.ok("savevm s")
            if re.search(RESEEDED, guest.output):
                guest.fail("it was told before")
            at = len(guest.output)
            monitor.ok("loadvm s")
            guest.type("still there\r")
            guest.expect("^LINE still there", TIMEOUT, at)
        # Another process, with another number. The same one would be no news to Linux.
        args[args.index("-device") + 1] = "vmgenid"
        with Run([*args, "-loadvm", "s"], terminal=True) as guest:
            guest.expect(RESEEDED, TIMEOUT)
            if re.search(KERNEL_TROUBLE, guest.output):
                guest.fail("kernel trouble")
    return test


PANIC = """
echo LOADED
echo 1 >/proc/sys/kernel/sysrq
echo c >/proc/sysrq-trigger
"""


def pvpanic_is_told(device, driver):
    def test():
        scratch = Scratch()
        args = base(scratch, load("pvpanic", driver) + PANIC, ("pvpanic", driver), "-device", device, "-action",
                    "panic=exit-failure")
        args[args.index(APPEND)] = "console=ttyS0 panic=0"     # it would wait for ever
        with Run(args) as guest:
            guest.expect("^LOADED", TIMEOUT)
            guest.expect("sysrq triggered crash", TIMEOUT)
            if guest.finish(TIMEOUT) != 1:
                guest.fail("did not end with status 1")
            if "INSMOD-FAILED" in guest.output:
                guest.fail("a module was not loaded")
    return test


def fw_cfg_is_found():
    scratch = Scratch()
    script = load("qemu_fw_cfg") + "cat /sys/firmware/qemu_fw_cfg/by_name/opt/x/raw\necho\n" \
        "ls -1 /sys/firmware/qemu_fw_cfg/by_name/etc\npoweroff -f\n"
    run_row(base(scratch, script, ("qemu_fw_cfg",), "-fw_cfg", "name=opt/x,string=as given", "-device", "vmcoreinfo"),
            (r"^as given", "^vmcoreinfo"), KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)


TESTS = [
    ("vmgenid: Linux is told of a load, pc", vmgenid_tells_linux_of_a_load("pc")),
    ("vmgenid: Linux is told of a load, q35", vmgenid_tells_linux_of_a_load("q35")),
    ("vmgenid: Linux is told of a load, OVMF", vmgenid_tells_linux_of_a_load("pc", True)),
    ("pvpanic: a panic ends it", pvpanic_is_told("pvpanic", "pvpanic-mmio")),
    ("pvpanic-pci: a panic ends it", pvpanic_is_told("pvpanic-pci", "pvpanic-pci")),
    ("fw_cfg: Linux's driver finds its files", fw_cfg_is_found),
]


if __name__ == "__main__":
    sys.exit(tap(TESTS))
