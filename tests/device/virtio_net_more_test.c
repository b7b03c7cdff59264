/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net: several pairs of queues, what is left to the guest and by it, announcements, bursts, resets and loads
 * during traffic. The rest is in virtio_net_test.c. Thread: the test's.
 */
#include "softmmu/event.h"
#include "softmmu/hotplug.h"
#include "tests/device/virtio_net_rig.h"

#define F(n)      (1ull << (n))
#define MQ        (CONTROL | F(22))
#define MRG       F(15)
#define OFFLOADS  (F(1) | F(7) | F(8) | F(10))
#define ANNOUNCE  F(21)
#define ST_UP     1u
#define ST_ASKED  2u
#define STATUS_AT (VIRTIO_RIG_CONFIG + 6)

static const uint8_t no_header[HDR] = { 0 };
/* NEEDS_CSUM at 34 + 16; the same with segments of 1000 bytes. */
static const struct net_offload tcp_csum = { 1, NET_GSO_NONE, 0, 0, 34, 16 };
static const struct net_offload tcp_large = { 1, NET_GSO_TCPV4, 54, 1000, 34, 16 };

/* Pairs --------------------------------------------------------------------------------------------- */

static void set_up_pairs(struct fixture *f, gconstpointer data)
{
    set_up_with(f, data, 3);
}

static uint8_t set_pairs(struct fixture *f, uint8_t n)
{
    const uint8_t bytes[] = { 4, 0, n, 0 };

    return command_on(f, 6, bytes, sizeof(bytes));
}

/* A flow's frame, and the answer. */
static void make_flow(uint8_t *frame, uint8_t port, bool answer)
{
    uint8_t ends[12];

    net_make_tcp(frame, NET_RIG_MAC, 20);
    frame[35] = port;
    if (answer) {
        memcpy(ends, frame + 26, 12);
        memcpy(frame + 26, ends + 4, 4);
        memcpy(frame + 30, ends, 4);
        memcpy(frame + 34, ends + 10, 2);
        memcpy(frame + 36, ends + 8, 2);
    }
}

/* The receive queue of the only frame that came. */
static unsigned where(struct fixture *f)
{
    unsigned id, found = UINT_MAX;
    uint32_t len;

    for (unsigned pair = 0; pair < 3; pair++) {
        if (virtio_rig_used(&f->v, 2 * pair, &id, &len)) {
            g_assert_cmpuint(found, ==, UINT_MAX);
            found = pair;
        }
    }
    g_assert_cmpuint(found, !=, UINT_MAX);
    return found;
}

static void flows_come_back_where_they_went(struct fixture *f, gconstpointer data)
{
    uint8_t frame[NET_RIG_TCP + 20];

    (void)data;
    virtio_rig_start(&f->v, MQ, 7, 64);
    g_assert_cmpuint(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 8, 2), ==, 3);
    g_assert_cmphex(set_pairs(f, 0), ==, 1);
    g_assert_cmphex(set_pairs(f, 4), ==, 1);
    for (unsigned i = 0; i < 3 * 40; i++) {
        give_to(f, i % 3 * 2, i * 0x800, 0x800);
    }
    make_flow(frame, 1, true);
    net_send(&f->wire.client, frame, sizeof(frame));
    g_assert_cmpuint(where(f), ==, 0); /* one pair until more are asked for */
    g_assert_cmphex(set_pairs(f, 3), ==, 0);
    for (unsigned i = 0; i < 12; i++) {
        make_flow(frame, (uint8_t)(i % 4), false);
        send_on(f, i % 3 * 2 + 1, no_header, frame, sizeof(frame));
        g_assert_cmpuint(f->wire.client.came_by, ==, i % 3);
        make_flow(frame, (uint8_t)(i % 4), true);
        net_send(&f->wire.client, frame, sizeof(frame));
        g_assert_cmpuint(where(f), ==, i % 3);
    }
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_cmphex(set_pairs(f, 1), ==, 0);
    net_send(&f->wire.client, frame, sizeof(frame));
    g_assert_cmpuint(where(f), ==, 0);
}

static void a_driver_of_one_pair(struct fixture *f, gconstpointer data)
{
    static const uint8_t promisc[] = { 0, 0, 1 }, pairs[] = { 4, 0, 1, 0 };
    uint32_t len;

    (void)data;
    virtio_rig_start(&f->v, CONTROL, 3, 64);
    g_assert_cmphex(command(f, promisc, sizeof(promisc)), ==, 0); /* queue 2 */
    g_assert_cmphex(command(f, pairs, sizeof(pairs)), ==, 1);
    virtio_rig_kick(&f->v, 5);
    give(f, 0, 1000);
    net_wire_arrive(&f->wire, NET_RIG_MAC, 60);
    g_assert_true(got(f, &len));
}

