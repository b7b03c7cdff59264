/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/e820.h: the memory map that the board hands to a loader (ACPI 6.4, 15.1 address
 * ranges).
 */
#ifndef HW_I386_E820_H
#define HW_I386_E820_H

#include <stdint.h>

/* ACPI 6.4, table 15.4. */
enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

/* Ranges of a map are sorted by address and do not overlap. */
struct e820_entry {
    uint64_t addr, size; /* bytes */
    uint32_t type;       /* enum e820_type */
};

#endif
