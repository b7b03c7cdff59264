/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc_boot.c: firmware and what it is told; or with a kernel, what firmware would do on this
 * board: the memory map, the ACPI tables, the chipset's registers, and the jump into the kernel; again at
 * every reset.
 *
 * Invariants: the memory map is sorted and does not change after pc_boot_init.
 * Thread:     under the machine lock, vCPUs stopped.
 */
#include "hw/i386/pc.h"

#include <string.h>
#include "hw/i386/acpi_script.h"
#include "hw/i386/firmware.h"
#include "hw/i386/mptable.h"
#include "hw/i386/smbios.h"
#include "hw/misc/vmgenid.h"
#include "target/i386/cpu.h"
#include "target/i386/operand.h"
#include "target/i386/topology.h"
#include "util/error.h"
#include "util/log.h"

/* CMOS: what firmware is to do after a reset; this wakes from suspend to RAM. */
enum { CMOS_SHUTDOWN = 0x0f, SHUTDOWN_RESUME = 0xfe };
/* Where the extended BIOS data area would begin: the top KiB of base memory. */
#define EBDA_START 0x9fc00u
/* The default firmware, and what to install for it. */
#define PC_BIOS         "bios-256k.bin"
#define PC_BIOS_PACKAGE "seabios"

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
    add_range(pc, 0xf0000, 0x100000, E820_RESERVED); /* the RSDP, the MP table */
    add_range(pc, 0x100000, acpi_start, E820_RAM);
    if (pc->acpi) {
        add_range(pc, acpi_start, acpi_start + ACPI_NVS_SIZE, E820_NVS);
        add_range(pc, acpi_start + ACPI_NVS_SIZE, top, E820_ACPI);
    }
    if (pc->ecam) {
        add_range(pc, pc->ecam, pc->ecam + (256ull << 20), E820_RESERVED);
        add_range(pc, ICH9_RCBA_BASE, ICH9_RCBA_BASE + ICH9_RCBA_SIZE, E820_RESERVED);
    }
    add_range(pc, 4ull << 30, (4ull << 30) + pc->ram_above_4g, E820_RAM);
}

/* ACPI 6.4, 16.3.1.1: to the vector that the sleeper left in the FACS, in real mode.  False: none. */
static bool resume(struct pc *pc)
{
    struct x86_cpu *cpu = pc->cpus[0];
    uint32_t vector = 0;

    if (pc->acpi) {
        vector = (uint32_t)address_space_load(&pc->machine->memory,
                                              pc->acpi->area + ACPI_FACS_WAKING_VECTOR, 4);
    }
    if (vector == 0 || vector > 0xfffff) {
        return false;
    }
    segment_set(&cpu->seg[SEG_CS], (uint16_t)(vector >> 4), vector & 0xffff0, 0xffff,
                ATTR_P | ATTR_S | ATTR_CODE | ATTR_W | ATTR_A);
    cpu->regs[R_RIP] = vector & 0xf;
    cpu->mtrr_def_type = 0xc06; /* enabled, write-back: as firmware leaves it */
    cpu_update_mode(cpu);
    return true;
}

/* What firmware would have done by the time when it boots. */
static void stand_in(struct pc *pc)
{
    if (pc->program_chipset) {
        pc->program_chipset(pc);
    }
    if (pc->machine->waking && resume(pc)) {
        return;
    }
    if (pc->acpi) {
        acpi_install(pc->acpi, pc->machine);
    }
    if (pc->smbios) {
        smbios_install(pc->smbios, pc->machine);
    }
    if (pc->mptable) {
        address_space_write(&pc->machine->memory, MPTABLE_ADDR, pc->mptable->data,
                            pc->mptable->len);
    }
    if (pc->boot) {
        boot_enter(pc->boot, pc->cpus[0]);
    } else {
        pc->cpus[0]->halted = true; /* there is nothing at the reset vector */
    }
}

static void get_apic_ids(const struct pc *pc, uint32_t ids[MACHINE_MAX_VCPUS])
{
    for (unsigned i = 0; i < pc->machine->n_vcpus; i++) {
        ids[i] = pc->cpus[i]->apic_id;
    }
}

