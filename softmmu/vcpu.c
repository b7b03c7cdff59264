/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/vcpu.c: vCPU threads, and how others stop them.
 *
 * Invariants: exit_request and leave are cleared under the lock before the vCPU looks for work, so
 *             that a kick after that look is either seen by `run` or wakes the wait;
 *             outside `run` a vCPU's thread holds the machine lock, or waits for it.
 * Thread:     all fields but exit_request and leave under the machine lock.
 *
 * Two kinds of standstill: vcpu_pause_all lets vCPUs finish their instruction and stay out until
 * vcpu_resume_all; an exclusive section (softmmu/machine.c keeps others off the lock meanwhile) also
 * accepts vCPUs that wait for the lock within an instruction.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "softmmu/vcpu.h"

static _Thread_local struct vcpu *this_vcpu;

struct vcpu *vcpu_current(void)
{
    return this_vcpu;
}

static gpointer vcpu_thread(gpointer opaque)
{
    struct vcpu *cpu = opaque;
    struct machine *m = cpu->machine;

    this_vcpu = cpu;
    machine_lock(m);
    cpu->thread_id = syscall(SYS_gettid);
    cpu->created = true;
    pthread_cond_broadcast(&m->exclusive_cond);
    while (!cpu->unplug) {
        atomic_store(&cpu->leave, false);
        atomic_store(&cpu->exit_request, false);
        if (cpu->stop || !cpu->ops->has_work(cpu)) {
            cpu->stopped = cpu->stop;
            machine_wait(m, &cpu->wake);
            continue;
        }
        cpu->stopped = false;
        cpu->in_guest = true;
        machine_unlock(m);
        cpu->ops->run(cpu);
        machine_lock(m);
        cpu->in_guest = false;
        cpu->safe_point = false;
        cpu->stopped = cpu->stop;
        pthread_cond_broadcast(&m->exclusive_cond);
    }
    cpu->stopped = true;
    machine_unlock(m);
    return NULL;
}

bool vcpu_start_all(struct machine *m, GError **error)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];
        g_autofree char *name = g_strdup_printf("CPU %u/%s", i, cpu->ops->name);

        if (cpu->thread) {
            continue;
        }
        cpu->machine = m;
        cpu->index = i;
        cpu->stop = cpu->stopped = true;
        cpu->unplug = cpu->created = cpu->in_guest = false;
        if (cpu->ops->init && !cpu->ops->init(cpu, error)) {
            return false;
        }
        pthread_cond_init(&cpu->wake, NULL);
        cpu->thread = g_thread_try_new(name, vcpu_thread, cpu, error);
        if (!cpu->thread) {
            pthread_cond_destroy(&cpu->wake);
            return false;
        }
        while (!cpu->created) {
            machine_wait(m, &m->exclusive_cond);
        }
    }
    return true;
}

void vcpu_notify(struct vcpu *cpu)
{
    struct machine *m = cpu->machine;
    bool locked;

    atomic_store(&cpu->exit_request, true);
    if (!cpu->thread) {
        return; /* not started */
    }
    locked = machine_locked(m);
    if (cpu->ops->kick) {
        cpu->ops->kick(cpu);
    }
    /* The mutex orders the signal after a look for work that did not see the caller's reason. */
    if (!locked) {
        pthread_mutex_lock(&m->mutex);
    }
    if (!cpu->in_guest) {
        pthread_cond_signal(&cpu->wake);
    }
    if (!locked) {
        pthread_mutex_unlock(&m->mutex);
    }
}

void vcpu_kick(struct vcpu *cpu)
{
    atomic_store(&cpu->leave, true);
    vcpu_notify(cpu);
}

void vcpu_resume_all(struct machine *m)
{
    if (m->debugger.stop.reason != DEBUG_STOP_NONE) {
        return; /* the main loop is about to stop the machine */
    }
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];

        if (cpu->created) {
            cpu->stop = cpu->debug.held;
            pthread_cond_signal(&cpu->wake);
        }
    }
}

/*
 * Is another vCPU inside guest code?  Two vCPUs that pause each other both stand still; anybody else
 * (`own` is false) waits until they have left their instruction, too.
 */
static bool others_in_guest(struct machine *m, bool own)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];

        if (cpu != this_vcpu && cpu->in_guest && !(own && cpu->pausing)) {
            return true;
        }
    }
    return false;
}

void vcpu_pause_all(struct machine *m)
{
    bool own = this_vcpu && this_vcpu->machine == m;

    for (unsigned i = 0; i < m->n_vcpus; i++) {
        if (m->vcpus[i]->created) {
            m->vcpus[i]->stop = true;
            vcpu_kick(m->vcpus[i]);
        }
    }
    if (own) {
        this_vcpu->pausing = true;
        pthread_cond_broadcast(&m->exclusive_cond); /* another pausing vCPU may wait for this one */
    }
    while (others_in_guest(m, own)) {
        machine_wait(m, &m->exclusive_cond);
    }
    if (own) {
        this_vcpu->pausing = false;
    }
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];

        if (cpu->created && !cpu->in_guest && cpu->ops->fetch) {
            cpu->ops->fetch(cpu);
        }
    }
}

void vcpu_destroy_all(struct machine *m)
{
    bool locked = machine_locked(m);

    if (!locked) {
        machine_lock(m);
    }
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        m->vcpus[i]->unplug = m->vcpus[i]->stop = true;
        vcpu_kick(m->vcpus[i]);
    }
    machine_unlock(m);
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];

        if (cpu->thread) {
            g_thread_join(cpu->thread);
            pthread_cond_destroy(&cpu->wake);
            cpu->thread = NULL;
            cpu->created = false;
            if (cpu->ops->destroy) {
                cpu->ops->destroy(cpu);
            }
        }
        m->vcpus[i] = NULL;
    }
    m->n_vcpus = 0;
    if (locked) {
        machine_lock(m);
    }
}

static bool others_at_work(struct machine *m)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];

        if (cpu != this_vcpu && cpu->in_guest && !cpu->safe_point) {
            return true;
        }
    }
    return false;
}

void vcpu_exclusive_begin(struct machine *m)
{
    if (m->exclusive_depth++ > 0) {
        return;
    }
    /* From here on machine_lock and machine_wait let nobody else through. */
    m->exclusive_owner = g_thread_self();
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct vcpu *cpu = m->vcpus[i];

        if (cpu != this_vcpu && cpu->in_guest && !cpu->safe_point) {
            vcpu_kick(cpu);
        }
    }
    while (others_at_work(m)) {
        machine_wait(m, &m->exclusive_cond);
    }
    iothread_pause_all(m);
}

void vcpu_exclusive_end(struct machine *m)
{
    if (--m->exclusive_depth == 0) {
        iothread_resume_all(m);
        m->exclusive_owner = NULL;
        pthread_cond_broadcast(&m->exclusive_cond);
    }
}
