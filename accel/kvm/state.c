/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/state.c: a vCPU's whole architectural state, from the kernel to x86_cpu and back.
 *
 * An exception or interrupt that the kernel has begun to deliver has no place in x86_cpu, nor in another engine: the
 * interpreter delivers it when the state is fetched.  A software interrupt's is dropped, since its instruction
 * has not been left yet and does it again.
 *
 * Thread: in `run` the vCPU's own, without the lock; else whoever holds the machine lock.
 * Source: Linux, Documentation/virt/kvm/api.rst.
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/internal.h"
#include "target/i386/exception.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "target/i386/mem.h"
#include "util/log.h"

/* General registers and flags ------------------------------------------------------------------ */

/* In the order of enum x86_reg. */
static const size_t reg_offsets[] = {
#define AT(name) offsetof(struct kvm_regs, name)
    AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi), AT(r8),
    AT(r9),  AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15), AT(rip),
#undef AT
};

static uint64_t *reg_at(struct kvm_regs *regs, unsigned i)
{
    return (uint64_t *)((uint8_t *)regs + reg_offsets[i]);
}

static bool fetch_regs(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    struct kvm_regs regs;

    if (kvm_vcpu_ioctl(v, KVM_GET_REGS, &regs) < 0) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(reg_offsets); i++) {
        cpu->regs[i] = *reg_at(&regs, i);
    }
    cpu->insn_start = cpu->regs[R_RIP];
    cpu->eflags = ((uint32_t)regs.rflags & ~FLAGS_ARITH) | 2;
    flags_set(cpu, (uint32_t)regs.rflags & FLAGS_ARITH);
    return true;
}

static bool store_regs(struct kvm_vcpu *v)
{
    struct kvm_regs regs = { .rflags = cpu_eflags(v->cpu) };

    for (unsigned i = 0; i < G_N_ELEMENTS(reg_offsets); i++) {
        *reg_at(&regs, i) = v->cpu->regs[i];
    }
    return kvm_vcpu_ioctl(v, KVM_SET_REGS, &regs) >= 0;
}

/* Segments and control registers --------------------------------------------------------------- */

static void fetch_segment(struct segment *s, const struct kvm_segment *from)
{
    uint16_t attr = (uint16_t)(from->type | from->s << 4 | from->dpl << 5 | from->present << 7 |
                               from->avl << 12 | from->l << 13 | from->db << 14 | from->g << 15);

    if (from->unusable) {
        attr &= (uint16_t)~ATTR_P;
    }
    segment_set(s, from->selector, from->base, from->limit, attr);
}

static struct kvm_segment store_segment(const struct segment *s)
{
    return (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .type = s->attr & ATTR_TYPE,
        .s = (s->attr & ATTR_S) != 0,
        .dpl = (s->attr & ATTR_DPL) >> ATTR_DPL_SHIFT,
        .present = (s->attr & ATTR_P) != 0,
        .avl = (s->attr & ATTR_AVL) != 0,
        .l = (s->attr & ATTR_L) != 0,
        .db = (s->attr & ATTR_DB) != 0,
        .g = (s->attr & ATTR_G) != 0,
        .unusable = !(s->attr & ATTR_P),
    };
}

/* With KVM_GET_SREGS, which lacks the last members, in the form of KVM_GET_SREGS2. */
static int get_sregs(struct kvm_vcpu *v, struct kvm_sregs2 *s)
{
    struct kvm_sregs old;
    int r;

    memset(s, 0, sizeof(*s));
    if (v->kvm->caps.sregs2) {
        return kvm_vcpu_ioctl(v, KVM_GET_SREGS2, s);
    }
    r = kvm_vcpu_ioctl(v, KVM_GET_SREGS, &old);
    if (r >= 0) {
        memcpy(s, &old, offsetof(struct kvm_sregs, interrupt_bitmap));
    }
    return r;
}

