/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/snapshot.c: see snapshot.h, also for the thread. */
#include "migration/snapshot.h"
#include <string.h>
#include "block/driver.h"
#include "migration/load.h"
#include "migration/migration.h"
#include "migration/vm_state.h"
#include "util/error.h"

/* Disks ----------------------------------------------------------------------------------------- */

static struct block_node *image_of(struct block_node *node)
{
    while (node->driver->filter && node->file) {
        node = node->file;
    }
    return node;
}

/* The drive that the image is in; NULL: none. */
static struct block_backend *drive_of(struct machine *m, const struct block_node *disk)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (blk->root && image_of(blk->root) == disk) {
            return blk;
        }
    }
    return NULL;
}

const char *snapshot_disk_title(struct machine *m, const struct block_node *disk)
{
    const struct block_backend *blk = drive_of(m, disk);

    return blk && !blk->of_node ? blk->id : disk->node_name;
}

static bool add_disk(struct machine *m, GPtrArray *disks, struct block_node *disk, GError **error)
{
    if (!block_snapshots_possible(disk)) {
        set_error(error, "Device '%s' is writable but does not support snapshots",
                  snapshot_disk_title(m, disk));
        return false;
    }
    if (!g_ptr_array_find(disks, disk, NULL)) {
        g_ptr_array_add(disks, disk);
    }
    return true;
}

static bool add_writable(struct machine *m, GPtrArray *disks, GError **error)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (block_has_medium(blk) && !block_read_only(blk) &&
            !add_disk(m, disks, image_of(blk->root), error)) {
            return false;
        }
    }
    return true;
}

static bool add_chosen(struct machine *m, GPtrArray *disks, const char *const *names,
                       GError **error)
{
    for (; *names; names++) {
        struct block_node *node = block_graph_find(block_graph_of(m), *names);

        if (!node) {
            set_error(error, "No block device node '%s'", *names);
            return false;
        }
        if (node->read_only) {
            set_error(error, "Device '%s' is read-only", *names);
            return false;
        }
        if (!add_disk(m, disks, image_of(node), error)) {
            return false;
        }
    }
    return true;
}

/* The one that has the machine's state comes first. */
static bool put_first(struct machine *m, GPtrArray *disks, const char *name, GError **error)
{
    struct block_node *node = block_graph_find(block_graph_of(m), name);
    guint at;

    if (!node || !g_ptr_array_find(disks, image_of(node), &at)) {
        set_error(error, "vmstate block device '%s' does not exist", name);
        return false;
    }
    g_ptr_array_insert(disks, 0, g_ptr_array_steal_index(disks, at));
    return true;
}

GPtrArray *snapshot_disks(struct machine *m, const struct snapshot_choice *choice, GError **error)
{
    g_autoptr(GPtrArray) disks = g_ptr_array_new();
    bool chosen = choice && choice->devices;

    if (!(chosen ? add_chosen(m, disks, choice->devices, error) : add_writable(m, disks, error))) {
        return NULL;
    }
    if (disks->len == 0) {
        set_error(error, "no block device can store vmstate for snapshot");
        return NULL;
    }
    if (choice && choice->vmstate && !put_first(m, disks, choice->vmstate, error)) {
        return NULL;
    }
    return g_steal_pointer(&disks);
}

/* The same for what changes the images. */
static GPtrArray *free_disks(struct machine *m, const struct snapshot_choice *choice,
                             GError **error)
{
    g_autoptr(GPtrArray) disks = NULL;

    if (migration_is_running(m) || migration_is_expected(m) || migration_disks_are_away(m)) {
        set_error(error, "a migration has the machine: wait for its end, or migrate_cancel it");
        return NULL;
    }
    if (m->ram_pinned) {
        set_error(error, "There is a dump in process, please wait.");
        return NULL;
    }
    disks = snapshot_disks(m, choice, error);
    for (unsigned i = 0; disks && i < disks->len; i++) {
        const struct block_backend *blk = drive_of(m, g_ptr_array_index(disks, i));

        if (blk && blk->job) {
            set_error(error, "Device '%s' has a job: wait for its end, or block_job_cancel it",
                      blk->id);
            return NULL;
        }
    }
    return g_steal_pointer(&disks);
}

