/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/surface.c: see surface.h.
 * Invariant: pixels holds width * height pixels, or is NULL with both 0.
 * Thread:    under the machine lock.
 */
#include "ui/surface.h"

#include <stdlib.h>
#include <string.h>
#include "softmmu/io_event.h"
#include "softmmu/machine.h"
#include "ui/text.h"

void surface_clear(struct surface *s)
{
    free(s->pixels);
    memset(s, 0, sizeof(*s));
}

void surface_resize(struct surface *s, unsigned width, unsigned height)
{
    if (s->pixels && s->width == width && s->height == height) {
        return;
    }
    surface_clear(s);
    if (width == 0 || height == 0) {
        return;
    }
    s->pixels = calloc((size_t)width * height, sizeof(*s->pixels));
    if (s->pixels) {
        s->width = width;
        s->height = height;
        surface_mark_dirty(s, 0, height);
    }
}

void surface_mark_dirty(struct surface *s, unsigned first, unsigned end)
{
    if (s->dirty_first == s->dirty_end) {
        s->dirty_first = first;
        s->dirty_end = end;
    } else {
        s->dirty_first = MIN(s->dirty_first, first);
        s->dirty_end = MAX(s->dirty_end, end);
    }
}

void surface_put_row(struct surface *s, unsigned y, const uint32_t *row)
{
    uint32_t *to = surface_row(s, y);
    size_t bytes = (size_t)s->width * sizeof(*row);

    if (memcmp(to, row, bytes) != 0) {
        memcpy(to, row, bytes);
        surface_mark_dirty(s, y, y + 1);
    }
}

void console_register(struct machine *m, struct display_console *c)
{
    struct display_console **link = &m->displays;

    while (*link) {
        link = &(*link)->next;
    }
    c->next = NULL;
    *link = c;
}

void console_unregister(struct machine *m, struct display_console *c)
{
    struct display_console **link = &m->displays;

    while (*link && *link != c) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = c->next;
    }
}

/* What the guest has written to the card, and the engine holds back. */
static void flush_writes(const struct display_console *c)
{
    if (c->device) {
        io_coalesced_flush(c->device->machine);
    }
}

void console_update(struct display_console *c, struct surface *s, bool full)
{
    flush_writes(c);
    s->dirty_first = s->dirty_end = 0;
    c->update(c->opaque, s, full);
}

bool console_cells(struct display_console *c, struct text_screen *t, GError **error)
{
    flush_writes(c);
    return c->text(c->opaque, t, error);
}

bool console_text(struct display_console *c, GString *out, GError **error)
{
    struct text_screen t = { 0 };
    bool ok = console_cells(c, &t, error);

    text_screen_print(&t, out);
    text_screen_clear(&t);
    return ok;
}
