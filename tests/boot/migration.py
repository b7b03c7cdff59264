#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux goes from one process to another while it writes to a disk that both have: over sockets, through a file, a
command, a descriptor. What cannot be loaded leaves the guest where it was.

Without arguments a short list, for 'make check'; with --all every row; with words those whose name has one."""
import itertools
import os
import re
import socket
import sys
import threading

from boot import Run, Scratch, guest_file, main
from disks import run, tool
from machine import TIMEOUT, Machine
from qmp_client import connect, listener
from snapshots import SCRIPT, SIZE, drive, turns, watch
from virtio import BLK, NVME, SCSI, initrd


class Guest:
    """The options of a guest with a disk, and where it runs now."""

    def __init__(self, node="vda", drivers=BLK, args=None, script=SCRIPT):
        self.scratch = Scratch()
        self.image = self.scratch.path("disk.qcow2")
        run([tool("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", self.image, SIZE])
        self.args = ["-display", "none", "-m", "256", "-no-reboot", "-serial", "stdio", "-kernel",
                     guest_file("virtio"), "-initrd",
                     initrd(self.scratch, drivers, script.replace("NODE", node), False), "-append",
                     "console=ttyS0 panic=-1 quiet",
                     *(a.replace("IMAGE", self.image) for a in args or drive("virtio-blk-pci", "-smp", "2"))]

    def machine(self, *more, pass_fds=()):
        return Machine(self.scratch, [*self.args, *more], pass_fds=pass_fds)

    def end(self, machine):
        """Ends the machine where it runs and checks its disk, which may have leaks where a machine is killed."""
        machine.quit()
        run([tool("qemu-img", "qemu-utils"), "check", "-q", self.image])


def arrive(old, new):
    """The guest goes on in the new one where it stopped in the old one."""
    new.wait_for("info status", "running")
    old.catch_up()
    near = turns(old, 0)
    watch(new, 0, 3, near[-1] + 1 if near else None)
    old.must_say("info status", r"paused \(postmigrate\)")
    old.must_say("info migrate", r"status: completed\n(.*\n)*downtime: \d+ ms")
    old.quit()


def hops(*uris, node="vda", drivers=BLK, args=None):
    """A row: from machine to machine, each time over the next one's URI."""
    def test():
        guest = Guest(node, drivers, args)
        machine = guest.machine()
        try:
            watch(machine, 0, 3)
            for uri in uris:
                uri = uri.replace("@", guest.scratch.path(""))
                with_defer = uri.startswith("tcp:")
                new = guest.machine("-incoming", "defer" if with_defer else uri)
                new.must_say("info status", r"paused \(inmigrate\)")
                if with_defer:
                    new.must_say("migrate_incoming " + uri)
                machine.must_say("migrate " + uri)
                arrive(machine, new)
                machine.close()
                machine = new
            guest.end(machine)
        finally:
            machine.__exit__()
    return test


def one_way(out, incoming, *before):
    """A row: what `migrate` writes there, after some commands, is read later."""
    def test():
        guest = Guest()
        out_, in_ = (u.replace("@", guest.scratch.path("")) for u in (out, incoming))
        with guest.machine() as old:
            watch(old, 0, 3)
            for line in before:
                old.must_say(line)
            old.must_say("migrate -d " + out_)
            old.wait_for("info migrate", "status: completed")
            with guest.machine("-incoming", in_) as new:
                arrive(old, new)
                guest.end(new)
    return test


def inherited_descriptors():
    guest = Guest()
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.set_inheritable(True)
    with guest.machine(pass_fds=(ours.fileno(),)) as old:
        watch(old, 0, 3)
        with guest.machine("-incoming", f"fd:{theirs.fileno()}", pass_fds=(theirs.fileno(),)) as new:
            ours.close()
            theirs.close()
            old.must_say(f"migrate fd:{ours_number(old)}")
            arrive(old, new)


CHANNELS = ("migrate_set_capability multifd on", "migrate_set_parameter multifd-channels 4")


def many_channels(packing, address):
    """A row: RAM goes over four sockets, packed or not, while the guest writes."""
    def test():
        guest = Guest()
        uri = address.replace("@", guest.scratch.path(""))
        with guest.machine() as old, guest.machine("-incoming", "defer") as new:
            for machine in (old, new):
                for line in (*CHANNELS, f"migrate_set_parameter multifd-compression {packing}"):
                    machine.must_say(line)
            watch(old, 0, 3)
            new.must_say("migrate_incoming " + uri)
            old.must_say("migrate " + uri)
            arrive(old, new)
            guest.end(new)
    return test


class Proxy(threading.Thread):
    """Passes UNIX connections on; of connection `which` it drops or changes what comes after `after` bytes."""

    def __init__(self, scratch, which, after, change):
        super().__init__(daemon=True)
        self.paths = scratch.path("proxied"), scratch.path("socket")
        self.which, self.after, self.change = which, after, change
        self.listener = listener(self.paths[0])
        self.listener.listen(64)
        self.start()

    def run(self):
        for number in itertools.count():
            client, _ = self.listener.accept()
            server = connect(self.paths[1])
            tampered = number == self.which
            threading.Thread(target=self.forward, args=(client, server, tampered), daemon=True).start()
            threading.Thread(target=self.forward, args=(server, client, False), daemon=True).start()

    def forward(self, source, sink, tampered):
        seen = 0
        try:
            while data := source.recv(65536):
                if tampered and seen <= self.after < seen + len(data):
                    data = self.change(bytearray(data), self.after - seen)
                seen += len(data)
                sink.sendall(data)
                if not data:
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def flip(data, at):
    data[at] ^= 1
    return data


