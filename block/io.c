/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/io.c: transfers of nodes: the checks before a driver and what drivers leave out after it.
 * Thread: any, several at a time.
 */
#include <errno.h>
#include <string.h>
#include "block/driver.h"

/* Vectors that are sliced on the stack; longer runs are allocated. */
#define STACK_VECTORS 64
#define ZERO_CHUNK    65536u

static const uint8_t zeroes[ZERO_CHUNK];

/* 0 when [offset, offset + bytes) can be transferred. */
static int check_range(const struct block_node *node, uint64_t offset, uint64_t bytes, bool write)
{
    uint64_t size = __atomic_load_n(&node->size, __ATOMIC_RELAXED);

    if (write && node->read_only) {
        return -EROFS;
    }
    if (write && !node->driver->write) {
        return -ENOTSUP;
    }
    if (offset > INT64_MAX || bytes > INT64_MAX - offset) {
        return -EIO;
    }
    if (node->driver->grows) {
        return 0;
    }
    return bytes > size || offset > size - bytes
               ? (node->driver->protocol && write ? -ENOSPC : -EIO)
               : 0;
}

/* What is beyond a protocol's end reads as zeroes: formats may end within a sector or a cluster. */
static int read_beyond(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t size = __atomic_load_n(&node->size, __ATOMIC_RELAXED), bytes = block_iov_bytes(iov, n);
    uint64_t inside = offset < size ? MIN(size - offset, bytes) : 0;
    struct iovec stack[STACK_VECTORS];
    g_autofree struct iovec *heap = n > STACK_VECTORS ? g_new(struct iovec, n) : NULL;
    struct iovec *part = heap ? heap : stack;
    int k = block_iov_slice(iov, n, 0, inside, part);

    block_iov_zero(iov, n, inside, bytes - inside);
    return inside > 0 ? node->driver->read(node, offset, part, k) : 0;
}

int block_node_readv(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n);
    int ret;

    if (bytes == 0) {
        return 0;
    }
    if (node->driver->protocol && !node->driver->grows) {
        return read_beyond(node, offset, iov, n);
    }
    ret = check_range(node, offset, bytes, false);
    return ret ? ret : node->driver->read(node, offset, iov, n);
}

static bool all_zero(const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++) {
        const char *at = iov[i].iov_base;
        size_t len = iov[i].iov_len;

        for (size_t piece; len > 0; at += piece, len -= piece) {
            piece = MIN(len, ZERO_CHUNK);
            if (memcmp(at, zeroes, piece) != 0) {
                return false;
            }
        }
    }
    return true;
}

static void look_at_threshold(struct block_node *node, uint64_t end)
{
    uint64_t threshold = __atomic_load_n(&node->write_threshold, __ATOMIC_RELAXED);

    if (threshold && end > threshold) {
        block_threshold_passed(node, end);
    }
}

int block_node_writev(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n);
    int ret = check_range(node, offset, bytes, true);

    if (ret || bytes == 0) {
        return ret;
    }
    look_at_threshold(node, offset + bytes);
    if (node->detect_zeroes && all_zero(iov, n)) {
        return block_node_write_zeroes(node, offset, bytes,
                                       node->detect_unmap ? BLOCK_MAY_UNMAP : 0);
    }
    return node->driver->write(node, offset, iov, n);
}

int block_node_read(struct block_node *node, uint64_t offset, void *buf, size_t len)
{
    struct iovec iov = { buf, len };

    return block_node_readv(node, offset, &iov, 1);
}

int block_node_write(struct block_node *node, uint64_t offset, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };

    return block_node_writev(node, offset, &iov, 1);
}

int block_node_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                            unsigned flags)
{
    int ret = check_range(node, offset, bytes, true);

    if (ret || bytes == 0) {
        return ret;
    }
    look_at_threshold(node, offset + bytes);
    if (!node->discard) {
        flags &= ~(unsigned)BLOCK_MAY_UNMAP;
    }
    ret = node->driver->write_zeroes ? node->driver->write_zeroes(node, offset, bytes, flags)
                                     : -ENOTSUP;
    if (ret != -ENOTSUP || flags & BLOCK_NO_FALLBACK) {
        return ret;
    }
    for (ret = 0; bytes > 0 && ret == 0;) {
        struct iovec iov = { (void *)zeroes, MIN(bytes, ZERO_CHUNK) };

        ret = node->driver->write(node, offset, &iov, 1);
        offset += iov.iov_len;
        bytes -= iov.iov_len;
    }
    return ret;
}

