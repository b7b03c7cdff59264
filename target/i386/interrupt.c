/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/interrupt.c: which event is delivered when, and what a fault in a delivery becomes.
 *
 * Invariants: cpu->delivering is the exception in delivery, or -1; interrupts and INT n are benign
 *             (SDM vol. 3, table 6-4), so they leave it at -1.
 *             No lock is held while an event is delivered: delivery may unwind.
 * Thread: the vCPU's own; cpu_has_work on any, under the machine lock.
 */
#include <inttypes.h>
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "util/log.h"

#define DR6_SET 0xe00f /* B0-B3, BD, BS, BT */
#define DR7_GD  0x2000

static const char *const event_names[] = { "fault", "trap", "soft", "icebp", "external" };

/* A debug exception reports what led to it, and ends general detection for its handler. */
static void latch_debug_status(struct x86_cpu *cpu)
{
    cpu->dr[6] |= cpu->dr6_pending & DR6_SET;
    cpu->dr6_pending = 0;
    cpu->dr[7] &= ~(uint64_t)DR7_GD;
}

/*
 * RF in the pushed EFLAGS is set for faults, so that the handler's return does not meet the same
 * instruction breakpoint; the breakpoint's own #DB leaves that to its handler.  Other events push
 * it as it is: set between the elements of a string instruction and behind an IRET that set it
 * (SDM vol. 3, 2.3 and 17.3.1.1).
 */
static uint32_t pushed_flags(const struct x86_cpu *cpu, int vector, enum event_kind kind)
{
    bool breakpoint = vector == EXC_DB && (cpu->dr6_pending & 0xf);
    uint32_t flags = cpu_eflags(cpu);

    if (kind != EVENT_FAULT) {
        return flags;
    }
    return breakpoint ? flags & ~FLAG_RF : flags | FLAG_RF;
}

void cpu_deliver(struct x86_cpu *cpu, int vector, enum event_kind kind, bool has_error,
                 uint32_t error)
{
    struct event e = { .vector = vector, .kind = kind, .has_error = has_error, .error = error };

    log_line(LOG_INT,
             "%s %02x error=%04x cpl=%u cs:rip=%04x:%016" PRIx64 " rsp=%016" PRIx64
             " cr2=%016" PRIx64,
             event_names[kind], (unsigned)vector, has_error ? error : 0, cpu->cpl,
             cpu->seg[SEG_CS].selector, cpu->regs[R_RIP], cpu->regs[R_RSP], cpu->cr2);
    e.flags = pushed_flags(cpu, vector, kind);
    cpu->delivering = kind == EVENT_FAULT ? vector : -1;
    cpu->delivering_ext = kind != EVENT_SOFT_INT;
    if (vector == EXC_DB && kind <= EVENT_TRAP) {
        latch_debug_status(cpu);
    }
    if (!cpu->protected_mode) {
        deliver_real(cpu, &e);
    } else if (cpu->long_mode) {
        deliver_long(cpu, &e);
    } else {
        deliver_protected(cpu, &e);
    }
    cpu->delivering = -1;
    cpu->delivering_ext = false;
    cpu->halted = false;
    cpu->intr_shadow = cpu->ss_shadow = cpu->trap_pending = false;
    cpu->stop_block = true;
}

/* Double and triple faults -------------------------------------------------------------------- */

enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum fault_class classify(int vector)
{
    switch (vector) {
    case EXC_DE:
    case EXC_TS:
    case EXC_NP:
    case EXC_SS:
    case EXC_GP:
        return CONTRIBUTORY;
    case EXC_PF:
        return PAGE_FAULT;
    case EXC_DF:
        return DOUBLE_FAULT;
    default:
        return BENIGN;
    }
}

/* SDM vol. 3, table 6-5. */
static bool makes_double_fault(int first, int second)
{
    enum fault_class a = classify(first), b = classify(second);

    return (a == CONTRIBUTORY && b == CONTRIBUTORY) ||
           (a == PAGE_FAULT && (b == CONTRIBUTORY || b == PAGE_FAULT));
}

