/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block_invalidate.c: pages that hold code, and how stores take blocks away; block.c says why
 * that is enough.  Thread: the vCPU's own, but for code_written.
 */
#include "accel/tcg/block_int.h"
#include "accel/tcg/trace.h"
#include "accel/tcg/translator.h"

#define LINE_BITS 6
/*
 * So many instructions are decoded in the time of a slow store, and so many such stores cost as much as to
 * translate one; what a store counts that meets code, so that blocks of its page will not last; and
 * stores that every page takes, but one that was given up again and again with nothing translated.
 */
#define STORE_INSNS      2
#define STORE_TRANSLATED 8
#define KILL_WEIGHT      8
#define STORES_MIN       8
#define PATIENCE_MAX     8

static unsigned page_hash(const uint8_t *page)
{
    return (unsigned)(((uintptr_t)page >> GUEST_PAGE_BITS) * 0x9e3779b97f4a7c15ull >> 40);
}

static _Atomic uint16_t *page_filter(struct tcg *t, const uint8_t *page)
{
    return &t->filter[page_hash(page) & (PAGE_FILTER_SIZE - 1)];
}

static struct impatience *impatience_of(struct tcg *t, const uint8_t *page)
{
    return &t->impatience[page_hash(page) & (RECENT_PAGES - 1)];
}

/* A full barrier stands between counting the page and reading a byte of it. */
struct code_page *add_page(struct tcg *t, const uint8_t *host, struct ram_block *ram,
                           uint64_t ram_page)
{
    struct code_page *p = g_new0(struct code_page, 1);

    p->host = host;
    p->ram = ram;
    p->ram_page = ram_page;
    if (impatience_of(t, host)->host == host) {
        p->impatience = impatience_of(t, host)->times;
    }
    g_hash_table_insert(t->pages, (gpointer)host, p);
    atomic_fetch_add(page_filter(t, host), 1);
    return p;
}

struct code_page *find_page(struct tcg *t, const uint8_t *host)
{
    struct code_page **recent = &t->recent[page_hash(host) & (RECENT_PAGES - 1)];

    if (!*recent || (*recent)->host != host) {
        *recent = g_hash_table_lookup(t->pages, host);
    }
    return *recent;
}

/* Bits of the lines that hold bytes [low, high) of a page. */
static uint64_t line_bits(unsigned low, unsigned high)
{
    unsigned first = low >> LINE_BITS, last = (high - 1) >> LINE_BITS;

    return UINT64_MAX << first & UINT64_MAX >> (63 - last);
}

/* The bytes of a block on one of its pages: [*low, *high). */
static void bytes_on_page(const struct block *b, unsigned side, unsigned *low, unsigned *high)
{
    unsigned offset = (unsigned)((uintptr_t)b->host & 4095);

    *low = side == 0 ? offset : 0;
    *high = side != 0 ? offset + b->bytes - 4096 : MIN(offset + b->bytes, 4096);
}

static uint64_t block_lines(const struct block *b, unsigned side)
{
    unsigned low, high;

    bytes_on_page(b, side, &low, &high);
    return line_bits(low, high);
}

static uint64_t block_peek_lines(const struct block *b, unsigned side)
{
    return side == 0 && b->peek_low < b->peek_high ? line_bits(b->peek_low, b->peek_high) : 0;
}

static unsigned list_of(unsigned offset)
{
    return offset / (GUEST_PAGE_SIZE / PAGE_LISTS);
}

void link_to_page(struct block *b, struct code_page *p, unsigned side)
{
    struct block **first =
        &p->first[side == 0 ? list_of((unsigned)((uintptr_t)b->host & 4095)) : 0];

    b->page_next[side] = *first;
    b->page_link[side] = first;
    if (*first) {
        (*first)->page_link[page_side(*first, p->host)] = &b->page_next[side];
    }
    *first = b;
    p->blocks++;
    p->longest = MAX(p->longest, b->bytes);
    p->lines |= block_lines(b, side);
    p->insns += b->n;
}

