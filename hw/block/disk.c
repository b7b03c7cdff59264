/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/block/disk.c: see disk.h.  Thread: under the machine lock. */
#include "hw/block/disk.h"

#include <inttypes.h>
#include <string.h>
#include "util/error.h"

#define BLOCK_SIZE_MAX (2u << 20)

struct word {
    const char *name;
    int value;
};

static const struct word on_error[] = {
    { "report", BLOCK_ON_ERROR_REPORT },
    { "ignore", BLOCK_ON_ERROR_IGNORE },
    { "stop", BLOCK_ON_ERROR_STOP },
    { "enospc", BLOCK_ON_ERROR_ENOSPC }, /* of writes only: the last one */
    { 0 },
};
static const struct word on_off[] = { { "off", 0 }, { "on", 1 }, { 0 } };

/* The first n words; "auto" leaves *value as it is. */
static bool find_word(const struct device *dev, const char *prop, const char *text,
                      const struct word *words, unsigned n, int *value, GError **error)
{
    g_autoptr(GString) allowed = g_string_new("auto");

    if (!text || strcmp(text, "auto") == 0) {
        return true;
    }
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(words[i].name, text) == 0) {
            *value = words[i].value;
            return true;
        }
        g_string_append_printf(allowed, ", %s", words[i].name);
    }
    set_error(error, "Property '%s.%s' is '%s', must be one of: %s", dev->type->name, prop, text,
              allowed->str);
    return false;
}

static bool check_block_size(const struct device *dev, const char *prop, uint64_t size,
                             GError **error)
{
    if (size < BLOCK_SECTOR || size > BLOCK_SIZE_MAX || (size & (size - 1))) {
        set_error(error,
                  "Property '%s.%s' is %" PRIu64 ", must be a power of two from 512 to 2097152",
                  dev->type->name, prop, size);
        return false;
    }
    return true;
}

static bool check_sizes(const struct disk *d, const struct device *dev, GError **error)
{
    uint64_t unit = disk_discard_unit(d);

    if (!check_block_size(dev, "logical_block_size", d->logical_block_size, error) ||
        !check_block_size(dev, "physical_block_size", d->physical_block_size, error)) {
        return false;
    }
    if (d->logical_block_size > d->physical_block_size) {
        set_error(error,
                  "%s: logical_block_size (%" PRIu64 ") is more than physical_block_size "
                  "(%" PRIu64 ")",
                  dev->type->name, d->logical_block_size, d->physical_block_size);
        return false;
    }
    if (d->min_io_size % d->logical_block_size || d->opt_io_size % d->logical_block_size ||
        d->min_io_size / d->logical_block_size > UINT16_MAX ||
        d->opt_io_size / d->logical_block_size > UINT32_MAX) {
        set_error(error, "%s: min_io_size and opt_io_size must be multiples of a logical block",
                  dev->type->name);
        return false;
    }
    if (unit % d->logical_block_size || unit > UINT32_MAX) {
        set_error(error,
                  "%s: discard_granularity is %" PRIu64 ", must be a multiple of a logical block",
                  dev->type->name, unit);
        return false;
    }
    return true;
}

bool disk_attach(struct disk *d, struct device *dev, const struct block_front *front, void *opaque,
                 GError **error)
{
    int rerror, werror, cache;

    if (!d->blk) {
        set_error(error, "%s: drive=ID is missing", dev->type->name);
        return false;
    }
    rerror = (int)d->blk->rerror;
    werror = (int)d->blk->werror;
    cache = d->blk->write_cache;
    if (!check_sizes(d, dev, error) ||
        !find_word(dev, "rerror", d->rerror, on_error, 3, &rerror, error) ||
        !find_word(dev, "werror", d->werror, on_error, 4, &werror, error) ||
        !find_word(dev, "write-cache", d->write_cache, on_off, 2, &cache, error)) {
        return false;
    }
    if (!d->blk->removable && !d->blk->cdrom && disk_blocks(d) == 0) {
        set_error(error, "%s: drive '%s' is empty: a disk has at least one block", dev->type->name,
                  d->blk->id);
        return false;
    }
    if (!block_attach(d->blk, front, opaque, error)) {
        return false;
    }
    d->blk->rerror = (enum block_on_error)rerror;
    d->blk->werror = (enum block_on_error)werror;
    d->write_cache_on = cache;
    d->attached = true;
    disk_reset(d);
    return true;
}

void disk_detach(struct disk *d)
{
    if (d->attached) {
        disk_reset(d);
        block_detach(d->blk);
        d->attached = false;
    }
}

void disk_reset(struct disk *d)
{
    if (d->attached) {
        d->blk->write_cache = d->write_cache_on;
    }
}
