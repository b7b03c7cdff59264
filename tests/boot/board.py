#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Linux finds of the board: SMBIOS tables, and suspend to RAM."""
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Run, Scratch, guest_file, main, run_row
from firmware import need_bios, wait_for_text
from firmware_os import SERIAL, button, iso

TIMEOUT = 180
APPEND = "console=ttyS0 panic=-1"
FULL = ["-nographic", "-no-reboot", "-m", "256"]

UUID = "12345678-9abc-def0-1122-334455667788"
DMI = """insmod /button.ko 2>/dev/null
cd /sys/class/dmi/id
for f in sys_vendor product_name product_serial product_uuid product_sku bios_vendor bios_release \\
         board_vendor board_asset_tag chassis_serial; do
    echo "$f: $(cat $f)"
done
tr '\\000' '\\n' </sys/firmware/dmi/tables/DMI | grep -o -e 'first string' -e 'second, string' \\
    -e 'SOCK 0' -e 'SLOT 0' -e 'from a file' -e 'a connector' -e 'a device'
poweroff -f
"""
# Type 200 with one string, as a file.
STRUCTURE = bytes([200, 4, 0x00, 0xc8]) + b"from a file\0\0"
SMBIOS = ["-uuid", "00000000-0000-0000-0000-000000000001",
          "-smbios", "type=0,vendor=Maker of BIOS,release=3.7",
          "-smbios", f"type=1,manufacturer=Maker,product=A product,serial=S1,uuid={UUID},sku=K",
          "-smbios", "type=2,manufacturer=Board maker,asset=A2", "-smbios", "type=3,serial=S3",
          "-smbios", "type=4,sock_pfx=SOCK", "-smbios", "type=17,loc_pfx=SLOT,speed=3200",
          "-smbios", "type=11,value=first string,value=second,, string",
          "-smbios", "type=8,internal_reference=J1,external_reference=a connector,port_type=9",
          "-smbios", "type=41,designation=a device,kind=ethernet,instance=1"]
FOUND = (r"^sys_vendor: Maker$", r"^product_name: A product$", r"^product_serial: S1$",
         rf"^product_uuid: {UUID}$", r"^product_sku: K$", r"^bios_vendor: Maker of BIOS$",
         r"^bios_release: 3\.7$", r"^board_vendor: Board maker$", r"^board_asset_tag: A2$",
         r"^chassis_serial: S3$", r"^first string$", r"^second, string$", r"^SOCK 0$", r"^SLOT 0$",
         r"^from a file$", r"^a connector$", r"^a device$")


def smbios_with_a_kernel():
    scratch = Scratch()
    run_row([*FULL, *SMBIOS, "-smbios", f"file={scratch.path('s', STRUCTURE)}",
             "-kernel", guest_file("cloud"), "-append", APPEND,
             "-initrd", scratch.initrd(DMI, INIT_HEAD)], FOUND, KERNEL_TROUBLE, 0, TIMEOUT)


def smbios_with_firmware():
    need_bios()
    scratch = Scratch()
    image = iso(scratch, guest_file("cloud"), scratch.initrd(DMI, files=button(scratch)))
    run_row([*FULL, *SMBIOS, "-smbios", f"file={scratch.path('s', STRUCTURE)}", "-cdrom", image],
            FOUND, KERNEL_TROUBLE, 0, TIMEOUT)


SLEEP = """insmod /button.ko 2>/dev/null
dd if=/dev/urandom of=/tmp/noise bs=1M count=16 2>/dev/null
md5sum </tmp/noise >/tmp/sum
%s
echo mem >/sys/power/state && echo WOKE
[ "$(md5sum </tmp/noise)" = "$(cat /tmp/sum)" ] && echo RAM-KEPT
dmesg | grep 'resume complete'
poweroff -f
"""
ALARM = "echo +3 >/sys/class/rtc/rtc0/wakealarm"
SLEEP_APPEND = APPEND + " no_console_suspend"


def sleep(machine, wake, by_firmware=False):
    """The guest sleeps and wakes with its memory; `wake` is the monitor's command, or the alarm."""
    def test():
        scratch = Scratch()
        log = scratch.path("log", b"")
        initrd = scratch.initrd(SLEEP % (ALARM if wake == ALARM else ""), INIT_HEAD,
                                button(scratch) if by_firmware else ())
        start = ["-kernel", guest_file("amd64"), "-initrd", initrd, "-append", SLEEP_APPEND]
        if by_firmware:
            need_bios()
            start = ["-cdrom", iso(scratch, guest_file("amd64"), initrd, SERIAL + " no_console_suspend")]
        with Run([*FULL, "-machine", machine, "-serial", f"file:{log}", "-monitor", "stdio", *start],
                 terminal=True) as run:
            wait_for_text(run, log, "PM: suspend entry", 1)
            while wake != ALARM and "suspended" not in run.output:
                run.type("info status\n")
                run.pump(0.2)
            if wake != ALARM:
                run.type(wake + "\n")
            for line in ("^WOKE", "^RAM-KEPT", "Power down"):
                wait_for_text(run, log, line, 1)
            if run.finish(TIMEOUT) != 0:
                run.fail("the guest did not power off")
    return test


TESTS = (
    ("suspend to RAM on pc, system_wakeup", sleep("pc", "system_wakeup")),
    ("suspend to RAM on pc, the RTC's alarm", sleep("pc", ALARM)),
    ("suspend to RAM on q35, the power button", sleep("q35", "system_powerdown")),
    ("suspend to RAM under SeaBIOS on pc", sleep("pc", "system_wakeup", True)),
    ("suspend to RAM under SeaBIOS on q35", sleep("q35", ALARM, True)),
    ("-smbios with -kernel", smbios_with_a_kernel),
    ("-smbios with firmware", smbios_with_firmware),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "suspend to RAM under SeaBIOS on q35",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
