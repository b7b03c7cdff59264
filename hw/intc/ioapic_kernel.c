/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/ioapic_kernel.c: the I/O APIC that takes turns with the one in the host's kernel, or (split) sends messages
 * to local APICs there (softmmu/irqchip.h).
 *
 * Thread: under the machine lock.
 */
#include "hw/intc/ioapic.h"
#include "hw/intc/apic.h"
#include "softmmu/machine.h"

#define REDIR_LOGICAL (1u << 11)
#define REDIR_LEVEL   (1u << 15)
#define MSI_LOGICAL   (1u << 2)

static struct irqchip *kernel_of(const struct ioapic *io)
{
    return io->dev.machine->irqchip;
}

static void take(void *opaque)
{
    struct ioapic *io = opaque;
    struct irqchip_ioapic k = { 0 };

    if (!kernel_of(io)->full) {
        return;
    }
    kernel_of(io)->ops->get_ioapic(io->dev.machine, &k);
    io->id = k.id & 0x0f;
    io->select = k.select;
    io->owed = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        io->redir[pin] = k.redir[pin];
    }
}

static void give_all(struct ioapic *io)
{
    struct irqchip_ioapic k = { .id = io->id, .select = io->select };
    struct machine *m = io->dev.machine;

    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        k.redir[pin] = io->redir[pin];
        if (ioapic_is_level(io->redir[pin])) {
            k.requests |= io->lines & 1u << pin;
        }
    }
    /* Levels of the pins while its table is masked or old would be edges: they follow it. */
    kernel_of(io)->ops->set_ioapic(m, &k);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (!(io->lines >> pin & 1) || k.requests >> pin & 1) {
            kernel_of(io)->ops->set_pin(m, IRQCHIP_IOAPIC, pin, io->lines >> pin & 1);
        }
    }
}

static void give(void *opaque)
{
    struct ioapic *io = opaque;

    if (kernel_of(io)->full) {
        give_all(io);
        return;
    }
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        ioapic_tell_kernel(io, pin);
    }
}

/* A masked pin's, too: what it has sent may be in service. */
void ioapic_tell_kernel(struct ioapic *io, unsigned pin)
{
    uint64_t r = io->redir[pin];
    uint64_t addr = APIC_MMIO_BASE | (r >> 56) << 12 | (r & REDIR_LOGICAL ? MSI_LOGICAL : 0);

    if (irqchip_has_apics(io->dev.machine) && !kernel_of(io)->full) {
        kernel_of(io)->ops->set_message(io->dev.machine, pin, addr,
                                        (uint32_t)(r & (REDIR_LEVEL | 0x7ff)));
    }
}

void ioapic_join_kernel(struct ioapic *io)
{
    io->part = (struct irqchip_part){ take, give, io, NULL };
    irqchip_add_part(io->dev.machine, &io->part);
}

void ioapic_leave_kernel(struct ioapic *io)
{
    irqchip_remove_part(io->dev.machine, &io->part);
}

void ioapic_peek(struct ioapic *io)
{
    if (irqchip_has_all(io->dev.machine)) {
        take(io);
    }
}

/* What a CPU did to the kernel's meanwhile would be lost when ours is written back: they stand still. */
bool ioapic_borrow(struct ioapic *io)
{
    if (!irqchip_has_all(io->dev.machine)) {
        return false;
    }
    vcpu_exclusive_begin(io->dev.machine);
    take(io);
    return true;
}

void ioapic_give_back(struct ioapic *io, bool borrowed)
{
    if (borrowed) {
        give(io);
        vcpu_exclusive_end(io->dev.machine);
    }
}
