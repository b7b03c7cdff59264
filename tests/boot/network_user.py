#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What -netdev user leads to: forwards over IPv4 and IPv6 with ports that the host chose, addresses of the guest's
network that are a command, sockets, a character device or samba of the host."""
import os
import re
import shutil
import socket
import socketserver
import sys
import threading
import time

from boot import Failed, Run, Scratch, Skip, main
from network_guest import HEAD, TIMEOUT, check, fill, linux

# The other side may never end the connection: timeout does.
SCRIPT = fill(HEAD, ADDRESS="10.0.2.15") + """
ip addr add fec0::15/64 dev eth0
ip route add default via 10.0.2.2
ask() { { echo "$1"; sleep 1; } | timeout 4 nc $2 80; }
ask command 10.0.2.100 | sed 's/^/GOT /'
ask tcp 10.0.2.101 | sed 's/^/GOT /'
ask unix 10.0.2.102 | sed 's/^/GOT /'
ask chardev 10.0.2.103
[ -e /smb ] && { cat /smb; sleep 1; } | timeout 8 nc 10.0.2.4 445 | tr -dc A-Z | sed 's/^/GOT /'
echo
echo READY
echo four | nc -l -p 1234
echo six | nc -l -p 1234
poweroff -f
"""
# [MS-SMB2] 2.2.1 and 2.2.3: negotiate dialect 2.0.2, behind the length of RFC 1002.
NEGOTIATE = (b"\0\0\0\x66" + b"\xfeSMB" + b"\x40\0" + bytes(8) + b"\x1f\0" + bytes(48)
             + b"\x24\0\x01\0\x01\0\0\0" + bytes(4) + b"rhea-network-tes" + bytes(8) + b"\x02\x02")
REPORTED = r"info: netdev 'n': hostfwd tcp {}:(\d+) leads to port 1234 of the guest"


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class TcpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True


def reached(run, address, text):
    """Over the port that was reported for that address, once the guest listens."""
    run.expect(REPORTED.format(re.escape(address)), TIMEOUT)
    port = int(re.search(REPORTED.format(re.escape(address)), run.output).group(1))
    for _ in range(TIMEOUT):
        try:
            with socket.create_connection((address.strip("[]"), port), 60) as s:
                s.settimeout(60)
                if s.makefile().readline() == text + "\n":
                    return
        except OSError:
            pass
        time.sleep(0.5)
    run.fail(f"the forward of {address} does not lead into the guest")


def leads(smb):
    def test():
        scratch = Scratch()
        files = []
        options = "user,id=n"
        if smb:
            if not shutil.which("smbd", path=os.environ["PATH"] + ":/usr/sbin"):
                raise Skip("no smbd (Debian package samba)")
            os.mkdir(scratch.path("shared"))
            options += f",smb={scratch.path('shared')}"
            files.append(("smb", NEGOTIATE))
        tcp, unix = TcpServer(("127.0.0.1", 0), Upper), UnixServer(scratch.path("u"), Upper)
        for server in (tcp, unix):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        options += (f",guestfwd=tcp:10.0.2.100:80-cmd:cat,guestfwd=tcp:10.0.2.101:80-tcp:127.0.0.1:{tcp.server_address[1]}"
                    f",guestfwd=tcp:10.0.2.102:80-unix:{scratch.path('u')},guestfwd=tcp:10.0.2.103:80-chardev:c"
                    ",hostfwd=tcp::0-:1234,hostfwd=tcp:[::1]:0-[fec0::15]:1234")
        args = [*linux(scratch, SCRIPT, files=files), "-chardev",
                f"file,id=c,path={scratch.path('out')}", "-netdev", options, "-device", "virtio-net-pci,netdev=n"]
        try:
            with Run(args) as run:
                run.expect(r"^READY", TIMEOUT)
                reached(run, "127.0.0.1", "four")
                reached(run, "[::1]", "six")
                check(run, *[f"^GOT {text}" for text in ("command", "TCP", "UNIX", *(["SMB"] if smb else []))])
        finally:
            tcp.shutdown()
            unix.shutdown()
        with open(scratch.path("out"), encoding="ascii") as file:
            if file.read() != "chardev\n":
                raise Failed("the character device did not get what the guest sent")
    return test


def have_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
            return True
    except OSError:
        return False


def needs_ipv6(test):
    def checked():
        if not have_ipv6():
            raise Skip("this host has no ::1")
        test()
    return checked


TESTS = (
    ("forwards, commands, sockets and character devices", needs_ipv6(leads(False))),
    ("the same with samba", needs_ipv6(leads(True))),
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
