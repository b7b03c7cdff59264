#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Images of every format: those that qemu-img makes are read, those made here are read by qemu-img.
Formats that qemu-img does not make are put together here byte by byte."""
import base64
import bz2
import lzma
import os
import struct
import zlib

from images import (MIB, QEMU_IMG, QEMU_IO, RHEA_IMG, expect, expect_equal, main, need, random_disk, run,
                    same_bytes)

SIZE = 9 * MIB + 512 * 7

# format, options of -o, whether it is made and written here
IMAGES = (
    ("vmdk", "", True),
    ("vmdk", "subformat=monolithicFlat", True),
    ("vmdk", "subformat=twoGbMaxExtentSparse", True),
    ("vmdk", "subformat=twoGbMaxExtentFlat", True),
    ("vmdk", "subformat=streamOptimized", False),
    ("vmdk", "zeroed_grain=on", False),
    ("vdi", "", True),
    ("vdi", "static=on", True),
    ("vpc", "", True),
    ("vpc", "subformat=fixed", True),
    ("vpc", "force_size=on", True),
    ("vhdx", "", False),
    ("vhdx", "subformat=fixed", False),
    ("vhdx", "block_size=1M", False),
    ("qcow", "", False),
    ("parallels", "", True),
    ("parallels", "cluster_size=64k", True),
)


def options(text):
    return ["-o", text] if text else []


def reads(fmt, text):
    def test(folder):
        need(QEMU_IMG)
        source = random_disk(f"{folder}/src.raw", SIZE, f"{fmt}{text}")
        run(QEMU_IMG, "convert", "-f", "raw", "-O", fmt, *options(text), source, f"{folder}/image.{fmt}")
        run(RHEA_IMG, "convert", "-f", fmt, f"{folder}/image.{fmt}", f"{folder}/back.raw")
        expect(same_bytes(source, f"{folder}/back.raw"), "what was read differs")
        run(RHEA_IMG, "compare", "-f", "raw", "-F", fmt, source, f"{folder}/image.{fmt}")
        if "fixed" not in text:         # a fixed VHD is not recognized by its first bytes
            info = run(RHEA_IMG, "info", f"{folder}/image.{fmt}").out
            expect(f"file format: {fmt}\n" in info, info)
    return test


def writes(fmt, text):
    def test(folder):
        need(QEMU_IMG)
        source = random_disk(f"{folder}/src.raw", SIZE, f"{text}{fmt}")
        run(RHEA_IMG, "convert", "-f", "raw", "-O", fmt, *options(text), source, f"{folder}/image.{fmt}")
        run(QEMU_IMG, "compare", "-f", "raw", "-F", fmt, source, f"{folder}/image.{fmt}")
        checked = run(QEMU_IMG, "check", "-f", fmt, f"{folder}/image.{fmt}", status=None)
        expect(checked.status in (0, 63), checked)
    return test


def writes_over(fmt, text):
    """Images of qemu-img are written here, then by qemu-io again."""
    def test(folder):
        need(QEMU_IMG, QEMU_IO)
        image, base = f"{folder}/image.{fmt}", f"{folder}/base.raw"
        first = random_disk(f"{folder}/first.raw", SIZE, "first")
        second = random_disk(f"{folder}/second.raw", SIZE, "second")
        run(QEMU_IMG, "convert", "-f", "raw", "-O", fmt, *options(text), first, image)
        run(RHEA_IMG, "convert", "-n", "-f", "raw", "-O", fmt, second, image)
        run(QEMU_IMG, "compare", "-f", "raw", "-F", fmt, second, image)
        run(QEMU_IO, "-f", fmt, "-c", "write -P 0x5a 3M 200k", image)
        run(QEMU_IO, "-f", "raw", "-c", "write -P 0x5a 3M 200k", second)
        run(RHEA_IMG, "convert", "-f", fmt, image, base)
        expect(same_bytes(second, base), "what was read differs")
    return test


def vmdk_chain(folder):
    """A parent is found by its name in the child, and the child knows the parent's content id."""
    need(QEMU_IMG, QEMU_IO)
    random_disk(f"{folder}/src.raw", SIZE, "chain")
    os.mkdir(f"{folder}/deep")
    run(RHEA_IMG, "convert", "-f", "raw", "-O", "vmdk", "src.raw", "deep/base.vmdk", cwd=folder)
    run(RHEA_IMG, "create", "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk", "deep/top.vmdk", cwd=folder)
    run(QEMU_IMG, "compare", "src.raw", "deep/top.vmdk", cwd=folder)
    run(QEMU_IO, "-c", "write -P 7 1M 4k", "deep/top.vmdk", cwd=folder)
    run(QEMU_IO, "-f", "raw", "-c", "write -P 7 1M 4k", "src.raw", cwd=folder)
    run(RHEA_IMG, "compare", "-f", "raw", "src.raw", "deep/top.vmdk", cwd=folder)


