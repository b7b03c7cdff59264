/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/piix3_ide.c: the IDE function of the 82371SB (8086:7010): two channels at the ports of
 * the PC/AT, IRQs 14 and 15, bus-master DMA.
 *
 * Source: Intel 82371FB/82371SB datasheet (290550), 2.3 and 3.5; "Programming Interface for Bus
 *         Master IDE Controller", revision 1.0.
 * Invariants: a channel's ports are decoded exactly while its IDETIM says so and I/O is enabled;
 *             bm.len is 0 or bytes of one descriptor; a walk reads at most MAX_PRDS descriptors.
 * Thread:     under the machine lock.
 */
#include "hw/block/piix3_ide.h"

#include "hw/isa/isa.h"
#include "util/error.h"
#include "util/log.h"

enum { IDETIM = 0x40, IDETIM_DECODE = 0x80 };
enum { BM_START = 0x01, BM_READ = 0x08 }; /* READ: from the drive to memory */
enum { BM_ACTIVE = 0x01, BM_ERROR = 0x02, BM_INTERRUPT = 0x04, BM_CAPABLE = 0x60 };
/* A table lies within 64 KiB. */
#define MAX_PRDS 8192u

static const struct {
    uint16_t command, control;
    unsigned irq;
} ports[2] = {
    { 0x1f0, 0x3f6, 14 },
    { 0x170, 0x376, 15 },
};

/* Bus-master DMA -------------------------------------------------------------------------------- */

static struct address_space *memory_of(struct piix3_channel *c)
{
    return &c->owner->pci.dev.machine->memory;
}

static bool is_master(const struct piix3_channel *c)
{
    return pci_config_load(&c->owner->pci, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;
}

static bool dma_ready(struct ide_channel *ch)
{
    const struct piix3_channel *c = (const struct piix3_channel *)ch;

    return c->bm.command & BM_START && c->bm.status & BM_ACTIVE;
}

/* Loads descriptors until one has bytes.  False: the table is at its end, or cannot be read. */
static bool next_descriptor(struct piix3_channel *c)
{
    struct bmdma *bm = &c->bm;
    uint8_t prd[8];

    if (bm->last || bm->seen >= MAX_PRDS || !is_master(c)) {
        return false;
    }
    if (!address_space_read(memory_of(c), bm->next, prd, sizeof(prd))) {
        bm->status |= BM_ERROR;
        return false;
    }
    bm->addr =
        (prd[0] | (uint32_t)prd[1] << 8 | (uint32_t)prd[2] << 16 | (uint32_t)prd[3] << 24) & ~1u;
    bm->len = (prd[4] | (uint32_t)prd[5] << 8) & 0xfffe;
    bm->len = bm->len ? bm->len : 0x10000;
    bm->last = prd[7] & 0x80;
    bm->next += 8;
    bm->seen++;
    return true;
}

static uint32_t dma_copy(struct ide_channel *ch, uint8_t *buf, uint32_t len, bool to_guest)
{
    struct piix3_channel *c = (struct piix3_channel *)ch;
    struct bmdma *bm = &c->bm;
    uint32_t done = 0;

    while (done < len) {
        uint32_t n;
        bool ok;

        if (bm->len == 0 && !next_descriptor(c)) {
            break;
        }
        n = MIN(bm->len, len - done);
        ok = to_guest ? address_space_write(memory_of(c), bm->addr, buf + done, n)
                      : address_space_read(memory_of(c), bm->addr, buf + done, n);
        if (!ok) {
            log_line(LOG_GUEST_ERRORS, "piix3-ide: DMA to 0x%08x, where is no RAM", bm->addr);
        }
        bm->addr += n;
        bm->len -= n;
        done += n;
    }
    if (bm->last && bm->len == 0) {
        bm->status &= ~BM_ACTIVE;
    }
    return done;
}

static void start_dma(struct piix3_channel *c)
{
    c->bm.next = c->bm.table;
    c->bm.len = c->bm.seen = 0;
    c->bm.last = false;
    c->bm.status |= BM_ACTIVE;
    ide_continue_dma(&c->ch);
}

static uint64_t bm_read(void *opaque, uint64_t off, unsigned size)
{
    struct piix3_ide *s = opaque;
    struct bmdma *bm = &s->channels[off >> 3 & 1].bm;

    (void)size;
    switch (off & 7) {
    case 0:
        return bm->command;
    case 2:
        return bm->status;
    case 4:
    case 5:
    case 6:
    case 7:
        return bm->table >> (off & 3) * 8 & 0xff;
    default:
        return 0;
    }
}

static void bm_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct piix3_ide *s = opaque;
    struct piix3_channel *c = &s->channels[off >> 3 & 1];
    struct bmdma *bm = &c->bm;
    unsigned shift = (off & 3) * 8;
    uint8_t v = (uint8_t)value, old = bm->command;

    (void)size;
    switch (off & 7) {
    case 0:
        bm->command = v & (BM_START | BM_READ);
        if (v & BM_START && !(old & BM_START)) {
            start_dma(c);
        } else if (!(v & BM_START)) {
            bm->status &= ~BM_ACTIVE;
        }
        break;
    case 2:
        bm->status = (uint8_t)((bm->status & ~BM_CAPABLE & ~(v & (BM_ERROR | BM_INTERRUPT))) |
                               (v & BM_CAPABLE));
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        bm->table = (bm->table & ~(0xffu << shift)) | (uint32_t)v << shift;
        bm->table &= ~3u;
        break;
    default:
        break;
    }
}

