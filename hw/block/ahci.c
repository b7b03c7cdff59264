/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/ahci.c: the AHCI host bus adapter as a PCI function: ich9-ahci (8086:2922), ahci.
 * Source: AHCI 1.3.1, 2 (PCI header), 3.1 (generic host control).
 * Invariant: bit n of `is` is set exactly when port n had an enabled interrupt since it was cleared.
 * Thread:    under the machine lock.
 */
#include "hw/block/ahci.h"

#include "softmmu/machine.h"
#include "util/error.h"

enum { GHC_HR = 1, GHC_IE = 2 };
#define GHC_AE 0x80000000u
/* 64-bit, NCQ, AHCI only, 1.5 and 3 Gb/s, command list override, 32 slots, 6 ports. */
#define CAP (0x80000000u | 1u << 30 | 1u << 24 | 2u << 20 | 1u << 18 | 31u << 8 | (AHCI_PORTS - 1))

static void set_line(struct ahci *s)
{
    bool level = s->is && s->ghc & GHC_IE;

    if (pci_msi_enabled(&s->pci)) {
        pci_set_intx(&s->pci, false);
    } else {
        pci_set_intx(&s->pci, level);
    }
}

void ahci_update_irq(struct ahci *s)
{
    bool raised = false;

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        if (s->ports[i].is & s->ports[i].ie) {
            raised |= true;
            s->is |= 1u << i;
        }
    }
    if (raised && s->ghc & GHC_IE && pci_msi_enabled(&s->pci)) {
        pci_msi_send(&s->pci, 0);
    }
    set_line(s);
}

static void reset_hba(struct ahci *s)
{
    s->ghc = GHC_AE;
    s->is = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        struct ahci_port *p = &s->ports[i];

        ahci_port_reset(p);
        if (p->ch.drives[0]) {
            ide_reset_drive(p->ch.drives[0]);
        }
    }
    set_line(s);
}

static uint64_t abar_read(void *opaque, uint64_t off, unsigned size)
{
    struct ahci *s = opaque;

    (void)size;
    if (off >= 0x100) {
        unsigned port = (unsigned)(off - 0x100) / 0x80;

        return port < AHCI_PORTS ? ahci_port_read(&s->ports[port], off % 0x80 / 4) : 0;
    }
    switch (off) {
    case 0x00:
        return CAP;
    case 0x04:
        return s->ghc;
    case 0x08:
        return s->is;
    case 0x0c:
        return (1u << AHCI_PORTS) - 1;
    case 0x10:
        return 0x00010300;
    default:
        return 0;
    }
}

static void abar_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ahci *s = opaque;

    (void)size;
    if (off >= 0x100) {
        unsigned port = (unsigned)(off - 0x100) / 0x80;

        if (port < AHCI_PORTS) {
            ahci_port_write(&s->ports[port], off % 0x80 / 4, (uint32_t)value);
        }
    } else if (off == 0x04) {
        if (value & GHC_HR) {
            reset_hba(s);
            return;
        }
        s->ghc = GHC_AE | (value & GHC_IE);
        ahci_update_irq(s);
    } else if (off == 0x08) {
        s->is &= ~(uint32_t)value;
        ahci_update_irq(s);
    }
}

static const struct mem_ops abar_ops = {
    .read = abar_read, .write = abar_write, .min_size = 4, .max_size = 4, .widen_writes = true
};

static bool ahci_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x8086,
                                            .device = 0x2922,
                                            .class = 0x0106,
                                            .prog_if = 1,
                                            .revision = 2,
                                            .int_pin = 1 };
    struct ahci *s = (struct ahci *)dev;
    struct machine *m = dev->machine;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    mem_region_init_mmio(&s->abar, m, "ahci", &abar_ops, s, 0x1000);
    pci_add_bar(&s->pci, 5, PCI_BAR_MEM32, &s->abar, 0x1000);
    pci_msi_setup(&s->pci, 1);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        s->ports[i].owner = s;
        s->ports[i].slot = 0xff;
        ide_channel_init(&s->ports[i].ch, dev, i, &ahci_host_ops, 1);
    }
    return true;
}

static void ahci_reset(struct device *dev)
{
    pci_device_reset(&((struct ahci *)dev)->pci);
    reset_hba((struct ahci *)dev);
}

static void ahci_unrealize(struct device *dev)
{
    struct ahci *s = (struct ahci *)dev;

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        ahci_port_reset(&s->ports[i]);
        ide_channel_destroy(&s->ports[i].ch);
    }
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->abar);
}

static void ahci_pre_save(struct device *dev)
{
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        ahci_port_drain(&((struct ahci *)dev)->ports[i]);
    }
}

static bool ahci_post_load(struct device *dev, GError **error)
{
    struct ahci *s = (struct ahci *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        const struct ahci_port *p = &s->ports[i];

        if ((p->slot >= AHCI_SLOTS && p->slot != 0xff) || p->prd_count > 65535 ||
            p->prd_at > 0x400000) {
            set_error(error, "port %u: the command under way is out of bounds", i);
            return false;
        }
    }
    set_line(s);
    return true;
}

static const struct property ahci_props[] = { PCI_PROPS(struct ahci, pci), { 0 } };

/* clang-format off */
static const struct state_row port_state[] = {
    STATE_SUB(struct ahci_port, ch, 1, ide_channel_state, 1, "the channel"),
    STATE_INT(struct ahci_port, clb, 1, "command list"),
    STATE_INT(struct ahci_port, clbu, 1, "its upper half"),
    STATE_INT(struct ahci_port, fb, 1, "received FISes"),
    STATE_INT(struct ahci_port, fbu, 1, "upper half"),
    STATE_INT(struct ahci_port, is, 1, "interrupt status"),
    STATE_INT(struct ahci_port, ie, 1, "interrupt enable"),
    STATE_INT(struct ahci_port, cmd, 1, "command and status"),
    STATE_INT(struct ahci_port, serr, 1, "SATA error"),
    STATE_INT(struct ahci_port, sact, 1, "queued commands"),
    STATE_INT(struct ahci_port, ci, 1, "commands issued"),
    STATE_INT(struct ahci_port, sctl, 1, "SATA control"),
    STATE_INT(struct ahci_port, signature_due, 1, "signature FIS still to send"),
    STATE_INT(struct ahci_port, slot, 1, "command that runs"),
    STATE_INT(struct ahci_port, table, 1, "its table"),
    STATE_INT(struct ahci_port, prd_count, 1, "descriptors of the table"),
    STATE_INT(struct ahci_port, prd, 1, "the current one"),
    STATE_INT(struct ahci_port, prd_at, 1, "position in it"),
    STATE_INT(struct ahci_port, moved, 1, "bytes moved"),
    STATE_INT(struct ahci_port, queue_stopped, 1, "a queued command failed"),
    { 0 },
};
static const struct state_row ahci_state[] = {
    PCI_STATE(struct ahci, pci),
    STATE_INT(struct ahci, ghc, 1, "global host control"),
    STATE_INT(struct ahci, is, 1, "ports with an interrupt"),
    STATE_SUB(struct ahci, ports, AHCI_PORTS, port_state, 1, "ports"),
    { 0 },
};

/* clang-format on */
const struct device_type ich9_ahci_type = {
    .name = "ich9-ahci",
    .summary = "Intel ICH9 AHCI controller",
    .bus = BUS_PCI,
    .size = sizeof(struct ahci),
    .props = ahci_props,
    .state = ahci_state,
    .realize = ahci_realize,
    .reset = ahci_reset,
    .unrealize = ahci_unrealize,
    .pre_save = ahci_pre_save,
    .post_load = ahci_post_load,
};
