/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_request.h: what "-cpu" asks for, before it is cut down to what there is.
 *
 * Thread: the one that builds the machine.
 */
#ifndef TARGET_I386_CPU_REQUEST_H
#define TARGET_I386_CPU_REQUEST_H

#include "target/i386/cpu_support.h"

/* A model that options have changed; it belongs to one CPU. */
struct cpu_own_model {
    struct cpu_model model;
    char vendor[13], brand[49];
    struct cpu_paravirt paravirt; /* under KVM */
};

struct cpu_request {
    struct cpu_own_model *own;
    const struct cpu_support *support; /* NULL: the interpreter's */
    uint32_t features[FEAT_WORDS];
    uint32_t plus[FEAT_WORDS], minus[FEAT_WORDS]; /* by sign: they win, and minus over plus */
    bool enforce;                                 /* a feature that is missing is an error */
    bool quiet;                                   /* check=off */
    bool level, xlevel;                           /* given: CPUID's levels are not raised */
    bool not_migratable; /* migratable=off: -cpu host has what no other host could go on with */
    bool phys_bits;      /* given */
    bool host_phys_bits, own_phys_bits; /* host-phys-bits=on, =off */
    uint64_t phys_bits_limit;           /* host-phys-bits-limit; 0: none */
};

/* cpu_options.c: an option of -cpu that is no feature.  *known: there is one of this name. */
bool cpu_option_parse(struct x86_cpu *cpu, struct cpu_request *r, const char *key,
                      const char *value, bool *known, GError **error);
/* The n-th option's name, NULL behind the last. */
const char *cpu_option_name(unsigned n);
/* Its type as QOM names it: "bool", "string", "uint32". */
const char *cpu_option_type(unsigned n);

#endif
