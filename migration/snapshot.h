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

/* Which disks take part, by the names of their nodes.  NULL for all of that: every drive that can be written. */
struct snapshot_choice {
    const char *vmstate;        /* the one that has the machine's state */
    const char *const *devices; /* `vmstate` among them, where there is a state; ends with NULL */
};

/*
 * The guest stands still meanwhile, and goes on if it ran.  A snapshot of that name is replaced, of chosen disks an
 * error; name NULL: by the date.  False and *error: nothing was changed.
 */
bool snapshot_save(struct machine *m, const char *name, const struct snapshot_choice *choice,
                   GError **error);
/*
 * The guest goes on from there if it runs now.  False and *error: everything is as it was, unless the message says that
 * the machine was reset.
 */
bool snapshot_load(struct machine *m, const char *name, const struct snapshot_choice *choice,
                   GError **error);
bool snapshot_delete(struct machine *m, const char *name, const struct snapshot_choice *choice,
                     GError **error);

/* The images that take part, struct block_node *, the one with the state first.  NULL and *error: it is not possible. */
GPtrArray *snapshot_disks(struct machine *m, const struct snapshot_choice *choice, GError **error);
/* What messages call it: its drive's id or its own name. */
const char *snapshot_disk_title(struct machine *m, const struct block_node *disk);
/* Is it, by its name, on all of them? */
bool snapshot_is_complete(const GPtrArray *disks, const char *name);

#endif
