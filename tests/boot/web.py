#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-display web: what the server tells to whom, and the page in Debian's chromium without a window: the screen's
pixels, keys, a console's text."""
import base64
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zlib

import display_guest
from boot import INIT_HEAD, RHEA, SLOW, Failed, Run, Scratch, Skip, guest_file, main, tap
from display_guest import TIMEOUT
from firmware import need_bios
from firmware_os import iso
from rfb import RAW, Rfb, WebSocket, connect



class Machine(display_guest.Machine):
    """With the page's server."""

    def __init__(self, *args, guest=True):
        super().__init__("-display", "web", *args, guest=guest)
        self.expect(r"http://\S+", TIMEOUT)
        self.url = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{32})\b", self.output)
        if not self.url:
            self.fail("the address is not one of this host with a token")
        self.port, self.token = int(self.url.group(1)), self.url.group(2)

    def get(self, path, token=None, method="GET"):
        """(status, body)"""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT * SLOW)
        client.request(method, path + ("" if token == "" else f"?token={token or self.token}"))
        answer = client.getresponse()
        body = answer.read()
        if answer.getheader("Content-Encoding") == "gzip":
            body = zlib.decompress(body, 31)
        client.close()
        return answer.status, body

    def open(self, path):
        return WebSocket(connect(("127.0.0.1", self.port)), f"{path}?token={self.token}")


def who_is_told_what():
    with Machine("-S", "-monitor", "vc", guest=False) as run:
        for path, token, status in (("/", None, 200), ("/", "", 403), ("/", "0" * 32, 403), ("/", run.token[:-1], 403),
                                    ("/", run.token + "0", 403), ("/vnc", "", 403), ("/console/0", "", 403),
                                    ("/console/7", None, 404), ("/console/-1", None, 404), ("/other", None, 404),
                                    ("/consoles", "x", 403), ("/vnc", None, 400)):
            got = run.get(path, token)[0]
            if got != status:
                run.fail(f"{path} with token {token}: status {got}, expected {status}")
        if run.get("/", method="POST")[0] != 405:
            run.fail("POST is answered")
        if b"<title>Rhea</title>" not in run.get("/")[1]:
            run.fail("the page is another one")
        if json.loads(run.get("/consoles")[1]) != ["compat_monitor0", "serial0"]:
            run.fail(run.get("/consoles")[1])
        run.leave()


def sockets():
    """The screen as any VNC client sees it, and the monitor's console as bytes."""
    with Machine("-monitor", "vc") as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        client = Rfb(run.open("/vnc"))
        client.set_encodings(RAW)
        if client.refresh() != run.dump():
            run.fail("the picture is not the screendump")
        console = run.open("/console/0")
        text = b""
        while b"(qemu) " not in text:   # what was said before
            text += console.recv(1000)
        console.sendall(b"info status\r")
        while b"VM status: paused" not in text:
            text += console.recv(1000)
        run.leave()


def hostile():
    with Machine("-S", guest=False) as run:
        address = ("127.0.0.1", run.port)
        for data in (b"GET / HTTP/1.1\r\nX: " + b"x" * 20000, b"\0" * 9000, b"GET\r\n\r\n", b"\r\n\r\n",
                     b"GET /\0?token=" + run.token.encode() + b" HTTP/1.1\r\n\r\n", b"GET  /  HTTP/9\r\n\r\n"):
            sock = connect(address)
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                answer = sock.recv(1000)
            except OSError:             # it hung up, perhaps before all was sent
                answer = b""
            if b" 200 " in answer:
                run.fail(f"{data[:40]} is answered with {answer}")
            sock.close()
        web = run.open("/console/0")
        web.sock.sendall(b"\x82\x05hello")      # not masked
        if web.recv(100) not in (b"", b"\x1bc") and web.recv(100):
            run.fail("a frame without a mask is taken")
        many = [connect(address) for _ in range(40)]
        for sock in many:
            sock.close()
        run.wait("the page is not there any more", lambda: get_or_none(run) == 200)
        run.leave()


def get_or_none(run):
    try:
        return run.get("/")[0]
    except (OSError, http.client.HTTPException):
        return None


