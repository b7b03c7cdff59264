/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block.c: finding, decoding and invalidating blocks; see block.h for the rules.
 *
 * Each vCPU caches blocks of its own.  Why no vCPU runs bytes that are no longer there, but for what
 * processors may have fetched already (SDM vol. 3, 8.1.3):
 *
 * - Claiming.  The first cache that decodes from a page sets RAM_PAGE_CODE and takes every vCPU's write
 *   tags for it in one exclusive section, before it reads a byte.  A fill looks at the flag and sets
 *   its tag with no safe point between, so it lies wholly before or after such a section.  Who finds
 *   the flag set therefore knows that no tag is left, and decodes without more ado.  Translated code
 *   that waits for the lock in a helper leaves its block afterwards, by stop_block.
 * - Stores to such a page take the slow path: they write, then look at the flag, then at each cache's
 *   filter, with a full barrier between.  A cache counts itself in the filter, with a full barrier,
 *   before it reads bytes: either it reads what was written, or the writer finds it and queues an
 *   invalidation.  DMA does the same, before or after the bytes change, by ram_written.
 * - Cross-modifying code.  The store queues, and raises PENDING_CODE and exit_request, before its
 *   instruction ends, hence before anything that the writer does to say so.  Another vCPU that knows of
 *   it finds them raised: at the end of each block (translated code: at back edges, look-ups and ways
 *   out), and at every serialising instruction, all of which end their block or stop it (CPUID), and
 *   at each event that is delivered.  Helpers that a translator calls for serialising instructions,
 *   or that take the machine lock, look at stop_block and exit_request before they go on.
 * - Memory map, A20.  They change in an exclusive section, which raises PENDING_FLUSH and stop_block of
 *   every vCPU.  One that waited for the lock within an instruction ends that instruction with
 *   look-ups of its own, and leaves the block.  One that waited in order to claim starts over.
 * - Giving up a page whose stores are many: an exclusive section takes its blocks out of all caches and
 *   clears the flag.  Other caches are whole then, since their vCPUs are out of `run` or wait for
 *   the lock; a block that one of them is in stays allocated until that vCPU collects.
 * - Freeing.  Only block_cache_collect frees, on the vCPU's thread between blocks.
 * - A vCPU that is halted or stopped has its invalidations queued; it takes them at the boundary
 *   with which `run` begins, since PENDING_CODE is raised.  A queue that spills drops the whole cache.
 */
#include "accel/tcg/block_int.h"
#include <malloc.h>
#include "accel/tcg/trace.h"
#include "accel/tcg/translator.h"
#include "target/i386/mem.h"
#include "util/log.h"

/* Finding --------------------------------------------------------------------------------------- */

/* Is the second page of a block still mapped behind the first? */
static bool second_page_matches(struct x86_cpu *cpu, const struct block *b, uint64_t linear)
{
    uint64_t next = (linear | 4095) + 1;

    if (!b->host2) {
        return true;
    }
    return mmu_fetch_host(cpu, cpu->code64 ? next : (uint32_t)next) == b->host2;
}

static struct block *find_slow(struct tcg *t, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;
    const uint8_t *host = tlb_exec_host(cpu, bank, linear);
    bool stop = cpu->stop_block;
    struct block *b;

    if (host) {
        for (b = *hash_bucket(t, host); b; b = b->hash_next) {
            if (b->host == host && b->code_size == cpu->code_size && !b->debug) {
                if (second_page_matches(cpu, b, linear)) {
                    return b;
                }
                block_kill(t, b);
                cpu->stop_block = stop;
                break;
            }
        }
    } else {
        /* Fills the exec tag, and then the block may be known after all. */
        host = mmu_fetch_host(cpu, linear);
        if (host && tlb_exec_host(cpu, bank, linear)) {
            return find_slow(t, linear);
        }
        b = host ? block_find_debug(t, linear, host) : NULL;
        if (b && second_page_matches(cpu, b, linear)) {
            return b;
        }
    }
    return decode_block(t, linear);
}

