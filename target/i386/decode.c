/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/decode.c: bytes to `struct insn`, by the tables.
 *
 * Prefixes, opcode, ModRM, SIB, displacement, immediates, in this order (SDM vol. 2, ch. 2).  What
 * each operand code takes from them is a row of `operand_specs`.
 * Pure: reads cpu->code_size, code64 and the feature words only.  Thread: any.
 */
#include "target/i386/avx.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define MAX_INSN_BYTES 15

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

static uint64_t take(struct decoder *d, unsigned n)
{
    uint64_t v = 0;

    if (d->pos + n > d->avail) {
        d->truncated = true;
        d->pos += n;
        return 0;
    }
    for (unsigned k = 0; k < n; k++) {
        v |= (uint64_t)d->bytes[d->pos + k] << (8 * k);
    }
    d->pos += n;
    return v;
}

static int64_t take_signed(struct decoder *d, unsigned n)
{
    unsigned shift = 64 - n * 8;

    return (int64_t)(take(d, n) << shift) >> shift;
}

/* Consumes prefixes; leaves pos at the opcode. */
static void take_prefixes(struct decoder *d)
{
    struct insn *i = d->i;

    for (;;) {
        uint8_t b = (uint8_t)take(d, 1);

        if (d->truncated || d->pos > MAX_INSN_BYTES) {
            return;
        }
        if (d->code64 && (b & 0xf0) == 0x40) {
            i->rex = b;
            continue;
        }
        switch (b) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            /* 64-bit code: ignored, and an earlier FS or GS stays. */
            if (!d->code64) {
                i->seg = b >> 3 & 3;
                i->prefixes |= PREFIX_SEG;
            }
            break;
        case 0x64:
        case 0x65:
            i->seg = b & 7;
            i->prefixes |= PREFIX_SEG;
            break;
        case 0x66:
            i->prefixes |= PREFIX_66;
            break;
        case 0x67:
            i->prefixes |= PREFIX_67;
            break;
        case 0xf0:
            i->prefixes |= PREFIX_LOCK;
            break;
        case 0xf2:
            i->prefixes = (i->prefixes & ~PREFIX_REP) | PREFIX_REPNE;
            break;
        case 0xf3:
            i->prefixes = (i->prefixes & ~PREFIX_REPNE) | PREFIX_REP;
            break;
        default:
            d->pos--;
            return;
        }
        i->rex = 0; /* only a REX right before the opcode counts */
    }
}

static void take_modrm(struct decoder *d)
{
    if (!d->have_modrm) {
        d->i->modrm = (uint8_t)take(d, 1);
        d->have_modrm = true;
    }
}

static unsigned modrm_reg(const struct decoder *d)
{
    return d->i->modrm >> 3 & 7;
}

/* Registers that VEX and EVEX add; outside 64-bit code there are none. */
static void set_vex_bits(struct decoder *d, unsigned rxb, bool w, unsigned vvvv)
{
    struct insn *i = d->i;

    if (i->rex || (i->prefixes & (PREFIX_LOCK | PREFIX_REP | PREFIX_REPNE | PREFIX_66))) {
        d->ud = true;
    }
    i->imm2 |= w ? VEX_W : 0;
    if (d->code64) {
        i->rex = (uint8_t)(0x40 | rxb | (w ? 8 : 0));
    } else {
        i->rex = d->reg_high = d->rm_high = 0;
    }
    i->vvvv = (uint8_t)vvvv;
    d->vex = true;
    i->map = MAP_VEX;
}

/* C4 and C5, after the byte itself: bits, map, prefix.  A row of BMI, or those of `avx`. */
static const struct insn_row *take_vex(struct decoder *d, uint8_t first)
{
    struct insn *i = d->i;
    uint8_t b = (uint8_t)take(d, 1), map = 1, op;
    unsigned rxb = b & 0x80 ? 0 : 4;
    const struct insn_row *row = NULL;

    if (first == 0xc4) {
        rxb |= (b & 0x40 ? 0 : 2) | (b & 0x20 ? 0 : 1);
        map = b & 0x1f;
        b = (uint8_t)take(d, 1);
    }
    set_vex_bits(d, rxb, first == 0xc4 && (b & 0x80), ~b >> 3 & 15);
    i->vex_l = b >> 2 & 1;
    d->mandatory = b & 3;
    op = i->opcode = (uint8_t)take(d, 1);
    if (map == 2) {
        row = &table_vex_0f38[op][d->mandatory];
    } else if (map == 3) {
        row = &table_vex_0f3a[op][d->mandatory];
    }
    if (row && (row->mnemonic || row->sub)) {
        i->imm2 = 0;
        return row;
    }
    d->avx = avx_rows_of(false, map, op, d->mandatory, &d->n_avx);
    return NULL;
}

