/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/screen.c: see screen.h.
 *
 * A console draws into `now`; what differs from `shown` is copied there tile by tile and told.  After a change
 * that is larger than a cursor, and after input, looks come every 16 ms for half a second, else ten a second.
 *
 * Invariant: shown has the size of now after each look; a screen exists while it has a viewer.
 * Thread:    main loop, machine lock held.
 */
#include "ui/screen.h"

#include <string.h>
#include "softmmu/machine.h"
#include "ui/vc.h"

#define FAST_MS    16u
#define SLOW_MS    100u
#define FAST_LOOKS 30u /* after the last change */
#define FEW_TILES  2u  /* a cursor that blinks */

struct screen {
    struct machine *machine;
    unsigned place;
    struct surface now, shown;
    const void *source;  /* what `now` is of; compared only */
    unsigned generation; /* of a text console */
    struct screen_viewer *viewers;
    struct screen *next;
    /* The pointer that lies in `now` (laid), and the pixels below it. */
    struct display_cursor cursor;
    bool laid;
    uint32_t hidden[CURSOR_MAX * CURSOR_MAX];
};

struct screens {
    struct screen *list;
    GSource *timer;
    unsigned fast; /* looks that are still to come soon */
};

static void free_screens(struct machine *m);

static struct screens *screens_of(struct machine *m)
{
    if (!m->screens) {
        m->screens = g_new0(struct screens, 1);
        m->free_screens = free_screens;
    }
    return m->screens;
}

bool screen_find(struct machine *m, unsigned i, struct display_console **c, struct vc **vc)
{
    *vc = NULL;
    for (*c = m->displays; *c && i > 0; *c = (*c)->next) {
        i--;
    }
    if (!*c) {
        *vc = vc_at(m, i);
    }
    return *c || *vc;
}

/* Drawing --------------------------------------------------------------------------------------- */

static void draw_console(struct screen *s, struct display_console *c, bool full);

/* The console's picture in s->now; false: nothing can have changed. */
static bool draw(struct screen *s)
{
    struct display_console *c;
    struct vc *vc;
    bool other;

    screen_find(s->machine, s->place, &c, &vc);
    other = s->source != (c ? (const void *)c : vc);
    s->source = c ? (const void *)c : vc;
    if (c) {
        draw_console(s, c, other);
        return true;
    }
    s->laid = false;
    if (!vc) {
        surface_resize(&s->now, 640, 480);
        return other || !s->shown.pixels;
    }
    if (!other && vc_generation(vc) == s->generation) {
        return false;
    }
    s->generation = vc_generation(vc);
    vc_draw(vc, &s->now);
    return true;
}

static void tell_resized(struct screen *s)
{
    for (struct screen_viewer *v = s->viewers, *next; v; v = next) {
        next = v->next;
        v->resized(v);
    }
}

static void tell_changed(struct screen *s, unsigned x, unsigned y, unsigned width, unsigned height)
{
    for (struct screen_viewer *v = s->viewers, *next; v; v = next) {
        next = v->next;
        v->changed(v, x, y, width, height);
    }
}

/* Copies a tile to what is shown; false: it was the same. */
static bool copy_tile(struct screen *s, unsigned x, unsigned y, unsigned width, unsigned height)
{
    size_t bytes = width * sizeof(uint32_t);
    bool differs = false;

    for (unsigned row = y; row < y + height; row++) {
        const uint32_t *from = surface_row(&s->now, row) + x;
        uint32_t *to = surface_row(&s->shown, row) + x;

        if (memcmp(to, from, bytes) != 0) {
            memcpy(to, from, bytes);
            differs = true;
        }
    }
    return differs;
}

/* One pixel over another: its colour is multiplied with its alpha already. */
static uint32_t over(uint32_t pixel, uint32_t below)
{
    uint32_t alpha = 255 - (pixel >> 24), out = 0;

    for (unsigned shift = 0; shift < 24; shift += 8) {
        uint32_t sum = (pixel >> shift & 255) + (below >> shift & 255) * alpha / 255;

        out |= MIN(sum, 255u) << shift;
    }
    return out;
}