/* Offloads ------------------------------------------------------------------------------------------ */

static void the_guest_is_left_the_rest(struct fixture *f, gconstpointer data)
{
    static const uint8_t none[10] = { 5, 0 }, more[10] = { 5, 0, 0, 2 };
    static uint8_t frame[NET_RIG_TCP + 2500], have[HDR + NET_RIG_TCP + 2500];
    uint32_t len;

    (void)data;
    virtio_rig_start(&f->v, CONTROL | OFFLOADS | MRG | F(2), 3, 64);
    for (unsigned i = 0; i < 16; i++) {
        give(f, i * 0x1000, 0x1000);
    }
    net_make_tcp(frame, NET_RIG_MAC, 2500);
    net_send_offload(&f->wire.client, &tcp_large, frame, sizeof(frame));
    g_assert_true(got(f, &len));
    g_assert_cmpuint(len, ==, sizeof(have));
    rig_read(f->v.r, RX_AT, have, sizeof(have));
    g_assert_cmpmem(have, 10, &tcp_large, 10);
    g_assert_cmpmem(have + HDR, sizeof(frame), frame, sizeof(frame));
    g_assert_cmphex(command(f, more, sizeof(more)), ==, 1); /* GUEST_ECN was not accepted */
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_cmphex(f->v.dev ? net_peer_takes(&f->wire.client) : 0, ==,
                    NET_TAKES_CSUM | NET_TAKES_TSO4 | NET_TAKES_TSO6 | NET_TAKES_UFO);
    g_assert_cmphex(command(f, none, sizeof(none)), ==, 0);
    net_send_offload(&f->wire.client, &tcp_large, frame, sizeof(frame));
    for (unsigned i = 1; i <= 3; i++) {
        g_assert_true(got(f, &len));
        g_assert_cmpuint(len, ==, HDR + NET_RIG_TCP + (i < 3 ? 1000 : 500));
        rig_read(f->v.r, RX_AT + i * 0x1000, have, len);
        g_assert_cmphex(have[0] | have[1], ==, 0);
        g_assert_cmphex(net_tcp_sum(have + HDR, len - HDR), ==, 0xffff);
    }
    g_assert_false(got(f, &len));
}

static void a_guest_that_takes_nothing(struct fixture *f, gconstpointer data)
{
    static uint8_t frame[NET_RIG_TCP + 100], have[HDR + NET_RIG_TCP + 100];
    uint32_t len;

    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 64);
    give(f, 0, 0x1000);
    net_make_tcp(frame, NET_RIG_MAC, 100);
    net_put16(frame + 50, 6 + 120 + 0x0a00 + 0x020f + 0x0a00 + 0x0202); /* of the pseudo header */
    net_send_offload(&f->wire.client, &tcp_csum, frame, sizeof(frame));
    g_assert_true(got(f, &len));
    rig_read(f->v.r, RX_AT, have, sizeof(have));
    g_assert_cmphex(have[0], ==, 0);
    g_assert_cmphex(net_tcp_sum(have + HDR, sizeof(frame)), ==, 0xffff);
}

static void the_other_end_is_left_the_rest(struct fixture *f, gconstpointer data)
{
    static uint8_t frame[NET_RIG_TCP + 2500];
    uint8_t hdr[HDR] = { 0 };

    (void)data;
    net_set_takes(&f->wire.client, NET_TAKES_ALL);
    virtio_rig_start(&f->v, BASE | F(0) | F(11), 2, 64);
    net_make_tcp(frame, NET_RIG_MAC, 2500);
    memcpy(hdr, &tcp_large, sizeof(tcp_large));
    send_raw(f, hdr, frame, sizeof(frame));
    g_assert_cmpuint(f->wire.frames, ==, 1);
    g_assert_cmpmem(f->wire.last, f->wire.len, frame, sizeof(frame));
    g_assert_cmpmem(&f->wire.offload, 10, &tcp_large, 10);
    hdr[1] = NET_GSO_UDP; /* was not accepted */
    send_raw(f, hdr, frame, sizeof(frame));
    hdr[1] = NET_GSO_TCPV4;
    hdr[0] = 0; /* segments without checksums */
    send_raw(f, hdr, frame, sizeof(frame));
    g_assert_cmpuint(f->wire.frames, ==, 1);
}

