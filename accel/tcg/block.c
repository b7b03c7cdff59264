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
#include "accel/tcg/block.h"
#include <inttypes.h>
#include "accel/tcg/translator.h"
#include "target/i386/mem.h"
#include "util/log.h"

static unsigned block_hash(const uint8_t *host)
{
    uint64_t h = (uintptr_t)host;

    return (unsigned)((h * 0x9e3779b97f4a7c15ull) >> 49) & (BLOCK_HASH_SIZE - 1);
}

/* Pages ----------------------------------------------------------------------------------------- */

static unsigned page_hash(const uint8_t *page)
{
    return (unsigned)(((uintptr_t)page >> GUEST_PAGE_BITS) * 0x9e3779b97f4a7c15ull >> 40);
}

static _Atomic uint16_t *page_filter(struct tcg *t, const uint8_t *page)
{
    return &t->filter[page_hash(page) & (PAGE_FILTER_SIZE - 1)];
}

/* A full barrier stands between counting the page and reading a byte of it. */
static struct code_page *add_page(struct tcg *t, const uint8_t *host, struct ram_block *ram,
                                  uint64_t ram_page)
{
    struct code_page *p = g_new0(struct code_page, 1);

    p->host = host;
    p->ram = ram;
    p->ram_page = ram_page;
    g_hash_table_insert(t->pages, (gpointer)host, p);
    atomic_fetch_add(page_filter(t, host), 1);
    return p;
}

static void remove_page(struct tcg *t, const uint8_t *host)
{
    atomic_fetch_sub(page_filter(t, host), 1);
    g_hash_table_remove(t->pages, host);
}

/* Invalidation ---------------------------------------------------------------------------------- */

static void unlink_from_page(struct tcg *t, struct block *b, const uint8_t *page, int side)
{
    struct code_page *p = g_hash_table_lookup(t->pages, page);
    struct block **link;

    if (!p) {
        return;
    }
    link = &p->first;
    while (*link && *link != b) {
        link = &(*link)->page_next[host_page((*link)->host) == page ? 0 : 1];
    }
    if (*link) {
        *link = b->page_next[side];
    }
    if (!p->first) {
        /* With several caches another may still hold code of the page: see give_up_page. */
        if (t->cpu->vcpu.machine->n_vcpus == 1) {
            __atomic_and_fetch(&p->ram->page_flags[p->ram_page], (uint8_t)~RAM_PAGE_CODE,
                               __ATOMIC_SEQ_CST);
        }
        remove_page(t, page);
    }
}

static void block_kill(struct tcg *t, struct block *b)
{
    struct block **link = &t->hash[block_hash(b->host)];

    while (*link && *link != b) {
        link = &(*link)->hash_next;
    }
    if (*link) {
        *link = b->hash_next;
    }
    unlink_from_page(t, b, host_page(b->host), 0);
    if (b->host2) {
        unlink_from_page(t, b, host_page(b->host2), 1);
    }
    if (b->code) {
        translator_forget(t, b);
    }
    b->dead = true;
    b->hash_next = t->retired;
    t->retired = b;
    t->insns -= b->n;
    t->n_invalidated++;
    t->cpu->tlb.generation++;
    t->cpu->stop_block = true;
}

static bool overlaps(const struct block *b, const uint8_t *first, const uint8_t *last)
{
    unsigned head = b->host2 ? 4096 - (unsigned)((uintptr_t)b->host & 4095) : b->bytes;

    if (b->host <= last && b->host + head > first) {
        return true;
    }
    if (b->host2 && b->host2 <= last && b->host2 + (b->bytes - head) > first) {
        return true;
    }
    return host_page(b->host) + b->peek_low <= last && host_page(b->host) + b->peek_high > first;
}

static void invalidate(struct tcg *t, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    const uint8_t *first = ram->host + offset, *last = first + len - 1, *page;

    for (page = host_page(first); page <= last; page += 4096) {
        struct code_page *p = g_hash_table_lookup(t->pages, page);
        struct block *b = p ? p->first : NULL;

        while (b) {
            struct block *next = b->page_next[host_page(b->host) == page ? 0 : 1];

            if (overlaps(b, first, last)) {
                block_kill(t, b);
            }
            b = next;
        }
    }
}

