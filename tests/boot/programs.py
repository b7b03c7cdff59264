#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's openssl, gzip, xz, python3 and perl do in a guest what they do on this host.

The same script runs in both places with the same binaries and libraries of the guest "programs",
through their own dynamic linker; every line that it prints must be the same. Keys are made here,
once a run. Each row is an engine or a CPU; rows that only another emulator lacks fail there.
"""
import os
import random
import subprocess
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Failed, Scratch, Skip, guest_file, main, run_row

KIB = 1 << 10
LIB = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
PROGRAMS = {"openssl": "usr/bin", "gzip": "bin", "xz": "usr/bin", "perl": "usr/bin",
            "python3.11": "usr/bin"}
# Of the packages' trees, what the script needs: the guest unpacks every byte itself.
UNUSED = ("/gconv/", "libmvec", "/unicore/To/", "/unicore/lib/", "/engines-3/", "_codecs_",
          "/__pycache__/", "libnss_", "libthread_db")

# Half noise, half text.
DATA = random.Random(2).randbytes(64 * KIB) + b"".join(
    b"%d bottles of %s\n" % (n, b"beer" if n % 3 else b"wine") for n in range(8000))

HEAD = """
L="$ROOT/lib/x86_64-linux-gnu"
export OPENSSL_CONF=/dev/null OPENSSL_MODULES="$ROOT/usr/lib/x86_64-linux-gnu/ossl-modules"
export PYTHONHOME="$ROOT/usr" PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=7 LC_ALL=C
export PERL5LIB="$ROOT/usr/lib/x86_64-linux-gnu/perl-base" PERL_HASH_SEED=0
# The mathematical functions of one kind of host: those with FMA round a few last bits differently.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable
run() {
    "$L/ld-linux-x86-64.so.2" --library-path "$L:$ROOT/usr/lib/x86_64-linux-gnu" "$@"
}
openssl() { run "$ROOT/usr/bin/openssl" "$@" 2>&1; }
gzip() { run "$ROOT/bin/gzip" "$@"; }
xz() { run "$ROOT/usr/bin/xz" "$@"; }
python() { run "$ROOT/usr/bin/python3.11" "$@" 2>&1; }
perl() { run "$ROOT/usr/bin/perl" "$@" 2>&1; }
sum() { openssl dgst -sha256 -r; }
cd "$W"
"""

# What each line of the output begins with, and the command whose output it is.
# clang-format has no say here, but the rows keep their columns:
WORK = (
    *[(f"openssl {name}", f"openssl dgst -{name} -r <data")
      for name in ("md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b512")],
    *[(f"openssl {name}", f"openssl enc -e -{name} -K {'0123456789abcdef' * 4} "
                          f"-iv {'fedcba9876543210' * 2} <data | sum")
      for name in ("aes-256-cbc", "aes-256-ctr", "camellia-256-cbc", "chacha20")],
    ("openssl pbkdf2", "openssl enc -aes-128-cbc -pbkdf2 -iter 3000 -S 0011223344556677 -k secret "
                       "-in data | sum"),
    ("openssl rsa",    "openssl dgst -sha256 -sign rsa.pem data | sum"),
    ("openssl rsa v",  "openssl dgst -sha256 -prverify rsa.pem -signature rsa.sig data"),
    ("openssl ecdsa",  "openssl dgst -sha256 -prverify ec.pem -signature ec.sig data"),
    ("openssl ed25519", "openssl pkeyutl -sign -inkey ed.pem -rawin -in key.bin | sum"),
    ("openssl x25519", "openssl pkeyutl -derive -inkey x1.pem -peerkey x2.pem | sum"),
    ("openssl prime",  "openssl prime 170141183460469231731687303715884105727"),
    ("gzip -1",        "gzip -1nc data | sum"),
    ("gzip -9",        "gzip -9nc data | sum"),
    ("gzip -d",        "gzip -6nc data | gzip -dc | sum"),
    ("xz -1",          "xz -T1 -1c data | sum"),
    ("xz bcj",         "xz -T1 --format=raw --x86 --lzma2=preset=2 -c data | sum"),
    ("xz -d",          "xz -T1 -2c --check=crc64 data | xz -dc | sum"),
    ("python3",        "python work.py"),
    ("perl",           "perl work.pl"),
)

PYTHON = r"""
import base64, collections, hashlib, math, random, re, struct, sys, zlib
def say(*a): print('python3:', *a)
data = open('data', 'rb').read()
for name in ('md5', 'sha1', 'sha384', 'sha3_512', 'blake2s'):
    say(name, hashlib.new(name, data).hexdigest())
