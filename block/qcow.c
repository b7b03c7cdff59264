/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow.c: QEMU's first copy-on-write image, version 1, to be read.
 *
 * Two levels of tables of 64-bit big-endian offsets; bit 63 of an entry of the second says that the
 * cluster is a raw deflate stream, whose bytes are counted in the bits above the offset.
 * Thread: see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "util/error.h"

#define HEADER_BYTES   48u
#define MAGIC          0x514649fbu
#define COMPRESSED     ((uint64_t)1 << 63)
#define MAX_NAME       1023u
#define MAX_L1_ENTRIES (1u << 24)

struct qcow {
    struct mapped_node m;
    unsigned cluster_bits, l2_bits;
    uint64_t *l1;     /* offsets of tables */
    uint64_t **l2;    /* those that were needed so far; NULL: not yet */
    uint64_t entries; /* of l1 */
};

/* clang-format off */
static const struct block_bound header_bounds[] = {
    { "version",             4, 4, 1,  1 },
    { "backing file size",  16, 4, 0,  UINT32_MAX },
    { "size",               24, 8, 0,  (uint64_t)1 << 56 },
    { "cluster_bits",       32, 1, 9,  16 },
    { "l2_bits",            33, 1, 6,  13 }, /* tables of 512 bytes to 64 KiB */
    { "crypt_method",       36, 4, 0,  2 },
    { 0 }
};
/* clang-format on */

/* Under the lock: the table of the second level, NULL and *error_number when it cannot be had. */
static const uint64_t *second_level(struct qcow *q, uint64_t index, int *ret)
{
    size_t bytes = sizeof(uint64_t) << q->l2_bits;
    g_autofree uint64_t *table = NULL;

    if (q->l2[index]) {
        return q->l2[index];
    }
    table = g_try_malloc(bytes);
    *ret = !table ? -ENOMEM
           : q->l1[index] > q->m.node.file->size
               ? -EIO
               : block_node_read(q->m.node.file, q->l1[index], table, bytes);
    if (*ret) {
        return NULL;
    }
    return q->l2[index] = g_steal_pointer(&table);
}

static int qcow_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct qcow *q = (struct qcow *)node;
    uint64_t in_cluster = offset % q->m.cluster, cluster = offset >> q->cluster_bits;
    uint64_t index = cluster >> q->l2_bits, entry = 0;
    unsigned shift = 63 - q->cluster_bits;
    int ret = 0;

    out->bytes = MIN(bytes, q->m.cluster - in_cluster);
    out->file = node->file;
    if (q->l1[index]) {
        const uint64_t *table = second_level(q, index, &ret);

        if (!table) {
            return ret;
        }
        entry = GUINT64_FROM_BE(table[cluster & (((uint64_t)1 << q->l2_bits) - 1)]);
    }
    if (entry & COMPRESSED) {
        *out = (struct mapped){
            .kind = MAPPED_COMPRESSED,
            .bytes = out->bytes,
            .file = node->file,
            .host = entry & (((uint64_t)1 << shift) - 1),
            .unit = offset - in_cluster,
            .unit_bytes = q->m.cluster,
            .tag = (entry & ~COMPRESSED) >> shift & (q->m.cluster - 1),
        };
        return 0;
    }
    out->kind = entry ? MAPPED_DATA : MAPPED_NONE;
    out->host = entry + in_cluster;
    return entry < node->file->size ? 0 : -EIO;
}

static int qcow_inflate(struct block_node *node, const struct mapped *m, uint8_t *buf)
{
    g_autofree uint8_t *in = g_malloc(m->tag);
    int ret = block_node_read(node->file, m->host, in, m->tag);

    return ret ? ret : mapped_inflate_zlib(in, m->tag, buf, m->unit_bytes, true);
}

static const struct mapped_ops qcow_ops = {
    .map = qcow_map,
    .inflate = qcow_inflate,
};

