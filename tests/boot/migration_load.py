#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux with 2 CPUs compiles, writes to its disk and fetches files over HTTP while it is saved and loaded 100 times
(--snapshots N) and sent from process to process 20 times (--migrations N). Every result in it must be the right one.
For 'make check-migration'."""
import argparse
import hashlib
import http.server
import os
import random
import re
import sys
import threading
import time

from boot import INIT_HEAD, KERNEL_TROUBLE, Scratch, Skip, guest_data, guest_file, tap
from disks import run, tool
from machine import TIMEOUT, Machine
from network_guest import FILE, Handler

MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk",
           "failover", "net_failover", "virtio_net")
CC1 = "usr/lib/gcc/x86_64-linux-gnu/12/cc1"
LIBRARIES = ("usr/lib/x86_64-linux-gnu/libisl.so.23", "usr/lib/x86_64-linux-gnu/libmpc.so.3",
             "usr/lib/x86_64-linux-gnu/libmpfr.so.6", "usr/lib/x86_64-linux-gnu/libgmp.so.10",
             "usr/lib/x86_64-linux-gnu/libzstd.so.1", "lib/x86_64-linux-gnu/libz.so.1",
             "lib/x86_64-linux-gnu/libm.so.6", "lib/x86_64-linux-gnu/libc.so.6",
             "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
SOURCE = "".join(f"""
int f{n}(int *a, int n) {{ int s = {n}; for (int i = 0; i < n; i++) {{ s += a[i] * {n + 3}; a[i] = s ^ i; }}
  switch (s & 7) {{ case 0: return a[{n}]; case 1: return s * {n}; case 5: return -s; default: return s >> 2; }} }}
""" for n in range(12))

# Three kinds of work beside each other; each says how far it is, and BAD where a result is not the one there must be.
# A connection may break where the host's side of it is another one now; what arrives must be right.
SCRIPT = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in MODULES; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2
compile() {
    n=0
    while :; do
        sum=$(/cc/ld-linux-x86-64.so.2 --library-path /cc /cc/cc1 -quiet -fpreprocessed -O2 /source.c -o - | md5sum)
        [ $n = 0 ] && first=$sum
        [ "$sum" = "$first" ] && [ "$sum" != "$(md5sum </dev/null)" ] || echo "BAD compile $n: $sum"
        n=$((n + 1))
        echo WORK compile $n
    done
}
disk() {
    n=0
    mkdir /tmp/sums
    while :; do
        k=$((n % 50))
        dd if=/dev/urandom of=/tmp/piece bs=64k count=4 2>/dev/null
        md5sum </tmp/piece >/tmp/sums/$k
        dd if=/tmp/piece of=/dev/vda bs=256k seek=$k conv=fsync 2>/dev/null || echo BAD disk write
        echo 1 >/proc/sys/vm/drop_caches
        for f in /tmp/sums/*; do
            j=${f##*/}
            [ "$(dd if=/dev/vda bs=256k skip=$j count=1 2>/dev/null | md5sum)" = "$(cat $f)" ] || echo "BAD disk $j"
        done
        n=$((n + 1))
        echo WORK disk $n
    done
}
net() {
    n=0
    while :; do
        if timeout 5 wget -q -O /tmp/file http://10.0.2.2:PORT/file; then
            case $(md5sum </tmp/file) in DIGEST*) ;; *) echo "BAD file $n" ;; esac
            n=$((n + 1))
            echo WORK net $n
        fi
    done
}
compile & disk & net &
echo GUEST-READY
while :; do sleep 1000; done
"""
FORBIDDEN = KERNEL_TROUBLE + r"|INSMOD-FAILED|BAD .*|Killed|Input/output error"
KINDS = ("compile", "disk", "net")


