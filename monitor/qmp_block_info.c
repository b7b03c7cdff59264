/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_block_info.c: images and nodes as query-block and query-named-block-nodes show them.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/throttle.h"
#include "monitor/qmp_block.h"

#define MAX_CHAIN 200u

/* Images -------------------------------------------------------------------------------------- */

static json_t *describe_row(const struct block_info_row *row)
{
    json_t *value;

    switch (row->type) {
    case BLOCK_INFO_STRING:
        return qmp_text(row->string);
    case BLOCK_INFO_UINT:
        return json_integer((json_int_t)row->number);
    case BLOCK_INFO_BOOL:
        return json_boolean(row->number != 0);
    default:
        break;
    }
    value = row->type == BLOCK_INFO_LIST ? json_array() : json_object();
    for (unsigned i = 0; i < row->rows->len; i++) {
        const struct block_info_row *child = g_ptr_array_index(row->rows, i);

        if (row->type == BLOCK_INFO_LIST) {
            json_array_append_new(value, describe_row(child));
        } else {
            json_object_set_new(value, child->name, describe_row(child));
        }
    }
    return value;
}

json_t *qmp_snapshot_info(const struct block_snapshot *s)
{
    json_t *o =
        json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "id", qmp_text(s->id), "name",
                  qmp_text(s->name), "vm-state-size", (json_int_t)s->vm_state_size, "date-sec",
                  (json_int_t)s->date_sec, "date-nsec", (json_int_t)s->date_nsec, "vm-clock-sec",
                  (json_int_t)(s->vm_clock_nsec / 1000000000), "vm-clock-nsec",
                  (json_int_t)(s->vm_clock_nsec % 1000000000));

    if (s->icount != UINT64_MAX) {
        json_object_set_new(o, "icount", json_integer((json_int_t)s->icount));
    }
    return o;
}

static json_t *describe_snapshots(struct block_node *node)
{
    g_autoptr(GPtrArray) list = block_snapshots(node);
    json_t *snapshots;

    if (!list || list->len == 0) {
        return NULL;
    }
    snapshots = json_array();
    for (unsigned i = 0; i < list->len; i++) {
        json_array_append_new(snapshots, qmp_snapshot_info(g_ptr_array_index(list, i)));
    }
    return snapshots;
}

/* Formats whose data the schema describes. */
static bool has_data(const char *format)
{
    static const char *const names[] = { "qcow2", "vmdk", "luks", NULL };

    return g_strv_contains(names, format);
}

static void add_format(json_t *o, struct block_node *node)
{
    g_autoptr(block_info_row) rows = block_info_new();
    struct block_image_info info = { 0 };

    if (block_node_info(node, &info, rows) == 0) {
        json_object_set_new(o, "dirty-flag", json_boolean(info.dirty));
        if (info.cluster_size) {
            json_object_set_new(o, "cluster-size", json_integer((json_int_t)info.cluster_size));
        }
        if (info.encrypted) {
            json_object_set_new(o, "encrypted", json_true());
        }
        if (info.compressed) {
            json_object_set_new(o, "compressed", json_true());
        }
    }
    if (rows->rows->len && has_data(node->driver->name)) {
        json_object_set_new(
            o, "format-specific",
            json_pack("{s:s, s:o}", "type", node->driver->name, "data", describe_row(rows)));
    }
}

static json_t *describe_image(struct block_node *node, bool flat, unsigned depth)
{
    int64_t allocated = block_node_allocated(node);
    json_t *o = json_pack("{s:o, s:s, s:I}", "filename", qmp_text(node->filename), "format",
                          node->driver->name, "virtual-size", (json_int_t)node->size);

    if (allocated >= 0) {
        json_object_set_new(o, "actual-size", json_integer(allocated));
    }
    add_format(o, node);
    if (node->backing_name) {
        g_autofree char *full = block_path_combine(node->filename, node->backing_name);

        json_object_set_new(o, "backing-filename", qmp_text(node->backing_name));
        json_object_set_new(o, "full-backing-filename", qmp_text(full));
    }
    if (node->backing_name && node->backing_format) {
        json_object_set_new(o, "backing-filename-format", qmp_text(node->backing_format));
    }
    if (describe_snapshots(node)) {
        json_object_set_new(o, "snapshots", describe_snapshots(node));
    }
    if (!flat && node->backing && depth < MAX_CHAIN) {
        json_object_set_new(o, "backing-image",
                            describe_image(qmp_image_of(node->backing), flat, depth + 1));
    }
    return o;
}

