#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP on running machines: life and events, descriptors that are inherited, daemons."""
import os
import re
import signal
import sys
import time

from boot import RHEA, SLOW, Failed, Run, Scratch, guest_file, tap
from qmp_client import Qmp, listener

TIMEOUT = 120
STARTED = r"GUEST-STARTED"
POWEROFF = "poweroff -f\n"
LINUX = "console=ttyS0 panic=-1 quiet"


def guest(scratch, letter):
    return ["-display", "none", "-serial", "stdio", "-kernel", scratch.assemble("guest.S"),
            "-append", letter]


def linux(scratch, script):
    return ["-display", "none", "-serial", "stdio", "-m", "512M", "-kernel", guest_file("cloud"), "-append",
            LINUX, "-initrd", scratch.initrd(script)]


def server(scratch):
    path = scratch.path("qmp.sock")
    return path, ["-qmp", f"unix:{path},server=on,wait=off"]


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what} is {got!r}, expected {wanted!r}")


def expect_status(run, status):
    got = run.finish(TIMEOUT)
    if got != status:
        run.fail(f"exit status {got}, expected {status}")


def life():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "w"), *option, "-S", "-smp", "2", "-name", "me"]) as run:
        qmp = Qmp(path)
        expect("the version", qmp.greeting["QMP"]["version"]["qemu"]["major"], 7)
        qmp.negotiate()
        expect("the state", qmp.run("query-status"),
               {"running": False, "singlestep": False, "status": "prelaunch"})
        qmp.run("cont")
        qmp.event("RESUME")
        run.expect(STARTED, TIMEOUT)
        threads = os.listdir(f"/proc/{run.child.pid}/task")
        cpus = qmp.run("query-cpus-fast")
        expect("the CPUs", [cpu["cpu-index"] for cpu in cpus], [0, 1])
        if any(str(cpu["thread-id"]) not in threads for cpu in cpus):
            raise Failed(f"{cpus} are not among {threads}")
        expect("the name", qmp.run("query-name"), {"name": "me"})
        qmp.run("stop")
        qmp.event("STOP")
        expect("the state", qmp.run("query-status")["status"], "paused")
        qmp.run("cont")
        at = len(run.output)
        qmp.run("system_reset")
        expect("the reset", qmp.event("RESET"),
               {"guest": False, "reason": "host-qmp-system-reset"})
        run.expect(STARTED, TIMEOUT, at)
        text = qmp.run("human-monitor-command", command_line="info registers")
        if not re.search(r"(EIP|RIP)=", text):
            raise Failed(f"no registers: {text}")
        qmp.run("quit")
        expect("the end", qmp.event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
        expect("what follows", qmp.line(), None)
        expect_status(run, 0)


def a_signal_ends_it():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "h"), *option]) as run:
        qmp = Qmp(path).negotiate()
        run.expect(STARTED, TIMEOUT)
        run.child.send_signal(signal.SIGTERM)
        expect("the end", qmp.event("SHUTDOWN"), {"guest": False, "reason": "host-signal"})
        expect("what follows", qmp.line(), None)
        expect_status(run, 0)


def guests_resets_are_events():
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*guest(scratch, "k"), *option, "-S"]) as run:
        qmp = Qmp(path).negotiate()
        qmp.run("cont")
        for _ in range(3):
            expect("the reset", qmp.event("RESET"), {"guest": True, "reason": "guest-reset"})
        qmp.run("set-action", reboot="shutdown")
        expect("the end", qmp.event("SHUTDOWN"), {"guest": True, "reason": "guest-reset"})
        expect_status(run, 0)


def power_off_and_again():
    """-no-shutdown: the machine stays, and system_reset with cont starts it anew."""
    scratch = Scratch()
    path, option = server(scratch)
    with Run([*linux(scratch, POWEROFF), *option, "-no-shutdown"]) as run:
        qmp = Qmp(path).negotiate()
        for _ in range(2):
            expect("the end", qmp.event("SHUTDOWN", TIMEOUT),
                   {"guest": True, "reason": "guest-shutdown"})
            qmp.event("STOP")
            expect("the state", qmp.run("query-status")["status"], "shutdown")
            qmp.run("system_reset")
            qmp.event("RESET")
            qmp.run("cont")
            qmp.event("RESUME")
        run.child.send_signal(signal.SIGTERM)
        expect_status(run, 0)


