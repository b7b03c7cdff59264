/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000.c: what the cards of e1000.h share: registers, life; and the 82540EM. The 82574L is e1000e.c,
 * the rings are in e1000_tx.c and e1000_rx.c, EEPROM and PHY in e1000_phy.c.
 *
 * Invariants: the pin follows ICR & IMS, no sooner after the last rise than ITR says.
 *             A register without a row keeps what is written.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "hw/nvram/boot_order.h"
#include "softmmu/machine.h"

#define IO_SIZE   0x40u
#define PBA_RESET 0x00100030u

/* Interrupts ------------------------------------------------------------------------------------ */

/* INTx alone. */
static void update_irq(struct e1000 *s)
{
    bool level = (*e1000_reg(s, ICR) & *e1000_reg(s, IMS)) != 0;
    uint32_t itr = *e1000_reg(s, ITR);

    if (level && !s->pci.intx) {
        if (s->itr_timer.armed) {
            return;
        }
        if (itr) {
            timer_arm(&s->itr_timer, clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) +
                                         (int64_t)itr * E1000_ITR_UNIT);
        }
    }
    pci_set_intx(&s->pci, level);
}

static void itr_over(void *opaque)
{
    struct e1000 *s = opaque;

    s->model->update_irq(s);
}

void e1000_interrupt(struct e1000 *s, uint32_t causes)
{
    *e1000_reg(s, ICR) |= causes & s->model->causes;
    s->model->update_irq(s);
}

static uint32_t read_icr(struct e1000 *s, unsigned off)
{
    uint32_t v = *e1000_reg(s, off);

    *e1000_reg(s, off) = 0; /* read clears it (13.4.17) */
    s->model->update_irq(s);
    return v;
}

static void write_icr(struct e1000 *s, unsigned off, uint32_t v)
{
    *e1000_reg(s, off) &= ~v;
    s->model->update_irq(s);
}

static void write_ics(struct e1000 *s, unsigned off, uint32_t v)
{
    (void)off;
    e1000_interrupt(s, v);
}

static void write_ims(struct e1000 *s, unsigned off, uint32_t v)
{
    *e1000_reg(s, off) |= v & s->model->causes;
    s->model->update_irq(s);
}

static void write_imc(struct e1000 *s, unsigned off, uint32_t v)
{
    (void)off;
    *e1000_reg(s, IMS) &= ~v;
    s->model->update_irq(s);
}

/* Registers ------------------------------------------------------------------------------------- */

static void reset_regs(struct e1000 *s);

static uint32_t read_zero(struct e1000 *s, unsigned off)
{
    (void)s;
    (void)off;
    return 0;
}

static uint32_t read_and_clear(struct e1000 *s, unsigned off)
{
    uint32_t v = *e1000_reg(s, off);

    *e1000_reg(s, off) = 0;
    return v;
}

static void set_link(struct e1000 *s)
{
    bool up = nic_link_up(&s->nic),
         gio = s->model->express && !(*e1000_reg(s, CTRL) & CTRL_GIO_OFF);

    *e1000_reg(s, STATUS) = STATUS_FD | (up ? STATUS_LU : 0) | (gio ? STATUS_GIO : 0);
    e1000_phy_link(s, up);
}

static void write_ctrl(struct e1000 *s, unsigned off, uint32_t v)
{
    if (v & CTRL_RST) {
        reset_regs(s);
        return;
    }
    *e1000_reg(s, off) = v & 0x7fffffff;
    set_link(s);
}

/* What is behind a tail, or may be now. */
static void write_tx(struct e1000 *s, unsigned off, uint32_t v)
{
    *e1000_reg(s, off) = off == TCTL ? v : v & 0xffff;
    e1000_transmit(s);
}

static void write_rx(struct e1000 *s, unsigned off, uint32_t v)
{
    *e1000_reg(s, off) = off == RCTL ? v : v & 0xffff;
    net_ready(&s->nic.client);
}

