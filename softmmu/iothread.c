/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/iothread.c: see iothread.h, also for locks and threads. */
#include "softmmu/iothread.h"

#include <errno.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "util/error.h"

static _Thread_local struct iothread *this_iothread;

/* Calls ---------------------------------------------------------------------------------------- */

static struct iothread_queue *queue_of(struct iothread *t, const struct iothread_call *call)
{
    return call->machine_lock ? &t->locked_calls : &t->calls;
}

void iothread_call(struct iothread *t, struct iothread_call *call)
{
    struct iothread_queue *q = queue_of(t, call);
    bool wake = false;

    pthread_mutex_lock(&t->calls_mutex);
    if (!call->queued) {
        wake = !t->calls.first && !t->locked_calls.first;
        call->queued = true;
        call->next = NULL;
        *q->end = call;
        q->end = &call->next;
    }
    pthread_mutex_unlock(&t->calls_mutex);
    if (wake && t != this_iothread) { /* which looks before it sleeps */
        eventfd_write(t->fd, 1);
    }
}

void iothread_cancel(struct iothread *t, struct iothread_call *call)
{
    struct iothread_queue *q = queue_of(t, call);

    pthread_mutex_lock(&t->calls_mutex);
    for (struct iothread_call **link = &q->first; *link; link = &(*link)->next) {
        if (*link == call) {
            *link = call->next;
            q->end = *link ? q->end : link;
            call->queued = false;
            break;
        }
    }
    pthread_mutex_unlock(&t->calls_mutex);
}

/* The lock of q's calls is held. */
static struct iothread_call *take_call(struct iothread *t, struct iothread_queue *q)
{
    struct iothread_call *call;

    pthread_mutex_lock(&t->calls_mutex);
    call = q->first;
    if (call) {
        q->first = call->next;
        q->end = q->first ? q->end : &q->first;
        call->queued = false;
    }
    pthread_mutex_unlock(&t->calls_mutex);
    return call;
}

static bool is_empty(struct iothread *t, const struct iothread_queue *q)
{
    bool empty;

    pthread_mutex_lock(&t->calls_mutex);
    empty = !q->first;
    pthread_mutex_unlock(&t->calls_mutex);
    return empty;
}

static void run_calls(struct iothread *t, struct iothread_queue *q)
{
    struct iothread_call *call;

    iothread_lock(t);
    while ((call = take_call(t, q))) {
        call->fn(call->opaque);
    }
    iothread_unlock(t);
}

static gboolean woken(gint fd, GIOCondition condition, gpointer opaque)
{
    eventfd_t count;

    (void)condition, (void)opaque;
    eventfd_read(fd, &count);
    return G_SOURCE_CONTINUE;
}

/* The thread ----------------------------------------------------------------------------------- */

/* Until nothing is left: only the first call in an empty queue wakes the thread. */
static void run_all(struct iothread *t)
{
    while (!is_empty(t, &t->calls) || !is_empty(t, &t->locked_calls)) {
        run_calls(t, &t->calls);
        if (!is_empty(t, &t->locked_calls)) {
            machine_lock(t->machine);
            run_calls(t, &t->locked_calls);
            machine_unlock(t->machine);
        }
    }
}

static gpointer iothread_main(gpointer opaque)
{
    struct iothread *t = opaque;

    this_iothread = t;
    atomic_store(&t->thread_id, (int)syscall(SYS_gettid));
    g_main_context_push_thread_default(t->context);
    while (!atomic_load(&t->quit)) {
        g_main_context_iteration(t->context, TRUE);
        run_all(t);
    }
    g_main_context_pop_thread_default(t->context);
    return NULL;
}

/* It may wait for the machine lock, which is free meanwhile. */
static void stop(struct iothread *t)
{
    GThread *thread = g_steal_pointer(&t->thread);

    if (!thread) {
        return;
    }
    atomic_store(&t->quit, true);
    eventfd_write(t->fd, 1);
    machine_unlock(t->machine);
    g_thread_join(thread);
    machine_lock(t->machine);
}

