/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpuid_models.c: the CPU models and the names of feature bits, as `-cpu` takes them.
 * Constant data; cpu_model.c reads it.
 *
 * Names that are not supported are known so that asking for one warns instead of failing.  An alias
 * follows the name it stands for.
 */
#include "target/i386/cpuid_models.h"

/* clang-format off */
const char *const cpu_feature_words[FEAT_WORDS] = {
    [FEAT_1_EDX] = "CPUID.01H:EDX",
    [FEAT_1_ECX] = "CPUID.01H:ECX",
    [FEAT_7_0_EBX] = "CPUID.07H:EBX",
    [FEAT_7_0_ECX] = "CPUID.07H:ECX",
    [FEAT_7_0_EDX] = "CPUID.07H:EDX",
    [FEAT_80000001_EDX] = "CPUID.80000001H:EDX",
    [FEAT_80000001_ECX] = "CPUID.80000001H:ECX",
    [FEAT_D_1_EAX] = "CPUID.0DH:EAX",
    [FEAT_80000007_EDX] = "CPUID.80000007H:EDX",
    [FEAT_80000008_EBX] = "CPUID.80000008H:EBX",
    [FEAT_6_EAX] = "CPUID.06H:EAX",
    [FEAT_ARCH_CAPS] = "MSR(10AH)",
    [FEAT_ARCH_CAPS_HI] = "MSR(10AH)",
    [FEAT_7_2_EDX] = "CPUID.07H.02H:EDX",
    [FEAT_7_1_EAX] = "CPUID.07H.01H:EAX",
};

