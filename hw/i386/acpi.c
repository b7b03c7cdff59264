/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi.c: RSDP, RSDT, XSDT, FADT, FACS, MADT, MCFG and HPET; the DSDT's body comes from dsdt.c, SRAT and
 * SLIT from acpi_numa.c, an SSDT of further devices from acpi_devices.c, what -acpitable adds from acpi_user.c.
 *
 * Source: ACPI 6.4, 5.2 (tables in the form of revision 4.0); IA-PC HPET 1.0a, 3.2.4.
 * Invariants: the FACS is the first thing in the area; every other table begins on 16 bytes.
 * Thread:     under the machine lock.
 */
#include "hw/i386/acpi.h"

#include <string.h>
#include "hw/i386/acpi_internal.h"
#include "hw/i386/ich9_lpc.h"
#include "hw/i386/microvm_pm.h"
#include "hw/i386/piix4_pm.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define HEADER_SIZE 36u
#define FACS_SIZE   64u
#define FADT_SIZE   244u
#define SCI_IRQ     9

void acpi_put(GByteArray *out, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * i));

        g_byte_array_append(out, &byte, 1);
    }
}

void acpi_put_text(GByteArray *out, const char *text, unsigned size)
{
    size_t len = strlen(text);

    for (unsigned i = 0; i < size; i++) {
        acpi_put(out, i < len ? (uint8_t)text[i] : ' ', 1);
    }
}

static void poke(GByteArray *out, size_t off, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        out->data[off + i] = (uint8_t)(v >> (8 * i));
    }
}

static void pad_to(GByteArray *out, size_t len)
{
    while (out->len < len) {
        acpi_put(out, 0, 1);
    }
}

static uint8_t checksum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    return (uint8_t)-sum;
}

/* Begins a table on 16 bytes; returns its offset for acpi_end_table. */
size_t acpi_begin_table(GByteArray *out, const char *signature, uint8_t revision)
{
    size_t start;

    pad_to(out, (out->len + 15) & ~(size_t)15);
    start = out->len;
    g_byte_array_append(out, (const uint8_t *)signature, 4);
    acpi_put(out, 0, 4); /* length: acpi_end_table */
    acpi_put(out, revision, 1);
    acpi_put(out, 0, 1); /* checksum: acpi_end_table */
    g_byte_array_append(out, (const uint8_t *)"RHEA  ", 6);
    g_byte_array_append(out, (const uint8_t *)"RHEAPC  ", 8);
    acpi_put(out, 1, 4); /* OEM revision */
    g_byte_array_append(out, (const uint8_t *)"RHEA", 4);
    acpi_put(out, 1, 4); /* creator revision */
    return start;
}

void acpi_end_table(GByteArray *out, size_t start)
{
    poke(out, start + 4, out->len - start, 4);
    out->data[start + 9] = checksum(out->data + start, out->len - start);
}

/* 5.2.10 */
static void build_facs(GByteArray *out)
{
    size_t start = out->len;

    g_byte_array_append(out, (const uint8_t *)"FACS", 4);
    acpi_put(out, FACS_SIZE, 4);
    pad_to(out, start + FACS_SIZE);
    out->data[start + 32] = 2; /* version */
}

/* Generic address structure in I/O space (5.2.3.2), 12 bytes; bits: 8, 16 or 32. */
static void poke_io(GByteArray *out, size_t off, unsigned bits, uint16_t port)
{
    poke(out, off, 1, 1);
    poke(out, off + 1, bits, 1);
    poke(out, off + 3, bits == 8 ? 1 : bits == 16 ? 2 : 3, 1); /* access size */
    poke(out, off + 4, port, 8);
}

/* clang-format off */
enum fadt_flag {                /* table 5.10 */
    FADT_WBINVD = 1 << 0, FADT_PROC_C1 = 1 << 2, FADT_NO_SLEEP_BUTTON = 1 << 5,
    FADT_RESET_REG = 1 << 10,
};
enum fadt_boot_arch { BOOT_LEGACY = 1 << 0, BOOT_8042 = 1 << 1, BOOT_NO_VGA = 1 << 2, BOOT_NO_RTC = 1 << 5 };
/* clang-format on */

