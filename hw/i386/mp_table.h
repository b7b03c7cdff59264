/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/mp_table.h: the MP configuration table: CPUs, I/O APIC and interrupts of a board without
 * ACPI.
 * Thread: under the machine lock, vCPUs stopped.
 */
#ifndef HW_I386_MP_TABLE_H
#define HW_I386_MP_TABLE_H

#include <glib.h>
#include <stdint.h>

/* Where guests look for the floating pointer: within 0xf0000-0xfffff; the table follows. */
#define MP_TABLE_ADDR 0xf0000u

/* n CPUs, whose local APICs have the ids 0 to n - 1.  To be copied to MP_TABLE_ADDR at every reset. */
GBytes *mp_table_build(unsigned n);

#endif
