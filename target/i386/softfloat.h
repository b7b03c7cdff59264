/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/softfloat.h: x86 floating point on bit patterns, in integers only.
 *
 * Values: float32 is a uint32_t, float64 a uint64_t, an extended real a struct float80 (cpu.h).
 * Every operation ORs what it met into st->flags and never clears them; the caller decides what an
 * unmasked exception means.  Pure functions, any thread.
 *
 * NaN results follow SDM vol. 1, table 4-7: for float32 and float64 the first operand if it is a
 * NaN, else the second; for extended reals the one with the larger significand.  The default NaN
 * is negative and quiet ("real indefinite").
 */
#ifndef TARGET_I386_SOFTFLOAT_H
#define TARGET_I386_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>
#include "target/i386/cpu.h"

/* The order of MXCSR's and the x87 status word's bits 0-5, and of the mask bits. */
enum float_flag {
    FLOAT_INVALID = 1,
    FLOAT_DENORMAL = 2,
    FLOAT_DIVBYZERO = 4,
    FLOAT_OVERFLOW = 8,
    FLOAT_UNDERFLOW = 16,
    FLOAT_INEXACT = 32,
    FLOAT_ALL = 63,
};

/* The RC field of MXCSR and the x87 control word, and ROUNDSD's immediate. */
enum float_rounding { FLOAT_NEAREST, FLOAT_DOWN, FLOAT_UP, FLOAT_ZERO };

struct float_status {
    uint8_t rounding; /* enum float_rounding */
    uint8_t flags;    /* enum float_flag, accumulated */
    /*
     * Exceptions that are masked: the mask bits of MXCSR or the x87 control word.  Masked underflow
     * is flagged only when the result is tiny and inexact, unmasked whenever it is tiny.  An
     * unmasked INVALID, DENORMAL or DIVBYZERO ends the operation: no other flag is set and the
     * result is not meaningful.
     */
    uint8_t masked;
    uint8_t precision;    /* x87: significand bits of results: 24, 53 or 64 */
    bool daz;             /* float32/64: denormal operands are zeros */
    bool ftz;             /* float32/64: tiny results become zeros while underflow is masked */
    bool rounded_up;      /* the last result's magnitude was rounded up (x87 C1) */
    bool denormal_source; /* x87: an operand was a denormal before f32_widen or f64_widen */
};

enum float_relation { FLOAT_LESS = -1, FLOAT_EQUAL = 0, FLOAT_GREATER = 1, FLOAT_UNORDERED = 2 };

#define FLOAT32_DEFAULT_NAN 0xffc00000u
#define FLOAT64_DEFAULT_NAN 0xfff8000000000000ull
#define INT32_INDEFINITE    INT32_MIN
#define INT64_INDEFINITE    INT64_MIN

/* float32 -------------------------------------------------------------------------------------- */
uint32_t f32_add(struct float_status *st, uint32_t a, uint32_t b);
uint32_t f32_sub(struct float_status *st, uint32_t a, uint32_t b);
uint32_t f32_mul(struct float_status *st, uint32_t a, uint32_t b);
uint32_t f32_div(struct float_status *st, uint32_t a, uint32_t b);
uint32_t f32_sqrt(struct float_status *st, uint32_t a);
/* a * b + c with one rounding; NaN preference a, b, c. */
uint32_t f32_muladd(struct float_status *st, uint32_t a, uint32_t b, uint32_t c);
/* enum float_relation.  signal: a quiet NaN is invalid too (COMISS, CMPLTSS; not UCOMISS). */
int f32_compare(struct float_status *st, uint32_t a, uint32_t b, bool signal);
/* To an integral value by `rounding`, not st->rounding; quiet: INEXACT is not flagged. */
uint32_t f32_round_to_int(struct float_status *st, uint32_t a, uint8_t rounding, bool quiet);
uint64_t f32_to_f64(struct float_status *st, uint32_t a);
/* By st->rounding; out of range and NaN: the integer indefinite and INVALID. */
int32_t f32_to_i32(struct float_status *st, uint32_t a);
int64_t f32_to_i64(struct float_status *st, uint32_t a);
/* Toward zero. */
int32_t f32_to_i32_trunc(struct float_status *st, uint32_t a);
int64_t f32_to_i64_trunc(struct float_status *st, uint32_t a);
uint32_t i32_to_f32(struct float_status *st, int32_t v);
uint32_t i64_to_f32(struct float_status *st, int64_t v);

static inline bool f32_is_nan(uint32_t a)
{
    return (a & 0x7fffffffu) > 0x7f800000u;
}

static inline bool f32_is_snan(uint32_t a)
{
    return f32_is_nan(a) && !(a & 0x00400000u);
}

static inline bool f32_is_denormal(uint32_t a)
{
    return !(a & 0x7f800000u) && (a & 0x007fffffu);
}

