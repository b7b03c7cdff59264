#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux on virtio consoles and ports: a shell on hvc0, a named port that carries data both ways, faster than either
side reads it, ports that come and go."""
import hashlib
import random
import re
import socket
import sys
import time

from boot import INIT_HEAD, KERNEL_TROUBLE, Failed, Run, Scratch, guest_data, guest_file, main, run_row
from machine import Machine
from virtio import CORE, END, INTERP, MICROVM, PC

TIMEOUT = 300
NAME = "org.rhea.0"
SIZE = 4 << 20

# As udev does it.
HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
wait_for() { i=0; while ! eval "$1"; do sleep 0.1; i=$((i + 1)); [ $i -gt 600 ] && return 1; done; true; }
port_of() { for p in /sys/class/virtio-ports/*; do [ "$(cat $p/name 2>/dev/null)" = $1 ] && echo /dev/${p##*/}; done; }
"""
SHELL = """
wait_for '[ -c /dev/hvc0 ]'
setsid sh -c 'exec sh -i </dev/hvc0 >/dev/hvc0 2>&1'
"""
# The host's data is summed up and goes back, twice.
ECHO = """
wait_for '[ -c "$(port_of NAME)" ]'
PORT=$(port_of NAME)
echo "PORT $PORT"
exec 5<>$PORT
for turn in 1 2; do
    wait_for 'head -c SIZE <&5 >/tmp/data; [ -s /tmp/data ]' # nothing is there before the host is
    echo "SUM-$turn $(md5sum </tmp/data | cut -c1-32)"
    sleep 1
    cat /tmp/data /tmp/data >&5
    head -n 1 <&5               # it may all be in the queue yet, and the machine's end is the queue's, too
done
exec 5>&-
grep virtio /proc/interrupts
for d in /sys/bus/virtio/devices/*; do echo "features: $(cat $d/features)"; done
""".replace("NAME", NAME).replace("SIZE", str(SIZE))
COME_AND_GO = """
echo GUEST-READY
for turn in 1 2; do
    wait_for '[ -c "$(port_of NAME)" ]'
    PORT=$(port_of NAME)
    echo "CAME-$turn $PORT"
    wait_for 'head -n 1 <$PORT >/tmp/line; [ -s /tmp/line ]'
    sed "s/^/HEARD-$turn /" /tmp/line
    wait_for '[ ! -e $PORT ]' && echo "GONE-$turn"
done
""".replace("NAME", NAME)


def initrd(scratch, script, end):
    modules = CORE + ("virtio_console", "button")
    files = []
    for name in modules:
        try:
            files.append((f"{name}.ko", guest_data("consoles", f"{name}.ko")))
        except FileNotFoundError:
            pass
    return scratch.initrd(script + END % end, HEAD % " ".join(modules[:-1]), files)


def options(scratch, script, args, console="ttyS0"):
    end = "reboot" if "microvm" in args else "poweroff"
    return ["-m", "256", "-kernel", guest_file("consoles"), "-initrd", initrd(scratch, script, end), "-append",
            f"console={console} panic=-1", *args]


def check(run):
    """The guest ends well."""
    if run.finish(TIMEOUT) != 0:
        run.fail("the guest did not power off")
    trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", run.output, re.M)
    if trouble:
        run.fail(f"printed '{trouble.group(0)}', which must not appear")


def shell(*args):
    """The kernel's messages and a shell are on hvc0, and nothing else is there."""
    def test():
        scratch = Scratch()
        own = ["-display", "none", "-serial", "null", "-chardev", "stdio,id=c", *args, "-device", "virtconsole,chardev=c"]
        with Run(options(scratch, SHELL, own, "hvc0")) as run:
            run.expect(r"^/ # ", TIMEOUT)
            run.type("echo $((6 * 7)) is the answer\n")
            run.expect(r"^42 is the answer", TIMEOUT)
            run.type("dmesg\n")        # more than a queue holds
            at = run.expect(r"console \[hvc0\] enabled", TIMEOUT)
            run.expect(r"^/ # ", TIMEOUT, at)
            run.type("exit\n")
            check(run)      # its last words are not heard: kernels reset virtio devices before them
    return test


def connect(path):
    end = socket.socket(socket.AF_UNIX)
    end.connect(path)
    end.settimeout(TIMEOUT)
    return end


def receive(end, size):
    data = bytearray()
    while len(data) < size:
        piece = end.recv(65536)
        if not piece:
            break
        data += piece
    return bytes(data)


