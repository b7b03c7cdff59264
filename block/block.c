/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/block.c: drive slots, and requests on their way to the workers and back.
 *
 * A request whose node can start it is given to the kernel by a ring, which the main loop watches.  Others
 * are queued for a thread pool; the worker runs the node's driver, puts the request on the list of finished
 * ones and tells the main loop, which delivers.  Who drains delivers on his own thread.
 *
 * Invariants: a request is on `finished` exactly in state FINISHED, on `stopped` in state STOPPED;
 *             blk->in_flight counts the RUNNING, FINISHED and STOPPED ones.
 * Thread:     the machine lock guards everything but `finished` and the state of RUNNING requests,
 *             which pool->mutex guards; workers never take the machine lock.  The ring is reaped under it.
 */
#include "block/block.h"
#include <errno.h>
#include <glib-unix.h>
#include <pthread.h>
#include <string.h>
#include "block/driver.h"
#include "block/live.h"
#include "block/throttle.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define MAX_WORKERS 8

static struct block_pool *pool_of(struct machine *m);

struct block_pool {
    struct machine *machine;
    GThreadPool *threads;
    struct block_graph *graph;
    GPtrArray *jobs;     /* struct block_live * */
    GPtrArray *backends; /* struct block_backend *, in the order of their creation */
    pthread_mutex_t mutex;
    pthread_cond_t cond; /* something was finished */
    struct block_request *finished, **finished_end;
    struct block_request *stopped;
    struct block_ring *ring; /* NULL: the kernel has none */
    GSource *ring_source;
    struct run_state_listener listener;
};

/* Workers --------------------------------------------------------------------------------------- */

static int perform(struct block_request *req)
{
    struct block_node *node = req->node;
    int ret = 0;

    switch (req->op) {
    case BLOCK_READ:
        return block_node_readv(node, req->offset, req->iov, req->n_iov);
    case BLOCK_WRITE:
        ret = block_node_writev(node, req->offset, req->iov, req->n_iov);
        break;
    case BLOCK_WRITE_ZEROES:
        ret = block_node_write_zeroes(node, req->offset, req->bytes, BLOCK_MAY_UNMAP);
        break;
    case BLOCK_DISCARD:
        return block_node_discard(node, req->offset, req->bytes);
    case BLOCK_FLUSH:
        return block_node_flush(node);
    }
    return ret == 0 && req->through ? block_node_flush(node) : ret;
}

static void deliver_all(void *opaque);

static void finish(struct block_pool *pool, struct block_request *req, int result)
{
    pthread_mutex_lock(&pool->mutex);
    req->result = result;
    __atomic_store_n(&req->state, BLOCK_REQUEST_FINISHED, __ATOMIC_RELAXED); /* for block_busy */
    req->next = NULL;
    *pool->finished_end = req;
    pool->finished_end = &req->next;
    pthread_cond_broadcast(&pool->cond);
    pthread_mutex_unlock(&pool->mutex);
}

/* What the main loop wrote is there before a worker reads it; GLib's pool does that too, out of TSan's sight. */
static void hand_over(struct block_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void work(gpointer data, gpointer opaque)
{
    struct block_pool *pool = opaque;

    hand_over(pool);
    finish(pool, data, perform(data));
    machine_call_soon(pool->machine, deliver_all, pool);
}

/* The ring -------------------------------------------------------------------------------------- */

static void ring_done(struct block_async *a, int result)
{
    struct block_request *req =
        (struct block_request *)((char *)a - offsetof(struct block_request, async));

    req->blk->on_ring--;
    finish(req->blk->machine->block, req, result);
}

static gboolean ring_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct block_pool *pool = opaque;
    bool take_lock = !machine_locked(pool->machine);

    (void)fd, (void)condition;
    if (take_lock) {
        machine_lock(pool->machine);
    }
    block_ring_reap(pool->ring, false);
    deliver_all(pool);
    if (take_lock) {
        machine_unlock(pool->machine);
    }
    return G_SOURCE_CONTINUE;
}

