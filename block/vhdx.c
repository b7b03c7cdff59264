/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/vhdx.c: Hyper-V's VHDX, to be read ([MS-VHDX]: Virtual Hard Disk v2 File Format).
 *
 * Two headers, of which the valid one with the higher sequence number counts, two region tables, the
 * metadata, and the block allocation table, in which an entry of a sector bitmap follows each chunk of
 * payload entries.  All numbers are little-endian.  An image whose log is not empty is refused: it has
 * to be replayed by a program that writes VHDX.
 * Thread: see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "util/error.h"

#define KIB               1024u
#define MIB               (1024u * 1024u)
#define HEADER_BYTES      4096u
#define REGION_BYTES      65536u
#define MAX_REGIONS       2047u
#define METADATA_BYTES    65536u
#define MAX_METADATA      2047u
#define MAX_BAT           (1u << 26)
#define STATE_ZERO        2
#define STATE_UNMAPPED    3
#define STATE_PRESENT     6
#define OFFSET_MASK       (~(uint64_t)0 << 20)
#define PARENT_FLAG       2u
#define REGION_REQUIRED   1u
#define METADATA_REQUIRED 4u

struct vhdx {
    struct mapped_node m;
    uint64_t *bat;
    uint64_t entries, chunk_ratio; /* payload entries before each entry of a sector bitmap */
    uint64_t bat_offset, bat_bytes, meta_offset, meta_bytes;
    uint32_t flags, sector;
};

/* GUIDs as they stand in the file. */
static const uint8_t guid_bat[16] = { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                      0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 };
static const uint8_t guid_metadata[16] = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                           0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
static const uint8_t guid_none[16];

/* Items of the metadata. */
enum item { FILE_PARAMETERS, DISK_SIZE, SECTOR_SIZE, PHYSICAL_SIZE, DISK_ID, ITEMS };

static const struct {
    uint8_t guid[16];
    const char *name;
    uint32_t bytes;
} items[ITEMS] = {
    [FILE_PARAMETERS] = { { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0,
                            0xaa, 0x44, 0xe7, 0x6b },
                          "file parameters",
                          8 },
    [DISK_SIZE] = { { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8,
                      0x3b, 0xf4, 0xb8 },
                    "virtual disk size",
                    8 },
    [SECTOR_SIZE] = { { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33,
                        0xa8, 0xfa, 0xab, 0x5f },
                      "logical sector size",
                      4 },
    [PHYSICAL_SIZE] = { { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88,
                          0x52, 0x51, 0xc5, 0x56 },
                        "physical sector size",
                        4 },
    [DISK_ID] = { { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0,
                    0x00, 0xc7, 0x46 },
                  "virtual disk id",
                  16 },
};

/* Blocks ---------------------------------------------------------------------------------------- */

static int vhdx_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct vhdx *v = (struct vhdx *)node;
    uint64_t block = offset / v->m.cluster, in_block = offset % v->m.cluster;
    uint64_t entry = v->bat[block + block / v->chunk_ratio];

    out->bytes = MIN(bytes, v->m.cluster - in_block);
    out->file = node->file;
    switch (entry & 7) {
    case STATE_PRESENT:
        out->kind = MAPPED_DATA;
        out->host = (entry & OFFSET_MASK) + in_block;
        return (entry & OFFSET_MASK) < node->file->size ? 0 : -EIO;
    case STATE_ZERO:
    case STATE_UNMAPPED:
        out->kind = MAPPED_ZERO;
        return 0;
    case 0: /* not present */
    case 1: /* undefined */
        out->kind = MAPPED_NONE;
        return 0;
    default: /* partially present: of differencing disks alone */
        return -EIO;
    }
}

static const struct mapped_ops vhdx_ops = { .map = vhdx_map };

/* Headers --------------------------------------------------------------------------------------- */

