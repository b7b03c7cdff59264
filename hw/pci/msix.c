/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/msix.c: see msix.h.
 *
 * Invariants: a pending bit is set only while its vector is masked, by itself or with the whole
 *             function; bits of vectors that do not exist are 0.
 * Thread:     under the machine lock.
 */
#include "hw/pci/msix.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include "softmmu/machine.h"
#include "util/log.h"

/* Offsets within the capability, and within an entry of the table. */
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PBA = 8, MSIX_SIZE = 12 };
enum { ENTRY_ADDR = 0, ENTRY_DATA = 8, ENTRY_CONTROL = 12 };
enum { ENTRY_MASKED = 1 };
/* Message control. */
enum { CONTROL_FUNCTION_MASK = 1u << 14, CONTROL_ENABLE = 1u << 15 };

static uint64_t load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint32_t control(const struct pci_msix *msix)
{
    return pci_config_load(msix->pci, msix->cap + MSIX_CONTROL, 2);
}

bool pci_msix_enabled(const struct pci_device *d)
{
    return d->msix && (control(d->msix) & CONTROL_ENABLE);
}

static bool is_masked(const struct pci_msix *msix, unsigned n)
{
    return (control(msix) & CONTROL_FUNCTION_MASK) ||
           (msix->table[n * PCI_MSIX_ENTRY + ENTRY_CONTROL] & ENTRY_MASKED);
}

static void deliver(struct pci_msix *msix, unsigned n)
{
    const uint8_t *entry = msix->table + n * PCI_MSIX_ENTRY;

    pci_send_message(msix->pci, load(entry + ENTRY_ADDR, 8) & ~3ull,
                     (uint32_t)load(entry + ENTRY_DATA, 4));
}

/* By eventfd --------------------------------------------------------------------------------- */

/* Vector n's message goes straight to local APICs: the engine may send it. */
static bool is_plain(const struct pci_msix *msix, unsigned n)
{
    return pci_msix_enabled(msix->pci) && !is_masked(msix, n) &&
           pci_message_is_plain(msix->pci, load(msix->table + n * PCI_MSIX_ENTRY + ENTRY_ADDR, 8));
}

/* What decides about a vector that has an eventfd may have changed. */
static void refresh(struct pci_msix *msix, unsigned n)
{
    struct pci_msix_fast *f = &msix->fast[n];
    const uint8_t *entry = msix->table + n * PCI_MSIX_ENTRY;
    bool plain;

    if (!irqchip_route_exists(&f->route)) {
        return;
    }
    plain = is_plain(msix, n);
    atomic_store(&f->fd, -1);
    if (plain) {
        irqchip_route_set(msix->pci->dev.machine, &f->route, load(entry + ENTRY_ADDR, 8) & ~3ull,
                          (uint32_t)load(entry + ENTRY_DATA, 4));
        /* Without a route nobody reads it; while the machine stands still, irqchip_give makes one. */
        atomic_store(&f->fd, f->route.attached || !irqchip_has_apics(msix->pci->dev.machine)
                                 ? f->route.fd
                                 : -1);
    }
}

static void refresh_all(struct pci_msix *msix)
{
    for (unsigned n = 0; msix->fast && n < msix->vectors; n++) {
        refresh(msix, n);
    }
}

/* A vector that was sent once is likely to be sent again. */
static void add_route(struct pci_msix *msix, unsigned n)
{
    struct machine *m = msix->pci->dev.machine;
    const uint8_t *entry = msix->table + n * PCI_MSIX_ENTRY;
    struct pci_msix_fast *f = &msix->fast[n];

    if (f->refused || irqchip_route_exists(&f->route) || !irqchip_has_apics(m) ||
        !is_plain(msix, n)) {
        return;
    }
    f->refused = !irqchip_route_add(m, &f->route, load(entry + ENTRY_ADDR, 8) & ~3ull,
                                    (uint32_t)load(entry + ENTRY_DATA, 4));
    atomic_store(&f->fd, f->refused ? -1 : f->route.fd);
}

static void remove_routes(struct pci_msix *msix)
{
    for (unsigned n = 0; msix->fast && n < msix->vectors; n++) {
        atomic_store(&msix->fast[n].fd, -1);
        irqchip_route_remove(msix->pci->dev.machine, &msix->fast[n].route);
        msix->fast[n].refused = false;
    }
}

bool pci_msix_post(struct pci_device *d, unsigned n)
{
    struct pci_msix *msix = d->msix;
    int fd;

    if (!msix || !msix->fast || n >= msix->vectors || !irqchip_has_apics(d->dev.machine)) {
        return false;
    }
    fd = atomic_load(&msix->fast[n].fd);
    return fd >= 0 && eventfd_write(fd, 1) == 0;
}

void pci_msix_drain(struct pci_msix *msix)
{
    eventfd_t count;

    for (unsigned n = 0; msix->fast && n < msix->vectors; n++) {
        if (irqchip_route_exists(&msix->fast[n].route) && !msix->fast[n].route.attached &&
            eventfd_read(msix->fast[n].route.fd, &count) == 0) {
            pci_msix_send(msix->pci, n);
        }
    }
}

/* In general --------------------------------------------------------------------------------- */

void pci_msix_send(struct pci_device *d, unsigned n)
{
    struct pci_msix *msix = d->msix;

    if (!pci_msix_enabled(d) || n >= msix->vectors) {
        return;
    }
    if (is_masked(msix, n)) {
        msix->pending[n / 8] |= (uint8_t)(1u << n % 8);
        return;
    }
    deliver(msix, n);
    if (msix->fast) {
        add_route(msix, n);
    }
}

