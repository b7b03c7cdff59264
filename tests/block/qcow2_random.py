#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations on one qcow2 image, by Rhea and by QEMU in turns: both read the same, both find the
image whole.  Over every kind of image in the table; RHEA_BLOCK_ROUNDS: turns for each."""
import os
import random
import sys

from qcow2_disk import Disk, Failed, Image, expect, missing, qemu_check, qemu_sum, rhea, rhea_check, run, tap

ROUNDS = int(os.environ.get("RHEA_BLOCK_ROUNDS", "2"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))
STEPS = 60

# name: options of create, size, backing size (0: none)
KINDS = {
    "default": ("cluster_size=65536", 3 << 20, 0),
    "clusters of 512 bytes": ("cluster_size=512", 1 << 20, 0),
    "clusters of 2 MiB": ("cluster_size=2M", 9 << 20, 0),
    "version 2": ("compat=0.10,cluster_size=4096", 3 << 20, 0),
    "over a backing file": ("cluster_size=16384", 3 << 20, 2 << 20),
    "version 2 over a backing file": ("compat=0.10,cluster_size=8192", 3 << 20, 3 << 20),
    "subclusters": ("extended_l2=on,cluster_size=65536", 3 << 20, 0),
    "subclusters over a backing file": ("extended_l2=on,cluster_size=16384", 3 << 20, (2 << 20) + 1536),
    "zstd": ("compression_type=zstd", 3 << 20, 0),
    "refcounts of 1 bit": ("refcount_bits=1,cluster_size=4096", 2 << 20, 0),
    "refcounts of 8 bits": ("refcount_bits=8,cluster_size=4096", 2 << 20, 0),
    "refcounts of 64 bits": ("refcount_bits=64,cluster_size=1024", 2 << 20, 0),
    "a size that ends in a cluster": ("cluster_size=65536", (1 << 20) + 512 * 7, 1 << 20),
}


def choose(rng, size, cluster):
    unit = rng.choice((1, 512, 4096, cluster))
    at = rng.randrange(size // unit) * unit
    length = min(size - at, max(1, rng.choice((1, 512, 4096, cluster, 3 * cluster, rng.randrange(1, 200000)))))
    return at, length


def segment(rng, disk, path, cluster, by_rhea, options, snapshots):
    """Some operations by one of the two, on the image and on the model."""
    commands = []
    for _ in range(STEPS):
        kind = rng.choice(("write",) * 5 + ("zero", "unmap", "compress", "flush"))
        at, length = choose(rng, len(disk.data), cluster)
        byte = rng.randrange(1, 256)
        if kind == "compress":
            at = at // cluster * cluster
            length = min(cluster, len(disk.data) - at)
            # QEMU packs only what was never written.
            if "bits=1," in options or length < cluster or not by_rhea:
                continue
        if not by_rhea and (at % 512 or length % 512):
            at = at // 512 * 512
            length = min((length + 511) // 512 * 512, len(disk.data) - at)
        commands.append({
            "write": (f"write {at} {length} {byte}", f"write -P {byte} {at} {length}"),
            "zero": (f"zero {at} {length}", f"write -z {at} {length}"),
            "unmap": (f"zero {at} {length} unmap", f"write -z -u {at} {length}"),
            "compress": (f"compress {at} {length} {byte}", None),
            "flush": ("flush", "flush"),
        }[kind][0 if by_rhea else 1])
        if kind in ("write", "compress"):
            disk.write(at, length, byte)
        elif kind != "flush":
            disk.write(at, length, 0)
    if by_rhea:
        with Image() as image:
            image.do(f"open driver=qcow2,discard=unmap,file.filename={path}")
            for command in commands:
                image.do(command)
            if snapshots:
                snapshot(rng, disk, lambda verb, name: image.do(f"snapshot {verb} {name}"))
            expect(image.do("sum"), disk.sum(), "Rhea reads what was written")
            image.do("close")
    else:
        words = ["qemu-io", "-f", "qcow2", "-d", "unmap"]
        for command in commands:
            words += ["-c", command]
        done = run(*words, path)
        if "rror" in done.stdout:
            raise Failed(done.stdout[-1000:])
        if snapshots:
            flag = {"create": "-c", "apply": "-a", "delete": "-d"}
            snapshot(rng, disk, lambda verb, name: run("qemu-img", "snapshot", flag[verb], name, path))


def snapshot(rng, disk, do):
    verb = rng.choice(("create", "create", "apply", "delete"))
    if verb == "create" and len(disk.snapshots) < 5:
        name = f"s{rng.randrange(1000000)}"
        disk.snapshots[name] = bytes(disk.data)
        do("create", name)
    elif verb != "create" and disk.snapshots:
        name = rng.choice(sorted(disk.snapshots))
        do(verb, name)
        if verb == "apply":
            disk.data = bytearray(disk.snapshots[name])
        else:
            del disk.snapshots[name]


def turns(name):
    def test(work):
        options, size, backing = KINDS[name]
        rng = random.Random(f"{SEED} {name}")
        path, base = os.path.join(work, "a.qcow2"), os.path.join(work, "base.raw")
        cluster = 65536
        for word in options.split(","):
            if word.startswith("cluster_size="):
                cluster = {"2M": 2 << 20}.get(word[13:]) or int(word[13:])
        below = None
        if backing:
            below = rng.randbytes(backing)
            with open(base, "wb") as file:
                file.write(below)
            options += ",backing_file=base.raw,backing_fmt=raw"
        if rng.randrange(2):
            rhea(f"create qcow2 {path} size={size},{options}")
        else:
            run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, str(size))
        disk = Disk(size, below)
        snapshots = "bits=1," not in options
        for turn in range(ROUNDS * 2):
            segment(rng, disk, path, cluster, turn % 2 == 0, options, snapshots)
            qemu_check(path)
            rhea_check(path)
            expect(qemu_sum(path, work), disk.sum(), f"QEMU reads what was written, turn {turn}")
            got = rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "sum")
            expect(got, disk.sum(), f"Rhea reads what was written, turn {turn}")
            for snap, data in disk.snapshots.items():
                got = rhea(f"open driver=qcow2,read-only=on,file.filename={path}", f"snapshot load {snap}", "sum")
                model = Disk(size)
                model.data = bytearray(data)
                expect(got, model.sum(), f"snapshot {snap}, turn {turn}")
                expect(qemu_sum(path, work, extra=("-l", f"snapshot.name={snap}")), model.sum(),
                       f"snapshot {snap} in QEMU, turn {turn}")
    return test


if __name__ == "__main__":
    sys.exit(tap([(f"random operations: {name}", turns(name)) for name in KINDS], missing()))
