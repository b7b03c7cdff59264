/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_text.c: text modes: characters, attributes and the cursor as pixels, and as cells.
 *
 * A character's byte is in plane 0, its attribute in plane 1 and the font, 32 bytes a character, in
 * plane 2 (PS/2 Hardware Interface Technical Reference, "Alphanumeric Modes").
 *
 * Thread: under the machine lock.
 */
#include "hw/display/vga.h"

#include "util/error.h"

#define FONT_BYTES 32u

enum { CURSOR_OFF = 0x20 }; /* of the cursor start register */
enum { ATTR_UNDERLINE = 0x01, ATTR_FONT = 0x08, ATTR_BLINK = 0x80 };
enum { CURSOR_FRAMES = 8, BLINK_FRAMES = 16 }; /* lit, then dark for as long */
/* Of these, line drawing, the ninth dot repeats the eighth. */
enum { LINE_FIRST = 0xc0, LINE_LAST = 0xdf };

/* Offset in plane 2 of font A (used where attribute bit 3 is 1) or B. */
static uint32_t font_base(const struct vga *v, bool a)
{
    uint8_t r = v->sr[SR_FONT];
    unsigned low = a ? r >> 2 & 3 : r & 3, high = a ? r >> 5 & 1 : r >> 4 & 1;

    return low * 0x4000u + high * 0x2000u;
}

/* Is the cursor's block lit on this row of its character? */
static bool cursor_row(const struct vga *v, unsigned row, unsigned frame)
{
    uint8_t start = v->cr[CR_CURSOR_START];

    return !(start & CURSOR_OFF) && row >= (start & 31u) && row <= (v->cr[CR_CURSOR_END] & 31u) &&
           frame / CURSOR_FRAMES % 2 == 0;
}

static uint32_t cursor_counter(const struct vga *v)
{
    unsigned at = (unsigned)v->cr[CR_CURSOR_HIGH] << 8 | v->cr[CR_CURSOR_LOW];

    return (at + (v->cr[CR_CURSOR_END] >> 5 & 3)) & 0xffff; /* with its skew */
}

/* The dots of a character's row, bit 8 leftmost; width 8 uses bits 8 to 1. */
static unsigned character_dots(const struct vga *v, uint8_t code, uint8_t attr, unsigned row)
{
    const uint8_t *vram = v->vram.ram->host;
    uint32_t at = font_base(v, attr & ATTR_FONT) + code * FONT_BYTES + (row & (FONT_BYTES - 1));
    unsigned bits = vram[at * 4 + 2], dots = bits << 1;

    if ((v->ar[AR_MODE] & AR10_LINE_GRAPHICS) && code >= LINE_FIRST && code <= LINE_LAST) {
        dots |= bits & 1;
    }
    if ((attr & 7) == ATTR_UNDERLINE && row == (v->cr[CR_UNDERLINE] & 31u)) {
        dots = 0x1ff;
    }
    return dots;
}

void vga_text_line(const struct vga *v, const struct vga_line *l, const uint32_t colours[256],
                   unsigned frame, unsigned chars, uint32_t *out)
{
    unsigned width = vga_char_width(v);
    bool blink = v->ar[AR_MODE] & AR10_BLINK, dark = frame / BLINK_FRAMES % 2;
    bool cursor = cursor_row(v, l->row, frame);
    uint32_t cursor_at = cursor_counter(v);

    for (unsigned c = 0; c < chars; c++) {
        uint32_t counter = (l->counter + c) & 0xffff;
        const uint8_t *cell = v->vram.ram->host + vga_plane_address(v, counter, l->row) * (size_t)4;
        uint8_t attr = cell[1];
        unsigned dots = character_dots(v, cell[0], attr, l->row);
        uint32_t fore = colours[vga_attribute(v, attr & 15)];
        uint32_t back = colours[vga_attribute(v, attr >> 4 & (blink ? 7 : 15))];

        if (blink && (attr & ATTR_BLINK) && dark) {
            dots = 0;
        }
        if (cursor && counter == cursor_at) {
            dots = 0x1ff;
        }
        for (unsigned x = 0; x < width; x++) {
            *out++ = dots >> (8 - x) & 1 ? fore : back;
        }
    }
}

static bool cursor_shown(const struct vga *v)
{
    return !(v->cr[CR_CURSOR_START] & CURSOR_OFF) &&
           (v->cr[CR_CURSOR_START] & 31u) <= (v->cr[CR_CURSOR_END] & 31u);
}

static void fill_row(const struct vga *v, struct text_screen *t, unsigned y, uint32_t counter)
{
    bool blink = v->ar[AR_MODE] & AR10_BLINK;
    struct text_cell *cell = text_row(t, y);

    for (unsigned x = 0; x < t->columns; x++, cell++) {
        uint32_t at = vga_plane_address(v, (counter + x) & 0xffff, 0);
        const uint8_t *bytes = v->vram.ram->host + at * (size_t)4;

        cell->ch = cp437[bytes[0]];
        cell->attr = blink && bytes[1] & ATTR_BLINK ? (bytes[1] & 0x7f) | TEXT_BLINK : bytes[1];
        if (((counter + x) & 0xffff) == cursor_counter(v) && cursor_shown(v)) {
            t->cursor_x = (int)x;
            t->cursor_y = (int)y;
        }
    }
}

bool vga_text(void *opaque, struct text_screen *t, GError **error)
{
    struct vga *v = opaque;
    unsigned high = ((v->cr[CR_MAX_SCAN] & 31u) + 1) << (v->cr[CR_MAX_SCAN] & CR9_DOUBLE ? 1 : 0);
    unsigned rows = (vga_v_end(v) + 1) / high, bpp;

    text_screen_resize(t, 0, 0);
    if (v->extension && v->extension->graphics &&
        v->extension->graphics(v, &t->width, &t->height, &bpp)) {
        set_error(error, "the screen is in a graphics mode, %ux%u with %u bits a pixel", t->width,
                  t->height, bpp);
        return false;
    }
    if (vbe_enabled(v)) {
        t->width = v->vbe.regs[VBE_XRES];
        t->height = v->vbe.regs[VBE_YRES];
        set_error(error, "the screen is in a graphics mode, %ux%u with %u bits a pixel", t->width,
                  t->height, v->vbe.regs[VBE_BPP]);
        return false;
    }
    if (v->vbe_only || !(v->ar_index & AR_PAS)) {
        set_error(error, "the screen is blank: nobody has set a mode");
        return false;
    }
    if (v->gr[GR_MISC] & GR6_GRAPHICS) {
        vga_graphics_size(v, &t->width, &t->height);
        set_error(error, "the screen is in a graphics mode");
        return false;
    }
    text_screen_resize(t, v->cr[CR_H_END] + 1u, rows);
    for (unsigned y = 0; y < rows; y++) {
        fill_row(v, t, y, vga_start(v) + y * v->cr[CR_OFFSET] * 2u);
    }
    return true;
}
