/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic_bus.c: messages between APICs, MSIs, and the page of APIC registers.
 *
 * The registers answer for the vCPU that asks.  A message and a register are told apart by the
 * address alone, whoever writes: MSIs have bits 11-4 clear, and no register lives at offset 0.
 *
 * Thread: under the machine lock, on any thread.
 */
#include <inttypes.h>
#include "hw/intc/apic.h"
#include "hw/intc/apic_kernel.h"
#include "target/i386/cpu.h"
#include "util/log.h"

#define MSI_LOGICAL (1u << 2)
#define MSI_LEVEL   (1u << 15)

/* Of the vCPU whose thread this is; the main loop and tests see CPU 0's. */
static struct apic *current_apic(struct apic_bus *bus)
{
    struct vcpu *v = vcpu_current();

    if (v && x86_cpu_of(v)->apic) {
        return x86_cpu_of(v)->apic_opaque;
    }
    return bus->n_apics ? bus->apics[0] : NULL;
}

static void bus_msi(struct apic_bus *bus, uint64_t off, uint32_t data)
{
    bool level = data & MSI_LEVEL;

    if (off & 0xff0) {
        log_line(LOG_GUEST_ERRORS, "apic: MSI to reserved address 0x%" PRIx64,
                 APIC_MMIO_BASE + off);
        return;
    }
    apic_deliver(bus, apic_dest_from_8bit(off >> 12), off & MSI_LOGICAL, data >> 8 & 7, data & 0xff,
                 level);
}

static uint64_t msi_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)size;
    log_line(LOG_GUEST_ERRORS, "apic: read of the MSI window at 0x%" PRIx64, APIC_MMIO_BASE + off);
    return UINT32_MAX;
}

static void msi_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    bus_msi(opaque, off, value);
}

static bool mmio_usable(struct apic_bus *bus, struct apic **a)
{
    *a = current_apic(bus);
    if (*a) {
        apic_peek(*a);
    }
    return *a && apic_hw_enabled(*a) && !apic_in_x2apic(*a);
}

static uint64_t regs_read(void *opaque, uint64_t off, unsigned size)
{
    struct apic *a;
    uint64_t value = 0;

    (void)size;
    if (!mmio_usable(opaque, &a)) {
        return UINT32_MAX;
    }
    /* A register fills the first 4 of its 16 bytes. */
    if (off & 0xf) {
        log_line(LOG_GUEST_ERRORS, "apic: unaligned read at offset 0x%x", (unsigned)off);
        return 0;
    }
    apic_reg_read(a, off >> 4, &value);
    return (uint32_t)value;
}

static void regs_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct apic_bus *bus = opaque;
    struct apic *a;
    bool borrowed;

    (void)size;
    if (off < 0x10) {
        bus_msi(bus, off, value);
        return;
    }
    if (!mmio_usable(bus, &a)) {
        return;
    }
    if (off & 0xf) {
        log_line(LOG_GUEST_ERRORS, "apic: unaligned write at offset 0x%x", (unsigned)off);
        return;
    }
    borrowed = apic_borrow(a);
    apic_reg_write(a, off >> 4, (uint32_t)value);
    apic_give_back(a, borrowed);
}

static const struct mem_ops msi_ops = {
    .read = msi_read, .write = msi_write, .min_size = 4, .max_size = 4
};
static const struct mem_ops regs_ops = {
    .read = regs_read, .write = regs_write, .min_size = 4, .max_size = 4
};

static void bus_eoi(void *opaque, uint8_t vector)
{
    apic_bus_eoi(opaque, vector);
}

void apic_bus_init(struct apic_bus *bus, struct machine *m)
{
    bus->machine = m;
    if (m->irqchip) {
        m->irqchip->eoi = bus_eoi;
        m->irqchip->eoi_opaque = bus;
    }
    mem_region_init_mmio(&bus->msi, m, "apic-msi", &msi_ops, bus, 0x100000);
    mem_region_add(&m->system_memory, APIC_MMIO_BASE, &bus->msi, 100);
    mem_region_init_mmio(&bus->regs, m, "apic", &regs_ops, bus, 0x1000);
    mem_region_add(&m->system_memory, APIC_MMIO_BASE, &bus->regs, 101);
}

