#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest and this host through -netdev user, over each card, in turn under each emulator: iperf3 from the guest and
to it, Mbit/s; one byte there and back over TCP (c/rr.c), microseconds; medians of the rounds."""
import argparse
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

from boot import RHEA, Run, Scratch, guest_file  # noqa: E402
from network import free_port  # noqa: E402
from network_peers import HEAD, module_files, program_files  # noqa: E402

CARDS = {"virtio-net": "virtio-net-pci", "e1000": "e1000"}
COLUMNS = ("out", "in", "rr")
SCRIPT = HEAD.replace("10.9.0.SELF/24", "10.0.2.15/24") + """
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
                             "-B", "127.0.0.1", "-p", str(port)], **quiet)


def build_rr(scratch):
    program = scratch.path("rr")
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-static", "-o", program,
                    os.path.join(HERE, "c", "rr.c")], check=True)
    with open(program, "rb") as file:
        return [("rr", file.read())]


def once(command, card, args, ports):
    """{"out": Mbit/s, "in": Mbit/s, "rr": us} of one boot: those of its second turn."""
    scratch = Scratch()
    script = SCRIPT
    for name, value in (("IPERF", ports[0]), ("ECHO", ports[1]), ("SECONDS", args.seconds), ("COUNT", args.count)):
        script = script.replace(name, str(value))
    files = module_files() + program_files() + build_rr(scratch)
    options = ["-nographic", "-no-reboot", "-m", "512", "-cpu", "max", "-kernel", guest_file("network"), "-initrd",
               scratch.initrd(script, "", files), "-append", "console=ttyS0 quiet net.ifnames=0", "-nic", "none",
               "-netdev", "user,id=n", "-device", f"{card},netdev=n,romfile="]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", action="append", metavar="NAME=COMMAND")
    parser.add_argument("--only", action="append", choices=CARDS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each iperf3 (5)")
    parser.add_argument("--count", type=int, default=5000, help="requests (5000)")
    args = parser.parse_args()
    binaries = [b.split("=", 1) for b in args.binary or
                [f"rhea={RHEA}", "qemu=qemu-system-x86_64 -accel tcg"]]
    scratch, port = Scratch(), free_port()
    echo = EchoServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    server = host_iperf(scratch, port)
    print("| card | " + " | ".join(f"{n} out Mbit/s | {n} in Mbit/s | {n} rr µs" for n, _ in binaries) + " |")
    print("|---|" + "---:|---:|---:|" * len(binaries))
    try:
        for name, card in CARDS.items():
            if args.only and name not in args.only:
                continue
            runs = {binary: [] for binary, _ in binaries}
            for _ in range(args.rounds):
                for binary, command in binaries:
                    words = shlex.split(command)
                    words[0] = shutil.which(words[0]) or words[0]
                    runs[binary].append(once(words, card, args, (port, echo.server_address[1])))
            cells = [f"{statistics.median(r[column] for r in runs[binary]):.1f}"
                     for binary, _ in binaries for column in COLUMNS]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    finally:
        server.terminate()
        echo.shutdown()


if __name__ == "__main__":
    main()
