/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/round.h: what is dirty, once, over the migration's channel or, with multifd, over several beside it.
 * Thread: the migration's, which waits for those of the channels.
 */
#ifndef MIGRATION_ROUND_H
#define MIGRATION_ROUND_H

#include "migration/state.h"

/* One channel, and what was sent over it. */
struct lane_out;

/* After "blocks": what channels there are.  False and *error. */
bool round_open(struct migration *g, GError **error);
/* All pages that are dirty now.  *speed: bytes of RAM a second; NULL: without a limit. */
bool round_send(struct migration *g, double *speed, GError **error);
/* No pages follow. */
bool round_end(struct migration *g, GError **error);
void round_close(struct migration *g);

/* What the other side says, which is `wanted`, or *error has why it gave up. */
bool round_hear(struct channel *c, const char *wanted, GError **error);

#endif
