/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/avx_rows.h: random encodings of one row of the VEX or EVEX tables.
 */
#ifndef TESTS_INSN_AVX_ROWS_H
#define TESTS_INSN_AVX_ROWS_H

#include "target/i386/avx.h"
#include "tests/insn/native.h"

struct avx_encoding {
    uint8_t bytes[24];
    unsigned len; /* at least as long as the instruction */
    bool memory;
};

/* A valid one, most of the time; what is wrong now and then (vvvv, masks, W) is refused alike. */
void avx_random(struct native *n, const struct avx_row *row, bool evex, struct avx_encoding *e);
/* Random registers, vectors that agree with their low halves in fx. */
void avx_random_state(struct native *n, struct native_state *s);
/*
 * Every row of a table, `rounds` times each, against the host.  Registers that address memory point
 * into the arena, or with `edge` at its end, where it stops within the operand.
 */
void avx_check_rows(struct native *n, bool evex, unsigned rounds, bool edge);

#endif
