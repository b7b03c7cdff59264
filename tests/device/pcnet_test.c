/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcnet: who it is, its three styles of descriptors, chains, filters, interrupts, and drivers that break the rules.
 * Thread: the test's. */
#include "tests/device/net_drivers.h"

#define IDON 0x0100u
#define TINT 0x0200u
#define RINT 0x0400u
#define INTR 0x0080u
#define IENA 0x0040u

struct fixture {
    struct net_driver d;
    struct net_wire wire;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    memset(f, 0, sizeof(*f));
    virtio_rig_machine(&f->d.v);
    net_wire_init(&f->wire, f->d.v.r->m);
    f->d.dev = rig_device(f->d.v.r, "pcnet", NET_RIG_PROPS);
    net_driver_map(&f->d, 1);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_client_clear(&f->wire.client);
    virtio_rig_tear_down(&f->d.v);
}

static uint64_t load(struct fixture *f, uint64_t at, unsigned size)
{
    return rig_load(f->d.v.r, at, size);
}

static void who_it_is(struct fixture *f, gconstpointer data)
{
    uint16_t sum = 0;

    (void)data;
    g_assert_cmphex(load(f, NET_DRIVER_BAR, 4), ==, 0xaa005452);
    g_assert_cmphex(load(f, NET_DRIVER_BAR + 4, 2), ==, 0xccbb);
    g_assert_cmphex(load(f, NET_DRIVER_BAR + 14, 2), ==, 0x5757);
    for (unsigned i = 0; i < 16; i++) {
        sum = (uint16_t)(sum + (i / 2 == 6 ? 0 : load(f, NET_DRIVER_BAR + i, 1)));
    }
    g_assert_cmphex(load(f, NET_DRIVER_BAR + 12, 2), ==, sum);
    g_assert_cmphex(pcnet_driver_get(&f->d, 0), ==, 0x0004);
    g_assert_cmphex(pcnet_driver_get(&f->d, 88), ==, 0x1003);
    g_assert_cmphex(pcnet_driver_get(&f->d, 89), ==, 0x0262);
    g_assert_cmphex(pcnet_driver_get(&f->d, 13), ==, 0xaa00);
    net_driver_put(&f->d, 0x12, 4, 2); /* BCR4: the link's light */
    g_assert_cmphex(load(f, NET_DRIVER_BAR + 0x16, 2), ==, 0x80c0);
    net_set_link(&f->wire.client, false);
    g_assert_cmphex(load(f, NET_DRIVER_BAR + 0x16, 2), ==, 0x00c0);
    net_driver_put(&f->d, 0x10, 0, 4); /* from now on registers of 32 bits */
    net_driver_put(&f->d, 0x14, 88, 4);
    g_assert_cmphex(load(f, NET_DRIVER_BAR + 0x10, 4), ==, 0x1003);
    rig_check_state(f->d.v.r, f->d.dev);
}

/* Initialization block, rings of two, and a frame each way in a style. */
struct style {
    unsigned number, addr, flags, count,
        size; /* offsets of a descriptor; flags: of the byte with OWN */
};

static void desc(struct fixture *f, const struct style *s, unsigned ring, unsigned i, uint32_t addr,
                 unsigned flags, unsigned len)
{
    uint64_t at = ring + i * s->size;

    rig_store(f->d.v.r, at + s->addr, addr, s->number ? 4 : 2);
    if (!s->number) {
        rig_store(f->d.v.r, at + 2, addr >> 16, 1);
    }
    rig_store(f->d.v.r, at + 4, -len & 0xffff, 2);
    rig_store(f->d.v.r, at + s->flags, flags, 1);
}

