/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live_mirror.c: mirror, and commit of the active layer, which is a mirror into the base.
 *
 * A bit says that a chunk of the target may not be what the drive is.  A guest's write sets it when it is
 * over; the job clears it before it reads: whatever was half written then is copied once more.
 * Thread: see live.h.
 */
#include "block/live_job.h"
#include "util/error.h"

/* on-error=ignore: how often, and how long after each other, every chunk that is left may fail. */
#define RETRIES     3u
#define RETRY_AFTER 50u /* milliseconds */

/* Chunks that may be left for the end, when the drive stands still. */
#define LEFT_AT_END 16u

struct mirror {
    struct block_live job;
    struct live_bits dirty; /* under job.mutex */
    /* Of the job's thread: where it goes on; how many chunks failed since one was copied. */
    uint64_t next, failures;
};

static void mirror_after_write(struct block_live *job, uint64_t offset, uint64_t bytes)
{
    struct mirror *m = (struct mirror *)job;
    uint64_t last = (offset + MAX(bytes, 1) - 1) / LIVE_CHUNK;

    pthread_mutex_lock(&job->mutex);
    for (uint64_t i = offset / LIVE_CHUNK; i <= last && i < m->dirty.n; i++) {
        if (live_bits_put(&m->dirty, i, true)) {
            job->total += LIVE_CHUNK;
        }
    }
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->mutex);
}

/* Nothing but failures: the error is told although it was to be ignored. */
static bool gives_up(struct mirror *m, bool source, int ret)
{
    struct block_live *job = &m->job;
    bool enough;

    live_pause(job, RETRY_AFTER);
    pthread_mutex_lock(&job->mutex);
    enough = ++m->failures > RETRIES * MIN(m->dirty.set, LEFT_AT_END);
    if (enough && !job->error) {
        set_error(&job->error, "'%s': %s", (source ? job->source : job->target)->filename,
                  g_strerror(-ret));
    }
    pthread_mutex_unlock(&job->mutex);
    return enough;
}

/* One chunk.  False: it failed for good. */
static bool copy(struct mirror *m, uint64_t i)
{
    struct block_live *job = &m->job;
    bool source;
    int ret = live_copy_chunk(job, i * LIVE_CHUNK, &source);
    int what = ret ? live_on_error(job, source, ret) : 0;

    if (ret) { /* even if it is to be ignored: the target is not good before */
        mirror_after_write(job, i * LIVE_CHUNK, 1);
    } else {
        m->failures = 0;
    }
    live_progress(job, LIVE_CHUNK);
    return what == 1 ? !gives_up(m, source, ret) : what == 0;
}

static uint64_t take(struct mirror *m)
{
    uint64_t i;

    pthread_mutex_lock(&m->job.mutex);
    i = live_bits_next(&m->dirty, m->next);
    if (i != UINT64_MAX) {
        live_bits_put(&m->dirty, i, false);
        m->next = i + 1;
    }
    pthread_mutex_unlock(&m->job.mutex);
    return i;
}

/* Nothing is left: ready, until somebody writes or says what to do. */
static void rest(struct mirror *m)
{
    struct block_live *job = &m->job;
    bool first;

    pthread_mutex_lock(&job->mutex);
    first = !job->ready;
    job->ready = true;
    pthread_mutex_unlock(&job->mutex);
    if (first) {
        live_progress(job, 0);
    }
    pthread_mutex_lock(&job->mutex);
    while (!m->dirty.set && !job->cancelled && !job->completing) {
        pthread_cond_wait(&job->cond, &job->mutex);
    }
    pthread_mutex_unlock(&job->mutex);
}

/* Only what can be copied while the guest waits is left, or the guest is faster than the job. */
static bool may_end(struct mirror *m, uint64_t *patience)
{
    struct block_live *job = &m->job;
    bool yes;

    pthread_mutex_lock(&job->mutex);
    if (job->completing && *patience == UINT64_MAX) {
        *patience = 2 * m->dirty.set + LEFT_AT_END;
    }
    yes = job->completing && (m->dirty.set <= LEFT_AT_END || *patience == 0);
    pthread_mutex_unlock(&job->mutex);
    return yes;
}

