/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/fdc.c: the 82078 floppy disk controller: registers, commands that do not move data,
 * drives and media.
 *
 * Source: Intel 82078 datasheet (290475), 2 (registers), 5 (commands).
 * Invariants: fifo_pos <= fifo_len <= FDC_FIFO; in FDC_COMMAND fifo[0..fifo_pos) are the bytes of
 *             the command so far.
 * Thread:     under the machine lock.
 */
#include "hw/block/fdc.h"

#include <string.h>
#include "hw/nvram/boot_order.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

enum { DOR_RESET = 0x04, DOR_DMA = 0x08 };
enum { MSR_RQM = 0x80, MSR_DIO = 0x40, MSR_NDMA = 0x20, MSR_BUSY = 0x10 };
enum { ST0_SEEK = 0x20, ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_READY = 0xc0 };

/* One row for each kind of medium, by its size; type: of the drive it makes when it is in first. */
static const struct medium {
    unsigned total;
    uint8_t sectors, tracks, heads, rate, type;
} media[] = {
    /* clang-format off */
    { 2880, 18, 80, 2, 0, 4 }, { 5760, 36, 80, 2, 3, 5 }, { 2400, 15, 80, 2, 0, 2 },
    { 1440,  9, 80, 2, 2, 4 }, {  720,  9, 40, 2, 1, 2 }, {  640,  8, 40, 2, 1, 2 },
    {  360,  9, 40, 1, 1, 2 }, {  320,  8, 40, 1, 1, 2 }, { 3360, 21, 80, 2, 0, 4 },
    { 3444, 21, 82, 2, 0, 4 }, { 6240, 39, 80, 2, 3, 5 },
    /* clang-format on */
};
#define LONGEST_TRACK (FDC_BUFFER / 512)

/* Interrupt and results ------------------------------------------------------------------------- */

static void set_irq(struct fdc *s, bool level)
{
    s->irq_level = level;
    irq_set(s->irq, level && s->dor & DOR_DMA);
}

void fdc_raise(struct fdc *s)
{
    set_irq(s, true);
}

static void give(struct fdc *s, const uint8_t *bytes, unsigned n)
{
    memmove(s->fifo, bytes, n);
    s->fifo_pos = 0;
    s->fifo_len = (uint8_t)n;
    s->msr_phase = n ? FDC_RESULT : FDC_COMMAND;
}

void fdc_result(struct fdc *s, unsigned st0)
{
    const uint8_t bytes[] = {
        (uint8_t)(st0 | s->unit | (s->head & 1) << 2), s->st1, s->st2, s->cyl, s->head, s->sector, 2
    };

    give(s, bytes, sizeof(bytes));
    fdc_raise(s);
}

/* Media ----------------------------------------------------------------------------------------- */

static void find_geometry(struct fdc_drive *d)
{
    uint64_t total = block_size(d->blk) / BLOCK_SECTOR;

    d->sectors = 0;
    for (unsigned i = 0; total > 0 && i < G_N_ELEMENTS(media); i++) {
        const struct medium *m = &media[i];

        /* An image of another length is the smallest medium that holds it, 1.44M or more. */
        if (m->total == total || (!d->sectors && i < 2 && total < m->total)) {
            d->sectors = (uint8_t)MIN(m->sectors, LONGEST_TRACK);
            d->tracks = m->tracks;
            d->heads = m->heads;
            d->rate = m->rate;
            d->type = d->type ? d->type : m->type;
        }
    }
    d->type = d->type ? d->type : 4;
}

static void media_changed(void *opaque, bool present)
{
    struct fdc_drive *d = opaque;

    (void)present;
    d->changed = true;
    find_geometry(d);
}

static const struct block_front front = { .media_changed = media_changed };

unsigned fdc_cmos_type(const struct fdc *s, unsigned unit)
{
    return unit < FDC_DRIVES && s->drives[unit].blk ? s->drives[unit].type : 0;
}

/* Commands without data ------------------------------------------------------------------------- */

static void invalid(struct fdc *s)
{
    const uint8_t st0 = ST0_INVALID;

    log_line(LOG_GUEST_ERRORS, "fdc: unknown command 0x%02x", s->fifo[0]);
    give(s, &st0, 1);
}

