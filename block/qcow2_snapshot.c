/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_snapshot.c: internal snapshots.
 *
 * A snapshot takes over the active L1 table and its L2 tables as they are; the active disk goes on with
 * copies.  All of it, the refcounts too, is written beside what is there and becomes valid with the header.
 * Thread: the main one while no transfer runs.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_TABLE (64u << 20) /* bytes of the table of snapshots */
#define FIXED     40u         /* of an entry, before its extra data */
#define MAX_EXTRA 1024u

void qcow2_snapshot_free(struct qcow2_snapshot *s)
{
    if (s) {
        g_free(s->s.id);
        g_free(s->s.name);
        g_free(s->extra);
        g_free(s);
    }
}

/* Reading --------------------------------------------------------------------------------------- */

/* Bytes from the file, whose end reads as zeroes. */
static bool read_at(struct qcow2 *q, uint64_t at, void *buf, size_t len, GError **error)
{
    int ret = block_node_read(q->node.file, at, buf, len);

    if (ret != 0) {
        set_error(error, "%s: Could not read snapshots: %s", q->node.filename, g_strerror(-ret));
    }
    return ret == 0;
}

static void take_extra(struct qcow2 *q, struct qcow2_snapshot *s, const uint8_t *extra,
                       uint32_t len)
{
    s->s.disk_size = len >= 16 ? block_field_be(extra + 8, 8) : q->h.size;
    s->s.icount = UINT64_MAX;
    if (len >= 8) {
        s->s.vm_state_size = block_field_be(extra, 8);
    }
    if (len >= 24) {
        s->s.icount = block_field_be(extra + 16, 8);
    }
    if (len > 24) {
        s->n_extra = len - 24;
        s->extra = g_memdup2(extra + 24, s->n_extra);
    }
}

/* *at moves on to the next entry. */
static struct qcow2_snapshot *read_entry(struct qcow2 *q, uint64_t *at, GError **error)
{
    const char *name = q->node.filename;
    uint8_t b[FIXED], extra[MAX_EXTRA];
    struct qcow2_snapshot *s;
    uint32_t n_id, n_name, n_extra;

    if (!read_at(q, *at, b, FIXED, error)) {
        return NULL;
    }
    n_id = (uint32_t)block_field_be(b + 12, 2);
    n_name = (uint32_t)block_field_be(b + 14, 2);
    n_extra = (uint32_t)block_field_be(b + 36, 4);
    if (!block_bound_one(name, "size of a snapshot's extra data", n_extra, 0, MAX_EXTRA, error) ||
        !block_bound_one(name, "l1_size of a snapshot", block_field_be(b + 8, 4), 0, QCOW2_MAX_L1,
                         error) ||
        !block_bound_one(name, "l1_table_offset of a snapshot", block_field_be(b, 8), 0,
                         QCOW2_MAX_HOST, error) ||
        !block_bound_one(name, "l1_table_offset of a snapshot modulo the cluster size",
                         block_field_be(b, 8) & (q->cluster_size - 1), 0, 0, error) ||
        !read_at(q, *at + FIXED, extra, n_extra, error)) {
        return NULL;
    }
    s = g_new0(struct qcow2_snapshot, 1);
    s->l1_offset = block_field_be(b, 8);
    s->l1_size = (uint32_t)block_field_be(b + 8, 4);
    s->s.date_sec = (int64_t)block_field_be(b + 16, 4);
    s->s.date_nsec = (uint32_t)block_field_be(b + 20, 4);
    s->s.vm_clock_nsec = block_field_be(b + 24, 8);
    s->s.vm_state_size = block_field_be(b + 32, 4);
    take_extra(q, s, extra, n_extra);
    s->s.id = g_malloc0(n_id + 1);
    s->s.name = g_malloc0(n_name + 1);
    *at += FIXED + n_extra;
    if (!read_at(q, *at, s->s.id, n_id, error) ||
        !read_at(q, *at + n_id, s->s.name, n_name, error)) {
        qcow2_snapshot_free(s);
        return NULL;
    }
    *at = (*at + n_id + n_name + 7) & ~7ull;
    return s;
}

