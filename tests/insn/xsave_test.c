/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/xsave_test.c: FXSAVE, XSAVE and their kin against this host, their headers' checks,
 * XCR0, and FS and GS bases.  One thread.
 */
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "target/i386/xsave.h"
#include "tests/insn/native.h"

#define AREA (NATIVE_MIDDLE + 0x400)

/* rsi: the area; edx:eax: the components asked for. */
static void start(struct native *n, struct native_state *s, uint64_t components)
{
    native_randomize(n, s);
    native_put(s, FX_MXCSR, 0x1f80 | (native_random(n) & 0xe07f), 4);
    native_put(s, FX_CONTROL, 0x37f & ~(native_random(n) & 0xc00), 2);
    native_put(s, FX_STATUS, native_random(n) & 0x7f00, 2);
    native_put(s, FX_TAG, native_random(n), 1);
    s->gpr[R_RSI] = AREA;
    s->gpr[R_RAX] = components;
    s->gpr[R_RDX] = 0;
}

static uint8_t *area(struct native *n)
{
    return n->arena + (AREA - NATIVE_ARENA);
}

static void set_u64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

static const struct {
    uint8_t bytes[4], len;
    enum x86_feature feature;
    bool load;
} forms[] = {
    /* clang-format off */
    { { 0x0f, 0xae, 0x06 },       3, X86_FXSR,     false }, /* fxsave [rsi] */
    { { 0x48, 0x0f, 0xae, 0x06 }, 4, X86_FXSR,     false }, /* fxsave64 */
    { { 0x0f, 0xae, 0x26 },       3, X86_XSAVE,    false }, /* xsave */
    { { 0x48, 0x0f, 0xae, 0x26 }, 4, X86_XSAVE,    false }, /* xsave64 */
    { { 0x0f, 0xae, 0x36 },       3, X86_XSAVEOPT, false }, /* xsaveopt */
    { { 0x0f, 0xc7, 0x26 },       3, X86_XSAVEC,   false }, /* xsavec */
    { { 0x0f, 0xae, 0x0e },       3, X86_FXSR,     true },  /* fxrstor */
    { { 0x48, 0x0f, 0xae, 0x0e }, 4, X86_FXSR,     true },  /* fxrstor64 */
    { { 0x0f, 0xae, 0x2e },       3, X86_XSAVE,    true },  /* xrstor */
    { { 0x48, 0x0f, 0xae, 0x2e }, 4, X86_XSAVE,    true },  /* xrstor64 */
    /* clang-format on */
};

/* An area to load, valid but for what `spoil` breaks. */
static void make_area(struct native *n, unsigned spoil)
{
    uint8_t *a = area(n);
    uint32_t mxcsr = 0x1f80 | (native_random(n) & 0x60ff);

    set_u64(a, 0x37f);
    a[4] = (uint8_t)native_random(n);
    memcpy(a + 24, &mxcsr, 4);
    memset(a + 512, 0, 64);
    a[512] = native_random(n) & 3;
    switch (spoil) {
    case 1:
        a[26] = 1; /* MXCSR */
        break;
    case 2:
        a[519] = 0x40; /* XSTATE_BV */
        break;
    case 3:
        a[520] = 1; /* XCOMP_BV without bit 63 */
        break;
    case 4:
        a[535] = 1; /* the reserved quadword after it */
        break;
    case 5: /* compacted */
        a[527] = 0x80;
        a[520] = 3;
        break;
    case 6: /* compacted, with a component that the area does not have */
        a[527] = 0x80;
        a[512] = 3;
        a[520] = 1;
        break;
    case 7:
        a[527] = 0x80;
        a[520] = 3;
        a[575] = 1;
        break;
    }
}

