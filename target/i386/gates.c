/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/gates.c: far jumps and calls: direct, through call gates and to tasks.
 *
 * Invariant: no register changes before the last check and the last push.
 * Thread: the vCPU's own.  Source: SDM vol. 2, "CALL" and "JMP"; vol. 3, 5.8.
 */
#include <inttypes.h>
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "util/log.h"

enum { TYPE_TSS16 = 1, TYPE_GATE16 = 4, TYPE_TASK_GATE = 5, TYPE_TSS32 = 9, TYPE_GATE32 = 12 };

/* Where a call gate leads. */
struct gate_target {
    uint16_t selector;
    uint64_t offset;
    unsigned size;   /* of what is pushed: 2, 4 or 8 */
    unsigned params; /* words or dwords to copy */
    struct descriptor code;
};

static bool real_segments(const struct x86_cpu *cpu)
{
    return !cpu->protected_mode || cpu->vm86;
}

static bool descriptor_is_64(const struct x86_cpu *cpu, const struct descriptor *d)
{
    return cpu->long_mode && (d->attr & ATTR_L);
}

void check_target(struct x86_cpu *cpu, const struct descriptor *d, uint64_t offset)
{
    if (descriptor_is_64(cpu, d) ? !is_canonical(offset) : offset > d->limit) {
        raise_gp0(cpu);
    }
}

