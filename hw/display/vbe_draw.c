/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vbe_draw.c: the linear modes' picture.  Only rows on pages that were written since the last
 * look are drawn.
 *
 * Thread: under the machine lock; vCPUs may write vram meanwhile, and the next look sees it.
 */
#include <string.h>
#include "hw/display/vga.h"

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

void vbe_update(struct vga *v, struct surface *s, const uint32_t colours[256], bool full)
{
    unsigned width = v->vbe.regs[VBE_XRES], height = v->vbe.regs[VBE_YRES];
    draw_fn *draw = find_format(v->vbe.regs[VBE_BPP]);
    uint64_t start = v->vbe.start, row = v->vbe.line;
    uint64_t used = (uint64_t)width * ((v->vbe.regs[VBE_BPP] + 7) / 8);
    g_autofree uint64_t *bitmap = NULL;
    bool all = full || v->redraw || s->width != width || s->height != height;

    surface_resize(s, width, height);
    if (!s->pixels) {
        return;
    }
    if (!full) {
        bitmap = g_new(uint64_t, ((row * height >> GUEST_PAGE_BITS) + 2 + 63) / 64);
        ram_dirty_collect(v->machine, v->vram.ram, start, row * height, RAM_PAGE_DISPLAY, bitmap);
    }
    for (unsigned y = 0; y < height; y++) {
        uint64_t from = start + y * row;

        /* The last row of a panned picture ends with what is shown of it. */
        if (from + used > v->vram.ram->size) {
            break;
        }
        if (all || touched(bitmap, start, from, used)) {
            draw(v->vram.ram->host + from, surface_row(s, y), width, colours, v->big_endian);
            surface_mark_dirty(s, y, y + 1);
        }
    }
    if (!full) {
        v->redraw = false;
    }
}
