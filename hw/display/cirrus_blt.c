/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/cirrus_blt.c: the CL-GD5446's engine: a rectangle is copied, filled with a pattern or a colour, or made
 * of bits, each result combined with what was there.  An operation from video memory is done at once; one from the
 * CPU goes on row by row as the data comes.  Source, invariants and thread: cirrus.h.
 */
#include <string.h>
#include "hw/display/cirrus.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
/* GR32's codes as truth tables: bit 3: source 1 and destination 1, bit 2: 1 0, bit 1: 0 1, bit 0: 0 0. */
static const struct { uint8_t code, table; } rops[] = {
    { 0x00, 0x0 }, { 0x90, 0x1 }, { 0x50, 0x2 }, { 0xd0, 0x3 }, { 0x09, 0x4 }, { 0x0b, 0x5 }, { 0x59, 0x6 }, { 0xda, 0x7 },
    { 0x05, 0x8 }, { 0x95, 0x9 }, { 0x06, 0xa }, { 0xd6, 0xb }, { 0x0d, 0xc }, { 0xad, 0xd }, { 0x6d, 0xe }, { 0x0e, 0xf },
};
/* clang-format on */

static uint8_t rop_table(const struct cirrus *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rops); i++) {
        if (rops[i].code == s->gr[GR_BLT_ROP]) {
            return rops[i].table;
        }
    }
    log_line(LOG_GUEST_ERRORS, "cirrus-vga: raster operation 0x%02x", s->gr[GR_BLT_ROP]);
    return 0xa; /* the destination stays */
}

static uint8_t combine(uint8_t table, uint8_t src, uint8_t dst)
{
    return (uint8_t)((table & 8 ? src & dst : 0) | (table & 4 ? src & ~dst : 0) |
                     (table & 2 ? ~src & dst : 0) | (table & 1 ? ~src & ~dst : 0));
}

static unsigned pixel_bytes(const struct cirrus *s)
{
    return (s->gr[GR_BLT_MODE] >> 4 & 3) + 1u;
}

static void colours(const struct cirrus *s, uint8_t fg[4], uint8_t bg[4])
{
    const uint8_t *gr = s->gr;

    fg[0] = gr[GR_ENABLE_SR], fg[1] = gr[GR_FG1], fg[2] = gr[GR_FG2], fg[3] = gr[GR_FG3];
    bg[0] = gr[GR_SET_RESET], bg[1] = gr[GR_BG1], bg[2] = gr[GR_BG2], bg[3] = gr[GR_BG3];
}

static void put(struct cirrus *s, uint32_t addr, uint8_t value, uint8_t table)
{
    uint8_t *p = &s->vga.vram.ram->host[addr & cirrus_mask(s)];

    *p = combine(table, value, *p);
}

/* Bytes from `first` on, or with a negative count before it, were written. */
static void touched(struct cirrus *s, uint32_t first, uint32_t len, bool backwards)
{
    uint32_t mask = cirrus_mask(s);

    first = (backwards ? first - len + 1 : first) & mask;
    if (len > mask - first) {
        ram_written(s->vga.machine, s->vga.vram.ram, 0, (uint64_t)mask + 1);
    } else {
        ram_written(s->vga.machine, s->vga.vram.ram, first, len);
    }
}

/* Rows of bytes ------------------------------------------------------------------------------- */

/* The colour that is not copied: of one or two bytes; larger pixels have none. */
static bool is_key(const struct cirrus *s, const uint8_t *pixel, unsigned bytes)
{
    return pixel[0] == s->gr[GR_KEY] && (bytes == 1 || pixel[1] == s->gr[GR_KEY + 1]);
}

/* data: the CPU's, or NULL: video memory. */
static void copy_row(struct cirrus *s, const uint8_t *data, uint8_t table)
{
    struct cirrus_blt *b = &s->blt;
    bool backwards = (s->gr[GR_BLT_MODE] & BLT_BACKWARDS) && !data;
    uint32_t step = backwards ? UINT32_MAX : 1, mask = cirrus_mask(s);
    const uint8_t *vram = s->vga.vram.ram->host;
    unsigned bytes = pixel_bytes(s);
    bool keyed = (s->gr[GR_BLT_MODE] & BLT_TRANSPARENT) && bytes <= 2;

    for (uint32_t x = 0; x < b->width; x += keyed ? bytes : 1) {
        uint8_t pixel[2];

        for (unsigned k = 0; k < (keyed ? bytes : 1); k++) {
            pixel[k] =
                data ? data[MIN(x + k, b->pitch - 1)] : vram[(b->src + step * (x + k)) & mask];
        }
        /* Backwards the high byte comes first. */
        if (keyed && backwards && bytes == 2) {
            uint8_t swapped[2] = { pixel[1], pixel[0] };

            if (is_key(s, swapped, bytes)) {
                continue;
            }
        } else if (keyed && is_key(s, pixel, bytes)) {
            continue;
        }
        for (unsigned k = 0; k < (keyed ? bytes : 1) && x + k < b->width; k++) {
            put(s, b->dst + step * (x + k), pixel[k], table);
        }
    }
    touched(s, b->dst, b->width, backwards);
}