/* float64 -------------------------------------------------------------------------------------- */
uint64_t f64_add(struct float_status *st, uint64_t a, uint64_t b);
uint64_t f64_sub(struct float_status *st, uint64_t a, uint64_t b);
uint64_t f64_mul(struct float_status *st, uint64_t a, uint64_t b);
uint64_t f64_div(struct float_status *st, uint64_t a, uint64_t b);
uint64_t f64_sqrt(struct float_status *st, uint64_t a);
uint64_t f64_muladd(struct float_status *st, uint64_t a, uint64_t b, uint64_t c);
int f64_compare(struct float_status *st, uint64_t a, uint64_t b, bool signal);
uint64_t f64_round_to_int(struct float_status *st, uint64_t a, uint8_t rounding, bool quiet);
uint32_t f64_to_f32(struct float_status *st, uint64_t a);
int32_t f64_to_i32(struct float_status *st, uint64_t a);
int64_t f64_to_i64(struct float_status *st, uint64_t a);
int32_t f64_to_i32_trunc(struct float_status *st, uint64_t a);
int64_t f64_to_i64_trunc(struct float_status *st, uint64_t a);
uint64_t i32_to_f64(struct float_status *st, int32_t v); /* exact */
uint64_t i64_to_f64(struct float_status *st, int64_t v);

static inline bool f64_is_nan(uint64_t a)
{
    return (a & INT64_MAX) > 0x7ff0000000000000ull;
}

static inline bool f64_is_snan(uint64_t a)
{
    return f64_is_nan(a) && !(a & 0x0008000000000000ull);
}

static inline bool f64_is_denormal(uint64_t a)
{
    return !(a & 0x7ff0000000000000ull) && (a & 0x000fffffffffffffull);
}

/* Extended reals: the x87 ---------------------------------------------------------------------- */

/* What FXAM tells apart.  Unsupported: unnormals, pseudo-NaNs, pseudo-infinities. */
enum f80_class { F80_UNSUPPORTED, F80_NAN, F80_NORMAL, F80_INFINITY, F80_ZERO, F80_DENORMAL };
enum f80_class f80_classify(struct float80 a);

static inline struct float80 f80_make(bool sign, unsigned biased_exp, uint64_t mant)
{
    return (struct float80){ .mant = mant, .sexp = (uint16_t)(sign << 15 | biased_exp) };
}

static inline struct float80 f80_default_nan(void)
{
    return f80_make(true, 0x7fff, 0xc000000000000000ull);
}

/* Results are rounded to st->precision bits; the exponent keeps its 15 bits.  Unmasked over- and
 * underflow give the result scaled by 2^-24576 or 2^24576 (SDM vol. 1, 8.5.4 and 8.5.5). */
struct float80 f80_add(struct float_status *st, struct float80 a, struct float80 b);
struct float80 f80_sub(struct float_status *st, struct float80 a, struct float80 b);
struct float80 f80_mul(struct float_status *st, struct float80 a, struct float80 b);
struct float80 f80_div(struct float_status *st, struct float80 a, struct float80 b);
struct float80 f80_sqrt(struct float_status *st, struct float80 a);
int f80_compare(struct float_status *st, struct float80 a, struct float80 b, bool signal);
struct float80 f80_round_to_int(struct float_status *st, struct float80 a);
/* a * 2^trunc(b): FSCALE. */
struct float80 f80_scale(struct float_status *st, struct float80 a, struct float80 b);
/*
 * FPREM (nearest false: quotient truncated) and FPREM1 (nearest).  *quotient: its low 3 bits;
 * *partial: the reduction is incomplete (C2).  Always exact.
 */
struct float80 f80_rem(struct float_status *st, struct float80 a, struct float80 b, bool nearest,
                       unsigned *quotient, bool *partial);
/* FXTRACT: the exponent as a real (returned) and the significand (*significand). */
struct float80 f80_extract(struct float_status *st, struct float80 a, struct float80 *significand);

/* Widens a memory operand of arithmetic without a check: the operation raises what it must. */
struct float80 f32_widen(struct float_status *st, uint32_t a);
struct float80 f64_widen(struct float_status *st, uint64_t a);
/* FLD: signals a signalling NaN and a denormal. */
struct float80 f32_to_f80(struct float_status *st, uint32_t a);
struct float80 f64_to_f80(struct float_status *st, uint64_t a);
struct float80 i64_to_f80(int64_t v); /* exact */
uint32_t f80_to_f32(struct float_status *st, struct float80 a);
uint64_t f80_to_f64(struct float_status *st, struct float80 a);
/* By `rounding`; out of range and NaN: the indefinite and INVALID. */
int16_t f80_to_i16(struct float_status *st, struct float80 a, uint8_t rounding);
int32_t f80_to_i32(struct float_status *st, struct float80 a, uint8_t rounding);
int64_t f80_to_i64(struct float_status *st, struct float80 a, uint8_t rounding);
/* Packed BCD, 10 bytes: 18 digits and a sign byte. */
struct float80 bcd_to_f80(const uint8_t bcd[10]);
void f80_to_bcd(struct float_status *st, struct float80 a, uint8_t bcd[10]);

/* softfloat_trans.c: within 1 ulp.  Operands: the SDM's description of each instruction. */
struct float80 f80_f2xm1(struct float_status *st, struct float80 a);
struct float80 f80_fyl2x(struct float_status *st, struct float80 x, struct float80 y);
struct float80 f80_fyl2xp1(struct float_status *st, struct float80 x, struct float80 y);
struct float80 f80_fpatan(struct float_status *st, struct float80 x, struct float80 y);
/* Either output may be NULL.  False: |a| >= 2^63, out of range (C2), nothing is written. */
bool f80_sincos(struct float_status *st, struct float80 a, struct float80 *sin,
                struct float80 *cos);
bool f80_tan(struct float_status *st, struct float80 a, struct float80 *tan);

#endif
