/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/integer_test.c: every integer row of the tables that a process may run, in every form,
 * on this host and in the interpreter, by the generic execute functions and by the specialised.
 *
 * A case follows from four numbers: code size, map, opcode and a seed.  A failure prints them as
 * the option that runs it again: integer_test --replay=64:0f:a4:0x1234.
 * Other options: --rounds=N cases an opcode (of a group: each of its eight), --first=N.
 */
#include <stdlib.h>
#include <string.h>
#include "target/i386/operand.h"
#include "tests/insn/integer_case.h"

static unsigned rounds = 50;
static uint64_t first_seed = 1;
static const char *replay;

static const struct integer_map {
    const char *name; /* in --replay */
    enum integer_map_id id;
    unsigned n_reg; /* values of ModRM.reg that are rows of their own */
} maps[] = {
    { "1", ONE_BYTE, 8 },
    { "0f", TWO_BYTE, 8 },
    { "0f38", THREE_BYTE, 1 },
};

static bool run_case(struct native *n, const struct integer_map *map, unsigned op, uint64_t seed)
{
    struct integer_case c;

    if (!integer_case_make(n, map->id, op, seed, &c)) {
        return true;
    }
    if (!native_check(n, c.bytes, c.len, &c.state, c.undefined)) {
        g_test_message("replay: integer_test --replay=%u:%s:%02x:0x%" G_GINT64_MODIFIER "x",
                       n->code32 ? 32 : 64, map->name, op, seed);
        return false;
    }
    return true;
}

static struct native *integer_native(unsigned bits)
{
    struct native *n = native_new();

    if (native_skip(n)) {
        native_free(n);
        return NULL;
    }
    native_user_pages(n);
    n->specialise = true;
    if (!native_set_code32(n, bits == 32)) {
        g_test_skip("the host runs no 32-bit code");
        native_free(n);
        return NULL;
    }
    return n;
}

/* A row that fails three times is broken, and the others have their turn. */
static void run_map(struct native *n, const struct integer_map *map)
{
    unsigned rows = 0;

    for (unsigned op = 0; op < 256; op++) {
        unsigned before = n->runs, bad = 0;

        for (unsigned k = 0; k < rounds * map->n_reg && bad < 3; k++) {
            if (k % 64 == 0) {
                native_protect(n, k & 64);
            }
            bad += !run_case(n, map, op, first_seed + k);
        }
        rows += n->runs != before;
    }
    g_test_message("%u-bit, map %s: %u opcodes", n->code32 ? 32 : 64, map->name, rows);
}

static void test_maps(gconstpointer data)
{
    struct native *n = integer_native(GPOINTER_TO_UINT(data));

    if (!n) {
        return;
    }
    for (unsigned m = 0; m < G_N_ELEMENTS(maps); m++) {
        run_map(n, &maps[m]);
    }
    g_test_message("%u cases, %u faults, %u left out", n->runs, n->faults, n->left_out);
    /* The generator still makes what it says: thousands of cases, some of which fault. */
    g_assert_cmpuint(n->runs, >, rounds * 500);
    g_assert_cmpuint(n->faults, >, n->runs / 50);
    native_free(n);
}

static void test_replay(void)
{
    g_auto(GStrv) part = g_strsplit(replay, ":", 4);
    struct native *n;

    g_assert_cmpuint(g_strv_length(part), ==, 4);
    n = integer_native((unsigned)atoi(part[0]));
    for (unsigned m = 0; n && m < G_N_ELEMENTS(maps); m++) {
        if (!strcmp(maps[m].name, part[1])) {
            uint64_t seed = strtoull(part[3], NULL, 0);

            native_protect(n, (seed - first_seed) & 64);
            run_case(n, &maps[m], (unsigned)strtoul(part[2], NULL, 16), seed);
        }
    }
    if (n) {
        native_free(n);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int k = 1; k < argc; k++) {
        if (g_str_has_prefix(argv[k], "--rounds=")) {
            rounds = (unsigned)atoi(argv[k] + 9);
        } else if (g_str_has_prefix(argv[k], "--first=")) {
            first_seed = strtoull(argv[k] + 8, NULL, 0);
        } else if (g_str_has_prefix(argv[k], "--replay=")) {
            replay = argv[k] + 9;
        }
    }
    if (replay) {
        g_test_add_func("/insn/integer/replay", test_replay);
    } else {
        g_test_add_data_func("/insn/integer/64-bit", GUINT_TO_POINTER(64), test_maps);
        g_test_add_data_func("/insn/integer/32-bit", GUINT_TO_POINTER(32), test_maps);
    }
    return g_test_run();
}
