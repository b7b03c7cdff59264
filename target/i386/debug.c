/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/debug.c: debug registers, breakpoints and single-step.
 *
 * Conditions that an instruction meets collect in cpu->dr6_pending; the trap after the instruction
 * moves them to DR6.  Thread: the vCPU's own.  Source: SDM vol. 3, chapter 17.
 */
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define DR6_ONES  0xffff0ff0ull
#define DR6_SETS  0xe00full
#define DR6_BD    (1ull << 13)
#define DR6_BS    (1ull << 14)
#define DR7_ONES  0x400ull
#define DR7_ZEROS 0xd800ull /* RTM is not offered */
#define DR7_GD    (1ull << 13)

enum { BREAK_EXEC, BREAK_WRITE, BREAK_IO, BREAK_ACCESS };

static bool break_enabled(const struct x86_cpu *cpu, unsigned n)
{
    return cpu->dr[7] >> (n * 2) & 3;
}

static unsigned break_kind(const struct x86_cpu *cpu, unsigned n)
{
    return cpu->dr[7] >> (16 + n * 4) & 3;
}

static unsigned break_length(const struct x86_cpu *cpu, unsigned n)
{
    static const uint8_t length[4] = { 1, 2, 8, 4 };

    return length[cpu->dr[7] >> (18 + n * 4) & 3];
}

static bool break_overlaps(const struct x86_cpu *cpu, unsigned n, uint64_t at, unsigned size)
{
    unsigned length = break_length(cpu, n);
    uint64_t start = cpu->dr[n] & ~(uint64_t)(length - 1);

    return at <= start + length - 1 && start <= at + size - 1;
}

bool debug_insn_breakpoint(struct x86_cpu *cpu, uint64_t linear)
{
    uint64_t hit = 0;

    if (cpu->eflags & FLAG_RF) {
        return false;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (break_enabled(cpu, n) && break_kind(cpu, n) == BREAK_EXEC && cpu->dr[n] == linear) {
            hit |= 1u << n;
        }
    }
    cpu->dr6_pending |= hit;
    return hit != 0;
}

void debug_data_access(struct x86_cpu *cpu, uint64_t linear, unsigned size, bool write)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = break_kind(cpu, n);

        if (break_enabled(cpu, n) && (kind == BREAK_ACCESS || (kind == BREAK_WRITE && write)) &&
            break_overlaps(cpu, n, linear, size)) {
            cpu->dr6_pending |= 1u << n;
        }
    }
}

void debug_io_access(struct x86_cpu *cpu, uint16_t port, unsigned size)
{
    if (!(cpu->cr4 & CR4_DE)) {
        return;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (break_enabled(cpu, n) && break_kind(cpu, n) == BREAK_IO &&
            break_overlaps(cpu, n, port, size)) {
            cpu->dr6_pending |= 1u << n;
        }
    }
}

/* MOV SS holds the traps of its own boundary: data breakpoints wait, a single-step is lost. */
bool cpu_take_debug_traps(struct x86_cpu *cpu)
{
    bool step = cpu->trap_pending;

    cpu->trap_pending = false;
    if (cpu->ss_shadow) {
        return false;
    }
    if (step) {
        cpu->dr6_pending |= DR6_BS;
    }
    if (!cpu->dr6_pending) {
        return false;
    }
    cpu->insn_start = cpu->regs[R_RIP];
    cpu_deliver(cpu, EXC_DB, EVENT_TRAP, false, 0);
    return true;
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; any access is trapped by DR7.GD. */
static unsigned debug_register(struct x86_cpu *cpu, unsigned n)
{
    if (n > 7 || ((n == 4 || n == 5) && (cpu->cr4 & CR4_DE))) {
        raise_ud(cpu);
    }
    if (cpu->dr[7] & DR7_GD) {
        cpu->dr6_pending |= DR6_BD;
        raise_exception(cpu, EXC_DB);
    }
    return n == 4 || n == 5 ? n + 2 : n;
}

void x_mov_from_dr(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned n = debug_register(cpu, i->op[1].reg);

    reg_write(cpu, i->op[0].reg, cpu->dr[n], cpu->code64 ? 8 : 4);
}

void x_mov_to_dr(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned n = debug_register(cpu, i->op[0].reg);
    uint64_t v = reg_read(cpu, i->op[1].reg, cpu->code64 ? 8 : 4);

    if (n >= 6 && v >> 32) {
        raise_gp0(cpu);
    }
    if (n == 6) {
        v = (v & DR6_SETS) | DR6_ONES;
    } else if (n == 7) {
        v = (v & ~DR7_ZEROS) | DR7_ONES;
    }
    cpu->dr[n] = v;
    tlb_flush(cpu);         /* watched pages stay out of it */
    cpu->stop_block = true; /* blocks decoded before know nothing of a new breakpoint */
}
