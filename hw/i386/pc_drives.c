/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc_drives.c: drives of the command line on a PC board, and what CMOS RAM says of them.
 *
 * Source: IBM PC/AT Technical Reference, "CMOS RAM"; bytes 0x19 to 0x2c: the AMI layout that
 *         firmware reads; 0x39: SeaBIOS's translation of each disk, two bits.
 * Thread: pc_init's, under the machine lock.
 */
#include "hw/i386/pc_drives.h"

#include "block/block.h"

enum { CMOS_FLOPPY = 0x10, CMOS_DISK = 0x12, CMOS_EQUIPMENT = 0x14, CMOS_TYPE = 0x19 };
enum { CMOS_GEOMETRY = 0x1b, CMOS_TRANSLATION = 0x39 };
enum { TRANSLATE_NONE = 0, TRANSLATE_LBA = 1 };

static void set_word(struct rtc *rtc, unsigned index, unsigned v)
{
    rtc_set_cmos(rtc, index, (uint8_t)v);
    rtc_set_cmos(rtc, index + 1, (uint8_t)(v >> 8));
}

/* Type 47: the geometry stands in nine bytes of its own. */
static void describe_disk(struct rtc *rtc, unsigned n, const struct ide_drive *d)
{
    unsigned at = CMOS_GEOMETRY + n * 9;

    rtc_set_cmos(rtc, CMOS_TYPE + n, 47);
    set_word(rtc, at, d->cylinders);
    rtc_set_cmos(rtc, at + 2, d->def_heads);
    set_word(rtc, at + 3, 0xffff); /* no write precompensation */
    rtc_set_cmos(rtc, at + 5, (uint8_t)(0xc0 | (d->def_heads > 8) << 3));
    set_word(rtc, at + 6, d->cylinders); /* landing zone */
    rtc_set_cmos(rtc, at + 8, d->def_spt);
}

static void describe_disks(struct pc *pc, struct ide_channel *const *channels, unsigned n)
{
    unsigned types = 0, translation = 0;

    for (unsigned i = 0; i < MIN(n * 2, 4); i++) {
        const struct ide_drive *d = channels[i / 2]->drives[i % 2];
        bool small;

        if (!d || d->atapi) {
            continue;
        }
        small = d->cylinders <= 1024 && d->sectors <= 1024u * d->def_heads * d->def_spt;
        translation |= (small ? TRANSLATE_NONE : TRANSLATE_LBA) << i * 2;
        if (i < 2) {
            types |= 0xf0u >> i * 4;
            describe_disk(pc->rtc, i, d);
        }
    }
    rtc_set_cmos(pc->rtc, CMOS_DISK, (uint8_t)types);
    rtc_set_cmos(pc->rtc, CMOS_TRANSLATION, (uint8_t)translation);
}

bool pc_add_ide_drives(struct pc *pc, struct ide_channel *const *channels, unsigned n,
                       GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned unit = 0; unit < channels[i]->max_units; unit++) {
            struct block_backend *blk =
                block_backend_at(pc->machine, BLOCK_IF_IDE, (int)i, (int)unit);

            if (blk && !ide_create_drive(channels[i], blk, unit, error)) {
                return false;
            }
        }
    }
    if (n && channels[0]->max_units == 2) {
        describe_disks(pc, channels, n);
    }
    return true;
}

static bool add_floppy_controller(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;

    pc->fdc = (struct fdc *)device_new(m, &fdc_type);
    for (unsigned i = 0; i < 2; i++) {
        struct block_backend *blk = block_backend_at(m, BLOCK_IF_FLOPPY, 0, (int)i);

        pc->fdc->drives[i].blk = blk ? blk : pc->fdc->drives[i].blk; /* or -global's */
    }
    return device_realize(&pc->fdc->dev, &pc->isa->bus, error);
}

bool pc_add_floppy(struct pc *pc, GError **error)
{
    unsigned n = 0;

    pc->dma = (struct i8237 *)device_create(pc->machine, &i8237_type, &pc->isa->bus, error);
    if (!pc->dma || !add_floppy_controller(pc, error)) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        n += pc->fdc->drives[i].blk != NULL;
    }
    rtc_set_cmos(pc->rtc, CMOS_FLOPPY,
                 (uint8_t)(fdc_cmos_type(pc->fdc, 0) << 4 | fdc_cmos_type(pc->fdc, 1)));
    /* Coprocessor, PS/2 mouse, floppy drives. */
    rtc_set_cmos(pc->rtc, CMOS_EQUIPMENT, (uint8_t)(0x06 | (n ? 1 | (n - 1) << 6 : 0)));
    return true;
}
