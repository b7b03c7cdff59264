/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live.c: what all jobs beside a guest share: the list, the thread, the layer, pausing, errors, the end.
 * Thread: see live.h.
 */
#include "block/live.h"
#include <errno.h>
#include <string.h>
#include <time.h>
#include "block/live_job.h"
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* The layer ------------------------------------------------------------------------------------- */

struct layer_node {
    struct block_node node;
    struct block_live *job;
};

void live_layer_attach(struct block_node *layer, struct block_live *job)
{
    if (layer->driver == &block_live_layer) {
        ((struct layer_node *)layer)->job = job;
    }
}

static bool layer_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    (void)o, (void)error;
    node->size = node->file->size;
    node->read_only = node->file->read_only;
    return true;
}

static void before(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    struct block_live *job = ((struct layer_node *)node)->job;

    if (job->type->before_write) {
        job->type->before_write(job, offset, bytes);
    }
}

static int after(struct block_node *node, uint64_t offset, uint64_t bytes, int ret)
{
    struct block_live *job = ((struct layer_node *)node)->job;

    if (job->type->after_write) {
        job->type->after_write(job, offset, bytes);
    }
    return ret;
}

static int layer_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return block_node_readv(node->file, offset, iov, n);
}

static int layer_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n);

    before(node, offset, bytes);
    return after(node, offset, bytes, block_node_writev(node->file, offset, iov, n));
}

static int layer_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    before(node, offset, bytes);
    return after(node, offset, bytes, block_node_discard(node->file, offset, bytes));
}

static int layer_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                              unsigned flags)
{
    before(node, offset, bytes);
    return after(node, offset, bytes, block_node_write_zeroes(node->file, offset, bytes, flags));
}

const struct block_driver block_live_layer = {
    .name = "live",
    .summary = "what a job sees of the guest's writes",
    .filter = true,
    .hidden = true,
    .set_active = block_set_active_nothing, /* a job keeps the machine from going, not its layer */
    .size = sizeof(struct layer_node),
    .open = layer_open,
    .read = layer_read,
    .write = layer_write,
    .discard = layer_discard,
    .write_zeroes = layer_write_zeroes,
};

struct block_node **live_slot(struct block_backend *blk)
{
    struct block_node **slot = &blk->root;

    while ((*slot)->driver->filter && (*slot)->file) {
        slot = &(*slot)->file;
    }
    return slot;
}

/* Where the layer hangs. */
static struct block_node **layer_slot(struct block_live *job)
{
    struct block_node **slot = &job->blk->root;

    while (*slot != job->layer) {
        slot = &(*slot)->file;
    }
    return slot;
}

static void take_layer_out(struct block_live *job)
{
    struct block_node **slot = layer_slot(job);

    *slot = block_node_ref(job->layer->file);
    block_node_close(job->layer);
    job->layer = NULL;
}

void live_follow_name(struct block_backend *blk, const struct block_node *image)
{
    if (blk->of_node && !block_backend_find(blk->machine, image->node_name)) {
        g_free(blk->id);
        blk->id = g_strdup(image->node_name);
    }
}

void live_pivot(struct block_live *job, struct block_node *to)
{
    struct block_backend *blk = job->blk;
    struct block_node *old = job->layer->file;

    job->layer->file = block_node_ref(to);
    g_free(blk->filename);
    blk->filename = g_strdup(to->filename);
    live_follow_name(blk, to);
    block_node_close(old);
}

/* Life ------------------------------------------------------------------------------------------ */

static const char *obstacle(const struct block_backend *blk)
{
    return !blk->root ? "it has no medium" : blk->job ? "it has a job already" : NULL;
}

static bool is_free(const struct block_backend *blk, GError **error)
{
    const char *text = obstacle(blk);

    if (text) {
        set_error(error, "Device '%s' cannot be used: %s", blk->id, text);
    }
    return !text;
}

