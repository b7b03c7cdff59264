/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/requests.c: requests on their way to the workers and back.
 *
 * A request whose node can start it is given to the kernel by a ring, which the context's thread watches.
 * Others are queued for a thread pool; the worker runs the node's driver, puts the request on the list of
 * finished ones and wakes the context's thread, which delivers.  Who drains delivers on his own thread.
 *
 * Invariants and threads: pool.h.
 */
#include <errno.h>
#include <glib-unix.h>
#include "block/driver.h"
#include "block/pool.h"
#include "block/throttle.h"
#include "softmmu/event.h"
#include "util/log.h"

#define MAX_WORKERS 8

/* GLib's pool orders a request before its worker, in a way that the thread sanitizer does not see. */
static pthread_mutex_t handover = PTHREAD_MUTEX_INITIALIZER;

/* Contexts -------------------------------------------------------------------------------------- */

static struct block_context *context_nth(struct block_pool *pool, unsigned i)
{
    struct machine *m = pool->machine;
    struct iothread *t = i > 0 ? g_ptr_array_index(m->iothreads, i - 1) : NULL;

    return t ? t->block : &pool->main;
}

static unsigned contexts(const struct block_pool *pool)
{
    return 1 + pool->machine->iothreads->len;
}

static void lock_context(struct block_context *c)
{
    iothread_lock(c->iothread);
}

static void unlock_context(struct block_context *c)
{
    iothread_unlock(c->iothread);
}

void block_lock(struct block_backend *blk)
{
    lock_context(blk->context);
}

void block_unlock(struct block_backend *blk)
{
    unlock_context(blk->context);
}

static void deliver_all(void *opaque);

/* Once the mutex is free the request may be, and soon its context. */
static void finish(struct block_context *c, struct block_request *req, int result, bool wake)
{
    pthread_mutex_lock(&c->mutex);
    req->result = result;
    __atomic_store_n(&req->state, BLOCK_REQUEST_FINISHED, __ATOMIC_RELAXED); /* for block_busy */
    req->next = NULL;
    *c->finished_end = req;
    c->finished_end = &req->next;
    pthread_cond_broadcast(&c->cond);
    if (wake && c->iothread) {
        iothread_call(c->iothread, &c->deliver);
    } else if (wake) {
        machine_call_soon(c->pool->machine, deliver_all, c);
    }
    pthread_mutex_unlock(&c->mutex);
}

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

static void work(gpointer data, gpointer opaque)
{
    struct block_request *req = data;

    (void)opaque;
    pthread_mutex_lock(&handover);
    pthread_mutex_unlock(&handover);
    finish(req->blk->context, req, perform(req), true);
}

/* The ring -------------------------------------------------------------------------------------- */

static void ring_done(struct block_async *a, int result)
{
    struct block_request *req =
        (struct block_request *)((char *)a - offsetof(struct block_request, async));

    req->blk->on_ring--;
    finish(req->blk->context, req, result, false);
}

static gboolean ring_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct block_context *c = opaque;
    struct machine *m = c->pool->machine;
    bool take_lock = !c->iothread && !machine_locked(m);

    (void)fd, (void)condition;
    if (take_lock) {
        machine_lock(m);
    }
    lock_context(c);
    block_ring_reap(c->ring, false);
    deliver_all(c);
    unlock_context(c);
    if (take_lock) {
        machine_unlock(m);
    }
    return G_SOURCE_CONTINUE;
}

static bool start_on_ring(struct block_context *c, struct block_request *req)
{
    if (!c->ring || req->op > BLOCK_WRITE || (req->op == BLOCK_WRITE && req->through)) {
        return false;
    }
    req->async = (struct block_async){ .ring = c->ring,
                                       .write = req->op == BLOCK_WRITE,
                                       .offset = req->offset,
                                       .iov = req->iov,
                                       .n = req->n_iov,
                                       .done = ring_done };
    return block_node_start(req->node, &req->async, req->offset);
}

/* Delivery -------------------------------------------------------------------------------------- */

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
static void start(struct block_context *c, struct block_request *req)
{
    int error = block_request_refusal(req);

    if (error) {
        finish(c, req, error, true);
        return;
    }
    req->node = req->blk->root;
    req->through = !req->blk->write_cache;
    req->state = BLOCK_REQUEST_RUNNING;
    req->on_ring = start_on_ring(c, req);
    if (req->on_ring) {
        req->blk->on_ring++;
    } else {
        pthread_mutex_lock(&handover);
        g_thread_pool_push(workers_of(c->pool, req->blk), req, NULL);
        pthread_mutex_unlock(&handover);
    }
}

/* Takes a finished request off the list: of one drive, or (blk NULL) of any. */
static struct block_request *take_finished(struct block_context *c, struct block_backend *blk)
{
    struct block_request **link, *req;

