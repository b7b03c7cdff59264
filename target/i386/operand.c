/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/operand.c: loading and storing general operands, and the stack.
 * Thread: the vCPU's own.
 */
#include "target/i386/operand.h"

uint64_t load_operand(struct x86_cpu *cpu, const struct insn *i, unsigned n)
{
    const struct insn_operand *op = &i->op[n];

    switch (op->kind) {
    case OPND_REG:
        return reg_read(cpu, op->reg, op->size);
    case OPND_REG8H:
        return cpu->regs[op->reg] >> 8 & 0xff;
    case OPND_MEM:
        return linear_load(cpu, operand_linear(cpu, i, op->size, false), op->size);
    case OPND_IMM:
        return i->imm & size_mask(op->size);
    case OPND_SEG:
        return cpu->seg[op->reg].selector;
    default:
        return 0;
    }
}

/* Faults as a write at this linear address would, then reads. */
static uint64_t load_for_write(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];

    if (G_UNLIKELY(linear - e->write_tag > 4096 - size)) {
        mem_probe_write_slow(cpu, linear, size, cpu->bank);
    }
    return linear_load(cpu, linear, size);
}

uint64_t load_operand_rmw(struct x86_cpu *cpu, const struct insn *i, unsigned n)
{
    const struct insn_operand *op = &i->op[n];

    if (op->kind != OPND_MEM) {
        return load_operand(cpu, i, n);
    }
    return load_for_write(cpu, operand_linear(cpu, i, op->size, true), op->size);
}

void store_operand(struct x86_cpu *cpu, const struct insn *i, unsigned n, uint64_t v)
{
    const struct insn_operand *op = &i->op[n];

    switch (op->kind) {
    case OPND_REG:
        reg_write(cpu, op->reg, v, op->size);
        break;
    case OPND_REG8H:
        cpu->regs[op->reg] = (cpu->regs[op->reg] & ~0xff00ull) | (v & 0xff) << 8;
        break;
    case OPND_MEM:
        linear_store(cpu, operand_linear(cpu, i, op->size, true), v, op->size);
        break;
    default:
        break;
    }
}

bool store_operand_rmw(struct x86_cpu *cpu, const struct insn *i, unsigned n, uint64_t old,
                       uint64_t v)
{
    const struct insn_operand *op = &i->op[n];

    if (op->kind == OPND_MEM && (i->prefixes & PREFIX_LOCK)) {
        return mem_cas(cpu, operand_linear(cpu, i, op->size, true), (uint64_t[2]){ old },
                       (uint64_t[2]){ v }, op->size, cpu->bank);
    }
    store_operand(cpu, i, n, v);
    return true;
}

void stack_push(struct x86_cpu *cpu, uint64_t v, unsigned size)
{
    uint64_t sp = (stack_pointer(cpu) - size) & size_mask(cpu->stack_size);

    segment_store(cpu, SEG_SS, sp, v, size);
    stack_pointer_set(cpu, sp);
}

uint64_t stack_pop(struct x86_cpu *cpu, unsigned size)
{
    uint64_t sp = stack_pointer(cpu);
    uint64_t v = segment_load(cpu, SEG_SS, sp, size);

    stack_pointer_set(cpu, sp + size);
    return v;
}
