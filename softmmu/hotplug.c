/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/hotplug.c: see hotplug.h, also for the thread. */
#include "softmmu/hotplug.h"

#include <string.h>
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

/* Coming ---------------------------------------------------------------------------------------- */

static const char *type_name(void *opaque, unsigned i)
{
    (void)opaque;
    return device_types[i] ? device_types[i]->name : NULL;
}

static bool is_refused(const char *name, GError **error)
{
    for (const struct device_refusal *r = device_refusals; r->name; r++) {
        if (strcmp(r->name, name) == 0) {
            set_error(error, "'%s' is not supported: %s", name, r->why);
            return true;
        }
    }
    return false;
}

const struct device_type *device_type_named(const char *name, GError **error)
{
    const struct device_type *type = device_type_find(name);
    g_autofree char *closest = NULL;

    if (type && type->internal) {
        set_error(error, "'%s' is part of the board and cannot be added", name);
        return NULL;
    }
    if (!type && is_refused(name, error)) {
        return NULL;
    }
    if (!type) {
        closest = closest_names(name, type_name, NULL);
        set_error(error, "'%s' is not a valid device model name; %s%s", name,
                  closest ? "closest: " : "-device help lists all", closest ? closest : "");
    }
    return type;
}

struct device *device_find(struct machine *m, const char *id)
{
    for (unsigned i = 0; id && i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->id && strcmp(dev->id, id) == 0) {
            return dev;
        }
    }
    return NULL;
}

static bool set_properties(struct device *dev, const GPtrArray *opts, GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "driver") != 0 && strcmp(p->key, "bus") != 0 &&
            !device_set_property(dev, p->key, p->value, error)) {
            return false;
        }
    }
    return true;
}

/* *bus stays NULL for what needs none. */
static bool choose_bus(struct machine *m, const struct device_type *type, const char *name,
                       enum device_plug plug, struct bus **bus, GError **error)
{
    if (type->bus != BUS_NONE) {
        *bus = bus_find(m, type->bus, name);
        if (!*bus && name) {
            struct bus *other = bus_find(m, BUS_NONE, name);

            set_error(error, other ? "Device '%s' can't go on %s bus" : "Bus '%s' not found",
                      other ? type->name : name, other ? bus_kind_names[other->kind] : "");
            return false;
        }
        if (!*bus && type->bus != BUS_SYSTEM) {
            set_error(error, "No '%s' bus found for device '%s'", bus_kind_names[type->bus],
                      type->name);
            return false;
        }
    }
    if (plug == DEVICE_HOT && *bus && !(*bus)->hotplug) {
        set_error(error, "Bus '%s' does not support hotplugging", (*bus)->name);
        return false;
    }
    if (plug == DEVICE_HOT && (!*bus || type->cold_only)) {
        set_error(error, "Device '%s' does not support hotplugging", type->name);
        return false;
    }
    return true;
}

/* The other side would have other devices than this one, or a thread reads RAM. */
static bool check_stays(const struct machine *m, const char *what, GError **error)
{
    if (m->ram_pinned) {
        set_error(error, "%s: not while the machine is being migrated or dumped", what);
        return false;
    }
    return true;
}

bool device_add(struct machine *m, const GPtrArray *opts, enum device_plug plug, GError **error)
{
    const char *name = options_get(opts, "driver"), *id = options_get(opts, "id");
    const struct device_type *type;
    struct bus *bus = NULL;
    struct device *dev;

    if (!name) {
        set_error(error, "Parameter 'driver' is missing");
        return false;
    }
    if (plug == DEVICE_HOT && !check_stays(m, "device_add", error)) {
        return false;
    }
    type = device_type_named(name, error);
    if (!type || !choose_bus(m, type, options_get(opts, "bus"), plug, &bus, error)) {
        return false;
    }
    if (device_find(m, id)) {
        set_error(error, "Duplicate device ID '%s'", id);
        return false;
    }
    dev = device_new(m, type);
    dev->hotplugged = plug == DEVICE_HOT;
    dev->anonymous = id ? 0 : ++m->anonymous_devices;
    if (!set_properties(dev, opts, error) || !device_realize(dev, bus, error)) {
        device_free(dev);
        return false;
    }
    if (plug == DEVICE_HOT) {
        if (type->reset) {
            iothread_pause_all(m);
            type->reset(dev);
            iothread_resume_all(m);
        }
        if (bus->hotplug->plugged) {
            bus->hotplug->plugged(bus, dev);
        }
    }
    return true;
}

/* Going ----------------------------------------------------------------------------------------- */

bool device_unplug(struct device *dev, GError **error)
{
    struct bus *bus = dev->bus;

    if (bus && !bus->hotplug) {
        set_error(error, "Bus '%s' does not support hotplugging", bus->name);
        return false;
    }
    if (!bus || dev->type->cold_only || dev->type->internal) {
        set_error(error, "Device '%s' does not support hotplugging", dev->type->name);
        return false;
    }
    return check_stays(dev->machine, "device_del", error) && bus->hotplug->unplug(bus, dev, error);
}

static void remove_children(struct device *dev)
{
    for (struct bus *bus = dev->machine->buses, *next; bus; bus = next) {
        next = bus->next;
        while (bus->parent == dev && bus->devices->len > 0) {
            device_remove(g_ptr_array_index(bus->devices, bus->devices->len - 1));
            next = dev->machine->buses; /* buses went with it: from the start again */
        }
    }
}

/* The drives that are properties of the device. */
static GPtrArray *drives_of(const struct device *dev)
{
    GPtrArray *drives = g_ptr_array_new();

    for (const struct property *p = dev->type->props; p && p->name; p++) {
        struct block_backend *blk = NULL;

        if (p->type == PROPERTY_DRIVE) {
            memcpy(&blk, (const char *)dev + p->offset, sizeof(blk));
        }
        if (blk) {
            g_ptr_array_add(drives, blk);
        }
    }
    return drives;
}

struct device *device_with_drive(struct machine *m, const struct block_backend *blk)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);
        g_autoptr(GPtrArray) drives = drives_of(dev);

        if (g_ptr_array_find(drives, blk, NULL)) {
            return dev;
        }
    }
    return NULL;
}

char *device_qdev_id(const struct device *dev)
{
    g_autofree char *path = device_path(dev), *backend = device_virtio_backend(dev);

    if (backend) {
        return g_strconcat(path, "/virtio-backend", NULL);
    }
    return dev->id ? g_strdup(dev->id) : g_steal_pointer(&path);
}

/* A virtio device is two to QEMU's clients: the function and what is behind it. */
static void tell_deleted(struct machine *m, const char *id, const char *path, bool is_virtio)
{
    if (is_virtio) {
        g_autofree char *backend = g_strconcat(path, "/virtio-backend", NULL);

        event_emit(m, EVENT_DEVICE_DELETED, json_pack("{s:s}", "path", backend));
    }
    event_emit(m, EVENT_DEVICE_DELETED, json_pack("{s:s*, s:s}", "device", id, "path", path));
}

void device_remove(struct device *dev)
{
    struct machine *m = dev->machine;
    g_autoptr(GPtrArray) drives = drives_of(dev);
    g_autofree char *path = device_path(dev), *id = g_strdup(dev->id);
    g_autofree char *backend = device_virtio_backend(dev);

    remove_children(dev);
    device_free(dev);
    tell_deleted(m, id, path, backend != NULL);
    for (unsigned i = 0; m->release_drive && i < drives->len; i++) {
        m->release_drive(g_ptr_array_index(drives, i));
    }
}
