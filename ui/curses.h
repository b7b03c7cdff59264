/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/curses.h: -display curses: the guest's text screen and the text consoles in this terminal.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_CURSES_H
#define UI_CURSES_H

#include <glib.h>
#include <stdbool.h>

struct machine;
struct curses_display;

/* Was the program built with ncursesw? */
bool curses_available(void);
/* Takes the terminal; after everything that may print.  NULL and *error: there is none to take. */
struct curses_display *curses_display_new(struct machine *m, GError **error);
/* Gives the terminal back; d may be NULL. */
void curses_display_free(struct curses_display *d);

#endif
