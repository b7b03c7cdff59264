/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/segment_insn.c: instructions on segment and descriptor-table registers.
 *
 * Thread: the vCPU's own.  Source: SDM vol. 2.
 */
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

/* CR4.UMIP hides the tables' addresses from user code. */
static void check_umip(struct x86_cpu *cpu)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl > 0) {
        raise_gp0(cpu);
    }
}

/* A destination whose memory form takes 16 bits and whose register form takes the operand size. */
static void store_word(struct x86_cpu *cpu, const struct insn *i, uint64_t v)
{
    if (i->op[0].kind == OPND_MEM) {
        linear_store(cpu, operand_linear(cpu, i, 2, true), v & 0xffff, 2);
    } else {
        store_operand(cpu, i, 0, v);
    }
}

void x_lldt(struct x86_cpu *cpu, const struct insn *i)
{
    load_ldt(cpu, (uint16_t)load_operand(cpu, i, 0), EXC_GP);
}

void x_ltr(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t selector = (uint16_t)load_operand(cpu, i, 0), error = selector & ~3u;
    struct descriptor d;
    unsigned type;
    uint32_t high;

    if (error == 0) {
        raise_gp0(cpu);
    }
    if ((selector & 4) || !descriptor_read(cpu, selector, &d)) {
        raise_error(cpu, EXC_GP, error);
    }
    type = d.attr & (ATTR_S | ATTR_TYPE);
    if (type != 9 && (type != 1 || cpu->long_mode)) {
        raise_error(cpu, EXC_GP, error);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, error);
    }
    if (cpu->long_mode &&
        (!descriptor_read_high(cpu, selector, &d, &high) || !is_canonical(d.base))) {
        raise_error(cpu, EXC_GP, error);
    }
    descriptor_set_busy(cpu, &d, true);
    d.attr |= 2;
    segment_from_descriptor(&cpu->tr, selector, &d);
}

void x_sldt(struct x86_cpu *cpu, const struct insn *i)
{
    check_umip(cpu);
    store_word(cpu, i, cpu->ldt.selector);
}

void x_str(struct x86_cpu *cpu, const struct insn *i)
{
    check_umip(cpu);
    store_word(cpu, i, cpu->tr.selector);
}

void x_smsw(struct x86_cpu *cpu, const struct insn *i)
{
    check_umip(cpu);
    store_word(cpu, i, cpu->cr0);
}

/* The base is 24 bits with 16-bit operands. */
static void load_table(struct x86_cpu *cpu, const struct insn *i, struct desc_table *t)
{
    unsigned size = cpu->code64 ? 8 : 4;
    uint64_t at = operand_linear(cpu, i, 2 + size, false);
    uint8_t raw[10];
    uint16_t limit;
    uint64_t base = 0;

    mem_read_bytes(cpu, at, raw, 2 + size, cpu->bank);
    memcpy(&limit, raw, 2);
    memcpy(&base, raw + 2, size);
    if (!cpu->code64 && i->opsize == 2) {
        base &= 0xffffff;
    }
    if (!is_canonical(base)) {
        raise_gp0(cpu);
    }
    *t = (struct desc_table){ .base = base, .limit = limit };
}

static void store_table(struct x86_cpu *cpu, const struct insn *i, const struct desc_table *t)
{
    unsigned size = cpu->code64 ? 8 : 4;
    uint8_t raw[10];

    check_umip(cpu);
    memcpy(raw, &t->limit, 2);
    memcpy(raw + 2, &t->base, size);
    mem_write_bytes(cpu, operand_linear(cpu, i, 2 + size, true), raw, 2 + size, cpu->bank);
}

void x_lgdt(struct x86_cpu *cpu, const struct insn *i)
{
    load_table(cpu, i, &cpu->gdt);
}

void x_lidt(struct x86_cpu *cpu, const struct insn *i)
{
    load_table(cpu, i, &cpu->idt);
}

void x_sgdt(struct x86_cpu *cpu, const struct insn *i)
{
    store_table(cpu, i, &cpu->gdt);
}

void x_sidt(struct x86_cpu *cpu, const struct insn *i)
{
    store_table(cpu, i, &cpu->idt);
}

/* LMSW sets PE but never clears it. */
void x_lmsw(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 0) & 0xf;

    cr_write(cpu, 0, (cpu->cr0 & ~0xeull) | v);
    cpu->stop_block = true;
}

void x_clts(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu->cr0 &= ~(uint64_t)CR0_TS;
}

/* LAR, LSL, VERR, VERW: a descriptor that this privilege level may see. */
static bool visible_descriptor(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d)
{
    if ((selector & ~3u) == 0 || !descriptor_read(cpu, selector, d)) {
        return false;
    }
    return attr_is_conforming(d->attr) || MAX(selector & 3u, cpu->cpl) <= attr_dpl(d->attr);
}

/* Bit n: system type n is accepted. */
#define LAR_TYPES      0x1a3e /* 1-5, 9, 11, 12 */
#define LAR_TYPES_LONG 0x1a04 /* 2, 9, 11, 12 */
#define LSL_TYPES      0x0a0e /* 1-3, 9, 11 */
#define LSL_TYPES_LONG 0x0a04

static bool type_accepted(const struct descriptor *d, unsigned types)
{
    return (d->attr & ATTR_S) || (types >> (d->attr & ATTR_TYPE) & 1);
}

