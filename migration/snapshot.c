/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/snapshot.c: see snapshot.h, also for the thread. */
#include "migration/snapshot.h"
#include <string.h>
#include "migration/load.h"
#include "migration/migration.h"
#include "migration/vm_state.h"
#include "util/error.h"

/* Drives ---------------------------------------------------------------------------------------- */

GPtrArray *snapshot_drives(struct machine *m, GError **error)
{
    g_autoptr(GPtrArray) drives = g_ptr_array_new();
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (!block_has_medium(blk) || block_read_only(blk)) {
            continue;
        }
        if (!block_snapshots_possible(blk->root)) {
            set_error(error, "Device '%s' is writable but does not support snapshots", blk->id);
            return NULL;
        }
        g_ptr_array_add(drives, blk);
    }
    if (drives->len == 0) {
        set_error(error, "no block device can store vmstate for snapshot");
        return NULL;
    }
    return g_steal_pointer(&drives);
}

/* The same for what changes the drives' images. */
static GPtrArray *free_drives(struct machine *m, GError **error)
{
    g_autoptr(GPtrArray) drives = NULL;

    if (migration_is_running(m) || migration_is_expected(m) || migration_disks_are_away(m)) {
        set_error(error, "a migration has the machine: wait for its end, or migrate_cancel it");
        return NULL;
    }
    drives = snapshot_drives(m, error);
    for (unsigned i = 0; drives && i < drives->len; i++) {
        const struct block_backend *blk = g_ptr_array_index(drives, i);

        if (blk->job) {
            set_error(error, "Device '%s' has a job: wait for its end, or block_job_cancel it",
                      blk->id);
            return NULL;
        }
    }
    return g_steal_pointer(&drives);
}

/* By its name alone, which an id of another may look like.  *id is freed by the caller. */
static bool find_named(const struct block_backend *blk, const char *name, char **id, uint64_t *size)
{
    g_autoptr(GPtrArray) list = block_snapshots(blk->root);

    for (unsigned i = 0; i < list->len; i++) {
        const struct block_snapshot *s = g_ptr_array_index(list, i);

        if (strcmp(s->name, name) == 0) {
            *id = g_strdup(s->id);
            *size = s->vm_state_size;
            return true;
        }
    }
    return false;
}

static bool has_named(const struct block_backend *blk, const char *name)
{
    g_autofree char *id = NULL;
    uint64_t size;

    return find_named(blk, name, &id, &size);
}

bool snapshot_is_complete(const GPtrArray *drives, const char *name)
{
    for (unsigned i = 0; i < drives->len; i++) {
        if (!has_named(g_ptr_array_index(drives, i), name)) {
            return false;
        }
    }
    return true;
}

/* The same, or an error. */
static bool need_complete(const GPtrArray *drives, const char *name, GError **error)
{
    if (!snapshot_is_complete(drives, name)) {
        set_error(error, "Snapshot '%s' does not exist in one or more devices", name);
        return false;
    }
    return true;
}

/* Saving ---------------------------------------------------------------------------------------- */

static bool write_state(struct machine *m, struct block_node *node, enum run_state was,
                        uint64_t *size, GError **error)
{
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    struct vm_state_out out;
    struct ram_progress progress = { 0 };
    bool ok;

    vm_state_out_init(&out, node);
    ok = stream_begin(&out.stream, error) && ram_save_list(blocks, &out.stream, error);
    for (unsigned i = 0; ok && i < blocks->len; i++) {
        const struct ram_block *b = g_ptr_array_index(blocks, i);

        ok = ram_save_pages(&out.stream, blocks, i, 0, b->size >> GUEST_PAGE_BITS, NULL, &progress,
                            error);
    }
    ok = ok && saved_put(m, was, &out.stream, error) && stream_end(&out.stream, error) &&
         vm_state_out_flush(&out, error);
    *size = out.stream.bytes;
    vm_state_out_clear(&out);
    return ok;
}

/* On all drives, or none. */
static bool create_all(const GPtrArray *drives, struct block_snapshot *s, GError **error)
{
    uint64_t vm_state_size = s->vm_state_size;

    for (unsigned i = 0; i < drives->len; i++) {
        struct block_backend *blk = g_ptr_array_index(drives, i);
        bool replaces = has_named(blk, s->name);

        s->vm_state_size = i == 0 ? vm_state_size : 0;
        s->disk_size = blk->root->size;
        if (!block_snapshot_create(blk->root, s, error)) {
            return false;
        }
        /* Of two with a name the first is the old one. */
        if (replaces && !block_snapshot_delete(blk->root, s->name, error)) {
            return false;
        }
    }
    return true;
}

static bool save(struct machine *m, const GPtrArray *drives, const char *name, enum run_state was,
                 GError **error)
{
    const struct block_backend *first = g_ptr_array_index(drives, 0);
    int64_t now = g_get_real_time();
    struct block_snapshot s = {
        .name = (char *)name,
        .date_sec = now / G_USEC_PER_SEC,
        .date_nsec = (uint32_t)(now % G_USEC_PER_SEC) * 1000,
        .vm_clock_nsec = (uint64_t)clock_now(m, CLOCK_KIND_VIRTUAL),
        .icount = UINT64_MAX,
    };

    return write_state(m, first->root, was, &s.vm_state_size, error) &&
           create_all(drives, &s, error);
}

