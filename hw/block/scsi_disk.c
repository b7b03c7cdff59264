/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi_disk.c: the commands of a disk, one row for each; scsi_cd.c shares some.
 * Source: SBC-3, 5; SPC-4, 6.  Invariants and thread: scsi.h.
 */
#include "hw/block/scsi_commands.h"

#include <string.h>

/* Blocks of WRITE SAME, as VPD page B0 says; bytes of a pattern that are written at once. */
#define SAME_BYTES_MAX (1u << 20)

void scsi_test_unit_ready(struct scsi_request *r)
{
    scsi_good(r);
}

/* Where a command's range is in its block, by its group code (SPC-4, 4.2). */
struct range {
    uint64_t lba;
    uint32_t n;
};

static struct range range_of(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: /* 0 means 256 (SBC-3, 5.10) */
        return (struct range){ scsi_be32(cdb) & 0x1fffff, cdb[4] ? cdb[4] : 256 };
    case 4:
        return (struct range){ scsi_be64(cdb + 2), scsi_be32(cdb + 10) };
    case 5:
        return (struct range){ scsi_be32(cdb + 2), scsi_be32(cdb + 6) };
    default:
        return (struct range){ scsi_be32(cdb + 2), scsi_be16(cdb + 7) };
    }
}

static bool in_range(const struct scsi_request *r, struct range range)
{
    uint64_t blocks = scsi_blocks(r->d);

    return range.lba <= blocks && range.n <= blocks - range.lba;
}

static bool may_write(struct scsi_request *r)
{
    if (block_read_only(r->d->disk.blk)) {
        scsi_fail(r, KEY_DATA_PROTECT, ASC_WRITE_PROTECTED);
        return false;
    }
    return true;
}

/* RDPROTECT, WRPROTECT: there is no protection information. */
static bool is_protected(const struct scsi_request *r)
{
    return r->cdb[0] >> 5 != 0 && r->cdb[1] >> 5;
}

void scsi_read(struct scsi_request *r)
{
    struct range range = range_of(r->cdb);

    if (is_protected(r)) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    scsi_transfer(r, range.lba, range.n, false, false);
}

static void write_blocks(struct scsi_request *r)
{
    struct range range = range_of(r->cdb);
    bool fua = r->cdb[0] >> 5 != 0 && r->cdb[1] & 8;

    if (is_protected(r)) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
    } else if (may_write(r)) {
        scsi_transfer(r, range.lba, range.n, true, fua);
    }
}

/* Without a comparison: what is there can be read. */
static void verify(struct scsi_request *r)
{
    if (r->cdb[1] & 6) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
    } else if (!in_range(r, range_of(r->cdb))) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
    } else {
        scsi_good(r);
    }
}

static void synchronize_cache(struct scsi_request *r)
{
    if (!in_range(r, range_of(r->cdb))) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
    } else {
        scsi_block(r, BLOCK_FLUSH, 0, 0, NULL, 0, scsi_good);
    }
}

/* WRITE SAME and UNMAP -------------------------------------------------------------------------- */

static void write_pattern(struct scsi_request *r);

static void pattern_written(struct scsi_request *r)
{
    uint64_t n = r->bounce_iov.iov_len / scsi_block_bytes(r->d);

    r->at += n;
    r->left -= n;
    write_pattern(r);
}

static void write_pattern(struct scsi_request *r)
{
    uint32_t block = scsi_block_bytes(r->d);

    if (r->left == 0) {
        scsi_good(r);
        return;
    }
    r->bounce_iov =
        (struct iovec){ r->bounce, MIN(r->left, MAX(SAME_BYTES_MAX / block, 1)) * block };
    scsi_block(r, BLOCK_WRITE, r->at * block, r->bounce_iov.iov_len,
               g_memdup2(&r->bounce_iov, sizeof(r->bounce_iov)), 1, pattern_written);
}

