/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/debug_write.h: registers that a debugger writes, with what follows from them.  False: a value that
 * the processor would refuse; nothing changed.
 *
 * Thread: machine lock held, the vCPU stopped.
 */
#ifndef TARGET_I386_DEBUG_WRITE_H
#define TARGET_I386_DEBUG_WRITE_H

#include "target/i386/cpu.h"

bool debug_write_cr(struct x86_cpu *cpu, unsigned n, uint64_t v); /* 0, 2, 3, 4, 8 */
/* Privilege is not looked at; the descriptor's accessed bit stays. */
bool debug_write_segment(struct x86_cpu *cpu, unsigned seg, uint16_t selector);
bool debug_write_eflags(struct x86_cpu *cpu, uint32_t v);

#endif
