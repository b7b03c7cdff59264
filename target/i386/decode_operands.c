/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/decode_operands.c: what follows the opcode: ModRM, SIB, displacement, immediates, by the
 * operand codes of a row; each code is a row of `operand_specs`.  Pure; thread: any.
 */
#include "target/i386/avx.h"
#include "target/i386/decode_internal.h"

enum operand_from {
    FROM_NONE,
    FROM_RM,     /* general register or memory */
    FROM_RM_REG, /* general register, mod ignored */
    FROM_REG,
    FROM_VVVV,
    FROM_IMM,
    FROM_REL,
    FROM_MEM,
    FROM_FAR,
    FROM_MOFFS,
    FROM_SREG,
    FROM_CR,
    FROM_DR,
    FROM_OPCODE, /* low 3 bits of the opcode */
    FROM_GPR,    /* fixed register: `fixed` */
    FROM_SEG,    /* fixed segment register */
    FROM_ONE,
    FROM_IMPLICIT, /* string operands */
    FROM_XMM_REG,
    FROM_XMM_RM,
    FROM_XMM_ONLY,
    FROM_MMX_REG,
    FROM_MMX_RM,
    FROM_MMX_ONLY,
    FROM_ST,
    FROM_VEC_REG,
    FROM_VEC_VVVV,
    FROM_VEC_RM,
    FROM_VEC_IS4,
    FROM_K_REG,
    FROM_K_VVVV,
    FROM_K_RM,
};

/* Sizes that depend on prefixes and mode; others are bytes. */
enum { SIZE_V = 128, SIZE_Y, SIZE_Z, SIZE_MODE, SIZE_VECTOR, SIZE_HALF };

