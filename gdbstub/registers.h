/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/registers.h: a CPU's registers as gdb numbers, names and stores them.
 *
 * Thread: machine lock held, the vCPU stopped.
 */
#ifndef GDBSTUB_REGISTERS_H
#define GDBSTUB_REGISTERS_H

#include "target/i386/cpu.h"

#define REGISTER_BYTES_MAX 64

/* In the order of their numbers. */
enum register_feature {
    FEATURE_CORE,
    FEATURE_SSE,
    FEATURE_SEGMENTS,
    FEATURE_SYSTEM,
    FEATURE_AVX,
    FEATURE_AVX512,
    FEATURE_COUNT
};

/* One row stands for `count` registers, which differ in a number: the %u in their names. */
struct register_row {
    enum register_feature feature;
    const char *name, *name32; /* NULL: not in this mode */
    uint8_t first, count, count32;
    uint16_t bits, bits32;
    const char *type, *type32, *group; /* group: NULL: gdb's choice */
    /* Little-endian bytes; arg is the row's, n counts from `first`. */
    void (*get)(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to);
    bool (*set)(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from);
    unsigned arg;
};

extern const struct register_row register_rows[]; /* ends with get NULL */

struct register_entry {
    const struct register_row *row;
    uint8_t n;
    uint8_t bytes;
};

/* What CPUs of one model have. */
struct registers {
    bool wide;          /* 64-bit CPUs */
    GArray *entries;    /* struct register_entry, by number */
    unsigned n_general; /* that 'g' transfers: those of core and SSE */
    unsigned pc;        /* number of RIP */
};

void registers_init(struct registers *r, const struct x86_cpu *cpu);
void registers_clear(struct registers *r);
/* Bytes, to a buffer of REGISTER_BYTES_MAX; 0: there is no such register. */
unsigned registers_read(const struct registers *r, struct x86_cpu *cpu, unsigned number,
                        uint8_t *to);
unsigned registers_size(const struct registers *r, unsigned number);
/* False: a value that it cannot have. */
bool registers_write(const struct registers *r, struct x86_cpu *cpu, unsigned number,
                     const uint8_t *from);
/* description.c: target.xml */
char *registers_describe(const struct registers *r);

#endif
