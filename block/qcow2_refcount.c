/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_refcount.c: which clusters of the file are in use, and how often.
 *
 * A refcount block that is missing is made in the first cluster that it describes, which is free since
 * nothing there is counted.
 * Thread: with q->lock held.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"
#include "util/error.h"
#include "util/log.h"

/* Frees beyond this number are worth a write-back of their own. */
#define MANY_FREES 4096u

uint64_t qcow2_ref_get(const uint8_t *block, unsigned order, uint64_t i)
{
    unsigned bits = 1u << order;

    if (order >= 3) {
        return block_field_be(block + (i << (order - 3)), bits / 8);
    }
    return block[i >> (3 - order)] >> (i % (8 / bits)) * bits & ((1u << bits) - 1);
}

void qcow2_ref_set(uint8_t *block, unsigned order, uint64_t i, uint64_t value)
{
    unsigned bits = 1u << order, shift;
    uint8_t *at;

    if (order >= 3) {
        at = block + (i << (order - 3));
        for (unsigned k = bits / 8; k > 0; k--, value >>= 8) {
            at[k - 1] = (uint8_t)value;
        }
        return;
    }
    shift = (i % (8 / bits)) * bits;
    at = block + (i >> (3 - order));
    *at = (uint8_t)((*at & ~(((1u << bits) - 1) << shift)) | value << shift);
}

uint64_t qcow2_ref_max(unsigned order)
{
    return order == 6 ? UINT64_MAX : (1ull << (1u << order)) - 1;
}

int qcow2_corrupt(struct qcow2 *q, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (!q->corrupt) {
        report_warning("qcow2 image '%s' is corrupt: %s%s", q->node.filename, text,
                       q->node.read_only ? "" : "; it takes no more writes until it is repaired");
        q->corrupt = true;
        if (!q->node.read_only && q->h.version >= 3) {
            q->h.incompatible |= QCOW2_CORRUPT;
            (void)qcow2_header_write(q->node.file, &q->h);
        }
    }
    return -EIO;
}

static bool meets(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
    return a < b + m && b < a + n;
}

bool qcow2_overlaps(struct qcow2 *q, uint64_t host, uint64_t bytes)
{
    uint64_t cluster = q->cluster_size;

    if (host < cluster || meets(host, bytes, q->h.l1_offset, q->h.l1_size * 8ull) ||
        meets(host, bytes, q->h.reftable_offset, q->h.reftable_clusters * cluster)) {
        return true;
    }
    for (uint32_t i = 0; i < q->n_blocks; i++) {
        if (q->reftable[i] && meets(host, bytes, q->reftable[i], cluster)) {
            return true;
        }
    }
    return false;
}

/* The block that counts a cluster; *host 0: there is none. */
static int find_block(struct qcow2 *q, uint64_t cluster, uint64_t *host)
{
    uint64_t i = cluster >> q->block_bits;

    *host = i < q->n_reftable ? q->reftable[i] : 0;
    if (*host & (q->cluster_size - 1) || *host > QCOW2_MAX_HOST) {
        return qcow2_corrupt(q,
                             "entry %" G_GUINT64_FORMAT
                             " of the refcount table is %" G_GINT64_MODIFIER
                             "x, must be a multiple of the cluster size",
                             i, *host);
    }
    return 0;
}

int qcow2_refcount(struct qcow2 *q, uint64_t cluster, uint64_t *out)
{
    uint64_t host;
    uint8_t *block;
    int ret = find_block(q, cluster, &host);

    *out = 0;
    if (ret == 0 && host) {
        ret = qcow2_cache_get(q, &q->blocks, host, false, &block);
        if (ret == 0) {
            *out =
                qcow2_ref_get(block, q->h.refcount_order, cluster & ((1ull << q->block_bits) - 1));
        }
    }
    return ret;
}

/* 1 when a block was made, 0 when it was there. */
static int need_block(struct qcow2 *q, uint64_t cluster)
{
    uint64_t i = cluster >> q->block_bits, host, first = i << q->block_bits, entry;
    g_autofree uint8_t *block = NULL;
    int ret;

    if (i >= q->n_reftable) {
        ret = qcow2_reftable_grow(q, i + 1);
        return ret ? ret : 1;
    }
    ret = find_block(q, cluster, &host);
    if (ret != 0 || host) {
        return ret;
    }
    while (qcow2_overlaps(q, first << q->h.cluster_bits, q->cluster_size)) {
        if ((++first >> q->block_bits) != i) {
            return qcow2_corrupt(q, "refcount block %" G_GUINT64_FORMAT " is missing", i);
        }
    }
    block_event(q->node.file, "refblock_alloc");
    host = first << q->h.cluster_bits;
    block = g_malloc0(q->cluster_size);
    qcow2_ref_set(block, q->h.refcount_order, first & ((1ull << q->block_bits) - 1), 1);
    block_event(q->node.file, "refblock_alloc_write");
    ret = block_node_write(q->node.file, host, block, q->cluster_size);
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    block_event(q->node.file, "refblock_alloc_hookup");
    entry = GUINT64_TO_BE(host);
    if (ret == 0) {
        ret = block_node_write(q->node.file, q->h.reftable_offset + i * 8, &entry, 8);
    }
    if (ret == 0) {
        q->reftable[i] = host;
        q->n_blocks = MAX(q->n_blocks, (uint32_t)i + 1);
    }
    return ret ? ret : 1;
}

