/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/rtl8139.c: Realtek RTL8139C+: registers, interrupts, timer, life; see rtl8139.h. The rings are in
 * rtl8139_rx.c and rtl8139_tx.c.
 *
 * Invariants: the pin is ISR & IMR. A register without a row reads what it was at reset.
 * Thread:     under the machine lock.
 */
#include "hw/net/rtl8139.h"

#include "hw/nvram/boot_order.h"
#include "softmmu/dma.h"
#include "softmmu/machine.h"

#define TCR_VERSION 0x74800000u /* of a C+ */
#define TALLY_BYTES 64u
#define TALLY_START 8u                       /* DTCCR: dump the counters */
#define TICK_NS(n)  ((int64_t)(n)*1000 / 33) /* of 33 MHz */
#define EEPROM_CHIP 0x8129u
#define EEPROM_MAC  7u
#define BMSR_UP     0x0024u /* link, negotiated */
#define MSR_NO_LINK 0x04u

enum { EE_DO = 1, EE_DI = 2, EE_CLOCK = 4, EE_SELECT = 8, EE_MODE = 0xc0, EE_PROGRAM = 0x80 };

void rtl_interrupt(struct rtl8139 *s, uint16_t causes)
{
    rtl_put(s, ISR, rtl_get(s, ISR, 2) | causes, 2);
    pci_set_intx(&s->pci, (rtl_get(s, ISR, 2) & rtl_get(s, IMR, 2)) != 0);
}

/* The timer: TCTR counts from when it was written ------------------------------------------------ */

static int64_t now(const struct rtl8139 *s)
{
    return clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL);
}

static uint32_t tctr(const struct rtl8139 *s)
{
    return (uint32_t)((now(s) - s->tctr_start) * 33 / 1000);
}

static void arm_timer(struct rtl8139 *s)
{
    uint32_t until = rtl_get(s, TIMERINT, 4);

    timer_disarm(&s->timer);
    if (until) {
        uint32_t left = until - tctr(s);

        timer_arm(&s->timer, now(s) + TICK_NS(left ? left : (1ull << 32)) + 1);
    }
}

static void timer_over(void *opaque)
{
    struct rtl8139 *s = opaque;

    rtl_interrupt(s, INT_TIMEOUT);
    timer_arm(&s->timer, now(s) + TICK_NS(1ull << 32));
}

/* Registers ------------------------------------------------------------------------------------- */

/* A register: what of it can be written, and what a write does; `mask` are the bits that were written. */
struct row {
    uint8_t reg, size;
    uint32_t writable;
    void (*write)(struct rtl8139 *s, unsigned reg, uint32_t v,
                  uint32_t mask); /* NULL: it is stored */
};

static void set_link(struct rtl8139 *s)
{
    bool up = nic_link_up(&s->nic);

    rtl_put(s, BMSR, 0x7809 | (up ? BMSR_UP : 0), 2);
    s->regs[MSR] = (uint8_t)((s->regs[MSR] & 0xc0) | 0x10 | (up ? 0 : MSR_NO_LINK));
}

/* What a soft reset leaves alone: address, filter, EEPROM, PHY. */
static void soft_reset(struct rtl8139 *s)
{
    s->regs[CR] = 0;
    for (unsigned i = 0; i < RTL_SLOTS; i++) {
        rtl_put(s, TSD + 4 * i, TSD_OWN, 4);
    }
    rtl_put(s, TSAD, 0, 4);
    rtl_put(s, CBR, 0, 2);
    rtl_put(s, CAPR, 0xfff0, 2);
    rtl_put(s, IMR, 0, 2);
    rtl_put(s, ISR, 0, 2);
    rtl_put(s, TCR, TCR_VERSION | 3u << 24, 4);
    rtl_put(s, RCR, 0, 4);
    rtl_put(s, CPCR, 0, 2);
    rtl_put(s, TIMERINT, 0, 4);
    timer_disarm(&s->timer);
    s->slot = 0;
    s->rx_at = s->tx_at[0] = s->tx_at[1] = 0;
    rtl_interrupt(s, 0);
}

