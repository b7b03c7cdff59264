/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/machine_test.c: run state, requests, the main loop, reset. */
#include <signal.h>
#include <unistd.h>
#include <string.h>
#include "softmmu/machine.h"

/* One vCPU that makes one request, then runs on until told to leave. */
struct asker {
    struct vcpu vcpu;
    void (*ask)(struct machine *m);
    bool asked;
    atomic_uint runs;
    unsigned resets;
    GString *log;
};

static void asker_run(struct vcpu *cpu)
{
    struct asker *a = (struct asker *)cpu;

    a->runs++;
    if (!a->asked) {
        a->asked = true;
        machine_lock(cpu->machine);
        a->ask(cpu->machine);
        machine_unlock(cpu->machine);
        g_assert_true(cpu->exit_request); /* at the end of this instruction */
        return;
    }
    while (!cpu->exit_request) {
        g_usleep(10);
    }
}

static bool asker_has_work(struct vcpu *cpu)
{
    (void)cpu;
    return true;
}

static void asker_reset(struct vcpu *cpu)
{
    struct asker *a = (struct asker *)cpu;

    g_assert_false(cpu->in_guest);
    a->resets++;
    g_string_append_c(a->log, 'c');
}

static const struct vcpu_ops asker_ops = {
    .name = "asker", .run = asker_run, .has_work = asker_has_work, .reset = asker_reset
};

static GString *device_log; /* of the test that runs */

static void note_reset(struct device *dev)
{
    (void)dev;
    g_string_append_c(device_log, 'd');
}

static const struct device_type note_type = { .name = "note",
                                              .size = sizeof(struct device),
                                              .reset = note_reset };

static void hook_one(void *opaque)
{
    g_string_append_c(opaque, '1');
}

static void hook_two(void *opaque)
{
    g_string_append_c(opaque, '2');
}

struct fixture {
    struct machine *m;
    struct asker cpu;
    GString *log;
};

static void set_up(struct fixture *f, gconstpointer ask)
{
    g_autoptr(GError) error = NULL;

    f->log = device_log = g_string_new(NULL);
    f->m = machine_new();
    machine_lock(f->m);
    f->cpu =
        (struct asker){ .vcpu.ops = &asker_ops, .ask = *(void (*const *)(struct machine *))ask };
    f->cpu.log = f->log;
    f->m->vcpus[f->m->n_vcpus++] = &f->cpu.vcpu;
    device_create(f->m, &note_type, NULL, &error);
    machine_add_reset_hook(f->m, hook_one, f->log);
    machine_add_reset_hook(f->m, hook_two, f->log);
}

static void tear_down(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    machine_free(f->m);
    g_string_free(f->log, TRUE);
}

static int start_and_run(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    machine_start(f->m, &error);
    g_assert_no_error(error);
    return machine_run(f->m);
}

static void ask_shutdown(struct machine *m)
{
    machine_request_shutdown(m, SHUTDOWN_GUEST_SHUTDOWN);
}

static void ask_reset(struct machine *m)
{
    machine_request_reset(m, SHUTDOWN_GUEST_RESET);
}

static void ask_exit(struct machine *m)
{
    machine_request_exit(m, 33);
    machine_request_shutdown(m, SHUTDOWN_GUEST_SHUTDOWN); /* does not undo it */
}

static void ask_powerdown(struct machine *m)
{
    machine_request_powerdown(m);
}

static void send_sigterm(void *opaque)
{
    (void)opaque;
    kill(getpid(), SIGTERM);
}

static void ask_internal_error(struct machine *m)
{
    machine_internal_error(m, "no such thing");
}

static void quit_soon(void *opaque)
{
    machine_request_shutdown(opaque, SHUTDOWN_HOST_MONITOR);
}

static void shutdown_quits_with_status_0(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    g_assert_cmpint(start_and_run(f), ==, 0);
    g_assert_cmpint(f->m->run_state, ==, RUN_STATE_SHUTDOWN);
    g_assert_cmpuint(f->cpu.runs, ==, 1); /* not a further instruction */
    g_assert_cmpstr(f->log->str, ==, "dc12");
}

struct waiter {
    struct run_state_listener listener;
    struct machine *m;
    enum run_state until;
    unsigned seen;
};

static void on_state(struct run_state_listener *l, enum run_state state)
{
    struct waiter *w = (struct waiter *)l;

    if (state == w->until) {
        w->seen++;
        machine_call_soon(w->m, quit_soon, w->m);
    }
}

static void no_shutdown_pauses(struct fixture *f, gconstpointer ask)
{
    struct waiter w = { .listener.changed = on_state, .m = f->m, .until = RUN_STATE_SHUTDOWN };

    (void)ask;
    f->m->config.no_shutdown = true;
    machine_add_run_listener(f->m, &w.listener);
    g_assert_cmpint(start_and_run(f), ==, 0); /* ended by the "monitor" */
    g_assert_cmpuint(w.seen, ==, 1);
    g_assert_cmpuint(f->cpu.runs, ==, 1);
}

