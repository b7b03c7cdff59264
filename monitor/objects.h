/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/objects.h: what -object and object_add make: keys for images, limits, iothreads, filters.
 * Thread: machine lock held.
 */
#ifndef MONITOR_OBJECTS_H
#define MONITOR_OBJECTS_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

struct machine;

/* "TYPE,id=ID[,key=value...]" or JSON with "qom-type". */
bool object_add(struct machine *m, const char *text, GError **error);
/* False and *error: there is none, or something uses it. */
bool object_delete(struct machine *m, const char *id, GError **error);
/* The i-th type; NULL behind the last. */
const char *object_type_name(unsigned i);
/* Appends {name, type, description} of each of its properties. */
void object_type_properties(const char *name, json_t *list);
/* The answer to "help" and "TYPE,help"; false: the text is no such question. */
bool object_help(const char *text, GString *out);

#endif
