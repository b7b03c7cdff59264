/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/clock_test.c: clocks and timers. */
#include "softmmu/machine.h"

struct alarm {
    struct timer timer;
    GString *log; /* the names in the order of firing */
    char name;
    int64_t period; /* 0: once */
    int64_t seen;   /* the clock when it fired */
    unsigned fired;
};

static void on_alarm(void *opaque)
{
    struct alarm *a = opaque;

    a->fired++;
    a->seen = clock_now(a->timer.machine, a->timer.kind);
    if (a->log) {
        g_string_append_c(a->log, a->name);
    }
    if (a->period) {
        timer_arm(&a->timer, a->timer.deadline + a->period);
    }
}

static void alarm_init(struct alarm *a, struct machine *m, enum clock_kind kind, char name,
                       GString *log)
{
    *a = (struct alarm){ .name = name, .log = log };
    timer_init(&a->timer, m, kind, on_alarm, a);
}

/* A turn of the loop may end without an event. */
static void wait_for(struct machine *m, struct alarm *a)
{
    while (!a->fired) {
        machine_iterate(m, true);
    }
    g_assert_cmpuint(a->fired, ==, 1);
}

static struct machine *manual_machine(void)
{
    struct machine *m = machine_new();

    machine_lock(m);
    clock_virtual_manual(m);
    return m;
}

static void step_fires_in_order_of_deadlines(void)
{
    struct machine *m = manual_machine();
    g_autoptr(GString) log = g_string_new(NULL);
    struct alarm a, b, c, d;

    alarm_init(&a, m, CLOCK_KIND_VIRTUAL, 'a', log);
    alarm_init(&b, m, CLOCK_KIND_VIRTUAL, 'b', log);
    alarm_init(&c, m, CLOCK_KIND_VIRTUAL, 'c', log);
    alarm_init(&d, m, CLOCK_KIND_VIRTUAL, 'd', log);
    timer_arm(&a.timer, 300);
    timer_arm(&b.timer, 100);
    timer_arm(&c.timer, 300); /* equal: in the order of arming */
    timer_arm(&d.timer, 301);
    g_assert_cmpint(clock_next_deadline(m), ==, 100);
    clock_step(m, 300);
    g_assert_cmpstr(log->str, ==, "bac");
    g_assert_cmpint(b.seen, ==, 100);
    g_assert_cmpint(clock_now(m, CLOCK_KIND_VIRTUAL), ==, 300);
    g_assert_true(d.timer.armed);
    g_assert_false(a.timer.armed);
    timer_disarm(&d.timer);
    g_assert_cmpint(clock_next_deadline(m), ==, -1);
    clock_step(m, 10);
    g_assert_cmpuint(d.fired, ==, 0);
    machine_free(m);
}

static void periodic_timer_fires_once_a_period(void)
{
    struct machine *m = manual_machine();
    struct alarm a;

    alarm_init(&a, m, CLOCK_KIND_VIRTUAL, 'a', NULL);
    a.period = 1000;
    timer_arm(&a.timer, 1000);
    clock_step(m, 10500);
    g_assert_cmpuint(a.fired, ==, 10);
    g_assert_cmpint(a.seen, ==, 10000);
    g_assert_cmpint(clock_next_deadline(m), ==, 11000);
    machine_free(m);
}

static void rearming_moves_a_timer(void)
{
    struct machine *m = manual_machine();
    struct alarm a;

    alarm_init(&a, m, CLOCK_KIND_VIRTUAL, 'a', NULL);
    timer_arm(&a.timer, 100);
    timer_arm(&a.timer, 500);
    clock_step(m, 200);
    g_assert_cmpuint(a.fired, ==, 0);
    clock_step(m, 300);
    g_assert_cmpuint(a.fired, ==, 1);
    timer_arm(&a.timer, 50); /* in the past */
    clock_step(m, 0);
    g_assert_cmpuint(a.fired, ==, 2);
    machine_free(m);
}

static void past_deadline_fires_on_the_main_loop(void)
{
    struct machine *m = manual_machine();
    struct alarm a;

    clock_step(m, 1000);
    alarm_init(&a, m, CLOCK_KIND_VIRTUAL, 'a', NULL);
    timer_arm(&a.timer, 10);
    g_assert_cmpuint(a.fired, ==, 0);
    wait_for(m, &a);
    machine_free(m);
}

