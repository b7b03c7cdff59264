/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_mmio.h: virtio over memory-mapped registers (VIRTIO 1.2, 4.2): a transport that a
 * board places, with a bus for one device.
 *
 * A device type's struct begins with struct virtio_mmio_device, directly followed by its function, as
 * in struct virtio_mmio_function.  VIRTIO_MMIO_TYPE makes NAME-device.
 * Thread: under the machine lock.
 */
#ifndef HW_VIRTIO_VIRTIO_MMIO_H
#define HW_VIRTIO_VIRTIO_MMIO_H

#include "hw/virtio/virtio.h"
#include "softmmu/irq.h"

#define VIRTIO_MMIO_SIZE 0x200u

struct virtio_mmio {
    struct device dev;
    struct bus bus; /* "virtio-mmio-bus.N" */
    char *bus_name;
    struct mem_region mmio;
    struct irq irq;          /* board */
    uint64_t addr;           /* board */
    unsigned number;         /* board: of the bus */
    struct virtio_device *v; /* NULL: nothing is plugged */
    uint32_t feature_select, driver_feature_select, queue_select;
    uint8_t isr;
};
extern const struct device_type virtio_mmio_type;

struct virtio_mmio_device {
    struct device dev;
};
struct virtio_mmio_function {
    struct virtio_mmio_device proxy;
    struct virtio_device v;
};

bool virtio_mmio_plug(struct device *dev, const struct virtio_ops *ops, GError **error);
void virtio_mmio_function_reset(struct device *dev);
void virtio_mmio_unplug(struct device *dev);
void virtio_mmio_pre_save(struct device *dev);
bool virtio_mmio_function_post_load(struct device *dev, GError **error);

#define VIRTIO_MMIO_TYPE(symbol, text, what, strct, function, rows, states, realizer)              \
    G_STATIC_ASSERT(offsetof(strct, function) == offsetof(struct virtio_mmio_function, v));        \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_VIRTIO,                                                                         \
        .size = sizeof(strct),                                                                     \
        .props = rows,                                                                             \
        .state = states,                                                                           \
        .realize = realizer,                                                                       \
        .reset = virtio_mmio_function_reset,                                                       \
        .unrealize = virtio_mmio_unplug,                                                           \
        .pre_save = virtio_mmio_pre_save,                                                          \
        .post_load = virtio_mmio_function_post_load,                                               \
    }

#endif
