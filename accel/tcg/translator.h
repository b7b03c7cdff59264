/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/translator.h: what the run loop asks of a host back end (accel/tcg/HOST/).
 *
 * Invariants: translated code of a block is reached only while the block is alive and its linear
 *             address maps to it; it leaves to the interpreter at an instruction boundary with
 *             complete state for whatever it does not do itself.
 * Thread:     the vCPU's own.
 */
#ifndef ACCEL_TCG_TRANSLATOR_H
#define ACCEL_TCG_TRANSLATOR_H

#include "accel/tcg/block.h"

/* Translated code of one block at one linear address and mode. */
struct code {
    struct code *next; /* of the same block */
    struct block *block;
    uint64_t key;     /* translator_key */
    int mode;         /* translator_mode */
    uint32_t reach;   /* outside 64-bit code: the CS limit must not be below; 0: not looked at */
    uint64_t variant; /* what the back end assumes at its start; 0: nothing */
    uint8_t *entry;   /* writable mapping */
    struct code_image *image; /* the back end's, for copies at other addresses; or NULL */
    struct code_link *links;  /* jumps out of it */
    struct code_link *in;     /* jumps patched to lead here */
    unsigned n_links;
};

/*
 * In a variant: a check for every access.  Where a check of several fails the code goes on there, so no
 * other variant will do in its place.
 */
#define VARIANT_SINGLE (1ull << 26)

/* A direct jump that is patched once its target is translated. */
struct code_link {
    uint8_t *field;   /* the displacement, writable mapping; leads to code of the link's variant */
    uint8_t *stub;    /* where it leads unpatched: flags go to memory, then `generic` */
    uint8_t *generic; /* the same to code of variant 0; unpatched, to behind it */
    uint8_t *key;     /* to another page: tlb_exec_key of the target, 0 unpatched; or NULL */
    uint64_t variant;
    const uint8_t
        *page;       /* host page of the code that it stands in: the target's must be the same */
    uint64_t target; /* translator_key */
    bool stays;      /* never patched */
    struct code *to; /* patched to; NULL: not */
    struct code_link *next; /* in to->in */
};

/* In translator_mode, besides what is in exec_mode. */
enum {
    MODE_SEGMENTED = 1 << 8,   /* each access is checked and gets its segment's base */
    MODE_OTHER_STACK = 1 << 9, /* the stack's size is not the code's */
};

/* Bases of CS from here on leave no room in translator_key: code there is not translated. */
#define CODE_BASE_BITS 30

/*
 * What translated code depends on, or -1: code of this mode is not translated.  At CPL 1 and 2, which share a
 * bank of the soft TLB with CPL 0 but not its privileges, and under alignment checks none is.  32-bit
 * code whose CS, DS and SS are flat is a mode of its own.
 */
static inline int translator_mode(const struct x86_cpu *cpu)
{
    const struct segment *s = cpu->seg;

    if ((cpu->exec_mode & EXEC_MODE_CPL12) || cpu->bank > TLB_KERNEL_AC) {
        return -1;
    }
    if (cpu->code64 || (cpu->code_size == 4 && cpu->stack_size == 4 && s[SEG_CS].base == 0 &&
                        s[SEG_CS].limit == UINT32_MAX && (s[SEG_DS].access & SEGMENT_FLAT_WRITE) &&
                        (s[SEG_SS].access & SEGMENT_FLAT_WRITE))) {
        return cpu->exec_mode;
    }
    if (cpu->bank == TLB_KERNEL_AC || s[SEG_CS].base >> CODE_BASE_BITS) {
        return -1;
    }
    return cpu->exec_mode | MODE_SEGMENTED |
           (cpu->code_size == cpu->stack_size ? 0 : MODE_OTHER_STACK);
}

/* The part of translator_key that is the same for all code of a segment. */
static inline uint64_t translator_segment_key(const struct x86_cpu *cpu)
{
    uint64_t modes = (cpu->code_size == 2) | (cpu->code_size != cpu->stack_size) << 1;

    return cpu->code64 ? 0 : (modes << CODE_BASE_BITS | cpu->seg[SEG_CS].base) << 32;
}

/*
 * Which code is to run now: RIP; outside 64-bit code the linear address, and above it what else
 * code of a segment depends on: nothing if that is flat.
 */
static inline uint64_t translator_key(const struct x86_cpu *cpu)
{
    uint64_t rip = cpu->regs[R_RIP];

    return cpu->code64 ? rip
                       : translator_segment_key(cpu) | (uint32_t)(cpu->seg[SEG_CS].base + rip);
}

/*
 * Of a library each process may have another copy at its own address: a look at the keys says at once that there is
 * none for this one, where a look at all of them waits for memory each time (a fortieth of a short run of Perl).
 */
static inline uint64_t code_key_bit(uint64_t key)
{
    return 1ull << ((key >> 12) * 0x9e3779b97f4a7c15ull >> 58);
}

static inline uint64_t translator_linear(const struct x86_cpu *cpu)
{
    uint64_t rip = cpu->regs[R_RIP];

    return cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
}

/* Does the code segment hold all that c relies on? */
static inline bool code_within_limit(const struct x86_cpu *cpu, const struct code *c)
{
    return cpu->code64 || c->reach <= cpu->seg[SEG_CS].limit;
}

/* False without *error where this host has no back end. */
bool translator_available(void);
/* buffer: bytes for translated code; 0: the back end's default. */
bool translator_init(struct tcg *t, size_t buffer, GError **error);
void translator_destroy(struct tcg *t);
/* NULL: not translatable. */
struct code *translator_translate(struct tcg *t, struct block *b, uint64_t rip, uint64_t variant);
/* Runs from c on.  The link to patch when the flow wants to go on at regs[R_RIP], or NULL. */
struct code_link *translator_run(struct tcg *t, struct code *c);
/*
 * Runs from regs[R_RIP] on, if translated code is known for it without a look at its block.  False: it is not;
 * else *link as above.
 */
bool translator_resume(struct tcg *t, struct code_link **link);
/* So many jumps back to an address, or look-ups of it, make it hot. */
void translator_hot_after(struct tcg *t, int32_t times);
/* Counting where control stands begins again, each try with twice as many times. */
void translator_cool(struct tcg *t, unsigned tries);
/* Leads the link to `to` if the pages allow. */
void translator_patch(struct code_link *link, struct code *to);
/* Nothing leads to the code any more; whoever is in it stays. */
void translator_unlink(struct tcg *t, struct code *c);
/* A block dies: nothing leads into its code any more. */
void translator_forget(struct tcg *t, struct block *b);
/* Everything goes, with the buffer; no translated code is running. */
void translator_reset(struct tcg *t);
/* The vCPU is about to wait: what costs little to have again may go. */
void translator_idle(struct tcg *t);
/* No room for another block: time for block_cache_flush. */
bool translator_full(struct tcg *t);

#endif
