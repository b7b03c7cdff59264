#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux is on the network through -netdev user: an address by DHCP, a checksummed file over HTTP from a server
on this host's loopback interface, and a connection from this host through a forward; over each card."""
import socket
import sys
import time

from boot import Run, Scratch, main
from hotplug import messages
from network_guest import DIGEST, MODULES_HEAD, TIMEOUT, check, fill, free_port, linux, serving

INTERP = ["-accel", "tcg,engine=interp"]
SCRIPT = MODULES_HEAD + """
cat >/lease <<'END'
#!/bin/sh
[ "$1" = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router &&
    echo "LEASE $ip $router $dns $hostname"
END
chmod +x /lease
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
        scratch, forward = Scratch(), free_port()
        with serving() as port:
            command = [*linux(scratch, fill(SCRIPT, PORT=port), "cards"),
                       *[a.replace("FORWARD", f"hostfwd=tcp::{forward}-:1234,hostname=rhea") for a in args]]
            with Run(command) as run:
                run.expect(r"^LEASE 10\.0\.2\.15 10\.0\.2\.2 10\.0\.2\.3", TIMEOUT)
                run.expect(f"^FILE {DIGEST}", TIMEOUT)
                run.expect(f"^POST {DIGEST}", TIMEOUT)
                run.expect(r"^READY", TIMEOUT)
                if not reached(forward):
                    run.fail("the forward does not lead into the guest")
                check(run, r"eth0:", *expected)
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

# With --all alone: these take long, and others are near to them.
LONG = (
    "virtio-net, interpreted",
    "e1000e on pc, two CPUs",
    "ne2k_pci by -nic on q35, two CPUs",
    "pcnet by -nic on q35, two CPUs",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