/* area: where the tables lie; 0: firmware places them. */
static bool build_acpi(struct pc *pc, uint64_t area, GError **error)
{
    struct machine *m = pc->machine;
    uint32_t ids[MACHINE_MAX_VCPUS];
    struct acpi_config acpi = {
        .n_cpus = m->n_vcpus,
        .apic_ids = ids,
        .hpet = pc->hpet != NULL,
        .pm_base = pc->pm_base,
        .ich9 = pc->lpc != NULL,
        .ecam = pc->ecam,
        .ram_below_4g = pc->ram_below_4g,
        .ram_above_4g = pc->ram_above_4g,
        .area = area,
        .pci_hotplug = pc->pm != NULL,
        .no_pci = pc->host == NULL,
        .rtc = pc->rtc != NULL,
        .virtio = pc->virtio_places,
        .n_virtio = pc->host ? 0 : MICROVM_VIRTIO,
        .numa = &m->config.numa,
        .user_tables = m->config.acpi_tables,
        .oem_id = m->config.oem_id,
        .oem_table_id = m->config.oem_table_id,
        .no_s3 = pc->acpi_pm->disable_s3,
        .no_s4 = pc->acpi_pm->disable_s4,
        .devices = acpi_find_devices(m),
    };

    get_apic_ids(pc, ids);
    for (unsigned i = 0; i < MAX_SERIAL; i++) {
        acpi.serial[i] = m->config.serial[i] != NULL;
    }
    for (unsigned i = 0; i < MAX_PARALLEL; i++) {
        acpi.parallel[i] = m->config.parallel[i] != NULL;
    }
    pc->acpi_devices = acpi.devices;
    pc->acpi = acpi_build(&acpi, error);
    return pc->acpi != NULL;
}

/* The tables were made before the devices of -device came. */
static void tell_of_devices(struct pc *pc)
{
    struct acpi_devices now = acpi_find_devices(pc->machine);
    struct acpi_tables *before = pc->acpi;
    g_autoptr(GError) error = NULL;

    if (!before || memcmp(&now, &pc->acpi_devices, sizeof(now)) == 0) {
        return;
    }
    if (!build_acpi(pc, before->area, &error)) {
        pc->acpi = before;
    } else {
        acpi_free(before);
    }
    if (error || (pc->by_firmware && !acpi_add_files(pc->fw_cfg, pc->acpi, &error))) {
        report_warning("the ACPI tables do not tell of all devices: %s", error->message);
    }
}

static void wire_vmgenid(struct pc *pc)
{
    struct vmgenid *gen = vmgenid_find(pc->machine);

    if (!gen || !pc->acpi_pm) {
        return;
    }
    gen->changed = (struct irq){ acpi_pm_gpe_edge, pc->acpi_pm, ACPI_VMGENID_GPE };
    if (pc->acpi && !pc->by_firmware && !pc->machine->waking) {
        vmgenid_place(gen, pc->acpi->area + ACPI_VMGENID_OFFSET);
    }
}

static void pc_reset(void *opaque)
{
    struct pc *pc = opaque;

    tell_of_devices(pc);
    if (pc->rtc) {
        firmware_set_boot_drives(pc->machine, pc->rtc, !pc->was_reset);
    }
    if (pc->rtc && pc->machine->waking) {
        rtc_set_cmos(pc->rtc, CMOS_SHUTDOWN, SHUTDOWN_RESUME);
    }
    pc->was_reset = true;
    if (!pc->by_firmware) {
        stand_in(pc);
    }
    wire_vmgenid(pc);
}

/* The other way to tell a kernel of CPUs and of the I/O APIC. */
static void build_mptable(struct pc *pc)
{
    uint32_t ids[MACHINE_MAX_VCPUS], leaf1[4];
    struct mptable_config cfg = { .apic_ids = ids, .n_cpus = pc->machine->n_vcpus };

    get_apic_ids(pc, ids);
    cpu_cpuid(pc->cpus[0], 1, 0, leaf1);
    cfg.signature = leaf1[0];
    cfg.features = leaf1[3];
    pc->mptable = mptable_build(&cfg);
}

void pc_move_pm(void *opaque, uint16_t base)
{
    struct pc *pc = opaque;
    g_autoptr(GError) error = NULL;

    if (!pc->by_firmware || !pc->acpi || pc->pm_base == base) {
        return;
    }
    pc->pm_base = base;
    acpi_free(pc->acpi);
    if (!build_acpi(pc, 0, &error) || !acpi_add_files(pc->fw_cfg, pc->acpi, &error)) {
        report_warning("the ACPI tables stay as they were: %s", error->message);
    }
}

/* A kernel, or nothing, without firmware. */
static bool init_stand_in(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    const struct machine_config *config = &m->config;
    struct boot_config boot = {
        .kernel = config->kernel,
        .initrd = config->initrd,
        .append = config->append,
        .ram_below_4g = pc->ram_below_4g,
        .ram_above_4g = pc->ram_above_4g,
        .acpi_start = pc->ram_below_4g,
    };

    if (pc->smbios && pc->smbios->structures->len > SMBIOS_ROOM) {
        set_error(error, "-smbios: the tables have %u bytes, must have at most %u with -kernel",
                  pc->smbios->structures->len, SMBIOS_ROOM);
        return false;
    }
    if (!config->no_acpi) {
        boot.acpi_start = (pc->ram_below_4g - ACPI_AREA_SIZE) & GUEST_PAGE_MASK;
        if (!build_acpi(pc, boot.acpi_start, error)) {
            return false;
        }
        boot.rsdp = pc->acpi->rsdp;
    } else if (!pc->host || m->n_vcpus > 1) { /* it does not tell of PCI's interrupts */
        build_mptable(pc);
    }
    build_memory_map(pc, boot.acpi_start);
    boot.e820 = pc->e820;
    boot.n_e820 = pc->n_e820;
    if (config->kernel) {
        pc->boot = boot_load(m, &boot, error);
    }
    return pc->boot || !config->kernel;
}

