/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/state.c: a machine's migration, whichever way: beginning, steps on the main loop, end.  Thread: see state.h. */
#include "migration/round.h"
#include <string.h>
#include "block/block.h"
#include "net/net.h"
#include "softmmu/event.h"
#include "util/error.h"
#include "util/log.h"

const char *const migration_status_names[MIGRATION_STATUS_COUNT] = {
    /* clang-format off */
    [MIGRATION_NONE]       = "none",
    [MIGRATION_SETUP]      = "setup",
    [MIGRATION_ACTIVE]     = "active",
    [MIGRATION_PRE_SWITCHOVER] = "pre-switchover",
    [MIGRATION_DEVICE]     = "device",
    [MIGRATION_CANCELLING] = "cancelling",
    [MIGRATION_CANCELLED]  = "cancelled",
    [MIGRATION_COMPLETED]  = "completed",
    [MIGRATION_FAILED]     = "failed",
    /* clang-format on */
};

static void join(struct migration *g)
{
    struct machine *m = g->machine;

    if (g->thread) {
        machine_unlock(m);
        g_thread_join(g->thread);
        machine_lock(m);
        g->thread = NULL;
    }
}

static void drop(struct migration *g)
{
    throttle_set_percent(&g->throttle, 0);
    round_close(g);
    g_clear_pointer(&g->channel, channel_free);
    g_clear_pointer(&g->devices, g_byte_array_unref);
    g_clear_pointer(&g->blocks, g_ptr_array_unref);
    g_clear_error(&g->why);
    if (g->dirty.blocks) {
        ram_dirty_end(g->machine, RAM_PAGE_MIGRATE);
    }
    dirty_clear(&g->dirty);
    saved_clear(&g->saved);
    if (g->frozen) {
        iothread_resume_all(g->machine);
        g->frozen = false;
    }
    ram_pin(g->machine, false);
}

/* The machine ends. */
static void migration_free(struct machine *m)
{
    struct migration *g = m->migration;

    g->quit = true;
    if (g->channel) {
        channel_cancel(g->channel);
    }
    pthread_cond_broadcast(&g->step);
    join(g);
    drop(g);
    pthread_cond_destroy(&g->step);
    pthread_mutex_destroy(&g->mutex);
    g_free(g->error);
    g_free(g);
    m->migration = NULL;
}

struct migration *migration_of(struct machine *m)
{
    struct migration *g = m->migration;

    if (!g) {
        g = m->migration = g_new0(struct migration, 1);
        g->machine = m;
        m->free_migration = migration_free;
        pthread_cond_init(&g->step, NULL);
        pthread_mutex_init(&g->mutex, NULL);
        throttle_init(&g->throttle, m);
        for (unsigned i = 0; i < MIGRATION_PARAMETER_COUNT; i++) {
            g->parameters[i] = migration_parameters[i].def;
        }
    }
    return g;
}

void migration_set_status(struct migration *g, enum migration_status status)
{
    bool tell = status != g->told && migration_capability_named(g->machine, "events");

    g->status = g->told = status;
    if (tell) {
        event_emit(g->machine, EVENT_MIGRATION,
                   json_pack("{s:s}", "status", migration_status_names[status]));
    }
}

void migration_begin(struct migration *g, bool incoming, struct channel *c)
{
    g->incoming = incoming;
    migration_set_status(g, MIGRATION_SETUP);
    g_clear_pointer(&g->error, g_free);
    g->channel = c;
    g->started = g_get_monotonic_time();
    g->stopped = 0;
    g->progress = (struct migration_info){
        .total_time = -1, .setup_time = -1, .downtime = -1, .expected_downtime = -1
    };
    ram_pin(g->machine, true);
}

bool migration_step(struct migration *g, void (*fn)(void *opaque))
{
    struct machine *m = g->machine;
    bool ok;

    machine_lock(m);
    g->step_done = false;
    machine_call_soon(m, fn, g);
    while (!g->step_done && !g->quit) {
        machine_wait(m, &g->step);
    }
    ok = g->step_done && g->step_ok;
    machine_unlock(m);
    return ok;
}

void migration_step_done(struct migration *g, bool ok)
{
    g->step_ok = ok;
    g->step_done = true;
    pthread_cond_broadcast(&g->step);
}

void migration_end(struct migration *g, enum migration_status status)
{
    join(g);
    if (status == MIGRATION_FAILED) {
        g->error = g_strdup(g->why ? g->why->message : "for no reason that was told");
    }
    g->progress.total_time = (g_get_monotonic_time() - g->started) / 1000;
    drop(g);
    migration_set_status(g, status);
}

bool migration_is_running(struct machine *m)
{
    return m->migration && m->migration->channel;
}

void migration_cancel(struct machine *m)
{
    struct migration *g = migration_of(m);

    /* Once it is committed the other side may have been told to go on: too late. */
    if (migration_is_running(m) && !g->incoming && g->status != MIGRATION_CANCELLING &&
        g->status != MIGRATION_COMPLETED) {
        migration_set_status(g, MIGRATION_CANCELLING);
        channel_cancel(g->channel);
        pthread_cond_broadcast(&g->step); /* it may wait for migrate-continue */
    }
}

void migration_cut(struct machine *m)
{
    if (migration_is_running(m)) {
        channel_cancel(m->migration->channel);
        pthread_cond_broadcast(&m->migration->step); /* it may wait for migrate-continue */
    }
}

bool migration_continue(struct machine *m, GError **error)
{
    struct migration *g = migration_of(m);

    if (g->status != MIGRATION_PRE_SWITCHOVER) {
        set_error(error, "Migration not in expected state: %s", migration_status_names[g->status]);
        return false;
    }
    migration_set_status(g, MIGRATION_DEVICE);
    pthread_cond_broadcast(&g->step);
    return true;
}

void migration_query(struct machine *m, struct migration_info *info)
{
    struct migration *g = migration_of(m);

    pthread_mutex_lock(&g->mutex);
    *info = g->progress;
    pthread_mutex_unlock(&g->mutex);
    info->status = g->status;
    info->incoming = g->incoming;
    info->error = g->error;
    info->cpu_throttle = g->throttle.percent;
    if (migration_is_running(m)) {
        info->total_time = (g_get_monotonic_time() - g->started) / 1000;
    }
}

bool migration_disks_are_away(struct machine *m)
{
    return m->migration && m->migration->disks_away;
}

bool migration_take_back(struct machine *m, GError **error)
{
    struct migration *g = migration_of(m);

    if (g->disks_away) {
        if (!block_activate_all(m, error)) {
            return false;
        }
        g->disks_away = false;
    }
    return true;
}