def vdi_check(folder):
    """A block that is named twice is found."""
    run(RHEA_IMG, "convert", "-f", "raw", "-O", "vdi", random_disk(f"{folder}/a", 4 * MIB, 1),
        f"{folder}/a.vdi")
    expect_equal(run(RHEA_IMG, "check", f"{folder}/a.vdi").out, "No errors were found on the image.\n")
    with open(f"{folder}/a.vdi", "r+b") as file:
        file.seek(512)
        file.write(struct.pack("<2I", 1, 1))
    expect("1 errors were found" in run(RHEA_IMG, "check", f"{folder}/a.vdi", status=2).out, "")


# Formats that are put together here -------------------------------------------------------------

def bochs_image(disk, version):
    """A growing image: extents of 16 sectors, in the reverse of their order."""
    extent = 16 * 512
    count = -(-len(disk) // extent)
    head = struct.pack("<32s16s16s5I", b"Bochs Virtual HD Image", b"Redolog", b"Growing",
                       version << 16, 512, count, 2, extent)
    head += (b"" if version == 1 else bytes(4)) + struct.pack("<Q", len(disk))
    catalog, extents = [0xffffffff] * count, []
    for number in reversed(range(count)):
        data = disk[number * extent:(number + 1) * extent].ljust(extent, b"\0")
        if not any(data):
            continue
        catalog[number] = len(extents)
        bits = sum(1 << i for i in range(16) if any(data[i * 512:(i + 1) * 512]))
        extents.append(struct.pack("<H", bits).ljust(512, b"\0") + data)
    return head.ljust(512, b"\0") + struct.pack(f"<{count}I", *catalog) + b"".join(extents)


def cloop_image(disk, block=32768):
    pieces = [zlib.compress(disk[at:at + block].ljust(block, b"\0")) for at in range(0, len(disk), block)]
    offsets = [136 + 8 * (len(pieces) + 1)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    script = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
    return (script.ljust(128, b"\0") + struct.pack(">2I", block, len(pieces)) +
            struct.pack(f">{len(offsets)}Q", *offsets) + b"".join(pieces))


def adc(data):
    """Literals, and for runs of one byte a literal and matches of both lengths."""
    out, at = bytearray(), 0
    while at < len(data):
        run_length = 1
        while at + run_length < len(data) and data[at + run_length] == data[at] and run_length < 60:
            run_length += 1
        out += bytes([0x80, data[at]])
        at += 1
        left = run_length - 1
        if left >= 4:
            out += bytes([0x40 | left - 4, 0, 0])
            at += left
        elif left == 3:
            out += bytes([0, 0])
            at += 3
    return bytes(out)


DMG_KINDS = (
    (0x00000001, lambda data: data),
    (0x80000005, zlib.compress),
    (0x80000006, bz2.compress),
    (0x80000008, lambda data: lzma.compress(data, format=lzma.FORMAT_XZ)),
    (0x80000004, adc),
)


def dmg_image(disk, kinds=DMG_KINDS):
    """Two partitions; the chunks take the kinds in turn, zeroes are told as such."""
    chunk, half = 64 * 512, len(disk) // 2 // 512 * 512
    body, tables = b"", []
    for start, end in ((0, half), (half, len(disk))):
        rows = []
        for number, at in enumerate(range(start, end, chunk)):
            data = disk[at:min(at + chunk, end)]
            kind, pack = kinds[number % len(kinds)]
            packed = pack(data)
            if not any(data):
                kind, packed = 2, b""
            rows.append(struct.pack(">2I4Q", kind, 0, (at - start) // 512, len(data) // 512,
                                    len(body), len(packed)))
            body += packed
        rows.append(struct.pack(">2I4Q", 0xffffffff, 0, (end - start) // 512, 0, len(body), 0))
        tables.append(struct.pack(">4sI3Q2I", b"mish", 1, start // 512, (end - start) // 512, 0, 0, 0)
                      .ljust(200, b"\0") + struct.pack(">I", len(rows)) + b"".join(rows))
    plist = ('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
             '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict>'
             "<key>resource-fork</key><dict><key>blkx</key><array>" +
             "".join("<dict><key>Attributes</key><string>0x0050</string><key>Data</key><data>\n" +
                     base64.encodebytes(table).decode() + "</data></dict>" for table in tables) +
             "</array></dict></dict></plist>\n").encode()
    trailer = (b"koly" + struct.pack(">3I", 4, 512, 1)).ljust(24, b"\0") + struct.pack(">2Q", 0, len(body))
    trailer = trailer.ljust(216, b"\0") + struct.pack(">2Q", len(body), len(plist))
    trailer = trailer.ljust(492, b"\0") + struct.pack(">Q", len(disk) // 512)
    return body + plist + trailer.ljust(512, b"\0")


def built(make, name):
    def test(folder):
        random_disk(f"{folder}/src.raw", 2 * MIB, name)
        with open(f"{folder}/src.raw", "rb") as file:
            disk = file.read()
        with open(f"{folder}/{name}", "wb") as file:
            file.write(make(disk))
        run(RHEA_IMG, "convert", f"{folder}/{name}", f"{folder}/back.raw")
        expect(same_bytes(f"{folder}/src.raw", f"{folder}/back.raw"), "what was read differs")
        need(QEMU_IMG)
        if name != "adc.dmg":           # qemu-img has no ADC
            run(QEMU_IMG, "compare", "-f", "raw", f"{folder}/src.raw", f"{folder}/{name}")
    return test


def lzfse(folder):
    """What cannot be inflated is refused when the image is opened."""
    with open(f"{folder}/a.dmg", "wb") as file:
        file.write(dmg_image(b"\1" * 65536, ((0x80000007, zlib.compress),)))
    said = run(RHEA_IMG, "info", f"{folder}/a.dmg", status=1).err
    expect("lzfse is not supported yet" in said, said)


QEMU_DMG = ((0x00000001, lambda data: data), (0x80000005, zlib.compress))

TESTS = (
    [(f"{fmt} {text}".strip() + " of qemu-img is read", reads(fmt, text)) for fmt, text, _ in IMAGES] +
    [(f"{fmt} {text}".strip() + " is made", writes(fmt, text)) for fmt, text, made in IMAGES if made] +
    [(f"{fmt} {text}".strip() + " of qemu-img is written", writes_over(fmt, text))
     for fmt, text, made in IMAGES if made] +
    [("a chain of VMDK images", vmdk_chain),
     ("check finds a VDI block that is named twice", vdi_check),
     ("bochs 1 is read", built(lambda disk: bochs_image(disk, 1), "one.bochs")),
     ("bochs 2 is read", built(lambda disk: bochs_image(disk, 2), "two.bochs")),
     ("cloop is read", built(cloop_image, "a.cloop")),
     ("dmg is read", built(lambda disk: dmg_image(disk, QEMU_DMG), "a.dmg")),
     ("dmg with bzip2, lzma and ADC is read", built(dmg_image, "adc.dmg")),
     ("dmg with LZFSE is refused", lzfse)])

if __name__ == "__main__":
    main(TESTS)
