/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/ecam.h: configuration space as memory (PCI Express Base 3.0, 7.2.2): 1 MiB a bus, 4 KiB a
 * function, of which the first 256 bytes are there.
 * Thread: under the machine lock.
 */
#ifndef HW_PCI_ECAM_H
#define HW_PCI_ECAM_H

#include "hw/pci/pci.h"

struct pci_ecam {
    struct pci_bus *root;
    struct mem_region mmio;
    uint64_t base, size; /* size 0: not mapped */
};

void pci_ecam_init(struct pci_ecam *e, struct pci_bus *root);
/* Moves it in guest memory; size: 1 MiB for each bus from 0 on; 0: away. */
void pci_ecam_place(struct pci_ecam *e, uint64_t base, uint64_t size);
void pci_ecam_destroy(struct pci_ecam *e);

#endif
