/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_pci_legacy.c: the registers of before virtio 1.0, in the I/O space of BAR 0.
 * Source: VIRTIO 1.2, 4.1.4.10.  Thread: under the machine lock.
 */
#include "hw/virtio/virtio_pci_internal.h"

/* clang-format off */
enum legacy_register {
    LEGACY_FEATURES = 0, LEGACY_DRIVER_FEATURES = 4, LEGACY_QUEUE_PFN = 8, LEGACY_QUEUE_SIZE = 12,
    LEGACY_QUEUE_SELECT = 14, LEGACY_NOTIFY = 16, LEGACY_STATUS = 18, LEGACY_ISR = 19,
    LEGACY_CONFIG_VECTOR = 20, LEGACY_QUEUE_VECTOR = 22, LEGACY_END = 24,
};
enum { LEGACY_PAGE = 4096 };
/* clang-format on */

/* The device's own configuration follows; the vectors are there with MSI-X only. */
static unsigned config_start(const struct virtio_pci *s)
{
    return pci_msix_enabled(&s->pci) ? LEGACY_END : LEGACY_CONFIG_VECTOR;
}

static uint32_t read_register(struct virtio_pci *s, unsigned reg)
{
    struct virtio_device *v = virtio_pci_device(s);
    const struct virtio_queue *vq = virtio_queue_at(v, s->queue_select);

    switch (reg) {
    case LEGACY_FEATURES:
        return (uint32_t)(v->offered | v->offered_legacy);
    case LEGACY_DRIVER_FEATURES:
        return (uint32_t)v->features;
    case LEGACY_QUEUE_PFN:
        return vq && v->legacy ? (uint32_t)(vq->desc / LEGACY_PAGE) : 0;
    case LEGACY_QUEUE_SIZE:
        return vq ? vq->max_size : 0;
    case LEGACY_QUEUE_SELECT:
        return s->queue_select;
    case LEGACY_STATUS:
        return v->status;
    case LEGACY_ISR:
        return virtio_pci_take_isr(s);
    case LEGACY_CONFIG_VECTOR:
        return v->config_vector;
    case LEGACY_QUEUE_VECTOR:
        return vq ? vq->vector : VIRTIO_NO_VECTOR;
    default:
        return 0;
    }
}

static uint64_t legacy_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_pci *s = opaque;
    struct virtio_device *v = virtio_pci_device(s);
    unsigned start = config_start(s);
    uint32_t value;

    virtio_lock(v);
    value = off >= start ? virtio_config_read(v, (unsigned)off - start, size)
                         : read_register(s, (unsigned)off);
    virtio_unlock(v);
    return value;
}

/* A legacy driver writes 0 to give its queue up. */
static void set_pfn(struct virtio_pci *s, uint32_t pfn)
{
    struct virtio_queue *vq = virtio_queue_at(virtio_pci_device(s), s->queue_select);

    if (!vq) {
        return;
    }
    if (pfn == 0) {
        virtio_pci_set_status(s, 0); /* as drivers expect: nothing is in flight after it */
    } else if (vq->in_flight == 0) {
        virtio_queue_set_legacy(vq, (uint64_t)pfn * LEGACY_PAGE, LEGACY_PAGE);
    }
}

static void write_register(struct virtio_pci *s, unsigned reg, uint32_t value)
{
    struct virtio_device *v = virtio_pci_device(s);
    struct virtio_queue *vq = virtio_queue_at(v, s->queue_select);

    switch (reg) {
    case LEGACY_DRIVER_FEATURES:
        v->legacy = true;
        virtio_set_features(v, 0, value);
        break;
    case LEGACY_QUEUE_PFN:
        set_pfn(s, value);
        break;
    case LEGACY_QUEUE_SELECT:
        s->queue_select = (uint16_t)value;
        return; /* drivers of both kinds may be looking at what there is */
    case LEGACY_STATUS:
        v->legacy = true;
        virtio_pci_set_status(s, (uint8_t)value);
        break;
    case LEGACY_CONFIG_VECTOR:
        v->config_vector = virtio_pci_vector(s, value);
        break;
    case LEGACY_QUEUE_VECTOR:
        if (vq) {
            vq->vector = virtio_pci_vector(s, value);
        }
        break;
    default:
        return;
    }
    v->legacy = true;
}

static void legacy_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct virtio_pci *s = opaque;
    struct virtio_device *v = virtio_pci_device(s);
    unsigned start = config_start(s);

    if (off == LEGACY_NOTIFY) {
        virtio_notified(v, (uint32_t)value);
        return;
    }
    virtio_lock(v);
    if (off >= start) {
        virtio_config_write(v, (unsigned)off - start, (uint32_t)value, size);
    } else {
        write_register(s, (unsigned)off, (uint32_t)value);
    }
    virtio_unlock(v);
}

static const struct mem_ops legacy_ops = { legacy_read, legacy_write, 1, 4, false, false };

struct io_event virtio_pci_legacy_place(struct virtio_pci *s, unsigned index)
{
    return (struct io_event){
        .mr = &s->legacy_io, .offset = LEGACY_NOTIFY, .size = 2, .match = true, .value = index
    };
}

unsigned virtio_pci_legacy_init(struct virtio_pci *s)
{
    unsigned size = 64;

    while (size < LEGACY_END + virtio_pci_device(s)->ops->config_size) {
        size *= 2;
    }
    mem_region_init_mmio(&s->legacy_io, s->pci.dev.machine, "virtio-pci-legacy", &legacy_ops, s,
                         size);
    return size;
}