static bool read_backing_name(struct block_node *node, const uint8_t *h, GError **error)
{
    uint64_t offset = block_field_be(h + 8, 8), len = block_field_be(h + 16, 4);
    g_autofree char *name = NULL;

    if (offset == 0) {
        return true;
    }
    if (!block_bound_one(node->filename, "backing file size", len, 1, MAX_NAME, error) ||
        !block_bound_one(node->filename, "backing file offset", offset, HEADER_BYTES,
                         node->file->size, error)) {
        return false;
    }
    name = g_malloc0(len + 1);
    if (block_node_read(node->file, offset, name, len) != 0) {
        set_error(error, "%s: cannot read the name of the backing file", node->filename);
        return false;
    }
    node->backing_name = g_steal_pointer(&name);
    return true;
}

static bool read_l1(struct qcow *q, uint64_t offset, GError **error)
{
    struct block_node *node = &q->m.node;
    unsigned shift = q->cluster_bits + q->l2_bits;
    int ret;

    q->entries = (node->size + ((uint64_t)1 << shift) - 1) >> shift;
    if (!block_bound_one(node->filename, "entries of the L1 table", q->entries, 0, MAX_L1_ENTRIES,
                         error) ||
        !block_bound_one(node->filename, "l1_table_offset", offset, HEADER_BYTES, node->file->size,
                         error) ||
        !block_bound_one(node->filename, "end of the L1 table", offset + q->entries * 8, 0,
                         node->file->size, error)) {
        return false;
    }
    q->l1 = g_new(uint64_t, q->entries + 1);
    q->l2 = g_new0(uint64_t *, q->entries + 1);
    ret = block_node_read(node->file, offset, q->l1, q->entries * 8);
    if (ret) {
        set_error(error, "%s: cannot read the L1 table: %s", node->filename, g_strerror(-ret));
        return false;
    }
    for (uint64_t i = 0; i < q->entries; i++) {
        q->l1[i] = GUINT64_FROM_BE(q->l1[i]);
    }
    return true;
}

static bool qcow_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct qcow *q = (struct qcow *)node;
    uint8_t h[HEADER_BYTES];
    int ret = block_node_read(node->file, 0, h, sizeof(h));

    (void)o;
    if (ret) {
        set_error(error, "%s: cannot read the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    if (block_field_be(h, 4) != MAGIC) {
        set_error(error, "Image not in qcow format");
        return false;
    }
    if (!block_bounds_check(node->filename, h, false, header_bounds, error)) {
        return false;
    }
    if (block_field_be(h + 36, 4) != 0) {
        set_error(error, "%s: encrypted qcow images are not supported", node->filename);
        return false;
    }
    q->cluster_bits = h[32];
    q->l2_bits = h[33];
    mapped_init(&q->m, &qcow_ops, (uint64_t)1 << q->cluster_bits);
    node->size = (block_field_be(h + 24, 8) + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    node->read_only = true;
    return read_l1(q, block_field_be(h + 40, 8), error) && read_backing_name(node, h, error);
}

static void qcow_close(struct block_node *node)
{
    struct qcow *q = (struct qcow *)node;

    mapped_finish(&q->m);
    for (uint64_t i = 0; q->l2 && i < q->entries; i++) {
        g_free(q->l2[i]);
    }
    g_free(q->l2);
    g_free(q->l1);
}

static int qcow_info(struct block_node *node, struct block_image_info *out,
                     struct block_info_row *specific)
{
    (void)specific;
    out->cluster_size = ((struct qcow *)node)->m.cluster;
    out->unallocated_is_zero = !node->backing_name;
    return 0;
}

const struct block_driver block_qcow = {
    .name = "qcow",
    .summary = "QEMU's first copy-on-write image, read-only",
    .size = sizeof(struct qcow),
    .magic = "QFI\xfb\0\0\0\1",
    .n_magic = 8,
    .open = qcow_open,
    .close = qcow_close,
    .read = mapped_read,
    .status = mapped_status,
    .info = qcow_info,
};
