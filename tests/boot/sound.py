#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux's own drivers play a tone on each sound card; -audiodev wav has what came out: its frequency and level.

play.c is the program that plays; it is built here as a static program.
"""
import array
import math
import os
import subprocess
import sys

from boot import HERE, INIT_HEAD, KERNEL_TROUBLE, Failed, Scratch, Skip, guest_data, guest_file, main, run_row

TIMEOUT = 180
HZ, SECONDS = 440, 3
LOAD = """mount -t devtmpfs dev /dev
for m in %s; do insmod /$m.ko || echo INSMOD-FAILED $m; done
sleep 1
cat /proc/asound/cards
%s
poweroff -f
"""
PLAY = f"/play {HZ} {SECONDS} %d"
# The console's bell: its frequency and length, then itself.
BELL = "printf '\\033[10;1000]\\033[11;1500]\\007' >/dev/tty1; sleep 3"
COMMON = ("button", "soundcore", "snd", "snd-timer", "snd-pcm", "snd-seq-device", "snd-rawmidi", "snd-mixer-oss",
          "snd-pcm-oss")
HDA = ("ledtrig-audio", "snd-ctl-led", "snd-hwdep", "snd-hda-core", "snd-hda-codec", "snd-hda-codec-generic",
       "snd-intel-sdw-acpi", "snd-intel-dspcfg", "snd-hda-intel")


def program(scratch):
    """play, built for a guest."""
    path = scratch.path("play", b"")
    built = subprocess.run(["cc", "-O2", "-static", "-o", path, os.path.join(HERE, "play.c"), "-lm"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if built.returncode:
        raise Skip(f"no static programs here: {built.stdout.splitlines()[-1:]}")
    with open(path, "rb") as file:
        return file.read()


def hear(path):
    """(rate, seconds that are not silent, frequency there, root mean square there) of the left channel."""
    with open(path, "rb") as file:
        data = file.read()
    channels, rate = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
    samples = array.array("h", data[44:44 + (len(data) - 44) // 4 * 4])[::channels]
    loud = [i for i, v in enumerate(samples) if abs(v) > 200]
    if not loud:
        return rate, 0, 0, 0
    samples = samples[loud[0]:loud[-1] + 1]
    ups = [i for i in range(1, len(samples)) if samples[i - 1] < 0 <= samples[i]]
    hz = (len(ups) - 1) * rate / (ups[-1] - ups[0]) if len(ups) > 1 else 0
    return rate, len(samples) / rate, hz, math.sqrt(sum(v * v for v in samples) / len(samples))


def check(path, hz, seconds, levels):
    rate, heard, got, level = hear(path)
    said = f"{heard:.2f} s of {got:.1f} Hz at {level:.0f}, {rate} Hz"
    if not (seconds * 0.9 <= heard <= seconds * 1.2 and abs(got - hz) <= hz * 0.02 and levels[0] <= level <= levels[1]):
        raise Failed(f"heard {said}; expected {seconds} s of {hz} Hz at {levels[0]} to {levels[1]}")
    print(f"# heard {said}")


def card(args, modules, script, expected, hz=HZ, seconds=SECONDS, levels=(9000, 11400)):
    def test():
        scratch = Scratch()
        wav = scratch.path("out.wav", b"")
        files = [(f"{m}.ko", guest_data("sound", f"{m}.ko")) for m in COMMON + modules]
        files.append(("play", program(scratch)))
        script_of = LOAD % (" ".join(COMMON + modules), script)
        initrd = scratch.initrd(script_of.replace("/play ", "chmod +x /play; /play "), INIT_HEAD, files)
        run_row(["-nographic", "-no-reboot", "-m", "256", "-nic", "none", "-kernel", guest_file("sound"), "-initrd", initrd,
                 "-append", "console=ttyS0 panic=-1", "-audiodev", f"wav,id=w,path={wav}", *args],
                expected, KERNEL_TROUBLE + "|INSMOD-FAILED", 0, TIMEOUT)
        check(wav, hz, seconds, levels)
    return test


PLAYED = (r"^FORMAT 16 2 ", r"^PLAYED")
TESTS = (
    ("AC97", card(["-device", "AC97,audiodev=w"], ("ac97_bus", "snd-ac97-codec", "snd-intel8x0"), PLAY % 48000,
                  (r"Intel 82801AA", *PLAYED))),
    ("AC97 at 22050 Hz", card(["-device", "AC97,audiodev=w"], ("ac97_bus", "snd-ac97-codec", "snd-intel8x0"), PLAY % 22050,
                              (r"Intel 82801AA", *PLAYED))),
    ("intel-hda, hda-duplex", card(["-device", "intel-hda", "-device", "hda-duplex,audiodev=w"], HDA, PLAY % 44100,
                                   (r"HDA Intel", *PLAYED))),
    ("ich9-intel-hda, hda-output on q35", card(["-M", "q35", "-device", "ich9-intel-hda", "-device", "hda-output,audiodev=w"],
                                               HDA, PLAY % 48000, (r"HDA Intel", *PLAYED))),
    ("ES1370", card(["-device", "ES1370,audiodev=w"], ("gameport", "snd-ens1370"), PLAY % 44100,
                    (r"ES1370|Ensoniq", *PLAYED))),
    ("the PC speaker", card(["-vga", "std", "-machine", "pcspk-audiodev=w"], ("pcspkr",), BELL, (), 1000, 1.5, (7000, 8300))),
)

# With --all alone: these take long, and others are near to them.
LONG = (
    "AC97 at 22050 Hz",
)


if __name__ == "__main__":
    sys.exit(main(TESTS, LONG))