static void legacy_drivers_have_gso(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(virtio_rig_offered(&f->v) & F(6), ==, 0);
    g_assert_cmphex(rig_inl(f->v.r, VIRTIO_RIG_IO) & F(6), ==, F(6));
    rig_outl(f->v.r, VIRTIO_RIG_IO + 4, F(6) | F(0));
    g_assert_cmphex(rig_inl(f->v.r, VIRTIO_RIG_IO + 4), ==, F(6) | F(0));
}

/* Frames in several buffers: their number stands in the first, also in packed rings. */
static void merged_buffers(struct fixture *f, gconstpointer data)
{
    uint8_t want[1000], have[1000];
    uint32_t len[3];

    (void)data;
    virtio_rig_start(&f->v, BASE | MRG | F(VIRTIO_F_RING_PACKED), 2, 4); /* round the ring, too */
    net_fill(want, sizeof(want), NET_RIG_MAC);
    for (unsigned turn = 0; turn < 5; turn++) {
        for (unsigned i = 0; i < 3; i++) {
            give(f, i * 0x1000, 400);
        }
        net_wire_arrive(&f->wire, NET_RIG_MAC, sizeof(want));
        g_assert_true(got(f, &len[0]) && got(f, &len[1]) && got(f, &len[2]));
        g_assert_cmpuint(len[0] + len[1] + len[2], ==, HDR + sizeof(want));
        g_assert_cmphex(rig_load(f->v.r, RX_AT + 10, 2), ==, 3);
        rig_read(f->v.r, RX_AT + HDR, have, 388);
        rig_read(f->v.r, RX_AT + 0x1000, have + 388, 400);
        rig_read(f->v.r, RX_AT + 0x2000, have + 788, 212);
        g_assert_cmpmem(have, 1000, want, 1000);
    }
}

/* Announcements ------------------------------------------------------------------------------------- */

static void announcements(struct fixture *f, gconstpointer data)
{
    static const uint8_t ack[] = { 3, 0 };
    struct net_announce_options o = NET_ANNOUNCE_DEFAULTS;

    (void)data;
    virtio_rig_start(&f->v, CONTROL | ANNOUNCE, 3, 64);
    net_announce(f->v.r->m, &o);
    rig_step(f->v.r, 49 * MS);
    g_assert_cmphex(rig_load(f->v.r, STATUS_AT, 2), ==, ST_UP);
    rig_step(f->v.r, MS);
    g_assert_cmphex(rig_load(f->v.r, STATUS_AT, 2), ==, ST_UP | ST_ASKED);
    g_assert_cmpuint(f->wire.frames, ==, 1);
    g_assert_cmphex(f->wire.last[12] << 8 | f->wire.last[13], ==, 0x8035);
    g_assert_cmphex(command(f, ack, sizeof(ack)), ==, 0);
    g_assert_cmphex(rig_load(f->v.r, STATUS_AT, 2), ==, ST_UP);
    rig_step(f->v.r, 5000 * MS);
    g_assert_cmpuint(f->wire.frames, ==, 5);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_cmphex(command(f, ack, sizeof(ack)), ==, 0);
    rig_step(f->v.r, 1); /* after a load: at once */
    g_assert_cmphex(rig_load(f->v.r, STATUS_AT, 2), ==, ST_UP | ST_ASKED);
    g_assert_cmphex(command(f, ack, sizeof(ack)), ==, 0);
    net_set_link(&f->wire.client, false);
    net_set_link(&f->wire.client, true);
    g_assert_cmphex(rig_load(f->v.r, STATUS_AT, 2), ==, ST_UP | ST_ASKED);
    virtio_rig_start(&f->v, CONTROL, 3, 64); /* a driver that cannot */
    net_announce(f->v.r->m, &o);
    rig_step(f->v.r, 5000 * MS);
    g_assert_cmphex(rig_load(f->v.r, STATUS_AT, 2), ==, ST_UP);
    g_assert_cmphex(command(f, ack, sizeof(ack)), ==, 1);
}

static void rounds_by_id(struct fixture *f, gconstpointer data)
{
    struct net_announce_options o = NET_ANNOUNCE_DEFAULTS;

    (void)data;
    virtio_rig_start(&f->v, CONTROL, 3, 64);
    net_announce(f->v.r->m, &o);
    o.id = "other";
    net_announce(f->v.r->m, &o);
    rig_step(f->v.r, 51 * MS);
    g_assert_cmpuint(f->wire.frames, ==, 2); /* beside each other */
    net_announce(f->v.r->m, &o);             /* anew */
    rig_step(f->v.r, 51 * MS);
    g_assert_cmpuint(f->wire.frames, ==, 3);
    o.rounds = 0; /* ends it; the other one goes on: 4 more */
    net_announce(f->v.r->m, &o);
    rig_step(f->v.r, 5000 * MS);
    g_assert_cmpuint(f->wire.frames, ==, 7);
}

