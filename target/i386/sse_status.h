/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_status.h: MXCSR around the floating-point core.
 *
 * An instruction computes all its elements between sse_begin and sse_end, and writes its result
 * after sse_end, which may raise.
 */
#ifndef TARGET_I386_SSE_STATUS_H
#define TARGET_I386_SSE_STATUS_H

#include "target/i386/cpu.h"
#include "target/i386/exception.h"
#include "target/i386/softfloat.h"

/* clang-format off */
#define MXCSR_DAZ        0x0040u
#define MXCSR_MASK_SHIFT 7
#define MXCSR_RC_SHIFT   13
#define MXCSR_FTZ        0x8000u
#define MXCSR_VALID      0xffffu /* MXCSR_MASK */
#define MXCSR_DEFAULT    0x1f80u
/* clang-format on */

static inline struct float_status sse_begin(const struct x86_cpu *cpu)
{
    return (struct float_status){
        .rounding = cpu->mxcsr >> MXCSR_RC_SHIFT & 3,
        .masked = cpu->mxcsr >> MXCSR_MASK_SHIFT & FLOAT_ALL,
        .daz = (cpu->mxcsr & MXCSR_DAZ) != 0,
        .ftz = (cpu->mxcsr & MXCSR_FTZ) != 0,
    };
}

/*
 * Sets the sticky flags, and raises #XM for an unmasked one.  SDM vol. 1, 11.5.3: while a
 * pre-computation exception (IE, DE, ZE) of any element is unmasked, the post-computation ones
 * (OE, UE, PE) are not reported.
 */
static inline void sse_end(struct x86_cpu *cpu, const struct float_status *st)
{
    const unsigned early = FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_DIVBYZERO;
    unsigned flags = st->flags, unmasked = flags & ~st->masked;

    if (unmasked & early) {
        flags &= early;
    }
    cpu->mxcsr |= flags;
    if (G_UNLIKELY(unmasked)) {
        raise_exception(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
}

#endif
