/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/cpu_model_test.c: every model of -cpu: its CPUID leaves agree with its features, with XCR0
 * and XSAVE, with CR4 and with what its instructions do; and the text that -cpu takes.  One thread.
 */
#include <string.h>
#include "target/i386/cpuid_models.h"
#include "target/i386/host_vec.h"
#include "target/i386/xsave.h"
#include "tests/insn/system_rig.h"

#define AREA 0x20000u /* of XSAVE */

enum { EAX, EBX, ECX, EDX };

/* A model without the warnings of what it lacks here. */
static struct system_rig *rig_of(const struct cpu_model *m, const char *more)
{
    g_autofree char *text = g_strdup_printf("%s,check=off%s", m->name, more);

    return system_rig_new(text);
}

static void each_model(void (*check)(struct system_rig *r))
{
    for (const struct cpu_model *m = cpu_models; m->name; m++) {
        struct system_rig *r;

        if (strcmp(m->name, "host") == 0) {
            continue; /* warns */
        }
        g_test_message("%s", m->name);
        r = rig_of(m, "");
        check(r);
        system_rig_free(r);
    }
}

static uint32_t leaf(struct system_rig *r, uint32_t n, uint32_t sub, unsigned reg)
{
    uint32_t out[4];

    cpu_cpuid(r->cpu, n, sub, out);
    return out[reg];
}

static bool is_amd(struct system_rig *r)
{
    return strcmp(r->cpu->model->vendor, "AuthenticAMD") == 0;
}

/* Each feature shows in its leaf, which CPUID's levels reach, and is one of those that exist. */
static void check_leaves(struct system_rig *r)
{
    static const struct {
        uint32_t leaf, sub, reg;
    } words[FEAT_WORDS] = {
        [FEAT_1_EDX] = { 1, 0, EDX },
        [FEAT_1_ECX] = { 1, 0, ECX },
        [FEAT_7_0_EBX] = { 7, 0, EBX },
        [FEAT_7_0_ECX] = { 7, 0, ECX },
        [FEAT_7_0_EDX] = { 7, 0, EDX },
        [FEAT_80000001_EDX] = { 0x80000001, 0, EDX },
        [FEAT_80000001_ECX] = { 0x80000001, 0, ECX },
        [FEAT_D_1_EAX] = { 0xd, 1, EAX },
        [FEAT_80000007_EDX] = { 0x80000007, 0, EDX },
        [FEAT_80000008_EBX] = { 0x80000008, 0, EBX },
        [FEAT_6_EAX] = { 6, 0, EAX },
        [FEAT_7_2_EDX] = { 7, 2, EDX },
        [FEAT_7_1_EAX] = { 7, 1, EAX },
    };

    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        unsigned word = f->feature / 32;
        uint32_t last = leaf(r, words[word].leaf & 1u << 31, 0, EAX);
        bool has = cpu_has(r->cpu, f->feature), shown;

        g_assert_true(!has || cpu_feature_supported(NULL, f));
        if (!words[word].leaf) {
            continue; /* an MSR */
        }
        if (words[word].leaf > last) {
            g_assert_false(has);
            continue;
        }
        shown = leaf(r, words[word].leaf, words[word].sub, words[word].reg) >> f->feature % 32 & 1;
        if (f->feature == X86_APIC || f->feature == X86_TOPOEXT ||
            (word == FEAT_80000001_EDX && is_amd(r))) {
            continue; /* the rig has no APIC; Intel no TOPOEXT; AMD shows those of leaf 1 again */
        }
        g_assert_true(shown == has);
    }
    g_assert_true(r->cpu->model->level < 7 || leaf(r, 7, 0, EAX) <= 2);
}

static void leaves_show_the_features(void)
{
    each_model(check_leaves);
}

