#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors at each step of qcow2's metadata, by rules of blkdebug: from one on every transfer fails and the
writer is killed, or one transfer fails and the writer goes on.  The image has no corruption, and every write
that a flush followed is there.  RHEA_BLOCK_ERRORS: how many times for each event."""
import os
import random
import sys

from qcow2_disk import Failed, Image, missing, rhea, tap
from qcow2_kill import BLOCK, SIZE, make_batch, verify

ROUNDS = int(os.environ.get("RHEA_BLOCK_ERRORS", "1"))
SEED = int(os.environ.get("RHEA_BLOCK_SEED", "1"))

KINDS = {
    "small clusters": "cluster_size=4096",
    "clusters of 512 bytes": "cluster_size=512",
    "subclusters": "cluster_size=16384,extended_l2=on",
    "lazy refcounts": "cluster_size=4096,lazy_refcounts=on",
}
# What each writer meets, and where its errors may be.
EVENTS = ("l1_update", "l2_load", "l2_update", "refblock_load", "refblock_update", "cluster_alloc", "cow_read", "cow_write",
          "cluster_free", "refblock_alloc_write_blocks", "refblock_alloc_write_table", "refblock_alloc_switch_table",
          "write_compressed")
ONLY_SMALL = ("refblock_alloc", "refblock_alloc_write", "refblock_alloc_hookup", "reftable_grow")


def rules(event, nth, kind, once):
    """The nth such event is the one with errors."""
    parts = [f"file.inject-error.0.event={event},file.inject-error.0.state={nth},file.inject-error.0.once={once}"]
    if kind:
        parts[0] += f",file.inject-error.0.iotype={kind}"
    for n in range(1, nth):
        parts.append(f"file.set-state.{n}.event={event},file.set-state.{n}.state={n},file.set-state.{n}.new_state={n + 1}")
    return ",".join(parts)


def work_on(path, batch, may, options, stops):
    """Does the batch; what the blocks may hold afterwards, and how many commands failed."""
    unsure, failed = [], 0
    with Image() as image:
        image.do(f"open driver=qcow2,discard=unmap,file.driver=blkdebug,file.image.filename={path},{options}")
        for command, first, blocks, byte in batch:
            ok, _ = image.answer(command)
            failed += not ok and not command.startswith("snapshot")
            for block in range(first, first + blocks):
                may[block] = may[block] | {byte}
            if ok:
                unsure += [(block, byte) for block in range(first, first + blocks)]
            elif blocks:
                # It may be there in part, now or later: what came before is certain no more.
                unsure = [(block, b) for block, b in unsure if not first <= block < first + blocks]
            if ok and command == "flush":
                for block, b in unsure:
                    may[block] = {b}
                unsure = []
        if stops:
            image.process.kill()
    return failed


def with_errors(name):
    def test(work):
        rng = random.Random(f"{SEED} {name}")
        path, options = os.path.join(work, "a.qcow2"), KINDS[name]
        cluster = int(options.split(",")[0].split("=")[1])
        events = EVENTS + (ONLY_SMALL if cluster == 512 else ())
        met = set()
        for event in events:
            rhea(f"create qcow2 {path} size={SIZE},{options}")
            may = [{0} for _ in range(SIZE // BLOCK)]
            for number in range(2 * ROUNDS):
                stops = number % 2 == 0
                kind = None if stops else rng.choice(("write", "flush", "read", None))
                nth = rng.choice((1, 1, 2, 5))
                snapshots = [[f"s{n}" for n in range(number)][-1:], number]
                batch = make_batch(rng, cluster, snapshots)
                failed = work_on(path, batch, may, rules(event, nth, kind, "off" if stops else "on"), stops)
                if failed:
                    met.add(event)
                try:
                    verify(path, work, may)
                except Failed as error:
                    raise Failed(f"{event}, number {nth}, {kind or 'any'} "
                                 f"{'from then on' if stops else 'once'}: {error}") from None
        print(f"# {name}: met {len(met)} of {len(events)} events: {', '.join(sorted(set(events) - met))} did no harm")
        if len(met) < len(events) - 4:
            raise Failed(f"only {sorted(met)} were met")
    return test


if __name__ == "__main__":
    sys.exit(tap([(f"errors on purpose: {name}", with_errors(name)) for name in KINDS], missing()))
