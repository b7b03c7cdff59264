/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc.h: the PC with i440FX and PIIX3: its parts, for those who wire it.
 * Thread: under the machine lock.
 */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/char/serial.h"
#include "hw/i386/acpi.h"
#include "hw/i386/boot.h"
#include "hw/i386/i440fx.h"
#include "hw/i386/piix3.h"
#include "hw/i386/piix4_pm.h"
#include "hw/input/i8042.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/misc/port92.h"
#include "hw/pci/host.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818rtc.h"

/* RAM ends here at the latest; the rest continues at 4 GiB and the room between is PCI's. */
#define PC_LOW_RAM_MAX 0xc0000000u
#define PC_RAM_MIN     (2u << 20)
#define PC_PM_BASE     0x600u
#define PC_E820_MAX    8

struct pc {
    struct machine *machine;
    struct mem_region ram, ram_low, ram_high; /* the block, and its windows at 0 and at 4 GiB */
    struct mem_region pci_memory;             /* below RAM and chips: what PCI answers to */
    uint64_t ram_below_4g, ram_above_4g;      /* bytes */
    struct irq gsi[ISA_IRQS]; /* an ISA IRQ: the 8259's input and the I/O APIC's pin */

    struct x86_cpu *cpus[MACHINE_MAX_VCPUS];
    struct apic_bus apics;
    struct apic *boot_apic;
    struct ioapic *ioapic;
    struct i8259 *pic;
    struct pci_host *host;
    struct i440fx *i440fx;
    struct piix3 *piix3;
    struct piix4_pm *pm;
    struct hpet *hpet; /* NULL: none */
    struct i8254 *pit;
    struct rtc *rtc;
    struct i8042 *keyboard;
    struct port92 *port92;

    struct acpi_tables *acpi; /* NULL: none */
    struct e820_entry e820[PC_E820_MAX];
    unsigned n_e820;
    struct boot_image *boot; /* NULL: no kernel */
};

bool pc_init(struct machine *m, GError **error);

/* pc_boot.c: firmware's part: the memory map, tables, and the kernel at every reset. */
bool pc_boot_init(struct pc *pc, GError **error);
void pc_boot_free(struct pc *pc);

#endif