static void initialize(struct fixture *f, const struct style *s, uint16_t mode)
{
    uint8_t wide[28] = { 0, 0, 0x10, 0x10, 0x52, 0x54, 0, 0xaa, 0xbb, 0xcc };
    uint8_t narrow[24] = { 0, 0, 0x52, 0x54, 0, 0xaa, 0xbb, 0xcc };
    uint32_t rings[2] = { NET_DRIVER_RX, NET_DRIVER_TX };

    net_driver_clear_rings(&f->d);
    wide[1] = narrow[1] = (uint8_t)(mode >> 8);
    memcpy(wide + 20, rings, 8);
    rings[0] |= 1u << 29;
    rings[1] |= 1u << 29;
    memcpy(narrow + 16, rings, 8);
    narrow[14] = wide[18] = 0x40; /* filter 54 */
    load(f, NET_DRIVER_BAR + 0x14, 2);
    pcnet_driver_bcr(&f->d, 20, (uint16_t)s->number);
    rig_write(f->d.v.r, PCNET_DRIVER_BLOCK, s->number ? wide : narrow, s->number ? 28 : 24);
    pcnet_driver_put(&f->d, 1, 0);
    pcnet_driver_put(&f->d, 2, PCNET_DRIVER_BLOCK >> 16);
    pcnet_driver_put(&f->d, 0, IENA | 1);
    g_assert_cmphex(pcnet_driver_get(&f->d, 0), ==, IDON | INTR | IENA | 1);
    g_assert_true(f->d.v.r->lines[20].level);
    pcnet_driver_put(&f->d, 0, IDON | IENA | 2);
    g_assert_false(f->d.v.r->lines[20].level);
    g_assert_cmphex(pcnet_driver_get(&f->d, 0), ==, 0x0073);
}

static const struct style styles[] = {
    { 0, 0, 3, 6, 8 },
    { 2, 0, 7, 8, 16 },
    { 3, 8, 7, 0, 16 },
};

static void both_ways(struct fixture *f, gconstpointer data)
{
    const struct style *s = data;
    uint8_t frame[200], have[200];

    initialize(f, s, 0);
    net_fill(frame, sizeof(frame), NET_RIG_MAC);
    for (unsigned i = 0; i < 2; i++) { /* the frame in two pieces each way */
        desc(f, s, NET_DRIVER_RX, i, NET_DRIVER_RXBUF + i * 0x1000, 0x80, 128);
    }
    net_send(&f->wire.client, frame, sizeof(frame));
    g_assert_cmphex(load(f, NET_DRIVER_RX + s->flags, 1), ==, 0x02);
    g_assert_cmphex(load(f, NET_DRIVER_RX + s->size + s->flags, 1), ==, 0x01);
    g_assert_cmpuint(load(f, NET_DRIVER_RX + s->size + s->count, 2), ==, sizeof(frame) + 4);
    rig_read(f->d.v.r, NET_DRIVER_RXBUF, have, 128);
    rig_read(f->d.v.r, NET_DRIVER_RXBUF + 0x1000, have + 128, 72);
    g_assert_cmpmem(have, sizeof(have), frame, sizeof(frame));
    g_assert_cmphex(pcnet_driver_get(&f->d, 0) & RINT, ==, RINT);
    g_assert_true(f->d.v.r->lines[20].level);
    pcnet_driver_put(&f->d, 3, RINT); /* is masked */
    g_assert_false(f->d.v.r->lines[20].level);

    rig_write(f->d.v.r, NET_DRIVER_TXBUF, frame, sizeof(frame));
    desc(f, s, NET_DRIVER_TX, 0, NET_DRIVER_TXBUF, 0x82, 100);
    pcnet_driver_put(&f->d, 0, IENA | 8);
    g_assert_cmpuint(f->wire.frames, ==, 0); /* it has no end yet */
    desc(f, s, NET_DRIVER_TX, 1, NET_DRIVER_TXBUF + 100, 0x81, 100);
    pcnet_driver_put(&f->d, 0, IENA | 8);
    g_assert_cmpmem(f->wire.last, f->wire.len, frame, sizeof(frame));
    g_assert_cmphex(load(f, NET_DRIVER_TX + s->size + s->flags, 1), ==, 0x01);
    g_assert_cmphex(pcnet_driver_get(&f->d, 0) & TINT, ==, TINT);
    rig_check_state(f->d.v.r, f->d.dev);
}