int qcow2_refcount_add(struct qcow2 *q, uint64_t cluster, int delta)
{
    uint64_t i = cluster & ((1ull << q->block_bits) - 1), host, now;
    unsigned order = q->h.refcount_order,
             byte = (unsigned)(order >= 3 ? i << (order - 3) : i >> (3 - order));
    uint8_t *block;
    int ret = find_block(q, cluster, &host);

    if (ret == 0 && !host) {
        return qcow2_corrupt(q, "cluster %" G_GUINT64_FORMAT " is in use and not counted", cluster);
    }
    if (ret == 0) {
        ret = qcow2_cache_get(q, &q->blocks, host, false, &block);
    }
    if (ret != 0) {
        return ret;
    }
    now = qcow2_ref_get(block, order, i);
    if (delta < 0 && now == 0) {
        return qcow2_corrupt(q, "cluster %" G_GUINT64_FORMAT " is freed and not counted", cluster);
    }
    if (delta > 0 && now == qcow2_ref_max(order)) {
        return -ERANGE;
    }
    now += (uint64_t)(int64_t)delta;
    qcow2_ref_set(block, order, i, now);
    qcow2_cache_dirty(&q->blocks, host, byte, order > 3 ? 1u << (order - 3) : 1);
    if (now == 0) {
        q->free_hint = MIN(q->free_hint, cluster);
    }
    return 0;
}

/* The first run of free clusters from the hint on: `want` of them, or fewer that end at a used one. */
static int find_run(struct qcow2 *q, uint64_t want, uint64_t min, uint64_t *start, uint64_t *n)
{
    uint64_t end = QCOW2_MAX_HOST >> q->h.cluster_bits, refs;

    *start = q->free_hint;
    *n = 0;
    for (uint64_t i = *start; i < end && *n < want; i++) {
        int ret = qcow2_refcount(q, i, &refs);

        if (ret != 0) {
            return ret;
        }
        if (refs == 0) {
            *n += 1;
        } else if (*n >= min) {
            break;
        } else {
            *n = 0;
            *start = i + 1;
        }
    }
    return *n >= min ? 0 : -EFBIG;
}

int64_t qcow2_alloc(struct qcow2 *q, uint64_t want, uint64_t min, uint64_t *got)
{
    uint64_t start, n;
    bool first;
    int ret;

    block_event(q->node.file, "cluster_alloc");
    do {
        ret = find_run(q, want, min, &start, &n);
        for (uint64_t i = start; ret == 0 && i < start + n;
             i = ((i >> q->block_bits) + 1) << q->block_bits) {
            ret = need_block(q, i);
        }
        if (ret == 0) {
            ret = need_block(q, start + n - 1);
        }
    } while (ret == 1); /* made a block, maybe in one of these clusters */
    if (ret != 0) {
        return ret;
    }
    if (qcow2_overlaps(q, start << q->h.cluster_bits, n << q->h.cluster_bits)) {
        return qcow2_corrupt(
            q, "cluster %" G_GUINT64_FORMAT " holds metadata and is counted as free", start);
    }
    first = start == q->free_hint;
    for (uint64_t i = 0; i < n; i++) {
        ret = qcow2_refcount_add(q, start + i, 1);
        if (ret != 0) {
            while (i-- > 0) {
                (void)qcow2_refcount_add(q, start + i, -1);
            }
            return ret;
        }
    }
    if (first || min == 1) {
        q->free_hint = start + n;
    }
    if (got) {
        *got = n;
    }
    return (int64_t)(start << q->h.cluster_bits);
}

void qcow2_free_later(struct qcow2 *q, uint64_t host, uint64_t clusters)
{
    for (uint64_t i = 0; i < clusters; i++) {
        struct qcow2_free f = { (host >> q->h.cluster_bits) + i, q->next_seq };

        g_array_append_val(q->frees, f);
    }
    if (q->frees->len > MANY_FREES && q->frees->len % MANY_FREES == 0) {
        (void)qcow2_settle(q); /* what fails now fails again when it must not */
    }
}

void qcow2_free_entry(struct qcow2 *q, const struct qcow2_map *m)
{
    uint64_t host, bytes;

    if (q->node.data_file) {
        return;
    }
    if (m->compressed) {
        qcow2_compressed_range(q, m->entry, &host, &bytes);
        bytes += host & (q->cluster_size - 1);
        qcow2_free_later(q, host & ~(q->cluster_size - 1), qcow2_clusters(q, bytes));
    } else if (m->has_host) {
        qcow2_free_later(q, m->host, 1);
    }
}

static int apply_one(struct qcow2 *q, uint64_t cluster)
{
    uint64_t host = cluster << q->h.cluster_bits, refs;
    int ret;

    block_event(q->node.file, "cluster_free");
    ret = qcow2_refcount_add(q, cluster, -1);
    if (ret == 0) {
        ret = qcow2_refcount(q, cluster, &refs);
    }
    if (ret == 0 && refs == 0) {
        if (q->compressed_at && (q->compressed_at - 1) >> q->h.cluster_bits == cluster) {
            q->compressed_at = 0;
        }
        q->unpacked_entry = 0;
        qcow2_cache_forget(&q->l2, host);
        (void)block_node_discard(q->node.file, host, q->cluster_size);
    }
    return ret;
}

int qcow2_apply_frees(struct qcow2 *q, uint64_t seq)
{
    uint64_t oldest = q->first_op ? q->first_op->seq : UINT64_MAX;
    guint kept = 0;
    int ret = 0;

    for (guint i = 0; i < q->frees->len; i++) {
        struct qcow2_free f = g_array_index(q->frees, struct qcow2_free, i);

        if (ret == 0 && f.seq <= seq && f.seq <= oldest) {
            ret = apply_one(q, f.cluster);
        } else {
            g_array_index(q->frees, struct qcow2_free, kept++) = f;
        }
    }
    g_array_set_size(q->frees, kept);
    return ret;
}
