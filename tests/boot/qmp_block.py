#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives and images through QMP, on a machine whose guest does not matter: nodes that come and go, media, limits."""
import signal
import subprocess
import sys
import time

from boot import ROOT, SLOW, Failed, Run, Scratch, tap
from disks import tool
from qmp_client import Qmp, connect, listener

TIMEOUT = 60
MIB = 1 << 20


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what} is {got!r}, expected {wanted!r}")


def image(path, *options, form="qcow2", size="8M"):
    subprocess.run([f"{ROOT}/build/rhea-img", "create", "-q", "-f", form, *options, path, size], check=True)
    return path


class Machine:
    """A machine with virtio SCSI and a CD drive, its CPU not started unless asked for."""

    def __init__(self, *args, start=False):
        self.scratch = Scratch()
        self.path = self.scratch.path("qmp.sock")
        self.run = Run(["-display", "none", "-nodefaults", *([] if start else ["-S"]), "-device",
                        "virtio-scsi-pci,id=s0", "-device", "ide-cd,id=cd0", *args, "-qmp",
                        f"unix:{self.path},server=on,wait=off"])

    def __enter__(self):
        self.run.__enter__()
        try:
            self.qmp = Qmp(self.path).negotiate()
        except BaseException:
            self.run.__exit__()
            raise
        return self

    def __exit__(self, kind, *unused):
        try:
            if kind is None:
                self.qmp.run("quit")
                status = self.run.finish(TIMEOUT)
                if status != 0:
                    self.run.fail(f"exit status {status}")
        finally:
            self.run.__exit__()

    def image(self, name, *options, **more):
        return image(self.scratch.path(name), *options, **more)

    def drive(self, qdev):
        """What query-block says of a device's drive."""
        for row in self.qmp.run("query-block"):
            if row.get("qdev") == qdev:
                return row
        raise Failed(f"no drive at {qdev}")

    def add(self, name, file, form="qcow2", **more):
        """A node for the file, and one of the format over it, as libvirt has them."""
        self.qmp.run("blockdev-add", **{"driver": "file", "filename": file, "node-name": f"{name}-storage",
                                        "auto-read-only": True, "discard": "unmap"})
        self.qmp.run("blockdev-add", **{"driver": form, "file": f"{name}-storage",
                                        "node-name": f"{name}-format", **more})
        return f"{name}-format"


def disks_come_and_go():
    with Machine() as m:
        node = m.add("d", m.image("disk.qcow2"))
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=node, bus="s0.0")
        row = m.drive("disk")
        expect("the drive's name", row["device"], "")
        expect("its image", (row["inserted"]["node-name"], row["inserted"]["drv"],
                             row["inserted"]["image"]["virtual-size"]), (node, "qcow2", 8 * MIB))
        names = {row["node-name"] for row in m.qmp.run("query-named-block-nodes", flat=True)}
        if not {"d-storage", "d-format"} <= names:
            raise Failed(f"nodes are missing: {names}")
        for busy in ("d-format", "d-storage"):
            expect("a node in use", m.qmp.error("blockdev-del", node_name=busy),
                   ("GenericError", f"Node {busy} is in use"))
        m.qmp.run("device_del", id="disk")
        m.qmp.event("DEVICE_DELETED")
        m.qmp.run("blockdev-del", node_name="d-format")
        m.qmp.run("blockdev-del", node_name="d-storage")
        expect("a node that is gone", m.qmp.error("blockdev-del", node_name="d-format")[1],
               "Failed to find node with node-name='d-format'")
        node = m.add("d", m.scratch.path("disk.qcow2"))     # the names are free
        expect("a bad device", m.qmp.error("device_add", driver="scsi-hd", drive=node, bus="s0.0",
                                           nosuch=1)[0], "GenericError")
        m.qmp.run("blockdev-del", node_name="d-format")     # what came of it is forgotten
        m.qmp.run("blockdev-del", node_name="d-storage")


