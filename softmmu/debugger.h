/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/debugger.h: breakpoints, watchpoints and single steps that somebody outside of the guest asks
 * for, and which vCPUs may run meanwhile.  Who asks is in gdbstub/.
 *
 * Invariants: points change, and vCPUs are told to step, only while the machine does not run; what
 *             changed is told to the engines before it runs again.
 * Thread:     machine lock held, main loop; what says so also on the vCPU's own, from within `run`.
 */
#ifndef SOFTMMU_DEBUGGER_H
#define SOFTMMU_DEBUGGER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct vcpu;

/* In the order of gdb's Z packets. */
enum debug_point_type {
    DEBUG_BREAK_SOFT,
    DEBUG_BREAK_HARD,
    DEBUG_WATCH_WRITE,
    DEBUG_WATCH_READ,
    DEBUG_WATCH_ACCESS,
    DEBUG_POINT_TYPES
};

#define DEBUG_POINTS_MAX 1024
#define DEBUG_WATCH_MAX  (1u << 20) /* bytes of one */

struct debug_point {
    enum debug_point_type type;
    uint64_t addr, len; /* linear; len: of watchpoints, 1 or more, without wrapping */
};

enum debug_stop_reason { DEBUG_STOP_NONE, DEBUG_STOP_BREAK, DEBUG_STOP_WATCH, DEBUG_STOP_STEP };

/* Why the machine is in RUN_STATE_DEBUG. */
struct debug_stop {
    enum debug_stop_reason reason;
    struct vcpu *cpu;
    enum debug_point_type type; /* of BREAK and WATCH */
    uint64_t addr;              /* WATCH: the byte that was met */
};

struct debugger {
    struct debug_point *points;
    unsigned n_points, n_breaks, n_watches; /* in all; of each kind */
    bool changed;                           /* since the engines were told */
    bool
        one_insn; /* monitor's singlestep: engines go from one instruction to the next, none stops */
    struct debug_stop stop;
};

/* A vCPU's part. */
struct vcpu_debug {
    bool slow;   /* engine: debugger_wants_stop() before each instruction, and `stepped` after it */
    bool held;   /* lock: stays out of `run` whatever the machine does */
    bool step;   /* stops after one instruction, or the delivery of one event */
    bool no_irq; /* and takes no interrupt meanwhile, unless it is halted */
    bool stepped;
    bool
        pass; /* engine: what is at this linear address is executed once, though it has a breakpoint */
    uint64_t pass_at;
    bool met; /* a watchpoint: */
    enum debug_point_type met_type;
    uint64_t met_addr;
};

void debugger_clear(struct debugger *d);
/* False: there are too many, or it makes no sense.  What is there already is there once. */
bool debugger_insert(struct machine *m, const struct debug_point *p);
/* False: there is none like it. */
bool debugger_remove(struct machine *m, const struct debug_point *p);
/* Tells the engines: before vCPUs run. */
void debugger_apply(struct machine *m);

/* The next run of this vCPU, which is stopped.  machine_set_run_state(RUNNING) then lets all go that are not held. */
void debugger_set_step(struct vcpu *cpu, bool step, bool no_irq);
/* Every vCPU runs freely. */
void debugger_release(struct machine *m);
/* Neither points nor steps are left.  The machine may run. */
void debugger_forget(struct machine *m);

/*
 * On the vCPU's own thread, no lock held: stops the machine, in RUN_STATE_DEBUG with this reason.  False: another
 * vCPU's reason came first, and this one is to come again when the machine runs on.
 */
bool debugger_stop(struct vcpu *cpu, const struct debug_stop *why);
/* The same, between two instructions of a vCPU that is `slow`: is there a reason?  Then it has been told. */
bool debugger_wants_stop(struct vcpu *cpu);
/* The same thread: an access to linear memory, of a vCPU that is `slow`. */
void debugger_access(struct vcpu *cpu, uint64_t linear, unsigned size, bool write);
/* The breakpoint at a linear address, or NULL. */
const struct debug_point *debugger_break_at(const struct debugger *d, uint64_t linear);

/* Inline for who may not use vector registers.  A page of 4 KiB that has a breakpoint ... */
static inline bool debugger_breaks_page(const struct debugger *d, uint64_t linear)
{
    for (unsigned k = 0; d->n_breaks && k < d->n_points; k++) {
        const struct debug_point *p = &d->points[k];

        if (p->type <= DEBUG_BREAK_HARD && p->addr >> 12 == linear >> 12) {
            return true;
        }
    }
    return false;
}

/* ... or a part of a watchpoint. */
static inline bool debugger_watches_page(const struct debugger *d, uint64_t linear)
{
    for (unsigned k = 0; d->n_watches && k < d->n_points; k++) {
        const struct debug_point *p = &d->points[k];

        if (p->type >= DEBUG_WATCH_WRITE && p->addr >> 12 <= linear >> 12 &&
            (p->addr + p->len - 1) >> 12 >= linear >> 12) {
            return true;
        }
    }
    return false;
}

#endif
