#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A card and its back end come and go while Linux runs: netdev_add, device_add, set_link, device_del, netdev_del;
twice, and each time a file arrives. A card comes and goes, and the machine is reset, amid downloads: each that ends
is what was sent."""
import re
import sys

from boot import Scratch, main
from machine import Machine
from network_guest import DIGEST, MODULES_HEAD, check, fill, linux, serving

TIMEOUT = 300
SCRIPT = MODULES_HEAD + """
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
# Downloads that never end; those that a card took with it are begun anew.
LOAD = MODULES_HEAD + """
carrier() { [ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ]; }
worker() {
    while [ ! -e /tmp/stop ]; do
        wget -q -O /tmp/$1 http://10.0.2.2:PORT/file 2>/dev/null || { sleep 0.2; continue; }
        [ "$(md5sum </tmp/$1)" = "DIGEST  -" ] && echo GOOD || echo "BAD download of worker $1"
    done
}
configure() {
    turn=0
    while :; do
        wait_for '[ -e /sys/class/net/eth0 ]'
        turn=$((turn + 1))
        ip link set eth0 up
        ip addr add 10.0.2.15/24 dev eth0
        wait_for carrier
        echo UP-$turn
        while [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
        killall wget            # they would wait for an answer
        echo GONE-$turn
    done
}
echo GUEST-READY
configure &
worker 1 & one=$!
worker 2 & two=$!
read line
touch /tmp/stop
wait $one $two
echo STOPPED
poweroff -f
"""
TURNS = 3


def come_and_go(card):
    def test():
        scratch = Scratch()
        with serving() as port:
            args = [*linux(scratch, fill(SCRIPT, PORT=port)), "-nic", "none"]
            with Machine(scratch, args, terminal=True) as run:
                run.expect("GUEST-READY", TIMEOUT)
                for turn in (1, 2):
                    run.ok("netdev_add user,id=h", f"device_add {card},netdev=h,id=c")
                    run.expect(f"FILE-{turn} {DIGEST}", TIMEOUT)
                    run.ok("set_link c off")
                    run.expect(f"DOWN-{turn}", TIMEOUT)
                    run.ok("set_link c on")
                    run.expect(f"UP-{turn}", TIMEOUT)
                    run.ok("device_del c")
                    run.expect(f"GONE-{turn}", TIMEOUT)
                    if turn == 1:
                        run.wait_until_free("c")
                        run.ok("netdev_del h")
                check(run)
    return test


def loaded(events, args):
    """A guest that downloads all the time, and what happens to it: events(run)."""
    def test():
        scratch = Scratch()
        with serving() as port:
            options = linux(scratch, fill(LOAD, PORT=port, DIGEST=DIGEST), "cards")
            options.remove("-no-reboot")
            with Machine(scratch, [*options, "-nic", "none", "-netdev", "user,id=h", *args], terminal=True) as run:
                run.expect("GUEST-READY", TIMEOUT)
                events(run)
                run.type("\r")
                check(run, "^STOPPED")
                if re.search("^(BAD|GAVE-UP)", run.output, re.M):
                    run.fail("a download is not what was sent, or a card did not come up")
    return test


def good_downloads(run, count):
    """From now on."""
    at = len(run.output)
    for _ in range(count):
        at = run.expect("^GOOD", TIMEOUT, at)


def unplug_under_load(add):
    def events(run):
        for turn in range(1, TURNS + 1):
            run.ok(f"device_add {add},netdev=h,id=c")
            run.expect(f"UP-{turn}", TIMEOUT)
            good_downloads(run, 2)
            if turn < TURNS:
                run.ok("device_del c")
                run.expect(f"GONE-{turn}", TIMEOUT)
                run.wait_until_free("c")
    return events


def reset_under_load(run):
    for _ in range(TURNS - 1):
        good_downloads(run, 2)
        at = len(run.output)
        run.command("system_reset")
        run.expect("GUEST-READY", TIMEOUT, at)
    good_downloads(run, 2)


SLOT = ["-M", "q35", "-device", "pcie-root-port,id=p,chassis=1,slot=3"]
CARDS = (("a virtio-net card", "virtio-net-pci", []), ("an e1000", "e1000", []), ("an rtl8139", "rtl8139", []),
         ("an e1000e of a pc", "e1000e", []), ("an ne2k_pci", "ne2k_pci", []),
         ("a pcnet", "pcnet", []), ("an e1000e in a slot of q35", "e1000e,bus=p", SLOT),
         ("a virtio-net card in a slot of q35", "virtio-net-pci,bus=p", SLOT))
TESTS = (
    ("a virtio-net card", come_and_go("virtio-net-pci")),
    ("an e1000", come_and_go("e1000")),
    *((f"{name} comes and goes amid downloads", loaded(unplug_under_load(device), args))
      for name, device, args in CARDS),
    *((f"{name} is reset amid downloads", loaded(reset_under_load, [*args, "-device", f"{device},netdev=h"]))
      for name, device, args in CARDS[:6]),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "an e1000 is reset amid downloads",
    "an rtl8139 is reset amid downloads",
    "an ne2k_pci is reset amid downloads",
    "a pcnet is reset amid downloads",
    "an ne2k_pci comes and goes amid downloads",
    "a pcnet comes and goes amid downloads",
    "an rtl8139 comes and goes amid downloads",
    "an e1000e of a pc comes and goes amid downloads",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
