/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_mmio.c: see virtio_mmio.h.  Version 2 of the registers; the legacy interface
 * (version 1) is not served.
 *
 * Source: VIRTIO 1.2, 4.2.2.  Invariant: the interrupt line is isr != 0.
 * Thread: under the machine lock.
 */
#include "hw/virtio/virtio_mmio.h"

#include "util/error.h"

/* clang-format off */
enum mmio_register {
    MMIO_MAGIC = 0x00, MMIO_VERSION = 0x04, MMIO_DEVICE = 0x08, MMIO_VENDOR = 0x0c,
    MMIO_FEATURES = 0x10, MMIO_FEATURES_SELECT = 0x14, MMIO_DRIVER_FEATURES = 0x20,
    MMIO_DRIVER_SELECT = 0x24, MMIO_QUEUE_SELECT = 0x30, MMIO_QUEUE_MAX = 0x34, MMIO_QUEUE_SIZE = 0x38,
    MMIO_QUEUE_READY = 0x44, MMIO_NOTIFY = 0x50, MMIO_ISR = 0x60, MMIO_ISR_ACK = 0x64, MMIO_STATUS = 0x70,
    MMIO_DESC = 0x80, MMIO_DRIVER = 0x90, MMIO_DEVICE_AREA = 0xa0, MMIO_SHM_LEN = 0xb0, MMIO_SHM_BASE = 0xb8,
    MMIO_GENERATION = 0xfc,
    MMIO_CONFIG = 0x100,
};
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };
#define MMIO_MAGIC_VALUE 0x74726976u /* "virt" */
#define MMIO_VENDOR_ID   0x41454852u /* "RHEA" */
/* clang-format on */

static struct virtio_device *device_of(struct device *dev)
{
    return &((struct virtio_mmio_function *)dev)->v;
}

static struct virtio_mmio *parent_of(const struct device *dev)
{
    return (struct virtio_mmio *)dev->bus->parent;
}

static void set_isr(struct virtio_mmio *s, uint8_t isr)
{
    s->isr = isr;
    irq_set(&s->irq, isr != 0);
}

static void interrupt(struct virtio_device *v, uint16_t vector, bool config)
{
    struct virtio_mmio *s = parent_of(v->dev);

    (void)vector;
    set_isr(s, s->isr | (config ? ISR_CONFIG : ISR_QUEUE));
}

static unsigned notify_places(struct virtio_device *v, unsigned index,
                              struct io_event place[VIRTIO_PLACES])
{
    place[0] = (struct io_event){ .mr = &parent_of(v->dev)->mmio,
                                  .offset = MMIO_NOTIFY,
                                  .size = 4,
                                  .match = true,
                                  .value = index };
    return 1;
}

static const struct virtio_transport transport = { .interrupt = interrupt,
                                                   .notify_places = notify_places };

/* Registers ------------------------------------------------------------------------------------ */

static uint64_t read_register(struct virtio_mmio *s, uint64_t off, unsigned size)
{
    struct virtio_device *v = s->v;
    const struct virtio_queue *vq = v ? virtio_queue_at(v, s->queue_select) : NULL;

    if (off >= MMIO_CONFIG) {
        return v ? virtio_config_read(v, (unsigned)off - MMIO_CONFIG, size) : 0;
    }
    switch (size == 4 ? off : UINT64_MAX) {
    case MMIO_MAGIC:
        return MMIO_MAGIC_VALUE;
    case MMIO_VERSION:
        return 2;
    case MMIO_DEVICE:
        return v ? v->ops->id : 0;
    case MMIO_VENDOR:
        return MMIO_VENDOR_ID;
    case MMIO_FEATURES:
        return v && s->feature_select < 2 ? v->offered >> s->feature_select * 32 : 0;
    case MMIO_QUEUE_MAX:
        return vq ? vq->max_size : 0;
    case MMIO_QUEUE_READY:
        return vq && vq->enabled;
    case MMIO_ISR:
        return s->isr;
    case MMIO_STATUS:
        return v ? v->status : 0;
    case MMIO_GENERATION:
        return v ? v->generation : 0;
    case MMIO_SHM_LEN: /* 4.2.2.1: there is no shared memory, whichever is selected */
    case MMIO_SHM_LEN + 4:
    case MMIO_SHM_BASE:
    case MMIO_SHM_BASE + 4:
        return UINT32_MAX;
    default:
        return 0;
    }
}

static uint64_t mmio_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_mmio *s = opaque;
    uint64_t value;

    if (s->v) {
        virtio_lock(s->v);
    }
    value = read_register(s, off, size);
    if (s->v) {
        virtio_unlock(s->v);
    }
    return value;
}

static void set_half(uint64_t *area, unsigned half, uint32_t value)
{
    *area = (*area & ~((uint64_t)UINT32_MAX << half * 32)) | (uint64_t)value << half * 32;
}

static void queue_write(struct virtio_queue *vq, uint64_t off, uint32_t value)
{
    unsigned half = off >> 2 & 1;

    if (off == MMIO_QUEUE_SIZE) {
        virtio_queue_set_size(vq, value);
    } else if (off == MMIO_QUEUE_READY && value == 1) {
        virtio_queue_enable(vq);
    } else if (vq->enabled) {
        return;
    } else if ((off & ~4ull) == MMIO_DESC) {
        set_half(&vq->desc, half, value);
    } else if ((off & ~4ull) == MMIO_DRIVER) {
        set_half(&vq->driver, half, value);
    } else if ((off & ~4ull) == MMIO_DEVICE_AREA) {
        set_half(&vq->device, half, value);
    }
}

