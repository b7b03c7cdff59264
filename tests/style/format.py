#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every C file is laid out as .clang-format says.

The layout of clang-format differs between versions; the one that counts is Debian 12's, 14.
"""
import re
import shutil
import subprocess
import sys

from style import ROOT, c_files, tap

VERSION = "14"
BATCH = 40


def clang_format():
    """The program, or why there is none."""
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if shutil.which(name):
            said = subprocess.run([name, "--version"], stdout=subprocess.PIPE, text=True,
                                  check=False).stdout
            if re.search(rf"version {VERSION}\.", said):
                return name, None
    return None, f"SKIP no clang-format {VERSION} (Debian package clang-format)"


def complaints(program):
    """One line for each file and the first place in it."""
    names = c_files()
    for start in range(0, len(names), BATCH):
        batch = names[start:start + BATCH]
        done = subprocess.run([program, "--dry-run", "-Werror", "--style=file", *batch], cwd=ROOT,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            continue
        seen = set()
        for line in done.stderr.splitlines():
            match = re.match(r"([^:\s]+):(\d+):\d+: error:", line)
            if match and match.group(1) not in seen:
                seen.add(match.group(1))
                yield f"{match.group(1)}:{match.group(2)}: run {program} -i {match.group(1)}"
        if not seen:
            yield done.stderr.strip()[-500:]


def main():
    program, skip = clang_format()
    return tap([("clang-format", skip or list(complaints(program)))])


if __name__ == "__main__":
    sys.exit(main())
