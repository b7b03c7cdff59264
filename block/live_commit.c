/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live_commit.c: commit of layers below the drive's image: what they have goes into a layer below them, and the
 * layer above them stands on that one then.
 *
 * Nobody writes to any of these layers meanwhile; what is written to the base is what was read from above it before.
 * Thread: see live.h.
 */
#include <string.h>
#include "block/live_job.h"
#include "util/error.h"

struct commit {
    struct block_live job;          /* its target is the base */
    struct block_node *top, *above; /* counted: the topmost of the layers, what stands on it */
    char *base_name;                /* for the image above */
};

static struct block_node *image_of(struct block_node *node)
{
    while (node && node->driver->filter && node->file) {
        node = node->file;
    }
    return node;
}

static int copy(struct commit *c, uint64_t at, uint64_t bytes, bool zero, uint8_t *buf,
                bool *source)
{
    int ret = zero ? 0 : block_node_read(c->top, at, buf, bytes);

    *source = ret != 0;
    if (ret != 0) {
        return ret;
    }
    return zero ? block_node_write_zeroes(c->job.target, at, bytes, BLOCK_MAY_UNMAP)
                : block_node_write(c->job.target, at, buf, bytes);
}

/* What some layer has.  False: it failed for good, or was cancelled. */
static bool copy_run(struct commit *c, uint64_t at, const struct block_status *st, uint8_t *buf)
{
    for (uint64_t done = 0; done < st->bytes;) {
        uint64_t n = MIN(st->bytes - done, LIVE_CHUNK);
        bool source;
        int ret = copy(c, at + done, n, st->flags & BLOCK_ZERO, buf, &source);
        int what = ret ? live_on_error(&c->job, source, ret) : 1;

        if (what < 0 || !live_turn(&c->job, n)) {
            return false;
        }
        done += what == 1 ? n : 0;
    }
    return true;
}

static bool commit_run(struct block_live *job, GError **error)
{
    struct commit *c = (struct commit *)job;
    g_autofree uint8_t *buf = g_malloc(LIVE_CHUNK);
    uint64_t size = c->top->size;

    for (uint64_t at = 0; at < size;) {
        struct block_status st;
        int ret = block_node_status_above(c->top, job->target, at, MIN(size - at, 16u << 20), &st);

        if (ret != 0) {
            set_error(error, "'%s' at byte %" G_GUINT64_FORMAT ": %s", c->top->filename, at,
                      g_strerror(-ret));
            return false;
        }
        if (!live_turn(job, 0) || (st.flags & BLOCK_ALLOCATED && !copy_run(c, at, &st, buf))) {
            return false;
        }
        live_progress(job, st.bytes);
        at += st.bytes;
    }
    return true;
}

/* The image above says so in its header, and stands on the base. */
static bool rebase(struct commit *c, GError **error)
{
    struct block_node *above = c->above, *base = c->job.target, *old = above->backing;
    bool was_read_only = above->read_only, ok;

    if (block_node_flush(base) != 0) {
        set_error(error, "'%s' could not be flushed", base->filename);
        return false;
    }
    ok = block_node_set_read_only(above, false, error) &&
         block_node_change_backing(above, c->base_name, base->driver->name, error);
    if (was_read_only) {
        ok = block_node_set_read_only(above, true, ok ? error : NULL) && ok;
    }
    if (ok) {
        above->backing = block_node_ref(base);
        block_node_close(old);
    }
    return ok;
}

static bool commit_finish(struct block_live *job, bool good, GError **error)
{
    bool ok = !good || rebase((struct commit *)job, error);

    return block_node_set_read_only(job->target, true, ok ? error : NULL) && ok;
}

static void commit_clear(struct block_live *job)
{
    struct commit *c = (struct commit *)job;

    block_node_close(c->top);
    block_node_close(c->above);
    g_free(c->base_name);
}

static const struct live_type layers_type = {
    .name = "commit",
    .size = sizeof(struct commit),
    .layer = &block_live_layer,
    .run = commit_run,
    .finish = commit_finish,
    .clear = commit_clear,
};

/* What stands on `top`; NULL: nothing of the drive's. */
static struct block_node *find_above(struct block_backend *blk, const struct block_node *top)
{
    struct block_node *n = blk->root ? *live_slot(blk) : NULL;

    while (n && image_of(n->backing) != top) {
        n = image_of(n->backing);
    }
    return n;
}

static bool is_below(struct block_node *n, const struct block_node *base)
{
    for (n = image_of(n->backing); n && n != base; n = image_of(n->backing)) {
    }
    return n != NULL;
}

struct block_live *block_live_commit_layers(struct block_backend *blk, struct block_node *top,
                                            struct block_node *base, const char *base_name,
                                            const struct block_live_options *o, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_node *above = find_above(blk, top);
    struct block_live *job;
    struct commit *c;

    if (!above || !is_below(top, base)) {
        set_error(error, "'%s' is not below '%s' in the chain of device '%s'", base->node_name,
                  top->node_name, blk->id);
        block_node_close(base);
        return NULL;
    }
    job = live_new(&layers_type, blk, base, o, error);
    if (!job) {
        return NULL;
    }
    c = (struct commit *)job;
    c->top = block_node_ref(top);
    c->above = block_node_ref(above);
    c->base_name = g_strdup(base_name ? base_name : base->filename);
    job->total = top->size;
    /* Nobody's transfer runs: the drive was drained. */
    if (!block_node_set_read_only(base, false, error)) {
        live_drop(job);
        return NULL;
    }
    if (base->size < top->size &&
        !block_node_truncate(base, top->size, BLOCK_PREALLOC_OFF, false, error)) {
        (void)block_node_set_read_only(base, true, NULL);
        live_drop(job);
        return NULL;
    }
    live_start(job);
    return job;
}