/* 5.2.9; offsets are the table's own. */
static size_t build_fadt(const struct acpi_config *cfg, uint64_t facs, uint64_t dsdt,
                         GByteArray *out)
{
    size_t t = acpi_begin_table(out, "FACP", 4);
    uint16_t pm = cfg->pm_base, gpe0 = (uint16_t)(pm + (cfg->ich9 ? ICH9_PM_GPE0 : PM_GPE0));
    unsigned gpe0_bytes = cfg->ich9 ? 16 : 4;
    bool no_rtc = cfg->no_pci && !cfg->rtc;
    const struct {
        uint16_t off, size;
        uint64_t value;
    } fields[] = {
        { 36, 4, facs },
        { 40, 4, dsdt },
        { 46, 2, SCI_IRQ },
        { 48, 4, cfg->no_pci ? 0 : PM_SMI_COMMAND_PORT }, /* 0: ACPI mode is always on */
        { 52, 1, cfg->no_pci ? 0 : PM_ACPI_ENABLE },
        { 53, 1, cfg->no_pci ? 0 : PM_ACPI_DISABLE },
        { 56, 4, (uint16_t)(pm + PM_EVENT) },
        { 64, 4, (uint16_t)(pm + PM_CONTROL) },
        { 76, 4, (uint16_t)(pm + PM_TIMER) },
        { 80, 4, gpe0 },
        { 88, 1, 4 }, /* PM1_EVT_LEN */
        { 89, 1, 2 }, /* PM1_CNT_LEN */
        { 91, 1, 4 }, /* PM_TMR_LEN */
        { 92, 1, gpe0_bytes },
        { 96, 2, 0xfff },              /* P_LVL2_LAT: over 100, no C2 */
        { 98, 2, 0xfff },              /* P_LVL3_LAT: over 1000, no C3 */
        { 108, 1, no_rtc ? 0 : 0x32 }, /* CMOS index of the century */
        { 109, 2,
          BOOT_LEGACY | (cfg->no_pci ? 0 : BOOT_8042) | (cfg->vga ? 0 : BOOT_NO_VGA) |
              (no_rtc ? BOOT_NO_RTC : 0) },
        { 112, 4, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_RESET_REG },
        { 128, 1,
          cfg->no_pci ? MICROVM_PM_RESET_VALUE : 0x06 }, /* RESET_VALUE: hard reset of the CPU */
        { 140, 8, dsdt },
    };

    pad_to(out, t + FADT_SIZE);
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        poke(out, t + fields[i].off, fields[i].value, fields[i].size);
    }
    poke_io(out, t + 116, 8,
            cfg->no_pci ? (uint16_t)(pm + MICROVM_PM_RESET) : 0xcf9); /* RESET_REG */
    poke_io(out, t + 148, 32, (uint16_t)(pm + PM_EVENT));
    poke_io(out, t + 172, 16, (uint16_t)(pm + PM_CONTROL));
    poke_io(out, t + 208, 32, (uint16_t)(pm + PM_TIMER));
    poke_io(out, t + 220, 32, gpe0);
    poke(out, t + 220 + 1, gpe0_bytes * 8, 1);
    poke(out, t + 220 + 3, 1, 1); /* GPE blocks are read by bytes */
    acpi_end_table(out, t);
    return t;
}

/* 5.2.12.5: an ISA interrupt that is not what ISA interrupts are.  flags: polarity, trigger. */
static void put_override(GByteArray *out, unsigned irq, unsigned gsi, unsigned flags)
{
    acpi_put(out, 2, 1);
    acpi_put(out, 10, 1);
    acpi_put(out, 0, 1); /* ISA */
    acpi_put(out, irq, 1);
    acpi_put(out, gsi, 4);
    acpi_put(out, flags, 2);
}

/* 5.2.12.2, and for what 8 bits do not hold 5.2.12.12.  True: of the latter kind. */
static bool put_local_apic(GByteArray *out, uint32_t uid, uint32_t id)
{
    bool wide = id > 254;

    acpi_put(out, wide ? 9 : 0, 1);
    acpi_put(out, wide ? 16 : 8, 1);
    if (wide) {
        acpi_put(out, 0, 2);
        acpi_put(out, id, 4);
        acpi_put(out, 1, 4); /* enabled */
        acpi_put(out, uid, 4);
    } else {
        acpi_put(out, uid, 1);
        acpi_put(out, id, 1);
        acpi_put(out, 1, 4);
    }
    return wide;
}

