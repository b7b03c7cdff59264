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

#define BLOCK_MAX_INSNS 32
#define BLOCK_HASH_SIZE 32768
#define JUMP_CACHE_SIZE 4096
/* Decoded instructions kept before the whole cache is dropped. */
#define BLOCK_CACHE_INSNS (1u << 20)

/* Where control was last found to go from a linear address. */
struct jump_entry {
    uint64_t linear;
    struct block *block;
    unsigned generation; /* cpu->tlb.generation when it was looked up */
    unsigned mode;       /* cpu->exec_mode */
};

struct code;

struct block {
    struct block *hash_next;
    struct block *page_next[2];   /* other blocks with bytes in the same pages */
    const uint8_t *host;          /* first byte */
    const uint8_t *host2;         /* first byte on the second page, or NULL: all in one page */
    struct code *code;            /* translated, one a linear address and mode */
    struct code *dead_code;       /* freed with the block */
    uint16_t peek_low, peek_high; /* bytes of its page that its code's liveness depends on */
    uint16_t bytes;
    uint16_t runs; /* by the interpreter, until it is worth translating */
    uint8_t n;
    uint8_t code_size;
    bool dead;
    bool ungrouped;            /* translated with a check for every access */
    uint8_t group_fails;       /* checks of groups that failed */
    bool system;               /* its last instruction may change what a boundary looks at */
    struct jump_entry next[2]; /* 64-bit code: where it went; [0] straight on, [1] elsewhere */
    struct insn insn[];
};

struct code_page {
    const uint8_t *host; /* page-aligned; the key */
    struct ram_block *ram;
    uint64_t ram_page;
    struct block *first;
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

/* A page with code, of which this vCPU knows how often it stores to it. */
struct hot_page {
    const uint8_t *host;
    unsigned stores, limit;
};

struct backend;

struct tcg {
    struct x86_cpu *cpu;
    struct backend *backend; /* NULL: interpreter only */
    bool perf_map;           /* write /tmp/perf-PID.map */
    struct code_watch watch;
    struct mem_listener map_listener;
    struct dirty_listener dirty_listener;
    struct jump_entry jump[JUMP_CACHE_SIZE];
    struct block *hash[BLOCK_HASH_SIZE];
    GHashTable *pages; /* host page -> struct code_page */
    struct block *retired;
    unsigned insns;        /* decoded and cached */
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

    uint64_t n_decoded, n_invalidated, n_flushed, n_translated, n_code_resets;
    uint64_t n_claimed, n_given_up;
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

void block_cache_init(struct tcg *t, struct x86_cpu *cpu);
void block_cache_destroy(struct tcg *t);
/* The block at CS:rip, decoded if need be; raises fetch faults.  Valid until block_cache_collect. */
struct block *block_find(struct tcg *t);
/* The same after block b ended, by what b remembers. */
static inline struct block *block_follow(struct tcg *t, struct block *b, uint64_t start)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t rip = cpu->regs[R_RIP];
    struct jump_entry *j = &b->next[rip != start + b->bytes];
    struct block *n;

    if (G_LIKELY(j->linear == rip && j->generation == cpu->tlb.generation &&
                 j->mode == cpu->exec_mode)) {
        return j->block;
    }
    n = block_find(t);
    if (cpu->code64 && !n->dead) {
        *j = (struct jump_entry){ rip, n, cpu->tlb.generation, cpu->exec_mode };
    }
    return n;
}
/* Between blocks: applies what other threads queued, frees what was unlinked. */
void block_cache_collect(struct tcg *t);
/* Drops every block and all translated code. */
void block_cache_flush(struct tcg *t);

#endif
