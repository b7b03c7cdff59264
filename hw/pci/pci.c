/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/pci.c: the bus and what every function on it shares: slots, header, capabilities, INTx.
 *
 * Invariants: irq_count[n] is the number of functions whose intx_driven is set and whose pin is
 *             routed to line n; only pci_update_intx changes either.
 * Thread:     under the machine lock.
 */
#include "hw/pci/pci.h"

#include <inttypes.h>
#include <string.h>
#include "hw/pci/bridge.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_internal.h"
#include "util/error.h"
#include "util/log.h"

/* intx_driven and the mappings are derived from these. */
const struct state_row pci_device_state[] = {
    { "config", STATE_BYTES, offsetof(struct pci_device, config), PCI_CONFIG_SIZE, 1, 1, NULL,
      "configuration space" },
    { "extended", STATE_BYTES, offsetof(struct pci_device, config) + PCI_CONFIG_SIZE,
      PCIE_CONFIG_SIZE - PCI_CONFIG_SIZE, 1, 2, NULL, "extended configuration space" },
    STATE_INT(struct pci_device, intx, 1, "the function requests an interrupt"),
    { 0 },
};

void pci_bus_setup(struct pci_bus *bus, struct machine *m, const char *name, struct device *parent,
                   struct mem_region *memory, struct mem_region *io)
{
    bus_init(&bus->bus, m, BUS_PCI, name, parent);
    bus->memory = memory;
    bus->io = io;
}

struct pci_bus *pci_bus_of(const struct pci_device *d)
{
    return (struct pci_bus *)d->dev.bus;
}

uint8_t pci_bus_number(const struct pci_bus *bus)
{
    return bus->bridge ? bus->bridge->config[PCI_SECONDARY] : bus->number;
}

/* As type 1 configuration cycles go: down through the bridge whose range holds the number. */
struct pci_device *pci_find(struct pci_bus *root, uint8_t bus, uint8_t devfn)
{
    if (bus == pci_bus_number(root)) {
        return root->functions[devfn];
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(root->functions); i++) {
        struct pci_device *d = root->functions[i];

        if (d && d->secondary && d->config[PCI_SECONDARY] && d->config[PCI_SECONDARY] <= bus &&
            bus <= d->config[PCI_SUBORDINATE]) {
            return pci_find(d->secondary, bus, devfn);
        }
    }
    return NULL;
}

/* The function that `d` asks for, or the first slot without any function when it asks for none. */
static bool choose_devfn(struct pci_bus *bus, struct pci_device *d, uint8_t *devfn, GError **error)
{
    struct pci_device *first;

    unsigned slots = bus->slots ? bus->slots : 32;

    if (d->addr < 0) {
        for (unsigned slot = 0; slot < slots; slot++) {
            if (!bus->functions[PCI_DEVFN(slot, 0)]) {
                *devfn = (uint8_t)PCI_DEVFN(slot, 0);
                return true;
            }
        }
        set_error(error,
                  slots > 1 ? "%s: all %u slots of %s are taken"
                            : "%s: the only slot (of %u) of %s is taken",
                  d->dev.type->name, slots, bus->bus.name);
        return false;
    }
    if (d->addr > 255) {
        set_error(error, "%s: addr is 0x%x, must be 0 to 1f.7", d->dev.type->name, d->addr);
        return false;
    }
    if (PCI_SLOT(d->addr) >= slots) {
        set_error(error, "%s: addr is 0x%x, and the slots of %s end at 0x%x", d->dev.type->name,
                  PCI_SLOT(d->addr), bus->bus.name, slots - 1);
        return false;
    }
    *devfn = (uint8_t)d->addr;
    if (bus->functions[*devfn]) {
        set_error(error, "%s: slot %x function %x of %s is taken by %s", d->dev.type->name,
                  PCI_SLOT(*devfn), PCI_FN(*devfn), bus->bus.name,
                  bus->functions[*devfn]->dev.type->name);
        return false;
    }
    first = bus->functions[*devfn & ~7u];
    if (PCI_FN(*devfn) && first && !(first->config[PCI_HEADER_TYPE] & PCI_HEADER_MULTI)) {
        set_error(error,
                  "%s: function 0 of slot %x of %s is %s, which does not share its slot; "
                  "give it multifunction=on",
                  d->dev.type->name, PCI_SLOT(*devfn), bus->bus.name, first->dev.type->name);
        return false;
    }
    return true;
}

