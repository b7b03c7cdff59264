/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/fuzz_machine.h: whole machines made of a command line, and a guest that does anything
 * to them: see fuzz_machine.c.
 * Thread: the test's, machine lock held.
 */
#ifndef TESTS_DEVICE_FUZZ_MACHINE_H
#define TESTS_DEVICE_FUZZ_MACHINE_H

#include <glib.h>
#include "cli/options.h"
#include "cli/setup.h"
#include "softmmu/machine.h"

struct fuzz_machine {
    struct machine *m;
    struct options *options;
    struct session session;
    GRand *rand;
    GHashTable *usual; /* names of regions that are not worth aiming at; NULL: all are */
};

/* Blank-separated options without the program; the test fails where they are refused. */
struct fuzz_machine *fuzz_machine_new(const char *command_line, uint32_t seed);
void fuzz_machine_free(struct fuzz_machine *f);
/* Names of every region that answers now; the caller unrefs. */
GHashTable *fuzz_machine_regions(struct fuzz_machine *f);
/* Anything, so many times. */
void fuzz_machine_run(struct fuzz_machine *f, unsigned steps);

#endif
