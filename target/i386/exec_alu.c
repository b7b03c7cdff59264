/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_alu.c: addition, subtraction, logic, exchange-and-add, compare-and-exchange.
 * A faulting store leaves destination and flags as they were: flags come last.
 * Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

void x_add(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a + b));
    flags_lazy(cpu, CC_ADD, i->size, a + b, b);
}

void x_sub(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a - b));
    flags_lazy(cpu, CC_SUB, i->size, a - b, b);
}

void x_cmp(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t a = load_operand(cpu, i, 0), b = load_operand(cpu, i, 1);

    flags_lazy(cpu, CC_SUB, i->size, a - b, b);
}

void x_adc(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), cf = flag_cf(cpu), a, r;

    do {
        a = load_operand_rmw(cpu, i, 0);
        r = a + b + cf;
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    flags_lazy(cpu, CC_SZP, i->size, r, flags_of_carries((a & b) | ((a | b) & ~r), i->size));
}

void x_sbb(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), cf = flag_cf(cpu), a, r;

    do {
        a = load_operand_rmw(cpu, i, 0);
        r = a - b - cf;
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    flags_lazy(cpu, CC_SZP, i->size, r, flags_of_carries((~a & b) | ((~a | b) & r), i->size));
}

void x_and(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a & b));
    flags_lazy(cpu, CC_LOGIC, i->size, a & b, 0);
}

void x_or(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a | b));
    flags_lazy(cpu, CC_LOGIC, i->size, a | b, 0);
}

void x_xor(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a ^ b));
    flags_lazy(cpu, CC_LOGIC, i->size, a ^ b, 0);
}

void x_test(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t a = load_operand(cpu, i, 0), b = load_operand(cpu, i, 1);

    flags_lazy(cpu, CC_LOGIC, i->size, a & b, 0);
}

void x_inc(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t a, cf = flag_cf(cpu);

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a + 1));
    flags_lazy(cpu, CC_INC, i->size, a + 1, cf);
}

void x_dec(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t a, cf = flag_cf(cpu);

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, a - 1));
    flags_lazy(cpu, CC_DEC, i->size, a - 1, cf);
}

void x_neg(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, -a));
    flags_lazy(cpu, CC_SUB, i->size, -a, a);
}

void x_not(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t a;

    do {
        a = load_operand_rmw(cpu, i, 0);
    } while (!store_operand_rmw(cpu, i, 0, a, ~a));
}

/* The source register takes the old destination; with both the same register the sum stays. */
void x_xadd(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t b = load_operand(cpu, i, 1), a;

    if (i->op[0].kind != OPND_MEM) {
        a = load_operand(cpu, i, 0);
        store_operand(cpu, i, 1, a);
        store_operand(cpu, i, 0, a + b);
    } else {
        do {
            a = load_operand_rmw(cpu, i, 0);
        } while (!store_operand_rmw(cpu, i, 0, a, a + b));
        store_operand(cpu, i, 1, a);
    }
    flags_lazy(cpu, CC_ADD, i->size, a + b, b);
}

/* The destination is written in either case (SDM vol. 2, "CMPXCHG"): a read-only page faults. */
void x_cmpxchg(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t acc = reg_read(cpu, R_RAX, i->size), src = load_operand(cpu, i, 1), a;

    if (i->op[0].kind != OPND_MEM) {
        /* A register that does not match is not written: its upper half stays. */
        a = load_operand(cpu, i, 0);
        if (a == acc) {
            store_operand(cpu, i, 0, src);
        }
    } else {
        do {
            a = load_operand_rmw(cpu, i, 0);
        } while (!store_operand_rmw(cpu, i, 0, a, a == acc ? src : a));
    }
    if (a != acc) {
        /* A 32-bit compare that fails loads EAX, which clears the upper half. */
        reg_write(cpu, R_RAX, a, i->size);
    }
    flags_lazy(cpu, CC_SUB, i->size, acc - a, a);
}

static bool cas_pair(struct x86_cpu *cpu, uint64_t linear, const uint64_t old[2],
                     const uint64_t new[2], unsigned half)
{
    if (half == 4) {
        return mem_cas(cpu, linear, (uint64_t[2]){ old[0] | old[1] << 32 },
                       (uint64_t[2]){ new[0] | new[1] << 32 }, 8, cpu->bank);
    }
    return mem_cas(cpu, linear, old, new, 16, cpu->bank);
}

/* CMPXCHG8B and, with REX.W, CMPXCHG16B, whose operand must be aligned (#GP). */
void x_cmpxchg8b(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned half = i->rex & 8 ? 8 : 4;
    uint64_t want[2] = { reg_read(cpu, R_RAX, half), reg_read(cpu, R_RDX, half) };
    uint64_t put[2] = { reg_read(cpu, R_RBX, half), reg_read(cpu, R_RCX, half) };
    uint64_t have[2], linear;
    bool equal;

    if (half == 8 && !cpu_has(cpu, X86_CX16)) {
        raise_ud(cpu);
    }
    linear = operand_linear_aligned(cpu, i, half * 2, half == 8 ? 16 : 1, true);
    mem_probe_write_slow(cpu, linear, half, cpu->bank);
    mem_probe_write_slow(cpu, linear + half, half, cpu->bank);
    do {
        have[0] = linear_load(cpu, linear, half);
        have[1] = linear_load(cpu, linear + half, half);
        equal = have[0] == want[0] && have[1] == want[1];
    } while ((i->prefixes & PREFIX_LOCK) && !cas_pair(cpu, linear, have, equal ? put : have, half));
    if (!(i->prefixes & PREFIX_LOCK)) {
        linear_store(cpu, linear, equal ? put[0] : have[0], half);
        linear_store(cpu, linear + half, equal ? put[1] : have[1], half);
    }
    if (!equal) {
        reg_write(cpu, R_RAX, have[0], half);
        reg_write(cpu, R_RDX, have[1], half);
    }
    flags_change(cpu, FLAG_ZF, equal ? FLAG_ZF : 0);
}