/* A store of this vCPU met a page with code.  Many of them: better without the code. */
static void count_store(struct tcg *t, struct ram_block *ram, uint64_t offset)
{
    const uint8_t *page = host_page(ram->host + offset);
    struct hot_page *h = &t->hot[page_hash(page) & (HOT_PAGES - 1)];

    if (h->host != page) {
        *h = (struct hot_page){ .host = page, .limit = HOT_FIRST_LIMIT };
    }
    if (++h->stores < h->limit) {
        return;
    }
    h->stores = 0;
    h->limit = MIN(h->limit * 4, HOT_LAST_LIMIT); /* code and data share it: not so soon again */
    t->give_up = true;
    t->give_up_ram = ram;
    t->give_up_page = offset >> GUEST_PAGE_BITS;
    t->cpu->stop_block = true;
}

/* Within one page: ram_written calls it page by page. */
static void code_written(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    struct tcg *t = (struct tcg *)((char *)w - offsetof(struct tcg, watch));
    struct invalidation inv = { ram, offset, len };

    if (!len) {
        return;
    }
    if (vcpu_current() == &t->cpu->vcpu) {
        invalidate(t, ram, offset, len);
        if (t->cpu->vcpu.machine->n_vcpus > 1) {
            count_store(t, ram, offset);
        }
        return;
    }
    if (!atomic_load(page_filter(t, host_page(ram->host + offset)))) {
        return;
    }
    pthread_mutex_lock(&t->mutex);
    if (t->queue->len < CODE_QUEUE_MAX) {
        g_array_append_val(t->queue, inv);
    } else {
        t->queue_spilt = true;
    }
    pthread_mutex_unlock(&t->mutex);
    atomic_fetch_or(&t->cpu->pending, PENDING_CODE);
    vcpu_poke(&t->cpu->vcpu);
}

void block_cache_flush(struct tcg *t)
{
    GHashTableIter iter;
    gpointer host;

    for (unsigned h = 0; h < BLOCK_HASH_SIZE; h++) {
        while (t->hash[h]) {
            block_kill(t, t->hash[h]);
        }
    }
    /* What is left was claimed, and then decoding faulted. */
    g_hash_table_iter_init(&iter, t->pages);
    while (g_hash_table_iter_next(&iter, &host, NULL)) {
        atomic_fetch_sub(page_filter(t, host), 1);
        g_hash_table_iter_remove(&iter);
    }
    t->n_flushed++;
    if (t->backend) {
        translator_reset(t);
    }
}

/* What other threads asked for.  On the vCPU's thread, between blocks. */
static void take_queue(struct tcg *t)
{
    bool spilt;

    cpu_clear_pending(t->cpu, PENDING_CODE); /* before the look at the queue */
    pthread_mutex_lock(&t->mutex);
    for (unsigned k = 0; k < t->queue->len; k++) {
        const struct invalidation *inv = &g_array_index(t->queue, struct invalidation, k);

        invalidate(t, inv->ram, inv->offset, inv->len);
    }
    g_array_set_size(t->queue, 0);
    spilt = t->queue_spilt;
    t->queue_spilt = false;
    pthread_mutex_unlock(&t->mutex);
    if (spilt) {
        block_cache_flush(t);
    }
}

/* After a wait for the lock: the memory map and any code may be others now. */
static void take_changes(struct tcg *t)
{
    if (atomic_load(&t->cpu->pending) & PENDING_FLUSH) {
        cpu_clear_pending(t->cpu, PENDING_FLUSH);
        tlb_flush(t->cpu);
    }
    take_queue(t);
}

/* A page that was claimed, and then decoding faulted. */
static void forget_page(struct tcg *t, const uint8_t *host)
{
    if (g_hash_table_contains(t->pages, host)) {
        remove_page(t, host);
    }
}

