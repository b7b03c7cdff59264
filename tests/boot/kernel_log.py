#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Linux finds when it tests the processor: its log, and the self-tests of its cryptography.

The kernel patches itself with INT3, checks the x87 and XSAVE at boot, and runs known answers
through every cipher and hash before it is offered; all of that stands in the log or /proc/crypto.
The drivers that use AES-NI, SHA, PCLMULQDQ, AVX, AVX2 and AVX-512 are modules.
"""
import sys

from boot import INIT_HEAD, KERNEL_TROUBLE, Scratch, guest_data, guest_file, main, run_row

SCRIPT = """
echo "self-tests passed: $(grep -c '^selftest *: passed' /proc/crypto)"
grep '^selftest' /proc/crypto | grep -v passed
dmesg | grep -iE 'x86/fpu|self.?test|alternatives|int3'
[ -e /proc/sys/kernel/tainted ] && echo "tainted: $(cat /proc/sys/kernel/tainted)"
poweroff -f
"""
# Modules that need others are tried again; each driver is a line "driver: ... selftest: ...".
DRIVERS = """
for pass in 1 2 3 4; do for m in /*.ko; do insmod $m 2>/dev/null && rm $m; done; done
ls /*.ko 2>/dev/null
grep -E '^(driver|selftest)' /proc/crypto | tr -s ' \\t' ' ' | paste -d ' ' - - | tr -d '()'
dmesg | grep 'alg:'
""" + SCRIPT
MODULES = (
    "cryptd", "crypto_simd", "gf128mul", "libpoly1305", "libchacha", "libcurve25519-generic",
    "nhpoly1305", "twofish_common", "serpent_generic", "cast_common", "cast5_generic",
    "cast6_generic", "camellia-x86_64", "sha512_generic", "aesni-intel", "sha1-ssse3",
    "sha256-ssse3", "sha512-ssse3", "ghash-clmulni-intel", "crc32c-intel", "crc32-pclmul",
    "crct10dif-pclmul", "poly1305-x86_64", "chacha-x86_64", "nhpoly1305-avx2", "curve25519-x86_64",
    "serpent-sse2-x86_64", "serpent-avx-x86_64", "serpent-avx2", "twofish-x86_64",
    "twofish-x86_64-3way", "twofish-avx-x86_64", "cast5-avx-x86_64", "cast6-avx-x86_64",
    "camellia-aesni-avx-x86_64", "camellia-aesni-avx2", "ansi_cprng")
# A driver of each instruction set; chacha20 and poly1305 use AVX-512 where it is.
TESTED = tuple(rf"driver : {name} selftest : passed" for name in (
    "aes-aesni", "xts-aes-aesni", "rfc4106-gcm-aesni", "sha1-ni", "sha1-avx2", "sha256-ni",
    "sha256-avx2", "sha256-ssse3", "sha512-avx2", "sha512-avx", "ghash-clmulni", "crc32c-intel",
    "crc32-pclmul", "crct10dif-pclmul", "poly1305-simd", "chacha20-simd", "nhpoly1305-avx2",
    "curve25519-x86", "cbc-serpent-avx2", "cbc-twofish-avx", "cbc-cast6-avx",
    "cbc-camellia-aesni-avx2"))
# The manager of tests is in this kernel: it says so of the one driver that has none.
TESTED += (r"alg: No test for fips\(ansi_cprng\)",)
# Messages of kernel/entry, arch/x86/kernel/fpu and crypto/testmgr.c that tell of a mistake, and
# those which the kernel writes in the ordinary way about what a processor lacks.
TROUBLE = (KERNEL_TROUBLE + r"|alg: .*(fail|wrong|unable)|selftest *: (?!passed)|self.?tests? failed|"
           r"x86/fpu: .*(inconsistent|mismatch|[Ff]ailed)|XSAVE consistency|int3.*(fail|missed)|"
           r"Unexpected #|trap invalid opcode|math-emu|FDIV bug|unchecked MSR access|"
           r"clocksource: .*unstable|spurious")
EXPECTED = (r"^self-tests passed: [1-9]", r"x86/fpu: ", r"^tainted: 0$", r"reboot: Power down")
# Of 32-bit kernels as well, and where no XSAVE is the message is another one or none.
EXPECTED32 = (r"^self-tests passed: [1-9]", r"^tainted: 0$", r"reboot: Power down")

# name                                    kernel   busybox      arguments                        expected
ROWS = (
    ("log: cloud kernel, translator",     "cloud", "busybox",   ("-cpu", "max"),                 EXPECTED),
    ("log: cloud kernel, interpreter",    "cloud", "busybox",
     ("-cpu", "max", "-accel", "tcg,engine=interp"), EXPECTED),
    ("log: full kernel",                  "amd64", "busybox",   ("-cpu", "max"),                 EXPECTED),
    ("log: 686 kernel",                   "i386",  "busybox32", (),                              EXPECTED32),
)
TIMEOUT = 300

# The same, with the drivers' modules.
DRIVER_ROWS = (
    ("drivers: translator",               "crypto", "busybox",  ("-cpu", "max"),                 EXPECTED),
    ("drivers: interpreter",              "crypto", "busybox",
     ("-cpu", "max", "-accel", "tcg,engine=interp"), EXPECTED),
)


def test_of(row, script=SCRIPT, modules=(), tested=()):
    name, kernel, busybox, args, expected = row

    def test():
        initrd = Scratch()
        files = [(f"{module}.ko", guest_data(kernel, f"{module}.ko")) for module in modules]
        run_row(["-nographic", "-no-reboot", "-m", "512M", "-kernel", guest_file(kernel),
                 "-initrd", initrd.initrd(script, INIT_HEAD, files, busybox),
                 "-append", "console=ttyS0 panic=-1", *args], tested + expected, TROUBLE, 0, TIMEOUT)

    return name, test


# With --all alone: it takes long, and the instructions' own tests are near to it.
LONG = ("drivers: interpreter",)


if __name__ == "__main__":
    sys.exit(main([test_of(row) for row in ROWS] +
                  [test_of(row, DRIVERS, MODULES, TESTED) for row in DRIVER_ROWS], LONG))
