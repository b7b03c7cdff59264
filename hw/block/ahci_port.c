/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/ahci_port.c: one port: the command list, FISes, PRD tables, and native command queuing.
 *
 * Non-queued commands go through the drive's task file one at a time; queued reads and writes have
 * a block request and a buffer each.
 * Source: AHCI 1.3.1, 3.3 (port registers), 4.2 (memory structures), 5.3 (states); SATA 2.6, 13.6.
 * Invariants: a PRD walk reads at most prd_count entries; a queued transfer is at most 32 MiB and is
 *             copied to and from guest memory by the lengths of the table only.
 * Thread:     under the machine lock.
 */
#include "hw/block/ahci.h"

#include <string.h>
#include "softmmu/machine.h"
#include "util/log.h"

enum {
    R_CLB,
    R_CLBU,
    R_FB,
    R_FBU,
    R_IS,
    R_IE,
    R_CMD,
    R_TFD = 8,
    R_SIG,
    R_SSTS,
    R_SCTL,
    R_SERR,
    R_SACT,
    R_CI
};
enum { CMD_ST = 1, CMD_FRE = 1 << 4, CMD_FR = 1 << 14, CMD_CR = 1 << 15 };
enum { IS_DHRS = 1, IS_PSS = 2, IS_SDBS = 8, IS_PCS = 1 << 6, IS_TFES = 1 << 30 };
#define CMD_WRITABLE 0xf3000017u
#define NO_SLOT      0xff
#define MAX_QUEUED   (65536u * 512u)

static struct address_space *memory_of(struct ahci_port *p)
{
    return &p->owner->pci.dev.machine->memory;
}

static struct ide_drive *drive_of(struct ahci_port *p)
{
    return p->ch.drives[0];
}

static uint32_t le32(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t list_addr(const struct ahci_port *p)
{
    return (uint64_t)p->clbu << 32 | (p->clb & ~0x3ffu);
}

/* FISes to the guest ---------------------------------------------------------------------------- */

static void put_fis(struct ahci_port *p, unsigned off, const uint8_t *fis, unsigned len)
{
    if (p->cmd & CMD_FRE) {
        address_space_write(memory_of(p), ((uint64_t)p->fbu << 32 | (p->fb & ~0xffu)) + off, fis,
                            len);
    }
}

static void post(struct ahci_port *p, uint32_t bits)
{
    p->is |= bits;
    ahci_update_irq(p->owner);
}

static void put_registers(const struct ide_drive *d, uint8_t *fis)
{
    fis[2] = d->status;
    fis[3] = d->error;
    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = d->lba[i][0];
        fis[8 + i] = d->lba[i][1];
    }
    fis[7] = d->device;
    fis[12] = d->count[0];
    fis[13] = d->count[1];
}

static void send_d2h(struct ahci_port *p)
{
    const struct ide_drive *d = drive_of(p);
    uint8_t fis[20] = { 0x34, 0x40 };

    put_registers(d, fis);
    put_fis(p, 0x40, fis, sizeof(fis));
    post(p, IS_DHRS | (d->status & IDE_ERR ? (uint32_t)IS_TFES : 0));
}

static void send_bits(struct ahci_port *p, uint32_t done, uint8_t error)
{
    uint8_t fis[8] = { 0xa1, 0x40, error ? 0x41 : 0x40, error };

    for (unsigned i = 0; i < 4; i++) {
        fis[4 + i] = (uint8_t)(done >> i * 8);
    }
    p->sact &= ~done;
    put_fis(p, 0x58, fis, sizeof(fis));
    post(p, IS_SDBS | (error ? (uint32_t)IS_TFES : 0));
}

/* PRD tables ------------------------------------------------------------------------------------ */

struct walk {
    uint64_t table; /* the PRDT */
    uint32_t count, i, at;
};

/* Moves up to len bytes; fewer at the table's end. */
static uint32_t copy(struct ahci_port *p, struct walk *w, uint8_t *buf, uint32_t len, bool to_guest)
{
    uint32_t done = 0;

    while (done < len && w->i < w->count) {
        uint8_t prd[16];
        uint32_t size, n;
        uint64_t addr;

        if (!address_space_read(memory_of(p), w->table + w->i * 16ull, prd, sizeof(prd))) {
            break;
        }
        size = (le32(prd + 12) & 0x3fffff) + 1;
        addr = le32(prd) | (uint64_t)le32(prd + 4) << 32;
        n = w->at < size ? MIN(size - w->at, len - done) : 0;
        if (to_guest) {
            address_space_write(memory_of(p), addr + w->at, buf + done, n);
        } else {
            address_space_read(memory_of(p), addr + w->at, buf + done, n);
        }
        done += n;
        w->at += n;
        if (w->at >= size) {
            w->i++;
            w->at = 0;
        }
    }
    return done;
}

