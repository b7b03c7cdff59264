/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/kvm_model.c: see kvm_model.h.  Thread: any, under the model's lock.
 * Source: Linux, Documentation/virt/kvm/api.rst.
 */
#include "tests/device/kvm_model.h"
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct failure {
    unsigned long request;
    int times, err; /* times: -1: always */
};

/* What is kept as it is given, and given back. */
static const struct pair {
    unsigned long set, get;
    unsigned key; /* bytes at its beginning that say which of several: a chip's number */
} pairs[] = {
    { KVM_SET_REGS, KVM_GET_REGS, 0 },
    { KVM_SET_SREGS, KVM_GET_SREGS, 0 },
    { KVM_SET_SREGS2, KVM_GET_SREGS2, 0 },
    { KVM_SET_FPU, KVM_GET_FPU, 0 },
    { KVM_SET_XSAVE, KVM_GET_XSAVE, 0 },
    { KVM_SET_XSAVE, KVM_GET_XSAVE2, 0 },
    { KVM_SET_XCRS, KVM_GET_XCRS, 0 },
    { KVM_SET_DEBUGREGS, KVM_GET_DEBUGREGS, 0 },
    { KVM_SET_VCPU_EVENTS, KVM_GET_VCPU_EVENTS, 0 },
    { KVM_SET_MP_STATE, KVM_GET_MP_STATE, 0 },
    { KVM_SET_LAPIC, KVM_GET_LAPIC, 0 },
    { KVM_SET_IRQCHIP, KVM_GET_IRQCHIP, 4 },
    { KVM_SET_PIT2, KVM_GET_PIT2, 0 },
    { KVM_SET_CLOCK, KVM_GET_CLOCK, 0 },
    { KVM_SET_NESTED_STATE, KVM_GET_NESTED_STATE, 0 },
};

static const struct {
    unsigned long request;
    const char *name;
} names[] = {
#define NAME(r)                                                                                    \
    {                                                                                              \
        r, #r                                                                                      \
    }
    NAME(KVM_GET_API_VERSION),
    NAME(KVM_CREATE_VM),
    NAME(KVM_CHECK_EXTENSION),
    NAME(KVM_CREATE_VCPU),
    NAME(KVM_RUN),
    NAME(KVM_SET_REGS),
    NAME(KVM_GET_REGS),
    NAME(KVM_SET_SREGS),
    NAME(KVM_SET_CPUID2),
    NAME(KVM_SET_MSRS),
    NAME(KVM_GET_MSRS),
    NAME(KVM_ENABLE_CAP),
    NAME(KVM_IRQ_LINE),
    NAME(KVM_SIGNAL_MSI),
    NAME(KVM_SET_GSI_ROUTING),
    NAME(KVM_IRQFD),
    NAME(KVM_IOEVENTFD),
    NAME(KVM_INTERRUPT),
    NAME(KVM_NMI),
    NAME(KVM_SMI),
    NAME(KVM_SET_USER_MEMORY_REGION),
    NAME(KVM_CREATE_IRQCHIP),
    NAME(KVM_CREATE_PIT2),
    NAME(KVM_GET_SUPPORTED_CPUID),
#undef NAME
};

const char *kvm_model_name(unsigned long request)
{
    static char number[32];

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].request == request) {
            return names[i].name;
        }
    }
    g_snprintf(number, sizeof(number), "ioctl 0x%lx", request);
    return number;
}

/* Bytes of the argument: the structure and the array at its end. */
static size_t argument_size(unsigned long request, const void *arg)
{
    size_t size = _IOC_SIZE(request);
    uint32_t n = 0;

    if (!size || !arg) {
        return 0;
    }
    if (size >= 4) {
        memcpy(&n, arg, 4);
    }
    switch (request) {
    case KVM_SET_CPUID2:
    case KVM_GET_SUPPORTED_CPUID:
    case KVM_GET_SUPPORTED_HV_CPUID:
        return size + MIN(n, 4096u) * sizeof(struct kvm_cpuid_entry2);
    case KVM_SET_MSRS:
    case KVM_GET_MSRS:
        return size + MIN(n, 4096u) * sizeof(struct kvm_msr_entry);
    case KVM_SET_GSI_ROUTING:
        return size + MIN(n, 65536u) * sizeof(struct kvm_irq_routing_entry);
    case KVM_SET_NESTED_STATE:
    case KVM_GET_NESTED_STATE: /* flags and format, then the size of it all */
        memcpy(&n, (const uint8_t *)arg + offsetof(struct kvm_nested_state, size), sizeof(n));
        return CLAMP(n, size, 16384u);
    case KVM_SET_SIGNAL_MASK:
        return size + MIN(n, 128u);
    default:
        return size;
    }
}

