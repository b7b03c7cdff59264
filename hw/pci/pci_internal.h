/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/pci/pci_internal.h: what pci.c and config.c share; nobody else includes it. */
#ifndef HW_PCI_PCI_INTERNAL_H
#define HW_PCI_PCI_INTERNAL_H

#include "hw/pci/pci.h"

/*
 * config.c: brings the mappings in line with the command register and the BARs; removes them all.
 */
void pci_update_bars(struct pci_device *d);
void pci_unmap_bars(struct pci_device *d);
/* The writable bits of the 4 bytes at off. */
uint32_t pci_mask_load(const struct pci_device *d, unsigned off);
/* pci.c: brings the INTx line in line with `intx`, the pin and the command register. */
void pci_update_intx(struct pci_device *d);

/*
 * rom.c: the ROM BAR of romfile=, or of `own` (a file's name, or NULL) where none is given. False and
 * *error: a file that was named is not usable.
 */
bool pci_add_rom(struct pci_device *d, const char *own, GError **error);

#endif
