/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/params.c: parameters and capabilities.  Thread: machine lock held. */
#include <inttypes.h>
#include <string.h>
#include "migration/state.h"
#include "util/error.h"
#include "util/text.h"

/* clang-format off */
const struct migration_parameter_row migration_parameters[MIGRATION_PARAMETER_COUNT] = {
    [MIGRATION_ANNOUNCE_INITIAL] = { "announce-initial", " ms",  50, 0, 100000, false, "until the first announcement of cards" },
    [MIGRATION_ANNOUNCE_MAX]     = { "announce-max",     " ms", 550, 0, 100000, false, "between two of them at most" },
    [MIGRATION_ANNOUNCE_ROUNDS]  = { "announce-rounds",  "",      5, 0,   1000, false, "how many" },
    [MIGRATION_ANNOUNCE_STEP]    = { "announce-step",    " ms", 100, 0,  10000, false, "by which each waits longer" },
    [MIGRATION_MAX_BANDWIDTH]    = { "max-bandwidth", " bytes/second", 128 << 20, 0, INT64_MAX, true, "while the guest runs; 0: no limit" },
    [MIGRATION_DOWNTIME_LIMIT]   = { "downtime-limit",   " ms", 300, 0, 2000000, false, "for which the guest may stand still" },
};

#define LATER "it is not supported yet"

const struct migration_capability_row migration_capabilities[] = {
    { "xbzrle",                LATER },
    { "rdma-pin-all",          "there is no RDMA" },
    { "auto-converge",         LATER },
    { "zero-blocks",           LATER },
    { "compress",              "use exec: with a compressor" },
    { "events",                NULL },
    { "postcopy-ram",          LATER },
    { "x-colo",                LATER },
    { "release-ram",           LATER },
    { "block",                 "use drive_mirror" },
    { "return-path",           NULL },
    { "pause-before-switchover", LATER },
    { "mapped-ram",            NULL },
    { "multifd",               LATER },
    { "dirty-bitmaps",         LATER },
    { "postcopy-blocktime",    LATER },
    { "late-block-activate",   LATER },
    { "x-ignore-shared",       LATER },
    { "validate-uuid",         LATER },
    { "background-snapshot",   LATER },
    { "zero-copy-send",        LATER },
    { "postcopy-preempt",      LATER },
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

bool migration_set_parameter_text(struct machine *m, const char *name, const char *value,
                                  GError **error)
{
    for (unsigned i = 0; i < MIGRATION_PARAMETER_COUNT; i++) {
        const struct migration_parameter_row *row = &migration_parameters[i];
        uint64_t v;

        if (strcmp(row->name, name) != 0) {
            continue;
        }
        if (row->is_size ? !parse_size(value, 1 << 20, &v)
                         : !parse_uint(value, 0, UINT64_MAX, &v)) {
            set_error(error, "parameter '%s' is '%s', must be a %s", name, value,
                      row->is_size ? "size" : "number");
            return false;
        }
        return migration_set_parameter(m, i, v, error);
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
