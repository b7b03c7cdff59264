/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/xsave.h: the state components of the XSAVE family, for CPUID leaf 0xd, XCR0 and
 * whoever reads or writes a whole area (KVM, the gdbstub).
 *
 * Thread: the vCPU's own, or any while it is stopped.
 */
#ifndef TARGET_I386_XSAVE_H
#define TARGET_I386_XSAVE_H

#include "target/i386/insn.h"

struct xsave_component {
    unsigned bit;     /* in XCR0 or IA32_XSS */
    uint16_t feature; /* enum x86_feature */
    unsigned offset;  /* in the standard form */
    unsigned size;    /* bytes */
    /* wide: 64-bit x87 pointers (REX.W). */
    void (*save)(const struct x86_cpu *cpu, uint8_t *to, bool wide);
    void (*load)(struct x86_cpu *cpu, const uint8_t *from, bool wide);
    void (*init)(struct x86_cpu *cpu);
    bool (*in_use)(const struct x86_cpu *cpu); /* not in its initial state */
};

/* NULL: not there, or not in this CPU's model. */
const struct xsave_component *xsave_component(const struct x86_cpu *cpu, unsigned bit);
/* Bits that XCR0 may have. */
uint64_t xsave_supported(const struct x86_cpu *cpu);
bool xsave_xcr0_valid(const struct x86_cpu *cpu, uint64_t v);
/* Bytes of an area for the components of `mask`: at least 576. */
unsigned xsave_area_size(uint64_t mask, bool compacted);

x86_exec_fn x_fxsave, x_fxrstor;                                          /* M */
x86_exec_fn x_ldmxcsr, x_stmxcsr;                                         /* Md */
x86_exec_fn x_xsave, x_xsaveopt, x_xsavec, x_xsaves, x_xrstor, x_xrstors; /* M */
x86_exec_fn x_xgetbv, x_xsetbv;

#endif
