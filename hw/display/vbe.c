/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vbe.c: the Bochs DISPI registers, behind ports 0x1ce and 0x1cf or flat in BAR 2.
 *
 * Source:     "VBE Display API" of the Bochs VGA BIOS (vbe_display_api.txt).
 * Invariants: while enabled: line * yres <= vram, start + line * yres <= vram, xres <= virt_width.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/display/vga.h"
#include "util/log.h"

static uint32_t vram_size(const struct vga *v)
{
    return (uint32_t)v->vram.ram->size;
}

static bool bpp_valid(unsigned bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

void vbe_reset(struct vga *v)
{
    memset(&v->vbe, 0, sizeof(v->vbe));
    v->vbe.regs[VBE_ID] = VBE_ID_LAST;
    v->vbe.regs[VBE_XRES] = 640;
    v->vbe.regs[VBE_YRES] = 480;
    v->vbe.regs[VBE_BPP] = 8;
    vbe_fix(v);
}

void vbe_fix(struct vga *v)
{
    uint16_t *r = v->vbe.regs;
    uint32_t rows, bits;

    r[VBE_XRES] = (uint16_t)CLAMP(r[VBE_XRES] & ~7u, 8, VBE_MAX_XRES);
    r[VBE_YRES] = (uint16_t)CLAMP(r[VBE_YRES], 1, VBE_MAX_YRES);
    r[VBE_BPP] = bpp_valid(r[VBE_BPP]) ? r[VBE_BPP] : 8;
    r[VBE_VIRT_WIDTH] = (uint16_t)MAX(r[VBE_VIRT_WIDTH] & ~7u, r[VBE_XRES]);
    /* Four planes of a bit are as long as 4 bits a pixel; 15 bits take 16.  At most 256 KiB. */
    bits = r[VBE_BPP] == 15 ? 16 : r[VBE_BPP];
    v->vbe.line = r[VBE_VIRT_WIDTH] * bits / 8;
    rows = vram_size(v) / v->vbe.line;
    r[VBE_YRES] = (uint16_t)MIN(r[VBE_YRES], rows);
    r[VBE_VIRT_HEIGHT] = (uint16_t)MIN(rows, UINT16_MAX);
    r[VBE_X_OFFSET] = (uint16_t)MIN(r[VBE_X_OFFSET], r[VBE_VIRT_WIDTH] - r[VBE_XRES]);
    r[VBE_Y_OFFSET] = (uint16_t)MIN(r[VBE_Y_OFFSET], r[VBE_VIRT_HEIGHT] - r[VBE_YRES]);
    r[VBE_BANK] = (uint16_t)(r[VBE_BANK] < vram_size(v) >> 16 ? r[VBE_BANK] : 0);
    r[VBE_MEMORY_64K] = (uint16_t)(vram_size(v) >> 16);
    v->vbe.start = r[VBE_Y_OFFSET] * v->vbe.line +
                   (bits == 4 ? (r[VBE_X_OFFSET] & ~7u) / 2 : r[VBE_X_OFFSET] * bits / 8);
}

/* The DAC keeps its colours when its width changes. */
static void set_dac_width(struct vga *v, bool wide)
{
    for (unsigned i = 0; i < sizeof(v->dac); i++) {
        v->dac[i] = wide ? (uint8_t)(v->dac[i] << 2 | (v->dac[i] >> 4 & 3)) : v->dac[i] >> 2;
    }
}

static void write_enable(struct vga *v, uint16_t value)
{
    uint16_t *r = v->vbe.regs, old = r[VBE_ENABLE];

    if ((old ^ value) & VBE_8BIT_DAC) {
        set_dac_width(v, value & VBE_8BIT_DAC);
    }
    r[VBE_ENABLE] = value & (VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEAR);
    if (!(value & VBE_ENABLED)) {
        r[VBE_BANK] = 0;
        return;
    }
    if (old & VBE_ENABLED) {
        return;
    }
    r[VBE_VIRT_WIDTH] = r[VBE_XRES];
    r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = r[VBE_BANK] = 0;
    vbe_fix(v);
    if (!(value & VBE_NOCLEAR)) {
        uint32_t len = v->vbe.line * r[VBE_YRES];

        memset(v->vram.ram->host, 0, len);
        ram_written(v->machine, v->vram.ram, 0, len);
    }
    log_line(LOG_DEVICE, "%s: mode %ux%u, %u bits", v->name, r[VBE_XRES], r[VBE_YRES], r[VBE_BPP]);
}

uint16_t vbe_read(struct vga *v, unsigned reg)
{
    if (reg >= VBE_REGS) {
        log_line(LOG_UNIMP, "%s: read of DISPI register %u", v->name, reg);
        return 0;
    }
    if (v->vbe.regs[VBE_ENABLE] & VBE_GETCAPS) {
        switch (reg) {
        case VBE_XRES:
            return VBE_MAX_XRES;
        case VBE_YRES:
            return VBE_MAX_YRES;
        case VBE_BPP:
            return 32;
        default:
            break;
        }
    }
    return v->vbe.regs[reg];
}

/* Is the value one that the register takes?  Others leave it as it is. */
static bool acceptable(const struct vga *v, unsigned reg, uint16_t value)
{
    switch (reg) {
    case VBE_ID:
        return value >= VBE_ID_FIRST && value <= VBE_ID_LAST;
    case VBE_XRES:
        return value >= 8 && value <= VBE_MAX_XRES;
    case VBE_YRES:
        return value >= 1 && value <= VBE_MAX_YRES;
    case VBE_BPP:
        return bpp_valid(value);
    case VBE_BANK:
        return value < vram_size(v) >> 16;
    case VBE_VIRT_HEIGHT:
    case VBE_MEMORY_64K:
        return false;
    default:
        return reg < VBE_REGS;
    }
}

void vbe_write(struct vga *v, unsigned reg, uint16_t value)
{
    if (reg == VBE_BPP && value == 0) {
        value = 8; /* the interface's first version had no such register */
    }
    if (!acceptable(v, reg, value)) {
        log_line(LOG_GUEST_ERRORS, "%s: DISPI register %u does not take %u", v->name, reg, value);
        return;
    }
    v->redraw = true;
    if (reg == VBE_ENABLE) {
        write_enable(v, value);
        return;
    }
    v->vbe.regs[reg] = value;
    if (vbe_enabled(v)) {
        vbe_fix(v);
    }
}

/* Ports, from 0x1ce on: the index, then the data at 0x1cf or, aligned, at 0x1d0. */
static uint64_t port_read(void *opaque, uint64_t off, unsigned size)
{
    struct vga *v = opaque;

    (void)size;
    return off == 0 ? v->vbe.index : vbe_read(v, v->vbe.index);
}

static void port_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct vga *v = opaque;

    if (size != 2) {
        log_line(LOG_GUEST_ERRORS, "%s: write of a byte to a DISPI port", v->name);
    } else if (off == 0) {
        v->vbe.index = (uint16_t)value;
    } else {
        vbe_write(v, v->vbe.index, (uint16_t)value);
    }
}

const struct mem_ops vbe_port_ops = {
    .read = port_read, .write = port_write, .min_size = 1, .max_size = 2, .unaligned = true
};
