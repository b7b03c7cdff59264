/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/cirrus_draw.c: the CL-GD5446's picture of packed pixels, and the pointer that it lays over it.
 * The pointer may invert what is below, so it is drawn here.  Source, invariants and thread: cirrus.h.
 */
#include <string.h>
#include "hw/display/cirrus.h"

#define CURSOR_AREA 0x4000u /* patterns are in the last 16 KiB of memory */

static unsigned depth(const struct cirrus *s)
{
    static const uint8_t bpp[8] = { 8, 16, 24, 16, 32, 8, 8, 8 };
    unsigned n = bpp[s->sr[SR_MODE] >> 1 & 7];

    /* The DAC says which bits are which colour: 5-6-5 is mode 1. */
    return n == 16 && (s->dac_mode & 0x0f) != 1 ? 15 : n;
}

bool cirrus_graphics(struct vga *v, unsigned *width, unsigned *height, unsigned *bpp)
{
    const struct cirrus *s = cirrus_of(v);

    if (!cirrus_packed(s)) {
        return false;
    }
    *width = (v->cr[CR_H_END] + 1u) * 8;
    *height = (vga_v_end(v) + 1) << (s->cr[CR_INTERLACE] & 1);
    *bpp = depth(s);
    return true;
}

/* False: memory is too small for the mode. */
static bool describe(const struct cirrus *s, struct linear *l)
{
    const struct vga *v = &s->vga;
    uint8_t ext = s->cr[CR_EXTENDED];
    uint32_t start =
        vga_start(v) | (ext & 1u) << 16 | (ext & 0x0cu) << 15 | (s->cr[CR_OVERLAY] & 0x80u) << 12;
    uint64_t used;

    *l = (struct linear){ .ram = v->vram.ram, .start = (uint64_t)start * 4 & cirrus_mask(s) };
    cirrus_graphics((struct vga *)v, &l->width, &l->height, &l->bpp);
    l->line = (v->cr[CR_OFFSET] | (ext & 0x10u) << 4) * 8u;
    used = (uint64_t)l->width * ((l->bpp + 7) / 8);
    return l->line && l->start + l->line * (l->height - 1) + used <= l->ram->size;
}

static uint32_t cursor_colour(const struct cirrus *s, unsigned entry)
{
    uint32_t pixel = 0;

    for (unsigned c = 0; c < 3; c++) {
        unsigned level = s->cursor_dac[entry * 3 + c] & 63;

        pixel = pixel << 8 | level << 2 | level >> 4;
    }
    return pixel;
}

/* Row y of the pointer over a row of the picture: two bits a pixel: leave, invert, colour 0, colour 15. */
static void draw_cursor_row(const struct cirrus *s, unsigned y, uint32_t *row, unsigned width)
{
    bool large = s->sr[SR_CURSOR] & SR12_LARGE;
    unsigned side = large ? 64 : 32, address = s->sr[SR_CURSOR_ADDRESS] & (large ? 0x3c : 0x3f);
    const uint8_t *pattern =
        s->vga.vram.ram->host + s->vga.vram.ram->size - CURSOR_AREA + address * 256;
    const uint8_t *first = pattern + (large ? y * 16 : y * 4), *second = first + (large ? 8 : 128);
    uint32_t colours[2] = { cursor_colour(s, 0), cursor_colour(s, 15) };

    for (unsigned x = 0; x < side && s->cursor_x + x < width; x++) {
        unsigned shift = 7 - x % 8;
        unsigned bits = (first[x / 8] >> shift & 1u) | (second[x / 8] >> shift & 1u) << 1;
        uint32_t *to = &row[s->cursor_x + x];

        *to = bits == 0 ? *to : bits == 1 ? *to ^ 0xffffff : colours[bits & 1];
    }
}

/* Rows that have the pointer, or had it, are drawn anew and compared. */
static void draw_cursor(struct cirrus *s, const struct linear *l, struct surface *surface,
                        const uint32_t colours[256], bool full)
{
    unsigned side = s->sr[SR_CURSOR] & SR12_LARGE ? 64 : 32;
    bool shown = s->sr[SR_CURSOR] & SR12_SHOWN;
    unsigned first = shown ? MIN(s->cursor_y, surface->height) : 0;
    unsigned end = shown ? MIN(s->cursor_y + side, surface->height) : 0;
    g_autofree uint32_t *row = g_new(uint32_t, surface->width);

    for (unsigned y = 0; y < surface->height; y++) {
        bool now = y >= first && y < end;

        if (now || (y >= s->cursor_first && y < s->cursor_end)) {
            linear_draw(l->bpp, l->ram->host + l->start + y * l->line, row, l->width, colours,
                        false);
            if (now) {
                draw_cursor_row(s, y - s->cursor_y, row, l->width);
            }
            surface_put_row(surface, y, row);
        }
    }
    if (!full) {
        s->cursor_first = first;
        s->cursor_end = end;
    }
}

bool cirrus_update(struct vga *v, struct surface *surface, const uint32_t colours[256], bool full)
{
    struct cirrus *s = cirrus_of(v);
    struct linear l;

    if (!cirrus_packed(s) || (v->sr[SR_CLOCKING] & SR1_SCREEN_OFF) || !(v->ar_index & AR_PAS) ||
        !describe(s, &l)) {
        return false;
    }
    linear_update(v->machine, &l, surface, colours, v->redraw, full);
    if (surface->pixels) {
        draw_cursor(s, &l, surface, colours, full);
    }
    if (!full) {
        v->redraw = false;
    }
    return true;
}
