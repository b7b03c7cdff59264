/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat_trans.c: the x87's transcendental functions, within 1 ulp.
 *
 * Series on floating numbers of 128 significand bits: their errors lie some 50 bits below the last
 * bit of a result, so that results are correctly rounded but for the rarest cases.  Special
 * operands follow the tables of each instruction in SDM vol. 2.  Pure functions, any thread.
 */
#include "target/i386/softfloat_f80.h"

/* Finite values with bit 127 of mant set, or ZERO. */
#define CONSTANT(exp, high, low)                                                                   \
    ((struct wide){ NUM_FINITE, false, exp, (uint128)(high) << 64 | (low) })
#define PI(exp)    CONSTANT(exp, 0xc90fdaa22168c234ull, 0xc4c6628b80dc1cd1ull) /* pi * 2^(exp-1) */
#define PI_3_4     CONSTANT(1, 0x96cbe3f9990e91a7ull, 0x9394c9e8a0a5159dull)
#define LN_2       CONSTANT(-1, 0xb17217f7d1cf79abull, 0xc9e3b39803f2f6afull)
#define LOG2_E(by) CONSTANT(by, 0xb8aa3b295c17f0bbull, 0xbe87fed0691d3e89ull) /* 2^by * log2(e) */
#define ATAN_1_4   CONSTANT(-3, 0xfadbafc96406eb15ull, 0x6dc79ef5f7a217e6ull)
#define ONE        CONSTANT(0, 1ull << 63, 0)
/* A term this much smaller than the sum cannot be seen. */
#define SERIES_BITS 124

static struct wide normalise(struct wide a)
{
    unsigned shift;

    if (!a.mant) {
        a.cls = NUM_ZERO;
        return a;
    }
    shift = clz128(a.mant);
    a.mant <<= shift;
    a.exp -= (int)shift;
    return a;
}

static struct wide negate(struct wide a)
{
    a.sign = !a.sign;
    return a;
}

static struct wide add(struct wide a, struct wide b)
{
    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        return a.cls == NUM_ZERO ? b : a;
    }
    if (a.exp < b.exp || (a.exp == b.exp && a.mant < b.mant)) {
        struct wide t = a;
        a = b;
        b = t;
    }
    b.mant = shift_right_jam(b.mant, (unsigned)(a.exp - b.exp));
    if (a.sign != b.sign) {
        a.mant -= b.mant;
    } else if (__builtin_add_overflow(a.mant, b.mant, &a.mant)) {
        a.mant = a.mant >> 1 | (uint128)1 << 127;
        a.exp++;
    }
    return normalise(a);
}

static struct wide multiply(struct wide a, struct wide b)
{
    uint64_t ah = (uint64_t)(a.mant >> 64), al = (uint64_t)a.mant;
    uint64_t bh = (uint64_t)(b.mant >> 64), bl = (uint64_t)b.mant;
    uint128 middle, low = (uint128)al * bl, cross1 = (uint128)ah * bl, cross2 = (uint128)al * bh;

    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        return (struct wide){ .cls = NUM_ZERO, .sign = a.sign ^ b.sign };
    }
    middle = (low >> 64) + (uint64_t)cross1 + (uint64_t)cross2;
    a.mant = (uint128)ah * bh + (cross1 >> 64) + (cross2 >> 64) + (middle >> 64);
    a.mant |= (uint64_t)middle || (uint64_t)low; /* sticky */
    a.exp += b.exp + 1;
    a.sign ^= b.sign;
    return normalise(a);
}

/* a / b, one bit a step; b is not zero. */
static struct wide divide(struct wide a, struct wide b)
{
    uint128 rem = a.mant, q = 0;

    if (a.cls == NUM_ZERO) {
        return a;
    }
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = false;

        if (bit != 127) {
            carry = rem >> 127;
            rem <<= 1;
        }
        if (carry || rem >= b.mant) {
            rem -= b.mant;
            q |= (uint128)1 << bit;
        }
    }
    return normalise((struct wide){ NUM_FINITE, a.sign ^ b.sign, a.exp - b.exp, q | (rem != 0) });
}

/* The quotient loses at most the bits that n has: far below what a result keeps. */
static struct wide divide_small(struct wide a, unsigned n)
{
    a.mant /= n;
    return a.cls == NUM_ZERO ? a : normalise(a);
}

static bool negligible(struct wide term, struct wide sum)
{
    return term.cls == NUM_ZERO || term.exp < sum.exp - SERIES_BITS;
}

