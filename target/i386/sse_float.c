/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_float.c: SSE floating-point arithmetic and comparison, SSE to SSE4.1.
 *
 * Invariant: every element is computed, then MXCSR is updated (which may raise #XM), then the
 *            destination is written.
 * Thread:    the vCPU's own, no lock.
 */
#include "target/i386/sse_status.h"
#include "target/i386/vec_exec.h"

typedef uint32_t f32_op(struct float_status *st, uint32_t a, uint32_t b);
typedef uint64_t f64_op(struct float_status *st, uint64_t a, uint64_t b);

/* The first `lanes` elements; the rest of the destination is kept. */
static void arith_f32(struct x86_cpu *cpu, const struct insn *i, f32_op *op, unsigned lanes)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < lanes; k++) {
        a.d[k] = op(&st, a.d[k], b.d[k]);
    }
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

static void arith_f64(struct x86_cpu *cpu, const struct insn *i, f64_op *op, unsigned lanes)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < lanes; k++) {
        a.q[k] = op(&st, a.q[k], b.q[k]);
    }
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

static uint32_t sqrt_f32(struct float_status *st, uint32_t a, uint32_t b)
{
    (void)a;
    return f32_sqrt(st, b);
}

static uint64_t sqrt_f64(struct float_status *st, uint64_t a, uint64_t b)
{
    (void)a;
    return f64_sqrt(st, b);
}

/* A denormal that DAZ makes a zero. */
static uint32_t daz_f32(const struct float_status *st, uint32_t a)
{
    return st->daz && f32_is_denormal(a) ? a & 0x80000000u : a;
}

static uint64_t daz_f64(const struct float_status *st, uint64_t a)
{
    return st->daz && f64_is_denormal(a) ? a & (1ull << 63) : a;
}

/* MIN and MAX: the source when either is a NaN (invalid, quiet ones too) or both are zeros. */
static uint32_t min_f32(struct float_status *st, uint32_t a, uint32_t b)
{
    return daz_f32(st, f32_compare(st, a, b, true) == FLOAT_LESS ? a : b);
}

static uint32_t max_f32(struct float_status *st, uint32_t a, uint32_t b)
{
    return daz_f32(st, f32_compare(st, a, b, true) == FLOAT_GREATER ? a : b);
}

static uint64_t min_f64(struct float_status *st, uint64_t a, uint64_t b)
{
    return daz_f64(st, f64_compare(st, a, b, true) == FLOAT_LESS ? a : b);
}

static uint64_t max_f64(struct float_status *st, uint64_t a, uint64_t b)
{
    return daz_f64(st, f64_compare(st, a, b, true) == FLOAT_GREATER ? a : b);
}

/* Defines x_NAMEps, pd, ss and sd. */
#define ARITH(name, op32, op64)                                                                    \
    void x_##name##ps(struct x86_cpu *cpu, const struct insn *i)                                   \
    {                                                                                              \
        arith_f32(cpu, i, op32, 4);                                                                \
    }                                                                                              \
    void x_##name##ss(struct x86_cpu *cpu, const struct insn *i)                                   \
    {                                                                                              \
        arith_f32(cpu, i, op32, 1);                                                                \
    }                                                                                              \
    void x_##name##pd(struct x86_cpu *cpu, const struct insn *i)                                   \
    {                                                                                              \
        arith_f64(cpu, i, op64, 2);                                                                \
    }                                                                                              \
    void x_##name##sd(struct x86_cpu *cpu, const struct insn *i)                                   \
    {                                                                                              \
        arith_f64(cpu, i, op64, 1);                                                                \
    }

/* clang-format off */
ARITH(add,  f32_add,  f64_add)
ARITH(sub,  f32_sub,  f64_sub)
ARITH(mul,  f32_mul,  f64_mul)
ARITH(div,  f32_div,  f64_div)
ARITH(min,  min_f32,  min_f64)
ARITH(max,  max_f32,  max_f64)
ARITH(sqrt, sqrt_f32, sqrt_f64)
/* clang-format on */

/*
 * RCP and RSQRT: within 1.5 * 2^-12 (SDM), no exceptions, denormals are zeros on both sides.  The
 * quotient is rounded to 12 bits, so that no guest takes it for a full-precision one.
 */
static uint32_t approximate(uint32_t v)
{
    uint32_t r = (v + 0x400u) & ~0x7ffu;

    return r & 0x7f800000u ? r : r & 0x80000000u;
}

