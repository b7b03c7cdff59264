/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/device_help.c: devices as text: `-device help`, `-device NAME,help`, `info qtree`.
 * Thread: under the machine lock for the tree; any for the rest.
 */
#include <string.h>
#include "softmmu/machine.h"
#include "softmmu/property.h"

/* Shown in quotes. */
static bool is_text(enum property_type type)
{
    return type == PROPERTY_STRING || property_is_reference(type);
}

static char *default_text(const struct property *p)
{
    if (p->type == PROPERTY_STRING) {
        return g_strdup(p->def_str);
    }
    return property_is_reference(p->type) ? NULL : property_number_text(p->type, p->def);
}

void device_print_help(const struct device_type *type, GString *out)
{
    const struct property *p;

    g_string_append_printf(out, "%s options:\n", type->name);
    for (unsigned i = 0; (p = property_at(type, i)); i++) {
        g_autofree char *left = g_strdup_printf("%s=<%s>", p->name, property_type_name(p->type));
        g_autofree char *def = default_text(p);

        g_string_append_printf(out, "  %-22s - %s", left, p->help ? p->help : "");
        /* A help text that tells the default means one that depends on others. */
        if (def && !(p->help && strstr(p->help, "default:"))) {
            g_string_append_printf(out, " (default: %s)", def);
        }
        g_string_append_c(out, '\n');
    }
}

void device_print_list(GString *out)
{
    for (unsigned i = 0; device_types[i]; i++) {
        const struct device_type *type = device_types[i];
        const char *alias = device_type_alias(type);

        if (!type->internal) {
            bool on_bus = type->bus != BUS_NONE;

            g_string_append_printf(out, "name \"%s\"%s%s%s%s%s, desc \"%s\"\n", type->name,
                                   on_bus ? ", bus " : "", on_bus ? bus_kind_names[type->bus] : "",
                                   alias ? ", alias \"" : "", alias ? alias : "", alias ? "\"" : "",
                                   type->summary);
        }
    }
}

static void print_bus(const struct bus *bus, unsigned indent, GString *out);

static void print_device(struct device *dev, unsigned indent, GString *out)
{
    const struct property *p;

    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "", dev->type->name,
                           dev->id ? dev->id : "");
    for (unsigned i = 0; (p = property_at(dev->type, i)); i++) {
        g_autofree char *value = device_get_property(dev, p->name);

        g_string_append_printf(out, "%*s%s = %s%s%s\n", indent + 2, "", p->name,
                               is_text(p->type) ? "\"" : "", value, is_text(p->type) ? "\"" : "");
    }
    for (const struct bus *bus = dev->machine->buses; bus; bus = bus->next) {
        if (bus->parent == dev) {
            print_bus(bus, indent + 2, out);
        }
    }
}

static void print_bus(const struct bus *bus, unsigned indent, GString *out)
{
    g_string_append_printf(out, "%*sbus: %s\n", indent, "", bus->name);
    g_string_append_printf(out, "%*stype %s\n", indent + 2, "", bus_kind_names[bus->kind]);
    for (unsigned i = 0; i < bus->devices->len; i++) {
        print_device(g_ptr_array_index(bus->devices, i), indent + 2, out);
    }
}

void device_print_tree(struct machine *m, GString *out)
{
    g_string_append(out, "bus: main-system-bus\n  type System\n");
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (!dev->bus) {
            print_device(dev, 2, out);
        }
    }
    for (const struct bus *bus = m->buses; bus; bus = bus->next) {
        if (!bus->parent) {
            print_bus(bus, 2, out);
        }
    }
}
