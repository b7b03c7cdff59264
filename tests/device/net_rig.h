/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/net_rig.h: the other end of a card's cable, and frames.
 *
 *     net_wire_init(&f->wire, f->r->m);            before the card, whose netdev= is "w"
 *     net_wire_arrive(&f->wire, NET_RIG_MAC, 60);  a frame for the card
 *     g_assert_cmpuint(f->wire.frames, ==, 1);     what it sent
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_NET_RIG_H
#define TESTS_DEVICE_NET_RIG_H

#include <string.h>
#include "net/net.h"

#define NET_RIG_MAC       "52:54:00:aa:bb:cc"
#define NET_RIG_PROPS     "netdev=w,mac=" NET_RIG_MAC
#define NET_RIG_BROADCAST "ff:ff:ff:ff:ff:ff"
#define NET_RIG_TCP       54u /* bytes of headers */

struct net_wire {
    struct net_client client;
    unsigned frames;
    bool full; /* takes nothing */
    size_t len, sizes[64];
    struct net_offload offload; /* of the last frame */
    uint8_t last[70000];
};

static inline bool net_wire_receive(struct net_client *c, const struct net_offload *o,
                                    const uint8_t *frame, size_t len)
{
    struct net_wire *w = (struct net_wire *)c;

    if (w->full) {
        return false;
    }
    w->sizes[w->frames++ % 64] = len;
    w->len = len;
    w->offload = *o;
    memcpy(w->last, frame, len);
    return true;
}

static inline void net_wire_init(struct net_wire *w, struct machine *m)
{
    static const struct net_ops ops = { .model = "wire", .receive_offload = net_wire_receive };

    net_client_init(&w->client, m, &ops, "w", NULL);
}

/* Byte i is i * 7, but for the addressee and a type that nobody knows. */
static inline void net_fill(uint8_t *frame, size_t len, const char *to)
{
    for (size_t i = 0; i < len; i++) {
        frame[i] = (uint8_t)(i * 7);
    }
    net_parse_mac(to, frame);
    frame[12] = 0x12;
    frame[13] = 0x34;
}

static inline void net_wire_arrive(struct net_wire *w, const char *to, size_t len)
{
    uint8_t frame[16384];

    net_fill(frame, len, to);
    net_send(&w->client, frame, len);
}

/* The one's complement sum of a segment and its pseudo header: 0xffff when its checksum is right. */
static inline unsigned net_tcp_sum(const uint8_t *frame, size_t len)
{
    uint32_t v = 6 + (uint32_t)(len - 34);

    for (size_t i = 26; i < len; i++) {
        v += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
    }
    while (v >> 16) {
        v = (v & 0xffff) + (v >> 16);
    }
    return v;
}

static inline void net_put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* IPv4 and TCP without checksums, `payload` bytes behind NET_RIG_TCP of headers, from 10.0.2.15. */
static inline void net_make_tcp(uint8_t *frame, const char *to, size_t payload)
{
    static const uint8_t ip[] = { 8, 0, 0x45, 0,  0, 0, 0,  9,  0x40, 0, 64,
                                  6, 0, 0,    10, 0, 2, 15, 10, 0,    2, 2 };
    static const uint8_t tcp[] = { 0x12, 0x34, 0,    80,   0,    0, 1, 0, 0, 0,
                                   0,    0,    0x50, 0x19, 0x10, 0, 0, 0, 0, 0 };

    net_fill(frame, NET_RIG_TCP + payload, to);
    memcpy(frame + 12, ip, sizeof(ip));
    memcpy(frame + 34, tcp, sizeof(tcp));
    net_put16(frame + 16, (unsigned)(40 + payload));
}

/* The same with right checksums. */
static inline void net_make_summed_tcp(uint8_t *frame, const char *to, size_t payload)
{
    uint32_t v = 0;

    net_make_tcp(frame, to, payload);
    for (unsigned i = 14; i < 34; i += 2) {
        v += (uint32_t)(frame[i] << 8 | frame[i + 1]);
    }
    net_put16(frame + 24, ~(v + (v >> 16)) & 0xffff);
    net_put16(frame + 50, ~net_tcp_sum(frame, NET_RIG_TCP + payload) & 0xffff);
}

#endif