/* 62: P0 R X B R' 0 map; P1 W vvvv 1 pp; P2 z L'L b V' aaa (SDM vol. 2, 2.7.1). */
static const struct insn_row *take_evex(struct decoder *d)
{
    struct insn *i = d->i;
    uint8_t p0 = (uint8_t)take(d, 1), p1 = (uint8_t)take(d, 1), p2 = (uint8_t)take(d, 1);
    uint8_t op = (uint8_t)take(d, 1);

    d->ud |= (p0 & 8) || !(p1 & 4);
    d->reg_high = p0 & 0x10 ? 0 : 16;
    d->rm_high = p0 & 0x40 ? 0 : 16;
    i->imm2 = EVEX_IS | (p2 & (EVEX_AAA | EVEX_B)) | (p2 & 0x80 ? EVEX_Z : 0);
    set_vex_bits(d, ~p0 >> 5 & 7, p1 & 0x80, (~p1 >> 3 & 15) | (p2 & 8 ? 0 : 16));
    i->vex_l = p2 >> 5 & 3;
    d->mandatory = p1 & 3;
    i->opcode = op;
    d->avx = avx_rows_of(true, p0 & 7, op, d->mandatory, &d->n_avx);
    return NULL;
}

/* Among the rows of a VEX or EVEX opcode the one that ModRM, W and L choose. */
static const struct insn_row *refine_avx(struct decoder *d)
{
    const struct avx_row *r;

    if (!(d->avx->flags & AVX_NO_MODRM)) {
        take_modrm(d);
    }
    r = avx_row_select(d->avx, d->n_avx, d->i, d->code64);
    d->i->row = r ? &r->insn : NULL;
    return d->i->row;
}

static bool row_empty(const struct insn_row *row)
{
    return !row->mnemonic && !row->sub;
}

/* The opcode bytes, to the first row. */
static const struct insn_row *take_opcode(struct decoder *d)
{
    struct insn *i = d->i;
    uint8_t op = (uint8_t)take(d, 1);
    uint8_t next = d->pos < d->avail ? d->bytes[d->pos] : 0;

    d->mandatory = i->prefixes & PREFIX_REPNE ? 3
                   : i->prefixes & PREFIX_REP ? 2
                   : i->prefixes & PREFIX_66  ? 1
                                              : 0;
    i->opcode = op;
    if (op == 0xc4 || op == 0xc5) {
        if (!d->code64 && d->pos >= d->avail) {
            d->truncated = true;
        }
        /* Elsewhere these are LES and LDS, whose operand is memory; VEX is not for VM86 and real mode. */
        if (d->code64 || ((next & 0xc0) == 0xc0 && d->cpu->protected_mode && !d->cpu->vm86)) {
            return take_vex(d, op);
        }
    }
    if (op == 0x62) {
        if (!d->code64 && d->pos >= d->avail) {
            d->truncated = true;
        }
        if (d->code64 || ((next & 0xc0) == 0xc0 && d->cpu->protected_mode && !d->cpu->vm86)) {
            return take_evex(d);
        }
    }
    if (op != 0x0f) {
        return &table_1[op];
    }
    op = i->opcode = (uint8_t)take(d, 1);
    i->map = op == 0x38 ? MAP_0F38 : op == 0x3a ? MAP_0F3A : MAP_0F;
    if (op == 0x38 || op == 0x3a) {
        uint8_t third = i->opcode = (uint8_t)take(d, 1);

        return op == 0x38 ? &table_0f38[third][d->mandatory] : &table_0f3a[third][d->mandatory];
    }
    return row_empty(&table_0f[op]) ? &table_0f_vec[op][d->mandatory] : &table_0f[op];
}

static const struct insn_row *refine(struct decoder *d, const struct insn_row *row)
{
    while (row && row->sub && !d->truncated) {
        if (row->sub_kind == SUB_PREFIX) {
            row = &row->sub[d->mandatory];
            continue;
        }
        take_modrm(d);
        switch (row->sub_kind) {
        case SUB_REG:
            row = &row->sub[modrm_reg(d)];
            break;
        case SUB_MOD:
            row = &row->sub[d->i->modrm >= 0xc0];
            break;
        case SUB_RM:
            row = &row->sub[d->i->modrm & 7];
            break;
        default: /* SUB_MODRM6 */
            row = &row->sub[d->i->modrm & 0x3f];
        }
    }
    return row && row->mnemonic ? row : NULL;
}

