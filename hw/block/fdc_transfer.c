/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/fdc_transfer.c: the floppy controller's commands that move data.
 *
 * Reads fetch the rest of a track at once, writes go sector by sector; data pass through DMA channel 2
 * or, in non-DMA mode, through the FIFO port.
 * Source: Intel 82078 datasheet (290475), 5.1 "Data Transfer Commands".
 * Invariant: pos <= end <= FDC_BUFFER; a sector address is checked against the medium before use.
 * Thread:    under the machine lock.
 */
#include "hw/block/fdc.h"

#include <errno.h>
#include <string.h>

enum { ST0_ABNORMAL = 0x40 };
enum { ST1_MA = 0x01, ST1_NW = 0x02, ST1_ND = 0x04, ST1_DE = 0x20, ST1_EN = 0x80 };
enum { ST2_MD = 0x01, ST2_WC = 0x10, ST2_DD = 0x20 };
#define SECTOR 512u

static struct fdc_drive *drive_of(struct fdc *s)
{
    return &s->drives[s->unit & 1];
}

static void done(struct fdc *s, unsigned st0)
{
    if (s->dma) {
        s->dma->request(s->dma->opaque, 2, false);
    }
    s->job = FDC_NONE;
    fdc_result(s, st0);
}

static void fail(struct fdc *s, unsigned st1, unsigned st2)
{
    s->st1 |= (uint8_t)st1;
    s->st2 |= (uint8_t)st2;
    done(s, ST0_ABNORMAL);
}

/* Where the current sector is on the image; checked by start. */
static uint64_t offset_of(struct fdc *s)
{
    const struct fdc_drive *d = drive_of(s);

    return (((uint64_t)s->cyl * d->heads + s->head) * d->sectors + s->sector - 1) * SECTOR;
}

static bool sector_exists(struct fdc *s)
{
    const struct fdc_drive *d = drive_of(s);

    return s->cyl < d->tracks && s->head < d->heads && s->sector >= 1 && s->sector <= d->sectors;
}

/* Behind the current sector: the next one; false: the command is over. */
static bool advance(struct fdc *s)
{
    if (s->sector < s->eot) {
        s->sector++;
        return true;
    }
    s->sector = 1;
    if (s->multi && s->head == 0 && drive_of(s)->heads > 1) {
        s->head = 1;
        return true;
    }
    s->cyl++;
    s->head = s->multi ? 0 : s->head;
    return false;
}

static void next_piece(struct fdc *s);

static void submit(struct fdc *s, enum block_op op, uint32_t len,
                   void (*finished)(void *opaque, int result))
{
    s->msr_phase = FDC_RUNNING;
    s->iov = (struct iovec){ s->buffer, len };
    s->req.blk = drive_of(s)->blk;
    s->req.op = op;
    s->req.offset = offset_of(s);
    s->req.bytes = len;
    s->req.iov = &s->iov;
    s->req.n_iov = 1;
    s->req.done = finished;
    s->req.opaque = s;
    block_submit(&s->req);
}

/* Moving [pos, end) ----------------------------------------------------------------------------- */

static void move(struct fdc *s)
{
    bool in = s->job == FDC_READ;

    if (s->no_dma || !s->dma) {
        s->msr_phase = in ? FDC_DATA_IN : FDC_DATA_OUT;
        fdc_raise(s);
        return;
    }
    s->msr_phase = in ? FDC_DATA_IN : FDC_DATA_OUT;
    s->dma->request(s->dma->opaque, 2, true);
    fdc_dma_ready(s);
}

/* A sector, or the rest of a track, has moved. */
static void moved(struct fdc *s);

void fdc_dma_ready(void *opaque)
{
    struct fdc *s = opaque;

    while ((s->msr_phase == FDC_DATA_IN || s->msr_phase == FDC_DATA_OUT) && !s->no_dma &&
           s->pos < s->end) {
        uint32_t n = MIN(s->end - s->pos, SECTOR - s->pos % SECTOR);
        bool end;
        uint32_t got = s->dma->transfer(s->dma->opaque, 2, s->buffer + s->pos, n,
                                        s->msr_phase == FDC_DATA_IN, &end);

        if (got == 0) {
            return; /* masked: called again */
        }
        s->pos += got;
        s->terminal |= end;
        if (s->terminal || s->pos == s->end) {
            moved(s);
            return;
        }
    }
}

void fdc_transfer_moved(struct fdc *s)
{
    moved(s);
}

static void sector_written(void *opaque, int ret)
{
    struct fdc *s = opaque;

    if (ret == -EROFS) {
        fail(s, ST1_NW, 0);
    } else if (ret != 0) {
        fail(s, ST1_DE, 0);
    } else if (s->job == FDC_FORMAT) {
        done(s, 0);
    } else if (!advance(s)) {
        s->st1 |= s->terminal ? 0 : ST1_EN;
        done(s, s->terminal ? 0 : ST0_ABNORMAL);
    } else if (s->terminal) {
        done(s, 0);
    } else {
        next_piece(s);
    }
}

