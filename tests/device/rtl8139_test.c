/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtl8139: both its modes, filters, EEPROM, timer, link, and drivers that break the rules. Thread: the test's. */
#include "hw/net/rtl8139.h"
#include "tests/device/net_card_rig.h"

#define RING   0x100000u
#define TXDESC 0x120000u
#define RXDESC 0x121000u
#define BUF    0x200000u
#define RXBUF  0x300000u
#define OWN    0x80000000u
#define EOR    0x40000000u
#define FIRST  0x20000000u
#define LAST   0x10000000u

enum { ACCEPT = 0x0e, WRAP = 0x80 }; /* RCR: own address, groups, broadcasts */

struct fixture {
    struct net_card c;
    struct rtl8139 *s;
};

static uint32_t get(struct fixture *f, unsigned reg, unsigned size)
{
    return net_card_get(&f->c, reg, size);
}

static void put(struct fixture *f, unsigned reg, uint32_t v, unsigned size)
{
    net_card_put(&f->c, reg, v, size);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->s = (struct rtl8139 *)net_card_set_up(&f->c, "rtl8139", 1);
    put(f, RBSTART, RING, 4);
    put(f, CR, CR_RE | CR_TE, 1);
    put(f, RCR, ACCEPT, 4);
    put(f, IMR, 0xffff, 2);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_card_tear_down(&f->c);
}

static void arrive(struct fixture *f, size_t len)
{
    net_wire_arrive(&f->c.wire, NET_RIG_MAC, len);
}

static void the_address(struct fixture *f, gconstpointer data)
{
    uint16_t word = 0;

    (void)data;
    g_assert_cmphex(get(f, IDR, 4), ==, 0xaa005452);
    g_assert_cmphex(get(f, IDR + 4, 2), ==, 0xccbb);
    put(f, EECR, 0x88, 1); /* the wires: chip select, then 110 000111 */
    for (unsigned i = 9; i-- > 0;) {
        uint32_t di = 0x187u >> i & 1 ? 2 : 0;

        put(f, EECR, 0x88 | di, 1);
        put(f, EECR, 0x8c | di, 1);
    }
    for (unsigned i = 0; i < 16; i++) {
        put(f, EECR, 0x88, 1);
        put(f, EECR, 0x8c, 1);
        word = (uint16_t)(word << 1 | (get(f, EECR, 1) & 1));
    }
    g_assert_cmphex(word, ==, 0x5452);
}

static void frames_go_out(struct fixture *f, gconstpointer data)
{
    uint8_t frame[200];

    (void)data;
    net_fill(frame, sizeof(frame), NET_RIG_BROADCAST);
    rig_write(f->c.r, BUF, frame, sizeof(frame));
    for (unsigned i = 0; i < 6; i++) { /* the four in their order, and again */
        g_assert_cmphex(get(f, TSD + i % 4 * 4, 4) & TSD_OWN, ==, TSD_OWN);
        put(f, TSAD + i % 4 * 4, BUF, 4);
        put(f, TSD + i % 4 * 4, sizeof(frame) - i, 4);
        g_assert_cmphex(get(f, TSD + i % 4 * 4, 4) & TSD_TOK, ==, TSD_TOK);
        g_assert_cmpmem(f->c.wire.last, f->c.wire.len, frame, sizeof(frame) - i);
    }
    g_assert_cmphex(get(f, TSALL, 2), ==, 0xf00f);
    g_assert_true(f->c.r->lines[20].level);
    g_assert_cmphex(get(f, ISR, 2), ==, INT_TOK);
    put(f, ISR, INT_TOK, 2);
    g_assert_false(f->c.r->lines[20].level);
}

static void the_ring_of_bytes(struct fixture *f, gconstpointer data)
{
    unsigned at = 0, wrap = GPOINTER_TO_UINT(data);
    uint8_t want[700], have[700];

    put(f, RCR, ACCEPT | wrap, 4);
    net_fill(want, sizeof(want), NET_RIG_MAC);
    for (unsigned i = 0; i < 30; i++) { /* round it more than twice */
        unsigned first = wrap ? 700 : MIN(700, 8192 - at - 4);

        g_assert_cmphex(get(f, CR, 1) & CR_BUFE, ==, CR_BUFE);
        arrive(f, 700);
        g_assert_cmphex(get(f, CR, 1) & CR_BUFE, ==, 0);
        g_assert_cmphex(rig_load(f->c.r, RING + at, 4), ==, 704u << 16 | 0x4001);
        rig_read(f->c.r, RING + at + 4, have, first);
        rig_read(f->c.r, RING, have + first, 700 - first);
        g_assert_cmpmem(have, 700, want, 700);
        at = (at + 708) % 8192;
        g_assert_cmphex(get(f, CBR, 2), ==, at);
        put(f, CAPR, at - 16, 2);
    }
}

