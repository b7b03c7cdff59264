/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_run.h: one case of translate_gen.h, run by the interpreter and by the engine.
 *
 * Faults end an instruction, not the case: both sides note them, skip the instruction and go on.
 * Thread: the vCPU's own, but for bench_new and bench_free.
 */
#ifndef TESTS_INSN_TRANSLATE_RUN_H
#define TESTS_INSN_TRANSLATE_RUN_H

#include "accel/tcg/block.h"
#include "tests/insn/system_rig.h"
#include "tests/insn/translate_gen.h"

#define CODE_PHYS  0x20000u /* where a case's code is in RAM */
#define MAX_FAULTS 48

struct fault {
    uint64_t rip, rsp, cr2;
    uint32_t error;
    int vector;
};

struct outcome {
    uint64_t regs[16], rip, es, ds, ss, fs, gs, kernel_gs, cr0, cr4, xcr0;
    uint16_t selector[SEG_COUNT]; /* at the start: 0: the mode's own; CS and SS always */
    uint32_t eflags, arith, mxcsr;
    union vec vec[32];
    uint64_t kmask[8];
    struct x87_state x87;
    uint64_t mmio_hash;
    unsigned mmio_count;
    unsigned n_faults;
    struct fault faults[MAX_FAULTS];
    uint8_t data[PAGE_COUNT * 4096];
    uint8_t code[GEN_CODE_SIZE];
    uint64_t page_table[512];
};

struct bench {
    struct system_rig *rig;
    struct x86_cpu *cpu;
    struct mem_region mmio;
    uint64_t mmio_hash;
    unsigned mmio_count;
    uint64_t cr0, cr4, xcr0;
    struct gen_case c;
    struct outcome start, reference, engine;
    struct segment user[2][SEG_COUNT]; /* at CPL 0 and 3 */
    uint32_t taint;                    /* flags that may differ */
    bool flags_lost;
    /* Locals of the reference run, kept over longjmp. */
    struct insn insn;
    bool fetching;
    unsigned cases, dropped, faults, mismatches;
    unsigned copied, not_copied; /* blocks whose copies were compared, and that have none */
    uint64_t first_seed, step, count;
};

enum ending { ENDED, DROPPED };

struct bench *bench_new(void);
void bench_free(struct bench *b);
/* The mode that a case's code is decoded in. */
void enter_mode(struct bench *b, enum gen_mode mode, unsigned cpl);
/* The state that the case starts from, by its seed. */
void random_state(struct bench *b);
/*
 * One instruction after another.  DROPPED: the case runs too long, or reads what is undefined.
 * Notes in b->taint the flags that may differ.
 */
enum ending run_reference(struct bench *b, struct outcome *o);
/* By the engine, with what it knows from runs before. */
void run_engine(struct bench *b, struct outcome *o);
/* Makes every block of the code pages hot, so that the next run translates it. */
void heat_blocks(struct bench *b);
/*
 * translate_copy.c: each block's code, copied to another address, against what is translated there; `out` gets
 * differences.  The case must have been of 64-bit code.  Its blocks have no code afterwards.
 */
void check_copies(struct bench *b, GString *out);
/* Blocks with addresses that do not move with them. */
void check_absolute_copies(struct bench *b);

#endif
