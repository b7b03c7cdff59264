/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/cirrus_regs.c: the registers that the CL-GD5446 has beyond a VGA's, behind the same ports, in BAR 1
 * and in the engine's own window.  Source, invariants and thread: cirrus.h.
 */
#include <string.h>
#include "hw/display/cirrus.h"
#include "util/log.h"

#define UNLOCKED 0x12u /* SR6: what opens the extensions; reads as 0x0f when they are shut */
#define LOCKED   0x0fu

/* clang-format off */
/* The graphics registers that the engine's window shows, by offset; 0xff: none. */
static const uint8_t window[] = {
    GR_SET_RESET, GR_BG1, GR_BG2, GR_BG3, GR_ENABLE_SR, GR_FG1, GR_FG2, GR_FG3,
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0xff, 0x2c, 0x2d, 0x2e, 0x2f,
    0x30, 0xff, 0x32, 0x33, 0x34, 0x35, 0xff, 0xff, 0x38, 0x39,
};
/* Bits that exist of the engine's numbers: 13 of widths, 11 of heights, 22 of addresses. */
static const struct { uint8_t index, mask; } gr_masks[] = {
    { 0x21, 0x1f }, { 0x23, 0x07 }, { 0x25, 0x1f }, { 0x27, 0x1f }, { 0x2a, 0x3f }, { 0x2e, 0x3f },
};
/* clang-format on */
#define WINDOW_START 0x40u

void cirrus_regs_reset(struct cirrus *s)
{
    memset(s->sr, 0, sizeof(s->sr));
    memset(s->gr, 0, sizeof(s->gr));
    memset(s->cr, 0, sizeof(s->cr));
    memset(s->cursor_dac, 0, sizeof(s->cursor_dac));
    s->sr[SR_UNLOCK] = LOCKED;
    s->sr[SR_DRAM] = s->vga.vram.ram->size > 2u << 20 ? 0x98 : 0x18; /* 64 bits wide; two banks */
    s->sr[SR_CONFIG] = 0x20;                                         /* PCI */
    s->sr[0x1f] = 0x2d;                                              /* the memory's clock */
    s->cr[CR_ID] = CIRRUS_ID;
    s->dac_mode = s->dac_reads = 0;
    s->cursor_x = s->cursor_y = 0;
}

/* The engine's row of CPU data is as long as the largest width. */
void cirrus_regs_fix(struct cirrus *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(gr_masks); i++) {
        s->gr[gr_masks[i].index] &= gr_masks[i].mask;
    }
}

/* Graphics controller ----------------------------------------------------------------------- */

static void write_start(struct cirrus *s, uint8_t value)
{
    uint8_t old = s->gr[GR_BLT_START];

    s->gr[GR_BLT_START] =
        (uint8_t)((value & ~(BLT_BUSY | BLT_PROGRESS)) | (old & (BLT_BUSY | BLT_PROGRESS)));
    if (value & BLT_RESET) {
        cirrus_blt_reset(s);
    } else if ((value & BLT_START) && !(old & BLT_START)) {
        cirrus_blt_start(s);
    }
}

void cirrus_gr_write(struct cirrus *s, unsigned index, uint8_t value)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(gr_masks); i++) {
        value &= gr_masks[i].index == index ? gr_masks[i].mask : 0xff;
    }
    if (index == GR_BLT_START) {
        write_start(s, value);
        return;
    }
    s->gr[index] = value;
    if (index == GR_DST + 2 && (s->gr[GR_BLT_START] & BLT_AUTOSTART)) {
        cirrus_blt_start(s);
    }
}

uint8_t cirrus_blt_read(const struct cirrus *s, unsigned off)
{
    if (off == WINDOW_START) {
        return s->gr[GR_BLT_START];
    }
    return off < sizeof(window) && window[off] != 0xff ? s->gr[window[off]] : 0xff;
}

void cirrus_blt_write(struct cirrus *s, unsigned off, uint8_t value)
{
    if (off == WINDOW_START) {
        cirrus_gr_write(s, GR_BLT_START, value);
    } else if (off < sizeof(window) && window[off] != 0xff) {
        cirrus_gr_write(s, window[off], value);
    } else {
        log_line(LOG_UNIMP, "cirrus-vga: write of 0x%02x to the engine's register 0x%02x", value,
                 off);
    }
}

/* Sequencer, CRTC, DAC ---------------------------------------------------------------------- */

/* The index's upper bits are the pointer's lowest. */
static void sr_write(struct cirrus *s, uint8_t value)
{
    unsigned index = s->vga.sr_index & 0x1f, low = s->vga.sr_index >> 5;

    switch (index) {
    case SR_UNLOCK:
        value = (value & 0x17) == UNLOCKED ? UNLOCKED : LOCKED;
        break;
    case SR_CURSOR_X:
        s->cursor_x = (uint16_t)(value << 3 | low);
        break;
    case SR_CURSOR_Y:
        s->cursor_y = (uint16_t)(value << 3 | low);
        break;
    case SR_DRAM:
        return; /* the memory's size stays */
    default:
        break;
    }
    s->sr[index] = value;
}

