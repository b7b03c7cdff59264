/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/piix4_pm.h: the 82371AB's power management function: ACPI's registers. */
#ifndef HW_I386_PIIX4_PM_H
#define HW_I386_PIIX4_PM_H

#include "hw/i2c/smbus_host.h"
#include "hw/i386/acpi_pci_hotplug.h"

/* Offsets in the block at PMBASE, as the FADT names them. */
#define PM_EVENT         0x00u /* PM1a_EVT: status, enable */
#define PM_CONTROL       0x04u /* PM1a_CNT */
#define PM_TIMER         0x08u
#define PM_GPE0          0x0cu /* status, enable: 2 bytes each */
#define PM_BLOCK_SIZE    0x40u
#define PIIX4_SMBUS_BASE 0x700u

/* ACPI's way to ask firmware for the hand-over; the function answers itself, and raises an SMI if told. */
#define PM_SMI_COMMAND_PORT 0xb2u
#define PM_ACPI_ENABLE      0xf1u
#define PM_ACPI_DISABLE     0xf0u
extern const struct acpi_sleep_types piix4_sleep_types;

struct piix4_pm {
    struct pci_device pci;
    struct acpi_pm pm; /* its sci is wired before realize */
    struct irq smi;    /* wired before realize: edges; no handler: there is no SMM */
    void (*moved)(void *opaque, uint16_t base); /* the block is at `base` now; may be NULL */
    void *moved_opaque;
    struct mem_region block;     /* at PMBASE, while PMREGMISC enables it */
    struct mem_region smi_ports; /* 0xB2, 0xB3 */
    struct acpi_pci_hotplug hotplug;
    struct smbus_host smbus; /* at SMBBA, while SMBHSTCFG enables it */
    uint8_t apm_command, apm_status;
    uint8_t scratch[PM_BLOCK_SIZE]; /* registers without an effect here */
};
extern const struct device_type piix4_pm_type;

/* What firmware leaves behind: the block at `base`, the SMBus at PIIX4_SMBUS_BASE, IRQ 9 in the interrupt line register. */
void piix4_pm_place(struct piix4_pm *s, uint16_t base);

#endif
