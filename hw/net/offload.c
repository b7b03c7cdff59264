/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/offload.c: see offload.h.  Sources: RFC 1071 (checksum), RFC 9293 (TCP), RFC 8200 (IPv6).
 * Thread: any.
 */
#include <string.h>
#include "hw/net/offload.h"

enum { ETHER_TYPE = 12, VLAN_TAG = 4, TYPE_VLAN = 0x8100, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };
enum {
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    UDP_HEADER = 8,
    UDP_CHECKSUM = 6,
    IP_CHECKSUM = 10,
    TCP_LEAST = 20,
    TCP_CHECKSUM = 16,
    TCP_FLAGS = 13
};
enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static uint16_t load16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void store16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)load16(p) << 16 | load16(p + 2);
}

static void store32(uint8_t *p, uint32_t v)
{
    store16(p, v >> 16);
    store16(p + 2, v);
}

/* Of at most 64 KiB: no overflow. */
static uint64_t sum(const uint8_t *p, size_t len, uint64_t v)
{
    for (; len >= 8; p += 8, len -= 8) {
        v += (uint64_t)load32(p) + load32(p + 4);
    }
    for (; len >= 2; p += 2, len -= 2) {
        v += load16(p);
    }
    return len ? v + ((uint64_t)p[0] << 8) : v;
}

static uint16_t fold(uint64_t v)
{
    while (v >> 16) {
        v = (v & 0xffff) + (v >> 16);
    }
    return (uint16_t)~v;
}

bool offload_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
    uint16_t v;

    if (start >= len || offset > len || len - start < 2 || offset > len - start - 2) {
        return false;
    }
    v = fold(sum(frame + start, len - start, 0));
    store16(frame + start + offset, v ? v : 0xffff); /* UDP: 0 is none (RFC 768) */
    return true;
}

/* An IP packet in a frame. */
struct packet {
    const uint8_t *ip;
    size_t header, payload; /* bytes */
    unsigned protocol;
    uint64_t pseudo; /* the sum of its pseudo header */
    bool v6, fragment;
};

static bool find_packet(const uint8_t *frame, size_t len, struct packet *p)
{
    size_t at = ETHER_TYPE, total;
    unsigned type;

    at += len >= ETHER_TYPE + VLAN_TAG + 2 && load16(frame + at) == TYPE_VLAN ? VLAN_TAG : 0;
    if (len < at + 2 + 20) {
        return false;
    }
    type = load16(frame + at);
    p->ip = frame + at + 2;
    len -= at + 2;
    p->v6 = type == TYPE_IPV6 && p->ip[0] >> 4 == 6 && len >= 40;
    if (!p->v6 && (type != TYPE_IPV4 || p->ip[0] >> 4 != 4)) {
        return false;
    }
    p->header = p->v6 ? 40 : (p->ip[0] & 15u) * 4u;
    total = p->v6 ? 40u + load16(p->ip + 4) : load16(p->ip + 2);
    if (p->header < 20 || total < p->header || total > len) {
        return false;
    }
    p->payload = total - p->header;
    p->fragment = !p->v6 && load16(p->ip + 6) & 0x3fff;
    p->protocol = p->ip[p->v6 ? 6 : 9];
    p->pseudo = sum(p->ip + (p->v6 ? 8 : 12), p->v6 ? 32 : 8, p->protocol + p->payload);
    return true;
}

static bool has_payload_sum(const struct packet *p)
{
    return !p->fragment && ((p->protocol == PROTOCOL_TCP && p->payload >= TCP_LEAST) ||
                            (p->protocol == PROTOCOL_UDP && p->payload >= UDP_HEADER));
}

void offload_verify(const uint8_t *frame, size_t len, struct offload_sums *s)
{
    struct packet p;

    *s = (struct offload_sums){ 0 };
    if (!find_packet(frame, len, &p)) {
        return;
    }
    s->ip = !p.v6;
    s->ip_good = s->ip && fold(sum(p.ip, p.header, 0)) == 0;
    s->udp = p.protocol == PROTOCOL_UDP;
    if (has_payload_sum(&p) && !(s->udp && load16(p.ip + p.header + UDP_CHECKSUM) == 0)) {
        s->payload = true; /* UDP: 0 is none */
        s->payload_good = fold(sum(p.ip + p.header, p.payload, p.pseudo)) == 0;
    }
}

