/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_int.c: packed integer arithmetic, logic and comparison; MMX to SSE4.2.
 *
 * One function serves the MMX and the SSE form of an instruction.
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* clang-format off */
LANES(paddb,   b, uint8_t,  (uint8_t)(a + b))
LANES(paddw,   w, uint16_t, (uint16_t)(a + b))
LANES(paddd,   d, uint32_t, a + b)
LANES(paddq,   q, uint64_t, a + b)
LANES(psubb,   b, uint8_t,  (uint8_t)(a - b))
LANES(psubw,   w, uint16_t, (uint16_t)(a - b))
LANES(psubd,   d, uint32_t, a - b)
LANES(psubq,   q, uint64_t, a - b)
LANES(paddsb,  b, int8_t,   SAT_I8(a + b))
LANES(paddsw,  w, int16_t,  SAT_I16(a + b))
LANES(paddusb, b, uint8_t,  SAT_U8(a + b))
LANES(paddusw, w, uint16_t, SAT_U16(a + b))
LANES(psubsb,  b, int8_t,   SAT_I8(a - b))
LANES(psubsw,  w, int16_t,  SAT_I16(a - b))
LANES(psubusb, b, uint8_t,  SAT_U8(a - b))
LANES(psubusw, w, uint16_t, SAT_U16(a - b))
LANES(pavgb,   b, uint8_t,  (uint8_t)((a + b + 1) >> 1))
LANES(pavgw,   w, uint16_t, (uint16_t)((a + b + 1) >> 1))

LANES(pmullw,  w, int16_t,  (uint16_t)(a * b))
LANES(pmulhw,  w, int16_t,  (uint16_t)((a * b) >> 16))
LANES(pmulhuw, w, uint16_t, (uint16_t)((uint32_t)a * b >> 16))
LANES(pmulhrsw, w, int16_t, (uint16_t)((((a * b) >> 14) + 1) >> 1))
LANES(pmulld,  d, uint32_t, a * b)
LANES(pmuludq, q, uint64_t, (uint64_t)(uint32_t)a * (uint32_t)b)
LANES(pmuldq,  q, int64_t,  (uint64_t)((int64_t)(int32_t)a * (int32_t)b))

LANES(pminub,  b, uint8_t,  MIN(a, b))
LANES(pminuw,  w, uint16_t, MIN(a, b))
LANES(pminud,  d, uint32_t, MIN(a, b))
LANES(pminsb,  b, int8_t,   (uint8_t)MIN(a, b))
LANES(pminsw,  w, int16_t,  (uint16_t)MIN(a, b))
LANES(pminsd,  d, int32_t,  (uint32_t)MIN(a, b))
LANES(pmaxub,  b, uint8_t,  MAX(a, b))
LANES(pmaxuw,  w, uint16_t, MAX(a, b))
LANES(pmaxud,  d, uint32_t, MAX(a, b))
LANES(pmaxsb,  b, int8_t,   (uint8_t)MAX(a, b))
LANES(pmaxsw,  w, int16_t,  (uint16_t)MAX(a, b))
LANES(pmaxsd,  d, int32_t,  (uint32_t)MAX(a, b))

LANES(pcmpeqb, b, uint8_t,  a == b ? UINT8_MAX : 0)
LANES(pcmpeqw, w, uint16_t, a == b ? UINT16_MAX : 0)
LANES(pcmpeqd, d, uint32_t, a == b ? UINT32_MAX : 0)
LANES(pcmpeqq, q, uint64_t, a == b ? UINT64_MAX : 0)
LANES(pcmpgtb, b, int8_t,   a > b ? UINT8_MAX : 0)
LANES(pcmpgtw, w, int16_t,  a > b ? UINT16_MAX : 0)
LANES(pcmpgtd, d, int32_t,  a > b ? UINT32_MAX : 0)
LANES(pcmpgtq, q, int64_t,  a > b ? UINT64_MAX : 0)

LANES(pand,    q, uint64_t, a & b)
LANES(pandn,   q, uint64_t, ~a & b)
LANES(por,     q, uint64_t, a | b)
LANES(pxor,    q, uint64_t, a ^ b)

