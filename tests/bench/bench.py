#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times programs in guests beside the same programs natively, and prints how many times longer."""
import argparse
import datetime
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "boot")]

import machine  # noqa: E402
import report  # noqa: E402
import stage  # noqa: E402
from boot import RHEA, Skip, guest_file, load_tool  # noqa: E402
from rows import MACHINE, PROGRAMS, groups, words  # noqa: E402
from runners import Emulator, Native, Trouble, machine_arguments  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs", "performance.md")
AGENT_INIT = b"#!/bin/busybox sh\nexec /bench/bin/agent guest\n"

EPILOG = """
A binary is a name and a command that takes QEMU's options, for example
  --binary rhea=build/rhea-system-x86_64 --binary 'qemu=qemu-system-x86_64 -accel tcg -cpu max'
which is the default where qemu-system-x86_64 is installed. The first one is judged, the second is
what it is compared with. Every program runs natively and in every guest in turn, once a round; one
guest of each binary stays up for all of them. A checksum of what the program printed must be that
of the native run. The exit status is 0 when every program ended and was right in the first binary.
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", action="append", default=[], metavar="NAME=PATH[ ARGS]",
                        help="an emulator; may be given several times")
    parser.add_argument("--only", action="append", default=[], metavar="GROUP|PROGRAM",
                        help=f"some groups or programs, or of the machine: {', '.join(MACHINE)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 3, quick 1")
    parser.add_argument("--quick", action="store_true", help="less work, one round")
    parser.add_argument("--timeout", type=float, default=180, metavar="S",
                        help="seconds for one run of one program (180)")
    parser.add_argument("--list", action="store_true", help="print groups, programs, commands")
    parser.add_argument("--json", metavar="FILE", help="write the results, after every program")
    parser.add_argument("--load", metavar="FILE", action="append", default=[],
                        help="start with these results; with --only none nothing is run")
    parser.add_argument("--write", nargs="?", const=DOCUMENT, metavar="FILE",
                        help="put the tables between the marks of docs/performance.md")
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    known = {*groups(), *MACHINE, "none", *(row[1] for row in PROGRAMS),
             *(f"{row[0]}/{row[1]}" for row in PROGRAMS)}
    for name in args.only:
        if name not in known:
            parser.error(f"--only: no group or program '{name}'; see --list")
    for one in args.binary:
        if not one.partition("=")[2]:
            parser.error(f"--binary: '{one}' is not NAME=PATH")
    return args


def binaries(args):
    """{name: command}."""
    if args.binary:
        found = {one.partition("=")[0]: shlex.split(one.partition("=")[2]) for one in args.binary}
    else:
        found = {"rhea": [RHEA]}
        if shutil.which("qemu-system-x86_64"):
            found["qemu"] = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max"]
    for name, command in found.items():
        if not shutil.which(command[0]):
            sys.exit(f"bench: no emulator '{command[0]}' for {name}")
    return found


def chosen(args):
    """Rows of PROGRAMS, and kinds of MACHINE."""
    if not args.only:
        return list(PROGRAMS), list(MACHINE)
    return ([row for row in PROGRAMS
             if {row[0], row[1], f"{row[0]}/{row[1]}"} & set(args.only)],
            [kind for kind in MACHINE if kind in args.only])


class Bench:
    """The stage, the runners and the results of one call."""

    def __init__(self, args, results, folder):
        self.args, self.results = args, results
        self.commands = binaries(args)
        self.folder = os.path.join(folder, "stage")
        self.temporary = folder
        os.makedirs(self.folder)
        say("preparing the programs")
        stage.make(self.folder)
        with open(guest_file("busybox"), "rb") as file:
            busybox = file.read()
        self.kernel, self.initrd = guest_file("cloud"), os.path.join(folder, "initrd")
        with open(self.initrd, "wb") as file:
            file.write(load_tool("make-initramfs").build(busybox, AGENT_INIT,
                                                         stage.files(self.folder), None))
        self.log = os.path.join(folder, "stderr")

    def emulator(self, name, more=()):
        return Emulator(name, [*self.commands[name], *more],
                        machine_arguments(self.kernel, self.initrd), self.args.timeout, self.log)

    def native(self, cpus=1):
        return Native(self.folder, self.args.timeout, cpus)

    def work(self, row):
        return row[3 if self.args.quick else 2]

    def program(self, row, runners):
        """All rounds of one program: {name: [seconds] or a word}."""
        command, expected, found = words(row[4], self.work(row)), None, {}
        for _ in range(self.args.rounds):
            for runner in runners:
                if isinstance(found.get(runner.name), str):
                    continue
                try:
                    one = runner.run(command)
                except Trouble as trouble:
                    say(f"  {runner.name}: {trouble}")
                    found[runner.name] = trouble.kind
                    continue
                if expected is None and runner.name == "native":
                    expected = one["hash"]
                if one["status"] != 0:
                    say(f"  {runner.name}: status {one['status']} {one['text']}")
                    found[runner.name] = "fails"
                elif one["hash"] != expected:
                    say(f"  {runner.name}: its output differs from the native one")
                    found[runner.name] = "wrong"
                else:
                    found.setdefault(runner.name, []).append(round(one["cpu"], 6))
        return found

    def programs(self, rows):
        runners = [self.native(), *[self.emulator(name) for name in self.commands]]
        try:
            for count, row in enumerate(rows, 1):
                key = f"{row[0]}/{row[1]}"
                self.results["programs"][key] = self.program(row, runners)
                say(f"[{count}/{len(rows)}] {key:24} {report.line(self.results, key)}")
                self.save()
        finally:
            for runner in runners:
                runner.stop()

    def save(self):
        self.results["load"] = report.span(self.results["load"], [os.getloadavg()[0]])
        if self.args.json:
            with open(f"{self.args.json}.part", "w", encoding="utf-8") as file:
                json.dump(self.results, file, indent=1)
            os.replace(f"{self.args.json}.part", self.args.json)


def host_name():
    """Clouds give several processors the same name: family and model tell them apart."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        rows = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in file if ":" in line]))
    return (f"{rows.get('model name', 'unknown')}, family {rows.get('cpu family', '?')} model "
            f"{rows.get('model', '?')}, {os.cpu_count()} CPUs")


