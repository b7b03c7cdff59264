# SPDX-License-Identifier: GPL-2.0-or-later
"""Rhea's `image` program and QEMU's tools behind one interface, and the model of a disk."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGE = os.environ.get("RHEA_IMAGE", os.path.join(ROOT, "build/release/tests/block/image"))


def missing():
    """Why tests with QEMU's tools skip; None: they are there."""
    for tool in ("qemu-img", "qemu-io"):
        if not shutil.which(tool):
            return f"no {tool} (Debian package qemu-utils)"
    return None


class Failed(Exception):
    """What a test found wrong."""


def tap(tests, skip=None):
    """Runs (name, function) pairs, prints TAP."""
    print(f"1..{len(tests)}", flush=True)
    bad = 0
    for number, (name, function) in enumerate(tests, 1):
        if skip:
            print(f"ok {number} {name} # SKIP {skip}", flush=True)
            continue
        folder = tempfile.mkdtemp(prefix="rhea-block-")
        try:
            function(folder)
            print(f"ok {number} {name}", flush=True)
        except Failed as error:
            bad += 1
            print(f"not ok {number} {name}", flush=True)
            for line in str(error).splitlines():
                print(f"# {line}", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


class Image:
    """The program, one command at a time."""

    def __init__(self, env=None):
        self.process = subprocess.Popen([IMAGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, **(env or {})})
        self.said = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def answer(self, command):
        """What it says: (True, words after ok) or (False, message)."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            self.said = []
            while True:
                line = self.process.stdout.readline()
                if not line:
                    raise Failed(f"'{command}': the program ended\n" + self.process.stderr.read()[-3000:])
                if line.startswith("ok"):
                    return True, line[2:].strip()
                if line.startswith("error: "):
                    return False, line[7:].strip()
                self.said.append(line.rstrip())
        except BrokenPipeError:
            raise Failed(f"'{command}': the program had ended") from None

    def do(self, command):
        ok, text = self.answer(command)
        if not ok:
            raise Failed("\n".join([f"{command}: {text}"] + self.said))
        return text


def rhea(*commands):
    """Runs commands; the last one's answer."""
    with Image() as image:
        answer = ""
        for command in commands:
            answer = image.do(command)
        return answer


def run(*words, ok=True, stdin=None):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, input=stdin,
                          check=False)
    if ok and done.returncode != 0:
        raise Failed(f"{' '.join(words)}: status {done.returncode}\n{done.stdout[-2000:]}")
    return done


def qemu_check(path, leaks_are_fine=False):
    """qemu-img check: 0 fine, 3 leaks."""
    done = run("qemu-img", "check", path, ok=False)
    if done.returncode != 0 and not (leaks_are_fine and done.returncode == 3):
        raise Failed(f"qemu-img check {path}: status {done.returncode}\n{done.stdout[-2000:]}")


def rhea_check(path):
    text = rhea(f"open driver=qcow2,read-only=on,file.filename={path}", "check", )
    if "corruptions=0 leaks=0 errors=0" not in text:
        raise Failed(f"{path}: {text}")


def qemu_sum(path, work, fmt="qcow2", extra=()):
    """SHA-256 of what QEMU reads.  fmt None: extra says it all."""
    raw = os.path.join(work, "sum.raw")
    run("qemu-img", "convert", *(["-f", fmt] if fmt else []), "-O", "raw", *extra, path, raw)
    with open(raw, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    os.unlink(raw)
    return digest


class Disk:
    """What a disk must read as: bytes, snapshots, a backing file's bytes below."""

    def __init__(self, size, below=None):
        self.data = bytearray(below or b"")[:size]
        self.data.extend(bytes(size - len(self.data)))
        self.snapshots = {}

    def write(self, at, length, byte):
        self.data[at:at + length] = bytes([byte]) * length

    def sum(self):
        return hashlib.sha256(self.data).hexdigest()


def expect(have, want, what):
    if have != want:
        raise Failed(f"{what}: have {have}, want {want}")


if __name__ == "__main__":
    sys.exit("qcow2_disk.py is no test")
