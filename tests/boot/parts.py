#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small parts of a PC as Linux finds them: vmgenid and loads, pvpanic, fw_cfg, SMBus and its
EEPROMs, and text that is copied between a guest's agent and a VNC client."""
import re
import struct
import sys

from boot import KERNEL_TROUBLE, Run, Scratch, guest_data, guest_file, main, run_row
from disks import run as run_tool, tool
from machine import Machine
from rfb import Rfb, connect
from uefi import firmware

TIMEOUT = 300
GUID = "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"
APPEND = "console=ttyS0 panic=-1"
RESEEDED = "crng reseeded due to virtual machine fork"


def modules(*names):
    return [(f"{name}.ko", guest_data("parts", f"{name}.ko")) for name in names]


def load(*names):
    return "".join(f"insmod /{name}.ko || echo INSMOD-FAILED {name}\n" for name in names)


def base(scratch, script, names=(), *args):
    return ["-nographic", "-no-reboot", "-m", "256", "-kernel", guest_file("parts"), "-initrd",
            scratch.initrd(script, files=modules(*names)), "-append", APPEND, *args]


WAITS = """
echo GUEST-READY
while read line; do echo "LINE $line"; done
"""


def vmgenid_tells_linux_of_a_load(machine, by_firmware=False):
    """The kernel mixes the number into its random numbers when the guest was loaded."""
    def test():
        scratch = Scratch()
        image = scratch.path("disk.qcow2")
        run_tool([tool("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", image, "16M"])
        args = base(scratch, WAITS, (), "-M", machine, "-hda", image, "-device", "vmgenid,guid=")
        args[-1] += GUID
        if by_firmware:
            args += ["-bios", scratch.path("ovmf", firmware("OVMF.fd"))]
        with Machine(scratch, args, terminal=True) as guest:
            guest.expect("^GUEST-READY", TIMEOUT)
            if GUID not in guest.command("info vm-generation-id"):
                guest.fail("info vm-generation-id does not tell")
            guest.ok("savevm s")
            if re.search(RESEEDED, guest.output):
                guest.fail("it was told before")
            at = len(guest.output)
            guest.ok("loadvm s")
            guest.type("still there\r")
            guest.expect("^LINE still there", TIMEOUT, at)
        # Another process, with another number. The same one would be no news to Linux.
        args[args.index("-device") + 1] = "vmgenid"
        with Run([*args, "-loadvm", "s"], terminal=True) as guest:
            guest.expect(RESEEDED, TIMEOUT)
            if re.search(KERNEL_TROUBLE, guest.output):
                guest.fail("kernel trouble")
    return test


PANIC = """
echo LOADED
echo 1 >/proc/sys/kernel/sysrq
echo c >/proc/sysrq-trigger
"""


def pvpanic_is_told(device, driver):
    def test():
        scratch = Scratch()
        args = base(scratch, load("pvpanic", driver) + PANIC, ("pvpanic", driver), "-device", device, "-action",
                    "panic=exit-failure")
        args[args.index(APPEND)] = "console=ttyS0 panic=0"     # it would wait for ever
        with Run(args) as guest:
            guest.expect("^LOADED", TIMEOUT)
            guest.expect("sysrq triggered crash", TIMEOUT)
            if guest.finish(TIMEOUT) != 1:
                guest.fail("did not end with status 1")
            if "INSMOD-FAILED" in guest.output:
                guest.fail("a module was not loaded")
    return test


def fw_cfg_is_found():
    scratch = Scratch()
    script = load("qemu_fw_cfg") + "cat /sys/firmware/qemu_fw_cfg/by_name/opt/x/raw\necho\n" \
        "ls -1 /sys/firmware/qemu_fw_cfg/by_name/etc\npoweroff -f\n"
    run_row(base(scratch, script, ("qemu_fw_cfg",), "-fw_cfg", "name=opt/x,string=as given", "-device", "vmcoreinfo"),
            (r"^as given", "^vmcoreinfo"), KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)


SPD = """
mount -t devtmpfs dev /dev
bus=$(grep -l SMBus /sys/bus/i2c/devices/i2c-*/name | head -n 1)
echo spd 0x50 >${bus%/name}/new_device
echo spd 0x51 >${bus%/name}/new_device
echo "FIRST $(od -An -v -tu1 ${bus%/name}/*-0050/eeprom | tr -d '\\n')"
echo "SECOND $(od -An -v -tu1 ${bus%/name}/*-0051/eeprom 2>/dev/null | tr -d '\\n')"
grep smbus /proc/interrupts | sed 's/^/INTERRUPTS /'
poweroff -f
"""


def spd_bytes(guest, which):
    return [int(n) for n in re.search(rf"^{which}(( +\d+)*)", guest.output, re.M).group(1).split()]


def smbus_has_the_modules(machine, driver):
    """384 MiB are modules of 256 and 128 MiB."""
    def test():
        scratch = Scratch()
        names = ("i2c-smbus", driver, "at24") if driver == "i2c-i801" else (driver, "at24")
        args = base(scratch, load(*names) + SPD, names, "-M", machine, "-m", "384")
        with Run(args) as guest:
            guest.expect("^SECOND", TIMEOUT)
            if guest.finish(TIMEOUT) != 0:
                guest.fail("did not end well")
            if re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", guest.output):
                guest.fail("kernel trouble")
            for which, density, rows in (("FIRST", 0x40, 12), ("SECOND", 0x20, 11)):
                data = spd_bytes(guest, which)
                if len(data) != 256 or data[2] != 8 or data[31] != density or data[3:5] != [rows, 10] \
                        or sum(data[:63]) & 0xff != data[63]:
                    guest.fail(f"{which}: {data}")
            if driver == "i2c-i801" and not re.search(r"^INTERRUPTS .* [1-9]\d* .*i801_smbus", guest.output, re.M):
                guest.fail("no interrupts")
    return test


def octal(data):
    """For printf in a shell."""
    return "".join(f"\\{byte:03o}" for byte in data)


def agent_message(kind, data):
    """SPICE's agent protocol: a chunk of port 1 with one message in it."""
    message = struct.pack("<IIQI", 1, kind, 0, len(data)) + data
    return struct.pack("<II", 1, len(message)) + message


TEXT = struct.pack("<II", 0, 1)     # of the clipboard: text
FROM_GUEST, FROM_CLIENT = "copied in the guest", "copied at the client"
AGENT = f"""
mount -t devtmpfs dev /dev
i=0
while ! port=$(grep -l com.redhat.spice.0 /sys/class/virtio-ports/*/name) && [ $i -lt 100 ]; do
    sleep 0.1; i=$((i + 1))
done
port=${{port%/name}}
exec 3<>/dev/${{port##*/}}
take() {{ dd bs=4096 count=1 <&3 2>/dev/null; }}
echo "ASKED $(take | od -An -v -tx1 | tr -d ' \\n')"
printf '{octal(agent_message(6, struct.pack("<II", 1, 0x60)))}' >&3
echo "CAPABILITIES $(take | od -An -v -tx1 | tr -d ' \\n')"
printf '{octal(agent_message(7, TEXT))}' >&3
echo "REQUEST $(take | od -An -v -tx1 | tr -d ' \\n')"
printf '{octal(agent_message(4, TEXT + FROM_GUEST.encode()))}' >&3
echo "GRAB $(take | od -An -v -tx1 | tr -d ' \\n')"
printf '{octal(agent_message(8, TEXT))}' >&3
echo "TEXT $(take | tr -d '\\000-\\037')"
poweroff -f
"""


VIRTIO_CONSOLE = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
                  "virtio_console")
