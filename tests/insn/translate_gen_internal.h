/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen_internal.h: a case in the making, shared by translate_gen.c and
 * translate_gen_wide.c.  Thread: the caller's.
 */
#ifndef TESTS_INSN_TRANSLATE_GEN_INTERNAL_H
#define TESTS_INSN_TRANSLATE_GEN_INTERNAL_H

#include "tests/insn/translate_gen.h"

struct maker {
    struct gen_case *c;
    const struct x86_cpu *cpu;
    uint64_t rng;
    unsigned pos;
    bool divide; /* the next one is DIV or IDIV */
};

static inline unsigned below(struct maker *m, unsigned n)
{
    return gen_below(&m->rng, n);
}

static inline bool chance(struct maker *m, unsigned percent)
{
    return below(m, 100) < percent;
}

/* Appends an instruction. */
void gen_put(struct maker *m, const uint8_t *bytes, unsigned len);
/* ModRM, SIB and displacement at p; the register bits that need REX in *rex.  Returns the bytes. */
unsigned gen_put_modrm(struct maker *m, uint8_t *p, uint8_t *rex);
/* Where a RIP-relative operand should lead. */
void gen_patch_rip(struct maker *m, uint8_t *bytes, const struct insn *i, unsigned field);
/* Should the decoded instruction be part of the case? */
bool gen_wanted(struct maker *m, const struct insn *i, enum decode_result r);
/* Appends an instruction of VEX or EVEX. */
void gen_put_wide(struct maker *m);

#endif
