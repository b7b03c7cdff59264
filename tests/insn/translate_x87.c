/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/translate_x87.c: see translate_x87.h.  No state of its own; any thread. */
#include "tests/insn/translate_x87.h"
#include "tests/insn/translate_gen.h"

static struct float80 random_float(uint64_t *rng)
{
    uint64_t v = gen_random(rng), low = gen_below(rng, 2) ? 0 : gen_random(rng) >> 1;
    uint16_t sign = v & 1 ? 0x8000 : 0;

    switch (gen_below(rng, 10)) {
    case 0: /* zero, infinity, NaNs, denormals, unsupported */
        return (struct float80){ .mant = v >> 62 << 62 | (v & 2 ? low : 0),
                                 .sexp = v & 4 ? sign : sign | 0x7fff };
    case 1:
        return (struct float80){ .mant = v, .sexp = (uint16_t)gen_random(rng) };
    case 2: /* small integers */
        return (struct float80){ .mant = (8 + (v >> 61)) << 60, .sexp = sign | 0x4002 };
    case 3: /* as MMX leaves it */
        return (struct float80){ .mant = v, .sexp = 0xffff };
    case 4: /* near the ends of double's range and of integers */
        return (struct float80){ .mant = 1ull << 63 | low,
                                 .sexp = (uint16_t)(sign | (0x3fff + (v & 8 ? 62 : -1022) +
                                                            (int)gen_below(rng, 5) - 2)) };
    default:
        return (struct float80){ .mant = 1ull << 63 | low,
                                 .sexp = (uint16_t)(sign | (0x3fff + (int)(v >> 59) - 16)) };
    }
}

void random_x87(struct x87_state *x, uint64_t *rng)
{
    memset(x, 0, sizeof(*x));
    x->control = 0x37f;
    x->empty = 0xff;
    if (!gen_below(rng, 3)) {
        return;
    }
    for (unsigned n = 0; n < 8; n++) {
        x->reg[n] = random_float(rng);
    }
    x->top = gen_random(rng) & 7;
    x->empty = (uint8_t)(gen_random(rng) & gen_random(rng));
    x->status = gen_random(rng) & 0x4700;
    x->control = 0x7f | (gen_random(rng) & 0xf00);
    if (!gen_below(rng, 3)) {
        x->status |= gen_random(rng) & 0x7f;
    }
    if (!gen_below(rng, 8)) {
        x->control &= (uint16_t) ~(gen_random(rng) & 0x3f);
    }
    x->status |= x->status & ~x->control & 0x3f ? 0x8080 : 0;
    x->opcode = gen_random(rng) & 0x7ff;
    x->cs = (uint16_t)gen_random(rng);
    x->ds = (uint16_t)gen_random(rng);
    x->ip = gen_random(rng);
    x->dp = gen_random(rng);
}

uint64_t gen_float_bytes(uint64_t *rng)
{
    uint64_t v = gen_random(rng);

    switch (gen_below(rng, 5)) {
    case 0:
        return (v & 0x800fffffffffffffull) | (uint64_t)(1023 + gen_below(rng, 9) - 4) << 52;
    case 1:
        return (v & 0x807fffff807fffffull) | (uint64_t)(127 + gen_below(rng, 9) - 4) << 55 |
               (uint64_t)(127 + gen_below(rng, 9) - 4) << 23;
    case 2:
        return v | 0x003f003f003f003full;
    case 3:
        return (v & 7) << (gen_below(rng, 4) * 8) | (v & 0x8000000000000000ull);
    default:
        return v;
    }
}
