/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_compress.c: compressed clusters: raw deflate with a window of 4 KiB, or zstd.
 *
 * Compressed data lies byte by byte in host clusters of its own, each counted once for each descriptor
 * that names a part of it.
 * Thread: any; compressing and unpacking run without the lock.
 */
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include "block/qcow2.h"
#include "config.h"
#if CONFIG_ZSTD
#include <zstd.h>
#endif

#define DEFLATE_WINDOW (-12) /* raw; readers have no larger one */

static bool unpack_deflate(const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
    z_stream z = {
        .next_in = (Bytef *)in, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)size
    };
    int r;

    if (inflateInit2(&z, DEFLATE_WINDOW) != Z_OK) {
        return false;
    }
    r = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (r == Z_STREAM_END || r == Z_BUF_ERROR) && z.avail_out == 0;
}

/* 0: does not get smaller than `room`. */
static size_t pack_deflate(const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    z_stream z = {
        .next_in = (Bytef *)in, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)room
    };
    int r;

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, DEFLATE_WINDOW, 9,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return 0;
    }
    r = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return r == Z_STREAM_END ? room - z.avail_out : 0;
}

#if CONFIG_ZSTD
static bool unpack_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer i = { in, len, 0 };
    ZSTD_outBuffer o = { out, size, 0 };
    size_t r = 0;

    while (z && o.pos < o.size && i.pos < i.size && !ZSTD_isError(r)) {
        r = ZSTD_decompressStream(z, &o, &i);
    }
    ZSTD_freeDStream(z);
    return o.pos == o.size && !ZSTD_isError(r);
}

static size_t pack_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    size_t n = ZSTD_compress(out, room, in, len, 3);

    return ZSTD_isError(n) ? 0 : n;
}
#else
static bool unpack_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
    (void)in, (void)len, (void)out, (void)size;
    return false;
}

static size_t pack_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    (void)in, (void)len, (void)out, (void)room;
    return 0;
}
#endif

int qcow2_read_compressed(struct qcow2 *q, uint64_t entry, uint8_t *out)
{
    uint64_t host, bytes;
    g_autofree uint8_t *in = NULL;
    bool ok;
    int ret;

    qcow2_compressed_range(q, entry, &host, &bytes);
    in = g_malloc(bytes);
    block_event(q->node.file, "read_compressed");
    ret = block_node_read(q->node.file, host, in, bytes);
    if (ret != 0) {
        return ret;
    }
    ok = q->h.compression == QCOW2_ZSTD ? unpack_zstd(in, bytes, out, q->cluster_size)
                                        : unpack_deflate(in, bytes, out, q->cluster_size);
    return ok ? 0 : -EIO;
}

/* Writing --------------------------------------------------------------------------------------- */

static uint64_t in_cluster(const struct qcow2 *q, uint64_t host)
{
    return host & (q->cluster_size - 1);
}

/* After what was packed last, over the end of its cluster when the next one is free.  0: no room. */
static int64_t alloc_after(struct qcow2 *q, uint64_t size)
{
    uint64_t at = q->compressed_at, cluster = (at - 1) >> q->h.cluster_bits;
    uint64_t room = at && in_cluster(q, at) ? q->cluster_size - in_cluster(q, at) : 0, refs;

    if (!room) {
        return 0;
    }
    if (room < size) {
        uint64_t got;
        int64_t next;

        if (qcow2_refcount(q, cluster + 1, &refs) != 0 || refs != 0) {
            return 0;
        }
        q->free_hint = MIN(q->free_hint, cluster + 1);
        next = qcow2_alloc(q, 1, 1, &got);
        if (next < 0) {
            return next;
        }
        if ((uint64_t)next >> q->h.cluster_bits != cluster + 1) {
            (void)qcow2_refcount_add(q, (uint64_t)next >> q->h.cluster_bits, -1);
            return 0;
        }
    }
    if (qcow2_refcount_add(q, cluster, 1) != 0) {
        if (room < size) {
            (void)qcow2_refcount_add(q, cluster + 1, -1);
        }
        return 0;
    }
    return (int64_t)at;
}

