/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/q35.c: the PC with Q35 and ICH9 (2009): PCI Express, and eight more interrupts.
 *
 * Thread: q35_init on the main thread; handlers under the machine lock.
 */
#include "hw/i2c/i2c.h"
#include "hw/i2c/ich9_smbus.h"
#include "hw/i386/pc.h"
#include "hw/i386/pc_drives.h"
#include "hw/usb/usb.h"

/* The host bridge and the LPC bridge; the ISA bus exists from here on. */
static bool add_chipset(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct ich9_smbus *smbus;
    struct bus *pcie;

    pc->host = (struct pci_host *)device_new(m, &q35_pci_host_type);
    pc->host->memory = &pc->pci_memory;
    pc->host->io = &m->system_io;
    if (!device_realize(&pc->host->dev, NULL, error)) {
        return false;
    }
    pcie = &pc->host->bus.bus;

    pc->mch = (struct mch *)device_new(m, &mch_type);
    pc->mch->pci.addr = PCI_DEVFN(0, 0);
    pc->mch->ram = &pc->ram;
    pc->mch->ram_below_4g = pc->ram_below_4g;
    pc->mch->pci_memory = &pc->pci_memory;
    if (!device_realize(&pc->mch->pci.dev, pcie, error)) {
        return false;
    }
    pc->lpc = (struct ich9_lpc *)device_new(m, &ich9_lpc_type);
    pc->lpc->pci.addr = PCI_DEVFN(31, 0);
    pc->lpc->host = pc->host;
    for (int i = 0; i < ISA_IRQS; i++) {
        pc->lpc->pic_irqs[i] = (struct irq){ pc_pic_set, pc, i };
    }
    for (int i = 0; i < ICH9_GSIS; i++) {
        pc->lpc->apic_irqs[i] = (struct irq){ pc_apic_set, pc, i };
    }
    pc_connect_smm(pc, &pc->lpc->smi, PC_SMI_WRITER);
    pc_connect_smm(pc, &pc->lpc->smi_all, PC_SMI_ALL);
    if (!device_realize(&pc->lpc->pci.dev, pcie, error)) {
        return false;
    }
    pc->isa = &pc->lpc->isa;
    pc->ahci = (struct ahci *)device_new(m, &ich9_ahci_type);
    pc->ahci->pci.addr = PCI_DEVFN(31, 2);
    if (!device_realize(&pc->ahci->pci.dev, pcie, error)) {
        return false;
    }
    pc->acpi_pm = &pc->lpc->pm;
    smbus = (struct ich9_smbus *)device_new(m, &ich9_smbus_type);
    smbus->pci.addr = PCI_DEVFN(31, 3);
    return device_realize(&smbus->pci.dev, pcie, error) &&
           spd_add_modules(m, &smbus->host.bus, m->config.ram_size, error);
}

/* ELCR: the SCI and what PIRQs are routed to are levels (ICH9 datasheet, 13.4.12). */
static void program_chipset(struct pc *pc)
{
    struct machine *m = pc->machine;

    mch_open_ram(pc->mch, pc->ecam);
    ich9_lpc_place(pc->lpc, PC_PM_BASE);
    address_space_store(&m->io, 0x4d0, 0x00, 1);
    address_space_store(&m->io, 0x4d1, 1 << (9 - 8) | 1 << (10 - 8) | 1 << (11 - 8), 1);
}

/* Drives of if=ide are ports of the AHCI controller, one each. */
static bool add_drives(struct pc *pc, GError **error)
{
    struct ide_channel *channels[AHCI_PORTS];

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        channels[i] = &pc->ahci->ports[i].ch;
    }
    return pc_add_ide_drives(pc, channels, AHCI_PORTS, error) && pc_add_floppy(pc, error);
}

/* -usb: EHCI with six ports, and three companions with two each. */
static bool add_usb(struct pc *pc, GError **error)
{
    static const struct {
        const struct device_type *type;
        uint8_t devfn;
        const char *first; /* port */
    } parts[] = {
        { &ich9_usb_ehci1_type, PCI_DEVFN(29, 7), NULL },
        { &ich9_usb_uhci1_type, PCI_DEVFN(29, 0), "0" },
        { &ich9_usb_uhci2_type, PCI_DEVFN(29, 1), "2" },
        { &ich9_usb_uhci3_type, PCI_DEVFN(29, 2), "4" },
    };

    for (unsigned i = 0; pc->machine->config.usb && i < G_N_ELEMENTS(parts); i++) {
        struct pci_device *usb = (struct pci_device *)device_new(pc->machine, parts[i].type);

        usb->addr = parts[i].devfn;
        usb->multifunction = true;
        if ((parts[i].first &&
             (!device_set_property(&usb->dev, "masterbus", "usb-bus.0", error) ||
              !device_set_property(&usb->dev, "firstport", parts[i].first, error))) ||
            !device_realize(&usb->dev, &pc->host->bus.bus, error)) {
            return false;
        }
    }
    return true;
}

bool q35_init(struct machine *m, GError **error)
{
    struct pc *pc = pc_new(m);
    /* Little RAM fits below configuration space; more leaves room for large BARs below 4 GiB. */
    uint64_t low_max = m->config.ram_size > Q35_LOW_RAM_MAX ? Q35_LOW_RAM_LARGE : Q35_LOW_RAM_MAX;
    bool ok;

    pc->program_chipset = program_chipset;
    pc->ecam = Q35_ECAM_BASE;
    mem_transaction_begin(m);
    ok = pc_add_ram(pc, low_max, error) && pc_add_cpus(pc, error) && add_chipset(pc, error) &&
         pc_add_interrupts_and_timers(pc, error) && pc_add_isa_devices(pc, error) &&
         add_drives(pc, error) && add_usb(pc, error);
    mem_transaction_commit(m);
    return ok && pc_boot_init(pc, error);
}
