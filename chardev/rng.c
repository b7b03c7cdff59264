/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/rng.c: see rng.h.  Source of EGD's protocol: the documentation of egd.pl ("QUERY PROTOCOL").
 *
 * Invariants: what an EGD daemon was asked for and has not sent yet is `asked` bytes; it can send no more.
 *             A watch on a file exists only while somebody waits.
 */
#include "chardev/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"
#include "util/random.h"

#define EGD_READ 0x02 /* blocking; a byte with the number follows */
#define EGD_MOST 255u

struct waiter {
    void (*ready)(void *opaque);
    void *opaque;
};

struct rng {
    struct machine *machine;
    char *id;
    enum rng_kind kind;
    unsigned users;
    GArray *waiters; /* struct waiter */
    int fd;          /* RANDOM */
    GSource *watch;
    bool complained;
    struct chardev *chr; /* EGD */
    size_t asked, have;
    uint8_t bytes[EGD_MOST];
};

/* Those who waited may wait again. */
static void wake(struct rng *r)
{
    g_autoptr(GArray) waiters = r->waiters;

    r->waiters = g_array_new(FALSE, FALSE, sizeof(struct waiter));
    for (unsigned i = 0; i < waiters->len; i++) {
        const struct waiter *w = &g_array_index(waiters, struct waiter, i);

        w->ready(w->opaque);
    }
}

/* A file ---------------------------------------------------------------------------------------- */

static gboolean file_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct rng *r = opaque;
    bool entered = !machine_locked(r->machine);

    (void)fd;
    (void)condition;
    if (entered) {
        machine_lock(r->machine);
    }
    backend_remove_watch(&r->watch);
    wake(r);
    if (entered) {
        machine_unlock(r->machine);
    }
    return G_SOURCE_CONTINUE; /* it is removed */
}

static void watch_file(struct rng *r)
{
    if (!r->watch && !r->complained) {
        r->watch = g_unix_fd_source_new(r->fd, G_IO_IN);
        g_source_set_callback(r->watch, G_SOURCE_FUNC(file_ready), r, NULL);
        g_source_attach(r->watch, r->machine->context);
    }
}

static size_t take_from_file(struct rng *r, void *buf, size_t n)
{
    ssize_t got = read(r->fd, buf, n);

    if (got > 0) {
        return (size_t)got;
    }
    if ((got == 0 || (errno != EAGAIN && errno != EINTR)) && !r->complained) {
        report_warning("rng-random '%s': %s: the guest gets no more entropy", r->id,
                       got == 0 ? "the file has ended" : g_strerror(errno));
        r->complained = true;
    }
    return 0;
}

/* An EGD daemon --------------------------------------------------------------------------------- */

static size_t egd_can_receive(void *opaque)
{
    return ((const struct rng *)opaque)->asked;
}

static void egd_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct rng *r = opaque;

    n = MIN(n, MIN(r->asked, sizeof(r->bytes) - r->have));
    memcpy(r->bytes + r->have, buf, n);
    r->have += n;
    r->asked -= n;
    wake(r);
}

/* What was asked for will not come. */
static void egd_event(void *opaque, enum chardev_event event)
{
    struct rng *r = opaque;

    if (event == CHARDEV_CLOSED) {
        r->asked = 0;
    } else if (event == CHARDEV_OPENED && r->waiters->len) {
        wake(r); /* they ask again */
    }
}

static void ask(struct rng *r, size_t n)
{
    size_t room = sizeof(r->bytes) - r->have;
    const uint8_t request[2] = { EGD_READ, (uint8_t)MIN(MAX(n, 1), room) };

    if (!r->asked && room && chardev_is_open(r->chr) &&
        chardev_write(r->chr, request, sizeof(request)) == sizeof(request)) {
        r->asked = request[1];
        chardev_accept_input(r->chr);
    }
}

static size_t take_from_egd(struct rng *r, void *buf, size_t n)
{
    n = MIN(n, r->have);
    memcpy(buf, r->bytes, n);
    memmove(r->bytes, r->bytes + n, r->have - n);
    r->have -= n;
    return n;
}