def echo(*args, features=""):
    """Data goes in, its sum is right, and it comes back twice, though nobody reads for a while."""
    def test():
        scratch = Scratch()
        path = scratch.path("socket")
        own = ["-nographic", "-chardev", f"socket,path={path},server=on,wait=off,id=p", *args, "-device",
               f"virtserialport,chardev=p,name={NAME}"]
        with Run(options(scratch, ECHO, own)) as run:
            run.expect(r"^PORT /dev/vport\d+p1$", TIMEOUT)
            for turn in (1, 2):
                data = random.Random(turn).randbytes(SIZE)
                end = connect(path)
                end.sendall(data)
                run.expect(f"^SUM-{turn} {hashlib.md5(data).hexdigest()}", TIMEOUT)
                time.sleep(2)           # meanwhile all that lies between fills up
                if receive(end, 2 * SIZE) != data + data:
                    run.fail(f"what came back in turn {turn} is not what was sent")
                end.sendall(b"received in turn %d\n" % turn)
                run.expect(f"^received in turn {turn}", TIMEOUT)
                end.close()
            run.expect(features, TIMEOUT)
            check(run)
    return test


def come_and_go():
    scratch = Scratch()
    path = scratch.path("socket")
    args = ["-nographic", *PC, "-device", "virtio-serial-pci"]
    with Machine(scratch, options(scratch, COME_AND_GO, args)) as run:
        run.expect(r"^GUEST-READY", TIMEOUT)
        for turn in (1, 2):
            at = len(run.output)
            run.ok(f"chardev-add socket,path={path},server=on,wait=off,id=p",
                   f"device_add virtserialport,chardev=p,name={NAME},id=d")
            run.expect(f"^CAME-{turn} /dev/vport\\d+p1$", TIMEOUT, at)
            end = connect(path)
            end.sendall(b"hello in turn %d\n" % turn)
            run.expect(f"^HEARD-{turn} hello in turn {turn}", TIMEOUT, at)
            run.ok("device_del d")
            run.expect(f"^GONE-{turn}", TIMEOUT, at)
            run.wait_until_free("d")
            run.ok("chardev-remove p")
            end.close()
        check(run)


PORTS = """mount -t devtmpfs dev /dev
echo to-the-first >/dev/ttyS4
echo to-the-second >/dev/ttyS5
poweroff -f
"""


def serial_ports_on_pci():
    """Each of two ports of a card writes to a file of its own."""
    scratch = Scratch()
    paths = [scratch.path(name) for name in ("first", "second")]
    run_row(["-nographic", "-no-reboot", "-m", "256", "-kernel", guest_file("cloud"), "-append",
             "console=ttyS0 panic=-1 8250.nr_uarts=8", "-initrd", scratch.initrd(PORTS),
             "-chardev", f"file,id=a,path={paths[0]}", "-chardev", f"file,id=b,path={paths[1]}",
             "-device", "pci-serial-2x,chardev1=a,chardev2=b"], (), KERNEL_TROUBLE, 0, TIMEOUT)
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read().strip()
        if text != f"to-the-{path.rsplit('/', 1)[1]}":
            raise Failed(f"{path} holds '{text}'")


SERIAL = ("-device", "virtio-serial-pci")
TESTS = (
    ("a shell on hvc0", shell(*PC, *SERIAL)),
    ("a shell on hvc0, in the interpreter", shell(*PC, *INTERP, *SERIAL)),
    ("a shell on hvc0 of a device without ports", shell(*PC, "-device", "virtio-serial-pci,max_ports=1")),
    ("a shell on hvc0 of a microvm", shell(*MICROVM, "-device", "virtio-serial-device")),
    ("a named port, both ways", echo(*PC, *SERIAL)),
    ("a named port with packed rings on q35, two CPUs",
     echo(*PC, "-M", "q35", "-smp", "2", "-device", "virtio-serial-pci,packed=on",
          features=r"^features: [01]{32}1[01]1")),
    ("a named port over the legacy interface and INTx",
     echo(*PC, "-device", "virtio-serial-pci,disable-modern=on,vectors=0", features=r"IO-APIC.*virtio0")),
    ("a named port on a microvm", echo(*MICROVM, "-device", "virtio-serial-device")),
    ("ports come and go", come_and_go),
    ("serial ports on PCI", serial_ports_on_pci),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "a shell on hvc0, in the interpreter",
    "a named port over the legacy interface and INTx",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
