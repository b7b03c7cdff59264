#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random 4 KiB requests in a guest (c/disk.c), on each controller, in turn under each emulator: CPU time of
the emulator's process for one request, microseconds, and the time that the guest saw; medians of the rounds."""
import argparse
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "boot")]

from boot import RHEA, Run, Scratch, guest_data, guest_file  # noqa: E402
from disks import COMMON  # noqa: E402
from runners import cpu_seconds  # noqa: E402
from virtio import BLK, CORE, HEAD, NVME, SCSI  # noqa: E402

# controller | guest of tools/fetch-guests, its modules | disk in the guest | device options
CONTROLLERS = {
    "virtio-blk": ("virtio", CORE + BLK, "vda", ["-device", "virtio-blk-pci,drive=d"]),
    "virtio-scsi": ("virtio", CORE + SCSI, "sda", ["-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=d"]),
    "nvme": ("virtio", NVME, "nvme0n1", ["-device", "nvme,drive=d,serial=s"]),
    "ide": ("disks", COMMON + ("ata_piix",), "sda", ["-device", "ide-hd,drive=d"]),
    "ahci": ("disks", COMMON + ("libahci", "ahci"), "sda", ["-machine", "q35", "-device", "ide-hd,drive=d"]),
}
SCRIPT = """
i=0
while [ ! -b /dev/NODE ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
for what in read write; do /disk /dev/NODE $what 200 >/dev/null; /disk /dev/NODE $what COUNT; done
sync; reboot -f
"""
IMAGE_BYTES = 256 << 20
TIMEOUT = 900


def initrd(scratch, guest, modules, node, count):
    program = scratch.path("disk")
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-static", "-o", program,
                    os.path.join(HERE, "c", "disk.c")], check=True)
    with open(program, "rb") as file:
        files = [("disk", file.read())]
    for name in modules:
        try:
            files.append((f"{name}.ko", guest_data(guest, f"{name}.ko")))
        except FileNotFoundError:
            pass                        # built into the kernel
    script = SCRIPT.replace("NODE", node).replace("COUNT", str(count))
    return scratch.initrd("chmod 755 /disk\n" + script, HEAD % " ".join(modules), files)


def make_image(scratch, image_format):
    """A full image, the same for all."""
    raw = scratch.path("disk.raw", os.urandom(1 << 20) * (IMAGE_BYTES >> 20))
    if image_format == "raw":
        return raw
    image = scratch.path(f"disk.{image_format}")
    subprocess.run([os.path.join(os.path.dirname(RHEA), "rhea-img"), "convert", "-f", "raw", "-O",
                    image_format, raw, image], check=True)
    return image


def once(command, controller, args):
    """{"read": (CPU us, guest us), "write": ...} of one boot."""
    guest, modules, node, devices = CONTROLLERS[controller]
    scratch, count = Scratch(), args.count
    image = make_image(scratch, args.format)
    drive = f"file={image},format={args.format},if=none,id=d" + (f",{args.drive}" if args.drive else "")
    options = ["-nographic", "-no-reboot", "-m", "512", "-cpu", "max", "-kernel", guest_file(guest),
               "-initrd", initrd(scratch, guest, modules, node, count), "-append", "console=ttyS0 quiet",
               "-drive", drive, *devices]
    results = {}
    with Run(options, command=tuple(command)) as run:
        at = 0
        for what in ("read", "write"):
            at = run.expect(rf"^DISK-START {what}$", TIMEOUT, at)
            start = cpu_seconds(run.child.pid)
            at = run.expect(rf"^DISK-END {what} \d+ ns", TIMEOUT, at)
            cpu = cpu_seconds(run.child.pid) - start
            guest = int(re.search(rf"DISK-END {what} (\d+) ns", run.output).group(1))
            results[what] = (cpu / count * 1e6, guest / 1e3)
        run.finish(TIMEOUT)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", action="append", metavar="NAME=COMMAND")
    parser.add_argument("--only", action="append", choices=CONTROLLERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=10000, help="requests (10000)")
    parser.add_argument("--format", default="raw", help="raw or qcow2 (raw)")
    parser.add_argument("--drive", default="", metavar="OPTIONS", help="further options of -drive: cache=none")
    args = parser.parse_args()
    binaries = [b.split("=", 1) for b in args.binary or
                [f"rhea={RHEA}", "qemu=qemu-system-x86_64 -accel tcg"]]
    print("| requests | " + " | ".join(f"{n} CPU µs | {n} guest µs" for n, _ in binaries) + " |")
    print("|---|" + "---:|---:|" * len(binaries))
    for controller in args.only or CONTROLLERS:
        runs = {name: [] for name, _ in binaries}
        for _ in range(args.rounds):
            for name, command in binaries:
                words = shlex.split(command)
                words[0] = shutil.which(words[0]) or words[0]
                runs[name].append(once(words, controller, args))
        for what in ("read", "write"):
            cells = [f"{statistics.median(r[what][k] for r in runs[name]):.1f}"
                     for name, _ in binaries for k in (0, 1)]
            print(f"| {controller} {what} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