/* clang-format off */
static const struct e1000_row rows[] = {
    { 0 },                      /* no row */
    { CTRL,   CTRL,          0x00140240, 0,          NULL,           write_ctrl }, /* 1000 Mbit/s, link up */
    { STATUS, STATUS,        0,          0,          NULL,           NULL },
    { EECD,   EECD,          0,          0,          e1000_eecd_read, e1000_eecd_write },
    { EERD,   EERD,          0,          0,          NULL,           e1000_eerd_write },
    { MDIC,   MDIC,          0,          0,          NULL,           e1000_mdic_write },
    { VET,    VET,           0x8100,     0xffff,     NULL,           NULL },
    { ICR,    ICR,           0,          0,          read_icr,       write_icr },
    { ITR,    ITR,           0,          0xffff,     NULL,           NULL },
    { ICS,    ICS,           0,          0,          read_zero,      write_ics },
    { IMS,    IMS,           0,          0,          NULL,           write_ims },
    { IMC,    IMC,           0,          0,          read_zero,      write_imc },
    { RCTL,   RCTL,          0,          0,          NULL,           write_rx },
    { TCTL,   TCTL,          0,          0,          NULL,           write_tx },
    { PBA,    PBA,           PBA_RESET,  UINT32_MAX, NULL,           NULL },
    { RDBAL,  RDBAL,         0,          0xfffffff0, NULL,           NULL },
    { RDLEN,  RDLEN,         0,          0x000fff80, NULL,           NULL },
    { RDH,    RDH,           0,          0x0000ffff, NULL,           NULL },
    { RDT,    RDT,           0,          0,          NULL,           write_rx },
    { TDBAL,  TDBAL,         0,          0xfffffff0, NULL,           NULL },
    { TDLEN,  TDLEN,         0,          0x000fff80, NULL,           NULL },
    { TDH,    TDH,           0,          0x0000ffff, NULL,           NULL },
    { TDT,    TDT,           0,          0,          NULL,           write_tx },
    { TDBAL + E1000_QUEUE, TDBAL + E1000_QUEUE, 0, 0xfffffff0, NULL, NULL },
    { TDLEN + E1000_QUEUE, TDLEN + E1000_QUEUE, 0, 0x000fff80, NULL, NULL },
    { TDH + E1000_QUEUE,   TDH + E1000_QUEUE,   0, 0x0000ffff, NULL, NULL },
    { TDT + E1000_QUEUE,   TDT + E1000_QUEUE,   0, 0,          NULL, write_tx },
    { STATS,  STATS_END - 4, 0,          0,          read_and_clear, NULL },
};
/* clang-format on */

static const struct e1000_row *row_at(const struct e1000 *s, unsigned off)
{
    unsigned n = s->row_of[off / 4];

    return n == 0 ? NULL : n < E1000_OWN_ROWS ? &rows[n] : &s->model->rows[n - E1000_OWN_ROWS];
}

/* The model's rows go before those of all. */
static void index_rows(struct e1000 *s)
{
    for (unsigned i = 1; i < G_N_ELEMENTS(rows); i++) {
        memset(s->row_of + rows[i].first / 4, (int)i, (rows[i].last - rows[i].first) / 4 + 1u);
    }
    for (unsigned i = 0; s->model->rows[i].last; i++) {
        const struct e1000_row *r = &s->model->rows[i];

        memset(s->row_of + r->first / 4, (int)(E1000_OWN_ROWS + i), (r->last - r->first) / 4 + 1u);
    }
}

static void reset_regs(struct e1000 *s)
{
    for (unsigned off = 0; off < REGS_END; off += 4) {
        const struct e1000_row *r = row_at(s, off);

        *e1000_reg(s, off) = r ? r->reset : 0;
    }
    timer_disarm(&s->itr_timer);
    memset(s->tx, 0, sizeof(s->tx));
    nic_eeprom_reset(&s->eeprom);
    memcpy(e1000_reg(s, RAL), s->nic.mac, 4);
    *e1000_reg(s, RAH) = RAH_AV | s->nic.mac[4] | (uint32_t)s->nic.mac[5] << 8;
    e1000_phy_reset(s);
    set_link(s);
    s->model->update_irq(s);
}

