#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages are those that tools/make-man writes, so that every option is in them; man reads them
without a warning, and make install puts them in place."""
import os
import re
import shutil
import sys

from images import ROOT, TOOLS, Skip, expect, expect_equal, main, run

PAGES = ("rhea-img", "rhea-io", "rhea-nbd")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def current(folder):
    run(os.path.join(ROOT, "tools/make-man"), TOOLS, folder)
    for page in PAGES:
        expect_equal(text_of(f"{folder}/{page}.1"), text_of(f"{ROOT}/docs/man/{page}.1"),
                     f"{page}.1 is not what tools/make-man writes")


def complete(folder):
    """Each option of each command, looked for by itself."""
    del folder
    pages = {page: text_of(f"{ROOT}/docs/man/{page}.1").replace("\\-", "-") for page in PAGES}
    texts = [(page, run(f"{TOOLS}/{page}", "--help").out) for page in PAGES]
    commands = re.findall(r"^  (\w+) ", texts[0][1].split("Commands:\n")[1].split("\n\n")[0], re.M)
    texts = texts[1:] + [("rhea-img", run(f"{TOOLS}/rhea-img", command, "--help").out) for command in commands]
    expect(len(commands) == 15, commands)
    for page, text in texts:
        for name in re.findall(r"--[a-z][\w-]+", text.split("\n\n")[1]):
            expect(f"\\fB{name}\\fR" in pages[page] or name == "--help", f"{name} is not in {page}.1")


def readable(folder):
    if not shutil.which("man"):
        raise Skip("no man (Debian package man-db)")
    for page in PAGES:
        done = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", f"{ROOT}/docs/man/{page}.1", cwd=folder)
        expect_equal(done.err, "", page)
        expect(len(done.out) > 2000, done.out)


if __name__ == "__main__":
    sys.exit(main([("the pages are current", current), ("every option is in a page", complete),
                   ("man reads them", readable)]))
