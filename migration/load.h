/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/load.h: a whole stream, section by section.
 * Thread: machine lock held or, for a machine that has never run, any.
 */
#ifndef MIGRATION_LOAD_H
#define MIGRATION_LOAD_H

#include "migration/ram.h"
#include "migration/saved.h"

/*
 * Reads up to and with the end.  Pages go to the blocks if `apply`, else they are only looked at.  What is not RAM is
 * kept in `saved`, or (NULL) passed over.
 */
bool load_sections(struct stream_in *in, const GPtrArray *blocks, struct saved *saved, bool apply,
                   GError **error);

#endif
