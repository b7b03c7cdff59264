#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio's keyboard, mouse and tablet as Linux's event devices tell of them: type, code, value."""
import re
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Scratch, guest_data, guest_file, main
from machine import Machine
from usb import END, EVENT_TOOLS

TIMEOUT = 400
MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_mmio",
           "virtio_input", "evdev")
HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
wait_for() { i=0; while ! eval "$1"; do sleep 0.1; i=$((i + 1)); [ $i -gt 900 ] && return 1; done; true; }
""" % " ".join(MODULES)

# Device | its name in Linux | commands of the monitor | what Linux says: type, code, value.
KEYS = ("keyboard", "Virtio Keyboard", ("sendkey b", "sendkey shift-f12", "sendkey ctrl_r-up"),
        ("1 48 1", "0 0 0", "1 48 0", "0 0 0", "1 42 1", "0 0 0", "1 88 1", "0 0 0", "1 88 0", "0 0 0", "1 42 0", "0 0 0",
         "1 97 1", "0 0 0", "1 103 1", "0 0 0", "1 103 0", "0 0 0", "1 97 0", "0 0 0"))
MOUSE = ("mouse", "Virtio Mouse", ("mouse_move 5 -7", "mouse_move 0 0 1", "mouse_button 1", "mouse_button 4",
                                   "mouse_button 0"),
         ("2 0 5", "2 1 -7", "0 0 0", "2 8 -1", "0 0 0", "1 272 1", "0 0 0", "1 272 0", "1 273 1", "0 0 0", "1 273 0",
          "0 0 0"))
TABLET = ("tablet", "Virtio Tablet", ("mouse_move 1000 20000", "mouse_button 2", "mouse_move 32767 0", "mouse_button 0"),
          ("3 0 1000", "3 1 20000", "0 0 0", "1 274 1", "0 0 0", "3 0 32767", "3 1 0", "0 0 0", "1 274 0", "0 0 0"))
SCRIPT = EVENT_TOOLS + """
wait_for '[ -n "$(node "%s")" ]'
N=$(node "%s")
cat /sys/class/input/${N##*/}/device/capabilities/* | sed 's/^/CAPABILITIES: /'
exec 3<$N
echo GUEST-READY
events %d EVENT <&3
"""


def told(row, suffix, args):
    """Every event comes, in its order, and no other between."""
    kind, name, commands, wanted = row

    def test():
        scratch = Scratch()
        files = []
        for module in MODULES + ("button",):
            try:
                files.append((f"{module}.ko", guest_data("graphics", f"{module}.ko")))
            except FileNotFoundError:   # built into the kernel
                pass
        initrd = scratch.initrd(SCRIPT % (name, name, len(wanted)) + END, HEAD, files)
        options = ["-nographic", "-no-reboot", "-m", "256", "-kernel", guest_file("graphics"), "-initrd", initrd,
                   "-append", "console=ttyS0 panic=-1 quiet", *args, "-device", f"virtio-{kind}-{suffix}"]
        with Machine(scratch, options, terminal=True) as guest:
            guest.expect(r"^GUEST-READY", TIMEOUT)
            at = len(guest.output)
            guest.ok(*commands)
            if guest.finish(TIMEOUT) != 0:
                guest.fail("the guest did not power off")
            trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", guest.output, re.M)
            if trouble:
                guest.fail(f"printed '{trouble.group(0)}', which must not appear")
            got = tuple(re.findall(r"EVENT (\d+ \d+ -?\d+)$", guest.output[at:], re.M))
            if got != wanted:
                guest.fail(f"Linux was told {got}, expected {wanted}")
    return test


TESTS = [(f"virtio-{row[0]}-{suffix}", told(row, suffix, args))
         for suffix, args in (("pci", []), ("device", ["-M", "microvm"])) for row in (KEYS, MOUSE, TABLET)]

# With --all alone: these take long, and others are near to them.
LONG = (
    "virtio-mouse-device",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
