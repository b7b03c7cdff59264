/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/fast_call.c: SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS.
 *
 * The segments that these load are flat and fixed; no descriptor is read.  Thread: the vCPU's own.
 * Source: SDM vol. 2; AMD64 APM vol. 3 for SYSCALL outside 64-bit code, which Intel lacks.
 */
#include "target/i386/cpuid_models.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define FLAT_CODE   (ATTR_G | ATTR_P | ATTR_S | ATTR_CODE | ATTR_W | ATTR_A)
#define FLAT_CODE32 (FLAT_CODE | ATTR_DB)
#define FLAT_CODE64 (FLAT_CODE | ATTR_L)
#define FLAT_STACK  (ATTR_G | ATTR_DB | ATTR_P | ATTR_S | ATTR_W | ATTR_A)
#define FLAGS_ALL                                                                                  \
    (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM |         \
     FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID)

/* CS and SS of a privilege level, flat; the mode follows. */
static void load_flat(struct x86_cpu *cpu, uint16_t cs, uint16_t ss, unsigned dpl, bool code64)
{
    uint16_t level = (uint16_t)(dpl << ATTR_DPL_SHIFT);

    segment_set(&cpu->seg[SEG_SS], (uint16_t)((ss & ~3u) | dpl), 0, UINT32_MAX, FLAT_STACK | level);
    segment_set(&cpu->seg[SEG_CS], (uint16_t)((cs & ~3u) | dpl), 0, UINT32_MAX,
                (uint16_t)((code64 ? FLAT_CODE64 : FLAT_CODE32) | level));
    cpu_update_mode(cpu);
    cpu->stop_block = true;
}

void x_syscall(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t flags = cpu_eflags(cpu);
    uint16_t cs = (uint16_t)(cpu->star >> 32);

    (void)i;
    if (!(cpu->efer & EFER_SCE) || (!cpu->code64 && !cpu_is_amd(cpu))) {
        raise_ud(cpu);
    }
    if (!cpu->long_mode) {
        reg_write(cpu, R_RCX, cpu->regs[R_RIP], 4);
        cpu->regs[R_RIP] = (uint32_t)cpu->star;
        eflags_write(cpu, 0, FLAG_IF | FLAG_VM | FLAG_RF);
        load_flat(cpu, cs, cs + 8, 0, false);
        return;
    }
    cpu->regs[R_RCX] = cpu->regs[R_RIP];
    cpu->regs[R_R11] = flags & ~FLAG_RF;
    cpu->regs[R_RIP] = cpu->code64 ? cpu->lstar : cpu->cstar;
    eflags_write(cpu, flags & ~(uint32_t)cpu->sfmask & ~FLAG_RF, FLAGS_ALL);
    load_flat(cpu, cs, cs + 8, 0, true);
}

void x_sysret(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t base = (uint16_t)(cpu->star >> 48);
    bool to64 = i->opsize == 8;

    if (!(cpu->efer & EFER_SCE) || (!cpu->code64 && !cpu_is_amd(cpu))) {
        raise_ud(cpu);
    }
    if (cpu->cpl != 0 || !cpu->protected_mode || (to64 && !is_canonical(cpu->regs[R_RCX]))) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RIP] = to64 ? cpu->regs[R_RCX] : (uint32_t)cpu->regs[R_RCX];
    if (cpu->long_mode) {
        eflags_write(cpu, (uint32_t)cpu->regs[R_R11], FLAGS_ALL & ~FLAG_RF & ~FLAG_VM);
        cpu->eflags &= ~(FLAG_RF | FLAG_VM);
    } else {
        eflags_write(cpu, FLAG_IF, FLAG_IF);
    }
    load_flat(cpu, to64 ? base + 16 : base, base + 8, 3, to64);
}

/* AMD has SYSENTER and SYSEXIT outside long mode alone (APM vol. 3). */
static void check_sysenter(struct x86_cpu *cpu)
{
    if (cpu->long_mode && cpu_is_amd(cpu)) {
        raise_ud(cpu);
    }
}

void x_sysenter(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t cs = (uint16_t)cpu->sysenter_cs;

    (void)i;
    check_sysenter(cpu);
    if (!cpu->protected_mode || !(cs & ~3u)) {
        raise_gp0(cpu);
    }
    eflags_write(cpu, 0, FLAG_VM | FLAG_IF | FLAG_RF);
    cpu->regs[R_RSP] = cpu->long_mode ? cpu->sysenter_esp : (uint32_t)cpu->sysenter_esp;
    cpu->regs[R_RIP] = cpu->long_mode ? cpu->sysenter_eip : (uint32_t)cpu->sysenter_eip;
    load_flat(cpu, cs, cs + 8, 0, cpu->long_mode);
}

void x_sysexit(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t cs = (uint16_t)cpu->sysenter_cs;
    bool to64 = i->opsize == 8;
    uint64_t rip = cpu->regs[R_RDX], rsp = cpu->regs[R_RCX];

    check_sysenter(cpu);
    if (!cpu->protected_mode || !(cs & ~3u) || cpu->cpl != 0) {
        raise_gp0(cpu);
    }
    if (to64 && (!is_canonical(rip) || !is_canonical(rsp))) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RSP] = to64 ? rsp : (uint32_t)rsp;
    cpu->regs[R_RIP] = to64 ? rip : (uint32_t)rip;
    load_flat(cpu, cs + (to64 ? 32 : 16), cs + (to64 ? 40 : 24), 3, to64);
}

void x_swapgs(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t base = cpu->seg[SEG_GS].base;

    (void)i;
    segment_set_base(&cpu->seg[SEG_GS], cpu->kernel_gs_base);
    cpu->kernel_gs_base = base;
}
