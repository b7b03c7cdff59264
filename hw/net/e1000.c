/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000.c: Intel 82540EM: registers, interrupts, life. The rings are in e1000_tx.c and e1000_rx.c,
 * EEPROM and PHY in e1000_phy.c.
 *
 * Invariants: the pin follows ICR & IMS, no sooner after the last rise than ITR says.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "hw/nvram/boot_order.h"
#include "softmmu/machine.h"

#define MMIO_SIZE 0x20000u
#define IO_SIZE   0x40u
#define ITR_UNIT  256 /* ns */
#define PBA_RESET 0x00100030u

/* Interrupts ------------------------------------------------------------------------------------ */

static void update_irq(struct e1000 *s)
{
    bool level = (*e1000_reg(s, ICR) & *e1000_reg(s, IMS)) != 0;
    uint32_t itr = *e1000_reg(s, ITR) & 0xffff;

    if (level && !s->pci.intx) {
        if (s->itr_timer.armed) {
            return;
        }
        if (itr) {
            timer_arm(&s->itr_timer,
                      clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) + (int64_t)itr * ITR_UNIT);
        }
    }
    pci_set_intx(&s->pci, level);
}

static void itr_over(void *opaque)
{
    update_irq(opaque);
}

void e1000_interrupt(struct e1000 *s, uint32_t causes)
{
    *e1000_reg(s, ICR) |= causes;
    update_irq(s);
}

/* Registers ------------------------------------------------------------------------------------- */

static void set_link(struct e1000 *s)
{
    uint32_t *status = e1000_reg(s, STATUS);

    *status = STATUS_FD | (nic_link_up(&s->nic) ? STATUS_LU : 0);
    e1000_phy_link(s, (*status & STATUS_LU) != 0);
}

static void e1000_reset_regs(struct e1000 *s)
{
    memset(s->regs, 0, sizeof(s->regs));
    timer_disarm(&s->itr_timer);
    s->tx_len = 0;
    s->tx_tse = s->tx_ip = s->tx_tcp = s->tx_cso = s->tx_vlan = false;
    s->context = (struct e1000_context){ 0 };
    s->wire_bits = s->wire_left = 0;
    s->wire_do = true;
    *e1000_reg(s, PBA) = PBA_RESET;
    *e1000_reg(s, VET) = 0x8100;
    *e1000_reg(s, CTRL) = 0x00140240; /* 1000 Mbit/s, full duplex, link up */
    memcpy(e1000_reg(s, RAL), s->nic.mac, 4);
    *e1000_reg(s, RAH) = RAH_AV | s->nic.mac[4] | (uint32_t)s->nic.mac[5] << 8;
    e1000_phy_reset(s);
    set_link(s);
    update_irq(s);
}

static uint64_t e1000_read(void *opaque, uint64_t off, unsigned size)
{
    struct e1000 *s = opaque;
    uint32_t v;

    (void)size;
    if (off >= REGS_END) {
        return 0;
    }
    v = *e1000_reg(s, (unsigned)off);
    switch (off) {
    case EECD:
        return e1000_eecd_read(s);
    case ICR:
        *e1000_reg(s, ICR) = 0; /* read clears it (13.4.17) */
        update_irq(s);
        return v;
    case ICS:
    case IMC:
        return 0;
    default:
        if (off >= STATS && off < STATS_END) {
            *e1000_reg(s, (unsigned)off) = 0;
        }
        return v;
    }
}

static void write_ctrl(struct e1000 *s, uint32_t v)
{
    if (v & CTRL_RST) {
        e1000_reset_regs(s);
        return;
    }
    *e1000_reg(s, CTRL) = v & 0x7fffffff;
}

/* Bits that are kept of what is written; 0xffffffff: all. */
static uint32_t writable(uint64_t off)
{
    switch (off) {
    case STATUS:
        return 0;
    case RDBAL:
    case TDBAL:
        return 0xfffffff0;
    case RDLEN:
    case TDLEN:
        return 0xfff80;
    case RDH:
    case RDT:
    case TDH:
    case TDT:
    case VET:
        return 0xffff;
    default:
        return off >= STATS && off < STATS_END ? 0 : 0xffffffff;
    }
}

static void e1000_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct e1000 *s = opaque;
    uint32_t v = (uint32_t)value;

    (void)size;
    switch (off) {
    case CTRL:
        write_ctrl(s, v);
        return;
    case EECD:
        e1000_eecd_write(s, v);
        return;
    case EERD:
        e1000_eerd_write(s, v);
        return;
    case MDIC:
        e1000_mdic_write(s, v);
        return;
    case ICR:
        *e1000_reg(s, ICR) &= ~v;
        update_irq(s);
        return;
    case ICS:
        e1000_interrupt(s, v);
        return;
    case IMS:
    case IMC:
        *e1000_reg(s, IMS) = off == IMS ? *e1000_reg(s, IMS) | v : *e1000_reg(s, IMS) & ~v;
        update_irq(s);
        return;
    default:
        break;
    }
    if (off >= REGS_END) {
        return;
    }
    *e1000_reg(s, (unsigned)off) = v & writable(off);
    if (off == TDT || off == TCTL) {
        e1000_transmit(s);
    } else if (off == RDT || off == RCTL) {
        net_ready(&s->nic.client);
    }
}

static const struct mem_ops mmio_ops = {
    .read = e1000_read, .write = e1000_write, .min_size = 4, .max_size = 4
};

