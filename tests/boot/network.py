#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux is on the network through -netdev user: an address by DHCP, a checksummed file over HTTP from a server
on this host's loopback interface, and a connection from this host through a forward; over each card."""
import hashlib
import http.server
import re
import socket
import sys
import threading
import time

from boot import INIT_HEAD, KERNEL_TROUBLE, Run, Scratch, guest_data, guest_file, tap
from hotplug import messages

TIMEOUT = 400
INTERP = ["-accel", "tcg,engine=interp"]
FILE = hashlib.sha256(b"network").digest() * (3 << 15)      # 3 MiB

# In the order of their dependencies; one that is built into the kernel is not there.
MODULES = ("virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "failover", "net_failover", "virtio_net", "mii", "8139cp", "8390", "ne2k-pci", "pcnet32", "e1000", "e1000e",
           "button")
SCRIPT = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
cat >/lease <<'END'
#!/bin/sh
[ "$1" = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router &&
    echo "LEASE $ip $router $dns $hostname"
END
chmod +x /lease
ip link set lo up
ip link set eth0 up
cat /sys/class/net/eth0/address
udhcpc -i eth0 -n -q -t 10 -s /lease
wget -q -O /tmp/file http://10.0.2.2:PORT/file && md5sum </tmp/file | sed 's/^/FILE /'
wget -q -O - --post-file=/tmp/file http://10.0.2.2:PORT/ | sed 's/^/POST /'
echo READY
echo hello from the guest | nc -l -p 1234
cat /proc/net/dev | grep eth0
poweroff -f
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """GET gives FILE, POST the MD5 of what came."""
    def do_GET(self):                                       # pylint: disable=invalid-name
        self.answer(FILE)

    def do_POST(self):                                      # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(hashlib.md5(body).hexdigest().encode() + b"\n")

    def answer(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):                           # pylint: disable=arguments-differ
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def reached(port):
    """Until the guest listens, connections end without a word."""
    for _ in range(TIMEOUT):
        try:
            with socket.create_connection(("127.0.0.1", port), 60) as s:
                s.settimeout(60)
                if s.makefile().readline().startswith("hello from the guest"):
                    return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


def network(args, *expected):
    def test():
        scratch = Scratch()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        forward = free_port()
        files = []
        for name in MODULES:
            try:
                files.append((f"{name}.ko", guest_data("cards", f"{name}.ko")))
            except FileNotFoundError:
                pass
        script = (SCRIPT % " ".join(MODULES)).replace("PORT", str(server.server_address[1]))
        command = ["-nographic", "-no-reboot", "-m", "256", "-kernel", guest_file("cards"), "-initrd",
                   scratch.initrd(script, "", files), "-append", "console=ttyS0 panic=-1 net.ifnames=0",
                   *[a.replace("FORWARD", f"hostfwd=tcp::{forward}-:1234,hostname=rhea") for a in args]]
        digest = hashlib.md5(FILE).hexdigest()
        try:
            with Run(command) as run:
                run.expect(r"^LEASE 10\.0\.2\.15 10\.0\.2\.2 10\.0\.2\.3", TIMEOUT)
                run.expect(f"^FILE {digest}", TIMEOUT)
                run.expect(f"^POST {digest}", TIMEOUT)
                run.expect(r"^READY", TIMEOUT)
                if not reached(forward):
                    run.fail("the forward does not lead into the guest")
                for pattern in (r"eth0:", *expected):
                    run.expect(pattern, TIMEOUT)
                if run.finish(TIMEOUT) != 0:
                    run.fail("the guest did not power off")
                trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", run.output)
                if trouble:
                    run.fail(f"printed '{trouble.group(0)}', which must not appear")
        finally:
            server.shutdown()
    return test



def default_card(args, expected):
    """What `info network` says of a machine that has not started."""
    return messages(args, [("info network", expected)])


ADDRESS = r"52:54:00:12:34:56"
USER = ["-netdev", "user,id=n,FORWARD"]
TESTS = (
    ("the card of a pc", default_card([], rf"e1000\.0: index=0,type=nic,model=e1000,macaddr={ADDRESS}\s+.*type=user,.*")),
    ("the card of a q35",
     default_card(["-M", "q35"], rf"e1000e\.0: index=0,type=nic,model=e1000e,macaddr={ADDRESS}\s+.*type=user,.*")),
    *((f"no card by {' '.join(args)}", default_card(args, ""))
      for args in (["-nic", "none"], ["-net", "none"], ["-nodefaults"])),
    ("virtio-net", network([*USER, "-device", "virtio-net-pci,netdev=n"])),
    ("virtio-net, packed rings, legacy offloads off",
     network([*USER, "-device", "virtio-net-pci,netdev=n,packed=on,csum=off,mrg_rxbuf=off,vectors=0"])),
    ("virtio-net for legacy drivers by -nic",
     network(["-nic", "user,model=virtio-net-pci,FORWARD", "-global", "virtio-net-pci.disable-modern=on"])),
    ("e1000", network([*USER, "-device", "e1000,netdev=n"])),
    ("e1000 on q35 by -net", network(["-M", "q35", "-net", "nic,model=e1000", "-net", "user,FORWARD"])),
    ("e1000e", network([*USER, "-M", "q35", "-device", "e1000e,netdev=n"])),
    ("e1000e on pc, two CPUs", network([*USER, "-smp", "2", "-device", "e1000e,netdev=n"])),
    ("rtl8139", network([*USER, "-device", "rtl8139,netdev=n"])),
    ("rtl8139 on q35, two CPUs", network([*USER, "-M", "q35", "-smp", "2", "-device", "rtl8139,netdev=n"])),
    ("ne2k_pci", network([*USER, "-device", "ne2k_pci,netdev=n"])),
    ("ne2k_pci by -nic on q35, two CPUs", network(["-M", "q35", "-smp", "2", "-nic", "user,model=ne2k_pci,FORWARD"])),
    ("pcnet", network([*USER, "-device", "pcnet,netdev=n"])),
    ("pcnet by -nic on q35, two CPUs", network(["-M", "q35", "-smp", "2", "-nic", "user,model=pcnet,FORWARD"])),
    ("virtio-net, interpreted", network([*INTERP, *USER, "-device", "virtio-net-pci,netdev=n"])),
)

if __name__ == "__main__":
    chosen = [t for t in TESTS if not sys.argv[1:] or any(a in t[0] for a in sys.argv[1:])]
    sys.exit(tap(chosen))
