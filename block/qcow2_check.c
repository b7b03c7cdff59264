/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_check.c: what names each cluster against what the refcounts say; repair.
 *
 * Repair takes bad entries out of the tables in place, then writes refcounts anew from what is left, which
 * becomes valid at once, then sets the COPIED bits.
 * Thread: the main one while no transfer runs.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"

/* While counting, counts are wider than the image's. */
#define WIDE_ORDER 5u

struct checker {
    struct qcow2 *q;
    struct block_check *out;
    struct qcow2_refs *r; /* what is named, and how often */
    unsigned repair;
    uint64_t bad_tables; /* entries of tables that were corrupt and (repair) are now gone */
    bool lost; /* a table cannot be read: what it names is not known, so nothing is repaired */
    uint64_t last_host; /* of the guest cluster before: fragmentation */
};

static void G_GNUC_PRINTF(2, 3) say(struct checker *c, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (c->out->print) {
        va_start(ap, fmt);
        text = g_strdup_vprintf(fmt, ap);
        va_end(ap);
        c->out->print(c->out->opaque, text);
    }
}

static bool repairs(const struct checker *c)
{
    return c->repair & BLOCK_REPAIR_ERRORS;
}

/* One more corruption; one less when it is repaired. */
static void bad_table(struct checker *c)
{
    c->bad_tables++;
    c->out->corruptions++;
}

static uint64_t file_end(const struct qcow2 *q)
{
    return qcow2_round_up(q, q->node.file->size);
}

/* Host bytes that something names.  False: they cannot be there. */
static bool count(struct checker *c, uint64_t host, uint64_t bytes)
{
    if (host < c->q->cluster_size || host > QCOW2_MAX_HOST || host + bytes > file_end(c->q)) {
        return false;
    }
    return qcow2_refs_add_bytes(c->q, c->r, host, bytes, 1) == 0;
}

static void count_metadata(struct checker *c, const char *what, uint64_t host, uint64_t bytes)
{
    if (host & (c->q->cluster_size - 1) || (bytes && host < c->q->cluster_size)) {
        say(c, "ERROR %s at offset %" G_GINT64_MODIFIER "x is not cluster aligned or in the header",
            what, host);
        c->out->corruptions++;
        c->lost = true;
    } else if (!count(c, host, bytes)) {
        /* Tables at the file's end may be longer than it: they read as zeroes. */
        if (qcow2_refs_add_bytes(c->q, c->r, host, bytes, 1) != 0) {
            say(c, "ERROR %s at offset %" G_GINT64_MODIFIER "x is outside of the file", what, host);
            c->out->corruptions++;
            c->lost = true;
        }
    }
}

/* L1 and L2 tables ------------------------------------------------------------------------------ */

/* A data cluster of the active disk: what `check` reports about them. */
static void count_data(struct checker *c, const struct qcow2_map *m)
{
    c->out->allocated_clusters++;
    if (m->compressed) {
        c->out->compressed_clusters++;
        c->out->fragmented_clusters++;
        return;
    }
    if (c->last_host && m->host != c->last_host + c->q->cluster_size) {
        c->out->fragmented_clusters++;
    }
    c->last_host = m->host;
}

/* NULL: the entry is fine, and counted. */
static const char *check_entry(struct checker *c, const struct qcow2_map *m, uint64_t guest,
                               bool active)
{
    struct qcow2 *q = c->q;
    const char *fault = qcow2_map_fault(q, m, guest);
    uint64_t host, bytes;

    if (fault) {
        return fault;
    }
    if (m->compressed) {
        qcow2_compressed_range(q, m->entry, &host, &bytes);
        if (!count(c, host, MIN(bytes, host < file_end(q) ? file_end(q) - host : bytes))) {
            return "is outside of the file";
        }
    } else if (m->has_host && !q->node.data_file &&
               qcow2_refs_add(q, c->r, m->host >> q->h.cluster_bits, 1) != 0) {
        return "is outside of the file";
    }
    if (active && (m->compressed || m->has_host)) {
        count_data(c, m);
    }
    return NULL;
}

