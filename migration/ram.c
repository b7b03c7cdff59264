/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/ram.c: see ram.h, also for the thread. */
#include "migration/ram.h"
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include "migration/ram_pack.h"
#include "softmmu/guest_ram.h"
#include "util/error.h"

#define RAM_ZERO    (1u << 31)
#define RUN_BYTES   12u
#define PER_SECTION (1u << 20) /* bytes of pages in one section */

static gint by_name(gconstpointer a, gconstpointer b)
{
    const struct ram_block *x = *(struct ram_block *const *)a, *y = *(struct ram_block *const *)b;
    int order = strcmp(x->name, y->name);

    return order ? order : x->size < y->size ? -1 : x->size > y->size;
}

GPtrArray *ram_blocks_of(struct machine *m)
{
    GPtrArray *blocks = g_ptr_array_new();

    for (struct ram_block *b = m->ram_blocks; b; b = b->next) {
        if (!b->retired) {
            g_ptr_array_insert(blocks, 0, b); /* in the order of their making, within a name */
        }
    }
    g_ptr_array_sort(blocks, by_name);
    return blocks;
}

static void put(GByteArray *to, uint64_t v, unsigned size)
{
    v = GUINT64_TO_LE(v);
    g_byte_array_append(to, (const uint8_t *)&v, size);
}

static void put_list(const GPtrArray *blocks, GByteArray *to)
{
    put(to, blocks->len, 4);
    for (unsigned i = 0; i < blocks->len; i++) {
        const struct ram_block *b = g_ptr_array_index(blocks, i);
        size_t len = MIN(strlen(b->name), 255);

        put(to, len, 1);
        g_byte_array_append(to, (const uint8_t *)b->name, (guint)len);
        put(to, b->size, 8);
    }
}

bool ram_save_list(const GPtrArray *blocks, struct stream_out *out, GError **error)
{
    g_autoptr(GByteArray) list = g_byte_array_new();

    put_list(blocks, list);
    return stream_put(out, "blocks", 0, 1, list->data, list->len, error);
}

GUEST_RACES bool ram_page_is_zero(const uint8_t *page)
{
    uint64_t any = 0, word;

    for (unsigned i = 0; i < GUEST_PAGE_SIZE && !any; i += 64) {
        for (unsigned k = 0; k < 64; k += 8) {
            memcpy(&word, page + i + k, 8);
            any |= word;
        }
    }
    return !any;
}

GUEST_RACES void ram_copy_page(uint8_t *to, const uint8_t *page)
{
    for (unsigned i = 0; i < GUEST_PAGE_SIZE; i += 8) {
        guest_ram_store(to + i, guest_ram_load(page + i, 8), 8);
    }
}

/* Runs of pages alike, gathered into sections. */
struct gather {
    struct stream_out *out;
    unsigned block;
    GByteArray *data;
    guint run_at; /* of the run that may grow; only with run_pages > 0 */
    uint64_t run_next;
    uint32_t run_pages;
    bool run_zero;
};

static void close_run(struct gather *g)
{
    uint32_t n = GUINT32_TO_LE(g->run_pages | (g->run_zero ? RAM_ZERO : 0));

    if (g->run_pages) {
        memcpy(g->data->data + g->run_at + 8, &n, 4);
        g->run_pages = 0;
    }
}

static bool flush(struct gather *g, GError **error)
{
    bool ok = true;

    close_run(g);
    if (g->data->len) {
        ok = ram_pack_put(g->out, g->block, g->data, error);
        g_byte_array_set_size(g->data, 0);
    }
    return ok;
}

/*
 * The page is copied before it is looked at: the guest may write to it, but what is looked at is then
 * what is sent.
 */
static bool add_page(struct gather *g, const struct ram_block *b, uint64_t page,
                     struct ram_progress *progress, GError **error)
{
    const uint8_t *host = b->host + (page << GUEST_PAGE_BITS);
    uint8_t copy[GUEST_PAGE_SIZE];
    bool zero = ram_page_is_zero(host);

    if (!zero) {
        ram_copy_page(copy, host);
    }
    if (g->run_pages == 0 || g->run_next != page || g->run_zero != zero ||
        g->run_pages == RAM_ZERO - 1) {
        close_run(g);
        g->run_at = g->data->len;
        g->run_zero = zero;
        put(g->data, page, 8);
        put(g->data, 0, 4);
    }
    if (!zero) {
        g_byte_array_append(g->data, copy, sizeof(copy));
    }
    g->run_pages++;
    g->run_next = page + 1;
    *(zero ? &progress->zero_pages : &progress->normal_pages) += 1;
    return g->data->len < PER_SECTION || flush(g, error);
}

