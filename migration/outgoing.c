/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/outgoing.c: the machine goes away.
 *
 * Invariant: from the step `switch_over` to the end the guest stands still, the iothreads too, and the disks are
 *            another machine's; `ended` takes all of that back unless the migration was completed.
 * Thread:    `run` on its own; functions that take `opaque` on the main loop, machine lock held.
 */
#include <string.h>
#include <unistd.h>
#include "block/block.h"
#include "migration/state.h"
#include "util/error.h"
#include "util/log.h"

#define STRETCH_MS   500
#define MAX_SLEEP_MS 50
/* Another machine that could not load may hold the disks' locks for so long after it said so. */
#define TAKE_BACK_MS 3000

static uint64_t now_us(void)
{
    return (uint64_t)g_get_monotonic_time();
}

/* The rate ------------------------------------------------------------------------------------- */

struct rate {
    uint64_t start, bytes; /* when this stretch began, and what was sent by then */
};

/* Waits while more was sent than the bandwidth allows for the time since; it may be set meanwhile. */
static void keep_to_limit(struct migration *g, struct rate *r)
{
    while (!channel_is_cancelled(g->channel)) {
        uint64_t limit = __atomic_load_n(&g->parameters[MIGRATION_MAX_BANDWIDTH], __ATOMIC_RELAXED);
        uint64_t now = now_us(), sent = g->channel->out.bytes - r->bytes;
        double ahead_ms =
            limit ? (double)sent * 1000 / (double)limit - (double)(now - r->start) / 1000 : 0;

        if (ahead_ms < 1) {
            break;
        }
        channel_sleep(g->channel, (unsigned)MIN(ahead_ms, MAX_SLEEP_MS));
    }
    if (now_us() - r->start > STRETCH_MS * 1000) { /* what was not used before is not owed */
        *r = (struct rate){ now_us(), g->channel->out.bytes };
    }
}

/* What the other side says, which is `wanted` or why it gave up. */
static bool hear(struct channel *c, const char *wanted, GError **error)
{
    struct section s = { 0 };
    bool ok = stream_get(&c->in, &s, error);

    if (!ok) {
        g_prefix_error(error, "%s: the other side does not answer: ", c->uri);
    } else if (!wanted || strcmp(s.name, wanted) != 0) {
        g_autofree char *why = g_strndup((const char *)s.data->data, MIN(s.data->len, 500));
        g_autofree char *shown = g_strescape(why, NULL);

        set_error(error, "%s: the other side says: %s", c->uri, shown);
        ok = false;
    }
    section_clear(&s);
    return ok;
}

/* False and *error: it was cancelled, or the other side gave up before all was sent. */
static bool may_go_on(struct channel *c, GError **error)
{
    if (channel_is_cancelled(c)) {
        set_error(error, "%s: it was cancelled", c->uri);
        return false;
    }
    return !c->two_way || !channel_has_input(c) || hear(c, NULL, error);
}

static void tell_progress(struct migration *g, const struct ram_progress *p)
{
    pthread_mutex_lock(&g->mutex);
    g->progress.transferred = g->channel->out.bytes;
    g->progress.remaining = g->dirty.dirty * GUEST_PAGE_SIZE;
    g->progress.total = g->dirty.total * GUEST_PAGE_SIZE;
    g->progress.duplicate = p->zero_pages;
    g->progress.normal = p->normal_pages;
    pthread_mutex_unlock(&g->mutex);
}

/* All pages that are dirty now, once.  *rate: bytes of RAM a second; NULL: without a limit. */
static bool send_round(struct migration *g, struct ram_progress *p, double *speed, GError **error)
{
    uint64_t start = now_us(), pages = g->dirty.dirty, bytes = g->channel->out.bytes, us;
    struct rate rate = { start, bytes };

    for (unsigned b = 0; b < g->dirty.blocks->len; b++) {
        const struct ram_block *block = g_ptr_array_index(g->dirty.blocks, b);

        for (uint64_t at = 0; at < block->size >> GUEST_PAGE_BITS;) {
            if (!dirty_send(&g->dirty, b, &at, &g->channel->out, p, error)) {
                return false;
            }
            tell_progress(g, p);
            if (speed) {
                keep_to_limit(g, &rate);
            }
            if (!may_go_on(g->channel, error)) {
                return false;
            }
        }
    }
    if (!channel_flush(g->channel, error)) {
        return false;
    }
    us = MAX(now_us() - start, 1);
    bytes = g->channel->out.bytes - bytes;
    if (speed) {
        *speed = (double)bytes * 1e6 / (double)us;
    }
    pthread_mutex_lock(&g->mutex);
    g->progress.mbps = (double)bytes * 8 / (double)us;
    g->progress.pages_per_second = pages * 1000000 / us;
    pthread_mutex_unlock(&g->mutex);
    return true;
}

