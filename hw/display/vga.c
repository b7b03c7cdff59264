/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga.c: the life of a VGA core, its place in memory and I/O space, and "isa-vga".
 *
 * Thread: under the machine lock.
 */
#include "hw/display/vga.h"

#include <string.h>
#include "hw/pci/pci.h"
#include "util/error.h"

/* clang-format off */
/* Runs of ports; 0x3bc-0x3be between them is a printer's. */
static const struct { uint16_t first, n; } port_ranges[VGA_PORT_RANGES - 1] = {
    { 0x3b4,  2 },
    { 0x3ba,  1 },
    { 0x3c0, 16 },
    { 0x3d4,  2 },
    { 0x3da,  1 },
};
/* clang-format on */
#define VBE_PORT  0x1ceu
#define VBE_PORTS 4u

/* Where isa-vga has its linear frame buffer: the DISPI interface's own address. */
#define ISA_LFB_BASE 0xe0000000u

static const struct state_row vbe_state[] = {
    STATE_INT(struct vbe, index, 1, "register selected through port 0x1ce"),
    STATE_ARRAY(struct vbe, regs, 1, "DISPI registers"),
    { 0 },
};

/* Video memory is RAM and is saved as such. */
const struct state_row vga_state[] = {
    STATE_INT(struct vga, big_endian, 1, "pixels of the linear modes are big-endian"),
    STATE_INT(struct vga, misc, 1, "miscellaneous output register"),
    STATE_INT(struct vga, feature, 1, "feature control register"),
    STATE_INT(struct vga, sr_index, 1, "sequencer: index"),
    STATE_BUF(struct vga, sr, 1, "sequencer"),
    STATE_INT(struct vga, gr_index, 1, "graphics controller: index"),
    STATE_BUF(struct vga, gr, 1, "graphics controller"),
    STATE_INT(struct vga, cr_index, 1, "CRT controller: index"),
    STATE_BUF(struct vga, cr, 1, "CRT controller"),
    STATE_INT(struct vga, ar_index, 1, "attribute controller: index and palette address source"),
    STATE_BUF(struct vga, ar, 1, "attribute controller"),
    STATE_INT(struct vga, ar_data, 1, "the next write to port 0x3c0 is data"),
    STATE_INT(struct vga, dac_mask, 1, "DAC: pixel mask"),
    STATE_INT(struct vga, dac_read_index, 1, "DAC: entry to read"),
    STATE_INT(struct vga, dac_write_index, 1, "DAC: entry to write"),
    STATE_INT(struct vga, dac_sub, 1, "DAC: 0 red, 1 green, 2 blue is next"),
    STATE_INT(struct vga, dac_reading, 1, "DAC: the last index was for reading"),
    STATE_BUF(struct vga, dac_pending, 1, "DAC: colours written of an incomplete entry"),
    STATE_BUF(struct vga, dac, 1, "DAC: colours"),
    STATE_BUF(struct vga, latch, 1, "the four planes' latches"),
    STATE_SUB(struct vga, vbe, 1, vbe_state, 1, "DISPI interface"),
    { 0 },
};

bool vga_init(struct vga *v, struct device *dev, bool vbe_only, GError **error)
{
    if (v->vgamem_mb < 1 || v->vgamem_mb > 256 || (v->vgamem_mb & (v->vgamem_mb - 1))) {
        set_error(error, "%s: vgamem_mb is %u, must be a power of two from 1 to 256",
                  dev->type->name, v->vgamem_mb);
        return false;
    }
    if (!edid_check(&v->monitor, dev->type->name, error)) {
        return false;
    }
    v->machine = dev->machine;
    v->name = dev->type->name;
    v->vbe_only = vbe_only;
    if (!mem_region_init_ram(&v->vram, v->machine, "vga.vram", (uint64_t)v->vgamem_mb << 20,
                             error)) {
        memset(&v->vram, 0, sizeof(v->vram));
        return false;
    }
    v->console = (struct display_console){
        .name = v->name, .device = dev, .opaque = v, .update = vga_update, .text = vga_text
    };
    if (!v->hosted) {
        console_register(v->machine, &v->console);
        v->registered = true;
    }
    return true;
}

/* One call for each byte: ports have no wider registers. */
static uint64_t port_read(void *opaque, uint64_t off, unsigned size)
{
    struct vga_ports *p = opaque;

    (void)size;
    return vga_port_read(p->vga, (uint16_t)(p->first + off));
}

static void port_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct vga_ports *p = opaque;

    (void)size;
    vga_port_write(p->vga, (uint16_t)(p->first + off), (uint8_t)value);
}

