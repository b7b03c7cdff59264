/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/vmdk_create.c: making VMDK images.  Thread: the main one. */
#include <stdio.h>
#include <string.h>
#include "block/vmdk.h"
#include "util/error.h"

#define TEXT_SECTORS 20u /* room for the descriptor inside of a sparse extent */
#define SPLIT_BYTES  ((uint64_t)2 << 30)

enum subformat { MONOLITHIC_SPARSE, MONOLITHIC_FLAT, SPLIT_SPARSE, SPLIT_FLAT };

/* clang-format off */
const struct block_option_row vmdk_create_rows[] = {
    { "adapter_type", BLOCK_OPTION_CHOICE, NULL,
      "Virtual adapter type, can be one of ide (default), lsilogic, buslogic or legacyESX",
      .choices = "ide|lsilogic|buslogic|legacyESX" },
    { "backing_file", BLOCK_OPTION_STRING, NULL, "File name of a base image" },
    { "backing_fmt",  BLOCK_OPTION_CHOICE, NULL, "Must be 'vmdk' if present", .choices = "vmdk" },
    { "compat6",      BLOCK_OPTION_BOOL,   "off", "VMDK version 6 image" },
    { "hwversion",    BLOCK_OPTION_STRING, "undefined", "VMDK hardware version" },
    { "subformat",    BLOCK_OPTION_CHOICE, NULL,
      "VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat | "
      "twoGbMaxExtentSparse | twoGbMaxExtentFlat} ",
      .choices = "monolithicSparse|monolithicFlat|twoGbMaxExtentSparse|twoGbMaxExtentFlat" },
    { "toolsversion", BLOCK_OPTION_STRING, NULL, "VMware guest tools version" },
    { 0 }
};
/* clang-format on */

static bool failed(const char *filename, int ret, GError **error)
{
    if (ret) {
        set_error(error, "%s: cannot write: %s", filename, g_strerror(-ret));
    }
    return ret != 0;
}

/*
 * Header, room for the descriptor, the redundant directory and its tables, the directory and its
 * tables; then, at a grain's border, grains.
 */
