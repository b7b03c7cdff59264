/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live.h: jobs on a drive beside the running guest: mirror, commit of the active layer, backup,
 * stream; and what is done at once: external snapshots, other sizes.
 *
 * A job has a thread of its own, which copies, and a layer in the drive's stack, through which the guest's
 * transfers pass.  A drive has one job at a time; while it has one its medium, its chain and its size stay.
 *
 * The rule for concurrency: the main loop, under the machine lock, is the only one that changes the graph,
 * and only after block_drain(): then no transfer of the guest's is under way.  It puts the layer in before
 * the thread starts and takes it out after the thread has ended.  The thread never takes the machine lock;
 * it does nothing but transfers on nodes that the job holds a count of.  What both touch (progress, flags,
 * bitmaps) is guarded by job->mutex, which nobody holds during a transfer.
 *
 * Thread: everything here in the main thread under the machine lock.
 */
#ifndef BLOCK_LIVE_H
#define BLOCK_LIVE_H

#include "block/node.h"

struct block_live;

enum block_live_sync {
    BLOCK_LIVE_FULL,
    BLOCK_LIVE_TOP,         /* what the topmost layer has */
    BLOCK_LIVE_NONE,        /* what the guest writes from now on (backup: what it overwrites) */
    BLOCK_LIVE_INCREMENTAL, /* backup: what a bitmap of the image marks; it is cleared on success */
};

enum block_live_event {
    BLOCK_LIVE_READY,     /* mirror, commit: the target has caught up; _complete switches to it */
    BLOCK_LIVE_ERROR,     /* a transfer failed; the policy says what follows */
    BLOCK_LIVE_COMPLETED, /* info.error: NULL, or why not */
    BLOCK_LIVE_CANCELLED,
};

enum block_live_state {
    BLOCK_LIVE_RUNNING,
    BLOCK_LIVE_PAUSED,
    BLOCK_LIVE_IS_READY,
    BLOCK_LIVE_STANDBY, /* paused after it was ready */
    BLOCK_LIVE_PENDING, /* all is done but the end, which waits for _finalize */
};

/* What `info block-jobs` and events tell; strings are the job's. */
struct block_live_info {
    const char *id, *type, *device;
    uint64_t done, total, speed; /* bytes; bytes a second, 0: no limit */
    enum block_live_state state;
    bool busy_error; /* paused by an error: on-error=stop */
    bool waits_finalize, kept;
    const char *error;
};

struct block_live_options {
    const char *id; /* NULL: the drive's */
    enum block_live_sync sync;
    uint64_t speed;
    bool compress;      /* backup: a target whose format can */
    const char *bitmap; /* of BLOCK_LIVE_INCREMENTAL */
    bool wait_finalize; /* the end waits for block_live_finalize */
    bool keep;          /* it is listed until it is dismissed */
    enum block_on_error on_source_error, on_target_error;
    /* Main loop, under the machine lock; the job is gone after COMPLETED and CANCELLED.  May be NULL. */
    void (*event)(void *opaque, enum block_live_event event, const struct block_live_info *info);
    void *opaque;
};

/*
 * Each starts a job, or gives NULL and *error.  `target` is writable and as long as the drive; its count is
 * taken over, also when it fails.
 *
 * mirror: the target becomes and stays what the drive is; _complete makes it the drive's image.
 */
struct block_live *block_live_mirror(struct block_backend *blk, struct block_node *target,
                                     const struct block_live_options *o, GError **error);
/* What the layers above `base`, which is in the drive's chain, have goes into it; _complete switches. */
struct block_live *block_live_commit(struct block_backend *blk, struct block_node *base,
                                     const struct block_live_options *o, GError **error);
/*
 * What the layers from `top`, which is below the drive's image, down to and without `base` have goes into base; what stood
 * on top stands on base then, under the name given (NULL: its file name).  The base's count is taken over.
 */
struct block_live *block_live_commit_layers(struct block_backend *blk, struct block_node *top,
                                            struct block_node *base, const char *base_name,
                                            const struct block_live_options *o, GError **error);
/* The target becomes what the drive is now, whatever the guest writes meanwhile. */
struct block_live *block_live_backup(struct block_backend *blk, struct block_node *target,
                                     const struct block_live_options *o, GError **error);
/* What is between the topmost layer and `base` (NULL: everything below it) goes into the topmost one. */
struct block_live *block_live_stream(struct block_backend *blk, struct block_node *base,
                                     const char *base_name, const struct block_live_options *o,
                                     GError **error);

struct block_live *block_live_find(struct machine *m, const char *id);
/* Job number i; NULL: there are no more. */
struct block_live *block_live_at(struct machine *m, unsigned i);
void block_live_info(struct block_live *job, struct block_live_info *out);
void block_live_pause(struct block_live *job);
void block_live_resume(struct block_live *job);
void block_live_set_speed(struct block_live *job, uint64_t speed);
/* Ends soon.  A ready mirror ends as a good copy unless `force`. */
void block_live_cancel(struct block_live *job, bool force);
/* Refused unless the job is ready. */
bool block_live_complete(struct block_live *job, GError **error);
/* The job is pending: it ends. */
bool block_live_finalize(struct block_live *job, GError **error);
/* The drive goes: its job ends now.  NULL-safe for drives without one. */
void block_live_end(struct block_backend *blk);

/* Jobs that have ended and wait to be dismissed (job_records.c). */
struct block_job_record {
    char *id, *error; /* error: NULL, or why it failed */
    const char *type;
    uint64_t done, total, speed;
    bool waits_finalize;
};
/* JOB_STATUS_CHANGE */
void block_job_tell_status(struct machine *m, const char *id, const char *status);
/* It is over: tells so, and keeps a copy if it is to be kept. */
void block_job_conclude(struct machine *m, const struct block_job_record *r, bool keep);
/* Record i; NULL: there are no more. */
const struct block_job_record *block_job_record_at(struct machine *m, unsigned i);
const struct block_job_record *block_job_record_find(struct machine *m, const char *id);
/* False: there is none. */
bool block_job_dismiss(struct machine *m, const char *id);

/*
 * The drive goes on in `overlay`, an open image without a backing one, over what it has now; the count is taken
 * over, also when it fails.  And back, as long as nothing was written since.
 */
bool block_live_overlay(struct block_backend *blk, struct block_node *overlay, GError **error);
void block_live_overlay_undo(struct block_backend *blk);

/*
 * An external snapshot: the new image `path` of this format, over what the drive has now, which is not
 * written any more.  `reuse`: the image is there already and has the right backing file.
 */
bool block_live_snapshot(struct block_backend *blk, const char *path, const char *format,
                         bool reuse, GError **error);
/* Another size; the device is told.  The drive's image must be able to. */
bool block_live_resize(struct block_backend *blk, uint64_t size, GError **error);
/* What the top layer has goes into its backing file; the top layer is empty then.  The guest waits. */
bool block_live_commit_now(struct block_backend *blk, GError **error);

#endif
