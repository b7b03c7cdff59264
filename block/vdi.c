/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/vdi.c: VirtualBox's image, version 1.1: a header, a map of blocks, blocks.
 *
 * Dynamic images grow by a block at a time; static ones have every block from the beginning.
 * Invariants: the header's count of blocks is written before the map names the last of them.
 * Thread:     see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "block/mapped.h"
#include "util/error.h"

#define HEADER_BYTES     512u
#define SIGNATURE        0xbeda107fu
#define BLOCK_BYTES      (1u << 20)
#define BLOCK_UNUSED     0xffffffffu /* never written */
#define BLOCK_DISCARDED  0xfffffffeu /* reads as zeroes */
#define TYPE_DYNAMIC     1
#define TYPE_STATIC      2
#define ALLOCATED_OFFSET 0x184
/* The map is held in memory: 1 GiB of it at most. */
#define MAX_BLOCKS (1u << 28)

struct vdi {
    struct mapped_node m;
    uint32_t *map, blocks, used; /* used: blocks of the file that are taken */
    uint64_t map_offset, data_offset;
    uint32_t stride, extra; /* bytes of a block in the file, and of those before its data */
};

/* clang-format off */
static const struct block_bound header_bounds[] = {
    { "signature",        0x40,  4, SIGNATURE,   SIGNATURE },
    { "version",          0x44,  4, 0x00010001,  0x00010001 },
    { "header size",      0x48,  4, 0x180,       0x10000 },
    { "image type",       0x4c,  4, TYPE_DYNAMIC, TYPE_STATIC },
    { "offset of blocks", 0x154, 4, HEADER_BYTES, UINT32_MAX },
    { "offset of data",   0x158, 4, HEADER_BYTES, UINT32_MAX },
    { "sector size",      0x168, 4, BLOCK_SECTOR, BLOCK_SECTOR },
    { "disk size",        0x170, 8, 0,           (uint64_t)1 << 56 },
    { "block size",       0x178, 4, 4096,        1u << 28 },
    { "block extra size", 0x17c, 4, 0,           1u << 20 },
    { "blocks in image",  0x180, 4, 0,           MAX_BLOCKS },
    { 0 }
};

static const struct block_option_row create_rows[] = {
    { "static", BLOCK_OPTION_BOOL, "off", "VDI static (pre-allocated) image" },
    { 0 }
};
/* clang-format on */

static int vdi_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct vdi *v = (struct vdi *)node;
    uint64_t in_block = offset % v->m.cluster;
    uint32_t entry = v->map[offset / v->m.cluster];

    out->bytes = MIN(bytes, v->m.cluster - in_block);
    if (entry == BLOCK_UNUSED || entry == BLOCK_DISCARDED) {
        out->kind = entry == BLOCK_UNUSED ? MAPPED_NONE : MAPPED_ZERO;
        return 0;
    }
    out->kind = MAPPED_DATA;
    out->file = node->file;
    out->host = v->data_offset + (uint64_t)entry * v->stride + v->extra + in_block;
    return entry < v->used ? 0 : -EIO;
}

static int vdi_allocate(struct block_node *node, uint64_t offset, struct mapped *out)
{
    struct vdi *v = (struct vdi *)node;

    (void)offset;
    if (v->used >= BLOCK_DISCARDED) {
        return -ENOSPC;
    }
    out->file = node->file;
    out->tag = v->used;
    out->host = v->data_offset + (uint64_t)v->used * v->stride + v->extra;
    return 0;
}

static int vdi_publish(struct block_node *node, uint64_t offset, const struct mapped *m)
{
    struct vdi *v = (struct vdi *)node;
    uint64_t index = offset / v->m.cluster;
    uint32_t count = GUINT32_TO_LE((uint32_t)m->tag + 1), entry = GUINT32_TO_LE((uint32_t)m->tag);
    int ret = block_node_write(node->file, ALLOCATED_OFFSET, &count, sizeof(count));

    if (ret == 0) {
        ret = block_node_write(node->file, v->map_offset + index * 4, &entry, sizeof(entry));
    }
    if (ret == 0) {
        v->map[index] = (uint32_t)m->tag;
        v->used = (uint32_t)m->tag + 1;
    }
    return ret;
}

