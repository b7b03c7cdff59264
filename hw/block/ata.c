/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/ata.c: the ATA command set, one row for each command, and reading and writing sectors.
 *
 * Source: ATA/ATAPI-7 volume 1, clause 6.
 * Invariant: while a transfer runs, at + left <= sectors.
 * Thread:    under the machine lock.
 */
#include "hw/block/ide.h"

#include <errno.h>
#include "util/log.h"

#define SECTOR     BLOCK_SECTOR
#define MAX_FETCH  (IDE_BUFFER / SECTOR)
#define MAX_LBA28  0x0fffffffull
#define HAS_LBA(d) ((d)->device & IDE_SEL_LBA)

enum ata_flag {
    A_DISK = 1 << 0, /* a disk has it */
    A_CD = 1 << 1,   /* a packet device has it */
    A_48 = 1 << 2,   /* registers hold 48-bit addresses */
    A_DMA = 1 << 3,
    A_MULTI = 1 << 4, /* DRQ blocks of d->multi sectors */
    A_FUA = 1 << 5,
};

struct ata_command {
    uint8_t code;
    uint8_t flags;
    void (*run)(struct ide_drive *d);
    const char *name;
};

/* Addresses ------------------------------------------------------------------------------------- */

/* The sector that the registers name; false: it is not on the disk. */
static bool get_address(struct ide_drive *d, uint64_t *at)
{
    if (!HAS_LBA(d)) {
        unsigned head = d->device & 15, sector = d->lba[0][0];
        unsigned cylinder = d->lba[1][0] | (unsigned)d->lba[2][0] << 8;

        if (sector == 0 || sector > d->cur_spt || head >= d->cur_heads) {
            return false;
        }
        *at = ((uint64_t)cylinder * d->cur_heads + head) * d->cur_spt + sector - 1;
        return *at < d->sectors;
    }
    *at = d->lba[0][0] | (uint64_t)d->lba[1][0] << 8 | (uint64_t)d->lba[2][0] << 16;
    if (d->lba48) {
        *at |= (uint64_t)d->lba[0][1] << 24 | (uint64_t)d->lba[1][1] << 32 |
               (uint64_t)d->lba[2][1] << 40;
    } else {
        *at |= (uint64_t)(d->device & 15) << 24;
    }
    return *at < d->sectors;
}

static void put_address(struct ide_drive *d, uint64_t at)
{
    if (!HAS_LBA(d)) {
        uint64_t track = at / d->cur_spt;

        d->lba[0][0] = (uint8_t)(at % d->cur_spt + 1);
        d->device = (uint8_t)((d->device & 0xf0) | track % d->cur_heads);
        d->lba[1][0] = (uint8_t)(track / d->cur_heads);
        d->lba[2][0] = (uint8_t)(track / d->cur_heads >> 8);
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        d->lba[i][0] = (uint8_t)(at >> i * 8);
        if (d->lba48) {
            d->lba[i][1] = (uint8_t)(at >> (24 + i * 8));
        }
    }
    if (!d->lba48) {
        d->device = (uint8_t)((d->device & 0xf0) | (at >> 24 & 15));
    }
}

/* 0 means the most. */
static uint32_t get_count(const struct ide_drive *d)
{
    uint32_t n = d->count[0] | (d->lba48 ? (uint32_t)d->count[1] << 8 : 0);

    return n ? n : d->lba48 ? 65536 : 256;
}

/* Checks the range and makes it the current transfer. */
static bool begin_transfer(struct ide_drive *d)
{
    uint64_t at;

    d->left = d->chunk = 0;
    if (!get_address(d, &at) || get_count(d) > d->sectors - at) {
        ide_fail(d, IDE_IDNF | IDE_ABRT);
        return false;
    }
    d->at = at;
    d->left = get_count(d);
    d->fetched = d->io_pos = d->io_end = 0;
    d->careful = false;
    return true;
}

static void medium_failed(struct ide_drive *d, int ret, bool write)
{
    put_address(d, d->at);
    d->left = d->chunk = 0;
    ide_fail_errno(d, ret, write);
}

