/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/display.h: kinds of displays, one row each: what -display takes.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_DISPLAY_H
#define UI_DISPLAY_H

#include <glib.h>
#include <stdbool.h>

struct machine;

struct display_type {
    const char *name, *summary;
    bool (*there)(void); /* is it built in?  NULL: always */
    const char *needs;   /* what it was to be built with */
    /* Options (util/text.h) without "type"; false and *error.  NULL: it takes none. */
    bool (*check)(const GPtrArray *opts, GError **error);
    /* After everything that may print; NULL: nothing to show. */
    void *(*open)(struct machine *m, const GPtrArray *opts, GError **error);
    void (*close)(void *display);
};
extern const struct display_type display_types[]; /* ends with name NULL; the first is "none" */

const struct display_type *display_type_find(const char *name);
bool display_type_is_there(const struct display_type *t);
/* False and *error: this program was built without it. */
bool display_type_usable(const struct display_type *t, GError **error);

#endif
