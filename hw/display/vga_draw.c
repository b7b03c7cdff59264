/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_draw.c: the picture that the VGA's registers and planes make: what each scan line
 * shows, and the graphics modes.  Text is in vga_text.c, linear DISPI modes in vbe_draw.c.
 *
 * A column of the picture is a dot of the full dot clock and a row is a scan line, as on a monitor:
 * mode 13h is 640x400.  A picture is drawn as of one moment: no raster effects.
 *
 * Source: PS/2 Hardware Interface Technical Reference, "Video Subsystem".
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/display/vga.h"

#define BLANK_WIDTH  640u
#define BLANK_HEIGHT 400u

void vga_palette(const struct vga *v, uint32_t colours[256])
{
    bool wide = v->vbe.regs[VBE_ENABLE] & VBE_8BIT_DAC;

    for (unsigned i = 0; i < 256; i++) {
        const uint8_t *entry = &v->dac[(i & v->dac_mask) * 3u];
        uint32_t pixel = 0;

        for (unsigned c = 0; c < 3; c++) {
            unsigned level = entry[c];

            pixel = pixel << 8 | (wide ? level : (level & 63) << 2 | (level & 63) >> 4);
        }
        colours[i] = pixel;
    }
}

uint8_t vga_attribute(const struct vga *v, unsigned value)
{
    uint8_t index = v->ar[value & v->ar[AR_PLANES] & 15];

    if (v->ar[AR_MODE] & AR10_P54S) {
        index = (uint8_t)((index & 0x0f) | (v->ar[AR_COLOUR] & 3) << 4);
    }
    return (uint8_t)((index & 0x3f) | (v->ar[AR_COLOUR] & 0x0c) << 4);
}

uint32_t vga_plane_address(const struct vga *v, uint32_t counter, unsigned row)
{
    uint8_t mode = v->cr[CR_MODE];
    uint32_t addr = counter;

    if (v->cr[CR_UNDERLINE] & CR14_DWORD) {
        /* Chained memory is stored packed (see vga.h): a count is a byte of each plane there. */
        if (!(v->sr[SR_MEMORY] & SR4_CHAIN4)) {
            addr = counter << 2 | (counter >> 14 & 3);
        }
    } else if (!(mode & CR17_BYTE)) {
        addr = counter << 1 | (counter >> (mode & 0x20 ? 15 : 13) & 1);
    }
    /* The row's low bits replace address bits 13 and 14: CGA's and Hercules' interleaving. */
    if (!(mode & 0x01)) {
        addr = (addr & ~0x2000u) | (row & 1) << 13;
    }
    if (!(mode & 0x02)) {
        addr = (addr & ~0x4000u) | (row >> 1 & 1) << 14;
    }
    return addr & (VGA_PLANE_SIZE - 1);
}

/* What holds for a whole picture. */
struct picture {
    unsigned chars;  /* character clocks of a line */
    unsigned dots;   /* pixels of a character clock */
    unsigned scale;  /* columns of a pixel */
    unsigned width;  /* columns */
    unsigned height; /* scan lines */
    unsigned frame;  /* since the machine started, for blinking */
    bool graphics;
    uint32_t colours[256]; /* DAC */
    uint32_t four[16];     /* by way of the attribute controller */
};

static void describe(struct vga *v, struct picture *p)
{
    unsigned clocks = v->sr[SR_CLOCKING] & SR1_HALF_CLOCK ? 2 : 1;
    struct vga_timing t;

    vga_timing_now(v, &t);
    p->frame = (unsigned)(clock_now(v->machine, CLOCK_KIND_VIRTUAL) / t.frame_ns);
    p->graphics = v->gr[GR_MISC] & GR6_GRAPHICS;
    p->chars = v->cr[CR_H_END] + 1u;
    p->dots = p->graphics ? 8 : vga_char_width(v);
    p->scale = clocks;
    if (p->graphics && (v->gr[GR_MODE] & GR5_256)) {
        p->dots = 4; /* a pixel takes two dots */
        p->scale = clocks * 2;
    }
    p->width = p->chars * p->dots * p->scale;
    p->height = (vga_v_end(v) + 1) << (v->cr[CR_MODE] & CR17_V_DOUBLE ? 1 : 0);
    vga_palette(v, p->colours);
    for (unsigned i = 0; i < 16; i++) {
        p->four[i] = p->colours[vga_attribute(v, i)];
    }
}

/* A pixel for each bit of the planes (16 colours), or for two bits of a pair (4 colours). */
static void draw_planar(const struct vga *v, const struct picture *p, const uint8_t plane[4],
                        uint32_t *out)
{
    for (unsigned x = 0; x < 8; x++) {
        unsigned value = 0;

        if (v->gr[GR_MODE] & GR5_INTERLEAVE) {
            unsigned odd = x >> 2, shift = 6 - (x & 3) * 2;

            value = (plane[odd] >> shift & 3) | (plane[odd + 2] >> shift & 3) << 2;
        } else {
            for (unsigned k = 0; k < 4; k++) {
                value |= (plane[k] >> (7 - x) & 1u) << k;
            }
        }
        out[x] = p->four[value];
    }
}

static void draw_graphics(const struct vga *v, const struct picture *p, const struct vga_line *l,
                          unsigned chars, uint32_t *out)
{
    for (unsigned c = 0; c < chars; c++, out += p->dots) {
        const uint8_t *plane =
            v->vram.ram->host + vga_plane_address(v, l->counter + c, l->row) * (size_t)4;

        if (v->gr[GR_MODE] & GR5_256) {
            for (unsigned x = 0; x < 4; x++) {
                out[x] = p->colours[plane[x]];
            }
        } else {
            draw_planar(v, p, plane, out);
        }
    }
}

