#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's graphical installer (GTK on X): its banner is on the screen as its file has it; a language is chosen with a
tablet, 'Continue' leads to the next page, and a shell on another console tells the language."""
import gzip
import io
import re
import sys
import time
import zlib

from boot import SLOW, Failed, Scratch, guest_file, main
from display_guest import Machine, part
from firmware import need_bios
from firmware_os import beside, iso

TIMEOUT = 400
WIDTH, HEIGHT = 1280, 800               # of the monitor's EDID
BANNER = "usr/share/graphics/logo_debian.png"


# What the installer's own files look like ---------------------------------------------------------

def cpio_file(data, wanted):
    """A file of an archive in the format newc; archives may stand one behind the other."""
    at = 0
    while data[at:at + 6] == b"070701":
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = fields[6], fields[11]
        name = data[at + 110:at + 110 + name_size - 1].decode()
        start = at + 110 + name_size + 3 & ~3
        if name.removeprefix("./") == wanted:
            return data[start:start + size]
        at = start + size + 3 & ~3
    raise Failed(f"the installer has no {wanted}")


def png(data):
    """The picture in a PNG of 8 bits a colour without alpha, not interlaced."""
    at, packed = 8, b""
    while at < len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if kind == b"IHDR":
            head = data[at + 8:at + 8 + size]
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    width, height = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
    if tuple(head[8:]) != (8, 2, 0, 0, 0):
        raise Failed(f"a PNG of another kind: {tuple(head[8:])}")
    raw, out, above = io.BytesIO(zlib.decompress(packed)), b"", bytes(width * 3)
    for _ in range(height):
        above = unfilter(raw.read(1)[0], bytearray(raw.read(width * 3)), above)
        out += above
    return width, height, out


def unfilter(kind, row, above):
    """A row without PNG's prediction (PNG, section 9)."""
    for i, value in enumerate(row):
        left, up, corner = (row[i - 3] if i >= 3 else 0), above[i], (above[i - 3] if i >= 3 else 0)
        guess = left + up - corner
        paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
        row[i] = value + (0, left, up, (left + up) // 2, paeth)[kind] & 255
    return row


# The screen ---------------------------------------------------------------------------------------

class Installer(Machine):
    def __init__(self, *args):
        need_bios()
        scratch = Scratch()
        linux, initrd = guest_file("installergtk"), beside("installergtk", "initrd.gz")
        self.serial = scratch.path("serial", b"")
        super().__init__("-display", "none", "-m", "1024", "-boot", "d", "-serial", f"file:{self.serial}", "-cdrom",
                         iso(scratch, linux, initrd, "vga=788 quiet"), *args, guest=False, scratch=scratch)
        with gzip.open(initrd) as file:
            self.banner = png(cpio_file(file.read(), BANNER))

    def has_banner(self):
        picture = self.dump()
        left = (WIDTH - self.banner[0]) // 2
        return picture[:2] == (WIDTH, HEIGHT) and part(picture, left, 0, *self.banner[:2]) == self.banner

    def still(self):
        """The screen, once it stands still."""
        last = None
        deadline = time.monotonic() + TIMEOUT * SLOW
        while (picture := self.dump()) != last:
            if time.monotonic() > deadline:
                self.fail("the screen does not come to rest")
            last = picture
            time.sleep(1)
        return picture

    def keys(self, *keys):
        self.qmp.run("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def shell(self, command, pattern):
        """Runs a command in the installer's shell, whose output goes to the serial port."""
        self.type_keys(f"{command} >/dev/ttyS0 2>&1\n")
        return self.wait(f"'{command}' did not print '{pattern}'", lambda: re.search(pattern, self.said(), re.M))

    def said(self):
        with open(self.serial, encoding="ascii", errors="replace") as file:
            self.output = file.read().replace("\r", "")
        return self.output


# Places on the first page: rows of the list of languages, beside where the pointer is to be; and a button.
ENGLISH, FRENCH = (700, 454), (700, 546)
POINTER = (600, 546)
CONTINUE = (1219, 774)
WHITE = b"\xff\xff\xff"


def pixel(picture, place):
    return part(picture, *place, 1, 1)[2]


def chosen(args):
    """The first page: the list of languages; one is chosen, the next page comes in it."""
    def test():
        with Installer(*args) as run:
            run.wait("the banner does not come", run.has_banner, TIMEOUT)
            run.wait("the list of languages does not come", lambda: pixel(picture := run.dump(), FRENCH) == WHITE and
                     pixel(picture, ENGLISH) != WHITE, TIMEOUT)
            first = run.still()
            run.click(*POINTER, WIDTH, HEIGHT)
            run.wait("the list does not follow the pointer", lambda: pixel(run.dump(), ENGLISH) == WHITE)
            if pixel(run.still(), FRENCH) != pixel(first, ENGLISH):
                run.fail("the row that was clicked at is not chosen")
            run.click(*CONTINUE, WIDTH, HEIGHT)
            text = (18, 85, 900, 80)    # what is asked
            run.wait("'Continue' does nothing", lambda: run.has_banner() and part(run.dump(), *text) != part(first, *text))
            run.still()
            run.keys("ctrl", "alt", "f2")
            run.wait("there is no text console", lambda: not run.has_banner())
            run.type_keys("\n")
            run.shell("grep localechooser /var/log/syslog", "Language = 'fr'")
            run.shell("grep -i 'using input driver' /var/log/Xorg.0.log", "Tablet")
            run.leave()
    return test


TESTS = (
    ("std VGA, a tablet on xHCI", chosen(["-vga", "std", "-device", "qemu-xhci", "-device", "usb-tablet"])),
    ("virtio-vga, a tablet on UHCI", chosen(["-vga", "virtio", "-usb", "-device", "usb-tablet"])),
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
