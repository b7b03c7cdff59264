/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/hotplug.h: devices by their options, and devices that come and go while the machine runs.
 *
 * Whether a device may come at run time is the matter of its bus, which has a struct hotplug_ops then, and
 * tells the guest.  A device leaves in two steps: device_unplug asks, and the guest's answer is
 * device_remove, unless the bus needs no answer.
 *
 * Invariants: a device that was removed is in nobody's list, its regions are in no view, and its id is
 *             free.  What waits for the lock to call it looks it up again (softmmu/address_space.c).
 * Thread:     under the machine lock, vCPUs running; not within a memory transaction.
 */
#ifndef SOFTMMU_HOTPLUG_H
#define SOFTMMU_HOTPLUG_H

#include "softmmu/device.h"

/* Of a bus (struct bus); without it devices come before the machine starts only. */
struct hotplug_ops {
    /* The device was realized and reset: tells the guest.  May be NULL. */
    void (*plugged)(struct bus *bus, struct device *dev);
    /* Asks for the device to be let go, or removes it at once.  False and *error: not now. */
    bool (*unplug)(struct bus *bus, struct device *dev, GError **error);
};

enum device_plug { DEVICE_COLD, DEVICE_HOT };

/* Names of QEMU's that are refused with a reason: hw/device_list.c; ends with name NULL. */
struct device_refusal {
    const char *name, *why;
};
extern const struct device_refusal device_refusals[];

/* The type that a user may name; NULL and *error with the closest names. */
const struct device_type *device_type_named(const char *name, GError **error);
/* The realized device with this id, or NULL. */
struct device *device_find(struct machine *m, const char *id);
/*
 * A device as -device (cold) or device_add (hot) describe it: driver, id, bus, and properties.  A hot one
 * is reset, and its bus told.
 */
bool device_add(struct machine *m, const GPtrArray *opts, enum device_plug plug, GError **error);
/* The device in front of a drive, or NULL. */
struct device *device_with_drive(struct machine *m, const struct block_backend *blk);
/* What QMP calls the device in front of a drive: its id, or its path; the caller frees. */
char *device_qdev_id(const struct device *dev);
/* device_del: true when the guest was asked, or the device is gone. */
bool device_unplug(struct device *dev, GError **error);
/* Takes the device away, and what is on its buses; drives of theirs are given back (machine->release_drive). */
void device_remove(struct device *dev);

#endif