/* Rows of pixels ------------------------------------------------------------------------------ */

/* Bit n of a row of bits, the first in a byte's top. */
static bool bit_at(const struct cirrus *s, const uint8_t *data, uint32_t src, unsigned n,
                   unsigned period)
{
    unsigned at = period ? n % period : n;
    uint8_t byte = data ? data[MIN(at / 8, s->blt.pitch - 1)]
                        : s->vga.vram.ram->host[(src + at / 8) & cirrus_mask(s)];

    return byte >> (7 - at % 8) & 1;
}

/* Pixels of a row made of bits; the first ones are left out as GR2F says. */
static void expand_row(struct cirrus *s, const uint8_t *data, uint32_t src, unsigned period,
                       uint8_t table)
{
    struct cirrus_blt *b = &s->blt;
    unsigned bytes = pixel_bytes(s), n = b->width / bytes;
    unsigned skip = bytes == 3 ? (s->gr[GR_SKIP] & 31u) / 3 : s->gr[GR_SKIP] & 7u;
    bool transparent = s->gr[GR_BLT_MODE] & BLT_TRANSPARENT;
    bool invert = transparent && (s->gr[GR_BLT_EXTENSION] & BLT_INVERT);
    uint8_t fg[4], bg[4];

    colours(s, fg, bg);
    for (unsigned x = skip; x < n; x++) {
        bool bit = bit_at(s, data, src, x, period);
        const uint8_t *colour = bit ? fg : bg;

        if (transparent && bit == invert) {
            continue;
        }
        for (unsigned k = 0; k < bytes; k++) {
            put(s, b->dst + x * bytes + k, colour[k], table);
        }
    }
    touched(s, b->dst, b->width, false);
}

/* A row of the pattern of 8 by 8 pixels; those of three bytes lie in rows of 32. */
static void pattern_row(struct cirrus *s, uint8_t table)
{
    struct cirrus_blt *b = &s->blt;
    unsigned bytes = pixel_bytes(s), row_bytes = bytes == 3 ? 32 : 8 * bytes;
    uint32_t base = b->src & ~(8 * row_bytes - 1), row = (b->src + b->row) & 7;
    unsigned skip = bytes == 3 ? s->gr[GR_SKIP] & 31u : (s->gr[GR_SKIP] & 7u) * bytes;

    if (s->gr[GR_BLT_MODE] & BLT_EXPAND) {
        expand_row(s, NULL, (b->src & ~7u) + row, 8, table);
        return;
    }
    for (uint32_t x = skip; x < b->width; x++) {
        uint32_t from = base + row * row_bytes + x % (8 * bytes);

        put(s, b->dst + x, s->vga.vram.ram->host[from & cirrus_mask(s)], table);
    }
    touched(s, b->dst, b->width, false);
}

static void solid_row(struct cirrus *s, uint8_t table)
{
    unsigned bytes = pixel_bytes(s);
    uint8_t fg[4], bg[4];

    colours(s, fg, bg);
    for (uint32_t x = 0; x < s->blt.width; x++) {
        put(s, s->blt.dst + x, fg[x % bytes], table);
    }
    touched(s, s->blt.dst, s->blt.width, false);
}

/* Operations ---------------------------------------------------------------------------------- */

static void next_row(struct cirrus *s)
{
    struct cirrus_blt *b = &s->blt;
    bool backwards = s->gr[GR_BLT_MODE] & BLT_BACKWARDS,
         plain = !(s->gr[GR_BLT_MODE] & (BLT_PATTERN | BLT_EXPAND));

    b->row++;
    b->dst += backwards && plain ? -b->dst_pitch : b->dst_pitch;
    if (!(s->gr[GR_BLT_MODE] & BLT_PATTERN)) {
        b->src += backwards && plain ? -b->src_pitch : b->src_pitch;
    }
}