static int set_sregs(struct kvm_vcpu *v, struct kvm_sregs2 *s)
{
    struct kvm_sregs old = { 0 };

    if (v->kvm->caps.sregs2) {
        return kvm_vcpu_ioctl(v, KVM_SET_SREGS2, s);
    }
    memcpy(&old, s, offsetof(struct kvm_sregs, interrupt_bitmap));
    return kvm_vcpu_ioctl(v, KVM_SET_SREGS, &old);
}

static bool is_pae(const struct x86_cpu *cpu)
{
    return (cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) && !(cpu->efer & EFER_LMA);
}

static bool fetch_sregs(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    struct kvm_sregs2 s;

    if (get_sregs(v, &s) < 0) {
        return false;
    }
    fetch_segment(&cpu->seg[SEG_ES], &s.es);
    fetch_segment(&cpu->seg[SEG_CS], &s.cs);
    fetch_segment(&cpu->seg[SEG_SS], &s.ss);
    fetch_segment(&cpu->seg[SEG_DS], &s.ds);
    fetch_segment(&cpu->seg[SEG_FS], &s.fs);
    fetch_segment(&cpu->seg[SEG_GS], &s.gs);
    fetch_segment(&cpu->ldt, &s.ldt);
    fetch_segment(&cpu->tr, &s.tr);
    cpu->gdt = (struct desc_table){ s.gdt.base, s.gdt.limit };
    cpu->idt = (struct desc_table){ s.idt.base, s.idt.limit };
    cpu->cr0 = s.cr0;
    cpu->cr2 = s.cr2;
    cpu->cr3 = s.cr3;
    cpu->cr4 = s.cr4;
    cpu->efer = s.efer;
    if (s.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) {
        memcpy(cpu->pdpte, s.pdptrs, sizeof(cpu->pdpte));
    } else if (is_pae(cpu)) {
        load_pdptes(cpu, cpu->cr3); /* from memory, as the kernel has them from there */
    }
    return true;
}

/* APIC_BASE and CR8, which are the local APIC's. */
static void add_apic(struct kvm_vcpu *v, struct kvm_sregs2 *s)
{
    struct machine *m = v->kvm->machine;
    struct x86_cpu *cpu = v->cpu;
    bool lock = !machine_locked(m);

    if (!cpu->apic) {
        return;
    }
    if (lock) {
        machine_lock(m);
    }
    s->apic_base = cpu->apic->get_base(cpu->apic_opaque);
    s->cr8 = cpu->apic->get_tpr(cpu->apic_opaque);
    if (lock) {
        machine_unlock(m);
    }
    v->run->apic_base = v->apic_base = s->apic_base;
    v->run->cr8 = v->cr8 = s->cr8;
}

static bool store_sregs(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    struct kvm_sregs2 s = {
        .es = store_segment(&cpu->seg[SEG_ES]),
        .cs = store_segment(&cpu->seg[SEG_CS]),
        .ss = store_segment(&cpu->seg[SEG_SS]),
        .ds = store_segment(&cpu->seg[SEG_DS]),
        .fs = store_segment(&cpu->seg[SEG_FS]),
        .gs = store_segment(&cpu->seg[SEG_GS]),
        .ldt = store_segment(&cpu->ldt),
        .tr = store_segment(&cpu->tr),
        .gdt = { .base = cpu->gdt.base, .limit = cpu->gdt.limit },
        .idt = { .base = cpu->idt.base, .limit = cpu->idt.limit },
        .cr0 = cpu->cr0,
        .cr2 = cpu->cr2,
        .cr3 = cpu->cr3,
        .cr4 = cpu->cr4,
        .efer = cpu->efer,
    };

    if (is_pae(cpu)) {
        memcpy(s.pdptrs, cpu->pdpte, sizeof(s.pdptrs));
        s.flags |= KVM_SREGS2_FLAGS_PDPTRS_VALID;
    }
    add_apic(v, &s);
    return set_sregs(v, &s) >= 0;
}

/* Debug registers ----------------------------------------------------------------------------- */

static bool fetch_debug(struct kvm_vcpu *v)
{
    struct kvm_debugregs d;

    if (kvm_vcpu_ioctl(v, KVM_GET_DEBUGREGS, &d) < 0) {
        return false;
    }
    memcpy(v->cpu->dr, d.db, sizeof(d.db));
    v->cpu->dr[6] = d.dr6;
    v->cpu->dr[7] = d.dr7;
    return true;
}

