# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of the network share: Linux with the modules of all cards, and a web server on this host."""
import contextlib
import hashlib
import http.server
import os
import re
import socket
import threading

from boot import INIT_HEAD, KERNEL_TROUBLE, guest_data, guest_file

TIMEOUT = 400
FILE = hashlib.sha256(b"network").digest() * (3 << 15)      # 3 MiB
DIGEST = hashlib.md5(FILE).hexdigest()

# In the order of their dependencies; one that is built into the kernel is not there.
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "failover", "net_failover", "virtio_net", "mii", "8139cp", "8390", "ne2k-pci", "pcnet32", "e1000", "e1000e",
           "button")
PROGRAM_FILES = ("iperf3", "ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libiperf.so.0", "libssl.so.3",
                 "libcrypto.so.3", "libsctp.so.1")

# The begin of a guest's script: the modules are there, and what waits.
MODULES_HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
wait_for() { i=0; while ! eval "$1"; do sleep 0.1; i=$((i + 1)); [ $i -gt 900 ] && echo GAVE-UP "$1" && return; done; }
ip link set lo up
""" % " ".join(MODULES)
# The card is up at ADDRESS, and iperf3 can be run where program_files() are there.
HEAD = MODULES_HEAD + """
iperf3() {
    LD_LIBRARY_PATH=/ld /ld/ld-linux-x86-64.so.2 /ld/iperf3 "$@" --forceflush
}
[ -e /ld ] && chmod 755 /ld/*
ip link set eth0 up
ip addr add ADDRESS/24 dev eth0
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """GET gives FILE, POST the MD5 of what came."""
    def do_GET(self):                                       # pylint: disable=invalid-name
        self.answer(FILE)

    def do_POST(self):                                      # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(hashlib.md5(body).hexdigest().encode() + b"\n")

    def answer(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):                           # pylint: disable=arguments-differ
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A guest that has gone, or its card."""


@contextlib.contextmanager
def serving(address="127.0.0.1", handler=Handler):
    """The port of a web server."""
    server = Server((address, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fill(text, **values):
    """PORT=1 puts 1 in the place of PORT."""
    for name, value in values.items():
        text = text.replace(name, str(value))
    return text


def module_files(guest="network"):
    files = []
    for name in MODULES:
        try:
            files.append((f"{name}.ko", guest_data(guest, f"{name}.ko")))
        except FileNotFoundError:
            pass                        # built into the kernel
    return files


def program_files():
    """iperf3 and its libraries, in /ld of the guest."""
    found = {}
    for folder, _, names in os.walk(guest_file("netprogs")):
        for name in set(names) & set(PROGRAM_FILES):
            if os.path.isfile(os.path.join(folder, name)):      # not a link to a link's folder
                with open(os.path.join(folder, name), "rb") as file:
                    found[name] = file.read()
    return [(f"ld/{name}", data) for name, data in found.items()]


def linux(scratch, script, guest="network", files=(), words="panic=-1", megabytes=256):
    """The options of a guest that runs the script."""
    return ["-nographic", "-no-reboot", "-m", str(megabytes), "-kernel", guest_file(guest), "-initrd",
            scratch.initrd(script, "", [*module_files(guest), *files]), "-append",
            f"console=ttyS0 net.ifnames=0 {words}"]


def check(run, *patterns):
    """All of these come, then the guest powers off, without trouble."""
    for pattern in patterns:
        run.expect(pattern, TIMEOUT)
    if run.finish(TIMEOUT) != 0:
        run.fail("the guest did not power off")
    trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED", run.output)
    if trouble:
        run.fail(f"printed '{trouble.group(0)}', which must not appear")
