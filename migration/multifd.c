/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/multifd.c: see multifd.h, also for the thread. */
#include "migration/multifd.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "migration/ram.h"
#include "migration/ram_pack.h"
#include "util/error.h"

#define COOKIE 16u

/* Out ------------------------------------------------------------------------------------------- */

static bool make_cookie(uint8_t cookie[COOKIE], GError **error)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read(fd, cookie, COOKIE) == COOKIE;

    if (!ok) {
        set_errno_error(error, "cannot read /dev/urandom");
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool multifd_open(struct channel *c, unsigned n, GPtrArray *channels, GError **error)
{
    struct {
        uint32_t n;
        uint8_t cookie[COOKIE];
    } hello = { .n = GUINT32_TO_LE(n) };

    if (!make_cookie(hello.cookie, error) ||
        !stream_put(&c->out, "multifd", 0, 1, &hello, sizeof(hello), error) ||
        !channel_flush(c, error)) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        struct channel *lane = channel_open_beside(c, error);

        if (!lane) {
            return false;
        }
        g_ptr_array_add(channels, lane);
        if (!stream_begin(&lane->out, error) ||
            !stream_put(&lane->out, "channel", i, 1, hello.cookie, COOKIE, error) ||
            !channel_flush(lane, error)) {
            return false;
        }
    }
    return true;
}

/* In -------------------------------------------------------------------------------------------- */

struct lane {
    struct multifd_in *all;
    unsigned index;
    struct channel *c;
    GThread *thread;
};

struct multifd_in {
    struct channel *main;
    const GPtrArray *blocks;
    uint8_t cookie[COOKIE];
    unsigned n;
    struct lane *lanes;
    pthread_mutex_t mutex; /* of `error` */
    GError *error;         /* the first one */
};

static bool take(struct multifd_in *all, struct section *s, GError **error)
{
    if (!ram_unpack(s, error)) {
        return false;
    }
    if (strcmp(s->name, "ram") != 0) {
        g_autofree char *title = section_title(s);

        set_error(error, "%s: only pages and the end may come over this channel", title);
        return false;
    }
    return ram_load(all->blocks, s, true, error);
}

static bool receive(struct lane *lane, GError **error)
{
    struct section s = { 0 };
    bool ok;

    while ((ok = stream_get(&lane->c->in, &s, error)) && !section_is_end(&s)) {
        ok = take(lane->all, &s, error);
        if (!ok) {
            break;
        }
    }
    section_clear(&s);
    return ok;
}

static gpointer run(gpointer opaque)
{
    struct lane *lane = opaque;
    struct multifd_in *all = lane->all;
    GError *error = NULL;

    if (!receive(lane, &error)) {
        g_prefix_error(&error, "channel %u: ", lane->index);
        pthread_mutex_lock(&all->mutex);
        if (!all->error) {
            all->error = g_steal_pointer(&error);
        }
        pthread_mutex_unlock(&all->mutex);
        g_clear_error(&error);
        channel_end_reads(all->main);
    }
    return NULL;
}

/* Who connected is the other side, and says which channel this is. */
static bool greet(struct multifd_in *all, struct lane *lane, GError **error)
{
    struct section s = { 0 };
    bool ok = stream_check_begin(&lane->c->in, error) && stream_get(&lane->c->in, &s, error);

    if (ok && (strcmp(s.name, "channel") != 0 || s.version != 1 || s.instance != lane->index ||
               s.data->len != COOKIE || memcmp(s.data->data, all->cookie, COOKIE) != 0)) {
        set_error(error, "channel %u: somebody else has connected", lane->index);
        ok = false;
    }
    section_clear(&s);
    return ok;
}

static bool accept_all(struct multifd_in *all, GError **error)
{
    for (unsigned i = 0; i < all->n; i++) {
        struct lane *lane = &all->lanes[i];

        *lane = (struct lane){ .all = all, .index = i };
        lane->c = channel_accept_beside(all->main, error);
        if (!lane->c || !greet(all, lane, error)) {
            return false;
        }
        lane->thread = g_thread_try_new("multifd", run, lane, error);
        if (!lane->thread) {
            return false;
        }
    }
    return true;
}

static bool begin(struct channel *c, const GPtrArray *blocks, const struct section *s,
                  GError **error)
{
    struct multifd_in *all;
    uint32_t n = 0;

    if (s->data->len == 4 + COOKIE) {
        memcpy(&n, s->data->data, 4);
        n = GUINT32_FROM_LE(n);
    }
    if (s->version != 1 || n == 0 || n > MULTIFD_MAX) {
        set_error(error,
                  "section 'multifd' 0: version %u, %u bytes, %u channels, must be 1, %u, 1 to %u",
                  s->version, s->data->len, n, 4 + COOKIE, MULTIFD_MAX);
        return false;
    }
    if (c->lanes || !c->more || c->listener < 0) {
        set_error(error, "section 'multifd' 0: %s",
                  c->lanes   ? "it comes twice"
                  : !c->more ? "capability 'multifd' is not on here"
                             : "only tcp: and unix: have more channels");
        return false;
    }
    all = c->lanes = g_new0(struct multifd_in, 1);
    all->main = c;
    all->blocks = blocks;
    all->n = n;
    all->lanes = g_new0(struct lane, n);
    memcpy(all->cookie, s->data->data + 4, COOKIE);
    pthread_mutex_init(&all->mutex, NULL);
    return accept_all(all, error);
}

static void join_all(struct multifd_in *all)
{
    for (unsigned i = 0; i < all->n; i++) {
        if (all->lanes[i].thread) {
            g_thread_join(all->lanes[i].thread);
            all->lanes[i].thread = NULL;
        }
    }
}

bool multifd_join(struct stream_in *in, const GPtrArray *blocks, const struct section *section,
                  GError **error)
{
    struct channel *c = (struct channel *)((char *)in - offsetof(struct channel, in));

    if (section) {
        return begin(c, blocks, section, error);
    }
    if (c->lanes) {
        join_all(c->lanes);
        if (c->lanes->error) {
            g_propagate_error(error, g_steal_pointer(&c->lanes->error));
            return false;
        }
    }
    return true;
}

void multifd_stop(struct channel *c, GError **error)
{
    struct multifd_in *all = c->lanes;

    if (!all) {
        return;
    }
    pthread_mutex_lock(&all->mutex);
    if (all->error) {
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&all->error));
    }
    pthread_mutex_unlock(&all->mutex);
    for (unsigned i = 0; i < all->n; i++) {
        if (all->lanes[i].thread) {
            channel_shut(all->lanes[i].c);
        }
    }
    join_all(all);
    for (unsigned i = 0; i < all->n; i++) {
        channel_free(all->lanes[i].c);
    }
    g_clear_error(&all->error);
    pthread_mutex_destroy(&all->mutex);
    g_free(all->lanes);
    g_free(all);
    c->lanes = NULL;
}