static void advance(struct ide_drive *d)
{
    d->at += d->chunk;
    d->left -= d->chunk;
    d->chunk = 0;
    if (d->left == 0) {
        put_address(d, d->at - 1);
        d->count[0] = d->count[1] = 0;
    }
}

/* Reading --------------------------------------------------------------------------------------- */

static void offer_block(struct ide_drive *d, uint32_t start)
{
    d->chunk = MIN(MIN(d->per_drq, d->left), (d->fetched - start) / SECTOR);
    ide_pio(d, true, start, d->chunk * SECTOR, IDE_NEXT_READ);
}

static void fetch(struct ide_drive *d);

/* The sectors before a bad one are good: they are given to the guest, and the bad one is named. */
static void sectors_read(void *opaque, int ret)
{
    struct ide_drive *d = opaque;

    if (ret != 0 && ret != -ENOMEDIUM && !d->careful) {
        d->careful = true;
        fetch(d);
    } else if (ret != 0) {
        medium_failed(d, ret, false);
    } else if (d->dma) {
        d->chunk = d->fetched / SECTOR;
        ide_dma(d, true, d->fetched, IDE_NEXT_READ);
    } else {
        offer_block(d, 0);
    }
}

static void fetch(struct ide_drive *d)
{
    uint32_t most = !d->careful ? MAX_FETCH : d->dma ? 1 : d->per_drq;

    d->fetched = MIN(d->left, most) * SECTOR;
    ide_block(d, BLOCK_READ, d->at * SECTOR, d->fetched, sectors_read);
}

void ata_next_read(struct ide_drive *d)
{
    uint32_t end = d->io_end;

    advance(d);
    if (d->left == 0) {
        ide_finish(d);
        return;
    }
    if (!d->dma && end > 0 && end < d->fetched) {
        offer_block(d, end);
        return;
    }
    fetch(d);
}

static void run_read(struct ide_drive *d)
{
    if (begin_transfer(d)) {
        ata_next_read(d);
    }
}

/* Writing --------------------------------------------------------------------------------------- */

static void ask_for_sectors(struct ide_drive *d)
{
    if (d->dma) {
        d->chunk = MIN(d->left, MAX_FETCH);
        ide_dma(d, false, d->chunk * SECTOR, IDE_NEXT_WRITE);
    } else {
        d->chunk = MIN(d->left, d->per_drq);
        ide_pio(d, false, 0, d->chunk * SECTOR, IDE_NEXT_WRITE);
    }
}

static void flushed(void *opaque, int ret)
{
    struct ide_drive *d = opaque;

    if (ret != 0) {
        ide_fail_errno(d, ret, true);
    } else {
        ide_finish(d);
    }
}

static void sectors_written(void *opaque, int ret)
{
    struct ide_drive *d = opaque;

    if (ret != 0) {
        medium_failed(d, ret, true);
        return;
    }
    advance(d);
    if (d->left > 0) {
        ask_for_sectors(d);
    } else if (d->fua || !d->write_cache) {
        ide_block(d, BLOCK_FLUSH, 0, 0, flushed);
    } else {
        ide_finish(d);
    }
}

void ata_written(struct ide_drive *d)
{
    ide_block(d, BLOCK_WRITE, d->at * SECTOR, d->chunk * SECTOR, sectors_written);
}

static void run_write(struct ide_drive *d)
{
    if (begin_transfer(d)) {
        ask_for_sectors(d);
    }
}

/* The rest -------------------------------------------------------------------------------------- */

static void run_verify(struct ide_drive *d)
{
    if (begin_transfer(d)) {
        d->chunk = d->left;
        advance(d);
        ide_finish(d);
    }
}

static void run_flush(struct ide_drive *d)
{
    ide_block(d, BLOCK_FLUSH, 0, 0, flushed);
}

static void run_identify(struct ide_drive *d)
{
    if (d->atapi) { /* a packet device aborts it and shows who it is (9.12) */
        ide_set_signature(d);
        ide_fail(d, IDE_ABRT);
        return;
    }
    ata_identify(d);
    ide_pio(d, true, 0, SECTOR, IDE_NEXT_DONE);
}

static void run_identify_packet(struct ide_drive *d)
{
    atapi_identify(d);
    ide_pio(d, true, 0, SECTOR, IDE_NEXT_DONE);
}

