/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000e: what the 82574L has of its own: messages for each cause, their moderation, how causes are
 * acknowledged, extended and split descriptors, the second queue. The rest is in e1000_test.c.
 * Thread: the test's.
 */
#include "hw/net/e1000.h"
#include "hw/pci/msix.h"
#include "tests/device/net_card_rig.h"

#define MSIX     0xe0100000u
#define MSG      0x700000u /* where messages arrive */
#define TX       0x100000u
#define TX1      0x108000u
#define RX       0x110000u
#define BUF      0x200000u
#define RXBUF    0x300000u
#define RING     8u
#define EXT_MASK 0x01000000u /* CTRL_EXT: a message masks what IAM says */
#define ICR_MASK 0x08000000u /* CTRL_EXT: a read of ICR does */

struct fixture {
    struct net_card c;
    struct e1000 *s;
};

static uint32_t get(struct fixture *f, unsigned reg)
{
    return net_card_get(&f->c, reg, 4);
}

static void put(struct fixture *f, unsigned reg, uint32_t v)
{
    net_card_put(&f->c, reg, v, 4);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->s = (struct e1000 *)net_card_set_up(&f->c, "e1000e", 0);
    pci_rig_write(f->c.r, f->s->pci.devfn, PCI_BAR0 + 12, MSIX, 4);
    put(f, RDBAL, RX);
    put(f, RDLEN, RING * 16);
    for (unsigned i = 0; i < RING; i++) {
        rig_store(f->c.r, RX + i * 16, RXBUF + i * 0x1000, 8);
    }
    put(f, RDT, RING - 1);
    put(f, RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_card_tear_down(&f->c);
}

/* Vector n writes n + 1; RXQ0, RXQ1, TXQ0, TXQ1, OTHER have the vectors 0 to 4. */
static void enable_msix(struct fixture *f)
{
    for (unsigned i = 0; i < E1000_VECTORS; i++) {
        rig_store(f->c.r, MSIX + i * 16, MSG + 4 * i, 8);
        rig_store(f->c.r, MSIX + i * 16 + 8, i + 1, 4);
        rig_store(f->c.r, MSIX + i * 16 + 12, 0, 4);
    }
    pci_rig_write(f->c.r, f->s->pci.devfn, f->s->pci.msix->cap + 2u, 0x8000, 2);
    put(f, IVAR, 0x000cba98);
}

static bool came(struct fixture *f, unsigned vector)
{
    bool yes = rig_load(f->c.r, MSG + 4 * vector, 4) == vector + 1;

    rig_store(f->c.r, MSG + 4 * vector, 0, 4);
    return yes;
}

static void arrive(struct fixture *f)
{
    net_wire_arrive(&f->c.wire, NET_RIG_MAC, 100);
}

static void causes_have_their_vectors(struct fixture *f, gconstpointer data)
{
    (void)data;
    enable_msix(f);
    put(f, IMS, INT_RXQ0 | INT_TXQ0 | INT_OTHER);
    arrive(f);
    g_assert_true(came(f, 0));
    g_assert_false(came(f, 4) || came(f, 2) || f->c.r->lines[20].level);
    arrive(f); /* the cause is still there: it was told */
    g_assert_false(came(f, 0));
    put(f, ICR, INT_RXQ0);
    arrive(f);
    g_assert_true(came(f, 0));
    put(f, EIAC, INT_RXQ0 << 0); /* from now on a message clears it */
    put(f, ICR, INT_RXQ0);
    for (unsigned i = 0; i < 2; i++) {
        arrive(f);
        g_assert_true(came(f, 0));
    }
    net_set_link(&f->c.wire.client, false);
    g_assert_true(came(f, 4));
    g_assert_cmphex(get(f, ICR) & (INT_OTHER | INT_LSC), ==, INT_OTHER | INT_LSC);
}

static void a_message_masks_its_cause(struct fixture *f, gconstpointer data)
{
    (void)data;
    enable_msix(f);
    put(f, CTRL_EXT, EXT_MASK);
    put(f, IAM, INT_RXQ0);
    put(f, EIAC, INT_RXQ0);
    put(f, IMS, INT_RXQ0 | INT_OTHER);
    arrive(f);
    g_assert_true(came(f, 0));
    g_assert_cmphex(get(f, IMS), ==, INT_OTHER);
    arrive(f);
    g_assert_false(came(f, 0));
    put(f, IMS, INT_RXQ0); /* it has been there since */
    g_assert_true(came(f, 0));
}

static void messages_are_moderated(struct fixture *f, gconstpointer data)
{
    (void)data;
    enable_msix(f);
    put(f, EITR, 1000); /* 256 us */
    put(f, EIAC, INT_RXQ0);
    put(f, IMS, INT_RXQ0 | INT_TXQ0);
    arrive(f);
    g_assert_true(came(f, 0));
    arrive(f);
    g_assert_false(came(f, 0));
    put(f, ICS, INT_TXQ0); /* another vector's */
    g_assert_true(came(f, 2));
    rig_step(f->c.r, 300 * US);
    g_assert_true(came(f, 0));
}

static void how_causes_are_read(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, IMS, INT_LSC);
    arrive(f);
    g_assert_cmphex(get(f, ICR) & INT_RXT0, ==, INT_RXT0); /* nothing is asserted: it stays */
    g_assert_cmphex(get(f, ICR) & INT_RXT0, ==, INT_RXT0);
    put(f, IMC, UINT32_MAX);
    g_assert_cmphex(get(f, ICR) & INT_RXT0, ==, INT_RXT0); /* nothing is enabled */
    g_assert_cmphex(get(f, ICR), ==, 0);
    put(f, CTRL_EXT, ICR_MASK);
    put(f, IAM, INT_RXT0);
    put(f, IMS, INT_RXT0 | INT_LSC);
    arrive(f);
    g_assert_true(f->c.r->lines[20].level);
    g_assert_cmphex(get(f, ICR) & INT_ASSERTED, !=, 0);
    g_assert_false(f->c.r->lines[20].level);
    g_assert_cmphex(get(f, IMS), ==, INT_LSC);
    g_assert_cmphex(get(f, SWSM) & 1, ==, 0); /* the semaphore */
    g_assert_cmphex(get(f, SWSM) & 1, ==, 1);
    put(f, SWSM, 0);
    g_assert_cmphex(get(f, SWSM) & 1, ==, 0);
}

