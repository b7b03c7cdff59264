/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/acpi_pci_hotplug.c: see acpi_pci_hotplug.h, also for the thread. */
#include "hw/i386/acpi_pci_hotplug.h"

#include "softmmu/hotplug.h"
#include "util/log.h"

#define SLOTS     32u
#define FUNCTIONS 8u

static bool is_fixed(const struct pci_device *d)
{
    return d->dev.type->internal || d->dev.type->cold_only;
}

/* One bit for each slot that is empty or may become so. */
static uint32_t removable(const struct acpi_pci_hotplug *s)
{
    uint32_t slots = UINT32_MAX;

    for (unsigned i = 0; i < SLOTS * FUNCTIONS; i++) {
        if (s->bus->functions[i] && is_fixed(s->bus->functions[i])) {
            slots &= ~(1u << i / FUNCTIONS);
        }
    }
    return slots;
}

static void eject(struct acpi_pci_hotplug *s, uint32_t slots)
{
    slots &= removable(s);
    for (unsigned i = SLOTS * FUNCTIONS; i-- > 0;) {
        if (slots >> i / FUNCTIONS & 1 && s->bus->functions[i]) {
            device_remove(&s->bus->functions[i]->dev);
        }
    }
    s->up &= ~slots;
    s->down &= ~slots;
}

static uint64_t ports_read(void *opaque, uint64_t off, unsigned size)
{
    struct acpi_pci_hotplug *s = opaque;
    uint32_t up;

    (void)size;
    if (off == PCI_HOTPLUG_BUS) {
        return s->select;
    }
    if (s->select != 0) {
        return 0;
    }
    switch (off) {
    case PCI_HOTPLUG_UP: /* the system knows now */
        up = s->up;
        s->up = 0;
        return up;
    case PCI_HOTPLUG_DOWN:
        return s->down;
    case PCI_HOTPLUG_REMOVABLE:
        return removable(s);
    default: /* features: none */
        return 0;
    }
}

static void ports_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct acpi_pci_hotplug *s = opaque;

    (void)size;
    if (off == PCI_HOTPLUG_BUS) {
        s->select = (uint32_t)value;
    } else if (off == PCI_HOTPLUG_EJECT && s->select == 0) {
        eject(s, (uint32_t)value);
    } else {
        log_line(LOG_GUEST_ERRORS, "ACPI PCI hotplug: write of 0x%x at offset 0x%x",
                 (unsigned)value, (unsigned)off);
    }
}

static const struct mem_ops ports_ops = {
    .read = ports_read, .write = ports_write, .min_size = 4, .max_size = 4
};

static uint32_t slot_bit(const struct device *dev)
{
    return 1u << PCI_SLOT(((const struct pci_device *)dev)->devfn);
}

static void plugged(struct bus *bus, struct device *dev)
{
    struct acpi_pci_hotplug *s = bus->hotplug_opaque;

    s->up |= slot_bit(dev);
    acpi_pm_gpe_event(s->pm, ACPI_PCI_HOTPLUG_GPE);
}

/* May be asked again: a system that boots loses the event. */
static bool unplug(struct bus *bus, struct device *dev, GError **error)
{
    struct acpi_pci_hotplug *s = bus->hotplug_opaque;

    (void)error;
    s->up &= ~slot_bit(dev);
    s->down |= slot_bit(dev);
    acpi_pm_gpe_event(s->pm, ACPI_PCI_HOTPLUG_GPE);
    return true;
}

static const struct hotplug_ops hotplug_ops = { plugged, unplug };

/* What was to go is gone for the system that boots; one that wakes goes on where it was. */
static void machine_was_reset(void *opaque)
{
    struct acpi_pci_hotplug *s = opaque;

    s->select = 0;
    if (!s->pm->machine->waking) {
        eject(s, s->down);
        s->up = s->down = 0;
    }
}

void acpi_pci_hotplug_init(struct acpi_pci_hotplug *s, struct acpi_pm *pm, struct pci_bus *bus)
{
    struct machine *m = pm->machine;

    *s = (struct acpi_pci_hotplug){ .pm = pm, .bus = bus };
    bus->bus.hotplug = &hotplug_ops;
    bus->bus.hotplug_opaque = s;
    mem_region_init_mmio(&s->ports, m, "acpi-pci-hotplug", &ports_ops, s, PCI_HOTPLUG_SIZE);
    mem_region_add(&m->system_io, ACPI_PCI_HOTPLUG_PORT, &s->ports, 0);
    machine_add_reset_hook(m, machine_was_reset, s);
}

void acpi_pci_hotplug_destroy(struct acpi_pci_hotplug *s)
{
    mem_region_destroy(&s->ports);
}

const struct state_row acpi_pci_hotplug_state[] = {
    STATE_INT(struct acpi_pci_hotplug, up, 1, "slots with a new device"),
    STATE_INT(struct acpi_pci_hotplug, down, 1, "slots whose device is to go"),
    STATE_INT(struct acpi_pci_hotplug, select, 1, "selected bus"),
    { 0 },
};