/* Kept state ------------------------------------------------------------------------------------ */

static char *key_of(int fd, unsigned long get, unsigned key, const void *arg)
{
    uint32_t part = 0;

    if (key) {
        memcpy(&part, arg, 4);
    }
    return g_strdup_printf("%d %lx %u", fd, get, part);
}

/* -1: it is none of those. */
static int keep(struct kvm_model *k, int fd, unsigned long request, void *arg)
{
    int found = -1;

    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (pairs[i].set == request) {
            g_hash_table_insert(k->kept, key_of(fd, pairs[i].get, pairs[i].key, arg),
                                g_bytes_new(arg, argument_size(request, arg)));
            found = 0;
        }
    }
    return found;
}

static int give(struct kvm_model *k, int fd, unsigned long request, void *arg)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *key = NULL;
        GBytes *kept;

        if (pairs[i].get != request) {
            continue;
        }
        key = key_of(fd, request, pairs[i].key, arg);
        kept = g_hash_table_lookup(k->kept, key);
        if (kept) {
            size_t size;
            const void *data = g_bytes_get_data(kept, &size);

            memcpy(arg, data, MIN(size, argument_size(request, arg)));
        } else if (request == KVM_GET_NESTED_STATE) {
            *(struct kvm_nested_state *)arg = (struct kvm_nested_state){
                .size = sizeof(struct kvm_nested_state),
                .hdr.vmx = { .vmxon_pa = UINT64_MAX, .vmcs12_pa = UINT64_MAX },
            };
        } else { /* what a new one has */
            memset((uint8_t *)arg + pairs[i].key, 0, _IOC_SIZE(request) - pairs[i].key);
        }
        return 0;
    }
    return -1;
}

void kvm_model_answer(struct kvm_model *k, int fd, unsigned long request, const void *data,
                      size_t size)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (pairs[i].get == request) {
            g_hash_table_insert(k->kept, key_of(fd, request, pairs[i].key, data),
                                g_bytes_new(data, size));
            return;
        }
    }
    g_assert_not_reached();
}

/* CPUID and MSRs -------------------------------------------------------------------------------- */

struct kvm_cpuid_entry2 *kvm_model_cpuid(struct kvm_model_table *t, uint32_t leaf, uint32_t sub)
{
    struct kvm_cpuid_entry2 *e;

    for (unsigned i = 0; i < t->head.nent; i++) {
        if (t->entries[i].function == leaf && t->entries[i].index == sub) {
            return &t->entries[i];
        }
    }
    g_assert_cmpuint(t->head.nent, <, KVM_MODEL_CPUIDS);
    e = &t->entries[t->head.nent++];
    *e = (struct kvm_cpuid_entry2){ .function = leaf, .index = sub };
    if (leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd || leaf == 0x8000001d) {
        e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    }
    return e;
}

static int list_cpuid(const struct kvm_model_table *t, struct kvm_cpuid2 *out)
{
    if (out->nent < t->head.nent) {
        out->nent = t->head.nent;
        return -E2BIG;
    }
    out->nent = t->head.nent;
    memcpy(out->entries, t->entries, t->head.nent * sizeof(t->entries[0]));
    return 0;
}

static int get_msrs(struct kvm_model_vcpu *v, struct kvm_msrs *m)
{
    for (uint32_t i = 0; i < m->nmsrs; i++) {
        const uint64_t *value = g_hash_table_lookup(v->msrs, GUINT_TO_POINTER(m->entries[i].index));

        if (!value) {
            return (int)i;
        }
        m->entries[i].data = *value;
    }
    return (int)m->nmsrs;
}

