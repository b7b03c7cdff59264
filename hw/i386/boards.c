/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/boards.c: the machine types of `-machine NAME`, one row each.  Thread: constant. */
#include "hw/i386/pc.h"

/* No CPU and no RAM; I/O and memory spaces are empty. */
static bool none_init(struct machine *m, GError **error)
{
    (void)m;
    (void)error;
    return true;
}

static const struct board_type pc_board = {
    .name = "pc-i440fx-7.2",
    .alias = "pc",
    .description = "Standard PC (i440FX + PIIX, 1996)",
    .is_default = true,
    .default_ram = 128ull << 20,
    .card = "e1000",
    .max_cpus = MACHINE_MAX_VCPUS,
    .ide_buses = 2,
    .ide_units = 2,
    .has_cd = true,
    .has_floppy = true,
    .init = pc_init,
};

static const struct board_type q35_board = {
    .name = "pc-q35-7.2",
    .alias = "q35",
    .description = "Standard PC (Q35 + ICH9, 2009)",
    .default_ram = 128ull << 20,
    .card = "e1000e",
    .max_cpus = MACHINE_MAX_VCPUS,
    .ide_buses = AHCI_PORTS,
    .ide_units = 1,
    .has_cd = true,
    .init = q35_init,
};

static const struct board_type microvm_board = {
    .name = "microvm",
    .description = "microvm (i386)",
    .default_ram = 128ull << 20,
    .max_cpus = MACHINE_MAX_VCPUS,
    .init = microvm_init,
};

static const struct board_type none_board = {
    .name = "none",
    .description = "empty machine",
    .default_ram = 0,
    .max_cpus = 1,
    .init = none_init,
};

const struct board_type *const board_types[] = { &none_board, &microvm_board, &pc_board, &q35_board,
                                                 NULL };
