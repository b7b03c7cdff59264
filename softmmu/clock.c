/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/clock.c: the clocks and the timers armed on them.
 *
 * Owns:       one GSource with a timerfd for each clock, set to that clock's earliest deadline; the
 *             kernel wakes the main loop then, to the nanosecond, and nothing polls.
 * Invariants: lists are sorted by deadline, first armed first among equals; `set_for` is what the
 *             timerfd was last set to.
 * Thread:     lists under the machine lock.  The virtual clock's base is read by any thread without a
 *             lock: a sequence count, odd while it changes, tells readers to try again.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "softmmu/clock.h"
#include "softmmu/machine.h"

#define NEVER INT64_MAX
/* After so many timers in a row the main loop looks at its other sources. */
#define MAX_FIRED_AT_ONCE 1000

struct clock_state {
    struct timer *timers[CLOCK_KIND_COUNT];
    int64_t set_for[CLOCK_KIND_COUNT]; /* on the timerfd's own clock; NEVER: disarmed */
    int fd[CLOCK_KIND_COUNT];
    GSource *source;
    bool manual;

    /* The virtual clock is base, plus the host's monotonic clock while it runs. */
    atomic_uint sequence;
    _Atomic bool running;
    _Atomic int64_t base;
};

struct clock_source {
    GSource source;
    struct machine *machine;
    gpointer tag[CLOCK_KIND_COUNT];
};

static int64_t host_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static int64_t virtual_now(struct clock_state *c)
{
    unsigned before, after;
    bool running;
    int64_t base;

    do {
        before = atomic_load_explicit(&c->sequence, memory_order_acquire);
        running = atomic_load_explicit(&c->running, memory_order_acquire);
        base = atomic_load_explicit(&c->base, memory_order_acquire);
        after = atomic_load_explicit(&c->sequence, memory_order_relaxed);
    } while (before != after || (before & 1));
    return running ? base + host_ns(CLOCK_MONOTONIC) : base;
}

static void virtual_set(struct clock_state *c, bool running, int64_t now)
{
    int64_t base = running ? now - host_ns(CLOCK_MONOTONIC) : now;

    atomic_fetch_add_explicit(&c->sequence, 1, memory_order_acq_rel);
    atomic_store_explicit(&c->running, running, memory_order_release);
    atomic_store_explicit(&c->base, base, memory_order_release);
    atomic_fetch_add_explicit(&c->sequence, 1, memory_order_release);
}

int64_t clock_now(struct machine *m, enum clock_kind kind)
{
    switch (kind) {
    case CLOCK_KIND_VIRTUAL:
        return virtual_now(m->clocks);
    case CLOCK_KIND_HOST:
        return host_ns(CLOCK_REALTIME);
    default:
        return host_ns(CLOCK_MONOTONIC);
    }
}

/* When the earliest timer is due, on the timerfd's clock. */
static int64_t wakeup_time(struct clock_state *c, enum clock_kind kind)
{
    const struct timer *t = c->timers[kind];

    if (!t) {
        return NEVER;
    }
    if (kind == CLOCK_KIND_VIRTUAL && !c->running) {
        /* Stopped: nothing falls due.  Manual: what was armed for the past is due at once. */
        return c->manual && t->deadline <= c->base ? 1 : NEVER;
    }
    if (kind == CLOCK_KIND_VIRTUAL) {
        int64_t at;

        return __builtin_sub_overflow(t->deadline, c->base, &at) ? NEVER : MAX(at, 1);
    }
    return MAX(t->deadline, 1); /* 0 would disarm */
}

static void program(struct clock_state *c, enum clock_kind kind)
{
    int64_t at = wakeup_time(c, kind);
    struct itimerspec spec = { 0 };

    if (at == c->set_for[kind]) {
        return;
    }
    if (at != NEVER) {
        spec.it_value.tv_sec = at / NS_PER_SEC;
        spec.it_value.tv_nsec = at % NS_PER_SEC;
    }
    timerfd_settime(c->fd[kind], TFD_TIMER_ABSTIME, &spec, NULL);
    c->set_for[kind] = at;
}

static void unlink_timer(struct clock_state *c, struct timer *t)
{
    struct timer **link = &c->timers[t->kind];

    while (*link != t) {
        link = &(*link)->next;
    }
    *link = t->next;
    t->next = NULL;
    t->armed = false;
}

void timer_init(struct timer *t, struct machine *m, enum clock_kind kind, void (*fire)(void *),
                void *opaque)
{
    *t = (struct timer){ .machine = m, .kind = kind, .fire = fire, .opaque = opaque };
}

void timer_arm(struct timer *t, int64_t deadline_ns)
{
    struct clock_state *c = t->machine->clocks;
    struct timer **link = &c->timers[t->kind];

    if (t->armed) {
        unlink_timer(c, t);
    }
    t->deadline = deadline_ns;
    t->armed = true;
    while (*link && (*link)->deadline <= deadline_ns) {
        link = &(*link)->next;
    }
    t->next = *link;
    *link = t;
    program(c, t->kind);
}