def media_change():
    with Machine() as m:
        first = m.add("a", m.image("a.iso", form="raw", size="1M"), "raw", **{"read-only": True})
        second = m.add("b", m.image("b.iso", form="raw", size="2M"), "raw", **{"read-only": True})
        expect("the empty drive", "inserted" in m.drive("cd0"), False)
        expect("a closed tray", m.qmp.error("blockdev-insert-medium", id="cd0", node_name=first)[0],
               "GenericError")
        for node, size in ((first, MIB), (second, 2 * MIB)):
            m.qmp.run("blockdev-open-tray", id="cd0", force=True)
            expect("the tray", m.qmp.event("DEVICE_TRAY_MOVED")["tray-open"], True)
            m.qmp.run("blockdev-remove-medium", id="cd0")
            m.qmp.run("blockdev-insert-medium", id="cd0", node_name=node)
            expect("the tray is still open", m.drive("cd0")["tray_open"], True)
            m.qmp.run("blockdev-close-tray", id="cd0")
            expect("the event", {k: v for k, v in m.qmp.event("DEVICE_TRAY_MOVED").items() if k != "device"},
                   {"id": "cd0", "tray-open": False})
            row = m.drive("cd0")
            expect("the medium", (row["inserted"]["node-name"], row["inserted"]["image"]["virtual-size"],
                                  row["tray_open"], row["inserted"]["ro"]), (node, size, False, True))
        m.qmp.run("eject", id="cd0")
        expect("the tray", m.qmp.event("DEVICE_TRAY_MOVED")["tray-open"], True)
        m.qmp.run("blockdev-del", node_name="b-format")
        m.qmp.run("blockdev-change-medium", id="cd0", filename=m.image("c.iso", form="raw", size="3M"),
                  format="raw", **{"read-only-mode": "read-only"})
        expect("the new medium", m.drive("cd0")["inserted"]["image"]["virtual-size"], 3 * MIB)
        expect("no such device", m.qmp.error("eject", id="nope")[0], "DeviceNotFound")


def sizes_and_limits():
    with Machine("-drive", "driver=null-co,if=none,id=n0,size=4M", "-device", "scsi-hd,drive=n0,id=h0") as m:
        node = m.add("d", m.image("disk.qcow2"))
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=node, bus="s0.0")
        m.qmp.run("block_resize", node_name=node, size=16 * MIB)
        expect("the size", m.drive("disk")["inserted"]["image"]["virtual-size"], 16 * MIB)
        expect("no drive", m.qmp.error("block_resize", device="x", size=512)[0], "DeviceNotFound")
        m.qmp.run("block_set_io_throttle", id="disk", bps=0, bps_rd=0, bps_wr=0, iops=100, iops_rd=0, iops_wr=0)
        expect("the limit", m.drive("disk")["inserted"]["iops"], 100)
        expect("the node is the same", m.drive("disk")["inserted"]["node-name"], node)
        expect("a drive of -drive", m.drive("h0")["device"], "n0")


def transfers_are_counted():
    """SeaBIOS reads the first sector of a disk that it cannot boot."""
    scratch = Scratch()
    disk = image(scratch.path("disk.img"), form="raw", size="1M")
    with Machine("-drive", f"file={disk},if=ide,format=raw,id=d0", start=True) as m:
        deadline = time.monotonic() + TIMEOUT * SLOW
        while True:
            rows = {row["device"]: row["stats"] for row in m.qmp.run("query-blockstats")}
            if rows["d0"]["rd_operations"] > 0:
                break
            if time.monotonic() > deadline:
                raise Failed(f"nothing was read: {rows}")
            time.sleep(0.1)
        expect("whole sectors", rows["d0"]["rd_bytes"] % 512, 0)
        expect("nothing is written", (rows["d0"]["wr_operations"], rows["d0"]["wr_bytes"]), (0, 0))
        if rows["d0"]["rd_bytes"] == 0 or rows["d0"]["rd_total_time_ns"] == 0:
            raise Failed(f"no bytes or no time: {rows['d0']}")


def statuses(m, job, last):
    """What JOB_STATUS_CHANGE tells of a job until it has that status."""
    seen = []
    while not seen or seen[-1] != last:
        data = m.qmp.event("JOB_STATUS_CHANGE")
        if data["id"] == job:
            seen.append(data["status"])
    return seen


