#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""USB on each controller: Linux mounts a stick that comes and goes, sees keys and a tablet's places, goes on in
another process amid transfers; SeaBIOS boots from a stick and takes keys of a USB keyboard."""
import hashlib
import os
import re
import sys
import time

from boot import (INIT_HEAD, KERNEL_TROUBLE, SLOW, Failed, Run, Scratch, guest_data, guest_file, main, processor_time,
                  run_row)
from disks import ext4, run, tool
from firmware import DEBUG, EXIT, PASS_STATUS, SCREEN, assemble, need_bios
from machine import Machine
from screen import Screen

TIMEOUT = 400
SIZE = 32 << 20
APPEND = "console=ttyS0 panic=-1 quiet"
BASE = ("crct10dif_common", "crct10dif_generic", "crc-t10dif", "crc64", "crc64_rocksoft_generic", "crc64-rocksoft",
        "t10-pi", "crc16", "mbcache", "jbd2", "crc32c_generic", "ext4", "scsi_common", "scsi_mod", "sd_mod",
        "usb-common", "usbcore", "ehci-hcd", "ehci-pci", "uhci-hcd", "xhci-hcd", "xhci-pci")
STORAGE = BASE + ("usb-storage", "uas")
INPUT = BASE + ("hid", "usbhid", "hid-generic", "evdev")

XHCI = ["-device", "qemu-xhci"]
NEC = ["-M", "q35", "-device", "nec-usb-xhci,msi=off,msix=off"]
ROOT_PORT = ["-M", "q35", "-device", "pcie-root-port,id=pci.1,chassis=1", "-device",
             '{"driver":"qemu-xhci","p2":15,"p3":15,"id":"usb","bus":"pci.1","addr":"0x0"}']
UHCI = ["-usb"]
EHCI = ["-M", "q35", "-usb"]
UAS = "usb-uas,id=d scsi-hd,drive=drv,bus=d.0"

HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
mkdir -p /mnt
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
wait_for() { i=0; while ! eval "$1"; do sleep 0.1; i=$((i + 1)); [ $i -gt 900 ] && return 1; done; true; }
"""
END = """
insmod /button.ko 2>/dev/null
poweroff -f
"""

# Twice: mounts the stick, copies 2 MiB to it, lets it go.
STICK = """
echo GUEST-READY
for turn in 1 2; do
    wait_for 'mount -t ext4 /dev/sda /mnt 2>/dev/null' && echo MOUNTED-$turn
    cat /mnt/hello
    dd if=/dev/urandom of=/mnt/noise bs=64k count=32 2>/dev/null
    umount /mnt
    echo 3 >/proc/sys/vm/drop_caches
    mount -t ext4 -o ro /dev/sda /mnt
    echo "SUM-$turn $(md5sum </mnt/noise | cut -d' ' -f1)"
    umount /mnt && echo USED-$turn
    wait_for '[ ! -e /sys/block/sda ]'
    echo GONE-$turn
done
read line
"""

# node NAME: the event device of that name; events COUNT WORD <NODE: WORD, type, code, value of each.
EVENT_TOOLS = """
node() { for e in /sys/class/input/event*; do grep -q "$1" $e/device/name && echo /dev/input/${e##*/}; done; }
events() { dd bs=24 count=$1 2>/dev/null | od -An -v -w24 -t d2 | awk '{ print NAME, $9, $10, $11 }' NAME=$2; }
"""
EVENTS = EVENT_TOOLS + """
wait_for '[ -n "$(node Keyboard)" ] && [ -n "$(node Tablet)" ]'
events 6 KEY <$(node Keyboard) &
events 6 PLACE <$(node Tablet) &
echo GUEST-READY
wait
"""

# Reads all of the stick again and again.
READER = """
wait_for '[ -b /dev/sda ]'
turn=0
while turn=$((turn + 1)); do
    echo 3 >/proc/sys/vm/drop_caches
    echo "TURN-$turn $(dd if=/dev/sda bs=1M 2>/dev/null | md5sum | cut -d' ' -f1)"
done
"""


def initrd(scratch, drivers, script):
    files = []
    for name in drivers + ("button",):
        try:
            files.append((f"{name}.ko", guest_data("usb", f"{name}.ko")))
        except FileNotFoundError:       # built into the kernel
            pass
    return scratch.initrd(script + END, HEAD % " ".join(drivers), files)


def linux(scratch, drivers, script, args):
    return ["-nographic", "-no-reboot", "-m", "512", "-kernel", guest_file("usb"), "-initrd",
            initrd(scratch, drivers, script), "-append", APPEND, *args]


def check_end(running):
    if running.finish(TIMEOUT) != 0:
        running.fail("the guest did not power off")
    trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED|WARN ", running.output, re.M)
    if trouble:
        running.fail(f"printed '{trouble.group(0)}', which must not appear")


