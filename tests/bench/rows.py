# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs, in groups, and what is wanted of each group: one row per thing."""

LOADER = "lib/ld-linux-x86-64.so.2 --library-path lib "
LUA = LOADER + "usr/bin/lua5.4 data/bench.lua "
LUAJIT = LOADER + "usr/bin/luajit data/bench.lua "
MAWK = LOADER + "usr/bin/mawk -f data/bench.awk data/text*"
ZSTD = LOADER + "usr/bin/zstd -q --single-thread -3 -c data/text*"
PYTHON = LOADER + "usr/bin/python3.11 -S data/bench.py {n}"
CC1 = LOADER + "usr/lib/gcc/x86_64-linux-gnu/12/cc1 -quiet -fpreprocessed -O2 data/small.c -o -"
TCC = LOADER + "usr/bin/tcc -nostdlib -run data/large.c"
SQLITE = LOADER + "usr/bin/sqlite3 -init /dev/null :memory: .read\u00a0data/{n}.sql"

# {n} is the work; FILE* stands for FILE as often as the work says. Work is a number for the whole
# and one for the quick form; natively the former takes 0.1 to 0.4 s, less where emulators are
# slowest. A blank inside an argument is written as a no-break space.
#    group    program           work   quick     command
PROGRAMS = (
    ("int",    "coremark-like",  3000,    600,    "bin/int mix {n}"),
    ("int",    "sieve",          100,     20,     "bin/int sieve {n}"),
    ("int",    "recursion",      1500,    300,    "bin/int recursion {n}"),
    ("int",    "qsort",          60,      12,     "bin/int qsort {n}"),
    ("int",    "mul/div",        600000,  120000, "bin/int muldiv {n}"),
    ("int",    "crc32",          4500,    900,    "bin/int crc32 {n}"),
    ("branch", "virtual calls",  1000000, 200000, "bin/branch virtual {n}"),
    ("branch", "bytecode loop",  5000000, 1000000, "bin/branch bytecode {n}"),
    ("branch", "lua fib",        300,     60,     LUA + "fib {n}"),
    ("branch", "lua nbody",      120000,  24000,  LUA + "nbody {n}"),
    ("branch", "lua strings",    150000,  30000,  LUA + "strings {n}"),
    ("branch", "perl",           120000,  24000,  LOADER + "usr/bin/perl data/bench.pl {n}"),
    ("branch", "python",         120000,  20000,  PYTHON),
    ("branch", "awk",            1,       1,      MAWK),
    ("branch", "sqlite",         100000,  20000,  SQLITE),
    ("mem",    "memcpy 1 KiB",   6000000, 600000, "bin/mem memcpy-small {n}"),
    ("mem",    "memcpy 8 MiB",   60,      10,     "bin/mem memcpy-large {n}"),
    ("mem",    "rep movs",       250000,  25000,  "bin/mem rep-movs {n}"),
    ("mem",    "triad",          100,     15,     "bin/mem triad {n}"),
    ("chase",  "L1",             100000,  20000,  "bin/mem chase-l1 {n}"),
    ("chase",  "L2",             30000,   6000,   "bin/mem chase-l2 {n}"),
    ("chase",  "L3",             3000,    500,    "bin/mem chase-l3 {n}"),
    ("chase",  "DRAM",           2000,    400,    "bin/mem chase-dram {n}"),
    ("tool",   "sha256sum",      12,      2,      LOADER + "usr/bin/sha256sum data/text*"),
    ("tool",   "gzip",           1,       1,      LOADER + "bin/gzip -nc data/text*"),
    ("tool",   "gunzip",         6,       1,      LOADER + "bin/gzip -dc data/text.gz*"),
    ("tool",   "xz",             1,       1,      LOADER + "usr/bin/xz -T1 -0c data/text*"),
    ("tool",   "unxz",           3,       1,      LOADER + "usr/bin/xz -T1 -dc data/text.xz*"),
    ("tool",   "zstd",           5,       1,      ZSTD),
    ("tool",   "cc1 -O2",        1,       1,      CC1),
    ("tool",   "tcc",            1,       1,      TCC),
    ("jit",    "luajit fib",     1500,    300,    LUAJIT + "fib {n}"),
    ("jit",    "luajit nbody",   2000000, 400000, LUAJIT + "nbody {n}"),
    ("jit",    "luajit strings", 300000,  60000,  LUAJIT + "strings {n}"),
    ("jit",    "code run once",  200000,  20000,  "bin/jit once {n}"),
    ("jit",    "patched code",   100000,  10000,  "bin/jit patched {n}"),
    ("fp",     "nbody",          1500000, 150000, "bin/fp nbody {n}"),
    ("fp",     "matmul",         500,     50,     "bin/fp matmul {n}"),
    ("fp",     "mandelbrot",     100,     10,     "bin/fp mandelbrot {n}"),
    ("fp",     "mandelbrot SSE", 150,     15,     "bin/fp mandelbrot-sse {n}"),
    ("fp",     "libm",           1200000, 120000, "bin/fp libm {n}"),
    ("fp",     "conversions",    30000,   3000,   "bin/fp convert {n}"),
    ("x87",    "nbody",          300000,  30000,  "bin/x87 nbody {n}"),
    ("x87",    "fsin, fcos",     1500000, 150000, "bin/x87 sincos {n}"),
    ("simd",   "integer SSE",    90000,   9000,   "bin/simd sse {n}"),
    ("simd",   "AVX2 and FMA",   70000,   2000,   "bin/simd avx2 {n}"),
    ("crypto", "AES-CBC",        15000,   2000,   LOADER + "bin/crypto aes-cbc {n}"),
    ("crypto", "AES-GCM",        25000,   2500,   LOADER + "bin/crypto aes-gcm {n}"),
    ("crypto", "ChaCha20",       15000,   1500,   LOADER + "bin/crypto chacha20 {n}"),
    ("crypto", "SHA-256",        10000,   1000,   LOADER + "bin/crypto sha256 {n}"),
    ("crypto", "SHA-512",        6000,    600,    LOADER + "bin/crypto sha512 {n}"),
    ("crypto", "RSA modexp",     80,      4,      LOADER + "bin/crypto modexp {n}"),
    ("os",     "getppid",        2000000, 400000, "bin/os getppid {n}"),
    ("os",     "read/write",     800000,  150000, "bin/os rw {n}"),
    ("os",     "pipe ping-pong", 60000,   12000,  "bin/os pipe {n}"),
    ("os",     "fork",           2500,    500,    "bin/os fork {n}"),
    ("os",     "fork+exec",      400,     80,     "bin/os exec {n}"),
    ("os",     "mmap",           12000,   2400,   "bin/os mmap {n}"),
    ("os",     "copy-on-write",  400,     80,     "bin/os cow {n}"),
    ("os",     "signals",        200000,  40000,  "bin/os signal {n}"),
    ("os",     "SIGSEGV",        50000,   10000,  "bin/os segv {n}"),
    ("os",     "files",          30000,   6000,   "bin/os files {n}"),
    ("os",     "clock_gettime",  4000000, 500000, "bin/os clock {n}"),
    ("os",     "shell script",   80,      20,     "bin/busybox sh data/bench.sh {n}"),
)

