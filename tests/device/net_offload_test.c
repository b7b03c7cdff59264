/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What senders leave to receivers: through hubs and queues, to clients that take it and to those that do not;
 * fragments of UDP; flows; facts by lot. Thread: the test's.
 */
#include <stdlib.h>
#include "tests/device/net_rig.h"
#include "tests/unit/net_rig.h"

#define DATAGRAM 3000u
#define IPV6     40u

static const struct net_offload tcp_large = { NET_NEEDS_CSUM, NET_GSO_TCPV4, 54, 1000, 34, 16 };

/* Frames of a UDP datagram, put together again. */
struct assembly {
    unsigned frames, head; /* head: bytes before the fragments' payload */
    bool v6, last;
    uint8_t payload[8 + DATAGRAM];
    size_t len;
};

static unsigned word(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static unsigned header_sum(const uint8_t *ip)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 20; i += 2) {
        v += word(ip + i);
    }
    return (v & 0xffff) + (v >> 16);
}

static void take_fragment(void *opaque, const uint8_t *f, size_t len)
{
    struct assembly *a = opaque;
    unsigned offset;

    if (a->v6) {
        g_assert_cmpuint(f[20], ==, 44);
        g_assert_cmpuint(word(f + 18), ==, len - 14 - IPV6);
        g_assert_cmpuint(f[54], ==, 17);
        offset = word(f + 56) & 0xfff8;
        a->last = !(f[57] & 1);
    } else {
        g_assert_cmpuint(word(f + 16), ==, len - 14);
        g_assert_cmphex(header_sum(f + 14), ==, 0xffff);
        offset = (word(f + 20) & 0x1fff) * 8;
        a->last = !(word(f + 20) & 0x2000);
    }
    g_assert_cmpuint(offset, ==, a->len);
    memcpy(a->payload + a->len, f + a->head, len - a->head);
    a->len += len - a->head;
    a->frames++;
}

/* A datagram whose checksum is left: the sum of its pseudo header stands there. */
static size_t make_udp(uint8_t *frame, bool v6, struct net_offload *o)
{
    static const uint8_t v4_head[] = { 8,  0, 0x45, 0,  0, 0, 0,  9,  0x40, 0, 64,
                                       17, 0, 0,    10, 0, 2, 15, 10, 0,    2, 2 };
    static const uint8_t v6_head[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 17, 64 };
    unsigned head = 14 + (v6 ? IPV6 : 20), l4 = 8 + DATAGRAM;
    uint32_t pseudo = 17 + l4;

    net_fill(frame, head + l4, NET_RIG_MAC);
    memcpy(frame + 12, v6 ? v6_head : v4_head, v6 ? sizeof(v6_head) : sizeof(v4_head));
    net_put16(frame + (v6 ? 18 : 16), v6 ? l4 : l4 + 20);
    for (unsigned i = v6 ? 22 : 26; i < head; i += 2) {
        pseudo += word(frame + i);
    }
    net_put16(frame + head + 4, l4);
    net_put16(frame + head + 6, (pseudo & 0xffff) + (pseudo >> 16));
    *o = (struct net_offload){ NET_NEEDS_CSUM, NET_GSO_UDP,      (uint16_t)(head + 8),
                               1480,           (uint16_t)(head), 6 };
    return head + l4;
}

static void fragments_of_datagrams(gconstpointer data)
{
    static uint8_t frame[14 + IPV6 + 8 + DATAGRAM];
    struct assembly a = { .v6 = data != NULL, .head = data ? 62 : 34 };
    struct net_offload o;
    size_t len = make_udp(frame, a.v6, &o);
    uint32_t v = 17 + 8 + DATAGRAM;

    g_assert_true(offload_check(&o, frame, len));
    offload_complete(&o, frame, len, take_fragment, &a);
    g_assert_cmpuint(a.frames, ==, 3);
    g_assert_true(a.last);
    g_assert_cmpuint(a.len, ==, 8 + DATAGRAM);
    g_assert_cmpmem(a.payload + 8, DATAGRAM, frame + len - DATAGRAM, DATAGRAM);
    for (unsigned i = a.v6 ? 22 : 26; i < (a.v6 ? 54u : 34u); i += 2) {
        v += word(frame + i);
    }
    for (unsigned i = 0; i < a.len; i += 2) {
        v += word(a.payload + i);
    }
    v = (v & 0xffff) + (v >> 16);
    g_assert_cmphex((v & 0xffff) + (v >> 16), ==, 0xffff);
}

/* A hub leaves to each of its ports what that takes. */
static void a_hub_passes_it_on(struct fixture *f, gconstpointer data)
{
    static uint8_t large[NET_RIG_TCP + 2500];
    struct net_wire taker = { .frames = 0 };

    (void)data;
    net_wire_init(&taker, f->m);
    net_set_takes(&taker.client, NET_TAKES_CSUM | NET_TAKES_TSO4);
    net_plug(&f->a.client, netdev(f, "hubport,id=p0,hubid=0"), NULL);
    net_plug(&f->b.client, netdev(f, "hubport,id=p1,hubid=0"), NULL);
    net_plug(&taker.client, netdev(f, "hubport,id=p2,hubid=0"), NULL);
    g_assert_cmphex(net_peer_takes(&f->a.client), ==, NET_TAKES_ALL);
    net_make_tcp(large, NET_RIG_MAC, 2500);
    net_send_offload(&f->a.client, &tcp_large, large, sizeof(large));
    g_assert_cmpuint(f->b.frames, ==, 3);
    g_assert_cmpuint(f->b.len, ==, 554);
    g_assert_cmpuint(taker.frames, ==, 1);
    g_assert_cmpmem(taker.last, taker.len, large, sizeof(large));
    taker.full = true; /* what waits keeps its facts ... */
    net_send_offload(&f->a.client, &tcp_large, large, sizeof(large));
    net_send(&f->a.client, large, 60);
    memset(&taker.offload, 0, sizeof(taker.offload));
    taker.full = false;
    net_set_takes(&taker.client,
                  NET_TAKES_CSUM); /* ... and is lost to who does not take it any more */
    net_ready(&taker.client);
    g_assert_cmpuint(taker.frames, ==, 2);
    g_assert_cmpuint(taker.len, ==, 60);
    g_assert_cmpuint(taker.client.dropped, ==, 1);
    net_client_clear(&taker.client);
}

