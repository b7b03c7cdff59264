#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Parallel downloads and uploads over each card in turn for a while (--seconds N, a few unless given): every one
arrives as it was sent."""
import argparse
import os
import re
import sys

from boot import Run, Scratch, tap
from network_guest import DIGEST, FILE, HEAD, check, fill, linux, serving

WORKERS = 4
SHORT = ("virtio-net-pci", "e1000e")
CARDS = ("virtio-net-pci", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet")
START_TIMEOUT = 400
SCRIPT = fill(HEAD, ADDRESS="10.0.2.15") + """
end=$(($(cut -d. -f1 /proc/uptime) + SECONDS))
worker() {
    n=0 bad=0
    while [ $(cut -d. -f1 /proc/uptime) -lt $end ]; do
        wget -q -O /tmp/$1 http://10.0.2.2:PORT/file
        [ "$(md5sum </tmp/$1)" = "DIGEST  -" ] || { echo "BAD download of worker $1"; bad=$((bad + 1)); }
        [ "$(wget -q -O - --post-file=/tmp/$1 http://10.0.2.2:PORT/)" = DIGEST ] ||
            { echo "BAD upload of worker $1"; bad=$((bad + 1)); }
        n=$((n + 1))
    done
    echo "WORKER $1 $n rounds, $bad bad"
}
for w in WORKERS; do worker $w & done
wait
echo ALL-DONE
cat /proc/net/dev | grep eth0
poweroff -f
"""


def soak(card, seconds):
    def test():
        scratch = Scratch()
        with serving() as port:
            script = fill(SCRIPT, WORKERS=" ".join(map(str, range(WORKERS))), SECONDS=seconds, PORT=port, DIGEST=DIGEST)
            args = [*linux(scratch, script, "cards"), "-netdev", "user,id=n", "-device", f"{card},netdev=n"]
            with Run(args) as run:
                run.expect("INIT-STARTED", START_TIMEOUT)
                run.expect("^ALL-DONE", seconds + START_TIMEOUT)
                check(run)
                rounds = re.findall(r"^WORKER \d ([1-9]\d*) rounds, 0 bad", run.output, re.M)
                if len(rounds) != WORKERS:
                    run.fail("a worker lost data, or did nothing")
                print(f"# {card}: {sum(map(int, rounds))} rounds of {len(FILE) >> 20} MiB each way in {seconds} s",
                      flush=True)
    return test


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each card (5)")
    parser.add_argument("--card", action="append", choices=CARDS, help="default: two, with RHEA_ALL=1 each")
    options = parser.parse_args()
    sys.exit(tap([(f"downloads and uploads over {card}", soak(card, options.seconds))
                  for card in options.card or (CARDS if os.environ.get("RHEA_ALL") else SHORT)]))
