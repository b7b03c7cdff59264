/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_update.c: what of the picture a client has not seen yet, and sending it: an update when the client asked
 * for one, of at most UPDATE_PIXELS, so that the main loop goes on; the rest follows when it asks again.
 *
 * Invariants: dirty has a byte for each tile of the client's screen, whose size is what the client was told; what
 *             of it is beside the picture is black.
 * Thread:     main loop, machine lock held.
 */
#include "ui/vnc_server.h"

#include <string.h>
#include "softmmu/machine.h"

#define UPDATE_PIXELS (512u << 10)
#define RECT_MAX      2048u /* Tight's limit of a width */
#define SIZE_MAX_RFB  65535u

enum {
    ENCODING_DESKTOP_SIZE = -223,
    ENCODING_CURSOR = -239,
    ENCODING_POINTER_CHANGE = -257,
    ENCODING_KEY_EVENT = -258,
    ENCODING_EXTENDED_SIZE = -308,
    ENCODING_ALPHA_CURSOR = -314,
};
enum { SIZE_BY_SERVER, SIZE_BY_CLIENT }; /* of ExtendedDesktopSize: why it comes */

static struct vnc_client *client_of(struct screen_viewer *v)
{
    return (struct vnc_client *)((char *)v - offsetof(struct vnc_client, viewer.screen));
}

void vnc_mark(struct vnc_client *c, unsigned x, unsigned y, unsigned width, unsigned height)
{
    unsigned right = MIN(x + width, c->width), bottom = MIN(y + height, c->height);

    if (x >= right || y >= bottom) {
        return;
    }
    for (unsigned row = y / SCREEN_TILE_HEIGHT; row <= (bottom - 1) / SCREEN_TILE_HEIGHT; row++) {
        unsigned first = x / SCREEN_TILE_WIDTH, last = (right - 1) / SCREEN_TILE_WIDTH;

        memset(c->dirty + (size_t)row * c->tiles_wide + first, 1, last - first + 1);
    }
}

static void set_size(struct vnc_client *c, unsigned width, unsigned height)
{
    c->width = MIN(width, SIZE_MAX_RFB);
    c->height = MIN(height, SIZE_MAX_RFB);
    c->tiles_wide = (c->width + SCREEN_TILE_WIDTH - 1) / SCREEN_TILE_WIDTH;
    c->tiles_high = (c->height + SCREEN_TILE_HEIGHT - 1) / SCREEN_TILE_HEIGHT;
    g_free(c->dirty);
    c->dirty = g_malloc0((size_t)c->tiles_wide * c->tiles_high + 1);
    vnc_mark(c, 0, 0, c->width, c->height);
}

/* The screen's events --------------------------------------------------------------------------- */

static void picture_resized(struct screen_viewer *v)
{
    struct vnc_client *c = client_of(v);
    const struct surface *s = screen_picture(v);

    if (!c->initialized) {
        set_size(c, s->width, s->height);
    }
    c->resized = s->width != c->width || s->height != c->height;
    vnc_mark(c, 0, 0, c->width, c->height);
}

static void picture_changed(struct screen_viewer *v, unsigned x, unsigned y, unsigned width,
                            unsigned height)
{
    vnc_mark(client_of(v), x, y, width, height);
}

static void picture_drawn(struct screen_viewer *v)
{
    vnc_update(client_of(v));
}

void vnc_update_init(struct vnc_client *c)
{
    c->viewer.screen.resized = picture_resized;
    c->viewer.screen.changed = picture_changed;
    c->viewer.screen.drawn = picture_drawn;
    set_size(c, 0, 0);
}

void vnc_update_clear(struct vnc_client *c)
{
    g_free(c->dirty);
}

/* Rectangles ------------------------------------------------------------------------------------ */

struct rect {
    unsigned x, y, width, height; /* in tiles */
};

static bool row_is_dirty(const struct vnc_client *c, unsigned x, unsigned y, unsigned width)
{
    const uint8_t *row = c->dirty + (size_t)y * c->tiles_wide + x;

    return memchr(row, 0, width) == NULL;
}

