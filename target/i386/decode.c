/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/decode.c: bytes to `struct insn`, by the tables.
 *
 * Prefixes, opcode, ModRM, SIB, displacement, immediates, in this order (SDM vol. 2, ch. 2); what
 * follows the opcode is decode_operands.c's.
 * Pure: reads cpu->code_size, code64 and the feature words only.  Thread: any.
 */
#include "target/i386/avx.h"
#include "target/i386/decode_internal.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define MAX_INSN_BYTES 15

/* Consumes prefixes; leaves pos at the opcode. */
static void take_prefixes(struct decoder *d)
{
    struct insn *i = d->i;

    for (;;) {
        uint8_t b = (uint8_t)decode_take(d, 1);

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
    uint8_t b = (uint8_t)decode_take(d, 1), map = 1, op;
    unsigned rxb = b & 0x80 ? 0 : 4;
    const struct insn_row *row = NULL;

    if (first == 0xc4) {
        rxb |= (b & 0x40 ? 0 : 2) | (b & 0x20 ? 0 : 1);
        map = b & 0x1f;
        b = (uint8_t)decode_take(d, 1);
    }
    set_vex_bits(d, rxb, first == 0xc4 && (b & 0x80), ~b >> 3 & 15);
    i->vex_l = b >> 2 & 1;
    d->mandatory = b & 3;
    op = i->opcode = (uint8_t)decode_take(d, 1);
    i->vex = (uint8_t)(map << 2 | d->mandatory);
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
    uint8_t p0 = (uint8_t)decode_take(d, 1), p1 = (uint8_t)decode_take(d, 1),
            p2 = (uint8_t)decode_take(d, 1);
    uint8_t op = (uint8_t)decode_take(d, 1);

    d->ud |= (p0 & 8) || !(p1 & 4) || (!d->code64 && !(p2 & 8)); /* V' has no use in 32-bit code */
    d->reg_high = p0 & 0x10 ? 0 : 16;
    d->rm_high = p0 & 0x40 ? 0 : 16;
    i->imm2 = EVEX_IS | (p2 & (EVEX_AAA | EVEX_B)) | (p2 & 0x80 ? EVEX_Z : 0);
    set_vex_bits(d, ~p0 >> 5 & 7, p1 & 0x80, (~p1 >> 3 & 15) | (p2 & 8 ? 0 : 16));
    i->vex_l = p2 >> 5 & 3;
    d->mandatory = p1 & 3;
    i->opcode = op;
    i->vex = (uint8_t)((p0 & 7) << 2 | d->mandatory);
    d->avx = avx_rows_of(true, p0 & 7, op, d->mandatory, &d->n_avx);
    return NULL;
}

/* Among the rows of a VEX or EVEX opcode the one that ModRM, W and L choose. */
static const struct insn_row *refine_avx(struct decoder *d)
{
    const struct avx_row *r;

    if (!(d->avx->flags & AVX_NO_MODRM)) {
        decode_take_modrm(d);
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
    uint8_t op = (uint8_t)decode_take(d, 1);
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
    op = i->opcode = (uint8_t)decode_take(d, 1);
    i->map = op == 0x38 ? MAP_0F38 : op == 0x3a ? MAP_0F3A : MAP_0F;
    if (op == 0x38 || op == 0x3a) {
        uint8_t third = i->opcode = (uint8_t)decode_take(d, 1);

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
        decode_take_modrm(d);
        switch (row->sub_kind) {
        case SUB_REG:
            row = &row->sub[decode_modrm_reg(d)];
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
    if (d->vex && i->vvvv && !decode_uses_vvvv(row)) {
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

x86_exec_fn *insn_row_exec(const struct insn_row *row)
{
    bool checks = row->flags & (ROW_PROT | ROW_CPL0 | ROW_SSE | ROW_MMX | ROW_X87 | ROW_X87_WAIT);

    return checks ? x_checked : row->exec;
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
        decode_operands(&d, row);
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
    out->exec = insn_row_exec(row);
    return DECODE_OK;
}