static const struct mapped_ops vdi_ops = {
    .map = vdi_map,
    .allocate = vdi_allocate,
    .publish = vdi_publish,
};

/* Sizes that follow from each other; the file has the whole map. */
static bool check_sizes(struct vdi *v, GError **error)
{
    struct block_node *node = &v->m.node;
    uint64_t needed = node->size / v->m.cluster + (node->size % v->m.cluster != 0);

    if (v->m.cluster % BLOCK_SECTOR) {
        set_error(error, "%s: block size is %" G_GUINT64_FORMAT ", must be a multiple of 512",
                  node->filename, v->m.cluster);
        return false;
    }
    return block_bound_one(node->filename, "blocks in image", v->blocks, needed, MAX_BLOCKS,
                           error) &&
           block_bound_one(node->filename, "end of the block map",
                           v->map_offset + (uint64_t)v->blocks * 4, 0, node->file->size, error) &&
           block_bound_one(node->filename, "offset of data", v->data_offset,
                           v->map_offset + (uint64_t)v->blocks * 4, UINT32_MAX, error);
}

/* Blocks that the file has: what the header counts may lag behind a writer that was killed. */
static bool count_blocks(struct vdi *v, uint32_t said, GError **error)
{
    struct block_node *node = &v->m.node;
    uint64_t room = node->file->size > v->data_offset
                        ? (node->file->size - v->data_offset + v->stride - 1) / v->stride
                        : 0;

    v->used = MIN(said, MAX_BLOCKS);
    for (uint32_t i = 0; i < v->blocks; i++) {
        if (v->map[i] < BLOCK_DISCARDED && v->map[i] >= v->used) {
            g_autofree char *field = g_strdup_printf("block map entry %u", i);

            if (!block_bound_one(node->filename, field, v->map[i], 0, room ? room - 1 : 0, error)) {
                return false;
            }
            v->used = v->map[i] + 1;
        }
    }
    return true;
}

