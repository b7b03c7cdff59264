/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_text.c: text modes: characters, attributes and the cursor as pixels, and as UTF-8.
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

/* clang-format off */
/* Code page 437, which the BIOS's font shows, as Unicode. */
static const uint16_t cp437[256] = {
    0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642,
    0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
    0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc, 0x0020, 0x0021, 0x0022, 0x0023,
    0x0024, 0x0025, 0x0026, 0x0027, 0x0028, 0x0029, 0x002a, 0x002b, 0x002c, 0x002d, 0x002e, 0x002f,
    0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003a, 0x003b,
    0x003c, 0x003d, 0x003e, 0x003f, 0x0040, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047,
    0x0048, 0x0049, 0x004a, 0x004b, 0x004c, 0x004d, 0x004e, 0x004f, 0x0050, 0x0051, 0x0052, 0x0053,
    0x0054, 0x0055, 0x0056, 0x0057, 0x0058, 0x0059, 0x005a, 0x005b, 0x005c, 0x005d, 0x005e, 0x005f,
    0x0060, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067, 0x0068, 0x0069, 0x006a, 0x006b,
    0x006c, 0x006d, 0x006e, 0x006f, 0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077,
    0x0078, 0x0079, 0x007a, 0x007b, 0x007c, 0x007d, 0x007e, 0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2,
    0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2,
    0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
    0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566,
    0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
    0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0,
    0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
    0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a,
    0x207f, 0x00b2, 0x25a0, 0x0020,
};
/* clang-format on */

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

static void append_line(const struct vga *v, uint32_t counter, unsigned chars, GString *out)
{
    gsize end = out->len; /* of what is not blank */

    for (unsigned c = 0; c < chars; c++) {
        uint32_t at = vga_plane_address(v, (counter + c) & 0xffff, 0);
        uint16_t point = cp437[v->vram.ram->host[at * (size_t)4]];

        g_string_append_unichar(out, point);
        if (point != ' ') {
            end = out->len;
        }
    }
    g_string_truncate(out, end);
    g_string_append_c(out, '\n');
}

bool vga_text(void *opaque, GString *out, GError **error)
{
    struct vga *v = opaque;
    unsigned high = ((v->cr[CR_MAX_SCAN] & 31u) + 1) << (v->cr[CR_MAX_SCAN] & CR9_DOUBLE ? 1 : 0);
    unsigned rows = (vga_v_end(v) + 1) / high;

    if (vbe_enabled(v)) {
        set_error(error, "the screen is in a graphics mode, %ux%u with %u bits a pixel",
                  v->vbe.regs[VBE_XRES], v->vbe.regs[VBE_YRES], v->vbe.regs[VBE_BPP]);
        return false;
    }
    if (v->vbe_only || !(v->ar_index & AR_PAS)) {
        set_error(error, "the screen is blank: nobody has set a mode");
        return false;
    }
    if (v->gr[GR_MISC] & GR6_GRAPHICS) {
        set_error(error, "the screen is in a graphics mode");
        return false;
    }
    for (unsigned y = 0; y < rows; y++) {
        append_line(v, vga_start(v) + y * v->cr[CR_OFFSET] * 2u, v->cr[CR_H_END] + 1u, out);
    }
    return true;
}
