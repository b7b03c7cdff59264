#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-display sdl on a desktop without a screen (Xvfb): the window shows the screendump, whatever its size; keys,
the mouse, hot keys, copied text; an idle window costs next to nothing."""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import display_guest
from boot import RHEA, SLOW, Failed, Run, Scratch, Skip, guest_file, main, processor_time
from display_guest import TIMEOUT, difference, part
from firmware import need_bios
from firmware_os import iso
from parts import AGENT, AGENT_PORT, FROM_CLIENT, FROM_GUEST, VIRTIO_CONSOLE, base, load

WIDTH, HEIGHT = 1280, 1024


class Desktop:
    """An X server whose screen is a file (xwd), without a window manager at first."""

    def __init__(self):
        for program, package in (("Xvfb", "xvfb"), ("xdotool", "xdotool")):
            if not shutil.which(program):
                raise Skip(f"no {program} (Debian package {package})")
        self.folder, self.manager = tempfile.TemporaryDirectory(prefix="rhea-x-"), None
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", self.folder.name,
             "-nolisten", "tcp", "-noreset"], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        number = b""
        while not number.endswith(b"\n"):
            byte = os.read(read, 1)
            if not byte:
                raise Skip("Xvfb does not start")
            number += byte
        os.close(read)
        self.display = ":" + number.decode().strip()
        self.environment = {**os.environ, "DISPLAY": self.display, "SDL_VIDEODRIVER": "x11"}

    def manage(self):
        """Starts a window manager, which some things need."""
        if not shutil.which("openbox"):
            raise Skip("no openbox (Debian package openbox)")
        if not self.manager:
            self.manager = subprocess.Popen(["openbox", "--sm-disable"], env=self.environment, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            time.sleep(1 * SLOW)

    def pixels(self):
        """(width, height, red green blue) of the whole screen."""
        with open(os.path.join(self.folder.name, "Xvfb_screen0"), "rb") as file:
            data = file.read()
        head = struct.unpack(">25I", data[:100])
        width, height, stride, colours = head[4], head[5], head[12], head[19]
        start = head[0] + colours * 12
        out = bytearray()
        for y in range(height):
            row = data[start + y * stride:start + y * stride + width * 4]
            line = bytearray(width * 3)
            line[0::3], line[1::3], line[2::3] = row[2::4], row[1::4], row[0::4]
            out += line
        return width, height, bytes(out)

    def part(self, x, y, width, height):
        return part(self.pixels(), x, y, width, height)

    def do(self, *args):
        try:
            done = subprocess.run(["xdotool", *map(str, args)], env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, check=False, timeout=TIMEOUT * SLOW)
        except subprocess.TimeoutExpired as late:   # --sync waits for what may never come
            raise Failed(str(late)) from None
        if done.returncode != 0:
            raise Failed(f"xdotool {args}: {done.stderr}")
        return done.stdout

    def close(self):
        if self.manager:
            self.manager.terminate()
            self.manager.wait()
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()


class Window(display_guest.Machine):
    """The emulator's window on the desktop, with the keyboard."""

    def __init__(self, desktop, *args, guest=True, display="sdl"):
        self.desktop = desktop
        super().__init__(f"DISPLAY={desktop.display}", "SDL_VIDEODRIVER=x11", RHEA,
                         *(("-display", display) if display else ()), *args, guest=guest, command=("/usr/bin/env",))
        self.find()
        self.on(("windowmove", "--sync"), 100, 50)
        self.on(("windowfocus", "--sync"))

    def find(self):
        self.id = self.wait("no window", lambda: self.desktop.do(
            "search", "--sync", "--all", "--onlyvisible", "--pid", self.child.pid, "--name", "Rhea").split()[0])

    def on(self, what, *args):
        """xdotool with the window, which SDL may make anew before it draws for the first time."""
        try:
            return self.desktop.do(*what, self.id, *args)
        except Failed as failed:
            if "BadWindow" not in str(failed):
                raise
            self.find()
            return self.desktop.do(*what, self.id, *args)

    def enter(self, text):
        """Types a line. A BIOS keeps 15 keys, so a slow machine gets them slowly; X repeats a key after 500 ms."""
        self.desktop.do("type", "--delay", min(round(60 * SLOW), 400), text)
        self.desktop.do("key", "Return")

    def geometry(self):
        text = self.on(("getwindowgeometry", "--shell"))
        return tuple(int(re.search(rf"^{name}=(\d+)", text, re.M).group(1)) for name in ("X", "Y", "WIDTH", "HEIGHT"))

    def title(self):
        return self.on(("getwindowname",)).strip()

    def check_shown(self, what):
        """Stopped, the window has the screendump's pixels."""
        self.qmp.run("stop")
        wanted = self.dump()
        try:
            self.wait(what, lambda: self.desktop.part(*self.geometry()) == wanted)
        except Failed:
            raise Failed(f"{what}: {difference(self.desktop.part(*self.geometry()), wanted)}") from None
        self.qmp.run("cont")


DESKTOP = None


def desktop():
    global DESKTOP
    if not DESKTOP:
        DESKTOP = Desktop()
    return DESKTOP