static bool vdi_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct vdi *v = (struct vdi *)node;
    uint8_t h[HEADER_BYTES];
    int ret = block_node_read(node->file, 0, h, sizeof(h));

    (void)o;
    if (ret) {
        set_error(error, "%s: cannot read the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    if (block_field_le(h + 0x40, 4) != SIGNATURE) {
        set_error(error, "Image is not in vdi format");
        return false;
    }
    if (!block_bounds_check(node->filename, h, true, header_bounds, error)) {
        return false;
    }
    mapped_init(&v->m, &vdi_ops, block_field_le(h + 0x178, 4));
    node->size = (block_field_le(h + 0x170, 8) + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    node->read_only = node->file->read_only;
    v->map_offset = block_field_le(h + 0x154, 4);
    v->data_offset = block_field_le(h + 0x158, 4);
    v->extra = (uint32_t)block_field_le(h + 0x17c, 4);
    v->stride = (uint32_t)v->m.cluster + v->extra;
    v->blocks = (uint32_t)block_field_le(h + 0x180, 4);
    if (!check_sizes(v, error)) {
        return false;
    }
    v->map = mapped_read_table32(node->file, v->map_offset, v->blocks, true, "block map", error);
    return v->map && count_blocks(v, (uint32_t)block_field_le(h + ALLOCATED_OFFSET, 4), error);
}

static void vdi_close(struct block_node *node)
{
    struct vdi *v = (struct vdi *)node;

    mapped_finish(&v->m);
    g_free(v->map);
}

static int vdi_info(struct block_node *node, struct block_image_info *out,
                    struct block_info_row *specific)
{
    (void)specific;
    out->cluster_size = ((struct vdi *)node)->m.cluster;
    out->unallocated_is_zero = true;
    return 0;
}

/* Every block of the file is named once at most. */
static int vdi_check(struct block_node *node, unsigned repair, struct block_check *out)
{
    struct vdi *v = (struct vdi *)node;
    g_autofree uint8_t *seen = g_malloc0(v->used / 8 + 1);

    (void)repair;
    for (uint32_t i = 0; i < v->blocks; i++) {
        uint32_t entry = v->map[i];

        if (entry >= BLOCK_DISCARDED) {
            continue;
        }
        if (seen[entry / 8] & 1u << entry % 8) {
            g_autofree char *line = g_strdup_printf(
                "ERROR: block %u of the file is named twice, also by entry %u", entry, i);

            out->corruptions++;
            if (out->print) {
                out->print(out->opaque, line);
            }
        }
        seen[entry / 8] |= (uint8_t)(1u << entry % 8);
    }
    return 0;
}

static void random_uuid(uint8_t uuid[16])
{
    (void)!getrandom(uuid, 16, 0);
    uuid[7] = (uuid[7] & 0x0f) | 0x40;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

static void fill_header(uint8_t *h, uint64_t size, uint32_t blocks, uint32_t data, bool is_static)
{
    strcpy((char *)h, "<<< Rhea Virtual Disk Image >>>\n");
    mapped_put_le(h + 0x40, 4, SIGNATURE);
    mapped_put_le(h + 0x44, 4, 0x00010001);
    mapped_put_le(h + 0x48, 4, 0x180);
    mapped_put_le(h + 0x4c, 4, is_static ? TYPE_STATIC : TYPE_DYNAMIC);
    mapped_put_le(h + 0x154, 4, HEADER_BYTES);
    mapped_put_le(h + 0x158, 4, data);
    mapped_put_le(h + 0x168, 4, BLOCK_SECTOR);
    mapped_put_le(h + 0x170, 8, size);
    mapped_put_le(h + 0x178, 4, BLOCK_BYTES);
    mapped_put_le(h + 0x180, 4, blocks);
    mapped_put_le(h + ALLOCATED_OFFSET, 4, is_static ? blocks : 0);
    random_uuid(h + 0x188);
    random_uuid(h + 0x198);
}

static bool vdi_create(const struct block_create *c, GError **error)
{
    bool is_static = block_option_bool(c->options, create_rows, "static");
    uint64_t blocks = (c->size + BLOCK_BYTES - 1) / BLOCK_BYTES;
    uint64_t map_bytes = (blocks * 4 + HEADER_BYTES - 1) & ~(uint64_t)(HEADER_BYTES - 1);
    g_autofree uint8_t *head = NULL;
    int ret;

    if (blocks > MAX_BLOCKS) {
        set_error(error,
                  "Unsupported VDI image size (size is 0x%" G_GINT64_MODIFIER
                  "x, max supported is 0x%" G_GINT64_MODIFIER "x)",
                  c->size, (uint64_t)MAX_BLOCKS * BLOCK_BYTES);
        return false;
    }
    head = g_malloc0(HEADER_BYTES + map_bytes);
    fill_header(head, c->size, (uint32_t)blocks, (uint32_t)(HEADER_BYTES + map_bytes), is_static);
    for (uint64_t i = 0; i < blocks; i++) {
        mapped_put_le(head + HEADER_BYTES + i * 4, 4, is_static ? i : BLOCK_UNUSED);
    }
    ret = block_node_write(c->file, 0, head, HEADER_BYTES + map_bytes);
    if (ret) {
        set_error(error, "%s: cannot write the header: %s", c->filename, g_strerror(-ret));
        return false;
    }
    return !is_static ||
           block_node_truncate(c->file, HEADER_BYTES + map_bytes + blocks * BLOCK_BYTES,
                               BLOCK_PREALLOC_OFF, false, error);
}

static int vdi_probe(const uint8_t head[BLOCK_PROBE_BYTES], const char *filename)
{
    (void)filename;
    return block_field_le(head + 0x40, 4) == SIGNATURE ? 100 : 0;
}

const struct block_driver block_vdi = {
    .name = "vdi",
    .summary = "VirtualBox's image",
    .size = sizeof(struct vdi),
    .probe = vdi_probe,
    .create_options = create_rows,
    .open = vdi_open,
    .close = vdi_close,
    .create = vdi_create,
    .read = mapped_read,
    .write = mapped_write,
    .write_zeroes = mapped_write_zeroes,
    .status = mapped_status,
    .info = vdi_info,
    .check = vdi_check,
};
