/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_bitmap.c: persistent dirty bitmaps.
 *
 * All bitmaps are in memory while the image is open.  Before the first change of the disk the file is told
 * that its copies of the enabled ones are in use; storing writes every bitmap in a new place.
 * Invariant: bits is NULL exactly for bitmaps that were in use when the image was opened, or whose extra
 *            data is not understood: they stay as they are.
 * Thread:    with q->lock held.
 */
#include <errno.h>
#include <string.h>
#include "block/qcow2.h"
#include "util/error.h"

#define FIXED        24u /* bytes of a directory entry before its extra data */
#define DIRTY_BITMAP 1u
#define MAX_BYTES    (64u << 20) /* of one bitmap */
#define ALL_ONES     1ull

void qcow2_bitmap_free(struct qcow2_bitmap *b)
{
    if (b) {
        g_free(b->name);
        g_free(b->extra);
        g_free(b->bits);
        g_free(b);
    }
}

static uint64_t bits_of(const struct qcow2 *q, unsigned granularity_bits)
{
    return (q->h.size + (1ull << granularity_bits) - 1) >> granularity_bits;
}

static uint64_t bytes_of(const struct qcow2_bitmap *b)
{
    return (b->n_bits + 7) / 8;
}

/* Reading --------------------------------------------------------------------------------------- */

static bool check_entry(struct qcow2 *q, const uint8_t *e, uint64_t left, GError **error)
{
    const char *name = q->node.filename;
    uint64_t size = FIXED + block_field_be(e + 18, 2) + block_field_be(e + 20, 4);

    return block_bound_one(name, "type of a bitmap", e[16], DIRTY_BITMAP, DIRTY_BITMAP, error) &&
           block_bound_one(name, "granularity_bits of a bitmap", e[17], 9, 31, error) &&
           block_bound_one(name, "name_size of a bitmap", block_field_be(e + 18, 2), 1, 1023,
                           error) &&
           block_bound_one(name, "size of a bitmap's directory entry", size, FIXED, left, error) &&
           block_bound_one(name, "flags of a bitmap", block_field_be(e + 12, 4), 0, 7, error) &&
           block_bound_one(name, "bitmap_table_size", block_field_be(e + 8, 4), 0, MAX_BYTES / 8,
                           error) &&
           block_bound_one(name, "bitmap_table_offset", block_field_be(e, 8), 0, QCOW2_MAX_HOST,
                           error) &&
           block_bound_one(name, "bitmap_table_offset modulo the cluster size",
                           block_field_be(e, 8) & (q->cluster_size - 1), 0, 0, error);
}

static struct qcow2_bitmap *take_entry(struct qcow2 *q, const uint8_t *e)
{
    struct qcow2_bitmap *b = g_new0(struct qcow2_bitmap, 1);

    b->table_offset = block_field_be(e, 8);
    b->table_size = (uint32_t)block_field_be(e + 8, 4);
    b->flags = (uint32_t)block_field_be(e + 12, 4);
    b->granularity_bits = e[17];
    b->n_extra = (uint32_t)block_field_be(e + 20, 4);
    b->extra = g_memdup2(e + FIXED, b->n_extra);
    b->name = g_strndup((const char *)e + FIXED + b->n_extra, block_field_be(e + 18, 2));
    b->n_bits = bits_of(q, b->granularity_bits);
    return b;
}

static int load_table(struct qcow2 *q, const struct qcow2_bitmap *b, uint64_t **out)
{
    return qcow2_load_l1(q, b->table_offset, b->table_size, out);
}

static int load_bits(struct qcow2 *q, struct qcow2_bitmap *b)
{
    uint64_t bytes = bytes_of(b);
    g_autofree uint64_t *table = NULL;
    int ret;

    if (bytes > MAX_BYTES || b->table_size != qcow2_clusters(q, bytes)) {
        return -EINVAL;
    }
    ret = load_table(q, b, &table);
    b->bits = g_malloc0(bytes + 8);
    for (uint32_t i = 0; i < b->table_size && ret == 0; i++) {
        uint64_t at = i * q->cluster_size, host = table[i] & QCOW2_OFFSET_MASK;
        uint64_t len = MIN(q->cluster_size, bytes - at);

        if (host & (q->cluster_size - 1)) {
            ret = -EINVAL;
        } else if (host) {
            ret = block_node_read(q->node.file, host, b->bits + at, len);
        } else if (table[i] & ALL_ONES) {
            memset(b->bits + at, 0xff, len);
        }
    }
    if (ret != 0) {
        g_clear_pointer(&b->bits, g_free);
    }
    return ret;
}

