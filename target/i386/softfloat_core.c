/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat_core.c: exact arithmetic on unpacked numbers, and rounding.
 *
 * Invariant: an arithmetic result is exact, or its sticky bit lies below every bit that rounding
 *            looks at.  Pure functions, any thread.
 */
#include "target/i386/softfloat_core.h"

const struct float_format format_f32 = { 24, -126, 127, false };
const struct float_format format_f64 = { 53, -1022, 1023, false };
const struct float_format format_f80 = { 64, -16382, 16383, true };

/* SDM vol. 1, 8.5.4 and 8.5.5: the bias adjustment of unmasked over- and underflow. */
#define WRAP_EXPONENT 24576

struct cut round_mant(uint128 mant, int bits, bool sign, unsigned rounding)
{
    uint128 unit = (uint128)1 << (128 - bits), half = unit >> 1;
    uint128 rest = mant & (unit - 1), kept = mant - rest;
    struct cut c = { .inexact = rest != 0 };

    switch (rounding & 3) {
    case FLOAT_NEAREST:
        c.up = rest > half || (rest == half && (kept & unit));
        break;
    case FLOAT_DOWN:
        c.up = rest && sign;
        break;
    case FLOAT_UP:
        c.up = rest && !sign;
        break;
    default:
        c.up = false;
    }
    if (c.up) {
        kept += unit;
        if (!kept) {
            c.carry = true;
            kept = (uint128)1 << 127;
        }
    }
    c.mant = (uint64_t)(kept >> 64);
    return c;
}

static struct num finish_cut(struct float_status *st, bool sign, int exp, struct cut c)
{
    st->flags |= c.inexact ? FLOAT_INEXACT : 0;
    st->rounded_up = c.up;
    return (struct num){ NUM_FINITE, sign, false, exp, c.mant };
}

static struct num round_overflow(struct float_status *st, const struct float_format *f, int bits,
                                 bool sign, int exp, struct cut c)
{
    bool to_inf, unmasked = !(st->masked & FLOAT_OVERFLOW);

    st->flags |= FLOAT_OVERFLOW;
    if (unmasked && f->wrap && exp - WRAP_EXPONENT <= f->emax) {
        return finish_cut(st, sign, exp - WRAP_EXPONENT, c);
    }
    /* An unmasked one is inexact by its bits alone, but FSCALE's massive one always. */
    st->flags |= unmasked && !f->wrap && !c.inexact ? 0 : FLOAT_INEXACT;
    to_inf =
        unmasked || st->rounding == FLOAT_NEAREST || st->rounding == (sign ? FLOAT_DOWN : FLOAT_UP);
    st->rounded_up = to_inf;
    if (to_inf) {
        return (struct num){ NUM_INF, sign, false, 0, 0 };
    }
    return (struct num){ NUM_FINITE, sign, false, f->emax, UINT64_MAX << (64 - bits) };
}

/* Tiny after rounding to `bits`: denormalize and round again, flush, or scale. */
static struct num round_underflow(struct float_status *st, const struct float_format *f, int bits,
                                  struct wide w, struct cut c)
{
    int exp = w.exp + c.carry;
    struct num r;

    if (!(st->masked & FLOAT_UNDERFLOW)) {
        st->flags |= FLOAT_UNDERFLOW;
        if (f->wrap && exp + WRAP_EXPONENT >= f->emin) {
            return finish_cut(st, w.sign, exp + WRAP_EXPONENT, c);
        }
        /* Inexact by its bits alone, but FSCALE's massive underflow, to zero, always. */
        st->flags |= f->wrap || c.inexact ? FLOAT_INEXACT : 0;
        return (struct num){ NUM_ZERO, w.sign, false, 0, 0 };
    }
    if (st->ftz) {
        st->flags |= FLOAT_UNDERFLOW | FLOAT_INEXACT;
        return (struct num){ NUM_ZERO, w.sign, false, 0, 0 };
    }
    w.mant = shift_right_jam(w.mant, (unsigned)(f->emin - w.exp));
    c = round_mant(w.mant, bits, w.sign, st->rounding);
    st->flags |= c.inexact ? FLOAT_UNDERFLOW : 0;
    r = finish_cut(st, w.sign, f->emin, c);
    r.cls = r.mant ? NUM_FINITE : NUM_ZERO;
    return r;
}

struct num num_round(struct float_status *st, const struct float_format *f, int bits, struct wide w)
{
    unsigned shift = clz128(w.mant);
    struct cut c;
    int exp;

