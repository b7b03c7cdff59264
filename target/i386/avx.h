/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/avx.h: rows of the VEX and EVEX instructions, and their execute functions.
 *
 * A row begins with a struct insn_row, which is what struct insn points to: avx_row() goes back.
 * Rows are sorted by map, opcode and prefix; forms that W, L, ModRM.reg or mod tell apart follow
 * one another.  The tables are constant; avx_test checks their order.
 */
#ifndef TARGET_I386_AVX_H
#define TARGET_I386_AVX_H

#include "target/i386/operand.h"

/* clang-format off */
/* Vector lengths that a row has. */
enum { L128 = 1, L256 = 2, L512 = 4, LALL = 7, L_IGNORED = 15 };
/* VEX.W */
enum { W0, W1, W_IGNORED };

/* Bytes of a memory operand: a number, or this share of the vector length. */
enum avx_memory { MEM_VL = 128, MEM_HALF, MEM_QUARTER, MEM_EIGHTH, MEM_DUP /* MOVDDUP: 8, 32, 64 */,
                  MEM_Y /* 4, or 8 with W */ };

enum avx_flag {
    AVX_MASK     = 1 << 0,  /* takes a write mask */
    AVX_ZERO     = 1 << 1,  /* and may zero instead of merge */
    AVX_NEED     = 1 << 2,  /* does not exist without a mask (gather, scatter) */
    AVX_ER       = 1 << 3,  /* EVEX.b with registers: rounding */
    AVX_SAE      = 1 << 4,  /* EVEX.b with registers: no exceptions */
    AVX_FP       = 1 << 5,  /* reads or writes MXCSR */
    AVX_FULL     = 1 << 6,  /* masked-out elements of memory are accessed all the same */
    AVX_ALIGNED  = 1 << 7,  /* #GP(0) unless aligned to its size */
    AVX_REPEAT   = 1 << 8,  /* the memory operand is repeated to fill the vector */
    AVX_PACKED   = 1 << 9,  /* memory holds active elements only (compress, expand) */
    AVX_DISTINCT = 1 << 10, /* destination must not be a source */
    AVX_VSIB     = 1 << 11, /* the index is a vector register */
    AVX_INDEX_HALF = 1 << 12, /* with 4-byte indices and 8-byte elements: half the vector */
    AVX_INDEX64  = 1 << 13, /* 8-byte indices */
    AVX_NO_MODRM = 1 << 14,
    AVX_OPMASK   = 1 << 15, /* VEX-encoded, but needs the AVX-512 state */
    AVX_CONST    = 1 << 16, /* no operand is written */
    AVX_PART     = 1 << 17, /* memory takes the first lanes only (extract) */
};

struct avx_row {
    struct insn_row insn;
    uint8_t map, opcode, prefix; /* prefix: 0 none, 1 66, 2 F3, 3 F2 */
    uint8_t group;               /* ModRM.reg + 1, or 0: any */
    uint8_t w, lengths;
    uint8_t memory;              /* enum avx_memory */
    uint8_t element;             /* EVEX: bytes that are broadcast, or 0 */
    uint8_t lane;                /* EVEX: bytes of the vector that a mask bit stands for; 0: scalar */
    uint16_t long_feature;       /* VEX: what more than 128 bits need besides */
    uint32_t flags;              /* enum avx_flag */
};
/* clang-format on */

extern const struct avx_row vex_rows[], evex_rows[];
extern const unsigned n_vex_rows, n_evex_rows;

/* struct insn's imm2, where the instruction is VEX or EVEX. */
#define EVEX_AAA 7u
#define EVEX_Z   8u
#define EVEX_B   16u
#define EVEX_IS  32u /* encoded with EVEX */
#define VEX_W    64u /* W as encoded, whatever the mode makes of it */

static inline const struct avx_row *avx_row(const struct insn *i)
{
    return (const struct avx_row *)i->row;
}

/* The rows of an opcode: *n of them.  NULL: none. */
const struct avx_row *avx_rows_of(bool evex, unsigned map, unsigned opcode, unsigned prefix,
                                  unsigned *n);
/* The one that fits; ModRM is in i->modrm, l as encoded. */
const struct avx_row *avx_row_select(const struct avx_row *rows, unsigned n, const struct insn *i,
                                     bool code64);
/* Is this form refused, operands decoded? */
bool avx_refused(const struct x86_cpu *cpu, const struct insn *i, bool code64);
/* Vector length in bytes. */
unsigned avx_length(const struct insn *i);
/* Bytes of the memory operand; those that a disp8 counts in. */
unsigned avx_memory_size(const struct insn *i);
unsigned avx_disp8_scale(const struct insn *i);
/* Mask bits that mean something. */
unsigned avx_lanes(const struct insn *i);

/* #UD and #NM. */
void avx_check(struct x86_cpu *cpu, const struct insn *i);
/* Bits 128 and up of a register become 0. */
static inline void avx_zero_upper(struct x86_cpu *cpu, unsigned reg, unsigned from)
{
    memset(cpu->vec[reg].b + from, 0, sizeof(cpu->vec[reg]) - from);
}

/*
 * The memory operand as a row reads it: a pointer to its bytes, in `buffer` (64) or in guest RAM; and
 * as a row writes it, under the mask.
 */
void *avx_load(struct x86_cpu *cpu, const struct insn *i, uint8_t *buffer);
void avx_store(struct x86_cpu *cpu, const struct insn *i, const uint8_t *from);

/* avx.c: the instruction runs on the host. */
x86_exec_fn x_avx;
/* avx_move.c */
x86_exec_fn x_avx_move, x_avx_maskmov_load, x_avx_maskmov_store, x_vzero;
x86_exec_fn x_avx_maskmovdqu, x_avx_ldmxcsr, x_avx_stmxcsr, x_avx_pcmpestrm, x_avx_pcmpestri,
    x_avx_pcmpistrm, x_avx_pcmpistri;
/* avx_gather.c */
x86_exec_fn x_avx_gather, x_avx_scatter;

#endif
