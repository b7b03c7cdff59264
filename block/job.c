/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/job.c: copying, committing and streaming, a run of like bytes at a time.  Thread: see job.h. */
#include "block/job.h"
#include <string.h>
#include "block/driver.h"
#include "util/error.h"

#define CHUNK (1u << 20)

/* One walk over an image: what to do with each run is the caller's. */
struct walk {
    struct block_node *from, *base; /* the layers above base are looked at */
    struct block_node *to;
    bool skip_top;   /* streaming: what the top has is where it belongs */
    bool to_is_zero; /* zeroes need not be written */
    bool top_only;
    const struct block_progress *progress;
    GError **error;
};

static bool failed(const struct walk *w, const struct block_node *node, uint64_t at, int ret)
{
    set_error(w->error, "'%s' at byte %" G_GUINT64_FORMAT ": %s", node->filename, at,
              g_strerror(-ret));
    return false;
}

static bool copy_data(const struct walk *w, uint64_t at, uint64_t bytes, uint8_t *buf)
{
    while (bytes) {
        uint64_t len = MIN(bytes, CHUNK);
        int ret = block_node_read(w->from, at, buf, len);

        if (ret != 0) {
            return failed(w, w->from, at, ret);
        }
        ret = block_node_write(w->to, at, buf, len);
        if (ret != 0) {
            return failed(w, w->to, at, ret);
        }
        at += len;
        bytes -= len;
    }
    return true;
}

static bool do_run(const struct walk *w, uint64_t at, const struct block_status *st, uint8_t *buf)
{
    int ret;

    if (w->skip_top && st->depth == 0 && st->flags & BLOCK_ALLOCATED) {
        return true;
    }
    if (!(st->flags & BLOCK_ALLOCATED) && (w->base || w->top_only || w->to_is_zero)) {
        return true; /* nobody above base has it */
    }
    if (st->flags & BLOCK_ZERO || !(st->flags & BLOCK_ALLOCATED)) {
        ret = w->to_is_zero ? 0 : block_node_write_zeroes(w->to, at, st->bytes, BLOCK_MAY_UNMAP);
        return ret == 0 || failed(w, w->to, at, ret);
    }
    return copy_data(w, at, st->bytes, buf);
}

static bool walk(const struct walk *w)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    const struct block_progress *p = w->progress;
    uint64_t size = w->from->size;
    int ret;

    for (uint64_t at = 0; at < size;) {
        struct block_status st;

        if (p && p->cancelled && p->cancelled(p->opaque)) {
            set_error(w->error, "cancelled");
            return false;
        }
        /* A piece at a time, so that who watches sees it move. */
        ret = w->top_only
                  ? block_node_status(w->from, at, MIN(size - at, 16u << 20), &st)
                  : block_node_status_above(w->from, w->base, at, MIN(size - at, 16u << 20), &st);
        if (ret != 0) {
            return failed(w, w->from, at, ret);
        }
        if (!do_run(w, at, &st, buf)) {
            return false;
        }
        at += st.bytes;
        if (p && p->report) {
            p->report(p->opaque, at, size);
        }
    }
    ret = block_node_flush(w->to);
    return ret == 0 || failed(w, w->to, size, ret);
}

bool block_job_copy(struct block_node *from, struct block_node *to, enum block_sync sync,
                    bool to_is_zero, const struct block_progress *progress, GError **error)
{
    struct walk w = { .from = from,
                      .to = to,
                      .to_is_zero = to_is_zero,
                      .top_only = sync == BLOCK_SYNC_TOP,
                      .progress = progress,
                      .error = error };

    if (to->size < from->size) {
        set_error(error, "'%s' has %" G_GUINT64_FORMAT " bytes, '%s' needs %" G_GUINT64_FORMAT,
                  to->filename, to->size, from->filename, from->size);
        return false;
    }
    return walk(&w);
}

bool block_job_commit(struct block_node *top, struct block_node *base,
                      const struct block_progress *progress, GError **error)
{
    struct walk w = { .from = top, .base = base, .to = base, .progress = progress, .error = error };
    bool was_read_only = base->read_only, ok;

    if (!block_node_set_read_only(base, false, error)) {
        return false;
    }
    ok = (base->size >= top->size ||
          block_node_truncate(base, top->size, BLOCK_PREALLOC_OFF, false, error)) &&
         walk(&w);
    if (was_read_only && !block_node_set_read_only(base, true, ok ? error : NULL)) {
        ok = false;
    }
    return ok;
}

bool block_job_stream(struct block_node *node, struct block_node *base, const char *base_name,
                      const char *base_format, const struct block_progress *progress,
                      GError **error)
{
    struct walk w = { .from = node,
                      .base = base,
                      .to = node,
                      .skip_top = true,
                      .progress = progress,
                      .error = error };
    struct block_node *old = node->backing;

    /* What nobody has reads as zeroes without a backing file too. */
    w.to_is_zero = false;
    if (!walk(&w) ||
        !block_node_change_backing(node, base ? base_name : NULL, base_format, error)) {
        return false;
    }
    node->backing = base ? block_node_ref(base) : NULL;
    block_node_close(old);
    return true;
}