/* Takes a page out of every vCPU's cache, so that stores to it are quick again. */
static void give_up_page(struct tcg *t)
{
    struct machine *m = t->cpu->vcpu.machine;
    struct ram_block *ram = t->give_up_ram;
    uint64_t page = t->give_up_page;

    t->give_up = false;
    machine_lock(m);
    vcpu_exclusive_begin(m);
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        struct tcg *other = x86_cpu_of(m->vcpus[k])->engine;

        if (other) {
            invalidate(other, ram, page << GUEST_PAGE_BITS, GUEST_PAGE_SIZE);
            forget_page(other, ram->host + (page << GUEST_PAGE_BITS));
        }
    }
    __atomic_and_fetch(&ram->page_flags[page], (uint8_t)~RAM_PAGE_CODE, __ATOMIC_SEQ_CST);
    vcpu_exclusive_end(m);
    machine_unlock(m);
    t->n_given_up++;
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
        block_cache_flush(t);
    }
    t->running = NULL;
    while (t->retired) {
        struct block *b = t->retired;

        t->retired = b->hash_next;
        while (b->dead_code) {
            struct code *c = b->dead_code;

            b->dead_code = c->next;
            g_free(c);
        }
        g_free(b);
    }
}

/* Decoding -------------------------------------------------------------------------------------- */

/* Nobody stores to the page unseen from now on. */
static void flag_page(struct tcg *t, struct ram_block *ram, uint64_t page)
{
    uint64_t host = (uintptr_t)ram->host + (page << GUEST_PAGE_BITS);
    struct machine *m = t->cpu->vcpu.machine;

    __atomic_or_fetch(&ram->page_flags[page], RAM_PAGE_CODE, __ATOMIC_SEQ_CST);
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        struct x86_cpu *cpu = x86_cpu_of(m->vcpus[k]);

        tlb_revoke_write(cpu, host);
        cpu->stop_block = true; /* translated code may know the page by an earlier check */
    }
    t->n_claimed++;
}

/*
 * Before a byte of the page at this offset is decoded.  NULL: the machine lock was waited for, and
 * whatever was looked up before is to be looked up again.
 */
static struct code_page *claim_page(struct tcg *t, struct ram_block *ram, uint64_t offset)
{
    const uint8_t *host = host_page(ram->host + offset);
    struct code_page *p = g_hash_table_lookup(t->pages, host);
    struct machine *m = t->cpu->vcpu.machine;
    uint64_t page = offset >> GUEST_PAGE_BITS;

    if (p) {
        return p;
    }
    if (m->n_vcpus == 1) {
        flag_page(t, ram, page);
    } else if (!(__atomic_load_n(&ram->page_flags[page], __ATOMIC_ACQUIRE) & RAM_PAGE_CODE)) {
        machine_lock(m);
        vcpu_exclusive_begin(m);
        flag_page(t, ram, page);
        vcpu_exclusive_end(m);
        machine_unlock(m);
        take_changes(t);
        return NULL;
    }
    return add_page(t, host, ram, page);
}

static void link_block(struct tcg *t, struct block *b, struct code_page *p, struct code_page *p2)
{
    unsigned h = block_hash(b->host);
    uint32_t last = b->insn[b->n - 1].row->flags;

    /* Near branches end a block, too, and have ROW_F64. */
    b->system = (last & ROW_ENDS) && !(last & ROW_F64);

    b->hash_next = t->hash[h];
    t->hash[h] = b;
    b->page_next[0] = p->first;
    p->first = b;
    if (p2) {
        b->page_next[1] = p2->first;
        p2->first = b;
    }
    b->peek_low = 4096;
    t->insns += b->n;
    t->n_decoded++;
}

static void log_block(const struct block *b, uint64_t rip)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned k = 0; k < b->n; k++) {
        g_string_append_printf(text, "0x%08" PRIx64 ":  ", rip);
        insn_print(&b->insn[k], rip, text);
        g_string_append_c(text, '\n');
        rip += b->insn[k].len;
    }
    log_write("----------------\nIN:\n%s", text->str);
}

