/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live_stream.c: stream: its layer is copy-on-read, which keeps newer bytes of the guest's; the job
 * reads through it whatever the topmost image has not.
 * Thread: see live.h.
 */
#include "block/live_job.h"
#include "util/error.h"

struct stream {
    struct block_live job;
    struct block_node *base; /* counted; NULL: none */
    char *base_name, *base_format;
};

/* One run of what is between top and base.  False: it failed for good. */
static bool read_run(struct stream *s, uint64_t at, uint64_t bytes, uint8_t *buf)
{
    struct block_live *job = &s->job;

    for (uint64_t done = 0; done < bytes;) {
        uint64_t n = MIN(bytes - done, LIVE_CHUNK);
        int ret = block_node_read(job->layer, at + done, buf, n);
        int what = ret ? live_on_error(job, true, ret) : 1;

        if (what < 0 || !live_turn(job, n)) {
            return false;
        }
        done += what == 1 ? n : 0;
    }
    return true;
}

static bool stream_run(struct block_live *job, GError **error)
{
    struct stream *s = (struct stream *)job;
    g_autofree uint8_t *buf = g_malloc(LIVE_CHUNK);
    struct block_node *top = job->source;

    for (uint64_t at = 0; at < top->size;) {
        struct block_status st;
        int ret = block_node_status_above(top, s->base, at, MIN(top->size - at, 16u << 20), &st);
        bool wanted = st.flags & BLOCK_ALLOCATED && st.depth > 0;

        if (ret != 0) {
            set_error(error, "'%s' at byte %" G_GUINT64_FORMAT ": %s", top->filename, at,
                      g_strerror(-ret));
            return false;
        }
        /* Without a backing file what nobody has reads as zeroes. */
        if (!s->base && st.flags & BLOCK_ZERO) {
            wanted = false;
        }
        if (!live_turn(job, 0) || (wanted && !read_run(s, at, st.bytes, buf))) {
            return false;
        }
        live_progress(job, st.bytes);
        at += st.bytes;
    }
    return true;
}

static bool stream_finish(struct block_live *job, bool good, GError **error)
{
    struct stream *s = (struct stream *)job;
    struct block_node *top = job->source, *old = top->backing;

    if (!good) {
        return true;
    }
    if (block_node_flush(top) != 0 ||
        !block_node_change_backing(top, s->base ? s->base_name : NULL, s->base_format, error)) {
        if (error && !*error) {
            set_error(error, "'%s' could not be flushed", top->filename);
        }
        return false;
    }
    top->backing = s->base ? block_node_ref(s->base) : NULL;
    block_node_close(old);
    return true;
}

static void stream_clear(struct block_live *job)
{
    struct stream *s = (struct stream *)job;

    block_node_close(s->base);
    g_free(s->base_name);
    g_free(s->base_format);
}

static const struct live_type stream_type = {
    .name = "stream",
    .size = sizeof(struct stream),
    .layer = &block_copy_on_read,
    .run = stream_run,
    .finish = stream_finish,
    .clear = stream_clear,
};

struct block_live *block_live_stream(struct block_backend *blk, struct block_node *base,
                                     const char *base_name, const struct block_live_options *o,
                                     GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_live *job;
    struct stream *s;

    if (blk->root && block_read_only(blk)) {
        set_error(error, "Device '%s' is read-only", blk->id);
        return NULL;
    }
    job = live_new(&stream_type, blk, NULL, o, error);
    if (!job) {
        return NULL;
    }
    s = (struct stream *)job;
    s->base = base ? block_node_ref(base) : NULL;
    s->base_name = g_strdup(base_name ? base_name : base ? base->filename : NULL);
    s->base_format = g_strdup(base ? base->driver->name : NULL);
    job->total = job->source->size;
    live_start(job);
    return job;
}