/* Pixels that the panning register cuts off on the left. */
static unsigned panning(const struct vga *v, const struct picture *p)
{
    unsigned pan = v->ar[AR_PANNING] & 15;

    if (p->dots == 4) {
        return pan >> 1 & 3;
    }
    if (p->dots == 9) {
        return pan >= 8 ? 0 : pan + 1;
    }
    return pan & 7;
}

/* Draws one line: a character more than fits, of which panning takes its share. */
static void draw_line(const struct vga *v, const struct picture *p, const struct vga_line *l,
                      uint32_t *pixels, uint32_t *columns)
{
    unsigned n = p->chars * p->dots;

    if (p->graphics) {
        draw_graphics(v, p, l, p->chars + 1, pixels);
    } else {
        vga_text_line(v, l, p->colours, p->frame, p->chars + 1, pixels);
    }
    pixels += l->pan;
    for (unsigned x = 0; x < n; x++) {
        for (unsigned k = 0; k < p->scale; k++) {
            *columns++ = pixels[x];
        }
    }
}

/* The CRTC's walk over memory: rows, double scanning, the split at the line compare register. */
static void draw_lines(const struct vga *v, const struct picture *p, struct surface *s)
{
    g_autofree uint32_t *pixels = g_new0(uint32_t, (p->chars + 2) * (size_t)p->dots);
    g_autofree uint32_t *columns = g_new0(uint32_t, p->width);
    unsigned rows = (v->cr[CR_MAX_SCAN] & 31u) + 1, step = v->cr[CR_OFFSET] * 2u;
    unsigned doubled = v->cr[CR_MAX_SCAN] & CR9_DOUBLE ? 2 : 1;
    unsigned shift = v->cr[CR_MODE] & CR17_V_DOUBLE ? 1 : 0;
    unsigned split = (vga_line_compare(v) + 1) << shift, times = 0;
    struct vga_line l = {
        .counter = vga_start(v) + (v->cr[CR_PRESET_ROW] >> 5 & 3),
        .row = v->cr[CR_PRESET_ROW] & 31u,
        .pan = panning(v, p),
    };

    for (unsigned y = 0; y < p->height; y++) {
        if (y == split) {
            l.counter = l.row = times = 0;
            l.pan = v->ar[AR_MODE] & AR10_PAN_TOP ? 0 : l.pan;
        }
        draw_line(v, p, &l, pixels, columns);
        surface_put_row(s, y, columns);
        if (++times < doubled << shift) {
            continue;
        }
        times = 0;
        /* The row counter compares for equality: a preset beyond the last row runs to 31. */
        if (l.row == rows - 1) {
            l.row = 0;
            l.counter += step;
        } else {
            l.row = (l.row + 1) & 31;
        }
    }
}

/* DISPI with 4 bits a pixel: planar, but as large as the DISPI registers say. */
static void draw_vbe_planar(const struct vga *v, const struct picture *p, struct surface *s)
{
    unsigned width = v->vbe.regs[VBE_XRES], height = v->vbe.regs[VBE_YRES];
    g_autofree uint32_t *row = g_new(uint32_t, width);

    surface_resize(s, width, height);
    for (unsigned y = 0; s->pixels && y < height; y++) {
        size_t from = v->vbe.start + (size_t)y * v->vbe.line;

        for (unsigned x = 0; x < width && from + 4 <= v->vram.ram->size; x += 8, from += 4) {
            draw_planar(v, p, v->vram.ram->host + from, row + x);
        }
        surface_put_row(s, y, row);
    }
}

/* Nothing is shown: the last size stays, as a monitor's does. */
static void draw_blank(const struct vga *v, const struct picture *p, struct surface *s)
{
    uint32_t colour =
        v->sr[SR_CLOCKING] & SR1_SCREEN_OFF || v->vbe_only ? 0 : p->colours[v->ar[AR_OVERSCAN]];

    if (!s->pixels) {
        surface_resize(s, BLANK_WIDTH, BLANK_HEIGHT);
    }
    if (s->pixels) {
        g_autofree uint32_t *row = g_new(uint32_t, s->width);

        for (unsigned x = 0; x < s->width; x++) {
            row[x] = colour;
        }
        for (unsigned y = 0; y < s->height; y++) {
            surface_put_row(s, y, row);
        }
    }
}

void vga_graphics_size(struct vga *v, unsigned *width, unsigned *height)
{
    struct picture p;

    describe(v, &p);
    *width = p.width;
    *height = p.height;
}

void vga_update(void *opaque, struct surface *s, bool full)
{
    struct vga *v = opaque;
    struct picture p;

    describe(v, &p);
    if (v->extension && v->extension->update && v->extension->update(v, s, p.colours, full)) {
        return;
    }
    if (vbe_linear(v)) {
        vbe_update(v, s, p.colours, full);
        return;
    }
    if (vbe_enabled(v)) {
        draw_vbe_planar(v, &p, s);
    } else if (v->vbe_only || !(v->ar_index & AR_PAS) || (v->sr[SR_CLOCKING] & SR1_SCREEN_OFF)) {
        draw_blank(v, &p, s);
    } else {
        surface_resize(s, p.width, p.height);
        if (s->pixels) {
            draw_lines(v, &p, s);
        }
    }
    /* What a linear mode shows next is all new. */
    v->redraw = true;
}
