/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_write.c: writing: in place, into subclusters that were not there, into new clusters.
 *
 * Whoever changes an L2 entry claims its guest cluster first, moves the data without the lock, and then
 * takes the lock again to change the entry.
 * Thread: any.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"

/* Bytes that one step takes at most: what is allocated as one piece. */
#define MAX_STEP (32ull << 20)

static const uint8_t zeroes[65536];

/* One step of a write: what is copied around the data, and where all of it goes. */
struct step {
    uint64_t guest, bytes;      /* of the data */
    uint64_t from, to;          /* guest bytes that are written: the data and what surrounds it */
    uint64_t host;              /* of the cluster that `from` is in */
    uint64_t n_clusters, first; /* guest cluster number */
    bool fresh;                 /* the clusters were allocated for this */
    bool blank;                 /* ... beyond the end of the file: they read as zeroes */
};

/* Subclusters [from, to) as bits. */
static uint32_t sub_bits(uint64_t from, uint64_t to)
{
    uint64_t all = to >= 32 ? 0xffffffffull : (1ull << to) - 1;

    return (uint32_t)(all & ~((1ull << from) - 1));
}

/* The subclusters of cluster `first` that guest bytes [from, to) touch. */
static uint32_t touched(const struct qcow2 *q, uint64_t cluster, uint64_t from, uint64_t to)
{
    uint64_t start = cluster << q->h.cluster_bits, end = start + q->cluster_size;

    from = MAX(from, start) - start;
    to = MIN(to, end) - start;
    return sub_bits(from >> q->sub_bits, (to + (1ull << q->sub_bits) - 1) >> q->sub_bits);
}

static bool in_place(const struct qcow2 *q, const struct qcow2_map *m, uint64_t from, uint64_t to)
{
    uint32_t bits = touched(q, from >> q->h.cluster_bits, from, to);

    return m->has_host && m->copied && (m->alloc & bits) == bits;
}

/* Bytes from `guest` on that can be written where they are.  0: none. */
static int find_in_place(struct qcow2 *q, uint64_t guest, uint64_t bytes, struct step *s)
{
    uint64_t at = guest, end = guest + bytes;

    *s = (struct step){ .guest = guest };
    while (at < end) {
        uint64_t in = at & (q->cluster_size - 1), to = MIN(end, at - in + q->cluster_size);
        struct qcow2_map m;
        int ret = qcow2_map_get(q, at, &m);

        if (ret != 0) {
            return ret;
        }
        if (!in_place(q, &m, at, to) || (at > guest && m.host + in != s->host + s->bytes)) {
            break;
        }
        if (at == guest) {
            s->host = m.host + in;
        }
        s->bytes += to - at;
        at = to;
    }
    return 0;
}

/* New clusters -------------------------------------------------------------------------------- */

/* How many clusters from `guest` on, within one L2 table, need others than they have. */
static int count_new(struct qcow2 *q, uint64_t guest, uint64_t bytes, uint64_t *n)
{
    uint64_t first = guest >> q->h.cluster_bits, last = (guest + bytes - 1) >> q->h.cluster_bits;
    uint64_t table_end = (first >> q->l2_bits << q->l2_bits) + (1ull << q->l2_bits);

    last = MIN(last, table_end - 1);
    for (*n = 0; first + *n <= last; ++*n) {
        struct qcow2_map m;
        int ret = qcow2_map_get(q, (first + *n) << q->h.cluster_bits, &m);

        if (ret != 0) {
            return ret;
        }
        if (m.has_host && m.copied) {
            break;
        }
    }
    return 0;
}

/* Where copying begins or ends: at a subcluster, or at a cluster that holds data already. */
static void surround(const struct qcow2 *q, const struct qcow2_map *head,
                     const struct qcow2_map *tail, bool fresh, struct step *s)
{
    uint64_t sub = 1ull << q->sub_bits, cluster = q->cluster_size;
    bool whole_head = fresh && (head->compressed || head->alloc);
    bool whole_tail = fresh && (tail->compressed || tail->alloc);

    s->from = s->guest & ~((whole_head ? cluster : sub) - 1);
    s->to = (s->guest + s->bytes + (whole_tail ? cluster : sub) - 1) &
            ~((whole_tail ? cluster : sub) - 1);
}

static int allocate(struct qcow2 *q, struct step *s)
{
    int64_t host;

    if (q->node.data_file) {
        s->host = s->first << q->h.cluster_bits;
        return 0;
    }
    host = qcow2_alloc(q, s->n_clusters, 1, &s->n_clusters);
    if (host < 0) {
        return (int)host;
    }
    s->host = (uint64_t)host;
    s->blank = q->node.file->driver->grows && !q->luks &&
               s->host >= __atomic_load_n(&q->node.file->size, __ATOMIC_RELAXED);
    return 0;
}

