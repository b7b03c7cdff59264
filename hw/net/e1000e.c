/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000e.c: Intel 82574L: what it has more than the 82540EM: PCI Express, messages with causes of their
 * own for each queue, a second queue of frames to send; extended descriptors are in e1000_rx.c.
 * Source: 82574 GbE Controller Family Datasheet (Intel 317694), 7.4 (interrupts), 10.2 (registers).
 *
 * Invariants: `told` are the causes whose message has gone out and that have been there since.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie_slot.h"
#include "softmmu/machine.h"

#define FLASH_SIZE     0x20000u
#define MSIX_SIZE      0x4000u
#define MSIX_PBA       0x2000u
#define CAUSES_MSIX    0x01f00000u /* queues and OTHER */
#define CAUSES_OTHER   0x00070244u /* what OTHER stands for: LSC, RXO, MDAC, SRPD, ACK, MNG */
#define CTRL_EXT_EIAME 0x01000000u /* a message masks what IAM says */
#define CTRL_EXT_IAME  0x08000000u /* a read of ICR does */
#define IVAR_VALID     8u
#define SWSM_SMBI      1u

enum { EXP_ENDPOINT = 0, EXP_VERSION = 1, PM_SIZE = 8, PCI_CAP_ID_PM = 1 };

struct e1000e {
    struct e1000 card;
    struct pci_msix msix;
    struct mem_region flash, msix_bar;
    struct timer eitr[E1000_VECTORS]; /* until then no further message of the vector */
    uint32_t told;
};

/* Interrupts ------------------------------------------------------------------------------------ */

static uint32_t pending(struct e1000 *s)
{
    return *e1000_reg(s, ICR) & *e1000_reg(s, IMS);
}

/* Arms the timer of `units` of 256 ns; false: it has been running. */
static bool may_interrupt(struct e1000 *s, struct timer *t, uint32_t units)
{
    if (t->armed) {
        return false;
    }
    if (units) {
        timer_arm(t, clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) +
                         (int64_t)units * E1000_ITR_UNIT);
    }
    return true;
}

/* The message of a cause, if the guest gave it a vector (10.2.4.9); then what it acknowledges. */
static void send_cause(struct e1000e *s, unsigned n)
{
    struct e1000 *card = &s->card;
    uint32_t ivar = *e1000_reg(card, IVAR) >> 4 * n & 15, cause = INT_RXQ0 << n;
    unsigned vector = ivar & 7;

    if (!(ivar & IVAR_VALID) || vector >= E1000_VECTORS ||
        !may_interrupt(card, &s->eitr[vector], *e1000_reg(card, EITR + 4 * vector))) {
        return;
    }
    pci_msix_send(&card->pci, vector);
    s->told |= cause;
    *e1000_reg(card, ICR) &= ~(cause & *e1000_reg(card, EIAC));
    if (*e1000_reg(card, CTRL_EXT) & CTRL_EXT_EIAME) {
        *e1000_reg(card, IMS) &= ~(cause & *e1000_reg(card, IAM));
    }
}

static void send_messages(struct e1000e *s, uint32_t causes)
{
    s->told &= causes;
    for (unsigned n = 0; n < E1000_VECTORS; n++) {
        if ((causes & ~s->told) >> n & INT_RXQ0) {
            send_cause(s, n);
        }
    }
    s->told &= pending(&s->card);
    pci_set_intx(&s->card.pci, false);
}

static void update_irq(struct e1000 *card)
{
    struct e1000e *s = (struct e1000e *)card;
    uint32_t causes;

    *e1000_reg(card, ICR) |= *e1000_reg(card, ICR) & CAUSES_OTHER ? INT_OTHER : 0;
    causes = pending(card);
    if (pci_msix_enabled(&card->pci)) {
        send_messages(s, causes);
        return;
    }
    if (causes && !s->told) {
        if (!may_interrupt(card, &card->itr_timer, *e1000_reg(card, ITR))) {
            return;
        }
        if (pci_msi_enabled(&card->pci)) {
            pci_msi_send(&card->pci, 0);
        }
    }
    s->told = causes;
    pci_set_intx(&card->pci, causes && !pci_msi_enabled(&card->pci));
}

static void eitr_over(void *opaque)
{
    update_irq(opaque);
}

/*
 * 10.2.4.1: it is cleared when nothing is enabled or an interrupt is asserted, and then masks what IAM
 * says; otherwise the read changes nothing.
 */
static uint32_t read_icr(struct e1000 *card, unsigned off)
{
    uint32_t v = *e1000_reg(card, off), asserted = pending(card) ? INT_ASSERTED : 0;

    if (!asserted && *e1000_reg(card, IMS)) {
        return v;
    }
    *e1000_reg(card, off) = 0;
    if (asserted && *e1000_reg(card, CTRL_EXT) & CTRL_EXT_IAME) {
        *e1000_reg(card, IMS) &= ~*e1000_reg(card, IAM);
    }
    update_irq(card);
    return v | asserted;
}

/* 10.2.9.1: whoever reads a 0 has the semaphore. */
static uint32_t read_swsm(struct e1000 *card, unsigned off)
{
    uint32_t v = *e1000_reg(card, off);

    *e1000_reg(card, off) |= SWSM_SMBI;
    return v;
}

static void write_icr(struct e1000 *card, unsigned off, uint32_t v)
{
    *e1000_reg(card, off) &= ~v;
    update_irq(card);
}