    w.mant <<= shift;
    w.exp -= (int)shift;
    c = round_mant(w.mant, bits, w.sign, st->rounding);
    exp = w.exp + c.carry;
    if (exp > f->emax) {
        return round_overflow(st, f, bits, w.sign, exp, c);
    }
    if (exp < f->emin) {
        return round_underflow(st, f, bits, w, c);
    }
    return finish_cut(st, w.sign, exp, c);
}

static struct wide invalid(unsigned *flags)
{
    *flags |= FLOAT_INVALID;
    return (struct wide){ .cls = NUM_QNAN };
}

static struct wide special(enum num_class cls, bool sign)
{
    return (struct wide){ .cls = cls, .sign = sign };
}

/* Magnitudes; bit 127 of both is clear: room for the carry. */
static struct wide add_wide(const struct float_status *st, struct wide a, struct wide b)
{
    if (a.exp < b.exp || (a.exp == b.exp && a.mant < b.mant)) {
        struct wide t = a;
        a = b;
        b = t;
    }
    b.mant = shift_right_jam(b.mant, (unsigned)(a.exp - b.exp));
    if (a.sign == b.sign) {
        a.mant += b.mant;
    } else {
        a.mant -= b.mant;
    }
    if (!a.mant) {
        return special(NUM_ZERO, st->rounding == FLOAT_DOWN);
    }
    return a;
}

struct wide num_add(const struct float_status *st, struct num a, struct num b, unsigned *flags)
{
    if (a.cls == NUM_INF && b.cls == NUM_INF && a.sign != b.sign) {
        return invalid(flags);
    }
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        return special(NUM_INF, a.cls == NUM_INF ? a.sign : b.sign);
    }
    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO) {
        return special(NUM_ZERO, a.sign == b.sign ? a.sign : st->rounding == FLOAT_DOWN);
    }
    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        return num_widen(a.cls == NUM_ZERO ? b : a);
    }
    return add_wide(st, (struct wide){ NUM_FINITE, a.sign, a.exp + 1, (uint128)a.mant << 63 },
                    (struct wide){ NUM_FINITE, b.sign, b.exp + 1, (uint128)b.mant << 63 });
}

struct wide num_sub(const struct float_status *st, struct num a, struct num b, unsigned *flags)
{
    b.sign = !b.sign;
    return num_add(st, a, b, flags);
}

struct wide num_mul(const struct float_status *st, struct num a, struct num b, unsigned *flags)
{
    bool sign = a.sign ^ b.sign;

    (void)st;
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        return a.cls == NUM_ZERO || b.cls == NUM_ZERO ? invalid(flags) : special(NUM_INF, sign);
    }
    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        return special(NUM_ZERO, sign);
    }
    return (struct wide){ NUM_FINITE, sign, a.exp + b.exp + 1, (uint128)a.mant * b.mant };
}

struct wide num_div(const struct float_status *st, struct num a, struct num b, unsigned *flags)
{
    bool sign = a.sign ^ b.sign;
    uint128 n, q, low;

    (void)st;
    if (a.cls == b.cls && a.cls != NUM_FINITE) { /* 0/0, inf/inf */
        return invalid(flags);
    }
    if (a.cls == NUM_INF) {
        return special(NUM_INF, sign);
    }
    if (b.cls == NUM_ZERO) {
        *flags |= FLOAT_DIVBYZERO;
        return special(NUM_INF, sign);
    }
    if (a.cls == NUM_ZERO || b.cls == NUM_INF) {
        return special(NUM_ZERO, sign);
    }
    n = (uint128)a.mant << 63;
    q = n / b.mant; /* below 2^64: a.mant < 2^64, b.mant >= 2^63 */
    n = (n % b.mant) << 64;
    low = n / b.mant;
    return (struct wide){ NUM_FINITE, sign, a.exp - b.exp, q << 64 | low | (n % b.mant != 0) };
}