static void set_sizes(struct decoder *d, uint32_t flags)
{
    struct insn *i = d->i;
    bool small = i->prefixes & PREFIX_66;

    if (d->code64) {
        bool wide = i->rex & 8;

        i->opsize = wide ? 8 : small ? 2 : 4;
        if (flags & ROW_F64) {
            i->opsize = 8;
        } else if ((flags & ROW_D64) && !small) {
            i->opsize = 8;
        } else if ((flags & ROW_OPSIZE32) && !wide) {
            i->opsize = 4;
        }
        if ((flags & ROW_IO) && i->opsize == 8) {
            i->opsize = 4;
        }
        i->addrsize = i->prefixes & PREFIX_67 ? 4 : 8;
    } else {
        i->opsize = (d->cpu->code_size == 2) != small ? 2 : 4;
        if (flags & ROW_OPSIZE32) {
            i->opsize = 4;
        }
        i->addrsize = (d->cpu->code_size == 2) != !!(i->prefixes & PREFIX_67) ? 2 : 4;
    }
}

static uint8_t size_of(const struct decoder *d, uint8_t size)
{
    const struct insn *i = d->i;

    switch (size) {
    case SIZE_V:
        return i->opsize;
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
            uint8_t sib = (uint8_t)take(d, 1);
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
    unsigned reg = modrm_reg(d) | (i->rex & 4 ? 8 : 0), rm = (i->modrm & 7) | (i->rex & 1 ? 8 : 0);

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
        *op = (struct insn_operand){ OPND_SEG, (uint8_t)modrm_reg(d), 2 };
        d->ud |= modrm_reg(d) > SEG_GS;
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
        *op = (struct insn_operand){ OPND_MMX, (uint8_t)modrm_reg(d), op->size };
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
            i->imm2 = (uint16_t)take(d, size_of(d, spec->imm_bytes));
        } else {
            i->imm = (uint64_t)take_signed(d, size_of(d, spec->imm_bytes));
        }
        break;
    case FROM_VEC_IS4:
        i->imm = take(d, 1);
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
        i->imm = take(d, i->opsize == 2 ? 2 : 4);
        i->imm2 = (uint16_t)take(d, 2);
        break;
    case FROM_MOFFS:
        op->kind = OPND_MEM;
        i->base = i->index = R_ZERO;
        i->disp = (int64_t)take(d, i->addrsize);
        break;
    default:
        break;
    }
}

static bool spec_uses_modrm(const struct operand_spec *spec)
{
    switch (spec->from) {
    case FROM_NONE:
    case FROM_VVVV:
    case FROM_VEC_VVVV:
    case FROM_VEC_IS4:
    case FROM_K_VVVV:
    case FROM_IMM:
    case FROM_REL:
    case FROM_FAR:
    case FROM_MOFFS:
    case FROM_OPCODE:
    case FROM_GPR:
    case FROM_SEG:
    case FROM_ONE:
    case FROM_IMPLICIT:
        return false;
    default:
        return true;
    }
}

static void take_operands(struct decoder *d, const struct insn_row *row)
{
    struct insn *i = d->i;
    bool imm_taken = false, uses_modrm = d->have_modrm || (row->flags & ROW_MODRM);

    for (unsigned n = 0; n < 4; n++) {
        uses_modrm |= spec_uses_modrm(&operand_specs[row->operands[n]]);
    }
    if (uses_modrm) {
        take_modrm(d);
        /* MOV to and from CR and DR: the r/m field is a register whatever mod says. */
        if (i->modrm < 0xc0 && row->operands[0] != Cy && row->operands[1] != Cy &&
            row->operands[0] != Dy && row->operands[1] != Dy) {
            take_address(d);
            d->ud |= !!(row->flags & ROW_REG_ONLY);
        } else {
            d->ud |= !!(row->flags & ROW_MEM_ONLY);
        }
    }
    for (unsigned n = 0; n < 4; n++) {
        const struct operand_spec *spec = &operand_specs[row->operands[n]];

        set_operand(d, &i->op[n], spec);
        if (d->avx && i->op[n].kind == OPND_MEM) {
            i->op[n].size = (uint8_t)avx_memory_size(i);
        }
    }
    for (unsigned n = 0; n < 4; n++) {
        const struct operand_spec *spec = &operand_specs[row->operands[n]];

        take_immediate(d, &i->op[n], spec, imm_taken);
        imm_taken |= spec->from == FROM_IMM;
    }
    i->size = i->op[0].size ? i->op[0].size : i->opsize;
}

