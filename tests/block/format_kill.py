#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A writer that is killed at any instant leaves an image that opens, and in which every write that it
told of is present.  RHEA_BLOCK_KILLS: how many for each format."""
import os
import random
import shutil
import subprocess
import sys
import time

from images import MIB, QEMU_IMG, RHEA_IMG, RHEA_IO, expect, main, run

KILLS = int(os.environ.get("RHEA_BLOCK_KILLS", "8"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))
SIZE = 64 * MIB
SLOT = 128 * 1024           # each write has a place of its own, so that no later one hides it


def write_until_killed(rng, fmt, path):
    """The writes that the program told of: (offset, length, byte)."""
    told = []
    slots = list(range(SIZE // SLOT))
    rng.shuffle(slots)
    child = subprocess.Popen([RHEA_IO, "-f", fmt, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + rng.uniform(0.01, 0.25)
    for number, slot in enumerate(slots):
        offset, length = slot * SLOT + rng.randrange(0, 64) * 512, rng.randrange(1, 128) * 512
        byte = 1 + number % 255
        child.stdin.write(f"write -q -P {byte} {offset} {length}\nlength\n")
        child.stdin.flush()
        if time.monotonic() > deadline:
            time.sleep(rng.uniform(0, 0.002))
            child.kill()
            break
        child.stdout.readline()         # the answer to `length`: the write before it is done
        told.append((offset, length, byte))
    child.communicate()
    return told


def killed(fmt, options):
    def test(folder):
        path = f"{folder}/a.{fmt}"
        run(RHEA_IMG, "create", "-q", "-f", fmt, *(["-o", options] if options else []), path, str(SIZE))
        for number in range(KILLS):
            rng = random.Random(f"{SEED} {fmt} {options} {number}")
            told = write_until_killed(rng, fmt, path)
            commands = []
            for offset, length, byte in told:
                commands += ["-c", f"read -q -P {byte} {offset} {length}"]
            if commands:
                done = run(RHEA_IO, "-r", "-f", fmt, *commands, path)
                expect("failed" not in done.out, f"kill {number}: {done.out}")
            if shutil.which(QEMU_IMG):
                run(QEMU_IMG, "compare", "-f", fmt, "-F", fmt, path, path)
                checked = run(QEMU_IMG, "check", "-f", fmt, path, status=None)
                expect(fmt == "parallels" or checked.status in (0, 3, 63), checked)
            expect(run(RHEA_IMG, "check", "-f", fmt, path, status=None).status in (0, 63), "check")
    return test


if __name__ == "__main__":
    sys.exit(main([(f"{fmt} {options}".strip(), killed(fmt, options)) for fmt, options in (
        ("vdi", ""), ("vpc", ""), ("vpc", "subformat=fixed"), ("vmdk", ""),
        ("vmdk", "subformat=twoGbMaxExtentSparse"), ("parallels", "cluster_size=64k"))]))
