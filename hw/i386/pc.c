/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc.c: the PC with i440FX and PIIX3 (1996) as a parts list with wires.
 *
 * Thread: pc_init on the main thread; handlers under the machine lock.
 */
#include "hw/i386/pc.h"
#include "hw/i2c/i2c.h"
#include "hw/i386/pc_drives.h"
#include "hw/usb/usb.h"

/* The host bridge and the two PIIX functions; the ISA bus exists from here on. */
static bool add_chipset(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *pci;

    pc->host = (struct pci_host *)device_new(m, &pci_host_type);
    pc->host->memory = &pc->pci_memory;
    pc->host->io = &m->system_io;
    if (!device_realize(&pc->host->dev, NULL, error)) {
        return false;
    }
    pci = &pc->host->bus.bus;

    pc->i440fx = (struct i440fx *)device_new(m, &i440fx_type);
    pc->i440fx->pci.addr = PCI_DEVFN(0, 0);
    pc->i440fx->ram = &pc->ram;
    pc->i440fx->pci_memory = &pc->pci_memory;
    if (!device_realize(&pc->i440fx->pci.dev, pci, error)) {
        return false;
    }
    pc->piix3 = (struct piix3 *)device_new(m, &piix3_type);
    pc->piix3->pci.addr = PCI_DEVFN(1, 0);
    pc->piix3->host = pc->host;
    for (int i = 0; i < ISA_IRQS; i++) {
        pc->piix3->irqs[i] = pc->gsi[i];
    }
    if (!device_realize(&pc->piix3->pci.dev, pci, error)) {
        return false;
    }
    pc->isa = &pc->piix3->isa;
    pc->ide = (struct piix3_ide *)device_new(m, &piix3_ide_type);
    pc->ide->pci.addr = PCI_DEVFN(1, 1);
    if (!device_realize(&pc->ide->pci.dev, pci, error)) {
        return false;
    }
    pc->pm = (struct piix4_pm *)device_new(m, &piix4_pm_type);
    pc->pm->pci.addr = PCI_DEVFN(1, 3);
    pc->pm->pm.sci = pc->piix3->isa_irqs[9];
    pc->pm->moved = pc_move_pm;
    pc->pm->moved_opaque = pc;
    pc_connect_smm(pc, &pc->pm->smi, PC_SMI_FIRST);
    if (!device_realize(&pc->pm->pci.dev, pci, error)) {
        return false;
    }
    pc->acpi_pm = &pc->pm->pm;
    return spd_add_modules(m, &pc->pm->smbus.bus, m->config.ram_size, error);
}

/* ELCR: PCI interrupts and the SCI are levels (PIIX3 datasheet, 2.5.5). */
static void program_chipset(struct pc *pc)
{
    struct machine *m = pc->machine;

    i440fx_open_ram(pc->i440fx);
    piix3_route_pirqs(pc->piix3);
    piix4_pm_place(pc->pm, PC_PM_BASE);
    piix3_ide_place(pc->ide, PC_IDE_BASE);
    address_space_store(&m->io, 0x4d0, 0x00, 1);
    address_space_store(&m->io, 0x4d1, 1 << (9 - 8) | 1 << (10 - 8) | 1 << (11 - 8), 1);
}

static bool add_drives(struct pc *pc, GError **error)
{
    struct ide_channel *channels[] = { &pc->ide->channels[0].ch, &pc->ide->channels[1].ch };

    return pc_add_ide_drives(pc, channels, G_N_ELEMENTS(channels), error) &&
           pc_add_floppy(pc, error);
}

/* -usb: the third function of the south bridge. */
static bool add_usb(struct pc *pc, GError **error)
{
    struct pci_device *usb;

    if (!pc->machine->config.usb) {
        return true;
    }
    usb = (struct pci_device *)device_new(pc->machine, &piix3_usb_uhci_type);
    usb->addr = PCI_DEVFN(1, 2);
    return device_realize(&usb->dev, &pc->host->bus.bus, error);
}

bool pc_init(struct machine *m, GError **error)
{
    struct pc *pc = pc_new(m);
    bool ok;

    pc->program_chipset = program_chipset;
    mem_transaction_begin(m);
    ok = pc_add_ram(pc, PC_LOW_RAM_MAX, error) && pc_add_cpus(pc, error) &&
         add_chipset(pc, error) && pc_add_interrupts_and_timers(pc, error) &&
         pc_add_isa_devices(pc, error) && add_drives(pc, error) && add_usb(pc, error);
    mem_transaction_commit(m);
    return ok && pc_boot_init(pc, error);
}
