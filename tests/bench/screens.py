#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What showing a machine costs: processor time of the emulator while a desktop (Debian, X, openbox, an xterm; a USB
tablet) does nothing, for each kind of viewer and for none; and updates that a VNC client gets of a text that changes
as fast as the guest can, with the pixels of each."""
import argparse
import os
import shlex
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "boot")]

import window  # noqa: E402
from boot import INIT_HEAD, Scratch, guest_file, processor_time  # noqa: E402
from desktop import Desktop  # noqa: E402
from display_guest import Machine  # noqa: E402
from firmware_os import iso  # noqa: E402
from report import table  # noqa: E402
from rfb import ALPHA_CURSOR, DESKTOP_SIZE, TIGHT, Rfb, connect  # noqa: E402
from web import Browser  # noqa: E402

DOCUMENT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "performance.md")
BEGIN, END = "<!-- tests/bench/screens.py begins -->", "<!-- tests/bench/screens.py ends -->"
CARDS = {"virtio-vga": ["-vga", "virtio"], "std VGA": ["-vga", "std"]}
COUNTER = """mount -t devtmpfs dev /dev
i=0
printf '\\033[2J\\033[?25l' >/dev/tty1
while :; do printf '\\033[10;10H%d' $i; i=$((i + 1)); done >/dev/tty1
"""


def share(pid, seconds):
    """Percent of a processor."""
    start, begun = processor_time(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (processor_time(pid) - start) / (time.monotonic() - begun)


def settle(pid):
    """Until the guest has done nothing for a while."""
    quiet = 0
    for _ in range(60):
        quiet = quiet + 1 if share(pid, 5) < 8 else 0
        if quiet == 4:
            return
    raise SystemExit("the desktop does not come to rest within five minutes")


def desktop(*args, display="none"):
    guest = Desktop(*args, "-device", "qemu-xhci", "-device", "usb-tablet", display=display)
    guest.login()
    guest.start_x("modesetting", cursor=True)
    guest.start_openbox()
    guest.start_xterm("work")
    return guest


def idle(card, seconds, say):
    """{viewer: percent}"""
    found = {}
    with desktop(*card) as guest:
        settle(guest.child.pid)
        found["nobody"] = share(guest.child.pid, seconds)
        client = Rfb(connect(guest.vnc))
        client.set_encodings(TIGHT, DESKTOP_SIZE, ALPHA_CURSOR)
        client.refresh()
        client.request(True)
        time.sleep(2)
        found["a VNC client"] = share(guest.child.pid, seconds)
        client.close()
    place = window.desktop()
    os.environ.update(DISPLAY=place.display, SDL_VIDEODRIVER="x11")
    with desktop(*card, display="sdl") as guest:
        settle(guest.child.pid)
        found["a window"] = share(guest.child.pid, seconds)
    with desktop(*card, display="web") as guest:
        url = next(word for word in guest.output.split() if word.startswith("http://"))
        browser = Browser(url)
        settle(guest.child.pid)
        if browser.evaluate("window.rhea && rhea.screen") != "connected":
            raise SystemExit("the page does not connect")
        found["a page in chromium"] = share(guest.child.pid, seconds)
        browser.close()
    say(found)
    return found


def updates(card, seconds):
    """(updates a second; the fewest, median and most pixels of one; those of the screen)."""
    scratch = Scratch()
    path = scratch.path("vnc")
    image = iso(scratch, guest_file("amd64"), scratch.initrd(COUNTER, INIT_HEAD), "quiet panic=-1")
    with Machine("-vnc", f"unix:{path}", "-m", "256", "-cdrom", image, "-boot", "d", *card, guest=False) as guest:
        guest.see(r"^ {9}\d{3,}", 300)
        client = Rfb(connect(path))
        client.set_encodings(TIGHT, DESKTOP_SIZE)
        client.refresh()
        sizes, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            client.request(True)
            sizes.append(client.update())
        sizes.sort()
        return len(sizes) / seconds, sizes[0], sizes[len(sizes) // 2], sizes[-1], client.width * client.height


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement (30)")
    parser.add_argument("--card", choices=CARDS, action="append", help="one of them (all)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()

    def say(what):
        print(what, file=sys.stderr, flush=True)

    cards = options.card or list(CARDS)
    found = {name: idle(CARDS[name], options.seconds, say) for name in cards}
    rows = [[viewer] + [f"{found[name][viewer]:.1f}" for name in cards] for viewer in next(iter(found.values()))]
    rate, few, median, most, whole = updates(CARDS["std VGA"], options.seconds)
    text = (f"Made by `tests/bench/screens.py {shlex.join(sys.argv[1:])}`, load average {os.getloadavg()[0]:.1f}.\n\n" +
            "\n".join(table(["an idle desktop, watched by"] + [f"{name}, % of a CPU" for name in cards], rows)) + "\n" +
            f"\nA number that changes without end on std VGA's text screen: a VNC client gets {rate:.0f} updates a second of "
            f"{median} pixels ({few} to {most}) of {whole}.\n")
    print(text)
    if options.write:
        with open(DOCUMENT, encoding="utf-8") as file:
            before, _, rest = file.read().partition(BEGIN)
        after = rest.partition(END)[2]
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(f"{before}{BEGIN}\n{text}{END}{after}")
    if window.DESKTOP:
        window.DESKTOP.close()


if __name__ == "__main__":
    main()
