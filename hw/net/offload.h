/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/offload.h: what cards do to frames: checksums both ways, TCP segments of a large one on its way out.
 * Nothing in a frame is trusted. Thread: any; no state.
 */
#ifndef HW_NET_OFFLOAD_H
#define HW_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFLOAD_MSS_MIN 16u

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
                     void (*emit)(void *opaque, const uint8_t *segment, size_t len), void *opaque);

#endif
