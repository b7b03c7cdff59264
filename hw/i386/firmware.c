/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/firmware.c: see firmware.h.  File names and formats are those that SeaBIOS and OVMF read
 * (SeaBIOS, docs/Runtime_config.md; QEMU, docs/specs/fw_cfg).
 * Thread: under the machine lock.
 */
#include "hw/i386/firmware.h"

#include <string.h>
#include "hw/i386/acpi_pm.h"
#include "hw/i386/acpi_script.h"
#include "hw/i386/e820.h"
#include "hw/i386/smbios.h"
#include "hw/nvram/boot_order.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/timer/mc146818rtc.h"

#define DEFAULT_ORDER "cad" /* disk, floppy, CD */
#define COM1_PORT     0x3f8u

/* CMOS bytes of the boot order: first and second kind of drive in 0x3d, third in 0x38. */
enum { CMOS_CPUS = 0x5f, CMOS_BOOT_THIRD = 0x38, CMOS_BOOT = 0x3d };

static bool add_memory_map(struct fw_cfg *fw, const struct firmware_info *info, GError **error)
{
    const struct e820_entry map[] = {
        { 0, info->ram_below_4g, E820_RAM },
        { 4ull << 30, info->ram_above_4g, E820_RAM },
    };
    GByteArray *file = g_byte_array_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(map) && map[i].size; i++) {
        uint64_t range[2] = { GUINT64_TO_LE(map[i].addr), GUINT64_TO_LE(map[i].size) };
        uint32_t type = GUINT32_TO_LE(map[i].type);

        g_byte_array_append(file, (const uint8_t *)range, sizeof(range));
        g_byte_array_append(file, (const uint8_t *)&type, sizeof(type));
    }
    return fw_cfg_add_file(fw, "etc/e820", g_byte_array_free_to_bytes(file), error);
}

static bool add_smbios(struct fw_cfg *fw, const struct smbios_tables *t, GError **error)
{
    fw_cfg_set(fw, FW_CFG_UUID, g_bytes_new(t->uuid, sizeof(t->uuid)));
    return fw_cfg_add_file(fw, "etc/smbios/smbios-tables",
                           g_bytes_new(t->structures->data, t->structures->len), error) &&
           fw_cfg_add_file(fw, "etc/smbios/smbios-anchor",
                           g_bytes_new(t->anchor, sizeof(t->anchor)), error);
}

static bool add_boot_options(struct fw_cfg *fw, GError **error)
{
    const struct machine_config *config = &fw->dev.machine->config;
    const struct boot_options *boot = &config->boot;

    fw_cfg_set_int(fw, FW_CFG_BOOT_MENU, boot->menu, 2);
    boot_order_set_strict(fw, boot->strict);
    if (boot->menu_wait >= 0 &&
        !fw_cfg_add_file_int(fw, "etc/boot-menu-wait", (uint64_t)boot->menu_wait, 2, error)) {
        return false;
    }
    if (config->serial_console && config->serial[0] &&
        !fw_cfg_add_file_int(fw, "etc/sercon-port", COM1_PORT, 2, error)) {
        return false;
    }
    return fw_cfg_add_file_int(fw, "etc/boot-fail-wait", (uint64_t)boot->reboot_timeout, 4, error);
}

/* A byte for each of S0 to S5: bit 7, it is there; below, its SLP_TYP. */
static bool add_sleep_states(struct fw_cfg *fw, const struct acpi_pm *pm, GError **error)
{
    const uint8_t states[6] = {
        0x80,
        0,
        0,
        pm->disable_s3 ? 0 : 0x80 | pm->types->s3,
        pm->disable_s4 ? 0 : 0x80 | pm->types->s4,
        0x80 | pm->types->s5,
    };

    return fw_cfg_add_file(fw, "etc/system-states", g_bytes_new(states, sizeof(states)), error);
}

/* -fw_cfg and -option-rom. */
static bool add_user_files(struct fw_cfg *fw, GError **error)
{
    const GPtrArray *files = fw->dev.machine->config.firmware_files;

    for (unsigned i = 0; i < files->len; i++) {
        const struct firmware_file *f = g_ptr_array_index(files, i);
        g_autofree char *path = g_strdup_printf("/rom@%s", f->name);

        if (!fw_cfg_add_file(fw, f->name, g_bytes_ref(f->data), error)) {
            return false;
        }
        if (f->bootindex >= 0 && !boot_order_add_path(fw, NULL, f->bootindex, path, error)) {
            return false;
        }
    }
    return true;
}

bool firmware_describe(struct fw_cfg *fw, const struct firmware_info *info, GError **error)
{
    /* No NUMA: 0 nodes, and the node of each APIC id. */
    g_autofree uint64_t *numa = g_new0(uint64_t, 1 + info->apic_id_limit);

    fw_cfg_set_int(fw, FW_CFG_RAM_SIZE, info->ram_below_4g + info->ram_above_4g, 8);
    fw_cfg_set_int(fw, FW_CFG_NOGRAPHIC, fw->dev.machine->config.serial_console, 2);
    fw_cfg_set_int(fw, FW_CFG_NB_CPUS, info->n_cpus, 2);
    fw_cfg_set_int(fw, FW_CFG_MAX_CPUS, info->apic_id_limit, 2);
    fw_cfg_set_int(fw, FW_CFG_IRQ0_OVERRIDE, 1, 4); /* the PIT is on pin 2 of the I/O APIC */
    fw_cfg_set(fw, FW_CFG_NUMA, g_bytes_new(numa, (1 + info->apic_id_limit) * sizeof(numa[0])));
    return add_memory_map(fw, info, error) &&
           (!info->smbios || add_smbios(fw, info->smbios, error)) &&
           (!info->acpi_pm || add_sleep_states(fw, info->acpi_pm, error)) &&
           (!info->acpi || acpi_add_files(fw, info->acpi, error)) && add_boot_options(fw, error) &&
           add_user_files(fw, error);
}

/* SeaBIOS's number of a kind of drive; 0: none. */
static unsigned drive_kind(char letter)
{
    static const char letters[] = "acdn"; /* b is the other floppy */
    const char *p = letter ? strchr(letters, letter == 'b' ? 'a' : letter) : NULL;

    return p ? (unsigned)(p - letters) + 1 : 0;
}

void firmware_set_boot_drives(struct machine *m, struct rtc *rtc, bool first)
{
    const struct boot_options *boot = &m->config.boot;
    const char *order = first && boot->once ? boot->once
                        : boot->order       ? boot->order
                                            : DEFAULT_ORDER;
    unsigned kinds[3] = { 0 };

    for (unsigned i = 0; i < 3 && order[i]; i++) {
        kinds[i] = drive_kind(order[i]);
    }
    rtc_set_cmos(rtc, CMOS_BOOT, (uint8_t)(kinds[0] | kinds[1] << 4));
    rtc_set_cmos(rtc, CMOS_BOOT_THIRD,
                 (uint8_t)(kinds[2] << 4 | m->config.no_fd_bootchk)); /* 1: any floppy boots */
    rtc_set_cmos(rtc, CMOS_CPUS, (uint8_t)(m->n_vcpus - 1));
}
