/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat_f80.c: arithmetic of the x87's extended reals.  Pure functions, any thread.
 */
#include "target/i386/softfloat_f80.h"

#define EXP_MAX 0x7fff

enum f80_class f80_classify(struct float80 a)
{
    unsigned e = a.sexp & EXP_MAX;

    if (e == 0) {
        return a.mant ? F80_DENORMAL : F80_ZERO;
    }
    if (!(a.mant >> 63)) {
        return F80_UNSUPPORTED;
    }
    if (e == EXP_MAX) {
        return a.mant << 1 ? F80_NAN : F80_INFINITY;
    }
    return F80_NORMAL;
}

struct num f80_unpack(struct float80 a)
{
    struct num n = { .sign = a.sexp >> 15, .mant = a.mant };
    int shift;

    switch (f80_classify(a)) {
    case F80_ZERO:
        n.cls = NUM_ZERO;
        break;
    case F80_DENORMAL: /* a pseudo-denormal (bit 63 set) has the same exponent */
        shift = __builtin_clzll(a.mant);
        n.cls = NUM_FINITE;
        n.denormal = true;
        n.exp = format_f80.emin - shift;
        n.mant <<= shift;
        break;
    case F80_NORMAL:
        n.cls = NUM_FINITE;
        n.exp = (a.sexp & EXP_MAX) - format_f80.emax;
        break;
    case F80_INFINITY:
        n.cls = NUM_INF;
        break;
    case F80_NAN:
        n.cls = a.mant >> 62 & 1 ? NUM_QNAN : NUM_SNAN;
        break;
    default:
        n.cls = NUM_UNSUPPORTED;
    }
    return n;
}

struct float80 f80_pack(struct num n)
{
    switch (n.cls) {
    case NUM_ZERO:
        return f80_make(n.sign, 0, 0);
    case NUM_FINITE:
        return f80_make(n.sign, n.mant >> 63 ? (unsigned)(n.exp + format_f80.emax) : 0, n.mant);
    case NUM_INF:
        return f80_make(n.sign, EXP_MAX, 1ull << 63);
    default:
        return f80_default_nan();
    }
}

/* A pseudo-denormal as the normal number it is; anything else unchanged. */
static struct float80 canonical(struct float80 a)
{
    if (!(a.sexp & EXP_MAX) && a.mant >> 63) {
        a.sexp |= 1;
    }
    return a;
}

static struct float80 quieted(struct float80 a)
{
    a.mant |= 1ull << 62;
    return a;
}

/* SDM vol. 1, table 4-7, the x87 column. */
bool f80_nan_result(struct float_status *st, struct float80 a, struct float80 b,
                    struct float80 *out)
{
    enum num_class ca = f80_unpack(a).cls, cb = f80_unpack(b).cls;
    bool take_a;

    if (ca < NUM_QNAN && cb < NUM_QNAN) {
        return false;
    }
    if (ca > NUM_QNAN || cb > NUM_QNAN) {
        st->flags |= FLOAT_INVALID;
    }
    if (ca == NUM_UNSUPPORTED || cb == NUM_UNSUPPORTED) {
        *out = f80_default_nan();
        return true;
    }
    if (ca < NUM_QNAN || cb < NUM_QNAN) {
        take_a = cb < NUM_QNAN;
    } else if (ca != cb) {
        take_a = ca == NUM_QNAN;
    } else if (a.mant != b.mant) {
        take_a = a.mant > b.mant;
    } else {
        take_a = !(a.sexp >> 15);
    }
    *out = quieted(take_a ? a : b);
    return true;
}

struct float80 f80_finish(struct float_status *st, struct wide w, int bits, unsigned flags,
                          bool denormal)
{
    /* Invalid and zero-divide come before denormal (SDM vol. 1, 4.9.2). */
    if (!flags && denormal) {
        flags = FLOAT_DENORMAL;
    }
    st->rounded_up = false;
    if (!float_raise(st, flags) || w.cls != NUM_FINITE) {
        return f80_pack(
            (struct num){ .cls = w.cls == NUM_FINITE ? NUM_ZERO : w.cls, .sign = w.sign });
    }
    return f80_pack(num_round(st, &format_f80, bits, w));
}