static bool init_fw_cfg(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct firmware_info info = {
        .ram_below_4g = pc->ram_below_4g,
        .ram_above_4g = pc->ram_above_4g,
        .n_cpus = m->n_vcpus,
        .apic_id_limit = topology_apic_id_limit(m),
        .smbios = pc->smbios,
        .acpi_pm = pc->acpi_pm,
    };

    pc->fw_cfg = (struct fw_cfg *)device_create(m, &fw_cfg_type, NULL, error);
    if (!pc->fw_cfg) {
        return false;
    }
    if (pc->by_firmware && !m->config.no_acpi) {
        if (!build_acpi(pc, 0, error)) {
            return false;
        }
        info.acpi = pc->acpi;
    }
    return firmware_describe(pc->fw_cfg, &info, error) &&
           (!pc->lpc || ich9_smi_add_files(pc->lpc, pc->fw_cfg, error)) &&
           (!pc->fdc || fdc_add_boot_entries(pc->fdc, error));
}

/* A microvm has nobody who would tell where they are. */
static bool build_smbios(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct smbios_config cfg = {
        .packages = topology_of(m).packages,
        .cores = topology_of(m).cores * topology_of(m).dies,
        .threads = topology_of(m).threads,
        .ram_below_4g = pc->ram_below_4g,
        .ram_above_4g = pc->ram_above_4g,
    };

    if (!pc->port92) {
        if (m->config.smbios->len || m->config.uuid) {
            set_error(error, "-smbios, -uuid: machine '%s' has no SMBIOS tables",
                      m->config.board->name);
            return false;
        }
        return true;
    }
    pc->smbios = smbios_build(m, &cfg, error);
    return pc->smbios != NULL;
}

static bool load_bios(struct pc *pc, GError **error)
{
    const char *bios = pc->machine->config.bios;

    pc->bios = bios_load(pc->machine, &pc->pci_memory, bios ? bios : PC_BIOS,
                         bios ? NULL : PC_BIOS_PACKAGE, error);
    return pc->bios != NULL;
}

/* A firmware volume's header (UEFI PI 1.7, volume 3, 3.2.1): such firmware starts kernels itself. */
static bool is_uefi(const struct mem_region *rom, uint64_t size)
{
    return size > 0x2c && memcmp(rom->ram->host + 0x28, "_FVH", 4) == 0;
}

/* Who starts the machine: firmware, unless there is a kernel that it would not find. */
static bool choose_firmware(struct pc *pc, GError **error)
{
    const struct machine_config *config = &pc->machine->config;

    if (!pc_add_flash(pc, error)) {
        return false;
    }
    if (pc->flash[0] && config->bios) {
        set_error(error, "-bios %s: the firmware is in flash already (if=pflash, pflash0=)",
                  config->bios);
        return false;
    }
    if (config->bios && !load_bios(pc, error)) {
        return false;
    }
    if (config->kernel) {
        pc->by_firmware = pc->flash[0] ? is_uefi(&pc->flash[0]->rom, pc->flash[0]->size)
                                       : pc->bios && is_uefi(&pc->bios->rom, pc->bios->rom.size);
    } else { /* a machine that is told of no place has none: tests of the board */
        pc->by_firmware = pc->bios || pc->flash[0] || config->data_dirs->len;
    }
    return true;
}

bool pc_boot_init(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    const struct machine_config *config = &m->config;

    if (!config->kernel && (config->initrd || config->append)) {
        set_error(error, "%s needs a kernel: give -kernel FILE",
                  config->initrd ? "-initrd" : "-append");
        return false;
    }
    pc->pm_base = PC_PM_BASE;
    if (!choose_firmware(pc, error) || !build_smbios(pc, error) || !init_fw_cfg(pc, error)) {
        return false;
    }
    if (pc->by_firmware && config->kernel && !boot_add_items(pc->fw_cfg, config, error)) {
        return false;
    }
    if (pc->by_firmware && !pc->flash[0] && !pc->bios && !load_bios(pc, error)) {
        return false;
    }
    if (!pc->by_firmware && !init_stand_in(pc, error)) {
        return false;
    }
    machine_add_reset_hook(m, pc_reset, pc);
    return true;
}

void pc_boot_free(struct pc *pc)
{
    boot_free(pc->boot);
    bios_free(pc->bios);
    acpi_free(pc->acpi);
    smbios_free(pc->smbios);
    if (pc->mptable) {
        g_byte_array_unref(pc->mptable);
    }
    pc->mptable = NULL;
    pc->smbios = NULL;
    pc->boot = NULL;
    pc->bios = NULL;
    pc->acpi = NULL;
}
