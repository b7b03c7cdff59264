/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat.c: float32 and float64 as SSE computes with them.  Both formats run through
 * the same functions, on the pattern in a uint64_t.  Pure functions, any thread.
 */
#include "target/i386/softfloat_core.h"

static uint64_t sign_bit(const struct float_format *f)
{
    return f == &format_f32 ? 1ull << 31 : 1ull << 63;
}

static uint64_t exp_mask(const struct float_format *f)
{
    return f == &format_f32 ? 0xff : 0x7ff;
}

static uint64_t quiet_bit(const struct float_format *f)
{
    return 1ull << (f->bits - 2);
}

static uint64_t default_nan(const struct float_format *f)
{
    return f == &format_f32 ? FLOAT32_DEFAULT_NAN : FLOAT64_DEFAULT_NAN;
}

static struct num unpack(const struct float_status *st, const struct float_format *f, uint64_t raw)
{
    uint64_t e = raw >> (f->bits - 1) & exp_mask(f), frac = raw & ((1ull << (f->bits - 1)) - 1);
    struct num n = { .sign = (raw & sign_bit(f)) != 0 };

    n.mant = frac << (64 - f->bits);
    if (e == exp_mask(f)) {
        n.cls = !frac ? NUM_INF : frac & quiet_bit(f) ? NUM_QNAN : NUM_SNAN;
    } else if (e) {
        n.cls = NUM_FINITE;
        n.exp = (int)e - f->emax;
        n.mant |= 1ull << 63;
    } else if (!frac || st->daz) {
        n.cls = NUM_ZERO;
    } else {
        int shift = __builtin_clzll(n.mant);

        n.cls = NUM_FINITE;
        n.denormal = true;
        n.exp = f->emin - shift;
        n.mant <<= shift;
    }
    return n;
}

static uint64_t pack(const struct float_format *f, struct num n)
{
    uint64_t sign = n.sign ? sign_bit(f) : 0, frac;

    switch (n.cls) {
    case NUM_ZERO:
        return sign;
    case NUM_FINITE:
        frac = n.mant >> (64 - f->bits);
        /* A set integer bit adds one to the exponent field, which is right for denormals' 0 too. */
        return sign | ((((uint64_t)(n.exp - f->emin)) << (f->bits - 1)) + frac);
    case NUM_INF:
        return sign | exp_mask(f) << (f->bits - 1);
    default:
        return default_nan(f);
    }
}

/* Ends an operation: exceptions before the result, rounding, those after it. */
static uint64_t finish(struct float_status *st, const struct float_format *f, struct wide w,
                       unsigned flags, bool denormal)
{
    /* Invalid and zero-divide come before denormal (SDM vol. 1, 4.9.2). */
    if (!flags && denormal) {
        flags = FLOAT_DENORMAL;
    }
    st->rounded_up = false;
    if (!float_raise(st, flags) || w.cls != NUM_FINITE) {
        return pack(f,
                    (struct num){ .cls = w.cls == NUM_FINITE ? NUM_ZERO : w.cls, .sign = w.sign });
    }
    return pack(f, num_round(st, f, f->bits, w));
}

static inline bool is_nan(struct num a)
{
    return a.cls >= NUM_QNAN;
}

static uint64_t propagate_nan(struct float_status *st, const struct float_format *f, uint64_t a,
                              struct num na, uint64_t b, struct num nb)
{
    if (na.cls == NUM_SNAN || nb.cls == NUM_SNAN) {
        st->flags |= FLOAT_INVALID;
    }
    return (is_nan(na) ? a : b) | quiet_bit(f);
}

static inline uint64_t binary(struct float_status *st, const struct float_format *f, uint64_t a,
                              uint64_t b, num_binary_fn *op)
{
    struct num na = unpack(st, f, a), nb = unpack(st, f, b);
    unsigned flags = 0;
    struct wide w;

    if (is_nan(na) || is_nan(nb)) {
        return propagate_nan(st, f, a, na, b, nb);
    }
    w = op(st, na, nb, &flags);
    return finish(st, f, w, flags, na.denormal || nb.denormal);
}

static uint64_t square_root(struct float_status *st, const struct float_format *f, uint64_t a)
{
    struct num na = unpack(st, f, a);
    unsigned flags = 0;
    struct wide w;

    if (is_nan(na)) {
        return propagate_nan(st, f, a, na, a, na);
    }
    w = num_sqrt(na, &flags);
    return finish(st, f, w, flags, na.denormal);
}

static uint64_t muladd(struct float_status *st, const struct float_format *f, uint64_t a,
                       uint64_t b, uint64_t c)
{
    struct num na = unpack(st, f, a), nb = unpack(st, f, b), nc = unpack(st, f, c);
    unsigned flags = 0;
    struct wide w;

    if (is_nan(na) || is_nan(nb) || is_nan(nc)) {
        if (nc.cls == NUM_SNAN) {
            st->flags |= FLOAT_INVALID;
        }
        return is_nan(na) || is_nan(nb) ? propagate_nan(st, f, a, na, b, nb) : c | quiet_bit(f);
    }
    w = num_muladd(st, na, nb, nc, &flags);
    return finish(st, f, w, flags, na.denormal || nb.denormal || nc.denormal);
}

static int compare(struct float_status *st, const struct float_format *f, uint64_t a, uint64_t b,
                   bool signal)
{
    struct num na = unpack(st, f, a), nb = unpack(st, f, b);

    if (is_nan(na) || is_nan(nb)) {
        if (signal || na.cls == NUM_SNAN || nb.cls == NUM_SNAN) {
            st->flags |= FLOAT_INVALID;
        }
        return FLOAT_UNORDERED;
    }
    st->flags |= na.denormal || nb.denormal ? FLOAT_DENORMAL : 0;
    return num_compare(na, nb);
}

