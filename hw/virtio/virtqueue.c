/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtqueue.c: taking elements from a queue and giving them back, whatever its layout is.
 * Source: VIRTIO 1.2, 2.6.  Invariants and thread: virtio.h.
 */
#include "hw/virtio/virtio_internal.h"

static bool is_packed(const struct virtio_queue *vq)
{
    return virtio_has(vq->v, VIRTIO_F_RING_PACKED);
}

/* A modern driver says first that it is ready (3.1.1); legacy ones were not as careful. */
static bool usable(const struct virtio_queue *vq)
{
    const struct virtio_device *v = vq->v;

    return vq->enabled && !(v->status & VIRTIO_NEEDS_RESET) &&
           (v->legacy || v->status & VIRTIO_DRIVER_OK);
}

bool virtqueue_load(struct virtio_queue *vq, uint64_t addr, void *buf, unsigned len)
{
    if (dma_load(virtio_machine(vq->v), addr, buf, len)) {
        return true;
    }
    virtio_error(vq->v, "queue %u: 0x%" G_GINT64_MODIFIER "x is not RAM", vq->index, addr);
    return false;
}

bool virtqueue_store(struct virtio_queue *vq, uint64_t addr, const void *buf, unsigned len)
{
    if (dma_store(virtio_machine(vq->v), addr, buf, len)) {
        return true;
    }
    virtio_error(vq->v, "queue %u: 0x%" G_GINT64_MODIFIER "x is not RAM", vq->index, addr);
    return false;
}

bool virtqueue_add_buffer(struct virtio_element *e, const struct virtio_desc *d, unsigned flags)
{
    struct virtio_device *v = e->vq->v;
    bool write = flags & DESC_WRITE;

    /* 2.7.4.2: what the device writes comes after what it reads. */
    if (!write && e->in.n) {
        virtio_error(v, "queue %u: a readable buffer after a writable one", e->vq->index);
        return false;
    }
    if (d->len > UINT64_MAX - d->addr ||
        !dma_list_add(write ? &e->in : &e->out, virtio_machine(v), d->addr, d->len, write)) {
        virtio_error(v, "queue %u: buffer of %u bytes at 0x%" G_GINT64_MODIFIER "x is not RAM",
                     e->vq->index, d->len, d->addr);
        return false;
    }
    return true;
}

unsigned virtqueue_indirect(struct virtio_queue *vq, const struct virtio_desc *d)
{
    if (!virtio_has(vq->v, VIRTIO_F_INDIRECT_DESC) || d->len == 0 || d->len % sizeof(*d) ||
        d->len / sizeof(*d) > VIRTIO_MAX_SIZE || d->len > UINT64_MAX - d->addr) {
        virtio_error(vq->v, "queue %u: indirect table of %u bytes", vq->index, d->len);
        return 0;
    }
    return d->len / sizeof(*d);
}

void virtqueue_drop(struct virtio_element *e)
{
    e->vq->in_flight--;
    dma_list_clear(&e->out);
    dma_list_clear(&e->in);
    g_free(e);
}

struct virtio_element *virtqueue_pop(struct virtio_queue *vq)
{
    struct virtio_element *e;

    if (!usable(vq)) {
        return NULL;
    }
    /* More than the queue holds is a ring that the driver wrote over.  What it adds later it is to tell. */
    if (vq->in_flight >= vq->size) {
        if (!is_packed(vq)) {
            split_await(vq);
        }
        return NULL;
    }
    e = g_new0(struct virtio_element, 1);
    e->vq = vq;
    vq->in_flight++;
    if (!(is_packed(vq) ? packed_pop(vq, e) : split_pop(vq, e))) {
        virtqueue_drop(e);
        return NULL;
    }
    return e;
}

void virtqueue_unpop(struct virtio_element *e)
{
    if (is_packed(e->vq)) {
        packed_unpop(e->vq, e->slots);
    } else {
        e->vq->avail_idx--;
    }
    virtqueue_drop(e);
}

void virtqueue_push_all(struct virtio_element *const *e, const uint32_t *written, unsigned n)
{
    struct virtio_queue *vq = e[0]->vq;

    for (unsigned i = 0; i < n; i++) {
        dma_list_written(&e[i]->in, virtio_machine(vq->v), 0, written[i]);
    }
    if (usable(vq)) {
        (is_packed(vq) ? packed_push : split_push)(vq, e, written, n);
        for (unsigned i = 0; i < n; i++) {
            vq->unsignalled = (uint16_t)(vq->unsignalled + e[i]->slots);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        virtqueue_drop(e[i]);
    }
}

void virtqueue_push(struct virtio_element *e, uint32_t written)
{
    virtqueue_push_all(&e, &written, 1);
}

void virtqueue_notify(struct virtio_queue *vq)
{
    uint16_t moved = vq->unsignalled;

    if (!usable(vq) || moved == 0) {
        return;
    }
    vq->unsignalled = 0;
    /* The used index, then the driver's wish: the driver does it the other way round (2.7.7.2). */
    atomic_thread_fence(memory_order_seq_cst);
    if (is_packed(vq) ? packed_wants_interrupt(vq, moved) : split_wants_interrupt(vq, moved)) {
        virtio_signal(vq->v, vq);
    }
}