/* CRC-32C (Castagnoli) with the four bytes at `field` taken as zeroes. */
static uint32_t crc32c(const uint8_t *at, size_t bytes, size_t field)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= i >= field && i < field + 4 ? 0 : at[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

/* One piece of the file that begins with a signature and its checksum. */
static bool read_signed(struct block_node *file, uint64_t offset, const char *signature,
                        uint8_t *buf, size_t bytes)
{
    return block_node_read(file, offset, buf, bytes) == 0 && memcmp(buf, signature, 4) == 0 &&
           block_field_le(buf + 4, 4) == crc32c(buf, bytes, 4);
}

static bool check_header(struct block_node *node, GError **error)
{
    static const struct block_bound bounds[] = { { "log version", 64, 2, 0, 0 },
                                                 { "version", 66, 2, 1, 1 },
                                                 { 0 } };
    g_autofree uint8_t *one = g_malloc(HEADER_BYTES), *two = g_malloc(HEADER_BYTES);
    bool have_one = read_signed(node->file, 64 * KIB, "head", one, HEADER_BYTES);
    bool have_two = read_signed(node->file, 128 * KIB, "head", two, HEADER_BYTES);
    const uint8_t *h = one;

    if (!have_one && !have_two) {
        set_error(error, "%s: neither of the two headers is valid", node->filename);
        return false;
    }
    if (!have_one || (have_two && block_field_le(two + 8, 8) > block_field_le(one + 8, 8))) {
        h = two;
    }
    if (!block_bounds_check(node->filename, h, true, bounds, error)) {
        return false;
    }
    if (memcmp(h + 48, guid_none, 16) != 0) {
        set_error(
            error,
            "VHDX image file '%s' contains a log that needs to be replayed: open it once with a "
            "program that writes VHDX (qemu-img check -r all)",
            node->filename);
        return false;
    }
    return true;
}

static bool take_region(struct vhdx *v, const uint8_t *entry, GError **error)
{
    struct block_node *node = &v->m.node;
    uint64_t offset = block_field_le(entry + 16, 8), bytes = block_field_le(entry + 24, 4);
    bool is_bat = memcmp(entry, guid_bat, 16) == 0;

    if (!is_bat && memcmp(entry, guid_metadata, 16) != 0) {
        if (block_field_le(entry + 28, 4) & REGION_REQUIRED) {
            set_error(error, "%s: a region that is not known is required", node->filename);
            return false;
        }
        return true;
    }
    if (!block_bound_one(node->filename, is_bat ? "offset of the BAT" : "offset of the metadata",
                         offset, MIB, node->file->size, error) ||
        !block_bound_one(node->filename, is_bat ? "length of the BAT" : "length of the metadata",
                         bytes, MIB, node->file->size - offset, error)) {
        return false;
    }
    *(is_bat ? &v->bat_offset : &v->meta_offset) = offset;
    *(is_bat ? &v->bat_bytes : &v->meta_bytes) = bytes;
    return true;
}

static bool read_regions(struct vhdx *v, GError **error)
{
    struct block_node *node = &v->m.node;
    g_autofree uint8_t *table = g_malloc(REGION_BYTES);
    uint64_t count;

    if (!read_signed(node->file, 192 * KIB, "regi", table, REGION_BYTES) &&
        !read_signed(node->file, 256 * KIB, "regi", table, REGION_BYTES)) {
        set_error(error, "%s: neither of the two region tables is valid", node->filename);
        return false;
    }
    count = block_field_le(table + 8, 4);
    if (!block_bound_one(node->filename, "entries of the region table", count, 2, MAX_REGIONS,
                         error)) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!take_region(v, table + 16 + i * 32, error)) {
            return false;
        }
    }
    if (!v->bat_bytes || !v->meta_bytes) {
        set_error(error, "%s: the region table has no %s", node->filename,
                  v->bat_bytes ? "metadata" : "BAT");
        return false;
    }
    return true;
}

/* Metadata -------------------------------------------------------------------------------------- */

static bool read_item(struct vhdx *v, const uint8_t *entry, uint8_t values[ITEMS][16],
                      unsigned *found, GError **error)
{
    struct block_node *node = &v->m.node;
    uint64_t offset = block_field_le(entry + 16, 4), bytes = block_field_le(entry + 20, 4);

    for (unsigned i = 0; i < ITEMS; i++) {
        if (memcmp(entry, items[i].guid, 16) != 0) {
            continue;
        }
        if (!block_bound_one(node->filename, items[i].name, offset, METADATA_BYTES,
                             v->meta_bytes - items[i].bytes, error) ||
            !block_bound_one(node->filename, items[i].name, bytes, items[i].bytes, items[i].bytes,
                             error)) {
            return false;
        }
        if (block_node_read(node->file, v->meta_offset + offset, values[i], items[i].bytes) != 0) {
            set_error(error, "%s: cannot read the %s", node->filename, items[i].name);
            return false;
        }
        *found |= 1u << i;
        return true;
    }
    return true; /* a parent locator is told by the flag of the file parameters */
}

