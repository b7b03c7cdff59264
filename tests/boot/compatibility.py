#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/compatibility.md is what the emulator says of itself, and tools/compatibility finds what is not."""
import os
import re
import subprocess
import sys

from boot import RHEA, ROOT, SLOW, TOOLS, Failed, Scratch, tap

PAGE = os.path.join(ROOT, "docs", "compatibility.md")
NAMES = os.path.join(TOOLS, "compatibility.names")


def compatibility(*args, binary=RHEA):
    """(exit status, output and errors)"""
    done = subprocess.run([os.path.join(TOOLS, "compatibility"), *args, binary], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=200 * SLOW, check=False)
    return done.returncode, done.stdout


def expect(got, status, pattern):
    if got[0] != status or not re.search(pattern, got[1], re.M):
        raise Failed(f"status {got[0]}, expected {status} and '{pattern}':\n{got[1]}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def page_is_right():
    expect(compatibility("--check"), 0, r"\A\Z")


def change_is_found(row, changed, pattern):
    """A page with another row is found."""
    text = read(PAGE)
    if row not in text:
        raise Failed(f"{PAGE} has not '{row}'")
    page = Scratch()
    path = page.path("page.md", text.replace(row, changed).encode())
    expect(compatibility("--check", "--output", path), 1, pattern)


def wrong_states_are_found():
    change_is_found("| `VGA` | yes |", "| `VGA` | no |", r"^-\| `VGA` \| no \|.*\n(.*\n)*?\+\| `VGA` \| yes \|")


def missing_rows_are_found():
    change_is_found("| `query-status` | yes |  |\n", "", r"^\+\| `query-status` \| yes \|")


def refusals_have_reasons():
    change_is_found("| `-dtb` | refused | a PC has no device tree |", "",
                    r"^\+\| `-dtb` \| refused \| a PC has no device tree \|")


def missing_arguments_are_found():
    names = Scratch()
    path = names.path("names", read(NAMES).replace("qmp quit\n", "qmp quit sooner\n").encode())
    expect(compatibility("--check", "--names", path), 1, r"^\+\| `quit` \| differs \| no `sooner` \|")


def bad_names_are_refused():
    names = Scratch()
    for line in ("gadget x", "qmp", "qmp quit", "info block -n"):
        path = names.path("names", f"{read(NAMES)}{line}\n".encode())
        expect(compatibility("--check", "--names", path), 1, rf"^compatibility: .*:\d+: '{line}' is not a kind")
    path = names.path("names", b"qmp quit\n")
    expect(compatibility("--check", "--names", path), 1, "there is a note about option '-accel', which is not in")


def bad_programs_are_refused():
    expect(compatibility("--check", binary="/nonexistent"), 1, r"^compatibility: cannot run '/nonexistent': No such")
    expect(compatibility("--check", binary="/bin/false"), 1, r"^compatibility: /bin/false .* ended with status 1")
    expect(compatibility("--check", binary="/bin/echo"), 1, r"^compatibility: /bin/echo answered QMP with")


if __name__ == "__main__":
    sys.exit(tap([
        ("docs/compatibility.md is what the emulator says", page_is_right),
        ("a wrong state is found", wrong_states_are_found),
        ("a missing row is found", missing_rows_are_found),
        ("a refusal has its reason", refusals_have_reasons),
        ("an argument that a QMP command lacks is a difference", missing_arguments_are_found),
        ("wrong files of names are refused", bad_names_are_refused),
        ("what is not the emulator is refused", bad_programs_are_refused),
    ]))
