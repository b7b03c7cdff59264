/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/throttle.c: a timer that stops the vCPUs and lets them go on, as long as the machine runs.
 * Thread: see throttle.h.
 */
#include "migration/throttle.h"

#define RUN_NS (10 * NS_PER_MS)

static void let_go(struct throttle *t)
{
    if (t->holds && t->machine->run_state == RUN_STATE_RUNNING) {
        vcpu_resume_all(t->machine);
    }
    t->holds = false;
}

static void arm(struct throttle *t, int64_t ns)
{
    timer_arm(&t->timer, clock_now(t->machine, CLOCK_KIND_REALTIME) + ns);
}

static void fire(void *opaque)
{
    struct throttle *t = opaque;
    bool hold = !t->holds && t->percent && t->machine->run_state == RUN_STATE_RUNNING;

    if (hold) {
        t->holds = true;
        vcpu_pause_all(t->machine); /* gives the lock away: percent may be another one now */
        hold = t->percent != 0;
    }
    if (!hold) {
        let_go(t);
    }
    if (t->percent) {
        arm(t, hold ? RUN_NS * t->percent / (100 - t->percent) : RUN_NS);
    }
}

void throttle_init(struct throttle *t, struct machine *m)
{
    t->machine = m;
    timer_init(&t->timer, m, CLOCK_KIND_REALTIME, fire, t);
}

void throttle_set_percent(struct throttle *t, unsigned percent)
{
    t->percent = percent;
    if (percent && !t->timer.armed && !t->holds) {
        arm(t, RUN_NS);
    } else if (!percent) {
        timer_disarm(&t->timer);
        let_go(t);
    }
}
