#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two guests on one cable: they ping each other and run iperf3 both ways. The cable is a connection, datagrams,
a tunnel, or a hub of which one guest's emulator has the ports; each row with the cards that it names."""
import sys

from boot import Run, Scratch, main
from network_guest import HEAD, TIMEOUT, check, fill, free_port, linux, program_files

BYTES = "8M"                            # that iperf3 sends each way
# The other guest may not be there yet.
PING = """
n=0
until ping -c 1 -W 1 10.9.0.OTHER >/dev/null || [ $n -gt 300 ]; do n=$((n + 1)); done
ping -c 3 -s 1400 10.9.0.OTHER
"""
SERVER = PING + """
echo SERVING
iperf3 -s -1 >/dev/null && iperf3 -s -1 >/dev/null && echo SERVED
cat /proc/net/dev | grep eth0
poweroff -f
"""
CLIENT = PING + """
client() {
    until iperf3 -c 10.9.0.OTHER "$@" >/tmp/out 2>&1 || [ $n -gt 300 ]; do sleep 1; n=$((n + 1)); done
    grep -E 'sender|receiver' /tmp/out
}
client -n BYTES | sed 's/^/THERE /'
client -n BYTES -R | sed 's/^/BACK /'
poweroff -f
"""


def guest_options(scratch, script, own, other):
    text = fill(HEAD + script, ADDRESS=f"10.9.0.{own}", OTHER=other, BYTES=BYTES)
    return linux(scratch, text, files=program_files())


def peers(first, second):
    """first is there before second; PORT and OTHER are free ports, PATH a file that is not there."""
    def test():
        scratch, other = Scratch(), Scratch()
        port, other_port = str(free_port()), str(free_port())

        def fill(args):
            return [a.replace("OTHER", other_port).replace("PORT", port).replace("PATH", scratch.path("s"))
                    for a in args]
        ping = r"^3 packets transmitted, 3 packets received, 0% packet loss"
        with Run([*guest_options(scratch, SERVER, 1, 2), *fill(first)]) as server:
            server.expect(r"INIT-STARTED", TIMEOUT)
            with Run([*guest_options(other, CLIENT, 2, 1), *fill(second)]) as client:
                check(client, ping, r"^THERE .* [1-9][0-9.]* [KMG]?bits/sec.*receiver",
                      r"^BACK .* [1-9][0-9.]* [KMG]?bits/sec.*receiver")
            check(server, ping, r"^SERVING", r"^SERVED")
    return test


def card(model, mac, netdev="n"):
    return ["-device", f"{model},netdev={netdev},mac=52:54:00:00:00:{mac:02x}"]


VIRTIO, E1000 = "virtio-net-pci", "e1000"
HUB = ["-netdev", "hubport,id=a,hubid=0,netdev=n", "-netdev", "hubport,id=b,hubid=0",
       "-netdev", "user,id=u", "-netdev", "hubport,id=c,hubid=0,netdev=u"]
TESTS = (
    ("two guests joined by socket",
     peers(["-netdev", "socket,id=n,listen=127.0.0.1:PORT", *card(VIRTIO, 1)],
           ["-netdev", "socket,id=n,connect=127.0.0.1:PORT", *card(VIRTIO, 2)])),
    ("two guests joined by a hub, to which one of them is connected by a unix socket",
     peers(["-netdev", "stream,id=n,server=on,addr.type=unix,addr.path=PATH", *HUB, *card(VIRTIO, 1, "b")],
           ["-netdev", "stream,id=n,addr.type=unix,addr.path=PATH,reconnect=1", *card(E1000, 2)])),
    ("two guests joined by datagrams",
     peers(["-netdev", "socket,id=n,udp=127.0.0.1:OTHER,localaddr=127.0.0.1:PORT", *card(E1000, 1)],
           ["-netdev", "dgram,id=n,local.type=inet,local.host=127.0.0.1,local.port=OTHER,"
            "remote.type=inet,remote.host=127.0.0.1,remote.port=PORT", *card(VIRTIO, 2)])),
    ("two guests joined by an L2TPv3 tunnel",
     peers(["-netdev", "l2tpv3,id=n,src=127.0.0.1,dst=127.0.0.1,udp,srcport=PORT,dstport=OTHER,txsession=1,rxsession=2,"
            "txcookie=3,rxcookie=4,counter", *card(VIRTIO, 1)],
           ["-netdev", "l2tpv3,id=n,src=127.0.0.1,dst=127.0.0.1,udp,srcport=OTHER,dstport=PORT,txsession=2,rxsession=1,"
            "txcookie=4,rxcookie=3,counter", *card(VIRTIO, 2)])),
    ("two guests in a multicast group, one by -net",
     peers(["-net", "nic,model=e1000,macaddr=52:54:00:00:00:01", "-net",
            "socket,mcast=230.0.0.1:PORT,localaddr=127.0.0.1"],
           ["-netdev", "socket,id=n,mcast=230.0.0.1:PORT,localaddr=127.0.0.1", *card(VIRTIO, 2)])),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "two guests joined by datagrams",
    "two guests joined by an L2TPv3 tunnel",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