/* The card's pointer in `now`, and what it hides in `hidden`. */
static void lay_cursor(struct screen *s, const struct display_cursor *p)
{
    int64_t left = (int64_t)p->x - p->hot_x, top = (int64_t)p->y - p->hot_y;

    memcpy(&s->cursor, p, offsetof(struct display_cursor, pixels));
    s->cursor.serial = p->serial;
    for (unsigned i = 0; p->visible && i < p->width * p->height; i++) {
        int64_t x = left + i % p->width, y = top + i / p->width;
        uint32_t *to;

        if (x < 0 || y < 0 || x >= s->now.width || y >= s->now.height) {
            continue;
        }
        to = surface_row(&s->now, (unsigned)y) + x;
        s->hidden[i] = *to;
        *to = over(p->pixels[i], *to);
        surface_mark_dirty(&s->now, (unsigned)y, (unsigned)y + 1);
    }
    s->laid = p->visible;
}

/* Before the console draws again: its picture has no pointer in it. */
static void lift_cursor(struct screen *s)
{
    const struct display_cursor *p = &s->cursor;

    for (unsigned i = 0; s->laid && i < p->width * p->height; i++) {
        int64_t x = (int64_t)p->x - p->hot_x + i % p->width;
        int64_t y = (int64_t)p->y - p->hot_y + i / p->width;

        if (x >= 0 && y >= 0 && x < s->now.width && y < s->now.height) {
            surface_row(&s->now, (unsigned)y)[x] = s->hidden[i];
        }
    }
}

/* The rows where the pointer was are compared again. */
static void draw_console(struct screen *s, struct display_console *c, bool full)
{
    const struct display_cursor *p = &s->cursor;
    unsigned width = s->now.width, height = s->now.height;
    int64_t top = (int64_t)p->y - p->hot_y, end = top + p->height;

    lift_cursor(s);
    console_update(c, &s->now, full);
    if (s->laid && s->now.pixels && s->now.width == width && s->now.height == height && end > 0 &&
        top < height) {
        surface_mark_dirty(&s->now, (unsigned)MAX(top, 0), (unsigned)MIN(end, height));
    }
    s->laid = false;
    if (c->cursor && s->now.pixels && c->cursor->width <= CURSOR_MAX &&
        c->cursor->height <= CURSOR_MAX) {
        lay_cursor(s, c->cursor);
    }
}

/* A row of tiles: neighbours that differ are told as one.  Returns how many did. */
static unsigned compare_tiles(struct screen *s, unsigned y)
{
    unsigned height = MIN(SCREEN_TILE_HEIGHT, s->now.height - y), run = 0, found = 0;

    for (unsigned x = 0; x < s->now.width; x += SCREEN_TILE_WIDTH) {
        unsigned width = MIN(SCREEN_TILE_WIDTH, s->now.width - x);

        if (copy_tile(s, x, y, width, height)) {
            run += width;
            found++;
        } else if (run) {
            tell_changed(s, x - run, y, run, height);
            run = 0;
        }
    }
    if (run) {
        tell_changed(s, s->now.width - run, y, run, height);
    }
    return found;
}

/* Returns how many tiles are different now. */
static unsigned look(struct screen *s)
{
    unsigned found = 0;

    if (!draw(s) || !s->now.pixels) { /* no memory for it: what was seen stays */
        return 0;
    }
    if (s->now.width != s->shown.width || s->now.height != s->shown.height) {
        surface_resize(&s->shown, s->now.width, s->now.height);
        if (!s->shown.pixels) {
            return 0;
        }
        memcpy(s->shown.pixels, s->now.pixels,
               (size_t)s->now.width * s->now.height * sizeof(uint32_t));
        tell_resized(s);
        return FEW_TILES + 1;
    }
    for (unsigned y = s->now.dirty_first / SCREEN_TILE_HEIGHT * SCREEN_TILE_HEIGHT;
         y < s->now.dirty_end; y += SCREEN_TILE_HEIGHT) {
        found += compare_tiles(s, y);
    }
    return found;
}

/* When to look ---------------------------------------------------------------------------------- */

static gboolean on_timer(gpointer opaque);

static void stop_timer(struct screens *all)
{
    if (all->timer) {
        g_source_destroy(all->timer);
        g_clear_pointer(&all->timer, g_source_unref);
    }
}

