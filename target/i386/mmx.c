/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/mmx.c: MMX instructions that SSE does not share.
 *
 * MMi is the mantissa of the physical x87 register i; mmx_executed resets TOP and the tags afterwards.
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* Every x87 register is empty again: ROW_EMPTIES says so to what runs afterwards. */
void x_emms(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu;
    (void)i;
}