static bool uses_vvvv(const struct insn_row *row)
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

/* Forms that the row's flags or the CPU model refuse. */
static bool refused(const struct decoder *d, const struct insn_row *row)
{
    const struct insn *i = d->i;

    if ((row->flags & ROW_I64) && d->code64) {
        return true;
    }
    if ((row->flags & ROW_O64) && !d->code64) {
        return true;
    }
    if (!cpu_has(d->cpu, row->feature)) {
        return true;
    }
    if ((i->prefixes & PREFIX_LOCK) && !((row->flags & ROW_LOCK) && i->op[0].kind == OPND_MEM)) {
        return true;
    }
    if (d->vex && i->vvvv && !uses_vvvv(row)) {
        return true; /* vvvv is stored complemented: 1111 stands for none */
    }
    if (d->avx) {
        return avx_refused(d->cpu, i, d->code64);
    }
    return (row->flags & ROW_VEX_L0) && i->vex_l;
}

/* What a row asks of mode and privilege at the time it runs. */
static void x_checked(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t flags = i->row->flags;

    if ((flags & ROW_PROT) && (!cpu->protected_mode || cpu->vm86)) {
        raise_ud(cpu);
    }
    if ((flags & ROW_CPL0) && cpu->cpl != 0) {
        raise_gp0(cpu);
    }
    if (flags & ROW_SSE) {
        check_sse(cpu);
    }
    if (flags & ROW_MMX) {
        check_mmx(cpu);
    }
    if (flags & (ROW_X87 | ROW_X87_WAIT)) {
        check_x87(cpu, flags & ROW_X87_WAIT);
    }
    i->row->exec(cpu, i);
    if (flags & ROW_MMX) {
        mmx_executed(cpu, flags & ROW_EMPTIES);
    }
}

static void x_too_long(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    raise_gp0(cpu);
}

/* clang-format off */
static const struct insn_row row_invalid = {
    .mnemonic = "(invalid)", .feature = X86_BASE, .exec = x_ud, .flags = ROW_ENDS };
static const struct insn_row row_too_long = {
    .mnemonic = "(too long)", .feature = X86_BASE, .exec = x_too_long, .flags = ROW_ENDS };
/* clang-format on */

static enum decode_result decode_refused(struct decoder *d, const struct insn_row *row,
                                         enum decode_result result)
{
    d->i->row = row;
    d->i->exec = row->exec;
    d->i->len = (uint8_t)CLAMP(d->pos, 1, MAX_INSN_BYTES);
    return result;
}

enum decode_result insn_decode(const struct x86_cpu *cpu, const uint8_t *bytes, unsigned avail,
                               struct insn *out)
{
    struct decoder d = {
        .cpu = cpu, .bytes = bytes, .avail = avail, .code64 = cpu->code_size == 8, .i = out
    };
    const struct insn_row *row;

    *out = (struct insn){ .seg = SEG_DS, .base = R_ZERO, .index = R_ZERO };
    take_prefixes(&d);
    row = d.truncated || d.pos > MAX_INSN_BYTES ? NULL : refine(&d, take_opcode(&d));
    if (d.avx && !d.truncated) {
        row = refine_avx(&d);
    }
    if (row && !d.truncated) {
        set_sizes(&d, row->flags);
        take_operands(&d, row);
    }
    if (d.pos > MAX_INSN_BYTES) {
        return decode_refused(&d, &row_too_long, DECODE_TOO_LONG);
    }
    if (d.truncated) {
        return DECODE_TRUNCATED;
    }
    if (!row || d.ud || refused(&d, row)) {
        return decode_refused(&d, &row_invalid, DECODE_UD);
    }
    out->row = row;
    out->len = (uint8_t)d.pos;
    out->exec = row->exec;
    if (row->flags & (ROW_PROT | ROW_CPL0 | ROW_SSE | ROW_MMX | ROW_X87 | ROW_X87_WAIT)) {
        out->exec = x_checked;
    }
    return DECODE_OK;
}
