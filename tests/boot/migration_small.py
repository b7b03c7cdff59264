#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest guest that writes to its memory and knows what must be in it goes from process to process. It is small
enough for the thread sanitizer: make check-migration-tsan MODE=tsan."""
import subprocess
import sys
import threading

from boot import RHEA, Scratch, Skip, Failed, tap
from machine import Machine
from migration import CHANNELS

TIMEOUT = 120
INTERP = ["-accel", "tcg,engine=interp"]
SANITIZED = "tsan" in RHEA


class Guest:
    def __init__(self, *args):
        self.scratch = Scratch()
        self.kernel = self.scratch.assemble("guest.S")
        self.args = ["-display", "none", "-m", "8", "-serial", "stdio", "-kernel", self.kernel, "-append", "m", *args]

    def machine(self, *more):
        return Machine(self.scratch, [*self.args, *more])


def turns(machine, count):
    """So many more; nothing else is said."""
    machine.catch_up()
    start = len(machine.output)
    machine.expect(r"\.{%d}" % count, TIMEOUT, start)
    if "WRONG" in machine.output:
        machine.fail("memory is another one")


def check(*machines):
    """What the thread sanitizer has to say makes a run bad, whatever its status."""
    for machine in machines:
        machine.catch_up()
        if "WRONG" in machine.output or "ThreadSanitizer" in machine.output:
            machine.fail("memory is another one, or threads race")


def hops(*lines, args=(), both=()):
    """A row: there, back to a third process, and so on, with these commands first."""
    def test():
        guest = Guest(*args)
        uri = "unix:" + guest.scratch.path("socket")
        old = guest.machine()
        try:
            turns(old, 20)
            for _ in range(3):
                with_defer = guest.machine("-incoming", "defer")
                for line in both:
                    with_defer.must_say(line)
                with_defer.must_say("migrate_incoming " + uri)
                for line in (*both, *lines):
                    old.must_say(line)
                old.must_say("migrate " + uri)
                with_defer.wait_for("info status", "running")
                turns(with_defer, 20)
                old.monitor.sendall(b"quit\n")
                if old.finish(TIMEOUT) != 0:
                    old.fail("exit status is not 0")
                check(old, with_defer)
                old.close()
                old = with_defer
            old.monitor.sendall(b"quit\n")
            old.finish(TIMEOUT)
            check(old)
        finally:
            old.__exit__()
    return test


def cancelled():
    guest = Guest()
    uri = "unix:" + guest.scratch.path("socket")
    with guest.machine() as old:
        turns(old, 5)
        for line in (*CHANNELS, "migrate_set_parameter max-bandwidth 100k", "migrate_set_capability auto-converge on"):
            old.must_say(line)
        for _ in range(3):
            with guest.machine("-incoming", "defer") as new:
                for line in (*CHANNELS, "migrate_incoming " + uri):
                    new.must_say(line)
                old.must_say("migrate -d " + uri)
                old.wait_for("info migrate", r"status: active\n(.*\n)*transferred ram: [1-9]")
                old.must_say("migrate_cancel")
                old.wait_for("info migrate", "status: cancelled")
                new.finish(TIMEOUT)
                check(new)
            turns(old, 5)
        check(old)


def served_meanwhile():
    """A node is read and written over NBD while snapshots of it are taken and deleted."""
    if SANITIZED:
        raise Skip("the thread sanitizer does not see how GLib's thread pools hand requests over")
    scratch = Scratch()
    images = [scratch.path("a.qcow2"), scratch.path("b.qcow2")]
    for image in images:
        if subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "8M"], check=False).returncode:
            raise Skip("qemu-img is missing")
    guest = Guest("-drive", f"file={images[0]},if=none,id=d,format=qcow2", "-device", "virtio-blk-pci,drive=d",
                  "-blockdev", f"driver=qcow2,node-name=n,file.driver=file,file.filename={images[1]}")
    with guest.machine() as machine:
        path = guest.scratch.path("nbd")
        machine.must_say(f"nbd_server_start unix:{path}")
        machine.must_say("nbd_server_add d")
        machine.must_say("nbd_server_add -w n")
        done = []

        def client(name, *commands):
            args = [arg for _ in range(30) for c in commands for arg in ("-c", c)]
            mode = [] if any(c.startswith("write") for c in commands) else ["-r"]
            done.append(subprocess.run(["qemu-io", *mode, "-f", "raw", *args, f"nbd+unix:///{name}?socket={path}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False))

        clients = [threading.Thread(target=client, args=a) for a in (
            ("d", "read -P 0 0 1M"), ("n", "write -P 5 1M 256k", "read -P 5 1M 256k"), ("n", "read -P 0 4M 1M"))]
        for thread in clients:
            thread.start()
        count = 0
        while any(thread.is_alive() for thread in clients) or count < 3:
            count += 1
            machine.must_say(f"snapshot_blkdev_internal d s{count}")
            machine.must_say(f"savevm v{count}")
            machine.must_say(f"snapshot_delete_blkdev_internal d s{count}")
            machine.must_say(f"delvm v{count}")
        for thread in clients:
            thread.join()
        for one in done:
            if one.returncode:
                raise Failed(f"a client ended with {one.returncode}: {one.stderr}")
        turns(machine, 5)
        machine.must_say("nbd_server_stop")
        machine.must_say("dump-guest-memory -d " + guest.scratch.path("core"))
        machine.wait_for("info dump", "Status: completed")
        turns(machine, 5)
        machine.monitor.sendall(b"quit\n")
        machine.finish(TIMEOUT)
        check(machine)


PACKED = (*CHANNELS, "migrate_set_parameter multifd-compression zlib")

if __name__ == "__main__":
    sys.exit(tap([
        ("over a socket", hops()),
        ("the interpreter", hops(args=INTERP)),
        ("the interpreter, 2 CPUs", hops(args=("-smp", "2", *INTERP))),
        ("over many channels, packed", hops(both=PACKED)),
        ("slowed down", hops("migrate_set_parameter max-bandwidth 20M", "migrate_set_parameter downtime-limit 50",
                             "migrate_set_capability auto-converge on")),
        ("cancelled", cancelled),
        ("served and dumped meanwhile", served_meanwhile),
    ]))