bool block_second_page_known(struct tcg *t, const struct block *b)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t next = (translator_linear(cpu) | 4095) + 1;
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;

    next = cpu->code64 ? next : (uint32_t)next;
    return tlb_exec_host(cpu, bank, next) == b->host2 ||
           (mmu_fetch_host(cpu, next) && tlb_exec_host(cpu, bank, next) == b->host2);
}

/* Page tables may have changed since: is what the entry says still true? */
static bool still_there(struct x86_cpu *cpu, const struct jump_entry *j)
{
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;

    return !j->block->host2 && tlb_exec_host(cpu, bank, j->linear) == j->block->host;
}

/* The block knows the entry, as long as there is one, so that it can be taken out. */
static void enter_jump(struct tcg *t, struct jump_entry *j, struct block *b)
{
    uint16_t n = (uint16_t)(j - t->jump);

    j->block = b;
    b->in_jumps |= b->jump != n && b->jump != JUMP_CACHE_SIZE;
    b->jump = n;
}

struct block *block_find(struct tcg *t)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t rip = cpu->regs[R_RIP];
    uint64_t linear = cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
    unsigned mode = cpu->exec_mode;
    struct jump_entry *j = &t->jump[(linear ^ linear >> 12) & (JUMP_CACHE_SIZE - 1)];

    if (G_UNLIKELY(j->linear != linear || j->mode != mode || !j->block || j->block->dead ||
                   (j->generation != cpu->tlb.generation && !still_there(cpu, j)) ||
                   !second_page_matches(cpu, j->block, linear))) {
        enter_jump(t, j, find_slow(t, linear));
        j->linear = linear;
        j->mode = mode;
    }
    j->generation = cpu->tlb.generation;
    return j->block;
}

/* Throwing away -------------------------------------------------------------------------------- */

/* All at once: nothing is unlinked, since nothing is left that it could be found by. */
void block_cache_flush(struct tcg *t)
{
    for (unsigned h = 0; h < t->hash_size; h++) {
        struct block *next;

        for (struct block *b = t->hash[h]; b; b = next) {
            next = b->hash_next;
            trace_retire(t, b);
            block_retire(t, b);
        }
        t->hash[h] = NULL;
    }
    remove_all_pages(t);
    t->n_invalidated += t->blocks;
    t->blocks = t->insns = t->swept = 0;
    t->cpu->stop_block = true;
    t->n_flushed++;
    if (t->backend) {
        translator_reset(t);
    }
}

/* Blocks that were not worth translating: what a kernel ran once to start, most of them. */
static void sweep_cold(struct tcg *t)
{
    for (unsigned h = 0; h < t->hash_size; h++) {
        struct block *next;

        for (struct block *b = t->hash[h]; b; b = next) {
            next = b->hash_next;
            if (!b->code && !b->uses) {
                block_kill(t, b);
                t->n_swept++;
            }
        }
    }
    t->swept = t->insns;
}

static void free_codes(struct code *c)
{
    while (c) {
        struct code *next = c->next;

        g_free(c);
        c = next;
    }
}

static void free_block(struct tcg *t, struct block *b)
{
    if (t->n_spare == SPARE_MAX) {
        g_free(b);
        return;
    }
    b->hash_next = t->spare[b->n];
    t->spare[b->n] = b;
    t->n_spare++;
}

static void free_spare(struct tcg *t)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(t->spare); n++) {
        while (t->spare[n]) {
            struct block *b = t->spare[n];

            t->spare[n] = b->hash_next;
            g_free(b);
        }
    }
    t->n_spare = 0;
}

/* What was looked up by linear address is forgotten before what it leads to is freed. */
static void free_retired(struct tcg *t)
{
    bool all = false;

    t->cpu->tlb.generation++; /* for what blocks remember */
    for (const struct block *b = t->retired; b && !all; b = b->hash_next) {
        all = b->in_jumps;
    }
    if (all) {
        memset(t->jump, 0, sizeof(t->jump));
    }
    while (t->retired) {
        struct block *b = t->retired;

        if (b->jump < JUMP_CACHE_SIZE && t->jump[b->jump].block == b) {
            t->jump[b->jump].block = NULL;
        }
        t->retired = b->hash_next;
        free_codes(b->code);
        free_codes(b->dead_code);
        g_free(b->path);
        b->path = NULL;
        free_block(t, b);
    }
    t->n_retired = 0;
}