static bool store_debug(struct kvm_vcpu *v)
{
    struct kvm_debugregs d = { .dr6 = v->cpu->dr[6], .dr7 = v->cpu->dr[7] };

    memcpy(d.db, v->cpu->dr, sizeof(d.db));
    return kvm_vcpu_ioctl(v, KVM_SET_DEBUGREGS, &d) >= 0;
}

/* Events -------------------------------------------------------------------------------------- */

static bool fetch_events(struct kvm_vcpu *v, struct kvm_vcpu_events *e)
{
    struct x86_cpu *cpu = v->cpu;

    memset(e, 0, sizeof(*e));
    if (kvm_vcpu_ioctl(v, KVM_GET_VCPU_EVENTS, e) < 0) {
        return false;
    }
    cpu->nmi_blocked = e->nmi.masked;
    cpu->intr_shadow = e->interrupt.shadow != 0;
    cpu->ss_shadow = (e->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS) != 0;
    v->smm_inside_nmi = e->smi.smm_inside_nmi;
    cpu_set_smm(cpu, e->smi.smm);
    if (kvm_in_nested_guest(cpu)) {
        *kvm_nested_events(cpu) = *e;
        return true;
    }
    if (e->nmi.pending || e->nmi.injected) {
        /* One in delivery has blocked others already: it is not taken yet. */
        cpu->nmi_blocked = cpu->nmi_blocked && !e->nmi.injected;
        atomic_fetch_or(&cpu->pending, PENDING_NMI);
    }
    if (e->smi.pending) {
        atomic_fetch_or(&cpu->pending, PENDING_SMI);
    }
    return true;
}

static bool store_events(struct kvm_vcpu *v)
{
    const struct x86_cpu *cpu = v->cpu;
    const struct kvm_vcpu_events *nested = kvm_nested_events(cpu);
    struct kvm_vcpu_events e = {
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
        .nmi = { .masked = cpu->nmi_blocked },
        .interrupt = { .shadow = cpu->ss_shadow     ? KVM_X86_SHADOW_INT_MOV_SS
                                 : cpu->intr_shadow ? KVM_X86_SHADOW_INT_STI
                                                    : 0 },
    };

    if (nested) {
        e.exception = nested->exception;
        e.interrupt = nested->interrupt;
        e.nmi = nested->nmi;
        e.smi.pending = nested->smi.pending;
    }
    if (v->kvm->caps.x86_smm) {
        e.flags |= KVM_VCPUEVENT_VALID_SMM;
        e.smi.smm = cpu->in_smm;
        e.smi.smm_inside_nmi = cpu->in_smm && v->smm_inside_nmi;
    }
    return kvm_vcpu_ioctl(v, KVM_SET_VCPU_EVENTS, &e) >= 0;
}

/* Once more, for whom they are. */
static bool store_nested_events(struct kvm_vcpu *v)
{
    return !kvm_in_nested_guest(v->cpu) || store_events(v);
}

static bool is_soft(unsigned vector)
{
    return vector == EXC_BP || vector == EXC_OF;
}

/* The event that the kernel was delivering happens now. */
static void deliver_begun(struct kvm_vcpu *v, const struct kvm_vcpu_events *e)
{
    struct x86_cpu *cpu = v->cpu;
    bool interrupt = e->interrupt.injected && !e->interrupt.soft;
    bool exception = e->exception.injected && !is_soft(e->exception.nr);

    if (kvm_in_nested_guest(cpu) || (!interrupt && !exception)) {
        return;
    }
    tlb_flush(cpu);
    if (setjmp(cpu->unwind)) {
        cpu->regs[R_RIP] = cpu->insn_start;
        cpu_deliver_raised(cpu);
        return;
    }
    if (interrupt) {
        cpu_deliver(cpu, e->interrupt.nr, EVENT_EXTERNAL, false, 0);
    } else {
        cpu_deliver(cpu, e->exception.nr, e->exception.nr == EXC_DB ? EVENT_TRAP : EVENT_FAULT,
                    e->exception.has_error_code, e->exception.error_code);
    }
}

