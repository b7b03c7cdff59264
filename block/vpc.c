/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/vpc.c: Virtual PC's and Hyper-V's VHD, fixed and dynamic, from the "Virtual Hard Disk Image
 * Format Specification" 1.0.  All numbers are big-endian; times are seconds since 2000.
 *
 * A fixed image is the disk and a footer.  A dynamic one is a copy of the footer, a header, a table of
 * blocks, blocks (each a bitmap of its sectors, then its data), and the footer.
 * Invariant: a footer stands at the file's end at any time, so that a writer may be killed.
 * Thread:    see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "block/mapped.h"
#include "util/error.h"

#define FOOTER_BYTES 512u
#define HEADER_BYTES 1024u
#define BLOCK_BYTES  (2u << 20)
#define UNUSED       0xffffffffu
#define TYPE_FIXED   2
#define TYPE_DYNAMIC 3
/* Beyond it cylinders, heads and sectors cannot say the size. */
#define MAX_CHS_SECTORS ((uint64_t)65535 * 16 * 255)
#define EPOCH_2000      946684800
#define MAX_ENTRIES     (1u << 28)

struct vpc {
    struct mapped_node m;
    bool fixed;
    uint32_t *table, entries;
    uint64_t table_offset, next; /* next: where the footer stands, and the next block will */
    uint32_t bitmap_bytes;
    uint8_t footer[FOOTER_BYTES];
};

/* clang-format off */
static const struct block_bound footer_bounds[] = {
    { "format version", 12, 4, 0x00010000, 0x0001ffff },
    { "current size",   48, 8, 0,          (uint64_t)1 << 56 },
    { "disk type",      60, 4, TYPE_FIXED, TYPE_DYNAMIC },
    { 0 }
};

static const struct block_bound header_bounds[] = {
    { "table offset",      16, 8, FOOTER_BYTES + HEADER_BYTES, (uint64_t)1 << 41 },
    { "header version",    24, 4, 0x00010000, 0x0001ffff },
    { "max table entries", 28, 4, 0,          MAX_ENTRIES },
    { "block size",        32, 4, 4096,       1u << 28 },
    { 0 }
};

static const struct block_option_row create_rows[] = {
    { "force_size", BLOCK_OPTION_BOOL, NULL,
      "Force disk size calculation to use the actual size specified, rather than using the nearest "
      "CHS-based calculation" },
    { "subformat",  BLOCK_OPTION_CHOICE, NULL,
      "Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} ",
      .choices = "dynamic|fixed" },
    { 0 }
};

/* Programs that write the size they mean; others mean what the geometry says. */
static const char exact_creators[][5] = { "win ", "qem2", "d2v ", "tap", "vs  ", "wa\0\0" };
/* clang-format on */

/* Table ----------------------------------------------------------------------------------------- */

static int vpc_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct vpc *v = (struct vpc *)node;
    uint64_t in_block, host;
    uint32_t entry;

    out->file = node->file;
    if (v->fixed) {
        *out = (struct mapped){ MAPPED_DATA, bytes, node->file, offset };
        return 0;
    }
    in_block = offset % v->m.cluster;
    entry = v->table[offset / v->m.cluster];
    out->bytes = MIN(bytes, v->m.cluster - in_block);
    if (entry == UNUSED) {
        out->kind = MAPPED_NONE;
        return 0;
    }
    host = (uint64_t)entry * BLOCK_SECTOR + v->bitmap_bytes;
    out->kind = MAPPED_DATA;
    out->host = host + in_block;
    return host <= v->next ? 0 : -EIO;
}

/* The footer goes to its new place first: whatever happens then, the file ends with one. */
static int vpc_allocate(struct block_node *node, uint64_t offset, struct mapped *out)
{
    struct vpc *v = (struct vpc *)node;
    g_autofree uint8_t *bitmap = g_malloc(v->bitmap_bytes);
    uint64_t end = v->next + v->bitmap_bytes + v->m.cluster;
    int ret;

    (void)offset;
    if (v->next / BLOCK_SECTOR >= UNUSED) {
        return -ENOSPC;
    }
    memset(bitmap, 0xff, v->bitmap_bytes);
    ret = block_node_write(node->file, end, v->footer, FOOTER_BYTES);
    if (ret == 0) {
        ret = block_node_write(node->file, v->next, bitmap, v->bitmap_bytes);
    }
    out->file = node->file;
    out->tag = v->next / BLOCK_SECTOR;
    out->host = v->next + v->bitmap_bytes;
    return ret;
}