static void moved(struct fdc *s)
{
    uint32_t sectors = (s->pos + SECTOR - 1) / SECTOR;

    if (s->job == FDC_WRITE) {
        memset(s->buffer + s->pos, 0, SECTOR - s->pos);
        submit(s, BLOCK_WRITE, SECTOR, sector_written);
        return;
    }
    if (s->job == FDC_FORMAT) {
        uint32_t len = drive_of(s)->sectors * SECTOR;

        memset(s->buffer, s->fifo[5], len);
        s->sector = 1;
        submit(s, BLOCK_WRITE, len, sector_written);
        return;
    }
    while (sectors-- > 0) {
        if (!advance(s)) {
            s->st1 |= s->terminal ? 0 : ST1_EN;
            done(s, s->terminal ? 0 : ST0_ABNORMAL);
            return;
        }
    }
    if (s->terminal) {
        done(s, 0);
    } else {
        next_piece(s);
    }
}

/* The sectors before a bad one are good: they are given to the guest, and the bad one is named. */
static void track_read(void *opaque, int ret)
{
    struct fdc *s = opaque;

    if (ret != 0 && ret != -ENOMEDIUM && !s->careful) {
        s->careful = true;
        next_piece(s);
        return;
    }
    if (ret != 0) {
        fail(s, ret == -ENOMEDIUM ? ST1_MA : ST1_DE, ret == -ENOMEDIUM ? 0 : ST2_DD);
        return;
    }
    s->pos = 0;
    s->end = (uint32_t)s->iov.iov_len;
    move(s);
}

static void next_piece(struct fdc *s)
{
    const struct fdc_drive *d = drive_of(s);

    if (!sector_exists(s)) {
        fail(s, ST1_ND, 0);
        return;
    }
    s->pos = 0;
    if (s->job == FDC_READ) {
        unsigned last = s->careful ? s->sector : MIN(s->eot, d->sectors);

        submit(s, BLOCK_READ, (last >= s->sector ? last - s->sector + 1u : 1u) * SECTOR,
               track_read);
    } else {
        s->end = SECTOR;
        move(s);
    }
}

/* Starting -------------------------------------------------------------------------------------- */

/* fifo: command, HDS|US, C, H, R, N, EOT, GPL, DTL.  False: the result says why. */
static bool start(struct fdc *s, enum fdc_job job)
{
    struct fdc_drive *d = drive_of(s);

    s->unit = s->fifo[1] & 1;
    d = drive_of(s);
    s->job = (uint8_t)job;
    s->st1 = s->st2 = 0;
    s->terminal = s->careful = false;
    s->pos = s->end = 0;
    s->multi = s->fifo[0] & 0x80;
    s->cyl = s->fifo[2];
    s->head = s->fifo[3];
    s->sector = s->fifo[4];
    s->eot = s->fifo[6];
    if (s->fifo[1] & 2 || !d->blk || !block_has_medium(d->blk) || !d->sectors ||
        (s->dsr & 3) != (d->rate & 3)) {
        fail(s, ST1_MA, 0);
        return false;
    }
    if (s->config & 0x40) { /* implied seek */
        d->track = MIN(s->cyl, 79);
        d->changed = false;
    }
    if (s->cyl != d->track) {
        fail(s, ST1_ND, ST2_WC);
        return false;
    }
    if (s->fifo[5] != 2 || !sector_exists(s) || s->head != (s->fifo[1] >> 2 & 1)) {
        fail(s, ST1_ND, 0);
        return false;
    }
    return true;
}

void fdc_read_data(struct fdc *s)
{
    bool track = (s->fifo[0] & 0x1f) == 0x02;

    if (track) {
        s->fifo[4] = 1; /* READ TRACK begins at the index hole */
    }
    if (start(s, FDC_READ)) {
        if ((s->fifo[0] & 0x1f) == 0x0c && s->fifo[0] & 0x20) {
            fail(s, ST1_ND, ST2_MD); /* no sector is marked deleted */
            return;
        }
        next_piece(s);
    }
}

void fdc_write_data(struct fdc *s)
{
    if (!start(s, FDC_WRITE)) {
        return;
    }
    if (block_read_only(drive_of(s)->blk)) {
        fail(s, ST1_NW, 0);
        return;
    }
    next_piece(s);
}

/* All sectors are good: what is counted is EOT, or with EC the sector count in DTL. */
void fdc_verify(struct fdc *s)
{
    if (start(s, FDC_VERIFY)) {
        unsigned n = s->fifo[1] & 0x80 ? s->fifo[8] : 255;

        while (n-- > 0 && advance(s)) {
            if (!sector_exists(s)) {
                fail(s, ST1_ND, 0);
                return;
            }
        }
        done(s, 0);
    }
}

/* fifo: command, HDS|US, N, SC, GPL, D; four bytes for each sector follow. */
void fdc_format_track(struct fdc *s)
{
    unsigned sectors = s->fifo[3], n = s->fifo[2], fill = s->fifo[5];
    struct fdc_drive *d = &s->drives[s->fifo[1] & 1];

    s->fifo[2] = d->track;
    s->fifo[3] = s->fifo[1] >> 2 & 1;
    s->fifo[4] = 1;
    s->fifo[5] = (uint8_t)n;
    s->fifo[6] = (uint8_t)sectors;
    if (!start(s, FDC_FORMAT)) {
        return;
    }
    s->fifo[5] = (uint8_t)fill;
    if (block_read_only(d->blk)) {
        fail(s, ST1_NW, 0);
        return;
    }
    if (sectors != d->sectors) {
        fail(s, ST1_ND, 0);
        return;
    }
    s->end = sectors * 4;
    move(s);
}
