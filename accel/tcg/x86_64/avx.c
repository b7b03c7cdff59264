/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/avx.c: VEX and EVEX instructions as they stand, by the operand codes of their rows:
 * vector and mask registers keep their numbers, general registers are renamed.
 *
 * A masked access of memory is checked as a whole; if that fails the interpreter looks at the mask.
 * Gathers and scatters are the interpreter's.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/avx.h"
#include "target/i386/vec_rows.h"

/* Which operand is in which field; -1: none. */
struct fields {
    int reg, vvvv, rm;
    bool imm;
    uint8_t imm_mask; /* outside 64-bit code */
};

static bool find_fields(const struct insn *i, struct fields *f)
{
    *f = (struct fields){ -1, -1, -1, false, 0xff };
    for (int n = 0; n < 4; n++) {
        switch (i->row->operands[n]) {
        case VV:
        case VVh:
        case VVx:
        case Vx:
        case KG:
        case Gy:
        case Gd:
            f->reg = n;
            break;
        case HV:
        case HVh:
        case HVx:
        case KH:
        case By:
            f->vvvv = n;
            break;
        case WV:
        case WVh:
        case WVx:
        case Wx:
        case KR:
        case Ey:
        case Ed:
            f->rm = n;
            break;
        case LV:
            f->imm_mask = 0x7f; /* a register, of which 32-bit code has 8 */
            f->imm = true;
            break;
        case Ib:
            f->imm = true;
            break;
        case OP_NONE:
            break;
        default:
            return false;
        }
    }
    return f->rm >= 0;
}

/* A row of avx.h, rather than one of BMI. */
static bool is_avx(const struct insn *i)
{
    uintptr_t row = (uintptr_t)i->row;

    return row - (uintptr_t)vex_rows < n_vex_rows * sizeof(struct avx_row) ||
           row - (uintptr_t)evex_rows < n_evex_rows * sizeof(struct avx_row);
}

static bool host_runs(const struct trans *x, const struct insn *i)
{
    unsigned longer = is_avx(i) && i->vex_l ? avx_row(i)->long_feature : 0;

    return host_has(x->k, i->row->feature) && (!longer || host_has(x->k, longer));
}

static bool without_operands(const struct insn *i)
{
    return i->row->exec == x_vzero || i->row->exec == x_avx_ldmxcsr ||
           i->row->exec == x_avx_stmxcsr;
}

enum vector_level vex_level(const struct trans *x, const struct insn *i)
{
    enum vector_level level;
    struct fields f;

    if (!is_avx(i) || !host_runs(x, i) || (avx_row(i)->flags & AVX_VSIB) ||
        (!without_operands(i) && !find_fields(i, &f))) {
        return VECTORS_NONE;
    }
    level = (i->imm2 & EVEX_IS) || (avx_row(i)->flags & AVX_OPMASK) ? VECTORS_AVX512 : VECTORS_AVX;
    return level <= x->k->host_level ? level : VECTORS_NONE;
}

bool vex_masked(const struct insn *i)
{
    x86_exec_fn *fn = i->row->exec;

    return i->map == MAP_VEX && is_avx(i) &&
           (fn == x_avx_maskmov_load || fn == x_avx_maskmov_store ||
            ((i->imm2 & EVEX_AAA) && !(avx_row(i)->flags & AVX_FULL)));
}

int vex_access(const struct trans *x, const struct insn *i, bool *write)
{
    struct fields f;

    if (i->row->exec == x_avx_ldmxcsr || i->row->exec == x_avx_stmxcsr) {
        *write = i->row->exec == x_avx_stmxcsr;
        return 0;
    }
    if (!host_runs(x, i) || !find_fields(i, &f) || i->op[f.rm].kind != OPND_MEM ||
        (is_avx(i) && vex_level(x, i) == VECTORS_NONE) || vex_masked(i)) {
        return -1;
    }
    *write = f.rm == 0 && is_avx(i) && !(avx_row(i)->flags & AVX_CONST);
    return f.rm;
}

unsigned vex_alignment(const struct insn *i, unsigned size)
{
    return is_avx(i) && (avx_row(i)->flags & AVX_ALIGNED) ? size : 0;
}

/* 32-bit code has 8 registers: the upper bit of vvvv counts for nothing. */
static struct emit_vex form_of(const struct trans *x, const struct insn *i)
{
    bool avx = is_avx(i);

    return (struct emit_vex){
        .map = i->vex >> 2,
        .prefix = i->vex & 3,
        .length = i->vex_l,
        .vvvv = x->word == 8 ? i->vvvv : i->vvvv & 7,
        .mask = avx ? i->imm2 & EVEX_AAA : 0,
        .w = avx && avx_row(i)->w != W_IGNORED ? avx_row(i)->w == W1 : (i->rex & 8) != 0,
        .evex = avx && (i->imm2 & EVEX_IS),
        .zero = avx && (i->imm2 & EVEX_Z),
        .broadcast = avx && (i->imm2 & EVEX_B),
        .scale = (uint8_t)(avx ? avx_disp8_scale(i) : 1),
    };
}

