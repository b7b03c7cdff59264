/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/ide.c: the channel: registers as the host sees them, resets, and moving a command from
 * one phase to the next.
 *
 * Source: ATA/ATAPI-7 volume 2, clauses 9 and 10 (protocols, device 1 absent: 9.16.1).
 * Thread: under the machine lock.
 */
#include "hw/block/ide.h"

#include <errno.h>
#include <string.h>
#include "softmmu/machine.h"
#include "util/log.h"

const struct state_row ide_channel_state[] = {
    STATE_INT(struct ide_channel, select, 1, "device register as last written: bit 4"),
    STATE_INT(struct ide_channel, control, 1, "device control register"),
    STATE_INT(struct ide_channel, irq, 1, "INTRQ, before nIEN"),
    { 0 },
};

void ide_channel_init(struct ide_channel *ch, struct device *parent, unsigned n,
                      const struct ide_host_ops *ops, unsigned max_units)
{
    struct machine *m = parent->machine;
    unsigned others = 0;

    for (const struct bus *bus = m->buses; bus; bus = bus->next) {
        others += bus->kind == BUS_IDE;
    }
    ch->name =
        parent->id ? g_strdup_printf("%s.%u", parent->id, n) : g_strdup_printf("ide.%u", others);
    ch->ops = ops;
    ch->max_units = max_units;
    bus_init(&ch->bus, m, BUS_IDE, ch->name, parent);
    ch->bus.max_devices = max_units;
}

void ide_channel_destroy(struct ide_channel *ch)
{
    for (unsigned i = 0; i < 2; i++) {
        if (ch->drives[i]) {
            ide_abandon(ch->drives[i]);
            ch->drives[i]->ch = NULL;
            ch->drives[i] = NULL;
        }
    }
    if (ch->bus.machine) {
        bus_destroy(&ch->bus);
    }
    g_clear_pointer(&ch->name, g_free);
}

struct ide_drive *ide_selected(struct ide_channel *ch)
{
    return ch->drives[ch->select & IDE_SEL_DEV ? 1 : 0];
}

static void update_irq(struct ide_channel *ch)
{
    ch->ops->set_irq(ch, ch->irq && !(ch->control & IDE_CTL_NIEN));
}

static void set_irq(struct ide_channel *ch, bool level)
{
    ch->irq = level;
    update_irq(ch);
}

void ide_interrupt(struct ide_drive *d)
{
    if (d->ch && (d->ch->max_units == 1 || ide_selected(d->ch) == d)) {
        set_irq(d->ch, true);
    }
}

/* The end of commands --------------------------------------------------------------------------- */

static void end_command(struct ide_drive *d)
{
    d->phase = IDE_IDLE;
    d->io_pos = d->io_end = 0;
    if (d->ch && d->ch->ops->finished) {
        d->ch->ops->finished(d->ch, d);
    }
    ide_interrupt(d);
}

void ide_finish(struct ide_drive *d)
{
    d->status = IDE_DRDY | IDE_DSC;
    d->error = 0;
    if (d->atapi && d->command == 0xa0) {
        d->count[0] = (d->count[0] & 0xf8) | IDE_IO | IDE_CD;
    }
    end_command(d);
}

void ide_fail(struct ide_drive *d, uint8_t error)
{
    d->status = IDE_DRDY | IDE_DSC | IDE_ERR;
    d->error = error;
    if (d->atapi && d->command == 0xa0) {
        d->count[0] = (d->count[0] & 0xf8) | IDE_IO | IDE_CD;
    }
    end_command(d);
}

void ide_fail_errno(struct ide_drive *d, int ret, bool write)
{
    if (ret == -ENOMEDIUM) {
        ide_fail(d, IDE_ABRT);
    } else if (write) { /* the medium does not take it: a device fault (7.15.6.4) */
        ide_fail(d, IDE_ABRT);
        d->status |= IDE_DF;
    } else {
        ide_fail(d, IDE_UNC);
    }
}

void ide_abandon(struct ide_drive *d)
{
    block_cancel(&d->req);
    d->phase = IDE_IDLE;
    d->io_pos = d->io_end = 0;
    d->left = d->chunk = 0;
}

/* Phases ---------------------------------------------------------------------------------------- */

static void (*const next_steps[IDE_NEXT_COUNT])(struct ide_drive *d) = {
    /* clang-format off */
    [IDE_NEXT_DONE]     = ide_finish,
    [IDE_NEXT_READ]     = ata_next_read,
    [IDE_NEXT_WRITE]    = ata_written,
    [IDE_NEXT_PACKET]   = atapi_packet,
    [IDE_NEXT_CD_READ]  = atapi_next,
    [IDE_NEXT_CD_REPLY] = atapi_next,
    [IDE_NEXT_CD_PARAM] = ide_finish,
    /* clang-format on */
};

static void step(struct ide_drive *d)
{
    d->phase = IDE_IDLE;
    d->status = (d->status & ~(IDE_DRQ | IDE_ERR)) | IDE_BSY;
    next_steps[d->next](d);
}

