/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/web.h: -display web=[HOST:]PORT: a page for browsers, with the screen and the text consoles.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_WEB_H
#define UI_WEB_H

#include <glib.h>
#include <stdbool.h>

struct machine;
struct web_display;

/* Was the page built in? */
bool web_available(void);
bool web_display_check(const GPtrArray *opts, GError **error);
/* Listens, and prints the address with its token. */
struct web_display *web_display_new(struct machine *m, const GPtrArray *opts, GError **error);
void web_display_free(struct web_display *d);

#endif
