/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/pool.h: what the drives of a machine share: worker threads, and the contexts in which their
 * requests are begun and delivered: that of the main loop, and one for each iothread that has drives.
 *
 * Invariants: a request is on its context's `finished` exactly in state FINISHED, on `stopped` in state
 *             STOPPED; blk->in_flight counts the RUNNING, FINISHED and STOPPED ones.
 * Thread:     the context's lock (the machine lock, or its iothread's) guards everything of it but
 *             `finished` and the state of RUNNING requests, which its mutex guards; workers take nothing
 *             else.  The ring is reaped under the context's lock.
 */
#ifndef BLOCK_POOL_H
#define BLOCK_POOL_H

#include <pthread.h>
#include "block/block.h"
#include "softmmu/iothread.h"
#include "softmmu/machine.h"

struct block_context {
    struct block_pool *pool;
    struct iothread *iothread; /* NULL: the main loop */
    pthread_mutex_t mutex;
    pthread_cond_t cond; /* something was finished */
    struct block_request *finished, **finished_end;
    struct block_request *stopped;
    struct block_ring *ring; /* NULL: the kernel has none */
    GSource *ring_source;
    struct iothread_call deliver;
};

struct block_pool {
    struct machine *machine;
    GThreadPool *threads;
    struct block_graph *graph;
    GPtrArray *jobs;               /* struct block_live * */
    GPtrArray *records;            /* job_records.c; NULL: none */
    struct block_exports *exports; /* export.c; NULL: none */
    GPtrArray *backends;           /* struct block_backend *, in the order of their creation */
    struct block_context main;
    struct run_state_listener listener;
};

/* The machine's, made when it is first asked for: block.c. */
struct block_pool *block_pool_of(struct machine *m);
/* threshold.c: for block.c. */
void block_thresholds_init(struct block_pool *pool);
/* export.c: for block.c; and before the graph or what a node is changes: clients wait until the main loop is through. */
void block_exports_free(struct machine *m);
/* requests.c: for block.c. */
void block_requests_init(struct block_pool *pool);
void block_requests_destroy(struct block_pool *pool);
/* Why it cannot be carried out, -errno; 0: it can. */
int block_request_refusal(const struct block_request *req);

#endif
