/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtqueue_packed.c: packed rings: one ring of descriptors that both sides write.
 * Source: VIRTIO 1.2, 2.8.  Invariants and thread: virtio.h.
 */
#include "hw/virtio/virtio_internal.h"

enum { PACKED_AVAIL = 1 << 7, PACKED_USED = 1 << 15 };
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };
enum { DESC_LEN = 8, DESC_FLAGS = 14 };

static uint64_t slot(const struct virtio_queue *vq, unsigned at)
{
    return vq->desc + at * sizeof(struct virtio_desc);
}

/* 2.8.1: available when its bits differ, the first being the driver's wrap counter. */
static bool is_available(uint16_t flags, bool wrap)
{
    return !!(flags & PACKED_AVAIL) == wrap && !!(flags & PACKED_USED) != wrap;
}

static void advance(const struct virtio_queue *vq, uint16_t *at, bool *wrap, unsigned n)
{
    unsigned next = *at + n;

    if (next >= vq->size) {
        next -= vq->size;
        *wrap = !*wrap;
    }
    *at = (uint16_t)next;
}

static bool take_table(struct virtio_element *e, const struct virtio_desc *table)
{
    unsigned entries = virtqueue_indirect(e->vq, table);
    struct virtio_desc d;

    for (unsigned i = 0; i < entries; i++) {
        if (!virtqueue_load(e->vq, table->addr + i * sizeof(d), &d, sizeof(d)) ||
            !virtqueue_add_buffer(e, &d, d.b & DESC_WRITE)) {
            return false;
        }
    }
    return entries > 0;
}

bool packed_pop(struct virtio_queue *vq, struct virtio_element *e)
{
    uint16_t at = vq->avail_idx;
    bool wrap = vq->avail_wrap;
    struct virtio_desc d;

    if (!virtqueue_load(vq, slot(vq, at) + DESC_FLAGS, &d.b, 2) || !is_available(d.b, wrap)) {
        return false;
    }
    atomic_thread_fence(memory_order_acquire);
    do {
        if (e->slots == vq->size) {
            virtio_error(vq->v, "queue %u: a chain is longer than the ring", vq->index);
            return false;
        }
        if (!virtqueue_load(vq, slot(vq, at), &d, sizeof(d))) {
            return false;
        }
        advance(vq, &at, &wrap, 1);
        e->slots++;
        if (d.b & DESC_INDIRECT) {
            if (e->slots > 1 || d.b & DESC_NEXT) {
                virtio_error(vq->v, "queue %u: an indirect table in a chain", vq->index);
                return false;
            }
            if (!take_table(e, &d)) {
                return false;
            }
        } else if (!virtqueue_add_buffer(e, &d, d.b)) {
            return false;
        }
    } while (d.b & DESC_NEXT);
    e->id = d.a;
    vq->avail_idx = at;
    vq->avail_wrap = wrap;
    return true;
}

/* One used descriptor without the flags that make it one; these. */
static bool fill_used(struct virtio_queue *vq, const struct virtio_element *e, uint32_t written,
                      uint16_t *flags)
{
    const struct {
        uint32_t len;
        uint16_t id;
    } __attribute__((packed)) body = { written, e->id };

    *flags =
        (uint16_t)((vq->used_wrap ? PACKED_AVAIL | PACKED_USED : 0) | (written ? DESC_WRITE : 0));
    return virtqueue_store(vq, slot(vq, vq->used_idx) + DESC_LEN, &body, sizeof(body));
}

/* The first one's flags come last: the driver sees none of them before. */
void packed_unpop(struct virtio_queue *vq, unsigned slots)
{
    if (vq->avail_idx < slots) {
        vq->avail_idx = (uint16_t)(vq->avail_idx + vq->size);
        vq->avail_wrap = !vq->avail_wrap;
    }
    vq->avail_idx = (uint16_t)(vq->avail_idx - slots);
}

void packed_push(struct virtio_queue *vq, struct virtio_element *const *e, const uint32_t *written,
                 unsigned n)
{
    uint64_t first_at = slot(vq, vq->used_idx) + DESC_FLAGS;
    uint16_t first = 0, flags;

    for (unsigned i = 0; i < n; i++) {
        if (!fill_used(vq, e[i], written[i], &flags)) {
            return;
        }
        if (i > 0) {
            atomic_thread_fence(memory_order_release);
            virtqueue_store(vq, slot(vq, vq->used_idx) + DESC_FLAGS, &flags, 2);
        } else {
            first = flags;
        }
        advance(vq, &vq->used_idx, &vq->used_wrap, e[i]->slots);
    }
    atomic_thread_fence(memory_order_release);
    virtqueue_store(vq, first_at, &first, 2);
}

/* The driver's event suppression (2.8.10): an offset with a wrap counter, and what it means. */
bool packed_wants_interrupt(struct virtio_queue *vq, uint16_t moved)
{
    uint16_t event[2];
    uint16_t off;

    if (!virtqueue_load(vq, vq->driver, event, sizeof(event)) || event[1] == EVENT_DISABLE) {
        return false;
    }
    if (event[1] != EVENT_DESC || !virtio_has(vq->v, VIRTIO_F_EVENT_IDX)) {
        return true;
    }
    off = event[0] & 0x7fff;
    if (event[0] >> 15 != vq->used_wrap) {
        off = (uint16_t)(off - vq->size);
    }
    return virtqueue_passed(off, vq->used_idx, moved);
}
