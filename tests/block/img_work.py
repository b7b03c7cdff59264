#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What rhea-img does to images, looked at with qemu-img, or with rhea-img where that is missing."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from images import (MIB, QEMU_IMG, RHEA_IMG, RHEA_IO, Skip, expect, expect_equal, main, random_disk, run,
                    same_bytes)

SIZE = 5 * MIB + 4096
LOOK = QEMU_IMG if shutil.which(QEMU_IMG) else RHEA_IMG


def img(folder, text, status=0):
    return run(RHEA_IMG, *[word if word != "''" else "" for word in text.split()], cwd=folder, status=status)


def reads_as(folder, image, raw, fmt="qcow2"):
    run(LOOK, "compare", "-f", "raw", "-F", fmt, raw, image, cwd=folder)


def io(folder, image, *commands, fmt="qcow2"):
    words = [RHEA_IO, "-f", fmt]
    for command in commands:
        words += ["-c", command]
    return run(*words, image, cwd=folder)


def converts(words, target="qcow2"):
    def test(folder):
        random_disk(f"{folder}/a.raw", SIZE, words)
        img(folder, f"convert -f raw -O {target} {words} a.raw b")
        reads_as(folder, "b", "a.raw", target)
        if target == "qcow2":
            run(LOOK, "check", "-f", "qcow2", "b", cwd=folder)
    return test


def compressed_in_order(folder):
    """However many threads compress, the clusters lie in the order of the disk: always the same file."""
    random_disk(f"{folder}/a.raw", 32 * MIB, 1)
    for threads in (1, 8):
        img(folder, f"convert -c -m {threads} -f raw -O qcow2 a.raw b{threads}")
    with open(f"{folder}/b1", "rb") as one, open(f"{folder}/b8", "rb") as eight:
        expect(one.read() == eight.read(), "eight threads made another file than one")


def concatenated(folder):
    random_disk(f"{folder}/a", MIB, 1)
    random_disk(f"{folder}/b", MIB + 512, 2)
    random_disk(f"{folder}/c", MIB, 3)
    img(folder, "convert -f raw -O qcow2 a b c all")
    with open(f"{folder}/abc", "wb") as out:
        for name in "abc":
            with open(f"{folder}/{name}", "rb") as file:
                out.write(file.read())
    reads_as(folder, "all", "abc")


def sparse(folder):
    """Zeroes take no space, with -S 0 they do; the source is flat and has no holes."""
    with open(f"{folder}/a", "wb") as file:
        file.write(b"\1" * MIB + bytes(3 * MIB) + b"\2" * 4096)
    img(folder, "convert -f raw -O raw a b")
    img(folder, "convert -f raw -O raw -S 0 a c")
    expect(same_bytes(f"{folder}/a", f"{folder}/b") and same_bytes(f"{folder}/a", f"{folder}/c"), "bytes")
    blocks = [os.stat(f"{folder}/{name}").st_blocks * 512 for name in "bc"]
    expect(blocks[0] < 1.5 * MIB and blocks[1] > 3.9 * MIB, blocks)


def onto_backing(folder):
    """-B: what the top of the source does not have is left to the backing file."""
    random_disk(f"{folder}/base.raw", SIZE, 1)
    img(folder, "create -q -f qcow2 -b base.raw -F raw top.qcow2")
    io(folder, "top.qcow2", "write -P 7 1M 64k", "write -z 2M 64k")
    img(folder, "convert -O raw top.qcow2 want.raw")
    img(folder, "convert -O qcow2 -B base.raw -F raw top.qcow2 copy.qcow2")
    reads_as(folder, "copy.qcow2", "want.raw")
    entries = json.loads(img(folder, "map --output=json copy.qcow2").out)
    expect_equal(sum(e["length"] for e in entries if e["depth"] == 0 and e["present"]), 2 * 65536, entries)


def existing(folder):
    """-n writes into an image that is there, over what it had."""
    random_disk(f"{folder}/a.raw", SIZE, 1)
    random_disk(f"{folder}/b.raw", SIZE, 2)
    img(folder, "convert -f raw -O qcow2 a.raw t.qcow2")
    img(folder, "convert -n -f raw -O qcow2 b.raw t.qcow2")
    reads_as(folder, "t.qcow2", "b.raw")
    img(folder, "convert -n -f raw --target-image-opts a.raw driver=qcow2,file.filename=t.qcow2")
    reads_as(folder, "t.qcow2", "a.raw")
    img(folder, "create -q -f qcow2 small.qcow2 1M")
    expect("output file is smaller than input file" in
           img(folder, "convert -n -f raw -O qcow2 b.raw small.qcow2", 1).err, "")