static struct float80 binary(struct float_status *st, struct float80 a, struct float80 b,
                             num_binary_fn *op)
{
    struct num na = f80_unpack(a), nb = f80_unpack(b);
    struct float80 r;
    unsigned flags = 0;
    struct wide w;

    if (f80_nan_result(st, a, b, &r)) {
        return r;
    }
    w = op(st, na, nb, &flags);
    return f80_finish(st, w, st->precision, flags,
                      na.denormal || nb.denormal || st->denormal_source);
}

struct float80 f80_add(struct float_status *st, struct float80 a, struct float80 b)
{
    return binary(st, a, b, num_add);
}

struct float80 f80_sub(struct float_status *st, struct float80 a, struct float80 b)
{
    return binary(st, a, b, num_sub);
}

struct float80 f80_mul(struct float_status *st, struct float80 a, struct float80 b)
{
    return binary(st, a, b, num_mul);
}

struct float80 f80_div(struct float_status *st, struct float80 a, struct float80 b)
{
    return binary(st, a, b, num_div);
}

struct float80 f80_sqrt(struct float_status *st, struct float80 a)
{
    struct num n = f80_unpack(a);
    struct float80 r;
    unsigned flags = 0;
    struct wide w;

    if (f80_nan_result(st, a, a, &r)) {
        return r;
    }
    w = num_sqrt(n, &flags);
    return f80_finish(st, w, st->precision, flags, n.denormal);
}

int f80_compare(struct float_status *st, struct float80 a, struct float80 b, bool signal)
{
    struct num na = f80_unpack(a), nb = f80_unpack(b);

    if (na.cls >= NUM_QNAN || nb.cls >= NUM_QNAN) {
        if (signal || na.cls > NUM_QNAN || nb.cls > NUM_QNAN) {
            st->flags |= FLOAT_INVALID;
        }
        return FLOAT_UNORDERED;
    }
    st->flags |= na.denormal || nb.denormal || st->denormal_source ? FLOAT_DENORMAL : 0;
    return num_compare(na, nb);
}

struct float80 f80_round_to_int(struct float_status *st, struct float80 a)
{
    struct num n = f80_unpack(a), v;
    struct float80 r;
    bool inexact, up;
    uint64_t m;

    if (f80_nan_result(st, a, a, &r)) {
        return r;
    }
    if (n.cls != NUM_FINITE || n.exp >= 63) {
        return a;
    }
    if (!float_raise(st, n.denormal ? FLOAT_DENORMAL : 0)) {
        return a;
    }
    num_to_integer(n, st->rounding, &m, &inexact, &up);
    st->flags |= inexact ? FLOAT_INEXACT : 0;
    st->rounded_up = up;
    if (m >> 63) {
        v = (struct num){ NUM_FINITE, false, false, 63, m };
    } else {
        v = num_from_signed((int64_t)m);
    }
    v.sign = n.sign;
    return f80_pack(v);
}

/* Beyond this every scaled result is massive over- or underflow. */
#define SCALE_LIMIT 0x10000

struct float80 f80_scale(struct float_status *st, struct float80 a, struct float80 b)
{
    struct num na = f80_unpack(a), nb = f80_unpack(b);
    bool inexact, up, denormal = na.denormal || nb.denormal;
    struct wide w = num_widen(na);
    struct float80 r;
    unsigned flags = 0;
    uint64_t n = 0;

