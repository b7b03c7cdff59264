/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/state.h: what the parts of a migration share: m->migration.
 *
 * Thread: the machine lock, but for `progress`, which has a mutex, and what the migration's thread has alone.
 */
#ifndef MIGRATION_STATE_H
#define MIGRATION_STATE_H

#include "migration/channel.h"
#include "migration/dirty.h"
#include "migration/migration.h"
#include "migration/saved.h"
#include "migration/throttle.h"

struct migration {
    struct machine *machine;
    uint64_t parameters[MIGRATION_PARAMETER_COUNT];
    uint32_t capabilities; /* bit n: row n */
    bool expected;         /* -incoming */
    bool frozen;           /* the iothreads stand still */
    bool mapped;           /* capability mapped-ram, of this one */
    unsigned multifd;      /* so many channels for RAM; 0: the migration's own */
    enum stream_packing packing;
    int packing_level;
    bool disks_away; /* another machine may have the images */
    bool quit;       /* the machine ends: nothing more is called on the main loop */

    /* The last one, or the one that runs. */
    bool incoming;
    enum migration_status status;
    enum migration_status told; /* by the last event */
    char *error;
    struct channel *channel;
    GThread *thread;
    enum run_state was;  /* before it was stopped */
    bool step_done;      /* what the thread asked the main loop for ... */
    bool step_ok;        /* ... went well */
    pthread_cond_t step; /* with the machine lock */
    GError *why;         /* the thread's, or a step's */
    GPtrArray *lanes;    /* round.h: struct lane_out *; NULL: none yet */
    struct throttle throttle;
    struct dirty dirty;
    GByteArray *devices; /* sections of the machine that stands still */
    struct saved saved;
    GPtrArray *blocks;

    pthread_mutex_t mutex; /* of `progress` */
    struct migration_info progress;
    int64_t started, stopped; /* us, monotonic; 0: not yet */
};

/* m->migration, made when it is asked for first. */
struct migration *migration_of(struct machine *m);
/* A new one begins. */
/* Tells of it, if that is wanted: the event MIGRATION.  Machine lock held. */
void migration_set_status(struct migration *g, enum migration_status status);
void migration_begin(struct migration *g, bool incoming, struct channel *c);
/* Its thread: has the main loop run fn(g), which sets step_ok, and waits for it.  The machine lock is not held. */
bool migration_step(struct migration *g, void (*fn)(void *opaque));
/* fn's last word. */
void migration_step_done(struct migration *g, bool ok);
/* Main loop: the thread ended. */
void migration_end(struct migration *g, enum migration_status status);

#endif
