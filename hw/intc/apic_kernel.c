/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic_kernel.c: local APICs that take turns with those in the host's kernel (softmmu/irqchip.h).
 *
 * Invariant: while the kernel's are in charge, no timer of ours is armed, and PENDING_INTR of the boot CPU is what
 *            the 8259 pair asks for, if that is ours.
 * Thread:    under the machine lock.
 */
#include "hw/intc/apic_kernel.h"
#include "target/i386/cpu.h"

#define MSI_LOGICAL (1u << 2)
#define MSI_ASSERT  (1u << 14)
#define MSI_LEVEL   (1u << 15)

/* Registers by their offset / 16. */
enum {
    PAGE_ID = 0x02,
    PAGE_TPR = 0x08,
    PAGE_LDR = 0x0d,
    PAGE_DFR,
    PAGE_SVR,
    PAGE_ISR,
    PAGE_TMR = 0x18,
    PAGE_IRR = 0x20,
    PAGE_ESR = 0x28,
    PAGE_ICR_LOW = 0x30,
    PAGE_ICR_HIGH,
    PAGE_LVT,
    PAGE_INITIAL = 0x38,
    PAGE_CURRENT,
    PAGE_DIVIDE = 0x3e,
};

static struct machine *machine_of(const struct apic *a)
{
    return a->dev.machine;
}

bool apic_in_kernel(const struct apic_bus *bus)
{
    return irqchip_has_apics(bus->machine);
}

void apic_send_to_kernel(struct apic_bus *bus, uint32_t dest, bool logical, unsigned mode,
                         uint8_t vector, bool level)
{
    /* Bits 31-8 of a destination are those of the address (Intel's VT-d and KVM's x2APIC format). */
    uint64_t addr = (uint64_t)(dest == UINT32_MAX ? 0 : dest & ~0xffu) << 32;

    addr |= APIC_MMIO_BASE | (dest & 0xff) << 12 | (logical ? MSI_LOGICAL : 0);
    bus->machine->irqchip->ops->send_msi(bus->machine, addr,
                                         vector | mode << 8 | MSI_ASSERT | (level ? MSI_LEVEL : 0));
}

/* The count that is left comes back as the time at which it began. */
static void take_timer(struct apic *a, const uint32_t *regs)
{
    int64_t now = clock_now(machine_of(a), CLOCK_KIND_VIRTUAL), left;
    int shift;

    a->timer_divide = regs[PAGE_DIVIDE] & 0xb;
    a->timer_initial = regs[PAGE_INITIAL];
    shift = (int)apic_timer_shift(a);
    left = (int64_t)MIN(regs[PAGE_CURRENT], a->timer_initial) << shift;
    a->timer_start = now - (((int64_t)a->timer_initial << shift) - left);
}

static void take(void *opaque)
{
    struct apic *a = opaque;
    struct irqchip_apic k = { .base = a->base };

    machine_of(a)->irqchip->ops->get_apic(&a->cpu->vcpu, &k);
    a->base = k.base;
    if (!apic_in_x2apic(a)) {
        a->id_reg = k.regs[PAGE_ID] & 0xff000000;
    }
    a->tpr = k.regs[PAGE_TPR] & 0xff;
    a->ldr = k.regs[PAGE_LDR];
    a->dfr = k.regs[PAGE_DFR];
    a->svr = k.regs[PAGE_SVR];
    a->esr = k.regs[PAGE_ESR];
    a->esr_new = 0;
    a->icr = k.regs[PAGE_ICR_LOW] | (uint64_t)k.regs[PAGE_ICR_HIGH] << 32;
    memcpy(a->isr, &k.regs[PAGE_ISR], sizeof(a->isr));
    memcpy(a->tmr, &k.regs[PAGE_TMR], sizeof(a->tmr));
    memcpy(a->irr, &k.regs[PAGE_IRR], sizeof(a->irr));
    memcpy(a->lvt, &k.regs[PAGE_LVT], sizeof(a->lvt));
    take_timer(a, k.regs);
    a->tsc_deadline = k.tsc_deadline;
    if (!apic_in_kernel(a->bus)) {
        if (a->bus->apics[0] == a) {
            mem_region_set_addr(&a->bus->regs, a->base & GUEST_PAGE_MASK);
        }
        apic_timer_rearm(a);
        apic_update(a);
    }
}

