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
    bus_init(&isa->bus, m, BUS_ISA, name, parent);
}

const struct irq *isa_irq(struct device *dev, unsigned n)
{
    struct bus *bus = dev->bus;

    if (!bus || bus->kind != BUS_ISA) {
        bus = bus_find(dev->machine, BUS_ISA, NULL);
    }
    if (!bus || n >= ISA_IRQS) {
        return NULL;
    }
    const struct isa_bus *isa = (const struct isa_bus *)bus;

    return isa->irqs ? &isa->irqs[n] : NULL;
}

void isa_register_ports(struct device *dev, uint16_t first, struct mem_region *mr)
{
    mem_region_add(&dev->machine->system_io, first, mr, 0);
}
