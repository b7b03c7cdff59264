/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_block.c: what drives and nodes there are, what was transferred, nodes that come and go, media.
 * Thread: main loop, machine lock held.
 */
#include "monitor/qmp_block.h"

#include <errno.h>
#include <string.h>
#include "block/live.h"
#include "block/throttle.h"
#include "monitor/qom.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* Finding ------------------------------------------------------------------------------------- */

/* A drive that came about for a node is no drive to clients unless a device is in front. */
static bool is_seen(const struct block_backend *blk)
{
    return !blk->of_node || blk->front;
}

struct block_backend *qmp_drive_of_node(struct machine *m, const struct block_node *node)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        const struct block_node *n = blk->root;

        while (n && n != node && n->file && (n->driver->filter || n->driver->hidden)) {
            n = n->file;
        }
        if (n && n == node && is_seen(blk)) {
            return blk;
        }
    }
    return NULL;
}

struct block_node *qmp_find_node(struct qmp_session *s, const char *name, GError **error)
{
    struct block_node *node = block_graph_find(block_graph_of(qmp_machine(s)), name);

    if (!node) {
        set_error(error, "Cannot find device='%s' nor node-name='%s'", "", name);
    }
    return node;
}

static struct block_backend *drive_of_device(struct qmp_session *s, const char *id, GError **error)
{
    struct device *dev = qom_find_device(qmp_machine(s), id, error);
    struct block_backend *blk;

    for (unsigned i = 0; dev && (blk = block_backend_nth(qmp_machine(s), i)); i++) {
        if (device_with_drive(qmp_machine(s), blk) == dev) {
            return blk;
        }
    }
    if (dev) {
        set_error(error, "Device '%s' has no drive", id);
    }
    return NULL;
}

struct block_backend *qmp_find_drive(struct qmp_session *s, const char *device, const char *id,
                                     const char *node, GError **error)
{
    struct block_backend *blk = device ? block_backend_find(qmp_machine(s), device) : NULL;
    struct block_node *found;

    if (!!device + !!id + !!node != 1) {
        set_error(error, node || device
                             ? "'device' and 'node-name' are mutually exclusive: give one of them"
                             : "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    if (id) {
        return drive_of_device(s, id, error);
    }
    if (device && (!blk || blk->of_node)) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", device);
        return NULL;
    }
    if (!device) {
        found = qmp_find_node(s, node, error);
        blk = found ? qmp_drive_of_node(qmp_machine(s), found) : NULL;
        if (found && !blk) {
            set_error(error, "Node '%s' is not the image of a drive", node);
        }
    }
    return blk;
}

struct block_backend *qmp_drive_or_node(struct qmp_session *s, const char *name, GError **error)
{
    struct block_backend *blk = block_backend_find(qmp_machine(s), name);
    struct block_node *node;

    if (blk && !blk->of_node) {
        return blk;
    }
    node = block_graph_find(block_graph_of(qmp_machine(s)), name);
    blk = node ? qmp_drive_of_node(qmp_machine(s), node) : NULL;
    if (!node) {
        set_error(error, "Cannot find device='%s' nor node-name='%s'", name, name);
    } else if (!blk) {
        set_error(error, "Node '%s' is not the image of a drive", name);
    }
    return blk;
}

/* Questions ----------------------------------------------------------------------------------- */

static const char *drive_name(const struct block_backend *blk)
{
    return blk->of_node ? "" : blk->id;
}

static char *qdev_of(const struct block_backend *blk)
{
    const struct device *dev = device_with_drive(blk->machine, blk);

    return dev ? device_qdev_id(dev) : NULL;
}

static json_t *describe_drive(struct block_backend *blk)
{
    g_autofree char *qdev = qdev_of(blk);
    bool locked = blk->front && blk->front->is_locked && blk->front->is_locked(blk->front_opaque);
    json_t *o = json_pack("{s:o, s:s*, s:s, s:b, s:b}", "device", qmp_text(drive_name(blk)), "qdev",
                          qdev, "type", "unknown", "removable", blk->removable, "locked", locked);

    if (blk->front) {
        json_object_set_new(o, "io-status",
                            json_string(!blk->io_error            ? "ok"
                                        : blk->io_error == ENOSPC ? "nospace"
                                                                  : "failed"));
    }
    if (blk->removable && blk->front && blk->front->tray_is_open) {
        json_object_set_new(o, "tray_open",
                            json_boolean(blk->front->tray_is_open(blk->front_opaque)));
    }
    if (blk->root) {
        json_object_set_new(o, "inserted", qmp_node_info(blk, qmp_image_of(blk->root), false));
    }
    return o;
}

bool qmp_query_block(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct block_backend *blk;

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; (blk = block_backend_nth(qmp_machine(s), i)); i++) {
        if (is_seen(blk)) {
            json_array_append_new(*result, describe_drive(blk));
        }
    }
    return true;
}

