/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_refs.c: all refcounts of an image in memory, and making them the image's by one write of
 * the header.
 *
 * Thread: the main one while no transfer runs, or with q->lock held.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"

static uint64_t bytes_for(uint64_t n, unsigned order)
{
    return ((n << order) + 7) / 8;
}

struct qcow2_refs *qcow2_refs_new(uint64_t n, unsigned order)
{
    struct qcow2_refs *r = g_new0(struct qcow2_refs, 1);

    r->order = order;
    r->n = n;
    r->hint = 1;
    r->bytes = g_malloc0(bytes_for(n, order) + 1);
    return r;
}

void qcow2_refs_free(struct qcow2_refs *r)
{
    if (r) {
        g_free(r->bytes);
        g_free(r);
    }
}

uint64_t qcow2_refs_get(const struct qcow2_refs *r, uint64_t cluster)
{
    return r && cluster < r->n ? qcow2_ref_get(r->bytes, r->order, cluster) : 0;
}

static void grow_to(struct qcow2_refs *r, uint64_t n)
{
    uint64_t to = (MAX(n, r->n + r->n / 2) + 63) & ~63ull, had = bytes_for(r->n, r->order);

    r->bytes = g_realloc(r->bytes, bytes_for(to, r->order) + 1);
    memset(r->bytes + had, 0, bytes_for(to, r->order) + 1 - had);
    r->n = to;
}

int qcow2_refs_add(struct qcow2 *q, struct qcow2_refs *r, uint64_t cluster, int delta)
{
    uint64_t now;

    if (cluster >= r->n) {
        /* What names a cluster far beyond the file's end is broken, and no reason to run out of memory. */
        uint64_t end = qcow2_clusters(q, q->node.file->size) + (1u << 20);

        if (cluster >= end || delta < 0) {
            return -ERANGE;
        }
        grow_to(r, cluster + 1);
    }
    now = qcow2_ref_get(r->bytes, r->order, cluster);
    if (delta < 0 ? now == 0 : now == qcow2_ref_max(r->order)) {
        return -ERANGE;
    }
    qcow2_ref_set(r->bytes, r->order, cluster, now + (uint64_t)(int64_t)delta);
    return 0;
}

int qcow2_refs_add_bytes(struct qcow2 *q, struct qcow2_refs *r, uint64_t host, uint64_t bytes,
                         int delta)
{
    uint64_t first = host >> q->h.cluster_bits, last = (host + bytes - 1) >> q->h.cluster_bits;
    int ret = 0;

    for (uint64_t i = first; bytes && i <= last && ret == 0; i++) {
        ret = qcow2_refs_add(q, r, i, delta);
    }
    return ret;
}

struct qcow2_refs *qcow2_refs_load(struct qcow2 *q, int *ret)
{
    uint64_t per_block = 1ull << q->block_bits;
    uint32_t used = q->n_blocks;
    struct qcow2_refs *r;

    if ((uint64_t)used << q->block_bits >
        qcow2_clusters(q, q->node.file->size) + 2 * per_block + (1u << 20)) {
        *ret = qcow2_corrupt(q, "the refcount table names blocks far beyond the end of the file");
        return NULL;
    }
    r = qcow2_refs_new(used * per_block, q->h.refcount_order);
    *ret = 0;
    for (uint32_t i = 0; i < used && *ret == 0; i++) {
        if (q->reftable[i] & (q->cluster_size - 1) || q->reftable[i] > QCOW2_MAX_HOST) {
            *ret = qcow2_corrupt(q, "entry %u of the refcount table is not aligned", i);
        } else if (q->reftable[i]) {
            *ret = block_node_read(q->node.file, q->reftable[i], r->bytes + i * q->cluster_size,
                                   q->cluster_size);
        }
    }
    if (*ret != 0) {
        qcow2_refs_free(r);
        return NULL;
    }
    return r;
}