static void specify(struct fdc *s)
{
    s->timer0 = s->fifo[1];
    s->timer1 = s->fifo[2] >> 1;
    s->no_dma = s->fifo[2] & 1;
    give(s, s->fifo, 0);
}

static void sense_drive(struct fdc *s)
{
    const struct fdc_drive *d = &s->drives[s->fifo[1] & 1];
    bool there = !(s->fifo[1] & 2) && d->blk;
    uint8_t st3 = (uint8_t)(0x28 | (s->fifo[1] & 7)); /* ready, two sides */

    if (there) {
        st3 |= (uint8_t)((d->track == 0 ? 0x10 : 0) | (block_read_only(d->blk) ? 0x40 : 0));
    }
    give(s, &st3, 1);
}

static void seek_to(struct fdc *s, unsigned unit, unsigned track)
{
    struct fdc_drive *d = &s->drives[unit & 1];
    bool there = unit < FDC_DRIVES && d->blk;

    if (there) {
        d->track = (uint8_t)MIN(track, 82);
        if (block_has_medium(d->blk)) {
            d->changed = false; /* a step pulse with a disk in: 2.1.8 */
        }
    }
    s->sense_st0 = (uint8_t)(ST0_SEEK | (there ? 0 : ST0_ABNORMAL | 0x10) | unit);
    s->seek_done = true;
    give(s, s->fifo, 0);
    fdc_raise(s);
}

static void recalibrate(struct fdc *s)
{
    seek_to(s, s->fifo[1] & 3, 0);
}

static void seek(struct fdc *s)
{
    seek_to(s, s->fifo[1] & 3, s->fifo[2]);
}

static void relative_seek(struct fdc *s)
{
    unsigned track = s->drives[s->fifo[1] & 1].track, by = s->fifo[2];

    track = s->fifo[0] & 0x40 ? track + by : track > by ? track - by : 0;
    seek_to(s, s->fifo[1] & 3, track);
}

static void sense_interrupt(struct fdc *s)
{
    uint8_t bytes[2] = { ST0_INVALID, 0 };

    if (s->reset_sense > 0) {
        bytes[0] = (uint8_t)(ST0_READY | (4 - s->reset_sense));
        bytes[1] = 4u - s->reset_sense < FDC_DRIVES ? s->drives[4 - s->reset_sense].track : 0;
        s->reset_sense--;
    } else if (s->seek_done) {
        bytes[0] = s->sense_st0;
        bytes[1] = s->drives[s->sense_st0 & 1].track;
        s->seek_done = false;
    } else {
        give(s, bytes, 1);
        return;
    }
    set_irq(s, false);
    give(s, bytes, 2);
}

static void read_id(struct fdc *s)
{
    struct fdc_drive *d = &s->drives[s->fifo[1] & 1];
    bool ok = !(s->fifo[1] & 2) && d->blk && block_has_medium(d->blk) && d->sectors &&
              (s->dsr & 3) == (d->rate & 3) && d->track < d->tracks;

    s->unit = s->fifo[1] & 1;
    s->cyl = d->track;
    s->head = s->fifo[1] >> 2 & 1;
    s->sector = 1;
    s->st1 = ok ? 0 : 1; /* missing address mark */
    s->st2 = 0;
    fdc_result(s, ok ? 0 : ST0_ABNORMAL);
}

static void version(struct fdc *s)
{
    const uint8_t v = 0x90;

    give(s, &v, 1);
}

static void part_id(struct fdc *s)
{
    const uint8_t v = 0x41;

    give(s, &v, 1);
}

static void lock(struct fdc *s)
{
    uint8_t v;

    s->lock = s->fifo[0] & 0x80;
    v = (uint8_t)(s->lock << 4);
    give(s, &v, 1);
}

static void configure(struct fdc *s)
{
    s->config = s->fifo[2];
    s->precomp = s->fifo[3];
    give(s, s->fifo, 0);
}

static void perpendicular(struct fdc *s)
{
    s->perpendicular = s->fifo[1] & 0x7f;
    give(s, s->fifo, 0);
}

