/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/device_list.c: every device type there is, one row each: declare it, then list it.
 * `-device help`, `-device NAME` and the boards find types here and nowhere else.
 * Thread: constant.
 */
#include <stddef.h>
#include "softmmu/device.h"

/* clang-format off */

extern const struct device_type debug_exit_type, i440fx_type, i8042_type, pci_host_type, piix3_type;
extern const struct device_type piix4_pm_type, port80_type, port92_type, pvpanic_type;
extern const struct device_type apic_type, hpet_type, i8254_type, i8259_type, ioapic_type;
extern const struct device_type isa_debugcon_type, isa_serial_type, mc146818rtc_type;

const struct device_type *const device_types[] = {
    &apic_type,
    &debug_exit_type,
    &hpet_type,
    &i440fx_type,
    &i8042_type,
    &i8254_type,
    &i8259_type,
    &ioapic_type,
    &isa_debugcon_type,
    &isa_serial_type,
    &mc146818rtc_type,
    &pci_host_type,
    &piix3_type,
    &piix4_pm_type,
    &port80_type,
    &port92_type,
    &pvpanic_type,
    NULL
};
/* clang-format on */