const struct cpu_feature_name cpu_feature_names[] = {
    /* name                  bit                              supported */
    /* CPUID.01H:EDX */
    { "fpu",                 X86_FEATURE(FEAT_1_EDX, 0), true },
    { "vme",                 X86_FEATURE(FEAT_1_EDX, 1), true },
    { "de",                  X86_FEATURE(FEAT_1_EDX, 2), true },
    { "pse",                 X86_FEATURE(FEAT_1_EDX, 3), true },
    { "tsc",                 X86_FEATURE(FEAT_1_EDX, 4), true },
    { "msr",                 X86_FEATURE(FEAT_1_EDX, 5), true },
    { "pae",                 X86_FEATURE(FEAT_1_EDX, 6), true },
    { "mce",                 X86_FEATURE(FEAT_1_EDX, 7), true },
    { "cx8",                 X86_FEATURE(FEAT_1_EDX, 8), true },
    { "apic",                X86_FEATURE(FEAT_1_EDX, 9), true },
    { "sep",                 X86_FEATURE(FEAT_1_EDX, 11), true },
    { "mtrr",                X86_FEATURE(FEAT_1_EDX, 12), true },
    { "pge",                 X86_FEATURE(FEAT_1_EDX, 13), true },
    { "mca",                 X86_FEATURE(FEAT_1_EDX, 14), true },
    { "cmov",                X86_FEATURE(FEAT_1_EDX, 15), true },
    { "pat",                 X86_FEATURE(FEAT_1_EDX, 16), true },
    { "pse36",               X86_FEATURE(FEAT_1_EDX, 17), true },
    { "pn",                  X86_FEATURE(FEAT_1_EDX, 18), false },
    { "clflush",             X86_FEATURE(FEAT_1_EDX, 19), true },
    { "ds",                  X86_FEATURE(FEAT_1_EDX, 21), false },
    { "acpi",                X86_FEATURE(FEAT_1_EDX, 22), false },
    { "mmx",                 X86_FEATURE(FEAT_1_EDX, 23), true },
    { "fxsr",                X86_FEATURE(FEAT_1_EDX, 24), true },
    { "sse",                 X86_FEATURE(FEAT_1_EDX, 25), true },
    { "sse2",                X86_FEATURE(FEAT_1_EDX, 26), true },
    { "ss",                  X86_FEATURE(FEAT_1_EDX, 27), true },
    { "ht",                  X86_FEATURE(FEAT_1_EDX, 28), false },
    { "tm",                  X86_FEATURE(FEAT_1_EDX, 29), false },
    { "ia64",                X86_FEATURE(FEAT_1_EDX, 30), false },
    { "pbe",                 X86_FEATURE(FEAT_1_EDX, 31), false },
    /* CPUID.01H:ECX */
    { "pni",                 X86_FEATURE(FEAT_1_ECX, 0), true },
    { "sse3",                X86_FEATURE(FEAT_1_ECX, 0), true },
    { "pclmulqdq",           X86_FEATURE(FEAT_1_ECX, 1), true },
    { "pclmuldq",            X86_FEATURE(FEAT_1_ECX, 1), true },
    { "dtes64",              X86_FEATURE(FEAT_1_ECX, 2), false },
    { "monitor",             X86_FEATURE(FEAT_1_ECX, 3), false },
    { "ds-cpl",              X86_FEATURE(FEAT_1_ECX, 4), false },
    { "vmx",                 X86_FEATURE(FEAT_1_ECX, 5), false },
    { "smx",                 X86_FEATURE(FEAT_1_ECX, 6), false },
    { "est",                 X86_FEATURE(FEAT_1_ECX, 7), false },
    { "tm2",                 X86_FEATURE(FEAT_1_ECX, 8), false },
    { "ssse3",               X86_FEATURE(FEAT_1_ECX, 9), true },
    { "cid",                 X86_FEATURE(FEAT_1_ECX, 10), false },
    { "fma",                 X86_FEATURE(FEAT_1_ECX, 12), FEATURE_ON_HOST },
    { "cx16",                X86_FEATURE(FEAT_1_ECX, 13), true },
    { "xtpr",                X86_FEATURE(FEAT_1_ECX, 14), false },
    { "pdcm",                X86_FEATURE(FEAT_1_ECX, 15), false },
    { "pcid",                X86_FEATURE(FEAT_1_ECX, 17), true },
    { "dca",                 X86_FEATURE(FEAT_1_ECX, 18), false },
    { "sse4.1",              X86_FEATURE(FEAT_1_ECX, 19), true },
    { "sse4-1",              X86_FEATURE(FEAT_1_ECX, 19), true },
    { "sse4.2",              X86_FEATURE(FEAT_1_ECX, 20), true },
    { "sse4-2",              X86_FEATURE(FEAT_1_ECX, 20), true },
    { "x2apic",              X86_FEATURE(FEAT_1_ECX, 21), true },
    { "movbe",               X86_FEATURE(FEAT_1_ECX, 22), true },
    { "popcnt",              X86_FEATURE(FEAT_1_ECX, 23), true },
    { "tsc-deadline",        X86_FEATURE(FEAT_1_ECX, 24), true },
    { "aes",                 X86_FEATURE(FEAT_1_ECX, 25), true },
    { "xsave",               X86_FEATURE(FEAT_1_ECX, 26), true },
    { "avx",                 X86_FEATURE(FEAT_1_ECX, 28), FEATURE_ON_HOST },
    { "f16c",                X86_FEATURE(FEAT_1_ECX, 29), FEATURE_ON_HOST },
    { "rdrand",              X86_FEATURE(FEAT_1_ECX, 30), true },
    { "hypervisor",          X86_FEATURE(FEAT_1_ECX, 31), true },
    /* CPUID.07H:EBX */
    { "fsgsbase",            X86_FEATURE(FEAT_7_0_EBX, 0), true },
    { "tsc-adjust",          X86_FEATURE(FEAT_7_0_EBX, 1), true },
    { "sgx",                 X86_FEATURE(FEAT_7_0_EBX, 2), false },
    { "bmi1",                X86_FEATURE(FEAT_7_0_EBX, 3), true },
    { "hle",                 X86_FEATURE(FEAT_7_0_EBX, 4), false },
    { "avx2",                X86_FEATURE(FEAT_7_0_EBX, 5), FEATURE_ON_HOST },
    { "smep",                X86_FEATURE(FEAT_7_0_EBX, 7), true },
    { "bmi2",                X86_FEATURE(FEAT_7_0_EBX, 8), true },
    { "erms",                X86_FEATURE(FEAT_7_0_EBX, 9), true },
    { "invpcid",             X86_FEATURE(FEAT_7_0_EBX, 10), true },
    { "rtm",                 X86_FEATURE(FEAT_7_0_EBX, 11), false },
    { "mpx",                 X86_FEATURE(FEAT_7_0_EBX, 14), false },
    { "avx512f",             X86_FEATURE(FEAT_7_0_EBX, 16), FEATURE_ON_HOST },
    { "avx512dq",            X86_FEATURE(FEAT_7_0_EBX, 17), FEATURE_ON_HOST },
    { "rdseed",              X86_FEATURE(FEAT_7_0_EBX, 18), true },
    { "adx",                 X86_FEATURE(FEAT_7_0_EBX, 19), true },
    { "smap",                X86_FEATURE(FEAT_7_0_EBX, 20), true },
    { "avx512ifma",          X86_FEATURE(FEAT_7_0_EBX, 21), FEATURE_ON_HOST },
    { "pcommit",             X86_FEATURE(FEAT_7_0_EBX, 22), false },
    { "clflushopt",          X86_FEATURE(FEAT_7_0_EBX, 23), true },
    { "clwb",                X86_FEATURE(FEAT_7_0_EBX, 24), true },
    { "intel-pt",            X86_FEATURE(FEAT_7_0_EBX, 25), false },
    { "avx512pf",            X86_FEATURE(FEAT_7_0_EBX, 26), false },
    { "avx512er",            X86_FEATURE(FEAT_7_0_EBX, 27), false },
    { "avx512cd",            X86_FEATURE(FEAT_7_0_EBX, 28), FEATURE_ON_HOST },
    { "sha-ni",              X86_FEATURE(FEAT_7_0_EBX, 29), true },
    { "avx512bw",            X86_FEATURE(FEAT_7_0_EBX, 30), FEATURE_ON_HOST },
    { "avx512vl",            X86_FEATURE(FEAT_7_0_EBX, 31), FEATURE_ON_HOST },
    /* CPUID.07H:ECX */
    { "avx512vbmi",          X86_FEATURE(FEAT_7_0_ECX, 1), FEATURE_ON_HOST },
    { "umip",                X86_FEATURE(FEAT_7_0_ECX, 2), true },
    { "pku",                 X86_FEATURE(FEAT_7_0_ECX, 3), false },
    { "waitpkg",             X86_FEATURE(FEAT_7_0_ECX, 5), false },
    { "avx512vbmi2",         X86_FEATURE(FEAT_7_0_ECX, 6), FEATURE_ON_HOST },
    { "gfni",                X86_FEATURE(FEAT_7_0_ECX, 8), FEATURE_ON_HOST },
    { "vaes",                X86_FEATURE(FEAT_7_0_ECX, 9), FEATURE_ON_HOST },
    { "vpclmulqdq",          X86_FEATURE(FEAT_7_0_ECX, 10), FEATURE_ON_HOST },
    { "avx512vnni",          X86_FEATURE(FEAT_7_0_ECX, 11), FEATURE_ON_HOST },
    { "avx512bitalg",        X86_FEATURE(FEAT_7_0_ECX, 12), FEATURE_ON_HOST },
    { "avx512-vpopcntdq",    X86_FEATURE(FEAT_7_0_ECX, 14), FEATURE_ON_HOST },
    { "la57",                X86_FEATURE(FEAT_7_0_ECX, 16), false },
    { "rdpid",               X86_FEATURE(FEAT_7_0_ECX, 22), true },
    { "bus-lock-detect",     X86_FEATURE(FEAT_7_0_ECX, 24), false },
    { "cldemote",            X86_FEATURE(FEAT_7_0_ECX, 25), false },
    { "movdiri",             X86_FEATURE(FEAT_7_0_ECX, 27), false },
    { "movdir64b",           X86_FEATURE(FEAT_7_0_ECX, 28), false },
    { "sgxlc",               X86_FEATURE(FEAT_7_0_ECX, 30), false },
    { "pks",                 X86_FEATURE(FEAT_7_0_ECX, 31), false },
    /* CPUID.07H:EDX */
    { "avx512-4vnniw",       X86_FEATURE(FEAT_7_0_EDX, 2), false },
    { "avx512-4fmaps",       X86_FEATURE(FEAT_7_0_EDX, 3), false },
    { "fsrm",                X86_FEATURE(FEAT_7_0_EDX, 4), true },
    { "avx512-vp2intersect", X86_FEATURE(FEAT_7_0_EDX, 8), false },
    { "md-clear",            X86_FEATURE(FEAT_7_0_EDX, 10), false },
    { "serialize",           X86_FEATURE(FEAT_7_0_EDX, 14), false },
    { "tsx-ldtrk",           X86_FEATURE(FEAT_7_0_EDX, 16), false },
    { "arch-lbr",            X86_FEATURE(FEAT_7_0_EDX, 19), false },
    { "amx-bf16",            X86_FEATURE(FEAT_7_0_EDX, 22), false },
    { "avx512-fp16",         X86_FEATURE(FEAT_7_0_EDX, 23), FEATURE_ON_HOST },
    { "amx-tile",            X86_FEATURE(FEAT_7_0_EDX, 24), false },
    { "amx-int8",            X86_FEATURE(FEAT_7_0_EDX, 25), false },
    { "spec-ctrl",           X86_FEATURE(FEAT_7_0_EDX, 26), true },
    { "stibp",               X86_FEATURE(FEAT_7_0_EDX, 27), false },
    { "arch-capabilities",   X86_FEATURE(FEAT_7_0_EDX, 29), true },
    { "core-capability",     X86_FEATURE(FEAT_7_0_EDX, 30), false },
    { "ssbd",                X86_FEATURE(FEAT_7_0_EDX, 31), false },
    /* CPUID.80000001H:EDX */
    { "syscall",             X86_FEATURE(FEAT_80000001_EDX, 11), true },
    { "nx",                  X86_FEATURE(FEAT_80000001_EDX, 20), true },
    { "xd",                  X86_FEATURE(FEAT_80000001_EDX, 20), true },
    { "mmxext",              X86_FEATURE(FEAT_80000001_EDX, 22), true },
    { "fxsr-opt",            X86_FEATURE(FEAT_80000001_EDX, 25), false },
    { "ffxsr",               X86_FEATURE(FEAT_80000001_EDX, 25), false },
    { "pdpe1gb",             X86_FEATURE(FEAT_80000001_EDX, 26), true },
    { "rdtscp",              X86_FEATURE(FEAT_80000001_EDX, 27), true },
    { "lm",                  X86_FEATURE(FEAT_80000001_EDX, 29), true },
    { "i64",                 X86_FEATURE(FEAT_80000001_EDX, 29), true },
    { "3dnowext",            X86_FEATURE(FEAT_80000001_EDX, 30), false },
    { "3dnow",               X86_FEATURE(FEAT_80000001_EDX, 31), false },
    /* CPUID.80000001H:ECX */
    { "lahf-lm",             X86_FEATURE(FEAT_80000001_ECX, 0), true },
    { "cmp-legacy",          X86_FEATURE(FEAT_80000001_ECX, 1), false },
    { "svm",                 X86_FEATURE(FEAT_80000001_ECX, 2), false },
    { "extapic",             X86_FEATURE(FEAT_80000001_ECX, 3), false },
    { "cr8legacy",           X86_FEATURE(FEAT_80000001_ECX, 4), false },
    { "abm",                 X86_FEATURE(FEAT_80000001_ECX, 5), true },
    { "lzcnt",               X86_FEATURE(FEAT_80000001_ECX, 5), true },
    { "sse4a",               X86_FEATURE(FEAT_80000001_ECX, 6), false },
    { "misalignsse",         X86_FEATURE(FEAT_80000001_ECX, 7), false },
    { "3dnowprefetch",       X86_FEATURE(FEAT_80000001_ECX, 8), true },
    { "osvw",                X86_FEATURE(FEAT_80000001_ECX, 9), false },
    { "ibs",                 X86_FEATURE(FEAT_80000001_ECX, 10), false },
    { "xop",                 X86_FEATURE(FEAT_80000001_ECX, 11), false },
    { "skinit",              X86_FEATURE(FEAT_80000001_ECX, 12), false },
    { "wdt",                 X86_FEATURE(FEAT_80000001_ECX, 13), false },
    { "lwp",                 X86_FEATURE(FEAT_80000001_ECX, 15), false },
    { "fma4",                X86_FEATURE(FEAT_80000001_ECX, 16), false },
    { "tce",                 X86_FEATURE(FEAT_80000001_ECX, 17), false },
    { "nodeid-msr",          X86_FEATURE(FEAT_80000001_ECX, 19), false },
    { "tbm",                 X86_FEATURE(FEAT_80000001_ECX, 21), false },
    { "topoext",             X86_TOPOEXT, true },
    { "perfctr-core",        X86_FEATURE(FEAT_80000001_ECX, 23), false },
    { "perfctr-nb",          X86_FEATURE(FEAT_80000001_ECX, 24), false },
    /* CPUID.0DH:EAX */
    { "xsaveopt",            X86_FEATURE(FEAT_D_1_EAX, 0), true },
    { "xsavec",              X86_FEATURE(FEAT_D_1_EAX, 1), true },
    { "xgetbv1",             X86_FEATURE(FEAT_D_1_EAX, 2), true },
    { "xsaves",              X86_FEATURE(FEAT_D_1_EAX, 3), true },
    { "xfd",                 X86_FEATURE(FEAT_D_1_EAX, 4), false },
    /* CPUID.80000007H:EDX */
    { "invtsc",              X86_FEATURE(FEAT_80000007_EDX, 8), true },
    /* CPUID.80000008H:EBX */
    { "clzero",              X86_FEATURE(FEAT_80000008_EBX, 0), false },
    { "xsaveerptr",          X86_FEATURE(FEAT_80000008_EBX, 2), true },
    { "wbnoinvd",            X86_FEATURE(FEAT_80000008_EBX, 9), true },
    { "ibpb",                X86_FEATURE(FEAT_80000008_EBX, 12), false },
    { "ibrs",                X86_FEATURE(FEAT_80000008_EBX, 14), false },
    { "amd-stibp",           X86_FEATURE(FEAT_80000008_EBX, 15), false },
    { "amd-ssbd",            X86_FEATURE(FEAT_80000008_EBX, 24), false },
    { "virt-ssbd",           X86_FEATURE(FEAT_80000008_EBX, 25), false },
    { "amd-no-ssb",          X86_FEATURE(FEAT_80000008_EBX, 26), false },
    { "amd-psfd",            X86_FEATURE(FEAT_80000008_EBX, 28), false },
    /* CPUID.06H:EAX */
    { "arat",                X86_FEATURE(FEAT_6_EAX, 2), true },
    /* MSR(10AH) */
    { "rdctl-no",            X86_FEATURE(FEAT_ARCH_CAPS, 0), true },
    { "ibrs-all",            X86_FEATURE(FEAT_ARCH_CAPS, 1), true },
    { "rsba",                X86_FEATURE(FEAT_ARCH_CAPS, 2), false },
    { "skip-l1dfl-vmentry",  X86_FEATURE(FEAT_ARCH_CAPS, 3), true },
    { "ssb-no",              X86_FEATURE(FEAT_ARCH_CAPS, 4), true },
    { "mds-no",              X86_FEATURE(FEAT_ARCH_CAPS, 5), true },
    { "pschange-mc-no",      X86_FEATURE(FEAT_ARCH_CAPS, 6), true },
    { "tsx-ctrl",            X86_FEATURE(FEAT_ARCH_CAPS, 7), false },
    { "taa-no",              X86_FEATURE(FEAT_ARCH_CAPS, 8), true },
    { "sbdr-ssdp-no",        X86_FEATURE(FEAT_ARCH_CAPS, 13), true },
    { "fbsdp-no",            X86_FEATURE(FEAT_ARCH_CAPS, 14), true },
    { "psdp-no",             X86_FEATURE(FEAT_ARCH_CAPS, 15), true },
    { "fb-clear",            X86_FEATURE(FEAT_ARCH_CAPS, 17), false },
    { "rrsba",               X86_FEATURE(FEAT_ARCH_CAPS, 19), false },
    { "bhi-no",              X86_FEATURE(FEAT_ARCH_CAPS, 20), true },
    { "pbrsb-no",            X86_FEATURE(FEAT_ARCH_CAPS, 24), true },
    { "gds-ctrl",            X86_FEATURE(FEAT_ARCH_CAPS, 25), false },
    { "gds-no",              X86_FEATURE(FEAT_ARCH_CAPS, 26), true },
    { "rfds-no",             X86_FEATURE(FEAT_ARCH_CAPS, 27), true },
    { "rfds-clear",          X86_FEATURE(FEAT_ARCH_CAPS, 28), false },
    /* MSR(10AH) */
    { "its-no",              X86_FEATURE(FEAT_ARCH_CAPS_HI, 30), true },
    /* CPUID.07H.02H:EDX */
    { "intel-psfd",           X86_FEATURE(FEAT_7_2_EDX, 0), false },
    { "ipred-ctrl",           X86_FEATURE(FEAT_7_2_EDX, 1), false },
    { "rrsba-ctrl",           X86_FEATURE(FEAT_7_2_EDX, 2), false },
    { "ddpd-u",               X86_FEATURE(FEAT_7_2_EDX, 3), false },
    { "bhi-ctrl",             X86_FEATURE(FEAT_7_2_EDX, 4), true },
    { "mcdt-no",              X86_FEATURE(FEAT_7_2_EDX, 5), true },
    /* CPUID.07H.01H:EAX */
    { "avx-vnni",             X86_FEATURE(FEAT_7_1_EAX, 4), FEATURE_ON_HOST },
    { "avx512-bf16",          X86_FEATURE(FEAT_7_1_EAX, 5), FEATURE_ON_HOST },
    { NULL, 0, false }
};

