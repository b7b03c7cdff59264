/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/watchdog.c: the actions of -action watchdog=, one function each.
 * Thread: under the machine lock.
 */
#include "hw/misc/watchdog.h"
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "util/log.h"

static void act_reset(struct machine *m)
{
    machine_request_reset(m, SHUTDOWN_GUEST_RESET);
}

static void act_shutdown(struct machine *m)
{
    machine_request_powerdown(m);
}

static void act_poweroff(struct machine *m)
{
    machine_request_exit(m, 0);
}

static void pause_now(void *opaque)
{
    struct machine *m = opaque;

    if (m->run_state == RUN_STATE_RUNNING) {
        machine_set_run_state(m, RUN_STATE_WATCHDOG);
    }
}

/* Not within a timer's or a vCPU's call. */
static void act_pause(struct machine *m)
{
    machine_call_soon(m, pause_now, m);
}

static void act_debug(struct machine *m)
{
    (void)m;
    report_warning("watchdog: timer fired");
}

static void act_none(struct machine *m)
{
    (void)m;
}

static void act_inject_nmi(struct machine *m)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        cpu_set_pending(x86_cpu_of(m->vcpus[i]), PENDING_NMI);
    }
}

static void (*const actions[WATCHDOG_ACTION_COUNT])(struct machine *m) = {
    [WATCHDOG_ACTION_RESET] = act_reset,           [WATCHDOG_ACTION_SHUTDOWN] = act_shutdown,
    [WATCHDOG_ACTION_POWEROFF] = act_poweroff,     [WATCHDOG_ACTION_PAUSE] = act_pause,
    [WATCHDOG_ACTION_DEBUG] = act_debug,           [WATCHDOG_ACTION_NONE] = act_none,
    [WATCHDOG_ACTION_INJECT_NMI] = act_inject_nmi,
};

void watchdog_expired(struct machine *m)
{
    unsigned action = m->config.watchdog;

    event_emit(m, EVENT_WATCHDOG, json_pack("{s:s}", "action", watchdog_action_names[action]));
    actions[action](m);
}