void ide_pio_done(struct ide_drive *d)
{
    bool in = d->phase == IDE_PIO_IN;

    d->io_pos = d->io_end;
    /* The last block of PIO data in ends the command without an interrupt of its own. */
    if (in && (d->next == IDE_NEXT_DONE || (d->next == IDE_NEXT_READ && d->left == d->chunk))) {
        d->phase = IDE_IDLE;
        d->status = IDE_DRDY | IDE_DSC;
        if (d->ch && d->ch->ops->finished) {
            d->ch->ops->finished(d->ch, d);
        }
        return;
    }
    step(d);
}

void ide_pio(struct ide_drive *d, bool to_guest, uint32_t start, uint32_t len, enum ide_next next)
{
    bool first_out = !to_guest && (d->status & IDE_BSY) == 0;

    d->phase = to_guest ? IDE_PIO_IN : IDE_PIO_OUT;
    d->next = (uint8_t)next;
    d->io_pos = MIN(start, IDE_BUFFER);
    d->io_end = d->io_pos + MIN(len, IDE_BUFFER - d->io_pos);
    d->status = IDE_DRDY | IDE_DSC | IDE_DRQ;
    if (d->ch && d->ch->ops->pio_block && d->ch->ops->pio_block(d->ch, d, to_guest)) {
        return;
    }
    /* The first block of data out, and a packet, are asked for by DRQ alone. */
    if (!first_out) {
        ide_interrupt(d);
    }
}

static void move_dma(struct ide_drive *d)
{
    struct ide_channel *ch = d->ch;
    uint32_t len = d->io_end - d->io_pos;

    if (!ch || !ch->ops->dma_ready(ch)) {
        return;
    }
    if (ch->ops->dma_copy(ch, d->buffer + d->io_pos, len, d->phase == IDE_DMA_IN) < len) {
        log_line(LOG_GUEST_ERRORS, "ide: the DMA table ends before the data of command 0x%02x",
                 d->command);
        ide_fail(d, IDE_ABRT);
        return;
    }
    d->io_pos = d->io_end;
    step(d);
}

void ide_dma(struct ide_drive *d, bool to_guest, uint32_t len, enum ide_next next)
{
    d->phase = to_guest ? IDE_DMA_IN : IDE_DMA_OUT;
    d->next = (uint8_t)next;
    d->io_pos = 0;
    d->io_end = MIN(len, IDE_BUFFER);
    d->status = IDE_BSY | IDE_DRDY | IDE_DSC;
    move_dma(d);
}

void ide_continue_dma(struct ide_channel *ch)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *d = ch->drives[i];

        if (d && (d->phase == IDE_DMA_IN || d->phase == IDE_DMA_OUT)) {
            move_dma(d);
        }
    }
}

void ide_block(struct ide_drive *d, enum block_op op, uint64_t offset, uint32_t len,
               void (*done)(void *opaque, int result))
{
    d->phase = IDE_BLOCK;
    d->status = IDE_BSY | IDE_DRDY | IDE_DSC;
    d->iov = (struct iovec){ d->buffer, len };
    d->req.blk = d->blk;
    d->req.op = op;
    d->req.offset = offset;
    d->req.bytes = len;
    d->req.iov = &d->iov;
    d->req.n_iov = 1;
    d->req.done = done;
    d->req.opaque = d;
    block_submit(&d->req);
}

/* Resets ---------------------------------------------------------------------------------------- */

/* ATA/ATAPI-7 9.12: signature. */
void ide_set_signature(struct ide_drive *d)
{
    d->count[0] = 1;
    d->lba[0][0] = 1;
    d->lba[1][0] = d->atapi ? 0x14 : 0;
    d->lba[2][0] = d->atapi ? 0xeb : 0;
    d->device &= ~0x4f;
    d->error = 1; /* diagnostic code: passed */
    d->status = d->atapi ? 0 : IDE_DRDY | IDE_DSC;
}

static void software_reset(struct ide_drive *d)
{
    ide_abandon(d);
    d->sleeping = false;
    d->device = 0;
    ide_set_signature(d);
    if (d->atapi) {
        atapi_reset(d);
    }
}

void ide_reset_drive(struct ide_drive *d)
{
    software_reset(d);
    memset(d->feature, 0, sizeof(d->feature));
    d->command = 0;
    d->multi = IDE_MAX_MULTI;
    d->mode_dma = 0x45;
    d->mode_pio = 0;
    d->write_cache = d->write_cache_prop;
    d->look_ahead = true;
    d->smart = true;
    d->smart_autosave = true;
    d->security_frozen = false;
    d->cur_heads = d->def_heads;
    d->cur_spt = d->def_spt;
    if (d->atapi) {
        d->cd.locked = false;
    }
}

/* Registers ------------------------------------------------------------------------------------- */

