#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Why KVM cannot be used, as the program says it: each cause made in a root folder of its own, with its node, processor,
modules, groups and user; and what runs the machine instead."""
import os
import re
import shlex
import subprocess
import sys
import tempfile

from boot import RHEA, Failed, Skip, tap

TIMEOUT = 60
NOBODY = 65534
GROUP = 23456                           # of the node; the database calls it kvm
KVM = "c 10 232"
NO_DRIVER = "c 10 231"                  # a number of the same kind that no driver has
OWN = {"dev", "run"}                    # folders that are not the host's

VMX = "flags\t\t: fpu vmx sse2\n"
SVM = "flags\t\t: fpu svm sse2\n"
PLAIN = "flags\t\t: fpu sse2\n"
VIRTUAL = "flags\t\t: fpu hypervisor sse2\n"
DRIVER = "232 kvm\n"
SHELL = "/bin/sh"


class Place:
    """What a machine is like, as far as the program looks."""

    def __init__(self, cpuinfo=VMX, modules=("kvm", "kvm_intel"), misc=DRIVER, node=None, mode=0o660, group=GROUP,
                 container=False, user=0, members="", nodev=False, over=None, denied=False):
        self.cpuinfo, self.modules, self.misc = cpuinfo, modules, misc
        self.node, self.mode, self.group = node, mode, group
        self.container, self.user, self.members = container, user, members
        self.nodev, self.over, self.denied = nodev, over, denied


def folders(root):
    """The host's, at their places below the root."""
    for name in sorted(os.listdir("/")):
        path = "/" + name
        if os.path.islink(path):
            yield f"ln -s {shlex.quote(os.readlink(path))} {root}/{name}"
        elif os.path.isdir(path) and name not in OWN and not root.startswith(path + "/"):
            yield f"mkdir {root}/{name}; mount --rbind {path} {root}/{name}"


def make_node(place, root):
    dev = f"{root}/dev"
    yield f"mkdir {dev} {root}/run; mount -t tmpfs {'-o nodev ' if place.nodev else ''}none {dev}"
    for name, numbers in (("null", "c 1 3"), ("zero", "c 1 5"), ("urandom", "c 1 9")):
        yield f"mknod -m 666 {dev}/{name} {numbers}"
    if place.node:
        yield f"mknod {dev}/kvm {place.node}; chown 0:{place.group} {dev}/kvm; chmod {place.mode:o} {dev}/kvm"
    if place.over:
        yield f"touch {dev}/kvm; mount --bind {place.over} {dev}/kvm"


def script(place, scratch, root, args):
    """Shell commands that build the place and become the program there."""
    def file(name, text):
        path = os.path.join(scratch, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o644)
        return path

    modules = os.path.join(scratch, "modules")
    for name in place.modules or ():
        os.makedirs(os.path.join(modules, name), exist_ok=True)
    yield "set -e"
    yield f"mount -t tmpfs none {root}; chmod 755 {root}"
    yield from folders(root)
    yield from make_node(place, root)
    yield f"mount --bind {file('cpuinfo', place.cpuinfo)} {root}/proc/cpuinfo"
    yield f"mount --bind {file('misc', place.misc)} {root}/proc/misc"
    if place.modules is not None:
        yield f"mkdir -p {modules}; mount --bind {modules} {root}/sys/module"
    with open("/etc/group", encoding="utf-8") as groups:
        others = "".join(line for line in groups if not line.startswith("kvm:"))
    yield f"mount --bind {file('group', others + f'kvm:x:{GROUP}:{place.members}' + chr(10))} {root}/etc/group"
    if place.container:
        yield f"touch {root}/.dockerenv"
    yield f"cp {shlex.quote(RHEA)} {root}/rhea"
    if place.denied:
        yield "mkdir -p $CGROUP; echo 'c 10:232 rwm' >$CGROUP/devices.deny; echo $$ >$CGROUP/cgroup.procs"
    drop = f"setpriv --reuid={place.user} --regid={place.user} --clear-groups " if place.user else ""
    yield f"exec env -u container chroot {root} {drop}/rhea {shlex.join(args)}"