    pthread_mutex_lock(&c->mutex);
    link = &c->finished;
    while (*link && blk && (*link)->blk != blk) {
        link = &(*link)->next;
    }
    req = *link;
    if (req) {
        *link = req->next;
        if (!req->next) {
            c->finished_end = link;
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return req;
}

static bool wants_stop(const struct block_request *req, enum block_on_error on)
{
    return req->result != -ENOMEDIUM &&
           (on == BLOCK_ON_ERROR_STOP || (on == BLOCK_ON_ERROR_ENOSPC && req->result == -ENOSPC));
}

static void decide(void *opaque);

/* Under the context's lock. */
static void account(struct block_request *req)
{
    struct block_stats *s = &req->blk->stats;

    if (req->result != 0) {
        s->failed[req->op]++;
        return;
    }
    s->operations[req->op]++;
    s->time_us[req->op] += g_get_monotonic_time() - req->submitted;
    if (req->op == BLOCK_FLUSH) {
        return;
    }
    s->bytes[req->op] += req->bytes;
    if (req->op == BLOCK_WRITE) {
        s->highest = MAX(s->highest, req->offset + req->bytes);
    }
}

static void tell_error(const struct block_request *req, const char *action)
{
    const struct block_backend *blk = req->blk;

    event_emit(blk->machine, EVENT_BLOCK_IO_ERROR,
               json_pack("{s:s, s:s*, s:s, s:s, s:b, s:s}", "device", blk->of_node ? "" : blk->id,
                         "node-name", blk->root ? blk->root->node_name : NULL, "operation",
                         req->op == BLOCK_READ ? "read" : "write", "action", action, "nospace",
                         req->result == -ENOSPC, "reason", g_strerror(-req->result)));
}

/* may_stop: a failure may wait until the machine goes on. */
static void deliver(struct block_context *c, struct block_request *req, bool may_stop)
{
    enum block_on_error on = req->op == BLOCK_READ ? req->blk->rerror : req->blk->werror;
    int result = req->result;

    if (result != 0) {
        log_line(LOG_DEVICE, "drive %s: request %d at %" G_GUINT64_FORMAT ": %s", req->blk->id,
                 req->op, req->offset, g_strerror(-result));
        if (may_stop && wants_stop(req, on)) {
            req->state = BLOCK_REQUEST_STOPPED;
            req->undecided = true;
            req->next = c->stopped;
            c->stopped = req;
            machine_call_soon(c->pool->machine, decide, c->pool);
            return;
        }
        tell_error(req, on == BLOCK_ON_ERROR_IGNORE ? "ignore" : "report");
        result = on == BLOCK_ON_ERROR_IGNORE && result != -ENOMEDIUM ? 0 : result;
    }
    account(req);
    req->state = BLOCK_REQUEST_IDLE;
    req->blk->in_flight--;
    req->done(req->opaque, result);
}

static void deliver_all(void *opaque)
{
    struct block_context *c = opaque;
    struct block_request *req;

    while ((req = take_finished(c, NULL))) {
        deliver(c, req, true);
    }
}

/* Failures that wait -------------------------------------------------------------------------- */

static bool take_stopped(struct block_context *c, struct block_request *req)
{
    for (struct block_request **link = &c->stopped; *link; link = &(*link)->next) {
        if (*link == req) {
            *link = req->next;
            return true;
        }
    }
    return false;
}

static struct block_request *undecided(const struct block_context *c)
{
    struct block_request *req = c->stopped;

    while (req && !req->undecided) {
        req = req->next;
    }
    return req;
}

/* Is there something that waits from now on? */
static bool decide_in(struct block_context *c, bool may_wait)
{
    struct block_request *req;
    bool any = false;

    lock_context(c);
    while ((req = undecided(c))) {
        req->undecided = false;
        if (may_wait) {
            report_warning("drive %s: %s at byte %" G_GUINT64_FORMAT
                           ": the machine is paused, 'cont' tries again",
                           req->blk->id, g_strerror(-req->result), req->offset);
            tell_error(req, "stop");
            req->blk->io_error = -req->result;
            any = true;
        } else {
            take_stopped(c, req);
            deliver(c, req, false);
        }
    }
    unlock_context(c);
    return any;
}

/* Main loop: what failed waits for the machine to go on again, if it can; else its device is told. */
static void decide(void *opaque)
{
    struct block_pool *pool = opaque;
    struct machine *m = pool->machine;
    bool may_wait = m->run_state == RUN_STATE_RUNNING || machine_is_paused(m);
    bool any = false;

    for (unsigned i = 0; i < contexts(pool); i++) {
        struct block_context *c = context_nth(pool, i);

        any |= c && decide_in(c, may_wait);
    }
    if (any) {
        machine_set_run_state(m, RUN_STATE_PAUSED);
    }
}

static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct block_pool *pool =
        (struct block_pool *)((char *)l - offsetof(struct block_pool, listener));

    for (unsigned i = 0; state == RUN_STATE_RUNNING && i < contexts(pool); i++) {
        struct block_context *c = context_nth(pool, i);

        if (!c) {
            continue;
        }
        lock_context(c);
        while (c->stopped) {
            struct block_request *req = c->stopped;

            c->stopped = req->next;
            req->undecided = false;
            req->blk->io_error = 0;
            start(c, req);
        }
        unlock_context(c);
    }
}

/* Requests -------------------------------------------------------------------------------------- */

int block_request_refusal(const struct block_request *req)
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
    req->submitted = g_get_monotonic_time();
    start(req->blk->context, req);
}

