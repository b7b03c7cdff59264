/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/bridge.h: PCI-to-PCI bridges (type 1 headers): bus numbers, windows, interrupts.
 *
 * Source: PCI-to-PCI Bridge Architecture 1.2, chapter 3.
 * Invariant: what is on the secondary bus answers on the primary one exactly within the windows.
 * Thread: under the machine lock.
 */
#ifndef HW_PCI_BRIDGE_H
#define HW_PCI_BRIDGE_H

#include "hw/pci/pci.h"

/* clang-format off */
enum pci_bridge_register {
    PCI_PRIMARY         = 0x18,
    PCI_SECONDARY       = 0x19,
    PCI_SUBORDINATE     = 0x1a,
    PCI_SECONDARY_LATENCY = 0x1b,
    PCI_IO_BASE         = 0x1c,
    PCI_IO_LIMIT        = 0x1d,
    PCI_SECONDARY_STATUS = 0x1e,
    PCI_MEMORY_BASE     = 0x20,
    PCI_MEMORY_LIMIT    = 0x22,
    PCI_PREFETCH_BASE   = 0x24,
    PCI_PREFETCH_LIMIT  = 0x26,
    PCI_PREFETCH_BASE_HIGH = 0x28,
    PCI_PREFETCH_LIMIT_HIGH = 0x2c,
    PCI_BRIDGE_CONTROL  = 0x3e,
};
#define PCI_BRIDGE_RESET    0x40u /* bridge control: the secondary bus is in reset */
#define PCI_HEADER_BRIDGE   0x01u

enum pci_window { PCI_WINDOW_IO, PCI_WINDOW_MEMORY, PCI_WINDOW_PREFETCH, PCI_WINDOWS };
/* clang-format on */

struct pci_range {
    uint64_t first, last; /* first > last: empty */
};

struct pci_bridge {
    struct pci_device pci;
    struct pci_bus bus;           /* the secondary side */
    char *bus_name;               /* the user's id, or a name of its own */
    struct mem_region memory, io; /* containers: the secondary side's spaces */
    struct mem_region windows[PCI_WINDOWS];
    struct pci_range mapped[PCI_WINDOWS];
    uint8_t levels; /* of the secondary bus's four lines */
    bool in_reset;
};

/*
 * After pci_device_setup: makes the type 1 header, and the bus with `slots` slots (0: 32).  The
 * device's reset, post_load and config_written call pci_bridge_update; its unrealize calls
 * pci_bridge_teardown, which comes before pci_device_teardown.
 */
void pci_bridge_setup(struct pci_bridge *b, uint8_t slots);
void pci_bridge_update(struct pci_bridge *b);
void pci_bridge_teardown(struct pci_bridge *b);
/* What a window's registers say, whether it is enabled or not. */
struct pci_range pci_bridge_range(const struct pci_device *d, enum pci_window window);

/* root_port.c */
extern const struct device_type pcie_root_port_type, pci_bridge_type, pcie_pci_bridge_type;

#endif
