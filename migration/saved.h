/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/saved.h: a whole machine but for its RAM, as sections: "machine", "cpu" N, "device TYPE[/ID]" N.
 *
 * Loading is in three steps: every section is kept (saved_add), all of them are checked against this machine, then
 * applied.  Only the last changes anything.
 * Thread: machine lock held, vCPUs stopped.
 */
#ifndef MIGRATION_SAVED_H
#define MIGRATION_SAVED_H

#include "migration/stream.h"
#include "softmmu/machine.h"

/* `state`: in what the machine was before it was stopped to be saved.  The devices are prepared here. */
bool saved_put(struct machine *m, enum run_state state, struct stream_out *out, GError **error);

struct saved {
    GHashTable *sections; /* of struct section, by their titles */
    uint64_t bytes;
};

void saved_init(struct saved *s);
void saved_clear(struct saved *s);
/* Takes the section's bytes over.  False and *error: it was there before, or all that is too much. */
bool saved_add(struct saved *s, struct section *section, GError **error);
/* There is what this machine needs, nothing else, and it can be read. */
bool saved_check(struct machine *m, const struct saved *s, GError **error);
/* In which state the machine was. */
enum run_state saved_run_state(struct machine *m, const struct saved *s);
/* After saved_check and a reset, RAM is there.  False and *error: the machine is of no use until it is reset. */
bool saved_apply(struct machine *m, const struct saved *s, GError **error);

#endif
