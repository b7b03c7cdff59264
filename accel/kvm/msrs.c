/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/msrs.c: model-specific registers between x86_cpu and the kernel.
 *
 * Rows name the members of x86_cpu.  Others that the kernel has (its own interfaces', Hyper-V's, performance counters)
 * are saved by number where they are not what they were at first.  Which there are for this CPU shows when they are
 * read first: the kernel stops at one that it does not know, which then leaves the vCPU's list.
 * Thread: see kvm_fetch and kvm_store.
 */
#include <errno.h>
#include "accel/kvm/internal.h"
#include "softmmu/clock.h"
#include "util/log.h"

#define MSR_TSC     0x10u
#define MAX_OFFERED 1024
#define MAX_MSRS    512 /* of a vCPU: as many as one call takes is more */

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
    { 0xc0000081, 0xc0000081, AT(star) },
    { 0xc0000082, 0xc0000082, AT(lstar) },
    { 0xc0000083, 0xc0000083, AT(cstar) },
    { 0xc0000084, 0xc0000084, AT(sfmask) },
    { 0xc0000102, 0xc0000102, AT(kernel_gs_base) },
    { 0xc0000103, 0xc0000103, AT(tsc_aux) },
/* clang-format on */
#undef AT
};

static const struct kvm_msr_row *find_row(uint32_t msr)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (msr >= rows[i].first && msr <= rows[i].last) {
            return &rows[i];
        }
    }
    return NULL;
}

static uint64_t *member(struct x86_cpu *cpu, const struct kvm_msr_row *row, uint32_t msr)
{
    return (uint64_t *)((uint8_t *)cpu + row->offset) + (msr - row->first);
}

/* What has a place elsewhere: in KVM_GET_SREGS, or in the local APIC's state. */
static bool is_elsewhere(uint32_t msr)
{
    return msr == 0x1b || msr == 0x6e0 || (msr >= 0x800 && msr <= 0x8ff) || msr == 0xc0000080 ||
           msr == 0xc0000100 || msr == 0xc0000101;
}

static struct kvm_msr_list *offered(struct kvm *k)
{
    struct kvm_msr_list *list = g_malloc0(sizeof(*list) + MAX_OFFERED * sizeof(list->indices[0]));

    list->nmsrs = MAX_OFFERED;
    if (kvm_sys_ioctl(k, KVM_GET_MSR_INDEX_LIST, list) < 0) {
        list->nmsrs = 0;
    }
    return list;
}

/* Every row's, in their order; then others that the kernel names. */
static void make_list(struct kvm_vcpu *v)
{
    g_autofree struct kvm_msr_list *list = offered(v->kvm);
    struct kvm_vcpu_msrs *m = &v->msrs;

    m->buffer = g_malloc0(sizeof(*m->buffer) + MAX_MSRS * sizeof(m->buffer->entries[0]));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (uint32_t msr = rows[i].first; msr <= rows[i].last; msr++) {
            m->buffer->entries[m->buffer->nmsrs++].index = msr;
        }
    }
    for (unsigned i = 0; i < list->nmsrs && m->buffer->nmsrs < MAX_MSRS; i++) {
        if (!find_row(list->indices[i]) && !is_elsewhere(list->indices[i])) {
            m->buffer->entries[m->buffer->nmsrs++].index = list->indices[i];
        }
    }
}

/* Reads all, and keeps those that are there. */
static bool read_all(struct kvm_vcpu *v)
{
    struct kvm_msrs *b = v->msrs.buffer;

    for (;;) {
        int n = kvm_vcpu_ioctl(v, KVM_GET_MSRS, b);

        if (n < 0) {
            return false;
        }
        if ((uint32_t)n >= b->nmsrs) {
            return true;
        }
        log_line(LOG_ACCEL, "kvm: CPU %d: the kernel has no MSR 0x%x", v->cpu->vcpu.index,
                 b->entries[n].index);
        b->nmsrs--;
        memmove(&b->entries[n], &b->entries[n + 1],
                (b->nmsrs - (uint32_t)n) * sizeof(b->entries[0]));
    }
}

/* Once, before the kernel's state was changed: what is there, and what it holds after power-on. */
bool kvm_msrs_init(struct kvm_vcpu *v)
{
    make_list(v);
    if (!read_all(v)) {
        return false;
    }
    v->msrs.initial = g_new(uint64_t, v->msrs.buffer->nmsrs);
    for (unsigned i = 0; i < v->msrs.buffer->nmsrs; i++) {
        v->msrs.initial[i] = v->msrs.buffer->entries[i].data;
    }
    return true;
}

