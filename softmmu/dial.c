/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/dial.c: connections that come about by themselves; see dial.h.
 *
 * A name is looked up in a thread of its own, because that may take a minute; before the guest runs there is
 * nobody who would wait, and it is done at once. The thread shares nothing but its struct lookup, which the
 * last of both frees: a dial that is given up does not wait for it.
 * Thread: under the machine lock, but for the lookup's.
 */
#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>
#include "softmmu/dial.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define REFUSAL_MS 1000

struct lookup { /* of g_atomic_rc_box_new */
    char *host, *port;
    int family;
    struct addrinfo *list;
    int why;  /* EAI_*, 0: list is there */
    int done; /* eventfd */
};

struct dial {
    struct machine *machine;
    struct socket_address to; /* its texts are the dial's */
    dial_done_fn *done;
    void *opaque;
    struct lookup *lookup;
    const struct addrinfo *next; /* candidate */
    GSource *watch;
    int fd, last_errno;
};

/* Names ----------------------------------------------------------------------------------------- */

static void free_lookup(void *opaque)
{
    struct lookup *l = opaque;

    g_free(l->host);
    g_free(l->port);
    if (l->list) {
        freeaddrinfo(l->list);
    }
    close(l->done);
}

static void look_up(struct lookup *l, int flags)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = l->family };

    hints.ai_flags = flags;
    l->why = getaddrinfo(*l->host ? l->host : NULL, l->port, &hints, &l->list);
}

static gpointer lookup_thread(gpointer opaque)
{
    struct lookup *l = opaque;
    uint64_t one = 1;

    look_up(l, 0);
    while (write(l->done, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    g_atomic_rc_box_release_full(l, free_lookup);
    return NULL;
}

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
    } else if (d->lookup->why) {
        set_error(error, "address resolution failed for %s:%s: %s", d->to.host, d->to.port,
                  gai_strerror(d->lookup->why));
    } else {
        set_errno_error(error, "Failed to connect to '%s:%s'", d->to.host, d->to.port);
    }
}

static void finish(struct dial *d)
{
    g_autoptr(GError) error = NULL;
    dial_done_fn *done = d->done;
    void *opaque = d->opaque;
    int fd = d->fd;

    d->fd = -1;
    if (fd < 0) {
        set_why(d, &error);
    }
    dial_cancel(d);
    done(opaque, fd, error);
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
    finish(d);
    return G_SOURCE_REMOVE;
}

static gboolean looked_up(gint fd, GIOCondition condition, gpointer opaque)
{
    struct dial *d = opaque;
    uint64_t n;

    (void)condition;
    if (read(fd, &n, sizeof(n)) < 0) {
        return G_SOURCE_CONTINUE;
    }
    d->next = d->lookup->list;
    if (!try_next(d)) {
        finish(d);
    }
    return G_SOURCE_REMOVE;
}

/* Numbers, and all names before the guest runs: now. False with last_errno or lookup->why. */
static bool start_inet(struct dial *d)
{
    struct lookup *l = g_atomic_rc_box_new0(struct lookup);

    d->lookup = l;
    l->host = g_strdup(d->to.host);
    l->port = g_strdup(d->to.port);
    l->family = d->to.family;
    l->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    look_up(l, AI_NUMERICHOST);
    if (l->why == EAI_NONAME && !d->to.numeric) {
        if (!machine_is_starting(d->machine)) {
            g_thread_unref(g_thread_new("lookup", lookup_thread, g_atomic_rc_box_acquire(l)));
            watch(d, l->done, G_IO_IN, looked_up);
            return true;
        }
        look_up(l, 0);
    }
    d->next = l->list;
    return try_next(d);
}

struct dial *dial_start(struct machine *m, const struct socket_address *to, dial_done_fn *done,
                        void *opaque, GError **error)
{
    struct dial *d = g_new0(struct dial, 1);
    struct sockaddr_storage sa;
    socklen_t len;
    bool ok;

    *d = (struct dial){ .machine = m, .to = *to, .done = done, .opaque = opaque, .fd = -1 };
    d->to.host = g_strdup(to->host);
    d->to.port = g_strdup(to->port);
    d->to.path = g_strdup(to->path);
    if (to->kind == SOCKET_ADDRESS_UNIX) {
        ok = socket_address_resolve(to, SOCK_STREAM, false, &sa, &len, NULL) &&
             try_address(d, (struct sockaddr *)&sa, len);
    } else {
        ok = start_inet(d);
    }
    if (!ok) {
        set_why(d, error);
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
    if (d->fd >= 0) {
        close(d->fd);
    }
    if (d->lookup) {
        g_atomic_rc_box_release_full(d->lookup, free_lookup);
    }
    socket_address_clear(&d->to);
    g_free(d);
}
