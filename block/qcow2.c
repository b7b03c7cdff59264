/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2.c: the format qcow2: opening, closing, what it says about itself.
 * Thread: the main one; transfers are in the other files.
 */
#include "block/qcow2.h"
#include <errno.h>
#include <string.h>
#include "config.h"
#include "util/error.h"
#include "util/log.h"

/* Bytes of L2 tables and of refcount blocks that are kept. */
#define L2_CACHE_BYTES     (32u << 20)
#define BLOCKS_CACHE_BYTES (4u << 20)

/* clang-format off */
static const struct block_option_row open_options[] = {
    { "data-file",           BLOCK_OPTION_NODE, NULL, "where the guest's data is" },
    { "encrypt",             BLOCK_OPTION_TREE, NULL, "key-secret: ID of the secret; format: luks" },
    { "lazy-refcounts",      BLOCK_OPTION_BOOL, "off", "postpone refcounts (they are never late here)" },
    { "l2-cache-size",       BLOCK_OPTION_SIZE, NULL, "bytes of L2 tables kept", .max = 1u << 30 },
    { "refcount-cache-size", BLOCK_OPTION_SIZE, NULL, "bytes of refcount blocks kept", .max = 1u << 30 },
    { "cache-size",          BLOCK_OPTION_SIZE, NULL, "bytes of both", .max = 1u << 30 },
    { 0 }
};
/* clang-format on */

static void set_geometry(struct qcow2 *q)
{
    bool extended = q->h.incompatible & QCOW2_EXTENDED_L2;

    q->cluster_size = 1ull << q->h.cluster_bits;
    q->entry_size = extended ? 16 : 8;
    q->l2_bits = q->h.cluster_bits - (extended ? 4 : 3);
    q->n_sub = extended ? QCOW2_SUBCLUSTERS : 1;
    q->sub_bits = q->h.cluster_bits - (extended ? 5 : 0);
    q->block_bits = q->h.cluster_bits + 3 - q->h.refcount_order;
}

static unsigned cache_tables(const struct qcow2 *q, const struct block_options *o, const char *name,
                             uint64_t bytes)
{
    const char *given = block_options_get(o, name);
    uint64_t n = (given ? block_option_uint(o, open_options, name) : bytes) >> q->h.cluster_bits;

    return (unsigned)CLAMP(n, 4, 1u << 16);
}

/* The L1 table must describe all of the disk, and the disk fit into what offsets can say. */
static bool check_sizes(const struct qcow2 *q, GError **error)
{
    uint64_t coverage = qcow2_l2_coverage(q);
    uint64_t needed = q->h.size / coverage + (q->h.size % coverage != 0);

    return block_bound_one(q->node.filename, "l1_size", q->h.l1_size, needed, QCOW2_MAX_L1, error);
}

/* Tables beyond the end of the file would read as empty: the file was cut off. */
static bool check_places(const struct qcow2 *q, GError **error)
{
    uint64_t end = q->node.file->size ? q->node.file->size - 1 : 0;

    return block_bound_one(q->node.filename, "l1_table_offset", q->h.l1_offset, 0, end, error) &&
           block_bound_one(q->node.filename, "refcount_table_offset", q->h.reftable_offset, 0, end,
                           error);
}

static bool refuse(struct qcow2 *q, const struct block_open_options *o, GError **error)
{
    const char *name = q->node.filename;

    if (q->h.crypt_method == 1) {
        set_error(error, "%s: Unsupported qcow2 feature(s): AES encryption", name);
        return false;
    }
    if (q->h.compression == QCOW2_ZSTD && !CONFIG_ZSTD) {
        set_error(error, "%s: Unsupported qcow2 feature(s): compression type zstd", name);
        return false;
    }
    if (q->h.incompatible & QCOW2_CORRUPT && !q->node.read_only && !o->check) {
        set_error(error, "%s: qcow2: Image is corrupt; cannot be opened read/write", name);
        return false;
    }
    return true;
}

