/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/task.c: hardware task switches by JMP, CALL, IRET and task gates.
 *
 * Invariant: until `commit` every fault leaves the old task as it was; from then on faults belong
 *            to the new task's first instruction.
 * Thread: the vCPU's own.  Source: SDM vol. 3, 7.3.
 */
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

/* Offsets in a TSS: 16-bit, 32-bit. */
struct tss_layout {
    unsigned word; /* bytes of a register */
    unsigned min_limit;
    unsigned cr3, ip, flags, regs, seg, ldt, trap;
    unsigned n_seg, seg_step, last;
};

/* clang-format off */
static const struct tss_layout tss_layouts[2] = {
    /* word limit  cr3  ip    flags regs  seg   ldt   trap  segments step end */
    {  2,   0x2b,  0,   0x0e, 0x10, 0x12, 0x22, 0x2a, 0,    4,       2,   0x29 },
    {  4,   0x67,  0x1c, 0x20, 0x24, 0x28, 0x48, 0x60, 0x64, 6,      4,   0x5f },
};
/* clang-format on */

/* What a TSS holds of a task. */
struct task_state {
    uint32_t cr3, ip, flags, regs[8];
    uint16_t seg[6], ldt; /* segments in the order of enum x86_seg */
    bool trap;
};

static const struct tss_layout *layout_of(uint16_t attr)
{
    return &tss_layouts[attr & 8 ? 1 : 0];
}

static uint64_t tss_load(struct x86_cpu *cpu, uint64_t base, unsigned offset, unsigned size)
{
    return system_load(cpu, system_linear(cpu, base + offset), size);
}

static void tss_store(struct x86_cpu *cpu, uint64_t base, unsigned offset, uint64_t v,
                      unsigned size)
{
    system_store(cpu, system_linear(cpu, base + offset), v, size);
}

/* The new task's descriptor, checked for this kind of switch. */
static void read_tss(struct x86_cpu *cpu, uint16_t selector, enum task_switch_kind kind,
                     struct descriptor *d)
{
    enum x86_exception fault = kind == TASK_IRET ? EXC_TS : EXC_GP;
    unsigned wanted = kind == TASK_IRET ? 3 : 1; /* busy or available */
    uint16_t error = selector & ~3u;

    if ((selector & 4) || error == 0 || !descriptor_read(cpu, selector, d) ||
        (d->attr & (ATTR_S | 7)) != wanted) {
        raise_error(cpu, fault, error);
    }
    if (!(d->attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
    if (d->limit < layout_of(d->attr)->min_limit) {
        raise_error(cpu, EXC_TS, error);
    }
}

static void read_state(struct x86_cpu *cpu, const struct descriptor *d, struct task_state *t)
{
    const struct tss_layout *l = layout_of(d->attr);

    memset(t, 0, sizeof(*t));
    t->cr3 = l->cr3 ? (uint32_t)tss_load(cpu, d->base, l->cr3, 4) : 0;
    t->ip = (uint32_t)tss_load(cpu, d->base, l->ip, l->word);
    t->flags = (uint32_t)tss_load(cpu, d->base, l->flags, l->word);
    for (unsigned n = 0; n < 8; n++) {
        t->regs[n] = (uint32_t)tss_load(cpu, d->base, l->regs + n * l->word, l->word);
        if (l->word == 2) {
            t->regs[n] |= 0xffff0000;
        }
    }
    for (unsigned n = 0; n < l->n_seg; n++) {
        t->seg[n] = (uint16_t)tss_load(cpu, d->base, l->seg + n * l->seg_step, 2);
    }
    t->ldt = (uint16_t)tss_load(cpu, d->base, l->ldt, 2);
    t->trap = l->trap && (tss_load(cpu, d->base, l->trap, 2) & 1);
}

/* The page probes come first: after them no store can fault. */
static void save_state(struct x86_cpu *cpu, uint32_t flags)
{
    const struct tss_layout *l = layout_of(cpu->tr.attr);
    uint64_t base = cpu->tr.base;

    mem_probe_write_slow(cpu, system_linear(cpu, base + l->ip), 1, BANK_SYSTEM);
    mem_probe_write_slow(cpu, system_linear(cpu, base + l->last), 1, BANK_SYSTEM);
    tss_store(cpu, base, l->ip, cpu->regs[R_RIP], l->word);
    tss_store(cpu, base, l->flags, flags, l->word);
    for (unsigned n = 0; n < 8; n++) {
        tss_store(cpu, base, l->regs + n * l->word, cpu->regs[n], l->word);
    }
    for (unsigned n = 0; n < l->n_seg; n++) {
        tss_store(cpu, base, l->seg + n * l->seg_step, cpu->seg[n].selector, 2);
    }
}

static void load_task_cs(struct x86_cpu *cpu, uint16_t selector)
{
    uint16_t error = selector & ~3u;
    unsigned rpl = selector & 3u;
    struct descriptor d;

    if (error == 0 || !descriptor_read(cpu, selector, &d) || !attr_is_code(d.attr) ||
        (attr_is_conforming(d.attr) ? attr_dpl(d.attr) > rpl : attr_dpl(d.attr) != rpl)) {
        raise_error(cpu, EXC_TS, error);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
    descriptor_set_accessed(cpu, &d);
    segment_from_descriptor(&cpu->seg[SEG_CS], selector, &d);
}

static void load_task_ss(struct x86_cpu *cpu, uint16_t selector, unsigned cpl)
{
    uint16_t error = selector & ~3u;
    struct descriptor d;

    if (error == 0 || !descriptor_read(cpu, selector, &d) || (selector & 3u) != cpl ||
        !attr_is_stack(d.attr) || attr_dpl(d.attr) != cpl) {
        raise_error(cpu, EXC_TS, error);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_SS, error);
    }
    descriptor_set_accessed(cpu, &d);
    segment_from_descriptor(&cpu->seg[SEG_SS], selector, &d);
}

static void load_task_data(struct x86_cpu *cpu, unsigned seg, uint16_t selector)
{
    uint16_t error = selector & ~3u;
    struct descriptor d;

    if (error == 0) {
        return; /* cleared at the commit */
    }
    if (!descriptor_read(cpu, selector, &d) || !(d.attr & ATTR_S) ||
        ((d.attr & ATTR_CODE) && !(d.attr & ATTR_W)) ||
        (!attr_is_conforming(d.attr) && MAX(selector & 3u, cpu->cpl) > attr_dpl(d.attr))) {
        raise_error(cpu, EXC_TS, error);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
    descriptor_set_accessed(cpu, &d);
    segment_from_descriptor(&cpu->seg[seg], selector, &d);
}

/*
 * General registers and selectors of the new task; the hidden parts are invalid until loaded.
 * SS keeps the privilege level that the new CS asks for, since CPL follows it.
 */
static void commit(struct x86_cpu *cpu, const struct task_state *t)
{
    static const uint32_t loaded = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT |
                                   FLAG_RF | FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID;

    for (unsigned n = 0; n < 8; n++) {
        cpu->regs[n] = t->regs[n];
    }
    cpu->regs[R_RIP] = t->ip;
    cpu->insn_start = t->ip;
    cpu->eflags = 2;
    eflags_write(cpu, t->flags, loaded);
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        segment_set(&cpu->seg[s], t->seg[s], 0, 0, 0);
    }
    cpu->seg[SEG_SS].attr = (uint16_t)((t->seg[SEG_CS] & 3) << ATTR_DPL_SHIFT);
    segment_set(&cpu->ldt, t->ldt, 0, 0, 0);
    cpu->cr0 |= CR0_TS;
    cpu->dr[7] &= ~0x155ull; /* local breakpoints are the old task's */
    cpu->halted = false;
    cpu_update_mode(cpu);
}

static void load_task_segments(struct x86_cpu *cpu, const struct task_state *t)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };

