/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_notify.c: notifications of queues by eventfds, where the engine takes the driver's write without an
 * exit (softmmu/io_event.h).  The queue is then served by the device's iothread, or by the main loop.
 *
 * Invariant: they are there from DRIVER_OK until the reset; what the driver wrote before is served by then, or is of
 *            queues that were reset.
 * Thread:    machine lock, and that of the device's iothread; `told` on the latter's thread.
 */
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio_internal.h"

struct virtio_notifier {
    struct virtio_device *v;
    struct iothread *iothread; /* v's */
    unsigned index;
    int fd;
    GSource *source;
    struct io_event place[VIRTIO_PLACES]; /* of its registers: modern, legacy */
    unsigned n_places;
};

/*
 * The notifier may be on its way out while this waits for the lock: GLib keeps it until this returns, but its device
 * may be gone, and its descriptor another file's.
 */
static gboolean told(gint fd, GIOCondition condition, gpointer opaque)
{
    struct virtio_notifier *n = opaque;
    struct iothread *t = n->iothread;
    eventfd_t count;

    (void)condition;
    iothread_lock(t);
    if (!g_source_is_destroyed(n->source)) {
        eventfd_read(fd, &count);
        virtio_serve(n->v, n->index);
    }
    iothread_unlock(t);
    return G_SOURCE_CONTINUE;
}

static void free_notifier(gpointer opaque)
{
    g_free(opaque);
}

static void stop_one(struct virtio_notifier *n)
{
    int fd = n->fd;

    for (unsigned i = 0; i < n->n_places; i++) {
        io_event_remove(virtio_machine(n->v), &n->place[i]);
    }
    if (n->source) {
        GSource *source = n->source;

        g_source_destroy(source);
        g_source_unref(source); /* n goes with its callback */
    } else {
        free_notifier(n);
    }
    close(fd);
}

/* NULL: the kernel takes no write of this queue's. */
static struct virtio_notifier *start_one(struct virtio_device *v, unsigned index)
{
    struct machine *m = virtio_machine(v);
    struct virtio_notifier *n = g_new0(struct virtio_notifier, 1);
    unsigned places = v->transport->notify_places(v, index, n->place);

    n->v = v;
    n->iothread = v->iothread;
    n->index = index;
    n->fd = places ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (n->fd < 0) {
        g_free(n);
        return NULL;
    }
    n->source = g_unix_fd_source_new(n->fd, G_IO_IN);
    g_source_set_callback(n->source, (GSourceFunc)(void (*)(void))told, n, free_notifier);
    g_source_attach(n->source, v->iothread ? v->iothread->context : m->context);
    for (unsigned i = 0; i < places; i++) {
        n->place[i].fd = n->fd;
        io_event_add(m, &n->place[i]);
        n->n_places++;
    }
    return n;
}

void virtio_notifiers_start(struct virtio_device *v)
{
    if (v->notifiers || !virtio_machine(v)->io_events || !v->transport->notify_places) {
        return;
    }
    v->notifiers = g_new0(struct virtio_notifier *, v->n_queues);
    for (unsigned i = 0; i < v->n_queues; i++) {
        v->notifiers[i] = v->queues[i].enabled ? start_one(v, i) : NULL;
    }
}

void virtio_notifiers_stop(struct virtio_device *v)
{
    for (unsigned i = 0; v->notifiers && i < v->n_queues; i++) {
        if (v->notifiers[i]) {
            stop_one(v->notifiers[i]);
        }
    }
    g_clear_pointer(&v->notifiers, g_free);
}

void virtio_notifiers_drain(struct virtio_device *v)
{
    eventfd_t count;

    for (unsigned i = 0; v->notifiers && i < v->n_queues; i++) {
        if (v->notifiers[i] && eventfd_read(v->notifiers[i]->fd, &count) == 0) {
            virtio_serve(v, i);
        }
    }
}
