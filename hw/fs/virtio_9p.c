/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/virtio_9p.c: a shared folder over 9P: virtio-9p-pci (three types) and virtio-9p-device.
 * Source: Linux's Documentation/filesystems/9p.rst and uapi/linux/virtio_9p.h; QEMU's documentation of fsdev=, mount_tag=.
 *
 * Thread: hw/virtio/virtio.h; the session is the worker's (worker.h).
 */
#include "hw/fs/p9.h"
#include "hw/fs/share.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

#define F_MOUNT_TAG 0 /* the only feature: config has the tag's length (16 bits) and the tag */
#define QUEUE_SIZE  128u
#define TAG_MAX     32u
#define CONFIG_SIZE (2u + TAG_MAX)

struct virtio_9p {
    struct virtio_device v;
    char *fsdev_id, *tag; /* properties */
    struct share share;
};

static const struct share_ops ops = {
    .worker = &p9_worker_ops,
    .free = p9_free,
    .save = p9_save,
    .load = p9_load,
};

static bool p9_realize(struct virtio_device *v, GError **error)
{
    struct virtio_9p *s = (struct virtio_9p *)v;
    struct fsdev *dev = share_find(v, s->fsdev_id, error);

    if (!dev) {
        return false;
    }
    if (!s->tag || !*s->tag || strlen(s->tag) > TAG_MAX) {
        set_error(error, "mount_tag is '%s', must be 1 to %u bytes long", s->tag ? s->tag : "",
                  TAG_MAX);
        return false;
    }
    if (!share_init(&s->share, v, dev, "9p", &ops, p9_new(dev, NULL), error)) {
        return false;
    }
    virtio_add_queue(v, QUEUE_SIZE);
    v->offered |= 1ull << F_MOUNT_TAG;
    virtio_config_put(v, 0, strlen(s->tag), 2);
    memcpy(v->config + 2, s->tag, strlen(s->tag));
    return true;
}

static void p9_unrealize(struct virtio_device *v)
{
    share_clear(&((struct virtio_9p *)v)->share);
}

static void p9_reset(struct virtio_device *v)
{
    worker_reset(((struct virtio_9p *)v)->share.worker);
}

static void p9_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    worker_serve(((struct virtio_9p *)v)->share.worker, vq);
}

static void p9_pre_save(struct virtio_device *v)
{
    share_save(&((struct virtio_9p *)v)->share);
}

static bool p9_post_load(struct virtio_device *v, GError **error)
{
    return share_load(&((struct virtio_9p *)v)->share, error);
}

static const struct virtio_ops p9_ops = {
    .id = VIRTIO_ID_9P,
    .config_size = CONFIG_SIZE,
    .realize = p9_realize,
    .unrealize = p9_unrealize,
    .reset = p9_reset,
    .notified = p9_notified,
    .pre_save = p9_pre_save,
    .post_load = p9_post_load,
};

/* Types ------------------------------------------------------------------------------------------- */

struct virtio_9p_pci {
    struct virtio_pci proxy;
    struct virtio_9p p9;
};
struct virtio_9p_device {
    struct virtio_mmio_device proxy;
    struct virtio_9p p9;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &p9_ops, 0x0002, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &p9_ops, error);
}

#define P9_PROPS(strct)                                                                            \
    PROP_STRING(strct, "fsdev", p9.fsdev_id, NULL, "the id of an -fsdev"),                         \
        PROP_STRING(strct, "mount_tag", p9.tag, NULL, "the name by which the guest mounts it")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_9p_pci, proxy, p9.v),
    P9_PROPS(struct virtio_9p_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_9p_pci, proxy, p9.v),
    P9_PROPS(struct virtio_9p_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_9p_device, p9.v),
    P9_PROPS(struct virtio_9p_device),
    { 0 },
};
static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_9p_pci, proxy, p9.v),
    SHARE_STATE(struct virtio_9p_pci, p9.share),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_9p_device, p9.v),
    SHARE_STATE(struct virtio_9p_device, p9.share),
    { 0 },
};

VIRTIO_PCI_TYPES(virtio_9p, "virtio-9p", "virtio shared folder (9P)", struct virtio_9p_pci, p9,
                 pci_props, pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_9p_device_type, "virtio-9p-device", "virtio shared folder (9P)",
                 struct virtio_9p_device, p9, mmio_props, mmio_state, mmio_realize);
