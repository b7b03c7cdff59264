#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A busy guest: compilers, interpreters, code made while it runs, fork, signals, threads, two programs
at a time in an order drawn by lot, and every result is the one that the host gives.

The programs are those of tests/bench, with less work. As a test it runs a few pairs in a guest of one
CPU and in one of two; by hand for as long as --seconds says: tests/boot/stress.py --seconds 600
"""
import argparse
import os
import random
import sys
import time

sys.dont_write_bytecode = True
from boot import HERE, RHEA, SLOW, Failed, Scratch, guest_file, load_tool, tap

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
import stage  # noqa: E402
from rows import PROGRAMS, SMP, words  # noqa: E402
from runners import Emulator, Native, Trouble, machine_arguments  # noqa: E402

INIT = b"#!/bin/busybox sh\nexec /bench/bin/agent guest\n"
PAIRS = 20
TIMEOUT = 300
BLANK = "\u00a0"        # how the agent is told of a blank inside an argument

# The chase measures the host's memory and nothing else.
COMMANDS = [words(row[4], row[3]) for row in PROGRAMS if row[0] != "chase"]
COMMANDS += [words(SMP, 100)] * 4

# The first writes into a file, so that what both print has an order.
PAIR = ("f=$(bin/busybox mktemp /tmp/stress.XXXXXX); {0} >$f & {1}; a=$?; wait $!; b=$?; "
        "bin/busybox cat $f; bin/busybox rm $f; exit $((a | b))")


def pair_command(rng):
    """A command line for the agent."""
    one, two = (rng.choice(COMMANDS).replace(BLANK, r"\ ") for _ in range(2))
    return one, two, "bin/busybox sh -c " + PAIR.format(one, two).replace(" ", BLANK)


class Stress:
    """The stage, made once, and what the host printed."""

    def __init__(self):
        self.scratch = Scratch()
        self.folder = self.scratch.path("stage")
        self.known = {}
        os.mkdir(self.folder)
        stage.make(self.folder)
        with open(guest_file("busybox"), "rb") as file:
            busybox = file.read()
        self.initrd = self.scratch.path("initrd", load_tool("make-initramfs").build(
            busybox, INIT, stage.files(self.folder), None))

    def check(self, guest, native, rng):
        one, two, command = pair_command(rng)
        if command not in self.known:
            self.known[command] = native.run(command)
        wanted, got = self.known[command], guest.run(command)
        for what in ("status", "hash", "text"):
            if got[what] != wanted[what]:
                raise Failed(f"{what} is {got[what]}, on the host {wanted[what]}, of\n{one}\n{two}")

    def run(self, cpus, args):
        """Until the pairs are done, or the seconds are over: how many pairs."""
        log = self.scratch.path("stderr")
        guest = Emulator(f"-smp {cpus}", [RHEA, "-smp", str(cpus), *args.more],
                         machine_arguments(guest_file("cloud"), self.initrd), TIMEOUT * SLOW, log)
        native, rng, pairs = Native(self.folder, TIMEOUT, cpus), random.Random(args.seed), 0
        end = time.monotonic() + args.seconds
        try:
            while time.monotonic() < end if args.seconds else pairs < PAIRS:
                self.check(guest, native, rng)
                pairs += 1
        except (Trouble, Failed) as trouble:
            with open(log, encoding="utf-8", errors="replace") as file:
                text = file.read()[-2000:]
            raise Failed(f"pair {pairs} of seed {args.seed}, {cpus} CPUs: {trouble}\n{text}") from None
        finally:
            guest.stop()
            native.stop()
        print(f"# -smp {cpus}: {pairs} pairs", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0, metavar="N",
                        help=f"how long for each number of CPUs (default: {PAIRS} pairs)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another order (1)")
    parser.add_argument("--smp", type=int, action="append", metavar="N", help="default 2, with RHEA_ALL=1 1 and 2")
    parser.add_argument("more", nargs="*", metavar="ARG", help="after --: more for the emulator")
    args = parser.parse_args()
    made = []

    def test(cpus):
        made[:] = made or [Stress()]
        made[0].run(cpus, args)

    return tap([(f"two programs at a time, {cpus} CPU{'s' * (cpus > 1)}", lambda n=cpus: test(n))
                for cpus in args.smp or ((1, 2) if os.environ.get("RHEA_ALL") else (2,))])


if __name__ == "__main__":
    sys.exit(main())
