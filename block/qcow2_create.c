/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_create.c: new images, and how large they would be.
 * Thread: the main one.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "block/luks.h"
#include "block/qcow2.h"
#include "util/error.h"

/* clang-format off */
const struct block_option_row qcow2_create_options[] = {
    { "backing_file",     BLOCK_OPTION_STRING, NULL,   "File name of a base image" },
    { "backing_fmt",      BLOCK_OPTION_STRING, NULL,   "Image format of the base image" },
    { "cluster_size",     BLOCK_OPTION_SIZE,   "65536", "qcow2 cluster size", .max = UINT32_MAX },
    { "compat",           BLOCK_OPTION_CHOICE, "1.1",  "Compatibility level (v2 [0.10] or v3 [1.1])",
      .choices = "0.10|v2|1.1|v3" },
    { "compression_type", BLOCK_OPTION_CHOICE, "zlib",
      "Compression method used for image cluster compression", .choices = "zlib|zstd" },
    { "data_file",        BLOCK_OPTION_STRING, NULL,   "File name of an external data file" },
    { "data_file_raw",    BLOCK_OPTION_BOOL,   "off",
      "The external data file must stay valid as a raw image" },
    { "encrypt.cipher-alg",     BLOCK_OPTION_STRING, NULL, "Name of encryption cipher algorithm" },
    { "encrypt.cipher-mode",    BLOCK_OPTION_STRING, NULL, "Name of encryption cipher mode" },
    { "encrypt.format",         BLOCK_OPTION_CHOICE, NULL,
      "Encrypt the image, format choices: 'aes', 'luks'", .choices = "aes|luks" },
    { "encrypt.hash-alg",       BLOCK_OPTION_STRING, NULL, "Name of encryption hash algorithm" },
    { "encrypt.iter-time",      BLOCK_OPTION_UINT,   NULL, "Time to spend in PBKDF in milliseconds",
      .max = 60000 },
    { "encrypt.ivgen-alg",      BLOCK_OPTION_STRING, NULL, "Name of IV generator algorithm" },
    { "encrypt.ivgen-hash-alg", BLOCK_OPTION_STRING, NULL, "Name of IV generator hash algorithm" },
    { "encrypt.key-secret",     BLOCK_OPTION_STRING, NULL,
      "ID of secret providing qcow AES key or LUKS passphrase" },
    { "encryption",       BLOCK_OPTION_BOOL,   NULL,
      "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)" },
    { "extended_l2",      BLOCK_OPTION_BOOL,   "off",  "Extended L2 tables" },
    { "lazy_refcounts",   BLOCK_OPTION_BOOL,   "off",  "Postpone refcount updates" },
    { "preallocation",    BLOCK_OPTION_CHOICE, "off",
      "Preallocation mode (allowed values: off, metadata, falloc, full)",
      .choices = "off|metadata|falloc|full" },
    { "refcount_bits",    BLOCK_OPTION_UINT,   "16",   "Width of a reference count entry in bits",
      .max = UINT32_MAX },
    { "size",             BLOCK_OPTION_SIZE,   "0",    "Virtual disk size", .max = INT64_MAX },
    { 0 }
};
/* clang-format on */

static bool is_power(uint64_t value, uint64_t min, uint64_t max)
{
    return value >= min && value <= max && (value & (value - 1)) == 0;
}

static bool say(GError **error, const char *text)
{
    set_error(error, "%s", text);
    return false;
}

/* What a version 2 header cannot say. */
static bool check_version(const struct qcow2_header *h, GError **error)
{
    if (h->version >= 3) {
        return true;
    }
    if (h->refcount_order != 4) {
        return say(error,
                   "Different refcount widths than 16 bits require compatibility level 1.1 or "
                   "above (use compat=1.1 or greater)");
    }
    if (h->compatible || h->incompatible || h->autoclear) {
        return say(error,
                   "Lazy refcounts, extended L2 entries, external data files and compression "
                   "type zstd are only supported with compatibility level 1.1 and above (use "
                   "compat=1.1 or greater)");
    }
    return true;
}

