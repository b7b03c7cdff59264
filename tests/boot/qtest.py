#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-qtest and -accel qtest: the commands, and devices driven through them."""
import os
import struct
import sys

from boot import Failed, Scratch, Skip, tap
from qmp_client import Qmp
from qtest_client import STEPPED, Machine

RAM = 0x100000
MS, SECOND = 1_000_000, 1_000_000_000
RTC_INDEX, RTC_DATA = 0x70, 0x71
PIT_COUNT, PIT_MODE, PIT_HZ = 0x40, 0x43, 1193182
SERIAL = 0x3f8
IDE, IDE_CONTROL = 0x1f0, 0x3f6


def equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: {got!r}, expected {wanted!r}")


def needs_engine():
    if not STEPPED:
        raise Skip("this emulator has no -accel qtest")


# Commands --------------------------------------------------------------------------------------

def memory():
    with Machine() as m:
        m.writeb(RAM, 0x11)
        m.writew(RAM + 2, 0x2233)
        m.writel(RAM + 4, 0x44556677)
        m.writeq(RAM + 8, 0x8899aabbccddeeff)
        equal(m.read(RAM, 16).hex(), "110033227766554" "4ffeeddccbbaa9988", "bytes")
        equal([m.readb(RAM), m.readw(RAM + 2), m.readl(RAM + 4), m.readq(RAM + 8)],
              [0x11, 0x2233, 0x44556677, 0x8899aabbccddeeff], "values")
        m.writeb(RAM, 0x1234567)
        equal(m.readw(RAM), 0x67, "a byte that is too large")
        m.write(RAM, b"\xaa" * 8)
        m.ask(f"write {RAM:#x} 4 0x1122")
        equal(m.read(RAM, 6), b"\x11\x22\0\0\xaa\xaa", "short data")
        data = os.urandom(300_000)
        m.b64write(RAM, data)
        equal(m.b64read(RAM, len(data)), data, "base64")
        equal(m.read(RAM, len(data)), data, "hexadecimal")
        m.ask(f"memset {RAM:#x} 100000 0xa5")
        equal(m.read(RAM, 100001), b"\xa5" * 100000 + data[100000:100001], "memset")


def answers():
    with Machine() as m:
        for command, answer in (
                ("endianness", "little"), ("outb 0x80 0x12", ""), (f"writel {RAM} 0x12", ""),
                (f"readb {RAM}", "0x0000000000000012"), (f"read {RAM:#x} 2", "0x1200"),
                (f"b64read {RAM:#x} 3", "EgAA"), ("irq_intercept_in ioapic", ""), ("irq_intercept_in ioapic", "")):
            equal(m.ask(command), answer, command)
        m.outb(RTC_INDEX, 0x0a)
        equal(m.ask(f"inb {RTC_DATA}"), "0x0026", "inb")


def mistakes():
    needs_engine()
    with Machine() as m:
        for command, pattern in (
                ("bogus 1 2", r"^Unknown command 'bogus'$"), ("rtas x 1 2 3 4", "^Unknown command 'rtas'$"),
                ("module_load hw- ide", "no module 'hw-ide'"), ("irq_intercept_in nothing", "^Unknown device$"),
                ("set_irq_in ioapic unnamed-gpio-in 24 1", "Unknown input 24: ioapic has 24"),
                ("set_irq_in ioapic extra 1 1", "Unknown input 'extra'"), ("outb 0x80", "takes: PORT VALUE"),
                ("inb 0x10000", "the port is '0x10000', must be a number up to 0xffff"), ("inb", "takes: PORT"),
                ("writel zz 1", "the address is 'zz'"), ("read 0 0", "the size is 0, must be 1 to 0x1000000"),
                ("read 0xffffffffffffffff 2", "the size is 2, must be 1 to 0x1$"),
                ("read 0 0x1000001", "the size is '0x1000001'"), ("write 0 4 1122", "must be 0x and two"),
                ("write 0 2 0x11zz", "byte 1 is 'zz'"), ("memset 0 1 256", "the value is '256'"),
                ("clock_step -1", "the time is '-1'"), ("clock_step 9223372036854775808", "the time is"),
                ("", "an empty line"), ("endianness now", "takes: nothing")):
            m.refuses(command, pattern)
        m.sock.sendall(b"read 0 4" * 9_000_000)
        m.refuses("", "the line is too long")
        equal(m.ask("endianness"), "little", "after mistakes")


