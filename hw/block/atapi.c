/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/atapi.c: the packet commands of a CD drive, one row for each.
 *
 * Source: ATA/ATAPI-7 (PACKET protocol), SFF-8020i, MMC-6; sense data: SPC-3, 4.5.
 * Invariant: a reply never exceeds the allocation length of its packet nor the buffer.
 * Thread:    under the machine lock.
 */
#include "hw/block/ide.h"

#include <errno.h>
#include <string.h>
#include "util/log.h"

enum { KEY_NONE, KEY_NOT_READY = 2, KEY_MEDIUM = 3, KEY_ILLEGAL = 5, KEY_ATTENTION = 6 };
enum {
    ASC_READ_ERROR = 0x11,
    ASC_OPCODE = 0x20,
    ASC_RANGE = 0x21,
    ASC_FIELD = 0x24,
    ASC_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_LOCKED = 0x53,
};

enum packet_flag {
    P_ANY = 1 << 0,    /* also while a unit attention waits */
    P_MEDIUM = 1 << 1, /* needs a medium */
};

struct packet_command {
    uint8_t code, flags;
    void (*run)(struct ide_drive *d);
    const char *name;
};

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

static void set_sense(struct ide_drive *d, unsigned key, unsigned asc, unsigned ascq)
{
    memset(d->sense, 0, sizeof(d->sense));
    d->sense[0] = 0x70;
    d->sense[2] = (uint8_t)key;
    d->sense[7] = IDE_SENSE - 8;
    d->sense[12] = (uint8_t)asc;
    d->sense[13] = (uint8_t)ascq;
}

static void fail(struct ide_drive *d, unsigned key, unsigned asc, unsigned ascq)
{
    set_sense(d, key, asc, ascq);
    ide_fail(d, (uint8_t)(key << 4 | IDE_ABRT));
}

/* Data to the guest ----------------------------------------------------------------------------- */

static void offer(struct ide_drive *d, uint32_t start)
{
    uint32_t n = MIN(d->fetched - start, d->cd_limit);

    d->count[0] = (d->count[0] & 0xf8) | IDE_IO;
    d->lba[1][0] = (uint8_t)n;
    d->lba[2][0] = (uint8_t)(n >> 8);
    ide_pio(d, true, start, n, d->next);
}

/* buffer[0, n) goes out, then `next`. */
static void send(struct ide_drive *d, uint32_t n, enum ide_next next)
{
    d->fetched = MIN(n, IDE_BUFFER);
    d->next = (uint8_t)next;
    if (d->dma) {
        ide_dma(d, true, d->fetched, next);
    } else {
        offer(d, 0);
    }
}

static void reply(struct ide_drive *d, uint32_t len, uint32_t allocated)
{
    len = MIN(len, allocated);
    if (len == 0) {
        ide_finish(d);
    } else {
        send(d, len, IDE_NEXT_CD_REPLY);
    }
}

static void fetch_blocks(struct ide_drive *d);

/* The blocks before a bad one are good: they are given to the guest, and the bad one is named. */
static void blocks_read(void *opaque, int ret)
{
    struct ide_drive *d = opaque;
    uint32_t n = d->chunk * CD_BLOCK;

    if (ret != 0 && ret != -ENOMEDIUM && !d->careful) {
        d->careful = true;
        fetch_blocks(d);
        return;
    }
    if (ret != 0) {
        d->left = 0;
        if (ret == -ENOMEDIUM) {
            fail(d, KEY_NOT_READY, ASC_NO_MEDIUM, 0);
        } else {
            fail(d, KEY_MEDIUM, ASC_READ_ERROR, 0);
            put_be32(d->sense + 3, (uint32_t)d->at);
        }
        return;
    }
    if (d->cd_raw) {
        cd_make_raw(d->buffer, (uint32_t)d->at, d->chunk);
        n = d->chunk * CD_RAW_BLOCK;
    }
    d->at += d->chunk;
    d->left -= d->chunk;
    d->chunk = 0;
    send(d, n, IDE_NEXT_CD_READ);
}

static void fetch_blocks(struct ide_drive *d)
{
    uint32_t most = IDE_BUFFER / (d->cd_raw ? CD_RAW_BLOCK : CD_BLOCK);

    d->chunk = MIN(d->left, d->careful ? 1 : most);
    ide_block(d, BLOCK_READ, d->at * CD_BLOCK, d->chunk * CD_BLOCK, blocks_read);
}

void atapi_next(struct ide_drive *d)
{
    if (!d->dma && d->io_end < d->fetched) {
        offer(d, d->io_end);
    } else if (d->next == IDE_NEXT_CD_READ && d->left > 0) {
        fetch_blocks(d);
    } else {
        ide_finish(d);
    }
}

static void start_read(struct ide_drive *d, uint32_t at, uint32_t n)
{
    uint32_t blocks = cd_blocks(&d->cd);

    if (at > blocks || n > blocks - at) {
        fail(d, KEY_ILLEGAL, ASC_RANGE, 0);
        return;
    }
    d->at = at;
    d->left = n;
    d->careful = false;
    if (n == 0) {
        ide_finish(d);
    } else {
        fetch_blocks(d);
    }
}

