# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's screen and keyboard, through the monitor on the test's terminal."""
import re
import time

from boot import SLOW, Run

PROMPT = "(qemu) "
# What one types, and sendkey's name of the keys; letters and digits are their own names.
KEYS = {" ": "spc", "\n": "ret", "/": "slash", ".": "dot", ",": "comma", "-": "minus", "=": "equal",
        "(": "shift-9", ")": "shift-0", "_": "shift-minus", ":": "shift-semicolon"}


class Screen(Run):
    """A run with a VGA and the monitor on its terminal. Nothing else may write there."""

    def __init__(self, args):
        super().__init__(["-display", "none", "-vga", "std", "-serial", "none", "-monitor", "stdio",
                          *args], terminal=True)
        self.expect(re.escape(PROMPT), 10)

    def monitor(self, command):
        """One command of the monitor; what it prints."""
        start = len(self.output)
        self.type(command + "\n")
        end = self.expect(re.escape(PROMPT), 10, start)
        return self.output[start:end - len(PROMPT)].partition("\n")[2]

    def see(self, pattern, timeout):
        """Waits until the screen shows the pattern; the screen's text."""
        deadline = time.monotonic() + timeout * SLOW
        while True:
            text = self.monitor("screentext")
            if re.search(pattern, text, re.M):
                return text
            if time.monotonic() > deadline:
                self.output = text
                self.fail(f"the screen does not show '{pattern}' within {timeout * SLOW:.0f} s")
            self.pump(0.3)

    def press(self, text):
        """Types text on the guest's keyboard."""
        for char in text:
            name = KEYS.get(char) or ("shift-" + char.lower() if char.isupper() else char)
            self.monitor(f"sendkey {name} 20")
            self.pump(0.03)