bool qcow2_load_bitmaps(struct qcow2 *q, GError **error)
{
    g_autofree uint8_t *dir = NULL;
    uint64_t at = 0;

    if (!q->h.n_bitmaps) {
        return true;
    }
    dir = g_malloc0(q->h.bitmap_dir_size + FIXED);
    if (block_node_read(q->node.file, q->h.bitmap_dir_offset, dir, q->h.bitmap_dir_size) != 0) {
        set_error(error, "%s: Could not read the bitmap directory", q->node.filename);
        return false;
    }
    for (uint32_t i = 0; i < q->h.n_bitmaps; i++) {
        struct qcow2_bitmap *b;

        if (!block_bound_one(q->node.filename, "end of the bitmap directory", at + FIXED, 0,
                             q->h.bitmap_dir_size, error) ||
            !check_entry(q, dir + at, q->h.bitmap_dir_size - at, error)) {
            return false;
        }
        b = take_entry(q, dir + at);
        g_ptr_array_add(q->bitmaps, b);
        at = (at + FIXED + b->n_extra + strlen(b->name) + 7) & ~7ull;
        /* Without the feature's bit somebody wrote who knew of no bitmaps. */
        b->flags |= q->h.autoclear & QCOW2_BITMAPS ? 0 : QCOW2_BITMAP_IN_USE;
        if (!(b->flags & QCOW2_BITMAP_IN_USE) &&
            (!b->n_extra || b->flags & QCOW2_BITMAP_EXTRA_OK) && load_bits(q, b) != 0) {
            set_error(error, "%s: Could not read bitmap '%s'", q->node.filename, b->name);
            return false;
        }
    }
    return true;
}

int qcow2_refs_add_bitmaps(struct qcow2 *q, struct qcow2_refs *r)
{
    int ret = qcow2_refs_add_bytes(q, r, q->h.bitmap_dir_offset, q->h.bitmap_dir_size, 1);

    for (unsigned i = 0; i < q->bitmaps->len && ret == 0; i++) {
        const struct qcow2_bitmap *b = g_ptr_array_index(q->bitmaps, i);
        g_autofree uint64_t *table = NULL;

        if (!b->table_offset) {
            continue;
        }
        ret = qcow2_refs_add_bytes(q, r, b->table_offset, b->table_size * 8ull, 1);
        if (ret == 0) {
            ret = load_table(q, b, &table);
        }
        for (uint32_t k = 0; k < b->table_size && ret == 0; k++) {
            if (table[k] & QCOW2_OFFSET_MASK) {
                ret = qcow2_refs_add(q, r, (table[k] & QCOW2_OFFSET_MASK) >> q->h.cluster_bits, 1);
            }
        }
    }
    return ret;
}

/* Writing --------------------------------------------------------------------------------------- */

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = size; i > 0; i--, value >>= 8) {
        at[i - 1] = (uint8_t)value;
    }
}