/* Lists that are read to their end have one; identity is as the model says. */
static void check_identity(struct system_rig *r)
{
    const struct cpu_model *m = r->cpu->model;
    char brand[49] = { 0 };
    uint32_t caches = is_amd(r) ? 0x8000001d : 4, signature = leaf(r, 1, 0, EAX);
    unsigned family = signature >> 8 & 15, n;

    family += family == 15 ? signature >> 20 & 0xff : 0;
    g_assert_cmpuint(family, ==, m->family);
    g_assert_cmpuint((signature >> 4 & 15) | (signature >> 12 & 0xf0), ==, m->model);
    g_assert_cmpuint(signature & 15, ==, m->stepping);
    for (n = 0; m->xlevel >= 0x80000004 && n < 12; n++) {
        uint32_t v = leaf(r, 0x80000002 + n / 4, 0, n % 4);

        memcpy(brand + 4 * n, &v, 4);
    }
    g_assert_cmpstr(brand, ==, m->xlevel >= 0x80000004 ? m->brand : "");
    for (n = 0; caches <= (caches >> 31 ? m->xlevel : m->level) && n < 9; n++) {
        if (!(leaf(r, caches, n, EAX) & 31)) {
            break;
        }
    }
    g_assert_cmpuint(n, <, 9);
    for (n = 0; m->level >= 0xb && n < 9 && leaf(r, 0xb, n, ECX) >> 8; n++) {
    }
    g_assert_cmpuint(n, <, 9);
    if (m->xlevel >= 0x80000008) {
        uint32_t sizes = leaf(r, 0x80000008, 0, EAX);

        g_assert_cmpuint(sizes & 0xff, ==, r->cpu->phys_bits);
        g_assert_cmpuint(sizes >> 8 & 0xff, ==, cpu_has(r->cpu, X86_LM) ? 48 : 32);
    }
}

static void identity_is_what_the_model_says(void)
{
    each_model(check_identity);
}

/* XCR0 as XSETBV takes it. */
static bool set_xcr0(struct system_rig *r, uint64_t v)
{
    r->cpu->regs[R_RAX] = (uint32_t)v;
    r->cpu->regs[R_RDX] = v >> 32;
    r->cpu->regs[R_RCX] = 0;
    return RIG_EXEC(r, "\x0f\x01\xd1") == -1;
}

/* Not one byte behind what CPUID says is written, and the last component's end is. */
static void check_image(struct system_rig *r, uint64_t xcr0, bool compacted)
{
    uint32_t size = compacted ? leaf(r, 0xd, 1, EBX) : leaf(r, 0xd, 0, EBX);
    static const uint8_t filled[64] = { [0 ... 63] = 0x5a };

    for (unsigned k = 0; k < 4096; k += 8) {
        rig_store(r, AREA + k, 0x5a5a5a5a5a5a5a5a, 8);
    }
    for (unsigned k = 512; k < 576; k += 8) {
        rig_store(r, AREA + k, 0, 8);
    }
    memset(r->cpu->vec, 0x77, sizeof(r->cpu->vec)); /* nothing is in its initial state */
    memset(r->cpu->kmask, 0x77, sizeof(r->cpu->kmask));
    r->cpu->x87.control = 0x27f;
    r->cpu->regs[R_RAX] = r->cpu->regs[R_RDX] = UINT32_MAX;
    r->cpu->regs[R_RSI] = AREA;
    g_assert_cmpint(compacted ? RIG_EXEC(r, "\x0f\xc7\x26") : RIG_EXEC(r, "\x0f\xae\x26"), ==, -1);
    g_assert_cmphex(rig_load(r, AREA + 512, 8), ==, xcr0);
    g_assert_cmphex(rig_load(r, AREA + 520, 8), ==, compacted ? xcr0 | 1ull << 63 : 0);
    g_assert_cmpmem(r->ram.ram->host + AREA + size, 64, filled, 64);
    if (xcr0 > 3) {
        g_assert_cmphex(rig_load(r, AREA + size - 8, 8), ==, 0x7777777777777777);
    }
}

