/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/device.c: the life of devices and buses, and a device's section in a saved machine.
 *
 * Invariants: machine->devices holds exactly the realized devices; a device on a bus is in the bus's
 *             list exactly while it is realized.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "softmmu/machine.h"
#include "softmmu/property.h"
#include "util/error.h"

const char *const bus_kind_names[BUS_KIND_COUNT] = {
    [BUS_NONE] = "none",         [BUS_SYSTEM] = "System",
    [BUS_ISA] = "ISA",           [BUS_PCI] = "PCI",
    [BUS_IDE] = "IDE",           [BUS_SCSI] = "SCSI",
    [BUS_VIRTIO] = "virtio-bus", [BUS_VIRTIO_SERIAL] = "virtio-serial-bus",
    [BUS_USB] = "usb-bus",       [BUS_HDA] = "HDA",
};

const char *device_type_alias(const struct device_type *type)
{
    for (const struct device_alias *a = device_aliases; a->alias; a++) {
        if (strcmp(a->name, type->name) == 0) {
            return a->alias;
        }
    }
    return NULL;
}

/* NULL: the name is not an alias. */
static const char *resolve_alias(const char *name)
{
    for (const struct device_alias *a = device_aliases; a->alias; a++) {
        if (strcmp(a->alias, name) == 0) {
            return a->name;
        }
    }
    return NULL;
}

const struct device_type *device_type_find(const char *name)
{
    const char *full = resolve_alias(name);

    name = full ? full : name;
    for (unsigned i = 0; device_types[i]; i++) {
        if (strcmp(device_types[i]->name, name) == 0) {
            return device_types[i];
        }
    }
    return NULL;
}

void bus_init(struct bus *bus, struct machine *m, enum bus_kind kind, const char *name,
              struct device *parent)
{
    struct bus **link = &m->buses;

    *bus = (struct bus){ .name = name, .kind = kind, .parent = parent, .machine = m };
    bus->devices = g_ptr_array_new();
    while (*link) {
        link = &(*link)->next;
    }
    *link = bus;
}

void bus_destroy(struct bus *bus)
{
    struct bus **link;

    if (!bus->machine) {
        return; /* never initialized, or gone already */
    }
    link = &bus->machine->buses;
    while (*link && *link != bus) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = bus->next;
    }
    g_ptr_array_unref(bus->devices);
    memset(bus, 0, sizeof(*bus));
}

struct bus *bus_find(struct machine *m, enum bus_kind kind, const char *name)
{
    struct bus *full = NULL;

    for (struct bus *bus = m->buses; bus; bus = bus->next) {
        if (name ? strcmp(bus->name, name) != 0 || (kind != BUS_NONE && bus->kind != kind)
                 : bus->kind != kind) {
            continue;
        }
        if (name || !bus->max_devices || bus->devices->len < bus->max_devices) {
            return bus;
        }
        full = full ? full : bus;
    }
    return full;
}

void device_add_global(struct machine *m, const char *driver, const char *prop, const char *value)
{
    struct device_global *g = g_new0(struct device_global, 1);

    *g = (struct device_global){ g_strdup(driver), g_strdup(prop), g_strdup(value), false };
    g_ptr_array_add(m->globals, g);
}

void device_global_free(gpointer global)
{
    struct device_global *g = global;

    g_free(g->driver);
    g_free(g->prop);
    g_free(g->value);
    g_free(g);
}

static void apply_globals(struct device *dev)
{
    for (unsigned i = 0; i < dev->machine->globals->len && !dev->refused; i++) {
        struct device_global *g = g_ptr_array_index(dev->machine->globals, i);

        if (strcmp(g->driver, dev->type->name) != 0) {
            continue;
        }
        g->used = true;
        if (!device_set_property(dev, g->prop, g->value, &dev->refused)) {
            g_prefix_error(&dev->refused, "-global %s.%s=%s: ", g->driver, g->prop, g->value);
        }
    }
}

struct device *device_new(struct machine *m, const struct device_type *type)
{
    struct device *dev;

    g_assert(type->size >= sizeof(struct device));
    dev = g_malloc0(type->size);
    dev->type = type;
    dev->machine = m;
    property_set_defaults(dev);
    apply_globals(dev);
    return dev;
}

static bool realize(struct device *dev, struct bus *bus, GError **error)
{
    g_assert(!dev->realized);
    if (dev->refused) {
        g_propagate_error(error, g_steal_pointer(&dev->refused));
        return false;
    }
    if (bus && dev->type->bus != BUS_NONE && bus->kind != dev->type->bus) {
        set_error(error, "Device '%s' can't go on %s bus '%s', needs %s", dev->type->name,
                  bus_kind_names[bus->kind], bus->name, bus_kind_names[dev->type->bus]);
        return false;
    }
    dev->bus = bus;
    if (dev->type->realize && !dev->type->realize(dev, error)) {
        dev->bus = NULL;
        return false;
    }
    dev->realized = true;
    if (bus) {
        g_ptr_array_add(bus->devices, dev);
    }
    g_ptr_array_add(dev->machine->devices, dev);
    return true;
}

bool device_realize(struct device *dev, struct bus *bus, GError **error)
{
    bool ok;

    iothread_pause_all(dev->machine);
    ok = realize(dev, bus, error);
    iothread_resume_all(dev->machine);
    return ok;
}

void device_free(struct device *dev)
{
    struct machine *m = dev ? dev->machine : NULL;

    if (!dev) {
        return;
    }
    iothread_pause_all(m);
    if (dev->realized) {
        if (dev->type->unrealize) {
            dev->type->unrealize(dev);
        }
        g_ptr_array_remove(dev->machine->devices, dev);
        if (dev->bus) {
            g_ptr_array_remove(dev->bus->devices, dev);
        }
    }
    property_free_all(dev);
    g_clear_error(&dev->refused);
    g_free(dev->id);
    g_free(dev);
    iothread_resume_all(m);
}

