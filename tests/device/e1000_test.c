/* SPDX-License-Identifier: GPL-2.0-or-later */
/* e1000 and what e1000e has of it: EEPROM, PHY, both rings, offloads, filters, interrupts, and drivers that break the rules. Thread: the test's. */
#include <string.h>
#include "hw/net/e1000.h"
#include "tests/device/net_card_rig.h"

#define TX    0x100000u /* 8 descriptors */
#define RX    0x110000u /* 8 descriptors */
#define BUF   0x200000u
#define RXBUF 0x300000u
#define RING  8u

struct fixture {
    struct net_card c;
    struct e1000 *s;
    bool express; /* an e1000e */
};

static void set_up(struct fixture *f, gconstpointer data)
{
    f->express = strcmp(data, "e1000e") == 0;
    f->s = (struct e1000 *)net_card_set_up(&f->c, data, 0);
    pci_rig_write(f->c.r, f->s->pci.devfn, PCI_BAR0 + (f->express ? 8 : 4), 0xc000, 4);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_card_tear_down(&f->c);
}

static uint32_t get(struct fixture *f, unsigned reg)
{
    return net_card_get(&f->c, reg, 4);
}

static void put(struct fixture *f, unsigned reg, uint32_t v)
{
    net_card_put(&f->c, reg, v, 4);
}

static void start(struct fixture *f)
{
    put(f, TDBAL, TX);
    put(f, TDLEN, RING * 16);
    put(f, TCTL, TCTL_EN);
    put(f, RDBAL, RX);
    put(f, RDLEN, RING * 16);
    for (unsigned i = 0; i < RING; i++) {
        rig_store(f->c.r, RX + i * 16, RXBUF + i * 0x1000, 8);
        rig_store(f->c.r, RX + i * 16 + 8, 0, 8);
    }
    put(f, RDT, RING - 1);
    put(f, RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
}

static void desc(struct fixture *f, unsigned i, uint64_t addr, uint32_t lower, uint32_t upper)
{
    rig_store(f->c.r, TX + i * 16, addr, 8);
    rig_store(f->c.r, TX + i * 16 + 8, lower, 4);
    rig_store(f->c.r, TX + i * 16 + 12, upper, 4);
}

static void the_eeprom_has_the_address(struct fixture *f, gconstpointer data)
{
    uint16_t sum = 0, first = 0;

    (void)data;
    for (unsigned i = 0; i < 64; i++) {
        put(f, EERD, 1 | i << (f->express ? 2 : 8));
        g_assert_cmphex(get(f, EERD) & (f->express ? 2 : 0x10), !=, 0);
        sum = (uint16_t)(sum + (get(f, EERD) >> 16));
    }
    g_assert_cmphex(sum, ==, 0xbaba);
    put(f, EECD, 2); /* the wires: chip select, then 110 000001 */
    for (unsigned i = 9; i-- > 0;) {
        uint32_t di = 0x181u >> i & 1 ? 4 : 0;

        put(f, EECD, 2 | di);
        put(f, EECD, 3 | di);
        put(f, EECD, 2 | di);
    }
    for (unsigned i = 0; i < 16; i++) {
        put(f, EECD, 3);
        first = (uint16_t)(first << 1 | (get(f, EECD) >> 3 & 1));
        put(f, EECD, 2);
    }
    g_assert_cmphex(first, ==, 0xaa00);
    g_assert_cmphex(get(f, RAL), ==, 0xaa005452);
    g_assert_cmphex(get(f, RAH), ==, 0x8000ccbb);
}

static void the_phy_knows_the_link(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, MDIC, 2u << 26 | 1u << 21 | 2u << 16);
    g_assert_cmphex(get(f, MDIC) & 0x1000ffff, ==, 0x10000141);
    put(f, MDIC, 2u << 26 | 1u << 21 | 1u << 16);
    g_assert_cmphex(get(f, MDIC) & 4, ==, 4);
    put(f, MDIC, 2u << 26 | 3u << 21);
    g_assert_cmphex(get(f, MDIC) & 0x40000000, !=, 0);
    g_assert_cmphex(get(f, STATUS) & 2, ==, 2);
    put(f, IMS, INT_LSC);
    net_set_link(&f->c.wire.client, false);
    g_assert_cmphex(get(f, STATUS) & 2, ==, 0);
    g_assert_true(f->c.r->lines[20].level);
    g_assert_cmphex(get(f, ICR) & 0xffff, ==, INT_LSC);
    g_assert_false(f->c.r->lines[20].level);
}

