/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/raw.c: the format `raw`: the bytes of the disk in their order.  Thread: see driver.h. */
#include "block/driver.h"

static bool raw_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    (void)o;
    (void)error;
    node->size = node->file->size;
    node->read_only = node->file->read_only;
    return true;
}

static int raw_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return node->file->driver->read(node->file, offset, iov, n);
}

static int raw_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return node->file->driver->write(node->file, offset, iov, n);
}

static int raw_flush(struct block_node *node)
{
    return node->file->driver->flush(node->file);
}

static int raw_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    return node->file->driver->discard(node->file, offset, bytes);
}

static int raw_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    return node->file->driver->write_zeroes(node->file, offset, bytes);
}

const struct block_driver block_raw = {
    .name = "raw",
    .summary = "the bytes of the disk in their order",
    .size = sizeof(struct block_node),
    .open = raw_open,
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
};
