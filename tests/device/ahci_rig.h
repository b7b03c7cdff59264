/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/ahci_rig.h: an ich9-ahci on the rig with a disk of 4096 sectors at port 0, and commands
 * for it.  Thread: the test's.
 */
#ifndef TESTS_DEVICE_AHCI_RIG_H
#define TESTS_DEVICE_AHCI_RIG_H

#include "hw/block/ahci.h"
#include "tests/device/drive_rig.h"
#include "tests/device/pci_rig.h"

#define AHCI_RIG_SECTORS 4096u

#define ABAR  0xf0000000u
#define PORT  (ABAR + 0x100)
#define LIST  0x10000u
#define FIS   0x11000u
#define TABLE 0x12000u
#define DATA  0x20000u

struct ahci_rig {
    struct rig *r;
    struct mem_region memory;
    struct ahci *ahci;
    struct block_backend *blk;
};

static inline void ahci_rig_set_up(struct ahci_rig *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    f->ahci = (struct ahci *)rig_device(f->r, "ich9-ahci", NULL);
    f->blk = drive_rig_new(f->r, "d0", AHCI_RIG_SECTORS, false);
    ide_create_drive(&f->ahci->ports[0].ch, f->blk, 0, &error);
    g_assert_no_error(error);
    pci_rig_write(f->r, f->ahci->pci.devfn, PCI_BAR0 + 20, ABAR, 4);
    pci_rig_write(f->r, f->ahci->pci.devfn, PCI_COMMAND, 6, 2);
    rig_store(f->r, ABAR + 4, 0x80000002, 4);
    rig_store(f->r, PORT, LIST, 4);
    rig_store(f->r, PORT + 8, FIS, 4);
    rig_store(f->r, PORT + 0x14, 0xffffffff, 4);
    rig_store(f->r, PORT + 0x18, 0x10, 4);
    rig_store(f->r, PORT + 0x18, 0x11, 4);
}

static inline void ahci_rig_tear_down(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* Fills slot n with a command of `count` sectors at lba, one PRD. */
static inline void ahci_rig_prepare(struct ahci_rig *f, unsigned slot, uint8_t command,
                                    uint64_t lba, unsigned count)
{
    uint32_t table = TABLE + slot * 0x100, header = LIST + slot * 32;
    bool ncq = command == 0x60 || command == 0x61;
    uint8_t fis[20] = { 0x27, 0x80, command };

    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t)(lba >> i * 8);
        fis[8 + i] = (uint8_t)(lba >> (24 + i * 8));
    }
    fis[7] = 0x40;
    fis[3] = ncq ? (uint8_t)count : 0;
    fis[12] = ncq ? (uint8_t)(slot << 3) : (uint8_t)count;
    rig_write(f->r, table, fis, sizeof(fis));
    rig_store(f->r, table + 0x80, DATA + slot * 0x1000, 8);
    rig_store(f->r, table + 0x88, 0, 4);
    rig_store(f->r, table + 0x8c, MAX(count, 1) * 512 - 1, 4);
    rig_store(f->r, header, 5 | 1 << 16, 4);
    rig_store(f->r, header + 4, 0, 4);
    rig_store(f->r, header + 8, table, 8);
}

/* Until the commands are over or the port has stopped at an error. */
static inline void ahci_rig_wait(struct ahci_rig *f)
{
    while (rig_load(f->r, PORT + 0x34, 4) | rig_load(f->r, PORT + 0x38, 4)) {
        if (rig_load(f->r, PORT + 0x10, 4) & 1u << 30) {
            return;
        }
        machine_iterate(f->r->m, true);
    }
}

#endif
