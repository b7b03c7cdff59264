/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/debug_write.c: see debug_write.h.  What the processor refuses raises, and comes back here.
 * Thread: machine lock held, the vCPU stopped.
 */
#include "target/i386/debug_write.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define EFLAGS_WRITABLE                                                                            \
    (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_AC |         \
     FLAG_VIF | FLAG_VIP | FLAG_ID)

bool debug_write_cr(struct x86_cpu *cpu, unsigned n, uint64_t v)
{
    if (n == 8) { /* cr_write would take the lock */
        if (v > 15) {
            return false;
        }
        if (cpu->apic) {
            cpu->apic->set_tpr(cpu->apic_opaque, (uint8_t)v);
        }
        return true;
    }
    if (setjmp(cpu->unwind)) {
        return false;
    }
    cr_write(cpu, n, v);
    return true;
}

static bool fits(unsigned seg, const struct descriptor *d)
{
    bool code = d->attr & ATTR_CODE;

    if (!(d->attr & ATTR_S) || !(d->attr & ATTR_P)) {
        return false;
    }
    if (seg == SEG_CS) {
        return code;
    }
    return seg == SEG_SS ? !code && (d->attr & ATTR_W) : !code || (d->attr & ATTR_W);
}

bool debug_write_segment(struct x86_cpu *cpu, unsigned seg, uint16_t selector)
{
    struct descriptor d;

    if (cpu->seg[seg].selector == selector) {
        return true;
    }
    if (!cpu->protected_mode || cpu->vm86) {
        segment_set_real(&cpu->seg[seg], selector);
        cpu_update_mode(cpu);
        return true;
    }
    if ((selector & ~3u) == 0 && seg != SEG_CS && seg != SEG_SS) {
        segment_set(&cpu->seg[seg], selector, 0, 0, 0);
        return true;
    }
    if (setjmp(cpu->unwind)) {
        return false;
    }
    if (!descriptor_read(cpu, selector, &d) || !fits(seg, &d)) {
        return false;
    }
    segment_from_descriptor(&cpu->seg[seg], selector, &d);
    cpu_update_mode(cpu);
    return true;
}

bool debug_write_eflags(struct x86_cpu *cpu, uint32_t v)
{
    uint32_t keep = cpu_eflags(cpu) & ~EFLAGS_WRITABLE;

    v = (v & EFLAGS_WRITABLE) | keep;
    flags_set(cpu, v);
    cpu->eflags = (v & ~FLAGS_ARITH) | 2;
    cpu_update_mode(cpu);
    return true;
}