/* The directory in a new place, then the header; the old place is freed. */
static int write_directory(struct qcow2 *q, const GPtrArray *list)
{
    g_autoptr(GByteArray) dir = g_byte_array_new();
    uint64_t old = q->h.bitmap_dir_offset, old_clusters = qcow2_clusters(q, q->h.bitmap_dir_size);
    bool had = q->h.n_bitmaps > 0;
    struct qcow2_header h = q->h;
    int64_t host = 0;
    int ret = 0;

    for (unsigned i = 0; i < list->len; i++) {
        const struct qcow2_bitmap *b = g_ptr_array_index(list, i);
        uint32_t n_name = (uint32_t)strlen(b->name), len = (FIXED + b->n_extra + n_name + 7) & ~7u;
        uint8_t *e;

        g_byte_array_set_size(dir, dir->len + len);
        e = dir->data + dir->len - len;
        memset(e, 0, len);
        put(e, 8, b->table_offset);
        put(e + 8, 4, b->table_size);
        put(e + 12, 4, b->flags);
        e[16] = DIRTY_BITMAP;
        e[17] = (uint8_t)b->granularity_bits;
        put(e + 18, 2, n_name);
        put(e + 20, 4, b->n_extra);
        memcpy(e + FIXED, b->extra ? b->extra : (const uint8_t *)"", b->n_extra);
        memcpy(e + FIXED + b->n_extra, b->name, n_name);
    }
    if (dir->len) {
        host = qcow2_alloc(q, qcow2_clusters(q, dir->len), qcow2_clusters(q, dir->len), NULL);
        if (host < 0) {
            return (int)host;
        }
        ret = block_node_write(q->node.file, (uint64_t)host, dir->data, dir->len);
    }
    if (ret == 0) {
        ret = qcow2_write_back(q);
    }
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    h.n_bitmaps = list->len;
    h.bitmap_dir_size = dir->len;
    h.bitmap_dir_offset = (uint64_t)host;
    h.autoclear = dir->len ? h.autoclear | QCOW2_BITMAPS : h.autoclear & ~(uint64_t)QCOW2_BITMAPS;
    if (ret == 0) {
        ret = qcow2_header_write(q->node.file, &h);
    }
    if (ret == 0) {
        ret = block_node_flush(q->node.file);
    }
    if (ret == 0) {
        q->h = h;
        if (had) {
            qcow2_free_later(q, old, old_clusters);
        }
    }
    return ret;
}

static bool is_all(const uint8_t *bits, uint64_t len, uint8_t value)
{
    return len == 0 || (bits[0] == value && memcmp(bits, bits + 1, len - 1) == 0);
}

/* The bits in clusters of their own, named by *table in the file. */
static int write_bits(struct qcow2 *q, const struct qcow2_bitmap *b, uint64_t *table_offset)
{
    uint64_t bytes = bytes_of(b), n = qcow2_clusters(q, bytes);
    uint64_t clusters = qcow2_clusters(q, n * 8);
    g_autofree uint64_t *table = g_malloc0(clusters * q->cluster_size + 8);
    int64_t host;
    int ret = 0;

    for (uint64_t i = 0; i < n && ret == 0; i++) {
        uint64_t at = i * q->cluster_size, len = MIN(q->cluster_size, bytes - at);

        if (is_all(b->bits + at, len, 0)) {
            continue;
        }
        host = qcow2_alloc(q, 1, 1, NULL);
        if (host < 0) {
            return (int)host;
        }
        if (len < q->cluster_size) { /* bits beyond the disk are zero */
            ret = block_node_write_zeroes(q->node.file, (uint64_t)host, q->cluster_size, 0);
        }
        ret = ret == 0 ? block_node_write(q->node.file, (uint64_t)host, b->bits + at, len) : ret;
        table[i] = GUINT64_TO_BE((uint64_t)host);
    }
    *table_offset = 0;
    if (ret != 0 || n == 0) {
        return ret;
    }
    host = qcow2_alloc(q, clusters, clusters, NULL);
    if (host < 0) {
        return (int)host;
    }
    *table_offset = (uint64_t)host;
    return block_node_write(q->node.file, (uint64_t)host, table, clusters * q->cluster_size);
}

/* The clusters of a bitmap as the file has it. */
static void free_bits(struct qcow2 *q, uint64_t offset, uint32_t size)
{
    struct qcow2_bitmap b = { .table_offset = offset, .table_size = size };
    g_autofree uint64_t *table = NULL;

    if (!offset || load_table(q, &b, &table) != 0) {
        return;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (table[i] & QCOW2_OFFSET_MASK) {
            qcow2_free_later(q, table[i] & QCOW2_OFFSET_MASK, 1);
        }
    }
    qcow2_free_later(q, offset, qcow2_clusters(q, size * 8ull));
}