static void write_cr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    (void)mask;
    if (v & CR_RST) {
        soft_reset(s);
        return;
    }
    s->regs[reg] = v & (CR_RE | CR_TE);
    if (v & CR_RE) {
        net_ready(&s->nic.client);
    }
    rtl_transmit(s);
}

/* With C+ the first of them is DTCCR: the counters, all of them 0, go to memory. */
static void write_tsd(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    const uint8_t zeroes[TALLY_BYTES] = { 0 };
    uint32_t old = rtl_get(s, reg, 4);

    v = (old & ~mask) | v;
    if (rtl_get(s, CPCR, 2) & CPCR_TX) {
        if (reg == DTCCR && v & TALLY_START) {
            uint64_t at = (uint64_t)rtl_get(s, DTCCR + 4, 4) << 32 | (v & ~63u);

            nic_store(s->pci.dev.machine, at, zeroes, sizeof(zeroes));
            v &= ~TALLY_START;
        }
        rtl_put(s, reg, v, 4);
        return;
    }
    rtl_put(s, reg, v & 0x003fffff, 4);
    rtl_transmit(s);
}

static void write_capr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    rtl_put(s, reg, (rtl_get(s, reg, 2) & ~mask) | v, 2);
    net_ready(&s->nic.client);
}

static void write_imr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    rtl_put(s, reg, (rtl_get(s, reg, 2) & ~mask) | v, 2);
    rtl_interrupt(s, 0);
}

static void write_isr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    (void)mask;
    rtl_put(s, reg, rtl_get(s, reg, 2) & ~v, 2);
    rtl_interrupt(s, 0);
    net_ready(&s->nic.client); /* C+: descriptors may be there again */
}

static void write_rcr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    rtl_put(s, reg, (rtl_get(s, reg, 4) & ~mask) | v, 4);
    net_ready(&s->nic.client);
}

static void write_tctr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    (void)reg;
    (void)v;
    (void)mask;
    s->tctr_start = now(s); /* whatever is written */
    arm_timer(s);
}

static void write_timerint(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    rtl_put(s, reg, (rtl_get(s, reg, 4) & ~mask) | v, 4);
    arm_timer(s);
}

static void write_eecr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    (void)mask;
    s->regs[reg] = v & (EE_MODE | EE_SELECT | EE_CLOCK | EE_DI);
    nic_eeprom_wires(&s->eeprom, (v & EE_MODE) == EE_PROGRAM && v & EE_SELECT, v & EE_CLOCK,
                     v & EE_DI);
}

static void write_bmcr(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    v = (rtl_get(s, reg, 2) & ~mask) | v;
    rtl_put(s, reg, v & 0x8000 ? 0x3100 : v & 0x3100, 2); /* a new negotiation is over at once */
}

static void write_poll(struct rtl8139 *s, unsigned reg, uint32_t v, uint32_t mask)
{
    (void)reg;
    (void)mask;
    if (v & POLL_SW) {
        rtl_interrupt(s, INT_SW);
    }
    rtl_transmit_cplus(s, v);
}

