/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/tcg/x86_64/emit_rows.h: which instructions are emitted, and how; see emit_rows.c. */
#ifndef ACCEL_TCG_X86_64_EMIT_ROWS_H
#define ACCEL_TCG_X86_64_EMIT_ROWS_H

#include "target/i386/insn.h"

enum emit_kind {
    EMIT_ALU,
    EMIT_MOV,
    EMIT_LEA,
    EMIT_XCHG,
    EMIT_FIXED,
    EMIT_NOTHING,
    EMIT_BSWAP,
    EMIT_BIT,
    EMIT_PUSH,
    EMIT_POP,
    EMIT_LEAVE,
    EMIT_DIV,
};

enum emit_flag {
    EMIT_WRITES_0 = 1, /* operand 0 */
    EMIT_WRITES_1 = 2,
    EMIT_SHIFT = 4,   /* a count of zero leaves the flags alone */
    EMIT_F3 = 8,      /* F3 is part of the opcode */
    EMIT_NO_66 = 16,  /* no operand has the operand size attribute */
    EMIT_COUNTS = 32, /* POPCNT, LZCNT, TZCNT: if guest and host both have it */
    EMIT_SETS = 64,   /* operand 0 is written and not read, but for the parts of a short one */
};

struct emit_row {
    x86_exec_fn *exec; /* of the instruction's row */
    uint8_t kind, flags;
};

#define EMIT_ROWS_HASH 256

/* Fills an index, zeroed, of the rows by their function: emit_row_find's, in the back end. */
void emit_rows_init(uint8_t index[EMIT_ROWS_HASH]);
/* NULL: left to the interpreter. */
const struct emit_row *emit_row_find(const struct x86_cpu *cpu, const struct insn *i);

#endif
