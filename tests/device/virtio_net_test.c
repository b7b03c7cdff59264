/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net: frames both ways, offloads, filters, links, and drivers that break the rules. Thread: the test's. */
#include "tests/device/virtio_net_rig.h"

static void configuration(struct fixture *f, gconstpointer data)
{
    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 64);
    g_assert_cmphex(rig_load(f->v.r, VIRTIO_RIG_CONFIG, 4), ==, 0xaa005452);
    g_assert_cmphex(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 4, 2), ==, 0xccbb);
    g_assert_cmphex(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 6, 2), ==, 1);
    net_set_link(&f->wire.client, false);
    g_assert_cmphex(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 6, 2), ==, 0);
    net_set_link(&f->wire.client, true);
    g_assert_cmphex(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 6, 2), ==, 1);
}

static void frames_go_out(struct fixture *f, gconstpointer data)
{
    static const uint8_t hdr[HDR] = { 0 };
    uint8_t frame[1514];

    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 64);
    net_fill(frame, sizeof(frame), NET_RIG_BROADCAST);
    send_raw(f, hdr, frame, sizeof(frame));
    g_assert_cmpuint(f->wire.frames, ==, 1);
    g_assert_cmpmem(f->wire.last, f->wire.len, frame, sizeof(frame));
}

static void frames_come_in(struct fixture *f, gconstpointer data)
{
    uint8_t want[600], have[HDR + 600];
    uint32_t len;

    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 64);
    net_wire_arrive(&f->wire, NET_RIG_MAC, 600); /* there is no buffer: it waits */
    g_assert_false(got(f, &len));
    give(f, 0, 1526);
    virtio_rig_kick(&f->v, 0);
    g_assert_true(got(f, &len));
    g_assert_cmpuint(len, ==, HDR + 600);
    rig_read(f->v.r, RX_AT, have, sizeof(have));
    net_fill(want, sizeof(want), NET_RIG_MAC);
    g_assert_cmpmem(have + HDR, 600, want, 600);
    g_assert_cmphex(have[0], ==, 0);
    g_assert_cmphex(have[10], ==, 1); /* num_buffers */
}

static void a_frame_takes_several_buffers(struct fixture *f, gconstpointer data)
{
    uint8_t want[1000], have[1000];
    uint32_t len[3];

    (void)data;
    virtio_rig_start(&f->v, BASE | 1ull << 15, 2, 64);
    for (unsigned i = 0; i < 2; i++) {
        give(f, i * 0x1000, 400);
    }
    net_wire_arrive(&f->wire, NET_RIG_BROADCAST, 1000);
    g_assert_false(got(f, len)); /* not enough of them */
    give(f, 0x2000, 400);
    virtio_rig_kick(&f->v, 0);
    g_assert_true(got(f, &len[0]) && got(f, &len[1]) && got(f, &len[2]));
    g_assert_cmpuint(len[0], ==, 400);
    g_assert_cmpuint(len[2], ==, HDR + 1000 - 800);
    g_assert_cmphex(rig_load(f->v.r, RX_AT + 10, 2), ==, 3);
    rig_read(f->v.r, RX_AT + HDR, have, 388);
    rig_read(f->v.r, RX_AT + 0x1000, have + 388, 400);
    rig_read(f->v.r, RX_AT + 0x2000, have + 788, 212);
    net_fill(want, sizeof(want), NET_RIG_BROADCAST);
    g_assert_cmpmem(have, 1000, want, 1000);
}

static void a_checksum_is_made(struct fixture *f, gconstpointer data)
{
    static const uint8_t hdr[HDR] = { 1, 0, 0, 0, 0, 0, 34, 0, 16, 0 };
    static const uint8_t outside[HDR] = { 1, 0, 0, 0, 0, 0, 0xff, 0xff, 16, 0 };
    uint8_t frame[54 + 101];
    uint32_t pseudo = 6 + 121 + 0x0a00 + 0x020f + 0x0a00 + 0x0202;

    (void)data;
    virtio_rig_start(&f->v, BASE | 1, 2, 64);
    net_make_tcp(frame, NET_RIG_MAC, 101);
    frame[50] = (uint8_t)(pseudo >> 8);
    frame[51] = (uint8_t)pseudo;
    send_raw(f, hdr, frame, sizeof(frame));
    g_assert_cmpuint(f->wire.len, ==, sizeof(frame));
    g_assert_cmphex(net_tcp_sum(f->wire.last, f->wire.len), ==, 0xffff);
    send_raw(f, outside, frame, sizeof(frame));
    g_assert_cmpuint(f->wire.frames, ==, 1);
}

