/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/sdl_draw.h: a picture in a window of another size: as large as fits, its aspect kept.
 * Thread: the window's.
 */
#ifndef UI_SDL_DRAW_H
#define UI_SDL_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct SDL_Window;
struct surface;

struct draw_rect {
    int x, y, width, height;
};

#define DRAW_RECTS 64u

/* Rectangles; when there are too many the last one grows. */
struct draw_area {
    struct draw_rect rects[DRAW_RECTS];
    unsigned n;
};

void draw_area_add(struct draw_area *a, struct draw_rect r);
/* These parts of the picture, or with NULL all of the window. */
void draw_picture(struct SDL_Window *window, const struct surface *s, const struct draw_area *a);
/* A place in the window's coordinates as a pixel of the picture, the nearest; false: it is beside the picture. */
bool draw_position(struct SDL_Window *window, const struct surface *s, int wx, int wy, unsigned *x,
                   unsigned *y);

/* sdl_scale.c, without SDL: where a picture is in a window of that size. */
struct draw_rect draw_place(unsigned width, unsigned height, int window_width, int window_height);
/* The part `area` of the window, within `place`, of the stretched picture; `out` has rows of area.width pixels. */
void draw_stretch(const struct surface *s, struct draw_rect place, struct draw_rect area,
                  uint32_t *out);
/* The part of the window that a part of the picture has an influence on. */
struct draw_rect draw_covered(const struct surface *s, struct draw_rect place,
                              struct draw_rect part);

#endif
