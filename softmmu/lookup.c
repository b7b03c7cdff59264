/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/lookup.c: names of hosts that nobody waits for; see lookup.h.
 *
 * Invariants: the thread shares nothing but its struct job, which the last of both frees: a look-up that is given up
 *             does not wait for its thread. `done` is written once, when list or why is there.
 * Thread:     under the machine lock, but for the job's.
 */
#include <errno.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "softmmu/lookup.h"
#include "softmmu/machine.h"

struct job { /* of g_atomic_rc_box_new */
    struct socket_address address;
    int type;
    struct addrinfo *list;
    GError *why;
    int done; /* eventfd */
};

struct lookup {
    struct machine *machine;
    struct job *job;
    GSource *watch;
    lookup_done_fn *done;
    lookup_number_fn *numbered; /* NULL: done is told */
    struct socket_address *address;
    void *opaque;
};

static void clear_job(void *opaque)
{
    struct job *j = opaque;

    socket_address_clear(&j->address);
    if (j->list) {
        freeaddrinfo(j->list);
    }
    g_clear_error(&j->why);
    close(j->done);
}

static gpointer job_thread(gpointer opaque)
{
    struct job *j = opaque;
    uint64_t one = 1;

    j->list = socket_look_up(&j->address, j->type, false, &j->why);
    while (write(j->done, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    g_atomic_rc_box_release_full(j, clear_job);
    return NULL;
}

bool lookup_waits(const struct machine *m, const struct socket_address *a)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_family = a->family }, *list = NULL;
    int why;

    if (a->kind != SOCKET_ADDRESS_INET || a->numeric || !a->host || !*a->host ||
        machine_is_starting(m)) {
        return false;
    }
    why = getaddrinfo(a->host, NULL, &hints, &list);
    if (why == 0) {
        freeaddrinfo(list);
    }
    return why == EAI_NONAME;
}

static gboolean job_done(gint fd, GIOCondition condition, gpointer opaque)
{
    struct lookup *l = opaque;
    lookup_done_fn *done = l->done;
    lookup_number_fn *numbered = l->numbered;
    void *to = l->opaque;
    g_autoptr(GError) why = NULL;
    struct addrinfo *list;
    uint64_t n;

    (void)condition;
    if (read(fd, &n, sizeof(n)) < 0) {
        return G_SOURCE_CONTINUE;
    }
    list = g_steal_pointer(&l->job->list);
    why = g_steal_pointer(&l->job->why);
    if (list && numbered) {
        socket_address_set_host(l->address, list->ai_addr, list->ai_addrlen);
        g_clear_pointer(&list, freeaddrinfo);
    }
    lookup_cancel(l);
    if (numbered) {
        numbered(to, why);
    } else {
        done(to, list, why);
    }
    return G_SOURCE_REMOVE;
}

struct lookup *lookup_start(struct machine *m, const struct socket_address *a, int type,
                            lookup_done_fn *done, void *opaque)
{
    struct lookup *l = g_new0(struct lookup, 1);
    struct job *j = g_atomic_rc_box_new0(struct job);

    socket_address_copy(&j->address, a);
    j->type = type;
    j->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *l = (struct lookup){ .machine = m, .job = j, .done = done, .opaque = opaque };
    l->watch = g_unix_fd_source_new(j->done, G_IO_IN);
    g_source_set_callback(l->watch, G_SOURCE_FUNC(job_done), l, NULL);
    g_source_attach(l->watch, m->context);
    g_thread_unref(g_thread_new("lookup", job_thread, g_atomic_rc_box_acquire(j)));
    return l;
}

struct lookup *lookup_number(struct machine *m, struct socket_address *a, int type,
                             lookup_number_fn *done, void *opaque)
{
    struct lookup *l = lookup_start(m, a, type, NULL, opaque);

    l->numbered = done;
    l->address = a;
    return l;
}

void lookup_cancel(struct lookup *l)
{
    if (!l) {
        return;
    }
    g_source_destroy(l->watch);
    g_source_unref(l->watch);
    g_atomic_rc_box_release_full(l->job, clear_job);
    g_free(l);
}
