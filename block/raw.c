/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/raw.c: the format `raw`: the bytes of the disk in their order, or (offset=, size=) a piece of
 * them.
 *
 * Where nobody said that the image is raw, a guest must not make it look like another format: the next one to
 * open it would follow the names of files in what the guest wrote.
 * Thread: see driver.h.
 */
#include <errno.h>
#include "block/driver.h"
#include "block/graph.h"
#include "util/error.h"
#include "util/log.h"

struct raw_node {
    struct block_node node;
    uint64_t start; /* of the disk in the file */
    bool piece;     /* the size is fixed by size= */
    bool guessed;   /* raw by its first bytes alone */
};

static const struct block_option_row raw_options[] = {
    { "offset", BLOCK_OPTION_SIZE, "0", "where the disk begins in the file", .max = INT64_MAX },
    { "size", BLOCK_OPTION_SIZE, NULL, "bytes of the disk", .max = INT64_MAX },
    { 0 },
};

static const struct block_option_row raw_create_options[] = {
    { "preallocation", BLOCK_OPTION_CHOICE, "off",
      "Preallocation mode (allowed values: off, falloc, full)", .choices = "off|falloc|full" },
    { "size", BLOCK_OPTION_SIZE, "0", "Virtual disk size", .max = INT64_MAX },
    { 0 },
};

static uint64_t whole_sectors(uint64_t bytes)
{
    return (bytes + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
}

static bool raw_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct raw_node *raw = (struct raw_node *)node;
    uint64_t below = node->file->size;
    const char *size = block_options_get(o->options, "size");

    raw->start = block_option_uint(o->options, raw_options, "offset");
    raw->piece = size != NULL;
    raw->guessed = !block_options_get(o->options, "driver");
    node->read_only = node->file->read_only || o->read_only;
    if (raw->start % BLOCK_SECTOR || raw->start > below) {
        set_error(error,
                  "%s: offset is %" G_GUINT64_FORMAT
                  ", must be a multiple of 512 within %" G_GUINT64_FORMAT " bytes",
                  node->filename, raw->start, below);
        return false;
    }
    node->size = whole_sectors(below - raw->start);
    if (size) {
        uint64_t wanted = block_option_uint(o->options, raw_options, "size");

        if (wanted % BLOCK_SECTOR || wanted > below - raw->start) {
            set_error(error,
                      "%s: size is %" G_GUINT64_FORMAT
                      ", must be a multiple of 512 up to %" G_GUINT64_FORMAT,
                      node->filename, wanted, below - raw->start);
            return false;
        }
        node->size = wanted;
    }
    return true;
}

static bool raw_create(const struct block_create *c, GError **error)
{
    unsigned choice = block_option_choice(c->options, raw_create_options, "preallocation");

    return block_node_truncate(c->file, c->size, choice ? choice + 1 : 0, false, error);
}

static int raw_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return block_node_readv(node->file, ((struct raw_node *)node)->start + offset, iov, n);
}

/* -EPERM: with these bytes the image would be taken for one of another format. */
static int check_head(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint8_t head[BLOCK_PROBE_BYTES];
    const struct block_driver *d;
    int ret = block_node_read(node->file, 0, head, sizeof(head));

    if (ret == 0) {
        block_iov_read(iov, n, 0, head + offset,
                       MIN(block_iov_bytes(iov, n), sizeof(head) - offset));
        d = block_probe_head(head, node->filename);
        if (d != &block_raw) {
            report_warning(
                "'%s' was taken for raw; a write that would make it look like %s is refused "
                "(say format=raw to allow it)",
                node->filename, d->name);
            ret = -EPERM;
        }
    }
    return ret;
}

static int raw_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    if (((struct raw_node *)node)->guessed && offset < BLOCK_PROBE_BYTES) {
        int ret = check_head(node, offset, iov, n);

        if (ret != 0) {
            return ret;
        }
    }
    return block_node_writev(node->file, ((struct raw_node *)node)->start + offset, iov, n);
}

static bool raw_start(struct block_node *node, struct block_async *a, uint64_t offset)
{
    struct raw_node *raw = (struct raw_node *)node;

    return !(a->write && raw->guessed && offset < BLOCK_PROBE_BYTES) &&
           block_node_start(node->file, a, raw->start + offset);
}

static int raw_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    return block_node_discard(node->file, ((struct raw_node *)node)->start + offset, bytes);
}

static int raw_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                            unsigned flags)
{
    return block_node_write_zeroes(node->file, ((struct raw_node *)node)->start + offset, bytes,
                                   flags);
}

static int raw_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                      struct block_status *out)
{
    uint64_t at = ((struct raw_node *)node)->start + offset, end = node->file->size;

    if (at >= end) { /* the rest of the last sector */
        out->flags = BLOCK_ZERO | BLOCK_ALLOCATED;
        return 0;
    }
    return block_node_status(node->file, at, MIN(bytes, end - at), out);
}

static bool raw_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                         GError **error)
{
    struct raw_node *raw = (struct raw_node *)node;

    if (raw->piece) {
        set_error(error, "Cannot resize fixed-size raw disks");
        return false;
    }
    if (size > INT64_MAX - raw->start) {
        set_error(error, "Disk size too large for the chosen offset");
        return false;
    }
    if (!block_node_truncate(node->file, raw->start + size, prealloc, true, error)) {
        return false;
    }
    node->size = whole_sectors(size);
    return true;
}

static bool raw_measure(const struct block_options *options, struct block_node *from,
                        struct block_measure *out, GError **error)
{
    (void)error;
    out->required =
        from ? from->size : whole_sectors(block_option_uint(options, raw_create_options, "size"));
    out->fully_allocated = out->required;
    return true;
}

const struct block_driver block_raw = {
    .name = "raw",
    .summary = "the bytes of the disk in their order",
    .set_active = block_set_active_nothing,
    .size = sizeof(struct raw_node),
    .open_options = raw_options,
    .create_options = raw_create_options,
    .open = raw_open,
    .create = raw_create,
    .read = raw_read,
    .write = raw_write,
    .start = raw_start,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .status = raw_status,
    .truncate = raw_truncate,
    .measure = raw_measure,
};