/* Lock held, the cluster at `guest` is not claimed and cannot be written in place. */
static int plan_step(struct qcow2 *q, uint64_t guest, uint64_t bytes, struct step *s)
{
    struct qcow2_map head, tail;
    uint64_t in = guest & (q->cluster_size - 1), end;
    int ret = qcow2_map_get(q, guest, &head);

    *s = (struct step){ .guest = guest, .first = guest >> q->h.cluster_bits, .n_clusters = 1 };
    if (ret != 0) {
        return ret;
    }
    s->fresh = !head.has_host || !head.copied;
    if (s->fresh) {
        ret = count_new(q, guest, MIN(bytes, MAX_STEP), &s->n_clusters);
        for (uint64_t i = 1; ret == 0 && i < s->n_clusters; i++) {
            if (qcow2_claim_wait(q, s->first + i, s->first + i)) {
                return -EAGAIN;
            }
        }
        ret = ret == 0 ? allocate(q, s) : ret;
    } else {
        s->host = head.host;
        if (!q->node.data_file && qcow2_overlaps(q, s->host, q->cluster_size)) {
            ret = qcow2_corrupt(q, "guest offset %" G_GINT64_MODIFIER "x names metadata", guest);
        }
    }
    if (ret != 0) {
        return ret;
    }
    s->bytes = MIN(bytes, s->n_clusters * q->cluster_size - in);
    end = guest + s->bytes;
    ret = qcow2_map_get(q, end - 1, &tail);
    if (ret == 0) {
        surround(q, &head, &tail, s->fresh, s);
    }
    return ret;
}

static bool reads_as_zero(struct qcow2 *q, uint64_t from, uint64_t to)
{
    while (from < to) {
        struct block_status st;

        if (qcow2_status(&q->node, from, to - from, &st) != 0 ||
            !(st.flags & BLOCK_ZERO || (!st.flags && !q->node.backing))) {
            return false;
        }
        from += st.bytes;
    }
    return true;
}

/* Vectors of what surrounds the data: `buf` owns what is read. */
static int add_around(struct qcow2 *q, const struct step *s, uint64_t from, uint64_t to,
                      struct iovec *iov, int *n, uint8_t **buf)
{
    uint64_t len = to - from, size = q->node.size;
    struct iovec read;

    if (len == 0) {
        return 0;
    }
    if (reads_as_zero(q, from, to)) {
        if (s->blank) {
            return 1;
        }
        if (len <= sizeof(zeroes)) {
            iov[(*n)++] = (struct iovec){ (void *)zeroes, len };
            return 0;
        }
        *buf = g_malloc0(len);
        iov[(*n)++] = (struct iovec){ *buf, len };
        return 0;
    }
    *buf = g_malloc0(len);
    iov[(*n)++] = (struct iovec){ *buf, len };
    /* What is beyond the disk's end in its last cluster is zero, whatever the backing file has there. */
    if (from < size || s->guest < qcow2_round_up(q, size)) {
        len = from < size ? MIN(len, size - from) : 0;
    }
    read = (struct iovec){ *buf, len };
    block_event(q->node.file, "cow_read");
    return len ? qcow2_read(&q->node, from, &read, 1) : 0;
}

/* Without the lock: the data and what surrounds it goes to the host. */
static int move(struct qcow2 *q, const struct step *s, const struct iovec *iov, int n,
                uint64_t skip)
{
    g_autofree struct iovec *all = g_new(struct iovec, n + 2);
    g_autofree uint8_t *head = NULL, *tail = NULL;
    uint64_t from = s->from, host;
    int k = 0, ret = add_around(q, s, s->from, s->guest, all, &k, &head);

    if (ret < 0) {
        return ret;
    }
    if (ret == 1) {
        from = s->guest;
    }
    k += block_iov_slice(iov, n, skip, s->bytes, all + k);
    ret = add_around(q, s, s->guest + s->bytes, s->to, all, &k, &tail);
    if (ret < 0) {
        return ret;
    }
    host = s->host + (from - (s->first << q->h.cluster_bits));
    if (head || tail) {
        block_event(q->node.file, "cow_write");
    }
    return qcow2_data_writev(q, host, all, k);
}

