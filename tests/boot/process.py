#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulator as a process of the host: its sandbox, user, folder and memory; options from a file; NUMA nodes
and ACPI tables as Linux sees them."""
import json
import os
import re
import sys
import time

from boot import KERNEL_TROUBLE, RHEA, SLOW, Failed, Run, Scratch, Skip, guest_file, run_row, tap

TIMEOUT = 60
LINUX = 180
NOBODY = 65534
BASE = ("-display", "none", "-serial", "none", "-monitor", "stdio", "-net", "none", "-m", "64")
PROMPT = r"\(\w+\) "


def need_root():
    if os.geteuid() != 0:
        raise Skip("not root")


def status(pid, name):
    """The words after NAME: in /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return re.search(rf"^{name}:\s*(.*)$", file.read(), re.M).group(1).split()


def ask(run, command, pattern):
    start = len(run.output)
    run.type(command + "\n")
    run.expect(pattern, TIMEOUT, start)


def started(run):
    """The process id, when the main loop runs: an answer comes from there."""
    run.expect(PROMPT, TIMEOUT)
    ask(run, "info status", "VM status")
    return run.child.pid


def check(run, got, wanted, what):
    if got != wanted:
        run.fail(f"{what} is {got}, must be {wanted}")


def leave(run):
    run.type("quit\n")
    check(run, run.finish(TIMEOUT), 0, "the exit status")


def sandbox_holds_for_all_threads():
    with Run([*BASE, "-sandbox", "on", "-smp", "2"]) as run:
        pid = started(run)
        for thread in os.listdir(f"/proc/{pid}/task"):
            check(run, status(f"{pid}/task/{thread}", "Seccomp"), ["2"], f"Seccomp of thread {thread}")
        leave(run)


def sandbox_off_is_none():
    with Run([*BASE, "-sandbox", "off"]) as run:
        check(run, status(started(run), "Seccomp"), ["0"], "Seccomp")
        leave(run)


def no_program_is_started():
    """A migration to exec: says why it cannot; the machine is what it was."""
    scratch = Scratch()
    mark = scratch.path("mark")
    for sandbox, may in (("on", True), ("on,spawn=deny", False)):
        with Run([*BASE, "-sandbox", sandbox]) as run:
            started(run)
            ask(run, f"migrate exec:touch {mark}; cat >/dev/null",
                PROMPT if may else "(?i)not permitted|cannot|failed")
            ask(run, "info status", "VM status: (running|paused)")
            leave(run)
        check(run, os.path.exists(mark), may, f"a program under -sandbox {sandbox}")
        if may:
            os.unlink(mark)


SCRATCHES = []      # folders that live as long as this program


def scratch_folder():
    SCRATCHES.append(Scratch())
    return SCRATCHES[-1]


def linux(script, args=(), kernel="cloud", memory="256"):
    return ["-nographic", "-no-reboot", "-m", memory, "-kernel", guest_file(kernel), "-append",
            "console=ttyS0 panic=-1", "-initrd", scratch_folder().initrd(script + "\npoweroff -f\n"), *args]


def linux_runs_in_a_sandbox():
    deny = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
    run_row(linux("echo SANDBOXED", ("-smp", "2", "-sandbox", deny)), ("^SANDBOXED",), KERNEL_TROUBLE, 0, LINUX)


def another_user():
    need_root()
    for user, sandbox in ((f"{NOBODY}:{NOBODY}", "on"), ("nobody", "on,elevateprivileges=deny")):
        with Run([*BASE, "-runas", user, "-sandbox", sandbox]) as run:
            pid = started(run)
            check(run, status(pid, "Uid"), [str(NOBODY)] * 4, "Uid")
            check(run, status(pid, "Gid"), [str(NOBODY)] * 4, "Gid")
            check(run, status(pid, "Groups"), [str(NOBODY)], "Groups")
            check(run, int(status(pid, "CapEff")[0], 16), 0, "CapEff")
            leave(run)


def only_root_can_be_another():
    need_root()
    with Run([*BASE, "-runas", "0:0"], command=("/usr/bin/setpriv", "--reuid", str(NOBODY), "--clear-groups",
                                              "--regid", str(NOBODY), RHEA)) as run:
        check(run, run.finish(TIMEOUT), 1, "the exit status")
        run.expect("failed to setgid.0.: Operation not permitted", TIMEOUT)


def a_folder_as_root():
    need_root()
    scratch = Scratch()
    with Run([*BASE, "-chroot", scratch.folder.name, "-runas", "nobody"]) as run:
        pid = started(run)
        check(run, os.readlink(f"/proc/{pid}/root"), scratch.folder.name, "the root folder")
        check(run, os.readlink(f"/proc/{pid}/cwd"), scratch.folder.name, "the working folder")
        leave(run)
    with Run([*BASE, "-chroot", "/nonexistent"]) as run:
        check(run, run.finish(TIMEOUT), 1, "the exit status")
        run.expect("chroot to '/nonexistent' failed: No such file", TIMEOUT)


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if status(name, "PPid") == [str(pid)]:
                    found.append(int(name))
            except (OSError, AttributeError):
                pass
    return found


