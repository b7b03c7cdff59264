/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/sse_test.c: every SSE to SSE4.2 row of the tables against this host, and what the host
 * cannot show: approximations, and the control register bits that turn SSE off.  One thread.
 */
#include <math.h>
#include <string.h>
#include "tests/insn/native.h"

/* Approximations differ from host to host. */
static bool is_approximate(const struct insn *i)
{
    return i->opcode == 0x52 || i->opcode == 0x53;
}

static bool is_sse(const struct insn *i)
{
    return (i->row->flags & (ROW_SSE | ROW_MMX)) == ROW_SSE && !is_approximate(i);
}

static void check_map(enum native_map map, unsigned rounds)
{
    struct native *n = native_new();

    if (!native_skip(n)) {
        native_check_map(n, map, rounds, is_sse);
        g_test_message("%u runs, %u faults, %u left out", n->runs, n->faults, n->left_out);
        g_assert_cmpuint(n->runs, >, rounds);
        g_assert_cmpuint(n->faults, >, 0);
    }
    native_free(n);
}

static void opcodes_0f_match_the_host(void)
{
    check_map(NATIVE_0F, 200);
}

static void opcodes_0f38_match_the_host(void)
{
    check_map(NATIVE_0F38, 200);
}

static void opcodes_0f3a_match_the_host(void)
{
    check_map(NATIVE_0F3A, 400);
}

/* A fault leaves the whole state alone, on both sides: unaligned and unmapped operands. */
static void unaligned_and_unmapped_operands_fault_alike(void)
{
    static const uint8_t paddb[] = { 0x66, 0x0f, 0xfc, 0x06 }; /* paddb xmm0,[rsi] */
    static const uint8_t movups[] = { 0x0f, 0x11, 0x06 };      /* movups [rsi],xmm0 */
    static const uint8_t movaps[] = { 0x0f, 0x29, 0x06 };
    const uint64_t end = NATIVE_ARENA + NATIVE_ARENA_SIZE;
    const uint64_t addresses[] = {
        NATIVE_MIDDLE, NATIVE_MIDDLE + 8, end - 16, end - 8, NATIVE_ARENA + 0xff8 /* two pages */,
        1ull << 60
    };
    struct native *n = native_new();
    struct native_state s;

    for (unsigned k = 0; !native_skip(n) && k < G_N_ELEMENTS(addresses); k++) {
        native_randomize(n, &s);
        s.gpr[R_RSI] = addresses[k];
        if (addresses[k] + 16 > end && addresses[k] % 16 && addresses[k] < end) {
            continue; /* the interpreter's memory goes on where the host's ends */
        }
        native_check(n, paddb, sizeof(paddb), &s, 0);
        native_check(n, movups, sizeof(movups), &s, 0);
        native_check(n, movaps, sizeof(movaps), &s, 0);
    }
    native_free(n);
}

static float run_scalar(struct native *n, uint8_t op, float v)
{
    const uint8_t bytes[] = { 0xf3, 0x0f, op, 0xc1 }; /* xmm0 = op(xmm1) */
    struct native_state s;
    uint32_t bits;
    float r;

    native_randomize(n, &s);
    memcpy(s.fx + FX_XMM(1), &v, 4);
    native_run_guest(n, bytes, sizeof(bytes), &s);
    g_assert_cmpint(s.vector, ==, -1);
    g_assert_cmphex(native_get(&s, FX_MXCSR, 4), ==, 0x1f80); /* no exceptions */
    bits = (uint32_t)native_get(&s, FX_XMM(0), 4);
    memcpy(&r, &bits, 4);
    return r;
}

