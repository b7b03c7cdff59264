/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_io.c: reading, where bytes are, flushing; who is under way.
 * Thread: any.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"

/* Who is under way ------------------------------------------------------------------------------ */

void qcow2_op_begin(struct qcow2 *q, struct qcow2_op *op)
{
    *op = (struct qcow2_op){ .seq = q->next_seq++, .prev = q->last_op };
    *(q->last_op ? &q->last_op->next : &q->first_op) = op;
    q->last_op = op;
}

void qcow2_op_end(struct qcow2 *q, struct qcow2_op *op)
{
    *(op->prev ? &op->prev->next : &q->first_op) = op->next;
    *(op->next ? &op->next->prev : &q->last_op) = op->prev;
}

static bool is_claimed(const struct qcow2 *q, uint64_t first, uint64_t last)
{
    for (const struct qcow2_claim *c = q->claims; c; c = c->next) {
        if (first <= c->last && c->first <= last) {
            return true;
        }
    }
    return false;
}

bool qcow2_claim_wait(struct qcow2 *q, uint64_t first, uint64_t last)
{
    bool waited = false;

    while (is_claimed(q, first, last)) {
        pthread_cond_wait(&q->claims_changed, &q->lock);
        waited = true;
    }
    return waited;
}

void qcow2_claim(struct qcow2 *q, struct qcow2_claim *claim, uint64_t first, uint64_t last)
{
    *claim = (struct qcow2_claim){ first, last, q->claims };
    q->claims = claim;
}

void qcow2_claim_end(struct qcow2 *q, struct qcow2_claim *claim)
{
    struct qcow2_claim **link = &q->claims;

    while (*link != claim) {
        link = &(*link)->next;
    }
    *link = claim->next;
    pthread_cond_broadcast(&q->claims_changed);
}

/* Runs ------------------------------------------------------------------------------------------ */

enum run_kind { RUN_NONE, RUN_ZERO, RUN_DATA, RUN_COMPRESSED };

struct run {
    enum run_kind kind;
    uint64_t host;  /* of DATA: the first byte */
    uint64_t entry; /* of COMPRESSED */
    uint64_t bytes;
};

static enum run_kind kind_of(const struct qcow2_map *m, unsigned sub)
{
    return m->compressed         ? RUN_COMPRESSED
           : m->zero >> sub & 1  ? RUN_ZERO
           : m->alloc >> sub & 1 ? RUN_DATA
                                 : RUN_NONE;
}

/* The subclusters from `guest` on that are alike, within one cluster. */
static uint64_t alike(const struct qcow2 *q, const struct qcow2_map *m, uint64_t guest)
{
    uint64_t in = guest & (q->cluster_size - 1);
    unsigned sub = (unsigned)(in >> q->sub_bits), first = sub;

    if (m->compressed) {
        return q->cluster_size - in;
    }
    while (sub < q->n_sub && kind_of(m, sub) == kind_of(m, first)) {
        sub++;
    }
    return ((uint64_t)sub << q->sub_bits) - in;
}

/* What holds the bytes from `guest` on, at most `bytes`.  Lock held. */
static int find_run(struct qcow2 *q, uint64_t guest, uint64_t bytes, struct run *run)
{
    uint64_t start = guest, host;

    *run = (struct run){ 0 };
    while (run->bytes < bytes) {
        struct qcow2_map m;
        enum run_kind kind;
        int ret = qcow2_map_get(q, guest, &m);

        if (ret != 0) {
            return ret;
        }
        kind = kind_of(&m, (unsigned)((guest & (q->cluster_size - 1)) >> q->sub_bits));
        host = m.host + (guest & (q->cluster_size - 1));
        if (guest == start) {
            run->kind = kind;
            run->host = host;
            run->entry = m.entry;
        } else if (kind != run->kind || kind == RUN_COMPRESSED ||
                   (kind == RUN_DATA && host != run->host + run->bytes)) {
            break;
        }
        run->bytes += alike(q, &m, guest);
        guest = start + run->bytes;
        if (guest & (q->cluster_size - 1)) {
            break;
        }
    }
    run->bytes = MIN(run->bytes, bytes);
    return 0;
}

/* Reading --------------------------------------------------------------------------------------- */

static int read_backing(struct block_node *backing, uint64_t guest, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n), size = backing->size;
    uint64_t inside = guest < size ? MIN(bytes, size - guest) : 0;
    g_autofree struct iovec *part = g_new(struct iovec, n);
    int k = block_iov_slice(iov, n, 0, inside, part);

    block_iov_zero(iov, n, inside, bytes - inside);
    return inside ? block_node_readv(backing, guest, part, k) : 0;
}