static int set_msrs(struct kvm_model *k, struct kvm_model_vcpu *v, const struct kvm_msrs *m)
{
    for (uint32_t i = 0; i < m->nmsrs; i++) {
        uint64_t *value = g_hash_table_lookup(v->msrs, GUINT_TO_POINTER(m->entries[i].index));

        if (!value || (m->entries[i].index == 0x10a && k->refuses_arch_capabilities)) {
            return (int)i;
        }
        *value = m->entries[i].data;
    }
    return (int)m->nmsrs;
}

/* Of the kernel, not of a vCPU: what a feature MSR would be. */
static int get_feature_msrs(const struct kvm_model *k, struct kvm_msrs *m)
{
    for (uint32_t i = 0; i < m->nmsrs; i++) {
        if (m->entries[i].index != 0x10a) {
            return (int)i;
        }
        m->entries[i].data = k->arch_capabilities;
    }
    return (int)m->nmsrs;
}

/* Memory ---------------------------------------------------------------------------------------- */

static int set_region(struct kvm_model *k, const struct kvm_userspace_memory_region *r)
{
    gpointer key = GUINT_TO_POINTER(r->slot);

    if ((r->guest_phys_addr | r->memory_size | r->userspace_addr) & 4095) {
        return -EINVAL;
    }
    if (!r->memory_size) {
        g_hash_table_remove(k->dirty, key);
        return g_hash_table_remove(k->slots, key) ? 0 : -EINVAL;
    }
    g_hash_table_insert(k->slots, key, g_memdup2(r, sizeof(*r)));
    if (!g_hash_table_contains(k->dirty, key)) {
        GByteArray *bits = g_byte_array_new();

        g_byte_array_set_size(bits, (guint)((r->memory_size >> 12) + 63) / 64 * 8);
        memset(bits->data, 0, bits->len);
        g_hash_table_insert(k->dirty, key, bits);
    }
    return 0;
}

void kvm_model_dirty(struct kvm_model *k, unsigned slot, uint64_t page)
{
    GByteArray *bits = g_hash_table_lookup(k->dirty, GUINT_TO_POINTER(slot));

    g_assert_nonnull(bits);
    g_assert_cmpuint(page / 8, <, bits->len);
    bits->data[page / 8] |= (uint8_t)(1u << page % 8);
}

/* With manual protection the flags stay until KVM_CLEAR_DIRTY_LOG. */
static int get_dirty(struct kvm_model *k, const struct kvm_dirty_log *log)
{
    const struct kvm_userspace_memory_region *r =
        g_hash_table_lookup(k->slots, GUINT_TO_POINTER(log->slot));
    GByteArray *bits = g_hash_table_lookup(k->dirty, GUINT_TO_POINTER(log->slot));

    if (!r || !(r->flags & KVM_MEM_LOG_DIRTY_PAGES)) {
        return -ENOENT;
    }
    memcpy(log->dirty_bitmap, bits->data, bits->len);
    memset(bits->data, 0, bits->len);
    return 0;
}

/* The three kinds of descriptors ----------------------------------------------------------------- */

static int sys_ioctl(struct kvm_model *k, unsigned long request, void *arg)
{
    unsigned cap = (unsigned)(uintptr_t)arg;

    switch (request) {
    case KVM_GET_API_VERSION:
        return k->api_version;
    case KVM_CHECK_EXTENSION:
        return cap < KVM_MODEL_CAPS ? k->caps[cap] : 0;
    case KVM_CREATE_VM:
        k->open_fds++;
        return KVM_MODEL_VM;
    case KVM_GET_VCPU_MMAP_SIZE:
        return KVM_MODEL_RUN_SIZE;
    case KVM_GET_SUPPORTED_CPUID:
        return list_cpuid(&k->cpuid, arg);
    case KVM_GET_SUPPORTED_HV_CPUID:
        return k->caps[KVM_CAP_SYS_HYPERV_CPUID] ? list_cpuid(&k->hv_cpuid, arg) : -EINVAL;
    case KVM_GET_MSRS:
        return get_feature_msrs(k, arg);
    case KVM_GET_DEVICE_ATTR: /* KVM_X86_XCOMP_GUEST_SUPP is the only one */
        *(uint64_t *)(uintptr_t)((const struct kvm_device_attr *)arg)->addr = k->xcomp;
        return 0;
    default:
        return -ENOTTY;
    }
}

