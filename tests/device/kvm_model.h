/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_model.h: a model of /dev/kvm behind accel/kvm/ioctl.h: it keeps what it is given, answers with that,
 * writes down every call, and fails or lacks what a test tells it to.  It runs no guest: KVM_RUN is a function of the
 * test.
 *
 *     struct kvm_model *k = kvm_model_new();
 *
 *     kvm_model_cap(k, KVM_CAP_X86_SMM, 0);                   lacks it
 *     kvm_model_fail(k, KVM_SET_MSRS, 1, EIO);                fails the next time, -1: always
 *     g_assert_true(kvm_init_with(m, &k->host, &error));
 *     g_assert_cmpuint(kvm_model_count(k, KVM_CREATE_VCPU), ==, 2);
 *     regs = kvm_model_last(k, KVM_SET_REGS, NULL);           the argument's bytes
 *
 * Thread: any; each call of the host's functions is whole.  Tests look while nothing runs.
 */
#ifndef TESTS_DEVICE_KVM_MODEL_H
#define TESTS_DEVICE_KVM_MODEL_H

#include <glib.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include "accel/kvm/ioctl.h"

#define KVM_MODEL_FD       1000 /* /dev/kvm's; the virtual machine has the next, then its vCPUs */
#define KVM_MODEL_VM       1001
#define KVM_MODEL_VCPU     1002
#define KVM_MODEL_CAPS     512
#define KVM_MODEL_RUN_SIZE 12288 /* struct kvm_run, port I/O data, coalesced accesses */
#define KVM_MODEL_VCPUS    64
#define KVM_MODEL_CPUIDS   128

struct kvm_model_call {
    int fd;
    unsigned long request;
    uint64_t value; /* the argument as a number */
    GBytes *
        data; /* what it points to, with the array at its end, as it was before the call; may be NULL */
    int result; /* or -errno */
};

struct kvm_model_table {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[KVM_MODEL_CPUIDS];
};

struct kvm_model_vcpu {
    struct kvm_run *run; /* KVM_MODEL_RUN_SIZE bytes; NULL: there is no such vCPU */
    unsigned id;
    GHashTable
        *msrs; /* number to uint64_t *: those that the kernel has; a read of others stops there */
};

struct kvm_model {
    struct kvm_host host;        /* hand this out */
    int api_version, open_errno; /* the latter: open fails; 0: it does not */
    int caps[KVM_MODEL_CAPS];
    struct kvm_model_table cpuid, hv_cpuid;
    uint64_t arch_capabilities;
    uint64_t xcomp;     /* XSAVE components that guests may have, KVM_X86_XCOMP_GUEST_SUPP */
    uint64_t permitted; /* those that were asked for */
    bool refuses_arch_capabilities;
    unsigned tsc_khz;
    struct kvm_model_vcpu vcpus[KVM_MODEL_VCPUS];
    unsigned n_vcpus;
    GHashTable *slots; /* slot | space << 16 to struct kvm_userspace_memory_region * */
    GHashTable *dirty; /* the same to GByteArray *: KVM_GET_DIRTY_LOG's bitmap */
    GPtrArray *calls;  /* struct kvm_model_call * */
    /*
     * KVM_RUN, unless immediate_exit is set (EINTR then): fills the exit; 0, or -errno.  NULL: KVM_EXIT_HLT each time.
     * The model's lock is not held.
     */
    int (*enter)(void *opaque, struct kvm_model_vcpu *v);
    void (*seen)(void *opaque,
                 unsigned long request); /* each call, before it is done; may be NULL */
    void *opaque;
    /*< private >*/
    GMutex lock;
    GHashTable *kept; /* "fd request [part]" to GBytes */
    GArray *failures;
    unsigned open_fds;
};

/* As a Linux of today on a processor of Intel's, with Hyper-V's interfaces. */
struct kvm_model *kvm_model_new(void);
void kvm_model_free(struct kvm_model *k);
void kvm_model_cap(struct kvm_model *k, unsigned cap, int value);
/* The next `times` calls fail (-1: all of them). */
void kvm_model_fail(struct kvm_model *k, unsigned long request, int times, int err);
/* How often it was called, also in vain. */
unsigned kvm_model_count(const struct kvm_model *k, unsigned long request);
/* The argument of its last call, or NULL. */
const void *kvm_model_last(const struct kvm_model *k, unsigned long request, size_t *size);
/* That of any kind. */
const struct kvm_model_call *kvm_model_last_call(const struct kvm_model *k, unsigned long request);
void kvm_model_forget(struct kvm_model *k); /* the calls so far */
/* What KVM_GET_... of this descriptor answers from now on: as if it had been set. */
void kvm_model_answer(struct kvm_model *k, int fd, unsigned long request, const void *data,
                      size_t size);
/* An entry of the supported CPUID leaves, made if it is not there. */
struct kvm_cpuid_entry2 *kvm_model_cpuid(struct kvm_model_table *t, uint32_t leaf, uint32_t sub);
/* The guest has written to this page of a slot. */
void kvm_model_dirty(struct kvm_model *k, unsigned slot, uint64_t page);
/* "KVM_SET_REGS"; by number where it has no name here. */
const char *kvm_model_name(unsigned long request);

#endif
