/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/msrs.c: model-specific registers between x86_cpu and the kernel.
 *
 * Rows name the members of x86_cpu.  Which of them this kernel has for this CPU shows when they are read first: it
 * stops at one that it does not know, which then leaves the vCPU's list.
 * Thread: see kvm_fetch and kvm_store.
 */
#include <errno.h>
#include "accel/kvm/internal.h"
#include "softmmu/clock.h"
#include "util/log.h"

#define MSR_TSC 0x10u

static const struct kvm_msr_row {
    uint32_t first, last; /* both inclusive */
    size_t offset;        /* of a uint64_t of x86_cpu, or an array of them */
} rows[] = {
#define AT(member) offsetof(struct x86_cpu, member)
    /* clang-format off */
    { MSR_TSC,    MSR_TSC,    AT(tsc_offset) }, /* see the functions below */
    { 0x0000003b, 0x0000003b, AT(tsc_adjust) },
    { 0x00000048, 0x00000048, AT(spec_ctrl) },
    { 0x0000009e, 0x0000009e, AT(smbase) },
    { 0x00000174, 0x00000174, AT(sysenter_cs) },
    { 0x00000175, 0x00000175, AT(sysenter_esp) },
    { 0x00000176, 0x00000176, AT(sysenter_eip) },
    { 0x0000017a, 0x0000017a, AT(mcg_status) },
    { 0x0000017b, 0x0000017b, AT(mcg_ctl) },
    { 0x000001a0, 0x000001a0, AT(misc_enable) },
    { 0x00000200, 0x0000020f, AT(mtrr_var) },
    { 0x00000250, 0x00000250, AT(mtrr_fixed[0]) },
    { 0x00000258, 0x00000259, AT(mtrr_fixed[1]) },
    { 0x00000268, 0x0000026f, AT(mtrr_fixed[3]) },
    { 0x00000277, 0x00000277, AT(pat) },
    { 0x000002ff, 0x000002ff, AT(mtrr_def_type) },
    { 0x00000da0, 0x00000da0, AT(xss) },
    { 0x4b564d06, 0x4b564d06, AT(kvm_msrs[6]) }, /* before the one that it belongs to */
    { 0x4b564d00, 0x4b564d05, AT(kvm_msrs[0]) },
    { 0xc0000081, 0xc0000081, AT(star) },
    { 0xc0000082, 0xc0000082, AT(lstar) },
    { 0xc0000083, 0xc0000083, AT(cstar) },
    { 0xc0000084, 0xc0000084, AT(sfmask) },
    { 0xc0000102, 0xc0000102, AT(kernel_gs_base) },
    { 0xc0000103, 0xc0000103, AT(tsc_aux) },
/* clang-format on */
#undef AT
};

static uint64_t *member(struct x86_cpu *cpu, uint32_t msr)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (msr >= rows[i].first && msr <= rows[i].last) {
            return (uint64_t *)((uint8_t *)cpu + rows[i].offset) + (msr - rows[i].first);
        }
    }
    g_assert_not_reached();
}

/* Every row's, in their order. */
static struct kvm_msrs *make_list(void)
{
    unsigned n = 0;
    struct kvm_msrs *list;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        n += rows[i].last - rows[i].first + 1;
    }
    list = g_malloc0(sizeof(*list) + n * sizeof(list->entries[0]));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (uint32_t msr = rows[i].first; msr <= rows[i].last; msr++) {
            list->entries[list->nmsrs++].index = msr;
        }
    }
    return list;
}

/* Reads all, and keeps those that are there. */
static bool read_all(struct kvm_vcpu *v)
{
    if (!v->msrs) {
        v->msrs = make_list();
    }
    for (;;) {
        int n = kvm_vcpu_ioctl(v, KVM_GET_MSRS, v->msrs);

        if (n < 0) {
            return false;
        }
        if ((uint32_t)n >= v->msrs->nmsrs) {
            return true;
        }
        log_line(LOG_ACCEL, "kvm: CPU %d: the kernel has no MSR 0x%x", v->cpu->vcpu.index,
                 v->msrs->entries[n].index);
        v->msrs->nmsrs--;
        memmove(&v->msrs->entries[n], &v->msrs->entries[n + 1],
                (v->msrs->nmsrs - (uint32_t)n) * sizeof(v->msrs->entries[0]));
    }
}

static uint64_t clock_tsc(struct kvm_vcpu *v)
{
    return cpu_tsc(v->cpu) - v->cpu->tsc_offset;
}

bool kvm_fetch_msrs(struct kvm_vcpu *v)
{
    if (!read_all(v)) {
        return false;
    }
    for (unsigned i = 0; i < v->msrs->nmsrs; i++) {
        const struct kvm_msr_entry *e = &v->msrs->entries[i];

        *member(v->cpu, e->index) = e->index == MSR_TSC ? e->data - clock_tsc(v) : e->data;
    }
    v->tsc_offset = v->cpu->tsc_offset;
    return true;
}

/* The TSC runs on by itself: a value is written only if somebody set another one. */
static bool is_written(const struct kvm_vcpu *v, uint32_t msr)
{
    return msr != MSR_TSC || v->cpu->tsc_offset != v->tsc_offset;
}

bool kvm_store_msrs(struct kvm_vcpu *v)
{
    g_autofree struct kvm_msrs *out = NULL;

    if (!v->msrs && !read_all(v)) {
        return false;
    }
    out = g_malloc0(sizeof(*out) + v->msrs->nmsrs * sizeof(out->entries[0]));
    for (unsigned i = 0; i < v->msrs->nmsrs; i++) {
        uint32_t msr = v->msrs->entries[i].index;
        struct kvm_msr_entry e = { .index = msr, .data = *member(v->cpu, msr) };

        if (is_written(v, msr)) {
            e.data += msr == MSR_TSC ? clock_tsc(v) : 0;
            out->entries[out->nmsrs++] = e;
        }
    }
    for (uint32_t done = 0; done < out->nmsrs;) {
        int n = kvm_vcpu_ioctl(v, KVM_SET_MSRS, out);

        if (n < 0) {
            return false;
        }
        if ((uint32_t)n >= out->nmsrs) {
            break;
        }
        /* It reads, but does not take this: what the kernel has of it cannot be changed. */
        log_line(LOG_ACCEL, "kvm: CPU %d: the kernel does not take MSR 0x%x = 0x%llx",
                 v->cpu->vcpu.index, out->entries[n].index,
                 (unsigned long long)out->entries[n].data);
        out->nmsrs -= (uint32_t)n + 1;
        memmove(&out->entries[0], &out->entries[n + 1], out->nmsrs * sizeof(out->entries[0]));
    }
    v->tsc_offset = v->cpu->tsc_offset;
    return true;
}

void kvm_msrs_free(struct kvm_vcpu *v)
{
    g_clear_pointer(&v->msrs, g_free);
}
