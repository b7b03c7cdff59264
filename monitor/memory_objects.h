/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/memory_objects.h: the options of -object memory-backend-*, for objects.c's table.
 * Thread: machine lock held.
 */
#ifndef MONITOR_MEMORY_OBJECTS_H
#define MONITOR_MEMORY_OBJECTS_H

#include "block/options.h"

struct machine;

extern const struct block_option_row memory_ram_rows[], memory_file_rows[], memory_memfd_rows[];

bool add_memory_ram(struct machine *m, const char *id, const struct block_options *o,
                    const char *text, GError **error);
bool add_memory_file(struct machine *m, const char *id, const struct block_options *o,
                     const char *text, GError **error);
bool add_memory_memfd(struct machine *m, const char *id, const struct block_options *o,
                      const char *text, GError **error);
/* A backend of that kind has this id. */
bool has_memory_ram(struct machine *m, const char *id);
bool has_memory_file(struct machine *m, const char *id);
bool has_memory_memfd(struct machine *m, const char *id);
bool del_memory(struct machine *m, const char *id, GError **error);

#endif