/* Bytes; the floor splits the rest. */
static const struct mem_ops bm_ops = {
    .read = bm_read, .write = bm_write, .min_size = 1, .max_size = 1
};

/* The channels' ports --------------------------------------------------------------------------- */

static void set_irq(struct ide_channel *ch, bool level)
{
    struct piix3_channel *c = (struct piix3_channel *)ch;

    if (level && !c->intrq) {
        c->bm.status |= BM_INTERRUPT;
    }
    c->intrq = level;
    irq_set(&c->irq, level);
}

static const struct ide_host_ops host_ops = {
    .set_irq = set_irq,
    .dma_ready = dma_ready,
    .dma_copy = dma_copy,
};

static uint64_t command_read(void *opaque, uint64_t off, unsigned size)
{
    struct piix3_channel *c = opaque;

    if (off == 0 || size == 1) {
        return ide_read(&c->ch, (unsigned)off, size);
    }
    return UINT64_MAX;
}

static void command_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct piix3_channel *c = opaque;

    for (unsigned i = 0; off > 0 && i < size; i++) { /* registers are bytes */
        if (off + i < 8) {
            ide_write(&c->ch, (unsigned)off + i, (uint32_t)(value >> i * 8) & 0xff, 1);
        }
    }
    if (off == 0) {
        ide_write(&c->ch, 0, (uint32_t)value, size);
    }
}

static const struct mem_ops command_ops = {
    .read = command_read, .write = command_write, .min_size = 1, .max_size = 4
};

static uint64_t control_read(void *opaque, uint64_t off, unsigned size)
{
    (void)off;
    (void)size;
    return ide_alt_status(&((struct piix3_channel *)opaque)->ch);
}

static void control_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)off;
    (void)size;
    ide_control(&((struct piix3_channel *)opaque)->ch, (uint8_t)value);
}

static const struct mem_ops control_ops = {
    .read = control_read, .write = control_write, .min_size = 1, .max_size = 1
};

static void update_decode(struct piix3_ide *s)
{
    bool io = pci_config_load(&s->pci, PCI_COMMAND, 2) & PCI_COMMAND_IO;

    mem_transaction_begin(s->pci.dev.machine);
    for (unsigned i = 0; i < 2; i++) {
        bool on = io && s->pci.config[IDETIM + 2 * i + 1] & IDETIM_DECODE;

        mem_region_set_enabled(&s->channels[i].command, on);
        mem_region_set_enabled(&s->channels[i].control, on);
    }
    mem_transaction_commit(s->pci.dev.machine);
}

static void config_written(struct pci_device *d, unsigned off, unsigned size)
{
    if ((off < PCI_COMMAND + 2 && off + size > PCI_COMMAND) ||
        (off < IDETIM + 4 && off + size > IDETIM)) {
        update_decode((struct piix3_ide *)d);
    }
}

void piix3_ide_place(struct piix3_ide *s, uint16_t base)
{
    pci_config_write(&s->pci, IDETIM, 0x80008000u, 4);
    pci_config_write(&s->pci, PCI_BAR0 + 4 * 4, base, 4);
    pci_config_write(&s->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
}

/* Life ------------------------------------------------------------------------------------------ */

static void add_channel(struct piix3_ide *s, unsigned i)
{
    struct piix3_channel *c = &s->channels[i];
    struct machine *m = s->pci.dev.machine;
    const struct irq *line = isa_irq(&s->pci.dev, ports[i].irq);

    c->owner = s;
    if (!c->irq.handler && line) {
        c->irq = *line;
    }
    ide_channel_init(&c->ch, &s->pci.dev, i, &host_ops, 2);
    mem_region_init_mmio(&c->command, m, "ide-command", &command_ops, c, 8);
    mem_region_init_mmio(&c->control, m, "ide-control", &control_ops, c, 1);
    isa_register_ports(&s->pci.dev, ports[i].command, &c->command);
    isa_register_ports(&s->pci.dev, ports[i].control, &c->control);
}

static bool piix3_ide_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x7010, .class = 0x0101, .prog_if = 0x80
    };
    struct piix3_ide *s = (struct piix3_ide *)dev;

    for (unsigned i = 0; i < dev->machine->devices->len; i++) {
        const struct device *other = g_ptr_array_index(dev->machine->devices, i);

        if (other != dev && other->type == dev->type && other->realized) { /* fixed ports */
            set_error(error, "piix3-ide: the machine has one already");
            return false;
        }
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = config_written;
    pci_config_set_wmask(&s->pci, IDETIM, 0xffffffff, 4);
    pci_config_set_wmask(&s->pci, 0x44, 0xff, 1); /* SIDETIM */
    mem_region_init_mmio(&s->bus_master, dev->machine, "bus-master-ide", &bm_ops, s, 16);
    pci_add_bar(&s->pci, 4, PCI_BAR_IO, &s->bus_master, 16);
    for (unsigned i = 0; i < 2; i++) {
        add_channel(s, i);
    }
    update_decode(s);
    return true;
}

