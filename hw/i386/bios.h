/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/bios.h: the firmware ROM: the top of the first 4 GiB, where the CPU starts, and the top of
 * the first MiB.
 *
 * Thread: under the machine lock.
 */
#ifndef HW_I386_BIOS_H
#define HW_I386_BIOS_H

#include "softmmu/machine.h"

struct bios_rom {
    struct mem_region rom, low; /* at the top of 4 GiB; its last 128 KiB below 1 MiB */
};

/*
 * Finds `name` (a path, or a file's name in the data directories), checks its size and puts it into
 * pci_memory.  package: what to install when it is missing, or NULL.  NULL and *error: what was
 * looked for where.
 */
struct bios_rom *bios_load(struct machine *m, struct mem_region *pci_memory, const char *name,
                           const char *package, GError **error);
void bios_free(struct bios_rom *b);

#endif
