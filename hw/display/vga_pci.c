/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_pci.c: the PCI displays 1234:1111: "VGA", "secondary-vga" without the legacy ports and
 * memory, "bochs-display" with the DISPI registers only.
 *
 * BAR 0 is video memory, BAR 2 the registers (vga_mmio.c), the ROM BAR the VGA BIOS.
 * Invariant: the legacy window and ports answer whatever the command register says, as firmware expects
 *            of the machine's first display.
 * Thread:    under the machine lock.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/display/vga.h"
#include "hw/pci/pci.h"
#include "util/error.h"
#include "util/log.h"

#define DEFAULT_ROM  "vgabios-stdvga.bin"
#define ROM_SIZE_MAX (16u << 20)

struct pci_vga {
    struct pci_device pci;
    struct vga vga;
    char *romfile;
    uint64_t vgamem; /* property of bochs-display: bytes */
    struct mem_region mmio, rom;
};

/* A name without a slash is looked for in the folders of firmware. */
static char *find_rom(struct machine *m, const char *name)
{
    const GPtrArray *dirs = m->config.data_dirs;

    if (strchr(name, '/')) {
        return g_strdup(name);
    }
    for (unsigned i = 0; i < dirs->len; i++) {
        g_autofree char *path = g_build_filename(g_ptr_array_index(dirs, i), name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            return g_steal_pointer(&path);
        }
    }
    return NULL;
}

static unsigned round_up_power(gsize n)
{
    unsigned size = 2048; /* the least that a ROM BAR can ask for */

    while (size < n) {
        size *= 2;
    }
    return size;
}

/* The default ROM may be absent: the firmware then shows nothing.  One that was named must be there. */
static bool add_rom(struct pci_vga *s, GError **error)
{
    g_autofree char *path = NULL, *data = NULL;
    struct machine *m = s->pci.dev.machine;
    unsigned size;
    gsize len;

    if (!s->romfile || !*s->romfile) {
        return true;
    }
    path = find_rom(m, s->romfile);
    if (!path) {
        if (strcmp(s->romfile, DEFAULT_ROM) == 0) {
            log_line(LOG_DEVICE, "%s: there is no %s (Debian package seabios)", s->vga.name,
                     DEFAULT_ROM);
            return true;
        }
        set_error(error, "%s: romfile '%s' is in none of the folders of firmware (-L help)",
                  s->vga.name, s->romfile);
        return false;
    }
    if (!g_file_get_contents(path, &data, &len, error)) {
        return false;
    }
    if (len == 0 || len > ROM_SIZE_MAX) {
        set_error(error, "%s: romfile '%s' has %" G_GSIZE_FORMAT " bytes, must have 1 to 16 MiB",
                  s->vga.name, path, len);
        return false;
    }
    size = round_up_power(len);
    if (!mem_region_init_rom(&s->rom, m, "vga.rom", size, error)) {
        memset(&s->rom, 0, sizeof(s->rom));
        return false;
    }
    memcpy(s->rom.ram->host, data, len);
    pci_add_bar(&s->pci, PCI_BARS, PCI_BAR_MEM32, &s->rom, size);
    return true;
}

static bool realize(struct device *dev, uint16_t class, bool vbe_only, GError **error)
{
    const struct pci_ident ident = { .vendor = 0x1234,
                                     .device = 0x1111,
                                     .revision = 2,
                                     .class = class };
    struct pci_vga *s = (struct pci_vga *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    if (!vga_init(&s->vga, dev, vbe_only, error) || !add_rom(s, error)) {
        pci_device_teardown(&s->pci);
        vga_destroy(&s->vga);
        return false;
    }
    mem_region_init_mmio(&s->mmio, dev->machine, "vga.mmio", &vga_mmio_ops, &s->vga, VGA_MMIO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32 | PCI_BAR_PREFETCH, &s->vga.vram, s->vga.vram.ram->size);
    pci_add_bar(&s->pci, 2, PCI_BAR_MEM32, &s->mmio, VGA_MMIO_SIZE);
    return true;
}

static bool vga_realize(struct device *dev, GError **error)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    if (!realize(dev, 0x0300, false, error)) {
        return false;
    }
    vga_add_legacy(&s->vga, pci_bus_of(&s->pci)->memory);
    return true;
}

static bool secondary_realize(struct device *dev, GError **error)
{
    return realize(dev, 0x0380, false, error);
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
    return realize(dev, 0x0380, true, error);
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
    mem_region_destroy(&s->rom);
    vga_destroy(&s->vga);
}

static bool post_load(struct device *dev, GError **error)
{
    struct pci_vga *s = (struct pci_vga *)dev;

    return pci_device_post_load(&s->pci, error) && vga_post_load(&s->vga, error);
}

static const struct property vga_props[] = {
    PCI_PROPS(struct pci_vga, pci),
    VGA_PROPS(struct pci_vga, vga),
    PROP_STRING(struct pci_vga, "romfile", romfile, DEFAULT_ROM, "the VGA BIOS; empty: none"),
    { 0 },
};

/* No ROM: firmware drives the machine's first display. */
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