def stick(args, speed, add="usb-storage,id=d,drive=drv", delete=("d",)):
    """Plugs a stick in, lets Linux use it, pulls it, and again."""
    def test():
        scratch = Scratch()
        image = ext4(scratch)
        debugfs = tool("debugfs", "e2fsprogs")
        with Machine(scratch, linux(scratch, STORAGE, STICK, args), terminal=True) as guest:
            guest.expect(r"^GUEST-READY", TIMEOUT)
            for turn in (1, 2):
                at = len(guest.output)
                guest.ok(f"drive_add 0 if=none,id=drv,format=raw,file={image}", *(
                    f"device_add {device}" for device in add.split(" ")))
                guest.expect(f"^MOUNTED-{turn}$", TIMEOUT, at)
                guest.expect("^hello from the disk", TIMEOUT, at)
                end = guest.expect(f"^SUM-{turn} [0-9a-f]{{32}}$", TIMEOUT, at)
                guest.expect(f"^USED-{turn}$", TIMEOUT, at)
                if turn == 1 and f"Speed {speed} Mb/s" not in guest.command("info usb"):
                    guest.fail(f"'info usb' shows no device with {speed} Mb/s")
                guest.ok(*(f"device_del {device}" for device in delete))
                guest.expect(f"^GONE-{turn}$", TIMEOUT, at)
                guest.wait_until_free(delete[-1])
                run([tool("e2fsck", "e2fsprogs"), "-fn", image])
                noise = scratch.path("noise")
                run([debugfs, "-R", f"dump /noise {noise}", image])
                with open(noise, "rb") as file:
                    if hashlib.md5(file.read()).hexdigest() != guest.output[end - 32:end]:
                        guest.fail("the guest's file is not on the image as the guest wrote it")
            guest.type("\r")
            check_end(guest)
    return test


def keys_and_places(args):
    """A key and a place of the pointer, as Linux's event devices tell them."""
    def test():
        scratch = Scratch()
        args_all = [*args, "-device", "usb-kbd", "-device", "usb-tablet"]
        with Machine(scratch, linux(scratch, INPUT, EVENTS, args_all), terminal=True) as guest:
            guest.expect(r"^GUEST-READY", TIMEOUT)
            for _ in range(100):        # until Linux has opened it
                if re.search(r"^\* .*USB Tablet", guest.command("info mice"), re.M):
                    break
                time.sleep(0.2)
            else:
                guest.fail("Linux does not poll the tablet")
            at = len(guest.output)
            guest.ok("sendkey b", "mouse_move 1000 20000", "mouse_button 1")
            for event in ("KEY 1 48 1", "KEY 1 48 0", "PLACE 3 0 1000", "PLACE 3 1 20000", "PLACE 1 272 1"):
                guest.expect(f"^{event}$", TIMEOUT, at)
            check_end(guest)
    return test


def amid_transfers(args):
    """The machine goes on in another process while Linux reads from the stick."""
    def test():
        scratch = Scratch()
        data = os.urandom(SIZE)
        image, state = scratch.path("disk.img", data), scratch.path("state")
        want = hashlib.md5(data).hexdigest()
        command = linux(scratch, STORAGE + INPUT[len(BASE):], READER, [
            *args, "-device", "usb-kbd", "-drive", f"if=none,id=drv,format=raw,file={image}", "-device",
            "usb-storage,drive=drv"])
        with Machine(scratch, command, terminal=True) as guest:
            guest.expect(r"^TURN-1 ", TIMEOUT)
            guest.command("migrate_set_parameter downtime-limit 2000")    # it reads faster than it is sent
            guest.command("migrate_set_parameter max-bandwidth 8G")
            guest.command(f"migrate file:{state}")
            if "completed" not in guest.command("info migrate"):
                guest.fail("the machine was not saved")
        with Run([*command, "-incoming", f"file:{state}"], terminal=True) as guest:
            at = 0
            for _ in range(4):
                at = guest.expect(r"^TURN-\d+ \w{32}$", TIMEOUT, at)
            trouble = re.search(KERNEL_TROUBLE, guest.output, re.M)
            if trouble:
                guest.fail(f"printed '{trouble.group(0)}', which must not appear")
            sums = re.findall(r"^TURN-\d+ (\w{32})$", guest.output, re.M)
            if len(sums) < 2 or set(sums) != {want}:
                guest.fail(f"read {sums}, expected {want}")
    return test