void x_lar(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t selector = (uint16_t)load_operand(cpu, i, 1);
    struct descriptor d;
    bool ok = visible_descriptor(cpu, selector, &d) &&
              type_accepted(&d, cpu->long_mode ? LAR_TYPES_LONG : LAR_TYPES);

    if (ok) {
        store_operand(cpu, i, 0, d.hi & 0x00f0ff00);
    }
    flags_change(cpu, FLAG_ZF, ok ? FLAG_ZF : 0);
}

void x_lsl(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t selector = (uint16_t)load_operand(cpu, i, 1);
    struct descriptor d;
    bool ok = visible_descriptor(cpu, selector, &d) &&
              type_accepted(&d, cpu->long_mode ? LSL_TYPES_LONG : LSL_TYPES);

    if (ok) {
        store_operand(cpu, i, 0, d.limit);
    }
    flags_change(cpu, FLAG_ZF, ok ? FLAG_ZF : 0);
}

void x_verr(struct x86_cpu *cpu, const struct insn *i)
{
    struct descriptor d;
    bool ok = visible_descriptor(cpu, (uint16_t)load_operand(cpu, i, 0), &d) && (d.attr & ATTR_S) &&
              (!(d.attr & ATTR_CODE) || (d.attr & ATTR_W));

    flags_change(cpu, FLAG_ZF, ok ? FLAG_ZF : 0);
}

void x_verw(struct x86_cpu *cpu, const struct insn *i)
{
    struct descriptor d;
    bool ok =
        visible_descriptor(cpu, (uint16_t)load_operand(cpu, i, 0), &d) && attr_is_stack(d.attr);

    flags_change(cpu, FLAG_ZF, ok ? FLAG_ZF : 0);
}

/* ARPL: raises the destination's RPL to the source's. */
void x_arpl(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t dst = load_operand(cpu, i, 0), src = load_operand(cpu, i, 1);
    bool raised = (dst & 3) < (src & 3);

    if (raised) {
        store_operand(cpu, i, 0, (dst & ~3ull) | (src & 3));
    }
    flags_change(cpu, FLAG_ZF, raised ? FLAG_ZF : 0);
}

/* Interrupts wait until the instruction after a load of SS, which usually loads the pointer. */
static void shadow_after_ss(struct x86_cpu *cpu, unsigned seg)
{
    if (seg == SEG_SS) {
        cpu->intr_shadow = cpu->ss_shadow = true;
        cpu->stop_block = true;
    }
}

void x_mov_to_seg(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned seg = i->op[0].reg;

    if (seg == SEG_CS || seg >= SEG_COUNT) {
        raise_ud(cpu);
    }
    load_segment(cpu, seg, (uint16_t)load_operand(cpu, i, 1));
    shadow_after_ss(cpu, seg);
}

void x_mov_from_seg(struct x86_cpu *cpu, const struct insn *i)
{
    if (i->op[1].reg >= SEG_COUNT) {
        raise_ud(cpu);
    }
    store_word(cpu, i, cpu->seg[i->op[1].reg].selector);
}

/* With 32-bit operands the slot's upper half is not written (SDM vol. 2, "PUSH"). */
void x_push_seg(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t selector = cpu->seg[i->op[0].reg].selector;

    if (i->opsize == 4) {
        uint64_t sp = (stack_pointer(cpu) - 4) & size_mask(cpu->stack_size);

        segment_store(cpu, SEG_SS, sp, selector, 2);
        stack_pointer_set(cpu, sp);
    } else {
        stack_push(cpu, selector, i->opsize);
    }
}

/* The pointer moves by the size of the old stack, and only after a load that did not fault. */
void x_pop_seg(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned stack_size = cpu->stack_size;
    uint64_t sp = stack_pointer(cpu);
    uint64_t v = segment_load(cpu, SEG_SS, sp, i->opsize);

    load_segment(cpu, i->op[0].reg, (uint16_t)v);
    reg_write(cpu, R_RSP, sp + i->opsize, stack_size);
    shadow_after_ss(cpu, i->op[0].reg);
}

static void load_far_pointer(struct x86_cpu *cpu, const struct insn *i, unsigned seg)
{
    unsigned size = i->opsize;
    uint64_t ea = insn_ea(cpu, i);
    uint64_t next = ea + size;
    uint64_t offset = segment_load(cpu, i->seg, ea, size);

    next = i->addrsize == 8 ? next : next & size_mask(i->addrsize);
    load_segment(cpu, seg, (uint16_t)segment_load(cpu, i->seg, next, 2));
    reg_write(cpu, i->op[0].reg, offset, size);
}

void x_les(struct x86_cpu *cpu, const struct insn *i)
{
    load_far_pointer(cpu, i, SEG_ES);
}

void x_lds(struct x86_cpu *cpu, const struct insn *i)
{
    load_far_pointer(cpu, i, SEG_DS);
}

void x_lss(struct x86_cpu *cpu, const struct insn *i)
{
    load_far_pointer(cpu, i, SEG_SS);
}

void x_lfs(struct x86_cpu *cpu, const struct insn *i)
{
    load_far_pointer(cpu, i, SEG_FS);
}

void x_lgs(struct x86_cpu *cpu, const struct insn *i)
{
    load_far_pointer(cpu, i, SEG_GS);
}