static uint64_t round_to_int(struct float_status *st, const struct float_format *f, uint64_t a,
                             uint8_t rounding, bool quiet)
{
    struct num n = unpack(st, f, a), r;
    bool inexact, up;
    uint64_t v;

    if (is_nan(n)) {
        return propagate_nan(st, f, a, n, a, n);
    }
    if (n.cls != NUM_FINITE || n.exp >= f->bits - 1) {
        return n.cls == NUM_ZERO ? pack(f, n) : a;
    }
    num_to_integer(n, rounding, &v, &inexact, &up);
    st->flags |= inexact && !quiet ? FLOAT_INEXACT : 0;
    r = num_from_signed((int64_t)v);
    r.sign = n.sign;
    return pack(f, r);
}

static int64_t to_signed(struct float_status *st, const struct float_format *f, uint64_t a,
                         unsigned rounding, unsigned size)
{
    return num_to_signed(st, unpack(st, f, a), rounding, size);
}

static uint64_t from_signed(struct float_status *st, const struct float_format *f, int64_t v)
{
    struct num n = num_from_signed(v);

    return n.cls == NUM_ZERO ? 0 : pack(f, num_round(st, f, f->bits, num_widen(n)));
}

uint64_t f32_to_f64(struct float_status *st, uint32_t a)
{
    struct num n = unpack(st, &format_f32, a);

    if (is_nan(n)) {
        st->flags |= n.cls == NUM_SNAN ? FLOAT_INVALID : 0;
        return (uint64_t)(a >> 31) << 63 | 0x7ff8000000000000ull | n.mant << 1 >> 12;
    }
    return finish(st, &format_f64, num_widen(n), 0, n.denormal);
}

uint32_t f64_to_f32(struct float_status *st, uint64_t a)
{
    struct num n = unpack(st, &format_f64, a);

    if (is_nan(n)) {
        st->flags |= n.cls == NUM_SNAN ? FLOAT_INVALID : 0;
        return (uint32_t)(a >> 63) << 31 | 0x7fc00000u | (uint32_t)(n.mant << 1 >> 41);
    }
    return (uint32_t)finish(st, &format_f32, num_widen(n), 0, n.denormal);
}

/* The two formats' entry points. */
#define FLOAT_FUNCTIONS(fmt, type)                                                                 \
    type fmt##_add(struct float_status *st, type a, type b)                                        \
    {                                                                                              \
        return (type)binary(st, &format_##fmt, a, b, num_add);                                     \
    }                                                                                              \
    type fmt##_sub(struct float_status *st, type a, type b)                                        \
    {                                                                                              \
        return (type)binary(st, &format_##fmt, a, b, num_sub);                                     \
    }                                                                                              \
    type fmt##_mul(struct float_status *st, type a, type b)                                        \
    {                                                                                              \
        return (type)binary(st, &format_##fmt, a, b, num_mul);                                     \
    }                                                                                              \
    type fmt##_div(struct float_status *st, type a, type b)                                        \
    {                                                                                              \
        return (type)binary(st, &format_##fmt, a, b, num_div);                                     \
    }                                                                                              \
    type fmt##_sqrt(struct float_status *st, type a)                                               \
    {                                                                                              \
        return (type)square_root(st, &format_##fmt, a);                                            \
    }                                                                                              \
    type fmt##_muladd(struct float_status *st, type a, type b, type c)                             \
    {                                                                                              \
        return (type)muladd(st, &format_##fmt, a, b, c);                                           \
    }                                                                                              \
    int fmt##_compare(struct float_status *st, type a, type b, bool signal)                        \
    {                                                                                              \
        return compare(st, &format_##fmt, a, b, signal);                                           \
    }                                                                                              \
    type fmt##_round_to_int(struct float_status *st, type a, uint8_t rounding, bool quiet)         \
    {                                                                                              \
        return (type)round_to_int(st, &format_##fmt, a, rounding, quiet);                          \
    }                                                                                              \
    int32_t fmt##_to_i32(struct float_status *st, type a)                                          \
    {                                                                                              \
        return (int32_t)to_signed(st, &format_##fmt, a, st->rounding, 4);                          \
    }                                                                                              \
    int64_t fmt##_to_i64(struct float_status *st, type a)                                          \
    {                                                                                              \
        return to_signed(st, &format_##fmt, a, st->rounding, 8);                                   \
    }                                                                                              \
    int32_t fmt##_to_i32_trunc(struct float_status *st, type a)                                    \
    {                                                                                              \
        return (int32_t)to_signed(st, &format_##fmt, a, FLOAT_ZERO, 4);                            \
    }                                                                                              \
    int64_t fmt##_to_i64_trunc(struct float_status *st, type a)                                    \
    {                                                                                              \
        return to_signed(st, &format_##fmt, a, FLOAT_ZERO, 8);                                     \
    }                                                                                              \
    type i32_to_##fmt(struct float_status *st, int32_t v)                                          \
    {                                                                                              \
        return (type)from_signed(st, &format_##fmt, v);                                            \
    }                                                                                              \
    type i64_to_##fmt(struct float_status *st, int64_t v)                                          \
    {                                                                                              \
        return (type)from_signed(st, &format_##fmt, v);                                            \
    }

FLOAT_FUNCTIONS(f32, uint32_t)
FLOAT_FUNCTIONS(f64, uint64_t)
