/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/firmware.h: what a board tells its firmware through fw_cfg and CMOS.
 * Thread: under the machine lock.
 */
#ifndef HW_I386_FIRMWARE_H
#define HW_I386_FIRMWARE_H

#include "softmmu/machine.h"

struct acpi_tables;
struct fw_cfg;
struct smbios_tables;
struct acpi_pm;
struct rtc;

struct firmware_info {
    uint64_t ram_below_4g, ram_above_4g; /* bytes */
    unsigned n_cpus;
    uint32_t apic_id_limit;             /* every APIC id is below it */
    const struct acpi_tables *acpi;     /* built for area 0; NULL: none */
    const struct smbios_tables *smbios; /* NULL: none */
    const struct acpi_pm *acpi_pm;      /* NULL: none */
};

/* Fills fw_cfg: once, before devices of the command line come. */
bool firmware_describe(struct fw_cfg *fw, const struct firmware_info *info, GError **error);
/*
 * At each reset: CMOS bytes by which SeaBIOS orders kinds of drives; -boot once= counts while `first`.
 */
void firmware_set_boot_drives(struct machine *m, struct rtc *rtc, bool first);

#endif
