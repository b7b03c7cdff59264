#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices come and go while Linux runs: device_add and device_del over ACPI (pc), PCI Express (q35) and SCSI;
the guest writes to a disk that came, lets it go, and takes the next one in its place."""
import re
import sys

from boot import KERNEL_TROUBLE, Failed, Run, Scratch, guest_file, main
from machine import Machine
from virtio import BLK, NVME, SCSI, initrd

TIMEOUT = 300
PROMPT = r"\(qemu\) "
SIZE = 8 << 20
PC = ["-no-reboot"]
Q35 = ["-no-reboot", "-M", "q35", "-device", "pcie-root-port,id=p,chassis=1,slot=3"]

# Twice: waits for the disk, writes its number at 1 MiB and reads it back, waits until it is gone.
SCRIPT = """
wait_for() { i=0; while ! eval "$1"; do sleep 0.1; i=$((i + 1)); [ $i -gt 600 ] && return; done; }
echo GUEST-READY
for turn in 1 2; do
    wait_for '[ -b /dev/NODE ]'
    echo "SIZE-$turn $(cat /sys/block/NODE/size)"
    echo "written in turn $turn" | dd of=/dev/NODE bs=512 seek=2048 conv=sync,fsync 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    dd if=/dev/NODE bs=512 skip=2048 count=1 2>/dev/null | tr -d '\\0' | sed 's/^/READ: /'
    echo USED-$turn
    wait_for '[ ! -e /sys/block/NODE ]'
    echo GONE-$turn