def other_engines_run():
    """With -accel tcg first the guest runs, and memory can be looked at."""
    with Machine(engine=("-accel", "tcg", "-accel", "qtest"), board="q35") as m:
        m.refuses("clock_step 1", "^Unknown command 'clock_step'$")
        m.until(lambda: m.read(0, 0x400) != b"\0" * 0x400, "the firmware's interrupt vectors")


def clock():
    needs_engine()
    with Machine() as m:
        equal(m.step(0), 0, "the beginning")
        equal(m.step(1500), 1500, "a step")
        equal(int(m.ask("clock_set 2000")), 2000, "clock_set")
        equal(int(m.ask("clock_set 10")), 2000, "clock_set does not go back")
        m.watch("ioapic")
        m.outb(PIT_MODE, 0x30)                  # one interrupt at the end of the count
        m.outb(PIT_COUNT, 0xff)
        m.outb(PIT_COUNT, 0xff)
        now = m.step()
        if not 0 < now - 0xffff * SECOND // PIT_HZ < 10_000:
            raise Failed(f"the next timer is at {now}")
        equal(m.irqs, {0: True}, "lines")


def log_and_monitor():
    needs_engine()
    scratch = Scratch()
    log, socket_path = scratch.path("qtest.log"), scratch.path("qmp.sock")
    with Machine("-qmp", f"unix:{socket_path},server=on,wait=off", "-smp", "2", log=log) as m:
        q = Qmp(socket_path).negotiate()
        m.ask("clock_step 1000")
        m.refuses("bogus", "Unknown")
        equal(q.run("query-status")["status"], "running", "state")
        equal(len(q.run("query-cpus-fast")), 2, "CPUs")
        registers = q.run("human-monitor-command", command_line="info registers")
        if "RIP=000000000000fff0" not in registers and "EIP=0000fff0" not in registers:
            raise Failed(f"the CPU has run: {registers}")
        q.run("system_reset")
        q.event("RESET")
        q.run("quit")
        equal(m.process.finish(30), 0, "status")
    with open(log, encoding="utf-8") as file:
        text = file.read()
    for part in ("[I 0.000000] OPENED\n[R +0.", "] clock_step 1000\n", "] OK 1000\n", "] FAIL Unknown command 'bogus'\n"):
        if part not in text:
            raise Failed(f"no {part!r} in the log:\n{text}")


# Devices ---------------------------------------------------------------------------------------

def rtc():
    needs_engine()
    with Machine("-rtc", "base=2024-02-29T23:59:58") as m:
        def cmos(reg):
            m.outb(RTC_INDEX, reg)
            return m.inb(RTC_DATA)
        m.watch("ioapic")
        equal([cmos(reg) for reg in (9, 8, 7, 4, 2, 0)], [0x24, 0x02, 0x29, 0x23, 0x59, 0x58], "the time")
        m.step(2 * SECOND)
        equal([cmos(reg) for reg in (9, 8, 7, 4, 2, 0)], [0x24, 0x03, 0x01, 0, 0, 0], "two seconds later")
        m.outb(RTC_INDEX, 0x0a)
        m.outb(RTC_DATA, 0x26)                  # 1024 Hz
        m.outb(RTC_INDEX, 0x0b)
        m.outb(RTC_DATA, 0x42)                  # periodic interrupt, 24 h
        m.step(5 * MS)
        equal(m.edges, {8: 1}, "nobody acknowledged")
        equal(cmos(0x0c) & 0xc0, 0xc0, "register C")
        equal(m.irqs, {8: False}, "acknowledged")


