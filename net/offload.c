/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/offload.c: checksums, tags and flows; see offload.h.  Sources: RFC 1071 (checksum), RFC 8200 (IPv6).
 * Thread: any.
 */
#include <string.h>
#include "net/offload_internal.h"

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

/* FNV-1a */
static uint32_t hash_bytes(const uint8_t *p, size_t n, uint32_t h)
{
    for (size_t i = 0; i < n; i++) {
        h = (h ^ p[i]) * 0x01000193u;
    }
    return h;
}

uint32_t offload_flow_hash(const uint8_t *frame, size_t len)
{
    struct packet p;
    uint32_t ends[2];
    size_t bytes;
    bool ports;

    if (!find_packet(frame, len, &p)) {
        return 0;
    }
    bytes = p.v6 ? 16 : 4;
    ports = has_payload_sum(&p);
    for (unsigned i = 0; i < 2; i++) {
        ends[i] = hash_bytes(p.ip + (p.v6 ? 8 : 12) + i * bytes, bytes, 0x811c9dc5u);
        ends[i] = ports ? hash_bytes(p.ip + p.header + i * 2, 2, ends[i]) : ends[i];
    }
    return (ends[0] + ends[1]) * 0x9e3779b1u >> 8;
}