/* Every value of XCR0's lowest 16 bits: what is taken is what leaf 0DH allows and no more. */
static void check_xsave(struct system_rig *r)
{
    bool has = cpu_has(r->cpu, X86_XSAVE);
    uint64_t supported = leaf(r, 0xd, 0, EAX), wanted = 0;

    if (cpu_has(r->cpu, X86_LM)) {
        rig_long(r, 0);
    } else {
        rig_protected(r, 0);
    }
    r->cpu->regs[R_RAX] = r->cpu->cr4 | CR4_OSFXSR | CR4_OSXSAVE;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xe0"), ==, has ? -1 : EXC_GP);
    if (!has) {
        g_assert_cmphex(r->cpu->model->level >= 0xd ? supported : 0, ==, 0);
        g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\xd0"), ==, EXC_UD); /* xgetbv */
        return;
    }
    g_assert_true(leaf(r, 1, 0, ECX) >> 27 & 1); /* OSXSAVE */
    wanted = 3 | (cpu_has(r->cpu, X86_AVX) ? 4 : 0) | (cpu_has(r->cpu, X86_AVX512F) ? 0xe0 : 0);
    g_assert_cmphex(supported, ==, wanted);
    g_assert_cmphex(leaf(r, 0xd, 0, EDX), ==, 0);
    for (uint64_t v = 0; v < 0x10000; v++) {
        bool valid =
            (v & 1) && !(v & ~supported) && ((v & 6) != 4) && (!(v & 0xe0) || (v & 0xe4) == 0xe4);
        uint32_t end = 576;

        if (set_xcr0(r, v) != valid) {
            g_error("XCR0 %#x is %s", (unsigned)v, valid ? "refused" : "taken");
        }
        if (!valid) {
            continue;
        }
        for (unsigned k = 2; k < 16; k++) {
            if (v >> k & 1) {
                end = MAX(end, leaf(r, 0xd, k, EAX) + leaf(r, 0xd, k, EBX));
            } else if (!(supported >> k & 1)) {
                g_assert_cmphex(leaf(r, 0xd, k, EAX) | leaf(r, 0xd, k, EBX), ==, 0);
            }
        }
        g_assert_cmpuint(leaf(r, 0xd, 0, EBX), ==, end);
        g_assert_cmpuint(leaf(r, 0xd, 0, ECX), >=, end);
        check_image(r, v, false);
        if (cpu_has(r->cpu, X86_XSAVEC)) {
            check_image(r, v, true);
        }
    }
    g_assert_false(set_xcr0(r, 1ull << 32 | 3));
    g_assert_false(set_xcr0(r, 1ull << 63 | 3));
}

static void xcr0_and_areas_are_as_leaf_0d_says(void)
{
    each_model(check_xsave);
}

/* CR4's bits go with their features. */
static void check_cr4(struct system_rig *r)
{
    static const struct {
        unsigned bit;
        enum x86_feature feature;
    } rows[] = {
        { 0, X86_VME },       { 1, X86_VME },    { 2, X86_TSC },   { 3, X86_DE },
        { 4, X86_PSE },       { 5, X86_PAE },    { 6, X86_MCE },   { 7, X86_PGE },
        { 8, X86_BASE },      { 9, X86_FXSR },   { 10, X86_SSE },  { 11, X86_UMIP },
        { 16, X86_FSGSBASE }, { 18, X86_XSAVE }, { 20, X86_SMEP }, { 21, X86_SMAP },
    };
    uint32_t refused = 0;

    rig_protected(r, 0);
    for (unsigned bit = 0; bit < 32; bit++) {
        r->cpu->regs[R_RAX] = 1u << bit;
        refused |= RIG_EXEC(r, "\x0f\x22\xe0") == -1 ? 0 : 1u << bit;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        g_assert_true(!(refused >> rows[n].bit & 1) == cpu_has(r->cpu, rows[n].feature));
        refused |= 1u << rows[n].bit;
    }
    g_assert_cmphex(refused, ==, UINT32_MAX);
}

static void cr4_takes_what_the_features_allow(void)
{
    each_model(check_cr4);
}

