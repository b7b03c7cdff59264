/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/bus.c: a bus, its ports and hubs' ports, which device is where, `info usb`.
 * Invariants and thread: usb.h.
 */
#include <stdio.h>
#include <string.h>
#include "hw/usb/desc.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"

static const struct {
    const char *name, *megabits;
} speeds[USB_SPEEDS] = {
    [USB_LOW] = { "low", "1.5" },
    [USB_FULL] = { "full", "12" },
    [USB_HIGH] = { "high", "480" },
    [USB_SUPER] = { "super", "5000" },
};

/* The bus --------------------------------------------------------------------------------------- */

/* The guest need not agree: people pull plugs. */
static bool unplug(struct bus *bus, struct device *dev, GError **error)
{
    (void)bus;
    (void)error;
    device_remove(dev);
    return true;
}

static const struct hotplug_ops hotplug_ops = { .unplug = unplug };

void usb_bus_init(struct usb_bus *bus, struct device *controller, const struct usb_bus_ops *ops,
                  void *opaque)
{
    unsigned n = 0;

    for (const struct bus *b = controller->machine->buses; b; b = b->next) {
        n += b->kind == BUS_USB;
    }
    bus->number = n;
    bus->name =
        controller->id ? g_strdup_printf("%s.0", controller->id) : g_strdup_printf("usb-bus.%u", n);
    bus->ops = ops;
    bus->opaque = opaque;
    bus->ports = NULL;
    bus_init(&bus->bus, controller->machine, BUS_USB, bus->name, controller);
    bus->bus.hotplug = &hotplug_ops;
}

void usb_bus_destroy(struct usb_bus *bus)
{
    /* The last first: what is behind a hub was plugged in after it. */
    for (unsigned i = bus->bus.devices->len; i-- > 0;) {
        struct device *dev = g_ptr_array_index(bus->bus.devices, i);

        if (dev->realized) { /* else the whole machine is being freed */
            device_free(dev);
            i = bus->bus.devices->len;
        }
    }
    bus_destroy(&bus->bus);
    g_free(bus->name);
}

/* Ports ----------------------------------------------------------------------------------------- */

void usb_port_init(struct usb_port *port, struct usb_bus *bus, struct usb_device *hub,
                   unsigned index, unsigned allowed, const struct usb_port_ops *ops, void *opaque)
{
    struct usb_port **link = &bus->ports;

    *port = (struct usb_port){ .bus = bus,
                               .ops = ops,
                               .opaque = opaque,
                               .index = index,
                               .speeds = allowed,
                               .hub = hub,
                               .root = index + 1 };
    if (hub) {
        const struct usb_port *up = hub->port;

        port->depth = up->depth + 1;
        port->root = up->root;
        port->route = up->route | (index + 1) << 4 * up->depth;
        snprintf(port->path, sizeof(port->path), "%.*s.%u", (int)sizeof(port->path) - 12, up->path,
                 index + 1);
    } else {
        snprintf(port->path, sizeof(port->path), "%u", index + 1);
    }
    while (*link) {
        link = &(*link)->next;
    }
    *link = port;
}

void usb_port_destroy(struct usb_port *port)
{
    struct usb_port **link = port->bus ? &port->bus->ports : NULL;

    while (link && *link && *link != port) {
        link = &(*link)->next;
    }
    if (link && *link) {
        *link = port->next;
    }
    memset(port, 0, sizeof(*port));
}

struct usb_port *usb_port_at(struct usb_bus *bus, unsigned root, uint32_t route)
{
    struct usb_port *port = bus->ports;

    while (port && (port->root != root || port->route != route)) {
        port = port->next;
    }
    return port;
}

struct usb_device *usb_find_address(struct usb_port *port, unsigned addr)
{
    if (!port->dev || !usb_hub_port_enabled(port)) {
        return NULL;
    }
    if (port->dev->addr == addr) {
        return port->dev;
    }
    for (struct usb_port *p = port->bus->ports; p; p = p->next) {
        struct usb_device *d = p->hub == port->dev ? usb_find_address(p, addr) : NULL;

        if (d) {
            return d;
        }
    }
    return NULL;
}

void usb_reset_port(struct usb_port *port)
{
    if (port->dev) {
        usb_device_reset(port->dev);
    }
}

/* Devices --------------------------------------------------------------------------------------- */

static unsigned speeds_of(const struct usb_desc *desc)
{
    unsigned mask = 0;

    for (unsigned s = 0; s < USB_SPEEDS; s++) {
        mask |= desc->configs[s] ? 1u << s : 0;
    }
    return mask;
}

