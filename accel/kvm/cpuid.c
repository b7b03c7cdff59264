/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/cpuid.c: what CPUs can have under this kernel, which -cpu is cut down to (cpu_support.h); and what CPUID
 * tells a guest.  cpuid_set.c gives it to the kernel.
 *
 * Most leaves are made of model, features and topology as without KVM.  Others are the processor's own, since
 * guests use it as it is: the layout of the XSAVE area, tiles, counters; or the interface's: 4000xxxxH.
 * Thread: machine lock held, no vCPU runs yet; answer() also on a vCPU's own.
 * Source: Linux, Documentation/virt/kvm/api.rst 4.20, 4.46, x86/cpuid.rst; SDM vol. 2, "CPUID".
 */
#include <cpuid.h>
#include <errno.h>
#include <inttypes.h>
#include "accel/kvm/internal.h"
#include "softmmu/clock.h"
#include "target/i386/topology.h"
#include "target/i386/xsave.h"
#include "util/error.h"
#include "util/log.h"

#define MSR_ARCH_CAPS     0x10au
#define SIGNATURE         0x40000000u
#define KVM_BASE_HYPERV   0x40000100u /* where KVM's leaves are when Hyper-V's come first */
#define OSXSAVE           (1u << 27) /* of leaf 1, ECX, and OSPKE of leaf 7: the kernel follows CR4 */
#define OSPKE             (1u << 4)
#define CRYSTAL_HZ        NS_PER_SEC /* the local APIC's timer in the kernel counts nanoseconds */
#define TILE_DATA         18         /* XSAVE component */
#define ASYNC_PF_FEATURES (1u << 4 | 1u << 10 | 1u << 14)

enum { EAX, EBX, ECX, EDX };

struct kvm_offer {
    struct cpu_support support;
    struct kvm_cpuid2 *offered;
    char vendor[13], brand[49];
};

/* Where the kernel tells of each word of features. */
static const struct {
    uint32_t leaf, sub, reg;
} words[FEAT_WORDS] = {
    [FEAT_1_EDX] = { 1, 0, EDX },
    [FEAT_1_ECX] = { 1, 0, ECX },
    [FEAT_7_0_EBX] = { 7, 0, EBX },
    [FEAT_7_0_ECX] = { 7, 0, ECX },
    [FEAT_7_0_EDX] = { 7, 0, EDX },
    [FEAT_7_1_EAX] = { 7, 1, EAX },
    [FEAT_7_2_EDX] = { 7, 2, EDX },
    [FEAT_80000001_EDX] = { 0x80000001, 0, EDX },
    [FEAT_80000001_ECX] = { 0x80000001, 0, ECX },
    [FEAT_D_1_EAX] = { 0xd, 1, EAX },
    [FEAT_80000007_EDX] = { 0x80000007, 0, EDX },
    [FEAT_80000008_EBX] = { 0x80000008, 0, EBX },
    [FEAT_6_EAX] = { 6, 0, EAX },
    [FEAT_KVM] = { SIGNATURE + 1, 0, EAX },
    [FEAT_KVM_HINTS] = { SIGNATURE + 1, 0, EDX },
    [FEAT_8000000A_EDX] = { 0x8000000a, 0, EDX },
};

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *t, uint32_t leaf, uint32_t sub)
{
    for (unsigned i = 0; i < t->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &t->entries[i];

        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == sub)) {
            return e;
        }
    }
    return NULL;
}

/* False, and zeroes: the kernel has no such leaf. */
static bool offered(const struct kvm_offer *c, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const struct kvm_cpuid_entry2 *e = find(c->offered, leaf, sub);

    memset(out, 0, 4 * sizeof(out[0]));
    if (e) {
        out[EAX] = e->eax;
        out[EBX] = e->ebx;
        out[ECX] = e->ecx;
        out[EDX] = e->edx;
    }
    return e != NULL;
}

/* Tiles have room in a guest's XSAVE area only where they are asked for. */
static void permit_tiles(struct kvm *k)
{
    uint64_t components = 0;
    struct kvm_device_attr attr = {
        .attr = KVM_X86_XCOMP_GUEST_SUPP,
        .addr = (uintptr_t)&components,
    };

    if (kvm_cap(k, KVM_CAP_SYS_ATTRIBUTES) > 0 &&
        kvm_sys_ioctl(k, KVM_GET_DEVICE_ATTR, &attr) >= 0 && (components >> TILE_DATA & 1) &&
        k->host->permit_xsave(k->host, TILE_DATA) < 0) {
        log_line(LOG_ACCEL, "kvm: guests cannot use tiles: %s", g_strerror(errno));
    }
}