/*
 * One instruction whose bytes lie on two pages, or outside RAM: a block of its own.  ram and offset:
 * where the first byte is.  NULL: a page had to be claimed: begin again.
 */
static struct block *decode_split(struct tcg *t, struct ram_block *ram, uint64_t offset,
                                  unsigned room, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    uint8_t bytes[16] = { 0 };
    struct block *b;
    struct code_page *p, *p2 = NULL;
    const uint8_t *tail, *head = ram->host + offset;
    struct ram_block *ram2;
    uint64_t phys, off;

    tail =
        mmu_fetch(cpu, cpu->code64 ? linear + room : (uint32_t)(linear + room), &phys, &ram2, &off);
    if (tail && !(p2 = claim_page(t, ram2, off))) {
        return NULL;
    }
    p = claim_page(t, ram, offset); /* again: the look-ups may have waited for the lock */
    if (!p) {
        return NULL;
    }
    guest_ram_copy(bytes, head, room);
    if (tail) {
        guest_ram_copy(bytes + room, tail, 15 - room);
    } else {
        address_space_read(&cpu->vcpu.machine->memory, phys, bytes + room, 15 - room);
    }
    b = g_malloc0(sizeof(*b) + sizeof(struct insn));
    insn_decode(cpu, bytes, 15, &b->insn[0]);
    b->n = 1;
    b->bytes = b->insn[0].len;
    b->host = head;
    b->code_size = cpu->code_size;
    if (!tail) {
        b->system = true;
        b->dead = true; /* never cached: the second page is not RAM */
        b->hash_next = t->retired;
        t->retired = b;
        return b;
    }
    b->host2 = tail;
    link_block(t, b, p, p2);
    return b;
}

/* Code outside RAM: read through the bus, one instruction at a time, never cached. */
static struct block *decode_mmio(struct tcg *t, uint64_t phys)
{
    struct x86_cpu *cpu = t->cpu;
    uint8_t bytes[15];
    struct block *b = g_malloc0(sizeof(*b) + sizeof(struct insn));

    address_space_read(&cpu->vcpu.machine->memory, phys, bytes, sizeof(bytes));
    insn_decode(cpu, bytes, sizeof(bytes), &b->insn[0]);
    b->n = 1;
    b->bytes = b->insn[0].len;
    b->system = true;
    b->dead = true;
    b->hash_next = t->retired;
    t->retired = b;
    return b;
}

/* NULL: a page had to be claimed: begin again. */
static struct block *try_decode(struct tcg *t, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    struct ram_block *ram;
    struct insn insn[BLOCK_MAX_INSNS];
    uint8_t bytes[15 * BLOCK_MAX_INSNS];
    uint64_t phys, off;
    const uint8_t *host = mmu_fetch(cpu, linear, &phys, &ram, &off);
    unsigned room = 4096 - (unsigned)(linear & 4095), pos = 0, n = 0;
    struct code_page *p;
    struct block *b;

    if (!host) {
        return decode_mmio(t, phys);
    }
    p = claim_page(t, ram, off);
    if (!p) {
        return NULL;
    }
    /* A copy: what is decoded does not change under the decoder. */
    guest_ram_copy(bytes, host, MIN(room, sizeof(bytes)));
    while (n < BLOCK_MAX_INSNS && pos < room) {
        enum decode_result r = insn_decode(cpu, bytes + pos, MIN(room - pos, 15), &insn[n]);

        if (r == DECODE_TRUNCATED) {
            if (n == 0) {
                return decode_split(t, ram, off, room, linear);
            }
            break;
        }
        pos += insn[n].len;
        if (insn[n].exec == insn[n].row->exec) {
            insn_specialise(&insn[n], cpu->code64);
        }
        if (insn[n++].row->flags & ROW_ENDS) {
            break;
        }
    }
    b = g_malloc0(sizeof(*b) + n * sizeof(struct insn));
    memcpy(b->insn, insn, n * sizeof(struct insn));
    b->host = host;
    b->n = (uint8_t)n;
    b->bytes = (uint16_t)pos;
    b->code_size = cpu->code_size;
    link_block(t, b, p, NULL);
    return b;
}

