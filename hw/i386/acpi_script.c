/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_script.c: see acpi_script.h.
 *
 * Firmware chooses where the tables lie.  A pointer holds the offset of what it points to within
 * the file of the tables; the script says: put this file into that kind of memory, add its address to
 * these pointers, sum up these tables.
 *
 * Invariant: a row of `fields` for each pointer that a table may have.
 * Thread:    under the machine lock.
 */
#include "hw/i386/acpi_script.h"

#include <string.h>
#include "hw/misc/vmgenid.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/tpm/tpm.h"

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE   "etc/acpi/rsdp"
#define SCRIPT_FILE "etc/table-loader"

#define COMMAND_SIZE 128u
#define NAME_SIZE    56u
#define HEADER_SIZE  36u
#define CHECKSUM     9u /* its offset in a table's header */
#define RSDP_V1_SIZE 20u

enum script_command { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, WRITE_POINTER = 4 };
enum script_zone { ZONE_HIGH = 1, ZONE_F_SEGMENT = 2 };

/* clang-format off */
static const struct {
    char signature[5];
    uint16_t offset;
    uint8_t size;
    bool repeated;              /* up to the table's end */
} fields[] = {
    { "FACP",  36, 4, false },  /* FIRMWARE_CTRL: the FACS */
    { "FACP",  40, 4, false },  /* DSDT */
    { "FACP", 140, 8, false },  /* X_DSDT */
    { "RSDT",  36, 4, true },
    { "XSDT",  36, 8, true },
};
/* clang-format on */

struct writer {
    GByteArray *out;
    uint8_t command[COMMAND_SIZE];
    unsigned used;
};

static void put(struct writer *w, uint32_t v, unsigned size)
{
    v = GUINT32_TO_LE(v);
    memcpy(w->command + w->used, &v, size);
    w->used += size;
}

static void put_name(struct writer *w, const char *name)
{
    memcpy(w->command + w->used, name, strlen(name));
    w->used += NAME_SIZE;
}

static void begin(struct writer *w, enum script_command what)
{
    memset(w->command, 0, COMMAND_SIZE);
    w->used = 0;
    put(w, what, 4);
}

static void end(struct writer *w)
{
    g_byte_array_append(w->out, w->command, COMMAND_SIZE);
}

static void allocate(struct writer *w, const char *file, uint32_t align, enum script_zone zone)
{
    begin(w, ALLOCATE);
    put_name(w, file);
    put(w, align, 4);
    put(w, zone, 1);
    end(w);
}

/* The pointer at offset in file gets the address of the target added. */
static void add_pointer(struct writer *w, const char *file, const char *target, uint32_t offset,
                        unsigned size)
{
    begin(w, ADD_POINTER);
    put_name(w, file);
    put_name(w, target);
    put(w, offset, 4);
    put(w, size, 1);
    end(w);
}

/* The start of the file of the writable one gets the address of the target. */
static void write_pointer(struct writer *w, const char *file, const char *target)
{
    begin(w, WRITE_POINTER);
    put_name(w, file);
    put_name(w, target);
    put(w, 0, 4); /* offset in the file */
    put(w, 0, 4); /* in the target */
    put(w, 8, 1);
    end(w);
}

/* The byte at offset becomes the one that makes [start, start + len) add up to 0. */
static void add_checksum(struct writer *w, const char *file, uint32_t offset, uint32_t start,
                         uint32_t len)
{
    begin(w, ADD_CHECKSUM);
    put_name(w, file);
    put(w, offset, 4);
    put(w, start, 4);
    put(w, len, 4);
    end(w);
}

static uint32_t table_length(const uint8_t *table)
{
    uint32_t len;

    memcpy(&len, table + 4, 4);
    return GUINT32_FROM_LE(len);
}

static void add_table(struct writer *w, uint8_t *tables, uint32_t start, uint32_t len)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        uint32_t at = fields[i].offset;

        if (memcmp(tables + start, fields[i].signature, 4) != 0) {
            continue;
        }
        do {
            if (at + fields[i].size <= len) {
                add_pointer(w, TABLES_FILE, TABLES_FILE, start + at, fields[i].size);
            }
            at += fields[i].size;
        } while (fields[i].repeated && at < len);
    }
    tables[start + CHECKSUM] = 0;
    add_checksum(w, TABLES_FILE, start + CHECKSUM, start, len);
}

bool acpi_add_files(struct fw_cfg *fw, const struct acpi_tables *t, GError **error)
{
    g_autofree uint8_t *tables = g_memdup2(t->blob->data, t->blob->len);
    uint8_t rsdp[sizeof(t->rsdp_bytes)];
    struct writer w = { .out = g_byte_array_new() };
    uint32_t at = ACPI_NVS_SIZE, len;

    allocate(&w, RSDP_FILE, 16, ZONE_F_SEGMENT);
    allocate(&w, TABLES_FILE, 64, ZONE_HIGH);
    if (t->vmgenid_pointer) {
        allocate(&w, VMGENID_GUID_FILE, VMGENID_PAGE, ZONE_HIGH);
        add_pointer(&w, TABLES_FILE, VMGENID_GUID_FILE, t->vmgenid_pointer, 4);
        write_pointer(&w, VMGENID_ADDR_FILE, VMGENID_GUID_FILE);
    }
    if (t->tpm_log_pointer) {
        allocate(&w, TPM_LOG_FILE, 1, ZONE_HIGH);
        add_pointer(&w, TABLES_FILE, TPM_LOG_FILE, t->tpm_log_pointer, 8);
    }
    while (at + HEADER_SIZE <= t->blob->len) {
        len = table_length(tables + at);
        add_table(&w, tables, at, len);
        at = (at + len + 15) & ~15u; /* where begin_table of acpi.c puts the next one */
    }
    memcpy(rsdp, t->rsdp_bytes, sizeof(rsdp));
    rsdp[8] = rsdp[32] = 0;
    add_pointer(&w, RSDP_FILE, TABLES_FILE, 16, 4);
    add_pointer(&w, RSDP_FILE, TABLES_FILE, 24, 8);
    add_checksum(&w, RSDP_FILE, 8, 0, RSDP_V1_SIZE);
    add_checksum(&w, RSDP_FILE, 32, 0, sizeof(rsdp));
    return fw_cfg_replace_file(fw, TABLES_FILE, g_bytes_new(tables, t->blob->len), error) &&
           fw_cfg_replace_file(fw, RSDP_FILE, g_bytes_new(rsdp, sizeof(rsdp)), error) &&
           fw_cfg_replace_file(fw, SCRIPT_FILE, g_byte_array_free_to_bytes(w.out), error);
}
