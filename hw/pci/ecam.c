/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/pci/ecam.c: see ecam.h.  Thread: under the machine lock. */
#include "hw/pci/ecam.h"

static struct pci_device *function_at(struct pci_ecam *e, uint64_t off)
{
    return pci_find(e->root, (uint8_t)(off >> 20), (uint8_t)(off >> 12));
}

/* All ones where no function is, and beyond the 256 bytes of one without extended capabilities. */
static uint64_t ecam_read(void *opaque, uint64_t off, unsigned size)
{
    struct pci_device *d = function_at(opaque, off);

    return d ? pci_config_read(d, off & 0xfff, size) : UINT64_MAX;
}

static void ecam_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pci_device *d = function_at(opaque, off);

    if (d) {
        pci_config_write(d, off & 0xfff, (uint32_t)value, size);
    }
}

static const struct mem_ops ecam_ops = {
    .read = ecam_read, .write = ecam_write, .min_size = 1, .max_size = 4
};

void pci_ecam_init(struct pci_ecam *e, struct pci_bus *root)
{
    e->root = root;
    e->base = e->size = 0;
}

void pci_ecam_place(struct pci_ecam *e, uint64_t base, uint64_t size)
{
    struct machine *m = e->root->bus.machine;

    if (base == e->base && size == e->size) {
        return;
    }
    mem_transaction_begin(m);
    pci_ecam_destroy(e);
    e->base = base;
    e->size = size;
    if (size) {
        mem_region_init_mmio(&e->mmio, m, "pcie-mmcfg-mmio", &ecam_ops, e, size);
        mem_region_add(&m->system_memory, base, &e->mmio, 1);
    }
    mem_transaction_commit(m);
}

void pci_ecam_destroy(struct pci_ecam *e)
{
    if (e->size) {
        mem_region_destroy(&e->mmio);
        e->size = 0;
    }
}
