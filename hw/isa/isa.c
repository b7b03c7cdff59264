/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/isa/isa.c: the ISA bus.  It has no registers of its own.  Thread: under the machine lock.
 */
#include "hw/isa/isa.h"
#include "softmmu/machine.h"

void isa_bus_init(struct isa_bus *isa, struct machine *m, const char *name, struct device *parent,
                  const struct irq *irqs)
{
    isa->irqs = irqs;
    isa->gsis = NULL;
    bus_init(&isa->bus, m, BUS_ISA, name, parent);
}

static const struct isa_bus *bus_of(struct device *dev)
{
    struct bus *bus = dev->bus;

    if (!bus || bus->kind != BUS_ISA) {
        bus = bus_find(dev->machine, BUS_ISA, NULL);
    }
    return (const struct isa_bus *)bus;
}

const struct irq *isa_irq(struct device *dev, unsigned n)
{
    const struct isa_bus *isa = bus_of(dev);

    return isa && isa->irqs && n < ISA_IRQS ? &isa->irqs[n] : NULL;
}

const struct irq *isa_gsi(struct device *dev, unsigned n)
{
    const struct isa_bus *isa = bus_of(dev);

    if (n < ISA_IRQS) {
        return isa_irq(dev, n);
    }
    return isa && isa->gsis && n < ISA_GSIS ? &isa->gsis[n] : NULL;
}

void isa_register_ports(struct device *dev, uint16_t first, struct mem_region *mr)
{
    mem_region_add(&dev->machine->system_io, first, mr, 0);
}
