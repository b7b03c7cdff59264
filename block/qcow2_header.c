/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/qcow2_header.c: the header of a qcow2 image and its extensions.  Thread: the main one. */
#include <string.h>
#include "block/qcow2.h"
#include "util/error.h"

#define V2_LENGTH 72u
#define V3_LENGTH 112u /* of headers made here: with the compression type */

const struct qcow2_feature qcow2_features[] = {
    /* clang-format off */
    { 0, 0, "dirty bit" },
    { 0, 1, "corrupt bit" },
    { 0, 2, "external data file" },
    { 0, 3, "compression type" },
    { 0, 4, "extended L2 entries" },
    { 1, 0, "lazy refcounts" },
    { 2, 0, "bitmaps" },
    { 2, 1, "raw external data" },
    { 0, 0, NULL }
    /* clang-format on */
};

/* clang-format off */
static const struct block_bound bounds[] = {
    { "version",                 4, 4, 2, 3 },
    { "cluster_bits",           20, 4, 9, 21 },
    { "size",                   24, 8, 0, 1ull << 61 },
    { "crypt_method",           32, 4, 0, 2 },
    { "l1_size",                36, 4, 0, QCOW2_MAX_L1 },
    { "l1_table_offset",        40, 8, 0, QCOW2_MAX_HOST },
    { "refcount_table_offset",  48, 8, 512, QCOW2_MAX_HOST },
    { "refcount_table_clusters", 56, 4, 1, QCOW2_MAX_REFTABLE / 512 },
    { "nb_snapshots",           60, 4, 0, QCOW2_MAX_SNAPSHOTS },
    { "snapshots_offset",       64, 8, 0, QCOW2_MAX_HOST },
    { 0 }
};
static const struct block_bound bounds_v3[] = {
    { "refcount_order",         96, 4, 0, 6 },
    { "header_length",         100, 4, 104, 1u << 21 },
    { 0 }
};
/* clang-format on */

void qcow2_header_clear(struct qcow2_header *h)
{
    g_free(h->backing_name);
    g_free(h->backing_format);
    g_free(h->data_file);
    if (h->others) {
        g_ptr_array_unref(h->others);
    }
    *h = (struct qcow2_header){ 0 };
}

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)block_field_be(at, 4);
}

static uint64_t be64(const uint8_t *at)
{
    return block_field_be(at, 8);
}

static void take_fields(const uint8_t *b, struct qcow2_header *h)
{
    h->version = be32(b + 4);
    h->cluster_bits = be32(b + 20);
    h->size = be64(b + 24);
    h->crypt_method = be32(b + 32);
    h->l1_size = be32(b + 36);
    h->l1_offset = be64(b + 40);
    h->reftable_offset = be64(b + 48);
    h->reftable_clusters = be32(b + 56);
    h->n_snapshots = be32(b + 60);
    h->snapshots_offset = be64(b + 64);
    h->refcount_order = 4;
    h->length = V2_LENGTH;
    if (h->version >= 3) {
        h->incompatible = be64(b + 72);
        h->compatible = be64(b + 80);
        h->autoclear = be64(b + 88);
        h->refcount_order = be32(b + 96);
        h->length = be32(b + 100);
        h->compression = h->length > 104 ? b[104] : 0;
    }
}

/* The name that the image's own table has for an incompatible feature; NULL: none. */
static char *feature_name(const uint8_t *table, uint32_t len, unsigned bit)
{
    for (uint32_t i = 0; i + 48 <= len; i += 48) {
        if (table[i] == 0 && table[i + 1] == bit) {
            return g_strndup((const char *)table + i + 2, 46);
        }
    }
    return NULL;
}

static bool refuse_unknown(const char *name, const struct qcow2_header *h, const uint8_t *table,
                           uint32_t len, GError **error)
{
    uint64_t unknown = h->incompatible & ~(uint64_t)QCOW2_INCOMPATIBLE_KNOWN;
    g_autoptr(GString) names = g_string_new(NULL);

    for (unsigned bit = 0; bit < 64; bit++) {
        if (unknown >> bit & 1) {
            g_autofree char *text = feature_name(table, len, bit);

            g_string_append(names, names->len ? ", " : "");
            if (text) {
                g_string_append(names, text);
            } else {
                g_string_append_printf(names,
                                       "Unknown incompatible feature: %" G_GINT64_MODIFIER "x",
                                       (uint64_t)1 << bit);
            }
        }
    }
    if (names->len) {
        set_error(error, "%s: Unsupported qcow2 feature(s): %s", name, names->str);
    }
    return names->len == 0;
}

static bool take_bitmaps(const char *name, const uint8_t *data, uint32_t len,
                         struct qcow2_header *h, GError **error)
{
    uint64_t cluster = 1ull << h->cluster_bits;