/* In 32-bit code the registers from 8 on stay: vmovaps or vxorps of each of the others. */
static void emit_vzero(struct trans *x, unsigned n)
{
    bool all = x->b->insn[n].vex_l;

    need_vectors(x, n);
    if (x->word != 8) {
        for (unsigned r = 0; r < 8; r++) {
            emit8(x->e, 0xc5);
            emit8(x->e, all ? 0x80 | (~r & 15) << 3 : 0xf8);
            emit8(x->e, all ? 0x57 : 0x28);
            emit8(x->e, 0xc0 | r << 3 | r);
        }
        return;
    }
    emit8(x->e, 0xc5);
    emit8(x->e, all ? 0xfc : 0xf8);
    emit8(x->e, 0x77);
}

static bool emit_avx(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    const struct avx_row *r = avx_row(i);
    struct emit_vex form = form_of(x, i);
    struct emit_rm operand;
    struct fields f;
    unsigned field;
    bool kept = keeps_comparison(x, n);

    if (!find_fields(i, &f)) {
        return false;
    }
    need_vectors(x, n);
    if (i->op[f.rm].kind == OPND_MEM) {
        operand = mem_begin(x, n, &i->op[f.rm], f.rm == 0 && !(r->flags & AVX_CONST));
        if (vex_alignment(i, i->op[f.rm].size)) {
            decline_unaligned(x, operand, i->op[f.rm].size);
        }
        if (kept) {
            operand = begin_comparison(x, n, operand);
        }
    }
    flags_before(x, i, n);
    if (i->op[f.rm].kind == OPND_REG) {
        operand = rm_reg(in_register(x, i->op[f.rm].reg, H_R13));
    } else if (i->op[f.rm].kind != OPND_MEM) {
        operand = rm_reg(i->op[f.rm].reg);
    }
    field = f.reg < 0                       ? i->modrm >> 3 & 7u
            : i->op[f.reg].kind == OPND_REG ? in_register(x, i->op[f.reg].reg, H_R14)
                                            : i->op[f.reg].reg;
    emit_vex_insn(x->e, &form, i->opcode, field, operand);
    if (f.imm) {
        emit8(x->e, i->imm & (x->word == 8 ? 0xff : f.imm_mask));
    }
    if (f.rm == 0) {
        field_write_back(x, &i->op[0], H_R13);
    } else if (f.reg == 0) {
        field_write_back(x, &i->op[0], H_R14);
    }
    flags_after(x, i);
    if (kept) {
        end_comparison(x, n, field, operand);
    }
    mem_end(x);
    return true;
}

/* MULX writes two registers.  The operand may take all scratch registers but one: RAX is lent. */
static void emit_mulx(struct trans *x, const struct insn *i, struct emit_vex form,
                      struct emit_rm operand)
{
    const struct emit_rm lent = rm_cpu(offsetof(struct x86_cpu, branch_target));
    int high = host_of(x, i->op[0].reg), low = host_of(x, i->op[1].reg);
    bool lend = high < 0 && low < 0;

    form.vvvv = (uint8_t)(lend ? H_RAX : low < 0 ? H_R14 : low);
    if (lend) {
        emit_store(x->e, H_RAX, lent);
    }
    emit_vex_insn(x->e, &form, i->opcode, high < 0 ? H_R14 : (unsigned)high, operand);
    field_write_back(x, &i->op[1], form.vvvv);
    field_write_back(x, &i->op[0], H_R14);
    if (lend) {
        emit_load(x->e, H_RAX, lent);
    }
}

/*
 * BMI.  ModRM.r/m is only read; of the others the first operand is only written, so that it may share a
 * scratch register with one that is read.
 */
static bool emit_bmi(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    struct emit_vex form = form_of(x, i);
    struct emit_rm operand;
    struct fields f;

    if (!host_runs(x, i) || !find_fields(i, &f)) {
        return false;
    }
    if (i->op[f.rm].kind == OPND_MEM) {
        operand = mem_begin(x, n, &i->op[f.rm], false);
    }
    flags_before(x, i, n);
    if (i->op[f.rm].kind != OPND_MEM) {
        operand = register_operand(x, i->op[f.rm].reg);
    }
    if (i->row->exec == x_mulx) {
        emit_mulx(x, i, form, operand);
        mem_end(x);
        return true;
    }
    if (f.vvvv >= 0) {
        int h = host_of(x, i->op[f.vvvv].reg);

        form.vvvv = (uint8_t)(h >= 0 ? (unsigned)h : H_R14);
        if (f.vvvv != 0) {
            in_register(x, i->op[f.vvvv].reg, H_R14);
        }
    }
    if (f.reg >= 0) {
        int h = host_of(x, i->op[f.reg].reg);

        emit_vex_insn(x->e, &form, i->opcode, h >= 0 ? (unsigned)h : H_R14, operand);
    } else {
        emit_vex_insn(x->e, &form, i->opcode, i->modrm >> 3 & 7, operand);
    }
    if (f.imm) {
        emit8(x->e, i->imm & 0xff);
    }
    field_write_back(x, &i->op[0], H_R14);
    flags_after(x, i);
    mem_end(x);
    return true;
}

bool emit_vex(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];

    if (!is_avx(i)) {
        return emit_bmi(x, n);
    }
    if (vex_level(x, i) == VECTORS_NONE) {
        return false;
    }
    if (i->row->exec == x_vzero) {
        emit_vzero(x, n);
    } else if (i->row->exec == x_avx_ldmxcsr) {
        emit_ldmxcsr(x, n);
    } else if (i->row->exec == x_avx_stmxcsr) {
        emit_stmxcsr(x, n);
    } else {
        return emit_avx(x, n);
    }
    return true;
}
