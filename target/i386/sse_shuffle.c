/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_shuffle.c: packs, unpacks, shuffles, blends, widening moves, inserts and
 * extracts.
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* Unpack: lanes of the low (or high) half, destination and source in turn. */
#define UNPACK(name, field, type, high)                                                            \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec a, b, r;                                                                         \
        unsigned half = i->op[0].size / (2 * sizeof(type)), from = (high) ? half : 0;              \
                                                                                                   \
        vec_get(cpu, i, 0, &a);                                                                    \
        vec_get(cpu, i, 1, &b);                                                                    \
        for (unsigned k = 0; k < half; k++) {                                                      \
            r.field[2 * k] = a.field[from + k];                                                    \
            r.field[2 * k + 1] = b.field[from + k];                                                \
        }                                                                                          \
        vec_put(cpu, i, &r);                                                                       \
    }

/* Pack: the destination's lanes saturated to half the width, then the source's. */
#define PACK(name, to, from, type, sat)                                                            \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec a, b, r;                                                                         \
        unsigned lanes = i->op[0].size / sizeof(type);                                             \
                                                                                                   \
        vec_get(cpu, i, 0, &a);                                                                    \
        vec_get(cpu, i, 1, &b);                                                                    \
        for (unsigned k = 0; k < lanes; k++) {                                                     \
            r.to[k] = sat((type)a.from[k]);                                                        \
            r.to[lanes + k] = sat((type)b.from[k]);                                                \
        }                                                                                          \
        vec_put(cpu, i, &r);                                                                       \
    }

/* Widening move of the source's low lanes. */
#define WIDEN(name, to, from, type, wide)                                                          \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec v, r;                                                                            \
                                                                                                   \
        vec_get(cpu, i, 1, &v);                                                                    \
        for (unsigned k = 0; k < 16 / sizeof(wide); k++) {                                         \
            r.to[k] = (wide)(type)v.from[k];                                                       \
        }                                                                                          \
        vec_put(cpu, i, &r);                                                                       \
    }

/* clang-format off */
UNPACK(punpcklbw,  b, uint8_t,  false)
UNPACK(punpcklwd,  w, uint16_t, false)
UNPACK(punpckldq,  d, uint32_t, false)
UNPACK(punpcklqdq, q, uint64_t, false)
UNPACK(punpckhbw,  b, uint8_t,  true)
UNPACK(punpckhwd,  w, uint16_t, true)
UNPACK(punpckhdq,  d, uint32_t, true)
UNPACK(punpckhqdq, q, uint64_t, true)

PACK(packsswb, b, w, int16_t, SAT_I8)
PACK(packuswb, b, w, int16_t, SAT_U8)
PACK(packssdw, w, d, int32_t, SAT_I16)
PACK(packusdw, w, d, int32_t, SAT_U16)

WIDEN(pmovsxbw, w, b, int8_t,   uint16_t)
WIDEN(pmovsxbd, d, b, int8_t,   uint32_t)
WIDEN(pmovsxbq, q, b, int8_t,   uint64_t)
WIDEN(pmovsxwd, d, w, int16_t,  uint32_t)
WIDEN(pmovsxwq, q, w, int16_t,  uint64_t)
WIDEN(pmovsxdq, q, d, int32_t,  uint64_t)
WIDEN(pmovzxbw, w, b, uint8_t,  uint16_t)
WIDEN(pmovzxbd, d, b, uint8_t,  uint32_t)
WIDEN(pmovzxbq, q, b, uint8_t,  uint64_t)
WIDEN(pmovzxwd, d, w, uint16_t, uint32_t)
WIDEN(pmovzxwq, q, w, uint16_t, uint64_t)
WIDEN(pmovzxdq, q, d, uint32_t, uint64_t)
/* clang-format on */

/* Each byte of the source's index picks one of the destination; bit 7 clears. */
void x_pshufb(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b, r;
    unsigned mask = i->op[0].size - 1;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 16; k++) {
        r.b[k] = b.b[k] & 0x80 ? 0 : a.b[b.b[k] & mask];
    }
    vec_put(cpu, i, &r);
}

/* Four words of src from `at` on, picked by the immediate's pairs of bits. */
static void shuffle_words(union vec *v, unsigned at, unsigned imm)
{
    uint16_t from[4];

    memcpy(from, v->w + at, sizeof(from));
    for (unsigned k = 0; k < 4; k++) {
        v->w[at + k] = from[imm >> (2 * k) & 3];
    }
}

void x_pshufw(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    shuffle_words(&v, 0, i->imm & 0xff);
    vec_put(cpu, i, &v);
}

void x_pshufhw(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    shuffle_words(&v, 4, i->imm & 0xff);
    vec_put(cpu, i, &v);
}

void x_pshufd(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v, r;

    vec_get(cpu, i, 1, &v);
    for (unsigned k = 0; k < 4; k++) {
        r.d[k] = v.d[i->imm >> (2 * k) & 3];
    }
    vec_put(cpu, i, &r);
}

