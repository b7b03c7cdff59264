#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests by /dev/kvm: firmware and GRUB look as they do by the interpreter; a machine goes from one engine to the
other and back, and is reset; an instruction that the kernel refuses is completed; who waits does not spin.

A KVM without hardware below it (docs/kvm.md) emulates each instruction, a million a second: what needs more is
skipped there. Without arguments a short list, for 'make check'; with --all every row, GRUB's menu among them, which takes
such a KVM minutes; with words those whose name has one."""
import functools
import os
import re
import subprocess
import sys
import time

from boot import Failed, RHEA, Run, Scratch, Skip, guest_file, tap
from firmware import need_bios
from machine import Machine
from screen import Screen

TIMEOUT = 60
PATIENCE = 500
KVM, TCG = ["-accel", "kvm"], ["-accel", "tcg"]
# With the interrupt controllers of the kernel, where it has some, and without.
IRQCHIPS = (("", KVM), (" without an irqchip in the kernel", ["-accel", "kvm,kernel-irqchip=off"]))
# What KVM alone can give a CPU, and the rest that engines do not have in common.
KVM_FEATURES = ("kvmclock", "kvm-nopiodelay", "kvm-mmu", "kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi",
                "kvm-pv-unhalt", "kvm-pv-tlb-flush", "kvm-asyncpf-vmexit", "kvm-pv-ipi", "kvm-poll-control",
                "kvm-pv-sched-yield", "kvm-asyncpf-int", "kvm-msi-ext-dest-id", "kvmclock-stable-bit", "x2apic", "sse3")
CPU = ["-cpu", "qemu64," + ",".join("-" + f for f in KVM_FEATURES)]


def need_kvm():
    """Skips with the emulator's own words where it cannot use KVM."""
    done = subprocess.run([RHEA, "-accel", "kvm", "-M", "none", "-display", "none", "-S", "-monitor", "stdio"],
                          input="quit\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    if done.returncode != 0:
        raise Skip(done.stdout.strip().splitlines()[-1])
    try:
        with open("/dev/kvm", "r+b", buffering=0):
            pass
    except OSError as error:
        raise Skip(f"/dev/kvm: {error.strerror}") from error


def has_hardware():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        return re.search(r"^flags\s*:.*\b(vmx|svm)\b", info.read(), re.M) is not None


# Screens -----------------------------------------------------------------------------------------

def picture(screen, name):
    path = screen.scratch.path(name)
    screen.monitor(f"screendump {path}")
    with open(path, "rb") as file:
        return file.read()


def boot(accel, args, pattern, key):
    """The text and the picture that the screen shows once it has the pattern, and the key then made it stand still."""
    with Screen([*accel, *CPU, "-m", "16", "-nic", "none", *args]) as screen:
        screen.scratch = Scratch()
        screen.see(pattern, PATIENCE)
        if key:
            screen.monitor(f"sendkey {key[0]}")
            screen.see(key[1], PATIENCE)
        text = None
        while text != screen.monitor("screentext"):     # it is drawn to the end
            text = screen.monitor("screentext")
            screen.pump(3)
        data = picture(screen, "shot.ppm")
        if accel == KVM:
            said = screen.monitor("info kvm")
            if "kvm support: enabled" not in said or not re.search(r"entries [1-9]", said):
                raise Failed(f"'info kvm' said: {said}")
        return text, data


def same_picture(args, pattern, key=None):
    """A row: what KVM shows is what the interpreter shows, to the pixel but for the cursor, which blinks."""
    def test():
        need_bios()
        need_kvm()
        found = [guest_file("grub") if a == "GRUB" else a for a in args]
        wanted, pixels = boot(TCG, found, pattern, key)
        got, shown = boot(KVM, found, pattern, key)
        if got != wanted:
            raise Failed(f"KVM shows:\n{got}\nand the interpreter:\n{wanted}")
        if len(pixels) != len(shown):
            raise Failed("the pictures have different sizes")
        differ = sum(a != b for a, b in zip(pixels, shown))
        if differ > 9 * 16 * 3:         # one character
            raise Failed(f"{differ} bytes of the pictures differ")
    return test


# From engine to engine ---------------------------------------------------------------------------

class Guest:
    """The guest that writes to its memory and knows what must be in it."""

    def __init__(self):
        self.scratch = Scratch()
        self.args = ["-display", "none", "-m", "8", "-serial", "stdio", *CPU, "-kernel",
                     self.scratch.assemble("guest.S"), "-append", "m"]

    def machine(self, *more):
        return Machine(self.scratch, [*self.args, *more])


def dots(machine, count):
    machine.catch_up()
    start = len(machine.output)
    machine.expect(r"\.{%d}" % count, TIMEOUT, start)
    if "WRONG" in machine.output:
        machine.fail("memory is another one")


def end(machine):
    machine.monitor.sendall(b"quit\n")
    if machine.finish(TIMEOUT) != 0:
        machine.fail("exit status is not 0")
    machine.close()


def hops(kvm):
    """While it runs, over a socket: every page that KVM's guest writes meanwhile must arrive."""
    need_kvm()
    guest = Guest()
    uri = "unix:" + guest.scratch.path("socket")
    machine = guest.machine(*kvm)
    try:
        dots(machine, 5)
        for accel in (TCG, kvm, kvm, TCG):
            new = guest.machine(*accel, "-incoming", "defer")
            new.must_say("migrate_incoming " + uri)
            machine.must_say("migrate " + uri)
            new.wait_for("info status", "running")
            dots(new, 5)
            end(machine)
            machine = new
        end(machine)
    finally:
        machine.__exit__()


def snapshots(kvm):
    """savevm by one engine, -loadvm by the other; twice."""
    need_kvm()
    guest = Guest()
    image = guest.scratch.path("state.qcow2")
    subprocess.run([os.path.join(os.path.dirname(RHEA), "rhea-img"), "create", "-q", "-f", "qcow2", image, "16M"],
                   check=True)
    drive = ["-drive", f"file={image},if=none,id=d"]
    loads = []
    for accel in (kvm, TCG, kvm, TCG):
        with guest.machine(*accel, *drive, *loads) as machine:
            dots(machine, 3)
            machine.must_say("savevm s")
            dots(machine, 3)
            machine.must_say("loadvm s")
            dots(machine, 3)
            end(machine)
        loads = ["-loadvm", "s"]


def registers(kvm):
    """What a monitor sees of a guest that stands still does not depend on the engine, nor on having looked."""
    need_kvm()
    guest = Guest()
    uri = "exec:cat > " + guest.scratch.path("saved")
    with guest.machine(*kvm) as machine:
        dots(machine, 2)
        machine.must_say("stop")
        seen = machine.command("info registers")
        if machine.command("info registers") != seen:
            machine.fail("the registers of a stopped guest change")
        machine.must_say("migrate " + uri)
        machine.wait_for("info status", "postmigrate")
        end(machine)
    with guest.machine(*TCG, "-S", "-incoming", "exec:cat " + guest.scratch.path("saved")) as machine:
        machine.wait_for("info status", r"paused(?! \(inmigrate)|prelaunch")
        there = machine.command("info registers")
        if there != seen:
            machine.fail(f"by KVM:\n{seen}\nafter loading:\n{there}")
        end(machine)


# Instructions and time ---------------------------------------------------------------------------

REFUSED = """
        .long   0x1badb002, 0, -0x1badb002
        .globl  _start
_start: mov     $stack, %esp
        call    1f
1:      pop     %ebx                    # FBSTP's and BOUND's operands
        finit
        fldpi
        fbstp   number
        mov     number, %eax
        cmp     $3, %eax
        jne     bad
        mov     $5, %eax
        bound   %eax, limits
        mov     $0x10, %al
        jmp     out
bad:    mov     $0x11, %al
out:    out     %al, $0xf4
        hlt
        .data
number: .fill   10
limits: .long   0, 9
        .bss
        .space  4096
stack:
"""


def built(scratch, text):
    """The image of such a guest."""
    source = scratch.path("guest.S", text.encode())
    base = source[:-2]
    subprocess.run(["gcc", "-m32", "-c", "-o", base + ".o", source], check=True)
    subprocess.run(["ld", "-N", "-m", "elf_i386", "-Ttext=0x100000", "--no-warn-rwx-segments", "-o", base + ".elf",
                    base + ".o"], check=True, stderr=subprocess.DEVNULL)
    return base + ".elf"


def completed(kvm):
    """FBSTP and BOUND, which a kernel that emulates does not know: the interpreter goes on, and counts."""
    need_kvm()
    if has_hardware():
        raise Skip("this host's processor executes what its kernel cannot emulate")
    scratch = Scratch()
    log = scratch.path("log")
    done = subprocess.run([RHEA, *kvm, "-display", "none", "-m", "8", "-kernel", built(scratch, REFUSED), "-device",
                           "isa-debug-exit,iobase=0xf4,iosize=0x04", "-no-reboot", "-d", "accel", "-D", log],
                          timeout=TIMEOUT, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0x10 << 1 | 1:
        raise Failed(f"exit status is {done.returncode}")
    with open(log, encoding="utf-8") as file:
        if not re.search(r"the interpreter executes", file.read()):
            raise Failed("nothing was completed by the interpreter")


PAGING = """
        .long   0x1badb002, 0, -0x1badb002
        .globl  _start
_start: lidt    nothing                 # a fault ends it
        mov     $directory, %eax
        mov     %eax, %cr3
        mov     $0x10, %eax             # PSE
        mov     %eax, %cr4
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        mov     $0x10, %al
        out     %al, $0xf4
        hlt
        .data
nothing: .fill  6
        .align  4096
directory: .long 0x83                   # the first 4 MiB
        .fill   4092
"""


def paging(kvm):
    """32-bit paging: where a KVM without hardware does not have it, the triple fault is told of."""
    need_kvm()
    scratch = Scratch()
    done = subprocess.run([RHEA, *kvm, "-display", "none", "-m", "8", "-kernel", built(scratch, PAGING), "-device",
                           "isa-debug-exit,iobase=0xf4,iosize=0x04", "-no-reboot"],
                          timeout=TIMEOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    worked = done.returncode == 0x10 << 1 | 1
    if has_hardware() and not worked or ("met a triple fault" in done.stdout) == worked:
        raise Failed(f"exit status is {done.returncode}: {done.stdout}")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(kvm):
    """A halted guest: nobody runs."""
    need_kvm()
    guest = Guest()
    guest.args[-1] = "h"
    with guest.machine(*kvm) as machine:
        machine.expect("GUEST-STARTED", TIMEOUT)
        machine.wait_for("info registers", "HLT=1")
        before = cpu_seconds(machine.child.pid)
        time.sleep(3)
        used = cpu_seconds(machine.child.pid) - before
        if used > 1:
            machine.fail(f"{used:.1f} s of processor time in 3 s of idling")
        end(machine)


def resets(kvm):
    """By a triple fault, and by the monitor in the middle of its work."""
    need_kvm()
    guest = Guest()
    guest.args[-1] = "w"
    with guest.machine(*kvm) as machine:
        machine.expect("GUEST-STARTED", TIMEOUT)
        for _ in range(3):
            machine.catch_up()
            start = len(machine.output)
            machine.must_say("system_reset")
            machine.expect("GUEST-STARTED", TIMEOUT, start)
        end(machine)
    guest.args[-1] = "t"
    with Run([*guest.args, *kvm, "-no-reboot", "-monitor", "none"]) as machine:
        machine.expect("GUEST-STARTED", TIMEOUT)
        if machine.finish(TIMEOUT) != 0:
            machine.fail("exit status is not 0")


def stops(kvm):
    """stop and cont in the middle of a loop without an exit, which only a signal ends."""
    need_kvm()
    guest = Guest()
    guest.args[-1] = "w"
    with guest.machine(*kvm) as machine:
        machine.expect("GUEST-STARTED", TIMEOUT)
        for _ in range(20):
            machine.must_say("stop")
            machine.must_say("info status", "paused")
            machine.must_say("cont")
        end(machine)


BY_IRQCHIP = (
    ("live migration from engine to engine", hops),
    ("snapshots of one engine are the other's", snapshots),
    ("registers are the same after loading", registers),
    ("an instruction that the kernel refuses", completed),
    ("paging without long mode", paging),
    ("a halted guest takes no processor time", idle),
    ("resets", resets),
    ("stop and cont", stops),
)
ROWS = (
    ("SeaBIOS shows what it does by the interpreter", same_picture([], r"No bootable device")),
    *((name + where, functools.partial(test, kvm)) for where, kvm in IRQCHIPS for name, test in BY_IRQCHIP),
)
# By a KVM that emulates: four minutes on a processor that others use, too.
LONG = (
    ("GRUB's menu", same_picture(["-cdrom", "GRUB"], r"executed automatically",
                                 ("up", r"(?s)Change the colors.*for a command-line\.\s*\Z"))),
)


def main():
    words = [a for a in sys.argv[1:] if a != "--all"]
    rows = ROWS + LONG if words or "--all" in sys.argv or has_hardware() else ROWS
    return tap([row for row in rows if not words or any(w in row[0] for w in words)])


if __name__ == "__main__":
    sys.exit(main())
