/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_snapshot.c: snapshots inside of images: of whole machines as jobs (snapshot-save and its like), of one
 * drive at once (blockdev-snapshot-internal-sync and its like).
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "migration/snapshot.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* Of whole machines --------------------------------------------------------------------------- */

typedef bool snapshot_fn(struct machine *m, const char *name, const struct snapshot_choice *choice,
                         GError **error);

/* What a job does. */
struct work {
    struct machine *m;
    json_t *args;
    snapshot_fn *fn;
};

static bool run_work(void *opaque, GError **error)
{
    const struct work *w = opaque;
    g_autoptr(GPtrArray) devices = g_ptr_array_new();
    struct snapshot_choice choice = { .vmstate = qmp_str(w->args, "vmstate", NULL) };
    json_t *name;
    size_t i;

    json_array_foreach(json_object_get(w->args, "devices"), i, name)
    {
        g_ptr_array_add(devices, (gpointer)json_string_value(name));
    }
    g_ptr_array_add(devices, NULL);
    choice.devices = (const char *const *)devices->pdata;
    return w->fn(w->m, qmp_str(w->args, "tag", ""), &choice, error);
}

/* The guest and the monitors wait for its end. */
static bool run_job(struct qmp_session *s, json_t *args, const char *type, snapshot_fn *fn,
                    GError **error)
{
    struct work w = { qmp_machine(s), args, fn };

    if (!*qmp_str(args, "tag", "")) {
        set_error(error, "Parameter 'tag' expects a name");
        return false;
    }
    return qmp_job_at_once(w.m, qmp_str(args, "job-id", ""), type, run_work, &w, error);
}

bool qmp_snapshot_save(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return run_job(s, args, "snapshot-save", snapshot_save, error);
}

bool qmp_snapshot_load(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return run_job(s, args, "snapshot-load", snapshot_load, error);
}

bool qmp_snapshot_delete(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return run_job(s, args, "snapshot-delete", snapshot_delete, error);
}

/* Of one drive -------------------------------------------------------------------------------- */

static bool check_drive(const struct block_backend *blk, GError **error)
{
    if (!blk->root) {
        set_error(error, "Device '%s' has no medium", blk->id);
        return false;
    }
    if (blk->job) {
        set_error(error, "Device '%s' is busy: it has a block job", blk->id);
        return false;
    }
    if (!block_snapshots_possible(blk->root)) {
        set_error(error,
                  "Block format '%s' used by device '%s' does not support internal snapshots",
                  qmp_image_of(blk->root)->driver->name, blk->id);
        return false;
    }
    return true;
}

/* With this name (NULL: any) and this id; NULL: there is none. */
static const struct block_snapshot *find(const GPtrArray *list, const char *name, const char *id)
{
    for (unsigned i = 0; i < list->len; i++) {
        const struct block_snapshot *s = g_ptr_array_index(list, i);

        if ((!name || strcmp(s->name, name) == 0) && (!id || strcmp(s->id, id) == 0)) {
            return s;
        }
    }
    return NULL;
}

static bool create(struct block_backend *blk, const char *name, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    g_autoptr(GPtrArray) list = NULL;
    int64_t now = g_get_real_time();
    struct block_snapshot s = {
        .name = (char *)name,
        .date_sec = now / G_USEC_PER_SEC,
        .date_nsec = (uint32_t)(now % G_USEC_PER_SEC) * 1000,
        .vm_clock_nsec = (uint64_t)clock_now(blk->machine, CLOCK_KIND_VIRTUAL),
        .icount = UINT64_MAX,
    };

    if (!check_drive(blk, error)) {
        return false;
    }
    if (!*name) {
        set_error(error, "Name is empty");
        return false;
    }
    list = block_snapshots(blk->root);
    if (find(list, name, NULL)) {
        set_error(error, "Snapshot with name '%s' already exists on device '%s'", name, blk->id);
        return false;
    }
    block_drain(blk);
    s.disk_size = blk->root->size;
    return block_snapshot_create(blk->root, &s, error);
}

/* The one that was deleted, which the caller frees; NULL and *error. */
static struct block_snapshot *forget(struct block_backend *blk, const char *name, const char *id,
                                     GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    g_autoptr(GPtrArray) list = NULL;
    const struct block_snapshot *s;
    struct block_snapshot *copy;

    if (!name && !id) {
        set_error(error, "Name or id must be provided");
        return NULL;
    }
    if (!check_drive(blk, error)) {
        return NULL;
    }
    list = block_snapshots(blk->root);
    s = find(list, name, id);
    if (!s) {
        set_error(error, "Snapshot with id '%s' and name '%s' does not exist on device '%s'",
                  id ? id : "(null)", name ? name : "(null)", blk->id);
        return NULL;
    }
    block_drain(blk);
    if (!block_snapshot_delete_id(blk->root, s->id, error)) {
        return NULL;
    }
    copy = g_memdup2(s, sizeof(*s));
    copy->id = g_strdup(s->id);
    copy->name = g_strdup(s->name);
    return copy;
}

bool qmp_blockdev_snapshot_internal_sync(struct qmp_session *s, json_t *args, json_t **result,
                                         GError **error)
{
    struct block_backend *blk = qmp_drive_or_node(s, qmp_str(args, "device", ""), error);

    (void)result;
    return blk && create(blk, qmp_str(args, "name", ""), error);
}

void qmp_undo_snapshot_internal(struct qmp_session *s, json_t *args)
{
    struct block_backend *blk = qmp_drive_or_node(s, qmp_str(args, "device", ""), NULL);

    if (blk) {
        block_snapshot_free(forget(blk, qmp_str(args, "name", ""), NULL, NULL));
    }
}

bool qmp_blockdev_snapshot_delete_internal_sync(struct qmp_session *s, json_t *args,
                                                json_t **result, GError **error)
{
    struct block_backend *blk = qmp_drive_or_node(s, qmp_str(args, "device", ""), error);
    struct block_snapshot *gone =
        blk ? forget(blk, qmp_str(args, "name", NULL), qmp_str(args, "id", NULL), error) : NULL;

    if (!gone) {
        return false;
    }
    *result = qmp_snapshot_info(gone);
    block_snapshot_free(gone);
    return true;
}

/* The monitor's -------------------------------------------------------------------------------- */

/* "device name" and perhaps a third word. */
static struct block_backend *parse(struct machine *m, const char *command, const char *args,
                                   unsigned max, char ***words, GError **error)
{
    struct block_backend *blk;
    unsigned n;

    *words = g_strsplit_set(args, " \t", -1);
    n = g_strv_length(*words);
    if (n < 2 || n > max) {
        set_error(error, "%s: see 'help %s' for what it takes", command, command);
        return NULL;
    }
    blk = block_backend_find(m, (*words)[0]);
    if (!blk) {
        set_error(error, "Device '%s' not found", (*words)[0]);
    }
    return blk;
}

bool command_snapshot_blkdev_internal(struct machine *m, const char *args, GString *out,
                                      GError **error)
{
    g_auto(GStrv) words = NULL;
    struct block_backend *blk = parse(m, "snapshot_blkdev_internal", args, 2, &words, error);

    (void)out;
    return blk && create(blk, words[1], error);
}

bool command_snapshot_delete_blkdev_internal(struct machine *m, const char *args, GString *out,
                                             GError **error)
{
    g_auto(GStrv) words = NULL;
    struct block_backend *blk = parse(m, "snapshot_delete_blkdev_internal", args, 3, &words, error);
    struct block_snapshot *gone = blk ? forget(blk, words[1], words[2], error) : NULL;

    (void)out;
    block_snapshot_free(gone);
    return gone != NULL;
}
