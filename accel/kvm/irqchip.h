/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/irqchip.h: between irqchip.c and routes.c.
 * Thread: machine lock held.
 */
#ifndef ACCEL_KVM_IRQCHIP_H
#define ACCEL_KVM_IRQCHIP_H

#include "accel/kvm/internal.h"
#include "softmmu/irqchip.h"

#define IOAPIC_DEFAULT_BASE 0xfec00000u

/* routes.c: which number of the kernel's leads where. */
bool kvm_routes_init(struct kvm *k, GError **error);
void kvm_routes_free(struct kvm *k);
/* See struct irqchip_ops. */
void kvm_set_pin(struct machine *m, enum irqchip_chip chip, unsigned pin, bool level);
void kvm_send_msi(struct machine *m, uint64_t addr, uint32_t data);
void kvm_set_message(struct machine *m, unsigned pin, uint64_t addr, uint32_t data);
bool kvm_route_attach(struct machine *m, struct irqchip_route *r);
void kvm_route_detach(struct machine *m, struct irqchip_route *r);
void kvm_route_forget(struct machine *m, struct irqchip_route *r);

#endif