static uint32_t rcp_f32(struct float_status *unused, uint32_t a, uint32_t b)
{
    struct float_status st = { .rounding = FLOAT_NEAREST, .masked = FLOAT_ALL };

    (void)unused, (void)a;
    if (f32_is_nan(b)) {
        return b | 0x00400000u;
    }
    if (f32_is_denormal(b)) {
        b &= 0x80000000u;
    }
    return approximate(f32_div(&st, 0x3f800000u, b));
}

static uint32_t rsqrt_f32(struct float_status *unused, uint32_t a, uint32_t b)
{
    struct float_status st = { .rounding = FLOAT_NEAREST, .masked = FLOAT_ALL };

    (void)unused, (void)a;
    if (f32_is_nan(b)) {
        return b | 0x00400000u;
    }
    if (!(b & 0x7f800000u)) {
        return (b & 0x80000000u) | 0x7f800000u;
    }
    if (b >> 31) {
        return FLOAT32_DEFAULT_NAN;
    }
    return approximate(f32_div(&st, 0x3f800000u, f32_sqrt(&st, b)));
}

void x_rcpps(struct x86_cpu *cpu, const struct insn *i)
{
    arith_f32(cpu, i, rcp_f32, 4);
}

void x_rcpss(struct x86_cpu *cpu, const struct insn *i)
{
    arith_f32(cpu, i, rcp_f32, 1);
}

void x_rsqrtps(struct x86_cpu *cpu, const struct insn *i)
{
    arith_f32(cpu, i, rsqrt_f32, 4);
}

void x_rsqrtss(struct x86_cpu *cpu, const struct insn *i)
{
    arith_f32(cpu, i, rsqrt_f32, 1);
}

/* Horizontal and alternating ------------------------------------------------------------------- */

static void horizontal_f32(struct x86_cpu *cpu, const struct insn *i, f32_op *op)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b, r;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 4; k++) {
        const uint32_t *pair = (k < 2 ? &a : &b)->d + 2 * (k & 1);

        r.d[k] = op(&st, pair[0], pair[1]);
    }
    sse_end(cpu, &st);
    vec_put(cpu, i, &r);
}

static void horizontal_f64(struct x86_cpu *cpu, const struct insn *i, f64_op *op)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.q[0] = op(&st, a.q[0], a.q[1]);
    a.q[1] = op(&st, b.q[0], b.q[1]);
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

void x_haddps(struct x86_cpu *cpu, const struct insn *i)
{
    horizontal_f32(cpu, i, f32_add);
}

void x_hsubps(struct x86_cpu *cpu, const struct insn *i)
{
    horizontal_f32(cpu, i, f32_sub);
}

void x_haddpd(struct x86_cpu *cpu, const struct insn *i)
{
    horizontal_f64(cpu, i, f64_add);
}

void x_hsubpd(struct x86_cpu *cpu, const struct insn *i)
{
    horizontal_f64(cpu, i, f64_sub);
}

/* Even elements are subtracted, odd ones added. */
void x_addsubps(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 4; k++) {
        a.d[k] = (k & 1 ? f32_add : f32_sub)(&st, a.d[k], b.d[k]);
    }
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

void x_addsubpd(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.q[0] = f64_sub(&st, a.q[0], b.q[0]);
    a.q[1] = f64_add(&st, a.q[1], b.q[1]);
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

/*
 * Dot products: imm bits 7-4 choose the products, bits 3-0 where the sum goes.  Each step may raise
 * before the next begins (SDM vol. 2, "DPPS").  Every lane adds up on its own, its neighbour's
 * product first, as Intel's processors do: it decides which of several NaNs is the result.
 */
void x_dpps(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b, pairs;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 4; k++) {
        a.d[k] = i->imm >> (4 + k) & 1 ? f32_mul(&st, a.d[k], b.d[k]) : 0;
    }
    sse_end(cpu, &st);
    for (unsigned k = 0; k < 4; k++) {
        pairs.d[k] = f32_add(&st, a.d[k ^ 1], a.d[k]);
    }
    sse_end(cpu, &st);
    for (unsigned k = 0; k < 4; k++) {
        a.d[k] = f32_add(&st, pairs.d[k], pairs.d[k ^ 2]);
    }
    sse_end(cpu, &st);
    for (unsigned k = 0; k < 4; k++) {
        a.d[k] = i->imm >> k & 1 ? a.d[k] : 0;
    }
    vec_put(cpu, i, &a);
}

