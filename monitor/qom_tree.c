/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qom_tree.c: the tree of objects: /machine with its devices, /objects, /chardevs.
 *
 * A node knows how to list its properties with their values; a child is a property whose node is known, a link
 * one whose value is a path.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "hw/pci/pci.h"
#include "monitor/objects.h"
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "softmmu/property.h"
#include "target/i386/cpuid_models.h"
#include "util/error.h"

#define MAX_DEPTH 32u

typedef void list_fn(struct machine *m, const struct qom_node *n, GPtrArray *out);

static void property_free(gpointer p)
{
    struct qom_property *prop = p;

    g_free(prop->name);
    g_free(prop->type);
    json_decref(prop->value);
    g_free(prop);
}

/* Takes the value over. */
static struct qom_property *put(GPtrArray *out, const char *name, const char *type, json_t *value)
{
    struct qom_property *p = g_new0(struct qom_property, 1);

    p->name = g_strdup(name);
    p->type = g_strdup(type);
    p->value = value;
    g_ptr_array_add(out, p);
    return p;
}

static void put_child(GPtrArray *out, const char *name, const char *type, list_fn *list,
                      void *object, unsigned index)
{
    g_autofree char *shown = g_strdup_printf("child<%s>", type);

    put(out, name, shown, NULL)->child = (struct qom_node){ list, object, index };
}

static void put_type(GPtrArray *out, const char *type)
{
    put(out, "type", "string", json_string(type));
}

/* Devices and buses --------------------------------------------------------------------------- */

static list_fn list_device, list_bus, list_cpu;

static void list_bus(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    const struct bus *bus = n->object;

    (void)m;
    put_type(out, bus_kind_names[bus->kind]);
    for (unsigned i = 0; i < bus->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(bus->devices, i);
        g_autofree char *name = g_strdup_printf("child[%u]", i), *path = device_path(dev);
        g_autofree char *type = g_strdup_printf("link<%s>", dev->type->name);

        put(out, name, type, json_string(path));
    }
}

/* Where the bus is: below its device, or below the machine. */
static char *bus_path(const struct bus *bus)
{
    g_autofree char *parent = bus->parent ? device_path(bus->parent) : g_strdup("/machine");

    return g_strdup_printf("%s/%s", parent, bus->name);
}

static void put_buses(struct machine *m, const struct device *parent, GPtrArray *out)
{
    for (struct bus *bus = m->buses; bus; bus = bus->next) {
        if (bus->parent == parent) {
            put_child(out, bus->name, bus_kind_names[bus->kind], list_bus, bus, 0);
        }
    }
}

static json_t *property_value(struct device *dev, const struct property *p)
{
    g_autofree char *text = NULL;

    if (p->type == PROPERTY_PCI_ADDR && dev->bus && dev->bus->kind == BUS_PCI) {
        return json_integer(((const struct pci_device *)dev)->devfn); /* also of "any" */
    }
    if (p->type != PROPERTY_STRING && !property_is_reference(p->type)) {
        return qom_number(p->type, property_number(dev, p));
    }
    text = device_get_property(dev, p->name);
    return qmp_text(text);
}

static bool can_unplug(const struct device *dev)
{
    return dev->bus && dev->bus->hotplug && !dev->type->cold_only && !dev->type->internal;
}

static void put_properties(struct device *dev, GPtrArray *out)
{
    const struct property *p;

    put(out, "realized", "bool", json_true());
    put(out, "hotplugged", "bool", json_boolean(dev->hotplugged));
    put(out, "hotpluggable", "bool", json_boolean(can_unplug(dev)));
    for (unsigned i = 0; (p = property_at(dev->type, i)); i++) {
        put(out, p->name, qom_property_type(p), property_value(dev, p));
    }
}

/* What QEMU has behind a virtio device on PCI. */
static void list_backend(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    struct device *dev = n->object;
    g_autofree char *type = device_virtio_backend(dev);

    (void)m;
    put_type(out, type);
    put_properties(dev, out);
}

