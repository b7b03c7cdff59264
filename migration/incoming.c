/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/incoming.c: a machine comes here.
 *
 * RAM is filled as it arrives: the vCPUs have never run.  Everything else is kept, checked and applied at the end.
 * A machine that could not be loaded ends the program.
 * Thread: `run` on its own; functions that take `opaque` on the main loop, machine lock held.
 */
#include <string.h>
#include "block/block.h"
#include "migration/load.h"
#include "migration/multifd.h"
#include "migration/state.h"
#include "net/net.h"
#include "util/error.h"
#include "util/log.h"

void migration_expect(struct machine *m)
{
    migration_of(m)->expected = true;
    block_start_inactive(m);
}

bool migration_is_expected(struct machine *m)
{
    return m->migration && m->migration->expected;
}

/* The other machine has let go of the disks by now. */
static void apply(void *opaque)
{
    struct migration *g = opaque;
    struct machine *m = g->machine;
    bool ok = saved_check(m, &g->saved, &g->why) && block_activate_all(m, &g->why);

    ram_loaded(m, g->blocks);
    migration_step_done(g, ok && saved_apply(m, &g->saved, &g->why));
}

static void announce(struct machine *m)
{
    struct net_announce_options o = {
        .initial = (unsigned)migration_parameter(m, MIGRATION_ANNOUNCE_INITIAL),
        .max = (unsigned)migration_parameter(m, MIGRATION_ANNOUNCE_MAX),
        .rounds = (unsigned)migration_parameter(m, MIGRATION_ANNOUNCE_ROUNDS),
        .step = (unsigned)migration_parameter(m, MIGRATION_ANNOUNCE_STEP),
    };

    if (o.rounds) {
        net_announce(m, &o);
    }
}

static void ended(void *opaque)
{
    struct migration *g = opaque;
    struct machine *m = g->machine;
    bool ok = !g->why;
    enum run_state state = ok ? saved_run_state(m, &g->saved) : RUN_STATE_PAUSED;

    if (!ok) {
        report_error("-incoming %s: %s", g->channel->uri, g->why->message);
    }
    migration_end(g, ok ? MIGRATION_COMPLETED : MIGRATION_FAILED);
    if (!ok) {
        machine_request_exit(m, 1);
        return;
    }
    g->expected = false;
    if (state == RUN_STATE_RUNNING && m->config.start_paused) {
        state = RUN_STATE_PAUSED;
    }
    if (state != RUN_STATE_RUNNING && state != RUN_STATE_SUSPENDED) {
        state = RUN_STATE_PAUSED;
    }
    machine_set_run_state(m, state);
    announce(m);
}

/* "ready" or why not to the other side; "go" from it. */
static bool shake_hands(struct migration *g, bool ok, GError **error)
{
    struct channel *c = g->channel;
    const char *why = g->why ? g->why->message : *error ? (*error)->message : "no";
    struct section s = { 0 };

    if (!c->two_way || c->fd < 0) {
        return ok;
    }
    if (!ok) {
        if (stream_put(&c->out, "refused", 0, 1, why, strlen(why), NULL) &&
            channel_flush(c, NULL)) {
            channel_drain(c); /* or what was said might get lost */
        }
        return false;
    }
    ok = stream_put(&c->out, "ready", 0, 1, NULL, 0, error) && channel_flush(c, error) &&
         stream_get(&c->in, &s, error);
    if (ok && strcmp(s.name, "go") != 0) {
        set_error(error, "the other side sends '%s' instead of 'go'", s.name);
        ok = false;
    }
    section_clear(&s);
    return ok;
}

static gpointer run(gpointer opaque)
{
    struct migration *g = opaque;
    GError *error = NULL;
    bool ok = channel_accept(g->channel, &error);

    if (ok) {
        machine_lock(g->machine);
        migration_set_status(g, MIGRATION_ACTIVE);
        machine_unlock(g->machine);
        ok = load_sections(&g->channel->in, g->blocks, &g->saved, true, &error);
        multifd_stop(g->channel, ok ? NULL : &error);
        ok = ok && migration_step(g, apply);
        ok = shake_hands(g, ok, &error);
    }
    machine_lock(g->machine);
    if (error) {
        g_clear_error(&g->why);
        g->why = error;
    } else if (!ok && !g->why) {
        set_error(&g->why, "it was given up");
    }
    machine_unlock(g->machine);
    machine_call_soon(g->machine, ended, g);
    return NULL;
}

static bool may_come(struct machine *m, const char *uri, GError **error)
{
    if (!migration_is_expected(m)) {
        set_error(error, "'-incoming' was not specified on the command line");
        return false;
    }
    if (migration_is_running(m)) {
        set_error(error, "The incoming migration has already been started");
        return false;
    }
    return channel_check_uri(uri, error);
}

bool migration_incoming(struct machine *m, const char *uri, int fd, GError **error)
{
    struct migration *g = migration_of(m);
    struct channel *c = channel_new(uri, fd, error);

    if (!c || !may_come(m, uri, error)) {
        channel_free(c);
        return false;
    }
    if (migration_capability_named(m, "multifd")) {
        c->more = true;
        c->in.join = multifd_join;
    }
    if (!channel_open_in(c, error)) {
        channel_free(c);
        return false;
    }
    migration_begin(g, true, c);
    g->blocks = ram_blocks_of(m);
    saved_init(&g->saved);
    ram_clear(g->blocks);
    g->thread = g_thread_try_new("migration", run, g, error);
    if (!g->thread) {
        migration_end(g, MIGRATION_FAILED);
        return false;
    }
    return true;
}
