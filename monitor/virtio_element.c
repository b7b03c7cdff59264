/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/virtio_element.c: one element of a split queue (VIRTIO 1.2, 2.7), as the driver wrote it.
 *
 * Invariant: the rings are the guest's: every index is taken modulo the queue's size, and chains and tables are
 *            followed for as many descriptors as an element may have.
 * Thread:    main loop, machine lock held, and the lock of the device's iothread.
 */
#include <inttypes.h>
#include "monitor/virtio_element.h"
#include "util/error.h"

enum { FLAG_NEXT = 1, FLAG_WRITE = 2, FLAG_INDIRECT = 4 };
#define DESC_SIZE 16u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static uint16_t load16(struct machine *m, uint64_t addr)
{
    return (uint16_t)address_space_load(&m->memory, addr, 2);
}

static struct desc load_desc(struct machine *m, uint64_t table, unsigned i)
{
    uint64_t at = table + (uint64_t)i * DESC_SIZE;

    return (struct desc){ address_space_load(&m->memory, at, 8),
                          (uint32_t)address_space_load(&m->memory, at + 8, 4), load16(m, at + 12),
                          load16(m, at + 14) };
}

static json_t *describe_desc(const struct desc *d)
{
    static const char *const names[] = { "next", "write", "indirect" };
    json_t *flags = json_array();

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (d->flags >> i & 1) {
            json_array_append_new(flags, json_string(names[i]));
        }
    }
    return json_pack("{s:I, s:I, s:o}", "addr", (json_int_t)d->addr, "len", (json_int_t)d->len,
                     "flags", flags);
}

/* The chain from `head` on; an indirect table, where it begins with one, instead of it. */
static json_t *describe_chain(struct machine *m, uint64_t table, unsigned size, unsigned head)
{
    struct desc d = load_desc(m, table, head);
    json_t *list = json_array();

    if (d.flags & FLAG_INDIRECT) {
        table = d.addr;
        size = MIN(d.len / DESC_SIZE, VIRTIO_MAX_SIZE);
        if (size == 0) {
            return list;
        }
        d = load_desc(m, table, 0);
    }
    for (unsigned n = 0; n < size; n++) {
        json_array_append_new(list, describe_desc(&d));
        if (!(d.flags & FLAG_NEXT) || d.next >= size) {
            break;
        }
        d = load_desc(m, table, d.next);
    }
    return list;
}

json_t *virtio_describe_element(const struct virtio_queue *vq, const char *name, int index,
                                GError **error)
{
    struct machine *m = virtio_machine(vq->v);
    unsigned at = (index >= 0 ? (unsigned)index : vq->avail_idx) % MAX(vq->size, 1);
    uint16_t head;

    if (virtio_has(vq->v, VIRTIO_F_RING_PACKED)) {
        set_error(error, "queue %u has a packed ring, which is not shown", vq->index);
        return NULL;
    }
    if (!vq->desc || !vq->driver || !vq->device || !vq->size) {
        set_error(error, "Region caches not initialized");
        return NULL;
    }
    head = load16(m, vq->driver + 4 + 2ull * at);
    return json_pack("{s:s, s:i, s:o, s:{s:i, s:i, s:i}, s:{s:i, s:i}}", "name", name, "index",
                     (int)head, "descs", describe_chain(m, vq->desc, vq->size, head % vq->size),
                     "avail", "flags", load16(m, vq->driver), "idx", load16(m, vq->driver + 2),
                     "ring", head, "used", "flags", load16(m, vq->device), "idx",
                     load16(m, vq->device + 2));
}
