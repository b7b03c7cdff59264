/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios_options.c: see smbios_options.h.  Source of the structures' form: DMTF DSP0134,
 * 6.1; names of the fields: QEMU's documentation of -smbios.
 * Thread: under the machine lock, before the machine starts.
 */
#include "hw/i386/smbios_options.h"

#include <inttypes.h>
#include <string.h>
#include "hw/i386/smbios_ports.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define FILES_MAX   0x8000u /* all tables must have less than 64 KiB */
#define STRINGS_MAX 255u
#define PORTS_MAX   255u

enum kind { TEXT, NUMBER, SWITCH, RELEASE, UUID };

/* clang-format off */
static const struct row {
    unsigned type;
    const char *name;
    enum kind kind;
    uint64_t max;               /* NUMBER */
} rows[SMBIOS_FIELDS] = {
    [BIOS_VENDOR]          = {  0, "vendor",           TEXT,    0 },
    [BIOS_VERSION]         = {  0, "version",          TEXT,    0 },
    [BIOS_DATE]            = {  0, "date",             TEXT,    0 },
    [BIOS_RELEASE]         = {  0, "release",          RELEASE, 0 },
    [BIOS_UEFI]            = {  0, "uefi",             SWITCH,  0 },
    [SYSTEM_MANUFACTURER]  = {  1, "manufacturer",     TEXT,    0 },
    [SYSTEM_PRODUCT]       = {  1, "product",          TEXT,    0 },
    [SYSTEM_VERSION]       = {  1, "version",          TEXT,    0 },
    [SYSTEM_SERIAL]        = {  1, "serial",           TEXT,    0 },
    [SYSTEM_UUID]          = {  1, "uuid",             UUID,    0 },
    [SYSTEM_SKU]           = {  1, "sku",              TEXT,    0 },
    [SYSTEM_FAMILY]        = {  1, "family",           TEXT,    0 },
    [BOARD_MANUFACTURER]   = {  2, "manufacturer",     TEXT,    0 },
    [BOARD_PRODUCT]        = {  2, "product",          TEXT,    0 },
    [BOARD_VERSION]        = {  2, "version",          TEXT,    0 },
    [BOARD_SERIAL]         = {  2, "serial",           TEXT,    0 },
    [BOARD_ASSET]          = {  2, "asset",            TEXT,    0 },
    [BOARD_LOCATION]       = {  2, "location",         TEXT,    0 },
    [CHASSIS_MANUFACTURER] = {  3, "manufacturer",     TEXT,    0 },
    [CHASSIS_VERSION]      = {  3, "version",          TEXT,    0 },
    [CHASSIS_SERIAL]       = {  3, "serial",           TEXT,    0 },
    [CHASSIS_ASSET]        = {  3, "asset",            TEXT,    0 },
    [CHASSIS_SKU]          = {  3, "sku",              TEXT,    0 },
    [CPU_SOCKET]           = {  4, "sock_pfx",         TEXT,    0 },
    [CPU_MANUFACTURER]     = {  4, "manufacturer",     TEXT,    0 },
    [CPU_VERSION]          = {  4, "version",          TEXT,    0 },
    [CPU_SERIAL]           = {  4, "serial",           TEXT,    0 },
    [CPU_ASSET]            = {  4, "asset",            TEXT,    0 },
    [CPU_PART]             = {  4, "part",             TEXT,    0 },
    [CPU_MAX_SPEED]        = {  4, "max-speed",        NUMBER,  UINT16_MAX },
    [CPU_CURRENT_SPEED]    = {  4, "current-speed",    NUMBER,  UINT16_MAX },
    [CPU_FAMILY]           = {  4, "processor-family", NUMBER,  UINT16_MAX },
    [CPU_ID]               = {  4, "processor-id",     NUMBER,  UINT64_MAX },
    [DIMM_LOCATION]        = { 17, "loc_pfx",          TEXT,    0 },
    [DIMM_BANK]            = { 17, "bank",             TEXT,    0 },
    [DIMM_MANUFACTURER]    = { 17, "manufacturer",     TEXT,    0 },
    [DIMM_SERIAL]          = { 17, "serial",           TEXT,    0 },
    [DIMM_ASSET]           = { 17, "asset",            TEXT,    0 },
    [DIMM_PART]            = { 17, "part",             TEXT,    0 },
    [DIMM_SPEED]           = { 17, "speed",            NUMBER,  UINT16_MAX },
};
/* clang-format on */

