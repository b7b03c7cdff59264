/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/dirty.c: see dirty.h, also for the thread. */
#include "migration/dirty.h"
#include <string.h>

static const struct ram_block *block_of(const struct dirty *d, unsigned i)
{
    return g_ptr_array_index(d->blocks, i);
}

static uint64_t pages_of(const struct dirty *d, unsigned i)
{
    return block_of(d, i)->size >> GUEST_PAGE_BITS;
}

static uint64_t count(const uint64_t *bitmap, uint64_t pages)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < (pages + 63) / 64; i++) {
        n += (unsigned)__builtin_popcountll(bitmap[i]);
    }
    return n;
}

/* OR of what was written since the last time. */
static void collect(struct dirty *d, struct machine *m)
{
    d->dirty = 0;
    for (unsigned i = 0; i < d->blocks->len; i++) {
        uint64_t pages = pages_of(d, i), words = (pages + 63) / 64;
        g_autofree uint64_t *fresh = g_new0(uint64_t, words);

        if (ram_dirty_collect(m, (struct ram_block *)block_of(d, i), 0, block_of(d, i)->size,
                              RAM_PAGE_MIGRATE, fresh)) {
            for (uint64_t k = 0; k < words; k++) {
                d->bitmaps[i][k] |= fresh[k];
            }
        }
        d->dirty += count(d->bitmaps[i], pages);
    }
}

void dirty_start(struct dirty *d, struct machine *m)
{
    *d = (struct dirty){ .blocks = ram_blocks_of(m) };
    d->bitmaps = g_new0(uint64_t *, d->blocks->len);
    for (unsigned i = 0; i < d->blocks->len; i++) {
        d->bitmaps[i] = g_new0(uint64_t, (pages_of(d, i) + 63) / 64);
        d->total += pages_of(d, i);
    }
    collect(d, m); /* for its other effect: the flags are clear now */
    for (unsigned i = 0; i < d->blocks->len; i++) {
        uint64_t pages = pages_of(d, i);

        memset(d->bitmaps[i], 0xff, pages / 64 * 8);
        if (pages % 64) {
            d->bitmaps[i][pages / 64] = (1ull << pages % 64) - 1;
        }
    }
    d->dirty = d->total;
}

void dirty_sync(struct dirty *d, struct machine *m)
{
    collect(d, m);
}

void dirty_clear(struct dirty *d)
{
    g_clear_pointer(&d->file, ram_file_free);
    for (unsigned i = 0; d->blocks && i < d->blocks->len; i++) {
        g_free(d->bitmaps[i]);
    }
    g_clear_pointer(&d->bitmaps, g_free);
    g_clear_pointer(&d->blocks, g_ptr_array_unref);
}

bool dirty_send(struct dirty *d, unsigned block, uint64_t *at, struct stream_out *out,
                struct ram_progress *progress, GError **error)
{
    uint64_t pages = pages_of(d, block), first = *at, n = MIN(DIRTY_STEP, pages - first), sent;
    uint64_t *bitmap = d->bitmaps[block] + first / 64;

    *at += n;
    sent = count(bitmap, n);
    if (sent == 0) {
        return true;
    }
    if (d->file ? !ram_file_save_pages(d->file, block, first, n, bitmap, progress, error)
                : !ram_save_pages(out, d->blocks, block, first, n, bitmap, progress, error)) {
        return false;
    }
    memset(bitmap, 0, (n + 63) / 64 * 8);
    __atomic_sub_fetch(&d->dirty, sent, __ATOMIC_RELAXED);
    return true;
}