/* first + first * x / (n (n+1)) + ...: Taylor series with factorials; n grows by `step`. */
static struct wide factorial_series(struct wide first, struct wide x, unsigned n, unsigned step)
{
    struct wide sum = first, term = first;

    do {
        term = divide_small(multiply(term, x), step == 2 ? n * (n + 1) : n);
        sum = add(sum, term);
        n += step;
    } while (!negligible(term, sum));
    return sum;
}

/* s + s^3/3 + s^5/5 ... (sign false: atanh) or with alternating signs (atan). */
static struct wide odd_series(struct wide s, bool alternate)
{
    struct wide square = multiply(s, s), power = s, sum = s, term;
    unsigned n = 1;

    square.sign = alternate;
    do {
        power = multiply(power, square);
        n += 2;
        term = divide_small(power, n);
        sum = add(sum, term);
    } while (!negligible(term, sum));
    return sum;
}

/* A result that is not exact: a sticky bit makes it so for the rounding. */
static struct float80 finish_inexact(struct float_status *st, struct wide w, bool denormal)
{
    if (w.cls == NUM_FINITE) {
        w.mant |= 1;
    }
    return f80_finish(st, w, 64, 0, denormal);
}

static struct wide special(enum num_class cls, bool sign)
{
    return (struct wide){ .cls = cls, .sign = sign };
}

static struct float80 invalid(struct float_status *st)
{
    return f80_finish(st, special(NUM_QNAN, false), 64, FLOAT_INVALID, false);
}

/* 2^a - 1, for -1 <= a <= 1; what lies outside is returned unchanged (SDM: undefined). */
struct float80 f80_f2xm1(struct float_status *st, struct float80 a)
{
    struct num n = f80_unpack(a);
    struct wide y;
    struct float80 r;

    if (f80_nan_result(st, a, a, &r)) {
        return r;
    }
    if (n.cls == NUM_INF) {
        return n.sign ? f80_make(true, 0x3fff, 1ull << 63) : a;
    }
    if (n.cls == NUM_ZERO || n.exp > 0 || (n.exp == 0 && n.mant << 1)) {
        return a;
    }
    if (n.exp == 0) { /* 2^1 - 1, 2^-1 - 1 */
        return n.sign ? f80_make(true, 0x3ffe, 1ull << 63) : a;
    }
    y = multiply(num_widen(n), LN_2);
    return finish_inexact(st, factorial_series(y, y, 2, 1), n.denormal);
}

/* log2 of the ratio (1 + s) / (1 - s), |s| <= 1/3. */
static struct wide log2_ratio(struct wide s)
{
    return multiply(odd_series(s, false), LOG2_E(1));
}

/* log2(x), x > 0; exactly the exponent for powers of two. */
static struct wide log2_wide(struct wide x)
{
    struct num e;
    struct wide s;
    int exp = x.exp;

    x.exp = 0;
    if (x.mant >> 64 >= 0xb504f333f9de6484ull) { /* sqrt(2): x is in [sqrt(1/2), sqrt(2)) */
        x.exp = -1;
        exp++;
    }
    e = num_from_signed(exp);
    if (x.mant << 1 == 0) {
        return num_widen(e);
    }
    s = divide(add(x, negate(ONE)), add(x, ONE));
    return add(log2_ratio(s), num_widen(e));
}

/* y * log2(x) where x is 0 or infinite, or y is 0 or infinite.  `above`: x > 1; `one`: x = 1. */
static struct float80 log_special(struct float_status *st, struct num x, struct num y, bool above,
                                  bool one)
{
    bool denormal = x.denormal || y.denormal, sign = y.sign ^ !above;
    bool log_inf = x.cls == NUM_ZERO || x.cls == NUM_INF;

    if ((log_inf && y.cls == NUM_ZERO) || (one && y.cls == NUM_INF)) {
        return invalid(st);
    }
    if (x.cls == NUM_ZERO && y.cls == NUM_FINITE) {
        return f80_finish(st, special(NUM_INF, !y.sign), 64, FLOAT_DIVBYZERO, false);
    }
    if (one) {
        sign = y.sign;
    }
    return f80_finish(st, special(y.cls == NUM_ZERO ? NUM_ZERO : NUM_INF, sign), 64, 0, denormal);
}

struct float80 f80_fyl2x(struct float_status *st, struct float80 x, struct float80 y)
{
    struct num nx = f80_unpack(x), ny = f80_unpack(y);
    bool denormal = nx.denormal || ny.denormal, power, one;
    struct wide log;
    struct float80 r;

