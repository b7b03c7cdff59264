/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/curses_term.h: a terminal that ncurses draws on: taking it, cells on it, giving it back.
 *
 * Invariant: between open and close the terminal is util/terminal.h's, which gives it back also when
 *            the program dies.
 * Thread:    main loop.
 */
#ifndef UI_CURSES_TERM_H
#define UI_CURSES_TERM_H

#include "ui/text.h"

#define CURSES_PAIRS 257u

struct curses_term {
    void *screen;       /* ncurses' SCREEN */
    unsigned left, top; /* of the part that is seen, when the terminal is smaller */
    bool utf8;
    bool pair_made[CURSES_PAIRS];
    char leave[128]; /* what the terminal is told at the end */
};

bool curses_term_open(struct curses_term *t, GError **error);
void curses_term_close(struct curses_term *t);
/* The characters, or a message about the graphics mode. */
void curses_term_draw(struct curses_term *t, const struct text_screen *s);

#endif
