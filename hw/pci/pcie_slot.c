/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/pci/pcie_slot.c: see pcie_slot.h, also for the thread. */
#include "hw/pci/pcie_slot.h"

#include "softmmu/hotplug.h"
#include "util/error.h"

/* clang-format off */
/* Slot: attention button, power controller, both indicators, surprise, hot-plug, no completion. */
#define CAP_HOTPLUG     (1u | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 18)
#define CAP_NUMBER_SHIFT 19
enum slot_control {
    CONTROL_INTERRUPT = 1 << 5, CONTROL_INDICATOR = 3 << 8, CONTROL_BLINK = 2 << 8, CONTROL_NO_POWER = 1 << 10,
    CONTROL_LINK_EVENT = 1 << 12, CONTROL_WRITABLE = 0x17ff,
    CONTROL_RESET = 0x03c0,     /* both indicators off, power on (7.8.10) */
};
#define CONTROL_OFF (CONTROL_INDICATOR | CONTROL_NO_POWER)
enum slot_status {              /* the first five are enabled by the same bits of the control register */
    STATUS_BUTTON = 1 << 0, STATUS_PRESENCE = 1 << 3, STATUS_EVENTS = 0x1f, STATUS_PRESENT = 1 << 6,
    STATUS_LINK_EVENT = 1 << 8,
};
#define LINK_ACTIVE     0x2000u
/* clang-format on */

#define FUNCTIONS 8

static bool occupied(const struct pcie_slot *s)
{
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        if (s->bus->functions[i]) {
            return true;
        }
    }
    return false;
}

static uint16_t load(const struct pcie_slot *s, enum express_register reg)
{
    return (uint16_t)pci_config_load(s->port, s->cap + (unsigned)reg, 2);
}

static void update_interrupt(struct pcie_slot *s)
{
    uint16_t status = load(s, EXP_SLOT_STATUS), control = load(s, EXP_SLOT_CONTROL);
    bool event = (status & control & STATUS_EVENTS) ||
                 (status & STATUS_LINK_EVENT && control & CONTROL_LINK_EVENT);
    bool level = event && control & CONTROL_INTERRUPT, rises = level && !s->interrupt;

    s->interrupt = level;
    if (pci_msi_enabled(s->port)) {
        level = false;
        if (rises) {
            pci_msi_send(s->port, 0);
        }
    }
    if (level != s->port->intx) {
        pci_set_intx(s->port, level);
    }
}

static void add_event(struct pcie_slot *s, uint16_t bits)
{
    pci_config_store(s->port, s->cap + EXP_SLOT_STATUS, load(s, EXP_SLOT_STATUS) | bits, 2);
    update_interrupt(s);
}

static void remove_all(struct pcie_slot *s)
{
    for (unsigned i = FUNCTIONS; i-- > 0;) {
        if (s->bus->functions[i]) {
            device_remove(&s->bus->functions[i]->dev);
        }
    }
    add_event(s, STATUS_PRESENCE | STATUS_LINK_EVENT);
}

/* Other functions may come before function 0, which makes the card complete. */
static void plugged(struct bus *bus, struct device *dev)
{
    if (PCI_FN(((struct pci_device *)dev)->devfn) == 0) {
        add_event(bus->hotplug_opaque, STATUS_PRESENCE | STATUS_LINK_EVENT);
    }
}

/* A second press of the button would take the first one back (6.7.1.5). */
static bool unplug(struct bus *bus, struct device *dev, GError **error)
{
    struct pcie_slot *s = bus->hotplug_opaque;
    uint16_t control = load(s, EXP_SLOT_CONTROL);

    if (load(s, EXP_SLOT_STATUS) & STATUS_BUTTON ||
        (control & CONTROL_INDICATOR) == CONTROL_BLINK) {
        set_error(error, "Device %s is already in the process of unplug", dev->id);
        return false;
    }
    if ((control & CONTROL_OFF) == CONTROL_OFF) { /* nobody uses it */
        remove_all(s);
    } else {
        add_event(s, STATUS_BUTTON);
    }
    return true;
}

static const struct hotplug_ops hotplug_ops = { plugged, unplug };

void pcie_slot_setup(struct pcie_slot *s, struct pci_device *port, struct pci_bus *bus, uint8_t cap,
                     unsigned number, bool hotplug)
{
    *s = (struct pcie_slot){ port, bus, cap, hotplug, 0, false };
    pci_config_store(port, cap + EXP_SLOT_CAP,
                     (hotplug ? CAP_HOTPLUG : 0) | (number & 0x1fff) << CAP_NUMBER_SHIFT, 4);
    pci_config_set_wmask(port, cap + EXP_SLOT_CONTROL, hotplug ? CONTROL_WRITABLE : 0, 2);
    pci_config_store(port, cap + EXP_SLOT_STATUS, 0, 2);
    port->w1cmask[cap + EXP_SLOT_STATUS] = STATUS_EVENTS;
    port->w1cmask[cap + EXP_SLOT_STATUS + 1] = STATUS_LINK_EVENT >> 8;
    if (hotplug) {
        bus->bus.hotplug = &hotplug_ops;
        bus->bus.hotplug_opaque = s;
    }
}

void pcie_slot_reset(struct pcie_slot *s)
{
    if (s->hotplug) {
        pci_config_store(s->port, s->cap + EXP_SLOT_CONTROL, CONTROL_RESET, 2);
    }
    s->control = load(s, EXP_SLOT_CONTROL);
    update_interrupt(s);
}

void pcie_slot_post_load(struct pcie_slot *s)
{
    s->control = load(s, EXP_SLOT_CONTROL);
    s->interrupt = false;
    update_interrupt(s);
}

uint32_t pcie_slot_config_read(const struct pcie_slot *s, unsigned off, unsigned size, uint32_t v)
{
    for (unsigned i = 0; i < size; i++) {
        if (off + i == s->cap + (unsigned)EXP_SLOT_STATUS && occupied(s)) {
            v |= STATUS_PRESENT << (8 * i);
        } else if (off + i == s->cap + EXP_LINK_STATUS + 1u && occupied(s)) {
            v |= (LINK_ACTIVE >> 8) << (8 * i);
        }
    }
    return v;
}

void pcie_slot_config_written(struct pcie_slot *s)
{
    uint16_t old = s->control;

    s->control = load(s, EXP_SLOT_CONTROL);
    update_interrupt(s);
    if ((s->control & CONTROL_OFF) == CONTROL_OFF && (old & CONTROL_OFF) != CONTROL_OFF &&
        s->hotplug && occupied(s)) {
        remove_all(s);
    }
}
