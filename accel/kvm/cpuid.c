/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/cpuid.c: what CPUID tells a guest: the CPU's model, less what this kernel does not offer.
 * Thread: machine lock held, the vCPU has no thread yet.
 */
#include "accel/kvm/internal.h"
#include "target/i386/topology.h"
#include "util/error.h"

#define MAX_ENTRIES 128
#define X2APIC      (1u << 21) /* of leaf 1, ECX; the kernel's without its local APIC does not do it, */
#define DEADLINE    (1u << 24) /* nor this */
#define OSXSAVE     (1u << 27) /* the kernel follows CR4 itself */

struct table {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[MAX_ENTRIES];
};

static const struct kvm_cpuid_entry2 *find(const struct table *t, uint32_t leaf, uint32_t sub)
{
    for (unsigned i = 0; i < t->head.nent; i++) {
        if (t->entries[i].function == leaf && t->entries[i].index == sub) {
            return &t->entries[i];
        }
    }
    return NULL;
}

/* Leaves that are masks of features: by register, EAX first. */
static const struct {
    uint32_t leaf, sub;
    bool masked[4];
} masks[] = {
    { 1, 0, { false, false, true, true } },
    { 7, 0, { false, true, true, true } },
    { 7, 1, { true, true, true, true } },
    { 0xd, 1, { true, false, false, false } },
    { 0x80000001, 0, { false, false, true, true } },
    { 0x80000007, 0, { true, true, true, true } },
    { 0x80000008, 0, { false, true, false, false } },
};

static void mask(struct kvm_cpuid_entry2 *e, const struct table *offered)
{
    const struct kvm_cpuid_entry2 *o = find(offered, e->function, e->index);
    uint32_t none[4] = { 0 }, *have[4] = { &e->eax, &e->ebx, &e->ecx, &e->edx };
    const uint32_t *limit[4] = { &none[0], &none[1], &none[2], &none[3] };

    if (o) {
        limit[0] = &o->eax;
        limit[1] = &o->ebx;
        limit[2] = &o->ecx;
        limit[3] = &o->edx;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(masks); i++) {
        for (unsigned r = 0; r < 4; r++) {
            if (masks[i].leaf == e->function && masks[i].sub == e->index && masks[i].masked[r]) {
                *have[r] &= *limit[r];
            }
        }
    }
}

static bool add(struct kvm_vcpu *v, struct table *t, const struct table *offered, uint32_t leaf,
                uint32_t sub, bool indexed)
{
    struct kvm_cpuid_entry2 *e = &t->entries[t->head.nent];
    uint32_t out[4];

    if (t->head.nent == MAX_ENTRIES) {
        return false;
    }
    cpu_cpuid(v->cpu, leaf, sub, out);
    *e = (struct kvm_cpuid_entry2){ .function = leaf,
                                    .index = sub,
                                    .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
                                    .eax = out[0],
                                    .ebx = out[1],
                                    .ecx = out[2],
                                    .edx = out[3] };
    mask(e, offered);
    if (leaf == 1) {
        e->ecx &= ~OSXSAVE;
        if (v->kvm->irqchip == KVM_IRQCHIP_OFF) {
            e->ecx &= ~(X2APIC | DEADLINE);
        }
    }
    t->head.nent++;
    return true;
}

/* The host's layout of the XSAVE area is the guest's: instructions use it as it is. */
static void add_xsave(struct table *t, const struct table *offered)
{
    for (unsigned i = 0; i < offered->head.nent && t->head.nent < MAX_ENTRIES; i++) {
        if (offered->entries[i].function == 0xd) {
            t->entries[t->head.nent++] = offered->entries[i];
        }
    }
}

static unsigned sub_leaves(uint32_t leaf)
{
    switch (leaf) {
    case 4:
    case 0x8000001d:
        return 8;
    case 7:
        return 2;
    case 0xb:
    case 0x1f:
        return 4;
    default:
        return 0;
    }
}

static bool add_range(struct kvm_vcpu *v, struct table *t, const struct table *offered,
                      uint32_t first)
{
    uint32_t out[4];

    cpu_cpuid(v->cpu, first, 0, out);
    for (uint32_t leaf = first; leaf <= out[0] && leaf - first < 64; leaf++) {
        unsigned subs = sub_leaves(leaf);

        if (leaf == 0xd) {
            add_xsave(t, offered);
            continue;
        }
        for (unsigned sub = 0; sub < MAX(subs, 1u); sub++) {
            if (!add(v, t, offered, leaf, sub, subs > 0)) {
                return false;
            }
        }
    }
    return true;
}

bool kvm_set_cpuid(struct kvm_vcpu *v, GError **error)
{
    g_autofree struct table *offered = g_new0(struct table, 1), *t = g_new0(struct table, 1);

    offered->head.nent = MAX_ENTRIES;
    if (kvm_sys_ioctl(v->kvm, KVM_GET_SUPPORTED_CPUID, offered) < 0) {
        set_errno_error(error, "-accel kvm: KVM_GET_SUPPORTED_CPUID");
        return false;
    }
    if (!add_range(v, t, offered, 0) || !add_range(v, t, offered, 0x80000000u)) {
        set_error(error, "-accel kvm: the CPU model has more CPUID leaves than %d", MAX_ENTRIES);
        return false;
    }
    if (kvm_vcpu_ioctl(v, KVM_SET_CPUID2, t) < 0) {
        set_errno_error(error, "-accel kvm: KVM does not take the CPUID leaves of CPU %d",
                        v->cpu->vcpu.index);
        return false;
    }
    return true;
}
