/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/live_job.h: what the kinds of jobs of live.h share.  Thread: see live.h and each member. */
#ifndef BLOCK_LIVE_JOB_H
#define BLOCK_LIVE_JOB_H

#include <pthread.h>
#include "block/driver.h"
#include "block/live.h"

#define LIVE_CHUNK 65536u

/* A kind of job. */
struct live_type {
    const char *name;
    size_t size; /* of the struct that begins with struct block_live */
    const struct block_driver *layer;
    /* On the job's thread.  False: it failed, *error, or was cancelled. */
    bool (*run)(struct block_live *job, GError **error);
    /* Main loop, drained, the layer still there.  `good`: run said so.  False and *error. */
    bool (*finish)(struct block_live *job, bool good, GError **error);
    void (*clear)(struct block_live *job); /* may be NULL */
    /* Around a write of the guest's, on its worker.  May be NULL. */
    void (*before_write)(struct block_live *job, uint64_t offset, uint64_t bytes);
    void (*after_write)(struct block_live *job, uint64_t offset, uint64_t bytes);
};

/* One bit for each LIVE_CHUNK of the drive. */
struct live_bits {
    uint8_t *bits;
    uint64_t n, set; /* how many there are, how many are 1 */
};

struct block_live {
    const struct live_type *type;
    char *id;
    struct block_backend *blk;
    struct block_live_options o; /* strings are not kept */
    struct block_node *layer;    /* of the stack's */
    struct block_node *source;   /* below the layer; counted */
    struct block_node *target;   /* counted, or NULL */
    uint64_t pack;               /* o.compress: bytes of the target's clusters */
    pthread_t thread;

    pthread_mutex_t mutex; /* what follows */
    pthread_cond_t cond;   /* a flag changed, or a bit was set */
    bool paused, cancelled, forced, completing, ready, told_ready, ended, good, stopped;
    bool failed;            /* a transfer did, and nobody was told yet: */
    bool failed_source;     /* which one, */
    const char *failed_how; /* and what follows: "report", "ignore", "stop" */
    bool told_pending, finalized;
    uint64_t done, total, speed;
    GError *error;
};

/* Main loop.  Puts the layer in; NULL and *error.  The target's count is taken over. */
struct block_live *live_new(const struct live_type *type, struct block_backend *blk,
                            struct block_node *target, const struct block_live_options *o,
                            GError **error);
/* The thread begins; everything of the job is set. */
void live_start(struct block_live *job);
/* Takes back what live_new made. */
void live_drop(struct block_live *job);
/* A job can write all of the drive into it; false and *error: it is closed. */
bool live_target_fits(struct block_backend *blk, struct block_node *target, GError **error);
/* The target takes compressed clusters, which live_copy_chunk then writes; false and *error. */
bool live_can_compress(struct block_live *job, GError **error);
/* Main loop: where the drive's image hangs below the layers of its options. */
struct block_node **live_slot(struct block_backend *blk);
/* Main loop, drained: another image for the drive instead of that at the layer. */
void live_pivot(struct block_live *job, struct block_node *to);

/* A drive of a node has its name: now that one's. */
void live_follow_name(struct block_backend *blk, const struct block_node *image);

/* The job's thread: waits while paused, and as long as `bytes` more are too fast.  False: cancelled. */
bool live_turn(struct block_live *job, uint64_t bytes);
/* What an error does: 1 go on as if nothing had happened, 0 try again, -1 end. */
int live_on_error(struct block_live *job, bool source, int ret);
void live_progress(struct block_live *job, uint64_t bytes);
/* Waits so long, or until somebody wants something of the job. */
void live_pause(struct block_live *job, unsigned milliseconds);
/* One chunk from source to target, zeroes as such.  0 or -errno; *source: where. */
int live_copy_chunk(struct block_live *job, uint64_t offset, bool *source);

void live_bits_init(struct live_bits *b, uint64_t bytes, bool set);
void live_bits_clear(struct live_bits *b);
/* Whether it changed anything.  The mutex is the caller's. */
bool live_bits_put(struct live_bits *b, uint64_t i, bool value);
bool live_bits_get(const struct live_bits *b, uint64_t i);
/* The first that is 1 from `from` on, then from the beginning; UINT64_MAX: none. */
uint64_t live_bits_next(const struct live_bits *b, uint64_t from);
/* 1 for what the topmost layer has, or what the layers above base have. */
bool live_bits_allocated(struct live_bits *b, struct block_node *top, struct block_node *base,
                         GError **error);

/* The layers: `live` passes and calls before_write and after_write. */
extern const struct block_driver block_live_layer;
void live_layer_attach(struct block_node *layer, struct block_live *job);

#endif
