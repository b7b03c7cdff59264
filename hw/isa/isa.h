/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/isa/isa.h: the ISA bus: sixteen interrupt lines and the machine's I/O ports.
 *
 * Invariant: every bus of kind BUS_ISA is the first member of a struct isa_bus; whoever makes one
 *            (a board, the PCI-to-ISA bridge, the test rig) uses isa_bus_init.
 * Thread:    under the machine lock.
 */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"

#define ISA_IRQS 16
#define ISA_GSIS 24

struct isa_dma;

struct isa_bus {
    struct bus bus;
    struct isa_dma *dma;    /* hw/isa/dma.h; NULL: no DMA controller */
    const struct irq *irqs; /* ISA_IRQS lines, owned by the maker of the bus; NULL: not wired */
    const struct irq *gsis; /* the board's ISA_GSIS inputs of its controllers; NULL: not wired */
};

/* Makes the bus and wires its lines; `irqs` must live as long as the bus. */
void isa_bus_init(struct isa_bus *isa, struct machine *m, const char *name, struct device *parent,
                  const struct irq *irqs);
/* Line n of dev's bus, or else of the first ISA bus; NULL when n > 15 or nothing is wired. */
const struct irq *isa_irq(struct device *dev, unsigned n);
/* The same below 16; from there on the inputs that only an I/O APIC has; NULL: not wired. */
const struct irq *isa_gsi(struct device *dev, unsigned n);
/* Puts a region of ports into the machine's I/O space from port `first` on. */
void isa_register_ports(struct device *dev, uint16_t first, struct mem_region *mr);

#endif