def need_namespaces():
    if os.geteuid() != 0:
        raise Skip("only root can make such places")
    if subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        raise Skip("unshare -m is not allowed here")


def run(place, *args):
    """Status, standard error, standard output."""
    need_namespaces()
    with tempfile.TemporaryDirectory(prefix="rhea-kvm-") as scratch:
        os.chmod(scratch, 0o755)
        root = os.path.join(scratch, "root")
        os.mkdir(root)
        cgroup = "/sys/fs/cgroup/devices/" + os.path.basename(scratch)
        full = ["-M", "none", "-display", "none", "-monitor", "stdio", *args]
        text = "\n".join(script(place, scratch, root, full))
        try:
            done = subprocess.run(["unshare", "-m", "--propagation", "private", SHELL, "-c", text],
                                  input="info status\nquit\n", capture_output=True, text=True, timeout=TIMEOUT,
                                  check=False, env=dict(os.environ, CGROUP=cgroup))
        finally:
            if os.path.isdir(cgroup):
                os.rmdir(cgroup)
    return done.returncode, done.stderr, done.stdout


def look(place, args, status, *patterns):
    """One line on standard error that has all of them; none if there are none."""
    got, err, out = run(place, *args)
    lines = err.splitlines()
    problems = [f"no match for {p!r}" for p in patterns if not re.search(p, err)]
    if got != status or problems or len(lines) != (1 if patterns else 0):
        raise Failed(f"status {got}, must be {status}; {'; '.join(problems)}\nstderr: {err}stdout: {out}")
    return out


def refused(place, *patterns):
    """By -accel kvm; kvm:tcg says the same and goes on; with no option tcg runs it without a word."""
    def test():
        look(place, ["-accel", "kvm"], 1, "-accel kvm: ", *patterns, r"\(or use -accel tcg\)$")
        out = look(place, ["-machine", "accel=kvm:tcg"], 0, "warning: -accel kvm: ", *patterns, "going on with tcg$")
        if "accelerator: tcg (" not in out:
            raise Failed(f"info status says: {out}")
        out = look(place, [], 0)
        if "accelerator: tcg (" not in out:
            raise Failed(f"info status says: {out}")
    return test


def cgroup_rules():
    if not os.access("/sys/fs/cgroup/devices/devices.deny", os.W_OK):
        raise Skip("there are no control groups with rules for devices (version 1)")
    refused(Place(node=KVM, container=True, denied=True),
            "'/dev/kvm' may not be opened by anybody in this container", "--device /dev/kvm")()


def need_kvm():
    if not os.path.exists("/dev/kvm"):
        raise Skip("there is no /dev/kvm")
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as error:
        raise Skip(f"/dev/kvm does not open: {error.strerror}") from error


def hardware_is_the_default():
    """What looks like a processor's virtualization is taken without a word, whatever the kernel really has."""
    need_kvm()
    out = look(Place(node=KVM), [], 0)
    if "accelerator: kvm (vmx in /proc/cpuinfo, kvm_intel)" not in out:
        raise Failed(f"info status says: {out}")
    out = look(Place(node=KVM, cpuinfo=SVM, modules=("kvm", "kvm_amd")), ["-enable-kvm"], 0)
    if "accelerator: kvm (svm in /proc/cpuinfo, kvm_amd)" not in out:
        raise Failed(f"info status says: {out}")
    out = look(Place(node=KVM), ["-accel", "tcg"], 0)
    if "accelerator: tcg\n" not in out.replace("\r", ""):
        raise Failed(f"info status says: {out}")


