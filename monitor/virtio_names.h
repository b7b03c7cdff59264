/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/virtio_names.h: names of the bits of virtio devices, for monitors.
 * Thread: constant.
 */
#ifndef MONITOR_VIRTIO_NAMES_H
#define MONITOR_VIRTIO_NAMES_H

#include "hw/virtio/virtio.h"

struct virtio_bit_name {
    uint8_t bit;
    const char *text; /* NULL: the end */
};

extern const struct virtio_bit_name virtio_status_names[], virtio_transport_names[];
/* Those of a kind of device; an empty list for one that has none. */
const struct virtio_bit_name *virtio_feature_names(enum virtio_id id);

#endif
