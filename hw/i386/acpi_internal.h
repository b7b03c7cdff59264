/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_internal.h: how tables are written, for acpi*.c.
 * Thread: under the machine lock.
 */
#ifndef HW_I386_ACPI_INTERNAL_H
#define HW_I386_ACPI_INTERNAL_H

#include "hw/i386/acpi.h"

#define ACPI_HEADER_SIZE 36u

void acpi_put(GByteArray *out, uint64_t v, unsigned size);
/* Filled up with blanks. */
void acpi_put_text(GByteArray *out, const char *text, unsigned size);
/* Begins a table on 16 bytes; returns its offset for acpi_end_table, which sets length and checksum. */
size_t acpi_begin_table(GByteArray *out, const char *signature, uint8_t revision);
void acpi_end_table(GByteArray *out, size_t start);
/* As the header at t says. */
uint32_t acpi_table_length(const GByteArray *out, size_t t);

/* acpi_devices.c: the SSDT; returns its offset. */
size_t acpi_build_devices(const struct acpi_config *cfg, struct acpi_tables *t);

/* acpi_tpm.c: the device, within \_SB; the table, of which it returns the offset. */
void acpi_put_tpm(const struct acpi_devices *d, GByteArray *out);
size_t acpi_build_tpm(const struct acpi_config *cfg, struct acpi_tables *t);

/* acpi_numa.c: return the offset of the table. */
size_t acpi_build_srat(const struct acpi_config *cfg, GByteArray *out);
size_t acpi_build_slit(const struct acpi_config *cfg, GByteArray *out);

#endif
