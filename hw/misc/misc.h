/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/misc.h: the types of this folder's devices: nobody needs more of them (but of
 * port92.h).
 */
#ifndef HW_MISC_MISC_H
#define HW_MISC_MISC_H

#include "softmmu/device.h"

struct machine;

extern const struct device_type port80_type;
extern const struct device_type debug_exit_type;
extern const struct device_type pvpanic_type, pvpanic_pci_type;
/* Of the one on the ISA bus, for ACPI's tables; 0: there is none. */
uint16_t pvpanic_port(const struct machine *m);
extern const struct device_type vmcoreinfo_type;
extern const struct device_type edu_type, pc_testdev_type, pci_testdev_type;

#endif