    load_ldt(cpu, t->ldt, EXC_TS);
    if (cpu->eflags & FLAG_VM) {
        for (unsigned s = 0; s < SEG_COUNT; s++) {
            load_segment_real(cpu, s, t->seg[s]);
        }
        return;
    }
    load_task_ss(cpu, t->seg[SEG_SS], t->seg[SEG_CS] & 3u);
    cpu_update_mode(cpu);
    for (unsigned n = 0; n < G_N_ELEMENTS(data); n++) {
        load_task_data(cpu, data[n], t->seg[data[n]]);
    }
    load_task_cs(cpu, t->seg[SEG_CS]);
    cpu_update_mode(cpu);
}

/* Busy bits and the back link, by kind: SDM vol. 3, table 7-2. */
static void link_tasks(struct x86_cpu *cpu, const struct descriptor *next,
                       enum task_switch_kind kind)
{
    struct descriptor old;

    if ((kind == TASK_JUMP || kind == TASK_IRET) && descriptor_read(cpu, cpu->tr.selector, &old)) {
        descriptor_set_busy(cpu, &old, false);
    }
    if (kind == TASK_CALL || kind == TASK_GATE) {
        tss_store(cpu, next->base, 0, cpu->tr.selector, 2);
    }
    if (kind != TASK_IRET) {
        descriptor_set_busy(cpu, next, true);
    }
}

static void push_error(struct x86_cpu *cpu, unsigned size, uint32_t error)
{
    struct inner_stack st;

    inner_stack_current(cpu, &st);
    inner_stack_push(cpu, &st, error, size);
    inner_stack_commit(cpu, &st);
}

void task_switch(struct x86_cpu *cpu, uint16_t selector, enum task_switch_kind kind, bool has_error,
                 uint32_t error)
{
    uint32_t flags = cpu_eflags(cpu);
    struct descriptor d;
    struct task_state t;
    const struct tss_layout *l;

    read_tss(cpu, selector, kind, &d);
    l = layout_of(d.attr);
    read_state(cpu, &d, &t);
    if (kind == TASK_CALL || kind == TASK_GATE) {
        mem_probe_write_slow(cpu, system_linear(cpu, d.base), 2, BANK_SYSTEM);
    }
    if (kind == TASK_IRET) {
        flags &= ~FLAG_NT;
    }
    save_state(cpu, flags);
    link_tasks(cpu, &d, kind);
    if (kind == TASK_CALL || kind == TASK_GATE) {
        t.flags |= FLAG_NT;
    }
    d.attr |= 2;
    segment_from_descriptor(&cpu->tr, selector, &d);
    commit(cpu, &t);
    cpu->stop_block = true;
    if (l->cr3 && (cpu->cr0 & CR0_PG)) {
        cr3_load(cpu, t.cr3, false);
    }
    load_task_segments(cpu, &t);
    if (t.ip > cpu->seg[SEG_CS].limit) {
        raise_gp0(cpu);
    }
    if (has_error) {
        push_error(cpu, l->word, error);
    }
    if (t.trap) {
        cpu->dr6_pending |= 1u << 15; /* BT */
        cpu_deliver(cpu, EXC_DB, EVENT_TRAP, false, 0);
    }
}
