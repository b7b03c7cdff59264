/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/main_loop.c: the main loop and what it does for others: requests to reset, power off or
 * quit, and functions to call soon.
 *
 * Requests only leave a note; the loop carries them out between two events, with the vCPUs stopped.
 * Thread: the loop's own thread.  It holds the machine lock but for the wait in poll, so that no
 *         source on m->context has to take it.
 */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "util/log.h"

/* GPollFunc has no argument: the machine whose loop this thread turns. */
static _Thread_local struct machine *polling_machine;

static gint poll_unlocked(GPollFD *fds, guint n, gint timeout)
{
    struct machine *m = polling_machine;
    gint ready;

    if (!m) {
        return g_poll(fds, n, timeout);
    }
    machine_unlock(m);
    ready = g_poll(fds, n, timeout);
    machine_lock(m);
    return ready;
}

void machine_iterate(struct machine *m, bool may_block)
{
    struct machine *outer = polling_machine;

    g_main_context_set_poll_func(m->context, poll_unlocked);
    polling_machine = m;
    g_main_context_iteration(m->context, may_block);
    polling_machine = outer;
}

static gboolean on_signal(gpointer opaque)
{
    machine_request_shutdown(opaque, SHUTDOWN_HOST_SIGNAL);
    return G_SOURCE_CONTINUE;
}

int machine_run(struct machine *m)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    GSource *sources[G_N_ELEMENTS(signals)];

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_source_new(signals[i]);
        g_source_set_callback(sources[i], on_signal, m, NULL);
        g_source_attach(sources[i], m->context);
    }
    g_main_context_set_poll_func(m->context, poll_unlocked);
    g_main_context_push_thread_default(m->context);
    polling_machine = m;
    if (!m->quit) {
        g_main_loop_run(m->loop);
    }
    polling_machine = NULL;
    g_main_context_pop_thread_default(m->context);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_destroy(sources[i]);
        g_source_unref(sources[i]);
    }
    vcpu_pause_all(m);
    return m->exit_status;
}

/*
 * Calls to make soon, in order.  An eventfd wakes the loop; the queue has a mutex of its own, so that
 * threads without the machine lock may add to it.
 */
struct soon_call {
    void (*fn)(void *opaque);
    void *opaque;
    struct soon_call *next;
};

struct soon_queue {
    pthread_mutex_t mutex;
    struct soon_call *first, **end;
    int fd;
    GSource *source;
};

struct soon_source {
    GSource source;
    struct machine *machine;
    gpointer tag;
};

static struct soon_call *take_calls(struct soon_queue *q)
{
    struct soon_call *calls;

    pthread_mutex_lock(&q->mutex);
    calls = q->first;
    q->first = NULL;
    q->end = &q->first;
    pthread_mutex_unlock(&q->mutex);
    return calls;
}

static gboolean soon_check(GSource *source)
{
    return (g_source_query_unix_fd(source, ((struct soon_source *)source)->tag) & G_IO_IN) != 0;
}

static gboolean soon_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct machine *m = ((struct soon_source *)source)->machine;
    bool take_lock = !machine_locked(m);
    struct soon_call *calls, *next;
    eventfd_t count;

    (void)callback;
    (void)data;
    eventfd_read(m->soon->fd, &count);
    if (take_lock) {
        machine_lock(m);
    }
    for (calls = take_calls(m->soon); calls; calls = next) {
        next = calls->next;
        calls->fn(calls->opaque);
        g_free(calls);
    }
    if (take_lock) {
        machine_unlock(m);
    }
    return G_SOURCE_CONTINUE;
}

void machine_call_soon(struct machine *m, void (*fn)(void *opaque), void *opaque)
{
    struct soon_call *call = g_new0(struct soon_call, 1);
    struct soon_queue *q = m->soon;

    call->fn = fn;
    call->opaque = opaque;
    pthread_mutex_lock(&q->mutex);
    *q->end = call;
    q->end = &call->next;
    pthread_mutex_unlock(&q->mutex);
    eventfd_write(q->fd, 1);
}

void main_loop_init(struct machine *m)
{
    static GSourceFuncs funcs = { .check = soon_check, .dispatch = soon_dispatch };
    struct soon_queue *q = g_new0(struct soon_queue, 1);
    struct soon_source *s;

    m->context = g_main_context_new();
    m->loop = g_main_loop_new(m->context, FALSE);
    pthread_mutex_init(&q->mutex, NULL);
    q->end = &q->first;
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0) {
        g_error("cannot create an eventfd: %s", g_strerror(errno));
    }
    q->source = g_source_new(&funcs, sizeof(struct soon_source));
    s = (struct soon_source *)q->source;
    s->machine = m;
    s->tag = g_source_add_unix_fd(q->source, q->fd, G_IO_IN);
    g_source_set_static_name(q->source, "rhea calls");
    g_source_attach(q->source, m->context);
    m->soon = q;
}

