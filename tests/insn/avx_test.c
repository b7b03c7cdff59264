/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/avx_test.c: every row of the VEX and EVEX tables against this host: registers, memory,
 * the end of memory, 32-bit code; any other encoding; and what control registers refuse.
 *
 * RHEA_ROUNDS=n: cases a row.  Thread: one.
 */
#include <string.h>
#include "tests/insn/avx_rows.h"

/* What the tests of one table take. */
static const struct avx_table {
    const char *name;
    bool evex;
} tables[] = { { "vex", false }, { "evex", true } };

/* 512: with AVX-512.  False, and the test is skipped, where the host has not what it needs. */
static bool ready(struct native *n, unsigned bits)
{
    if (native_skip(n)) {
        return false;
    }
    if (!native_use_avx(n) || (bits == 512 && !n->avx512)) {
        g_test_skip(bits == 512 ? "the host has no AVX-512" : "the host has no AVX2");
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

static void rows_are_sorted(gconstpointer data)
{
    const struct avx_table *t = data;
    const struct avx_row *rows = t->evex ? evex_rows : vex_rows;

    for (unsigned k = 1; k < (t->evex ? n_evex_rows : n_vex_rows); k++) {
        const struct avx_row *a = &rows[k - 1], *b = &rows[k];

        g_assert_cmpuint(a->map << 10 | a->opcode << 2 | a->prefix, <=,
                         b->map << 10 | b->opcode << 2 | b->prefix);
    }
}

/* edge: where memory ends. */
static void check_table(const struct avx_table *t, bool code32, unsigned normal, bool edge)
{
    struct native *n = native_new();

    if (ready(n, t->evex ? 512 : 256) && (!code32 || native_set_code32(n, true))) {
        avx_check_rows(n, t->evex, rounds(normal), edge);
        g_test_message("%u runs, %u faults, %u left out", n->runs, n->faults, n->left_out);
        g_assert_cmpuint(n->runs, >, 1000);
    }
    native_free(n);
}

static void rows_match_the_host(gconstpointer table)
{
    check_table(table, false, 60, false);
}

static void rows_match_in_32_bit_code(gconstpointer table)
{
    check_table(table, true, 30, false);
}

static void the_end_of_memory_faults_alike(gconstpointer table)
{
    check_table(table, false, 40, true);
}

/* Encodings that differ in W alone, where rows with general registers stop at 32 bits. */
static void w_in_32_bit_code(void)
{
    static const struct {
        uint8_t bytes[6], len;
    } rows[] = {
        { { 0xc4, 0xe1, 0xf8, 0x92, 0xf1 }, 5 },       /* kmovw k6, ecx with W */
        { { 0xc4, 0xe1, 0xf9, 0x93, 0xc3 }, 5 },       /* kmovb eax, k3 */
        { { 0xc4, 0xe1, 0xfb, 0x92, 0xf1 }, 5 },       /* kmovq, here kmovd */
        { { 0xc4, 0xe1, 0xf9, 0x6e, 0xc1 }, 5 },       /* vmovq, here vmovd */
        { { 0x62, 0xf2, 0xfd, 0x28, 0x7a, 0xda }, 6 }, /* vpbroadcastb ymm3, edx */
        { { 0x62, 0xf2, 0xfd, 0x28, 0x7b, 0xda }, 6 }, /* vpbroadcastw */
        { { 0x62, 0xf2, 0xfd, 0x28, 0x7c, 0xda }, 6 }, /* vpbroadcastq, here d */
    };
    struct native *n = native_new();
    struct native_state s;

    if (ready(n, 512) && native_set_code32(n, true)) {
        for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
            avx_random_state(n, &s);
            native_check(n, rows[k].bytes, rows[k].len, &s, 0);
        }
    }
    native_free(n);
}

/* Hosts differ in what an access across 4 GiB does: no operand of 32-bit code gets there. */
static void stay_below_4_gib(uint8_t *modrm, struct native_state *s)
{
    unsigned mod = *modrm >> 6, rm = *modrm & 7;

    if (mod == 2 || (mod == 0 && (rm == 4 || rm == 5))) {
        *modrm |= 0xc0;
    }
    for (unsigned k = 0; k < 8; k++) {
        s->gpr[k] = (s->gpr[k] & 0x0fffffff) | 0x01000000;
    }
}

/* With the feature that longer vectors of the row need. */
static bool host_has_row(const struct insn_row *row)
{
    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++) {
        const struct avx_row *rows = tables[t].evex ? evex_rows : vex_rows;

        for (unsigned k = 0; k < (tables[t].evex ? n_evex_rows : n_vex_rows); k++) {
            if (&rows[k].insn == row && rows[k].long_feature &&
                !native_host_has(rows[k].long_feature)) {
                return false;
            }
        }
    }
    return native_host_has(row->feature);
}

