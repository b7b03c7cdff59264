/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/ram_file.h: RAM at places of its own in a file, so that whoever loads it maps the file and starts at once:
 * capability mapped-ram.
 *
 * Section "mapped" is u64 offset of the section that follows, u32 n, then of each block the u64 offset of its bytes, all
 * from the file's beginning.  Pages of zeroes are holes.  Pages have no checksum.
 * Thread: the migration's.
 */
#ifndef MIGRATION_RAM_FILE_H
#define MIGRATION_RAM_FILE_H

#include "migration/ram.h"

struct ram_file {
    int fd; /* the channel's */
    const GPtrArray *blocks;
    uint64_t *offsets;
    uint64_t **written; /* pages that are no holes any more */
    uint64_t rest;      /* where the following section is */
};

/* After `position` bytes of the file. */
struct ram_file *ram_file_new(int fd, const GPtrArray *blocks, uint64_t position);
void ram_file_free(struct ram_file *f);
bool ram_file_put(const struct ram_file *f, struct stream_out *out, GError **error);
/* As ram_save_pages, with a bitmap. */
bool ram_file_save_pages(struct ram_file *f, unsigned block, uint64_t first, uint64_t n,
                         const uint64_t *bitmap, struct ram_progress *progress, GError **error);
/* Maps the blocks privately from the file; *rest is where to read on.  It must stay as it is while they are there. */
bool ram_file_map(int fd, const GPtrArray *blocks, const struct section *s, uint64_t *rest,
                  GError **error);

#endif
