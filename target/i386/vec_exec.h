/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/vec_exec.h: what MMX and SSE execute functions are written with.
 *
 * Computations run over all 16 bytes of an operand: an MMX operand is zero above its 8 bytes, and
 * what is computed there is not stored.  Where the lane structure depends on the length (packs,
 * unpacks, horizontal sums), op[0].size says which it is.
 */
#ifndef TARGET_I386_VEC_EXEC_H
#define TARGET_I386_VEC_EXEC_H

#include "target/i386/operand.h"
#include "target/i386/vec_rows.h"

static inline void vec_get(struct x86_cpu *cpu, const struct insn *i, unsigned n, union vec *v)
{
    if (G_LIKELY(i->op[n].kind == OPND_XMM)) {
        memcpy(v->b, cpu->vec[i->op[n].reg].b, 16);
    } else {
        load_vec(cpu, i, n, v);
    }
}

/* Writes operand 0. */
static inline void vec_put(struct x86_cpu *cpu, const struct insn *i, const union vec *v)
{
    if (G_LIKELY(i->op[0].kind == OPND_XMM && i->op[0].size == 16)) {
        memcpy(cpu->vec[i->op[0].reg].b, v->b, 16);
    } else {
        store_vec(cpu, i, 0, v);
    }
}

static inline int64_t saturate(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

#define SAT_I8(v)  ((uint8_t)saturate(v, INT8_MIN, INT8_MAX))
#define SAT_U8(v)  ((uint8_t)saturate(v, 0, UINT8_MAX))
#define SAT_I16(v) ((uint16_t)saturate(v, INT16_MIN, INT16_MAX))
#define SAT_U16(v) ((uint16_t)saturate(v, 0, UINT16_MAX))

/*
 * Defines x_NAME: operand 0 = f(operand 0, operand 1), lane by lane.  `a` and `b` are lanes of TYPE
 * (signed or not) of the union vec member FIELD.
 */
#define LANES(name, field, type, expr)                                                             \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec va, vb;                                                                          \
                                                                                                   \
        vec_get(cpu, i, 0, &va);                                                                   \
        vec_get(cpu, i, 1, &vb);                                                                   \
        for (unsigned k = 0; k < 16 / sizeof(type); k++) {                                         \
            type a = (type)va.field[k], b = (type)vb.field[k];                                     \
                                                                                                   \
            (void)a;                                                                               \
            va.field[k] = (expr);                                                                  \
        }                                                                                          \
        vec_put(cpu, i, &va);                                                                      \
    }

#endif