static void a_full_ring_holds_frames_back(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 20; i++) {
        arrive(f, 1000);
    }
    g_assert_cmphex(get(f, CBR, 2), ==, 8 * 1008);
    g_assert_cmphex(get(f, ISR, 2) & INT_RXOVW, ==, INT_RXOVW);
    g_assert_cmpuint(f->s->nic.client.queue.length, ==, 12);
    put(f, CAPR, 4 * 1008 - 16, 2);
    g_assert_cmpuint(f->s->nic.client.queue.length, ==, 8);
    put(f, CR, CR_RST, 1); /* what waits is not for the next driver */
    g_assert_cmphex(get(f, CR, 1) & CR_BUFE, ==, CR_BUFE);
}

static void filters(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_wire_arrive(&f->c.wire, "02:00:00:00:00:01", 60);
    net_wire_arrive(&f->c.wire, "01:00:5e:00:00:01", 60);
    g_assert_cmphex(get(f, CBR, 2), ==, 0);
    put(f, MAR, 0x80000000, 4); /* 01:00:5e:00:00:01 is filter 31 */
    net_wire_arrive(&f->c.wire, "01:00:5e:00:00:01", 60);
    g_assert_cmphex(rig_load(f->c.r, RING, 2), ==, 0x8001);
    net_wire_arrive(&f->c.wire, NET_RIG_BROADCAST, 60);
    g_assert_cmphex(rig_load(f->c.r, RING + 68, 2), ==, 0x2001);
    put(f, RCR, 1, 4); /* everything */
    net_wire_arrive(&f->c.wire, "02:00:00:00:00:01", 60);
    g_assert_cmphex(rig_load(f->c.r, RING + 136, 2), ==, 1);
}

static void desc(struct fixture *f, uint64_t at, uint32_t command, uint64_t addr)
{
    rig_store(f->c.r, at, command, 4);
    rig_store(f->c.r, at + 4, 0, 4);
    rig_store(f->c.r, at + 8, addr, 8);
}

static void start_cplus(struct fixture *f)
{
    put(f, CPCR, CPCR_TX | CPCR_RX | CPCR_SUMS, 2);
    put(f, TNPDS, TXDESC, 4);
    put(f, RDSAR, RXDESC, 4);
    for (unsigned i = 0; i < 4; i++) {
        desc(f, RXDESC + i * 16, OWN | (i == 3 ? EOR : 0) | 1024, RXBUF + i * 0x1000);
    }
}

static void cplus_receives(struct fixture *f, gconstpointer data)
{
    uint8_t frame[NET_RIG_TCP + 100], long_one[1500], have[1500];

    (void)data;
    start_cplus(f);
    net_make_summed_tcp(frame, NET_RIG_MAC, 100);
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RXDESC, 4), ==,
                    FIRST | LAST | 0x02010000 | (sizeof(frame) + 4));
    frame[100] ^= 1;
    net_send(&f->c.wire.client, frame, sizeof(frame));
    g_assert_cmphex(rig_load(f->c.r, RXDESC + 16, 4), ==,
                    FIRST | LAST | 0x02012000 | (sizeof(frame) + 4));
    arrive(f, 1500); /* takes two */
    g_assert_cmphex(rig_load(f->c.r, RXDESC + 32, 4), ==, FIRST | 0x02000000 | 1024);
    g_assert_cmphex(rig_load(f->c.r, RXDESC + 48, 4), ==, EOR | LAST | 0x02000000 | 1504);
    net_fill(long_one, sizeof(long_one), NET_RIG_MAC);
    rig_read(f->c.r, RXBUF + 0x2000, have, 1024);
    rig_read(f->c.r, RXBUF + 0x3000, have + 1024, 476);
    g_assert_cmpmem(have, 1500, long_one, 1500);
    arrive(f, 100); /* none is left: it waits */
    g_assert_cmphex(get(f, ISR, 2) & INT_RXOVW, ==, INT_RXOVW);
    desc(f, RXDESC, OWN | 1024, RXBUF);
    put(f, ISR, INT_RXOVW, 2);
    g_assert_cmphex(rig_load(f->c.r, RXDESC, 4), ==, FIRST | LAST | 0x02000000 | 104);
}

