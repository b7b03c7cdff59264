/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/iothread_test.c: iothreads: what they run and under which locks, what keeps them still, and
 * how people make and see them.  tests/device/virtio_*_test.c run devices on them.
 */
#include "softmmu/iothread.h"
#include <string.h>
#include "monitor/monitor.h"
#include "monitor/objects.h"
#include "softmmu/machine.h"

struct fixture {
    struct machine *m;
    struct iothread *t;
    struct iothread_call call;
    _Atomic int runs;
    _Atomic(GThread *) thread;
    bool locked; /* the machine lock, by the last run */
};

static void note(void *opaque)
{
    struct fixture *f = opaque;

    f->locked = machine_locked(f->m);
    atomic_store(&f->thread, g_thread_self());
    atomic_fetch_add(&f->runs, 1);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->m = machine_new();
    machine_lock(f->m);
    f->t = iothread_new(f->m, "t0", &(struct iothread_options){ .poll_max_ns = 5 }, &error);
    g_assert_no_error(error);
    f->call = (struct iothread_call){ .fn = note, .opaque = f };
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
}

static void wait_for_run(struct fixture *f, int runs)
{
    machine_unlock(f->m);
    while (atomic_load(&f->runs) < runs) {
        g_usleep(100);
    }
    machine_lock(f->m);
}

static void calls_run_on_it(struct fixture *f, gconstpointer data)
{
    bool machine_lock_too = GPOINTER_TO_INT(data);

    f->call.machine_lock = machine_lock_too;
    for (int i = 1; i <= 100; i++) {
        iothread_call(f->t, &f->call);
        wait_for_run(f, i);
        g_assert_true(atomic_load(&f->thread) != g_thread_self());
        g_assert_cmpint(f->locked, ==, machine_lock_too);
    }
}

/* Queued once, it runs once. */
static void its_lock_keeps_calls_back(struct fixture *f, gconstpointer data)
{
    (void)data;
    iothread_lock(f->t);
    iothread_lock(f->t); /* nests */
    iothread_call(f->t, &f->call);
    iothread_call(f->t, &f->call);
    g_usleep(5000);
    g_assert_cmpint(atomic_load(&f->runs), ==, 0);
    iothread_cancel(f->t, &f->call);
    iothread_unlock(f->t);
    iothread_unlock(f->t);
    g_usleep(5000);
    g_assert_cmpint(atomic_load(&f->runs), ==, 0);
    iothread_pause_all(f->m);
    iothread_call(f->t, &f->call);
    iothread_call(f->t, &f->call);
    g_usleep(5000);
    g_assert_cmpint(atomic_load(&f->runs), ==, 0);
    iothread_resume_all(f->m);
    wait_for_run(f, 1);
    g_usleep(5000);
    g_assert_cmpint(atomic_load(&f->runs), ==, 1);
}

static void exclusive_sections_keep_it_still(struct fixture *f, gconstpointer data)
{
    (void)data;
    vcpu_exclusive_begin(f->m);
    vcpu_exclusive_begin(f->m);
    iothread_call(f->t, &f->call);
    vcpu_exclusive_end(f->m);
    g_usleep(5000);
    g_assert_cmpint(atomic_load(&f->runs), ==, 0);
    vcpu_exclusive_end(f->m);
    wait_for_run(f, 1);
}

/* A call may queue others, of both kinds, without a wake-up of its own. */
struct chain {
    struct iothread *t;
    struct iothread_call calls[2];
    _Atomic int left;
};

static void next_of_chain(void *opaque)
{
    struct chain *c = opaque;
    int left = atomic_fetch_sub(&c->left, 1);

    if (left > 1) {
        iothread_call(c->t, &c->calls[left & 1]);
    }
}

static void calls_follow_calls(struct fixture *f, gconstpointer data)
{
    struct chain c = { f->t, { { next_of_chain, &c }, { next_of_chain, &c, true } }, 1000 };

    (void)data;
    iothread_call(f->t, &c.calls[0]);
    machine_unlock(f->m);
    while (atomic_load(&c.left) > 0) {
        g_usleep(100);
    }
    machine_lock(f->m);
    iothread_pause_all(f->m); /* the last one has returned */
    iothread_resume_all(f->m);
}

/* People --------------------------------------------------------------------------------------- */

static char *command(struct fixture *f, const char *line)
{
    GString *out = g_string_new(NULL);

    monitor_execute(f->m, line, out);
    return g_string_free(out, FALSE);
}

static void the_monitor_makes_and_shows_them(struct fixture *f, gconstpointer data)
{
    g_autofree char *added = command(f, "object_add iothread,id=t1,poll-max-ns=32768,poll-grow=2");
    g_autofree char *info = command(f, "info iothreads"), *gone = NULL, *after = NULL;

    (void)data;
    g_assert_cmpstr(added, ==, "");
    g_assert_nonnull(strstr(info, "t0:\n  thread_id="));
    g_assert_nonnull(strstr(info, "\n  poll-max-ns=5\n  poll-grow=0\n"));
    g_assert_nonnull(strstr(info, "t1:\n  thread_id="));
    g_assert_nonnull(strstr(info, "\n  poll-max-ns=32768\n  poll-grow=2\n"));
    gone = command(f, "object_del t1");
    g_assert_cmpstr(gone, ==, "");
    after = command(f, "info iothreads");
    g_assert_null(strstr(after, "t1"));
}

static void mistakes_are_named(struct fixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "object_add iothread,id=t0", "duplicate property 't0'" },
        { "object_add iothread", "Parameter 'id' is missing" },
        { "object_add fiothread,id=x", "invalid object type: fiothread" },
        { "object_add iothread,id=x,poll=1", "does not support the option 'poll'" },
        { "object_add iothread,id=x,poll-max-ns=-1", "'poll-max-ns' expects a number" },
        { "object_del x", "object 'x' not found" },
        { "object_del t0", "object 't0' is in use, can not be deleted" },
    };

    (void)data;
    f->t->users++;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *said = command(f, rows[i][0]);

        g_test_message("%s", said);
        g_assert_nonnull(strstr(said, rows[i][1]));
    }
    f->t->users--;
}

static void secrets_are_objects(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *help = command(f, "object_add help");

    (void)data;
    g_assert_nonnull(strstr(help, "  iothread\n  secret\n"));
    g_assert_true(
        object_add(f->m, "{\"qom-type\": \"secret\", \"id\": \"s\", \"data\": \"x\"}", &error));
    g_assert_false(object_add(f->m, "secret,id=s,data=y", NULL));
    g_assert_true(object_delete(f->m, "s", &error));
    g_assert_true(object_add(f->m, "secret,id=s,data=y", &error));
    g_assert_no_error(error);
}

#define ADD(path, data, function)                                                                  \
    g_test_add("/iothread/" path, struct fixture, data, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("calls/own-lock", GINT_TO_POINTER(false), calls_run_on_it);
    ADD("calls/machine-lock", GINT_TO_POINTER(true), calls_run_on_it);
    ADD("calls/held-back", NULL, its_lock_keeps_calls_back);
    ADD("calls/follow", NULL, calls_follow_calls);
    ADD("exclusive", NULL, exclusive_sections_keep_it_still);
    ADD("monitor", NULL, the_monitor_makes_and_shows_them);
    ADD("mistakes", NULL, mistakes_are_named);
    ADD("secrets", NULL, secrets_are_objects);
    return g_test_run();
}