static uint32_t copy_slot(struct ahci_port *p, uint8_t *buf, uint32_t len, bool to_guest)
{
    struct walk w = { p->table + 0x80, p->prd_count, p->prd, p->prd_at };
    uint32_t n = copy(p, &w, buf, len, to_guest);

    p->prd = w.i;
    p->prd_at = w.at;
    p->moved += n;
    return n;
}

/* What the drive asks of its host --------------------------------------------------------------- */

static void no_irq(struct ide_channel *ch, bool level)
{
    (void)ch;
    (void)level;
}

static bool dma_ready(struct ide_channel *ch)
{
    return ((struct ahci_port *)ch)->slot != NO_SLOT;
}

static uint32_t dma_copy(struct ide_channel *ch, uint8_t *buf, uint32_t len, bool to_guest)
{
    return copy_slot((struct ahci_port *)ch, buf, len, to_guest);
}

/* PIO Setup (Serial ATA 10.3.11): the status before the data and after them, and their length. */
static void send_pio_setup(struct ahci_port *p, const struct ide_drive *d, bool to_guest)
{
    uint32_t len = d->io_end - d->io_pos;
    uint8_t fis[20] = { 0x5f, (uint8_t)(to_guest ? 0x60 : 0x40), d->status, d->error };

    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = d->lba[i][0];
        fis[8 + i] = d->lba[i][1];
    }
    fis[7] = d->device;
    fis[12] = d->count[0];
    fis[13] = d->count[1];
    fis[15] = IDE_DRDY | IDE_DSC;
    fis[16] = (uint8_t)len;
    fis[17] = (uint8_t)(len >> 8);
    put_fis(p, 0x20, fis, sizeof(fis));
    p->is |= IS_PSS;
}

static bool pio_block(struct ide_channel *ch, struct ide_drive *d, bool to_guest)
{
    struct ahci_port *p = (struct ahci_port *)ch;

    if (p->slot == NO_SLOT) {
        return false;
    }
    if (d->next == IDE_NEXT_PACKET) {
        address_space_read(memory_of(p), p->table + 0x40, d->buffer, IDE_PACKET);
    } else {
        copy_slot(p, d->buffer + d->io_pos, d->io_end - d->io_pos, to_guest);
        send_pio_setup(p, d, to_guest);
    }
    ide_pio_done(d);
    return true;
}

static void start_commands(struct ahci_port *p);

static void next_commands(void *opaque)
{
    start_commands(opaque);
}

static void finished(struct ide_channel *ch, struct ide_drive *d)
{
    struct ahci_port *p = (struct ahci_port *)ch;
    uint8_t count[4] = { (uint8_t)p->moved, (uint8_t)(p->moved >> 8), (uint8_t)(p->moved >> 16),
                         (uint8_t)(p->moved >> 24) };

    if (p->slot == NO_SLOT) {
        return;
    }
    address_space_write(memory_of(p), list_addr(p) + p->slot * 32u + 4, count, 4);
    if (!(d->status & IDE_ERR)) {
        p->ci &= ~(1u << p->slot);
    }
    p->slot = NO_SLOT;
    send_d2h(p);
    if (p->ci) {
        machine_call_soon(p->owner->pci.dev.machine, next_commands, p);
    }
}

const struct ide_host_ops ahci_host_ops = {
    .set_irq = no_irq,
    .dma_ready = dma_ready,
    .dma_copy = dma_copy,
    .pio_block = pio_block,
    .finished = finished,
};

/* Queued commands ------------------------------------------------------------------------------- */

/* The first one that fails is in log 0x10 and ends the others (ATA8-ACS, 4.13.5; AHCI 1.3, 6.2.2). */
static void queued_failed(struct ahci_port *p, const struct ahci_queued *q, uint8_t error)
{
    struct ide_drive *d = drive_of(p);

    d->status = IDE_DRDY | IDE_DSC | IDE_ERR;
    d->error = error;
    d->ncq_failed = p->queue_stopped = true;
    d->ncq_tag = q->tag;
    d->ncq_error = error;
    d->ncq_at = q->at;
    d->ncq_count = q->count;
    send_bits(p, 0, error);
}

static void queued_done(void *opaque, int ret)
{
    struct ahci_queued *q = opaque;
    struct ahci_port *p = q->port;
    uint8_t header[32];

    if (p->queue_stopped) {
        g_clear_pointer(&q->buffer, g_free);
        return;
    }
    if (!ret && !q->write &&
        address_space_read(memory_of(p), list_addr(p) + q->tag * 32u, header, sizeof(header))) {
        struct walk w = { (le32(header + 8) & ~0x7fu) + ((uint64_t)le32(header + 12) << 32) + 0x80,
                          (uint32_t)header[2] | (uint32_t)header[3] << 8, 0, 0 };

        copy(p, &w, q->buffer, (uint32_t)q->req.bytes, true);
    }
    g_clear_pointer(&q->buffer, g_free);
    if (ret) {
        queued_failed(p, q, q->write ? IDE_ABRT : IDE_UNC);
    } else {
        send_bits(p, 1u << q->tag, 0);
    }
}

