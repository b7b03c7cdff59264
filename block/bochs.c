/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/bochs.c: Bochs' growing disk images (redologs), to be read
 * (Bochs Developers Guide, "Harddisk Images based on redologs").
 *
 * A header, a catalog of extents, extents: each a bitmap of the sectors that were written, then room
 * for all of them.  All numbers are little-endian.
 * Thread: see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "util/error.h"

#define HEADER_BYTES 512u
#define MAGIC        "Bochs Virtual HD Image"
#define VERSION_1    0x00010000u
#define VERSION_2    0x00020000u
#define UNUSED       0xffffffffu

struct bochs {
    struct mapped_node m;
    uint32_t *catalog, entries;
    uint32_t bitmap_bytes, extent_bytes;
    uint64_t data_offset;
    uint8_t *bitmap; /* of the extent that was asked for last */
    uint32_t bitmap_of;
};

/* clang-format off */
static const struct block_bound header_bounds[] = {
    { "version", 64, 4, VERSION_1, VERSION_2 },
    { "header",  68, 4, HEADER_BYTES, 1u << 20 },
    { "catalog", 72, 4, 1, 1u << 24 },
    { "bitmap",  76, 4, 1, 1u << 20 },
    { "extent",  80, 4, BLOCK_SECTOR, 1u << 30 },
    { 0 }
};
/* clang-format on */

/* Bitmaps and extents take whole sectors. */
static uint64_t extent_at(const struct bochs *b, uint32_t number)
{
    return b->data_offset + number * ((uint64_t)b->bitmap_bytes + b->extent_bytes);
}

static int load_bitmap(struct bochs *b, uint32_t number)
{
    int ret;

    if (b->bitmap_of == number) {
        return 0;
    }
    b->bitmap_of = UNUSED;
    ret = block_node_read(b->m.node.file, extent_at(b, number), b->bitmap, b->bitmap_bytes);
    if (ret == 0) {
        b->bitmap_of = number;
    }
    return ret;
}

static bool has_sector(const struct bochs *b, uint64_t sector)
{
    return b->bitmap[sector / 8] >> sector % 8 & 1;
}

static int bochs_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct bochs *b = (struct bochs *)node;
    uint64_t in_extent = offset % b->m.cluster, end;
    uint32_t number = b->catalog[offset / b->m.cluster];
    int ret;

    bytes = MIN(bytes, b->m.cluster - in_extent);
    *out = (struct mapped){ .kind = MAPPED_NONE, .bytes = bytes, .file = node->file };
    if (number == UNUSED) {
        return 0;
    }
    if (extent_at(b, number) > node->file->size) {
        return -EIO;
    }
    ret = load_bitmap(b, number);
    if (ret) {
        return ret;
    }
    if (has_sector(b, in_extent / BLOCK_SECTOR)) {
        out->kind = MAPPED_DATA;
        out->host = extent_at(b, number) + b->bitmap_bytes + in_extent;
    }
    for (end = in_extent / BLOCK_SECTOR + 1; end * BLOCK_SECTOR < in_extent + bytes; end++) {
        if (has_sector(b, end) != (out->kind == MAPPED_DATA)) {
            out->bytes = end * BLOCK_SECTOR - in_extent;
            break;
        }
    }
    return 0;
}

static const struct mapped_ops bochs_ops = { .map = bochs_map };

static bool take_sizes(struct bochs *b, const uint8_t *h, GError **error)
{
    struct block_node *node = &b->m.node;
    uint64_t header = block_field_le(h + 68, 4);
    /* Version 2 has a time stamp before the size. */
    uint64_t size = block_field_le(h + (block_field_le(h + 64, 4) == VERSION_1 ? 84 : 88), 8);
    uint64_t round = BLOCK_SECTOR - 1, catalog_end;

    b->entries = (uint32_t)block_field_le(h + 72, 4);
    b->bitmap_bytes = (uint32_t)((block_field_le(h + 76, 4) + round) & ~round);
    b->extent_bytes = (uint32_t)block_field_le(h + 80, 4);
    catalog_end = header + (uint64_t)b->entries * 4;
    b->data_offset = catalog_end;
    if (b->extent_bytes % BLOCK_SECTOR) {
        set_error(error, "%s: extent is %u, must be a multiple of 512", node->filename,
                  b->extent_bytes);
        return false;
    }
    if (!block_bound_one(node->filename, "extent", b->extent_bytes, BLOCK_SECTOR,
                         b->bitmap_bytes * (uint64_t)8 * BLOCK_SECTOR, error) ||
        !block_bound_one(node->filename, "disk", size, 0, (uint64_t)b->entries * b->extent_bytes,
                         error) ||
        !block_bound_one(node->filename, "end of the catalog", catalog_end, 0, node->file->size,
                         error)) {
        return false;
    }
    node->size = (size + round) & ~round;
    b->catalog = mapped_read_table32(node->file, header, b->entries, true, "catalog", error);
    return b->catalog != NULL;
}

static bool bochs_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct bochs *b = (struct bochs *)node;
    uint8_t h[HEADER_BYTES];
    int ret = block_node_read(node->file, 0, h, sizeof(h));

    (void)o;
    if (ret) {
        set_error(error, "%s: cannot read the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    if (memcmp(h, MAGIC, sizeof(MAGIC)) != 0 || strncmp((char *)h + 32, "Redolog", 16) != 0 ||
        strncmp((char *)h + 48, "Growing", 16) != 0) {
        set_error(error, "Image not in Bochs format");
        return false;
    }
    if (!block_bounds_check(node->filename, h, true, header_bounds, error)) {
        return false;
    }
    mapped_init(&b->m, &bochs_ops, block_field_le(h + 80, 4));
    node->read_only = true;
    if (!take_sizes(b, h, error)) {
        return false;
    }
    b->bitmap_of = UNUSED;
    b->bitmap = g_malloc0(b->bitmap_bytes);
    return true;
}

static void bochs_close(struct block_node *node)
{
    struct bochs *b = (struct bochs *)node;

    mapped_finish(&b->m);
    g_free(b->catalog);
    g_free(b->bitmap);
}

static int bochs_info(struct block_node *node, struct block_image_info *out,
                      struct block_info_row *specific)
{
    (void)node;
    (void)specific;
    out->unallocated_is_zero = true;
    return 0;
}

const struct block_driver block_bochs = {
    .name = "bochs",
    .summary = "Bochs' growing image, read-only",
    .size = sizeof(struct bochs),
    .magic = MAGIC,
    .n_magic = sizeof(MAGIC),
    .open = bochs_open,
    .close = bochs_close,
    .read = mapped_read,
    .status = mapped_status,
    .info = bochs_info,
};
