/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qom_types.c: QOM's types: those that others stand on, as rows, and one for each device, board, CPU
 * model, object, back end and accelerator that there is.
 * Thread: main loop.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "monitor/objects.h"
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "softmmu/machine.h"
#include "softmmu/property.h"
#include "target/i386/cpu_request.h"

static const struct {
    const char *name, *parent;
} abstract_types[] = {
    /* clang-format off */
    { "object",             NULL },
    { "container",          "object" }, /* the only one that is not abstract */
    { "accel",              "object" },
    { "bus",                "object" },
    { "chardev",            "object" },
    { "irq",                "object" },
    { "machine",            "object" },
    { "netfilter",          "object" },
    { "event-loop-base",    "object" },
    { "secret_common",      "object" },
    { "memory-backend",     "object" },
    { "rng-backend",        "object" },
    { "tls-creds",          "object" },
    { "x86-machine",        "machine" },
    { "generic-pc-machine", "x86-machine" },
    { "device",             "object" },
    { "cpu",                "device" },
    { "x86_64-cpu",         "cpu" },
    { "sys-bus-device",     "device" },
    { "isa-device",         "device" },
    { "ide-device",         "device" },
    { "scsi-device",        "device" },
    { "usb-device",         "device" },
    { "virtio-device",      "device" },
    { "pci-device",         "device" },
    { "virtio-pci",         "pci-device" },
    /* clang-format on */
};

/* Objects that stand on more than "object". */
static const struct {
    const char *name, *parent;
} object_parents[] = {
    { "filter-dump", "netfilter" },
    { "iothread", "event-loop-base" },
    { "memory-backend-file", "memory-backend" },
    { "memory-backend-memfd", "memory-backend" },
    { "memory-backend-ram", "memory-backend" },
    { "rng-builtin", "rng-backend" },
    { "rng-egd", "rng-backend" },
    { "rng-random", "rng-backend" },
    { "secret", "secret_common" },
    { "tls-creds-anon", "tls-creds" },
    { "tls-creds-psk", "tls-creds" },
    { "tls-creds-x509", "tls-creds" },
};

static void type_free(gpointer p)
{
    struct qom_type *t = p;

    g_free(t->name);
    g_free(t->parent);
    g_free(t);
}

static struct qom_type *add(GPtrArray *types, char *name, const char *parent)
{
    struct qom_type *t = g_new0(struct qom_type, 1);

    t->name = name;
    t->parent = g_strdup(parent);
    g_ptr_array_add(types, t);
    return t;
}

static const char *device_parent(const struct device_type *type)
{
    static const char *const parents[BUS_KIND_COUNT] = {
        [BUS_NONE] = "device",          [BUS_SYSTEM] = "sys-bus-device", [BUS_ISA] = "isa-device",
        [BUS_PCI] = "pci-device",       [BUS_IDE] = "ide-device",        [BUS_SCSI] = "scsi-device",
        [BUS_VIRTIO] = "virtio-device", [BUS_USB] = "usb-device",        [BUS_HDA] = "hda-codec",
    };
    bool virtio = type->bus == BUS_PCI && g_str_has_prefix(type->name, "virtio-");

    return virtio ? "virtio-pci" : parents[type->bus];
}

static void add_devices(GPtrArray *types)
{
    for (unsigned i = 0; device_types[i]; i++) {
        add(types, g_strdup(device_types[i]->name), device_parent(device_types[i]))->device =
            device_types[i];
    }
}

static void add_boards(GPtrArray *types)
{
    for (unsigned i = 0; board_types[i]; i++) {
        const char *name = board_types[i]->name;

        add(types, g_strconcat(name, "-machine", NULL),
            g_str_has_prefix(name, "pc-")  ? "generic-pc-machine"
            : strcmp(name, "microvm") == 0 ? "x86-machine"
                                           : "machine");
    }
}

static void add_cpu(void *types, const char *name, const char *summary)
{
    (void)summary;
    add(types, g_strconcat(name, "-x86_64-cpu", NULL), "x86_64-cpu");
}