/* Every loaded bitmap in a new place, then the directory. */
static int store_all(struct qcow2 *q)
{
    g_autoptr(GArray) old = g_array_new(false, false, sizeof(struct qcow2_bitmap));
    int ret = 0;

    for (unsigned i = 0; i < q->bitmaps->len && ret == 0; i++) {
        struct qcow2_bitmap *b = g_ptr_array_index(q->bitmaps, i);

        g_array_append_vals(old, b, 1);
        if (b->bits) {
            b->flags &= ~(uint32_t)QCOW2_BITMAP_IN_USE;
            ret = write_bits(q, b, &b->table_offset);
            b->table_size = (uint32_t)qcow2_clusters(q, bytes_of(b));
        }
    }
    if (ret == 0) {
        ret = write_directory(q, q->bitmaps);
    }
    for (unsigned i = 0; i < old->len && ret == 0; i++) {
        const struct qcow2_bitmap *b = &g_array_index(old, struct qcow2_bitmap, i);

        if (b->bits) {
            free_bits(q, b->table_offset, b->table_size);
        }
    }
    q->bitmaps_in_use = q->bitmaps_in_use && ret != 0;
    return ret;
}

int qcow2_store_bitmaps(struct qcow2 *q)
{
    int ret = 0;

    pthread_mutex_lock(&q->lock);
    if (q->bitmaps_in_use) {
        ret = store_all(q);
    }
    pthread_mutex_unlock(&q->lock);
    return ret;
}

/* Tracking -------------------------------------------------------------------------------------- */

static void set_range(struct qcow2_bitmap *b, uint64_t guest, uint64_t bytes)
{
    uint64_t first = guest >> b->granularity_bits,
             last = (guest + bytes - 1) >> b->granularity_bits;

    for (uint64_t i = first; i <= last && i < b->n_bits; i++) {
        b->bits[i / 8] |= (uint8_t)(1u << i % 8);
    }
}

/* The file's copies are out of date from now on. */
static int tell_in_use(struct qcow2 *q)
{
    for (unsigned i = 0; i < q->bitmaps->len; i++) {
        struct qcow2_bitmap *b = g_ptr_array_index(q->bitmaps, i);

        b->flags |= b->flags & QCOW2_BITMAP_AUTO && b->bits ? QCOW2_BITMAP_IN_USE : 0;
    }
    q->bitmaps_in_use = true;
    return write_directory(q, q->bitmaps);
}

int qcow2_bitmaps_mark(struct qcow2 *q, uint64_t guest, uint64_t bytes)
{
    bool any = false;

    for (unsigned i = 0; i < q->bitmaps->len; i++) {
        struct qcow2_bitmap *b = g_ptr_array_index(q->bitmaps, i);

        if (b->bits && b->flags & QCOW2_BITMAP_AUTO && bytes) {
            set_range(b, guest, bytes);
            any = true;
        }
    }
    return any && !q->bitmaps_in_use ? tell_in_use(q) : 0;
}

GPtrArray *qcow2_bitmaps(struct block_node *node)
{
    struct qcow2 *q = (struct qcow2 *)node;
    GPtrArray *list = block_bitmaps_new();

    pthread_mutex_lock(&q->lock);
    for (unsigned i = 0; i < q->bitmaps->len; i++) {
        const struct qcow2_bitmap *from = g_ptr_array_index(q->bitmaps, i);
        struct block_bitmap *b = g_new0(struct block_bitmap, 1);

        b->name = g_strdup(from->name);
        b->granularity = 1u << from->granularity_bits;
        b->enabled = from->flags & QCOW2_BITMAP_AUTO;
        b->in_use = !from->bits;
        b->bits = from->n_bits;
        b->bytes = from->bits ? g_memdup2(from->bits, bytes_of(from)) : NULL;
        g_ptr_array_add(list, b);
    }
    pthread_mutex_unlock(&q->lock);
    return list;
}

/* Changes --------------------------------------------------------------------------------------- */

