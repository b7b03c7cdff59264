/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/bmi_test.c: bit scans and counts, BMI1, BMI2, ADX, MOVBE, CRC32 and MOVNTI against
 * this host, and what they are without the feature.  One thread.
 */
#include "tests/insn/native.h"

/* The vector tables' opcodes on general registers. */
static bool is_integer(const struct insn *i)
{
    switch (i->opcode) {
    case 0xb8:
    case 0xbc:
    case 0xbd:
    case 0xc3:
        return true;
    default:
        return false;
    }
}

static bool is_three_byte_integer(const struct insn *i)
{
    return !(i->row->flags & (ROW_SSE | ROW_MMX | ROW_CPL0)) && i->opcode >= 0xf0;
}

static void check_map(enum native_map map, bool (*accept)(const struct insn *i))
{
    struct native *n = native_new();

    if (!native_skip(n)) {
        native_check_map(n, map, 400, accept);
        g_test_message("%u runs", n->runs);
        g_assert_cmpuint(n->runs, >, 0);
    }
    native_free(n);
}

static void opcodes_0f_match_the_host(void)
{
    check_map(NATIVE_0F, is_integer);
}

static void opcodes_0f38_match_the_host(void)
{
    check_map(NATIVE_0F38, is_three_byte_integer);
}

static void vex_opcodes_match_the_host(void)
{
    check_map(NATIVE_VEX_0F38, is_three_byte_integer);
    check_map(NATIVE_VEX_0F3A, is_three_byte_integer);
}

static void disable(struct native *n, enum x86_feature feature)
{
    n->cpu->features[feature / 32] &= ~(1u << feature % 32);
}

static void counts_are_scans_without_the_feature(void)
{
    static const uint8_t lzcnt[] = { 0xf3, 0x0f, 0xbd, 0xc1 }; /* eax, ecx */
    static const uint8_t tzcnt[] = { 0xf3, 0x0f, 0xbc, 0xc1 };
    struct native *n = native_new();
    struct native_state s;

    for (unsigned k = 0; k < 2; k++) {
        native_randomize(n, &s);
        s.gpr[R_RCX] = 0x00010000;
        native_run_guest(n, lzcnt, sizeof(lzcnt), &s);
        g_assert_cmpuint(s.gpr[R_RAX], ==, k ? 16 : 15);
        s.gpr[R_RCX] = 0;
        s.gpr[R_RAX] = 77;
        native_run_guest(n, tzcnt, sizeof(tzcnt), &s);
        g_assert_cmpuint(s.gpr[R_RAX], ==, k ? 77 : 32);
        g_assert_cmpuint(s.flags & FLAG_ZF, ==, k ? FLAG_ZF : 0);
        disable(n, X86_ABM);
        disable(n, X86_BMI1);
    }
    native_free(n);
}

static void rows_need_their_feature_and_vex_l_of_zero(void)
{
    static const uint8_t andn[] = { 0xc4, 0xe2, 0x70, 0xf2, 0xc2 };
    static const uint8_t andn_l1[] = { 0xc4, 0xe2, 0x74, 0xf2, 0xc2 };
    struct native *n = native_new();
    struct native_state s;

    native_randomize(n, &s);
    native_run_guest(n, andn_l1, sizeof(andn_l1), &s);
    g_assert_cmpint(s.vector, ==, EXC_UD);
    native_run_guest(n, andn, sizeof(andn), &s);
    g_assert_cmpint(s.vector, ==, -1);
    disable(n, X86_BMI1);
    native_run_guest(n, andn, sizeof(andn), &s);
    g_assert_cmpint(s.vector, ==, EXC_UD);
    native_free(n);
}

/* CRC-32C of "123456789" (RFC 3720's polynomial; the usual check value). */
static void crc32_gives_the_check_value(void)
{
    static const uint8_t crc32[] = { 0xf2, 0x0f, 0x38, 0xf0, 0xc1 }; /* eax, cl */
    struct native *n = native_new();
    struct native_state s;

    native_randomize(n, &s);
    s.gpr[R_RAX] = 0xffffffff;
    for (const char *p = "123456789"; *p; p++) {
        s.gpr[R_RCX] = (uint8_t)*p;
        native_run_guest(n, crc32, sizeof(crc32), &s);
    }
    g_assert_cmphex(s.gpr[R_RAX] ^ 0xffffffff, ==, 0xe3069283);
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/bmi/0f", opcodes_0f_match_the_host);
    g_test_add_func("/insn/bmi/0f38", opcodes_0f38_match_the_host);
    g_test_add_func("/insn/bmi/vex", vex_opcodes_match_the_host);
    g_test_add_func("/insn/bmi/without", counts_are_scans_without_the_feature);
    g_test_add_func("/insn/bmi/refused", rows_need_their_feature_and_vex_l_of_zero);
    g_test_add_func("/insn/bmi/crc32", crc32_gives_the_check_value);
    return g_test_run();
}
