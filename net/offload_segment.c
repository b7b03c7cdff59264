/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/offload_segment.c: large frames in pieces, and what a frame's sender left to do; see offload.h.
 * Sources: RFC 9293 (TCP), RFC 791 and RFC 8200 (fragments), VIRTIO 1.2, 5.1.6.
 * Thread: any.
 */
#include <glib.h>
#include <string.h>
#include "net/offload_internal.h"

/* Offsets in a frame of TCP or UDP over IP; l4: the header, payload: what is behind it. */
struct layout {
    size_t ip, l4, payload;
    bool v6;
};

static bool find_headers(const uint8_t *f, size_t len, unsigned protocol, struct layout *l)
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
        ip_len < 20 || f[l->ip + (l->v6 ? 6 : 9)] != protocol) {
        return false;
    }
    l->l4 = l->ip + ip_len;
    if (protocol == PROTOCOL_UDP) {
        l->payload = l->l4 + UDP_HEADER;
        return l->payload < len;
    }
    if (len < l->l4 + TCP_LEAST || (f[l->l4 + 12] >> 4) * 4u < TCP_LEAST) {
        return false;
    }
    l->payload = l->l4 + (f[l->l4 + 12] >> 4) * 4u;
    return l->payload < len;
}

/* Of an IPv4 header that is right but for its length. */
static void finish_ipv4(uint8_t *ip, size_t header, size_t total)
{
    store16(ip + 2, (uint32_t)total);
    store16(ip + IP_CHECKSUM, 0);
    store16(ip + IP_CHECKSUM, fold(sum(ip, header, 0)));
}

/* Lengths and checksums of a segment whose other fields are right. */
static void finish_segment(uint8_t *f, size_t len, const struct layout *l, unsigned number)
{
    size_t tcp_len = len - l->l4;
    uint64_t pseudo = PROTOCOL_TCP + tcp_len;
    uint8_t *ip = f + l->ip;

    if (l->v6) {
        store16(ip + 4, (uint32_t)(len - l->ip - 40));
        pseudo = sum(ip + 8, 32, pseudo);
    } else {
        store16(ip + 4, load16(ip + 4) + number);
        finish_ipv4(ip, l->l4 - l->ip, len - l->ip);
        pseudo = sum(ip + 12, 8, pseudo);
    }
    store16(f + l->l4 + TCP_CHECKSUM, 0);
    store16(f + l->l4 + TCP_CHECKSUM, fold(sum(f + l->l4, tcp_len, pseudo)));
}

bool offload_segment(const uint8_t *frame, size_t len, size_t mss, uint8_t *scratch,
                     offload_emit_fn *emit, void *opaque)
{
    struct layout l;
    unsigned number = 0;
    uint32_t seq;

    if (mss < OFFLOAD_MSS_MIN || !find_headers(frame, len, PROTOCOL_TCP, &l)) {
        return false;
    }
    seq = load32(frame + l.l4 + 4);
    for (size_t at = l.payload; at < len; at += mss, number++) {
        size_t n = len - at < mss ? len - at : mss;
        uint8_t *flags = scratch + l.l4 + TCP_FLAGS;

        memcpy(scratch, frame, l.payload);
        memcpy(scratch + l.payload, frame + at, n);
        store32(scratch + l.l4 + 4, seq + (uint32_t)(at - l.payload));
        *flags &= (uint8_t) ~(at + n < len ? TCP_FIN | TCP_PSH : 0);
        *flags &= (uint8_t) ~(number ? TCP_CWR : 0);
        finish_segment(scratch, l.payload + n, &l, number);
        emit(opaque, scratch, l.payload + n);
    }
    return true;
}

