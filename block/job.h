/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/job.h: long work on images: copying, committing into a backing file, streaming out of one.
 *
 * Each runs until it is done, failed, or progress->cancelled says so (then *error says "cancelled"; what was
 * done so far stays and does no harm).  Nobody else writes the images meanwhile: live.h has jobs beside a
 * running guest.
 * Thread: the main one, or one of its own while nobody changes the graph.
 */
#ifndef BLOCK_JOB_H
#define BLOCK_JOB_H

#include "block/node.h"

enum block_sync {
    BLOCK_SYNC_FULL, /* all that `from` reads as */
    BLOCK_SYNC_TOP, /* what its topmost layer has; the rest is in a backing file that `to` has too */
};

/*
 * mirror and backup: `to` reads as `from` afterwards.  It is at least as long; `to_is_zero`: it reads as
 * zeroes now.  Zeroes and holes of `from` stay such where `to` can.
 */
bool block_job_copy(struct block_node *from, struct block_node *to, enum block_sync sync,
                    bool to_is_zero, const struct block_progress *progress, GError **error);
/*
 * What the layers from `top` down to, and without, `base` have goes into base, which is made longer when it
 * must be, and opened for writing meanwhile.  The layers stay as they are.
 */
bool block_job_commit(struct block_node *top, struct block_node *base,
                      const struct block_progress *progress, GError **error);
/*
 * What the layers below `node` and above `base` (NULL: all of them) have goes into node; its backing file
 * then is base, under the name and format given (NULL: none).
 */
bool block_job_stream(struct block_node *node, struct block_node *base, const char *base_name,
                      const char *base_format, const struct block_progress *progress,
                      GError **error);

#endif
