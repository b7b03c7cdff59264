/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_pci.c: the PCI displays 1234:1111: "VGA", "secondary-vga" without the legacy ports and
 * memory, "bochs-display" with the DISPI registers only.
 *
 * BAR 0 is video memory, BAR 2 the registers (vga_mmio.c), the ROM the VGA BIOS.
 * Invariant: the legacy window and ports answer whatever the command register says, as firmware expects
 *            of the machine's first display.
 * Thread:    under the machine lock.
 */
#include <inttypes.h>
#include "hw/display/vga.h"
#include "hw/pci/pci.h"
#include "util/error.h"

struct pci_vga {
    struct pci_device pci;
    struct vga vga;
    uint64_t vgamem; /* property of bochs-display: bytes */
    struct mem_region mmio;
};

static bool realize(struct device *dev, uint16_t class, bool vbe_only, const char *rom,
                    GError **error)
{
    const struct pci_ident ident = {
        .vendor = 0x1234, .device = 0x1111, .revision = 2, .class = class, .romfile = rom
    };
    struct pci_vga *s = (struct pci_vga *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    if (!vga_init(&s->vga, dev, vbe_only, error)) {
        pci_device_teardown(&s->pci);
        vga_destroy(&s->vga);
        return false;
    }
    s->vga.console.resize = vga_mmio_resize;
    mem_region_init_mmio(&s->mmio, dev->machine, "vga.mmio", &vga_mmio_ops, &s->vga, VGA_MMIO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32 | PCI_BAR_PREFETCH, &s->vga.vram, s->vga.vram.ram->size);
    pci_add_bar(&s->pci, 2, PCI_BAR_MEM32, &s->mmio, VGA_MMIO_SIZE);
    return true;
}

static bool vga_realize(struct device *dev, GError **error)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    if (!realize(dev, 0x0300, false, "vgabios-stdvga.bin", error)) {
        return false;
    }
    vga_add_legacy(&s->vga, pci_bus_of(&s->pci)->memory);
    return true;
}

static bool secondary_realize(struct device *dev, GError **error)
{
    return realize(dev, 0x0380, false, NULL, error);
}

static bool bochs_realize(struct device *dev, GError **error)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    if (s->vgamem & 0xfffff || s->vgamem >> 20 > UINT32_MAX) {
        set_error(error, "%s: vgamem is %" PRIu64 ", must be whole MiB", dev->type->name,
                  s->vgamem);
        return false;
    }
    s->vga.vgamem_mb = (uint32_t)(s->vgamem >> 20);
    return realize(dev, 0x0380, true, NULL, error);
}

static void reset(struct device *dev)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    pci_device_reset(&s->pci);
    vga_reset(&s->vga);
}

static void unrealize(struct device *dev)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
    vga_destroy(&s->vga);
}

static bool post_load(struct device *dev, GError **error)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    return pci_device_post_load(&s->pci, error) && vga_post_load(&s->vga, error) &&
           vga_mmio_post_load(&s->vga, error);
}

static const struct property vga_props[] = {
    PCI_PROPS(struct pci_vga, pci),
    VGA_PROPS(struct pci_vga, vga),
    { 0 },
};

/* No ROM of their own: firmware drives the machine's first display. */
static const struct property plain_props[] = {
    PCI_PROPS(struct pci_vga, pci),
    VGA_PROPS(struct pci_vga, vga),
    { 0 },
};

static const struct property bochs_props[] = {
    PCI_PROPS(struct pci_vga, pci),
    PROP_SIZE(struct pci_vga, "vgamem", vgamem, 16ull << 20, "video memory in bytes"),
    PROP_BOOL(struct pci_vga, "edid", vga.edid, true, "the monitor describes itself"),
    EDID_PROPS(struct pci_vga, vga.monitor),
    { 0 },
};

static const struct state_row pci_vga_state[] = {
    PCI_STATE(struct pci_vga, pci),
    VGA_STATE(struct pci_vga, vga),
    STATE_INT(struct pci_vga, vga.want_x, 2, "width that a viewer asked for; 0: none did"),
    STATE_INT(struct pci_vga, vga.want_y, 2, "height"),
    { 0 },
};

const struct device_type vga_type = {
    .name = "VGA",
    .summary = "standard VGA with Bochs extensions",
    .bus = BUS_PCI,
    .cold_only = true,
    .size = sizeof(struct pci_vga),
    .props = vga_props,
    .state = pci_vga_state,
    .realize = vga_realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};

const struct device_type secondary_vga_type = {
    .name = "secondary-vga",
    .summary = "standard VGA without the legacy ports and memory",
    .bus = BUS_PCI,
    .size = sizeof(struct pci_vga),
    .props = plain_props,
    .state = pci_vga_state,
    .realize = secondary_realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};

const struct device_type bochs_display_type = {
    .name = "bochs-display",
    .summary = "linear frame buffer with the Bochs mode registers",
    .bus = BUS_PCI,
    .size = sizeof(struct pci_vga),
    .props = bochs_props,
    .state = pci_vga_state,
    .realize = bochs_realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
