/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/acpi_test.c: the tables as a guest finds them: from the RSDP, by pointers, with
 * right checksums; and as ACPICA's own compiler reads them, where it is installed.
 */
#include <glib/gstdio.h>
#include "hw/i386/acpi.h"
#include "hw/i386/mptable.h"
#include "tests/device/rig.h"

#define AREA 0xfe0000u /* the top of the rig's RAM */

static struct acpi_config sample_config(void)
{
    return (struct acpi_config){
        .n_cpus = 2,
        .hpet = true,
        .pci_hotplug = true,
        .serial = { true, false, true, false },
        .pm_base = 0x600,
        .ram_below_4g = RIG_RAM_SIZE,
        .ram_above_4g = 1ull << 30,
        .area = AREA,
    };
}

static uint8_t byte_sum(struct rig *r, uint64_t addr, uint32_t len)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + rig_load(r, addr + i, 1));
    }
    return sum;
}

static void check_table(struct rig *r, uint64_t addr)
{
    uint32_t len = (uint32_t)rig_load(r, addr + 4, 4);

    g_assert_cmpuint(addr, >=, AREA);
    g_assert_cmpuint(len, >=, 36);
    g_assert_cmpuint(addr + len, <=, RIG_RAM_SIZE);
    g_assert_cmphex(byte_sum(r, addr, len), ==, 0);
}

/* The address of a table, through the RSDP and the XSDT; 0: not there. */
static uint64_t find_table(struct rig *r, const char *signature)
{
    uint64_t xsdt = rig_load(r, ACPI_RSDP_ADDR + 24, 8);
    uint32_t len = (uint32_t)rig_load(r, xsdt + 4, 4);

    for (uint32_t i = 36; i + 8 <= len; i += 8) {
        uint64_t addr = rig_load(r, xsdt + i, 8);
        char name[5] = "";

        rig_read(r, addr, name, 4);
        if (strcmp(name, signature) == 0) {
            return addr;
        }
    }
    return 0;
}

static void install(struct rig *r, const struct acpi_config *cfg)
{
    g_autoptr(GError) error = NULL;
    struct acpi_tables *t = acpi_build(cfg, &error);

    g_assert_no_error(error);
    g_assert_cmphex(acpi_install(t, r->m), ==, ACPI_RSDP_ADDR);
    acpi_free(t);
}

static void every_checksum_is_right(void)
{
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = sample_config();
    char signature[9] = "";
    uint64_t fadt;

    install(r, &cfg);
    rig_read(r, ACPI_RSDP_ADDR, signature, 8);
    g_assert_cmpstr(signature, ==, "RSD PTR ");
    g_assert_cmphex(byte_sum(r, ACPI_RSDP_ADDR, 20), ==, 0);
    g_assert_cmphex(byte_sum(r, ACPI_RSDP_ADDR, 36), ==, 0);
    check_table(r, rig_load(r, ACPI_RSDP_ADDR + 16, 4));
    check_table(r, rig_load(r, ACPI_RSDP_ADDR + 24, 8));
    check_table(r, find_table(r, "APIC"));
    check_table(r, find_table(r, "HPET"));
    fadt = find_table(r, "FACP");
    check_table(r, fadt);
    check_table(r, rig_load(r, fadt + 40, 4)); /* DSDT */
    g_assert_cmphex(rig_load(r, fadt + 140, 8), ==, rig_load(r, fadt + 40, 4));
    g_assert_cmphex(rig_load(r, fadt + 36, 4), ==, AREA); /* FACS */
    g_assert_cmphex(rig_load(r, AREA, 4), ==, 0x53434146);
}

