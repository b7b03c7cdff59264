/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/image.c: what is done to whole images: making, resizing, checking, snapshots, bitmaps.
 * Thread: the main one (under the machine lock), while no transfer runs.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "block/driver.h"
#include "block/graph.h"
#include "util/error.h"

const char *const block_prealloc_names[] = { "off", "metadata", "falloc", "full", NULL };

/* The layer that a filter passes. */
static struct block_node *without_filters(struct block_node *node)
{
    while (node->driver->filter && node->file) {
        node = node->file;
    }
    return node;
}

static bool refuse(const struct block_node *node, const char *what, GError **error)
{
    set_error(error, "'%s': format '%s' does not support %s", node->filename, node->driver->name,
              what);
    return false;
}

static bool refuse_read_only(const struct block_node *node, GError **error)
{
    set_error(error, "'%s' is open read-only", node->filename);
    return false;
}

/* Making ---------------------------------------------------------------------------------------- */

static const struct block_option_row size_row[] = {
    { "size", BLOCK_OPTION_SIZE, "0", "Virtual disk size", .max = INT64_MAX }, { 0 }
};

static bool make_format(const struct block_driver *d, struct block_create *c, GError **error)
{
    struct block_open_options o = { .graph = c->graph };

    c->file = block_open_protocol(c->filename, &o, error);
    if (!c->file) {
        return false;
    }
    if (d->create(c, error)) {
        int ret = block_node_flush(c->file);

        if (ret == 0) {
            return true;
        }
        set_error(error, "%s: %s", c->filename, g_strerror(-ret));
    }
    return false;
}

bool block_create(const char *format, const char *filename, const struct block_options *options,
                  struct block_graph *graph, GError **error)
{
    const struct block_driver *d = block_driver_find(format, error);
    const struct block_driver *protocol = d ? block_protocol_of(filename) : NULL;
    struct block_create c = { .filename = filename, .graph = graph, .options = options };
    g_autofree char *what = NULL;
    bool ok;

    if (!d) {
        return false;
    }
    if (!d->create) {
        set_error(error, "Format driver '%s' does not support image creation", d->name);
        return false;
    }
    what = g_strdup_printf("Format driver '%s'", d->name);
    if (!block_options_check(options, d->create_options, size_row, what, error)) {
        return false;
    }
    c.size = block_option_uint(options, size_row, "size");
    if (!protocol->create) {
        set_error(error, "Protocol driver '%s' does not support image creation", protocol->name);
        return false;
    }
    if (d->protocol) {
        return d->create(&c, error);
    }
    c.size = (c.size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (!protocol->create(&(struct block_create){ .filename = filename, .graph = graph }, error)) {
        return false;
    }
    ok = make_format(d, &c, error);
    block_node_close(c.file);
    return ok;
}

bool block_create_in(const char *format, struct block_node *file,
                     const struct block_options *options, GError **error)
{
    const struct block_driver *d = block_driver_find(format, error);
    struct block_create c = {
        .filename = file->filename, .file = file, .graph = file->graph, .options = options
    };
    g_autofree char *what = NULL;

    if (!d) {
        return false;
    }
    if (!d->create || d->protocol) {
        set_error(error, "Driver '%s' does not support blockdev-create", d->name);
        return false;
    }
    if (file->read_only) {
        return refuse_read_only(file, error);
    }
    what = g_strdup_printf("Format driver '%s'", d->name);
    if (!block_options_check(options, d->create_options, size_row, what, error)) {
        return false;
    }
    c.size = block_option_uint(options, size_row, "size");
    c.size = (c.size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return d->create(&c, error);
}

/* Size ------------------------------------------------------------------------------------------ */

bool block_node_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                         bool shrink, GError **error)
{
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    if (size > INT64_MAX) {
        set_error(error, "Image size must be at most %" G_GINT64_FORMAT " bytes", INT64_MAX);
        return false;
    }
    if (size < node->size && !shrink) {
        set_error(error, "Use the --shrink option to perform a shrink operation.");
        return false;
    }
    if (node->driver->filter && !node->driver->truncate) {
        if (!block_node_truncate(node->file, size, prealloc, shrink, error)) {
            return false;
        }
        node->size = node->file->size;
        return true;
    }
    return node->driver->truncate ? node->driver->truncate(node, size, prealloc, error)
                                  : refuse(node, "resizing", error);
}

int64_t block_node_allocated(struct block_node *node)
{
    int64_t sum = -1;

    if (node->driver->allocated) {
        return node->driver->allocated(node);
    }
    if (node->file) {
        sum = block_node_allocated(node->file);
    }
    if (node->data_file && sum >= 0) {
        int64_t data = block_node_allocated(node->data_file);

        sum = data < 0 ? -1 : sum + data;
    }
    return sum;
}

/* Header ---------------------------------------------------------------------------------------- */

bool block_node_change_backing(struct block_node *node, const char *name, const char *format,
                               GError **error)
{
    node = without_filters(node);
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    if (!node->driver->change_backing) {
        return refuse(node, "backing files", error);
    }
    if (!node->driver->change_backing(node, name, format, error)) {
        return false;
    }
    g_free(node->backing_name);
    g_free(node->backing_format);
    node->backing_name = g_strdup(name);
    node->backing_format = g_strdup(name ? format : NULL);
    return true;
}

bool block_node_make_empty(struct block_node *node, GError **error)
{
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    return node->driver->make_empty ? node->driver->make_empty(node, error)
                                    : refuse(node, "being emptied", error);
}

int block_node_info(struct block_node *node, struct block_image_info *out,
                    struct block_info_row *specific)
{
    *out = (struct block_image_info){ 0 };
    node = without_filters(node);
    return node->driver->info ? node->driver->info(node, out, specific) : 0;
}

int block_node_check(struct block_node *node, unsigned repair, struct block_check *out)
{
    node = without_filters(node);
    if (repair && node->read_only) {
        return -EROFS;
    }
    return node->driver->check ? node->driver->check(node, repair, out) : -ENOTSUP;
}

bool block_node_amend(struct block_node *node, const struct block_options *options, bool force,
                      const struct block_progress *progress, GError **error)
{
    g_autofree char *what = g_strdup_printf("Format driver '%s'", node->driver->name);

    if (!node->driver->amend) {
        set_error(error, "Format driver '%s' does not support option amendment",
                  node->driver->name);
        return false;
    }
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    return block_options_check(options, node->driver->amend_options, NULL, what, error) &&
           node->driver->amend(node, options, force, progress, error);
}

bool block_measure(const char *format, const struct block_options *options, struct block_node *from,
                   struct block_measure *out, GError **error)
{
    const struct block_driver *d = block_driver_find(format, error);
    g_autofree char *what = g_strdup_printf("Format driver '%s'", format);

