/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/mapped.c: transfers of formats with a table of clusters.  Thread: see mapped.h. */
#include "block/mapped.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include "util/error.h"

#define STACK_VECTORS 64
/* Clusters that one answer about a range takes together: others wait for the lock meanwhile. */
#define MAX_JOINED (1u << 16)

void mapped_init(struct mapped_node *m, const struct mapped_ops *ops, uint64_t cluster)
{
    m->ops = ops;
    m->cluster = cluster;
    pthread_mutex_init(&m->mutex, NULL);
}

void mapped_finish(struct mapped_node *m)
{
    if (m->ops) {
        pthread_mutex_destroy(&m->mutex);
    }
    g_free(m->inflated);
}

/* The bytes [skip, skip + len) of the vectors, to or from a node. */
static int transfer(struct block_node *file, bool write, uint64_t host, const struct iovec *iov,
                    int n, uint64_t skip, uint64_t len)
{
    struct iovec stack[STACK_VECTORS];
    g_autofree struct iovec *heap = n > STACK_VECTORS ? g_new(struct iovec, n) : NULL;
    struct iovec *part = heap ? heap : stack;
    int k = block_iov_slice(iov, n, skip, len, part);

    return write ? block_node_writev(file, host, part, k) : block_node_readv(file, host, part, k);
}

/* Reading --------------------------------------------------------------------------------------- */

/* What this image does not have. */
static int read_backing(struct block_node *node, uint64_t offset, const struct iovec *iov, int n,
                        uint64_t skip, uint64_t len)
{
    uint64_t size = node->backing ? node->backing->size : 0;
    uint64_t there = offset < size ? MIN(size - offset, len) : 0;

    block_iov_zero(iov, n, skip + there, len - there);
    return there ? transfer(node->backing, false, offset, iov, n, skip, there) : 0;
}

/* Under the lock: the unit of `m` is what m->inflated holds. */
static int inflate_unit(struct mapped_node *m, const struct mapped *at)
{
    int ret;

    if (m->inflated && m->inflated_at == at->unit && m->inflated_bytes == at->unit_bytes) {
        return 0;
    }
    g_free(m->inflated);
    m->inflated = g_try_malloc(at->unit_bytes);
    if (!m->inflated) {
        return -ENOMEM;
    }
    ret = m->ops->inflate(&m->node, at, m->inflated);
    if (ret) {
        g_clear_pointer(&m->inflated, g_free);
        return ret;
    }
    m->inflated_at = at->unit;
    m->inflated_bytes = at->unit_bytes;
    return 0;
}

static int read_piece(struct mapped_node *m, uint64_t offset, const struct iovec *iov, int n,
                      uint64_t skip, uint64_t len, uint64_t *done)
{
    struct mapped at = { 0 };
    int ret;

    pthread_mutex_lock(&m->mutex);
    ret = m->ops->map(&m->node, offset, len, &at);
    *done = at.bytes = MIN(at.bytes, len);
    if (ret == 0 && at.kind == MAPPED_COMPRESSED) {
        ret = inflate_unit(m, &at);
        if (ret == 0) {
            block_iov_write(iov, n, skip, m->inflated + (offset - at.unit), at.bytes);
        }
    }
    pthread_mutex_unlock(&m->mutex);
    if (ret) {
        return ret;
    }
    switch (at.kind) {
    case MAPPED_NONE:
        return read_backing(&m->node, offset, iov, n, skip, at.bytes);
    case MAPPED_ZERO:
        block_iov_zero(iov, n, skip, at.bytes);
        return 0;
    case MAPPED_DATA:
        return transfer(at.file, false, at.host, iov, n, skip, at.bytes);
    case MAPPED_COMPRESSED:
        break;
    }
    return 0;
}

int mapped_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct mapped_node *m = (struct mapped_node *)node;
    uint64_t bytes = block_iov_bytes(iov, n);
    int ret = 0;

    for (uint64_t skip = 0, done = 0; skip < bytes && ret == 0; skip += done) {
        ret = read_piece(m, offset + skip, iov, n, skip, bytes - skip, &done);
    }
    return ret;
}

/* Writing --------------------------------------------------------------------------------------- */

/* Under the lock: a new cluster that holds what is read there now, but for the vectors' bytes. */
static int write_new_cluster(struct mapped_node *m, const struct mapped *old, uint64_t offset,
                             const struct iovec *iov, int n, uint64_t skip, uint64_t len)
{
    uint64_t start = offset - offset % m->cluster;
    uint64_t bytes = MIN(m->cluster, m->node.size - start);
    g_autofree uint8_t *buf = NULL;
    struct iovec whole = { NULL, bytes };
    struct mapped at = { .kind = MAPPED_DATA, .bytes = bytes };
    int ret = m->ops->allocate(&m->node, start, &at);

    if (ret) {
        return ret;
    }
    if (len == m->cluster) {
        ret = transfer(at.file, true, at.host, iov, n, skip, len);
        return ret ? ret : m->ops->publish(&m->node, start, &at);
    }
    whole.iov_base = buf = g_try_malloc0(m->cluster);
    if (!buf) {
        return -ENOMEM;
    }
    if (old->kind == MAPPED_COMPRESSED) {
        ret = inflate_unit(m, old);
        if (ret == 0) {
            memcpy(buf, m->inflated + (start - old->unit), bytes);
        }
    } else if (old->kind == MAPPED_NONE) {
        ret = read_backing(&m->node, start, &whole, 1, 0, bytes);
    }
    if (ret == 0) {
        block_iov_read(iov, n, skip, buf + (offset - start), len);
        ret = block_node_write(at.file, at.host, buf, m->cluster);
    }
    return ret ? ret : m->ops->publish(&m->node, start, &at);
}