/* clang-format off */
static const struct operand_spec {
    uint8_t from, size, imm_bytes, fixed;
} operand_specs[] = {
    [Eb] = { FROM_RM, 1 }, [Ew] = { FROM_RM, 2 }, [Ed] = { FROM_RM, 4 }, [Eq] = { FROM_RM, 8 },
    [Ev] = { FROM_RM, SIZE_V }, [Ey] = { FROM_RM, SIZE_Y },
    [Gb] = { FROM_REG, 1 }, [Gw] = { FROM_REG, 2 }, [Gd] = { FROM_REG, 4 }, [Gq] = { FROM_REG, 8 },
    [Gv] = { FROM_REG, SIZE_V }, [Gy] = { FROM_REG, SIZE_Y },
    [Rd] = { FROM_RM_REG, 4 }, [Rq] = { FROM_RM_REG, 8 }, [Ry] = { FROM_RM_REG, SIZE_MODE },
    [Rv] = { FROM_RM_REG, SIZE_V },
    [By] = { FROM_VVVV, SIZE_Y },
    [Ib] = { FROM_IMM, 1, 1 }, [Iw] = { FROM_IMM, 2, 2 }, [Iz] = { FROM_IMM, SIZE_V, SIZE_Z },
    [Iv] = { FROM_IMM, SIZE_V, SIZE_V }, [Ibs] = { FROM_IMM, SIZE_V, 1 },
    [Jb] = { FROM_REL, 0, 1 }, [Jz] = { FROM_REL, 0, SIZE_Z },
    [M] = { FROM_MEM, 0 }, [Mb] = { FROM_MEM, 1 }, [Mw] = { FROM_MEM, 2 }, [Md] = { FROM_MEM, 4 },
    [Mq] = { FROM_MEM, 8 }, [Mt] = { FROM_MEM, 10 }, [Mdq] = { FROM_MEM, 16 },
    [Mv] = { FROM_MEM, SIZE_V }, [My] = { FROM_MEM, SIZE_Y }, [Mp] = { FROM_MEM, 0 },
    [Ap] = { FROM_FAR, 0 },
    [Ob] = { FROM_MOFFS, 1 }, [Ov] = { FROM_MOFFS, SIZE_V },
    [Sw] = { FROM_SREG, 2 },
    [Cy] = { FROM_CR, SIZE_MODE }, [Dy] = { FROM_DR, SIZE_MODE },
    [Zb] = { FROM_OPCODE, 1 }, [Zv] = { FROM_OPCODE, SIZE_V }, [Zq] = { FROM_OPCODE, SIZE_V },
    [ALo] = { FROM_GPR, 1, 0, R_RAX }, [AXv] = { FROM_GPR, SIZE_V, 0, R_RAX },
    [CLo] = { FROM_GPR, 1, 0, R_RCX }, [DXw] = { FROM_GPR, 2, 0, R_RDX },
    [One] = { FROM_ONE, 1 },
    [S_ES] = { FROM_SEG, 2, 0, SEG_ES }, [S_CS] = { FROM_SEG, 2, 0, SEG_CS },
    [S_SS] = { FROM_SEG, 2, 0, SEG_SS }, [S_DS] = { FROM_SEG, 2, 0, SEG_DS },
    [S_FS] = { FROM_SEG, 2, 0, SEG_FS }, [S_GS] = { FROM_SEG, 2, 0, SEG_GS },
    [Xb] = { FROM_IMPLICIT, 1 }, [Xv] = { FROM_IMPLICIT, SIZE_V }, [Xz] = { FROM_IMPLICIT, SIZE_Z },
    [Yb] = { FROM_IMPLICIT, 1 }, [Yv] = { FROM_IMPLICIT, SIZE_V }, [Yz] = { FROM_IMPLICIT, SIZE_Z },
    [Vx] = { FROM_XMM_REG, 16 }, [Wx] = { FROM_XMM_RM, 16 },
    [Wb] = { FROM_XMM_RM, 1 }, [Ww] = { FROM_XMM_RM, 2 }, [Wd] = { FROM_XMM_RM, 4 },
    [Wq] = { FROM_XMM_RM, 8 }, [Ux] = { FROM_XMM_ONLY, 16 },
    [Pq] = { FROM_MMX_REG, 8 }, [Qq] = { FROM_MMX_RM, 8 }, [Qd] = { FROM_MMX_RM, 4 },
    [Nq] = { FROM_MMX_ONLY, 8 },
    [ST0] = { FROM_ST, 10, 0, 0 }, [STi] = { FROM_ST, 10, 0, 1 },
    [VV] = { FROM_VEC_REG, SIZE_VECTOR }, [VVh] = { FROM_VEC_REG, SIZE_HALF },
    [VVx] = { FROM_VEC_REG, 16 },
    [HV] = { FROM_VEC_VVVV, SIZE_VECTOR }, [HVh] = { FROM_VEC_VVVV, SIZE_HALF },
    [HVx] = { FROM_VEC_VVVV, 16 },
    [WV] = { FROM_VEC_RM, SIZE_VECTOR }, [WVh] = { FROM_VEC_RM, SIZE_HALF },
    [WVx] = { FROM_VEC_RM, 16 }, [LV] = { FROM_VEC_IS4, SIZE_VECTOR, 1 },
    [KG] = { FROM_K_REG, 8 }, [KH] = { FROM_K_VVVV, 8 }, [KR] = { FROM_K_RM, 8 },
};

/* 16-bit addressing: r/m to base and index (SDM vol. 2, table 2-1). */
static const uint8_t base16[8] = { R_RBX, R_RBX, R_RBP, R_RBP, R_RSI, R_RDI, R_RBP, R_RBX };
static const uint8_t index16[8] = { R_RSI, R_RDI, R_RSI, R_RDI, R_ZERO, R_ZERO, R_ZERO, R_ZERO };
/* clang-format on */

static int64_t take_signed(struct decoder *d, unsigned n)
{
    unsigned shift = 64 - n * 8;

    return (int64_t)(decode_take(d, n) << shift) >> shift;
}

