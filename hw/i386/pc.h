/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc.h: the PC boards: their parts, for those who wire them.
 * Thread: under the machine lock.
 */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/block/fdc.h"
#include "hw/block/ahci.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/block/piix3_ide.h"
#include "hw/char/serial.h"
#include "hw/i386/acpi.h"
#include "hw/i386/bios.h"
#include "hw/i386/boot.h"
#include "hw/i386/i440fx.h"
#include "hw/i386/ich9_lpc.h"
#include "hw/i386/mch.h"
#include "hw/i386/microvm_pm.h"
#include "hw/i386/piix3.h"
#include "hw/i386/piix4_pm.h"
#include "hw/input/i8042.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/misc/i8237.h"
#include "hw/misc/port92.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/host.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818rtc.h"
#include "hw/virtio/virtio_mmio.h"

/* RAM ends here at the latest; the rest continues at 4 GiB and the room between is PCI's. */
#define PC_LOW_RAM_MAX 0xc0000000u
#define PC_RAM_MIN     (2u << 20)
#define PC_PM_BASE     0x600u
#define PC_IDE_BASE    0xc000u /* bus-master registers, without firmware */
#define PC_E820_MAX    10
#define MICROVM_VIRTIO 8 /* places for virtio devices */
/* The Q35: RAM ends at 2 or 2.75 GiB, configuration space of 256 buses lies above it. */
#define Q35_LOW_RAM_MAX   0xb0000000u
#define Q35_LOW_RAM_LARGE 0x80000000u
#define Q35_ECAM_BASE     0xb0000000u

struct pc {
    struct machine *machine;
    struct mem_region ram, ram_low, ram_high; /* the block, and its windows at 0 and at 4 GiB */
    struct mem_region pci_memory;             /* below RAM and chips: what PCI answers to */
    uint64_t ram_below_4g, ram_above_4g;      /* bytes */
    struct irq gsi[IOAPIC_PINS]; /* below 16: the 8259's input and the I/O APIC's pin */
    struct isa_bus *isa;         /* the south bridge's, or own_isa */
    struct isa_bus own_isa;      /* of a board without a south bridge */
    /* What firmware would do to the chipset's registers at a reset without any; may be NULL. */
    void (*program_chipset)(struct pc *pc);

    struct x86_cpu *cpus[MACHINE_MAX_VCPUS];
    struct apic_bus apics;
    struct apic *boot_apic;
    struct ioapic *ioapic;
    struct i8259 *pic;
    struct pci_host *host;
    struct i440fx *i440fx; /* these three: pc only */
    struct piix3 *piix3;
    struct piix4_pm *pm;
    struct piix3_ide *ide;
    struct i8237 *dma;
    struct fdc *fdc;
    struct mch *mch; /* these four: q35 only */
    struct ich9_lpc *lpc;
    struct ahci *ahci;
    uint32_t ecam;           /* where configuration space is without firmware; 0: nowhere */
    struct acpi_pm *acpi_pm; /* the south bridge's; NULL: none */
    struct virtio_mmio *virtio[MICROVM_VIRTIO]; /* these two: microvm only */
    struct acpi_virtio virtio_places[MICROVM_VIRTIO];
    struct hpet *hpet; /* NULL: none */
    struct i8254 *pit;
    struct rtc *rtc;
    struct i8042 *keyboard;
    struct port92 *port92;

    struct acpi_tables *acpi;         /* NULL: none */
    struct acpi_devices acpi_devices; /* which they tell of */
    struct smbios_tables *smbios;     /* NULL: none: microvm */
    GByteArray *mptable;              /* of a board without ACPI; NULL: none */
    struct e820_entry e820[PC_E820_MAX];
    uint16_t pm_base; /* which the ACPI tables are built for */
    unsigned n_e820;
    struct boot_image *boot; /* NULL: no kernel */
    struct bios_rom *bios;   /* NULL: no firmware, or in flash */
    struct pflash *flash[MAX_PFLASH];
    struct mem_region flash_low;
    struct fw_cfg *fw_cfg;
    bool by_firmware; /* it boots; else what is here stands in for it */
    bool was_reset;   /* -boot once= is over */
};

bool pc_init(struct machine *m, GError **error);
bool q35_init(struct machine *m, GError **error);
bool microvm_init(struct machine *m, GError **error);

/*
 * pc_common.c, in the order in which a board calls them.  Between the CPUs and the interrupt
 * controllers it makes its chipset and sets `isa`.  low_max: where RAM continues at 4 GiB.
 */
struct pc *pc_new(struct machine *m);
bool pc_add_ram(struct pc *pc, uint64_t low_max, GError **error);
bool pc_add_cpus(struct pc *pc, GError **error);
bool pc_add_interrupts_and_timers(struct pc *pc, GError **error);
bool pc_add_isa_devices(struct pc *pc, GError **error);
/* Parts of the above, for boards that take some only. */
bool pc_add_pic(struct pc *pc, GError **error);
/* Where the engine has an 8254 in the kernel: kvm-pit. */
const struct device_type *pc_pit_type(const struct machine *m);
bool pc_add_serials(struct pc *pc, GError **error);
/* Input n of one kind of controller: struct irq handlers whose opaque is the board. */
void pc_pic_set(void *opaque, int n, bool level);
void pc_apic_set(void *opaque, int n, bool level);
/*
 * Which CPUs an SMI reaches.  Those whose SMBASE firmware has not moved would run whatever is at the
 * default one: SeaBIOS moves the first CPU's only.
 */
enum pc_smi { PC_SMI_FIRST, PC_SMI_WRITER, PC_SMI_ALL };
/* A south bridge's SMI, unless the machine is without SMM. */
void pc_connect_smm(struct pc *pc, struct irq *smi, enum pc_smi target);

/* pc_boot.c: firmware, or what it would do before a kernel: memory map, tables, at every reset. */
bool pc_boot_init(struct pc *pc, GError **error);
void pc_boot_free(struct pc *pc);
/* Firmware placed the power management block: the tables that it reads say so.  opaque: struct pc. */
void pc_move_pm(void *opaque, uint16_t base);
/* pc_flash.c: flash chips for the drives that ask for it, if any. */
bool pc_add_flash(struct pc *pc, GError **error);

#endif