def jobs():
    """Mirror and backup from creation to dismissal; what cannot be, and why."""
    with Machine() as m:
        source, target = m.add("a", m.image("a.qcow2")), m.add("b", m.image("b.qcow2"))
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=source, bus="s0.0")
        m.qmp.run("blockdev-mirror", job_id="j1", device=source, target=target, sync="full", auto_dismiss=False)
        expect("the way to ready", statuses(m, "j1", "ready"), ["created", "running", "ready"])
        expect("a job that runs", m.qmp.error("job-dismiss", id="j1")[1],
               "Job 'j1' in state 'ready' cannot accept command verb 'dismiss'")
        expect("a second one", m.qmp.error("blockdev-backup", job_id="j9", device=source, target=target,
                                           sync="full")[0], "GenericError")
        m.qmp.run("job-pause", id="j1")
        expect("the state", m.qmp.run("query-jobs")[0]["status"], "standby")
        m.qmp.run("job-resume", id="j1")
        m.qmp.run("job-complete", id="j1")
        expect("the way to the end", statuses(m, "j1", "concluded"),
               ["standby", "ready", "waiting", "pending", "concluded"])
        expect("the drive's image", m.drive("disk")["inserted"]["node-name"], target)
        expect("the job", m.qmp.run("query-block-jobs")[0]["status"], "concluded")
        m.qmp.run("job-dismiss", id="j1")
        expect("no job", (m.qmp.run("query-jobs"), m.qmp.error("job-dismiss", id="j1")[1],
                          m.qmp.error("block-job-cancel", device="j1")),
               ([], "Job not found", ("DeviceNotActive", "Block job 'j1' not found")))
        m.qmp.run("blockdev-backup", job_id="j2", device=target, target=source, sync="full", auto_finalize=False)
        expect("the way to pending", statuses(m, "j2", "pending"), ["created", "running", "waiting", "pending"])
        m.qmp.event("BLOCK_JOB_PENDING")
        m.qmp.run("job-finalize", id="j2")
        expect("the end", statuses(m, "j2", "null"), ["concluded", "null"])
        m.qmp.run("blockdev-mirror", job_id="j3", device=target, target=source, sync="full")
        m.qmp.event("BLOCK_JOB_READY")
        m.qmp.run("job-cancel", id="j3")
        expect("the end", statuses(m, "j3", "null"), ["aborting", "concluded", "null"])
        m.qmp.run("blockdev-backup", job_id="j4", device=target, target=source, sync="full", auto_finalize=False)
        m.qmp.event("BLOCK_JOB_PENDING")
        m.qmp.run("job-cancel", id="j4")
        m.qmp.event("BLOCK_JOB_CANCELLED")


def external_snapshot():
    """As libvirt makes them: images by blockdev-create, all overlays or none by a transaction; commit."""
    with Machine() as m:
        base = m.add("a", m.image("a.qcow2"))
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=base, bus="s0.0")
        over = m.scratch.path("over.qcow2")
        m.qmp.run("blockdev-create", job_id="c1", options={"driver": "file", "filename": over, "size": 0})
        expect("the job", statuses(m, "c1", "concluded"), ["created", "running", "waiting", "pending", "concluded"])
        m.qmp.run("job-dismiss", id="c1")
        m.qmp.run("blockdev-add", **{"driver": "file", "filename": over, "node-name": "o-storage"})
        m.qmp.run("blockdev-create", job_id="c2", options={
            "driver": "qcow2", "file": "o-storage", "size": 8 * MIB, "backing-file": m.scratch.path("a.qcow2"),
            "backing-fmt": "qcow2", "version": "v3"})
        statuses(m, "c2", "concluded")
        expect("no error", m.qmp.run("query-jobs")[0].get("error"), None)
        m.qmp.run("job-dismiss", id="c2")
        m.qmp.run("blockdev-add", **{"driver": "qcow2", "file": "o-storage", "node-name": "o-format", "backing": None})
        action = {"type": "blockdev-snapshot", "data": {"node": base, "overlay": "o-format"}}
        expect("an action that fails", m.qmp.error("transaction", actions=[action, {"type": "abort", "data": {}}])[1],
               "Transaction aborted using Abort action")
        row = m.drive("disk")["inserted"]
        expect("all as before", (row["node-name"], row["backing_file_depth"], row["ro"]), (base, 0, False))
        m.qmp.run("transaction", actions=[action])
        row = m.drive("disk")["inserted"]
        expect("the overlay", (row["node-name"], row["backing_file_depth"]), ("o-format", 1))
        m.qmp.run("block-commit", job_id="j", device="o-format", auto_dismiss=True)
        m.qmp.event("BLOCK_JOB_READY")
        m.qmp.run("job-complete", id="j")
        m.qmp.event("BLOCK_JOB_COMPLETED")
        expect("the base again", m.drive("disk")["inserted"]["node-name"], base)
        m.qmp.run("blockdev-del", node_name="o-format")
        m.qmp.run("blockdev-create", job_id="c3", options={"driver": "qcow2", "file": "nope", "size": MIB})
        statuses(m, "c3", "concluded")
        expect("why", m.qmp.run("query-jobs")[0]["error"], "Cannot find device='nope' nor node-name='nope'")


