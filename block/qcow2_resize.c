/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_resize.c: other sizes, preallocation, and images made empty.
 * Thread: the main one while no transfer runs.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"
#include "util/error.h"

static bool fail(struct qcow2 *q, const char *what, int ret, GError **error)
{
    set_error(error, "%s: %s: %s", q->node.filename, what, g_strerror(-ret));
    return false;
}

/* Preallocation --------------------------------------------------------------------------------- */

/* Every cluster of [from, to) gets its place; *end: of the last of them in the file. */
static int allocate_all(struct qcow2 *q, uint64_t from, uint64_t to, uint64_t *end)
{
    uint64_t first = from >> q->h.cluster_bits, last = qcow2_clusters(q, to), got;

    for (uint64_t i = first; i < last; i += got) {
        struct qcow2_map m;
        int64_t host = (int64_t)(i << q->h.cluster_bits);
        int ret = qcow2_map_get(q, i << q->h.cluster_bits, &m);

        got = 1;
        if (ret != 0 || m.has_host || m.compressed || m.zero) {
            if (ret != 0) {
                return ret;
            }
            continue;
        }
        if (!q->node.data_file) {
            host = qcow2_alloc(q, 1, 1, NULL);
        }
        if (host < 0) {
            return (int)host;
        }
        m = (struct qcow2_map){ .host = (uint64_t)host, .has_host = true, .copied = true };
        m.alloc = q->n_sub == 1 ? 1 : q->node.backing_name ? 0 : 0xffffffffu;
        if (q->luks) { /* zeroes in the file are something else for the guest */
            m.zero = m.alloc;
            m.alloc = 0;
        }
        ret = qcow2_map_set(q, i << q->h.cluster_bits, &m);
        if (ret != 0) {
            return ret;
        }
        *end = MAX(*end, (uint64_t)host + q->cluster_size);
    }
    return 0;
}

bool qcow2_preallocate(struct qcow2 *q, uint64_t from, uint64_t to, enum block_prealloc prealloc,
                       GError **error)
{
    struct block_node *data = qcow2_data(q);
    uint64_t end = 0;
    int ret;

    if (q->luks && q->h.version < 3) {
        set_error(error, "%s: preallocation of encrypted images needs compat=1.1",
                  q->node.filename);
        return false;
    }
    if (prealloc == BLOCK_PREALLOC_METADATA) {
        prealloc = BLOCK_PREALLOC_OFF;
    }
    /* What was in use before may be read again: only beyond the file's end there are zeroes for sure. */
    pthread_mutex_lock(&q->lock);
    if (!q->node.data_file) {
        q->free_hint = MAX(q->free_hint, qcow2_clusters(q, data->size));
    }
    ret = allocate_all(q, from, to, &end);
    pthread_mutex_unlock(&q->lock);
    if (ret != 0) {
        return fail(q, "Could not preallocate metadata", ret, error);
    }
    if (q->node.data_file) {
        end = to;
    }
    if (end > data->size && !block_node_truncate(data, end, prealloc, false, error)) {
        return false;
    }
    ret = block_node_flush(&q->node);
    return ret == 0 || fail(q, "Could not write metadata", ret, error);
}

/* Sizes ----------------------------------------------------------------------------------------- */

static int write_size(struct qcow2 *q, uint64_t size)
{
    struct qcow2_header h = q->h;
    int ret = qcow2_settle(q);

    h.size = size;
    if (ret == 0) {
        ret = qcow2_header_write(q->node.file, &h);
    }
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    if (ret == 0) {
        q->h.size = size;
        q->node.size = size;
    }
    return ret;
}

/* What is beyond the old end: data that a smaller size left, or that the backing file would show. */
static int zero_beyond(struct qcow2 *q, uint64_t from, uint64_t to)
{
    struct block_node *backing = q->node.backing;
    uint64_t show = backing ? MIN(backing->size, to) : from;
    uint64_t end = MAX(MIN(qcow2_round_up(q, from), qcow2_round_up(q, to)), show);
    int ret = 0;

    while (from < end && ret == 0) {
        struct block_status st;

        ret = qcow2_status(&q->node, from, end - from, &st);
        if (ret == 0 && (st.flags & BLOCK_DATA || (!st.flags && from < show))) {
            ret = qcow2_write_zeroes(&q->node, from, st.bytes, 0);
        }
        from += st.bytes;
    }
    return ret;
}

