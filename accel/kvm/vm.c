/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/vm.c: the virtual machine and its vCPUs: made, asked, taken down.
 * Thread: machine lock held; the ioctl functions on any.
 * Source: Linux, Documentation/virt/kvm/api.rst.
 */
#include <errno.h>
#include <unistd.h>
#include "accel/kvm/internal.h"
#include "util/error.h"

/* Three pages and one that processors without "unrestricted guest" need, where no device or firmware is. */
#define TSS_ADDR      0xfeffd000u
#define IDENTITY_ADDR 0xfeffc000u

static int repeat_ioctl(struct kvm *k, int fd, unsigned long request, void *arg)
{
    int r;

    do {
        r = k->host->ioctl(k->host, fd, request, arg);
    } while (r < 0 && errno == EINTR);
    return r;
}

int kvm_sys_ioctl(struct kvm *k, unsigned long request, void *arg)
{
    return repeat_ioctl(k, k->fd, request, arg);
}

int kvm_vm_ioctl(struct kvm *k, unsigned long request, void *arg)
{
    return repeat_ioctl(k, k->vm_fd, request, arg);
}

int kvm_vcpu_ioctl(struct kvm_vcpu *v, unsigned long request, void *arg)
{
    return repeat_ioctl(v->kvm, v->fd, request, arg);
}

int kvm_cap(struct kvm *k, unsigned cap)
{
    int r = kvm_vm_ioctl(k, KVM_CHECK_EXTENSION, kvm_value(cap));

    return MAX(r, 0);
}

bool kvm_enable_cap(struct kvm *k, unsigned cap, uint64_t arg)
{
    struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

    return kvm_vm_ioctl(k, KVM_ENABLE_CAP, &enable) >= 0;
}

static void find_caps(struct kvm *k)
{
    struct kvm_caps *c = &k->caps;

    c->address_spaces = MAX(kvm_cap(k, KVM_CAP_MULTI_ADDRESS_SPACE), 1);
    c->max_slots = kvm_cap(k, KVM_CAP_NR_MEMSLOTS);
    c->max_slots = c->max_slots > 0 ? c->max_slots : 32; /* as many as there always were */
    c->readonly_mem = kvm_cap(k, KVM_CAP_READONLY_MEM) > 0;
    c->x86_smm = kvm_cap(k, KVM_CAP_X86_SMM) > 0 && c->address_spaces > 1;
    c->sregs2 = kvm_cap(k, KVM_CAP_SREGS2) > 0;
    c->xcrs = kvm_cap(k, KVM_CAP_XCRS) > 0;
    c->mp_state = kvm_cap(k, KVM_CAP_MP_STATE) > 0;
    c->get_tsc_khz = kvm_cap(k, KVM_CAP_GET_TSC_KHZ) > 0;
    c->xsave_size = kvm_cap(k, KVM_CAP_XSAVE2);
    c->nested_size = (uint32_t)MAX(kvm_cap(k, KVM_CAP_NESTED_STATE), 0);
    c->debug_flags = (uint32_t)kvm_cap(k, KVM_CAP_SET_GUEST_DEBUG2);
}

