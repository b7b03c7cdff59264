/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/sdl_window.h: a window of SDL 2 with a picture in it, and a thread of its own that waits for what a person
 * does, so that the main loop neither polls nor waits for a desktop.
 *
 * Thread: all functions on the main loop; `event` is called on the window's thread, without any lock.
 */
#ifndef UI_SDL_WINDOW_H
#define UI_SDL_WINDOW_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct surface;
struct window;

enum window_event_kind {
    WINDOW_KEY,     /* key, down */
    WINDOW_TEXT,    /* ch: a character that was typed, with Ctrl or not */
    WINDOW_MOTION,  /* dx, dy while the window has the mouse; x, y in the picture */
    WINDOW_BUTTONS, /* buttons */
    WINDOW_WHEEL,   /* dz */
    WINDOW_RELEASE, /* let go of all keys and buttons */
    WINDOW_SCREEN,  /* place: another screen */
    WINDOW_SIZE,    /* x, y: the pixels of the window, which a person changed */
    WINDOW_CLOSE,
};

struct window_event {
    enum window_event_kind kind;
    uint16_t key;
    bool down, inside; /* inside: x and y are on the picture */
    uint8_t buttons;   /* enum input_button */
    uint32_t ch;
    int dx, dy, dz;
    unsigned x, y, place;
};

enum window_modifier { WINDOW_CTRL_ALT, WINDOW_CTRL_ALT_SHIFT, WINDOW_RIGHT_CTRL };

struct window_options {
    enum window_modifier modifier; /* of the hot keys */
    bool full_screen, show_cursor, close;
    const char *title;
    void (*event)(void *opaque, const struct window_event *e);
    void *opaque;
};

/* NULL and *error: there is no desktop, or it refuses. */
struct window *window_new(const struct window_options *o, GError **error);
void window_free(struct window *w);

/* A picture of another size, and a part of the picture; it is seen after window_flush. */
void window_resize(struct window *w, const struct surface *s);
void window_put(struct window *w, const struct surface *s, unsigned x, unsigned y, unsigned width,
                unsigned height);
void window_flush(struct window *w);
/* points: the guest takes positions, so that the mouse need not be taken. */
void window_set_pointer(struct window *w, bool points);
void window_set_stopped(struct window *w, bool stopped);

/* sdl_keys.c: the key (ui/input.h) of a usage of USB HID's page 7, which SDL's scan codes are; 0: none. */
uint16_t key_of_usage(unsigned usage);

#endif
