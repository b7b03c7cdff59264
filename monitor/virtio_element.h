/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/virtio_element.h: what a driver put into a queue, for monitors.
 * Thread: main loop, machine lock held, and the lock of the device's iothread.
 */
#ifndef MONITOR_VIRTIO_ELEMENT_H
#define MONITOR_VIRTIO_ELEMENT_H

#include <jansson.h>
#include "hw/virtio/virtio.h"

/* VirtioQueueElement of the available ring's place `index`; -1: the next that the device takes.  NULL and *error. */
json_t *virtio_describe_element(const struct virtio_queue *vq, const char *name, int index,
                                GError **error);

#endif