/* Takes the next rectangle of dirty tiles, of at most `pixels`; false: nothing is dirty. */
static bool take_rect(struct vnc_client *c, unsigned pixels, struct rect *r)
{
    size_t n = (size_t)c->tiles_wide * c->tiles_high;
    const uint8_t *first = memchr(c->dirty, 1, n);
    unsigned tile = SCREEN_TILE_WIDTH * SCREEN_TILE_HEIGHT, at;

    if (!first) {
        return false;
    }
    at = (unsigned)(first - c->dirty);
    *r = (struct rect){ at % c->tiles_wide, at / c->tiles_wide, 1, 1 };
    while (r->x + r->width < c->tiles_wide && first[r->width] &&
           (r->width + 1) * SCREEN_TILE_WIDTH <= RECT_MAX && (r->width + 1) * tile <= pixels) {
        r->width++;
    }
    while (r->y + r->height < c->tiles_high && r->width * (r->height + 1) * tile <= pixels &&
           row_is_dirty(c, r->x, r->y + r->height, r->width)) {
        r->height++;
    }
    for (unsigned y = r->y; y < r->y + r->height; y++) {
        memset(c->dirty + (size_t)y * c->tiles_wide + r->x, 0, r->width);
    }
    return true;
}

static void put_header(struct vnc_client *c, unsigned x, unsigned y, unsigned width,
                       unsigned height, int encoding)
{
    vnc_put16(c, x);
    vnc_put16(c, y);
    vnc_put16(c, width);
    vnc_put16(c, height);
    vnc_put32(c, (uint32_t)encoding);
}

/* The pixels of a rectangle, black beside the picture. */
static uint32_t *copy_pixels(const struct vnc_client *c, unsigned x, unsigned y, unsigned width,
                             unsigned height)
{
    const struct surface *s = screen_picture(&c->viewer.screen);
    uint32_t *pixels = g_new0(uint32_t, (size_t)width * height);
    unsigned there = x < s->width ? MIN(width, s->width - x) : 0;

    for (unsigned row = 0; there && row < height && y + row < s->height; row++) {
        memcpy(pixels + (size_t)row * width, s->pixels + (size_t)(y + row) * s->width + x,
               there * sizeof(*pixels));
    }
    return pixels;
}

/* Returns the number of its pixels. */
static unsigned put_rect(struct vnc_client *c, const struct rect *r)
{
    unsigned x = r->x * SCREEN_TILE_WIDTH, y = r->y * SCREEN_TILE_HEIGHT;
    unsigned width = MIN(r->width * SCREEN_TILE_WIDTH, c->width - x);
    unsigned height = MIN(r->height * SCREEN_TILE_HEIGHT, c->height - y);
    g_autofree uint32_t *pixels = copy_pixels(c, x, y, width, height);

    put_header(c, x, y, width, height, c->encoding);
    vnc_encode(c, pixels, width, height);
    return r->width * SCREEN_TILE_WIDTH * r->height * SCREEN_TILE_HEIGHT;
}

/* News ------------------------------------------------------------------------------------------ */

void vnc_tell_size(struct vnc_client *c, unsigned result)
{
    c->tell_size = c->can_extend;
    c->size_reason = SIZE_BY_CLIENT;
    c->size_result = result;
}

/* The first update tells a client that it may ask for a size. */
void vnc_update_abilities(struct vnc_client *c)
{
    c->tell_size = c->can_extend;
    c->size_reason = SIZE_BY_SERVER;
    c->size_result = VNC_SIZE_OK;
    c->cursor_known = false;
}

/* A client that is told of another size need not be told again. */
static void put_size(struct vnc_client *c)
{
    if (!c->can_extend) {
        put_header(c, 0, 0, c->width, c->height, ENCODING_DESKTOP_SIZE);
        return;
    }
    put_header(c, c->size_reason, c->size_result, c->width, c->height, ENCODING_EXTENDED_SIZE);
    vnc_put32(c, 1u << 24); /* one screen, padding */
    vnc_put32(c, 0);        /* its id */
    vnc_put16(c, 0);
    vnc_put16(c, 0);
    vnc_put16(c, c->width);
    vnc_put16(c, c->height);
    vnc_put32(c, 0); /* flags */
    c->tell_size = false;
    c->size_reason = SIZE_BY_SERVER;
    c->size_result = VNC_SIZE_OK;
}

