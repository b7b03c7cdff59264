/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_rig.h: a virtio PCI device on the rig, and a driver for its queues, split or packed.
 *
 *     struct virtio_rig f;
 *     virtio_rig_set_up(&f, "virtio-rng-pci", NULL);
 *     virtio_rig_start(&f, ALL_FEATURES);
 *     virtio_rig_add(&f, 0, ...);
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_VIRTIO_RIG_H
#define TESTS_DEVICE_VIRTIO_RIG_H

#include <string.h>
#include "hw/virtio/virtio_pci.h"
#include "tests/device/pci_rig.h"

#define VIRTIO_RIG_BAR    0xe0000000u
#define VIRTIO_RIG_IO     0xc000u
#define VIRTIO_RIG_MSIX   0xe1000000u
#define VIRTIO_RIG_RINGS  0x100000u /* 64 KiB for each queue */
#define VIRTIO_RIG_TABLE  0x800000u /* indirect tables */
#define VIRTIO_RIG_NOTIFY (VIRTIO_RIG_BAR + 0x3000)
#define VIRTIO_RIG_CONFIG (VIRTIO_RIG_BAR + 0x2000)
#define VIRTIO_RIG_MSG    0x700000u /* where messages arrive: a word for each vector */

/* A buffer of a request: the device writes to it or reads it. */
struct rig_buffer {
    uint64_t addr;
    uint32_t len;
    bool write;
};

struct rig_queue {
    uint64_t desc, driver, device;
    unsigned size, free;  /* free: the next descriptor */
    uint16_t avail, used; /* counts */
    bool avail_wrap, used_wrap;
    unsigned slots[1024]; /* packed: of each id */
};

struct virtio_rig {
    struct rig *r;
    struct mem_region memory;
    struct virtio_pci *dev;
    uint64_t features;
    struct rig_queue q[8];
};

static inline void virtio_rig_set_up_on(struct virtio_rig *f, struct device *dev)
{
    f->dev = (struct virtio_pci *)dev;
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0, VIRTIO_RIG_IO, 4);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0 + 4, VIRTIO_RIG_MSIX, 4);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0 + 16, VIRTIO_RIG_BAR, 4);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_COMMAND, 7, 2);
}

/* A machine with a PCI bus and no device yet. */
static inline void virtio_rig_machine(struct virtio_rig *f)
{
    memset(f, 0, sizeof(*f));
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory)->bus.lines[0] = rig_irq_sink(f->r, 20);
}

static inline void virtio_rig_set_up(struct virtio_rig *f, const char *name, const char *props)
{
    virtio_rig_machine(f);
    virtio_rig_set_up_on(f, rig_device(f->r, name, props));
}

static inline void virtio_rig_tear_down(struct virtio_rig *f)
{
    rig_free(f->r);
}

static inline struct virtio_device *virtio_rig_device(struct virtio_rig *f)
{
    return &((struct virtio_pci_function *)f->dev)->v;
}

static inline uint64_t virtio_rig_get(struct virtio_rig *f, unsigned off, unsigned size)
{
    return rig_load(f->r, VIRTIO_RIG_BAR + off, size);
}

static inline void virtio_rig_put(struct virtio_rig *f, unsigned off, uint64_t v, unsigned size)
{
    rig_store(f->r, VIRTIO_RIG_BAR + off, v, size);
}

static inline uint64_t virtio_rig_offered(struct virtio_rig *f)
{
    uint64_t v;

    virtio_rig_put(f, 0, 0, 4);
    v = virtio_rig_get(f, 4, 4);
    virtio_rig_put(f, 0, 1, 4);
    return v | virtio_rig_get(f, 4, 4) << 32;
}

/* Enables MSI-X: vector n writes n + 1 to VIRTIO_RIG_MSG + 4 * n. */
static inline void virtio_rig_msix(struct virtio_rig *f)
{
    unsigned devfn = f->dev->pci.devfn, cap = f->dev->msix.cap;

    for (unsigned i = 0; i < f->dev->msix.vectors; i++) {
        rig_store(f->r, VIRTIO_RIG_MSIX + i * 16, VIRTIO_RIG_MSG + 4 * i, 8);
        rig_store(f->r, VIRTIO_RIG_MSIX + i * 16 + 8, i + 1, 4);
        rig_store(f->r, VIRTIO_RIG_MSIX + i * 16 + 12, 0, 4);
    }
    pci_rig_write(f->r, (uint8_t)devfn, cap + 2, 0x8000, 2);
}

/* Messages of a vector since the last call: 0 or 1. */
static inline unsigned virtio_rig_messages(struct virtio_rig *f, unsigned vector)
{
    uint64_t at = VIRTIO_RIG_MSG + 4 * vector;
    bool came = rig_load(f->r, at, 4) == vector + 1;

    rig_store(f->r, at, 0, 4);
    return came;
}