/* What the kernel supports ---------------------------------------------------------------------- */

static void find_features(struct kvm *k, struct kvm_offer *c)
{
    uint32_t *f = c->support.features, out[4];

    for (unsigned w = 0; w < FEAT_WORDS; w++) {
        if (words[w].leaf && offered(c, words[w].leaf, words[w].sub, out)) {
            f[w] = out[words[w].reg];
        }
    }
    f[FEAT_1_ECX] &= ~OSXSAVE;
    f[FEAT_7_0_ECX] &= ~OSPKE;
    f[FEAT_1_ECX] |= 1u << X86_HYPERVISOR % 32;     /* that is ours to say */
    f[FEAT_KVM_HINTS] |= 1;                         /* and this: each CPU has one of the host's */
    f[FEAT_80000001_ECX] |= 1u << X86_TOPOEXT % 32; /* and its leaves are made of the topology */
    if (kvm_cap(k, KVM_CAP_TSC_DEADLINE_TIMER) > 0) {
        f[FEAT_1_ECX] |= 1u << X86_TSC_DEADLINE % 32;
    }
    if (!(kvm_cap(k, KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_MWAIT)) {
        f[FEAT_1_ECX] &= ~(1u << X86_MONITOR % 32);
    }
    if (k->irqchip == KVM_IRQCHIP_OFF) { /* they are the kernel's local APIC's */
        f[FEAT_1_ECX] &= ~(1u << X86_X2APIC % 32 | 1u << X86_TSC_DEADLINE % 32);
        f[FEAT_KVM] &= ~(1u << 6 | 1u << 7 | 1u << 11 | ASYNC_PF_FEATURES);
    }
    if (!k->caps.xsave_size && !kvm_cap(k, KVM_CAP_XCRS)) {
        f[FEAT_1_ECX] &= ~(1u << X86_XSAVE % 32);
    }
}

/* MSR IA32_ARCH_CAPABILITIES as the kernel would have it. */
static void find_arch_caps(struct kvm *k, struct cpu_support *s)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } m = { .head.nmsrs = 1, .entry.index = MSR_ARCH_CAPS };

    if (kvm_cap(k, KVM_CAP_GET_MSR_FEATURES) > 0 && kvm_sys_ioctl(k, KVM_GET_MSRS, &m) == 1) {
        s->features[FEAT_ARCH_CAPS] = (uint32_t)m.entry.data;
        s->features[FEAT_ARCH_CAPS_HI] = m.entry.data >> 32;
    } else {
        s->features[FEAT_7_0_EDX] &= ~(1u << X86_ARCH_CAPABILITIES % 32);
    }
}

static void text_of(const uint32_t *regs, unsigned n, char *text)
{
    memcpy(text, regs, n * 4);
    text[n * 4] = 0;
}

/* The processor, as the kernel tells of it; its list leaves the name out. */
static void find_host(struct kvm_offer *c)
{
    struct cpu_model *m = &c->support.host;
    uint32_t r[12] = { 0 }, out[4], base;

    offered(c, 0, 0, out);
    m->level = out[EAX];
    r[0] = out[EBX];
    r[1] = out[EDX];
    r[2] = out[ECX];
    text_of(r, 3, c->vendor);
    offered(c, 1, 0, out);
    base = out[EAX] >> 8 & 15;
    m->family = base + (base == 15 ? out[EAX] >> 20 & 0xff : 0);
    m->model = (out[EAX] >> 4 & 15) | (base == 6 || base == 15 ? (out[EAX] >> 16 & 15) << 4 : 0);
    m->stepping = out[EAX] & 15;
    offered(c, 0x80000000, 0, out);
    m->xlevel = out[EAX];
    if (__get_cpuid_max(0x80000000, NULL) >= 0x80000004) {
        for (unsigned i = 0; i < 3; i++) {
            __cpuid(0x80000002 + i, r[4 * i], r[4 * i + 1], r[4 * i + 2], r[4 * i + 3]);
        }
        text_of(r, 12, c->brand);
    }
    m->vendor = c->vendor;
    m->brand = g_strchug(c->brand);
    c->support.phys_bits = offered(c, 0x80000008, 0, out) ? out[EAX] & 0xff : 36;
}