bool apic_bus_add_eoi(struct apic_bus *bus, void (*fn)(void *opaque, uint8_t vector),
                      void (*taken)(void *opaque, uint8_t vector), void *opaque)
{
    if (bus->n_eoi == APIC_BUS_MAX_EOI) {
        return false;
    }
    bus->eoi[bus->n_eoi].fn = fn;
    bus->eoi[bus->n_eoi].taken = taken;
    bus->eoi[bus->n_eoi++].opaque = opaque;
    return true;
}

void apic_bus_remove_eoi(struct apic_bus *bus, void *opaque)
{
    for (unsigned i = 0; i < bus->n_eoi; i++) {
        if (bus->eoi[i].opaque == opaque) {
            bus->eoi[i] = bus->eoi[--bus->n_eoi];
            return;
        }
    }
}

void apic_bus_eoi(struct apic_bus *bus, uint8_t vector)
{
    for (unsigned i = 0; i < bus->n_eoi; i++) {
        bus->eoi[i].fn(bus->eoi[i].opaque, vector);
    }
}

void apic_bus_taken(struct apic_bus *bus, uint8_t vector)
{
    for (unsigned i = 0; i < bus->n_eoi; i++) {
        bus->eoi[i].taken(bus->eoi[i].opaque, vector);
    }
}

/* Lowest priority: the least busy of those addressed, the first of several. */
static struct apic *least_busy(struct apic_bus *bus, uint32_t dest, bool logical)
{
    struct apic *best = NULL;

    for (unsigned i = 0; i < bus->n_apics; i++) {
        struct apic *a = bus->apics[i];

        if (apic_matches(a, dest, logical) && apic_sw_enabled(a) &&
            (!best || apic_ppr(a) < apic_ppr(best))) {
            best = a;
        }
    }
    return best;
}

/* The kernel's decide whom it is for; an access to one's own registers may be under way, see apic_borrow. */
static void deliver_to_kernel(struct apic_bus *bus, uint32_t dest, bool logical, unsigned mode,
                              uint8_t vector, bool level)
{
    apic_send_to_kernel(bus, dest, logical, mode, vector, level);
    for (unsigned i = 0; i < bus->n_apics; i++) {
        struct apic *a = bus->apics[i];

        if (a->borrowed && apic_matches(a, dest, logical)) {
            apic_accept(a, mode == APIC_DM_LOWEST ? APIC_DM_FIXED : mode, vector, level);
        }
    }
}

void apic_deliver(struct apic_bus *bus, uint32_t dest, bool logical, unsigned mode, uint8_t vector,
                  bool level)
{
    if (apic_in_kernel(bus)) {
        deliver_to_kernel(bus, dest, logical, mode, vector, level);
        return;
    }
    if (mode == APIC_DM_LOWEST) {
        struct apic *a = least_busy(bus, dest, logical);

        if (a) {
            apic_accept(a, APIC_DM_FIXED, vector, level);
        }
        return;
    }
    for (unsigned i = 0; i < bus->n_apics; i++) {
        if (apic_matches(bus->apics[i], dest, logical)) {
            apic_accept(bus->apics[i], mode, vector, level);
        }
    }
}

bool apic_requested(struct apic_bus *bus, uint32_t dest, bool logical, uint8_t vector)
{
    if (apic_in_kernel(bus)) {
        return false; /* it does not say; ticks that come too fast are one there */
    }
    for (unsigned i = 0; i < bus->n_apics; i++) {
        const struct apic *a = bus->apics[i];

        if (apic_matches(a, dest, logical) && a->irr[vector / 32] >> vector % 32 & 1) {
            return true;
        }
    }
    return false;
}

void apic_msi(struct machine *m, uint64_t addr, uint32_t data)
{
    address_space_store(&m->memory, addr, data, 4);
}
