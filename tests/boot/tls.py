#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets with TLS: clients of Python's ssl module and other emulators at the monitor, and who is turned away."""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

from boot import RHEA, SLOW, Failed, Run, Scratch, Skip, tap

TIMEOUT = 60
BASE = ("-M", "none", "-display", "none", "-serial", "none", "-nodefaults")
PSK = "00112233445566778899aabbccddeeff"
QEMU = "/usr/bin/qemu-system-x86_64"


def openssl(*args, text=""):
    if not shutil.which("openssl"):
        raise Skip("no openssl (Debian package openssl)")
    done = subprocess.run(["openssl", *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failed(f"openssl {' '.join(args)}: {done.stdout}")


def authority(scratch, name):
    """A folder with an authority, and certificates of it for a server and a client."""
    folder = os.path.join(scratch.folder.name, name)
    os.mkdir(folder)

    def path(file):
        return os.path.join(folder, file)

    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-subj", f"/CN={name}", "-keyout", path("ca-key.pem"), "-out", path("ca-cert.pem"))
    for who, names in (("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("client", "subjectAltName=DNS:client")):
        with open(path("ext"), "w", encoding="utf-8") as file:
            file.write(names)
        openssl("req", *new, "-subj", f"/CN={who}", "-keyout", path(f"{who}-key.pem"), "-out", path("csr"))
        openssl("x509", "-req", "-in", path("csr"), "-CA", path("ca-cert.pem"), "-CAkey", path("ca-key.pem"),
                "-CAcreateserial", "-days", "2", "-extfile", path("ext"), "-out", path(f"{who}-cert.pem"))
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server(creds, port):
    return Run([*BASE, "-object", f"{creds},id=t,endpoint=server", "-chardev",
                f"socket,id=m,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t",
                "-mon", "chardev=m", "-qmp", "stdio"])


def started(run):
    run.expect(r'"QMP"', TIMEOUT)


def talk(connection):
    """The monitor answers."""
    connection.settimeout(TIMEOUT * SLOW)
    connection.sendall(b"info status\n")
    got = b""
    while b"VM status" not in got:
        part = connection.recv(4096)
        if not part:
            raise Failed(f"the connection ended after {got}")
        got += part


def context(folder, certificate=True):
    made = ssl.create_default_context(cafile=os.path.join(folder, "ca-cert.pem"))
    if certificate:
        made.load_cert_chain(os.path.join(folder, "client-cert.pem"), os.path.join(folder, "client-key.pem"))
    return made


def connect(port):
    return socket.create_connection(("127.0.0.1", port), TIMEOUT * SLOW)


def turned_away(port, made):
    """A client that is not let in sees the end, and nothing of the monitor."""
    got = b""
    try:
        with made.wrap_socket(connect(port), server_hostname="localhost") as connection:
            connection.settimeout(TIMEOUT * SLOW)
            connection.sendall(b"info status\n")
            while part := connection.recv(4096):
                got += part
    except (ssl.SSLError, ConnectionError):
        pass
    if got:
        raise Failed(f"a client that must not gets {got}")


def certificates():
    """With a certificate of the authority a client is served, one after the other; without, or of another, not."""
    scratch = Scratch()
    ours, others = authority(scratch, "ours"), authority(scratch, "others")
    port = free_port()
    strangers = context(ours, False)
    strangers.load_cert_chain(os.path.join(others, "client-cert.pem"), os.path.join(others, "client-key.pem"))
    with server(f"tls-creds-x509,dir={ours}", port) as run:
        started(run)
        for _ in range(2):
            with context(ours).wrap_socket(connect(port), server_hostname="localhost") as connection:
                talk(connection)
        turned_away(port, context(ours, False))
        turned_away(port, strangers)
        with connect(port) as plain:            # no TLS at all
            plain.settimeout(TIMEOUT * SLOW)
            got = b""
            try:
                plain.sendall(b"info status\ninfo status\n")
                got = plain.recv(4096)
            except ConnectionError:
                pass
            if b"VM status" in got:
                raise Failed("the monitor answers without TLS")
        with context(ours).wrap_socket(connect(port), server_hostname="localhost") as connection:
            talk(connection)


def anybody():
    """verify-peer=off asks for no certificate."""
    scratch = Scratch()
    ours = authority(scratch, "ours")
    port = free_port()
    with server(f"tls-creds-x509,dir={ours},verify-peer=off", port) as run:
        started(run)
        with context(ours, False).wrap_socket(connect(port), server_hostname="localhost") as connection:
            talk(connection)


def pre_shared(scratch, name, key):
    folder = os.path.join(scratch.folder.name, name)
    os.mkdir(folder)
    with open(os.path.join(folder, "keys.psk"), "w", encoding="utf-8") as file:
        file.write(f"someone:ffff\nqemu:{key}\n")
    return folder


def peer(command, creds, port, path):
    """Another emulator whose serial port is a client there, and tells by a unix socket what comes."""
    return Run([*BASE, "-object", f"{creds},id=t,endpoint=client", "-chardev",
                f"socket,id=c,host=127.0.0.1,port={port},tls-creds=t", "-qmp", "stdio", "-chardev",
                f"socket,id=q,path={path},server=on,wait=off", "-mon", "chardev=c,mode=readline"], command=command)


def between(command, kind):
    """Both ends are monitors: each gets the other's greeting over TLS, which is a line that it cannot know."""
    def test():
        if not os.access(command[0], os.X_OK):
            raise Skip(f"no {command[0]} (Debian package qemu-system-x86)")
        scratch = Scratch()
        if kind == "psk":
            here = there = f"tls-creds-psk,dir={pre_shared(scratch, 'keys', PSK)}"
        elif kind == "x509":
            here = there = f"tls-creds-x509,dir={authority(scratch, 'ours')}"
        else:
            here = there = "tls-creds-anon"
        port = free_port()
        log = scratch.path("log")
        with Run([*BASE, "-object", f"{here},id=t,endpoint=server", "-chardev",
                  f"socket,id=m,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t,logfile={log}",
                  "-mon", "chardev=m", "-qmp", "stdio"]) as run:
            started(run)
            with peer(command, there, port, scratch.path("q")) as other:
                started(other)
                deadline = time.monotonic() + TIMEOUT * SLOW
                while True:             # our monitor echoes what the other one says
                    with open(log, encoding="latin1") as file:
                        text = file.read()
                    if "unknown command" in text:
                        return
                    if time.monotonic() > deadline:
                        run.fail(f"nothing came over TLS: '{text[-200:]}'")
                    run.pump(0.1)
                    other.pump(0.1)
    return test


def wrong_key():
    scratch = Scratch()
    port = free_port()
    creds = "tls-creds-psk,dir={}"
    with server(creds.format(pre_shared(scratch, "here", PSK)), port) as run:
        started(run)
        with peer((run.args[0],), creds.format(pre_shared(scratch, "there", PSK[::-1])), port, scratch.path("q")) as other:
            other.expect(r"warning: TLS: the connection is closed: ", TIMEOUT)


def another_host():
    """A client checks whose certificate it is: 127.0.0.1 is in it, 127.0.0.2 is not."""
    scratch = Scratch()
    ours = authority(scratch, "ours")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(os.path.join(ours, "server-cert.pem"), os.path.join(ours, "server-key.pem"))
    for host, good in (("127.0.0.1", True), ("127.0.0.2", False)):
        with socket.create_server((host, 0)) as listener:
            listener.settimeout(TIMEOUT * SLOW)
            port = listener.getsockname()[1]
            with Run([*BASE, "-object", f"tls-creds-x509,id=t,dir={ours}", "-chardev",
                      f"socket,id=c,host={host},port={port},tls-creds=t", "-mon", "chardev=c"]) as run:
                raw, _ = listener.accept()
                try:
                    with made.wrap_socket(raw, server_side=True) as connection:
                        talk(connection)
                except (ssl.SSLError, ConnectionError, Failed):
                    if good:
                        raise
                    run.expect("does not match the host's name", TIMEOUT)
                else:
                    if not good:
                        raise Failed("a client talks to another host than it was told")


TESTS = [
    ("certificates", certificates),
    ("verify-peer=off", anybody),
    ("pre-shared keys", between((RHEA,), "psk")),
    ("no credentials", between((RHEA,), "anon")),
    ("QEMU as the client: certificates", between((QEMU,), "x509")),
    ("QEMU as the client: pre-shared keys", between((QEMU,), "psk")),
    ("QEMU as the client: no credentials", between((QEMU,), "anon")),
    ("another key", wrong_key),
    ("another host", another_host),
]

if __name__ == "__main__":
    sys.exit(tap(TESTS))
