/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/debug.c: breakpoints and single steps.
 * Thread: kvm_debug: machine lock held, the vCPU out of `run`; else its own, no lock held.
 */
#include "accel/kvm/internal.h"

void kvm_debug(struct vcpu *v, bool points)
{
    (void)v; /* vcpu.debug is looked at when the vCPU runs */
    (void)points;
}

bool kvm_debug_exit(struct kvm_vcpu *v)
{
    kvm_fail(v, "KVM reports a debug event that nobody asked for");
    return false;
}