bool qcow2_load_snapshots(struct qcow2 *q, GError **error)
{
    uint64_t at = q->h.snapshots_offset;

    for (uint32_t i = 0; i < q->h.n_snapshots; i++) {
        struct qcow2_snapshot *s = read_entry(q, &at, error);

        if (!s) {
            return false;
        }
        g_ptr_array_add(q->snapshots, s);
        if (!block_bound_one(q->node.filename, "size of the table of snapshots",
                             at - q->h.snapshots_offset, 0, MAX_TABLE, error)) {
            return false;
        }
    }
    return true;
}

GPtrArray *qcow2_snapshots(struct block_node *node)
{
    struct qcow2 *q = (struct qcow2 *)node;
    GPtrArray *list = block_snapshots_new();

    for (unsigned i = 0; i < q->snapshots->len; i++) {
        const struct qcow2_snapshot *from = g_ptr_array_index(q->snapshots, i);
        struct block_snapshot *s = g_memdup2(&from->s, sizeof(*s));

        s->id = g_strdup(from->s.id);
        s->name = g_strdup(from->s.name);
        g_ptr_array_add(list, s);
    }
    return list;
}

/* Writing --------------------------------------------------------------------------------------- */

static void put(GByteArray *out, unsigned size, uint64_t value)
{
    for (unsigned i = size; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (i - 1) * 8);

        g_byte_array_append(out, &byte, 1);
    }
}

static void put_entry(GByteArray *out, const struct qcow2_snapshot *s)
{
    size_t n_id = strlen(s->s.id), n_name = strlen(s->s.name);

    put(out, 8, s->l1_offset);
    put(out, 4, s->l1_size);
    put(out, 2, n_id);
    put(out, 2, n_name);
    put(out, 4, (uint64_t)s->s.date_sec);
    put(out, 4, s->s.date_nsec);
    put(out, 8, s->s.vm_clock_nsec);
    put(out, 4, s->s.vm_state_size > UINT32_MAX ? 0 : s->s.vm_state_size);
    put(out, 4, 24 + s->n_extra);
    put(out, 8, s->s.vm_state_size);
    put(out, 8, s->s.disk_size);
    put(out, 8, s->s.icount);
    g_byte_array_append(out, s->extra ? s->extra : (const uint8_t *)"", s->n_extra);
    g_byte_array_append(out, (const uint8_t *)s->s.id, (guint)n_id);
    g_byte_array_append(out, (const uint8_t *)s->s.name, (guint)n_name);
    while (out->len % 8) {
        put(out, 1, 0);
    }
}

uint64_t qcow2_snapshot_bytes(struct qcow2 *q)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint64_t at = q->h.snapshots_offset;

    /* As long as it was read: entries with less extra data are shorter than those written here. */
    for (uint32_t i = 0; i < q->h.n_snapshots; i++) {
        struct qcow2_snapshot *s = read_entry(q, &at, NULL);

        if (!s) {
            return 0;
        }
        qcow2_snapshot_free(s);
    }
    return at - q->h.snapshots_offset;
}

/* What a change of snapshots prepares. */
struct change {
    struct qcow2_header h;
    struct qcow2_refs *r, *old;
    uint64_t *l1; /* the new active table: h.l1_size entries */
};

static int begin(struct qcow2 *q, struct change *c)
{
    int ret = qcow2_settle(q);

    *c = (struct change){ .h = q->h };
    if (ret == 0 && q->node.data_file) {
        ret = -ENOTSUP;
    }
    c->r = ret == 0 ? qcow2_refs_load(q, &ret) : NULL;
    c->old = ret == 0 ? qcow2_refs_load(q, &ret) : NULL;
    return ret;
}

static void end(struct change *c)
{
    qcow2_refs_free(c->r);
    qcow2_refs_free(c->old);
    g_free(c->l1);
}