#define PENTIUM_PRO "fpu de pse tsc msr pae mce cx8 apic sep pge cmov pat fxsr mmx sse sse2 hypervisor "
#define CORE2       PENTIUM_PRO "vme mtrr mca pse36 clflush pni ssse3 cx16 syscall nx lm lahf-lm "
#define NEHALEM     CORE2 "sse4.1 sse4.2 popcnt "
#define WESTMERE \
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx " \
    "fxsr sse sse2 pni pclmulqdq ssse3 cx16 sse4.1 sse4.2 popcnt aes hypervisor " \
    "syscall nx lm lahf-lm arat "
#define SANDYBRIDGE WESTMERE \
    "x2apic tsc-deadline xsave avx rdtscp xsaveopt "
#define IVYBRIDGE SANDYBRIDGE \
    "f16c rdrand fsgsbase smep erms "
#define HASWELL IVYBRIDGE \
    "fma pcid movbe bmi1 hle avx2 bmi2 invpcid rtm abm "
#define BROADWELL HASWELL \
    "rdseed adx smap 3dnowprefetch "
#define SKYLAKE_CLIENT BROADWELL \
    "xsavec xgetbv1 "
#define SKYLAKE_SERVER SKYLAKE_CLIENT \
    "avx512f avx512dq clflushopt clwb avx512cd avx512bw avx512vl pku pdpe1gb "