static uint64_t e1000_read(void *opaque, uint64_t off, unsigned size)
{
    struct e1000 *s = opaque;
    const struct e1000_row *r = off < REGS_END ? row_at(s, (unsigned)off) : NULL;

    (void)size;
    return r && r->read     ? r->read(s, (unsigned)off)
           : off < REGS_END ? *e1000_reg(s, (unsigned)off)
                            : 0;
}

static void e1000_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct e1000 *s = opaque;
    const struct e1000_row *r = off < REGS_END ? row_at(s, (unsigned)off) : NULL;

    (void)size;
    if (r && r->write) {
        r->write(s, (unsigned)off, (uint32_t)value);
    } else if (off < REGS_END) {
        *e1000_reg(s, (unsigned)off) = (uint32_t)value & (r ? r->writable : UINT32_MAX);
    }
}

static const struct mem_ops mmio_ops = {
    .read = e1000_read, .write = e1000_write, .min_size = 4, .max_size = 4
};

/* I/O space: an address register, and the register it names (13.2). */
static uint64_t e1000_io_read(void *opaque, uint64_t off, unsigned size)
{
    struct e1000 *s = opaque;
    uint32_t at = s->io_addr & (E1000_MMIO_SIZE - 4);

    return off == 0 ? s->io_addr : off == 4 ? e1000_read(s, at, size) : 0;
}

static void e1000_io_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct e1000 *s = opaque;

    if (off == 0) {
        s->io_addr = (uint32_t)value;
    } else if (off == 4) {
        e1000_write(s, s->io_addr & (E1000_MMIO_SIZE - 4), value, size);
    }
}