/* SDM vol. 2: a relative error of at most 1.5 * 2^-12. */
static void approximations_are_as_near_as_the_manual_says(void)
{
    struct native *n = native_new();

    for (unsigned k = 0; k < 5000; k++) {
        float v = ldexpf(1.0f + (float)(native_random(n) & 0xffffff) / 0x1000000,
                         (int)(native_random(n) % 240) - 120);

        g_assert_cmpfloat(fabs((double)run_scalar(n, 0x53, v) * v - 1), <=, 1.5 / 4096);
        g_assert_cmpfloat(fabs((double)run_scalar(n, 0x53, -v) * -v - 1), <=, 1.5 / 4096);
        g_assert_cmpfloat(fabs((double)run_scalar(n, 0x52, v) * sqrt(v) - 1), <=, 1.5 / 4096);
    }
    g_assert_true(run_scalar(n, 0x53, 0.0f) == INFINITY);
    g_assert_true(run_scalar(n, 0x53, -0.0f) == -INFINITY);
    g_assert_true(run_scalar(n, 0x53, 1e-40f) == INFINITY);
    g_assert_true(run_scalar(n, 0x53, INFINITY) == 0);
    g_assert_true(run_scalar(n, 0x52, 0.0f) == INFINITY);
    g_assert_true(isnan(run_scalar(n, 0x52, -1.0f)));
    native_free(n);
}

static int vector_of(struct native *n, const uint8_t *bytes, unsigned len)
{
    struct native_state s;

    native_randomize(n, &s);
    native_run_guest(n, bytes, len, &s);
    return s.vector;
}

static void control_registers_turn_sse_off(void)
{
    static const uint8_t xorps[] = { 0x0f, 0x57, 0xc0 };
    static const uint8_t popcnt[] = { 0xf3, 0x0f, 0xb8, 0xc1 };
    struct native *n = native_new();
    uint64_t cr0 = n->cpu->cr0, cr4 = n->cpu->cr4;

    g_assert_cmpint(vector_of(n, xorps, sizeof(xorps)), ==, -1);
    n->cpu->cr0 = cr0 | CR0_TS;
    g_assert_cmpint(vector_of(n, xorps, sizeof(xorps)), ==, EXC_NM);
    g_assert_cmpint(vector_of(n, popcnt, sizeof(popcnt)), ==, -1);
    n->cpu->cr0 = cr0 | CR0_EM | CR0_TS;
    g_assert_cmpint(vector_of(n, xorps, sizeof(xorps)), ==, EXC_UD);
    n->cpu->cr0 = cr0 | CR0_TS;
    n->cpu->cr4 = cr4 & ~(uint64_t)CR4_OSFXSR;
    g_assert_cmpint(vector_of(n, xorps, sizeof(xorps)), ==, EXC_UD);
    native_free(n);
}

/* Without CR4.OSXMMEXCPT an unmasked exception is #UD; MXCSR has the flag either way. */
static void unmasked_exceptions_raise_xm_or_ud(void)
{
    static const uint8_t divss[] = { 0xf3, 0x0f, 0x5e, 0xc1 };
    struct native *n = native_new();
    struct native_state s;

    for (unsigned k = 0; k < 2; k++) {
        native_randomize(n, &s);
        native_put(&s, FX_XMM(0), 0x3f800000, 4);
        native_put(&s, FX_XMM(1), 0, 4);
        native_put(&s, FX_MXCSR, 0x1f80 & ~0x200, 4);
        native_run_guest(n, divss, sizeof(divss), &s);
        g_assert_cmpint(s.vector, ==, k ? EXC_UD : EXC_XM);
        g_assert_cmphex(native_get(&s, FX_MXCSR, 4), ==, 0x1d84);
        g_assert_cmphex(native_get(&s, FX_XMM(0), 4), ==, 0x3f800000);
        n->cpu->cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
    }
    native_free(n);
}

