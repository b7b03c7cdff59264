/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/cirrus.h: the Cirrus Logic CL-GD5446: a VGA with packed pixels, banks, a pointer, and an engine
 * that copies, fills and expands (BitBLT).
 *
 * Source:     Cirrus Logic, "CL-GD5446 Technical Reference Manual" (1996); VGADOC's CIRRUS.TXT.
 * Invariants: vram's size is a power of two and every address of the engine and of the window is cut to it;
 *             blt.have <= blt.pitch <= CIRRUS_ROW_MAX while data from the CPU is awaited.
 * Thread:     under the machine lock.
 */
#ifndef HW_DISPLAY_CIRRUS_H
#define HW_DISPLAY_CIRRUS_H

#include "hw/display/linear.h"
#include "hw/display/vga.h"
#include "hw/pci/pci.h"

#define CIRRUS_ID      0xb8u /* CR27 */
#define CIRRUS_ROW_MAX 8196u /* bytes of a row of CPU data: 8192 and what fills a double word */

/* clang-format off */
enum {                          /* beyond the VGA's */
    SR_UNLOCK = 0x06, SR_MODE = 0x07, SR_DRAM = 0x0f, SR_CURSOR_X = 0x10, SR_CURSOR_Y = 0x11, SR_CURSOR = 0x12,
    SR_CURSOR_ADDRESS = 0x13, SR_CONFIG = 0x17, CIRRUS_SR = 0x20,
    GR_OFFSET0 = 0x09, GR_OFFSET1 = 0x0a, GR_EXTENSION = 0x0b, GR_BG1 = 0x10, GR_FG1 = 0x11, GR_BG2 = 0x12,
    GR_FG2 = 0x13, GR_BG3 = 0x14, GR_FG3 = 0x15, GR_WIDTH = 0x20, GR_HEIGHT = 0x22, GR_DST_PITCH = 0x24,
    GR_SRC_PITCH = 0x26, GR_DST = 0x28, GR_SRC = 0x2c, GR_SKIP = 0x2f, GR_BLT_MODE = 0x30, GR_BLT_START = 0x31,
    GR_BLT_ROP = 0x32, GR_BLT_EXTENSION = 0x33, GR_KEY = 0x34, CIRRUS_GR = 0x3a,
    CR_INTERLACE = 0x1a, CR_EXTENDED = 0x1b, CR_OVERLAY = 0x1d, CR_PART = 0x25, CR_ATTRIBUTE = 0x26, CR_ID = 0x27,
    CIRRUS_CR = 0x28,
};
enum { SR7_PACKED = 0x01, SR12_SHOWN = 0x01, SR12_COLOURS = 0x02, SR12_LARGE = 0x04 };
enum { SR17_MMIO = 0x04, SR17_MMIO_LINEAR = 0x40 };
enum { GRB_TWO = 0x01, GRB_BY8 = 0x02, GRB_WRITE_MODES = 0x04, GRB_BY16 = 0x10, GRB_16K = 0x20 };
enum {                          /* GR30 */
    BLT_BACKWARDS = 0x01, BLT_TO_CPU = 0x02, BLT_FROM_CPU = 0x04, BLT_TRANSPARENT = 0x08, BLT_PATTERN = 0x40,
    BLT_EXPAND = 0x80,
};
enum { BLT_BUSY = 0x01, BLT_START = 0x02, BLT_RESET = 0x04, BLT_PROGRESS = 0x08, BLT_AUTOSTART = 0x80 }; /* GR31 */
enum { BLT_DWORDS = 0x01, BLT_INVERT = 0x02, BLT_SOLID = 0x04 };        /* GR33 */
/* clang-format on */

/* An operation under way: begun, and waiting for the CPU's data. */
struct cirrus_blt {
    bool waiting;
    uint32_t width, height; /* bytes, rows */
    uint32_t dst, src;      /* of the next row */
    uint32_t dst_pitch, src_pitch;
    uint32_t row;   /* of them, the next */
    uint32_t pitch; /* bytes of a row of CPU data */
    uint32_t have;  /* of the next row */
    uint8_t data[CIRRUS_ROW_MAX];
};

struct cirrus {
    struct pci_device pci;
    struct vga vga;
    bool blitter; /* property */
    struct mem_region linear, cpu_data, cpu_overlay, mmio;
    uint8_t sr[CIRRUS_SR], gr[CIRRUS_GR], cr[CIRRUS_CR];
    uint8_t dac_mode;  /* the hidden register */
    uint8_t dac_reads; /* of port 0x3c6: the fifth access is the hidden register's */
    uint8_t cursor_dac[16 * 3];
    uint16_t cursor_x, cursor_y;
    struct cirrus_blt blt;
    /* Rows where the last update drew the pointer. */
    unsigned cursor_first, cursor_end;
};

static inline struct cirrus *cirrus_of(struct vga *v)
{
    return (struct cirrus *)((uint8_t *)v - offsetof(struct cirrus, vga));
}
static inline uint32_t cirrus_mask(const struct cirrus *s)
{
    return (uint32_t)s->vga.vram.ram->size - 1;
}
static inline bool cirrus_packed(const struct cirrus *s)
{
    return s->sr[SR_MODE] & SR7_PACKED;
}

/* cirrus_regs.c */
bool cirrus_port_read(struct vga *v, uint16_t port, uint8_t *value);
bool cirrus_port_write(struct vga *v, uint16_t port, uint8_t value);
void cirrus_regs_reset(struct cirrus *s);
/* Registers that came from a stream have the bits that the guest can write. */
void cirrus_regs_fix(struct cirrus *s);
void cirrus_gr_write(struct cirrus *s, unsigned index, uint8_t value);
/* The engine's registers side by side, at BAR 1 + 0x100 or 0xb8000. */
uint8_t cirrus_blt_read(const struct cirrus *s, unsigned off);
void cirrus_blt_write(struct cirrus *s, unsigned off, uint8_t value);
extern const struct mem_ops cirrus_mmio_ops;

/* cirrus_mem.c */
extern const struct mem_ops cirrus_window_ops; /* opaque: the struct vga */
extern const struct mem_ops cirrus_cpu_data_ops;

/* cirrus_blt.c */
void cirrus_blt_start(struct cirrus *s);
void cirrus_blt_reset(struct cirrus *s);
/* A byte that the CPU wrote while the engine waits for it. */
void cirrus_blt_data(struct cirrus *s, uint8_t value);
bool cirrus_blt_post_load(struct cirrus *s, GError **error);

/* cirrus_draw.c */
bool cirrus_update(struct vga *v, struct surface *surface, const uint32_t colours[256], bool full);
bool cirrus_graphics(struct vga *v, unsigned *width, unsigned *height, unsigned *bpp);

#endif