/* 5.2.12.7, 5.2.12.13: NMI is every CPU's LINT1. */
static void put_nmi(GByteArray *out, bool wide)
{
    acpi_put(out, wide ? 10 : 4, 1);
    acpi_put(out, wide ? 12 : 6, 1);
    if (wide) {
        acpi_put(out, 0, 2);
        acpi_put(out, UINT32_MAX, 4);
        acpi_put(out, 1, 1);
        acpi_put(out, 0, 3);
    } else {
        acpi_put(out, 0xff, 1);
        acpi_put(out, 0, 2);
        acpi_put(out, 1, 1);
    }
}

/* 5.2.12 */
static size_t build_madt(const struct acpi_config *cfg, GByteArray *out)
{
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 }; /* the links' and the SCI */
    size_t t = acpi_begin_table(out, "APIC", 3);
    bool wide = false;

    acpi_put(out, 0xfee00000, 4);
    acpi_put(out, 1, 4); /* PCAT_COMPAT: there is an 8259 pair */
    for (unsigned i = 0; i < cfg->n_cpus; i++) {
        wide |= put_local_apic(out, i, cfg->apic_ids ? cfg->apic_ids[i] : i);
    }
    acpi_put(out, 1, 1); /* I/O APIC */
    acpi_put(out, 12, 1);
    acpi_put(out, 0, 1); /* id */
    acpi_put(out, 0, 1);
    acpi_put(out, 0xfec00000, 4);
    acpi_put(out, 0, 4);        /* first GSI */
    put_override(out, 0, 2, 0); /* the timer is wired to pin 2 */
    for (unsigned i = 0; i < sizeof(level_irqs); i++) {
        put_override(out, level_irqs[i], level_irqs[i], 0x0d); /* active high, level */
    }
    put_nmi(out, false);
    if (wide) {
        put_nmi(out, true);
    }
    acpi_end_table(out, t);
    return t;
}

/* PCI Firmware 3.0, 4.1.2 */
static size_t build_mcfg(uint32_t ecam, GByteArray *out)
{
    size_t t = acpi_begin_table(out, "MCFG", 1);

    acpi_put(out, 0, 8);
    acpi_put(out, ecam, 8);
    acpi_put(out, 0, 2); /* segment */
    acpi_put(out, 0, 1); /* first bus */
    acpi_put(out, 0xff, 1);
    acpi_put(out, 0, 4);
    acpi_end_table(out, t);
    return t;
}

/* IA-PC HPET 1.0a, 3.2.4 */
static size_t build_hpet(GByteArray *out)
{
    size_t t = acpi_begin_table(out, "HPET", 1);

    acpi_put(out, 0x8086a201,
             4);         /* as its capability register says: 3 comparators, 64 bits, legacy */
    acpi_put(out, 0, 1); /* memory space */
    acpi_put(out, 64, 1);
    acpi_put(out, 0, 2);
    acpi_put(out, 0xfed00000, 8);
    acpi_put(out, 0, 1); /* number */
    acpi_put(out, 0, 2); /* minimum tick */
    acpi_put(out, 0, 1);
    acpi_end_table(out, t);
    return t;
}

/* RSDT and XSDT: pointers of 4 or 8 bytes. */
static size_t build_index(const char *signature, unsigned size, uint64_t base, const size_t *tables,
                          unsigned n, GByteArray *out)
{
    size_t t = acpi_begin_table(out, signature, 1);

    for (unsigned i = 0; i < n; i++) {
        acpi_put(out, base + tables[i], size);
    }
    acpi_end_table(out, t);
    return t;
}

/* 5.2.5.3 */
static void build_rsdp(uint8_t out[36], const char *oem_id, uint64_t rsdt, uint64_t xsdt)
{
    GByteArray *a = g_byte_array_new();

    g_byte_array_append(a, (const uint8_t *)"RSD PTR ", 8);
    acpi_put(a, 0, 1); /* checksum of the first 20 bytes */
    acpi_put_text(a, oem_id ? oem_id : "RHEA", 6);
    acpi_put(a, 2, 1); /* revision */
    acpi_put(a, rsdt, 4);
    acpi_put(a, 36, 4);
    acpi_put(a, xsdt, 8);
    acpi_put(a, 0, 4); /* checksum of all, reserved */
    a->data[8] = checksum(a->data, 20);
    a->data[32] = checksum(a->data, 36);
    memcpy(out, a->data, 36);
    g_byte_array_unref(a);
}

