/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat_f80_convert.c: extended reals to and from the formats that FLD, FST, FILD,
 * FIST, FBLD and FBSTP move.  Pure functions, any thread.
 */
#include "target/i386/softfloat_f80.h"

/* `bits`: significand; the exponent field has `exp_bits`. */
static struct float80 widen(struct float_status *st, uint64_t raw, int bits, int exp_bits)
{
    unsigned emask = (1u << exp_bits) - 1, e = (unsigned)(raw >> (bits - 1)) & emask;
    uint64_t mant = (raw & ((1ull << (bits - 1)) - 1)) << (64 - bits);
    bool sign = raw >> (bits - 1 + exp_bits) & 1;
    int shift;

    if (e == emask) {
        return f80_make(sign, 0x7fff, mant | 1ull << 63);
    }
    if (e) {
        return f80_make(sign, e + 0x3fff - (emask >> 1), mant | 1ull << 63);
    }
    if (!mant) {
        return f80_make(sign, 0, 0);
    }
    st->denormal_source = true;
    shift = __builtin_clzll(mant);
    return f80_make(sign, 0x3fff - (emask >> 1) + 1 - (unsigned)shift, mant << shift);
}

struct float80 f32_widen(struct float_status *st, uint32_t a)
{
    return widen(st, a, 24, 8);
}

struct float80 f64_widen(struct float_status *st, uint64_t a)
{
    return widen(st, a, 53, 11);
}

static struct float80 load(struct float_status *st, struct float80 a)
{
    struct float80 r;

    if (f80_nan_result(st, a, a, &r)) {
        return r;
    }
    st->flags |= st->denormal_source ? FLOAT_DENORMAL : 0;
    return a;
}

struct float80 f32_to_f80(struct float_status *st, uint32_t a)
{
    return load(st, f32_widen(st, a));
}

struct float80 f64_to_f80(struct float_status *st, uint64_t a)
{
    return load(st, f64_widen(st, a));
}

struct float80 i64_to_f80(int64_t v)
{
    return f80_pack(num_from_signed(v));
}

/* The pattern in the narrow format, as FST stores it; denormal operands are not flagged. */
static uint64_t narrow(struct float_status *st, struct float80 a, const struct float_format *f,
                       int exp_bits)
{
    uint64_t emask = (1ull << exp_bits) - 1;
    struct num n = f80_unpack(a);
    struct float80 nan;
    uint64_t sign;

    if (f80_nan_result(st, a, a, &nan)) {
        n.cls = NUM_QNAN;
        n.sign = nan.sexp >> 15;
        n.mant = nan.mant;
    } else if (n.cls == NUM_FINITE) {
        unsigned before = st->flags;

        n = num_round(st, f, f->bits, num_widen(n));
        if (st->flags & ~st->masked & (FLOAT_OVERFLOW | FLOAT_UNDERFLOW)) {
            /* Nothing is stored: nothing is inexact. */
            st->flags &= (uint8_t)(before | ~FLOAT_INEXACT);
        }
    }
    sign = (uint64_t)n.sign << (f->bits - 1 + exp_bits);
    switch (n.cls) {
    case NUM_ZERO:
        return sign;
    case NUM_FINITE: /* the integer bit adds 1 to the exponent field */
        return sign | (((uint64_t)(n.exp - f->emin) << (f->bits - 1)) + (n.mant >> (64 - f->bits)));
    case NUM_INF:
        return sign | emask << (f->bits - 1);
    default:
        return sign | emask << (f->bits - 1) | n.mant << 1 >> (65 - f->bits);
    }
}

uint32_t f80_to_f32(struct float_status *st, struct float80 a)
{
    return (uint32_t)narrow(st, a, &format_f32, 8);
}

uint64_t f80_to_f64(struct float_status *st, struct float80 a)
{
    return narrow(st, a, &format_f64, 11);
}

int16_t f80_to_i16(struct float_status *st, struct float80 a, uint8_t rounding)
{
    return (int16_t)num_to_signed(st, f80_unpack(a), rounding, 2);
}

int32_t f80_to_i32(struct float_status *st, struct float80 a, uint8_t rounding)
{
    return (int32_t)num_to_signed(st, f80_unpack(a), rounding, 4);
}

int64_t f80_to_i64(struct float_status *st, struct float80 a, uint8_t rounding)
{
    return num_to_signed(st, f80_unpack(a), rounding, 8);
}

#define BCD_LIMIT 1000000000000000000ull /* 10^18 */

/* Digits above 9 count with their weight, as an unchecked conversion does (SDM: undefined). */
struct float80 bcd_to_f80(const uint8_t bcd[10])
{
    struct float80 r;
    uint64_t v = 0;

    for (int i = 8; i >= 0; i--) {
        v = v * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15);
    }
    r = i64_to_f80((int64_t)v); /* at most 15/9 * 10^18: below 2^63 */
    r.sexp |= (uint16_t)((bcd[9] & 0x80) << 8);
    return r;
}

void f80_to_bcd(struct float_status *st, struct float80 a, uint8_t bcd[10])
{
    static const uint8_t indefinite[10] = { 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff };
    struct num n = f80_unpack(a);
    bool inexact, up;
    uint64_t v = 0;

    if (n.cls > NUM_FINITE || !num_to_integer(n, st->rounding, &v, &inexact, &up) ||
        v >= BCD_LIMIT) {
        st->flags |= FLOAT_INVALID;
        for (int i = 0; i < 10; i++) {
            bcd[i] = indefinite[i];
        }
        return;
    }
    st->flags |= inexact ? FLOAT_INEXACT : 0;
    st->rounded_up = up;
    for (int i = 0; i < 9; i++) {
        bcd[i] = (uint8_t)(v % 10 | v / 10 % 10 << 4);
        v /= 100;
    }
    bcd[9] = n.sign ? 0x80 : 0;
}