static struct qcow2_bitmap *find(struct qcow2 *q, const char *name)
{
    for (unsigned i = 0; i < q->bitmaps->len; i++) {
        struct qcow2_bitmap *b = g_ptr_array_index(q->bitmaps, i);

        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    return NULL;
}

static bool add(struct qcow2 *q, const struct block_bitmap_change *c, GError **error)
{
    uint32_t granularity =
        c->granularity ? c->granularity : (uint32_t)CLAMP(q->cluster_size, 4096, 65536);
    struct qcow2_bitmap *b;

    if (find(q, c->name)) {
        set_error(error, "Bitmap already exists: %s", c->name);
        return false;
    }
    if (granularity < 512 || granularity > 1u << 31 || granularity & (granularity - 1)) {
        set_error(error, "Granularity must be a power of two from 512 to 2G");
        return false;
    }
    if (!*c->name || strlen(c->name) > 1023 || q->bitmaps->len >= QCOW2_MAX_BITMAPS) {
        set_error(error,
                  "Bitmap name '%.32s' is empty or longer than 1023 bytes, or there are too many",
                  c->name);
        return false;
    }
    if (q->h.version < 3) {
        set_error(error, "Cannot store dirty bitmaps in qcow2 v2 files");
        return false;
    }
    b = g_new0(struct qcow2_bitmap, 1);
    b->name = g_strdup(c->name);
    b->granularity_bits = (uint32_t)__builtin_ctz(granularity);
    b->flags = QCOW2_BITMAP_AUTO;
    b->n_bits = bits_of(q, b->granularity_bits);
    if (bytes_of(b) > MAX_BYTES) {
        qcow2_bitmap_free(b);
        set_error(error, "Bitmap '%s' would be longer than %u bytes: give it a larger granularity",
                  c->name, MAX_BYTES);
        return false;
    }
    b->bits = g_malloc0(bytes_of(b) + 8);
    g_ptr_array_add(q->bitmaps, b);
    return true;
}

static bool merge(struct qcow2_bitmap *b, const struct block_bitmap_change *c,
                  const GPtrArray *list, GError **error)
{
    const struct block_bitmap *from = NULL;

    for (unsigned i = 0; i < list->len && !from; i++) {
        const struct block_bitmap *f = g_ptr_array_index(list, i);

        from = strcmp(f->name, c->from_name) == 0 ? f : NULL;
    }
    if (!from) {
        set_error(error, "Dirty bitmap '%s' not found", c->from_name);
        return false;
    }
    if (!from->bytes) {
        set_error(error, "Bitmap '%s' is inconsistent and cannot be used", c->from_name);
        return false;
    }
    for (uint64_t i = 0; i < from->bits; i++) {
        if (from->bytes[i / 8] >> i % 8 & 1) {
            set_range(b, i * from->granularity, from->granularity);
        }
    }
    return true;
}

static bool change_one(struct qcow2 *q, const struct block_bitmap_change *c, const GPtrArray *list,
                       GError **error)
{
    struct qcow2_bitmap *b = find(q, c->name);

    if (c->op == BLOCK_BITMAP_ADD) {
        return add(q, c, error);
    }
    if (!b) {
        set_error(error, "Dirty bitmap '%s' not found", c->name);
        return false;
    }
    if (!b->bits && c->op != BLOCK_BITMAP_REMOVE) {
        set_error(error, "Bitmap '%s' is inconsistent and cannot be used", c->name);
        return false;
    }
    switch (c->op) {
    case BLOCK_BITMAP_REMOVE:
        free_bits(q, b->table_offset, b->table_size);
        g_ptr_array_remove(q->bitmaps, b);
        return true;
    case BLOCK_BITMAP_CLEAR:
        memset(b->bits, 0, bytes_of(b));
        return true;
    case BLOCK_BITMAP_ENABLE:
        b->flags |= QCOW2_BITMAP_AUTO;
        return true;
    case BLOCK_BITMAP_DISABLE:
        b->flags &= ~(uint32_t)QCOW2_BITMAP_AUTO;
        return true;
    case BLOCK_BITMAP_REPLACE:
        memcpy(b->bits, c->bits, bytes_of(b));
        return true;
    case BLOCK_BITMAP_MERGE:
        return merge(b, c, list, error);
    default:
        return false;
    }
}

bool qcow2_bitmap_change(struct block_node *node, const struct block_bitmap_change *c,
                         GError **error)
{
    struct qcow2 *q = (struct qcow2 *)node;
    g_autoptr(GPtrArray) list =
        c->op == BLOCK_BITMAP_MERGE ? block_bitmaps(c->from ? c->from : node) : NULL;
    bool ok;
    int ret;

    pthread_mutex_lock(&q->lock);
    ok = change_one(q, c, list, error);
    if (ok) {
        ret = store_all(q);
        ret = ret == 0 ? qcow2_settle(q) : ret;
        if (ret != 0) {
            set_error(error, "%s: Could not store the bitmaps: %s", node->filename,
                      g_strerror(-ret));
            ok = false;
        }
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}
