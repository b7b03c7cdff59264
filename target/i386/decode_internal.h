/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/decode_internal.h: one decoding in the making, shared by decode.c (prefixes, opcodes,
 * tables) and decode_operands.c (ModRM, addresses, immediates).  Pure; thread: any.
 */
#ifndef TARGET_I386_DECODE_INTERNAL_H
#define TARGET_I386_DECODE_INTERNAL_H

#include "target/i386/insn.h"

struct decoder {
    const struct x86_cpu *cpu;
    const uint8_t *bytes;
    unsigned avail, pos;
    bool truncated, ud;
    bool have_modrm, code64;
    bool vex;
    const struct avx_row *avx; /* rows of a VEX or EVEX opcode */
    unsigned n_avx;
    uint8_t reg_high, rm_high; /* EVEX: bit 4 of ModRM.reg and of a vector in r/m */
    uint8_t mandatory;         /* 0: none, 1: 66, 2: F3, 3: F2 */
    struct insn *i;
};

/* The next n bytes, 1, 2, 4 or 8, little-endian; beyond the end: 0, and the decoding is marked as truncated. */
static inline uint64_t decode_take(struct decoder *d, unsigned n)
{
    const uint8_t *p = d->bytes + d->pos;
    uint64_t v;
    uint32_t half;

    d->pos += n;
    if (G_UNLIKELY(d->pos > d->avail)) {
        d->truncated = true;
        return 0;
    }
    switch (n) {
    case 1:
        return *p;
    case 2:
        return p[0] | (uint64_t)p[1] << 8;
    case 4:
        memcpy(&half, p, 4);
        return GUINT32_FROM_LE(half);
    default:
        memcpy(&v, p, 8);
        return GUINT64_FROM_LE(v);
    }
}

/* The ModRM byte, once. */
static inline void decode_take_modrm(struct decoder *d)
{
    if (!d->have_modrm) {
        d->i->modrm = (uint8_t)decode_take(d, 1);
        d->have_modrm = true;
    }
}

static inline unsigned decode_modrm_reg(const struct decoder *d)
{
    return d->i->modrm >> 3 & 7;
}

/* Everything behind the opcode, by the row's operand codes. */
void decode_operands(struct decoder *d, const struct insn_row *row);
/* Does an operand of the row come from VEX.vvvv? */
bool decode_uses_vvvv(const struct insn_row *row);

#endif