bool smbios_has_type(const struct smbios_options *o, unsigned type)
{
    for (unsigned i = 0; i < SMBIOS_FIELDS; i++) {
        if (rows[i].type == type && o->text[i]) {
            return true;
        }
    }
    for (unsigned i = 0; i < o->ports->len; i++) {
        if (((const GByteArray *)g_ptr_array_index(o->ports, i))->data[0] == type) {
            return true;
        }
    }
    return type == 11 && o->oem_strings->len;
}

bool smbios_in_files(const struct smbios_options *o, unsigned type)
{
    return o->types[type / 64] >> type % 64 & 1;
}

uint64_t smbios_number(const struct smbios_options *o, enum smbios_field field, uint64_t def)
{
    uint64_t v = def;

    if (o->text[field]) {
        parse_uint(o->text[field], 0, rows[field].max, &v);
    }
    return v;
}

/* "01234567-89ab-cdef-0123-456789abcdef" */
static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    if (!g_uuid_string_is_valid(text)) {
        return false;
    }
    for (unsigned i = 0; i < 16; text++) {
        if (*text != '-') {
            uuid[i++] =
                (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
            text++;
        }
    }
    return true;
}

void smbios_uuid(const struct smbios_options *o, uint8_t uuid[16])
{
    memset(uuid, 0, 16);
    if (o->text[SYSTEM_UUID]) {
        parse_uuid(o->text[SYSTEM_UUID], uuid);
    }
}

static bool parse_release(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ".", 3);
    uint64_t v;

    return g_strv_length(parts) == 2 && parse_uint(parts[0], 0, 255, &v) &&
           parse_uint(parts[1], 0, 255, &v);
}

static const char *problem(const struct row *row, const char *value)
{
    uint8_t uuid[16];
    uint64_t v;
    bool on;

    switch (row->kind) {
    case NUMBER:
        return parse_uint(value, 0, row->max, &v) ? NULL : "must be a number in range";
    case SWITCH:
        return parse_bool(value, &on) ? NULL : "must be on or off";
    case RELEASE:
        return parse_release(value) ? NULL : "must be MAJOR.MINOR, each 0 to 255";
    case UUID:
        return parse_uuid(value, uuid) ? NULL : "must be a UUID of 32 hexadecimal digits";
    default:
        return NULL;
    }
}

static bool set_field(struct smbios_options *o, unsigned type, const struct option_pair *p,
                      GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (unsigned i = 0; i < SMBIOS_FIELDS; i++) {
        const char *why;

        if (rows[i].type != type) {
            continue;
        }
        g_string_append_printf(names, "%s%s", names->len ? ", " : "", rows[i].name);
        if (strcmp(rows[i].name, p->key) != 0) {
            continue;
        }
        why = problem(&rows[i], p->value);
        if (why) {
            set_error(error, "%s is '%s', %s", p->key, p->value, why);
            return false;
        }
        g_free(o->text[i]);
        o->text[i] = *p->value ? g_strdup(p->value) : NULL; /* the empty string is no string */
        return true;
    }
    set_error(error, "type %u has no field '%s'; it has: %s", type, p->key, names->str);
    return false;
}

/* value=TEXT or path=FILE */
static bool add_oem_string(struct smbios_options *o, const struct option_pair *p, GError **error)
{
    char *text = NULL;
    size_t len;

    if (strcmp(p->key, "value") == 0) {
        text = g_strdup(p->value);
    } else if (strcmp(p->key, "path") != 0) {
        set_error(error, "type 11 has no field '%s'; it has: value, path", p->key);
    } else if (g_file_get_contents(p->value, &text, &len, error) && strlen(text) != len) {
        set_error(error, "file '%s' holds a NUL byte, which ends a string", p->value);
        g_clear_pointer(&text, g_free);
    }
    if (text && (!*text || o->oem_strings->len == STRINGS_MAX)) {
        set_error(error, *text ? "type 11 has 255 strings at most" : "type 11: a string is empty");
        g_clear_pointer(&text, g_free);
    }
    if (text) {
        g_ptr_array_add(o->oem_strings, text);
    }
    return text != NULL;
}

