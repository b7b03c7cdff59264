/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/inner_stack.c: stacks of calls and interrupts that are pushed on before they become
 * SS:RSP, so that a fault leaves the registers as they were.
 *
 * Thread: the vCPU's own.  Source: SDM vol. 3, 5.8.5 and 6.12.1, 6.14.2.
 */
#include "target/i386/exec_system.h"
#include "target/i386/mem.h"
#include "target/i386/operand.h"

uint64_t tss64_stack(struct x86_cpu *cpu, unsigned slot)
{
    uint32_t offset = 4 + slot * 8;
    uint64_t rsp;

    if (offset + 7 > cpu->tr.limit) {
        raise_error(cpu, EXC_TS, cpu->tr.selector & ~3u);
    }
    rsp = system_load(cpu, cpu->tr.base + offset, 8);
    if (!is_canonical(rsp)) {
        raise_error(cpu, EXC_SS, 0);
    }
    return rsp;
}

/* SS and ESP for a level from a 16 or 32-bit TSS. */
static void tss_stack(struct x86_cpu *cpu, unsigned dpl, struct inner_stack *st)
{
    bool wide = cpu->tr.attr & 8;
    unsigned size = wide ? 4 : 2;
    uint32_t offset = wide ? dpl * 8 + 4 : dpl * 4 + 2;

    if (!(cpu->tr.attr & ATTR_P) || offset + size + 1 > cpu->tr.limit) {
        raise_error(cpu, EXC_TS, cpu->tr.selector & ~3u);
    }
    st->rsp = system_load(cpu, system_linear(cpu, cpu->tr.base + offset), size);
    st->selector = (uint16_t)system_load(cpu, system_linear(cpu, cpu->tr.base + offset + size), 2);
}

void inner_stack_from_tss(struct x86_cpu *cpu, unsigned dpl, struct inner_stack *st)
{
    struct descriptor d;

    st->bank = TLB_KERNEL;
    st->fault = EXC_SS;
    if (cpu->long_mode) {
        st->rsp = tss64_stack(cpu, dpl);
        st->selector = (uint16_t)dpl;
        segment_set_null_ss(&st->seg, dpl);
        st->bits = 64;
        st->error = 0;
        return;
    }
    tss_stack(cpu, dpl, st);
    st->error = st->selector & ~3u;
    if (st->error == 0) {
        raise_error(cpu, EXC_TS, 0);
    }
    if (!descriptor_read(cpu, st->selector, &d) || (st->selector & 3u) != dpl ||
        attr_dpl(d.attr) != dpl || !attr_is_stack(d.attr)) {
        raise_error(cpu, EXC_TS, st->error);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_SS, st->error);
    }
    descriptor_set_accessed(cpu, &d);
    segment_from_descriptor(&st->seg, st->selector, &d);
    st->bits = d.attr & ATTR_DB ? 32 : 16;
}

void inner_stack_current(const struct x86_cpu *cpu, struct inner_stack *st)
{
    *st = (struct inner_stack){
        .selector = cpu->seg[SEG_SS].selector,
        .seg = cpu->seg[SEG_SS],
        .rsp = cpu->regs[R_RSP],
        .bits = cpu->stack_size * 8u,
        .bank = cpu->bank,
        .fault = EXC_SS,
        .error = 0,
    };
}

uint64_t inner_stack_linear(struct x86_cpu *cpu, const struct inner_stack *st, uint64_t offset,
                            unsigned size)
{
    if (st->bits == 64) {
        if (!is_canonical(offset) || !is_canonical(offset + size - 1)) {
            raise_error(cpu, st->fault, st->error);
        }
        return offset;
    }
    if (!segment_within_limit(&st->seg, (uint32_t)offset, size)) {
        raise_error(cpu, st->fault, st->error);
    }
    return (uint32_t)(st->seg.base + (uint32_t)offset);
}

void inner_stack_push(struct x86_cpu *cpu, struct inner_stack *st, uint64_t v, unsigned size)
{
    uint64_t mask = size_mask(st->bits / 8);
    uint64_t offset = (st->rsp - size) & mask;

    mem_store_bank(cpu, inner_stack_linear(cpu, st, offset, size), v & size_mask(size), size,
                   st->bank);
    /* A 16-bit stack keeps the upper half of ESP. */
    st->rsp = st->bits == 16 ? (st->rsp & ~mask) | offset : offset;
}

void inner_stack_commit(struct x86_cpu *cpu, const struct inner_stack *st)
{
    cpu->seg[SEG_SS] = st->seg;
    cpu->regs[R_RSP] = st->rsp;
}
