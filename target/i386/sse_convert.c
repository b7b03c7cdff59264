/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_convert.c: conversions between integers and floating point, and rounding.
 *
 * Invariant: as in sse_float.c, nothing is written before MXCSR allowed it.
 * Thread:    the vCPU's own, no lock.
 */
#include "target/i386/sse_status.h"
#include "target/i386/vec_exec.h"

/*
 * Defines x_NAME: `lanes` elements of TO converted from FROM (s is the element, st the status); the
 * rest of the destination is kept (keep) or cleared.
 */
#define CONVERT(name, lanes, keep, to, from, expr)                                                 \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        struct float_status status = sse_begin(cpu), *st = &status;                                \
        union vec v, r = { .q = { 0, 0 } };                                                        \
                                                                                                   \
        (void)st;                                                                                  \
        vec_get(cpu, i, 1, &v);                                                                    \
        if (keep) {                                                                                \
            vec_get(cpu, i, 0, &r);                                                                \
        }                                                                                          \
        for (unsigned k = 0; k < (lanes); k++) {                                                   \
            __typeof__(v.from[0]) s = v.from[k];                                                   \
                                                                                                   \
            r.to[k] = (__typeof__(r.to[0]))(expr);                                                 \
        }                                                                                          \
        sse_end(cpu, &status);                                                                     \
        vec_put(cpu, i, &r);                                                                       \
    }

/* clang-format off */
CONVERT(cvtdq2ps,  4, false, d, d, i32_to_f32(st, (int32_t)s))
CONVERT(cvtps2dq,  4, false, d, d, f32_to_i32(st, s))
CONVERT(cvttps2dq, 4, false, d, d, f32_to_i32_trunc(st, s))
CONVERT(cvtdq2pd,  2, false, q, d, i32_to_f64(st, (int32_t)s))
CONVERT(cvtpd2dq,  2, false, d, q, f64_to_i32(st, s))
CONVERT(cvttpd2dq, 2, false, d, q, f64_to_i32_trunc(st, s))
CONVERT(cvtps2pd,  2, false, q, d, f32_to_f64(st, s))
CONVERT(cvtpd2ps,  2, false, d, q, f64_to_f32(st, s))
CONVERT(cvtss2sd,  1, true,  q, d, f32_to_f64(st, s))
CONVERT(cvtsd2ss,  1, true,  d, q, f64_to_f32(st, s))
/* The MMX forms. */
CONVERT(cvtpi2ps,  2, true,  d, d, i32_to_f32(st, (int32_t)s))
CONVERT(cvtps2pi,  2, false, d, d, f32_to_i32(st, s))
CONVERT(cvttps2pi, 2, false, d, d, f32_to_i32_trunc(st, s))
/* From a general register or memory of 4 or 8 bytes. */
CONVERT(cvtsi2ss,  1, true,  d, q, i->op[1].size == 8 ? i64_to_f32(st, (int64_t)s)
                                                      : i32_to_f32(st, (int32_t)s))
CONVERT(cvtsi2sd,  1, true,  q, q, i->op[1].size == 8 ? i64_to_f64(st, (int64_t)s)
                                                      : i32_to_f64(st, (int32_t)s))
/* To one; a 4-byte write clears the high half. */
CONVERT(cvtss2si,  1, false, q, d, i->op[0].size == 8 ? f32_to_i64(st, s) : f32_to_i32(st, s))
CONVERT(cvttss2si, 1, false, q, d, i->op[0].size == 8 ? f32_to_i64_trunc(st, s)
                                                      : f32_to_i32_trunc(st, s))
CONVERT(cvtsd2si,  1, false, q, q, i->op[0].size == 8 ? f64_to_i64(st, s) : f64_to_i32(st, s))
CONVERT(cvttsd2si, 1, false, q, q, i->op[0].size == 8 ? f64_to_i64_trunc(st, s)
                                                      : f64_to_i32_trunc(st, s))
/* clang-format on */

/* ROUND: imm bits 1-0 the mode, bit 2 takes MXCSR's instead, bit 3 leaves PE alone. */
static uint8_t round_mode(const struct float_status *st, const struct insn *i)
{
    return i->imm & 4 ? st->rounding : i->imm & 3;
}

/* clang-format off */
#define ROUND_F32 f32_round_to_int(st, s, round_mode(st, i), i->imm & 8)
#define ROUND_F64 f64_round_to_int(st, s, round_mode(st, i), i->imm & 8)
CONVERT(roundps, 4, false, d, d, ROUND_F32)
CONVERT(roundpd, 2, false, q, q, ROUND_F64)
CONVERT(roundss, 1, true,  d, d, ROUND_F32)
CONVERT(roundsd, 1, true,  q, q, ROUND_F64)
/* clang-format on */
