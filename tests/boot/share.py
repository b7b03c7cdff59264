#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux mounts a folder of the host over 9P and as a virtiofs: 10,000 files both ways, what a file system has to do,
security models, a folder that cannot be written, a mount that goes on in another process."""
import hashlib
import os
import random
import re
import stat
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Failed, Run, Scratch, Skip, guest_data, guest_file, main

TIMEOUT = 1500
FOLDERS, FILES = 100, 100
# In the order of their dependencies; one that is built into the kernel is not there.
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_mmio",
           "netfs", "fscache", "9pnet", "9pnet_virtio", "9p", "fuse", "virtiofs", "button")
HEAD = INIT_HEAD + """
mount -t devtmpfs dev /dev
for m in %s; do
    [ -e /$m.ko ] && { insmod /$m.ko || echo INSMOD-FAILED $m; }
done
mkdir -p /mnt /other
""" % " ".join(MODULES)
END = "\npoweroff -f\n"
END_MICROVM = "\nreboot -f\n"

P9 = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none share /mnt && echo MOUNTED"
P9_CACHED = P9.replace("cache=none", "cache=loose")
FUSE = "mount -t virtiofs share /mnt && echo MOUNTED"

COPY = """
cp -r /mnt/in /tmp/in && echo COPIED-IN
(cd /tmp/in && md5sum -c /mnt/sums) >/tmp/checked
echo "good: $(grep -c ': OK$' /tmp/checked) bad: $(grep -vc ': OK$' /tmp/checked)"
cp -r /tmp/in /mnt/out && echo COPIED-OUT
echo "listed: $(find /mnt/out -type f | wc -l)"
rm -r /mnt/gone && [ ! -e /mnt/gone ] && echo REMOVED
umount /mnt && echo UNMOUNTED
"""

# Each line says what it found; those that begin with "no " must not come.
WORK = """
cd /mnt
check() { if eval "$2"; then echo "yes $1"; else echo "no $1"; fi; }
echo one >a; echo two >>a
check append '[ "$(cat a)" = "one
two" ]'
mkdir -p d/e/f; echo deep >d/e/f/g
check deep '[ "$(cat d/e/f/g)" = deep ]'
mv d/e d/h
check renamed '[ "$(cat d/h/f/g)" = deep ] && [ ! -e d/e ]'
mv a d/b; check moved '[ -f d/b ] && [ ! -e a ]'
ln d/b c; echo three >>c
check hard-link '[ "$(tail -n 1 d/b)" = three ] && [ "$(stat -c %h c)" = 2 ]'
ln -s d/b s; check soft-link '[ "$(readlink s)" = d/b ] && cmp s c'
ln -s /nowhere/at/all dangling; check dangling '[ -L dangling ] && [ ! -e dangling ]'
chmod 640 c; check mode '[ "$(stat -c %a c)" = 640 ]'
chown 1234:4321 c; check owner '[ "$(stat -c %u:%g c)" = 1234:4321 ]'
touch -d '2001-02-03 04:05:06' c; check time '[ "$(stat -c %y c | cut -c1-19)" = "2001-02-03 04:05:06" ]'
truncate -s 100000 c; check longer '[ "$(stat -c %s c)" = 100000 ]'
truncate -s 3 c; check shorter '[ "$(cat c)" = one ]'
mkfifo p; check fifo '[ -p p ]'
mknod n c 1 3; check device '[ -c n ] && [ "$(stat -c %t:%T n)" = 1:3 ]'
(echo through >p) & check through '[ "$(cat p)" = through ]'
dd if=/dev/urandom of=/tmp/r bs=1000003 count=5 2>/dev/null
dd if=/tmp/r of=r bs=300007 2>/dev/null; sync
check big 'cmp r /tmp/r'
dd if=/tmp/r of=r bs=4096 count=10 seek=7 conv=notrunc 2>/dev/null
dd if=/tmp/r of=/tmp/r2 bs=4096 count=10 2>/dev/null
check middle 'dd if=r bs=4096 skip=7 count=10 2>/dev/null | cmp - /tmp/r2'
exec 5<>u; rm u; echo unlinked >&5; check unlinked '[ ! -e u ]'; exec 5>&-
i=0; mkdir many; while [ $i -lt 500 ]; do : >many/f$i; i=$((i + 1)); done
check listed '[ $(ls many | wc -l) = 500 ]'
rm -r many; check emptied '[ ! -e many ]'
check full-name-refused '! touch $(printf %0300d 1) 2>/dev/null'
mkdir full; : >full/x; check rmdir-refused '! rmdir full 2>/dev/null'
check df '[ $(df -k . | tail -n 1 | awk "{print \\$2}") -gt 1000 ]'
check above '[ ! -e ../secret ] && [ ! -e ../../secret ]'
check link-above '! cat up 2>/dev/null'
check link-of-host '! cat far 2>/dev/null'
cd /; umount /mnt && echo UNMOUNTED
"""

READONLY = """
cat /mnt/hello
for what in 'touch /mnt/x' 'mkdir /mnt/y' 'rm /mnt/hello' 'mv /mnt/hello /mnt/z' 'ln /mnt/hello /mnt/l' \\
            'ln -s a /mnt/m' 'chmod 600 /mnt/hello' 'truncate -s 0 /mnt/hello' 'mkfifo /mnt/p' 'sh -c "echo x >/mnt/hello"'; do
    eval "$what" 2>/tmp/why && echo "DONE $what"
    grep -q 'Read-only file system' /tmp/why && echo "refused: $what"