/* Filters ------------------------------------------------------------------------------------------- */

struct listener {
    struct event_listener l;
    unsigned told;
};

static void count_event(struct event_listener *l, enum event_id id, json_t *data, int64_t us)
{
    (void)us;
    if (id == EVENT_NIC_RX_FILTER_CHANGED) {
        ((struct listener *)l)->told++;
        g_assert_true(
            g_str_has_suffix(json_string_value(json_object_get(data, "path")), "/virtio-backend"));
    }
}

/* Once, and again when somebody has looked. */
static void changed_filters_are_told(struct fixture *f, gconstpointer data)
{
    static const uint8_t no_promisc[] = { 0, 0, 0 }, no_broadcast[] = { 0, 5, 1 };
    static const uint8_t all_multi[] = { 0, 1, 1 }, refused[] = { 0, 77, 1 };
    static const uint8_t vlan[] = { 2, 0, 7, 0 };
    static const uint8_t table[] = { 1, 0, 1, 0, 0, 0, 2, 0,    0, 0, 0,
                                     1, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1 };
    struct net_client *c = f->wire.client.peer;
    struct listener l = { .l.event = count_event };
    struct net_rx_filter now;

    (void)data;
    event_add_listener(f->v.r->m, &l.l);
    virtio_rig_start(&f->v, CONTROL, 3, 64);
    g_assert_cmphex(command(f, refused, sizeof(refused)), ==, 1);
    g_assert_cmpuint(l.told, ==, 0);
    g_assert_cmphex(command(f, no_promisc, sizeof(no_promisc)), ==, 0);
    g_assert_cmphex(command(f, no_broadcast, sizeof(no_broadcast)), ==, 0);
    g_assert_cmphex(command(f, table, sizeof(table)), ==, 0);
    g_assert_cmpuint(l.told, ==, 1);
    c->ops->rx_filter(c, &now);
    c->filter_told = false;
    g_assert_false(now.promiscuous || now.broadcast || now.unicast_overflow);
    g_assert_cmpuint(now.n_unicasts, ==, 1);
    g_assert_cmpmem(now.unicasts, NET_MAC_BYTES, table + 6, NET_MAC_BYTES);
    g_assert_cmpmem(now.multicasts, now.n_multicasts * NET_MAC_BYTES, table + 16, NET_MAC_BYTES);
    g_assert_cmpint(now.multicast, ==, NET_RX_NORMAL);
    g_assert_cmphex(command(f, all_multi, sizeof(all_multi)), ==, 0);
    g_assert_cmphex(command(f, vlan, sizeof(vlan)), ==, 0);
    g_assert_cmpuint(l.told, ==, 2);
    c->ops->rx_filter(c, &now);
    g_assert_cmpint(now.multicast, ==, NET_RX_ALL);
    g_assert_cmpint(now.vlan, ==, NET_RX_NORMAL);
    g_assert_cmphex(now.vlans[0], ==, 1 << 7);
    event_remove_listener(f->v.r->m, &l.l);
}

/* Load, reset, save --------------------------------------------------------------------------------- */

static void add_frames(struct fixture *f, unsigned n)
{
    struct rig_buffer b[] = { { TX_AT, HDR, false }, { TX_AT + 0x100, 60, false } };
    uint8_t frame[60];

    net_fill(frame, sizeof(frame), NET_RIG_BROADCAST);
    rig_write(f->v.r, TX_AT, no_header, HDR);
    rig_write(f->v.r, TX_AT + 0x100, frame, sizeof(frame));
    for (unsigned i = 0; i < n; i++) {
        virtio_rig_add(&f->v, 1, b, 2, false);
    }
}

static void bursts_leave_room_for_others(struct fixture *f, gconstpointer data)
{
    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 1024);
    add_frames(f, 500);
    virtio_rig_kick(&f->v, 1);
    g_assert_cmpuint(f->wire.frames, ==, 256);
    rig_step(f->v.r, 1);
    g_assert_cmpuint(f->wire.frames, ==, 500);
}

/* Drivers do not ask again for what was waiting. */
static void a_load_goes_on_sending(struct fixture *f, gconstpointer data)
{
    unsigned frames;

    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 1024);
    f->wire.full = true;
    add_frames(f, NET_QUEUE_FRAMES / 2 + 20);
    virtio_rig_kick(&f->v, 1);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    f->wire.full = f->wire.client.held = false; /* a new cable */
    net_purge(&f->wire.client);
    frames = f->wire.frames;
    rig_step(f->v.r, 1);
    g_assert_cmpuint(f->wire.frames - frames, ==, 20 + 1); /* and an announcement */
}