def serial(args):
    """What the guest writes to a serial adapter is in the file behind it."""
    def test():
        scratch = Scratch()
        out = scratch.path("out")
        script = """
wait_for '[ -c /dev/ttyUSB0 ]'
stty -F /dev/ttyUSB0 raw -echo 115200
i=0; while [ $i -lt 500 ]; do echo "line $i of the guest's"; i=$((i + 1)); done >/dev/ttyUSB0
"""
        run_row(linux(scratch, BASE + ("usbserial", "ftdi_sio"), script, [
            *args, "-chardev", f"file,id=c,path={out}", "-device", "usb-serial,chardev=c"]),
                (), KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)
        with open(out, encoding="ascii", newline="") as file:
            if file.read() != "".join(f"line {i} of the guest's\n" for i in range(500)):
                raise Failed("not what the guest wrote")
    return test


def firmware_boots(args):
    def test():
        need_bios()
        scratch = Scratch()
        disk = scratch.path("disk.img", assemble(scratch, "bios_sector").ljust(4 << 20, b"\0"))
        run_row([*SCREEN, *DEBUG, *args, "-drive", f"if=none,id=d,format=raw,file={disk}", "-device",
                 "usb-storage,drive=d,bootindex=0", *EXIT],
                (r"USB MSC", r"int 13h disk: ok", r"^PASS"), r"FAIL", PASS_STATUS, TIMEOUT)
    return test


def firmware_keyboard(args):
    def test():
        need_bios()
        with Screen(["-boot", "menu=on,splash-time=60000", *args, "-device", "usb-kbd"]) as screen:
            screen.see("Press ESC for boot menu", 60)
            deadline = time.monotonic() + 60 * SLOW
            while "Select boot device" not in screen.monitor("screentext"):
                if time.monotonic() > deadline:
                    screen.fail("no boot menu after ESC")
                screen.monitor("sendkey esc")
                time.sleep(0.5)
    return test


def idle():
    """With a tablet plugged in and nothing to do the emulator sleeps: its time beside a machine without USB."""
    scratch = Scratch()
    script = "cat </dev/input/event* >/dev/null &\necho GUEST-READY\nread line\n"

    def used(args):
        with Run(linux(scratch, INPUT, script, args), terminal=True) as guest:
            guest.expect(r"^GUEST-READY", TIMEOUT)
            time.sleep(3)
            before, start = processor_time(guest.child.pid), time.monotonic()
            time.sleep(4)
            return (processor_time(guest.child.pid) - before) / (time.monotonic() - start)
    without, with_tablet = used([]), used([*XHCI, "-device", "usb-tablet"])
    print(f"# an idle guest takes {100 * without:.1f} % of a CPU, with a tablet {100 * with_tablet:.1f} %")
    if with_tablet > without + 0.05:
        raise Failed(f"a tablet costs {100 * (with_tablet - without):.1f} % of a CPU when nobody moves it")


TESTS = [
    ("a stick comes and goes: xHCI", stick(XHCI, 5000)),
    ("a stick comes and goes: xHCI of NEC, INTx, q35", stick(NEC, 5000)),
    ("a stick comes and goes: UHCI", stick(UHCI, 12)),
    ("a stick comes and goes: EHCI, q35", stick(EHCI, 480)),
    ("UAS over streams: xHCI", stick(XHCI, 5000, UAS, ("d",))),
    ("UAS without streams: EHCI", stick(EHCI, 480, UAS, ("d",))),
    ("a serial adapter: xHCI", serial(XHCI)),
    ("a serial adapter: UHCI", serial(UHCI)),
    ("keys and places: xHCI", keys_and_places(XHCI)),
    ("keys and places: behind a hub", keys_and_places([*XHCI, "-device", "usb-hub,port=1"])),
    ("keys and places: xHCI as libvirt has it", keys_and_places(ROOT_PORT)),
    ("keys and places: UHCI", keys_and_places(UHCI)),
    ("keys and places: EHCI and UHCI", keys_and_places([*EHCI, "-global", "usb-kbd.usb_version=1"])),
    ("another process amid transfers: xHCI", amid_transfers(XHCI)),
    ("another process amid transfers: EHCI", amid_transfers(EHCI)),
    ("SeaBIOS boots from a stick: xHCI", firmware_boots(XHCI)),
    ("SeaBIOS boots from a stick: UHCI", firmware_boots(UHCI)),
    ("SeaBIOS boots from a stick: EHCI", firmware_boots(EHCI)),
    ("SeaBIOS takes keys: xHCI", firmware_keyboard(XHCI)),
    ("SeaBIOS takes keys: UHCI", firmware_keyboard(UHCI)),
    ("an idle tablet costs nothing", idle),
]

# With --all alone: these take long, and others are near to them.
LONG = (
    "a stick comes and goes: xHCI of NEC, INTx, q35",
    "UAS without streams: EHCI",
    "keys and places: xHCI as libvirt has it",
    "another process amid transfers: EHCI",
    "a serial adapter: UHCI",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