/* clang-format off */
static const struct e1000_row rows[] = {
    { ICR,  ICR,                            0,          0,          read_icr,  write_icr },
    { EIAC, EIAC,                           0,          CAUSES_MSIX, NULL,     NULL },
    { EITR, EITR + 4 * (E1000_VECTORS - 1), 0,          0xffff,     NULL,      NULL },
    { PBA,  PBA,                            0x00140014, UINT32_MAX, NULL,      NULL },
    { SWSM, SWSM,                           0,          UINT32_MAX, read_swsm, NULL },
    { 0 },
};
/* clang-format on */

/* Life ------------------------------------------------------------------------------------------ */

static const struct net_ops client_ops = {
    .model = "e1000e",
    .card = true,
    .announce = nic_announce,
    .receive = e1000_receive,
    .drained = e1000_drained,
    .link_changed = e1000_link_changed,
};

static const struct e1000_model model_82574l = {
    .ops = &client_ops,
    .ident = {
        .vendor = 0x8086,
        .device = 0x10d3,
        .class = 0x0200,
        .int_pin = 1,
        .subsys_vendor = 0x8086,
        .romfile = "efi-e1000e.rom",
    },
    .rows = rows,
    .queues = 2,
    .phy_id = 0x0cb1,
    .eerd_done = 0x02,
    .eerd_shift = 2,
    .causes = CAUSES_MSIX | 0x0003ffff,
    .express = true,
    .update_irq = update_irq,
};

static bool add_capabilities(struct e1000e *s)
{
    struct pci_device *d = &s->card.pci;
    uint8_t pm = pci_add_capability(d, PCI_CAP_ID_PM, PM_SIZE), cap;

    pci_config_store(d, pm + 2u, 0x0002, 2); /* version 1.1, D0 and D3 */
    pci_config_set_wmask(d, pm + 4u, 0x0003, 2);
    if (!pci_msi_setup(d, 1)) {
        return false;
    }
    cap = pci_add_capability(d, PCI_CAP_ID_EXPRESS, EXP_LINK_STATUS + 2);
    pci_config_store(d, cap + (unsigned)EXP_FLAGS, EXP_VERSION | EXP_ENDPOINT << 4, 2);
    pci_config_store(d, cap + (unsigned)EXP_DEVICE_CAP, 0x00008cc1,
                     4); /* 256 bytes, role-based errors */
    pci_config_set_wmask(d, cap + (unsigned)EXP_DEVICE_CONTROL, 0x78ff, 2);
    pci_config_store(d, cap + (unsigned)EXP_LINK_CAP, 0x00000011, 4); /* 2.5 GT/s, one lane */
    pci_config_set_wmask(d, cap + (unsigned)EXP_LINK_CONTROL, 0x01c3, 2);
    pci_config_store(d, cap + (unsigned)EXP_LINK_STATUS, 0x1011, 2);
    return pci_msix_setup(d, &s->msix, E1000_VECTORS, 3, &s->msix_bar, 0, MSIX_PBA);
}

static void e1000e_unrealize(struct device *dev)
{
    struct e1000e *s = (struct e1000e *)dev;

    for (unsigned i = 0; i < E1000_VECTORS; i++) {
        timer_disarm(&s->eitr[i]);
    }
    e1000_unrealize(dev);
    mem_region_destroy(&s->flash);
    mem_region_destroy(&s->msix_bar);
}

static bool e1000e_realize(struct device *dev, GError **error)
{
    struct e1000e *s = (struct e1000e *)dev;

    for (unsigned i = 0; i < E1000_VECTORS; i++) {
        timer_init(&s->eitr[i], dev->machine, CLOCK_KIND_VIRTUAL, eitr_over, s);
    }
    if (!e1000_setup(&s->card, &model_82574l, error)) {
        return false;
    }
    mem_region_init_container(&s->flash, dev->machine, "e1000e-flash", FLASH_SIZE);
    mem_region_init_container(&s->msix_bar, dev->machine, "e1000e-msix", MSIX_SIZE);
    pci_add_bar(&s->card.pci, 1, PCI_BAR_MEM32, &s->flash, FLASH_SIZE); /* no flash: all ones */
    if (!add_capabilities(s)) {
        g_assert_not_reached(); /* there is room for them */
    }
    pci_add_bar(&s->card.pci, 3, PCI_BAR_MEM32, &s->msix_bar, MSIX_SIZE);
    return true;
}

static void e1000e_reset(struct device *dev)
{
    struct e1000e *s = (struct e1000e *)dev;

    for (unsigned i = 0; i < E1000_VECTORS; i++) {
        timer_disarm(&s->eitr[i]);
    }
    s->told = 0;
    e1000_reset(dev);
}

static const struct property e1000e_props[] = {
    PCI_PROPS(struct e1000e, card.pci),
    NIC_PROPS(struct e1000e, card.nic),
    { 0 },
};

static const struct state_row timer_state[] = {
    { "timer", STATE_TIMER, 0, sizeof(struct timer), 1, 1, NULL,
      "until the next message may come" },
    { 0 },
};

static const struct state_row e1000e_state[] = {
    E1000_STATE(struct e1000e, card),
    PCI_MSIX_STATE(struct e1000e, msix),
    STATE_SUB(struct e1000e, eitr, E1000_VECTORS, timer_state, 1, "moderation of each vector"),
    STATE_INT(struct e1000e, told, 1, "causes whose message is out"),
    { 0 },
};

const struct device_type e1000e_type = {
    .name = "e1000e",
    .bus = BUS_PCI,
    .summary = "Intel Gigabit Ethernet (82574L)",
    .size = sizeof(struct e1000e),
    .props = e1000e_props,
    .state = e1000e_state,
    .realize = e1000e_realize,
    .reset = e1000e_reset,
    .unrealize = e1000e_unrealize,
    .post_load = e1000_post_load,
};