/* The pointer that the client is to draw itself; NULL: none. */
static const struct display_cursor *cursor_of(const struct vnc_client *c)
{
    const struct display_cursor *p =
        c->viewer.screen.apart ? screen_cursor(&c->viewer.screen) : NULL;

    return p && p->visible ? p : NULL;
}

/* Where the guest's pointer takes positions it is where the client's is. */
static void choose_cursor(struct vnc_client *c)
{
    screen_set_apart(&c->viewer.screen, c->cursor != VNC_CURSOR_NONE && viewer_points(&c->viewer));
}

static bool has_cursor_news(const struct vnc_client *c)
{
    const struct display_cursor *p = cursor_of(c);

    if (c->cursor == VNC_CURSOR_NONE) {
        return false;
    }
    return p ? !c->cursor_known || !c->cursor_shown || c->cursor_serial != p->serial
             : c->cursor_known && c->cursor_shown;
}

/* Without a pointer to show: an empty picture, so that the last one does not stay. */
static void put_cursor(struct vnc_client *c)
{
    const struct display_cursor *p = cursor_of(c);

    put_header(c, p ? (unsigned)p->hot_x : 0, p ? (unsigned)p->hot_y : 0, p ? p->width : 0,
               p ? p->height : 0,
               c->cursor == VNC_CURSOR_ALPHA ? ENCODING_ALPHA_CURSOR : ENCODING_CURSOR);
    vnc_put_cursor(c, p);
    c->cursor_known = true;
    c->cursor_shown = p != NULL;
    c->cursor_serial = p ? p->serial : 0;
}

/* What is no picture but told as a rectangle.  Returns how many were put. */
static unsigned put_news(struct vnc_client *c)
{
    bool relative = c->knows_relative && !viewer_points(&c->viewer);
    unsigned n = 0;

    if (c->wants_keys && !c->told_keys) {
        put_header(c, 0, 0, c->width, c->height, ENCODING_KEY_EVENT);
        c->told_keys = true;
        n++;
    }
    if (c->knows_relative && relative != c->relative) {
        put_header(c, !relative, 0, c->width, c->height, ENCODING_POINTER_CHANGE);
        c->relative = relative;
        n++;
    }
    if ((c->resized && c->can_resize) || c->tell_size) {
        const struct surface *s = screen_picture(&c->viewer.screen);

        if (c->resized) {
            set_size(c, s->width, s->height);
        }
        put_size(c);
        n++;
    }
    c->resized = false;
    if (has_cursor_news(c)) {
        put_cursor(c);
        n++;
    }
    return n;
}

static bool has_news(const struct vnc_client *c)
{
    return (c->wants_keys && !c->told_keys) || (c->resized && c->can_resize) || c->tell_size ||
           has_cursor_news(c) || (c->knows_relative && c->relative == viewer_points(&c->viewer)) ||
           memchr(c->dirty, 1, (size_t)c->tiles_wide * c->tiles_high);
}

/* The number of rectangles stands before them. */
void vnc_update(struct vnc_client *c)
{
    unsigned left = UPDATE_PIXELS, n, at;
    struct rect r;

    if (!c->initialized || c->ending) {
        return;
    }
    choose_cursor(c);
    if (!c->requested || !vnc_is_drained(c) || !has_news(c)) {
        return;
    }
    c->requested = false;
    vnc_put8(c, 0);
    vnc_put8(c, 0);
    at = c->out->len;
    vnc_put16(c, 0);
    n = put_news(c);
    while (n < 0xffff && left >= SCREEN_TILE_WIDTH * SCREEN_TILE_HEIGHT && take_rect(c, left, &r)) {
        unsigned done = put_rect(c, &r);

        left -= MIN(done, left);
        n++;
    }
    if (!c->ending) {
        c->out->data[at] = (uint8_t)(n >> 8);
        c->out->data[at + 1] = (uint8_t)n;
    }
    vnc_flush(c);
}