void main_loop_destroy(struct machine *m)
{
    struct soon_queue *q = m->soon;
    struct soon_call *calls, *next;

    g_source_destroy(q->source);
    g_source_unref(q->source);
    for (calls = take_calls(q); calls; calls = next) {
        next = calls->next;
        g_free(calls);
    }
    close(q->fd);
    pthread_mutex_destroy(&q->mutex);
    g_free(q);
    g_main_loop_unref(m->loop);
    g_main_context_unref(m->context);
}

static void quit(struct machine *m)
{
    m->quit = true;
    g_main_loop_quit(m->loop);
}

/* What events say of a cause (QEMU's ShutdownCause). */
struct cause_row {
    bool guest;
    const char *shutdown, *reset;
};

/* clang-format off */
static const struct cause_row cause_rows[] = {
    [SHUTDOWN_NONE]           = { false, "none",           "none" },
    [SHUTDOWN_GUEST_SHUTDOWN] = { true,  "guest-shutdown", "guest-reset" },
    [SHUTDOWN_GUEST_RESET]    = { true,  "guest-reset",    "guest-reset" },
    [SHUTDOWN_GUEST_PANIC]    = { true,  "guest-panic",    "guest-panic" },
    [SHUTDOWN_HOST_SIGNAL]    = { false, "host-signal",    "host-signal" },
    [SHUTDOWN_HOST_MONITOR]   = { false, "host-qmp-quit",  "host-qmp-system-reset" },
    [SHUTDOWN_HOST_RESET]     = { false, "host-qmp-system-reset", "host-qmp-system-reset" },
    [SHUTDOWN_HOST_UI]        = { false, "host-ui",        "host-ui" },
    [SHUTDOWN_DEBUG_EXIT]     = { true,  "guest-shutdown", "guest-reset" },
};
/* clang-format on */

static void emit_cause(struct machine *m, enum event_id id, enum shutdown_cause cause)
{
    const struct cause_row *row = &cause_rows[cause];

    event_emit(m, id,
               json_pack("{s:b, s:s}", "guest", row->guest, "reason",
                         id == EVENT_RESET ? row->reset : row->shutdown));
}

/* False: the guest goes on.  *keep: it stays, in guest-panicked. */
static bool carry_out_panic(struct machine *m, bool *keep)
{
    unsigned action = m->config.panic;
    bool goes_on = action == PANIC_ACTION_NONE;

    *keep = action == PANIC_ACTION_PAUSE || (action == PANIC_ACTION_SHUTDOWN && *keep);
    event_emit(m, EVENT_GUEST_PANICKED,
               json_pack("{s:s}", "action",
                         goes_on ? "run"
                         : *keep ? "pause"
                                 : "poweroff"));
    if (!goes_on && action == PANIC_ACTION_EXIT_FAILURE) {
        m->exit_status = EXIT_FAILURE;
    }
    return !goes_on;
}

/* -no-shutdown keeps the machine for a look, unless the person at the terminal asked for the end. */
static void carry_out_shutdown(struct machine *m, enum shutdown_cause cause)
{
    static const struct {
        bool always_quits;
        enum run_state state;
    } ways[] = {
        [SHUTDOWN_GUEST_SHUTDOWN] = { false, RUN_STATE_SHUTDOWN },
        [SHUTDOWN_GUEST_RESET] = { false, RUN_STATE_SHUTDOWN },
        [SHUTDOWN_GUEST_PANIC] = { false, RUN_STATE_GUEST_PANICKED },
        [SHUTDOWN_HOST_SIGNAL] = { true, RUN_STATE_SHUTDOWN },
        [SHUTDOWN_HOST_MONITOR] = { true, RUN_STATE_SHUTDOWN },
        [SHUTDOWN_HOST_RESET] = { false, RUN_STATE_SHUTDOWN },
        [SHUTDOWN_HOST_UI] = { true, RUN_STATE_SHUTDOWN },
        [SHUTDOWN_DEBUG_EXIT] = { true, RUN_STATE_SHUTDOWN },
    };
    bool keep = m->config.no_shutdown && !ways[cause].always_quits;

    if (cause == SHUTDOWN_GUEST_PANIC && !carry_out_panic(m, &keep)) {
        vcpu_resume_all(m); /* the vCPU that asked */
        return;
    }
    if (!keep || cause != SHUTDOWN_GUEST_PANIC) {
        emit_cause(m, EVENT_SHUTDOWN, cause);
    }
    if (!keep) {
        quit(m);
    }
    machine_set_run_state(m, keep ? ways[cause].state : RUN_STATE_SHUTDOWN);
}