def of_snapshot(folder):
    random_disk(f"{folder}/a.raw", SIZE, 1)
    img(folder, "convert -f raw -O qcow2 a.raw a.qcow2")
    img(folder, "snapshot -c then a.qcow2")
    io(folder, "a.qcow2", "write -P 9 0 1M")
    img(folder, "convert -l snapshot.name=then -O raw a.qcow2 then.raw")
    expect(same_bytes(f"{folder}/a.raw", f"{folder}/then.raw"), "the snapshot differs")
    img(folder, "snapshot -a 1 a.qcow2")
    reads_as(folder, "a.qcow2", "a.raw")


def rebased(folder):
    """The content stays: onto another file, onto none, and onto a deeper image of its chain."""
    for number, name in enumerate(("a.raw", "b.raw", "c.raw")):
        random_disk(f"{folder}/{name}", SIZE, number)
    img(folder, "create -q -f qcow2 -b a.raw -F raw mid.qcow2")
    io(folder, "mid.qcow2", "write -P 1 1M 100k")
    img(folder, "create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2")
    io(folder, "top.qcow2", "write -P 2 1080k 20k", "write -z 3M 64k")
    img(folder, "convert -O raw top.qcow2 want.raw")
    for backing in ("a.raw -F raw", "b.raw -F raw", "c.raw -F raw", "''"):
        img(folder, f"rebase -b {backing} top.qcow2")
        reads_as(folder, "top.qcow2", "want.raw")
        run(LOOK, "check", "top.qcow2", cwd=folder)
    expect("backing file" not in img(folder, "info top.qcow2").out, "a backing file is left")


def rebased_short(folder):
    """Backing files that are shorter than the image: beyond their end are zeroes."""
    random_disk(f"{folder}/long.raw", SIZE, 1)
    random_disk(f"{folder}/short.raw", 2 * MIB, 2)
    img(folder, f"create -q -f qcow2 -b short.raw -F raw top.qcow2 {SIZE}")
    img(folder, "convert -O raw top.qcow2 want.raw")
    for backing in ("long.raw", "short.raw"):
        img(folder, f"rebase -b {backing} -F raw top.qcow2")
        reads_as(folder, "top.qcow2", "want.raw")


def committed(folder):
    random_disk(f"{folder}/base.raw", 2 * MIB, 1)
    img(folder, "create -q -f qcow2 -b base.raw -F raw mid.qcow2 3M")
    io(folder, "mid.qcow2", "write -P 1 1M 64k")
    img(folder, "create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2")
    io(folder, "top.qcow2", "write -P 2 1100k 64k", "write -z 64k 64k", "write -P 3 2900k 4k")
    img(folder, "convert -O raw top.qcow2 want.raw")
    expect_equal(img(folder, "commit top.qcow2").out, "Image committed.\n")
    reads_as(folder, "mid.qcow2", "want.raw")
    reads_as(folder, "top.qcow2", "want.raw")
    io(folder, "top.qcow2", "write -P 4 0 64k")
    img(folder, "convert -O raw top.qcow2 want.raw")
    img(folder, "commit -q -b base.raw top.qcow2")
    reads_as(folder, "base.raw", "want.raw", "raw")


def bitmaps_copied(folder):
    img(folder, "create -q -f qcow2 a.qcow2 4M")
    img(folder, "bitmap --add -g 64k a.qcow2 b0")
    img(folder, "bitmap --add --disable a.qcow2 b1")
    io(folder, "a.qcow2", "write 1M 64k")
    img(folder, "convert --bitmaps -O qcow2 a.qcow2 b.qcow2")
    info = json.loads(run(LOOK, "info", "--output=json", "b.qcow2", cwd=folder).out)
    expect_equal(sorted((b["name"], b["flags"]) for b in info["format-specific"]["data"]["bitmaps"]),
                 [("b0", ["auto"]), ("b1", [])])
    run(LOOK, "check", "b.qcow2", cwd=folder)


def salvaged(folder):
    """A raw image on a file that cannot be read in one place."""
    random_disk(f"{folder}/a.raw", MIB, 1)
    source = ('json:{"driver": "raw", "file": {"driver": "blkdebug", "image": {"driver": "file", "filename": '
              '"a.raw"}, "inject-error.0.event": "none", "inject-error.0.sector": 100}}')
    done = run(RHEA_IMG, "info", source, cwd=folder, status=None)
    if done.status:
        raise Skip("there is no blkdebug")
    run(RHEA_IMG, "convert", source, "b.raw", cwd=folder, status=1)
    run(RHEA_IMG, "convert", "--salvage", "-q", source, "b.raw", cwd=folder)
    with open(f"{folder}/a.raw", "rb") as a, open(f"{folder}/b.raw", "rb") as b:
        x, y = bytearray(a.read()), b.read()
        x[51200:51712] = bytes(512)
        expect(bytes(x) == y, "what could be read differs")