static int check_l2(struct checker *c, uint64_t l2, uint64_t guest, bool active)
{
    struct qcow2 *q = c->q;
    g_autofree uint8_t *table = g_malloc(q->cluster_size);
    bool changed = false;
    int ret = block_node_read(q->node.file, l2, table, q->cluster_size);

    for (uint32_t k = 0; k < 1u << q->l2_bits && ret == 0; k++, guest += q->cluster_size) {
        uint8_t *at = table + k * q->entry_size;
        struct qcow2_map m;
        const char *fault;

        qcow2_map_decode(q, at, &m);
        fault = check_entry(c, &m, guest, active);
        if (fault) {
            say(c,
                "ERROR L2 entry %" G_GINT64_MODIFIER "x of guest offset %" G_GINT64_MODIFIER "x %s",
                m.entry, guest, fault);
            bad_table(c);
            if (repairs(c)) {
                memset(at, 0, q->entry_size);
                changed = true;
            }
        }
    }
    if (ret == 0 && changed) {
        qcow2_cache_forget(&q->l2, l2);
        ret = block_node_write(q->node.file, l2, table, q->cluster_size);
    }
    return ret;
}

static int check_l1(struct checker *c, uint64_t *l1, uint32_t n, uint64_t offset, bool active)
{
    struct qcow2 *q = c->q;
    int ret = 0;

    count_metadata(c, "L1 table", offset, n * 8ull);
    for (uint32_t i = 0; i < n && ret == 0; i++) {
        uint64_t l2 = l1[i] & QCOW2_OFFSET_MASK;

        if (!l2) {
            continue;
        }
        if (l2 & (q->cluster_size - 1) || !count(c, l2, q->cluster_size)) {
            uint64_t none = 0;

            say(c,
                "ERROR L1 entry %u: L2 table at %" G_GINT64_MODIFIER
                "x is not aligned or outside of the file",
                i, l2);
            bad_table(c);
            if (repairs(c)) {
                l1[i] = 0;
                ret = block_node_write(q->node.file, offset + i * 8ull, &none, 8);
            }
            continue;
        }
        ret = check_l2(c, l2, (uint64_t)i << (q->l2_bits + q->h.cluster_bits), active);
        if (ret != 0) {
            c->out->check_errors++;
            c->lost = true;
            ret = 0;
        }
    }
    return ret;
}

static int check_snapshots(struct checker *c)
{
    struct qcow2 *q = c->q;
    int ret = 0;

    if (q->h.n_snapshots != q->snapshots->len) {
        say(c, "ERROR the table of snapshots cannot be read");
        c->out->check_errors++;
        c->lost = true;
    }
    if (q->h.n_snapshots) {
        count_metadata(c, "table of snapshots", q->h.snapshots_offset,
                       MAX(qcow2_snapshot_bytes(q), 1));
    }
    for (unsigned i = 0; i < q->snapshots->len && ret == 0; i++) {
        const struct qcow2_snapshot *s = g_ptr_array_index(q->snapshots, i);
        g_autofree uint64_t *l1 = NULL;

        ret = qcow2_load_l1(q, s->l1_offset, s->l1_size, &l1);
        if (ret == 0) {
            ret = check_l1(c, l1, s->l1_size, s->l1_offset, false);
        }
    }
    return ret;
}

static void count_extensions(struct checker *c)
{
    for (unsigned i = 0; i < c->q->h.others->len; i++) {
        const struct qcow2_extension *e = g_ptr_array_index(c->q->h.others, i);

        if (e->type == QCOW2_EXT_CRYPTO && e->len >= 16) {
            count_metadata(c, "encryption header", block_field_be(e->data, 8),
                           block_field_be(e->data + 8, 8));
        }
    }
}

/* Everything but the refcounts' own clusters. */
static int count_all(struct checker *c)
{
    struct qcow2 *q = c->q;
    int ret;

    (void)qcow2_refs_add(q, c->r, 0, 1);
    ret = check_l1(c, q->l1, q->h.l1_size, q->h.l1_offset, true);
    if (ret == 0) {
        ret = check_snapshots(c);
    }
    if (q->h.n_bitmaps != q->bitmaps->len) {
        say(c, "ERROR the bitmap directory cannot be read");
        c->out->check_errors++;
        c->lost = true;
    }
    if (ret == 0 && q->h.n_bitmaps && qcow2_refs_add_bitmaps(q, c->r) != 0) {
        say(c, "ERROR the bitmaps name what is outside of the file");
        c->out->corruptions++;
        c->lost = true;
    }
    count_extensions(c);
    return ret;
}

