/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/clock.h: clocks in nanoseconds and timers armed on them.
 *
 * CLOCK_KIND_VIRTUAL stops with the machine and can be stepped by tests; CLOCK_KIND_REALTIME is the host's
 * monotonic clock; CLOCK_KIND_HOST is the host's wall clock (ns since 1970-01-01 UTC).
 *
 * Thread: clock_now from any thread without a lock; timers are armed and run under the machine
 *         lock, callbacks on the main loop.
 */
#ifndef SOFTMMU_CLOCK_H
#define SOFTMMU_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define NS_PER_SEC 1000000000ll
#define NS_PER_MS  1000000ll
#define NS_PER_US  1000ll

enum clock_kind { CLOCK_KIND_VIRTUAL, CLOCK_KIND_REALTIME, CLOCK_KIND_HOST, CLOCK_KIND_COUNT };

/* machine_new and machine_free. */
void clock_init(struct machine *m);
void clock_destroy(struct machine *m);

int64_t clock_now(struct machine *m, enum clock_kind kind);

/* The virtual clock runs from enable to disable; run-state changes call these. */
void clock_virtual_enable(struct machine *m, bool enable);
/*
 * A machine's saved time comes back: the stopped clock jumps, and timers that wait on it go on waiting as long as
 * before, until their devices' state is loaded.
 */
void clock_virtual_set(struct machine *m, int64_t now);
/* Tests: the virtual clock moves only by clock_step, from now on. */
void clock_virtual_manual(struct machine *m);
/* Advances a manual clock by ns, running every timer that falls due in its order of deadlines. */
void clock_step(struct machine *m, int64_t ns);
/* The earliest deadline on the virtual clock, or -1. */
int64_t clock_next_deadline(struct machine *m);

/* Embedded in devices. */
struct timer {
    struct machine *machine;
    enum clock_kind kind;
    int64_t deadline; /* ns on its clock; meaningful while armed */
    bool armed;
    void (*fire)(void *opaque);
    void *opaque;
    struct timer *next; /* machine's list, earliest first */
};

void timer_init(struct timer *t, struct machine *m, enum clock_kind kind, void (*fire)(void *),
                void *opaque);
/* (Re)arms for an absolute time; one in the past fires as soon as the main loop runs. */
void timer_arm(struct timer *t, int64_t deadline_ns);
void timer_disarm(struct timer *t);

/* a * b / c without overflow in between; c > 0. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
    return b == c ? a : (uint64_t)((unsigned __int128)a * b / c);
}

#endif
