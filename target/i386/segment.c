/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/segment.c: segment registers and descriptors: reading, checking, loading.
 *
 * Invariant: `access` of a segment always follows from its base, limit and attributes.
 * Thread: the vCPU's own.  Source: SDM vol. 3, chapters 3 and 5.
 */
#include "target/i386/exec_system.h"
#include "target/i386/mem.h"
#include "target/i386/operand.h"

void segment_set(struct segment *s, uint16_t selector, uint64_t base, uint32_t limit, uint16_t attr)
{
    bool code = attr & ATTR_CODE, allowed[2];

    *s = (struct segment){ .selector = selector, .attr = attr, .limit = limit, .base = base };
    if (!(attr & ATTR_P) || !(attr & ATTR_S) || (!code && (attr & ATTR_E))) {
        return;
    }
    allowed[false] = !code || (attr & ATTR_W);
    allowed[true] = !code && (attr & ATTR_W);
    for (unsigned write = 0; write < 2; write++) {
        uint64_t end = allowed[write] ? (uint64_t)limit + 1 : 0;

        s->end[false][write] = end;
        s->end[true][write] = MIN(end, 0x10000);
        if (base == 0 && limit == UINT32_MAX && allowed[write]) {
            s->access |= write ? SEGMENT_FLAT_WRITE : SEGMENT_FLAT_READ;
        }
    }
}

void segment_set_real(struct segment *s, uint16_t selector)
{
    segment_set(s, selector, (uint64_t)selector << 4, 0xffff, ATTR_P | ATTR_S | ATTR_W | ATTR_A);
}

/*
 * Virtual-8086 segments are fixed but for the base.  Real mode keeps the limit and the size bits
 * that protected mode left ("unreal mode").
 */
void load_segment_real(struct x86_cpu *cpu, unsigned seg, uint16_t selector)
{
    struct segment *s = &cpu->seg[seg];
    uint64_t base = (uint64_t)selector << 4;

    if (cpu->eflags & FLAG_VM) {
        segment_set(s, selector, base, 0xffff, ATTR_P | ATTR_S | ATTR_DPL | ATTR_W | ATTR_A);
    } else {
        uint16_t kept = s->attr & (ATTR_DB | ATTR_G);

        segment_set(s, selector, base, s->attr & ATTR_P ? s->limit : 0xffff,
                    kept | ATTR_P | ATTR_S | ATTR_W | ATTR_A);
    }
    if (seg == SEG_SS || seg == SEG_CS) {
        cpu_update_mode(cpu);
    }
}

static bool expand_down(const struct segment *s)
{
    return (s->attr & (ATTR_S | ATTR_CODE | ATTR_E)) == (ATTR_S | ATTR_E);
}

bool segment_within_limit(const struct segment *s, uint32_t offset, unsigned size)
{
    uint64_t last = (uint64_t)offset + size - 1;

    if (expand_down(s)) {
        return offset > s->limit && last <= (s->attr & ATTR_DB ? UINT32_MAX : 0xffff);
    }
    return last <= s->limit;
}

uint64_t segment_linear_slow(struct x86_cpu *cpu, unsigned seg, uint64_t offset, unsigned size,
                             bool write)
{
    const struct segment *s = &cpu->seg[seg];
    enum x86_exception fault = seg == SEG_SS ? EXC_SS : EXC_GP;

    if (cpu->code64) {
        uint64_t linear = seg >= SEG_FS ? offset + s->base : offset;

        if (!is_canonical(linear) || !is_canonical(linear + size - 1)) {
            raise_error(cpu, fault, 0);
        }
        return linear;
    }
    if (cpu->protected_mode && !cpu->vm86) {
        bool code = s->attr & ATTR_CODE, wr = s->attr & ATTR_W;

        if (!(s->attr & ATTR_P)) {
            raise_error(cpu, fault, 0); /* a null selector */
        }
        if (write ? code || !wr : code && !wr) {
            raise_error(cpu, fault, 0);
        }
    }
    if (!segment_within_limit(s, (uint32_t)offset, size)) {
        raise_error(cpu, fault, 0);
    }
    return (uint32_t)(s->base + (uint32_t)offset);
}

/* Descriptors ------------------------------------------------------------------------------- */

void descriptor_unpack(struct descriptor *d, uint32_t lo, uint32_t hi)
{
    d->lo = lo;
    d->hi = hi;
    d->attr = hi >> 8 & 0xf0ff;
    d->limit = (lo & 0xffff) | (hi & 0xf0000);
    if (d->attr & ATTR_G) {
        d->limit = d->limit << 12 | 0xfff;
    }
    d->base = lo >> 16 | (hi & 0xff) << 16 | (hi & 0xff000000);
}

/* The linear address of `bytes` at a selector's slot; false: outside the table. */
static bool descriptor_slot(struct x86_cpu *cpu, uint16_t selector, unsigned skip, uint64_t *linear)
{
    uint32_t offset = (selector & ~7u) + skip;
    uint64_t base, limit;

    if (selector & 4) {
        if (!(cpu->ldt.attr & ATTR_P)) {
            return false;
        }
        base = cpu->ldt.base;
        limit = cpu->ldt.limit;
    } else {
        base = cpu->gdt.base;
        limit = cpu->gdt.limit;
    }
    *linear = system_linear(cpu, base + offset);
    return offset + 7 <= limit;
}

bool descriptor_read(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d)
{
    uint64_t raw;

    if (!descriptor_slot(cpu, selector, 0, &d->linear)) {
        return false;
    }
    raw = system_load(cpu, d->linear, 8);
    descriptor_unpack(d, (uint32_t)raw, (uint32_t)(raw >> 32));
    return true;
}

