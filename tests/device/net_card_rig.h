/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/net_card_rig.h: a PCI card with its registers at NET_CARD_BAR and a wire; a test's fixture begins with it.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_NET_CARD_RIG_H
#define TESTS_DEVICE_NET_CARD_RIG_H

#include "tests/device/net_rig.h"
#include "tests/device/pci_rig.h"

#define NET_CARD_BAR 0xe0000000u
#define NET_CARD_IRQ 20u

struct net_card {
    struct rig *r;
    struct mem_region memory;
    struct net_wire wire;
    struct pci_device *pci;
};

/* bar: which one has the registers. */
static inline struct device *net_card_set_up(struct net_card *c, const char *type, unsigned bar)
{
    memset(c, 0, sizeof(*c));
    c->r = rig_new();
    pci_rig_host(c->r, &c->memory)->bus.lines[0] = rig_irq_sink(c->r, NET_CARD_IRQ);
    net_wire_init(&c->wire, c->r->m);
    c->pci = (struct pci_device *)rig_device(c->r, type, NET_RIG_PROPS);
    pci_rig_write(c->r, c->pci->devfn, PCI_BAR0 + 4 * bar, NET_CARD_BAR, 4);
    pci_rig_write(c->r, c->pci->devfn, PCI_COMMAND, 7, 2);
    return &c->pci->dev;
}

static inline void net_card_tear_down(struct net_card *c)
{
    net_client_clear(&c->wire.client);
    rig_free(c->r);
}

static inline uint32_t net_card_get(struct net_card *c, unsigned reg, unsigned size)
{
    return (uint32_t)rig_load(c->r, NET_CARD_BAR + reg, size);
}

static inline void net_card_put(struct net_card *c, unsigned reg, uint32_t v, unsigned size)
{
    rig_store(c->r, NET_CARD_BAR + reg, v, size);
}

#endif
