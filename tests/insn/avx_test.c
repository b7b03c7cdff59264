/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/avx_test.c: every row of the VEX tables against this host: registers, memory, the end
 * of memory, 32-bit code; and what control registers refuse.  One thread.
 */
#include <string.h>
#include "tests/insn/avx_rows.h"

static bool ready(struct native *n)
{
    if (native_skip(n)) {
        return false;
    }
    if (!native_use_avx(n)) {
        g_test_skip("the host has no AVX-512");
        return false;
    }
    native_user_pages(n);
    return true;
}

static unsigned rounds(unsigned normal)
{
    const char *text = g_getenv("RHEA_ROUNDS");

    return text ? (unsigned)MAX(atoi(text), 1) : normal;
}

static void rows_are_sorted(void)
{
    for (unsigned k = 1; k < n_vex_rows; k++) {
        const struct avx_row *a = &vex_rows[k - 1], *b = &vex_rows[k];

        g_assert_cmpuint(a->map << 10 | a->opcode << 2 | a->prefix, <=,
                         b->map << 10 | b->opcode << 2 | b->prefix);
    }
}

static void rows_match_the_host(void)
{
    struct native *n = native_new();

    if (ready(n)) {
        avx_check_rows(n, false, rounds(60), false);
        g_test_message("%u runs, %u faults", n->runs, n->faults);
        g_assert_cmpuint(n->runs, >, 1000);
    }
    native_free(n);
}

static void rows_match_in_32_bit_code(void)
{
    struct native *n = native_new();

    if (ready(n)) {
        if (native_set_code32(n, true)) {
            avx_check_rows(n, false, rounds(30), false);
            g_test_message("%u runs, %u faults", n->runs, n->faults);
        }
    }
    native_free(n);
}

static void the_end_of_memory_faults_alike(void)
{
    struct native *n = native_new();

    if (ready(n)) {
        avx_check_rows(n, false, rounds(40), true);
        g_test_message("%u runs, %u faults", n->runs, n->faults);
    }
    native_free(n);
}

static int vector_of(struct native *n, const uint8_t *bytes, unsigned len)
{
    struct native_state s;

    native_randomize(n, &s);
    native_run_guest(n, bytes, len, &s);
    return s.vector;
}

static void control_registers_turn_avx_off(void)
{
    static const uint8_t vxorps[] = { 0xc5, 0xf8, 0x57, 0xc0 };
    static const uint8_t zxor[] = { 0x62, 0xf1, 0x7c, 0x48, 0x57, 0xc0 };
    struct native *n = native_new();

    if (ready(n)) {
        g_assert_cmpint(vector_of(n, vxorps, sizeof(vxorps)), ==, -1);
        g_assert_cmpint(vector_of(n, zxor, sizeof(zxor)), ==, -1);
        n->cpu->xcr0 = 7;
        g_assert_cmpint(vector_of(n, vxorps, sizeof(vxorps)), ==, -1);
        g_assert_cmpint(vector_of(n, zxor, sizeof(zxor)), ==, EXC_UD);
        n->cpu->cr0 |= CR0_TS;
        g_assert_cmpint(vector_of(n, vxorps, sizeof(vxorps)), ==, EXC_NM);
        n->cpu->xcr0 = 3;
        g_assert_cmpint(vector_of(n, vxorps, sizeof(vxorps)), ==, EXC_UD);
        n->cpu->cr0 &= ~(uint64_t)CR0_TS;
        n->cpu->xcr0 = 7;
        n->cpu->cr4 &= ~(uint64_t)CR4_OSXSAVE;
        g_assert_cmpint(vector_of(n, vxorps, sizeof(vxorps)), ==, EXC_UD);
    }
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/avx/sorted", rows_are_sorted);
    g_test_add_func("/insn/avx/rows", rows_match_the_host);
    g_test_add_func("/insn/avx/rows32", rows_match_in_32_bit_code);
    g_test_add_func("/insn/avx/edge", the_end_of_memory_faults_alike);
    g_test_add_func("/insn/avx/control-registers", control_registers_turn_avx_off);
    return g_test_run();
}
