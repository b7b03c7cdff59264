/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/acpi_script.h: the ACPI tables as files, with the script by which firmware places them. */
#ifndef HW_I386_ACPI_SCRIPT_H
#define HW_I386_ACPI_SCRIPT_H

#include "hw/i386/acpi.h"

struct fw_cfg;

/* t: built for area 0.  Adds etc/acpi/tables, etc/acpi/rsdp and etc/table-loader. */
bool acpi_add_files(struct fw_cfg *fw, const struct acpi_tables *t, GError **error);

#endif
