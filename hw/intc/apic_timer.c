/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic_timer.c: the timer of a local APIC (SDM vol. 3, "APIC Timer").
 *
 * Invariant: the count register is computed from the virtual clock; the host timer is armed only
 *            for the next expiry.  A periodic timer of a few nanoseconds would starve the host, so
 *            expiries closer than MIN_PERIOD_NS are merged, as the IRR would merge them anyway.
 * Thread:    under the machine lock.
 */
#include "hw/intc/apic.h"
#include "target/i386/cpu.h"

#define MIN_PERIOD_NS (10 * NS_PER_US)
/* Beyond this a TSC deadline is as good as never: about 146 years. */
#define NEVER_NS (INT64_MAX / 2)

unsigned apic_timer_shift(const struct apic *a)
{
    /* Bits 3, 1, 0: 000 is 2, 110 is 128, 111 is 1. */
    return (((a->timer_divide & 3) | (a->timer_divide & 8) >> 1) + 1) & 7;
}

static int64_t period_ns(const struct apic *a)
{
    return (int64_t)a->timer_initial << apic_timer_shift(a);
}

static int64_t now_ns(struct apic *a)
{
    return clock_now(a->dev.machine, CLOCK_KIND_VIRTUAL);
}

uint32_t apic_timer_count(struct apic *a)
{
    if (!a->timer_initial || apic_timer_mode(a) >= APIC_TIMER_DEADLINE) {
        return 0;
    }
    int64_t elapsed = now_ns(a) - a->timer_start, period = period_ns(a);

    if (elapsed < 0) {
        elapsed = 0;
    }
    if (elapsed >= period) {
        if (apic_timer_mode(a) == APIC_TIMER_ONE_SHOT) {
            return 0;
        }
        elapsed %= period;
    }
    return a->timer_initial - (uint32_t)(elapsed >> apic_timer_shift(a));
}

/* Arms the host timer for the first expiry after `now` of the count that began at timer_start. */
static void arm_count(struct apic *a, int64_t now)
{
    int64_t period = period_ns(a), next = a->timer_start + period;

    if (!a->timer_initial || apic_timer_mode(a) >= APIC_TIMER_DEADLINE) {
        timer_disarm(&a->timer);
        return;
    }
    if (next <= now) {
        if (apic_timer_mode(a) == APIC_TIMER_ONE_SHOT) {
            timer_disarm(&a->timer);
            return;
        }
        next += (now - next) / period * period + period;
        if (period < MIN_PERIOD_NS) {
            next = now + MIN_PERIOD_NS;
        }
    }
    timer_arm(&a->timer, next);
}

static void arm_deadline(struct apic *a)
{
    uint64_t tsc, delta, hz;

    if (!a->tsc_deadline || !a->cpu) {
        timer_disarm(&a->timer);
        return;
    }
    tsc = cpu_tsc(a->cpu);
    hz = a->cpu->tsc_hz ? a->cpu->tsc_hz : APIC_TIMER_HZ;
    delta = a->tsc_deadline > tsc ? a->tsc_deadline - tsc : 0;
    /* Rounded up: firing before the deadline would be an interrupt too early. */
    unsigned __int128 ns = ((unsigned __int128)delta * NS_PER_SEC + hz - 1) / hz;

    timer_arm(&a->timer, now_ns(a) + (ns > NEVER_NS / 2 ? NEVER_NS / 2 : (int64_t)ns));
}

void apic_timer_rearm(struct apic *a)
{
    if (apic_timer_mode(a) == APIC_TIMER_DEADLINE) {
        arm_deadline(a);
    } else {
        arm_count(a, now_ns(a));
    }
}

void apic_timer_set_initial(struct apic *a, uint32_t count)
{
    if (apic_timer_mode(a) >= APIC_TIMER_DEADLINE) {
        return; /* ignored in this mode */
    }
    a->timer_initial = count;
    a->timer_start = now_ns(a);
    arm_count(a, a->timer_start);
}

void apic_timer_set_divide(struct apic *a, uint32_t divide)
{
    uint32_t left = apic_timer_count(a);
    int64_t now = now_ns(a);

    a->timer_divide = divide & 0xb;
    if (a->timer_initial && left) {
        /* What is left of the count goes on at the new speed. */
        a->timer_start = now - ((int64_t)(a->timer_initial - left) << apic_timer_shift(a));
        arm_count(a, now);
    }
}

void apic_timer_set_lvt(struct apic *a, uint32_t lvt)
{
    unsigned before = apic_timer_mode(a);

    a->lvt[APIC_LVT_TIMER] = lvt;
    /* "A transition between TSC-deadline mode and the others disarms the timer." */
    if ((before == APIC_TIMER_DEADLINE) != (apic_timer_mode(a) == APIC_TIMER_DEADLINE)) {
        a->timer_initial = 0;
        a->tsc_deadline = 0;
        timer_disarm(&a->timer);
    } else if (before != apic_timer_mode(a)) {
        arm_count(a, now_ns(a));
    }
}

void apic_timer_set_deadline(struct apic *a, uint64_t tsc)
{
    if (apic_timer_mode(a) != APIC_TIMER_DEADLINE) {
        return; /* ignored in other modes */
    }
    a->tsc_deadline = tsc;
    if (tsc && a->cpu && cpu_tsc(a->cpu) >= tsc) {
        apic_timer_fire(a); /* already past: at once */
    } else {
        arm_deadline(a);
    }
}

void apic_timer_fire(void *opaque)
{
    struct apic *a = opaque;

    if (apic_timer_mode(a) == APIC_TIMER_DEADLINE) {
        if (!a->tsc_deadline) {
            return;
        }
        if (a->cpu && cpu_tsc(a->cpu) < a->tsc_deadline) {
            arm_deadline(a); /* the TSC was moved, or the deadline lies beyond NEVER_NS */
            return;
        }
        a->tsc_deadline = 0;
        timer_disarm(&a->timer);
    } else {
        arm_count(a, now_ns(a));
    }
    apic_fire_lvt(a, APIC_LVT_TIMER);
}
