#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests in assembly (guest_*.S) under the whole emulator, by each of its engines, KVM among them, and by
the host's processor alone where its KVM can, as TAP.

Each is assembled to a multiboot ELF image and started with -kernel; it prints "ok NAME" or
"not ok NAME" lines on COM1 and leaves through isa-debug-exit. RHEA_BIN is the emulator; with
RHEA_BIN=qemu-system-x86_64 the tests themselves are tried.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RHEA = os.environ.get("RHEA_BIN", os.path.join(ROOT, "build", "rhea-system-x86_64"))
SLOW = float(os.environ.get("RHEA_SLOW", "1"))
PASSED = 0x10 << 1 | 1          # isa-debug-exit's status for what guest.h writes at the end
SKIPPED = 77                    # kvm_guest's: there is no KVM that measures anything
# Each guest runs by each; another emulator has one.  Without -accel it is kvm_guest.c.
ENGINES = (("interp", "tcg,engine=interp"), ("translate", "tcg,engine=translate"), ("accel kvm", "kvm"), ("kvm", None))
# What a KVM without VT-x or SVM below it does as processors do; see docs/kvm.md for the others.
EMULATED = ("guest_tasks.S", "guest_traces.S")
if "qemu" in os.path.basename(RHEA):
    ENGINES = (("tcg", "tcg"),)
# What a guest needs of the machine; kvm_guest.c has one processor.
NEEDS = {"guest_smp.S": ["-smp", "2"]}
LINE = re.compile(r"(not )?ok (.*)")


def build(source, folder):
    """The image of a guest."""
    base = os.path.join(folder, os.path.basename(source)[:-2])
    subprocess.run(["gcc", "-m32", "-c", "-o", base + ".o", source], check=True)
    # -N: one segment, and the headers not in it.
    subprocess.run(["ld", "-N", "-m", "elf_i386", "-Ttext=0x100000", "-z", "noexecstack",
                    "--no-warn-rwx-segments", "-o", base + ".elf", base + ".o"], check=True)
    return base + ".elf"


def build_runner(folder):
    """kvm_guest."""
    runner = os.path.join(folder, "kvm_guest")
    subprocess.run(["gcc", "-O1", "-o", runner, os.path.join(HERE, "kvm_guest.c")], check=True)
    return runner


def run(image, accel, runner, needs):
    """What the guest printed, and its exit status; None when it had to be killed."""
    command = [RHEA, "-m", "64", "-cpu", "max", "-accel", accel, "-nographic", "-no-reboot",
               "-kernel", image, "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", *needs] \
        if accel else [runner, image]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=(60 if accel == "kvm" else 20) * SLOW, check=False)
        return done.stdout.decode("latin-1"), done.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode("latin-1"), None


def kvm_skips(source):
    """Why the emulator's KVM cannot run this guest, or None."""
    try:
        with open("/dev/kvm", "r+b", buffering=0):
            pass
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    with open("/proc/cpuinfo", encoding="ascii") as info:
        hardware = re.search(r"^flags\s*:.*\b(vmx|svm)\b", info.read(), re.M)
    if not hardware and source not in EMULATED:
        return "this processor offers neither VT-x nor SVM, so that its KVM is an emulator, and does not do " \
               "all of this"
    return None


def points(name, text, status):
    """(passed, description) of each test of a guest, and of its end."""
    for line in text.splitlines():
        found = LINE.match(line.strip())
        if found:
            yield not found.group(1), f"{name}: {found.group(2)}"
    yield status == PASSED, f"{name}: ends with status {PASSED}, has {status}"


def main():
    only = sys.argv[1:]
    sources = sorted(n for n in os.listdir(HERE) if re.fullmatch(r"guest_\w+\.S", n))
    count = 0
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        runner = build_runner(folder)
        for source in sources:
            if only and source not in only:
                continue
            image = build(os.path.join(HERE, source), folder)
            needs = NEEDS.get(source, [])
            for engine, accel in ENGINES:
                if needs and not accel:
                    continue
                why = kvm_skips(source) if accel == "kvm" else None
                if why:
                    count += 1
                    print("ok", count, "-", f"{source}, {engine} # SKIP {why}", flush=True)
                    continue
                text, status = run(image, accel, runner, needs)
                bad = False
                if status == SKIPPED:
                    count += 1
                    print("ok", count, "-", f"{source}, {engine} # SKIP {text.strip()}", flush=True)
                    continue
                for passed, description in points(f"{source}, {engine}", text, status):
                    count += 1
                    bad |= not passed
                    print(("ok" if passed else "not ok"), count, "-", description, flush=True)
                if bad:
                    print("".join(f"# {line}\n" for line in text.splitlines()), end="")
                failed |= bad
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
