/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_amend.c: other options for an image that is there.
 * Thread: the main one while no transfer runs.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"
#include "util/error.h"

/* clang-format off */
const struct block_option_row qcow2_amend_options[] = {
    { "backing_file",   BLOCK_OPTION_STRING, NULL, "File name of a base image" },
    { "backing_fmt",    BLOCK_OPTION_STRING, NULL, "Image format of the base image" },
    { "compat",         BLOCK_OPTION_CHOICE, NULL, "Compatibility level (v2 [0.10] or v3 [1.1])",
      .choices = "0.10|v2|1.1|v3" },
    { "data_file",      BLOCK_OPTION_STRING, NULL, "File name of an external data file" },
    { "data_file_raw",  BLOCK_OPTION_BOOL,   NULL, "The external data file must stay valid as a raw image" },
    { "lazy_refcounts", BLOCK_OPTION_BOOL,   NULL, "Postpone refcount updates" },
    { "refcount_bits",  BLOCK_OPTION_UINT,   NULL, "Width of a reference count entry in bits", .max = 64 },
    { "size",           BLOCK_OPTION_SIZE,   NULL, "Virtual disk size", .max = INT64_MAX },
    { 0 }
};
/* clang-format on */

static bool write_header(struct qcow2 *q, GError **error)
{
    int ret = qcow2_settle(q);

    if (ret == 0) {
        ret = qcow2_header_write(q->node.file, &q->h);
    }
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    if (ret != 0) {
        set_error(error, "%s: Could not update the header: %s", q->node.filename, g_strerror(-ret));
    }
    return ret == 0;
}

static void report(const struct block_progress *p, uint64_t done)
{
    if (p && p->report) {
        p->report(p->opaque, done, 1);
    }
}

/* Refcount width -------------------------------------------------------------------------------- */

static int set_width(struct qcow2 *q, unsigned order)
{
    struct qcow2_header h = q->h;
    g_autoptr(qcow2_refs) old = NULL;
    g_autoptr(qcow2_refs) kept = NULL;
    g_autoptr(qcow2_refs) r = NULL;
    int ret = qcow2_settle(q);

    old = ret == 0 ? qcow2_refs_load(q, &ret) : NULL;
    if (ret != 0) {
        return ret;
    }
    r = qcow2_refs_new(old->n, order);
    for (uint64_t i = 0; i < old->n; i++) {
        uint64_t refs = qcow2_refs_get(old, i);

        if (refs > qcow2_ref_max(order)) {
            return -ERANGE;
        }
        qcow2_ref_set(r->bytes, order, i, refs);
    }
    return qcow2_refs_commit(q, r, old, &h, 0);
}

static bool change_width(struct qcow2 *q, uint64_t bits, GError **error)
{
    int ret;

    if (!bits || bits & (bits - 1)) {
        set_error(error, "Refcount width must be a power of two and may not exceed 64 bits");
        return false;
    }
    if (q->h.version < 3 && bits != 16) {
        set_error(error,
                  "Different refcount widths than 16 bits require compatibility level 1.1 or "
                  "above (use compat=1.1 or greater)");
        return false;
    }
    pthread_mutex_lock(&q->lock);
    ret = 1u << q->h.refcount_order == bits ? 0 : set_width(q, (unsigned)__builtin_ctzll(bits));
    pthread_mutex_unlock(&q->lock);
    if (ret == -ERANGE) {
        set_error(error,
                  "Cannot decrease refcount entry width to %" G_GUINT64_FORMAT
                  " bits: a cluster is used more often than that counts",
                  bits);
    } else if (ret != 0) {
        set_error(error, "%s: %s", q->node.filename, g_strerror(-ret));
    }
    return ret == 0;
}

/* Version --------------------------------------------------------------------------------------- */

/* Version 2 has no zero clusters: they become unallocated, or clusters full of zeroes. */
static int remove_zero_clusters(struct qcow2 *q)
{
    static const uint8_t zeroes[4096];

    for (uint64_t at = 0; at < q->node.size;) {
        struct block_status st;
        struct qcow2_map m;
        int ret = qcow2_status(&q->node, at, q->node.size - at, &st);

        for (uint64_t end = at + st.bytes; ret == 0 && st.flags & BLOCK_ZERO && at < end;
             at += q->cluster_size) {
            struct qcow2_map none = { 0 };

            pthread_mutex_lock(&q->lock);
            ret = qcow2_map_get(q, at, &m);
            ret = ret == 0 ? qcow2_map_set(q, at, &none) : ret;
            if (ret == 0) {
                qcow2_free_entry(q, &m);
            }
            pthread_mutex_unlock(&q->lock);
            for (uint64_t k = at;
                 q->node.backing_name && ret == 0 && k < MIN(at + q->cluster_size, q->node.size);
                 k += sizeof(zeroes)) {
                struct iovec iov = { (void *)zeroes, MIN(sizeof(zeroes), q->node.size - k) };

                ret = qcow2_write(&q->node, k, &iov, 1);
            }
        }
        if (ret != 0) {
            return ret;
        }
        at = MAX(at, (at + (st.flags & BLOCK_ZERO ? 0 : st.bytes)));
    }
    return 0;
}