/* READ and WRITE FPDMA QUEUED: count in the feature, tag in the count (13.6.4). */
static void start_queued(struct ahci_port *p, const uint8_t *fis, unsigned slot, unsigned prds)
{
    struct ide_drive *d = drive_of(p);
    struct ahci_queued *q = &p->queued[fis[12] >> 3];
    uint64_t at = fis[4] | (uint64_t)fis[5] << 8 | (uint64_t)fis[6] << 16 | (uint64_t)fis[8] << 24 |
                  (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
    uint32_t n = fis[3] | (uint32_t)fis[11] << 8;

    n = n ? n : 65536;
    p->ci &= ~(1u << slot);
    if (block_busy(&q->req) || (unsigned)(fis[12] >> 3) != slot || at > d->sectors ||
        n > d->sectors - at || n * 512u > MAX_QUEUED) {
        struct ahci_queued bad = { .tag = fis[12] >> 3, .at = at, .count = (uint16_t)n };

        queued_failed(p, &bad, IDE_IDNF | IDE_ABRT);
        return;
    }
    q->port = p;
    q->tag = (uint8_t)slot;
    q->at = at;
    q->count = (uint16_t)n;
    q->write = fis[2] == 0x61;
    q->buffer = g_try_malloc0(n * 512u);
    if (!q->buffer) {
        queued_failed(p, q, IDE_ABRT);
        return;
    }
    if (q->write) {
        struct walk w = { p->table + 0x80, prds, 0, 0 };

        copy(p, &w, q->buffer, n * 512u, false);
    }
    q->iov = (struct iovec){ q->buffer, n * 512u };
    q->req.blk = d->blk;
    q->req.op = q->write ? BLOCK_WRITE : BLOCK_READ;
    q->req.offset = at * 512;
    q->req.bytes = n * 512u;
    q->req.iov = &q->iov;
    q->req.n_iov = 1;
    q->req.done = queued_done;
    q->req.opaque = q;
    block_submit(&q->req);
}

/* The command list ------------------------------------------------------------------------------ */

static void load_registers(struct ide_drive *d, const uint8_t *fis)
{
    d->feature[0] = fis[3];
    d->feature[1] = fis[11];
    for (unsigned i = 0; i < 3; i++) {
        d->lba[i][0] = fis[4 + i];
        d->lba[i][1] = fis[8 + i];
    }
    d->device = fis[7];
    d->count[0] = fis[12];
    d->count[1] = fis[13];
}

static void control_fis(struct ahci_port *p, const uint8_t *fis, unsigned slot)
{
    bool was = p->ch.control & IDE_CTL_SRST;

    ide_control(&p->ch, fis[15]);
    p->ci &= ~(1u << slot);
    if (was && !(fis[15] & IDE_CTL_SRST)) {
        send_d2h(p);
    }
}

/* True when the port can take another command at once. */
static bool run_slot(struct ahci_port *p, unsigned slot)
{
    struct ide_drive *d = drive_of(p);
    uint8_t header[32], fis[20];

    if (!address_space_read(memory_of(p), list_addr(p) + slot * 32u, header, sizeof(header))) {
        return false;
    }
    p->table = (le32(header + 8) & ~0x7fu) + ((uint64_t)le32(header + 12) << 32);
    if (!address_space_read(memory_of(p), p->table, fis, sizeof(fis)) || fis[0] != 0x27) {
        log_line(LOG_GUEST_ERRORS, "ahci: slot %u holds no command FIS", slot);
        p->ci &= ~(1u << slot);
        return true;
    }
    if (!(fis[1] & 0x80)) {
        control_fis(p, fis, slot);
        return true;
    }
    if ((fis[2] == 0x60 || fis[2] == 0x61) && !d->atapi) {
        start_queued(p, fis, slot, (uint32_t)header[2] | (uint32_t)header[3] << 8);
        return true;
    }
    p->prd_count = (uint32_t)header[2] | (uint32_t)header[3] << 8;
    p->prd = p->prd_at = p->moved = 0;
    p->slot = (uint8_t)slot;
    load_registers(d, fis);
    ide_execute(d, fis[2]);
    if (fis[2] == 0x08 && p->slot != NO_SLOT) { /* DEVICE RESET has no end of its own */
        finished(&p->ch, d);
    }
    return p->slot == NO_SLOT;
}

static void start_commands(struct ahci_port *p)
{
    struct ide_drive *d = drive_of(p);

    for (unsigned slot = 0; slot < AHCI_SLOTS; slot++) {
        if (!d || !(p->cmd & CMD_ST) || p->slot != NO_SLOT || d->status & IDE_BSY ||
            p->is & (uint32_t)IS_TFES) {
            return;
        }
        if (p->ci >> slot & 1 && !run_slot(p, slot)) {
            return;
        }
    }
}

/* Registers ------------------------------------------------------------------------------------- */

static void stop(struct ahci_port *p)
{
    for (unsigned i = 0; i < AHCI_SLOTS; i++) {
        block_cancel(&p->queued[i].req);
        g_clear_pointer(&p->queued[i].buffer, g_free);
    }
    if (drive_of(p) && p->slot != NO_SLOT) {
        ide_abandon(drive_of(p));
        drive_of(p)->status = IDE_DRDY | IDE_DSC;
    }
    p->slot = NO_SLOT;
    p->ci = p->sact = 0;
    p->queue_stopped = false;
}

static uint32_t signature(const struct ide_drive *d)
{
    return !d ? 0xffffffff : d->atapi ? 0xeb140101 : 0x00000101;
}

uint32_t ahci_port_read(struct ahci_port *p, unsigned reg)
{
    const struct ide_drive *d = drive_of(p);

    switch (reg) {
    case R_CLB:
        return p->clb;
    case R_CLBU:
        return p->clbu;
    case R_FB:
        return p->fb;
    case R_FBU:
        return p->fbu;
    case R_IS:
        return p->is;
    case R_IE:
        return p->ie;
    case R_CMD:
        return p->cmd | (p->cmd & CMD_ST ? CMD_CR : 0) | (p->cmd & CMD_FRE ? CMD_FR : 0);
    case R_TFD:
        return d ? (uint32_t)(d->error << 8 | d->status) : 0x7f;
    case R_SIG:
        return signature(d);
    case R_SSTS:
        return !d || (p->sctl & 15) == 4 ? 0 : (p->sctl & 15) == 1 ? 1 : 0x113;
    case R_SCTL:
        return p->sctl;
    case R_SERR:
        return p->serr;
    case R_SACT:
        return p->sact;
    case R_CI:
        return p->ci;
    default:
        return 0;
    }
}

static void write_sctl(struct ahci_port *p, uint32_t v)
{
    bool leaves = (p->sctl & 15) == 1 && (v & 15) == 0;

    p->sctl = v & 0xfff;
    if ((v & 15) == 1) {
        stop(p);
    }
    if (leaves && drive_of(p)) {
        ide_reset_drive(drive_of(p));
        p->serr |= 1u << 26; /* exchanged */
        p->signature_due = !(p->cmd & CMD_FRE);
        send_d2h(p);
    }
}

void ahci_port_write(struct ahci_port *p, unsigned reg, uint32_t v)
{
    switch (reg) {
    case R_CLB:
        p->clb = v & ~0x3ffu;
        break;
    case R_CLBU:
        p->clbu = v;
        break;
    case R_FB:
        p->fb = v & ~0xffu;
        break;
    case R_FBU:
        p->fbu = v;
        break;
    case R_IS:
        p->is &= ~v;
        ahci_update_irq(p->owner);
        break;
    case R_IE:
        p->ie = v;
        ahci_update_irq(p->owner);
        break;
    case R_CMD:
        if (p->cmd & CMD_ST && !(v & CMD_ST)) {
            stop(p);
        }
        if (v & CMD_FRE && !(p->cmd & CMD_FRE)) {
            p->cmd = v & CMD_WRITABLE;
            if (drive_of(p) && p->signature_due) {
                p->signature_due = false;
                send_d2h(p);
            }
        }
        if (v & 8 && drive_of(p)) { /* command list override */
            drive_of(p)->status &= ~(IDE_BSY | IDE_DRQ);
        }
        p->cmd = v & CMD_WRITABLE;
        start_commands(p);
        break;
    case R_SCTL:
        write_sctl(p, v);
        break;
    case R_SERR:
        p->serr &= ~v;
        break;
    case R_SACT:
        p->sact |= p->cmd & CMD_ST ? v : 0;
        break;
    case R_CI:
        p->ci |= p->cmd & CMD_ST ? v : 0;
        start_commands(p);
        break;
    default:
        break;
    }
}

void ahci_port_reset(struct ahci_port *p)
{
    stop(p);
    p->clb = p->clbu = p->fb = p->fbu = p->is = p->ie = p->serr = p->sctl = 0;
    p->signature_due = true;
    p->cmd = 6; /* spun up, powered */
}

void ahci_port_drain(struct ahci_port *p)
{
    if (drive_of(p)) {
        block_drain(drive_of(p)->blk);
    }
}
