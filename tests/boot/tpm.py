#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""TPMs that Debian's swtpm emulates: firmware finds them, Linux has random numbers and registers of them, and a
snapshot has what they hold."""
import hashlib
import os
import re
import shutil
import subprocess
import sys

from boot import KERNEL_TROUBLE, Run, Scratch, Skip, guest_file, main
from disks import run as run_tool, tool
from firmware import need_bios
from machine import Machine
from uefi import firmware

TIMEOUT = 300

# TPM2_GetRandom, 16 bytes; TPM2_PCR_Extend of register 16 in SHA-256, by 32 bytes of 'a'.
RANDOM_2 = r"\x80\x01\x00\x00\x00\x0c\x00\x00\x01\x7b\x00\x10"
EXTEND_2 = (r"\x80\x02\x00\x00\x00\x41\x00\x00\x01\x82\x00\x00\x00\x10\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00"
            r"\x00\x00\x00\x00\x00\x01\x00\x0b" + "a" * 32)
# TPM_GetRandom, 16 bytes.
RANDOM_1 = r"\x00\xc1\x00\x00\x00\x0e\x00\x00\x00\x46\x00\x00\x00\x10"

HEAD = """
mount -t devtmpfs dev /dev
ask() { exec 3<>/dev/tpm0; printf "$1" >&3; dd bs=4096 count=1 <&3 2>/dev/null | od -An -v -tx1 | tr -d ' \\n'; exec 3>&-; echo; }
echo "VERSION $(cat /sys/class/tpm/tpm0/tpm_version_major)"
"""
TOUR_2 = f"""
echo "RANDOM $(ask '{RANDOM_2}')"
echo "RANDOM $(ask '{RANDOM_2}')"
echo "BEFORE $(cat /sys/class/tpm/tpm0/pcr-sha256/16)"
echo "EXTEND $(ask '{EXTEND_2}')"
echo "AFTER $(cat /sys/class/tpm/tpm0/pcr-sha256/16)"
echo TOUR-DONE
"""
TOUR_1 = f"""
echo "RANDOM $(ask '{RANDOM_1}')"
echo "RANDOM $(ask '{RANDOM_1}')"
cat /sys/class/tpm/tpm0/pcrs | grep 'PCR-16'
echo TOUR-DONE
"""
POWEROFF = "\npoweroff -f\n"
EXTENDED = hashlib.sha256(bytes(32) + b"a" * 32).hexdigest().upper()


class Tpm:
    """A swtpm in a folder of its own, and the options that connect to it."""

    def __init__(self, scratch, device, version=2, name="tpm"):
        if not shutil.which("swtpm"):
            raise Skip("no swtpm (Debian package swtpm)")
        state, self.path = scratch.path(name), scratch.path(f"{name}.sock")
        os.makedirs(state, exist_ok=True)
        self.child = subprocess.Popen(
            ["swtpm", "socket", *(["--tpm2"] if version == 2 else []), "--tpmstate", f"dir={state}", "--ctrl",
             f"type=unixio,path={self.path}", "--terminate"], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        while not os.path.exists(self.path) and self.child.poll() is None:
            pass
        self.args = ["-chardev", f"socket,id=chrtpm,path={self.path}", "-tpmdev", "emulator,id=tpm0,chardev=chrtpm",
                     "-device", f"{device},tpmdev=tpm0"]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.child.terminate()
        self.child.wait()


def check_random(guest, size, at):
    """Two answers of `size` hexadecimal digits before the bytes, and the bytes differ."""
    found = re.findall(r"^RANDOM ([0-9a-f]+)", guest.output, re.M)
    if len(found) != 2 or any(len(r) != size for r in found) or found[0] == found[1]:
        guest.fail(f"random numbers {found}")
    for response in found:
        if int(response[12:20], 16) != 0 or len(set(response[at:])) < 3:
            guest.fail(f"a random number {response}")


def linux(machine, device, version=2, extra=None):
    def test():
        scratch = Scratch()
        tour = TOUR_2 if version == 2 else TOUR_1
        with Tpm(scratch, device, version) as tpm:
            args = ["-nographic", "-no-reboot", "-m", "256", "-M", machine, "-kernel", guest_file("amd64"), "-initrd",
                    scratch.initrd(HEAD + tour + POWEROFF), "-append", "console=ttyS0 panic=-1", *tpm.args,
                    *(extra(scratch) if extra else ())]
            with Run(args) as guest:
                guest.expect(rf"^VERSION {version}", TIMEOUT)
                guest.expect("^TOUR-DONE", TIMEOUT)
                check_random(guest, 2 * (12 + 16 if version == 2 else 14 + 16), 24 if version == 2 else 28)
                if version == 2:
                    guest.expect(r"^BEFORE 0{64}\s", TIMEOUT)
                    guest.expect(r"^EXTEND 80020000[0-9a-f]{4}00000000", TIMEOUT)
                    guest.expect(rf"^AFTER {EXTENDED}\s", TIMEOUT)
                else:
                    guest.expect(r"^PCR-16: (00 ){20}", TIMEOUT)
                if re.search(KERNEL_TROUBLE, guest.output):
                    guest.fail("kernel trouble")
                if guest.finish(TIMEOUT) != 0:
                    guest.fail("did not end well")
            tpm.child.wait(30)      # it was told that this is the end
    return test


SAVED = HEAD + f"""
echo GUEST-READY
while read line; do
    [ "$line" = extend ] && ask '{EXTEND_2}' >/dev/null
    echo "PCR $(cat /sys/class/tpm/tpm0/pcr-sha256/16) after $line"