static bool mirror_run(struct block_live *job, GError **error)
{
    struct mirror *m = (struct mirror *)job;
    uint64_t patience = UINT64_MAX;
    bool good;

    (void)error; /* live_on_error sets the job's */
    while (live_turn(job, LIVE_CHUNK)) {
        uint64_t i;

        if (may_end(m, &patience)) {
            return true;
        }
        i = take(m);
        if (i == UINT64_MAX) {
            rest(m);
            continue;
        }
        if (!copy(m, i)) {
            return false;
        }
        patience -= patience != UINT64_MAX;
    }
    pthread_mutex_lock(&job->mutex);
    good = job->ready && !job->forced;
    pthread_mutex_unlock(&job->mutex);
    return good;
}

/* The drive stands still: the rest is copied, and it is all the same which image it has. */
static bool mirror_finish(struct block_live *job, bool good, GError **error)
{
    struct mirror *m = (struct mirror *)job;
    uint64_t i;
    int ret = 0;

    while (good && ret == 0 && (i = take(m)) != UINT64_MAX) {
        bool source;

        ret = live_copy_chunk(job, i * LIVE_CHUNK, &source);
    }
    if (good && ret == 0) {
        ret = block_node_flush(job->target);
    }
    if (ret != 0) {
        set_error(error, "'%s': %s", job->target->filename, g_strerror(-ret));
        return false;
    }
    if (good && job->completing) {
        live_pivot(job, job->target);
    }
    return true;
}

/* A base that does not become the drive's image is a backing file again. */
static bool commit_finish(struct block_live *job, bool good, GError **error)
{
    bool ok = mirror_finish(job, good, error);

    return (ok && good && job->completing) ||
           (block_node_set_read_only(job->target, true, ok ? error : NULL) && ok);
}

static void mirror_clear(struct block_live *job)
{
    live_bits_clear(&((struct mirror *)job)->dirty);
}

static const struct live_type mirror_type = {
    .name = "mirror",
    .size = sizeof(struct mirror),
    .layer = &block_live_layer,
    .run = mirror_run,
    .finish = mirror_finish,
    .clear = mirror_clear,
    .after_write = mirror_after_write,
};

static const struct live_type commit_type = {
    .name = "commit",
    .size = sizeof(struct mirror),
    .layer = &block_live_layer,
    .run = mirror_run,
    .finish = commit_finish,
    .clear = mirror_clear,
    .after_write = mirror_after_write,
};

/* `base`: what the layers above it have; NULL and `top`: what the topmost one has. */
static struct block_live *begin(struct block_live *job, bool top, struct block_node *base,
                                GError **error)
{
    struct mirror *m = (struct mirror *)job;
    bool all = job->o.sync == BLOCK_LIVE_FULL && !base;

    live_bits_init(&m->dirty, job->source->size, all);
    if ((top || base) && !live_bits_allocated(&m->dirty, job->source, base, error)) {
        live_drop(job);
        return NULL;
    }
    job->total = m->dirty.set * LIVE_CHUNK;
    live_start(job);
    return job;
}

struct block_live *block_live_mirror(struct block_backend *blk, struct block_node *target,
                                     const struct block_live_options *o, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_live *job;

    if (!live_target_fits(blk, target, error)) {
        return NULL;
    }
    job = live_new(&mirror_type, blk, target, o, error);
    return job ? begin(job, o->sync == BLOCK_LIVE_TOP, NULL, error) : NULL;
}

static bool is_below(struct block_node *top, const struct block_node *base)
{
    while (top && top != base) {
        top = top->driver->filter ? top->file : top->backing;
    }
    return top != NULL;
}

struct block_live *block_live_commit(struct block_backend *blk, struct block_node *base,
                                     const struct block_live_options *o, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_live *job;
    struct block_node *top;

    top = blk->root ? *live_slot(blk) : NULL;
    if (!top || top == base || !is_below(top, base)) {
        set_error(error, "'%s' is not below the image of device '%s'", base->filename, blk->id);
        block_node_close(base);
        return NULL;
    }
    job = live_new(&commit_type, blk, base, o, error);
    if (!job) {
        return NULL;
    }
    /* Nobody reads it: the drive was drained. */
    if (!block_node_set_read_only(base, false, error) ||
        (base->size < top->size &&
         !block_node_truncate(base, top->size, BLOCK_PREALLOC_OFF, false, error))) {
        live_drop(job);
        return NULL;
    }
    return begin(job, false, base, error);
}
