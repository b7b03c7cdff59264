/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/translate_x87.h: random x87 state, and memory that the x87 finds interesting. */
#ifndef TESTS_INSN_TRANSLATE_X87_H
#define TESTS_INSN_TRANSLATE_X87_H

#include "target/i386/cpu.h"

void random_x87(struct x87_state *x, uint64_t *rng);
/* Eight bytes: a double, two floats, words that mask every exception when loaded, or anything. */
uint64_t gen_float_bytes(uint64_t *rng);

#endif