/* The CPUs begin anew, the memory is what it was. */
static void wake(struct machine *m, unsigned cause)
{
    m->waking = cause;
    machine_reset(m);
    m->waking = 0;
    machine_set_run_state(m, RUN_STATE_RUNNING);
    event_emit(m, EVENT_WAKEUP, NULL);
}

static void carry_out_requests(void *opaque)
{
    struct machine *m = opaque;
    enum shutdown_cause shutdown = m->shutdown_requested, reset = m->reset_requested;
    bool powerdown = m->powerdown_requested, suspend = m->suspend_requested;
    unsigned wake_cause = m->wake_requested;

    m->requests_queued = false;
    m->shutdown_requested = m->reset_requested = SHUTDOWN_NONE;
    m->powerdown_requested = m->suspend_requested = false;
    m->wake_requested = 0;
    if (reset != SHUTDOWN_NONE && m->config.no_reboot && shutdown == SHUTDOWN_NONE) {
        shutdown = reset; /* its cause is that of the end */
    }
    if (shutdown != SHUTDOWN_NONE) {
        carry_out_shutdown(m, shutdown);
        return;
    }
    if (reset != SHUTDOWN_NONE) {
        machine_reset(m);
        emit_cause(m, EVENT_RESET, reset);
        if (m->run_state == RUN_STATE_SHUTDOWN || m->run_state == RUN_STATE_INTERNAL_ERROR ||
            m->run_state == RUN_STATE_GUEST_PANICKED) {
            machine_set_run_state(m, RUN_STATE_PAUSED); /* `cont` may go on */
        } else if (m->run_state == RUN_STATE_SUSPENDED) {
            machine_set_run_state(m, RUN_STATE_RUNNING);
        }
    } else if (suspend && m->run_state == RUN_STATE_RUNNING) {
        machine_set_run_state(m, RUN_STATE_SUSPENDED);
        event_emit(m, EVENT_SUSPEND, NULL);
    }
    if (wake_cause && m->run_state == RUN_STATE_SUSPENDED) {
        wake(m, wake_cause);
    }
    if (powerdown) {
        event_emit(m, EVENT_POWERDOWN, NULL);
        irq_pulse(&m->powerdown_irq);
    }
    if (m->run_state == RUN_STATE_RUNNING) {
        vcpu_resume_all(m); /* the vCPU that asked */
    }
}

/* Wakes the loop once for any number of notes; a vCPU that left one goes no further. */
static void queue_requests(struct machine *m)
{
    struct vcpu *cpu = vcpu_current();

    if (!m->requests_queued) {
        m->requests_queued = true;
        machine_call_soon(m, carry_out_requests, m);
    }
    if (cpu && cpu->machine == m) {
        cpu->stop = true; /* until carry_out_requests lets it go on */
        vcpu_kick(cpu);
    }
}

void machine_request_reset(struct machine *m, enum shutdown_cause cause)
{
    g_assert(machine_locked(m));
    m->reset_requested = cause;
    queue_requests(m);
}

void machine_request_shutdown(struct machine *m, enum shutdown_cause cause)
{
    /* An exit status that was set stays the last word. */
    if (m->shutdown_requested != SHUTDOWN_DEBUG_EXIT) {
        m->shutdown_requested = cause;
    }
    queue_requests(m);
}

void machine_request_powerdown(struct machine *m)
{
    m->powerdown_requested = true;
    queue_requests(m);
}

void machine_request_suspend(struct machine *m)
{
    m->suspend_requested = true;
    queue_requests(m);
}

void machine_request_wakeup(struct machine *m, enum wake_cause cause)
{
    m->wake_requested |= cause;
    queue_requests(m);
}

void machine_request_exit(struct machine *m, int status)
{
    m->exit_status = status;
    m->shutdown_requested = SHUTDOWN_DEBUG_EXIT;
    queue_requests(m);
}

void machine_internal_error(struct machine *m, const char *why)
{
    bool take_lock = !machine_locked(m);

    report_error("internal error: %s", why);
    if (take_lock) {
        machine_lock(m);
    }
    machine_set_run_state(m, RUN_STATE_INTERNAL_ERROR);
    if (take_lock) {
        machine_unlock(m);
    }
}