struct block_live *live_new(const struct live_type *type, struct block_backend *blk,
                            struct block_node *target, const struct block_live_options *o,
                            GError **error)
{
    g_autoptr(block_guard) guard = block_guard_new(blk);
    const char *id = o->id ? o->id : blk->id;
    struct block_node **slot, *source, *layer;
    struct block_live *job;

    if (!is_free(blk, error)) {
        block_node_close(target);
        return NULL;
    }
    if (block_live_find(blk->machine, id) || block_job_record_find(blk->machine, id)) {
        set_error(error, "Job ID '%s' already in use", id);
        block_node_close(target);
        return NULL;
    }
    block_drain(blk);
    slot = live_slot(blk);
    source = block_node_ref(*slot);
    layer = block_layer_new(type->layer, block_node_ref(source), NULL, error);
    if (!layer) {
        block_node_close(source);
        block_node_close(target);
        return NULL;
    }
    block_node_close(*slot);
    *slot = layer;
    job = g_malloc0(type->size);
    job->type = type;
    job->id = g_strdup(id);
    job->blk = blk;
    job->o = *o;
    job->o.id = job->o.bitmap = NULL;
    job->speed = o->speed;
    job->layer = layer;
    job->source = source;
    job->target = target;
    pthread_mutex_init(&job->mutex, NULL);
    pthread_cond_init(&job->cond, NULL);
    live_layer_attach(layer, job);
    blk->job = job;
    g_ptr_array_add(block_jobs_of(blk->machine), job);
    return job;
}

void live_drop(struct block_live *job)
{
    g_autoptr(block_guard) guard = block_guard_new(job->blk);

    block_drain(job->blk);
    g_ptr_array_remove(block_jobs_of(job->blk->machine), job);
    job->blk->job = NULL;
    take_layer_out(job);
    if (job->type->clear) {
        job->type->clear(job);
    }
    block_node_close(job->source);
    block_node_close(job->target);
    g_clear_error(&job->error);
    pthread_cond_destroy(&job->cond);
    pthread_mutex_destroy(&job->mutex);
    g_free(job->id);
    g_free(job);
}

static void emit_progress(struct block_live *job, enum event_id id, const struct block_live_info *i)
{
    json_t *data = json_pack("{s:s, s:s, s:I, s:I, s:I}", "type", i->type, "device", i->id, "len",
                             (json_int_t)i->total, "offset", (json_int_t)i->done, "speed",
                             (json_int_t)i->speed);

    if (id == EVENT_BLOCK_JOB_COMPLETED && i->error) {
        g_autofree char *text = g_utf8_make_valid(i->error, -1);

        json_object_set_new(data, "error", json_string(text));
    }
    event_emit(job->blk->machine, id, data);
}

/* What QMP's clients hear. */
static void emit(struct block_live *job, enum block_live_event event,
                 const struct block_live_info *info)
{
    struct machine *m = job->blk->machine;

    switch (event) {
    case BLOCK_LIVE_READY:
        block_job_tell_status(m, job->id, "ready");
        emit_progress(job, EVENT_BLOCK_JOB_READY, info);
        break;
    case BLOCK_LIVE_ERROR:
        event_emit(m, EVENT_BLOCK_JOB_ERROR,
                   json_pack("{s:s, s:s, s:s}", "device", job->id, "operation",
                             job->failed_source ? "read" : "write", "action", job->failed_how));
        break;
    case BLOCK_LIVE_COMPLETED:
        emit_progress(job, EVENT_BLOCK_JOB_COMPLETED, info);
        break;
    case BLOCK_LIVE_CANCELLED:
        emit_progress(job, EVENT_BLOCK_JOB_CANCELLED, info);
        break;
    }
}

static void tell(struct block_live *job, enum block_live_event event)
{
    struct block_live_info info;

    block_live_info(job, &info);
    emit(job, event, &info);
    if (job->o.event) {
        job->o.event(job->o.opaque, event, &info);
    }
}

/* The thread has ended well: only the end is left. */
static void tell_pending(struct block_live *job)
{
    struct machine *m = job->blk->machine;

    if (job->told_pending) {
        return;
    }
    job->told_pending = true;
    block_job_tell_status(m, job->id, "waiting");
    block_job_tell_status(m, job->id, "pending");
    if (job->o.wait_finalize) {
        event_emit(m, EVENT_BLOCK_JOB_PENDING,
                   json_pack("{s:s, s:s}", "type", job->type->name, "id", job->id));
    }
}

static void conclude(struct block_live *job)
{
    struct block_live_info info;
    struct block_job_record r;

    block_live_info(job, &info);
    r = (struct block_job_record){ .id = job->id,
                                   .error = (char *)info.error,
                                   .type = info.type,
                                   .done = info.done,
                                   .total = info.total,
                                   .speed = info.speed,
                                   .waits_finalize = job->o.wait_finalize };
    block_job_conclude(job->blk->machine, &r, job->o.keep);
}

