/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net/offload_internal.h: fields of packets and the sums of offload.c and offload_segment.c.  Thread: any. */
#ifndef NET_OFFLOAD_INTERNAL_H
#define NET_OFFLOAD_INTERNAL_H

#include "net/offload.h"

enum { ETHER_TYPE = 12, VLAN_TAG = 4, TYPE_VLAN = 0x8100, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };
enum {
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_FRAGMENT = 44,
    FRAGMENT_HEADER = 8,
    UDP_HEADER = 8,
    UDP_CHECKSUM = 6,
    IP_CHECKSUM = 10,
    IP_MORE_FRAGMENTS = 0x2000,
    TCP_LEAST = 20,
    TCP_CHECKSUM = 16,
    TCP_FLAGS = 13
};
enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static inline uint16_t load16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void store16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline uint32_t load32(const uint8_t *p)
{
    return (uint32_t)load16(p) << 16 | load16(p + 2);
}

static inline void store32(uint8_t *p, uint32_t v)
{
    store16(p, v >> 16);
    store16(p + 2, v);
}

/* Of at most 64 KiB: no overflow. */
static inline uint64_t sum(const uint8_t *p, size_t len, uint64_t v)
{
    for (; len >= 8; p += 8, len -= 8) {
        v += (uint64_t)load32(p) + load32(p + 4);
    }
    for (; len >= 2; p += 2, len -= 2) {
        v += load16(p);
    }
    return len ? v + ((uint64_t)p[0] << 8) : v;
}

static inline uint16_t fold(uint64_t v)
{
    while (v >> 16) {
        v = (v & 0xffff) + (v >> 16);
    }
    return (uint16_t)~v;
}

#endif
