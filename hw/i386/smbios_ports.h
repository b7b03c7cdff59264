/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios_ports.h: -smbios type=8 and type=41: connectors and devices on the board, one structure for each.
 * Thread: under the machine lock, before the machine starts.
 */
#ifndef HW_I386_SMBIOS_PORTS_H
#define HW_I386_SMBIOS_PORTS_H

#include <glib.h>
#include <stdbool.h>

/* The structure, without its handle; NULL and *error. */
GByteArray *smbios_port(unsigned type, const GPtrArray *opts, GError **error);

#endif