    if (f80_nan_result(st, x, y, &r)) {
        return r;
    }
    if (nx.sign && nx.cls != NUM_ZERO) {
        return invalid(st);
    }
    power = nx.cls == NUM_FINITE && !(nx.mant << 1);
    one = power && nx.exp == 0;
    if (nx.cls != NUM_FINITE || ny.cls != NUM_FINITE) {
        return log_special(st, nx, ny, nx.cls == NUM_INF || (nx.cls == NUM_FINITE && nx.exp >= 0),
                           one);
    }
    if (one) {
        return f80_finish(st, special(NUM_ZERO, ny.sign), 64, 0, denormal);
    }
    log = multiply(log2_wide(num_widen(nx)), num_widen(ny));
    return power ? f80_finish(st, log, 64, 0, denormal) : finish_inexact(st, log, denormal);
}

/* y * log2(x + 1); x at or below -1 has no logarithm. */
struct float80 f80_fyl2xp1(struct float_status *st, struct float80 x, struct float80 y)
{
    struct num nx = f80_unpack(x), ny = f80_unpack(y);
    bool denormal = nx.denormal || ny.denormal;
    struct wide wx = num_widen(nx), log;
    struct float80 r;

    if (f80_nan_result(st, x, y, &r)) {
        return r;
    }
    if (nx.cls != NUM_ZERO && nx.sign && nx.exp >= 0) {
        return invalid(st);
    }
    if (nx.cls == NUM_ZERO) { /* log2(1): zero with the sign of x */
        if (ny.cls == NUM_INF) {
            return invalid(st);
        }
        return f80_finish(st, special(NUM_ZERO, nx.sign ^ ny.sign), 64, 0, denormal);
    }
    if (nx.cls == NUM_INF || ny.cls != NUM_FINITE) {
        return log_special(st, nx, ny, !nx.sign, false);
    }
    if (nx.exp < -1) {
        log = log2_ratio(divide(wx, add(wx, CONSTANT(1, 1ull << 63, 0))));
    } else {
        log = log2_wide(add(wx, ONE));
    }
    return finish_inexact(st, multiply(log, num_widen(ny)), denormal);
}

/* atan(t), 0 < t <= 1. */
static struct wide atan_wide(struct wide t)
{
    bool complement =
        t.exp >= -1 &&
        num_compare((struct num){ NUM_FINITE, false, false, t.exp, (uint64_t)(t.mant >> 64) },
                    (struct num){ NUM_FINITE, false, false, -2, 0xd413cccfe7799211ull }) > 0;
    struct wide r;
    bool shifted;

    if (complement) { /* t > sqrt(2) - 1: pi/4 - atan((1 - t) / (1 + t)) */
        t = divide(add(ONE, negate(t)), add(ONE, t));
    }
    if (t.cls == NUM_ZERO) {
        return PI(-1);
    }
    shifted = t.exp == -2 || (t.exp == -3 && t.mant >> 126 == 3); /* t >= 3/16 */
    if (shifted) { /* atan(1/4) + atan((t - 1/4) / (1 + t/4)) */
        struct wide quarter = t;

        quarter.exp -= 2;
        t = divide(add(t, (struct wide){ NUM_FINITE, true, -2, (uint128)1 << 127 }),
                   add(ONE, quarter));
    }
    r = t.cls == NUM_ZERO ? t : odd_series(t, true);
    if (shifted) {
        r = add(r, ATAN_1_4);
    }
    return complement ? add(PI(-1), negate(r)) : r;
}

/* The angle where y or x is zero or infinite, without sign; ZERO: zero. */
static struct wide atan_special(struct num x, struct num y)
{
    if (y.cls == NUM_INF && x.cls == NUM_INF) {
        return x.sign ? PI_3_4 : PI(-1);
    }
    if (y.cls == NUM_ZERO || x.cls == NUM_INF) {
        return x.sign ? PI(1) : special(NUM_ZERO, false);
    }
    return PI(0);
}

/* The angle of the point (x, y), between -pi and pi. */
struct float80 f80_fpatan(struct float_status *st, struct float80 x, struct float80 y)
{
    struct num nx = f80_unpack(x), ny = f80_unpack(y);
    bool denormal = nx.denormal || ny.denormal, steep;
    struct wide w, wx = num_widen(nx), wy = num_widen(ny);
    struct float80 r;

