/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live_backup.c: backup: the target becomes what the drive was when the job began.
 *
 * A chunk is copied by the job, or, before the guest's first write to it, by that write's worker.  A bit says
 * that it still has to be; who copies one has it in `busy` meanwhile, and others wait.  A failing copy ends
 * the job, not the guest's write.
 * Thread: see live.h.
 */
#include <string.h>
#include "block/live_job.h"
#include "util/error.h"

struct backup {
    struct block_live job;
    struct live_bits todo, busy; /* under job.mutex */
    uint64_t next;               /* of the job's thread */
    char *bitmap;                /* of an incremental backup */
    uint8_t *since;              /* ... a bit for each `granularity` bytes; under job.mutex */
    uint64_t n_since;
    uint32_t granularity;
};

/* False: somebody else has copied it, or it is not wanted.  Then it is over when this returns. */
static bool claim(struct backup *b, uint64_t i)
{
    bool mine = false;

    pthread_mutex_lock(&b->job.mutex);
    while (live_bits_get(&b->busy, i)) {
        pthread_cond_wait(&b->job.cond, &b->job.mutex);
    }
    if (live_bits_get(&b->todo, i) && !b->job.cancelled) {
        live_bits_put(&b->busy, i, true);
        mine = true;
    }
    pthread_mutex_unlock(&b->job.mutex);
    return mine;
}

static void give_back(struct backup *b, uint64_t i, bool copied)
{
    pthread_mutex_lock(&b->job.mutex);
    live_bits_put(&b->busy, i, false);
    if (copied) {
        live_bits_put(&b->todo, i, false);
        b->job.done += LIVE_CHUNK;
    }
    pthread_cond_broadcast(&b->job.cond);
    pthread_mutex_unlock(&b->job.mutex);
}

/* The bitmap ------------------------------------------------------------------------------------ */

/*
 * The image's bitmap goes on to mark what the guest writes, so that it is right whenever the job fails or the
 * program is killed.  What was written since the job began is kept here, and becomes the bitmap on success.
 */
static void mark_since(struct backup *b, uint64_t offset, uint64_t bytes)
{
    uint64_t last = (offset + MAX(bytes, 1) - 1) / b->granularity;

    pthread_mutex_lock(&b->job.mutex);
    for (uint64_t i = offset / b->granularity; i <= last && i < b->n_since; i++) {
        b->since[i / 8] |= (uint8_t)(1u << i % 8);
    }
    pthread_mutex_unlock(&b->job.mutex);
}

static void backup_before_write(struct block_live *job, uint64_t offset, uint64_t bytes)
{
    struct backup *b = (struct backup *)job;
    uint64_t last = (offset + MAX(bytes, 1) - 1) / LIVE_CHUNK;

    if (b->since) {
        mark_since(b, offset, bytes);
    }
    for (uint64_t i = offset / LIVE_CHUNK; i <= last && i < b->todo.n; i++) {
        bool source;
        int ret;

        if (!claim(b, i)) {
            continue;
        }
        ret = live_copy_chunk(job, i * LIVE_CHUNK, &source);
        if (ret != 0) {
            /* The old bytes are about to go: what is copied is no backup any more. */
            pthread_mutex_lock(&job->mutex);
            if (!job->error) {
                set_error(&job->error, "'%s': %s", (source ? job->source : job->target)->filename,
                          g_strerror(-ret));
            }
            job->cancelled = true;
            pthread_mutex_unlock(&job->mutex);
        }
        give_back(b, i, ret == 0);
    }
}

/* False: it failed for good. */
static bool copy(struct backup *b, uint64_t i)
{
    struct block_live *job = &b->job;
    bool source;
    int ret, what;

    if (!claim(b, i)) {
        return true;
    }
    ret = live_copy_chunk(job, i * LIVE_CHUNK, &source);
    what = ret ? live_on_error(job, source, ret) : 1;
    give_back(b, i, what == 1);
    return what >= 0;
}

static uint64_t find(struct backup *b)
{
    uint64_t i;

    pthread_mutex_lock(&b->job.mutex);
    i = live_bits_next(&b->todo, b->next);
    pthread_mutex_unlock(&b->job.mutex);
    return i;
}

