#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What this host's KVM makes of CPU models, as the program and another emulator see it; what monitors say of KVM; where
there is a /dev/kvm that opens."""
import json
import os
import re
import subprocess
import sys

from boot import RHEA, SLOW, Failed, Skip, tap

TIMEOUT = 60
OTHER = "/usr/bin/qemu-system-x86_64"
QUIET = ("-display", "none", "-serial", "none", "-net", "none", "-m", "64")
# They are of a local APIC in the kernel, which a machine without CPUs has in the one and not in the other.
OF_THE_APIC = {"tsc-deadline", "x2apic"}
LACK = re.compile(r"warning: (host doesn't support requested feature: \S+ \[bit \d+\])$", re.M)


def need_kvm():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as error:
        raise Skip(f"/dev/kvm does not open: {error.strerror}") from error


def need_other():
    need_kvm()
    if not os.access(OTHER, os.X_OK):
        raise Skip(f"there is no {OTHER}")
    done = run(OTHER, "-M", "none", "-accel", "kvm", "-display", "none", "-monitor", "stdio", text="quit\n")
    if done.returncode:
        raise Skip(f"{OTHER} does not use KVM here")


def run(binary, *args, text=""):
    return subprocess.run([binary, *args], input=text, capture_output=True, text=True, timeout=TIMEOUT * SLOW,
                          check=False)


def ask(binary, *commands):
    """The answers of a machine without CPUs under KVM."""
    lines = [{"execute": "qmp_capabilities"}, *commands, {"execute": "quit"}]
    done = run(binary, "-M", "none", "-display", "none", "-accel", "kvm", "-qmp", "stdio",
               text="".join(json.dumps(line) + "\n" for line in lines))
    values = [json.loads(line) for line in done.stdout.splitlines()]
    answers = [value for value in values if "return" in value or "error" in value][1:]
    if done.returncode or len(answers) != len(commands) + 1:
        raise Failed(f"{binary}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return [value["return"] for value in answers[:-1]]


def same_features_are_unavailable():
    need_other()
    command = {"execute": "query-cpu-definitions"}
    lists = []
    for binary in (RHEA, OTHER):
        lists.append({model["name"]: set(model["unavailable-features"]) - OF_THE_APIC
                      for model in ask(binary, command)[0]})
    own, other = lists
    both = sorted(own.keys() & other.keys())
    wrong = [f"{name}: only here {sorted(own[name] - other[name])}, only there {sorted(other[name] - own[name])}"
             for name in both if own[name] != other[name]]
    if wrong or len(both) < 100:
        raise Failed(f"{len(both)} models\n" + "\n".join(wrong))


def warnings_are_the_same():
    need_other()
    for model in ("Skylake-Client", "EPYC", "qemu64,+avx512f"):
        found = []
        for binary in (RHEA, OTHER):
            args = ("-S", "-accel", "kvm", "-cpu", model, "-vga", "none", "-monitor", "stdio", *QUIET)
            done = run(binary, *args, text="quit\n")
            if done.returncode:
                raise Failed(f"{binary} -cpu {model}: status {done.returncode}\n{done.stderr}")
            found.append({line for line in LACK.findall(done.stderr)
                          if not any(f".{name} " in line for name in OF_THE_APIC)})
        if found[0] != found[1]:
            raise Failed(f"{model}: here {sorted(found[0] - found[1])}, there {sorted(found[1] - found[0])}")


def host_is_known():
    need_kvm()
    kvm, host = ask(RHEA, {"execute": "query-kvm"},
                    {"execute": "query-cpu-model-expansion", "arguments": {"type": "full", "model": {"name": "host"}}})
    if kvm != {"enabled": True, "present": True}:
        raise Failed(f"query-kvm: {kvm}")
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        info = dict(re.findall(r"^(\S.*?)\s*: (.*)$", file.read().split("\n\n")[0], re.M))
    props = host["model"]["props"]
    wanted = {"vendor": info["vendor_id"], "family": int(info["cpu family"]), "model": int(info["model"]),
              "stepping": int(info["stepping"]), "model-id": info["model name"].strip()}
    found = {key: props[key].strip() if isinstance(props[key], str) else props[key] for key in wanted}
    if found != wanted or not props["hypervisor"] or props["invtsc"]:
        raise Failed(f"host is {found}, must be {wanted}")


def what_is_missing_can_be_an_error():
    need_kvm()
    done = run(RHEA, "-S", "-accel", "kvm", "-cpu", "athlon,+3dnow,enforce", *QUIET)
    lines = done.stderr.splitlines()
    if done.returncode != 1 or len(lines) != 1 or "host doesn't support requested features: " not in lines[0] or \
            "CPUID.80000001H:EDX.3dnow [bit 31]" not in lines[0]:
        raise Failed(f"status {done.returncode}\n{done.stderr}")


def the_monitor_counts():
    need_kvm()
    done = run(RHEA, "-S", "-accel", "kvm", "-smp", "2", "-monitor", "stdio", *QUIET,
               text="info kvm\ninfo status\nquit\n")
    out = done.stdout.replace("\r", "")
    for pattern in (r"^kvm support: enabled$", r"^kernel-irqchip: (on|split|off)$", r"^CPU 0: .*\d+", r"^CPU 1: .*\d+",
                    r"^accelerator: kvm"):
        if not re.search(pattern, out, re.M):
            raise Failed(f"no match for '{pattern}'\n{out}{done.stderr}")


TESTS = [
    ("what models lack is what another emulator says", same_features_are_unavailable),
    ("and so are the warnings", warnings_are_the_same),
    ("host is this processor", host_is_known),
    ("enforce", what_is_missing_can_be_an_error),
    ("info kvm, info status", the_monitor_counts),
]

if __name__ == "__main__":
    sys.exit(tap(TESTS))
