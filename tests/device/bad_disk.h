/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/bad_disk.h: a filter over a drive's image: sectors that fail.
 * Thread: the test's; the drive must be idle when it changes.
 */
#ifndef TESTS_DEVICE_BAD_DISK_H
#define TESTS_DEVICE_BAD_DISK_H

#include <errno.h>
#include "block/driver.h"

struct bad_disk {
    struct block_node node;
    uint64_t first, end; /* bytes that cannot be read, or written */
};

static inline bool bad_disk_open(struct block_node *node, const struct block_open_options *o,
                                 GError **error)
{
    (void)o;
    (void)error;
    node->size = node->file->size;
    node->read_only = node->file->read_only;
    return true;
}

static inline bool bad_disk_hits(const struct block_node *node, uint64_t offset,
                                 const struct iovec *iov, int n)
{
    const struct bad_disk *bad = (const struct bad_disk *)node;
    uint64_t end = offset;

    for (int i = 0; i < n; i++) {
        end += iov[i].iov_len;
    }
    return offset < bad->end && end > bad->first;
}

static inline int bad_disk_read(struct block_node *node, uint64_t offset, const struct iovec *iov,
                                int n)
{
    return bad_disk_hits(node, offset, iov, n)
               ? -EIO
               : node->file->driver->read(node->file, offset, iov, n);
}

static inline int bad_disk_write(struct block_node *node, uint64_t offset, const struct iovec *iov,
                                 int n)
{
    return bad_disk_hits(node, offset, iov, n)
               ? -EIO
               : node->file->driver->write(node->file, offset, iov, n);
}

static inline int bad_disk_flush(struct block_node *node)
{
    return node->file->driver->flush(node->file);
}

static const struct block_driver bad_disk_driver = {
    .name = "bad-disk",
    .size = sizeof(struct bad_disk),
    .open = bad_disk_open,
    .read = bad_disk_read,
    .write = bad_disk_write,
    .flush = bad_disk_flush,
};

/* The 512-byte sectors [first, first + n) of the drive fail from now on. */
static inline void bad_disk_make(struct block_backend *blk, uint64_t first, uint64_t n)
{
    struct block_open_options o = { 0 };
    struct bad_disk *bad = (struct bad_disk *)block_node_new(&bad_disk_driver, blk->root, &o, NULL);

    bad->first = first * BLOCK_SECTOR;
    bad->end = (first + n) * BLOCK_SECTOR;
    blk->root = &bad->node;
}

#endif
