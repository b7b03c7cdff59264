#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""OVMF: to its shell from ROM and from flash, variables that stay, and GRUB from disks."""
import os
import shutil
import subprocess
import sys

from boot import (KERNEL_TROUBLE, Failed, Run, Scratch, Skip, guest_data, guest_file, main, run_row)

TIMEOUT = 90
MACHINES = ("pc", "q35")
GRUB_MACHINES = MACHINES
FULL = ("-nographic", "-m", "256", "-nic", "none")     # else it tries the network for minutes
PROMPT = r"Shell> "
# The shell says which line it takes as the start's script.
STARTED = r"UEFI Interactive Shell v2"
MARK = "text on the medium"
GRUB_CONFIG = f"""search --set=root --file /mark.txt
cat /mark.txt
echo "GRUB is on $grub_platform, $grub_cpu"
"""
OVMF_FOLDERS = ("/usr/share/OVMF", "/usr/share/ovmf")


def firmware(name):
    """The bytes of a file of the package ovmf, installed or fetched."""
    for folder in OVMF_FOLDERS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                return file.read()
    guest_file("ovmf")
    return guest_data("ovmf", name)


def flash(scratch, name="OVMF_CODE_4M.fd"):
    """Options for the pair of chips; the variables' file is made at the first call."""
    code = scratch.path("code.fd", firmware(name))
    variables = scratch.path("vars.fd")
    if not os.path.exists(variables):
        scratch.path("vars.fd", firmware("OVMF_VARS_4M.fd"))
    return ("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}")


def run_tool(*command):
    if not shutil.which(command[0]):
        raise Skip(f"no {command[0]} (Debian packages mtools and xorriso)")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stdout}")


def fat_image(scratch, name, files):
    """A FAT file system without a partition table; files: path on it and bytes."""
    image = scratch.path(name, bytes(8 << 20))
    run_tool("mformat", "-i", image, "-v", "RHEA", "::")
    folders = {"/".join(path.split("/")[:n]) for path, _ in files for n in
               range(1, path.count("/") + 1)}
    for folder in sorted(folders):
        run_tool("mmd", "-i", image, "::" + folder)
    for path, data in files:
        run_tool("mcopy", "-i", image, scratch.path("file", data), "::" + path)
    return image


def grub_files():
    with open(guest_file("grubefi"), "rb") as file:
        grub = file.read()
    return [("EFI/BOOT/BOOTX64.EFI", grub), ("boot/grub/grub.cfg", GRUB_CONFIG.encode()),
            ("mark.txt", MARK.encode())]