static int make_vcpu(struct kvm_model *k, unsigned id)
{
    static const uint32_t known[] = {
        0x10,       0x3b,  0x48,  0x9e,       0x174,      0x175,      0x176,      0x17a,
        0x17b,      0x1a0, 0x277, 0x2ff,      0x250,      0x258,      0x259,      0xda0,
        0x10a,      0x1b,  0x6e0, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102,
        0xc0000103, 0x11,  0x12,  0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04,
    };
    struct kvm_model_vcpu *v = &k->vcpus[k->n_vcpus];

    if (k->n_vcpus == KVM_MODEL_VCPUS) {
        return -EINVAL;
    }
    v->id = id;
    v->run = g_malloc0(KVM_MODEL_RUN_SIZE);
    v->msrs = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        g_hash_table_insert(v->msrs, GUINT_TO_POINTER(known[i]), g_new0(uint64_t, 1));
    }
    for (uint32_t i = 0; i < 16; i++) {
        g_hash_table_insert(v->msrs, GUINT_TO_POINTER(0x200 + i), g_new0(uint64_t, 1));
    }
    for (uint32_t i = 0; i < 8; i++) {
        g_hash_table_insert(v->msrs, GUINT_TO_POINTER(0x268 + i), g_new0(uint64_t, 1));
    }
    k->open_fds++;
    return KVM_MODEL_VCPU + (int)k->n_vcpus++;
}

static int vm_ioctl(struct kvm_model *k, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_CHECK_EXTENSION:
        return sys_ioctl(k, request, arg);
    case KVM_CREATE_VCPU:
        return make_vcpu(k, (unsigned)(uintptr_t)arg);
    case KVM_SET_USER_MEMORY_REGION:
        return set_region(k, arg);
    case KVM_GET_DIRTY_LOG:
        return get_dirty(k, arg);
    case KVM_GET_TSC_KHZ:
        return (int)k->tsc_khz;
    case KVM_SET_TSC_KHZ:
        k->tsc_khz = (unsigned)(uintptr_t)arg;
        return 0;
    case KVM_IRQ_LINE_STATUS:
        ((struct kvm_irq_level *)arg)->status = 1;
        return 0;
    case KVM_SIGNAL_MSI:
        return 1;
    default:
        /* Taken, and written down: devices in the kernel, routes, eventfds, capabilities, sizes. */
        return 0;
    }
}

static int vcpu_ioctl(struct kvm_model *k, struct kvm_model_vcpu *v, unsigned long request,
                      void *arg)
{
    switch (request) {
    case KVM_GET_MSRS:
        return get_msrs(v, arg);
    case KVM_SET_MSRS:
        return set_msrs(k, v, arg);
    case KVM_GET_TSC_KHZ:
        return (int)k->tsc_khz;
    case KVM_SET_TSC_KHZ:
        k->tsc_khz = (unsigned)(uintptr_t)arg;
        return 0;
    default:
        return 0;
    }
}

/* The host's functions -------------------------------------------------------------------------- */

static struct kvm_model *model_of(struct kvm_host *h)
{
    return (struct kvm_model *)h;
}

static struct kvm_model_vcpu *vcpu_of(struct kvm_model *k, int fd)
{
    return fd >= KVM_MODEL_VCPU && fd < KVM_MODEL_VCPU + (int)k->n_vcpus
               ? &k->vcpus[fd - KVM_MODEL_VCPU]
               : NULL;
}

static int model_open(struct kvm_host *h, const char *path)
{
    struct kvm_model *k = model_of(h);

    (void)path;
    if (k->open_errno) {
        errno = k->open_errno;
        return -1;
    }
    k->open_fds++;
    return KVM_MODEL_FD;
}

static int failure_of(struct kvm_model *k, unsigned long request)
{
    for (unsigned i = 0; i < k->failures->len; i++) {
        struct failure *f = &g_array_index(k->failures, struct failure, i);

        if (f->request == request && f->times) {
            f->times -= f->times > 0;
            return -f->err;
        }
    }
    return 0;
}