/* One instruction a feature: #UD exactly without it. */
static void check_instructions(struct system_rig *r)
{
    static const struct {
        enum x86_feature feature;
        const char bytes[12];
        uint8_t len;
    } rows[] = {
        /* clang-format off */
        { X86_SSE3,     "\xf2\x0f\xd0\xc1", 4 },         /* addsubps */
        { X86_SSSE3,    "\x66\x0f\x38\x00\xc1", 5 },     /* pshufb */
        { X86_SSE41,    "\x66\x0f\x38\x10\xc1", 5 },     /* pblendvb */
        { X86_SSE42,    "\x66\x0f\x38\x37\xc1", 5 },     /* pcmpgtq */
        { X86_SSE42,    "\xf2\x0f\x38\xf1\xc1", 5 },     /* crc32 */
        { X86_POPCNT,   "\xf3\x0f\xb8\xc1", 4 },
        { X86_PCLMUL,   "\x66\x0f\x3a\x44\xc1\x00", 6 },
        { X86_AES,      "\x66\x0f\x38\xdc\xc1", 5 },
        { X86_SHA,      "\x0f\x38\xc8\xc1", 4 },
        { X86_MOVBE,    "\x0f\x38\xf0\x06", 4 },
        { X86_RDRAND,   "\x0f\xc7\xf0", 3 },
        { X86_RDSEED,   "\x0f\xc7\xf8", 3 },
        { X86_RDTSCP,   "\x0f\x01\xf9", 3 },
        { X86_RDPID,    "\xf3\x0f\xc7\xf8", 4 },
        { X86_CX16,     "\x48\x0f\xc7\x0e", 4 },
        { X86_ADX,      "\x66\x0f\x38\xf6\xc1", 5 },
        { X86_BMI1,     "\xc4\xe2\x78\xf2\xc1", 5 },     /* andn */
        { X86_BMI2,     "\xc4\xe2\x7b\xf7\xc1", 5 },     /* shrx */
        { X86_AVX,      "\xc5\xf8\x57\xc1", 4 },         /* vxorps */
        { X86_AVX2,     "\xc5\xfd\xef\xc1", 4 },         /* vpxor of 256 bits */
        { X86_FMA,      "\xc4\xe2\x79\x98\xc1", 5 },
        { X86_F16C,     "\xc4\xe2\x79\x13\xc1", 5 },
        { X86_VAES,     "\xc4\xe2\x7d\xdc\xc1", 5 },
        { X86_VPCLMULQDQ, "\xc4\xe3\x7d\x44\xc1\x00", 6 },
        { X86_AVX512F,  "\x62\xf1\x7d\x48\xef\xc1", 6 }, /* vpxord zmm */
        { X86_AVX512BW, "\x62\xf1\x7d\x48\xfc\xc1", 6 }, /* vpaddb zmm */
        { X86_FSGSBASE, "\xf3\x0f\xae\xc0", 4 },
        { X86_XSAVE,    "\x0f\x01\xd0", 3 },             /* xgetbv */
        { X86_XSAVEOPT, "\x0f\xae\x36", 3 },
        { X86_XSAVEC,   "\x0f\xc7\x26", 3 },
        { X86_XSAVES,   "\x0f\xc7\x2e", 3 },
        { X86_SMAP,     "\x0f\x01\xca", 3 },             /* clac */
        { X86_INVPCID,  "\x66\x0f\x38\x82\x06", 5 },
        { X86_MONITOR,  "\x0f\x01\xc8", 3 },
        { X86_CLFLUSHOPT, "\x66\x0f\xae\x3e", 4 },
        { X86_CLWB,     "\x66\x0f\xae\x36", 4 },
        { X86_SEP,      "\x0f\x34", 2 },
        /* clang-format on */
    };

    if (!cpu_has(r->cpu, X86_LM)) {
        return;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        int vector;

        rig_long(r, 0);
        r->cpu->cr4 |= CR4_OSFXSR | CR4_FSGSBASE | (cpu_has(r->cpu, X86_XSAVE) ? CR4_OSXSAVE : 0);
        r->cpu->xcr0 = xsave_supported(r->cpu);
        r->cpu->regs[R_RSI] = AREA;
        r->cpu->regs[R_RAX] = r->cpu->regs[R_RCX] = 0;
        vector = rig_exec(r, rows[n].bytes, rows[n].len);
        /* AMD's SYSENTER is no instruction in long mode, whatever CPUID says (APM vol. 3). */
        if (rows[n].feature == X86_SEP && cpu_is_amd(r->cpu)) {
            g_assert_cmpint(vector, ==, EXC_UD);
            continue;
        }
        if ((vector == EXC_UD) == cpu_has(r->cpu, rows[n].feature)) {
            g_error("row %u: vector %d", n, vector);
        }
    }
}

static void instructions_go_with_their_features(void)
{
    each_model(check_instructions);
}

/* The text --------------------------------------------------------------------------------- */

static bool has(const char *text, enum x86_feature feature)
{
    struct system_rig *r = system_rig_new(text);
    bool found = cpu_has(r->cpu, feature);

    system_rig_free(r);
    return found;
}

/* feat=on and off in their order, then all +feat, then all -feat: QEMU's rule. */
static void signs_come_last(void)
{
    g_assert_true(has("qemu64,+ssse3", X86_SSSE3));
    g_assert_true(has("qemu64,ssse3", X86_SSSE3));
    g_assert_true(has("qemu64,ssse3=off,ssse3=on", X86_SSSE3));
    g_assert_false(has("qemu64,ssse3=on,ssse3=off", X86_SSSE3));
    g_assert_true(has("qemu64,+ssse3,ssse3=off", X86_SSSE3));
    g_assert_false(has("qemu64,-ssse3,+ssse3", X86_SSSE3));
    g_assert_false(has("max,-ssse3,ssse3=on", X86_SSSE3));
    g_assert_true(has("qemu64,+sse4_1", X86_SSE41));
    g_assert_true(has("qemu64,sse4-1=on,,", X86_SSE41));
}

