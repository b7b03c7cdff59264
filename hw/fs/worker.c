/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/worker.c: see worker.h, also for the thread. */
#include "hw/fs/worker.h"

#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "util/error.h"

struct job {
    struct virtio_element *e; /* the main side's alone; NULL: given up, or there was none */
    bool reset;               /* not a request: the server's reset */
    uint8_t *out, *in;
    size_t out_size, in_size, answer;
    struct job *next;
};

struct queue {
    struct job *first, **end;
};

struct worker {
    struct virtio_device *v;
    const struct worker_ops *ops;
    void *server;
    GThread *thread;
    int fd; /* something is finished */
    GSource *source;
    size_t bytes; /* of what is in flight */
    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t work, idle;
    struct queue todo, finished;
    struct job *running;
    bool quit;
};

static void put(struct queue *q, struct job *j)
{
    j->next = NULL;
    *q->end = j;
    q->end = &j->next;
}

static struct job *take_all(struct queue *q)
{
    struct job *first = q->first;

    q->first = NULL;
    q->end = &q->first;
    return first;
}

static void job_free(struct job *j)
{
    g_free(j->out);
    g_free(j->in);
    g_free(j);
}

/* The thread -------------------------------------------------------------------------------------- */

static void run(struct worker *w, struct job *j)
{
    if (j->reset) {
        w->ops->reset(w->server);
        return;
    }
    j->in = g_malloc(j->in_size);
    j->answer = w->ops->serve(w->server, j->out, j->out_size, j->in, j->in_size);
    if (j->answer < j->in_size / 2) {
        j->in = g_realloc(j->in, j->answer);
    }
}

static void deliver(struct worker *w);

/* At once where nobody has the machine, which saves a change of threads; else the main loop is told. */
static void hand_over(struct worker *w)
{
    struct machine *m = virtio_machine(w->v);

    if (machine_try_lock(m)) {
        deliver(w);
        machine_unlock(m);
    } else {
        eventfd_write(w->fd, 1);
    }
}

static struct job *next_job(struct worker *w)
{
    struct job *j = w->todo.first;

    if (j) {
        w->todo.first = j->next;
        w->todo.end = j->next ? w->todo.end : &w->todo.first;
    }
    return j;
}

