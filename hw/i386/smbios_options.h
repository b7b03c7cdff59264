/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios_options.h: what -smbios and -uuid say about the SMBIOS tables.
 * Thread: under the machine lock, before the machine starts; constant afterwards.
 */
#ifndef HW_I386_SMBIOS_OPTIONS_H
#define HW_I386_SMBIOS_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine_config;

/* A row of the table in smbios_options.c each, in the order of the types. */
enum smbios_field {
    BIOS_VENDOR,
    BIOS_VERSION,
    BIOS_DATE,
    BIOS_RELEASE,
    BIOS_UEFI,
    SYSTEM_MANUFACTURER,
    SYSTEM_PRODUCT,
    SYSTEM_VERSION,
    SYSTEM_SERIAL,
    SYSTEM_UUID,
    SYSTEM_SKU,
    SYSTEM_FAMILY,
    BOARD_MANUFACTURER,
    BOARD_PRODUCT,
    BOARD_VERSION,
    BOARD_SERIAL,
    BOARD_ASSET,
    BOARD_LOCATION,
    CHASSIS_MANUFACTURER,
    CHASSIS_VERSION,
    CHASSIS_SERIAL,
    CHASSIS_ASSET,
    CHASSIS_SKU,
    CPU_SOCKET,
    CPU_MANUFACTURER,
    CPU_VERSION,
    CPU_SERIAL,
    CPU_ASSET,
    CPU_PART,
    CPU_MAX_SPEED,
    CPU_CURRENT_SPEED,
    CPU_FAMILY,
    CPU_ID,
    DIMM_LOCATION,
    DIMM_BANK,
    DIMM_MANUFACTURER,
    DIMM_SERIAL,
    DIMM_ASSET,
    DIMM_PART,
    DIMM_SPEED,
    SMBIOS_FIELDS
};

struct smbios_options {
    char *text[SMBIOS_FIELDS]; /* NULL: not given; checked */
    GPtrArray *oem_strings;    /* char *: type 11 */
    GPtrArray *ports;          /* GByteArray *: types 8 and 41, whole but for their handles */
    GByteArray *files;         /* whole structures of -smbios file= */
    unsigned n_in_files;
    uint64_t types[4]; /* of the structures in files, a bit each: the built ones give way */
};

/* NULL and *error: what config->smbios says is not understood, or a file cannot be read. */
struct smbios_options *smbios_options_new(const struct machine_config *config, GError **error);
void smbios_options_free(struct smbios_options *o);

/* Was any field of this type given? */
bool smbios_has_type(const struct smbios_options *o, unsigned type);
bool smbios_in_files(const struct smbios_options *o, unsigned type);
uint64_t smbios_number(const struct smbios_options *o, enum smbios_field field, uint64_t def);
/* 16 bytes in the order of the text; zeroes when none was given. */
void smbios_uuid(const struct smbios_options *o, uint8_t uuid[16]);

#endif