/* As many leaves as the kernel has: it says so by E2BIG until the table is large enough. */
static struct kvm_cpuid2 *ask(struct kvm *k, GError **error)
{
    for (uint32_t n = 64; n <= 1024; n *= 2) {
        struct kvm_cpuid2 *t = g_malloc0(sizeof(*t) + n * sizeof(t->entries[0]));

        t->nent = n;
        if (kvm_sys_ioctl(k, KVM_GET_SUPPORTED_CPUID, t) >= 0) {
            t->nent = MIN(t->nent, n);
            return t;
        }
        g_free(t);
        if (errno != E2BIG) {
            break;
        }
    }
    set_errno_error(error, "-accel kvm: KVM_GET_SUPPORTED_CPUID");
    return NULL;
}

/* What a guest is told -------------------------------------------------------------------------- */

static const struct kvm_offer *cpuid_of(const struct x86_cpu *cpu)
{
    return cpu->vcpu.machine->kvm->cpuid;
}

/* The layout is the processor's; components are those of the CPU's features. */
static void leaf_xsave(const struct x86_cpu *cpu, uint32_t sub, uint32_t out[4])
{
    const struct kvm_offer *c = cpuid_of(cpu);
    uint64_t wanted = cpu_has(cpu, X86_XSAVE) ? kvm_xsave_components(cpu) : 0;
    uint32_t host[4], size = 512 + 64;

    if (!wanted) {
        return;
    }
    if (sub > 1) {
        if (sub < 63 && (wanted >> sub & 1)) {
            offered(c, 0xd, sub, out);
        }
        return;
    }
    for (unsigned n = 2; n < 63; n++) {
        if ((wanted >> n & 1) && offered(c, 0xd, n, host) && !(host[ECX] & 1)) {
            size = MAX(size, host[EAX] + host[EBX]);
        }
    }
    offered(c, 0xd, sub, host);
    if (sub == 0) {
        out[EAX] = host[EAX] & (uint32_t)wanted;
        out[EBX] = out[ECX] = size; /* EBX: the kernel follows XCR0 */
        out[EDX] = host[EDX] & (uint32_t)(wanted >> 32);
    } else {
        out[EAX] = cpu->features[FEAT_D_1_EAX];
        out[EBX] = size;
        if (cpu_has(cpu, X86_XSAVES)) {
            out[ECX] = host[ECX] & (uint32_t)wanted;
            out[EDX] = host[EDX] & (uint32_t)(wanted >> 32);
        }
    }
}

/* Which components the CPU's features bring. */
uint64_t kvm_xsave_components(const struct x86_cpu *cpu)
{
    static const struct {
        uint64_t bits;
        uint16_t feature;
    } rows[] = {
        { 3, X86_XSAVE },
        { 1u << 2, X86_AVX },
        { 7u << 5, X86_AVX512F },
        { 1u << 9, X86_FEATURE(FEAT_7_0_ECX, 3) },   /* protection keys */
        { 1u << 11, X86_FEATURE(FEAT_7_0_ECX, 7) },  /* shadow stacks: */
        { 1u << 12, X86_FEATURE(FEAT_7_0_ECX, 7) },  /* a supervisor's too */
        { 3u << 17, X86_FEATURE(FEAT_7_0_EDX, 24) }, /* tiles */
    };
    uint64_t bits = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        bits |= cpu_has(cpu, rows[i].feature) ? rows[i].bits : 0;
    }
    return bits;
}

bool kvm_xsave_place(const struct kvm *k, unsigned bit, uint32_t *offset, uint32_t *size)
{
    uint32_t out[4];
    bool there = bit < 63 && offered(k->cpuid, 0xd, bit, out) && !(out[ECX] & 1) && out[EAX] > 0;

    if (there) {
        *size = out[EAX];
        *offset = out[EBX];
    }
    return there;
}

/* The processor's caches, with the guest's CPUs behind them. */
static void leaf_host_caches(const struct x86_cpu *cpu, uint32_t leaf, uint32_t sub,
                             uint32_t out[4])
{
    struct topology t = topology_of(cpu->vcpu.machine);
    unsigned cores = 1u << (t.package_shift - t.core_shift), sharing;

    __cpuid_count(leaf, sub, out[EAX], out[EBX], out[ECX], out[EDX]);
    if ((leaf != 4 && leaf != 0x8000001d) || !(out[EAX] & 31)) {
        return;
    }
    sharing = (out[EAX] >> 5 & 7) >= 3 ? 1u << t.die_shift : 1u << t.core_shift;
    out[EAX] = (out[EAX] & 0x3fff) | (MIN(sharing, 4096) - 1) << 14;
    if (leaf == 4) {
        out[EAX] |= (MIN(cores, 64) - 1) << 26;
    }
}

