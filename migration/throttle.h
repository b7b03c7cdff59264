/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/throttle.h: the vCPUs stand still for a part of the time: capability auto-converge.
 * Thread: main loop or any other, machine lock held.
 */
#ifndef MIGRATION_THROTTLE_H
#define MIGRATION_THROTTLE_H

#include "softmmu/machine.h"

struct throttle {
    struct machine *machine;
    struct timer timer;
    unsigned percent; /* 0: they run */
    bool holds;       /* they stand still now */
};

/* Embedded; before anything else. */
void throttle_init(struct throttle *t, struct machine *m);
/* 0 to 99; 0 lets them run. */
void throttle_set_percent(struct throttle *t, unsigned percent);

#endif