/* -machine x-oem-id=, x-oem-table-id=: of the table that begins there. */
static void set_oem(const struct acpi_config *cfg, GByteArray *out, size_t t)
{
    const struct {
        const char *text;
        size_t offset;
        unsigned size;
    } fields[] = { { cfg->oem_id, 10, 6 }, { cfg->oem_table_id, 16, 8 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        if (fields[i].text) {
            acpi_put_text(bytes, fields[i].text, fields[i].size);
            memcpy(out->data + t + fields[i].offset, bytes->data, bytes->len);
        }
    }
    out->data[t + 9] = 0;
    out->data[t + 9] = checksum(out->data + t, acpi_table_length(out, t));
}

uint32_t acpi_table_length(const GByteArray *out, size_t t)
{
    uint32_t len;

    memcpy(&len, out->data + t + 4, 4);
    return GUINT32_FROM_LE(len);
}

/* What -acpitable made is whole. */
static unsigned add_user_tables(const struct acpi_config *cfg, size_t *tables, unsigned room,
                                GByteArray *out)
{
    unsigned n = 0;

    for (; cfg->user_tables && n < MIN(cfg->user_tables->len, room); n++) {
        const GByteArray *bytes = g_ptr_array_index(cfg->user_tables, n);

        pad_to(out, (out->len + 15) & ~(size_t)15);
        tables[n] = out->len;
        g_byte_array_append(out, bytes->data, bytes->len);
    }
    return n;
}

struct acpi_tables *acpi_build(const struct acpi_config *cfg, GError **error)
{
    struct acpi_tables *t = g_new0(struct acpi_tables, 1);
    GByteArray *out = t->blob = g_byte_array_new();
    size_t dsdt, tables[ACPI_TABLES_MAX], rsdt, xsdt;
    unsigned n = 0, own;

    t->area = cfg->area;
    t->rsdp = ACPI_RSDP_ADDR;
    build_facs(out);
    pad_to(out, ACPI_NVS_SIZE);
    dsdt = acpi_begin_table(out, "DSDT", 2);
    acpi_build_dsdt(cfg, out);
    acpi_end_table(out, dsdt);
    tables[n++] = build_fadt(cfg, cfg->area, cfg->area + dsdt, out);
    tables[n++] = build_madt(cfg, out);
    if (cfg->hpet) {
        tables[n++] = build_hpet(out);
    }
    if (cfg->ecam) {
        tables[n++] = build_mcfg(cfg->ecam, out);
    }
    if (cfg->numa && cfg->numa->n_nodes) {
        tables[n++] = acpi_build_srat(cfg, out);
        tables[n++] = acpi_build_slit(cfg, out);
    }
    if (cfg->devices.fw_cfg || cfg->devices.vmgenid || cfg->devices.pvpanic || cfg->devices.tpm) {
        tables[n++] = acpi_build_devices(cfg, t);
    }
    if (cfg->devices.tpm) {
        tables[n++] = acpi_build_tpm(cfg, t);
    }
    own = n;
    n += add_user_tables(cfg, tables + n, ACPI_TABLES_MAX - n, out);
    rsdt = build_index("RSDT", 4, cfg->area, tables, n, out);
    xsdt = build_index("XSDT", 8, cfg->area, tables, n, out);
    for (unsigned i = 0; i < own; i++) {
        set_oem(cfg, out, tables[i]);
    }
    set_oem(cfg, out, dsdt);
    set_oem(cfg, out, rsdt);
    set_oem(cfg, out, xsdt);
    build_rsdp(t->rsdp_bytes, cfg->oem_id, cfg->area + rsdt, cfg->area + xsdt);
    if (out->len > ACPI_AREA_SIZE) {
        set_error(error, "the ACPI tables take %u bytes, must be at most %u", out->len,
                  ACPI_AREA_SIZE);
        acpi_free(t);
        return NULL;
    }
    return t;
}

uint64_t acpi_install(const struct acpi_tables *t, struct machine *m)
{
    address_space_write(&m->memory, t->area, t->blob->data, t->blob->len);
    address_space_write(&m->memory, t->rsdp, t->rsdp_bytes, sizeof(t->rsdp_bytes));
    return t->rsdp;
}

void acpi_free(struct acpi_tables *t)
{
    if (t) {
        g_byte_array_unref(t->blob);
        g_free(t);
    }
}
