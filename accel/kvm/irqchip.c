/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/irqchip.c: where the interrupt controllers are.  All are hw/intc's: the kernel gets an interrupt's number
 * when the guest can take it.
 * Thread: machine lock held; fetch and store as in state.c.
 */
#include "accel/kvm/internal.h"

bool kvm_irqchip_init(struct kvm *k, GError **error)
{
    (void)error;
    k->irqchip = KVM_IRQCHIP_OFF;
    return true;
}

void kvm_irqchip_fetch(struct kvm_vcpu *v)
{
    (void)v; /* nothing is there */
}

void kvm_irqchip_store(struct kvm_vcpu *v)
{
    (void)v;
}
