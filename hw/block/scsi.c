/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi.c: running commands: look-up, sense data, data to and from the guest, block requests.
 * Source: SAM-5, SPC-4.  Invariants and thread: scsi.h.
 */
#include "hw/block/scsi.h"

#include <errno.h>
#include <string.h>
#include "softmmu/machine.h"
#include "util/log.h"

/* Ends ------------------------------------------------------------------------------------------ */

static void finish(struct scsi_request *r)
{
    struct scsi_device *d = r->d;

    *(r->prev ? &r->prev->next : &d->requests) = r->next;
    if (r->next) {
        r->next->prev = r->prev;
    }
    g_clear_pointer(&r->bounce, g_free);
    g_clear_pointer(&r->req.iov, g_free);
}

static void begin(struct scsi_device *d, struct scsi_request *r)
{
    r->d = d;
    r->prev = NULL;
    r->next = d->requests;
    if (r->next) {
        r->next->prev = r;
    }
    d->requests = r;
    r->status = SCSI_GOOD;
    r->sense_len = 0;
    r->moved = 0;
    r->overrun = false;
    r->fua = false;
}

void scsi_good(struct scsi_request *r)
{
    finish(r);
    r->done(r);
}

/* Fixed format (SPC-4, 4.5.3). */
static void put_sense(uint8_t *b, enum scsi_key key, unsigned asc)
{
    memset(b, 0, SCSI_SENSE);
    b[0] = 0x70;
    b[2] = (uint8_t)key;
    b[7] = SCSI_SENSE - 8;
    scsi_put(b + 12, asc, 2);
}

void scsi_fail(struct scsi_request *r, enum scsi_key key, unsigned asc)
{
    log_line(LOG_DEVICE, "%s: command 0x%02x: sense %x/%04x", r->d->dev.type->name, r->cdb[0], key,
             asc);
    r->status = SCSI_CHECK_CONDITION;
    r->sense_len = SCSI_SENSE;
    put_sense(r->sense, key, asc);
    scsi_good(r);
}

void scsi_fail_errno(struct scsi_request *r, int error)
{
    switch (error) {
    case -ENOMEDIUM:
        scsi_fail(r, KEY_NOT_READY, ASC_NO_MEDIUM);
        break;
    case -EROFS:
        scsi_fail(r, KEY_DATA_PROTECT, ASC_WRITE_PROTECTED);
        break;
    case -ENOSPC:
        scsi_fail(r, KEY_DATA_PROTECT, ASC_SPACE);
        break;
    case -EIO:
        scsi_fail(r, KEY_MEDIUM_ERROR, r->write ? ASC_WRITE_ERROR : ASC_READ_ERROR);
        break;
    default:
        scsi_fail(r, KEY_HARDWARE_ERROR, ASC_INTERNAL);
        break;
    }
}

void scsi_reply(struct scsi_request *r, const uint8_t *buf, uint32_t len, uint32_t allocated)
{
    if (r->in) {
        r->moved = dma_list_write(r->in, r->machine, r->in_skip, buf, MIN(len, allocated));
    }
    scsi_good(r);
}

uint32_t scsi_parameters(struct scsi_request *r, uint8_t *buf, uint32_t len)
{
    r->moved = r->out ? dma_list_read(r->out, r->out_skip, buf, len) : 0;
    return (uint32_t)r->moved;
}

/* Block requests -------------------------------------------------------------------------------- */

uint32_t scsi_block_bytes(const struct scsi_device *d)
{
    return d->is_cd ? CD_BLOCK : (uint32_t)d->disk.logical_block_size;
}

uint64_t scsi_blocks(const struct scsi_device *d)
{
    return d->is_cd ? cd_blocks(&d->cd) : disk_blocks(&d->disk);
}

static void block_done(void *opaque, int result)
{
    struct scsi_request *r = opaque;

    g_clear_pointer(&r->req.iov, g_free);
    if (result) {
        scsi_fail_errno(r, result);
    } else {
        r->step(r);
    }
}

void scsi_block(struct scsi_request *r, enum block_op op, uint64_t offset, uint64_t bytes,
                struct iovec *iov, int n_iov, void (*step)(struct scsi_request *r))
{
    r->step = step;
    r->write = op != BLOCK_READ;
    r->req = (struct block_request){ .blk = r->d->disk.blk,
                                     .op = op,
                                     .offset = offset,
                                     .bytes = bytes,
                                     .iov = iov,
                                     .n_iov = n_iov,
                                     .done = block_done,
                                     .opaque = r };
    block_submit(&r->req);
}

static void transferred(struct scsi_request *r)
{
    r->moved = r->left;
    if (!r->write) {
        dma_list_written(r->in, r->machine, r->in_skip, r->moved);
    } else if (r->fua && r->d->disk.blk->write_cache) {
        scsi_block(r, BLOCK_FLUSH, 0, 0, NULL, 0, scsi_good);
        return;
    }
    scsi_good(r);
}

