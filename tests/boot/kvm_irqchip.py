#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Interrupts under -accel kvm, by kvm_irqchip_guest.c: controllers in the kernel, in part and not at all; eventfds that
spare exits; nothing that spins; a machine that goes on under another engine; breakpoints; dirty rings.  Processors that
interrupt each other are kvm_smp_guest.c's.

What this host's /dev/kvm cannot do is left to tests/device/kvm_irqchip_test.c, which has a model of the kernel.
"""
import os
import re
import subprocess
import sys
import time

from boot import HERE, RHEA, SLOW, Failed, Run, Scratch, Skip, main
from qmp_client import connect

TIMEOUT = 60
SCRATCH = Scratch()
RNG = "virtio-rng-pci,disable-legacy=on"
MODES = ("on", "split", "off")
# One that every engine has all of.
CPU = "pentium3,check=off" + "".join(f",-{f}" for f in (
    "x2apic", "kvmclock", "kvm-nopiodelay", "kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi", "kvmclock-stable-bit"))


def need_kvm():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as why:
        raise Skip(f"/dev/kvm: {why.strerror}") from None


def guest(*defines):
    """The guest's image, and where step() is; with CPUS=N that of several processors."""
    name = "guest" + "".join(defines).replace("=", "")
    source = "kvm_smp_guest.c" if any(d.startswith("CPUS=") for d in defines) else "kvm_irqchip_guest.c"
    elf, obj = SCRATCH.path(name + ".elf"), SCRATCH.path(name + ".o")
    if not os.path.exists(elf):
        for command in (["gcc", "-m32", "-O1", "-ffreestanding", "-fno-pic", "-fno-pie", "-fno-stack-protector",
                         "-mno-sse", "-mno-mmx", "-nostdlib", *(f"-D{d}" for d in defines), "-c", "-o", obj,
                         os.path.join(HERE, source)],
                        ["ld", "-m", "elf_i386", "-n", "-Ttext=0x101000", "--section-start=.multiboot=0x100000",
                         "--no-warn-rwx-segments", "-o", elf, obj]):
            try:
                done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            except FileNotFoundError:
                raise Skip(f"no {command[0]}") from None
            if done.returncode != 0:
                raise Failed(f"{' '.join(command)}: {done.stderr}")
    symbols = subprocess.run(["nm", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    step = re.search(r"(\w+) T step$", symbols, re.M)
    return elf, int(step.group(1), 16) if step else None


class Machine(Run):
    """One with the guest, its monitor on standard output, its serial port in a file."""

    def __init__(self, accel, *args, defines=(), rng=RNG, kernel=True):
        self.serial = SCRATCH.path(f"serial{len(os.listdir(SCRATCH.folder.name))}", b"")
        image = ["-kernel", guest(*defines)[0]] if kernel else []
        super().__init__(["-accel", accel, "-m", "16", "-vga", "none", "-display", "none", "-monitor", "stdio",
                          "-net", "none", "-serial", f"file:{self.serial}", *image, "-device", rng, *args])

    def printed(self):
        with open(self.serial, encoding="latin-1") as file:
            return file.read()

    def wait_printed(self, pattern, timeout=TIMEOUT):
        end = time.monotonic() + timeout * SLOW
        while not re.search(pattern, self.printed()):
            if not self.pump(0.1):
                self.fail("ended")
            if time.monotonic() > end:
                self.fail(f"the guest printed '{self.printed()}', not '{pattern}'")

    def ask(self, line):
        """A line to the monitor, and its answer."""
        start = self.expect(r"\(qemu\) ", TIMEOUT, getattr(self, "asked", 0))
        self.type(line + "\n")
        end = self.expect(r"\(qemu\) ", TIMEOUT, start)
        self.asked = end - len("(qemu) ")
        return self.output[start:self.asked]

    def counts(self):
        """`info kvm` of the first CPU and of the machine, by name."""
        text = self.ask("info kvm")
        return {name.strip(): int(n) for name, n in re.findall(r"([a-zA-Z/ ]+?) (\d+)(?=[,\n\r])", text)} | \
            {"writes": int(re.search(r"eventfds: (\d+)", text).group(1)),
             "interrupts": int(re.search(r"(\d+) of interrupts", text).group(1))}


def expect(condition, text):
    if not condition:
        raise Failed(text)


def interrupts(accel, *args):
    def test():
        need_kvm()
        with Machine(accel, *args) as m:
            m.wait_printed(r"PLIR\.\.\.")
            expect("!" not in m.printed(), f"an interrupt that nobody asked for: {m.printed()}")
    return test


def no_exits():
    """A thousand requests: notifications and interrupts both by eventfd."""
    need_kvm()
    with Machine("kvm,kernel-irqchip=on") as m:
        m.wait_printed(r"PLIR\.")
        n = m.counts()
    expect(n["memory I/O"] < 200 and n["port I/O"] < 500, f"exits for each notification: {n}")
    expect(n["messages sent"] < 20 and n["interrupts injected"] == 0, f"a call for each interrupt: {n}")
    expect(n["writes"] >= 1 and n["interrupts"] >= 1, f"no eventfds: {n}")


def exits_without():
    """The same without: the counters count."""
    need_kvm()
    with Machine("kvm,kernel-irqchip=on", rng=RNG + ",ioeventfd=off") as m:
        m.wait_printed(r"PLIR\.")
        n = m.counts()
    expect(n["memory I/O"] >= 1000 and n["writes"] == 0, f"notifications of 1000 requests made no exits: {n}")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def idle(mode):
    """A halted guest: no entries into it, and less of the processor than a loop would take."""
    def test():
        need_kvm()
        with Machine(f"kvm,kernel-irqchip={mode}", defines=("IDLE", "ROUNDS=10")) as m:
            m.wait_printed("R")
            m.ask("info status")
            before, ticks = m.counts(), cpu_ticks(m.child.pid)
            time.sleep(3)
            after, ticks = m.counts(), cpu_ticks(m.child.pid) - ticks
        expect(after["entries"] - before["entries"] < 5, f"entries while idle: {before} {after}")
        expect(ticks < 1.5 * os.sysconf("SC_CLK_TCK"), f"{ticks} ticks of the processor in 3 s")
    return test


def kernel_ticks():
    """With the 8254 in the kernel its hundred ticks a second take no port I/O of ours, and no injection."""
    need_kvm()
    with Machine("kvm,kernel-irqchip=on", defines=("ROUNDS=10",)) as m:
        m.wait_printed(r"R\.")
        before, dots = m.counts(), m.printed().count(".")
        m.wait_printed(r"\.{%d}" % (dots + 8))
        after = m.counts()
    expect(after["port I/O"] - before["port I/O"] < 40, f"exits for ticks: {before} {after}")
    expect(after["interrupts injected"] == 0, f"injected: {after}")


def moves(first, second):
    """Saved under one engine, it goes on under the other."""
    def test():
        need_kvm()
        file = SCRATCH.path(f"moved{len(os.listdir(SCRATCH.folder.name))}")
        with Machine(first, "-cpu", CPU, defines=("ROUNDS=10",)) as m:
            m.wait_printed(r"R\.\.")
            migrate(m, f"file:{file}")
        with Machine(second, "-cpu", CPU, "-incoming", f"file:{file}", defines=("ROUNDS=10",)) as m:
            m.wait_printed(r"\.\.\.\.")     # ticks, and a request each
            expect("!" not in m.printed(), m.printed())
            lapic = m.ask("info lapic")
            expect("APIC enabled" in lapic, lapic)
    return test


def smp(accel, cpus):
    """Processors that interrupt each other, one by one and all at once, and halt in between."""
    def test():
        need_kvm()
        with Machine(accel, "-smp", str(cpus), defines=(f"CPUS={cpus}",)) as m:
            m.wait_printed(r"A\.{20}")
            expect("!" not in m.printed(), f"an interrupt that nobody sent: {m.printed()}")
    return test


def migrate(m, uri):
    m.ask(f"migrate -d {uri}")
    text = m.ask("info migrate")
    while "completed" not in text:
        expect("failed" not in text, text)
        time.sleep(0.2)
        text = m.ask("info migrate")


def smp_moves(*accels):
    """From engine to engine, and by snapshots, while interrupts are under way: the guest ends with the first that is
    lost."""
    def test():
        need_kvm()
        disk = SCRATCH.path(f"smp{len(os.listdir(SCRATCH.folder.name))}.qcow2")
        subprocess.run([os.path.join(os.path.dirname(RHEA), "rhea-img"), "create", "-q", "-f", "qcow2", disk, "16M"],
                       check=True)
        incoming = []
        for n, accel in enumerate(accels):
            with Machine(accel, "-cpu", CPU, "-smp", "2", "-drive", f"file={disk},if=none,id=d", *incoming,
                         defines=("CPUS=2",)) as m:
                m.wait_printed(r"\.{4}")
                for name in "ab":
                    expect("Error" not in m.ask(f"savevm {name}"), m.output)
                    m.wait_printed(r"\.{%d}" % (m.printed().count(".") + 3))
                expect("Error" not in m.ask("loadvm a"), m.output)
                m.wait_printed(r"\.{%d}" % (m.printed().count(".") + 3))
                expect("!" not in m.printed(), m.printed())
                file = SCRATCH.path(f"{os.path.basename(disk)}.{n}")
                migrate(m, f"file:{file}")
                incoming = ["-incoming", f"file:{file}"]
    return test


def standstill():
    """Stopped and continued again and again: nothing is lost on the way between the kernel's chips and ours."""
    need_kvm()
    with Machine("kvm,kernel-irqchip=on") as m:
        for _ in range(20):
            m.ask("stop")
            m.ask("cont")
            time.sleep(0.02)
        m.wait_printed(r"PLIR\.\.\.")


def nmi():
    need_kvm()
    with Machine("kvm", defines=("ROUNDS=10",)) as m:
        m.wait_printed(r"R\.")
        m.ask("nmi")
        m.wait_printed("!")


def chips_are_shown():
    """`info pic` of a machine that runs reads the kernel's."""
    need_kvm()
    with Machine("kvm,kernel-irqchip=on", defines=("ROUNDS=10",)) as m:
        m.wait_printed(r"R\.")
        text = m.ask("info pic")
        expect(re.search(r"pic0: irr=\w\w imr=fe .* irq_base=20", text), text)
        expect(re.search(r"pin 2 .*vec=64 .*masked", text), text)
        text = m.ask("info lapic")
        expect("0x000001ff APIC enabled" in text and re.search(r"LVTT.*periodic.*vec 72", text), text)


def policy():
    need_kvm()
    with Machine("kvm", "-global", "kvm-pit.lost_tick_policy=slew") as m:
        expect(m.finish(TIMEOUT) == 1 and "must be delay or discard" in m.output, m.output)


class Gdb:
    """A client of -gdb that knows packets only."""

    def __init__(self, path):
        self.socket = connect(path)
        self.socket.settimeout(TIMEOUT * SLOW)
        self.data = b""

    def send(self, packet):
        self.socket.sendall(b"$%s#%02x" % (packet.encode(), sum(packet.encode()) & 255))

    def receive(self):
        while not re.search(rb"\$[^#]*#..", self.data):
            more = self.socket.recv(4096)
            if not more:
                raise Failed("gdb's connection ended")
            self.data += more
        match = re.search(rb"\$([^#]*)#..", self.data)
        self.data = self.data[match.end():]
        self.socket.sendall(b"+")
        return match.group(1).decode()

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def pc(self):
        """EIP or RIP by the whole set of registers."""
        regs = self.ask("g")
        if len(regs) > 600:     # 64-bit: 16 registers of 8 bytes come first
            return int.from_bytes(bytes.fromhex(regs[256:272]), "little")
        return int.from_bytes(bytes.fromhex(regs[64:72]), "little")


def debugger(mode):
    """Breakpoints in registers, more of them than there are, single steps."""
    def test():
        need_kvm()
        _, step = guest("ROUNDS=10")
        path = SCRATCH.path(f"gdb-{mode}")
        with Machine(f"kvm,kernel-irqchip={mode}", "-gdb", f"unix:{path},server=on,wait=off", "-S",
                     defines=("ROUNDS=10",)) as m:
            m.expect(r"\(qemu\) ", TIMEOUT)
            gdb = Gdb(path)
            gdb.ask("?")
            expect(gdb.ask(f"Z1,{step:x},1") == "OK", "no hardware breakpoint")
            for _ in range(2):
                reply = gdb.ask("c")
                expect(reply.startswith("T05"), reply)
                expect(gdb.pc() == step, f"stopped at {gdb.pc():x}, not at {step:x}")
                gdb.ask(f"z1,{step:x},1")
                reply = gdb.ask("s")
                expect(reply.startswith("T05") and gdb.pc() != step, f"{reply}: no step from {step:x}")
                gdb.ask(f"Z1,{step:x},1")
            for n in range(4):
                expect(gdb.ask(f"Z0,{0x900000 + n:x},1") == "OK", "no breakpoint beyond the registers")
            reply = gdb.ask("c")
            expect(gdb.pc() == step, f"with five breakpoints: {reply} at {gdb.pc():x}, not at {step:x}")
            for n in range(4):
                gdb.ask(f"z0,{0x900000 + n:x},1")
                expect(gdb.ask(f"Z2,{0x800000 + 4 * n:x},4") == "OK", "no watchpoint")
            expect(gdb.ask("Z2,800010,4").startswith("E"), "a fifth watchpoint was taken")
            expect(gdb.ask("D") == "OK", "no detach")
            dots = m.printed().count(".")
            m.wait_printed(r"\.{%d}" % (dots + 2))
    return test


def dirty_ring():
    """A machine that runs while it is sent, its pages by the ring, goes on."""
    need_kvm()
    file = SCRATCH.path("ring")
    with Machine("kvm,dirty-ring-size=1024", "-cpu", CPU, defines=("ROUNDS=10",)) as m:
        m.wait_printed(r"R\.")
        m.ask("migrate_set_parameter max-bandwidth 64k")
        m.ask(f"migrate -d file:{file}")
        m.wait_printed(r"\.{%d}" % (m.printed().count(".") + 2))    # the guest writes meanwhile
        m.ask("migrate_set_parameter max-bandwidth 1G")
        text = m.ask("info migrate")
        while "completed" not in text:
            expect("failed" not in text, text)
            time.sleep(0.2)
            text = m.ask("info migrate")
        n = m.counts()
    expect(n["pages by dirty rings"] > 0, f"none came by the ring: {n}")
    with Machine("kvm", "-cpu", CPU, "-incoming", f"file:{file}", defines=("ROUNDS=10",)) as m:
        m.wait_printed(r"\.\.\.\.")


def wrong_ring():
    need_kvm()
    with Machine("kvm,dirty-ring-size=1073741824") as m:
        expect(m.finish(TIMEOUT) == 1 and "dirty-ring-size" in m.output, m.output)


TESTS = [
    *((f"interrupts with kernel-irqchip={mode}", interrupts(f"kvm,kernel-irqchip={mode}")) for mode in MODES),
    ("interrupts on q35", interrupts("kvm", "-M", "q35")),
    ("interrupts while ticks are discarded", interrupts("kvm", "-global", "kvm-pit.lost_tick_policy=discard")),
    ("notifications and interrupts by eventfd take no exit", no_exits),
    ("without eventfds they do", exits_without),
    ("ticks of the kernel's 8254 take none", kernel_ticks),
    *((f"nothing spins while the guest is idle, kernel-irqchip={mode}", idle(mode)) for mode in MODES),
    *((f"four processors interrupt each other, kernel-irqchip={mode}", smp(f"kvm,kernel-irqchip={mode}", 4))
      for mode in MODES),
    ("two processors go from kvm to tcg and back",
     smp_moves("kvm,kernel-irqchip=on", "tcg", "kvm,kernel-irqchip=on")),
    ("two processors go from split to off and back",
     smp_moves("kvm,kernel-irqchip=split", "kvm,kernel-irqchip=off", "kvm,kernel-irqchip=split")),
    ("stop and cont lose nothing", standstill),
    ("info pic and info lapic show the kernel's chips", chips_are_shown),
    ("nmi", nmi),
    ("lost_tick_policy is checked", policy),
    ("from kvm to tcg", moves("kvm,kernel-irqchip=on", "tcg")),
    ("from tcg to kvm", moves("tcg", "kvm,kernel-irqchip=on")),
    ("from split to full", moves("kvm,kernel-irqchip=split", "kvm,kernel-irqchip=on")),
    ("from full to off", moves("kvm,kernel-irqchip=on", "kvm,kernel-irqchip=off")),
    ("a debugger, kernel-irqchip=on", debugger("on")),
    ("a debugger, kernel-irqchip=off", debugger("off")),
    ("dirty rings", dirty_ring),
    ("dirty-ring-size is checked", wrong_ring),
]

if __name__ == "__main__":
    sys.exit(main(TESTS))
