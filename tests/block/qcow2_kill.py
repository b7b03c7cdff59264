#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A writer that is killed at any moment: the image has no corruption (leaks are allowed), and every
write that a flush followed is there.  RHEA_BLOCK_KILLS: how often for each kind."""
import os
import random
import signal
import sys
import time

from qcow2_disk import Failed, Image, missing, qemu_check, rhea, run, tap

KILLS = int(os.environ.get("RHEA_BLOCK_KILLS", "10"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))
SIZE = 2 << 20
BLOCK = 4096    # the model remembers which bytes each block may hold
BATCH = 120

KINDS = {
    "default": "cluster_size=65536",
    "small clusters": "cluster_size=4096",
    "clusters of 512 bytes": "cluster_size=512",
    "subclusters": "cluster_size=16384,extended_l2=on",
    "over a backing file": "cluster_size=16384,backing_file=base.raw,backing_fmt=raw",
    "version 2": "cluster_size=4096,compat=0.10",
    "lazy refcounts": "cluster_size=4096,lazy_refcounts=on",
}


def make_batch(rng, cluster, snapshots):
    """Commands, and what each does to blocks: (command, first block, blocks, byte) or no blocks."""
    batch = []
    for _ in range(BATCH):
        kind = rng.choice(("write",) * 6 + ("zero", "unmap", "compress", "flush", "flush", "snapshot"))
        first = rng.randrange(SIZE // BLOCK)
        blocks = min(SIZE // BLOCK - first, rng.choice((1, 1, 2, 5, 20)))
        byte = rng.randrange(1, 256)
        at, length = first * BLOCK, blocks * BLOCK
        if kind == "write":
            batch.append((f"write {at} {length} {byte}", first, blocks, byte))
        elif kind in ("zero", "unmap"):
            batch.append((f"zero {at} {length}{' unmap' if kind == 'unmap' else ''}", first, blocks, 0))
        elif kind == "compress":
            start = at // cluster * cluster
            if cluster >= BLOCK:
                batch.append((f"compress {start} {cluster} {byte}", start // BLOCK, cluster // BLOCK, byte))
        elif kind == "flush":
            batch.append(("flush", 0, 0, 0))
        elif snapshots and rng.random() < 0.5:
            if rng.randrange(2) and snapshots[0]:
                batch.append((f"snapshot delete {snapshots[0].pop(0)}", 0, 0, 0))
            elif len(snapshots[0]) < 4:
                snapshots[1] += 1
                snapshots[0].append(f"n{snapshots[1]}")
                batch.append((f"snapshot create n{snapshots[1]}", 0, 0, 0))
    return batch


def kill_one(rng, path, batch, may):
    """Runs the batch, kills the writer somewhere in it, and changes what the blocks may hold."""
    with Image() as image:
        image.do(f"open driver=qcow2,discard=unmap,file.filename={path}")
        image.process.stdin.write("\n".join(command for command, *_ in batch) + "\n")
        image.process.stdin.flush()
        time.sleep(rng.random() ** 2 * 0.12)
        image.process.send_signal(signal.SIGKILL)
        answers = [line for line in image.process.stdout if line.startswith(("ok", "error"))]
        image.process.stdin = open(os.devnull, "w")
    flushed = -1
    for number, line in enumerate(answers):
        if line.startswith("error") and not batch[number][0].startswith("snapshot"):
            raise Failed(f"{batch[number][0]}: {line}")
        if batch[number][0] == "flush":
            flushed = number
    for number, (_, first, blocks, byte) in enumerate(batch):
        for block in range(first, first + blocks):
            # An earlier command is certain up to the last flush; a later one may have happened.
            may[block] = {byte} if number < flushed else may[block] | {byte}
    return len(answers)


def verify(path, work, may):
    done = run("qemu-img", "check", path, ok=False)
    if done.returncode not in (0, 3):
        raise Failed(f"qemu-img check: status {done.returncode}\n{done.stdout[-1500:]}")
    text = rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "check")
    if "corruptions=0 " not in text or "errors=0" not in text:
        raise Failed(f"check: {text}")
    raw = os.path.join(work, "now.raw")
    run("qemu-img", "convert", "-O", "raw", path, raw)
    with open(raw, "rb") as file:
        data = file.read()
    for block, allowed in enumerate(may):
        piece = data[block * BLOCK:(block + 1) * BLOCK]
        # A write that was killed may have come through in part: each byte is one of those allowed.
        if not set(piece) <= allowed:
            raise Failed(f"block {block} holds {sorted(set(piece))}, may hold {sorted(allowed)}")


def killed(name):
    def test(work):
        rng = random.Random(f"{SEED} {name}")
        path, options = os.path.join(work, "a.qcow2"), KINDS[name]
        cluster = int(options.split(",")[0].split("=")[1])
        below = 0
        if "backing" in options:
            below = 0x77
            with open(os.path.join(work, "base.raw"), "wb") as file:
                file.write(bytes([below]) * SIZE)
        rhea(f"create qcow2 {path} size={SIZE},{options}")
        may = [{below} for _ in range(SIZE // BLOCK)]
        snapshots = [[], 0] if name != "version 2" else None
        reached = 0
        for _ in range(KILLS):
            if snapshots:
                # Which of them are there is known from the file alone.
                listed = run("qemu-img", "snapshot", "-l", path).stdout.split("\n")[2:]
                snapshots[0] = [line.split()[1] for line in listed if line.strip()]
            reached += kill_one(rng, path, make_batch(rng, cluster, snapshots), may)
            verify(path, work, may)
            with_data = rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "map")
            if not with_data:
                raise Failed("no map")
        print(f"# {name}: {reached} commands answered before {KILLS} kills")
        rhea(f"open driver=qcow2,file.filename={path}", "check all")
        qemu_check(path)
        verify(path, work, may)
    return test


if __name__ == "__main__":
    sys.exit(tap([(f"killed writers: {name}", killed(name)) for name in KINDS], missing()))
