#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""rhea-nbd: its clients are nbdinfo and nbdcopy of libnbd, qemu-img, and bytes that are no NBD."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from images import (MIB, QEMU_IMG, QEMU_IO, RHEA_IMG, RHEA_NBD, Failed, expect, expect_equal, main, need,
                    random_disk, run, same_bytes)

SIZE = 6 * MIB


def listens(path):
    """Without a connection, which would be a client: flag 0x10000 is that of sockets that accept."""
    with open("/proc/net/unix", encoding="utf-8") as table:
        return any(line.split()[3] == "00010000" and line.rstrip().endswith(" " + path) for line in table)


class Server:
    """rhea-nbd on a UNIX socket of the folder, until the end of a with-block."""

    def __init__(self, folder, *words):
        self.path = f"{folder}/nbd.sock"
        self.child = subprocess.Popen([RHEA_NBD, "-k", self.path, *words], cwd=folder,
                                      stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not listens(self.path):
            if time.monotonic() > deadline or self.child.poll() is not None:
                self.child.kill()
                raise Failed("the server does not listen")
            time.sleep(0.02)

    def uri(self, name=""):
        return f"nbd+unix:///{name}?socket={self.path}"

    def qemu(self, name=""):
        return f"nbd+unix:///{name}?socket={self.path}"

    def wait(self):
        return self.child.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(timeout=30)


def copied(folder):
    """nbdcopy reads the image and writes it."""
    need("nbdcopy")
    source = random_disk(f"{folder}/src.raw", SIZE, "nbd")
    run(RHEA_IMG, "convert", "-O", "vdi", "-f", "raw", source, f"{folder}/a.vdi")
    with Server(folder, "-t", "-e", "0", "a.vdi") as server:
        run("nbdcopy", server.uri(), f"{folder}/back.raw")
        expect(same_bytes(source, f"{folder}/back.raw"), "what nbdcopy read differs")
        other = random_disk(f"{folder}/other.raw", SIZE, "other")
        run("nbdcopy", "--flush", other, server.uri())
    run(RHEA_IMG, "compare", "-f", "raw", other, f"{folder}/a.vdi")


def seen_by_qemu(folder):
    """qemu-img and qemu-io work on an export as on the image."""
    need(QEMU_IMG, QEMU_IO)
    source = random_disk(f"{folder}/src.raw", SIZE, "qemu")
    run(RHEA_IMG, "convert", "-O", "vmdk", "-f", "raw", source, f"{folder}/a.vmdk")
    with Server(folder, "-t", "-e", "0", "-f", "vmdk", "a.vmdk") as server:
        run(QEMU_IMG, "compare", "-f", "raw", "-F", "raw", source, server.qemu())
        for command in ("write -P 7 1M 100k", "write -z 2M 64k", "discard 3M 64k", "flush", "read -P 7 1M 100k",
                        "write -f -P 8 4M 4k"):
            run(QEMU_IO, "-f", "raw", "-c", command, server.qemu())
        for command in ("write -P 7 1M 100k", "write -z 2M 64k", "write -P 8 4M 4k"):
            run(QEMU_IO, "-f", "raw", "-c", command, source)
        run(QEMU_IMG, "compare", "-f", "raw", "-F", "raw", source, server.qemu())


def described(folder):
    """nbdinfo is told name, description, sizes and flags; a server of read-only exports refuses writes."""
    need("nbdinfo", QEMU_IO)
    run(RHEA_IMG, "create", "-q", "-f", "raw", "a.raw", str(SIZE), cwd=folder)
    with Server(folder, "-t", "-e", "0", "-r", "-x", "foo", "-D", "my disk", "-f", "raw", "a.raw") as server:
        info = json.loads(run("nbdinfo", "--json", server.uri("foo")).out)
        export = info["exports"][0]
        expect_equal((export["export-name"], export["description"], export["export-size"]),
                     ("foo", "my disk", SIZE))
        expect(export["is_read_only"] and export["can_flush"] and export["can_multi_conn"], export)
        expect("foo" in run("nbdinfo", "--list", server.uri()).out, "not listed")
        run("nbdinfo", server.uri("bar"), status=1)
        said = run(QEMU_IO, "-f", "raw", "-c", "write 0 512", server.qemu("foo"), status=1)
        expect("Permission denied" in said.err, said)


def holes(folder):
    """base:allocation says what qemu-img says of the image."""
    need("nbdinfo", QEMU_IO)
    run(RHEA_IMG, "create", "-q", "-f", "vdi", "a.vdi", "8M", cwd=folder)
    run(QEMU_IO, "-f", "vdi", "-c", "write -P 1 2M 1M", "a.vdi", cwd=folder)
    with Server(folder, "-t", "-A", "-e", "0", "a.vdi") as server:
        extents = json.loads(run("nbdinfo", "--json", "--map", server.uri()).out)
        expect_equal([(e["offset"], e["length"], e["type"]) for e in extents],
                     [(0, 2 * MIB, 3), (2 * MIB, MIB, 0), (3 * MIB, 5 * MIB, 3)])
        depths = json.loads(run("nbdinfo", "--json", "--map=qemu:allocation-depth", server.uri()).out)
        expect_equal([e["type"] for e in depths], [0, 1, 0])


def offset(folder):
    source = random_disk(f"{folder}/src.raw", SIZE, "offset")
    need("nbdcopy")
    with Server(folder, "-t", "-e", "0", "-o", "1M", "-f", "raw", "src.raw") as server:
        run("nbdcopy", server.uri(), f"{folder}/part.raw")
    with open(source, "rb") as a, open(f"{folder}/part.raw", "rb") as b:
        a.seek(MIB)
        expect(a.read() == b.read(), "the part differs")


def leaves(folder):
    """Without --persistent the server ends with its last client, with it on SIGTERM."""
    need("nbdinfo")
    run(RHEA_IMG, "create", "-q", "-f", "raw", "a.raw", "1M", cwd=folder)
    server = Server(folder, "-f", "raw", "a.raw")
    expect_equal(run("nbdinfo", "--size", server.uri()).out, "1048576\n")
    expect_equal(server.wait(), 0)
    expect(not os.path.exists(server.path), "the socket is left")
    server = Server(folder, "-t", "-f", "raw", "a.raw")
    run("nbdinfo", "--size", server.uri())
    run("nbdinfo", "--size", server.uri())
    server.child.send_signal(signal.SIGTERM)
    expect_equal(server.wait(), 0)


def forks(folder):
    """--fork returns when the server listens, and --pid-file names it."""
    need("nbdinfo")
    run(RHEA_IMG, "create", "-q", "-f", "raw", "a.raw", "1M", cwd=folder)
    run(RHEA_NBD, "--fork", "--pid-file", "pid", "-t", "-f", "raw", "-k", f"{folder}/s", "a.raw", cwd=folder)
    with open(f"{folder}/pid", encoding="ascii") as file:
        pid = int(file.read())
    try:
        expect_equal(run("nbdinfo", "--size", f"nbd+unix:///?socket={folder}/s").out, "1048576\n")
    finally:
        os.kill(pid, signal.SIGTERM)
    run(RHEA_NBD, "--fork", "-f", "raw", "-k", f"{folder}/s2", "missing", cwd=folder, status=1)


def lists(folder):
    """-L tells what qemu-nbd -L tells, of our server and of qemu-nbd's."""
    need("qemu-nbd")
    run(RHEA_IMG, "create", "-q", "-f", "raw", "a.raw", "1M", cwd=folder)
    with Server(folder, "-t", "-e", "0", "-D", "text", "-f", "raw", "a.raw") as server:
        theirs = run("qemu-nbd", "-L", "-k", server.path).out
        expect_equal(run(RHEA_NBD, "-L", "-k", server.path).out, theirs)
        expect("flags: 0xced ( flush fua trim zeroes df cache fast-zero )" in theirs, theirs)
    said = run(RHEA_NBD, "-L", "-k", "/nonexistent", status=1).err
    expect_equal(said, "rhea-nbd: Failed to connect to '/nonexistent': No such file or directory\n")


def tcp(folder):
    """Over TCP, several clients at a time."""
    need("nbdcopy")
    source = random_disk(f"{folder}/src.raw", SIZE, "tcp")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run(RHEA_NBD, "--fork", "--pid-file", "pid", "-t", "-r", "-e", "4", "-b", "127.0.0.1", "-p", str(port),
        "-f", "raw", "src.raw", cwd=folder)
    with open(f"{folder}/pid", encoding="ascii") as file:
        pid = int(file.read())
    try:
        run("nbdcopy", "--connections=4", f"nbd://127.0.0.1:{port}", f"{folder}/back.raw")
        expect(same_bytes(source, f"{folder}/back.raw"), "what was read differs")
    finally:
        os.kill(pid, signal.SIGTERM)


def hostile(folder):
    """Bytes that are no NBD, lengths that are lies: the server drops the client and serves the next."""
    run(RHEA_IMG, "create", "-q", "-f", "raw", "a.raw", "1M", cwd=folder)
    option = struct.Struct(">8sII")
    go = option.pack(b"IHAVEOPT", 7, 6) + bytes(6)
    request = struct.Struct(">IHHQQI")
    attacks = [
        b"", b"\xff" * 64, bytes(4) + b"IHAVEOPT",
        b"\0\0\0\3" + option.pack(b"IHAVEOPT", 3, 0xffffffff),
        b"\0\0\0\3" + option.pack(b"IHAVEOPT", 7, 6) + b"\xff" * 6,
        b"\0\0\0\3" + option.pack(b"IHAVEOPT", 10, 8) + b"\xff" * 8,
        b"\0\0\0\3" + option.pack(b"IHAVEOPT", 8, 0) + option.pack(b"IHAVEOPT", 9, 12) +
        struct.pack(">3I", 0, 0xffffffff, 0xffffffff),
        b"\0\0\0\3" + go + b"\xff" * 28,
        b"\0\0\0\3" + go + request.pack(0x25609513, 0, 1, 1, 0, 0xffffffff),
        b"\0\0\0\3" + go + request.pack(0x25609513, 0, 0, 1, 2**64 - 1, 0xffffffff),
        b"\0\0\0\3" + go + request.pack(0x25609513, 0, 7, 1, 0, 0),
        b"\0\0\0\3" + go + request.pack(0x25609513, 0xffff, 0xffff, 1, 0, 0),
        b"\0\0\0\3" + go + request.pack(0x25609513, 0, 4, 1, 2**63, 2**31),
    ]
    with Server(folder, "-t", "-e", "0", "-f", "raw", "a.raw") as server:
        for attack in attacks:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(server.path)
                try:
                    client.sendall(attack)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
        expect("size:  1048576" in run(RHEA_NBD, "-L", "-k", server.path).out, "the server is gone")


def misuse(folder):
    del folder
    for words, text in ((["-c", "/dev/nbd0", "x"], "nbd-client"), ([], "Invalid number of arguments"),
                        (["-e", "x", "a"], "Invalid shared device number 'x'"),
                        (["-k", "a", "-p", "1", "x"], "--socket cannot be used"),
                        (["-L", "x"], "List mode is incompatible")):
        said = run(RHEA_NBD, *words, status=1).err
        expect(text in said, said)


if __name__ == "__main__":
    sys.exit(main([
        ("nbdcopy reads and writes", copied), ("qemu-img and qemu-io", seen_by_qemu),
        ("name, description, read-only", described), ("holes and depths", holes),
        ("an offset", offset), ("the end of the server", leaves), ("--fork and --pid-file", forks),
        ("--list", lists), ("TCP", tcp), ("hostile clients", hostile), ("misuse", misuse)]))