    *out = (struct block_measure){ 0 };
    if (!d) {
        return false;
    }
    if (!d->measure) {
        set_error(error, "Block driver '%s' does not support size measurement", d->name);
        return false;
    }
    return block_options_check(options, d->create_options, size_row, what, error) &&
           d->measure(options, from, out, error);
}

/* Snapshots ------------------------------------------------------------------------------------- */

void block_snapshot_free(struct block_snapshot *s)
{
    if (s) {
        g_free(s->id);
        g_free(s->name);
        g_free(s);
    }
}

GPtrArray *block_snapshots_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)block_snapshot_free);
}

GPtrArray *block_snapshots(struct block_node *node)
{
    node = without_filters(node);
    return node->driver->snapshots ? node->driver->snapshots(node) : block_snapshots_new();
}

const struct block_snapshot *block_snapshot_find(const GPtrArray *list, const char *name)
{
    for (unsigned by_id = 0; by_id < 2; by_id++) {
        for (unsigned i = 0; i < list->len; i++) {
            const struct block_snapshot *s = g_ptr_array_index(list, i);

            if (strcmp(by_id ? s->id : s->name, name) == 0) {
                return s;
            }
        }
    }
    return NULL;
}

bool block_snapshot_create(struct block_node *node, const struct block_snapshot *s, GError **error)
{
    node = without_filters(node);
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    return node->driver->snapshot_create ? node->driver->snapshot_create(node, s, error)
                                         : refuse(node, "internal snapshots", error);
}

typedef bool snapshot_fn(struct block_node *node, const char *id, GError **error);

static bool on_snapshot(struct block_node *node, const char *name, snapshot_fn *fn, GError **error)
{
    g_autoptr(GPtrArray) list = block_snapshots(node);
    const struct block_snapshot *s = block_snapshot_find(list, name);

    if (!fn) {
        return refuse(node, "internal snapshots", error);
    }
    if (!s) {
        set_error(error, "snapshot '%s' not found in '%s'", name, node->filename);
        return false;
    }
    return fn(node, s->id, error);
}

bool block_snapshot_apply(struct block_node *node, const char *name, GError **error)
{
    node = without_filters(node);
    return node->read_only ? refuse_read_only(node, error)
                           : on_snapshot(node, name, node->driver->snapshot_apply, error);
}

bool block_snapshot_delete(struct block_node *node, const char *name, GError **error)
{
    node = without_filters(node);
    return node->read_only ? refuse_read_only(node, error)
                           : on_snapshot(node, name, node->driver->snapshot_delete, error);
}

bool block_snapshot_delete_id(struct block_node *node, const char *id, GError **error)
{
    node = without_filters(node);
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    return node->driver->snapshot_delete ? node->driver->snapshot_delete(node, id, error)
                                         : refuse(node, "internal snapshots", error);
}

bool block_snapshot_load(struct block_node *node, const char *name, GError **error)
{
    node = without_filters(node);
    return on_snapshot(node, name, node->driver->snapshot_load, error);
}

static struct block_node *image_of(const struct block_node *node)
{
    return without_filters((struct block_node *)node);
}

bool block_snapshots_possible(const struct block_node *node)
{
    const struct block_node *image = image_of(node);

    return image->driver->snapshot_create && !image->data_file;
}

int block_vm_state_write(struct block_node *node, uint64_t offset, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };

    node = without_filters(node);
    return node->driver->vm_state_write ? node->driver->vm_state_write(node, offset, &iov, 1)
                                        : -ENOTSUP;
}

int block_vm_state_read(struct block_node *node, const char *id, uint64_t offset, void *buf,
                        size_t len)
{
    struct iovec iov = { buf, len };

    node = without_filters(node);
    return node->driver->snapshot_vm_state_read
               ? node->driver->snapshot_vm_state_read(node, id, offset, &iov, 1)
               : -ENOTSUP;
}

/* Bitmaps --------------------------------------------------------------------------------------- */

static void bitmap_free(gpointer data)
{
    struct block_bitmap *b = data;

    g_free(b->name);
    g_free((void *)b->bytes);
    g_free(b);
}

GPtrArray *block_bitmaps_new(void)
{
    return g_ptr_array_new_with_free_func(bitmap_free);
}

GPtrArray *block_bitmaps(struct block_node *node)
{
    node = without_filters(node);
    return node->driver->bitmaps ? node->driver->bitmaps(node) : block_bitmaps_new();
}

bool block_bitmap_change(struct block_node *node, const struct block_bitmap_change *change,
                         GError **error)
{
    node = without_filters(node);
    if (node->read_only) {
        return refuse_read_only(node, error);
    }
    return node->driver->bitmap_change ? node->driver->bitmap_change(node, change, error)
                                       : refuse(node, "persistent bitmaps", error);
}