static int vpc_publish(struct block_node *node, uint64_t offset, const struct mapped *m)
{
    struct vpc *v = (struct vpc *)node;
    uint64_t index = offset / v->m.cluster;
    uint32_t entry = GUINT32_TO_BE((uint32_t)m->tag);
    int ret = block_node_write(node->file, v->table_offset + index * 4, &entry, sizeof(entry));

    if (ret == 0) {
        v->table[index] = (uint32_t)m->tag;
        v->next += v->bitmap_bytes + v->m.cluster;
    }
    return ret;
}

static const struct mapped_ops vpc_ops = {
    .map = vpc_map,
    .allocate = vpc_allocate,
    .publish = vpc_publish,
};

/* Opening --------------------------------------------------------------------------------------- */

static uint32_t checksum(const uint8_t *at, unsigned bytes, unsigned field)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < bytes; i++) {
        sum += i >= field && i < field + 4 ? 0 : at[i];
    }
    return ~sum;
}

static uint64_t disk_size(const uint8_t *footer)
{
    uint64_t sectors = block_field_be(footer + 56, 2) * footer[58] * footer[59];
    uint64_t size = block_field_be(footer + 48, 8);

    for (unsigned i = 0; i < G_N_ELEMENTS(exact_creators); i++) {
        if (memcmp(footer + 28, exact_creators[i], 4) == 0) {
            return size;
        }
    }
    return sectors == 0 || sectors >= MAX_CHS_SECTORS ? size : sectors * BLOCK_SECTOR;
}

static bool is_footer(const uint8_t *footer)
{
    return memcmp(footer, "conectix", 8) == 0;
}

/* At the end; if it is not there, the copy at the start of dynamic images. */
static bool read_footer(struct vpc *v, GError **error)
{
    struct block_node *file = v->m.node.file;
    uint64_t end = file->size & ~(uint64_t)(BLOCK_SECTOR - 1);
    int ret = 0;

    if (end >= FOOTER_BYTES) {
        v->next = end - FOOTER_BYTES;
        ret = block_node_read(file, v->next, v->footer, FOOTER_BYTES);
    }
    if (ret == 0 && !is_footer(v->footer)) {
        v->next = end;
        ret = block_node_read(file, 0, v->footer, FOOTER_BYTES);
    }
    if (ret) {
        set_error(error, "%s: cannot read the footer: %s", file->filename, g_strerror(-ret));
        return false;
    }
    if (!is_footer(v->footer)) {
        set_error(error, "invalid VPC image");
        return false;
    }
    return block_bounds_check(file->filename, v->footer, false, footer_bounds, error);
}

static bool read_table(struct vpc *v, GError **error)
{
    struct block_node *node = &v->m.node, *file = node->file;
    uint8_t h[HEADER_BYTES];
    uint64_t at = block_field_be(v->footer + 16, 8), block, end;
    int ret;

    if (!block_bound_one(node->filename, "data offset", at, FOOTER_BYTES,
                         file->size > HEADER_BYTES ? file->size - HEADER_BYTES : 0, error)) {
        return false;
    }
    ret = block_node_read(file, at, h, sizeof(h));
    if (ret || memcmp(h, "cxsparse", 8) != 0) {
        set_error(error, "%s: no header of a dynamic disk at %" G_GUINT64_FORMAT, node->filename,
                  at);
        return false;
    }
    if (!block_bounds_check(node->filename, h, false, header_bounds, error)) {
        return false;
    }
    block = block_field_be(h + 32, 4);
    if (block & (block - 1)) {
        set_error(error, "%s: block size is %" G_GUINT64_FORMAT ", must be a power of two",
                  node->filename, block);
        return false;
    }
    v->m.cluster = block;
    v->entries = (uint32_t)block_field_be(h + 28, 4);
    v->table_offset = block_field_be(h + 16, 8);
    v->bitmap_bytes =
        (uint32_t)((block / BLOCK_SECTOR / 8 + BLOCK_SECTOR - 1) / BLOCK_SECTOR * BLOCK_SECTOR);
    end = v->table_offset + (uint64_t)v->entries * 4;
    if (!block_bound_one(node->filename, "max table entries", v->entries,
                         (node->size + block - 1) / block, MAX_ENTRIES, error) ||
        !block_bound_one(node->filename, "end of the block table", end, 0, file->size, error)) {
        return false;
    }
    v->table = mapped_read_table32(file, v->table_offset, v->entries, false, "block table", error);
    return v->table != NULL;
}

