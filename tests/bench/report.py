# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians, geometric means and the tables of docs/performance.md.

Results are a dictionary, as --json writes it:
  host, date, command, rounds, quick, emulators: names, the one that is judged first
  programs: {"group/program": {emulator or "native": [CPU seconds, one a round] or a word}}
  machine: [[what, unit, {emulator: number or a word}, wanted]]
"""
import math
import os
import statistics

from rows import PROGRAMS, WANTED, groups

BEGIN, END = "<!-- tests/bench begins -->", "<!-- tests/bench ends -->"


def span(*loads):
    """The least and the greatest load average of several."""
    values = [float(value) for load in loads for value in load]
    return [round(min(values), 1), round(max(values), 1)]


def median(results, key, name):
    """Seconds, or None when there is no good value."""
    values = results["programs"].get(key, {}).get(name)
    return statistics.median(values) if isinstance(values, list) and values else None


def ratio(results, key, name, base):
    """How many times the CPU time of base."""
    time, of = median(results, key, name), median(results, key, base)
    return time / of if time is not None and of else None


def mean(ratios):
    ratios = [r for r in ratios if r]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None


def keys_of(results, names):
    return [f"{group}/{program}" for group, program, *_ in PROGRAMS
            if group in names and f"{group}/{program}" in results["programs"]]


def number(value, form="{:.2f}"):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return form.format(value) if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def line(results, key):
    """One program while it is being measured."""
    native = median(results, key, "native")
    words = [f"native {native * 1000 if native else 0:7.1f} ms"]
    for name, value in results["programs"][key].items():
        if name != "native":
            of_native = number(ratio(results, key, name, "native"))
            words.append(f"{name} {value if isinstance(value, str) else of_native}")
    return "   ".join(words)


def table(head, rows):
    """Markdown, the first column to the left."""
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def programs(results):
    """Every program: CPU time natively, times native of each, how much faster than the second."""
    names = results["emulators"]
    head = ["program", "native ms", *[f"{name} / native" for name in names]]
    if len(names) > 1:
        head += [f"{names[1]} / {names[0]}"]
    rows = []
    for group in groups():
        for key in keys_of(results, (group,)):
            native = median(results, key, "native")
            row = [key, number(native and native * 1000, "{:.1f}")]
            for name in names:
                word = results["programs"][key].get(name)
                row.append(word if isinstance(word, str) else
                           number(ratio(results, key, name, "native")))
            if len(names) > 1:
                row.append(number(ratio(results, key, names[1], names[0])))
            rows.append(row)
    return table(head, rows)


def wanted(results):
    """Geometric means by the groups of WANTED."""
    names = results["emulators"]
    head = ["group", *[f"{name} / native" for name in names], "at most"]
    if len(names) > 1:
        head += [f"{names[1]} / {names[0]}", "at least"]
    rows = []
    everything = [(name, groups_, *limits) for name, groups_, *limits in WANTED]
    for name, members, most, least in [*everything, ("all", groups(), None, None)]:
        keys = keys_of(results, members)
        if not keys:
            continue
        label = name if len(members) == 1 or name == "all" else ", ".join(members)
        row = [label, *[number(mean(ratio(results, key, one, "native") for key in keys))
                        for one in names], number(most, "{:g}")]
        if len(names) > 1:
            row += [number(mean(ratio(results, key, names[1], names[0]) for key in keys)),
                    number(least, "{:g}")]
        rows.append(row)
    return table(head, rows)


def machine(results):
    """Boot, start, memory, several CPUs."""
    names = results["emulators"]
    return table(["machine", "unit", *names, "wanted"],
                 [[what, unit, *[number(values.get(name)) for name in names], aim]
                  for what, unit, values, aim in results["machine"]])


def text(results):
    """All tables, as Markdown."""
    lines = [f"Made by `{results['command']}` on {results['date']}: {results['host']}.",
             f"Medians of {results['rounds']} interleaved rounds"
             f"{', quick form' if results['quick'] else ''}; load average "
             f"{' to '.join(map(str, results['load']))}."]
    if results["programs"]:
        lines += ["", "Geometric means, CPU time:", "", *wanted(results)]
    if results["machine"]:
        lines += ["", *machine(results)]
    if results["programs"]:
        lines += ["", *programs(results)]
    return "\n".join(lines)


def write(results, path):
    """Puts the tables between the marks of a document."""
    with open(path, encoding="utf-8") as file:
        before, begin, rest = file.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no line '{BEGIN}' and '{END}'")
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{text(results)}\n{end}{after}")
    os.replace(f"{path}.part", path)
