/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/decode_capstone.h: Capstone's view of an instruction, behind names of our own, since its
 * headers claim ours.  Thread: one.
 */
#ifndef TESTS_INSN_DECODE_CAPSTONE_H
#define TESTS_INSN_DECODE_CAPSTONE_H

#include <stdbool.h>
#include <stdint.h>

struct capstone;

struct capstone_insn {
    unsigned length; /* 0: not an instruction */
    char mnemonic[32], operands[160];
    bool has_memory; /* the first operand in memory: */
    char base[8], index[8];
    unsigned scale;
    int64_t disp;
};

/* code_size 2, 4 or 8; NULL: built without Capstone. */
struct capstone *capstone_new(unsigned code_size);
void capstone_free(struct capstone *c);
void capstone_decode(struct capstone *c, const uint8_t *bytes, unsigned n,
                     struct capstone_insn *out);

#endif