static void identity_can_be_chosen(void)
{
    struct system_rig *r = system_rig_new("qemu64,vendor=GenuineIntel,family=0x1a,model=0x45,"
                                          "stepping=3,model_id=A brand,phys-bits=39");

    check_identity(r);
    g_assert_cmphex(leaf(r, 1, 0, EAX), ==, 0x00b40f53);
    g_assert_cmphex(leaf(r, 0, 0, EBX), ==, 0x756e6547);
    g_assert_cmphex(leaf(r, 0x80000002, 0, EAX), ==, 0x72622041);
    g_assert_cmpuint(leaf(r, 0x80000008, 0, EAX) & 0xff, ==, 39);
    system_rig_free(r);
    r = system_rig_new("max,tsc-frequency=1500000000");
    g_assert_cmpuint(r->cpu->tsc_hz, ==, 1500000000);
    system_rig_free(r);
    r = system_rig_new("max,kvm=off,pmu=on,migratable=no,hv_relaxed,hv-spinlocks=0x1fff,-kvmclock");
    system_rig_free(r);
}

/* NAME-vN and its other name are NAME with other features, sometimes another stepping or number. */
static void versions_change_their_model(void)
{
    static const struct {
        const char *name;
        enum x86_feature feature;
        bool has;
        uint8_t model, stepping;
        const char *brand;
    } rows[] = {
        /* clang-format off */
        { "Skylake-Server",       X86_CLFLUSHOPT, true,  85, 4, "Intel Xeon Processor (Skylake)" },
        { "Skylake-Server-v1",    X86_CLFLUSHOPT, true,  85, 4, "Intel Xeon Processor (Skylake)" },
        { "Skylake-Server-IBRS",  X86_CLFLUSHOPT, false, 85, 4, "Intel Xeon Processor (Skylake, IBRS)" },
        { "Skylake-Server-v2",    X86_CLFLUSHOPT, false, 85, 4, "Intel Xeon Processor (Skylake, IBRS)" },
        { "Icelake-Server-v3",    X86_RDPID,      false, 134, 0, "Intel Xeon Processor (Icelake)" },
        { "Icelake-Server-v4",    X86_RDPID,      true,  106, 0, "Intel Xeon Processor (Icelake)" },
        { "Haswell-noTSX-IBRS",   X86_AVX2,       true,  60, 1, "Intel Core Processor (Haswell, no TSX, IBRS)" },
        { "qemu64-v1",            X86_CX16,       true,  107, 1, "QEMU Virtual CPU version 2.5+" },
        /* clang-format on */
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        g_autofree char *text = g_strdup_printf("%s,check=off", rows[n].name);
        struct system_rig *r = system_rig_new(text);

        if (host_vec_has(X86_AVX2) || rows[n].feature != X86_AVX2) {
            g_assert_true(cpu_has(r->cpu, rows[n].feature) == rows[n].has);
        }
        g_assert_cmpuint(r->cpu->model->model, ==, rows[n].model);
        g_assert_cmpuint(r->cpu->model->stepping, ==, rows[n].stepping);
        g_assert_cmpstr(r->cpu->model->brand, ==, rows[n].brand);
        check_identity(r);
        system_rig_free(r);
    }
}

static void the_l3_cache_can_go(void)
{
    struct system_rig *r = system_rig_new("max,l3-cache=off");

    g_assert_cmphex(leaf(r, 4, 2, EAX) & 31, !=, 0);
    g_assert_cmphex(leaf(r, 4, 3, EAX) & 31, ==, 0);
    system_rig_free(r);
    r = system_rig_new("max,l3-cache=on");
    g_assert_cmphex(leaf(r, 4, 3, EAX) & 31, !=, 0);
    system_rig_free(r);
}

