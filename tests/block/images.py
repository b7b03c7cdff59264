# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of images share: running tools, making data, and TAP.

A test is a function of the folder to work in; it returns nothing when it passes, raises Skip(reason)
or Failed(reason). RHEA_TOOLS is the folder of our tools (default: the release build's).
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.environ.get("RHEA_TOOLS", os.path.join(ROOT, "build"))
RHEA_IMG = os.path.join(TOOLS, "rhea-img")
RHEA_IO = os.path.join(TOOLS, "rhea-io")
RHEA_NBD = os.path.join(TOOLS, "rhea-nbd")
QEMU_IMG, QEMU_IO = "qemu-img", "qemu-io"

MIB = 1 << 20
# What qemu-img says when a busy host keeps it from timing its key derivation: it may try again.
UNTIMED, TRIES = "accurate CPU usage", 20
TIMEOUT = 120 * float(os.environ.get("RHEA_SLOW", "1"))


class Skip(Exception):
    """The test cannot run here."""


class Failed(Exception):
    """The test ran and did not pass."""


def need(*programs):
    packages = {"qemu-img": "qemu-utils", "qemu-io": "qemu-utils", "nbdinfo": "libnbd-bin",
                "nbdcopy": "libnbd-bin"}
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"no {program} (Debian package {packages.get(program, program)})")


class Done:
    """What a program said: its exit status and both outputs."""

    def __init__(self, command, child):
        self.command, self.status = command, child.returncode
        self.out, self.err = child.stdout, child.stderr

    def __str__(self):
        return (f"$ {' '.join(map(str, self.command))}\n{self.out}{self.err}"
                f"[exit status {self.status}]")


def run(*command, cwd=None, status=0, stdin=None):
    """Runs a program; any other exit status than `status` fails (None: any is good)."""
    for _ in range(TRIES):
        child = subprocess.run(command, cwd=cwd, input=stdin, stdout=subprocess.PIPE, text=True,
                               stdin=subprocess.DEVNULL if stdin is None else None,
                               stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
        if command[0] != QEMU_IMG or UNTIMED not in child.stderr:
            break
    done = Done(command, child)
    if status is not None and child.returncode != status:
        raise Failed(f"exit status {status} was expected:\n{done}")
    return done


def expect(condition, text):
    if not condition:
        raise Failed(str(text))


def expect_equal(got, wanted, what=""):
    if got != wanted:
        raise Failed(f"{what}\ngot:    {got!r}\nwanted: {wanted!r}")


def random_disk(path, size, seed, pieces=40):
    """A sparse file of runs of random bytes, of equal bytes, and of nothing."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        file.truncate(size)
        for number in range(pieces):
            length = rng.randrange(1, 130) * 512
            file.seek(rng.randrange(0, max(size - length, 1)) & ~511)
            file.write(rng.randbytes(length) if number % 2 else bytes([number + 1]) * length)
    return path


def same_bytes(one, two):
    """Of two raw files: the shorter one's bytes are equal, and the rest is zeroes."""
    with open(one, "rb") as a, open(two, "rb") as b:
        while True:
            x, y = a.read(MIB), b.read(MIB)
            if not x and not y:
                return True
            size = max(len(x), len(y))
            if x.ljust(size, b"\0") != y.ljust(size, b"\0"):
                return False


def tap(tests):
    """Runs (name, function) pairs, each in an empty folder, and prints TAP."""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        start = time.monotonic()
        trouble = None
        with tempfile.TemporaryDirectory(prefix="rhea-block-") as folder:
            try:
                function(folder)
            except Skip as skip:
                print(f"ok {number} {name} # SKIP {skip}", flush=True)
                continue
            except Failed as reason:
                trouble = str(reason)
            except Exception:           # a mistake in the test is a failure of one test only
                trouble = traceback.format_exc()
        if trouble:
            failed += 1
            print(f"not ok {number} {name}")
            print("\n".join("# " + line for line in trouble.splitlines()), flush=True)
        else:
            print(f"ok {number} {name} ({time.monotonic() - start:.1f} s)", flush=True)
    return 1 if failed else 0


def main(tests):
    sys.exit(tap(tests))