def grub_iso(scratch):
    esp = fat_image(scratch, "efi.img", grub_files()[:2])
    folder = scratch.path("iso")
    os.makedirs(os.path.join(folder, "boot", "grub"))
    shutil.copy(esp, os.path.join(folder, "efi.img"))
    for name, text in (("mark.txt", MARK), ("boot/grub/grub.cfg", GRUB_CONFIG)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    iso = scratch.path("grub.iso")
    run_tool("xorriso", "-as", "mkisofs", "-quiet", "-R", "-e", "efi.img", "-no-emul-boot",
             "-o", iso, folder)
    return iso


def to_the_shell(run, timeout=TIMEOUT):
    run.expect(STARTED, timeout)
    at = run.expect(r"any other key to continue", timeout)
    run.type("\x1b")
    return run.expect(PROMPT, timeout, at)


def to_grub(args):
    with Run([*FULL, *args], terminal=True) as run:
        run.expect(r"BdsDxe: starting Boot", TIMEOUT)
        at = run.expect(MARK, TIMEOUT)
        run.expect(r"GRUB is on efi, x86_64", TIMEOUT, at)
        run.type("c")
        run.expect(r"grub> ", TIMEOUT)


def on(machine, function):
    return f"{function.__name__} on {machine}", lambda: function(machine)


def shell_from_rom(machine):
    scratch = Scratch()
    rom = scratch.path("OVMF.fd", firmware("OVMF.fd"))
    with Run([*FULL, "-machine", machine, "-bios", rom], terminal=True) as run:
        at = to_the_shell(run)
        run.type("memmap\r")
        run.expect(r"Total Memory", TIMEOUT, at)


def shell_from_flash(machine):
    scratch = Scratch()
    with Run([*FULL, "-machine", machine, *flash(scratch)], terminal=True) as run:
        at = to_the_shell(run)
        run.type("pci\r")
        run.expect(r"Vendor 8086 Device (1237|29C0)", TIMEOUT, at)


def with_smm(cpus):
    """Firmware that keeps its variables to system-management mode, on each of the CPUs."""
    scratch = Scratch()
    chips = flash(scratch, "OVMF_CODE_4M.secboot.fd")
    with Run([*FULL, "-machine", "q35,smm=on", "-global", "cfi.pflash01.secure=on", "-smp", cpus,
              *chips], terminal=True) as run:
        at = to_the_shell(run, TIMEOUT * 3)  # CPUs that wait for each other on a busy host
        run.type("setvar Rhea -guid 8a3dfc1e-0b8c-4d57-9e0f-6b1d8e3c2a11 -nv -bs =0x5a5aa5a5\r")
        at = run.expect(PROMPT, TIMEOUT, at)
        run.type("setvar Rhea -guid 8a3dfc1e-0b8c-4d57-9e0f-6b1d8e3c2a11\r")
        run.expect(r"A5 A5 5A 5A", TIMEOUT, at)


def variables_stay_in_the_flash():
    scratch = Scratch()
    name = "Rhea -guid 8a3dfc1e-0b8c-4d57-9e0f-6b1d8e3c2a11"
    shown = r"A5 A5 5A 5A"
    with Run([*FULL, *flash(scratch)], terminal=True) as run:
        at = to_the_shell(run)
        run.type(f"setvar {name} -nv -bs =0x5a5aa5a5\r")
        at = run.expect(PROMPT, TIMEOUT, at)
        run.type(f"setvar {name}\r")
        at = run.expect(shown, TIMEOUT, at)
        run.expect(PROMPT, TIMEOUT, at)
        run.type("reset -s\r")
        if run.finish(TIMEOUT) != 0:
            run.fail("'reset -s' did not power off")
    with Run([*FULL, *flash(scratch)], terminal=True) as run:
        at = to_the_shell(run)
        run.type(f"setvar {name}\r")
        run.expect(shown, TIMEOUT, at)


def script_on_a_disk():
    scratch = Scratch()
    disk = fat_image(scratch, "disk.img", [("startup.nsh", b"echo the script runs\r\n"
                                            b"type fs0:\\mark.txt\r\n"), ("mark.txt", MARK.encode())])
    with Run([*FULL, *flash(scratch), "-drive", f"file={disk},format=raw"], terminal=True) as run:
        at = run.expect(r"^the script runs", TIMEOUT)
        run.expect(MARK, TIMEOUT, at)


def grub_from_a_disk(machine):
    scratch = Scratch()
    disk = fat_image(scratch, "disk.img", grub_files())
    to_grub(["-machine", machine, *flash(scratch), "-drive", f"file={disk},format=raw"])


def grub_from(options):
    """From a disk on another controller."""
    def test():
        scratch = Scratch()
        disk = fat_image(scratch, "disk.img", grub_files())
        to_grub(["-machine", "q35", *flash(scratch), *(o.replace("DISK", disk) for o in options)])
    return test


def grub_from_a_cd(machine):
    scratch = Scratch()
    to_grub(["-machine", machine, *flash(scratch), "-cdrom", grub_iso(scratch)])


def kernel(machine):
    """The firmware starts the kernel of -kernel, which has the initrd and the command line."""
    scratch = Scratch()
    script = "ls -d /sys/firmware/efi\nsed 's/^/with: /' /proc/cmdline\npoweroff -f\n"
    run_row(["-nographic", "-no-reboot", "-m", "512", "-machine", machine, *flash(scratch),
             "-kernel", guest_file("cloud"), "-initrd", scratch.initrd(script),
             "-append", "console=ttyS0 panic=-1 word"],
            (r"EFI stub|efi: EFI v2", r"^INIT-STARTED", r"^/sys/firmware/efi$", r"^with: .* word"),
            KERNEL_TROUBLE, 0, TIMEOUT * 2)


TESTS = [
    *(on(machine, kernel) for machine in MACHINES),
    *(on(machine, shell_from_rom) for machine in MACHINES),
    *(on(machine, shell_from_flash) for machine in MACHINES),
    *((f"SMM firmware, {cpus} CPUs", lambda cpus=cpus: with_smm(cpus)) for cpus in ("1", "2")),
    ("variables stay in the flash", variables_stay_in_the_flash),
    ("script on a disk", script_on_a_disk),
    *(on(machine, grub_from_a_disk) for machine in GRUB_MACHINES),
    ("grub from a virtio disk", grub_from(["-drive", "file=DISK,format=raw,if=virtio"])),
    ("grub from a SCSI disk", grub_from(["-drive", "file=DISK,format=raw,if=scsi"])),
    ("grub from an NVMe disk", grub_from(["-drive", "file=DISK,format=raw,if=none,id=d", "-device",
                                          "nvme,drive=d,serial=abc,bootindex=1"])),
    *(on(machine, grub_from_a_cd) for machine in GRUB_MACHINES),
]

# With --all alone: these take long, and others are near to them.
LONG = (
    "shell_from_rom on pc",
    "shell_from_flash on q35",
    "SMM firmware, 1 CPUs",
    "grub from a SCSI disk",
    "grub_from_a_cd on pc",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
