/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/screen.c: see screen.h.
 *
 * A console draws into `now`; what differs from `shown` is copied there tile by tile and told.  For viewers that do
 * not show the card's pointer themselves it is laid into `now` while they are served.  After a change
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

/* Pictures with the card's pointer laid over them, and without: for viewers that show it themselves. */
enum { LAID, APART, KINDS };

struct screen {
    struct machine *machine;
    unsigned place;
    struct surface now, shown[KINDS]; /* of a kind that nobody watches: empty */
    const void *source;               /* what `now` is of; compared only */
    unsigned generation;              /* of a text console */
    struct screen_viewer *viewers;
    struct screen *next;
    /* Where the pointer is in shown[LAID]; without its picture. */
    struct display_cursor cursor;
    uint32_t hidden[CURSOR_MAX * CURSOR_MAX]; /* what it hides of `now` while it lies there */
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
        console_update(c, &s->now, other);
        return true;
    }
    if (!vc) {
        surface_resize(&s->now, 640, 480);
        return other;
    }
    if (!other && vc_generation(vc) == s->generation) {
        return false;
    }
    s->generation = vc_generation(vc);
    vc_draw(vc, &s->now);
    return true;
}

static bool has_viewers(const struct screen *s, unsigned kind)
{
    const struct screen_viewer *v = s->viewers;

    while (v && v->apart != (kind == APART)) {
        v = v->next;
    }
    return v != NULL;
}

static void tell_resized(struct screen *s)
{
    for (struct screen_viewer *v = s->viewers, *next; v; v = next) {
        next = v->next;
        v->resized(v);
    }
}

/* A row of tiles, or a part of it. */
static void tell_changed(struct screen *s, unsigned kind, unsigned x, unsigned y, unsigned width)
{
    unsigned height = MIN(SCREEN_TILE_HEIGHT, s->now.height - y);

    for (struct screen_viewer *v = s->viewers, *next; v; v = next) {
        next = v->next;
        if (v->apart == (kind == APART)) {
            v->changed(v, x, y, width, height);
        }
    }
}

/* Copies a tile to what is shown; false: it was the same. */
static bool copy_tile(const struct surface *now, struct surface *shown, unsigned x, unsigned y)
{
    size_t bytes = MIN(SCREEN_TILE_WIDTH, now->width - x) * sizeof(uint32_t);
    unsigned end = MIN(y + SCREEN_TILE_HEIGHT, now->height);
    bool differs = false;

    for (unsigned row = y; row < end; row++) {
        const uint32_t *from = now->pixels + (size_t)row * now->width + x;
        uint32_t *to = surface_row(shown, row) + x;

        if (memcmp(to, from, bytes) != 0) {
            memcpy(to, from, bytes);
            differs = true;
        }
    }
    return differs;
}

/* A row of tiles: neighbours that differ are told as one.  Returns how many did. */
static unsigned compare_row(struct screen *s, unsigned kind, unsigned y)
{
    unsigned run = 0, found = 0;

    for (unsigned x = 0; x < s->now.width; x += SCREEN_TILE_WIDTH) {
        if (copy_tile(&s->now, &s->shown[kind], x, y)) {
            run += MIN(SCREEN_TILE_WIDTH, s->now.width - x);
            found++;
        } else if (run) {
            tell_changed(s, kind, x - run, y, run);
            run = 0;
        }
    }
    if (run) {
        tell_changed(s, kind, s->now.width - run, y, run);
    }
    return found;
}

static unsigned compare(struct screen *s, unsigned kind)
{
    unsigned found = 0;

    if (!s->shown[kind].pixels) {
        return 0;
    }
    for (unsigned y = s->now.dirty_first / SCREEN_TILE_HEIGHT * SCREEN_TILE_HEIGHT;
         y < s->now.dirty_end; y += SCREEN_TILE_HEIGHT) {
        found += compare_row(s, kind, y);
    }
    return found;
}

/* The card's pointer --------------------------------------------------------------------------- */

