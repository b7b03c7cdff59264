/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/hyperv.c: Hyper-V's interfaces: what of them this kernel has, turned on for a vCPU that shows them
 * (-cpu hv-*), and the hypercalls that it leaves to this program.
 *
 * Thread: machine lock held, no vCPU runs yet; kvm_hyperv_exit on a vCPU's own.
 * Source: Linux, Documentation/virt/kvm/api.rst 4.118, 5 (KVM_EXIT_HYPERV), 7; Hypervisor Top Level
 *         Functional Specification, "Hypercall Interface".
 */
#include <errno.h>
#include "accel/kvm/internal.h"
#include "util/error.h"
#include "util/log.h"

#define ENTRIES           64
#define FEATURES          0x40000003u
#define RECOMMENDATIONS   0x40000004u
#define NESTED            0x4000000au
#define INVALID_HYPERCALL 2 /* HV_STATUS_INVALID_HYPERCALL_CODE */

static void take(const struct kvm_cpuid2 *t, uint32_t leaf, uint32_t out[4])
{
    for (unsigned i = 0; i < t->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &t->entries[i];

        if (e->function == leaf) {
            out[0] = e->eax;
            out[1] = e->ebx;
            out[2] = e->ecx;
            out[3] = e->edx;
        }
    }
}

void kvm_hyperv_find(struct kvm *k, struct cpu_support *s)
{
    g_autofree struct kvm_cpuid2 *t = g_malloc0(sizeof(*t) + ENTRIES * sizeof(t->entries[0]));
    uint32_t leaf3[4] = { 0 }, leaf4[4] = { 0 }, leaf_a[4] = { 0 };

    t->nent = ENTRIES;
    if (kvm_cap(k, KVM_CAP_HYPERV) <= 0 || kvm_cap(k, KVM_CAP_SYS_HYPERV_CPUID) <= 0 ||
        kvm_sys_ioctl(k, KVM_GET_SUPPORTED_HV_CPUID, t) < 0) {
        return; /* before Linux 5.11, or built without them */
    }
    t->nent = MIN(t->nent, ENTRIES);
    take(t, FEATURES, leaf3);
    take(t, RECOMMENDATIONS, leaf4);
    take(t, NESTED, leaf_a);
    s->hyperv = hyperv_found(leaf3, leaf4, leaf_a);
    s->hyperv_spinlocks = leaf4[1];
    if (kvm_cap(k, KVM_CAP_HYPERV_SYNIC2) <= 0 || k->irqchip == KVM_IRQCHIP_OFF) {
        s->hyperv &= ~(1ull << HV_SYNIC | 1ull << HV_STIMER | 1ull << HV_STIMER_DIRECT);
    }
    if (kvm_cap(k, KVM_CAP_HYPERV_ENLIGHTENED_VMCS) <= 0) {
        s->hyperv &= ~(1ull << HV_EVMCS | 1ull << HV_EMSR_BITMAP | 1ull << HV_TLBFLUSH_DIRECT);
    }
    s->has_hyperv_enforce = kvm_cap(k, KVM_CAP_HYPERV_ENFORCE_CPUID) > 0;
}

bool kvm_hyperv_enable(struct kvm_vcpu *v, GError **error)
{
    static const struct {
        uint64_t feature;
        uint32_t cap;
        const char *name;
    } rows[] = {
        { 1ull << HV_SYNIC, KVM_CAP_HYPERV_SYNIC2, "hv-synic" },
        { 1ull << HV_EVMCS, KVM_CAP_HYPERV_ENLIGHTENED_VMCS, "hv-evmcs" },
        { 1ull << HV_TLBFLUSH_DIRECT, KVM_CAP_HYPERV_DIRECT_TLBFLUSH, "hv-tlbflush-direct" },
    };
    const struct cpu_paravirt *p = &v->cpu->own_model->paravirt;
    uint16_t evmcs = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct kvm_enable_cap e = { .cap = rows[i].cap, .args = { (uintptr_t)&evmcs } };

        if (rows[i].feature != 1ull << HV_EVMCS) {
            e.args[0] = 0;
        }
        if ((p->hyperv & rows[i].feature) && kvm_vcpu_ioctl(v, KVM_ENABLE_CAP, &e) < 0) {
            set_errno_error(error, "-cpu: %s: the kernel refuses", rows[i].name);
            return false;
        }
    }
    if (p->enforce_hyperv) {
        struct kvm_enable_cap e = { .cap = KVM_CAP_HYPERV_ENFORCE_CPUID, .args = { 1 } };

        if (kvm_vcpu_ioctl(v, KVM_ENABLE_CAP, &e) < 0) {
            set_errno_error(error, "-cpu: hv-enforce-cpuid: the kernel refuses");
            return false;
        }
    }
    return true;
}

/* Messages and events to ports that nobody has opened: there is no VMBus.  A change of the SynIC's pages is the kernel's. */
bool kvm_hyperv_exit(struct kvm_vcpu *v)
{
    struct kvm_hyperv_exit *e = &v->run->hyperv;

    kvm_counted(v, KVM_COUNT_OTHER);
    if (e->type == KVM_EXIT_HYPERV_HCALL) {
        e->u.hcall.result = INVALID_HYPERCALL;
        v->needs_entry = true;
        log_line(LOG_UNIMP, "kvm: Hyper-V's hypercall 0x%llx",
                 (unsigned long long)e->u.hcall.input & 0xffff);
    }
    return true;
}