/* clang-format off */
static const struct row rows[] = {
    { IDR, 4, UINT32_MAX, NULL },           { IDR + 4, 2, 0xffff, NULL },
    { MAR, 4, UINT32_MAX, NULL },           { MAR + 4, 4, UINT32_MAX, NULL },
    { TSD, 4, UINT32_MAX, write_tsd },      { TSD + 4, 4, UINT32_MAX, write_tsd },
    { TSD + 8, 4, UINT32_MAX, write_tsd },  { TSD + 12, 4, UINT32_MAX, write_tsd },
    { TSAD, 4, UINT32_MAX, NULL },          { TSAD + 4, 4, UINT32_MAX, NULL },
    { TSAD + 8, 4, UINT32_MAX, NULL },      { TSAD + 12, 4, UINT32_MAX, NULL },
    { RBSTART, 4, UINT32_MAX, NULL },       { CR, 1, 0xff, write_cr },
    { CAPR, 2, 0xffff, write_capr },        { IMR, 2, 0xffff, write_imr },
    { ISR, 2, 0xffff, write_isr },          { TCR, 4, 0x03060700, NULL },
    { RCR, 4, UINT32_MAX, write_rcr },      { TCTR, 4, UINT32_MAX, write_tctr },
    { MPC, 4, 0, NULL },                    { EECR, 1, 0xff, write_eecr },
    { CONFIG1, 1, 0xf3, NULL },             { TIMERINT, 4, UINT32_MAX, write_timerint },
    { MSR, 1, 0xc0, NULL },                 { CONFIG3, 1, 0x64, NULL },
    { CONFIG4, 1, 0xff, NULL },             { MULINT, 2, 0x0fff, NULL },
    { BMCR, 2, 0xffff, write_bmcr },        { ANAR, 2, 0xffff, NULL },
    { CONFIG5, 1, 0xff, NULL },             { TPPOLL, 1, 0xff, write_poll },
    { CPCR, 2, 0x006b, NULL },              { RDSAR, 4, 0xffffff00, NULL },
    { RDSAR + 4, 4, UINT32_MAX, NULL },     { ETTHR, 1, 0x3f, NULL },
};
/* clang-format on */

/* TSALL: four bits each for the four of OWN, TABT, TUN, TOK. */
static uint32_t slots_at_a_glance(const struct rtl8139 *s)
{
    static const unsigned bits[] = { 13, 30, 14, 15 };
    uint32_t v = 0;

    for (unsigned i = 0; i < 16; i++) {
        v |= (rtl_get(s, TSD + 4 * (i % 4), 4) >> bits[i / 4] & 1) << i;
    }
    return v;
}

static uint64_t rtl_read(void *opaque, uint64_t off, unsigned size)
{
    struct rtl8139 *s = opaque;
    uint8_t view[RTL_REGS];
    uint32_t v = 0, ticks = tctr(s), glance = slots_at_a_glance(s);

    memcpy(view, s->regs, sizeof(view));
    view[CR] |= rtl_ring_empty(s) ? CR_BUFE : 0;
    view[EECR] |= s->eeprom.data ? EE_DO : 0;
    memcpy(view + TCTR, &ticks, 4);
    memcpy(view + TSALL, &glance, 2);
    memcpy(&v, view + off, size);
    return v;
}

static void rtl_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct rtl8139 *s = opaque;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct row *r = &rows[i];
        uint64_t all = size == 4 ? UINT32_MAX : (1ull << 8 * size) - 1, whole = value & all;
        unsigned shift;
        uint32_t v, mask;

        if (r->reg >= off + size || off >= (uint64_t)r->reg + r->size) {
            continue;
        }
        shift = 8 * (unsigned)(off > r->reg ? off - r->reg : r->reg - off);
        v = (uint32_t)(off > r->reg ? whole << shift : whole >> shift);
        mask = (uint32_t)(off > r->reg ? all << shift : all >> shift) & r->writable;
        if (r->write) {
            r->write(s, r->reg, v & mask, mask);
        } else {
            rtl_put(s, r->reg, (rtl_get(s, r->reg, r->size) & ~mask) | (v & mask), r->size);
        }
    }
}