/* Nodes --------------------------------------------------------------------------------------- */

struct block_node *qmp_image_of(struct block_node *root)
{
    while (root->file && (root->driver->filter || root->driver->hidden)) {
        root = root->file;
    }
    return root;
}

static unsigned depth_of(const struct block_node *node)
{
    unsigned depth = 0;

    while (node->backing && depth < MAX_CHAIN) {
        node = qmp_image_of(node->backing);
        depth++;
    }
    return depth;
}

static void add_limits(json_t *o, struct block_backend *blk)
{
    static const char *const names[N_LIMITS] = { "bps",  "bps_rd",  "bps_wr",
                                                 "iops", "iops_rd", "iops_wr" };
    struct block_node *layer = blk && blk->root ? throttle_layer(blk->root) : NULL;
    struct throttle_limits l;
    const char *group;

    throttle_limits_init(&l);
    group = layer ? throttle_layer_get(layer, &l) : NULL;
    for (unsigned i = 0; i < N_LIMITS; i++) {
        g_autofree char *max = g_strconcat(names[i], "_max", NULL);
        g_autofree char *length = g_strconcat(max, "_length", NULL);

        json_object_set_new(o, names[i], json_integer((json_int_t)l.avg[i]));
        if (layer && l.max[i]) {
            json_object_set_new(o, max, json_integer((json_int_t)l.max[i]));
            json_object_set_new(o, length, json_integer((json_int_t)l.length[i]));
        }
    }
    if (layer && l.iops_size) {
        json_object_set_new(o, "iops_size", json_integer((json_int_t)l.iops_size));
    }
    if (group) {
        json_object_set_new(o, "group", qmp_text(group));
    }
}

static json_t *describe_bitmaps(struct block_node *node)
{
    g_autoptr(GPtrArray) list = block_bitmaps(node);
    json_t *bitmaps;

    if (!list || list->len == 0) {
        return NULL;
    }
    bitmaps = json_array();
    for (unsigned i = 0; i < list->len; i++) {
        const struct block_bitmap *b = g_ptr_array_index(list, i);
        uint64_t set = 0;
        json_t *o;

        for (uint64_t n = 0; n < b->bits / 8; n++) {
            set += (unsigned)__builtin_popcount(b->bytes[n]);
        }
        for (uint64_t n = b->bits & ~7ull; n < b->bits; n++) {
            set += b->bytes[n / 8] >> (n % 8) & 1;
        }
        o = json_pack("{s:o, s:I, s:I, s:b, s:b, s:b}", "name", qmp_text(b->name), "count",
                      (json_int_t)MIN(set * b->granularity, node->size), "granularity",
                      (json_int_t)b->granularity, "recording", b->enabled, "busy", 0, "persistent",
                      1);
        if (b->in_use) {
            json_object_set_new(o, "inconsistent", json_true());
        }
        json_array_append_new(bitmaps, o);
    }
    return bitmaps;
}

json_t *qmp_node_info(struct block_backend *blk, struct block_node *node, bool flat)
{
    enum block_cache cache = blk ? blk->options.cache : node->cache;
    bool direct = cache == BLOCK_CACHE_NONE || cache == BLOCK_CACHE_DIRECTSYNC;
    struct block_image_info info = { 0 };
    json_t *bitmaps = describe_bitmaps(node), *o;

    block_node_info(node, &info, NULL);
    o = json_pack(
        "{s:o, s:s*, s:b, s:s, s:i, s:b, s:s, s:o, s:{s:b, s:b, s:b}, s:I}", "file",
        qmp_text(node->filename), "node-name", node->node_name, "ro",
        blk ? block_read_only(blk) : node->read_only, "drv", node->driver->name,
        "backing_file_depth", (int)depth_of(node), "encrypted", info.encrypted, "detect_zeroes",
        node->detect_unmap    ? "unmap"
        : node->detect_zeroes ? "on"
                              : "off",
        "image", describe_image(node, flat, 0), "cache", "writeback", blk ? blk->write_cache : true,
        "direct", direct, "no-flush", cache == BLOCK_CACHE_UNSAFE, "write_threshold",
        (json_int_t)__atomic_load_n(&node->write_threshold, __ATOMIC_RELAXED));
    add_limits(o, blk);
    if (node->backing) {
        json_object_set_new(o, "backing_file", qmp_text(qmp_image_of(node->backing)->filename));
    }
    if (bitmaps) {
        json_object_set_new(o, "dirty-bitmaps", bitmaps);
    }
    return o;
}
