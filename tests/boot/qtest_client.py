# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that a test drives through -qtest: ports, memory, interrupt lines and the clock, without a CPU.

    with Machine("-device", "edu,addr=5") as m:
        bar = m.pci_enable(5, 0)
        m.writel(bar + 8, 10)
"""
import base64
import os
import re
import socket
import time

from boot import RHEA, SLOW, Failed, Run, Scratch

TIMEOUT = 60
PCI_ADDRESS, PCI_DATA = 0xcf8, 0xcfc
PCI_COMMAND, PCI_BAR = 0x04, 0x10
PCI_ENABLE = 0x07               # ports, memory, bus master
MEMORY_BASE, PORT_BASE = 0xe0000000, 0xc000
STEPPED = "rhea" in os.path.basename(RHEA)  # other emulators may be built without the engine


class Refused(Exception):
    """The answer was FAIL."""


class Machine:
    def __init__(self, *args, board="pc", log="none", engine=None):
        self.scratch = Scratch()
        path = self.scratch.path("qtest.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(TIMEOUT * SLOW)
        self.stepped = STEPPED and not engine
        engine = engine or (("-accel", "qtest") if STEPPED else ("-accel", "tcg", "-S"))
        self.process = Run(["-M", board, *engine, "-qtest", f"unix:{path}", "-qtest-log", log, "-nodefaults",
                            "-display", "none", *args])
        try:
            self.sock = listener.accept()[0]
        except socket.timeout:
            self.process.pump(0)
            self.process.fail("did not connect to the test")
        finally:
            listener.close()
        self.sock.settimeout(TIMEOUT * SLOW)
        self.data = b""
        self.irqs = {}          # level of each line that was told of
        self.edges = {}         # how often it rose

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.sock.close()
        self.process.__exit__()

    # Lines -----------------------------------------------------------------------------------

    def line(self):
        while b"\n" not in self.data:
            try:
                chunk = self.sock.recv(1 << 20)
            except socket.timeout:
                chunk = b""
            if not chunk:
                self.process.pump(0)
                self.process.fail(f"the test's connection ended or hangs; got {self.data[-200:]!r}")
            self.data += chunk
        line, self.data = self.data.split(b"\n", 1)
        return line.decode()

    def ask(self, command):
        """What comes after OK; lines about interrupts before it are noted."""
        self.sock.sendall(command.encode() + b"\n")
        while True:
            line = self.line()
            irq = re.fullmatch(r"IRQ (raise|lower) (\d+)", line)
            if irq:
                number, level = int(irq.group(2)), irq.group(1) == "raise"
                self.irqs[number] = level
                self.edges[number] = self.edges.get(number, 0) + level
            elif line.startswith("FAIL"):
                raise Refused(line[5:])
            elif line == "OK" or line.startswith("OK "):
                return line[3:]
            else:
                raise Failed(f"'{command}' was answered with '{line}'")

    def refuses(self, command, pattern):
        try:
            answer = self.ask(command)
        except Refused as refused:
            if not re.search(pattern, str(refused)):
                raise Failed(f"'{command[:80]}': FAIL {refused}, expected '{pattern}'") from None
            return
        raise Failed(f"'{command[:80]}' must fail, was answered with '{answer[:80]}'")

    # Ports and memory ------------------------------------------------------------------------

    def inb(self, port):
        return int(self.ask(f"inb {port:#x}"), 16)

    def inw(self, port):
        return int(self.ask(f"inw {port:#x}"), 16)

    def inl(self, port):
        return int(self.ask(f"inl {port:#x}"), 16)

    def outb(self, port, value):
        self.ask(f"outb {port:#x} {value:#x}")

    def outw(self, port, value):
        self.ask(f"outw {port:#x} {value:#x}")

    def outl(self, port, value):
        self.ask(f"outl {port:#x} {value:#x}")

    def readb(self, addr):
        return int(self.ask(f"readb {addr:#x}"), 16)

    def readw(self, addr):
        return int(self.ask(f"readw {addr:#x}"), 16)

    def readl(self, addr):
        return int(self.ask(f"readl {addr:#x}"), 16)

    def readq(self, addr):
        return int(self.ask(f"readq {addr:#x}"), 16)

    def writeb(self, addr, value):
        self.ask(f"writeb {addr:#x} {value:#x}")

    def writew(self, addr, value):
        self.ask(f"writew {addr:#x} {value:#x}")

    def writel(self, addr, value):
        self.ask(f"writel {addr:#x} {value:#x}")

    def writeq(self, addr, value):
        self.ask(f"writeq {addr:#x} {value:#x}")

    def read(self, addr, size):
        return bytes.fromhex(self.ask(f"read {addr:#x} {size}")[2:])

    def write(self, addr, data):
        self.ask(f"write {addr:#x} {len(data)} 0x{data.hex()}")

    def b64read(self, addr, size):
        return base64.b64decode(self.ask(f"b64read {addr:#x} {size}"))

    def b64write(self, addr, data):
        self.ask(f"b64write {addr:#x} {len(data)} {base64.b64encode(data).decode()}")

    # The clock and lines ---------------------------------------------------------------------

    def step(self, ns=None):
        """Virtual time after a step, or after the next timer."""
        return int(self.ask("clock_step" if ns is None else f"clock_step {ns}"))

    def watch(self, device, way="in"):
        self.ask(f"irq_intercept_{way} {device}")

    def until(self, condition, what, ns=10_000_000):
        """Steps until it holds: what the host does meanwhile takes its own time."""
        for _ in range(int(3000 * SLOW)):
            if condition():
                return
            if self.stepped:
                self.step(ns)
            else:
                time.sleep(0.01)
        raise Failed(f"{what} did not come")

    # PCI -------------------------------------------------------------------------------------

    def pci_read(self, slot, reg, size=4, function=0):
        self.outl(PCI_ADDRESS, 0x80000000 | slot << 11 | function << 8 | (reg & 0xfc))
        return {1: self.inb, 2: self.inw, 4: self.inl}[size](PCI_DATA + (reg & 3))

    def pci_write(self, slot, reg, value, size=4, function=0):
        self.outl(PCI_ADDRESS, 0x80000000 | slot << 11 | function << 8 | (reg & 0xfc))
        {1: self.outb, 2: self.outw, 4: self.outl}[size](PCI_DATA + (reg & 3), value)

    def pci_enable(self, slot, bar):
        """Puts a BAR somewhere and switches the device on; where it is."""
        reg = PCI_BAR + 4 * bar
        ports = self.pci_read(slot, reg) & 1
        base = PORT_BASE + 0x100 * slot if ports else MEMORY_BASE + 0x1000000 * slot + 0x100000 * bar
        self.pci_write(slot, reg, base)
        self.pci_write(slot, PCI_COMMAND, PCI_ENABLE, 2)
        return base