int block_node_write_compressed(struct block_node *node, uint64_t offset, const void *buf,
                                size_t len)
{
    int ret = check_range(node, offset, len, true);

    if (ret) {
        return ret;
    }
    if (node->driver->filter && !node->driver->write_compressed) {
        return block_node_write_compressed(node->file, offset, buf, len);
    }
    return node->driver->write_compressed ? node->driver->write_compressed(node, offset, buf, len)
                                          : -ENOTSUP;
}

int block_node_pack(struct block_node *node, const void *buf, size_t len, void *packed)
{
    return node->driver->pack ? node->driver->pack(node, buf, len, packed) : -ENOTSUP;
}

int block_node_write_packed(struct block_node *node, uint64_t offset, const void *packed,
                            size_t size)
{
    int ret = check_range(node, offset, 1, true);

    return ret                          ? ret
           : node->driver->write_packed ? node->driver->write_packed(node, offset, packed, size)
                                        : -ENOTSUP;
}

int block_node_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    int ret = check_range(node, offset, bytes, true);

    if (ret || bytes == 0 || !node->discard || !node->driver->discard) {
        return ret;
    }
    return node->driver->discard(node, offset, bytes);
}

int block_node_flush(struct block_node *node)
{
    int ret = 0;

    if (node->read_only) {
        return 0;
    }
    if (node->driver->flush) {
        return node->driver->flush(node);
    }
    if (node->data_file) {
        ret = block_node_flush(node->data_file);
    }
    return ret == 0 && node->file ? block_node_flush(node->file) : ret;
}

bool block_node_start(struct block_node *node, struct block_async *a, uint64_t offset)
{
    uint64_t bytes = block_iov_bytes(a->iov, a->n);

    if (!node->driver->start || bytes == 0 || (a->write && node->detect_zeroes) ||
        check_range(node, offset, bytes, a->write) != 0) {
        return false;
    }
    if (a->write) {
        look_at_threshold(node, offset + bytes);
    }
    return node->driver->start(node, a, offset);
}

/* Where bytes are ------------------------------------------------------------------------------- */

/* A format knows where its bytes are; the protocol below knows of holes there. */
static void ask_below(struct block_status *out)
{
    struct block_status below;
    uint64_t size = __atomic_load_n(&out->file->size, __ATOMIC_RELAXED);

    if (out->host_offset >= size) {
        out->flags |= BLOCK_ZERO;
        return;
    }
    if (block_node_status(out->file, out->host_offset, MIN(out->bytes, size - out->host_offset),
                          &below) == 0) {
        out->flags |= below.flags & BLOCK_ZERO;
        out->bytes = below.bytes;
    }
}

int block_node_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                      struct block_status *out)
{
    int ret;

    *out = (struct block_status){ .bytes = bytes };
    if (node->driver->status) {
        ret = node->driver->status(node, offset, bytes, out);
    } else if (node->driver->filter) {
        ret = block_node_status(node->file, offset, bytes, out);
    } else {
        out->flags = BLOCK_DATA | BLOCK_ALLOCATED;
        if (node->driver->protocol) {
            out->flags |= BLOCK_OFFSET_VALID;
            out->host_offset = offset;
            out->file = node;
        }
        return 0;
    }
    if (ret == 0 && out->flags & BLOCK_RECURSE) {
        ask_below(out);
        out->flags &= ~(unsigned)BLOCK_RECURSE;
    }
    out->bytes = MIN(out->bytes, bytes);
    return ret;
}

int block_node_status_above(struct block_node *node, struct block_node *base, uint64_t offset,
                            uint64_t bytes, struct block_status *out)
{
    unsigned depth = 0;

    *out = (struct block_status){ .bytes = bytes };
    while (node && node != base) {
        int ret;

        if (node->driver->filter) {
            node = node->file;
            continue;
        }
        if (offset >= node->size) {
            /* Above it is longer: zeroes, decided by the layer above. */
            out->flags = BLOCK_ZERO | BLOCK_ALLOCATED;
            out->bytes = bytes;
            out->depth = depth ? depth - 1 : 0;
            return 0;
        }
        ret = block_node_status(node, offset, MIN(bytes, node->size - offset), out);
        out->depth = depth;
        if (ret != 0 || out->flags & BLOCK_ALLOCATED) {
            return ret;
        }
        bytes = out->bytes;
        if (!node->backing) {
            out->flags |= BLOCK_ZERO;
            return 0;
        }
        node = node->backing;
        depth++;
    }
    out->flags = 0;
    out->depth = depth;
    return 0;
}
