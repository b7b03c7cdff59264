/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_block_change.c: nodes that come and go, media, sizes, limits, and what is done to a drive at once.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "block/throttle.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* Nodes --------------------------------------------------------------------------------------- */

bool qmp_blockdev_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(block_options) opts = block_options_new();
    struct block_open_options o = { .options = opts, .graph = block_graph_of(qmp_machine(s)) };
    char *text;
    bool ok;
    struct block_node *node;

    (void)result;
    if (!json_object_get(args, "node-name")) {
        set_error(error, "'node-name' must be specified for the root node");
        return false;
    }
    text = json_dumps(args, 0);
    ok = block_options_parse_json(opts, text, error);
    free(text);
    node = ok ? block_node_open(&o, error) : NULL;
    if (node) {
        block_graph_keep(node);
    }
    return node != NULL;
}

/* A drive that came about for the node goes with it, unless a device is in front. */
static void forget_drive(struct machine *m, const char *name)
{
    struct block_backend *blk = block_backend_find(m, name);

    if (blk && blk->of_node && !blk->front && !blk->job) {
        block_backend_free(blk);
    }
}

bool qmp_blockdev_del(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *name = qmp_str(args, "node-name", "");
    struct block_node *node = block_graph_find(block_graph_of(qmp_machine(s)), name);

    (void)result;
    if (!node) {
        set_error(error, "Failed to find node with node-name='%s'", name);
        return false;
    }
    forget_drive(qmp_machine(s), name);
    return block_graph_unkeep(node, error);
}

bool qmp_block_resize(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *device = qmp_str(args, "device", NULL), *name = qmp_str(args, "node-name", NULL);
    int64_t size = qmp_int(args, "size", 0);
    struct block_node *node = name && !device ? qmp_find_node(s, name, error) : NULL;
    struct block_backend *blk;

    (void)result;
    if (name && !device && !node) {
        return false;
    }
    if (size < 0) {
        set_error(error, "Parameter 'size' expects a >0 size");
        return false;
    }
    if (node && !qmp_drive_of_node(qmp_machine(s), node)) {
        return block_node_truncate(node, (uint64_t)size, BLOCK_PREALLOC_OFF, true, error);
    }
    blk = qmp_find_drive(s, device, NULL, name, error);
    return blk && block_live_resize(blk, (uint64_t)size, error);
}

/* Limits -------------------------------------------------------------------------------------- */

bool qmp_block_set_io_throttle(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    static const char *const names[N_LIMITS] = { "bps",  "bps_rd",  "bps_wr",
                                                 "iops", "iops_rd", "iops_wr" };
    struct block_backend *blk =
        qmp_find_drive(s, qmp_str(args, "device", NULL), qmp_str(args, "id", NULL), NULL, error);
    struct throttle_limits l;

    (void)result;
    if (!blk) {
        return false;
    }
    if (!blk->root) {
        set_error(error, "Device '%s' has no medium", blk->id);
        return false;
    }
    if (json_object_get(args, "group") && !throttle_layer(blk->root)) {
        set_error(error, "Parameter 'group' is supported for -drive throttling.group= and "
                         "-object throttle-group only");
        return false;
    }
    throttle_limits_init(&l);
    for (unsigned i = 0; i < N_LIMITS; i++) {
        g_autofree char *max = g_strconcat(names[i], "_max", NULL);
        g_autofree char *length = g_strconcat(max, "_length", NULL);

        l.avg[i] = (uint64_t)qmp_int(args, names[i], 0);
        l.max[i] = (uint64_t)qmp_int(args, max, 0);
        l.length[i] = (uint64_t)qmp_int(args, length, (int64_t)l.length[i]);
    }
    l.iops_size = (uint64_t)qmp_int(args, "iops_size", 0);
    return throttle_set(blk, &l, error);
}

/* Media --------------------------------------------------------------------------------------- */

static struct block_backend *medium_drive(struct qmp_session *s, json_t *args, GError **error)
{
    return qmp_find_drive(s, qmp_str(args, "device", NULL), qmp_str(args, "id", NULL), NULL, error);
}

bool qmp_eject(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct block_backend *blk = medium_drive(s, args, error);

    (void)result;
    return blk && block_backend_eject(blk, qmp_bool(args, "force", false), error);
}

bool qmp_blockdev_open_tray(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct block_backend *blk = medium_drive(s, args, error);

    (void)result;
    return blk && block_backend_open_tray(blk, qmp_bool(args, "force", false), error);
}

bool qmp_blockdev_close_tray(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct block_backend *blk = medium_drive(s, args, error);

    (void)result;
    return blk && block_backend_close_tray(blk, error);
}

bool qmp_blockdev_remove_medium(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    struct block_backend *blk = medium_drive(s, args, error);

    (void)result;
    return blk && block_backend_remove_medium(blk, error);
}

bool qmp_blockdev_insert_medium(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    struct block_backend *blk = medium_drive(s, args, error);
    const char *name = qmp_str(args, "node-name", "");
    struct block_node *node = blk ? qmp_find_node(s, name, error) : NULL;

    (void)result;
    if (!node) {
        return false;
    }
    if (qmp_drive_of_node(qmp_machine(s), node)) {
        set_error(error, "Node '%s' is already in use", name);
        return false;
    }
    return block_backend_insert_medium(blk, block_node_ref(node), error);
}

bool qmp_blockdev_change_medium(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    struct block_backend *blk = medium_drive(s, args, error);
    const char *mode = qmp_str(args, "read-only-mode", "retain");
    struct block_open_options o;

    (void)result;
    if (!blk) {
        return false;
    }
    o = blk->options;
    o.filename = qmp_str(args, "filename", "");
    o.format = qmp_str(args, "format", NULL);
    o.graph = block_graph_of(qmp_machine(s));
    if (strcmp(mode, "retain") != 0) {
        o.read_only = strcmp(mode, "read-only") == 0;
    }
    return block_backend_change(blk, &o, qmp_bool(args, "force", false), error);
}