static void open_ring(struct block_pool *pool)
{
    pool->ring = block_ring_new(NULL);
    if (pool->ring) {
        pool->ring_source = g_unix_fd_source_new(block_ring_fd(pool->ring), G_IO_IN);
        g_source_set_callback(pool->ring_source, (GSourceFunc)(void (*)(void))ring_ready, pool,
                              NULL);
        g_source_attach(pool->ring_source, pool->machine->context);
    }
}

static void close_ring(struct block_pool *pool)
{
    if (pool->ring) {
        g_source_destroy(pool->ring_source);
        g_source_unref(pool->ring_source);
        block_ring_free(pool->ring);
    }
}

static bool start_on_ring(struct block_pool *pool, struct block_request *req)
{
    if (!pool->ring || req->op > BLOCK_WRITE || (req->op == BLOCK_WRITE && req->through)) {
        return false;
    }
    req->async = (struct block_async){ .ring = pool->ring,
                                       .write = req->op == BLOCK_WRITE,
                                       .offset = req->offset,
                                       .iov = req->iov,
                                       .n = req->n_iov,
                                       .done = ring_done };
    return block_node_start(req->node, &req->async, req->offset);
}

/* Delivery -------------------------------------------------------------------------------------- */

static int refusal(const struct block_request *req);

/* Those of a drive that waits for its limits are its own: others need not wait for it. */
static GThreadPool *workers_of(struct block_pool *pool, struct block_backend *blk)
{
    if (!throttle_layer(blk->root)) {
        return pool->threads;
    }
    if (!blk->threads) {
        blk->threads = g_thread_pool_new(work, pool, MAX_WORKERS, FALSE, NULL);
    }
    return blk->threads;
}

/* Also what tries a stopped request again: the medium may be another one. */
static void start(struct block_pool *pool, struct block_request *req)
{
    int error = refusal(req);

    if (error) {
        finish(pool, req, error);
        machine_call_soon(pool->machine, deliver_all, pool);
        return;
    }
    req->node = req->blk->root;
    req->through = !req->blk->write_cache;
    req->state = BLOCK_REQUEST_RUNNING;
    req->on_ring = start_on_ring(pool, req);
    if (req->on_ring) {
        req->blk->on_ring++;
    } else {
        hand_over(pool);
        g_thread_pool_push(workers_of(pool, req->blk), req, NULL);
    }
}

/* Takes a finished request off the list: of one drive, or (blk NULL) of any. */
static struct block_request *take_finished(struct block_pool *pool, struct block_backend *blk)
{
    struct block_request **link, *req;

