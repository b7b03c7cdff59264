#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 12 with systemd lives on a disk: GRUB boots it to a login, packages are installed, fio writes and
verifies, file systems are checked, GRUB installs itself again, it reboots and powers off. Afterwards neither
qemu-img nor e2fsck finds anything on the host.

Without arguments one short row, for 'make check'; with --all or words of their names those of the table."""
import os
import re
import sys

from boot import Run, Scratch, guest_file, tap
from disks import run, tool
from firmware import need_bios

BOOT_TIMEOUT = 600
STEP_TIMEOUT = 600
PARTITION = 1 << 20                     # where tools/make-debian puts the root file system
SECOND_DISK = 192 << 20                 # the guest finds the second disk by its size
PACKAGES = "bc hello nano tree"         # of /srv/repository, which the disk brings along

# Controller | options of the machine | options of one disk: FILE is its node, N is 0 for the first.
IDE = [], ["-device", "ide-hd,drive=FILE,unit=N,bootindex=N"]
AHCI = ["-machine", "q35"], ["-device", "ide-hd,drive=FILE,bus=ide.N,bootindex=N"]
NVME = ["-machine", "q35"], ["-device", "nvme,drive=FILE,serial=disk-N,bootindex=N"]
VIRTIO_BLK = [], ["-device", "virtio-blk-pci,drive=FILE,bootindex=N"]
VIRTIO_SCSI = (["-machine", "q35", "-smp", "2", "-device", "virtio-scsi-pci"],
               ["-device", "scsi-hd,drive=FILE,lun=N,bootindex=N"])

# A fio job that writes, and later verifies alone.
FIO = ("fio --name=job --directory=/mnt --rw=randwrite --ioengine=libaio --iodepth=16 --direct=1 "
       "--bsrange=4k-64k --size=SIZEM --end_fsync=1 --verify=crc32c --verify_fatal=1 --output-format=terse ")


def rhea_img(*args):
    folder = os.environ.get("RHEA_TOOLS", os.path.dirname(os.environ.get("RHEA_BIN", "build/x")))
    return run([os.path.join(folder, "rhea-img"), *args])


class Guest(Run):
    """A run whose serial console has somebody at it."""
    start = ("GRUB", "Linux version", "^Debian GNU/Linux 12 debian ttyS0")

    def __init__(self, args):
        super().__init__(args, terminal=True)
        self.at = 0

    def see(self, pattern, timeout=STEP_TIMEOUT):
        self.at = self.expect(pattern, timeout, self.at)

    def login(self):
        """From the firmware to a shell that neither prompts nor echoes."""
        for pattern in self.start:
            self.see(pattern, BOOT_TIMEOUT)
        for pattern, answer in (("login: ", "root"), ("Password: ", "rhea"), ("# ", "exec sh")):
            self.see(pattern)
            self.type(answer + "\n")
        self.type("stty -echo; PS1=; dmesg -n 1; echo re''ady\n")
        self.see("ready\n")

    def do(self, command):
        """Runs a command, which must succeed; its output."""
        start = self.at
        self.type(f"{command}; echo \"<$?>\"\n")
        self.see(r"<\d+>\n")
        *output, status = re.split(r"<(\d+)>\n", self.output[start:self.at])[:-1]
        if status != "0":
            self.fail(f"'{command}' had exit status {status}")
        return "".join(output)

    def must_print(self, command, pattern):
        output = self.do(command)
        if not re.search(pattern, output, re.M):
            self.fail(f"'{command}' did not print '{pattern}'")


# What happens inside --------------------------------------------------------------------------

def first_boot(guest, fio, short):
    """Packages, a second disk, GRUB by Debian's own tools unless it must be short."""
    guest.login()
    guest.do(f"apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install {PACKAGES}")
    guest.must_print("hello && echo '2^100' | bc", r"^Hello, world!\n1267650600228229401496703205376\n")
    guest.do(f"disk=/dev/$(lsblk -bdno NAME,SIZE | awk '$2 == {SECOND_DISK} {{ print $1 }}')")
    guest.do("mkfs.ext4 -q -L second $disk && mount LABEL=second /mnt")
    guest.do(fio)
    guest.do("umount /mnt")
    guest.must_print("fsck.ext4 -f -p $disk", r"^second: \d+/\d+ files")
    if short:
        guest.do("sed -i 's/^linux .*/& fsck.mode=force/' /boot/grub/grub.cfg")
    else:
        guest.do("grub-install /dev/$(lsblk -no PKNAME $(findmnt -no SOURCE /))")
        guest.do("sed -i 's/^GRUB_CMDLINE_LINUX=./&fsck.mode=force /' /etc/default/grub && update-grub")
    guest.type("reboot\n")