static void wait_for(struct block_context *c, struct block_request *req)
{
    throttle_hurry(req->blk->root, true);
    while (req->on_ring && req->state == BLOCK_REQUEST_RUNNING) {
        block_ring_reap(c->ring, true);
    }
    pthread_mutex_lock(&c->mutex);
    while (req->state == BLOCK_REQUEST_RUNNING) {
        pthread_cond_wait(&c->cond, &c->mutex);
    }
    for (struct block_request **link = &c->finished; *link; link = &(*link)->next) {
        if (*link == req) {
            *link = req->next;
            if (!req->next) {
                c->finished_end = link;
            }
            break;
        }
    }
    pthread_mutex_unlock(&c->mutex);
    throttle_hurry(req->blk->root, false);
}

void block_cancel(struct block_request *req)
{
    struct block_context *c;

    if (!block_busy(req)) {
        return;
    }
    c = req->blk->context;
    if (!take_stopped(c, req)) {
        wait_for(c, req);
    }
    req->state = BLOCK_REQUEST_IDLE;
    req->undecided = false;
    req->blk->in_flight--;
}

/* context->mutex held. */
static bool any_finished(const struct block_context *c, const struct block_backend *blk)
{
    const struct block_request *req = c->finished;

    while (req && req->blk != blk) {
        req = req->next;
    }
    return req != NULL;
}

/* Delivers a request of the drive's, or waits for some. */
static void drain_step(struct block_context *c, struct block_backend *blk)
{
    struct block_request *req = take_finished(c, blk);

    for (req = req ? req : c->stopped; req && req->blk != blk;) {
        req = req->next;
    }
    if (req) {
        take_stopped(c, req);
        req->undecided = false;
        deliver(c, req, false);
        return;
    }
    if (blk->on_ring) {
        block_ring_reap(c->ring, true);
        return;
    }
    pthread_mutex_lock(&c->mutex);
    while (!any_finished(c, blk)) {
        pthread_cond_wait(&c->cond, &c->mutex);
    }
    pthread_mutex_unlock(&c->mutex);
}

void block_drain(struct block_backend *blk)
{
    block_lock(blk);
    throttle_hurry(blk->root, true);
    while (blk->in_flight > 0) {
        drain_step(blk->context, blk);
    }
    throttle_hurry(blk->root, false);
    block_unlock(blk);
    block_exports_quiesce(blk->machine);
}

int block_read_now(struct block_backend *blk, uint64_t offset, void *buf, size_t len)
{
    struct block_request req = { .blk = blk, .op = BLOCK_READ, .offset = offset, .bytes = len };
    int error = block_request_refusal(&req);

    return error ? error : block_node_read(blk->root, offset, buf, len);
}

/* Life ------------------------------------------------------------------------------------------ */

static void init_context(struct block_context *c, struct block_pool *pool, struct iothread *t)
{
    *c = (struct block_context){ .pool = pool, .iothread = t, .deliver = { deliver_all, c } };
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->cond, NULL);
    c->finished_end = &c->finished;
    c->ring = block_ring_new(NULL);
    if (c->ring) {
        c->ring_source = g_unix_fd_source_new(block_ring_fd(c->ring), G_IO_IN);
        g_source_set_callback(c->ring_source, (GSourceFunc)(void (*)(void))ring_ready, c, NULL);
        g_source_attach(c->ring_source, t ? t->context : pool->machine->context);
    }
}

static void destroy_context(struct block_context *c)
{
    pthread_mutex_lock(&c->mutex); /* a worker may be about to leave it */
    pthread_mutex_unlock(&c->mutex);
    if (c->ring) {
        g_source_destroy(c->ring_source);
        g_source_unref(c->ring_source);
        block_ring_free(c->ring);
    }
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->mutex);
}

static void free_context(struct iothread *t)
{
    destroy_context(t->block);
    g_free(t->block);
    t->block = NULL;
}

void block_set_iothread(struct block_backend *blk, struct iothread *t)
{
    struct block_pool *pool = blk->context->pool;

    block_drain(blk);
    if (t && !t->block) {
        t->block = g_new0(struct block_context, 1);
        t->free_block = free_context;
        init_context(t->block, pool, t);
    }
    blk->context = t ? t->block : &pool->main;
}

void block_requests_init(struct block_pool *pool)
{
    pool->threads = g_thread_pool_new(work, pool, MAX_WORKERS, FALSE, NULL);
    init_context(&pool->main, pool, NULL);
    pool->listener.changed = run_state_changed;
    machine_add_run_listener(pool->machine, &pool->listener);
}

void block_requests_destroy(struct block_pool *pool)
{
    g_thread_pool_free(pool->threads, FALSE, TRUE);
    destroy_context(&pool->main);
}