static uint8_t size_by_mode(const struct decoder *d, uint8_t size)
{
    const struct insn *i = d->i;

    switch (size) {
    case SIZE_Y:
        return i->rex & 8 ? 8 : 4;
    case SIZE_Z:
        return i->opsize == 2 ? 2 : 4;
    case SIZE_MODE:
        return d->code64 ? 8 : 4;
    case SIZE_VECTOR:
        return (uint8_t)avx_length(i);
    case SIZE_HALF:
        return (uint8_t)MAX(avx_length(i) / 2, 16u);
    default:
        return size;
    }
}

static inline uint8_t size_of(const struct decoder *d, uint8_t size)
{
    return size < SIZE_V ? size : size == SIZE_V ? d->i->opsize : size_by_mode(d, size);
}

/* VSIB: the index is a vector, which goes with the memory operand; V' is its bit 4. */
static void take_vector_index(struct decoder *d, unsigned index)
{
    struct insn *i = d->i;

    d->rm_high = (uint8_t)index;
    if (i->imm2 & EVEX_IS) {
        d->rm_high |= i->vvvv & 16;
        i->vvvv &= 15;
    }
    i->index = R_ZERO;
}

/* The memory operand of ModRM. */
static void take_address(struct decoder *d)
{
    struct insn *i = d->i;
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7, disp = mod == 1 ? 1 : 0;
    bool stack = false;

    i->base = i->index = R_ZERO;
    if (i->addrsize == 2) {
        i->base = base16[rm];
        i->index = index16[rm];
        disp = mod == 2 ? 2 : disp;
        if (mod == 0 && rm == 6) {
            i->base = R_ZERO;
            disp = 2;
        }
        stack = i->base == R_RBP;
    } else {
        disp = mod == 2 ? 4 : disp;
        if (rm == 4) {
            uint8_t sib = (uint8_t)decode_take(d, 1);
            unsigned index = (sib >> 3 & 7) | (i->rex & 2 ? 8 : 0);

            i->scale = sib >> 6;
            i->index = index == 4 ? R_ZERO : (uint8_t)index;
            if (d->avx && (avx_row(i)->flags & AVX_VSIB)) {
                take_vector_index(d, index);
            }
            i->base = (sib & 7) | (i->rex & 1 ? 8 : 0);
            if ((sib & 7) == 5 && mod == 0) {
                i->base = R_ZERO;
                disp = 4;
            }
        } else if (rm == 5 && mod == 0) {
            i->base = d->code64 ? R_RIP : R_ZERO;
            disp = 4;
        } else {
            i->base = (uint8_t)(rm | (i->rex & 1 ? 8 : 0));
        }
        stack = i->base == R_RSP || i->base == R_RBP;
    }
    i->disp = disp ? take_signed(d, disp) : 0;
    if (disp == 1 && d->avx) {
        i->disp *= avx_disp8_scale(i);
    }
    if (stack && !(i->prefixes & PREFIX_SEG)) {
        i->seg = SEG_SS;
    }
}

/* A byte register: without REX numbers 4 to 7 are AH, CH, DH, BH. */
static void set_gpr(const struct decoder *d, struct insn_operand *op, unsigned reg, unsigned size)
{
    op->size = (uint8_t)size;
    op->kind = OPND_REG;
    op->reg = (uint8_t)reg;
    if (size == 1 && !d->i->rex && reg >= 4) {
        op->kind = OPND_REG8H;
        op->reg = (uint8_t)(reg - 4);
    }
}

static void set_rm(struct decoder *d, struct insn_operand *op, enum operand_kind reg_kind,
                   bool extend)
{
    struct insn *i = d->i;

    if (i->modrm < 0xc0) {
        op->kind = OPND_MEM;
    } else {
        op->kind = (uint8_t)reg_kind;
        op->reg = (i->modrm & 7) | (extend && (i->rex & 1) ? 8 : 0);
    }
}

