/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/pci/host.h: configuration mechanism #1 (PCI 3.0, 3.2.2.3.2): ports 0xCF8 and 0xCFC. */
#ifndef HW_PCI_HOST_H
#define HW_PCI_HOST_H

#include "hw/pci/pci.h"

struct pci_host {
    struct device dev;
    struct pci_bus bus;
    struct mem_region address_port, data_port;
    uint32_t address; /* CONFIG_ADDRESS */
    /* Wired by the board before realize: where BARs appear. */
    struct mem_region *memory, *io;
    /*
     * A byte access to 0xCF9 is not configuration: it belongs to the chipset's reset control
     * register, which shares the address register's ports.  NULL: nobody there.
     */
    uint8_t (*reset_control_read)(void *opaque);
    void (*reset_control_write)(void *opaque, uint8_t value);
    void *reset_control_opaque;
};
extern const struct device_type pci_host_type, q35_pci_host_type;

#endif
