/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/sdl.h: -display sdl: the screens in a window.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <glib.h>
#include <stdbool.h>

struct machine;
struct sdl_display;

/* gl=off, grab-mod=, window-close=, full-screen=, show-cursor=, alt_grab=, ctrl_grab= */
bool sdl_display_check(const GPtrArray *opts, GError **error);
/* NULL and *error: there is no desktop. */
struct sdl_display *sdl_display_new(struct machine *m, const GPtrArray *opts, GError **error);
void sdl_display_free(struct sdl_display *d);

#endif
