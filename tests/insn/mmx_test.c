/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/mmx_test.c: every row that touches MMX registers against this host, and the x87's
 * checks before it.  One thread.
 */
#include "tests/insn/native.h"

static bool is_mmx(const struct insn *i)
{
    return i->row->flags & ROW_MMX;
}

static void check_map(enum native_map map, unsigned rounds)
{
    struct native *n = native_new();

    if (!native_skip(n)) {
        native_check_map(n, map, rounds, is_mmx);
        g_test_message("%u runs, %u faults", n->runs, n->faults);
        g_assert_cmpuint(n->runs, >=, rounds);
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

static void run(struct native *n, const uint8_t *bytes, unsigned len, struct native_state *s)
{
    s->vector = -1;
    native_run_guest(n, bytes, len, s);
}

static void a_write_makes_registers_valid_and_emms_empties_them(void)
{
    static const uint8_t movd[] = { 0x0f, 0x6e, 0xd8 }; /* movd mm3,eax */
    static const uint8_t emms[] = { 0x0f, 0x77 };
    struct native *n = native_new();
    struct native_state s;

    native_randomize(n, &s);
    native_put(&s, FX_STATUS, 5 << 11, 2);
    s.gpr[R_RAX] = 0x1122334455667788;
    run(n, movd, sizeof(movd), &s);
    g_assert_cmpint(s.vector, ==, -1);
    g_assert_cmphex(s.fx[FX_TAG], ==, 0xff);
    g_assert_cmphex(native_get(&s, FX_STATUS, 2) & 0x3800, ==, 0);
    g_assert_cmphex(native_get(&s, FX_ST(3), 8), ==, 0x55667788);
    g_assert_cmphex(native_get(&s, FX_ST(3) + 8, 2), ==, 0xffff);
    run(n, emms, sizeof(emms), &s);
    g_assert_cmphex(s.fx[FX_TAG], ==, 0);
    native_free(n);
}

static void the_x87_is_checked_first(void)
{
    static const uint8_t paddb[] = { 0x0f, 0xfc, 0xc1 };
    struct native *n = native_new();
    struct native_state s;
    uint64_t cr0 = n->cpu->cr0;

    native_randomize(n, &s);
    n->cpu->cr0 = cr0 | CR0_TS;
    run(n, paddb, sizeof(paddb), &s);
    g_assert_cmpint(s.vector, ==, EXC_NM);
    n->cpu->cr0 = cr0 | CR0_EM;
    run(n, paddb, sizeof(paddb), &s);
    g_assert_cmpint(s.vector, ==, EXC_UD);
    n->cpu->cr0 = cr0;
    native_put(&s, FX_CONTROL, 0x37e, 2); /* invalid is unmasked, and pending */
    native_put(&s, FX_STATUS, 0x8081, 2);
    run(n, paddb, sizeof(paddb), &s);
    g_assert_cmpint(s.vector, ==, EXC_MF);
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/mmx/0f", opcodes_0f_match_the_host);
    g_test_add_func("/insn/mmx/0f38", opcodes_0f38_match_the_host);
    g_test_add_func("/insn/mmx/0f3a", opcodes_0f3a_match_the_host);
    g_test_add_func("/insn/mmx/tags", a_write_makes_registers_valid_and_emms_empties_them);
    g_test_add_func("/insn/mmx/checks", the_x87_is_checked_first);
    return g_test_run();
}
