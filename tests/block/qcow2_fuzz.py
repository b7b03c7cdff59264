#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged qcow2 images: errors, never a crash or an endless loop; repaired ones are whole.  Without QEMU's
tools.  RHEA_BLOCK_FUZZ: how many for each kind; the seed and number name the image again."""
import os
import random
import struct
import subprocess
import sys

from qcow2_disk import IMAGE, Failed, rhea, tap

ROUNDS = int(os.environ.get("RHEA_BLOCK_FUZZ", "25"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))

KINDS = {
    "plain": "cluster_size=4096",
    "clusters of 512 bytes": "cluster_size=512",
    "subclusters": "cluster_size=16384,extended_l2=on",
    "version 2": "cluster_size=1024,compat=0.10",
    "narrow refcounts": "cluster_size=512,refcount_bits=4",
    "zstd": "cluster_size=4096,compression_type=zstd",
    "encrypted": "cluster_size=4096,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
}
SECRET = "object secret,id=s,data=sesame"

LOOK = (SECRET, "open check=1,read-only=on,driver=qcow2,file.filename={0}{2}", "info", "check", "read 0 65536 0",
        "read 262144 65536 1", "snapshot load one", "read 0 65536 0", "close")
WORK = (SECRET, "open driver=qcow2,discard=unmap,file.filename={0}{2}", "write 1000 100000 7", "compress 131072 {1} 9",
        "zero 200000 90000 unmap", "write 300000 70000 8", "flush", "snapshot create two",
        "write 0 40000 3", "snapshot apply one", "snapshot delete one", "bitmap add extra", "resize 1048576",
        "check", "close")
REPAIR = (SECRET, "open check=1,driver=qcow2,file.filename={0}{2}", "check all", "close")
AFTER = (SECRET, "open driver=qcow2,file.filename={0}{2}", "check", "close")


def key(options):
    return ",encrypt.format=luks,encrypt.key-secret=s" if "encrypt." in options else ""


def make(path, options):
    cluster = int(options.split(",")[0].split("=")[1])
    commands = [SECRET, f"create qcow2 {path} size=524288,{options}", f"open driver=qcow2,file.filename={path}{key(options)}",
                "write 0 70000 1", "write 262144 65536 1", "zero 196608 16384"]
    commands += [] if key(options) else [f"compress 131072 {cluster} 5"]
    commands += ["snapshot create one", "write 20000 30000 2"]
    if "0.10" not in options:
        commands += ["bitmap add b0", "write 400000 5000 6"]
    rhea(*commands)
    with open(path, "rb") as file:
        return file.read()


def interesting(data):
    """Offsets of what the format is made of: 8-byte fields of header, tables and entries."""
    spots = list(range(0, 112, 4)) + list(range(112, 512, 8))
    l1_size, = struct.unpack_from(">I", data, 36)
    l1, table = struct.unpack_from(">QQ", data, 40)
    snapshots, = struct.unpack_from(">Q", data, 64)
    for at in (l1, table, snapshots):
        spots += [at + i * 8 for i in range(min(max(l1_size, 8), 16))]
    for i in range(l1_size):
        entry = struct.unpack_from(">Q", data, l1 + i * 8)[0] & 0xfffffffffffe00
        spots += [entry + k * 8 for k in range(64)] if entry else []
    block = struct.unpack_from(">Q", data, table)[0]
    spots += [block + k * 8 for k in range(16)]
    return [spot for spot in spots if spot + 8 <= len(data)]


def damage(rng, data, spots):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.choice(spots) if rng.random() < 0.9 else rng.randrange(len(data) - 8)
        how = rng.randrange(5)
        if how == 0:
            data[at + rng.randrange(8)] ^= 1 << rng.randrange(8)
        elif how == 1:
            struct.pack_into(">Q", data, at, rng.choice((0, 1, 2 ** 64 - 1, 2 ** 63, 2 ** 62, 512, 2 ** 55)))
        elif how == 2:
            struct.pack_into(">Q", data, at, rng.randrange(len(data)) & ~511 | rng.choice((0, 1 << 63, 1 << 62, 1)))
        elif how == 3:
            struct.pack_into(">I", data, at, rng.choice((0, 1, 2 ** 31, 2 ** 32 - 1, 65536, rng.randrange(100))))
        else:
            other = rng.choice(spots)
            data[at:at + 8] = data[other:other + 8]
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)):]
    return bytes(data)


def feed(path, cluster, commands, options):
    """What the program says; it stops at 'open' when that fails, since nothing is open then."""
    text = "\n".join(commands).format(path, cluster, key(options)) + "\n"
    try:
        done = subprocess.run([IMAGE], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
    except subprocess.TimeoutExpired:
        raise Failed("does not end") from None
    if done.returncode not in (0, 2) or "Sanitizer" in done.stderr:
        raise Failed(f"status {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-3000:]}")
    return done.stdout


def fuzz(name):
    def test(work):
        path, options = os.path.join(work, "a.qcow2"), KINDS[name]
        data = make(path, options)
        spots = interesting(data)
        for number in range(ROUNDS):
            rng = random.Random(f"{SEED} {name} {number}")
            bad = damage(rng, data, spots)
            cluster = int(options.split(",")[0].split("=")[1])
            try:
                for commands in (LOOK, REPAIR, WORK):
                    with open(path, "wb") as file:
                        file.write(bad)
                    said = feed(path, cluster, commands, options)
                    if commands is REPAIR and "corruptions=0 leaks=0 errors=0" in said and "ok" in said:
                        again = feed(path, cluster, AFTER, options)
                        if again.startswith("ok\nok") and "corruptions=0 leaks=0 errors=0" not in again:
                            raise Failed(f"repaired, and broken:\n{said}\n{again}")
            except Failed as error:
                kept = f"/tmp/qcow2-fuzz-{SEED}-{number}.qcow2"
                with open(kept, "wb") as file:
                    file.write(bad)
                raise Failed(f"{name}, number {number}, kept as {kept}: {error}") from None
    return test


if __name__ == "__main__":
    sys.exit(tap([(f"damaged images: {name}", fuzz(name)) for name in KINDS]))