/* Memory that a busy phase left behind goes back to the host, not too often. */
void block_cache_idle(struct tcg *t)
{
    int64_t now;

    if (!t->backend || t->insns < t->swept + COLD_SWEEP_INSNS) {
        return;
    }
    now = g_get_monotonic_time();
    if (now < t->next_sweep) {
        return;
    }
    t->next_sweep = now + SWEEP_INTERVAL;
    sweep_cold(t);
    free_retired(t);
    free_spare(t);
    malloc_trim(0);
    translator_idle(t);
}

void block_cache_collect(struct tcg *t)
{
    if (G_UNLIKELY(t->give_up)) {
        give_up_page(t);
    }
    if (atomic_load_explicit(&t->cpu->pending, memory_order_acquire) & PENDING_CODE) {
        take_queue(t);
    }
    if (t->insns > BLOCK_CACHE_INSNS) {
        sweep_cold(t);
        if (t->insns > BLOCK_CACHE_INSNS / 2) {
            block_cache_flush(t);
        }
    }
    t->running = NULL;
    if (t->n_retired > RETIRED_MAX) {
        free_retired(t);
    }
}

/* Life ------------------------------------------------------------------------------------------ */

/* The memory map changed: nothing that the soft TLB holds can be trusted. */
static void map_changed(struct mem_listener *l, struct address_space *as)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, map_listener));

    (void)as;
    cpu_flush_later(t->cpu);
}

static void smm_map_changed(struct mem_listener *l, struct address_space *as)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, smm_map_listener));

    map_changed(&t->map_listener, as);
}

/* Write tags let stores pass without setting dirty flags again: they go. */
static void dirty_cleared(struct dirty_listener *l, struct ram_block *ram, uint64_t offset,
                          uint64_t len)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, dirty_listener));

    tlb_revoke_writes(t->cpu, (uintptr_t)ram->host + offset, len);
}

void block_cache_init(struct tcg *t, struct x86_cpu *cpu)
{
    t->cpu = cpu;
    t->hash_size = BLOCK_HASH_FIRST;
    t->hash = g_new0(struct block *, t->hash_size);
    t->pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    t->queue = g_array_new(FALSE, FALSE, sizeof(struct invalidation));
    pthread_mutex_init(&t->mutex, NULL);
    t->watch.written = code_written;
    code_watch_add(cpu->vcpu.machine, &t->watch);
    t->map_listener.changed = map_changed;
    t->smm_map_listener.changed = smm_map_changed;
    address_space_add_listener(&cpu->vcpu.machine->memory, &t->map_listener);
    address_space_add_listener(&cpu->vcpu.machine->smm_memory, &t->smm_map_listener);
    t->dirty_listener.cleared = dirty_cleared;
    dirty_listener_add(cpu->vcpu.machine, &t->dirty_listener);
}

/* Nothing calls a cache that is gone. */
static void stop_listening(struct tcg *t)
{
    struct machine *m = t->cpu->vcpu.machine;
    struct code_watch **w = &m->code_watches;

    while (*w && *w != &t->watch) {
        w = &(*w)->next;
    }
    if (*w) {
        *w = t->watch.next;
    }
    address_space_del_listener(&m->memory, &t->map_listener);
    address_space_del_listener(&m->smm_memory, &t->smm_map_listener);
}

void block_cache_destroy(struct tcg *t)
{
    stop_listening(t);
    dirty_listener_del(t->cpu->vcpu.machine, &t->dirty_listener);
    block_cache_flush(t);
    free_retired(t);
    free_spare(t);
    g_free(t->hash);
    g_hash_table_destroy(t->pages);
    g_array_free(t->queue, TRUE);
    pthread_mutex_destroy(&t->mutex);
}
