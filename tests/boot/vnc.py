#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VNC: the picture in every encoding is the screendump's, keys and the pointer arrive, passwords, screens,
descriptors, web sockets; clients that misbehave harm nobody."""
import re
import resource
import shutil
import socket
import ssl
import struct
import sys
import time

import display_guest
from boot import SLOW, Failed, Run, Scratch, Skip, processor_time, tap
from display_guest import TIMEOUT
from rfb import (DESKTOP_SIZE, EXTENDED_SIZE, HEXTILE, KEY_EVENT, POINTER_CHANGE, RAW, TIGHT, TLS_NONE, TLS_PASSWORD,
                 VENCRYPT, X509_NONE, X509_PASSWORD, ZRLE, Rfb, WebSocket, connect)
from tls import authority, context

CTRL, ALT, SHIFT = 0xffe3, 0xffe9, 0xffe1


class Machine(display_guest.Machine):
    """With a VNC server."""

    def __init__(self, *args, vnc="", guest=True):
        scratch = Scratch()
        self.vnc_path = scratch.path("vnc")
        super().__init__("-vnc", f"unix:{self.vnc_path}{vnc}", *args, guest=guest, scratch=scratch)

    def client(self, **options):
        return Rfb(connect(self.vnc_path), **options)

    def check_shown(self, client, what, reduced=lambda picture: picture):
        """What a client has comes to be what the screendump of a paused machine has: with the next look at the screen."""
        wanted = reduced(self.dump())
        deadline = time.monotonic() + TIMEOUT * SLOW
        while (got := client.refresh()) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        self.check_same(got, wanted, what)


FORMATS = (
    ("32 bits",             None),
    ("32 bits, big endian", (32, True, (255, 255, 255), (16, 8, 0), 24)),
    ("16 bits",             (16, False, (31, 63, 31), (11, 5, 0), 16)),
    ("8 bits",              (8, False, (7, 7, 3), (0, 3, 6), 8)),
)


def reduce(picture, pixel_format):
    """What such pixels can say of a picture."""
    if not pixel_format:
        return picture
    table = [bytes(round((value * most + 127) // 255 * 255 / most) for value in range(256))
             for most in pixel_format[2]]
    out = bytearray(picture[2])
    for colour in range(3):
        out[colour::3] = out[colour::3].translate(table[colour])
    return picture[0], picture[1], bytes(out)


def pictures():
    """Each encoding in each format, of a screen that stands still."""
    with Machine() as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        wanted = run.dump()
        if len(set(zip(*[iter(wanted[2])] * 3))) < 3:
            run.fail("the screendump has no colours")
        for name, pixel_format in FORMATS:
            for encoding in (RAW, HEXTILE, ZRLE, TIGHT):
                if encoding in (ZRLE, TIGHT) and pixel_format and pixel_format[1]:
                    continue            # the test's client reads their short pixels of little endian only
                client = run.client()
                if pixel_format:
                    client.set_format(*pixel_format)
                client.set_encodings(encoding)
                run.check_shown(client, f"encoding {encoding}, {name}", lambda picture, f=pixel_format: reduce(picture, f))
                if client.seen != {encoding}:
                    run.fail(f"encoding {encoding} was asked for, {client.seen} came")
                client.close()
        run.leave()


def changes():
    """Only what changes is sent, and a mode of another size is told."""
    with Machine() as run:
        run.see("╔═╦╗")
        client = run.client()
        client.set_encodings(TIGHT, DESKTOP_SIZE, KEY_EVENT, POINTER_CHANGE)
        client.refresh()
        if not client.relative or not {KEY_EVENT, POINTER_CHANGE} <= client.seen:
            run.fail(f"relative {client.relative}, encodings {client.seen}")
        client.request(True)
        pixels = client.update()        # the B blinks
        if not 0 < pixels < client.width * client.height // 4:
            run.fail(f"a blinking character makes an update of {pixels} pixels")
        client.press(ord("g"))          # mode 13h
        deadline = time.monotonic() + TIMEOUT * SLOW
        while client.width == 720:
            if time.monotonic() > deadline:
                run.fail("the new size was not told")
            client.request(True)
            client.update()
        run.qmp.run("stop")
        run.check_shown(client, "the graphics mode")
        run.leave()


# What is sent, and what int 16h gives for it.
KEYS = ((ord("a"), "1e61"), (ord("A"), "1e41"), (ord("?"), "353f"), (0xff0d, "1c0d"), (0xff08, "0e08"),
        (0xff1b, "011b"), (0xffbe, "3b00"), (0xff52, "48(00|e0)"), (0xffff, "53(00|e0)"))


def keys_arrive():
    with Machine() as run:
        run.see("╔═╦╗")
        client = run.client()
        for keysym, code in KEYS:
            client.press(keysym)
            run.see(f"KEY={code}")
        client.press(CTRL, ord("c"))
        run.see("KEY=2e03")
        client.press(SHIFT, ord("X"))
        run.see("KEY=2d58")
        client.set_encodings(RAW, KEY_EVENT)
        client.scan_key(0x2c, True, ord("y"))   # by its place, whatever it is called
        client.scan_key(0x2c, False, ord("y"))
        run.see("KEY=2c7a")
        client.key(CTRL, True)
        client.close()                  # Ctrl is let go of
        time.sleep(0.3)
        client = run.client()
        client.press(ord("d"))
        run.see("KEY=2064")
        run.leave()


def layouts():
    """Symbols go by -k: the guest's keyboard is a German one, its BIOS does not know that."""
    with Machine("-k", "de") as run:
        run.see("╔═╦╗")
        client = run.client()
        for keysym, code in ((ord("z"), "1579"), (ord("ö"), "273b"), (ord("/"), "0826"), (ord("y"), "2c7a")):
            client.press(keysym)
            run.see(f"KEY={code}")
        run.hmp("type z")
        run.see("KEY=1579")
        answer = run.hmp("type 文")
        if "no keys for the character at byte 0" not in answer:
            run.fail(f"type: {answer}")
        run.leave()