bool descriptor_read_high(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d,
                          uint32_t *high)
{
    uint64_t linear, raw;

    if (!descriptor_slot(cpu, selector, 8, &linear)) {
        return false;
    }
    raw = system_load(cpu, linear, 8);
    *high = (uint32_t)raw;
    d->base |= (uint64_t)*high << 32;
    return !(raw >> 40 & 0x1f);
}

/* A locked change of a descriptor's access byte (SDM vol. 3, 8.1.2.1). */
static void change_access_byte(struct x86_cpu *cpu, const struct descriptor *d, uint64_t clear,
                               uint64_t set)
{
    uint64_t linear = system_linear(cpu, d->linear + 5), old;

    do {
        mem_probe_write_slow(cpu, linear, 1, BANK_SYSTEM);
        old = system_load(cpu, linear, 1);
    } while (!mem_cas(cpu, linear, (uint64_t[2]){ old }, (uint64_t[2]){ (old & ~clear) | set }, 1,
                      BANK_SYSTEM));
}

void descriptor_set_accessed(struct x86_cpu *cpu, struct descriptor *d)
{
    if (!(d->attr & ATTR_A)) {
        d->attr |= ATTR_A;
        d->hi |= (uint32_t)ATTR_A << 8;
        change_access_byte(cpu, d, 0, ATTR_A);
    }
}

void descriptor_set_busy(struct x86_cpu *cpu, const struct descriptor *d, bool busy)
{
    change_access_byte(cpu, d, 2, busy ? 2 : 0);
}

void segment_from_descriptor(struct segment *s, uint16_t selector, const struct descriptor *d)
{
    segment_set(s, selector, d->base, d->limit, d->attr);
}

void segment_set_null_ss(struct segment *s, unsigned rpl)
{
    segment_set(s, (uint16_t)rpl, 0, 0, (uint16_t)(rpl << ATTR_DPL_SHIFT));
}

/*
 * CPL follows SS.DPL, so the caller has loaded SS before.  A conforming segment keeps the privilege
 * level: it is the selector's RPL that shows it.
 */
void code_segment_load(struct x86_cpu *cpu, uint16_t selector, const struct descriptor *d,
                       unsigned cpl)
{
    segment_from_descriptor(&cpu->seg[SEG_CS], (uint16_t)((selector & ~3u) | cpl), d);
    cpu_update_mode(cpu);
}

/* Loads ------------------------------------------------------------------------------------- */

static void load_stack_segment(struct x86_cpu *cpu, uint16_t selector)
{
    unsigned rpl = selector & 3;
    struct descriptor d;

    if ((selector & ~3u) == 0) {
        if (!cpu->code64 || cpu->cpl == 3 || rpl != cpu->cpl) {
            raise_gp0(cpu);
        }
        segment_set_null_ss(&cpu->seg[SEG_SS], rpl);
        return;
    }
    if (!descriptor_read(cpu, selector, &d) || rpl != cpu->cpl || !attr_is_stack(d.attr) ||
        attr_dpl(d.attr) != cpu->cpl) {
        raise_error(cpu, EXC_GP, selector & ~3u);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_SS, selector & ~3u);
    }
    descriptor_set_accessed(cpu, &d);
    segment_from_descriptor(&cpu->seg[SEG_SS], selector, &d);
    cpu_update_mode(cpu);
}

void load_segment(struct x86_cpu *cpu, unsigned seg, uint16_t selector)
{
    struct descriptor d;
    bool code, conforming;

    if (!cpu->protected_mode || cpu->vm86) {
        load_segment_real(cpu, seg, selector);
        return;
    }
    if (seg == SEG_SS) {
        load_stack_segment(cpu, selector);
        return;
    }
    if ((selector & ~3u) == 0) {
        segment_set(&cpu->seg[seg], selector, 0, 0, 0);
        return;
    }
    if (!descriptor_read(cpu, selector, &d)) {
        raise_error(cpu, EXC_GP, selector & ~3u);
    }
    code = d.attr & ATTR_CODE;
    conforming = code && (d.attr & ATTR_E);
    if (!(d.attr & ATTR_S) || (code && !(d.attr & ATTR_W)) ||
        (!conforming && MAX(selector & 3u, cpu->cpl) > attr_dpl(d.attr))) {
        raise_error(cpu, EXC_GP, selector & ~3u);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, EXC_NP, selector & ~3u);
    }
    descriptor_set_accessed(cpu, &d);
    segment_from_descriptor(&cpu->seg[seg], selector, &d);
}

/* vector: EXC_GP for LLDT, EXC_TS for a task switch, which reports absence by it too. */
void load_ldt(struct x86_cpu *cpu, uint16_t selector, enum x86_exception vector)
{
    uint16_t error = selector & ~3u;
    struct descriptor d;
    uint32_t high;

    if (error == 0) {
        segment_set(&cpu->ldt, selector, 0, 0, 0);
        return;
    }
    if ((selector & 4) || !descriptor_read(cpu, selector, &d) ||
        (d.attr & (ATTR_S | ATTR_TYPE)) != 2) {
        raise_error(cpu, vector, error);
    }
    if (!(d.attr & ATTR_P)) {
        raise_error(cpu, vector == EXC_TS ? EXC_TS : EXC_NP, error);
    }
    if (cpu->long_mode &&
        (!descriptor_read_high(cpu, selector, &d, &high) || !is_canonical(d.base))) {
        raise_error(cpu, vector, error);
    }
    segment_from_descriptor(&cpu->ldt, selector, &d);
}