static void dump_registers(struct fdc *s)
{
    const uint8_t bytes[10] = { s->drives[0].track,
                                s->drives[1].track,
                                0,
                                0,
                                s->timer0,
                                (uint8_t)(s->timer1 << 1 | s->no_dma),
                                s->eot,
                                (uint8_t)(s->lock << 7 | (s->perpendicular & 0x7f)),
                                s->config,
                                s->precomp };

    give(s, bytes, sizeof(bytes));
}

static void save(struct fdc *s)
{
    const uint8_t bytes[15] = { 0,
                                0,
                                s->drives[0].track,
                                s->drives[1].track,
                                0,
                                0,
                                s->timer0,
                                (uint8_t)(s->timer1 << 1 | s->no_dma),
                                s->eot,
                                (uint8_t)(s->lock << 7),
                                s->config,
                                s->precomp,
                                0,
                                0,
                                0 };

    give(s, bytes, sizeof(bytes));
}

/* POWERDOWN MODE and OPTION tell back what they got. */
static void echo(struct fdc *s)
{
    const uint8_t v = s->fifo[1];

    give(s, &v, 1);
}

static void ignored(struct fdc *s)
{
    give(s, s->fifo, 0);
}

/* clang-format off */
static const struct fdc_command {
    uint8_t code, mask, length;
    void (*run)(struct fdc *s);
    const char *name;
} commands[] = {
    { 0x06, 0x1f, 9,  fdc_read_data,    "READ DATA" },
    { 0x0c, 0x1f, 9,  fdc_read_data,    "READ DELETED DATA" },
    { 0x02, 0x9f, 9,  fdc_read_data,    "READ TRACK" },
    { 0x05, 0x3f, 9,  fdc_write_data,   "WRITE DATA" },
    { 0x09, 0x3f, 9,  fdc_write_data,   "WRITE DELETED DATA" },
    { 0x16, 0x1f, 9,  fdc_verify,       "VERIFY" },
    { 0x0d, 0xbf, 6,  fdc_format_track, "FORMAT TRACK" },
    { 0x07, 0xff, 2,  recalibrate,      "RECALIBRATE" },
    { 0x08, 0xff, 1,  sense_interrupt,  "SENSE INTERRUPT STATUS" },
    { 0x03, 0xff, 3,  specify,          "SPECIFY" },
    { 0x04, 0xff, 2,  sense_drive,      "SENSE DRIVE STATUS" },
    { 0x0f, 0xff, 3,  seek,             "SEEK" },
    { 0x8f, 0xbf, 3,  relative_seek,    "RELATIVE SEEK" },
    { 0x0a, 0xbf, 2,  read_id,          "READ ID" },
    { 0x10, 0xff, 1,  version,          "VERSION" },
    { 0x18, 0xff, 1,  part_id,          "PART ID" },
    { 0x14, 0x7f, 1,  lock,             "LOCK" },
    { 0x13, 0xff, 4,  configure,        "CONFIGURE" },
    { 0x12, 0xff, 2,  perpendicular,    "PERPENDICULAR MODE" },
    { 0x0e, 0xff, 1,  dump_registers,   "DUMPREG" },
    { 0x2e, 0xff, 1,  save,             "SAVE" },
    { 0x4e, 0xff, 17, ignored,          "RESTORE" },
    { 0x17, 0xff, 2,  echo,             "POWERDOWN MODE" },
    { 0x33, 0xff, 2,  echo,             "OPTION" },
    { 0x8e, 0xff, 6,  ignored,          "DRIVE SPECIFICATION" },
    { 0x00, 0x00, 1,  invalid,          "INVALID" }, /* matches any */
};
/* clang-format on */

static const struct fdc_command *find_command(uint8_t code)
{
    const struct fdc_command *c = commands;

    while ((code & c->mask) != c->code) {
        c++;
    }
    return c;
}

/* Registers ------------------------------------------------------------------------------------- */

static void reset_chip(struct fdc *s)
{
    block_cancel(&s->req);
    if (s->dma) {
        s->dma->request(s->dma->opaque, 2, false);
    }
    s->msr_phase = FDC_COMMAND;
    s->fifo_pos = s->fifo_len = 0;
    s->job = FDC_NONE;
    s->pos = s->end = 0;
    s->seek_done = false;
    if (!s->lock) {
        s->config = s->precomp = 0;
    }
    s->perpendicular &= 0x3c;
    s->reset_sense = 0;
    set_irq(s, false);
}