def bitmaps():
    with Machine() as m:
        node = m.add("a", m.image("a.qcow2"))
        m.qmp.run("block-dirty-bitmap-add", node=node, name="b", persistent=True, granularity=65536)

        def shown():
            rows = {row["node-name"]: row for row in m.qmp.run("query-named-block-nodes")}
            return [(b["name"], b["recording"]) for b in rows[node].get("dirty-bitmaps", [])]

        expect("the bitmap", shown(), [("b", True)])
        m.qmp.run("block-dirty-bitmap-disable", node=node, name="b")
        expect("the bitmap", shown(), [("b", False)])
        add = {"type": "block-dirty-bitmap-add", "data": {"node": node, "name": "c", "persistent": True}}
        m.qmp.error("transaction", actions=[add, {"type": "abort", "data": {}}])
        expect("nothing is left of it", shown(), [("b", False)])
        m.qmp.run("block-dirty-bitmap-remove", node=node, name="b")
        expect("no bitmap", shown(), [])


def snapshots_of_one_drive():
    with Machine() as m:
        node = m.add("a", m.image("a.qcow2"))
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=node, bus="s0.0")
        raw = m.add("r", m.image("r.img", form="raw"), "raw")
        m.qmp.run("device_add", driver="scsi-hd", id="raw", drive=raw, bus="s0.0")

        def shown():
            return [s["name"] for s in m.drive("disk")["inserted"]["image"].get("snapshots", [])]

        take = "blockdev-snapshot-internal-sync"
        m.qmp.run(take, device=node, name="one")
        m.qmp.run(take, device=node, name="1")
        expect("the snapshots", shown(), ["one", "1"])
        for args, why in (({"device": node, "name": "one"}, f"Snapshot with name 'one' already exists on device '{node}'"),
                          ({"device": node, "name": ""}, "Name is empty"),
                          ({"device": raw, "name": "x"},
                           f"Block format 'raw' used by device '{raw}' does not support internal snapshots"),
                          ({"device": "x", "name": "x"}, "Cannot find device='x' nor node-name='x'")):
            expect("why", m.qmp.error(take, **args)[1], why)
        m.qmp.error("transaction", actions=[{"type": take, "data": {"device": node, "name": "two"}},
                                            {"type": "abort", "data": {}}])
        expect("nothing is left of it", shown(), ["one", "1"])
        forget = "blockdev-snapshot-delete-internal-sync"
        expect("no name", m.qmp.error(forget, device=node)[1], "Name or id must be provided")
        expect("another's id", m.qmp.error(forget, device=node, name="one", id="2")[1],
               f"Snapshot with id '2' and name 'one' does not exist on device '{node}'")
        gone = m.qmp.run(forget, device=node, id="1")       # and not the one of that name
        expect("what is gone", (gone["id"], gone["name"], gone["vm-state-size"]), ("1", "one", 0))
        expect("the other one", shown(), ["1"])
        hmp = "human-monitor-command"
        expect("a drive's id", m.qmp.run(hmp, command_line=f"snapshot_blkdev_internal {node} three"), "")
        expect("both", shown(), ["1", "three"])
        expect("by name", m.qmp.run(hmp, command_line=f"snapshot_delete_blkdev_internal {node} three"), "")
        expect("one", shown(), ["1"])
        if "see 'help" not in m.qmp.run(hmp, command_line=f"snapshot_blkdev_internal {node}"):
            raise Failed("a missing name is no error")


