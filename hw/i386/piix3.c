/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/piix3.c: the 82371SB PCI-to-ISA bridge (8086:7000): the ISA bus, PIRQ routing, and the
 * reset control register at port 0xCF9.
 *
 * Source: Intel 82371FB/82371SB (PIIX/PIIX3) datasheet (290550), 2.2.7 "PIRQRC", 2.5.7.2 "RC".
 * Invariants: the level of an IRQ is the OR of the ISA device's and of every PIRQ routed to it.
 * Thread:     under the machine lock.
 */
#include "hw/i386/piix3.h"

#include "util/log.h"

#define PIRQRC_A 0x60 /* 0x60-0x63 */
enum { PIRQRC_OFF = 0x80, PIRQRC_IRQ = 0x0f };
enum { RC_HARD = 1 << 1, RC_CPU = 1 << 2 };
/* The other IRQs are the board's own: they can not be routed (2.2.7). */
#define ROUTABLE 0xdef8u /* 3-7, 9-12, 14, 15 */

static void update_irqs(struct piix3 *s)
{
    unsigned levels = s->isa_levels, changed;

    for (unsigned i = 0; i < 4; i++) {
        unsigned reg = s->pci.config[PIRQRC_A + i], irq = reg & PIRQRC_IRQ;

        if ((s->pirq_levels >> i & 1) && !(reg & PIRQRC_OFF) && (ROUTABLE >> irq & 1)) {
            levels |= 1u << irq;
        }
    }
    changed = levels ^ s->driven;
    s->driven = (uint16_t)levels;
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        if (changed >> i & 1) {
            irq_set(&s->irqs[i], levels >> i & 1);
        }
    }
}

static void isa_irq_changed(void *opaque, int n, bool level)
{
    struct piix3 *s = opaque;

    s->isa_levels = (uint16_t)(level ? s->isa_levels | 1u << n : s->isa_levels & ~(1u << n));
    update_irqs(s);
}

static void pirq_changed(void *opaque, int n, bool level)
{
    struct piix3 *s = opaque;

    s->pirq_levels = (uint8_t)(level ? s->pirq_levels | 1u << n : s->pirq_levels & ~(1u << n));
    update_irqs(s);
}

unsigned piix3_map_irq(unsigned slot, unsigned pin)
{
    return (slot - 1 + pin) & 3;
}

void piix3_route_pirqs(struct piix3 *s)
{
    for (unsigned i = 0; i < 4; i++) {
        s->pci.config[PIRQRC_A + i] = i < 2 ? 10 : 11;
    }
    update_irqs(s);
}

static void piix3_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    if (off < PIRQRC_A + 4 && off + size > PIRQRC_A) {
        update_irqs((struct piix3 *)d);
    }
}

static uint8_t reset_control_read(void *opaque)
{
    return ((struct piix3 *)opaque)->reset_control;
}

/* A rising edge of bit 2 resets; bit 1 says how hard, which is the same here. */
static void reset_control_write(void *opaque, uint8_t value)
{
    struct piix3 *s = opaque;
    bool rise = (value & RC_CPU) && !(s->reset_control & RC_CPU);

    s->reset_control = value & (RC_CPU | RC_HARD);
    if (rise) {
        log_line(LOG_DEVICE, "PIIX3: reset through port 0xcf9");
        machine_request_reset(s->pci.dev.machine, SHUTDOWN_GUEST_RESET);
    }
}

static bool piix3_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x8086, .device = 0x7000, .class = 0x0601 };
    struct piix3 *s = (struct piix3 *)dev;
    struct pci_bus *bus;

    s->pci.multifunction = true;
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = piix3_config_written;
    pci_config_set_wmask(&s->pci, 0x4c, 0x7f, 1);   /* IORT: recovery times */
    pci_config_set_wmask(&s->pci, 0x4e, 0xffff, 2); /* XBCS: chip selects */
    pci_config_set_wmask(&s->pci, PIRQRC_A, 0x8f8f8f8f, 4);
    pci_config_set_wmask(&s->pci, 0x69, 0xfe, 1); /* TOM */
    pci_config_set_wmask(&s->pci, 0x70, 0xef, 1); /* MBIRQ0 */
    pci_config_set_wmask(&s->pci, 0x82, 0x0f, 1); /* DLC */
    pci_config_set_wmask(&s->pci, 0xa0, 0xff, 1); /* SMICNTL */

    bus = pci_bus_of(&s->pci);
    bus->map_irq = piix3_map_irq;
    for (int i = 0; i < 4; i++) {
        bus->lines[i] = (struct irq){ pirq_changed, s, i };
    }
    for (int i = 0; i < ISA_IRQS; i++) {
        s->isa_irqs[i] = (struct irq){ isa_irq_changed, s, i };
    }
    isa_bus_init(&s->isa, dev->machine, "isa.0", dev, s->isa_irqs);
    if (s->host) {
        s->host->reset_control_read = reset_control_read;
        s->host->reset_control_write = reset_control_write;
        s->host->reset_control_opaque = s;
    }
    return true;
}

static void piix3_reset(struct device *dev)
{
    struct piix3 *s = (struct piix3 *)dev;

    pci_device_reset(&s->pci);
    pci_config_store(&s->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
                     2);
    s->pci.config[0x4c] = 0x4d;
    s->pci.config[0x4e] = 0x03;
    pci_config_store(&s->pci, PIRQRC_A, PIRQRC_OFF * 0x01010101u, 4);
    s->reset_control = 0;
    update_irqs(s);
}

static void piix3_unrealize(struct device *dev)
{
    struct piix3 *s = (struct piix3 *)dev;
    struct pci_bus *bus = pci_bus_of(&s->pci);

    if (s->host) {
        s->host->reset_control_read = NULL;
        s->host->reset_control_write = NULL;
    }
    for (unsigned i = 0; i < 4; i++) {
        bus->lines[i] = (struct irq){ 0 };
    }
    bus->map_irq = NULL;
    pci_device_teardown(&s->pci);
}

static bool piix3_post_load(struct device *dev, GError **error)
{
    struct piix3 *s = (struct piix3 *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    s->pirq_levels &= 15;
    s->reset_control &= RC_CPU | RC_HARD;
    update_irqs(s);
    return true;
}

static const struct property piix3_props[] = { PCI_PROPS(struct piix3, pci), { 0 } };
static const struct state_row piix3_state[] = {
    PCI_STATE(struct piix3, pci),
    STATE_INT(struct piix3, isa_levels, 1, "lines that ISA devices hold up"),
    STATE_INT(struct piix3, pirq_levels, 1, "PIRQA-PIRQD"),
    STATE_INT(struct piix3, reset_control, 1, "port 0xCF9"),
    { 0 },
};

const struct device_type piix3_type = {
    .name = "PIIX3",
    .summary = "Intel 82371SB PCI-to-ISA bridge",
    .bus = BUS_PCI,
    .internal = true,
    .size = sizeof(struct piix3),
    .props = piix3_props,
    .state = piix3_state,
    .realize = piix3_realize,
    .reset = piix3_reset,
    .unrealize = piix3_unrealize,
    .post_load = piix3_post_load,
};