static void leave_reset(struct fdc *s)
{
    s->reset_sense = 4; /* polling: each drive's ready line changed (5.2.4) */
    fdc_raise(s);
}

static uint8_t main_status(struct fdc *s)
{
    switch (s->msr_phase) {
    case FDC_COMMAND:
        return s->dor & DOR_RESET ? MSR_RQM | (s->fifo_pos ? MSR_BUSY : 0) : 0;
    case FDC_RESULT:
        return MSR_RQM | MSR_DIO | MSR_BUSY;
    case FDC_DATA_IN:
        return s->no_dma ? MSR_RQM | MSR_DIO | MSR_NDMA | MSR_BUSY : MSR_BUSY;
    case FDC_DATA_OUT:
        return s->no_dma ? MSR_RQM | MSR_NDMA | MSR_BUSY : MSR_BUSY;
    default:
        return MSR_BUSY;
    }
}

static uint8_t read_fifo(struct fdc *s)
{
    uint8_t v = 0xff;

    if (s->msr_phase == FDC_RESULT) {
        set_irq(s, false);
        v = s->fifo[s->fifo_pos++];
        if (s->fifo_pos >= s->fifo_len) {
            s->msr_phase = FDC_COMMAND;
            s->fifo_pos = s->fifo_len = 0;
        }
    } else if (s->msr_phase == FDC_DATA_IN && s->no_dma && s->pos < s->end) {
        v = s->buffer[s->pos++];
        if (s->pos == s->end) {
            set_irq(s, false);
            fdc_transfer_moved(s);
        }
    }
    return v;
}

static void write_fifo(struct fdc *s, uint8_t v)
{
    if (s->msr_phase == FDC_DATA_OUT && s->no_dma && s->pos < s->end) {
        s->buffer[s->pos++] = v;
        if (s->pos == s->end) {
            set_irq(s, false);
            fdc_transfer_moved(s);
        }
        return;
    }
    if (s->msr_phase != FDC_COMMAND || !(s->dor & DOR_RESET)) {
        return;
    }
    if (s->fifo_pos == 0) {
        memset(s->fifo, 0, sizeof(s->fifo));
    }
    s->fifo[s->fifo_pos++] = v;
    if (s->fifo_pos >= find_command(s->fifo[0])->length) {
        s->fifo_pos = 0;
        s->msr_phase = FDC_RUNNING;
        find_command(s->fifo[0])->run(s);
    }
}

static uint8_t digital_input(struct fdc *s)
{
    unsigned unit = s->dor & 3;
    const struct fdc_drive *d = &s->drives[unit & 1];

    if (unit >= FDC_DRIVES || !d->blk || !(s->dor >> (4 + unit) & 1)) {
        return 0;
    }
    return d->changed || !block_has_medium(d->blk) ? 0x80 : 0;
}

static uint64_t fdc_read(void *opaque, uint64_t off, unsigned size)
{
    struct fdc *s = opaque;

    (void)size;
    switch (off + 1) {
    case 1: /* SRB: motors */
        return 0xc0 | (s->dor >> 4 & 3);
    case 2:
        return s->dor;
    case 3:
        return s->tdr;
    case 4:
        return main_status(s);
    case 5:
        return read_fifo(s);
    default:
        return 0xff;
    }
}

static void fdc_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct fdc *s = opaque;
    uint8_t v = (uint8_t)value, old = s->dor;

    (void)size;
    switch (off + 1) {
    case 2:
        s->dor = v;
        if (!(v & DOR_RESET)) {
            reset_chip(s);
        } else if (!(old & DOR_RESET)) {
            leave_reset(s);
        } else {
            set_irq(s, s->irq_level);
        }
        break;
    case 3:
        s->tdr = v & 3;
        break;
    case 4:
        if (v & 0x80) { /* a reset that ends by itself */
            reset_chip(s);
            leave_reset(s);
        }
        s->dsr = v & 0x7f;
        break;
    case 5:
        write_fifo(s, v);
        break;
    default:
        break;
    }
}

static uint64_t dir_read(void *opaque, uint64_t off, unsigned size)
{
    (void)off;
    (void)size;
    return digital_input(opaque);
}

