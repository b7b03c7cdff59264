#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP on running machines: life and events, descriptors that are inherited, daemons."""
import os
import re
import signal
import socket
import sys
import time

from boot import RHEA, SLOW, Failed, Run, Scratch, guest_file, tap
from qmp_client import Qmp, listener

TIMEOUT = 120
STARTED = r"GUEST-STARTED"
POWEROFF = "poweroff -f\n"
LINUX = "console=ttyS0 panic=-1 quiet"


def guest(scratch, letter):
    return ["-display", "none", "-serial", "stdio", "-kernel", scratch.assemble("guest.S"),
            "-append", letter]


def linux(scratch, script):
    return ["-display", "none", "-serial", "stdio", "-m", "512M", "-kernel", guest_file("cloud"), "-append",
            LINUX, "-initrd", scratch.initrd(script)]


def server(scratch):
    path = scratch.path("qmp.sock")
    return path, ["-qmp", f"unix:{path},server=on,wait=off"]


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what} is {got!r}, expected {wanted!r}")


def expect_status(run, status):
    got = run.finish(TIMEOUT)
    if got != status:
        run.fail(f"exit status {got}, expected {status}")


def life():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "w"), *option, "-S", "-smp", "2", "-name", "me"]) as run:
        qmp = Qmp(path)
        expect("the version", qmp.greeting["QMP"]["version"]["qemu"]["major"], 7)
        qmp.negotiate()
        expect("the state", qmp.run("query-status"),
               {"running": False, "singlestep": False, "status": "prelaunch"})
        qmp.run("cont")
        qmp.event("RESUME")
        run.expect(STARTED, TIMEOUT)
        threads = os.listdir(f"/proc/{run.child.pid}/task")
        cpus = qmp.run("query-cpus-fast")
        expect("the CPUs", [cpu["cpu-index"] for cpu in cpus], [0, 1])
        if any(str(cpu["thread-id"]) not in threads for cpu in cpus):
            raise Failed(f"{cpus} are not among {threads}")
        expect("the name", qmp.run("query-name"), {"name": "me"})
        qmp.run("stop")
        qmp.event("STOP")
        expect("the state", qmp.run("query-status")["status"], "paused")
        qmp.run("cont")
        at = len(run.output)
        qmp.run("system_reset")
        expect("the reset", qmp.event("RESET"),
               {"guest": False, "reason": "host-qmp-system-reset"})
        run.expect(STARTED, TIMEOUT, at)
        text = qmp.run("human-monitor-command", command_line="info registers")
        if not re.search(r"(EIP|RIP)=", text):
            raise Failed(f"no registers: {text}")
        qmp.run("quit")
        expect("the end", qmp.event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
        expect("what follows", qmp.line(), None)
        expect_status(run, 0)


def a_signal_ends_it():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "h"), *option]) as run:
        qmp = Qmp(path).negotiate()
        run.expect(STARTED, TIMEOUT)
        run.child.send_signal(signal.SIGTERM)
        expect("the end", qmp.event("SHUTDOWN"), {"guest": False, "reason": "host-signal"})
        expect("what follows", qmp.line(), None)
        expect_status(run, 0)


def guests_resets_are_events():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "k"), *option, "-S"]) as run:
        qmp = Qmp(path).negotiate()
        qmp.run("cont")
        for _ in range(3):
            expect("the reset", qmp.event("RESET"), {"guest": True, "reason": "guest-reset"})
        qmp.run("set-action", reboot="shutdown")
        expect("the end", qmp.event("SHUTDOWN"), {"guest": True, "reason": "guest-reset"})
        expect_status(run, 0)