/* Any opcode of any map: what is not there is #UD on both sides.  EVEX where the host has AVX-512. */
static void check_random_encodings(bool code32)
{
    struct native *n = native_new();
    struct native_state s;
    struct insn insn;
    unsigned bad = 0, end = ready(n, 256) ? rounds(60) * 500 : 0;

    if (code32 && end && !native_set_code32(n, true)) {
        end = 0;
    }
    for (unsigned k = 0; k < end && bad < 10; k++) {
        uint64_t r = native_random(n), more = native_random(n);
        bool evex = n->avx512 && k & 1;
        uint8_t bytes[16];

        memcpy(bytes, &r, 8);
        memcpy(bytes + 8, &more, 8);
        if (evex) {
            static const uint8_t maps[] = { 1, 2, 3, 5, 6 };

            bytes[0] = 0x62;
            bytes[1] =
                (uint8_t)((bytes[1] & 0xf0) | (k % 64 == 1 ? bytes[1] & 15 : maps[(r >> 40) % 5]));
            bytes[2] |= k % 64 == 3 ? 0 : 4;
        } else {
            bytes[0] = 0xc4;
            bytes[1] = (uint8_t)((bytes[1] & 0xe0) | (k % 64 == 0 ? bytes[1] & 31 : 1 + more % 3));
        }
        avx_random_state(n, &s);
        if (code32) {
            bytes[1] |= 0xc0; /* LES and BOUND without these */
            stay_below_4_gib(&bytes[evex ? 5 : 4], &s);
        }
        if (insn_decode(n->cpu, bytes, sizeof(bytes), &insn) == DECODE_OK &&
            !host_has_row(insn.row)) {
            continue;
        }
        bad += !native_check(n, bytes, insn.len, &s, insn.row->undefined);
    }
    g_test_message("%u runs, %u faults, %u left out", n->runs, n->faults, n->left_out);
    native_free(n);
}

static void random_encodings_match_the_host(void)
{
    check_random_encodings(false);
}

static void random_encodings_match_in_32_bit_code(void)
{
    check_random_encodings(true);
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

    if (ready(n, 256)) {
        g_assert_cmpint(vector_of(n, vxorps, sizeof(vxorps)), ==, -1);
        if (n->avx512) {
            g_assert_cmpint(vector_of(n, zxor, sizeof(zxor)), ==, -1);
        }
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

static void add(const char *name, const struct avx_table *t, GTestDataFunc run)
{
    g_autofree char *path = g_strdup_printf("/insn/avx/%s/%s", t->name, name);

    g_test_add_data_func(path, t, run);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned k = 0; k < G_N_ELEMENTS(tables); k++) {
        add("sorted", &tables[k], rows_are_sorted);
        add("rows", &tables[k], rows_match_the_host);
        add("rows32", &tables[k], rows_match_in_32_bit_code);
        add("edge", &tables[k], the_end_of_memory_faults_alike);
    }
    g_test_add_func("/insn/avx/w32", w_in_32_bit_code);
    g_test_add_func("/insn/avx/random", random_encodings_match_the_host);
    g_test_add_func("/insn/avx/random32", random_encodings_match_in_32_bit_code);
    g_test_add_func("/insn/avx/control-registers", control_registers_turn_avx_off);
    return g_test_run();
}
