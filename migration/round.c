/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/round.c: see round.h, also for the thread. */
#include "migration/round.h"
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "migration/multifd.h"
#include "util/error.h"

#define STRETCH_MS   500
#define MAX_SLEEP_MS 50
/* A channel that broke: the other side may say why for so long. */
#define REASON_MS 500

struct lane_out {
    struct migration *g;
    struct channel *c;
    unsigned index;
    struct ram_progress pages, told; /* all rounds; what query-migrate has */
    uint64_t told_bytes;
    bool limited;
    int done; /* an eventfd: it is through; -1: it runs on the migration's thread */
    GThread *thread;
    GError *error;
};

static uint64_t now_us(void)
{
    return (uint64_t)g_get_monotonic_time();
}

static struct lane_out *lane_at(struct migration *g, unsigned i)
{
    return g_ptr_array_index(g->lanes, i);
}

/* The rate ------------------------------------------------------------------------------------- */

struct rate {
    uint64_t start, bytes; /* when this stretch began, and what was sent by then */
};

/* Waits while more was sent than the channel's share of the bandwidth allows for; it may be set meanwhile. */
static void keep_to_limit(struct lane_out *lane, struct rate *r)
{
    const uint64_t *parameter = &lane->g->parameters[MIGRATION_MAX_BANDWIDTH];

    while (!channel_is_cancelled(lane->c)) {
        double limit = (double)__atomic_load_n(parameter, __ATOMIC_RELAXED) / lane->g->lanes->len;
        uint64_t now = now_us(), sent = lane->c->out.bytes - r->bytes;
        double ahead_ms =
            limit > 0 ? (double)sent * 1000 / limit - (double)(now - r->start) / 1000 : 0;

        if (ahead_ms < 1) {
            break;
        }
        channel_sleep(lane->c, (unsigned)MIN(ahead_ms, MAX_SLEEP_MS));
    }
    if (now_us() - r->start > STRETCH_MS * 1000) { /* what was not used before is not owed */
        *r = (struct rate){ now_us(), lane->c->out.bytes };
    }
}

/* The other side -------------------------------------------------------------------------------- */

bool round_hear(struct channel *c, const char *wanted, GError **error)
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
static bool may_go_on(struct lane_out *lane, GError **error)
{
    struct channel *c = lane->c;

    if (channel_is_cancelled(c)) {
        set_error(error, "%s: it was cancelled", c->uri);
        return false;
    }
    /* With channels beside it the migration's own is the one where it says so. */
    return lane->done >= 0 || !c->two_way || !channel_has_input(c) || round_hear(c, NULL, error);
}

/* One channel ----------------------------------------------------------------------------------- */

static void tell_progress(struct lane_out *lane)
{
    struct migration *g = lane->g;
    uint64_t bytes = lane->c->out.bytes - lane->told_bytes;

    pthread_mutex_lock(&g->mutex);
    g->progress.transferred += bytes;
    *(lane->limited ? &g->progress.precopy_bytes : &g->progress.downtime_bytes) += bytes;
    g->progress.multifd_bytes += lane->done >= 0 ? bytes : 0;
    g->progress.remaining = __atomic_load_n(&g->dirty.dirty, __ATOMIC_RELAXED) * GUEST_PAGE_SIZE;
    g->progress.total = g->dirty.total * GUEST_PAGE_SIZE;
    g->progress.duplicate += lane->pages.zero_pages - lane->told.zero_pages;
    g->progress.normal += lane->pages.normal_pages - lane->told.normal_pages;
    pthread_mutex_unlock(&g->mutex);
    lane->told_bytes = lane->c->out.bytes;
    lane->told = lane->pages;
}

/* Of each block every n-th step, of n channels. */
static bool send_share(struct lane_out *lane, GError **error)
{
    struct dirty *d = &lane->g->dirty;
    unsigned n = lane->g->lanes->len;
    struct rate rate = { now_us(), lane->c->out.bytes };

    for (unsigned b = 0; b < d->blocks->len; b++) {
        const struct ram_block *block = g_ptr_array_index(d->blocks, b);
        uint64_t pages = block->size >> GUEST_PAGE_BITS;

        for (uint64_t at = lane->index * (uint64_t)DIRTY_STEP; at < pages;
             at += (n - 1) * (uint64_t)DIRTY_STEP) {
            if (!dirty_send(d, b, &at, &lane->c->out, &lane->pages, error)) {
                return false;
            }
            tell_progress(lane);
            if (lane->limited) {
                keep_to_limit(lane, &rate);
            }
            if (!may_go_on(lane, error)) {
                return false;
            }
        }
    }
    return channel_flush(lane->c, error);
}

/* Several --------------------------------------------------------------------------------------- */

static gpointer run(gpointer opaque)
{
    struct lane_out *lane = opaque;

    send_share(lane, &lane->error);
    eventfd_write(lane->done, 1);
    return NULL;
}

static void shut_all(struct migration *g)
{
    for (unsigned i = 0; i < g->lanes->len; i++) {
        channel_shut(lane_at(g, i)->c);
    }
}

