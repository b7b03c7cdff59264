#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of rhea-io: each row of words is given to rhea-io and to qemu-io, and what they print,
on both outputs, and how they end is the same but for times and rates."""
import re
import sys

from images import (QEMU_IMG, QEMU_IO, RHEA_IMG, RHEA_IO, expect, expect_equal, main, need, run)

# name, options, commands
ROWS = (
    ("patterns", "-f raw", ["write -P 0xab 0 1k", "read -v 1000 48", "read -P 0xab 0 1k",
                            "read -P 0xac 0 1k", "read -P 0 -s 512 -l 512 0 2k", "read -v 1 24"]),
    ("machine-readable and quiet", "-f raw", ["read -C 0 64k", "read -q 0 1k", "write -q 0 1k",
                                              "discard -C 0 64k"]),
    ("vectors", "-f raw", ["readv 0 1k 2k", "writev -P 5 512k 4k 4k", "readv -P 5 512k 8k",
                           "readv -v 512k 16 16"]),
    ("asynchronous", "-f raw", ["aio_read 0 64k", "aio_flush", "aio_write -P 3 0 64k", "aio_flush",
                                "aio_read -P 4 0 64k", "aio_flush", "aio_write -z 0 64k", "aio_flush",
                                "aio_write -C 0 1k", "aio_flush", "aio_write -q 0 1k", "aio_flush"]),
    ("asynchronous mistakes", "-f raw", ["aio_write -z 0 64k 64k", "aio_write -u 0 1k",
                                         "aio_read 100M 1k", "aio_flush"]),
    ("space", "-f raw", ["discard 0 64k", "flush", "length", "map", "alloc 0", "alloc 0 1M",
                         "alloc 1M 64k", "alloc 5M", "alloc 0 5M", "info"]),
    ("truncate", "-f raw", ["truncate 8M", "length", "write 7M 64k", "map", "truncate -m falloc 16M",
                            "length", "truncate 1M", "length"]),
    ("truncate in a wrong mode", "-f raw", ["truncate -m foo 1M"]),
    ("beyond the end", "-f raw", ["write 100M 1k", "read 100M 1k", "discard 0 100M", "write 0 3g"]),
    ("numbers", "-f raw", ["write x 1", "write 0 5x", "write -P 300 0 1k", "write -P x 0 1k",
                           "truncate x", "alloc x"]),
    ("an option that is none", "-f raw", ["write -5 1"]),
    ("counts of words", "-f raw", ["readv 0", "discard 0", "truncate", "alloc", "length 5", "aio_read 0",
                                   "sleep", "write 1"]),
    ("verification", "-f raw", ["read -P 1 -s 100 -l 1000 0 1k", "read -P 1 -s 2k 0 1k"]),
    ("read-only", "-f raw -r", ["write 0 1k"]),
    ("zeroes", "-f raw", ["write -z 0 64k", "write -z -u 64k 64k", "write -u 0 1k", "write -z -P 1 0 1k",
                          "write -f 0 1k", "write -n 0 1k", "write -b -z 0 1k"]),
    ("not of raw", "-f raw", ["write -c 0 64k", "write -b 0 1k", "read -b 0 1k"]),
    ("no such command", "-f raw", ["foo"]),
    ("no such help", "-f raw", ["help nope"]),
    ("reopened", "-f raw", ["reopen -r", "write 0 1k", "reopen -w", "write 0 1k"]),
    ("reopened both ways", "-f raw", ["reopen -r -w"]),
    ("nothing", "-f raw", ["write 0 0", "read 1 1", "sleep 10"]),
    ("a missing pattern file", "-f raw", ["write -s nope 0 1k"]),
    ("a snapshot", "-f raw -s", ["write -P 9 0 1k", "read -P 9 0 1k", "quit", "length"]),
    ("a wrong cache mode", "-n -t foo", []),
)

# The same without a file on the command line.
NO_FILE = (
    ("no file", "", ["read 0 1"]),
    ("a missing file", "", ["open nope"]),
    ("open and close", "", ["open -o driver=raw io.raw", "length", "close", "length"]),
    ("open twice", "", ["open -o driver=raw io.raw", "open io.raw"]),
    ("options as a file", "--image-opts driver=raw,file.filename=io.raw", ["length"]),
    ("options and a format", "--image-opts -f raw driver=raw,file.filename=io.raw", ["length"]),
)


def without_times(text):
    text = re.sub(r"\d+:\d\d:\d\d\.\d\d|\d+\.\d+ sec", "T", text)
    text = re.sub(r"\(.* ops/sec\)", "(R)", text)
    text = re.sub(r",T,.*", ",T,R", text)
    text = text.replace("[-abCqv]", "[-bCqv]")          # an option that qemu-io names and has not
    return re.sub(r"^(qemu|rhea)-io(?=:)", "io", text, flags=re.M)


def same(options, commands, file):
    def test(folder):
        need(QEMU_IMG, QEMU_IO)
        said = []
        for tool in (QEMU_IO, RHEA_IO):
            run(QEMU_IMG, "create", "-q", "-f", "raw", "io.raw", "1M", cwd=folder)
            words = [tool, *options.split()]
            for command in commands:
                words += ["-c", command]
            done = run(*words, *file, cwd=folder, status=None)
            said.append((without_times(done.out), without_times(done.err), done.status))
        expect_equal(said[1], said[0], " ".join(commands))
    return test


def commands_from_a_terminal(folder):
    run(RHEA_IMG, "create", "-q", "-f", "raw", "io.raw", "1M", cwd=folder)
    done = run(RHEA_IO, "-f", "raw", "io.raw", cwd=folder, stdin="read 0 1k\n\nlength\nquit\nread 0 1k\n")
    expect_equal(without_times(done.out), "rhea-io> read 1024/1024 bytes at offset 0\n"
                 "1 KiB, 1 ops; T (R)\nrhea-io> rhea-io> 1 MiB\nrhea-io> ")


def help_names_every_command(folder):
    said = run(RHEA_IO, "-c", "help").out
    for name in ("aio_flush", "aio_read", "aio_write", "alloc", "close", "discard", "flush", "help", "info",
                 "length", "map", "open", "quit", "read", "readv", "reopen", "sleep", "truncate", "write",
                 "writev"):
        expect(re.search(rf"^{name} ", said, re.M), f"{name} is not in:\n{said}")
    said = run(RHEA_IO, "-c", "help write").out
    expect(" -z, -- write zeroes" in said and "Example:" in said, said)


def pattern_file(folder):
    """A file fills the buffer again and again."""
    with open(f"{folder}/p", "w", encoding="ascii") as file:
        file.write("abc")
    run(RHEA_IMG, "create", "-q", "-f", "raw", "io.raw", "1M", cwd=folder)
    run(RHEA_IO, "-f", "raw", "-c", "write -s p 512 1k", "io.raw", cwd=folder)
    with open(f"{folder}/io.raw", "rb") as file:
        file.seek(512)
        expect_equal(file.read(1024), (b"abc" * 342)[:1024])


TESTS = (
    [(name, same(options, commands, ["io.raw"])) for name, options, commands in ROWS] +
    [(name, same(options, commands, [])) for name, options, commands in NO_FILE] +
    [("commands from a terminal", commands_from_a_terminal),
     ("help names every command", help_names_every_command),
     ("a pattern file", pattern_file)])

if __name__ == "__main__":
    sys.exit(main(TESTS))