static int walk_entry(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_map *m, int delta)
{
    uint64_t host, bytes;

    if (m->compressed) {
        qcow2_compressed_range(q, m->entry, &host, &bytes);
        return qcow2_refs_add_bytes(q, r, host, bytes, delta);
    }
    return m->has_host && !q->node.data_file
               ? qcow2_refs_add(q, r, m->host >> q->h.cluster_bits, delta)
               : 0;
}

int qcow2_refs_walk(struct qcow2 *q, struct qcow2_refs *r, const uint64_t *l1, uint32_t from,
                    uint32_t to, bool tables, int delta)
{
    g_autofree uint8_t *table = g_malloc(q->cluster_size);
    int ret = 0;

    for (uint32_t i = from; i < to && ret == 0; i++) {
        uint64_t l2 = l1[i] & QCOW2_OFFSET_MASK;

        if (!l2) {
            continue;
        }
        if (l2 & (q->cluster_size - 1)) {
            return qcow2_corrupt(q, "entry %u of an L1 table is not aligned", i);
        }
        if (tables) {
            ret = qcow2_refs_add(q, r, l2 >> q->h.cluster_bits, delta);
        }
        if (ret == 0) {
            ret = block_node_read(q->node.file, l2, table, q->cluster_size);
        }
        for (uint32_t k = 0; k < 1u << q->l2_bits && ret == 0; k++) {
            struct qcow2_map m;

            qcow2_map_decode(q, table + k * q->entry_size, &m);
            ret = walk_entry(q, r, &m, delta);
        }
    }
    return ret;
}

/* Adjacent clusters free in both, from cluster 1 on; they may end beyond both. */
static uint64_t find_free(const struct qcow2_refs *r, const struct qcow2_refs *old,
                          uint64_t clusters)
{
    uint64_t start = clusters == 1 ? r->hint : 1;

    for (uint64_t i = start; i < start + clusters; i++) {
        if (qcow2_refs_get(r, i) || qcow2_refs_get(old, i)) {
            start = i + 1;
        }
    }
    return start;
}

int64_t qcow2_refs_alloc(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                         uint64_t clusters)
{
    uint64_t start = find_free(r, old, clusters);

    if (clusters == 1) {
        r->hint = start + 1;
    }
    for (uint64_t i = start; i < start + clusters; i++) {
        if (i >= r->n) {
            grow_to(r, i + 1);
        }
        qcow2_ref_set(r->bytes, r->order, i, 1);
    }
    return (int64_t)(start << q->h.cluster_bits);
}

/* The layout of the new table and blocks: adjacent clusters, the table first. */
struct plan {
    uint64_t host, n_blocks, n_table, entries;
    unsigned block_bits;
};

static bool block_used(const struct qcow2_refs *r, unsigned block_bits, uint64_t i)
{
    uint64_t bytes = bytes_for(1ull << block_bits, r->order), all = bytes_for(r->n, r->order);

    for (uint64_t k = i * bytes; k < MIN((i + 1) * bytes, all); k++) {
        if (r->bytes[k]) {
            return true;
        }
    }
    return false;
}

