/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/pci_rig.h: a PCI host on the rig, and configuration accesses through its ports.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_PCI_RIG_H
#define TESTS_DEVICE_PCI_RIG_H

#include "hw/pci/host.h"
#include "tests/device/rig.h"

/* BARs appear below the rig's RAM, in `memory`, which the caller owns. */
static inline struct pci_host *pci_rig_host(struct rig *r, struct mem_region *memory)
{
    struct pci_host *host = (struct pci_host *)rig_device_new(r, &pci_host_type, NULL);

    mem_region_init_container(memory, r->m, "pci", UINT64_MAX);
    mem_region_add(&r->m->system_memory, 0, memory, -1);
    host->memory = memory;
    rig_device_realize(r, &host->dev);
    return host;
}

static inline uint32_t pci_rig_read(struct rig *r, uint8_t devfn, unsigned reg, unsigned size)
{
    rig_outl(r, 0xcf8, 0x80000000u | (unsigned)devfn << 8 | (reg & 0xfc));
    return (uint32_t)address_space_load(&r->m->io, 0xcfc + (reg & 3), size);
}

static inline void pci_rig_write(struct rig *r, uint8_t devfn, unsigned reg, uint32_t v,
                                 unsigned size)
{
    rig_outl(r, 0xcf8, 0x80000000u | (unsigned)devfn << 8 | (reg & 0xfc));
    address_space_store(&r->m->io, 0xcfc + (reg & 3), v, size);
}

#endif