def damaged_channels_are_refused():
    """A bit that flips, and a cut, in each kind of connection: the section is named, and the guest stays."""
    guest = Guest()
    with guest.machine() as old:
        watch(old, 0, 2)
        for line in CHANNELS:
            old.must_say(line)
        for which, change, pattern in ((2, flip, r"channel 1: .*section 'ram' 0: its checksum"),
                                       (4, lambda *_: b"", r"channel 3: after section 'ram' 0: the stream ends in it|"
                                                           r"section 'ram' 0: the stream ends"),
                                       (0, flip, "section 'multifd' 0: its checksum")):
            proxy = Proxy(guest.scratch, which, 100 if which == 0 else 3000000, change)
            with guest.machine("-incoming", "defer") as new:
                for line in CHANNELS:
                    new.must_say(line)
                new.must_say(f"migrate_incoming unix:{proxy.paths[1]}")
                old.must_say(f"migrate unix:{proxy.paths[0]}", ".")
                if new.finish(TIMEOUT) != 1 or not re.search("-incoming .*(?:" + pattern + ")", new.output):
                    new.fail(f"it did not end with status 1 and '{pattern}'")
            old.must_say("info migrate", "status: failed")
            proxy.listener.close()
            os.unlink(proxy.paths[0])
            old.catch_up()
            watch(old, len(old.output), 2, turns(old, 0)[-1] + 1)
        guest.end(old)