#define CASCADELAKE_SERVER SKYLAKE_SERVER \
    "avx512vnni spec-ctrl ssbd "
#define ICELAKE_SERVER CASCADELAKE_SERVER \
    "avx512vbmi umip avx512vbmi2 gfni vaes vpclmulqdq avx512bitalg avx512-vpopcntdq " \
    "la57 wbnoinvd "
#define EPYC \
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx " \
    "fxsr sse sse2 pni pclmulqdq monitor ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt " \
    "aes xsave avx f16c rdrand hypervisor fsgsbase bmi1 avx2 smep bmi2 rdseed adx " \
    "smap clflushopt sha-ni syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm lahf-lm svm " \
    "cr8legacy abm sse4a misalignsse 3dnowprefetch osvw topoext xsaveopt xsavec " \
    "xgetbv1 arat "
#define EPYC_ROME EPYC \
    "clwb umip rdpid perfctr-core xsaves clzero xsaveerptr wbnoinvd ibpb amd-stibp "
#define EPYC_MILAN EPYC_ROME \
    "pcid erms invpcid pku fsrm ibrs amd-ssbd "
/* The levels of the x86-64 psABI. */
#define X86_64_V1 PENTIUM_PRO "mtrr clflush mca pse36 syscall nx lm "
#define X86_64_V2 X86_64_V1 "cx16 lahf-lm popcnt pni sse4.1 sse4.2 ssse3 "
#define X86_64_V3 X86_64_V2 "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave "
#define X86_64_V4 X86_64_V3 "avx512f avx512bw avx512cd avx512dq avx512vl "

