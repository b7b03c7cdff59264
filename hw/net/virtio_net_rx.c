/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net_rx.c: filters, steering, and frames into the guest's buffers.
 * Source: VIRTIO 1.2, 5.1.6.3 to 5.1.6.5.  Invariants and thread: virtio_net.h.
 */
#include <string.h>
#include "hw/net/virtio_net.h"

/* Filters --------------------------------------------------------------------------------------- */

static bool in_table(const struct virtio_net *s, const uint8_t *mac, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        if (memcmp(s->table + i * NET_MAC_BYTES, mac, NET_MAC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool passes_vlan(const struct virtio_net *s, const uint8_t *frame, size_t len)
{
    unsigned vid;

    if (!virtio_has(&s->v, NET_F_CTRL_VLAN) || len < 16 || frame[12] != 0x81 || frame[13] != 0) {
        return true;
    }
    vid = (frame[14] << 8 | frame[15]) & (VLANS - 1);
    return s->vlans[vid / 8] >> vid % 8 & 1;
}

/* 5.1.6.5.1: a card that was told nothing takes all. */
static bool passes(const struct virtio_net *s, const uint8_t *frame, size_t len)
{
    if (!passes_vlan(s, frame, len)) {
        return false;
    }
    if (s->mode[MODE_PROMISC]) {
        return true;
    }
    if (memcmp(frame, nic_broadcast, NET_MAC_BYTES) == 0) {
        return !s->mode[MODE_NOBCAST];
    }
    if (frame[0] & 1) {
        return !s->mode[MODE_NOMULTI] && (s->mode[MODE_ALLMULTI] || s->multicast_overflow ||
                                          in_table(s, frame, s->unicasts, s->multicasts));
    }
    return !s->mode[MODE_NOUNI] &&
           (s->mode[MODE_ALLUNI] || s->unicast_overflow ||
            memcmp(frame, s->mac, NET_MAC_BYTES) == 0 || in_table(s, frame, 0, s->unicasts));
}

/* Buffers ---------------------------------------------------------------------------------------- */

void virtio_net_drop_held(struct virtio_net *s)
{
    for (unsigned p = 0; p < s->pairs; p++) {
        for (unsigned i = 0; i < s->pair[p].n_held; i++) {
            virtqueue_drop(s->pair[p].held[i]);
        }
        s->pair[p].n_held = 0;
    }
}

void virtio_net_return_held(struct virtio_net *s)
{
    static const uint32_t nothing[HELD_MOST];

    for (unsigned p = 0; p < s->pairs; p++) {
        if (s->pair[p].n_held) {
            virtqueue_push_all(s->pair[p].held, nothing, s->pair[p].n_held);
            s->pair[p].n_held = 0;
        }
    }
}

/* Buffers of a queue for `need` bytes; false: the guest has not given so many. */
static bool hold_buffers(struct virtio_net *s, unsigned pair, uint64_t need, uint64_t *room)
{
    bool merge = virtio_has(&s->v, NET_F_MRG_RXBUF);
    struct virtio_net_pair *p = &s->pair[pair];

    *room = 0;
    for (unsigned i = 0; i < p->n_held; i++) {
        *room += p->held[i]->in.bytes;
    }
    while (p->n_held == 0 || (merge && *room < need && p->n_held < HELD_MOST)) {
        struct virtio_element *e = virtqueue_pop(&s->v.queues[2 * pair]);

        if (!e) {
            return false;
        }
        if (e->in.bytes < virtio_net_header_size(s)) {
            virtio_error(&s->v, "a receive buffer without room for a header");
            virtqueue_drop(e);
            return false;
        }
        p->held[p->n_held++] = e;
        *room += e->in.bytes;
    }
    return true;
}

/* Fills the first of the held buffers, and gives them back all at once (5.1.6.4). */
static void fill(struct virtio_net *s, unsigned pair, struct virtio_net_header *h,
                 const uint8_t *frame, size_t len)
{
    struct virtio_net_pair *p = &s->pair[pair];
    struct machine *m = virtio_machine(&s->v);
    unsigned head = virtio_net_header_size(s), n = 0;
    uint32_t written[HELD_MOST];

    for (size_t done = 0; done < len || n == 0; n++) {
        struct dma_list *in = &p->held[n]->in;
        uint64_t skip = n == 0 ? head : 0, part = MIN(in->bytes - skip, len - done);

        dma_list_write(in, m, skip, frame + done, part);
        written[n] = (uint32_t)(skip + part);
        done += part;
    }
    h->num_buffers = (uint16_t)n;
    dma_list_write(&p->held[0]->in, m, 0, h, head);
    virtqueue_push_all(p->held, written, n);
    p->n_held -= n;
    memmove(p->held, p->held + n, p->n_held * sizeof(p->held[0]));
    virtqueue_notify(&s->v.queues[2 * pair]);
}

/* The pair that the guest last sent the frame's flow on (5.1.6.5.6.1). */
static unsigned steer(const struct virtio_net *s, const uint8_t *frame, size_t len)
{
    unsigned pair;

    if (s->used_pairs == 1) {
        return 0;
    }
    pair = s->flows[offload_flow_hash(frame, len) % FLOWS] % s->used_pairs;
    return s->v.queues[2 * pair].enabled ? pair : 0;
}

bool virtio_net_receive(struct net_client *c, const struct net_offload *o, const uint8_t *frame,
                        size_t len)
{
    struct virtio_net *s = virtio_net_of(c);
    struct virtio_net_header h = { .offload = *o };
    uint64_t need = virtio_net_header_size(s) + len, room;
    unsigned pair;

    if (!s->running || s->v.status & VIRTIO_NEEDS_RESET || !passes(s, frame, len)) {
        return true;
    }
    pair = steer(s, frame, len);
    if (!hold_buffers(s, pair, need, &room)) {
        return (s->v.status & VIRTIO_NEEDS_RESET) != 0;
    }
    if (room < need) {
        return true; /* larger than what the guest can take; the buffers stay for the next */
    }
    if (!(s->guest_offloads & BIT(NET_F_GUEST_CSUM))) {
        h.offload.flags = 0;
    }
    fill(s, pair, &h, frame, len);
    return true;
}
