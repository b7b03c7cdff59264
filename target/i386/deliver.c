/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/deliver.c: entering an interrupt or exception handler through the IVT or the IDT.
 *
 * Invariant: registers change only after the last check and the last push.
 * Thread: the vCPU's own.  Source: SDM vol. 3, 6.12 and 6.14; vol. 2, "INT n".
 */
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

/* An interrupt, trap or task gate. */
struct gate {
    unsigned type, dpl, ist;
    bool present;
    uint16_t selector;
    uint64_t offset;
};

enum { GATE_TASK = 5, GATE_INT16 = 6, GATE_TRAP16 = 7, GATE_INT32 = 14, GATE_TRAP32 = 15 };

/* The error code that names the gate: IDT = 1. */
static uint32_t idt_error(const struct event *e)
{
    return (uint32_t)e->vector * 8 + 2;
}

void deliver_real(struct x86_cpu *cpu, const struct event *e)
{
    uint32_t at = (uint32_t)e->vector * 4;
    struct inner_stack st;
    uint64_t entry;

    if (at + 3 > cpu->idt.limit) {
        raise_error(cpu, EXC_GP, idt_error(e));
    }
    entry = system_load(cpu, (uint32_t)(cpu->idt.base + at), 4);
    inner_stack_current(cpu, &st);
    inner_stack_push(cpu, &st, e->flags, 2);
    inner_stack_push(cpu, &st, cpu->seg[SEG_CS].selector, 2);
    inner_stack_push(cpu, &st, cpu->regs[R_RIP], 2);
    inner_stack_commit(cpu, &st);
    cpu->eflags &= ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
    load_segment_real(cpu, SEG_CS, (uint16_t)(entry >> 16));
    cpu->regs[R_RIP] = entry & 0xffff;
}

static void read_gate(struct x86_cpu *cpu, const struct event *e, struct gate *g)
{
    unsigned size = cpu->long_mode ? 16 : 8;
    uint32_t at = (uint32_t)e->vector * size;
    uint64_t linear = system_linear(cpu, cpu->idt.base + at), raw;
    unsigned accepted = cpu->long_mode ? 1u << GATE_INT32 | 1u << GATE_TRAP32
                                       : 1u << GATE_TASK | 1u << GATE_INT16 | 1u << GATE_TRAP16 |
                                             1u << GATE_INT32 | 1u << GATE_TRAP32;

    if (at + size - 1 > cpu->idt.limit) {
        raise_error(cpu, EXC_GP, idt_error(e));
    }
    raw = system_load(cpu, linear, 8);
    g->type = raw >> 40 & 0x1f; /* S included: it must be 0 */
    g->dpl = raw >> 45 & 3;
    g->present = raw >> 47 & 1;
    g->ist = cpu->long_mode ? raw >> 32 & 7 : 0;
    g->selector = (uint16_t)(raw >> 16);
    g->offset = (raw & 0xffff) | (raw >> 32 & 0xffff0000);
    if (cpu->long_mode) {
        g->offset |= system_load(cpu, linear + 8, 4) << 32;
    }
    if (g->type == GATE_INT16 || g->type == GATE_TRAP16) {
        g->offset &= 0xffff;
    }
    if (!(accepted >> g->type & 1) || (e->kind == EVENT_SOFT_INT && g->dpl < cpu->cpl)) {
        raise_error(cpu, EXC_GP, idt_error(e));
    }
    if (!g->present) {
        raise_error(cpu, EXC_NP, idt_error(e));
    }
}