static int dispatch(struct kvm_model *k, int fd, unsigned long request, void *arg)
{
    int r = failure_of(k, request);

    if (r || (r = keep(k, fd, request, arg)) == 0 || (r = give(k, fd, request, arg)) == 0) {
        return r;
    }
    if (fd == KVM_MODEL_FD) {
        return sys_ioctl(k, request, arg);
    }
    if (fd == KVM_MODEL_VM) {
        return vm_ioctl(k, request, arg);
    }
    return vcpu_of(k, fd) ? vcpu_ioctl(k, vcpu_of(k, fd), request, arg) : -EBADF;
}

static int enter(struct kvm_model *k, struct kvm_model_vcpu *v)
{
    if (__atomic_load_n(&v->run->immediate_exit, __ATOMIC_SEQ_CST)) {
        return -EINTR;
    }
    if (k->enter) {
        return k->enter(k->opaque, v);
    }
    v->run->exit_reason = KVM_EXIT_HLT;
    return 0;
}

static void free_call(gpointer p)
{
    struct kvm_model_call *c = p;

    g_clear_pointer(&c->data, g_bytes_unref);
    g_free(c);
}

static int model_ioctl(struct kvm_host *h, int fd, unsigned long request, void *arg)
{
    struct kvm_model *k = model_of(h);
    struct kvm_model_call *c = g_new0(struct kvm_model_call, 1);
    size_t size = argument_size(request, arg);
    int r;

    if (k->seen) {
        k->seen(k->opaque, request);
    }
    g_mutex_lock(&k->lock);
    *c = (struct kvm_model_call){ fd, request, (uintptr_t)arg, size ? g_bytes_new(arg, size) : NULL,
                                  0 };
    g_ptr_array_add(k->calls, c);
    if (request == KVM_RUN && vcpu_of(k, fd)) {
        r = failure_of(k, request);
        g_mutex_unlock(&k->lock);
        r = r ? r : enter(k, vcpu_of(k, fd));
        g_mutex_lock(&k->lock);
    } else {
        r = dispatch(k, fd, request, arg);
    }
    c->result = r;
    g_mutex_unlock(&k->lock);
    if (r < 0) {
        errno = -r;
        return -1;
    }
    return r;
}

static void *model_map(struct kvm_host *h, int fd, size_t size, uint64_t offset)
{
    struct kvm_model_vcpu *v = vcpu_of(model_of(h), fd);

    if (!v || offset || size > KVM_MODEL_RUN_SIZE) {
        errno = EINVAL;
        return NULL;
    }
    return v->run;
}

static void model_unmap(struct kvm_host *h, void *at, size_t size)
{
    (void)h;
    (void)at;
    (void)size;
}

static void model_close(struct kvm_host *h, int fd)
{
    struct kvm_model *k = model_of(h);

    if (fd >= KVM_MODEL_FD) {
        g_assert_cmpuint(k->open_fds, >, 0);
        k->open_fds--;
    } else {
        close(fd);
    }
}

static int model_permit_xsave(struct kvm_host *h, unsigned bit)
{
    model_of(h)->permitted |= 1ull << bit;
    return 0;
}

static int model_eventfd(struct kvm_host *h)
{
    (void)h;
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* a real one: somebody may wait for it */
}

/* What a test asks ------------------------------------------------------------------------------- */

void kvm_model_cap(struct kvm_model *k, unsigned cap, int value)
{
    g_assert_cmpuint(cap, <, KVM_MODEL_CAPS);
    k->caps[cap] = value;
}

void kvm_model_fail(struct kvm_model *k, unsigned long request, int times, int err)
{
    struct failure f = { request, times, err };

    g_array_append_val(k->failures, f);
}

unsigned kvm_model_count(const struct kvm_model *k, unsigned long request)
{
    unsigned n = 0;

    for (unsigned i = 0; i < k->calls->len; i++) {
        const struct kvm_model_call *c = g_ptr_array_index(k->calls, i);

        n += c->request == request;
    }
    return n;
}

const struct kvm_model_call *kvm_model_last_call(const struct kvm_model *k, unsigned long request)
{
    for (unsigned i = k->calls->len; i-- > 0;) {
        const struct kvm_model_call *c = g_ptr_array_index(k->calls, i);

        if (c->request == request) {
            return c;
        }
    }
    return NULL;
}

const void *kvm_model_last(const struct kvm_model *k, unsigned long request, size_t *size)
{
    const struct kvm_model_call *c = kvm_model_last_call(k, request);

    return c && c->data ? g_bytes_get_data(c->data, size) : NULL;
}

