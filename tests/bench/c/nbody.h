/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbody.h: five bodies that attract one another, in the type that REAL names (double by default).
 * After "n-body" of the Computer Language Benchmarks Game; the bodies here are made up.
 */
#ifndef NBODY_H
#define NBODY_H

#include <math.h>

#ifndef REAL
#define REAL      double
#define REAL_SQRT sqrt
#endif

enum { BODIES = 5 };

struct body {
    REAL at[3], speed[3], mass;
};

static inline void attract(struct body *a, struct body *b)
{
    REAL d[3], square = 0.01, force;

    for (int axis = 0; axis < 3; axis++) {
        d[axis] = a->at[axis] - b->at[axis];
        square += d[axis] * d[axis];
    }
    force = (REAL)0.001 / (square * REAL_SQRT(square));
    for (int axis = 0; axis < 3; axis++) {
        a->speed[axis] -= d[axis] * b->mass * force;
        b->speed[axis] += d[axis] * a->mass * force;
    }
}

/* The energy of motion after so many steps. */
static inline double nbody(uint64_t steps)
{
    struct body bodies[BODIES];
    REAL energy = 0;

    for (int i = 0; i < BODIES; i++) {
        bodies[i] = (struct body){ { i * 4.1 - 7, i % 2 * 9 - 4.5, i * 0.3 },
                                   { 0.1 * i, 0.7 - 0.2 * i, 0.02 },
                                   40.0 / (i + 1) };
    }
    while (steps--) {
        for (int i = 0; i < BODIES; i++) {
            for (int j = i + 1; j < BODIES; j++) {
                attract(&bodies[i], &bodies[j]);
            }
        }
        for (int i = 0; i < BODIES; i++) {
            for (int axis = 0; axis < 3; axis++) {
                bodies[i].at[axis] += (REAL)0.001 * bodies[i].speed[axis];
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            energy += bodies[i].mass * bodies[i].speed[axis] * bodies[i].speed[axis] / 2;
        }
    }
    return energy;
}

#endif