static void fadt_names_the_chipset(void)
{
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = sample_config();
    uint64_t fadt;

    install(r, &cfg);
    fadt = find_table(r, "FACP");
    g_assert_cmpuint(rig_load(r, fadt + 46, 2), ==, 9);     /* SCI */
    g_assert_cmphex(rig_load(r, fadt + 48, 4), ==, 0xb2);   /* SMI_CMD */
    g_assert_cmphex(rig_load(r, fadt + 56, 4), ==, 0x600);  /* PM1a events */
    g_assert_cmphex(rig_load(r, fadt + 76, 4), ==, 0x608);  /* PM timer */
    g_assert_cmphex(rig_load(r, fadt + 108, 1), ==, 0x32);  /* century */
    g_assert_cmphex(rig_load(r, fadt + 120, 8), ==, 0xcf9); /* reset register */
    g_assert_cmphex(rig_load(r, fadt + 112, 4) & 0x410, ==,
                    0x400); /* its flag; power button fixed */
}

static void madt_lists_cpus_and_overrides(void)
{
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = sample_config();
    unsigned seen[5] = { 0 };
    uint64_t madt;

    install(r, &cfg);
    madt = find_table(r, "APIC");
    for (uint32_t i = 44; i < rig_load(r, madt + 4, 4); i += rig_load(r, madt + i + 1, 1)) {
        unsigned type = (unsigned)rig_load(r, madt + i, 1), irq = rig_load(r, madt + i + 3, 1);

        g_assert_cmpuint(type, <, G_N_ELEMENTS(seen));
        g_assert_cmpuint(rig_load(r, madt + i + 1, 1), >=, 2);
        seen[type]++;
        if (type == 2) {
            g_assert_cmpuint(rig_load(r, madt + i + 4, 4), ==, irq == 0 ? 2 : irq);
            g_assert_cmphex(rig_load(r, madt + i + 8, 2), ==, irq == 0 ? 0 : 0x0d);
        }
    }
    g_assert_cmpuint(seen[0], ==, 2);
    g_assert_cmpuint(seen[1], ==, 1);
    g_assert_cmpuint(seen[2], ==, 5);
    g_assert_cmpuint(seen[4], ==, 1);
}

/* APIC ids of more than 8 bits have entries of their own. */
static void madt_has_wide_entries_for_wide_ids(void)
{
    static const uint32_t ids[] = { 0, 254, 255, 300 };
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = sample_config();
    unsigned seen[16] = { 0 };
    uint64_t madt;

    cfg.n_cpus = G_N_ELEMENTS(ids);
    cfg.apic_ids = ids;
    install(r, &cfg);
    madt = find_table(r, "APIC");
    for (uint32_t i = 44; i < rig_load(r, madt + 4, 4); i += rig_load(r, madt + i + 1, 1)) {
        unsigned type = (unsigned)rig_load(r, madt + i, 1);

        g_assert_cmpuint(rig_load(r, madt + i + 1, 1), >=, 2);
        seen[type & 15]++;
        if (type == 0) {
            g_assert_cmpuint(rig_load(r, madt + i + 3, 1), ==, ids[rig_load(r, madt + i + 2, 1)]);
        } else if (type == 9) {
            g_assert_cmpuint(rig_load(r, madt + i + 4, 4), ==, ids[rig_load(r, madt + i + 12, 4)]);
        }
    }
    g_assert_cmpuint(seen[0], ==, 2);
    g_assert_cmpuint(seen[4], ==, 1);
    g_assert_cmpuint(seen[9], ==, 2);
    g_assert_cmpuint(seen[10], ==, 1);
}

/* MultiProcessor Specification 1.4, 4.1 and 4.2. */
static void mptable_adds_up(void)
{
    static const uint32_t ids[] = { 0, 1, 4 };
    const struct mptable_config cfg = { .apic_ids = ids, .n_cpus = G_N_ELEMENTS(ids) };
    GByteArray *t = mptable_build(&cfg);
    uint8_t sum = 0;
    unsigned at = 16 + 44, entries = 0;

    g_assert_cmpmem(t->data, 4, "_MP_", 4);
    g_assert_cmpmem(t->data + 16, 4, "PCMP", 4);
    for (unsigned i = 0; i < 16; i++) {
        sum = (uint8_t)(sum + t->data[i]);
    }
    g_assert_cmpuint(sum, ==, 0);
    for (unsigned i = 16; i < t->len; i++) {
        sum = (uint8_t)(sum + t->data[i]);
    }
    g_assert_cmpuint(sum, ==, 0);
    g_assert_cmpuint(t->data[20] | t->data[21] << 8, ==, t->len - 16);
    for (; at < t->len; at += t->data[at] == 0 ? 20 : 8) {
        if (t->data[at] == 0) {
            g_assert_cmpuint(t->data[at + 1], ==, ids[entries]);
            g_assert_cmpuint(t->data[at + 3], ==, entries == 0 ? 3 : 1);
        }
        entries++;
    }
    g_assert_cmpuint(at, ==, t->len);
    g_assert_cmpuint(t->data[16 + 34], ==, entries);
    g_byte_array_unref(t);
}