/* One without a row: in x86_cpu if it is not what it was at first. */
static void keep_extra(struct x86_cpu *cpu, uint32_t msr, uint64_t value)
{
    if (cpu->n_extra_msrs == CPU_EXTRA_MSRS) {
        log_line(LOG_ACCEL, "kvm: CPU %d: MSR 0x%x is lost when the machine is saved: too many",
                 cpu->vcpu.index, msr);
        return;
    }
    cpu->extra_msr[cpu->n_extra_msrs] = msr;
    cpu->extra_value[cpu->n_extra_msrs++] = value;
}

static uint64_t extra_or(const struct x86_cpu *cpu, uint32_t msr, uint64_t initial)
{
    for (unsigned i = 0; i < MIN(cpu->n_extra_msrs, CPU_EXTRA_MSRS); i++) {
        if (cpu->extra_msr[i] == msr) {
            return cpu->extra_value[i];
        }
    }
    return initial;
}

static uint64_t clock_tsc(struct kvm_vcpu *v)
{
    return cpu_tsc(v->cpu) - v->cpu->tsc_offset;
}

bool kvm_fetch_msrs(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;

    if (!read_all(v)) {
        return false;
    }
    cpu->n_extra_msrs = 0;
    for (unsigned i = 0; i < v->msrs.buffer->nmsrs; i++) {
        const struct kvm_msr_entry *e = &v->msrs.buffer->entries[i];
        const struct kvm_msr_row *row = find_row(e->index);

        if (row) {
            *member(cpu, row, e->index) = e->index == MSR_TSC ? e->data - clock_tsc(v) : e->data;
        } else if (e->data != v->msrs.initial[i]) {
            keep_extra(cpu, e->index, e->data);
        }
    }
    v->msrs.tsc_offset = cpu->tsc_offset;
    return true;
}

/*
 * Those that are to be written.  The TSC runs on by itself: only if somebody set another one.  Of those without a row
 * only what differs from what was read last.
 */
static struct kvm_msrs *make_output(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    const struct kvm_msrs *b = v->msrs.buffer;
    struct kvm_msrs *out = g_malloc0(sizeof(*out) + b->nmsrs * sizeof(out->entries[0]));

    for (unsigned i = 0; i < b->nmsrs; i++) {
        uint32_t msr = b->entries[i].index;
        const struct kvm_msr_row *row = find_row(msr);
        struct kvm_msr_entry e = { .index = msr };
        bool written = true;

        if (!row) {
            e.data = extra_or(cpu, msr, v->msrs.initial[i]);
            written = e.data != b->entries[i].data;
        } else if (msr == MSR_TSC) {
            e.data = clock_tsc(v) + cpu->tsc_offset;
            written = cpu->tsc_offset != v->msrs.tsc_offset;
        } else {
            e.data = *member(cpu, row, msr);
        }
        if (written) {
            out->entries[out->nmsrs++] = e;
        }
    }
    return out;
}

bool kvm_store_msrs(struct kvm_vcpu *v)
{
    g_autofree struct kvm_msrs *out = make_output(v);

    while (out->nmsrs > 0) {
        int n = kvm_vcpu_ioctl(v, KVM_SET_MSRS, out);

        if (n < 0) {
            return false;
        }
        if ((uint32_t)n >= out->nmsrs) {
            break;
        }
        /* One that can be read and not written: it keeps the kernel's value. */
        log_line(LOG_ACCEL, "kvm: CPU %d: the kernel does not take MSR 0x%x = 0x%llx",
                 v->cpu->vcpu.index, out->entries[n].index,
                 (unsigned long long)out->entries[n].data);
        out->nmsrs -= (uint32_t)n + 1;
        memmove(&out->entries[0], &out->entries[n + 1], out->nmsrs * sizeof(out->entries[0]));
    }
    v->msrs.tsc_offset = v->cpu->tsc_offset;
    return true;
}

void kvm_msrs_free(struct kvm_vcpu *v)
{
    g_clear_pointer(&v->msrs.buffer, g_free);
    g_clear_pointer(&v->msrs.initial, g_free);
}