static void segments_are_made(struct fixture *f, gconstpointer data)
{
    static const uint8_t hdr[HDR] = { 1, 1, 54, 0, 0xe8, 3, 34, 0, 16, 0 }; /* of 1000 bytes */
    static const uint8_t tiny[HDR] = { 1, 1, 54, 0, 1, 0, 34, 0, 16, 0 };
    static uint8_t frame[54 + 2500];

    (void)data;
    virtio_rig_start(&f->v, BASE | 1 | 1ull << 11, 2, 64);
    net_make_tcp(frame, NET_RIG_MAC, 2500);
    send_raw(f, hdr, frame, sizeof(frame));
    g_assert_cmpuint(f->wire.frames, ==, 3);
    g_assert_cmpuint(f->wire.sizes[0], ==, 1054);
    g_assert_cmpuint(f->wire.sizes[2], ==, 554);
    g_assert_cmphex(net_tcp_sum(f->wire.last, f->wire.len), ==, 0xffff);
    g_assert_cmphex(f->wire.last[16] << 8 | f->wire.last[17], ==, 540);          /* IP: length */
    g_assert_cmphex(f->wire.last[19], ==, 11);                                   /* id */
    g_assert_cmphex(f->wire.last[40] << 8 | f->wire.last[41], ==, 0x100 + 2000); /* sequence */
    g_assert_cmphex(f->wire.last[47], ==, 0x19);
    g_assert_cmpmem(f->wire.last + 54, 500, frame + 54 + 2000, 500);
    send_raw(f, tiny, frame, sizeof(frame));
    frame[14] = 0x4f; /* IP options to where there is no TCP */
    send_raw(f, hdr, frame, 60);
    g_assert_cmpuint(f->wire.frames, ==, 3);
}

static void filters(struct fixture *f, gconstpointer data)
{
    static const uint8_t no_promisc[] = { 0, 0, 0 }, all_multi[] = { 0, 1, 1 };
    static const uint8_t table[] = { 1, 0, 1, 0, 0, 0, 2, 0,    0, 0, 0,
                                     1, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1 };
    static const uint8_t cut[] = { 1, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1 };
    static const uint8_t mac[] = { 1, 1, 2, 0, 0, 0, 0, 9 }, unknown[] = { 77, 0, 0 };
    static const char *const passing[] = { NET_RIG_MAC, NET_RIG_BROADCAST, "02:00:00:00:00:01",
                                           "01:00:5e:00:00:01" };
    uint32_t len;

    (void)data;
    virtio_rig_start(&f->v, CONTROL, 3, 64);
    for (unsigned i = 0; i < 16; i++) {
        give(f, i * 0x800, 0x800);
    }
    virtio_rig_kick(&f->v, 0);
    net_wire_arrive(&f->wire, "02:00:00:00:00:77", 60);
    g_assert_true(got(f, &len)); /* nothing was said yet */
    g_assert_cmphex(command(f, no_promisc, 3), ==, 0);
    g_assert_cmphex(command(f, table, sizeof(table)), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(passing); i++) {
        net_wire_arrive(&f->wire, passing[i], 60);
        g_assert_true(got(f, &len));
    }
    net_wire_arrive(&f->wire, "02:00:00:00:00:77", 60);
    net_wire_arrive(&f->wire, "01:00:5e:00:00:02", 60);
    g_assert_false(got(f, &len));
    g_assert_cmphex(command(f, all_multi, 3), ==, 0);
    net_wire_arrive(&f->wire, "01:00:5e:00:00:02", 60);
    g_assert_true(got(f, &len));
    g_assert_cmphex(command(f, mac, sizeof(mac)), ==, 0);
    g_assert_cmphex(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 5, 1), ==, 9);
    g_assert_cmphex(command(f, cut, sizeof(cut)), ==, 1);
    g_assert_cmphex(command(f, unknown, sizeof(unknown)), ==, 1);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
}