static uint32_t read_data(struct ide_drive *d, unsigned size)
{
    uint32_t v = 0;

    if (d->phase != IDE_PIO_IN || !(d->status & IDE_DRQ)) {
        return 0;
    }
    for (unsigned i = 0; i < size && d->io_pos < d->io_end; i++) {
        v |= (uint32_t)d->buffer[d->io_pos++] << i * 8;
    }
    if (d->io_pos >= d->io_end) {
        ide_pio_done(d);
    }
    return v;
}

static void write_data(struct ide_drive *d, uint32_t v, unsigned size)
{
    if (d->phase != IDE_PIO_OUT || !(d->status & IDE_DRQ)) {
        return;
    }
    for (unsigned i = 0; i < size && d->io_pos < d->io_end; i++) {
        d->buffer[d->io_pos++] = (uint8_t)(v >> i * 8);
    }
    if (d->io_pos >= d->io_end) {
        ide_pio_done(d);
    }
}

static uint8_t status_of(struct ide_channel *ch)
{
    struct ide_drive *d = ide_selected(ch);

    return !d ? 0 : ch->control & IDE_CTL_SRST ? IDE_BSY : d->status;
}

uint8_t ide_alt_status(struct ide_channel *ch)
{
    return status_of(ch);
}

uint32_t ide_read(struct ide_channel *ch, unsigned reg, unsigned size)
{
    struct ide_drive *d = ide_selected(ch), *other;
    unsigned hob = ch->control & IDE_CTL_HOB ? 1 : 0;

    if (reg == 7) {
        set_irq(ch, false);
        return status_of(ch);
    }
    if (reg == 0) {
        return d ? read_data(d, size) : 0;
    }
    /* Device 0 answers for a device 1 that is not there (9.16.1). */
    other = d ? d : ch->drives[0];
    if (!other) {
        return 0;
    }
    switch (reg) {
    case 1:
        return hob ? other->feature[1] : other->error;
    case 2:
        return other->count[hob];
    case 6:
        return (other->device & 0x4f) | (ch->select & IDE_SEL_DEV) | 0xa0;
    default:
        return other->lba[reg - 3][hob];
    }
}

static void write_pair(uint8_t pair[2], uint8_t v)
{
    pair[1] = pair[0];
    pair[0] = v;
}

static void write_task_file(struct ide_drive *d, unsigned reg, uint8_t v)
{
    if (d->status & (IDE_BSY | IDE_DRQ)) {
        return; /* 7.x: the registers do not change while a command runs */
    }
    switch (reg) {
    case 1:
        write_pair(d->feature, v);
        break;
    case 2:
        write_pair(d->count, v);
        break;
    case 6:
        d->device = v;
        break;
    default:
        write_pair(d->lba[reg - 3], v);
        break;
    }
}

void ide_execute(struct ide_drive *d, uint8_t command)
{
    if (d->status & (IDE_BSY | IDE_DRQ)) {
        if (!(d->atapi && command == 0x08)) {
            log_line(LOG_GUEST_ERRORS, "ide: command 0x%02x while 0x%02x runs", command,
                     d->command);
            return;
        }
        ide_abandon(d); /* DEVICE RESET is taken at any time */
    }
    d->command = command;
    d->error = 0;
    d->status = (d->status & ~(IDE_ERR | IDE_DF)) | IDE_DRDY | IDE_DSC;
    ata_execute(d);
}

/* EXECUTE DEVICE DIAGNOSTIC: both drives, whichever is selected. */
static void diagnose(struct ide_channel *ch)
{
    ch->select = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (ch->drives[i]) {
            ide_abandon(ch->drives[i]);
            ide_set_signature(ch->drives[i]);
            ch->drives[i]->device = 0;
        }
    }
    set_irq(ch, true);
}

void ide_write(struct ide_channel *ch, unsigned reg, uint32_t value, unsigned size)
{
    struct ide_drive *d;
    uint8_t v = (uint8_t)value;

    if (reg == 6) {
        ch->select = v & IDE_SEL_DEV;
        if (ch->max_units == 1) {
            ch->select = 0;
        }
    }
    d = ide_selected(ch);
    if (reg == 0) {
        if (d) {
            write_data(d, value, size);
        }
        return;
    }
    if (reg < 7) {
        ch->control &= ~IDE_CTL_HOB;
        for (unsigned i = 0; i < 2; i++) {
            if (ch->drives[i]) {
                write_task_file(ch->drives[i], reg, v);
            }
        }
        return;
    }
    set_irq(ch, false);
    if (v == 0x90 && (ch->drives[0] || ch->drives[1])) {
        diagnose(ch);
    } else if (d && !(ch->control & IDE_CTL_SRST)) {
        ide_execute(d, v);
    }
}

void ide_control(struct ide_channel *ch, uint8_t value)
{
    bool reset = value & IDE_CTL_SRST && !(ch->control & IDE_CTL_SRST);

    ch->control = value & (IDE_CTL_HOB | IDE_CTL_SRST | IDE_CTL_NIEN);
    if (reset) {
        ch->irq = false;
        ch->select = 0;
        for (unsigned i = 0; i < 2; i++) {
            if (ch->drives[i]) {
                software_reset(ch->drives[i]);
            }
        }
    }
    update_irq(ch);
}