static void every_form_matches_the_host(void)
{
    struct native *n = native_new();
    struct native_state s;

    for (unsigned f = 0; !native_skip(n) && f < G_N_ELEMENTS(forms); f++) {
        if (!native_host_has(forms[f].feature)) {
            continue;
        }
        for (unsigned k = 0; k < 200; k++) {
            start(n, &s, native_random(n) & 3);
            if (k % 8 == 1) { /* Intel's have loaded the x87 when they find a wrong MXCSR */
                s.gpr[R_RAX] &= 2;
            }
            if (k % 16 == 15) {
                s.gpr[R_RSI] += 8; /* #GP */
            }
            if (forms[f].load) {
                make_area(n, k % 8);
            }
            native_check(n, forms[f].bytes, forms[f].len, &s, 0);
        }
    }
    native_free(n);
}

/* Every component of AVX-512, each with a value that is not its initial one. */
static const struct {
    uint8_t bytes[5], len;
    enum x86_feature feature;
    bool load, compacted;
} vector_forms[] = {
    /* clang-format off */
    { { 0x0f, 0xae, 0x26 },       3, X86_XSAVE,    false, false }, /* xsave [rsi] */
    { { 0x48, 0x0f, 0xae, 0x26 }, 4, X86_XSAVE,    false, false }, /* xsave64 */
    { { 0x0f, 0xc7, 0x26 },       3, X86_XSAVEC,   false, true },  /* xsavec */
    { { 0x48, 0x0f, 0xc7, 0x26 }, 4, X86_XSAVEC,   false, true },  /* xsavec64 */
    { { 0x0f, 0xae, 0x2e },       3, X86_XSAVE,    true,  false }, /* xrstor */
    { { 0x48, 0x0f, 0xae, 0x2e }, 4, X86_XSAVE,    true,  false }, /* xrstor64 */
    { { 0x48, 0x0f, 0xae, 0x2e }, 4, X86_XSAVEC,   true,  true },
    /* clang-format on */
};

#define VECTOR_XCR0 0xe7 /* x87, SSE, AVX, opmask, ZMM_Hi256, Hi16_ZMM */

/* What the host has enabled: protection keys and MPX as well, for example. */
static uint64_t host_xcr0(void)
{
    uint32_t low = 0, high = 0;

#ifdef __x86_64__
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
#endif
    return (uint64_t)high << 32 | low;
}

/* A header that names components of VECTOR_XCR0, now and then one more. */
static void make_vector_area(struct native *n, bool compacted)
{
    uint64_t r = native_random(n), named = r & VECTOR_XCR0, present;
    uint8_t *a = area(n);

    make_area(n, 0);
    for (unsigned k = 576; k < 0xb00; k += 8) {
        set_u64(a + k, native_random(n));
    }
    if ((r >> 32 & 15) == 0 && !(host_xcr0() & ~(uint64_t)VECTOR_XCR0 & 1ull << (r >> 40 & 63))) {
        named |= 1ull << (r >> 40 & 63); /* what is not enabled: #GP */
    }
    present = compacted ? named | (native_random(n) & VECTOR_XCR0) | 1ull << 63 : 0;
    if (compacted && (r >> 48 & 15) == 0) {
        present &= ~(uint64_t)(1 << (r >> 52 & 7)); /* perhaps one that is named */
    }
    set_u64(a + 512, named);
    set_u64(a + 520, present);
}

/*
 * Those of `mask` that this host's standard form has where ours, that of Intel's processors, has them:
 * CPUID.0DH tells, and AMD's has nothing where Intel's has room for MPX.
 */
static uint64_t same_place(const struct native *n, uint64_t mask)
{
#ifdef __x86_64__
    for (unsigned bit = 2; bit < 64; bit++) {
        const struct xsave_component *c = xsave_component(n->cpu, bit);
        unsigned eax, ebx, ecx, edx;

        __cpuid_count(0xd, bit, eax, ebx, ecx, edx);
        if (c && ebx != c->offset) {
            mask &= ~(1ull << bit);
        }
    }
#else
    (void)n;
#endif
    return mask;
}

