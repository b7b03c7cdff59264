/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native_amd.h: what AMD's processors do otherwise than Intel's, whom the interpreter
 * follows: a table with the reason for each.  Elsewhere than on an AMD host nothing here applies.
 */
#ifndef TESTS_INSN_NATIVE_AMD_H
#define TESTS_INSN_NATIVE_AMD_H

#include "tests/insn/native.h"

/* One case, run on both sides. */
struct native_case {
    const uint8_t *bytes;
    const struct insn *insn;
    bool code32;
    const struct native_state *start;
    struct native_state *host;
    const struct native_state *guest;
    const uint8_t *before; /* the arena: at the start, */
    uint8_t *after;        /* after the host, */
    const uint8_t *now;    /* and after the interpreter */
};

bool native_amd_host(void);
/*
 * Makes of what an AMD host did what an Intel does, where that is known.  The reason, when this case
 * is not to be compared; else NULL.
 */
const char *native_amd_settle(const struct native_case *c);

#endif
