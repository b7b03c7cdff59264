/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/system.c: port I/O, the interrupt flag, HLT, time stamps, random numbers, and
 * what a CPU without caches and system-management mode has little to do for.
 *
 * Thread: the vCPU's own; no lock held (the port space takes the machine lock itself).
 */
#include "softmmu/memory.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "util/random.h"

/* Port I/O ---------------------------------------------------------------------------------- */

/* Every bit of the range must be clear; two bytes are read (SDM vol. 1, 19.5.2). */
bool io_permission(struct x86_cpu *cpu, uint16_t port, unsigned size)
{
    uint32_t map;
    uint64_t bits;

    if ((cpu->tr.attr & (ATTR_S | 0xd)) != 9 || cpu->tr.limit < 0x67) {
        return false; /* no 32-bit or 64-bit TSS */
    }
    map = (uint32_t)system_load(cpu, system_linear(cpu, cpu->tr.base + 0x66), 2) + port / 8;
    if (map + 1 > cpu->tr.limit) {
        return false;
    }
    bits = system_load(cpu, system_linear(cpu, cpu->tr.base + map), 2) >> (port & 7);
    return !(bits & ((1u << size) - 1));
}

void check_io(struct x86_cpu *cpu, uint16_t port, unsigned size)
{
    if (cpu->protected_mode && (cpu->vm86 || cpu->cpl > (cpu->eflags & FLAG_IOPL) >> 12) &&
        !io_permission(cpu, port, size)) {
        raise_gp0(cpu);
    }
    if (cpu->dr[7] & 0xff) {
        debug_io_access(cpu, port, size);
    }
}

/* The port is the immediate, or DX. */
static uint16_t port_operand(const struct x86_cpu *cpu, const struct insn *i, unsigned n)
{
    return i->op[n].kind == OPND_IMM ? i->imm & 0xff : (uint16_t)cpu->regs[R_RDX];
}

static unsigned port_size(const struct insn *i, unsigned n)
{
    return MIN(i->op[n].size, 4);
}

void x_in(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t port = port_operand(cpu, i, 1);
    unsigned size = port_size(i, 0);

    check_io(cpu, port, size);
    reg_write(cpu, R_RAX, address_space_load(&cpu->vcpu.machine->io, port, size), size);
}

void x_out(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t port = port_operand(cpu, i, 0);
    unsigned size = port_size(i, 1);

    check_io(cpu, port, size);
    address_space_store(&cpu->vcpu.machine->io, port, reg_read(cpu, R_RAX, size), size);
}

/* The interrupt flag ------------------------------------------------------------------------ */

/* IF where IOPL allows, VIF where virtual interrupts are on, else #GP (SDM vol. 2, "CLI"). */
static uint32_t interrupt_flag(struct x86_cpu *cpu)
{
    if (!cpu->protected_mode || cpu->cpl <= (cpu->eflags & FLAG_IOPL) >> 12) {
        return FLAG_IF;
    }
    if (cpu->vm86 ? cpu->cr4 & CR4_VME : cpu->cpl == 3 && (cpu->cr4 & CR4_PVI)) {
        return FLAG_VIF;
    }
    raise_gp0(cpu);
}

void x_cli(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->eflags &= ~interrupt_flag(cpu);
}

void x_sti(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t flag = interrupt_flag(cpu);

    (void)i;
    if (flag == FLAG_VIF && (cpu->eflags & FLAG_VIP)) {
        raise_gp0(cpu);
    }
    if (flag == FLAG_IF && !(cpu->eflags & FLAG_IF)) {
        cpu->intr_shadow = true;
    }
    cpu->eflags |= flag;
    cpu->stop_block = true;
}

void x_hlt(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->halted = true;
    cpu->stop_block = true;
}

/* SMAP's override.  #UD, not #GP, above level 0. */
static void set_ac(struct x86_cpu *cpu, bool on)
{
    if (cpu->cpl > 0) {
        raise_ud(cpu);
    }
    cpu->eflags = on ? cpu->eflags | FLAG_AC : cpu->eflags & ~FLAG_AC;
    cpu_update_mode(cpu);
}

void x_clac(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    set_ac(cpu, false);
}

void x_stac(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    set_ac(cpu, true);
}

/* Time stamps ------------------------------------------------------------------------------- */

static void read_tsc(struct x86_cpu *cpu)
{
    uint64_t tsc;

    if ((cpu->cr4 & CR4_TSD) && cpu->cpl > 0) {
        raise_gp0(cpu);
    }
    tsc = cpu_tsc(cpu);
    cpu->regs[R_RAX] = (uint32_t)tsc;
    cpu->regs[R_RDX] = tsc >> 32;
}

void x_rdtsc(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    read_tsc(cpu);
}

void x_rdtscp(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    read_tsc(cpu);
    cpu->regs[R_RCX] = (uint32_t)cpu->tsc_aux;
}

void x_rdpid(struct x86_cpu *cpu, const struct insn *i)
{
    reg_write(cpu, i->op[0].reg, (uint32_t)cpu->tsc_aux, cpu->code64 ? 8 : 4);
}

/* No performance counter is offered, so every index is out of range. */
void x_rdpmc(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    raise_gp0(cpu);
}

/* Random numbers: CF tells success; a failure gives 0. */
void x_rdrand(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = 0;
    bool ok = guest_random(&v, sizeof(v));

    store_operand(cpu, i, 0, ok ? v : 0);
    flags_set(cpu, ok ? FLAG_CF : 0);
}

void x_rdseed(struct x86_cpu *cpu, const struct insn *i)
{
    x_rdrand(cpu, i);
}

/* Caches, SMM, monitors --------------------------------------------------------------------- */

void x_invd(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu;
    (void)i;
}

void x_wbinvd(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu;
    (void)i;
}

/* #UD, not #GP, above level 0.  The address must be readable; nothing is armed: MWAIT may wake at any time. */
void x_monitor(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t at = reg_read(cpu, R_RAX, i->addrsize);

    if (cpu->cpl > 0) {
        raise_ud(cpu);
    }
    if ((uint32_t)cpu->regs[R_RCX]) {
        raise_gp0(cpu);
    }
    segment_load(cpu, i->seg < SEG_COUNT ? i->seg : SEG_DS, at, 1);
}

void x_mwait(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    if (cpu->cpl > 0) {
        raise_ud(cpu);
    }
    if ((uint32_t)cpu->regs[R_RCX] & ~1u) {
        raise_gp0(cpu);
    }
    cpu->stop_block = true;
}

void x_ud(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    raise_ud(cpu);
}