static void count_refcounts(struct checker *c)
{
    struct qcow2 *q = c->q;
    bool lost = c->lost; /* these can be made anew */

    count_metadata(c, "refcount table", q->h.reftable_offset,
                   q->h.reftable_clusters * q->cluster_size);
    for (uint32_t i = 0; i < q->n_blocks; i++) {
        if (q->reftable[i]) {
            count_metadata(c, "refcount block", q->reftable[i], q->cluster_size);
        }
    }
    c->lost = lost;
}

/* Comparing ------------------------------------------------------------------------------------- */

/* Refcounts without a block for it, or whose block cannot be read, are 0. */
static uint64_t counted(struct checker *c, uint64_t cluster)
{
    struct qcow2 *q = c->q;
    uint64_t i = cluster >> q->block_bits, refs;

    if (i >= q->n_blocks || !q->reftable[i] || q->reftable[i] & (q->cluster_size - 1)) {
        return 0;
    }
    return qcow2_refcount(q, cluster, &refs) == 0 ? refs : 0;
}

static void compare(struct checker *c)
{
    struct qcow2 *q = c->q;
    uint64_t end = MAX(c->r->n, MIN((uint64_t)q->n_blocks << q->block_bits,
                                    qcow2_clusters(q, file_end(q)) + (1ull << q->block_bits)));

    for (uint64_t i = 0; i < end; i++) {
        uint64_t named = qcow2_refs_get(c->r, i), refs = counted(c, i);

        if (named) {
            c->out->image_end_offset = (i + 1) << q->h.cluster_bits;
        }
        if (named == refs) {
            continue;
        }
        say(c,
            "%s cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
            " reference=%" G_GUINT64_FORMAT,
            refs > named ? "Leaked" : "ERROR", i, refs, named);
        if (refs > named) {
            c->out->leaks++;
        } else {
            c->out->corruptions++;
        }
    }
}

/* COPIED bits of the active tables.  `fix`: set as the refcounts say. */
static int check_copied(struct checker *c, bool fix)
{
    struct qcow2 *q = c->q;
    g_autofree uint8_t *table = g_malloc(q->cluster_size);

    for (uint32_t i = 0; i < q->h.l1_size && !q->node.data_file; i++) {
        uint64_t l2 = q->l1[i] & QCOW2_OFFSET_MASK, entry;
        bool changed = false, alone;

        if (!l2 || l2 & (q->cluster_size - 1) ||
            block_node_read(q->node.file, l2, table, q->cluster_size) != 0) {
            continue;
        }
        alone = counted(c, l2 >> q->h.cluster_bits) == 1;
        if (alone != !!(q->l1[i] & QCOW2_COPIED)) {
            c->out->corruptions += !fix;
            say(c, "%s OFLAG_COPIED L2 cluster: l1_index=%u l1_entry=%" G_GINT64_MODIFIER "x",
                fix ? "Repairing" : "ERROR", i, q->l1[i]);
            if (fix) {
                q->l1[i] = l2 | (alone ? QCOW2_COPIED : 0);
                entry = GUINT64_TO_BE(q->l1[i]);
                if (block_node_write(q->node.file, q->h.l1_offset + i * 8ull, &entry, 8) != 0) {
                    return -EIO;
                }
            }
        }
        for (uint32_t k = 0; k < 1u << q->l2_bits; k++) {
            struct qcow2_map m;

            qcow2_map_decode(q, table + k * q->entry_size, &m);
            if (m.compressed || !m.has_host || m.host & (q->cluster_size - 1)) {
                continue;
            }
            alone = counted(c, m.host >> q->h.cluster_bits) == 1;
            if (alone != m.copied) {
                c->out->corruptions += !fix;
                say(c, "%s OFLAG_COPIED data cluster: l2_entry=%" G_GINT64_MODIFIER "x refcount=%d",
                    fix ? "Repairing" : "ERROR", m.entry,
                    (int)counted(c, m.host >> q->h.cluster_bits));
                m.copied = alone;
                qcow2_map_encode(q, &m, table + k * q->entry_size);
                changed = true;
            }
        }
        if (fix && changed) {
            qcow2_cache_forget(&q->l2, l2);
            if (block_node_write(q->node.file, l2, table, q->cluster_size) != 0) {
                return -EIO;
            }
        }
    }
    return 0;
}

/* Repair ---------------------------------------------------------------------------------------- */

