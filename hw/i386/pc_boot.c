/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc_boot.c: what firmware would do on this board: the memory map, the ACPI tables, the
 * chipset's registers, and the jump into the kernel; again at every reset.
 *
 * Invariants: the memory map is sorted and does not change after pc_boot_init.
 * Thread:     under the machine lock, vCPUs stopped.
 */
#include "hw/i386/pc.h"

#include "target/i386/cpu.h"
#include "util/error.h"
#include "util/log.h"

/* Where the extended BIOS data area would begin: the top KiB of base memory. */
#define EBDA_START 0x9fc00u

static void add_range(struct pc *pc, uint64_t addr, uint64_t end, enum e820_type type)
{
    if (end > addr && pc->n_e820 < PC_E820_MAX) {
        pc->e820[pc->n_e820++] = (struct e820_entry){ addr, end - addr, type };
    }
}

static void build_memory_map(struct pc *pc, uint64_t acpi_start)
{
    uint64_t top = pc->ram_below_4g;

    add_range(pc, 0, EBDA_START, E820_RAM);
    add_range(pc, EBDA_START, 0xa0000, E820_RESERVED);
    add_range(pc, 0xf0000, 0x100000, E820_RESERVED); /* the RSDP stands here */
    add_range(pc, 0x100000, acpi_start, E820_RAM);
    if (pc->acpi) {
        add_range(pc, acpi_start, acpi_start + ACPI_NVS_SIZE, E820_NVS);
        add_range(pc, acpi_start + ACPI_NVS_SIZE, top, E820_ACPI);
    }
    add_range(pc, 4ull << 30, (4ull << 30) + pc->ram_above_4g, E820_RAM);
}

/* ELCR: PCI interrupts and the SCI are levels (PIIX3 datasheet, 2.5.5). */
static void program_chipset(struct pc *pc)
{
    struct machine *m = pc->machine;

    i440fx_open_ram(pc->i440fx);
    piix3_route_pirqs(pc->piix3);
    piix4_pm_place(pc->pm, PC_PM_BASE);
    address_space_store(&m->io, 0x4d0, 0x00, 1);
    address_space_store(&m->io, 0x4d1, 1 << (9 - 8) | 1 << (10 - 8) | 1 << (11 - 8), 1);
}

static void pc_reset(void *opaque)
{
    struct pc *pc = opaque;

    program_chipset(pc);
    if (pc->acpi) {
        acpi_install(pc->acpi, pc->machine);
    }
    if (pc->boot) {
        boot_enter(pc->boot, pc->cpus[0]);
    } else {
        pc->cpus[0]->halted = true; /* there is nothing at the reset vector */
    }
}

bool pc_boot_init(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    const struct machine_config *config = &m->config;
    uint64_t acpi_start = pc->ram_below_4g;
    struct boot_config boot = {
        .kernel = config->kernel,
        .initrd = config->initrd,
        .append = config->append,
        .ram_below_4g = pc->ram_below_4g,
        .ram_above_4g = pc->ram_above_4g,
    };

    if (!config->no_acpi) {
        struct acpi_config acpi = {
            .n_cpus = m->n_vcpus,
            .hpet = pc->hpet != NULL,
            .pm_base = PC_PM_BASE,
            .ram_below_4g = pc->ram_below_4g,
            .ram_above_4g = pc->ram_above_4g,
        };

        acpi_start = (pc->ram_below_4g - ACPI_AREA_SIZE) & GUEST_PAGE_MASK;
        acpi.area = acpi_start;
        for (unsigned i = 0; i < MAX_SERIAL; i++) {
            acpi.serial[i] = config->serial[i] != NULL;
        }
        pc->acpi = acpi_build(&acpi, error);
        if (!pc->acpi) {
            return false;
        }
        boot.rsdp = pc->acpi->rsdp;
    }
    build_memory_map(pc, acpi_start);
    boot.acpi_start = acpi_start;
    boot.e820 = pc->e820;
    boot.n_e820 = pc->n_e820;
    if (config->kernel) {
        pc->boot = boot_load(m, &boot, error);
        if (!pc->boot) {
            return false;
        }
    } else if (config->initrd || config->append) {
        set_error(error, "%s needs a kernel: give -kernel FILE",
                  config->initrd ? "-initrd" : "-append");
        return false;
    } else {
        report_warning("no kernel (-kernel FILE) and no firmware: the CPU stays halted");
    }
    machine_add_reset_hook(m, pc_reset, pc);
    return true;
}

void pc_boot_free(struct pc *pc)
{
    if (pc->boot) {
        boot_free(pc->boot);
    }
    acpi_free(pc->acpi);
    pc->boot = NULL;
    pc->acpi = NULL;
}