/* Rounds while the guest runs ------------------------------------------------------------------- */

/* What was written since the last look.  False: the guest does not run. */
static bool look(struct migration *g, uint64_t since)
{
    struct machine *m = g->machine;
    bool runs;

    machine_lock(m);
    dirty_sync(&g->dirty, m);
    runs = m->run_state == RUN_STATE_RUNNING;
    machine_unlock(m);
    pthread_mutex_lock(&g->mutex);
    g->progress.dirty_syncs++;
    g->progress.dirty_pages_rate = g->dirty.dirty * 1000000 / MAX(now_us() - since, 1);
    pthread_mutex_unlock(&g->mutex);
    return runs;
}

/* Until the rest fits into the time that the guest may stand still. */
static bool send_while_it_runs(struct migration *g, struct ram_progress *p, GError **error)
{
    for (;;) {
        uint64_t start = now_us(), limit_ms;
        double speed, rest_ms;

        if (!send_round(g, p, &speed, error)) {
            return false;
        }
        if (!look(g, start)) {
            return true;
        }
        limit_ms = __atomic_load_n(&g->parameters[MIGRATION_DOWNTIME_LIMIT], __ATOMIC_RELAXED);
        rest_ms = (double)g->dirty.dirty * GUEST_PAGE_SIZE * 1000 / MAX(speed, 1);
        pthread_mutex_lock(&g->mutex);
        g->progress.expected_downtime = (int64_t)MIN(rest_ms, 1e12);
        pthread_mutex_unlock(&g->mutex);
        if (rest_ms <= (double)limit_ms) {
            return true;
        }
    }
}

/* Steps on the main loop ------------------------------------------------------------------------ */

struct memory_out {
    struct stream_out stream;
    GByteArray *bytes;
};

static bool memory_write(struct stream_out *s, const void *data, size_t len, GError **error)
{
    (void)error;
    g_byte_array_append(((struct memory_out *)s)->bytes, data, (guint)len);
    return true;
}

static void set_up(void *opaque)
{
    struct migration *g = opaque;

    dirty_start(&g->dirty, g->machine);
    if (g->status == MIGRATION_SETUP) {
        migration_set_status(g, MIGRATION_ACTIVE);
    }
    g->progress.setup_time = (g_get_monotonic_time() - g->started) / 1000;
    migration_step_done(g, true);
}

/* The guest stops; what is left is its last RAM and the state of its devices. */
static void switch_over(void *opaque)
{
    struct migration *g = opaque;
    struct machine *m = g->machine;
    struct memory_out out = { { .write = memory_write }, g_byte_array_new() };
    bool ok;

    g->devices = out.bytes;
    if (g->status != MIGRATION_ACTIVE) {
        set_error(&g->why, "it was cancelled");
        migration_step_done(g, false);
        return;
    }
    migration_set_status(g, MIGRATION_DEVICE);
    g->stopped = g_get_monotonic_time();
    g->was = m->run_state;
    machine_set_run_state(m, RUN_STATE_FINISH_MIGRATE);
    iothread_pause_all(m);
    g->frozen = true;
    device_prepare_save_all(m);
    ok = block_can_inactivate(m, &g->why) && saved_put(m, g->was, &out.stream, &g->why) &&
         stream_end(&out.stream, &g->why);
    dirty_sync(&g->dirty, m);
    g->progress.dirty_syncs++;
    if (ok) {
        g->disks_away = true;
        ok = block_inactivate_all(m, &g->why);
    }
    migration_step_done(g, ok);
}

/* From here on it is the other machine's, and nobody can cancel. */
static void commit(void *opaque)
{
    struct migration *g = opaque;

    if (g->status != MIGRATION_DEVICE) {
        set_error(&g->why, "it was cancelled");
    }
    migration_step_done(g, g->status == MIGRATION_DEVICE);
    g->status = g->step_ok ? MIGRATION_COMPLETED : g->status; /* which is told at the end */
}

/* The guest goes on here. */
static void take_back(struct migration *g)
{
    struct machine *m = g->machine;
    g_autoptr(GError) error = NULL;
    bool ok = migration_take_back(m, &error);

    for (unsigned ms = 0; !ok && ms < TAKE_BACK_MS; ms += 50) {
        g_clear_error(&error);
        g_usleep(50000);
        ok = migration_take_back(m, &error);
    }
    if (!ok) {
        report_error("the machine is paused after a migration that failed: %s", error->message);
    }
    if (m->run_state == RUN_STATE_FINISH_MIGRATE) {
        machine_set_run_state(m, ok ? g->was : RUN_STATE_PAUSED);
    }
}

