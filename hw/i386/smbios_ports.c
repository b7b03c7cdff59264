/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/smbios_ports.c: see smbios_ports.h.  Source: DMTF DSP0134, SMBIOS 2.8, 7.9 and 7.42; names of the fields:
 * QEMU's documentation of -smbios.
 */
#include "hw/i386/smbios_ports.h"

#include <string.h>
#include "util/error.h"
#include "util/text.h"

static const char *const kinds[] = { "other", "unknown", "video", "scsi", "ethernet", "tokenring",
                                     "sound", "pata",    "sata",  "sas",  NULL };

static void put(GByteArray *out, unsigned v)
{
    uint8_t byte = (uint8_t)v;

    g_byte_array_append(out, &byte, 1);
}

static bool check_keys(const GPtrArray *opts, const char *const *keys, GError **error)
{
    g_autofree char *all = g_strjoinv(", ", (char **)keys);

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "type") != 0 && !g_strv_contains(keys, p->key)) {
            set_error(error, "the type has no field '%s'; it has: %s", p->key, all);
            return false;
        }
    }
    return true;
}

/* A byte; not given: `otherwise`. */
static bool number(const GPtrArray *opts, const char *key, unsigned otherwise, unsigned *to,
                   GError **error)
{
    const char *text = options_get(opts, key);
    uint64_t v = otherwise;

    if (text && !parse_uint(text, 0, 255, &v)) {
        set_error(error, "%s is '%s', must be 0 to 255", key, text);
        return false;
    }
    *to = (unsigned)v;
    return true;
}

/* The texts behind the formatted area, whose length is known by then. */
static GByteArray *end(GByteArray *out, const char *first, const char *second)
{
    out->data[1] = (uint8_t)out->len;
    if (first) {
        g_byte_array_append(out, (const uint8_t *)first, (guint)strlen(first) + 1);
    }
    if (second) {
        g_byte_array_append(out, (const uint8_t *)second, (guint)strlen(second) + 1);
    }
    put(out, 0);
    if (!first && !second) {
        put(out, 0);
    }
    return out;
}

static GByteArray *begin(unsigned type)
{
    GByteArray *out = g_byte_array_new();

    put(out, type);
    put(out, 0); /* length: end() */
    put(out, 0); /* the handle comes later */
    put(out, 0);
    return out;
}

static const char *text_of(const GPtrArray *opts, const char *key)
{
    const char *text = options_get(opts, key);

    return text && *text ? text : NULL; /* the empty string is no string */
}

static GByteArray *connector(const GPtrArray *opts, GError **error)
{
    static const char *const keys[] = { "internal_reference", "external_reference",
                                        "connector_type", "port_type", NULL };
    const char *inside = text_of(opts, "internal_reference");
    const char *outside = text_of(opts, "external_reference");
    unsigned form, port;
    GByteArray *out;

    if (!check_keys(opts, keys, error) || !number(opts, "connector_type", 0, &form, error) ||
        !number(opts, "port_type", 0, &port, error)) {
        return NULL;
    }
    out = begin(8);
    put(out, inside ? 1 : 0);
    put(out, 0); /* no connector inside */
    put(out, outside ? (inside ? 2 : 1) : 0);
    put(out, form);
    put(out, port);
    return end(out, inside, outside);
}

static GByteArray *onboard_device(const GPtrArray *opts, GError **error)
{
    static const char *const keys[] = { "designation", "kind", "instance", "pcidev", NULL };
    const char *name = text_of(opts, "designation"), *kind = options_get(opts, "kind");
    unsigned instance, k = 0;
    GByteArray *out;

    if (!check_keys(opts, keys, error) || !number(opts, "instance", 1, &instance, error)) {
        return NULL;
    }
    while (kind && kinds[k] && strcmp(kinds[k], kind) != 0) {
        k++;
    }
    if (!kinds[k]) {
        g_autofree char *all = g_strjoinv(", ", (char **)kinds);

        set_error(error, "kind is '%s', must be one of: %s", kind, all);
        return NULL;
    }
    if (options_get(opts, "pcidev")) {
        set_error(error, "pcidev= is not supported: leave it out");
        return NULL;
    }
    out = begin(41);
    put(out, name ? 1 : 0);
    put(out, 0x80 | (kind ? k + 1 : 1)); /* enabled */
    put(out, instance);
    for (unsigned i = 0; i < 4; i++) { /* segment, bus, function */
        put(out, 0);
    }
    return end(out, name, NULL);
}

GByteArray *smbios_port(unsigned type, const GPtrArray *opts, GError **error)
{
    return type == 8 ? connector(opts, error) : onboard_device(opts, error);
}
