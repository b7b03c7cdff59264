/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/bounds.c: fields of images and what they may be.  Thread: any. */
#include "block/driver.h"
#include "util/error.h"

uint64_t block_field_be(const void *at, unsigned size)
{
    const uint8_t *p = at;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

uint64_t block_field_le(const void *at, unsigned size)
{
    const uint8_t *p = at;
    uint64_t value = 0;

    for (unsigned i = size; i > 0; i--) {
        value = value << 8 | p[i - 1];
    }
    return value;
}

bool block_bound_one(const char *filename, const char *field, uint64_t value, uint64_t min,
                     uint64_t max, GError **error)
{
    if (value >= min && value <= max) {
        return true;
    }
    if (min == max) {
        set_error(error, "%s: %s is %" G_GUINT64_FORMAT ", must be %" G_GUINT64_FORMAT, filename,
                  field, value, min);
    } else {
        set_error(error,
                  "%s: %s is %" G_GUINT64_FORMAT ", must be %" G_GUINT64_FORMAT
                  " to %" G_GUINT64_FORMAT,
                  filename, field, value, min, max);
    }
    return false;
}

bool block_bounds_check(const char *filename, const void *header, bool little_endian,
                        const struct block_bound *rows, GError **error)
{
    for (; rows->field; rows++) {
        const uint8_t *at = (const uint8_t *)header + rows->offset;
        uint64_t value =
            little_endian ? block_field_le(at, rows->size) : block_field_be(at, rows->size);

        if (!block_bound_one(filename, rows->field, value, rows->min, rows->max, error)) {
            return false;
        }
    }
    return true;
}