/* New blocks go behind every block that there is. */
static void find_end(struct vpc *v)
{
    uint64_t limit = v->m.node.file->size;

    for (uint32_t i = 0; i < v->entries; i++) {
        uint64_t end = (uint64_t)v->table[i] * BLOCK_SECTOR + v->bitmap_bytes + v->m.cluster;

        if (v->table[i] != UNUSED && end <= limit) {
            v->next = MAX(v->next, end);
        }
    }
}

static bool vpc_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct vpc *v = (struct vpc *)node;

    (void)o;
    if (!read_footer(v, error)) {
        return false;
    }
    mapped_init(&v->m, &vpc_ops, BLOCK_BYTES);
    node->size = disk_size(v->footer) & ~(uint64_t)(BLOCK_SECTOR - 1);
    node->read_only = node->file->read_only;
    v->fixed = block_field_be(v->footer + 60, 4) == TYPE_FIXED;
    if (v->fixed) {
        return block_bound_one(node->filename, "current size", node->size, 0,
                               node->file->size & ~(uint64_t)(BLOCK_SECTOR - 1), error);
    }
    if (!read_table(v, error)) {
        return false;
    }
    find_end(v);
    return true;
}

static void vpc_close(struct block_node *node)
{
    struct vpc *v = (struct vpc *)node;

    mapped_finish(&v->m);
    g_free(v->table);
}

static int vpc_info(struct block_node *node, struct block_image_info *out,
                    struct block_info_row *specific)
{
    struct vpc *v = (struct vpc *)node;

    (void)specific;
    out->cluster_size = v->fixed ? 0 : v->m.cluster;
    out->unallocated_is_zero = true;
    return 0;
}

/* Making ---------------------------------------------------------------------------------------- */

struct geometry {
    uint64_t cylinders, heads, sectors;
};

/* The specification's appendix, "CHS Calculation". */
static struct geometry geometry_of(uint64_t total)
{
    struct geometry g;
    uint64_t tracks;

    total = MIN(total, MAX_CHS_SECTORS);
    if (total >= (uint64_t)65535 * 16 * 63) {
        g.sectors = 255;
        g.heads = 16;
        tracks = total / g.sectors;
    } else {
        g.sectors = 17;
        tracks = total / g.sectors;
        g.heads = MAX((tracks + 1023) / 1024, 4);
        if (tracks >= g.heads * 1024 || g.heads > 16) {
            g.sectors = 31;
            g.heads = 16;
            tracks = total / g.sectors;
        }
        if (tracks >= g.heads * 1024) {
            g.sectors = 63;
            g.heads = 16;
            tracks = total / g.sectors;
        }
    }
    g.cylinders = tracks / g.heads;
    return g;
}

/* The geometry whose size is the first at or beyond `sectors`; *sectors becomes that size. */
static struct geometry round_to_geometry(uint64_t *sectors)
{
    struct geometry g = geometry_of(*sectors);

    for (uint64_t i = 1; g.cylinders * g.heads * g.sectors < *sectors; i++) {
        if (*sectors + i > MAX_CHS_SECTORS) {
            return g; /* too large: the size counts */
        }
        g = geometry_of(*sectors + i);
    }
    *sectors = g.cylinders * g.heads * g.sectors;
    return g;
}

