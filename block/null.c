/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/null.c: the protocols `null-co` and `null-aio`: a disk that keeps nothing.  Thread: any. */
#include <string.h>
#include <unistd.h>
#include "block/driver.h"

struct null_node {
    struct block_node node;
    uint64_t latency_us;
    bool read_zeroes;
};

/* clang-format off */
static const struct block_option_row null_options[] = {
    { "filename",    BLOCK_OPTION_STRING, NULL, "null-co:// or null-aio://" },
    { "latency-ns",  BLOCK_OPTION_UINT, "0",  "how long each transfer takes", .max = 1000000000 },
    { "read-zeroes", BLOCK_OPTION_BOOL, "off", "reads give zeroes, not whatever was in the memory" },
    { "size",        BLOCK_OPTION_SIZE, "1G", "bytes of the disk", .max = INT64_MAX },
    { 0 }
};
/* clang-format on */

static bool null_parse(const char *filename, struct block_options *options, GError **error)
{
    (void)filename, (void)options, (void)error;
    return true;
}

static bool null_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct null_node *n = (struct null_node *)node;

    (void)error;
    node->size = block_option_uint(o->options, null_options, "size");
    node->read_only = o->read_only;
    n->latency_us = block_option_uint(o->options, null_options, "latency-ns") / 1000;
    n->read_zeroes = block_option_bool(o->options, null_options, "read-zeroes");
    return true;
}

static void wait_a_little(const struct block_node *node)
{
    uint64_t us = ((const struct null_node *)node)->latency_us;

    if (us) {
        g_usleep(us);
    }
}

static int null_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    (void)offset;
    if (((struct null_node *)node)->read_zeroes) {
        block_iov_zero(iov, n, 0, block_iov_bytes(iov, n));
    }
    wait_a_little(node);
    return 0;
}

static int null_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    (void)offset, (void)iov, (void)n;
    wait_a_little(node);
    return 0;
}

static int null_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                             unsigned flags)
{
    (void)offset, (void)bytes, (void)flags;
    wait_a_little(node);
    return 0;
}

static int null_flush(struct block_node *node)
{
    wait_a_little(node);
    return 0;
}

static int null_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                       struct block_status *out)
{
    (void)bytes;
    out->flags = BLOCK_ALLOCATED | BLOCK_OFFSET_VALID |
                 (((struct null_node *)node)->read_zeroes ? BLOCK_ZERO : BLOCK_DATA);
    out->host_offset = offset;
    out->file = node;
    return 0;
}

static int64_t null_allocated(struct block_node *node)
{
    (void)node;
    return 0;
}

#define NULL_DRIVER                                                                                \
    .set_active = block_set_active_nothing, .protocol = true, .size = sizeof(struct null_node),    \
    .open_options = null_options, .parse_filename = null_parse, .open = null_open,                 \
    .read = null_read, .write = null_write, .flush = null_flush,                                   \
    .write_zeroes = null_write_zeroes, .status = null_status, .allocated = null_allocated

const struct block_driver block_null_co = {
    .name = "null-co",
    .summary = "a disk that keeps nothing",
    .prefixes = "null-co:",
    NULL_DRIVER,
};

const struct block_driver block_null_aio = {
    .name = "null-aio",
    .summary = "a disk that keeps nothing",
    .prefixes = "null-aio:",
    NULL_DRIVER,
};