static void list_device(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    struct device *dev = n->object;
    g_autofree char *backend = device_virtio_backend(dev);

    put_type(out, dev->type->name);
    if (dev->bus) {
        g_autofree char *path = bus_path(dev->bus);

        put(out, "parent_bus", "link<bus>", json_string(path));
    }
    put_properties(dev, out);
    put_buses(m, dev, out);
    if (backend) {
        put_child(out, "virtio-backend", backend, list_backend, dev, 0);
    }
}

/* CPUs ---------------------------------------------------------------------------------------- */

static char *cpu_type(const struct x86_cpu *cpu)
{
    return g_strdup_printf("%s-x86_64-cpu", cpu->model ? cpu->model->name : "base");
}

static void list_cpu(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    const struct x86_cpu *cpu = x86_cpu_of(m->vcpus[n->index]);
    g_autofree char *type = cpu_type(cpu);
    json_t *place = qmp_cpu_place(m, n->index), *value;
    const char *key;

    put_type(out, type);
    put(out, "realized", "bool", json_true());
    put(out, "hotplugged", "bool", json_false());
    put(out, "hotpluggable", "bool", json_false());
    json_object_foreach(place, key, value)
    {
        put(out, key, "int32", json_incref(value));
    }
    json_decref(place);
    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        put(out, f->name, "bool", json_boolean(cpu_has(cpu, f->feature)));
    }
    put(out, "unavailable-features", "strList", json_array());
}

/* Containers ---------------------------------------------------------------------------------- */

/* Of peripheral, peripheral-anon, unattached: n->object is its path with a slash. */
static void list_devices(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    const char *prefix = n->object;

    put_type(out, "container");
    for (unsigned i = 0; strcmp(prefix, DEVICE_PATH_BOARD) == 0 && i < m->n_vcpus; i++) {
        g_autofree char *name = g_strdup_printf("device[%u]", i);
        g_autofree char *type = cpu_type(x86_cpu_of(m->vcpus[i]));

        put_child(out, name, type, list_cpu, NULL, i);
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);
        g_autofree char *path = device_path(dev);

        if (g_str_has_prefix(path, prefix)) {
            put_child(out, path + strlen(prefix), dev->type->name, list_device, dev, 0);
        }
    }
}

static void list_iothread(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    const struct iothread *t = n->object;

    (void)m;
    put_type(out, "iothread");
    put(out, "poll-max-ns", "int", json_integer(t->options.poll_max_ns));
    put(out, "poll-grow", "int", json_integer(t->options.poll_grow));
    put(out, "poll-shrink", "int", json_integer(t->options.poll_shrink));
    put(out, "aio-max-batch", "int", json_integer(t->options.aio_max_batch));
}

static void list_objects(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    (void)n;
    put_type(out, "container");
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        struct iothread *t = g_ptr_array_index(m->iothreads, i);

        put_child(out, t->id, "iothread", list_iothread, t, 0);
    }
}

static void list_chardev(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    g_autofree char *type = g_strdup_printf("chardev-%s", chardev_backend(n->object));

    (void)m;
    put_type(out, type);
    put(out, "filename", "string", qmp_text(chardev_filename(n->object)));
}

static void list_chardevs(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    (void)n;
    put_type(out, "container");
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        struct chardev *c = g_ptr_array_index(m->chardevs, i);
        g_autofree char *type = g_strdup_printf("chardev-%s", chardev_backend(c));

        put_child(out, chardev_label(c), type, list_chardev, c, 0);
    }
}

/* /machine ------------------------------------------------------------------------------------ */

static const struct machine_row {
    const char *name, *type, *help;
    size_t offset; /* in struct machine_config: char *, or of those that are switched off bool */
} machine_rows[] = {
    /* clang-format off */
    { "kernel",   "string",    "Linux kernel image file",        offsetof(struct machine_config, kernel) },
    { "initrd",   "string",    "Linux initial ramdisk file",     offsetof(struct machine_config, initrd) },
    { "append",   "string",    "Linux kernel command line",      offsetof(struct machine_config, append) },
    { "firmware", "string",    "Firmware image",                 offsetof(struct machine_config, bios) },
    { "acpi",     "OnOffAuto", "Enable ACPI",                    offsetof(struct machine_config, no_acpi) },
    { "smm",      "OnOffAuto", "Enable SMM",                     offsetof(struct machine_config, no_smm) },
    { "hpet",     "bool",      "Enable the high precision event timer", offsetof(struct machine_config, no_hpet) },
    /* clang-format on */
};