/* The table of `list` in a new place; the old place is given back. */
static int write_list(struct qcow2 *q, struct change *c, const GPtrArray *list)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    int ret = 0;

    for (unsigned i = 0; i < list->len; i++) {
        put_entry(out, g_ptr_array_index(list, i));
    }
    if (out->len > MAX_TABLE) {
        return -EFBIG;
    }
    if (q->h.n_snapshots) {
        ret = qcow2_refs_add_bytes(q, c->r, q->h.snapshots_offset, qcow2_snapshot_bytes(q), -1);
    }
    c->h.n_snapshots = list->len;
    c->h.snapshots_offset = 0;
    if (ret == 0 && list->len) {
        int64_t host = qcow2_refs_alloc(q, c->r, c->old, qcow2_clusters(q, out->len));

        c->h.snapshots_offset = (uint64_t)host;
        ret = block_node_write(q->node.file, (uint64_t)host, out->data, out->len);
    }
    return ret;
}

/* The new L1 table, in a new place, then all of it becomes valid. */
static int commit(struct qcow2 *q, struct change *c)
{
    uint64_t bytes = c->h.l1_size * 8ull, padded = qcow2_round_up(q, bytes);
    g_autofree uint64_t *entries = g_malloc0(padded);
    int ret;

    for (uint32_t i = 0; i < c->h.l1_size; i++) {
        entries[i] = GUINT64_TO_BE(c->l1[i]);
    }
    c->h.l1_offset = (uint64_t)qcow2_refs_alloc(q, c->r, c->old, padded >> q->h.cluster_bits);
    ret = block_node_write(q->node.file, c->h.l1_offset, entries, padded);
    if (ret == 0) {
        ret = qcow2_refs_commit(q, c->r, c->old, &c->h, 0);
    }
    if (ret == 0) {
        g_free(q->l1);
        q->l1 = g_steal_pointer(&c->l1);
        q->node.size = (q->h.size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    }
    return ret;
}

static bool report(struct qcow2 *q, const char *what, int ret, GError **error)
{
    if (ret == -ERANGE) {
        set_error(error,
                  "%s: Could not %s snapshot: a cluster would be shared more often than "
                  "refcount_bits=%u can count",
                  q->node.filename, what, 1u << q->h.refcount_order);
    } else if (ret == -ENOTSUP) {
        set_error(error, "%s: Could not %s snapshot: images with external data have none",
                  q->node.filename, what);
    } else if (ret != 0) {
        set_error(error, "%s: Could not %s snapshot: %s", q->node.filename, what, g_strerror(-ret));
    }
    return ret == 0;
}

/* Creating -------------------------------------------------------------------------------------- */

static uint32_t disk_entries(const struct qcow2 *q, uint64_t size, uint32_t limit)
{
    uint64_t coverage = qcow2_l2_coverage(q);

    return (uint32_t)MIN((size + coverage - 1) / coverage, limit);
}

static char *next_id(const struct qcow2 *q)
{
    uint64_t max = 0, id;

    for (unsigned i = 0; i < q->snapshots->len; i++) {
        const struct qcow2_snapshot *s = g_ptr_array_index(q->snapshots, i);

        if (parse_uint(s->s.id, 0, UINT64_MAX - 1, &id)) {
            max = MAX(max, id);
        }
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT, max + 1);
}

static struct qcow2_snapshot *new_snapshot(struct qcow2 *q, const struct block_snapshot *s)
{
    struct qcow2_snapshot *n = g_new0(struct qcow2_snapshot, 1);

    n->s = *s;
    n->s.id = s->id ? g_strdup(s->id) : next_id(q);
    n->s.name = g_strdup(s->name ? s->name : "");
    n->s.disk_size = q->h.size;
    n->l1_offset = q->h.l1_offset;
    n->l1_size = s->vm_state_size ? q->h.l1_size : MAX(disk_entries(q, q->h.size, q->h.l1_size), 1);
    return n;
}

static int create(struct qcow2 *q, const struct qcow2_snapshot *s, struct change *c)
{
    uint32_t n = disk_entries(q, q->h.size, q->h.l1_size);
    uint64_t kept = qcow2_round_up(q, s->l1_size * 8ull),
             all = qcow2_round_up(q, q->h.l1_size * 8ull);
    int ret = begin(q, c);

    if (ret == 0) {
        ret = qcow2_refs_walk(q, c->r, q->l1, 0, n, false, 1);
    }
    /* Without a machine's state, what is beyond the disk goes. */
    if (ret == 0 && s->l1_size < q->h.l1_size) {
        ret = qcow2_refs_walk(q, c->r, q->l1, MAX(n, s->l1_size), q->h.l1_size, true, -1);
    }
    if (ret == 0 && kept < all) {
        ret = qcow2_refs_add_bytes(q, c->r, q->h.l1_offset + kept, all - kept, -1);
    }
    c->l1 = g_new0(uint64_t, q->h.l1_size + 1);
    return ret == 0 ? qcow2_refs_reflag(q, c->r, c->old, q->l1, n, true, c->l1) : ret;
}

bool qcow2_snapshot_create(struct block_node *node, const struct block_snapshot *info,
                           GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct qcow2_snapshot *s = new_snapshot(q, info);
    struct change c;
    int ret;

    if (q->snapshots->len >= QCOW2_MAX_SNAPSHOTS) {
        qcow2_snapshot_free(s);
        set_error(error, "%s: there are %u snapshots already", node->filename, QCOW2_MAX_SNAPSHOTS);
        return false;
    }
    pthread_mutex_lock(&q->lock);
    ret = create(q, s, &c);
    g_ptr_array_add(q->snapshots, s);
    ret = ret == 0 ? write_list(q, &c, q->snapshots) : ret;
    ret = ret == 0 ? commit(q, &c) : ret;
    if (ret != 0) {
        g_ptr_array_remove_index(q->snapshots, q->snapshots->len - 1);
    }
    end(&c);
    pthread_mutex_unlock(&q->lock);
    return report(q, "create", ret, error);
}

/* Going back, deleting, looking ----------------------------------------------------------------- */

static struct qcow2_snapshot *find(struct qcow2 *q, const char *id)
{
    for (unsigned i = 0; i < q->snapshots->len; i++) {
        struct qcow2_snapshot *s = g_ptr_array_index(q->snapshots, i);

        if (strcmp(s->s.id, id) == 0) {
            return s;
        }
    }
    return NULL;
}

static int apply(struct qcow2 *q, const struct qcow2_snapshot *s, struct change *c)
{
    g_autofree uint64_t *l1 = NULL;
    int ret = begin(q, c);

    if (ret == 0) {
        ret = qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1);
    }
    if (ret == 0) {
        ret = qcow2_refs_walk(q, c->r, l1, 0, s->l1_size, false, 1);
    }
    if (ret == 0) {
        ret = qcow2_refs_walk(q, c->r, q->l1, 0, q->h.l1_size, true, -1);
    }
    if (ret == 0) {
        ret = qcow2_refs_add_bytes(q, c->r, q->h.l1_offset, q->h.l1_size * 8ull, -1);
    }
    c->h.size = s->s.disk_size;
    c->h.l1_size = MAX(MAX(s->l1_size, disk_entries(q, s->s.disk_size, QCOW2_MAX_L1)), 1);
    c->l1 = g_new0(uint64_t, c->h.l1_size + 1);
    return ret == 0 ? qcow2_refs_reflag(q, c->r, c->old, l1, s->l1_size, true, c->l1) : ret;
}