const struct cpu_model cpu_models[] = {
    { .name = "max", .summary = "Enables all features supported by the accelerator in the current host",
      .vendor = "GenuineIntel", .family = 6, .model = 0x6f, .stepping = 3,
      .level = 0x16, .xlevel = 0x80000008, .brand = "Rhea Virtual CPU" },
    { .name = "host", .summary = "The same as max, where there is no hardware virtualization",
      .vendor = "GenuineIntel", .family = 6, .model = 0x6f, .stepping = 3,
      .level = 0x16, .xlevel = 0x80000008, .brand = "Rhea Virtual CPU" },
    { .name = "qemu64", .summary = "QEMU Virtual CPU version 2.5+",
      .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1,
      .level = 0xd, .xlevel = 0x8000000a, .brand = "QEMU Virtual CPU version 2.5+",
      .features = PENTIUM_PRO "mtrr clflush mca pse36 pni cx16 syscall nx lm lahf-lm" },
    { .name = "qemu32", .summary = "QEMU Virtual CPU version 2.5+",
      .vendor = "GenuineIntel", .family = 6, .model = 6, .stepping = 3,
      .level = 4, .xlevel = 0x80000004, .brand = "QEMU Virtual CPU version 2.5+",
      .features = PENTIUM_PRO "pni" },
    { .name = "kvm64", .summary = "Common KVM processor",
      .vendor = "GenuineIntel", .family = 15, .model = 6, .stepping = 1,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Common KVM processor",
      .features = PENTIUM_PRO "vme mtrr clflush mca pse36 pni cx16 syscall nx lm" },
    { .name = "Nehalem", .summary = "Intel Core i7 9xx (Nehalem Class Core i7)",
      .vendor = "GenuineIntel", .family = 6, .model = 26, .stepping = 3,
      .level = 11, .xlevel = 0x80000008, .brand = "Intel Core i7 9xx (Nehalem Class Core i7)",
      .features = NEHALEM },
    { .name = "Westmere", .summary = "Westmere E56xx/L56xx/X56xx (Nehalem-C)",
      .vendor = "GenuineIntel", .family = 6, .model = 44, .stepping = 1,
      .level = 11, .xlevel = 0x80000008, .brand = "Westmere E56xx/L56xx/X56xx (Nehalem-C)",
      .features = WESTMERE },
    { .name = "SandyBridge", .summary = "Intel Xeon E312xx (Sandy Bridge)",
      .vendor = "GenuineIntel", .family = 6, .model = 42, .stepping = 1,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Xeon E312xx (Sandy Bridge)",
      .features = SANDYBRIDGE },
    { .name = "IvyBridge", .summary = "Intel Xeon E3-12xx v2 (Ivy Bridge)",
      .vendor = "GenuineIntel", .family = 6, .model = 58, .stepping = 9,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Xeon E3-12xx v2 (Ivy Bridge)",
      .features = IVYBRIDGE },
    { .name = "Haswell", .summary = "Intel Core Processor (Haswell)",
      .vendor = "GenuineIntel", .family = 6, .model = 60, .stepping = 4,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Core Processor (Haswell)",
      .features = HASWELL },
    { .name = "Broadwell", .summary = "Intel Core Processor (Broadwell)",
      .vendor = "GenuineIntel", .family = 6, .model = 61, .stepping = 2,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Core Processor (Broadwell)",
      .features = BROADWELL },
    { .name = "Skylake-Client", .summary = "Intel Core Processor (Skylake)",
      .vendor = "GenuineIntel", .family = 6, .model = 94, .stepping = 3,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Core Processor (Skylake)",
      .features = SKYLAKE_CLIENT },
    { .name = "Skylake-Server", .summary = "Intel Xeon Processor (Skylake)",
      .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 4,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Xeon Processor (Skylake)",
      .features = SKYLAKE_SERVER },
    { .name = "Cascadelake-Server", .summary = "Intel Xeon Processor (Cascadelake)",
      .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 6,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Xeon Processor (Cascadelake)",
      .features = CASCADELAKE_SERVER },
    { .name = "Icelake-Server", .summary = "Intel Xeon Processor (Icelake)",
      .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 0,
      .level = 0xd, .xlevel = 0x80000008, .brand = "Intel Xeon Processor (Icelake)",
      .features = ICELAKE_SERVER },
    { .name = "EPYC", .summary = "AMD EPYC Processor",
      .vendor = "AuthenticAMD", .family = 23, .model = 1, .stepping = 2,
      .level = 0xd, .xlevel = 0x8000001e, .brand = "AMD EPYC Processor",
      .features = EPYC },
    { .name = "EPYC-Rome", .summary = "AMD EPYC-Rome Processor",
      .vendor = "AuthenticAMD", .family = 23, .model = 49, .stepping = 0,
      .level = 0xd, .xlevel = 0x8000001e, .brand = "AMD EPYC-Rome Processor",
      .features = EPYC_ROME },
    { .name = "EPYC-Milan", .summary = "AMD EPYC-Milan Processor",
      .vendor = "AuthenticAMD", .family = 25, .model = 1, .stepping = 1,
      .level = 0xd, .xlevel = 0x8000001e, .brand = "AMD EPYC-Milan Processor",
      .features = EPYC_MILAN },
    { .name = "x86-64-v1", .summary = "x86-64 psABI level 1",
      .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 11,
      .level = 0xd, .xlevel = 0x80000008, .brand = "x86-64-v1",
      .features = X86_64_V1 },
    { .name = "x86-64-v2", .summary = "x86-64 psABI level 2",
      .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 11,
      .level = 0xd, .xlevel = 0x80000008, .brand = "x86-64-v2",
      .features = X86_64_V2 },
    { .name = "x86-64-v3", .summary = "x86-64 psABI level 3",
      .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 11,
      .level = 0xd, .xlevel = 0x80000008, .brand = "x86-64-v3",
      .features = X86_64_V3 },
    { .name = "x86-64-v4", .summary = "x86-64 psABI level 4",
      .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 11,
      .level = 0xd, .xlevel = 0x80000008, .brand = "x86-64-v4",
      .features = X86_64_V4 },
    { .name = NULL }
};
/* clang-format on */
