/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi_info.c: what a unit says about itself: INQUIRY, vital product data, mode pages.
 * Source: SPC-4, 6.4, 7.5, 7.8; SBC-3, 6.4, 6.5.  Thread: under the machine lock.
 */
#include <string.h>
#include "hw/block/scsi_commands.h"

static void put_text(uint8_t *at, const char *text, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        at[i] = (uint8_t)(text && *text ? *text++ : ' ');
    }
}

uint32_t scsi_inquiry(const struct scsi_device *d, uint8_t *b)
{
    if (d->is_cd) {
        return cd_inquiry(&d->cd, b);
    }
    b[1] = d->removable ? 0x80 : 0;
    b[2] = 5;    /* SPC-3 */
    b[3] = 0x12; /* hierarchical LUNs, response format 2 */
    b[4] = 31;
    b[7] = 2; /* command queueing */
    put_text(b + 8, d->vendor, 8);
    put_text(b + 16, d->product, 16);
    put_text(b + 32, d->version, 4);
    return 36;
}

/* Vital product data: each page's body, after its head of 4 bytes; the length ------------------- */

static const char *serial_of(const struct scsi_device *d)
{
    return d->disk.serial && d->disk.serial[0] ? d->disk.serial : NULL;
}

static uint32_t vpd_serial(const struct scsi_device *d, uint8_t *b)
{
    const char *serial = serial_of(d);
    uint32_t n = (uint32_t)MIN(strlen(serial ? serial : ""), 36);

    memcpy(b, serial ? serial : "", n);
    return n;
}

static uint32_t vpd_identification(const struct scsi_device *d, uint8_t *b)
{
    const char *name = serial_of(d) ? serial_of(d) : d->disk.blk->id;
    uint32_t n = (uint32_t)MIN(strlen(name), 64);

    b[0] = 2; /* ASCII, vendor-specific, of the unit */
    b[3] = (uint8_t)n;
    memcpy(b + 4, name, n);
    n += 4;
    if (d->wwn) {
        b[n] = 1; /* binary, NAA */
        b[n + 1] = 3;
        b[n + 3] = 8;
        scsi_put(b + n + 4, d->wwn, 8);
        n += 12;
    }
    return n;
}

/* SBC-3, 6.5.3. */
static uint32_t vpd_limits(const struct scsi_device *d, uint8_t *b)
{
    uint64_t block = d->disk.logical_block_size, unit = disk_discard_unit(&d->disk) / block;

    b[0] = 1; /* WRITE SAME needs a number of blocks */
    scsi_put(b + 2, d->disk.min_io_size / block, 2);
    scsi_put(b + 8, d->disk.opt_io_size / block, 4);
    scsi_put(b + 16, (1u << 30) / block, 4); /* blocks and ranges of an UNMAP */
    scsi_put(b + 20, SCSI_UNMAP_RANGES, 4);
    scsi_put(b + 24, unit, 4);
    scsi_put(b + 32, (1u << 30) / block, 8); /* blocks of a WRITE SAME */
    return 60;
}

static uint32_t vpd_characteristics(const struct scsi_device *d, uint8_t *b)
{
    scsi_put(b, d->rotation_rate, 2);
    return 60;
}

static uint32_t vpd_provisioning(const struct scsi_device *d, uint8_t *b)
{
    if (!block_read_only(d->disk.blk)) {
        b[1] = 0xe0; /* UNMAP, WRITE SAME (16) and (10) with UNMAP */
        b[2] = 2;    /* thin */
    }
    return 4;
}

static const struct vpd_page {
    uint8_t code;
    bool disk_only;
    uint32_t (*put)(const struct scsi_device *d, uint8_t *b);
} vpd_pages[] = {
    { 0x80, false, vpd_serial },      { 0x83, false, vpd_identification },
    { 0xb0, true, vpd_limits },       { 0xb1, true, vpd_characteristics },
    { 0xb2, true, vpd_provisioning },
};

static bool has_page(const struct scsi_device *d, const struct vpd_page *p)
{
    return !(p->disk_only && d->is_cd) && (p->code != 0x80 || serial_of(d));
}

