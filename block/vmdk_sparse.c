/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/vmdk_sparse.c: sparse extents: header, directory, tables of grains.
 *
 * Sectors are the unit of everything in the file; all numbers are little-endian.  A table's entry is
 * the sector of a grain, 0 for none, 1 for zeroes where the header allows that.  Stream-optimized
 * extents have their grains compressed, each behind a marker, and the directory at the end.
 * Thread: under the node's mutex.
 */
#include <errno.h>
#include <string.h>
#include "block/vmdk.h"
#include "util/error.h"

#define AT_END            UINT64_MAX /* the directory's offset: a footer says */
#define FLAG_ZEROED_GRAIN 0x4u
#define FLAG_REDUNDANT    0x2u
#define FLAG_COMPRESSED   0x10000u
#define FLAG_MARKERS      0x20000u
#define MARKER_BYTES      12u
#define MAX_DIRECTORY     (1u << 24)

/* clang-format off */
static const struct block_bound header_bounds[] = {
    { "version",          4,  4, 1,  3 },
    { "capacity",         12, 8, 0,  (uint64_t)1 << 47 },
    { "grain size",       20, 8, 1,  1u << 16 },
    { "GTEs per GT",      44, 4, 1,  VMDK_TABLE },
    { "compressAlgorithm", 77, 2, 0, 1 },
    { 0 }
};
/* clang-format on */

static int read_header(struct block_node *file, uint64_t offset, uint8_t *h, GError **error)
{
    int ret = block_node_read(file, offset, h, VMDK_HEADER_BYTES);

    if (ret) {
        set_error(error, "%s: cannot read the header: %s", file->filename, g_strerror(-ret));
        return ret;
    }
    if (memcmp(h, "KDMV", 4) != 0) {
        set_error(error, "%s: no header of a sparse extent at %" G_GUINT64_FORMAT, file->filename,
                  offset);
        return -EINVAL;
    }
    return 0;
}

char *vmdk_embedded_text(struct block_node *file, uint64_t *offset, GError **error)
{
    uint8_t h[VMDK_HEADER_BYTES];
    uint64_t at, len;
    char *text;

    if (read_header(file, 0, h, error) != 0) {
        return NULL;
    }
    at = block_field_le(h + 28, 8);
    len = block_field_le(h + 36, 8);
    if (at == 0) {
        return NULL;
    }
    if (!block_bound_one(file->filename, "descriptor offset", at, 1, file->size / BLOCK_SECTOR,
                         error) ||
        !block_bound_one(file->filename, "descriptor size", len, 1, VMDK_MAX_TEXT / BLOCK_SECTOR,
                         error)) {
        return NULL;
    }
    *offset = at * BLOCK_SECTOR;
    text = g_malloc0(len * BLOCK_SECTOR + 1);
    if (block_node_read(file, *offset, text, len * BLOCK_SECTOR) != 0) {
        set_error(error, "%s: cannot read the descriptor", file->filename);
        g_clear_pointer(&text, g_free);
    }
    return text;
}

static bool read_directories(struct vmdk_extent *e, const uint8_t *h, GError **error)
{
    struct block_node *file = e->file;
    uint64_t directory = block_field_le(h + 56, 8), redundant = block_field_le(h + 48, 8);
    uint64_t per_table = e->table_entries * e->grain;
    uint64_t entries = (e->bytes + per_table - 1) / per_table;
    bool has_redundant = block_field_le(h + 8, 4) & FLAG_REDUNDANT && redundant && !e->compressed;

    if (!block_bound_one(file->filename, "entries of the grain directory", entries, 0,
                         MAX_DIRECTORY, error) ||
        !block_bound_one(file->filename, "gdOffset", directory, 1, file->size / BLOCK_SECTOR,
                         error) ||
        !block_bound_one(file->filename, "end of the grain directory",
                         directory * BLOCK_SECTOR + entries * 4, 0, file->size, error)) {
        return false;
    }
    e->directory_entries = (uint32_t)entries;
    e->directory = mapped_read_table32(file, directory * BLOCK_SECTOR, e->directory_entries, true,
                                       "grain directory", error);
    if (!e->directory) {
        return false;
    }
    e->tables = g_new0(uint32_t *, entries + 1);
    if (has_redundant) {
        if (!block_bound_one(file->filename, "rgdOffset", redundant, 1, file->size / BLOCK_SECTOR,
                             error)) {
            return false;
        }
        e->redundant = mapped_read_table32(file, redundant * BLOCK_SECTOR, e->directory_entries,
                                           true, "redundant grain directory", error);
    }
    return !has_redundant || e->redundant;
}

