/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_stack.c: PUSH, POP and their families, ENTER and LEAVE.
 * RSP changes only after the access that may fault.  Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

void x_push(struct x86_cpu *cpu, const struct insn *i)
{
    stack_push(cpu, load_operand(cpu, i, 0), i->opsize);
}

/* A destination addressed by RSP uses RSP as it is after the pop (SDM vol. 2, "POP"). */
void x_pop(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t old = cpu->regs[R_RSP];
    uint64_t v = segment_load(cpu, SEG_SS, stack_pointer(cpu), i->opsize);

    stack_pointer_set(cpu, stack_pointer(cpu) + i->opsize);
    if (i->op[0].kind == OPND_MEM) {
        uint64_t after = cpu->regs[R_RSP], linear;

        /* The address is taken with the new RSP; a fault finds the old one. */
        uint64_t ea = insn_ea(cpu, i);

        cpu->regs[R_RSP] = old;
        linear = segment_linear(cpu, i->seg, ea, i->opsize, true);
        linear_store(cpu, linear, v, i->opsize);
        cpu->regs[R_RSP] = after;
        return;
    }
    store_operand(cpu, i, 0, v);
}

void x_pusha(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t mask = size_mask(cpu->stack_size), sp = stack_pointer(cpu);
    unsigned size = i->opsize, n;

    /* All or nothing: the lowest slot is probed before the first is written. */
    for (n = 1; n <= 8; n++) {
        mem_probe_write_slow(cpu, segment_linear(cpu, SEG_SS, (sp - n * size) & mask, size, true),
                             size, cpu->bank);
    }
    for (n = 0; n < 8; n++) {
        segment_store(cpu, SEG_SS, (sp - (n + 1) * size) & mask, cpu->regs[n], size);
    }
    stack_pointer_set(cpu, sp - 8 * size);
}

void x_popa(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t mask = size_mask(cpu->stack_size), sp = stack_pointer(cpu), v[8];
    unsigned size = i->opsize, n;

    for (n = 0; n < 8; n++) {
        v[n] = segment_load(cpu, SEG_SS, (sp + n * size) & mask, size);
    }
    for (n = 0; n < 8; n++) {
        if (7 - n != R_RSP) {
            reg_write(cpu, 7 - n, v[n], size);
        }
    }
    stack_pointer_set(cpu, sp + 8 * size);
}

/* VM86 with IOPL below 3: 16-bit PUSHF shows VIF as IF under CR4.VME, else #GP. */
void x_pushf(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t f = cpu_eflags(cpu);

    if (cpu->vm86 && (cpu->eflags & FLAG_IOPL) != FLAG_IOPL) {
        if (!(cpu->cr4 & CR4_VME) || i->opsize != 2) {
            raise_gp0(cpu);
        }
        f = (f & ~FLAG_IF) | FLAG_IOPL | (f & FLAG_VIF ? FLAG_IF : 0);
    }
    stack_push(cpu, f & ~(FLAG_RF | FLAG_VM), i->opsize);
}

/* What POPF may change depends on mode, CPL, IOPL and operand size (SDM vol. 2, "POPF"). */
void x_popf(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t iopl = (cpu->eflags & FLAG_IOPL) >> 12, v;
    uint32_t mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
    bool vme = false;

    if (cpu->vm86) {
        if (iopl == 3) {
            mask |= FLAG_IF;
        } else if ((cpu->cr4 & CR4_VME) && i->opsize == 2) {
            vme = true;
        } else {
            raise_gp0(cpu);
        }
    } else {
        if (cpu->cpl == 0) {
            mask |= FLAG_IOPL;
        }
        if (cpu->cpl <= iopl) {
            mask |= FLAG_IF;
        }
    }
    v = (uint32_t)segment_load(cpu, SEG_SS, stack_pointer(cpu), i->opsize);
    if (vme) {
        if ((v & FLAG_TF) || ((v & FLAG_IF) && (cpu->eflags & FLAG_VIP))) {
            raise_gp0(cpu);
        }
        cpu->eflags = (cpu->eflags & ~FLAG_VIF) | (v & FLAG_IF ? FLAG_VIF : 0);
    }
    stack_pointer_set(cpu, stack_pointer(cpu) + i->opsize);
    if (i->opsize == 2) {
        mask &= 0xffff;
    } else {
        v &= ~FLAG_RF;
    }
    eflags_write(cpu, v, mask);
}

void x_enter(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->opsize, level = i->imm2 & 31, n;
    uint64_t mask = size_mask(cpu->stack_size), sp = stack_pointer(cpu);
    uint64_t bp = cpu->regs[R_RBP], frame;

    sp = (sp - size) & mask;
    segment_store(cpu, SEG_SS, sp, bp, size);
    frame = sp;
    for (n = 1; n < level; n++) {
        uint64_t v = segment_load(cpu, SEG_SS, (bp - n * size) & mask, size);

        sp = (sp - size) & mask;
        segment_store(cpu, SEG_SS, sp, v, size);
    }
    if (level) {
        sp = (sp - size) & mask;
        segment_store(cpu, SEG_SS, sp, frame, size);
    }
    sp = (sp - (i->imm & 0xffff)) & mask;
    /* The new top must be writable, or the instruction faults with nothing changed in registers. */
    mem_probe_write_slow(cpu, segment_linear(cpu, SEG_SS, sp, size, true), size, cpu->bank);
    reg_write(cpu, R_RBP, frame, size == 2 ? 2 : cpu->stack_size == 2 ? 2 : size);
    stack_pointer_set(cpu, sp);
}

void x_leave(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t sp = cpu->regs[R_RBP] & size_mask(cpu->stack_size);
    uint64_t v = segment_load(cpu, SEG_SS, sp, i->opsize);

    stack_pointer_set(cpu, sp + i->opsize);
    reg_write(cpu, R_RBP, v, i->opsize);
}