static const struct mem_ops io_ops = {
    .read = e1000_io_read, .write = e1000_io_write, .min_size = 4, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

void e1000_link_changed(struct net_client *c)
{
    struct e1000 *s = e1000_of(c);

    if (s->pci.dev.realized) {
        set_link(s);
        e1000_interrupt(s, INT_LSC);
    }
}

void e1000_drained(struct net_client *c)
{
    e1000_transmit(e1000_of(c));
}

void e1000_unrealize(struct device *dev)
{
    struct e1000 *s = (struct e1000 *)dev;

    boot_order_remove(dev);
    nic_detach(&s->nic);
    timer_disarm(&s->itr_timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
    mem_region_destroy(&s->io);
}

bool e1000_setup(struct e1000 *s, const struct e1000_model *model, GError **error)
{
    struct device *dev = &s->pci.dev;

    s->model = model;
    index_rows(s);
    if (!nic_attach(&s->nic, dev, model->ops, error)) {
        return false;
    }
    if (!pci_device_setup(&s->pci, &model->ident, error)) {
        nic_detach(&s->nic);
        return false;
    }
    mem_region_init_mmio(&s->mmio, dev->machine, "e1000-mmio", &mmio_ops, s, E1000_MMIO_SIZE);
    mem_region_init_mmio(&s->io, dev->machine, "e1000-io", &io_ops, s, IO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mmio, E1000_MMIO_SIZE);
    pci_add_bar(&s->pci, model->express ? 2 : 1, PCI_BAR_IO, &s->io, IO_SIZE);
    timer_init(&s->itr_timer, dev->machine, CLOCK_KIND_VIRTUAL, itr_over, s);
    e1000_eeprom_fill(s);
    if (!boot_order_add(dev, dev, s->nic.bootindex, "/ethernet-phy@0", error)) {
        e1000_unrealize(dev);
        return false;
    }
    return true;
}

void e1000_reset(struct device *dev)
{
    struct e1000 *s = (struct e1000 *)dev;

    pci_device_reset(&s->pci);
    net_purge(&s->nic.client);
    s->io_addr = 0;
    reset_regs(s);
}

bool e1000_post_load(struct device *dev, GError **error)
{
    struct e1000 *s = (struct e1000 *)dev;

    for (unsigned q = 0; q < E1000_QUEUES; q++) {
        if (s->tx[q].len > NET_FRAME_MAX) {
            s->tx[q].len = UINT32_MAX;
        }
    }
    nic_eeprom_post_load(&s->eeprom);
    set_link(s);
    return pci_device_post_load(&s->pci, error);
}

static const struct state_row context_state[] = {
    STATE_INT(struct e1000_context, ipcss, 1, "IP checksum: start"),
    STATE_INT(struct e1000_context, ipcso, 1, "offset"),
    STATE_INT(struct e1000_context, ipcse, 1, "end"),
    STATE_INT(struct e1000_context, tucss, 1, "TCP or UDP checksum: start"),
    STATE_INT(struct e1000_context, tucso, 1, "offset"),
    STATE_INT(struct e1000_context, tucse, 1, "end"),
    STATE_INT(struct e1000_context, hdrlen, 1, "bytes of headers"),
    STATE_INT(struct e1000_context, mss, 1, "bytes of a segment"),
    { 0 },
};

static const struct state_row tx_state[] = {
    STATE_SUB(struct e1000_tx, context, 1, context_state, 1, "the last context descriptor"),
    STATE_INT(struct e1000_tx, len, 1, "bytes of the frame so far"),
    STATE_INT(struct e1000_tx, tse, 1, "it becomes segments"),
    STATE_INT(struct e1000_tx, ip, 1, "its IP checksum is made"),
    STATE_INT(struct e1000_tx, tcp, 1, "its TCP or UDP checksum is made"),
    STATE_INT(struct e1000_tx, cso, 1, "its checksum is made as a legacy descriptor says"),
    STATE_INT(struct e1000_tx, css, 1, "from there"),
    STATE_INT(struct e1000_tx, cs_at, 1, "put there"),
    STATE_BUF(struct e1000_tx, frame, 1, "the frame so far"),
    { 0 },
};

const struct state_row e1000_state[] = {
    STATE_ARRAY(struct e1000, regs, 1, "registers by offset"),
    STATE_ARRAY(struct e1000, phy, 1, "PHY registers"),
    STATE_INT(struct e1000, io_addr, 1, "IOADDR"),
    STATE_TIMER_ROW(struct e1000, itr_timer, 1, "until the next interrupt may come"),
    NIC_EEPROM_STATE(struct e1000, eeprom),
    STATE_SUB(struct e1000, tx, E1000_QUEUES, tx_state, 1, "frames on their way out"),
    { 0 },
};

/* The 82540EM ----------------------------------------------------------------------------------- */

static const struct net_ops client_ops = {
    .model = "e1000",
    .card = true,
    .announce = nic_announce,
    .receive = e1000_receive,
    .drained = e1000_drained,
    .link_changed = e1000_link_changed,
};

static const struct e1000_row no_rows[] = { { 0 } };

static const struct e1000_model model_82540em = {
    .ops = &client_ops,
    .ident = {
        .vendor = 0x8086,
        .device = 0x100e,
        .revision = 3,
        .class = 0x0200,
        .int_pin = 1,
        .romfile = "efi-e1000.rom",
    },
    .rows = no_rows,
    .queues = 1,
    .phy_id = 0x0c20,
    .eeprom_control = 0x3040,
    .eerd_done = 0x10,
    .eerd_shift = 8,
    .causes = 0x0001ffff,
    .update_irq = update_irq,
};

static bool e1000_realize(struct device *dev, GError **error)
{
    return e1000_setup((struct e1000 *)dev, &model_82540em, error);
}

static const struct property e1000_props[] = {
    PCI_PROPS(struct e1000, pci),
    NIC_PROPS(struct e1000, nic),
    { 0 },
};

/* The struct itself is the part that E1000_STATE names. */
struct e1000_alone {
    struct e1000 card;
};
static const struct state_row alone_state[] = { E1000_STATE(struct e1000_alone, card), { 0 } };

const struct device_type e1000_type = {
    .name = "e1000",
    .bus = BUS_PCI,
    .summary = "Intel Gigabit Ethernet (82540EM)",
    .size = sizeof(struct e1000),
    .props = e1000_props,
    .state = alone_state,
    .realize = e1000_realize,
    .reset = e1000_reset,
    .unrealize = e1000_unrealize,
    .post_load = e1000_post_load,
};
