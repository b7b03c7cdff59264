/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/far_return.c: RETF and IRET.
 *
 * Invariant: no register changes before the last check; the frame is read in place and the stack
 *            pointer moves at the end.
 * Thread: the vCPU's own.  Source: SDM vol. 2, "RET" and "IRET"; vol. 3, 20.3.
 */
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define FLAGS_16 (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT)
#define FLAGS_32 (FLAG_RF | FLAG_AC | FLAG_ID)

/* A return frame on the stack, taken apart and checked. */
struct return_frame {
    uint64_t rip, rsp;
    uint16_t cs, ss;
    unsigned rpl;
    bool stack; /* SS:RSP are popped */
    struct descriptor code, stack_desc;
};

/* Slot n of the frame. */
static uint64_t frame_slot(struct x86_cpu *cpu, unsigned n, unsigned opsize, unsigned skip)
{
    uint64_t at = (cpu->regs[R_RSP] + n * opsize + skip) & size_mask(cpu->stack_size);

    return segment_load(cpu, SEG_SS, at, opsize);
}

static void check_return_code(struct x86_cpu *cpu, struct return_frame *f)
{
    uint16_t error = f->cs & ~3u;
    unsigned dpl;

    f->rpl = f->cs & 3u;
    if (error == 0) {
        raise_gp0(cpu);
    }
    if (!descriptor_read(cpu, f->cs, &f->code) || f->rpl < cpu->cpl ||
        !attr_is_code(f->code.attr)) {
        raise_error(cpu, EXC_GP, error);
    }
    dpl = attr_dpl(f->code.attr);
    if (attr_is_conforming(f->code.attr) ? dpl > f->rpl : dpl != f->rpl) {
        raise_error(cpu, EXC_GP, error);
    }
    if (cpu->long_mode && (f->code.attr & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB)) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(f->code.attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
}

static bool frame_is_64(const struct x86_cpu *cpu, const struct return_frame *f)
{
    return cpu->long_mode && (f->code.attr & ATTR_L);
}

static void check_return_stack(struct x86_cpu *cpu, struct return_frame *f)
{
    uint16_t error = f->ss & ~3u;

    if (error == 0) {
        if (!frame_is_64(cpu, f) || f->rpl == 3 || (f->ss & 3u) != f->rpl) {
            raise_gp0(cpu);
        }
        return;
    }
    if (!descriptor_read(cpu, f->ss, &f->stack_desc) || (f->ss & 3u) != f->rpl ||
        !attr_is_stack(f->stack_desc.attr) || attr_dpl(f->stack_desc.attr) != f->rpl) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(f->stack_desc.attr & ATTR_P)) {
        raise_error(cpu, EXC_SS, error);
    }
}

/* What the new level may not use any more becomes null. */
static void drop_inner_segments(struct x86_cpu *cpu)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };

    for (unsigned n = 0; n < G_N_ELEMENTS(data); n++) {
        struct segment *s = &cpu->seg[data[n]];

        if ((s->attr & ATTR_P) && !attr_is_conforming(s->attr) && attr_dpl(s->attr) < cpu->cpl) {
            segment_set(s, 0, 0, 0, 0);
        }
    }
}

/* The last faults, then the commit.  `sp` is the pointer when no stack is popped. */
static void return_commit(struct x86_cpu *cpu, struct return_frame *f, uint64_t sp)
{
    bool outer = f->rpl > cpu->cpl;

    check_target(cpu, &f->code, f->rip);
    descriptor_set_accessed(cpu, &f->code);
    if (f->stack && (f->ss & ~3u)) {
        descriptor_set_accessed(cpu, &f->stack_desc);
        segment_from_descriptor(&cpu->seg[SEG_SS], f->ss, &f->stack_desc);
    } else if (f->stack) {
        segment_set_null_ss(&cpu->seg[SEG_SS], f->rpl);
    } else {
        stack_pointer_set(cpu, sp);
    }
    code_segment_load(cpu, f->cs, &f->code, f->rpl);
    if (f->stack) {
        stack_pointer_set(cpu, f->rsp);
    }
    cpu->regs[R_RIP] = f->rip;
    if (outer) {
        drop_inner_segments(cpu);
    }
}

static void far_return_real(struct x86_cpu *cpu, unsigned opsize, unsigned pop_bytes)
{
    uint64_t rip = frame_slot(cpu, 0, opsize, 0);
    uint16_t cs = (uint16_t)frame_slot(cpu, 1, opsize, 0);

    if (rip > cpu->seg[SEG_CS].limit) {
        raise_gp0(cpu);
    }
    stack_pointer_set(cpu, stack_pointer(cpu) + 2 * opsize + pop_bytes);
    load_segment_real(cpu, SEG_CS, cs);
    cpu->regs[R_RIP] = rip;
}

