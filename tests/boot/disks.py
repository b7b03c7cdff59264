#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux mounts disks, CDs and floppies of ours, reads what is on them and writes to them."""
import hashlib
import os
import shutil
import subprocess
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Failed, Scratch, Skip, guest_data, guest_file, run_row, tap

APPEND = "console=ttyS0 panic=-1"
TIMEOUT = 400

# In the order of their dependencies; one that is built into the kernel is not there.
COMMON = ("scsi_common", "scsi_mod", "libata", "crct10dif_common", "crct10dif_generic", "crc64",
          "crc64_rocksoft_generic", "crc64-rocksoft", "crc-t10dif", "t10-pi", "sd_mod", "cdrom", "sr_mod",
          "crc16", "crc32c_generic", "mbcache", "jbd2", "ext4", "isofs")

HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
i=0
while [ ! -b /dev/%s ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
mkdir /mnt
"""

DISK = """
mount -t ext4 /dev/sda /mnt && echo MOUNTED
cat /mnt/hello
dd if=/dev/urandom of=/tmp/noise bs=1M count=4 2>/dev/null
cp /tmp/noise /mnt/noise
echo 'written by the guest' >/mnt/answer
umount /mnt && echo UNMOUNTED
mount -t ext4 -o ro /dev/sda /mnt
cmp /tmp/noise /mnt/noise && echo SAME
umount /mnt
poweroff -f
"""

CD = """
mount -t iso9660 -o ro /dev/sr0 /mnt && echo MOUNTED
cat /mnt/hello /mnt/HELLO 2>/dev/null
md5sum </dev/sr0 | sed 's/^/whole: /'
umount /mnt
eject /dev/sr0 2>/dev/null
poweroff -f
"""

FLOPPY = """
head -c 20 /dev/fd0
dd if=/dev/fd0 bs=18k 2>/dev/null | md5sum | sed 's/^/whole: /'
echo 'floppy written' | dd of=/dev/fd0 bs=512 seek=100 conv=sync 2>/dev/null
sync
poweroff -f
"""


def initrd(scratch, drivers, node, script):
    names = COMMON + drivers
    files = []
    for name in names:
        try:
            files.append((f"{name}.ko", guest_data("disks", f"{name}.ko")))
        except FileNotFoundError:
            pass
    return scratch.initrd(script, HEAD % (" ".join(names), node), files)


def tool(name, package):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not found:
        raise Skip(f"no {name} (Debian package {package})")
    return found


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def ext4(scratch):
    """A 32 MiB ext4 with one file, made without root."""
    mke2fs, image, folder = tool("mke2fs", "e2fsprogs"), scratch.path("disk.img"), scratch.path("d")
    os.mkdir(folder)
    with open(os.path.join(folder, "hello"), "w", encoding="ascii") as file:
        file.write("hello from the disk\n")
    run([mke2fs, "-q", "-t", "ext4", "-d", folder, image, "32M"])
    return image


def boot(scratch, drivers, node, script, args, expected):
    return run_row(["-nographic", "-no-reboot", "-m", "512", "-kernel", guest_file("disks"),
                    "-initrd", initrd(scratch, drivers, node, script), "-append", APPEND, *args],
                   expected, KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)


def disk_row(drivers, args):
    def test():
        scratch = Scratch()
        image = ext4(scratch)
        boot(scratch, drivers, "sda", DISK, [a.replace("IMAGE", image) for a in args],
             (r"^MOUNTED", r"^hello from the disk", r"^UNMOUNTED", r"^SAME"))
        run([tool("e2fsck", "e2fsprogs"), "-fn", image])
        answer = run([tool("debugfs", "e2fsprogs"), "-R", "cat /answer", image])
        if "written by the guest" not in answer:
            raise Failed(f"the guest's file is not on the image: {answer}")
    return test


def qcow2():
    """A qcow2 over the raw image: the guest's writes are in it, the image below stays as it was."""
    scratch = Scratch()
    tools = os.environ.get("RHEA_TOOLS", os.path.dirname(os.environ.get("RHEA_BIN", "build/x")))
    img = os.path.join(tools, "rhea-img")
    if not os.path.exists(img):
        raise Skip("no rhea-img (make all)")
    base, top, flat = ext4(scratch), scratch.path("top.qcow2"), scratch.path("flat.raw")
    with open(base, "rb") as file:
        before = hashlib.sha256(file.read()).digest()
    run([img, "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top])
    boot(scratch, ("ata_piix",), "sda", DISK,
         ["-blockdev", f"driver=qcow2,node-name=n,discard=unmap,file.driver=file,file.filename={top}",
          "-device", "ide-hd,drive=n"], (r"^MOUNTED", r"^hello from the disk", r"^UNMOUNTED", r"^SAME"))
    run([img, "check", "-q", top])
    run([img, "convert", "-O", "raw", top, flat])
    run([tool("e2fsck", "e2fsprogs"), "-fn", flat])
    answer = run([tool("debugfs", "e2fsprogs"), "-R", "cat /answer", flat])
    with open(base, "rb") as file:
        same = hashlib.sha256(file.read()).digest() == before
    if "written by the guest" not in answer or not same:
        raise Failed(f"the guest's file is not in the qcow2 alone: {answer}, the raw image is the same: {same}")


def cd():
    scratch = Scratch()
    make = shutil.which("genisoimage") or shutil.which("mkisofs")
    folder, image = scratch.path("c"), scratch.path("cd.iso")
    os.mkdir(folder)
    with open(os.path.join(folder, "hello"), "w", encoding="ascii") as file:
        file.write("hello from the CD\n")
    command = [make] if make else [tool("xorriso", "xorriso or genisoimage"), "-as", "mkisofs"]
    run([*command, "-quiet", "-R", "-o", image, folder])
    boot(scratch, ("ata_piix",), "sr0", CD, ["-cdrom", image],
         (r"^MOUNTED", r"^hello from the CD", r"^whole: [0-9a-f]{32}"))


def floppy():
    scratch = Scratch()
    image = scratch.path("floppy.img", b"a floppy of 1440 KiB" + bytes(1474560 - 20))
    boot(scratch, ("floppy",), "fd0", FLOPPY, ["-fda", image],
         (r"^a floppy of 1440 KiB", r"whole: [0-9a-f]{32}"))
    with open(image, "rb") as file:
        if not file.read()[100 * 512:].startswith(b"floppy written"):
            raise Failed("what the guest wrote is not on the image")


if __name__ == "__main__":
    sys.exit(tap([
        ("ext4 on an IDE disk", disk_row(("ata_piix",), ["-hda", "IMAGE"])),
        ("ext4 on an AHCI disk", disk_row(("libahci", "ahci"), [
            "-device", "ich9-ahci,id=ahci", "-drive", "file=IMAGE,format=raw,if=none,id=d0",
            "-device", "ide-hd,drive=d0,bus=ahci.0"])),
        ("ext4 on q35's disk", disk_row(("libahci", "ahci"), ["-M", "q35", "-hda", "IMAGE"])),
        ("ext4 on a qcow2 over a raw image", qcow2),
        ("iso9660 on an IDE CD", cd),
        ("a floppy", floppy),
    ]))