/* The thread has ended, or ends as soon as it sees that it is cancelled. */
static void end(struct block_live *job)
{
    g_autoptr(block_guard) guard = block_guard_new(job->blk);
    GError *error = NULL;
    bool good;

    pthread_join(job->thread, NULL);
    block_drain(job->blk);
    good = job->good && !(job->told_pending && job->cancelled);
    if (good) {
        tell_pending(job);
    } else {
        block_job_tell_status(job->blk->machine, job->id, "aborting");
    }
    if (!job->type->finish(job, good, &error) && !job->error) {
        job->error = g_steal_pointer(&error);
    }
    g_clear_error(&error);
    tell(job, job->cancelled && !good && !job->error ? BLOCK_LIVE_CANCELLED : BLOCK_LIVE_COMPLETED);
    conclude(job);
    live_drop(job);
}

static bool may_end_now(const struct block_live *job)
{
    return !job->o.wait_finalize || job->finalized || job->cancelled || !job->good;
}

/* One that came about for a node, and for the job alone. */
static void forget_drive(struct block_backend *blk)
{
    if (blk->of_node && !blk->front) {
        block_backend_free(blk);
    }
}

/* The main loop was woken: who has something to tell? */
static void look_after(void *opaque)
{
    GPtrArray *jobs = block_jobs_of(opaque);

    for (unsigned i = 0; i < jobs->len;) {
        struct block_live *job = g_ptr_array_index(jobs, i);
        bool ready, failed, ended;

        pthread_mutex_lock(&job->mutex);
        ready = job->ready && !job->told_ready;
        job->told_ready |= ready;
        failed = job->failed;
        job->failed = false;
        ended = job->ended;
        pthread_mutex_unlock(&job->mutex);
        if (failed) {
            tell(job, BLOCK_LIVE_ERROR);
        }
        if (ready) {
            tell(job, BLOCK_LIVE_READY);
        }
        if (ended && !may_end_now(job)) {
            tell_pending(job);
            ended = false;
        }
        if (ended) {
            struct block_backend *blk = job->blk;

            end(job);
            forget_drive(blk);
        } else {
            i++;
        }
    }
}

static void wake_main(struct block_live *job)
{
    machine_call_soon(job->blk->machine, look_after, job->blk->machine);
}

static void *run(void *opaque)
{
    struct block_live *job = opaque;
    GError *error = NULL;
    bool good = job->type->run(job, &error);

    pthread_mutex_lock(&job->mutex);
    job->good = good;
    if (error && !job->error) {
        job->error = g_steal_pointer(&error);
    }
    job->ended = true;
    pthread_mutex_unlock(&job->mutex);
    g_clear_error(&error);
    wake_main(job);
    return NULL;
}

void live_start(struct block_live *job)
{
    block_job_tell_status(job->blk->machine, job->id, "created");
    block_job_tell_status(job->blk->machine, job->id, "running");
    if (pthread_create(&job->thread, NULL, run, job) != 0) {
        g_error("cannot start a thread for a job");
    }
}

/* The thread's part ----------------------------------------------------------------------------- */

static struct timespec in_microseconds(uint64_t us)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    us += (uint64_t)t.tv_nsec / 1000;
    t.tv_sec += (time_t)(us / 1000000);
    t.tv_nsec = (long)(us % 1000000) * 1000;
    return t;
}

bool live_turn(struct block_live *job, uint64_t bytes)
{
    struct timespec until = { 0 };
    bool go;

    pthread_mutex_lock(&job->mutex);
    if (job->speed) {
        until = in_microseconds(MIN(bytes * 1000000 / job->speed, 10000000));
    }
    while (!job->cancelled && job->speed &&
           pthread_cond_timedwait(&job->cond, &job->mutex, &until) == 0) {
    }
    while (job->paused && !job->cancelled) {
        pthread_cond_wait(&job->cond, &job->mutex);
    }
    go = !job->cancelled;
    pthread_mutex_unlock(&job->mutex);
    return go;
}

void live_pause(struct block_live *job, unsigned milliseconds)
{
    struct timespec until = in_microseconds(milliseconds * 1000ull);

    pthread_mutex_lock(&job->mutex);
    if (!job->cancelled) {
        pthread_cond_timedwait(&job->cond, &job->mutex, &until);
    }
    pthread_mutex_unlock(&job->mutex);
}