AGENT_PORT = ("-chardev", "qemu-vdagent,id=agent,name=vdagent,clipboard=on,mouse=off", "-device", "virtio-serial-pci",
              "-device", "virtserialport,chardev=agent,name=com.redhat.spice.0")


def text_is_copied_between_guest_and_client():
    """An agent in the guest, and a client of VNC."""
    scratch = Scratch()
    path = scratch.path("vnc.sock")
    args = base(scratch, load(*VIRTIO_CONSOLE) + AGENT, VIRTIO_CONSOLE, "-vnc", f"unix:{path}", *AGENT_PORT)
    with Run(args) as guest:
        client = Rfb(connect(path))
        guest.expect("^ASKED " + agent_message(6, struct.pack("<II", 1, 0x60)).hex(), TIMEOUT)
        guest.expect("^CAPABILITIES .*" + agent_message(6, struct.pack("<II", 0, 0x60)).hex(), TIMEOUT)
        guest.expect("^REQUEST " + agent_message(8, TEXT).hex(), TIMEOUT)
        head = client.take(8)
        text = client.take(struct.unpack(">I", head[4:])[0])
        if head[0] != 3 or text.decode() != FROM_GUEST:
            guest.fail(f"the client was sent {head} {text}")
        client.send(struct.pack(">BxxxI", 6, len(FROM_CLIENT)) + FROM_CLIENT.encode())
        guest.expect("^GRAB " + agent_message(7, TEXT).hex(), TIMEOUT)
        guest.expect(f"^TEXT .*{FROM_CLIENT}", TIMEOUT)
        if guest.finish(TIMEOUT) != 0 or re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", guest.output):
            guest.fail("did not end well")


TESTS = [
    ("vdagent: text is copied between the guest and a VNC client", text_is_copied_between_guest_and_client),
    ("SMBus: Linux reads the modules, pc", smbus_has_the_modules("pc", "i2c-piix4")),
    ("SMBus: Linux reads the modules, q35", smbus_has_the_modules("q35", "i2c-i801")),
    ("vmgenid: Linux is told of a load, pc", vmgenid_tells_linux_of_a_load("pc")),
    ("vmgenid: Linux is told of a load, q35", vmgenid_tells_linux_of_a_load("q35")),
    ("vmgenid: Linux is told of a load, OVMF", vmgenid_tells_linux_of_a_load("pc", True)),
    ("pvpanic: a panic ends it", pvpanic_is_told("pvpanic", "pvpanic-mmio")),
    ("pvpanic-pci: a panic ends it", pvpanic_is_told("pvpanic-pci", "pvpanic-pci")),
    ("fw_cfg: Linux's driver finds its files", fw_cfg_is_found),
]


# With --all alone: these take long, and others are near to them.
LONG = (
    "vmgenid: Linux is told of a load, pc",
    "SMBus: Linux reads the modules, pc",
    "pvpanic: a panic ends it",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
