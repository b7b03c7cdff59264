/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/linear.c: pictures that lie in guest memory as rows of pixels.  Only rows on pages that were
 * written since the last look are drawn.
 *
 * Thread: under the machine lock; vCPUs may write the memory meanwhile, and the next look sees it.
 */
#include "hw/display/linear.h"

#include <string.h>

/* 5 or 6 bits as 8, so that all ones become all ones. */
static uint32_t wide5(unsigned c)
{
    return (c & 31) << 3 | (c & 31) >> 2;
}

static uint32_t wide6(unsigned c)
{
    return (c & 63) << 2 | (c & 63) >> 4;
}

static unsigned load16(const uint8_t *p, bool big)
{
    return big ? p[0] << 8 | p[1] : p[1] << 8 | p[0];
}

static void draw8(const uint8_t *from, uint32_t *to, unsigned n, const uint32_t *colours, bool big)
{
    (void)big;
    for (unsigned x = 0; x < n; x++) {
        to[x] = colours[from[x]];
    }
}

static void draw15(const uint8_t *from, uint32_t *to, unsigned n, const uint32_t *colours, bool big)
{
    (void)colours;
    for (unsigned x = 0; x < n; x++) {
        unsigned c = load16(from + x * 2, big);

        to[x] = wide5(c >> 10) << 16 | wide5(c >> 5) << 8 | wide5(c);
    }
}

static void draw16(const uint8_t *from, uint32_t *to, unsigned n, const uint32_t *colours, bool big)
{
    (void)colours;
    for (unsigned x = 0; x < n; x++) {
        unsigned c = load16(from + x * 2, big);

        to[x] = wide5(c >> 11) << 16 | wide6(c >> 5) << 8 | wide5(c);
    }
}

static void draw24(const uint8_t *from, uint32_t *to, unsigned n, const uint32_t *colours, bool big)
{
    unsigned red = big ? 0 : 2;

    (void)colours;
    for (unsigned x = 0; x < n; x++, from += 3) {
        to[x] = (uint32_t)from[red] << 16 | (uint32_t)from[1] << 8 | from[2 - red];
    }
}

static void draw32(const uint8_t *from, uint32_t *to, unsigned n, const uint32_t *colours, bool big)
{
    (void)colours;
    for (unsigned x = 0; x < n; x++, from += 4) {
        to[x] = big ? (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3]
                    : (uint32_t)from[2] << 16 | (uint32_t)from[1] << 8 | from[0];
    }
}

typedef void draw_fn(const uint8_t *from, uint32_t *to, unsigned n, const uint32_t *colours,
                     bool big);

static const struct {
    unsigned bpp;
    draw_fn *draw;
} formats[] = {
    { 8, draw8 }, { 15, draw15 }, { 16, draw16 }, { 24, draw24 }, { 32, draw32 },
};

static draw_fn *find_format(unsigned bpp)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].bpp == bpp) {
            return formats[i].draw;
        }
    }
    return draw8;
}

/* Is any page of vram [first, first + len) in the bitmap, whose bit 0 is the page of `base`? */
static bool touched(const uint64_t *bitmap, uint64_t base, uint64_t first, uint64_t len)
{
    uint64_t page = (first >> GUEST_PAGE_BITS) - (base >> GUEST_PAGE_BITS);
    uint64_t last = ((first + len - 1) >> GUEST_PAGE_BITS) - (base >> GUEST_PAGE_BITS);

    for (; page <= last; page++) {
        if (bitmap[page / 64] >> (page % 64) & 1) {
            return true;
        }
    }
    return false;
}

void linear_draw(unsigned bpp, const uint8_t *from, uint32_t *to, unsigned n,
                 const uint32_t *colours, bool big_endian)
{
    find_format(bpp)(from, to, n, colours, big_endian);
}

void linear_update(struct machine *m, const struct linear *l, struct surface *s,
                   const uint32_t *colours, bool all, bool full)
{
    draw_fn *draw = find_format(l->bpp);
    uint64_t used = (uint64_t)l->width * ((l->bpp + 7) / 8);
    /* A row may be longer than what lies between it and the next. */
    uint64_t len = MIN(l->line * (l->height - 1) + used, l->ram->size - l->start);
    g_autofree uint64_t *bitmap = NULL;

    all |= full || s->width != l->width || s->height != l->height;
    surface_resize(s, l->width, l->height);
    if (!s->pixels) {
        return;
    }
    if (!full) {
        bitmap = g_new(uint64_t, ((len >> GUEST_PAGE_BITS) + 2 + 63) / 64);
        ram_dirty_collect(m, l->ram, l->start, len, RAM_PAGE_DISPLAY, bitmap);
    }
    for (unsigned y = 0; y < l->height; y++) {
        uint64_t from = l->start + y * l->line;

        /* The last row of a panned picture ends with what is shown of it. */
        if (from + used > l->ram->size) {
            break;
        }
        if (all || touched(bitmap, l->start, from, used)) {
            draw(l->ram->host + from, surface_row(s, y), l->width, colours, l->big_endian);
            surface_mark_dirty(s, y, y + 1);
        }
    }
}