static void cplus_sends(struct fixture *f, gconstpointer data)
{
    uint8_t frame[NET_RIG_TCP + 2500];

    (void)data;
    start_cplus(f);
    net_make_tcp(frame, NET_RIG_BROADCAST, 2500);
    rig_write(f->c.r, BUF, frame, sizeof(frame));
    desc(f, TXDESC, OWN | FIRST | 0x08000000 | 1000u << 16 | 54, BUF); /* large, segments of 1000 */
    desc(f, TXDESC + 16, OWN | EOR | 0x08000000 | 2500, BUF + 54);
    put(f, TPPOLL, POLL_NORMAL, 1);
    g_assert_cmpuint(f->c.wire.frames, ==, 0); /* it has no end yet */
    desc(f, TXDESC + 16, OWN | EOR | LAST | 0x08000000 | 2500, BUF + 54);
    put(f, TPPOLL, POLL_NORMAL, 1);
    g_assert_cmpuint(f->c.wire.frames, ==, 3);
    g_assert_cmpuint(f->c.wire.len, ==, 554);
    g_assert_cmphex(net_tcp_sum(f->c.wire.last, f->c.wire.len), ==, 0xffff);
    g_assert_cmphex(rig_load(f->c.r, TXDESC, 4), ==, FIRST | 54);
    g_assert_cmphex(rig_load(f->c.r, TXDESC + 16, 4), ==, EOR | LAST | 2500);
    net_make_tcp(frame, NET_RIG_BROADCAST, 10);
    rig_write(f->c.r, BUF, frame, 64);
    desc(f, TXDESC, OWN | FIRST | LAST | EOR | 0x00050000 | 64, BUF); /* checksums of IP and TCP */
    put(f, TPPOLL, POLL_NORMAL, 1);
    g_assert_cmpuint(f->c.wire.len, ==, 64);
    g_assert_cmphex(net_tcp_sum(f->c.wire.last, 64), ==, 0xffff);
    g_assert_cmphex(f->c.wire.last[24] << 8 | f->c.wire.last[25], !=, 0);
    rig_check_state(f->c.r, &f->s->pci.dev);
}

static void a_full_wire_holds_descriptors_back(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->c.wire.full = true;
    for (unsigned i = 0; i < NET_QUEUE_FRAMES / 2; i++) {
        put(f, TSD + i % 4 * 4, 60, 4);
    }
    put(f, TSD, 60, 4);
    g_assert_cmphex(get(f, TSD, 4) & TSD_OWN, ==, 0);
    f->c.wire.full = false;
    net_ready(&f->c.wire.client);
    g_assert_cmphex(get(f, TSD, 4) & TSD_OWN, ==, TSD_OWN);
}

static void timer_and_link(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, TCTR, 0, 4);
    put(f, TIMERINT, 33000, 4); /* 1 ms */
    rig_step(f->c.r, 900 * US);
    g_assert_cmphex(get(f, ISR, 2), ==, 0);
    g_assert_cmpuint(get(f, TCTR, 4), ==, 29700);
    rig_step(f->c.r, 200 * US);
    g_assert_cmphex(get(f, ISR, 2), ==, INT_TIMEOUT);
    g_assert_cmphex(get(f, BMSR, 2) & 4, ==, 4);
    net_set_link(&f->c.wire.client, false);
    g_assert_cmphex(get(f, BMSR, 2) & 4, ==, 0);
    g_assert_cmphex(get(f, MSR, 1) & 4, ==, 4);
    g_assert_cmphex(get(f, ISR, 2) & INT_LINK, ==, INT_LINK);
    rig_check_state(f->c.r, &f->s->pci.dev);
}

static void broken_drivers(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, RBSTART, 0xfffffff0, 4); /* no memory there */
    arrive(f, 100);
    put(f, CAPR, 0xabcd, 2);
    put(f, RCR, 0x1f | WRAP, 4);
    for (unsigned i = 0; i < 20; i++) {
        arrive(f, 1500);
    }
    put(f, TSAD, 0xfffffff0, 4);
    put(f, TSD, 0x1fff, 4);
    g_assert_cmpuint(f->c.wire.len, ==, 0x1fff);
    start_cplus(f);
    for (unsigned i = 0; i < 4; i++) { /* buffers of nothing, descriptors in a buffer */
        desc(f, RXDESC + i * 16, OWN | (i == 3 ? EOR : 0) | (i == 1 ? 1024 : 0), RXDESC);
        desc(f, TXDESC + i * 16, OWN | (i == 3 ? EOR : 0) | 0xffff, BUF); /* without an end */
    }
    arrive(f, 1000);
    put(f, TPPOLL, 0xff, 1);
    put(f, RDSAR + 4, 0xffffffff, 4);
    put(f, TNPDS + 4, 0xffffffff, 4);
    arrive(f, 1000);
    put(f, TPPOLL, 0xff, 1);
    rig_check_state(f->c.r, &f->s->pci.dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, arg, fn) g_test_add("/rtl8139/" name, struct fixture, arg, set_up, fn, tear_down)
    ADD("the address", NULL, the_address);
    ADD("frames go out", NULL, frames_go_out);
    ADD("the ring of bytes", GUINT_TO_POINTER(0), the_ring_of_bytes);
    ADD("the ring of bytes, frames in one piece", GUINT_TO_POINTER(WRAP), the_ring_of_bytes);
    ADD("a full ring holds frames back", NULL, a_full_ring_holds_frames_back);
    ADD("filters", NULL, filters);
    ADD("C+ receives", NULL, cplus_receives);
    ADD("C+ sends", NULL, cplus_sends);
    ADD("a full wire holds descriptors back", NULL, a_full_wire_holds_descriptors_back);
    ADD("timer and link", NULL, timer_and_link);
    ADD("broken drivers", NULL, broken_drivers);
    return g_test_run();
}