SMP_WORK, SMP_QUICK = 2000, 400
SMP = "bin/smp threads {n}"

# Kinds of measurement that are not a program beside its native run: see machine.py.
MACHINE = ("boot", "start", "memory", "smp")

#    wanted      groups                             x native    x faster than QEMU
WANTED = (
    ("int",      ("int",),                          2.0,        2.5),
    ("branch",   ("branch",),                       3.0,        4),
    ("mem",      ("mem",),                          1.8,        6),
    ("tool",     ("tool",),                         2.8,        3.5),
    ("jit",      ("jit",),                          6,          4),
    ("vector",   ("fp", "x87", "simd", "crypto"),   1.5,        12),
    ("os",       ("os",),                           4.5,        2),
    ("chase",    ("chase",),                        2.8,        1),
)

SMP_FASTER = 1.8                # two threads with two vCPUs, against one
START_MS = 30                   # from the start of the emulator to the guest's first instruction
IDLE_FACTOR, IDLE_MIB = 1.2, 40     # resident: what the guest touched times, plus
BOOT_FASTER = 1.3               # than QEMU


def words(command, work):
    """The command line as the agent reads it."""
    out = []
    for word in command.replace("{n}", str(work)).split(" "):
        out += [word[:-1]] * work if word.endswith("*") else [word]
    return " ".join(out)


def groups():
    """Names in the order of the table."""
    return list(dict.fromkeys(row[0] for row in PROGRAMS))
