/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/cd_info.c: what a CD drive says about itself and its disc.
 * Source: MMC-6: 5 (features), 6.6 to 6.26 (commands), 7 (mode pages).  Thread: under the machine lock.
 */
#include "hw/block/cd.h"

#include <string.h>

#define CD_MAX_BLOCKS (80 * 60 * 75) /* more than that is a DVD */

static void put_be16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v & 0xffff);
}

bool cd_has_disc(const struct cd_drive *d)
{
    return block_has_medium(d->blk) && !d->tray_open;
}

uint32_t cd_blocks(const struct cd_drive *d)
{
    uint64_t n = cd_has_disc(d) ? block_size(d->blk) / CD_BLOCK : 0;

    return (uint32_t)MIN(n, UINT32_MAX);
}

void cd_media_changed(struct cd_drive *d, bool present)
{
    d->tray_open = !present;
    d->changed = true;
    d->eject_wanted = false;
    d->new_event = d->new_event || present;
}

void cd_host_moves_tray(struct cd_drive *d, bool open)
{
    d->tray_open = open;
    d->changed = true;
    d->new_event = !open && block_has_medium(d->blk);
}

bool cd_move_tray(struct cd_drive *d, bool close, bool *inserted)
{
    *inserted = d->tray_open && close && block_has_medium(d->blk);
    if (!close && !d->tray_open && d->locked) {
        return false;
    }
    d->new_event = d->new_event || *inserted;
    if (d->tray_open == close) {
        d->tray_open = !close;
        block_backend_tray_moved(d->blk, d->tray_open);
    }
    return true;
}

/* MMC-6, 4.2.3; the last one first. */
void cd_make_raw(uint8_t *buffer, uint32_t at, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;) {
        uint8_t *to = buffer + i * CD_RAW_BLOCK;
        uint32_t frame = at + i + 150;

        memmove(to + 16, buffer + i * CD_BLOCK, CD_BLOCK);
        memset(to, 0xff, 12);
        to[0] = to[11] = 0;
        to[12] = (uint8_t)(((frame / 75 / 60) / 10 % 10) << 4 | (frame / 75 / 60) % 10);
        to[13] = (uint8_t)(((frame / 75 % 60) / 10) << 4 | (frame / 75 % 60) % 10);
        to[14] = (uint8_t)(((frame % 75) / 10) << 4 | (frame % 75) % 10);
        to[15] = 1;
        memset(to + 16 + CD_BLOCK, 0, CD_RAW_BLOCK - CD_BLOCK - 16);
    }
}

static void put_string(uint8_t *at, const char *text, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        at[i] = (uint8_t)(*text ? *text++ : ' ');
    }
}

uint32_t cd_inquiry(const struct cd_drive *d, uint8_t *b)
{
    memset(b, 0, 36);
    b[0] = 0x05;
    b[1] = 0x80;
    b[2] = d->atapi ? 0 : 5;
    b[3] = d->atapi ? 0x21 : 0x02; /* ATAPI, response format 1; SPC-3, format 2 */
    b[4] = 31;
    put_string(b + 8, "RHEA", 8);
    put_string(b + 16, d->model, 16);
    put_string(b + 32, d->version, 4);
    return 36;
}

/* Mode pages ------------------------------------------------------------------------------------ */

static const uint8_t page_recovery[] = { 0x01, 0x06, 0x00, 0x05, 0, 0, 0, 0 };
static const uint8_t page_audio[] = {
    0x0e, 0x0e, 0x04, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff, 0, 0, 0, 0
};
/* Reads CD-R, CD-RW and DVD; mode 2; locks, ejects, tray; 706 kB/s, two volume levels, 512 KB. */
static const uint8_t page_capabilities[] = { 0x2a, 0x12, 0x0b, 0x00, 0x70, 0x60, 0x29,
                                             0x00, 0x02, 0xc2, 0x00, 0x02, 0x02, 0x00,
                                             0x02, 0xc2, 0x00, 0x00, 0x00, 0x00 };