/* What the other end sends as soon as it may. */
static void send_more(struct net_client *c)
{
    uint8_t frame[1000];

    net_fill(frame, sizeof(frame), NET_RIG_MAC);
    for (unsigned i = 0; i < 10; i++) {
        net_send(c, frame, sizeof(frame));
    }
}

static void a_reset_amid_traffic(struct fixture *f, gconstpointer data)
{
    struct net_ops ops = *f->wire.client.ops;

    (void)data;
    ops.drained = send_more;
    f->wire.client.ops = &ops;
    for (unsigned turn = 0; turn < 3; turn++) {
        virtio_rig_start(&f->v, BASE | MRG, 2, 64);
        give(f, 0, 400); /* holds part of a frame */
        while (net_can_send(&f->wire.client)) {
            net_wire_arrive(&f->wire, NET_RIG_MAC, 1000);
        }
        g_assert_cmpuint(virtio_rig_device(&f->v)->queues[0].in_flight, ==, 1);
        add_frames(f, 5);
    }
    virtio_rig_put(&f->v, 20, 0, 1);
    g_assert_true(virtio_idle(virtio_rig_device(&f->v)));
    f->wire.client.ops =
        &(struct net_ops){ .model = "wire", .receive_offload = ops.receive_offload };
    net_client_clear(&f->wire.client);
}

/* A card that goes away while frames wait on both sides; the next on the same cable works. */
static void cards_come_and_go(struct fixture *f, gconstpointer data)
{
    uint32_t len;

    (void)data;
    for (unsigned turn = 0; turn < 4; turn++) {
        virtio_rig_start(&f->v, BASE | MRG, 2, 256);
        give(f, 0, 400);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 1000);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 1000);
        f->wire.full = true;
        add_frames(f, NET_QUEUE_FRAMES / 2 + 20);
        virtio_rig_kick(&f->v, 1);
        device_remove(&f->v.dev->pci.dev);
        f->wire.full = false;
        g_assert_cmpuint(f->wire.client.queue.length, ==, 0);
        virtio_rig_set_up_on(&f->v, rig_device(f->v.r, "virtio-net-pci", NET_RIG_PROPS));
        virtio_rig_start(&f->v, BASE, 2, 64);
        give(f, 0, 1000);
        net_wire_arrive(&f->wire, NET_RIG_MAC, 60);
        g_assert_true(got(f, &len));
    }
}

static void refused_properties(void)
{
    static const char *const rows[][2] = {
        { "duplex=both", "duplex is 'both', must be half or full" },
        { "speed=-2", "speed is -2" },
        { "host_mtu=67", "host_mtu is 67" },
        { "failover=on", "failover=on is not supported" },
        { "tx=timer", "tx is 'timer', must be bh" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct virtio_rig f;
        g_autofree char *message = NULL;

        virtio_rig_machine(&f);
        message = rig_device_error(f.r, device_type_find("virtio-net-pci"), rows[i][0]);
        g_assert_nonnull(strstr(message, rows[i][1]));
        rig_free(f.r);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, props, fn)                                                                       \
    g_test_add("/virtio-net/" name, struct fixture, props, set_up, fn, tear_down)
#define ADD_PAIRS(name, fn)                                                                        \
    g_test_add("/virtio-net/" name, struct fixture, ",mq=on", set_up_pairs, fn, tear_down)
    ADD_PAIRS("flows come back where they went", flows_come_back_where_they_went);
    ADD_PAIRS("a driver of one pair", a_driver_of_one_pair);
    ADD("the guest is left the rest", "", the_guest_is_left_the_rest);
    ADD("a guest that takes nothing", "", a_guest_that_takes_nothing);
    ADD("the other end is left the rest", "", the_other_end_is_left_the_rest);
    ADD("legacy drivers have GSO", "", legacy_drivers_have_gso);
    ADD("merged buffers of packed rings", ",packed=on", merged_buffers);
    ADD("announcements", "", announcements);
    ADD("announcements of several ids", "", rounds_by_id);
    ADD("changed filters are told", "", changed_filters_are_told);
    ADD("bursts leave room for others", ",tx_queue_size=1024,rx_queue_size=1024",
        bursts_leave_room_for_others);
    ADD("a load goes on sending", ",tx_queue_size=1024,rx_queue_size=1024", a_load_goes_on_sending);
    ADD("a reset amid traffic", "", a_reset_amid_traffic);
    ADD("cards come and go", "", cards_come_and_go);
    g_test_add_func("/virtio-net/more refused properties", refused_properties);
    return g_test_run();
}