static void ccr_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct fdc *s = opaque;

    (void)off;
    (void)size;
    s->dsr = (uint8_t)((s->dsr & ~3u) | (value & 3));
}

static const struct mem_ops fdc_ops = { .read = fdc_read, .write = fdc_write, .max_size = 1 };
static const struct mem_ops dir_ops = { .read = dir_read, .write = ccr_write, .max_size = 1 };

/* Life ------------------------------------------------------------------------------------------ */

bool fdc_add_boot_entries(struct fdc *s, GError **error)
{
    for (unsigned i = 0; i < FDC_DRIVES; i++) {
        g_autofree char *suffix = g_strdup_printf("/floppy@%u", i);

        if (s->drives[i].blk &&
            !boot_order_add(&s->dev, &s->dev, s->drives[i].bootindex, suffix, error)) {
            return false;
        }
    }
    return true;
}

static bool fdc_realize(struct device *dev, GError **error)
{
    struct fdc *s = (struct fdc *)dev;
    struct isa_bus *isa = (struct isa_bus *)dev->bus;

    for (unsigned i = 0; i < FDC_DRIVES; i++) {
        struct fdc_drive *d = &s->drives[i];

        d->owner = s;
        if (!d->blk) {
            continue;
        }
        if (!block_attach(d->blk, &front, d, error)) {
            if (i == 1 && s->drives[0].attached) {
                block_detach(s->drives[0].blk);
                s->drives[0].attached = false;
            }
            return false;
        }
        d->attached = true;
        d->blk->removable = true;
        find_geometry(d);
    }
    s->irq = isa_irq(dev, 6);
    s->dma = isa ? isa->dma : NULL;
    if (s->dma) {
        s->dma->listen(s->dma->opaque, 2, fdc_dma_ready, s);
    }
    mem_region_init_mmio(&s->ports, dev->machine, "fdc", &fdc_ops, s, 5);
    mem_region_init_mmio(&s->dir_port, dev->machine, "fdc-dir", &dir_ops, s, 1);
    isa_register_ports(dev, 0x3f1, &s->ports); /* 0x3f6 is the IDE channel's */
    isa_register_ports(dev, 0x3f7, &s->dir_port);
    return true;
}

static void fdc_reset(struct device *dev)
{
    struct fdc *s = (struct fdc *)dev;

    s->lock = false;
    s->dor = DOR_RESET | DOR_DMA;
    s->dsr = 2;
    s->tdr = 0;
    s->perpendicular = 0;
    s->no_dma = false;
    reset_chip(s);
    for (unsigned i = 0; i < FDC_DRIVES; i++) {
        s->drives[i].track = 0;
        s->drives[i].changed = s->drives[i].blk != NULL;
    }
}

static void fdc_unrealize(struct device *dev)
{
    struct fdc *s = (struct fdc *)dev;

    boot_order_remove(dev);
    block_cancel(&s->req);
    if (s->dma) {
        s->dma->listen(s->dma->opaque, 2, NULL, NULL);
    }
    for (unsigned i = 0; i < FDC_DRIVES; i++) {
        if (s->drives[i].attached) {
            block_detach(s->drives[i].blk);
        }
    }
    mem_region_destroy(&s->ports);
    mem_region_destroy(&s->dir_port);
}

static void fdc_pre_save(struct device *dev)
{
    struct fdc *s = (struct fdc *)dev;

    for (unsigned i = 0; i < FDC_DRIVES; i++) {
        if (s->drives[i].blk) {
            block_drain(s->drives[i].blk);
        }
    }
}

static bool fdc_post_load(struct device *dev, GError **error)
{
    struct fdc *s = (struct fdc *)dev;
    bool moving = s->msr_phase == FDC_DATA_IN || s->msr_phase == FDC_DATA_OUT;
    uint32_t limit = s->job == FDC_READ ? FDC_BUFFER : 512;

    if (s->msr_phase >= FDC_PHASES || s->msr_phase == FDC_RUNNING || s->job >= FDC_JOBS ||
        s->pos > s->end || s->end > limit || s->fifo_len > FDC_FIFO ||
        (s->msr_phase == FDC_RESULT && s->fifo_pos >= s->fifo_len) || s->fifo_pos > 16 ||
        s->reset_sense > 4 || s->unit >= FDC_DRIVES || (moving && s->pos == s->end) ||
        (moving && s->job != FDC_READ && s->job != FDC_WRITE && s->job != FDC_FORMAT) ||
        (moving && !s->drives[s->unit].blk)) {
        set_error(error, "the transfer under way is out of bounds");
        return false;
    }
    irq_set(s->irq, s->irq_level && s->dor & DOR_DMA);
    return true;
}

