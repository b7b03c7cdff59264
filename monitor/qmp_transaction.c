/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_transaction.c: snapshots, bitmaps, and several such actions as one: the first that fails undoes those
 * before it.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* Snapshots ----------------------------------------------------------------------------------- */

bool qmp_blockdev_snapshot(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct block_backend *blk = qmp_drive_or_node(s, qmp_str(args, "node", ""), error);
    struct block_node *overlay = blk ? qmp_find_node(s, qmp_str(args, "overlay", ""), error) : NULL;

    (void)result;
    if (!overlay) {
        return false;
    }
    if (qmp_drive_of_node(qmp_machine(s), overlay)) {
        set_error(error, "The overlay is already in use");
        return false;
    }
    return block_live_overlay(blk, block_node_ref(overlay), error);
}

bool qmp_blockdev_snapshot_sync(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    struct block_backend *blk = qmp_find_drive(s, qmp_str(args, "device", NULL), NULL,
                                               qmp_str(args, "node-name", NULL), error);
    bool reuse = strcmp(qmp_str(args, "mode", "absolute-paths"), "existing") == 0;

    (void)result;
    if (json_object_get(args, "snapshot-node-name")) {
        set_error(error, "Parameter 'snapshot-node-name' is not supported: use blockdev-snapshot");
        return false;
    }
    return blk && block_live_snapshot(blk, qmp_str(args, "snapshot-file", ""),
                                      qmp_str(args, "format", "qcow2"), reuse, error);
}

/* Bitmaps ------------------------------------------------------------------------------------- */

/* While no transfer of the drive's runs. */
static bool change_bitmap(struct qmp_session *s, const json_t *args, const char *name,
                          struct block_bitmap_change *change, GError **error)
{
    struct block_node *node = qmp_find_node(s, qmp_str(args, "node", ""), error);
    struct block_backend *blk = node ? qmp_drive_of_node(qmp_machine(s), node) : NULL;
    bool ok;

    if (!node) {
        return false;
    }
    change->name = name;
    if (!blk) {
        block_exports_quiesce(qmp_machine(s));
        return block_bitmap_change(node, change, error);
    }
    block_lock(blk);
    block_drain(blk);
    ok = block_bitmap_change(node, change, error);
    block_unlock(blk);
    return ok;
}

static bool simple_change(struct qmp_session *s, const json_t *args, enum block_bitmap_op op,
                          GError **error)
{
    struct block_bitmap_change change = { .op = op };

    return change_bitmap(s, args, qmp_str(args, "name", ""), &change, error);
}

bool qmp_bitmap_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    int64_t granularity = qmp_int(args, "granularity", 0);
    struct block_bitmap_change change = { .op = BLOCK_BITMAP_ADD,
                                          .granularity = (uint32_t)granularity };

    (void)result;
    if (!qmp_bool(args, "persistent", false)) {
        set_error(error, "Bitmaps are in images here: 'persistent' must be true");
        return false;
    }
    if (granularity > (1u << 31)) {
        set_error(error, "Granularity must be at most 2 GiB");
        return false;
    }
    return change_bitmap(s, args, qmp_str(args, "name", ""), &change, error) &&
           (!qmp_bool(args, "disabled", false) ||
            simple_change(s, args, BLOCK_BITMAP_DISABLE, error));
}

#define BITMAP(function, op)                                                                       \
    bool function(struct qmp_session *s, json_t *args, json_t **result, GError **error)            \
    {                                                                                              \
        (void)result;                                                                              \
        return simple_change(s, args, op, error);                                                  \
    }

BITMAP(qmp_bitmap_remove, BLOCK_BITMAP_REMOVE)
BITMAP(qmp_bitmap_clear, BLOCK_BITMAP_CLEAR)
BITMAP(qmp_bitmap_enable, BLOCK_BITMAP_ENABLE)
BITMAP(qmp_bitmap_disable, BLOCK_BITMAP_DISABLE)

/* Each source is a name in the same image, or a node and a name. */
bool qmp_bitmap_merge(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *source;
    size_t i;

    (void)result;
    json_array_foreach(json_object_get(args, "bitmaps"), i, source)
    {
        const char *node =
            json_is_string(source) ? qmp_str(args, "node", "") : qmp_str(source, "node", "");
        struct block_bitmap_change change = { .op = BLOCK_BITMAP_MERGE };

        change.from = qmp_find_node(s, node, error);
        change.from_name =
            json_is_string(source) ? json_string_value(source) : qmp_str(source, "name", "");
        if (!change.from || !change_bitmap(s, args, qmp_str(args, "target", ""), &change, error)) {
            return false;
        }
    }
    return true;
}

/* Transactions -------------------------------------------------------------------------------- */

static bool abort_action(struct qmp_session *s, json_t *data, json_t **result, GError **error)
{
    (void)s;
    (void)data;
    (void)result;
    set_error(error, "Transaction aborted using Abort action");
    return false;
}

static void undo_overlay(struct qmp_session *s, json_t *data)
{
    struct block_backend *blk = qmp_drive_or_node(s, qmp_str(data, "overlay", ""), NULL);

    if (blk) {
        block_live_overlay_undo(blk);
    }
}

static void undo_bitmap(struct qmp_session *s, json_t *data)
{
    simple_change(s, data, BLOCK_BITMAP_REMOVE, NULL);
}

static void undo_backup(struct qmp_session *s, json_t *data)
{
    const char *id = qmp_str(data, "job-id", qmp_str(data, "device", ""));
    struct block_live *job = block_live_find(qmp_machine(s), id);

    if (job) {
        block_live_cancel(job, true);
    }
}

static const struct action {
    const char *type;
    qmp_fn *run;
    void (*undo)(struct qmp_session *s, json_t *data);
} actions[] = {
    { "abort", abort_action, NULL }, /* is never undone */
    { "blockdev-snapshot", qmp_blockdev_snapshot, undo_overlay },
    { "blockdev-snapshot-internal-sync", qmp_blockdev_snapshot_internal_sync,
      qmp_undo_snapshot_internal },
    { "block-dirty-bitmap-add", qmp_bitmap_add, undo_bitmap },
    { "blockdev-backup", qmp_blockdev_backup, undo_backup },
};

static const struct action *find_action(const json_t *action)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].type, qmp_str(action, "type", "")) == 0) {
            return &actions[i];
        }
    }
    return NULL; /* the schema has no others */
}

bool qmp_transaction(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *list = json_object_get(args, "actions"), *action;
    size_t done;

    (void)result;
    if (strcmp(qmp_str(json_object_get(args, "properties"), "completion-mode", "individual"),
               "individual") != 0) {
        set_error(error, "completion-mode 'grouped' is not supported");
        return false;
    }
    json_array_foreach(list, done, action)
    {
        const struct action *a = find_action(action);
        json_t *data = json_object_get(action, "data"), *none = NULL;

        if (a && a->run(s, data, &none, error)) {
            continue;
        }
        while (done-- > 0) {
            action = json_array_get(list, done);
            find_action(action)->undo(s, json_object_get(action, "data"));
        }
        return false;
    }
    return true;
}
