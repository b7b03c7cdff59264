#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux is saved into its disk with savevm while it writes, goes back with loadvm, and begins there in another
process with -loadvm: memory and disk fit each other, and Debian's qemu-img knows the snapshots.

Without arguments a short list, for 'make check'; with --all every disk interface."""
import re
import sys

from boot import KERNEL_TROUBLE, Run, Scratch, guest_file, main
from disks import run, tool
from machine import Machine
from virtio import BLK, NVME, SCSI, initrd

TIMEOUT = 300
SIZE = "64M"

# Each turn writes its number all over a piece of the disk that is its own, then compares all pieces so far with
# what memory says they are, and finds the next one as empty as it must be.
SCRIPT = """
i=0
while [ ! -b /dev/NODE ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
turn=0
echo GUEST-READY
while [ $turn -lt 200 ]; do
    turn=$((turn + 1))
    yes "turn $turn" | head -c 131072 | tee /tmp/piece$turn | dd of=/dev/NODE bs=128k seek=$turn conv=fsync 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    k=0
    while [ $k -lt $turn ]; do
        k=$((k + 1))
        dd if=/dev/NODE bs=128k skip=$k count=1 2>/dev/null | cmp - /tmp/piece$k || echo DIFFERENT-$k
    done
    dd if=/dev/NODE bs=128k skip=$((turn + 1)) count=1 2>/dev/null | tr -d '\\0' | head -c 8 | sed 's/.*/NOT-EMPTY &/'
    echo TURN-$turn $(date +%s)
    sleep 0.05
done
"""
FORBIDDEN = KERNEL_TROUBLE + "|INSMOD-FAILED|DIFFERENT|NOT-EMPTY"


def turns(guest, start):
    return [int(n) for n in re.findall(r"^TURN-(\d+) ", guest.output[start:], re.M)]


def watch(guest, start, count, near=None):
    """Waits for some more turns, one after another; near: which the first one is, about. The last one."""
    while len(turns(guest, start)) < count:
        guest.expect(r"^TURN-.*\n", TIMEOUT, len(guest.output))
    trouble = re.search(FORBIDDEN, guest.output, re.M)
    got = turns(guest, start)
    if trouble:
        guest.fail(f"printed '{trouble.group(0)}'")
    if any(b != a + 1 for a, b in zip(got, got[1:])) or (near and abs(got[0] - near) > 2):
        guest.fail(f"turns {got}, from about {near} on")
    return got[-1]


def life(node, drivers, args):
    def test():
        scratch = Scratch()
        image = scratch.path("disk.qcow2")
        qemu_img = tool("qemu-img", "qemu-utils")
        run([qemu_img, "create", "-q", "-f", "qcow2", image, SIZE])
        args_ = ["-nographic", "-m", "256", "-no-reboot", "-kernel", guest_file("virtio"), "-initrd",
                 initrd(scratch, drivers, SCRIPT.replace("NODE", node), False), "-append",
                 "console=ttyS0 panic=-1 quiet", *(a.replace("IMAGE", image) for a in args)]
        with Machine(scratch, args_) as guest:
            guest.expect("^GUEST-READY", TIMEOUT)
            first = watch(guest, 0, 3)
            answer = guest.command("savevm first")
            watch(guest, 0, first + 4)
            for _ in range(3):
                answer += guest.command("loadvm first")
                second = watch(guest, len(guest.output), 3, first + 1)
            answer += guest.command("savevm second")
            answer += guest.command("savevm third") + guest.command("delvm third")
            if re.search(r"(?i)error|section|does not|reset", answer):
                guest.fail(f"the monitor said {answer}")
            seen = guest.command("info snapshots")
            if re.findall(r"^-- +(\w+) ", seen, re.M) != ["first", "second"]:
                guest.fail(f"info snapshots: {seen}")
            guest.quit()
        listed = run([qemu_img, "snapshot", "-l", image])
        if re.findall(r"^\d+ +(\w+) ", listed, re.M) != ["first", "second"]:
            guest.fail(f"qemu-img lists {listed}")
        run([qemu_img, "check", "-q", image])
        for name, turn in (("first", first), ("second", second)):
            with Run([*args_, "-loadvm", name]) as guest:
                watch(guest, 0, 4, turn + 1)
                guest.type("\x01x")
                guest.finish(TIMEOUT)
        with Run([*args_, "-loadvm", "nosuch"]) as guest:
            guest.expect("Snapshot 'nosuch' does not exist in one or more devices", TIMEOUT)
            if guest.finish(TIMEOUT) != 1:
                guest.fail("exit status is not 1")
    return test


def drive(device, *args):
    return [*args, "-drive", "file=IMAGE,if=none,id=d,format=qcow2", "-device", f"{device},drive=d"]


INTERP = ["-accel", "tcg,engine=interp"]
SHORT = [
    ("a virtio disk, 2 CPUs", life("vda", BLK, drive("virtio-blk-pci", "-smp", "2"))),
    ("an NVMe disk of a q35", life("nvme0n1", NVME, drive("nvme,serial=1", "-M", "q35"))),
]
TESTS = SHORT + [
    ("a virtio disk, interpreter", life("vda", BLK, drive("virtio-blk-pci", *INTERP))),
    ("a virtio disk on an iothread, packed ring", life("vda", BLK, drive(
        "virtio-blk-pci,packed=on,iothread=t", "-object", "iothread,id=t", "-smp", "2"))),
    ("a SCSI disk", life("sda", SCSI, drive("scsi-hd", "-device", "virtio-scsi-pci"))),
    ("an NVMe disk, 4 CPUs", life("nvme0n1", NVME, drive("nvme,serial=1", "-smp", "4"))),
]

if __name__ == "__main__":
    sys.exit(main(TESTS, [name for name, _ in TESTS[len(SHORT):]]))
