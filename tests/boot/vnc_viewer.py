#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's VNC viewer (tigervnc-viewer) on a desktop without a screen shows the screendump in each encoding, over TLS
and with a password; keys that are typed in its window arrive, and its window follows the guest's size."""
import shutil
import subprocess
import sys

from boot import Scratch, Skip, tap
from display_guest import difference
from rfb import des
from tls import authority, free_port
from vnc import Machine
import window

PROGRAM = "xtigervncviewer"
OBFUSCATED = bytes((23, 82, 107, 6, 35, 78, 88, 7))     # the key of every vncpasswd
OFF = (window.WIDTH - 1, window.HEIGHT - 1)             # a place for the pointer where no window is


class Viewer:
    def __init__(self, run, *args):
        if not shutil.which(PROGRAM):
            raise Skip(f"no {PROGRAM} (Debian package tigervnc-viewer)")
        self.run, self.desktop = run, window.desktop()
        self.desktop.do("mousemove", *OFF)
        self.home = Scratch()
        self.child = subprocess.Popen([PROGRAM, "-AutoSelect=0", "-Shared", "-AlertOnFatalError=0", *args],
                                      env={**self.desktop.environment, "HOME": self.home.folder.name},
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.id = run.wait("no window of the viewer", self.window)
        self.desktop.do("windowmove", self.id, 0, 0)
        self.desktop.do("windowfocus", "--sync", self.id)

    def window(self):
        if self.child.poll() is not None:
            self.run.fail(f"the viewer ended: {self.child.stdout.read().decode('utf-8', 'replace')}")
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "Rhea.*TigerVNC"], text=True,
                               env=self.desktop.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return found.stdout.split()[0] if found.stdout.split() else None

    def picture(self):
        width, height = (int(line.split("=")[1]) for line in self.desktop.do(
            "getwindowgeometry", "--shell", self.id).splitlines() if line.startswith(("WIDTH", "HEIGHT")))
        return self.desktop.part(0, 0, width, height)

    def check_shown(self, what):
        """Stopped, its window has the screendump's pixels."""
        self.run.qmp.run("stop")
        wanted = self.run.dump()
        self.run.wait(what, lambda: self.picture() == wanted, detail=lambda: difference(self.picture(), wanted))
        self.run.qmp.run("cont")

    def close(self):
        self.child.kill()               # at SIGTERM it calls exit() in the handler, which may wait for itself
        self.child.wait()
        self.child.stdout.close()


def seen_by(vnc, args, creds=(), password=None):
    """vnc: options of -vnc; args: of the viewer, where FOLDER is that of certificates."""
    def test():
        scratch, port = Scratch(), free_port()
        folder = authority(scratch, "ours") if creds else ""
        objects = [word.replace("FOLDER", folder) for word in creds]
        if password:
            path = scratch.path("password", des(OBFUSCATED, password.encode().ljust(8, b"\0")))
        with Machine(*objects, "-vnc", f"localhost:{port - 5900}{vnc}") as run:
            if password:
                run.qmp.run("set_password", protocol="vnc", password=password, **{"display": "vnc2"})
            run.see("╔═╦╗")
            viewer = Viewer(run, *(a.replace("FOLDER", folder) for a in args),
                            *(("-PasswordFile", path) if password else ()), f"localhost::{port}")
            try:
                viewer.check_shown("text")
                for key, code in (("a", "1e61"), ("A", "1e41"), ("F1", "3b00"), ("ctrl+c", "2e03")):
                    viewer.desktop.do("key", key)
                    run.see(f"KEY={code}")
                viewer.desktop.do("key", "g")
                run.wait("the viewer's window did not take the guest's size", lambda: viewer.picture()[:2] == (640, 400))
                viewer.check_shown("mode 13h")
            finally:
                viewer.close()
            run.leave()
    return test


NONE = ("-SecurityTypes", "None")
X509 = ("-object", "tls-creds-x509,id=t,endpoint=server,dir=FOLDER,verify-peer=off")
ANON = ("-object", "tls-creds-anon,id=t,endpoint=server")
TESTS = [(f"encoding {name}", seen_by("", (*NONE, "-PreferredEncoding", name))) for name in ("Raw", "Hextile", "ZRLE", "Tight")] + [
    ("a password", seen_by(",password=on", ("-SecurityTypes", "VncAuth"), password="sesame")),
    ("TLS", seen_by(",tls-creds=t", ("-SecurityTypes", "TLSNone"), ANON)),
    ("TLS with a certificate and a password",
     seen_by(",tls-creds=t,password=on", ("-SecurityTypes", "X509Vnc", "-X509CA", "FOLDER/ca-cert.pem"), X509, "sesame")),
]


if __name__ == "__main__":
    try:
        status = tap(TESTS)
    finally:
        if window.DESKTOP:
            window.DESKTOP.close()
    sys.exit(status)