struct device *device_create(struct machine *m, const struct device_type *type, struct bus *bus,
                             GError **error)
{
    struct device *dev = device_new(m, type);

    if (!device_realize(dev, bus, error)) {
        device_free(dev);
        return NULL;
    }
    return dev;
}

/* CPUs come before the board's devices. */
static unsigned board_place(const struct device *dev)
{
    const struct machine *m = dev->machine;
    unsigned place = MAX(m->n_vcpus, m->config.topology.max_cpus);

    for (unsigned i = 0; i < m->devices->len; i++) {
        const struct device *other = g_ptr_array_index(m->devices, i);

        if (other == dev) {
            break;
        }
        place += !other->id && !other->anonymous;
    }
    return place;
}

char *device_path(const struct device *dev)
{
    if (dev->id) {
        return g_strdup_printf(DEVICE_PATH_USER "%s", dev->id);
    }
    if (dev->anonymous) {
        return g_strdup_printf(DEVICE_PATH_ANONYMOUS "device[%u]", dev->anonymous - 1);
    }
    return g_strdup_printf(DEVICE_PATH_BOARD "device[%u]", board_place(dev));
}

char *device_virtio_backend(const struct device *dev)
{
    const char *name = dev->type->name, *pci = strstr(name, "-pci");

    if (dev->type->bus != BUS_PCI || !pci || !g_str_has_prefix(name, "virtio-")) {
        return NULL;
    }
    return g_strdup_printf("%.*s-device", (int)(pci - name), name);
}

void device_reset_all(struct machine *m)
{
    iothread_pause_all(m);
    mem_transaction_begin(m);
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type->reset) {
            dev->type->reset(dev);
        }
    }
    mem_transaction_commit(m);
    iothread_resume_all(m);
}

static void put_string(GByteArray *out, const char *s)
{
    size_t len = MIN(strlen(s), 255);
    uint8_t n = len;

    g_byte_array_append(out, &n, 1);
    g_byte_array_append(out, (const uint8_t *)s, len);
}

/* NULL when the stream ends. */
static char *get_string(const uint8_t *data, size_t len, size_t *pos)
{
    size_t n;

    if (*pos >= len || (n = data[*pos]) > len - *pos - 1) {
        return NULL;
    }
    *pos += 1 + n;
    return g_strndup((const char *)data + *pos - n, n);
}

void device_prepare_save_all(struct machine *m)
{
    iothread_pause_all(m);
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type->pre_save) {
            dev->type->pre_save(dev);
        }
    }
    iothread_resume_all(m);
}

void device_save(struct device *dev, GByteArray *out)
{
    iothread_pause_all(dev->machine);
    if (dev->type->pre_save) {
        dev->type->pre_save(dev);
    }
    put_string(out, device_section_name(dev->type));
    put_string(out, dev->id ? dev->id : "");
    state_save(dev->type->state, dev, out);
    iothread_resume_all(dev->machine);
}

/* After a refused post_load: what was before, derived anew. */
static void restore(struct device *dev, const GByteArray *before)
{
    size_t pos = 0;

    state_load(dev->type->state, dev, before->data, before->len, &pos, NULL);
    dev->type->post_load(dev, NULL);
}

/* The section is this device's; *at moves on to its rows. */
static bool check_head(struct device *dev, const uint8_t *data, size_t len, size_t *at,
                       GError **error)
{
    g_autofree char *name = get_string(data, len, at);
    g_autofree char *id = name ? get_string(data, len, at) : NULL;

    if (!id) {
        set_error(error, "device '%s': the stream ends before its section", dev->type->name);
        return false;
    }
    if (strcmp(name, device_section_name(dev->type)) != 0 ||
        strcmp(id, dev->id ? dev->id : "") != 0) {
        g_autofree char *shown = g_strescape(name, NULL), *shown_id = g_strescape(id, NULL);

        set_error(error, "the stream holds device '%s' (id '%s'), must be '%s' (id '%s')", shown,
                  shown_id, dev->type->name, dev->id ? dev->id : "");
        return false;
    }
    return true;
}

bool device_check(struct device *dev, const uint8_t *data, size_t len, GError **error)
{
    size_t at = 0;

    if (!check_head(dev, data, len, &at, error)) {
        return false;
    }
    if (!state_check(dev->type->state, dev, data, len, &at, error)) {
        g_prefix_error(error, "device '%s': ", dev->type->name);
        return false;
    }
    if (at != len) {
        set_error(error, "device '%s': %zu bytes follow its section", dev->type->name, len - at);
        return false;
    }
    return true;
}

static bool load(struct device *dev, const uint8_t *data, size_t len, size_t *pos, GError **error)
{
    g_autoptr(GByteArray) before = g_byte_array_new();
    size_t at = *pos;

    if (!check_head(dev, data, len, &at, error)) {
        return false;
    }
    state_save(dev->type->state, dev, before);
    if (!state_load(dev->type->state, dev, data, len, &at, error)) {
        g_prefix_error(error, "device '%s': ", dev->type->name);
        return false;
    }
    if (dev->type->post_load && !dev->type->post_load(dev, error)) {
        g_prefix_error(error, "device '%s': ", dev->type->name);
        restore(dev, before);
        return false;
    }
    *pos = at;
    return true;
}

bool device_load(struct device *dev, const uint8_t *data, size_t len, size_t *pos, GError **error)
{
    bool ok;

    iothread_pause_all(dev->machine);
    ok = load(dev, data, len, pos, error);
    iothread_resume_all(dev->machine);
    return ok;
}
