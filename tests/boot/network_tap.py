#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest reaches this host through a tap, and the host the guest: in a network namespace of this test's own, which
takes no privilege where user namespaces are allowed. The interface is made by the emulator, handed over to it, or
made by a helper and put into a bridge."""
import array
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

from boot import Failed, Run, Scratch, Skip, main
from network_guest import DIGEST, HEAD, TIMEOUT, check, fill, linux, serving

HOST, GUEST = "10.9.0.1", "10.9.0.2"
TUNSETIFF = 0x400454ca                  # linux/if_tun.h
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
INSIDE = "RHEA_TAP_TEST_INSIDE"         # set for the test in its namespace

SCRIPT = HEAD + """
wget -q -O /tmp/file http://HOST:PORT/file && md5sum </tmp/file | sed 's/^/FILE /'
wget -q -O - --post-file=/tmp/file http://HOST:PORT/ | sed 's/^/POST /'
echo READY
echo hello | nc -l -p 1234
poweroff -f
"""


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def open_tap(name, flags=0):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | flags))
    return fd


def helper(args):
    """What qemu-bridge-helper does: a tap in the bridge, and its descriptor to descriptor 3."""
    assert args == ["--use-vnet", "--fd=3", "--br=rhea-br"], args
    fd = open_tap("rhea-tap", IFF_VNET_HDR)
    ip("link", "set", "rhea-tap", "up", "master", "rhea-br")
    with socket.socket(fileno=3) as s:
        s.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


def answers(host, port):
    """Once the guest listens; what forwards to it may have taken the connection before. The host speaks first: passt of
    2023 acknowledges the guest's SYN only with the first bytes that it has for it."""
    for _ in range(TIMEOUT):
        try:
            with socket.create_connection((host, port), 60) as s:
                s.sendall(b"\n")
                if s.makefile().readline() == "hello\n":
                    return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


# How the interface comes about: (options of -netdev, descriptors for the emulator) and what must be left behind.

def made_by_rhea(scratch):
    for name, text in (("up", f"ip addr add {HOST}/24 dev $1 && ip link set $1 up"), ("down", "echo $1 >$0.ran")):
        os.chmod(scratch.path(name, f"#!/bin/sh\n{text}\n".encode()), 0o755)
    return f"tap,id=n,ifname=rhea-tap,queues=2,script={scratch.path('up')},downscript={scratch.path('down')}", ()


def handed_over(_scratch):
    fd = open_tap("rhea-tap", IFF_VNET_HDR)
    ip("addr", "add", f"{HOST}/24", "dev", "rhea-tap")
    ip("link", "set", "rhea-tap", "up")
    return f"tap,id=n,fd={fd},vhost=off", (fd,)


def in_a_bridge(_scratch):
    ip("link", "add", "rhea-br", "type", "bridge")
    ip("addr", "add", f"{HOST}/24", "dev", "rhea-br")
    ip("link", "set", "rhea-br", "up")
    return f"bridge,id=n,br=rhea-br,helper={sys.executable} {os.path.abspath(__file__)} --helper", ()


def through_passt(scratch):
    """passt gives the guest the address of the interface with the default route, and is the gateway itself; it leads
    connections to port 1234 of this host into the guest."""
    if not shutil.which("passt"):
        raise Skip("no passt (Debian package passt)")
    ip("tuntap", "add", "dev", "rhea-out", "mode", "tap")
    ip("addr", "add", "192.0.2.1/24", "dev", "rhea-out")
    ip("link", "set", "rhea-out", "up")
    ip("link", "set", "lo", "up")
    ip("route", "add", "default", "via", "192.0.2.2")
    path = scratch.path("passt")
    quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    subprocess.run(["passt", "-q", "-4", "-1", "-s", path, "-t", "1234", "--runas", "0"], check=True, timeout=60, **quiet)
    return f"stream,id=n,addr.type=unix,addr.path={path}", ()


def reach(make, card, more=(), host=HOST, own="10.9.0.2", guest=GUEST):
    """host: as the guest sees it; guest: as the host sees it; its own address: own."""
    def test():
        scratch = Scratch()
        if not os.environ.get(INSIDE):
            raise Skip(why_not())
        netdev, fds = make(scratch)
        with serving("0.0.0.0") as port:
            args = [*linux(scratch, fill(SCRIPT, PORT=port, HOST=host, ADDRESS=own)), "-netdev", netdev, "-device",
                    f"{card},netdev=n", *more]
            with Run(args, pass_fds=fds) as run:
                run.expect(r"^READY", TIMEOUT)
                if not answers(guest, 1234):
                    run.fail("the guest does not answer the host")
                check(run, f"^FILE {DIGEST}", f"^POST {DIGEST}")
        for fd in fds:
            os.close(fd)
        if make is made_by_rhea and not os.path.exists(scratch.path("down.ran")):
            raise Failed("the downscript did not run")
    return test


def why_not():
    """Why there is no namespace; None: there can be one."""
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        if not shutil.which(program):
            return f"no {program} (Debian package {package})"
    probe = ["unshare", "-rn", "sh", "-c", "ip tuntap add dev t0 mode tap && : <>/dev/net/tun"]
    tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no tap in a network namespace: {tried.stderr.strip()}"


TESTS = (
    ("a tap with scripts and two queues, virtio-net with two pairs of queues",
     reach(made_by_rhea, "virtio-net-pci,mq=on", ["-smp", "2"])),
    ("a tap that was handed over, with headers, e1000", reach(handed_over, "e1000")),
    ("a bridge through a helper, virtio-net", reach(in_a_bridge, "virtio-net-pci")),
    ("passt at the end of a stream, virtio-net",
     reach(through_passt, "virtio-net-pci", host="192.0.2.2", own="192.0.2.1", guest="127.0.0.1")),
)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--helper"]:
        helper(sys.argv[2:])
        sys.exit(0)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not os.environ.get(INSIDE) and not why_not():
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-rn", sys.executable, *sys.argv])
    sys.exit(main(TESTS))