def power_off_and_again():
    """-no-shutdown: the machine stays, and system_reset with cont starts it anew."""
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*linux(scratch, POWEROFF), *option, "-no-shutdown"]) as run:
        qmp = Qmp(path).negotiate()
        for _ in range(2):
            expect("the end", qmp.event("SHUTDOWN", TIMEOUT),
                   {"guest": True, "reason": "guest-shutdown"})
            qmp.event("STOP")
            expect("the state", qmp.run("query-status")["status"], "shutdown")
            qmp.run("system_reset")
            qmp.event("RESET")
            qmp.run("cont")
            qmp.event("RESUME")
        run.child.send_signal(signal.SIGTERM)
        expect_status(run, 0)


def inherited_listener():
    """As libvirt starts a machine; after a client another one is greeted."""
    scratch = Scratch()
    path = scratch.path("monitor.sock")
    sock = listener(path)
    args = [*guest(scratch, "w"), "-chardev",
            f"socket,id=charmonitor,fd={sock.fileno()},server=on,wait=off", "-mon",
            "chardev=charmonitor,id=monitor,mode=control"]
    with Run(args, pass_fds=(sock.fileno(),)) as run:
        for _ in range(3):
            qmp = Qmp(path).negotiate()
            expect("the chardev", [row["label"] for row in qmp.run("query-chardev")],
                   ["charmonitor", "serial0"])
            qmp.close()
        run.expect(STARTED, TIMEOUT)
        run.child.terminate()
        expect_status(run, 0)


def daemon():
    """The parent ends when the socket listens and the pid is written; the child goes on."""
    scratch = Scratch()
    path, option = server(scratch)
    pidfile = scratch.path("pid")
    kernel = guest(scratch, "w")[4:]
    with Run(["-display", "none", "-nodefaults", *kernel, *option, "-pidfile", pidfile,
              "-daemonize"]) as run:
        expect_status(run, 0)
        with open(pidfile, encoding="ascii") as file:
            pid = int(file.read())
        if pid == run.child.pid:
            run.fail("the pid is the parent's")
        try:
            expect("the program", os.path.realpath(f"/proc/{pid}/exe"), os.path.realpath(RHEA))
            expect("the folder", os.readlink(f"/proc/{pid}/cwd"), "/")
            for i in range(3):
                expect("a standard descriptor", os.readlink(f"/proc/{pid}/fd/{i}"), "/dev/null")
            qmp = Qmp(path).negotiate()
            expect("the state", qmp.run("query-status")["status"], "running")
            os.kill(pid, signal.SIGTERM)
            expect("the end", qmp.event("SHUTDOWN")["reason"], "host-signal")
            expect("what follows", qmp.line(), None)
        finally:
            end_daemon(pid)
        if os.path.exists(pidfile):
            raise Failed("the file with the pid is left")


def end_daemon(pid):
    deadline = time.monotonic() + 20 * SLOW
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise Failed("the daemon did not end")
        time.sleep(0.05)


def daemons_say_what_is_wrong():
    scratch = Scratch()
    with Run(["-display", "none", "-daemonize", "-kernel", scratch.path("missing")]) as run:
        run.expect(r"could not open kernel file '.*missing'", TIMEOUT)
        expect_status(run, 1)


def probe():
    """What libvirt starts and asks before it knows anything of a program."""
    scratch = Scratch()
    path, option = server(scratch)
    pidfile = scratch.path("pid")
    with Run(["-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=kvm:tcg",
              *option, "-pidfile", pidfile, "-daemonize"]) as run:
        expect_status(run, 0)
    with open(pidfile, encoding="ascii") as file:
        pid = int(file.read())
    try:
        ask_as_libvirt(Qmp(path).negotiate())
        os.kill(pid, signal.SIGTERM)
    finally:
        end_daemon(pid)