static inline void virtio_rig_queue(struct virtio_rig *f, unsigned n, unsigned size)
{
    struct rig_queue *q = &f->q[n];
    uint64_t base = VIRTIO_RIG_RINGS + n * 0x10000;
    static const uint8_t zeroes[0x10000];

    rig_write(f->r, base, zeroes, sizeof(zeroes));
    *q = (struct rig_queue){ base, base + 0x8000, base + 0xc000, size, 0, 0, 0, true, true, { 0 } };
    virtio_rig_put(f, 22, n, 2);
    virtio_rig_put(f, 24, size, 2);
    virtio_rig_put(f, 26, n + 1, 2);
    virtio_rig_put(f, 32, q->desc, 4);
    virtio_rig_put(f, 36, 0, 4);
    virtio_rig_put(f, 40, q->driver, 4);
    virtio_rig_put(f, 44, 0, 4);
    virtio_rig_put(f, 48, q->device, 4);
    virtio_rig_put(f, 52, 0, 4);
    virtio_rig_put(f, 28, 1, 2);
}

/* As a driver begins: features (those wanted of the offered ones), queues, DRIVER_OK. */
static inline void virtio_rig_start(struct virtio_rig *f, uint64_t features, unsigned queues,
                                    unsigned size)
{
    virtio_rig_put(f, 20, 0, 1);
    virtio_rig_put(f, 20, 1, 1);
    virtio_rig_put(f, 20, 3, 1);
    f->features = virtio_rig_offered(f) & features;
    for (unsigned half = 0; half < 2; half++) {
        virtio_rig_put(f, 8, half, 4);
        virtio_rig_put(f, 12, (uint32_t)(f->features >> half * 32), 4);
    }
    virtio_rig_put(f, 20, 11, 1);
    g_assert_cmphex(virtio_rig_get(f, 20, 1), ==, 11);
    virtio_rig_put(f, 16, 0, 2);
    for (unsigned n = 0; n < queues; n++) {
        virtio_rig_queue(f, n, size);
    }
    virtio_rig_put(f, 20, 15, 1);
}

static inline bool virtio_rig_packed(const struct virtio_rig *f)
{
    return f->features >> VIRTIO_F_RING_PACKED & 1;
}

static inline void rig_desc(struct virtio_rig *f, uint64_t at, uint64_t addr, uint32_t len,
                            uint16_t a, uint16_t b)
{
    rig_store(f->r, at, addr, 8);
    rig_store(f->r, at + 8, len, 4);
    rig_store(f->r, at + 12, a, 2);
    rig_store(f->r, at + 14, b, 2);
}

/* Split: descriptors, the available ring, its index. */
static inline unsigned rig_add_split(struct virtio_rig *f, struct rig_queue *q,
                                     const struct rig_buffer *b, unsigned n, bool indirect)
{
    unsigned head = q->free;
    uint64_t table = indirect ? VIRTIO_RIG_TABLE + head * 0x1000 : 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned at = indirect ? i : (q->free + i) % q->size;
        unsigned next = indirect ? i + 1 : (at + 1) % q->size;

        rig_desc(f, (indirect ? table : q->desc) + at * 16, b[i].addr, b[i].len,
                 (uint16_t)((b[i].write ? 2 : 0) | (i + 1 < n ? 1 : 0)), (uint16_t)next);
    }
    if (indirect) {
        rig_desc(f, q->desc + head * 16, table, n * 16, 4, 0);
    }
    q->free = (q->free + (indirect ? 1 : n)) % q->size;
    rig_store(f->r, q->driver + 4 + 2 * (q->avail % q->size), head, 2);
    rig_store(f->r, q->driver + 2, ++q->avail, 2);
    return head;
}

static inline void rig_step_packed(struct rig_queue *q)
{
    if (++q->free == q->size) {
        q->free = 0;
        q->avail_wrap = !q->avail_wrap;
    }
}

/* Packed: the first descriptor becomes available last. */
static inline unsigned rig_add_packed(struct virtio_rig *f, struct rig_queue *q,
                                      const struct rig_buffer *b, unsigned n, bool indirect)
{
    unsigned head = q->free, id = head, count = indirect ? 1 : n;
    uint64_t table = VIRTIO_RIG_TABLE + head * 0x1000;
    uint16_t first = 0;

    for (unsigned i = 0; indirect && i < n; i++) {
        rig_desc(f, table + i * 16, b[i].addr, b[i].len, 0, b[i].write ? 2 : 0);
    }
    for (unsigned i = 0; i < count; i++) {
        uint16_t flags = q->avail_wrap ? 1u << 7 : 1u << 15;

        flags |= indirect ? 4 : (uint16_t)((b[i].write ? 2 : 0) | (i + 1 < n ? 1 : 0));
        rig_desc(f, q->desc + q->free * 16, indirect ? table : b[i].addr,
                 indirect ? n * 16 : b[i].len, (uint16_t)id, i ? flags : (uint16_t)~flags);
        first = i ? first : flags;
        rig_step_packed(q);
    }
    rig_store(f->r, q->desc + head * 16 + 14, first, 2);
    q->slots[id] = count;
    q->avail++;
    return id;
}

