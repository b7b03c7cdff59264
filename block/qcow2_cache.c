/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_cache.c: L2 tables and refcount blocks in memory, and the order in which they are written.
 *
 * Invariant: `newest` to `oldest` has every table once; n_dirty counts those with a dirty range.
 * Thread:    with q->lock held.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"

void qcow2_cache_init(struct qcow2_cache *c, unsigned max)
{
    *c = (struct qcow2_cache){ .by_host = g_hash_table_new(g_int64_hash, g_int64_equal),
                               .max = max };
}

static void unlink_table(struct qcow2_cache *c, struct qcow2_table *t)
{
    *(t->newer ? &t->newer->older : &c->newest) = t->older;
    *(t->older ? &t->older->newer : &c->oldest) = t->newer;
    t->newer = t->older = NULL;
}

static void make_newest(struct qcow2_cache *c, struct qcow2_table *t)
{
    t->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = t;
    c->newest = t;
}

static void mark_clean(struct qcow2_cache *c, struct qcow2_table *t)
{
    c->n_dirty -= t->dirty_from < t->dirty_to;
    t->dirty_from = t->dirty_to = 0;
}

static void remove_table(struct qcow2_cache *c, struct qcow2_table *t)
{
    mark_clean(c, t);
    unlink_table(c, t);
    g_hash_table_remove(c->by_host, &t->host);
    c->n--;
    g_free(t->data);
    g_free(t);
}

void qcow2_cache_drop(struct qcow2_cache *c)
{
    while (c->newest) {
        remove_table(c, c->newest);
    }
}

void qcow2_cache_forget(struct qcow2_cache *c, uint64_t host)
{
    struct qcow2_table *t = g_hash_table_lookup(c->by_host, &host);

    if (t) {
        remove_table(c, t);
    }
}

void qcow2_cache_free(struct qcow2_cache *c)
{
    if (c->by_host) {
        qcow2_cache_drop(c);
        g_hash_table_unref(c->by_host);
        c->by_host = NULL;
    }
}

/* A table to fill: a new one, or the one that was not used for longest. */
static int take_table(struct qcow2 *q, struct qcow2_cache *c, struct qcow2_table **out)
{
    struct qcow2_table *t = c->oldest;

    if (c->n < c->max) {
        *out = g_new0(struct qcow2_table, 1);
        (*out)->data = g_malloc(q->cluster_size);
        return 0;
    }
    if (t->dirty_from < t->dirty_to) {
        int ret = qcow2_write_back(q);

        if (ret != 0) {
            return ret;
        }
    }
    unlink_table(c, t);
    g_hash_table_remove(c->by_host, &t->host);
    c->n--;
    *out = t;
    return 0;
}

int qcow2_cache_get(struct qcow2 *q, struct qcow2_cache *c, uint64_t host, bool fresh,
                    uint8_t **data)
{
    struct qcow2_table *t = g_hash_table_lookup(c->by_host, &host);
    int ret;

    if (t) {
        if (t != c->newest) {
            unlink_table(c, t);
            make_newest(c, t);
        }
        if (fresh) {
            memset(t->data, 0, q->cluster_size);
        }
        *data = t->data;
        return 0;
    }
    ret = take_table(q, c, &t);
    if (ret != 0) {
        return ret;
    }
    if (fresh) {
        memset(t->data, 0, q->cluster_size);
    } else {
        block_event(q->node.file, c == &q->l2 ? "l2_load" : "refblock_load");
        ret = block_node_read(q->node.file, host, t->data, q->cluster_size);
    }
    if (ret != 0) {
        g_free(t->data);
        g_free(t);
        return ret;
    }
    t->host = host;
    g_hash_table_insert(c->by_host, &t->host, t);
    c->n++;
    make_newest(c, t);
    *data = t->data;
    return 0;
}

void qcow2_cache_dirty(struct qcow2_cache *c, uint64_t host, uint32_t from, uint32_t len)
{
    struct qcow2_table *t = g_hash_table_lookup(c->by_host, &host);

    if (t->dirty_from >= t->dirty_to) {
        c->n_dirty++;
        t->dirty_from = from;
        t->dirty_to = from + len;
    } else {
        t->dirty_from = MIN(t->dirty_from, from);
        t->dirty_to = MAX(t->dirty_to, from + len);
    }
}

static int write_tables(struct qcow2 *q, struct qcow2_cache *c)
{
    for (struct qcow2_table *t = c->newest; t && c->n_dirty; t = t->older) {
        /* Whole sectors: what the host would read first otherwise. */
        uint32_t from = t->dirty_from & ~511u, to = (t->dirty_to + 511) & ~511u;
        int ret;

        if (t->dirty_from >= t->dirty_to) {
            continue;
        }
        block_event(q->node.file, c == &q->l2 ? "l2_update" : "refblock_update");
        ret = block_node_write(q->node.file, t->host + from, t->data + from, to - from);
        if (ret != 0) {
            return ret;
        }
        mark_clean(c, t);
    }
    return 0;
}

static int write_l1(struct qcow2 *q)
{
    uint32_t n = q->l1_dirty_to - q->l1_dirty_from;
    g_autofree uint64_t *entries = g_new(uint64_t, n);
    int ret;

    for (uint32_t i = 0; i < n; i++) {
        entries[i] = GUINT64_TO_BE(q->l1[q->l1_dirty_from + i]);
    }
    block_event(q->node.file, "l1_update");
    ret =
        block_node_write(q->node.file, q->h.l1_offset + q->l1_dirty_from * 8ull, entries, n * 8ull);
    if (ret == 0) {
        q->l1_dirty_from = q->l1_dirty_to = 0;
    }
    return ret;
}

/* What was written so far reaches the disk before what is written now. */
static int barrier(struct qcow2 *q)
{
    int ret = q->node.data_file ? block_node_flush(q->node.data_file) : 0;

    return ret == 0 ? block_node_flush(q->node.file) : ret;
}

int qcow2_write_back(struct qcow2 *q)
{
    bool l1 = q->l1_dirty_from < q->l1_dirty_to;
    int ret = write_tables(q, &q->blocks);

    if (ret == 0 && (q->l2.n_dirty || l1)) {
        ret = barrier(q);
    }
    if (ret == 0 && q->l2.n_dirty) {
        ret = write_tables(q, &q->l2);
        if (ret == 0 && l1) {
            ret = barrier(q);
        }
    }
    return ret == 0 && l1 ? write_l1(q) : ret;
}

int qcow2_settle(struct qcow2 *q)
{
    int ret = qcow2_write_back(q);

    if (ret != 0 || !q->frees->len) {
        return ret;
    }
    ret = barrier(q);
    if (ret == 0) {
        ret = qcow2_apply_frees(q, UINT64_MAX);
    }
    return ret == 0 ? qcow2_write_back(q) : ret;
}