static bool write_sparse(struct block_node *file, uint64_t bytes, bool with_text, GError **error)
{
    uint64_t grains = (bytes + VMDK_GRAIN - 1) / VMDK_GRAIN;
    uint64_t tables = (grains + VMDK_TABLE - 1) / VMDK_TABLE;
    uint64_t table_sectors = VMDK_TABLE * 4 / BLOCK_SECTOR;
    uint64_t directory = (tables * 4 + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    uint64_t one = directory + tables * table_sectors;
    uint64_t first = 1 + (with_text ? TEXT_SECTORS : 0), grain = VMDK_GRAIN / BLOCK_SECTOR;
    uint64_t overhead = (first + 2 * one + grain - 1) / grain * grain;
    g_autofree uint8_t *head = g_malloc0(overhead * BLOCK_SECTOR);

    memcpy(head, "KDMV", 4);
    mapped_put_le(head + 4, 4, 1);
    mapped_put_le(head + 8, 4, 3); /* line ends can be checked; there is a redundant directory */
    mapped_put_le(head + 12, 8, bytes / BLOCK_SECTOR);
    mapped_put_le(head + 20, 8, grain);
    mapped_put_le(head + 28, 8, with_text ? 1 : 0);
    mapped_put_le(head + 36, 8, with_text ? TEXT_SECTORS : 0);
    mapped_put_le(head + 44, 4, VMDK_TABLE);
    mapped_put_le(head + 48, 8, first);
    mapped_put_le(head + 56, 8, first + one);
    mapped_put_le(head + 64, 8, overhead);
    memcpy(head + 73, "\n \r\n", 4);
    for (unsigned copy = 0; copy < 2; copy++) {
        uint64_t at = first + copy * one;

        for (uint64_t i = 0; i < tables; i++) {
            mapped_put_le(head + at * BLOCK_SECTOR + i * 4, 4, at + directory + i * table_sectors);
        }
    }
    return !failed(file->filename, block_node_write(file, 0, head, overhead * BLOCK_SECTOR), error);
}

/* A file beside the image for one extent. */
static bool make_extent(const struct block_create *c, const char *path, uint64_t bytes, bool sparse,
                        GError **error)
{
    g_autoptr(block_options) options = block_options_new();
    struct block_open_options o = { .filename = path, .format = "file", .graph = c->graph };
    g_autoptr(block_node) file = NULL;

    block_options_setf(options, "size", "%" G_GUINT64_FORMAT, sparse ? 0 : bytes);
    if (!block_create("file", path, options, c->graph, error)) {
        return false;
    }
    if (!sparse) {
        return true;
    }
    file = block_node_open(&o, error);
    return file && write_sparse(file, bytes, false, error) &&
           !failed(path, block_node_flush(file), error);
}

/* "RW sectors TYPE \"file\"" for each extent; the files are made. */
static bool make_extents(const struct block_create *c, enum subformat sub, GString *lines,
                         GError **error)
{
    bool sparse = sub == MONOLITHIC_SPARSE || sub == SPLIT_SPARSE;
    bool split = sub == SPLIT_SPARSE || sub == SPLIT_FLAT;
    g_autofree char *base = g_path_get_basename(c->filename);
    g_autofree char *folder = g_path_get_dirname(c->filename);
    const char *suffix = g_str_has_suffix(base, ".vmdk") ? ".vmdk" : "";
    unsigned number = 0;

    if (sub == MONOLITHIC_SPARSE) {
        g_string_append_printf(lines, "RW %" G_GUINT64_FORMAT " SPARSE \"%s\"\n",
                               c->size / BLOCK_SECTOR, base);
        return write_sparse(c->file, c->size, true, error);
    }
    if (strpbrk(base, "\"\n\r")) {
        set_error(error, "a descriptor cannot say the name '%s'", base);
        return false;
    }
    base[strlen(base) - strlen(suffix)] = '\0';
    for (uint64_t done = 0; done < c->size;) {
        uint64_t bytes = split ? MIN(SPLIT_BYTES, c->size - done) : c->size;
        g_autofree char *name =
            split ? g_strdup_printf("%s-%c%03u.vmdk", base, sparse ? 's' : 'f', ++number)
                  : g_strdup_printf("%s-flat.vmdk", base);
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (!make_extent(c, path, bytes, sparse, error)) {
            return false;
        }
        g_string_append_printf(lines, "RW %" G_GUINT64_FORMAT " %s \"%s\"%s\n",
                               bytes / BLOCK_SECTOR, sparse ? "SPARSE" : "FLAT", name,
                               sparse ? "" : " 0");
        done += bytes;
    }
    return true;
}

/* The parent's id, which says of what content this image is the difference. */
static bool parent_cid(const struct block_create *c, const char *name, uint32_t *cid,
                       GError **error)
{
    g_autofree char *path = block_path_combine(c->filename, name);
    struct block_open_options o = {
        .filename = path, .format = "vmdk", .graph = c->graph, .read_only = true
    };
    g_autoptr(block_node) parent = block_node_open(&o, error);

    if (!parent) {
        return false;
    }
    *cid = ((struct vmdk *)parent)->cid;
    return true;
}

static char *descriptor(const struct block_create *c, const char *create_type, uint32_t parent,
                        const char *extents)
{
    const char *name = block_option_string(c->options, vmdk_create_rows, "backing_file");
    const char *hardware = block_option_string(c->options, vmdk_create_rows, "hwversion");
    const char *tools = block_option_string(c->options, vmdk_create_rows, "toolsversion");
    const char *adapter = block_option_string(c->options, vmdk_create_rows, "adapter_type");
    bool version_6 = block_option_bool(c->options, vmdk_create_rows, "compat6");
    bool ide = !adapter || strcmp(adapter, "ide") == 0;
    unsigned heads = ide ? 16 : 255;

    return g_strdup_printf(
        "# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=%08x\ncreateType=\"%s\"\n%s%s%s\n"
        "# Extent description\n%s\n# The Disk Data Base\n#DDB\n\n"
        "ddb.virtualHWVersion = \"%s\"\nddb.geometry.cylinders = \"%" G_GUINT64_FORMAT "\"\n"
        "ddb.geometry.heads = \"%u\"\nddb.geometry.sectors = \"63\"\nddb.adapterType = \"%s\"\n"
        "ddb.toolsVersion = \"%s\"\n",
        g_random_int(), parent, create_type, name ? "parentFileNameHint=\"" : "", name ? name : "",
        name ? "\"\n" : "", extents,
        strcmp(hardware, "undefined") != 0 ? hardware
        : version_6                        ? "6"
                                           : "4",
        c->size / BLOCK_SECTOR / 63 / heads, heads, adapter ? adapter : "ide",
        tools ? tools : "2147483647");
}

bool vmdk_create(const struct block_create *c, GError **error)
{
    static const char *const types[] = { "monolithicSparse", "monolithicFlat",
                                         "twoGbMaxExtentSparse", "twoGbMaxExtentFlat" };
    enum subformat sub = block_option_choice(c->options, vmdk_create_rows, "subformat");
    const char *backing = block_option_string(c->options, vmdk_create_rows, "backing_file");
    g_autoptr(GString) extents = g_string_new("");
    uint32_t parent = VMDK_NO_PARENT;
    g_autofree char *text = NULL;

    if (block_option_bool(c->options, vmdk_create_rows, "compat6") &&
        strcmp(block_option_string(c->options, vmdk_create_rows, "hwversion"), "undefined") != 0) {
        set_error(error, "compat6 cannot be enabled with hwversion set");
        return false;
    }
    if (backing && (sub == MONOLITHIC_FLAT || sub == SPLIT_FLAT)) {
        set_error(error, "Flat image can't have backing file");
        return false;
    }
    if (backing && strpbrk(backing, "\"\n\r")) {
        set_error(error, "a descriptor cannot say the name '%s'", backing);
        return false;
    }
    if (backing && !parent_cid(c, backing, &parent, error)) {
        return false;
    }
    if (!make_extents(c, sub, extents, error)) {
        return false;
    }
    text = descriptor(c, types[sub], parent, extents->str);
    if (sub == MONOLITHIC_SPARSE && strlen(text) > TEXT_SECTORS * BLOCK_SECTOR) {
        set_error(error, "the descriptor is longer than %u bytes", TEXT_SECTORS * BLOCK_SECTOR);
        return false;
    }
    return !failed(
        c->filename,
        block_node_write(c->file, sub == MONOLITHIC_SPARSE ? BLOCK_SECTOR : 0, text, strlen(text)),
        error);
}
