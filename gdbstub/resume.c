/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/resume.c: c, s, C, S, vCont: which vCPUs run, and how far.
 *
 * Signals mean nothing to a machine: C and S are c and s.  Thread: main loop, machine lock held.
 */
#include <string.h>
#include "gdbstub/stub.h"

enum action { ACTION_NONE, ACTION_STEP, ACTION_CONTINUE };

/* What stopped for good has nothing to go on with. */
static bool can_run(const struct machine *m)
{
    return m->run_state == RUN_STATE_PRELAUNCH || m->run_state == RUN_STATE_SUSPENDED ||
           machine_is_paused(m);
}

/* actions: one a vCPU. */
static void go(struct gdbstub *g, const uint8_t *actions)
{
    struct machine *m = g->machine;
    bool time = !(g->sstep & SSTEP_NOTIMER);

    if (!can_run(m)) {
        stub_send_stop(g);
        return;
    }
    g->waits = true;
    debugger_release(m);
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        bool step = actions[k] == ACTION_STEP && (g->sstep & SSTEP_ENABLE);

        m->vcpus[k]->debug.held = actions[k] == ACTION_NONE;
        debugger_set_step(m->vcpus[k], step, g->sstep & SSTEP_NOIRQ);
        /* A timer may be what a halted one waits for. */
        time |= actions[k] != ACTION_NONE && (!step || x86_cpu_of(m->vcpus[k])->halted);
    }
    if (m->run_state == RUN_STATE_SUSPENDED) {
        return; /* a wake event lets them run */
    }
    machine_set_run_state(m, RUN_STATE_RUNNING);
    if (!time) {
        clock_virtual_enable(m, false);
    }
}

/* Steps are of one vCPU; the others stand.  All go on with c. */
static void resume(struct gdbstub *g, enum action action, const char *addr, GString *reply)
{
    uint8_t actions[MACHINE_MAX_VCPUS] = { 0 };
    unsigned cpu = g->resume_cpu >= 0 ? (unsigned)g->resume_cpu : g->cpu;

    if (*addr) {
        uint64_t v;
        uint8_t bytes[8];

        if (!packet_hex(&addr, &v) || *addr) {
            reply_error(reply, GDB_EINVAL);
            return;
        }
        v = GUINT64_TO_LE(v);
        memcpy(bytes, &v, sizeof(bytes));
        if (!registers_write(&g->registers, x86_cpu_of(g->machine->vcpus[cpu]), g->registers.pc,
                             bytes)) {
            reply_error(reply, GDB_EINVAL);
            return;
        }
    }
    if (action == ACTION_CONTINUE && g->resume_cpu < 0) {
        memset(actions, ACTION_CONTINUE, sizeof(actions));
    } else {
        actions[cpu] = action;
    }
    go(g, actions);
}

void command_continue(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)n;
    resume(g, ACTION_CONTINUE, args, reply);
}

void command_step(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)n;
    resume(g, ACTION_STEP, args, reply);
}

/* "sig" or "sig;addr" */
static void resume_signal(struct gdbstub *g, enum action action, const char *args, GString *reply)
{
    uint64_t sig;

    if (!packet_hex(&args, &sig) || (*args && *args != ';')) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    resume(g, action, args + (*args == ';'), reply);
}

void command_continue_signal(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)n;
    resume_signal(g, ACTION_CONTINUE, args, reply);
}

void command_step_signal(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)n;
    resume_signal(g, ACTION_STEP, args, reply);
}

void command_vcont_query(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)g;
    (void)args;
    (void)n;
    g_string_append(reply, "vCont;c;C;s;S");
}

static bool parse_action(const char **p, enum action *action)
{
    char letter = *(*p)++;
    uint64_t sig;

    *action = letter == 'c' || letter == 'C' ? ACTION_CONTINUE : ACTION_STEP;
    if (letter == 'C' || letter == 'S') {
        return packet_hex(p, &sig);
    }
    return letter == 'c' || letter == 's';
}

/* ";action[:thread]..." : the first that names a thread is its own. */
void command_vcont(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint8_t actions[MACHINE_MAX_VCPUS] = { 0 };
    bool any = false;

    (void)n;
    while (*args == ';') {
        enum action action;
        int cpu = -1;

        args++;
        if (!parse_action(&args, &action)) {
            return; /* not supported */
        }
        if (*args == ':') {
            args++;
            if (!parse_thread(g, &args, &cpu)) {
                reply_error(reply, GDB_EINVAL);
                return;
            }
        }
        for (unsigned k = 0; k < g->machine->n_vcpus; k++) {
            if ((cpu < 0 || (unsigned)cpu == k) && actions[k] == ACTION_NONE) {
                actions[k] = action;
            }
        }
        any = true;
    }
    if (*args || !any) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    go(g, actions);
}