def inherited_listener():
    """As libvirt starts a machine; after a client another one is greeted."""
    scratch = Scratch()
    path = scratch.path("monitor.sock")
    sock = listener(path)
    args = [*guest(scratch, "w"), "-chardev",
            f"socket,id=charmonitor,fd={sock.fileno()},server=on,wait=off", "-mon",
            "chardev=charmonitor,id=monitor,mode=control"]
    with Run(args, pass_fds=(sock.fileno(),)) as run:
        for _ in range(3):
            qmp = Qmp(path).negotiate()
            expect("the chardev", [row["label"] for row in qmp.run("query-chardev")],
                   ["charmonitor", "serial0"])
            qmp.close()
        run.expect(STARTED, TIMEOUT)
        run.child.terminate()
        expect_status(run, 0)


def daemon():
    """The parent ends when the socket listens and the pid is written; the child goes on."""
    scratch = Scratch()
    path, option = server(scratch)
    pidfile = scratch.path("pid")
    kernel = guest(scratch, "w")[4:]
    with Run(["-display", "none", "-nodefaults", *kernel, *option, "-pidfile", pidfile,
              "-daemonize"]) as run:
        expect_status(run, 0)
        with open(pidfile, encoding="ascii") as file:
            pid = int(file.read())
        if pid == run.child.pid:
            run.fail("the pid is the parent's")
        try:
            expect("the program", os.path.realpath(f"/proc/{pid}/exe"), os.path.realpath(RHEA))
            expect("the folder", os.readlink(f"/proc/{pid}/cwd"), "/")
            for i in range(3):
                expect("a standard descriptor", os.readlink(f"/proc/{pid}/fd/{i}"), "/dev/null")
            qmp = Qmp(path).negotiate()
            expect("the state", qmp.run("query-status")["status"], "running")
            os.kill(pid, signal.SIGTERM)
            expect("the end", qmp.event("SHUTDOWN")["reason"], "host-signal")
            expect("what follows", qmp.line(), None)
        finally:
            end_daemon(pid)
        if os.path.exists(pidfile):
            raise Failed("the file with the pid is left")


def end_daemon(pid):
    deadline = time.monotonic() + 20 * SLOW
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise Failed("the daemon did not end")
        time.sleep(0.05)


def daemons_say_what_is_wrong():
    scratch = Scratch()
    with Run(["-display", "none", "-daemonize", "-kernel", scratch.path("missing")]) as run:
        run.expect(r"could not open kernel file '.*missing'", TIMEOUT)
        expect_status(run, 1)


def messages_have_times():
    scratch = Scratch()
    with Run(["-display", "none", "-msg", "timestamp=on,guest-name=on", "-name", "me", "-kernel",
              scratch.path("missing")]) as run:
        run.expect(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z me \S+: could not open", TIMEOUT)
        expect_status(run, 1)


def process_has_its_name():
    scratch = Scratch()
    with Run([*guest(scratch, "w"), "-name", "me,process=rhea-test"]) as run:
        run.expect(STARTED, TIMEOUT)
        with open(f"/proc/{run.child.pid}/comm", encoding="ascii") as file:
            expect("the name", file.read().strip(), "rhea-test")
        run.child.terminate()
        expect_status(run, 0)


def main():
    return tap([
        ("a machine's life", life),
        ("SIGTERM: an event, then the end", a_signal_ends_it),
        ("a guest's resets", guests_resets_are_events),
        ("power off, -no-shutdown, and again", power_off_and_again),
        ("a listening socket that is inherited", inherited_listener),
        ("-daemonize", daemon),
        ("-daemonize with a mistake", daemons_say_what_is_wrong),
        ("-msg", messages_have_times),
        ("-name process=", process_has_its_name),
    ])


if __name__ == "__main__":
    sys.exit(main())
