/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/ring.c: one io_uring: what is submitted is counted, so that completions always have room.
 * Thread: the mutex guards the submission queue and the count; see ring.h for reaping.
 */
#include "block/ring.h"
#include <errno.h>
#include <pthread.h>
#include "config.h"
#include "util/error.h"

#if CONFIG_URING
#include <liburing.h>
#endif

#define ENTRIES 256u /* transfers under way */
#define BATCH   64u

#if CONFIG_URING

struct block_ring {
    struct io_uring uring;
    pthread_mutex_t mutex;
    unsigned in_flight;
};

struct block_ring *block_ring_new(GError **error)
{
    struct block_ring *ring = g_new0(struct block_ring, 1);
    int ret = io_uring_queue_init(ENTRIES, &ring->uring, 0);

    if (ret < 0) {
        set_error(error, "failed to init linux io_uring ring: %s", g_strerror(-ret));
        g_free(ring);
        return NULL;
    }
    pthread_mutex_init(&ring->mutex, NULL);
    return ring;
}

void block_ring_free(struct block_ring *ring)
{
    if (ring) {
        io_uring_queue_exit(&ring->uring);
        pthread_mutex_destroy(&ring->mutex);
        g_free(ring);
    }
}

int block_ring_fd(const struct block_ring *ring)
{
    return ring->uring.ring_fd;
}

bool block_ring_start(struct block_async *a, int fd, bool slow)
{
    struct block_ring *ring = a->ring;
    struct io_uring_sqe *sqe;
    int ret = -EBUSY;

    pthread_mutex_lock(&ring->mutex);
    sqe = ring->in_flight < ENTRIES ? io_uring_get_sqe(&ring->uring) : NULL;
    if (sqe) {
        if (a->write) {
            io_uring_prep_writev(sqe, fd, a->iov, (unsigned)a->n, a->at);
        } else {
            io_uring_prep_readv(sqe, fd, a->iov, (unsigned)a->n, a->at);
        }
        if (slow) {
            io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
        }
        io_uring_sqe_set_data(sqe, a);
        ring->in_flight++;
        do {
            ret = io_uring_submit(&ring->uring);
        } while (ret == -EINTR || ret == -EAGAIN || ret == -EBUSY);
        /* The entry is in the queue: nobody but the kernel can take it out again. */
        g_assert(ret == 1);
    }
    pthread_mutex_unlock(&ring->mutex);
    return sqe != NULL;
}

unsigned block_ring_reap(struct block_ring *ring, bool wait)
{
    struct io_uring_cqe *cqes[BATCH], *first;
    unsigned total = 0, n;

    while (wait && io_uring_wait_cqe(&ring->uring, &first) == -EINTR) {
    }
    while ((n = io_uring_peek_batch_cqe(&ring->uring, cqes, BATCH)) > 0) {
        struct block_async *finished[BATCH];
        int64_t results[BATCH];

        for (unsigned i = 0; i < n; i++) {
            finished[i] = io_uring_cqe_get_data(cqes[i]);
            results[i] = cqes[i]->res;
        }
        io_uring_cq_advance(&ring->uring, n);
        pthread_mutex_lock(&ring->mutex);
        ring->in_flight -= n;
        pthread_mutex_unlock(&ring->mutex);
        for (unsigned i = 0; i < n; i++) {
            finished[i]->done(finished[i], finished[i]->finish(finished[i], results[i]));
        }
        total += n;
    }
    return total;
}

#else

struct block_ring *block_ring_new(GError **error)
{
    set_error(error, "this build has no liburing");
    return NULL;
}

void block_ring_free(struct block_ring *ring)
{
    g_assert(!ring);
}

int block_ring_fd(const struct block_ring *ring)
{
    (void)ring;
    return -1;
}

bool block_ring_start(struct block_async *a, int fd, bool slow)
{
    (void)a, (void)fd, (void)slow;
    return false;
}

unsigned block_ring_reap(struct block_ring *ring, bool wait)
{
    (void)ring, (void)wait;
    return 0;
}

#endif
