/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/options.c: what -audiodev takes: one row for each property.  Thread: the program's first, machine lock held.
 */
#include <string.h>
#include "audio/audio.h"
#include "util/error.h"
#include "util/text.h"

/* clang-format off */
enum kind { TEXT, NUMBER, BOOL, ENCODING };
static const struct row {
    const char *name, *drivers; /* drivers: those that have it, NULL: all */
    enum kind kind;
    size_t offset;              /* in struct audio_options; SIZE_MAX: accepted, and of no effect here */
    uint64_t min, max;
} rows[] = {
    { "id",                  NULL,   TEXT,     offsetof(struct audio_options, id), 0, 0 },
    { "driver",              NULL,   TEXT,     offsetof(struct audio_options, driver), 0, 0 },
    { "timer-period",        NULL,   NUMBER,   offsetof(struct audio_options, period), 100, 1000000 },
    { "out.frequency",       NULL,   NUMBER,   offsetof(struct audio_options, out.rate), AUDIO_RATE_MIN, AUDIO_RATE_MAX },
    { "out.channels",        NULL,   NUMBER,   offsetof(struct audio_options, out.channels), 1, 2 },
    { "out.format",          NULL,   ENCODING, offsetof(struct audio_options, out.encoding), 0, 0 },
    { "path",                "wav",  TEXT,     offsetof(struct audio_options, path), 0, 0 },
    { "server",              "pa",   TEXT,     offsetof(struct audio_options, server), 0, 0 },
    { "out.dev",             "alsa", TEXT,     offsetof(struct audio_options, device), 0, 0 },
    { "out.name",            "pa",   TEXT,     offsetof(struct audio_options, device), 0, 0 },
    { "out.mixing-engine",   NULL,   BOOL,     SIZE_MAX, 0, 0 },
    { "out.fixed-settings",  NULL,   BOOL,     SIZE_MAX, 0, 0 },
    { "out.voices",          NULL,   NUMBER,   SIZE_MAX, 0, UINT32_MAX },
    { "out.buffer-length",   NULL,   NUMBER,   SIZE_MAX, 0, UINT32_MAX },
    { "in.mixing-engine",    NULL,   BOOL,     SIZE_MAX, 0, 0 },
    { "in.fixed-settings",   NULL,   BOOL,     SIZE_MAX, 0, 0 },
    { "in.frequency",        NULL,   NUMBER,   SIZE_MAX, AUDIO_RATE_MIN, AUDIO_RATE_MAX },
    { "in.channels",         NULL,   NUMBER,   SIZE_MAX, 1, 255 },
    { "in.format",           NULL,   ENCODING, SIZE_MAX, 0, 0 },
    { "in.voices",           NULL,   NUMBER,   SIZE_MAX, 0, UINT32_MAX },
    { "in.buffer-length",    NULL,   NUMBER,   SIZE_MAX, 0, UINT32_MAX },
};
/* clang-format on */

static const struct row *find_row(const char *name, const char *driver)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, name) == 0 &&
            (!rows[i].drivers || strcmp(rows[i].drivers, driver) == 0)) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool parse_encoding(const char *text, enum audio_encoding *out)
{
    for (unsigned i = 0; i < AUDIO_ENCODINGS; i++) {
        if (strcmp(audio_encoding_names[i], text) == 0) {
            *out = (enum audio_encoding)i;
            return true;
        }
    }
    return false;
}

static bool set_number(const struct row *row, const char *value, void *field, GError **error)
{
    uint64_t v;

    if (!parse_uint(value, row->min, row->max, &v)) {
        set_error(error,
                  "audiodev: %s is '%s', must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                  row->name, value, row->min, row->max);
        return false;
    }
    if (field && row->offset == offsetof(struct audio_options, out.channels)) {
        *(uint8_t *)field = (uint8_t)v;
    } else if (field) {
        *(uint32_t *)field = (uint32_t)v;
    }
    return true;
}

static bool set_value(const struct row *row, const char *value, struct audio_options *o,
                      GError **error)
{
    void *field = row->offset == SIZE_MAX ? NULL : (uint8_t *)o + row->offset;
    enum audio_encoding encoding;
    bool flag;

    switch (row->kind) {
    case TEXT:
        *(const char **)field = value;
        return true;
    case NUMBER:
        return set_number(row, value, field, error);
    case BOOL:
        if (!parse_bool(value, &flag)) {
            set_error(error, "audiodev: %s is '%s', must be on or off", row->name, value);
            return false;
        }
        return true;
    case ENCODING:
        if (!parse_encoding(value, &encoding)) {
            set_error(error, "audiodev: %s is '%s', must be u8, s8, u16, s16, u32, s32 or f32",
                      row->name, value);
            return false;
        }
        if (field) {
            *(enum audio_encoding *)field = encoding;
        }
        return true;
    }
    return false;
}

bool audio_parse_options(const GPtrArray *pairs, struct audio_options *o, GError **error)
{
    const char *driver = options_get(pairs, "driver");

    *o = (struct audio_options){ .out = { 44100, 2, AUDIO_S16 }, .period = 10000 };
    for (unsigned i = 0; driver && i < pairs->len; i++) {
        const struct option_pair *p = g_ptr_array_index(pairs, i);
        const struct row *row = find_row(p->key, driver);

        if (!row) {
            set_error(error, "audiodev: the driver '%s' has no property '%s'", driver, p->key);
            return false;
        }
        if (!set_value(row, p->value, o, error)) {
            return false;
        }
    }
    if (!driver || !o->id || !*o->id) {
        set_error(error, "audiodev: must be DRIVER,id=ID[,prop=VALUE]");
        return false;
    }
    return true;
}
