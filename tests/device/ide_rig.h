/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ide_rig.h: a piix3-ide on the rig, and its ports.  Thread: the test's. */
#ifndef TESTS_DEVICE_IDE_RIG_H
#define TESTS_DEVICE_IDE_RIG_H

#include "hw/block/piix3_ide.h"
#include "tests/device/drive_rig.h"
#include "tests/device/pci_rig.h"

#define BM 0xc000u

struct ide_rig {
    struct rig *r;
    struct mem_region memory;
    struct piix3_ide *ide;
};

static inline void ide_rig_set_up(struct ide_rig *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    f->ide = (struct piix3_ide *)rig_device(f->r, "piix3-ide", NULL);
    piix3_ide_place(f->ide, BM);
}

static inline void ide_rig_tear_down(struct ide_rig *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static inline struct ide_drive *ide_rig_drive(struct ide_rig *f, struct block_backend *blk,
                                              unsigned channel, unsigned unit)
{
    g_autoptr(GError) error = NULL;
    struct ide_channel *ch = &f->ide->channels[channel].ch;

    ide_create_drive(ch, blk, unit, &error);
    g_assert_no_error(error);
    return ch->drives[unit];
}

/* Waits until BSY is clear; the status. */
static inline uint8_t ide_rig_wait(struct ide_rig *f, uint16_t base)
{
    uint8_t status;

    while ((status = rig_inb(f->r, base + 0x206)) & IDE_BSY) {
        machine_iterate(f->r->m, true);
    }
    return status;
}

/* A command with LBA28 registers; the status once it no longer is busy. */
static inline uint8_t ide_rig_command(struct ide_rig *f, uint8_t command, uint32_t lba,
                                      unsigned count)
{
    rig_outb(f->r, 0x1f6, (uint8_t)(0xe0 | lba >> 24));
    rig_outb(f->r, 0x1f2, (uint8_t)count);
    rig_outb(f->r, 0x1f3, (uint8_t)lba);
    rig_outb(f->r, 0x1f4, (uint8_t)(lba >> 8));
    rig_outb(f->r, 0x1f5, (uint8_t)(lba >> 16));
    rig_outb(f->r, 0x1f7, command);
    return ide_rig_wait(f, 0x1f0);
}

static inline void ide_rig_data_in(struct ide_rig *f, uint16_t base, uint8_t *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i += 2) {
        uint16_t v = rig_inw(f->r, base);

        buf[i] = (uint8_t)v;
        buf[i + 1] = (uint8_t)(v >> 8);
    }
}

static inline void ide_rig_data_out(struct ide_rig *f, uint16_t base, const uint8_t *buf,
                                    unsigned len)
{
    for (unsigned i = 0; i < len; i += 2) {
        rig_outw(f->r, base, (uint16_t)(buf[i] | buf[i + 1] << 8));
    }
}

#endif
