/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/viewer.h: a person at a window or a VNC client: which screen is looked at, and where keys and the pointer
 * go: to the guest while that is one of its screens, else to the text console.
 *
 * Invariant: what is held down is released when the screen is changed and when the person leaves.
 * Thread:    main loop, machine lock held.
 */
#ifndef UI_VIEWER_H
#define UI_VIEWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ui/screen.h"

struct viewer {
    struct machine *machine;
    struct screen_viewer screen; /* its callbacks are the user's */
    uint64_t held[4];            /* a bit for each key, see key_bit */
    uint8_t buttons;             /* enum input_button */
};

void viewer_init(struct viewer *v, struct machine *m);
/* The first screen; after the callbacks are set. */
void viewer_open(struct viewer *v);
void viewer_close(struct viewer *v);
bool viewer_choose(struct viewer *v, unsigned place);
/* A text console is looked at. */
bool viewer_is_text(const struct viewer *v);
/* The guest's monitor should have that size; false: it has none that changes, or no such size. */
bool viewer_want_size(struct viewer *v, unsigned width, unsigned height);

/* A key as in ui/input.h.  What it types on a text console is viewer_type's, but for what has no character. */
void viewer_key(struct viewer *v, uint16_t key, bool down);
/* A character (Unicode), control characters among them; for text consoles alone. */
void viewer_type(struct viewer *v, uint32_t ch);
bool viewer_holds(const struct viewer *v, uint16_t key);
/* Ctrl or Shift or Alt, either of them. */
bool viewer_holds_ctrl(const struct viewer *v);
bool viewer_holds_alt(const struct viewer *v);
void viewer_release(struct viewer *v);

/* The guest's pointer takes positions. */
bool viewer_points(const struct viewer *v);
/* In pixels of the picture: a guest whose pointer takes motion gets none. */
void viewer_point(struct viewer *v, unsigned x, unsigned y);
void viewer_move(struct viewer *v, int dx, int dy);
void viewer_buttons(struct viewer *v, uint8_t buttons);
void viewer_wheel(struct viewer *v, int dz);

#endif