/* I/O space: an address register, and the register it names (13.2). */
static uint64_t e1000_io_read(void *opaque, uint64_t off, unsigned size)
{
    struct e1000 *s = opaque;

    return off == 0 ? s->io_addr : off == 4 ? e1000_read(s, s->io_addr & (MMIO_SIZE - 4), size) : 0;
}

static void e1000_io_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct e1000 *s = opaque;

    if (off == 0) {
        s->io_addr = (uint32_t)value;
    } else if (off == 4) {
        e1000_write(s, s->io_addr & (MMIO_SIZE - 4), value, size);
    }
}

static const struct mem_ops io_ops = {
    .read = e1000_io_read, .write = e1000_io_write, .min_size = 4, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static void link_changed(struct net_client *c)
{
    struct e1000 *s = e1000_of(c);

    if (s->pci.dev.realized) {
        set_link(s);
        e1000_interrupt(s, INT_LSC);
    }
}

static void drained(struct net_client *c)
{
    e1000_transmit(e1000_of(c));
}

static const struct net_ops client_ops = {
    .model = "e1000",
    .card = true,
    .receive = e1000_receive,
    .drained = drained,
    .link_changed = link_changed,
};

static void e1000_unrealize(struct device *dev)
{
    struct e1000 *s = (struct e1000 *)dev;

    boot_order_remove(dev);
    nic_detach(&s->nic);
    timer_disarm(&s->itr_timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
    mem_region_destroy(&s->io);
}

static bool e1000_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086,
        .device = 0x100e,
        .revision = 3,
        .class = 0x0200,
        .int_pin = 1,
        .romfile = "efi-e1000.rom",
    };
    struct e1000 *s = (struct e1000 *)dev;

    if (!nic_attach(&s->nic, dev, &client_ops, error)) {
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        nic_detach(&s->nic);
        return false;
    }
    mem_region_init_mmio(&s->mmio, dev->machine, "e1000-mmio", &mmio_ops, s, MMIO_SIZE);
    mem_region_init_mmio(&s->io, dev->machine, "e1000-io", &io_ops, s, IO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mmio, MMIO_SIZE);
    pci_add_bar(&s->pci, 1, PCI_BAR_IO, &s->io, IO_SIZE);
    timer_init(&s->itr_timer, dev->machine, CLOCK_KIND_VIRTUAL, itr_over, s);
    e1000_eeprom_fill(s);
    if (!boot_order_add(dev, dev, s->nic.bootindex, "/ethernet-phy@0", error)) {
        e1000_unrealize(dev);
        return false;
    }
    return true;
}

static void e1000_reset(struct device *dev)
{
    struct e1000 *s = (struct e1000 *)dev;

    pci_device_reset(&s->pci);
    net_purge(&s->nic.client);
    s->io_addr = 0;
    e1000_reset_regs(s);
}

static bool e1000_post_load(struct device *dev, GError **error)
{
    struct e1000 *s = (struct e1000 *)dev;

    if (s->tx_len > NET_FRAME_MAX) {
        s->tx_len = UINT32_MAX;
    }
    s->wire_left = MIN(s->wire_left, 16);
    set_link(s);
    return pci_device_post_load(&s->pci, error);
}

static const struct property e1000_props[] = {
    PCI_PROPS(struct e1000, pci),
    NIC_PROPS(struct e1000, nic),
    { 0 },
};

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

static const struct state_row e1000_state[] = {
    PCI_STATE(struct e1000, pci),
    STATE_ARRAY(struct e1000, regs, 1, "registers by offset"),
    STATE_ARRAY(struct e1000, phy, 1, "PHY registers"),
    STATE_INT(struct e1000, io_addr, 1, "IOADDR"),
    STATE_TIMER_ROW(struct e1000, itr_timer, 1, "until the next interrupt may come"),
    STATE_INT(struct e1000, wire_in, 1, "EEPROM: bits of a command"),
    STATE_INT(struct e1000, wire_out, 1, "EEPROM: bits of the answer"),
    STATE_INT(struct e1000, wire_bits, 1, "EEPROM: how many came"),
    STATE_INT(struct e1000, wire_left, 1, "EEPROM: how many are left"),
    STATE_INT(struct e1000, wire_do, 1, "EEPROM: its data wire"),
    STATE_SUB(struct e1000, context, 1, context_state, 1, "the last context descriptor"),
    STATE_INT(struct e1000, tx_len, 1, "bytes of the frame so far"),
    STATE_INT(struct e1000, tx_tse, 1, "it becomes segments"),
    STATE_INT(struct e1000, tx_ip, 1, "its IP checksum is made"),
    STATE_INT(struct e1000, tx_tcp, 1, "its TCP or UDP checksum is made"),
    STATE_INT(struct e1000, tx_cso, 1, "its checksum is made as a legacy descriptor says"),
    STATE_INT(struct e1000, tx_css, 1, "from there"),
    STATE_INT(struct e1000, tx_cs_at, 1, "put there"),
    STATE_BUF(struct e1000, tx, 1, "the frame so far"),
    { 0 },
};

const struct device_type e1000_type = {
    .name = "e1000",
    .bus = BUS_PCI,
    .summary = "Intel Gigabit Ethernet (82540EM)",
    .size = sizeof(struct e1000),
    .props = e1000_props,
    .state = e1000_state,
    .realize = e1000_realize,
    .reset = e1000_reset,
    .unrealize = e1000_unrealize,
    .post_load = e1000_post_load,
};