static bool open_data_file(struct qcow2 *q, const struct block_open_options *o, GError **error)
{
    g_autofree char *path = NULL;

    if (!(q->h.incompatible & QCOW2_DATA_FILE)) {
        if (block_options_get(o->options, "data-file") ||
            block_options_has_child(o->options, "data-file")) {
            set_error(error,
                      "%s: 'data-file' can only be set for images with an external data file",
                      q->node.filename);
            return false;
        }
        return true;
    }
    /* Unlike a backing file's, this name is relative to where the program runs. */
    path = q->h.data_file ? g_canonicalize_filename(q->h.data_file, NULL) : NULL;
    q->node.data_file = block_open_child(&q->node, "data-file", path, NULL, o, error);
    return q->node.data_file != NULL;
}

/* Nobody closed it: the refcounts are made anew. */
static bool repair_dirty(struct qcow2 *q, GError **error)
{
    struct block_check check = { 0 };
    int ret;

    if (!(q->h.incompatible & QCOW2_DIRTY) || q->node.read_only) {
        return true;
    }
    report_warning("qcow2 image '%s' was not closed: its refcounts are repaired", q->node.filename);
    ret = qcow2_check(&q->node, BLOCK_REPAIR_LEAKS | BLOCK_REPAIR_ERRORS, &check);
    if (ret == 0 && q->h.incompatible & QCOW2_DIRTY) {
        ret = -EIO;
    }
    if (ret != 0) {
        set_error(error, "%s: Could not repair dirty image: %s", q->node.filename,
                  g_strerror(-ret));
    }
    return ret == 0;
}

static bool load_tables(struct qcow2 *q, GError **error)
{
    int ret = qcow2_load_l1(q, q->h.l1_offset, q->h.l1_size, &q->l1);

    if (ret == 0) {
        ret = qcow2_load_reftable(q);
    }
    if (ret != 0) {
        set_error(error, "%s: Could not read the L1 or refcount table: %s", q->node.filename,
                  g_strerror(-ret));
    }
    return ret == 0;
}

static bool qcow2_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t both = block_option_uint(o->options, open_options, "cache-size");

    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->claims_changed, NULL);
    q->frees = g_array_new(false, false, sizeof(struct qcow2_free));
    q->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)qcow2_snapshot_free);
    q->bitmaps = g_ptr_array_new_with_free_func((GDestroyNotify)qcow2_bitmap_free);
    q->next_seq = 1;
    node->read_only = node->file->read_only || o->read_only;
    if (!qcow2_header_read(node->file, node->filename, &q->h, error)) {
        return false;
    }
    set_geometry(q);
    qcow2_cache_init(
        &q->l2, cache_tables(q, o->options, "l2-cache-size", both ? both * 4 / 5 : L2_CACHE_BYTES));
    qcow2_cache_init(&q->blocks, cache_tables(q, o->options, "refcount-cache-size",
                                              both ? both / 5 : BLOCKS_CACHE_BYTES));
    if (!refuse(q, o, error) || !check_sizes(q, error) || (!o->check && !check_places(q, error)) ||
        !qcow2_crypt_open(q, o, error) || !open_data_file(q, o, error) || !load_tables(q, error)) {
        return false;
    }
    node->size = (q->h.size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    node->backing_name = g_strdup(q->h.backing_name);
    node->backing_format = g_strdup(q->h.backing_format);
    if (!qcow2_load_snapshots(q, o->check ? NULL : error) && !o->check) {
        return false;
    }
    if (!o->check && !repair_dirty(q, error)) {
        return false;
    }
    return qcow2_load_bitmaps(q, o->check ? NULL : error) || o->check;
}

static int put_to_rest(struct qcow2 *q)
{
    int ret;

    if (q->node.read_only || q->corrupt) {
        return 0;
    }
    ret = qcow2_store_bitmaps(q);
    return ret == 0 ? qcow2_settle(q) : ret;
}