static void frames_go_out(struct fixture *f, gconstpointer data)
{
    uint8_t frame[100];

    (void)data;
    start(f);
    memset(frame, 0x5a, sizeof(frame));
    rig_write(f->c.r, BUF, frame, sizeof(frame));
    desc(f, 0, BUF, 40, 0);
    desc(f, 1, BUF + 40, 0x09000000 | 60, 0); /* EOP, RS */
    put(f, TDT, 2);
    g_assert_cmpuint(f->c.wire.frames, ==, 1);
    g_assert_cmpmem(f->c.wire.last, f->c.wire.len, frame, sizeof(frame));
    g_assert_cmpuint(get(f, TDH), ==, 2);
    g_assert_cmphex(rig_load(f->c.r, TX + 16 + 12, 1), ==, 1);
    g_assert_cmphex(rig_load(f->c.r, TX + 12, 1), ==, 0);
    g_assert_cmphex(get(f, ICR) & INT_TXDW, !=, 0);
    g_assert_cmpuint(get(f, GPTC), ==, 1);
    g_assert_cmpuint(get(f, GPTC), ==, 0); /* read clears */
}

static void segments_are_made(struct fixture *f, gconstpointer data)
{
    uint8_t head[NET_RIG_TCP];

    (void)data;
    start(f);
    net_make_tcp(head, NET_RIG_MAC, 0);
    rig_write(f->c.r, BUF, head, sizeof(head));
    desc(f, 0, 0, 0x27000000 | 2500, 1000u << 16 | 54u << 8); /* context: TCP, IP, TSE */
    rig_store(f->c.r, TX, 14 | 24u << 8 | 33u << 16 | (uint64_t)34 << 32 | (uint64_t)50 << 40, 8);
    desc(f, 1, BUF, 0x24100000 | 54, 0x300);
    desc(f, 2, BUF + 54, 0x2d100000 | 2500, 0x300);
    put(f, TDT, 3);
    g_assert_cmpuint(f->c.wire.frames, ==, 3);
    g_assert_cmpuint(f->c.wire.sizes[0], ==, 1054);
    g_assert_cmpuint(f->c.wire.sizes[2], ==, 554);
    g_assert_cmphex(net_tcp_sum(f->c.wire.last, f->c.wire.len), ==, 0xffff);
}

static void frames_come_in(struct fixture *f, gconstpointer data)
{
    uint8_t have[600];

    (void)data;
    start(f);
    put(f, IMS, INT_RXT0);
    net_wire_arrive(&f->c.wire, NET_RIG_MAC, 600);
    g_assert_true(f->c.r->lines[20].level);
    g_assert_cmpuint(get(f, RDH), ==, 1);
    g_assert_cmphex(rig_load(f->c.r, RX + 8, 2), ==, 600);
    g_assert_cmphex(rig_load(f->c.r, RX + 12, 1) & 3, ==, 3);
    rig_read(f->c.r, RXBUF, have, sizeof(have));
    g_assert_cmphex(have[100], ==, (100 * 7) & 0xff);
    net_wire_arrive(&f->c.wire, "02:00:00:00:00:01", 60); /* another's */
    net_wire_arrive(&f->c.wire, "01:00:5e:00:00:01", 60);
    g_assert_cmpuint(get(f, RDH), ==, 1);
    put(f, MTA + (0x010u >> 5) * 4, 1u << (0x010 & 31)); /* bits 47:36 of the address */
    net_wire_arrive(&f->c.wire, "01:00:5e:00:00:01", 60);
    g_assert_cmpuint(get(f, RDH), ==, 2);
    for (unsigned i = 0; i < 20; i++) {
        net_wire_arrive(&f->c.wire, NET_RIG_BROADCAST, 60); /* the ring is full: they wait */
    }
    g_assert_cmpuint(get(f, RDH), ==, RING - 1);
    g_assert_cmphex(get(f, ICR) & INT_RXO, !=, 0);
    put(f, RDT, RING - 3);
    g_assert_cmpuint(get(f, RDH), ==, RING - 3);
}