class Browser:
    """Chromium without a window, told what to do by its DevTools protocol."""

    def __init__(self, url):
        program = shutil.which("chromium")
        if not program:
            raise Skip("no chromium (Debian package chromium)")
        self.folder = tempfile.TemporaryDirectory(prefix="rhea-chromium-", ignore_cleanup_errors=True)
        self.child = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0",
             "--disable-dev-shm-usage", "--window-size=1000,800", f"--user-data-dir={self.folder.name}", url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.attach()
        except BaseException:
            self.close()
            raise

    def attach(self):
        path = os.path.join(self.folder.name, "DevToolsActivePort")
        deadline = time.monotonic() + TIMEOUT * SLOW
        while not (os.path.exists(path) and open(path, encoding="ascii").read().count("\n") >= 1):
            if time.monotonic() > deadline or self.child.poll() is not None:
                raise Skip("chromium does not start here")
            time.sleep(0.1)
        with open(path, encoding="ascii") as file:
            port = int(file.readline())
        page = None
        while not page:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT * SLOW)
            client.request("GET", "/json/list")
            page = next((p for p in json.loads(client.getresponse().read()) if p["type"] == "page"), None)
        self.web = WebSocket(connect(("127.0.0.1", port)), "/" + page["webSocketDebuggerUrl"].split("/", 3)[3],
                             protocol=None)
        self.number, self.data = 0, b""

    def do(self, method, **params):
        self.number += 1
        self.web.text(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            value = json.loads(self.web.message())
            if value.get("id") == self.number:
                if "error" in value:
                    raise Failed(f"{method}: {value}")
                return value["result"]

    def evaluate(self, script):
        result = self.do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            return None
        return result["result"].get("value")

    def key(self, char, code, number):
        for kind in ("keyDown", "keyUp"):
            self.do("Input.dispatchKeyEvent", type=kind, key=char, code=code, windowsVirtualKeyCode=number,
                    text=char if kind == "keyDown" and len(char) == 1 else "")

    def type(self, text):
        """A line of small letters."""
        for char in text:
            self.key(char, f"Key{char.upper()}", ord(char.upper()))
        self.key("\r", "Enter", 13)

    def close(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, 15)
            self.child.wait()
        self.folder.cleanup()


CANVAS = """(() => { const c = document.querySelector('canvas');
    const d = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    let s = ''; for (let i = 0; i < d.data.length; i += 4) {
        s += String.fromCharCode(d.data[i], d.data[i + 1], d.data[i + 2]); }
    return [c.width, c.height, btoa(s)]; })()"""


def canvas(browser):
    got = browser.evaluate(CANVAS)
    return (got[0], got[1], base64.b64decode(got[2])) if got else None


def in_a_browser():
    with Machine("-monitor", "vc") as run:
        browser = Browser(run.url.group(0))
        try:
            run.see("╔═╦╗")
            run.wait("the page does not connect", lambda: browser.evaluate("window.rhea && rhea.screen") == "connected")
            browser.key("b", "KeyB", 66)
            run.see("KEY=3062")
            run.qmp.run("stop")
            wanted = run.dump()
            run.wait("the page's picture is not the screendump", lambda: canvas(browser) == wanted)
            text = "rhea.terminals[0].buffer.active.getLine({}).translateToString(true)"
            run.wait("the monitor's prompt is not in its terminal",
                     lambda: any("(qemu)" in (browser.evaluate(text.format(i)) or "") for i in range(5)))
            browser.evaluate("document.querySelectorAll('nav button')[1].click()")
            for char in "cont":
                browser.key(char, "Key" + char.upper(), ord(char.upper()))
            browser.key("\r", "Enter", 13)
            run.qmp.event("RESUME")
        finally:
            browser.close()
        run.leave()


LOGIN = """mount -t devtmpfs dev /dev
echo "root:$(mkpasswd -m des rhea ab):0:0:root:/:/bin/sh" >/etc/passwd
hostname page
while :; do setsid getty 38400 tty1 linux; done &
while :; do setsid getty -L 115200 ttyS0 vt100; done
"""
LINE = "rhea.terminals[{}].buffer.active.getLine({}).translateToString(true)"


def terminal(browser, number):
    """The text of a console's terminal."""
    return "\n".join(browser.evaluate(LINE.format(number, i)) or "" for i in range(24))


def log_in(run, browser, read, name):
    """A login by the keys of a page, and what a shell answers; read: what is seen there."""
    def see(pattern):
        run.wait(f"{name} does not show '{pattern}'", lambda: re.search(pattern, read(), re.M), 300, read)

    for pattern, answer in (("login: *$", "root"), ("Password: *$", "rhea"), ("^[^ ]* ?# *$", "tty"),
                            (f"^/dev/{name} *$", "")):
        see(pattern)
        browser.type(answer)


def a_login():
    """Linux asks who is there on its screen and on its serial line, both on one page."""
    need_bios()                         # which sets the screen's text mode up
    scratch = Scratch()
    head = INIT_HEAD + "mkdir -p /etc\n"
    image = iso(scratch, guest_file("amd64"), scratch.initrd(LOGIN, head), "quiet panic=-1")
    with Machine("-m", "256", "-cdrom", image, "-boot", "d", guest=False) as run:
        browser = Browser(run.url.group(0))
        try:
            run.wait("the page does not connect", lambda: browser.evaluate("window.rhea && rhea.screen") == "connected")
            log_in(run, browser, lambda: run.hmp("screentext"), "tty1")
            run.qmp.run("stop")
            wanted = run.dump()
            run.wait("the page's picture is not the screendump", lambda: canvas(browser) == wanted)
            run.qmp.run("cont")
            names = json.loads(run.get("/consoles")[1])
            number = names.index("serial0")
            browser.evaluate(f"document.querySelectorAll('nav button')[{number + 1}].click()")
            log_in(run, browser, lambda: terminal(browser, number), "ttyS0")
        finally:
            browser.close()
        run.leave()


REFUSED = (
    (("-display", "web=nonsense"), "must be HOST:PORT"),
    (("-display", "web=1,colour=red"), "no property 'colour'"),
    (("-display", "web", "-daemonize"), "nobody would see its address"),
)


def refusals():
    for args, says in REFUSED:
        with Run(["-S", *args]) as run:
            run.expect(says, TIMEOUT)
            if run.finish(TIMEOUT) != 1:
                run.fail("the exit status is not 1")


def without_the_page():
    """A build without npm says what to do."""
    with Run(["-S", "-display", "web"]) as run:
        run.expect("built without it: install Debian's npm.*then run configure and make", TIMEOUT)
        if run.finish(TIMEOUT) != 1:
            run.fail("the exit status is not 1")


TESTS = (
    ("who is told what",   who_is_told_what),
    ("web sockets",        sockets),
    ("hostile clients",    hostile),
    ("in a browser",       in_a_browser),
    ("a login on the page", a_login),
    ("what is refused",    refusals),
)


def chosen():
    listed = subprocess.run([RHEA, "-display", "help"], stdout=subprocess.PIPE, text=True, check=False)
    if "web" not in listed.stdout:
        print("# built without the page (npm and a network)")
        return tap((("without the page", without_the_page),))
    return main(TESTS)


if __name__ == "__main__":
    sys.exit(chosen())