static void no_hpet_no_table(void)
{
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = sample_config();

    cfg.hpet = false;
    install(r, &cfg);
    g_assert_cmphex(find_table(r, "HPET"), ==, 0);
}

/* As many CPUs as the MADT can name do not outgrow the area. */
static void largest_machine_fits(void)
{
    g_autoptr(GError) error = NULL;
    struct acpi_config cfg = sample_config();
    struct acpi_tables *t;

    cfg.n_cpus = MACHINE_MAX_VCPUS;
    t = acpi_build(&cfg, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(t->blob->len, <=, ACPI_AREA_SIZE);
    acpi_free(t);
}

static void run_iasl(const char *dir, const char *arg1, const char *arg2)
{
    const char *argv[] = { "iasl", arg1, arg2, NULL };
    g_autofree char *out = NULL, *err = NULL;
    g_autofree char *all = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status,
                 &error);
    g_assert_no_error(error);
    all = g_strconcat(out, err, NULL);
    if (status != 0 || strstr(all, "Warning  ") || strstr(all, "Error  ") ||
        strstr(all, "Invalid") || strstr(all, "ncorrect checksum")) {
        g_test_message("%s", all);
        g_test_fail();
    }
}

static struct acpi_config q35_config(void)
{
    struct acpi_config cfg = sample_config();

    cfg.ich9 = true;
    cfg.ecam = 0xb0000000;
    return cfg;
}

static struct acpi_config microvm_config(void)
{
    static const struct acpi_virtio places[] = { { 0xfeb00000, 16 }, { 0xfeb00200, 17 } };
    struct acpi_config cfg = sample_config();

    cfg.hpet = cfg.pci_hotplug = false;
    cfg.no_pci = true;
    cfg.virtio = places;
    cfg.n_virtio = G_N_ELEMENTS(places);
    cfg.no_s3 = cfg.no_s4 = true;
    return cfg;
}

/* No SMI command, no keyboard, no clock; a reset register of its own. */
static void microvm_has_its_own_registers(void)
{
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = microvm_config();
    uint64_t fadt;

    install(r, &cfg);
    fadt = find_table(r, "FACP");
    g_assert_cmphex(rig_load(r, fadt + 48, 4), ==, 0);
    g_assert_cmphex(rig_load(r, fadt + 109, 2), ==, 0x25);
    g_assert_cmphex(rig_load(r, fadt + 120, 8), ==, 0x610);
    g_assert_cmphex(rig_load(r, fadt + 128, 1), ==, 1);
}

static void q35_has_ecam_and_long_gpes(void)
{
    g_autoptr(rig) r = rig_new();
    struct acpi_config cfg = q35_config();
    uint64_t mcfg, fadt;

    install(r, &cfg);
    mcfg = find_table(r, "MCFG");
    check_table(r, mcfg);
    g_assert_cmphex(rig_load(r, mcfg + 44, 8), ==, 0xb0000000);
    g_assert_cmphex(rig_load(r, mcfg + 52, 4), ==, 0xff000000); /* segment 0, buses 0 to 255 */
    fadt = find_table(r, "FACP");
    g_assert_cmphex(rig_load(r, fadt + 80, 4), ==, 0x620);
    g_assert_cmpuint(rig_load(r, fadt + 92, 1), ==, 16);
    cfg = sample_config();
    install(r, &cfg);
    g_assert_cmphex(find_table(r, "MCFG"), ==, 0);
}

