/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen.h: random 64, 32 and 16-bit code for translate_test.c, and the addresses that it uses.
 *
 * Thread: the caller's; a generator has no state beyond its arguments.
 */
#ifndef TESTS_INSN_TRANSLATE_GEN_H
#define TESTS_INSN_TRANSLATE_GEN_H

#include "target/i386/insn.h"

#define GEN_CODE      0x400000ull /* two pages; the first again as data behind the data pages */
#define GEN_CODE_SIZE 0x2000u
#define GEN_DATA      0x500000ull
#define GEN_HIGH      0xffff800000000000ull /* the same once more */
#define GEN_TOP       0x7ffffffff000ull     /* the last canonical page of the lower half */
#define GEN_MAX_INSNS 240

/* What a case is made of; all but the first in compatibility mode. */
enum gen_mode {
    GEN_64,
    GEN_FLAT_32,
    GEN_MOVED_32, /* CS has a base and ends within the code; DS and SS may have, too */
    GEN_16,       /* offsets 0 of CS and DS are GEN_CODE and GEN_DATA */
};

#define GEN_MOVED_BASE 0x1000u

/* Segments of 32-bit and of 16-bit code; the last two are one for each level. */
enum {
    GEN_CODE32_0 = 0x48,
    GEN_CODE32_3 = 0x53,
    GEN_DATA_SHORT = 0x5b, /* a limit within the data pages */
    GEN_DATA_MOVED = 0x63, /* a base */
    GEN_DATA_READ = 0x6b,  /* not writable */
    GEN_DATA_DOWN = 0x73,  /* expand-down */
    GEN_CODE_MOVED_0 = 0x78,
    GEN_CODE_MOVED_3 = 0x83,
    GEN_CODE16_0 = 0x88,
    GEN_CODE16_3 = 0x93,
    GEN_DATA16 = 0x9b,       /* 64 KiB */
    GEN_DATA16_SHORT = 0xa3, /* two pages */
    GEN_DATA16_BIG = 0xab,   /* 4 GiB, as in unreal mode */
    GEN_STACK16_0 = 0xb0,
    GEN_STACK16_3 = 0xbb, /* 64 KiB, SP */
    GEN_STACK_MOVED_0 = 0xc0,
    GEN_STACK_MOVED_3 = 0xcb, /* ESP */
    GEN_STACK_BIG_0 = 0xd0,
    GEN_STACK_BIG_3 = 0xdb, /* ESP, from GEN_DATA on */
};

/* Pages of GEN_DATA. */
enum gen_page {
    PAGE_A,
    PAGE_B,
    PAGE_NONE,
    PAGE_CLEAN,
    PAGE_READ_ONLY,
    PAGE_C,
    PAGE_MMIO,
    PAGE_SUPERVISOR,
    PAGE_CODE,
    PAGE_D,
    PAGE_TOP, /* at GEN_TOP alone */
    PAGE_COUNT
};

struct gen_case {
    uint64_t seed;
    unsigned cpl;
    enum gen_mode mode;
    bool narrow;    /* not GEN_64 */
    uint32_t base;  /* of CS */
    bool x87;       /* most instructions are the x87's or MMX */
    unsigned entry; /* offsets within the code pages */
    unsigned n;     /* instructions, the final HLT included */
    uint16_t at[GEN_MAX_INSNS];
    uint8_t len[GEN_MAX_INSNS];
    uint8_t code[GEN_CODE_SIZE];
    uint8_t pointers[3], indices[2]; /* registers that are kept for addresses */
};

uint64_t gen_random(uint64_t *state);
/* A random number below n. */
unsigned gen_below(uint64_t *state, unsigned n);
/* An address that is likely to be near something of interest; a number likely to be so. */
uint64_t gen_pointer(uint64_t *state);
uint64_t gen_number(uint64_t *state);
/* May the test execute it?  Instructions that read clocks or change the system are left out. */
bool gen_allowed(const struct insn *i);
/* The mode of a seed's case.  The CPU must be in it when it is made. */
enum gen_mode gen_mode_of(uint64_t seed);
void gen_make(struct gen_case *c, const struct x86_cpu *cpu, uint64_t seed);

#endif