static const struct mode_page {
    uint8_t code;
    const uint8_t *data;
    uint8_t size;
} pages[] = {
    { 0x01, page_recovery, sizeof(page_recovery) },
    { 0x0e, page_audio, sizeof(page_audio) },
    { 0x2a, page_capabilities, sizeof(page_capabilities) },
};

uint32_t cd_mode_sense(const struct cd_drive *d, uint8_t *b, unsigned page, unsigned control,
                       bool ten)
{
    uint32_t header = ten ? 8 : 4, n = header;

    memset(b, 0, 128);
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        if (page != 0x3f && page != pages[i].code) {
            continue;
        }
        /* control 1: what can change: nothing but the page's head. */
        memcpy(b + n, pages[i].data, control == 1 ? 2 : pages[i].size);
        if (pages[i].code == 0x2a && control != 1 && d->locked) {
            b[n + 6] |= 2;
        }
        n += pages[i].size;
    }
    if (n == header) {
        return 0;
    }
    if (ten) {
        put_be16(b, n - 2);
        b[2] = cd_has_disc(d) ? 0x01 : d->tray_open ? 0x71 : 0x70;
    } else {
        b[0] = (uint8_t)(n - 1);
        b[1] = cd_has_disc(d) ? 0x01 : 0x70;
    }
    return n;
}

/* Table of contents: one data track ------------------------------------------------------------- */

static void put_address(uint8_t *p, uint32_t block, bool msf)
{
    if (!msf) {
        put_be32(p, block);
        return;
    }
    block += 150;
    p[0] = 0;
    p[1] = (uint8_t)(block / 75 / 60);
    p[2] = (uint8_t)(block / 75 % 60);
    p[3] = (uint8_t)(block % 75);
}

static uint8_t *put_track(uint8_t *p, unsigned track, uint32_t block, bool msf)
{
    p[0] = 0;
    p[1] = 0x14; /* data, uninterrupted */
    p[2] = (uint8_t)track;
    p[3] = 0;
    put_address(p + 4, block, msf);
    return p + 8;
}

static uint8_t *put_raw(uint8_t *p, unsigned point, unsigned m, unsigned s, unsigned f)
{
    memset(p, 0, 11);
    p[0] = 1;
    p[1] = 0x14;
    p[3] = (uint8_t)point;
    p[8] = (uint8_t)m;
    p[9] = (uint8_t)s;
    p[10] = (uint8_t)f;
    return p + 11;
}

uint32_t cd_toc(const struct cd_drive *d, uint8_t *b, bool msf, unsigned format, unsigned start)
{
    uint8_t *p = b + 4;
    uint32_t end = cd_blocks(d);

    memset(b, 0, 64);
    b[2] = b[3] = 1; /* first and last track, or session */
    switch (format) {
    case 0:
        if (start > 1 && start != 0xaa) {
            return 0;
        }
        if (start <= 1) {
            p = put_track(p, 1, 0, msf);
        }
        p = put_track(p, 0xaa, end, msf);
        break;
    case 1:
        p = put_track(p, 1, 0, msf);
        break;
    case 2: {
        uint32_t out = end + 150;

        p = put_raw(p, 0xa0, 1, 0, 0);
        p = put_raw(p, 0xa1, 1, 0, 0);
        p = put_raw(p, 0xa2, out / 75 / 60, out / 75 % 60, out % 75);
        p = put_raw(p, 1, 0, 2, 0);
        break;
    }
    default:
        return 0;
    }
    put_be16(b, (unsigned)(p - b) - 2);
    return (uint32_t)(p - b);
}

/* Features and events --------------------------------------------------------------------------- */

static uint8_t *put_feature(uint8_t *p, unsigned code, unsigned version, unsigned size)
{
    put_be16(p, code);
    p[2] = (uint8_t)(version << 2 | 3); /* persistent and current */
    p[3] = (uint8_t)size;
    return p + 4;
}

