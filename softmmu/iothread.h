/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/iothread.h: threads that run the queues of devices and their block requests beside the main
 * loop: `-object iothread,id=ID` and iothread=ID of a device.
 *
 * Each has a main context of GLib's, and a lock.  What a device does on its iothread it does with this
 * lock alone.  Whoever touches the same state elsewhere holds both: the machine lock, then the
 * iothread's.
 *
 * Invariants: a thread takes the machine lock before an iothread's, never after it; who holds an
 *             iothread's lock waits for no vCPU (vcpu_pause_all).  An exclusive section (vcpu.h) holds
 *             every iothread's lock, so that a flat view does not change under one.
 * Thread:     iothread_call and iothread_cancel from any; the rest under the machine lock.
 */
#ifndef SOFTMMU_IOTHREAD_H
#define SOFTMMU_IOTHREAD_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct block_context;

/* Something to do on an iothread, embedded in whoever wants it done. */
struct iothread_call {
    void (*fn)(void *opaque);
    void *opaque;
    bool machine_lock; /* fn runs with the machine lock, too */
    /* Private. */
    bool queued;
    struct iothread_call *next;
};

struct iothread_queue {
    struct iothread_call *first, **end;
};

/* What people tune.  It is shown again, and nothing else: the thread sleeps until it is woken. */
struct iothread_options {
    int64_t poll_max_ns, poll_grow, poll_shrink, aio_max_batch;
};

struct iothread {
    struct machine *machine;
    char *id;
    struct iothread_options options;
    unsigned users; /* devices with iothread=id */
    GMainContext *context;
    struct block_context *block; /* block/: the requests of its drives; NULL: none yet */
    void (*free_block)(struct iothread *t);
    /* Private to iothread.c. */
    GThread *thread;       /* NULL: has ended */
    _Atomic int thread_id; /* the host's */
    _Atomic bool quit;
    pthread_mutex_t mutex;       /* recursive */
    pthread_mutex_t calls_mutex; /* guards the following two */
    struct iothread_queue calls, locked_calls;
    int fd; /* wakes it */
    GSource *source;
};

/* NULL and *error: the id is taken, the host gives no thread. */
struct iothread *iothread_new(struct machine *m, const char *id, const struct iothread_options *o,
                              GError **error);
struct iothread *iothread_find(struct machine *m, const char *id);
/* The machine lock is free for a while.  False and *error: a device uses it. */
bool iothread_delete(struct iothread *t, GError **error);
/* Ends the threads; their locks stay.  The machine lock is free for a while. */
void iothread_stop_all(struct machine *m);
/* Devices and drives are gone. */
void iothread_free_all(struct machine *m);

/* Machine lock held, or the iothread's own; nests.  NULL: nothing. */
void iothread_lock(struct iothread *t);
void iothread_unlock(struct iothread *t);
/* The locks of all of them: for changes to devices as a whole.  Nests; none comes or goes meanwhile. */
void iothread_pause_all(struct machine *m);
void iothread_resume_all(struct machine *m);

/* Runs call->fn once soon on the iothread under its lock.  Queued already: nothing more. */
void iothread_call(struct iothread *t, struct iothread_call *call);
/* The iothread's lock held: fn will not run. */
void iothread_cancel(struct iothread *t, struct iothread_call *call);

/* `info iothreads`. */
void iothread_print(struct machine *m, GString *out);

#endif
