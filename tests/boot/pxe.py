#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""iPXE, the ROM of each network card, boots Linux over -netdev user: all of it by TFTP (tftp=, bootfile=), and
with a script that leads on to a server of HTTP on this host's loopback interface."""
import functools
import http.server
import os
import shutil
import sys

from boot import Failed, Run, Scratch, Skip, guest_file, main
from firmware import assemble, need_bios
from network_guest import serving

TIMEOUT = 200
ROMS = "/usr/lib/ipxe/qemu"
CARDS = {                       # and their ROMs
    "e1000": "efi-e1000.rom",
    "e1000e": "efi-e1000e.rom",
    "ne2k_pci": "efi-ne2k_pci.rom",
    "pcnet": "efi-pcnet.rom",
    "rtl8139": "efi-rtl8139.rom",
    "virtio-net-pci": "efi-virtio.rom",
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):                           # pylint: disable=arguments-differ
        pass


def folder_of(scratch):
    """The kernel, for both servers."""
    folder = scratch.path("served")
    os.mkdir(folder)
    shutil.copy(guest_file("cloud"), os.path.join(folder, "vmlinuz"))
    return folder


def script(folder, name, *lines):
    with open(os.path.join(folder, name), "w", encoding="ascii") as file:
        file.write("\n".join(["#!ipxe", *lines, ""]))


def need_rom(name):
    need_bios()
    if not os.path.exists(os.path.join(ROMS, name)):
        raise Skip(f"no {name} (Debian package ipxe-qemu)")


def boots(args, url, more=()):
    """The machine loads boot.ipxe; URL is where it finds the kernel, {port} the server's."""
    scratch = Scratch()
    folder = folder_of(scratch)
    handler = functools.partial(Quiet, directory=folder)
    with serving(handler=handler) as port:
        url = url.format(port=port)
        script(folder, "boot.ipxe", f"chain {url}/next.ipxe")
        script(folder, "next.ipxe", f"kernel {url}/vmlinuz console=ttyS0 panic=-1 loaded={url}", "boot")
        run_args = ["-nographic", "-no-reboot", "-m", "512", "-netdev",
                    f"user,id=n,tftp={folder},bootfile=boot.ipxe", *args]
        with Run(run_args) as run:
            for pattern in (*more, r"tftp://10\.0\.2\.2/boot\.ipxe\.+ *.*ok",
                            rf"{url}/vmlinuz\.+ *.*ok", rf"Command line:.* loaded={url}"):
                run.expect(pattern, TIMEOUT)


def by_rom(machine, card, url):
    def test():
        need_rom(CARDS.get(card, "efi-virtio.rom"))
        boots(["-M", machine, "-device", f"{card},netdev=n", "-boot", "n"], url)
    return test


def bootindex_goes_before_a_disk():
    need_rom("efi-e1000.rom")
    scratch = Scratch()
    disk = scratch.path("disk.img", assemble(scratch, "bios_sector").ljust(4 << 20, b"\0"))
    args = ["-drive", f"file={disk},format=raw", "-device", "e1000,netdev=n,bootindex=0"]
    boots(args, "tftp://10.0.2.2", [r"Booting from ROM"])


def no_rom_no_boot():
    """Without the ROM firmware has nothing to try."""
    need_bios()
    with Run(["-nographic", "-netdev", "user,id=n", "-device", "e1000,netdev=n,romfile=", "-boot", "n"]) as run:
        run.expect(r"No bootable device", TIMEOUT)
        if "iPXE" in run.output:
            raise Failed("iPXE is there")


TESTS = (
    *((f"{card} on {machine} by {kind}", by_rom(machine, card, url))
      for card in CARDS
      for machine, kind, url in (("pc", "TFTP", "tftp://10.0.2.2"), ("q35", "HTTP", "http://10.0.2.2:{port}"))),
    ("virtio-net-pci-non-transitional, whose ids the ROM gets",
     by_rom("q35", "virtio-net-pci-non-transitional", "tftp://10.0.2.2")),
    ("bootindex= goes before a disk", bootindex_goes_before_a_disk),
    ("no ROM, no boot", no_rom_no_boot),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "e1000e on q35 by HTTP",
    "ne2k_pci on q35 by HTTP",
    "pcnet on q35 by HTTP",
    "rtl8139 on q35 by HTTP",
    "e1000 on pc by TFTP",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