static uint8_t *put_profile(uint8_t *p, unsigned profile, bool current)
{
    put_be16(p, profile);
    p[2] = current;
    p[3] = 0;
    return p + 4;
}

static bool wanted(unsigned rt, unsigned start, unsigned code)
{
    return rt == 2 ? code == start : code >= start;
}

uint32_t cd_configuration(const struct cd_drive *d, uint8_t *b, unsigned rt, unsigned start)
{
    uint8_t *p = b + 8;
    bool dvd = cd_blocks(d) > CD_MAX_BLOCKS;
    unsigned profile = !cd_has_disc(d) ? 0 : dvd ? 0x10 : 0x08;

    memset(b, 0, 128);
    put_be16(b + 6, profile);
    if (wanted(rt, start, 0)) {
        p = put_feature(p, 0, 0, 8);
        p = put_profile(p, 0x10, profile == 0x10);
        p = put_profile(p, 0x08, profile == 0x08);
    }
    if (wanted(rt, start, 1)) {
        p = put_feature(p, 1, 2, 8); /* core */
        put_be32(p, d->atapi ? 2 : 1);
        p[4] = 1;
        p += 8;
    }
    if (wanted(rt, start, 3)) {
        p = put_feature(p, 3, 0, 4); /* removable medium: tray, eject, lock */
        p[0] = 0x29;
        p += 4;
    }
    if (wanted(rt, start, 0x10)) {
        p = put_feature(p, 0x10, 0, 8); /* random readable */
        put_be32(p, CD_BLOCK);
        put_be16(p + 4, 1);
        p += 8;
    }
    if (wanted(rt, start, 0x1e)) {
        p = put_feature(p, 0x1e, 2, 4); /* CD read */
        p += 4;
    }
    put_be32(b, (uint32_t)(p - b) - 4);
    return (uint32_t)(p - b);
}

uint32_t cd_event(struct cd_drive *d, uint8_t *b, unsigned classes)
{
    memset(b, 0, 8);
    b[3] = 1 << 4; /* served: media */
    if (!(classes & 1 << 4)) {
        put_be16(b, 2);
        b[2] = 0x80; /* no event of the classes asked for */
        return 4;
    }
    put_be16(b, 6);
    b[2] = 4;
    if (d->eject_wanted) {
        b[4] = 1;
        d->eject_wanted = false;
    } else if (d->new_event && cd_has_disc(d)) {
        b[4] = 2;
        d->new_event = d->changed = false;
    } else if (d->changed && !cd_has_disc(d)) {
        b[4] = 3; /* removed */
        d->changed = false;
    }
    b[5] = (uint8_t)((d->tray_open ? 1 : 0) | (cd_has_disc(d) ? 2 : 0));
    return 8;
}

uint32_t cd_mechanism(const struct cd_drive *d, uint8_t *b)
{
    memset(b, 0, 8);
    b[1] = d->tray_open ? 0x10 : 0;
    b[5] = 1; /* slots: none but the drive's own */
    return 8;
}

uint32_t cd_disc_information(const struct cd_drive *d, uint8_t *b)
{
    (void)d;
    memset(b, 0, 34);
    b[1] = 32;
    b[2] = 0x0e; /* the last session is complete, the disc is finalized */
    b[3] = b[4] = b[5] = b[6] = 1;
    b[7] = 0x20; /* unrestricted use */
    memset(b + 16, 0xff, 8);
    return 34;
}

uint32_t cd_track_information(const struct cd_drive *d, uint8_t *b)
{
    memset(b, 0, 36);
    b[1] = 34;
    b[2] = b[3] = 1;
    b[5] = 4; /* data track */
    b[6] = 1;
    put_be32(b + 24, cd_blocks(d));
    return 36;
}

uint32_t cd_subchannel(const struct cd_drive *d, uint8_t *b)
{
    (void)d;
    memset(b, 0, 4);
    b[1] = 0x15; /* no audio status */
    return 4;
}