    if (!block_bound_one(name, "length of the bitmaps extension", len, 24, 24, error) ||
        !block_bound_one(name, "nb_bitmaps", be32(data), 1, QCOW2_MAX_BITMAPS, error) ||
        !block_bound_one(name, "bitmap_directory_size", be64(data + 8), 24, 64u << 20, error) ||
        !block_bound_one(name, "bitmap_directory_offset", be64(data + 16), cluster, QCOW2_MAX_HOST,
                         error) ||
        !block_bound_one(name, "bitmap_directory_offset modulo the cluster size",
                         be64(data + 16) & (cluster - 1), 0, 0, error)) {
        return false;
    }
    h->n_bitmaps = be32(data);
    h->bitmap_dir_size = be64(data + 8);
    h->bitmap_dir_offset = be64(data + 16);
    return true;
}

/* `features` is where the image's table of names is. */
static bool take_extensions(const char *name, const uint8_t *b, uint32_t end,
                            struct qcow2_header *h, const uint8_t **features, uint32_t *n_features,
                            GError **error)
{
    for (uint32_t at = h->length; at + 8 <= end;) {
        uint32_t type = be32(b + at), len = be32(b + at + 4);
        const uint8_t *data = b + at + 8;

        if (type == QCOW2_EXT_END) {
            break;
        }
        if (!block_bound_one(name, "length of a header extension", len, 0, end - at - 8, error)) {
            return false;
        }
        if (type == QCOW2_EXT_BACKING_FORMAT) {
            g_free(h->backing_format);
            h->backing_format = g_strndup((const char *)data, len);
        } else if (type == QCOW2_EXT_DATA_FILE) {
            g_free(h->data_file);
            h->data_file = g_strndup((const char *)data, len);
        } else if (type == QCOW2_EXT_FEATURES) {
            *features = data;
            *n_features = len;
        } else if (type == QCOW2_EXT_BITMAPS) {
            if (!take_bitmaps(name, data, len, h, error)) {
                return false;
            }
        } else {
            struct qcow2_extension *e = g_malloc(sizeof(*e) + len);

            e->type = type;
            e->len = len;
            memcpy(e->data, data, len);
            g_ptr_array_add(h->others, e);
        }
        at += 8 + ((len + 7) & ~7u);
    }
    return true;
}

static bool check_offsets(const char *name, const struct qcow2_header *h, GError **error)
{
    uint64_t cluster = 1ull << h->cluster_bits, mask = cluster - 1;

    return block_bound_one(name, "l1_table_offset", h->l1_offset, h->l1_size ? cluster : 0,
                           QCOW2_MAX_HOST, error) &&
           block_bound_one(name, "refcount_table_offset", h->reftable_offset, cluster,
                           QCOW2_MAX_HOST, error) &&
           block_bound_one(name, "snapshots_offset", h->snapshots_offset,
                           h->n_snapshots ? cluster : 0, QCOW2_MAX_HOST, error) &&
           block_bound_one(name, "l1_table_offset modulo the cluster size", h->l1_offset & mask, 0,
                           0, error) &&
           block_bound_one(name, "refcount_table_offset modulo the cluster size",
                           h->reftable_offset & mask, 0, 0, error) &&
           block_bound_one(name, "snapshots_offset modulo the cluster size",
                           h->snapshots_offset & mask, 0, 0, error) &&
           block_bound_one(name, "refcount_table_clusters", h->reftable_clusters, 1,
                           MAX(QCOW2_MAX_REFTABLE >> h->cluster_bits, 1), error) &&
           block_bound_one(name, "header_length", h->length, V2_LENGTH, cluster, error) &&
           block_bound_one(name, "compression_type", h->compression, 0, 1, error) &&
           block_bound_one(name, "the bit of compression_type",
                           (h->incompatible & QCOW2_COMPRESSION) != 0, h->compression != 0,
                           h->compression != 0, error) &&
           (!(h->incompatible & QCOW2_EXTENDED_L2) ||
            block_bound_one(name, "cluster_bits with extended L2 entries", h->cluster_bits, 14, 21,
                            error));
}

bool qcow2_header_read(struct block_node *file, const char *name, struct qcow2_header *h,
                       GError **error)
{
    uint8_t start[V3_LENGTH];
    g_autofree uint8_t *b = NULL;
    const uint8_t *features = NULL;
    uint32_t n_features = 0, end, cluster, backing_size;
    uint64_t backing_at;
    bool ok;

    *h = (struct qcow2_header){ .others = g_ptr_array_new_with_free_func(g_free) };
    if (block_node_read(file, 0, start, sizeof(start)) != 0) {
        set_error(error, "Could not read the header of '%s'", name);
        return false;
    }
    if (be32(start) != QCOW2_MAGIC) {
        set_error(error, "%s: Image is not in qcow2 format", name);
        return false;
    }
    if (!block_bounds_check(name, start, false, bounds, error) ||
        (be32(start + 4) == 3 && !block_bounds_check(name, start, false, bounds_v3, error))) {
        return false;
    }
    take_fields(start, h);
    cluster = 1u << h->cluster_bits;
    backing_at = be64(start + 8);
    backing_size = backing_at ? be32(start + 16) : 0;
    if (!check_offsets(name, h, error) ||
        !block_bound_one(name, "backing_file_size", backing_size, 0, 1023, error) ||
        !block_bound_one(name, "backing_file_offset", backing_at, 0, cluster - backing_size,
                         error)) {
        return false;
    }
    b = g_malloc0(cluster);
    if (block_node_read(file, 0, b, cluster) != 0) {
        set_error(error, "Could not read the header of '%s'", name);
        return false;
    }
    end = backing_at > h->length ? (uint32_t)backing_at : cluster;
    ok = take_extensions(name, b, end, h, &features, &n_features, error);
    if (ok && backing_at) {
        h->backing_name = g_strndup((const char *)b + backing_at, backing_size);
    }
    return ok && refuse_unknown(name, h, features, n_features, error);
}

