#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 12 with systemd is on the network through -netdev user: it gets an address by DHCP, resolves a name, fetches
a file over HTTP from a server on this host's loopback interface, and accepts ssh through a forward. In namespaces of
this test's own, where the host's name server is a thread of the test; they take no privilege where they are allowed."""
import hashlib
import http.server
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading

from boot import Failed, Scratch, Skip, guest_file, main
from debian import STEP_TIMEOUT, Guest, rhea_img
from firmware import need_bios
from network_guest import FILE, Handler, free_port

INSIDE = "RHEA_DEBIAN_NETWORK_INSIDE"   # set for the test in its namespaces
NAME, ADDRESS = "fetch.example", bytes((10, 0, 2, 2))


class NameServer(socketserver.BaseRequestHandler):
    """RFC 1035: the address of NAME, and that there is nothing else."""
    def handle(self):
        query, sock = self.request
        end = query.index(b"\0", 12) + 5
        wanted = b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0\0\x01\0\x01"
        found = query[12:end].lower() == wanted
        head = query[:2] + b"\x81\x80\0\x01" + (b"\0\x01" if found else b"\0\0") + bytes(4)
        answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + ADDRESS if found else b""
        sock.sendto(head + query[12:end] + answer, self.client_address)


def why_not():
    """Why there are no namespaces; None: there can be."""
    probe = ["unshare", "-rnm", "sh", "-c", "ip link set lo up && mount --bind /etc/hosts /etc/resolv.conf"]
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("ssh", "openssh-client")):
        if not shutil.which(program):
            return f"no {program} (Debian package {package})"
    tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces: {tried.stderr.strip()}"


def be_the_host(scratch):
    """The loopback interface, its name server and its web server, whose port is the result."""
    resolv = scratch.path("resolv.conf", b"nameserver 127.0.0.1\n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
    names = socketserver.ThreadingUDPServer(("127.0.0.1", 53), NameServer)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    for server in (names, web):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return web.server_address[1]


def ssh(guest, key, port, command):
    done = subprocess.run(["ssh", "-q", "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                           "-o", "BatchMode=yes", "-p", str(port), "root@127.0.0.1", command], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=STEP_TIMEOUT)
    if done.returncode != 0:
        guest.fail(f"ssh through the forward ended with {done.returncode}")
    return done.stdout


def on_the_network(card):
    def test():
        need_bios()
        if not os.environ.get(INSIDE):
            raise Skip(why_not())
        scratch = Scratch()
        disk, key, forward = scratch.path("disk.qcow2"), scratch.path("key"), free_port()
        rhea_img("create", "-q", "-f", "qcow2", "-b", guest_file("debian"), "-F", "raw", disk)
        web = be_the_host(scratch)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        with open(key + ".pub", encoding="ascii") as file:
            public = file.read().strip()
        args = ["-nographic", "-m", "1024", "-drive", f"file={disk},if=virtio", "-netdev",
                f"user,id=n,hostfwd=tcp::{forward}-:22", "-device", f"{card},netdev=n"]
        with Guest(args) as guest:
            guest.login()
            guest.do("n=0; until ip -4 addr show dev eth0 | grep inet || [ $n = 120 ]; do sleep 1; n=$((n + 1)); done")
            guest.must_print("ip -4 addr show dev eth0", r"inet 10\.0\.2\.15/24")
            guest.must_print("cat /etc/resolv.conf", r"^nameserver 10\.0\.2\.3$")
            guest.must_print(f"getent ahostsv4 {NAME}", r"^10\.0\.2\.2 ")
            guest.must_print(f"wget -q -O - http://{NAME}:{web}/file | md5sum", hashlib.md5(FILE).hexdigest())
            guest.do(f"mkdir -p /root/.ssh && echo '{public}' >/root/.ssh/authorized_keys")
            guest.do("systemctl is-active --wait ssh || systemctl start ssh")
            said = ssh(guest, key, forward, "cat /etc/hostname; echo $SSH_CONNECTION")
            if not re.fullmatch(r"debian\n10\.0\.2\.2 \d+ 10\.0\.2\.15 22\n", said):
                raise Failed(f"over ssh came '{said}'")
            guest.do("! dmesg | grep -E '(BUG|WARNING|Oops|Call Trace|segfault)'")
            guest.type("poweroff\n")
            if guest.finish(STEP_TIMEOUT) != 0:
                guest.fail("it did not power off")
    return test


TESTS = (
    ("Debian on virtio-net: DHCP, a name, HTTP, ssh", on_the_network("virtio-net-pci")),
    ("Debian on e1000: DHCP, a name, HTTP, ssh", on_the_network("e1000")),
)

if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not os.environ.get(INSIDE) and not why_not():
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-rnm", sys.executable, *sys.argv])
    sys.exit(main(TESTS, [name for name, _ in TESTS[1:]]))
