/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net_tx.c: frames of the guest. What it leaves to the device of their checksums and of cutting them
 * goes on to the other end of the cable (net_send_offload).
 * Source: VIRTIO 1.2, 5.1.6.2.  Invariants and thread: virtio_net.h.
 */
#include <string.h>
#include "hw/net/virtio_net.h"

#define BURST 256u /* frames of a queue in one turn: then others have theirs */

static bool may_leave(const struct virtio_net *s, unsigned feature)
{
    return virtio_has(&s->v, feature) ||
           (virtio_has(&s->v, NET_F_GSO) && feature != NET_F_HOST_UFO && feature != NET_F_CSUM);
}

/* What the driver did not ask for at the beginning it may not leave to us now. */
static bool is_allowed(const struct virtio_net *s, const struct net_offload *o)
{
    static const struct {
        unsigned needs, feature;
    } rows[] = {
        { NET_TAKES_CSUM, NET_F_CSUM },      { NET_TAKES_TSO4, NET_F_HOST_TSO4 },
        { NET_TAKES_TSO6, NET_F_HOST_TSO6 }, { NET_TAKES_ECN, NET_F_HOST_ECN },
        { NET_TAKES_UFO, NET_F_HOST_UFO },
    };
    unsigned needs = offload_needs(o);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (needs & rows[i].needs && !may_leave(s, rows[i].feature)) {
            return false;
        }
    }
    return true;
}

/* What makes no sense is dropped as a card would. */
static void send_frame(struct virtio_net *s, unsigned pair, struct net_offload *o, size_t len)
{
    o->flags &= NET_NEEDS_CSUM;
    if (len < NET_FRAME_MIN || !is_allowed(s, o)) {
        return;
    }
    if (s->used_pairs > 1) {
        s->flows[offload_flow_hash(s->frame, len) % FLOWS] = (uint8_t)pair;
    }
    s->nic.client.sends_by = pair;
    net_send_offload(&s->nic.client, o, s->frame, len);
}

/* One frame; false: there is none, or the device is broken now. */
static bool take_frame(struct virtio_net *s, unsigned pair)
{
    struct virtio_element *e = virtqueue_pop(&s->v.queues[2 * pair + 1]);
    unsigned head = virtio_net_header_size(s);
    struct virtio_net_header h = { 0 };
    size_t len = 0;

    if (!e) {
        return false;
    }
    if (dma_list_read(&e->out, 0, &h, head) != head) {
        virtio_error(&s->v, "a frame without a header");
        virtqueue_drop(e);
        return false;
    }
    if (e->out.bytes - head <= NET_FRAME_MAX) {
        len = dma_list_read(&e->out, head, s->frame, NET_FRAME_MAX);
    }
    virtqueue_push(e, 0);
    send_frame(s, pair, &h.offload, len);
    return true;
}

/* A frame may make its receiver tell us of room: that turn ends here at once. */
void virtio_net_transmit(struct virtio_net *s, unsigned pair)
{
    unsigned n = 0;

    if (s->transmitting) {
        return;
    }
    s->transmitting = true;
    while (n < BURST && net_can_send(&s->nic.client) && take_frame(s, pair)) {
        n++;
    }
    s->transmitting = false;
    virtqueue_notify(&s->v.queues[2 * pair + 1]);
    if (n == BURST) {
        timer_arm(&s->later, clock_now(virtio_machine(&s->v), CLOCK_KIND_VIRTUAL));
    }
}

void virtio_net_transmit_all(struct virtio_net *s)
{
    for (unsigned pair = 0; pair < s->pairs; pair++) {
        virtio_net_transmit(s, pair);
    }
}
