/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/ich9_lpc.h: the ICH9's function 31.0: the ISA bus, the routing of eight PCI interrupts,
 * ACPI's registers and the reset control register.
 */
#ifndef HW_I386_ICH9_LPC_H
#define HW_I386_ICH9_LPC_H

#include "hw/i386/acpi_pm.h"
#include "hw/isa/isa.h"
#include "hw/pci/host.h"

#define ICH9_GSIS      24
#define ICH9_GSI_PIRQ  16 /* PIRQA; PIRQH is 23 */
#define ICH9_PM_SIZE   128u
#define ICH9_PM_GPE0   0x20u /* 8 bytes of status, 8 of enable bits */
#define ICH9_RCBA_SIZE 0x4000u
#define ICH9_RCBA_BASE 0xfed1c000u
extern const struct acpi_sleep_types ich9_sleep_types;

struct ich9_lpc {
    struct pci_device pci;
    struct pci_host *host;           /* wired before realize: shares port 0xCF9 */
    struct irq pic_irqs[ISA_IRQS];   /* wired before realize: to the 8259 pair */
    struct irq apic_irqs[ICH9_GSIS]; /* wired before realize: to the I/O APIC */
    /* Wired before realize, edges, to the CPU that writes and to all; no handler: there is no SMM. */
    struct irq smi, smi_all;
    struct isa_bus isa;            /* "isa.0": exists from realize on */
    struct irq isa_irqs[ISA_IRQS]; /* what devices on it drive */
    uint16_t isa_levels;           /* what ISA devices drive */
    uint8_t pirq_levels;           /* PIRQA-PIRQH */
    bool sci_level;
    uint16_t pic_driven;   /* derived: the level of each of pic_irqs */
    uint32_t apic_driven;  /* derived: the same of apic_irqs */
    uint8_t reset_control; /* port 0xCF9 */

    struct acpi_pm pm;
    struct mem_region pm_block;  /* at PMBASE, while ACPI_CNTL enables it */
    struct mem_region smi_ports; /* 0xB2, 0xB3 */
    struct mem_region rcrb;      /* chipset configuration, at RCBA */
    uint32_t smi_enable, smi_status;
    uint8_t apm_command, apm_status;
    uint8_t smi_request[8];  /* what firmware wants of SMIs, and what it was given */
    uint8_t smi_features_ok; /* agreed upon until reset */
    uint64_t smi_features;
    uint8_t scratch[ICH9_PM_SIZE]; /* PM registers without an effect here */
    uint8_t chipset[0x1000];       /* RCBA + 0x3000: interrupt routes, function disable */
};
extern const struct device_type ich9_lpc_type;

/* Which PIRQ (0: A) an INTx pin of a slot drives on this board: slots 0-24 E-H, 25-31 A-D. */
unsigned ich9_map_irq(unsigned slot, unsigned pin);
/* What firmware leaves behind: the PM block at `base`, RCBA, PIRQs on IRQ 10 and 11. */
void ich9_lpc_place(struct ich9_lpc *s, uint16_t base);

/* ich9_pm.c: the registers at PMBASE, RCBA and ports 0xB2, 0xB3, for ich9_lpc.c. */
void ich9_pm_realize(struct ich9_lpc *s);
void ich9_pm_reset(struct ich9_lpc *s);
void ich9_pm_unrealize(struct ich9_lpc *s);
/* Puts the blocks where PMBASE, ACPI_CNTL and RCBA say. */
void ich9_pm_update(struct ich9_lpc *s);

/* ich9_smi.c: what firmware agrees upon with the board, for ich9_lpc.c, ich9_pm.c and pc_boot.c. */
struct fw_cfg;
bool ich9_smi_add_files(struct ich9_lpc *s, struct fw_cfg *fw, GError **error);
void ich9_smi_reset(struct ich9_lpc *s);
void ich9_smi_post_load(struct ich9_lpc *s);
void ich9_smi_raise(struct ich9_lpc *s);

/* clang-format off */
enum ich9_config {
    ICH9_PMBASE    = 0x40,      /* bits 15-7; bit 0 is hard-wired: I/O */
    ICH9_ACPI_CNTL = 0x44,      /* bit 7 enables the block, bits 2-0 route the SCI */
    ICH9_PIRQ_A    = 0x60,      /* A-D; E-H at 0x68 */
    ICH9_PIRQ_E    = 0x68,
    ICH9_GEN_PMCON = 0xa0,      /* GEN_PMCON_1 */
    ICH9_RCBA      = 0xf0,      /* bits 31-14; bit 0 enables */
};
/* GEN_PMCON_1: GBL_SMI_EN stays as it is, and so does this bit, until reset (13.8.1.1). */
#define ICH9_SMI_LOCK 0x10u
/* clang-format on */

#endif