/* MP state: what the kernel knows of halts and start-up messages when it has the local APIC. */
static bool fetch_mp_state(struct kvm_vcpu *v)
{
    struct kvm_mp_state mp;
    struct x86_cpu *cpu = v->cpu;

    if (v->kvm->irqchip == KVM_IRQCHIP_OFF || !v->kvm->caps.mp_state) {
        return true;
    }
    if (kvm_vcpu_ioctl(v, KVM_GET_MP_STATE, &mp) < 0) {
        return false;
    }
    cpu->wait_sipi = mp.mp_state == KVM_MP_STATE_UNINITIALIZED ||
                     mp.mp_state == KVM_MP_STATE_INIT_RECEIVED ||
                     mp.mp_state == KVM_MP_STATE_SIPI_RECEIVED;
    cpu->halted = cpu->wait_sipi || mp.mp_state == KVM_MP_STATE_HALTED;
    if (mp.mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
        atomic_fetch_or(&cpu->pending, PENDING_SIPI);
    }
    return true;
}

static bool store_mp_state(struct kvm_vcpu *v)
{
    const struct x86_cpu *cpu = v->cpu;
    struct kvm_mp_state mp = { .mp_state = cpu->wait_sipi ? KVM_MP_STATE_UNINITIALIZED
                                           : cpu->halted  ? KVM_MP_STATE_HALTED
                                                          : KVM_MP_STATE_RUNNABLE };

    return v->kvm->irqchip == KVM_IRQCHIP_OFF || !v->kvm->caps.mp_state ||
           kvm_vcpu_ioctl(v, KVM_SET_MP_STATE, &mp) >= 0;
}

/* The whole ------------------------------------------------------------------------------------ */

void kvm_fetch(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    struct kvm_vcpu_events events;

    if (!v->in_kernel) {
        return;
    }
    kvm_counted(v, KVM_COUNT_FETCHES);
    if (!kvm_fetch_nested(v) || !fetch_events(v, &events) || !fetch_regs(v) || !fetch_sregs(v) ||
        !fetch_debug(v) || !kvm_fetch_msrs(v) || !kvm_fetch_xsave(v) || !fetch_mp_state(v)) {
        report_error("kvm: the state of CPU %d cannot be read: %s", cpu->vcpu.index,
                     g_strerror(errno));
    }
    v->in_kernel = false;
    cpu->dr6_pending = 0;
    cpu->trap_pending = false;
    cpu->delivering = -1;
    cpu->delivering_ext = false;
    cpu->stop_block = true;
    cpu_update_mode(cpu);
    deliver_begun(v, &events);
}

static const struct {
    const char *what;
    bool (*store)(struct kvm_vcpu *v);
} stores[] = {
    { "hypervisor's absence", kvm_leave_nested },
    { "events", store_events },
    { "segments and control registers", store_sregs },
    { "general registers", store_regs },
    { "debug registers", store_debug },
    { "vector registers", kvm_store_xsave },
    { "MSRs", kvm_store_msrs },
    { "hypervisor", kvm_store_nested },
    { "events", store_nested_events },
    { "MP state", store_mp_state },
};

bool kvm_store(struct kvm_vcpu *v)
{
    if (v->in_kernel) {
        return true;
    }
    kvm_counted(v, KVM_COUNT_STORES);
    for (unsigned i = 0; i < G_N_ELEMENTS(stores); i++) {
        if (!stores[i].store(v)) {
            g_autofree char *why = g_strdup_printf(
                "KVM does not take the %s of CPU %d: %s; -accel tcg runs the guest in software",
                stores[i].what, v->cpu->vcpu.index, g_strerror(errno));

            kvm_fail(v, why);
            return false;
        }
    }
    kvm_irqchip_store(v);
    v->in_kernel = true;
    v->run->ready_for_interrupt_injection = 0; /* was of another state */
    return true;
}
