/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/routes.c: numbers ("GSIs") that lead to pins of chips in the kernel, or to messages; eventfds behind them.
 *
 * With all chips there: 1-23 are pins of the I/O APIC, 24-39 inputs of the 8259 pair, 40 is pin 0 of the I/O APIC, and
 * 0 is the kernel's own 8254's: input 0 of the pair and pin 2.  With local APICs alone 0-23 are what pins of our
 * I/O APIC send.  Messages of devices follow.
 *
 * Invariant: GSI 0 stands last in the kernel's table: from a pin that several lead to, the kernel finds back to the last,
 *            and its 8254 waits for the acknowledgement of GSI 0's.
 * Thread:    machine lock held.
 * Source:    Linux, Documentation/virt/kvm/api.rst, 4.52 KVM_SET_GSI_ROUTING, 4.75 KVM_IRQFD.
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/irqchip.h"
#include "util/error.h"
#include "util/log.h"

enum { GSI_PIC = 24, GSI_PIN_0 = 40, GSI_MESSAGE = 41, PIC_INPUTS = 16, TICK_PIN = 2 };

struct kvm_routes {
    unsigned max;
    bool irqfd;
    struct kvm_irq_routing_entry *entry; /* by GSI from 0 on; those of type 0 are free */
    struct kvm_irq_routing *table;       /* as the kernel takes it */
};