bool qmp_query_named_block_nodes(struct qmp_session *s, json_t *args, json_t **result,
                                 GError **error)
{
    g_autoptr(GPtrArray) nodes = block_graph_nodes(block_graph_of(qmp_machine(s)));
    bool flat = qmp_bool(args, "flat", false);

    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < nodes->len; i++) {
        struct block_node *node = g_ptr_array_index(nodes, i);

        if (!node->driver->hidden) {
            json_array_append_new(*result, qmp_node_info(NULL, node, flat));
        }
    }
    return true;
}

/* Counters ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum block_op op;
} counted[] = { { "rd", BLOCK_READ }, { "wr", BLOCK_WRITE }, { "unmap", BLOCK_DISCARD } };

static void put_count(json_t *o, const char *format, const char *name, uint64_t value)
{
    g_autofree char *key = g_strdup_printf("%s%s", name, format);

    json_object_set_new(o, key, json_integer((json_int_t)value));
}

static json_t *describe_counters(const struct block_stats *s)
{
    static const char *const failures[] = { "rd", "wr", "flush", "unmap" };
    json_t *o = json_pack("{s:I, s:b, s:b, s:[]}", "wr_highest_offset", (json_int_t)s->highest,
                          "account_invalid", 1, "account_failed", 1, "timed_stats");

    for (unsigned i = 0; i < G_N_ELEMENTS(counted); i++) {
        enum block_op op = counted[i].op;

        put_count(o, "_bytes", counted[i].name, s->bytes[op]);
        put_count(o, "_operations", counted[i].name, s->operations[op]);
        put_count(o, "_total_time_ns", counted[i].name, (uint64_t)s->time_us[op] * 1000);
        put_count(o, "_merged", counted[i].name, 0);
    }
    put_count(o, "_operations", "flush", s->operations[BLOCK_FLUSH]);
    put_count(o, "_total_time_ns", "flush", (uint64_t)s->time_us[BLOCK_FLUSH] * 1000);
    for (unsigned i = 0; i < G_N_ELEMENTS(failures); i++) {
        static const enum block_op ops[] = { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };
        g_autofree char *failed = g_strdup_printf("failed_%s_operations", failures[i]);
        g_autofree char *invalid = g_strdup_printf("invalid_%s_operations", failures[i]);

        json_object_set_new(o, failed, json_integer((json_int_t)s->failed[ops[i]]));
        json_object_set_new(o, invalid, json_integer(0));
    }
    return o;
}

/* Zeroes that are written count as writes. */
static struct block_stats stats_of(struct block_backend *blk)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_stats s = blk->stats;

    s.bytes[BLOCK_WRITE] += s.bytes[BLOCK_WRITE_ZEROES];
    s.operations[BLOCK_WRITE] += s.operations[BLOCK_WRITE_ZEROES];
    s.time_us[BLOCK_WRITE] += s.time_us[BLOCK_WRITE_ZEROES];
    s.failed[BLOCK_WRITE] += s.failed[BLOCK_WRITE_ZEROES];
    return s;
}

static json_t *describe_node_counters(const struct block_node *node)
{
    static const struct block_stats none;

    return json_pack("{s:s*, s:o}", "node-name", node->node_name, "stats",
                     describe_counters(&none));
}

static json_t *describe_drive_counters(struct block_backend *blk)
{
    struct block_stats stats = stats_of(blk);
    g_autofree char *qdev = qdev_of(blk);
    struct block_node *image = blk->root ? qmp_image_of(blk->root) : NULL;
    json_t *o =
        json_pack("{s:o, s:s*, s:s*, s:o}", "device", qmp_text(drive_name(blk)), "qdev", qdev,
                  "node-name", image ? image->node_name : NULL, "stats", describe_counters(&stats));

    if (image && image->file) {
        json_object_set_new(o, "parent", describe_node_counters(image->file));
    }
    if (image && image->backing) {
        json_object_set_new(o, "backing", describe_node_counters(qmp_image_of(image->backing)));
    }
    return o;
}

bool qmp_query_blockstats(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    struct block_backend *blk;

    (void)error;
    *result = json_array();
    if (qmp_bool(args, "query-nodes", false)) {
        g_autoptr(GPtrArray) nodes = block_graph_nodes(block_graph_of(m));

        for (unsigned i = 0; i < nodes->len; i++) {
            struct block_node *node = g_ptr_array_index(nodes, i);

            if (!node->driver->hidden) {
                json_array_append_new(*result, describe_node_counters(node));
            }
        }
        return true;
    }
    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (is_seen(blk)) {
            json_array_append_new(*result, describe_drive_counters(blk));
        }
    }
    return true;
}
