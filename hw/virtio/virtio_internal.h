/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_internal.h: between virtqueue.c and the two layouts of rings.
 * Thread: virtio.h.
 */
#ifndef HW_VIRTIO_VIRTIO_INTERNAL_H
#define HW_VIRTIO_VIRTIO_INTERNAL_H

#include "hw/virtio/virtio.h"

enum virtio_desc_flag { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };

struct virtio_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a, b; /* split: flags, next; packed: id, flags */
};
G_STATIC_ASSERT(sizeof(struct virtio_desc) == 16);

/* virtio.c: the driver made buffers available in a queue.  The lock of the device's iothread, or the machine lock. */
void virtio_serve(struct virtio_device *v, unsigned index);
/* virtio_notify.c.  Drain: what the driver has told of is served. */
void virtio_notifiers_start(struct virtio_device *v);
void virtio_notifiers_stop(struct virtio_device *v);
void virtio_notifiers_drain(struct virtio_device *v);

/* A descriptor's buffer joins the element; false: the device is broken now. */
bool virtqueue_add_buffer(struct virtio_element *e, const struct virtio_desc *d, unsigned flags);
/* The entries of an indirect table; 0: the device is broken now. */
unsigned virtqueue_indirect(struct virtio_queue *vq, const struct virtio_desc *d);
/* Ring memory; false: the device is broken now. */
bool virtqueue_load(struct virtio_queue *vq, uint64_t addr, void *buf, unsigned len);
bool virtqueue_store(struct virtio_queue *vq, uint64_t addr, const void *buf, unsigned len);
/* Did the index move past `event` on its way over `moved` slots to `now` (2.7.7.2)? */
static inline bool virtqueue_passed(uint16_t event, uint16_t now, uint16_t moved)
{
    return (uint16_t)(now - event - 1) < moved;
}

/* A layout. */
bool split_pop(struct virtio_queue *vq, struct virtio_element *e); /* false: none, or broken */
/* No element is taken now: the driver notifies of the next one that it adds. */
void split_await(struct virtio_queue *vq);
void split_push(struct virtio_queue *vq, struct virtio_element *const *e, const uint32_t *written,
                unsigned n);
bool split_wants_interrupt(struct virtio_queue *vq, uint16_t moved);
bool packed_pop(struct virtio_queue *vq, struct virtio_element *e);
void packed_unpop(struct virtio_queue *vq, unsigned slots);
void packed_push(struct virtio_queue *vq, struct virtio_element *const *e, const uint32_t *written,
                 unsigned n);
bool packed_wants_interrupt(struct virtio_queue *vq, uint16_t moved);

#endif
