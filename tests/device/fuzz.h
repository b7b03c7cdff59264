/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/fuzz.h: bounded random accesses: a device must survive any, and still save and load.
 * The seed is fixed, so that a failure repeats.  Thread: the test's.
 */
#ifndef TESTS_DEVICE_FUZZ_H
#define TESTS_DEVICE_FUZZ_H

#include "tests/device/rig.h"

#define FUZZ_ROUNDS 20000

/* A value of the kind that breaks things: any, small, or all ones. */
static inline uint64_t fuzz_value(GRand *rand)
{
    uint64_t v = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    switch (g_rand_int_range(rand, 0, 4)) {
    case 0:
        return v & 0xff;
    case 1:
        return UINT64_MAX;
    default:
        return v;
    }
}

static inline void fuzz(struct rig *r, struct address_space *as, uint64_t first, unsigned size)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(8254);

    for (unsigned i = 0; i < FUZZ_ROUNDS; i++) {
        uint64_t addr = first + g_rand_int_range(rand, 0, size);
        unsigned width = 1u << g_rand_int_range(rand, 0, 4);

        if (g_rand_int(rand) & 1) {
            address_space_store(as, addr, fuzz_value(rand), width);
        } else {
            address_space_load(as, addr, width);
        }
        if (i % 16 == 0) {
            rig_step(r, g_rand_int_range(rand, 1, 100000));
        }
    }
}

static inline void fuzz_ports(struct rig *r, uint16_t first, unsigned n)
{
    fuzz(r, &r->m->io, first, n);
}

static inline void fuzz_memory(struct rig *r, uint64_t first, unsigned size)
{
    fuzz(r, &r->m->memory, first, size);
}

#endif