/* The handler's code segment; *cpl is the level it runs at. */
static void check_handler(struct x86_cpu *cpu, const struct gate *g, struct descriptor *d,
                          unsigned *cpl)
{
    uint16_t error = g->selector & ~3u;
    unsigned dpl;
    bool inner;

    if (error == 0) {
        raise_gp0(cpu);
    }
    if (!descriptor_read(cpu, g->selector, d) || !attr_is_code(d->attr) ||
        attr_dpl(d->attr) > cpu->cpl) {
        raise_error(cpu, EXC_GP, error);
    }
    if (cpu->long_mode && (d->attr & (ATTR_L | ATTR_DB)) != ATTR_L) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(d->attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
    dpl = attr_dpl(d->attr);
    inner = !attr_is_conforming(d->attr) && dpl < cpu->cpl;
    if (cpu->vm86 && (!inner || dpl != 0)) {
        raise_error(cpu, EXC_GP, error);
    }
    *cpl = inner ? dpl : cpu->cpl;
}

static void enter_handler(struct x86_cpu *cpu, const struct gate *g, const struct descriptor *d,
                          unsigned cpl)
{
    uint32_t cleared = FLAG_TF | FLAG_NT | FLAG_VM | FLAG_RF;

    if (g->type == GATE_INT16 || g->type == GATE_INT32) {
        cleared |= FLAG_IF;
    }
    cpu->eflags &= ~cleared;
    code_segment_load(cpu, g->selector, d, cpl);
    cpu->regs[R_RIP] = g->offset;
}

static void push_return(struct x86_cpu *cpu, const struct event *e, struct inner_stack *st,
                        unsigned size)
{
    inner_stack_push(cpu, st, e->flags, size);
    inner_stack_push(cpu, st, cpu->seg[SEG_CS].selector, size);
    inner_stack_push(cpu, st, cpu->regs[R_RIP], size);
    if (e->has_error) {
        inner_stack_push(cpu, st, e->error, size);
    }
}

void deliver_protected(struct x86_cpu *cpu, const struct event *e)
{
    static const uint8_t data[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
    bool from_vm86 = cpu->vm86;
    struct inner_stack st;
    struct descriptor d;
    struct gate g;
    unsigned cpl, size;

    read_gate(cpu, e, &g);
    if (g.type == GATE_TASK) {
        task_switch(cpu, g.selector, TASK_GATE, e->has_error, e->error);
        return;
    }
    size = g.type >= GATE_INT32 ? 4 : 2;
    check_handler(cpu, &g, &d, &cpl);
    if (cpl < cpu->cpl) {
        inner_stack_from_tss(cpu, cpl, &st);
    } else {
        inner_stack_current(cpu, &st);
    }
    check_target(cpu, &d, g.offset);
    descriptor_set_accessed(cpu, &d);
    if (from_vm86) {
        for (unsigned n = 0; n < G_N_ELEMENTS(data); n++) {
            inner_stack_push(cpu, &st, cpu->seg[data[n]].selector, size);
        }
    }
    if (cpl < cpu->cpl) {
        inner_stack_push(cpu, &st, cpu->seg[SEG_SS].selector, size);
        inner_stack_push(cpu, &st, cpu->regs[R_RSP], size);
    }
    push_return(cpu, e, &st, size);
    inner_stack_commit(cpu, &st);
    if (from_vm86) {
        for (unsigned n = 0; n < G_N_ELEMENTS(data); n++) {
            segment_set(&cpu->seg[data[n]], 0, 0, 0, 0);
        }
    }
    enter_handler(cpu, &g, &d, cpl);
}

void deliver_long(struct x86_cpu *cpu, const struct event *e)
{
    struct inner_stack st;
    struct descriptor d;
    struct gate g;
    unsigned cpl;

    read_gate(cpu, e, &g);
    check_handler(cpu, &g, &d, &cpl);
    inner_stack_current(cpu, &st);
    st.bits = 64;
    st.bank = cpl == 3 ? TLB_USER : TLB_KERNEL;
    if (g.ist) {
        st.rsp = tss64_stack(cpu, 3 + g.ist);
    } else if (cpl < cpu->cpl) {
        st.rsp = tss64_stack(cpu, cpl);
    }
    if (cpl < cpu->cpl) {
        segment_set_null_ss(&st.seg, cpl);
    }
    check_target(cpu, &d, g.offset);
    descriptor_set_accessed(cpu, &d);
    st.rsp &= ~0xfull;
    inner_stack_push(cpu, &st, cpu->seg[SEG_SS].selector, 8);
    inner_stack_push(cpu, &st, cpu->regs[R_RSP], 8);
    push_return(cpu, e, &st, 8);
    inner_stack_commit(cpu, &st);
    enter_handler(cpu, &g, &d, cpl);
}
