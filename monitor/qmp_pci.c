/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_pci.c: query-pci.
 * Thread: main loop, machine lock held.
 */
#include "hw/pci/bridge.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"

#define MAX_DEPTH 16u

static json_t *describe_bars(const struct pci_device *d)
{
    json_t *list = json_array();

    for (unsigned n = 0; n <= PCI_BARS; n++) {
        const struct pci_bar *bar = &d->bars[n];
        bool io = bar->type & PCI_BAR_IO;
        json_t *region;

        if (!bar->mr) {
            continue;
        }
        region = json_pack("{s:i, s:s, s:I, s:I}", "bar", (int)n, "type", io ? "io" : "memory",
                           "address", (json_int_t)bar->mapped, "size", (json_int_t)bar->size);
        if (!io) {
            json_object_set_new(region, "prefetch", json_boolean(bar->type & PCI_BAR_PREFETCH));
            json_object_set_new(region, "mem_type_64", json_boolean(bar->type & PCI_BAR_MEM64));
        }
        json_array_append_new(list, region);
    }
    return list;
}

static json_t *describe_range(const struct pci_device *d, enum pci_window window)
{
    struct pci_range range = pci_bridge_range(d, window);

    return json_pack("{s:I, s:I}", "base", (json_int_t)range.first, "limit",
                     (json_int_t)range.last);
}

static json_t *describe_bus(const struct pci_bus *bus, unsigned depth);

static json_t *describe_bridge(const struct pci_device *d, unsigned depth)
{
    json_t *bridge = json_pack(
        "{s:{s:i, s:i, s:i, s:o, s:o, s:o}}", "bus", "number", d->config[PCI_PRIMARY], "secondary",
        d->config[PCI_SECONDARY], "subordinate", d->config[PCI_SUBORDINATE], "io_range",
        describe_range(d, PCI_WINDOW_IO), "memory_range", describe_range(d, PCI_WINDOW_MEMORY),
        "prefetchable_range", describe_range(d, PCI_WINDOW_PREFETCH));

    if (depth < MAX_DEPTH) {
        json_object_set_new(bridge, "devices", describe_bus(d->secondary, depth + 1));
    }
    return bridge;
}

static json_t *describe_function(const struct pci_bus *bus, const struct pci_device *d,
                                 unsigned depth)
{
    unsigned class = pci_config_load(d, PCI_CLASS, 2), pin = d->config[PCI_INT_PIN];
    json_t *id = json_pack("{s:i, s:i}", "device", (int)pci_config_load(d, PCI_DEVICE_ID, 2),
                           "vendor", (int)pci_config_load(d, PCI_VENDOR_ID, 2));

    if (!d->secondary) {
        json_object_set_new(id, "subsystem", json_integer(pci_config_load(d, PCI_SUBSYS_ID, 2)));
        json_object_set_new(id, "subsystem-vendor",
                            json_integer(pci_config_load(d, PCI_SUBSYS_VENDOR, 2)));
    }
    return json_pack("{s:i, s:i, s:i, s:{s:s*, s:i}, s:o, s:o*, s:i, s:o, s:o*, s:o}", "bus",
                     (int)pci_bus_number(bus), "slot", PCI_SLOT(d->devfn), "function",
                     PCI_FN(d->devfn), "class_info", "desc", pci_class_name((uint16_t) class),
                     "class", (int)class, "id", id, "irq",
                     pin ? json_integer(d->config[PCI_INT_LINE]) : NULL, "irq_pin", (int)pin,
                     "qdev_id", qmp_text(d->dev.id), "pci_bridge",
                     d->secondary ? describe_bridge(d, depth) : NULL, "regions", describe_bars(d));
}

static json_t *describe_bus(const struct pci_bus *bus, unsigned depth)
{
    json_t *list = json_array();

    for (unsigned devfn = 0; devfn < G_N_ELEMENTS(bus->functions); devfn++) {
        if (bus->functions[devfn]) {
            json_array_append_new(list, describe_function(bus, bus->functions[devfn], depth));
        }
    }
    return list;
}

/* Buses without a bridge above them. */
bool qmp_query_pci(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)error;
    *result = json_array();
    for (struct bus *b = qmp_machine(s)->buses; b; b = b->next) {
        const struct pci_bus *bus = (const struct pci_bus *)b;

        if (b->kind == BUS_PCI && !bus->bridge) {
            json_array_append_new(*result, json_pack("{s:i, s:o}", "bus", (int)pci_bus_number(bus),
                                                     "devices", describe_bus(bus, 0)));
        }
    }
    return true;
}
