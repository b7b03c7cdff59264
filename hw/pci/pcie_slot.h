/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/pcie_slot.h: the slot of a PCI Express port: presence, attention button, power, and the events
 * and interrupts of native hot-plug.  The port embeds it.
 *
 * Source: PCI Express Base 3.0, 6.7 (hot-plug), 7.8.9-7.8.11 (slot registers).
 * Invariants: presence and the link's state are what is on the secondary bus.  The interrupt is the level
 *             of an enabled event; as a message it goes out when that rises.
 *             A device is taken out when the guest turns power and its indicator off.
 * Thread:     under the machine lock.
 */
#ifndef HW_PCI_PCIE_SLOT_H
#define HW_PCI_PCIE_SLOT_H

#include "hw/pci/pci.h"

/* clang-format off */
enum express_register {         /* offsets within the capability (7.8) */
    EXP_FLAGS        = 0x02, EXP_DEVICE_CAP = 0x04, EXP_DEVICE_CONTROL = 0x08,
    EXP_DEVICE_STATUS = 0x0a, EXP_LINK_CAP  = 0x0c, EXP_LINK_CONTROL   = 0x10,
    EXP_LINK_STATUS  = 0x12, EXP_SLOT_CAP   = 0x14, EXP_SLOT_CONTROL   = 0x18,
    EXP_SLOT_STATUS  = 0x1a, EXP_ROOT_CONTROL = 0x1c, EXP_ROOT_STATUS  = 0x20,
    EXP_DEVICE_CONTROL2 = 0x28, EXP_LINK_CAP2 = 0x2c, EXP_LINK_CONTROL2 = 0x30,
    EXP_SIZE         = 0x3c,
};
/* clang-format on */

struct pcie_slot {
    struct pci_device *port;
    struct pci_bus *bus;
    uint8_t cap; /* offset of the port's PCI Express capability */
    bool hotplug;
    uint16_t control; /* the slot control register as it was after the last write */
    bool interrupt;   /* the level */
};

/* After the port's capability and its bus are there. */
void pcie_slot_setup(struct pcie_slot *s, struct pci_device *port, struct pci_bus *bus, uint8_t cap,
                     unsigned number, bool hotplug);
/* After pci_device_reset and pci_device_post_load. */
void pcie_slot_reset(struct pcie_slot *s);
void pcie_slot_post_load(struct pcie_slot *s);
/* What a read of the port's configuration space shows besides what is stored. */
uint32_t pcie_slot_config_read(const struct pcie_slot *s, unsigned off, unsigned size, uint32_t v);
/* After a write of the port's configuration space: devices may have gone. */
void pcie_slot_config_written(struct pcie_slot *s);

#endif
