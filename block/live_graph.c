/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live_graph.c: what is done to a drive at once while the guest's transfers wait: external snapshots,
 * other sizes, commit.
 * Thread: see live.h.
 */
#include <string.h>
#include <sys/stat.h>
#include "block/job.h"
#include "block/live_job.h"
#include "block/throttle.h"
#include "util/error.h"

static bool is_usable(struct block_backend *blk, GError **error)
{
    if (!blk->root) {
        set_error(error, "Device '%s' has no medium", blk->id);
        return false;
    }
    if (blk->job) {
        set_error(error, "Device '%s' is busy: it has a block job", blk->id);
        return false;
    }
    if (block_read_only(blk)) {
        set_error(error, "Device '%s' is read-only", blk->id);
        return false;
    }
    return true;
}

/* The name by which the new image finds the old one, from wherever it is. */
static char *absolute(const char *filename)
{
    struct stat st;

    return stat(filename, &st) == 0 ? g_canonicalize_filename(filename, NULL) : g_strdup(filename);
}

static bool make_overlay(struct block_node *old, const char *path, const char *format,
                         GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    g_autofree char *backing = absolute(old->filename);

    block_options_setf(o, "size", "%" G_GUINT64_FORMAT, old->size);
    block_options_set(o, "backing_file", backing);
    block_options_set(o, "backing_fmt", old->driver->name);
    return block_create(format, path, o, old->graph, error);
}

bool block_live_snapshot(struct block_backend *blk, const char *path, const char *format,
                         bool reuse, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_open_options o = blk->options;
    struct block_node **slot, *old, *overlay;

    if (!is_usable(blk, error)) {
        return false;
    }
    block_drain(blk);
    slot = live_slot(blk);
    old = *slot;
    if (old->driver->hidden) {
        set_error(error, "Device '%s' writes to a temporary file already (snapshot=on)", blk->id);
        return false;
    }
    if (!reuse && !make_overlay(old, path, format, error)) {
        return false;
    }
    o.filename = path;
    o.format = format;
    o.no_backing = true;
    o.read_only = o.copy_on_read = o.snapshot = false;
    overlay = block_node_open(&o, error);
    if (!overlay) {
        return false;
    }
    if (overlay->size != old->size || block_node_flush(old) != 0 ||
        !block_node_set_read_only(old, true, error)) {
        if (error && !*error) {
            set_error(error, "'%s' has another size than '%s', or that cannot be flushed", path,
                      old->filename);
        }
        block_node_close(overlay);
        return false;
    }
    overlay->backing = old; /* the slot's count becomes the overlay's */
    *slot = overlay;
    g_free(blk->filename);
    blk->filename = g_strdup(path);
    live_follow_name(blk, overlay);
    return true;
}

bool block_live_overlay(struct block_backend *blk, struct block_node *overlay, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_node **slot, *old;

    if (!is_usable(blk, error)) {
        block_node_close(overlay);
        return false;
    }
    block_drain(blk);
    slot = live_slot(blk);
    old = *slot;
    if (overlay == old || overlay->backing || overlay->read_only) {
        set_error(error, "The overlay '%s' %s", overlay->node_name,
                  overlay == old     ? "is the drive's image already"
                  : overlay->backing ? "already has a backing image"
                                     : "is read-only");
        block_node_close(overlay);
        return false;
    }
    if (overlay->size != old->size || block_node_flush(old) != 0 ||
        !block_node_set_read_only(old, true, error)) {
        if (error && !*error) {
            set_error(error, "'%s' has another size than '%s', or that cannot be flushed",
                      overlay->node_name, old->node_name);
        }
        block_node_close(overlay);
        return false;
    }
    overlay->backing = old; /* the slot's count becomes the overlay's */
    *slot = overlay;
    g_free(blk->filename);
    blk->filename = g_strdup(overlay->filename);
    live_follow_name(blk, overlay);
    return true;
}

void block_live_overlay_undo(struct block_backend *blk)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_node **slot, *overlay;

    block_drain(blk);
    slot = live_slot(blk);
    overlay = *slot;
    *slot = overlay->backing;
    overlay->backing = NULL;
    block_node_close(overlay);
    block_node_set_read_only(*slot, false, NULL); /* it was writable before */
    g_free(blk->filename);
    blk->filename = g_strdup((*slot)->filename);
    live_follow_name(blk, *slot);
}

static void follow_size(struct block_node *node, const struct block_node *image, uint64_t size)
{
    for (; node != image; node = node->file) {
        node->size = size;
    }
}

bool block_live_resize(struct block_backend *blk, uint64_t size, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_node *image;

    if (!is_usable(blk, error)) {
        return false;
    }
    if (size % BLOCK_SECTOR || size == 0) {
        set_error(error, "the size must be a positive multiple of %u bytes", BLOCK_SECTOR);
        return false;
    }
    block_drain(blk);
    image = *live_slot(blk);
    if (!block_node_truncate(image, size, BLOCK_PREALLOC_OFF, true, error)) {
        return false;
    }
    follow_size(blk->root, image, image->size);
    block_backend_resized(blk);
    return true;
}

bool block_live_commit_now(struct block_backend *blk, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_node *top;

    if (!is_usable(blk, error)) {
        return false;
    }
    block_drain(blk);
    top = *live_slot(blk);
    if (!top->backing) {
        set_error(error, "Device '%s' has no backing file to commit into", blk->id);
        return false;
    }
    return block_job_commit(top, top->backing, NULL, error) && block_node_make_empty(top, error);
}

bool throttle_set(struct block_backend *blk, const struct throttle_limits *l, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_node *layer = throttle_layer(blk->root);

    if (!throttle_limits_check(l, error)) {
        return false;
    }
    if (layer) {
        throttle_layer_set(layer, l);
        return true;
    }
    block_drain(blk);
    layer = throttle_group_over(block_node_ref(blk->root), blk->id, l, error);
    if (layer) {
        block_node_close(blk->root);
        blk->root = layer;
    }
    return layer != NULL;
}