/* What was counted, in the image's width, becomes what the image says. */
static int rebuild(struct checker *c)
{
    struct qcow2 *q = c->q;
    struct qcow2_header h = q->h;
    g_autoptr(qcow2_refs) narrow = NULL;
    g_autoptr(qcow2_refs) in_use = NULL;
    int ret = 0;

    /* The refcounts' own clusters are not to be written on before the header names others. */
    in_use = qcow2_refs_new(c->r->n, WIDE_ORDER);
    memcpy(in_use->bytes, c->r->bytes, c->r->n * 4);
    for (uint32_t i = 0; i < q->n_blocks; i++) {
        if (q->reftable[i]) {
            (void)qcow2_refs_add_bytes(q, in_use, q->reftable[i], q->cluster_size, 1);
        }
    }
    (void)qcow2_refs_add_bytes(q, in_use, q->h.reftable_offset,
                               q->h.reftable_clusters * q->cluster_size, 1);
    narrow = qcow2_refs_new(c->r->n, q->h.refcount_order);
    for (uint64_t i = 0; i < c->r->n && ret == 0; i++) {
        uint64_t refs = qcow2_refs_get(c->r, i);

        if (refs > qcow2_ref_max(narrow->order)) {
            ret = -ERANGE;
        } else {
            qcow2_ref_set(narrow->bytes, narrow->order, i, refs);
        }
    }
    if (ret == 0) {
        /* The old table and blocks are not counted: nothing to give back. */
        q->n_blocks = 0;
        g_clear_pointer(&q->reftable, g_free);
        ret = qcow2_refs_commit(q, narrow, in_use, &h, 0);
    }
    return ret;
}

static int mark_whole(struct qcow2 *q)
{
    uint64_t bad = QCOW2_DIRTY | QCOW2_CORRUPT;
    int ret;

    q->corrupt = false;
    if (!(q->h.incompatible & bad)) {
        return 0;
    }
    ret = block_node_flush(q->node.file);
    q->h.incompatible &= ~bad;
    return ret == 0 ? qcow2_header_write(q->node.file, &q->h) : ret;
}

static int repair(struct checker *c)
{
    struct block_check *out = c->out;
    int ret;

    if (!((out->leaks && c->repair & BLOCK_REPAIR_LEAKS) || (out->corruptions && repairs(c)) ||
          (c->q->h.incompatible & (QCOW2_DIRTY | QCOW2_CORRUPT) && repairs(c)))) {
        return 0;
    }
    if (c->lost) {
        say(c, "not repaired: with a table that is lost, what it names would be given away");
        return 0;
    }
    if (out->corruptions && !repairs(c)) {
        return 0; /* leaks alone cannot be told from what corruption hides */
    }
    if (out->leaks || out->corruptions) {
        ret = rebuild(c);
        if (ret == 0) {
            ret = check_copied(c, true);
        }
        if (ret != 0) {
            out->check_errors++;
            return ret;
        }
    }
    out->leaks_fixed = out->leaks;
    out->corruptions_fixed = out->corruptions;
    out->leaks = out->corruptions = 0;
    return out->check_errors ? 0 : mark_whole(c->q);
}

static int check(struct checker *c)
{
    struct qcow2 *q = c->q;
    g_autoptr(qcow2_refs) own = NULL;
    int ret = q->node.read_only ? 0 : qcow2_settle(q);

    if (ret == 0) {
        ret = count_all(c);
    }
    if (ret != 0) {
        return ret;
    }
    /* Repair needs the counts without those of the table and blocks of now. */
    own = qcow2_refs_new(c->r->n, WIDE_ORDER);
    memcpy(own->bytes, c->r->bytes, c->r->n * 4);
    count_refcounts(c);
    compare(c);
    ret = check_copied(c, false);
    if (ret != 0) {
        return ret;
    }
    qcow2_refs_free(c->r);
    c->r = g_steal_pointer(&own);
    return c->repair ? repair(c) : 0;
}

int qcow2_check(struct block_node *node, unsigned repair_flags, struct block_check *out)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct checker c = { .q = q, .out = out, .repair = repair_flags };
    int ret;

    c.r = qcow2_refs_new(qcow2_clusters(q, node->file->size), WIDE_ORDER);
    out->total_clusters = qcow2_clusters(q, node->size);
    pthread_mutex_lock(&q->lock);
    ret = check(&c);
    pthread_mutex_unlock(&q->lock);
    qcow2_refs_free(c.r);
    return ret;
}
