/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/snapshot.h: whole machines inside of their disks: savevm, loadvm, delvm.
 *
 * Every drive that can be written gets a snapshot of that name; the first one keeps the machine's state, too.
 * Thread: main loop, machine lock held.
 */
#ifndef MIGRATION_SNAPSHOT_H
#define MIGRATION_SNAPSHOT_H

#include "block/node.h"
#include "softmmu/machine.h"

/*
 * The guest stands still meanwhile, and goes on if it ran.  A snapshot of that name is replaced; name NULL: by the
 * date.  False and *error: nothing was changed.
 */
bool snapshot_save(struct machine *m, const char *name, GError **error);
/*
 * The guest goes on from there if it runs now.  False and *error: everything is as it was, unless the message says that
 * the machine was reset.
 */
bool snapshot_load(struct machine *m, const char *name, GError **error);
bool snapshot_delete(struct machine *m, const char *name, GError **error);

/* The drives that take part, struct block_backend *, the one with the state first.  NULL and *error: it is not possible. */
GPtrArray *snapshot_drives(struct machine *m, GError **error);
/* Is it, by its name, on all of them? */
bool snapshot_is_complete(const GPtrArray *drives, const char *name);

#endif
