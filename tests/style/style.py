# SPDX-License-Identifier: GPL-2.0-or-later
"""What the style tests share: the files of the project, and TAP."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOT_OURS = {".git", "build", "__pycache__"}


def files():
    """Every file that is in git or would be added, as paths from the root."""
    git = None
    try:
        git = subprocess.run(
            ["git", "-C", ROOT, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
             "--exclude-standard"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        pass
    if git and git.returncode == 0:
        names = {name.decode() for name in git.stdout.split(b"\0") if name}
        return sorted(n for n in names if os.path.isfile(os.path.join(ROOT, n)))
    found = []                          # an unpacked archive: no git
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in NOT_OURS]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(found)


def c_files():
    return [name for name in files() if name.endswith((".c", ".h"))]


def lines(name):
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def tap(results):
    """Prints (name, complaints) pairs as TAP; complaints is a list, or "SKIP reason"."""
    print(f"1..{len(results)}")
    bad = 0
    for number, (name, complaints) in enumerate(results, 1):
        if isinstance(complaints, str):
            print(f"ok {number} {name} # {complaints}")
            continue
        bad += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {number} {name}")
        for complaint in complaints:
            print(f"# {complaint}")
            print(f"{name}: {complaint}", file=sys.stderr)
    return 1 if bad else 0