def ask_as_libvirt(qmp):
    expect("the target", qmp.run("query-target"), {"arch": "x86_64"})
    names = {row["name"] for row in qmp.run("qom-list-types")}
    for name in ("tcg-accel", "VGA", "isa-serial", "virtio-blk-pci", "pcie-root-port", "max-x86_64-cpu"):
        if name not in names:
            raise Failed(f"there is no type {name}")
    for name in ("memory-backend-file", "none-machine", "max-x86_64-cpu"):
        qmp.run("qom-list-properties", typename=name)
    expect("no such class", qmp.error("qom-list-properties", typename="nope"),
           ("DeviceNotFound", "Class 'nope' not found"))
    expect("no such device", qmp.error("device-list-properties", typename="nope"),
           ("DeviceNotFound", "Device 'nope' not found"))
    rows = {row["name"]: row for row in qmp.run("device-list-properties", typename="isa-debug-exit")}
    expect("iobase", (rows["iobase"]["type"], rows["iobase"]["default-value"]), ("uint32", 0x501))
    boards = {row["name"]: row.get("alias") for row in qmp.run("query-machines")}
    expect("the boards", (boards["pc-i440fx-7.2"], boards["pc-q35-7.2"]), ("pc", "q35"))
    options = {row["option"]: row["parameters"] for row in qmp.run("query-command-line-options")}
    if "hpet" not in [row["name"] for row in options["machine"]]:
        raise Failed(f"-machine has no hpet: {options['machine']}")
    models = [row["name"] for row in qmp.run("query-cpu-definitions")]
    if "qemu64" not in models or "max" not in models:
        raise Failed(f"models are missing: {models}")
    for props in ({}, {"migratable": False}):
        model = qmp.run("query-cpu-model-expansion", type="static", model={"name": "max", "props": props})
        expect("the model", (model["model"]["name"], model["model"]["props"]["sse2"]), ("base", True))
    model = qmp.run("query-cpu-model-expansion", type="full",
                    model={"name": "qemu64", "props": {"sse2": False, "ssse3": True}})["model"]
    expect("the features", [model["props"][name] for name in ("sse", "sse2", "ssse3")],
           [True, False, True])
    qmp.run("query-migrate-capabilities")


def object_model():
    """Paths of devices with and without an id, their properties, what is below them."""
    scratch = Scratch()
    path, option = server(scratch)
    disk = ["-drive", "driver=null-co,if=none,id=d0,size=8M", "-device", "virtio-blk-pci,drive=d0,id=vd"]
    with Run([*guest(scratch, "w"), *option, "-nodefaults", "-smp", "2", *disk, "-device", "isa-debug-exit",
              "-object", "iothread,id=io"]) as run:
        qmp = Qmp(path).negotiate()

        def listed(at):
            return {row["name"]: row["type"] for row in qmp.run("qom-list", path=at)}

        def get(at, name):
            return qmp.run("qom-get", path=at, property=name)

        expect("/", listed("/")["machine"], "child<pc-i440fx-7.2-machine>")
        expect("the devices", listed("/machine/peripheral"),
               {"type": "string", "vd": "child<virtio-blk-pci>"})
        expect("those without id", listed("/machine/peripheral-anon")["device[0]"],
               "child<isa-debug-exit>")
        expect("the objects", listed("/objects"), {"type": "string", "io": "child<iothread>"})
        board = listed("/machine/unattached")
        expect("the CPUs", [board[f"device[{i}]"] for i in (0, 1)], ["child<max-x86_64-cpu>"] * 2)
        for at in ("/machine/peripheral/vd", "vd", "/machine/peripheral/vd/virtio-backend"):
            expect("the drive", get(at, "drive"), "d0")
        expect("a child", get("/machine", "peripheral"), "/machine/peripheral")
        expect("a number", get("/machine/peripheral-anon/device[0]", "iobase"), 0x501)
        expect("what is behind", get("/machine/peripheral/vd/virtio-backend", "type"),
               "virtio-blk-device")
        bus = get("vd", "parent_bus")
        below = [get(bus, name) for name in listed(bus) if name.startswith("child[")]
        if "/machine/peripheral/vd" not in below:
            raise Failed(f"{bus} has {below}")
        expect("through a link", get(f"{bus}/child[{below.index('/machine/peripheral/vd')}]", "type"),
               "virtio-blk-pci")
        expect("nothing", qmp.error("qom-list", path="/machine/nope"),
               ("DeviceNotFound", "Device '/machine/nope' not found"))
        expect("no such property", qmp.error("qom-get", path="vd", property="nope"),
               ("GenericError", "Property 'virtio-blk-pci.nope' not found"))
        slots = [(device["slot"], device["qdev_id"])
                 for device in qmp.run("query-pci")[0]["devices"]]
        if (get("vd", "addr") >> 3, "vd") not in slots:
            raise Failed(f"vd is not where it says: {slots}")
        run.child.terminate()
        expect_status(run, 0)