def alive(pid):
    try:
        return status(pid, "State")[0] != "Z"
    except OSError:
        return False


def until(run, done, trouble):
    deadline = time.monotonic() + TIMEOUT * SLOW
    while not done():
        if time.monotonic() > deadline:
            run.fail(trouble)
        time.sleep(0.02)


def memory_is_freed_by_another():
    """The other process ends after the emulator, whether that was killed or not."""
    for end in ("quit", "kill"):
        with Run([*BASE, "-async-teardown"]) as run:
            pid = started(run)
            other = children(pid)
            check(run, len(other), 1, "the number of child processes")
            until(run, lambda: status(other[0], "Name") == ["cleanup"], "the child has another name")
            until(run, lambda: not os.listdir(f"/proc/{other[0]}/fd"), "the child has something open")
            if end == "kill":
                run.kill()
            else:
                leave(run)
            until(run, lambda: not alive(other[0]), f"the child lives after {end}")


def memory_is_a_file():
    """What the guest writes is in the file: on the host a string of its memory is found."""
    scratch = Scratch()
    path = scratch.path("ram")
    mark = "what-the-guest-wrote"
    args = linux(f"echo {mark[:8]}'{mark[8:]}' >/tmp/x; sync; cat /tmp/x >/dev/null")
    run_row([*args, "-object", f"memory-backend-file,id=r,mem-path={path},share=on,size=256M",
             "-machine", "memory-backend=r"], (), KERNEL_TROUBLE, 0, LINUX)
    with open(path, "rb") as file:
        if mark.encode() not in file.read():
            raise Failed("the file has not what the guest wrote")
    if os.stat(path).st_size != 256 << 20:
        raise Failed("the file has not the size of the memory")


def memory_path_and_prealloc():
    """-mem-path's file is not written; -mem-prealloc has all pages resident before the guest runs."""
    scratch = Scratch()
    with Run([*BASE, "-S", "-mem-prealloc", "-mem-path", scratch.folder.name]) as run:
        pid = started(run)
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
            maps = re.findall(r"^\S+-\S+ .*rhea_back_mem.*\nSize: +(\d+) kB\n(?:.*\n)*?Rss: +(\d+) kB", file.read(), re.M)
        check(run, maps, [("65536", "65536")], "the size of the mapping, and of what is there of it")
        check(run, os.listdir(scratch.folder.name), [], "what is in the folder")
        leave(run)


def memory_is_locked():
    need_root()
    with Run([*BASE, "-overcommit", "mem-lock=on"]) as run:
        locked = int(status(started(run), "VmLck")[0])
        if locked < 64 << 10:
            run.fail(f"{locked} KiB are locked, must be at least the guest's 64 MiB")
        leave(run)


def options_from_a_file():
    scratch = Scratch()
    config = scratch.path("config", f"""# how this guest starts
[machine]
  type = "q35"
  kernel = "{scratch.assemble('guest.S')}"
  append = "D"
[device "e"]
  driver = "isa-debug-exit"
  iobase = "0x501"
[memory]
  size = "64"
""".encode())
    with Run(["-display", "none", "-serial", "null", "-monitor", "none", "-readconfig", config,
              "-set", "device.e.iobase=0xf4"]) as run:
        got = run.finish(TIMEOUT)
        if got & 1 == 0:
            run.fail(f"exit status {got}: the guest did not end by the device of the file")


def another_escape_character():
    with Run(["-display", "none", "-nodefaults", "-serial", "mon:stdio", "-echr", "0x14"], terminal=True) as run:
        time.sleep(0.5)
        run.type("\x01h\x14h")
        run.expect(r"Ctrl-T x +leave", TIMEOUT)
        run.type("\x14x")
        check(run, run.finish(TIMEOUT), 0, "the exit status")


NODES = """cd /sys/devices/system/node
for n in node*; do
    echo "$n: cpus $(cat $n/cpulist) distance $(cat $n/distance) MiB $(($(sed -n 's/.*MemTotal: *\\([0-9]*\\) kB/\\1/p' $n/meminfo) / 1024))"
done
"""


def linux_sees_nodes(machine, kernel):
    """CPUs, memory and distances; memory of node 1 lies on both sides of the hole below 4 GiB."""
    def test():
        args = linux(NODES, ("-machine", machine, "-smp", "4,sockets=2",
                             "-object", "memory-backend-ram,id=a,size=128M", "-object", "memory-backend-ram,id=b,size=256M",
                             "-numa", "node,nodeid=0,memdev=a,cpus=0,cpus=3", "-numa", "node,nodeid=1,memdev=b,cpus=1-2",
                             "-numa", "dist,src=0,dst=1,val=21"), kernel, "384")
        output = run_row(args, (r"^node0: cpus 0,3 distance 10 21 MiB", r"^node1: cpus 1-2 distance 21 10 MiB"),
                         KERNEL_TROUBLE, 0, LINUX)
        sizes = [int(n) for n in re.findall(r"distance \S+ \S+ MiB (\d+)", output)]
        if not (60 < sizes[0] <= 128 and 200 < sizes[1] <= 256):
            raise Failed(f"the nodes have {sizes} MiB, must have nearly 128 and 256")
    return test