static bool take_items(struct vhdx *v, uint8_t values[ITEMS][16], GError **error)
{
    struct block_node *node = &v->m.node;
    uint64_t block = block_field_le(values[FILE_PARAMETERS], 4);
    uint64_t size = block_field_le(values[DISK_SIZE], 8), blocks;

    v->flags = (uint32_t)block_field_le(values[FILE_PARAMETERS] + 4, 4);
    v->sector = (uint32_t)block_field_le(values[SECTOR_SIZE], 4);
    if (!block_bound_one(node->filename, "block size", block, MIB, 256 * MIB, error) ||
        !block_bound_one(node->filename, "virtual disk size", size, 0, (uint64_t)64 << 40, error)) {
        return false;
    }
    if (block & (block - 1) || (v->sector != 512 && v->sector != 4096) || size % v->sector) {
        set_error(error,
                  "%s: block size %" G_GUINT64_FORMAT
                  ", sector size %u and disk size %" G_GUINT64_FORMAT " do not go together",
                  node->filename, block, v->sector, size);
        return false;
    }
    if (v->flags & PARENT_FLAG) {
        set_error(error, "%s: differencing VHDX images are not supported", node->filename);
        return false;
    }
    node->size = size;
    v->m.cluster = block;
    v->chunk_ratio = ((uint64_t)1 << 23) * v->sector / block;
    blocks = (size + block - 1) / block;
    v->entries = blocks ? blocks + (blocks - 1) / v->chunk_ratio : 0;
    return block_bound_one(node->filename, "entries of the BAT", v->entries, 0,
                           MIN(v->bat_bytes / 8, MAX_BAT), error);
}

static bool read_metadata(struct vhdx *v, GError **error)
{
    struct block_node *node = &v->m.node;
    g_autofree uint8_t *table = g_malloc(METADATA_BYTES);
    uint8_t values[ITEMS][16] = { { 0 } };
    unsigned found = 0;
    uint64_t count;

    if (block_node_read(node->file, v->meta_offset, table, METADATA_BYTES) != 0 ||
        memcmp(table, "metadata", 8) != 0) {
        set_error(error, "%s: there is no metadata table", node->filename);
        return false;
    }
    count = block_field_le(table + 10, 2);
    if (!block_bound_one(node->filename, "entries of the metadata", count, 1, MAX_METADATA,
                         error)) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!read_item(v, table + 32 + i * 32, values, &found, error)) {
            return false;
        }
    }
    for (unsigned i = FILE_PARAMETERS; i <= SECTOR_SIZE; i++) {
        if (!(found & 1u << i)) {
            set_error(error, "%s: the metadata has no %s", node->filename, items[i].name);
            return false;
        }
    }
    return take_items(v, values, error);
}

static bool read_bat(struct vhdx *v, GError **error)
{
    struct block_node *node = &v->m.node;
    int ret;

    v->bat = g_try_new0(uint64_t, v->entries + 1);
    ret = v->bat ? block_node_read(node->file, v->bat_offset, v->bat, v->entries * 8) : -ENOMEM;
    if (ret) {
        set_error(error, "%s: cannot read the BAT: %s", node->filename, g_strerror(-ret));
        return false;
    }
    for (uint64_t i = 0; i < v->entries; i++) {
        v->bat[i] = GUINT64_FROM_LE(v->bat[i]);
    }
    return true;
}

static bool vhdx_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct vhdx *v = (struct vhdx *)node;
    uint8_t signature[8];

    (void)o;
    if (block_node_read(node->file, 0, signature, 8) != 0 ||
        memcmp(signature, "vhdxfile", 8) != 0) {
        set_error(error, "Image is not in vhdx format");
        return false;
    }
    mapped_init(&v->m, &vhdx_ops, MIB);
    node->read_only = true;
    return check_header(node, error) && read_regions(v, error) && read_metadata(v, error) &&
           read_bat(v, error);
}

static void vhdx_close(struct block_node *node)
{
    struct vhdx *v = (struct vhdx *)node;

    mapped_finish(&v->m);
    g_free(v->bat);
}

static int vhdx_info(struct block_node *node, struct block_image_info *out,
                     struct block_info_row *specific)
{
    (void)specific;
    out->cluster_size = ((struct vhdx *)node)->m.cluster;
    out->unallocated_is_zero = true;
    return 0;
}

const struct block_driver block_vhdx = {
    .name = "vhdx",
    .summary = "Hyper-V's VHDX, read-only",
    .size = sizeof(struct vhdx),
    .magic = "vhdxfile",
    .n_magic = 8,
    .open = vhdx_open,
    .close = vhdx_close,
    .read = mapped_read,
    .status = mapped_status,
    .info = vhdx_info,
};