/* What a driver is told of checksums, and that a wrong one is told, too. */
static void received_checksums(struct fixture *f, gconstpointer data)
{
    uint8_t frame[NET_RIG_TCP + 100];

    (void)data;
    start(f);
    net_make_summed_tcp(frame, NET_RIG_MAC, 100);
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RX + 12, 2), ==, 0x0007); /* not looked at */
    put(f, RXCSUM, RXCSUM_IP | RXCSUM_TU);
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RX + 16 + 12, 2), ==, 0x0063);
    frame[70] ^= 1;
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RX + 32 + 12, 2), ==, 0x2063);
    frame[22] ^= 1;
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RX + 48 + 12, 2), ==, 0x6063);
}

static void a_tag_is_taken_off(struct fixture *f, gconstpointer data)
{
    uint8_t frame[200], have[200];

    (void)data;
    start(f);
    put(f, CTRL, CTRL_VME);
    net_fill(frame, sizeof(frame), NET_RIG_MAC);
    memcpy(frame + 12, "\x81\x00\x20\x05\x12\x34", 6);
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmpuint(rig_load(f->c.r, RX + 8, 2), ==, 196);
    g_assert_cmphex(rig_load(f->c.r, RX + 12, 1), ==, 0x0f);
    g_assert_cmphex(rig_load(f->c.r, RX + 14, 2), ==, 0x2005);
    rig_read(f->c.r, RXBUF, have, sizeof(have));
    g_assert_cmpmem(have + 12, 184, frame + 16, 184);
}

static void interrupts_are_moderated(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    put(f, ITR, 1000); /* 256 us */
    put(f, IMS, INT_TXDW);
    put(f, ICS, INT_TXDW);
    g_assert_true(f->c.r->lines[20].level);
    get(f, ICR);
    put(f, ICS, INT_TXDW);
    g_assert_false(f->c.r->lines[20].level);
    rig_step(f->c.r, 300 * US);
    g_assert_true(f->c.r->lines[20].level);
    put(f, IMC, INT_TXDW);
    g_assert_false(f->c.r->lines[20].level);
}

static void broken_drivers(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    put(f, TDT, RING + 5); /* out of the ring */
    g_assert_cmpuint(f->c.wire.frames, ==, 0);
    for (unsigned i = 0; i < RING; i++) { /* a frame without an end */
        desc(f, i, BUF, 0x2010ffff, 0);
    }
    put(f, TDH, 0);
    put(f, TDT, RING - 1);
    desc(f, RING - 1, BUF, 0x09000000 | 60, 0);
    put(f, TDT, 0);
    g_assert_cmpuint(f->c.wire.frames, ==, 0);
    put(f, TDBAL, 0xfffffff0); /* no memory there */
    put(f, TDBAH, 0xffffffff);
    put(f, TDT, 5);
    g_assert_cmpuint(get(f, TDH), ==, 5);
    put(f, RDH, 0xffff);
    net_wire_arrive(&f->c.wire, NET_RIG_BROADCAST, 60);
    put(f, RDBAH, 0xffffffff);
    put(f, RDH, 0);
    net_wire_arrive(&f->c.wire, NET_RIG_BROADCAST, 60);
    rig_check_state(f->c.r, &f->s->pci.dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn)                                                                              \
    g_test_add("/e1000/" name, struct fixture, "e1000", set_up, fn, tear_down);                    \
    g_test_add("/e1000e/" name, struct fixture, "e1000e", set_up, fn, tear_down)
    ADD("the EEPROM has the address", the_eeprom_has_the_address);
    ADD("the PHY knows the link", the_phy_knows_the_link);
    ADD("frames go out", frames_go_out);
    ADD("segments are made", segments_are_made);
    ADD("frames come in", frames_come_in);
    ADD("received checksums", received_checksums);
    ADD("a tag is taken off", a_tag_is_taken_off);
    ADD("interrupts are moderated", interrupts_are_moderated);
    ADD("broken drivers", broken_drivers);
    return g_test_run();
}
