/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/virtio_vga.c: virtio-vga: a virtio graphics card that is a VGA until its driver comes.
 *
 * BAR 0 is the VGA's memory, BAR 2 the virtio registers, BAR 4 MSI-X.
 * Thread: under the machine lock.
 */
#include "hw/display/vga.h"
#include "hw/display/virtio_gpu.h"
#include "hw/virtio/virtio_pci.h"

#define VGA_MEMORY_MB 8u

struct virtio_vga {
    struct virtio_pci proxy;
    struct virtio_gpu gpu;
    struct vga vga;
};
G_STATIC_ASSERT(offsetof(struct virtio_vga, gpu) == offsetof(struct virtio_pci_function, v));

static bool realize(struct device *dev, GError **error)
{
    struct virtio_vga *s = (struct virtio_vga *)dev;
    struct pci_device *pci = &s->proxy.pci;

    s->vga.vgamem_mb = VGA_MEMORY_MB;
    s->vga.hosted = true;
    s->vga.monitor = (struct edid_info){ .xres = 1024, .yres = 768 };
    if (!vga_init(&s->vga, dev, false, error)) {
        vga_destroy(&s->vga);
        return false;
    }
    s->gpu.vga = &s->vga.console;
    s->proxy.modern_bar = 2;
    s->proxy.msix_bar = 4;
    if (!virtio_pci_realize(dev, &virtio_vga_ops, 0x0300, error)) {
        vga_destroy(&s->vga);
        return false;
    }
    pci_add_bar(pci, 0, PCI_BAR_MEM32 | PCI_BAR_PREFETCH, &s->vga.vram, s->vga.vram.ram->size);
    vga_add_legacy(&s->vga, pci_bus_of(pci)->memory);
    return true;
}

static void reset(struct device *dev)
{
    virtio_pci_reset(dev);
    vga_reset(&((struct virtio_vga *)dev)->vga);
}

static void unrealize(struct device *dev)
{
    virtio_pci_unrealize(dev);
    vga_destroy(&((struct virtio_vga *)dev)->vga);
}

static bool post_load(struct device *dev, GError **error)
{
    return virtio_pci_post_load(dev, error) &&
           vga_post_load(&((struct virtio_vga *)dev)->vga, error);
}

static const struct property props[] = {
    VIRTIO_PCI_PROPS(struct virtio_vga, proxy, gpu.v),
    VIRTIO_GPU_PROPS(struct virtio_vga, gpu),
    { 0 },
};
static const struct state_row state[] = {
    VIRTIO_PCI_STATE(struct virtio_vga, proxy, gpu.v),
    VIRTIO_GPU_STATE(struct virtio_vga, gpu),
    VGA_STATE(struct virtio_vga, vga),
    { 0 },
};

const struct device_type virtio_vga_type = {
    .name = "virtio-vga",
    .summary = "virtio graphics card that begins as a VGA",
    .bus = BUS_PCI,
    .cold_only = true,
    .size = sizeof(struct virtio_vga),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .pre_save = virtio_pci_pre_save,
    .post_load = post_load,
};
