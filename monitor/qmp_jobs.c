/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_jobs.c: jobs that run, and those that have ended: what they are, and verbs for them.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "monitor/qmp_block.h"
#include "util/error.h"

static const char *const state_names[] = {
    [BLOCK_LIVE_RUNNING] = "running", [BLOCK_LIVE_PAUSED] = "paused",
    [BLOCK_LIVE_IS_READY] = "ready",  [BLOCK_LIVE_STANDBY] = "standby",
    [BLOCK_LIVE_PENDING] = "pending",
};

/* Questions ----------------------------------------------------------------------------------- */

static json_t *describe_live(struct block_live *job, bool block)
{
    struct block_live_info i;
    bool paused;

    block_live_info(job, &i);
    if (!block) {
        return json_pack("{s:o, s:s, s:s, s:I, s:I}", "id", qmp_text(i.id), "type", i.type,
                         "status", state_names[i.state], "current-progress", (json_int_t)i.done,
                         "total-progress", (json_int_t)i.total);
    }
    paused = i.state == BLOCK_LIVE_PAUSED || i.state == BLOCK_LIVE_STANDBY;
    return json_pack("{s:s, s:o, s:I, s:I, s:b, s:b, s:I, s:s, s:b, s:s, s:b, s:b, s:o*}", "type",
                     i.type, "device", qmp_text(i.id), "len", (json_int_t)i.total, "offset",
                     (json_int_t)i.done, "busy", i.state == BLOCK_LIVE_RUNNING, "paused", paused,
                     "speed", (json_int_t)i.speed, "io-status", i.busy_error ? "failed" : "ok",
                     "ready", i.state == BLOCK_LIVE_IS_READY, "status", state_names[i.state],
                     "auto-finalize", !i.waits_finalize, "auto-dismiss", !i.kept, "error",
                     i.error ? qmp_text(i.error) : NULL);
}

static json_t *describe_record(const struct block_job_record *r, bool block)
{
    json_t *error = r->error ? qmp_text(r->error) : NULL;

    if (!block) {
        return json_pack("{s:o, s:s, s:s, s:I, s:I, s:o*}", "id", qmp_text(r->id), "type", r->type,
                         "status", "concluded", "current-progress", (json_int_t)r->done,
                         "total-progress", (json_int_t)r->total, "error", error);
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:b, s:b, s:I, s:s, s:b, s:s, s:b, s:b, s:o*}", "type",
                     r->type, "device", qmp_text(r->id), "len", (json_int_t)r->total, "offset",
                     (json_int_t)r->done, "busy", 0, "paused", 0, "speed", (json_int_t)r->speed,
                     "io-status", "ok", "ready", 0, "status", "concluded", "auto-finalize",
                     !r->waits_finalize, "auto-dismiss", 0, "error", error);
}

static bool is_no_block_job(const char *type)
{
    return strcmp(type, "create") == 0 || strcmp(type, "amend") == 0 ||
           g_str_has_prefix(type, "snapshot-");
}

static json_t *describe_all(struct machine *m, bool block)
{
    json_t *list = json_array();
    const struct block_job_record *r;
    struct block_live *job;

    for (unsigned i = 0; (job = block_live_at(m, i)); i++) {
        json_array_append_new(list, describe_live(job, block));
    }
    for (unsigned i = 0; (r = block_job_record_at(m, i)); i++) {
        if (!block || !is_no_block_job(r->type)) {
            json_array_append_new(list, describe_record(r, block));
        }
    }
    return list;
}

bool qmp_query_block_jobs(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)error;
    *result = describe_all(qmp_machine(s), true);
    return true;
}

bool qmp_query_jobs(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)error;
    *result = describe_all(qmp_machine(s), false);
    return true;
}

/* Verbs --------------------------------------------------------------------------------------- */

typedef bool verb_fn(struct block_live *job, const json_t *args, GError **error);

static bool pause_job(struct block_live *job, const json_t *args, GError **error)
{
    (void)args;
    (void)error;
    block_live_pause(job);
    return true;
}

static bool resume_job(struct block_live *job, const json_t *args, GError **error)
{
    (void)args;
    (void)error;
    block_live_resume(job);
    return true;
}

static bool complete_job(struct block_live *job, const json_t *args, GError **error)
{
    (void)args;
    return block_live_complete(job, error);
}