static void give(void *opaque)
{
    struct apic *a = opaque;
    struct irqchip_apic k = { .base = a->base, .tsc_deadline = a->tsc_deadline };
    uint32_t left = apic_timer_count(a);
    bool over = a->timer_initial && !left && apic_timer_mode(a) == APIC_TIMER_ONE_SHOT;

    timer_disarm(&a->timer);
    k.regs[PAGE_ID] = apic_in_x2apic(a) ? a->id : a->id_reg;
    k.regs[PAGE_TPR] = a->tpr;
    k.regs[PAGE_LDR] = a->ldr;
    k.regs[PAGE_DFR] = a->dfr;
    /* The kernel's I/O APIC has no register for EOIs: those that were to come there alone never would. */
    k.regs[PAGE_SVR] =
        irqchip_has_all(machine_of(a)) ? a->svr & ~(uint32_t)APIC_SVR_NO_BROADCAST : a->svr;
    k.regs[PAGE_ESR] = a->esr;
    k.regs[PAGE_ICR_LOW] = (uint32_t)a->icr;
    k.regs[PAGE_ICR_HIGH] = (uint32_t)(a->icr >> 32);
    memcpy(&k.regs[PAGE_ISR], a->isr, sizeof(a->isr));
    memcpy(&k.regs[PAGE_TMR], a->tmr, sizeof(a->tmr));
    memcpy(&k.regs[PAGE_IRR], a->irr, sizeof(a->irr));
    memcpy(&k.regs[PAGE_LVT], a->lvt, sizeof(a->lvt));
    k.regs[PAGE_DIVIDE] = a->timer_divide;
    /* A count that has run down would begin again, and interrupt once more. */
    k.regs[PAGE_INITIAL] = over ? 0 : a->timer_initial;
    k.regs[PAGE_CURRENT] = left;
    machine_of(a)->irqchip->ops->set_apic(&a->cpu->vcpu, &k);
    a->extint = false;
    if (atomic_load(&a->cpu->pending) & PENDING_INTR && !a->lint_level[0]) {
        cpu_clear_pending(a->cpu, PENDING_INTR);
    }
    apic_update(a);
}

void apic_join_kernel(struct apic *a)
{
    a->part = (struct irqchip_part){ take, give, a, NULL };
    irqchip_add_part(machine_of(a), &a->part);
}

void apic_leave_kernel(struct apic *a)
{
    irqchip_remove_part(machine_of(a), &a->part);
}

/* The kernel tells of a CPU only when it is out of the guest: another's is made to leave, as it may never by itself. */
void apic_peek(struct apic *a)
{
    bool others = vcpu_current() != &a->cpu->vcpu;

    if (!apic_in_kernel(a->bus) || a->borrowed) {
        return;
    }
    if (others) {
        vcpu_exclusive_begin(machine_of(a));
    }
    take(a);
    if (others) {
        vcpu_exclusive_end(machine_of(a));
    }
}

/* What others send meanwhile would be lost when ours is written back: they stand still. */
bool apic_borrow(struct apic *a)
{
    if (!apic_in_kernel(a->bus) || a->borrowed) {
        return false;
    }
    vcpu_exclusive_begin(machine_of(a));
    take(a);
    a->borrowed = true;
    return true;
}

void apic_give_back(struct apic *a, bool borrowed)
{
    if (borrowed) {
        a->borrowed = false;
        give(a);
        vcpu_exclusive_end(machine_of(a));
    }
}
