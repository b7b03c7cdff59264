/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user_poll.c: libslirp's sockets as one source of the main loop: an epoll set that is told of changes
 * only, so that a turn of the loop costs no system call for sockets that wait for the same as before.
 *
 * While the guest's card is full, sockets are not read: the senders are held back by TCP.
 * Thread: the main loop, machine lock held; forget and wake by any thread that holds it.
 */
#include "config.h"
#if CONFIG_SLIRP
#include <errno.h>
#include <libslirp.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "net/user.h"
#include "softmmu/machine.h"
#include "util/log.h"

#define EVENTS 64

/* By the number of the socket. */
struct polled {
    uint32_t wanted, known; /* EPOLL*: of this turn, and what the set has */
    uint32_t ready;
};

struct user_poll {
    GSource source;
    struct net_user *user;
    int epoll;
    gpointer tag;
    GArray *sockets;  /* struct polled */
    int64_t deadline; /* us of g_get_monotonic_time; -1: none */
    bool woken;       /* since the last turn */
};

static const struct {
    int slirp;
    uint32_t epoll;
} event_map[] = {
    { SLIRP_POLL_IN, EPOLLIN },   { SLIRP_POLL_OUT, EPOLLOUT }, { SLIRP_POLL_PRI, EPOLLPRI },
    { SLIRP_POLL_ERR, EPOLLERR }, { SLIRP_POLL_HUP, EPOLLHUP },
};

static struct polled *socket_at(struct user_poll *p, int fd)
{
    if ((unsigned)fd >= p->sockets->len) {
        g_array_set_size(p->sockets, (unsigned)fd + 1); /* cleared */
    }
    return &g_array_index(p->sockets, struct polled, fd);
}

/* Called by slirp_pollfds_fill; the index that it wants is the number of the socket. */
static int add_poll(int fd, int events, void *opaque)
{
    struct user_poll *p = opaque;

    if (!net_can_send(&p->user->client)) {
        events &= ~SLIRP_POLL_IN;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(event_map); i++) {
        socket_at(p, fd)->wanted |= events & event_map[i].slirp ? event_map[i].epoll : 0;
    }
    return fd;
}

static int get_revents(int fd, void *opaque)
{
    struct user_poll *p = opaque;
    uint32_t ready = fd >= 0 ? socket_at(p, fd)->ready : 0;
    int events = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(event_map); i++) {
        events |= ready & event_map[i].epoll ? event_map[i].slirp : 0;
    }
    return events;
}

/* A socket that nobody waits for leaves the set: its errors would wake the loop without end. */
static void update(struct user_poll *p, int fd, struct polled *s)
{
    struct epoll_event e = { .events = s->wanted, .data.fd = fd };

    if (s->wanted == 0) {
        epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
    } else if (epoll_ctl(p->epoll, s->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0 &&
               epoll_ctl(p->epoll, s->known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e) < 0) {
        log_line(LOG_GUEST_ERRORS, "net: user: socket %d cannot be waited for: %s", fd,
                 g_strerror(errno));
    }
    s->known = s->wanted;
}

static gboolean poll_prepare(GSource *source, gint *timeout)
{
    struct user_poll *p = (struct user_poll *)source;
    uint32_t wait = UINT32_MAX;

    p->woken = false;
    for (unsigned fd = 0; fd < p->sockets->len; fd++) {
        g_array_index(p->sockets, struct polled, fd).wanted = 0;
    }
    slirp_pollfds_fill(p->user->slirp, &wait, add_poll, p);
    for (unsigned fd = 0; fd < p->sockets->len; fd++) {
        struct polled *s = &g_array_index(p->sockets, struct polled, fd);

        s->ready = 0;
        if (s->wanted != s->known) {
            update(p, (int)fd, s);
        }
    }
    *timeout = wait == UINT32_MAX ? -1 : (gint)MIN(wait, G_MAXINT);
    p->deadline = *timeout < 0 ? -1 : g_get_monotonic_time() + (int64_t)*timeout * 1000;
    return FALSE;
}

static gboolean poll_check(GSource *source)
{
    struct user_poll *p = (struct user_poll *)source;

    return g_source_query_unix_fd(source, p->tag) != 0 ||
           (p->deadline >= 0 && g_get_monotonic_time() >= p->deadline);
}

static gboolean poll_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct user_poll *p = (struct user_poll *)source;
    struct epoll_event events[EVENTS];
    int n = epoll_wait(p->epoll, events, EVENTS, 0);

    (void)callback;
    (void)data;
    for (int i = 0; i < n; i++) {
        socket_at(p, events[i].data.fd)->ready = events[i].events;
    }
    slirp_pollfds_poll(p->user->slirp, 0, get_revents, p);
    return G_SOURCE_CONTINUE;
}

static void forget(struct user_poll *p, int fd)
{
    struct polled *s = socket_at(p, fd);

    if (s->known) {
        epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL); /* or it is closed, and gone by itself */
    }
    *s = (struct polled){ 0 };
}

void user_poll_forget(struct user_poll *p, int fd)
{
    if (fd >= 0) {
        forget(p, fd);
    }
    for (unsigned i = 0; fd < 0 && i < p->sockets->len; i++) {
        forget(p, (int)i);
    }
}

void user_poll_wake(struct user_poll *p)
{
    GMainContext *context = p->user->client.machine->context;

    if (!p->woken && !g_main_context_is_owner(context)) {
        p->woken = true;
        g_main_context_wakeup(context);
    }
}

struct user_poll *user_poll_new(struct net_user *u)
{
    static GSourceFuncs funcs = { poll_prepare, poll_check, poll_dispatch, NULL, NULL, NULL };
    struct user_poll *p = (struct user_poll *)g_source_new(&funcs, sizeof(*p));

    p->user = u;
    p->sockets = g_array_new(FALSE, TRUE, sizeof(struct polled));
    p->deadline = -1;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0) {
        g_error("cannot create an epoll set: %s", g_strerror(errno));
    }
    p->tag = g_source_add_unix_fd(&p->source, p->epoll, G_IO_IN);
    g_source_set_static_name(&p->source, "rhea user network");
    return p;
}

void user_poll_free(struct user_poll *p)
{
    g_source_destroy(&p->source);
    close(p->epoll);
    g_array_unref(p->sockets);
    g_source_unref(&p->source);
}
#endif