static void ended(void *opaque)
{
    struct migration *g = opaque;
    struct machine *m = g->machine;
    bool completed = g->status == MIGRATION_COMPLETED && !g->why,
         cancelled = g->status == MIGRATION_CANCELLING;

    if (g->stopped) {
        g->progress.downtime = (g_get_monotonic_time() - g->stopped) / 1000;
    }
    migration_end(g, completed   ? MIGRATION_COMPLETED
                     : cancelled ? MIGRATION_CANCELLED
                                 : MIGRATION_FAILED);
    if (completed) {
        machine_set_run_state(m, RUN_STATE_POSTMIGRATE);
    } else if (g->stopped) {
        take_back(g);
    }
}

/* The thread ------------------------------------------------------------------------------------ */

/* "ready" from the other side, "go" to it. */
static bool shake_hands(struct migration *g, GError **error)
{
    struct channel *c = g->channel;

    if (!c->two_way) {
        return channel_finish(c, error) && migration_step(g, commit);
    }
    return channel_flush(c, error) && hear(c, "ready", error) && migration_step(g, commit) &&
           stream_put(&c->out, "go", 0, 1, NULL, 0, error) && channel_finish(c, error);
}

/* What RAM is, and with mapped-ram where. */
static bool send_list(struct migration *g, GError **error)
{
    struct channel *c = g->channel;
    off_t position;

    if (!stream_begin(&c->out, error) || !ram_save_list(g->dirty.blocks, &c->out, error)) {
        return false;
    }
    if (!g->mapped) {
        return true;
    }
    if (!channel_flush(c, error)) {
        return false;
    }
    position = lseek(c->fd, 0, SEEK_CUR);
    if (position < 0) {
        set_errno_error(error, "%s: mapped-ram needs a regular file", c->uri);
        return false;
    }
    g->dirty.file = ram_file_new(c->fd, g->dirty.blocks, (uint64_t)position);
    if (!ram_file_put(g->dirty.file, &c->out, error) || !channel_flush(c, error)) {
        return false;
    }
    if (ftruncate(c->fd, (off_t)g->dirty.file->rest) != 0 ||
        lseek(c->fd, (off_t)g->dirty.file->rest, SEEK_SET) < 0) {
        set_errno_error(error, "%s: cannot make room for RAM", c->uri);
        return false;
    }
    return true;
}

static bool send(struct migration *g, GError **error)
{
    struct channel *c = g->channel;
    struct ram_progress p = { 0 };

    return channel_open_out(c, error) && migration_step(g, set_up) && send_list(g, error) &&
           send_while_it_runs(g, &p, error) && migration_step(g, switch_over) &&
           send_round(g, &p, NULL, error) &&
           c->out.write(&c->out, g->devices->data, g->devices->len, error) && shake_hands(g, error);
}

static gpointer run(gpointer opaque)
{
    struct migration *g = opaque;
    GError *error = NULL;

    if (!send(g, &error) && error) {
        machine_lock(g->machine);
        g_clear_error(&g->why);
        g->why = error;
        machine_unlock(g->machine);
    }
    machine_call_soon(g->machine, ended, g);
    return NULL;
}

static bool may_start(struct machine *m, const char *uri, GError **error)
{
    struct migration *g = migration_of(m);

    if (migration_is_running(m)) {
        set_error(error, "There's a migration process in progress");
        return false;
    }
    if (g->expected) {
        set_error(error, "Guest is waiting for an incoming migration");
        return false;
    }
    if (m->run_state == RUN_STATE_POSTMIGRATE) {
        set_error(error, "Can't migrate the vm that was paused due to previous migration");
        return false;
    }
    if (!channel_check_uri(uri, error) || !block_can_inactivate(m, error)) {
        return false;
    }
    if (migration_capability_named(m, "mapped-ram") && !g_str_has_prefix(uri, "file:")) {
        set_error(error, "migrate %s: capability 'mapped-ram' needs file:PATH", uri);
        return false;
    }
    return true;
}

bool migration_start(struct machine *m, const char *uri, int fd, GError **error)
{
    struct migration *g = migration_of(m);
    struct channel *c = channel_new(uri, fd, error);

    if (!c || !may_start(m, uri, error)) {
        channel_free(c);
        return false;
    }
    g->mapped = migration_capability_named(m, "mapped-ram");
    migration_begin(g, false, c);
    g->thread = g_thread_try_new("migration", run, g, error);
    if (!g->thread) {
        migration_end(g, MIGRATION_FAILED);
        return false;
    }
    return true;
}
