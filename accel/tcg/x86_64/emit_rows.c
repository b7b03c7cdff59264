/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/emit_rows.c: the instructions that are emitted; all others are interpreted.
 */
#include "accel/tcg/x86_64/emit_rows.h"
#include "accel/tcg/x86_64/backend.h"
#include "target/i386/exec_int.h"
#include "target/i386/vec_rows.h"

#define W  EMIT_WRITES_0
#define S  (EMIT_WRITES_0 | EMIT_SETS)
#define W2 (EMIT_WRITES_0 | EMIT_WRITES_1)

/* clang-format off */
static const struct emit_row rows[] = {
    { x_mov,     EMIT_MOV, S },       { x_add,     EMIT_ALU, W },      { x_sub,     EMIT_ALU, W },
    { x_cmp,     EMIT_ALU, 0 },       { x_test,    EMIT_ALU, 0 },      { x_and,     EMIT_ALU, W },
    { x_or,      EMIT_ALU, W },       { x_xor,     EMIT_ALU, W },      { x_lea,     EMIT_LEA, W },
    { x_push,    EMIT_PUSH, 0 },      { x_pop,     EMIT_POP, W },      { x_movzx,   EMIT_ALU, S },
    { x_movsx,   EMIT_ALU, S },       { x_movsxd,  EMIT_ALU, S },      { x_inc,     EMIT_ALU, W },
    { x_dec,     EMIT_ALU, W },       { x_neg,     EMIT_ALU, W },      { x_not,     EMIT_ALU, W },
    { x_shl,     EMIT_ALU, W | EMIT_SHIFT }, { x_shr, EMIT_ALU, W | EMIT_SHIFT },
    { x_sar,     EMIT_ALU, W | EMIT_SHIFT }, { x_rol, EMIT_ALU, W | EMIT_SHIFT },
    { x_ror,     EMIT_ALU, W | EMIT_SHIFT }, { x_rcl, EMIT_ALU, W | EMIT_SHIFT },
    { x_rcr,     EMIT_ALU, W | EMIT_SHIFT }, { x_shld, EMIT_ALU, W | EMIT_SHIFT },
    { x_shrd,    EMIT_ALU, W | EMIT_SHIFT },
    { x_cmov,    EMIT_ALU, W },       { x_setcc,   EMIT_ALU, W | EMIT_NO_66 },
    { x_adc,     EMIT_ALU, W },       { x_sbb,     EMIT_ALU, W },      { x_imul2,   EMIT_ALU, W },
    { x_imul3,   EMIT_ALU, S },       { x_mul,     EMIT_ALU, 0 },      { x_imul1,   EMIT_ALU, 0 },
    { x_xadd,    EMIT_ALU, W2 },      { x_cmpxchg, EMIT_ALU, W },      { x_xchg,    EMIT_XCHG, W2 },
    { x_bt,      EMIT_BIT, 0 },       { x_bts,     EMIT_BIT, W },      { x_btr,     EMIT_BIT, W },
    { x_btc,     EMIT_BIT, W },       { x_bswap,   EMIT_BSWAP, W },    { x_bsf,     EMIT_ALU, W },
    { x_bsr,     EMIT_ALU, W },       { x_popcnt,  EMIT_ALU, S | EMIT_F3 | EMIT_COUNTS },
    { x_lzcnt,   EMIT_ALU, S | EMIT_F3 | EMIT_COUNTS }, { x_tzcnt, EMIT_ALU, S | EMIT_F3 | EMIT_COUNTS },
    { x_cbw,     EMIT_FIXED, 0 },     { x_cwd,     EMIT_FIXED, 0 },    { x_clc,     EMIT_FIXED, 0 },
    { x_stc,     EMIT_FIXED, 0 },     { x_cmc,     EMIT_FIXED, 0 },    { x_nop,     EMIT_NOTHING, 0 },
    { x_leave,   EMIT_LEAVE, 0 },     { x_nop_xchg, EMIT_XCHG, W2 },
    { x_div,     EMIT_DIV, 0 },       { x_idiv,    EMIT_DIV, 0 },
};
/* clang-format on */

/* Without the feature a guest's LZCNT and TZCNT are BSR and BSF; the host's must not be. */
static bool counts_alike(const struct x86_cpu *cpu, x86_exec_fn *fn)
{
    const struct tcg *t = cpu->engine;
    enum x86_feature f = fn == x_tzcnt ? X86_BMI1 : fn == x_lzcnt ? X86_ABM : X86_POPCNT;

    return cpu_has(cpu, f) && host_has(t->backend, f);
}

static unsigned row_hash(x86_exec_fn *fn)
{
    return (unsigned)((uintptr_t)fn * 0x9e3779b97f4a7c15ull >> 32) % EMIT_ROWS_HASH;
}

const struct emit_row *emit_row_find(const struct x86_cpu *cpu, const struct insn *i)
{
    const uint8_t *index;

    if (i->row->exec == x_movsxd && !cpu->code64) { /* ARPL */
        return NULL;
    }
    index = ((const struct tcg *)cpu->engine)->backend->emit_rows;
    for (unsigned h = row_hash(i->row->exec); index[h]; h = (h + 1) % EMIT_ROWS_HASH) {
        const struct emit_row *row = &rows[index[h] - 1];

        if (row->exec == i->row->exec) {
            return !(row->flags & EMIT_COUNTS) || counts_alike(cpu, row->exec) ? row : NULL;
        }
    }
    return NULL;
}

void emit_rows_init(uint8_t index[EMIT_ROWS_HASH])
{
    G_STATIC_ASSERT(G_N_ELEMENTS(rows) < EMIT_ROWS_HASH / 2);
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        unsigned h = row_hash(rows[n].exec);

        while (index[h]) {
            h = (h + 1) % EMIT_ROWS_HASH;
        }
        index[h] = (uint8_t)(n + 1);
    }
}
