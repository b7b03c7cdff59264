/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/msix.h: the MSI-X capability (PCI 3.0, 6.8.2): a table of messages with a mask each, and
 * the bits of those that wait for their mask to fall, in a BAR of the device's.
 *
 * A device embeds a struct pci_msix, calls one of the setups in its realize and lists
 * PCI_MSIX_STATE after PCI_STATE; reset, load and the end are the PCI device's own.
 * Thread: under the machine lock.
 */
#ifndef HW_PCI_MSIX_H
#define HW_PCI_MSIX_H

#include "hw/pci/pci.h"
#include "softmmu/irqchip.h"

#define PCI_MSIX_MAX   128u /* vectors: what a table here may have */
#define PCI_MSIX_ENTRY 16u  /* bytes */

/* A vector whose message the engine's interrupt controllers send when an eventfd is written to. */
struct pci_msix_fast {
    struct irqchip_route route;
    _Atomic int fd; /* -1: not now: masked, or off */
    bool refused;   /* by the engine */
};

struct pci_msix {
    struct pci_device *pci;
    unsigned vectors;
    uint8_t cap;                                 /* offset of the capability */
    struct mem_region bar, table_mmio, pba_mmio; /* bar: only with pci_msix_setup_bar */
    uint8_t table[PCI_MSIX_MAX * PCI_MSIX_ENTRY];
    uint8_t pending[PCI_MSIX_MAX / 8];
    bool by_eventfd;            /* set before the setup: vectors are signalled on any thread */
    struct pci_msix_fast *fast; /* by vector; NULL: none */
};

/*
 * Table and pending bits in a region of the device's that is (or will be) BAR n, at offsets that
 * are multiples of 8.  vectors: 1 to PCI_MSIX_MAX.  False: no space for the capability.
 */
bool pci_msix_setup(struct pci_device *d, struct pci_msix *msix, unsigned vectors, unsigned n,
                    struct mem_region *bar, uint32_t table, uint32_t pba);
/* The same in a memory BAR of their own, n. */
bool pci_msix_setup_bar(struct pci_device *d, struct pci_msix *msix, unsigned vectors, unsigned n);
bool pci_msix_enabled(const struct pci_device *d);
/* Sends vector n, or remembers it while masked; a number that is out of range is ignored. */
void pci_msix_send(struct pci_device *d, unsigned n);
/* Any thread: the same where that needs no lock.  False: it does. */
bool pci_msix_post(struct pci_device *d, unsigned n);
/* What was posted is sent, or pending: before a save. */
void pci_msix_drain(struct pci_msix *msix);

/* pci.c and config.c call these for a device with d->msix. */
void pci_msix_reset(struct pci_msix *msix);
void pci_msix_update(struct pci_msix *msix); /* the control word may have changed */
bool pci_msix_post_load(struct pci_msix *msix, GError **error);
void pci_msix_teardown(struct pci_msix *msix);

#define PCI_MSIX_STATE(strct, member)                                                              \
    STATE_SUB(strct, member, 1, pci_msix_state, 1, "MSI-X table and pending bits")
extern const struct state_row pci_msix_state[];

#endif
