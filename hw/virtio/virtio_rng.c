/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_rng.c: entropy from the host's kernel: one queue, no configuration.
 * Source: VIRTIO 1.2, 5.4.  Thread: under the machine lock.
 */
#include <sys/random.h>
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"

#define RNG_QUEUE_SIZE 8u
#define RNG_MOST       4096u /* bytes of an answer */

struct virtio_rng {
    struct virtio_device v;
};

static bool rng_realize(struct virtio_device *v, GError **error)
{
    (void)error;
    virtio_add_queue(v, RNG_QUEUE_SIZE);
    return true;
}

/* The host's pool is ready long before: getrandom does not wait, and answers up to 256 bytes whole. */
static uint32_t fill(struct virtio_device *v, struct virtio_element *e)
{
    uint32_t len = (uint32_t)MIN(e->in.bytes, RNG_MOST), done = 0;
    uint8_t bytes[256];

    while (done < len) {
        uint32_t n = MIN(len - done, (uint32_t)sizeof(bytes));

        if (getrandom(bytes, n, GRND_NONBLOCK) != (ssize_t)n) {
            break;
        }
        dma_list_write(&e->in, virtio_machine(v), done, bytes, n);
        done += n;
    }
    return done;
}

static void rng_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_element *e;

    while ((e = virtqueue_pop(vq))) {
        virtqueue_push(e, fill(v, e));
    }
    virtqueue_notify(vq);
}

/* Nothing stays in flight. */
static void rng_reset(struct virtio_device *v)
{
    (void)v;
}

static const struct virtio_ops rng_ops = {
    .id = VIRTIO_ID_RNG,
    .realize = rng_realize,
    .reset = rng_reset,
    .notified = rng_notified,
};

/* Types ---------------------------------------------------------------------------------------- */

struct virtio_rng_pci {
    struct virtio_pci proxy;
    struct virtio_rng rng;
};
struct virtio_rng_device {
    struct virtio_mmio_device proxy;
    struct virtio_rng rng;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &rng_ops, 0x00ff, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &rng_ops, error);
}

static const struct property pci_props[] = { VIRTIO_PCI_PROPS(struct virtio_rng_pci, proxy, rng.v),
                                             { 0 } };
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_rng_pci, proxy, rng.v), { 0 }
};
static const struct property mmio_props[] = { VIRTIO_PROPS(struct virtio_rng_device, rng.v),
                                              { 0 } };
static const struct state_row pci_state[] = { VIRTIO_PCI_STATE(struct virtio_rng_pci, proxy, rng.v),
                                              { 0 } };
static const struct state_row mmio_state[] = { VIRTIO_STATE(struct virtio_rng_device, rng.v),
                                               { 0 } };

VIRTIO_PCI_TYPES(virtio_rng, "virtio-rng", "virtio source of entropy", struct virtio_rng_pci, rng,
                 pci_props, pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_rng_device_type, "virtio-rng-device", "virtio source of entropy",
                 struct virtio_rng_device, rng, mmio_props, mmio_state, mmio_realize);
