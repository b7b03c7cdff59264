# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs programs through c/agent.c: natively, and in the guest of an emulator that stays up.

Both have run(command): a dictionary with "cpu" and "wall" in seconds, "hash" of what the program
printed, "status" and "text" of standard error; or Trouble. CPU time in a guest is that of the
emulator's process between the marks, whatever of it is the guest's: boot and idling before do
not count.
"""
import os
import select
import signal
import subprocess
import time

CPUCLOCK_SCHED = 2              # Linux, include/linux/posix-timers.h: CPU time of a process, in ns
BOOT_TIMEOUT = 300
MEMORY = "1024M"                # the chase in DRAM needs a quarter of it


class Trouble(Exception):
    """The program or the guest did not come to its end: kind is one word for the table."""

    def __init__(self, kind, text=""):
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind = kind


def cpu_seconds(pid):
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


class Lines:
    """Lines of a pipe, with a deadline."""

    def __init__(self, fd):
        self.fd, self.data, self.seen = fd, b"", b""

    def next(self, deadline):
        while b"\n" not in self.data:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise Trouble("hang")
            chunk = os.read(self.fd, 65536)
            if not chunk:
                raise Trouble("ended", self.seen[-600:].decode("utf-8", "replace"))
            self.data += chunk
            self.seen = (self.seen + chunk)[-4000:]
        line, _, self.data = self.data.partition(b"\n")
        return line.decode("utf-8", "replace").strip("\r\n\x00 ")

    def wait(self, mark, deadline):
        """The first line that begins with the mark; kernels may talk in between."""
        while True:
            line = self.next(deadline)
            at = line.find(mark)
            if at >= 0:
                return line[at:]
            if "Kernel panic" in line:
                raise Trouble("panic", line)


class Agent:
    """What the two sides share: a process with the agent on its standard input and output."""

    def __init__(self, name, timeout):
        self.name, self.timeout = name, timeout
        self.child, self.lines = None, None

    def start(self, command, **options):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      bufsize=0, start_new_session=True, **options)
        self.lines = Lines(self.child.stdout.fileno())

    def send(self, line):
        try:
            self.child.stdin.write(line.encode() + b"\n")
        except OSError:
            raise Trouble("ended", self.lines.seen[-600:].decode("utf-8", "replace")) from None

    def stop(self):
        if self.child:
            if self.child.poll() is None:
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            self.child.stdin.close()
            self.child.stdout.close()
            self.child = None

    def run(self, command):
        try:
            return self.measure(command)
        except Trouble:
            self.stop()                 # the next program gets a new guest
            raise

    def result(self, deadline):
        end = self.lines.wait("@end ", deadline)
        _, status, sums, cpu, wall, text = (end + " ").split(" ", 5)
        return {"status": int(status), "hash": sums, "cpu": float(cpu), "wall": float(wall),
                "text": text.strip()}


class Native(Agent):
    """The host, on one of its processors, as a guest has one."""

    def __init__(self, folder, timeout, cpus=1):
        super().__init__("native", timeout)
        self.folder, self.cpus = folder, cpus

    def measure(self, command):
        if not self.child:
            some = set(sorted(os.sched_getaffinity(0))[-self.cpus:])
            self.start(["bin/agent", "native"], cwd=self.folder,
                       preexec_fn=lambda: os.sched_setaffinity(0, some))
            self.lines.wait("@ready", time.monotonic() + 10)
        self.send("run " + command)
        return self.result(time.monotonic() + self.timeout)


class Emulator(Agent):
    """A guest that boots when it is first needed, and again after a program that hung."""

    def __init__(self, name, command, machine, timeout, log):
        super().__init__(name, timeout)
        self.command, self.machine, self.log = command, machine, log
        self.refused = None

    def boot(self):
        if self.refused:                # it would not boot for the next program either
            raise self.refused
        with open(self.log, "ab") as log:
            self.start([*self.command, *self.machine], stderr=log)
        try:
            self.lines.wait("@ready", time.monotonic() + BOOT_TIMEOUT)
        except Trouble as trouble:
            self.stop()
            self.refused = Trouble("no boot", f"{' '.join(self.command)}: {trouble}")
            raise self.refused from None
        time.sleep(1)                   # what the kernel still does after init started

    def measure(self, command):
        if not self.child:
            self.boot()
        deadline = time.monotonic() + self.timeout
        pid = self.child.pid
        start, wall = cpu_seconds(pid), time.monotonic()
        self.send("run " + command)
        while True:
            line = self.lines.wait("@", deadline)
            if line.startswith("@begin"):
                start, wall = cpu_seconds(pid), time.monotonic()
                self.send("")
            elif line.startswith("@done"):
                break
        cpu, wall = cpu_seconds(pid) - start, time.monotonic() - wall
        return dict(self.result(deadline), cpu=cpu, wall=wall)


def machine_arguments(kernel, initrd, memory=MEMORY):
    return ["-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
            "-m", memory, "-kernel", kernel, "-initrd", initrd,
            "-append", "console=ttyS0 quiet panic=-1"]
