#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-display curses on a terminal: what the screen shows, keys, consoles, and the terminal's end."""
import codecs
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

from boot import RHEA, SLOW, Run, Scratch, Skip, tap
from firmware import assemble, need_bios

TIMEOUT = 60
# A terminal that is easy to play: no scrolling, no erasing of parts, only what follows.
TERMINFO = r"""rhea-test|terminal of tests/boot/curses.py,
    am, cols#80, lines#30, colors#8, pairs#64,
    clear=\E[H\E[2J, cup=\E[%i%p1%d;%p2%dH,
    setaf=\E[3%p1%dm, setab=\E[4%p1%dm, op=\E[39;49m, sgr0=\E[m, bold=\E[1m, blink=\E[5m,
    civis=\E[?25l, cnorm=\E[?25h, smcup=\E[?1049h, rmcup=\E[?1049l,
    kcuu1=\E[A, kcud1=\E[B, kf1=\EOP, kf12=\E[24~, kbs=\177, kpp=\E[5~, knp=\E[6~,
    kUP5=\E[1;5A, kPRV5=\E[5;5~,
"""
ESCAPE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")
WHITE = (37, 40, ())


class Terminal(Run):
    """A run on a terminal of 80x30 that plays what it is sent."""

    def __init__(self, args, term="rhea-test", size=(30, 80), locale="C.UTF-8"):
        self.scratch = Scratch()
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        if not shutil.which("tic"):
            raise Skip("no tic (Debian package ncurses-bin)")
        folder = self.scratch.path("terminfo")
        source = self.scratch.path("source", TERMINFO.encode())
        subprocess.run(["tic", "-x", "-o", folder, source], check=True, stderr=subprocess.DEVNULL)
        # env after the size is set: the program asks for it when it starts.
        wait = f"while [ \"$(stty size)\" != '{size[0]} {size[1]}' ]; do :; done; exec \"$@\""
        super().__init__(["-c", wait, "sh", "env", f"TERMINFO={folder}", f"TERM={term}", f"LC_ALL={locale}",
                          RHEA, "-display", "curses", *args], terminal=True, command=("/bin/sh",))
        self.before = termios.tcgetattr(self.read_fd)
        self.resize(*size)
        self.played = 0
        self.inside = self.cursor = False
        self.colour, self.x, self.y = WHITE, 0, 0
        self.clear()

    def pump(self, seconds):
        """With every byte, and characters whole."""
        if not select.select([self.read_fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.read_fd, 65536)
        except OSError:                 # a pty whose other end is closed
            return False
        self.output += self.decoder.decode(data)
        return bool(data)

    def clear(self):
        self.cells = [[(" ", WHITE)] * 200 for _ in range(200)]

    def resize(self, rows, columns):
        self.columns = columns
        fcntl.ioctl(self.read_fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def sequence(self, private, numbers, final):
        values = [int(n or 0) for n in numbers.split(";")]
        if private and values[0] == 1049:
            self.inside = final == "h"
        elif private and values[0] == 25:
            self.cursor = final == "h"
        elif final == "H":
            self.y, self.x = [max(n, 1) - 1 for n in (values + [1])[:2]]
        elif final == "J":
            self.clear()
        elif final == "m":
            for n in values:
                fore, back, more = self.colour
                if n == 0:
                    self.colour = WHITE
                elif n in (1, 5):
                    self.colour = (fore, back, tuple(sorted({*more, n})))
                elif 30 <= n <= 39:
                    self.colour = (37 if n == 39 else n, back, more)
                elif 40 <= n <= 49:
                    self.colour = (fore, 40 if n == 49 else n, more)

    def play(self):
        while self.played < len(self.output):
            match = ESCAPE.match(self.output, self.played)
            char = self.output[self.played]
            if match:
                self.sequence(*match.groups())
                self.played = match.end()
                continue
            if char == "\x1b" and len(self.output) - self.played < 12:
                return                  # the rest is still to come
            self.played += 1
            if char == "\r":
                self.x = 0
            elif char == "\n":
                self.y += 1
            elif char == "\b":
                self.x -= 1
            elif char >= " ":
                self.cells[self.y][self.x] = (char, self.colour)
                self.x += 1
                if self.x == self.columns:
                    self.x, self.y = 0, self.y + 1

    def text(self):
        self.play()
        return "\n".join("".join(cell[0] for cell in row).rstrip() for row in self.cells[:60])

    def see(self, pattern, timeout=TIMEOUT):
        deadline = time.monotonic() + timeout * SLOW
        while not re.search(pattern, self.text(), re.M):
            if time.monotonic() > deadline:
                self.output = self.text()
                self.fail(f"the screen does not show '{pattern}'")
            if not self.pump(0.2) and not re.search(pattern, self.text(), re.M):
                self.fail(f"ended without showing '{pattern}'")

    def check_given_back(self):
        self.play()
        if self.inside or not self.cursor:
            self.fail("the terminal was not left")
        if termios.tcgetattr(self.read_fd)[:4] != self.before[:4]:
            self.fail("the terminal's mode was not given back")

    def leave(self, status=0):
        got = self.finish(TIMEOUT)
        if got != status:
            self.fail(f"exit status {got}, expected {status}")
        self.check_given_back()


def floppy(run_scratch):
    program = assemble(run_scratch, "curses_sector")
    return ("-drive", "if=floppy,format=raw,file=" +
            run_scratch.path("floppy.img", program.ljust(1440 * 1024, b"\0")), "-boot", "order=a")


def banner_and_boot_menu():
    need_bios()
    scratch = Scratch()
    with Terminal([*floppy(scratch), "-boot", "order=c,menu=on,splash-time=30000"]) as run:
        run.see(r"^SeaBIOS \(version ")
        run.see(r"Press ESC for boot menu")
        run.type("\x1b")
        run.see(r"Select boot device:(.|\n)*Floppy")
        line = re.search(r"^(\d)\. .*Floppy", run.text(), re.M)
        run.type(line.group(1))
        run.see("╔═╦╗")
        run.type("\x1b2quit\r")
        run.leave()


def characters_and_colours():
    need_bios()
    scratch = Scratch()
    with Terminal(floppy(scratch)) as run:
        run.see("^╔═╦╗░█π☺B")
        cells = run.cells[10]
        want = [(33, 44, (1,))] * 8 + [(37, 40, (1, 5))]
        if [cell[1] for cell in cells[:9]] != want:
            run.fail(f"the colours are {cells[:9]}")
        run.child.terminate()
        run.leave()
    with Terminal(floppy(scratch), locale="C") as run:
        run.see(r"^\+=\+\+##\?\?B")
        run.child.terminate()
        run.leave()


# What is typed on the terminal, and what int 16h gives for it.
KEYS = (("a", "1e61"), ("A", "1e41"), ("?", "353f"), ("\r", "1c0d"), ("\x7f", "0e08"), ("\t", "0f09"),
        ("\x03", "2e03"), ("\x1b", "011b"), ("\x1bx", "2d00"), ("\x1bOP", "3b00"), ("\x1b[24~", "86(00|e0)"),
        ("\x1b[A", "48(00|e0)"), ("\x1b[1;5A", "8d(00|e0)"), ("\x1b[5~", "49(00|e0)"))


def keys_arrive():
    need_bios()
    scratch = Scratch()
    with Terminal(floppy(scratch)) as run:
        run.see("╔═╦╗")
        for typed, code in KEYS:
            run.type(typed)
            if code.startswith("86"):
                continue                # F12: int 16h function 0 filters it
            run.see(f"KEY={code}")
        run.type("\x1b2quit\r")
        run.leave()


def consoles():
    """Alt-1 the screen, Alt-2 the monitor, Alt-3 the serial port; the monitor's scrollback."""
    need_bios()
    scratch = Scratch()
    with Terminal(floppy(scratch)) as run:
        run.see("╔═╦╗")
        run.type("\x1b2")
        run.see(r"^\(qemu\)")
        run.type("info status\r")
        run.see("VM status: running")
        run.type("help\r")
        run.see(r"^log ")
        if "VM status" in run.text():
            run.fail("help did not scroll")
        run.type("\x1b[5;5~" * 20)          # to the beginning
        run.see("VM status: running")
        run.type("\x1b3")
        run.see(r"\A\s*\Z")
        run.type("\x1b1")
        run.see("╔═╦╗")
        run.type("\x1b2system_reset\r\x1b1")
        run.see("╔═╦╗")
        run.type("\x1b2quit\r")
        run.leave()


def graphics_and_sizes():
    need_bios()
    scratch = Scratch()
    with Terminal(floppy(scratch)) as run:
        run.see("╔═╦╗")
        run.type("g")
        run.see(r"^ +\d+ x \d+ Graphic mode$")
        run.type("x")
        run.see("╔═╦╗")
        run.resize(12, 40)              # row 12 is below the end; the cursor is above
        run.see(r"(?s)\A(?!.*KEY).*╔═╦╗")
        run.resize(50, 120)
        run.type("a")
        run.see("KEY=1e61")
        run.child.send_signal(signal.SIGHUP)
        run.leave()


def fatal_signal():
    with Terminal(["-S"]) as run:
        run.see("VGA Blank mode")
        run.child.send_signal(signal.SIGABRT)   # one that sanitizers leave to the program
        run.finish(TIMEOUT)
        run.check_given_back()


def messages_come_at_the_end():
    with Terminal(["-S", "-d", "accel", "-m", "16M"]) as run:
        run.see("VGA Blank mode")
        run.type("\x1b2quit\r")
        run.leave()
        end = run.output.rindex("\x1b[?1049l")
        if not re.search(r"accel: tcg", run.output[end:]):
            run.fail("the log did not come after the screen")


# Arguments, the terminal, and what is said.
REFUSED = (
    (("-nographic",), "rhea-test", r"cannot be used with -nographic"),
    (("-serial", "stdio"), "rhea-test", r"-display curses has the terminal"),
    (("-monitor", "stdio"), "rhea-test", r"-display curses has the terminal"),
    (("-serial", "mon:stdio"), "rhea-test", r"-display curses has the terminal"),
    ((), "no-such-terminal", r"TERM='no-such-terminal' is not known"),
    (("-display", "curses,charset=klingon"), "rhea-test", r"charset=klingon is not supported"),
    (("-cdrom", "/nonexistent.iso"), "rhea-test", r"/nonexistent.iso"),
)


def refusals():
    for args, term, says in REFUSED:
        with Terminal(args, term=term) as run:
            run.cursor = True           # it was never hidden
            run.expect(says, TIMEOUT)
            run.leave(1)
    with Run(["-display", "curses"]) as run:
        run.expect("must be a terminal", TIMEOUT)
        if run.finish(TIMEOUT) != 1:
            run.fail("the exit status is not 1")


TESTS = (
    ("banner and boot menu",                banner_and_boot_menu),
    ("characters, colours, plain terminals", characters_and_colours),
    ("keys",                                keys_arrive),
    ("consoles",                            consoles),
    ("graphics modes and sizes",            graphics_and_sizes),
    ("a fatal signal",                      fatal_signal),
    ("messages come at the end",            messages_come_at_the_end),
    ("what is refused",                     refusals),
)


def main():
    listed = subprocess.run([RHEA, "-display", "help"], stdout=subprocess.PIPE, text=True, check=False)
    if "curses" not in listed.stdout:
        print("1..0 # SKIP built without ncursesw (Debian package libncurses-dev)")
        return 0
    return tap(TESTS)


if __name__ == "__main__":
    sys.exit(main())
