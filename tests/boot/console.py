#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Serial lines, the multiplexed console and its Ctrl-A keys, the monitor, 'make run'."""
import os
import re
import sys

from boot import RHEA, ROOT, Failed, Run, Scratch, guest_data, guest_file, tap

TIMEOUT = 60
BOOT_TIMEOUT = 300
STARTED = r"GUEST-STARTED"
PROMPT = r"\((qemu|rhea)\) "
CTRL_A = "\x01"
DEBUG_EXIT = ("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")


def guest(scratch, letter):
    return ["-display", "none", *DEBUG_EXIT, "-kernel", scratch.assemble("guest.S"),
            "-append", letter]


def expect_status(run, status, timeout=TIMEOUT):
    got = run.finish(timeout)
    if got != status:
        run.fail(f"exit status {got}, expected {status}")


def serial_file():
    scratch = Scratch()
    path = scratch.path("serial.txt")
    with Run([*guest(scratch, "D"), "-serial", f"file:{path}", "-monitor", "none"]) as run:
        expect_status(run, 1)
        with open(path, encoding="latin1") as file:
            if not re.search(STARTED, file.read()):
                run.fail(f"{path} has not what the guest printed")
        if re.search(STARTED, run.output):
            run.fail("the guest's line came to standard output too")


def serial_null():
    scratch = Scratch()
    with Run([*guest(scratch, "D"), "-serial", "null", "-monitor", "none"]) as run:
        expect_status(run, 1)
        if run.output:
            run.fail("there is output")


def serial_stdio():
    scratch = Scratch()
    with Run([*guest(scratch, "e"), "-serial", "stdio", "-monitor", "none"]) as run:
        at = run.expect(STARTED, TIMEOUT)
        run.type("hello")
        run.expect("HELLO", TIMEOUT, at)
        run.type("q")
        expect_status(run, 1)


def serial_stdio_ends_and_guest_goes_on():
    """A pipe that is closed is an idle line, not the end of the machine."""
    scratch = Scratch()
    with Run([*guest(scratch, "w"), "-serial", "stdio", "-monitor", "none"]) as run:
        run.expect(STARTED, TIMEOUT)
        run.child.stdin.close()
        run.child.stdin = None
        run.pump(1)
        if run.child.poll() is not None:
            run.fail("the machine ended")
        run.child.terminate()
        expect_status(run, 0)


def serial_pty():
    scratch = Scratch()
    with Run([*guest(scratch, "e"), "-serial", "pty", "-monitor", "none"]) as run:
        run.expect(r"char device redirected to /dev/pts/\d+ \(label serial0\)", TIMEOUT)
        path = re.search(r"/dev/pts/\d+", run.output).group(0)
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            got = b""
            os.write(line, b"hello\n")
            while b"HELLO" not in got:
                run.pump(0)
                chunk = os.read(line, 100)
                if not chunk:
                    raise Failed(f"the pty ended after {got!r}")
                got += chunk
            os.write(line, b"q\n")
        finally:
            os.close(line)
        expect_status(run, 1)


def mux_keys():
    """-serial mon:stdio on a terminal: Ctrl-A h, c, Ctrl-A, x."""
    scratch = Scratch()
    with Run([*guest(scratch, "e"), "-serial", "mon:stdio"], terminal=True) as run:
        at = run.expect(STARTED, TIMEOUT)
        run.type("plain")
        at = run.expect("PLAIN", TIMEOUT, at)
        run.type(CTRL_A + "h")
        at = run.expect(r"(C-a|Ctrl-A) h +print this help(.|\n)*(C-a|Ctrl-A) c +switch", TIMEOUT, at)
        run.type(CTRL_A + "c")
        at = run.expect(PROMPT, TIMEOUT, at)
        run.type("info status\r")
        at = run.expect(r"VM status: running", TIMEOUT, at)
        run.type(CTRL_A + "c")
        run.type("back")
        at = run.expect("BACK", TIMEOUT, at)
        run.type(CTRL_A + CTRL_A)       # Ctrl-A itself, echoed as it is
        at = run.expect("\x01", TIMEOUT, at)
        run.type(CTRL_A + "x")
        expect_status(run, 0)


def mux_ctrl_c_is_for_the_guest():
    scratch = Scratch()
    with Run([*guest(scratch, "e"), "-serial", "mon:stdio"], terminal=True) as run:
        at = run.expect(STARTED, TIMEOUT)
        run.type("\x03")
        at = run.expect("\x03", TIMEOUT, at)
        run.type(CTRL_A + "x")
        expect_status(run, 0)


def terminal_that_does_not_control():
    scratch = Scratch()
    with Run([*guest(scratch, "e"), "-serial", "mon:stdio"], terminal=True,
             controlling=False) as run:
        at = run.expect(STARTED, TIMEOUT)
        run.type("plain")
        run.expect("PLAIN", TIMEOUT, at)
        run.type(CTRL_A + "x")
        expect_status(run, 0)