static void extended_descriptors(struct fixture *f, gconstpointer data)
{
    uint8_t frame[NET_RIG_TCP + 100];

    (void)data;
    put(f, RFCTL, RFCTL_EXT);
    put(f, RXCSUM, RXCSUM_IP | RXCSUM_TU);
    net_make_summed_tcp(frame, NET_RIG_MAC, 100);
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RX, 8), ==, 0);
    g_assert_cmphex(rig_load(f->c.r, RX + 8, 4), ==, 0x63);
    g_assert_cmphex(rig_load(f->c.r, RX + 12, 4), ==, sizeof(frame));
    frame[60] ^= 1;
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RX + 16 + 8, 4), ==, 0x20000063);
}

static void split_descriptors(struct fixture *f, gconstpointer data)
{
    uint8_t frame[6000], have[6000];

    (void)data;
    put(f, RFCTL, RFCTL_EXT);
    put(f, PSRCTL, 2 | 4u << 8 | 1u << 16 | 1u << 24); /* 256, 4096, 1024, 1024 bytes */
    put(f, RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC | RCTL_LPE | 1u << 10);
    for (unsigned i = 0; i < 4; i++) {
        rig_store(f->c.r, RX + 8 * i, RXBUF + i * 0x2000, 8);
    }
    put(f, RDT, 3);
    net_fill(frame, sizeof(frame), NET_RIG_MAC);
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmpuint(get(f, RDH), ==, 1);
    g_assert_cmphex(rig_load(f->c.r, RX + 8, 1), ==, 7);
    g_assert_cmpuint(rig_load(f->c.r, RX + 12, 2), ==, 256);
    g_assert_cmphex(rig_load(f->c.r, RX + 16, 8), ==,
                    4096ull << 16 | 1024ull << 32 | (6000ull - 5376) << 48);
    rig_read(f->c.r, RXBUF, have, 256);
    rig_read(f->c.r, RXBUF + 0x2000, have + 256, 4096);
    rig_read(f->c.r, RXBUF + 0x4000, have + 4352, 1024);
    rig_read(f->c.r, RXBUF + 0x6000, have + 5376, 6000 - 5376);
    g_assert_cmpmem(have, 6000, frame, 6000);
    put(f, PSRCTL, 0); /* no room at all */
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmpuint(get(f, RDH), ==, 1);
}