/* The length of the structure at data: the formatted area, and strings up to two NULs; 0: none. */
static size_t structure_length(const uint8_t *data, size_t len)
{
    size_t at = len >= 4 ? data[1] : 0;

    if (at < 4) {
        return 0;
    }
    for (; at + 2 <= len; at++) {
        if (data[at] == 0 && data[at + 1] == 0) {
            return at + 2;
        }
    }
    return 0;
}

static bool add_file(struct smbios_options *o, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    size_t len, at = 0, n;

    if (!g_file_get_contents(path, &text, &len, error)) {
        return false;
    }
    if (len == 0 || len > FILES_MAX - o->files->len) {
        set_error(error, "file '%s' has %zu bytes, all files must have 1 to %u", path, len,
                  FILES_MAX);
        return false;
    }
    for (; at < len; at += n) {
        unsigned type = (uint8_t)text[at];

        n = structure_length((const uint8_t *)text + at, len - at);
        if (n == 0) {
            set_error(error, "file '%s' holds no whole SMBIOS structure at byte %zu", path, at);
            return false;
        }
        o->types[type / 64] |= 1ull << type % 64;
        o->n_in_files++;
    }
    g_byte_array_append(o->files, (const uint8_t *)text, (guint)len);
    return true;
}

static bool add_port(struct smbios_options *o, unsigned type, const GPtrArray *opts, GError **error)
{
    GByteArray *port;

    if (o->ports->len == PORTS_MAX) {
        set_error(error, "types 8 and 41 are there %u times at most", PORTS_MAX);
        return false;
    }
    port = smbios_port(type, opts, error);
    if (port) {
        g_ptr_array_add(o->ports, port);
    }
    return port != NULL;
}

static bool add_option(struct smbios_options *o, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, NULL);
    const char *file = options_get(opts, "file"), *type_text = options_get(opts, "type");
    uint64_t type;

    if (file) {
        if (opts->len > 1) {
            set_error(error, "file= stands alone");
            return false;
        }
        return add_file(o, file, error);
    }
    if (!type_text || !parse_uint(type_text, 0, 255, &type) ||
        (type > 4 && type != 8 && type != 11 && type != 17 && type != 41)) {
        set_error(error, "type is '%s', must be 0, 1, 2, 3, 4, 8, 11, 17 or 41 (or give file=FILE)",
                  type_text ? type_text : "");
        return false;
    }
    if (type == 8 || type == 41) {
        return add_port(o, (unsigned)type, opts, error);
    }
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "type") != 0 &&
            !(type == 11 ? add_oem_string(o, p, error) : set_field(o, (unsigned)type, p, error))) {
            return false;
        }
    }
    return true;
}

/* A type is either described by fields or is in a file. */
static bool check_types(const struct smbios_options *o, GError **error)
{
    for (unsigned type = 0; type < 256; type++) {
        if (smbios_in_files(o, type) && smbios_has_type(o, type)) {
            set_error(error, "-smbios: type %u is in a file and has fields, too", type);
            return false;
        }
    }
    return true;
}

struct smbios_options *smbios_options_new(const struct machine_config *config, GError **error)
{
    struct smbios_options *o = g_new0(struct smbios_options, 1);
    bool ok = true;

    o->oem_strings = g_ptr_array_new_with_free_func(g_free);
    o->ports = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    o->files = g_byte_array_new();
    o->text[SYSTEM_UUID] = g_strdup(config->uuid);
    for (unsigned i = 0; i < config->smbios->len && ok; i++) {
        const char *text = g_ptr_array_index(config->smbios, i);

        ok = add_option(o, text, error);
        if (!ok && error) {
            g_prefix_error(error, "-smbios %s: ", text);
        }
    }
    if (!ok || !check_types(o, error)) {
        smbios_options_free(o);
        return NULL;
    }
    return o;
}

void smbios_options_free(struct smbios_options *o)
{
    if (!o) {
        return;
    }
    for (unsigned i = 0; i < SMBIOS_FIELDS; i++) {
        g_free(o->text[i]);
    }
    g_ptr_array_unref(o->oem_strings);
    g_ptr_array_unref(o->ports);
    g_byte_array_unref(o->files);
    g_free(o);
}