/* Which exception an operand raises that is at fault twice: by its address and its alignment. */
static void addresses_and_alignment_fault_in_order(void)
{
    static const struct {
        uint8_t bytes[8], len;
        enum x86_feature feature;
    } rows[] = {
        { { 0x0f, 0x28, 0x45, 0x00 }, 4, X86_SSE },               /* movaps xmm0, [rbp] */
        { { 0x0f, 0x29, 0x45, 0x00 }, 4, X86_SSE },               /* movaps [rbp], xmm0 */
        { { 0x0f, 0x28, 0x03 }, 3, X86_SSE },                     /* movaps xmm0, [rbx] */
        { { 0x0f, 0x58, 0x45, 0x00 }, 4, X86_SSE },               /* addps xmm0, [rbp] */
        { { 0x66, 0x0f, 0xfe, 0x45, 0x00 }, 5, X86_SSE2 },        /* paddd xmm0, [rbp] */
        { { 0x66, 0x0f, 0x38, 0x2a, 0x45, 0x00 }, 6, X86_SSE41 }, /* movntdqa xmm0, [rbp] */
        { { 0x66, 0x0f, 0xe7, 0x03 }, 4, X86_SSE2 },              /* movntdq [rbx], xmm0 */
        { { 0x0f, 0x10, 0x45, 0x00 }, 4, X86_SSE },               /* movups xmm0, [rbp] */
        { { 0x48, 0x8b, 0x45, 0x00 }, 4, X86_BASE },              /* mov rax, [rbp] */
        { { 0x48, 0x8b, 0x03 }, 3, X86_BASE },                    /* mov rax, [rbx] */
        { { 0x48, 0x0f, 0xc7, 0x4d, 0x00 }, 5, X86_CX16 },        /* cmpxchg16b [rbp] */
        { { 0x0f, 0xae, 0x45, 0x00 }, 4, X86_FXSR },              /* fxsave [rbp] */
        { { 0x0f, 0xae, 0x4d, 0x00 }, 4, X86_FXSR },              /* fxrstor [rbp] */
        { { 0x0f, 0xae, 0x65, 0x00 }, 4, X86_XSAVE },             /* xsave [rbp] */
        { { 0x0f, 0xae, 0x6d, 0x00 }, 4, X86_XSAVE },             /* xrstor [rbp] */
        { { 0x0f, 0xc7, 0x65, 0x00 }, 4, X86_XSAVEC },            /* xsavec [rbp] */
        { { 0xf3, 0x0f, 0x6f, 0x45, 0x00 }, 5, X86_SSE2 },        /* movdqu xmm0, [rbp] */
    };
    static const uint64_t addresses[] = {
        0x8000000000000000,
        0x8000000000000001,
        0x0000800000000000,
        0x0000800000000008,
        0x00007ffffffffff8,
        0x00007ffffffffff9,
        0xffff7ffffffffff8,
        0xffff7fffffffffff,
        0xfffffffffffffff8,
        0xffffffffffffffff,
        NATIVE_ARENA + 8,
        NATIVE_ARENA - 8,
        NATIVE_ARENA + NATIVE_ARENA_SIZE - 8,
    };
    struct native *n = native_new();
    struct native_state s;

    if (!native_skip(n)) {
        native_user_pages(n);
        for (unsigned k = 0; k < G_N_ELEMENTS(rows) * G_N_ELEMENTS(addresses); k++) {
            unsigned row = k / G_N_ELEMENTS(addresses);

            if (native_host_has(rows[row].feature)) {
                native_randomize(n, &s);
                s.gpr[R_RBX] = s.gpr[R_RBP] = addresses[k % G_N_ELEMENTS(addresses)];
                native_check(n, rows[row].bytes, rows[row].len, &s, FLAGS_ARITH);
            }
        }
        g_assert_cmpuint(n->faults, >, 50);
    }
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/sse/0f", opcodes_0f_match_the_host);
    g_test_add_func("/insn/sse/0f38", opcodes_0f38_match_the_host);
    g_test_add_func("/insn/sse/0f3a", opcodes_0f3a_match_the_host);
    g_test_add_func("/insn/sse/faults", unaligned_and_unmapped_operands_fault_alike);
    g_test_add_func("/insn/sse/fault-order", addresses_and_alignment_fault_in_order);
    g_test_add_func("/insn/sse/approximations", approximations_are_as_near_as_the_manual_says);
    g_test_add_func("/insn/sse/control-registers", control_registers_turn_sse_off);
    g_test_add_func("/insn/sse/unmasked", unmasked_exceptions_raise_xm_or_ud);
    return g_test_run();
}
