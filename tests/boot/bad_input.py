#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input ends with exit status 1 and one clear line on standard error; help with status 0."""
import os
import re
import struct
import subprocess
import sys

from boot import RHEA, SLOW, Failed, Scratch, Skip, guest_file, tap

TIMEOUT = 30
BASE = ("-monitor", "none")           # no -display none: its warning must not come before an error
DEBUG_EXIT = "isa-debug-exit"

TAIL = 4096                             # more than the signature that the header does not count

# What our own mistakes look like. They are never an answer to bad input.
OUR_MISTAKES = r"assert|CRITICAL|Aborted|core dumped|\(null\)|Sanitizer|runtime error"


def truncated(scratch, size):
    with open(guest_file("cloud"), "rb") as file:
        return scratch.path(f"truncated-{size}", file.read(size))


def without_its_end(scratch):
    """A kernel whose compressed part is whole, but not the code behind it."""
    size = os.path.getsize(guest_file("cloud"))
    return truncated(scratch, size - TAIL)


def sparse(scratch, size):
    path = scratch.path("big-initrd", b"")
    os.truncate(path, size)
    return path


def unreadable(scratch):
    if os.geteuid() == 0:
        raise Skip("root can read every file")
    path = scratch.path("unreadable", b"x" * 4096)
    os.chmod(path, 0)
    return path


def pvh(scratch):
    """An ELF image of one byte, with the note that says where PVH enters it."""
    note = struct.pack("<3I4sI", 4, 4, 18, b"Xen\0", 0x100000)
    at = 52 + 2 * 32
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack(
        "<2H5I6H", 2, 3, 1, 0x100000, 52, 0, 0, 52, 32, 2, 0, 0, 0)
    load = struct.pack("<8I", 1, at + len(note), 0x100000, 0x100000, 1, 1, 7, 0)
    notes = struct.pack("<8I", 4, at, 0, 0, len(note), len(note), 4, 4)
    return scratch.path("pvh", header + load + notes + note + b"\xf4")


def modules(make, count):
    """A kernel with that many modules."""
    def args(scratch):
        return ("-kernel", make(scratch), "-initrd",
                ",".join([scratch.path("module", b"module")] * count))
    return args


def kernel(make):
    """Arguments with a kernel file that make(scratch) makes."""
    return lambda scratch: ("-kernel", make(scratch))


def small(*args):
    """Arguments with a kernel that is good, so that the others decide."""
    return lambda scratch: ("-kernel", scratch.assemble("guest.S"), "-append", "D",
                            "-device", DEBUG_EXIT, *args)


def initrd_too_big(scratch):
    return ("-m", "256M", "-kernel", guest_file("cloud"), "-initrd", sparse(scratch, 600 << 20))


# name, arguments, what standard error names
BAD = (
    ("kernel: missing file",     lambda s: ("-kernel", "MISSING"), r"could not open kernel file 'MISSING'"),
    ("kernel: unreadable file",  kernel(unreadable),               r"could not open kernel file '.*unreadable'"),
    ("kernel: a folder",         kernel(lambda s: s.folder.name),  r"kernel.*rhea-boot-"),
    ("kernel: empty file",       kernel(lambda s: s.path("empty", b"")), r"' is empty"),
    ("kernel: a text",           kernel(lambda s: s.path("text", b"hello\n" * 1000)), r'beginning with the text "hello"\)'),
    ("kernel: cut in its setup", kernel(lambda s: truncated(s, 1000)), r"truncated-1000"),
    ("kernel: cut in its code",  kernel(lambda s: truncated(s, 3 << 20)), r"truncated-3145728"),
    ("kernel: cut at its end",   kernel(without_its_end),          r"is truncated: it should have \d+ bytes"),
    ("initrd: missing file",     small("-initrd", "MISSING"),      r"MISSING"),
    ("initrd: larger than RAM",  initrd_too_big,                   r"initrd"),
    ("initrd: without kernel",   lambda s: ("-initrd", "x"),       r"-initrd.*-kernel|-kernel.*-initrd"),
    ("initrd: 65 multiboot modules", modules(lambda s: s.assemble("guest.S"), 65), r"more than 64 multiboot modules"),
    ("initrd: 65 PVH modules",   modules(pvh, 65),                 r"more than 64 PVH modules"),
    ("append: without kernel",   lambda s: ("-append", "x"),       r"-append.*-kernel|-kernel.*-append"),
    ("-m 0",                     small("-m", "0"),                 r"-m\b.*0"),
    ("-m not a number",          small("-m", "much"),              r"-m\b.*much"),
    ("-m negative",              small("-m", "-1"),                r"-m\b.*-1"),
    ("-m absurd",                small("-m", "99999999T"),         r"-m\b.*99999999T"),
    ("-m more than 64 bits",     small("-m", "99999999999999999999G"), r"-m\b.*99999999999999999999G"),
    ("-m more than the host has", small("-m", "1T"),           r"-m\b.*1.0.TiB.*this host has"),
    ("-m bad suffix",            small("-m", "12Q"),               r"-m\b.*12Q"),
    ("-m without a value",       lambda s: ("-m",),                r"-m\b"),
    ("-smp 300",                 small("-smp", "300"),             r"-smp|cpus"),
    ("-smp 0",                   small("-smp", "0"),               r"-smp|cpus"),
    ("-cpu unknown model",       small("-cpu", "nosuch"),          r"nosuch"),
    ("-cpu unknown feature",     small("-cpu", "qemu64,+nosuch"),  r"nosuch"),
    ("-cpu near feature",        small("-cpu", "qemu64,+sse4_3"),  r"sse4_3.*sse4[._][12]"),
    ("-machine unknown",         small("-machine", "nosuch"),      r"nosuch"),
    ("-accel unknown",           small("-accel", "nosuch"),        r"nosuch"),
    ("-device unknown",          small("-device", "nosuch"),       r"nosuch"),
    ("-device near name",        small("-device", "isa-debug-exi"), r"isa-debug-exi'.*isa-debug-exit"),
    ("-device unknown property", small("-device", "isa-debugcon,iobse=3"), r"iobse.*iobase"),
    ("-device bad value",        small("-device", "isa-debug-exit,iobase=zzz"), r"iobase.*zzz"),
    ("-global of a board device", small("-global", "PIIX4_PM.nosuch=1"), r"-global PIIX4_PM\.nosuch=1.*not found"),
    ("-global bad value",        small("-global", "driver=isa-fdc,property=bootindexA,value=zz"), r"bootindexA.*zz"),
    ("-smbios unknown field",    small("-smbios", "type=1,colour=red"), r"no field 'colour'; it has: manufacturer"),
    ("-smbios bad value",        small("-smbios", "type=0,release=1"), r"release is '1', must be MAJOR\.MINOR"),
    ("-smbios odd file",         lambda s: small("-smbios", "file=" + s.path("odd", b"\x01\xff"))(s), r"holds no whole SMBIOS structure"),
    ("-uuid bad value",          small("-uuid", "12"),             r"'12' is not a UUID"),
    ("unknown option",           small("-kernl"),                  r"-kernl.*-kernel"),
    ("unknown option, far",      small("-qqqqq"),                  r"-qqqqq"),
    ("stray word",               small("disk.img"),                r"disk\.img"),
    ("-serial unknown",          small("-serial", "nosuch"),       r"nosuch"),
    ("-serial unwritable file",  small("-serial", "file:/nonexistent/x"), r"/nonexistent/x"),
    ("-d unknown item",          small("-d", "nosuch"),            r"nosuch"),
    ("-D unwritable file",       small("-D", "/nonexistent/x"),    r"/nonexistent/x"),
    ("-rtc bad base",            small("-rtc", "base=nosuch"),     r"nosuch"),
)