static void run_device_reset(struct ide_drive *d)
{
    ide_abandon(d);
    ide_set_signature(d); /* no interrupt (6.12) */
    atapi_reset(d);
}

static void run_nothing(struct ide_drive *d)
{
    ide_finish(d);
}

static void run_sleep(struct ide_drive *d)
{
    ide_finish(d);
    d->sleeping = true;
}

/* CHECK POWER MODE: active. */
static void run_check_power(struct ide_drive *d)
{
    d->count[0] = 0xff;
    ide_finish(d);
}

static void run_set_multiple(struct ide_drive *d)
{
    unsigned n = d->count[0];

    if (n > IDE_MAX_MULTI || (n & (n - 1))) {
        ide_fail(d, IDE_ABRT);
        return;
    }
    d->multi = (uint8_t)n;
    ide_finish(d);
}

static void run_set_parameters(struct ide_drive *d)
{
    unsigned heads = (d->device & 15u) + 1, spt = d->count[0];

    if (spt == 0 || spt > 63) {
        ide_fail(d, IDE_ABRT);
        return;
    }
    d->cur_heads = (uint8_t)heads;
    d->cur_spt = (uint8_t)spt;
    ide_finish(d);
}

static void run_native_max(struct ide_drive *d)
{
    uint64_t last = d->sectors - 1;

    d->device |= IDE_SEL_LBA;
    put_address(d, d->lba48 ? last : MIN(last, MAX_LBA28));
    ide_finish(d);
}

static bool set_transfer_mode(struct ide_drive *d, uint8_t mode)
{
    unsigned kind = mode >> 3, n = mode & 7;

    switch (kind) {
    case 0: /* PIO default */
        return n <= 1;
    case 1: /* PIO with flow control */
        d->mode_pio = (uint8_t)n;
        return n <= 4;
    case 4: /* multiword DMA */
    case 8: /* Ultra DMA */
        if (n > (kind == 4 ? 2u : 5u)) {
            return false;
        }
        d->mode_dma = mode;
        return true;
    default:
        return false;
    }
}

static void run_set_features(struct ide_drive *d)
{
    switch (d->feature[0]) {
    case 0x02:
        d->write_cache = true;
        break;
    case 0x82:
        d->write_cache = false;
        ide_block(d, BLOCK_FLUSH, 0, 0, flushed);
        return;
    case 0x03:
        if (!set_transfer_mode(d, d->count[0])) {
            ide_fail(d, IDE_ABRT);
            return;
        }
        break;
    case 0x55:
        d->look_ahead = false;
        break;
    case 0xaa:
        d->look_ahead = true;
        break;
    case 0x05: /* power management and the like have nothing to change here */
    case 0x85:
    case 0x42:
    case 0xc2:
    case 0x66:
    case 0xcc:
    case 0x69:
        break;
    default:
        ide_fail(d, IDE_ABRT);
        return;
    }
    ide_finish(d);
}

static void run_freeze(struct ide_drive *d)
{
    d->security_frozen = true;
    ide_finish(d);
}

