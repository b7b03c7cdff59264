#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives and images through QMP, on a machine whose guest does not matter: nodes that come and go, media, limits."""
import subprocess
import sys
import time

from boot import ROOT, SLOW, Failed, Run, Scratch, tap
from qmp_client import Qmp

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


def main():
    return tap([
        ("disks come and go", disks_come_and_go),
        ("media change", media_change),
        ("sizes and limits", sizes_and_limits),
        ("transfers are counted", transfers_are_counted),
    ])


if __name__ == "__main__":
    sys.exit(main())
