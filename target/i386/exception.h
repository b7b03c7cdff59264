/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exception.h: raising faults from execute functions, and delivering events.
 *
 * A raise does not return: it unwinds to the engine, which sets rip back to insn_start and delivers.
 * So an execute function changes architectural state only after its last step that can fault, and
 * holds no lock and no allocation across one.
 */
#ifndef TARGET_I386_EXCEPTION_H
#define TARGET_I386_EXCEPTION_H

#include "target/i386/cpu.h"

G_NORETURN void raise_exception(struct x86_cpu *cpu, enum x86_exception vector);
G_NORETURN void raise_error(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error);
/* #PF: sets CR2. error: P=1, W=2, U=4, RSVD=8, I=16. */
G_NORETURN void raise_page_fault(struct x86_cpu *cpu, uint64_t linear, uint32_t error);
#define raise_gp0(cpu) raise_error(cpu, EXC_GP, 0)
#define raise_ud(cpu)  raise_exception(cpu, EXC_UD)

enum event_kind {
    EVENT_FAULT,    /* exception; rip is the faulting instruction's */
    EVENT_TRAP,     /* exception; rip is the next instruction's (#DB traps) */
    EVENT_SOFT_INT, /* INT n, INT3, INTO: DPL checks */
    EVENT_ICEBP,    /* INT1: no DPL check */
    EVENT_EXTERNAL, /* interrupt line or NMI: EXT = 1 */
};

/*
 * interrupt.c: pushes the frame and enters the handler (SDM vol. 3, ch. 6).  Faults during delivery
 * unwind through cpu->unwind like any others; cpu->delivering lets the engine combine them.
 */
void cpu_deliver(struct x86_cpu *cpu, int vector, enum event_kind kind, bool has_error,
                 uint32_t error);
/*
 * The engine's response to a raise (cpu->exc_*), called in a loop under a fresh setjmp: turns a
 * second fault into #DF and a third into a shutdown (machine reset request, -no-reboot honoured).
 * Called with regs[R_RIP] already set back to the instruction.
 */
void cpu_deliver_raised(struct x86_cpu *cpu);
/*
 * Takes what `pending` and the flags allow at an instruction boundary: SMI, INIT, NMI, external
 * interrupt, SIPI.  True if the flow changed.  No lock held on entry.
 */
bool cpu_take_pending(struct x86_cpu *cpu);
/* Lock held: would cpu_take_pending, or running on, do something?  vcpu_ops.has_work. */
bool cpu_has_work(struct x86_cpu *cpu);
/* debug.c: #DB for TF and data breakpoints after an instruction; true if delivered. */
bool cpu_take_debug_traps(struct x86_cpu *cpu);

#endif
