/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/trans.h: one translation in the making, and what its parts do for each other.
 *
 * Invariant: at the start of a block flags are in memory, the host's EFLAGS hold nothing.
 * Thread: the vCPU's own.
 */
#ifndef ACCEL_TCG_X86_64_TRANS_H
#define ACCEL_TCG_X86_64_TRANS_H

#include "accel/tcg/x86_64/backend.h"
#include "accel/tcg/x86_64/emit_rows.h"
#include "target/i386/operand.h"

#define MAX_SITES (3 * BLOCK_MAX_INSNS)

/* A check that fails: the instruction is interpreted, then the code goes on behind it. */
struct site {
    uint8_t *jump, *jump2, *back; /* jump2: a second condition, or NULL */
    const struct insn *insn;
    uint64_t rip;
    uint8_t *thunk; /* called; or jumped to if it leaves */
    bool last;      /* leaves instead of going on */
};

struct trans {
    struct tcg *t;
    struct backend *k;
    struct emit *e;
    struct block *b;
    uint64_t start, rip;                /* of the block, of the instruction */
    uint32_t live[BLOCK_MAX_INSNS + 1]; /* flags live before instruction n */
    bool host_flags, memory_flags;      /* where they are right */
    bool vectors_loaded;                /* XMM registers are known to be in the host's */
    int32_t tlb;                        /* offset of the bank in the CPU */
    struct site *open;                  /* of mem_begin */
    struct site sites[MAX_SITES];
    unsigned n_sites;
    struct code_link links[2];
    unsigned n_links;
    unsigned peek_low, peek_high; /* bytes of the page that liveness was read from */
};

/* flags.c */
void find_live_flags(struct trans *x);
/* Live flags are in memory from here on; the host's EFLAGS stay. */
void save_flags(struct trans *x, uint32_t live);
/* The same, live or not: before what may fault, and before polls. */
void flags_to_memory(struct trans *x);
void need_host_flags(struct trans *x);
/* Brings the flags where an instruction that is emitted as it stands wants them, and notes what it did. */
void flags_before(struct trans *x, const struct insn *i, unsigned n);
void flags_after(struct trans *x, const struct insn *i);

/* address.c */
/* The host register of a guest register, or -1: it is in memory. */
int host_of(unsigned guest);
struct emit_rm guest_memory(unsigned guest);
/* A guest register in a host register: its own, or `scratch` loaded with it. */
unsigned in_register(struct trans *x, unsigned guest, unsigned scratch);
/* Effective address of the memory operand, without segment, to a register. */
void emit_address(struct trans *x, const struct insn *i, unsigned to);
/* A conditional jump that leads to the interpreter, out of line. */
struct site *add_site(struct trans *x, uint8_t *jump, const struct insn *i, bool last);
/*
 * R13 holds a linear address: makes it the host address of `size` bytes, or goes to the site.
 * Flags are saved before.
 */
struct site *emit_check(struct trans *x, const struct insn *i, unsigned size, bool write,
                        bool last);
/* The same for the instruction's memory operand. */
struct site *emit_operand_check(struct trans *x, const struct insn *i, unsigned size, bool write,
                                bool last);
/*
 * What emitters use: the memory operand `op` of instruction n, checked, as an operand of the host's
 * instruction.  It may contain R13 and R15; R14 is free.  Flags are in memory if they were live.
 * mem_end comes right behind the last instruction emitted for n.
 */
struct emit_rm mem_begin(struct trans *x, unsigned n, const struct insn_operand *op, bool write);
void mem_end(struct trans *x);
/* Between the two: the interpreter takes the instruction if the jump is taken. */
void mem_decline(struct trans *x, uint8_t *jump);
/* Moves the guest's stack pointer; no flag changes. */
void emit_add_rsp(struct trans *x, int32_t v);
void emit_sites(struct trans *x);

/* insns.c: false: the interpreter does it. */
bool emit_one(struct trans *x, unsigned n);
void field_write_back(struct trans *x, const struct insn_operand *op, unsigned scratch);
unsigned immediate_bytes(const struct insn *i);

/* vector.c */
bool emit_vector(struct trans *x, unsigned n);

/* branches.c */
/* Goes on at a linear address; live flags are in memory. */
void emit_goto(struct trans *x, uint64_t target);
/* The last instruction when it is a branch; false: the interpreter does it and leaves. */
bool emit_branch(struct trans *x, unsigned n);

#endif