/* By its name alone, which an id of another may look like.  *id is freed by the caller. */
static bool find_named(struct block_node *disk, const char *name, char **id, uint64_t *size)
{
    g_autoptr(GPtrArray) list = block_snapshots(disk);

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

static bool has_named(struct block_node *disk, const char *name)
{
    g_autofree char *id = NULL;
    uint64_t size;

    return find_named(disk, name, &id, &size);
}

bool snapshot_is_complete(const GPtrArray *disks, const char *name)
{
    for (unsigned i = 0; i < disks->len; i++) {
        if (!has_named(g_ptr_array_index(disks, i), name)) {
            return false;
        }
    }
    return true;
}

/* The same, or an error. */
static bool need_complete(const GPtrArray *disks, const char *name, GError **error)
{
    if (!snapshot_is_complete(disks, name)) {
        set_error(error, "Snapshot '%s' does not exist in one or more devices", name);
        return false;
    }
    return true;
}

/* None of them has it. */
static bool need_absent(const GPtrArray *disks, const char *name, GError **error)
{
    for (unsigned i = 0; i < disks->len; i++) {
        if (has_named(g_ptr_array_index(disks, i), name)) {
            set_error(error, "Snapshot '%s' already exists in one or more devices", name);
            return false;
        }
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

/* On all disks, or none. */
static bool create_all(const GPtrArray *disks, struct block_snapshot *s, GError **error)
{
    uint64_t vm_state_size = s->vm_state_size;

    for (unsigned i = 0; i < disks->len; i++) {
        struct block_node *disk = g_ptr_array_index(disks, i);
        bool replaces = has_named(disk, s->name);

        s->vm_state_size = i == 0 ? vm_state_size : 0;
        s->disk_size = disk->size;
        if (!block_snapshot_create(disk, s, error)) {
            return false;
        }
        /* Of two with a name the first is the old one. */
        if (replaces && !block_snapshot_delete(disk, s->name, error)) {
            return false;
        }
    }
    return true;
}

static bool save(struct machine *m, const GPtrArray *disks, const char *name, enum run_state was,
                 GError **error)
{
    int64_t now = g_get_real_time();
    struct block_snapshot s = {
        .name = (char *)name,
        .date_sec = now / G_USEC_PER_SEC,
        .date_nsec = (uint32_t)(now % G_USEC_PER_SEC) * 1000,
        .vm_clock_nsec = (uint64_t)clock_now(m, CLOCK_KIND_VIRTUAL),
        .icount = UINT64_MAX,
    };

    return write_state(m, g_ptr_array_index(disks, 0), was, &s.vm_state_size, error) &&
           create_all(disks, &s, error);
}

bool snapshot_save(struct machine *m, const char *name, const struct snapshot_choice *choice,
                   GError **error)
{
    g_autoptr(GPtrArray) disks = free_disks(m, choice, error);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *by_date = g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    enum run_state was = m->run_state;
    bool ok;

    if (!disks || (choice && !need_absent(disks, name, error))) {
        return false;
    }
    machine_set_run_state(m, RUN_STATE_SAVE_VM);
    iothread_pause_all(m);
    block_exports_quiesce(m);
    device_prepare_save_all(m);
    ok = save(m, disks, name ? name : by_date, was, error);
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

static bool apply_disks(struct machine *m, const GPtrArray *disks, const char *name, GError **error)
{
    for (unsigned i = 0; i < disks->len; i++) {
        struct block_node *disk = g_ptr_array_index(disks, i);
        struct block_backend *blk = drive_of(m, disk);
        uint64_t size = disk->size;

        if (!block_snapshot_apply(disk, name, error)) {
            return false;
        }
        if (blk && disk->size != size) {
            block_backend_resized(blk);
        }
    }
    return true;
}

/* What is in the snapshot is known to be good; from here on the machine is another one. */
static bool apply(struct machine *m, const GPtrArray *disks, const char *name, const char *id,
                  uint64_t size, const struct saved *saved, GError **error)
{
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    struct block_node *first = g_ptr_array_index(disks, 0);
    bool ok;

    machine_reset(m);
    iothread_pause_all(m);
    ram_clear(blocks);
    ok = walk(first, id, size, blocks, NULL, true, error);
    ok = ok && apply_disks(m, disks, name, error);
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
static bool load(struct machine *m, const GPtrArray *disks, const char *name, enum run_state *next,
                 GError **error)
{
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    struct block_node *first = g_ptr_array_index(disks, 0);
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
    ok = walk(first, id, size, blocks, &saved, false, error) && saved_check(m, &saved, error);
    if (ok) {
        if (saved_run_state(m, &saved) == RUN_STATE_SUSPENDED) {
            *next = RUN_STATE_SUSPENDED;
        }
        ok = apply(m, disks, name, id, size, &saved, error);
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

bool snapshot_load(struct machine *m, const char *name, const struct snapshot_choice *choice,
                   GError **error)
{
    g_autoptr(GPtrArray) disks = free_disks(m, choice, error);
    enum run_state was = m->run_state, next = goes_on_as(was);
    bool ok;

    if (!disks || !need_complete(disks, name, error)) {
        return false;
    }
    machine_set_run_state(m, RUN_STATE_RESTORE_VM);
    device_prepare_save_all(m); /* nothing is in flight when the disks change */
    block_exports_quiesce(m);
    ok = load(m, disks, name, &next, error);
    if (!ok && next != RUN_STATE_PAUSED) {
        next = was;
    }
    machine_set_run_state(m, next);
    return ok;
}

bool snapshot_delete(struct machine *m, const char *name, const struct snapshot_choice *choice,
                     GError **error)
{
    g_autoptr(GPtrArray) disks = free_disks(m, choice, error);
    enum run_state was = m->run_state;
    bool ok = true;

    if (!disks) {
        return false;
    }
    machine_set_run_state(m, RUN_STATE_SAVE_VM);
    device_prepare_save_all(m);
    block_exports_quiesce(m);
    for (unsigned i = 0; ok && i < disks->len; i++) {
        struct block_node *disk = g_ptr_array_index(disks, i);

        ok = !has_named(disk, name) || block_snapshot_delete(disk, name, error);
    }
    machine_set_run_state(m, was);
    return ok;
}
