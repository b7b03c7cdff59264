/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/vga_rig.h: a VGA on the rig's ISA bus, the modes that a BIOS sets, and its screen.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_VGA_RIG_H
#define TESTS_DEVICE_VGA_RIG_H

#include <string.h>
#include "hw/display/vga.h"
#include "tests/device/rig.h"

#define WINDOW 0xa0000u
#define TEXT   0xb8000u
#define RED    0xff0000u
#define GREEN  0x00ff00u
#define BLUE   0x0000ffu
#define WHITE  0xffffffu

/* Registers of a mode, as the IBM BIOS's tables have them. */
struct vga_mode {
    uint8_t misc, sr[4], cr[25], ar[20], gr[9]; /* sr: 1-4 */
};

/* clang-format off */
#define PALETTE16 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
static const struct vga_mode mode_03 = {        /* 80x25 text, 720x400 */
    0x67, { 0x00, 0x03, 0x00, 0x02 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
    { PALETTE16, 0x0c, 0x00, 0x0f, 0x08 },
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0x00, 0xff },
};
static const struct vga_mode mode_04 = {        /* 320x200, 4 colours */
    0x63, { 0x09, 0x03, 0x00, 0x02 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xa2, 0xff },
    { PALETTE16, 0x01, 0x00, 0x03, 0x00 },
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0x00, 0xff },
};
static const struct vga_mode mode_06 = {        /* 640x200, 2 colours */
    0x63, { 0x01, 0x01, 0x00, 0x06 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x28, 0x00, 0x96, 0xb9, 0xc2, 0xff },
    { PALETTE16, 0x01, 0x00, 0x01, 0x00 },
    { 0, 0, 0, 0, 0, 0x00, 0x0d, 0x00, 0xff },
};
static const struct vga_mode mode_12 = {        /* 640x480, 16 colours */
    0xe3, { 0x01, 0x0f, 0x00, 0x06 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0, 0, 0, 0, 0, 0,
      0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff },
    { PALETTE16, 0x01, 0x00, 0x0f, 0x00 },
    { 0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff },
};
static const struct vga_mode mode_13 = {        /* 320x200, 256 colours */
    0x63, { 0x01, 0x0f, 0x00, 0x0e },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0, 0, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
    { PALETTE16, 0x41, 0x00, 0x0f, 0x00 },
    { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff },
};
/* clang-format on */

static inline void sr(struct rig *r, unsigned reg, unsigned value)
{
    rig_outw(r, 0x3c4, (uint16_t)(value << 8 | reg));
}

static inline void gr(struct rig *r, unsigned reg, unsigned value)
{
    rig_outw(r, 0x3ce, (uint16_t)(value << 8 | reg));
}

static inline void cr(struct rig *r, unsigned reg, unsigned value)
{
    rig_outw(r, 0x3d4, (uint16_t)(value << 8 | reg));
}

/* Leaves the picture on. */
static inline void ar(struct rig *r, unsigned reg, unsigned value)
{
    rig_inb(r, 0x3da);
    rig_outb(r, 0x3c0, (uint8_t)reg);
    rig_outb(r, 0x3c0, (uint8_t)value);
    rig_outb(r, 0x3c0, AR_PAS);
    rig_inb(r, 0x3da);
}

/* rgb: 8 bits a colour, of which the DAC keeps 6. */
static inline void set_dac(struct rig *r, unsigned entry, uint32_t rgb)
{
    rig_outb(r, 0x3c8, (uint8_t)entry);
    rig_outb(r, 0x3c9, (uint8_t)(rgb >> 18 & 63));
    rig_outb(r, 0x3c9, (uint8_t)(rgb >> 10 & 63));
    rig_outb(r, 0x3c9, (uint8_t)(rgb >> 2 & 63));
}

/* Colours that tell their DAC entry: of the first 8, bit 0 is blue, 1 green, 2 red. */
static inline uint32_t colour(unsigned n)
{
    uint32_t c = (n & 4 ? RED : 0) | (n & 2 ? GREEN : 0) | (n & 1 ? BLUE : 0);

    return n & 8 ? c ^ 0x555555 : c;
}

static inline void set_mode(struct rig *r, const struct vga_mode *mode)
{
    rig_outb(r, 0x3c2, mode->misc);
    for (unsigned i = 0; i < 4; i++) {
        sr(r, i + 1, mode->sr[i]);
    }
    cr(r, 0x11, 0); /* unprotect */
    for (unsigned i = 0; i < 25; i++) {
        cr(r, i, mode->cr[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        gr(r, i, mode->gr[i]);
    }
    for (unsigned i = 0; i < 20; i++) {
        ar(r, i, mode->ar[i]);
    }
    ar(r, AR_COLOUR, 0);
    rig_outb(r, 0x3c6, 0xff);
    for (unsigned i = 0; i < 16; i++) {
        set_dac(r, i, colour(i));
    }
}

/* A machine with the card in a mode; *v is its core. */
static inline struct rig *vga_rig(const struct vga_mode *mode, struct vga **v)
{
    struct rig *r = rig_new();

    rig_device(r, "isa-vga", NULL);
    g_assert_nonnull(r->m->displays);
    if (v) {
        *v = r->m->displays->opaque;
    }
    if (mode) {
        set_mode(r, mode);
    }
    return r;
}

/* The picture as it is now; the caller clears it. */
static inline struct surface shoot(struct rig *r)
{
    struct surface s = { 0 };

    console_update(r->m->displays, &s, true);
    g_assert_nonnull(s.pixels);
    return s;
}

/* One pixel of the picture as it is now. */
static inline uint32_t pixel(struct rig *r, unsigned x, unsigned y)
{
    struct surface s = shoot(r);
    uint32_t p;

    g_assert_cmpuint(x, <, s.width);
    g_assert_cmpuint(y, <, s.height);
    p = surface_row(&s, y)[x];
    surface_clear(&s);
    return p;
}

/* A plane's byte, behind the registers' back. */
static inline uint8_t *plane_byte(struct vga *v, unsigned plane, unsigned offset)
{
    return v->vram.ram->host + offset * 4 + plane;
}

#endif