TABLES = "for t in /sys/firmware/acpi/tables/[A-Z]*; do echo \"$(basename $t): $(strings $t | tr '\\n' ' ')\"; done"


def linux_sees_tables():
    scratch = Scratch()
    body = scratch.path("body", b"the body of it\0")
    args = linux(TABLES, ("-acpitable", f"sig=ABCD,oem_id=MAKER,oem_rev=7,data={body}", "-M",
                          "x-oem-id=OEMID,x-oem-table-id=TABLEID"))
    run_row(args, (r"^ABCD: .*MAKER.*the body of it", r"^APIC: .*OEMID TABLEID", r"^DSDT: .*OEMID TABLEID"),
            KERNEL_TROUBLE, 0, LINUX)


def a_cpu_begins_elsewhere():
    with Run([*BASE, "-S", "-smp", "2", "-device", "loader,addr=0x1234,cpu-num=0"]) as run:
        started(run)
        ask(run, "info registers", r"[ER]IP=0*1234 ")
        run.type("system_reset\n")
        ask(run, "info registers", r"[ER]IP=0*1234 ")
        leave(run)


def executed(scratch, *args):
    """The addresses that -d exec logs while the tiny guest runs."""
    log = scratch.path("log")
    with Run(["-display", "none", "-serial", "null", "-monitor", "none", "-m", "64", "-kernel",
              scratch.assemble("guest.S"), "-append", "D", "-device", "isa-debug-exit,iobase=0xf4", "-d", "exec",
              "-D", log, *args]) as run:
        run.finish(TIMEOUT)
    with open(log, encoding="utf-8") as file:
        return [int(a, 16) for a in re.findall(r"^exec: cpu 0: (0x[0-9a-f]+)", file.read(), re.M)]


def logs_of_code():
    """Each instruction with -singlestep, each block without; with -dfilter those of some addresses."""
    scratch = Scratch()
    blocks, single = executed(scratch), executed(scratch, "-singlestep")
    if not blocks or not set(blocks) < set(single):
        raise Failed(f"{len(set(blocks))} addresses of blocks, {len(set(single))} of instructions")
    some = sorted(set(single))[1:3]
    filtered = executed(scratch, "-singlestep", "-dfilter", f"{some[0]:#x}+1,{some[1]:#x}..{some[1]:#x}")
    if filtered != [a for a in single if a in some]:
        raise Failed(f"-dfilter of {some} logs {sorted(set(filtered))}")


def state_rows_as_json():
    scratch = Scratch()
    path = scratch.path("rows")
    with Run(["-M", "q35", "-dump-vmstate", path]) as run:
        check(run, run.finish(TIMEOUT), 0, "the exit status")
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    if rows["vmschkmachine"]["Name"] != "pc-q35-7.2":
        raise Failed("the file names another machine")
    fields = {f["field"]: f for f in rows["isa-serial"]["Description"]["Fields"]}
    uart = {f["field"]: f["size"] for f in fields["uart"]["Description"]["Fields"]}
    if uart.get("divisor") != 2 or uart.get("lcr") != 1:
        raise Failed(f"the serial port's rows are {uart}")


TESTS = [
    ("sandbox: every thread is in it", sandbox_holds_for_all_threads),
    ("sandbox: off", sandbox_off_is_none),
    ("sandbox: spawn=deny", no_program_is_started),
    ("sandbox: Linux runs", linux_runs_in_a_sandbox),
    ("runas", another_user),
    ("runas: without the right to", only_root_can_be_another),
    ("chroot", a_folder_as_root),
    ("async-teardown", memory_is_freed_by_another),
    ("memory: a shared file", memory_is_a_file),
    ("memory: -mem-path and -mem-prealloc", memory_path_and_prealloc),
    ("memory: locked", memory_is_locked),
    ("readconfig and set", options_from_a_file),
    ("echr", another_escape_character),
    ("numa: pc", linux_sees_nodes("pc", "amd64")),
    ("numa: q35, memory on both sides of the hole", linux_sees_nodes("q35,max-ram-below-4g=192M", "amd64")),
    ("singlestep and dfilter", logs_of_code),
    ("dump-vmstate", state_rows_as_json),
    ("loader: where a CPU begins", a_cpu_begins_elsewhere),
    ("acpitable and OEM ids", linux_sees_tables),
]

if __name__ == "__main__":
    sys.exit(tap(TESTS))
