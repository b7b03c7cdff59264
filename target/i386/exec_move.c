/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_move.c: moves, extensions, conditional moves and sets, single flags.
 * Thread: the vCPU's own.
 */
#include <sched.h>
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

void x_mov(struct x86_cpu *cpu, const struct insn *i)
{
    store_operand(cpu, i, 0, load_operand(cpu, i, 1));
}

void x_movzx(struct x86_cpu *cpu, const struct insn *i)
{
    store_operand(cpu, i, 0, load_operand(cpu, i, 1));
}

void x_movsx(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned shift = 64 - i->op[1].size * 8;

    store_operand(cpu, i, 0, (uint64_t)((int64_t)(load_operand(cpu, i, 1) << shift) >> shift));
}

/* Opcode 63: MOVSXD in 64-bit code, ARPL elsewhere (Ew, Gw: the operands' roles are exchanged). */
void x_movsxd(struct x86_cpu *cpu, const struct insn *i)
{
    if (cpu->code64 && i->opsize == 2) {
        struct insn word = *i;

        word.op[1].size = 2; /* MOVSXD r16, r/m16 reads no more */
        x_mov(cpu, &word);
    } else if (cpu->code64) {
        x_movsx(cpu, i);
    } else {
        struct insn arpl = *i;

        arpl.op[0] = i->op[1];
        arpl.op[1] = i->op[0];
        arpl.op[0].size = arpl.op[1].size = arpl.size = 2;
        x_arpl(cpu, &arpl);
    }
}

/* Opcode 90: with F3 PAUSE, whatever REX says; with REX.B an exchange with R8. */
void x_nop_xchg(struct x86_cpu *cpu, const struct insn *i)
{
    if (i->prefixes & PREFIX_REP) {
        x_pause(cpu, i);
    } else if (i->rex & 1) {
        x_xchg(cpu, i);
    }
}

void x_lea(struct x86_cpu *cpu, const struct insn *i)
{
    reg_write(cpu, i->op[0].reg, insn_ea(cpu, i), i->size);
}

/* Locked whatever the prefix says. */
void x_xchg(struct x86_cpu *cpu, const struct insn *i)
{
    struct insn locked = *i;
    uint64_t b = load_operand(cpu, i, 1), a;

    locked.prefixes |= PREFIX_LOCK;
    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, &locked, 0, a, b));
    store_operand(cpu, i, 1, a);
}

/* The source is read whatever the condition; a 32-bit destination is cleared above. */
void x_cmov(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);

    store_operand(cpu, i, 0, cond_true(cpu, i->opcode & 15) ? v : load_operand(cpu, i, 0));
}

void x_setcc(struct x86_cpu *cpu, const struct insn *i)
{
    store_operand(cpu, i, 0, cond_true(cpu, i->opcode & 15));
}

/* The result for 16-bit operands is undefined; processors clear the register. */
void x_bswap(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 0);

    if (i->size == 8) {
        v = __builtin_bswap64(v);
    } else if (i->size == 4) {
        v = __builtin_bswap32((uint32_t)v);
    } else {
        v = 0;
    }
    store_operand(cpu, i, 0, v);
}

/* CBW, CWDE, CDQE */
void x_cbw(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned half = i->opsize / 2, shift = 64 - half * 8;

    reg_write(cpu, R_RAX, (uint64_t)((int64_t)(cpu->regs[R_RAX] << shift) >> shift), i->opsize);
}

/* CWD, CDQ, CQO */
void x_cwd(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t sign = reg_read(cpu, R_RAX, i->opsize) >> (i->opsize * 8 - 1);

    reg_write(cpu, R_RDX, sign ? UINT64_MAX : 0, i->opsize);
}

void x_xlat(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t ea = cpu->regs[R_RBX] + (cpu->regs[R_RAX] & 0xff);

    reg_write(cpu, R_RAX, segment_load(cpu, i->seg, ea & size_mask(i->addrsize), 1), 1);
}

void x_salc(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    reg_write(cpu, R_RAX, flag_cf(cpu) ? 0xff : 0, 1);
}

void x_nop(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu;
    (void)i;
}

/* PAUSEs at one place until the host's other threads have a turn. */
#define PAUSES_UNTIL_YIELD 64

/* A spinning guest lets the interrupt poll have its turn, and other vCPUs where they are many. */
void x_pause(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->stop_block = true;
    if (cpu->vcpu.machine->n_vcpus == 1) {
        return;
    }
    if (cpu->pause_rip != cpu->insn_start) {
        cpu->pause_rip = cpu->insn_start;
        cpu->pauses = 0;
    } else if (++cpu->pauses >= PAUSES_UNTIL_YIELD) {
        cpu->pauses = 0;
        sched_yield();
    }
}

void x_lahf(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    if (cpu->code64 && !cpu_has(cpu, X86_LAHF_LM)) {
        raise_ud(cpu);
    }
    cpu->regs[R_RAX] = (cpu->regs[R_RAX] & ~0xff00ull) | ((flags_arith(cpu) & 0xff) | 2ull) << 8;
}

void x_sahf(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    if (cpu->code64 && !cpu_has(cpu, X86_LAHF_LM)) {
        raise_ud(cpu);
    }
    flags_change(cpu, FLAGS_ARITH & ~FLAG_OF, (uint32_t)(cpu->regs[R_RAX] >> 8));
}

void x_cmc(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    flags_set(cpu, flags_arith(cpu) ^ FLAG_CF);
}

void x_clc(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    flags_change(cpu, FLAG_CF, 0);
}

void x_stc(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    flags_change(cpu, FLAG_CF, FLAG_CF);
}

void x_cld(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->eflags &= ~FLAG_DF;
}

void x_std(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->eflags |= FLAG_DF;
}
