#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What SeaBIOS boots from CD, floppy and disk: GRUB, isolinux, memtest86+, Debian's kernels and its
installer; and what becomes of media that the monitor ejects and changes."""
import os
import re
import shutil
import sys

from boot import KERNEL_TROUBLE, Failed, Run, Scratch, guest_file, main, run_row
from disks import run, tool
from firmware import need_bios, wait_for_text
from screen import Screen

TIMEOUT = 180
SECTOR = 512
PARTITION = 2048                        # the first sector of the disk's partition
LINUX = ["-nographic", "-no-reboot", "-m", "512"]
SCRIPT = "insmod /button.ko 2>/dev/null\nuname -m\ncat /proc/cmdline\npoweroff -f\n"

ISOLINUX_CFG = """SERIAL 0 115200
DEFAULT linux
PROMPT 0
LABEL linux
  LINUX /vmlinuz
  INITRD /initrd
  APPEND %s
"""
GRUB_CFG = """serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
cat /hello
linux /boot/vmlinuz console=ttyS0 panic=-1
initrd /boot/initrd
boot
"""
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "serial", "linux", "normal", "ls", "cat", "boot")


def beside(name, file):
    """A further file of a guest."""
    return os.path.join(os.path.dirname(guest_file(name)), file)


# Images ---------------------------------------------------------------------------------------

SERIAL = "console=ttyS0 panic=-1"


def iso(scratch, kernel, initrd, append=SERIAL):
    """A CD that isolinux boots (El Torito without emulation)."""
    folder, image = scratch.path("cd"), scratch.path("cd.iso")
    os.makedirs(os.path.join(folder, "isolinux"))
    for source, name in ((kernel, "vmlinuz"), (initrd, "initrd"),
                         (guest_file("isolinux"), "isolinux/isolinux.bin"),
                         (guest_file("syslinux"), "isolinux/ldlinux.c32")):
        shutil.copy(source, os.path.join(folder, name))
    with open(os.path.join(folder, "isolinux", "isolinux.cfg"), "w", encoding="ascii") as file:
        file.write(ISOLINUX_CFG % append)
    make = shutil.which("genisoimage") or shutil.which("mkisofs")
    command = [make] if make else [tool("xorriso", "xorriso"), "-as", "mkisofs"]
    run([*command, "-quiet", "-R", "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
         "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-o", image, folder])
    return image


def master_boot_record(sectors):
    """GRUB's boot sector, which loads the core image from sector 1, with one active partition."""
    with open(guest_file("grubpc"), "rb") as file:
        mbr = bytearray(file.read(SECTOR))
    no_chs = b"\xfe\xff\xff"
    entry = (b"\x80" + no_chs + b"\x83" + no_chs + PARTITION.to_bytes(4, "little") +
             sectors.to_bytes(4, "little"))
    mbr[446:512] = entry + bytes(48) + b"\x55\xaa"
    return bytes(mbr)


def grub_disk(scratch, kernel, initrd):
    """A disk with GRUB before its one partition, an ext2 with the kernel."""
    mkimage, mke2fs = tool("grub-mkimage", "grub-common"), tool("mke2fs", "e2fsprogs")
    modules = os.path.dirname(guest_file("grubpc"))
    folder, image, core = scratch.path("d"), scratch.path("disk.img"), scratch.path("core.img")
    config = scratch.path("grub.cfg", GRUB_CFG.encode())
    os.makedirs(os.path.join(folder, "boot"))
    shutil.copy(kernel, os.path.join(folder, "boot", "vmlinuz"))
    shutil.copy(initrd, os.path.join(folder, "boot", "initrd"))
    with open(os.path.join(folder, "hello"), "w", encoding="ascii") as file:
        file.write("hello from the disk\n")
    run([mkimage, "-O", "i386-pc", "-d", modules, "-o", core, "-p", "(hd0,msdos1)/boot/grub",
         "-c", config, *GRUB_MODULES])
    kib = 48 << 10
    with open(core, "rb") as file:
        code = master_boot_record(kib * 2) + file.read()
    if len(code) > PARTITION * SECTOR:
        raise Failed(f"GRUB has {len(code)} bytes, which do not fit before the partition")
    with open(image, "wb") as file:
        file.write(code)
        file.truncate(PARTITION * SECTOR + (kib << 10))
    run([mke2fs, "-q", "-F", "-t", "ext2", "-d", folder, "-E", f"offset={PARTITION * SECTOR}",
         image, f"{kib}k"])
    return image


