/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ne2k_pci: the PROM, words and bytes through the data port, both directions, filters, and drivers that break the rules.
 * Thread: the test's. */
#include "tests/device/net_drivers.h"

struct fixture {
    struct net_driver d;
    struct net_wire wire;
};

static void put(struct fixture *f, unsigned port, unsigned v)
{
    ne_driver_put(&f->d, port, v);
}

static uint8_t get(struct fixture *f, unsigned port)
{
    return ne_driver_get(&f->d, port);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    memset(f, 0, sizeof(*f));
    virtio_rig_machine(&f->d.v);
    net_wire_init(&f->wire, f->d.v.r->m);
    f->d.dev = rig_device(f->d.v.r, "ne2k_pci", NET_RIG_PROPS);
    ne_driver_start(&f->d);
    put(f, NE_IMR, 0x7f);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_client_clear(&f->wire.client);
    virtio_rig_tear_down(&f->d.v);
}

static bool level(const struct fixture *f)
{
    return f->d.v.r->lines[20].level;
}

/* The next frame of the ring; 0: none. */
static size_t arrived(struct fixture *f, uint8_t *frame)
{
    size_t len = ne_driver_arrived(&f->d, 0);

    rig_read(f->d.v.r, NET_DRIVER_RXBUF, frame, len);
    return len;
}

static void who_it_is(struct fixture *f, gconstpointer data)
{
    uint8_t prom[32], mac[NET_MAC_BYTES];

    (void)data;
    g_assert_cmphex(get(f, 10), ==, 0x50);
    g_assert_cmphex(get(f, 11), ==, 0x43);
    net_parse_mac(NET_RIG_MAC, mac);
    ne_driver_read(&f->d, 0, prom, sizeof(prom));
    for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
        g_assert_cmphex(prom[2 * i], ==, mac[i]);
        g_assert_cmphex(prom[2 * i + 1], ==, mac[i]);
    }
    g_assert_cmphex(prom[28], ==, 0x57);
    ne_driver_dma(&f->d, 0, 32, 0x0a);
    for (unsigned i = 0; i < NET_MAC_BYTES; i++) { /* a byte of each word: as Linux reads it */
        g_assert_cmphex(get(f, NE_DATA), ==, mac[i]);
    }
    get(f, NE_RESET);
    g_assert_cmphex(get(f, NE_ISR), ==, 0x80);
    g_assert_cmphex(get(f, NE_CR), ==, 0x21);
}