done
"""


def pcr(guest, what):
    """Sends a line; the register's value after it."""
    at = len(guest.output)
    guest.type(what + "\r")
    guest.expect(rf"^PCR [0-9A-F]{{64}} after {what}", TIMEOUT, at)
    return re.search(rf"^PCR (\w+) after {what}", guest.output[at:], re.M).group(1)


def snapshot(device):
    def test():
        scratch = Scratch()
        image = scratch.path("disk.qcow2")
        run_tool([tool("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", image, "16M"])
        base = ["-nographic", "-m", "256", "-no-reboot", "-kernel", guest_file("amd64"), "-initrd",
                scratch.initrd(SAVED), "-append", "console=ttyS0 panic=-1 quiet", "-hda", image]
        with Tpm(scratch, device) as tpm, Machine(scratch, [*base, *tpm.args], terminal=True) as guest:
            guest.expect("^GUEST-READY", TIMEOUT)
            first = pcr(guest, "extend")
            answer = guest.command("savevm s")
            second = pcr(guest, "extend")
            if first == second:
                guest.fail("an extension changes nothing")
            answer += guest.command("loadvm s")
            if pcr(guest, "look") != first or pcr(guest, "extend") != second:
                guest.fail("the TPM did not go back")
            if re.search(r"(?i)error|fail", answer):
                guest.fail(f"the monitor said {answer}")
        # Another TPM takes over what the first one held.
        with Tpm(scratch, device, name="other") as tpm, Run([*base, *tpm.args, "-loadvm", "s"], terminal=True) as guest:
            guest.type("\r")
            if pcr(guest, "look") != first:
                guest.fail("the second TPM is not as the first one was")
    return test


def seabios_has_a_menu_for_it(device):
    def test():
        need_bios()
        scratch = Scratch()
        with Tpm(scratch, device) as tpm:
            args = ["-nographic", "-boot", "menu=on,splash-time=3000", *tpm.args]
            with Run(args, terminal=True) as guest:
                guest.expect("Press ESC for boot menu", TIMEOUT)
                guest.type("\x1b")
                guest.expect(r"t\. TPM Configuration", TIMEOUT)
    return test


def ovmf(scratch):
    return "-bios", scratch.path("ovmf", firmware("OVMF.fd"))


def a_guest_without_its_tpm_goes_on():
    """swtpm is killed under a running guest: commands fail, the guest does not hang."""
    scratch = Scratch()
    with Tpm(scratch, "tpm-tis") as tpm:
        args = ["-nographic", "-m", "256", "-no-reboot", "-kernel", guest_file("amd64"), "-initrd",
                scratch.initrd(HEAD + f"read line\nask '{RANDOM_2}' | sed 's/^/ANSWER /'\npoweroff -f\n"), "-append",
                "console=ttyS0 panic=-1 quiet", *tpm.args]
        with Run(args, terminal=True) as guest:
            guest.expect("^VERSION 2", TIMEOUT)
            tpm.child.kill()
            tpm.child.wait()
            guest.type("\r")
            guest.expect("ANSWER 80010000000a00000101", TIMEOUT)
            guest.expect("the guest's TPM fails from now on", TIMEOUT)
            if guest.finish(TIMEOUT) != 0:
                guest.fail("did not end well")


TESTS = [
    ("tpm-tis, TPM 2.0, pc", linux("pc", "tpm-tis")),
    ("tpm-tis, TPM 1.2, pc", linux("pc", "tpm-tis", 1)),
    ("tpm-crb, q35", linux("q35", "tpm-crb")),
    ("tpm-crb, q35, OVMF", linux("q35", "tpm-crb", extra=ovmf)),
    ("tpm-tis: a snapshot has its state", snapshot("tpm-tis")),
    ("tpm-crb: a snapshot has its state", snapshot("tpm-crb")),
    ("tpm-tis: SeaBIOS has a menu for it", seabios_has_a_menu_for_it("tpm-tis")),
    ("tpm-crb: SeaBIOS has a menu for it", seabios_has_a_menu_for_it("tpm-crb")),
    ("swtpm ends under a running guest", a_guest_without_its_tpm_goes_on),
]


# With --all alone: these take long, and others are near to them.
LONG = (
    "tpm-tis: a snapshot has its state",
    "tpm-crb, q35",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
