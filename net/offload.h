/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/offload.h: checksums both ways, and the pieces of a frame that is larger than the cable allows: what cards do
 * for their drivers (offload.c), and what is done to a frame whose receiver does not do it (offload_segment.c).
 * Nothing in a frame is trusted. Thread: any; no state.
 */
#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFLOAD_MSS_MIN 16u

/* clang-format off */
enum net_offload_flag { NET_NEEDS_CSUM = 1, NET_DATA_VALID = 2 };
enum net_gso { NET_GSO_NONE = 0, NET_GSO_TCPV4 = 1, NET_GSO_UDP = 3, NET_GSO_TCPV6 = 4, NET_GSO_ECN = 0x80 };
/* clang-format on */

/*
 * What a frame's sender leaves to its receiver; all zeroes: nothing, the frame is complete. These are the first
 * bytes of virtio-net's header (VIRTIO 1.2, 5.1.6), which taps share.
 *
 * NET_NEEDS_CSUM: a checksum from csum_start to the end is to be put at csum_start + csum_offset, where its
 * pseudo header is summed up. A gso_type: moreover, the frame is to be cut into pieces whose payload is gso_size.
 */
struct net_offload {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

/* What a receiver does itself. */
enum net_takes {
    NET_TAKES_CSUM = 1 << 0,
    NET_TAKES_TSO4 = 1 << 1,
    NET_TAKES_TSO6 = 1 << 2,
    NET_TAKES_ECN = 1 << 3, /* TCP segments with ECN, too */
    NET_TAKES_UFO = 1 << 4,
    NET_TAKES_ALL = (1 << 5) - 1,
};

typedef void offload_emit_fn(void *opaque, const uint8_t *frame, size_t len);

/* The bits of enum net_takes that a receiver needs. */
unsigned offload_needs(const struct net_offload *o);
/* False: what is asked for makes no sense with this frame. */
bool offload_check(const struct net_offload *o, const uint8_t *frame, size_t len);
/* Of a frame that offload_check let pass: complete ones. */
void offload_complete(const struct net_offload *o, const uint8_t *frame, size_t len,
                      offload_emit_fn *emit, void *opaque);

/* The same for all frames of a flow, in both directions: of addresses and ports. */
uint32_t offload_flow_hash(const uint8_t *frame, size_t len);

/*
 * Sums up from `start` to the end, the field with its pseudo header among it, and puts the checksum at
 * start + offset. False: out of the frame.
 */
bool offload_checksum(uint8_t *frame, size_t len, size_t start, size_t offset);
/* What a receiver can say of a frame: which checksums there are, and whether they are right. */
struct offload_sums {
    bool ip, ip_good;
    bool payload, payload_good; /* of TCP or UDP, in a packet that is no fragment */
    bool udp;
};
void offload_verify(const uint8_t *frame, size_t len, struct offload_sums *sums);

/* The other way round: the checksums that `which` names are put in, made from nothing. */
void offload_sum_up(uint8_t *frame, size_t len, struct offload_sums which);

/* A VLAN tag behind the addresses: put in (the frame has room for 4 more bytes), taken out; the new length. */
size_t offload_insert_tag(uint8_t *frame, size_t len, uint16_t type, uint16_t tag);
size_t offload_remove_tag(uint8_t *frame, size_t len);

/*
 * TCP over IPv4 or IPv6 in pieces of mss bytes: lengths, sequence numbers, flags and checksums of each are
 * made anew. scratch has room for len bytes. False: no such frame; nothing was emitted.
 */
bool offload_segment(const uint8_t *frame, size_t len, size_t mss, uint8_t *scratch,
                     offload_emit_fn *emit, void *opaque);

#endif