/* floor(sqrt(n)) of n >= 2^62, and the remainder. */
static uint64_t sqrt64(uint64_t n, uint64_t *rem)
{
    uint64_t root = 0;

    for (uint64_t bit = 1ull << 62; bit; bit >>= 2) {
        if (n >= root + bit) {
            n -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    *rem = n;
    return root;
}

/* floor(sqrt(n)) of n >= 2^126 from its upper half's root (Zimmermann, "Karatsuba square root"). */
static uint64_t sqrt128(uint128 n, uint128 *rem)
{
    uint64_t r1, s1 = sqrt64((uint64_t)(n >> 64), &r1);
    uint128 t = (uint128)r1 << 32 | (uint32_t)(n >> 32);
    uint128 q = t / (2 * s1), u = t % (2 * s1);
    uint128 s = ((uint128)s1 << 32) + q;
    __int128 r = (__int128)(u << 32 | (uint32_t)n) - (__int128)(q * q);

    if (r < 0) {
        r += (__int128)(2 * s - 1);
        s--;
    }
    *rem = (uint128)r;
    return (uint64_t)s;
}

struct wide num_sqrt(struct num a, unsigned *flags)
{
    bool odd = a.exp & 1;
    uint128 rem;
    uint64_t root;

    if (a.cls == NUM_ZERO || (a.cls == NUM_INF && !a.sign)) {
        return special(a.cls, a.sign);
    }
    if (a.sign) {
        return invalid(flags);
    }
    root = sqrt128((uint128)a.mant << (odd ? 64 : 63), &rem);
    /* The next bit is 1 when n > (root + 1/2)^2; a root of an integer is never a half. */
    return (struct wide){ NUM_FINITE, false, (a.exp - odd) / 2,
                          (uint128)root << 64 | (uint128)(rem > root) << 63 | (rem != 0) };
}

struct wide num_muladd(const struct float_status *st, struct num a, struct num b, struct num c,
                       unsigned *flags)
{
    struct wide p = num_mul(st, a, b, flags), w;

    if (p.cls == NUM_QNAN) {
        return p;
    }
    if (p.cls != NUM_FINITE || c.cls != NUM_FINITE) {
        if (p.cls == NUM_FINITE && c.cls == NUM_ZERO) {
            return p;
        }
        /* An infinity or a zero: the product's magnitude does not matter. */
        return num_add(st, (struct num){ p.cls, p.sign, false, 0, 1ull << 63 }, c, flags);
    }
    /* The product has at least 22 zero bits below: one place to the right is exact. */
    w = (struct wide){ NUM_FINITE, c.sign, c.exp + 1, (uint128)c.mant << 63 };
    if (!(p.mant >> 127)) {
        p.mant <<= 1;
        p.exp--;
    }
    p.mant >>= 1;
    p.exp++;
    return add_wide(st, p, w);
}

int num_compare(struct num a, struct num b)
{
    int sign = a.sign ? -1 : 1;

    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO) {
        return FLOAT_EQUAL;
    }
    if (a.cls == NUM_ZERO) {
        return b.sign ? FLOAT_GREATER : FLOAT_LESS;
    }
    if (b.cls == NUM_ZERO || a.sign != b.sign) {
        return sign;
    }
    if (a.cls != b.cls) { /* one is infinite */
        return a.cls == NUM_INF ? sign : -sign;
    }
    if (a.cls == NUM_INF || (a.exp == b.exp && a.mant == b.mant)) {
        return FLOAT_EQUAL;
    }
    if (a.exp != b.exp) {
        return a.exp > b.exp ? sign : -sign;
    }
    return a.mant > b.mant ? sign : -sign;
}

bool num_to_integer(struct num a, unsigned rounding, uint64_t *out, bool *inexact, bool *up)
{
    struct cut c;

    *out = 0;
    *inexact = *up = false;
    if (a.cls == NUM_ZERO) {
        return true;
    }
    if (a.exp > 63) {
        return false;
    }
    /* The integer part in the upper half, the fraction in the lower. */
    c = round_mant(shift_right_jam((uint128)a.mant << 64, (unsigned)(63 - a.exp)), 64, a.sign,
                   rounding);
    *out = c.mant;
    *inexact = c.inexact;
    *up = c.up;
    return true;
}

int64_t num_to_signed(struct float_status *st, struct num a, unsigned rounding, unsigned size)
{
    uint64_t min = 1ull << (size * 8 - 1), v = 0;
    bool inexact = false, up = false;

    if (a.cls > NUM_FINITE || !num_to_integer(a, rounding, &v, &inexact, &up) ||
        v > min - !a.sign) {
        st->flags |= FLOAT_INVALID;
        return -(int64_t)(min - 1) - 1;
    }
    st->flags |= inexact ? FLOAT_INEXACT : 0;
    st->rounded_up = up;
    return (int64_t)(a.sign ? 0 - v : v);
}

struct num num_from_signed(int64_t v)
{
    uint64_t m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int shift;

    if (!v) {
        return (struct num){ .cls = NUM_ZERO };
    }
    shift = __builtin_clzll(m);
    return (struct num){ NUM_FINITE, v < 0, false, 63 - shift, m << shift };
}
