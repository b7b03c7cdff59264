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
    char *bitmap, *successor;    /* of an incremental backup */
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

static void backup_before_write(struct block_live *job, uint64_t offset, uint64_t bytes)
{
    struct backup *b = (struct backup *)job;
    uint64_t last = (offset + MAX(bytes, 1) - 1) / LIVE_CHUNK;

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

/* The bitmap ------------------------------------------------------------------------------------ */

static bool change(struct block_node *node, enum block_bitmap_op op, const char *name,
                   const char *from, GError **error)
{
    struct block_bitmap_change c = {
        .op = op, .name = name, .from = from ? node : NULL, .from_name = from
    };

    return block_bitmap_change(node, &c, error);
}

/* What the guest writes from now on is for the next backup: another bitmap has it until this one's end. */
static bool split_bitmap(struct backup *b, GError **error)
{
    struct block_node *node = b->job.source;

    return change(node, BLOCK_BITMAP_ADD, b->successor, NULL, error) &&
           change(node, BLOCK_BITMAP_DISABLE, b->bitmap, NULL, error);
}

static bool join_bitmap(struct backup *b, bool clear, GError **error)
{
    struct block_node *node = b->job.source;

    return (!clear || change(node, BLOCK_BITMAP_CLEAR, b->bitmap, NULL, error)) &&
           change(node, BLOCK_BITMAP_MERGE, b->bitmap, b->successor, error) &&
           change(node, BLOCK_BITMAP_ENABLE, b->bitmap, NULL, error) &&
           change(node, BLOCK_BITMAP_REMOVE, b->successor, NULL, error);
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
        return split_bitmap(b, error);
    }
    set_error(error, "Bitmap '%s' could not be found", b->bitmap);
    return false;
}

static bool backup_finish(struct block_live *job, bool good, GError **error)
{
    struct backup *b = (struct backup *)job;
    int ret = good ? block_node_flush(job->target) : 0;

    if (b->bitmap && !join_bitmap(b, good && ret == 0, error)) {
        return false;
    }
    if (ret != 0) {
        set_error(error, "'%s': %s", job->target->filename, g_strerror(-ret));
    }
    return ret == 0;
}

static void backup_clear(struct block_live *job)
{
    struct backup *b = (struct backup *)job;

    live_bits_clear(&b->todo);
    live_bits_clear(&b->busy);
    g_free(b->bitmap);
    g_free(b->successor);
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
        b->successor = g_strdup_printf("%s.next", b->bitmap);
        if (!take_bitmap(b, error)) {
            g_clear_pointer(&b->bitmap, g_free);
            return false;
        }
    }
    return true;
}

struct block_live *block_live_backup(struct block_backend *blk, struct block_node *target,
                                     const struct block_live_options *o, GError **error)
{
    struct block_live *job;

    if (target->read_only || target->size < block_size(blk)) {
        set_error(error, "'%s' is read-only or smaller than the drive", target->filename);
        block_node_close(target);
        return NULL;
    }
    job = live_new(&backup_type, blk, target, o, error);
    if (!job) {
        return NULL;
    }
    if (!prepare((struct backup *)job, o, error)) {
        live_drop(job);
        return NULL;
    }
    job->total = ((struct backup *)job)->todo.set * LIVE_CHUNK;
    live_start(job);
    return job;
}
