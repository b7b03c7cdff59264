/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/dial.c: connections that come about by themselves; see dial.h.
 *
 * A name is looked up in a thread (lookup.h); before the guest runs there is nobody who would wait, and it is done at
 * once.
 * Thread: under the machine lock.
 */
#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "softmmu/dial.h"
#include "softmmu/lookup.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define REFUSAL_MS 1000

struct dial {
    struct machine *machine;
    struct socket_address to; /* its texts are the dial's */
    dial_done_fn *done;
    void *opaque;
    struct lookup *lookup;
    struct addrinfo *list;
    const struct addrinfo *next; /* candidate */
    GSource *watch;
    int fd, last_errno;
};

/* Connections ----------------------------------------------------------------------------------- */

static void drop_watch(struct dial *d)
{
    if (d->watch) {
        g_source_destroy(d->watch);
        g_source_unref(d->watch);
        d->watch = NULL;
    }
}

static void watch(struct dial *d, int fd, GIOCondition condition, GUnixFDSourceFunc fn)
{
    drop_watch(d);
    d->watch = g_unix_fd_source_new(fd, condition);
    g_source_set_callback(d->watch, G_SOURCE_FUNC(fn), d, NULL);
    g_source_attach(d->watch, d->machine->context);
}

static gboolean connected(gint fd, GIOCondition condition, gpointer opaque);

static int socket_error(int fd)
{
    int why = 0;
    socklen_t len = sizeof(why);

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len);
    return why;
}

/* Before the guest runs, a refusal is waited for, so that it ends the start. False with errno. */
static bool begin_connect(struct dial *d, int fd, const struct sockaddr *sa, socklen_t len)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
        return false;
    }
    if (machine_is_starting(d->machine) && poll(&p, 1, REFUSAL_MS) > 0) {
        errno = socket_error(fd);
        return errno == 0;
    }
    return true;
}

/* One candidate; false: not this one. */
static bool try_address(struct dial *d, const struct sockaddr *sa, socklen_t len)
{
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    if (fd < 0 || !begin_connect(d, fd, sa, len)) {
        d->last_errno = errno;
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (d->to.keep_alive) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    d->fd = fd;
    watch(d, fd, G_IO_OUT, connected);
    return true;
}

static bool try_next(struct dial *d)
{
    while (d->next) {
        const struct addrinfo *a = d->next;

        d->next = a->ai_next;
        if (try_address(d, a->ai_addr, a->ai_addrlen)) {
            return true;
        }
    }
    return false;
}

static void set_why(const struct dial *d, GError **error)
{
    errno = d->last_errno;
    if (d->to.kind == SOCKET_ADDRESS_UNIX) {
        set_errno_error(error, "Failed to connect to '%s'", d->to.path);
    } else {
        set_errno_error(error, "Failed to connect to '%s:%s'", d->to.host, d->to.port);
    }
}

/* why: of names; NULL: d->fd, or d->last_errno */
static void finish(struct dial *d, const GError *why)
{
    g_autoptr(GError) error = NULL;
    dial_done_fn *done = d->done;
    void *opaque = d->opaque;
    int fd = d->fd;

    d->fd = -1;
    if (fd < 0 && !why) {
        set_why(d, &error);
    }
    dial_cancel(d);
    done(opaque, fd, why ? why : error);
}

static gboolean connected(gint fd, GIOCondition condition, gpointer opaque)
{
    struct dial *d = opaque;
    int why = socket_error(fd);

    (void)condition;
    if (why) {
        d->last_errno = why;
        close(d->fd);
        d->fd = -1;
        if (try_next(d)) {
            return G_SOURCE_REMOVE;
        }
    }
    finish(d, NULL);
    return G_SOURCE_REMOVE;
}

static void looked_up(void *opaque, struct addrinfo *list, const GError *why)
{
    struct dial *d = opaque;

    d->lookup = NULL;
    d->list = list;
    d->next = list;
    if (!try_next(d)) {
        finish(d, why);
    }
}

/* Numbers, and all names before the guest runs: now. */
static bool start_inet(struct dial *d, GError **error)
{
    if (lookup_waits(d->machine, &d->to)) {
        d->lookup = lookup_start(d->machine, &d->to, SOCK_STREAM, looked_up, d);
        return true;
    }
    d->list = socket_look_up(&d->to, SOCK_STREAM, false, error);
    d->next = d->list;
    if (!d->list) {
        return false;
    }
    if (!try_next(d)) {
        set_why(d, error);
        return false;
    }
    return true;
}

struct dial *dial_start(struct machine *m, const struct socket_address *to, dial_done_fn *done,
                        void *opaque, GError **error)
{
    struct dial *d = g_new0(struct dial, 1);
    struct sockaddr_storage sa;
    socklen_t len;
    bool ok;

    *d = (struct dial){ .machine = m, .done = done, .opaque = opaque, .fd = -1 };
    socket_address_copy(&d->to, to);
    if (to->kind == SOCKET_ADDRESS_UNIX) {
        ok = socket_address_resolve(to, SOCK_STREAM, false, &sa, &len, NULL) &&
             try_address(d, (struct sockaddr *)&sa, len);
        if (!ok) {
            set_why(d, error);
        }
    } else {
        ok = start_inet(d, error);
    }
    if (!ok) {
        dial_cancel(d);
        return NULL;
    }
    return d;
}

void dial_cancel(struct dial *d)
{
    if (!d) {
        return;
    }
    drop_watch(d);
    lookup_cancel(d->lookup);
    if (d->fd >= 0) {
        close(d->fd);
    }
    if (d->list) {
        freeaddrinfo(d->list);
    }
    socket_address_clear(&d->to);
    g_free(d);
}
