/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/block.c: drive slots: media that come and go, who is in front, `info block`.
 * Thread: under the machine lock; what requests see changes under the drive's iothread's, too.
 */
#include "block/block.h"
#include <string.h>
#include "block/driver.h"
#include "block/live.h"
#include "block/pool.h"
#include "softmmu/event.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* The pool -------------------------------------------------------------------------------------- */

/* Devices are gone: nobody has a front any more. */
static void free_drives(struct machine *m)
{
    struct block_pool *pool = m->block;

    block_exports_free(m);
    while (pool->backends->len > 0) {
        block_backend_free(g_ptr_array_index(pool->backends, pool->backends->len - 1));
    }
    block_requests_destroy(pool);
    g_ptr_array_unref(pool->backends);
    g_ptr_array_unref(pool->jobs);
    g_clear_pointer(&pool->records, g_ptr_array_unref);
    block_graph_free(pool->graph);
    g_free(pool);
    m->block = NULL;
}

/* drive= of a device: a drive, or a node of -blockdev, which then has a drive of its own. */
static struct block_backend *find_drive_or_node(struct machine *m, const char *id)
{
    struct block_backend *blk = block_backend_find(m, id);
    struct block_node *node = blk ? NULL : block_graph_find(block_graph_of(m), id);

    if (node) {
        blk = block_backend_new(m, id, NULL);
        blk->root = block_node_ref(node);
        blk->filename = g_strdup(node->filename);
        blk->read_only = node->read_only && !node->inactive;
        blk->options.cache = node->cache;
        blk->options.graph = node->graph;
        blk->of_node = true;
    }
    return blk;
}

/* A drive goes with the device that it was for. */
static void release_drive(struct block_backend *blk)
{
    if (!blk->front) {
        block_backend_free(blk);
    }
}

static const char *drive_id(const struct block_backend *blk)
{
    return blk->id;
}

struct block_pool *block_pool_of(struct machine *m)
{
    struct block_pool *pool = m->block;

    if (pool) {
        return pool;
    }
    pool = g_new0(struct block_pool, 1);
    pool->machine = m;
    pool->graph = block_graph_new();
    block_thresholds_init(pool);
    pool->backends = g_ptr_array_new();
    pool->jobs = g_ptr_array_new();
    block_requests_init(pool);
    m->block = pool;
    m->find_drive = find_drive_or_node;
    m->drive_id = drive_id;
    m->release_drive = release_drive;
    m->free_drives = free_drives;
    return pool;
}

struct block_graph *block_graph_of(struct machine *m)
{
    return block_pool_of(m)->graph;
}

GPtrArray *block_jobs_of(struct machine *m)
{
    return block_pool_of(m)->jobs;
}

/* Drive slots ----------------------------------------------------------------------------------- */

struct block_backend *block_backend_new(struct machine *m, const char *id, GError **error)
{
    struct block_pool *pool = block_pool_of(m);
    struct block_backend *blk;

    if (block_backend_find(m, id)) {
        set_error(error, "Duplicate ID '%s' for drive", id);
        return NULL;
    }
    blk = g_new0(struct block_backend, 1);
    blk->machine = m;
    blk->context = &pool->main;
    blk->id = g_strdup(id);
    blk->write_cache = true;
    blk->werror = BLOCK_ON_ERROR_ENOSPC;
    blk->bus = blk->unit = -1;
    g_ptr_array_add(pool->backends, blk);
    return blk;
}

static void close_medium(struct block_backend *blk)
{
    block_lock(blk);
    block_live_end(blk);
    block_drain(blk);
    block_node_close(blk->root);
    blk->root = NULL;
    g_clear_pointer(&blk->filename, g_free);
    block_unlock(blk);
}

void block_backend_free(struct block_backend *blk)
{
    if (!blk) {
        return;
    }
    close_medium(blk);
    g_ptr_array_remove(blk->machine->block->backends, blk);
    if (blk->threads) {
        g_thread_pool_free(blk->threads, FALSE, TRUE);
    }
    g_free(blk->id);
    g_free(blk);
}