def second_boot(guest, fio):
    """What was written is still there, and nobody complained."""
    guest.login()
    guest.must_print("cat /proc/cmdline", r"fsck\.mode=force")
    guest.must_print("dumpe2fs -h $(findmnt -no SOURCE /) 2>&1", r"^Mount count: +1$")  # since the forced check
    guest.must_print("hello && dpkg --audit", r"^Hello, world!")
    guest.do("mount LABEL=second /mnt")
    guest.do(fio + "--verify_only")
    guest.must_print("systemctl is-system-running --wait", r"^\s*running$")
    guest.do("! dmesg | grep -E '(BUG|WARNING|Oops|Call Trace|I/O error|segfault)'")
    guest.type("poweroff\n")


# Outside --------------------------------------------------------------------------------------

def make_images(scratch, kind):
    """(path, format) of the disk that boots and of an empty one."""
    source = guest_file("debian")
    image_format = "raw" if kind == "raw" else "qcow2"
    first, second = scratch.path(f"disk.{image_format}"), scratch.path(f"second.{image_format}")
    if kind == "raw":
        run(["cp", "--sparse=always", source, first])
    elif kind == "qcow2":
        rhea_img("convert", "-f", "raw", "-O", "qcow2", source, first)
    else:
        rhea_img("create", "-q", "-f", "qcow2", "-b", source, "-F", "raw", first)
    rhea_img("create", "-q", "-f", image_format, second, str(SECOND_DISK))
    return [first, second], image_format


def check_images(scratch, paths, image_format):
    """e2fsck of both file systems; qemu-img check too, when there is something to check."""
    e2fsck = tool("e2fsck", "e2fsprogs")
    for path, offset in zip(paths, (PARTITION, 0)):
        raw = path
        if image_format == "qcow2":
            run([tool("qemu-img", "qemu-utils"), "check", "-q", path])
            raw = scratch.path("flat.raw")
            rhea_img("convert", "-O", "raw", path, raw)
        run([e2fsck, "-f", "-n", f"{raw}?offset={offset}"])


def life(controller, kind, size=64, short=False):
    """A row: a Debian from its first boot to its last power off. kind: raw, qcow2, or overlay, a qcow2 over
    the raw image."""
    def test():
        need_bios()
        scratch = Scratch()
        paths, image_format = make_images(scratch, kind)
        machine, device = controller
        args = ["-nographic", "-m", "1024", *machine]
        for n, path in enumerate(paths):
            args += ["-drive", f"file={path},format={image_format},if=none,id=d{n}",
                     *(a.replace("FILE", f"d{n}").replace("N", str(n)) for a in device)]
        fio = FIO.replace("SIZE", str(size))
        with Guest(args) as guest:
            first_boot(guest, fio, short)
            second_boot(guest, fio)
            status = guest.finish(STEP_TIMEOUT)
            if status != 0:
                guest.fail(f"exit status {status}")
        check_images(scratch, paths, image_format)
    return test


SHORT = ("Debian on a virtio disk, a qcow2 over a raw image", life(VIRTIO_BLK, "overlay", 16, short=True))
TESTS = [(f"Debian on {name}, {kind}", life(controller, kind))
         for name, controller in (("an IDE disk", IDE), ("an AHCI disk", AHCI), ("an NVMe disk", NVME),
                                  ("a virtio disk", VIRTIO_BLK), ("a virtio SCSI disk", VIRTIO_SCSI))
         for kind in ("raw", "qcow2")]

if __name__ == "__main__":
    words = [a for a in sys.argv[1:] if a != "--all"]
    chosen = [t for t in TESTS if not words or any(w in t[0] for w in words)]
    sys.exit(tap(chosen if sys.argv[1:] else [SHORT]))