bool snapshot_save(struct machine *m, const char *name, GError **error)
{
    g_autoptr(GPtrArray) drives = free_drives(m, error);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *by_date = g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    enum run_state was = m->run_state;
    bool ok;

    if (!drives) {
        return false;
    }
    machine_set_run_state(m, RUN_STATE_SAVE_VM);
    iothread_pause_all(m);
    device_prepare_save_all(m);
    ok = save(m, drives, name ? name : by_date, was, error);
    iothread_resume_all(m);
    machine_set_run_state(m, was);
    return ok;
}

/* Loading --------------------------------------------------------------------------------------- */

/* One walk over the state in a drive. */
static bool walk(struct block_node *node, const char *id, uint64_t size, const GPtrArray *blocks,
                 struct saved *saved, bool apply, GError **error)
{
    struct vm_state_in in;
    bool ok;

    vm_state_in_init(&in, node, id, size);
    ok = load_sections(&in.stream, blocks, saved, apply, error);
    vm_state_in_clear(&in);
    return ok;
}

static bool apply_disks(const GPtrArray *drives, const char *name, GError **error)
{
    for (unsigned i = 0; i < drives->len; i++) {
        struct block_backend *blk = g_ptr_array_index(drives, i);
        uint64_t size = blk->root->size;

        if (!block_snapshot_apply(blk->root, name, error)) {
            return false;
        }
        if (blk->root->size != size) {
            block_backend_resized(blk);
        }
    }
    return true;
}

/* What is in the snapshot is known to be good; from here on the machine is another one. */
static bool apply(struct machine *m, const GPtrArray *drives, const char *name, const char *id,
                  uint64_t size, const struct saved *saved, GError **error)
{
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    const struct block_backend *first = g_ptr_array_index(drives, 0);
    bool ok;

    machine_reset(m);
    iothread_pause_all(m);
    ram_clear(blocks);
    ok = walk(first->root, id, size, blocks, NULL, true, error);
    ok = ok && apply_disks(drives, name, error);
    ram_loaded(m, blocks);
    ok = ok && saved_apply(m, saved, error);
    iothread_resume_all(m);
    if (!ok) {
        machine_reset(m);
        g_prefix_error(error, "the machine was reset: ");
    }
    return ok;
}

/* *next: the state in which the machine goes on. */
static bool load(struct machine *m, const GPtrArray *drives, const char *name, enum run_state *next,
                 GError **error)
{
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    const struct block_backend *first = g_ptr_array_index(drives, 0);
    g_autofree char *id = NULL;
    uint64_t size;
    struct saved saved;
    bool ok;

    if (!find_named(first, name, &id, &size) || size == 0) {
        set_error(error,
                  "Snapshot '%s' is of the disks alone: 'rhea-img snapshot -a' goes back to it",
                  name);
        return false;
    }
    saved_init(&saved);
    ok = walk(first->root, id, size, blocks, &saved, false, error) && saved_check(m, &saved, error);
    if (ok) {
        if (saved_run_state(m, &saved) == RUN_STATE_SUSPENDED) {
            *next = RUN_STATE_SUSPENDED;
        }
        ok = apply(m, drives, name, id, size, &saved, error);
        *next = ok ? *next : RUN_STATE_PAUSED;
    }
    saved_clear(&saved);
    return ok;
}

/* A guest that stood still for good has a life again. */
static enum run_state goes_on_as(enum run_state was)
{
    return was == RUN_STATE_RUNNING || was == RUN_STATE_SUSPENDED ? RUN_STATE_RUNNING
           : was == RUN_STATE_PRELAUNCH                           ? RUN_STATE_PRELAUNCH
                                                                  : RUN_STATE_PAUSED;
}

bool snapshot_load(struct machine *m, const char *name, GError **error)
{
    g_autoptr(GPtrArray) drives = free_drives(m, error);
    enum run_state was = m->run_state, next = goes_on_as(was);
    bool ok;

    if (!drives || !need_complete(drives, name, error)) {
        return false;
    }
    machine_set_run_state(m, RUN_STATE_RESTORE_VM);
    device_prepare_save_all(m); /* nothing is in flight when the disks change */
    ok = load(m, drives, name, &next, error);
    if (!ok && next != RUN_STATE_PAUSED) {
        next = was;
    }
    machine_set_run_state(m, next);
    return ok;
}

bool snapshot_delete(struct machine *m, const char *name, GError **error)
{
    g_autoptr(GPtrArray) drives = free_drives(m, error);
    enum run_state was = m->run_state;
    bool ok = true;

    if (!drives) {
        return false;
    }
    machine_set_run_state(m, RUN_STATE_SAVE_VM);
    device_prepare_save_all(m);
    for (unsigned i = 0; ok && i < drives->len; i++) {
        struct block_backend *blk = g_ptr_array_index(drives, i);

        ok = !has_named(blk, name) || block_snapshot_delete(blk->root, name, error);
    }
    machine_set_run_state(m, was);
    return ok;
}
