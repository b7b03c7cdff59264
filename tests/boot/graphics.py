#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux's own drivers of the graphics cards: the console on the screen, and a picture, compared by screendump."""
import re
import sys

from boot import INIT_HEAD, Run, Scratch, guest_data, guest_file, main
from display_guest import difference
from firmware import wait_for_text
from rfb import read_ppm

TIMEOUT = 180
MODULES = ("button", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
           "virtio_mmio", "virtio_dma_buf", "drm", "drm_kms_helper", "drm_shmem_helper", "virtio-gpu", "cirrus")
LOAD = """mount -t devtmpfs dev /dev
for m in %s; do insmod /$m.ko || echo INSMOD-FAILED $m; done
F=/sys/class/graphics/fb0
echo "FB: $(cat $F/name) $(cat $F/virtual_size) $(cat $F/bits_per_pixel) $(cat $F/stride)"
echo "CONNECTED: $(cat /sys/class/drm/card0-*/status | sort | uniq -c)"
cat /sys/class/drm/card0-*/edid | wc -c | sed 's/^/EDID: /'
echo 0 >/sys/class/graphics/fbcon/cursor_blink
sleep 1
i=0; while [ $i -lt 20 ]; do echo "LINE $i OF TEXT" >/dev/tty1; i=$((i + 1)); done
sleep 1
echo CONSOLE-IS-ON
read x </dev/ttyS0
printf '\\033[?25l\\033[2J' >/dev/tty1
cat /picture >/dev/fb0
sync
echo PICTURE-IS-ON
sleep 1000
"""


def colour(x, y):
    """A pixel of the picture; what is at its edges tells a shift by one."""
    return (x * 7 & 0xff, y * 5 & 0xff, (x ^ y) & 0xff)


def picture(width, height, bits):
    """Its bytes in the frame buffer."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            r, g, b = colour(x, y)
            if bits == 32:
                out += bytes((b, g, r, 0))
            elif bits == 24:
                out += bytes((b, g, r))
            else:
                out += (r >> 3 << 11 | g >> 2 << 5 | b >> 3).to_bytes(2, "little")
    return bytes(out)


def shown(width, height, bits):
    """What a screendump of it holds."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            r, g, b = colour(x, y)
            if bits == 16:
                r, g, b = r >> 3 << 3 | r >> 5, g >> 2 << 2 | g >> 6, b >> 3 << 3 | b >> 5
            out += bytes((r, g, b))
    return bytes(out)


class Screen(Run):
    """A run with the monitor on its terminal and the guest's console in a pipe's file."""

    def dump(self, path):
        """The screen, once the monitor has written it."""
        start = len(self.output)
        self.type(f"screendump {path}\n")
        self.expect(r"\n\(qemu\) ", 20, start)
        return read_ppm(path)


def card(args, fb, width, height, bits, edid):
    """Boots; fb: what Linux says of its frame buffer."""
    def test():
        scratch = Scratch()
        log = scratch.path("log", b"")
        files = [(f"{m}.ko", guest_data("graphics", f"{m}.ko")) for m in MODULES]
        files.append(("picture", picture(width, height, bits)))
        initrd = scratch.initrd(LOAD % " ".join(MODULES), INIT_HEAD, files)
        pipe = scratch.path("go", b"")
        with Screen(["-display", "none", "-no-reboot", "-m", "256", "-kernel", guest_file("graphics"),
                     "-initrd", initrd, "-append", "console=ttyS0 panic=-1 consoleblank=0", "-monitor",
                     "stdio", "-chardev", f"socket,id=s,path={pipe}.sock,server=on,wait=off,logfile={log}",
                     "-serial", "chardev:s", *args], terminal=True) as run:
            wait_for_text(run, log, "^CONSOLE-IS-ON", 1)
            text = open(log, errors="replace").read()
            for pattern in (fb, r"^CONNECTED: +1 connected", f"^EDID: {edid}"):
                if not re.search(pattern, text, re.M):
                    run.fail(f"the guest does not say '{pattern}'")
            if re.search("INSMOD-FAILED", text):
                run.fail("a module does not load")
            got = run.dump(scratch.path("text.ppm", b""))
            light = sum(1 for c in got[2][::3] if c > 0x80)
            if got[:2] != (width, height) or not 300 < light < width * height // 4:
                run.fail(f"the console's screen is {got[0]}x{got[1]} with {light} light pixels")
            go(run, f"{pipe}.sock")
            wait_for_text(run, log, "^PICTURE-IS-ON", 1)
            run.pump(1)
            got = run.dump(scratch.path("picture.ppm", b""))
            if got != (wanted := (width, height, shown(width, height, bits))):
                run.fail(f"the picture is another: {difference(got, wanted)}")
            run.type("quit\n")
            if run.finish(30) != 0:
                run.fail("quit does not end it with status 0")
    return test


def go(run, path):
    """A line for the script that waits on its console."""
    import socket
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"go\n")
        run.pump(0.5)


VIRTIO = r"^FB: virtio_gpudrmfb 640,480 32 2560$"
TESTS = (
    ("virtio-gpu-pci", card(["-vga", "none", "-device", "virtio-gpu-pci,xres=640,yres=480"], VIRTIO, 640, 480, 32,
                            128)),
    ("virtio-vga", card(["-vga", "none", "-device", "virtio-vga,xres=640,yres=480"], VIRTIO, 640, 480, 32, 128)),
    ("virtio-gpu-device on microvm", card(["-M", "microvm", "-device", "virtio-gpu-device,xres=640,yres=480"],
                                          VIRTIO, 640, 480, 32, 128)),
    ("cirrus-vga", card(["-vga", "cirrus"], r"^FB: cirrusdrmfb 1024,768 16 2048$", 1024, 768, 16, 0)),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "virtio-vga",
    "virtio-gpu-device on microvm",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