static const struct mem_ops rtl_ops = {
    .read = rtl_read, .write = rtl_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static void link_changed(struct net_client *c)
{
    struct rtl8139 *s = rtl_of(c);

    if (s->pci.dev.realized) {
        set_link(s);
        rtl_interrupt(s, INT_LINK);
    }
}

static void drained(struct net_client *c)
{
    rtl_transmit(rtl_of(c));
    rtl_transmit_cplus(rtl_of(c), POLL_HIGH | POLL_NORMAL);
}

static const struct net_ops client_ops = {
    .model = "rtl8139",
    .card = true,
    .announce = nic_announce,
    .receive = rtl_receive,
    .drained = drained,
    .link_changed = link_changed,
};

static void rtl_unrealize(struct device *dev)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;

    boot_order_remove(dev);
    nic_detach(&s->nic);
    timer_disarm(&s->timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
    mem_region_destroy(&s->io);
}

static void fill_eeprom(struct rtl8139 *s)
{
    s->eeprom.words[0] = EEPROM_CHIP;
    s->eeprom.words[1] = 0x10ec;
    s->eeprom.words[2] = 0x8139;
    for (unsigned i = 0; i < 3; i++) {
        s->eeprom.words[EEPROM_MAC + i] =
            (uint16_t)(s->nic.mac[2 * i] | s->nic.mac[2 * i + 1] << 8);
    }
}

static bool rtl_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x10ec,
        .device = 0x8139,
        .revision = 0x20, /* C+ */
        .class = 0x0200,
        .int_pin = 1,
        .romfile = "efi-rtl8139.rom",
    };
    struct rtl8139 *s = (struct rtl8139 *)dev;

    if (!nic_attach(&s->nic, dev, &client_ops, error)) {
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        nic_detach(&s->nic);
        return false;
    }
    mem_region_init_mmio(&s->io, dev->machine, "rtl8139-io", &rtl_ops, s, RTL_REGS);
    mem_region_init_mmio(&s->mmio, dev->machine, "rtl8139-mmio", &rtl_ops, s, RTL_REGS);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->io, RTL_REGS);
    pci_add_bar(&s->pci, 1, PCI_BAR_MEM32, &s->mmio, RTL_REGS);
    timer_init(&s->timer, dev->machine, CLOCK_KIND_VIRTUAL, timer_over, s);
    fill_eeprom(s);
    if (!boot_order_add(dev, dev, s->nic.bootindex, "/ethernet-phy@0", error)) {
        rtl_unrealize(dev);
        return false;
    }
    return true;
}

static void rtl_reset(struct device *dev)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;

    pci_device_reset(&s->pci);
    net_purge(&s->nic.client);
    memset(s->regs, 0, sizeof(s->regs));
    memcpy(s->regs + IDR, s->nic.mac, NET_MAC_BYTES);
    s->regs[CONFIG1] = 0x0c; /* memory and I/O */
    rtl_put(s, BMCR, 0x3100, 2);
    rtl_put(s, ANAR, 0x05e1, 2);
    rtl_put(s, ANLPAR, 0x45e1, 2);
    rtl_put(s, ANER, 0x0001, 2);
    s->tctr_start = now(s);
    nic_eeprom_reset(&s->eeprom);
    set_link(s);
    soft_reset(s);
}

static bool rtl_post_load(struct device *dev, GError **error)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;

    s->slot %= RTL_SLOTS;
    s->rx_at %= RTL_RING;
    s->tx_at[0] %= RTL_RING;
    s->tx_at[1] %= RTL_RING;
    rtl_put(s, CBR, rtl_get(s, CBR, 2) & 0xfffc, 2);
    nic_eeprom_post_load(&s->eeprom);
    set_link(s);
    return pci_device_post_load(&s->pci, error);
}

static const struct property rtl_props[] = {
    PCI_PROPS(struct rtl8139, pci),
    NIC_PROPS(struct rtl8139, nic),
    { 0 },
};

static const struct state_row rtl_state[] = {
    PCI_STATE(struct rtl8139, pci),
    NIC_EEPROM_STATE(struct rtl8139, eeprom),
    STATE_BUF(struct rtl8139, regs, 1, "registers"),
    STATE_TIMER_ROW(struct rtl8139, timer, 1, "until TCTR is TIMERINT"),
    STATE_INT(struct rtl8139, tctr_start, 1, "when TCTR was 0"),
    STATE_INT(struct rtl8139, slot, 1, "the next of the four to send"),
    STATE_INT(struct rtl8139, rx_at, 1, "C+: the next receive descriptor"),
    STATE_ARRAY(struct rtl8139, tx_at, 1, "C+: the next transmit descriptors"),
    { 0 },
};

const struct device_type rtl8139_type = {
    .name = "rtl8139",
    .bus = BUS_PCI,
    .summary = "Realtek Fast Ethernet (RTL8139C+)",
    .size = sizeof(struct rtl8139),
    .props = rtl_props,
    .state = rtl_state,
    .realize = rtl_realize,
    .reset = rtl_reset,
    .unrealize = rtl_unrealize,
    .post_load = rtl_post_load,
};
