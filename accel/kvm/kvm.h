/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/kvm.h: the engine that runs x86 CPUs by the kernel's KVM, for who makes machines.  Where there is no
 * KVM to build for, no_kvm.c says so.
 * Thread: machine lock held; the engine's functions as softmmu/vcpu.h says.
 */
#ifndef ACCEL_KVM_KVM_H
#define ACCEL_KVM_KVM_H

#include <glib.h>
#include <stdbool.h>
#include "softmmu/vcpu.h"

struct kvm_host;
struct machine;

extern const struct vcpu_ops kvm_vcpu_ops;

/*
 * Before the machine's CPUs are made: opens /dev/kvm and makes the virtual machine with what -accel kvm,... in
 * m->config.accel asks for; m->kvm, freed with the machine.
 */
bool kvm_init(struct machine *m, GError **error);
/* The same with another kernel behind it: tests' model. */
bool kvm_init_with(struct machine *m, struct kvm_host *host, GError **error);

/* `info kvm`: where the interrupt controllers are; exits and the like of each CPU.  Nothing under another engine. */
void kvm_print(struct machine *m, GString *out);

#endif