/* Writing --------------------------------------------------------------------------------------- */

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = size; i > 0; i--, value >>= 8) {
        at[i - 1] = (uint8_t)value;
    }
}

static void put_fields(uint8_t *b, const struct qcow2_header *h)
{
    put(b, 4, QCOW2_MAGIC);
    put(b + 4, 4, h->version);
    put(b + 20, 4, h->cluster_bits);
    put(b + 24, 8, h->size);
    put(b + 32, 4, h->crypt_method);
    put(b + 36, 4, h->l1_size);
    put(b + 40, 8, h->l1_offset);
    put(b + 48, 8, h->reftable_offset);
    put(b + 56, 4, h->reftable_clusters);
    put(b + 60, 4, h->n_snapshots);
    put(b + 64, 8, h->snapshots_offset);
    if (h->version >= 3) {
        put(b + 72, 8, h->incompatible);
        put(b + 80, 8, h->compatible);
        put(b + 88, 8, h->autoclear & QCOW2_AUTOCLEAR_KNOWN);
        put(b + 96, 4, h->refcount_order);
        put(b + 100, 4, h->length);
        if (h->length > 104) {
            b[104] = h->compression;
        }
    }
}

/* False: no room. */
static bool put_extension(uint8_t *b, uint32_t *at, uint32_t end, uint32_t type, const void *data,
                          uint32_t len)
{
    uint32_t padded = (len + 7) & ~7u;

    if (*at + 8 + padded + 8 > end) {
        return false;
    }
    put(b + *at, 4, type);
    put(b + *at + 4, 4, len);
    memcpy(b + *at + 8, data, len);
    *at += 8 + padded;
    return true;
}

static bool put_string(uint8_t *b, uint32_t *at, uint32_t end, uint32_t type, const char *text)
{
    return !text || put_extension(b, at, end, type, text, (uint32_t)strlen(text));
}

static void put_features(uint8_t *b, uint32_t *at, uint32_t end)
{
    uint8_t table[48 * 16] = { 0 };
    uint32_t len = 0;

    for (const struct qcow2_feature *f = qcow2_features; f->name; f++, len += 48) {
        table[len] = f->type;
        table[len + 1] = f->bit;
        memcpy(table + len + 2, f->name, strlen(f->name));
    }
    (void)put_extension(b, at, end, QCOW2_EXT_FEATURES, table, len); /* a help, not a need */
}

static bool put_extensions(uint8_t *b, uint32_t *at, uint32_t end, const struct qcow2_header *h)
{
    uint8_t bitmaps[24] = { 0 };
    bool ok = put_string(b, at, end, QCOW2_EXT_BACKING_FORMAT, h->backing_format) &&
              put_string(b, at, end, QCOW2_EXT_DATA_FILE, h->data_file);

    if (ok && h->n_bitmaps) {
        put(bitmaps, 4, h->n_bitmaps);
        put(bitmaps + 8, 8, h->bitmap_dir_size);
        put(bitmaps + 16, 8, h->bitmap_dir_offset);
        ok = put_extension(b, at, end, QCOW2_EXT_BITMAPS, bitmaps, sizeof(bitmaps));
    }
    for (unsigned i = 0; ok && h->others && i < h->others->len; i++) {
        const struct qcow2_extension *e = g_ptr_array_index(h->others, i);

        ok = put_extension(b, at, end, e->type, e->data, e->len);
    }
    return ok;
}

int qcow2_header_write(struct block_node *file, const struct qcow2_header *h)
{
    uint32_t cluster = 1u << h->cluster_bits, at = h->length, end = cluster;
    g_autofree uint8_t *b = g_malloc0(cluster);
    uint32_t backing = h->backing_name ? (uint32_t)strlen(h->backing_name) : 0;

    /* Fields beyond the known ones stay as they are. */
    if (h->length > V3_LENGTH && block_node_read(file, 0, b, h->length) != 0) {
        return -EIO;
    }
    memset(b, 0, MIN(h->length, V3_LENGTH));
    put_fields(b, h);
    if (backing + h->length > cluster || !put_extensions(b, &at, end - backing, h)) {
        return -ENOSPC;
    }
    if (h->version >= 3) {
        put_features(b, &at, end - backing);
    }
    at += 8; /* the end mark */
    if (backing) {
        memcpy(b + at, h->backing_name, backing);
        put(b + 8, 8, at);
        put(b + 16, 4, backing);
        at += backing;
    }
    return block_node_write(file, 0, b, MIN((at + 511) & ~511u, cluster));
}
