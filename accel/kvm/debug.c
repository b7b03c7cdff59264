/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/debug.c: a debugger's breakpoints, watchpoints and single steps, by the processor's debug registers and
 * trap flag behind KVM_SET_GUEST_DEBUG.
 *
 * The guest's own debug registers are out of force meanwhile.  Watchpoints take registers first, and one that fits in
 * none is refused when it is inserted.  Breakpoints take the rest; where they are too many the guest is stepped from
 * one instruction to the next and each place compared.
 *
 * Thread: kvm_debug, kvm_debug_takes: machine lock held, the vCPU out of `run`; else its own, no lock held.
 * Source: Linux, Documentation/virt/kvm/api.rst, 4.87 KVM_SET_GUEST_DEBUG; SDM vol. 3, 18.2.
 */
#include <errno.h>
#include "accel/kvm/internal.h"
#include "util/log.h"

enum { REGISTERS = 4 };
#define DR6_STEP (1u << 14)
#define DR7_ONES 0x400u

/* Of a register: R/W and LEN (SDM vol. 3, 18.2.4). */
enum { ON_EXECUTE = 0, ON_WRITE = 1, ON_ACCESS = 3 };

static unsigned type_bits(const struct debug_point *p)
{
    return p->type == DEBUG_WATCH_WRITE    ? ON_WRITE
           : p->type == DEBUG_WATCH_ACCESS ? ON_ACCESS
                                           : ON_EXECUTE;
}

static unsigned length_bits(const struct debug_point *p)
{
    return p->type < DEBUG_WATCH_WRITE ? 0
           : p->len == 8               ? 2
           : p->len == 4               ? 3
                                       : (unsigned)p->len - 1;
}

static bool is_watch(const struct debug_point *p)
{
    return p->type >= DEBUG_WATCH_WRITE;
}

/* Registers know of no reads alone, and of naturally aligned places only. */
static bool fits(const struct debug_point *p)
{
    return p->type != DEBUG_WATCH_READ &&
           (p->len == 1 || p->len == 2 || p->len == 4 || p->len == 8) && p->addr % p->len == 0;
}

bool kvm_debug_takes(struct machine *m, const struct debug_point *p)
{
    return !is_watch(p) || (fits(p) && m->debugger.n_watches < REGISTERS);
}

void kvm_debug(struct vcpu *vcpu, bool points)
{
    struct kvm_vcpu *v = kvm_vcpu_of(vcpu);

    (void)points;
    if (v) {
        v->debug_changed = true;
    }
}

static void add(struct kvm_vcpu *v, struct kvm_guest_debug *d, unsigned n,
                const struct debug_point *p)
{
    v->in_register[n] = *p;
    d->arch.debugreg[n] = p->addr;
    d->arch.debugreg[7] |= 2ull << 2 * n | (uint64_t)type_bits(p) << (16 + 4 * n) |
                           (uint64_t)length_bits(p) << (18 + 4 * n);
}

/* Those of one kind, as far as there are registers.  False: there are more. */
static bool add_all(struct kvm_vcpu *v, struct kvm_guest_debug *d, bool watch, unsigned *n)
{
    const struct debugger *g = &v->kvm->machine->debugger;

    for (unsigned i = 0; i < g->n_points; i++) {
        if (is_watch(&g->points[i]) == watch) {
            if (*n == REGISTERS) {
                return false;
            }
            add(v, d, (*n)++, &g->points[i]);
        }
    }
    return true;
}

/* What the kernel is asked to do; all of it 0: nothing. */
static struct kvm_guest_debug wanted(struct kvm_vcpu *v)
{
    const struct vcpu_debug *debug = &v->cpu->vcpu.debug;
    struct kvm_guest_debug d = { .arch.debugreg[7] = DR7_ONES };
    unsigned n = 0;

    v->compares = v->kvm->machine->debugger.one_insn;
    add_all(v, &d, true, &n);
    /* What stands at the first instruction is not met by a step over it. */
    if (!debug->step) {
        unsigned watches = n;

        if (!add_all(v, &d, false, &n)) {
            v->compares = true;
            d.arch.debugreg[7] = DR7_ONES;
            n = 0;
            add_all(v, &d, true, &n);
            g_assert(n == watches);
        }
    }
    v->n_registers = n;
    if (debug->step || v->compares) {
        d.control |= KVM_GUESTDBG_SINGLESTEP;
        if (debug->no_irq && v->kvm->caps.debug_flags & KVM_GUESTDBG_BLOCKIRQ) {
            d.control |= KVM_GUESTDBG_BLOCKIRQ;
        }
    }
    d.control |= n ? KVM_GUESTDBG_USE_HW_BP : 0;
    d.control |= d.control ? KVM_GUESTDBG_ENABLE : 0;
    return d;
}

static uint64_t linear(const struct x86_cpu *cpu)
{
    uint64_t rip = cpu->regs[R_RIP];

    return cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
}

static bool stop_at_break(struct kvm_vcpu *v, uint64_t at)
{
    const struct debug_point *p = debugger_break_at(&v->kvm->machine->debugger, at);
    struct debug_stop why = { .reason = DEBUG_STOP_BREAK };

    if (p) {
        why.type = p->type;
        debugger_stop(&v->cpu->vcpu, &why);
    }
    return p != NULL;
}

bool kvm_debug_enter(struct kvm_vcpu *v)
{
    struct kvm_guest_debug d;

    if (!v->debug_changed) {
        return true;
    }
    v->debug_changed = false;
    d = wanted(v);
    if ((d.control || v->guest_debug) && kvm_vcpu_ioctl(v, KVM_SET_GUEST_DEBUG, &d) < 0) {
        g_autofree char *why =
            g_strdup_printf("KVM does not take the debugger's points: %s", g_strerror(errno));

        kvm_fail(v, why);
        return false;
    }
    v->guest_debug = d.control != 0;
    /* Where it stands already: the comparison comes after each step. */
    return !v->compares || v->cpu->vcpu.debug.step || v->in_kernel ||
           !stop_at_break(v, linear(v->cpu));
}

/* Registers that the exit names, and that are somebody's. */
static bool stop_at_register(struct kvm_vcpu *v, uint64_t dr6)
{
    for (unsigned n = 0; n < v->n_registers; n++) {
        const struct debug_point *p = &v->in_register[n];
        struct debug_stop why = { .type = p->type };

        if (dr6 >> n & 1) {
            why.reason = is_watch(p) ? DEBUG_STOP_WATCH : DEBUG_STOP_BREAK;
            why.addr = is_watch(p) ? p->addr : 0;
            debugger_stop(&v->cpu->vcpu, &why);
            return true;
        }
    }
    return false;
}

bool kvm_debug_exit(struct kvm_vcpu *v)
{
    const struct kvm_debug_exit_arch *e = &v->run->debug.arch;
    struct debug_stop step = { .reason = DEBUG_STOP_STEP };

    if (stop_at_register(v, e->dr6)) {
        return true;
    }
    if (e->dr6 & DR6_STEP || e->exception != EXC_DB) {
        if (v->cpu->vcpu.debug.step) {
            debugger_stop(&v->cpu->vcpu, &step);
        } else if (v->compares) {
            stop_at_break(v, e->pc);
        }
        return true;
    }
    return true; /* of a point that is no more */
}
