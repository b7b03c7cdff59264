/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block.h: blocks of decoded instructions, cached by the host address of the guest RAM
 * that holds their bytes (which stands for the physical address and outlives every mapping).
 *
 * Invariants: a page of RAM from which a block was decoded carries RAM_PAGE_CODE, and no soft TLB
 *             holds a write tag for it; a block that is unlinked is freed only between blocks.
 * Thread:     one cache a vCPU, on its thread; invalidations by others are queued under `mutex`, or
 *             done by them in an exclusive section.  block.c says why that is enough.
 */
#ifndef ACCEL_TCG_BLOCK_H
#define ACCEL_TCG_BLOCK_H

#include "target/i386/cpu.h"
#include "target/i386/insn.h"

#define BLOCK_MAX_INSNS  128
#define BLOCK_MAX_BYTES  (15 * BLOCK_MAX_INSNS)
#define BLOCK_HASH_FIRST 32768 /* buckets; doubled as blocks come, to be two a block at least */
#define JUMP_CACHE_SIZE  16384
/*
 * Executions by the interpreter, one after another, before a block is worth translating: with 8 a compiler's first
 * run took a twelfth longer. But of what a kernel runs to start little runs again, and code stays in memory: with 3 an
 * idle guest took 17 MiB more. So the first translations are of blocks that ran more often.
 */
#define TRANSLATE_AFTER       3
#define TRANSLATE_AFTER_FIRST 8
#define FIRST_TRANSLATIONS    40000
/* Decoded instructions kept before the whole cache is dropped. */
#define BLOCK_CACHE_INSNS (3u << 20)
/* So many more, and blocks that were not worth translating go when the guest has nothing to do. */
#define COLD_SWEEP_INSNS (64u << 10)
#define SWEEP_INTERVAL   (2 * G_USEC_PER_SEC)
/* Dead blocks that are freed together, since look-ups by linear address are all forgotten then. */
#define RETIRED_MAX 256
/* Of those, how many are kept to be used again. */
#define SPARE_MAX 512

/* Where control was last found to go from a linear address. */
struct jump_entry {
    uint64_t linear;
    struct block *block; /* NULL or allocated */
    unsigned generation; /* cpu->tlb.generation when it was looked up */
    unsigned mode;       /* cpu->exec_mode */
};

struct code;
struct trace_use;
struct block_path;

struct block {
    /* What a look-up reads: */
    struct block *hash_next;
    const uint8_t *host;  /* first byte */
    const uint8_t *host2; /* first byte on the second page, or NULL: all in one page */
    struct code *code;    /* translated, one a linear address and mode: */
    uint64_t code_keys;   /* a bit for each of their addresses, by code_key_bit; */
    uint8_t n_codes;      /* how many */
    uint16_t bytes;
    uint16_t runs; /* by the interpreter */
    uint16_t jump; /* the entry of the jump cache that led here last, or JUMP_CACHE_SIZE */
    bool in_jumps; /* others have, too */
    uint8_t n;
    uint8_t code_size;
    bool dead;
    bool system; /* its last instruction may change what a boundary looks at */
    bool debug;  /* of a page with a debugger's breakpoints, for this linear address alone: */
    /* The rest: */
    uint64_t linear;              /* if `debug` */
    uint8_t trace_tries;          /* recordings that began here */
    struct block *traces;         /* that begin with it: by path->next */
    struct trace_use *uses;       /* of it by traces */
    struct block_path *path;      /* of a trace; NULL: its instructions stand in a row */
    bool ungrouped;               /* translated with a check for every access */
    uint8_t group_fails;          /* checks of groups that failed */
    uint16_t peek_low, peek_high; /* bytes of its page that its code's liveness depends on */
    struct code *dead_code;       /* freed with the block */
    struct block *page_next[2];   /* other blocks with bytes in the same pages */
    struct block **page_link[2];  /* what leads here in those lists */
    struct jump_entry next[2];    /* 64-bit code: where it went; [0] straight on, [1] elsewhere */
    struct insn insn[];
};

#define PAGE_LISTS 16

struct code_page {
    const uint8_t *host; /* page-aligned; the key */
    struct ram_block *ram;
    uint64_t ram_page;
    /* By where they begin; all that begin before the page are in [0]. */
    struct block *first[PAGE_LISTS];
    unsigned blocks;     /* in these lists; */
    unsigned longest;    /* bytes of the longest that there was */
    uint64_t lines;      /* of 64 bytes, that may hold code; */
    uint64_t peek_lines; /* on which code elsewhere in the page may depend */
    /* Since it was claimed: instructions decoded and translated, weighed stores to it. */
    unsigned insns, translated, stores;
    uint8_t impatience; /* struct impatience, when it was claimed */
};

/* A page that was given up, and how often in a row before any code of it was worth translating. */
struct impatience {
    const uint8_t *host;
    uint8_t times;
};

struct invalidation {
    struct ram_block *ram;
    uint64_t offset, len;
};

/* Invalidations that wait for a vCPU; beyond that it drops its whole cache. */
#define CODE_QUEUE_MAX 256
/* Counters of the pages in a cache, by a hash of their address. */
#define PAGE_FILTER_SIZE 4096
/* Pages whose stores a vCPU counts, and how many it takes first until the page is given up. */
#define HOT_PAGES       16
#define HOT_FIRST_LIMIT 32
#define HOT_LAST_LIMIT  (1u << 20)
/* Pages found last, by a hash. */
#define RECENT_PAGES 256
/* Immediates that are patched, by a hash. */
#define LOOSE_SIZE 256

