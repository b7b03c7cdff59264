/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/cirrus_mem.c: the CL-GD5446's window at 0xa0000: banks of packed pixels, writes that expand bits to
 * pixels (write modes 4 and 5), the engine's registers at 0xb8000, and data for it.
 * Source, invariants and thread: cirrus.h.
 */
#include "hw/display/cirrus.h"

#define MMIO_FIRST 0x18000u /* of the window */
#define MMIO_SIZE  0x100u

static bool is_engine(const struct cirrus *s, uint64_t off)
{
    return (s->sr[SR_CONFIG] & SR17_MMIO) && !(s->sr[SR_CONFIG] & SR17_MMIO_LINEAR) &&
           off >= MMIO_FIRST && off < MMIO_FIRST + MMIO_SIZE;
}

/* One bank of 64 KiB, or two of 32. */
static uint32_t banked(const struct cirrus *s, uint64_t off)
{
    unsigned shift = s->gr[GR_EXTENSION] & GRB_16K ? 14 : 12;
    uint32_t bank = s->gr[GR_OFFSET0];

    off &= 0xffff;
    if (s->gr[GR_EXTENSION] & GRB_TWO) {
        bank = off & 0x8000 ? s->gr[GR_OFFSET1] : bank;
        off &= 0x7fff;
    }
    return (uint32_t)((bank << shift) + off);
}

/* Each bit is a pixel: in mode 4 a clear one stays as it is, in mode 5 it gets the background. */
static void write_bits(struct cirrus *s, uint32_t addr, uint8_t bits, bool background)
{
    unsigned bytes = s->gr[GR_EXTENSION] & GRB_BY16 ? 2 : 1;
    uint8_t *vram = s->vga.vram.ram->host;
    const uint8_t colours[2][2] = { { s->gr[GR_SET_RESET], s->gr[GR_BG1] },
                                    { s->gr[GR_ENABLE_SR], s->gr[GR_FG1] } };

    addr = addr * 8 * bytes & cirrus_mask(s);
    for (unsigned i = 0; i < 8; i++) {
        unsigned bit = bits >> (7 - i) & 1;

        for (unsigned k = 0; (bit || background) && k < bytes; k++) {
            vram[addr + i * bytes + k] = colours[bit][k];
        }
    }
    ram_written(s->vga.machine, s->vga.vram.ram, addr, 8 * bytes);
}

static void write_byte(struct cirrus *s, uint64_t off, uint8_t value)
{
    uint32_t addr = banked(s, off);
    unsigned mode = s->gr[GR_MODE] & 7;

    if (is_engine(s, off)) {
        cirrus_blt_write(s, (unsigned)(off - MMIO_FIRST), value);
    } else if (s->blt.waiting) {
        cirrus_blt_data(s, value);
    } else if (!cirrus_packed(s)) {
        vga_window_ops.write(&s->vga, off, value, 1);
    } else if (off >= 0x10000) {
        return; /* packed pixels are at 0xa0000 alone */
    } else if ((s->gr[GR_EXTENSION] & GRB_WRITE_MODES) && (mode == 4 || mode == 5)) {
        write_bits(s, addr, value, mode == 5);
    } else {
        addr &= cirrus_mask(s);
        s->vga.vram.ram->host[addr] = value;
        ram_written(s->vga.machine, s->vga.vram.ram, addr, 1);
    }
}

static uint8_t read_byte(struct cirrus *s, uint64_t off)
{
    if (is_engine(s, off)) {
        return cirrus_blt_read(s, (unsigned)(off - MMIO_FIRST));
    }
    if (!cirrus_packed(s)) {
        return (uint8_t)vga_window_ops.read(&s->vga, off, 1);
    }
    return off < 0x10000 ? s->vga.vram.ram->host[banked(s, off) & cirrus_mask(s)] : 0xff;
}

static uint64_t window_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(cirrus_of(opaque), off + i) << (8 * i);
    }
    return value;
}

static void window_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(cirrus_of(opaque), off + i, (uint8_t)(value >> (8 * i)));
    }
}

const struct mem_ops cirrus_window_ops = {
    .read = window_read, .write = window_write, .min_size = 1, .max_size = 8
};

/* Where the engine takes data from the CPU, whatever the address. */
static uint64_t data_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return UINT64_MAX;
}

static void data_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)off;
    for (unsigned i = 0; i < size; i++) {
        cirrus_blt_data(opaque, (uint8_t)(value >> (8 * i)));
    }
}

const struct mem_ops cirrus_cpu_data_ops = {
    .read = data_read, .write = data_write, .min_size = 1, .max_size = 8, .unaligned = true
};