/* Life ----------------------------------------------------------------------------------------- */

static void free_iothread(struct iothread *t)
{
    stop(t);
    if (t->free_block) {
        t->free_block(t);
    }
    g_source_destroy(t->source);
    g_source_unref(t->source);
    g_main_context_unref(t->context);
    close(t->fd);
    pthread_mutex_destroy(&t->calls_mutex);
    pthread_mutex_destroy(&t->mutex);
    g_free(t->id);
    g_free(t);
}

static void init_mutexes(struct iothread *t)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&t->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_mutex_init(&t->calls_mutex, NULL);
}

struct iothread *iothread_new(struct machine *m, const char *id, const struct iothread_options *o,
                              GError **error)
{
    g_autofree char *name = g_strdup_printf("IO %s", id);
    struct iothread *t;
    int fd;

    if (iothread_find(m, id)) {
        set_error(error, "Duplicate ID '%s' for object", id);
        return NULL;
    }
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        set_error(error, "iothread '%s': cannot create an eventfd: %s", id, g_strerror(errno));
        return NULL;
    }
    t = g_new0(struct iothread, 1);
    t->machine = m;
    t->id = g_strdup(id);
    t->options = *o;
    t->fd = fd;
    t->context = g_main_context_new();
    t->calls.end = &t->calls.first;
    t->locked_calls.end = &t->locked_calls.first;
    init_mutexes(t);
    t->source = g_unix_fd_source_new(fd, G_IO_IN);
    g_source_set_callback(t->source, (GSourceFunc)(void (*)(void))woken, t, NULL);
    g_source_attach(t->source, t->context);
    t->thread = g_thread_try_new(name, iothread_main, t, error);
    if (!t->thread) {
        free_iothread(t);
        return NULL;
    }
    g_ptr_array_add(m->iothreads, t);
    return t;
}

struct iothread *iothread_find(struct machine *m, const char *id)
{
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        struct iothread *t = g_ptr_array_index(m->iothreads, i);

        if (strcmp(t->id, id) == 0) {
            return t;
        }
    }
    return NULL;
}

bool iothread_delete(struct iothread *t, GError **error)
{
    if (t->users > 0) {
        set_error(error, "object '%s' is in use, can not be deleted", t->id);
        return false;
    }
    g_ptr_array_remove(t->machine->iothreads, t);
    free_iothread(t);
    return true;
}

void iothread_stop_all(struct machine *m)
{
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        stop(g_ptr_array_index(m->iothreads, i));
    }
}

void iothread_free_all(struct machine *m)
{
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        free_iothread(g_ptr_array_index(m->iothreads, i));
    }
    g_ptr_array_unref(m->iothreads);
}

/* Locks ---------------------------------------------------------------------------------------- */

void iothread_lock(struct iothread *t)
{
    if (t) {
        pthread_mutex_lock(&t->mutex);
    }
}

void iothread_unlock(struct iothread *t)
{
    if (t) {
        pthread_mutex_unlock(&t->mutex);
    }
}

void iothread_pause_all(struct machine *m)
{
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        iothread_lock(g_ptr_array_index(m->iothreads, i));
    }
}

void iothread_resume_all(struct machine *m)
{
    for (unsigned i = m->iothreads->len; i-- > 0;) {
        iothread_unlock(g_ptr_array_index(m->iothreads, i));
    }
}

/* For people ----------------------------------------------------------------------------------- */

void iothread_print(struct machine *m, GString *out)
{
    for (unsigned i = 0; i < m->iothreads->len; i++) {
        struct iothread *t = g_ptr_array_index(m->iothreads, i);

        g_string_append_printf(
            out,
            "%s:\n  thread_id=%d\n  poll-max-ns=%" PRId64 "\n  poll-grow=%" PRId64
            "\n  poll-shrink=%" PRId64 "\n  aio-max-batch=%" PRId64 "\n",
            t->id, atomic_load(&t->thread_id), t->options.poll_max_ns, t->options.poll_grow,
            t->options.poll_shrink, t->options.aio_max_batch);
    }
}