    if (f80_nan_result(st, a, b, &r)) {
        return r;
    }
    if (nb.cls == NUM_INF) {
        if (na.cls == (nb.sign ? NUM_INF : NUM_ZERO)) {
            flags = FLOAT_INVALID;
            w.cls = NUM_QNAN;
        } else {
            w.cls = nb.sign ? NUM_ZERO : NUM_INF;
        }
    } else if (nb.cls == NUM_ZERO) {
        st->flags |= denormal ? FLOAT_DENORMAL : 0;
        return canonical(a);
    } else if (na.cls == NUM_FINITE) {
        if (!num_to_integer(nb, FLOAT_ZERO, &n, &inexact, &up) || n > SCALE_LIMIT) {
            n = SCALE_LIMIT;
        }
        w.exp += nb.sign ? -(int)n : (int)n;
    }
    return f80_finish(st, w, 64, flags, denormal);
}

/* One step of FPREM for an exponent difference of 64 or more: it shrinks by 32 to 63. */
static struct wide rem_partial(struct num a, struct num b, int diff)
{
    int n = 32 + diff % 32;
    uint128 rem = ((uint128)a.mant << n) % b.mant;

    if (!rem) {
        return (struct wide){ .cls = NUM_ZERO, .sign = a.sign };
    }
    return (struct wide){ NUM_FINITE, a.sign, b.exp + diff - n, rem << 64 };
}

static struct wide rem_final(struct num a, struct num b, int diff, bool nearest, unsigned *quotient)
{
    uint128 n, d, q = 0, rem;
    int exp = b.exp;
    bool sign = a.sign;

    if (diff < -1 || (diff < 0 && !nearest)) {
        return num_widen(a);
    }
    if (diff < 0) {
        exp = a.exp;
        n = a.mant;
        d = (uint128)b.mant << 1;
    } else {
        n = (uint128)a.mant << diff;
        d = b.mant;
    }
    q = n / d;
    rem = n % d;
    if (nearest && (2 * rem > d || (2 * rem == d && (q & 1)))) {
        q++;
        rem = d - rem;
        sign = !sign;
    }
    *quotient = (unsigned)q & 7;
    if (!rem) {
        return (struct wide){ .cls = NUM_ZERO, .sign = a.sign };
    }
    return (struct wide){ NUM_FINITE, sign, exp + 1, rem << 63 };
}

struct float80 f80_rem(struct float_status *st, struct float80 a, struct float80 b, bool nearest,
                       unsigned *quotient, bool *partial)
{
    struct num na = f80_unpack(a), nb = f80_unpack(b);
    struct wide w = num_widen(na);
    struct float80 r;
    unsigned flags = 0;

    *quotient = 0;
    *partial = false;
    if (f80_nan_result(st, a, b, &r)) {
        return r;
    }
    if (na.cls == NUM_INF || nb.cls == NUM_ZERO) {
        flags = FLOAT_INVALID;
        w.cls = NUM_QNAN;
    } else if (na.cls == NUM_FINITE && nb.cls == NUM_INF) {
        /* a itself: not even a denormal underflows */
        st->flags |= na.denormal ? FLOAT_DENORMAL : 0;
        return canonical(a);
    } else if (na.cls == NUM_FINITE && nb.cls == NUM_FINITE) {
        int diff = na.exp - nb.exp;

        *partial = diff >= 64;
        w = *partial ? rem_partial(na, nb, diff) : rem_final(na, nb, diff, nearest, quotient);
    }
    return f80_finish(st, w, 64, flags, na.denormal || nb.denormal);
}

struct float80 f80_extract(struct float_status *st, struct float80 a, struct float80 *significand)
{
    struct num n = f80_unpack(a);
    struct float80 r;

    *significand = a;
    if (f80_nan_result(st, a, a, &r)) {
        *significand = r;
        return r;
    }
    if (n.cls == NUM_INF) {
        return f80_make(false, EXP_MAX, 1ull << 63);
    }
    if (n.cls == NUM_ZERO) {
        st->flags |= FLOAT_DIVBYZERO;
        return f80_make(true, EXP_MAX, 1ull << 63);
    }
    st->flags |= n.denormal ? FLOAT_DENORMAL : 0;
    *significand = f80_make(n.sign, 0x3fff, n.mant);
    return i64_to_f80(n.exp);
}