static void its_memory(struct fixture *f, gconstpointer data)
{
    uint8_t have[8];

    (void)data;
    ne_driver_dma(&f->d, 0x7000, 8, 0x12);
    rig_outl(f->d.v.r, NE_DRIVER_IO + NE_DATA, 0x44332211);
    rig_outw(f->d.v.r, NE_DRIVER_IO + NE_DATA, 0x6655);
    g_assert_cmphex(get(f, NE_ISR) & 0x40, ==, 0);
    rig_outw(f->d.v.r, NE_DRIVER_IO + NE_DATA, 0x8877);
    g_assert_cmphex(get(f, NE_ISR) & 0x40, ==, 0x40);
    g_assert_true(level(f));
    rig_outw(f->d.v.r, NE_DRIVER_IO + NE_DATA, 0xffff); /* it is over */
    put(f, NE_ISR, 0x40);
    g_assert_false(level(f));
    ne_driver_read(&f->d, 0x7000, have, 8);
    g_assert_cmpmem(have, 8, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    put(f, NE_DCR, 0x48); /* bytes */
    ne_driver_dma(&f->d, 0x7001, 2, 0x0a);
    g_assert_cmphex(get(f, NE_DATA), ==, 0x22);
    g_assert_cmphex(get(f, NE_DATA), ==, 0x33);
    g_assert_cmphex(get(f, NE_DATA), ==, 0xff);
    ne_driver_dma(&f->d, 0x7fff, 2, 0x0a); /* behind PSTOP comes PSTART */
    get(f, NE_DATA);
    g_assert_cmphex(get(f, NE_RSAR + 1), ==, NE_DRIVER_START);
    rig_check_state(f->d.v.r, f->d.dev);
}

static void frames_go_out(struct fixture *f, gconstpointer data)
{
    uint8_t frame[1001];

    (void)data;
    net_fill(frame, sizeof(frame), NET_RIG_BROADCAST);
    rig_write(f->d.v.r, NET_DRIVER_TXBUF, frame, sizeof(frame));
    ne_driver_send(&f->d, 0, sizeof(frame));
    g_assert_cmpmem(f->wire.last, f->wire.len, frame, sizeof(frame));
    g_assert_cmphex(get(f, NE_TPSR), ==, 1); /* TSR */
    g_assert_cmphex(get(f, NE_ISR) & 0x0a, ==, 0x02);
    put(f, NE_TCR, 2); /* to itself only */
    ne_driver_send(&f->d, 0, 60);
    g_assert_cmpuint(f->wire.frames, ==, 1);
    put(f, NE_TCR, 0);
    put(f, NE_TBCR + 1, 0xff); /* longer than a frame is */
    put(f, NE_CR, 0x26);
    g_assert_cmphex(get(f, NE_ISR) & 0x08, ==, 0x08);
    f->wire.full = true;
    for (unsigned i = 0; i < NET_QUEUE_FRAMES / 2; i++) {
        ne_driver_send(&f->d, 0, 60);
    }
    ne_driver_send(&f->d, 0, 60);
    g_assert_cmphex(get(f, NE_CR), ==, 0x26);
    f->wire.full = false;
    net_ready(&f->wire.client);
    g_assert_cmphex(get(f, NE_CR), ==, 0x22);
}

static void the_ring_goes_round(struct fixture *f, gconstpointer data)
{
    uint8_t want[1514], have[2048];

    (void)data;
    for (unsigned i = 0; i < 100; i++) {
        size_t len = 60 + i * 14;

        net_fill(want, len, NET_RIG_MAC);
        net_send(&f->wire.client, want, len);
        g_assert_cmphex(get(f, NE_ISR) & 1, ==, 1);
        g_assert_cmpuint(arrived(f, have), ==, len);
        g_assert_cmpmem(have, len, want, len);
        put(f, NE_ISR, 0xff);
        g_assert_false(level(f));
    }
    g_assert_cmpuint(arrived(f, have), ==, 0);
}

/* Whoever acknowledges before all is read is told again. */
static void what_is_left_is_told_again(struct fixture *f, gconstpointer data)
{
    uint8_t have[2048];
    unsigned n = 0;

    (void)data;
    for (unsigned i = 0; i < 20; i++) {
        net_wire_arrive(&f->wire, NET_RIG_MAC, 1500);
    }
    g_assert_cmpuint(f->wire.client.peer->queue.length, ==, 20 - (0x80 - 0x46 - 1) / 6);
    while (level(f)) {
        g_assert_cmpuint(arrived(f, have), ==, 1500);
        put(f, NE_ISR, 0xff);
        n++;
    }
    g_assert_cmpuint(n, ==, 20);
}

static void filters(struct fixture *f, gconstpointer data)
{
    static const char group[] = "01:00:5e:00:00:01", other[] = "02:00:00:00:00:01";
    static const struct {
        uint8_t rcr, hash;
        bool broadcast, group, other;
    } rows[] = {
        { 0x00, 0x80, false, false, false }, { 0x04, 0x00, true, false, false },
        { 0x08, 0x80, false, true, false },  { 0x08, 0x00, false, false, false },
        { 0x10, 0x00, true, true, true },    { 0x3c, 0x80, false, false, false },
    };
    uint8_t have[2048];

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        put(f, NE_CR, 0x62);
        put(f, 0x0b, rows[i].hash); /* filter 31 */
        put(f, NE_CR, 0x22);
        put(f, NE_RCR, rows[i].rcr);
        net_wire_arrive(&f->wire, NET_RIG_BROADCAST, 60);
        g_assert_cmpint(arrived(f, have) > 0, ==, rows[i].broadcast);
        net_wire_arrive(&f->wire, group, 60);
        g_assert_cmpint(arrived(f, have) > 0, ==, rows[i].group);
        net_wire_arrive(&f->wire, other, 60);
        g_assert_cmpint(arrived(f, have) > 0, ==, rows[i].other);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 20); /* is padded */
        g_assert_cmpint(arrived(f, have), ==, rows[i].rcr & 0x20 ? 0 : 60);
    }
    put(f, NE_RCR, 0);
    put(f, NE_CR, 0x20); /* neither start nor stop: it goes on */
    net_wire_arrive(&f->wire, NET_RIG_MAC, 60);
    g_assert_cmpint(arrived(f, have), ==, 60);
    put(f, NE_CR, 0x21);
    net_wire_arrive(&f->wire, NET_RIG_MAC, 60);
    put(f, NE_CR, 0x22);
    g_assert_cmpint(arrived(f, have), ==, 0);
}

static void broken_drivers(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 256; i++) {
        put(f, NE_CR, 0x21);
        put(f, NE_PSTART, i * 3);
        put(f, NE_PSTOP, i * 7);
        put(f, NE_BNRY, i * 11);
        put(f, NE_TPSR, i * 13);
        put(f, NE_CR, 0x61);
        put(f, NE_CURR, i * 5);
        put(f, NE_CR, 0x22);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 1518);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 9000);
        put(f, NE_TBCR, 1518 & 0xff);
        put(f, NE_TBCR + 1, 1518 >> 8);
        put(f, NE_CR, 0x26);
        ne_driver_dma(&f->d, i * 0x101, 0xffff, 0x12);
        rig_outl(f->d.v.r, NE_DRIVER_IO + NE_DATA, i);
        ne_driver_dma(&f->d, i * 0x101, 0, 0x0a);
        rig_inl(f->d.v.r, NE_DRIVER_IO + NE_DATA);
    }
    rig_check_state(f->d.v.r, f->d.dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add("/ne2k_pci/" name, struct fixture, NULL, set_up, fn, tear_down)
    ADD("who it is", who_it_is);
    ADD("its memory", its_memory);
    ADD("frames go out", frames_go_out);
    ADD("the ring goes round", the_ring_goes_round);
    ADD("what is left is told again", what_is_left_is_told_again);
    ADD("filters", filters);
    ADD("broken drivers", broken_drivers);
    return g_test_run();
}