/* Operands that are registers or memory. */
static void set_operand(struct decoder *d, struct insn_operand *op, const struct operand_spec *spec)
{
    struct insn *i = d->i;
    unsigned reg = decode_modrm_reg(d) | (i->rex & 4 ? 8 : 0),
             rm = (i->modrm & 7) | (i->rex & 1 ? 8 : 0);

    op->size = size_of(d, spec->size);
    switch (spec->from) {
    case FROM_RM:
        if (i->modrm < 0xc0) {
            op->kind = OPND_MEM;
        } else {
            set_gpr(d, op, rm, op->size);
        }
        break;
    case FROM_RM_REG:
        set_gpr(d, op, rm, op->size);
        break;
    case FROM_REG:
        d->ud |= d->reg_high != 0;
        set_gpr(d, op, reg, op->size);
        break;
    case FROM_VVVV:
        set_gpr(d, op, i->vvvv & (d->code64 ? 15 : 7), op->size);
        break;
    case FROM_OPCODE:
        set_gpr(d, op, (i->opcode & 7) | (i->rex & 1 ? 8 : 0), op->size);
        break;
    case FROM_GPR:
        *op = (struct insn_operand){ OPND_REG, spec->fixed, op->size };
        break;
    case FROM_MEM:
        op->kind = OPND_MEM;
        d->ud |= i->modrm >= 0xc0;
        break;
    case FROM_SREG:
        *op = (struct insn_operand){ OPND_SEG, (uint8_t)decode_modrm_reg(d), 2 };
        d->ud |= decode_modrm_reg(d) > SEG_GS;
        break;
    case FROM_SEG:
        *op = (struct insn_operand){ OPND_SEG, spec->fixed, 2 };
        break;
    case FROM_CR: /* those that are not there are refused before the privilege is looked at */
        *op = (struct insn_operand){ OPND_CR, (uint8_t)reg, op->size };
        d->ud |= reg > 8 || !(0x11d >> reg & 1);
        break;
    case FROM_DR:
        *op = (struct insn_operand){ OPND_DR, (uint8_t)reg, op->size };
        d->ud |= reg > 7;
        break;
    case FROM_ST:
        *op = (struct insn_operand){ OPND_ST, spec->fixed ? i->modrm & 7 : 0, 10 };
        break;
    case FROM_XMM_REG:
        *op = (struct insn_operand){ OPND_XMM, (uint8_t)reg, op->size };
        break;
    case FROM_XMM_ONLY:
        d->ud |= i->modrm < 0xc0;
        set_rm(d, op, OPND_XMM, true);
        break;
    case FROM_XMM_RM:
        set_rm(d, op, OPND_XMM, true);
        break;
    case FROM_VEC_REG:
        *op = (struct insn_operand){ OPND_VEC, (uint8_t)(reg | d->reg_high), op->size };
        break;
    case FROM_VEC_VVVV:
        *op = (struct insn_operand){ OPND_VEC, i->vvvv & (d->code64 ? 31 : 7), op->size };
        break;
    case FROM_VEC_RM:
        set_rm(d, op, OPND_VEC, true);
        op->reg |= d->rm_high;
        break;
    case FROM_K_REG: /* what is over 7 is refused */
        *op = (struct insn_operand){ OPND_K, (uint8_t)(reg | d->reg_high), 8 };
        break;
    case FROM_K_VVVV:
        *op = (struct insn_operand){ OPND_K, i->vvvv & (d->code64 ? 31 : 7), 8 };
        break;
    case FROM_K_RM:
        set_rm(d, op, OPND_K, false);
        break;
    case FROM_MMX_REG:
        *op = (struct insn_operand){ OPND_MMX, (uint8_t)decode_modrm_reg(d), op->size };
        break;
    case FROM_MMX_ONLY:
        d->ud |= i->modrm < 0xc0;
        set_rm(d, op, OPND_MMX, false);
        break;
    case FROM_MMX_RM:
        set_rm(d, op, OPND_MMX, false);
        break;
    default:
        break;
    }
}