/* A feature that is added brings its leaf, unless the level is given. */
static void levels_reach_what_is_asked_for(void)
{
    struct system_rig *r = system_rig_new("qemu32");

    g_assert_cmphex(leaf(r, 0, 0, EAX), ==, 4);
    system_rig_free(r);
    r = system_rig_new("qemu32,+smep");
    g_assert_cmphex(leaf(r, 0, 0, EAX), ==, 7);
    g_assert_true(leaf(r, 7, 0, EBX) >> 7 & 1);
    system_rig_free(r);
    r = system_rig_new("qemu32,+xsave,+invtsc");
    g_assert_cmphex(leaf(r, 0, 0, EAX), ==, 0xd);
    g_assert_cmphex(leaf(r, 0x80000000, 0, EAX), ==, 0x80000007);
    system_rig_free(r);
    r = system_rig_new("qemu32,+xsave,level=4");
    g_assert_cmphex(leaf(r, 0, 0, EAX), ==, 4);
    system_rig_free(r);
    r = system_rig_new("qemu32,min-level=6,xlevel=0x80000008");
    g_assert_cmphex(leaf(r, 0, 0, EAX), ==, 6);
    g_assert_cmphex(leaf(r, 0x80000000, 0, EAX), ==, 0x80000008);
    system_rig_free(r);
}

static void bad_options_are_named(void)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        { "qemu64,vendor=short", "vendor is 'short'" },
        { "qemu64,family=271", "family is '271', must be 0 to 270" },
        { "qemu64,stepping=x", "stepping is 'x'" },
        { "qemu64,xlevel=5", "xlevel is '5'" },
        { "qemu64,enforce=perhaps", "enforce is 'perhaps'" },
        { "qemu64,tsc-frequency=0", "tsc-frequency is '0'" },
        { "qemu64,steping=1", "the closest: stepping" },
        { "qemu64,model-id=0123456789012345678901234567890123456789012345678", "at most 48" },
        { "EPYC,enforce", "TCG doesn't support requested features: " },
        { "EPYC,enforce", "CPUID.80000001H:ECX.svm [bit 2]" },
        { "qemu64,+svm,enforce", "features: CPUID.80000001H:ECX.svm [bit 2]" },
        { "Nothing", "unable to find CPU model 'Nothing'" },
    };
    struct system_rig *r = system_rig_new("max");

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(cpu_model_parse(r->cpu, rows[n].text, &error));
        g_assert_nonnull(error);
        if (!strstr(error->message, rows[n].expected)) {
            g_error("'%s' does not say '%s'", error->message, rows[n].expected);
        }
    }
    system_rig_free(r);
}

/* What psABI levels ask for, by name; those that the host executes are there if it has them. */
static void levels_of_the_psabi(void)
{
    static const char *const names[] = { "x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4" };
    static const enum x86_feature first[] = { X86_SSE2, X86_SSE42, X86_BMI2, X86_AVX512VL };

    for (unsigned n = 0; n < G_N_ELEMENTS(names); n++) {
        g_autofree char *text = g_strdup_printf("%s,check=off", names[n]);
        g_autofree char *enforced = g_strdup_printf("%s,enforce", names[n]);
        struct system_rig *r = system_rig_new("max");
        bool there = cpu_has(r->cpu, first[n]), ok;
        g_autoptr(GError) error = NULL;

        ok = cpu_model_parse(r->cpu, enforced, &error);
        g_assert_true(ok == there);
        system_rig_free(r);
        for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
            g_assert_true(has(text, first[k]) == (k <= n && (k < n || there)));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu-model/leaves", leaves_show_the_features);
    g_test_add_func("/cpu-model/identity", identity_is_what_the_model_says);
    g_test_add_func("/cpu-model/xsave", xcr0_and_areas_are_as_leaf_0d_says);
    g_test_add_func("/cpu-model/cr4", cr4_takes_what_the_features_allow);
    g_test_add_func("/cpu-model/instructions", instructions_go_with_their_features);
    g_test_add_func("/cpu-model/signs", signs_come_last);
    g_test_add_func("/cpu-model/chosen-identity", identity_can_be_chosen);
    g_test_add_func("/cpu-model/chosen-levels", levels_reach_what_is_asked_for);
    g_test_add_func("/cpu-model/versions", versions_change_their_model);
    g_test_add_func("/cpu-model/l3-cache", the_l3_cache_can_go);
    g_test_add_func("/cpu-model/bad-options", bad_options_are_named);
    g_test_add_func("/cpu-model/psabi", levels_of_the_psabi);
    return g_test_run();
}
