/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi.h: ACPI tables of a PC that boots without firmware.
 *
 * The tables are built once, for fixed addresses, and copied into guest RAM at every reset.
 * Thread: under the machine lock, vCPUs stopped.
 */
#ifndef HW_I386_ACPI_H
#define HW_I386_ACPI_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct numa_config;

/* The top of low RAM belongs to the tables: first the page of the FACS (NVS), then the rest. */
#define ACPI_AREA_SIZE 0x20000u
#define ACPI_NVS_SIZE  0x1000u
/* In that page, without firmware: the vmgenid's, of which all but the number may overlap. */
#define ACPI_VMGENID_OFFSET 0x400u
#define ACPI_VMGENID_GPE    5
/* Beside the DSDT, RSDT and XSDT. */
#define ACPI_TABLES_MAX 40u
#define ACPI_USER_MAX   32u
/* In the FACS, and so in the area. */
#define ACPI_FACS_WAKING_VECTOR 12u
/* Where guests look for the RSDP: on 16 bytes within 0xe0000-0xfffff (ACPI 6.4, 5.2.5.1). */
#define ACPI_RSDP_ADDR 0xf5a80u

/* A virtio device's registers in memory, and the interrupt that it raises. */
struct acpi_virtio {
    uint32_t addr; /* of VIRTIO_MMIO_SIZE bytes */
    uint8_t gsi;
};

/* What is there by -device, or beside the chipset; all bytes are compared. */
struct acpi_devices {
    bool fw_cfg, vmgenid;
    uint16_t pvpanic;         /* its port; 0: there is none */
    uint8_t tpm, tpm_version; /* enum tpm_interface and tpm_version: hw/tpm/tpm.h */
};

struct acpi_config {
    unsigned n_cpus;
    const uint32_t *apic_ids; /* NULL: 0 to n_cpus - 1 */
    bool hpet, vga, no_s3, no_s4;
    bool pci_hotplug; /* acpi_pci_hotplug.h is there */
    bool no_pci;      /* a microvm: no keyboard, no CMOS clock unless `rtc`, virtio in memory */
    bool rtc;
    const struct acpi_virtio *virtio; /* places of virtio devices */
    unsigned n_virtio;
    bool serial[4];                      /* COM1 to COM4 */
    bool parallel[3];                    /* LPT1 to LPT3 */
    uint16_t pm_base;                    /* I/O port of the power management block */
    uint64_t ram_below_4g, ram_above_4g; /* bytes */
    bool ich9;                           /* the south bridge is an ICH9, else a PIIX */
    uint32_t ecam; /* guest physical address of the configuration space of 256 buses; 0: none */
    const struct numa_config *numa;    /* NULL, or without nodes: no SRAT and SLIT */
    const GPtrArray *user_tables;      /* GByteArray *: -acpitable; NULL: none */
    const char *oem_id, *oem_table_id; /* NULL: the default */
    struct acpi_devices devices;
    uint64_t area; /* guest physical address of ACPI_AREA_SIZE bytes, page-aligned */
};

struct acpi_tables {
    uint64_t area, rsdp; /* guest physical addresses */
    GByteArray *blob;    /* for `area` */
    uint8_t rsdp_bytes[36];
    uint32_t vmgenid_pointer; /* 4 bytes at this offset in blob: the vmgenid's page; 0: none */
    uint32_t tpm_log_pointer; /* 8 bytes: the file of the TPM's log; 0: none */
};

/* NULL and *error when the tables do not fit. */
struct acpi_tables *acpi_build(const struct acpi_config *cfg, GError **error);
/* Copies them into guest RAM; returns the RSDP's address. */
uint64_t acpi_install(const struct acpi_tables *t, struct machine *m);
void acpi_free(struct acpi_tables *t);

/* acpi_user.c: the table that an -acpitable describes; NULL and *error. */
GByteArray *acpi_user_table(const char *options, GError **error);

/* acpi_devices.c: what the machine has now of what the tables tell of. */
struct acpi_devices acpi_find_devices(struct machine *m);

/* dsdt.c: the AML of the DSDT, without the table's header. */
void acpi_build_dsdt(const struct acpi_config *cfg, GByteArray *out);
/* dsdt_hotplug.c: within the scope of the PCI host; outside of any. */
void dsdt_add_hotplug(GByteArray *out);
void dsdt_add_hotplug_event(GByteArray *out);

#endif
