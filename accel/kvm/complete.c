/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/complete.c: what the kernel cannot emulate is executed by the interpreter, and the kernel goes on.
 *
 * Where the kernel gives up again at the very place that the interpreter left, twice as many instructions are executed
 * the next time, so that a stretch of code that the kernel cannot run at all does not cost two copies of the state an
 * instruction.
 * Thread: the vCPU's own, in `run`, no lock held.
 */
#include <inttypes.h>
#include "accel/kvm/internal.h"
#include "accel/tcg/tcg.h"
#include "util/log.h"

#define AT_ONCE_MAX (64u << 10)

static unsigned how_many(struct kvm_vcpu *v)
{
    if (v->cpu->regs[R_RIP] != v->stuck_rip || v->stuck == 0) {
        v->stuck = 1;
    } else {
        v->stuck = MIN(v->stuck * 2, AT_ONCE_MAX);
    }
    return v->stuck;
}

bool kvm_complete(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    unsigned n;

    kvm_fetch(v);
    if (kvm_in_nested_guest(cpu)) {
        kvm_fail(v, "KVM gave up: it does not emulate an instruction of a guest's guest");
        return false;
    }
    if (!v->assistant) {
        tcg_assist_init(&cpu->vcpu);
        v->assistant = true;
    }
    n = how_many(v);
    log_line(LOG_ACCEL, "kvm: CPU %d: the interpreter executes %u instructions at 0x%016" PRIx64,
             cpu->vcpu.index, n, cpu->regs[R_RIP]);
    n = tcg_assist(&cpu->vcpu, n);
    atomic_fetch_add_explicit(&v->count[KVM_COUNT_COMPLETED], n, memory_order_relaxed);
    v->stuck_rip = cpu->regs[R_RIP];
    return true;
}

void kvm_complete_free(struct kvm_vcpu *v)
{
    if (v->assistant) {
        tcg_vcpu_ops.destroy(&v->cpu->vcpu);
        v->assistant = false;
    }
}
