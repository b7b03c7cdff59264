/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/virtio_blk.c: virtio disks: virtio-blk-pci (three types) and virtio-blk-device.
 * Source: VIRTIO 1.2, 5.2.
 *
 * Invariants: each element in flight has one block request, which is on s->requests; a request never
 *             leaves the medium or the element's buffers.
 * Thread:     hw/virtio/virtio.h.
 */
#include <string.h>
#include "hw/block/disk.h"
#include "hw/nvram/boot_order.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

/* clang-format off */
enum blk_feature {              /* 5.2.3: bit numbers */
    BLK_F_SEG_MAX = 2, BLK_F_GEOMETRY = 4, BLK_F_RO = 5, BLK_F_BLK_SIZE = 6, BLK_F_FLUSH = 9,
    BLK_F_TOPOLOGY = 10, BLK_F_CONFIG_WCE = 11, BLK_F_MQ = 12, BLK_F_DISCARD = 13, BLK_F_WRITE_ZEROES = 14,
};
enum blk_config {               /* 5.2.4: offsets */
    CONFIG_CAPACITY = 0, CONFIG_SEG_MAX = 12, CONFIG_CYLINDERS = 16, CONFIG_HEADS = 18, CONFIG_SECTORS = 19,
    CONFIG_BLK_SIZE = 20, CONFIG_PHYSICAL_EXP = 24, CONFIG_MIN_IO = 26, CONFIG_OPT_IO = 28, CONFIG_WCE = 32,
    CONFIG_QUEUES = 34, CONFIG_DISCARD_SECTORS = 36, CONFIG_DISCARD_SEG = 40, CONFIG_DISCARD_ALIGN = 44,
    CONFIG_ZEROES_SECTORS = 48, CONFIG_ZEROES_SEG = 52, CONFIG_ZEROES_UNMAP = 56, CONFIG_SIZE = 60,
};
enum blk_type { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum blk_status { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { ZEROES_UNMAP = 1 };
/* clang-format on */
#define MAX_SECTORS   4194303u /* of a discard: 2 GiB less a sector */
#define SERIAL_LENGTH 20u
#define AUTO_QUEUES   UINT16_MAX

struct blk_header {
    uint32_t type, unused;
    uint64_t sector;
};
struct blk_range { /* of a discard */
    uint64_t sector;
    uint32_t sectors, flags;
};

struct blk_request {
    struct virtio_blk *s;
    struct virtio_element *e;
    struct blk_request *prev, *next;
    struct block_request req;
};

struct virtio_blk {
    struct virtio_device v;
    struct disk disk;
    uint16_t num_queues, queue_size; /* properties */
    bool config_wce, discard, write_zeroes;
    struct blk_request *requests;
};

#define BIT(n) (1ull << (n))

/* Configuration space -------------------------------------------------------------------------- */

static void fill_config(struct virtio_blk *s)
{
    const struct disk *d = &s->disk;
    struct virtio_device *v = &s->v;
    uint64_t sectors = block_size(d->blk) / BLOCK_SECTOR;

    virtio_config_put(v, CONFIG_CAPACITY, sectors, 8);
    virtio_config_put(v, CONFIG_SEG_MAX, s->queue_size - 2u, 4);
    virtio_config_put(v, CONFIG_CYLINDERS, CLAMP(sectors / (16 * 63), 2, 16383), 2);
    virtio_config_put(v, CONFIG_HEADS, 16, 1);
    virtio_config_put(v, CONFIG_SECTORS, 63, 1);
    virtio_config_put(v, CONFIG_BLK_SIZE, d->logical_block_size, 4);
    virtio_config_put(v, CONFIG_PHYSICAL_EXP, disk_physical_exponent(d), 1);
    virtio_config_put(v, CONFIG_MIN_IO, d->min_io_size / d->logical_block_size, 2);
    virtio_config_put(v, CONFIG_OPT_IO, d->opt_io_size / d->logical_block_size, 4);
    virtio_config_put(v, CONFIG_WCE, d->blk->write_cache, 1);
    virtio_config_put(v, CONFIG_QUEUES, v->n_queues, 2);
    virtio_config_put(v, CONFIG_DISCARD_SECTORS, MAX_SECTORS, 4);
    virtio_config_put(v, CONFIG_DISCARD_SEG, 1, 4);
    virtio_config_put(v, CONFIG_DISCARD_ALIGN, disk_discard_unit(d) / BLOCK_SECTOR, 4);
    virtio_config_put(v, CONFIG_ZEROES_SECTORS, MAX_SECTORS, 4);
    virtio_config_put(v, CONFIG_ZEROES_SEG, 1, 4);
    virtio_config_put(v, CONFIG_ZEROES_UNMAP, 1, 1);
}

static void set_cache(struct virtio_blk *s, bool on)
{
    s->disk.blk->write_cache = on;
    virtio_config_put(&s->v, CONFIG_WCE, on, 1);
}

static void blk_config_write(struct virtio_device *v, unsigned off, unsigned size, uint32_t value)
{
    if (off == CONFIG_WCE && size == 1 && virtio_has(v, BLK_F_CONFIG_WCE)) {
        set_cache((struct virtio_blk *)v, value & 1);
    }
}

/* 5.2.6.2: who cannot flush has a disk that writes through. */
static void blk_status_changed(struct virtio_device *v)
{
    if (v->status & VIRTIO_DRIVER_OK && !virtio_has(v, BLK_F_FLUSH) &&
        !virtio_has(v, BLK_F_CONFIG_WCE)) {
        set_cache((struct virtio_blk *)v, false);
    }
}

static void media_changed(void *opaque, bool present)
{
    struct virtio_blk *s = opaque;

    (void)present;
    fill_config(s);
    virtio_config_changed(&s->v);
}

static void resized(void *opaque)
{
    media_changed(opaque, true);
}

static const struct block_front front = { .media_changed = media_changed, .resized = resized };

/* Requests ------------------------------------------------------------------------------------- */

static void unlink_request(struct blk_request *r)
{
    *(r->prev ? &r->prev->next : &r->s->requests) = r->next;
    if (r->next) {
        r->next->prev = r->prev;
    }
    g_free(r->req.iov);
    g_free(r);
}

static void link_request(struct blk_request *r)
{
    r->next = r->s->requests;
    if (r->next) {
        r->next->prev = r;
    }
    r->s->requests = r;
}

/* The status is the last byte that the device writes. */
static void answer(struct virtio_blk *s, struct virtio_element *e, enum blk_status status)
{
    uint8_t byte = (uint8_t)status;

    dma_list_write(&e->in, virtio_machine(&s->v), e->in.bytes - 1, &byte, 1);
    virtqueue_push(e, (uint32_t)e->in.bytes);
}

static void done(void *opaque, int result)
{
    struct blk_request *r = opaque;
    struct virtio_queue *vq = r->e->vq;

    answer(r->s, r->e, result ? S_IOERR : S_OK);
    unlink_request(r);
    virtqueue_notify(vq);
}

/* Takes the element and the vectors. */
static void submit(struct virtio_blk *s, struct virtio_element *e, enum block_op op,
                   uint64_t offset, uint64_t bytes, struct iovec *iov, int n_iov)
{
    struct blk_request *r = g_new0(struct blk_request, 1);

    r->s = s;
    r->e = e;
    r->req = (struct block_request){ .blk = s->disk.blk,
                                     .op = op,
                                     .offset = offset,
                                     .bytes = bytes,
                                     .iov = iov,
                                     .n_iov = n_iov,
                                     .done = done,
                                     .opaque = r };
    link_request(r);
    block_submit(&r->req);
}

/* Whole logical blocks within the medium? */
static bool in_range(const struct virtio_blk *s, uint64_t sector, uint64_t bytes)
{
    uint64_t size = block_size(s->disk.blk), block = s->disk.logical_block_size;

    return sector <= size / BLOCK_SECTOR && bytes <= size - sector * BLOCK_SECTOR &&
           sector * BLOCK_SECTOR % block == 0 && bytes % block == 0;
}

static void transfer(struct virtio_blk *s, struct virtio_element *e, const struct blk_header *h)
{
    bool write = h->type == T_OUT;
    uint64_t skip = write ? sizeof(*h) : 0;
    uint64_t bytes = write ? e->out.bytes - skip : e->in.bytes - 1;
    struct iovec *iov;
    int n;

    if (!in_range(s, h->sector, bytes)) {
        answer(s, e, S_IOERR);
        return;
    }
    if (bytes == 0) {
        answer(s, e, S_OK);
        return;
    }
    iov = dma_list_slice(write ? &e->out : &e->in, skip, bytes, &n);
    submit(s, e, write ? BLOCK_WRITE : BLOCK_READ, h->sector * BLOCK_SECTOR, bytes, iov, n);
}

static void give_id(struct virtio_blk *s, struct virtio_element *e)
{
    char id[SERIAL_LENGTH] = { 0 };

    if (e->in.bytes - 1 < sizeof(id)) {
        answer(s, e, S_IOERR);
        return;
    }
    if (s->disk.serial) {
        memcpy(id, s->disk.serial, strnlen(s->disk.serial, sizeof(id)));
    }
    dma_list_write(&e->in, virtio_machine(&s->v), 0, id, sizeof(id));
    answer(s, e, S_OK);
}

/* One range: the device says that it takes no more (max_discard_seg). */
static void clear_range(struct virtio_blk *s, struct virtio_element *e, const struct blk_header *h)
{
    bool zeroes = h->type == T_WRITE_ZEROES;
    struct blk_range range;
    uint64_t bytes;

    if (e->out.bytes != sizeof(*h) + sizeof(range) ||
        dma_list_read(&e->out, sizeof(*h), &range, sizeof(range)) != sizeof(range)) {
        answer(s, e, S_IOERR);
        return;
    }
    bytes = (uint64_t)range.sectors * BLOCK_SECTOR;
    if (range.flags & ~(uint32_t)(zeroes ? ZEROES_UNMAP : 0)) {
        answer(s, e, S_UNSUPP);
    } else if (range.sectors > MAX_SECTORS || !in_range(s, range.sector, bytes)) {
        answer(s, e, S_IOERR);
    } else if (bytes == 0) {
        answer(s, e, S_OK);
    } else {
        submit(s, e, zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD, range.sector * BLOCK_SECTOR,
               bytes, NULL, 0);
    }
}

static void start(struct virtio_blk *s, struct virtio_element *e, const struct blk_header *h)
{
    switch (h->type) {
    case T_IN:
    case T_OUT:
        transfer(s, e, h);
        break;
    case T_FLUSH:
        submit(s, e, BLOCK_FLUSH, 0, 0, NULL, 0);
        break;
    case T_GET_ID:
        give_id(s, e);
        break;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        if (s->v.offered & BIT(h->type == T_DISCARD ? BLK_F_DISCARD : BLK_F_WRITE_ZEROES)) {
            clear_range(s, e, h);
            break;
        }
        /* fall through */
    default:
        answer(s, e, S_UNSUPP);
        break;
    }
}

static void blk_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_blk *s = (struct virtio_blk *)v;
    struct virtio_element *e;

