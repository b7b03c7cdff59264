/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot.h: direct boot of a kernel without firmware.  The board calls boot_load once, and
 * boot_enter at every reset after RAM holds the ACPI tables and the CPU is in its power-on state.
 *
 * Thread: under the machine lock, vCPUs stopped.
 */
#ifndef HW_I386_BOOT_H
#define HW_I386_BOOT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "hw/i386/e820.h"

struct machine;
struct x86_cpu;

/* Where things are; copied by boot_load, strings and the map included. */
struct boot_config {
    const char *kernel;          /* path */
    const char *initrd, *append; /* NULL: none; initrd: comma-separated list */
    const struct e820_entry *e820;
    unsigned n_e820;
    uint64_t ram_below_4g, ram_above_4g; /* bytes; the latter begins at 4 GiB */
    uint64_t rsdp;                       /* guest physical address; 0: no ACPI */
    uint64_t acpi_start;                 /* end of the usable low RAM: the initrd goes below */
};

struct boot_image;
struct fw_cfg;
struct machine_config;

/* boot_fw_cfg.c: the kernel, its command line and initrds as items for UEFI firmware. */
bool boot_add_items(struct fw_cfg *fw, const struct machine_config *config, GError **error);

/* Reads and checks the files.  NULL and *error: a message that names the file. */
struct boot_image *boot_load(struct machine *m, const struct boot_config *cfg, GError **error);
/*
 * Copies everything into guest RAM and sets the CPU's registers to the kernel's entry state.  From the second
 * time on it reads the files again; where that fails the machine stops with an internal error.
 */
void boot_enter(struct boot_image *b, struct x86_cpu *cpu);
/* What follows -append on a kernel's command line at the next boot_enter; replaces what did before. */
void boot_extend_append(struct boot_image *b, const char *more);
void boot_free(struct boot_image *b);

#endif
