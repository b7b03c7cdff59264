# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of the emulator with its text monitor beside the guest's serial line."""
import re
import select
import socket
import time

from boot import SLOW, Run

TIMEOUT = 120


class Machine(Run):
    """A run with a monitor on a socket of its own, so that what it says does not come amid the guest's lines. The
    guest's serial line is to be on standard input and output (-nographic, -serial stdio)."""

    count = 0

    def __init__(self, scratch, args, terminal=False, pass_fds=()):
        Machine.count += 1
        path = scratch.path(f"monitor{Machine.count}")
        super().__init__([*args, "-monitor", f"unix:{path},server=on,wait=off"], terminal, pass_fds=pass_fds)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.settimeout(TIMEOUT * SLOW)
        deadline = time.monotonic() + TIMEOUT * SLOW
        while self.monitor.connect_ex(path) != 0:
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.pump(0)
                self.fail("there is no monitor")
            time.sleep(0.02)
        self.answer()

    def answer(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            piece = self.monitor.recv(4096)
            if not piece:
                self.pump(0)
                self.fail(f"the monitor ended after {text}")
            text += piece
        return text.decode()

    def command(self, line):
        """What it prints, without the line itself."""
        self.monitor.sendall(line.encode() + b"\n")
        return self.answer().partition("\n")[2].removesuffix("(qemu) ").replace("\r", "")

    def must_say(self, line, pattern=r"\A\Z"):
        said = self.command(line)
        if not re.search(pattern, said):
            self.fail(f"'{line}' said: {said}")

    def ok(self, *commands):
        for line in commands:
            said = self.command(line)
            if re.search(r"not |rror|nvalid|uplicate|already", said):
                self.fail(f"'{line}' said: {said}")

    def wait_until_free(self, device):
        """The guest has let go when the device's id is gone."""
        self.wait_for("info qtree", rf'(?s)\A(?!.*id "{device}")')

    def catch_up(self):
        """Takes the output that there is."""
        while select.select([self.read_fd], [], [], 0)[0] and self.pump(0):
            pass

    def wait_for(self, line, pattern):
        deadline = time.monotonic() + TIMEOUT * SLOW
        while not re.search(pattern, self.command(line)):
            if time.monotonic() > deadline:
                self.fail(f"'{line}' did not say '{pattern}'")
            self.pump(0.05)

    def quit(self):
        self.monitor.sendall(b"quit\n")
        if self.finish(TIMEOUT) != 0:
            self.fail("exit status is not 0")

    def close(self):
        self.monitor.close()

    def __exit__(self, *unused):
        self.close()
        super().__exit__(*unused)
