#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged images of every format beside raw and qcow2: errors, never a crash or an endless loop.
RHEA_BLOCK_FUZZ: how many of each kind; the seed and number name an image again.  Under the address
sanitizer: make tests MODE=asan, RHEA_IMAGE=build/asan/tests/block/image."""
import os
import random
import struct
import subprocess
import sys

from format_images import bochs_image, cloop_image, dmg_image
from images import MIB, QEMU_IMG, RHEA_IMG, Failed, main, need, random_disk, run
from qcow2_disk import IMAGE

ROUNDS = int(os.environ.get("RHEA_BLOCK_FUZZ", "40"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))
SIZE = 3 * MIB

# format, how the image is made: by the builder, by the tool with options of -o
KINDS = (
    ("vdi", "static=off", RHEA_IMG), ("vpc", "subformat=dynamic", RHEA_IMG), ("vpc", "subformat=fixed", RHEA_IMG),
    ("vmdk", "", RHEA_IMG), ("parallels", "cluster_size=64k", RHEA_IMG),
    ("vmdk", "subformat=streamOptimized", QEMU_IMG), ("vhdx", "block_size=1M", QEMU_IMG), ("qcow", "", QEMU_IMG),
    ("bochs", "1", lambda disk: bochs_image(disk, 1)), ("bochs", "2", lambda disk: bochs_image(disk, 2)),
    ("cloop", "", cloop_image), ("dmg", "", dmg_image),
    ("luks", "key-secret=s,iter-time=10", RHEA_IMG),
)
# As the program takes it and as the tools do; the key of format luks.
SECRET = "secret,id=s,data=sesame"
KEYS = {"luks": ",key-secret=s"}

LOOK = ("object " + SECRET, "open check=1,read-only=on,driver={fmt},file.filename={path}{key}", "info", "check", "read 0 65536 0",
        "read 1048576 262144 1", "read 2621440 65536 1", "close")
WORK = ("object " + SECRET, "open driver={fmt},file.filename={path}{key}", "write 1000 100000 7", "zero 200000 90000", "write 2097152 70000 8",
        "flush", "check", "close")


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def mend_vhdx(data):
    """The checksums of headers are made right again, so that what is behind them is looked at."""
    for start, size in ((65536, 4096), (131072, 4096)):
        piece = bytearray(data[start:start + size])
        if len(piece) == size:
            piece[4:8] = bytes(4)
            struct.pack_into("<I", data, start + 4, crc32c(piece))


def spots_of(fmt, data):
    """Where the fields are, more or less."""
    spots = list(range(0, min(1024, len(data) - 8), 4))
    if fmt in ("vpc", "dmg"):
        spots += range(max(len(data) - 1024, 0), len(data) - 8, 4)
    if fmt == "dmg":                    # the property list
        start = data.rfind(b"<?xml")
        spots += [start + i * 7 for i in range((len(data) - 520 - start) // 7)]
    if fmt == "vhdx":
        spots += [at + i * 4 for at in (65536, 131072) for i in range(32)]
        for at in range(MIB, min(len(data), 5 * MIB), MIB):
            spots += [at + i * 4 for i in range(64)] + [at + 65536 + i * 4 for i in range(16)]
    if fmt == "vmdk":
        spots += range(1024, min(70000, len(data) - 8), 64)
    return [spot for spot in spots if spot + 8 <= len(data)]


def damage(rng, data, spots, little):
    data, order = bytearray(data), "<" if little else ">"
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.choice(spots) if rng.random() < 0.9 else rng.randrange(len(data) - 8)
        how = rng.randrange(5)
        if how == 0:
            data[at + rng.randrange(4)] ^= 1 << rng.randrange(8)
        elif how == 1:
            struct.pack_into(order + "Q", data, at, rng.choice((0, 1, 2 ** 64 - 1, 2 ** 63, 2 ** 40, 511, 2 ** 55)))
        elif how == 2:
            struct.pack_into(order + "I", data, at, rng.choice((0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 2, 65535, 512,
                                                                rng.randrange(4096))))
        elif how == 3:
            data[at] = rng.randrange(256)
        else:
            other = rng.choice(spots)
            data[at:at + 4] = data[other:other + 4]
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)):]
    return data


def feed(commands, fmt, path):
    """It stops at `open` when that fails: what follows has no image."""
    text = "\n".join(commands).format(fmt=fmt, path=path, key=KEYS.get(fmt, "")) + "\n"
    try:
        done = subprocess.run([IMAGE], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, errors="replace", check=False)
    except subprocess.TimeoutExpired:
        raise Failed("does not end") from None
    if done.returncode not in (0, 2) or "Sanitizer" in done.stderr:
        raise Failed(f"status {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-3000:]}")


def make(folder, fmt, options, how):
    source, path = random_disk(f"{folder}/src.raw", SIZE, "fuzz", 20), f"{folder}/a.{fmt}"
    if callable(how):
        with open(source, "rb") as disk, open(path, "wb") as file:
            file.write(how(disk.read()))
    elif fmt in KEYS:
        run(how, "create", "-q", "--object", SECRET, "-f", fmt, "-o", options, path, str(SIZE))
        run(how, "convert", "-n", "--object", SECRET, "-f", "raw", "--target-image-opts", source,
            f"driver={fmt},file.filename={path}{KEYS[fmt]}")
    else:
        need(how)
        run(how, "convert", "-f", "raw", "-O", fmt, *(["-o", options] if options else []), source, path)
    with open(path, "rb") as file:
        return path, file.read()


def fuzz(fmt, options, how):
    def test(folder):
        path, data = make(folder, fmt, options, how)
        spots = spots_of(fmt, data)
        little = fmt not in ("vpc", "qcow", "cloop", "dmg", "luks")
        for number in range(ROUNDS):
            rng = random.Random(f"{SEED} {fmt} {options} {number}")
            bad = damage(rng, data, spots, little)
            if fmt == "vhdx" and number % 4:
                mend_vhdx(bad)
            try:
                for commands in (LOOK, WORK):
                    with open(path, "wb") as file:
                        file.write(bad)
                    feed(commands, fmt, path)
            except Failed as error:
                kept = f"/tmp/{fmt}-fuzz-{SEED}-{number}"
                with open(kept, "wb") as file:
                    file.write(bad)
                raise Failed(f"number {number}, kept as {kept}: {error}") from None
    return test


if __name__ == "__main__":
    sys.exit(main([(f"{fmt} {options}".strip(), fuzz(fmt, options, how)) for fmt, options, how in KINDS]))