static const struct mem_ops port_ops = {
    .read = port_read, .write = port_write, .min_size = 1, .max_size = 1
};

void vga_add_legacy(struct vga *v, struct mem_region *memory)
{
    struct machine *m = v->machine;
    struct vga_ports *vbe = &v->ports[VGA_PORT_RANGES - 1];
    const struct mem_ops *window =
        v->extension && v->extension->window ? v->extension->window : &vga_window_ops;

    mem_transaction_begin(m);
    mem_region_init_mmio(&v->window, m, "vga-window", window, v, VGA_WINDOW_SIZE);
    mem_region_add(memory, VGA_WINDOW_BASE, &v->window, 1);
    v->late = (struct io_coalesced){ .mr = &v->window, .size = VGA_WINDOW_SIZE };
    io_coalesced_add(m, &v->late);
    for (unsigned i = 0; i < VGA_PORT_RANGES - 1; i++) {
        struct vga_ports *p = &v->ports[i];

        p->vga = v;
        p->first = port_ranges[i].first;
        mem_region_init_mmio(&p->mr, m, "vga-ports", &port_ops, p, port_ranges[i].n);
        mem_region_add(&m->system_io, p->first, &p->mr, 1);
    }
    if (!v->extension || !v->extension->no_dispi) {
        mem_region_init_mmio(&vbe->mr, m, "vbe-ports", &vbe_port_ops, v, VBE_PORTS);
        mem_region_add(&m->system_io, VBE_PORT, &vbe->mr, 1);
    }
    mem_transaction_commit(m);
}

void vga_destroy(struct vga *v)
{
    if (!v->machine) {
        return;
    }
    mem_transaction_begin(v->machine);
    for (unsigned i = 0; i < VGA_PORT_RANGES; i++) {
        mem_region_destroy(&v->ports[i].mr);
    }
    io_coalesced_remove(v->machine, &v->late);
    mem_region_destroy(&v->window);
    mem_region_del(&v->vram);
    mem_transaction_commit(v->machine);
    mem_region_destroy(&v->vram);
    if (v->registered) {
        console_unregister(v->machine, &v->console);
        v->registered = false;
    }
}

void vga_reset(struct vga *v)
{
    vga_regs_reset(v);
    vbe_reset(v);
    v->big_endian = false;
    v->redraw = true;
}

bool vga_post_load(struct vga *v, GError **error)
{
    if (v->dac_sub > 2) {
        set_error(error, "dac_sub is %u, must be 0 to 2", v->dac_sub);
        return false;
    }
    v->gr[GR_READ_MAP] &= 3;
    vbe_fix(v);
    v->redraw = true;
    return true;
}

/* isa-vga ------------------------------------------------------------------------------------- */

struct isa_vga {
    struct device dev;
    struct vga vga;
};

static bool isa_vga_realize(struct device *dev, GError **error)
{
    struct isa_vga *s = (struct isa_vga *)dev;
    struct machine *m = dev->machine;
    struct bus *pci = bus_find(m, BUS_PCI, NULL);
    /* The bridge to ISA is on the PCI bus where there is one. */
    struct mem_region *memory = pci ? ((struct pci_bus *)pci)->memory : &m->system_memory;

    if (!vga_init(&s->vga, dev, false, error)) {
        return false;
    }
    vga_add_legacy(&s->vga, memory);
    mem_region_add(memory, ISA_LFB_BASE, &s->vga.vram, 0);
    return true;
}

static void isa_vga_reset(struct device *dev)
{
    vga_reset(&((struct isa_vga *)dev)->vga);
}

static void isa_vga_unrealize(struct device *dev)
{
    vga_destroy(&((struct isa_vga *)dev)->vga);
}

static bool isa_vga_post_load(struct device *dev, GError **error)
{
    return vga_post_load(&((struct isa_vga *)dev)->vga, error);
}

static const struct property isa_vga_props[] = { VGA_PROPS(struct isa_vga, vga), { 0 } };
static const struct state_row isa_vga_state[] = { VGA_STATE(struct isa_vga, vga), { 0 } };

const struct device_type isa_vga_type = {
    .name = "isa-vga",
    .summary = "VGA on the ISA bus",
    .bus = BUS_ISA,
    .size = sizeof(struct isa_vga),
    .props = isa_vga_props,
    .state = isa_vga_state,
    .realize = isa_vga_realize,
    .reset = isa_vga_reset,
    .unrealize = isa_vga_unrealize,
    .post_load = isa_vga_post_load,
};
