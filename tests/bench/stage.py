# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that the programs need: made once, below one folder, the same for guest and host."""
import os
import random
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
from boot import Skip, guest_file

STATIC = ("agent", "int", "branch", "mem", "jit", "fp", "x87", "simd", "os", "smp")
CFLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-pthread",
          "-I", os.path.dirname(os.path.dirname(HERE)))

# Of the packages' trees, what nobody runs: every byte costs each boot.
UNUSED = ("/gconv/", "/unicore/To/", "/unicore/lib/", "/engines-3/", "libnss_", "libthread_db",
          "_codecs_", "i386-libtcc1", "/share/", "libresolv", "libanl")
TEXT_BYTES = 3 << 20
SMALL_SOURCE, LARGE_SOURCE = 20, 3000        # functions, for cc1 and for tcc


def text():
    """Log lines: words in the frequency of a language, numbers, some noise."""
    rng = random.Random(1)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(3000)]
    weights = [1 / (n + 3) for n in range(len(words))]
    lines, size = [], 0
    while size < TEXT_BYTES:
        line = (f"{rng.randint(1, 9999)} " + " ".join(rng.choices(words, weights, k=12)) +
                f" [{rng.getrandbits(40):x}] {rng.randint(0, 99)}\n")
        lines.append(line)
        size += len(line)
    return "".join(lines).encode()


# Without a C library, so that tcc -run needs none.
SOURCE_HEAD = """
void *memset(void *to, int c, unsigned long n)
{
    for (unsigned char *p = to; n; n--) *p++ = c;
    return to;
}
static void say(unsigned long value)
{
    char text[17];
    long written;
    for (int i = 15; i >= 0; i--, value >>= 4) text[i] = "0123456789abcdef"[value & 15];
    text[16] = 10;
    __asm__ volatile("syscall" : "=a"(written) : "0"(1L), "D"(1L), "S"(text), "d"(17L)
                     : "rcx", "r11", "memory");
}
"""

FUNCTION = """
struct s{n} {{ int kind; long value; struct s{n} *next; unsigned char name[{size}]; }};
static __attribute__((noinline)) long f{n}(struct s{n} *list, long limit, const int *table)
{{
    long sum = {a};
    for (struct s{n} *p = list; p; p = p->next) {{
        switch (p->kind & 7) {{
        case 0: sum += p->value * {b}; break;
        case 1: sum ^= table[p->value & {mask}]; break;
        case 2: sum -= p->name[p->kind % {size}] << {shift}; break;
        case 5: for (int i = 0; i < {size}; i++) sum += p->name[i] * table[i]; break;
        case 6: if (p->value > limit) return sum / ({a} + (p->value & 1)); break;
        default: sum = sum * 33 + (p->kind % {b}); break;
        }}
        if (sum > limit) sum = {call} % (limit + 1);
        while (sum < -limit) sum += limit + {a};
    }}
    return sum;
}}
"""


def c_source(functions):
    """A program for compilers: functions of loops, switches, structures, and a call of the last."""
    rng, parts = random.Random(2), []
    for n in range(functions):
        call = f"f{n - 1}((void *)list->next, limit, table)" if n else "sum"
        parts.append(FUNCTION.format(n=n, a=rng.randint(1, 99), b=rng.randint(2, 999),
                                     size=rng.randint(8, 40), mask=63, shift=rng.randint(1, 7),
                                     call=call))
    return (SOURCE_HEAD + "".join(parts) + f"""
int _start(void)
{{
    static int table[64];
    struct s{functions - 1} node = {{ 1, 5, 0, "name" }};
    say(f{functions - 1}(&node, 1000000, table));
    return 0;
}}
""").encode()


def compile_programs(folder, root):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        raise Skip("no C compiler")
    library = os.path.join(root, "usr/lib/x86_64-linux-gnu/libcrypto.so.3")
    jobs = [(name, ["-static"], ["-lm"]) for name in STATIC] + [("crypto", [], [library])]
    for name, flags, libraries in jobs:
        done = subprocess.run([compiler, *CFLAGS, *flags, "-o", os.path.join(folder, "bin", name),
                               os.path.join(HERE, "c", name + ".c"), *libraries],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"cannot compile {name}.c: {done.stderr}")


def copy_tree(folder, root):
    """Debian's programs. Libraries are known by their link's name, so links become files."""
    for at, _, names in os.walk(root):
        for name in names:
            path = os.path.join(at, name)
            inner = os.path.relpath(path, root)
            if any(part in "/" + inner for part in UNUSED) or not os.path.isfile(path):
                continue
            if any(os.path.islink(other) and os.path.realpath(other) == os.path.realpath(path)
                   for other in (os.path.join(at, name.rsplit(".", cut)[0]) for cut in (1, 2, 3))):
                continue                # libx.so.1.2.3 of a link libx.so.1
            target = os.path.join(folder, inner)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)   # follows links


def shared_name(folder):
    """lib and usr/lib hold the libraries of different packages: one folder for the loader."""
    for source in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"):
        path = os.path.join(folder, source)
        for name in os.listdir(path):
            if ".so" in name and os.path.isfile(os.path.join(path, name)):
                os.replace(os.path.join(path, name), os.path.join(folder, "lib", name))


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def native(folder, out, *command):
    """Output of a program of the stage, run here: inputs for others."""
    with open(os.path.join(folder, out), "wb") as file:
        subprocess.run(command, cwd=folder, stdout=file, stdin=subprocess.DEVNULL, check=True)


def make(folder):
    """Fills the folder."""
    root = guest_file("bench")
    for name in ("bin", "lib", "data"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    copy_tree(folder, root)
    shared_name(folder)
    shutil.copy(guest_file("busybox"), os.path.join(folder, "bin/busybox"))
    compile_programs(folder, root)
    for name in os.listdir(os.path.join(HERE, "work")):
        if name.startswith("bench."):
            shutil.copy(os.path.join(HERE, "work", name), os.path.join(folder, "data", name))
    with open(os.path.join(HERE, "work", "bench.sql"), "rb") as file:
        sql = file.read()
    for size in (20000, 100000):
        write(folder, f"data/{size}.sql", sql.replace(b"@N@", b"%d" % size))
    write(folder, "data/text", text())
    write(folder, "data/small.c", c_source(SMALL_SOURCE))
    write(folder, "data/large.c", c_source(LARGE_SOURCE))
    run = ("lib/ld-linux-x86-64.so.2", "--library-path", "lib")
    native(folder, "data/text.gz", *run, "bin/gzip", "-nc", "data/text")
    native(folder, "data/text.xz", *run, "usr/bin/xz", "-T1", "-c", "data/text")


def files(folder):
    """(path in the guest, bytes, executable) of all files."""
    for at, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                yield "bench/" + os.path.relpath(path, folder), file.read()
