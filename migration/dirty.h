/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/dirty.h: which pages of RAM are still to be sent.
 * Thread: dirty_start and dirty_sync with the machine lock held; the rest is the migration's.
 */
#ifndef MIGRATION_DIRTY_H
#define MIGRATION_DIRTY_H

#include "migration/ram_file.h"

struct dirty {
    GPtrArray *blocks;
    uint64_t **bitmaps;    /* one a block: bit n is its page n */
    uint64_t total, dirty; /* pages; `dirty` is atomic */
    struct ram_file *file; /* where they go; NULL: into the stream */
};

/* All pages, and those that are written from now on. */
void dirty_start(struct dirty *d, struct machine *m);
/* Adds what was written since. */
void dirty_sync(struct dirty *d, struct machine *m);
void dirty_clear(struct dirty *d);

#define DIRTY_STEP 256u /* pages that one dirty_send looks at; a multiple of 64 */

/*
 * Sends the dirty ones of a block's DIRTY_STEP pages from page *at on, moves *at on, and takes them off.  False and
 * *error: they could not be written.  Several threads may, each with steps of its own.
 */
bool dirty_send(struct dirty *d, unsigned block, uint64_t *at, struct stream_out *out,
                struct ram_progress *progress, GError **error);

#endif