static void fill_header(struct pci_device *d, const struct pci_ident *ident)
{
    bool subsys = ident->subsys_vendor || ident->subsys;

    memset(d->config, 0, sizeof(d->config));
    memset(d->wmask, 0, sizeof(d->wmask));
    memset(d->w1cmask, 0, sizeof(d->w1cmask));
    pci_config_store(d, PCI_VENDOR_ID, ident->vendor, 2);
    pci_config_store(d, PCI_DEVICE_ID, ident->device, 2);
    pci_config_store(d, PCI_STATUS, PCI_STATUS_MEDIUM, 2);
    pci_config_store(d, PCI_REVISION, ident->revision, 1);
    pci_config_store(d, PCI_PROG_IF, ident->prog_if, 1);
    pci_config_store(d, PCI_CLASS, ident->class, 2);
    pci_config_store(d, PCI_HEADER_TYPE, d->multifunction ? PCI_HEADER_MULTI : 0, 1);
    pci_config_store(d, PCI_SUBSYS_VENDOR,
                     subsys ? ident->subsys_vendor : PCI_DEFAULT_SUBSYS_VENDOR, 2);
    pci_config_store(d, PCI_SUBSYS_ID, subsys ? ident->subsys : PCI_DEFAULT_SUBSYS, 2);
    pci_config_store(d, PCI_INT_PIN, ident->int_pin, 1);

    pci_config_set_wmask(d, PCI_COMMAND,
                         PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                             PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_NO_INTX,
                         2);
    pci_config_set_wmask(d, PCI_CACHE_LINE, 0xff, 1);
    pci_config_set_wmask(d, PCI_LATENCY, 0xff, 1);
    pci_config_set_wmask(d, PCI_INT_LINE, 0xff, 1);
}

bool pci_device_setup(struct pci_device *d, const struct pci_ident *ident, GError **error)
{
    struct pci_bus *bus = pci_bus_of(d);
    uint8_t devfn;

    if (!bus || bus->bus.kind != BUS_PCI) {
        set_error(error, "%s: needs a PCI bus, and this machine has none", d->dev.type->name);
        return false;
    }
    if (!choose_devfn(bus, d, &devfn, error)) {
        return false;
    }
    fill_header(d, ident);
    d->config_used = PCI_CAP_START;
    d->extended_used = 0;
    d->devfn = devfn;
    d->intx = d->intx_driven = false;
    d->on_bus = true;
    bus->functions[devfn] = d;
    if (!pci_add_rom(d, ident->romfile, error)) {
        pci_device_teardown(d);
        return false;
    }
    return true;
}

void pci_device_teardown(struct pci_device *d)
{
    if (!d->on_bus) {
        return;
    }
    pci_set_intx(d, false);
    pci_unmap_bars(d);
    if (d->msix) {
        pci_msix_teardown(d->msix);
    }
    memset(d->bars, 0, sizeof(d->bars));
    mem_region_destroy(&d->rom);
    pci_bus_of(d)->functions[d->devfn] = NULL;
    d->on_bus = false;
}

void pci_device_reset(struct pci_device *d)
{
    pci_set_intx(d, false);
    for (unsigned i = 0; i < PCIE_CONFIG_SIZE; i++) {
        d->config[i] &= (uint8_t) ~(d->wmask[i] | d->w1cmask[i]);
    }
    pci_update_bars(d);
    if (d->msix) {
        pci_msix_reset(d->msix);
    }
}

bool pci_device_post_load(struct pci_device *d, GError **error)
{
    const struct pci_bus *bus = pci_bus_of(d);

    if (!bus) {
        return true;
    }
    /* The kind and the size of a BAR are this machine's, whatever the stream says. */
    for (unsigned i = 0; i <= PCI_BARS; i++) {
        const struct pci_bar *bar = &d->bars[i];
        unsigned off = i == PCI_BARS ? PCI_ROM_BAR : PCI_BAR0 + i * 4;

        if (bar->mr) {
            pci_config_store(d, off,
                             (pci_config_load(d, off, 4) & pci_mask_load(d, off)) | bar->type, 4);
        }
    }
    if (d->config[PCI_INT_PIN] > 4) {
        set_error(error, "%s: interrupt pin is %u, must be 0 to 4", d->dev.type->name,
                  d->config[PCI_INT_PIN]);
        return false;
    }
    pci_update_bars(d);
    pci_update_intx(d);
    return !d->msix || pci_msix_post_load(d->msix, error);
}

uint8_t pci_add_capability(struct pci_device *d, uint8_t id, unsigned size)
{
    unsigned off = d->config_used, link = PCI_CAP_PTR;

    size = (size + 3) & ~3u; /* 6.7: capabilities are DWORD aligned */
    if (off + size > PCI_CONFIG_SIZE) {
        return 0;
    }
    /* The list keeps the order of its making: find the last link.  It is ours, so it ends. */
    while (d->config[link]) {
        link = d->config[link] + 1u;
    }
    d->config[link] = (uint8_t)off;
    d->config[off] = id;
    d->config[off + 1] = 0;
    d->config_used = off + size;
    pci_config_store(d, PCI_STATUS, pci_config_load(d, PCI_STATUS, 2) | PCI_STATUS_CAPS, 2);
    return (uint8_t)off;
}