void qom_machine_properties(json_t *list)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(machine_rows); i++) {
        const struct machine_row *row = &machine_rows[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", row->name, "type",
                                              row->type, "description", row->help));
    }
}

static json_t *machine_value(const struct machine *m, const struct machine_row *row)
{
    const char *at = (const char *)&m->config + row->offset;

    if (strcmp(row->type, "string") == 0) {
        return qmp_text(*(char *const *)at);
    }
    if (strcmp(row->type, "bool") == 0) {
        return json_boolean(!*(const bool *)at);
    }
    return json_string(*(const bool *)at ? "off" : "on");
}

static void list_machine(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    g_autofree char *type = qom_machine_type(m);

    (void)n;
    put_type(out, type);
    for (unsigned i = 0; i < G_N_ELEMENTS(machine_rows); i++) {
        put(out, machine_rows[i].name, machine_rows[i].type, machine_value(m, &machine_rows[i]));
    }
    put_child(out, "peripheral", "container", list_devices, DEVICE_PATH_USER, 0);
    put_child(out, "peripheral-anon", "container", list_devices, DEVICE_PATH_ANONYMOUS, 0);
    put_child(out, "unattached", "container", list_devices, DEVICE_PATH_BOARD, 0);
    put_buses(m, NULL, out);
}

char *qom_machine_type(const struct machine *m)
{
    return g_strdup_printf("%s-machine", m->config.board ? m->config.board->name : "none");
}

static void list_root(struct machine *m, const struct qom_node *n, GPtrArray *out)
{
    g_autofree char *type = qom_machine_type(m);

    (void)n;
    put_type(out, "container");
    put_child(out, "machine", type, list_machine, NULL, 0);
    put_child(out, "objects", "container", list_objects, NULL, 0);
    put_child(out, "chardevs", "container", list_chardevs, NULL, 0);
}

/* Paths --------------------------------------------------------------------------------------- */

GPtrArray *qom_list_node(struct machine *m, const struct qom_node *n)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(property_free);

    n->list(m, n, out);
    return out;
}

static bool resolve(struct machine *m, const char *path, unsigned depth, struct qom_node *out);

/* From a node to what a property of it is or links to. */
static bool step(struct machine *m, struct qom_node *at, const char *name, unsigned depth)
{
    g_autoptr(GPtrArray) list = qom_list_node(m, at);

    for (unsigned i = 0; i < list->len; i++) {
        const struct qom_property *p = g_ptr_array_index(list, i);

        if (strcmp(p->name, name) != 0) {
            continue;
        }
        if (p->child.list) {
            *at = p->child;
            return true;
        }
        return g_str_has_prefix(p->type, "link<") && json_is_string(p->value) &&
               resolve(m, json_string_value(p->value), depth + 1, at);
    }
    return false;
}

static bool resolve(struct machine *m, const char *path, unsigned depth, struct qom_node *out)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", MAX_DEPTH);
    struct qom_node at = { list_root, NULL, 0 };

    for (unsigned i = 0; parts[i]; i++) {
        if (*parts[i] && (depth > MAX_DEPTH || !step(m, &at, parts[i], depth))) {
            return false;
        }
    }
    *out = at;
    return true;
}

bool qom_resolve(struct machine *m, const char *path, struct qom_node *out, GError **error)
{
    struct device *dev = *path == '/' ? NULL : device_find(m, path);

    if (dev) {
        *out = (struct qom_node){ list_device, dev, 0 };
        return true;
    }
    if (*path != '/' || !resolve(m, path, 0, out)) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", path);
        return false;
    }
    return true;
}

struct device *qom_find_device(struct machine *m, const char *path, GError **error)
{
    struct qom_node n;

    if (!qom_resolve(m, path, &n, error)) {
        return NULL;
    }
    if (n.list != list_device && n.list != list_backend) {
        set_error(error, "'%s' is not a device", path);
        return NULL;
    }
    return n.object;
}