static void qcow2_close(struct block_node *node)
{
    struct qcow2 *q = (struct qcow2 *)node;

    if (q->l1 && q->reftable && q->l2.by_host) {
        int ret = put_to_rest(q);

        if (ret != 0) {
            report_warning("qcow2 image '%s': the last changes could not be written: %s",
                           node->filename, g_strerror(-ret));
        }
    }
    qcow2_cache_free(&q->l2);
    qcow2_cache_free(&q->blocks);
    qcow2_crypt_close(q);
    qcow2_header_clear(&q->h);
    g_free(q->l1);
    g_free(q->reftable);
    g_free(q->unpacked);
    if (q->frees) {
        g_array_unref(q->frees);
        g_ptr_array_unref(q->snapshots);
        g_ptr_array_unref(q->bitmaps);
        pthread_cond_destroy(&q->claims_changed);
        pthread_mutex_destroy(&q->lock);
    }
}

static bool qcow2_set_read_only(struct block_node *node, bool read_only, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    int ret;

    if (read_only) {
        ret = put_to_rest(q);
        if (ret != 0) {
            set_error(error, "%s: %s", node->filename, g_strerror(-ret));
        }
        return ret == 0;
    }
    if (q->h.incompatible & QCOW2_CORRUPT) {
        set_error(error, "%s: qcow2: Image is corrupt; cannot be opened read/write",
                  node->filename);
        return false;
    }
    return repair_dirty(q, error);
}

/* Whatever was read of the image is out of date. */
static void forget(struct qcow2 *q)
{
    qcow2_cache_drop(&q->l2);
    qcow2_cache_drop(&q->blocks);
    g_clear_pointer(&q->l1, g_free);
    g_clear_pointer(&q->reftable, g_free);
    g_clear_pointer(&q->unpacked, g_free);
    q->unpacked_entry = q->free_hint = q->compressed_at = 0;
    q->l1_dirty_from = q->l1_dirty_to = 0;
    q->bitmaps_in_use = false;
    g_array_set_size(q->frees, 0);
    g_ptr_array_set_size(q->snapshots, 0);
    g_ptr_array_set_size(q->bitmaps, 0);
}