def nographic_is_mon_stdio():
    scratch = Scratch()
    args = [arg for arg in guest(scratch, "e") if arg not in ("-display", "none")]
    with Run(["-nographic", *args], terminal=True) as run:
        at = run.expect(STARTED, TIMEOUT)
        run.type(CTRL_A + "c")
        at = run.expect(PROMPT, TIMEOUT, at)
        run.type("quit\r")
        expect_status(run, 0)


# Monitor commands on a running machine and what they answer.
COMMANDS = (
    ("help",               r"(?s)(?=.*^quit)(?=.*^info)"),
    ("info",               r"info registers"),
    ("info status",        r"VM status: running"),
    ("info version",       r"\d+\.\d+"),
    ("info cpus",          r"\* CPU #0"),
    ("info registers",     r"(RAX|EAX)=[0-9a-f]+(.|\n)*(RIP|EIP)=[0-9a-f]+(.|\n)*CR0=[0-9a-f]+"),
    ("info mtree",         r"(system|memory)(.|\n)*(ram|pc\.ram)"),
    ("info qtree",         r"bus: (.|\n)*dev: isa-debug-exit(.|\n)*iobase = "),
    ("xp /2wx 0x100000",   r"0*100000: 0x1badb002 0x00000000"),
    ("x /2wx 0x100000",    r"0*100000: 0x1badb002 0x00000000"),
    ("xp /4bx 0x100000",   r"0*100000: 0x02 0xb0 0xad 0x1b"),
    ("stop",               r""),
    ("info status",        r"VM status: paused"),
    ("cont",               r""),
    ("info status",        r"VM status: running"),
    ("nosuch",             r"unknown command: 'nosuch'"),
    ("info nosuch",        r"nosuch"),
    ("xp /2wx nosuch",     r"nosuch|expression|invalid|undefined|unknown"),
)


def monitor_commands():
    scratch = Scratch()
    with Run([*guest(scratch, "w"), "-serial", "null", "-monitor", "stdio"]) as run:
        at = run.expect(PROMPT, TIMEOUT)
        run.pump(0.5)                   # the guest comes to its loop
        for command, answer in COMMANDS:
            run.type(command + "\n")
            after = run.expect(PROMPT, TIMEOUT, at)
            text = run.output[at:after]
            if not re.search(answer, text, re.M):
                run.fail(f"'{command}' did not answer '{answer}' but:\n{text}")
            at = after
        run.type("quit\n")
        expect_status(run, 0)


def monitor_reset():
    scratch = Scratch()
    path = scratch.path("serial.txt", b"")
    with Run([*guest(scratch, "w"), "-serial", f"file:{path}", "-monitor", "stdio"]) as run:
        run.expect(PROMPT, TIMEOUT)
        for count in (1, 2):
            for _ in range(TIMEOUT * 2):
                with open(path, encoding="latin1") as file:
                    if file.read().count("GUEST-STARTED") >= count:
                        break
                run.pump(0.5)
            else:
                run.fail(f"the guest did not start {count} times")
            run.type("system_reset\n")
        run.type("quit\n")
        expect_status(run, 0)


def starts_stopped():
    """-S: nothing runs until cont."""
    scratch = Scratch()
    path = scratch.path("serial.txt")
    with Run([*guest(scratch, "D"), "-S", "-serial", f"file:{path}", "-monitor", "stdio"]) as run:
        at = run.expect(PROMPT, TIMEOUT)
        run.type("info status\n")
        at = run.expect(r"VM status: paused \(prelaunch\)", TIMEOUT, at)
        run.pump(0.5)
        if os.path.exists(path) and os.path.getsize(path):
            run.fail("the guest ran")
        run.type("cont\n")
        expect_status(run, 1)


# Linux counts the presses of the ACPI power button once its driver is loaded.
WAIT_FOR_BUTTON = """
insmod /button.ko || echo NO-MODULE
echo READY
count=0
while [ "$count" = 0 ]; do
    sleep 1
    read count rest </sys/firmware/acpi/interrupts/ff_pwr_btn
done
echo PRESSED $count
poweroff -f
"""


def powerdown_reaches_linux():
    """system_powerdown presses the ACPI power button."""
    scratch = Scratch()
    module = (("button.ko", guest_data("cloud", "button.ko")),)
    with Run(["-nographic", "-m", "512M", "-kernel", guest_file("cloud"), "-append",
              "console=ttyS0 quiet panic=-1",
              "-initrd", scratch.initrd(WAIT_FOR_BUTTON, files=module)], terminal=True) as run:
        at = run.expect(r"^READY", BOOT_TIMEOUT)
        run.type(CTRL_A + "c")
        at = run.expect(PROMPT, TIMEOUT, at)
        run.type("system_powerdown\r")
        run.expect(PROMPT, TIMEOUT, at)
        run.type(CTRL_A + "c")
        run.expect(r"^PRESSED 1", TIMEOUT, at)
        expect_status(run, 0)