static void vector_state_matches_the_host(void)
{
    struct native *n = native_new();
    struct native_state s;
    bool usable = !native_skip(n) && native_use_avx(n) && n->avx512;

    for (unsigned f = 0; usable && f < G_N_ELEMENTS(vector_forms); f++) {
        if (!native_host_has(vector_forms[f].feature)) {
            continue;
        }
        for (unsigned k = 0; k < 200 * n->times; k++) {
            uint64_t asked = native_random(n) & VECTOR_XCR0;

            start(n, &s, vector_forms[f].compacted ? asked : same_place(n, asked));
            for (unsigned v = 0; v < 16; v++) {
                memcpy(s.zmm[v], s.fx + FX_XMM(v), 16);
            }
            if (vector_forms[f].load) {
                make_vector_area(n, vector_forms[f].compacted);
            } else if (!vector_forms[f].compacted) {
                memset(area(n) + 512, 0, 64); /* XSTATE_BV of what is not asked for stays */
                area(n)[512] = (uint8_t)native_random(n);
            }
            native_check(n, vector_forms[f].bytes, vector_forms[f].len, &s, 0);
        }
    }
    if (usable) {
        g_test_message("%u cases, %u faults", n->runs, n->faults);
        g_assert_cmpuint(n->runs, >, 1000);
    } else {
        g_test_skip("the host has no AVX-512");
    }
    native_free(n);
}

static int run(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s)
{
    native_run_guest(n, bytes, len, s);
    return s->vector;
}

static void what_is_saved_is_restored(void)
{
    static const uint8_t xsave[] = { 0x48, 0x0f, 0xae, 0x26 };
    static const uint8_t xrstor[] = { 0x48, 0x0f, 0xae, 0x2e };
    struct native *n = native_new();
    struct native_state s, saved;

    start(n, &s, 3);
    memset(area(n) + 512, 0, 64);
    saved = s;
    g_assert_cmpint(run(n, xsave, sizeof(xsave), &s), ==, -1);
    g_assert_cmphex(get_u64(area(n) + 512), ==, 3);
    memset(s.fx + FX_XMM(0), 0x5a, 256);
    native_put(&s, FX_MXCSR, 0x1f80, 4);
    g_assert_cmpint(run(n, xrstor, sizeof(xrstor), &s), ==, -1);
    g_assert_cmpmem(s.fx + FX_ST(0), 10, saved.fx + FX_ST(0), 10);
    g_assert_cmpmem(s.fx + FX_XMM(0), 256, saved.fx + FX_XMM(0), 256);
    g_assert_cmphex(native_get(&s, FX_MXCSR, 4), ==, native_get(&saved, FX_MXCSR, 4));

    /* Components that the header does not name go back to their initial state. */
    area(n)[512] = 1;
    g_assert_cmpint(run(n, xrstor, sizeof(xrstor), &s), ==, -1);
    g_assert_cmphex(native_get(&s, FX_XMM(7), 8), ==, 0);
    native_free(n);
}

/* Hosts differ in when they notice that a component is in its initial state; here it is at once. */
static void xsaveopt_leaves_out_initial_components(void)
{
    static const uint8_t xsaveopt[] = { 0x0f, 0xae, 0x36 };
    struct native *n = native_new();
    struct native_state s;
    uint64_t before;

    start(n, &s, 3);
    memset(s.fx + FX_XMM(0), 0, 256);
    memset(area(n) + 512, 0, 64);
    memset(area(n) + 160, 0x5a, 8);
    before = get_u64(area(n) + 160);
    g_assert_cmpint(run(n, xsaveopt, sizeof(xsaveopt), &s), ==, -1);
    g_assert_cmphex(get_u64(area(n) + 512), ==, 1);
    g_assert_cmphex(get_u64(area(n) + 160), ==, before);
    g_assert_cmphex(get_u64(area(n) + 24) & 0xffffffff, ==, native_get(&s, FX_MXCSR, 4));
    native_free(n);
}

