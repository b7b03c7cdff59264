/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_zero.c: zeroes that take no space, and space that is given back.
 * Thread: any.
 */
#include <errno.h>
#include "block/qcow2.h"

/* What becomes of one cluster: guest bytes [from, to) of it. */
struct change {
    bool unmap;   /* the space may go */
    bool discard; /* and the contents with it */
};

static uint32_t all_subs(const struct qcow2 *q)
{
    return q->n_sub == 1 ? 1 : 0xffffffffu;
}

/* The new entry for a cluster whose `bits` go.  False: it stays as it is. */
static bool change_map(const struct qcow2 *q, const struct qcow2_map *old, uint32_t bits,
                       const struct change *c, struct qcow2_map *m)
{
    bool whole = bits == all_subs(q), nothing = !old->has_host && !old->compressed;
    bool show_backing = q->node.backing || q->node.backing_name;

    *m = *old;
    if (c->discard && (q->h.version < 3 || !show_backing)) {
        /* Unallocated reads as zeroes, or (version 2 over a backing file) there is no way to say so. */
        if (show_backing || (nothing && !old->zero)) {
            return false;
        }
        *m = (struct qcow2_map){ 0 };
        return true;
    }
    if (nothing && ((old->zero & bits) == bits || (!old->zero && !show_backing))) {
        return false;
    }
    if (whole && (c->unmap || nothing || old->compressed || !old->copied)) {
        *m = (struct qcow2_map){ .zero = q->h.version >= 3 ? bits : 0 };
        return true;
    }
    m->zero |= bits;
    m->alloc &= ~bits;
    return true;
}

/* Lock held.  The clusters or subclusters of [from, to) within one cluster. */
static int change_cluster(struct qcow2 *q, uint64_t from, uint64_t to, const struct change *c)
{
    uint64_t cluster = from >> q->h.cluster_bits, start = cluster << q->h.cluster_bits;
    uint64_t first = (from - start) >> q->sub_bits, last = (to - start) >> q->sub_bits;
    uint32_t bits = (uint32_t)(((1ull << last) - 1) & ~((1ull << first) - 1));
    struct qcow2_map old, m;
    int ret;

    qcow2_claim_wait(q, cluster, cluster);
    ret = qcow2_map_get(q, start, &old);
    if (ret != 0) {
        return ret;
    }
    if (old.compressed && bits != all_subs(q)) {
        return -EAGAIN;
    }
    if (!change_map(q, &old, bits, c, &m)) {
        return 0;
    }
    ret = qcow2_map_set(q, start, &m);
    if (ret == 0 && !m.has_host) {
        qcow2_free_entry(q, &old);
    }
    if (ret == 0 && q->node.data_file && c->unmap && old.has_host) {
        (void)block_node_discard(q->node.data_file, from, to - from);
    }
    return ret;
}

static int write_plain_zeroes(struct block_node *node, uint64_t from, uint64_t to)
{
    static const uint8_t zeroes[65536];
    int ret = 0;

    while (from < to && ret == 0) {
        struct iovec iov = { (void *)zeroes, MIN(to - from, sizeof(zeroes)) };

        ret = qcow2_write(node, from, &iov, 1);
        from += iov.iov_len;
    }
    return ret;
}

/* Pieces of a subcluster: nothing to do when they are zero already. */
static int zero_piece(struct qcow2 *q, uint64_t from, uint64_t to)
{
    struct block_status st;

    if (from >= to || (qcow2_status(&q->node, from, to - from, &st) == 0 && st.bytes == to - from &&
                       (st.flags & BLOCK_ZERO || (!st.flags && !q->node.backing)))) {
        return 0;
    }
    return write_plain_zeroes(&q->node, from, to);
}

/* [from, to) is whole subclusters. */
static int change_range(struct qcow2 *q, uint64_t from, uint64_t to, const struct change *c)
{
    struct qcow2_op op;
    int ret = 0;

    pthread_mutex_lock(&q->lock);
    qcow2_op_begin(q, &op);
    ret = q->corrupt ? -EIO : qcow2_bitmaps_mark(q, from, MIN(to, MAX(q->node.size, from)) - from);
    while (from < to && ret == 0) {
        uint64_t end = MIN(to, (from | (q->cluster_size - 1)) + 1);

        ret = change_cluster(q, from, end, c);
        if (ret == -EAGAIN) { /* a piece of a compressed cluster */
            pthread_mutex_unlock(&q->lock);
            ret = write_plain_zeroes(&q->node, from, end);
            pthread_mutex_lock(&q->lock);
        }
        from = end;
    }
    qcow2_op_end(q, &op);
    pthread_mutex_unlock(&q->lock);
    return ret;
}

int qcow2_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes, unsigned flags)
{
    struct qcow2 *q = (struct qcow2 *)node;
    bool plain = q->h.version < 3 && (node->backing || node->backing_name);
    uint64_t unit = plain ? q->cluster_size : 1ull << q->sub_bits, end = offset + bytes;
    uint64_t from = (offset + unit - 1) & ~(unit - 1), to = end & ~(unit - 1);
    struct change c = { .unmap = (flags & BLOCK_MAY_UNMAP) || q->h.version < 3 };
    int ret;

    if (plain) {
        return -ENOTSUP;
    }
    if (q->h.autoclear & QCOW2_DATA_RAW && node->data_file) {
        ret = block_node_write_zeroes(node->data_file, offset, bytes, flags);
        pthread_mutex_lock(&q->lock);
        ret = ret == 0 ? qcow2_bitmaps_mark(q, offset, bytes) : ret;
        pthread_mutex_unlock(&q->lock);
        return ret;
    }
    if (end == node->size) {
        to = (end + unit - 1) & ~(unit - 1);
    }
    if (from >= to) {
        return flags & BLOCK_NO_FALLBACK ? -ENOTSUP : zero_piece(q, offset, end);
    }
    ret = zero_piece(q, offset, from);
    if (ret == 0) {
        ret = change_range(q, from, to, &c);
    }
    return ret == 0 && to < end ? zero_piece(q, to, end) : ret;
}

int qcow2_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t end = offset + bytes, mask = q->cluster_size - 1;
    uint64_t from = (offset + mask) & ~mask,
             to = end == node->size ? (end + mask) & ~mask : end & ~mask;
    struct change c = { .unmap = true, .discard = true };

    if (from >= to) {
        return 0;
    }
    if (q->h.autoclear & QCOW2_DATA_RAW && node->data_file) {
        return block_node_discard(node->data_file, offset, bytes);
    }
    return change_range(q, from, to, &c);
}