def sizes():
    """A client that may ask for sizes is told so; what it wants is in the monitor's EDID, if a monitor can be so."""
    with Machine() as run:
        run.see("╔═╦╗")
        client = run.client()
        client.set_encodings(RAW, EXTENDED_SIZE)
        client.request()
        client.update()
        if client.sizes != [(0, 0)]:
            run.fail(f"a client was not told that there are sizes to ask for: {client.sizes}")
        for size, screens, result in (((1000, 700), 1, 4), ((1000, 30), 1, 1), ((1000, 700), 2, 3), ((1000, 700), 0, 3)):
            client.set_size(*size, screens)
            client.request(True)
            client.update()
            if client.sizes.pop() != (1, result) or (client.width, client.height) != (720, 400):
                run.fail(f"{size} with {screens} screens: {client.sizes}, {result} expected")
        client.press(ord("g"))          # mode 13h
        run.wait("the new size was not told", lambda: client.request(True) or client.update() and client.width == 640)
        if client.sizes[-1] != (0, 0):
            run.fail(f"the guest's own change of size: {client.sizes[-1]}")
        run.qmp.run("stop")
        run.check_shown(client, "the graphics mode")
        run.leave()
    with Machine("-vga", "cirrus", "-S", guest=False) as run:   # has no EDID
        client = run.client()
        client.set_encodings(RAW, EXTENDED_SIZE)
        client.request()
        client.update()
        client.set_size(1000, 700)
        client.request(True)
        client.update()
        if client.sizes[-1] != (1, 1):
            run.fail(f"a card whose monitor is fixed: {client.sizes}")
        run.leave()


def text_is_typed():
    with Machine() as run:
        run.see("╔═╦╗")
        for text, code in (("abc", "2e63"), ("X", "2d58"), ("\\t", "0f09"), ("a b\\n", "1c0d")):
            answer = run.hmp(f"type {text}")
            if answer:
                run.fail(f"type: {answer}")
            run.see(f"KEY={code}")
        long = run.hmp("type " + "x" * 1000)
        if "4000 events of 1024" not in long:
            run.fail(f"a text that is too long: {long}")
        run.leave()


def screens():
    """Ctrl-Alt-2 is the monitor, -3 the serial port; what is typed there stays there."""
    with Machine("-monitor", "vc") as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        client = run.client()
        client.set_encodings(RAW, DESKTOP_SIZE)
        first = client.refresh()
        client.press(CTRL, ALT, ord("2"))
        while (client.width, client.height) != (640, 384):
            client.request(True)
            client.update()
        empty = client.refresh()
        client.type("info name\n")
        client.type("cont\n")
        run.qmp.event("RESUME")
        deadline = time.monotonic() + TIMEOUT * SLOW
        while client.refresh() == empty:
            if time.monotonic() > deadline:
                run.fail("the monitor's console did not change")
        if "KEY=" in run.hmp("screentext"):
            run.fail("the guest got keys of the monitor's console")
        client.press(CTRL, ALT, ord("1"))
        while (client.width, client.height) != first[:2]:
            client.request(True)
            client.update()
        client.press(ord("a"))
        run.see("KEY=1e61")
        run.leave()


