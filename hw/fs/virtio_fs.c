/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/virtio_fs.c: a shared folder as a virtiofs: virtio-fs-pci and virtio-fs-device, with the server built in.
 * Source: VIRTIO 1.2, 5.11.  Without DAX and notifications.
 *
 * Thread: hw/virtio/virtio.h; the session is the worker's (worker.h).
 */
#include "hw/fs/fuse.h"
#include "hw/fs/share.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

#define TAG_MAX     36u /* config: the tag, then the number of request queues (32 bits) */
#define CONFIG_SIZE (TAG_MAX + 4)
#define MAX_QUEUES  (VIRTIO_MAX_QUEUES - 1)

struct virtio_fs {
    struct virtio_device v;
    char *fsdev_id, *tag, *cache; /* properties */
    uint16_t num_queues, queue_size;
    struct share share;
};

static const struct share_ops ops = {
    .worker = &fuse_worker_ops,
    .free = fuse_free,
    .save = fuse_save,
    .load = fuse_load,
};

static bool choose_cache(const struct virtio_fs *s, enum fuse_cache *cache, GError **error)
{
    for (unsigned i = 0; i < FUSE_CACHE_COUNT; i++) {
        if (strcmp(s->cache, fuse_cache_names[i]) == 0) {
            *cache = i;
            return true;
        }
    }
    set_error(error, "cache is '%s', must be never, auto or always", s->cache);
    return false;
}

static bool check(const struct virtio_fs *s, GError **error)
{
    if (!s->tag || !*s->tag || strlen(s->tag) > TAG_MAX) {
        set_error(error, "tag is '%s', must be 1 to %u bytes long", s->tag ? s->tag : "", TAG_MAX);
        return false;
    }
    if (s->num_queues < 1 || s->num_queues > MAX_QUEUES) {
        set_error(error, "num-request-queues is %u, must be 1 to %u", s->num_queues, MAX_QUEUES);
        return false;
    }
    /* Linux needs four descriptors beside those of data. */
    if (s->queue_size < 8 || s->queue_size > VIRTIO_MAX_SIZE ||
        (s->queue_size & (s->queue_size - 1))) {
        set_error(error, "queue-size is %u, must be a power of two from 8 to %u", s->queue_size,
                  VIRTIO_MAX_SIZE);
        return false;
    }
    return true;
}

static bool fs_realize(struct virtio_device *v, GError **error)
{
    struct virtio_fs *s = (struct virtio_fs *)v;
    struct fsdev *dev = share_find(v, s->fsdev_id, error);
    enum fuse_cache cache;

    if (!dev || !check(s, error) || !choose_cache(s, &cache, error) ||
        !share_init(&s->share, v, dev, "virtiofs", &ops, fuse_new(dev, NULL, cache), error)) {
        return false;
    }
    for (unsigned i = 0; i < s->num_queues + 1u; i++) { /* the first: forgets and interrupts */
        virtio_add_queue(v, s->queue_size);
    }
    memcpy(v->config, s->tag, strlen(s->tag));
    virtio_config_put(v, TAG_MAX, s->num_queues, 4);
    return true;
}

static void fs_unrealize(struct virtio_device *v)
{
    share_clear(&((struct virtio_fs *)v)->share);
}

static void fs_reset(struct virtio_device *v)
{
    worker_reset(((struct virtio_fs *)v)->share.worker);
}

static void fs_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    worker_serve(((struct virtio_fs *)v)->share.worker, vq);
}

static void fs_pre_save(struct virtio_device *v)
{
    share_save(&((struct virtio_fs *)v)->share);
}

static bool fs_post_load(struct virtio_device *v, GError **error)
{
    return share_load(&((struct virtio_fs *)v)->share, error);
}

static const struct virtio_ops fs_ops = {
    .id = VIRTIO_ID_FS,
    .modern_only = true,
    .config_size = CONFIG_SIZE,
    .realize = fs_realize,
    .unrealize = fs_unrealize,
    .reset = fs_reset,
    .notified = fs_notified,
    .pre_save = fs_pre_save,
    .post_load = fs_post_load,
};

/* Types ------------------------------------------------------------------------------------------- */

struct virtio_fs_pci {
    struct virtio_pci proxy;
    struct virtio_fs fs;
};
struct virtio_fs_device {
    struct virtio_mmio_device proxy;
    struct virtio_fs fs;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &fs_ops, 0x0180, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &fs_ops, error);
}

#define FS_PROPS(strct)                                                                            \
    PROP_STRING(strct, "fsdev", fs.fsdev_id, NULL, "the id of an -fsdev"),                         \
        PROP_STRING(strct, "tag", fs.tag, NULL, "the name by which the guest mounts it"),          \
        PROP_STRING(strct, "cache", fs.cache, "auto",                                              \
                    "how long the guest believes what it has seen: never, auto (a second), "       \
                    "always"),                                                                     \
        PROP_U16(strct, "num-request-queues", fs.num_queues, 1, "queues for requests"),            \
        PROP_U16(strct, "queue-size", fs.queue_size, 1024, "entries of a queue")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_fs_pci, proxy, fs.v),
    FS_PROPS(struct virtio_fs_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_fs_device, fs.v),
    FS_PROPS(struct virtio_fs_device),
    { 0 },
};
static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_fs_pci, proxy, fs.v),
    SHARE_STATE(struct virtio_fs_pci, fs.share),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_fs_device, fs.v),
    SHARE_STATE(struct virtio_fs_device, fs.share),
    { 0 },
};

G_STATIC_ASSERT(offsetof(struct virtio_fs_pci, fs) == offsetof(struct virtio_pci_function, v));
VIRTIO_PCI_TYPE(virtio_fs_pci_type, "virtio-fs-pci", "virtio shared folder (virtiofs)",
                struct virtio_fs_pci, pci_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_fs_device_type, "virtio-fs-device", "virtio shared folder (virtiofs)",
                 struct virtio_fs_device, fs, mmio_props, mmio_state, mmio_realize);
