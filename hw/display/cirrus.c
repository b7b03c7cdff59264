/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/cirrus.c: the life of a CL-GD5446 and its place on the PCI bus: "cirrus-vga".
 *
 * BAR 0: video memory, and from 16 MiB on data for the engine; BAR 1: registers; the ROM is the VGA BIOS.
 * Source, invariants and thread: cirrus.h.
 */
#include "hw/display/cirrus.h"

#include <string.h>
#include "util/error.h"

#define LINEAR_SIZE   (32u << 20)
#define CPU_DATA_AT   (16u << 20)
#define CPU_DATA_SIZE (4u << 20)
#define MMIO_SIZE     4096u

static const struct vga_extension extension = {
    .port_read = cirrus_port_read,
    .port_write = cirrus_port_write,
    .update = cirrus_update,
    .graphics = cirrus_graphics,
    .window = &cirrus_window_ops,
    .no_dispi = true,
};

static void make_regions(struct cirrus *s)
{
    struct machine *m = s->pci.dev.machine;
    uint64_t vram = s->vga.vram.ram->size;

    mem_transaction_begin(m);
    mem_region_init_container(&s->linear, m, "cirrus-linear", LINEAR_SIZE);
    mem_region_add(&s->linear, 0, &s->vga.vram, 0);
    mem_region_init_mmio(&s->cpu_overlay, m, "cirrus-cpu-data", &cirrus_cpu_data_ops, s, vram);
    mem_region_set_enabled(&s->cpu_overlay, false);
    mem_region_add(&s->linear, 0, &s->cpu_overlay, 1);
    mem_region_init_mmio(&s->cpu_data, m, "cirrus-cpu-data", &cirrus_cpu_data_ops, s,
                         CPU_DATA_SIZE);
    mem_region_add(&s->linear, CPU_DATA_AT, &s->cpu_data, 0);
    mem_region_init_mmio(&s->mmio, m, "cirrus-mmio", &cirrus_mmio_ops, s, MMIO_SIZE);
    mem_transaction_commit(m);
}

static bool realize(struct device *dev, GError **error)
{
    const struct pci_ident ident = {
        .vendor = 0x1013, .device = 0x00b8, .class = 0x0300, .romfile = "vgabios-cirrus.bin"
    };
    struct cirrus *s = (struct cirrus *)dev;
    uint32_t mb = s->vga.vgamem_mb;

    if (mb != 4 && mb != 8 && mb != 16) {
        set_error(error, "cirrus-vga: vgamem_mb is %u, must be 4, 8 or 16", mb);
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->vga.extension = &extension;
    s->vga.monitor = (struct edid_info){ .xres = 1024, .yres = 768 };
    if (!vga_init(&s->vga, dev, false, error)) {
        pci_device_teardown(&s->pci);
        vga_destroy(&s->vga);
        return false;
    }
    make_regions(s);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32 | PCI_BAR_PREFETCH, &s->linear, LINEAR_SIZE);
    pci_add_bar(&s->pci, 1, PCI_BAR_MEM32, &s->mmio, MMIO_SIZE);
    vga_add_legacy(&s->vga, pci_bus_of(&s->pci)->memory);
    return true;
}

static void reset(struct device *dev)
{
    struct cirrus *s = (struct cirrus *)dev;

    pci_device_reset(&s->pci);
    vga_reset(&s->vga);
    cirrus_regs_reset(s);
    memset(&s->blt, 0, sizeof(s->blt));
    cirrus_blt_reset(s);
}

static void unrealize(struct device *dev)
{
    struct cirrus *s = (struct cirrus *)dev;

    pci_device_teardown(&s->pci);
    mem_transaction_begin(dev->machine);
    mem_region_destroy(&s->mmio);
    mem_region_destroy(&s->cpu_data);
    mem_region_destroy(&s->cpu_overlay);
    vga_destroy(&s->vga);
    mem_region_destroy(&s->linear);
    mem_transaction_commit(dev->machine);
}

static bool post_load(struct device *dev, GError **error)
{
    struct cirrus *s = (struct cirrus *)dev;

    cirrus_regs_fix(s);
    return pci_device_post_load(&s->pci, error) && vga_post_load(&s->vga, error) &&
           cirrus_blt_post_load(s, error);
}

static const struct property props[] = {
    PCI_PROPS(struct cirrus, pci),
    PROP_U32(struct cirrus, "vgamem_mb", vga.vgamem_mb, 4, "video memory in MiB: 4, 8 or 16"),
    PROP_BOOL(struct cirrus, "blitter", blitter, true, "the engine that copies and fills"),
    { 0 },
};

static const struct state_row blt_state[] = {
    STATE_INT(struct cirrus_blt, waiting, 1, "for data from the CPU"),
    STATE_INT(struct cirrus_blt, width, 1, "bytes of a row"),
    STATE_INT(struct cirrus_blt, height, 1, "rows"),
    STATE_INT(struct cirrus_blt, dst, 1, "where the next row goes"),
    STATE_INT(struct cirrus_blt, src, 1, "where it comes from"),
    STATE_INT(struct cirrus_blt, dst_pitch, 1, "bytes from row to row"),
    STATE_INT(struct cirrus_blt, src_pitch, 1, "the same of the source"),
    STATE_INT(struct cirrus_blt, row, 1, "the next row"),
    STATE_INT(struct cirrus_blt, pitch, 1, "bytes of a row of CPU data"),
    STATE_INT(struct cirrus_blt, have, 1, "that came of the next row"),
    STATE_BUF(struct cirrus_blt, data, 1, "CPU data of the next row"),
    { 0 },
};

static const struct state_row cirrus_state[] = {
    PCI_STATE(struct cirrus, pci),
    VGA_STATE(struct cirrus, vga),
    STATE_BUF(struct cirrus, sr, 1, "sequencer: extensions"),
    STATE_BUF(struct cirrus, gr, 1, "graphics controller: extensions, engine"),
    STATE_BUF(struct cirrus, cr, 1, "CRT controller: extensions"),
    STATE_INT(struct cirrus, dac_mode, 1, "hidden DAC register"),
    STATE_INT(struct cirrus, dac_reads, 1, "reads of the pixel mask in a row"),
    STATE_BUF(struct cirrus, cursor_dac, 1, "the pointer's colours"),
    STATE_INT(struct cirrus, cursor_x, 1, "where the pointer is"),
    STATE_INT(struct cirrus, cursor_y, 1, ""),
    STATE_SUB(struct cirrus, blt, 1, blt_state, 1, "the engine's operation"),
    { 0 },
};

const struct device_type cirrus_vga_type = {
    .name = "cirrus-vga",
    .summary = "Cirrus CLGD 54xx VGA",
    .bus = BUS_PCI,
    .cold_only = true,
    .size = sizeof(struct cirrus),
    .props = props,
    .state = cirrus_state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