void pci_msix_update(struct pci_msix *msix)
{
    refresh_all(msix);
    if (!(control(msix) & CONTROL_ENABLE)) {
        return;
    }
    for (unsigned n = 0; n < msix->vectors; n++) {
        if ((msix->pending[n / 8] >> n % 8 & 1) && !is_masked(msix, n)) {
            msix->pending[n / 8] &= (uint8_t) ~(1u << n % 8);
            deliver(msix, n);
        }
    }
}

static uint64_t table_read(void *opaque, uint64_t off, unsigned size)
{
    return load(((struct pci_msix *)opaque)->table + off, size);
}

static void table_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pci_msix *msix = opaque;

    for (unsigned i = 0; i < size; i++) {
        /* Of the vector control only the mask is a bit. */
        bool control_byte = (off + i) % PCI_MSIX_ENTRY >= ENTRY_CONTROL;
        bool mask_byte = (off + i) % PCI_MSIX_ENTRY == ENTRY_CONTROL;
        uint8_t writable = mask_byte ? ENTRY_MASKED : control_byte ? 0 : 0xff;

        msix->table[off + i] = (uint8_t)(value >> (8 * i)) & writable;
    }
    pci_msix_update(msix);
}

static uint64_t pba_read(void *opaque, uint64_t off, unsigned size)
{
    return load(((struct pci_msix *)opaque)->pending + off, size);
}

static void pba_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)value;
    (void)size;
    log_line(LOG_GUEST_ERRORS, "MSI-X: write of the pending bits");
}

/* 6.8.2: software uses 4 or 8 bytes. */
static const struct mem_ops table_ops = {
    .read = table_read, .write = table_write, .min_size = 4, .max_size = 8
};
static const struct mem_ops pba_ops = {
    .read = pba_read, .write = pba_write, .min_size = 4, .max_size = 8
};

bool pci_msix_setup(struct pci_device *d, struct pci_msix *msix, unsigned vectors, unsigned n,
                    struct mem_region *bar, uint32_t table, uint32_t pba)
{
    struct machine *m = d->dev.machine;

    g_assert(vectors >= 1 && vectors <= PCI_MSIX_MAX && n < PCI_BARS);
    g_assert(table % 8 == 0 && pba % 8 == 0);
    msix->cap = pci_add_capability(d, PCI_CAP_ID_MSIX, MSIX_SIZE);
    if (!msix->cap) {
        return false;
    }
    msix->pci = d;
    msix->vectors = vectors;
    pci_config_store(d, msix->cap + MSIX_CONTROL, vectors - 1, 2);
    pci_config_set_wmask(d, msix->cap + MSIX_CONTROL, CONTROL_FUNCTION_MASK | CONTROL_ENABLE, 2);
    pci_config_store(d, msix->cap + MSIX_TABLE, table | n, 4);
    pci_config_store(d, msix->cap + MSIX_PBA, pba | n, 4);
    mem_region_init_mmio(&msix->table_mmio, m, "msix-table", &table_ops, msix,
                         vectors * PCI_MSIX_ENTRY);
    mem_region_init_mmio(&msix->pba_mmio, m, "msix-pba", &pba_ops, msix, (vectors + 63) / 64 * 8);
    mem_region_add(bar, table, &msix->table_mmio, 1);
    mem_region_add(bar, pba, &msix->pba_mmio, 1);
    d->msix = msix;
    if (msix->by_eventfd && m->irqchip) {
        msix->fast = g_new0(struct pci_msix_fast, vectors);
    }
    pci_msix_reset(msix);
    return true;
}

bool pci_msix_setup_bar(struct pci_device *d, struct pci_msix *msix, unsigned vectors, unsigned n)
{
    uint32_t table = MAX(vectors * PCI_MSIX_ENTRY, 0x800u);
    uint64_t size = 0x1000;

    while (size < table + (vectors + 63) / 64 * 8) {
        size *= 2;
    }
    mem_region_init_container(&msix->bar, d->dev.machine, "msix", size);
    if (!pci_msix_setup(d, msix, vectors, n, &msix->bar, 0, table)) {
        mem_region_destroy(&msix->bar);
        return false;
    }
    pci_add_bar(d, n, PCI_BAR_MEM32, &msix->bar, size);
    return true;
}

/* Every vector is masked at reset (6.8.2.9). */
void pci_msix_reset(struct pci_msix *msix)
{
    remove_routes(msix);
    memset(msix->table, 0, sizeof(msix->table));
    memset(msix->pending, 0, sizeof(msix->pending));
    for (unsigned n = 0; n < msix->vectors; n++) {
        msix->table[n * PCI_MSIX_ENTRY + ENTRY_CONTROL] = ENTRY_MASKED;
    }
}

bool pci_msix_post_load(struct pci_msix *msix, GError **error)
{
    (void)error;
    for (unsigned n = 0; n < PCI_MSIX_MAX; n++) {
        if (n >= msix->vectors) {
            msix->pending[n / 8] &= (uint8_t) ~(1u << n % 8);
        }
    }
    refresh_all(msix);
    return true;
}

void pci_msix_teardown(struct pci_msix *msix)
{
    remove_routes(msix);
    g_clear_pointer(&msix->fast, g_free);
    mem_region_destroy(&msix->table_mmio);
    mem_region_destroy(&msix->pba_mmio);
    if (msix->bar.machine) {
        mem_region_destroy(&msix->bar);
    }
    msix->pci->msix = NULL;
}

const struct state_row pci_msix_state[] = {
    STATE_BUF(struct pci_msix, table, 1, "address, data and mask of each vector"),
    STATE_BUF(struct pci_msix, pending, 1, "vectors that wait for their mask"),
    { 0 },
};
