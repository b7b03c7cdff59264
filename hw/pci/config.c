/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/config.c: configuration space: accesses through the write masks, and the BARs that follow.
 *
 * Invariants: no access leaves the function's 256 or 4096 bytes; a bit outside wmask and w1cmask is the device's own.
 * Thread:     under the machine lock.
 */
#include "hw/pci/pci.h"

#include <inttypes.h>
#include "hw/pci/msix.h"
#include "hw/pci/pci_internal.h"
#include "util/log.h"

uint32_t pci_config_load(const struct pci_device *d, unsigned off, unsigned size)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < size && off + i < PCIE_CONFIG_SIZE; i++) {
        v |= (uint32_t)d->config[off + i] << (8 * i);
    }
    return v;
}

void pci_config_store(struct pci_device *d, unsigned off, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size && off + i < PCIE_CONFIG_SIZE; i++) {
        d->config[off + i] = (uint8_t)(value >> (8 * i));
    }
}

void pci_config_set_wmask(struct pci_device *d, unsigned off, uint32_t mask, unsigned size)
{
    for (unsigned i = 0; i < size && off + i < PCIE_CONFIG_SIZE; i++) {
        d->wmask[off + i] = (uint8_t)(mask >> (8 * i));
    }
}

uint32_t pci_mask_load(const struct pci_device *d, unsigned off)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 4 && off + i < PCIE_CONFIG_SIZE; i++) {
        v |= (uint32_t)d->wmask[off + i] << (8 * i);
    }
    return v;
}

static bool access_ok(const struct pci_device *d, unsigned off, unsigned size)
{
    unsigned end = d->extended_used ? PCIE_CONFIG_SIZE : PCI_CONFIG_SIZE;

    return (size == 1 || size == 2 || size == 4) && off < end && size <= end - off;
}

uint32_t pci_config_read(struct pci_device *d, unsigned off, unsigned size)
{
    if (!access_ok(d, off, size)) {
        return UINT32_MAX;
    }
    return d->config_read ? d->config_read(d, off, size) : pci_config_load(d, off, size);
}

/* Does the access touch [first, first + n)? */
static bool touches(unsigned off, unsigned size, unsigned first, unsigned n)
{
    return off < first + n && first < off + size;
}

void pci_config_write(struct pci_device *d, unsigned off, uint32_t value, unsigned size)
{
    if (!access_ok(d, off, size)) {
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        uint8_t v = (uint8_t)(value >> (8 * i)), *reg = &d->config[off + i];
        uint8_t wmask = d->wmask[off + i];

        *reg = (uint8_t)((*reg & ~wmask) | (v & wmask));
        *reg &= (uint8_t) ~(v & d->w1cmask[off + i]);
    }
    if (touches(off, size, PCI_COMMAND, 2) || touches(off, size, PCI_BAR0, PCI_BARS * 4) ||
        touches(off, size, PCI_ROM_BAR, 4)) {
        pci_update_bars(d);
    }
    if (touches(off, size, PCI_COMMAND, 2)) {
        pci_update_intx(d);
        if (d->secondary) {
            pci_masters_changed(d->secondary);
        }
    }
    if (d->msix) {
        pci_msix_update(d->msix);
    }
    if (d->config_written) {
        d->config_written(d, off, size);
    }
}

void pci_add_bar(struct pci_device *d, unsigned n, unsigned type, struct mem_region *mr,
                 uint64_t size)
{
    struct pci_bar *bar = &d->bars[n];
    uint64_t mask = ~(size - 1);
    unsigned off = n == PCI_BARS ? PCI_ROM_BAR : PCI_BAR0 + n * 4;

    /* The device's author calls this, not the guest. */
    g_assert(n <= PCI_BARS && !bar->mr && size >= 4 && (size & (size - 1)) == 0);
    g_assert(!(type & PCI_BAR_MEM64) || n < PCI_BARS - 1);
    *bar = (struct pci_bar){ mr, (uint8_t)type, size, PCI_UNMAPPED };
    pci_config_store(d, off, type, 4);
    /* Bit 0 of the ROM's register enables its decoder (6.2.5.2). */
    pci_config_set_wmask(d, off, (uint32_t)mask | (n == PCI_BARS ? 1 : 0), 4);
    if (type & PCI_BAR_MEM64) {
        pci_config_set_wmask(d, off + 4, (uint32_t)(mask >> 32), 4);
    }
}

/* Where the registers put BAR n, or PCI_UNMAPPED. */
static uint64_t bar_address(const struct pci_device *d, unsigned n)
{
    const struct pci_bar *bar = &d->bars[n];
    unsigned off = n == PCI_BARS ? PCI_ROM_BAR : PCI_BAR0 + n * 4;
    uint32_t command = pci_config_load(d, PCI_COMMAND, 2);
    uint64_t addr = pci_config_load(d, off, 4), last;

    if (!(command & (bar->type & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) ||
        (n == PCI_BARS && !(addr & 1))) {
        return PCI_UNMAPPED;
    }
    if (bar->type & PCI_BAR_MEM64) {
        addr |= (uint64_t)pci_config_load(d, off + 4, 4) << 32;
    }
    addr &= ~(bar->size - 1);
    last = addr + bar->size - 1;
    /*
     * Address 0 is a BAR that nobody has set.  A window that ends at the top of its space is a BAR
     * in the middle of being sized: mapping it would hide the firmware and the APICs.
     */
    if (addr == 0 || last < addr) {
        return PCI_UNMAPPED;
    }
    if (bar->type & PCI_BAR_IO) {
        return last <= 0xffff ? addr : PCI_UNMAPPED;
    }
    if (bar->type & PCI_BAR_MEM64) {
        return last < UINT64_MAX ? addr : PCI_UNMAPPED;
    }
    return last < UINT32_MAX ? addr : PCI_UNMAPPED;
}

void pci_update_bars(struct pci_device *d)
{
    struct pci_bus *bus = pci_bus_of(d);

    if (!bus) {
        return;
    }
    mem_transaction_begin(d->dev.machine);
    for (unsigned n = 0; n <= PCI_BARS; n++) {
        struct pci_bar *bar = &d->bars[n];
        uint64_t addr;

        if (!bar->mr || (addr = bar_address(d, n)) == bar->mapped) {
            continue;
        }
        if (bar->mapped != PCI_UNMAPPED) {
            mem_region_del(bar->mr);
        }
        if (addr != PCI_UNMAPPED) {
            mem_region_add(bar->type & PCI_BAR_IO ? bus->io : bus->memory, addr, bar->mr, 1);
        }
        log_line(LOG_DEVICE, "%s: BAR%u at 0x%" PRIx64, d->dev.type->name, n, addr);
        bar->mapped = addr;
    }
    mem_transaction_commit(d->dev.machine);
}

void pci_unmap_bars(struct pci_device *d)
{
    mem_transaction_begin(d->dev.machine);
    for (unsigned n = 0; n <= PCI_BARS; n++) {
        if (d->bars[n].mr && d->bars[n].mapped != PCI_UNMAPPED) {
            mem_region_del(d->bars[n].mr);
            d->bars[n].mapped = PCI_UNMAPPED;
        }
    }
    mem_transaction_commit(d->dev.machine);
}