static void nonsense_is_dropped(struct fixture *f, gconstpointer data)
{
    static uint8_t large[NET_RIG_TCP + 2500];
    static const struct net_offload rows[] = {
        { NET_NEEDS_CSUM, NET_GSO_TCPV6, 54, 1000, 34, 16 },
        { NET_NEEDS_CSUM, NET_GSO_UDP, 54, 1000, 34, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 54, OFFLOAD_MSS_MIN - 1, 34, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 65000, 1000, 34, 16 },
        { 0, NET_GSO_TCPV4, 54, 1000, 34, 16 },
        { NET_NEEDS_CSUM, 2, 54, 1000, 34, 16 },
        { NET_NEEDS_CSUM, 0, 0, 0, sizeof(large), 0 },
        { NET_NEEDS_CSUM, 0, 0, 0, sizeof(large) - 1, 0 },
        { NET_NEEDS_CSUM, 0, 0, 0, 34, 65535 },
        { 0, NET_GSO_ECN, 0, 0, 0, 0 },
    };

    (void)data;
    net_plug(&f->a.client, &f->b.client, NULL);
    net_make_tcp(large, NET_RIG_MAC, 2500);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        net_send_offload(&f->a.client, &rows[i], large, sizeof(large));
        g_assert_cmpuint(f->b.frames, ==, 0);
        g_assert_cmpuint(f->a.client.dropped, ==, i + 1);
    }
}

static void flows_have_one_hash(void)
{
    uint8_t there[NET_RIG_TCP + 20], back[NET_RIG_TCP + 90];
    unsigned seen[256] = { 0 }, different = 0;

    net_make_tcp(there, NET_RIG_MAC, 20);
    net_make_tcp(back, NET_RIG_MAC, 90);
    memcpy(back + 26, there + 30, 4);
    memcpy(back + 30, there + 26, 4);
    for (unsigned port = 0; port < 1000; port++) {
        net_put16(there + 34, port);
        memcpy(back + 36, there + 34, 2);
        memcpy(back + 34, there + 36, 2);
        g_assert_cmphex(offload_flow_hash(there, sizeof(there)), ==,
                        offload_flow_hash(back, sizeof(back)));
        different += seen[offload_flow_hash(there, sizeof(there)) % 256]++ == 0;
    }
    g_assert_cmpuint(different, >, 200);
    g_assert_cmphex(offload_flow_hash(there, 14), ==, 0);
}

static void count(void *opaque, const uint8_t *frame, size_t len)
{
    unsigned *sum = opaque;

    for (size_t i = 0; i < len; i++) {
        *sum += frame[i];
    }
}

/* Any facts with frames that are almost right: nothing is read or written outside of them. */
static void facts_by_lot(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(1);
    unsigned good = 0, sum = 0;

    for (unsigned turn = 0; turn < 20000; turn++) {
        size_t len = (size_t)g_rand_int_range(r, 60, 3000);
        g_autofree uint8_t *frame = g_malloc(4000);
        g_autofree uint8_t *own = NULL; /* of exactly that size */
        struct net_offload o;
        bool v6 = g_rand_boolean(r);

        if (g_rand_boolean(r)) {
            make_udp(frame, v6, &o);
        } else {
            net_make_tcp(frame, NET_RIG_MAC, 3000);
            o = tcp_large;
            o.gso_type = (uint8_t)g_rand_int_range(r, 0, 6);
        }
        o.gso_size = (uint16_t)g_rand_int_range(r, 0, 3000);
        o.csum_start = (uint16_t)(o.csum_start + g_rand_int_range(r, -2, 3));
        for (unsigned i = (unsigned)g_rand_int_range(r, 0, 3); i > 0; i--) {
            frame[g_rand_int_range(r, 12, 60)] = (uint8_t)g_rand_int(r);
        }
        own = g_memdup2(frame, len);
        (void)offload_flow_hash(own, len);
        if (offload_check(&o, own, len)) {
            offload_complete(&o, own, len, count, &sum);
            good++;
        }
    }
    g_assert_cmpuint(good, >, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/net/offload/fragments of IPv4", NULL, fragments_of_datagrams);
    g_test_add_data_func("/net/offload/fragments of IPv6", "v6", fragments_of_datagrams);
    g_test_add("/net/offload/a hub passes it on", struct fixture, NULL, set_up, a_hub_passes_it_on,
               tear_down);
    g_test_add("/net/offload/nonsense is dropped", struct fixture, NULL, set_up,
               nonsense_is_dropped, tear_down);
    g_test_add_func("/net/offload/flows have one hash", flows_have_one_hash);
    g_test_add_func("/net/offload/facts by lot", facts_by_lot);
    return g_test_run();
}
