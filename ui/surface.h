/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/surface.h: pictures of a guest's screen, and the list of screens of a machine.
 *
 * A display device registers one `struct display_console`.  Nobody draws unasked: whoever wants the
 * picture calls console_update, a window at most 30 times a second.
 *
 * Thread: under the machine lock.
 */
#ifndef UI_SURFACE_H
#define UI_SURFACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct device;
struct machine;
struct text_screen;

/* Rows of `width` pixels without gaps, each 0x00RRGGBB.  Zero-initialize. */
struct surface {
    unsigned width, height;
    uint32_t *pixels; /* NULL while width or height is 0 */
    /* Rows that the last update changed: [dirty_first, dirty_end). */
    unsigned dirty_first, dirty_end;
};

/* A new size makes every pixel black and every row dirty; the host out of memory: size 0. */
void surface_resize(struct surface *s, unsigned width, unsigned height);
void surface_clear(struct surface *s);
static inline uint32_t *surface_row(struct surface *s, unsigned y)
{
    return s->pixels + (size_t)y * s->width;
}
/* Copies a row of s->width pixels in; the row becomes dirty when it differs. */
void surface_put_row(struct surface *s, unsigned y, const uint32_t *row);
void surface_mark_dirty(struct surface *s, unsigned first, unsigned end);

#define CURSOR_MAX 64u

/* A pointer that the card keeps apart from the picture: viewers lay it over the surface. */
struct display_cursor {
    bool visible;
    int x, y;         /* where its top left corner is on the surface; may lie outside */
    int hot_x, hot_y; /* within the pointer's picture */
    unsigned width, height;
    uint32_t pixels[CURSOR_MAX * CURSOR_MAX]; /* rows of `width`: 0xAARRGGBB, premultiplied */
    unsigned serial;                          /* changes with anything but x and y */
};

struct display_console {
    const char *name; /* borrowed: the device's type */
    const struct device *device;
    void *opaque;
    /*
     * Draws the screen, giving the surface its size.  full: every pixel, and what is known about
     * changes stays for the next update that is not full.
     */
    void (*update)(void *opaque, struct surface *s, bool full);
    /* The cells of a text mode; false and *error, and the size in t, in a graphics mode. */
    bool (*text)(void *opaque, struct text_screen *t, GError **error);
    /*
     * A viewer would like that size, as a monitor that was changed for another; false: no monitor has it.
     * NULL: it is fixed.
     */
    bool (*resize)(void *opaque, unsigned width, unsigned height);
    const struct display_cursor *cursor; /* NULL: the card has none, or draws it into the picture */
    unsigned head;                       /* of several screens of a card, from 0 */
    struct display_console *next;        /* machine->displays, in the order of registration */
};

void console_register(struct machine *m, struct display_console *c);
void console_unregister(struct machine *m, struct display_console *c);
/*
 * One viewer only may ask for updates that are not full: they report changes since the last one.
 */
void console_update(struct display_console *c, struct surface *s, bool full);
bool console_cells(struct display_console *c, struct text_screen *t, GError **error);
/* The lines of a text mode as UTF-8. */
bool console_text(struct display_console *c, GString *out, GError **error);

/* screendump.c: whole pictures in memory.  NULL never. */
GByteArray *surface_to_ppm(const struct surface *s);
GByteArray *surface_to_png(const struct surface *s);
/*
 * Draws a screen, the first where device is NULL, or the head-th of a device, into a file; format: "ppm", "png" or
 * NULL: by the file's suffix, else PPM.
 */
bool screendump(struct machine *m, const struct device *device, unsigned head, const char *path,
                const char *format, GError **error);

#endif