done
umount /mnt && echo UNMOUNTED
"""

# An open file and an open folder, before and after.
STAYS = """
exec 4</mnt/lines
read a <&4; echo "first: $a"
cd /mnt/in/0
echo WAITING; while [ ! -e /mnt/go ]; do sleep 1; done
read b <&4; echo "second: $b"
cat 1 | md5sum | sed 's/^/inside: /'
echo written >/mnt/after; cat /mnt/after
cd /; exec 4<&-; umount /mnt && echo UNMOUNTED
"""


class Folder:
    """What is shared, and what is beside it."""

    def __init__(self, scratch):
        self.path = scratch.path("share")
        os.mkdir(self.path)
        scratch.path("secret", b"not for guests")
        os.symlink("../secret", self.file("up"))
        os.symlink(scratch.path("secret"), self.file("far"))
        self.put("hello", b"hello from the host\n")

    def file(self, *names):
        return os.path.join(self.path, *names)

    def put(self, name, data):
        os.makedirs(os.path.dirname(self.file(name)), exist_ok=True)
        with open(self.file(name), "wb") as file:
            file.write(data)

    def get(self, *names):
        with open(self.file(*names), "rb") as file:
            return file.read()

    def fill(self, folders=FOLDERS, files=FILES):
        """Files of all small sizes, and some of many pages; their sums. Gives {name: data}."""
        rng = random.Random(9)
        there = {}
        for d in range(folders):
            for f in range(files):
                size = 300000 if f == 7 and d % 10 == 0 else rng.choice((0, 1, rng.randrange(9000)))
                there[f"{d}/{f}"] = rng.randbytes(size)
        for name, data in there.items():
            self.put(f"in/{name}", data)
            self.put(f"gone/{name}", b"")
        self.put("sums", "".join(f"{hashlib.md5(data).hexdigest()}  {name}\n"
                                 for name, data in there.items()).encode())
        return there

    def check(self, there):
        found = {}
        for root, _, names in os.walk(self.file("out")):
            for name in names:
                at = os.path.join(root, name)
                found[os.path.relpath(at, self.file("out"))] = self.get(at)
        if found != there:
            wrong = [name for name in there if found.get(name) != there[name]]
            raise Failed(f"{len(found)} files came back of {len(there)}, wrong: {wrong[:5]}")


def linux(scratch, script, args, microvm=False):
    files = []
    for name in MODULES:
        try:
            files.append((f"{name}.ko", guest_data("share", f"{name}.ko")))
        except FileNotFoundError:
            pass                        # built into the kernel
    end = END_MICROVM if microvm else END
    return ["-nographic", "-no-reboot", "-m", "512", "-kernel", guest_file("share"), "-initrd",
            scratch.initrd(script + end, HEAD, files), "-append", "console=ttyS0 panic=-1", *args]


def finish(run, *patterns):
    if run.finish(TIMEOUT) != 0:
        run.fail("the guest did not power off")
    for pattern in patterns:
        if not re.search(pattern, run.output, re.M):
            run.fail(f"did not print '{pattern}'")
    trouble = re.search(KERNEL_TROUBLE + "|INSMOD-FAILED|^no |^DONE ", run.output, re.M)
    if trouble:
        run.fail(f"printed '{trouble.group(0)}', which must not appear")


def p9(folder, *more, model="none", device="virtio-9p-pci"):
    return ["-fsdev", ",".join([f"local,id=f,path={folder.path},security_model={model}", *more]),
            "-device", f"{device},fsdev=f,mount_tag=share"]


def fuse(folder, *more, model="none", device="virtio-fs-pci"):
    return ["-fsdev", ",".join([f"local,id=f,path={folder.path},security_model={model}", *more]),
            "-device", f"{device},fsdev=f,tag=share"]


def need_root():
    if os.geteuid() != 0:
        raise Skip("owners and devices of others are root's to make")


def copies(mount, share, *args):
    def test():
        scratch = Scratch()
        folder = Folder(scratch)
        there = folder.fill()
        with Run(linux(scratch, mount + COPY, [*share(folder), *args])) as run:
            finish(run, "^MOUNTED", "^COPIED-IN", f"^good: {len(there)} bad: 0$", "^COPIED-OUT",
                   f"^listed: {len(there)}$", "^REMOVED", "^UNMOUNTED")
        folder.check(there)
        if os.path.exists(folder.file("gone")):
            raise Failed("a folder that the guest removed is there")
    return test


def works(mount, share, model, *args, microvm=False, device=None):
    def test():
        if model == "passthrough":
            need_root()
        scratch = Scratch()
        folder = Folder(scratch)
        options = share(folder, model=model, **({"device": device} if device else {}))
        with Run(linux(scratch, mount + WORK, [*args, *options], microvm)) as run:
            finish(run, "^MOUNTED", "^yes append", "^yes link-of-host", "^UNMOUNTED")
        seen = os.lstat(folder.file("n"))
        if stat.S_ISCHR(seen.st_mode) != (model != "mapped-xattr"):
            raise Failed(f"security_model={model} made a device of mode {seen.st_mode:o}")
        owner = os.lstat(folder.file("c")).st_uid
        if (owner == 1234) != (model != "mapped-xattr"):
            raise Failed(f"security_model={model} gave a file to {owner}")
        if model == "mapped-xattr" and os.getxattr(folder.file("c"), "user.virtfs.uid") != b"\xd2\4\0\0":
            raise Failed("the owner is not in user.virtfs.uid")
        if folder.get("c") != b"one":
            raise Failed("the guest's data is not in the folder")
    return test


def readonly(mount, share):
    def test():
        scratch = Scratch()
        folder = Folder(scratch)
        with Run(linux(scratch, mount + READONLY, share(folder))) as run:
            finish(run, "^hello from the host", "^UNMOUNTED")
            if len(re.findall("^refused: ", run.output, re.M)) != 10:
                run.fail("not everything was refused because the folder is read-only")
        if sorted(os.listdir(folder.path)) != ["far", "hello", "up"]:
            raise Failed(f"the folder has {os.listdir(folder.path)}")
    return test


def monitor(run, command, answer):
    at = len(run.output)
    run.type("\x01c")
    run.expect(r"\(rhea\) |\(qemu\) ", TIMEOUT, at)
    run.type(command + "\r")
    return run.expect(answer, TIMEOUT, at)


def stays(mount, share):
    """A machine is sent into a file, and goes on from there: what was open is open."""
    def test():
        scratch = Scratch()
        folder = Folder(scratch)
        there = folder.fill(2, 10)
        folder.put("lines", b"one\ntwo\nthree\n")
        saved = scratch.path("saved")
        options = linux(scratch, mount + STAYS, share(folder))
        with Run(options, terminal=True) as run:
            run.expect("^first: one", TIMEOUT)
            run.expect("^WAITING", TIMEOUT)
            monitor(run, f"migrate file:{saved}", r"(?s)migrate file.*\((rhea|qemu)\) ")
            run.type("quit\r")
            if run.finish(TIMEOUT) != 0:
                run.fail("the machine did not leave")
        with Run([*options, "-incoming", f"file:{saved}"], terminal=True) as run:
            folder.put("go", b"")
            finish(run, "^second: two", f"^inside: {hashlib.md5(there['0/1']).hexdigest()}", "^written",
                   "^UNMOUNTED")
    return test


Q35 = ("-M", "q35")
MICROVM = ("-M", "microvm")
MANY = "10,000 files"   # rows that take minutes: by name, or with --all
TESTS = (
    ("9P: 10,000 files both ways", copies(P9, p9)),
    ("virtiofs: 10,000 files both ways", copies(FUSE, fuse)),
    ("9P: 10,000 files both ways with a cache in the guest, two CPUs", copies(P9_CACHED, p9, "-smp", "2")),
    ("9P, security_model=passthrough", works(P9, p9, "passthrough")),
    ("9P, security_model=mapped-xattr, the transitional device",
     works(P9_CACHED, p9, "mapped-xattr", device="virtio-9p-pci-transitional")),
    ("9P, the non-transitional device on q35",
     works(P9, p9, "passthrough", *Q35, device="virtio-9p-pci-non-transitional")),
    ("9P on a microvm", works(P9, p9, "passthrough", *MICROVM, microvm=True, device="virtio-9p-device")),
    ("virtiofs, security_model=passthrough", works(FUSE, fuse, "passthrough")),
    ("virtiofs, security_model=mapped-xattr, two CPUs", works(FUSE, fuse, "mapped-xattr", "-smp", "2")),
    ("virtiofs, cache=never, three queues",
     works(FUSE, fuse, "passthrough", device="virtio-fs-pci,cache=never,num-request-queues=3,packed=on")),
    ("virtiofs, cache=always on a microvm",
     works(FUSE, fuse, "passthrough", *MICROVM, microvm=True, device="virtio-fs-device,cache=always")),
    ("9P: a folder that cannot be written",
     readonly(P9, lambda f: ["-virtfs", f"local,path={f.path},mount_tag=share,security_model=none,readonly=on"])),
    ("virtiofs: a folder that cannot be written", readonly(FUSE, lambda f: fuse(f, "readonly=on"))),
    ("9P: a mount goes on in another process", stays(P9, p9)),
    ("virtiofs: a mount goes on in another process", stays(FUSE, fuse)),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "9P, security_model=mapped-xattr, the transitional device",
    "9P on a microvm",
    "virtiofs, cache=never, three queues",
    "virtiofs, cache=always on a microvm",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, [*LONG, *(name for name, _ in TESTS if MANY in name)]))
