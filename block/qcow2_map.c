/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_map.c: L1 and L2 tables: from guest clusters to what holds them.
 * Thread: with q->lock held.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"

static void put64(uint8_t *at, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    memcpy(at, &value, 8);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, 8);
    return GUINT64_FROM_BE(value);
}

void qcow2_map_decode(const struct qcow2 *q, const uint8_t *entry, struct qcow2_map *m)
{
    uint64_t e = get64(entry);

    *m = (struct qcow2_map){ .entry = e };
    if (e & QCOW2_COMPRESSED) {
        m->compressed = true;
        return;
    }
    m->copied = e & QCOW2_COPIED;
    m->host = e & QCOW2_OFFSET_MASK;
    m->has_host = m->host || (q->node.data_file && m->copied);
    if (q->n_sub > 1) {
        uint64_t bits = get64(entry + 8);

        m->alloc = (uint32_t)bits;
        m->zero = (uint32_t)(bits >> 32);
    } else {
        m->zero = e & QCOW2_ZERO && q->h.version >= 3;
        m->alloc = m->has_host && !m->zero;
    }
}

void qcow2_map_encode(const struct qcow2 *q, const struct qcow2_map *m, uint8_t *entry)
{
    uint64_t e = m->compressed ? m->entry : m->host | (m->has_host && m->copied ? QCOW2_COPIED : 0);

    if (q->n_sub > 1) {
        put64(entry + 8, m->compressed ? 0 : (uint64_t)m->zero << 32 | m->alloc);
    } else if (m->zero && !m->compressed) {
        e |= QCOW2_ZERO;
    }
    put64(entry, e);
}