static bool take_options(const struct block_options *o, struct qcow2_header *h, GError **error)
{
    const struct block_option_row *rows = qcow2_create_options;
    uint64_t cluster = block_option_uint(o, rows, "cluster_size");
    uint64_t bits = block_option_uint(o, rows, "refcount_bits");

    if (!is_power(cluster, 512, 2u << 20)) {
        return say(error, "Cluster size must be a power of two between 512 and 2048k");
    }
    if (!is_power(bits, 1, 64)) {
        return say(error, "Refcount width must be a power of two and may not exceed 64 bits");
    }
    h->version = block_option_choice(o, rows, "compat") < 2 ? 2 : 3;
    h->length = h->version == 2 ? 72 : 112;
    h->cluster_bits = (uint32_t)__builtin_ctzll(cluster);
    h->refcount_order = (uint32_t)__builtin_ctzll(bits);
    h->compression = (uint8_t)block_option_choice(o, rows, "compression_type");
    h->backing_name = g_strdup(block_options_get(o, "backing_file"));
    h->backing_format = g_strdup(block_options_get(o, "backing_fmt"));
    h->data_file = g_strdup(block_options_get(o, "data_file"));
    if (h->backing_name && !*h->backing_name) {
        g_clear_pointer(&h->backing_name, g_free);
    }
    h->incompatible |= h->compression ? QCOW2_COMPRESSION : 0;
    h->incompatible |= h->data_file ? QCOW2_DATA_FILE : 0;
    h->incompatible |= block_option_bool(o, rows, "extended_l2") ? QCOW2_EXTENDED_L2 : 0;
    h->compatible |= block_option_bool(o, rows, "lazy_refcounts") ? QCOW2_LAZY_REFCOUNTS : 0;
    h->autoclear |= block_option_bool(o, rows, "data_file_raw") ? QCOW2_DATA_RAW : 0;
    if (h->incompatible & QCOW2_EXTENDED_L2 && cluster < 16384) {
        return say(error, "Extended L2 entries are only supported with cluster sizes of at least "
                          "16384 bytes");
    }
    if (h->backing_format && *h->backing_format && !h->backing_name) {
        return say(error, "Backing format cannot be used without backing file");
    }
    if (h->autoclear & QCOW2_DATA_RAW && !h->data_file) {
        return say(error, "data-file-raw requires data-file");
    }
    if (h->autoclear & QCOW2_DATA_RAW && h->backing_name) {
        return say(error, "Backing file and data_file_raw cannot be used at the same time");
    }
    if (h->backing_name && !(h->incompatible & QCOW2_EXTENDED_L2) &&
        block_option_choice(o, rows, "preallocation")) {
        return say(error, "Backing file and preallocation can only be used at the same time if "
                          "extended_l2 is enabled");
    }
    return check_version(h, error);
}

/* The metadata of an empty disk: header, L1 table, refcounts. */
static int write_empty(struct block_node *file, struct qcow2_header *h, const struct luks *l)
{
    struct qcow2 q = { .node = { .file = file, .filename = file->filename }, .h = *h };
    g_autoptr(qcow2_refs) r = NULL;
    g_autofree uint8_t *zeroes = NULL;
    int ret;

    q.cluster_size = 1ull << h->cluster_bits;
    qcow2_cache_init(&q.l2, 4);
    qcow2_cache_init(&q.blocks, 4);
    r = qcow2_refs_new(64, h->refcount_order);
    qcow2_ref_set(r->bytes, r->order, 0, 1);
    h->l1_offset = (uint64_t)qcow2_refs_alloc(&q, r, NULL, qcow2_clusters(&q, h->l1_size * 8ull));
    if (l) {
        qcow2_crypt_place(
            l, h,
            (uint64_t)qcow2_refs_alloc(&q, r, NULL, qcow2_clusters(&q, qcow2_crypt_bytes(l))));
    }
    zeroes = g_malloc0(qcow2_round_up(&q, h->l1_size * 8ull));
    ret = block_node_write(file, h->l1_offset, zeroes, qcow2_round_up(&q, h->l1_size * 8ull));
    if (ret == 0) {
        ret = qcow2_refs_commit(&q, r, NULL, h, 1);
    }
    qcow2_cache_free(&q.l2);
    qcow2_cache_free(&q.blocks);
    g_free(q.reftable);
    return ret;
}

static bool make_data_file(const struct block_create *c, const struct qcow2_header *h,
                           GError **error)
{
    const char *path = h->data_file; /* relative to where the program runs */
    g_autoptr(block_options) none = block_options_new();

    return access(path, F_OK) == 0 || block_create("raw", path, none, c->graph, error);
}

/* The new image, opened without its backing file, for what takes the format to do. */
static bool finish(const struct block_create *c, enum block_prealloc prealloc, GError **error)
{
    g_autoptr(block_options) none = block_options_new();
    struct block_open_options o = { .filename = c->filename, .options = none, .no_io = true };
    struct block_node *node = block_node_new(&block_qcow2, block_node_ref(c->file), &o, error);
    bool ok = node != NULL;

    if (ok && node->data_file && node->data_file->size != c->size) {
        ok = block_node_truncate(node->data_file, c->size, BLOCK_PREALLOC_OFF, true, error);
    }
    if (ok && prealloc) {
        ok = qcow2_preallocate((struct qcow2 *)node, 0, c->size, prealloc, error);
    }
    if (ok && block_node_flush(node) != 0) {
        set_error(error, "%s: could not be flushed", c->filename);
        ok = false;
    }
    block_node_close(node);
    return ok;
}

