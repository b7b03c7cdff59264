/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/nested.c: the state of a hypervisor in the guest (VMXON, VMCS, VMCB, ...) from the kernel and back.
 *
 * Nobody but the kernel understands it: cpu->kvm_nested has the kernel's bytes, behind struct kvm_vcpu_events.  It is
 * empty where the guest has no hypervisor.  While the hypervisor's guest runs x86_cpu has that guest's registers;
 * what is being delivered to it stays in the kernel's form, since the interpreter does not know its memory.
 * Thread: see kvm_fetch and kvm_store.
 * Source: Linux, Documentation/virt/kvm/api.rst, 4.114 and 4.115.
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/internal.h"

#define EVENTS_SIZE sizeof(struct kvm_vcpu_events)

static const struct kvm_nested_state *state_of(const struct x86_cpu *cpu)
{
    return cpu->kvm_nested->len >= EVENTS_SIZE + sizeof(struct kvm_nested_state)
               ? (const struct kvm_nested_state *)(cpu->kvm_nested->data + EVENTS_SIZE)
               : NULL;
}

bool kvm_in_nested_guest(const struct x86_cpu *cpu)
{
    const struct kvm_nested_state *s = state_of(cpu);

    return s && (s->flags & KVM_STATE_NESTED_GUEST_MODE);
}

struct kvm_vcpu_events *kvm_nested_events(const struct x86_cpu *cpu)
{
    return kvm_in_nested_guest(cpu) ? (struct kvm_vcpu_events *)cpu->kvm_nested->data : NULL;
}

static bool same(const GByteArray *a, const GByteArray *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void copy(GByteArray *to, const void *data, size_t size)
{
    g_byte_array_set_size(to, 0);
    g_byte_array_append(to, data, (guint)size);
}

/* The kernel's, to nested.kernel. */
static bool read_state(struct kvm_vcpu *v)
{
    uint32_t size = v->kvm->caps.nested_size;
    g_autofree struct kvm_nested_state *s = g_malloc0(size);

    s->size = size;
    if (kvm_vcpu_ioctl(v, KVM_GET_NESTED_STATE, s) < 0) {
        return false;
    }
    copy(v->nested.kernel, s, MIN(s->size, size));
    return true;
}

static bool write_state(struct kvm_vcpu *v, const void *data, size_t size)
{
    g_autofree struct kvm_nested_state *s = g_memdup2(data, size);

    s->size = (uint32_t)size; /* a stream's may say anything */
    if (kvm_vcpu_ioctl(v, KVM_SET_NESTED_STATE, s) < 0) {
        return false;
    }
    copy(v->nested.kernel, data, size);
    return true;
}

/* Once, after CPUID, before the state was changed. */
bool kvm_nested_init(struct kvm_vcpu *v)
{
    uint32_t size = v->kvm->caps.nested_size;

    if (size < sizeof(struct kvm_nested_state) || size > CPU_KVM_BLOB - EVENTS_SIZE ||
        (!cpu_has(v->cpu, X86_VMX) && !cpu_has(v->cpu, X86_SVM))) {
        return true;
    }
    v->nested.kernel = g_byte_array_new();
    v->nested.initial = g_byte_array_new();
    if (!read_state(v)) {
        return false;
    }
    copy(v->nested.initial, v->nested.kernel->data, v->nested.kernel->len);
    return true;
}

void kvm_nested_free(struct kvm_vcpu *v)
{
    g_clear_pointer(&v->nested.kernel, g_byte_array_unref);
    g_clear_pointer(&v->nested.initial, g_byte_array_unref);
}

bool kvm_fetch_nested(struct kvm_vcpu *v)
{
    GByteArray *out = v->cpu->kvm_nested;
    const struct kvm_vcpu_events none = { 0 };

    g_byte_array_set_size(out, 0);
    if (!v->nested.initial) {
        return true;
    }
    if (!read_state(v)) {
        return false;
    }
    if (!same(v->nested.kernel, v->nested.initial)) {
        g_byte_array_append(out, (const uint8_t *)&none, EVENTS_SIZE);
        g_byte_array_append(out, v->nested.kernel->data, v->nested.kernel->len);
    }
    return true;
}

static bool is_wanted(const struct kvm_vcpu *v)
{
    const GByteArray *b = v->cpu->kvm_nested, *kernel = v->nested.kernel;

    return state_of(v->cpu) ? b->len - EVENTS_SIZE == kernel->len &&
                                  memcmp(b->data + EVENTS_SIZE, kernel->data, kernel->len) == 0
                            : same(kernel, v->nested.initial);
}

/* Registers of another guest, or of none, do not fit the kernel's. */
bool kvm_leave_nested(struct kvm_vcpu *v)
{
    const GByteArray *initial = v->nested.initial;

    return !initial || is_wanted(v) || same(v->nested.kernel, initial) ||
           write_state(v, initial->data, initial->len);
}

bool kvm_store_nested(struct kvm_vcpu *v)
{
    const GByteArray *b = v->cpu->kvm_nested;

    if (!v->nested.initial) {
        errno = EOPNOTSUPP;
        return !state_of(v->cpu); /* a stream's, of another kernel */
    }
    return is_wanted(v) || write_state(v, b->data + EVENTS_SIZE, b->len - EVENTS_SIZE);
}
