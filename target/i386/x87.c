/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87.c: the x87 status, control and tag words; pending exceptions; the checks that
 * instruction rows stand for.
 *
 * Invariant: status bits 7 (ES) and 15 (B) are set exactly when a flag in bits 0-5 is unmasked.
 * Thread: the vCPU's own, without the machine lock; FERR# takes it.
 */
#include "target/i386/x87_exec.h"

/* FERR# on a PC goes to IRQ 13 (SDM vol. 1, 8.7.2).  Not called from device code. */
static void drive_ferr(struct x86_cpu *cpu, bool level)
{
    struct machine *m = cpu->vcpu.machine;
    bool locked;

    if (!cpu->ferr) {
        return;
    }
    locked = machine_locked(m);
    if (!locked) {
        machine_lock(m);
    }
    irq_set(cpu->ferr, level);
    if (!locked) {
        machine_unlock(m);
    }
}

void x87_update_summary(struct x86_cpu *cpu)
{
    struct x87_state *x = &cpu->x87;
    bool was = x->status & X87_STATUS_ES, now = x->status & ~x->control & FLOAT_ALL;

    x->status &= (uint16_t) ~(X87_STATUS_ES | X87_STATUS_B);
    x->status |= now ? X87_STATUS_ES | X87_STATUS_B : 0;
    if (was != now && !(cpu->cr0 & CR0_NE)) {
        drive_ferr(cpu, now);
    }
}

static void check_pending(struct x86_cpu *cpu)
{
    if (!(cpu->x87.status & X87_STATUS_ES)) {
        return;
    }
    if (cpu->cr0 & CR0_NE) {
        raise_exception(cpu, EXC_MF);
    }
    /* FERR# was asserted when the exception happened; IGNNE# counts as asserted: go on. */
    drive_ferr(cpu, true);
}

void check_x87(struct x86_cpu *cpu, bool wait)
{
    x87_to_memory(cpu);
    if (cpu->cr0 & (CR0_EM | CR0_TS)) {
        raise_exception(cpu, EXC_NM);
    }
    if (wait) {
        check_pending(cpu);
    }
}

/* FWAIT looks at TS only with MP, and not at EM (SDM vol. 3, table 2-2). */
void x_fwait(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    x87_to_memory(cpu);
    if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
        raise_exception(cpu, EXC_NM);
    }
    check_pending(cpu);
}

/* SDM vol. 3, 12.1 and table 12-1. */
void check_mmx(struct x86_cpu *cpu)
{
    x87_to_memory(cpu);
    if (cpu->cr0 & CR0_EM) {
        raise_ud(cpu);
    }
    if (cpu->cr0 & CR0_TS) {
        raise_exception(cpu, EXC_NM);
    }
    check_pending(cpu);
}

void mmx_executed(struct x86_cpu *cpu, bool empty)
{
    cpu->x87.top = 0;
    cpu->x87.empty = empty ? 0xff : 0;
}

struct float_status x87_begin(const struct x86_cpu *cpu)
{
    static const uint8_t precision[] = { 24, 64, 53, 64 };
    uint16_t cw = cpu->x87.control;

    return (struct float_status){ .rounding = cw >> 10 & 3,
                                  .masked = cw & FLOAT_ALL,
                                  .precision = precision[cw >> 8 & 3] };
}

void x87_record(struct x86_cpu *cpu, const struct insn *i)
{
    struct x87_state *x = &cpu->x87;

    x->opcode = (uint16_t)((i->opcode & 7) << 8 | i->modrm);
    x->ip = cpu->insn_start;
    x->cs = cpu->seg[SEG_CS].selector;
    if (i->modrm < 0xc0) {
        x->dp = insn_ea(cpu, i);
        x->ds = cpu->seg[i->seg].selector;
    }
}

bool x87_end(struct x86_cpu *cpu, const struct insn *i, const struct float_status *st)
{
    x87_record(cpu, i);
    x87_set_cc(cpu, X87_C1, st->rounded_up ? X87_C1 : 0);
    if (st->flags) {
        cpu->x87.status |= st->flags;
        x87_update_summary(cpu);
    }
    return !(st->flags & ~st->masked & (FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_DIVBYZERO));
}

bool x87_stack_fault(struct x86_cpu *cpu, const struct insn *i, bool overflow)
{
    x87_record(cpu, i);
    x87_set_cc(cpu, X87_C1, overflow ? X87_C1 : 0);
    cpu->x87.status |= X87_IE | X87_SF;
    x87_update_summary(cpu);
    return cpu->x87.control & FLOAT_INVALID;
}

uint8_t x87_abridged_tag(const struct x86_cpu *cpu)
{
    return (uint8_t)~cpu->x87.empty;
}

uint16_t x87_full_tag_word(const struct x86_cpu *cpu)
{
    uint16_t tags = 0;

    for (unsigned n = 0; n < 8; n++) {
        unsigned tag;

        if (cpu->x87.empty >> n & 1) {
            tag = 3;
        } else {
            switch (f80_classify(cpu->x87.reg[n])) {
            case F80_NORMAL:
                tag = 0;
                break;
            case F80_ZERO:
                tag = 1;
                break;
            default:
                tag = 2;
            }
        }
        tags |= (uint16_t)(tag << (2 * n));
    }
    return tags;
}

void x87_set_full_tag_word(struct x86_cpu *cpu, uint16_t tags)
{
    cpu->x87.empty = 0;
    for (unsigned n = 0; n < 8; n++) {
        cpu->x87.empty |= (uint8_t)((tags >> (2 * n) & 3) == 3) << n;
    }
}

uint16_t x87_status_word(const struct x86_cpu *cpu)
{
    return (uint16_t)((cpu->x87.status & ~0x3800u) | cpu->x87.top << 11);
}

void x87_set_status_word(struct x86_cpu *cpu, uint16_t status)
{
    /* ES keeps its old value for x87_update_summary to see the edge. */
    uint16_t summary = cpu->x87.status & (X87_STATUS_ES | X87_STATUS_B);

    cpu->x87.top = status >> 11 & 7;
    cpu->x87.status = (uint16_t)((status & 0x477fu) | summary);
    x87_update_summary(cpu);
}

/* Bits 7, 13-15 read as 0 and bit 6 as 1. */
void x87_set_control_word(struct x86_cpu *cpu, uint16_t control)
{
    cpu->x87.control = (uint16_t)((control & 0x1f3fu) | 0x40);
    x87_update_summary(cpu);
}

void x87_init(struct x86_cpu *cpu)
{
    struct x87_state *x = &cpu->x87;

    x87_set_status_word(cpu, 0);
    x->control = 0x37f;
    x->empty = 0xff;
    x->opcode = 0;
    x->cs = x->ds = 0;
    x->ip = x->dp = 0;
}

struct float80 x87_st(const struct x86_cpu *cpu, unsigned n)
{
    return x87_get(cpu, n);
}

void x87_set_from_fxsave(struct x86_cpu *cpu, uint16_t control, uint16_t status,
                         uint8_t abridged_tag, const struct float80 st[8])
{
    x87_set_status_word(cpu, status);
    x87_set_control_word(cpu, control);
    for (unsigned n = 0; n < 8; n++) {
        cpu->x87.reg[x87_physical(cpu, n)] = st[n];
    }
    cpu->x87.empty = (uint8_t)~abridged_tag;
}