static void leaf_kvm(const struct x86_cpu *cpu, uint32_t base, uint32_t leaf, uint32_t out[4])
{
    if (leaf == base) {
        out[EAX] = base + 1;
        memcpy(&out[EBX], "KVMKVMKVM\0\0\0", 12);
    } else if (leaf == base + 1) {
        out[EAX] = cpu->features[FEAT_KVM];
        out[EDX] = cpu->features[FEAT_KVM_HINTS];
    }
}

static void leaf_interface(const struct x86_cpu *cpu, uint32_t leaf, uint32_t out[4])
{
    const struct cpu_paravirt *v = &cpu->own_model->paravirt;
    bool hyperv = hyperv_shown(v);

    if (!cpu_has(cpu, X86_HYPERVISOR)) {
        return;
    }
    if (hyperv && leaf < KVM_BASE_HYPERV) {
        hyperv_leaf(cpu, leaf, out);
    } else if (!v->no_kvm) {
        leaf_kvm(cpu, hyperv ? KVM_BASE_HYPERV : SIGNATURE, leaf, out);
    }
}

/* Leaves that the processor has and this program knows nothing more of: by the feature that brings them. */
static const struct {
    uint32_t leaf;
    uint16_t feature;
} passed[] = {
    { 0x14, X86_FEATURE(FEAT_7_0_EBX, 25) }, /* processor trace */
    { 0x1d, X86_FEATURE(FEAT_7_0_EDX, 24) }, /* tiles: palettes, */
    { 0x1e, X86_FEATURE(FEAT_7_0_EDX, 24) }, /* and their multiplication */
};

static bool pass(const struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    for (unsigned i = 0; i < G_N_ELEMENTS(passed); i++) {
        if (passed[i].leaf == leaf) {
            if (cpu_has(cpu, passed[i].feature)) {
                offered(cpuid_of(cpu), leaf, sub, out);
            }
            return true;
        }
    }
    return false;
}

/* cpu_support.cpuid. */
static bool answer(const struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const struct cpu_paravirt *v = &cpu->own_model->paravirt;

    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf >> 16 == SIGNATURE >> 16) {
        leaf_interface(cpu, leaf, out);
        return true;
    }
    switch (leaf) {
    case 2:
    case 4:
    case 0x80000005:
    case 0x80000006:
    case 0x8000001d:
        if (v->host_caches) {
            leaf_host_caches(cpu, leaf, sub, out);
        }
        return v->host_caches;
    case 0xa:
        if (v->pmu) {
            offered(cpuid_of(cpu), leaf, 0, out);
        }
        return true;
    case 0xd:
        leaf_xsave(cpu, sub, out);
        return true;
    case 0x15: /* TSC = crystal * EBX / EAX */
        out[EAX] = CRYSTAL_HZ / 1000;
        out[EBX] = (uint32_t)(cpu->tsc_hz / 1000);
        out[ECX] = CRYSTAL_HZ;
        return true;
    case 0x8000000a:
        if (cpu_has(cpu, X86_SVM)) {
            offered(cpuid_of(cpu), leaf, 0, out);
            out[EDX] &= cpu->features[FEAT_8000000A_EDX];
        }
        return true;
    default:
        return pass(cpu, leaf, sub, out);
    }
}

bool kvm_cpuid_init(struct kvm *k, GError **error)
{
    struct kvm_offer *c = g_new0(struct kvm_offer, 1);
    uint32_t out[4];
    int khz;

    k->cpuid = c;
    permit_tiles(k);
    c->offered = ask(k, error);
    if (!c->offered) {
        return false;
    }
    find_features(k, c);
    find_arch_caps(k, &c->support);
    find_host(c);
    khz = kvm_cap(k, KVM_CAP_VM_TSC_CONTROL) > 0 ? kvm_vm_ioctl(k, KVM_GET_TSC_KHZ, NULL) : 0;
    c->support.tsc_hz = khz > 0 ? (uint64_t)khz * 1000 : 0;
    c->support.has_pmu = offered(c, 0xa, 0, out) && (out[EAX] & 0xff);
    c->support.has_enforce = kvm_cap(k, KVM_CAP_ENFORCE_PV_FEATURE_CPUID) > 0;
    c->support.cpuid = answer;
    kvm_hyperv_find(k, &c->support);
    k->machine->cpu_support = &c->support;
    return true;
}

void kvm_cpuid_free(struct kvm *k)
{
    if (k->cpuid) {
        k->machine->cpu_support = NULL;
        g_free(k->cpuid->offered);
        g_clear_pointer(&k->cpuid, g_free);
    }
}