static void virtual_clock_stands_while_disabled(void)
{
    struct machine *m = machine_new();
    struct alarm a, rt;
    int64_t then;

    machine_lock(m);
    alarm_init(&a, m, CLOCK_KIND_VIRTUAL, 'a', NULL);
    alarm_init(&rt, m, CLOCK_KIND_REALTIME, 'r', NULL);
    g_assert_cmpint(clock_now(m, CLOCK_KIND_VIRTUAL), ==, 0);
    timer_arm(&a.timer, 1);
    timer_arm(&rt.timer, clock_now(m, CLOCK_KIND_REALTIME) + 2 * NS_PER_MS);
    wait_for(m, &rt);
    g_assert_cmpuint(a.fired, ==, 0);
    clock_virtual_enable(m, true);
    wait_for(m, &a);
    g_usleep(1000);
    then = clock_now(m, CLOCK_KIND_VIRTUAL);
    g_assert_cmpint(then, >=, NS_PER_MS);
    clock_virtual_enable(m, false);
    then = clock_now(m, CLOCK_KIND_VIRTUAL);
    g_usleep(1000);
    g_assert_cmpint(clock_now(m, CLOCK_KIND_VIRTUAL), ==, then);
    machine_free(m);
}

static void running_timers_are_never_early(void)
{
    static const enum clock_kind kinds[] = { CLOCK_KIND_VIRTUAL, CLOCK_KIND_REALTIME,
                                             CLOCK_KIND_HOST };
    struct machine *m = machine_new();

    machine_lock(m);
    clock_virtual_enable(m, true);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct alarm a;
        int64_t at = clock_now(m, kinds[i]) + 300 * NS_PER_US;

        alarm_init(&a, m, kinds[i], 'a', NULL);
        timer_arm(&a.timer, at);
        wait_for(m, &a);
        g_assert_cmpint(a.seen, >=, at);
        g_assert_cmpint(a.seen, <, at + NS_PER_SEC);
    }
    machine_free(m);
}

static void host_clock_is_the_wall_clock(void)
{
    struct machine *m = machine_new();
    int64_t us = g_get_real_time();

    g_assert_cmpint(clock_now(m, CLOCK_KIND_HOST) / 1000, >=, us);
    g_assert_cmpint(clock_now(m, CLOCK_KIND_HOST) / 1000, <, us + 10 * G_USEC_PER_SEC);
    machine_free(m);
}

static void timers_keep_their_distance_when_the_clock_jumps(void)
{
    struct machine *m = manual_machine();
    struct alarm a;

    alarm_init(&a, m, CLOCK_KIND_VIRTUAL, 'a', NULL);
    timer_arm(&a.timer, 100);
    clock_step(m, 40);
    clock_virtual_set(m, 1000000);
    g_assert_cmpint(clock_now(m, CLOCK_KIND_VIRTUAL), ==, 1000000);
    clock_virtual_set(m, 7);
    clock_step(m, 59);
    g_assert_cmpuint(a.fired, ==, 0);
    clock_step(m, 1);
    g_assert_cmpuint(a.fired, ==, 1);
    machine_free(m);
}

static void muldiv_does_not_overflow_in_between(void)
{
    g_assert_cmpuint(muldiv64(UINT64_MAX, 1193182, 1193182), ==, UINT64_MAX);
    g_assert_cmpuint(muldiv64(7, 3, 2), ==, 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/order", step_fires_in_order_of_deadlines);
    g_test_add_func("/clock/periodic", periodic_timer_fires_once_a_period);
    g_test_add_func("/clock/rearm", rearming_moves_a_timer);
    g_test_add_func("/clock/past", past_deadline_fires_on_the_main_loop);
    g_test_add_func("/clock/disabled", virtual_clock_stands_while_disabled);
    g_test_add_func("/clock/running", running_timers_are_never_early);
    g_test_add_func("/clock/host", host_clock_is_the_wall_clock);
    g_test_add_func("/clock/jump", timers_keep_their_distance_when_the_clock_jumps);
    g_test_add_func("/clock/muldiv", muldiv_does_not_overflow_in_between);
    return g_test_run();
}