void qcow2_compressed_range(const struct qcow2 *q, uint64_t entry, uint64_t *host, uint64_t *bytes)
{
    unsigned x = 62 - (q->h.cluster_bits - 8);
    uint64_t sectors = (entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> x;

    *host = entry & ((1ull << x) - 1) & ((1ull << 56) - 1);
    *bytes = (sectors + 1) * 512 - (*host & 511);
}

const char *qcow2_map_fault(const struct qcow2 *q, const struct qcow2_map *m, uint64_t guest)
{
    if (m->compressed) {
        return q->node.data_file ? "is compressed, which external data cannot be" : NULL;
    }
    if (m->host & (q->cluster_size - 1)) {
        return "is not aligned";
    }
    if (q->node.data_file && m->has_host && m->host != guest) {
        return "is not where external data is";
    }
    if (m->alloc & m->zero) {
        return "is allocated and zero at once";
    }
    return m->alloc && !m->has_host ? "is allocated nowhere" : NULL;
}

/* Where the L2 table of a guest offset is; 0: nowhere. */
static int find_l2(struct qcow2 *q, uint64_t guest, uint64_t *l2, bool *copied)
{
    uint64_t i = guest >> (q->l2_bits + q->h.cluster_bits);

    *l2 = 0;
    *copied = false;
    if (i >= q->h.l1_size) {
        return 0;
    }
    *l2 = q->l1[i] & QCOW2_OFFSET_MASK;
    *copied = q->l1[i] & QCOW2_COPIED;
    if (*l2 & (q->cluster_size - 1)) {
        return qcow2_corrupt(q,
                             "entry %" G_GUINT64_FORMAT " of the L1 table is %" G_GINT64_MODIFIER
                             "x, must be a multiple of the cluster size",
                             i, q->l1[i]);
    }
    return 0;
}

static uint32_t l2_index(const struct qcow2 *q, uint64_t guest)
{
    return (uint32_t)(guest >> q->h.cluster_bits) & ((1u << q->l2_bits) - 1);
}

int qcow2_map_get(struct qcow2 *q, uint64_t guest, struct qcow2_map *m)
{
    uint64_t l2;
    bool copied;
    uint8_t *table;
    const char *fault;
    int ret = find_l2(q, guest, &l2, &copied);

    *m = (struct qcow2_map){ 0 };
    if (ret != 0 || !l2) {
        return ret;
    }
    ret = qcow2_cache_get(q, &q->l2, l2, false, &table);
    if (ret != 0) {
        return ret;
    }
    qcow2_map_decode(q, table + l2_index(q, guest) * q->entry_size, m);
    m->copied = m->copied && copied; /* a table that is shared shares what it names */
    fault = qcow2_map_fault(q, m, guest & ~(q->cluster_size - 1));
    if (fault) {
        return qcow2_corrupt(
            q, "the L2 entry of guest offset %" G_GINT64_MODIFIER "x, %" G_GINT64_MODIFIER "x, %s",
            guest, m->entry, fault);
    }
    return 0;
}

/* A table that the active L1 table alone names, with what the old one (0: none) holds. */
static int own_l2(struct qcow2 *q, uint64_t guest, uint64_t old, uint64_t *l2)
{
    uint32_t i = (uint32_t)(guest >> (q->l2_bits + q->h.cluster_bits));
    g_autofree uint8_t *copy = NULL;
    int64_t host = qcow2_alloc(q, 1, 1, NULL);
    uint8_t *table;
    int ret;

    if (host < 0) {
        return (int)host;
    }
    if (old) {
        ret = qcow2_cache_get(q, &q->l2, old, false, &table);
        if (ret != 0) {
            return ret;
        }
        copy = g_memdup2(table, q->cluster_size);
    }
    ret = qcow2_cache_get(q, &q->l2, (uint64_t)host, true, &table);
    if (ret != 0) {
        return ret;
    }
    if (copy) {
        memcpy(table, copy, q->cluster_size);
    }
    qcow2_cache_dirty(&q->l2, (uint64_t)host, 0, (uint32_t)q->cluster_size);
    if (q->l1_dirty_from >= q->l1_dirty_to) {
        q->l1_dirty_from = i;
        q->l1_dirty_to = i + 1;
    } else {
        q->l1_dirty_from = MIN(q->l1_dirty_from, i);
        q->l1_dirty_to = MAX(q->l1_dirty_to, i + 1);
    }
    q->l1[i] = (uint64_t)host | QCOW2_COPIED;
    if (old) {
        qcow2_free_later(q, old, 1);
    }
    *l2 = (uint64_t)host;
    return 0;
}

int qcow2_map_set(struct qcow2 *q, uint64_t guest, const struct qcow2_map *m)
{
    uint64_t l2;
    uint32_t at = l2_index(q, guest) * q->entry_size;
    bool copied;
    uint8_t *table;
    int ret = find_l2(q, guest, &l2, &copied);

    if (ret == 0 && (!l2 || !copied)) {
        ret = own_l2(q, guest, l2, &l2);
    }
    if (ret == 0) {
        ret = qcow2_cache_get(q, &q->l2, l2, false, &table);
    }
    if (ret != 0) {
        return ret;
    }
    qcow2_map_encode(q, m, table + at);
    qcow2_cache_dirty(&q->l2, l2, at, q->entry_size);
    return 0;
}

int qcow2_load_l1(struct qcow2 *q, uint64_t offset, uint32_t n, uint64_t **out)
{
    g_autofree uint64_t *l1 = g_new0(uint64_t, n + 1);
    int ret = n ? block_node_read(q->node.file, offset, l1, n * 8ull) : 0;

    for (uint32_t i = 0; i < n; i++) {
        l1[i] = GUINT64_FROM_BE(l1[i]);
    }
    if (ret == 0) {
        *out = g_steal_pointer(&l1);
    }
    return ret;
}

int qcow2_l1_grow(struct qcow2 *q, uint32_t n)
{
    uint64_t old = q->h.l1_offset, old_clusters = qcow2_clusters(q, q->h.l1_size * 8ull);
    uint64_t clusters = qcow2_clusters(q, n * 8ull);
    g_autofree uint64_t *entries = g_malloc0(clusters * q->cluster_size);
    struct qcow2_header h;
    int64_t host;
    int ret;

    if (n <= q->h.l1_size) {
        return 0;
    }
    if (n > QCOW2_MAX_L1) {
        return -EFBIG;
    }
    block_event(q->node.file, "l1_grow_alloc_table");
    host = qcow2_alloc(q, clusters, clusters, NULL);
    if (host < 0) {
        return (int)host;
    }
    ret = qcow2_write_back(q);
    block_event(q->node.file, "l1_grow_write_table");
    for (uint32_t i = 0; i < q->h.l1_size; i++) {
        entries[i] = GUINT64_TO_BE(q->l1[i]);
    }
    if (ret == 0) {
        ret = block_node_write(q->node.file, (uint64_t)host, entries, clusters * q->cluster_size);
    }
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    h = q->h;
    h.l1_offset = (uint64_t)host;
    h.l1_size = n;
    block_event(q->node.file, "l1_grow_activate_table");
    if (ret == 0) {
        ret = qcow2_header_write(q->node.file, &h);
    }
    if (ret != 0) {
        return ret;
    }
    q->l1 = g_renew(uint64_t, q->l1, n + 1);
    memset(q->l1 + q->h.l1_size, 0, (n + 1 - q->h.l1_size) * 8ull);
    q->h = h;
    if (old && old_clusters) {
        qcow2_free_later(q, old, old_clusters);
    }
    return 0;
}
