/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/multifd.h: RAM over sockets of its own beside the migration's: capability multifd.
 *
 * After "blocks" comes section "multifd": u32 n, 16 bytes that only the two sides know.  Then n more connections are made,
 * each of them a stream: section "channel" N with these 16 bytes, sections of pages, "end".  A page goes over one of them
 * only, so that what comes later is newer.  The migration's own stream has the rest, and its end counts after theirs.
 *
 * Thread: the migration's; each channel is written or read by one of its own.
 */
#ifndef MIGRATION_MULTIFD_H
#define MIGRATION_MULTIFD_H

#include "migration/channel.h"

#define MULTIFD_MAX 255u

/* Appends n channels beside c, ready for pages; false and *error. */
bool multifd_open(struct channel *c, unsigned n, GPtrArray *channels, GError **error);

/* For c->in.join of a channel that listens on. */
bool multifd_join(struct stream_in *in, const GPtrArray *blocks, const struct section *section,
                  GError **error);
/* Stops the threads; replaces *error by what went wrong in one of them first. */
void multifd_stop(struct channel *c, GError **error);

#endif
