#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The direction of includes: an include points down the list of docs/architecture.md only.

GRANTS has one row per folder: what it may include besides its own headers. A further grant says
in its row why.
"""
import os
import re
import sys

from style import c_files, lines, tap

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')

FLOOR = "softmmu util"
BACK_ENDS = f"chardev block net ui audio fsdev {FLOOR}"
CPU = f"target/i386 {BACK_ENDS}"
ENGINES = f"accel/tcg accel/kvm accel/qtest {CPU}"
DEVICES = "hw/isa hw/pci hw/nvram hw/misc hw/intc hw/timer hw/char hw/input hw/block hw/net hw/display " \
          "hw/virtio hw/usb hw/audio hw/tpm hw/i2c hw/fs"
BOARD = f"hw hw/i386 {DEVICES} {ENGINES}"

# A device may include the CPU's contracts and what is below, and the bus it sits on.
DEVICE = f"hw/isa hw/pci hw/nvram {CPU}"    # hw/nvram: bootindex
VIRTIO = f"hw/virtio {DEVICE}"

GRANTS = {
    # folder        may include
    "util":         "",
    "softmmu":      "util",
    "chardev":      FLOOR,
    "block":        FLOOR,
    "net":          f"chardev {FLOOR}",             # a socket net back end is a character device
    "ui":           f"chardev {FLOOR}",             # VNC and the text consoles
    "audio":        FLOOR,
    "fsdev":        FLOOR,
    "target/i386":  FLOOR,
    "accel/tcg":    f"target/i386 {FLOOR}",
    "accel/tcg/x86_64": f"accel/tcg target/i386 {FLOOR}",
    "accel/kvm":    f"accel/tcg target/i386 {FLOOR}", # the interpreter completes what the kernel cannot
    "accel/qtest":  f"target/i386 chardev {FLOOR}", # a test's lines come over a character device
    "hw/isa":       FLOOR,
    "hw/pci":       f"hw/isa {FLOOR}",              # the bridge to ISA
    "hw/nvram":     f"hw/isa hw/pci {CPU}",
    "hw/misc":      DEVICE,
    "hw/tpm":       DEVICE,
    "hw/i2c":       DEVICE,
    "hw/intc":      DEVICE,
    "hw/timer":     DEVICE,
    "hw/char":      VIRTIO,
    "hw/input":     VIRTIO,
    "hw/block":     VIRTIO,
    "hw/net":       VIRTIO,
    "hw/display":   VIRTIO,
    "hw/audio":     f"hw/timer {DEVICE}",           # the speaker's tone is the timer's
    "hw/virtio":    DEVICE,
    "hw/fs":        VIRTIO,
    "hw/usb":       f"hw/block {DEVICE}",           # storage: the SCSI units
    "hw":           f"{DEVICES} hw/i386 {FLOOR}",   # device_list.c names every device type
    "hw/i386":      BOARD,
    "migration":    BOARD,
    "monitor":      f"migration {BOARD}",
    "gdbstub":      f"monitor migration {BOARD}",   # qRcmd hands a line to the monitor
    "cli":          f"monitor gdbstub migration {BOARD}",
    "tools":        f"{BACK_ENDS}",                 # the image tools have no machine
    "tests/unit":   f"tests cli monitor gdbstub migration {BOARD}",
    "tests/device": f"tests tests/unit cli monitor migration {BOARD}",
    "tests/insn":   f"tests tests/device {ENGINES} accel/tcg/x86_64",
    "tests/block":  BACK_ENDS,
    "tests/boot":   "",  # guests' programs: the C library alone
    "tests/fuzz":   f"tests cli monitor migration {BOARD}",
    "tests/bench/c": "",                            # programs for guests
}

# Written by configure; stands in no folder.
ANYWHERE = {"config.h"}


def complaints_of(folder, names, all_files):
    allowed = set(GRANTS[folder].split()) | {folder}
    for name in names:
        for number, line in enumerate(lines(name), 1):
            match = INCLUDE.match(line)
            if not match or match.group(1) in ANYWHERE:
                continue
            target = match.group(1)
            if target not in all_files:
                yield f"{name}:{number}: \"{target}\" is not a path from the root"
            elif os.path.dirname(target) not in allowed:
                yield f"{name}:{number}: {folder} may not include \"{target}\""


def grants_point_down():
    """The table itself has no cycles between different floors."""
    floors = ("util", "softmmu", "chardev", "target/i386", "accel/tcg", "hw/intc", "hw/i386",
              "migration", "monitor", "cli")
    for place, folder in enumerate(floors):
        for above in floors[place + 1:]:
            if above in GRANTS[folder].split():
                yield f"{folder} is granted {above}, which is above it"


def main():
    by_folder = {}
    all_files = set(c_files())
    for name in sorted(all_files):
        by_folder.setdefault(os.path.dirname(name), []).append(name)
    results = [("the grants point down", list(grants_point_down()))]
    for folder, names in sorted(by_folder.items()):
        if folder in GRANTS:
            found = list(complaints_of(folder, names, all_files))
        else:
            found = [f"{folder or 'the root'} has C files and no row in tests/style/includes.py"]
        results.append((f"includes of {folder or 'the root'}", found))
    return tap(results)


if __name__ == "__main__":
    sys.exit(main())
