/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/bridge.c: see bridge.h.
 *
 * Invariants: `mapped` is what `windows` show on the primary side.  The secondary bus's four lines
 *             are the bridge's four pins (9.1: devices are swizzled on the way).
 * Thread:     under the machine lock.
 */
#include "hw/pci/bridge.h"

#include <inttypes.h>
#include "util/log.h"

static const struct pci_range no_range = { UINT64_MAX, 0 };

struct pci_range pci_bridge_range(const struct pci_device *d, enum pci_window window)
{
    uint64_t first, last;

    if (window == PCI_WINDOW_IO) { /* 3.2.5.6: steps of 4 KiB, 16 bits */
        return (struct pci_range){ (d->config[PCI_IO_BASE] & 0xf0u) << 8,
                                   (d->config[PCI_IO_LIMIT] & 0xf0u) << 8 | 0xfff };
    }
    if (window == PCI_WINDOW_MEMORY) { /* 3.2.5.8: steps of 1 MiB */
        return (struct pci_range){ (pci_config_load(d, PCI_MEMORY_BASE, 2) & 0xfff0u) << 16,
                                   (pci_config_load(d, PCI_MEMORY_LIMIT, 2) & 0xfff0u) << 16 |
                                       0xfffff };
    }
    first = (pci_config_load(d, PCI_PREFETCH_BASE, 2) & 0xfff0u) << 16;
    last = (pci_config_load(d, PCI_PREFETCH_LIMIT, 2) & 0xfff0u) << 16 | 0xfffff;
    first |= (uint64_t)pci_config_load(d, PCI_PREFETCH_BASE_HIGH, 4) << 32;
    last |= (uint64_t)pci_config_load(d, PCI_PREFETCH_LIMIT_HIGH, 4) << 32;
    return (struct pci_range){ first, last };
}

static struct pci_range wanted_range(const struct pci_bridge *b, enum pci_window window)
{
    uint32_t command = pci_config_load(&b->pci, PCI_COMMAND, 2);
    struct pci_range r = pci_bridge_range(&b->pci, window);
    bool enabled = command & (window == PCI_WINDOW_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);

    /* A window over everything is one that nobody has set up. */
    return !enabled || r.first > r.last || r.last - r.first == UINT64_MAX ? no_range : r;
}

static void map_window(struct pci_bridge *b, enum pci_window window, struct pci_range r)
{
    static const char *const names[] = { "pci-bridge-io", "pci-bridge-mem", "pci-bridge-pref" };
    struct pci_bus *primary = pci_bus_of(&b->pci);
    struct mem_region *mr = &b->windows[window];
    bool io = window == PCI_WINDOW_IO;

    if (b->mapped[window].first <= b->mapped[window].last) {
        mem_region_destroy(mr);
    }
    b->mapped[window] = r;
    if (r.first <= r.last) {
        mem_region_init_alias(mr, b->pci.dev.machine, names[window], io ? &b->io : &b->memory,
                              r.first, r.last - r.first + 1);
        mem_region_add(io ? primary->io : primary->memory, r.first, mr, 1);
        log_line(LOG_DEVICE, "%s: window 0x%" PRIx64 "-0x%" PRIx64, b->bus_name, r.first, r.last);
    }
}

