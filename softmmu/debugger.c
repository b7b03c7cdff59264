/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/debugger.c: see debugger.h.  Thread: machine lock held, but where debugger.h says otherwise. */
#include "softmmu/debugger.h"
#include "softmmu/machine.h"

static bool is_watch(const struct debug_point *p)
{
    return p->type >= DEBUG_WATCH_WRITE;
}

static struct debug_point *find(struct debugger *d, const struct debug_point *p)
{
    for (unsigned k = 0; k < d->n_points; k++) {
        struct debug_point *q = &d->points[k];

        if (q->type == p->type && q->addr == p->addr && (!is_watch(p) || q->len == p->len)) {
            return q;
        }
    }
    return NULL;
}

static void count(struct debugger *d, const struct debug_point *p, int by)
{
    unsigned *n = is_watch(p) ? &d->n_watches : &d->n_breaks;

    *n = (unsigned)((int)*n + by);
    d->changed = true;
}

bool debugger_insert(struct machine *m, const struct debug_point *p)
{
    struct debugger *d = &m->debugger;

    if (is_watch(p) &&
        (p->len == 0 || p->len > DEBUG_WATCH_MAX || p->addr + p->len - 1 < p->addr)) {
        return false;
    }
    if (find(d, p)) {
        return true;
    }
    if (m->n_vcpus && m->vcpus[0]->ops->takes_point && !m->vcpus[0]->ops->takes_point(m, p)) {
        return false;
    }
    if (d->n_points == DEBUG_POINTS_MAX) {
        return false;
    }
    if (!d->points) {
        d->points = g_new0(struct debug_point, DEBUG_POINTS_MAX);
    }
    d->points[d->n_points++] = *p;
    count(d, p, 1);
    return true;
}

bool debugger_remove(struct machine *m, const struct debug_point *p)
{
    struct debugger *d = &m->debugger;
    struct debug_point *q = find(d, p);

    if (!q) {
        return false;
    }
    count(d, q, -1);
    *q = d->points[--d->n_points];
    return true;
}

static void remove_all(struct machine *m)
{
    struct debugger *d = &m->debugger;

    d->changed |= d->n_points > 0;
    d->n_points = d->n_breaks = d->n_watches = 0;
}

static bool is_used(const struct machine *m)
{
    bool used = m->debugger.n_points > 0;

    for (unsigned k = 0; k < m->n_vcpus; k++) {
        used |= m->vcpus[k]->debug.step || m->vcpus[k]->debug.held;
    }
    return used;
}

void debugger_forget(struct machine *m)
{
    bool running = m->run_state == RUN_STATE_RUNNING;

    if (!is_used(m)) {
        return;
    }
    if (running) {
        machine_set_run_state(m, RUN_STATE_PAUSED);
    }
    remove_all(m);
    debugger_release(m);
    if (running) {
        machine_set_run_state(m, RUN_STATE_RUNNING);
    }
}

void debugger_clear(struct debugger *d)
{
    g_free(d->points);
    *d = (struct debugger){ 0 };
}

void debugger_apply(struct machine *m)
{
    struct debugger *d = &m->debugger;

    d->stop = (struct debug_stop){ 0 };
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        struct vcpu *cpu = m->vcpus[k];
        bool slow = cpu->debug.step || d->n_watches > 0 || d->one_insn;

        cpu->debug.met = false; /* told by now, or too old */
        if (cpu->ops->debug && (d->changed || slow != cpu->debug.slow || slow)) {
            cpu->debug.slow = slow;
            cpu->ops->debug(cpu, d->changed);
        }
    }
    d->changed = false;
}

void debugger_set_step(struct vcpu *cpu, bool step, bool no_irq)
{
    cpu->debug.step = step;
    cpu->debug.no_irq = step && no_irq;
    cpu->debug.stepped = false;
}

void debugger_release(struct machine *m)
{
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        debugger_set_step(m->vcpus[k], false, false);
        m->vcpus[k]->debug.held = false;
    }
}

/* Main loop.  Who stopped the machine meanwhile has a reason of their own: the vCPU comes here again. */
static void carry_out_stop(void *opaque)
{
    struct machine *m = opaque;

    if (m->run_state == RUN_STATE_RUNNING && m->debugger.stop.reason != DEBUG_STOP_NONE) {
        machine_set_run_state(m, RUN_STATE_DEBUG);
    }
}

bool debugger_stop(struct vcpu *cpu, const struct debug_stop *why)
{
    struct machine *m = cpu->machine;
    struct debug_stop *stop = &m->debugger.stop;
    bool first;

    machine_lock(m);
    first = stop->reason == DEBUG_STOP_NONE;
    if (first) {
        *stop = *why;
        stop->cpu = cpu;
    }
    cpu->stop = true; /* until the machine runs on */
    vcpu_kick(cpu);
    machine_call_soon(m, carry_out_stop, m);
    machine_unlock(m);
    return first;
}

bool debugger_wants_stop(struct vcpu *cpu)
{
    struct debug_stop why = { .type = cpu->debug.met_type, .addr = cpu->debug.met_addr };

    if (cpu->debug.met) {
        why.reason = DEBUG_STOP_WATCH;
    } else if (cpu->debug.step && cpu->debug.stepped) {
        why.reason = DEBUG_STOP_STEP;
    } else {
        return false;
    }
    debugger_stop(cpu, &why);
    return true;
}

static bool watches(const struct debug_point *p, bool write)
{
    return p->type == DEBUG_WATCH_ACCESS ||
           p->type == (write ? DEBUG_WATCH_WRITE : DEBUG_WATCH_READ);
}

void debugger_access(struct vcpu *cpu, uint64_t linear, unsigned size, bool write)
{
    const struct debugger *d = &cpu->machine->debugger;

    for (unsigned k = 0; d->n_watches && k < d->n_points && !cpu->debug.met; k++) {
        const struct debug_point *p = &d->points[k];

        if (watches(p, write) && linear <= p->addr + p->len - 1 && p->addr <= linear + size - 1) {
            cpu->debug.met = true;
            cpu->debug.met_type = p->type;
            cpu->debug.met_addr = MAX(linear, p->addr);
        }
    }
}

const struct debug_point *debugger_break_at(const struct debugger *d, uint64_t linear)
{
    for (unsigned k = 0; d->n_breaks && k < d->n_points; k++) {
        if (!is_watch(&d->points[k]) && d->points[k].addr == linear) {
            return &d->points[k];
        }
    }
    return NULL;
}