static char *speed_names(unsigned mask)
{
    GString *text = g_string_new(NULL);

    for (unsigned s = 0; s < USB_SPEEDS; s++) {
        if (mask >> s & 1) {
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", speeds[s].name);
        }
    }
    return g_string_free(text, FALSE);
}

static struct usb_port *find_port(struct usb_device *d, struct usb_bus *bus, GError **error)
{
    const char *name = d->dev.type->name;
    unsigned mask = speeds_of(d->desc);
    struct usb_port *port = bus->ports;

    if (!d->wanted_port) {
        while (port && (port->dev || !(port->speeds & mask))) {
            port = port->next;
        }
        if (!port) {
            set_error(error, "%s: no free port on bus %s; a usb-hub gives more", name, bus->name);
        }
        return port;
    }
    while (port && strcmp(port->path, d->wanted_port) != 0) {
        port = port->next;
    }
    if (!port) {
        set_error(error, "%s: bus %s has no port '%s'", name, bus->name, d->wanted_port);
    } else if (port->dev) {
        set_error(error, "%s: port '%s' of bus %s has a %s", name, port->path, bus->name,
                  port->dev->dev.type->name);
        port = NULL;
    } else if (!(port->speeds & mask)) {
        g_autofree char *mine = speed_names(mask), *its = speed_names(port->speeds);

        set_error(error, "%s: its speeds are %s, those of port '%s' of bus %s %s", name, mine,
                  port->path, bus->name, its);
        port = NULL;
    }
    return port;
}

/*
 * The last free port gets a hub, so that more devices find one; not before a device that is as fast as no hub
 * here is.
 */
static bool add_hub(struct usb_device *d, struct usb_bus *bus, GError **error)
{
    unsigned mask = speeds_of(d->desc), n_free = 0;
    bool fast = mask >> USB_SUPER & 1;

    for (const struct usb_port *port = bus->ports; port; port = port->next) {
        n_free += !port->dev;
        fast &= port->dev || port->speeds >> USB_SUPER & 1;
    }
    if (d->wanted_port || n_free != 1 || fast || !(mask & USB_UP_TO_FULL) ||
        d->dev.type == &usb_hub_type) {
        return true;
    }
    return device_create(d->dev.machine, &usb_hub_type, &bus->bus, error) != NULL;
}

void usb_choose_speed(struct usb_device *d, unsigned allowed)
{
    unsigned mask = speeds_of(d->desc) & allowed;

    d->speed = mask ? (enum usb_speed)(31 - __builtin_clz(mask)) : d->speed;
}

bool usb_device_setup(struct usb_device *d, const struct usb_ops *ops, GError **error)
{
    struct usb_port *port;

    d->ops = ops;
    d->desc = d->desc ? d->desc : ops->desc;
    port = add_hub(d, (struct usb_bus *)d->dev.bus, error)
               ? find_port(d, (struct usb_bus *)d->dev.bus, error)
               : NULL;
    if (!port) {
        return false;
    }
    usb_choose_speed(d, port->speeds);
    d->port = port;
    port->dev = d;
    if (!d->wanted_port) {
        d->wanted_port = g_strdup(port->path);
    }
    usb_device_reset(d);
    port->ops->attach(port);
    return true;
}

void usb_device_teardown(struct usb_device *d)
{
    struct usb_port *port = d->port;

    if (port) {
        port->ops->detach(port);
        port->dev = NULL;
        d->port = NULL;
    }
}

/* `info usb` ------------------------------------------------------------------------------------ */

void usb_print(struct machine *m, GString *out)
{
    bool any = false;

    for (const struct bus *b = m->buses; b; b = b->next) {
        const struct usb_bus *bus = (const struct usb_bus *)b;

        any |= b->kind == BUS_USB;
        for (unsigned i = 0; b->kind == BUS_USB && i < b->devices->len; i++) {
            const struct usb_device *d = g_ptr_array_index(b->devices, i);

            g_string_append_printf(out, "  Device %u.%u, Port %s, Speed %s Mb/s, Product %s%s%s\n",
                                   bus->number, d->addr, d->port->path, speeds[d->speed].megabits,
                                   d->desc->product_name, d->dev.id ? ", ID: " : "",
                                   d->dev.id ? d->dev.id : "");
        }
    }
    if (!any) {
        g_string_append(out, "USB support not enabled\n");
    }
}
