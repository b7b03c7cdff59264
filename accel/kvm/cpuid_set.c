/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/cpuid_set.c: a vCPU's CPUID leaves, given to the kernel before it runs: each as cpu_cpuid has it.
 * Thread: machine lock held, the vCPU has no thread yet.
 * Source: Linux, Documentation/virt/kvm/api.rst 4.20.
 */
#include <errno.h>
#include "accel/kvm/internal.h"
#include "util/error.h"
#include "util/log.h"

#define MAX_ENTRIES     256 /* as many as the kernel takes */
#define MSR_ARCH_CAPS   0x10au
#define SIGNATURE       0x40000000u
#define KVM_BASE_HYPERV 0x40000100u /* where KVM's leaves are when Hyper-V's come first */
#define OSXSAVE         (1u << 27)  /* of leaf 1, ECX: the kernel follows CR4 */

enum { EAX, EBX, ECX, EDX };

/*
 * How many sub-leaves are looked at: those that are all zeroes are left out, but for the first; of XSAVE's that, too: a
 * kernel that shows guests the host's XSAVE with no regard for the feature shows them the layout then.
 */
static unsigned sub_leaves(uint32_t leaf)
{
    static const struct {
        uint32_t leaf;
        unsigned n;
    } rows[] = { { 4, 8 },    { 7, 3 },    { 0xb, 3 },  { 0xd, 63 },      { 0x14, 2 },
                 { 0x1d, 2 }, { 0x1e, 2 }, { 0x1f, 4 }, { 0x8000001d, 8 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].leaf == leaf) {
            return rows[i].n;
        }
    }
    return 0;
}

static bool add(struct x86_cpu *cpu, struct kvm_cpuid2 *t, uint32_t leaf, uint32_t sub,
                bool indexed)
{
    uint32_t out[4];

    cpu_cpuid(cpu, leaf, sub, out);
    /* The last level of a topology has a number of its own, and tells that there is no more. */
    if ((sub > 1 || leaf == 0xd) && leaf != 0xb && leaf != 0x1f &&
        !(out[EAX] | out[EBX] | out[ECX] | out[EDX])) {
        return true;
    }
    if (t->nent == MAX_ENTRIES) {
        return false;
    }
    if (leaf == 1) {
        out[ECX] &= ~OSXSAVE;
    }
    t->entries[t->nent++] =
        (struct kvm_cpuid_entry2){ .function = leaf,
                                   .index = sub,
                                   .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
                                   .eax = out[EAX],
                                   .ebx = out[EBX],
                                   .ecx = out[ECX],
                                   .edx = out[EDX] };
    return true;
}

static bool add_range(struct x86_cpu *cpu, struct kvm_cpuid2 *t, uint32_t first)
{
    uint32_t out[4];

    cpu_cpuid(cpu, first, 0, out);
    for (uint32_t leaf = first; leaf <= out[EAX] && leaf - first < 0x100; leaf++) {
        unsigned subs = sub_leaves(leaf);

        for (unsigned sub = 0; sub < MAX(subs, 1u); sub++) {
            if (!add(cpu, t, leaf, sub, subs > 0)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_all(struct x86_cpu *cpu, struct kvm_cpuid2 *t)
{
    bool hyperv = hyperv_shown(&cpu->own_model->paravirt);

    return add_range(cpu, t, 0) && add_range(cpu, t, 0x80000000) &&
           (!cpu_has(cpu, X86_HYPERVISOR) || add_range(cpu, t, SIGNATURE)) &&
           (!cpu_has(cpu, X86_HYPERVISOR) || !hyperv || add_range(cpu, t, KVM_BASE_HYPERV));
}

/* False: the kernel has the MSR and does not take its value. */
static bool set_arch_caps(struct kvm_vcpu *v)
{
    const uint32_t *f = v->cpu->features;
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } m = { .head.nmsrs = 1,
            .entry = { .index = MSR_ARCH_CAPS,
                       .data = f[FEAT_ARCH_CAPS] | (uint64_t)f[FEAT_ARCH_CAPS_HI] << 32 } };

    return !cpu_has(v->cpu, X86_ARCH_CAPABILITIES) || kvm_vcpu_ioctl(v, KVM_SET_MSRS, &m) == 1;
}

static bool set_leaves(struct kvm_vcpu *v, GError **error)
{
    g_autofree struct kvm_cpuid2 *t = g_malloc0(sizeof(*t) + MAX_ENTRIES * sizeof(t->entries[0]));

    if (!add_all(v->cpu, t)) {
        set_error(error, "-accel kvm: the CPU model has more CPUID leaves than %d", MAX_ENTRIES);
        return false;
    }
    if (kvm_vcpu_ioctl(v, KVM_SET_CPUID2, t) < 0) {
        set_errno_error(error, "-accel kvm: the kernel does not take the CPUID leaves of CPU %d",
                        v->cpu->vcpu.index);
        return false;
    }
    return true;
}

static bool enable(struct kvm_vcpu *v, uint32_t cap, const char *option, GError **error)
{
    struct kvm_enable_cap e = { .cap = cap, .args = { 1 } };

    if (kvm_vcpu_ioctl(v, KVM_ENABLE_CAP, &e) < 0) {
        set_errno_error(error, "-cpu: %s: the kernel refuses", option);
        return false;
    }
    return true;
}

bool kvm_set_cpuid(struct kvm_vcpu *v, GError **error)
{
    struct x86_cpu *cpu = v->cpu;

    if (!kvm_hyperv_enable(v, error) ||
        (cpu->own_model->paravirt.enforce_kvm &&
         !enable(v, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, "kvm-pv-enforce-cpuid", error)) ||
        !set_leaves(v, error)) {
        return false;
    }
    if (set_arch_caps(v)) {
        return true;
    }
    /* Some kernels offer the feature and refuse what they say that it has: better none than one that lies. */
    log_line(LOG_ACCEL, "kvm: CPU %d: the kernel does not take MSR 0x10a: no arch-capabilities",
             cpu->vcpu.index);
    cpu->features[FEAT_7_0_EDX] &= ~(1u << X86_ARCH_CAPABILITIES % 32);
    cpu->features[FEAT_ARCH_CAPS] = cpu->features[FEAT_ARCH_CAPS_HI] = 0;
    return set_leaves(v, error);
}