static struct kvm_irq_routing_entry to_pin(unsigned gsi, unsigned chip, unsigned pin)
{
    return (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

static struct kvm_irq_routing_entry to_message(unsigned gsi, uint64_t addr, uint32_t data)
{
    return (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = { .address_lo = (uint32_t)addr, .address_hi = addr >> 32, .data = data },
    };
}

/* All of it, each time: the kernel knows no less. */
static bool tell_kernel(struct kvm *k)
{
    struct kvm_routes *r = k->routes;
    struct kvm_irq_routing_entry *to = r->table->entries;
    unsigned n = 0;

    for (unsigned gsi = 0; gsi < r->max; gsi++) {
        if (r->entry[gsi].type) {
            to[n++] = r->entry[gsi];
        }
    }
    if (k->irqchip == KVM_IRQCHIP_FULL) {
        to[n++] = to_pin(0, KVM_IRQCHIP_PIC_MASTER, 0);
        to[n++] = to_pin(0, KVM_IRQCHIP_IOAPIC, TICK_PIN);
    }
    r->table->nr = n;
    return kvm_vm_ioctl(k, KVM_SET_GSI_ROUTING, r->table) >= 0;
}

static void add_pins(struct kvm_routes *r)
{
    for (unsigned pin = 0; pin < IRQCHIP_IOAPIC_PINS; pin++) {
        unsigned gsi = pin ? pin : GSI_PIN_0;

        r->entry[gsi] = to_pin(gsi, KVM_IRQCHIP_IOAPIC, pin);
    }
    for (unsigned n = 0; n < PIC_INPUTS; n++) {
        r->entry[GSI_PIC + n] =
            to_pin(GSI_PIC + n, n < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, n & 7);
    }
}

bool kvm_routes_init(struct kvm *k, GError **error)
{
    struct kvm_routes *r = g_new0(struct kvm_routes, 1);
    int max = kvm_cap(k, KVM_CAP_IRQ_ROUTING);

    k->routes = r;
    r->max = (unsigned)MIN(max, 4096);
    r->irqfd = kvm_cap(k, KVM_CAP_IRQFD) > 0;
    if (r->max <= GSI_MESSAGE) {
        set_error(error,
                  "-accel kvm: this kernel's KVM has %d routes of interrupts, must be more "
                  "than %d; use kernel-irqchip=off",
                  max, GSI_MESSAGE);
        return false;
    }
    r->entry = g_new0(struct kvm_irq_routing_entry, r->max);
    r->table = g_malloc0(sizeof(*r->table) + (r->max + 2) * sizeof(r->table->entries[0]));
    if (k->irqchip == KVM_IRQCHIP_FULL) {
        add_pins(r);
    }
    if (!tell_kernel(k)) {
        set_errno_error(error, "-accel kvm: KVM does not take the routes of interrupts");
        return false;
    }
    return true;
}

void kvm_routes_free(struct kvm *k)
{
    if (k->routes) {
        g_free(k->routes->entry);
        g_free(k->routes->table);
        g_clear_pointer(&k->routes, g_free);
    }
}

void kvm_set_pin(struct machine *m, enum irqchip_chip chip, unsigned pin, bool level)
{
    unsigned gsi = chip == IRQCHIP_PIC ? GSI_PIC + pin : pin ? pin : GSI_PIN_0;
    struct kvm_irq_level line = { .irq = gsi, .level = level };

    if (kvm_vm_ioctl(m->kvm, KVM_IRQ_LINE, &line) < 0) {
        report_error("kvm: the kernel refuses the level of interrupt line %u: %s", pin,
                     g_strerror(errno));
    }
}

void kvm_send_msi(struct machine *m, uint64_t addr, uint32_t data)
{
    struct kvm_msi msi = { .address_lo = (uint32_t)addr,
                           .address_hi = (uint32_t)(addr >> 32),
                           .data = data };

    if (kvm_vm_ioctl(m->kvm, KVM_SIGNAL_MSI, &msi) < 0) {
        log_line(LOG_GUEST_ERRORS, "kvm: a message to 0x%llx, 0x%x: %s", (unsigned long long)addr,
                 data, g_strerror(errno));
    }
    atomic_fetch_add_explicit(&m->kvm->messages, 1, memory_order_relaxed);
}

void kvm_set_message(struct machine *m, unsigned pin, uint64_t addr, uint32_t data)
{
    struct kvm_routes *r = m->kvm->routes;
    struct kvm_irq_routing_entry e = to_message(pin, addr, data);

    if (memcmp(&r->entry[pin], &e, sizeof(e)) == 0) {
        return;
    }
    r->entry[pin] = e;
    if (!tell_kernel(m->kvm)) {
        report_error("kvm: the kernel does not take the route of pin %u: %s", pin,
                     g_strerror(errno));
    }
}

/* Eventfds ------------------------------------------------------------------------------------ */

static int free_gsi(const struct kvm_routes *r)
{
    for (unsigned gsi = GSI_MESSAGE; gsi < r->max; gsi++) {
        if (!r->entry[gsi].type) {
            return (int)gsi;
        }
    }
    return -1;
}

static bool place(struct kvm *k, const struct irqchip_route *r)
{
    struct kvm_irq_routing_entry e = to_message((unsigned)r->gsi, r->addr, r->data);

    if (memcmp(&k->routes->entry[r->gsi], &e, sizeof(e)) == 0) {
        return true;
    }
    k->routes->entry[r->gsi] = e;
    return tell_kernel(k);
}

static int set_irqfd(struct kvm *k, const struct irqchip_route *r, unsigned flags)
{
    struct kvm_irqfd irqfd = { .fd = (uint32_t)r->fd, .gsi = (uint32_t)r->gsi, .flags = flags };

    return kvm_vm_ioctl(k, KVM_IRQFD, &irqfd);
}

bool kvm_route_attach(struct machine *m, struct irqchip_route *r)
{
    struct kvm *k = m->kvm;
    bool first = r->gsi <= 0;

    if (!k->routes->irqfd) {
        return false;
    }
    r->gsi = first ? free_gsi(k->routes) : r->gsi;
    if (r->gsi <= 0) {
        return false;
    }
    if (place(k, r) && set_irqfd(k, r, 0) >= 0) {
        return true;
    }
    log_line(LOG_ACCEL, "kvm: no eventfd for route %d: %s", r->gsi, g_strerror(errno));
    if (first) {
        kvm_route_forget(m, r);
    }
    return false;
}

void kvm_route_detach(struct machine *m, struct irqchip_route *r)
{
    if (set_irqfd(m->kvm, r, KVM_IRQFD_FLAG_DEASSIGN) < 0) {
        report_error("kvm: the kernel keeps the eventfd of route %d: %s", r->gsi,
                     g_strerror(errno));
    }
}

/* The kernel's table has it until the next change, which leads nowhere meanwhile. */
void kvm_route_forget(struct machine *m, struct irqchip_route *r)
{
    if (r->gsi > 0) {
        memset(&m->kvm->routes->entry[r->gsi], 0, sizeof(m->kvm->routes->entry[0]));
        r->gsi = -1;
    }
}

unsigned kvm_count_routes(const struct kvm *k)
{
    unsigned n = 0;

    for (const struct irqchip_route *r = k->chip.routes; r; r = r->next) {
        n += r->attached;
    }
    return n;
}
