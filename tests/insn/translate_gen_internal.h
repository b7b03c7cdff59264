/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen_internal.h: a case in the making, shared by translate_gen.c and
 * its neighbours.  Thread: the caller's.
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
    bool flags;  /* the next one counts, carries or compares floats */
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
/* Gives an operand relative to RIP, or an absolute one of 32-bit code, an address of data. */
void gen_patch_disp(struct maker *m, uint8_t *bytes, const struct insn *i, unsigned modrm);
/* A pointer with as many bits as the mode has. */
uint64_t gen_address(struct maker *m);
/* Should the decoded instruction be part of the case? */
bool gen_wanted(struct maker *m, const struct insn *i, enum decode_result r);
/* Appends an instruction of VEX or EVEX. */
void gen_put_wide(struct maker *m);
/* A loop whose pointers move; nothing but HLT follows. */
void gen_put_walk(struct maker *m);
/* 64-bit code: at most 32 instructions that name all registers. */
void gen_put_crowd(struct maker *m);
/* An immediate of 8 bytes, or as many as the mode's operands have: mov's and push's. */
void gen_put_immediate(struct maker *m, uint8_t opcode, uint64_t v);
/* In translate_gen_narrow.c; 32-bit code alone: loads of segment registers, a return to a frame. */
void gen_put_segment(struct maker *m);
void gen_put_iret_narrow(struct maker *m);
/* PUSH, POP, CALL and JMP by memory. */
void gen_put_indirect(struct maker *m);

#endif