static void reset_runs_devices_vcpus_and_hooks_in_order(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    g_assert_true(machine_start(f->m, NULL));
    while (f->cpu.resets < 2) {
        machine_iterate(f->m, true);
    }
    g_assert_cmpstr(f->log->str, ==, "dc12dc12");
    g_assert_cmpint(f->m->run_state, ==, RUN_STATE_RUNNING);
    machine_unlock(f->m);
    while (f->cpu.runs < 2) { /* it goes on */
        g_usleep(100);
    }
    machine_lock(f->m);
}

static void no_reboot_makes_a_reset_the_end(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    f->m->config.no_reboot = true;
    g_assert_cmpint(start_and_run(f), ==, 0);
    g_assert_cmpuint(f->cpu.resets, ==, 1);
}

static void exit_sets_the_status_whatever_no_shutdown_says(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    f->m->config.no_shutdown = true;
    g_assert_cmpint(start_and_run(f), ==, 33);
}

static void sigterm_quits_with_status_0(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    f->m->config.no_shutdown = true;
    f->m->config.start_paused = true; /* the signal comes when its handler is there */
    g_assert_true(machine_start(f->m, NULL));
    g_assert_cmpint(f->m->run_state, ==, RUN_STATE_PRELAUNCH);
    machine_call_soon(f->m, send_sigterm, f->m);
    g_assert_cmpint(machine_run(f->m), ==, 0);
    g_assert_cmpuint(f->cpu.runs, ==, 0);
}

static void press(void *opaque, int n, bool level)
{
    struct fixture *f = opaque;

    g_assert_cmpint(n, ==, 5);
    if (level) {
        machine_request_shutdown(f->m, SHUTDOWN_GUEST_SHUTDOWN);
    }
}

static void powerdown_presses_the_button(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    f->m->powerdown_irq = (struct irq){ press, f, 5 };
    g_assert_cmpint(start_and_run(f), ==, 0);
    g_assert_cmpint(f->m->run_state, ==, RUN_STATE_SHUTDOWN);
}

static void internal_error_pauses_and_reset_leads_out(struct fixture *f, gconstpointer ask)
{
    (void)ask;
    g_assert_true(machine_start(f->m, NULL));
    while (f->m->run_state != RUN_STATE_INTERNAL_ERROR) {
        machine_unlock(f->m);
        g_usleep(100);
        machine_lock(f->m);
    }
    machine_request_reset(f->m, SHUTDOWN_HOST_MONITOR);
    while (f->m->run_state != RUN_STATE_PAUSED) {
        machine_iterate(f->m, true);
    }
    g_assert_cmpuint(f->cpu.resets, ==, 2);
}

static void pausing_stops_the_virtual_clock(struct fixture *f, gconstpointer ask)
{
    int64_t then;

    (void)ask;
    g_assert_true(machine_start(f->m, NULL));
    machine_set_run_state(f->m, RUN_STATE_PAUSED);
    then = clock_now(f->m, CLOCK_KIND_VIRTUAL);
    g_usleep(500);
    g_assert_cmpint(clock_now(f->m, CLOCK_KIND_VIRTUAL), ==, then);
    machine_set_run_state(f->m, RUN_STATE_RUNNING);
    g_usleep(500);
    g_assert_cmpint(clock_now(f->m, CLOCK_KIND_VIRTUAL), >, then);
}

static gpointer call_from_thread(gpointer opaque)
{
    machine_call_soon(opaque, quit_soon, opaque);
    return NULL;
}

static void call_soon_runs_under_the_lock_from_any_thread(struct fixture *f, gconstpointer ask)
{
    GThread *thread = g_thread_new("caller", call_from_thread, f->m);

    (void)ask;
    g_assert_cmpint(machine_run(f->m), ==, 0);
    g_assert_true(machine_locked(f->m));
    g_thread_join(thread);
}

static void (*const shutdown_fn)(struct machine *) = ask_shutdown;
static void (*const reset_fn)(struct machine *) = ask_reset;
static void (*const exit_fn)(struct machine *) = ask_exit;
static void (*const powerdown_fn)(struct machine *) = ask_powerdown;
static void (*const error_fn)(struct machine *) = ask_internal_error;

static const struct {
    const char *path;
    void (*const *ask)(struct machine *m);
    void (*test)(struct fixture *f, gconstpointer ask);
} tests[] = {
    /* clang-format off */
    { "/machine/shutdown",       &shutdown_fn,  shutdown_quits_with_status_0 },
    { "/machine/no-shutdown",    &shutdown_fn,  no_shutdown_pauses },
    { "/machine/reset",          &reset_fn,     reset_runs_devices_vcpus_and_hooks_in_order },
    { "/machine/no-reboot",      &reset_fn,     no_reboot_makes_a_reset_the_end },
    { "/machine/exit",           &exit_fn,      exit_sets_the_status_whatever_no_shutdown_says },
    { "/machine/sigterm",        &shutdown_fn,  sigterm_quits_with_status_0 },
    { "/machine/powerdown",      &powerdown_fn, powerdown_presses_the_button },
    { "/machine/internal-error", &error_fn,     internal_error_pauses_and_reset_leads_out },
    { "/machine/clock",          &powerdown_fn, pausing_stops_the_virtual_clock },
    { "/machine/call-soon",      &shutdown_fn,  call_soon_runs_under_the_lock_from_any_thread },
    /* clang-format on */
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, struct fixture, tests[i].ask, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}