static int write_piece(struct mapped_node *m, uint64_t offset, const struct iovec *iov, int n,
                       uint64_t skip, uint64_t len, uint64_t *done)
{
    struct mapped at = { 0 };
    int ret;

    pthread_mutex_lock(&m->mutex);
    ret = m->ops->map(&m->node, offset, len, &at);
    if (ret == 0 && at.kind != MAPPED_DATA) {
        at.bytes = MIN(at.bytes, m->cluster - offset % m->cluster);
    }
    *done = at.bytes = MIN(at.bytes, len);
    if (ret == 0 && at.kind != MAPPED_DATA) {
        ret = write_new_cluster(m, &at, offset, iov, n, skip, at.bytes);
    }
    pthread_mutex_unlock(&m->mutex);
    return ret || at.kind != MAPPED_DATA ? ret
                                         : transfer(at.file, true, at.host, iov, n, skip, at.bytes);
}

int mapped_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct mapped_node *m = (struct mapped_node *)node;
    uint64_t bytes = block_iov_bytes(iov, n);
    int ret = 0;

    for (uint64_t skip = 0, done = 0; skip < bytes && ret == 0; skip += done) {
        ret = write_piece(m, offset + skip, iov, n, skip, bytes - skip, &done);
    }
    return ret;
}

int mapped_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes, unsigned flags)
{
    static const uint8_t zeroes[65536];
    struct mapped_node *m = (struct mapped_node *)node;
    int ret = 0;

    (void)flags;
    while (bytes > 0 && ret == 0) {
        struct mapped at = { 0 };
        uint64_t done;

        pthread_mutex_lock(&m->mutex);
        ret = m->ops->map(node, offset, bytes, &at);
        pthread_mutex_unlock(&m->mutex);
        done = MIN(at.bytes, bytes);
        if (ret) {
            break;
        }
        if (at.kind == MAPPED_DATA) {
            ret = block_node_write_zeroes(at.file, at.host, done, 0);
        } else if (at.kind == MAPPED_COMPRESSED || (at.kind == MAPPED_NONE && node->backing)) {
            struct iovec iov = { (void *)zeroes, MIN(done, sizeof(zeroes)) };

            done = iov.iov_len;
            ret = mapped_write(node, offset, &iov, 1);
        }
        offset += done;
        bytes -= done;
    }
    return ret;
}

/* Where bytes are ------------------------------------------------------------------------------- */

/* Clusters beside each other in the disk and in the file are one answer. */
int mapped_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                  struct block_status *out)
{
    static const unsigned flags[] = {
        [MAPPED_NONE] = 0,
        [MAPPED_ZERO] = BLOCK_ZERO | BLOCK_ALLOCATED,
        [MAPPED_DATA] = BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET_VALID | BLOCK_RECURSE,
        [MAPPED_COMPRESSED] = BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_COMPRESSED,
    };
    struct mapped_node *m = (struct mapped_node *)node;
    struct mapped first = { 0 };
    uint64_t done;
    int ret;

    pthread_mutex_lock(&m->mutex);
    ret = m->ops->map(node, offset, bytes, &first);
    done = first.bytes;
    for (unsigned i = 0; i < MAX_JOINED && ret == 0 && done < bytes; i++) {
        struct mapped next = { 0 };

        ret = m->ops->map(node, offset + done, bytes - done, &next);
        if (ret || next.kind != first.kind ||
            (next.kind == MAPPED_DATA &&
             (next.file != first.file || next.host != first.host + done))) {
            ret = 0; /* an entry that is wrong is the next request's error */
            break;
        }
        done += next.bytes;
    }
    pthread_mutex_unlock(&m->mutex);
    if (ret) {
        return ret;
    }
    *out = (struct block_status){ .flags = flags[first.kind], .bytes = MIN(done, bytes) };
    if (first.kind == MAPPED_DATA) {
        out->file = first.file;
        out->host_offset = first.host;
    }
    return 0;
}

/* Helpers of formats ---------------------------------------------------------------------------- */

void mapped_put_le(void *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        ((uint8_t *)at)[i] = (uint8_t)(value >> 8 * i);
    }
}

void mapped_put_be(void *at, unsigned size, uint64_t value)
{
    for (unsigned i = size; i > 0; i--, value >>= 8) {
        ((uint8_t *)at)[i - 1] = (uint8_t)value;
    }
}

int mapped_inflate_zlib(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len, bool raw)
{
    z_stream z = { 0 };
    int ret;

    z.next_in = (uint8_t *)in;
    z.avail_in = (uInt)in_len;
    z.next_out = out;
    z.avail_out = (uInt)out_len;
    if (inflateInit2(&z, raw ? -MAX_WBITS : MAX_WBITS) != Z_OK) {
        return -ENOMEM;
    }
    ret = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR || ret == Z_OK) && z.avail_out == 0 ? 0
                                                                                          : -EIO;
}

uint32_t *mapped_read_table32(struct block_node *file, uint64_t offset, uint32_t count,
                              bool little_endian, const char *what, GError **error)
{
    g_autofree uint32_t *table = g_try_new(uint32_t, MAX(count, 1));
    int ret = table ? 0 : -ENOMEM;

    if (ret == 0 && count > 0) {
        ret = block_node_read(file, offset, table, (size_t)count * 4);
    }
    if (ret) {
        set_error(error, "%s: cannot read the %s: %s", file->filename, what, g_strerror(-ret));
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        table[i] = little_endian ? GUINT32_FROM_LE(table[i]) : GUINT32_FROM_BE(table[i]);
    }
    return g_steal_pointer(&table);
}