def passwords():
    if not shutil.which("openssl"):
        raise Skip("no openssl")
    with Machine("-S", vnc=",password=on", guest=False) as run:
        def refused(password, **options):
            try:
                run.client(password=password, **options)
            except PermissionError as why:
                return str(why)
            run.fail(f"the password '{password}' was accepted")

        refused("")                     # none is set
        run.qmp.run("set_password", protocol="vnc", password="sesame")
        if refused("other") != "Authentication failed":
            run.fail("the reason is not told")
        refused("other", version=b"003.003")
        for version in (b"003.008", b"003.007", b"003.003"):
            run.client(password="sesame", version=version).close()
        run.hmp("change vnc password open it")
        run.client(password="open it").close()
        run.qmp.run("expire_password", protocol="vnc", time="now")
        refused("open it")
        run.hmp("expire_password vnc never")
        run.hmp("set_password vnc longerthaneight")
        run.client(password="longerth").close()
        run.qmp.run("change-vnc-password", password="p")
        run.client(password="p").close()
        if "the time is 'soon'" not in run.hmp("expire_password vnc soon"):
            run.fail("a time that is none was accepted")
        info = run.qmp.run("query-vnc")
        if (info["enabled"], info["auth"], info["family"]) != (True, "vnc", "unix"):
            run.fail(f"query-vnc: {info}")
        run.leave()
    with Machine("-S", "-object", "secret,id=s,data=hidden", vnc=",password-secret=s", guest=False) as run:
        run.client(password="hidden").close()
        run.leave()


def events_and_queries():
    with Machine("-S", vnc=",share=allow-exclusive", guest=False) as run:
        client = run.client()
        for name in ("VNC_CONNECTED", "VNC_INITIALIZED"):
            data = run.qmp.event(name)
            if data["server"]["service"] != run.vnc_path or data["server"]["auth"] != "none":
                run.fail(f"{name}: {data}")
        info, = run.qmp.run("query-vnc-servers")
        if info["id"] != "default" or len(info["clients"]) != 1 or len(info["server"]) != 1:
            run.fail(f"query-vnc-servers: {info}")
        if not re.search(r"default:\n  Server: :.*\n    Auth: none", run.hmp("info vnc")):
            run.fail(run.hmp("info vnc"))
        second = run.client(shared=False)       # sends the first away
        run.qmp.event("VNC_DISCONNECTED")
        try:
            client.refresh()
            run.fail("the first client was not sent away")
        except (EOFError, ConnectionError):
            pass
        second.refresh()
        ours, theirs = socket.socketpair()
        run.qmp.run("getfd", fds=[theirs.fileno()], fdname="v")
        run.qmp.run("add_client", protocol="vnc", fdname="v", skipauth=True)
        theirs.close()
        ours.settimeout(TIMEOUT * SLOW)
        Rfb(ours).refresh()
        for bad in ({"protocol": "spice", "fdname": "v"}, {"protocol": "vnc", "fdname": "none"}):
            run.qmp.error("add_client", **bad)
        run.leave()