static void fill_footer(uint8_t *f, uint64_t size, struct geometry g, bool fixed, bool exact)
{
    memcpy(f, "conectix", 8);
    mapped_put_be(f + 8, 4, 2);
    mapped_put_be(f + 12, 4, 0x00010000);
    mapped_put_be(f + 16, 8, fixed ? UINT64_MAX : FOOTER_BYTES);
    mapped_put_be(f + 24, 4, (uint64_t)(time(NULL) - EPOCH_2000));
    memcpy(f + 28, exact ? "qem2" : "rhea", 4); /* readers take an exact size from few */
    mapped_put_be(f + 32, 4, 0x00010000);
    memcpy(f + 36, "Wi2k", 4);
    mapped_put_be(f + 40, 8, size);
    mapped_put_be(f + 48, 8, size);
    mapped_put_be(f + 56, 2, g.cylinders);
    mapped_put_be(f + 58, 1, g.heads);
    mapped_put_be(f + 59, 1, g.sectors);
    mapped_put_be(f + 60, 4, fixed ? TYPE_FIXED : TYPE_DYNAMIC);
    (void)!getrandom(f + 68, 16, 0);
    mapped_put_be(f + 64, 4, checksum(f, FOOTER_BYTES, 64));
}

static int write_dynamic(const struct block_create *c, const uint8_t *footer, uint64_t size)
{
    uint64_t entries = (size + BLOCK_BYTES - 1) / BLOCK_BYTES;
    uint64_t table = (entries * 4 + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    uint64_t total = FOOTER_BYTES + HEADER_BYTES + table + FOOTER_BYTES;
    g_autofree uint8_t *all = g_malloc0(total);
    uint8_t *h = all + FOOTER_BYTES;

    memcpy(all, footer, FOOTER_BYTES);
    memcpy(h, "cxsparse", 8);
    mapped_put_be(h + 8, 8, UINT64_MAX);
    mapped_put_be(h + 16, 8, FOOTER_BYTES + HEADER_BYTES);
    mapped_put_be(h + 24, 4, 0x00010000);
    mapped_put_be(h + 28, 4, entries);
    mapped_put_be(h + 32, 4, BLOCK_BYTES);
    mapped_put_be(h + 36, 4, checksum(h, HEADER_BYTES, 36));
    memset(h + HEADER_BYTES, 0xff, table);
    memcpy(all + total - FOOTER_BYTES, footer, FOOTER_BYTES);
    return block_node_write(c->file, 0, all, total);
}

static bool vpc_create(const struct block_create *c, GError **error)
{
    bool exact = block_option_bool(c->options, create_rows, "force_size");
    bool fixed = block_option_choice(c->options, create_rows, "subformat") == 1;
    uint64_t sectors = c->size / BLOCK_SECTOR;
    struct geometry g = exact ? geometry_of(sectors) : round_to_geometry(&sectors);
    uint64_t size = sectors * BLOCK_SECTOR;
    uint8_t footer[FOOTER_BYTES] = { 0 };
    int ret;

    if (size / BLOCK_BYTES >= MAX_ENTRIES || size > (uint64_t)2040 << 30) {
        set_error(error, "The requested size is larger than what VHD can hold (2040 GiB)");
        return false;
    }
    fill_footer(footer, size, g, fixed, exact);
    if (fixed) {
        if (!block_node_truncate(c->file, size + FOOTER_BYTES, BLOCK_PREALLOC_OFF, false, error)) {
            return false;
        }
        ret = block_node_write(c->file, size, footer, sizeof(footer));
    } else {
        ret = write_dynamic(c, footer, size);
    }
    if (ret) {
        set_error(error, "%s: cannot write: %s", c->filename, g_strerror(-ret));
    }
    return ret == 0;
}

const struct block_driver block_vpc = {
    .name = "vpc",
    .summary = "Virtual PC's and Hyper-V's VHD",
    .size = sizeof(struct vpc),
    .magic = "conectix",
    .n_magic = 8,
    .create_options = create_rows,
    .open = vpc_open,
    .close = vpc_close,
    .create = vpc_create,
    .read = mapped_read,
    .write = mapped_write,
    .write_zeroes = mapped_write_zeroes,
    .status = mapped_status,
    .info = vpc_info,
};