/* Lock held. */
static int64_t alloc_bytes(struct qcow2 *q, uint64_t size)
{
    int64_t at = alloc_after(q, size);

    if (at == 0) {
        at = qcow2_alloc(q, 1, 1, NULL);
    }
    if (at > 0) {
        q->compressed_at = (uint64_t)at + size;
    }
    return at;
}

static uint64_t entry_of(const struct qcow2 *q, uint64_t host, uint64_t size)
{
    unsigned x = 62 - (q->h.cluster_bits - 8);
    uint64_t sectors = ((host & 511) + size - 1) / 512;

    return QCOW2_COMPRESSED | host | sectors << x;
}

int qcow2_write_packed(struct block_node *node, uint64_t guest, const void *packed, size_t size)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t cluster = guest >> q->h.cluster_bits;
    struct qcow2_map old, m = { .compressed = true };
    struct qcow2_claim claim;
    struct qcow2_op op;
    int64_t host;
    int ret;

    pthread_mutex_lock(&q->lock);
    qcow2_op_begin(q, &op);
    qcow2_claim_wait(q, cluster, cluster);
    ret = q->corrupt ? -EIO : qcow2_bitmaps_mark(q, guest, q->cluster_size);
    block_event(q->node.file, "cluster_alloc_bytes");
    host = ret == 0 ? alloc_bytes(q, size) : ret;
    if (host > 0) {
        qcow2_claim(q, &claim, cluster, cluster);
        m.entry = entry_of(q, (uint64_t)host, size);
        pthread_mutex_unlock(&q->lock);
        block_event(q->node.file, "write_compressed");
        ret = block_node_write(q->node.file, (uint64_t)host, packed, size);
        pthread_mutex_lock(&q->lock);
        ret = ret == 0 ? qcow2_map_get(q, guest, &old) : ret;
        ret = ret == 0 ? qcow2_map_set(q, guest, &m) : ret;
        if (ret == 0) {
            qcow2_free_entry(q, &old);
        } else {
            qcow2_free_entry(q, &m);
        }
        qcow2_claim_end(q, &claim);
    } else {
        ret = (int)host;
    }
    qcow2_op_end(q, &op);
    pthread_mutex_unlock(&q->lock);
    return ret;
}

int qcow2_pack(struct block_node *node, const void *buf, size_t len, void *packed)
{
    struct qcow2 *q = (struct qcow2 *)node;
    g_autofree uint8_t *padded = NULL;
    const uint8_t *in = buf;

    if (node->data_file || q->luks) {
        return -ENOTSUP;
    }
    if (len > q->cluster_size) {
        return -EINVAL;
    }
    if (len < q->cluster_size) {
        padded = g_malloc0(q->cluster_size);
        memcpy(padded, buf, len);
        in = padded;
    }
    return (int)(q->h.compression == QCOW2_ZSTD
                     ? pack_zstd(in, q->cluster_size, packed, q->cluster_size - 1)
                     : pack_deflate(in, q->cluster_size, packed, q->cluster_size - 1));
}

int qcow2_write_compressed(struct block_node *node, uint64_t offset, const void *buf, size_t len)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t tail = offset + len == node->size ? in_cluster(q, node->size) : 0;
    g_autofree uint8_t *packed = NULL;
    int size;

    if (in_cluster(q, offset) || (len != q->cluster_size && len != tail)) {
        return node->data_file || q->luks ? -ENOTSUP : -EINVAL;
    }
    packed = g_malloc(q->cluster_size);
    size = qcow2_pack(node, buf, len, packed);
    if (size == 0) {
        struct iovec iov = { (void *)buf, len };

        return qcow2_write(node, offset, &iov, 1);
    }
    return size < 0 ? size : qcow2_write_packed(node, offset, packed, (size_t)size);
}
