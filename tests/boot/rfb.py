# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of VNC that keeps a picture: raw, Hextile, ZRLE and Tight, the password, keys and the pointer.
Pictures are (width, height, bytes of red, green, blue)."""
import base64
import os
import socket
import struct
import subprocess
import time
import zlib

from boot import SLOW, Failed

TIMEOUT = 30
RAW, HEXTILE, TIGHT, ZRLE = 0, 5, 7, 16
DESKTOP_SIZE, POINTER_CHANGE, KEY_EVENT, EXTENDED_SIZE = -223, -257, -258, -308
CURSOR, ALPHA_CURSOR = -239, -314
# Kinds of security, and VeNCrypt's.
PASSWORD, VENCRYPT = 2, 19
TLS_NONE, TLS_PASSWORD, X509_NONE, X509_PASSWORD = 257, 258, 260, 261


def read_ppm(path):
    with open(path, "rb") as file:
        data = file.read()
    head = data.split(b"\n", 3)
    width, height = map(int, head[1].split())
    return width, height, head[3]


def des(key, block):
    """DES by openssl: Python has none."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in key.ljust(8, b"\0")[:8])
    done = subprocess.run(["openssl", "enc", "-des-ecb", "-provider", "legacy", "-provider", "default", "-nopad",
                           "-K", key.hex()], input=block, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Failed(f"openssl: {done.stderr.decode()}")
    return done.stdout


def connect(address):
    """(HOST, PORT) or a path; the server may not be there yet."""
    deadline = time.monotonic() + TIMEOUT * SLOW
    while True:
        sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        try:
            sock.connect(address)
            sock.settimeout(TIMEOUT * SLOW)
            return sock
        except OSError as error:
            sock.close()
            if time.monotonic() > deadline:
                raise Failed(f"cannot connect to {address}: {error}") from error
            time.sleep(0.05)


class WebSocket:
    """What Rfb needs of a socket, over a web socket."""

    def __init__(self, sock, path="/", protocol="binary"):
        self.sock, self.data = sock, b""
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n" +
                      (f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else "") + "\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte:
                raise Failed(f"the web socket was refused: {head!r}")
            head += byte
        if b" 101 " not in head or (protocol and f"Sec-WebSocket-Protocol: {protocol}".encode() not in head):
            raise Failed(f"the web socket's answer: {head!r}")

    def exact(self, n):
        data = b""
        while len(data) < n:
            chunk = self.sock.recv(n - len(data))
            if not chunk:
                return b""
            data += chunk
        return data

    def frame_in(self):
        """(whether it ends a message, opcode, payload); None at the end."""
        head = self.exact(2)
        if not head or head[0] & 15 == 8:
            return None
        size = head[1]
        if size == 126:
            size, = struct.unpack(">H", self.exact(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.exact(8))
        return head[0] >> 7, head[0] & 15, self.exact(size)

    def message(self):
        """A whole message of text."""
        data, last = b"", False
        while not last:
            frame = self.frame_in()
            if not frame:
                raise Failed("the web socket ended")
            if frame[1] in (0, 1, 2):
                last, data = frame[0], data + frame[2]
        return data.decode()

    def recv(self, n):
        while not self.data:
            frame = self.frame_in()
            if not frame:
                return b""
            if frame[1] in (0, 1, 2):
                self.data += frame[2]
        data, self.data = self.data[:n], self.data[n:]
        return data

    def frame(self, opcode, data):
        mask = os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        self.sock.sendall(bytes([0x80 | opcode]) + size + mask +
                          bytes(byte ^ mask[i & 3] for i, byte in enumerate(data)))

    def text(self, text):
        self.frame(1, text.encode())

    def sendall(self, data):
        for at in range(0, len(data), 60000):
            self.frame(2, data[at:at + 60000])

    def close(self):
        self.sock.close()


class Rfb:
    def __init__(self, sock, password=None, shared=True, version=b"003.008", tls=None):
        self.sock, self.tls = sock, tls     # tls: an ssl.SSLContext
        self.streams = {}
        self.seen = set()               # encodings of rectangles
        self.relative = None
        self.cursor = None              # (hot x, hot y, width, height, red green blue alpha)
        self.sizes = []                 # (reason, result) of each ExtendedDesktopSize
        if self.take(12) != b"RFB 003.008\n":
            raise Failed("the server's version is not RFB 003.008")
        self.send(b"RFB " + version + b"\n")
        self.secure(password, version)
        self.send(bytes([shared]))
        self.width, self.height = struct.unpack(">HH", self.take(4))
        self.format = self.take(16)
        self.name = self.take(self.u32()).decode()
        self.bytes = 4
        self.picture = bytearray(self.width * self.height * 3)

    # Bytes

    def take(self, n):
        data = bytearray()
        while len(data) < n:
            chunk = self.sock.recv(n - len(data))
            if not chunk:
                raise EOFError("the server closed the connection")
            data += chunk
        return bytes(data)

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack(">H", self.take(2))[0]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()

    # Handshake

    def secure(self, password, version):
        if version == b"003.003":
            kind = self.u32()
        else:
            kinds = self.take(self.u8())
            kind = kinds[0]
            self.send(bytes([kind]))
        self.kind = kind
        if kind == VENCRYPT:
            kind = PASSWORD if self.vencrypt() in (TLS_PASSWORD, X509_PASSWORD) else VENCRYPT
        if kind == PASSWORD:
            challenge = self.take(16)
            self.send(des((password or "").encode(), challenge))
        if (kind in (PASSWORD, VENCRYPT) or version == b"003.008") and self.u32() != 0:
            raise PermissionError(self.take(self.u32()).decode() if version == b"003.008" else "refused")

    def vencrypt(self):
        """Begins TLS; the kind within it."""
        version = self.take(2)
        self.send(b"\0\2")
        if version != b"\0\2" or self.u8() != 0:
            raise Failed(f"VeNCrypt's version {version}")
        kinds = [self.u32() for _ in range(self.u8())]
        self.subtype, = kinds
        self.send(struct.pack(">I", self.subtype))
        if self.u8() != 1:
            raise Failed("VeNCrypt's kind was not accepted")
        self.sock = self.tls.wrap_socket(self.sock, server_hostname="localhost")
        return self.subtype

    # What a client says

    def set_format(self, bits, big, maxima, shifts, depth=None):
        self.bytes, self.big, self.maxima, self.shifts = bits // 8, big, maxima, shifts
        self.send(struct.pack(">B3xBBBBHHHBBB3x", 0, bits, depth or bits, big, 1, *maxima, *shifts))

    def set_encodings(self, *encodings):
        self.send(struct.pack(">BxH", 2, len(encodings)) + b"".join(struct.pack(">i", e) for e in encodings))

    def request(self, incremental=False):
        self.send(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def key(self, keysym, down):
        self.send(struct.pack(">BBxxI", 4, down, keysym))

    def press(self, *keysyms):
        for keysym in keysyms:
            self.key(keysym, True)
        for keysym in reversed(keysyms):
            self.key(keysym, False)

    def type(self, text):
        for char in text:
            self.press({"\n": 0xff0d, "\x1b": 0xff1b}.get(char, ord(char)))

    def scan_key(self, code, down, keysym=0):
        self.send(struct.pack(">BBHII", 255, 0, down, keysym, code))

    def pointer(self, buttons, x, y):
        self.send(struct.pack(">BBHH", 5, buttons, x, y))

    def set_size(self, width, height, screens=1):
        """SetDesktopSize."""
        self.send(struct.pack(">BxHHBx", 251, width, height, screens) +
                  struct.pack(">IHHHHI", 0, 0, 0, width, height, 0) * screens)

    # What the server says

    def pixels(self, data, size=None):
        """Bytes of pixels as red, green, blue. size 3: CPIXEL or TPIXEL of the first format."""
        if self.bytes == 4 and (size or 4) == 4 and not hasattr(self, "big"):
            out = bytearray(len(data) // 4 * 3)
            out[0::3], out[1::3], out[2::3] = data[2::4], data[1::4], data[0::4]
            return bytes(out)
        size = size or self.bytes
        out = bytearray()
        for at in range(0, len(data), size):
            value = int.from_bytes(data[at:at + size], "big" if self.big else "little")
            out += bytes(round((value >> shift & most) * 255 / most)
                         for most, shift in zip(self.maxima, self.shifts))
        return bytes(out)

    def put(self, x, y, width, rgb):
        for row in range(len(rgb) // (width * 3)):
            at = ((y + row) * self.width + x) * 3
            self.picture[at:at + width * 3] = rgb[row * width * 3:(row + 1) * width * 3]

    def indices(self, data, width, height, bits):
        stride = (width * bits + 7) // 8
        for y in range(height):
            row = data[y * stride:(y + 1) * stride]
            for x in range(width):
                yield row[x * bits // 8] >> (8 - bits - x * bits % 8) & ((1 << bits) - 1)

    def hextile(self, x, y, width, height):
        for ty in range(0, height, 16):
            for tx in range(0, width, 16):
                w, h = min(16, width - tx), min(16, height - ty)
                kind = self.u8()
                if kind == 1:
                    rgb = self.pixels(self.take(w * h * self.bytes))
                elif kind == 2:
                    rgb = self.pixels(self.take(self.bytes)) * (w * h)
                else:
                    raise Failed(f"Hextile: kind {kind}")
                self.put(x + tx, y + ty, w, rgb)

    def inflate(self, stream, data):
        return self.streams.setdefault(stream, zlib.decompressobj()).decompress(data)

    def zrle(self, x, y, width, height):
        data = self.inflate("zrle", self.take(self.u32()))
        size = 3 if self.bytes == 4 else self.bytes
        at = 0

        def cpixels(n):
            nonlocal at
            piece = data[at:at + n * size]
            at += n * size
            if size == 3:               # blue, green, red
                out = bytearray(len(piece))
                out[0::3], out[1::3], out[2::3] = piece[2::3], piece[1::3], piece[0::3]
                return bytes(out)
            return self.pixels(piece)

        for ty in range(0, height, 64):
            for tx in range(0, width, 64):
                w, h = min(64, width - tx), min(64, height - ty)
                kind = data[at]
                at += 1
                if kind == 0:
                    rgb = cpixels(w * h)
                elif kind == 1:
                    rgb = cpixels(1) * (w * h)
                elif kind <= 16:
                    colours = cpixels(kind)
                    bits = 1 if kind == 2 else 2 if kind <= 4 else 4
                    n = (w * bits + 7) // 8 * h
                    rgb = b"".join(colours[i * 3:i * 3 + 3] for i in self.indices(data[at:at + n], w, h, bits))
                    at += n
                else:
                    raise Failed(f"ZRLE: kind {kind}")
                self.put(x + tx, y + ty, w, rgb)
        if at != len(data):
            raise Failed(f"ZRLE: {len(data)} bytes, {at} expected")

    def tight(self, x, y, width, height):
        control = self.u8()
        size = 3 if self.bytes == 4 else self.bytes

        def tpixels(data):
            return data if size == 3 else self.pixels(data)

        if control == 0x80:
            self.put(x, y, width, tpixels(self.take(size)) * (width * height))
            return
        colours, length = None, width * height * size
        if control & 0x40:
            if self.u8() != 1:
                raise Failed("Tight: a filter that is no palette")
            n = self.u8() + 1
            colours = tpixels(self.take(n * size))
            bits = 1 if n == 2 else 8
            length = (width * bits + 7) // 8 * height
        if length < 12:
            data = self.take(length)
        else:
            n = shift = 0
            for part in range(3):
                byte = self.u8()
                n |= (byte if part == 2 else byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            data = self.inflate(control >> 4 & 3, self.take(n))
        if len(data) != length:
            raise Failed(f"Tight: {len(data)} bytes, {length} expected")
        if colours:
            data = b"".join(colours[i * 3:i * 3 + 3] for i in self.indices(data, width, height, bits))
        else:
            data = tpixels(data)
        self.put(x, y, width, data)

    def rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.take(12))
        self.seen.add(encoding)
        if encoding == DESKTOP_SIZE:
            self.width, self.height = width, height
            self.picture = bytearray(width * height * 3)
        elif encoding == EXTENDED_SIZE:
            screens = [struct.unpack(">IHHHHI", self.take(16)) for _ in range(struct.unpack(">B3x", self.take(4))[0])]
            if [screen[1:5] for screen in screens] != [(0, 0, width, height)]:
                raise Failed(f"screens {screens} on {width}x{height}")
            self.sizes.append((x, y))
            if (width, height) != (self.width, self.height):
                self.width, self.height = width, height
                self.picture = bytearray(width * height * 3)
        elif encoding in (CURSOR, ALPHA_CURSOR):
            self.cursor = (x, y, width, height, self.cursor_pixels(encoding, width, height))
        elif encoding == POINTER_CHANGE:
            self.relative = x == 0
        elif encoding == RAW:
            self.put(x, y, width, self.pixels(self.take(width * height * self.bytes)))
        elif encoding != KEY_EVENT:
            {HEXTILE: self.hextile, ZRLE: self.zrle, TIGHT: self.tight}[encoding](x, y, width, height)
        return width * height if encoding >= 0 else 0

    def cursor_pixels(self, encoding, width, height):
        if encoding == ALPHA_CURSOR:
            if self.u32() != RAW:
                raise Failed("a pointer's picture that is not raw")
            return self.take(width * height * 4)
        rgb = self.pixels(self.take(width * height * self.bytes))
        stride = (width + 7) // 8
        mask = self.take(stride * height)
        return b"".join(rgb[i * 3:i * 3 + 3] + (b"\xff" if mask[i // width * stride + i % width // 8] << i % width % 8 & 128
                                               else b"\0") for i in range(width * height))

    def update(self):
        """Takes one update, which may be a part; the number of its pixels."""
        while True:
            kind = self.u8()
            if kind == 0:
                self.take(1)
                return sum(self.rectangle() for _ in range(self.u16()))
            if kind == 1:               # colours: those of set_format(8, ...)
                self.take(3)
                self.take(6 * self.u16())
            elif kind == 3:
                self.take(3)
                self.take(self.u32())
            elif kind != 2:
                raise Failed(f"the server says {kind}")

    def refresh(self):
        """The whole picture, anew."""
        self.request()
        done = self.update()
        while done < self.width * self.height:
            self.request(True)
            done += self.update()
        return self.width, self.height, bytes(self.picture)