static bool downgrade(struct qcow2 *q, GError **error)
{
    int ret;

    if (q->h.incompatible & ~(uint64_t)QCOW2_DIRTY) {
        set_error(error, "Cannot downgrade an image with incompatible features set");
        return false;
    }
    if (q->h.refcount_order != 4) {
        set_error(error, "compat=0.10 requires refcount_bits=16");
        return false;
    }
    if (q->bitmaps->len) {
        set_error(error, "Cannot downgrade an image with persistent bitmaps");
        return false;
    }
    if (q->snapshots->len) {
        set_error(error, "Cannot downgrade an image with internal snapshots");
        return false;
    }
    ret = remove_zero_clusters(q);
    if (ret != 0) {
        set_error(error, "%s: %s", q->node.filename, g_strerror(-ret));
        return false;
    }
    q->h.version = 2;
    q->h.length = 72;
    q->h.compatible = q->h.autoclear = 0;
    return write_header(q, error);
}

static bool change_version(struct qcow2 *q, unsigned version, GError **error)
{
    if (version == q->h.version) {
        return true;
    }
    if (version == 2) {
        return downgrade(q, error);
    }
    q->h.version = 3;
    q->h.length = 112;
    return write_header(q, error);
}

/* The rest -------------------------------------------------------------------------------------- */

static bool change_flags(struct qcow2 *q, const struct block_options *o, GError **error)
{
    const char *lazy = block_options_get(o, "lazy_refcounts"),
               *raw = block_options_get(o, "data_file_raw");
    const char *data_file = block_options_get(o, "data_file");
    bool yes;

    if (lazy) {
        yes = block_option_bool(o, qcow2_amend_options, "lazy_refcounts");
        if (yes && q->h.version < 3) {
            set_error(error,
                      "Lazy refcounts only supported with compatibility level 1.1 and above (use "
                      "compat=1.1 or greater)");
            return false;
        }
        q->h.compatible = (q->h.compatible & ~1ull) | (yes ? QCOW2_LAZY_REFCOUNTS : 0);
    }
    if ((data_file || raw) && !q->node.data_file) {
        set_error(error, "data-file can only be set for images that use an external data file");
        return false;
    }
    if (raw) {
        yes = block_option_bool(o, qcow2_amend_options, "data_file_raw");
        if (yes && !(q->h.autoclear & QCOW2_DATA_RAW)) {
            set_error(error, "data-file-raw cannot be set on existing images");
            return false;
        }
        q->h.autoclear &= yes ? ~0ull : ~(uint64_t)QCOW2_DATA_RAW;
    }
    if (data_file) {
        g_free(q->h.data_file);
        q->h.data_file = *data_file ? g_strdup(data_file) : NULL;
    }
    return !(lazy || raw || data_file) || write_header(q, error);
}

static bool change_backing(struct qcow2 *q, const struct block_options *o, GError **error)
{
    const char *name = block_options_get(o, "backing_file"),
               *format = block_options_get(o, "backing_fmt");

    if (!name && !format) {
        return true;
    }
    name = name ? name : q->h.backing_name;
    format = format ? format : q->h.backing_format;
    if (g_strcmp0(name, q->h.backing_name) != 0 || g_strcmp0(format, q->h.backing_format) != 0) {
        set_error(error, "Cannot amend the backing file: use 'rebase' instead");
        return false;
    }
    return true;
}

bool qcow2_amend(struct block_node *node, const struct block_options *o, bool force,
                 const struct block_progress *progress, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    const char *compat = block_options_get(o, "compat");
    unsigned version = !compat                                                     ? q->h.version
                       : block_option_choice(o, qcow2_amend_options, "compat") < 2 ? 2
                                                                                   : 3;
    uint64_t size = block_option_uint(o, qcow2_amend_options, "size");

    (void)force;
    report(progress, 0);
    /* Upwards first: what follows may need version 3. */
    if ((version > q->h.version && !change_version(q, version, error)) ||
        !change_backing(q, o, error) ||
        (block_options_get(o, "refcount_bits") &&
         !change_width(q, block_option_uint(o, qcow2_amend_options, "refcount_bits"), error)) ||
        !change_flags(q, o, error) ||
        (block_options_get(o, "size") && size != node->size &&
         !block_node_truncate(node, size, BLOCK_PREALLOC_OFF, true, error)) ||
        !change_version(q, version, error)) {
        return false;
    }
    report(progress, 1);
    return true;
}
