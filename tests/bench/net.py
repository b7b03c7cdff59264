#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest and this host over each card and through each back end, in turn under each emulator: iperf3 from the guest
and to it, Mbit/s; one byte there and back over TCP (c/rr.c), microseconds; medians of the rounds. It runs in a network
namespace of its own, which takes no privilege where user namespaces are allowed; elsewhere there are no rows of tap."""
import argparse
import datetime
import os
import re
import shlex
import shutil
import socketserver
import statistics
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "boot")]

from boot import RHEA, Run, Scratch  # noqa: E402
from network_guest import HEAD, fill, free_port, linux, program_files  # noqa: E402
from network_tap import INSIDE, why_not  # noqa: E402
from report import table  # noqa: E402

DOCUMENT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "performance.md")
BEGIN, END = "<!-- tests/bench/net.py begins -->", "<!-- tests/bench/net.py ends -->"
HOST = "10.0.2.2"               # as the guest sees it, whatever the back end
CARDS = ("virtio-net-pci", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet")
BACKENDS = {"user": "user,id=n", "tap": "tap,id=n,ifname=rhea-bench,script=UP,downscript=no"}
COLUMNS = {"out": "out Mbit/s", "in": "in Mbit/s", "rr": "rr µs"}
SCRIPT = fill(HEAD, ADDRESS="10.0.2.15") + """
chmod 755 /rr
for i in 1 2; do    # the first one translates and warms
    iperf3 -f m -c 10.0.2.2 -p IPERF -t SECONDS | sed -n "s/^.* \\([0-9.]*\\) Mbits.*receiver/OUT $i \\1/p"
    iperf3 -f m -c 10.0.2.2 -p IPERF -t SECONDS -R | sed -n "s/^.* \\([0-9.]*\\) Mbits.*receiver/IN $i \\1/p"
    /rr 10.0.2.2 ECHO COUNT | sed "s/^/$i /"
done
echo DONE
reboot -f
"""
TIMEOUT = 900


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(6, 1, 1)                    # IPPROTO_TCP, TCP_NODELAY
        while data := self.request.recv(4096):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def host_iperf(scratch, port):
    """The guest's own iperf3 as a server on this host: no package is needed."""
    for name, data in program_files():
        os.makedirs(scratch.path("ld"), exist_ok=True)
        os.chmod(scratch.path(name, data), 0o755)
    folder = scratch.path("ld")
    quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    return subprocess.Popen([f"{folder}/ld-linux-x86-64.so.2", "--library-path", folder, f"{folder}/iperf3", "-s",
                             "-p", str(port)], **quiet)


def build_rr(scratch):
    program = scratch.path("rr")
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-static", "-o", program,
                    os.path.join(HERE, "c", "rr.c")], check=True)
    with open(program, "rb") as file:
        return [("rr", file.read())]


def netdev(scratch, backend):
    up = scratch.path("up", f"#!/bin/sh\nip addr add {HOST}/24 dev $1\nip link set $1 up\n".encode())
    os.chmod(up, 0o755)
    return BACKENDS[backend].replace("UP", up)


def once(command, card, backend, args, ports):
    """{"out": Mbit/s, "in": Mbit/s, "rr": us} of one boot: those of its second turn."""
    scratch = Scratch()
    script = fill(SCRIPT, IPERF=ports[0], ECHO=ports[1], SECONDS=args.seconds, COUNT=args.count)
    options = [*linux(scratch, script, "cards", program_files() + build_rr(scratch), "quiet", 512), "-cpu", "max", "-nic",
               "none", "-netdev", netdev(scratch, backend), "-device", f"{card},netdev=n,romfile="]
    with Run(options, command=tuple(command)) as run:
        run.expect("^DONE", TIMEOUT)
        run.finish(TIMEOUT)
        found = {"out": re.search(r"^OUT 2 ([0-9.]+)", run.output, re.M),
                 "in": re.search(r"^IN 2 ([0-9.]+)", run.output, re.M),
                 "rr": re.search(r"^2 RR-END COUNT \d+ (\d+) ns", run.output, re.M)}
        if not all(found.values()):
            run.fail("a measurement is missing")
    values = {name: float(match.group(1)) for name, match in found.items()}
    values["rr"] /= args.count * 1e3
    return values


def measure(args, binaries, card, backend, ports):
    """A row of the table; the emulators take turns."""
    runs = {binary: [] for binary, _ in binaries}
    for _ in range(args.rounds):
        for binary, command in binaries:
            words = shlex.split(command)
            words[0] = shutil.which(words[0]) or words[0]
            runs[binary].append(once(words, card, backend, args, ports))
    row = [f"{card}, {backend}", *(f"{statistics.median(r[column] for r in runs[binary]):.{1 if column == 'rr' else 0}f}"
                                   for column in COLUMNS for binary, _ in binaries)]
    print("   ".join(row), file=sys.stderr, flush=True)
    return row


def write(text, path):
    with open(path, encoding="utf-8") as file:
        before, begin, rest = file.read().partition(BEGIN)
    end = rest.partition(END)[1:]
    if not begin or not end[0]:
        raise ValueError(f"{path} has no line '{BEGIN}' and '{END}'")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{text}\n{''.join(end)}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", action="append", metavar="NAME=COMMAND")
    parser.add_argument("--card", action="append", choices=CARDS)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each iperf3 (5)")
    parser.add_argument("--count", type=int, default=5000, help="requests (5000)")
    parser.add_argument("--write", nargs="?", const=DOCUMENT, metavar="FILE",
                        help="put the table between the marks of docs/performance.md")
    return parser.parse_args()


def main():
    args = parse()
    binaries = [b.split("=", 1) for b in args.binary or
                [f"rhea={RHEA}", "qemu=qemu-system-x86_64 -accel tcg"]]
    backends = args.backend or [b for b in BACKENDS if b != "tap" or os.environ.get(INSIDE)]
    scratch, port = Scratch(), free_port()
    echo = EchoServer(("0.0.0.0" if os.environ.get(INSIDE) else "127.0.0.1", 0), Echo)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    server = host_iperf(scratch, port)
    try:
        rows = [measure(args, binaries, card, backend, (port, echo.server_address[1]))
                for backend in backends for card in args.card or CARDS]
    finally:
        server.terminate()
        echo.shutdown()
    text = "\n".join([f"Made by `tests/bench/net.py {' '.join(sys.argv[1:])}` on {datetime.date.today()}: medians of "
                      f"{args.rounds} interleaved rounds of {args.seconds} s and {args.count} requests.", "",
                      *table(["card", *(f"{name} {title}" for title in COLUMNS.values() for name, _ in binaries)], rows)])
    print(text)
    if args.write:
        write(text, args.write)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not os.environ.get(INSIDE) and not why_not():
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable,
                              *sys.argv])
    main()
