#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every folder has a README of at most 30 lines, every file its licence line, and the sources
in the Makefile are those in the folders."""
import os
import re
import sys

from style import ROOT, files, lines, tap

SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
README_LINES = 30

# Files without a place for a licence line, or not of ours: suffixes.
NO_SPDX = (".json", ".png", ".ppm", ".bin", ".img", ".gz", ".xz", ".hex", ".dat", "LICENSE",
           "COPYING", ".clang-format")

# C files that the Makefile does not list by folder (guests.py builds the latter), and a folder whose
# list is in its stage.py.
NOT_LISTED = {"cli/main.c", "tests/boot/kvm_irqchip_guest.c", "tests/boot/kvm_smp_guest.c", "tests/boot/play.c",
              "tests/boot/smp_stress.c", "tests/insn/kvm_guest.c"}
FOR_GUESTS = "tests/bench/c/"


def readmes(names):
    folders = set()
    for name in names:
        folder = os.path.dirname(name)
        if folder and not folder.startswith("."):
            folders.add(folder)
    for folder in sorted(folders):
        readme = os.path.join(folder, "README.md")
        if readme not in names:
            # A folder that only holds folders explains itself by theirs: it has no files here.
            yield f"{folder} has no README.md"
        elif len(lines(readme)) > README_LINES:
            yield f"{readme} has {len(lines(readme))} lines, more than {README_LINES}"


def licences(names):
    for name in names:
        if name.endswith(NO_SPDX):
            continue
        if not any(SPDX in line for line in lines(name)[:3]):
            yield f"{name} does not say '{SPDX}' in its first lines"


def scripts(names):
    """What begins with #! is run as a program: the tests of the Makefile's lists among it."""
    for name in names:
        path = os.path.join(ROOT, name)
        if lines(name)[:1] and lines(name)[0].startswith("#!") and not os.access(path, os.X_OK):
            yield f"{name} begins with #! but may not be executed"


def whitespace(names):
    for name in names:
        if name.endswith(NO_SPDX) or "/data/" in name:
            continue
        with open(os.path.join(ROOT, name), "rb") as file:
            data = file.read()
        if not data:
            continue
        if b"\r" in data:
            yield f"{name} has carriage returns"
        if not data.endswith(b"\n"):
            yield f"{name} does not end with a newline"
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.endswith((b" ", b"\t")):
                yield f"{name}:{number}: blanks at the end of the line"


def listed(names):
    """What the Makefile would build, from its lists."""
    text = "\n".join(lines("Makefile")).replace("\\\n", " ")
    folder_of = dict(re.findall(r"\$\((\w+)_src:%=([\w/]+)/%\)", text))
    for variable, value in re.findall(r"^(\w+)_src :=(.*)$", text, re.M):
        if variable in folder_of:
            for word in value.split():
                yield f"{folder_of[variable]}/{word}"
    for word in re.search(r"^tool_programs :=(.*)$", text, re.M).group(1).split():
        yield f"tools/{word}.c"
    for kind in ("unit", "device", "insn"):
        for variable, suffix in ((f"{kind}_tests", ".c"), (f"{kind}_helpers", "")):
            match = re.search(rf"^{variable} :=(.*)$", text, re.M)
            for word in (match.group(1).split() if match else ()):
                yield f"tests/{kind}/{word}{suffix}"
    for word in re.search(r"^block_programs :=(.*)$", text, re.M).group(1).split():
        yield f"tests/block/{word}.c"


def sources(names):
    """A file that is in no list is never built, and a test that is in none never runs."""
    wanted = {name for name in names
              if name.endswith(".c") and not name.startswith(FOR_GUESTS)} - NOT_LISTED
    have = set(listed(names))
    for name in sorted(wanted - have):
        yield f"{name} is in no list of the Makefile"
    for name in sorted(have - wanted):
        yield f"the Makefile lists {name}, which is not there"


def main():
    names = files()
    return tap([
        ("READMEs", list(readmes(set(names)))),
        ("licence lines", list(licences(names))),
        ("line ends", list(whitespace(names))),
        ("scripts can be run", list(scripts(names))),
        ("the Makefile's lists", list(sources(names))),
    ])


if __name__ == "__main__":
    sys.exit(main())