void scsi_transfer(struct scsi_request *r, uint64_t lba, uint32_t n, bool write, bool fua)
{
    struct dma_list *data = write ? r->out : r->in;
    uint64_t skip = write ? r->out_skip : r->in_skip, blocks = scsi_blocks(r->d), bytes;
    struct iovec *iov;
    int n_iov;

    if (lba > blocks || n > blocks - lba) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
        return;
    }
    if (n == 0) {
        scsi_good(r);
        return;
    }
    bytes = (uint64_t)n * scsi_block_bytes(r->d);
    if (!data || bytes > data->bytes - skip) {
        r->overrun = true;
        scsi_good(r);
        return;
    }
    r->left = bytes;
    r->fua = fua;
    iov = dma_list_slice(data, skip, bytes, &n_iov);
    scsi_block(r, write ? BLOCK_WRITE : BLOCK_READ, lba * scsi_block_bytes(r->d), bytes, iov, n_iov,
               transferred);
}

void scsi_cancel(struct scsi_request *r)
{
    block_cancel(&r->req);
    finish(r);
}

/* Commands -------------------------------------------------------------------------------------- */

/* Those that a target answers for units that are not there (SPC-4, 5.x; SAM-5, 4.11). */
static void request_sense(struct scsi_request *r, bool there)
{
    uint8_t b[SCSI_SENSE];

    if (!there) {
        put_sense(b, KEY_ILLEGAL_REQUEST, ASC_NO_LUN);
    } else if (r->d->attention) {
        put_sense(b, KEY_UNIT_ATTENTION, r->d->attention);
        r->d->attention = 0;
    } else {
        put_sense(b, KEY_NO_SENSE, ASC_NONE);
    }
    scsi_reply(r, b, sizeof(b), r->cdb[4]);
}

static void report_luns(struct scsi_request *r)
{
    const struct bus *bus = r->d->dev.bus;
    uint8_t b[8 + 8 * (SCSI_MAX_LUN + 1)] = { 0 };
    uint32_t n = 8;

    if (scsi_be32(r->cdb + 6) < 16 || r->cdb[2] > 2) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    for (unsigned lun = 0; lun <= SCSI_MAX_LUN && r->cdb[2] != 1; lun++) {
        if (scsi_find((struct scsi_bus *)bus, r->d->id, lun, false)) {
            b[n + 1] = (uint8_t)lun;
            n += 8;
        }
    }
    scsi_put(b, n - 8, 4);
    scsi_reply(r, b, n, scsi_be32(r->cdb + 6));
}

static void inquiry(struct scsi_request *r, bool there)
{
    uint8_t b[SCSI_REPLY] = { 0 };
    bool vital = r->cdb[1] & 1;
    uint32_t n;

    if ((!vital && r->cdb[2]) || (vital && !there)) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    n = vital ? scsi_vpd(r->d, r->cdb[2], b) : scsi_inquiry(r->d, b);
    if (n == 0) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    b[0] = there ? b[0] : 0x7f; /* nothing is there, nor could be */
    scsi_reply(r, b, n, scsi_be16(r->cdb + 3));
}

static bool answered_by_target(struct scsi_request *r, bool there)
{
    switch (r->cdb[0]) {
    case 0x03:
        request_sense(r, there);
        return true;
    case 0x12:
        inquiry(r, there);
        return true;
    case 0xa0:
        report_luns(r);
        return true;
    default:
        return false;
    }
}

static const struct scsi_command *find_command(const struct scsi_device *d, uint8_t code)
{
    const struct scsi_command *c = d->is_cd ? scsi_cd_commands : scsi_disk_commands;

    while (c->name && c->code != code) {
        c++;
    }
    return c->name ? c : NULL;
}

void scsi_execute(struct scsi_device *d, unsigned lun, struct scsi_request *r)
{
    const struct scsi_command *c = find_command(d, r->cdb[0]);
    bool there = lun == d->lun;

    begin(d, r);
    if (answered_by_target(r, there)) {
        return;
    }
    if (!there) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_NO_LUN);
    } else if (d->attention && !(c && c->flags & SCSI_ANY)) {
        unsigned asc = d->attention;

        d->attention = 0;
        scsi_fail(r, KEY_UNIT_ATTENTION, asc);
    } else if (!c) {
        log_line(LOG_UNIMP, "%s: command 0x%02x", d->dev.type->name, r->cdb[0]);
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_OPCODE);
    } else if (c->flags & SCSI_MEDIUM && scsi_blocks(d) == 0) {
        scsi_fail(r, KEY_NOT_READY, d->cd.tray_open ? ASC_TRAY_OPEN : ASC_NO_MEDIUM);
    } else {
        c->run(r);
    }
}

struct scsi_device *scsi_find(struct scsi_bus *bus, unsigned id, unsigned lun, bool any_lun)
{
    struct scsi_device *some = NULL;

    for (unsigned i = 0; i < bus->bus.devices->len; i++) {
        struct scsi_device *d = g_ptr_array_index(bus->bus.devices, i);

        if (d->id == id && d->lun == lun) {
            return d;
        }
        some = d->id == id ? d : some;
    }
    return any_lun ? some : NULL;
}