static bool is_zero(const uint8_t *p, uint32_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static void write_same(struct scsi_request *r)
{
    uint32_t block = scsi_block_bytes(r->d);
    struct range range = range_of(r->cdb);
    bool no_data = r->cdb[0] == 0x93 && r->cdb[1] & 1, unmap = r->cdb[1] & 8;

    if (r->cdb[1] & 0xf6 || range.n == 0) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    if (!in_range(r, range)) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
        return;
    }
    if (!may_write(r)) {
        return;
    }
    r->bounce = g_malloc0(MAX(SAME_BYTES_MAX, block));
    if (!no_data && scsi_parameters(r, r->bounce, block) != block) {
        r->overrun = true;
        scsi_good(r);
        return;
    }
    if (is_zero(r->bounce, block) || unmap) {
        scsi_block(r, BLOCK_WRITE_ZEROES, range.lba * block, (uint64_t)range.n * block, NULL, 0,
                   scsi_good);
        return;
    }
    for (uint32_t at = block; at + block <= SAME_BYTES_MAX; at += block) {
        memcpy(r->bounce + at, r->bounce, block);
    }
    r->at = range.lba;
    r->left = range.n;
    write_pattern(r);
}

/* Ranges are in the parameters, one after the other: 64-bit address, 32-bit number. */
static void unmap_next(struct scsi_request *r)
{
    const uint8_t *p = r->bounce + 8 + 16 * r->index;
    uint32_t block = scsi_block_bytes(r->d);

    if (r->index == r->left) {
        scsi_good(r);
        return;
    }
    r->index++;
    if (scsi_be32(p + 8) == 0) {
        unmap_next(r);
        return;
    }
    scsi_block(r, BLOCK_DISCARD, scsi_be64(p) * block, (uint64_t)scsi_be32(p + 8) * block, NULL, 0,
               unmap_next);
}

static void unmap(struct scsi_request *r)
{
    uint32_t len = scsi_be16(r->cdb + 7), n;

    if (r->cdb[1] & 1) { /* ANCHOR */
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    if (!may_write(r)) {
        return;
    }
    r->bounce = g_malloc0(MAX(len, 8u));
    len = scsi_parameters(r, r->bounce, len);
    if (len == 0) {
        scsi_good(r);
        return;
    }
    n = scsi_be16(r->bounce + 2) / 16;
    if (len < 8 || n > (len - 8) / 16 || n > SCSI_UNMAP_RANGES) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_PARAMETER_LENGTH);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *p = r->bounce + 8 + 16 * i;

        if (!in_range(r, (struct range){ scsi_be64(p), scsi_be32(p + 8) })) {
            scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_LBA_RANGE);
            return;
        }
    }
    r->left = n;
    r->index = 0;
    unmap_next(r);
}

/* Capacity, modes, the rest --------------------------------------------------------------------- */

void scsi_read_capacity(struct scsi_request *r)
{
    uint64_t blocks = scsi_blocks(r->d);
    uint8_t b[8];

    scsi_put(b, MIN(blocks - 1, UINT32_MAX), 4); /* all ones: ask with READ CAPACITY (16) */
    scsi_put(b + 4, scsi_block_bytes(r->d), 4);
    scsi_reply(r, b, sizeof(b), sizeof(b));
}

static void service_action_in(struct scsi_request *r)
{
    uint8_t b[32] = { 0 };

    if ((r->cdb[1] & 0x1f) != 0x10) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    scsi_put(b, scsi_blocks(r->d) - 1, 8);
    scsi_put(b + 8, scsi_block_bytes(r->d), 4);
    b[13] = (uint8_t)disk_physical_exponent(&r->d->disk);
    b[14] = block_read_only(r->d->disk.blk) ? 0 : 0x80; /* LBPME: can be unmapped */
    scsi_reply(r, b, sizeof(b), scsi_be32(r->cdb + 10));
}

void scsi_command_mode_sense(struct scsi_request *r)
{
    uint8_t b[SCSI_REPLY] = { 0 };
    bool ten = r->cdb[0] == 0x5a;
    uint32_t n;

    if (r->cdb[2] >> 6 == 3) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_SAVING);
        return;
    }
    n = scsi_mode_sense(r->d, r->cdb, b);
    if (n == 0) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    scsi_reply(r, b, n, ten ? scsi_be16(r->cdb + 7) : r->cdb[4]);
}

