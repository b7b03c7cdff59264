/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_mmio.c: BAR 2 of the PCI displays: the monitor's EDID at 0, the VGA's ports 0x3c0-0x3df
 * at 0x400, the DISPI registers side by side at 0x500, the byte order of pixels at 0x604.
 *
 * Source: QEMU's documentation, "QEMU Standard VGA" (docs/specs/standard-vga).
 * Thread: under the machine lock.
 */
#include "hw/display/vga.h"
#include "util/log.h"

enum { EDID_AREA = 0x400, PORTS_AREA = 0x420, DISPI = 0x500, EXTENDED = 0x600 };
enum { DISPI_END = DISPI + VBE_REGS * 2, EXTENDED_SIZE = 8 };
#define BIG_ENDIAN_MAGIC    0xbebebebeu
#define LITTLE_ENDIAN_MAGIC 0x1e1e1e1eu

/* The monitor as a viewer wants it. */
static struct edid_info wanted(const struct vga *v)
{
    struct edid_info info = v->monitor;

    if (v->want_x || v->want_y) {
        info.xres = v->want_x;
        info.yres = v->want_y;
    }
    return info;
}

bool vga_mmio_resize(void *opaque, unsigned width, unsigned height)
{
    struct edid_info info = { .xres = width, .yres = height };
    struct vga *v = opaque;

    if (!v->edid || !edid_check(&info, v->name, NULL)) {
        return false;
    }
    v->want_x = width;
    v->want_y = height;
    return true;
}

bool vga_mmio_post_load(const struct vga *v, GError **error)
{
    struct edid_info info = wanted(v);

    return edid_check(&info, v->name, error);
}

static uint64_t read_edid(const struct vga *v, uint64_t off, unsigned size)
{
    uint8_t edid[EDID_SIZE] = { 0 };
    struct edid_info info = wanted(v);
    uint64_t value = 0;

    if (v->edid) {
        edid_generate(edid, &info);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)(off + i < EDID_SIZE ? edid[off + i] : 0) << (8 * i);
    }
    return value;
}

static uint64_t mmio_read(void *opaque, uint64_t off, unsigned size)
{
    struct vga *v = opaque;
    uint64_t value = 0;

    if (off < EDID_AREA) {
        return read_edid(v, off, size);
    }
    if (off < PORTS_AREA && !v->vbe_only) {
        for (unsigned i = 0; i < size; i++) {
            uint16_t port = (uint16_t)(0x3c0 + (off - EDID_AREA) + i);

            value |= (uint64_t)vga_port_read(v, port) << (8 * i);
        }
        return value;
    }
    if (off >= DISPI && off < DISPI_END && size <= 2) {
        return vbe_read(v, (unsigned)(off - DISPI) / 2) >> (off & 1 ? 8 : 0);
    }
    if (off == EXTENDED) {
        return EXTENDED_SIZE;
    }
    if (off == EXTENDED + 4) {
        return v->big_endian ? BIG_ENDIAN_MAGIC : LITTLE_ENDIAN_MAGIC;
    }
    log_line(LOG_UNIMP, "%s: read of register 0x%x", v->name, (unsigned)off);
    return 0;
}

static void mmio_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct vga *v = opaque;

    if (off >= EDID_AREA && off < PORTS_AREA && !v->vbe_only) {
        /* A wider write is the index first, then its data. */
        for (unsigned i = 0; i < size; i++) {
            vga_port_write(v, (uint16_t)(0x3c0 + (off - EDID_AREA) + i),
                           (uint8_t)(value >> (8 * i)));
        }
    } else if (off >= DISPI && off < DISPI_END && size == 2) {
        vbe_write(v, (unsigned)(off - DISPI) / 2, (uint16_t)value);
    } else if (off == EXTENDED + 4 && size == 4) {
        if (value == BIG_ENDIAN_MAGIC || value == LITTLE_ENDIAN_MAGIC) {
            v->big_endian = value == BIG_ENDIAN_MAGIC;
            v->redraw = true;
        }
    } else {
        log_line(LOG_UNIMP, "%s: write of 0x%x to register 0x%x", v->name, (unsigned)value,
                 (unsigned)off);
    }
}

const struct mem_ops vga_mmio_ops = {
    .read = mmio_read, .write = mmio_write, .min_size = 1, .max_size = 4
};