static void write_register(struct virtio_mmio *s, uint64_t off, uint32_t value)
{
    struct virtio_device *v = s->v;
    struct virtio_queue *vq = virtio_queue_at(v, s->queue_select);

    switch (off) {
    case MMIO_FEATURES_SELECT:
        s->feature_select = value;
        break;
    case MMIO_DRIVER_FEATURES:
        virtio_set_features(v, s->driver_feature_select, value);
        break;
    case MMIO_DRIVER_SELECT:
        s->driver_feature_select = value;
        break;
    case MMIO_QUEUE_SELECT:
        s->queue_select = value;
        break;
    case MMIO_ISR_ACK:
        set_isr(s, s->isr & (uint8_t)~value);
        break;
    case MMIO_STATUS:
        virtio_set_status(v, (uint8_t)value);
        if ((uint8_t)value == 0) {
            set_isr(s, 0);
        }
        break;
    default:
        if (vq) {
            queue_write(vq, off, value);
        }
        break;
    }
}

static void mmio_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct virtio_mmio *s = opaque;

    if (!s->v) {
        return;
    }
    if (off == MMIO_NOTIFY && size == 4) {
        virtio_notified(s->v, (uint32_t)value);
        return;
    }
    virtio_lock(s->v);
    if (off >= MMIO_CONFIG) {
        virtio_config_write(s->v, (unsigned)off - MMIO_CONFIG, (uint32_t)value, size);
    } else if (size == 4) { /* 4.2.2.2: nothing else is allowed */
        write_register(s, off, (uint32_t)value);
    }
    virtio_unlock(s->v);
}

static const struct mem_ops mmio_ops = { mmio_read, mmio_write, 1, 4, false, false };

/* The transport -------------------------------------------------------------------------------- */

static bool mmio_realize(struct device *dev, GError **error)
{
    struct virtio_mmio *s = (struct virtio_mmio *)dev;

    (void)error;
    s->bus_name = g_strdup_printf("virtio-mmio-bus.%u", s->number);
    bus_init(&s->bus, dev->machine, BUS_VIRTIO, s->bus_name, dev);
    s->bus.max_devices = 1;
    mem_region_init_mmio(&s->mmio, dev->machine, "virtio-mmio", &mmio_ops, s, VIRTIO_MMIO_SIZE);
    mem_region_add(&dev->machine->system_memory, s->addr, &s->mmio, 0);
    return true;
}

static void mmio_reset(struct device *dev)
{
    struct virtio_mmio *s = (struct virtio_mmio *)dev;

    s->feature_select = s->driver_feature_select = s->queue_select = 0;
    set_isr(s, 0);
}

static void mmio_unrealize(struct device *dev)
{
    struct virtio_mmio *s = (struct virtio_mmio *)dev;

    mem_region_destroy(&s->mmio);
    bus_destroy(&s->bus);
    g_free(s->bus_name);
}

static bool mmio_post_load(struct device *dev, GError **error)
{
    struct virtio_mmio *s = (struct virtio_mmio *)dev;

    (void)error;
    set_isr(s, s->isr);
    return true;
}

/* What is plugged into it ---------------------------------------------------------------------- */

bool virtio_mmio_plug(struct device *dev, const struct virtio_ops *ops, GError **error)
{
    struct virtio_device *v = device_of(dev);
    struct virtio_mmio *s = dev->bus ? parent_of(dev) : NULL;

    if (!s || s->v) {
        set_error(error, "%s: needs a free virtio-mmio bus", dev->type->name);
        return false;
    }
    if (!virtio_realize(v, dev, ops, &transport, error)) {
        return false;
    }
    s->v = v;
    if (!virtio_plugged(v, error)) {
        virtio_mmio_unplug(dev);
        return false;
    }
    return true;
}

void virtio_mmio_unplug(struct device *dev)
{
    struct virtio_mmio *s = parent_of(dev);

    virtio_unrealize(device_of(dev));
    s->v = NULL;
    set_isr(s, 0);
}

void virtio_mmio_function_reset(struct device *dev)
{
    virtio_reset(device_of(dev));
}

void virtio_mmio_pre_save(struct device *dev)
{
    virtio_pre_save(device_of(dev));
}

bool virtio_mmio_function_post_load(struct device *dev, GError **error)
{
    return virtio_post_load(device_of(dev), error);
}

static const struct state_row mmio_state[] = {
    STATE_INT(struct virtio_mmio, feature_select, 1, "half of the offered features"),
    STATE_INT(struct virtio_mmio, driver_feature_select, 1, "half of the accepted features"),
    STATE_INT(struct virtio_mmio, queue_select, 1, "selected queue"),
    STATE_INT(struct virtio_mmio, isr, 1, "interrupt status"),
    { 0 },
};

const struct device_type virtio_mmio_type = {
    .name = "virtio-mmio",
    .summary = "place for a virtio device in memory",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct virtio_mmio),
    .state = mmio_state,
    .realize = mmio_realize,
    .reset = mmio_reset,
    .unrealize = mmio_unrealize,
    .post_load = mmio_post_load,
};