/* The four bytes that firmware adds an address to: where it is to find them. */
static void vmgenid_has_a_pointer(void)
{
    struct acpi_config cfg = sample_config();
    g_autoptr(GError) error = NULL;
    struct acpi_tables *t = acpi_build(&cfg, &error);

    g_assert_cmpuint(t->vmgenid_pointer, ==, 0);
    acpi_free(t);
    cfg.devices.vmgenid = true;
    t = acpi_build(&cfg, &error);
    g_assert_cmpmem(t->blob->data + t->vmgenid_pointer - 6, 6, "\\VGIA\x0c", 6);
    g_assert_cmphex(*(uint32_t *)(void *)(t->blob->data + t->vmgenid_pointer), ==,
                    AREA + ACPI_VMGENID_OFFSET);
    acpi_free(t);
    cfg.area = 0;
    t = acpi_build(&cfg, &error);
    g_assert_cmphex(*(uint32_t *)(void *)(t->blob->data + t->vmgenid_pointer), ==, 0);
    acpi_free(t);
}

static void acpica_finds_nothing_wrong(gconstpointer data)
{
    static const char *const names[] = { "FACP", "APIC", "DSDT", "SSDT", "HPET", "MCFG" };
    bool q35 = g_strcmp0(data, "q35") == 0, microvm = g_strcmp0(data, "microvm") == 0;
    g_autoptr(rig) r = rig_new();
    g_autofree char *iasl = g_find_program_in_path("iasl"), *dir = NULL, *command = NULL;
    struct acpi_config cfg = q35 ? q35_config() : microvm ? microvm_config() : sample_config();

    if (!iasl) {
        g_test_skip("iasl is not installed (package acpica-tools)");
        return;
    }
    cfg.devices = (struct acpi_devices){ .fw_cfg = true, .vmgenid = true, .pvpanic = 0x505 };
    install(r, &cfg);
    dir = g_dir_make_tmp("rhea-acpi-XXXXXX", NULL);
    g_assert_nonnull(dir);
    for (unsigned i = 0; i < (q35 ? 6 : microvm ? 4 : 5); i++) {
        bool dsdt = strcmp(names[i], "DSDT") == 0;
        uint64_t addr = dsdt ? rig_load(r, find_table(r, "FACP") + 40, 4) : find_table(r, names[i]);
        uint32_t len = (uint32_t)rig_load(r, addr + 4, 4);
        g_autofree char *data = g_malloc(len), *file = g_strconcat(names[i], ".aml", NULL);
        g_autofree char *path = g_build_filename(dir, file, NULL);

        rig_read(r, addr, data, len);
        g_assert_true(g_file_set_contents(path, data, len, NULL));
        run_iasl(dir, "-d", file);
    }
    run_iasl(dir, "-we", "DSDT.dsl");
    run_iasl(dir, "-we", "SSDT.dsl");
    command = g_strdup_printf("rm -rf '%s'", dir);
    g_assert_cmpint(system(command), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/checksums", every_checksum_is_right);
    g_test_add_func("/acpi/fadt", fadt_names_the_chipset);
    g_test_add_func("/acpi/madt", madt_lists_cpus_and_overrides);
    g_test_add_func("/acpi/madt-wide", madt_has_wide_entries_for_wide_ids);
    g_test_add_func("/acpi/mptable", mptable_adds_up);
    g_test_add_func("/acpi/vmgenid", vmgenid_has_a_pointer);
    g_test_add_func("/acpi/no-hpet", no_hpet_no_table);
    g_test_add_func("/acpi/size", largest_machine_fits);
    g_test_add_func("/acpi/q35", q35_has_ecam_and_long_gpes);
    g_test_add_func("/acpi/microvm", microvm_has_its_own_registers);
    g_test_add_data_func("/acpi/iasl-microvm", "microvm", acpica_finds_nothing_wrong);
    g_test_add_data_func("/acpi/iasl", NULL, acpica_finds_nothing_wrong);
    g_test_add_data_func("/acpi/iasl-q35", "q35", acpica_finds_nothing_wrong);
    return g_test_run();
}