def progress(folder):
    """-p shows percents; without it the signal SIGUSR1 asks for them; -q shows nothing."""
    random_disk(f"{folder}/a.raw", SIZE, 1)
    shown = img(folder, "convert -p -f raw -O qcow2 a.raw b.qcow2").out
    # The line is rewritten: what a carriage return ends reads as a line here.
    expect(shown.startswith("    (0.00/100%)\n") and shown.endswith("    (100.00/100%)\n"), repr(shown))
    expect_equal(img(folder, "convert -p -q -f raw -O qcow2 a.raw b.qcow2").out, "")
    with subprocess.Popen([RHEA_IMG, "convert", "-f", "raw", "-r", "1M", "-m", "1", "a.raw", "c.raw"], cwd=folder,
                          stdout=subprocess.PIPE, text=True) as child:
        time.sleep(0.5)
        child.send_signal(signal.SIGUSR1)
        out = child.communicate(timeout=60)[0]
    expect("/100%)" in out and child.returncode == 0, (out, child.returncode))


def locked(folder):
    """An image that is being written is refused, and looked at with -U."""
    img(folder, "create -q -f qcow2 a.qcow2 1M")
    with subprocess.Popen([RHEA_IO, "-f", "qcow2", "a.qcow2"], cwd=folder, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as child:
        child.stdout.read(len("rhea-io> "))
        expect("lock" in img(folder, "info a.qcow2", 1).err, "not refused")
        img(folder, "info -U a.qcow2")
        child.communicate("quit\n", timeout=30)


def names(folder):
    """Images as paths, as options and as JSON are the same image."""
    random_disk(f"{folder}/a.raw", SIZE, 1)
    img(folder, "convert -f raw -O qcow2 a.raw a.qcow2")
    for name in ("a.qcow2", 'json:{"driver":"qcow2","file.filename":"a.qcow2"}',
                 'json:{"file":{"driver":"file","filename":"a.qcow2"}}'):
        img(folder, f"compare a.raw {name}")
    img(folder, "compare --image-opts driver=raw,file.filename=a.raw driver=qcow2,file.filename=a.qcow2")


def measured(folder):
    """The file of a conversion is not larger than measure says."""
    random_disk(f"{folder}/a.raw", SIZE, 1)
    for options in ("", "-o cluster_size=4k"):
        said = json.loads(img(folder, f"measure --output=json -O qcow2 {options} -f raw a.raw").out)
        img(folder, f"convert -f raw -O qcow2 {options} a.raw b.qcow2")
        expect(os.path.getsize(f"{folder}/b.qcow2") <= said["required"] <= said["fully-allocated"], said)


def dd_as_documented(folder):
    """count= blocks are copied, after skip= blocks."""
    random_disk(f"{folder}/a.raw", SIZE, 1)
    img(folder, "dd -f raw if=a.raw of=b.raw bs=4k skip=3 count=5")
    with open(f"{folder}/a.raw", "rb") as a, open(f"{folder}/b.raw", "rb") as b:
        a.seek(3 * 4096)
        expect(a.read(5 * 4096) == b.read(), "what was copied differs")


def help_of_each_command(folder):
    listed = img(folder, "--help").out
    for name in ("amend", "bench", "bitmap", "check", "commit", "compare", "convert", "create", "dd", "info", "map",
                 "measure", "rebase", "resize", "snapshot"):
        expect(f"\n  {name} " in listed, f"{name} is not listed")
        text = img(folder, f"{name} --help").out
        expect(text.startswith(f"Usage: rhea-img {name} [OPTION]...") and "--help" in text, text)
    for fmt in ("raw", "qcow2", "vmdk", "vdi", "vpc", "parallels"):
        expect(f" {fmt}" in listed.split("Supported formats:")[1], fmt)
        expect("  size=<size>" in img(folder, f"create -f {fmt} -o help").out, fmt)
    expect("closest: convert" in img(folder, "convrt", 1).err, "no suggestion")


if __name__ == "__main__":
    sys.exit(main([(f"convert {words}".strip() + f" to {target}", converts(words, target)) for words, target in (
        ("", "qcow2"), ("-c", "qcow2"), ("-c -o compression_type=zstd", "qcow2"), ("-m 1", "qcow2"),
        ("-W -m 16", "qcow2"), ("-S 64k", "qcow2"), ("-S 0", "qcow2"), ("-C", "qcow2"),
        ("-o cluster_size=512", "qcow2"), ("-o cluster_size=2M", "qcow2"), ("-c -o cluster_size=2M", "qcow2"),
        ("-o extended_l2=on", "qcow2"), ("-t none -T none", "qcow2"), ("-t writethrough", "raw"), ("-W", "raw"))] + [
            ("convert -c by several threads", compressed_in_order), ("several sources", concatenated),
            ("sparse", sparse), ("onto a backing file", onto_backing),
            ("into an existing image", existing), ("a snapshot", of_snapshot), ("rebase", rebased),
            ("rebase onto a shorter file", rebased_short), ("commit", committed), ("bitmaps", bitmaps_copied),
            ("salvage", salvaged), ("progress", progress), ("a locked image", locked), ("names of images", names),
            ("measure", measured), ("dd", dd_as_documented), ("help", help_of_each_command)]))
