#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux uses virtio devices and NVMe: modern, transitional and legacy PCI functions, split and packed rings,
MSI-X and INTx. A microvm's tables name its devices; without ACPI the kernel's command line does, where Debian's
kernels do not look."""
import hashlib
import os
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Failed, Scratch, guest_data, guest_file, main, run_row
from disks import ext4, run, tool

TIMEOUT = 400
INTERP = ["-accel", "tcg,engine=interp"]
PC = ["-no-reboot"]
MICROVM = ["-M", "microvm", "-no-reboot"]
# This one ends with a triple fault.
MICROVM_BARE = ["-M", "microvm,acpi=off", "-no-reboot"]

# In the order of their dependencies; one that is built into the kernel is not there.
CORE = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
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


# NODE: the disk. Raw pieces all over it, then a file system.
DISK = """
i=0
while [ ! -b /dev/NODE ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
mkdir /mnt
mount -t ext4 /dev/NODE /mnt && echo MOUNTED
cat /mnt/hello
dd if=/dev/urandom of=/tmp/noise bs=1M count=4 2>/dev/null
cp /tmp/noise /mnt/noise
md5sum </tmp/noise >/mnt/sum
echo 'written by the guest' >/mnt/answer
umount /mnt && echo UNMOUNTED
mount -t ext4 -o ro /dev/NODE /mnt
[ "$(md5sum </mnt/noise)" = "$(cat /mnt/sum)" ] && echo SAME
umount /mnt
for size in 512 4096 65536 1048576; do
    dd if=/dev/NODE of=/tmp/a bs=$size count=8 skip=3 2>/dev/null
    dd if=/dev/NODE of=/tmp/b bs=$size count=8 skip=3 iflag=direct 2>/dev/null
    cmp /tmp/a /tmp/b && echo DIRECT-$size
done
for q in /sys/block/NODE/queue; do
    echo "queue: $(cat $q/logical_block_size) $(cat $q/physical_block_size) $(cat $q/discard_granularity)"
    echo "cache: $(cat $q/write_cache)"
done
echo "serial: $(cat /sys/block/NODE/serial 2>/dev/null)"
ls /sys/block/NODE/mq | sed 's/^/mq: /'
grep -e virtio -e nvme /proc/interrupts
"""
FS = ("crc16", "crc32c_generic", "mbcache", "jbd2", "ext4")


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
    microvm = "microvm,acpi=off" in args
    append = f"console=ttyS0 panic=-1 {'reboot=t ' if microvm else ''}{append}"
    return run_row(["-nographic", "-m", "512", "-kernel", guest_file("virtio"), "-initrd",
                    initrd(scratch, drivers, script, microvm), "-append", append.strip(), *args],
                   expected, KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)


def rng(args, *expected, append=""):
    def test():
        boot(Scratch(), ("virtio-rng",), RNG, args, (r"^virtio_rng\.0", r"^ENTROPY", *expected), append)
    return test


def disk(node, drivers, args, *expected, extra="", append=""):
    """ext4 on a disk: what is there is read, what is written is read back, here too."""
    def test():
        scratch = Scratch()
        image = ext4(scratch)
        boot(scratch, FS + drivers, (DISK + extra).replace("NODE", node),
             [a.replace("IMAGE", image) for a in args],
             (r"^MOUNTED", r"^hello from the disk", r"^UNMOUNTED", r"^SAME", r"^DIRECT-512\n",
              r"^DIRECT-4096", r"^DIRECT-65536", r"^DIRECT-1048576", *expected), append)
        run([tool("e2fsck", "e2fsprogs"), "-fn", image])
        debugfs = tool("debugfs", "e2fsprogs")
        answer = run([debugfs, "-R", "cat /answer", image])
        if "written by the guest" not in answer:
            raise Failed(f"the guest's file is not on the image: {answer}")
        run([debugfs, "-R", f"dump /noise {scratch.path('noise')}", image])
        there = run(["md5sum", scratch.path("noise")]).split()[0]
        if there not in run([debugfs, "-R", "cat /sum", image]):
            raise Failed("the guest's data is not on the image")
    return test


# Without a file system, for the interpreter.
RAW = """
i=0
while [ ! -b /dev/NODE ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
dd if=/dev/urandom of=/tmp/noise bs=64k count=4 2>/dev/null
dd if=/tmp/noise of=/dev/NODE bs=64k seek=100 oflag=direct 2>/dev/null
dd if=/dev/NODE bs=4k skip=1600 count=64 iflag=direct 2>/dev/null | cmp - /tmp/noise && echo SAME
md5sum </tmp/noise | sed 's/^/noise: /'
"""


def raw(node, drivers, args):
    def test():
        scratch = Scratch()
        image = scratch.path("disk.img", bytes(8 << 20))
        output = boot(scratch, drivers, RAW.replace("NODE", node),
                      [a.replace("IMAGE", image) for a in args], (r"^SAME", r"^noise: \w{32}"))
        with open(image, "rb") as file:
            noise = file.read()[100 << 16:104 << 16]
        if hashlib.md5(noise).hexdigest() not in output:
            raise Failed("the guest's data is not on the image")
    return test


IOTHREAD = ["-object", "iothread,id=t"]
DRIVE = ["-drive", "file=IMAGE,format=raw,if=none,id=d"]
BLK = ("virtio_blk",)
TRIM = """
mount -t ext4 -o discard /dev/NODE /mnt && rm /mnt/noise && sync && umount /mnt && echo TRIMMED
mount -t ext4 /dev/NODE /mnt; cp /tmp/noise /mnt/noise; umount /mnt
"""


SCSI = ("scsi_common", "scsi_mod", "crct10dif_common", "crct10dif_generic", "crc64",
        "crc64_rocksoft_generic", "crc64-rocksoft", "crc-t10dif", "t10-pi", "sd_mod", "cdrom", "sr_mod",
        "isofs", "virtio_scsi")
NVME = ("crct10dif_common", "crct10dif_generic", "crc64", "crc64_rocksoft_generic", "crc64-rocksoft",
        "crc-t10dif", "t10-pi", "nvme-core", "nvme")
NVME_NAMES = """
echo "model: $(cat /sys/class/nvme/nvme0/model)"
"""
CD = """
i=0
while [ ! -b /dev/sr0 ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
mkdir /mnt
mount -t iso9660 -o ro /dev/sr0 /mnt && echo MOUNTED
cat /mnt/hello
md5sum </dev/sr0 | sed 's/^/whole: /'
umount /mnt
"""


def scsi_cd():
    scratch = Scratch()
    folder, image = scratch.path("c"), scratch.path("cd.iso")
    os.mkdir(folder)
    with open(os.path.join(folder, "hello"), "w", encoding="ascii") as file:
        file.write("hello from the CD\n")
    run([tool("xorriso", "xorriso"), "-as", "mkisofs", "-quiet", "-R", "-o", image, folder])
    whole = run(["md5sum", image]).split()[0]
    boot(scratch, SCSI, CD, [*PC, "-drive", f"file={image},format=raw,if=scsi,media=cdrom"],
         (r"^MOUNTED", r"^hello from the CD", f"^whole: {whole}"))


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
    ("a virtio disk: if=virtio", disk("vda", BLK, [*PC, "-drive", "file=IMAGE,format=raw,if=virtio"],
                                      r"^queue: 512 512 512$", r"^cache: write back", r"virtio0-req\.0",
                                      r"^TRIMMED", extra=TRIM)),
    ("a virtio disk in the interpreter",
     raw("vda", BLK, [*PC, *INTERP, "-drive", "file=IMAGE,format=raw,if=virtio"])),
    ("a virtio disk with two queues of packed rings on q35",
     disk("vda", BLK, [*PC, "-M", "q35", "-smp", "2", *DRIVE, "-device",
                       "virtio-blk-pci,drive=d,packed=on,serial=abc"],
          r"virtio0-req\.1", r"^mq: 1", r"^serial: abc$")),
    ("a virtio disk of large blocks without a write cache",
     disk("vda", BLK, [*PC, *DRIVE, "-device", "virtio-blk-pci-non-transitional,drive=d,write-cache=off,"
                       "logical_block_size=512,physical_block_size=4096,discard_granularity=64k"],
          r"^queue: 512 4096 65536$", r"^cache: write through")),
    ("a virtio disk over the legacy interface and INTx",
     disk("vda", BLK, [*PC, *DRIVE, "-device", "virtio-blk-pci,drive=d,disable-modern=on,vectors=0"],
          INTX)),
    ("a virtio disk on an iothread, two CPUs",
     disk("vda", BLK, [*PC, "-smp", "2", *IOTHREAD, *DRIVE, "-device", "virtio-blk-pci,drive=d,iothread=t"],
          r"virtio0-req\.1", r"^TRIMMED", extra=TRIM)),
    ("a virtio disk on an iothread, legacy interface and INTx",
     disk("vda", BLK, [*PC, *IOTHREAD, *DRIVE, "-device",
                       "virtio-blk-pci,drive=d,disable-modern=on,vectors=0,iothread=t"], INTX)),
    ("a virtio SCSI disk: if=scsi",
     disk("sda", SCSI, [*PC, "-drive", "file=IMAGE,format=raw,if=scsi"],
          r"^queue: 512 512 512$", r"^cache: write back", r"virtio0-request", r"^TRIMMED", extra=TRIM)),
    ("a SCSI disk in the interpreter",
     raw("sda", SCSI, [*PC, *INTERP, "-drive", "file=IMAGE,format=raw,if=scsi"])),
    ("a SCSI disk of large blocks on q35, two CPUs",
     disk("sda", SCSI, [*PC, "-M", "q35", "-smp", "2", *DRIVE, "-device", "virtio-scsi-pci,packed=on",
                        "-device", "scsi-hd,drive=d,scsi-id=5,lun=3,physical_block_size=4096,serial=abc,"
                        "discard_granularity=64k,write-cache=off"],
          r"^queue: 512 4096 65536$", r"^cache: write through")),
    ("a SCSI disk on an iothread, two CPUs",
     disk("sda", SCSI, [*PC, "-smp", "2", *IOTHREAD, *DRIVE, "-device", "virtio-scsi-pci,iothread=t",
                        "-device", "scsi-hd,drive=d"], r"^TRIMMED", extra=TRIM)),
    ("a SCSI CD", scsi_cd),
    ("an NVMe disk", disk("nvme0n1", NVME, [*PC, *DRIVE, "-device", "nvme,drive=d,serial=abc"],
                          r"^queue: 512 512 512$", r"^cache: write back", r"^TRIMMED", r"^model: RHEA NVMe",
                          r"PCI-MSI.*nvme0q1", extra=TRIM + NVME_NAMES)),
    ("an NVMe disk in the interpreter",
     raw("nvme0n1", NVME, [*PC, *INTERP, *DRIVE, "-device", "nvme,drive=d,serial=abc"])),
    ("an NVMe disk behind a PCI Express port, two CPUs",
     disk("nvme0n1", NVME, [*PC, "-M", "q35", "-smp", "2", *DRIVE, "-device",
                            "pcie-root-port,id=p,chassis=1", "-device",
                            "nvme,bus=p,drive=d,serial=abc,write-cache=off"],
          r"PCI-MSI.*nvme0q2", r"^cache: write through")),
    ("an NVMe disk without MSI-X", disk("nvme0n1", NVME, [*PC, *DRIVE, "-device",
                                                          "nvme,drive=d,serial=abc"],
                                        r"IO-APIC.*nvme0q", append="pci=nomsi")),
    ("entropy on a microvm", rng([*MICROVM, "-device", "virtio-rng-device"],
                                 r"IO-APIC +16-fasteoi +virtio0", VERSION_1)),
    ("a virtio disk on a microvm, two CPUs",
     disk("vda", BLK, [*MICROVM, "-smp", "2", "-drive", "file=IMAGE,format=raw,if=virtio"],
          r"IO-APIC.*virtio0", r"^TRIMMED", extra=TRIM)),
    ("a virtio disk on an iothread of a microvm",
     disk("vda", BLK, [*MICROVM, *IOTHREAD, *DRIVE, "-device", "virtio-blk-device,drive=d,iothread=t"],
          r"IO-APIC.*virtio0")),
    ("a SCSI disk on a microvm",
     disk("sda", SCSI, [*MICROVM, "-drive", "file=IMAGE,format=raw,if=scsi"], r"IO-APIC.*virtio0")),
    ("a microvm without ACPI names its devices",
     lambda: boot(Scratch(), (), "cat /proc/cmdline", [*MICROVM_BARE, "-device", "virtio-rng-device"],
                  (r"panic=-1 reboot=t virtio_mmio\.device=512@0xfeb00000:5$",))),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "a SCSI disk in the interpreter",
    "an NVMe disk in the interpreter",
    "the same in the interpreter",
    "an NVMe disk without MSI-X",
    "a virtio disk on an iothread, legacy interface and INTx",
    "a virtio disk of large blocks without a write cache",
    "a SCSI disk on an iothread, two CPUs",
    "a virtio disk on an iothread of a microvm",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
