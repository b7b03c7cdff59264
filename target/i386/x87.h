/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87.h: the x87 state as FXSAVE, XSAVE, KVM, gdb and task switches see it.
 *
 * Thread: the vCPU's own, or any while it is stopped.
 */
#ifndef TARGET_I386_X87_H
#define TARGET_I386_X87_H

#include "target/i386/cpu.h"

#define X87_STATUS_ES 0x0080u /* an unmasked exception is pending */
#define X87_STATUS_B  0x8000u /* mirrors ES */

/*
 * Before anything reads or writes cpu->x87 while the vCPU is in its engine: translated code may have
 * left it in the host's FPU.  On the vCPU's own thread; elsewhere, and once it has stopped, it is in
 * memory anyway.
 */
static inline void x87_to_memory(struct x86_cpu *cpu)
{
    if (cpu->x87_in_host) {
        cpu->x87_fetch(cpu);
    }
}

/* The abridged tag byte of FXSAVE: bit i is 1 when physical register i is not empty. */
uint8_t x87_abridged_tag(const struct x86_cpu *cpu);
/* The tag word of FNSTENV: 2 bits a physical register: valid, zero, special, empty. */
uint16_t x87_full_tag_word(const struct x86_cpu *cpu);
void x87_set_full_tag_word(struct x86_cpu *cpu, uint16_t tags);
/* With TOP in bits 11-13. */
uint16_t x87_status_word(const struct x86_cpu *cpu);
/* ES and B follow from the flags and the control word's masks, whatever bits 7 and 15 say. */
void x87_set_status_word(struct x86_cpu *cpu, uint16_t status);
void x87_set_control_word(struct x86_cpu *cpu, uint16_t control);
/* FNINIT; registers keep their contents. */
void x87_init(struct x86_cpu *cpu);

/* ST(n): 0-7 from the top. */
struct float80 x87_st(const struct x86_cpu *cpu, unsigned n);
/*
 * What FXRSTOR and XRSTOR load.  st[] is ST(0) to ST(7); pointers are the caller's to set
 * (opcode, ip, cs, dp, ds).
 */
void x87_set_from_fxsave(struct x86_cpu *cpu, uint16_t control, uint16_t status,
                         uint8_t abridged_tag, const struct float80 st[8]);

#endif
