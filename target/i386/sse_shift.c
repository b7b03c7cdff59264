/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_shift.c: packed shifts.  The count is an immediate, or the whole low quadword of
 * the source; a count at or over the lane's width clears it (arithmetic: fills it with the sign).
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* The count, whichever form the instruction has. */
static uint64_t shift_count(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    if (i->op[1].kind == OPND_IMM) {
        return i->imm & 0xff;
    }
    vec_get(cpu, i, 1, &v);
    return v.q[0];
}

#define SHIFT(name, field, type, limit, over, expr)                                                \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        uint64_t count = shift_count(cpu, i);                                                      \
        unsigned n = count > (limit) ? (over) : (unsigned)count;                                   \
        union vec v;                                                                               \
                                                                                                   \
        vec_get(cpu, i, 0, &v);                                                                    \
        for (unsigned k = 0; k < 16 / sizeof(type); k++) {                                         \
            type a = (type)v.field[k];                                                             \
                                                                                                   \
            v.field[k] = (expr);                                                                   \
        }                                                                                          \
        vec_put(cpu, i, &v);                                                                       \
    }

/* clang-format off */
SHIFT(psllw, w, uint16_t, 15, 16, (uint16_t)((uint32_t)a << n))
SHIFT(psrlw, w, uint16_t, 15, 16, (uint16_t)((uint32_t)a >> n))
SHIFT(psraw, w, int16_t,  15, 15, (uint16_t)(a >> n))
SHIFT(pslld, d, uint32_t, 31, 32, (uint32_t)((uint64_t)a << n))
SHIFT(psrld, d, uint32_t, 31, 32, (uint32_t)((uint64_t)a >> n))
SHIFT(psrad, d, int32_t,  31, 31, (uint32_t)(a >> n))
SHIFT(psllq, q, uint64_t, 63, 64, n < 64 ? a << n : 0)
SHIFT(psrlq, q, uint64_t, 63, 64, n < 64 ? a >> n : 0)
/* clang-format on */

/* Whole-register byte shifts. */
void x_pslldq(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned n = MIN(i->imm & 0xff, 16);
    union vec v, r = { .q = { 0, 0 } };

    vec_get(cpu, i, 0, &v);
    memcpy(r.b + n, v.b, 16 - n);
    vec_put(cpu, i, &r);
}

void x_psrldq(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned n = MIN(i->imm & 0xff, 16);
    union vec v, r = { .q = { 0, 0 } };

    vec_get(cpu, i, 0, &v);
    memcpy(r.b, v.b + n, 16 - n);
    vec_put(cpu, i, &r);
}

/* Destination above source, shifted right by bytes. */
void x_palignr(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->op[0].size, n = MIN(i->imm & 0xff, 2 * size);
    uint8_t both[64] = { 0 };
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    memcpy(both, b.b, size);
    memcpy(both + size, a.b, size);
    memcpy(a.b, both + n, 16);
    vec_put(cpu, i, &a);
}
