/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/trace.h: traces: paths through several blocks that ran often, translated as one.
 *
 * A trace is a block like others, but that its instructions do not stand in a row: `path` says where.
 * It begins where its first block does, holds what ran there when it was recorded, and is left by a
 * side exit where the flow goes elsewhere.
 *
 * Invariants: a trace is found only by the block that it begins with (`traces`), and dies with any of
 *             its blocks (`uses`); it is reached only while every page of it is mapped where it was.
 * Thread:     the vCPU's own.
 */
#ifndef ACCEL_TCG_TRACE_H
#define ACCEL_TCG_TRACE_H

#include "accel/tcg/block.h"

#define TRACE_MAX_INSNS  128
#define TRACE_MAX_BLOCKS 24
#define TRACE_MAX_PAGES  4
/* That begin with a block, by what they assume of flags; and at other addresses, where other processes have it, or had. */
#define TRACES_A_BLOCK   3
#define TRACES_ELSEWHERE 8
/* Times that a jump back leads somewhere, or a look-up, until a trace is recorded there. */
#define TRACE_AFTER 4096

/* Times that a trace's pages are found elsewhere until it dies. */
#define TRACE_LOST 16

/* One of a trace's blocks; in the list of that block. */
struct trace_use {
    struct block *trace, *block;
    struct trace_use *next;
};

struct block_path {
    struct block *next; /* another trace that begins there */
    uint64_t variant;   /* what it assumes at its start, as struct code */
    int mode;           /* translator_mode */
    uint64_t key;       /* translator_key of its start */
    unsigned n_blocks, n_pages;
    unsigned lost; /* times that a page of it was not mapped where it was */
    bool loops;    /* the last instruction leads to the first */
    struct {
        uint64_t linear;
        const uint8_t *host;
    } page[TRACE_MAX_PAGES]; /* all that instructions lie on; the first is the first one's */
    struct trace_use *use;   /* of each block; in the same piece of memory as the rest */
    uint64_t rip[];          /* of each instruction, and where the last one led */
};

/* Where instruction n of a block at `start` stands. */
static inline uint64_t block_rip(const struct block *b, uint64_t start, unsigned n)
{
    if (b->path) {
        return b->path->rip[n];
    }
    for (unsigned k = 0; k < n; k++) {
        start += b->insn[k].len;
    }
    return start;
}

/*
 * Runs blocks from regs[R_RIP] on by the interpreter, and makes a trace of them if that pays; b is the
 * first.  Raises the faults of what it runs.
 */
void trace_record(struct tcg *t, struct block *b);
/* The trace that begins with b here, of that variant and still mapped; or NULL. */
struct block *trace_find(struct tcg *t, struct block *b, uint64_t variant);
/* Every trace that b is part of dies: b does. */
void trace_kill_uses(struct tcg *t, struct block *b);
/* Traces that begin with b go the way of b, which is retired without being unlinked from anything. */
void trace_retire(struct tcg *t, struct block *b);

#endif