bool qcow2_snapshot_apply(struct block_node *node, const char *id, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct change c;
    int ret;

    if (q->bitmaps->len && find(q, id)->s.disk_size != q->h.size) {
        set_error(error, "%s: the snapshot is of another size than the bitmaps", node->filename);
        return false;
    }
    pthread_mutex_lock(&q->lock);
    ret = apply(q, find(q, id), &c);
    ret = ret == 0 ? qcow2_bitmaps_mark(q, 0, q->node.size) : ret;
    ret = ret == 0 ? commit(q, &c) : ret;
    end(&c);
    pthread_mutex_unlock(&q->lock);
    return report(q, "apply", ret, error);
}

static int delete (struct qcow2 *q, const struct qcow2_snapshot *s, struct change *c)
{
    g_autofree uint64_t *l1 = NULL;
    int ret = begin(q, c);

    if (ret == 0) {
        ret = qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1);
    }
    if (ret == 0) {
        ret = qcow2_refs_walk(q, c->r, l1, 0, s->l1_size, true, -1);
    }
    if (ret == 0) {
        ret = qcow2_refs_add_bytes(q, c->r, s->l1_offset, s->l1_size * 8ull, -1);
    }
    if (ret == 0) {
        ret = qcow2_refs_add_bytes(q, c->r, q->h.l1_offset, q->h.l1_size * 8ull, -1);
    }
    c->l1 = g_new0(uint64_t, q->h.l1_size + 1);
    return ret == 0 ? qcow2_refs_reflag(q, c->r, c->old, q->l1, q->h.l1_size, false, c->l1) : ret;
}