/* All pages are looked at before one of them takes effect: there is one that can. */
void scsi_command_mode_select(struct scsi_request *r)
{
    bool ten = r->cdb[0] == 0x55;
    uint32_t len = ten ? scsi_be16(r->cdb + 7) : r->cdb[4], header = ten ? 8 : 4, at;
    uint8_t b[1024] = { 0 };

    if (r->cdb[1] & 1 || len > sizeof(b)) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_CDB_FIELD);
        return;
    }
    len = scsi_parameters(r, b, len);
    if (len == 0) {
        scsi_good(r);
        return;
    }
    at = header + (ten ? scsi_be16(b + 6) : b[3]);
    while (len >= header && at + 2 <= len) {
        uint32_t size = b[at + 1] + 2u;

        if (size > len - at || !scsi_mode_select(r->d, b + at, size)) {
            scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_PARAMETER);
            return;
        }
        at += size;
    }
    if (at != len) {
        scsi_fail(r, KEY_ILLEGAL_REQUEST, ASC_PARAMETER_LENGTH);
        return;
    }
    scsi_good(r);
}

/* clang-format off */
const struct scsi_command scsi_disk_commands[] = {
    { 0x00, SCSI_MEDIUM, scsi_test_unit_ready,     "TEST UNIT READY" },
    { 0x08, SCSI_MEDIUM, scsi_read,                "READ (6)" },
    { 0x0a, SCSI_MEDIUM, write_blocks,             "WRITE (6)" },
    { 0x15, 0,           scsi_command_mode_select, "MODE SELECT (6)" },
    { 0x1a, 0,           scsi_command_mode_sense,  "MODE SENSE (6)" },
    { 0x1b, 0,           scsi_test_unit_ready,     "START STOP UNIT" },
    { 0x1e, 0,           scsi_test_unit_ready,     "PREVENT ALLOW MEDIUM REMOVAL" },
    { 0x25, SCSI_MEDIUM, scsi_read_capacity,       "READ CAPACITY (10)" },
    { 0x28, SCSI_MEDIUM, scsi_read,                "READ (10)" },
    { 0x2a, SCSI_MEDIUM, write_blocks,             "WRITE (10)" },
    { 0x2e, SCSI_MEDIUM, write_blocks,             "WRITE AND VERIFY (10)" },
    { 0x2f, SCSI_MEDIUM, verify,                   "VERIFY (10)" },
    { 0x35, SCSI_MEDIUM, synchronize_cache,        "SYNCHRONIZE CACHE (10)" },
    { 0x41, SCSI_MEDIUM, write_same,               "WRITE SAME (10)" },
    { 0x42, SCSI_MEDIUM, unmap,                    "UNMAP" },
    { 0x55, 0,           scsi_command_mode_select, "MODE SELECT (10)" },
    { 0x5a, 0,           scsi_command_mode_sense,  "MODE SENSE (10)" },
    { 0x88, SCSI_MEDIUM, scsi_read,                "READ (16)" },
    { 0x8a, SCSI_MEDIUM, write_blocks,             "WRITE (16)" },
    { 0x8e, SCSI_MEDIUM, write_blocks,             "WRITE AND VERIFY (16)" },
    { 0x8f, SCSI_MEDIUM, verify,                   "VERIFY (16)" },
    { 0x91, SCSI_MEDIUM, synchronize_cache,        "SYNCHRONIZE CACHE (16)" },
    { 0x93, SCSI_MEDIUM, write_same,               "WRITE SAME (16)" },
    { 0x9e, SCSI_MEDIUM, service_action_in,        "SERVICE ACTION IN (16)" },
    { 0xa8, SCSI_MEDIUM, scsi_read,                "READ (12)" },
    { 0xaa, SCSI_MEDIUM, write_blocks,             "WRITE (12)" },
    { 0xae, SCSI_MEDIUM, write_blocks,             "WRITE AND VERIFY (12)" },
    { 0xaf, SCSI_MEDIUM, verify,                   "VERIFY (12)" },
    { 0 },
};
/* clang-format on */