static void both_queues_send(struct fixture *f, gconstpointer data)
{
    (void)data;
    enable_msix(f);
    put(f, IMS, INT_TXQ0 | INT_TXQ0 << 1);
    put(f, TCTL, TCTL_EN);
    for (unsigned q = 0; q < 2; q++) {
        put(f, TDBAL + q * E1000_QUEUE, q ? TX1 : TX);
        put(f, TDLEN + q * E1000_QUEUE, RING * 16);
        rig_store(f->c.r, (q ? TX1 : TX), BUF, 8);
        rig_store(f->c.r, (q ? TX1 : TX) + 8, 0x09000000 | (60 + q), 8);
    }
    put(f, TDT + E1000_QUEUE, 1);
    g_assert_cmpuint(f->c.wire.len, ==, 61);
    g_assert_true(came(f, 3));
    g_assert_false(came(f, 2));
    put(f, TDT, 1);
    g_assert_cmpuint(f->c.wire.len, ==, 60);
    g_assert_true(came(f, 2));
    rig_check_state(f->c.r, &f->s->pci.dev);
}

static void it_is_an_express_endpoint(struct fixture *f, gconstpointer data)
{
    uint8_t devfn = f->s->pci.devfn;
    unsigned cap = pci_rig_read(f->c.r, devfn, PCI_CAP_PTR, 1), seen = 0;

    (void)data;
    for (; cap; cap = pci_rig_read(f->c.r, devfn, cap + 1, 1)) {
        unsigned id = pci_rig_read(f->c.r, devfn, cap, 1);

        seen |= 1u << id;
        if (id == PCI_CAP_ID_EXPRESS) {
            g_assert_cmphex(pci_rig_read(f->c.r, devfn, cap + 2, 2), ==, 1);
        }
    }
    g_assert_cmphex(seen, ==,
                    1u << 1 | 1u << PCI_CAP_ID_MSI | 1u << PCI_CAP_ID_EXPRESS |
                        1u << PCI_CAP_ID_MSIX);
    g_assert_cmphex(pci_rig_read(f->c.r, devfn, 0, 4), ==, 0x10d38086);
    g_assert_cmphex(get(f, STATUS) & STATUS_GIO, !=, 0);
    put(f, CTRL, CTRL_GIO_OFF);
    g_assert_cmphex(get(f, STATUS) & STATUS_GIO, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add("/e1000e/own/" name, struct fixture, NULL, set_up, fn, tear_down)
    ADD("causes have their vectors", causes_have_their_vectors);
    ADD("a message masks its cause", a_message_masks_its_cause);
    ADD("messages are moderated", messages_are_moderated);
    ADD("how causes are read", how_causes_are_read);
    ADD("extended descriptors", extended_descriptors);
    ADD("split descriptors", split_descriptors);
    ADD("both queues send", both_queues_send);
    ADD("it is an Express endpoint", it_is_an_express_endpoint);
    return g_test_run();
}
