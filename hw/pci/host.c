/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/host.c: the host's two configuration ports and the root bus behind them.
 *
 * CONFIG_ADDRESS is reached by 32-bit accesses only; narrower ones are ordinary I/O, of which the
 * reset control register at 0xCF9 is the only one known.
 * Thread: under the machine lock.
 */
#include "hw/pci/host.h"

#include "util/log.h"

#define CONFIG_ENABLE       0x80000000u
#define CONFIG_ADDRESS_MASK 0x80fffffcu /* the rest is reserved and reads 0 */

static uint64_t address_read(void *opaque, uint64_t off, unsigned size)
{
    struct pci_host *s = opaque;

    if (off == 0 && size == 4) {
        return s->address;
    }
    if (off == 1 && size == 1 && s->reset_control_read) {
        return s->reset_control_read(s->reset_control_opaque);
    }
    log_line(LOG_UNIMP, "pci-host: %u-byte read of port 0x%x", size, 0xcf8 + (unsigned)off);
    return UINT64_MAX;
}

static void address_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pci_host *s = opaque;

    if (off == 0 && size == 4) {
        s->address = (uint32_t)value & CONFIG_ADDRESS_MASK;
    } else if (off == 1 && size == 1 && s->reset_control_write) {
        s->reset_control_write(s->reset_control_opaque, (uint8_t)value);
    } else {
        log_line(LOG_UNIMP, "pci-host: %u-byte write of port 0x%x", size, 0xcf8 + (unsigned)off);
    }
}

/* The function that CONFIG_ADDRESS selects; NULL: none answers. */
static struct pci_device *selected(struct pci_host *s)
{
    if (!(s->address & CONFIG_ENABLE)) {
        return NULL;
    }
    return pci_find(&s->bus, (uint8_t)(s->address >> 16), (uint8_t)(s->address >> 8));
}

/* A master abort reads all ones: that is how guests probe. */
static uint64_t data_read(void *opaque, uint64_t off, unsigned size)
{
    struct pci_host *s = opaque;
    struct pci_device *d = selected(s);

    return d ? pci_config_read(d, (s->address & 0xfc) + (unsigned)off, size) : UINT64_MAX;
}

static void data_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pci_host *s = opaque;
    struct pci_device *d = selected(s);

    if (d) {
        pci_config_write(d, (s->address & 0xfc) + (unsigned)off, (uint32_t)value, size);
    }
}

static const struct mem_ops address_ops = {
    .read = address_read, .write = address_write, .min_size = 1, .max_size = 4
};
static const struct mem_ops data_ops = {
    .read = data_read, .write = data_write, .min_size = 1, .max_size = 4
};

static bool pci_host_realize(struct device *dev, GError **error)
{
    struct pci_host *s = (struct pci_host *)dev;
    struct machine *m = dev->machine;

    (void)error;
    pci_bus_setup(&s->bus, m, dev->type == &q35_pci_host_type ? "pcie.0" : "pci.0", dev,
                  s->memory ? s->memory : &m->system_memory, s->io ? s->io : &m->system_io);
    mem_region_init_mmio(&s->address_port, m, "pci-conf-idx", &address_ops, s, 4);
    mem_region_init_mmio(&s->data_port, m, "pci-conf-data", &data_ops, s, 4);
    mem_region_add(&m->system_io, 0xcf8, &s->address_port, 0);
    mem_region_add(&m->system_io, 0xcfc, &s->data_port, 0);
    return true;
}

static void pci_host_reset(struct device *dev)
{
    ((struct pci_host *)dev)->address = 0;
}

static void pci_host_unrealize(struct device *dev)
{
    struct pci_host *s = (struct pci_host *)dev;

    mem_region_destroy(&s->address_port);
    mem_region_destroy(&s->data_port);
}

static const struct state_row pci_host_state[] = {
    STATE_INT(struct pci_host, address, 1, "CONFIG_ADDRESS, port 0xCF8"),
    { 0 },
};

/* The two differ in their names, and in that of their bus. */
#define PCI_HOST_TYPE(n)                                                                           \
    .name = n, .summary = "PCI host: configuration ports 0xCF8 and 0xCFC", .bus = BUS_SYSTEM,      \
    .internal = true, .size = sizeof(struct pci_host), .state = pci_host_state,                    \
    .realize = pci_host_realize, .reset = pci_host_reset, .unrealize = pci_host_unrealize

const struct device_type pci_host_type = { PCI_HOST_TYPE("i440FX-pcihost") };
const struct device_type q35_pci_host_type = { PCI_HOST_TYPE("q35-pcihost") };
