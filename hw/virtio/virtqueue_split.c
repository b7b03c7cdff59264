/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtqueue_split.c: split rings: a descriptor table, the available and the used ring.
 * Source: VIRTIO 1.2, 2.7.  Invariants and thread: virtio.h.
 */
#include "hw/virtio/virtio_internal.h"

enum { RING_FLAGS = 0, RING_IDX = 2, RING_ENTRIES = 4 };
enum { AVAIL_NO_INTERRUPT = 1 };

struct used_elem {
    uint32_t id, len;
};

/* Behind the used ring: up to where the driver need not notify (2.7.10). */
static bool set_avail_event(struct virtio_queue *vq)
{
    return virtqueue_store(vq, vq->device + RING_ENTRIES + 8u * vq->size, &vq->avail_idx, 2);
}

void split_await(struct virtio_queue *vq)
{
    if (virtio_has(vq->v, VIRTIO_F_EVENT_IDX)) {
        set_avail_event(vq);
    }
}

/* How many elements wait; -1: broken. */
static int waiting(struct virtio_queue *vq)
{
    uint16_t idx, n;

    if (!virtqueue_load(vq, vq->driver + RING_IDX, &idx, 2)) {
        return -1;
    }
    n = (uint16_t)(idx - vq->avail_idx);
    if (n > vq->size) {
        virtio_error(vq->v, "queue %u: available index %u is %u ahead of %u", vq->index, idx, n,
                     vq->avail_idx);
        return -1;
    }
    return n;
}

/* One chain of descriptors in a table of `size` entries: each at most once, so that loops end. */
static bool take_chain(struct virtio_element *e, uint64_t table, unsigned size, unsigned at,
                       bool indirect)
{
    struct virtio_queue *vq = e->vq;
    struct virtio_desc d;

    for (unsigned n = 0; n < size; n++) {
        if (at >= size) {
            virtio_error(vq->v, "queue %u: descriptor %u of %u", vq->index, at, size);
            return false;
        }
        if (!virtqueue_load(vq, table + at * sizeof(d), &d, sizeof(d))) {
            return false;
        }
        if (d.a & DESC_INDIRECT) {
            unsigned entries;

            /* 2.7.5.3.1: no table in a table, and none that goes on. */
            if (indirect || d.a & DESC_NEXT) {
                virtio_error(vq->v, "queue %u: an indirect table in a chain", vq->index);
                return false;
            }
            entries = virtqueue_indirect(vq, &d);
            return entries && take_chain(e, d.addr, entries, 0, true);
        }
        if (!virtqueue_add_buffer(e, &d, d.a)) {
            return false;
        }
        if (!(d.a & DESC_NEXT)) {
            return true;
        }
        at = d.b;
    }
    virtio_error(vq->v, "queue %u: a chain of descriptors has a loop", vq->index);
    return false;
}

bool split_pop(struct virtio_queue *vq, struct virtio_element *e)
{
    int n = waiting(vq);

    if (n == 0 && virtio_has(vq->v, VIRTIO_F_EVENT_IDX)) {
        if (!set_avail_event(vq)) {
            return false;
        }
        /* What came before the driver could see that is taken now. */
        atomic_thread_fence(memory_order_seq_cst);
        n = waiting(vq);
    }
    if (n <= 0) {
        return false;
    }
    atomic_thread_fence(memory_order_acquire);
    if (!virtqueue_load(vq, vq->driver + RING_ENTRIES + 2u * (vq->avail_idx % vq->size), &e->id,
                        2)) {
        return false;
    }
    e->slots = 1;
    vq->avail_idx++;
    return take_chain(e, vq->desc, vq->size, e->id, false);
}

void split_push(struct virtio_queue *vq, struct virtio_element *const *e, const uint32_t *written,
                unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct used_elem used = { e[i]->id, written[i] };
        uint16_t at = (uint16_t)(vq->used_idx + i) % vq->size;

        if (!virtqueue_store(vq, vq->device + RING_ENTRIES + 8u * at, &used, sizeof(used))) {
            return;
        }
    }
    vq->used_idx = (uint16_t)(vq->used_idx + n);
    atomic_thread_fence(memory_order_release);
    virtqueue_store(vq, vq->device + RING_IDX, &vq->used_idx, 2);
}

bool split_wants_interrupt(struct virtio_queue *vq, uint16_t moved)
{
    uint16_t v;

    if (virtio_has(vq->v, VIRTIO_F_EVENT_IDX)) {
        return virtqueue_load(vq, vq->driver + RING_ENTRIES + 2u * vq->size, &v, 2) &&
               virtqueue_passed(v, vq->used_idx, moved);
    }
    return virtqueue_load(vq, vq->driver + RING_FLAGS, &v, 2) && !(v & AVAIL_NO_INTERRUPT);
}