/* The cluster that was unpacked last is kept: small reads come one after another. */
static int read_unpacked(struct qcow2 *q, const struct run *run, uint64_t guest,
                         const struct iovec *iov, int n)
{
    uint64_t in = guest & (q->cluster_size - 1), bytes = block_iov_bytes(iov, n);
    g_autofree uint8_t *buf = NULL;
    bool kept;
    int ret;

    pthread_mutex_lock(&q->lock);
    kept = q->unpacked_entry == run->entry;
    if (kept) {
        block_iov_write(iov, n, 0, q->unpacked + in, bytes);
    }
    pthread_mutex_unlock(&q->lock);
    if (kept) {
        return 0;
    }
    buf = g_malloc(q->cluster_size);
    ret = qcow2_read_compressed(q, run->entry, buf);
    if (ret != 0) {
        return ret;
    }
    block_iov_write(iov, n, 0, buf + in, bytes);
    if (bytes < q->cluster_size) {
        struct qcow2_map m;

        pthread_mutex_lock(&q->lock);
        if (qcow2_map_get(q, guest, &m) == 0 && m.entry == run->entry) {
            g_free(q->unpacked);
            q->unpacked = g_steal_pointer(&buf);
            q->unpacked_entry = run->entry;
        }
        pthread_mutex_unlock(&q->lock);
    }
    return 0;
}

static int read_run(struct qcow2 *q, const struct run *run, uint64_t guest, const struct iovec *iov,
                    int n)
{
    switch (run->kind) {
    case RUN_DATA:
        return qcow2_data_readv(q, run->host, iov, n);
    case RUN_COMPRESSED:
        return read_unpacked(q, run, guest, iov, n);
    case RUN_NONE:
        if (q->node.backing) {
            return read_backing(q->node.backing, guest, iov, n);
        }
        /* fall through */
    case RUN_ZERO:
        block_iov_zero(iov, n, 0, run->bytes);
        return 0;
    }
    return -EIO;
}

int qcow2_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t bytes = block_iov_bytes(iov, n), done = 0;
    g_autofree struct iovec *part = g_new(struct iovec, n);
    struct qcow2_op op;
    int ret = 0;

    pthread_mutex_lock(&q->lock);
    qcow2_op_begin(q, &op);
    while (done < bytes && ret == 0) {
        struct run run;

        ret = find_run(q, offset + done, bytes - done, &run);
        if (ret == 0) {
            int k = block_iov_slice(iov, n, done, run.bytes, part);

            pthread_mutex_unlock(&q->lock);
            ret = read_run(q, &run, offset + done, part, k);
            pthread_mutex_lock(&q->lock);
            done += run.bytes;
        }
    }
    qcow2_op_end(q, &op);
    pthread_mutex_unlock(&q->lock);
    return ret;
}

int qcow2_status(struct block_node *node, uint64_t offset, uint64_t bytes, struct block_status *out)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct run run;
    int ret;

    pthread_mutex_lock(&q->lock);
    ret = find_run(q, offset, MIN(bytes, 1ull << 30), &run);
    pthread_mutex_unlock(&q->lock);
    if (ret != 0) {
        return ret;
    }
    *out = (struct block_status){ .bytes = run.bytes };
    switch (run.kind) {
    case RUN_DATA:
        out->flags = BLOCK_DATA | BLOCK_ALLOCATED;
        if (q->luks) {
            break; /* what is at host_offset is something else */
        }
        out->flags |= BLOCK_OFFSET_VALID | BLOCK_RECURSE;
        out->host_offset = run.host;
        out->file = qcow2_data(q);
        break;
    case RUN_COMPRESSED:
        out->flags = BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_COMPRESSED;
        break;
    case RUN_ZERO:
        out->flags = BLOCK_ZERO | BLOCK_ALLOCATED;
        break;
    case RUN_NONE:
        break;
    }
    return 0;
}

/* Flushing -------------------------------------------------------------------------------------- */

int qcow2_flush(struct block_node *node)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t mark;
    int ret;

    pthread_mutex_lock(&q->lock);
    ret = qcow2_write_back(q);
    ret = ret == 0 ? q->late_error : ret;
    q->late_error = 0;
    mark = q->next_seq++;
    pthread_mutex_unlock(&q->lock);
    if (ret == 0 && q->node.data_file) {
        ret = block_node_flush(q->node.data_file);
    }
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    if (ret == 0) {
        /* What named these is gone from the disk now. */
        pthread_mutex_lock(&q->lock);
        ret = q->frees->len ? qcow2_apply_frees(q, mark) : 0;
        pthread_mutex_unlock(&q->lock);
    }
    return ret;
}