static bool read_anew(struct qcow2 *q, GError **error)
{
    struct qcow2_header h = { 0 };

    if (!qcow2_header_read(q->node.file, q->node.filename, &h, error)) {
        return false;
    }
    if (h.cluster_bits != q->h.cluster_bits || h.crypt_method != q->h.crypt_method ||
        (h.incompatible ^ q->h.incompatible) & (QCOW2_DATA_FILE | QCOW2_EXTENDED_L2)) {
        qcow2_header_clear(&h);
        set_error(error, "%s: it is another image now", q->node.filename);
        return false;
    }
    forget(q);
    qcow2_header_clear(&q->h);
    q->h = h;
    set_geometry(q);
    if (!check_sizes(q, error) || !check_places(q, error) || !load_tables(q, error)) {
        return false;
    }
    q->node.size = (q->h.size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return qcow2_load_snapshots(q, error) && repair_dirty(q, error) && qcow2_load_bitmaps(q, error);
}

static bool qcow2_set_active(struct block_node *node, bool active, GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;

    return active ? read_anew(q, error) : qcow2_set_read_only(node, true, error);
}

static void info_bitmaps(const struct qcow2 *q, struct block_info_row *specific)
{
    struct block_info_row *list = q->bitmaps->len ? block_info_list(specific, "bitmaps") : NULL;

    for (unsigned i = 0; i < q->bitmaps->len; i++) {
        const struct qcow2_bitmap *b = g_ptr_array_index(q->bitmaps, i);
        struct block_info_row *row = block_info_tree(list, NULL);
        struct block_info_row *flags = block_info_list(row, "flags");

        if (b->flags & QCOW2_BITMAP_IN_USE) {
            block_info_string(flags, NULL, "in-use");
        }
        if (b->flags & QCOW2_BITMAP_AUTO) {
            block_info_string(flags, NULL, "auto");
        }
        block_info_string(row, "name", b->name);
        block_info_uint(row, "granularity", 1ull << b->granularity_bits);
    }
}

static int qcow2_info(struct block_node *node, struct block_image_info *out,
                      struct block_info_row *specific)
{
    struct qcow2 *q = (struct qcow2 *)node;
    uint64_t coverage = qcow2_l2_coverage(q);

    out->cluster_size = q->cluster_size;
    out->dirty = q->h.incompatible & QCOW2_DIRTY;
    out->vm_state_offset = (q->h.size + coverage - 1) / coverage * coverage;
    out->unallocated_is_zero = !node->backing_name;
    block_info_string(specific, "compat", q->h.version == 2 ? "0.10" : "1.1");
    block_info_string(specific, "compression-type", q->h.compression ? "zstd" : "zlib");
    if (q->h.version >= 3) {
        block_info_bool(specific, "lazy-refcounts", q->h.compatible & QCOW2_LAZY_REFCOUNTS);
        info_bitmaps(q, specific);
    }
    block_info_uint(specific, "refcount-bits", 1u << q->h.refcount_order);
    qcow2_crypt_info(q, out, specific);
    if (q->h.version >= 3) {
        if (q->node.data_file) {
            block_info_string(specific, "data-file", q->h.data_file);
            block_info_bool(specific, "data-file-raw", q->h.autoclear & QCOW2_DATA_RAW);
        }
        block_info_bool(specific, "corrupt", q->h.incompatible & QCOW2_CORRUPT);
        block_info_bool(specific, "extended-l2", q->h.incompatible & QCOW2_EXTENDED_L2);
    }
    return 0;
}

/* Version 1 is another format, with the same magic. */
static int qcow2_probe(const uint8_t head[BLOCK_PROBE_BYTES], const char *filename)
{
    (void)filename;
    return block_field_be(head, 4) == QCOW2_MAGIC && block_field_be(head + 4, 4) >= 2 ? 100 : 0;
}

static bool qcow2_change_backing(struct block_node *node, const char *name, const char *format,
                                 GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    struct qcow2_header h = q->h;
    int ret;

    if (name && strlen(name) > 1023) {
        set_error(error, "%s: the name of the backing file is longer than 1023 bytes",
                  node->filename);
        return false;
    }
    if (name && q->h.autoclear & QCOW2_DATA_RAW) {
        set_error(error, "%s: Cannot have a backing file with data_file_raw", node->filename);
        return false;
    }
    h.backing_name = (char *)name;
    h.backing_format = name ? (char *)format : NULL;
    ret = qcow2_header_write(node->file, &h);
    if (ret == 0) {
        ret = block_node_flush(node->file);
    }
    if (ret != 0) {
        set_error(error, "%s: Could not update the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    g_free(q->h.backing_name);
    g_free(q->h.backing_format);
    q->h.backing_name = g_strdup(name);
    q->h.backing_format = g_strdup(name ? format : NULL);
    return true;
}

const struct block_driver block_qcow2 = {
    .name = "qcow2",
    .summary = "QEMU's copy-on-write image",
    .size = sizeof(struct qcow2),
    .probe = qcow2_probe,
    .open_options = open_options,
    .create_options = qcow2_create_options,
    .amend_options = qcow2_amend_options,
    .open = qcow2_open,
    .close = qcow2_close,
    .set_read_only = qcow2_set_read_only,
    .set_active = qcow2_set_active,
    .create = qcow2_create,
    .read = qcow2_read,
    .write = qcow2_write,
    .flush = qcow2_flush,
    .discard = qcow2_discard,
    .write_zeroes = qcow2_write_zeroes,
    .write_compressed = qcow2_write_compressed,
    .pack = qcow2_pack,
    .write_packed = qcow2_write_packed,
    .status = qcow2_status,
    .truncate = qcow2_truncate,
    .info = qcow2_info,
    .check = qcow2_check,
    .change_backing = qcow2_change_backing,
    .make_empty = qcow2_make_empty,
    .amend = qcow2_amend,
    .measure = qcow2_measure,
    .snapshots = qcow2_snapshots,
    .snapshot_create = qcow2_snapshot_create,
    .snapshot_apply = qcow2_snapshot_apply,
    .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_load = qcow2_snapshot_load,
    .vm_state_read = qcow2_vm_state_read,
    .vm_state_write = qcow2_vm_state_write,
    .snapshot_vm_state_read = qcow2_snapshot_vm_state_read,
    .bitmaps = qcow2_bitmaps,
    .bitmap_change = qcow2_bitmap_change,
};
