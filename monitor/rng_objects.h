/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/rng_objects.h: the options of -object rng-*, for objects.c's table.
 * Thread: machine lock held.
 */
#ifndef MONITOR_RNG_OBJECTS_H
#define MONITOR_RNG_OBJECTS_H

#include "block/options.h"

struct machine;

extern const struct block_option_row rng_builtin_rows[], rng_random_rows[], rng_egd_rows[];

bool add_rng_builtin(struct machine *m, const char *id, const struct block_options *o,
                     const char *text, GError **error);
bool add_rng_random(struct machine *m, const char *id, const struct block_options *o,
                    const char *text, GError **error);
bool add_rng_egd(struct machine *m, const char *id, const struct block_options *o, const char *text,
                 GError **error);
/* A source of that kind has this id. */
bool has_rng_builtin(struct machine *m, const char *id);
bool has_rng_random(struct machine *m, const char *id);
bool has_rng_egd(struct machine *m, const char *id);
bool del_rng(struct machine *m, const char *id, GError **error);

#endif