# arguments, what standard output says
HELP = (
    (("-h",),               (r"QEMU", r"-kernel", r"-append", r"-nographic", r"-device")),
    (("-help",),            (r"-kernel",)),
    (("--help",),           (r"-kernel",)),
    (("-version",),         (r"\d+\.\d+",)),
    (("-machine", "help"),  (r"^pc +.*alias of pc-i440fx-7\.2", r"^pc-i440fx-7\.2 .*default")),
    (("-M", "help"),        (r"^pc\b",)),
    (("-cpu", "help"),      (r"qemu64", r"\bmax\b", r"sse4")),
    (("-accel", "help"),    (r"tcg",)),
    (("-device", "help"),   (r'name "isa-debug-exit", bus ISA',)),
    (("-device", "?"),      (r'name "isa-debug-exit", bus ISA',)),
    (("-device", "isa-debug-exit,help"), (r"iobase",)),
    (("-d", "help"),        (r"guest_errors", r"unimp")),
    (("-serial", "null", "-d", "help"), (r"guest_errors",)),
)


def run(args):
    if not os.access(RHEA, os.X_OK):
        raise Failed(f"no emulator '{RHEA}'")
    try:
        return subprocess.run([RHEA, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=TIMEOUT * SLOW,
                              check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"still running after {TIMEOUT * SLOW:.0f} s: {' '.join(args)}") from None


def check(good, done, what):
    if not good:
        raise Failed(f"{what}\ncommand: {' '.join(done.args)}\nexit status: {done.returncode}\n"
                     f"standard output: {done.stdout[-500:]}\nstandard error: {done.stderr[-1500:]}")


def bad_test(row):
    name, make, pattern = row

    def test():
        scratch = Scratch()
        args = make(scratch)
        serial = () if "-serial" in args else ("-serial", "null")
        done = run((*BASE, *serial, *args))
        check(not re.search(OUR_MISTAKES, done.stderr), done, "an internal mistake shows")
        check(done.returncode == 1, done, "exit status is not 1")
        check(re.search(pattern, done.stderr), done, f"standard error has not '{pattern}'")
        check(len(done.stderr.splitlines()) == 1, done, "standard error is not one line")
        check(done.stdout == "", done, "standard output is not empty")

    return name, test


def help_test(row):
    args, patterns = row

    def test():
        done = run(args)
        check(done.returncode == 0, done, "exit status is not 0")
        check(done.stderr == "", done, "standard error is not empty")
        for pattern in patterns:
            check(re.search(pattern, done.stdout, re.M), done, f"output has not '{pattern}'")

    return "help: " + " ".join(args), test


if __name__ == "__main__":
    sys.exit(tap([bad_test(row) for row in BAD] + [help_test(row) for row in HELP]))