void x_dppd(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b, sums;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 2; k++) {
        a.q[k] = i->imm >> (4 + k) & 1 ? f64_mul(&st, a.q[k], b.q[k]) : 0;
    }
    sse_end(cpu, &st);
    sums.q[0] = f64_add(&st, a.q[0], a.q[1]);
    sums.q[1] = f64_add(&st, a.q[1], a.q[0]);
    sse_end(cpu, &st);
    for (unsigned k = 0; k < 2; k++) {
        a.q[k] = i->imm >> k & 1 ? sums.q[k] : 0;
    }
    vec_put(cpu, i, &a);
}

/* Comparisons ---------------------------------------------------------------------------------- */

/* Predicates 0-7 of CMPPS: which relations are true, and whether a quiet NaN is invalid. */
static const struct {
    bool less, equal, greater, unordered, signal;
} predicates[8] = {
    /* clang-format off */
    /* EQ    */ { false, true,  false, false, false },
    /* LT    */ { true,  false, false, false, true  },
    /* LE    */ { true,  true,  false, false, true  },
    /* UNORD */ { false, false, false, true,  false },
    /* NEQ   */ { true,  false, true,  true,  false },
    /* NLT   */ { false, true,  true,  true,  true  },
    /* NLE   */ { false, false, true,  true,  true  },
    /* ORD   */ { true,  true,  true,  false, false },
    /* clang-format on */
};

static bool predicate_true(unsigned p, int relation)
{
    switch (relation) {
    case FLOAT_LESS:
        return predicates[p].less;
    case FLOAT_EQUAL:
        return predicates[p].equal;
    case FLOAT_GREATER:
        return predicates[p].greater;
    default:
        return predicates[p].unordered;
    }
}

static void compare_f32(struct x86_cpu *cpu, const struct insn *i, unsigned lanes)
{
    struct float_status st = sse_begin(cpu);
    unsigned p = i->imm & 7;
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < lanes; k++) {
        int relation = f32_compare(&st, a.d[k], b.d[k], predicates[p].signal);

        a.d[k] = predicate_true(p, relation) ? UINT32_MAX : 0;
    }
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

static void compare_f64(struct x86_cpu *cpu, const struct insn *i, unsigned lanes)
{
    struct float_status st = sse_begin(cpu);
    unsigned p = i->imm & 7;
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < lanes; k++) {
        int relation = f64_compare(&st, a.q[k], b.q[k], predicates[p].signal);

        a.q[k] = predicate_true(p, relation) ? UINT64_MAX : 0;
    }
    sse_end(cpu, &st);
    vec_put(cpu, i, &a);
}

void x_cmpps(struct x86_cpu *cpu, const struct insn *i)
{
    compare_f32(cpu, i, 4);
}

void x_cmpss(struct x86_cpu *cpu, const struct insn *i)
{
    compare_f32(cpu, i, 1);
}

void x_cmppd(struct x86_cpu *cpu, const struct insn *i)
{
    compare_f64(cpu, i, 2);
}

void x_cmpsd_xmm(struct x86_cpu *cpu, const struct insn *i)
{
    compare_f64(cpu, i, 1);
}

/* COMIS, UCOMIS: the relation in ZF, PF and CF. */
static void compare_flags(struct x86_cpu *cpu, const struct insn *i, bool f64, bool signal)
{
    struct float_status st = sse_begin(cpu);
    union vec a, b;
    int relation;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    relation =
        f64 ? f64_compare(&st, a.q[0], b.q[0], signal) : f32_compare(&st, a.d[0], b.d[0], signal);
    sse_end(cpu, &st);
    flags_set(cpu, relation == FLOAT_UNORDERED ? FLAG_ZF | FLAG_PF | FLAG_CF
                   : relation == FLOAT_LESS    ? FLAG_CF
                   : relation == FLOAT_EQUAL   ? FLAG_ZF
                                               : 0);
}

void x_ucomiss(struct x86_cpu *cpu, const struct insn *i)
{
    compare_flags(cpu, i, false, false);
}

void x_ucomisd(struct x86_cpu *cpu, const struct insn *i)
{
    compare_flags(cpu, i, true, false);
}

void x_comiss(struct x86_cpu *cpu, const struct insn *i)
{
    compare_flags(cpu, i, false, true);
}

void x_comisd(struct x86_cpu *cpu, const struct insn *i)
{
    compare_flags(cpu, i, true, true);
}