def run_guest_on_a_terminal():
    guest_file("cloud")
    guest_file("busybox")
    os.environ["RHEA_BIN"] = RHEA
    with Run([], terminal=True, command=(os.path.join(ROOT, "tools", "run-guest"),)) as run:
        at = run.expect(r"^/root # ", BOOT_TIMEOUT)
        run.type("echo six times seven is $((6 * 7))\r")
        at = run.expect(r"^six times seven is 42", TIMEOUT, at)
        at = run.expect(r"^/root # ", TIMEOUT, at)
        run.type("echo begin $((1 + 1)); sleep 1000\r")
        at = run.expect(r"^begin 2", TIMEOUT, at)
        run.type("\x03")                # job control: the shell comes back
        at = run.expect(r"^/root # ", TIMEOUT, at)
        run.type(CTRL_A + "x")
        expect_status(run, 0)


def run_guest_without_a_terminal():
    guest_file("cloud")
    guest_file("busybox")
    os.environ["RHEA_BIN"] = RHEA
    with Run([], command=(os.path.join(ROOT, "tools", "run-guest"),)) as run:
        run.expect(r"^Linux rhea ", BOOT_TIMEOUT)
        run.expect(r"^100 processes ran", BOOT_TIMEOUT)
        expect_status(run, 0, BOOT_TIMEOUT)


# -d ITEM, and what it writes about the small guest that ends with a triple fault
LOGS = (
    ("int",       r"error="),
    ("cpu_reset", r"^CPU 0: reset\n(.*\n)*EFER="),
    ("cpu_reset", r"^triple fault: cs:rip="),
    ("in_asm",    r"^0x0*10000c"),
    ("exec",      r"^exec: cpu 0: 0x0*10000c"),
    ("cpu",       r"^EAX=2badb002"),
    ("accel",     r"^accel: tcg: \d+ (interpreted )?instructions"),
)


def check_log(args, item, pattern):
    scratch = Scratch()
    path = scratch.path("log")
    with Run([*args(scratch), "-display", "none", "-no-reboot", "-d", item, "-D", path]) as run:
        expect_status(run, 0, BOOT_TIMEOUT)
        with open(path, encoding="latin1") as file:
            text = file.read()
        if not re.search(pattern, text, re.M):
            run.fail(f"-d {item} did not log '{pattern}' but:\n{text[:1000]}")


def log_items():
    for item, pattern in LOGS:
        check_log(lambda scratch: guest(scratch, "t"), item, pattern)


def log_of_far_transfers():
    kernel = guest_file("cloud")        # without an initrd: panics, which takes two seconds
    check_log(lambda scratch: ("-kernel", kernel, "-append", "panic=-1"), "pcall",
              r"^iret at 0x[0-9a-f]{16} to 0010:")


def translated_code():
    """-d op,out_asm -perfmap on a kernel: the map names a block that the log shows, with its size."""
    kernel, scratch = guest_file("cloud"), Scratch()
    path = scratch.path("log")
    with Run(["-kernel", kernel, "-append", "panic=-1", "-display", "none", "-no-reboot",
              "-d", "op,out_asm", "-D", path, "-perfmap"]) as run:
        name = f"/tmp/perf-{run.child.pid}.map"
        expect_status(run, 0, BOOT_TIMEOUT)
        try:
            with open(name, encoding="ascii") as file:
                blocks = re.findall(r"^[0-9a-f]+ [0-9a-f]+ guest (0x[0-9a-f]{16})$", file.read(),
                                    re.M)
        finally:
            if os.path.exists(name):
                os.unlink(name)
        with open(path, encoding="latin1") as file:
            text = file.read(1 << 20)
        if not re.search(r"^OP: 0x[0-9a-f]{16} mode .*\n0x[0-9a-f]{16}:  [CPAZSO.]{6}  emitted", text,
                         re.M):
            run.fail(f"-d op did not show a block but:\n{text[:1000]}")
        shown = re.findall(r"^OUT: (0x[0-9a-f]{16}) \[size=(\d+)\]\n(0x|\(built without)", text, re.M)
        if not shown or shown[0][0] not in blocks:
            run.fail(f"-perfmap does not name the blocks of -d out_asm: {shown[:2]}")


TESTS = (
    ("-d ITEM -D FILE",                        log_items),
    ("-d op,out_asm -perfmap",                 translated_code),
    ("-d pcall",                               log_of_far_transfers),
    ("-serial file:",                          serial_file),
    ("-serial null",                           serial_null),
    ("-serial stdio",                          serial_stdio),
    ("-serial stdio: end of input",            serial_stdio_ends_and_guest_goes_on),
    ("-serial pty",                            serial_pty),
    ("-serial mon:stdio: Ctrl-A keys",         mux_keys),
    ("-serial mon:stdio: Ctrl-C is the guest's", mux_ctrl_c_is_for_the_guest),
    ("-serial mon:stdio: foreign terminal",    terminal_that_does_not_control),
    ("-nographic has a monitor",               nographic_is_mon_stdio),
    ("monitor commands",                       monitor_commands),
    ("monitor: system_reset",                  monitor_reset),
    ("-S waits for cont",                      starts_stopped),
    ("monitor: system_powerdown",              powerdown_reaches_linux),
    ("run-guest on a terminal",                run_guest_on_a_terminal),
    ("run-guest without a terminal",           run_guest_without_a_terminal),
)

if __name__ == "__main__":
    sys.exit(tap(TESTS))
