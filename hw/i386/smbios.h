/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/smbios.h: SMBIOS tables: what the machine is called and what it is made of. */
#ifndef HW_I386_SMBIOS_H
#define HW_I386_SMBIOS_H

#include <glib.h>
#include <stdint.h>

struct smbios_config {
    const char *product; /* "Standard PC (i440FX + PIIX, 1996)" */
    const char *version; /* "pc-i440fx-7.2" */
    unsigned n_cpus;
    uint64_t ram_below_4g, ram_above_4g; /* bytes */
};

/* SMBIOS_ANCHOR_SIZE bytes: the entry point, without the tables' address and its checksums. */
#define SMBIOS_ANCHOR_SIZE 31u

/* The structures, but for type 0, which is the firmware's own; and the entry point. */
void smbios_build(const struct smbios_config *cfg, GByteArray *tables,
                  uint8_t anchor[SMBIOS_ANCHOR_SIZE]);

#endif