static void add_objects(GPtrArray *types)
{
    const char *name;

    for (unsigned i = 0; (name = object_type_name(i)); i++) {
        const char *parent = "object";

        for (unsigned p = 0; p < G_N_ELEMENTS(object_parents); p++) {
            if (strcmp(object_parents[p].name, name) == 0) {
                parent = object_parents[p].parent;
            }
        }
        add(types, g_strdup(name), parent)->interface = "user-creatable";
    }
}

GPtrArray *qom_types(void)
{
    GPtrArray *types = g_ptr_array_new_with_free_func(type_free);
    const char *name;

    for (unsigned i = 0; i < G_N_ELEMENTS(abstract_types); i++) {
        name = abstract_types[i].name;
        add(types, g_strdup(name), abstract_types[i].parent)->abstract =
            strcmp(name, "container") != 0;
    }
    add(types, g_strdup("tcg-accel"), "accel");
    add_devices(types);
    add_boards(types);
    cpu_model_each_name(add_cpu, types);
    add_objects(types);
    for (unsigned i = 0; (name = chardev_type_name(i)); i++) {
        add(types, g_strconcat("chardev-", name, NULL), "chardev");
    }
    return types;
}

const struct qom_type *qom_type_find(const GPtrArray *types, const char *name)
{
    for (unsigned i = 0; name && i < types->len; i++) {
        const struct qom_type *t = g_ptr_array_index(types, i);

        if (strcmp(t->name, name) == 0) {
            return t;
        }
    }
    return NULL;
}

bool qom_type_is(const GPtrArray *types, const struct qom_type *t, const char *name)
{
    for (; t; t = qom_type_find(types, t->parent)) {
        if (strcmp(t->name, name) == 0 || g_strcmp0(t->interface, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Properties ---------------------------------------------------------------------------------- */

const char *qom_property_type(const struct property *p)
{
    return property_is_reference(p->type) ? "str" : property_type_name(p->type);
}

json_t *qom_number(enum property_type type, uint64_t v)
{
    switch (type) {
    case PROPERTY_BOOL:
        return json_boolean(v != 0);
    case PROPERTY_I32:
    case PROPERTY_PCI_ADDR:
        return json_integer((int32_t)v);
    default:
        return json_integer((json_int_t)v);
    }
}

static void add_property(json_t *list, const char *name, const char *type, const char *help,
                         json_t *def)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:s*, s:o*}", "name", name, "type", type,
                                          "description", help, "default-value", def));
}

static json_t *default_value(const struct property *p)
{
    if (property_is_reference(p->type)) {
        return NULL;
    }
    return p->type == PROPERTY_STRING ? (p->def_str ? json_string(p->def_str) : NULL)
                                      : qom_number(p->type, p->def);
}

static void add_device_properties(json_t *list, const struct device_type *type)
{
    const struct property *p;

    for (unsigned i = 0; (p = property_at(type, i)); i++) {
        add_property(list, p->name, qom_property_type(p), p->help, default_value(p));
    }
}

static void add_cpu_properties(json_t *list)
{
    const char *name;

    for (const struct cpu_feature_name *f = cpu_feature_names; f->name; f++) {
        add_property(list, f->name, "bool", NULL, NULL);
    }
    for (unsigned i = 0; (name = cpu_option_name(i)); i++) {
        if (!strchr(name, '*')) {
            add_property(list, name, cpu_option_type(i), NULL, NULL);
        }
    }
    add_property(list, "unavailable-features", "strList", NULL, NULL);
}

json_t *qom_type_properties(const GPtrArray *types, const struct qom_type *t, bool own)
{
    json_t *list = json_array();

    if (!own) {
        add_property(list, "type", "string", NULL, NULL);
    }
    if (!own && qom_type_is(types, t, "device")) {
        add_property(list, "realized", "bool", NULL, NULL);
        add_property(list, "hotplugged", "bool", NULL, NULL);
        add_property(list, "hotpluggable", "bool", NULL, NULL);
        add_property(list, "parent_bus", "link<bus>", NULL, NULL);
    }
    if (t->device) {
        add_device_properties(list, t->device);
    } else if (qom_type_is(types, t, "cpu")) {
        add_cpu_properties(list);
    } else if (qom_type_is(types, t, "machine")) {
        qom_machine_properties(list);
    } else if (t->interface) {
        object_type_properties(t->name, list);
    }
    return list;
}