/* The low two lanes from the destination, the high two from the source. */
void x_shufps(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b, r;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 4; k++) {
        r.d[k] = (k < 2 ? &a : &b)->d[i->imm >> (2 * k) & 3];
    }
    vec_put(cpu, i, &r);
}

void x_shufpd(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b, r;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    r.q[0] = a.q[i->imm & 1];
    r.q[1] = b.q[i->imm >> 1 & 1];
    vec_put(cpu, i, &r);
}

/* Blends: lane k comes from the source where bit k of the immediate is set. */
#define BLEND(name, field, type, condition)                                                        \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec a, b;                                                                            \
        const union vec *mask = &cpu->vec[0];                                                      \
                                                                                                   \
        (void)mask;                                                                                \
        vec_get(cpu, i, 0, &a);                                                                    \
        vec_get(cpu, i, 1, &b);                                                                    \
        for (unsigned k = 0; k < 16 / sizeof(type); k++) {                                         \
            if (condition) {                                                                       \
                a.field[k] = b.field[k];                                                           \
            }                                                                                      \
        }                                                                                          \
        vec_put(cpu, i, &a);                                                                       \
    }

/* clang-format off */
BLEND(pblendw,  w, uint16_t, i->imm >> k & 1)
BLEND(blendps,  d, uint32_t, i->imm >> k & 1)
BLEND(blendpd,  q, uint64_t, i->imm >> k & 1)
/* XMM0's sign bits are the mask. */
BLEND(pblendvb, b, uint8_t,  mask->b[k] >> 7)
BLEND(blendvps, d, uint32_t, mask->d[k] >> 31)
BLEND(blendvpd, q, uint64_t, mask->q[k] >> 63)

/* Inserts: the source is a general register or memory of the lane's size. */
#define INSERT(name, field, type)                                                                  \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec a, b;                                                                            \
                                                                                                   \
        vec_get(cpu, i, 0, &a);                                                                    \
        load_vec(cpu, i, 1, &b);                                                                   \
        a.field[i->imm & (i->op[0].size / sizeof(type) - 1)] = (type)b.q[0];                       \
        vec_put(cpu, i, &a);                                                                       \
    }
#define EXTRACT(name, field, type)                                                                 \
    void x_##name(struct x86_cpu *cpu, const struct insn *i)                                       \
    {                                                                                              \
        union vec v, r = { .q = { 0, 0 } };                                                        \
                                                                                                   \
        vec_get(cpu, i, 1, &v);                                                                    \
        r.q[0] = v.field[i->imm & (i->op[1].size / sizeof(type) - 1)];                             \
        store_vec(cpu, i, 0, &r);                                                                  \
    }

INSERT(pinsrb, b, uint8_t)
INSERT(pinsrw, w, uint16_t)
EXTRACT(pextrb, b, uint8_t)
EXTRACT(pextrw, w, uint16_t)
EXTRACT(extractps, d, uint32_t)
/* clang-format on */

/* Doubleword or quadword by REX.W, which the operand's size shows. */
void x_pinsrd(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    load_vec(cpu, i, 1, &b);
    if (i->op[1].size == 8) {
        a.q[i->imm & 1] = b.q[0];
    } else {
        a.d[i->imm & 3] = b.d[0];
    }
    vec_put(cpu, i, &a);
}

void x_pextrd(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v, r = { .q = { 0, 0 } };

    vec_get(cpu, i, 1, &v);
    r.q[0] = i->op[0].size == 8 ? v.q[i->imm & 1] : v.d[i->imm & 3];
    store_vec(cpu, i, 0, &r);
}

/* imm: 7-6 source lane (registers only), 5-4 destination lane, 3-0 lanes to clear. */
void x_insertps(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.d[i->imm >> 4 & 3] = b.d[i->op[1].kind == OPND_XMM ? i->imm >> 6 & 3 : 0];
    for (unsigned k = 0; k < 4; k++) {
        if (i->imm >> k & 1) {
            a.d[k] = 0;
        }
    }
    vec_put(cpu, i, &a);
}

/* Sign bits of the lanes, into a general register. */
static void sign_mask(struct x86_cpu *cpu, const struct insn *i, unsigned lane)
{
    union vec v;
    uint32_t mask = 0;

    vec_get(cpu, i, 1, &v);
    for (unsigned k = 0; k < i->op[1].size / lane; k++) {
        mask |= (uint32_t)(v.b[k * lane + lane - 1] >> 7) << k;
    }
    reg_write(cpu, i->op[0].reg, mask, 4);
}

void x_pmovmskb(struct x86_cpu *cpu, const struct insn *i)
{
    sign_mask(cpu, i, 1);
}

void x_movmskps(struct x86_cpu *cpu, const struct insn *i)
{
    sign_mask(cpu, i, 4);
}

void x_movmskpd(struct x86_cpu *cpu, const struct insn *i)
{
    sign_mask(cpu, i, 8);
}