static void a_full_wire_stops_the_queue(struct fixture *f, gconstpointer data)
{
    static const uint8_t hdr[HDR] = { 0 };
    uint8_t frame[60];

    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 64);
    net_fill(frame, sizeof(frame), NET_RIG_BROADCAST);
    f->wire.full = true;
    for (unsigned i = 0; i < NET_QUEUE_FRAMES / 2 + 20; i++) {
        send_raw(f, hdr, frame, sizeof(frame));
    }
    g_assert_cmpuint(f->wire.client.queue.length, ==, NET_QUEUE_FRAMES / 2);
    f->wire.full = false;
    net_ready(&f->wire.client);
    net_ready(&f->wire.client);
    g_assert_cmpuint(f->wire.frames, ==, NET_QUEUE_FRAMES / 2 + 20);
}

static void a_save_gives_waiting_buffers_back(struct fixture *f, gconstpointer data)
{
    uint32_t len;

    (void)data;
    virtio_rig_start(&f->v, BASE | 1ull << 15, 2, 64);
    give(f, 0, 400);
    net_wire_arrive(&f->wire, NET_RIG_BROADCAST, 1000);
    g_assert_false(got(f, &len));
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_true(virtio_idle(virtio_rig_device(&f->v)));
}

static void broken_drivers(struct fixture *f, gconstpointer data)
{
    struct rig_buffer small = { TX_AT, HDR - 1, false };

    (void)data;
    virtio_rig_start(&f->v, BASE, 2, 64);
    virtio_rig_add(&f->v, 1, &small, 1, false); /* no whole header */
    virtio_rig_kick(&f->v, 1);
    g_assert_cmphex(virtio_rig_get(&f->v, 20, 1) & VIRTIO_NEEDS_RESET, !=, 0);
    virtio_rig_start(&f->v, BASE, 2, 64);
    give(f, 0, 4);
    virtio_rig_kick(&f->v, 0);
    net_wire_arrive(&f->wire, NET_RIG_BROADCAST, 60);
    g_assert_cmphex(virtio_rig_get(&f->v, 20, 1) & VIRTIO_NEEDS_RESET, !=, 0);
    virtio_rig_start(&f->v, BASE, 2, 64);
    give(f, 0, 100);
    virtio_rig_kick(&f->v, 0);
    net_wire_arrive(&f->wire, NET_RIG_BROADCAST, 1000); /* larger than the buffer: dropped */
    net_wire_arrive(&f->wire, NET_RIG_BROADCAST, 60);
    g_assert_cmpuint(f->wire.frames, ==, 0);
    g_assert_cmphex(rig_load(f->v.r, RX_AT + HDR, 1), ==, 0xff);
}

static void refused_properties(void)
{
    static const char *const rows[][2] = {
        { "mac=1:2", "mac is '1:2'" },
        { "mac=01:00:5e:00:00:01", "not a group's" },
        { "rx_queue_size=100", "rx_queue_size is 100" },
        { "netdev=none", "there is no -netdev" },
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
    ADD("configuration", "", configuration);
    ADD("frames go out", "", frames_go_out);
    ADD("frames come in", "", frames_come_in);
    ADD("a frame takes several buffers", "", a_frame_takes_several_buffers);
    ADD("a checksum is made", "", a_checksum_is_made);
    ADD("segments are made", "", segments_are_made);
    ADD("filters", "", filters);
    ADD("a full wire stops the queue", "", a_full_wire_stops_the_queue);
    ADD("a save gives waiting buffers back", "", a_save_gives_waiting_buffers_back);
    ADD("broken drivers", "", broken_drivers);
    g_test_add_func("/virtio-net/refused properties", refused_properties);
    return g_test_run();
}