say('crc', zlib.crc32(data), zlib.adler32(data), len(zlib.compress(data, 9)))
r = random.Random(3)
for _ in range(20):
    x, y = r.uniform(-9, 9) * 10 ** r.randint(-200, 200), r.gauss(0, 1)
    say(repr(x), repr(x * y), '%.17g' % (x / y), x.hex(), repr(math.fmod(x, y)), repr(x % y))
for f in ('sin', 'cos', 'tan', 'exp', 'atan', 'sinh', 'erf', 'gamma', 'log1p', 'cbrt', 'expm1'):
    say(f, *[repr(getattr(math, f)(v)) for v in (0.1, 0.5, 1.75, 7.3)])
say('sums', repr(math.fsum([0.1] * 10)), repr(sum([0.1] * 10)), repr(2 ** 0.5), repr(0.1 + 0.2))
say('rounds', [round(v) for v in (0.5, 1.5, -2.5)], float('1e309'), -float('nan'), 5e-324)
say('big', hash(3 ** 500), pow(3, 10 ** 6, 10 ** 30 + 57), 7 ** 300 // 11 ** 100, math.isqrt(10 ** 61))
say('hash', hash('rhea'), hash(1.5), hash((1, 'a', 2.5)))
say('struct', struct.pack('<efdqH', 1.1, 2.2, 3.3, -4, 5).hex(), base64.b85encode(data[:40]))
say('words', collections.Counter(re.findall(rb'[a-z]+', data[65536:])).most_common(3))
say('sort', sorted(r.sample(range(10 ** 9), 2000))[::211])
def queens(n, at=0, cols=0, up=0, down=0):
    return 1 if at == n else sum(queens(n, at + 1, cols | b, (up | b) << 1, (down | b) >> 1)
                                 for b in [1 << k for k in range(n)] if not (cols | up | down) & b)
say('queens', queens(6))
"""

PERL = r"""
use strict; use warnings; use POSIX qw(floor fmod strtol);
sub say { print "perl: @_\n" }
open my $in, '<:raw', 'data' or die; local $/; my $data = <$in>;
my $words = substr($data, 65536);
my %count; $count{$1}++ while $words =~ /\b([a-z]+)\b/g;
say join ' ', map { "$_=$count{$_}" } sort keys %count;
say 'sum', unpack('%32C*', $data), length($data), unpack('H*', substr($data, 100, 16));
my ($seed, @list) = (42);
for (1 .. 2000) { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff; push @list, $seed }
say join ',', (sort { $a <=> $b } @list)[grep { $_ % 199 == 0 } 0 .. 1999];
say join ',', (sort { lc sprintf('%x', $a) cmp lc sprintf('%x', $b) } @list)[0, 500, 1500];
say sprintf '%.15g %.3e %g %08.3f %x %o %b', 1 / 3, 12345.678, 1e21, -3.14159, 48879, 511, 37;
say join ' ', map { sprintf '%.15g', $_ } sqrt(2), sin(1), cos(1), exp(1), log(10), atan2(1, 2), 2 ** 0.5;
say join ' ', floor(-2.5), fmod(7.5, 2), strtol('ff', 16), int(-7 / 2), -7 % 3, 9007199254740993, 1e15 + 0.3;
(my $text = 'The quick brown fox') =~ s/(\w)(\w*)/uc($2) . $1/ge; say $text;
say join '|', 'a1b22c333' =~ /([a-z]\d+)/g; say scalar reverse 'straw'; say 'abc' x 3;
say join ' ', unpack('w/a C n N V q', pack('w/a C n N V q', 'hello', 200, 65535, 1 << 31, 7, -9));
"""

BEGIN, END = "WORK-BEGINS", "WORK-ENDS"
APPEND = "console=ttyS0 panic=-1 quiet"
TIMEOUT = 240


def script():
    lines = [HEAD, f"echo {BEGIN}"]
    for name, command in WORK:
        plain = name in ("python3", "perl")         # they name their lines themselves
        lines.append(command if plain else f'echo "{name}: $({command})"')
    return "\n".join([*lines, f"echo {END}", ""])


def tree(root):
    """(path in the guest, bytes) of what the programs need. Links become copies."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            at = os.path.relpath(path, root)
            versioned = os.path.islink(path) and ".so" not in name
            if any(part in "/" + at for part in UNUSED) or versioned or not os.path.isfile(path):
                continue
            if folder.endswith("/bin") and name not in PROGRAMS:
                continue
            with open(path, "rb") as file:
                yield at, file.read()


def openssl(root, folder, *args):
    """The package's openssl on this host."""
    libraries = ":".join(os.path.join(root, path) for path in LIB)
    subprocess.run([os.path.join(root, LIB[0], "ld-linux-x86-64.so.2"), "--library-path", libraries,
                    os.path.join(root, "usr/bin/openssl"), *args], cwd=folder, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={"OPENSSL_CONF": "/dev/null"})


def write_inputs(scratch, root):
    """Data, keys, signatures and scripts, in the scratch folder; their names."""
    folder = scratch.folder.name
    for name, data in (("data", DATA), ("key.bin", DATA[:4000]), ("work.py", PYTHON.encode()),
                       ("work.pl", PERL.encode()), ("work.sh", script().encode())):
        scratch.path(name, data)
    for out, args in (("rsa.pem", ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")),
                      ("ec.pem", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")),
                      ("ed.pem", ("ED25519",)), ("x1.pem", ("X25519",)), ("x.pem", ("X25519",))):
        openssl(root, folder, "genpkey", "-algorithm", *args, "-out", out)
    openssl(root, folder, "pkey", "-in", "x.pem", "-pubout", "-out", "x2.pem")
    for key in ("rsa", "ec"):
        openssl(root, folder, "dgst", "-sha256", "-sign", f"{key}.pem", "-out", f"{key}.sig", "data")
    return ("data", "key.bin", "work.py", "work.pl", "work.sh", "rsa.pem", "ec.pem", "ed.pem",
            "x1.pem", "x2.pem", "rsa.sig", "ec.sig")


def between(text):
    """The lines of the script's output."""
    _, begin, rest = text.partition(BEGIN + "\n")
    body, end, _ = rest.partition(END + "\n")
    if not begin or not end:
        raise Failed(f"the script did not run to its end:\n{text[-2000:]}")
    return body.splitlines()


class Work:
    """The host's side and the initramfs, made once for all rows."""

    def __init__(self):
        self.made = None

    def get(self):
        if self.made is None:
            root = guest_file("programs")
            scratch = Scratch()
            names = write_inputs(scratch, root)
            expected = self.on_host(root, scratch.folder.name)
            files = list(tree(root))
            for name in names:
                with open(scratch.path(name), "rb") as file:
                    files.append((f"work/{name}", file.read()))
            initrd = scratch.initrd("ROOT= W=/work sh /work/work.sh\npoweroff -f\n", INIT_HEAD, files)
            self.made = (scratch, initrd, expected)
        return self.made

    @staticmethod
    def on_host(root, folder):
        try:
            done = subprocess.run(["sh", "work.sh"], cwd=folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                  env={"PATH": os.environ["PATH"], "ROOT": root, "W": folder})
        except OSError as error:
            raise Skip(f"the host cannot run the programs: {error}") from None
        lines = between(done.stdout.decode("utf-8", "replace"))
        if len(lines) < len(WORK) + 40:
            raise Failed("on the host the script printed only:\n" + "\n".join(lines))
        return lines


# name                                 arguments
ROWS = (
    ("programs: interpreter",          ("-accel", "tcg,engine=interp")),
    ("programs: translator",           ("-accel", "tcg")),
    ("programs: translator, -cpu max", ("-accel", "tcg", "-cpu", "max")),
)


def compare(expected, got):
    """Raises Failed with the first lines that differ."""
    wrong = [f"host:  {a}\nguest: {b}" for a, b in zip(expected, got) if a != b][:5]
    if wrong or len(expected) != len(got):
        raise Failed("\n".join([f"{len(expected)} lines on the host, {len(got)} in the guest",
                                *wrong]))


def test_of(row, work):
    name, args = row

    def test():
        _, initrd, expected = work.get()
        output = run_row(["-nographic", "-no-reboot", "-m", "512M", "-kernel", guest_file("cloud"),
                          "-initrd", initrd, "-append", APPEND, *args],
                         (END,), KERNEL_TROUBLE, 0, TIMEOUT)
        compare(expected, between(output))

    return name, test


# With --all alone: it takes long, and the kernels' self-tests are near to it.
LONG = ("programs: interpreter",)


if __name__ == "__main__":
    shared = Work()
    sys.exit(main([test_of(row, shared) for row in ROWS], LONG))
