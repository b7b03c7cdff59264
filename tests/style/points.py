#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/check counts what programs print: points, skips, missing points and bad ends; it tells why."""
import os
import subprocess
import sys
import tempfile

from style import ROOT, tap

# what a program prints | its exit status | the counts, or a line before them
ROWS = (
    ("1..2\nok 1 a\nnot ok 2 b\n# nine is no ten", 1, "failed: program: not ok 2 b"),
    ("1..2\nok 1 a\nnot ok 2 b\n# nine is no ten", 1, "    # nine is no ten"),
    ("1..2\nok 1 a # SKIP no disk\nok 2 b # SKIP no disk", 0, "skipped: program 1 2: no disk"),
    ("1..1\nok 1\nCRITICAL: worse", 3, "    CRITICAL: worse"),
    ("1..2\nok 1\nok 2 b # SKIP no disk", 0, "1 passed, 0 failed, 1 skipped"),
    ("1..0 # SKIP nothing", 0, "0 passed, 0 failed, 1 skipped"),
    ("1..1\nnot ok 1 a\n# exit status 1 was expected:\n# exit status expected: 0", 1, "0 passed, 1 failed, 0 skipped"),
    ("1..3\nok 1\n", 0, "1 passed, 2 failed, 0 skipped"),
    ("1..1\nok 1\n", 3, "1 passed, 1 failed, 0 skipped"),
    ("1..2\nok 1\nBail out! no more", 1, "1 passed, 1 failed, 0 skipped"),
    ("ok 1\n", 0, "1 passed, 1 failed, 0 skipped"),
)


def printed(text, status):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        with open(program, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        os.chmod(program, 0o755)
        out = subprocess.run([sys.executable, os.path.join(ROOT, "tests/check"), "--out", folder, program],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
        return out.splitlines()


def mistakes():
    for text, status, wanted in ROWS:
        got = printed(text, status)
        if wanted not in (got[-1:] if wanted[0].isdigit() else got):
            yield f"{text!r}, exit status {status}: '{got}', and '{wanted}' was expected"


if __name__ == "__main__":
    sys.exit(tap([("tests/check counts points and tells why", list(mistakes()))]))
