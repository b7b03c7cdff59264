/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/smart.c: SMART of a disk that never fails, and its logs.
 * Source: ATA/ATAPI-7 volume 1, 6.55 and annex A.  Thread: under the machine lock.
 */
#include "hw/block/ide.h"

#include <string.h>

/* The attributes that tools look for: a healthy young disk's. */
static const struct attribute {
    uint8_t id;
    uint16_t flags;
    uint8_t value, threshold;
    uint32_t raw;
} attributes[] = {
    /* clang-format off */
    { 0x01, 0x03, 100, 6,  0 },  /* raw read error rate */
    { 0x03, 0x03, 100, 0,  16 }, /* spin-up time */
    { 0x04, 0x02, 100, 20, 100 },/* start-stop count */
    { 0x05, 0x03, 100, 36, 0 },  /* reallocated sectors */
    { 0x09, 0x03, 100, 0,  1 },  /* power-on hours */
    { 0x0c, 0x03, 100, 0,  0 },  /* power cycles */
    { 0xbe, 0x03, 69,  50, 31 }, /* airflow temperature */
    /* clang-format on */
};

static void finish_sector(struct ide_drive *d)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 511; i++) {
        sum += d->buffer[i];
    }
    d->buffer[511] = (uint8_t)-sum;
    ide_pio(d, true, 0, BLOCK_SECTOR, IDE_NEXT_DONE);
}

static void read_data(struct ide_drive *d)
{
    memset(d->buffer, 0, BLOCK_SECTOR);
    d->buffer[0] = 1; /* structure revision */
    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        const struct attribute *a = &attributes[i];
        uint8_t *row = d->buffer + 2 + i * 12;

        row[0] = a->id;
        row[1] = (uint8_t)a->flags;
        row[3] = row[4] = a->value;
        row[5] = (uint8_t)a->raw;
    }
    d->buffer[362] = 0x02; /* off-line collection: completed */
    d->buffer[367] = 0x01; /* EXECUTE OFF-LINE IMMEDIATE */
    d->buffer[368] = 0x03; /* saves attributes */
    d->buffer[372] = 2;    /* minutes of a short test */
    finish_sector(d);
}

static void read_thresholds(struct ide_drive *d)
{
    memset(d->buffer, 0, BLOCK_SECTOR);
    d->buffer[0] = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        d->buffer[2 + i * 12] = attributes[i].id;
        d->buffer[3 + i * 12] = attributes[i].threshold;
    }
    finish_sector(d);
}

/* Log 0x10 (ATA8-ACS, A.7.4): the queued command that failed; reading it forgets it. */
static void put_ncq_error(struct ide_drive *d)
{
    uint8_t *b = d->buffer;

    if (!d->ncq_failed) {
        b[0] = 0x80;
        return;
    }
    d->ncq_failed = false;
    b[0] = d->ncq_tag & 31;
    b[2] = IDE_DRDY | IDE_DSC | IDE_ERR;
    b[3] = d->ncq_error;
    for (unsigned i = 0; i < 3; i++) {
        b[4 + i] = (uint8_t)(d->ncq_at >> i * 8);
        b[8 + i] = (uint8_t)(d->ncq_at >> (24 + i * 8));
    }
    b[7] = 0x40;
    b[12] = (uint8_t)d->ncq_count;
    b[13] = (uint8_t)(d->ncq_count >> 8);
}

/* Logs 0 (directory), 1 (errors), 6 (self-tests): nothing ever happened; 0x10: NCQ errors. */
static void read_log(struct ide_drive *d)
{
    uint8_t log = d->lba[0][0];
    bool ext = d->command == 0x2f;

    if ((log != 0 && log != 1 && log != 6 && !(ext && log == 0x10)) || d->count[0] != 1) {
        ide_fail(d, IDE_ABRT);
        return;
    }
    memset(d->buffer, 0, BLOCK_SECTOR);
    d->buffer[0] = 1;
    if (log == 0x10) {
        put_ncq_error(d);
    }
    if (log == 0) {
        d->buffer[1 * 2] = d->buffer[6 * 2] = 1;
        d->buffer[0x10 * 2] = ext;
    }
    finish_sector(d);
}

void ata_smart(struct ide_drive *d)
{
    unsigned what = d->feature[0];

    if (d->command == 0x2f) {
        read_log(d);
        return;
    }
    if (d->lba[1][0] != 0x4f || d->lba[2][0] != 0xc2 || (!d->smart && what != 0xd8)) {
        ide_fail(d, IDE_ABRT);
        return;
    }
    switch (what) {
    case 0xd0:
        read_data(d);
        return;
    case 0xd1:
        read_thresholds(d);
        return;
    case 0xd2:
        d->smart_autosave = d->count[0] == 0xf1;
        break;
    case 0xd3: /* save attributes; execute off-line immediate */
    case 0xd4:
        break;
    case 0xd5:
        read_log(d);
        return;
    case 0xd8:
        d->smart = true;
        break;
    case 0xd9:
        d->smart = false;
        break;
    case 0xda: /* RETURN STATUS: the signature unchanged says healthy */
        break;
    default:
        ide_fail(d, IDE_ABRT);
        return;
    }
    ide_finish(d);
}