    if (f80_nan_result(st, x, y, &r)) {
        return r;
    }
    if (nx.cls != NUM_FINITE || ny.cls != NUM_FINITE) {
        w = atan_special(nx, ny);
        w.sign = ny.sign;
        return finish_inexact(st, w, denormal);
    }
    wx.sign = wy.sign = false;
    steep = ny.exp > nx.exp || (ny.exp == nx.exp && ny.mant > nx.mant);
    w = atan_wide(steep ? divide(wx, wy) : divide(wy, wx));
    if (steep) { /* pi/2 -+ */
        w = add(PI(0), nx.sign ? w : negate(w));
    } else if (nx.sign) {
        w = add(PI(1), negate(w));
    }
    w.sign = ny.sign;
    return finish_inexact(st, w, denormal);
}

/*
 * Reduces |a| to [0, pi/4] with the 66-bit pi of SDM vol. 1, 8.3.8, as hardware does.
 * *quadrant counts half pis; *negative: the angle is to be negated.
 */
static struct wide reduce_angle(struct num a, unsigned *quadrant, bool *negative)
{
    const uint128 half_pi = (uint128)3 << 64 | 0x243f6a8885a308d3ull;
    uint128 units, rem;

    *quadrant = 0;
    *negative = false;
    if (a.exp < -1 || (a.exp == -1 && a.mant <= 0xc90fdaa22168c234ull)) {
        a.sign = false;
        return num_widen(a);
    }
    units = (uint128)a.mant << (a.exp + 2); /* of 2^-65 */
    rem = units % half_pi;
    *quadrant = (unsigned)(units / half_pi) & 3;
    if (rem > half_pi >> 1) {
        rem = half_pi - rem;
        *quadrant = (*quadrant + 1) & 3;
        *negative = true;
    }
    return normalise((struct wide){ NUM_FINITE, false, 127 - 65, rem });
}

/* sin and cos of |a| for finite a. */
static void sincos_wide(struct num a, struct wide *sine, struct wide *cosine)
{
    unsigned quadrant;
    bool negative;
    struct wide x = reduce_angle(a, &quadrant, &negative), square = multiply(x, x), s, c;

    square.sign = true;
    s = factorial_series(x, square, 2, 2);
    c = factorial_series(ONE, square, 1, 2);
    s.sign ^= negative;
    *sine = quadrant & 1 ? c : s;
    *cosine = quadrant & 1 ? s : c;
    sine->sign ^= quadrant >= 2;
    cosine->sign ^= quadrant == 1 || quadrant == 2;
}

/* NaN, infinity, zero, out of range: true when the caller has nothing left to compute. */
enum angle { ANGLE_RESULT, ANGLE_ZERO, ANGLE_FAR, ANGLE_FINITE };

static enum angle classify_angle(struct float_status *st, struct float80 a, struct num n,
                                 struct float80 *result)
{
    if (f80_nan_result(st, a, a, result)) {
        return ANGLE_RESULT;
    }
    if (n.cls == NUM_INF) {
        *result = invalid(st);
        return ANGLE_RESULT;
    }
    if (n.cls == NUM_ZERO) {
        return ANGLE_ZERO;
    }
    return n.exp >= 63 ? ANGLE_FAR : ANGLE_FINITE;
}

static void put(struct float80 *out, struct float80 v)
{
    if (out) {
        *out = v;
    }
}

bool f80_sincos(struct float_status *st, struct float80 a, struct float80 *sin, struct float80 *cos)
{
    struct num n = f80_unpack(a);
    struct float80 r;
    struct wide s, c;

    switch (classify_angle(st, a, n, &r)) {
    case ANGLE_RESULT:
        put(sin, r);
        put(cos, r);
        return true;
    case ANGLE_ZERO:
        put(sin, a);
        put(cos, f80_make(false, 0x3fff, 1ull << 63));
        return true;
    case ANGLE_FAR:
        return false;
    default:
        break;
    }
    sincos_wide(n, &s, &c);
    s.sign ^= n.sign;
    if (cos) {
        *cos = finish_inexact(st, c, n.denormal);
    }
    if (sin) {
        *sin = finish_inexact(st, s, n.denormal);
    }
    return true;
}

bool f80_tan(struct float_status *st, struct float80 a, struct float80 *tan)
{
    struct num n = f80_unpack(a);
    struct wide s, c;

    switch (classify_angle(st, a, n, tan)) {
    case ANGLE_RESULT:
        return true;
    case ANGLE_ZERO:
        *tan = a;
        return true;
    case ANGLE_FAR:
        return false;
    default:
        break;
    }
    sincos_wide(n, &s, &c);
    s = divide(s, c);
    s.sign ^= n.sign;
    *tan = finish_inexact(st, s, n.denormal);
    return true;
}