struct block_backend *block_backend_find(struct machine *m, const char *id)
{
    for (unsigned i = 0; m->block && i < m->block->backends->len; i++) {
        struct block_backend *blk = g_ptr_array_index(m->block->backends, i);

        if (strcmp(blk->id, id) == 0) {
            return blk;
        }
    }
    return NULL;
}

struct block_backend *block_backend_nth(struct machine *m, unsigned i)
{
    return m->block && i < m->block->backends->len ? g_ptr_array_index(m->block->backends, i)
                                                   : NULL;
}

struct block_backend *block_backend_at(struct machine *m, enum block_interface interface, int bus,
                                       int unit)
{
    for (unsigned i = 0; m->block && i < m->block->backends->len; i++) {
        struct block_backend *blk = g_ptr_array_index(m->block->backends, i);

        if (blk->interface == interface && blk->bus == bus && blk->unit == unit) {
            return blk;
        }
    }
    return NULL;
}

/* Takes over the open image. */
static void insert(struct block_backend *blk, struct block_node *root,
                   const struct block_open_options *o)
{
    block_lock(blk);
    blk->root = root;
    blk->filename = g_strdup(o->filename ? o->filename : root->filename);
    blk->options = *o;
    blk->options.filename = blk->options.format = NULL;
    blk->options.options = blk->options.throttle = NULL;
    blk->read_only = o->read_only;
    blk->write_cache = o->cache != BLOCK_CACHE_WRITETHROUGH && o->cache != BLOCK_CACHE_DIRECTSYNC;
    if (blk->front && blk->front->media_changed) {
        blk->front->media_changed(blk->front_opaque, true);
    }
    block_unlock(blk);
}

bool block_backend_open(struct block_backend *blk, const struct block_open_options *o,
                        GError **error)
{
    struct block_node *root;

    if (blk->root) {
        set_error(error, "drive '%s' has a medium already: eject it first", blk->id);
        return false;
    }
    root = block_node_open(o, error);
    if (!root) {
        return false;
    }
    insert(blk, root, o);
    return true;
}

/* Trays --------------------------------------------------------------------------------------- */

void block_backend_tray_moved(struct block_backend *blk, bool open)
{
    const struct device *dev = device_with_drive(blk->machine, blk);
    g_autofree char *id = dev ? device_qdev_id(dev) : g_strdup("");

    event_emit(blk->machine, EVENT_DEVICE_TRAY_MOVED,
               json_pack("{s:s, s:s, s:b}", "device", blk->of_node ? "" : blk->id, "id", id,
                         "tray-open", open));
}

static bool has_tray(const struct block_backend *blk)
{
    return blk->front && blk->front->tray_is_open;
}

static bool is_removable(const struct block_backend *blk, GError **error)
{
    if (!blk->removable) {
        set_error(error, "Device '%s' is not removable", blk->id);
    }
    return blk->removable;
}

static void move_tray(struct block_backend *blk, bool open)
{
    block_lock(blk);
    if (has_tray(blk) && blk->front->tray_is_open(blk->front_opaque) != open) {
        blk->front->move_tray(blk->front_opaque, open);
        block_backend_tray_moved(blk, open);
    }
    block_unlock(blk);
}

static bool may_open_tray(struct block_backend *blk, bool force, GError **error)
{
    if (!blk->removable) {
        set_error(error, "Device '%s' is not removable", blk->id);
        return false;
    }
    if (blk->job) {
        set_error(error, "Device '%s' is busy: it has a block job", blk->id);
        return false;
    }
    if (!force && blk->front && blk->front->is_locked && blk->front->is_locked(blk->front_opaque)) {
        if (blk->front->eject_request) {
            blk->front->eject_request(blk->front_opaque);
        }
        set_error(error,
                  "Device '%s' is locked and force was not specified, wait for the guest "
                  "to open the tray",
                  blk->id);
        return false;
    }
    return true;
}

static void take_out(struct block_backend *blk)
{
    block_lock(blk);
    if (blk->root) {
        close_medium(blk);
        if (blk->front && blk->front->media_changed) {
            blk->front->media_changed(blk->front_opaque, false);
        }
    }
    block_unlock(blk);
}

