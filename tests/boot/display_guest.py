# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of windows, VNC, the page and desktops share: an emulator with QMP, what is on its screen, and pictures,
which are (width, height, bytes of red, green, blue)."""
import re
import time

from boot import RHEA, SLOW, Run, Scratch
from curses import floppy
from firmware import need_bios
from qmp_client import Qmp
from rfb import read_ppm

TIMEOUT = 60


class Shown:
    """What is on the screen of a run, and what a person does there, through its monitor (self.qmp)."""

    def hmp(self, command):
        return self.qmp.run("human-monitor-command", command_line=command).replace("\r", "")

    def wait(self, what, condition, timeout=TIMEOUT, detail=None):
        """Until the condition holds; its value."""
        deadline = time.monotonic() + timeout * SLOW
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                self.fail(f"{what}: {detail()}" if detail else what)
            time.sleep(0.1)

    def see(self, pattern, timeout=TIMEOUT):
        """Until the text on the screen matches."""
        deadline = time.monotonic() + timeout * SLOW
        while not re.search(pattern, text := self.hmp("screentext"), re.M):
            if time.monotonic() > deadline:
                self.output = text
                self.fail(f"the screen does not show '{pattern}'")
            time.sleep(0.1)

    def dump(self):
        path = self.scratch.path("dump.ppm")
        self.qmp.run("screendump", filename=path)
        return read_ppm(path)

    def events(self, *events):
        """(type, data) for each event of input, as QMP has them."""
        self.qmp.run("input-send-event", events=[{"type": kind, "data": data} for kind, data in events])

    def point(self, x, y, width, height):
        """The pointer to a pixel of a screen of that size, as a tablet tells places."""
        self.events(*(("abs", {"axis": axis, "value": at * 0x7fff // (size - 1)})
                      for axis, at, size in (("x", x, width), ("y", y, height))))

    def click(self, x, y, width, height):
        self.point(x, y, width, height)
        for down in (True, False):
            time.sleep(0.3)
            self.events(("btn", {"button": "left", "down": down}))

    def type_keys(self, text):
        """Types in the guest."""
        answer = self.hmp("type " + text.replace("\n", "\\n"))
        if answer:
            self.fail(f"type: {answer}")

    def check_same(self, got, wanted, what):
        if got != wanted:
            self.fail(f"{what}: {difference(got, wanted)}")


class Machine(Shown, Run):
    """An emulator with QMP. With guest=True it shows text and which keys it gets (curses_sector.S)."""

    def __init__(self, *args, guest=True, scratch=None, command=(RHEA,)):
        if guest:
            need_bios()
        self.scratch = scratch or Scratch()
        path = self.scratch.path("qmp")
        disk = floppy(self.scratch) if guest else ()
        super().__init__([*args, "-qmp", f"unix:{path},server=on,wait=off", *disk], command=command)
        try:
            self.qmp = Qmp(path).negotiate()
        except BaseException:
            self.kill()
            raise

    def leave(self):
        self.qmp.send("quit")
        if self.finish(TIMEOUT) != 0:
            self.fail("the exit status is not 0")


def difference(got, wanted):
    """In what two pictures differ, for people."""
    if got[:2] != wanted[:2]:
        return f"{got[0]}x{got[1]}, not {wanted[0]}x{wanted[1]}"
    wrong = [i // 3 for i in range(0, len(wanted[2]), 3) if wanted[2][i:i + 3] != got[2][i:i + 3]]
    if not wrong:
        return "the same pixels, of another kind"
    at = wrong[0]
    return (f"{len(wrong)} pixels differ, the first at {at % wanted[0]},{at // wanted[0]}: "
            f"{got[2][at * 3:at * 3 + 3].hex()}, not {wanted[2][at * 3:at * 3 + 3].hex()}")


def part(picture, x, y, width, height):
    """A part of a picture."""
    wide, _, data = picture
    return width, height, b"".join(data[((y + row) * wide + x) * 3:((y + row) * wide + x + width) * 3]
                                   for row in range(height))


def colours(picture):
    """How many pixels there are of each colour."""
    counts = {}
    data = picture[2]
    for i in range(0, len(data), 3):
        counts[data[i:i + 3]] = counts.get(data[i:i + 3], 0) + 1
    return counts