def pit():
    needs_engine()
    with Machine() as m:
        m.watch("isa-pit", "out")
        m.outb(PIT_MODE, 0x34)
        m.outb(PIT_COUNT, 1193 & 0xff)
        m.outb(PIT_COUNT, 1193 >> 8)            # 1000 Hz
        m.step(100 * MS)
        if not 99 <= m.edges.get(0, 0) <= 101:
            raise Failed(f"{m.edges} edges in 100 ms")
        m.outb(PIT_MODE, 0xe2)                  # read back status of channel 0
        equal(m.inb(PIT_COUNT) & 0x3f, 0x34, "mode")


def serial():
    scratch = Scratch()
    path = scratch.path("serial")
    with Machine("-serial", f"file:{path}") as m:
        if STEPPED:
            m.watch("ioapic")
        m.outb(SERIAL + 4, 0x08)                # OUT2 lets interrupts through
        m.outb(SERIAL + 1, 0x02)                # transmitter empty
        if STEPPED:
            equal(m.irqs.get(4), True, "IRQ 4")
        equal(m.inb(SERIAL + 2) & 0x0f, 0x02, "what interrupts")
        if STEPPED:
            equal(m.irqs.get(4), False, "IRQ 4, after a look at its reason")
        m.outb(SERIAL + 1, 0)
        for letter in b"hello":
            m.until(lambda: m.inb(SERIAL + 5) & 0x20, "an empty transmitter")
            m.outb(SERIAL, letter)
        m.until(lambda: os.path.getsize(path) == 5, "output")
    with open(path, "rb") as file:
        equal(file.read(), b"hello", "what was sent")


def ide():
    disk, scratch = os.urandom(512) + bytes(512 * 63), Scratch()
    path = scratch.path("disk", disk)
    with Machine("-drive", f"file={path},format=raw,if=ide") as m:
        if STEPPED:
            m.watch("ioapic")

        def command(value):
            m.outb(IDE + 7, value)
            m.until(lambda: m.inb(IDE_CONTROL) & 0x88 == 0x08, f"data of command {value:#x}")
            return struct.pack("<256H", *(m.inw(IDE) for _ in range(256)))
        m.pci_write(1, 4, 5, 2, function=1)     # what firmware does: ports, bus master
        m.outb(IDE_CONTROL, 0)
        m.outb(IDE + 6, 0xe0)
        identity = command(0xec)
        equal(struct.unpack_from("<I", identity, 120)[0], 64, "sectors")
        for reg, value in ((2, 1), (3, 0), (4, 0), (5, 0)):
            m.outb(IDE + reg, value)
        equal(command(0x20), disk[:512], "the first sector")
        if STEPPED:
            equal(m.edges[14] >= 2, True, "interrupts")


def virtio_disk():
    """A request through a split queue of a modern virtio-blk."""
    disk, scratch = os.urandom(2048), Scratch()
    path = scratch.path("disk", disk)
    with Machine("-drive", f"file={path},format=raw,if=none,id=d",
                 "-device", "virtio-blk-pci,drive=d,addr=4,disable-legacy=on") as m:
        equal(m.pci_read(4, 0), 0x10421af4, "ids")
        base, caps, at = m.pci_enable(4, 4), {}, m.pci_read(4, 0x34, 1)
        while at:
            if m.pci_read(4, at, 1) == 9:       # vendor: type, offset, multiplier
                caps.setdefault(m.pci_read(4, at + 3, 1), base + m.pci_read(4, at + 8))
            at = m.pci_read(4, at + 1, 1)
        common, notify, device = caps[1], caps[2], caps[4]
        for status in (0, 1, 3):
            m.writeb(common + 20, status)
        m.writel(common + 8, 1)
        m.writel(common + 12, 1)                # VIRTIO_F_VERSION_1
        m.writeb(common + 20, 11)
        equal(m.readb(common + 20), 11, "FEATURES_OK")
        equal(m.readq(device), 4, "capacity")
        table, avail, used, header, data = (RAM + 0x1000 * n for n in range(5))
        m.writew(common + 22, 0)
        m.writew(common + 24, 16)
        for reg, value in ((32, table), (40, avail), (48, used)):
            m.writel(common + reg, value)
            m.writel(common + reg + 4, 0)
        m.writew(common + 28, 1)
        m.writeb(common + 20, 15)
        m.write(header, struct.pack("<IIQ", 0, 0, 1))   # read sector 1
        m.write(table, struct.pack("<QIHHQIHHQIHH", header, 16, 1, 1, data, 1024, 3, 2, data + 1024, 1, 2, 0))
        m.write(avail, struct.pack("<HHH", 0, 1, 0))
        m.writew(notify, 0)
        m.until(lambda: m.readw(used + 2) == 1, "the used element")
        equal(m.read(data, 1025), disk[512:1536] + b"\0", "data and status")
        equal(struct.unpack("<II", m.read(used + 4, 8)), (0, 1025), "the used element")