LANES(pabsb,   b, int8_t,   (uint8_t)(b < 0 ? -b : b))
LANES(pabsw,   w, int16_t,  (uint16_t)(b < 0 ? -b : b))
LANES(pabsd,   d, int32_t,  b < 0 ? 0u - (uint32_t)b : (uint32_t)b)
LANES(psignb,  b, int8_t,   (uint8_t)(b < 0 ? -a : b ? a : 0))
LANES(psignw,  w, int16_t,  (uint16_t)(b < 0 ? -a : b ? a : 0))
LANES(psignd,  d, int32_t,  b < 0 ? 0u - (uint32_t)a : b ? (uint32_t)a : 0)
/* clang-format on */

void x_pmaddwd(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 4; k++) {
        int32_t low = (int16_t)a.w[2 * k] * (int16_t)b.w[2 * k];
        int32_t high = (int16_t)a.w[2 * k + 1] * (int16_t)b.w[2 * k + 1];

        a.d[k] = (uint32_t)low + (uint32_t)high;
    }
    vec_put(cpu, i, &a);
}

/* Unsigned bytes of the destination times signed bytes of the source. */
void x_pmaddubsw(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 8; k++) {
        a.w[k] = SAT_I16(a.b[2 * k] * (int8_t)b.b[2 * k] + a.b[2 * k + 1] * (int8_t)b.b[2 * k + 1]);
    }
    vec_put(cpu, i, &a);
}

void x_psadbw(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 2; k++) {
        uint64_t sum = 0;

        for (unsigned n = 8 * k; n < 8 * k + 8; n++) {
            sum += (uint64_t)abs(a.b[n] - b.b[n]);
        }
        a.q[k] = sum;
    }
    vec_put(cpu, i, &a);
}

/*
 * Horizontal sums: neighbours of the destination make the low half of the result, those of the
 * source the high half.  x and y are neighbours.
 */
#define HORIZONTAL(name, field, type, expr)                                                        \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec a, b, r;                                                                         \
        unsigned half = i->op[0].size / (2 * sizeof(type));                                        \
                                                                                                   \
        vec_get(cpu, i, 0, &a);                                                                    \
        vec_get(cpu, i, 1, &b);                                                                    \
        for (unsigned k = 0; k < 2 * half; k++) {                                                  \
            const union vec *from = k < half ? &a : &b;                                            \
            unsigned n = 2 * (k % half);                                                           \
            type x = (type)from->field[n], y = (type)from->field[n + 1];                           \
                                                                                                   \
            r.field[k] = (expr);                                                                   \
        }                                                                                          \
        vec_put(cpu, i, &r);                                                                       \
    }

/* clang-format off */
HORIZONTAL(phaddw,  w, int16_t,  (uint16_t)(x + y))
HORIZONTAL(phaddd,  d, uint32_t, x + y)
HORIZONTAL(phaddsw, w, int16_t,  SAT_I16(x + y))
HORIZONTAL(phsubw,  w, int16_t,  (uint16_t)(x - y))
HORIZONTAL(phsubd,  d, uint32_t, x - y)
HORIZONTAL(phsubsw, w, int16_t,  SAT_I16(x - y))
/* clang-format on */

/* The smallest unsigned word of the source and its index. */
void x_phminposuw(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v, r = { .q = { 0, 0 } };
    unsigned best = 0;

    vec_get(cpu, i, 1, &v);
    for (unsigned k = 1; k < 8; k++) {
        if (v.w[k] < v.w[best]) {
            best = k;
        }
    }
    r.w[0] = v.w[best];
    r.w[1] = (uint16_t)best;
    vec_put(cpu, i, &r);
}

/* Sums of absolute differences of a 4-byte block against 8 sliding ones; SDM vol. 2, "MPSADBW". */
void x_mpsadbw(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b, r;
    unsigned dst = i->imm & 4, src = (i->imm & 3) * 4;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 8; k++) {
        unsigned sum = 0;

        for (unsigned n = 0; n < 4; n++) {
            sum += (unsigned)abs(a.b[dst + k + n] - b.b[src + n]);
        }
        r.w[k] = (uint16_t)sum;
    }
    vec_put(cpu, i, &r);
}

/* ZF: no bit in common; CF: every bit of the source is in the destination. */
void x_ptest(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    flags_set(cpu, ((a.q[0] & b.q[0]) | (a.q[1] & b.q[1]) ? 0 : FLAG_ZF) |
                       ((~a.q[0] & b.q[0]) | (~a.q[1] & b.q[1]) ? 0 : FLAG_CF));
}
