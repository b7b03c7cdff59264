/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/throttle_limits.c: limits from options, and what does not go together.  Thread: any. */
#include <string.h>
#include "block/throttle.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_VALUE 1000000000000000ull /* units, and units a second */

/* clang-format off */
#define LIMIT(name, what) \
    { name,               BLOCK_OPTION_SIZE, NULL, what " a second at most",         .max = INT64_MAX }, \
    { name "-max",        BLOCK_OPTION_SIZE, NULL, what " a second in bursts",       .max = INT64_MAX }, \
    { name "-max-length", BLOCK_OPTION_UINT, NULL, "seconds that a burst may last",  .max = UINT32_MAX }

const struct block_option_row throttle_rows[] = {
    LIMIT("bps-total",  "bytes"),
    LIMIT("bps-read",   "bytes that are read"),
    LIMIT("bps-write",  "bytes that are written"),
    LIMIT("iops-total", "transfers"),
    LIMIT("iops-read",  "reads"),
    LIMIT("iops-write", "writes"),
    { "iops-size",      BLOCK_OPTION_SIZE, NULL, "bytes that count as one transfer", .max = INT64_MAX },
    { "group",          BLOCK_OPTION_STRING, NULL, "drives of one group share its limits" },
    { 0 },
};
/* clang-format on */

#define ROWS_A_LIMIT 3u
#define IOPS_SIZE    (ROWS_A_LIMIT * N_LIMITS)

void throttle_limits_init(struct throttle_limits *l)
{
    *l = (struct throttle_limits){ 0 };
    for (unsigned i = 0; i < N_LIMITS; i++) {
        l->length[i] = 1;
    }
}

bool throttle_limits_any(const struct throttle_limits *l)
{
    for (unsigned i = 0; i < N_LIMITS; i++) {
        if (l->avg[i]) {
            return true;
        }
    }
    return false;
}

bool throttle_limits_name(const char *key, const char *prefix)
{
    size_t len = strlen(prefix);

    for (unsigned i = 0; i <= IOPS_SIZE && strncmp(key, prefix, len) == 0; i++) {
        if (strcmp(key + len, throttle_rows[i].name) == 0) {
            return true;
        }
    }
    return false;
}

/* One option; what is not given stays. */
static bool take(const struct block_options *o, const char *prefix,
                 const struct block_option_row *row, uint64_t *out, GError **error)
{
    g_autofree char *key = g_strconcat(prefix, row->name, NULL);
    const char *text = block_options_get(o, key);

    if (text && (!parse_size(text, 1, out) || *out > row->max)) {
        set_error(error, "%s is '%s', must be 0 to %" G_GUINT64_FORMAT, key, text, row->max);
        return false;
    }
    return true;
}

bool throttle_limits_parse(const struct block_options *o, const char *prefix,
                           struct throttle_limits *l, GError **error)
{
    for (unsigned i = 0; i < N_LIMITS; i++) {
        const struct block_option_row *row = throttle_rows + i * ROWS_A_LIMIT;

        if (!take(o, prefix, &row[0], &l->avg[i], error) ||
            !take(o, prefix, &row[1], &l->max[i], error) ||
            !take(o, prefix, &row[2], &l->length[i], error)) {
            return false;
        }
    }
    return take(o, prefix, &throttle_rows[IOPS_SIZE], &l->iops_size, error) &&
           throttle_limits_check(l, error);
}

/* QEMU's words, which people look for.  NULL: nothing is wrong with this one limit. */
static const char *wrong_with(uint64_t avg, uint64_t max, uint64_t length)
{
    return avg > MAX_VALUE || max > MAX_VALUE
               ? "bps/iops/max values must be within [0, 1000000000000000]"
           : length == 0                     ? "the burst length cannot be 0"
           : length > 1 && !max              ? "burst length set without burst rate"
           : max && length > MAX_VALUE / max ? "burst length too high for this burst rate"
           : max && !avg      ? "bps_max/iops_max require corresponding bps/iops values"
           : max && max < avg ? "bps_max/iops_max cannot be lower than bps/iops"
                              : NULL;
}

bool throttle_limits_check(const struct throttle_limits *l, GError **error)
{
    const char *wrong = NULL;

    for (unsigned i = 0; i < N_LIMITS && !wrong; i += IOPS_TOTAL) {
        if ((l->avg[i] && (l->avg[i + 1] || l->avg[i + 2])) ||
            (l->max[i] && (l->max[i + 1] || l->max[i + 2]))) {
            wrong = "bps/iops/max total values and read/write values cannot be used at the same "
                    "time";
        }
    }
    if (!wrong && l->iops_size && !l->avg[IOPS_TOTAL] && !l->avg[IOPS_READ] &&
        !l->avg[IOPS_WRITE]) {
        wrong = "iops size requires an iops value to be set";
    }
    for (unsigned i = 0; i < N_LIMITS && !wrong; i++) {
        wrong = wrong_with(l->avg[i], l->max[i], l->length[i]);
    }
    if (wrong) {
        set_error(error, "%s", wrong);
    }
    return !wrong;
}