def edu():
    needs_engine()
    with Machine("-device", "edu,addr=5") as m:
        bar = m.pci_enable(5, 0)
        m.writel(bar + 4, 0x12345678)
        equal(m.readl(bar + 4), 0xedcba987, "liveness")
        m.writel(bar + 0x20, 0x80)
        m.writel(bar + 8, 10)
        m.step(SECOND)
        equal(m.readl(bar + 8), 3628800, "10!")
        equal(m.readl(bar + 0x24), 1, "its interrupt")


def watchdog(device, start):
    """Its machine is reset, and QMP is told."""
    needs_engine()
    scratch = Scratch()
    path = scratch.path("qmp.sock")
    with Machine("-device", device, "-qmp", f"unix:{path},server=on,wait=off") as m:
        q = Qmp(path).negotiate()
        ends = start(m)
        m.step(ends - SECOND)
        equal(q.run("query-status")["status"], "running", "before")
        equal(q.events, [], "events before")
        m.step(2 * SECOND)
        equal(q.event("WATCHDOG"), {"action": "reset"}, "event")
        equal(q.event("RESET")["reason"], "guest-reset", "reset")
        q.run("watchdog-set-action", action="pause")
        m.step(ends - SECOND)
        start(m)
        m.step(ends + SECOND)
        equal(q.event("WATCHDOG"), {"action": "pause"}, "event")
        q.event("STOP")
        equal(q.run("query-status"), {"running": False, "singlestep": False, "status": "watchdog"}, "state")
        q.run("cont")
        equal(q.run("query-status")["status"], "running", "state")


def start_ib700(m):
    m.outb(0x443, 0x0a)
    return 10 * SECOND


def start_i6300esb(m):
    bar = m.pci_enable(6, 0)

    def unlocked(reg, value):
        m.writew(bar + 0xc, 0x80)
        m.writew(bar + 0xc, 0x86)
        m.writel(bar + reg, value)
    m.pci_write(6, 0x60, 3, 2)
    unlocked(0, 5 << 10)
    unlocked(4, 5 << 10)
    m.pci_write(6, 0x68, 2, 1)
    return 2 * (5 << 10 << 15) * SECOND // 33_000_000


TESTS = (
    ("memory is written and read", memory),
    ("answers are libqtest's", answers),
    ("mistakes are refused, and the test goes on", mistakes),
    ("-accel tcg runs, and -qtest looks at it", other_engines_run),
    ("the clock moves by command", clock),
    ("the log, QMP beside it, CPUs that do not run", log_and_monitor),
    ("mc146818rtc", rtc),
    ("i8254", pit),
    ("16550", serial),
    ("IDE", ide),
    ("virtio-blk-pci", virtio_disk),
    ("edu", edu),
    ("ib700", lambda: watchdog("ib700", start_ib700)),
    ("i6300esb", lambda: watchdog("i6300esb,addr=6", start_i6300esb)),
)

if __name__ == "__main__":
    sys.exit(tap(TESTS))