/* Commands -------------------------------------------------------------------------------------- */

static void test_unit_ready(struct ide_drive *d)
{
    ide_finish(d);
}

static void request_sense(struct ide_drive *d)
{
    if (d->sense[2] == 0 && d->attention) {
        set_sense(d, KEY_ATTENTION, d->attention, 0);
        d->attention = 0;
    }
    memcpy(d->buffer, d->sense, IDE_SENSE);
    d->buffer[0] = 0x70;
    set_sense(d, KEY_NONE, 0, 0);
    reply(d, IDE_SENSE, d->packet[4]);
}

static void inquiry(struct ide_drive *d)
{
    if (d->packet[1] & 1) {
        fail(d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    reply(d, cd_inquiry(&d->cd, d->buffer), be16(d->packet + 3));
}

static void read_10(struct ide_drive *d)
{
    d->cd_raw = 0;
    start_read(d, be32(d->packet + 2), be16(d->packet + 7));
}

static void read_12(struct ide_drive *d)
{
    d->cd_raw = 0;
    start_read(d, be32(d->packet + 2), be32(d->packet + 6));
}

/* User data only, or all of a mode 1 sector. */
static void read_cd(struct ide_drive *d)
{
    uint32_t n = (uint32_t)d->packet[6] << 16 | be16(d->packet + 7);

    switch (d->packet[9] & 0xf8) {
    case 0x00:
        ide_finish(d);
        return;
    case 0x10:
        d->cd_raw = 0;
        break;
    case 0xf8:
        d->cd_raw = 1;
        break;
    default:
        fail(d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    start_read(d, be32(d->packet + 2), n);
}

static void read_capacity(struct ide_drive *d)
{
    uint32_t blocks = cd_blocks(&d->cd);

    put_be32(d->buffer, blocks ? blocks - 1 : 0);
    put_be32(d->buffer + 4, CD_BLOCK);
    reply(d, 8, 8);
}

static void seek(struct ide_drive *d)
{
    if (be32(d->packet + 2) >= cd_blocks(&d->cd)) {
        fail(d, KEY_ILLEGAL, ASC_RANGE, 0);
        return;
    }
    ide_finish(d);
}

static void read_toc(struct ide_drive *d)
{
    unsigned format = d->packet[2] & 15 ? d->packet[2] & 15u : d->packet[9] >> 6;
    uint32_t n = cd_toc(&d->cd, d->buffer, d->packet[1] & 2, format, d->packet[6]);

    if (n == 0) {
        fail(d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    reply(d, n, be16(d->packet + 7));
}

static void mode_sense(struct ide_drive *d)
{
    bool ten = d->packet[0] == 0x5a;
    uint32_t n;

    if (d->packet[2] >> 6 == 3) {
        fail(d, KEY_ILLEGAL, ASC_SAVING, 0);
        return;
    }
    n = cd_mode_sense(&d->cd, d->buffer, d->packet[2] & 0x3f, d->packet[2] >> 6, ten);
    if (n == 0) {
        fail(d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    reply(d, n, ten ? be16(d->packet + 7) : d->packet[4]);
}

/* Takes the parameters and changes nothing: no field is changeable. */
static void mode_select(struct ide_drive *d)
{
    uint32_t n = d->packet[0] == 0x55 ? be16(d->packet + 7) : d->packet[4];

    if (n == 0) {
        ide_finish(d);
        return;
    }
    d->count[0] &= 0xf8;
    d->lba[1][0] = (uint8_t)n;
    d->lba[2][0] = (uint8_t)(n >> 8);
    if (d->dma) {
        ide_dma(d, false, n, IDE_NEXT_CD_PARAM);
    } else {
        ide_pio(d, false, 0, n, IDE_NEXT_CD_PARAM);
    }
}

static void get_configuration(struct ide_drive *d)
{
    if ((d->packet[1] & 3) == 3) {
        fail(d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    reply(d, cd_configuration(&d->cd, d->buffer, d->packet[1] & 3, be16(d->packet + 2)),
          be16(d->packet + 7));
}

static void get_event_status(struct ide_drive *d)
{
    if (!(d->packet[1] & 1)) { /* only polled */
        fail(d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    reply(d, cd_event(&d->cd, d->buffer, d->packet[4]), be16(d->packet + 7));
}

static void start_stop(struct ide_drive *d)
{
    bool start = d->packet[4] & 1, load = d->packet[4] & 2, inserted;

    if (d->packet[4] >> 4 || !load) {
        ide_finish(d);
        return;
    }
    if (!cd_move_tray(&d->cd, start, &inserted)) {
        fail(d, KEY_ILLEGAL, ASC_LOCKED, 2);
        return;
    }
    d->attention = inserted ? ASC_CHANGED : d->attention;
    ide_finish(d);
}

static void prevent(struct ide_drive *d)
{
    d->cd.locked = d->packet[4] & 1;
    ide_finish(d);
}

static void mechanism_status(struct ide_drive *d)
{
    reply(d, cd_mechanism(&d->cd, d->buffer), be16(d->packet + 8));
}

static void read_disc_information(struct ide_drive *d)
{
    reply(d, cd_disc_information(&d->cd, d->buffer), be16(d->packet + 7));
}

static void read_track_information(struct ide_drive *d)
{
    reply(d, cd_track_information(&d->cd, d->buffer), be16(d->packet + 7));
}

static void read_subchannel(struct ide_drive *d)
{
    reply(d, cd_subchannel(&d->cd, d->buffer), be16(d->packet + 7));
}

/* clang-format off */
static const struct packet_command packets[] = {
    { 0x00, P_MEDIUM, test_unit_ready,        "TEST UNIT READY" },
    { 0x03, P_ANY,    request_sense,          "REQUEST SENSE" },
    { 0x12, P_ANY,    inquiry,                "INQUIRY" },
    { 0x15, 0,        mode_select,            "MODE SELECT (6)" },
    { 0x1a, 0,        mode_sense,             "MODE SENSE (6)" },
    { 0x1b, 0,        start_stop,             "START STOP UNIT" },
    { 0x1e, 0,        prevent,                "PREVENT ALLOW MEDIUM REMOVAL" },
    { 0x25, P_MEDIUM, read_capacity,          "READ CAPACITY" },
    { 0x28, P_MEDIUM, read_10,                "READ (10)" },
    { 0x2b, P_MEDIUM, seek,                   "SEEK (10)" },
    { 0x35, 0,        test_unit_ready,        "SYNCHRONIZE CACHE" },
    { 0x42, P_MEDIUM, read_subchannel,        "READ SUB-CHANNEL" },
    { 0x43, P_MEDIUM, read_toc,               "READ TOC/PMA/ATIP" },
    { 0x46, P_ANY,    get_configuration,      "GET CONFIGURATION" },
    { 0x4a, P_ANY,    get_event_status,       "GET EVENT STATUS NOTIFICATION" },
    { 0x51, P_MEDIUM, read_disc_information,  "READ DISC INFORMATION" },
    { 0x52, P_MEDIUM, read_track_information, "READ TRACK INFORMATION" },
    { 0x55, 0,        mode_select,            "MODE SELECT (10)" },
    { 0x5a, 0,        mode_sense,             "MODE SENSE (10)" },
    { 0xa8, P_MEDIUM, read_12,                "READ (12)" },
    { 0xbb, 0,        test_unit_ready,        "SET CD SPEED" },
    { 0xbd, 0,        mechanism_status,       "MECHANISM STATUS" },
    { 0xbe, P_MEDIUM, read_cd,                "READ CD" },
};
/* clang-format on */

void atapi_packet(struct ide_drive *d)
{
    const struct packet_command *c = NULL;

    memcpy(d->packet, d->buffer, IDE_PACKET);
    d->left = d->chunk = d->fetched = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
        if (packets[i].code == d->packet[0]) {
            c = &packets[i];
        }
    }
    if (d->attention && !(c && c->flags & P_ANY)) {
        unsigned asc = d->attention;

        d->attention = 0;
        fail(d, KEY_ATTENTION, asc, 0);
        return;
    }
    if (!c) {
        log_line(LOG_UNIMP, "ide-cd: packet command 0x%02x", d->packet[0]);
        fail(d, KEY_ILLEGAL, ASC_OPCODE, 0);
        return;
    }
    if (c->flags & P_MEDIUM && !cd_has_disc(&d->cd)) {
        fail(d, KEY_NOT_READY, ASC_NO_MEDIUM, d->cd.tray_open ? 2 : 1);
        return;
    }
    if (d->packet[0] != 0x03) {
        set_sense(d, KEY_NONE, 0, 0);
    }
    c->run(d);
}

void atapi_packet_command(struct ide_drive *d)
{
    uint32_t limit = d->lba[1][0] | (uint32_t)d->lba[2][0] << 8;

    if (d->feature[0] & 2) { /* overlapped */
        ide_fail(d, IDE_ABRT);
        return;
    }
    d->dma = d->feature[0] & 1;
    /* 0 and 0xffff mean the most; an odd limit can end only the last block (7.21.5.3). */
    limit = limit == 0 || limit > 0xfffe ? 0xfffe : limit;
    d->cd_limit = MAX(limit & ~1u, 2u);
    d->count[0] = IDE_CD;
    ide_pio(d, false, 0, IDE_PACKET, IDE_NEXT_PACKET);
}

void atapi_reset(struct ide_drive *d)
{
    set_sense(d, KEY_NONE, 0, 0);
    d->attention = ASC_RESET;
}

void atapi_media_changed(struct ide_drive *d, bool present)
{
    cd_media_changed(&d->cd, present);
    d->attention = present ? ASC_CHANGED : d->attention;
}