#define BOTH (A_DISK | A_CD)
/* clang-format off */
static const struct ata_command commands[] = {
    { 0x00, BOTH,                            NULL,                 "NOP" },
    { 0x08, A_CD,                            run_device_reset,     "DEVICE RESET" },
    { 0x10, A_DISK,                          run_nothing,          "RECALIBRATE" },
    { 0x20, A_DISK,                          run_read,             "READ SECTORS" },
    { 0x21, A_DISK,                          run_read,             "READ SECTORS (no retry)" },
    { 0x24, A_DISK | A_48,                   run_read,             "READ SECTORS EXT" },
    { 0x25, A_DISK | A_48 | A_DMA,           run_read,             "READ DMA EXT" },
    { 0x27, A_DISK | A_48,                   run_native_max,       "READ NATIVE MAX ADDRESS EXT" },
    { 0x29, A_DISK | A_48 | A_MULTI,         run_read,             "READ MULTIPLE EXT" },
    { 0x2f, A_DISK | A_48,                   ata_smart,            "READ LOG EXT" },
    { 0x30, A_DISK,                          run_write,            "WRITE SECTORS" },
    { 0x31, A_DISK,                          run_write,            "WRITE SECTORS (no retry)" },
    { 0x34, A_DISK | A_48,                   run_write,            "WRITE SECTORS EXT" },
    { 0x35, A_DISK | A_48 | A_DMA,           run_write,            "WRITE DMA EXT" },
    { 0x39, A_DISK | A_48 | A_MULTI,         run_write,            "WRITE MULTIPLE EXT" },
    { 0x3d, A_DISK | A_48 | A_DMA | A_FUA,   run_write,            "WRITE DMA FUA EXT" },
    { 0x40, A_DISK,                          run_verify,           "READ VERIFY SECTORS" },
    { 0x41, A_DISK,                          run_verify,           "READ VERIFY SECTORS (no retry)" },
    { 0x42, A_DISK | A_48,                   run_verify,           "READ VERIFY SECTORS EXT" },
    { 0x70, A_DISK,                          run_nothing,          "SEEK" },
    { 0x91, A_DISK,                          run_set_parameters,   "INITIALIZE DEVICE PARAMETERS" },
    { 0xa0, A_CD,                            atapi_packet_command, "PACKET" },
    { 0xa1, A_CD,                            run_identify_packet,  "IDENTIFY PACKET DEVICE" },
    { 0xb0, A_DISK,                          ata_smart,            "SMART" },
    { 0xc4, A_DISK | A_MULTI,                run_read,             "READ MULTIPLE" },
    { 0xc5, A_DISK | A_MULTI,                run_write,            "WRITE MULTIPLE" },
    { 0xc6, A_DISK,                          run_set_multiple,     "SET MULTIPLE MODE" },
    { 0xc8, A_DISK | A_DMA,                  run_read,             "READ DMA" },
    { 0xc9, A_DISK | A_DMA,                  run_read,             "READ DMA (no retry)" },
    { 0xca, A_DISK | A_DMA,                  run_write,            "WRITE DMA" },
    { 0xcb, A_DISK | A_DMA,                  run_write,            "WRITE DMA (no retry)" },
    { 0xe0, BOTH,                            run_nothing,          "STANDBY IMMEDIATE" },
    { 0xe1, BOTH,                            run_nothing,          "IDLE IMMEDIATE" },
    { 0xe2, BOTH,                            run_nothing,          "STANDBY" },
    { 0xe3, BOTH,                            run_nothing,          "IDLE" },
    { 0xe5, BOTH,                            run_check_power,      "CHECK POWER MODE" },
    { 0xe6, BOTH,                            run_sleep,            "SLEEP" },
    { 0xe7, BOTH,                            run_flush,            "FLUSH CACHE" },
    { 0xea, A_DISK | A_48,                   run_flush,            "FLUSH CACHE EXT" },
    { 0xec, BOTH,                            run_identify,         "IDENTIFY DEVICE" },
    { 0xef, BOTH,                            run_set_features,     "SET FEATURES" },
    { 0xf5, A_DISK,                          run_freeze,           "SECURITY FREEZE LOCK" },
    { 0xf8, A_DISK,                          run_native_max,       "READ NATIVE MAX ADDRESS" },
};
/* clang-format on */

void ata_execute(struct ide_drive *d)
{
    const struct ata_command *c = NULL;
    unsigned kind = d->atapi ? A_CD : A_DISK;

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].code == d->command && commands[i].flags & kind) {
            c = &commands[i];
        }
    }
    if (!c || !c->run) {
        if (!c) {
            log_line(LOG_UNIMP, "ide: command 0x%02x", d->command);
        }
        if (d->atapi && (d->command == 0x20 || d->command == 0x21)) {
            ide_set_signature(d); /* READ SECTORS shows who a packet device is (6.30) */
        }
        ide_fail(d, IDE_ABRT);
        return;
    }
    d->lba48 = c->flags & A_48;
    d->dma = c->flags & A_DMA;
    d->fua = c->flags & A_FUA;
    d->per_drq = c->flags & A_MULTI ? d->multi : 1;
    if (d->per_drq == 0) {
        ide_fail(d, IDE_ABRT); /* READ MULTIPLE without SET MULTIPLE */
        return;
    }
    c->run(d);
}
