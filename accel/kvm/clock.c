/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/clock.c: the paravirtual clock ("kvmclock") that the kernel shows to guests.
 *
 * It stands still while the machine does, and goes on where it stopped: here, or where the machine was sent to.
 * CPU 0's state has its time.  Guests are told that they were stopped, lest their watchdogs bark.
 *
 * Thread: machine lock held.
 * Source: Linux, Documentation/virt/kvm/api.rst, 4.30 KVM_SET_CLOCK, 4.70 KVM_KVMCLOCK_CTRL.
 */
#include <errno.h>
#include "accel/kvm/internal.h"
#include "util/log.h"

static struct x86_cpu *keeper(struct kvm *k)
{
    return k->machine->n_vcpus ? x86_cpu_of(k->machine->vcpus[0]) : NULL;
}

static void stop_clock(struct kvm *k)
{
    struct kvm_clock_data data = { 0 };
    struct x86_cpu *cpu = keeper(k);

    if (!k->clock_runs || !cpu) {
        return;
    }
    k->clock_runs = false;
    if (kvm_vm_ioctl(k, KVM_GET_CLOCK, &data) < 0) {
        report_error("kvm: the guest's clock cannot be read: %s", g_strerror(errno));
        return;
    }
    cpu->kvm_clock = data.clock;
    for (unsigned i = 0; i < k->machine->n_vcpus; i++) {
        if (k->vcpus[i]) {
            /* EINVAL: the guest does not use it. */
            kvm_vcpu_ioctl(k->vcpus[i], KVM_KVMCLOCK_CTRL, NULL);
        }
    }
}

static void start_clock(struct kvm *k)
{
    struct x86_cpu *cpu = keeper(k);
    struct kvm_clock_data data = { .clock = cpu ? cpu->kvm_clock : 0 };

    if (k->clock_runs || !cpu) {
        return;
    }
    k->clock_runs = true;
    if (kvm_vm_ioctl(k, KVM_SET_CLOCK, &data) < 0) {
        report_error("kvm: the guest's clock cannot be set: %s", g_strerror(errno));
    }
}

static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct kvm *k = (struct kvm *)((char *)l - offsetof(struct kvm, clock_listener));

    if (state == RUN_STATE_RUNNING) {
        start_clock(k);
    } else {
        stop_clock(k);
    }
}

void kvm_clock_init(struct kvm *k)
{
    if (kvm_cap(k, KVM_CAP_ADJUST_CLOCK) > 0) {
        k->clock_listener.changed = run_state_changed;
        machine_add_run_listener(k->machine, &k->clock_listener);
    }
}

void kvm_clock_free(struct kvm *k)
{
    if (k->clock_listener.changed) {
        machine_del_run_listener(k->machine, &k->clock_listener);
    }
}
