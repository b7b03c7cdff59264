/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/parallels.c: Parallels' expandable image: a header, a table of clusters, clusters
 * ("Parallels Expandable Image File Format", docs/interop of QEMU's manual).
 *
 * Writable images carry a mark while they are open, which close takes away.
 * Thread: see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "util/error.h"

#define HEADER_BYTES   64u
#define MAGIC_SECTORS  "WithoutFreeSpace" /* the table's unit is the sector */
#define MAGIC_CLUSTERS "WithouFreSpacExt" /* ... the cluster */
#define MAGIC_BYTES    16
#define IN_USE         0x746f6e59u
#define CLOSED         0x312e3276u
#define IN_USE_OFFSET  44
#define MAX_ENTRIES    (1u << 28)

struct parallels {
    struct mapped_node m;
    uint32_t *table, entries;
    uint64_t unit, data_offset, end; /* end: of the last cluster in the file */
    bool was_in_use, marked;
};

/* clang-format off */
static const struct block_bound header_bounds[] = {
    { "version",        16, 4, 2, 2 },
    { "tracks",         28, 4, 1, INT32_MAX / BLOCK_SECTOR },
    { "nb_bat_entries", 32, 4, 0, MAX_ENTRIES },
    { 0 }
};

static const struct block_option_row create_rows[] = {
    { "cluster_size", BLOCK_OPTION_SIZE, "1048576", "Parallels image cluster size", BLOCK_SECTOR,
      1u << 30 },
    { 0 }
};
/* clang-format on */

static int parallels_map(struct block_node *node, uint64_t offset, uint64_t bytes,
                         struct mapped *out)
{
    struct parallels *p = (struct parallels *)node;
    uint64_t in_cluster = offset % p->m.cluster, host;
    uint32_t entry = p->table[offset / p->m.cluster];

    out->bytes = MIN(bytes, p->m.cluster - in_cluster);
    if (entry == 0) {
        out->kind = MAPPED_NONE;
        return 0;
    }
    host = entry * p->unit;
    out->kind = MAPPED_DATA;
    out->file = node->file;
    out->host = host + in_cluster;
    return host >= p->data_offset && host < p->end ? 0 : -EIO;
}

static int parallels_allocate(struct block_node *node, uint64_t offset, struct mapped *out)
{
    struct parallels *p = (struct parallels *)node;

    (void)offset;
    if (p->end / p->unit > UINT32_MAX) {
        return -ENOSPC;
    }
    out->file = node->file;
    out->host = p->end;
    out->tag = p->end / p->unit;
    return 0;
}

static int parallels_publish(struct block_node *node, uint64_t offset, const struct mapped *m)
{
    struct parallels *p = (struct parallels *)node;
    uint64_t index = offset / p->m.cluster;
    uint32_t entry = GUINT32_TO_LE((uint32_t)m->tag);
    int ret = block_node_write(node->file, HEADER_BYTES + index * 4, &entry, sizeof(entry));

    if (ret == 0) {
        p->table[index] = (uint32_t)m->tag;
        p->end += p->m.cluster;
    }
    return ret;
}

static const struct mapped_ops parallels_ops = {
    .map = parallels_map,
    .allocate = parallels_allocate,
    .publish = parallels_publish,
};

static int mark(struct block_node *node, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    return block_node_write(node->file, IN_USE_OFFSET, &value, sizeof(value));
}

/* The node has become writable, or will no longer be. */
static bool set_mark(struct block_node *node, bool writable, GError **error)
{
    struct parallels *p = (struct parallels *)node;
    int ret = p->marked == writable ? 0 : mark(node, writable ? IN_USE : CLOSED);

    if (ret) {
        set_error(error, "%s: cannot write the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    p->marked = writable;
    return true;
}

static bool take_sizes(struct parallels *p, const uint8_t *h, GError **error)
{
    struct block_node *node = &p->m.node;
    bool in_sectors = memcmp(h, MAGIC_SECTORS, MAGIC_BYTES) == 0;
    uint64_t sectors = block_field_le(h + 36, in_sectors ? 4 : 8);
    uint64_t table_end, file_end;

    p->unit = in_sectors ? BLOCK_SECTOR : p->m.cluster;
    p->entries = (uint32_t)block_field_le(h + 32, 4);
    if (!block_bound_one(node->filename, "nb_sectors", sectors, 0,
                         p->entries * (p->m.cluster / BLOCK_SECTOR), error)) {
        return false;
    }
    node->size = sectors * BLOCK_SECTOR;
    table_end = HEADER_BYTES + (uint64_t)p->entries * 4;
    p->data_offset = block_field_le(h + 48, 4) * BLOCK_SECTOR;
    if (p->data_offset == 0) {
        p->data_offset = (table_end + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    }
    if (!block_bound_one(node->filename, "end of the BAT", table_end, 0,
                         MIN(node->file->size, p->data_offset), error)) {
        return false;
    }
    file_end = MAX(node->file->size, p->data_offset) - p->data_offset;
    p->end = p->data_offset + (file_end + p->m.cluster - 1) / p->m.cluster * p->m.cluster;
    return true;
}

static bool parallels_open(struct block_node *node, const struct block_open_options *o,
                           GError **error)
{
    struct parallels *p = (struct parallels *)node;
    uint8_t h[HEADER_BYTES];
    int ret = block_node_read(node->file, 0, h, sizeof(h));

    (void)o;
    if (ret) {
        set_error(error, "%s: cannot read the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    if (memcmp(h, MAGIC_SECTORS, MAGIC_BYTES) != 0 && memcmp(h, MAGIC_CLUSTERS, MAGIC_BYTES) != 0) {
        set_error(error, "Image not in Parallels format");
        return false;
    }
    if (!block_bounds_check(node->filename, h, true, header_bounds, error)) {
        return false;
    }
    mapped_init(&p->m, &parallels_ops, block_field_le(h + 28, 4) * BLOCK_SECTOR);
    if (!take_sizes(p, h, error)) {
        return false;
    }
    node->read_only = node->file->read_only;
    p->was_in_use = block_field_le(h + IN_USE_OFFSET, 4) == IN_USE;
    p->table = mapped_read_table32(node->file, HEADER_BYTES, p->entries, true, "BAT", error);
    return p->table && (node->read_only || set_mark(node, true, error));
}

static bool parallels_set_read_only(struct block_node *node, bool read_only, GError **error)
{
    return set_mark(node, !read_only, error);
}

static void parallels_close(struct block_node *node)
{
    struct parallels *p = (struct parallels *)node;

    if (p->marked && !node->file->read_only) {
        (void)mark(node, CLOSED);
    }
    mapped_finish(&p->m);
    g_free(p->table);
}

static int parallels_info(struct block_node *node, struct block_image_info *out,
                          struct block_info_row *specific)
{
    struct parallels *p = (struct parallels *)node;

    (void)specific;
    out->cluster_size = p->m.cluster;
    out->dirty = p->was_in_use;
    out->unallocated_is_zero = true;
    return 0;
}

static bool parallels_create(const struct block_create *c, GError **error)
{
    uint64_t cluster = block_option_uint(c->options, create_rows, "cluster_size");
    uint64_t entries, data, bytes;
    g_autofree uint8_t *h = NULL;
    int ret;

    if (cluster % BLOCK_SECTOR) {
        set_error(error, "Cluster size must be a multiple of 512");
        return false;
    }
    entries = (c->size + cluster - 1) / cluster;
    if (entries > MAX_ENTRIES) {
        set_error(error, "Image size is too large for this cluster size");
        return false;
    }
    bytes = HEADER_BYTES + entries * 4;
    data = (bytes + cluster - 1) / cluster * cluster;
    h = g_malloc0(data);
    memcpy(h, MAGIC_CLUSTERS, MAGIC_BYTES);
    mapped_put_le(h + 16, 4, 2);
    mapped_put_le(h + 20, 4, 16);
    mapped_put_le(h + 24, 4, c->size / BLOCK_SECTOR / 16 / 32);
    mapped_put_le(h + 28, 4, cluster / BLOCK_SECTOR);
    mapped_put_le(h + 32, 4, entries);
    mapped_put_le(h + 36, 8, c->size / BLOCK_SECTOR);
    mapped_put_le(h + IN_USE_OFFSET, 4, CLOSED);
    mapped_put_le(h + 48, 4, data / BLOCK_SECTOR);
    ret = block_node_write(c->file, 0, h, data);
    if (ret) {
        set_error(error, "%s: cannot write the header: %s", c->filename, g_strerror(-ret));
    }
    return ret == 0;
}

static int parallels_probe(const uint8_t head[BLOCK_PROBE_BYTES], const char *filename)
{
    (void)filename;
    return memcmp(head, MAGIC_SECTORS, MAGIC_BYTES) == 0 ||
                   memcmp(head, MAGIC_CLUSTERS, MAGIC_BYTES) == 0
               ? 100
               : 0;
}

const struct block_driver block_parallels = {
    .name = "parallels",
    .summary = "Parallels' image",
    .size = sizeof(struct parallels),
    .probe = parallels_probe,
    .create_options = create_rows,
    .open = parallels_open,
    .close = parallels_close,
    .set_read_only = parallels_set_read_only,
    .create = parallels_create,
    .read = mapped_read,
    .write = mapped_write,
    .write_zeroes = mapped_write_zeroes,
    .status = mapped_status,
    .info = parallels_info,
};