static void start_timer(struct machine *m, unsigned ms)
{
    struct screens *all = m->screens;

    stop_timer(all);
    all->timer = g_timeout_source_new(ms);
    g_source_set_callback(all->timer, on_timer, m, NULL);
    g_source_attach(all->timer, m->context);
}

static gboolean on_timer(gpointer opaque)
{
    struct machine *m = opaque;
    struct screens *all = m->screens;
    bool was_fast = all->fast > 0;
    unsigned found = 0;

    for (struct screen *s = all->list, *next; s; s = next) {
        next = s->next;
        found += look(s);
        for (struct screen_viewer *v = s->viewers, *after; v; v = after) {
            after = v->next;
            if (v->drawn) {
                v->drawn(v);
            }
        }
    }
    all->fast = found > FEW_TILES ? FAST_LOOKS : all->fast - was_fast;
    if (was_fast == (all->fast > 0)) {
        return G_SOURCE_CONTINUE;
    }
    start_timer(m, all->fast ? FAST_MS : SLOW_MS);
    return G_SOURCE_REMOVE;
}

void screen_hurry(struct machine *m)
{
    struct screens *all = m->screens;

    if (all && all->list) {
        if (!all->fast) {
            start_timer(m, FAST_MS);
        }
        all->fast = FAST_LOOKS;
    }
}

/* Viewers --------------------------------------------------------------------------------------- */

static struct screen *screen_at(struct machine *m, unsigned place)
{
    struct screens *all = screens_of(m);
    struct screen *s = all->list;

    while (s && s->place != place) {
        s = s->next;
    }
    if (!s) {
        s = g_new0(struct screen, 1);
        s->machine = m;
        s->place = place;
        s->next = all->list;
        all->list = s;
    }
    return s;
}

static void free_screen(struct screen *s)
{
    struct screens *all = s->machine->screens;
    struct screen **link = &all->list;

    while (*link != s) {
        link = &(*link)->next;
    }
    *link = s->next;
    surface_clear(&s->now);
    surface_clear(&s->shown);
    g_free(s);
    if (!all->list) {
        stop_timer(all);
        all->fast = 0;
    }
}

static void free_screens(struct machine *m)
{
    stop_timer(m->screens);
    g_free(m->screens); /* viewers have left by then */
    m->screens = NULL;
}

bool screen_watch(struct machine *m, struct screen_viewer *v, unsigned i)
{
    struct display_console *c;
    struct screen *s;
    struct vc *vc;

    if (!screen_find(m, i, &c, &vc) && (i > 0 || m->displays)) {
        return false;
    }
    s = screen_at(m, i); /* before the old one may go, which may be the same */
    if (v->screen == s) {
        return true;
    }
    if (!s->viewers) {
        look(s);
    }
    screen_unwatch(v);
    v->screen = s;
    v->next = s->viewers;
    s->viewers = v;
    if (s->shown.pixels) {
        v->resized(v);
    }
    if (!m->screens->timer) {
        start_timer(m, SLOW_MS);
    }
    screen_hurry(m);
    return true;
}

void screen_unwatch(struct screen_viewer *v)
{
    struct screen_viewer **link;

    if (!v->screen) {
        return;
    }
    for (link = &v->screen->viewers; *link != v; link = &(*link)->next) {
    }
    *link = v->next;
    if (!v->screen->viewers) {
        free_screen(v->screen);
    }
    v->screen = NULL;
    v->next = NULL;
}

const struct surface *screen_picture(const struct screen_viewer *v)
{
    return &v->screen->shown;
}

bool screen_size(struct machine *m, unsigned i, unsigned *width, unsigned *height)
{
    struct surface drawn = { 0 };
    struct display_console *c;
    struct vc *vc;

    for (struct screen *s = m->screens ? m->screens->list : NULL; s; s = s->next) {
        if (s->place == i && s->viewers) {
            *width = s->shown.width;
            *height = s->shown.height;
            return true;
        }
    }
    if (!screen_find(m, i, &c, &vc) || !c) {
        return false;
    }
    console_update(c, &drawn, true);
    *width = drawn.width;
    *height = drawn.height;
    surface_clear(&drawn);
    return true;
}

unsigned screen_place(const struct screen_viewer *v)
{
    return v->screen ? v->screen->place : 0;
}
