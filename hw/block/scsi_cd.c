/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi_cd.c: the commands of a CD drive, one row for each; what it replies is cd_info.c's.
 * Source: MMC-6, 6.  Invariants and thread: scsi.h.
 */
#include "hw/block/scsi_commands.h"

/* Raw sectors of one READ CD: they go through a buffer. */
#define RAW_MAX 512u

static void toc(struct scsi_request *r)
{
    unsigned format = r->cdb[2] & 15 ? r->cdb[2] & 15u : r->cdb[9] >> 6;
    uint8_t b[CD_REPLY];
    uint32_t n = cd_toc(&r->d->cd, b, r->cdb[1] & 2, format, r->cdb[6]);

    if (n == 0) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    scsi_reply(r, b, n, scsi_be16(r->cdb + 7));
}

static void configuration(struct scsi_request *r)
{
    uint8_t b[CD_REPLY];

    if ((r->cdb[1] & 3) == 3) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    scsi_reply(r, b, cd_configuration(&r->d->cd, b, r->cdb[1] & 3, scsi_be16(r->cdb + 2)),
               scsi_be16(r->cdb + 7));
}

static void event_status(struct scsi_request *r)
{
    uint8_t b[CD_REPLY];

    if (!(r->cdb[1] & 1)) { /* only polled */
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    scsi_reply(r, b, cd_event(&r->d->cd, b, r->cdb[4]), scsi_be16(r->cdb + 7));
}

static void disc_information(struct scsi_request *r)
{
    uint8_t b[CD_REPLY];

    scsi_reply(r, b, cd_disc_information(&r->d->cd, b), scsi_be16(r->cdb + 7));
}

static void track_information(struct scsi_request *r)
{
    uint8_t b[CD_REPLY];

    scsi_reply(r, b, cd_track_information(&r->d->cd, b), scsi_be16(r->cdb + 7));
}

static void subchannel(struct scsi_request *r)
{
    uint8_t b[CD_REPLY];

    scsi_reply(r, b, cd_subchannel(&r->d->cd, b), scsi_be16(r->cdb + 7));
}

static void mechanism(struct scsi_request *r)
{
    uint8_t b[CD_REPLY];

    scsi_reply(r, b, cd_mechanism(&r->d->cd, b), scsi_be16(r->cdb + 8));
}

static void start_stop(struct scsi_request *r)
{
    bool start = r->cdb[4] & 1, load = r->cdb[4] & 2, inserted;

    if (!(r->cdb[4] >> 4) && load) {
        if (!cd_move_tray(&r->d->cd, start, &inserted)) {
            scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LOCKED);
            return;
        }
        r->d->attention = inserted ? ASC_NEW_MEDIUM : r->d->attention;
    }
    scsi_good(r);
}

static void prevent(struct scsi_request *r)
{
    r->d->cd.locked = r->cdb[4] & 1;
    scsi_good(r);
}

static void seek(struct scsi_request *r)
{
    if (scsi_be32(r->cdb + 2) >= scsi_blocks(r->d)) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
        return;
    }
    scsi_good(r);
}

static void raw_read(struct scsi_request *r)
{
    cd_make_raw(r->bounce, (uint32_t)r->at, (uint32_t)r->left);
    r->moved = dma_list_write(r->in, r->machine, r->in_skip, r->bounce, r->left * CD_RAW_BLOCK);
    scsi_good(r);
}

/* User data only, or all of a mode 1 sector. */
static void read_cd(struct scsi_request *r)
{
    uint32_t at = scsi_be32(r->cdb + 2), n = (uint32_t)r->cdb[6] << 16 | scsi_be16(r->cdb + 7);
    uint64_t blocks = scsi_blocks(r->d);

    switch (r->cdb[9] & 0xf8) {
    case 0x00:
        scsi_good(r);
        return;
    case 0x10:
        scsi_transfer(r, at, n, false, false);
        return;
    case 0xf8:
        break;
    default:
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    if (at > blocks || n > blocks - at) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
    } else if (n > RAW_MAX) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
    } else if (n == 0 || !r->in || (uint64_t)n * CD_RAW_BLOCK > r->in->bytes - r->in_skip) {
        r->overrun = n > 0;
        scsi_good(r);
    } else {
        r->at = at;
        r->left = n;
        r->bounce = g_malloc((size_t)n * CD_RAW_BLOCK);
        r->bounce_iov = (struct iovec){ r->bounce, (size_t)n * CD_BLOCK };
        scsi_block(r, BLOCK_READ, (uint64_t)at * CD_BLOCK, r->bounce_iov.iov_len,
                   g_memdup2(&r->bounce_iov, sizeof(r->bounce_iov)), 1, raw_read);
    }
}

/* clang-format off */
const struct scsi_command scsi_cd_commands[] = {
    { 0x00, SCSI_MEDIUM, scsi_test_unit_ready,     "TEST UNIT READY" },
    { 0x08, SCSI_MEDIUM, scsi_read,                "READ (6)" },
    { 0x15, 0,           scsi_command_mode_select, "MODE SELECT (6)" },
    { 0x1a, 0,           scsi_command_mode_sense,  "MODE SENSE (6)" },
    { 0x1b, 0,           start_stop,               "START STOP UNIT" },
    { 0x1e, 0,           prevent,                  "PREVENT ALLOW MEDIUM REMOVAL" },
    { 0x25, SCSI_MEDIUM, scsi_read_capacity,       "READ CAPACITY (10)" },
    { 0x28, SCSI_MEDIUM, scsi_read,                "READ (10)" },
    { 0x2b, SCSI_MEDIUM, seek,                     "SEEK (10)" },
    { 0x35, 0,           scsi_test_unit_ready,     "SYNCHRONIZE CACHE (10)" },
    { 0x42, SCSI_MEDIUM, subchannel,               "READ SUB-CHANNEL" },
    { 0x43, SCSI_MEDIUM, toc,                      "READ TOC/PMA/ATIP" },
    { 0x46, SCSI_ANY,    configuration,            "GET CONFIGURATION" },
    { 0x4a, SCSI_ANY,    event_status,             "GET EVENT STATUS NOTIFICATION" },
    { 0x51, SCSI_MEDIUM, disc_information,         "READ DISC INFORMATION" },
    { 0x52, SCSI_MEDIUM, track_information,        "READ TRACK INFORMATION" },
    { 0x55, 0,           scsi_command_mode_select, "MODE SELECT (10)" },
    { 0x5a, 0,           scsi_command_mode_sense,  "MODE SENSE (10)" },
    { 0x88, SCSI_MEDIUM, scsi_read,                "READ (16)" },
    { 0xa8, SCSI_MEDIUM, scsi_read,                "READ (12)" },
    { 0xbb, 0,           scsi_test_unit_ready,     "SET CD SPEED" },
    { 0xbd, 0,           mechanism,                "MECHANISM STATUS" },
    { 0xbe, SCSI_MEDIUM, read_cd,                  "READ CD" },
    { 0 },
};
/* clang-format on */
