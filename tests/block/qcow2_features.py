#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each feature of qcow2, made by Rhea and read by QEMU or the other way round; what is refused is refused
by its name."""
import json
import os
import struct
import sys

from qcow2_disk import Failed, Image, expect, missing, qemu_check, qemu_sum, rhea, rhea_check, run, tap

CREATE = {
    "cluster size": ("cluster_size=4096", "cluster-size", 4096),
    "version 2": ("compat=0.10", "compat", "0.10"),
    "refcount width": ("refcount_bits=1", "refcount-bits", 1),
    "lazy refcounts": ("lazy_refcounts=on", "lazy-refcounts", True),
    "zstd": ("compression_type=zstd", "compression-type", "zstd"),
    "subclusters": ("extended_l2=on", "extended-l2", True),
}
MIB = 1 << 20


def path_in(work, name="a.qcow2"):
    return os.path.join(work, name)


def info(path):
    """What QEMU says about an image: format-specific members beside the others."""
    said = json.loads(run("qemu-img", "info", "-U", "--output=json", path).stdout)
    return {**said, **said["format-specific"]["data"]}


def same(path, work):
    qemu_check(path)
    rhea_check(path)
    got = rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "sum")
    expect(got, qemu_sum(path, work), f"{path}: Rhea and QEMU read the same")


def created_as_asked(work):
    for name, (options, member, value) in CREATE.items():
        path = path_in(work, name.replace(" ", "-"))
        rhea(f"create qcow2 {path} size=64M,{options}")
        expect(info(path)[member], value, name)
        same(path, work)


def preallocation(work):
    for mode, at_least in (("metadata", 0), ("falloc", 4 * MIB), ("full", 4 * MIB)):
        path = path_in(work, mode)
        rhea(f"create qcow2 {path} size=4M,preallocation={mode}")
        same(path, work)
        size, blocks = os.stat(path).st_size, os.stat(path).st_blocks * 512
        if size < 4 * MIB or blocks < at_least:
            raise Failed(f"{mode}: {size} bytes, {blocks} allocated")


def external_data(work):
    for raw in ("off", "on"):
        path, data = path_in(work, f"e-{raw}"), path_in(work, f"data-{raw}")
        rhea(f"create qcow2 {path} size=1M,data_file={data},data_file_raw={raw}",
             f"open driver=qcow2,discard=unmap,file.filename={path}", "write 70000 100000 5",
             "zero 80000 20000", "zero 131072 65536 unmap", "write 900000 1000 6")
        same(path, work)
        expect(info(path)["data-file"], data, "name of the data file")
        if raw == "on":
            with open(data, "rb") as file:
                content = file.read()
            expect(len(content), MIB, "size of the raw file")
            expect(content[79999] + content[80000] + content[900999], 5 + 0 + 6, "bytes of the raw file")
        ok, text = rhea_answer(f"open driver=qcow2,file.filename={path}", "snapshot create x")
        expect((ok, "external data" in text), (False, True), "no snapshots with external data")
        made = path_in(work, f"q-{raw}")
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={made}.data,data_file_raw={raw}", made, "1M")
        run("qemu-io", "-c", "write -P 9 4096 300000", made)
        same(made, work)


def rhea_answer(*commands):
    with Image() as image:
        for command in commands[:-1]:
            image.do(command)
        return image.answer(commands[-1])


def backing_chain(work):
    """Relative names, three layers of two formats, made from another folder."""
    folder = path_in(work, "deep")
    os.mkdir(folder)
    with open(os.path.join(folder, "base.raw"), "wb") as file:
        file.write(b"\1" * MIB)
    mid, top = os.path.join(folder, "mid.qcow2"), os.path.join(folder, "top.qcow2")
    rhea(f"create qcow2 {mid} size=2M,backing_file=base.raw,backing_fmt=raw",
         f"open driver=qcow2,file.filename={mid}", "write 65536 65536 2")
    rhea(f"create qcow2 {top} size=3M,backing_file=mid.qcow2,backing_fmt=qcow2",
         f"open driver=qcow2,file.filename={top}", "read 0 65536 1", "read 65536 65536 2",
         "read 131072 65536 1", "read 1048576 2097152 0", "write 0 512 3", "read 512 512 1")
    same(top, work)
    circle = path_in(work, "circle.qcow2")
    rhea(f"create qcow2 {circle} size=1M,backing_file=circle.qcow2,backing_fmt=qcow2")
    ok, text = rhea_answer(f"open driver=qcow2,file.filename={circle}")
    expect(ok, False, "a circle of images")


def compressed_by_qemu(work):
    source = path_in(work, "src.raw")
    with open(source, "wb") as file:
        file.write(b"".join(bytes([i % 251]) * 997 for i in range(2100)))
    for options in ("compression_type=zlib", "compression_type=zstd", "compression_type=zlib,cluster_size=4096",
                    "compression_type=zlib,extended_l2=on"):
        path = path_in(work, "c.qcow2")
        run("qemu-img", "convert", "-c", "-O", "qcow2", "-o", options, source, path)
        same(path, work)
        rhea(f"open driver=qcow2,file.filename={path}", "write 1000 200 7", "zero 300000 5000", "write 100000 150000 8")
        same(path, work)


def bitmaps(work):
    path = path_in(work)
    run("qemu-img", "create", "-q", "-f", "qcow2", path, "1M")
    run("qemu-img", "bitmap", "--add", "-g", "65536", path, "b0")
    rhea(f"open driver=qcow2,file.filename={path}", "write 65536 100000 1", "zero 655360 65536")
    expect(rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "bits b0"), "0110000000100000", "bits")
    rhea(f"open driver=qcow2,file.filename={path}", "bitmap add b1", "bitmap disable b1", "write 0 512 2",
         "bitmap enable b1", "bitmap merge b1 b0", "bitmap clear b0")
    qemu_check(path)
    rhea_check(path)
    expect([(b["name"], b["flags"]) for b in info(path)["bitmaps"]], [("b0", ["auto"]), ("b1", ["auto"])], "flags")
    run("qemu-img", "bitmap", "--merge", "b1", path, "b0")
    run("qemu-io", "-c", "write 983040 512", path)
    expect(rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "bits b0"), "1110000000100001", "bits by QEMU")
    rhea(f"open driver=qcow2,file.filename={path}", "bitmap remove b0")
    expect(len(info(path)["bitmaps"]), 1, "bitmaps left")
    # Who is killed leaves it in use: it is not to be trusted.
    with Image() as image:
        image.do(f"open driver=qcow2,file.filename={path}")
        image.do("write 0 512 9")
        image.do("flush")
        image.process.kill()
        image.process.stdin = open(os.devnull, "w")
    expect(info(path)["bitmaps"][0]["flags"], ["in-use", "auto"], "flags after a kill")
    ok, _ = rhea_answer(f"open driver=qcow2,read-only=on,file.filename={path}", "bits b1")
    expect(ok, False, "a bitmap in use")
    qemu_check(path, leaks_are_fine=True)


def resized(work):
    for backing in (False, True):
        path = path_in(work, f"r{backing}")
        options = ""
        if backing:
            with open(path_in(work, "long.raw"), "wb") as file:
                file.write(b"\4" * (3 * MIB))
            options = ",backing_file=long.raw,backing_fmt=raw"
        rhea(f"create qcow2 {path} size=1049088{options}", f"open driver=qcow2,file.filename={path}",
             "write 1040000 9088 1", "resize 1048576 yes", "resize 2M", "read 1048576 1048576 0",
             "read 1040000 8576 1")
        same(path, work)
        expect(info(path)["virtual-size"], 2 * MIB, "size")
        ok, _ = rhea_answer(f"open driver=qcow2,file.filename={path}", "resize 1M")
        expect(ok, False, "shrinking without saying so")


def emptied(work):
    path = path_in(work)
    rhea(f"create qcow2 {path} size=1M", f"open driver=qcow2,file.filename={path}", "write 0 1048576 1",
         "snapshot create s", "write 0 500000 2", "empty", "read 0 1048576 0", "snapshot apply s", "read 0 1048576 1")
    same(path, work)


def set_bits(path, offset, value, size=8):
    with open(path, "r+b") as file:
        file.seek(offset)
        old = int.from_bytes(file.read(size), "big")
        file.seek(offset)
        file.write((old | value).to_bytes(size, "big"))


def refusals(work):
    path = path_in(work)
    rhea(f"create qcow2 {path} size=1M")
    set_bits(path, 72, 1 << 40)
    ok, text = rhea_answer(f"open driver=qcow2,file.filename={path}")
    expect((ok, "Unsupported qcow2 feature(s): Unknown incompatible feature: 10000000000" in text), (False, True), text)
    with open(path, "rb") as file:
        head = file.read(4096)
    at = head.find(b"lazy refcounts") - 2
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(struct.pack("BB", 0, 40) + b"time travel\0\0\0")
    ok, text = rhea_answer(f"open driver=qcow2,file.filename={path}")
    expect((ok, text.endswith("Unsupported qcow2 feature(s): time travel")), (False, True), text)
    fields = (("version", 4, 4, 9, "version is 9, must be 2 to 3"),
              ("cluster_bits", 20, 4, 60, "cluster_bits is 60, must be 9 to 21"),
              ("l1_size", 36, 4, 1 << 31, "l1_size is 2147483648, must be 0 to 4194304"),
              ("refcount_order", 96, 4, 7, "refcount_order is 7, must be 0 to 6"),
              ("crypt_method", 32, 4, 1, "Unsupported qcow2 feature(s): AES encryption"),
              ("crypt_method", 32, 4, 2, "the header extension of LUKS encryption is missing"))
    for name, offset, size, value, want in fields:
        rhea(f"create qcow2 {path} size=1M")
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(value.to_bytes(size, "big"))
        ok, text = rhea_answer(f"open driver=qcow2,file.filename={path}")
        expect((ok, want in text, path in text), (False, True, True), f"{name}: {text}")


def dirty_and_corrupt(work):
    path = path_in(work)
    rhea(f"create qcow2 {path} size=1M,lazy_refcounts=on", f"open driver=qcow2,file.filename={path}", "write 0 200000 1")
    set_bits(path, 72, 1)
    rhea(f"open driver=qcow2,file.filename={path}", "read 0 200000 1")
    expect(info(path)["dirty-flag"], False, "the dirty bit after opening for writing")
    set_bits(path, 72, 2)
    ok, text = rhea_answer(f"open driver=qcow2,file.filename={path}")
    expect((ok, "Image is corrupt; cannot be opened read/write" in text), (False, True), text)
    rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "read 0 200000 1")
    rhea(f"open check=1,driver=qcow2,file.filename={path}", "check all")
    expect(info(path)["corrupt"], False, "the corrupt bit after repair")
    same(path, work)


def leaks_are_repaired(work):
    path = path_in(work)
    rhea(f"create qcow2 {path} size=1M", f"open driver=qcow2,file.filename={path}", "write 0 300000 1")
    with open(path, "r+b") as file:
        file.seek(48)
        table = int.from_bytes(file.read(8), "big")
        file.seek(table)
        block = int.from_bytes(file.read(8), "big")
        file.seek(block + 2 * 500)
        file.write(b"\0\1")
        file.seek(block + 2 * 3)
        file.write(b"\0\0")
    text = rhea(f"open check=1,driver=qcow2,read-only=on,file.filename={path}", "check")
    expect("leaks=1" in text and "corruptions=0" not in text, True, text)
    text = rhea(f"open check=1,driver=qcow2,file.filename={path}", "check all")
    expect("corruptions=0 leaks=0 errors=0" in text, True, text)
    same(path, work)


if __name__ == "__main__":
    sys.exit(tap([
        ("create options", created_as_asked),
        ("preallocation", preallocation),
        ("external data files", external_data),
        ("backing files with relative names", backing_chain),
        ("clusters that QEMU compressed", compressed_by_qemu),
        ("persistent bitmaps", bitmaps),
        ("other sizes", resized),
        ("emptied images", emptied),
        ("refusals by name", refusals),
        ("dirty and corrupt bits", dirty_and_corrupt),
        ("repair", leaks_are_repaired),
    ], missing()))