static void run(struct cirrus *s)
{
    uint8_t mode = s->gr[GR_BLT_MODE], table = rop_table(s);
    struct cirrus_blt *b = &s->blt;
    uint32_t bits = b->src; /* bits from video memory follow each other without a pitch */

    for (; b->row < b->height; next_row(s)) {
        if ((s->gr[GR_BLT_EXTENSION] & BLT_SOLID) && (mode & BLT_EXPAND)) {
            solid_row(s, table);
        } else if (mode & BLT_PATTERN) {
            pattern_row(s, table);
        } else if (mode & BLT_EXPAND) {
            expand_row(s, NULL, bits, 0, table);
            bits += (b->width / pixel_bytes(s) + 7) / 8;
        } else {
            copy_row(s, NULL, table);
        }
    }
}

/* Bytes of a row of the CPU's: whole double words of pixels, whole bytes or double words of bits. */
static uint32_t cpu_pitch(const struct cirrus *s)
{
    uint32_t n = s->blt.width / pixel_bytes(s);

    if (!(s->gr[GR_BLT_MODE] & BLT_EXPAND)) {
        return (s->blt.width + 3) & ~3u;
    }
    return MAX(1, s->gr[GR_BLT_EXTENSION] & BLT_DWORDS ? (n + 31) / 32 * 4 : (n + 7) / 8);
}

/* The CPU writes data to where the frame buffer is otherwise. */
static void set_waiting(struct cirrus *s, bool waiting)
{
    s->blt.waiting = waiting;
    s->gr[GR_BLT_START] &= (uint8_t) ~(BLT_START | BLT_BUSY | BLT_PROGRESS);
    s->gr[GR_BLT_START] |= waiting ? BLT_START | BLT_BUSY | BLT_PROGRESS : 0;
    if (s->cpu_overlay.enabled != waiting) {
        mem_region_set_enabled(&s->cpu_overlay, waiting);
    }
}

static uint32_t number(const struct cirrus *s, unsigned reg, unsigned bytes)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint32_t)s->gr[reg + i] << 8 * i;
    }
    return v;
}

void cirrus_blt_start(struct cirrus *s)
{
    uint8_t mode = s->gr[GR_BLT_MODE];
    struct cirrus_blt *b = &s->blt;

    b->width = number(s, GR_WIDTH, 2) + 1;
    b->height = number(s, GR_HEIGHT, 2) + 1;
    b->dst_pitch = number(s, GR_DST_PITCH, 2);
    b->src_pitch = number(s, GR_SRC_PITCH, 2);
    b->dst = number(s, GR_DST, 3);
    b->src = number(s, GR_SRC, 3);
    b->row = b->have = 0;
    b->pitch = cpu_pitch(s);
    if (!s->blitter || (mode & BLT_TO_CPU) || ((mode & BLT_FROM_CPU) && (mode & BLT_PATTERN))) {
        log_line(LOG_UNIMP, "cirrus-vga: engine's mode 0x%02x", mode);
        set_waiting(s, false);
    } else if (mode & BLT_FROM_CPU) {
        set_waiting(s, true);
    } else {
        run(s);
        set_waiting(s, false);
    }
}

void cirrus_blt_reset(struct cirrus *s)
{
    s->blt.row = s->blt.have = 0;
    set_waiting(s, false);
}

void cirrus_blt_data(struct cirrus *s, uint8_t value)
{
    struct cirrus_blt *b = &s->blt;
    uint8_t table;

    if (!b->waiting) {
        return;
    }
    b->data[b->have++] = value;
    if (b->have < b->pitch) {
        return;
    }
    b->have = 0;
    table = rop_table(s);
    if (s->gr[GR_BLT_MODE] & BLT_EXPAND) {
        expand_row(s, b->data, 0, 0, table);
    } else {
        copy_row(s, b->data, table);
    }
    b->row++;
    b->dst += b->dst_pitch;
    if (b->row >= b->height) {
        set_waiting(s, false);
    }
}

bool cirrus_blt_post_load(struct cirrus *s, GError **error)
{
    const struct cirrus_blt *b = &s->blt;

    if (b->waiting && (b->pitch == 0 || b->pitch > CIRRUS_ROW_MAX || b->have >= b->pitch ||
                       b->width > 8192 || b->height > 2048)) {
        set_error(error, "the engine awaits %u of %u bytes for rows of %u", b->have, b->pitch,
                  b->width);
        return false;
    }
    set_waiting(s, b->waiting);
    return true;
}