/* Operands whose bytes follow the address: immediates, displacements, far pointers, moffs. */
static void take_immediate(struct decoder *d, struct insn_operand *op,
                           const struct operand_spec *spec, bool second)
{
    struct insn *i = d->i;

    op->size = size_of(d, spec->size);
    switch (spec->from) {
    case FROM_IMM:
        op->kind = OPND_IMM;
        if (second) {
            i->imm2 = (uint16_t)decode_take(d, size_of(d, spec->imm_bytes));
        } else {
            i->imm = (uint64_t)take_signed(d, size_of(d, spec->imm_bytes));
        }
        break;
    case FROM_VEC_IS4:
        i->imm = decode_take(d, 1);
        *op = (struct insn_operand){ OPND_VEC, i->imm >> 4 & (d->code64 ? 15 : 7), op->size };
        break;
    case FROM_ONE:
        op->kind = OPND_IMM;
        i->imm = 1;
        break;
    case FROM_REL:
        op->kind = OPND_IMM;
        i->imm = (uint64_t)take_signed(d, size_of(d, spec->imm_bytes));
        break;
    case FROM_FAR:
        op->kind = OPND_IMM;
        i->imm = decode_take(d, i->opsize == 2 ? 2 : 4);
        i->imm2 = (uint16_t)decode_take(d, 2);
        break;
    case FROM_MOFFS:
        op->kind = OPND_MEM;
        i->base = i->index = R_ZERO;
        i->disp = (int64_t)decode_take(d, i->addrsize);
        break;
    default:
        break;
    }
}

/* Operands for which there need be no ModRM byte. */
#define NO_MODRM                                                                                   \
    (1ull << FROM_NONE | 1ull << FROM_VVVV | 1ull << FROM_VEC_VVVV | 1ull << FROM_VEC_IS4 |        \
     1ull << FROM_K_VVVV | 1ull << FROM_IMM | 1ull << FROM_REL | 1ull << FROM_FAR |                \
     1ull << FROM_MOFFS | 1ull << FROM_OPCODE | 1ull << FROM_GPR | 1ull << FROM_SEG |              \
     1ull << FROM_ONE | 1ull << FROM_IMPLICIT)
/* Those whose bytes follow the address. */
#define FOLLOWING                                                                                  \
    (1ull << FROM_IMM | 1ull << FROM_VEC_IS4 | 1ull << FROM_ONE | 1ull << FROM_REL |               \
     1ull << FROM_FAR | 1ull << FROM_MOFFS)

void decode_operands(struct decoder *d, const struct insn_row *row)
{
    const struct operand_spec *spec[4];
    struct insn *i = d->i;
    bool imm_taken = false;
    uint64_t from = 0;

    for (unsigned n = 0; n < 4; n++) {
        spec[n] = &operand_specs[row->operands[n]];
        from |= 1ull << spec[n]->from;
    }
    if (d->have_modrm || (row->flags & ROW_MODRM) || (from & ~NO_MODRM)) {
        decode_take_modrm(d);
        /* MOV to and from CR and DR: the r/m field is a register whatever mod says. */
        if (i->modrm < 0xc0 && !(from & (1ull << FROM_CR | 1ull << FROM_DR))) {
            take_address(d);
            d->ud |= !!(row->flags & ROW_REG_ONLY);
        } else {
            d->ud |= !!(row->flags & ROW_MEM_ONLY);
        }
    }
    for (unsigned n = 0; n < 4 && spec[n]->from != FROM_NONE; n++) {
        set_operand(d, &i->op[n], spec[n]);
        if (d->avx && i->op[n].kind == OPND_MEM) {
            i->op[n].size = (uint8_t)avx_memory_size(i);
        }
    }
    for (unsigned n = 0; n < 4 && (from & FOLLOWING); n++) {
        if (i->op[n].kind == OPND_NONE && spec[n]->from != FROM_NONE) {
            take_immediate(d, &i->op[n], spec[n], imm_taken);
        }
        imm_taken |= spec[n]->from == FROM_IMM;
    }
    i->size = i->op[0].size ? i->op[0].size : i->opsize;
}

bool decode_uses_vvvv(const struct insn_row *row)
{
    for (unsigned n = 0; n < 4; n++) {
        switch (operand_specs[row->operands[n]].from) {
        case FROM_VVVV:
        case FROM_VEC_VVVV:
        case FROM_K_VVVV:
            return true;
        default:
            break;
        }
    }
    return false;
}
