/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_rig.h: a machine with one vCPU under the KVM engine, and a model of the kernel below it.
 *
 *     struct kvm_rig *r = kvm_rig_new(kvm_model_new(), "kvm,kernel-irqchip=off", "qemu64");
 *
 *     KVM_RIG_RUN(r, exit_read_four, kvm_exit_hlt);   one exit after another, then the vCPU leaves
 *     kvm_rig_free(r);
 *
 * Thread: the test's, which is the vCPU's while it runs; the machine lock is held but there.
 */
#ifndef TESTS_DEVICE_KVM_RIG_H
#define TESTS_DEVICE_KVM_RIG_H

#include "accel/kvm/internal.h"
#include "softmmu/machine.h"
#include "tests/device/kvm_model.h"

#define RAM_SIZE  (4u << 20) /* at 0 */
#define ROM_AT    0xfffff000u
#define PORT      0x500       /* 8 of them */
#define DEVICE_AT 0x80000000u /* a page */

struct kvm_rig {
    struct kvm_model *k;
    struct machine *m;
    struct x86_cpu *cpu;
    /* The device gives 0x10, 0x11, ..., and keeps what it gets: the offset in the upper half. */
    struct mem_region ram, rom, ports, device, hole;
    uint64_t written[8], next;
    unsigned n_written;
    /* The exits to come, one after another; then the test leaves. */
    void (*const *exits)(struct kvm_rig *r, struct kvm_run *run);
    unsigned n_exits, entered;
};

struct kvm_rig *kvm_rig_new(struct kvm_model *k, const char *accel, const char *cpu);
void kvm_rig_free(struct kvm_rig *r);
/* A hole of device memory over the RAM, once. */
void kvm_rig_add_hole(struct kvm_rig *r, uint64_t at, uint64_t size);
void kvm_rig_run(struct kvm_rig *r, void (*const *exits)(struct kvm_rig *, struct kvm_run *),
                 unsigned n);
/* The vCPU is to leave `run`. */
void kvm_rig_leave(struct kvm_rig *r);
/* Real mode: vector 0x20 goes to 0000:5678, with what it interrupts on the stack. */
void kvm_rig_set_real(struct kvm_rig *r);
void kvm_exit_hlt(struct kvm_rig *r, struct kvm_run *run);

#define KVM_RIG_RUN(r, ...)                                                                        \
    do {                                                                                           \
        static void (*const list[])(struct kvm_rig *, struct kvm_run *) = { __VA_ARGS__ };         \
                                                                                                   \
        kvm_rig_run(r, list, G_N_ELEMENTS(list));                                                  \
    } while (0)

#endif