static uint64_t l1_entries(const struct qcow2_header *h, uint64_t size)
{
    unsigned bits = h->cluster_bits * 2 - (h->incompatible & QCOW2_EXTENDED_L2 ? 4 : 3);

    return (size + (1ull << bits) - 1) >> bits;
}

bool qcow2_create(const struct block_create *c, GError **error)
{
    struct qcow2_header h = { 0 };
    enum block_prealloc prealloc =
        block_option_choice(c->options, qcow2_create_options, "preallocation");
    uint64_t entries;
    struct luks *l = NULL;
    bool ok = take_options(c->options, &h, error) && qcow2_crypt_options(c->options, &h, &l, error);
    int ret;

    h.size = c->size;
    entries = ok ? l1_entries(&h, c->size) : 0;
    if (ok && entries > QCOW2_MAX_L1) {
        ok = say(error, "The image size is too large for file format 'qcow2' (try using a larger "
                        "cluster size)");
    }
    h.l1_size = (uint32_t)MAX(entries, 1);
    ok = ok && (!h.data_file || make_data_file(c, &h, error));
    if (ok) {
        ret = write_empty(c->file, &h, l);
        if (ret != 0) {
            set_error(error, "%s: Could not write the metadata: %s", c->filename, g_strerror(-ret));
            ok = false;
        }
    }
    ok = ok && (!l || qcow2_crypt_write(l, &h, c, error));
    ok = ok && ((!prealloc && !h.data_file) || finish(c, prealloc, error));
    luks_free(l);
    qcow2_header_clear(&h);
    return ok;
}

/* Measuring ------------------------------------------------------------------------------------- */

static uint64_t up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Bytes of the refcount table and blocks that count `clusters` and themselves. */
static uint64_t refcount_bytes(const struct qcow2_header *h, uint64_t clusters)
{
    uint64_t cluster = 1ull << h->cluster_bits, per_block = cluster * 8 >> h->refcount_order;
    uint64_t blocks = 0, table = 0, last;

    do {
        last = blocks + table;
        blocks = (clusters + table + blocks + per_block - 1) / per_block;
        table = up(blocks * 8, cluster) / cluster;
    } while (blocks + table != last);
    return (blocks + table) * cluster;
}

/* Bytes of `from` that the new image has to hold, in whole clusters. */
static uint64_t bytes_to_hold(struct block_node *from, uint64_t cluster)
{
    uint64_t sum = 0, counted = 0;

    for (uint64_t at = 0; at < from->size;) {
        struct block_status st;

        if (block_node_status_above(from, NULL, at, from->size - at, &st) != 0) {
            return from->size;
        }
        if (st.flags & BLOCK_DATA && !(st.flags & BLOCK_ZERO)) {
            uint64_t start = MAX(at / cluster * cluster, counted), end = up(at + st.bytes, cluster);

            sum += end > start ? end - start : 0;
            counted = MAX(counted, end);
        }
        at += st.bytes;
    }
    return sum;
}

static uint64_t bitmap_bytes(struct block_node *from, uint64_t cluster)
{
    g_autoptr(GPtrArray) list = block_bitmaps(from);
    uint64_t sum = 0, directory = 0;

    for (unsigned i = 0; i < list->len; i++) {
        const struct block_bitmap *b = g_ptr_array_index(list, i);
        uint64_t bytes = up((b->bits + 7) / 8, cluster);

        sum += bytes + up(bytes / cluster * 8, cluster);
        directory += up(24 + strlen(b->name), 8);
    }
    return sum + up(directory, cluster);
}

bool qcow2_measure(const struct block_options *options, struct block_node *from,
                   struct block_measure *out, GError **error)
{
    struct qcow2_header h = { 0 };
    struct luks *l = NULL;
    bool ok = take_options(options, &h, error) && qcow2_crypt_options(options, &h, &l, error);
    uint64_t size = from ? from->size : block_option_uint(options, qcow2_create_options, "size");
    uint64_t cluster = 1ull << h.cluster_bits, meta, data;

    if (ok) {
        size = up(size, 512);
        meta = cluster + up(l1_entries(&h, size) * 8, cluster) + l1_entries(&h, size) * cluster +
               up(qcow2_crypt_bytes(l), cluster);
        data = up(size, cluster);
        meta += refcount_bytes(&h, (meta + data) / cluster);
        if (h.data_file) {
            data = 0;
        }
        out->fully_allocated = meta + data;
        out->required = meta;
        if (!h.data_file &&
            block_option_choice(options, qcow2_create_options, "preallocation") >= 2) {
            out->required = out->fully_allocated;
        } else if (from && !h.data_file) {
            out->required = meta + bytes_to_hold(from, cluster);
        }
        if (from && from->driver->bitmaps && h.version >= 3) {
            out->has_bitmaps = true;
            out->bitmaps = bitmap_bytes(from, cluster);
        }
    }
    luks_free(l);
    qcow2_header_clear(&h);
    return ok;
}
