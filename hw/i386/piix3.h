/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/piix3.h: the 82371SB PCI-to-ISA bridge: the ISA bus and the routing of PCI interrupts. */
#ifndef HW_I386_PIIX3_H
#define HW_I386_PIIX3_H

#include "hw/isa/isa.h"
#include "hw/pci/host.h"

struct piix3 {
    struct pci_device pci;
    struct pci_host *host;         /* wired before realize: shares port 0xCF9 */
    struct irq irqs[ISA_IRQS];     /* wired before realize: to the interrupt controllers */
    struct isa_bus isa;            /* "isa.0": exists from realize on */
    struct irq isa_irqs[ISA_IRQS]; /* what devices on it drive */
    uint16_t isa_levels;           /* what ISA devices drive */
    uint8_t pirq_levels;           /* PIRQA-PIRQD */
    uint16_t driven;               /* derived: the level of each of `irqs` */
    uint8_t reset_control;         /* port 0xCF9 */
};
extern const struct device_type piix3_type;

/* Which PIRQ an INTx pin (0: INTA) of a slot is soldered to on this board. */
unsigned piix3_map_irq(unsigned slot, unsigned pin);
/* What firmware leaves behind: PIRQA, B on IRQ 10, PIRQC, D on IRQ 11. */
void piix3_route_pirqs(struct piix3 *s);

#endif