static struct block *decode_block(struct tcg *t, uint64_t linear)
{
    struct block *b;

    do {
        b = try_decode(t, linear);
    } while (!b);
    return b;
}

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
        for (b = t->hash[block_hash(host)]; b; b = b->hash_next) {
            if (b->host == host && b->code_size == cpu->code_size) {
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
        if (mmu_fetch_host(cpu, linear) && tlb_exec_host(cpu, bank, linear)) {
            return find_slow(t, linear);
        }
    }
    b = decode_block(t, linear);
    if (log_enabled(LOG_IN_ASM)) {
        log_block(b, cpu->regs[R_RIP]);
    }
    return b;
}

struct block *block_find(struct tcg *t)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t rip = cpu->regs[R_RIP];
    uint64_t linear = cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
    unsigned mode = cpu->exec_mode;
    struct jump_entry *j = &t->jump[(linear ^ linear >> 12) & (JUMP_CACHE_SIZE - 1)];

    if (G_LIKELY(j->linear == linear && j->generation == cpu->tlb.generation && j->mode == mode)) {
        return j->block;
    }
    j->block = find_slow(t, linear);
    j->linear = linear;
    j->mode = mode;
    j->generation = j->block->dead ? cpu->tlb.generation - 1 : cpu->tlb.generation;
    return j->block;
}

/* Life ------------------------------------------------------------------------------------------ */

/* The memory map changed: nothing that the soft TLB holds can be trusted. */
static void map_changed(struct mem_listener *l, struct address_space *as)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, map_listener));

    (void)as;
    cpu_flush_later(t->cpu);
}

/* Write tags let stores pass without setting dirty flags again: they go. */
static void dirty_cleared(struct dirty_listener *l, struct ram_block *ram, uint64_t offset,
                          uint64_t len)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, dirty_listener));
    struct tlb *tlb = &t->cpu->tlb;
    uint64_t first = (uintptr_t)ram->host + offset;

    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned k = 0; k < tlb->fills[b]; k++) {
            struct tlb_entry *e = &tlb->entry[b][tlb->fill_log[b][k]];

            if (e->addend + e->write_tag - first < len) {
                e->write_tag = TLB_NO_TAG(tlb->fill_log[b][k]);
            }
        }
    }
}

void block_cache_init(struct tcg *t, struct x86_cpu *cpu)
{
    t->cpu = cpu;
    t->pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    t->queue = g_array_new(FALSE, FALSE, sizeof(struct invalidation));
    pthread_mutex_init(&t->mutex, NULL);
    t->watch.written = code_written;
    code_watch_add(cpu->vcpu.machine, &t->watch);
    t->map_listener.changed = map_changed;
    address_space_add_listener(&cpu->vcpu.machine->memory, &t->map_listener);
    t->dirty_listener.cleared = dirty_cleared;
    dirty_listener_add(cpu->vcpu.machine, &t->dirty_listener);
}

/* Nothing calls a cache that is gone. */
static void stop_listening(struct tcg *t)
{
    struct machine *m = t->cpu->vcpu.machine;
    struct code_watch **w = &m->code_watches;
    struct mem_listener **l = &m->memory.listeners;

    while (*w && *w != &t->watch) {
        w = &(*w)->next;
    }
    if (*w) {
        *w = t->watch.next;
    }
    while (*l && *l != &t->map_listener) {
        l = &(*l)->next;
    }
    if (*l) {
        *l = t->map_listener.next;
    }
}

void block_cache_destroy(struct tcg *t)
{
    stop_listening(t);
    dirty_listener_del(t->cpu->vcpu.machine, &t->dirty_listener);
    block_cache_flush(t);
    block_cache_collect(t);
    g_hash_table_destroy(t->pages);
    g_array_free(t->queue, TRUE);
    pthread_mutex_destroy(&t->mutex);
}