def disks_go_too():
    """The other side has a disk of its own: it exports it, this one mirrors to it until the guest stands still."""
    guest = Guest()
    path, nbd = guest.scratch.path("socket"), guest.scratch.path("nbd")
    with guest.machine() as old:
        watch(old, 0, 3)
        first, guest.image = guest.image, guest.scratch.path("other.qcow2")
        run([tool("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", guest.image, SIZE])
        guest.args = [a.replace(first, guest.image) for a in guest.args]
        with guest.machine("-incoming", "defer") as new:
            new.must_say(f"nbd_server_start -a -w unix:{nbd}")
            new.must_say(f"migrate_incoming unix:{path}")
            old.must_say(f"drive_mirror -n -f d nbd:unix:{nbd}:exportname=d raw")
            old.must_say(f"migrate unix:{path}", "Device 'd' has a job")
            old.must_say("migrate_set_capability pause-before-switchover on")
            old.wait_for("info block-jobs", r"Completed (\d+) of \1 ")
            old.must_say(f"migrate -d unix:{path}")
            old.wait_for("info migrate", "status: pre-switchover")
            old.must_say("block_job_cancel d")
            old.wait_for("info block-jobs", "No active jobs")
            new.must_say("nbd_server_stop")
            old.must_say("migrate_continue pre-switchover")
            old.wait_for("info migrate", "status: completed")
            arrive(old, new)
            new.must_say("info block", "other.qcow2")
            guest.end(new)


BUSY = """
tr '\\0' x </dev/zero | head -c 33554432 >/tmp/pattern
echo GUEST-READY
turn=0
while :; do
    turn=$((turn + 1))
    for i in 1 2 3 4 5 6 7 8; do
        dd if=/tmp/pattern of=/tmp/busy bs=1M conv=notrunc 2>/dev/null
    done
    echo TURN-$turn $(date +%s)
done
"""


def slow_guests_converge():
    """The guest writes its memory faster than it may be sent: it does not end, but with auto-converge it does."""
    guest = Guest(script=BUSY)
    uri = "unix:" + guest.scratch.path("socket")
    with guest.machine() as old, guest.machine("-incoming", uri) as new:
        watch(old, 0, 3)
        for line in ("max-bandwidth 24M", "downtime-limit 300", "cpu-throttle-initial 60", "cpu-throttle-increment 25"):
            old.must_say("migrate_set_parameter " + line)
        old.must_say("migrate -d " + uri)
        old.wait_for("info migrate", r"dirty sync count: [6-9]")
        old.must_say("info migrate", r"status: active\n")
        old.must_say("migrate_cancel")
        old.wait_for("info migrate", "status: cancelled")
        new.finish(TIMEOUT)
    with guest.machine() as old, guest.machine("-incoming", uri) as new:
        watch(old, 0, 3)
        for line in ("max-bandwidth 24M", "downtime-limit 300", "cpu-throttle-initial 60", "cpu-throttle-increment 25"):
            old.must_say("migrate_set_parameter " + line)
        old.must_say("migrate_set_capability auto-converge on")
        old.must_say("migrate -d " + uri)
        old.wait_for("info migrate", r"cpu throttle percentage: [6-9]\d\n")
        old.wait_for("info migrate", "status: completed")
        arrive(old, new)


def ours_number(machine):
    """The socket that the program inherited: the lowest of its descriptors above 2 that is one."""
    folder = f"/proc/{machine.child.pid}/fd"
    return min(int(n) for n in os.listdir(folder)
               if int(n) > 2 and os.readlink(f"{folder}/{n}").startswith("socket:"))


def a_refused_machine_goes_on():
    """Other options there, a stream that is cut, a receiver that dies, a cancellation: the guest stays."""
    guest = Guest()
    uri = "unix:" + guest.scratch.path("socket")
    with guest.machine() as old:
        last = watch(old, 0, 2)
        with guest.machine("-device", "e1000,id=extra,mac=52:54:00:12:34:99", "-incoming", uri) as new:
            old.must_say("migrate " + uri, r"the other side says: section 'blocks' 0: ")
            if new.finish(TIMEOUT) != 1 or not re.search("-incoming .*section 'blocks' 0: ", new.output):
                new.fail("it did not end with status 1 and the section's name")
        last = watch(old, len(old.output), 3, last + 1)
        old.must_say("migrate exec:head -c 1000000 >/dev/null", "cannot write|ended with")
        old.must_say("info status", "running")
        old.must_say("migrate_set_parameter max-bandwidth 2M")
        with guest.machine("-incoming", uri) as new:
            old.must_say("migrate -d " + uri)
            old.wait_for("info migrate", r"status: active\n(.*\n)*transferred ram: [1-9]")
            new.kill()
            old.wait_for("info migrate", "status: failed")
        with guest.machine("-incoming", uri) as new:
            old.must_say("migrate -d " + uri)
            old.wait_for("info migrate", r"status: active\n(.*\n)*transferred ram: [1-9]")
            old.must_say("migrate_cancel")
            old.wait_for("info migrate", "status: cancelled")
            if new.finish(TIMEOUT) != 1:
                new.fail("exit status is not 1")
        old.catch_up()
        watch(old, len(old.output), 3, turns(old, 0)[-1] + 1)
        old.must_say("migrate_set_parameter max-bandwidth 0")
        with guest.machine("-incoming", uri) as new:    # and now it does
            old.must_say("migrate " + uri)
            arrive(old, new)
            guest.end(new)


def damaged_files_are_refused():
    guest = Guest()
    path = guest.scratch.path("state")
    with guest.machine() as old:
        watch(old, 0, 1)
        old.must_say(f"migrate file:{path}")
    with open(path, "r+b") as file:
        size = os.path.getsize(path)
        for change, pattern in ((lambda: file.truncate(size - 5), "section .*: the stream ends in it"),
                                (lambda: (file.seek(size // 2), file.write(b"damage")), "section 'ram' 0: its checksum"),
                                (lambda: (file.seek(8), file.write(b"\7")), "the stream has version 7, must be 1")):
            change()
            file.flush()
            with Run([*guest.args, "-monitor", "none", "-incoming", f"file:{path}"]) as new:
                if new.finish(TIMEOUT) != 1 or not re.search(pattern, new.output):
                    new.fail(f"it did not end with status 1 and '{pattern}'")


SHORT = [
    ("2 CPUs and a virtio disk, over a UNIX socket and TCP", hops("unix:@/socket", "tcp:127.0.0.1:47310")),
    ("a machine that is refused goes on", a_refused_machine_goes_on),
    ("over many channels, packed with zlib", many_channels("zlib", "unix:@/socket")),
]
INTERP = ["-accel", "tcg,engine=interp"]
TESTS = SHORT + [
    ("through a file", one_way("file:@/state", "file:@/state")),
    ("through a file that is mapped", one_way("file:@/state", "file:@/state",
                                              "migrate_set_capability mapped-ram on")),
    ("through commands", one_way("exec:gzip -1 -c >@/state", "exec:gzip -dc @/state")),
    ("over inherited descriptors", inherited_descriptors),
    ("damaged files are refused", damaged_files_are_refused),
    ("damaged channels are refused", damaged_channels_are_refused),
    ("over many channels of TCP", many_channels("none", "tcp:127.0.0.1:47311")),
    ("over many channels, packed with zstd", many_channels("zstd", "unix:@/socket")),
    ("a busy guest converges", slow_guests_converge),
    ("disks go too", disks_go_too),
    ("the interpreter", hops("unix:@/socket", args=drive("virtio-blk-pci", *INTERP))),
    ("an iothread and a packed ring", hops("unix:@/socket", "unix:@/socket", args=drive(
        "virtio-blk-pci,packed=on,iothread=t", "-object", "iothread,id=t", "-smp", "2"))),
    ("a SCSI disk of a q35", hops("unix:@/socket", node="sda", drivers=SCSI, args=drive(
        "scsi-hd", "-M", "q35", "-device", "virtio-scsi-pci"))),
    ("an NVMe disk, 4 CPUs", hops("unix:@/socket", node="nvme0n1", drivers=NVME, args=drive(
        "nvme,serial=1", "-smp", "4"))),
]

if __name__ == "__main__":
    sys.exit(main(TESTS, [name for name, _ in TESTS[len(SHORT):]]))
