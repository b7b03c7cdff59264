/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios.h: SMBIOS tables: what the machine is called and what it is made of.
 * Thread: under the machine lock, vCPUs stopped.
 */
#ifndef HW_I386_SMBIOS_H
#define HW_I386_SMBIOS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;

struct smbios_config {
    unsigned packages, cores, threads;   /* cores of a package, threads of a core */
    uint64_t ram_below_4g, ram_above_4g; /* bytes */
};

#define SMBIOS_ANCHOR_SIZE 31u
/* Where a machine without firmware has the entry point and the structures. */
#define SMBIOS_ANCHOR_ADDR 0xf5b00u
#define SMBIOS_ADDR        0xf6000u
#define SMBIOS_ROOM        (0x100000u - SMBIOS_ADDR)

struct smbios_tables {
    GByteArray *structures; /* type 0 only if it was asked for: it is the firmware's own */
    unsigned count, largest;
    uint8_t anchor[SMBIOS_ANCHOR_SIZE]; /* the entry point, without the structures' address */
    uint8_t uuid[16];                   /* in the order of its text */
};

/* With what m->config says of names.  NULL and *error: that is not understood, or too much. */
struct smbios_tables *smbios_build(struct machine *m, const struct smbios_config *cfg,
                                   GError **error);
/* Copies them into guest RAM, which must be writable there; at most SMBIOS_ROOM bytes. */
void smbios_install(const struct smbios_tables *t, struct machine *m);
void smbios_free(struct smbios_tables *t);

#endif