def button(scratch):
    """Without it the kernel does not know that it can be switched off."""
    return [("button.ko", open_bytes(beside("cloud", "button.ko")))]


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


# Rows -----------------------------------------------------------------------------------------

def grub_prompt(args, device):
    """The menu, the command line, and what it says of the device and of a file."""
    def test():
        need_bios()
        with Screen([a.replace("GRUB/", beside("grub", "")) for a in args]) as screen:
            screen.see(r"GNU GRUB +version 2\.", TIMEOUT)
            screen.press("c")
            screen.see(r"^grub>", TIMEOUT)
            screen.press("ls\n")
            screen.see(rf"^(\(\S+\) )*\({device}\)", TIMEOUT)
            screen.press("clear\nls /boot/grub/\n")
            screen.see(r"grub\.cfg", TIMEOUT)
            screen.press("clear\ncat /boot/grub/grub.cfg\n")
            screen.see(r"menuentry", TIMEOUT)
    return test


def memtest(name):
    def test():
        need_bios()
        with Screen(["-m", "64", "-cdrom", beside("memtest", name)]) as screen:
            screen.see(r"Memtest86\+ v\d", TIMEOUT)
            # A test begins when the one before it has passed.
            text = screen.see(r"Test #[2-9]|Errors: [1-9]", TIMEOUT)
            if not re.search(r"Errors: 0", text):
                screen.fail("memtest86+ found errors")
    return test


def isolinux(kernel, busybox, machine):
    def test():
        need_bios()
        scratch = Scratch()
        initrd = scratch.initrd(SCRIPT, files=button(scratch), busybox=busybox)
        image = iso(scratch, guest_file(kernel), initrd)
        run_row([*LINUX, "-cdrom", image],
                (r"ISOLINUX \d", r"^INIT-STARTED", rf"^{machine}$", r"^BOOT_IMAGE=/vmlinuz"),
                KERNEL_TROUBLE, 0, TIMEOUT)
    return test


def grub_from_disk(args):
    def test():
        need_bios()
        scratch = Scratch()
        initrd = scratch.initrd(SCRIPT, files=button(scratch))
        image = grub_disk(scratch, guest_file("cloud"), initrd)
        run_row([*LINUX, *(a.replace("IMAGE", image) for a in args)],
                (r"Booting from Hard Disk", r"GRUB loading", r"hello from the disk",
                 r"^INIT-STARTED", r"^x86_64$", r"^BOOT_IMAGE=/boot/vmlinuz"),
                KERNEL_TROUBLE, 0, TIMEOUT)
    return test


def installer():
    """The text installer asks for the language."""
    need_bios()
    scratch = Scratch()
    image = iso(scratch, guest_file("installer"), beside("installer", "initrd.gz"), SERIAL + " TERM=vt102")
    with Run(["-nographic", "-m", "1024", "-cdrom", image], terminal=True) as guest:
        guest.expect(r"Select a language", TIMEOUT)
        guest.expect(r"English", TIMEOUT)


def log_args(log):
    return ["-debugcon", f"file:{log}", "-global", "isa-debugcon.iobase=0x402"]


def bootindex(args, first):
    """Without code on any of them: firmware tries the drive first whose bootindex is lowest."""
    def test():
        need_bios()
        scratch = Scratch()
        files = {name: scratch.path(name, bytes(1440 << 10)) for name in ("disk", "cd", "floppy")}
        options = [a.replace("CD", files["cd"]).replace("DISK", files["disk"]) for a in args]
        with Run(["-nographic", "-fda", files["floppy"], *options], terminal=True) as guest:
            guest.expect(r"Booting from .*\.\.\.", TIMEOUT)
            if not re.search(r"Booting from (.*)\.\.\.", guest.output).group(1).startswith(first):
                guest.fail(f"firmware did not try {first} first")
    return test


DRIVES = ["-drive", "file=DISK,format=raw,if=none,id=d", "-drive",
          "file=CD,format=raw,if=none,id=c,media=cdrom"]


def boot_once():
    """once= holds for the first start, order= for those after it."""
    need_bios()
    scratch = Scratch()
    floppy, disk = (scratch.path(name, bytes(1440 << 10)) for name in ("floppy", "disk"))
    log = scratch.path("log", b"")
    with Screen(["-fda", floppy, "-drive", f"file={disk},format=raw", "-boot", "order=c,once=a",
                 *log_args(log)]) as screen:
        for first in ("Floppy", "Hard Disk"):
            wait_for_text(screen, log, rf"enter handle_19:\n.*\nBooting from {first}", 1)
            screen.monitor("system_reset")


