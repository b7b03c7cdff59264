/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/screen.h: what viewers look at: the guest's screens, then the text consoles, as one list of pictures.
 * A picture is drawn once for all who watch it, at most 60 times a second and rarely while nothing happens,
 * and they are told of the tiles that are different now.
 *
 * Invariant: nothing is drawn and no timer runs while nobody watches.
 * Thread:    main loop, machine lock held.
 */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include <stdbool.h>
#include "ui/surface.h"

struct machine;
struct screen;
struct vc;

/* What changes is told in whole tiles, cut at the picture's edges. */
#define SCREEN_TILE_WIDTH  64u
#define SCREEN_TILE_HEIGHT 16u

/* Embedded in whoever watches.  The callbacks watch and unwatch nothing. */
struct screen_viewer {
    /* The picture has another size, and everything in it is new. */
    void (*resized)(struct screen_viewer *v);
    void (*changed)(struct screen_viewer *v, unsigned x, unsigned y, unsigned width,
                    unsigned height);
    /* After all calls of the others; it may be called for nothing.  NULL: not wanted. */
    void (*drawn)(struct screen_viewer *v);
    bool apart;            /* its pictures are without the card's pointer: screen_set_apart */
    struct screen *screen; /* NULL: it watches none */
    struct screen_viewer *next;
};

/* The guest's screen or the text console at a place; false: there is none. */
bool screen_find(struct machine *m, unsigned i, struct display_console **c, struct vc **vc);
/*
 * The i-th screen from now on, which is drawn and told of as `resized` at once.  False: there is none, and it
 * watches what it watched before.  Without any screen place 0 is an empty picture until there is one.
 */
bool screen_watch(struct machine *m, struct screen_viewer *v, unsigned i);
void screen_unwatch(struct screen_viewer *v);
/* The picture as viewers were told of it; only while one watches. */
const struct surface *screen_picture(const struct screen_viewer *v);
/* Whether the viewer shows the card's pointer itself; `changed` tells of the whole picture. */
void screen_set_apart(struct screen_viewer *v, bool apart);
/* The card's pointer; NULL: there is none, or the card draws it itself. */
const struct display_cursor *screen_cursor(const struct screen_viewer *v);
unsigned screen_place(const struct screen_viewer *v);
/* Somebody typed or moved the pointer: look soon, and often for a while. */
void screen_hurry(struct machine *m);

/* vc_draw.c: a text console as a picture. */
void vc_draw(const struct vc *vc, struct surface *s);

#endif