def to_another_process():
    """A machine that migrates: what is asked for, what is told, descriptors that getfd names."""
    scratch = Scratch()
    there = scratch.path("there.sock")
    path, option = server(scratch)
    with Run([*guest(scratch, "w"), *option]) as run, \
            Run([*guest(scratch, "w"), "-qmp", f"unix:{there},server=on,wait=off", "-incoming", "defer"]) as other:
        qmp, away = Qmp(path).negotiate(), Qmp(there).negotiate()
        run.expect(STARTED, TIMEOUT)
        expect("no migration", qmp.run("query-migrate"), {})
        expect("who waits", away.run("query-status")["status"], "inmigrate")
        qmp.run("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
        states = {row["capability"]: row["state"] for row in qmp.run("query-migrate-capabilities")}
        expect("capabilities", (states["events"], states["multifd"]), (True, False))
        qmp.run("migrate-set-parameters", downtime_limit=500)
        expect("a parameter", qmp.run("query-migrate-parameters")["downtime-limit"], 500)
        expect("too much", qmp.error("migrate-set-parameters", downtime_limit=2000001)[0], "GenericError")
        expect("no name", qmp.error("migrate", uri="fd:nope")[1],
               "File descriptor named 'nope' has not been found")
        for client, end in zip((qmp, away), socket.socketpair()):
            client.run("getfd", fds=(end.fileno(),), fdname="wire")
            end.close()
        away.run("migrate-incoming", uri="fd:wire")
        qmp.run("migrate", uri="fd:wire")
        told = []
        while not told or told[-1] not in ("completed", "failed"):
            told.append(qmp.event("MIGRATION")["status"])
        expect("what is told", told, ["setup", "active", "device", "completed"])
        info = qmp.run("query-migrate")
        if info["status"] != "completed" or info["ram"]["transferred"] < 4096 or "downtime" not in info:
            raise Failed(f"query-migrate: {info}")
        expect("here", qmp.run("query-status")["status"], "postmigrate")
        away.event("RESUME")
        expect("there", away.run("query-status")["running"], True)
        for client, process in ((qmp, run), (away, other)):
            client.run("quit")
            expect_status(process, 0)


def descriptors():
    """getfd, and a chardev on what came; sets of descriptors, and drives on them."""
    scratch = Scratch()
    path, option = server(scratch)
    image = scratch.path("disk.img", b"\0" * (1 << 20))
    inherited, other = os.open(image, os.O_RDONLY), os.open(image, os.O_RDONLY)
    with Run([*guest(scratch, "w"), *option, "-add-fd", f"fd={inherited},set=4,opaque=mine", "-drive",
              "file=/dev/fdset/4,if=none,id=d0,format=raw,readonly=on"], pass_fds=(inherited,)) as run:
        qmp = Qmp(path).negotiate()
        sets = qmp.run("query-fdsets")
        expect("the sets", [(row["fdset-id"], row["fds"][0]["opaque"]) for row in sets], [(4, "mine")])
        expect("no descriptor", qmp.error("getfd", fdname="x")[1],
               "No file descriptor supplied via SCM_RIGHTS")
        ours, theirs = socket.socketpair()
        qmp.run("getfd", fds=(theirs.fileno(),), fdname="x")
        theirs.close()
        address = {"type": "fd", "data": {"str": "x"}}
        qmp.run("chardev-add", id="c0", backend={"type": "socket", "data": {
            "addr": address, "server": False}})
        qmp.run("human-monitor-command", command_line="info chardev")
        expect("a name is used once", qmp.error("closefd", fdname="x")[1],
               "File descriptor named 'x' not found")
        qmp.run("chardev-remove", id="c0")
        ours.settimeout(TIMEOUT)
        expect("the other end", ours.recv(1), b"")
        added = qmp.run("add-fd", fds=(other,), opaque="second")
        expect("the new set", added["fdset-id"], 0)
        expect("the drive", qmp.run("human-monitor-command", command_line="drive_add 0 "
               "file=/dev/fdset/0,if=none,id=d1,format=raw,readonly=on"), "OK\r\n")
        text = qmp.run("human-monitor-command", command_line="drive_add 0 "
                       "file=/dev/fdset/0,if=none,id=d2,format=raw")
        if "Permission denied" not in text:
            raise Failed(f"a descriptor that is read-only should not be written: {text}")
        qmp.run("remove-fd", fdset_id=0)
        expect("the sets", [row["fdset-id"] for row in qmp.run("query-fdsets")], [4])
        expect("no such set", qmp.error("remove-fd", fdset_id=9)[0], "GenericError")
        run.child.terminate()
        expect_status(run, 0)
    os.close(inherited)
    os.close(other)


def devices_come_and_go():
    """As JSON on the command line and in QMP; the event that tells of the end."""
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "w"), *option, "-drive", "driver=null-co,if=none,id=d0,size=8M", "-device",
              '{"driver":"virtio-scsi-pci","id":"s0","addr":"0x5"}']) as run:
        qmp = Qmp(path).negotiate()
        expect("the slot", qmp.run("qom-get", path="s0", property="addr"), 5 << 3)
        qmp.run("device_add", driver="scsi-hd", id="disk", drive="d0", bus="s0.0")
        expect("the device", qmp.run("qom-get", path="/machine/peripheral/disk", property="hotplugged"), True)
        expect("twice", qmp.error("device_add", driver="scsi-hd", id="disk", drive="d0")[1],
               "Duplicate device ID 'disk'")
        qmp.run("device_del", id="/machine/peripheral/disk")
        expect("the end", qmp.event("DEVICE_DELETED"),
               {"device": "disk", "path": "/machine/peripheral/disk"})
        expect("no device", qmp.error("device_del", id="disk"),
               ("DeviceNotFound", "Device 'disk' not found"))
        qmp.run("object-add", **{"qom-type": "iothread"}, id="io")
        expect("the iothread", [row["id"] for row in qmp.run("query-iothreads")], ["io"])
        qmp.run("object-del", id="io")
        qmp.run("netdev_add", type="hubport", id="n0", hubid=1)
        qmp.run("netdev_del", id="n0")
        run.child.terminate()
        expect_status(run, 0)