/* sync=none: there is nothing to do but to wait for the end. */
static bool wait_for_end(struct block_live *job)
{
    pthread_mutex_lock(&job->mutex);
    while (!job->cancelled) {
        pthread_cond_wait(&job->cond, &job->mutex);
    }
    pthread_mutex_unlock(&job->mutex);
    return false;
}

static bool backup_run(struct block_live *job, GError **error)
{
    struct backup *b = (struct backup *)job;

    (void)error; /* live_on_error sets the job's */
    if (job->o.sync == BLOCK_LIVE_NONE) {
        return wait_for_end(job);
    }
    while (live_turn(job, LIVE_CHUNK)) {
        uint64_t i = find(b);

        if (i == UINT64_MAX) {
            return true;
        }
        b->next = i + 1;
        if (!copy(b, i)) {
            return false;
        }
    }
    return false;
}

static bool take_bitmap(struct backup *b, GError **error)
{
    g_autoptr(GPtrArray) list = block_bitmaps(b->job.source);

    for (unsigned i = 0; i < list->len; i++) {
        const struct block_bitmap *m = g_ptr_array_index(list, i);

        if (strcmp(m->name, b->bitmap) != 0) {
            continue;
        }
        if (m->in_use || !m->enabled) {
            set_error(error, "Bitmap '%s' is inconsistent or disabled and cannot be used", m->name);
            return false;
        }
        for (uint64_t k = 0; k < m->bits; k++) {
            uint64_t at = k * m->granularity, end = at + m->granularity;

            for (uint64_t c = at / LIVE_CHUNK;
                 m->bytes[k / 8] >> k % 8 & 1 && c * LIVE_CHUNK < end && c < b->todo.n; c++) {
                live_bits_put(&b->todo, c, true);
            }
        }
        b->granularity = m->granularity;
        b->n_since = m->bits;
        b->since = g_malloc0(m->bits / 8 + 1);
        return true;
    }
    set_error(error, "Bitmap '%s' could not be found", b->bitmap);
    return false;
}

static bool backup_finish(struct block_live *job, bool good, GError **error)
{
    struct backup *b = (struct backup *)job;
    struct block_bitmap_change change = { .op = BLOCK_BITMAP_REPLACE,
                                          .name = b->bitmap,
                                          .bits = b->since };
    int ret = good ? block_node_flush(job->target) : 0;

    if (ret != 0) {
        set_error(error, "'%s': %s", job->target->filename, g_strerror(-ret));
        return false;
    }
    return !good || !b->bitmap || block_bitmap_change(job->source, &change, error);
}

static void backup_clear(struct block_live *job)
{
    struct backup *b = (struct backup *)job;

    live_bits_clear(&b->todo);
    live_bits_clear(&b->busy);
    g_free(b->bitmap);
    g_free(b->since);
}

static const struct live_type backup_type = {
    .name = "backup",
    .size = sizeof(struct backup),
    .layer = &block_live_layer,
    .run = backup_run,
    .finish = backup_finish,
    .clear = backup_clear,
    .before_write = backup_before_write,
};

static bool prepare(struct backup *b, const struct block_live_options *o, GError **error)
{
    struct block_live *job = &b->job;
    bool all = o->sync == BLOCK_LIVE_FULL || o->sync == BLOCK_LIVE_NONE;

    live_bits_init(&b->todo, job->source->size, all);
    live_bits_init(&b->busy, job->source->size, false);
    if (o->sync == BLOCK_LIVE_TOP) {
        return live_bits_allocated(&b->todo, job->source, NULL, error);
    }
    if (o->sync == BLOCK_LIVE_INCREMENTAL) {
        b->bitmap = g_strdup(o->bitmap ? o->bitmap : "");
        return take_bitmap(b, error);
    }
    return true;
}

struct block_live *block_live_backup(struct block_backend *blk, struct block_node *target,
                                     const struct block_live_options *o, GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    struct block_live *job;

    if (!live_target_fits(blk, target, error)) {
        return NULL;
    }
    job = live_new(&backup_type, blk, target, o, error);
    if (!job) {
        return NULL;
    }
    if ((o->compress && !live_can_compress(job, error)) ||
        !prepare((struct backup *)job, o, error)) {
        live_drop(job);
        return NULL;
    }
    job->total = ((struct backup *)job)->todo.set * LIVE_CHUNK;
    live_start(job);
    return job;
}
