/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/address.c: guest registers and memory operands in host code, and what happens
 * out of line where a check fails.  Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"

/* The host register of a guest register, or -1: it is in memory. */
int host_of(unsigned guest)
{
    if (guest == R_RSP) {
        return H_R12;
    }
    return guest < R_R12 ? (int)guest : -1;
}

struct emit_rm guest_memory(unsigned guest)
{
    return rm_cpu(CPU_REG(guest));
}

/* A guest register in a host register: its own, or `scratch` loaded with it. */
unsigned in_register(struct trans *x, unsigned guest, unsigned scratch)
{
    int h = host_of(guest);

    if (h >= 0) {
        return (unsigned)h;
    }
    emit_load(x->e, scratch, guest_memory(guest));
    return scratch;
}

/* Effective address of the memory operand, without segment, to a register. */
void emit_address(struct trans *x, const struct insn *i, unsigned to)
{
    unsigned form = i->addrsize == 4 ? 0 : E_W;
    unsigned base = H_NONE, index = H_NONE;

    if (i->base == R_RIP) {
        emit_mov_imm(x->e, to,
                     i->addrsize == 4 ? (uint32_t)(x->rip + i->len + (uint64_t)i->disp)
                                      : x->rip + i->len + (uint64_t)i->disp);
        return;
    }
    if (i->disp != (int32_t)i->disp) { /* moffs */
        emit_mov_imm(x->e, to, i->addrsize == 4 ? (uint32_t)i->disp : (uint64_t)i->disp);
        return;
    }
    if (i->base != R_ZERO) {
        base = in_register(x, i->base, H_R13);
    }
    if (i->index != R_ZERO) {
        index = in_register(x, i->index, H_R14);
    }
    emit_insn(x->e, form, 0x8d, to, rm_sib(base, index, i->scale, (int32_t)i->disp));
}

struct site *add_site(struct trans *x, uint8_t *jump, const struct insn *i, bool last)
{
    struct site *s = &x->sites[x->n_sites++];

    *s = (struct site){ .jump = jump, .insn = i, .rip = x->rip, .last = last };
    s->thunk = last ? x->k->interpret_last : x->k->interpret;
    return s;
}

/*
 * R13 holds a linear address: makes it the host address of `size` bytes, or goes to the site.
 * Flags that are live are saved before.
 */
struct site *emit_check(struct trans *x, const struct insn *i, unsigned size, bool write, bool last)
{
    struct emit *e = x->e;
    int32_t tag = x->tlb + (int32_t)(write ? offsetof(struct tlb_entry, write_tag)
                                           : offsetof(struct tlb_entry, read_tag));
    struct site *s;

    flags_to_memory(x);
    x->host_flags = false;
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R14));
    emit_insn(e, 0, 0xc1, 5, rm_reg(H_R14));
    emit8(e, 7);
    emit_insn(e, 0, 0x81, 4, rm_reg(H_R14));
    emit32(e, (TLB_SIZE - 1) << 5);
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R15));
    emit_insn(e, E_W, 0x2b, H_R15, rm_cpu_at(H_R14, tag));
    emit_insn(e, E_W, 0x81, 7, rm_reg(H_R15));
    emit32(e, 4096 - size);
    s = add_site(x, emit_jump(e, CC_A), i, last);
    emit_insn(e, E_W, 0x03, H_R13,
              rm_cpu_at(H_R14, x->tlb + (int32_t)offsetof(struct tlb_entry, addend)));
    return s;
}

/* The same for the instruction's memory operand. */
struct site *emit_operand_check(struct trans *x, const struct insn *i, unsigned size, bool write,
                                bool last)
{
    emit_address(x, i, H_R13);
    if (i->seg >= SEG_FS) {
        emit_load(x->e, H_R14,
                  rm_cpu((int32_t)(offsetof(struct x86_cpu, seg) + i->seg * sizeof(struct segment) +
                                   offsetof(struct segment, base))));
        emit_lea(x->e, H_R13, rm_sib(H_R13, H_R14, 0, 0));
    }
    return emit_check(x, i, size, write, last);
}

struct emit_rm mem_begin(struct trans *x, unsigned n, const struct insn_operand *op, bool write)
{
    x->open = emit_operand_check(x, &x->b->insn[n], op->size, write, false);
    return rm_mem(H_R13, 0);
}

void mem_end(struct trans *x)
{
    if (x->open) {
        x->open->back = x->e->p;
    }
    x->open = NULL;
}

void mem_decline(struct trans *x, uint8_t *jump)
{
    x->open->jump2 = jump;
}

void emit_add_rsp(struct trans *x, int32_t v)
{
    emit_lea(x->e, H_R12, rm_mem(H_R12, v));
}

void emit_sites(struct trans *x)
{
    for (unsigned n = 0; n < x->n_sites; n++) {
        const struct site *s = &x->sites[n];

        patch_jump(s->jump, x->e->p);
        if (s->jump2) {
            patch_jump(s->jump2, x->e->p);
        }
        emit_mov_imm(x->e, H_R14, (uintptr_t)s->insn);
        emit_mov_imm(x->e, H_R13, s->rip);
        if (s->last) {
            patch_jump(emit_jump(x->e, -1), s->thunk);
        } else {
            emit8(x->e, 0xe8);
            emit32(x->e, 0);
            patch_jump(x->e->p - 4, s->thunk);
            patch_jump(emit_jump(x->e, -1), s->back);
        }
    }
}