    while ((e = virtqueue_pop(vq))) {
        struct blk_header h;

        /* Zero bytes to write, and there is nowhere to say so. */
        if (dma_list_read(&e->out, 0, &h, sizeof(h)) != sizeof(h) || e->in.bytes == 0) {
            virtio_error(v, "a request without header or status");
            virtqueue_drop(e);
            return;
        }
        start(s, e, &h);
    }
    virtqueue_notify(vq);
}

/* Life ----------------------------------------------------------------------------------------- */

static bool check_queues(struct virtio_blk *s, GError **error)
{
    const char *name = s->v.dev->type->name;

    if (s->num_queues == AUTO_QUEUES) {
        s->num_queues = (uint16_t)CLAMP(virtio_machine(&s->v)->config.cpus, 1, 64);
    }
    if (s->num_queues < 1 || s->num_queues > 64) {
        set_error(error, "%s: num-queues is %u, must be 1 to 64", name, s->num_queues);
        return false;
    }
    if (s->queue_size < 4 || s->queue_size > VIRTIO_MAX_SIZE ||
        (s->queue_size & (s->queue_size - 1))) {
        set_error(error, "%s: queue-size is %u, must be a power of two from 4 to %u", name,
                  s->queue_size, VIRTIO_MAX_SIZE);
        return false;
    }
    return true;
}

static bool blk_realize(struct virtio_device *v, GError **error)
{
    struct virtio_blk *s = (struct virtio_blk *)v;
    bool read_only;

    if (!check_queues(s, error) || !disk_attach(&s->disk, v->dev, &front, s, error)) {
        return false;
    }
    block_set_iothread(s->disk.blk, v->iothread);
    read_only = block_read_only(s->disk.blk);
    for (unsigned i = 0; i < s->num_queues; i++) {
        virtio_add_queue(v, s->queue_size);
    }
    v->offered |= BIT(BLK_F_SEG_MAX) | BIT(BLK_F_GEOMETRY) | BIT(BLK_F_BLK_SIZE) |
                  BIT(BLK_F_FLUSH) | BIT(BLK_F_TOPOLOGY);
    v->offered |= read_only ? BIT(BLK_F_RO) : 0;
    v->offered |= s->config_wce ? BIT(BLK_F_CONFIG_WCE) : 0;
    v->offered |= s->num_queues > 1 ? BIT(BLK_F_MQ) : 0;
    v->offered |= s->discard && !read_only ? BIT(BLK_F_DISCARD) : 0;
    v->offered |= s->write_zeroes && !read_only ? BIT(BLK_F_WRITE_ZEROES) : 0;
    fill_config(s);
    return true;
}

static bool blk_plugged(struct virtio_device *v, GError **error)
{
    struct virtio_blk *s = (struct virtio_blk *)v;

    return boot_order_add(v->dev, v->dev, s->disk.bootindex, "/disk@0,0", error);
}

static void blk_unrealize(struct virtio_device *v)
{
    boot_order_remove(v->dev);
    disk_detach(&((struct virtio_blk *)v)->disk);
}

static void blk_reset(struct virtio_device *v)
{
    struct virtio_blk *s = (struct virtio_blk *)v;

    while (s->requests) {
        struct blk_request *r = s->requests;

        block_cancel(&r->req);
        virtqueue_drop(r->e);
        unlink_request(r);
    }
    if (s->disk.attached) {
        disk_reset(&s->disk);
        fill_config(s);
    }
}

static void blk_pre_save(struct virtio_device *v)
{
    block_drain(((struct virtio_blk *)v)->disk.blk);
}

static bool blk_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_blk *s = (struct virtio_blk *)v;