/* What this engine cannot do without. */
static bool check_caps(struct kvm *k, GError **error)
{
    static const struct {
        unsigned cap;
        const char *name;
    } needed[] = {
        { KVM_CAP_USER_MEMORY, "memory slots" },
        { KVM_CAP_EXT_CPUID, "CPUID" },
        { KVM_CAP_VCPU_EVENTS, "the state of events" },
        { KVM_CAP_XSAVE, "vector registers" },
        { KVM_CAP_DEBUGREGS, "debug registers" },
        { KVM_CAP_IMMEDIATE_EXIT, "leaving the guest at once" },
        { KVM_CAP_SET_TSS_ADDR, "the address of the TSS" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (kvm_cap(k, needed[i].cap) <= 0) {
            set_error(error, "-accel kvm: this kernel's KVM has no interface for %s, it is too old",
                      needed[i].name);
            return false;
        }
    }
    return true;
}

static bool open_vm(struct kvm *k, GError **error)
{
    int version, size;

    k->fd = k->host->open(k->host, k->options.device);
    if (k->fd < 0) {
        set_errno_error(error, "-accel kvm: cannot open '%s'", k->options.device);
        return false;
    }
    version = kvm_sys_ioctl(k, KVM_GET_API_VERSION, NULL);
    if (version != KVM_API_VERSION) {
        set_error(error,
                  "-accel kvm: /dev/kvm has version %d of its interface, must be %d; use "
                  "-accel tcg",
                  version, KVM_API_VERSION);
        return false;
    }
    size = kvm_sys_ioctl(k, KVM_GET_VCPU_MMAP_SIZE, NULL);
    k->vm_fd = kvm_sys_ioctl(k, KVM_CREATE_VM, NULL);
    if (k->vm_fd < 0 || size < (int)sizeof(struct kvm_run)) {
        set_errno_error(error, "-accel kvm: /dev/kvm makes no virtual machine");
        return false;
    }
    k->run_size = (size_t)size;
    return true;
}

static bool place_tss(struct kvm *k, GError **error)
{
    uint64_t identity = IDENTITY_ADDR;

    if (kvm_cap(k, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
        kvm_vm_ioctl(k, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0) {
        set_errno_error(error, "-accel kvm: KVM_SET_IDENTITY_MAP_ADDR");
        return false;
    }
    if (kvm_vm_ioctl(k, KVM_SET_TSS_ADDR, kvm_value(TSS_ADDR)) < 0) {
        set_errno_error(error, "-accel kvm: KVM_SET_TSS_ADDR");
        return false;
    }
    return true;
}

/* kvm-shadow-mem=: pages of 4 KiB for page tables that the kernel makes of guests'. */
static bool set_shadow_mem(struct kvm *k, GError **error)
{
    if (k->options.shadow_mem &&
        kvm_vm_ioctl(k, KVM_SET_NR_MMU_PAGES, kvm_value(k->options.shadow_mem >> 12)) < 0) {
        set_errno_error(error, "-accel kvm: kvm-shadow-mem=%" G_GUINT64_FORMAT,
                        k->options.shadow_mem);
        return false;
    }
    return true;
}

/* v->cpu may be gone, if it never ran. */
static void free_vcpu(struct kvm_vcpu *v, unsigned index)
{
    struct kvm *k = v->kvm;

    kvm_complete_free(v);
    kvm_ring_unmap(v);
    if (v->run) {
        k->host->unmap(k->host, v->run, k->run_size);
    }
    if (v->fd >= 0) {
        k->host->close(k->host, v->fd);
    }
    k->vcpus[index] = NULL;
    kvm_msrs_free(v);
    kvm_nested_free(v);
    g_free(v->xsave);
    g_free(v);
}

static void free_kvm(struct machine *m)
{
    struct kvm *k = m->kvm;

    for (unsigned i = 0; i < MACHINE_MAX_VCPUS; i++) {
        if (k->vcpus[i]) {
            free_vcpu(k->vcpus[i], i); /* one whose thread never was */
        }
    }
    kvm_clock_free(k);
    kvm_io_events_free(k);
    kvm_irqchip_free(k);
    timer_disarm(&k->watch);
    kvm_slots_free(k);
    kvm_cpuid_free(k);
    if (k->vm_fd >= 0) {
        k->host->close(k->host, k->vm_fd);
    }
    if (k->fd >= 0) {
        k->host->close(k->host, k->fd);
    }
    g_free(k);
    m->kvm = NULL;
}

bool kvm_init_with(struct machine *m, struct kvm_host *host, GError **error)
{
    struct kvm *k = g_new0(struct kvm, 1);

    k->machine = m;
    k->host = host;
    k->fd = k->vm_fd = -1;
    timer_init(&k->watch, m, CLOCK_KIND_REALTIME, kvm_watch_tick, k);
    m->kvm = k;
    m->free_kvm = free_kvm;
    if (!kvm_options_parse(m->config.accel ? m->config.accel : "kvm", &k->options, error) ||
        !open_vm(k, error)) {
        return false;
    }
    find_caps(k);
    if (!check_caps(k, error) || !place_tss(k, error) || !set_shadow_mem(k, error) ||
        !kvm_irqchip_init(k, error) || !kvm_ring_init(k, error) || !kvm_cpuid_init(k, error)) {
        return false;
    }
    kvm_io_events_init(k);
    kvm_clock_init(k);
    /* What the kernel cannot emulate comes here from every privilege level, and is no #UD of the guest's. */
    kvm_enable_cap(k, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1);
    m->config.no_smm |= !k->caps.x86_smm; /* -machine smm=auto */
    return true;
}

bool kvm_init(struct machine *m, GError **error)
{
    return kvm_init_with(m, &kvm_real_host, error);
}

static bool make_vcpu(struct kvm_vcpu *v, GError **error)
{
    struct kvm *k = v->kvm;

    v->fd = kvm_vm_ioctl(k, KVM_CREATE_VCPU, kvm_value(v->cpu->apic_id));
    if (v->fd < 0) {
        set_errno_error(error, "-accel kvm: the kernel makes no CPU %d", v->cpu->vcpu.index);
        return false;
    }
    v->run = k->host->map(k->host, v->fd, k->run_size, 0);
    if (!v->run) {
        set_errno_error(error, "-accel kvm: cannot map CPU %d", v->cpu->vcpu.index);
        return false;
    }
    return kvm_ring_map(v, error);
}

/* The guest's TSC counts as the kernel says. */
static void find_tsc(struct kvm_vcpu *v)
{
    int khz = v->kvm->caps.get_tsc_khz ? kvm_vcpu_ioctl(v, KVM_GET_TSC_KHZ, NULL) : 0;

    if (khz > 0) {
        v->cpu->tsc_hz = (uint64_t)khz * 1000;
    }
}

static bool init_vcpu(struct vcpu *vcpu, GError **error)
{
    struct kvm *k = vcpu->machine->kvm;
    struct kvm_vcpu *v = g_new0(struct kvm_vcpu, 1);

    v->kvm = k;
    v->cpu = x86_cpu_of(vcpu);
    v->fd = -1;
    k->vcpus[vcpu->index] = v; /* freed with the machine, if it gets no thread */
    if (!k->slots[0] && !kvm_slots_init(k, error)) {
        return false;
    }
    if (!make_vcpu(v, error) || !kvm_set_cpuid(v, error)) {
        return false;
    }
    if (!kvm_msrs_init(v)) {
        set_errno_error(error, "-accel kvm: the MSRs of CPU %d cannot be read", vcpu->index);
        return false;
    }
    if (!kvm_nested_init(v)) {
        set_errno_error(error, "-accel kvm: CPU %d has no state of a hypervisor in it",
                        vcpu->index);
        return false;
    }
    find_tsc(v);
    v->xsave = g_malloc0(MAX((size_t)k->caps.xsave_size, sizeof(struct kvm_xsave)));
    return true;
}

static void destroy_vcpu(struct vcpu *vcpu)
{
    struct kvm_vcpu *v = kvm_vcpu_of(vcpu);

    if (v) {
        free_vcpu(v, (unsigned)vcpu->index);
    }
}

static void fetch_vcpu(struct vcpu *vcpu)
{
    kvm_fetch(kvm_vcpu_of(vcpu));
}

static void reset_vcpu(struct vcpu *vcpu)
{
    struct kvm_vcpu *v = kvm_vcpu_of(vcpu);

    if (v) {
        kvm_fetch(v); /* what a reset leaves alone, too */
    }
    cpu_reset(x86_cpu_of(vcpu), false);
}

const struct vcpu_ops kvm_vcpu_ops = {
    .name = "kvm",
    .init = init_vcpu,
    .destroy = destroy_vcpu,
    .run = kvm_run,
    .has_work = kvm_has_work,
    .reset = reset_vcpu,
    .kick = kvm_kick,
    .debug = kvm_debug,
    .takes_point = kvm_debug_takes,
    .fetch = fetch_vcpu,
};
