/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_pci_hotplug.h: hot-plug of the root bus's slots through ACPI: the registers that the DSDT's
 * methods read and write, and the general-purpose event that makes the system look.
 *
 * Source: QEMU's specification "ACPI PCI hotplug interface"; ACPI 6.4, 6.3.3 (_EJ0), 5.6.4 (events).
 * Invariants: a slot's bit in `up` waits for the system to read it; that in `down` until the system has
 *             ejected the slot, or the machine is reset.
 * Thread:     under the machine lock.
 */
#ifndef HW_I386_ACPI_PCI_HOTPLUG_H
#define HW_I386_ACPI_PCI_HOTPLUG_H

#include "hw/i386/acpi_pm.h"
#include "hw/pci/pci.h"

/* clang-format off */
#define ACPI_PCI_HOTPLUG_PORT 0xae00u
#define ACPI_PCI_HOTPLUG_GPE  1u
enum acpi_pci_hotplug_register {
    PCI_HOTPLUG_UP = 0x00, PCI_HOTPLUG_DOWN = 0x04, PCI_HOTPLUG_EJECT = 0x08, PCI_HOTPLUG_REMOVABLE = 0x0c,
    PCI_HOTPLUG_BUS = 0x10, PCI_HOTPLUG_SIZE = 0x14,
};
/* clang-format on */

struct acpi_pci_hotplug {
    struct acpi_pm *pm;
    struct pci_bus *bus;
    struct mem_region ports;
    uint32_t up, down;
    uint32_t select; /* the bus: 0 is the root bus, others are not there */
};

void acpi_pci_hotplug_init(struct acpi_pci_hotplug *s, struct acpi_pm *pm, struct pci_bus *bus);
void acpi_pci_hotplug_destroy(struct acpi_pci_hotplug *s);

extern const struct state_row acpi_pci_hotplug_state[];

#endif