static int grow(struct qcow2 *q, uint64_t size)
{
    uint64_t coverage = qcow2_l2_coverage(q), entries = (size + coverage - 1) / coverage;
    int ret;

    if (entries > QCOW2_MAX_L1) {
        return -EFBIG;
    }
    pthread_mutex_lock(&q->lock);
    ret = qcow2_l1_grow(q, (uint32_t)entries);
    pthread_mutex_unlock(&q->lock);
    if (ret == 0) {
        ret = zero_beyond(q, q->node.size, size);
    }
    pthread_mutex_lock(&q->lock);
    ret = ret == 0 ? write_size(q, size) : ret;
    pthread_mutex_unlock(&q->lock);
    return ret;
}

/* Clusters of [from, to) become unallocated. */
static int drop(struct qcow2 *q, uint64_t from, uint64_t to)
{
    uint64_t coverage = qcow2_l2_coverage(q);

    for (uint64_t at = from; at < to; at += q->cluster_size) {
        struct qcow2_map m, none = { 0 };
        int ret;

        if (!(q->l1[at / coverage] & QCOW2_OFFSET_MASK)) {
            at = (at / coverage + 1) * coverage - q->cluster_size;
            continue;
        }
        ret = qcow2_map_get(q, at, &m);
        if (ret == 0 && (m.entry || m.zero || m.alloc)) {
            ret = qcow2_map_set(q, at, &none);
            if (ret == 0) {
                qcow2_free_entry(q, &m);
            }
        }
        if (ret != 0) {
            return ret;
        }
    }
    return 0;
}

static int shrink(struct qcow2 *q, uint64_t size)
{
    int ret;

    pthread_mutex_lock(&q->lock);
    ret = drop(q, qcow2_round_up(q, size), q->node.size);
    ret = ret == 0 ? write_size(q, size) : ret;
    pthread_mutex_unlock(&q->lock);
    return ret;
}

bool qcow2_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                    GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t old = node->size;
    int ret;

    if (size % BLOCK_SECTOR) {
        set_error(error, "The new size must be a multiple of 512");
        return false;
    }
    if (q->snapshots->len && q->h.version < 3) {
        set_error(error, "Can't resize a v2 image which has snapshots");
        return false;
    }
    if (q->bitmaps->len) {
        set_error(error, "Can't resize an image which has persistent bitmaps");
        return false;
    }
    if (prealloc && size > old && node->backing_name && q->n_sub == 1) {
        set_error(error, "Preallocation is not supported over a backing file");
        return false;
    }
    if (node->data_file &&
        !block_node_truncate(node->data_file, size, BLOCK_PREALLOC_OFF, true, error)) {
        return false;
    }
    ret = size < old ? shrink(q, size) : grow(q, size);
    if (ret != 0) {
        return fail(q, "Could not resize", ret, error);
    }
    return size <= old || !prealloc ||
           qcow2_preallocate(q, qcow2_round_up(q, old), size, prealloc, error);
}

/* Empty again ----------------------------------------------------------------------------------- */

static int make_empty(struct qcow2 *q)
{
    uint64_t bytes = q->h.l1_size * 8ull;
    g_autofree uint8_t *zeroes = g_malloc0(qcow2_round_up(q, bytes));
    struct qcow2_header h = q->h;
    g_autoptr(qcow2_refs) r = NULL;
    g_autoptr(qcow2_refs) old = NULL;
    int ret = qcow2_settle(q);

    block_event(q->node.file, "empty_image_prepare");
    r = ret == 0 ? qcow2_refs_load(q, &ret) : NULL;
    old = ret == 0 ? qcow2_refs_load(q, &ret) : NULL;
    if (ret == 0) {
        ret = qcow2_refs_walk(q, r, q->l1, 0, q->h.l1_size, true, -1);
    }
    if (ret == 0) {
        ret = qcow2_refs_add_bytes(q, r, q->h.l1_offset, bytes, -1);
    }
    if (ret != 0) {
        return ret;
    }
    h.l1_offset = (uint64_t)qcow2_refs_alloc(q, r, old, qcow2_clusters(q, bytes));
    ret = block_node_write(q->node.file, h.l1_offset, zeroes, qcow2_round_up(q, bytes));
    if (ret == 0) {
        ret = qcow2_refs_commit(q, r, old, &h, 0);
    }
    if (ret == 0) {
        memset(q->l1, 0, bytes);
    }
    return ret;
}

bool qcow2_make_empty(struct block_node *node, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    int ret;

    pthread_mutex_lock(&q->lock);
    ret = make_empty(q);
    pthread_mutex_unlock(&q->lock);
    return ret == 0 || fail(q, "Could not empty the image", ret, error);
}