    (void)error;
    s->disk.blk->write_cache = v->config[CONFIG_WCE] & 1;
    fill_config(s);
    return true;
}

static const struct virtio_ops blk_ops = {
    .id = VIRTIO_ID_BLOCK,
    .config_size = CONFIG_SIZE,
    .realize = blk_realize,
    .plugged = blk_plugged,
    .unrealize = blk_unrealize,
    .reset = blk_reset,
    .notified = blk_notified,
    .status_changed = blk_status_changed,
    .config_write = blk_config_write,
    .pre_save = blk_pre_save,
    .post_load = blk_post_load,
};

/* Types ---------------------------------------------------------------------------------------- */

struct virtio_blk_pci {
    struct virtio_pci proxy;
    struct virtio_blk blk;
};
struct virtio_blk_device {
    struct virtio_mmio_device proxy;
    struct virtio_blk blk;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &blk_ops, 0x0100, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &blk_ops, error);
}

#define BLK_PROPS(strct)                                                                           \
    DISK_PROPS(strct, blk.disk),                                                                   \
        PROP_U16(strct, "num-queues", blk.num_queues, AUTO_QUEUES,                                 \
                 "queues, 1 to 64 (default: one for each CPU)"),                                   \
        PROP_IOTHREAD(strct, "iothread", blk.v.iothread, "the -object iothread that it runs on"),  \
        PROP_U16(strct, "queue-size", blk.queue_size, 256, "entries of a queue"),                  \
        PROP_BOOL(strct, "config-wce", blk.config_wce, true,                                       \
                  "the guest may change the write cache"),                                         \
        PROP_BOOL(strct, "discard", blk.discard, true, "discard requests"),                        \
        PROP_BOOL(strct, "write-zeroes", blk.write_zeroes, true, "write-zeroes requests")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_blk_pci, proxy, blk.v),
    BLK_PROPS(struct virtio_blk_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_blk_pci, proxy, blk.v),
    BLK_PROPS(struct virtio_blk_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_blk_device, blk.v),
    BLK_PROPS(struct virtio_blk_device),
    { 0 },
};
static const struct state_row pci_state[] = { VIRTIO_PCI_STATE(struct virtio_blk_pci, proxy, blk.v),
                                              { 0 } };
static const struct state_row mmio_state[] = { VIRTIO_STATE(struct virtio_blk_device, blk.v),
                                               { 0 } };

VIRTIO_PCI_TYPES(virtio_blk, "virtio-blk", "virtio disk", struct virtio_blk_pci, blk, pci_props,
                 pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_blk_device_type, "virtio-blk-device", "virtio disk",
                 struct virtio_blk_device, blk, mmio_props, mmio_state, mmio_realize);
