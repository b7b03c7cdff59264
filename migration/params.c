/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/params.c: parameters and capabilities.  Thread: machine lock held. */
#include <inttypes.h>
#include <string.h>
#include "migration/state.h"
#include "util/error.h"
#include "util/text.h"

/* clang-format off */
const struct migration_parameter_row migration_parameters[MIGRATION_PARAMETER_COUNT] = {
    [MIGRATION_ANNOUNCE_INITIAL] = { "announce-initial", " ms",  50, 0, 100000, 0, NULL, "until the first announcement of cards" },
    [MIGRATION_ANNOUNCE_MAX]     = { "announce-max",     " ms", 550, 0, 100000, 0, NULL, "between two of them at most" },
    [MIGRATION_ANNOUNCE_ROUNDS]  = { "announce-rounds",  "",      5, 0,   1000, 0, NULL, "how many" },
    [MIGRATION_ANNOUNCE_STEP]    = { "announce-step",    " ms", 100, 0,  10000, 0, NULL, "by which each waits longer" },
    [MIGRATION_MAX_BANDWIDTH]    = { "max-bandwidth", " bytes/second", 128 << 20, 0, INT64_MAX, MIGRATION_SIZE, NULL, "while the guest runs; 0: no limit" },
    [MIGRATION_DOWNTIME_LIMIT]   = { "downtime-limit",   " ms", 300, 0, 2000000, 0, NULL, "for which the guest may stand still" },
    [MIGRATION_MULTIFD_CHANNELS] = { "multifd-channels", "", 2, 1, 255, 0, NULL, "for RAM, with capability multifd" },
    [MIGRATION_MULTIFD_COMPRESSION] = { "multifd-compression", "", 0, 0, 2, MIGRATION_CHOICE, "none|zlib|zstd", "of what goes over them" },
    [MIGRATION_MULTIFD_ZLIB_LEVEL]  = { "multifd-zlib-level", "", 1, 0, 9, 0, NULL, "0: none, 1: fast, 9: small" },
    [MIGRATION_MULTIFD_ZSTD_LEVEL]  = { "multifd-zstd-level", "", 1, 0, 20, 0, NULL, "0: zstd's own, 1: fast, 20: small" },
    [MIGRATION_THROTTLE_TRIGGER]    = { "throttle-trigger-threshold", "", 50, 1, 100, 0, NULL, "percent of what was sent that the guest may write meanwhile" },
    [MIGRATION_THROTTLE_INITIAL]    = { "cpu-throttle-initial",   "", 20, 1, 99, 0, NULL, "percent of the time that it then stands still" },
    [MIGRATION_THROTTLE_INCREMENT]  = { "cpu-throttle-increment", "", 10, 1, 99, 0, NULL, "by which that grows" },
    [MIGRATION_THROTTLE_TAILSLOW]   = { "cpu-throttle-tailslow",  "",  0, 0,  1, MIGRATION_BOOL, NULL, "no more than is needed" },
    [MIGRATION_THROTTLE_MAX]        = { "max-cpu-throttle",       "", 99, 1, 99, 0, NULL, "to which" },
};

const struct migration_capability_row migration_capabilities[] = {
    { "xbzrle",                "pages go as they are: use multifd with multifd-compression" },
    { "rdma-pin-all",          "there is no RDMA" },
    { "auto-converge",         NULL },
    { "zero-blocks",           "blocks of disks are not sent: use drive_mirror" },
    { "compress",              "use multifd with multifd-compression, or exec: with a compressor" },
    { "events",                NULL },
    { "postcopy-ram",          "a guest never runs on half of its memory here: use auto-converge" },
    { "x-colo",                "there is no COLO" },
    { "release-ram",           "it is of use for postcopy-ram only, which is not supported" },
    { "block",                 "use drive_mirror" },
    { "return-path",           NULL },
    { "pause-before-switchover", NULL },
    { "mapped-ram",            NULL },
    { "multifd",               NULL },
    { "dirty-bitmaps",         "bitmaps are in the images, which both sides have" },
    { "postcopy-blocktime",    "it is of use for postcopy-ram only, which is not supported" },
    { "late-block-activate",   "disks are taken over when the other side says \"go\"" },
    { "x-ignore-shared",       "no memory is shared between processes" },
    { "validate-uuid",         "it is not supported yet" },
    { "background-snapshot",   "the guest stands still while it is saved: use savevm, or migrate to a file" },
    { "zero-copy-send",        "pages are copied before they are sent, since the guest writes to them" },
    { "postcopy-preempt",      "it is of use for postcopy-ram only, which is not supported" },
    { 0 }
};
/* clang-format on */

