/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/ich9_lpc.c: the 82801I LPC bridge (8086:2918): the ISA bus, PIRQ routing, the SCI's
 * route, and port 0xCF9.  The power management registers are in ich9_pm.c.
 *
 * Source: Intel I/O Controller Hub 9 datasheet (316972), 13.1 and 5.8, 5.9.
 * Invariants: the I/O APIC sees PIRQA-H as inputs 16-23, always; the 8259s see each where its route
 *             register says.  The SCI goes to the one input that ACPI_CNTL names.
 * Thread:     under the machine lock.
 */
#include "hw/i386/ich9_lpc.h"

#include "util/log.h"

enum { ROUTE_OFF = 0x80, ROUTE_IRQ = 0x0f };
enum { RC_HARD = 1 << 1, RC_CPU = 1 << 2 };
/* The other IRQs are the board's own: they can not be routed (13.1.19). */
#define ROUTABLE 0xdef8u /* 3-7, 9-12, 14, 15 */

static unsigned route_register(unsigned pirq)
{
    return pirq < 4 ? ICH9_PIRQ_A + pirq : ICH9_PIRQ_E + pirq - 4;
}

/* The GSI that the SCI drives (13.1.13). */
static unsigned sci_gsi(const struct ich9_lpc *s)
{
    static const uint8_t gsis[8] = { 9, 10, 11, 9, 20, 21, 22, 23 };

    return gsis[s->pci.config[ICH9_ACPI_CNTL] & 7];
}

static void drive(struct irq *irqs, unsigned n, uint32_t old, uint32_t levels)
{
    for (unsigned i = 0; i < n; i++) {
        if ((old ^ levels) >> i & 1) {
            irq_set(&irqs[i], levels >> i & 1);
        }
    }
}

static void update_irqs(struct ich9_lpc *s)
{
    uint32_t apic = s->isa_levels | (uint32_t)s->pirq_levels << ICH9_GSI_PIRQ;
    uint32_t pic, old;

    if (s->sci_level) {
        apic |= 1u << sci_gsi(s);
    }
    pic = apic & 0xffff;
    for (unsigned i = 0; i < 8; i++) {
        unsigned reg = s->pci.config[route_register(i)], irq = reg & ROUTE_IRQ;

        if ((s->pirq_levels >> i & 1) && !(reg & ROUTE_OFF) && (ROUTABLE >> irq & 1)) {
            pic |= 1u << irq;
        }
    }
    old = s->apic_driven;
    s->apic_driven = apic;
    drive(s->apic_irqs, ICH9_GSIS, old, apic);
    old = s->pic_driven;
    s->pic_driven = (uint16_t)pic;
    drive(s->pic_irqs, ISA_IRQS, old, pic);
}

static void isa_irq_changed(void *opaque, int n, bool level)
{
    struct ich9_lpc *s = opaque;

    s->isa_levels = (uint16_t)(level ? s->isa_levels | 1u << n : s->isa_levels & ~(1u << n));
    update_irqs(s);
}

static void pirq_changed(void *opaque, int n, bool level)
{
    struct ich9_lpc *s = opaque;

    s->pirq_levels = (uint8_t)(level ? s->pirq_levels | 1u << n : s->pirq_levels & ~(1u << n));
    update_irqs(s);
}

static void sci_changed(void *opaque, int n, bool level)
{
    struct ich9_lpc *s = opaque;

    (void)n;
    s->sci_level = level;
    update_irqs(s);
}

unsigned ich9_map_irq(unsigned slot, unsigned pin)
{
    return slot < 25 ? 4 + ((slot + pin) & 3) : pin & 3;
}

void ich9_lpc_place(struct ich9_lpc *s, uint16_t base)
{
    for (unsigned i = 0; i < 8; i++) {
        s->pci.config[route_register(i)] = i % 4 < 2 ? 10 : 11;
    }
    pci_config_store(&s->pci, ICH9_PMBASE, (base & 0xff80u) | 1, 4);
    s->pci.config[ICH9_ACPI_CNTL] = 0x80;
    pci_config_store(&s->pci, ICH9_RCBA, ICH9_RCBA_BASE | 1, 4);
    ich9_pm_update(s);
    update_irqs(s);
}

static void ich9_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct ich9_lpc *s = (struct ich9_lpc *)d;

    if (off < ICH9_PIRQ_E + 4 && off + size > ICH9_PMBASE) {
        update_irqs(s);
    }
    ich9_pm_update(s);
}

static uint8_t reset_control_read(void *opaque)
{
    return ((struct ich9_lpc *)opaque)->reset_control;
}

/* A rising edge of bit 2 resets; bit 1 says how hard, which is the same here (13.7.5). */
static void reset_control_write(void *opaque, uint8_t value)
{
    struct ich9_lpc *s = opaque;
    bool rise = (value & RC_CPU) && !(s->reset_control & RC_CPU);

    s->reset_control = value & (RC_CPU | RC_HARD);
    if (rise) {
        log_line(LOG_DEVICE, "ICH9: reset through port 0xcf9");
        machine_request_reset(s->pci.dev.machine, SHUTDOWN_GUEST_RESET);
    }
}

