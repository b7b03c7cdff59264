/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/div.c: DIV and IDIV as they stand, behind a check that they cannot fault.
 *
 * The divisor is read once, to a register: another CPU may write the operand in memory.  DIV fits if
 * the dividend's upper half is below the divisor (SDM vol. 2, DIV).  IDIV is done here if the upper
 * half is nothing but the sign of the lower, and the divisor is neither 0 nor -1.  All else is the
 * interpreter's.  Flags are undefined behind it.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

static bool done_here(const struct insn *i)
{
    bool is_signed = i->row->exec == x_idiv;

    return i->op[0].kind != OPND_REG8H && i->size >= (is_signed ? 4 : 1);
}

static unsigned form_of_size(unsigned size)
{
    return size == 8 ? E_W : size == 2 ? E_66 : size == 1 ? E_REX : 0;
}

/* The divisor in a register of the host; upper bits beyond its size do not matter. */
static unsigned load_divisor(struct trans *x, const struct insn *i, struct emit_rm operand)
{
    unsigned size = i->size;

    if (!operand.memory) {
        return in_register(x, i->op[0].reg, H_R14);
    }
    if (size <= 2) {
        emit_insn(x->e, MAP_0F, 0xb6 | (size == 2), H_R14, operand);
    } else {
        emit_insn(x->e, form_of_size(size), 0x8b, H_R14, operand);
    }
    return H_R14;
}

/* cmp upper, divisor; jae */
static uint8_t *check_unsigned(struct trans *x, unsigned size, unsigned divisor)
{
    struct emit *e = x->e;

    if (size == 1) {
        emit_insn(e, 0, 0x89, H_RAX, rm_reg(H_R13));
        emit_insn(e, 0, 0xc1, 5, rm_reg(H_R13));
        emit8(e, 8);
        emit_insn(e, E_REX, 0x38, divisor, rm_reg(H_R13));
    } else {
        emit_insn(e, form_of_size(size), 0x39, divisor, rm_reg(H_RDX));
    }
    return emit_jump(e, CC_AE);
}

/* mov r13, rax; sar r13, 63; cmp r13, rdx; jne 1f; lea r13, [divisor + 1]; cmp r13, 1; ja 2f; 1: jmp; 2: */
static uint8_t *check_signed(struct trans *x, unsigned size, unsigned divisor)
{
    struct emit *e = x->e;
    unsigned form = form_of_size(size);
    uint8_t *not_sign, *fits, *jump;

    emit_insn(e, form, 0x89, H_RAX, rm_reg(H_R13));
    emit_insn(e, form, 0xc1, 7, rm_reg(H_R13));
    emit8(e, size * 8 - 1);
    emit_insn(e, form, 0x39, H_RDX, rm_reg(H_R13));
    not_sign = emit_jump(e, CC_NZ);
    emit_insn(e, form, 0x8d, H_R13, rm_mem(divisor, 1));
    emit_insn(e, form, 0x83, 7, rm_reg(H_R13));
    emit8(e, 1);
    fits = emit_jump(e, CC_A);
    patch_jump(not_sign, e->p);
    jump = emit_jump(e, -1);
    patch_jump(fits, e->p);
    return jump;
}

bool emit_div(struct trans *x, unsigned n, const struct emit_row *row)
{
    const struct insn *i = &x->b->insn[n];
    unsigned size = i->size, divisor;
    struct emit_rm operand = rm_reg(0);
    bool memory = i->op[0].kind == OPND_MEM;
    struct site *s = NULL;
    uint8_t *jump;

    (void)row;
    if (!done_here(i)) {
        return false;
    }
    if (memory) {
        operand = mem_begin(x, n, &i->op[0], false);
    }
    flags_for_check(x);
    divisor = load_divisor(x, i, operand);
    jump =
        i->row->exec == x_idiv ? check_signed(x, size, divisor) : check_unsigned(x, size, divisor);
    if (memory) {
        mem_decline(x, jump);
    } else {
        s = add_site(x, jump, SITE_RESUME);
    }
    emit_insn(x->e, form_of_size(size), size == 1 ? 0xf6 : 0xf7, i->modrm >> 3 & 7,
              rm_reg(divisor));
    if (s) {
        s->back = x->e->p;
    }
    mem_end(x);
    /* Whatever is in memory will do. */
    x->memory_flags = true;
    x->memory_exact = false;
    return true;
}