uint32_t scsi_vpd(const struct scsi_device *d, unsigned page, uint8_t *b)
{
    uint32_t n = page ? 0 : 1;

    b[0] = d->is_cd ? 0x05 : 0x00;
    b[1] = (uint8_t)page;
    for (unsigned i = 0; i < G_N_ELEMENTS(vpd_pages); i++) {
        const struct vpd_page *p = &vpd_pages[i];

        if (has_page(d, p) && page == 0) {
            b[4 + n++] = p->code;
        } else if (has_page(d, p) && page == p->code) {
            n = p->put(d, b + 4);
        }
    }
    scsi_put(b + 2, n, 2);
    return n ? n + 4 : 0;
}

/* Mode pages ------------------------------------------------------------------------------------ */

enum { PAGE_RECOVERY = 0x01, PAGE_CACHING = 0x08, PAGE_CONTROL = 0x0a, PAGE_ALL = 0x3f };
enum { CACHING_WCE = 4 };

static const struct mode_page {
    uint8_t code, size; /* size: with its head */
    uint8_t first;      /* byte 2 */
} mode_pages[] = {
    { PAGE_RECOVERY, 12, 0x80 }, /* automatic reassignment of bad blocks when writing */
    { PAGE_CACHING, 20, 0 },
    { PAGE_CONTROL, 12, 0 },
};

/* control: 0 current, 1 what can change, 2 after power-on. */
static uint32_t put_page(const struct scsi_device *d, const struct mode_page *p, unsigned control,
                         uint8_t *b)
{
    bool wce = control == 2 ? d->disk.write_cache_on : d->disk.blk->write_cache;

    memset(b, 0, p->size);
    b[0] = p->code;
    b[1] = (uint8_t)(p->size - 2);
    b[2] = control == 1 ? 0 : p->first;
    if (p->code == PAGE_CACHING) {
        b[2] = control == 1 || wce ? CACHING_WCE : 0;
    }
    return p->size;
}

static uint32_t put_descriptor(const struct scsi_device *d, uint8_t *b)
{
    scsi_put(b, MIN(scsi_blocks(d), 0xffffff), 4);
    scsi_put(b + 4, scsi_block_bytes(d), 4); /* three bytes: block sizes are less than 16 MiB */
    return 8;
}

uint32_t scsi_mode_sense(const struct scsi_device *d, const uint8_t *cdb, uint8_t *b)
{
    unsigned page = cdb[2] & 0x3f, control = cdb[2] >> 6;
    bool ten = cdb[0] == 0x5a, descriptor = !(cdb[1] & 8), found = false;
    uint32_t header = ten ? 8 : 4, n = header;

    if (d->is_cd) {
        return cd_mode_sense(&d->cd, b, page, control, ten);
    }
    if (cdb[3]) { /* no subpages */
        return 0;
    }
    n += descriptor ? put_descriptor(d, b + n) : 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(mode_pages); i++) {
        if (page == PAGE_ALL || page == mode_pages[i].code) {
            n += put_page(d, &mode_pages[i], control, b + n);
            found = true;
        }
    }
    if (!found && page) {
        return 0;
    }
    /* Write-protected; DPO and FUA are understood. */
    b[ten ? 3 : 2] = (uint8_t)((block_read_only(d->disk.blk) ? 0x80 : 0) | 0x10);
    if (ten) {
        scsi_put(b, n - 2, 2);
        b[7] = descriptor ? 8 : 0;
    } else {
        b[0] = (uint8_t)(n - 1);
        b[3] = descriptor ? 8 : 0;
    }
    return n;
}

/* Of a disk the write cache can be switched; a CD drive takes its pages and changes nothing. */
bool scsi_mode_select(struct scsi_device *d, const uint8_t *page, uint32_t len)
{
    if (d->is_cd) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(mode_pages); i++) {
        if ((page[0] & 0x7f) == mode_pages[i].code) {
            if (len != mode_pages[i].size) {
                return false;
            }
            if (mode_pages[i].code == PAGE_CACHING) {
                d->disk.blk->write_cache = page[2] & CACHING_WCE;
            }
            return true;
        }
    }
    return false;
}
