/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/ring.h: transfers that the kernel carries out by itself (io_uring), without a worker thread.
 *
 * Who owns a ring starts transfers with block_node_start, and reaps them when the descriptor is
 * readable.  A node starts what it can hand to the kernel as it is, and declines the rest, which is then
 * done by the transfers of node.h on a thread that may block.
 *
 * Invariant: `done` of what was started is called exactly once, from block_ring_reap.
 * Thread:    starting on any thread; reaping on one at a time.
 */
#ifndef BLOCK_RING_H
#define BLOCK_RING_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct block_node;
struct block_ring;
struct block_async;

/* One transfer: the caller's, with the vectors and the memory they name, until `done`. */
struct block_async {
    struct block_ring *ring;
    bool write;
    uint64_t offset;
    const struct iovec *iov;
    int n;
    void (*done)(struct block_async *a, int result); /* 0, or -errno */
    /* Private to the node that started it. */
    struct block_node *node;
    uint64_t at;                                          /* in its file */
    int (*finish)(struct block_async *a, int64_t result); /* from the kernel's result to ours */
};

/* NULL and *error: the kernel or the build has none. */
struct block_ring *block_ring_new(GError **error);
/* Nothing is under way. */
void block_ring_free(struct block_ring *ring);
/* Readable when there is something to reap. */
int block_ring_fd(const struct block_ring *ring);
/* Calls `done` of what is finished, at least one of them when `wait`.  How many. */
unsigned block_ring_reap(struct block_ring *ring, bool wait);
/*
 * For nodes, which have filled the private part.  `slow`: not on the caller's thread even if nothing has
 * to be waited for.  False: the ring is full.
 */
bool block_ring_start(struct block_async *a, int fd, bool slow);

#endif