void kvm_model_forget(struct kvm_model *k)
{
    g_ptr_array_set_size(k->calls, 0);
}

/* A new one --------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct { uint16_t cap; int value; } new_caps[] = {
    { KVM_CAP_IRQCHIP, 1 }, { KVM_CAP_USER_MEMORY, 1 }, { KVM_CAP_SET_TSS_ADDR, 1 }, { KVM_CAP_EXT_CPUID, 1 },
    { KVM_CAP_NR_VCPUS, 16 }, { KVM_CAP_MAX_VCPUS, 1024 }, { KVM_CAP_MAX_VCPU_ID, 4096 },
    { KVM_CAP_NR_MEMSLOTS, 509 }, { KVM_CAP_MP_STATE, 1 }, { KVM_CAP_COALESCED_MMIO, 2 },
    { KVM_CAP_COALESCED_PIO, 1 }, { KVM_CAP_SYNC_MMU, 1 }, { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
    { KVM_CAP_IRQ_ROUTING, 4096 }, { KVM_CAP_IRQ_INJECT_STATUS, 1 }, { KVM_CAP_SET_GUEST_DEBUG, 1 },
    { KVM_CAP_SET_GUEST_DEBUG2, 0x1f0003 }, { KVM_CAP_PIT2, 1 }, { KVM_CAP_PIT_STATE2, 1 },
    { KVM_CAP_REINJECT_CONTROL, 1 }, { KVM_CAP_IRQFD, 1 }, { KVM_CAP_IRQFD_RESAMPLE, 1 }, { KVM_CAP_IOEVENTFD, 1 },
    { KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 }, { KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 }, { KVM_CAP_ADJUST_CLOCK, 14 },
    { KVM_CAP_KVMCLOCK_CTRL, 1 }, { KVM_CAP_INTERNAL_ERROR_DATA, 1 }, { KVM_CAP_VCPU_EVENTS, 1 },
    { KVM_CAP_DEBUGREGS, 1 }, { KVM_CAP_X86_ROBUST_SINGLESTEP, 1 }, { KVM_CAP_XSAVE, 1 }, { KVM_CAP_XCRS, 1 },
    { KVM_CAP_XSAVE2, 4096 }, { KVM_CAP_GET_TSC_KHZ, 1 }, { KVM_CAP_TSC_CONTROL, 1 }, { KVM_CAP_VM_TSC_CONTROL, 1 },
    { KVM_CAP_TSC_DEADLINE_TIMER, 1 }, { KVM_CAP_SIGNAL_MSI, 1 }, { KVM_CAP_READONLY_MEM, 1 },
    { KVM_CAP_ENABLE_CAP_VM, 1 }, { KVM_CAP_X86_SMM, 1 }, { KVM_CAP_MULTI_ADDRESS_SPACE, 2 },
    { KVM_CAP_SPLIT_IRQCHIP, 1 }, { KVM_CAP_X2APIC_API, 3 }, { KVM_CAP_IMMEDIATE_EXIT, 1 },
    { KVM_CAP_X86_DISABLE_EXITS, 14 }, { KVM_CAP_NESTED_STATE, 4224 }, { KVM_CAP_SYS_ATTRIBUTES, 1 }, { KVM_CAP_GET_MSR_FEATURES, 1 },
    { KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3 }, { KVM_CAP_DIRTY_LOG_RING, 1048576 }, { KVM_CAP_SREGS2, 1 },
    { KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1 }, { KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1 }, { KVM_CAP_USER_NMI, 1 },
    { KVM_CAP_HYPERV, 1 }, { KVM_CAP_HYPERV_SYNIC2, 1 }, { KVM_CAP_HYPERV_CPUID, 1 }, { KVM_CAP_SYS_HYPERV_CPUID, 1 },
    { KVM_CAP_HYPERV_ENFORCE_CPUID, 1 }, { KVM_CAP_HYPERV_ENLIGHTENED_VMCS, 1 }, { KVM_CAP_HYPERV_DIRECT_TLBFLUSH, 1 },
};

/* A Skylake with AVX-512: what Linux 6.x offers guests of it. */
static const struct { uint32_t leaf, sub, r[4]; } new_cpuid[] = {
    { 0,          0, { 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 } },
    { 1,          0, { 0x00050654, 0x00000800, 0xfffa3203 | 1u << 21, 0x1f8bfbff } },
    { 6,          0, { 4, 0, 0, 0 } },
    { 7,          0, { 1, 0xd19f47ab, 0x0000001c, 0xbc000400 } },
    { 7,          1, { 0, 0, 0, 0 } },
    { 0xa,        0, { 0x08300402, 0, 0, 0x00000603 } },
    { 0xd,        0, { 0x000002e7, 0x00000a88, 0x00000a88, 0 } },
    { 0xd,        1, { 0x0000000f, 0x00000a08, 0x00000100, 0 } },
    { 0xd,        2, { 0x100, 0x240, 0, 0 } },
    { 0xd,        5, { 0x40, 0x440, 0, 0 } },
    { 0xd,        6, { 0x200, 0x480, 0, 0 } },
    { 0xd,        7, { 0x400, 0x680, 0, 0 } },
    { 0xd,        9, { 0x8, 0xa80, 0, 0 } },
    { 0x40000000, 0, { 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d } },
    { 0x40000001, 0, { 0x01007efb, 0, 0, 0 } },
    { 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
    { 0x80000001, 0, { 0, 0, 0x00000121, 0x2c100800 } },
    { 0x80000007, 0, { 0, 0, 0, 0x100 } },
    { 0x80000008, 0, { 0x302e, 0, 0, 0 } },
}, new_hv_cpuid[] = {
    { 0x40000000, 0, { 0x40000082, 0x7263694d, 0x666f736f, 0x76482074 } },
    { 0x40000001, 0, { 0x31237648, 0, 0, 0 } },
    { 0x40000003, 0, { 0x00002aff, 0x00000030, 0, 0x00084d10 } },
    { 0x40000004, 0, { 0x00004e2c, 0x00000fff, 0, 0 } },
    { 0x40000005, 0, { 0x00000400, 0, 0, 0 } },
    { 0x4000000a, 0, { 0x000a0101, 0, 0, 0 } },
};
/* clang-format on */

struct kvm_model *kvm_model_new(void)
{
    struct kvm_model *k = g_new0(struct kvm_model, 1);

    k->host = (struct kvm_host){ model_open,  model_ioctl,   model_map,         model_unmap,
                                 model_close, model_eventfd, model_permit_xsave };
    k->api_version = KVM_API_VERSION;
    k->tsc_khz = 2000000;
    k->arch_capabilities = 0x400000000c000069ull;
    k->slots = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    k->dirty = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_byte_array_unref);
    k->calls = g_ptr_array_new_with_free_func(free_call);
    k->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    k->failures = g_array_new(FALSE, FALSE, sizeof(struct failure));
    g_mutex_init(&k->lock);
    for (unsigned i = 0; i < G_N_ELEMENTS(new_caps); i++) {
        k->caps[new_caps[i].cap] = new_caps[i].value;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(new_cpuid) + G_N_ELEMENTS(new_hv_cpuid); i++) {
        bool hv = i >= G_N_ELEMENTS(new_cpuid);
        __auto_type row = hv ? &new_hv_cpuid[i - G_N_ELEMENTS(new_cpuid)] : &new_cpuid[i];
        struct kvm_cpuid_entry2 *e =
            kvm_model_cpuid(hv ? &k->hv_cpuid : &k->cpuid, row->leaf, row->sub);

        e->eax = row->r[0];
        e->ebx = row->r[1];
        e->ecx = row->r[2];
        e->edx = row->r[3];
    }
    return k;
}

/* Every descriptor was given back. */
void kvm_model_free(struct kvm_model *k)
{
    g_assert_cmpuint(k->open_fds, ==, 0);
    for (unsigned i = 0; i < k->n_vcpus; i++) {
        g_free(k->vcpus[i].run);
        g_hash_table_unref(k->vcpus[i].msrs);
    }
    g_hash_table_unref(k->slots);
    g_hash_table_unref(k->dirty);
    g_hash_table_unref(k->kept);
    g_ptr_array_unref(k->calls);
    g_array_unref(k->failures);
    g_mutex_clear(&k->lock);
    g_free(k);
}
