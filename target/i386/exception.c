/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exception.c: raising faults: notes the vector in cpu->exc_* and unwinds to the engine.
 *
 * Invariant: no lock is held and nothing is allocated when a raise is made.
 * Thread: the vCPU's own.
 */
#include "target/i386/exception.h"

static G_NORETURN void unwind(struct x86_cpu *cpu, enum x86_exception vector, bool has_error,
                              uint32_t error)
{
    cpu->exc_vector = vector;
    cpu->exc_has_error = has_error;
    cpu->exc_error = error;
    longjmp(cpu->unwind, 1);
}

void raise_exception(struct x86_cpu *cpu, enum x86_exception vector)
{
    unwind(cpu, vector, false, 0);
}

/* The EXT bit belongs to selector error codes only (SDM vol. 3, 6.13). */
void raise_error(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error)
{
    bool selector = vector == EXC_TS || vector == EXC_NP || vector == EXC_SS || vector == EXC_GP;

    unwind(cpu, vector, true, error | (selector && cpu->delivering_ext));
}

void raise_page_fault(struct x86_cpu *cpu, uint64_t linear, uint32_t error)
{
    cpu->cr2 = linear;
    unwind(cpu, EXC_PF, true, error);
}