def anonymous():
    """TLS without certificates."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("ADH:AECDH:@SECLEVEL=0")
    return made


def encrypted():
    """VeNCrypt, with and without certificates and the password; who speaks no TLS is not let in."""
    scratch = Scratch()
    folder = authority(scratch, "ours")
    x509 = f"tls-creds-x509,id=t,endpoint=server,dir={folder}"
    for creds, context_of, options, subtype in (
            (x509 + ",verify-peer=off", lambda: context(folder, False), "", X509_NONE),
            (x509, lambda: context(folder), ",password=on", X509_PASSWORD),
            ("tls-creds-anon,id=t,endpoint=server", anonymous, "", TLS_NONE),
            ("tls-creds-anon,id=t,endpoint=server", anonymous, ",password=on", TLS_PASSWORD)):
        with Machine("-object", creds, vnc=",tls-creds=t" + options) as run:
            run.see("╔═╦╗")
            run.qmp.run("stop")
            if options:
                run.qmp.run("set_password", protocol="vnc", password="sesame")
            for encoding in (TIGHT, RAW):
                client = run.client(password="sesame", tls=context_of())
                if (client.kind, client.subtype) != (VENCRYPT, subtype):
                    run.fail(f"security {client.kind}, {client.subtype}, expected {subtype}")
                client.set_encodings(encoding)
                run.check_shown(client, f"over TLS, encoding {encoding}")
            client.press(ord("q"))
            run.qmp.run("cont")
            run.see("KEY=1071")
            auth = "vencrypt+" + {X509_NONE: "x509+none", X509_PASSWORD: "x509+vnc", TLS_NONE: "tls+none",
                                  TLS_PASSWORD: "tls+vnc"}[subtype]
            if run.qmp.run("query-vnc")["auth"] != auth:
                run.fail(run.qmp.run("query-vnc"))
            server = run.qmp.run("query-vnc-servers")[0]
            if (server["auth"], server["vencrypt"]) != ("vencrypt", auth[9:].replace("+", "-")):
                run.fail(server)
            outsiders(run, options, context_of)
            run.leave()


def outsiders(run, options, context_of):
    """Who knows no TLS, or comes with something before it, or with the wrong password."""
    for version, says in ((b"003.003", "needs RFB 3.7"), (b"003.008", "not offered")):
        sock = connect(run.vnc_path)
        sock.recv(12)
        sock.sendall(b"RFB " + version + b"\n" + b"\1")
        text = b""
        while part := sock.recv(1000):
            text += part
        if says not in text.decode("ascii", "replace"):
            run.fail(f"a client of {version} without TLS is told {text}")
    early = connect(run.vnc_path)       # plain bytes behind the choice must not be taken for encrypted ones
    early.recv(12)
    early.sendall(b"RFB 003.008\n\x13\0\2")
    text = b""
    while len(text) < 2 + 2 + 1 + 1 + 4:
        text += early.recv(1000)
    early.sendall(text[-4:] + b"\1" * 30)
    while part := early.recv(1000):
        if len(part) > 1:
            run.fail(f"what is not encrypted is answered with {part}")
    if options:
        try:
            run.client(password="wrong", tls=context_of())
            run.fail("the wrong password was accepted")
        except PermissionError:
            pass
    else:                               # a client whose TLS fails
        sock = connect(run.vnc_path)
        try:
            Rfb(sock, tls=ssl.create_default_context())
            run.fail("a client that expects another certificate was served")
        except (ssl.SSLError, OSError, EOFError):
            pass


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def secure_web_sockets():
    """wss: TLS from the first byte on; who knows another authority, or speaks no TLS, is not served."""
    scratch = Scratch()
    folder, number = authority(scratch, "ours"), free_port()
    creds = f"tls-creds-x509,id=t,endpoint=server,verify-peer=off,dir={folder}"
    with Machine("-object", creds, vnc=f",websocket=127.0.0.1:{number},tls-creds=t") as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        secure = context(folder, False).wrap_socket(connect(("127.0.0.1", number)), server_hostname="localhost")
        client = Rfb(WebSocket(secure))
        client.set_encodings(TIGHT)
        run.check_shown(client, "over a web socket with TLS")
        for refused in (lambda sock: ssl.create_default_context().wrap_socket(sock, server_hostname="localhost"),
                        lambda sock: WebSocket(sock)):
            try:
                refused(connect(("127.0.0.1", number)))
            except (ssl.SSLError, OSError, Failed):
                continue
            run.fail("a client that should not be was served")
        run.check_shown(client, "after those that were refused")
        run.leave()


def web_sockets():
    number = free_port()
    with Machine(vnc=f",websocket=127.0.0.1:{number}") as run:
        run.see("╔═╦╗")
        run.qmp.run("stop")
        web = WebSocket(connect(("127.0.0.1", number)))
        client = Rfb(web)
        client.set_encodings(TIGHT)
        run.check_shown(client, "over a web socket")
        web.frame(9, b"ping")
        run.check_shown(client, "after a ping")
        plain = connect(("127.0.0.1", number))
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        if b" 400 " not in plain.recv(1000):
            run.fail("a request that is none of a web socket has no answer")
        run.leave()


def hostile(rng, path, frames):
    """One client that misbehaves."""
    sock = connect(path)
    kind = frames % 8
    try:
        if kind == 0:                   # noise from the start
            sock.sendall(rng.randbytes(4000))
            return
        client = Rfb(sock)
        sock.settimeout(1)              # nothing of a client that does not read is read
        if kind == 1:                   # asks and never reads
            client.set_encodings(RAW)
            sock.setblocking(False)
            for _ in range(20000):
                client.request()
        elif kind == 2:                 # a text of 4 GiB
            client.send(struct.pack(">B3xI", 6, 0xffffffff) + b"x" * 10000)
        elif kind == 3:                 # formats that are none
            client.send(struct.pack(">B3xBBBBHHHBBB3x", 0, rng.choice((0, 7, 24, 32, 255)), 24, 0, 1,
                                    *(rng.choice((0, 255, 65535, 5)) for _ in range(3)),
                                    *(rng.choice((0, 31, 200)) for _ in range(3))))
            client.request()
            client.update()
        elif kind == 4:                 # many encodings
            client.set_encodings(*(rng.randrange(-2**31, 2**31) for _ in range(4000)))
            client.send(struct.pack(">BxH", 2, 65535))
        elif kind == 5:                 # any messages
            client.send(bytes(rng.choice((0, 2, 3, 4, 5, 6, 255, rng.randrange(256))) if i % 11 == 0
                              else rng.randrange(256) for i in range(20000)))
        elif kind == 6:                 # rectangles and places beyond the screen
            for _ in range(100):
                client.send(struct.pack(">BBHHHH", 3, 0, *(rng.choice((0, 1, 65535, 719)) for _ in range(4))))
                client.pointer(rng.randrange(256), rng.randrange(65536), rng.randrange(65536))
        else:                           # keys of which there are none
            for _ in range(500):
                client.key(rng.randrange(2**32), True)
                client.scan_key(rng.randrange(2**32), True)
    except (OSError, EOFError):
        pass
    finally:
        sock.close()


def hostile_clients():
    import random
    rng = random.Random(9)
    with Machine() as run:
        run.see("╔═╦╗")
        before = memory(run)
        for frames in range(80):
            hostile(rng, run.vnc_path, frames)
        waiting = [connect(run.vnc_path) for _ in range(100)]   # more than it takes, all silent
        for sock in waiting:
            sock.close()
        run.qmp.run("system_reset")     # whatever keys made of the guest
        run.see("╔═╦╗")
        run.qmp.run("stop")
        run.check_shown(run.client(), "after hostile clients")
        if memory(run) > before + 64 and not keeps_freed(run):
            run.fail(f"{before} MiB resident before hostile clients, {memory(run)} after")
        run.leave()


def keeps_freed(run):
    """The address sanitizer does, so that uses of it are found."""
    with open(f"/proc/{run.child.pid}/maps", encoding="utf-8") as file:
        return "libasan" in file.read()


def memory(run):
    with open(f"/proc/{run.child.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20


def idle_client():
    """A client that waits costs next to nothing."""
    with Machine("-S", guest=False) as run:
        client = run.client()
        client.set_encodings(TIGHT)
        client.refresh()
        client.request(True)
        time.sleep(1)
        start = processor_time(run.child.pid)
        time.sleep(5)
        used = processor_time(run.child.pid) - start
        if used > 0.25:
            run.fail(f"{used:.2f} s of processor time in 5 s with an idle client")
        run.leave()


REFUSED = (
    (":99999", "must be .HOST.:DISPLAY"),
    ("nonsense", "must be .HOST.:DISPLAY"),
    (":1,to=0", "to is '0'"),
    (":1,share=mine", "share is 'mine'"),
    (":1,sasl=on", "sasl is 'on'"),
    (":1,tls-creds=x", "x"),
    (":1,tls-authz=x", "tls-authz= is not supported"),
    (":1,colour=red", "no property 'colour'"),
    (":1,password-secret=none", "no such -object secret"),
    ("unix:/nonexistent/vnc", "/nonexistent/vnc"),
)


def refusals():
    for text, says in REFUSED:
        with Run(["-S", "-vnc", text]) as run:
            run.expect(says, TIMEOUT)
            if run.finish(TIMEOUT) != 1:
                run.fail("the exit status is not 1")


TESTS = (
    ("pictures",                   pictures),
    ("changes and sizes",          changes),
    ("keys",                       keys_arrive),
    ("layouts",                    layouts),
    ("text is typed",              text_is_typed),
    ("screens",                    screens),
    ("passwords",                  passwords),
    ("events, queries, clients",   events_and_queries),
    ("sizes that clients want",    sizes),
    ("TLS",                        encrypted),
    ("web sockets with TLS",       secure_web_sockets),
    ("web sockets",                web_sockets),
    ("hostile clients",            hostile_clients),
    ("an idle client",             idle_client),
    ("what is refused",            refusals),
)


if __name__ == "__main__":
    sys.exit(tap(TESTS))
