/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/microvm_pm.h: a microvm's power management: ACPI's fixed registers (acpi_pm.c) at fixed ports, in
 * the places of the PIIX4's (piix4_pm.h), and the reset register.  ACPI mode is always on, so that there is no
 * SMI command.
 *
 * Source: ACPI 6.4, 4.8.  Thread: under the machine lock.
 */
#ifndef HW_I386_MICROVM_PM_H
#define HW_I386_MICROVM_PM_H

#include "hw/i386/acpi_pm.h"

#define MICROVM_PM_RESET       0x10u /* in the block */
#define MICROVM_PM_RESET_VALUE 0x01u

struct microvm_pm {
    struct device dev;
    struct acpi_pm pm;       /* its sci is wired before realize */
    uint16_t base;           /* board: the first port */
    struct mem_region block; /* at `base` */
};
extern const struct device_type microvm_pm_type;

#endif