uint64_t migration_parameter(struct machine *m, enum migration_parameter p)
{
    return migration_of(m)->parameters[p];
}

bool migration_set_parameter(struct machine *m, enum migration_parameter p, uint64_t value,
                             GError **error)
{
    const struct migration_parameter_row *row = &migration_parameters[p];

    if (value < row->min || value > row->max) {
        set_error(error, "parameter '%s' is %" PRIu64 ", must be %" PRIu64 " to %" PRIu64 "%s",
                  row->name, value, row->min, row->max, row->unit);
        return false;
    }
    __atomic_store_n(&migration_of(m)->parameters[p], value, __ATOMIC_RELAXED);
    return true;
}

char *migration_parameter_word(struct machine *m, enum migration_parameter p)
{
    g_auto(GStrv) words = g_strsplit(migration_parameters[p].choices, "|", -1);

    return g_strdup(words[migration_parameter(m, p)]);
}

/* By its row's kind; false and *error: it is none such. */
static bool parse_value(const struct migration_parameter_row *row, const char *text, uint64_t *v,
                        GError **error)
{
    static const char *const kinds[] = { "a number", "a size", "on or off", NULL };
    g_auto(GStrv) words = row->choices ? g_strsplit(row->choices, "|", -1) : NULL;
    bool ok = false, on = false;

    switch (row->kind) {
    case MIGRATION_NUMBER:
        ok = parse_uint(text, 0, UINT64_MAX, v);
        break;
    case MIGRATION_SIZE:
        ok = parse_size(text, 1 << 20, v);
        break;
    case MIGRATION_BOOL:
        ok = parse_bool(text, &on);
        *v = on;
        break;
    case MIGRATION_CHOICE:
        for (*v = 0; words[*v] && strcmp(words[*v], text) != 0; ++*v) {
        }
        ok = words[*v] != NULL;
        break;
    }
    if (!ok) {
        set_error(error, "parameter '%s' is '%s', must be %s", row->name, text,
                  row->choices ? row->choices : kinds[row->kind]);
    }
    return ok;
}

bool migration_set_parameter_text(struct machine *m, const char *name, const char *value,
                                  GError **error)
{
    for (unsigned i = 0; i < MIGRATION_PARAMETER_COUNT; i++) {
        uint64_t v;

        if (strcmp(migration_parameters[i].name, name) == 0) {
            return parse_value(&migration_parameters[i], value, &v, error) &&
                   migration_set_parameter(m, i, v, error);
        }
    }
    set_error(error, "invalid parameter value: %s ('info migrate_parameters' lists them)", name);
    return false;
}

bool migration_capability(struct machine *m, unsigned row)
{
    return migration_of(m)->capabilities >> row & 1;
}

bool migration_capability_named(struct machine *m, const char *name)
{
    for (unsigned i = 0; migration_capabilities[i].name; i++) {
        if (strcmp(migration_capabilities[i].name, name) == 0) {
            return migration_capability(m, i);
        }
    }
    return false;
}

bool migration_set_capability(struct machine *m, const char *name, bool on, GError **error)
{
    for (unsigned i = 0; migration_capabilities[i].name; i++) {
        const struct migration_capability_row *row = &migration_capabilities[i];
        uint32_t *all = &migration_of(m)->capabilities;

        if (strcmp(row->name, name) != 0) {
            continue;
        }
        if (on && row->refused) {
            set_error(error, "capability '%s': %s", name, row->refused);
            return false;
        }
        *all = on ? *all | 1u << i : *all & ~(1u << i);
        return true;
    }
    set_error(error, "invalid parameter value: %s ('info migrate_capabilities' lists them)", name);
    return false;
}