bool ram_save_pages(struct stream_out *out, const GPtrArray *blocks, unsigned block, uint64_t first,
                    uint64_t n, const uint64_t *bitmap, struct ram_progress *progress,
                    GError **error)
{
    const struct ram_block *b = g_ptr_array_index(blocks, block);
    g_autoptr(GByteArray) data = g_byte_array_sized_new(PER_SECTION + 2 * GUEST_PAGE_SIZE);
    struct gather g = { .out = out, .block = block, .data = data };

    for (uint64_t i = 0; i < n; i++) {
        if (bitmap && !(bitmap[i / 64] >> i % 64 & 1)) {
            continue;
        }
        if (!add_page(&g, b, first + i, progress, error)) {
            return false;
        }
    }
    return flush(&g, error);
}

/* Loading --------------------------------------------------------------------------------------- */

bool ram_check_list(const GPtrArray *blocks, const struct section *s, GError **error)
{
    g_autoptr(GByteArray) own = g_byte_array_new();
    g_autoptr(GString) here = g_string_new(NULL);

    put_list(blocks, own);
    if (own->len == s->data->len && memcmp(own->data, s->data->data, own->len) == 0) {
        return true;
    }
    for (unsigned i = 0; i < blocks->len; i++) {
        const struct ram_block *b = g_ptr_array_index(blocks, i);

        g_string_append_printf(here, "%s%s (%" PRIu64 " KiB)", i ? ", " : "", b->name,
                               b->size >> 10);
    }
    set_error(error,
              "section 'blocks' 0: that machine has other memory, or other devices with memory, "
              "than this one: %s",
              here->str);
    return false;
}

static bool load_run(const struct ram_block *b, const struct section *s, guint *at, bool apply,
                     GError **error)
{
    uint64_t first, pages = b->size >> GUEST_PAGE_BITS;
    uint32_t n;
    bool zero;

    memcpy(&first, s->data->data + *at, 8);
    memcpy(&n, s->data->data + *at + 8, 4);
    first = GUINT64_FROM_LE(first);
    n = GUINT32_FROM_LE(n);
    zero = n & RAM_ZERO;
    n &= ~RAM_ZERO;
    *at += RUN_BYTES;
    if (first >= pages || n > pages - first) {
        set_error(error,
                  "section 'ram' %u: pages %" PRIu64
                  " and %u more are not in %s, which has %" PRIu64,
                  s->instance, first, n, b->name, pages);
        return false;
    }
    if (!zero && (uint64_t)n * GUEST_PAGE_SIZE > s->data->len - *at) {
        set_error(error, "section 'ram' %u: it ends in the pages from %" PRIu64 " on", s->instance,
                  first);
        return false;
    }
    for (uint32_t i = 0; apply && i < n; i++) {
        uint8_t *host = b->host + ((first + i) << GUEST_PAGE_BITS);

        if (!zero) {
            memcpy(host, s->data->data + *at + (size_t)i * GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
        } else if (!ram_page_is_zero(host)) {
            memset(host, 0, GUEST_PAGE_SIZE);
        }
    }
    *at += zero ? 0 : n * GUEST_PAGE_SIZE;
    return true;
}

bool ram_load(const GPtrArray *blocks, const struct section *s, bool apply, GError **error)
{
    if (s->instance >= blocks->len || s->version != 1) {
        set_error(error, "section 'ram' %u: version %u, must be 1 of at most %u blocks",
                  s->instance, s->version, blocks->len);
        return false;
    }
    for (guint at = 0; at < s->data->len;) {
        if (s->data->len - at < RUN_BYTES) {
            set_error(error, "section 'ram' %u: it ends in a run of pages", s->instance);
            return false;
        }
        if (!load_run(g_ptr_array_index(blocks, s->instance), s, &at, apply, error)) {
            return false;
        }
    }
    return true;
}

void ram_clear(const GPtrArray *blocks)
{
    for (unsigned i = 0; i < blocks->len; i++) {
        struct ram_block *b = g_ptr_array_index(blocks, i);

        if (b->from_file &&
            mmap(b->host, b->size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED) {
            madvise(b->host, b->size, MADV_HUGEPAGE); /* a wish */
            b->from_file = false;
        }
        /* Anonymous memory that is given back reads as zeroes, without a touch. */
        if (b->from_file || !ram_block_discard(b, 0, b->size)) {
            memset(b->host, 0, b->size);
        }
    }
}

void ram_loaded(struct machine *m, const GPtrArray *blocks)
{
    for (unsigned i = 0; i < blocks->len; i++) {
        struct ram_block *b = g_ptr_array_index(blocks, i);

        ram_written(m, b, 0, b->size);
    }
}