/* Makes a request available; its id.  The device is not notified. */
static inline unsigned virtio_rig_add(struct virtio_rig *f, unsigned n, const struct rig_buffer *b,
                                      unsigned count, bool indirect)
{
    struct rig_queue *q = &f->q[n];

    return virtio_rig_packed(f) ? rig_add_packed(f, q, b, count, indirect)
                                : rig_add_split(f, q, b, count, indirect);
}

static inline void virtio_rig_kick(struct virtio_rig *f, unsigned n)
{
    rig_store(f->r, VIRTIO_RIG_NOTIFY + n * 4, n, 2);
}

/* The next used element, if there is one. */
static inline bool virtio_rig_used(struct virtio_rig *f, unsigned n, unsigned *id, uint32_t *len)
{
    struct rig_queue *q = &f->q[n];

    if (virtio_rig_packed(f)) {
        uint64_t at = q->desc + q->used % q->size * 16;
        uint16_t flags = (uint16_t)rig_load(f->r, at + 14, 2);

        if (!!(flags & 0x80) != q->used_wrap || !!(flags & 0x8000) != q->used_wrap) {
            return false;
        }
        *id = (unsigned)rig_load(f->r, at + 12, 2);
        *len = (uint32_t)rig_load(f->r, at + 8, 4);
        q->used = (uint16_t)(q->used + q->slots[*id]);
        if (q->used >= q->size) {
            q->used = (uint16_t)(q->used - q->size);
            q->used_wrap = !q->used_wrap;
        }
        return true;
    }
    if ((uint16_t)rig_load(f->r, q->device + 2, 2) == q->used) {
        return false;
    }
    *id = (unsigned)rig_load(f->r, q->device + 4 + 8 * (q->used % q->size), 4);
    *len = (uint32_t)rig_load(f->r, q->device + 8 + 8 * (q->used % q->size), 4);
    q->used++;
    return true;
}

/* iothread=t0 of a device under test. */
static inline void virtio_rig_iothread(struct virtio_rig *f)
{
    g_autoptr(GError) error = NULL;

    iothread_new(f->r->m, "t0", &(struct iothread_options){ 0 }, &error);
    g_assert_no_error(error);
}

/* The machine lock is free for a while. */
static inline void virtio_rig_wait_a_little(struct virtio_rig *f)
{
    machine_unlock(f->r->m);
    g_usleep(50);
    machine_lock(f->r->m);
}

/* Somebody else's turn: the main loop's, an iothread's. */
static inline void virtio_rig_wait(struct virtio_rig *f)
{
    bool elsewhere = f->r->m->iothreads->len > 0;

    machine_iterate(f->r->m, !elsewhere);
    if (elsewhere) {
        virtio_rig_wait_a_little(f);
    }
}

static inline bool virtio_rig_quiet(struct virtio_rig *f)
{
    struct virtio_device *v = virtio_rig_device(f);
    bool quiet;

    virtio_lock(v);
    pthread_mutex_lock(&v->iothread->calls_mutex);
    quiet = virtio_idle(v) && !v->serve.queued && !v->signal.queued;
    pthread_mutex_unlock(&v->iothread->calls_mutex);
    virtio_unlock(v);
    return quiet;
}

/* With an iothread: until it has nothing to do, so that what a kick does is seen as without one. */
static inline void virtio_rig_settle(struct virtio_rig *f)
{
    while (virtio_rig_device(f)->iothread && !virtio_rig_quiet(f)) {
        virtio_rig_wait(f);
    }
}

/* Kicks and waits for one: its length. */
static inline uint32_t virtio_rig_finish(struct virtio_rig *f, unsigned n)
{
    unsigned id;
    uint32_t len;

    virtio_rig_kick(f, n);
    while (!virtio_rig_used(f, n, &id, &len)) {
        g_assert_cmphex(virtio_rig_get(f, 20, 1) & VIRTIO_NEEDS_RESET, ==, 0);
        virtio_rig_wait(f);
    }
    virtio_rig_settle(f);
    return len;
}

static inline uint32_t virtio_rig_run(struct virtio_rig *f, unsigned n, const struct rig_buffer *b,
                                      unsigned count)
{
    virtio_rig_add(f, n, b, count, f->features >> VIRTIO_F_INDIRECT_DESC & 1);
    return virtio_rig_finish(f, n);
}

#define VIRTIO_RIG_BASIC  (1ull << VIRTIO_F_VERSION_1)
#define VIRTIO_RIG_PACKED (VIRTIO_RIG_BASIC | 1ull << VIRTIO_F_RING_PACKED)
#define VIRTIO_RIG_ALL    UINT64_MAX

#endif