def files():
    root = guest_file("bench")
    if not os.path.isfile(os.path.join(root, CC1)):
        raise Skip("the guest bench has no cc1")
    yield "source.c", SOURCE.encode()
    for name in (CC1, *LIBRARIES):
        with open(os.path.join(root, name), "rb") as file:
            yield "cc/" + os.path.basename(name), file.read()
    for name in MODULES:
        for guest in ("virtio", "network"):
            try:
                yield f"{name}.ko", guest_data(guest, f"{name}.ko")
                break
            except FileNotFoundError:
                pass


class Load:
    """The guest, and the machine in which it is now."""

    def __init__(self, port):
        self.scratch = Scratch()
        self.image = self.scratch.path("disk.qcow2")
        run([tool("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", self.image, "64M"])
        script = SCRIPT.replace("MODULES", " ".join(MODULES)).replace("PORT", str(port)).replace(
            "DIGEST", hashlib.md5(FILE).hexdigest())
        self.args = ["-display", "none", "-m", "512", "-smp", "2", "-no-reboot", "-serial", "stdio", "-kernel",
                     guest_file("virtio"), "-initrd", self.scratch.initrd(script, "", list(files())), "-append",
                     "console=ttyS0 panic=-1 quiet net.ifnames=0", "-drive",
                     f"file={self.image},if=virtio,format=qcow2", "-netdev", "user,id=n", "-device",
                     "virtio-net-pci,netdev=n"]
        self.machine = Machine(self.scratch, self.args)

    def check(self):
        self.machine.catch_up()
        trouble = re.search(FORBIDDEN, self.machine.output)
        if trouble:
            self.machine.fail(f"printed '{trouble.group(0)}'")

    def work_on(self, seconds):
        self.machine.pump(0)
        time.sleep(seconds)
        self.check()

    def wait_for_work(self):
        """Each kind of work comes to an end once from here on."""
        start = len(self.machine.output)
        for kind in KINDS:
            self.machine.expect(f"^WORK {kind} ", TIMEOUT, start)
        self.check()

    def migrate(self):
        uri = "unix:" + self.scratch.path("socket")
        new = Machine(self.scratch, [*self.args, "-incoming", uri])
        self.machine.must_say("migrate " + uri)
        said = self.machine.command("info migrate")
        new.wait_for("info status", "running")
        self.check()
        self.machine.monitor.sendall(b"quit\n")
        self.machine.finish(TIMEOUT)
        self.machine.__exit__()
        self.machine = new
        return int(re.search(r"^downtime: (\d+)", said, re.M).group(1))


def under_load(snapshots, migrations):
    def test():
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        load = Load(server.server_address[1])
        chance, downtimes = random.Random(5), []
        try:
            load.machine.expect("^GUEST-READY", TIMEOUT)
            load.wait_for_work()
            for n in range(snapshots):
                load.machine.must_say(f"savevm s{n % 3}")
                load.work_on(chance.uniform(0.05, 1))
                load.machine.must_say(f"loadvm s{chance.randrange(min(n + 1, 3))}")
                load.work_on(chance.uniform(0.05, 0.5))
                if n % 20 == 19:
                    load.wait_for_work()
            for n in range(migrations):
                downtimes.append(load.migrate())
                load.work_on(chance.uniform(0.1, 3))
                if n % 4 == 3:
                    load.wait_for_work()
            load.wait_for_work()
            print(f"# {snapshots} snapshots, {migrations} migrations, downtimes in ms: {sorted(downtimes)}")
            load.machine.quit()
        finally:
            load.machine.__exit__()
            server.shutdown()
        run([tool("qemu-img", "qemu-utils"), "check", "-q", load.image])
        listed = run([tool("qemu-img", "qemu-utils"), "snapshot", "-l", load.image])
        names = re.findall(r"^\d+ +(s\d) ", listed, re.M)
        if sorted(names) != [f"s{n}" for n in range(min(snapshots, 3))]:
            load.machine.fail(f"qemu-img lists {listed}")
    return test


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshots", type=int, default=100)
    parser.add_argument("--migrations", type=int, default=20)
    args = parser.parse_args()
    return tap([("a guest under load", under_load(args.snapshots, args.migrations))])


if __name__ == "__main__":
    sys.exit(main())