bool qcow2_snapshot_delete(struct block_node *node, const char *id, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    g_autoptr(GPtrArray) rest = g_ptr_array_new();
    struct qcow2_snapshot *s = find(q, id);
    struct change c;
    int ret;

    for (unsigned i = 0; i < q->snapshots->len; i++) {
        if (g_ptr_array_index(q->snapshots, i) != s) {
            g_ptr_array_add(rest, g_ptr_array_index(q->snapshots, i));
        }
    }
    pthread_mutex_lock(&q->lock);
    ret = delete (q, s, &c);
    ret = ret == 0 ? write_list(q, &c, rest) : ret;
    ret = ret == 0 ? commit(q, &c) : ret;
    if (ret == 0) {
        g_ptr_array_remove(q->snapshots, s);
    }
    end(&c);
    pthread_mutex_unlock(&q->lock);
    return report(q, "delete", ret, error);
}

bool qcow2_snapshot_load(struct block_node *node, const char *id, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    const struct qcow2_snapshot *s = find(q, id);
    uint64_t *l1;
    int ret;

    if (!node->read_only) {
        set_error(error, "%s: a snapshot is looked at read-only", node->filename);
        return false;
    }
    ret = qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1);
    if (ret != 0) {
        return report(q, "load", ret, error);
    }
    g_free(q->l1);
    q->l1 = l1;
    q->h.l1_size = s->l1_size;
    q->h.l1_offset = s->l1_offset;
    q->h.size = s->s.disk_size;
    node->size = (q->h.size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return true;
}

/*
 * Looks through the snapshot's L1 table for the time of the call, in which nothing may be written: the header
 * is not the image's.
 */
int qcow2_snapshot_vm_state_read(struct block_node *node, const char *id, uint64_t offset,
                                 const struct iovec *iov, int n)
{
    struct qcow2 *q = (struct qcow2 *)node;
    const struct qcow2_snapshot *s = find(q, id);
    struct qcow2_header now = q->h;
    uint64_t *l1 = q->l1, *then;
    bool read_only = node->read_only;
    int ret = s ? qcow2_load_l1(q, s->l1_offset, s->l1_size, &then) : -ENOENT;

    if (ret != 0) {
        return ret;
    }
    q->l1 = then;
    node->read_only = true;
    q->h.l1_size = s->l1_size;
    q->h.size = s->s.disk_size;
    ret = qcow2_vm_state_read(node, offset, iov, n);
    g_free(then);
    q->l1 = l1;
    q->h = now;
    node->read_only = read_only;
    return ret;
}