def snapshots_of_machines():
    """Jobs that save a stopped machine into one of two disks, and go back; what is not chosen stays as it is."""
    with Machine() as m:
        nodes = [m.add(n, m.image(f"{n}.qcow2")) for n in "ab"]
        for i, node in enumerate(nodes):
            m.qmp.run("device_add", driver="scsi-hd", id=f"disk{i}", drive=node, bus="s0.0")
        raw = m.add("r", m.image("r.img", form="raw"), "raw")

        def shown(i):
            return [(s["name"], s["vm-state-size"] > 0)
                    for s in m.drive(f"disk{i}")["inserted"]["image"].get("snapshots", [])]

        def job(name, error=None, **args):
            m.qmp.run(name, job_id="j", **args)
            expect("the way to the end", statuses(m, "j", "concluded"), [
                "created", "running", *(["aborting"] if error else ["waiting", "pending"]), "concluded"])
            row = m.qmp.run("query-jobs")[0]
            expect(f"the job {name}", (row["type"], row.get("error")), (name, error))
            expect("it is no block job", m.qmp.run("query-block-jobs"), [])
            expect("the id is taken", m.qmp.error(name, job_id="j", **args)[1], "Job ID 'j' already in use")
            m.qmp.run("job-dismiss", id="j")
            expect("the end", statuses(m, "j", "null"), ["null"])

        job("snapshot-save", tag="one", vmstate=nodes[1], devices=nodes)
        expect("the state is where it was asked for", (shown(0), shown(1)), ([("one", False)], [("one", True)]))
        job("snapshot-save", tag="two", vmstate=nodes[0], devices=nodes[:1])
        expect("one disk alone", (shown(0), shown(1)), ([("one", False), ("two", True)], [("one", True)]))
        again = "Snapshot 'one' already exists in one or more devices"
        job("snapshot-save", again, tag="one", vmstate=nodes[0], devices=nodes[:1])
        job("snapshot-save", f"vmstate block device '{nodes[1]}' does not exist", tag="x", vmstate=nodes[1],
            devices=nodes[:1])
        job("snapshot-save", "No block device node 'x'", tag="x", vmstate="x", devices=["x"])
        job("snapshot-save", f"Device '{raw}' is writable but does not support snapshots", tag="x",
            vmstate=nodes[0], devices=[*nodes, raw])
        job("snapshot-load", tag="one", vmstate=nodes[1], devices=nodes)
        job("snapshot-load", tag="two", vmstate=nodes[0], devices=nodes[:1])
        job("snapshot-load", "Snapshot 'two' does not exist in one or more devices", tag="two", vmstate=nodes[0],
            devices=nodes)
        expect("the machine", m.qmp.run("query-status")["running"], False)
        job("snapshot-delete", tag="one", devices=nodes)
        expect("one is left", (shown(0), shown(1)), ([("two", True)], []))
        expect("no tag", m.qmp.error("snapshot-delete", job_id="k", tag="", devices=nodes)[1],
               "Parameter 'tag' expects a name")
        expect("a bad id", m.qmp.error("snapshot-delete", job_id="", tag="x", devices=nodes)[1], "Invalid job ID ''")


