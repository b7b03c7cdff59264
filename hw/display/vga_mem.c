/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_mem.c: what the CPU sees of video memory at 0xa0000-0xbffff: chain-4, odd/even and
 * planar addressing, latches, read modes 0 and 1, write modes 0 to 3, and the DISPI bank window.
 *
 * Source:     PS/2 Hardware Interface Technical Reference, "Graphics Controller".
 * Invariants: a plane's offset is below VGA_PLANE_SIZE, or below a quarter of vram in DISPI modes.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/display/vga.h"

/* Where the window answers, by bits 3-2 of the miscellaneous register; offsets from 0xa0000. */
static const struct {
    uint32_t first, size;
} maps[4] = {
    { 0x00000, 0x20000 },
    { 0x00000, 0x10000 },
    { 0x10000, 0x08000 },
    { 0x18000, 0x08000 },
};

/* A CPU address in terms of planes. */
struct target {
    uint32_t offset; /* within each plane */
    uint8_t planes;  /* that this address reaches */
    uint8_t plane;   /* which one a read in mode 0 takes */
};

/* From an offset within the window to one within the mapped part; false: nothing answers there. */
static bool map_address(const struct vga *v, uint64_t off, uint64_t *addr)
{
    unsigned map = v->gr[GR_MISC] >> 2 & 3;

    if (vbe_enabled(v)) {
        /* DISPI: 64 KiB banks at 0xa0000, whatever the VGA's registers say. */
        *addr = off + ((uint64_t)v->vbe.regs[VBE_BANK] << 16);
        return off < 0x10000;
    }
    if (!(v->misc & MISC_RAM) || off < maps[map].first || off - maps[map].first >= maps[map].size) {
        return false;
    }
    *addr = off - maps[map].first;
    return true;
}

static bool decode(const struct vga *v, uint64_t addr, bool write, struct target *t)
{
    bool odd_even =
        write ? !(v->sr[SR_MEMORY] & SR4_NO_ODD_EVEN) : (v->gr[GR_MODE] & GR5_ODD_EVEN) != 0;
    uint64_t offset = addr;

    if (v->sr[SR_MEMORY] & SR4_CHAIN4) {
        t->plane = addr & 3;
        t->planes = (uint8_t)(1u << t->plane);
        offset = addr >> 2;
    } else if (odd_even) {
        t->plane = (uint8_t)((v->gr[GR_READ_MAP] & 2) | (addr & 1));
        t->planes = addr & 1 ? 0xa : 0x5;
        offset = addr & ~1ull;
    } else {
        t->plane = v->gr[GR_READ_MAP];
        t->planes = 0xf;
    }
    if (vbe_enabled(v)) {
        if (offset >= v->vram.ram->size / 4) {
            return false;
        }
    } else {
        offset &= VGA_PLANE_SIZE - 1;
    }
    t->offset = (uint32_t)offset;
    return true;
}

static uint8_t read_byte(struct vga *v, uint64_t off)
{
    const uint8_t *vram = v->vram.ram->host;
    uint8_t result = 0xff;
    struct target t;
    uint64_t addr;

    if (!map_address(v, off, &addr)) {
        return 0xff;
    }
    if (vbe_linear(v)) {
        return addr < v->vram.ram->size ? vram[addr] : 0xff;
    }
    if (!decode(v, addr, false, &t)) {
        return 0xff;
    }
    memcpy(v->latch, vram + t.offset * 4, 4);
    if (!(v->gr[GR_MODE] & GR5_COMPARE) || (v->sr[SR_MEMORY] & SR4_CHAIN4)) {
        return v->latch[t.plane];
    }
    /* Read mode 1: a bit is set where every plane that counts has the compared colour. */
    for (unsigned p = 0; p < 4; p++) {
        if (v->gr[GR_DONT_CARE] >> p & 1) {
            result &= v->gr[GR_COMPARE] >> p & 1 ? v->latch[p] : (uint8_t)~v->latch[p];
        }
    }
    return result;
}

/* All of a byte or none of it, by bit p. */
static uint8_t spread(uint8_t bits, unsigned p)
{
    return bits >> p & 1 ? 0xff : 0;
}

static uint8_t logic(const struct vga *v, uint8_t data, uint8_t latch)
{
    switch (v->gr[GR_ROTATE] >> 3 & 3) {
    case 1:
        return data & latch;
    case 2:
        return data | latch;
    case 3:
        return data ^ latch;
    default:
        return data;
    }
}

/* What the graphics controller makes of a CPU's byte for plane p. */
static uint8_t plane_data(const struct vga *v, uint8_t value, unsigned p)
{
    unsigned count = v->gr[GR_ROTATE] & 7, mode = v->gr[GR_MODE] & 3;
    uint8_t rotated = (uint8_t)(value >> count | value << (8 - count));
    uint8_t mask = v->gr[GR_BIT_MASK], latch = v->latch[p], data;

    switch (mode) {
    case 0:
        data = v->gr[GR_ENABLE_SR] >> p & 1 ? spread(v->gr[GR_SET_RESET], p) : rotated;
        break;
    case 1:
        return latch;
    case 2:
        data = spread(value, p);
        break;
    default:
        data = spread(v->gr[GR_SET_RESET], p);
        mask &= rotated;
        break;
    }
    return (uint8_t)((logic(v, data, latch) & mask) | (latch & ~mask));
}

static void write_byte(struct vga *v, uint64_t off, uint8_t value)
{
    uint8_t *vram = v->vram.ram->host, planes;
    struct target t;
    uint64_t addr;

    if (!map_address(v, off, &addr)) {
        return;
    }
    if (vbe_linear(v)) {
        if (addr < v->vram.ram->size) {
            vram[addr] = value;
            ram_written(v->machine, v->vram.ram, addr, 1);
        }
        return;
    }
    if (!decode(v, addr, true, &t)) {
        return;
    }
    planes = t.planes & v->sr[SR_MAP_MASK];
    for (unsigned p = 0; p < 4; p++) {
        if (planes >> p & 1) {
            vram[t.offset * 4 + p] = plane_data(v, value, p);
        }
    }
    ram_written(v->machine, v->vram.ram, (uint64_t)t.offset * 4, 4);
}

static uint64_t window_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(opaque, off + i) << (8 * i);
    }
    return value;
}

static void window_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(opaque, off + i, (uint8_t)(value >> (8 * i)));
    }
}

const struct mem_ops vga_window_ops = {
    .read = window_read, .write = window_write, .min_size = 1, .max_size = 8
};
