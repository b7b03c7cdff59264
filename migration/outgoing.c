/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migration/outgoing.c: the machine goes away.
 *
 * Invariant: from the step `stop_guest` to the end the guest stands still, from `switch_over` on the iothreads too, and
 *            the disks are another machine's; `ended` takes all of that back unless the migration was completed.
 * Thread:    `run` on its own; functions that take `opaque` on the main loop, machine lock held.
 */
#include <string.h>
#include <unistd.h>
#include "block/block.h"
#include "migration/multifd.h"
#include "migration/ram_pack.h"
#include "migration/round.h"
#include "util/error.h"
#include "util/log.h"

/* Another machine that could not load may hold the disks' locks for so long after it said so. */
#define TAKE_BACK_MS 3000

static uint64_t now_us(void)
{
    return (uint64_t)g_get_monotonic_time();
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

/* The guest writes nearly as fast as its memory is sent: it gets less of the time, and less each time. */
static void slow_down(struct migration *g, double sent, unsigned *in_a_row)
{
    struct machine *m = g->machine;
    double dirty = (double)g->dirty.dirty * GUEST_PAGE_SIZE, allowed, runs;
    unsigned now, by;

    machine_lock(m);
    allowed = sent * (double)migration_parameter(m, MIGRATION_THROTTLE_TRIGGER) / 100;
    if (dirty > allowed && ++*in_a_row >= 2) {
        *in_a_row = 0;
        now = g->throttle.percent;
        by = (unsigned)migration_parameter(m, now ? MIGRATION_THROTTLE_INCREMENT
                                                  : MIGRATION_THROTTLE_INITIAL);
        if (now && migration_parameter(m, MIGRATION_THROTTLE_TAILSLOW)) {
            runs = 100 - now;
            by = MIN(by, (unsigned)(runs - runs * allowed / dirty) + 1);
        }
        throttle_set_percent(
            &g->throttle, MIN(now + by, (unsigned)migration_parameter(m, MIGRATION_THROTTLE_MAX)));
    }
    machine_unlock(m);
}

/* Until the rest fits into the time that the guest may stand still. */
static bool send_while_it_runs(struct migration *g, GError **error)
{
    bool converges = migration_capability_named(g->machine, "auto-converge");
    unsigned in_a_row = 0;

    for (;;) {
        uint64_t start = now_us(), limit_ms;
        double speed, rest_ms, sent;

        if (!round_send(g, &speed, error)) {
            return false;
        }
        sent = speed * (double)(now_us() - start) / 1e6;
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
        if (converges) {
            slow_down(g, sent, &in_a_row);
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

static void stop_guest(void *opaque)
{
    struct migration *g = opaque;
    struct machine *m = g->machine;

    if (g->status != MIGRATION_ACTIVE) {
        set_error(&g->why, "it was cancelled");
        migration_step_done(g, false);
        return;
    }
    g->stopped = g_get_monotonic_time();
    g->was = m->run_state;
    machine_set_run_state(m, RUN_STATE_FINISH_MIGRATE);
    migration_set_status(g, migration_capability_named(m, "pause-before-switchover")
                                ? MIGRATION_PRE_SWITCHOVER
                                : MIGRATION_DEVICE);
    migration_step_done(g, true);
}

/* The thread: until migrate-continue, if that is wanted.  False and *error: it was cancelled. */
static bool wait_for_continue(struct migration *g, GError **error)
{
    struct machine *m = g->machine;
    bool ok;

    machine_lock(m);
    while (g->status == MIGRATION_PRE_SWITCHOVER && !g->quit && !channel_is_cancelled(g->channel)) {
        machine_wait(m, &g->step);
    }
    ok = g->status == MIGRATION_DEVICE;
    machine_unlock(m);
    if (!ok) {
        set_error(error, "it was cancelled");
    }
    return ok;
}

/* What is left is its last RAM and the state of its devices. */
static void switch_over(void *opaque)
{
    struct migration *g = opaque;
    struct machine *m = g->machine;
    struct memory_out out = { { .write = memory_write }, g_byte_array_new() };
    bool ok;

    g->devices = out.bytes;
    if (g->status != MIGRATION_DEVICE) {
        set_error(&g->why, "it was cancelled");
        migration_step_done(g, false);
        return;
    }
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
    return channel_flush(c, error) && round_hear(c, "ready", error) && migration_step(g, commit) &&
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

    return channel_open_out(c, error) && migration_step(g, set_up) && send_list(g, error) &&
           round_open(g, error) && send_while_it_runs(g, error) && migration_step(g, stop_guest) &&
           wait_for_continue(g, error) && migration_step(g, switch_over) &&
           round_send(g, NULL, error) && round_end(g, error) &&
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

static bool may_use_channels(struct machine *m, const char *uri, GError **error)
{
    enum stream_packing packing =
        (enum stream_packing)migration_parameter(m, MIGRATION_MULTIFD_COMPRESSION);

    if (!migration_capability_named(m, "multifd")) {
        return true;
    }
    if (!g_str_has_prefix(uri, "tcp:") && !g_str_has_prefix(uri, "unix:")) {
        set_error(error, "migrate %s: capability 'multifd' needs tcp:HOST:PORT or unix:PATH", uri);
        return false;
    }
    if (!ram_packing_is_there(packing, error)) {
        g_prefix_error(error, "multifd-compression: ");
        return false;
    }
    return true;
}

static void choose_channels(struct migration *g)
{
    struct machine *m = g->machine;

    g->mapped = migration_capability_named(m, "mapped-ram");
    g->multifd = migration_capability_named(m, "multifd")
                     ? (unsigned)migration_parameter(m, MIGRATION_MULTIFD_CHANNELS)
                     : 0;
    g->packing = (enum stream_packing)migration_parameter(m, MIGRATION_MULTIFD_COMPRESSION);
    g->packing_level = (int)migration_parameter(
        m, g->packing == STREAM_ZSTD ? MIGRATION_MULTIFD_ZSTD_LEVEL : MIGRATION_MULTIFD_ZLIB_LEVEL);
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
    if (m->ram_pinned) {
        set_error(error, "There is a dump in process, please wait.");
        return false;
    }
    if (m->run_state == RUN_STATE_POSTMIGRATE) {
        set_error(error, "Can't migrate the vm that was paused due to previous migration");
        return false;
    }
    /* Jobs may end in the pause. */
    if (!channel_check_uri(uri, error) || !block_formats_can_inactivate(m, error) ||
        (!migration_capability_named(m, "pause-before-switchover") &&
         !block_can_inactivate(m, error))) {
        return false;
    }
    if (migration_capability_named(m, "mapped-ram") && !g_str_has_prefix(uri, "file:")) {
        set_error(error, "migrate %s: capability 'mapped-ram' needs file:PATH", uri);
        return false;
    }
    return may_use_channels(m, uri, error);
}

bool migration_start(struct machine *m, const char *uri, int fd, GError **error)
{
    struct migration *g = migration_of(m);
    struct channel *c = channel_new(uri, fd, error);

    if (!c || !may_start(m, uri, error)) {
        channel_free(c);
        return false;
    }
    choose_channels(g);
    migration_begin(g, false, c);
    g->thread = g_thread_try_new("migration", run, g, error);
    if (!g->thread) {
        migration_end(g, MIGRATION_FAILED);
        return false;
    }
    return true;
}