static void *work(void *opaque)
{
    struct worker *w = opaque;

    pthread_mutex_lock(&w->mutex);
    for (;;) {
        w->running = next_job(w);
        if (w->running) {
            pthread_mutex_unlock(&w->mutex);
            run(w, w->running);
            pthread_mutex_lock(&w->mutex);
            put(&w->finished, w->running);
            w->running = NULL;
            pthread_mutex_unlock(&w->mutex);
            hand_over(w);
            pthread_mutex_lock(&w->mutex);
        } else if (w->quit) {
            break;
        } else {
            pthread_cond_broadcast(&w->idle);
            pthread_cond_wait(&w->work, &w->mutex);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* The machine ------------------------------------------------------------------------------------- */

static size_t cost(const struct job *j)
{
    return j->out_size + j->in_size;
}

static void drop(struct worker *w, struct job *j)
{
    if (j->e) {
        w->bytes -= cost(j);
        virtqueue_drop(j->e);
        j->e = NULL;
    }
}

static void take(struct worker *w, struct virtio_element *e)
{
    struct job *j = g_new0(struct job, 1);

    j->e = e;
    j->out_size = MIN(e->out.bytes, w->ops->max_out);
    j->in_size = MIN(e->in.bytes, w->ops->max_in);
    j->out = g_malloc(j->out_size);
    dma_list_read(&e->out, 0, j->out, j->out_size);
    w->bytes += cost(j);
    pthread_mutex_lock(&w->mutex);
    put(&w->todo, j);
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
}

void worker_serve(struct worker *w, struct virtio_queue *vq)
{
    struct virtio_element *e;

    while (w->bytes < WORKER_BYTES && (e = virtqueue_pop(vq))) {
        take(w, e);
    }
}

static void give_back(struct worker *w, struct job *j)
{
    struct virtio_queue *vq = j->e->vq;

    w->bytes -= cost(j);
    dma_list_write(&j->e->in, virtio_machine(w->v), 0, j->in, j->answer);
    virtqueue_push(j->e, (uint32_t)j->answer);
    /* Another may be finished, too: the driver asked for one interrupt, or for all of them. */
    virtqueue_notify(vq);
}

static void deliver(struct worker *w)
{
    struct job *j, *next;
    bool full = w->bytes >= WORKER_BYTES;

    pthread_mutex_lock(&w->mutex);
    j = take_all(&w->finished);
    pthread_mutex_unlock(&w->mutex);
    for (; j; j = next) {
        next = j->next;
        if (j->e) {
            give_back(w, j);
        }
        job_free(j);
    }
    for (unsigned i = 0; full && i < w->v->n_queues; i++) {
        worker_serve(w, &w->v->queues[i]);
    }
}

static gboolean finished(gint fd, GIOCondition condition, gpointer opaque)
{
    struct worker *w = opaque;
    struct machine *m = virtio_machine(w->v);
    bool entered = !machine_locked(m);
    eventfd_t count;

    (void)condition;
    if (entered) {
        machine_lock(m);
    }
    eventfd_read(fd, &count);
    deliver(w);
    if (entered) {
        machine_unlock(m);
    }
    return G_SOURCE_CONTINUE;
}

static bool is_idle(const struct worker *w)
{
    return !w->todo.first && !w->running;
}

void worker_wait(struct worker *w)
{
    do {
        pthread_mutex_lock(&w->mutex);
        while (!is_idle(w)) {
            pthread_cond_wait(&w->idle, &w->mutex);
        }
        pthread_mutex_unlock(&w->mutex);
        deliver(w); /* it may take others */
    } while (!virtio_idle(w->v));
}

void worker_reset(struct worker *w)
{
    struct job *reset = g_new0(struct job, 1), *j;

    reset->reset = true;
    pthread_mutex_lock(&w->mutex);
    for (j = w->finished.first; j; j = j->next) {
        drop(w, j);
    }
    if (w->running) {
        drop(w, w->running);
    }
    j = take_all(&w->todo);
    while (j) {
        struct job *next = j->next;

        drop(w, j);
        job_free(j);
        j = next;
    }
    put(&w->todo, reset);
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
}

struct worker *worker_new(struct virtio_device *v, const char *name, const struct worker_ops *ops,
                          void *server, GError **error)
{
    struct worker *w = g_new0(struct worker, 1);

    w->v = v;
    w->ops = ops;
    w->server = server;
    w->todo.end = &w->todo.first;
    w->finished.end = &w->finished.first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->idle, NULL);
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->fd < 0) {
        set_errno_error(error, "%s: no eventfd", v->dev->type->name);
        worker_free(w);
        return NULL;
    }
    w->source = g_unix_fd_source_new(w->fd, G_IO_IN);
    g_source_set_callback(w->source, G_SOURCE_FUNC(finished), w, NULL);
    g_source_attach(w->source, virtio_machine(v)->context);
    w->thread = g_thread_try_new(name, work, w, error);
    if (!w->thread) {
        worker_free(w);
        return NULL;
    }
    return w;
}

void worker_free(struct worker *w)
{
    struct job *j, *next;

    if (w->thread) {
        pthread_mutex_lock(&w->mutex);
        w->quit = true;
        pthread_cond_signal(&w->work);
        pthread_mutex_unlock(&w->mutex);
        g_thread_join(w->thread);
    }
    for (j = take_all(&w->finished); j; j = next) {
        next = j->next;
        job_free(j);
    }
    if (w->source) {
        g_source_destroy(w->source);
        g_source_unref(w->source);
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->mutex);
    g_free(w);
}