done
read line
"""


def in_guest(node, drivers, args, add, device="d"):
    """Adds the disk, lets the guest use it, deletes it, and again under the same names."""
    def test():
        scratch = Scratch()
        script = SCRIPT.replace("NODE", node)
        run_args = ["-nographic", "-m", "512", "-kernel", guest_file("virtio"), "-initrd",
                    initrd(scratch, drivers, script, False), "-append", "console=ttyS0 panic=-1", *args]
        with Machine(scratch, run_args) as run:
            run.expect(r"^GUEST-READY", TIMEOUT)
            for turn in (1, 2):
                at = len(run.output)
                image = scratch.path(f"disk{turn}.img", bytes(SIZE))
                run.ok(f"drive_add 0 if=none,id=drv,format=raw,file={image}", add)
                run.expect(f"^SIZE-{turn} {SIZE // 512}$", TIMEOUT, at)
                run.expect(f"^READ: written in turn {turn}", TIMEOUT, at)
                run.expect(f"^USED-{turn}", TIMEOUT, at)
                run.ok(f"device_del {device}")
                run.expect(f"^GONE-{turn}", TIMEOUT, at)
                run.wait_until_free(device)
                if "drv" in run.command("info block"):
                    run.fail("the drive is still there")
                with open(image, "rb") as file:
                    file.seek(1 << 20)
                    if not file.read(512).startswith(b"written in turn %d\n" % turn):
                        run.fail("the guest's data is not on the image")
            run.type("\r")
            if run.finish(TIMEOUT) != 0:
                run.fail("the guest did not power off")
            trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", run.output, re.M)
            if trouble:
                run.fail(f"printed '{trouble.group(0)}', which must not appear")
    return test


def messages(machine, rows):
    """Commands on a machine that has not started, and what they say ("" is nothing)."""
    def test():
        scratch = Scratch()
        image = scratch.path("disk.img", bytes(SIZE))
        with Run([*machine, "-display", "none", "-S", "-monitor", "stdio", "-serial", "null"]) as run:
            run.expect(PROMPT, 60)
            for text, expected in rows:
                at = len(run.output)
                run.type(text.replace("IMAGE", image) + "\r")
                end = run.expect(r"\n" + PROMPT + "$", 60, at)
                answer = run.output[at:end]
                answer = answer[answer.find("\n") + 1:answer.rfind("\n") + 1].strip()
                if not re.fullmatch(expected, answer, re.S):
                    raise Failed(f"'{text}' said '{answer}', expected '{expected}'")
            run.type("quit\r")
            run.finish(60)
    return test


PC_ROWS = (
    ("device_add id=x", r".*Parameter 'driver' is missing"),
    ("device_add foo", r".*'foo' is not a valid device model name.*"),
    ("device_add piix3,id=x", r".*'piix3' is .*"),
    ("device_add virtio-rng-pci,id=a,bus=nope", r".*Bus 'nope' not found"),
    ("device_add virtio-rng-pci,id=a,bus=isa.0", r".*'virtio-rng-pci' can't go on ISA bus"),
    ("device_add isa-debug-exit,id=x", r".*Bus 'isa.0' does not support hotplugging"),
    ("device_add virtio-rng-pci,id=a,nosuch=1", r".*Property 'virtio-rng-pci.nosuch' not found.*"),
    ("device_add virtio-rng-pci,id=a", ""),
    ("device_add virtio-rng-pci,id=a", r".*Duplicate device ID 'a'"),
    ("device_del zz", r".*Device 'zz' not found"),
    ("device_del a", ""),
    ("device_del v", r".*Device 'VGA' does not support hotplugging"),
    ("drive_add 0 if=none,id=d1,file=IMAGE,format=raw", "OK"),
    ("drive_add 0 if=none,id=d1,file=IMAGE,format=raw", r".*Duplicate ID 'd1' for drive"),
    ("drive_add 0 if=none,id=d2,file=/nope", r".*'/nope'.*: No such file or directory"),
    ("drive_add 0 if=virtio,file=IMAGE,format=raw", r".*Can't hot-add drive to type .*"),
    ("drive_add 0", r"drive_add: string expected.*"),
    ("device_add virtio-blk-pci,id=b2,drive=nope", r".*can't find value 'nope'.*"),
    ("device_add virtio-blk-pci,id=b,drive=d1", ""),
    ("device_add virtio-blk-pci,id=c,drive=d1", r".*[Dd]rive 'd1' is already in use.*"),
    ("drive_del d1", ""),
    ("drive_del d1", r".*Device 'd1' not found"),
    ("drive_add 0 if=none,id=d1,file=IMAGE,format=raw", "OK"),
    ("device_add virtio-scsi-pci,id=s", ""),
    ("device_add scsi-hd,id=h,bus=s.0,drive=d1", ""),
    ("device_del h", ""),
    ("drive_del d1", r".*Device 'd1' not found"),    # it went with the disk
    ("device_add scsi-hd,id=h", r".*drive.*"),
)
Q35_ROWS = (
    ("device_add virtio-rng-pci,id=a", r".*Bus 'pcie.0' does not support hotplugging"),
    ("device_add virtio-rng-pci,id=a,bus=p", ""),
    ("device_add virtio-rng-pci,id=b,bus=p", r".*"),
    ("device_del a", ""),
    ("device_del a", r".*Device a is already in the process of unplug"),
    ("device_del p", r".*Bus 'pcie.0' does not support hotplugging"),
)

TESTS = (
    ("messages on pc", messages(["-M", "pc", "-vga", "none", "-device", "VGA,id=v"], PC_ROWS)),
    ("messages on q35", messages(["-M", "q35", "-device", "pcie-root-port,id=p"], Q35_ROWS)),
    ("a virtio disk on pc", in_guest("vda", BLK, PC, "device_add virtio-blk-pci,id=d,drive=drv")),
    ("a virtio disk in a slot of q35, two CPUs",
     in_guest("vda", BLK, [*Q35, "-smp", "2"], "device_add virtio-blk-pci,id=d,drive=drv,bus=p")),
    ("a virtio disk on an iothread in a slot of q35, two CPUs",
     in_guest("vda", BLK, [*Q35, "-smp", "2", "-object", "iothread,id=t"],
              "device_add virtio-blk-pci,id=d,drive=drv,bus=p,iothread=t")),
    ("an NVMe disk on pc, two CPUs",
     in_guest("nvme0n1", NVME, [*PC, "-smp", "2"], "device_add nvme,id=d,drive=drv,serial=abc")),
    ("an NVMe disk in a slot of q35",
     in_guest("nvme0n1", NVME, Q35, "device_add nvme,id=d,drive=drv,serial=abc,bus=p")),
    ("a SCSI disk",
     in_guest("sda", SCSI, [*PC, "-smp", "2", "-device", "virtio-scsi-pci,id=s"],
              "device_add scsi-hd,id=d,drive=drv,bus=s.0,scsi-id=4,lun=2")),
    ("a SCSI disk on an iothread",
     in_guest("sda", SCSI, [*PC, "-smp", "2", "-object", "iothread,id=t", "-device",
                            "virtio-scsi-pci,id=s,iothread=t"],
              "device_add scsi-hd,id=d,drive=drv,bus=s.0,scsi-id=4,lun=2")),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "a virtio disk on an iothread in a slot of q35, two CPUs",
    "a SCSI disk on an iothread",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
