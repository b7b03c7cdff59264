/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/job_records.c: jobs that have ended and wait to be dismissed, and what QMP's clients are told of jobs.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "block/pool.h"
#include "softmmu/event.h"
#include "util/error.h"

static void record_free(gpointer p)
{
    struct block_job_record *r = p;

    g_free(r->id);
    g_free(r->error);
    g_free(r);
}

static GPtrArray *records_of(struct machine *m)
{
    struct block_pool *pool = block_pool_of(m);

    if (!pool->records) {
        pool->records = g_ptr_array_new_with_free_func(record_free);
    }
    return pool->records;
}

void block_job_tell_status(struct machine *m, const char *id, const char *status)
{
    event_emit(m, EVENT_JOB_STATUS_CHANGE, json_pack("{s:s, s:s}", "id", id, "status", status));
}

void block_job_conclude(struct machine *m, const struct block_job_record *r, bool keep)
{
    struct block_job_record *copy;

    block_job_tell_status(m, r->id, "concluded");
    if (!keep) {
        block_job_tell_status(m, r->id, "null");
        return;
    }
    copy = g_new(struct block_job_record, 1);
    *copy = *r;
    copy->id = g_strdup(r->id);
    copy->error = g_strdup(r->error);
    g_ptr_array_add(records_of(m), copy);
}

const struct block_job_record *block_job_record_at(struct machine *m, unsigned i)
{
    GPtrArray *records = records_of(m);

    return i < records->len ? g_ptr_array_index(records, i) : NULL;
}

const struct block_job_record *block_job_record_find(struct machine *m, const char *id)
{
    const struct block_job_record *r;

    for (unsigned i = 0; (r = block_job_record_at(m, i)); i++) {
        if (strcmp(r->id, id) == 0) {
            return r;
        }
    }
    return NULL;
}

bool block_job_dismiss(struct machine *m, const char *id)
{
    const struct block_job_record *r = block_job_record_find(m, id);

    if (r) {
        block_job_tell_status(m, id, "null");
        g_ptr_array_remove(records_of(m), (gpointer)r);
    }
    return r != NULL;
}