def the_picture():
    with Window(desktop(), "-name", "one") as run:
        run.see("╔═╦╗")
        if run.title() != "Rhea (one)":
            run.fail(f"the title is '{run.title()}'")
        run.check_shown("text")
        run.desktop.do("key", "g")
        run.wait("the window did not follow the guest's size", lambda: run.geometry()[2:] == (640, 400))
        run.check_shown("mode 13h")
        run.qmp.run("stop")
        run.wait("the title does not say Stopped", lambda: "[Stopped]" in run.title())
        run.leave()


def mean(picture, x, y, width, height):
    rows = [picture[2][((y + row) * picture[0] + x) * 3:((y + row) * picture[0] + x + width) * 3] for row in range(height)]
    return sum(map(sum, rows)) / (width * height * 3)


def stretched():
    """The picture fills a window of another size as far as its aspect allows, black beside it."""
    with Window(desktop()) as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        picture = run.dump()
        run.on(("windowsize", "--sync"), 1000, 400)

        def right():
            got = run.desktop.part(*run.geometry())
            left = (1000 - picture[0]) // 2
            return (got[0] == 1000 and mean(got, 0, 0, left - 1, 400) == 0 and
                    all(got[2][(y * 1000 + left) * 3:(y * 1000 + left + picture[0]) * 3] ==
                        picture[2][y * picture[0] * 3:(y + 1) * picture[0] * 3] for y in range(400)))
        run.wait("a wider window is not the picture with black beside it", right)
        run.on(("windowsize", "--sync"), picture[0] * 3 // 2, picture[1] * 3 // 2)

        def larger():
            got = run.desktop.part(*run.geometry())
            return got[0] == picture[0] * 3 // 2 and all(
                abs(mean(got, x * 3 // 2, y * 3 // 2, 60, 60) - mean(picture, x, y, 40, 40)) < 4
                for x in range(0, 680, 40) for y in range(0, 360, 40))
        run.wait("a larger window is not the picture stretched", larger)
        run.leave()


def keys_arrive():
    with Window(desktop()) as run:
        run.see("╔═╦╗")
        for name, code in (("a", "1e61"), ("A", "1e41"), ("Return", "1c0d"), ("F1", "3b00"), ("Up", "48(00|e0)"),
                           ("ctrl+c", "2e03"), ("KP_Add", "4e2b"), ("Delete", "53(00|e0)")):
            run.desktop.do("key", name)
            run.see(f"KEY={code}")
        run.desktop.do("keydown", "Control_L")
        run.desktop.do("key", "alt+2")  # with Ctrl: the next screen; both are let go of
        run.desktop.do("keyup", "Control_L")
        run.leave()


def screens():
    with Window(desktop(), "-monitor", "vc", "-name", "guest") as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        run.desktop.do("key", "ctrl+alt+2")
        run.wait("the monitor's console is not shown", lambda: run.geometry()[2:] == (640, 384))
        run.desktop.do("type", "cont")
        run.desktop.do("key", "Return")
        run.qmp.event("RESUME")
        if "KEY=" in run.hmp("screentext"):
            run.fail("the guest got keys of the monitor's console")
        run.desktop.do("key", "ctrl+alt+1")
        run.wait("the guest's screen is not shown", lambda: run.geometry()[2:] == (720, 400))
        run.desktop.do("key", "b")
        run.see("KEY=3062")
        run.check_shown("back")
        run.leave()


def the_mouse():
    """A click gives the mouse to the guest, Ctrl-Alt-G takes it back."""
    with Window(desktop()) as run:
        run.see("╔═╦╗")
        run.on(("mousemove", "--window"), 300, 200, "click", 1)
        run.wait("a click does not grab", lambda: "Press Ctrl-Alt-G to exit grab" in run.title())
        run.desktop.do("mousemove_relative", 5, 5)
        run.desktop.do("key", "ctrl+alt+g")
        run.wait("Ctrl-Alt-G does not give back", lambda: "grab" not in run.title())
        run.leave()


def grub():
    """GRUB's command line is typed in the window, and the window shows what it answers."""
    need_bios()
    with Window(desktop(), "-cdrom", guest_file("grub"), "-boot", "d", guest=False) as run:
        run.see("GNU GRUB +version", 180)
        run.check_shown("GRUB's menu")
        run.desktop.do("key", "c")
        run.see("^grub>")
        before = run.dump()
        run.enter('echo "Hello, $root (it\'s 42)"')
        run.see(r"^Hello, \S+ \(it.s 42\)")
        run.enter('echo "Typed: A-Z_{%@}~"')
        run.see(r"^Typed: A-Z_\{%@\}~")
        run.check_shown("GRUB's answer")
        if run.dump() == before:
            run.fail("the picture is the one from before")
        run.leave()


LINUX = """mount -t devtmpfs dev /dev
exec </dev/tty1 >/dev/tty1 2>&1
stty sane </dev/tty1
printf '\\033c'
exec setsid cttyhack sh
"""


def a_linux_console():
    """A shell on Linux's console, typed at in the window."""
    scratch = Scratch()
    need_bios()                         # which sets the text mode up
    image = iso(scratch, guest_file("amd64"), scratch.initrd(LINUX), "quiet panic=-1")
    with Window(desktop(), "-m", "256", "-cdrom", image, "-boot", "d", guest=False) as run:
        run.see("^/ # *$", 300)
        run.check_shown("the prompt")
        run.enter('echo "$((6 * 7)) is <The> Answer" | tr a-z A-Z')
        run.see("^42 IS <THE> ANSWER")
        run.check_shown("what the shell answers")
        run.enter("cat")
        run.desktop.do("key", "ctrl+c")
        run.enter("ls -d /proc/se\t")   # a key that completes
        run.see("^/proc/self")
        run.desktop.do("key", "Up", "Up", "Return")
        run.see("^cat\n|# cat$")
        run.leave()


def full_screen():
    desktop().manage()
    with Window(desktop()) as run:
        run.see("╔═╦╗")
        run.desktop.do("key", "ctrl+alt+f")
        run.wait("Ctrl-Alt-F does not fill the desktop", lambda: run.geometry() == (0, 0, WIDTH, HEIGHT))
        run.desktop.do("key", "ctrl+alt+f")
        run.wait("Ctrl-Alt-F does not go back", lambda: run.geometry()[2:] == (720, 400))
        run.leave()
    with Window(desktop(), "-full-screen", guest=False) as run:
        run.wait("-full-screen", lambda: run.geometry() == (0, 0, WIDTH, HEIGHT))
        run.leave()


def closing():
    desktop().manage()
    with Window(desktop(), guest=False) as run:
        run.desktop.do("key", "alt+F4")
        if run.qmp.event("SHUTDOWN") != {"guest": False, "reason": "host-ui"}:
            run.fail("the event does not say host-ui")
        if run.finish(TIMEOUT) != 0:
            run.fail("the exit status is not 0")
    with Window(desktop(), "-no-quit", guest=False) as run:
        run.desktop.do("key", "alt+F4")
        time.sleep(1)
        run.qmp.run("query-status")
        run.leave()


def idle():
    with Window(desktop(), "-S", guest=False, display=None) as run:     # the default on a desktop
        time.sleep(2)
        start = processor_time(run.child.pid)
        time.sleep(5)
        used = processor_time(run.child.pid) - start
        if used > 0.25:
            run.fail(f"{used:.2f} s of processor time in 5 s with an idle window")
        run.leave()


REFUSED = (
    (("-display", "sdl,gl=on"), "3D is not supported"),
    (("-display", "sdl,grab-mod=meta"), "grab-mod is 'meta'"),
    (("-display", "sdl,colour=red"), "no property 'colour'"),
    (("-display", "sdl"), "cannot open a window"),
)


def xclip(*args, **kwargs):
    return subprocess.run(["xclip", "-selection", "clipboard", *args], env=desktop().environment, check=False,
                          stderr=subprocess.DEVNULL, **kwargs)


def copied_text():
    """Between the desktop and an agent in the guest, both ways."""
    if not shutil.which("xclip"):
        raise Skip("no xclip (Debian package xclip)")
    scratch = Scratch()
    args = base(scratch, load(*VIRTIO_CONSOLE) + AGENT, VIRTIO_CONSOLE, *AGENT_PORT)
    args.remove("-nographic")
    with Window(desktop(), "-serial", "stdio", *args, guest=False) as window:
        window.expect("^REQUEST ", TIMEOUT)
        window.wait("the desktop has not the guest's text",
                    lambda: xclip("-o", stdout=subprocess.PIPE).stdout == FROM_GUEST.encode())
        xclip("-i", input=FROM_CLIENT.encode(), stdout=subprocess.DEVNULL)
        window.expect("^GRAB ", TIMEOUT)
        window.expect(f"^TEXT .*{FROM_CLIENT}", TIMEOUT)


def refusals():
    for args, says in REFUSED:
        with Run(["-u", "DISPLAY", "-u", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER=x11", RHEA, *args], command=("/usr/bin/env",)) as run:
            run.expect(says, TIMEOUT)
            if run.finish(TIMEOUT) != 1:
                run.fail("the exit status is not 1")


# Words of names choose tests.
TESTS = (
    ("keys typed into GRUB",       grub),
    ("keys typed into Linux",      a_linux_console),
    ("the picture and the guest's sizes", the_picture),
    ("stretched",                  stretched),
    ("keys",                       keys_arrive),
    ("screens",                    screens),
    ("the mouse",                  the_mouse),
    ("the whole screen",           full_screen),
    ("copied text",                copied_text),
    ("closing",                    closing),
    ("an idle window",             idle),
    ("what is refused",            refusals),
)


def chosen():
    listed = subprocess.run([RHEA, "-display", "help"], stdout=subprocess.PIPE, text=True, check=False)
    if "sdl" not in listed.stdout:
        print("1..0 # SKIP built without SDL (Debian package libsdl2-dev)")
        return 0
    try:
        return main(TESTS)
    finally:
        if DESKTOP:
            DESKTOP.close()


if __name__ == "__main__":
    sys.exit(chosen())