static void set_masks(struct pci_device *d)
{
    pci_config_set_wmask(d, ICH9_PMBASE, 0xff80, 4);
    pci_config_set_wmask(d, ICH9_ACPI_CNTL, 0x87, 1);
    pci_config_set_wmask(d, 0x48, 0xff80, 4); /* GPIOBASE: no GPIOs behind it */
    pci_config_set_wmask(d, 0x4c, 0x10, 1);   /* GC */
    pci_config_set_wmask(d, ICH9_PIRQ_A, 0x8f8f8f8f, 4);
    pci_config_set_wmask(d, 0x64, 0xd3, 1); /* SIRQ_CNTL */
    pci_config_set_wmask(d, ICH9_PIRQ_E, 0x8f8f8f8f, 4);
    pci_config_set_wmask(d, 0x80, 0x3f0f1377, 4); /* LPC I/O decode and enables */
    pci_config_set_wmask(d, ICH9_GEN_PMCON, 0xffff, 2);
    pci_config_set_wmask(d, 0xdc, 0x03, 1); /* BIOS_CNTL: the BIOS is not a flash here */
    pci_config_set_wmask(d, ICH9_RCBA, 0xffffc001, 4);
}

static bool ich9_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x2918, .revision = 2, .class = 0x0601
    };
    struct ich9_lpc *s = (struct ich9_lpc *)dev;
    struct pci_bus *bus;

    s->pci.multifunction = true;
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = ich9_config_written;
    set_masks(&s->pci);
    bus = pci_bus_of(&s->pci);
    bus->map_irq = ich9_map_irq;
    for (int i = 0; i < 8; i++) {
        bus->lines[i] = (struct irq){ pirq_changed, s, i };
    }
    for (int i = 0; i < ISA_IRQS; i++) {
        s->isa_irqs[i] = (struct irq){ isa_irq_changed, s, i };
    }
    isa_bus_init(&s->isa, dev->machine, "isa.0", dev, s->isa_irqs);
    s->pm.sci = (struct irq){ sci_changed, s, 0 };
    ich9_pm_realize(s);
    if (s->host) {
        s->host->reset_control_read = reset_control_read;
        s->host->reset_control_write = reset_control_write;
        s->host->reset_control_opaque = s;
    }
    return true;
}

static void ich9_reset(struct device *dev)
{
    struct ich9_lpc *s = (struct ich9_lpc *)dev;

    s->pci.wmask[ICH9_GEN_PMCON] |= ICH9_SMI_LOCK;
    pci_device_reset(&s->pci);
    pci_config_store(&s->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
                     2);
    pci_config_store(&s->pci, ICH9_PMBASE, 1, 4);
    pci_config_store(&s->pci, ICH9_PIRQ_A, ROUTE_OFF * 0x01010101u, 4);
    pci_config_store(&s->pci, ICH9_PIRQ_E, ROUTE_OFF * 0x01010101u, 4);
    s->pci.config[0x64] = 0x10;
    s->reset_control = 0;
    ich9_pm_reset(s);
    update_irqs(s);
}

static void ich9_unrealize(struct device *dev)
{
    struct ich9_lpc *s = (struct ich9_lpc *)dev;
    struct pci_bus *bus = pci_bus_of(&s->pci);

    if (s->host) {
        s->host->reset_control_read = NULL;
        s->host->reset_control_write = NULL;
    }
    for (unsigned i = 0; i < 8; i++) {
        bus->lines[i] = (struct irq){ 0 };
    }
    bus->map_irq = NULL;
    ich9_pm_unrealize(s);
    pci_device_teardown(&s->pci);
}

static bool ich9_post_load(struct device *dev, GError **error)
{
    struct ich9_lpc *s = (struct ich9_lpc *)dev;

    if (!pci_device_post_load(&s->pci, error) || !acpi_pm_post_load(&s->pm, error)) {
        return false;
    }
    s->reset_control &= RC_CPU | RC_HARD;
    s->pci.wmask[ICH9_GEN_PMCON] |= ICH9_SMI_LOCK;
    ich9_smi_post_load(s);
    ich9_pm_update(s);
    update_irqs(s);
    return true;
}

static const struct property ich9_props[] = {
    PCI_PROPS(struct ich9_lpc, pci),
    ACPI_PM_PROPS(struct ich9_lpc, pm),
    { 0 },
};
static const struct state_row ich9_state[] = {
    PCI_STATE(struct ich9_lpc, pci),
    STATE_INT(struct ich9_lpc, isa_levels, 1, "lines that ISA devices hold up"),
    STATE_INT(struct ich9_lpc, pirq_levels, 1, "PIRQA-PIRQH"),
    STATE_INT(struct ich9_lpc, reset_control, 1, "port 0xCF9"),
    STATE_SUB(struct ich9_lpc, pm, 1, acpi_pm_state, 1, "ACPI's registers"),
    STATE_INT(struct ich9_lpc, smi_enable, 1, "SMI_EN"),
    STATE_INT(struct ich9_lpc, smi_status, 1, "SMI_STS"),
    STATE_BUF(struct ich9_lpc, smi_request, 1, "SMI features that firmware wants"),
    STATE_INT(struct ich9_lpc, smi_features, 1, "SMI features that it was given"),
    STATE_INT(struct ich9_lpc, smi_features_ok, 1, "they are agreed upon"),
    STATE_INT(struct ich9_lpc, apm_command, 1, "port 0xB2"),
    STATE_INT(struct ich9_lpc, apm_status, 1, "port 0xB3"),
    STATE_BUF(struct ich9_lpc, scratch, 1, "PM registers without an effect"),
    STATE_BUF(struct ich9_lpc, chipset, 1, "chipset configuration registers"),
    { 0 },
};

const struct device_type ich9_lpc_type = {
    .name = "ICH9-LPC",
    .summary = "Intel 82801I LPC bridge",
    .bus = BUS_PCI,
    .internal = true,
    .size = sizeof(struct ich9_lpc),
    .props = ich9_props,
    .state = ich9_state,
    .realize = ich9_realize,
    .reset = ich9_reset,
    .unrealize = ich9_unrealize,
    .post_load = ich9_post_load,
};
