# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of QMP over a UNIX socket: what it sends and gets is one JSON value a line, ending \\r\\n."""
import array
import json
import os
import socket
import time

from boot import SLOW, Failed

TIMEOUT = 60
UNDERSCORES = {"block_set_io_throttle"} # whose members have them


class Qmp:
    def __init__(self, path=None, sock=None, greeted=True):
        self.sock = sock or connect(path)
        self.data = b""
        self.events = []
        self.greeting = self.line() if greeted else None

    def line(self, timeout=TIMEOUT):
        """The next value; None at the end."""
        self.sock.settimeout(timeout * SLOW)
        while b"\n" not in self.data:
            try:
                chunk = self.sock.recv(65536)
            except ConnectionResetError:
                chunk = b""
            except socket.timeout as late:
                raise Failed(f"nothing came from QMP for {timeout} s; so far: {self.data!r}") from late
            if not chunk:
                return None
            self.data += chunk
        line, self.data = self.data.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Failed(f"a line does not end with \\r\\n: {line!r}")
        return json.loads(line)

    def send_value(self, value, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([json.dumps(value).encode()], rights)

    def send(self, name, /, fds=(), **arguments):
        self.send_value({"execute": name, "arguments": {
            key if name in UNDERSCORES else key.replace("_", "-"): value for key, value in arguments.items()}}, fds)

    def answer(self):
        """The next value that is no event; events are kept."""
        while True:
            value = self.line()
            if value is None:
                raise Failed("QMP ended")
            if "event" not in value:
                return value
            self.events.append(value)

    def run(self, name, /, fds=(), **arguments):
        self.send(name, fds, **arguments)
        value = self.answer()
        if "return" not in value:
            raise Failed(f"{name} {arguments}: {value}")
        return value["return"]

    def error(self, name, /, **arguments):
        """The class and text of the error that must come."""
        self.send(name, **arguments)
        value = self.answer()
        if "error" not in value:
            raise Failed(f"{name} {arguments} should fail: {value}")
        return value["error"]["class"], value["error"]["desc"]

    def negotiate(self):
        self.run("qmp_capabilities")
        return self

    def event(self, name, timeout=TIMEOUT):
        """The data of the next event of that name; others before it are dropped."""
        while True:
            while self.events:
                value = self.events.pop(0)
                if value["event"] == name:
                    return value.get("data")
            value = self.line(timeout)
            if value is None:
                raise Failed(f"QMP ended without the event {name}")
            if "event" in value:
                self.events.append(value)

    def close(self):
        self.sock.close()


def connect(path):
    """A server may not be there yet."""
    deadline = time.monotonic() + TIMEOUT * SLOW
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except OSError as error:
            sock.close()
            if time.monotonic() > deadline:
                raise Failed(f"cannot connect to {path}: {error}") from error
            time.sleep(0.05)


def listener(path):
    """A socket that listens, for a program that inherits it."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(1)
    os.set_inheritable(sock.fileno(), True)
    return sock
