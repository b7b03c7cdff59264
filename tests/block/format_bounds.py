#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fields of images that are out of bounds: the message names file, field, value and bounds."""
import struct
import sys

from format_images import bochs_image, cloop_image, dmg_image
from images import MIB, QEMU_IMG, RHEA_IMG, expect, main, need, random_disk, run

# format, who makes it, offset (negative: from the end), format of struct, value, part of the message
FIELDS = (
    ("vdi", RHEA_IMG, 0x44, "<I", 0x00020000, "version is 131072, must be 65537"),
    ("vdi", RHEA_IMG, 0x4c, "<I", 4, "image type is 4, must be 1 to 2"),
    ("vdi", RHEA_IMG, 0x168, "<I", 4096, "sector size is 4096, must be 512"),
    ("vdi", RHEA_IMG, 0x178, "<I", 0, "block size is 0, must be 4096 to 268435456"),
    ("vdi", RHEA_IMG, 0x180, "<I", 1, "blocks in image is 1, must be 2 to 268435456"),
    ("vdi", RHEA_IMG, 0x154, "<I", 0x7fffffff, "end of the block map is 2147483655, must be 0 to"),
    ("vdi", RHEA_IMG, 0x200, "<I", 77, "block map entry 0 is 77, must be 0 to"),
    ("vpc", RHEA_IMG, 512 + 28, ">I", 0xffffffff, "max table entries is 4294967295, must be 0 to 268435456"),
    ("vpc", RHEA_IMG, 512 + 32, ">I", 3 * MIB, "block size is 3145728, must be a power of two"),
    ("vpc", RHEA_IMG, 512 + 16, ">Q", 2 ** 40, "end of the block table is 10995116277"),
    ("vpc", RHEA_IMG, -512 + 60, ">I", 4, "disk type is 4, must be 2 to 3"),
    ("vmdk", RHEA_IMG, 20, "<Q", 0, "grain size is 0, must be 1 to 65536"),
    ("vmdk", RHEA_IMG, 44, "<I", 513, "GTEs per GT is 513, must be 1 to 512"),
    ("vmdk", RHEA_IMG, 56, "<Q", 2 ** 50, "gdOffset is 1125899906842624, must be 1 to"),
    ("vmdk", RHEA_IMG, 28, "<Q", 2 ** 50, "descriptor offset is 1125899906842624, must be 1 to"),
    ("vmdk", RHEA_IMG, 12, "<Q", 8, "capacity of the extent is 2097152, must be 0 to 4096"),
    ("parallels", RHEA_IMG, 28, "<I", 0, "tracks is 0, must be 1 to"),
    ("parallels", RHEA_IMG, 32, "<I", 1, "nb_sectors is 4096, must be 0 to 2048"),
    ("qcow", QEMU_IMG, 32, "B", 40, "cluster_bits is 40, must be 9 to 16"),
    ("qcow", QEMU_IMG, 33, "B", 60, "l2_bits is 60, must be 6 to 13"),
    ("qcow", QEMU_IMG, 24, ">Q", 2 ** 62, "size is 4611686018427387904, must be 0 to"),
    ("qcow", QEMU_IMG, 40, ">Q", 2 ** 62, "l1_table_offset is 4611686018427387904, must be 48 to"),
    ("qcow", QEMU_IMG, 36, ">I", 1, "encrypted qcow images are not supported"),
    ("vhdx", QEMU_IMG, 65536 + 66, "<H", 2, None),       # the checksum no longer fits: the other header counts
    ("bochs", lambda disk: bochs_image(disk, 2), 80, "<I", 100, "extent is 100, must be 512 to"),
    ("bochs", lambda disk: bochs_image(disk, 2), 72, "<I", 1 << 24, "end of the catalog is 67109376, must be 0 to"),
    ("cloop", cloop_image, 128, ">I", 1, "block_size is 1, must be 512 to"),
    ("cloop", cloop_image, 144, ">Q", 5, "offset 1 is 5, must be"),
    ("dmg", dmg_image, -512 + 216, ">Q", 2 ** 50, "plist offset is 1125899906842624, must be 0 to"),
    ("dmg", dmg_image, -512 + 224, ">Q", 2 ** 40, "plist length is 1099511627776, must be 1 to"),
)


def refused(fmt, how, offset, code, value, message):
    def test(folder):
        source, path = random_disk(f"{folder}/src.raw", 2 * MIB, 3, 60), f"{folder}/a.{fmt}"
        if callable(how):
            with open(source, "rb") as disk, open(path, "wb") as file:
                file.write(how(disk.read()))
        else:
            need(how)
            run(how, "convert", "-f", "raw", "-O", fmt, source, path)
        with open(path, "r+b") as file:
            file.seek(offset, 2 if offset < 0 else 0)
            file.write(struct.pack(code, value))
        done = run(RHEA_IMG, "info", "-f", fmt, path, status=1 if message else 0)
        expect(not message or (message in done.err and path in done.err), done)
    return test


if __name__ == "__main__":
    sys.exit(main([(f"{row[0]}: {row[5] or 'the other header'}", refused(*row)) for row in FIELDS]))