/* The lock held again: the entries name what was written. */
static int finish_step(struct qcow2 *q, const struct step *s)
{
    for (uint64_t i = 0; i < s->n_clusters; i++) {
        uint64_t guest = (s->first + i) << q->h.cluster_bits;
        uint32_t bits = touched(q, s->first + i, s->from, s->to);
        struct qcow2_map old, m;
        int ret = qcow2_map_get(q, guest, &old);

        if (ret != 0) {
            return ret;
        }
        m = (struct qcow2_map){ .host = s->host + i * q->cluster_size,
                                .has_host = true,
                                .copied = true,
                                .alloc = bits,
                                .zero = old.compressed ? 0 : old.zero & ~bits };
        if (!s->fresh) {
            m.alloc |= old.alloc;
        }
        ret = qcow2_map_set(q, guest, &m);
        if (ret != 0) {
            return ret;
        }
        if (s->fresh) {
            qcow2_free_entry(q, &old);
        }
    }
    return 0;
}

static void undo(struct qcow2 *q, const struct step *s)
{
    if (s->fresh && !q->node.data_file) {
        for (uint64_t i = 0; i < s->n_clusters; i++) {
            (void)qcow2_refcount_add(q, (s->host >> q->h.cluster_bits) + i, -1);
        }
    }
}

/* Lock held and dropped meanwhile.  *bytes: how many were written. */
static int write_step(struct qcow2 *q, uint64_t guest, const struct iovec *iov, int n,
                      uint64_t skip, uint64_t left, uint64_t *bytes)
{
    uint64_t cluster = guest >> q->h.cluster_bits;
    struct qcow2_claim claim;
    struct step s;
    int ret;

    *bytes = 0;
    qcow2_claim_wait(q, cluster, cluster);
    ret = find_in_place(q, guest, left, &s);
    if (ret == 0 && s.bytes) {
        g_autofree struct iovec *part = g_new(struct iovec, n);
        int k = block_iov_slice(iov, n, skip, s.bytes, part);

        if (!q->node.data_file && qcow2_overlaps(q, s.host, s.bytes)) {
            return qcow2_corrupt(q, "guest offset %" G_GINT64_MODIFIER "x names metadata", guest);
        }
        pthread_mutex_unlock(&q->lock);
        *bytes = s.bytes;
        ret = qcow2_data_writev(q, s.host, part, k);
        pthread_mutex_lock(&q->lock);
        return ret;
    }
    ret = ret == 0 ? plan_step(q, guest, left, &s) : ret;
    if (ret != 0) {
        return ret == -EAGAIN ? 0 : ret;
    }
    qcow2_claim(q, &claim, s.first, s.first + s.n_clusters - 1);
    pthread_mutex_unlock(&q->lock);
    ret = move(q, &s, iov, n, skip);
    pthread_mutex_lock(&q->lock);
    if (ret == 0) {
        ret = finish_step(q, &s);
    } else {
        undo(q, &s);
    }
    qcow2_claim_end(q, &claim);
    *bytes = s.bytes;
    return ret;
}

static int write_at(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n), done = 0, step;
    struct qcow2_op op;
    int ret;

    pthread_mutex_lock(&q->lock);
    qcow2_op_begin(q, &op);
    ret = q->corrupt ? -EIO : qcow2_bitmaps_mark(q, offset, bytes);
    while (done < bytes && ret == 0) {
        ret = write_step(q, offset + done, iov, n, done, bytes - done, &step);
        done += step;
    }
    qcow2_op_end(q, &op);
    pthread_mutex_unlock(&q->lock);
    return ret;
}

int qcow2_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return write_at((struct qcow2 *)node, offset, iov, n);
}

/* The machine's state --------------------------------------------------------------------------- */

static uint64_t vm_state_start(const struct qcow2 *q)
{
    uint64_t coverage = qcow2_l2_coverage(q);

    return (q->h.size + coverage - 1) / coverage * coverage;
}

int qcow2_vm_state_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct block_node *backing = node->backing;
    int ret;

    block_event(q->node.file, "vmstate_load");
    /* The backing file's bytes there are another machine's. */
    node->backing = NULL;
    ret = qcow2_read(node, vm_state_start(q) + offset, iov, n);
    node->backing = backing;
    return ret;
}

int qcow2_vm_state_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct block_node *backing = node->backing;
    uint64_t start = vm_state_start(q) + offset, end = start + block_iov_bytes(iov, n);
    int ret;

    if (end > INT64_MAX || q->node.data_file) {
        return -ENOTSUP;
    }
    block_event(q->node.file, "vmstate_save");
    pthread_mutex_lock(&q->lock);
    ret = qcow2_l1_grow(q, (uint32_t)MIN((end + qcow2_l2_coverage(q) - 1) / qcow2_l2_coverage(q),
                                         QCOW2_MAX_L1 + 1ull));
    pthread_mutex_unlock(&q->lock);
    node->backing = NULL;
    ret = ret == 0 ? write_at(q, start, iov, n) : ret;
    node->backing = backing;
    return ret;
}