def what_cards_let_in():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "w"), *option, "-S", "-nic", "none", "-device", "virtio-net-pci,id=v", "-device",
              "e1000,id=e", "-netdev", "user,id=n"]) as run:
        qmp = Qmp(path)
        qmp.negotiate()
        found = qmp.run("query-rx-filter")
        expect("all", found, qmp.run("query-rx-filter", name="v"))
        expect("VLANs of a driver that is not there", found[0].pop("vlan-table"), list(range(4096)))
        expect("the filter", found, [{
            "name": "v", "promiscuous": True, "multicast": "normal", "unicast": "normal", "vlan": "all",
            "broadcast-allowed": True, "multicast-overflow": False, "unicast-overflow": False,
            "main-mac": "52:54:00:12:34:56", "unicast-table": [], "multicast-table": []}])
        for name, text in (("x", "invalid net client name: x"), ("n", "net client(n) isn't a NIC"),
                           ("e", "net client(e) doesn't support rx-filter querying")):
            qmp.send("query-rx-filter", name=name)
            expect("the error", qmp.answer()["error"], {"class": "GenericError", "desc": text})
        qmp.run("quit")
        expect_status(run, 0)


def messages_have_times():
    scratch = Scratch()
    with Run(["-display", "none", "-msg", "timestamp=on,guest-name=on", "-name", "me", "-kernel",
              scratch.path("missing")]) as run:
        run.expect(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z me \S+: could not open", TIMEOUT)
        expect_status(run, 1)


def process_has_its_name():
    scratch = Scratch()
    with Run([*guest(scratch, "w"), "-name", "me,process=rhea-test"]) as run:
        run.expect(STARTED, TIMEOUT)
        with open(f"/proc/{run.child.pid}/comm", encoding="ascii") as file:
            expect("the name", file.read().strip(), "rhea-test")
        run.child.terminate()
        expect_status(run, 0)


def dumps():
    """dump-guest-memory waits or not, to a file or a descriptor; the guest stands still meanwhile and then goes on."""
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "w"), *option]) as run:
        qmp = Qmp(path).negotiate()
        run.expect(STARTED, TIMEOUT)
        expect("nothing yet", qmp.run("query-dump"), {"status": "none", "completed": 0, "total": 0})
        expect("the formats", qmp.run("query-dump-guest-memory-capability"), {"formats": ["elf"]})
        for detach in (False, True):
            name = scratch.path(f"core{detach}")
            fd = os.open(name, os.O_WRONLY | os.O_CREAT)
            qmp.run("getfd", fds=(fd,), fdname="dump")
            os.close(fd)
            qmp.run("dump-guest-memory", paging=False, protocol="fd:dump", detach=detach)
            data = qmp.event("DUMP_COMPLETED")
            expect("the end", data, {"result": qmp.run("query-dump")})
            expect("all of it", (data["result"]["status"], data["result"]["completed"]),
                   ("completed", data["result"]["total"]))
            qmp.event("RESUME")
            with open(name, "rb") as file:
                expect("the file", (file.read(4), os.path.getsize(name) > data["result"]["total"]), (b"\x7fELF", True))
            expect("the descriptor is gone", qmp.error("closefd", fdname="dump")[0], "GenericError")
        expect("the machine", qmp.run("query-status")["status"], "running")
        for args, why in (({"protocol": "fd:x"}, "File descriptor named 'x' has not been found"),
                          ({"protocol": "x"}, "parameter 'protocol' must start with 'file:' or 'fd:'"),
                          ({"protocol": "file:x", "begin": 0}, "Parameter 'length' is missing"),
                          ({"protocol": "file:x", "format": "kdump-zlib"},
                           "dump-guest-memory: format 'kdump-zlib' is not supported, only elf")):
            expect("why", qmp.error("dump-guest-memory", paging=False, **args)[1], why)
        qmp.run("dump-guest-memory", paging=False, protocol="file:/dev/full", detach=True)
        data = qmp.event("DUMP_COMPLETED")
        expect("a full disk", (data["result"]["status"], "No space left" in data["error"]), ("failed", True))
        qmp.event("RESUME")
        qmp.run("quit")
        expect_status(run, 0)


def main():
    return tap([
        ("a machine's life", life),
        ("SIGTERM: an event, then the end", a_signal_ends_it),
        ("a guest's resets", guests_resets_are_events),
        ("power off, -no-shutdown, and again", power_off_and_again),
        ("a listening socket that is inherited", inherited_listener),
        ("-daemonize", daemon),
        ("-daemonize with a mistake", daemons_say_what_is_wrong),
        ("the questions of a probe", probe),
        ("the object model", object_model),
        ("to another process", to_another_process),
        ("descriptors", descriptors),
        ("devices come and go", devices_come_and_go),
        ("dumps of memory", dumps),
        ("what cards let in", what_cards_let_in),
        ("-msg", messages_have_times),
        ("-name process=", process_has_its_name),
    ])


if __name__ == "__main__":
    sys.exit(main())