/* Where they go decides how many blocks there are: tried until both agree. */
static int make_plan(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                     uint32_t min_entries, struct plan *p)
{
    uint64_t n_blocks = 1, n_table = 1;

    p->block_bits = q->h.cluster_bits + 3 - r->order;
    for (;;) {
        uint64_t all = n_blocks + n_table, used = 0, entries;
        int64_t host = qcow2_refs_alloc(q, r, old, all);

        entries = (r->n + (1ull << p->block_bits) - 1) >> p->block_bits;
        for (uint64_t i = 0; i < entries; i++) {
            used += block_used(r, p->block_bits, i);
        }
        entries = MAX(entries, min_entries);
        p->host = (uint64_t)host;
        p->entries = qcow2_round_up(q, entries * 8) / 8;
        if (p->entries * 8 > QCOW2_MAX_REFTABLE && p->entries * 8 > q->cluster_size) {
            return -EFBIG;
        }
        p->n_blocks = n_blocks;
        p->n_table = n_table;
        if (used == n_blocks && qcow2_clusters(q, p->entries * 8) == n_table) {
            return 0;
        }
        for (uint64_t i = 0; i < all; i++) {
            qcow2_ref_set(r->bytes, r->order, (p->host >> q->h.cluster_bits) + i, 0);
        }
        /* Growing only: else they might disagree for ever. */
        n_blocks = MAX(n_blocks, used);
        n_table = MAX(n_table, qcow2_clusters(q, p->entries * 8));
        if (used < n_blocks && qcow2_clusters(q, p->entries * 8) <= n_table &&
            all == n_blocks + n_table) {
            /* Room for more blocks than are used: take the layout as it is. */
            (void)qcow2_refs_alloc(q, r, old, all);
            return 0;
        }
    }
}

static int write_refs(struct qcow2 *q, const struct qcow2_refs *r, const struct plan *p,
                      uint64_t *table)
{
    uint64_t at = p->host + p->n_table * q->cluster_size, all = bytes_for(r->n, r->order);
    g_autofree uint8_t *block = g_malloc(q->cluster_size);
    uint64_t entries = (r->n + (1ull << p->block_bits) - 1) >> p->block_bits;
    int ret = 0;

    for (uint64_t i = 0; i < entries && ret == 0; i++) {
        uint64_t from = i * q->cluster_size;

        if (!block_used(r, p->block_bits, i)) {
            continue;
        }
        memset(block, 0, q->cluster_size);
        memcpy(block, r->bytes + from, MIN(q->cluster_size, all - from));
        ret = block_node_write(q->node.file, at, block, q->cluster_size);
        table[i] = GUINT64_TO_BE(at);
        at += q->cluster_size;
    }
    block_event(q->node.file, "refblock_alloc_write_table");
    return ret == 0 ? block_node_write(q->node.file, p->host, table, p->n_table * q->cluster_size)
                    : ret;
}

/* The old table and blocks are no longer in use. */
static void give_back(struct qcow2 *q, struct qcow2_refs *r)
{
    for (uint32_t i = 0; i < q->n_blocks; i++) {
        if (q->reftable[i]) {
            (void)qcow2_refs_add(q, r, q->reftable[i] >> q->h.cluster_bits, -1);
        }
    }
    (void)qcow2_refs_add_bytes(q, r, q->h.reftable_offset, q->h.reftable_clusters * q->cluster_size,
                               -1);
}

/* A table as the file has it; owned by the image from now on. */
static void take_reftable(struct qcow2 *q, uint64_t *table, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        table[i] = GUINT64_FROM_BE(table[i]);
    }
    g_free(q->reftable);
    q->reftable = table;
    q->n_reftable = n;
    while (n > 0 && !q->reftable[n - 1]) {
        n--;
    }
    q->n_blocks = n;
}

int qcow2_refs_commit(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                      struct qcow2_header *h, uint32_t min_entries)
{
    g_autofree uint64_t *table = NULL;
    struct plan plan;
    int ret;

    if (q->reftable) {
        give_back(q, r);
    }
    ret = make_plan(q, r, old, min_entries, &plan);
    if (ret != 0) {
        return ret;
    }
    table = g_malloc0(plan.n_table * q->cluster_size);
    block_event(q->node.file, "refblock_alloc_write_blocks");
    ret = write_refs(q, r, &plan, table);
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    if (ret != 0) {
        return ret;
    }
    block_event(q->node.file, "refblock_alloc_switch_table");
    h->reftable_offset = plan.host;
    h->reftable_clusters = (uint32_t)plan.n_table;
    h->refcount_order = r->order;
    ret = qcow2_header_write(q->node.file, h);
    if (ret != 0) {
        return ret;
    }
    /* It is done: nothing that fails from here on may leave memory and file of two minds. */
    q->late_error = block_node_flush(q->node.file);
    q->h = *h;
    q->block_bits = plan.block_bits;
    qcow2_cache_drop(&q->blocks);
    qcow2_cache_drop(&q->l2);
    q->free_hint = q->compressed_at = q->unpacked_entry = 0;
    take_reftable(q, g_steal_pointer(&table), (uint32_t)(plan.n_table * q->cluster_size / 8));
    return 0;
}

