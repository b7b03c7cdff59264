/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_user.c: -acpitable: a table of the user's, as one file that is it (file=) or as what follows a
 * header (data=) whose fields the options give.
 * Source: QEMU's documentation of -acpitable; ACPI 6.4, 5.2.6.  Thread: under the machine lock.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/i386/acpi_internal.h"
#include "util/error.h"
#include "util/text.h"

#define FILES_MAX 0x10000u

/* A field of the header: text of at most that many characters, or a number of that many bytes. */
static const struct field {
    const char *name, *otherwise; /* of data= */
    unsigned offset, size;
    bool number;
} fields[] = {
    /* clang-format off */
    { "sig",              "RHEA",     0,  4, false },
    { "rev",              "0",        8,  1, true },
    { "oem_id",           "RHEA",     10, 6, false },
    { "oem_table_id",     "RHEAPC",   16, 8, false },
    { "oem_rev",          "1",        24, 4, true },
    { "asl_compiler_id",  "RHEA",     28, 4, false },
    { "asl_compiler_rev", "1",        32, 4, true },
    /* clang-format on */
};

static bool set_field(GByteArray *table, const struct field *f, const char *text, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint64_t v = 0;

    if (f->number ? !parse_uint(text, 0, (1ull << (8 * f->size)) - 1, &v)
                  : strlen(text) > f->size || (f->offset == 0 && strlen(text) != f->size)) {
        set_error(error, "%s is '%s', must %s%u %s", f->name, text,
                  f->number        ? "be a number of "
                  : f->offset == 0 ? "have "
                                   : "have at most ",
                  f->size, f->number ? "bytes" : "characters");
        return false;
    }
    if (f->number) {
        acpi_put(bytes, v, f->size);
    } else {
        acpi_put_text(bytes, text, f->size);
    }
    memcpy(table->data + f->offset, bytes->data, f->size);
    return true;
}

static bool append_files(GByteArray *table, const char *names, GError **error)
{
    g_auto(GStrv) paths = g_strsplit(names, ":", -1);

    for (unsigned i = 0; paths[i]; i++) {
        g_autofree char *data = NULL;
        size_t len;

        if (!g_file_get_contents(paths[i], &data, &len, error)) {
            return false;
        }
        if (len > FILES_MAX - MIN(table->len, FILES_MAX)) {
            set_error(error, "the files have more than %u bytes", FILES_MAX);
            return false;
        }
        g_byte_array_append(table, (const uint8_t *)data, (guint)len);
    }
    return true;
}

static bool check_keys(const GPtrArray *opts, GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        bool known = strcmp(p->key, "file") == 0 || strcmp(p->key, "data") == 0;

        for (unsigned f = 0; f < G_N_ELEMENTS(fields); f++) {
            known = known || strcmp(p->key, fields[f].name) == 0;
        }
        if (!known) {
            set_error(error,
                      "Invalid parameter '%s'; it takes: sig, rev, oem_id, oem_table_id, oem_rev, "
                      "asl_compiler_id, asl_compiler_rev, data, file",
                      p->key);
            return false;
        }
    }
    return true;
}

/* Of a whole table. */
static bool check_length(const GByteArray *table, GError **error)
{
    if (table->len < ACPI_HEADER_SIZE || acpi_table_length(table, 0) != table->len) {
        set_error(error,
                  "the file has %u bytes, must be a table whose header says so (at least %u)",
                  table->len, ACPI_HEADER_SIZE);
        return false;
    }
    return true;
}

GByteArray *acpi_user_table(const char *options, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(options, NULL);
    const char *file = options_get(opts, "file"), *data = options_get(opts, "data");
    g_autoptr(GByteArray) table = g_byte_array_new();

    if (!check_keys(opts, error)) {
        return NULL;
    }
    if (!file == !data) {
        set_error(error, "'-acpitable' requires one of 'data' or 'file'");
        return NULL;
    }
    if (data) {
        g_byte_array_set_size(table, ACPI_HEADER_SIZE);
        memset(table->data, 0, ACPI_HEADER_SIZE);
    }
    if (!append_files(table, file ? file : data, error) || (file && !check_length(table, error))) {
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *text = options_get(opts, fields[i].name);

        text = text || file ? text : fields[i].otherwise;
        if (text && !set_field(table, &fields[i], text, error)) {
            return NULL;
        }
    }
    acpi_end_table(table, 0);
    return g_steal_pointer(&table);
}
