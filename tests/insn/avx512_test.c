/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/avx512_test.c: every row of the EVEX tables against this host: registers, memory, the end
 * of memory, 32-bit code.  One thread.
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
    for (unsigned k = 1; k < n_evex_rows; k++) {
        const struct avx_row *a = &evex_rows[k - 1], *b = &evex_rows[k];

        g_assert_cmpuint(a->map << 10 | a->opcode << 2 | a->prefix, <=,
                         b->map << 10 | b->opcode << 2 | b->prefix);
    }
}

static void rows_match_the_host(void)
{
    struct native *n = native_new();

    if (ready(n)) {
        avx_check_rows(n, true, rounds(60), false);
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
            avx_check_rows(n, true, rounds(30), false);
            g_test_message("%u runs, %u faults", n->runs, n->faults);
        }
    }
    native_free(n);
}

static void the_end_of_memory_faults_alike(void)
{
    struct native *n = native_new();

    if (ready(n)) {
        avx_check_rows(n, true, rounds(40), true);
        g_test_message("%u runs, %u faults", n->runs, n->faults);
    }
    native_free(n);
}

/* Any opcode of any map: what is not there is #UD on both sides. */
static void random_encodings_match_the_host(void)
{
    struct native *n = native_new();
    struct native_state s;
    struct insn insn;
    unsigned bad = 0, end = ready(n) ? rounds(60) * 500 : 0;

    for (unsigned k = 0; k < end && bad < 10; k++) {
        uint64_t r = native_random(n), more = native_random(n);
        uint8_t bytes[16];

        memcpy(bytes, &r, 8);
        memcpy(bytes + 8, &more, 8);
        if (k & 1) {
            static const uint8_t maps[] = { 1, 2, 3, 5, 6 };

            bytes[0] = 0x62;
            bytes[1] =
                (uint8_t)((bytes[1] & 0xf0) | (k % 64 == 1 ? bytes[1] & 15 : maps[(r >> 40) % 5]));
            bytes[2] |= k % 64 == 3 ? 0 : 4;
        } else {
            bytes[0] = 0xc4;
            bytes[1] = (uint8_t)((bytes[1] & 0xe0) | (k % 64 == 0 ? bytes[1] & 31 : 1 + more % 3));
        }
        if (insn_decode(n->cpu, bytes, sizeof(bytes), &insn) == DECODE_OK &&
            !native_host_has(insn.row->feature)) {
            continue;
        }
        native_randomize(n, &s);
        for (unsigned v = 0; v < 16; v++) {
            memcpy(s.zmm[v], s.fx + FX_XMM(v), 16);
        }
        bad += !native_check(n, bytes, insn.len, &s, insn.row->undefined);
    }
    g_test_message("%u runs, %u faults", n->runs, n->faults);
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/avx512/sorted", rows_are_sorted);
    g_test_add_func("/insn/avx512/rows", rows_match_the_host);
    g_test_add_func("/insn/avx512/rows32", rows_match_in_32_bit_code);
    g_test_add_func("/insn/avx512/edge", the_end_of_memory_faults_alike);
    g_test_add_func("/insn/avx512/random", random_encodings_match_the_host);
    return g_test_run();
}