unsigned pci_add_extended(struct pci_device *d, uint16_t id, unsigned version, unsigned size)
{
    unsigned off = d->extended_used ? d->extended_used : PCI_CONFIG_SIZE, last = PCI_CONFIG_SIZE;
    uint32_t next;

    g_assert(size <= PCIE_CONFIG_SIZE - off);
    while (off > PCI_CONFIG_SIZE && (next = pci_config_load(d, last, 4) >> 20) != 0) {
        last = next;
    }
    if (off > PCI_CONFIG_SIZE) {
        pci_config_store(d, last, pci_config_load(d, last, 4) | off << 20, 4);
    }
    pci_config_store(d, off, id | version << 16, 4);
    d->extended_used = off + ((size + 3) & ~3u);
    return off;
}

void pci_bus_drive_pin(struct pci_bus *bus, unsigned slot, unsigned pin, bool level)
{
    unsigned line = bus->map_irq ? bus->map_irq(slot, pin) : (slot + pin) & 3;

    g_assert(line < PCI_BUS_LINES); /* the board's own wiring */
    bus->irq_count[line] += level ? 1u : -1u;
    irq_set(&bus->lines[line], bus->irq_count[line] > 0);
}

void pci_update_intx(struct pci_device *d)
{
    struct pci_bus *bus = pci_bus_of(d);
    uint16_t status = (uint16_t)pci_config_load(d, PCI_STATUS, 2);
    uint16_t command = (uint16_t)pci_config_load(d, PCI_COMMAND, 2);
    unsigned pin = d->config[PCI_INT_PIN];
    bool drive = d->intx && !(command & PCI_COMMAND_NO_INTX);

    status = (uint16_t)(d->intx ? status | PCI_STATUS_INTX : status & ~PCI_STATUS_INTX);
    pci_config_store(d, PCI_STATUS, status, 2);
    if (!bus || pin < 1 || pin > 4 || drive == d->intx_driven) {
        return;
    }
    d->intx_driven = drive;
    pci_bus_drive_pin(bus, PCI_SLOT(d->devfn), pin - 1, drive);
}

void pci_set_intx(struct pci_device *d, bool level)
{
    d->intx = level;
    pci_update_intx(d);
}

/*
 * Messages go to the interrupt controllers or to RAM.  A device's register is refused: one that
 * answers a write with a message would never end.
 */
static bool message_arrives(struct machine *m, uint64_t addr)
{
    const struct mem_section *section = address_space_lookup(&m->memory, addr);

    return (addr & ~0xfffffull) == 0xfee00000 || (section && section->ram);
}

/* The root bus, if bridges on the way let a function below be a master; else NULL. */
static struct pci_bus *root_for_master(struct pci_bus *bus)
{
    while (bus->bridge) {
        if (!(pci_config_load(bus->bridge, PCI_COMMAND, 2) & PCI_COMMAND_MASTER)) {
            return NULL;
        }
        bus = pci_bus_of(bus->bridge);
    }
    return bus;
}

bool pci_message_is_plain(const struct pci_device *d, uint64_t addr)
{
    struct pci_bus *bus = pci_bus_of(d);

    if (!bus || !(pci_config_load(d, PCI_COMMAND, 2) & PCI_COMMAND_MASTER)) {
        return false;
    }
    bus = root_for_master(bus);
    return bus && !bus->send_msi && addr >> 20 == 0xfee;
}

void pci_masters_changed(struct pci_bus *bus)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bus->functions); i++) {
        struct pci_device *d = bus->functions[i];

        if (d && d->msix) {
            pci_msix_update(d->msix);
        }
        if (d && d->secondary) {
            pci_masters_changed(d->secondary);
        }
    }
}

/* A message is a memory write: it needs bus mastering (6.2.2), of every bridge on its way too. */
void pci_send_message(struct pci_device *d, uint64_t addr, uint32_t data)
{
    struct pci_bus *bus = pci_bus_of(d);

    if (!bus || !(pci_config_load(d, PCI_COMMAND, 2) & PCI_COMMAND_MASTER)) {
        return;
    }
    bus = root_for_master(bus);
    if (!bus) {
        return;
    }
    if (bus->send_msi) {
        bus->send_msi(bus->msi_opaque, addr, data);
    } else if (message_arrives(d->dev.machine, addr)) {
        address_space_store(&d->dev.machine->memory, addr, data, 4);
    } else {
        log_line(LOG_GUEST_ERRORS, "%s: a message to 0x%" PRIx64 " arrives nowhere",
                 d->dev.type->name, addr);
    }
}
