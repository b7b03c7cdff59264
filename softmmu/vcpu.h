/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/vcpu.h: the life cycle of a virtual CPU, without any idea of its architecture.
 *
 * Each vCPU is one host thread that loops: wait while stopped or idle; run guest code without the
 * machine lock; take the lock for whatever made it leave.
 *
 * Thread: fields marked "lock" change under the machine lock; exit_request is atomic and is what an
 *         engine polls, and nothing else: whoever wants its attention sets that last.
 */
#ifndef SOFTMMU_VCPU_H
#define SOFTMMU_VCPU_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "softmmu/debugger.h"

struct machine;
struct vcpu;

/* An engine: the interpreter and translator, KVM. */
struct vcpu_ops {
    const char *name;
    bool (*init)(struct vcpu *cpu,
                 GError **error); /* once, on the thread that creates the machine */
    void (*destroy)(struct vcpu *cpu);
    /*
     * On the vCPU's thread, no lock held: runs guest code until it idles or sees exit_request.  An engine
     * that clears exit_request to look at events of its own may stay unless `leave` is set, too.
     */
    void (*run)(struct vcpu *cpu);
    /* Lock held: is there something to run (not halted, or an interrupt wakes it)? */
    bool (*has_work)(struct vcpu *cpu);
    void (*reset)(struct vcpu *cpu); /* lock held, vCPU stopped */
    /* Any thread: makes `run` return soon, beyond setting exit_request; may be NULL. */
    void (*kick)(struct vcpu *cpu);
    /* Lock held, vCPU out of `run`: cpu->debug changed, and if `points` break- or watchpoints did; may be NULL. */
    void (*debug)(struct vcpu *cpu, bool points);
    /*
     * Lock held, vCPU out of `run`: others are about to look at its architectural state, or to change it: brings it to
     * where they do, if it is elsewhere; may be NULL.
     */
    void (*fetch)(struct vcpu *cpu);
};

struct vcpu {
    struct machine *machine;
    const struct vcpu_ops *ops;
    int index;
    GThread *thread;
    int thread_id;             /* host tid, for `info cpus` and query-cpus-fast */
    pthread_cond_t wake;       /* with the machine lock */
    _Atomic bool exit_request; /* look up at the next instruction boundary ... */
    _Atomic bool leave;        /* ... and leave `run`, too */
    bool stop;                 /* lock: asked to stay out of `run` */
    bool stopped;              /* lock: is out of `run` */
    bool created;              /* lock: thread is up */
    bool unplug;               /* lock: leave the thread */
    bool in_guest;             /* lock: inside `run` */
    bool safe_point;           /* lock: inside `run`, and has the lock or was given it in turn */
    bool secure;  /* own thread: in system-management mode, what chips let more through */
    bool pausing; /* lock: inside `run`, and waits in vcpu_pause_all */
    struct vcpu_debug debug;
};

/* Creates the threads of m->vcpus[0 .. n_vcpus), stopped; those that run already are left alone. */
bool vcpu_start_all(struct machine *m, GError **error);
void vcpu_resume_all(struct machine *m);
/*
 * Returns when every vCPU is out of guest code (the caller's own counts as out), with its state where others look for
 * it.  Lock held; may drop it while waiting.
 */
void vcpu_pause_all(struct machine *m);
/* Ends and joins the threads, destroys the engines' part, empties m->vcpus.  Drops the lock meanwhile. */
void vcpu_destroy_all(struct machine *m);
/* Any thread: re-evaluate has_work; leave guest code at the next boundary. */
void vcpu_kick(struct vcpu *cpu);
/* Any thread: the same, but a vCPU in guest code need not leave `run`: it looks at its events. */
void vcpu_notify(struct vcpu *cpu);
/* Any thread: the same for what can wait while the vCPU is idle or stopped. */
static inline void vcpu_poke(struct vcpu *cpu)
{
    atomic_store(&cpu->exit_request, true);
}
/* The vCPU whose thread this is, or NULL. */
struct vcpu *vcpu_current(void);

/*
 * Stops the other vCPUs and the iothreads for a short while, so that the caller may change what they read without a
 * lock.  Lock held; nests.  The caller's own vCPU is at an instruction boundary's safe point by contract.
 *
 * A vCPU that is inside `run` but has called machine_lock counts as stopped as well, since it cannot
 * leave before it gets the lock: engines keep no pointer into a flat view (a mem_section, a soft-TLB
 * entry's host address) across machine_lock, hence across any MMIO or port access.  From begin to end
 * no other thread gets the lock, not even while begin waits.
 */
void vcpu_exclusive_begin(struct machine *m);
void vcpu_exclusive_end(struct machine *m);

#endif
