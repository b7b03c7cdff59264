/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/vec_operand.c: operands of MMX and SSE instructions, and the check that comes before.
 *
 * Invariants: a 16-byte memory operand is checked in the order of hardware: segment and alignment,
 *             then page; a store changes nothing when it faults.
 * Thread:     the vCPU's own, no lock.
 */
#include "target/i386/operand.h"

/* The linear address of a vector in memory; SDM vol. 1, 10.4.1.1: unaligned 16 bytes are #GP(0). */
static uint64_t vec_linear(struct x86_cpu *cpu, const struct insn *i, unsigned size, bool write)
{
    return size == 16 && !(i->row->flags & ROW_UNALIGNED)
               ? operand_linear_aligned(cpu, i, 16, 16, write)
               : operand_linear(cpu, i, size, write);
}

static void load_vec_mem(struct x86_cpu *cpu, const struct insn *i, unsigned size, union vec *v)
{
    uint64_t linear = vec_linear(cpu, i, size, false);

    if (size == 16) {
        const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];
        uint64_t off = linear - e->read_tag;

        if (G_LIKELY(off <= 4096 - 16)) {
            guest_ram_copy(v->b, (const void *)(uintptr_t)(e->addend + linear), 16);
        } else {
            mem_read_bytes(cpu, linear, v->b, 16, cpu->bank);
        }
        return;
    }
    v->q[0] = linear_load(cpu, linear, size);
    v->q[1] = 0;
}

static void store_vec_mem(struct x86_cpu *cpu, const struct insn *i, unsigned size,
                          const union vec *v)
{
    uint64_t linear = vec_linear(cpu, i, size, true);

    if (size == 16) {
        const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];
        uint64_t off = linear - e->write_tag;

        if (G_LIKELY(off <= 4096 - 16)) {
            guest_ram_copy((void *)(uintptr_t)(e->addend + linear), v->b, 16);
        } else {
            mem_write_bytes(cpu, linear, v->b, 16, cpu->bank);
        }
        return;
    }
    linear_store(cpu, linear, v->q[0], size);
}

/* An XMM register gives all its 16 bytes, whatever the size says. */
void load_vec(struct x86_cpu *cpu, const struct insn *i, unsigned n, union vec *v)
{
    const struct insn_operand *o = &i->op[n];

    switch (o->kind) {
    case OPND_XMM:
        memcpy(v->b, cpu->vec[o->reg].b, 16);
        break;
    case OPND_MEM:
        load_vec_mem(cpu, i, o->size, v);
        break;
    case OPND_MMX:
        v->q[0] = cpu->x87.reg[o->reg & 7].mant;
        v->q[1] = 0;
        break;
    case OPND_REG:
        v->q[0] = reg_read(cpu, o->reg, o->size);
        v->q[1] = 0;
        break;
    default:
        v->q[0] = v->q[1] = 0;
    }
}

void store_vec(struct x86_cpu *cpu, const struct insn *i, unsigned n, const union vec *v)
{
    const struct insn_operand *o = &i->op[n];

    switch (o->kind) {
    case OPND_XMM:
        memcpy(cpu->vec[o->reg].b, v->b, MIN(o->size, 16));
        break;
    case OPND_MEM:
        store_vec_mem(cpu, i, o->size, v);
        break;
    case OPND_MMX:
        /* SDM vol. 1, 9.6.2: an MMX write sets the sign and exponent of the register to ones. */
        cpu->x87.reg[o->reg & 7] = (struct float80){ .mant = v->q[0], .sexp = 0xffff };
        break;
    case OPND_REG:
        reg_write(cpu, o->reg, v->q[0], o->size);
        break;
    default:
        break;
    }
}

/* SDM vol. 3, 2.5, table 2-2 and 13.1.4. */
void check_sse(struct x86_cpu *cpu)
{
    if ((cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR)) {
        raise_ud(cpu);
    }
    if (cpu->cr0 & CR0_TS) {
        raise_exception(cpu, EXC_NM);
    }
}