/* Fragments of a UDP datagram with its checksum; room in scratch: len + FRAGMENT_HEADER. */
static void fragment(const uint8_t *frame, size_t len, const struct layout *l, size_t mss,
                     uint8_t *scratch, offload_emit_fn *emit, void *opaque)
{
    size_t head = l->l4 + (l->v6 ? FRAGMENT_HEADER : 0);
    uint8_t *ip = scratch + l->ip, *more = scratch + l->l4;

    memcpy(scratch, frame, l->l4);
    if (l->v6) { /* RFC 8200, 4.5; the datagram's id: its ports and checksum */
        ip[6] = PROTOCOL_FRAGMENT;
        more[0] = PROTOCOL_UDP;
        more[1] = 0;
        store32(more + 4, load32(frame + l->l4) * 0x9e3779b1u + load16(frame + l->l4 + 6));
    }
    for (size_t at = l->l4; at < len; at += mss) {
        size_t n = len - at < mss ? len - at : mss;
        uint32_t offset = (uint32_t)(at - l->l4); /* a multiple of 8 */
        bool last = at + n == len;

        memcpy(scratch + head, frame + at, n);
        if (l->v6) {
            store16(ip + 4, (uint32_t)(FRAGMENT_HEADER + n));
            store16(more + 2, offset | !last);
        } else {
            store16(ip + 6, offset / 8 | (last ? 0 : IP_MORE_FRAGMENTS));
            finish_ipv4(ip, l->l4 - l->ip, l->l4 - l->ip + n);
        }
        emit(opaque, scratch, head + n);
    }
}

/* What a sender left to do ------------------------------------------------------------------------ */

unsigned offload_needs(const struct net_offload *o)
{
    unsigned needs = o->flags & NET_NEEDS_CSUM ? NET_TAKES_CSUM : 0;

    switch (o->gso_type & ~NET_GSO_ECN) {
    case NET_GSO_TCPV4:
        needs |= NET_TAKES_TSO4;
        break;
    case NET_GSO_TCPV6:
        needs |= NET_TAKES_TSO6;
        break;
    case NET_GSO_UDP:
        needs |= NET_TAKES_UFO;
        break;
    default:
        break;
    }
    return needs | (o->gso_type & NET_GSO_ECN ? NET_TAKES_ECN : 0);
}

bool offload_check(const struct net_offload *o, const uint8_t *frame, size_t len)
{
    unsigned gso = o->gso_type & ~(unsigned)NET_GSO_ECN;
    struct layout l;

    if (o->flags & NET_NEEDS_CSUM &&
        (o->csum_start >= len || o->csum_offset + 2u > len - o->csum_start)) {
        return false;
    }
    if (gso == NET_GSO_NONE) {
        return o->gso_type == NET_GSO_NONE;
    }
    /* Pieces have checksums of their own: a sender leaves that, too (5.1.6.2.1). */
    return o->flags & NET_NEEDS_CSUM && o->gso_size >= OFFLOAD_MSS_MIN && o->hdr_len <= len &&
           (gso == NET_GSO_TCPV4 || gso == NET_GSO_TCPV6 || o->gso_type == NET_GSO_UDP) &&
           find_headers(frame, len, gso == NET_GSO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP, &l) &&
           (gso == NET_GSO_UDP || l.v6 == (gso == NET_GSO_TCPV6));
}

void offload_complete(const struct net_offload *o, const uint8_t *frame, size_t len,
                      offload_emit_fn *emit, void *opaque)
{
    unsigned needs = offload_needs(o);
    g_autofree uint8_t *whole = NULL, *scratch = NULL;
    struct layout l;

    if (needs & (NET_TAKES_TSO4 | NET_TAKES_TSO6)) {
        scratch = g_malloc(len);
        offload_segment(frame, len, o->gso_size, scratch, emit, opaque);
        return;
    }
    whole = g_memdup2(frame, len);
    if (needs & NET_TAKES_CSUM) {
        offload_checksum(whole, len, o->csum_start, o->csum_offset);
    }
    if (needs & NET_TAKES_UFO && find_headers(whole, len, PROTOCOL_UDP, &l)) {
        scratch = g_malloc(len + FRAGMENT_HEADER);
        fragment(whole, len, &l, o->gso_size & ~7u, scratch, emit, opaque);
        return;
    }
    emit(opaque, whole, len);
}