/* A code segment named by the instruction itself. */
static void check_direct_code(struct x86_cpu *cpu, uint16_t selector, const struct descriptor *d)
{
    uint16_t error = selector & ~3u;
    unsigned dpl = attr_dpl(d->attr), rpl = selector & 3u;
    bool allowed =
        attr_is_conforming(d->attr) ? dpl <= cpu->cpl : rpl <= cpu->cpl && dpl == cpu->cpl;

    if (!attr_is_code(d->attr) || !allowed) {
        raise_error(cpu, EXC_GP, error);
    }
    if (descriptor_is_64(cpu, d) && (d->attr & ATTR_DB)) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(d->attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
}

static void gate_resolve(struct x86_cpu *cpu, uint16_t selector, const struct descriptor *gate,
                         struct gate_target *t)
{
    uint16_t error = selector & ~3u;
    unsigned dpl = attr_dpl(gate->attr);
    struct descriptor upper = *gate;
    uint32_t high = 0;

    if (dpl < cpu->cpl || dpl < (selector & 3u)) {
        raise_error(cpu, EXC_GP, error);
    }
    if (cpu->long_mode && !descriptor_read_high(cpu, selector, &upper, &high)) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(gate->attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
    t->selector = (uint16_t)(gate->lo >> 16);
    t->offset = (gate->lo & 0xffff) | (gate->hi & 0xffff0000) | (uint64_t)high << 32;
    t->params = cpu->long_mode ? 0 : gate->hi & 0x1f;
    t->size = cpu->long_mode ? 8 : (gate->attr & ATTR_TYPE) == TYPE_GATE32 ? 4 : 2;
    if (t->size == 2) {
        t->offset &= 0xffff;
    }
    error = t->selector & ~3u;
    if (error == 0) {
        raise_gp0(cpu);
    }
    if (!descriptor_read(cpu, t->selector, &t->code) || !attr_is_code(t->code.attr) ||
        attr_dpl(t->code.attr) > cpu->cpl) {
        raise_error(cpu, EXC_GP, error);
    }
    if (cpu->long_mode && (t->code.attr & (ATTR_L | ATTR_DB)) != ATTR_L) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(t->code.attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
}

/* The system descriptors that a far transfer accepts; 0: none of them. */
static unsigned transfer_type(const struct x86_cpu *cpu, const struct descriptor *d)
{
    unsigned type = d->attr & ATTR_TYPE;
    unsigned accepted = cpu->long_mode
                            ? 1u << TYPE_GATE32
                            : 1u << TYPE_TSS16 | 1u << TYPE_GATE16 | 1u << TYPE_TASK_GATE |
                                  1u << TYPE_TSS32 | 1u << TYPE_GATE32;

    return accepted >> type & 1 ? type : 0;
}

/* A TSS or task gate named by JMP or CALL. */
static void switch_to_task(struct x86_cpu *cpu, uint16_t selector, const struct descriptor *d,
                           enum task_switch_kind kind)
{
    uint16_t error = selector & ~3u;
    unsigned dpl = attr_dpl(d->attr);

    if (dpl < cpu->cpl || dpl < (selector & 3u)) {
        raise_error(cpu, EXC_GP, error);
    }
    if ((d->attr & ATTR_TYPE) == TYPE_TASK_GATE) {
        if (!(d->attr & ATTR_P)) {
            raise_error(cpu, EXC_NP, error);
        }
        selector = (uint16_t)(d->lo >> 16);
    }
    task_switch(cpu, selector, kind, false, 0);
}

static void read_target(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d)
{
    if ((selector & ~3u) == 0) {
        raise_gp0(cpu);
    }
    if (!descriptor_read(cpu, selector, d)) {
        raise_error(cpu, EXC_GP, selector & ~3u);
    }
}

void far_jump(struct x86_cpu *cpu, uint16_t selector, uint64_t offset, unsigned opsize)
{
    struct gate_target t;
    struct descriptor d;
    unsigned type;

    offset &= size_mask(opsize);
    if (real_segments(cpu)) {
        if (offset > cpu->seg[SEG_CS].limit) {
            raise_gp0(cpu);
        }
        load_segment_real(cpu, SEG_CS, selector);
        cpu->regs[R_RIP] = offset;
        return;
    }
    read_target(cpu, selector, &d);
    if (d.attr & ATTR_S) {
        check_direct_code(cpu, selector, &d);
    } else {
        type = transfer_type(cpu, &d);
        if (type == 0) {
            raise_error(cpu, EXC_GP, selector & ~3u);
        }
        if (type != TYPE_GATE16 && type != TYPE_GATE32) {
            switch_to_task(cpu, selector, &d, TASK_JUMP);
            return;
        }
        gate_resolve(cpu, selector, &d, &t);
        if (!attr_is_conforming(t.code.attr) && attr_dpl(t.code.attr) != cpu->cpl) {
            raise_error(cpu, EXC_GP, t.selector & ~3u);
        }
        selector = t.selector;
        offset = t.offset;
        d = t.code;
    }
    check_target(cpu, &d, offset);
    descriptor_set_accessed(cpu, &d);
    code_segment_load(cpu, selector, &d, cpu->cpl);
    cpu->regs[R_RIP] = offset;
}

/* The return address goes on the current stack. */
static void call_same_level(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d,
                            uint64_t offset, unsigned size)
{
    struct inner_stack st;

    inner_stack_current(cpu, &st);
    if (descriptor_is_64(cpu, d)) {
        st.bits = 64; /* compatibility-mode code that calls a 64-bit segment */
    }
    check_target(cpu, d, offset);
    descriptor_set_accessed(cpu, d);
    inner_stack_push(cpu, &st, cpu->seg[SEG_CS].selector, size);
    inner_stack_push(cpu, &st, cpu->regs[R_RIP], size);
    inner_stack_commit(cpu, &st);
    code_segment_load(cpu, selector, d, cpu->cpl);
    cpu->regs[R_RIP] = offset;
}

/* Through a gate to a more privileged level: new stack, old SS:RSP, parameters, return address. */
static void call_inner_level(struct x86_cpu *cpu, struct gate_target *t)
{
    unsigned dpl = attr_dpl(t->code.attr), size = t->size;
    uint64_t sp = stack_pointer(cpu);
    struct inner_stack st;

    inner_stack_from_tss(cpu, dpl, &st);
    check_target(cpu, &t->code, t->offset);
    descriptor_set_accessed(cpu, &t->code);
    inner_stack_push(cpu, &st, cpu->seg[SEG_SS].selector, size);
    inner_stack_push(cpu, &st, cpu->regs[R_RSP], size);
    for (unsigned n = t->params; n-- > 0;) {
        uint64_t at = (sp + n * size) & size_mask(cpu->stack_size);

        inner_stack_push(cpu, &st, segment_load(cpu, SEG_SS, at, size), size);
    }
    inner_stack_push(cpu, &st, cpu->seg[SEG_CS].selector, size);
    inner_stack_push(cpu, &st, cpu->regs[R_RIP], size);
    inner_stack_commit(cpu, &st);
    code_segment_load(cpu, t->selector, &t->code, dpl);
    cpu->regs[R_RIP] = t->offset;
}

static void far_call_real(struct x86_cpu *cpu, uint16_t selector, uint64_t offset, unsigned opsize)
{
    struct inner_stack st;

    if (offset > cpu->seg[SEG_CS].limit) {
        raise_gp0(cpu);
    }
    inner_stack_current(cpu, &st);
    inner_stack_push(cpu, &st, cpu->seg[SEG_CS].selector, opsize);
    inner_stack_push(cpu, &st, cpu->regs[R_RIP], opsize);
    inner_stack_commit(cpu, &st);
    load_segment_real(cpu, SEG_CS, selector);
    cpu->regs[R_RIP] = offset;
}

void far_call(struct x86_cpu *cpu, uint16_t selector, uint64_t offset, unsigned opsize)
{
    struct gate_target t;
    struct descriptor d;
    unsigned type;

    offset &= size_mask(opsize);
    if (real_segments(cpu)) {
        far_call_real(cpu, selector, offset, opsize);
        return;
    }
    read_target(cpu, selector, &d);
    if (d.attr & ATTR_S) {
        check_direct_code(cpu, selector, &d);
        call_same_level(cpu, selector, &d, offset, opsize);
        return;
    }
    type = transfer_type(cpu, &d);
    if (type == 0) {
        raise_error(cpu, EXC_GP, selector & ~3u);
    }
    if (type != TYPE_GATE16 && type != TYPE_GATE32) {
        switch_to_task(cpu, selector, &d, TASK_CALL);
        return;
    }
    gate_resolve(cpu, selector, &d, &t);
    if (!attr_is_conforming(t.code.attr) && attr_dpl(t.code.attr) < cpu->cpl) {
        call_inner_level(cpu, &t);
    } else {
        call_same_level(cpu, t.selector, &t.code, t.offset, t.size);
    }
}

void log_far(const struct x86_cpu *cpu, const char *what)
{
    if (cpu->protected_mode) {
        log_line(LOG_PCALL,
                 "%s at 0x%016" PRIx64 " to %04x:%016" PRIx64 " cpl=%u ss:rsp=%04x:%016" PRIx64,
                 what, cpu->insn_start, cpu->seg[SEG_CS].selector, cpu->regs[R_RIP],
                 (unsigned)cpu->cpl, cpu->seg[SEG_SS].selector, cpu->regs[R_RSP]);
    }
}

/* A far pointer in memory: offset first. */
static uint16_t load_far_operand(struct x86_cpu *cpu, const struct insn *i, uint64_t *offset)
{
    uint64_t ea = insn_ea(cpu, i), next = ea + i->opsize;

    next = i->addrsize == 8 ? next : next & size_mask(i->addrsize);
    *offset = segment_load(cpu, i->seg, ea, i->opsize);
    return (uint16_t)segment_load(cpu, i->seg, next, 2);
}

void x_jmp_far(struct x86_cpu *cpu, const struct insn *i)
{
    far_jump(cpu, i->imm2, i->imm, i->opsize);
    log_far(cpu, "far jmp");
}

void x_jmp_far_mem(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t offset;
    uint16_t selector = load_far_operand(cpu, i, &offset);

    far_jump(cpu, selector, offset, i->opsize);
    log_far(cpu, "far jmp");
}

void x_call_far(struct x86_cpu *cpu, const struct insn *i)
{
    far_call(cpu, i->imm2, i->imm, i->opsize);
    log_far(cpu, "far call");
}

void x_call_far_mem(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t offset;
    uint16_t selector = load_far_operand(cpu, i, &offset);

    far_call(cpu, selector, offset, i->opsize);
    log_far(cpu, "far call");
}
