/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/ring.c: dirty pages by a ring for each vCPU (-accel kvm,dirty-ring-size=N) instead of a bitmap for each slot:
 * who asks for them pays for those that were written, not for all there are.
 *
 * An entry is the kernel's, then dirty, then (collected) to be reset: KVM_RESET_DIRTY_RINGS protects its page again
 * and has the entry back.  A full ring ends KVM_RUN.
 *
 * Thread: machine lock held.
 * Source: Linux, Documentation/virt/kvm/api.rst, 8.29 KVM_CAP_DIRTY_LOG_RING.
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>
#include "accel/kvm/internal.h"
#include "util/error.h"
#include "util/log.h"

bool kvm_ring_init(struct kvm *k, GError **error)
{
    uint64_t bytes = (uint64_t)k->options.dirty_ring * sizeof(struct kvm_dirty_gfn);
    unsigned cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
    int max;

    if (!k->options.dirty_ring) {
        return true;
    }
    max = kvm_cap(k, cap);
    if (max <= 0) {
        cap = KVM_CAP_DIRTY_LOG_RING;
        max = kvm_cap(k, cap);
    }
    if (max <= 0) {
        set_error(error,
                  "-accel kvm: dirty-ring-size is %u, but this kernel's KVM has no dirty "
                  "rings; leave it out",
                  k->options.dirty_ring);
        return false;
    }
    if (bytes > (uint64_t)max) {
        set_error(error, "-accel kvm: dirty-ring-size is %u, must be at most %zu",
                  k->options.dirty_ring, (size_t)max / sizeof(struct kvm_dirty_gfn));
        return false;
    }
    if (!kvm_enable_cap(k, cap, bytes)) {
        set_errno_error(error, "-accel kvm: KVM makes no dirty rings of %u entries",
                        k->options.dirty_ring);
        return false;
    }
    k->ring_size = k->options.dirty_ring;
    return true;
}

bool kvm_ring_map(struct kvm_vcpu *v, GError **error)
{
    struct kvm *k = v->kvm;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!k->ring_size) {
        return true;
    }
    v->ring = k->host->map(k->host, v->fd, k->ring_size * sizeof(struct kvm_dirty_gfn),
                           KVM_DIRTY_LOG_PAGE_OFFSET * page);
    if (!v->ring) {
        set_errno_error(error, "-accel kvm: cannot map the dirty ring of CPU %d",
                        v->cpu->vcpu.index);
    }
    return v->ring != NULL;
}

void kvm_ring_unmap(struct kvm_vcpu *v)
{
    if (v->ring) {
        v->kvm->host->unmap(v->kvm->host, v->ring,
                            v->kvm->ring_size * sizeof(struct kvm_dirty_gfn));
        v->ring = NULL;
    }
}

/* How many entries of a vCPU's were dirty. */
static unsigned collect(struct kvm_vcpu *v)
{
    unsigned n = 0;

    for (; n < v->kvm->ring_size; n++, v->ring_at++) {
        struct kvm_dirty_gfn *e = &v->ring[v->ring_at & (v->kvm->ring_size - 1)];

        if (!(__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_DIRTY)) {
            break;
        }
        kvm_slot_dirty(v->kvm, e->slot, e->offset);
        __atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
    }
    return n;
}

void kvm_ring_collect(struct kvm *k)
{
    unsigned n = 0;

    for (unsigned i = 0; i < k->machine->n_vcpus; i++) {
        if (k->vcpus[i] && k->vcpus[i]->ring) {
            n += collect(k->vcpus[i]);
        }
    }
    if (n && kvm_vm_ioctl(k, KVM_RESET_DIRTY_RINGS, NULL) < 0) {
        report_error("kvm: the kernel does not have its dirty rings back: %s", g_strerror(errno));
    }
    k->n_ring_pages += n;
}

bool kvm_ring_full(struct kvm_vcpu *v)
{
    kvm_counted(v, KVM_COUNT_RING_FULL);
    machine_lock(v->kvm->machine);
    kvm_ring_collect(v->kvm);
    machine_unlock(v->kvm->machine);
    return true;
}
