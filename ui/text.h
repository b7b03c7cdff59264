/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/text.h: a screen of characters: what a text mode shows, and a text console.
 * Thread: under the machine lock.
 */
#ifndef UI_TEXT_H
#define UI_TEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* An attribute: colours of the VGA (0 black, 1 blue, 2 green, 4 red, 8 bright). */
#define TEXT_ATTR(fore, back) ((uint16_t)((fore) | (back) << 4))
#define TEXT_BLINK            0x100u
#define TEXT_NORMAL           TEXT_ATTR(7, 0)
static inline unsigned text_fore(uint16_t attr)
{
    return attr & 15;
}
static inline unsigned text_back(uint16_t attr)
{
    return attr >> 4 & 15;
}

struct text_cell {
    uint32_t ch; /* Unicode */
    uint16_t attr;
};

/* Zero-initialize. */
struct text_screen {
    unsigned columns, rows; /* 0: no characters, see width */
    struct text_cell *cells;
    int cursor_x, cursor_y; /* -1: hidden */
    unsigned width, height; /* of a graphics mode in pixels; 0: blank */
};

/* All cells become blank. */
void text_screen_resize(struct text_screen *t, unsigned columns, unsigned rows);
void text_screen_clear(struct text_screen *t);
static inline struct text_cell *text_row(const struct text_screen *t, unsigned y)
{
    return t->cells + (size_t)y * t->columns;
}
/* Lines of UTF-8 without the blanks at their ends. */
void text_screen_print(const struct text_screen *t, GString *out);

/* Code page 437, which BIOS fonts show, as Unicode; 0 and 0xff are blanks. */
extern const uint16_t cp437[256];

#endif