static void xcr0_takes_valid_values_only(void)
{
    static const uint8_t xsave[] = { 0x0f, 0xae, 0x26 };
    struct native *n = native_new();
    struct native_state s;

    g_assert_true(xsave_xcr0_valid(n->cpu, 1));
    g_assert_true(xsave_xcr0_valid(n->cpu, 3));
    g_assert_false(xsave_xcr0_valid(n->cpu, 0));
    g_assert_false(xsave_xcr0_valid(n->cpu, 2));
    g_assert_false(xsave_xcr0_valid(n->cpu, 5));
    g_assert_false(xsave_xcr0_valid(n->cpu, 1ull << 62 | 3));
    g_assert_cmpuint(xsave_area_size(3, false), ==, 576);

    start(n, &s, 3);
    n->cpu->cr0 |= CR0_TS;
    g_assert_cmpint(run(n, xsave, sizeof(xsave), &s), ==, EXC_NM);
    n->cpu->cr4 &= ~(uint64_t)CR4_OSXSAVE;
    g_assert_cmpint(run(n, xsave, sizeof(xsave), &s), ==, EXC_UD);
    native_free(n);
}

static void segment_bases_are_checked(void)
{
    static const uint8_t wrgsbase[] = { 0xf3, 0x48, 0x0f, 0xae, 0xd8 };
    static const uint8_t rdgsbase[] = { 0xf3, 0x48, 0x0f, 0xae, 0xc9 };
    static const uint8_t rdgsbase32[] = { 0xf3, 0x0f, 0xae, 0xc9 };
    struct native *n = native_new();
    struct native_state s;

    native_randomize(n, &s);
    s.gpr[R_RAX] = 0xffff888012345678;
    g_assert_cmpint(run(n, wrgsbase, sizeof(wrgsbase), &s), ==, -1);
    g_assert_cmphex(n->cpu->seg[SEG_GS].base, ==, 0xffff888012345678);
    g_assert_cmpint(run(n, rdgsbase, sizeof(rdgsbase), &s), ==, -1);
    g_assert_cmphex(s.gpr[R_RCX], ==, 0xffff888012345678);
    g_assert_cmpint(run(n, rdgsbase32, sizeof(rdgsbase32), &s), ==, -1);
    g_assert_cmphex(s.gpr[R_RCX], ==, 0x12345678);
    s.gpr[R_RAX] = 1ull << 47;
    g_assert_cmpint(run(n, wrgsbase, sizeof(wrgsbase), &s), ==, EXC_GP);
    n->cpu->cr4 &= ~(uint64_t)CR4_FSGSBASE;
    g_assert_cmpint(run(n, rdgsbase, sizeof(rdgsbase), &s), ==, EXC_UD);
    native_free(n);
}

static void mxcsr_loads_match_the_host(void)
{
    static const uint8_t ldmxcsr[] = { 0x0f, 0xae, 0x16 };
    static const uint8_t stmxcsr[] = { 0x0f, 0xae, 0x1e };
    struct native *n = native_new();
    struct native_state s;

    for (unsigned k = 0; !native_skip(n) && k < 64; k++) {
        start(n, &s, 0);
        set_u64(area(n), k & 1 ? native_random(n) & 0xffff : 1ull << k / 2);
        native_check(n, ldmxcsr, sizeof(ldmxcsr), &s, 0);
        native_check(n, stmxcsr, sizeof(stmxcsr), &s, 0);
    }
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/xsave/host", every_form_matches_the_host);
    g_test_add_func("/insn/xsave/vectors", vector_state_matches_the_host);
    g_test_add_func("/insn/xsave/round-trip", what_is_saved_is_restored);
    g_test_add_func("/insn/xsave/optimised", xsaveopt_leaves_out_initial_components);
    g_test_add_func("/insn/xsave/xcr0", xcr0_takes_valid_values_only);
    g_test_add_func("/insn/xsave/bases", segment_bases_are_checked);
    g_test_add_func("/insn/xsave/mxcsr", mxcsr_loads_match_the_host);
    return g_test_run();
}