void block_translated(struct tcg *t, struct block *b, unsigned low, unsigned high)
{
    struct code_page *p = find_page(t, host_page(b->host));

    p->translated += b->n;
    b = b->path ? b->path->use[0].block : b;
    b->peek_low = (uint16_t)MIN(b->peek_low, low);
    b->peek_high = (uint16_t)MAX(b->peek_high, high);
    p->peek_lines |= block_peek_lines(b, 0);
}

/* With several caches another may still hold code of the page: see give_up_page. */
static void unclaim(struct tcg *t, const struct code_page *p)
{
    if (t->cpu->vcpu.machine->n_vcpus == 1) {
        __atomic_and_fetch(&p->ram->page_flags[p->ram_page], (uint8_t)~RAM_PAGE_CODE,
                           __ATOMIC_SEQ_CST);
    }
}

static void remove_page(struct tcg *t, const uint8_t *host)
{
    atomic_fetch_sub(page_filter(t, host), 1);
    t->recent[page_hash(host) & (RECENT_PAGES - 1)] = NULL;
    g_hash_table_remove(t->pages, host);
}

void remove_all_pages(struct tcg *t)
{
    GHashTableIter iter;
    gpointer host, page;

    g_hash_table_iter_init(&iter, t->pages);
    while (g_hash_table_iter_next(&iter, &host, &page)) {
        unclaim(t, page);
        atomic_fetch_sub(page_filter(t, host), 1);
        g_hash_table_iter_remove(&iter);
    }
    memset(t->recent, 0, sizeof(t->recent));
}

/* Invalidation ---------------------------------------------------------------------------------- */

static void unlink_from_page(struct tcg *t, struct block *b, const uint8_t *page, unsigned side)
{
    struct block *next = b->page_next[side];
    struct code_page *p;

    *b->page_link[side] = next;
    if (next) {
        next->page_link[page_side(next, page)] = b->page_link[side];
    }
    p = find_page(t, page);
    if (--p->blocks == 0) {
        unclaim(t, p);
        remove_page(t, page);
    }
}

void block_retire(struct tcg *t, struct block *b)
{
    b->dead = true;
    b->hash_next = t->retired;
    t->retired = b;
    t->n_retired++;
}

void block_kill(struct tcg *t, struct block *b)
{
    struct block **link = hash_bucket(t, b->host);

    trace_kill_uses(t, b);
    while (*link != b) {
        link = &(*link)->hash_next;
    }
    *link = b->hash_next;
    unlink_from_page(t, b, host_page(b->host), 0);
    if (b->host2) {
        unlink_from_page(t, b, host_page(b->host2), 1);
    }
    if (b->code) {
        translator_forget(t, b);
    }
    block_retire(t, b);
    t->blocks--;
    t->insns -= b->n;
    t->n_invalidated++;
    t->cpu->stop_block = true;
}

static bool overlaps(const struct block *b, const uint8_t *first, const uint8_t *last)
{
    unsigned head = b->host2 ? 4096 - (unsigned)((uintptr_t)b->host & 4095) : b->bytes;

    if (b->host <= last && b->host + head > first && !block_takes_store(b, first, last)) {
        return true;
    }
    if (b->host2 && b->host2 <= last && b->host2 + (b->bytes - head) > first) {
        return true;
    }
    return host_page(b->host) + b->peek_low <= last && host_page(b->host) + b->peek_high > first;
}

/* What a store met, and what it counts when a page is weighed. */
enum met { MET_LOOSE = 0, MET_NOTHING = 1, MET_CODE = KILL_WEIGHT };

/* Of a walk through blocks of a page. */
struct walk {
    unsigned low, high;         /* the bytes that change */
    uint64_t lines, peek_lines; /* of what stays */
    enum met met;
    bool gone; /* the page, with its last block */
};

