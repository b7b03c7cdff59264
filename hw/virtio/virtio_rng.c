/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_rng.c: entropy from a source (-object rng-...), or from the host's kernel: one queue, no
 * configuration.  Source: VIRTIO 1.2, 5.4; QEMU's documentation of max-bytes and period.
 *
 * Invariant: nothing is in flight: an element for which there are no bytes goes back to its queue.
 * Thread:    under the machine lock.
 */
#include "chardev/rng.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/random.h"

#define RNG_QUEUE_SIZE 8u
#define RNG_MOST       4096u /* bytes of an answer */

struct virtio_rng {
    struct virtio_device v;
    char *source;       /* property: the id of an object; NULL: the host's kernel */
    uint64_t max_bytes; /* properties: that many in a period of ms */
    uint32_t period;
    struct rng *rng;     /* NULL: the host's kernel */
    struct timer refill; /* the end of the period */
    uint64_t quota;      /* what is left of it */
};

static size_t take(struct virtio_rng *s, uint8_t *buf, size_t n)
{
    return s->rng ? rng_take(s->rng, buf, n) : guest_random(buf, n) ? n : 0;
}

static void bytes_are_there(void *opaque);

static void count(struct virtio_rng *s, uint32_t n)
{
    if (s->max_bytes == INT64_MAX) {
        return; /* as many as it likes */
    }
    s->quota -= n;
    if (!s->refill.armed) {
        timer_arm(&s->refill, clock_now(virtio_machine(&s->v), CLOCK_KIND_VIRTUAL) +
                                  (int64_t)s->period * NS_PER_MS);
    }
}

static void serve(struct virtio_rng *s)
{
    struct virtio_queue *vq = &s->v.queues[0];
    struct virtio_element *e;
    uint8_t bytes[RNG_MOST];

    while (s->quota && (e = virtqueue_pop(vq))) {
        uint32_t wanted = (uint32_t)MIN(MIN(e->in.bytes, sizeof(bytes)), s->quota), got = 0;

        if (wanted && !(got = (uint32_t)take(s, bytes, wanted))) {
            virtqueue_unpop(e);
            if (s->rng) {
                rng_wait(s->rng, wanted, bytes_are_there, s);
            }
            break;
        }
        dma_list_write(&e->in, virtio_machine(&s->v), 0, bytes, got);
        virtqueue_push(e, got);
        count(s, got);
    }
    virtqueue_notify(vq);
}

static void bytes_are_there(void *opaque)
{
    serve(opaque);
}

static void refill(void *opaque)
{
    struct virtio_rng *s = opaque;

    s->quota = s->max_bytes;
    serve(s);
}

static bool rng_realize(struct virtio_device *v, GError **error)
{
    struct virtio_rng *s = (struct virtio_rng *)v;

    if (s->period == 0) {
        set_error(error, "'period' parameter expects a positive integer");
        return false;
    }
    if (s->max_bytes > INT64_MAX) {
        set_error(error, "'max-bytes' parameter must be non-negative, and less than 2^63");
        return false;
    }
    s->rng = s->source ? rng_find(virtio_machine(v), s->source) : NULL;
    if (s->source && !s->rng) {
        set_error(error, "rng: there is no -object rng-... with id '%s'", s->source);
        return false;
    }
    if (s->rng) {
        rng_use(s->rng);
    }
    timer_init(&s->refill, virtio_machine(v), CLOCK_KIND_VIRTUAL, refill, s);
    s->quota = s->max_bytes;
    virtio_add_queue(v, RNG_QUEUE_SIZE);
    return true;
}

static void rng_unrealize(struct virtio_device *v)
{
    struct virtio_rng *s = (struct virtio_rng *)v;

    timer_disarm(&s->refill);
    if (s->rng) {
        rng_cancel(s->rng, s);
        rng_release(s->rng);
    }
}

static void rng_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    (void)vq;
    serve((struct virtio_rng *)v);
}

static void rng_reset(struct virtio_device *v)
{
    struct virtio_rng *s = (struct virtio_rng *)v;

    if (s->rng) {
        rng_cancel(s->rng, s);
    }
}

/* What waits is asked for again when the machine runs. */
static bool rng_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_rng *s = (struct virtio_rng *)v;

    (void)error;
    s->quota = MIN(s->quota, s->max_bytes);
    if (!s->refill.armed) {
        s->quota = s->max_bytes;
    }
    if (s->rng) {
        rng_wait(s->rng, 1, bytes_are_there, s);
    }
    return true;
}

static const struct virtio_ops rng_ops = {
    .id = VIRTIO_ID_RNG,
    .realize = rng_realize,
    .unrealize = rng_unrealize,
    .reset = rng_reset,
    .notified = rng_notified,
    .post_load = rng_post_load,
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

#define RNG_PROPS(strct)                                                                           \
    PROP_STRING(strct, "rng", rng.source, NULL,                                                    \
                "the id of an -object rng-... (default: the host's kernel)"),                      \
        PROP_U64(strct, "max-bytes", rng.max_bytes, INT64_MAX, "the most bytes in a period"),      \
        PROP_U32(strct, "period", rng.period, 1 << 16, "its length in ms")
#define RNG_STATE(strct)                                                                           \
    STATE_INT(strct, rng.quota, 2, "bytes left in the period"),                                    \
        STATE_TIMER_ROW(strct, rng.refill, 2, "its end")

static const struct property pci_props[] = { VIRTIO_PCI_PROPS(struct virtio_rng_pci, proxy, rng.v),
                                             RNG_PROPS(struct virtio_rng_pci),
                                             { 0 } };
static const struct property pci_common_props[] = { VIRTIO_PCI_COMMON_PROPS(struct virtio_rng_pci,
                                                                            proxy, rng.v),
                                                    RNG_PROPS(struct virtio_rng_pci),
                                                    { 0 } };
static const struct property mmio_props[] = { VIRTIO_PROPS(struct virtio_rng_device, rng.v),
                                              RNG_PROPS(struct virtio_rng_device),
                                              { 0 } };
static const struct state_row pci_state[] = { VIRTIO_PCI_STATE(struct virtio_rng_pci, proxy, rng.v),
                                              RNG_STATE(struct virtio_rng_pci),
                                              { 0 } };
static const struct state_row mmio_state[] = { VIRTIO_STATE(struct virtio_rng_device, rng.v),
                                               RNG_STATE(struct virtio_rng_device),
                                               { 0 } };

VIRTIO_PCI_TYPES(virtio_rng, "virtio-rng", "virtio source of entropy", struct virtio_rng_pci, rng,
                 pci_props, pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_rng_device_type, "virtio-rng-device", "virtio source of entropy",
                 struct virtio_rng_device, rng, mmio_props, mmio_state, mmio_realize);
