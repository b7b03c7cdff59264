#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""X on each graphics card: Debian on a disk starts Xorg with one of its drivers, a picture that xloadimage puts on the
screen is on the screendump pixel by pixel, xrandr changes the size, and the size that a viewer wants is what the
guest's monitor says next; the pointer and keys arrive in an xterm."""
import re
import shlex
import sys

from boot import Scratch, guest_file, main
from debian import Guest, rhea_img
from display_guest import Shown, colours, difference, part
from firmware import need_bios
from qmp_client import Qmp
from rfb import ALPHA_CURSOR, CURSOR, EXTENDED_SIZE, RAW, Rfb, connect

TIMEOUT = 300
ROOM = 64 << 20                         # of the disk that carries pictures

XORG = """Section "Device"
Identifier "card"
Driver "%s"
%s
EndSection
Section "Screen"
Identifier "screen"
Device "card"
DefaultDepth 24
EndSection
"""


def picture(width, height):
    """Every pixel is another than its neighbours; what is at its edges tells a shift by one."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            out += bytes((x * 7 & 0xff, y * 5 & 0xff, (x ^ y) & 0xff))
    return width, height, bytes(out)


def ppm(image):
    return b"P6\n%d %d\n255\n" % image[:2] + image[2]


class Desktop(Guest, Shown):
    """Debian, at whose serial console somebody sits, with QMP and VNC."""
    start = Guest.start[1:]             # GRUB is on the screen

    def __init__(self, *args, display="none"):
        need_bios()
        self.scratch = Scratch()
        disk, self.pictures = self.scratch.path("disk.qcow2"), self.scratch.path("pictures", bytes(ROOM))
        rhea_img("create", "-q", "-f", "qcow2", "-b", guest_file("desktop"), "-F", "raw", disk)
        self.vnc, qmp = self.scratch.path("vnc"), self.scratch.path("qmp")
        super().__init__(["-m", "1024", "-display", display, "-serial", "stdio", "-monitor", "none", "-vnc",
                          f"unix:{self.vnc}", "-qmp", f"unix:{qmp},server=on,wait=off", "-drive",
                          f"file={disk},format=qcow2,if=virtio", "-drive", f"file={self.pictures},format=raw,if=virtio",
                          *args])
        self.qmp = Qmp(qmp).negotiate()

    def put(self, path, text):
        """A file in the guest."""
        self.do(f"printf '%s\\n' {' '.join(shlex.quote(line) for line in text.splitlines())} >{path}")

    def start_x(self, driver, options="", cursor=False):
        self.put("/etc/X11/xorg.conf", XORG % (driver, options))
        self.do("export DISPLAY=:0; Xorg :0 vt7 -noreset %s >/tmp/xlog 2>&1 & for i in $(seq 300); do "
                "xset q >/dev/null 2>&1 && break; sleep 0.2; done; xset s off -dpms" % ("" if cursor else "-nocursor"))
        self.must_print("grep -c 'LoadModule: .%s' /var/log/Xorg.0.log" % driver, "^[1-9]")

    def until(self, condition):
        """Waits in the guest for what a shell can ask for."""
        self.do(f"for i in $(seq 500); do {condition} && break; sleep 0.2; done; {condition}")

    def start_openbox(self):
        """A window manager. A window that came before it waits for events would stay hidden until the next event."""
        self.do("rm -f /tmp/manages; openbox --startup 'touch /tmp/manages' >/tmp/openbox 2>&1 & true")
        self.until("[ -e /tmp/manages ]")

    def start_xterm(self, title, *args):
        """A terminal, and waits until it can be seen."""
        self.do(f"xterm -T {title} {shlex.join(args)} & true")
        self.until(f"xwininfo -name {title} 2>/dev/null | grep -q IsViewable")

    def size(self):
        found = re.search(r"current (\d+) x (\d+)", self.do("xrandr"))
        return int(found.group(1)), int(found.group(2))

    def show(self, what):
        """Draws a picture of the screen's size, and compares."""
        wanted = picture(*self.size())
        data = ppm(wanted)
        with open(self.pictures, "r+b") as file:
            file.write(data)
        self.do("blockdev --flushbufs /dev/vdb; echo 3 >/proc/sys/vm/drop_caches")
        self.do(f"head -c {len(data)} /dev/vdb >/tmp/picture.ppm && xloadimage -onroot -quiet /tmp/picture.ppm && xset q >/tmp/x")
        self.wait(f"{what}: the screen is not the picture", lambda: self.dump() == wanted, 20,
                  lambda: difference(self.dump(), wanted))

    def away(self):
        self.type("poweroff\n")
        status = self.finish(TIMEOUT)
        if status != 0:
            self.fail(f"exit status {status}")


def drawn(args, driver, options="", modes=(), follows=False, before=""):
    """modes: what xrandr is told; follows: the screen takes the size that a viewer wants."""
    def test():
        with Desktop(*args) as guest:
            guest.login()
            if before:
                guest.do(before)
            guest.start_x(driver, options)
            guest.show("at first")
            output = re.search(r"^(\S+) connected", guest.do("xrandr"), re.M)
            for mode in modes:
                guest.do(f"xrandr --output {output.group(1)} --mode {mode}")
                if "%dx%d" % guest.size() != mode:
                    guest.fail(f"xrandr did not set {mode}")
                guest.show(mode)
            if follows:
                client = Rfb(connect(guest.vnc))
                client.set_encodings(RAW, EXTENDED_SIZE)
                client.refresh()
                for size in ((1000, 700), (1280, 960)):
                    client.set_size(*size)
                    guest.do("for i in $(seq 50); do xrandr | grep -q '^ *%dx%d .*+' && break; sleep 0.2; done" % size)
                    guest.do(f"xrandr --output {output.group(1)} --auto")
                    if guest.size() != size:
                        guest.fail(f"a viewer wanted {size}, xrandr chose {guest.size()}")
                    guest.show("the size that a viewer wanted")
                    client.refresh()
                    if (client.width, client.height) != size:
                        guest.fail(f"the viewer knows {client.width}x{client.height}, not {size}")
            guest.away()
    return test