    pthread_mutex_lock(&pool->mutex);
    link = &pool->finished;
    while (*link && blk && (*link)->blk != blk) {
        link = &(*link)->next;
    }
    req = *link;
    if (req) {
        *link = req->next;
        if (!req->next) {
            pool->finished_end = link;
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return req;
}

static bool wants_stop(const struct block_request *req, enum block_on_error on)
{
    return req->result != -ENOMEDIUM &&
           (on == BLOCK_ON_ERROR_STOP || (on == BLOCK_ON_ERROR_ENOSPC && req->result == -ENOSPC));
}

static void deliver(struct block_pool *pool, struct block_request *req, bool may_stop)
{
    struct machine *m = pool->machine;
    enum block_on_error on = req->op == BLOCK_READ ? req->blk->rerror : req->blk->werror;
    int result = req->result;

    if (result != 0) {
        log_line(LOG_DEVICE, "drive %s: request %d at %" G_GUINT64_FORMAT ": %s", req->blk->id,
                 req->op, req->offset, g_strerror(-result));
        if (may_stop && m->run_state == RUN_STATE_RUNNING && wants_stop(req, on)) {
            report_warning("drive %s: %s at byte %" G_GUINT64_FORMAT
                           ": the machine is paused, 'cont' tries again",
                           req->blk->id, g_strerror(-result), req->offset);
            req->state = BLOCK_REQUEST_STOPPED;
            req->next = pool->stopped;
            pool->stopped = req;
            machine_set_run_state(m, RUN_STATE_PAUSED);
            return;
        }
        result = on == BLOCK_ON_ERROR_IGNORE && result != -ENOMEDIUM ? 0 : result;
    }
    req->state = BLOCK_REQUEST_IDLE;
    req->blk->in_flight--;
    req->done(req->opaque, result);
}

static void deliver_all(void *opaque)
{
    struct block_pool *pool = opaque;
    struct block_request *req;

    while ((req = take_finished(pool, NULL))) {
        deliver(pool, req, true);
    }
}

static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct block_pool *pool =
        (struct block_pool *)((char *)l - offsetof(struct block_pool, listener));

    while (state == RUN_STATE_RUNNING && pool->stopped) {
        struct block_request *req = pool->stopped;

        pool->stopped = req->next;
        start(pool, req);
    }
}

static bool take_stopped(struct block_pool *pool, struct block_request *req)
{
    for (struct block_request **link = &pool->stopped; *link; link = &(*link)->next) {
        if (*link == req) {
            *link = req->next;
            return true;
        }
    }
    return false;
}

/* Requests -------------------------------------------------------------------------------------- */

static int refusal(const struct block_request *req)
{
    const struct block_backend *blk = req->blk;

    if (!blk->root) {
        return -ENOMEDIUM;
    }
    if (req->op == BLOCK_FLUSH) {
        return 0;
    }
    if (req->op != BLOCK_READ && block_read_only(blk)) {
        return -EROFS;
    }
    return req->bytes > blk->root->size || req->offset > blk->root->size - req->bytes ? -EIO : 0;
}

void block_submit(struct block_request *req)
{
    g_assert(req->state == BLOCK_REQUEST_IDLE);
    req->blk->in_flight++;
    start(req->blk->machine->block, req);
}

static void wait_for(struct block_pool *pool, struct block_request *req)
{
    throttle_hurry(req->blk->root, true);
    while (req->on_ring && req->state == BLOCK_REQUEST_RUNNING) {
        block_ring_reap(pool->ring, true);
    }
    pthread_mutex_lock(&pool->mutex);
    while (req->state == BLOCK_REQUEST_RUNNING) {
        pthread_cond_wait(&pool->cond, &pool->mutex);
    }
    for (struct block_request **link = &pool->finished; *link; link = &(*link)->next) {
        if (*link == req) {
            *link = req->next;
            if (!req->next) {
                pool->finished_end = link;
            }
            break;
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    throttle_hurry(req->blk->root, false);
}

void block_cancel(struct block_request *req)
{
    struct block_pool *pool;

    if (!block_busy(req)) {
        return;
    }
    pool = req->blk->machine->block;
    if (!take_stopped(pool, req)) {
        wait_for(pool, req);
    }
    req->state = BLOCK_REQUEST_IDLE;
    req->blk->in_flight--;
}

/* pool->mutex held. */
static bool any_finished(const struct block_pool *pool, const struct block_backend *blk)
{
    const struct block_request *req = pool->finished;

    while (req && req->blk != blk) {
        req = req->next;
    }
    return req != NULL;
}

void block_drain(struct block_backend *blk)
{
    struct block_pool *pool = blk->machine->block;

    throttle_hurry(blk->root, true);
    while (blk->in_flight > 0) {
        struct block_request *req = take_finished(pool, blk);

        for (req = req ? req : pool->stopped; req && req->blk != blk;) {
            req = req->next;
        }
        if (req) {
            take_stopped(pool, req);
            deliver(pool, req, false);
            continue;
        }
        if (blk->on_ring) {
            block_ring_reap(pool->ring, true);
            continue;
        }
        pthread_mutex_lock(&pool->mutex);
        while (!any_finished(pool, blk)) {
            pthread_cond_wait(&pool->cond, &pool->mutex);
        }
        pthread_mutex_unlock(&pool->mutex);
    }
    throttle_hurry(blk->root, false);
}

int block_read_now(struct block_backend *blk, uint64_t offset, void *buf, size_t len)
{
    struct block_request req = { .blk = blk, .op = BLOCK_READ, .offset = offset, .bytes = len };
    int error = refusal(&req);

    return error ? error : block_node_read(blk->root, offset, buf, len);
}

/* The pool -------------------------------------------------------------------------------------- */

/* Devices are gone: nobody has a front any more. */
static void free_drives(struct machine *m)
{
    struct block_pool *pool = m->block;

    while (pool->backends->len > 0) {
        block_backend_free(g_ptr_array_index(pool->backends, pool->backends->len - 1));
    }
    g_thread_pool_free(pool->threads, FALSE, TRUE);
    close_ring(pool);
    g_ptr_array_unref(pool->backends);
    g_ptr_array_unref(pool->jobs);
    block_graph_free(pool->graph);
    pthread_cond_destroy(&pool->cond);
    pthread_mutex_destroy(&pool->mutex);
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
        blk->read_only = node->read_only;
        blk->options.cache = node->cache;
        blk->options.graph = node->graph;
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

static struct block_pool *pool_of(struct machine *m)
{
    struct block_pool *pool = m->block;

    if (pool) {
        return pool;
    }
    pool = g_new0(struct block_pool, 1);
    pool->machine = m;
    pool->graph = block_graph_new();
    pool->backends = g_ptr_array_new();
    pool->jobs = g_ptr_array_new();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->cond, NULL);
    pool->finished_end = &pool->finished;
    pool->threads = g_thread_pool_new(work, pool, MAX_WORKERS, FALSE, NULL);
    open_ring(pool);
    pool->listener.changed = run_state_changed;
    machine_add_run_listener(m, &pool->listener);
    m->block = pool;
    m->find_drive = find_drive_or_node;
    m->drive_id = drive_id;
    m->release_drive = release_drive;
    m->free_drives = free_drives;
    return pool;
}

struct block_graph *block_graph_of(struct machine *m)
{
    return pool_of(m)->graph;
}

GPtrArray *block_jobs_of(struct machine *m)
{
    return pool_of(m)->jobs;
}

/* Drive slots ----------------------------------------------------------------------------------- */

struct block_backend *block_backend_new(struct machine *m, const char *id, GError **error)
{
    struct block_pool *pool = pool_of(m);
    struct block_backend *blk;

    if (block_backend_find(m, id)) {
        set_error(error, "Duplicate ID '%s' for drive", id);
        return NULL;
    }
    blk = g_new0(struct block_backend, 1);
    blk->machine = m;
    blk->id = g_strdup(id);
    blk->write_cache = true;
    blk->werror = BLOCK_ON_ERROR_ENOSPC;
    blk->bus = blk->unit = -1;
    g_ptr_array_add(pool->backends, blk);
    return blk;
}

static void close_medium(struct block_backend *blk)
{
    block_live_end(blk);
    block_drain(blk);
    block_node_close(blk->root);
    blk->root = NULL;
    g_clear_pointer(&blk->filename, g_free);
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
    if (blk->root) {
        close_medium(blk);
        if (blk->front && blk->front->media_changed) {
            blk->front->media_changed(blk->front_opaque, false);
        }
    }
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
    take_out(blk);
    insert(blk, root, o);
    return true;
}

void block_backend_resized(struct block_backend *blk)
{
    if (blk->front && blk->front->resized) {
        blk->front->resized(blk->front_opaque);
    }
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
    blk->front = NULL;
    blk->front_opaque = NULL;
}

uint64_t block_size(const struct block_backend *blk)
{
    return block_has_medium(blk) ? blk->root->size : 0;
}

bool block_read_only(const struct block_backend *blk)
{
    return blk->read_only || (blk->root && blk->root->read_only);
}