/* Until so many threads are through.  False and *error: the other side said why it gave up meanwhile. */
static bool wait_for_all(struct migration *g, unsigned n, GError **error)
{
    bool ok = true;

    for (unsigned through = 0; through < n;) {
        struct pollfd p[] = { { .fd = lane_at(g, 0)->done, .events = POLLIN },
                              { .fd = ok ? g->channel->fd : -1, .events = POLLIN } };
        eventfd_t more = 0;

        if (poll(p, G_N_ELEMENTS(p), -1) <= 0) {
            continue;
        }
        if (p[0].revents && eventfd_read(lane_at(g, 0)->done, &more) == 0) {
            through += (unsigned)more;
        }
        if (p[1].revents) {
            ok = round_hear(g->channel, NULL, error);
            shut_all(g);
        }
    }
    return ok;
}

/* The first channel's error, or rather what the other side has to say of it. */
static bool gather(struct migration *g, bool ok, GError **error)
{
    struct pollfd p = { .fd = g->channel->fd, .events = POLLIN };

    for (unsigned i = 0; i < g->lanes->len; i++) {
        struct lane_out *lane = lane_at(g, i);

        if (lane->error && ok) {
            ok = false;
            if (channel_is_cancelled(g->channel) || poll(&p, 1, REASON_MS) <= 0) {
                g_propagate_prefixed_error(error, g_steal_pointer(&lane->error), "channel %u: ", i);
            } else {
                (void)round_hear(g->channel, NULL, error);
            }
        }
        g_clear_error(&lane->error);
    }
    return ok;
}

static bool send_over_all(struct migration *g, GError **error)
{
    unsigned begun = 0;
    bool ok = true;

    for (; ok && begun < g->lanes->len; begun += ok) {
        struct lane_out *lane = lane_at(g, begun);

        lane->thread = g_thread_try_new("multifd", run, lane, error);
        ok = lane->thread != NULL;
    }
    if (!ok) {
        shut_all(g);
    }
    ok = wait_for_all(g, begun, ok ? error : NULL) && ok;
    for (unsigned i = 0; i < begun; i++) {
        g_thread_join(lane_at(g, i)->thread);
        lane_at(g, i)->thread = NULL;
    }
    return gather(g, ok, error);
}

/* A round --------------------------------------------------------------------------------------- */

static uint64_t sent_bytes(struct migration *g)
{
    uint64_t bytes = 0, pages = 0;

    for (unsigned i = 0; i < g->lanes->len; i++) {
        bytes += lane_at(g, i)->c->out.bytes;
        pages += lane_at(g, i)->pages.normal_pages;
    }
    return MAX(bytes, pages * GUEST_PAGE_SIZE); /* compressed ones count as what they were */
}

bool round_send(struct migration *g, double *speed, GError **error)
{
    uint64_t start = now_us(), pages = g->dirty.dirty, bytes = sent_bytes(g), us;
    bool alone = lane_at(g, 0)->done < 0;

    for (unsigned i = 0; i < g->lanes->len; i++) {
        lane_at(g, i)->limited = speed != NULL;
    }
    if (!(alone ? send_share(lane_at(g, 0), error) : send_over_all(g, error))) {
        return false;
    }
    us = MAX(now_us() - start, 1);
    bytes = sent_bytes(g) - bytes;
    if (speed) {
        *speed = (double)bytes * 1e6 / (double)us;
    }
    pthread_mutex_lock(&g->mutex);
    g->progress.mbps = (double)bytes * 8 / (double)us;
    g->progress.pages_per_second = pages * 1000000 / us;
    pthread_mutex_unlock(&g->mutex);
    return true;
}

/* Channels -------------------------------------------------------------------------------------- */

static void lane_free(gpointer p)
{
    struct lane_out *lane = p;

    if (lane->c != lane->g->channel) {
        channel_free(lane->c);
    }
    if (lane->index == 0 && lane->done >= 0) {
        close(lane->done);
    }
    g_free(lane);
}

static void add_lane(struct migration *g, struct channel *c, int done)
{
    struct lane_out *lane = g_new0(struct lane_out, 1);

    lane->g = g;
    lane->c = c;
    lane->index = g->lanes->len;
    lane->done = done;
    lane->c->out.packing = done < 0 ? STREAM_PLAIN : g->packing;
    lane->c->out.level = g->packing_level;
    g_ptr_array_add(g->lanes, lane);
}

bool round_open(struct migration *g, GError **error)
{
    g_autoptr(GPtrArray) channels = g_ptr_array_new();
    bool ok = true;
    int done;

    g->lanes = g_ptr_array_new_with_free_func(lane_free);
    if (!g->multifd) {
        add_lane(g, g->channel, -1);
        return true;
    }
    done = eventfd(0, EFD_CLOEXEC);
    if (done < 0) {
        set_errno_error(error, "cannot create an eventfd");
        return false;
    }
    ok = multifd_open(g->channel, g->multifd, channels, error);
    if (channels->len == 0) {
        close(done);
    }
    for (unsigned i = 0; i < channels->len; i++) {
        add_lane(g, g_ptr_array_index(channels, i), done);
    }
    return ok;
}

bool round_end(struct migration *g, GError **error)
{
    for (unsigned i = 0; i < g->lanes->len; i++) {
        struct lane_out *lane = lane_at(g, i);

        if (lane->done >= 0 &&
            (!stream_end(&lane->c->out, error) || !channel_flush(lane->c, error))) {
            g_prefix_error(error, "channel %u: ", i);
            return false;
        }
    }
    return true;
}

void round_close(struct migration *g)
{
    g_clear_pointer(&g->lanes, g_ptr_array_unref);
}