def without_hardware_tcg_is_the_default():
    need_kvm()
    place = Place(node=KVM, cpuinfo=VIRTUAL, modules=("kvm", "kvm_pvm"))
    out = look(place, [], 0)
    if "accelerator: tcg (no hardware virtualization is behind /dev/kvm, but kvm_pvm)" not in out:
        raise Failed(f"info status says: {out}")
    look(place, ["-machine", "accel=kvm:tcg"], 0, "warning: -accel kvm: no hardware .*, but kvm_pvm: going on with tcg")
    out = look(place, ["-accel", "kvm"], 0, "warning: .*no hardware virtualization .*far slower than with -accel tcg")
    if "accelerator: kvm (" not in out:
        raise Failed(f"info status says: {out}")
    status, err, _ = run(place, "-d", "accel")
    if status or "accel: tcg, the default: no hardware virtualization" not in err:
        raise Failed(f"-d accel says: {err}")


def another_node_is_named():
    look(Place(), ["-accel", "kvm,device=/nowhere"], 1, "there is no /nowhere: KVM's node is /dev/kvm")
    look(Place(), ["-accel", "kvm,device=/dev/null"], 1, "'/dev/null' is not KVM's device")
    need_kvm()
    place = Place(node=KVM, cpuinfo=VIRTUAL, modules=("kvm",))
    look(place, ["-accel", "kvm,device=/dev/../dev/kvm"], 0, "far slower")


TESTS = [
    ("no node, the module is not loaded", refused(
        Place(modules=("kvm",), misc=""),
        "there is no /dev/kvm: the kernel's module kvm_intel is not loaded: run 'modprobe kvm_intel' as root")),
    ("no node, no virtualization", refused(
        Place(cpuinfo=PLAIN, modules=(), misc=""),
        r"the processor shows no hardware virtualization \(neither vmx nor svm", "firmware's setup")),
    ("no node, in a virtual machine", refused(
        Place(cpuinfo=VIRTUAL, modules=(), misc=""), "shows no hardware virtualization", "allow nested virtualization")),
    ("no node in a container", refused(
        Place(container=True), "there is no /dev/kvm in this container, though the kernel has KVM: start the container "
                               "with --device /dev/kvm")),
    ("no node beside the driver", refused(
        Place(), "though the kernel has KVM: the node is missing: run 'mknod -m 660 /dev/kvm c 10 232' as root")),
    ("no driver behind the node", refused(
        Place(node=NO_DRIVER, misc="", modules=("kvm",), cpuinfo=SVM),
        "/dev/kvm is there, but no driver is behind it: the kernel's module kvm_amd is not loaded", "modprobe kvm_amd")),
    ("not in the group", refused(
        Place(node=KVM, user=NOBODY), "user nobody may not open '/dev/kvm', which belongs to user root and group kvm "
                                      "with mode 0660: join group kvm .as root 'usermod -aG kvm nobody'")),
    ("in the group, but not yet", refused(
        Place(node=KVM, user=NOBODY, members="nobody"), "you are a member of group kvm, but not yet in this session: "
                                                        "log in again, or run 'newgrp kvm'")),
    ("root's alone", refused(
        Place(node=KVM, user=NOBODY, group=0, mode=0o600), "group root with mode 0600: as root give it a group")),
    ("the group may not write", refused(
        Place(node=KVM, user=NOBODY, mode=0o640), "mode 0640: run 'chmod g.rw /dev/kvm' as root, and join group kvm")),
    ("mounted with nodev", refused(
        Place(node=KVM, nodev=True), "is on a file system that is mounted with nodev")),
    ("a control group's rules", cgroup_rules),
    ("another file over the node", refused(
        Place(over="/dev/zero"), "'/dev/kvm' is not KVM's device", "ls -l /dev/kvm")),
    ("hardware is the default", hardware_is_the_default),
    ("without hardware tcg is", without_hardware_tcg_is_the_default),
    ("another node", another_node_is_named),
]

if __name__ == "__main__":
    sys.exit(tap(TESTS))