bool block_backend_del(struct block_backend *blk, GError **error)
{
    char *id;

    if (block_graph_find(block_graph_of(blk->machine), blk->id)) {
        set_error(error, "Deleting device added with blockdev-add is not supported");
        return false;
    }
    if (blk->job) {
        set_error(error, "Device '%s' is busy: it has a block job", blk->id);
        return false;
    }
    if (!blk->front) {
        block_backend_free(blk);
        return true;
    }
    take_out(blk);
    id = g_strdup_printf("#%s", blk->id); /* what `info block` shows */
    g_free(blk->id);
    blk->id = id;
    return true;
}

bool block_backend_eject(struct block_backend *blk, bool force, GError **error)
{
    if (!may_open_tray(blk, force, error)) {
        return false;
    }
    move_tray(blk, true);
    take_out(blk);
    return true;
}

bool block_backend_change(struct block_backend *blk, const struct block_open_options *o, bool force,
                          GError **error)
{
    struct block_node *root;

    if (!may_open_tray(blk, force, error)) {
        return false;
    }
    /* Its own lock would keep the same file from being opened a second time. */
    if (blk->root && strcmp(blk->filename, o->filename) == 0) {
        take_out(blk);
    }
    root = block_node_open(o, error);
    if (!root) {
        return false;
    }
    move_tray(blk, true);
    take_out(blk);
    insert(blk, root, o);
    if (has_tray(blk)) {
        block_backend_tray_moved(blk, false); /* by the new medium */
    }
    return true;
}

bool block_backend_open_tray(struct block_backend *blk, bool force, GError **error)
{
    if (has_tray(blk) && blk->front->tray_is_open(blk->front_opaque)) {
        return true;
    }
    if (!may_open_tray(blk, force, error)) {
        return false;
    }
    move_tray(blk, true);
    return true;
}

bool block_backend_close_tray(struct block_backend *blk, GError **error)
{
    if (!is_removable(blk, error)) {
        return false;
    }
    move_tray(blk, false);
    return true;
}

static bool tray_lets_through(struct block_backend *blk, GError **error)
{
    if (!is_removable(blk, error)) {
        return false;
    }
    if (has_tray(blk) && !blk->front->tray_is_open(blk->front_opaque)) {
        set_error(error, "Tray of device '%s' is not open", blk->id);
        return false;
    }
    return true;
}

bool block_backend_remove_medium(struct block_backend *blk, GError **error)
{
    if (!tray_lets_through(blk, error)) {
        return false;
    }
    if (blk->job) {
        set_error(error, "Device '%s' is busy: it has a block job", blk->id);
        return false;
    }
    take_out(blk);
    return true;
}

bool block_backend_insert_medium(struct block_backend *blk, struct block_node *node, GError **error)
{
    struct block_open_options o = { .graph = node->graph,
                                    .cache = node->cache,
                                    .read_only = node->read_only };
    bool ok = tray_lets_through(blk, error);

    if (ok && blk->root) {
        set_error(error, "There already is a medium in device '%s'", blk->id);
        ok = false;
    }
    if (!ok) {
        block_node_close(node);
        return false;
    }
    block_lock(blk);
    insert(blk, node, &o);
    if (has_tray(blk)) {
        blk->front->move_tray(blk->front_opaque, true); /* until it is closed */
    }
    block_unlock(blk);
    return true;
}

void block_backend_resized(struct block_backend *blk)
{
    block_lock(blk);
    if (blk->front && blk->front->resized) {
        blk->front->resized(blk->front_opaque);
    }
    block_unlock(blk);
}

bool block_attach(struct block_backend *blk, const struct block_front *front, void *opaque,
                  GError **error)
{
    if (blk->front) {
        set_error(error, "Drive '%s' is already in use by another device", blk->id);
        return false;
    }
    blk->front = front;
    blk->front_opaque = opaque;
    return true;
}

void block_detach(struct block_backend *blk)
{
    block_set_iothread(blk, NULL);
    blk->front = NULL;
    blk->front_opaque = NULL;
}

uint64_t block_size(const struct block_backend *blk)
{
    return block_has_medium(blk) ? blk->root->size : 0;
}

bool block_read_only(const struct block_backend *blk)
{
    return blk->read_only || (blk->root && blk->root->read_only && !blk->root->inactive);
}
