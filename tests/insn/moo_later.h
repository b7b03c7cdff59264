/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/moo_later.h: what a later processor makes of a case that an 80286 was recorded with.
 *
 * A difference is a row: when it applies, and how the result is to be instead, to the last byte.
 * Thread: any.
 */
#ifndef TESTS_INSN_MOO_LATER_H
#define TESTS_INSN_MOO_LATER_H

#include "target/i386/insn.h"
#include "tests/insn/moo.h"

/* How a case ends. */
struct moo_want {
    uint16_t reg[MOO_REGS];
    struct moo_ram ram;
    int exception;      /* the vector, or -1 */
    uint32_t undefined; /* flags that are not compared */
    bool shorter;       /* as the case of moo_shorten, by the same CPU */
    bool unknown;       /* the capture has other code where this leads: not compared */
};

/* What the capture says; undefined flags are the caller's to set. */
void moo_want_captured(struct moo_want *w, const struct moo_case *c);
/* Changed to what later processors do.  The reason, or NULL: they do the same.  i: the case's, decoded. */
const char *moo_want_later(struct moo_want *w, const struct moo_case *c, const struct insn *i);

/* Prefixes that say the same again become NOPs before the instruction, which has 10 bytes then. */
void moo_shorten(struct moo_case *c);

#endif