/* The CPU stays in shutdown, where only a reset or INIT reaches it. */
void cpu_enter_shutdown(struct x86_cpu *cpu, const char *why)
{
    struct machine *m = cpu->vcpu.machine;
    bool locked = machine_locked(m); /* by who fetches the state of an engine */

    log_line(LOG_CPU_RESET, "%s: cs:rip=%04x:%016" PRIx64 " cr2=%016" PRIx64, why,
             cpu->seg[SEG_CS].selector, cpu->regs[R_RIP], cpu->cr2);
    cpu->delivering = -1;
    cpu->delivering_ext = false;
    cpu->halted = cpu->wait_sipi = true;
    cpu->stop_block = true;
    if (!locked) {
        machine_lock(m);
    }
    machine_request_reset(m, SHUTDOWN_GUEST_RESET);
    if (!locked) {
        machine_unlock(m);
    }
}

void cpu_deliver_raised(struct x86_cpu *cpu)
{
    int first = cpu->delivering, vector = cpu->exc_vector;
    /* INT3 and INTO come by cpu_deliver; what is raised are faults. */
    bool has_error = cpu->exc_has_error;
    uint32_t error = cpu->exc_error;

    if (first >= 0) {
        log_line(LOG_INT, "fault %02x while delivering %02x", (unsigned)vector, (unsigned)first);
        if (first == EXC_DF && classify(vector) != BENIGN) {
            cpu_enter_shutdown(cpu, "triple fault");
            return;
        }
        if (makes_double_fault(first, vector)) {
            vector = EXC_DF;
            has_error = true;
            error = 0;
        }
    }
    cpu_deliver(cpu, vector, EVENT_FAULT, has_error, error);
}

/* Instruction boundaries ---------------------------------------------------------------------- */

static void take_init(struct x86_cpu *cpu)
{
    struct machine *m = cpu->vcpu.machine;

    machine_lock(m);
    cpu_reset(cpu, true);
    machine_unlock(m);
}

/* Under the lock, as senders look whether it waits. */
static void take_sipi(struct x86_cpu *cpu)
{
    struct machine *m = cpu->vcpu.machine;
    bool waits;

    machine_lock(m);
    cpu_clear_pending(cpu, PENDING_SIPI);
    waits = cpu->wait_sipi;
    cpu->wait_sipi = false;
    machine_unlock(m);
    if (!waits) {
        return;
    }
    segment_set(&cpu->seg[SEG_CS], (uint16_t)(cpu->sipi_vector << 8),
                (uint64_t)cpu->sipi_vector << 12, 0xffff,
                ATTR_P | ATTR_S | ATTR_CODE | ATTR_W | ATTR_A);
    cpu->regs[R_RIP] = 0;
    cpu->halted = false;
    cpu_update_mode(cpu);
}

/* The vector of the interrupt controller, or -1. */
static int acknowledge(struct x86_cpu *cpu)
{
    struct machine *m = cpu->vcpu.machine;
    int vector = -1;

    if (!cpu->apic) {
        cpu_clear_pending(cpu, PENDING_INTR);
        return -1;
    }
    machine_lock(m);
    vector = cpu->apic->acknowledge(cpu->apic_opaque);
    machine_unlock(m);
    return vector;
}

static bool interrupts_open(const struct x86_cpu *cpu)
{
    return (cpu->eflags & FLAG_IF) && !cpu->intr_shadow;
}

bool cpu_take_pending(struct x86_cpu *cpu)
{
    uint32_t pending = atomic_load(&cpu->pending);
    int vector;

    if ((pending & PENDING_INIT) && !cpu->in_smm) {
        take_init(cpu);
        return true;
    }
    if (pending & PENDING_SIPI) {
        bool waiting = cpu->wait_sipi;

        take_sipi(cpu);
        return waiting;
    }
    if (cpu->wait_sipi) {
        return false;
    }
    if ((pending & PENDING_SMI) && !cpu->in_smm) {
        cpu_clear_pending(cpu, PENDING_SMI);
        smm_enter(cpu);
        return true;
    }
    /* A fault in the delivery belongs to the instruction that would have run next. */
    cpu->insn_start = cpu->regs[R_RIP];
    if ((pending & PENDING_NMI) && !cpu->nmi_blocked && !cpu->intr_shadow) {
        cpu_clear_pending(cpu, PENDING_NMI);
        cpu->nmi_blocked = true;
        cpu_deliver(cpu, EXC_NMI, EVENT_EXTERNAL, false, 0);
        return true;
    }
    if ((pending & PENDING_INTR) && interrupts_open(cpu)) {
        vector = acknowledge(cpu);
        if (vector >= 0) {
            cpu_deliver(cpu, vector & 0xff, EVENT_EXTERNAL, false, 0);
            return true;
        }
    }
    return false;
}