def used(args):
    """A person at work: a window manager, a terminal that is clicked at and typed into."""
    def test():
        with Desktop(*args) as guest:
            guest.login()
            guest.start_x("modesetting", cursor=True)
            guest.start_openbox()
            for place in ("+50+50", "+650+50"):
                guest.start_xterm(f"x{place}", "-geometry", f"60x20{place}", "-e", "sh", "-c", f"tty >/tmp/tty{place}; exec sh")
                guest.until(f"[ -s /tmp/tty{place} ]")
            width, height = guest.size()
            for place, x in (("+50+50", 200), ("+650+50", 800)):
                guest.do("rm -f /tmp/typed")
                guest.click(x, 200, width, height)
                guest.type_keys("tty >/tmp/typed\n")
                guest.must_print("for i in $(seq 100); do [ -s /tmp/typed ] && break; sleep 0.2; done; sleep 1; "
                                 f"cmp /tmp/typed '/tmp/tty{place}' && echo sa''me", "^same$")
            guest.must_print("xinput list --name-only", "Tablet")
            guest.away()
    return test


SHAPE = """#define c_width 8
#define c_height 4
#define c_x_hot 3
#define c_y_hot 1
static char c_bits[] = {
0x55, 0xaa, 0xff, 0x01 };
"""


def pointer_apart(args):
    """The card's own pointer: a viewer that shows pointers gets its shape, one that does not sees it in the picture."""
    def test():
        with Desktop(*args) as guest:
            guest.login()
            guest.start_x("modesetting", cursor=True)
            width, height = guest.size()
            guest.put("/tmp/c.xbm", SHAPE)
            guest.do("sed 's/^0x.*/0xff, 0xff, 0xff, 0xff };/' /tmp/c.xbm >/tmp/m.xbm")
            guest.do("xsetroot -solid '#204060' -cursor /tmp/c.xbm /tmp/m.xbm -fg '#ff8000' -bg '#0080ff'")
            guest.point(300, 200, width, height)
            wanted = b"".join(b"\xff\x80\0\xff" if row >> x & 1 else b"\0\x80\xff\xff"
                              for row in (0x55, 0xaa, 0xff, 0x01) for x in range(8))
            for encoding in (ALPHA_CURSOR, CURSOR):
                client = Rfb(connect(guest.vnc))
                client.set_encodings(RAW, encoding)
                client.refresh()
                guest.wait("the pointer's picture does not come", lambda: client.refresh() and shape(client) == (3, 1, wanted), 20,
                           lambda: shape(client))
                if set(colours(client.refresh())) != {b"\x20\x40\x60"}:
                    guest.fail(f"the pointer is in the picture of a client that shows it: {colours(client.refresh())}")
                client.close()
            plain = Rfb(connect(guest.vnc))
            plain.set_encodings(RAW)
            got = part(plain.refresh(), 297, 199, 8, 4)[2]
            if plain.picture.count(b"\x20\x40\x60") < width * height - 32:
                guest.fail(f"more of the picture than the pointer has changed: {colours(plain.refresh())}")
            if got != b"".join(wanted[i:i + 3] for i in range(0, len(wanted), 4)):
                guest.fail(f"the pointer is not where it belongs in the picture of a client that shows none: {got.hex()}")
            guest.away()
    return test


def shape(client):
    """(hot x, hot y, pixels) of the pointer without what is clear beside it."""
    if not client.cursor:
        return None
    x, y, width, _, data = client.cursor
    rows = [data[i:i + width * 4] for i in range(0, len(data), width * 4)]
    return x, y, b"".join(row[:32] for row in rows if any(row))


PREFIX = ["-vga", "none", "-device"]
NO_BOCHS = "echo 0 >/sys/class/vtconsole/vtcon1/bind; rmmod bochs"
TESTS = (
    ("virtio-vga, modesetting", drawn(PREFIX + ["virtio-vga"], "modesetting", modes=("1024x768", "1920x1080"), follows=True)),
    ("virtio-gpu-pci, modesetting",
     drawn(PREFIX + ["virtio-gpu-pci,xres=800,yres=600"], "modesetting", modes=("640x480",), follows=True)),
    ("std VGA, modesetting on bochs-drm", drawn(["-vga", "std"], "modesetting", modes=("1024x768", "800x600"))),
    ("std VGA, fbdev", drawn(["-vga", "std"], "fbdev", 'Option "fbdev" "/dev/fb0"')),
    ("std VGA, vesa", drawn(["-vga", "std"], "vesa", modes=("1280x720",), before=NO_BOCHS)),
    ("cirrus-vga, modesetting", drawn(["-vga", "cirrus"], "modesetting")),
    ("the pointer of virtio-vga", pointer_apart(PREFIX + ["virtio-vga", "-device", "virtio-tablet-pci"])),
    ("a person at virtio-vga, a USB tablet and keyboard",
     used(PREFIX + ["virtio-vga", "-device", "qemu-xhci", "-device", "usb-tablet", "-device", "usb-kbd"])),
    ("a person at std VGA, a virtio tablet and keyboard",
     used(["-vga", "std", "-device", "virtio-tablet-pci", "-device", "virtio-keyboard-pci"])),
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