static const struct property fdc_props[] = {
    PROP_DRIVE(struct fdc, "driveA", drives[0].blk, "the first drive"),
    PROP_DRIVE(struct fdc, "driveB", drives[1].blk, "the second drive"),
    PROP_I32(struct fdc, "bootindexA", drives[0].bootindex, -1,
             "the first drive's place in firmware's boot order"),
    PROP_I32(struct fdc, "bootindexB", drives[1].bootindex, -1, "the second drive's place"),
    { 0 },
};

static const struct state_row drive_state[] = {
    STATE_INT(struct fdc_drive, track, 1, "where the head is"),
    STATE_INT(struct fdc_drive, changed, 1, "the disk changed since the last step"),
    { 0 },
};

/* clang-format off */
static const struct state_row fdc_state[] = {
    STATE_SUB(struct fdc, drives, FDC_DRIVES, drive_state, 1, "drives"),
    STATE_INT(struct fdc, dor, 1, "digital output register"),
    STATE_INT(struct fdc, tdr, 1, "tape drive register"),
    STATE_INT(struct fdc, dsr, 1, "data rate"),
    STATE_INT(struct fdc, msr_phase, 1, "phase of the command"),
    STATE_BUF(struct fdc, fifo, 1, "command or result"),
    STATE_INT(struct fdc, fifo_pos, 1, "position in it"),
    STATE_INT(struct fdc, fifo_len, 1, "bytes of the result"),
    STATE_INT(struct fdc, config, 1, "CONFIGURE"),
    STATE_INT(struct fdc, precomp, 1, "first track with precompensation"),
    STATE_INT(struct fdc, timer0, 1, "step rate and head unload time"),
    STATE_INT(struct fdc, timer1, 1, "head load time"),
    STATE_INT(struct fdc, perpendicular, 1, "PERPENDICULAR MODE"),
    STATE_INT(struct fdc, lock, 1, "LOCK"),
    STATE_INT(struct fdc, no_dma, 1, "data go through the FIFO"),
    STATE_INT(struct fdc, irq_level, 1, "interrupt request"),
    STATE_INT(struct fdc, seek_done, 1, "SENSE INTERRUPT has a seek to report"),
    STATE_INT(struct fdc, reset_sense, 1, "SENSE INTERRUPTs owed after a reset"),
    STATE_INT(struct fdc, sense_st0, 1, "what it reports"),
    STATE_INT(struct fdc, unit, 1, "drive"),
    STATE_INT(struct fdc, cyl, 1, "cylinder"),
    STATE_INT(struct fdc, head, 1, "head"),
    STATE_INT(struct fdc, sector, 1, "sector"),
    STATE_INT(struct fdc, eot, 1, "last sector"),
    STATE_INT(struct fdc, st1, 1, "status 1"),
    STATE_INT(struct fdc, st2, 1, "status 2"),
    STATE_INT(struct fdc, job, 1, "what runs"),
    STATE_INT(struct fdc, multi, 1, "both sides"),
    STATE_INT(struct fdc, terminal, 1, "terminal count was seen"),
    STATE_INT(struct fdc, pos, 1, "position in the buffer"),
    STATE_INT(struct fdc, end, 1, "end of the data"),
    STATE_BUF(struct fdc, buffer, 1, "data"),
    { 0 },
};
/* clang-format on */

const struct device_type fdc_type = {
    .name = "isa-fdc",
    .summary = "82078 floppy disk controller",
    .bus = BUS_ISA,
    .size = sizeof(struct fdc),
    .props = fdc_props,
    .state = fdc_state,
    .realize = fdc_realize,
    .reset = fdc_reset,
    .unrealize = fdc_unrealize,
    .pre_save = fdc_pre_save,
    .post_load = fdc_post_load,
};