def new_results(args):
    results = {"host": host_name(), "date": datetime.date.today().isoformat(),
               "command": shlex.join(["tests/bench/bench.py", *sys.argv[1:]]),
               "rounds": args.rounds, "quick": args.quick, "emulators": [],
               "load": [], "programs": {}, "machine": []}
    for path in args.load:
        with open(path, encoding="utf-8") as file:
            loaded = json.load(file)
        loaded["programs"] = {**results["programs"], **loaded["programs"]}
        loaded["load"] = report.span(results["load"], loaded["load"])
        loaded["command"] = results["command"]
        loaded["machine"] = results["machine"] + loaded["machine"]
        results = loaded
    return results


def main():
    args = arguments()
    rows, kinds = chosen(args)
    if args.list:
        for group, program, work, quick, command in rows:
            print(f"{group}/{program:20} {words(command, work if not args.quick else quick)[:100]}")
        print("\n".join(f"machine: {kind}" for kind in kinds))
        return 0
    results = new_results(args)
    if rows or kinds:
        with tempfile.TemporaryDirectory(prefix="rhea-bench-") as folder:
            try:
                bench = Bench(args, results, folder)
                results["emulators"] = list(bench.commands)
                bench.programs(rows)
                for kind in kinds:
                    machine.measure(bench, kind, say)
                    bench.save()
            except Skip as skip:
                sys.exit(f"bench: {skip}")
    print(report.text(results))
    if args.write:
        report.write(results, args.write)
    first = results["emulators"][:1]
    return 1 if any(isinstance(found.get(name), str) for found in results["programs"].values()
                    for name in first) else 0


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):   # guests end with us
        signal.signal(number, lambda got, _: sys.exit(f"bench: ended by signal {got}"))
    sys.exit(main())
