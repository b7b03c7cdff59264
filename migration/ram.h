/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/ram.h: guest memory as sections: which blocks there are, then runs of pages.
 *
 * "blocks" is u32 n, then of each { u8 length, name, u64 bytes }.  "ram" is of the block that `instance` counts:
 * runs { u64 first page, u32 pages | RAM_ZERO }, each followed by its bytes unless it is zero.  A page
 * may come again, and the last one counts.
 *
 * Thread: machine lock held or, for pages of a machine that runs, any: what changes meanwhile is dirty and sent again.
 */
#ifndef MIGRATION_RAM_H
#define MIGRATION_RAM_H

#include "migration/stream.h"
#include "softmmu/machine.h"

/* Blocks in the order of their instance numbers.  Freed by the caller; the blocks must stay. */
GPtrArray *ram_blocks_of(struct machine *m);

struct ram_progress {
    uint64_t zero_pages, normal_pages;
};

/* Of pages that a guest may be writing to. */
bool ram_page_is_zero(const uint8_t *page);
void ram_copy_page(uint8_t *to, const uint8_t *page);
bool ram_save_list(const GPtrArray *blocks, struct stream_out *out, GError **error);
/*
 * Pages [first, first + n) of a block or, with a bitmap whose bit 0 is page `first`, those whose bit is set, as one or
 * more sections.
 */
bool ram_save_pages(struct stream_out *out, const GPtrArray *blocks, unsigned block, uint64_t first,
                    uint64_t n, const uint64_t *bitmap, struct ram_progress *progress,
                    GError **error);

/* The list is this machine's. */
bool ram_check_list(const GPtrArray *blocks, const struct section *s, GError **error);
/* The runs of a "ram" section lie within its block; `apply`: and are copied to it. */
bool ram_load(const GPtrArray *blocks, const struct section *s, bool apply, GError **error);
/* Before the first page: all memory reads as zeroes. */
void ram_clear(const GPtrArray *blocks);
/* After the last one: code that was translated, and what displays saw, is out of date. */
void ram_loaded(struct machine *m, const GPtrArray *blocks);

#endif
