#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations on one qcow2 image, by Rhea and by QEMU in turns: both read the same, both find the
image whole.  Over every kind of image in the table; RHEA_BLOCK_ROUNDS: turns for each."""
import os
import random
import sys

from images import TRIES, UNTIMED
from qcow2_disk import Disk, Failed, Image, expect, missing, qemu_sum, rhea, run, tap

ROUNDS = int(os.environ.get("RHEA_BLOCK_ROUNDS", "2"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))
STEPS = 60

SECRET = "secret,id=key,data=sesame"
LUKS = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"

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
    "encrypted": (LUKS + ",cluster_size=16384", 3 << 20, 0),
    "encrypted over a backing file": (LUKS + ",cluster_size=65536", 3 << 20, 2 << 20),
    "encrypted, with subclusters": (LUKS + ",extended_l2=on,cluster_size=32768", 2 << 20, 1 << 20),
    "subclusters and zstd over a backing file":
        ("extended_l2=on,compression_type=zstd,cluster_size=32768", 3 << 20, 2 << 20),
    "zstd in clusters of 4 KiB over a backing file": ("compression_type=zstd,cluster_size=4096", 3 << 20, 2 << 20),
    "an external data file": ("data_file={work}/data,cluster_size=16384", 3 << 20, 0),
    "an external data file over a backing file": ("data_file={work}/data,cluster_size=65536", 3 << 20, 2 << 20),
    "an external data file with subclusters": ("data_file={work}/data,extended_l2=on,cluster_size=65536", 3 << 20, 0),
    "a raw external data file": ("data_file={work}/data,data_file_raw=on,cluster_size=4096", 3 << 20, 0),
}


class Case:
    """An image of one kind: how both name it, and what it cannot do."""

    def __init__(self, name, work):
        options, self.size, self.backing = KINDS[name]
        self.work, self.options = work, options.format(work=work)
        self.path, self.data = os.path.join(work, "a.qcow2"), os.path.join(work, "data")
        self.encrypted, self.external = LUKS in options, "data_file=" in options
        self.cluster = 65536
        for word in options.split(","):
            if word.startswith("cluster_size="):
                self.cluster = {"2M": 2 << 20}.get(word[13:]) or int(word[13:])
        self.narrow = "bits=1," in options
        self.compresses = not (self.encrypted or self.external or self.narrow)
        self.snapshots = not (self.external or self.narrow)
        key = ",encrypt.format=luks,encrypt.key-secret=key" if self.encrypted else ""
        self.node = f"driver=qcow2,file.filename={self.path}{key}"
        self.object = ["--object", SECRET] if self.encrypted else []
        self.before = [f"object {SECRET}"] if self.encrypted else []

    def create(self, rng):
        """The image, by one of the two; the model of what it reads as."""
        options, below = self.options, None
        if self.backing:
            below = rng.randbytes(self.backing)
            with open(os.path.join(self.work, "base.raw"), "wb") as file:
                file.write(below)
            options += ",backing_file=base.raw,backing_fmt=raw"
        if rng.randrange(2):
            rhea(*self.before, f"create qcow2 {self.path} size={self.size},{options}")
        else:
            create = ("qemu-img", "create", "-q", *self.object, "-f", "qcow2", "-o", options, self.path, str(self.size))
            for _ in range(TRIES):
                done = run(*create, ok=False)
                if UNTIMED not in done.stdout:
                    break
            else:
                raise Failed(f"qemu-img cannot time its key derivation in {TRIES} tries: {done.stdout}")
            expect(done.returncode, 0, f"{' '.join(create)}: {done.stdout}")
        return Disk(self.size, below)

    def opened(self, *commands):
        """The last answer of the program, with the image open for reading."""
        return rhea(*self.before, f"open read-only=on,{self.node}", *commands)

    def check(self):
        run("qemu-img", "check", *self.object, "--image-opts", self.node)
        text = self.opened("check")
        if "corruptions=0 leaks=0 errors=0" not in text:
            raise Failed(f"{self.path}: {text}")

    def qemu_sum(self, *extra):
        return qemu_sum(self.node, self.work, None, (*self.object, "--image-opts", *extra))


def choose(rng, size, cluster):
    unit = rng.choice((1, 512, 4096, cluster))
    at = rng.randrange(size // unit) * unit
    length = min(size - at, max(1, rng.choice((1, 512, 4096, cluster, 3 * cluster, rng.randrange(1, 200000)))))
    return at, length


def choose_commands(rng, disk, case, by_rhea):
    """Some operations for one of the two, done on the model."""
    commands = []
    for _ in range(STEPS):
        kind = rng.choice(("write",) * 5 + ("zero", "unmap", "compress", "flush"))
        at, length = choose(rng, len(disk.data), case.cluster)
        byte = rng.randrange(1, 256)
        if kind == "compress":
            at = at // case.cluster * case.cluster
            length = min(case.cluster, len(disk.data) - at)
            # QEMU packs only what was never written.
            if not case.compresses or length < case.cluster or not by_rhea:
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
    return commands


def segment(rng, disk, case, by_rhea):
    """Some operations by one of the two, on the image and on the model."""
    commands = choose_commands(rng, disk, case, by_rhea)
    if by_rhea:
        with Image() as image:
            for command in (*case.before, f"open discard=unmap,{case.node}", *commands):
                image.do(command)
            if case.snapshots:
                snapshot(rng, disk, lambda verb, name: image.do(f"snapshot {verb} {name}"))
            expect(image.do("sum"), disk.sum(), "Rhea reads what was written")
            image.do("close")
    else:
        words = ["qemu-io", *case.object, "--image-opts", "-d", "unmap"]
        for command in commands:
            words += ["-c", command]
        done = run(*words, case.node)
        if "rror" in done.stdout:
            raise Failed(done.stdout[-1000:])
        if case.snapshots:
            flag = {"create": "-c", "apply": "-a", "delete": "-d"}
            snapshot(rng, disk, lambda verb, name: run("qemu-img", "snapshot", *case.object, "--image-opts", flag[verb],
                                                       name, case.node))


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
        rng = random.Random(f"{SEED} {name}")
        case = Case(name, work)
        disk = case.create(rng)
        for turn in range(ROUNDS * 2):
            segment(rng, disk, case, turn % 2 == 0)
            case.check()
            expect(case.qemu_sum(), disk.sum(), f"QEMU reads what was written, turn {turn}")
            expect(case.opened("sum"), disk.sum(), f"Rhea reads what was written, turn {turn}")
            if "data_file_raw" in case.options:
                expect(qemu_sum(case.data, work, "raw"), disk.sum(), f"the data file is the disk, turn {turn}")
            for snap, data in disk.snapshots.items():
                model = Disk(case.size)
                model.data = bytearray(data)
                expect(case.opened(f"snapshot load {snap}", "sum"), model.sum(), f"snapshot {snap}, turn {turn}")
                expect(case.qemu_sum("-l", f"snapshot.name={snap}"), model.sum(),
                       f"snapshot {snap} in QEMU, turn {turn}")
    return test


if __name__ == "__main__":
    sys.exit(tap([(f"random operations: {name}", turns(name)) for name in KINDS], missing()))
