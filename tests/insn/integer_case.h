/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/integer_case.h: random integer instructions with operands that they can work on.
 * Thread: one.
 */
#ifndef TESTS_INSN_INTEGER_CASE_H
#define TESTS_INSN_INTEGER_CASE_H

#include "tests/insn/native.h"

enum integer_map_id { ONE_BYTE, TWO_BYTE, THREE_BYTE };

struct integer_case {
    uint8_t bytes[24];
    unsigned len;
    struct native_state state;
    uint32_t undefined; /* flags */
    struct insn insn;
};

/*
 * The case of this seed: bytes, registers, and the arena filled.  False: not an instruction that a
 * process may run and get the same answer everywhere.
 */
bool integer_case_make(struct native *n, enum integer_map_id map, unsigned op, uint64_t seed,
                       struct integer_case *c);

#endif
