/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/worker.h: requests of a virtio device that are answered on a thread of its own, one after another, so that
 * nothing of the guest waits for the host's disks.
 *
 * A request is copied before it is looked at, and its answer is copied when it is finished.  The thread gives back what it
 * has finished itself where the machine lock is free, and never waits for it: else the main loop does that.
 *
 * Invariants: elements are taken and given back under the machine lock; the requests in flight have at most
 *             WORKER_BYTES, or are one.  The server's state is the thread's, unless it is idle (worker_wait).
 * Thread:     under the machine lock; struct worker_ops on the worker's thread.
 */
#ifndef HW_FS_WORKER_H
#define HW_FS_WORKER_H

#include "hw/virtio/virtio.h"

#define WORKER_BYTES (32u << 20)

struct worker_ops {
    size_t max_out, max_in; /* bytes of a request and of an answer: what is more is cut off */
    /* The length of the answer, at most in_size.  `out` may be written to. */
    size_t (*serve)(void *server, uint8_t *out, size_t out_size, uint8_t *in, size_t in_size);
    /* Whatever was agreed with the guest is forgotten. */
    void (*reset)(void *server);
};

struct worker;
struct worker *worker_new(struct virtio_device *v, const char *name, const struct worker_ops *ops,
                          void *server, GError **error);
/* Waits for what the thread does. */
void worker_free(struct worker *w);
/* Takes what the driver made available. */
void worker_serve(struct worker *w, struct virtio_queue *vq);
/* Gives up elements; does not wait. */
void worker_reset(struct worker *w);
/* Until all that was taken is given back, and the thread is idle. */
void worker_wait(struct worker *w);

#endif