bool vmdk_sparse_open(struct vmdk_extent *e, GError **error)
{
    struct block_node *file = e->file;
    uint8_t h[VMDK_HEADER_BYTES];
    uint64_t flags, grain;

    if (read_header(file, 0, h, error) != 0) {
        return false;
    }
    if (block_field_le(h + 56, 8) == AT_END) {
        if (!block_bound_one(file->filename, "size of the file", file->size, 3 * BLOCK_SECTOR,
                             INT64_MAX, error) ||
            read_header(file, (file->size & ~(uint64_t)(BLOCK_SECTOR - 1)) - 2 * BLOCK_SECTOR, h,
                        error) != 0) {
            return false;
        }
    }
    if (!block_bounds_check(file->filename, h, true, header_bounds, error)) {
        return false;
    }
    flags = block_field_le(h + 8, 4);
    grain = block_field_le(h + 20, 8);
    if (grain & (grain - 1)) {
        set_error(error, "%s: grain size is %" G_GUINT64_FORMAT ", must be a power of two",
                  file->filename, grain);
        return false;
    }
    e->grain = grain * BLOCK_SECTOR;
    e->table_entries = (uint32_t)block_field_le(h + 44, 4);
    e->compressed = flags & FLAG_COMPRESSED;
    e->zeroed_grains = flags & FLAG_ZEROED_GRAIN;
    if (e->bytes == 0) {
        e->bytes = block_field_le(h + 12, 8) * BLOCK_SECTOR;
    }
    if (!block_bound_one(file->filename, "capacity of the extent", e->bytes, 0,
                         block_field_le(h + 12, 8) * BLOCK_SECTOR, error)) {
        return false;
    }
    e->next = (file->size + e->grain - 1) / e->grain * e->grain;
    return read_directories(e, h, error);
}

void vmdk_sparse_close(struct vmdk_extent *e)
{
    for (uint32_t i = 0; e->tables && i < e->directory_entries; i++) {
        g_free(e->tables[i]);
    }
    g_free(e->tables);
    g_free(e->directory);
    g_free(e->redundant);
}

static const uint32_t *table_of(struct vmdk_extent *e, uint64_t index, int *ret)
{
    uint64_t at = (uint64_t)e->directory[index] * BLOCK_SECTOR;

    if (e->tables[index]) {
        return e->tables[index];
    }
    if (at > e->file->size) {
        *ret = -EIO;
        return NULL;
    }
    e->tables[index] =
        mapped_read_table32(e->file, at, e->table_entries, true, "grain table", NULL);
    *ret = e->tables[index] ? 0 : -EIO;
    return e->tables[index];
}

int vmdk_sparse_map(struct vmdk_extent *e, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    uint64_t grain = offset / e->grain, in_grain = offset % e->grain;
    uint64_t index = grain / e->table_entries;
    uint32_t entry = 0;
    int ret = 0;

    out->bytes = MIN(bytes, e->grain - in_grain);
    out->file = e->file;
    if (e->directory[index]) {
        const uint32_t *table = table_of(e, index, &ret);

        if (!table) {
            return ret;
        }
        entry = table[grain % e->table_entries];
    }
    if (entry == 0) {
        out->kind = MAPPED_NONE;
    } else if (entry == 1 && e->zeroed_grains) {
        out->kind = MAPPED_ZERO;
    } else if ((uint64_t)entry * BLOCK_SECTOR >= e->file->size) {
        return -EIO;
    } else if (e->compressed) {
        out->kind = MAPPED_COMPRESSED;
        out->host = (uint64_t)entry * BLOCK_SECTOR;
        out->unit = offset - in_grain;
        out->unit_bytes = e->grain;
    } else {
        out->kind = MAPPED_DATA;
        out->host = (uint64_t)entry * BLOCK_SECTOR + in_grain;
    }
    return 0;
}

/* A marker: the grain's first sector (64-bit), the stream's bytes (32-bit), the zlib stream. */
int vmdk_sparse_inflate(struct vmdk_extent *e, const struct mapped *m, uint8_t *buf)
{
    uint8_t marker[MARKER_BYTES];
    g_autofree uint8_t *in = NULL;
    uint64_t len;
    int ret = block_node_read(e->file, m->host, marker, sizeof(marker));

    if (ret) {
        return ret;
    }
    len = block_field_le(marker + 8, 4);
    if (len == 0 || len > 2 * e->grain + 4096) {
        return -EIO;
    }
    in = g_malloc(len);
    ret = block_node_read(e->file, m->host + MARKER_BYTES, in, len);
    return ret ? ret : mapped_inflate_zlib(in, len, buf, e->grain, false);
}

/* The redundant table first: the other one is what readers look at. */
int vmdk_sparse_publish(struct vmdk_extent *e, uint64_t offset, const struct mapped *m)
{
    uint64_t grain = offset / e->grain, index = grain / e->table_entries;
    uint64_t slot = grain % e->table_entries;
    uint32_t entry = (uint32_t)(m->host / BLOCK_SECTOR), stored = GUINT32_TO_LE(entry);
    int ret = 0;

    if (!e->directory[index] || !e->tables[index]) {
        return -EIO; /* images that are written have all their tables */
    }
    if (e->redundant && e->redundant[index]) {
        ret = block_node_write(e->file, (uint64_t)e->redundant[index] * BLOCK_SECTOR + slot * 4,
                               &stored, sizeof(stored));
    }
    if (ret == 0) {
        ret = block_node_write(e->file, (uint64_t)e->directory[index] * BLOCK_SECTOR + slot * 4,
                               &stored, sizeof(stored));
    }
    if (ret == 0) {
        e->tables[index][slot] = entry;
        e->next = MAX(e->next, m->host + e->grain);
    }
    return ret;
}
