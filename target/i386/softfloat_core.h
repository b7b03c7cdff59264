/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat_core.h: what the float32, float64 and extended formats share: unpacked
 * numbers, exact arithmetic on them, and the one place that rounds.  For softfloat*.c only.
 */
#ifndef TARGET_I386_SOFTFLOAT_CORE_H
#define TARGET_I386_SOFTFLOAT_CORE_H

#include "target/i386/softfloat.h"

typedef unsigned __int128 uint128;

enum num_class { NUM_ZERO, NUM_FINITE, NUM_INF, NUM_QNAN, NUM_SNAN, NUM_UNSUPPORTED };

/*
 * FINITE: the value is mant / 2^63 * 2^exp, and bit 63 of mant is set; only num_round may return a
 * smaller mant: a denormal, with exp = emin.  NaN: mant is the significand, left-aligned at bit 63.
 */
struct num {
    enum num_class cls;
    bool sign;
    bool denormal; /* the operand was a denormal */
    int exp;
    uint64_t mant;
};

/* A result before rounding: mant / 2^127 * 2^exp; bit 0 is sticky. */
struct wide {
    enum num_class cls;
    bool sign;
    int exp;
    uint128 mant;
};

struct float_format {
    int bits; /* significand, with the integer bit */
    int emin, emax;
    bool wrap; /* unmasked over- and underflow scale the result by 2^24576 */
};

extern const struct float_format format_f32, format_f64, format_f80;

/* a >> n where bits that fall out stay visible in bit 0. */
static inline uint128 shift_right_jam(uint128 a, unsigned n)
{
    if (n == 0) {
        return a;
    }
    return n >= 128 ? a != 0 : a >> n | ((a << (128 - n)) != 0);
}

static inline unsigned clz128(uint128 a)
{
    uint64_t hi = (uint64_t)(a >> 64);

    return hi ? (unsigned)__builtin_clzll(hi) : 64 + (unsigned)__builtin_clzll((uint64_t)a);
}

static inline struct wide num_widen(struct num a)
{
    return (struct wide){ a.cls, a.sign, a.exp, (uint128)a.mant << 64 };
}

/* Flags pre-computation exceptions; false: one of them is unmasked, the operation ends. */
static inline bool float_raise(struct float_status *st, unsigned flags)
{
    st->flags |= flags;
    return !(flags & ~st->masked);
}

/*
 * Rounds a significand to its top `bits` bits (1-64).  *carry: it became 2.0, and is returned as
 * 1.0.
 */
struct cut {
    uint64_t mant;
    bool carry, inexact, up;
};
struct cut round_mant(uint128 mant, int bits, bool sign, unsigned rounding);

/* FINITE only.  Rounds to `bits` bits within the format's range: ZERO, FINITE or INF comes out. */
struct num num_round(struct float_status *st, const struct float_format *f, int bits,
                     struct wide w);

/*
 * Operands are not NaNs.  *flags gets INVALID (result class QNAN: the default NaN) or DIVBYZERO.
 * The sum of zeros of different signs follows st->rounding.
 */
typedef struct wide num_binary_fn(const struct float_status *st, struct num a, struct num b,
                                  unsigned *flags);
num_binary_fn num_add, num_sub, num_mul, num_div;
struct wide num_sqrt(struct num a, unsigned *flags);
/* a * b + c, exact but for the sticky bit; a and b of at most 53 bits. */
struct wide num_muladd(const struct float_status *st, struct num a, struct num b, struct num c,
                       unsigned *flags);
/* ZERO, FINITE, INF. */
int num_compare(struct num a, struct num b);
/* The magnitude as an integer, rounded; false: 2^64 or more.  FINITE and ZERO only. */
bool num_to_integer(struct num a, unsigned rounding, uint64_t *out, bool *inexact, bool *up);
/* To a two's complement integer of `size` bytes, or the indefinite with INVALID. */
int64_t num_to_signed(struct float_status *st, struct num a, unsigned rounding, unsigned size);
struct num num_from_signed(int64_t v);

#endif