void offload_sum_up(uint8_t *frame, size_t len, struct offload_sums which)
{
    struct packet p;
    uint8_t *ip, *field;
    uint16_t v;

    if (!find_packet(frame, len, &p)) {
        return;
    }
    ip = frame + (p.ip - frame);
    if (which.ip && !p.v6) {
        store16(ip + IP_CHECKSUM, 0);
        store16(ip + IP_CHECKSUM, fold(sum(ip, p.header, 0)));
    }
    if (which.payload && has_payload_sum(&p) && which.udp == (p.protocol == PROTOCOL_UDP)) {
        field = ip + p.header + (which.udp ? UDP_CHECKSUM : TCP_CHECKSUM);
        store16(field, 0);
        v = fold(sum(ip + p.header, p.payload, p.pseudo));
        store16(field, v || !which.udp ? v : 0xffff);
    }
}

size_t offload_insert_tag(uint8_t *frame, size_t len, uint16_t type, uint16_t tag)
{
    memmove(frame + ETHER_TYPE + VLAN_TAG, frame + ETHER_TYPE, len - ETHER_TYPE);
    store16(frame + ETHER_TYPE, type);
    store16(frame + ETHER_TYPE + 2, tag);
    return len + VLAN_TAG;
}

size_t offload_remove_tag(uint8_t *frame, size_t len)
{
    memmove(frame + ETHER_TYPE, frame + ETHER_TYPE + VLAN_TAG, len - ETHER_TYPE - VLAN_TAG);
    return len - VLAN_TAG;
}

struct layout {
    size_t ip, tcp, payload; /* offsets */
    bool v6;
};

static bool find_headers(const uint8_t *f, size_t len, struct layout *l)
{
    size_t type_at = ETHER_TYPE, ip_len;
    unsigned type;

    if (len < 60) {
        return false;
    }
    type_at += load16(f + ETHER_TYPE) == TYPE_VLAN ? VLAN_TAG : 0;
    type = load16(f + type_at);
    l->ip = type_at + 2;
    l->v6 = type == TYPE_IPV6;
    ip_len = l->v6 ? 40 : (f[l->ip] & 15u) * 4u;
    if ((type != TYPE_IPV4 && type != TYPE_IPV6) || f[l->ip] >> 4 != (l->v6 ? 6 : 4) ||
        ip_len < 20 || f[l->ip + (l->v6 ? 6 : 9)] != PROTOCOL_TCP) {
        return false;
    }
    l->tcp = l->ip + ip_len;
    if (len < l->tcp + TCP_LEAST || (f[l->tcp + 12] >> 4) * 4u < TCP_LEAST) {
        return false;
    }
    l->payload = l->tcp + (f[l->tcp + 12] >> 4) * 4u;
    return l->payload < len;
}

/* Lengths and checksums of a segment whose other fields are right. */
static void finish_segment(uint8_t *f, size_t len, const struct layout *l, unsigned number)
{
    size_t tcp_len = len - l->tcp;
    uint64_t pseudo = PROTOCOL_TCP + tcp_len;
    uint8_t *ip = f + l->ip;

    if (l->v6) {
        store16(ip + 4, (uint32_t)(len - l->ip - 40));
        pseudo = sum(ip + 8, 32, pseudo);
    } else {
        store16(ip + 2, (uint32_t)(len - l->ip));
        store16(ip + 4, load16(ip + 4) + number);
        store16(ip + 10, 0);
        store16(ip + 10, fold(sum(ip, l->tcp - l->ip, 0)));
        pseudo = sum(ip + 12, 8, pseudo);
    }
    store16(f + l->tcp + TCP_CHECKSUM, 0);
    store16(f + l->tcp + TCP_CHECKSUM, fold(sum(f + l->tcp, tcp_len, pseudo)));
}

bool offload_segment(const uint8_t *frame, size_t len, size_t mss, uint8_t *scratch,
                     void (*emit)(void *opaque, const uint8_t *segment, size_t len), void *opaque)
{
    struct layout l;
    unsigned number = 0;
    uint32_t seq;

    if (mss < OFFLOAD_MSS_MIN || !find_headers(frame, len, &l)) {
        return false;
    }
    seq = load32(frame + l.tcp + 4);
    for (size_t at = l.payload; at < len; at += mss, number++) {
        size_t n = len - at < mss ? len - at : mss;
        uint8_t *flags = scratch + l.tcp + TCP_FLAGS;

        memcpy(scratch, frame, l.payload);
        memcpy(scratch + l.payload, frame + at, n);
        store32(scratch + l.tcp + 4, seq + (uint32_t)(at - l.payload));
        *flags &= (uint8_t) ~(at + n < len ? TCP_FIN | TCP_PSH : 0);
        *flags &= (uint8_t) ~(number ? TCP_CWR : 0);
        finish_segment(scratch, l.payload + n, &l, number);
        emit(opaque, scratch, l.payload + n);
    }
    return true;
}