/* A page with code, of which this vCPU knows how often it stores to it. */
struct hot_page {
    const uint8_t *host;
    unsigned stores, limit;
};

/* An immediate operand, and how many stores to it have taken a translated block away: block_loose.c. */
struct loose_entry {
    const uint8_t *at;
    uint8_t kills;
};

struct backend;

struct tcg {
    struct x86_cpu *cpu;
    struct backend *backend; /* NULL: interpreter only */
    bool perf_map;           /* write /tmp/perf-PID.map */
    struct code_watch watch;
    struct mem_listener map_listener, smm_map_listener; /* of m->memory, m->smm_memory */
    struct dirty_listener dirty_listener;
    struct jump_entry jump[JUMP_CACHE_SIZE];
    struct block **hash;
    unsigned hash_size;
    GHashTable *pages; /* host page -> struct code_page */
    struct code_page *recent[RECENT_PAGES];
    struct impatience impatience[RECENT_PAGES];
    struct loose_entry loose[LOOSE_SIZE];
    bool any_loose;
    struct block *retired;
    struct block
        *spare[BLOCK_MAX_INSNS + 1]; /* freed, by the instructions that they have room for */
    unsigned n_spare, n_retired, blocks;
    unsigned insns; /* decoded and cached */
    unsigned swept; /* of them when cold blocks went last */
    int64_t next_sweep;
    pthread_mutex_t mutex; /* not GLib's, which the thread sanitizer does not know */
    GArray *queue;         /* mutex: struct invalidation, from other threads */
    bool queue_spilt;      /* mutex: more than fits */
    bool give_up;          /* at the next boundary: nobody's cache keeps blocks of this page */
    struct ram_block *give_up_ram;
    uint64_t give_up_page;
    struct hot_page hot[HOT_PAGES];
    /* Pages in `pages`, by their hash: read by others before they queue anything. */
    _Atomic uint16_t filter[PAGE_FILTER_SIZE];

    /* The block being executed, to count what a fault cut short. */
    const struct block *running;
    uint64_t running_rip;
    bool any_debug; /* blocks of this kind */

    uint64_t n_decoded, n_invalidated, n_flushed, n_translated, n_copied, n_code_resets;
    uint64_t n_claimed, n_given_up, n_swept, n_traces, n_entered;
};

static inline const uint8_t *host_page(const uint8_t *p)
{
    return (const uint8_t *)((uintptr_t)p & ~(uintptr_t)(GUEST_PAGE_SIZE - 1));
}

/* An event that can be taken now: interrupts that IF keeps out do not count. */
static inline bool tcg_event_waits(const struct x86_cpu *cpu)
{
    uint32_t pending = atomic_load_explicit(&cpu->pending, memory_order_relaxed);

    if (G_LIKELY(!pending)) {
        return false;
    }
    pending &= cpu->eflags & FLAG_IF ? ~0u : ~(uint32_t)PENDING_INTR;
    return pending & (cpu->nmi_blocked ? ~(uint32_t)PENDING_NMI : ~0u);
}

/* Does the code segment hold all of b, which begins at RIP? */
static inline bool block_within_limit(const struct x86_cpu *cpu, const struct block *b)
{
    return cpu->code64 || cpu->regs[R_RIP] + b->bytes - 1 <= cpu->seg[SEG_CS].limit;
}

void block_cache_init(struct tcg *t, struct x86_cpu *cpu);
void block_cache_destroy(struct tcg *t);
/* The block at CS:rip, decoded if need be; raises fetch faults.  Valid until block_cache_collect. */
struct block *block_find(struct tcg *t);
/*
 * Does the soft TLB know the second page of b, which begins at RIP, as the one that b was
 * decoded from?  Fills it if need be; raises fetch faults.
 */
bool block_second_page_known(struct tcg *t, const struct block *b);
/* The same after block b ended, by what b remembers. */
static inline struct block *block_follow(struct tcg *t, struct block *b, uint64_t start)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t rip = cpu->regs[R_RIP];
    struct jump_entry *j = &b->next[rip != start + b->bytes];
    struct block *n;

    if (G_LIKELY(j->linear == rip && j->generation == cpu->tlb.generation &&
                 j->mode == cpu->exec_mode && !j->block->dead)) {
        return j->block;
    }
    n = block_find(t);
    if (cpu->code64 && !n->dead) {
        *j = (struct jump_entry){ rip, n, cpu->tlb.generation, cpu->exec_mode };
    }
    return n;
}
/* Drops what was decoded with breakpoints in mind. */
void block_cache_drop_debug(struct tcg *t);
/* Between blocks: applies what other threads queued, frees what was unlinked. */
void block_cache_collect(struct tcg *t);
/* Drops every block and all translated code. */
void block_cache_flush(struct tcg *t);
/* The vCPU is about to wait: drops what was not worth translating. */
void block_cache_idle(struct tcg *t);
/* Quicker functions for instructions that run more than once. */
void block_specialise(struct block *b);
/*
 * Bytes of the immediate of an instruction at a host address, if it is read from memory each time, or 0: what
 * comes behind such an instruction is no reason to depend on its bytes.
 */
unsigned block_loose_bytes(const struct tcg *t, const struct insn *i, const uint8_t *host);
/* b has translated code, which depends on bytes [low, high) of its first page, too. */
void block_translated(struct tcg *t, struct block *b, unsigned low, unsigned high);

#endif
