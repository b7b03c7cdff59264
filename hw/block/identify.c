/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/identify.c: IDENTIFY DEVICE and IDENTIFY PACKET DEVICE.
 * Source: ATA/ATAPI-7 volume 1, tables 25 and 27; queue depth and SATA words: SATA 2.6, 13.2.1.
 * Thread: under the machine lock.
 */
#include "hw/block/ide.h"

#include <string.h>

static void put(struct ide_drive *d, unsigned word, unsigned v)
{
    d->buffer[word * 2] = (uint8_t)v;
    d->buffer[word * 2 + 1] = (uint8_t)(v >> 8);
}

static void put32(struct ide_drive *d, unsigned word, uint32_t v)
{
    put(d, word, v & 0xffff);
    put(d, word + 1, v >> 16);
}

/* Padded with blanks; `at` in the order of the bytes. */
void ide_put_string(uint8_t *at, const char *text, unsigned len)
{
    size_t n = MIN(strlen(text), len);

    memset(at, ' ', len);
    memcpy(at, text, n);
}

/* In IDENTIFY the first character of a pair is the high byte of the word. */
static void put_text(struct ide_drive *d, unsigned word, const char *text, unsigned len)
{
    uint8_t *at = d->buffer + word * 2;

    ide_put_string(at, text, len);
    for (unsigned i = 0; i + 1 < len; i += 2) {
        uint8_t swap = at[i];

        at[i] = at[i + 1];
        at[i + 1] = swap;
    }
}

static void put_names(struct ide_drive *d)
{
    put_text(d, 10, d->serial, 20);
    put_text(d, 23, d->version, 8);
    put_text(d, 27, d->model, 40);
}

static unsigned mode_bits(const struct ide_drive *d, unsigned kind, unsigned supported)
{
    return supported | (d->mode_dma >> 3 == kind ? 0x100u << (d->mode_dma & 7) : 0);
}

static void put_modes(struct ide_drive *d)
{
    put(d, 53, 7); /* words 54-58, 64-70 and 88 are valid */
    put(d, 63, mode_bits(d, 4, 0x07));
    put(d, 64, 3); /* PIO 3 and 4 */
    for (unsigned i = 65; i <= 68; i++) {
        put(d, i, 120); /* ns */
    }
    put(d, 80, 0xf0); /* ATA-4 to ATA-7 */
    put(d, 81, 0x16);
    put(d, 88, mode_bits(d, 8, 0x3f));
    put(d, 93,
        d->ch && d->ch->max_units == 1 ? 0 : 0x6001 | (d->ch && d->ch->drives[1] == d ? 0x600 : 0));
}

static void put_sata(struct ide_drive *d, bool ncq)
{
    if (!d->ch || d->ch->max_units != 1) {
        return;
    }
    put(d, 75, ncq ? 31 : 0);
    put(d, 76, 0x0006 | (ncq ? 0x0100 : 0)); /* 1.5 and 3 Gb/s, NCQ */
    put(d, 78, 0);
}

void ata_identify(struct ide_drive *d)
{
    uint64_t chs = (uint64_t)d->cylinders * d->def_heads * d->def_spt;
    unsigned cylinders = (unsigned)MIN(d->sectors / (d->cur_heads * d->cur_spt), 65535);
    uint8_t sum = 0;

    memset(d->buffer, 0, BLOCK_SECTOR);
    put(d, 0, 0x0040); /* fixed disk */
    put(d, 1, d->cylinders);
    put(d, 3, d->def_heads);
    put(d, 6, d->def_spt);
    put_names(d);
    put(d, 47, 0x8000 | IDE_MAX_MULTI);
    put(d, 48, 1);      /* 32-bit PIO */
    put(d, 49, 0x0f00); /* IORDY, LBA, DMA */
    put(d, 50, 0x4000);
    put(d, 51, 0x0200);
    put(d, 54, cylinders);
    put(d, 55, d->cur_heads);
    put(d, 56, d->cur_spt);
    put32(d, 57, (uint32_t)MIN(chs, (uint64_t)cylinders * d->cur_heads * d->cur_spt));
    put(d, 59, d->multi ? 0x100u | d->multi : 0);
    put32(d, 60, (uint32_t)MIN(d->sectors, 0x0fffffff));
    put_modes(d);
    put_sata(d, true);
    put(d, 82, 0x4061); /* NOP, look-ahead, write cache, SMART */
    put(d, 83, 0x7400); /* flush, flush ext, 48-bit */
    put(d, 84, 0x4060u | (d->wwn ? 0x100u : 0));
    put(d, 85,
        0x4000u | (d->look_ahead ? 0x40u : 0) | (d->write_cache ? 0x20u : 0) | (d->smart ? 1u : 0));
    put(d, 86, 0x3400);
    put(d, 87, 0x4060u | (d->wwn ? 0x100u : 0));
    put32(d, 100, (uint32_t)d->sectors);
    put32(d, 102, (uint32_t)(d->sectors >> 32));
    for (unsigned i = 0; i < 4; i++) {
        put(d, 108 + i, (unsigned)(d->wwn >> (48 - 16 * i)) & 0xffff);
    }
    put(d, 217, 1); /* does not rotate */
    d->buffer[510] = 0xa5;
    for (unsigned i = 0; i < 511; i++) {
        sum += d->buffer[i];
    }
    d->buffer[511] = (uint8_t)-sum;
}

void atapi_identify(struct ide_drive *d)
{
    memset(d->buffer, 0, BLOCK_SECTOR);
    put(d, 0, 0x85c0); /* CD, removable, DRQ within 50 us, 12-byte packets */
    put_names(d);
    put(d, 48, 1);
    put(d, 49, 0x0f00);
    put_modes(d);
    put(d, 71, 30);
    put(d, 72, 30);
    put_sata(d, false);
    put(d, 82, 0x4210); /* NOP, DEVICE RESET, PACKET */
    put(d, 83, 0x4000);
    put(d, 84, 0x4000);
    put(d, 85, 0x4210);
    put(d, 87, 0x4000);
}