void timer_disarm(struct timer *t)
{
    if (t->armed) {
        struct clock_state *c = t->machine->clocks;

        unlink_timer(c, t);
        program(c, t->kind);
    }
}

static void fire_due(struct machine *m, enum clock_kind kind)
{
    struct clock_state *c = m->clocks;
    int64_t now = clock_now(m, kind);

    if (kind == CLOCK_KIND_VIRTUAL && !c->running && !c->manual) {
        return;
    }
    for (int n = 0; n < MAX_FIRED_AT_ONCE; n++) {
        struct timer *t = c->timers[kind];

        if (!t || t->deadline > now) {
            break;
        }
        unlink_timer(c, t);
        t->fire(t->opaque);
    }
}

void clock_virtual_enable(struct machine *m, bool enable)
{
    struct clock_state *c = m->clocks;

    if (!c->manual && enable != c->running) {
        virtual_set(c, enable, virtual_now(c));
        program(c, CLOCK_KIND_VIRTUAL);
    }
}

void clock_virtual_set(struct machine *m, int64_t now)
{
    struct clock_state *c = m->clocks;
    int64_t by = now - virtual_now(c);

    virtual_set(c, c->running, now);
    for (struct timer *t = c->timers[CLOCK_KIND_VIRTUAL]; t; t = t->next) {
        if (__builtin_add_overflow(t->deadline, by, &t->deadline)) {
            t->deadline = by < 0 ? INT64_MIN : INT64_MAX;
        }
    }
    program(c, CLOCK_KIND_VIRTUAL);
}

void clock_virtual_manual(struct machine *m)
{
    struct clock_state *c = m->clocks;

    virtual_set(c, false, virtual_now(c));
    c->manual = true;
    program(c, CLOCK_KIND_VIRTUAL);
}

void clock_step(struct machine *m, int64_t ns)
{
    struct clock_state *c = m->clocks;
    bool take_lock = !machine_locked(m);
    struct timer *t;
    int64_t target;

    if (take_lock) {
        machine_lock(m);
    }
    target = c->base + ns;
    while (c->manual && (t = c->timers[CLOCK_KIND_VIRTUAL]) && t->deadline <= target) {
        virtual_set(c, false, MAX(c->base, t->deadline));
        unlink_timer(c, t);
        t->fire(t->opaque);
    }
    if (c->manual) {
        virtual_set(c, false, target);
        program(c, CLOCK_KIND_VIRTUAL);
    }
    if (take_lock) {
        machine_unlock(m);
    }
}

int64_t clock_next_deadline(struct machine *m)
{
    const struct timer *t = m->clocks->timers[CLOCK_KIND_VIRTUAL];

    return t ? MAX(t->deadline, 0) : -1;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct clock_source *s = (struct clock_source *)source;
    struct clock_state *c = s->machine->clocks;
    bool take_lock = !machine_locked(s->machine);

    (void)callback;
    (void)data;
    if (take_lock) {
        machine_lock(s->machine);
    }
    for (int kind = 0; kind < CLOCK_KIND_COUNT; kind++) {
        uint64_t expirations;

        if (read(c->fd[kind], &expirations, sizeof(expirations)) > 0) {
            c->set_for[kind] = NEVER; /* it went off */
        }
        fire_due(s->machine, kind);
        program(c, kind);
    }
    if (take_lock) {
        machine_unlock(s->machine);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean source_check(GSource *source)
{
    struct clock_source *s = (struct clock_source *)source;

    for (int kind = 0; kind < CLOCK_KIND_COUNT; kind++) {
        if (g_source_query_unix_fd(source, s->tag[kind]) & G_IO_IN) {
            return TRUE;
        }
    }
    return FALSE;
}

void clock_init(struct machine *m)
{
    static GSourceFuncs funcs = { .check = source_check, .dispatch = source_dispatch };
    struct clock_state *c = g_new0(struct clock_state, 1);
    struct clock_source *s;

    c->source = g_source_new(&funcs, sizeof(struct clock_source));
    g_source_set_static_name(c->source, "rhea clocks");
    s = (struct clock_source *)c->source;
    s->machine = m;
    for (int kind = 0; kind < CLOCK_KIND_COUNT; kind++) {
        c->fd[kind] = timerfd_create(kind == CLOCK_KIND_HOST ? CLOCK_REALTIME : CLOCK_MONOTONIC,
                                     TFD_NONBLOCK | TFD_CLOEXEC);
        if (c->fd[kind] < 0) {
            g_error("cannot create a timerfd: %s", g_strerror(errno));
        }
        c->set_for[kind] = NEVER;
        s->tag[kind] = g_source_add_unix_fd(c->source, c->fd[kind], G_IO_IN);
    }
    m->clocks = c;
    g_source_attach(c->source, m->context);
}

void clock_destroy(struct machine *m)
{
    struct clock_state *c = m->clocks;

    g_source_destroy(c->source);
    g_source_unref(c->source);
    for (int kind = 0; kind < CLOCK_KIND_COUNT; kind++) {
        close(c->fd[kind]);
    }
    g_free(c);
    m->clocks = NULL;
}
