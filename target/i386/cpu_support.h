/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_support.h: what an engine can give CPUs, where that is not what the interpreter executes;
 * and what a CPU shows of the interfaces that KVM has for guests, its own and Hyper-V's.
 *
 * Thread: made before the first CPU, constant from then on.
 */
#ifndef TARGET_I386_CPU_SUPPORT_H
#define TARGET_I386_CPU_SUPPORT_H

#include "target/i386/cpuid_models.h"

struct cpu_support {
    uint32_t features[FEAT_WORDS]; /* that guests can have */
    /* The host's processor, for -cpu host and max, its vendor for all; strings last as long as this. */
    struct cpu_model host;
    unsigned phys_bits;
    uint64_t tsc_hz;           /* of guests' TSC; 0: unknown */
    uint64_t hyperv;           /* 1 << enum hyperv_feature */
    uint32_t hyperv_spinlocks; /* what KVM recommends; 0: nothing */
    bool has_pmu, has_enforce, has_hyperv_enforce;
    /*
     * Leaves that are the engine's or the host's to tell.  False: they are made of model and features, as
     * without an engine.
     */
    bool (*cpuid)(const struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4]);
};

/* Bits of cpu_paravirt.hyperv: rows of hyperv.c, in this order. */
enum hyperv_feature {
    HV_RELAXED,
    HV_VAPIC,
    HV_TIME,
    HV_VPINDEX,
    HV_RUNTIME,
    HV_SYNIC,
    HV_STIMER,
    HV_STIMER_DIRECT,
    HV_RESET,
    HV_FREQUENCIES,
    HV_CRASH,
    HV_REENLIGHTENMENT,
    HV_TLBFLUSH,
    HV_TLBFLUSH_EXT,
    HV_TLBFLUSH_DIRECT,
    HV_IPI,
    HV_EVMCS,
    HV_EMSR_BITMAP,
    HV_AVIC,
    HV_XMM_INPUT,
    HV_NO_NONARCH_CORESHARING,
    HV_FEATURES
};

struct cpu_paravirt {
    bool no_kvm;      /* kvm=off: nothing tells that KVM is there */
    bool enforce_kvm; /* kvm-pv-enforce-cpuid: MSRs and hypercalls that CPUID does not show fail */
    bool enforce_hyperv;
    bool pmu, host_caches;
    uint64_t hyperv;
    bool passthrough;   /* hv-passthrough */
    bool has_spinlocks; /* the next is given */
    uint32_t spinlocks; /* tries before the guest tells that it waits; UINT32_MAX: it never does */
    char vendor[13];    /* hv-vendor-id */
    uint32_t build, service_pack, service_number;
    uint16_t major, minor;
    uint8_t service_branch;
};

struct cpu_request;
/* hyperv.c: what is shown where no option says otherwise. */
void hyperv_init(struct cpu_paravirt *v);
/* The option hv-NAME; *known: there is one. */
bool hyperv_option(struct cpu_request *r, const char *name, const char *value, bool *known,
                   GError **error);
const char *hyperv_option_name(unsigned n);
/* After all options: what needs what, and what the engine lacks. */
bool hyperv_finish(struct cpu_paravirt *v, const struct cpu_support *s, GError **error);
/* Does the CPU show Hyper-V's leaves, with KVM's own at 40000100H? */
bool hyperv_shown(const struct cpu_paravirt *v);
void hyperv_leaf(const struct x86_cpu *cpu, uint32_t leaf, uint32_t out[4]);
/* Which rows' bits the leaves 3, 4 and AH have. */
uint64_t hyperv_found(const uint32_t leaf3[4], const uint32_t leaf4[4], const uint32_t leaf_a[4]);

#endif