def media():
    """A CD is changed: firmware boots the new one after a reset; then the drive is empty."""
    need_bios()
    with Screen(["-cdrom", guest_file("grub")]) as screen:
        screen.see(r"GNU GRUB", TIMEOUT)
        if "grub-rescue-cdrom.iso" not in screen.monitor("info block"):
            screen.fail("info block does not name the image")
        answer = screen.monitor("change ide1-cd0 /no/such.iso")
        if "Could not open" not in answer or "grub-rescue" not in screen.monitor("info block"):
            screen.fail("an image that is not there took the medium out")
        screen.monitor(f"change ide1-cd0 {guest_file('memtest')}")
        if "memtest86+x64.iso" not in screen.monitor("info block"):
            screen.fail("change did not change the image")
        screen.monitor("system_reset")
        screen.see(r"Memtest86\+ v", TIMEOUT)
        screen.monitor("eject -f ide1-cd0")
        if "not inserted" not in screen.monitor("info block"):
            screen.fail("the drive is not empty")
        screen.monitor("system_reset")
        screen.see(r"No bootable device", TIMEOUT)


def empty_drives():
    """A plain start has an empty CD-ROM drive: a CD that is put in boots."""
    need_bios()
    for args, names in (([], ("ide1-cd0", "floppy0")), (["-machine", "q35"], ("ide2-cd0",)),
                        (["-nodefaults", "-vga", "std"], ())):
        with Screen(args) as screen:
            drives = re.findall(r"^(\S+): \[not inserted\]", screen.monitor("info block"), re.M)
            if tuple(drives) != names:
                screen.fail(f"the drives are {drives}, not {names}")
            if names:
                screen.see(r"No bootable device", TIMEOUT)
                screen.monitor(f"change {names[0]} {guest_file('grub')}")
                screen.monitor("system_reset")
                screen.see(r"GNU GRUB", TIMEOUT)


TESTS = (
    ("GRUB's rescue CD to its prompt", grub_prompt(["-cdrom", "GRUB/grub-rescue-cdrom.iso"], "cd")),
    ("GRUB's rescue floppy to its prompt",
     grub_prompt(["-snapshot", "-fda", "GRUB/grub-rescue-floppy.img"], "fd0")),
    ("memtest86+ for x86-64", memtest("memtest86+x64.iso")),
    ("memtest86+ for i386", memtest("memtest86+ia32.iso")),
    ("isolinux and Debian's cloud kernel", isolinux("cloud", "busybox", "x86_64")),
    ("isolinux and Debian's 686 kernel", isolinux("i686", "busybox32", "i686")),
    ("isolinux and Debian's 686-pae kernel", isolinux("i386", "busybox32", "i686")),
    ("GRUB and Linux from an IDE disk",
     grub_from_disk(["-drive", "file=IMAGE,format=raw"])),
    ("GRUB and Linux from an AHCI disk",
     grub_from_disk(["-machine", "q35", "-drive", "file=IMAGE,format=raw"])),
    ("GRUB and Linux from a virtio disk",
     grub_from_disk(["-drive", "file=IMAGE,format=raw,if=virtio"])),
    ("GRUB and Linux from a modern virtio disk with a bootindex",
     grub_from_disk(["-machine", "q35", "-drive", "file=IMAGE,format=raw,if=none,id=d", "-device",
                     "virtio-blk-pci-non-transitional,drive=d,bootindex=1"])),
    ("GRUB and Linux from a SCSI disk",
     grub_from_disk(["-drive", "file=IMAGE,format=raw,if=scsi"])),
    ("GRUB and Linux from an NVMe disk",
     grub_from_disk(["-drive", "file=IMAGE,format=raw,if=none,id=d", "-device",
                     "nvme,drive=d,serial=abc,bootindex=1"])),
    ("bootindex of a CD", bootindex([*DRIVES, "-device", "ide-hd,drive=d,bootindex=2",
                                     "-device", "ide-cd,drive=c,bootindex=1"], "DVD/CD")),
    ("bootindex of a disk", bootindex([*DRIVES, "-device", "ide-hd,drive=d,bootindex=1",
                                       "-device", "ide-cd,drive=c,bootindex=2"], "Hard Disk")),
    ("-boot once=", boot_once),
    ("eject, change, info block", media),
    ("the empty drives of a plain start", empty_drives),
    ("Debian's text installer to its first dialog", installer),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "isolinux and Debian's 686 kernel",
    "GRUB and Linux from an AHCI disk",
    "GRUB and Linux from a virtio disk",
    "GRUB and Linux from a SCSI disk",
    "memtest86+ for i386",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