bool cpu_has_work(struct x86_cpu *cpu)
{
    uint32_t pending = atomic_load(&cpu->pending);

    if (cpu->wait_sipi) {
        return pending & (PENDING_INIT | PENDING_SIPI);
    }
    return !cpu->halted || (!cpu->in_smm && (pending & (PENDING_INIT | PENDING_SMI))) ||
           ((pending & PENDING_NMI) && !cpu->nmi_blocked) ||
           ((pending & PENDING_INTR) && (cpu->eflags & FLAG_IF));
}

/* Software interrupts ------------------------------------------------------------------------- */

/* The redirection bitmap, 32 bytes below the I/O bitmap.  A clear bit: to the 8086 program. */
static bool redirected(struct x86_cpu *cpu, unsigned vector)
{
    uint32_t map;

    if (!(cpu->tr.attr & 8) || cpu->tr.limit < 0x67) {
        raise_gp0(cpu);
    }
    map = (uint32_t)system_load(cpu, system_linear(cpu, cpu->tr.base + 0x66), 2);
    if (map < 32 || map - 32 + vector / 8 > cpu->tr.limit) {
        raise_gp0(cpu);
    }
    map += vector / 8 - 32;
    return !(system_load(cpu, system_linear(cpu, cpu->tr.base + map), 1) >> (vector & 7) & 1);
}

/* INT n of a virtual-8086 program to its own handler, by the table at linear 0 (vol. 3, 20.3.3). */
static void deliver_redirected(struct x86_cpu *cpu, unsigned vector)
{
    bool virtual_if = (cpu->eflags & FLAG_IOPL) != FLAG_IOPL;
    uint32_t flags = cpu_eflags(cpu);
    uint64_t entry = linear_load(cpu, vector * 4, 4);
    struct inner_stack st;

    if (virtual_if) {
        flags = (flags & ~FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
    }
    inner_stack_current(cpu, &st);
    inner_stack_push(cpu, &st, flags, 2);
    inner_stack_push(cpu, &st, cpu->seg[SEG_CS].selector, 2);
    inner_stack_push(cpu, &st, cpu->regs[R_RIP], 2);
    inner_stack_commit(cpu, &st);
    cpu->eflags &= ~(FLAG_TF | FLAG_NT | (virtual_if ? FLAG_VIF : FLAG_IF));
    load_segment_real(cpu, SEG_CS, (uint16_t)(entry >> 16));
    cpu->regs[R_RIP] = entry & 0xffff;
    cpu->stop_block = true;
}

void x_int(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned vector = i->imm & 0xff;

    if (cpu->vm86) {
        if ((cpu->cr4 & CR4_VME) && redirected(cpu, vector)) {
            deliver_redirected(cpu, vector);
            return;
        }
        if ((cpu->eflags & FLAG_IOPL) != FLAG_IOPL) {
            raise_gp0(cpu);
        }
    }
    cpu_deliver(cpu, (int)vector, EVENT_SOFT_INT, false, 0);
}

void x_int3(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu_deliver(cpu, EXC_BP, EVENT_SOFT_INT, false, 0);
}

void x_into(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    if (flags_arith(cpu) & FLAG_OF) {
        cpu_deliver(cpu, EXC_OF, EVENT_SOFT_INT, false, 0);
    }
}

void x_int1(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    cpu_deliver(cpu, EXC_DB, EVENT_ICEBP, false, 0);
}
