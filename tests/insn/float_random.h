/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/float_random.h: random floating-point patterns with many special values, the same on
 * every run.  One thread: each test program has its own sequence.
 */
#ifndef TESTS_INSN_FLOAT_RANDOM_H
#define TESTS_INSN_FLOAT_RANDOM_H

#include "target/i386/softfloat.h"

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

/* xorshift64*: the same numbers on every run. */
static inline uint64_t random64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

/* Significands: all zeros, all ones, few bits, low bits only, anything. */
static inline uint64_t random_mant(void)
{
    uint64_t r = random64();

    switch (random64() % 8) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return 1ull << (r & 63);
    case 3:
        return r >> (random64() & 63);
    case 4:
        return r << (random64() & 63);
    case 5:
        return UINT64_MAX << (r & 63);
    default:
        return r;
    }
}

/* Exponent fields: the ends, around the bias, around another's (for cancellation), anything. */
static inline unsigned random_exp(unsigned mask, unsigned near)
{
    unsigned r = (unsigned)random64();

    switch (random64() % 8) {
    case 0:
        return r % 3;
    case 1:
        return mask - r % 3;
    case 2:
        return mask / 2 + r % 140 - 70;
    case 3:
    case 4:
    case 5:
        return (near + r % 140 - 70) & mask;
    default:
        return r & mask;
    }
}

static inline uint32_t random_f32(uint32_t near)
{
    return (uint32_t)(random64() & 1) << 31 | random_exp(0xff, near >> 23 & 0xff) << 23 |
           (random_mant() >> 41);
}

static inline uint64_t random_f64(uint64_t near)
{
    return (random64() & 1) << 63 | (uint64_t)random_exp(0x7ff, near >> 52 & 0x7ff) << 52 |
           random_mant() >> 12;
}

/* One in 16 has an integer bit that does not fit its exponent. */
static inline struct float80 random_f80(struct float80 near)
{
    unsigned e = random_exp(0x7fff, near.sexp & 0x7fff);
    uint64_t m = random_mant();

    if (random64() % 16) {
        m = e ? m | 1ull << 63 : m & INT64_MAX;
    }
    return f80_make(random64() & 1, e, m);
}

#endif
