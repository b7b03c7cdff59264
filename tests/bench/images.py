#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of images by rhea-img and by another qemu-img, in turn: CPU time (the least of the rounds) and wall
time (the median), seconds. The results must be equal."""
import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.environ.get("RHEA_TOOLS", os.path.join(ROOT, "build"))
MIB = 1 << 20
WORDS = b"the quick brown fox jumps over a lazy dog and finds its way home again before night falls".split()

# name | source | arguments of convert
ROWS = (
    ("raw to qcow2", "big.raw", ("-f", "raw", "-O", "qcow2")),
    ("qcow2 to raw", "big.qcow2", ("-f", "qcow2", "-O", "raw")),
    ("qcow2 to qcow2", "big.qcow2", ("-f", "qcow2", "-O", "qcow2")),
    ("raw to qcow2, -c (zlib)", "small.raw", ("-f", "raw", "-O", "qcow2", "-c")),
    ("raw to qcow2, -c (zstd)", "small.raw", ("-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd")),
    ("compressed qcow2 (zlib) to raw", "zlib.qcow2", ("-f", "qcow2", "-O", "raw")),
    ("compressed qcow2 (zstd) to raw", "zstd.qcow2", ("-f", "qcow2", "-O", "raw")),
)


def write_raw(path, pieces, rng):
    """An image like a disk's: text and noise by turns, with holes between."""
    with open(path, "wb") as file:
        for n in range(pieces):
            file.seek(2 * n * MIB)
            text = b" ".join(rng.choices(WORDS, k=MIB // 10))[:MIB // 2]
            file.write(text + rng.randbytes(MIB // 2))
        file.truncate(2 * pieces * MIB)


def prepare(folder, img, scale):
    """The sources of all rows; those that are not raw are made by the first program."""
    rng = random.Random(1)
    paths = {name: os.path.join(folder, name) for name in
             ("big.raw", "small.raw", "big.qcow2", "zlib.qcow2", "zstd.qcow2")}
    write_raw(paths["big.raw"], 512 * scale // 100, rng)
    write_raw(paths["small.raw"], 96 * scale // 100, rng)
    for source, target, options in (("big.raw", "big.qcow2", ()), ("small.raw", "zlib.qcow2", ("-c",)),
                                    ("small.raw", "zstd.qcow2", ("-c", "-o", "compression_type=zstd"))):
        subprocess.run([img, "convert", "-f", "raw", "-O", "qcow2", *options, paths[source], paths[target]],
                       check=True)
    return paths


def timed(command):
    """(CPU seconds, wall seconds) of a program."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def row(binaries, source, options, rounds, folder):
    """{name: [(CPU, wall), ...]}; what they made compares equal with the source."""
    results = {name: [] for name, _ in binaries}
    for _ in range(rounds):
        for name, img in binaries:
            target = os.path.join(folder, "out")
            results[name].append(timed([img, "convert", *options, source, target]))
            subprocess.run([binaries[0][1], "compare", "-q", source, target], check=True)
            os.unlink(target)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", action="append", metavar="NAME=PROGRAM")
    parser.add_argument("--only", action="append", metavar="WORDS", help="rows with these words in their names")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=int, default=100, help="percent of 512 MiB of data (100)")
    parser.add_argument("--folder", help="where the images go")
    args = parser.parse_args()
    binaries = [b.split("=", 1) for b in args.binary or
                [f"rhea={os.path.join(TOOLS, 'rhea-img')}", "qemu=qemu-img"]]
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="rhea-bench-") as folder:
        paths = prepare(folder, binaries[0][1], args.scale)
        print("| convert | " + " | ".join(f"{n} CPU s | {n} wall s" for n, _ in binaries) + " |")
        print("|---|" + "---:|---:|" * len(binaries))
        for name, source, options in ROWS:
            if args.only and not any(words in name for words in args.only):
                continue
            results = row(binaries, paths[source], options, args.rounds, folder)
            cells = [f"{value:.2f}" for n, _ in binaries
                     for value in (min(cpu for cpu, _ in results[n]), statistics.median(w for _, w in results[n]))]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