static void invalidate_list(struct tcg *t, struct code_page *p, struct block *b, struct walk *w)
{
    const uint8_t *page = p->host, *first = page + w->low, *last = page + w->high - 1;

    while (b && !w->gone) {
        unsigned side = page_side(b, page);
        struct block *next = b->page_next[side];

        if (overlaps(b, first, last)) {
            w->gone = p->blocks == 1;
            w->met = MET_CODE;
            block_note_patch(t, b, first, last);
            block_kill(t, b);
        } else {
            w->lines |= block_lines(b, side);
            w->peek_lines |= block_peek_lines(b, side);
            if (w->met == MET_NOTHING && block_takes_store(b, first, last)) {
                w->met = MET_LOOSE;
            }
        }
        b = next;
    }
}

/* Blocks of one page that bytes [low, high) of it belong to go. */
static enum met invalidate_on_page(struct tcg *t, const uint8_t *page, unsigned low, unsigned high)
{
    struct code_page *p = find_page(t, page);
    struct walk w = { .low = low, .high = high, .met = MET_NOTHING };
    uint64_t lines = line_bits(low, high);
    unsigned line = low & ~((1u << LINE_BITS) - 1), from, to;

    if (!p || !((p->lines | p->peek_lines) & lines)) {
        return MET_NOTHING;
    }
    if (p->peek_lines & lines) {
        from = 0;
        to = PAGE_LISTS - 1;
    } else { /* only what reaches into those lines */
        from = line < p->longest ? 0 : list_of(line - p->longest);
        to = list_of((high - 1) | ((1u << LINE_BITS) - 1));
    }
    for (unsigned k = from; k <= to && !w.gone; k++) {
        invalidate_list(t, p, p->first[k], &w);
    }
    if (!w.gone) {
        p->lines = (p->lines & ~lines) | (w.lines & lines);
        p->peek_lines = from == 0 && to == PAGE_LISTS - 1 ? w.peek_lines : p->peek_lines;
    }
    return w.met;
}

static enum met invalidate(struct tcg *t, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    const uint8_t *first = ram->host + offset, *last = first + len - 1, *page;
    enum met met = MET_LOOSE;

    for (page = host_page(first); page <= last; page += GUEST_PAGE_SIZE) {
        unsigned low = page < first ? (unsigned)(first - page) : 0;
        unsigned high = (unsigned)MIN(last - page + 1, GUEST_PAGE_SIZE);
        enum met here = invalidate_on_page(t, page, low, high);

        met = MAX(met, here);
    }
    return met;
}

/* A page that was claimed, and then decoding faulted. */
static void forget_page(struct tcg *t, const uint8_t *host)
{
    const struct code_page *p = find_page(t, host);

    if (p) {
        unclaim(t, p);
        remove_page(t, host);
    }
}

/*
 * With one cache a page is given up at once, when stores to it have cost as much as to decode and
 * translate anew what it holds.
 */
static void weigh_store(struct tcg *t, struct ram_block *ram, uint64_t offset, enum met met)
{
    const uint8_t *page = host_page(ram->host + offset);
    struct code_page *p = find_page(t, page);

    if (!p) {
        return;
    }
    p->stores += met;
    if (p->stores < (MAX(p->insns / STORE_INSNS, STORES_MIN) >> p->impatience) +
                        p->translated * STORE_TRANSLATED) {
        return;
    }
    *impatience_of(t, page) =
        (struct impatience){ page,
                             p->translated ? 0 : (uint8_t)MIN(p->impatience + 1, PATIENCE_MAX) };
    t->n_given_up++;
    invalidate(t, ram, offset & GUEST_PAGE_MASK, GUEST_PAGE_SIZE);
    forget_page(t, page);
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
void code_written(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    struct tcg *t = (struct tcg *)((char *)w - offsetof(struct tcg, watch));
    struct invalidation inv = { ram, offset, len };

    if (!len) {
        return;
    }
    if (vcpu_current() == &t->cpu->vcpu) {
        enum met met = invalidate(t, ram, offset, len);

        if (met == MET_LOOSE) {
            return;
        }
        if (t->cpu->vcpu.machine->n_vcpus > 1) {
            count_store(t, ram, offset);
        } else {
            weigh_store(t, ram, offset, met);
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

void take_queue(struct tcg *t)
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

/* Takes a page out of every vCPU's cache, so that stores to it are quick again. */
void give_up_page(struct tcg *t)
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