static bool finalize_job(struct block_live *job, const json_t *args, GError **error)
{
    (void)args;
    return block_live_finalize(job, error);
}

/* job-cancel always ends it; block-job-cancel leaves a ready mirror as a good copy. */
static bool cancel_job(struct block_live *job, const json_t *args, GError **error)
{
    (void)error;
    block_live_cancel(job, qmp_bool(args, "force", json_object_get(args, "id") != NULL));
    return true;
}

static bool set_job_speed(struct block_live *job, const json_t *args, GError **error)
{
    int64_t speed = qmp_int(args, "speed", 0);

    if (speed < 0) {
        set_error(error, "Parameter 'speed' expects a non-negative value");
        return false;
    }
    block_live_set_speed(job, (uint64_t)speed);
    return true;
}

static bool wrong_state(const char *id, const char *state, const char *verb, GError **error)
{
    set_error(error, "Job '%s' in state '%s' cannot accept command verb '%s'", id, state, verb);
    return false;
}

/* `name`: the member that has the id: "device" for block jobs. */
static bool run_verb(struct qmp_session *s, const json_t *args, const char *name, const char *verb,
                     verb_fn *fn, GError **error)
{
    const char *id = qmp_str(args, name, "");
    struct block_live *job = block_live_find(qmp_machine(s), id);

    if (!job && block_job_record_find(qmp_machine(s), id)) {
        return wrong_state(id, "concluded", verb, error);
    }
    if (!job && strcmp(name, "device") == 0) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_ACTIVE, "Block job '%s' not found", id);
        return false;
    }
    if (!job) {
        set_error(error, "Job not found");
        return false;
    }
    return fn(job, args, error);
}

#define VERB(function, member, verb, fn)                                                           \
    bool function(struct qmp_session *s, json_t *args, json_t **result, GError **error)            \
    {                                                                                              \
        (void)result;                                                                              \
        return run_verb(s, args, member, verb, fn, error);                                         \
    }

VERB(qmp_block_job_pause, "device", "pause", pause_job)
VERB(qmp_block_job_resume, "device", "resume", resume_job)
VERB(qmp_block_job_complete, "device", "complete", complete_job)
VERB(qmp_block_job_cancel, "device", "cancel", cancel_job)
VERB(qmp_block_job_set_speed, "device", "set-speed", set_job_speed)
VERB(qmp_block_job_finalize, "id", "finalize", finalize_job)
VERB(qmp_job_pause, "id", "pause", pause_job)
VERB(qmp_job_resume, "id", "resume", resume_job)
VERB(qmp_job_complete, "id", "complete", complete_job)
VERB(qmp_job_cancel, "id", "cancel", cancel_job)
VERB(qmp_job_finalize, "id", "finalize", finalize_job)

bool qmp_job_dismiss(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *id = qmp_str(args, "id", "");
    struct block_live *job = block_live_find(qmp_machine(s), id);
    struct block_live_info info;

    (void)result;
    if (job) {
        block_live_info(job, &info);
        return wrong_state(id, state_names[info.state], "dismiss", error);
    }
    if (!block_job_dismiss(qmp_machine(s), id)) {
        set_error(error, "Job not found");
        return false;
    }
    return true;
}

/* At once ------------------------------------------------------------------------------------- */

bool qmp_job_at_once(struct machine *m, const char *id, const char *type,
                     bool (*run)(void *opaque, GError **error), void *opaque, GError **error)
{
    g_autoptr(GError) why = NULL;
    struct block_job_record r = { .id = (char *)id, .type = type, .done = 1, .total = 1 };

    if (!g_ascii_isalpha(*id)) {
        set_error(error, "Invalid job ID '%s'", id);
        return false;
    }
    if (block_live_find(m, id) || block_job_record_find(m, id)) {
        set_error(error, "Job ID '%s' already in use", id);
        return false;
    }
    block_job_tell_status(m, id, "created");
    block_job_tell_status(m, id, "running");
    if (run(opaque, &why)) {
        block_job_tell_status(m, id, "waiting");
        block_job_tell_status(m, id, "pending");
    } else {
        block_job_tell_status(m, id, "aborting");
        r.error = why->message;
    }
    block_job_conclude(m, &r, true);
    return true;
}