/* For all --------------------------------------------------------------------------------------- */

size_t rng_take(struct rng *r, void *buf, size_t n)
{
    switch (r->kind) {
    case RNG_BUILTIN:
        return guest_random(buf, n) ? n : 0;
    case RNG_RANDOM:
        return take_from_file(r, buf, n);
    default:
        return take_from_egd(r, buf, n);
    }
}

void rng_wait(struct rng *r, size_t n, void (*ready)(void *opaque), void *opaque)
{
    struct waiter w = { ready, opaque };

    rng_cancel(r, opaque);
    g_array_append_val(r->waiters, w);
    if (r->kind == RNG_RANDOM) {
        watch_file(r);
    } else if (r->kind == RNG_EGD) {
        ask(r, n);
    }
}

void rng_cancel(struct rng *r, const void *opaque)
{
    for (unsigned i = r->waiters->len; i-- > 0;) {
        if (g_array_index(r->waiters, struct waiter, i).opaque == opaque) {
            g_array_remove_index(r->waiters, i);
        }
    }
    if (r->waiters->len == 0) {
        backend_remove_watch(&r->watch);
    }
}

static void rng_free(struct rng *r)
{
    backend_remove_watch(&r->watch);
    if (r->chr) {
        chardev_detach(r->chr, r);
    }
    if (r->fd >= 0) {
        close(r->fd);
    }
    g_array_unref(r->waiters);
    g_free(r->id);
    g_free(r);
}

static void free_all(struct machine *m)
{
    for (unsigned i = 0; m->rngs && i < m->rngs->len; i++) {
        rng_free(g_ptr_array_index(m->rngs, i));
    }
    g_clear_pointer(&m->rngs, g_ptr_array_unref);
}

static bool open_source(struct rng *r, const char *from, GError **error)
{
    const struct chardev_front front = {
        .can_receive = egd_can_receive, .receive = egd_receive, .event = egd_event, .opaque = r
    };
    struct chardev *chr;

    if (r->kind == RNG_BUILTIN) {
        return true;
    }
    if (r->kind == RNG_RANDOM) {
        r->fd = open(from, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (r->fd < 0) {
            set_errno_error(error, "Could not open '%s'", from);
        }
        return r->fd >= 0;
    }
    chr = from ? chardev_find(r->machine, from) : NULL;
    if (!chr) {
        set_error(error, "Device '%s' not found: chardev= must be the id of a -chardev",
                  from ? from : "");
        return false;
    }
    if (!chardev_attach(chr, &front, error)) {
        return false;
    }
    r->chr = chr;
    return true;
}

struct rng *rng_new(struct machine *m, const char *id, enum rng_kind kind, const char *from,
                    GError **error)
{
    struct rng *r = g_new0(struct rng, 1);

    r->machine = m;
    r->id = g_strdup(id);
    r->kind = kind;
    r->fd = -1;
    r->waiters = g_array_new(FALSE, FALSE, sizeof(struct waiter));
    if (!open_source(r, from, error)) {
        rng_free(r);
        return NULL;
    }
    if (!m->rngs) {
        m->rngs = g_ptr_array_new();
        m->free_rngs = free_all;
    }
    g_ptr_array_add(m->rngs, r);
    return r;
}

struct rng *rng_find(struct machine *m, const char *id)
{
    for (unsigned i = 0; m->rngs && i < m->rngs->len; i++) {
        struct rng *r = g_ptr_array_index(m->rngs, i);

        if (strcmp(r->id, id) == 0) {
            return r;
        }
    }
    return NULL;
}

enum rng_kind rng_kind_of(const struct rng *r)
{
    return r->kind;
}

bool rng_delete(struct machine *m, struct rng *r, GError **error)
{
    if (r->users) {
        set_error(error, "object '%s' is in use, can not be deleted", r->id);
        return false;
    }
    g_ptr_array_remove(m->rngs, r);
    rng_free(r);
    return true;
}

void rng_use(struct rng *r)
{
    r->users++;
}

void rng_release(struct rng *r)
{
    r->users--;
}
