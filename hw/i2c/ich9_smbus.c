/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i2c/ich9_smbus.c: "ICH9-SMB": the ICH9's function 31.3 (8086:2930): an SMBus host controller (smbus_host.h).
 * Source: Intel I/O Controller Hub 9 datasheet (316972), 19.1.  Thread: under the machine lock.
 */
#include "hw/i2c/ich9_smbus.h"

enum ich9_smbus_config { HOSTC = 0x40 };
enum { HOSTC_ENABLE = 1 << 0, HOSTC_I2C = 1 << 2, HOSTC_WRITABLE = 0x17 };
#define PORTS     32u
#define PORTS_BAR 4u

static void set_irq(void *opaque, int n, bool level)
{
    (void)n;
    pci_set_intx(opaque, level);
}

/* The ports answer while HOSTC says so, wherever the BAR is. */
static void update_ports(struct ich9_smbus *s)
{
    mem_transaction_begin(s->pci.dev.machine);
    mem_region_set_enabled(&s->host.ports, s->pci.config[HOSTC] & HOSTC_ENABLE);
    mem_transaction_commit(s->pci.dev.machine);
}

static void config_written(struct pci_device *d, unsigned off, unsigned size)
{
    if (off <= HOSTC && off + size > HOSTC) {
        update_ports((struct ich9_smbus *)d);
    }
}

static bool ich9_smbus_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x2930, .revision = 2, .class = 0x0c05, .int_pin = 2
    };
    struct ich9_smbus *s = (struct ich9_smbus *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = config_written;
    pci_config_set_wmask(&s->pci, HOSTC, HOSTC_WRITABLE, 1);
    smbus_host_init(&s->host, dev->machine, dev, "ich9-smbus", PORTS, true);
    s->host.irq = (struct irq){ set_irq, &s->pci, 0 };
    pci_add_bar(&s->pci, PORTS_BAR, PCI_BAR_IO, &s->host.ports, PORTS);
    return true;
}

static void ich9_smbus_reset(struct device *dev)
{
    struct ich9_smbus *s = (struct ich9_smbus *)dev;

    pci_device_reset(&s->pci);
    smbus_host_reset(&s->host);
    update_ports(s);
}

static void ich9_smbus_unrealize(struct device *dev)
{
    struct ich9_smbus *s = (struct ich9_smbus *)dev;

    pci_device_teardown(&s->pci);
    smbus_host_destroy(&s->host);
}

static bool ich9_smbus_post_load(struct device *dev, GError **error)
{
    struct ich9_smbus *s = (struct ich9_smbus *)dev;

    if (!pci_device_post_load(&s->pci, error) || !smbus_host_post_load(&s->host, error)) {
        return false;
    }
    update_ports(s);
    return true;
}

static const struct property ich9_smbus_props[] = {
    PCI_PROPS(struct ich9_smbus, pci),
    { 0 },
};
static const struct state_row ich9_smbus_state[] = {
    PCI_STATE(struct ich9_smbus, pci),
    STATE_SUB(struct ich9_smbus, host, 1, smbus_host_state, 1, "the host controller"),
    { 0 },
};

const struct device_type ich9_smbus_type = {
    .name = "ICH9-SMB",
    .summary = "the ICH9's SMBus",
    .bus = BUS_PCI,
    .internal = true,
    .size = sizeof(struct ich9_smbus),
    .props = ich9_smbus_props,
    .state = ich9_smbus_state,
    .realize = ich9_smbus_realize,
    .reset = ich9_smbus_reset,
    .unrealize = ich9_smbus_unrealize,
    .post_load = ich9_smbus_post_load,
};