static void piix3_ide_reset(struct device *dev)
{
    struct piix3_ide *s = (struct piix3_ide *)dev;

    pci_device_reset(&s->pci);
    for (unsigned i = 0; i < 2; i++) {
        struct piix3_channel *c = &s->channels[i];

        /* Decoded from reset on: OVMF takes it that the channels answer, and never sets the bit. */
        s->pci.config[IDETIM + 2 * i + 1] |= IDETIM_DECODE;
        for (unsigned k = 0; k < 2; k++) {
            if (c->ch.drives[k]) {
                ide_abandon(c->ch.drives[k]);
            }
        }
        c->ch.select = c->ch.control = 0;
        c->ch.irq = false;
        c->bm = (struct bmdma){ 0 };
        set_irq(&c->ch, false);
    }
    update_decode(s);
}

static void piix3_ide_unrealize(struct device *dev)
{
    struct piix3_ide *s = (struct piix3_ide *)dev;

    for (unsigned i = 0; i < 2; i++) {
        ide_channel_destroy(&s->channels[i].ch);
        mem_region_destroy(&s->channels[i].command);
        mem_region_destroy(&s->channels[i].control);
    }
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->bus_master);
}

static void piix3_ide_pre_save(struct device *dev)
{
    struct piix3_ide *s = (struct piix3_ide *)dev;

    for (unsigned i = 0; i < 4; i++) {
        struct ide_drive *d = s->channels[i / 2].ch.drives[i % 2];

        if (d) {
            block_drain(d->blk);
        }
    }
}

static bool piix3_ide_post_load(struct device *dev, GError **error)
{
    struct piix3_ide *s = (struct piix3_ide *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct piix3_channel *c = &s->channels[i];

        if (c->bm.len > 0x10000 || c->bm.seen > MAX_PRDS) {
            set_error(error, "channel %u: the DMA table's state is out of bounds", i);
            return false;
        }
        c->ch.select &= IDE_SEL_DEV;
        c->intrq = c->ch.irq && !(c->ch.control & IDE_CTL_NIEN);
        irq_set(&c->irq, c->intrq);
    }
    update_decode(s);
    return true;
}

static const struct property piix3_ide_props[] = { PCI_PROPS(struct piix3_ide, pci), { 0 } };

static const struct state_row bmdma_state[] = {
    STATE_INT(struct bmdma, command, 1, "command register"),
    STATE_INT(struct bmdma, status, 1, "status register"),
    STATE_INT(struct bmdma, table, 1, "descriptor table"),
    STATE_INT(struct bmdma, next, 1, "next descriptor"),
    STATE_INT(struct bmdma, addr, 1, "where the current descriptor goes on"),
    STATE_INT(struct bmdma, len, 1, "bytes left of it"),
    STATE_INT(struct bmdma, last, 1, "it is the last one"),
    STATE_INT(struct bmdma, seen, 1, "descriptors since the start"),
    { 0 },
};

static const struct state_row channel_state[] = {
    STATE_SUB(struct piix3_channel, ch, 1, ide_channel_state, 1, "the channel"),
    STATE_SUB(struct piix3_channel, bm, 1, bmdma_state, 1, "bus-master registers"),
    { 0 },
};

static const struct state_row piix3_ide_state[] = {
    PCI_STATE(struct piix3_ide, pci),
    STATE_SUB(struct piix3_ide, channels, 2, channel_state, 1, "primary and secondary channel"),
    { 0 },
};

const struct device_type piix3_ide_type = {
    .name = "piix3-ide",
    .summary = "Intel 82371SB IDE controller",
    .bus = BUS_PCI,
    .size = sizeof(struct piix3_ide),
    .props = piix3_ide_props,
    .state = piix3_ide_state,
    .realize = piix3_ide_realize,
    .reset = piix3_ide_reset,
    .unrealize = piix3_ide_unrealize,
    .pre_save = piix3_ide_pre_save,
    .post_load = piix3_ide_post_load,
};