/* A rising reset line resets what is behind the bridge (3.2.5.18). */
static void update_secondary_reset(struct pci_bridge *b)
{
    bool reset = b->pci.config[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_RESET;

    if (reset && !b->in_reset) {
        iothread_pause_all(b->pci.dev.machine);
        for (unsigned i = 0; i < G_N_ELEMENTS(b->bus.functions); i++) {
            struct pci_device *d = b->bus.functions[i];

            if (d && d->dev.type->reset) {
                d->dev.type->reset(&d->dev);
            }
        }
        iothread_resume_all(b->pci.dev.machine);
    }
    b->in_reset = reset;
}

void pci_bridge_update(struct pci_bridge *b)
{
    mem_transaction_begin(b->pci.dev.machine);
    for (unsigned i = 0; i < PCI_WINDOWS; i++) {
        struct pci_range r = wanted_range(b, (enum pci_window)i);

        if (r.first != b->mapped[i].first || r.last != b->mapped[i].last) {
            map_window(b, (enum pci_window)i, r);
        }
    }
    mem_transaction_commit(b->pci.dev.machine);
    update_secondary_reset(b);
}

/* A line of the secondary bus is a pin of the bridge; the primary bus is told of changes only. */
static void line_changed(void *opaque, int n, bool level)
{
    struct pci_bridge *b = opaque;

    if (level != (b->levels >> n & 1)) {
        b->levels ^= (uint8_t)(1u << n);
        pci_bus_drive_pin(pci_bus_of(&b->pci), PCI_SLOT(b->pci.devfn), (unsigned)n, level);
    }
}

static void make_header(struct pci_device *d)
{
    d->config[PCI_HEADER_TYPE] |= PCI_HEADER_BRIDGE;
    pci_config_store(d, PCI_SUBSYS_VENDOR, 0, 4); /* a window's register in this header */
    pci_config_store(d, PCI_PREFETCH_BASE, 1, 2); /* 64 bits */
    pci_config_store(d, PCI_PREFETCH_LIMIT, 1, 2);
    pci_config_set_wmask(d, PCI_PRIMARY, 0xffffffff, 4);
    pci_config_set_wmask(d, PCI_IO_BASE, 0xf0f0, 2);
    pci_config_set_wmask(d, PCI_MEMORY_BASE, 0xfff0fff0, 4);
    pci_config_set_wmask(d, PCI_PREFETCH_BASE, 0xfff0fff0, 4);
    pci_config_set_wmask(d, PCI_PREFETCH_BASE_HIGH, 0xffffffff, 4);
    pci_config_set_wmask(d, PCI_PREFETCH_LIMIT_HIGH, 0xffffffff, 4);
    pci_config_set_wmask(d, PCI_BRIDGE_CONTROL, 0x0fff & ~0x0400u, 2);
    d->w1cmask[PCI_SECONDARY_STATUS + 1] = 0xf9;
}

void pci_bridge_setup(struct pci_bridge *b, uint8_t slots)
{
    struct pci_device *d = &b->pci;
    struct machine *m = d->dev.machine;

    make_header(d);
    b->bus_name = d->dev.id ? g_strdup(d->dev.id)
                            : g_strdup_printf("%s.%02x.%x", d->dev.type->name, PCI_SLOT(d->devfn),
                                              PCI_FN(d->devfn));
    mem_region_init_container(&b->memory, m, b->bus_name, UINT64_MAX);
    mem_region_init_container(&b->io, m, b->bus_name, 0x10000);
    pci_bus_setup(&b->bus, m, b->bus_name, &d->dev, &b->memory, &b->io);
    b->bus.bridge = d;
    b->bus.slots = slots;
    for (int i = 0; i < 4; i++) {
        b->bus.lines[i] = (struct irq){ line_changed, b, i };
    }
    for (unsigned i = 0; i < PCI_WINDOWS; i++) {
        b->mapped[i] = no_range;
    }
    d->secondary = &b->bus;
}

void pci_bridge_teardown(struct pci_bridge *b)
{
    if (!b->pci.secondary) {
        return;
    }
    mem_transaction_begin(b->pci.dev.machine);
    for (unsigned i = 0; i < PCI_WINDOWS; i++) {
        map_window(b, (enum pci_window)i, no_range);
    }
    mem_region_destroy(&b->memory);
    mem_region_destroy(&b->io);
    mem_transaction_commit(b->pci.dev.machine);
    b->pci.secondary = NULL;
    bus_destroy(&b->bus.bus);
    g_free(b->bus_name);
    b->bus_name = NULL;
}
