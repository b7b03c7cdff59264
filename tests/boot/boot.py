# SPDX-License-Identifier: GPL-2.0-or-later
"""What the boot tests share: running the emulator on a row, guests, and TAP.

A test is a function without arguments that returns nothing when it passes, raises Skip(reason)
or raises Failed(reason). tap() runs a list of (name, function) and prints TAP.

RHEA_BIN is the emulator (default: the release build). Any emulator with the same command line
can stand there; that is how the tests themselves are tried. RHEA_SLOW multiplies the timeouts.
"""
import faulthandler
import fcntl
import importlib.machinery
import importlib.util
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RHEA = os.environ.get("RHEA_BIN", os.path.join(ROOT, "build", "rhea-system-x86_64"))
SLOW = float(os.environ.get("RHEA_SLOW", "1"))
TOOLS = os.path.join(ROOT, "tools")

# What a healthy Linux log never contains.
KERNEL_TROUBLE = (r"BUG:|Oops|WARNING:|Call Trace|[Pp]anic - not|general protection|"
                  r"soft lockup|rcu_\w+ detected|\[Firmware Bug\]|segfault")

# Every init script starts like this.
INIT_HEAD = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
echo INIT-STARTED
"""


class Skip(Exception):
    """The test cannot run here."""


class Failed(Exception):
    """The test ran and did not pass."""


def guest_file(name):
    """The file of a guest that tools/fetch-guests fetched."""
    found = subprocess.run([os.path.join(TOOLS, "fetch-guests"), "--path", name],
                           stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode != 0:
        raise Skip(f"guest {name} is not there (tools/fetch-guests {name})")
    return found.stdout.strip()


def guest_data(name, file):
    """The bytes of a further file of a guest, such as a module of its kernel."""
    with open(os.path.join(os.path.dirname(guest_file(name)), file), "rb") as data:
        return data.read()


def load_tool(name):
    """A Python script of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True      # no .pyc beside the script
    loader.exec_module(module)
    return module


class Scratch:
    """A temporary folder with the files a test makes."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rhea-boot-")

    def path(self, name, data=None):
        path = os.path.join(self.folder.name, name)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        return path

    def initrd(self, script, head=INIT_HEAD, files=(), busybox="busybox"):
        with open(guest_file(busybox), "rb") as file:
            binary = file.read()
        init = (head + script).encode()
        return self.path("initrd", load_tool("make-initramfs").build(binary, init, files))

    def assemble(self, name):
        """A flat multiboot ELF made by gas and ld from tests/boot/NAME, or from another path."""
        source, obj = os.path.join(HERE, name), self.path("a.o")
        elf = self.path(os.path.basename(name) + ".elf")
        for command in (["as", "--32", "-o", obj, source],
                        ["ld", "-m", "elf_i386", "-n", "-Ttext=0x100000", "-o", elf, obj]):
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      text=True, check=False)
            except FileNotFoundError:
                raise Skip(f"no {command[0]} (Debian package binutils)") from None
            if done.returncode != 0:
                raise Failed(f"{' '.join(command)}: {done.stderr}")
        return elf


def engine(args):
    """What runs the machine where a test does not say: the same everywhere, whatever is fastest there. RHEA_ACCEL=kvm
    has them run by KVM."""
    said = any(arg in ("-accel", "--accel", "-enable-kvm", "-readconfig") or "accel=" in arg for arg in args)
    return () if said else ("-accel", os.environ.get("RHEA_ACCEL", "tcg"))


class Run:
    """One run of the emulator, or of another command. Output is standard output and error
    together, both on a terminal (a pty) when terminal is true. As in a shell the terminal
    controls the program; with controlling=False it is just a terminal, as some tools hand out.
    pass_fds are further descriptors that it keeps."""

    def __init__(self, args, terminal=False, command=(RHEA,), controlling=True, pass_fds=()):
        if not os.access(command[0], os.X_OK):
            raise Failed(f"no program '{command[0]}'")
        self.args = [*command, *(engine(args) if command == (RHEA,) else ()), *args]
        self.output = ""
        self.read_fd, output = pty.openpty() if terminal else os.pipe()
        take = (lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if terminal and controlling else None
        self.child = subprocess.Popen(
            self.args, stdout=output, stderr=output, start_new_session=True,
            stdin=output if terminal else subprocess.PIPE, bufsize=0, preexec_fn=take, pass_fds=pass_fds)
        os.close(output)

    def type(self, text):
        """Types into the terminal or standard input."""
        if self.child.stdin:
            self.child.stdin.write(text.encode())
        else:
            os.write(self.read_fd, text.encode())

    def pump(self, seconds):
        """Reads what there is; False at the end of the output."""
        if not select.select([self.read_fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.read_fd, 65536)
        except OSError:                 # a pty whose other end is closed
            return False
        # Terminals get \r\n; patterns are written for \n.
        self.output += data.decode("utf-8", "replace").replace("\r", "")
        return bool(data)

    def expect(self, pattern, timeout, start=0):
        """Waits for a pattern after position start and gives the position after it."""
        deadline = time.monotonic() + timeout * SLOW
        while True:
            match = re.search(pattern, self.output[start:], re.M)
            if match:
                return start + match.end()
            left = deadline - time.monotonic()
            if left <= 0:
                self.fail(f"did not print '{pattern}' within {timeout * SLOW:.0f} s")
            if not self.pump(min(left, 1)):
                if not re.search(pattern, self.output[start:], re.M):
                    self.fail(f"ended without printing '{pattern}'")

    def finish(self, timeout):
        """Waits for the end and gives the exit status."""
        deadline = time.monotonic() + timeout * SLOW
        while self.pump(0.5):
            if time.monotonic() > deadline:
                self.fail(f"did not end within {timeout * SLOW:.0f} s")
        try:
            return self.child.wait(max(deadline - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            self.fail(f"closed its output and did not end within {timeout * SLOW:.0f} s")

    def fail(self, reason):
        self.kill()
        tail = "\n".join(self.output.splitlines()[-25:])
        raise Failed(f"{reason}\ncommand: {' '.join(self.args)}\nlast output:\n{tail}")

    def kill(self):
        """Ends the emulator that this run started, and its children."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kill()
        os.close(self.read_fd)
        if self.child.stdin:
            self.child.stdin.close()