int live_on_error(struct block_live *job, bool source, int ret)
{
    enum block_on_error on = source ? job->o.on_source_error : job->o.on_target_error;
    bool stop = on == BLOCK_ON_ERROR_STOP || (on == BLOCK_ON_ERROR_ENOSPC && ret == -ENOSPC);
    int what = stop ? 0 : on == BLOCK_ON_ERROR_IGNORE ? 1 : -1;

    pthread_mutex_lock(&job->mutex);
    job->failed = true;
    job->failed_source = source;
    job->failed_how = stop ? "stop" : what == 1 ? "ignore" : "report";
    if (stop) {
        job->paused = job->stopped = true;
    }
    if (what < 0 && !job->error) {
        set_error(&job->error, "'%s': %s", (source ? job->source : job->target)->filename,
                  g_strerror(-ret));
    }
    pthread_mutex_unlock(&job->mutex);
    wake_main(job);
    return what;
}

void live_progress(struct block_live *job, uint64_t bytes)
{
    bool announce;

    pthread_mutex_lock(&job->mutex);
    job->done += bytes;
    announce = job->ready && !job->told_ready;
    pthread_mutex_unlock(&job->mutex);
    if (announce) {
        wake_main(job);
    }
}

/* Control --------------------------------------------------------------------------------------- */

struct block_live *block_live_at(struct machine *m, unsigned i)
{
    GPtrArray *jobs = block_jobs_of(m);

    return i < jobs->len ? g_ptr_array_index(jobs, i) : NULL;
}

struct block_live *block_live_find(struct machine *m, const char *id)
{
    struct block_live *job;

    for (unsigned i = 0; (job = block_live_at(m, i)); i++) {
        if (strcmp(job->id, id) == 0) {
            return job;
        }
    }
    return NULL;
}

static enum block_live_state state_of(const struct block_live *job)
{
    if (job->told_pending) {
        return BLOCK_LIVE_PENDING;
    }
    if (job->paused) {
        return job->ready ? BLOCK_LIVE_STANDBY : BLOCK_LIVE_PAUSED;
    }
    return job->ready ? BLOCK_LIVE_IS_READY : BLOCK_LIVE_RUNNING;
}

void block_live_info(struct block_live *job, struct block_live_info *out)
{
    pthread_mutex_lock(&job->mutex);
    *out = (struct block_live_info){ .id = job->id,
                                     .type = job->type->name,
                                     .device = job->blk->id,
                                     .done = job->done,
                                     .total = job->total,
                                     .speed = job->speed,
                                     .state = state_of(job),
                                     .waits_finalize = job->o.wait_finalize,
                                     .kept = job->o.keep,
                                     .busy_error = job->stopped,
                                     .error = job->error ? job->error->message : NULL };
    pthread_mutex_unlock(&job->mutex);
}

static void set_paused(struct block_live *job, bool paused)
{
    bool changed;

    pthread_mutex_lock(&job->mutex);
    changed = job->paused != paused;
    job->paused = paused;
    job->stopped = false;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->mutex);
    if (changed) {
        block_job_tell_status(job->blk->machine, job->id,
                              paused ? (job->ready ? "standby" : "paused")
                                     : (job->ready ? "ready" : "running"));
    }
}

void block_live_pause(struct block_live *job)
{
    set_paused(job, true);
}

void block_live_resume(struct block_live *job)
{
    set_paused(job, false);
}

void block_live_set_speed(struct block_live *job, uint64_t speed)
{
    pthread_mutex_lock(&job->mutex);
    job->speed = speed;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->mutex);
}

void block_live_cancel(struct block_live *job, bool force)
{
    bool ended;

    pthread_mutex_lock(&job->mutex);
    job->cancelled = true;
    job->forced |= force;
    ended = job->ended;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->mutex);
    if (ended) {
        wake_main(job); /* it waits for _finalize */
    }
}

bool block_live_complete(struct block_live *job, GError **error)
{
    bool ready;

    pthread_mutex_lock(&job->mutex);
    ready = job->ready && !job->cancelled;
    job->completing |= ready;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->mutex);
    if (!ready) {
        set_error(error, "The active block job '%s' cannot be completed: it is not ready", job->id);
    }
    return ready;
}

bool block_live_finalize(struct block_live *job, GError **error)
{
    if (!job->told_pending) {
        set_error(error, "Job '%s' cannot be finalized: it is not pending", job->id);
        return false;
    }
    job->finalized = true;
    wake_main(job);
    return true;
}

void block_live_end(struct block_backend *blk)
{
    if (blk->job) {
        block_live_cancel(blk->job, true);
        end(blk->job);
    }
}
