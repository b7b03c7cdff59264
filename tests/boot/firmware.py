#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SeaBIOS: its banner and log, boot order and menu, and BIOS services as a 16-bit program sees them."""
import os
import re
import subprocess
import sys
import time

from boot import HERE, RHEA, SLOW, Failed, Run, Scratch, Skip, run_row, tap

BIOS_FOLDERS = ("/usr/share/seabios", "/usr/share/qemu")
BIOS = "bios-256k.bin"
BANNER = r"SeaBIOS \(version "
TIMEOUT = 60
DEBUG = ("-chardev", "stdio,id=log", "-device", "isa-debugcon,iobase=0x402,chardev=log")
EXIT = ("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")
QUIET = ("-display", "none", "-vga", "none", "-serial", "none", "-monitor", "none")
# Firmware's screen is a serial port that nobody sees; the program writes to the debug console, too.
SCREEN = ("-nographic", "-serial", "null", "-monitor", "none")
PASS_STATUS = 0x10 << 1 | 1
ROM_NAME = "biostest.rom"


def need_bios():
    if not any(os.path.exists(os.path.join(folder, BIOS)) for folder in BIOS_FOLDERS):
        raise Skip("no SeaBIOS (Debian package seabios)")


def assemble(scratch, name):
    """A flat binary of tests/boot/NAME.S, linked at 0x7c00."""
    obj, out = scratch.path(name + ".o"), scratch.path(name + ".bin")
    include = os.path.dirname(out)
    for command in (["gcc", "-m32", "-c", "-Wa,-I," + include, "-o", obj,
                     os.path.join(HERE, name + ".S")],
                    ["ld", "-m", "elf_i386", "-Ttext=0x7c00", "--oformat", "binary", "-o", out, obj]):
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}: {done.stderr}")
    with open(out, "rb") as file:
        return file.read()


def with_checksum(data, start, length, place):
    """The byte at `place` makes data[start:start+length] add up to 0."""
    data = bytearray(data)
    data[place] = 0
    data[place] = -sum(data[start:start + length]) & 0xff
    return bytes(data)


def option_rom(scratch):
    assemble(scratch, "bios_sector")
    rom = with_checksum(assemble(scratch, "bios_rom"), 0x20, 32, 0x29)
    return scratch.path(ROM_NAME, with_checksum(rom, 0, len(rom), len(rom) - 1))


def seabios_log_at_0x402():
    need_bios()
    with Run([*QUIET, *DEBUG]) as run:
        run.expect(BANNER, TIMEOUT)
        run.expect(r"Found QEMU fw_cfg", TIMEOUT)
        run.expect(r"DMA interface supported", TIMEOUT)
        run.expect(r"e820: addr 0x0000000000000000 len 0x0000000008000000 \[RAM\]", TIMEOUT)
        run.expect(r"Copying SMBIOS from", TIMEOUT)
        run.expect(r"ACPI: parse DSDT", TIMEOUT)
        run.expect(r"Booting from ", TIMEOUT)
        run.expect(r"No bootable device", TIMEOUT)


def banner_on_the_serial_port():
    need_bios()
    with Run(["-nographic"], terminal=True) as run:
        run.expect(BANNER, TIMEOUT)
        run.expect(r"Booting from ", TIMEOUT)


def boot_menu():
    need_bios()
    with Run(["-nographic", "-boot", "menu=on,splash-time=30000"], terminal=True) as run:
        run.expect(r"Press ESC for boot menu", TIMEOUT)


def boot_order_chooses_the_kind_of_drive():
    need_bios()
    devices = subprocess.run([RHEA, "-device", "help"], stdout=subprocess.PIPE, text=True, check=False)
    if "isa-fdc" not in devices.stdout or "ide-hd" not in devices.stdout:
        raise Skip("this emulator has no drives")
    scratch = Scratch()
    program = assemble(scratch, "bios_sector")
    floppy = scratch.path("floppy.img", program.ljust(1440 * 1024, b"\0"))
    disk = scratch.path("disk.img", program.ljust(4 << 20, b"\0"))
    for order, first in (("a", "Floppy"), ("c", "Hard Disk")):
        run_row([*SCREEN, *DEBUG, "-fda", floppy, "-drive", f"file={disk},format=raw",
                 "-boot", f"order={order}", *EXIT],
                (rf"Booting from {first}", r"int 13h disk: ok", r"^PASS"), r"FAIL", PASS_STATUS,
                TIMEOUT)


def bios_services():
    need_bios()
    scratch = Scratch()
    run_row([*SCREEN, *DEBUG, "-option-rom", option_rom(scratch) + ",bootindex=0", *EXIT],
            (r"int 1Ah PCI BIOS: ok", r"^PASS"), r"FAIL", PASS_STATUS, TIMEOUT)


def bios_services_after_reset():
    """A second start: the shadowed firmware is taken away and comes again."""
    need_bios()
    scratch = Scratch()
    log = scratch.path("log", b"")
    with Run(["-nographic", "-serial", "null", "-monitor", "stdio", "-debugcon", f"file:{log}",
              "-global", "isa-debugcon.iobase=0x402", "-option-rom",
              option_rom(scratch) + ",bootindex=0"], terminal=True) as run:
        for times in (1, 2):
            wait_for_text(run, log, r"^PASS", times)
            run.type("system_reset\n")
        run.type("quit\n")
        run.finish(TIMEOUT)


def wait_for_text(run, path, pattern, times):
    """Until the pattern stands that often in a file that the emulator writes."""
    deadline = time.monotonic() + TIMEOUT * SLOW
    while time.monotonic() < deadline:
        with open(path, encoding="ascii", errors="replace") as file:
            if len(re.findall(pattern, file.read(), re.M)) >= times:
                return
        run.pump(0.2)
    run.fail(f"'{pattern}' did not come {times} times")


def smm_is_set_up_or_not():
    """SeaBIOS moves SMBASE by an SMI, unless the machine has no SMM."""
    need_bios()
    for smm, count in (("on", 1), ("off", 0)):
        scratch = Scratch()
        log = scratch.path("log", b"")
        with Run([*QUIET, *DEBUG, "-nic", "none", "-machine", f"smm={smm}", "-d", "int", "-D", log]) as run:
            run.expect(r"Booting from ", TIMEOUT)
        with open(log, encoding="ascii", errors="replace") as file:
            text = file.read()
        for event in (r"^SMI .*smbase=00030000", r"^RSM "):
            if len(re.findall(event, text, re.M)) != count:
                run.fail(f"with smm={smm} '{event}' did not happen {count} times")


def missing_firmware_names_the_package():
    run_row(["-nographic", "-bios", "no-such-bios.bin"], (r"no-such-bios\.bin",), None, 1, TIMEOUT)
    scratch = Scratch()
    bad = scratch.path("odd.bin", bytes(1000))
    run_row(["-nographic", "-bios", bad], (r"1000 bytes, must have a multiple of 64 KiB",), None, 1,
            TIMEOUT)


TESTS = (
    ("SeaBIOS writes its log to port 0x402", seabios_log_at_0x402),
    ("SeaBIOS's screen is on the serial port with -nographic", banner_on_the_serial_port),
    ("-boot menu=on", boot_menu),
    ("-boot order=", boot_order_chooses_the_kind_of_drive),
    ("BIOS services from a 16-bit program", bios_services),
    ("reset under firmware", bios_services_after_reset),
    ("SMM, and -machine smm=off", smm_is_set_up_or_not),
    ("a firmware that is not there, or has an odd size", missing_firmware_names_the_package),
)

if __name__ == "__main__":
    sys.exit(tap(TESTS))