def exports():
    """Nodes are served beside the guest; Debian's qemu-io and qemu-img are the clients."""
    qemu_io, qemu_img = tool("qemu-io", "qemu-utils"), tool("qemu-img", "qemu-utils")
    with Machine() as m:
        node, own = m.add("a", m.image("a.qcow2")), m.add("b", m.image("b.qcow2"))
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=node, bus="s0.0")
        path = m.scratch.path("nbd.sock")

        def client(name, *commands, status=0):
            args = [arg for command in commands for arg in ("-c", command)]
            mode = [] if any(c.startswith("write") for c in commands) else ["-r"]
            done = subprocess.run([qemu_io, *mode, "-f", "raw", *args, f"nbd+unix:///{name}?socket={path}"], timeout=TIMEOUT,
                                  capture_output=True, text=True, check=False)
            expect(f"{name} {commands}: {done.stdout}{done.stderr}", done.returncode, status)
            return done.stdout + done.stderr

        add = {"type": "nbd", "id": "e0", "node-name": own, "writable": True, "name": "disk b"}
        expect("no server", m.qmp.error("block-export-add", **add)[1], "NBD server not running")
        addr = {"type": "unix", "data": {"path": path}}
        m.qmp.run("nbd-server-start", addr=addr)
        expect("a second one", m.qmp.error("nbd-server-start", addr=addr)[1], "NBD server already running")
        m.qmp.run("block-export-add", **add)
        expect("the export", m.qmp.run("query-block-exports"), [
            {"id": "e0", "type": "nbd", "node-name": own, "shutting-down": False}])
        client("disk%20b", "write -P 7 1M 64k", "read -P 7 1M 64k", "flush")
        for other, why in (({**add, "id": "e1", "name": "disk b"}, "NBD server already has export named 'disk b'"),
                           (add, "Block export id 'e0' is already in use"),
                           ({**add, "id": "e2", "node-name": node, "name": "x"},
                            f"Conflicts with use by {node}, which does not allow 'write' on {node}"),
                           ({"type": "fuse", "id": "e3", "node-name": own}, None),
                           ({**add, "id": "e4", "node-name": "x"}, None)):
            got = m.qmp.error("block-export-add", **other)[1]
            if why:
                expect("why", got, why)
        m.qmp.run("nbd-server-add", device=node, name="a")
        if "Permission denied" not in client("a", "write 0 512", status=1):
            raise Failed("what a guest has can be written")
        expect("one that is used", m.qmp.error("blockdev-del", node_name=own), ("GenericError", f"Node {own} is in use"))
        m.qmp.run("blockdev-snapshot-internal-sync", device=node, name="s")     # the graph's locks are free
        client("a", "read -P 0 0 1M")

        with subprocess.Popen([qemu_io, "-r", "-f", "raw", f"nbd+unix:///a?socket={path}"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as held:
            held.stdin.write("read 0 512\n")
            held.stdin.flush()
            while "read 512" not in held.stdout.readline():
                pass
            expect("a client", m.qmp.error("nbd-server-remove", name="a")[1], "export 'a' still in use")
            m.qmp.run("nbd-server-remove", name="a", mode="hard")
            expect("the event", m.qmp.event("BLOCK_EXPORT_DELETED"), {"id": "a"})
            held.stdin.close()
            held.wait(TIMEOUT)
        m.qmp.run("block-export-del", id="e0")
        expect("no export", m.qmp.run("query-block-exports"), [])
        m.qmp.run("blockdev-del", node_name=own)

        def hmp(line, said=""):
            expect(line, m.qmp.run("human-monitor-command", command_line=line), said)

        m.qmp.run("nbd-server-stop")
        hmp("nbd_server_stop", "NBD server not running\r\n")
        hmp(f"nbd_server_start -w unix:{path}", "-w only valid together with -a\r\n")
        hmp(f"nbd_server_start -a unix:{path}")
        client(node, "read -P 0 1M 64k")
        hmp(f"nbd_server_remove {node}")
        hmp(f"nbd_server_add {node} again")
        info = subprocess.run([qemu_img, "info", f"nbd+unix:///again?socket={path}"], capture_output=True, text=True,
                              timeout=TIMEOUT, check=True).stdout
        expect("its size", "virtual size: 8 MiB" in info, True)
        hmp("nbd_server_remove -f again")
        hmp("nbd_server_remove again", "Export 'again' is not found\r\n")
    image_b = m.scratch.path("b.qcow2")
    subprocess.run([qemu_io, "-c", "read -P 7 1M 64k", image_b], check=True, stdout=subprocess.DEVNULL)


def chains():
    """Layers in the middle are committed; what an image says of its backing file; the graph."""
    qemu_io, qemu_img = tool("qemu-io", "qemu-utils"), tool("qemu-img", "qemu-utils")
    with Machine() as m:
        paths = [m.scratch.path(f"{n}.qcow2") for n in "abcd"]
        for i, path in enumerate(paths):        # each layer has a piece of its own, and covers one of the layer below
            image(path, *(["-b", paths[i - 1], "-F", "qcow2"] if i else []))
            subprocess.run([qemu_io, "-c", f"write -P {i + 1} {i}M 2M", path], check=True, stdout=subprocess.DEVNULL)
        m.qmp.run("blockdev-add", **{"driver": "qcow2", "node-name": "top", "file": {"driver": "file", "filename": paths[3]}})
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive="top", bus="s0.0")
        rows = {row["file"]: row["node-name"] for row in m.qmp.run("query-named-block-nodes")
                if row["drv"] == "qcow2"}
        names = [rows[p] for p in paths]
        graph = m.qmp.run("x-debug-query-block-graph")
        ids = {row["name"]: row["id"] for row in graph["nodes"] if row["type"] == "block-driver"}
        edges = {(e["parent"], e["child"], e["name"]) for e in graph["edges"]}
        if not {(ids[names[i + 1]], ids[names[i]], "backing") for i in range(3)} <= edges:
            raise Failed(f"the chain is not in {graph}")
        commit = {"job-id": "j", "device": "top"}
        expect("the wrong way round", m.qmp.error("block-commit", **commit, base_node=names[2], top_node=names[1])[0],
               "GenericError")
        expect("twice", m.qmp.error("block-commit", **commit, base=paths[0], base_node=names[0])[1],
               "'base-node' and 'base' are mutually exclusive")
        m.qmp.run("block-commit", **commit, base_node=names[0], top_node=names[2])
        data = m.qmp.event("BLOCK_JOB_COMPLETED")
        expect("the job", (data["type"], data.get("error")), ("commit", None))
        row = m.drive("disk")["inserted"]
        expect("the chain", (row["node-name"], row["backing_file"], row["backing_file_depth"]), ("top", paths[0], 1))
        expect("the base is as before", {r["node-name"]: r["ro"] for r in m.qmp.run("query-named-block-nodes")}[names[0]],
               True)
        m.qmp.run("change-backing-file", device="top", image_node_name="top", backing_file="a.qcow2")
        expect("no backing file", m.qmp.error("change-backing-file", device="top", image_node_name=names[0],
                                              backing_file="x")[1],
               "not allowing backing file change on an image without a backing file")
        m.qmp.run("query-block")
    info = subprocess.run([qemu_img, "info", paths[3]], capture_output=True, text=True, check=True).stdout
    expect("what the image says", "backing file: a.qcow2 (actual path" in info, True)
    for i in range(4):
        subprocess.run([qemu_io, "-c", f"read -P {i + 1} {i}M {1 if i < 3 else 2}M", paths[3]], check=True,
                       stdout=subprocess.DEVNULL)


def thresholds():
    with Machine() as m:
        node = m.add("a", m.image("a.qcow2"))
        m.qmp.run("nbd-server-start", addr={"type": "unix", "data": {"path": m.scratch.path("nbd")}})
        m.qmp.run("block-export-add", type="nbd", id="e", node_name=node, name="", writable=True)

        def write(place):
            subprocess.run([tool("qemu-io", "qemu-utils"), "-f", "raw", "-c", f"write -P 1 {place} 64k",
                            f"nbd+unix:///?socket={m.scratch.path('nbd')}"], check=True, stdout=subprocess.DEVNULL)

        def threshold():
            return {row["node-name"]: row["write_threshold"] for row in m.qmp.run("query-named-block-nodes")}["a-storage"]

        m.qmp.run("block-set-write-threshold", node_name="a-storage", write_threshold=2 * MIB)
        write("0")
        expect("it is set", threshold(), 2 * MIB)
        for place in range(1, 40):
            write(f"{place * 64}k")
        data = m.qmp.event("BLOCK_WRITE_THRESHOLD")
        expect("the event", (data["node-name"], data["write-threshold"], 0 < data["amount-exceeded"] <= MIB),
               ("a-storage", 2 * MIB, True))
        expect("it is told once", threshold(), 0)
        expect("no node", m.qmp.error("block-set-write-threshold", node_name="x", write_threshold=1)[1],
               "Device 'x' not found")


def reopening():
    with Machine() as m:
        node, other = m.add("a", m.image("a.qcow2")), m.add("b", m.image("b.qcow2"), **{"backing": None})
        as_is = {"driver": "qcow2", "node-name": node, "file": "a-storage"}

        def shown(name=node):
            return next(row for row in m.qmp.run("query-named-block-nodes") if row["node-name"] == name)

        m.qmp.run("blockdev-reopen", options=[{**as_is, "read-only": True, "detect-zeroes": "on"}])
        expect("it is read-only", (shown()["ro"], shown()["detect_zeroes"]), (True, "on"))
        m.qmp.run("blockdev-reopen", options=[as_is])
        expect("and not any more", (shown()["ro"], shown()["detect_zeroes"]), (False, "off"))
        for change, why in (({"driver": "raw"}, "Cannot change the option 'driver'"),
                            ({"file": "b-storage"}, "Cannot change the option 'file'"),
                            ({"lazy-refcounts": True}, "Cannot change the option 'lazy-refcounts'"),
                            ({"cache": {"no-flush": True}}, "Cannot change the option 'cache.no-flush'"),
                            ({"node-name": "x"}, "Failed to find node with node-name='x'")):
            both = [{**as_is, "read-only": True}, {**as_is, **change}]
            expect("why", m.qmp.error("blockdev-reopen", options=both)[1], why)
            expect("nothing has changed", shown()["ro"], False)
        on_top = {"driver": "qcow2", "node-name": other, "file": "b-storage"}
        m.qmp.run("blockdev-reopen", options=[{**on_top, "backing": node}])
        expect("it has a backing image", shown(other)["backing_file"], m.scratch.path("a.qcow2"))
        expect("a circle", m.qmp.error("blockdev-reopen", options=[{**as_is, "backing": other}])[1],
               f"Making '{other}' a backing child of '{node}' would create a cycle")
        m.qmp.run("blockdev-reopen", options=[{**on_top, "backing": None}])
        expect("it has none", "backing_file" in shown(other), False)
        m.qmp.run("blockdev-del", node_name=node)       # nobody uses it any more
        m.qmp.run("device_add", driver="scsi-hd", id="disk", drive=other, bus="s0.0")
        expect("what a guest writes to", m.qmp.error("blockdev-reopen", options=[{**on_top, "read-only": True}])[1],
               f"Block node '{other}' is written to by device '{other}': it cannot be read-only")


def yanked():
    """Connections whose other end does not answer are cut: a disk's, a character device's, a migration's."""
    scratch = Scratch()
    served = image(scratch.path("served.img"), form="raw", size="1M")
    far, near, chars = scratch.path("far"), scratch.path("near"), scratch.path("chars")
    qemu_io = tool("qemu-io", "qemu-utils")
    with subprocess.Popen([f"{ROOT}/build/rhea-nbd", "-t", "-e", "0", "-f", "raw", "-k", far, served]) as server, \
            Machine("-chardev", f"socket,id=c,path={chars},server=on,wait=off") as m:
        try:
            connect(far).close()
            peer = connect(chars)
            m.qmp.run("blockdev-add", **{"driver": "nbd", "node-name": "n", "server": {"type": "unix", "path": far}})
            disk, char = {"type": "block-node", "node-name": "n"}, {"type": "chardev", "id": "c"}
            rows = m.qmp.run("query-yank")
            if disk not in rows or char not in rows or {"type": "migration"} in rows:
                raise Failed(f"what can be yanked is {rows}")
            m.qmp.run("nbd-server-start", addr={"type": "unix", "data": {"path": near}})
            m.qmp.run("block-export-add", type="nbd", id="e", node_name="n")
            with subprocess.Popen([qemu_io, "-r", "-f", "raw", f"nbd+unix:///n?socket={near}"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
                server.send_signal(signal.SIGSTOP)
                client.stdin.write("read 0 4k\n")
                client.stdin.flush()
                time.sleep(0.3 * SLOW)
                expect("none such", m.qmp.error("yank", instances=[disk, {"type": "migration"}]),
                       ("DeviceNotFound", "Instance not found"))
                m.qmp.send_value({"exec-oob": "yank", "arguments": {"instances": [disk]}})
                expect("without negotiation", m.qmp.answer()["error"]["class"], "GenericError")
                m.qmp.run("yank", instances=[disk, char])
                said = client.communicate(timeout=TIMEOUT * SLOW)[0]
            if "read failed" not in said:
                raise Failed(f"a read of the disk that is gone said {said}")
            peer.settimeout(TIMEOUT)
            expect("the character device's peer", peer.recv(1), b"")
            m.qmp.run("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
            m.qmp.run("block-export-del", id="e")
            m.qmp.run("blockdev-del", node_name="n")
            with listener(scratch.path("nobody")) as deaf:
                m.qmp.run("migrate-set-parameters", **{"max-bandwidth": 1000})
                m.qmp.run("migrate", uri="unix:" + scratch.path("nobody"))
                deaf.accept()
                m.qmp.run("yank", instances=[{"type": "migration"}])
                while m.qmp.event("MIGRATION")["status"] != "failed":
                    pass
            expect("the guest", m.qmp.run("query-status")["status"], "prelaunch")
        finally:
            server.kill()


def main():
    return tap([
        ("disks come and go", disks_come_and_go),
        ("media change", media_change),
        ("sizes and limits", sizes_and_limits),
        ("transfers are counted", transfers_are_counted),
        ("jobs", jobs),
        ("external snapshots", external_snapshot),
        ("bitmaps", bitmaps),
        ("exports", exports),
        ("chains of images", chains),
        ("write thresholds", thresholds),
        ("blockdev-reopen", reopening),
        ("yank", yanked),
        ("snapshots of one drive", snapshots_of_one_drive),
        ("snapshots of machines", snapshots_of_machines),
    ])


if __name__ == "__main__":
    sys.exit(main())