static const struct display_cursor *find_cursor(const struct screen *s)
{
    struct display_console *c;
    struct vc *vc;

    screen_find(s->machine, s->place, &c, &vc);
    return c && c->cursor && c->cursor->width <= CURSOR_MAX && c->cursor->height <= CURSOR_MAX
               ? c->cursor
               : NULL;
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

/* The pixel of `now` that the i-th of the pointer lies on; NULL: it is beside the picture. */
static uint32_t *pixel_below(struct screen *s, unsigned i)
{
    const struct display_cursor *p = &s->cursor;
    int64_t x = (int64_t)p->x + i % p->width;
    int64_t y = (int64_t)p->y + i / p->width;

    return x < 0 || y < 0 || x >= s->now.width || y >= s->now.height
               ? NULL
               : surface_row(&s->now, (unsigned)y) + x;
}

/* The rows where it is are compared. */
static void mark_cursor(struct screen *s)
{
    const struct display_cursor *p = &s->cursor;
    int64_t top = p->y, end = MIN(top + p->height, (int64_t)s->now.height);

    if (p->visible && MAX(top, 0) < end) {
        surface_mark_dirty(&s->now, (unsigned)MAX(top, 0), (unsigned)end);
    }
}

/* The pointer in `now`, and what it hides in `hidden`. */
static void lay_cursor(struct screen *s)
{
    const struct display_cursor *p = find_cursor(s);

    mark_cursor(s);
    s->cursor.visible = false;
    if (!p || !p->visible) {
        return;
    }
    memcpy(&s->cursor, p, offsetof(struct display_cursor, pixels));
    for (unsigned i = 0; i < p->width * p->height; i++) {
        uint32_t *to = pixel_below(s, i);

        if (to) {
            s->hidden[i] = *to;
            *to = over(p->pixels[i], *to);
        }
    }
    mark_cursor(s);
}

static void lift_cursor(struct screen *s)
{
    for (unsigned i = 0; s->cursor.visible && i < s->cursor.width * s->cursor.height; i++) {
        uint32_t *to = pixel_below(s, i);

        if (to) {
            *to = s->hidden[i];
        }
    }
}

/* Looking --------------------------------------------------------------------------------------- */

/* The whole picture, for viewers of a kind. */
static void take_whole(struct screen *s, unsigned kind)
{
    struct surface *shown = &s->shown[kind];

    surface_resize(shown, s->now.width, s->now.height);
    if (!shown->pixels || !s->now.pixels) {
        return;
    }
    if (kind == LAID) {
        lay_cursor(s);
    }
    memcpy(shown->pixels, s->now.pixels, (size_t)s->now.width * s->now.height * sizeof(uint32_t));
    if (kind == LAID) {
        lift_cursor(s);
    }
}

/* Returns how many tiles are different now. */
static unsigned look(struct screen *s)
{
    unsigned found, kind = has_viewers(s, LAID) ? LAID : APART;

    if (!draw(s) || !s->now.pixels) { /* no memory for it: what was seen stays */
        return 0;
    }
    if (s->now.width != s->shown[kind].width || s->now.height != s->shown[kind].height) {
        for (unsigned k = 0; k < KINDS; k++) {
            if (has_viewers(s, k)) {
                take_whole(s, k);
            }
        }
        if (!s->shown[kind].pixels) {
            return 0;
        }
        tell_resized(s);
        return FEW_TILES + 1;
    }
    found = compare(s, APART);
    if (s->shown[LAID].pixels) {
        unsigned more;

        lay_cursor(s);
        more = compare(s, LAID);
        lift_cursor(s);
        found = MAX(found, more);
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
    for (unsigned kind = 0; kind < KINDS; kind++) {
        surface_clear(&s->shown[kind]);
    }
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
    unsigned kind = v->apart ? APART : LAID;
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
        draw(s);
    }
    screen_unwatch(v);
    if (!has_viewers(s, kind)) {
        take_whole(s, kind);
    }
    v->screen = s;
    v->next = s->viewers;
    s->viewers = v;
    if (s->shown[kind].pixels) {
        v->resized(v);
    }
    if (!m->screens->timer) {
        start_timer(m, SLOW_MS);
    }
    screen_hurry(m);
    return true;
}

/* A kind that nobody watches costs nothing. */
static void forget_kinds(struct screen *s)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (!has_viewers(s, kind)) {
            surface_clear(&s->shown[kind]);
        }
    }
}

void screen_unwatch(struct screen_viewer *v)
{
    struct screen_viewer **link;
    struct screen *s = v->screen;

    if (!s) {
        return;
    }
    for (link = &s->viewers; *link != v; link = &(*link)->next) {
    }
    *link = v->next;
    v->screen = NULL;
    v->next = NULL;
    if (s->viewers) {
        forget_kinds(s);
    } else {
        free_screen(s);
    }
}

void screen_set_apart(struct screen_viewer *v, bool apart)
{
    struct screen *s = v->screen;
    unsigned kind = apart ? APART : LAID;

    if (v->apart == apart) {
        return;
    }
    if (s && !has_viewers(s, kind)) {
        take_whole(s, kind);
    }
    v->apart = apart;
    if (s) {
        forget_kinds(s);
        v->changed(v, 0, 0, s->shown[kind].width, s->shown[kind].height);
    }
}

const struct display_cursor *screen_cursor(const struct screen_viewer *v)
{
    return v->screen ? find_cursor(v->screen) : NULL;
}

const struct surface *screen_picture(const struct screen_viewer *v)
{
    return &v->screen->shown[v->apart ? APART : LAID];
}

bool screen_size(struct machine *m, unsigned i, unsigned *width, unsigned *height)
{
    struct surface drawn = { 0 };
    struct display_console *c;
    struct vc *vc;

    for (struct screen *s = m->screens ? m->screens->list : NULL; s; s = s->next) {
        if (s->place == i && s->viewers) {
            *width = s->now.width;
            *height = s->now.height;
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