static void it_looks_for_buffers(struct fixture *f, gconstpointer data)
{
    const struct style *s = &styles[1];

    (void)data;
    initialize(f, s, 0);
    net_wire_arrive(&f->wire, NET_RIG_MAC, 60);
    g_assert_cmpuint(f->wire.client.peer->queue.length, ==, 1);
    desc(f, s, NET_DRIVER_RX, 0, NET_DRIVER_RXBUF, 0x80, 2048);
    rig_step(f->d.v.r, MS);
    g_assert_cmpuint(f->wire.client.peer->queue.length, ==, 0);
    g_assert_cmphex(load(f, NET_DRIVER_RX + s->flags, 1), ==, 0x03);
    net_wire_arrive(&f->wire, NET_RIG_MAC, 60);
    pcnet_driver_put(&f->d, 0, 4); /* stopped: it is lost */
    g_assert_cmpuint(f->wire.client.peer->queue.length, ==, 0);
}

static void filters(struct fixture *f, gconstpointer data)
{
    static const struct {
        uint16_t mode;
        const char *to;
        bool passes;
    } rows[] = {
        { 0, NET_RIG_MAC, true },          { 0x2000, NET_RIG_MAC, false },
        { 0, NET_RIG_BROADCAST, true },    { 0x4000, NET_RIG_BROADCAST, false },
        { 0, "01:00:5e:00:00:01", true },  { 0, "01:00:5e:00:00:02", false },
        { 0, "02:00:00:00:00:01", false }, { 0x8000, "02:00:00:00:00:01", true },
    };

    (void)data;
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        const struct style *s = &styles[i % 2];

        initialize(f, s, rows[i / 2].mode);
        desc(f, s, NET_DRIVER_RX, 0, NET_DRIVER_RXBUF, 0x80, 2048);
        net_wire_arrive(&f->wire, rows[i / 2].to, 60);
        g_assert_cmpint(pcnet_driver_get(&f->d, 0) & RINT, ==, rows[i / 2].passes ? RINT : 0);
    }
}

static void broken_drivers(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 300; i++) {
        const struct style *s = &styles[i % 3];

        initialize(f, s, 0x8000);
        pcnet_driver_put(&f->d, 76 + i % 2 * 2, (uint16_t)(i * 0x211)); /* other lengths, no ring */
        pcnet_driver_put(&f->d, i % 128, (uint16_t)(i * 0x1357));
        for (unsigned j = 0; j < 600; j++) { /* frames without an end, rings in the buffers */
            desc(f, s, i & 1 ? NET_DRIVER_TX : NET_DRIVER_RX, j, NET_DRIVER_RX, i & 2 ? 0x82 : 0x80,
                 i & 4 ? 4096 : 0);
        }
        net_wire_arrive(&f->wire, NET_RIG_MAC, 1500);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 15000);
        pcnet_driver_put(&f->d, 0, 8);
        rig_step(f->d.v.r, MS);
    }
    pcnet_driver_put(&f->d, 0, 4);
    pcnet_driver_put(&f->d, 2, 0xffff); /* a block where there is none */
    pcnet_driver_put(&f->d, 0, 1);
    g_assert_cmphex(pcnet_driver_get(&f->d, 0) & 0x8900, ==, 0x8800);
    rig_check_state(f->d.v.r, f->d.dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, arg, fn) g_test_add("/pcnet/" name, struct fixture, arg, set_up, fn, tear_down)
    ADD("who it is", NULL, who_it_is);
    ADD("both ways, 16 bits", &styles[0], both_ways);
    ADD("both ways, 32 bits", &styles[1], both_ways);
    ADD("both ways, 32 bits reordered", &styles[2], both_ways);
    ADD("it looks for buffers", NULL, it_looks_for_buffers);
    ADD("filters", NULL, filters);
    ADD("broken drivers", NULL, broken_drivers);
    return g_test_run();
}