int qcow2_load_reftable(struct qcow2 *q)
{
    uint32_t n = (uint32_t)(q->h.reftable_clusters * q->cluster_size / 8);
    g_autofree uint64_t *table = g_new(uint64_t, n);
    int ret;

    block_event(q->node.file, "reftable_load");
    ret = block_node_read(q->node.file, q->h.reftable_offset, table, n * 8ull);
    if (ret == 0) {
        take_reftable(q, g_steal_pointer(&table), n);
    }
    return ret;
}

int qcow2_reftable_grow(struct qcow2 *q, uint64_t entries)
{
    struct qcow2_header h = q->h;
    g_autoptr(qcow2_refs) r = NULL;
    g_autoptr(qcow2_refs) old = NULL;
    int ret;

    if (entries * 8 > QCOW2_MAX_REFTABLE) {
        return -EFBIG;
    }
    block_event(q->node.file, "reftable_grow");
    ret = qcow2_write_back(q);
    if (ret == 0) {
        r = qcow2_refs_load(q, &ret);
    }
    if (ret == 0) {
        old = qcow2_refs_load(q, &ret);
    }
    return ret ? ret
               : qcow2_refs_commit(
                     q, r, old, &h,
                     (uint32_t)MAX(entries, MIN(q->n_reftable * 2ull, QCOW2_MAX_REFTABLE / 8)));
}

/* The COPIED bits of a table's entries.  True: some were others. */
static bool reflag_table(const struct qcow2 *q, const struct qcow2_refs *r, uint8_t *table)
{
    bool changed = false;

    for (uint32_t k = 0; k < 1u << q->l2_bits && !q->node.data_file; k++) {
        struct qcow2_map m;
        bool alone;

        qcow2_map_decode(q, table + k * q->entry_size, &m);
        alone = m.has_host && qcow2_refs_get(r, m.host >> q->h.cluster_bits) == 1;
        if (m.has_host && m.copied != alone) {
            m.copied = alone;
            qcow2_map_encode(q, &m, table + k * q->entry_size);
            changed = true;
        }
    }
    return changed;
}

int qcow2_refs_reflag(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                      const uint64_t *l1, uint32_t n, bool copy_all, uint64_t *new_l1)
{
    g_autofree uint8_t *table = g_malloc(q->cluster_size);

    for (uint32_t i = 0; i < n; i++) {
        uint64_t l2 = l1[i] & QCOW2_OFFSET_MASK, cluster = l2 >> q->h.cluster_bits;
        bool changed, alone = qcow2_refs_get(r, cluster) == 1;
        int ret = l2 ? block_node_read(q->node.file, l2, table, q->cluster_size) : 0;

        new_l1[i] = l2;
        if (ret != 0) {
            return ret;
        }
        if (!l2) {
            continue;
        }
        changed = (copy_all || alone) && reflag_table(q, r, table);
        if (copy_all || changed) {
            if (!copy_all) {
                (void)qcow2_refs_add(q, r, cluster, -1);
            }
            l2 = (uint64_t)qcow2_refs_alloc(q, r, old, 1);
            ret = block_node_write(q->node.file, l2, table, q->cluster_size);
            alone = true;
        }
        if (ret != 0) {
            return ret;
        }
        new_l1[i] = l2 | (alone ? QCOW2_COPIED : 0);
    }
    return 0;
}
