/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native_coverage.h: which rows of the instruction tables were compared with the host, in
 * which forms.  Nothing is counted unless RHEA_COVERAGE names a file; tests/insn/coverage sets it.
 * Thread: one.
 */
#ifndef TESTS_INSN_NATIVE_COVERAGE_H
#define TESTS_INSN_NATIVE_COVERAGE_H

#include "tests/insn/native.h"

struct native_coverage;

/* NULL: nothing is counted, and the others do nothing. */
struct native_coverage *native_coverage_new(void);
void native_coverage_count(struct native_coverage *c, const struct insn *i, bool code32,
                           bool fault);
/* Appends a line for each row of the tables to the file. */
void native_coverage_free(struct native_coverage *c);

#endif