def resident(pid, memory):
    """(MiB of guest memory touched, resident MiB in all)."""
    total = touched = 0
    size, ram = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+ *(.*)", line)
            if head:
                size = int(head.group(2), 16) - int(head.group(1), 16)
                ram = size >= memory // 2
            elif line.startswith("Rss:"):
                kib = int(line.split()[1])
                total += kib
                touched += kib if ram else 0
    return touched / 1024, total / 1024


def processor_time(pid):
    """Seconds of CPU that a process and its threads have used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_row(args, expected, forbidden, status, timeout):
    """Runs to the end and compares with what a row says. Gives the output."""
    with Run(args) as run:
        got = run.finish(timeout)
        for pattern in expected:
            if not re.search(pattern, run.output, re.M):
                run.fail(f"did not print '{pattern}' (exit status {got})")
        trouble = forbidden and re.search(forbidden, run.output, re.M)
        if trouble:
            run.fail(f"printed '{trouble.group(0)}', which must not appear")
        if got != status:
            run.fail(f"exit status {got}, expected {status}")
        return run.output


def tap(tests):
    """Runs (name, function) pairs and prints TAP."""
    faulthandler.enable(sys.stdout)     # SIGABRT tells where a script stands that does not end
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        start = time.monotonic()
        try:
            function()
        except Skip as skip:
            print(f"ok {number} {name} # SKIP {skip}", flush=True)
            continue
        except Failed as reason:
            failed += 1
            print(f"not ok {number} {name}")
            print("\n".join("# " + line for line in str(reason).splitlines()), flush=True)
            continue
        except Exception:               # a mistake in the test is a failure of one test only
            failed += 1
            print(f"not ok {number} {name}")
            print("\n".join("# " + line for line in traceback.format_exc().splitlines()),
                  flush=True)
            continue
        print(f"ok {number} {name} ({time.monotonic() - start:.1f} s)", flush=True)
    return 1 if failed else 0


def main(tests, long=()):
    """tap() with what the command line asks for: rows whose names have one of its words; all of them with --all (or
    RHEA_ALL=1); else all but `long`, the names of those that take long and are near to others."""
    unknown = set(long) - {name for name, _ in tests}
    assert not unknown, f"no rows: {unknown}"
    words = [a for a in sys.argv[1:] if a != "--all"]
    everything = "--all" in sys.argv or os.environ.get("RHEA_ALL")
    chosen = [t for t in tests if (any(w in t[0] for w in words) if words else everything or t[0] not in long)]
    status = tap(chosen)
    if not words and len(chosen) < len(tests):
        print(f"# {len(tests) - len(chosen)} more rows with --all")
    return status