void far_return(struct x86_cpu *cpu, unsigned opsize, unsigned pop_bytes)
{
    struct return_frame f = { 0 };

    if (!cpu->protected_mode || cpu->vm86) {
        far_return_real(cpu, opsize, pop_bytes);
        return;
    }
    f.rip = frame_slot(cpu, 0, opsize, 0);
    f.cs = (uint16_t)frame_slot(cpu, 1, opsize, 0);
    check_return_code(cpu, &f);
    if (f.rpl > cpu->cpl) {
        f.stack = true;
        f.rsp = frame_slot(cpu, 2, opsize, pop_bytes) + pop_bytes;
        f.ss = (uint16_t)frame_slot(cpu, 3, opsize, pop_bytes);
        check_return_stack(cpu, &f);
    }
    return_commit(cpu, &f, stack_pointer(cpu) + 2 * opsize + pop_bytes);
}

static void iret_real(struct x86_cpu *cpu, unsigned opsize)
{
    uint32_t mask = FLAGS_16 | (opsize >= 4 ? FLAGS_32 : 0);
    uint32_t flags = (uint32_t)frame_slot(cpu, 2, opsize, 0);

    if (cpu->vm86) {
        mask &= ~FLAG_IOPL;
        if ((cpu->eflags & FLAG_IOPL) != FLAG_IOPL) {
            /* IF is virtual: only with CR4.VME, and only where no interrupt is due. */
            bool due = (flags & FLAG_IF) && (cpu->eflags & FLAG_VIP);

            if (!(cpu->cr4 & CR4_VME) || opsize != 2 || due || (flags & FLAG_TF)) {
                raise_gp0(cpu);
            }
            mask = (mask & ~FLAG_IF) | FLAG_VIF;
            flags = flags & FLAG_IF ? flags | FLAG_VIF : flags & ~FLAG_VIF;
        }
    }
    far_return_real(cpu, opsize, opsize);
    eflags_write(cpu, flags, mask);
}

static void iret_to_vm86(struct x86_cpu *cpu, uint64_t rip, uint16_t cs, uint32_t flags)
{
    static const uint8_t order[] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    uint16_t selector[G_N_ELEMENTS(order)];
    uint32_t esp = (uint32_t)frame_slot(cpu, 3, 4, 0);

    for (unsigned n = 0; n < G_N_ELEMENTS(order); n++) {
        selector[n] = (uint16_t)frame_slot(cpu, 4 + n, 4, 0);
    }
    if (rip > 0xffff) {
        raise_gp0(cpu);
    }
    eflags_write(cpu, flags, FLAGS_16 | FLAGS_32 | FLAG_VM | FLAG_VIF | FLAG_VIP);
    load_segment_real(cpu, SEG_CS, cs);
    for (unsigned n = 0; n < G_N_ELEMENTS(order); n++) {
        load_segment_real(cpu, order[n], selector[n]);
    }
    cpu->regs[R_RSP] = esp;
    cpu->regs[R_RIP] = rip;
}

static uint32_t iret_flags_mask(const struct x86_cpu *cpu, unsigned opsize)
{
    uint32_t mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | (opsize >= 4 ? FLAGS_32 : 0);

    if (cpu->cpl == 0) {
        mask |= FLAG_IOPL | (opsize >= 4 ? FLAG_VIF | FLAG_VIP : 0);
    }
    if (cpu->cpl <= (cpu->eflags & FLAG_IOPL) >> 12) {
        mask |= FLAG_IF;
    }
    return mask;
}

void interrupt_return(struct x86_cpu *cpu, unsigned opsize)
{
    struct return_frame f = { 0 };
    uint32_t flags, mask;

    cpu->nmi_blocked = false; /* even when IRET faults */
    if (!cpu->protected_mode || cpu->vm86) {
        iret_real(cpu, opsize);
        return;
    }
    if (cpu->eflags & FLAG_NT) {
        if (cpu->long_mode) {
            raise_gp0(cpu);
        }
        task_switch(cpu, (uint16_t)system_load(cpu, system_linear(cpu, cpu->tr.base), 2), TASK_IRET,
                    false, 0);
        return;
    }
    f.rip = frame_slot(cpu, 0, opsize, 0);
    f.cs = (uint16_t)frame_slot(cpu, 1, opsize, 0);
    flags = (uint32_t)frame_slot(cpu, 2, opsize, 0);
    if ((flags & FLAG_VM) && opsize == 4 && cpu->cpl == 0 && !cpu->long_mode) {
        iret_to_vm86(cpu, f.rip, f.cs, flags);
        return;
    }
    check_return_code(cpu, &f);
    f.stack = cpu->code64 || f.rpl > cpu->cpl;
    if (f.stack) {
        f.rsp = frame_slot(cpu, 3, opsize, 0);
        f.ss = (uint16_t)frame_slot(cpu, 4, opsize, 0);
        check_return_stack(cpu, &f);
    }
    mask = iret_flags_mask(cpu, opsize);
    return_commit(cpu, &f, stack_pointer(cpu) + 3 * opsize);
    eflags_write(cpu, flags, mask);
}

void x_ret_far(struct x86_cpu *cpu, const struct insn *i)
{
    far_return(cpu, i->opsize, 0);
    log_far(cpu, "far ret");
}

void x_ret_far_imm(struct x86_cpu *cpu, const struct insn *i)
{
    far_return(cpu, i->opsize, (unsigned)(i->imm & 0xffff));
    log_far(cpu, "far ret");
}

void x_iret(struct x86_cpu *cpu, const struct insn *i)
{
    interrupt_return(cpu, i->opsize);
    log_far(cpu, "iret");
}
