/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/progress.c: a guest that gets nowhere under KVM is noticed, and told of once.
 *
 * While a vCPU is in the guest a timer looks every two seconds whether it has left it meanwhile for a reason other than
 * this.  One that has not is made to leave, and looks at its own RIP: five times the same, not halted, and it stands.
 * An endless loop of the guest's looks the same, so the message says what it sees, and nothing is stopped.
 *
 * A kernel that gives up again and again, so that the interpreter does most of the work, is told of, too; and a triple
 * fault where no hardware runs the guest, since such a kernel lacks some of what processors do.
 * Thread: the timer on the main loop, machine lock held; kvm_look on the vCPU's own.
 */
#include <inttypes.h>
#include "accel/kvm/internal.h"
#include "softmmu/clock.h"
#include "util/log.h"

#define EVERY      (2 * NS_PER_SEC)
#define SAME_LOOKS 5
#define COMPLETED                                                                                  \
    (20u << 20) /* instructions of the interpreter's, while the kernel was entered rarely */
#define PER_ENTRY 1000u

static uint64_t counted(const struct kvm_vcpu *v, enum kvm_count what)
{
    return atomic_load_explicit(&v->count[what], memory_order_relaxed);
}

static void tell(struct kvm *k, const char *what)
{
    if (!atomic_exchange(&k->told, true)) {
        report_warning("kvm: %s; if the guest hangs, try -accel tcg, which runs it in software",
                       what);
    }
}

void kvm_tell_shutdown(struct kvm_vcpu *v)
{
    g_autofree char *what = NULL;

    if (v->kvm->machine->config.accel_emulates) {
        what =
            g_strdup_printf("CPU %d met a triple fault, and a KVM without hardware may lack what "
                            "the guest needs, such as paging outside of long mode",
                            v->cpu->vcpu.index);
        tell(v->kvm, what);
    }
}

/* The interpreter does the work of a CPU that the kernel hardly ever runs. */
static void check_completed(struct kvm_vcpu *v)
{
    uint64_t n = counted(v, KVM_COUNT_COMPLETED);

    if (n > COMPLETED && n / PER_ENTRY > counted(v, KVM_COUNT_RUNS)) {
        g_autofree char *what = g_strdup_printf(
            "the kernel cannot execute the code of CPU %d, the interpreter has done %" PRIu64
            " of its instructions",
            v->cpu->vcpu.index, n);

        tell(v->kvm, what);
    }
}

static bool is_halted(struct kvm_vcpu *v)
{
    struct kvm_mp_state mp;

    return v->kvm->irqchip != KVM_IRQCHIP_OFF &&
           (kvm_vcpu_ioctl(v, KVM_GET_MP_STATE, &mp) < 0 || mp.mp_state != KVM_MP_STATE_RUNNABLE);
}

void kvm_look(struct kvm_vcpu *v)
{
    struct kvm_regs regs;

    atomic_store(&v->looked_runs, counted(v, KVM_COUNT_RUNS));
    if (!v->in_kernel || is_halted(v) || kvm_vcpu_ioctl(v, KVM_GET_REGS, &regs) < 0) {
        atomic_store(&v->looks, 0);
        return;
    }
    if (regs.rip != v->looked_rip) {
        v->looked_rip = regs.rip;
        atomic_store(&v->looks, 0);
        return;
    }
    if (atomic_fetch_add(&v->looks, 1) + 1 == SAME_LOOKS) {
        g_autofree char *what = g_strdup_printf(
            "CPU %d has stood at 0x%016" PRIx64 " for %d s without leaving the guest",
            v->cpu->vcpu.index, (uint64_t)regs.rip, (int)(SAME_LOOKS * EVERY / NS_PER_SEC));

        tell(v->kvm, what);
    }
}

static void watch(struct kvm_vcpu *v)
{
    uint64_t runs = counted(v, KVM_COUNT_RUNS);

    check_completed(v);
    if (runs == atomic_load(&v->looked_runs)) {
        atomic_store(&v->look, true);
        vcpu_notify(&v->cpu->vcpu);
    } else { /* it left by itself */
        atomic_store(&v->looked_runs, runs);
        atomic_store(&v->looks, 0);
    }
}

void kvm_watch_tick(void *opaque)
{
    struct kvm *k = opaque;
    bool any = false;

    for (unsigned i = 0; i < k->machine->n_vcpus; i++) {
        if (k->vcpus[i] && atomic_load(&k->vcpus[i]->inside)) {
            any = true;
            watch(k->vcpus[i]);
        }
    }
    atomic_store(&k->watched, any);
    if (any) {
        timer_arm(&k->watch, clock_now(k->machine, CLOCK_KIND_REALTIME) + EVERY);
    }
}

void kvm_watch(struct kvm *k)
{
    if (!atomic_exchange(&k->watched, true)) {
        machine_lock(k->machine);
        timer_arm(&k->watch, clock_now(k->machine, CLOCK_KIND_REALTIME) + EVERY);
        machine_unlock(k->machine);
    }
}
