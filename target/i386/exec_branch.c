/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_branch.c: near jumps, calls, returns and loops; BOUND.
 * regs[R_RIP] is already the next instruction's when these run.  Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

/* Wraps a target to the operand size and checks it: #GP(0) beyond the limit or not canonical. */
static uint64_t near_target(struct x86_cpu *cpu, uint64_t target, unsigned opsize)
{
    target &= size_mask(opsize);
    if (cpu->code64) {
        if ((target + (1ull << 47)) >> 48) {
            raise_gp0(cpu);
        }
    } else if (target > cpu->seg[SEG_CS].limit) {
        raise_gp0(cpu);
    }
    return target;
}

void branch_near(struct x86_cpu *cpu, uint64_t target, unsigned opsize)
{
    cpu->regs[R_RIP] = near_target(cpu, target, opsize);
}

void x_jcc(struct x86_cpu *cpu, const struct insn *i)
{
    if (cond_true(cpu, i->opcode & 15)) {
        branch_near(cpu, cpu->regs[R_RIP] + i->imm, i->opsize);
    }
}

void x_jmp(struct x86_cpu *cpu, const struct insn *i)
{
    branch_near(cpu, cpu->regs[R_RIP] + i->imm, i->opsize);
}

void x_jmp_ind(struct x86_cpu *cpu, const struct insn *i)
{
    branch_near(cpu, load_operand(cpu, i, 0), i->opsize);
}

static void call(struct x86_cpu *cpu, uint64_t target, unsigned opsize)
{
    target = near_target(cpu, target, opsize);
    stack_push(cpu, cpu->regs[R_RIP], opsize);
    cpu->regs[R_RIP] = target;
}

void x_call(struct x86_cpu *cpu, const struct insn *i)
{
    call(cpu, cpu->regs[R_RIP] + i->imm, i->opsize);
}

void x_call_ind(struct x86_cpu *cpu, const struct insn *i)
{
    call(cpu, load_operand(cpu, i, 0), i->opsize);
}

static void ret(struct x86_cpu *cpu, const struct insn *i, unsigned extra)
{
    uint64_t sp = stack_pointer(cpu);

    branch_near(cpu, segment_load(cpu, SEG_SS, sp, i->opsize), i->opsize);
    stack_pointer_set(cpu, sp + i->opsize + extra);
}

void x_ret(struct x86_cpu *cpu, const struct insn *i)
{
    ret(cpu, i, 0);
}

void x_ret_imm(struct x86_cpu *cpu, const struct insn *i)
{
    ret(cpu, i, i->imm & 0xffff);
}

/* The counter is CX, ECX or RCX by address size; the branch is by operand size. */
static void loop(struct x86_cpu *cpu, const struct insn *i, bool also)
{
    uint64_t count = (cpu->regs[R_RCX] - 1) & size_mask(i->addrsize);

    if (count && also) {
        branch_near(cpu, cpu->regs[R_RIP] + i->imm, i->opsize);
    }
    reg_write(cpu, R_RCX, count, i->addrsize);
}

void x_loop(struct x86_cpu *cpu, const struct insn *i)
{
    loop(cpu, i, true);
}

void x_loope(struct x86_cpu *cpu, const struct insn *i)
{
    loop(cpu, i, flags_arith(cpu) & FLAG_ZF);
}

void x_loopne(struct x86_cpu *cpu, const struct insn *i)
{
    loop(cpu, i, !(flags_arith(cpu) & FLAG_ZF));
}

void x_jcxz(struct x86_cpu *cpu, const struct insn *i)
{
    if (!reg_read(cpu, R_RCX, i->addrsize)) {
        branch_near(cpu, cpu->regs[R_RIP] + i->imm, i->opsize);
    }
}

void x_bound(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->opsize, shift = 64 - size * 8;
    uint64_t ea = insn_ea(cpu, i);
    int64_t v = (int64_t)(cpu->regs[i->op[0].reg] << shift) >> shift;
    int64_t low = (int64_t)(segment_load(cpu, i->seg, ea, size) << shift) >> shift;
    int64_t high =
        (int64_t)(segment_load(cpu, i->seg, (ea + size) & size_mask(i->addrsize), size) << shift) >>
        shift;

    if (v < low || v > high) {
        raise_exception(cpu, EXC_BR);
    }
}