static uint8_t cr_read(const struct cirrus *s)
{
    const struct vga *v = &s->vga;

    switch (v->cr_index) {
    case 0x24:
        return v->ar_data ? 0x80 : 0;
    case CR_ATTRIBUTE:
        return v->ar_index & 0x3f;
    default:
        return s->cr[v->cr_index];
    }
}

static void cursor_dac_write(struct cirrus *s, uint8_t value)
{
    struct vga *v = &s->vga;

    v->dac_pending[v->dac_sub] = value & 0x3f;
    v->dac_sub = (uint8_t)((v->dac_sub + 1) % 3);
    if (v->dac_sub == 0) {
        memcpy(&s->cursor_dac[(v->dac_write_index & 15) * 3], v->dac_pending, 3);
        v->dac_write_index++;
    }
}

static uint8_t cursor_dac_read(struct cirrus *s)
{
    struct vga *v = &s->vga;
    uint8_t value = s->cursor_dac[(v->dac_read_index & 15) * 3 + v->dac_sub];

    v->dac_sub = (uint8_t)((v->dac_sub + 1) % 3);
    v->dac_read_index = (uint8_t)(v->dac_read_index + (v->dac_sub == 0));
    return value;
}

/* Four reads of the mask open the hidden register for one access. */
static bool hidden_read(struct cirrus *s, uint8_t *value)
{
    if (s->dac_reads < 4) {
        s->dac_reads++;
        return false;
    }
    s->dac_reads = 0;
    *value = s->dac_mode;
    return true;
}

bool cirrus_port_read(struct vga *v, uint16_t port, uint8_t *value)
{
    struct cirrus *s = cirrus_of(v);

    if (port == 0x3c6) {
        return hidden_read(s, value);
    }
    if (port >= 0x3c7 && port <= 0x3c9) {
        s->dac_reads = 0;
    }
    if (port == 0x3c5 && (v->sr_index & 0x1f) >= VGA_SR) {
        *value = s->sr[v->sr_index & 0x1f];
    } else if (port == 0x3cf && v->gr_index >= VGA_GR && v->gr_index < CIRRUS_GR) {
        *value = s->gr[v->gr_index];
    } else if (port == 0x3cf && v->gr_index <= GR_ENABLE_SR &&
               (s->gr[GR_EXTENSION] & GRB_WRITE_MODES)) {
        *value = s->gr[v->gr_index];
    } else if ((port == 0x3d5 || port == 0x3b5) && v->cr_index >= VGA_CR &&
               v->cr_index < CIRRUS_CR) {
        *value = cr_read(s);
    } else if (port == 0x3c9 && (s->sr[SR_CURSOR] & SR12_COLOURS)) {
        *value = cursor_dac_read(s);
    } else {
        return false;
    }
    return true;
}

bool cirrus_port_write(struct vga *v, uint16_t port, uint8_t value)
{
    struct cirrus *s = cirrus_of(v);
    bool hidden = port == 0x3c6 && s->dac_reads == 4;

    if (port >= 0x3c6 && port <= 0x3c9) {
        s->dac_reads = 0;
    }
    if (hidden) {
        s->dac_mode = value;
    } else if (port == 0x3c5 && (v->sr_index & 0x1f) >= VGA_SR) {
        sr_write(s, value);
    } else if (port == 0x3cf && v->gr_index >= VGA_GR && v->gr_index < CIRRUS_GR) {
        cirrus_gr_write(s, v->gr_index, value);
    } else if ((port == 0x3d5 || port == 0x3b5) && v->cr_index >= VGA_CR &&
               v->cr_index < CIRRUS_CR) {
        if (v->cr_index < 0x24) {
            s->cr[v->cr_index] = value;
        }
    } else if (port == 0x3c9 && (s->sr[SR_CURSOR] & SR12_COLOURS)) {
        cursor_dac_write(s, value);
    } else {
        /* Colours and the write mode are wider here than the VGA keeps them. */
        if (port == 0x3cf && v->gr_index < VGA_GR) {
            s->gr[v->gr_index] = value;
        }
        return false;
    }
    return true;
}

/* BAR 1: the VGA's ports from 0x3c0 on, then the engine ------------------------------------------ */

/* The CRTC answers here wherever the miscellaneous register has put its ports. */
static uint16_t port_of(const struct cirrus *s, uint64_t off)
{
    return (uint16_t)(0x3c0 + off - (off >= 0x10 && !(s->vga.misc & MISC_COLOUR) ? 0x20 : 0));
}

static uint64_t mmio_read(void *opaque, uint64_t off, unsigned size)
{
    struct cirrus *s = opaque;

    (void)size;
    if (off >= 0x100) {
        return cirrus_blt_read(s, (unsigned)off - 0x100);
    }
    return off < 0x20 ? vga_port_read(&s->vga, port_of(s, off)) : 0xff;
}

static void mmio_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct cirrus *s = opaque;

    (void)size;
    if (off >= 0x100) {
        cirrus_blt_write(s, (unsigned)off - 0x100, (uint8_t)value);
    } else if (off < 0x20) {
        vga_port_write(&s->vga, port_of(s, off), (uint8_t)value);
    }
}

const struct mem_ops cirrus_mmio_ops = {
    .read = mmio_read, .write = mmio_write, .min_size = 1, .max_size = 1
};
