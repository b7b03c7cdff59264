#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A card and its back end come and go while Linux runs: netdev_add, device_add, set_link, device_del, netdev_del;
twice, and each time a file arrives."""
import hashlib
import http.server
import sys
import threading

from boot import Run, Scratch, guest_file, tap
from hotplug import Monitor, wait_until_free
from network import FILE, Handler
from network_peers import HEAD, check, module_files

TIMEOUT = 300
# HEAD begins with a card; here none is there yet.
SCRIPT = HEAD.split("ip link set lo up")[0] + """
wait_for() { i=0; while ! eval "$1"; do sleep 0.1; i=$((i + 1)); [ $i -gt 900 ] && echo GAVE-UP "$1" && return; done; }
carrier() { [ "$(cat /sys/class/net/eth0/carrier)" = $1 ]; }
echo GUEST-READY
for turn in 1 2; do
    wait_for '[ -e /sys/class/net/eth0 ]'
    ip link set eth0 up
    ip addr add 10.0.2.15/24 dev eth0
    wait_for 'carrier 1'
    wget -q -O - http://10.0.2.2:PORT/file | md5sum | sed "s/^/FILE-$turn /"
    wait_for 'carrier 0'
    echo DOWN-$turn
    wait_for 'carrier 1'
    echo UP-$turn
    wait_for '[ ! -e /sys/class/net/eth0 ]'
    echo GONE-$turn
done
poweroff -f
"""


def come_and_go(card):
    def test():
        scratch = Scratch()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = SCRIPT.replace("PORT", str(server.server_address[1]))
        digest = hashlib.md5(FILE).hexdigest()
        args = ["-nographic", "-no-reboot", "-m", "256", "-kernel", guest_file("network"), "-initrd",
                scratch.initrd(script, "", module_files() + [("ld/none", b"")]), "-append",
                "console=ttyS0 panic=-1 net.ifnames=0", "-nic", "none"]
        try:
            with Run(args, terminal=True) as run:
                monitor = Monitor(run)
                run.expect("GUEST-READY", TIMEOUT)
                for turn in (1, 2):
                    monitor.ok("netdev_add user,id=h", f"device_add {card},netdev=h,id=c")
                    run.expect(f"FILE-{turn} {digest}", TIMEOUT)
                    monitor.ok("set_link c off")
                    run.expect(f"DOWN-{turn}", TIMEOUT)
                    monitor.ok("set_link c on")
                    run.expect(f"UP-{turn}", TIMEOUT)
                    monitor.ok("device_del c")
                    run.expect(f"GONE-{turn}", TIMEOUT)
                    if turn == 1:
                        wait_until_free(monitor, "c")
                        monitor.ok("netdev_del h")
                check(run)
        finally:
            server.shutdown()
    return test


TESTS = (
    ("a virtio-net card", come_and_go("virtio-net-pci")),
    ("an e1000", come_and_go("e1000")),
)

if __name__ == "__main__":
    chosen = [t for t in TESTS if not sys.argv[1:] or any(a in t[0] for a in sys.argv[1:])]
    sys.exit(tap(chosen))
