/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/run.c: the run loop: events to the kernel, KVM_RUN, and what made the guest leave.
 *
 * Whoever wants attention sets exit_request and kicks: if the vCPU is `inside`, immediate_exit makes the next KVM_RUN
 * return at once and a signal the present one.  The vCPU clears immediate_exit, is `inside`, then looks at
 * exit_request; so that a kick is seen by the one or the other.
 *
 * I/O is complete, and the state consistent, when the kernel was entered once more: before `run` is left that is done
 * without a step of the guest.
 * Thread: the vCPU's own, no lock held, but kvm_kick and kvm_has_work.
 * Source: Linux, Documentation/virt/kvm/api.rst, 5.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "accel/kvm/internal.h"
#include "softmmu/event.h"
#include "target/i386/exception.h"
#include "target/i386/exec_system.h"
#include "util/log.h"

/* Kicks: does nothing but to end a system call. */
#define KICK_SIGNAL (SIGRTMIN + 1)

static void on_kick(int sig)
{
    (void)sig;
}

static void install_handler(void)
{
    static gsize done;

    if (g_once_init_enter(&done)) {
        struct sigaction action = { .sa_handler = on_kick };

        sigaction(KICK_SIGNAL, &action, NULL);
        g_once_init_leave(&done, 1);
    }
}

static void accept_kicks(void)
{
    sigset_t set;

    install_handler();
    sigemptyset(&set);
    sigaddset(&set, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void kvm_kick(struct vcpu *vcpu)
{
    struct kvm_vcpu *v = kvm_vcpu_of(vcpu);

    if (v && atomic_load(&v->inside)) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_tgkill, getpid(), vcpu->thread_id, KICK_SIGNAL);
    }
}

bool kvm_has_work(struct vcpu *vcpu)
{
    /* A local APIC in the kernel knows what wakes a vCPU, which waits there. */
    return vcpu->machine->kvm->irqchip != KVM_IRQCHIP_OFF || cpu_has_work(x86_cpu_of(vcpu));
}

void kvm_fail(struct kvm_vcpu *v, const char *why)
{
    g_autoptr(GString) text = g_string_new(NULL);

    kvm_fetch(v);
    cpu_print_state(v->cpu, text);
    log_write("CPU %d:\n%s", v->cpu->vcpu.index, text->str);
    machine_internal_error(v->kvm->machine, why);
}

/* The local APIC ------------------------------------------------------------------------------ */

/* What of the local APIC the guest has changed without an exit of its own. */
static void take_apic_changes(struct kvm_vcpu *v)
{
    struct machine *m = v->kvm->machine;
    struct x86_cpu *cpu = v->cpu;

    if (v->kvm->irqchip != KVM_IRQCHIP_OFF || !cpu->apic ||
        (v->run->cr8 == v->cr8 && v->run->apic_base == v->apic_base)) {
        return;
    }
    machine_lock(m);
    if (v->run->cr8 != v->cr8) {
        cpu->apic->set_tpr(cpu->apic_opaque, (uint8_t)v->run->cr8);
        v->cr8 = v->run->cr8;
    }
    if (v->run->apic_base != v->apic_base) {
        cpu->apic->set_base(cpu->apic_opaque, v->run->apic_base);
        v->apic_base = v->run->apic_base;
    }
    machine_unlock(m);
}

/* Lock held: the same the other way round, after an access to a device. */
static void show_apic_changes(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;

    if (v->kvm->irqchip == KVM_IRQCHIP_OFF && cpu->apic) {
        v->run->cr8 = v->cr8 = cpu->apic->get_tpr(cpu->apic_opaque);
    }
}

static bool enter(struct kvm_vcpu *v);

/* I/O that waits for its end gets it, and what may follow from it. */
void kvm_settle(struct kvm_vcpu *v)
{
    while (v->needs_entry && v->in_kernel) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (!enter(v)) {
            return;
        }
    }
}

/* Events to the kernel ------------------------------------------------------------------------ */

static void inject(struct kvm_vcpu *v)
{
    struct machine *m = v->kvm->machine;
    struct x86_cpu *cpu = v->cpu;
    struct kvm_interrupt interrupt;
    int vector;

    if (!cpu->apic) {
        cpu_clear_pending(cpu, PENDING_INTR);
        return;
    }
    machine_lock(m);
    vector = cpu->apic->acknowledge(cpu->apic_opaque);
    show_apic_changes(v);
    machine_unlock(m);
    if (vector < 0) {
        return;
    }
    interrupt.irq = (uint32_t)vector & 0xff;
    if (kvm_vcpu_ioctl(v, KVM_INTERRUPT, &interrupt) < 0) {
        report_error("kvm: CPU %d takes no interrupt 0x%x: %s", cpu->vcpu.index, interrupt.irq,
                     g_strerror(errno));
    }
    kvm_counted(v, KVM_COUNT_INJECTED);
    v->run->ready_for_interrupt_injection = 0;
    cpu->halted = false;
}

/* INIT and SIPI, which the kernel does not know of without a local APIC there. */
static void take_startup(struct kvm_vcpu *v, uint32_t pending)
{
    struct x86_cpu *cpu = v->cpu;

    if ((pending & PENDING_SIPI) || ((pending & PENDING_INIT) && !cpu->in_smm)) {
        kvm_settle(v);
        kvm_fetch(v);
        cpu_take_pending(cpu);
    }
}

/* NMI and SMI: latched in the kernel, which waits until they can be taken.  False: it refuses. */
static bool send_latched(struct kvm_vcpu *v, uint32_t pending)
{
    struct x86_cpu *cpu = v->cpu;

    if (!(pending & (PENDING_NMI | PENDING_SMI)) || cpu->wait_sipi) {
        return true;
    }
    if (!kvm_store(v)) {
        return false;
    }
    if (pending & PENDING_SMI) {
        cpu_clear_pending(cpu, PENDING_SMI);
        if (!v->kvm->caps.x86_smm || kvm_vcpu_ioctl(v, KVM_SMI, NULL) < 0) {
            log_line(LOG_UNIMP, "kvm: this kernel takes no SMI");
        } else if (!cpu->in_smm) {
            cpu->halted = false;
        }
    }
    if (pending & PENDING_NMI) {
        cpu_clear_pending(cpu, PENDING_NMI);
        if (kvm_vcpu_ioctl(v, KVM_NMI, NULL) < 0) {
            log_line(LOG_UNIMP, "kvm: this kernel takes no NMI");
        } else if (!cpu->nmi_blocked) {
            cpu->halted = false;
        }
    }
    return true;
}

/* Everything that waits.  False: leave `run`. */
static bool take_events(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    uint32_t pending = atomic_load(&cpu->pending);

    cpu_clear_pending(cpu, PENDING_FLUSH); /* the interpreter begins with an empty TLB */
    if (G_UNLIKELY(pending & (PENDING_INIT | PENDING_SIPI))) {
        take_startup(v, pending);
        pending = atomic_load(&cpu->pending);
    }
    if (G_UNLIKELY(pending & (PENDING_NMI | PENDING_SMI)) && !send_latched(v, pending)) {
        return false;
    }
    v->run->request_interrupt_window = 0;
    /* Local APICs in the kernel leave what the 8259 pair asks for, and say when they let it through. */
    if (v->kvm->irqchip != KVM_IRQCHIP_FULL && (pending & PENDING_INTR) && !cpu->wait_sipi) {
        if (v->in_kernel && v->run->ready_for_interrupt_injection &&
            !(cpu->vcpu.debug.no_irq && !cpu->halted)) {
            inject(v);
        }
        v->run->request_interrupt_window = (atomic_load(&cpu->pending) & PENDING_INTR) != 0;
    }
    if (cpu->halted && (cpu->eflags & FLAG_IF) && (pending & PENDING_INTR) && !cpu->wait_sipi) {
        cpu->halted = false; /* it wakes when the window opens, before another instruction */
    }
    return !(cpu->halted && v->kvm->irqchip == KVM_IRQCHIP_OFF);
}

/* Exits --------------------------------------------------------------------------------------- */

static bool exit_io(struct kvm_vcpu *v)
{
    struct kvm_run *run = v->run;
    struct machine *m = v->kvm->machine;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    if ((size != 1 && size != 2 && size != 4) || run->io.data_offset > v->kvm->run_size ||
        (uint64_t)run->io.count * size > v->kvm->run_size - run->io.data_offset) {
        kvm_fail(v, "KVM: port I/O outside of its page");
        return false;
    }
    kvm_counted(v, KVM_COUNT_IO);
    v->needs_entry = true;
    machine_lock(m);
    kvm_flush_coalesced(m);
    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint64_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_IN) {
            value = address_space_load(&m->io, run->io.port, size);
            memcpy(data, &value, size);
        } else {
            memcpy(&value, data, size);
            address_space_store(&m->io, run->io.port, value, size);
        }
    }
    show_apic_changes(v);
    machine_unlock(m);
    return true;
}

static bool exit_mmio(struct kvm_vcpu *v)
{
    struct kvm_run *run = v->run;
    struct machine *m = v->kvm->machine;
    uint64_t at = kvm_a20(v->kvm, run->mmio.phys_addr), value = 0;
    uint32_t len = run->mmio.len;

    if (len > sizeof(run->mmio.data)) {
        kvm_fail(v, "KVM: an access to memory of more than 8 bytes");
        return false;
    }
    kvm_counted(v, KVM_COUNT_MMIO);
    v->needs_entry = true;
    machine_lock(m);
    kvm_flush_coalesced(m);
    if (len & (len - 1)) {
        if (run->mmio.is_write) {
            address_space_write(v->cpu->memory, at, run->mmio.data, len);
        } else {
            address_space_read(v->cpu->memory, at, run->mmio.data, len);
        }
    } else if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, len);
        address_space_store(v->cpu->memory, at, value, len);
    } else {
        value = address_space_load(v->cpu->memory, at, len);
        memcpy(run->mmio.data, &value, len);
    }
    show_apic_changes(v);
    machine_unlock(m);
    return true;
}

static bool exit_hlt(struct kvm_vcpu *v)
{
    struct kvm_vcpu_events e = { 0 };

    kvm_counted(v, KVM_COUNT_HLT);
    if (kvm_vcpu_ioctl(v, KVM_GET_VCPU_EVENTS, &e) >= 0) {
        v->cpu->nmi_blocked = e.nmi.masked; /* decides what wakes it */
    }
    v->cpu->halted = true;
    return true;
}

static bool exit_window(struct kvm_vcpu *v)
{
    kvm_counted(v, KVM_COUNT_WINDOW);
    return true;
}

static bool exit_nothing(struct kvm_vcpu *v)
{
    kvm_counted(v, KVM_COUNT_OTHER);
    return true;
}

static bool exit_shutdown(struct kvm_vcpu *v)
{
    kvm_counted(v, KVM_COUNT_OTHER);
    kvm_fetch(v);
    kvm_tell_shutdown(v);
    cpu_enter_shutdown(v->cpu, "triple fault");
    return true;
}

static bool exit_fail_entry(struct kvm_vcpu *v)
{
    g_autofree char *why = g_strdup_printf(
        "KVM cannot enter the guest: the processor's reason is 0x%llx; -accel tcg runs it in "
        "software",
        (unsigned long long)v->run->fail_entry.hardware_entry_failure_reason);

    kvm_fail(v, why);
    return false;
}

static bool exit_internal_error(struct kvm_vcpu *v)
{
    static const char *const names[] = {
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "exceptions at one time",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an unexpected exit",
    };
    uint32_t suberror = v->run->internal.suberror;
    g_autofree char *why = NULL;

    if (suberror == KVM_INTERNAL_ERROR_EMULATION || suberror == KVM_INTERNAL_ERROR_DELIVERY_EV) {
        machine_lock(v->kvm->machine);
        kvm_flush_coalesced(v->kvm->machine);
        machine_unlock(v->kvm->machine);
        return kvm_complete(v);
    }
    why = g_strdup_printf(
        "KVM gave up: %s (suberror %u); -accel tcg runs the guest in software",
        suberror < G_N_ELEMENTS(names) && names[suberror] ? names[suberror] : "unknown", suberror);
    kvm_fail(v, why);
    return false;
}

/* What paravirtual interfaces of guests ask for. */
static bool exit_system_event(struct kvm_vcpu *v)
{
    struct machine *m = v->kvm->machine;

    kvm_counted(v, KVM_COUNT_OTHER);
    machine_lock(m);
    switch (v->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        machine_request_shutdown(m, SHUTDOWN_GUEST_SHUTDOWN);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        machine_request_reset(m, SHUTDOWN_GUEST_RESET);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        machine_request_shutdown(m, SHUTDOWN_GUEST_PANIC);
        break;
    default:
        log_line(LOG_UNIMP, "kvm: system event %u", v->run->system_event.type);
        break;
    }
    machine_unlock(m);
    return true;
}

static bool exit_eoi(struct kvm_vcpu *v)
{
    kvm_counted(v, KVM_COUNT_OTHER);
    kvm_irqchip_eoi(v);
    return true;
}

static bool exit_debug(struct kvm_vcpu *v)
{
    kvm_counted(v, KVM_COUNT_OTHER);
    return kvm_debug_exit(v);
}

/* By exit_reason.  False: leave `run`. */
static bool (*const exits[])(struct kvm_vcpu *v) = {
    [KVM_EXIT_IO] = exit_io,
    [KVM_EXIT_MMIO] = exit_mmio,
    [KVM_EXIT_HLT] = exit_hlt,
    [KVM_EXIT_IRQ_WINDOW_OPEN] = exit_window,
    [KVM_EXIT_INTR] = exit_nothing,
    [KVM_EXIT_SET_TPR] = exit_nothing, /* take_apic_changes has seen to it */
    [KVM_EXIT_NMI] = exit_nothing,     /* the host's */
    [KVM_EXIT_SHUTDOWN] = exit_shutdown,
    [KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
    [KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
    [KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
    [KVM_EXIT_DEBUG] = exit_debug,
    [KVM_EXIT_IOAPIC_EOI] = exit_eoi,
    [KVM_EXIT_DIRTY_RING_FULL] = kvm_ring_full,
    [KVM_EXIT_HYPERV] = kvm_hyperv_exit,
};

static bool exit_unknown(struct kvm_vcpu *v)
{
    g_autofree char *why = g_strdup_printf("KVM left the guest for reason %u, which is not known "
                                           "here; -accel tcg runs the guest in software",
                                           v->run->exit_reason);

    kvm_fail(v, why);
    return false;
}

/* Fields of x86_cpu that are right while the kernel has the rest. */
static void take_flags(struct kvm_vcpu *v)
{
    struct x86_cpu *cpu = v->cpu;
    bool smm = v->run->flags & KVM_RUN_X86_SMM;

    cpu->eflags = (cpu->eflags & ~FLAG_IF) | (v->run->if_flag ? FLAG_IF : 0);
    if (smm != cpu->in_smm) {
        cpu_set_smm(cpu, smm);
    }
}

/* One KVM_RUN, and what it came back with.  False: leave `run`. */
static bool enter(struct kvm_vcpu *v)
{
    int r = v->kvm->host->ioctl(v->kvm->host, v->fd, KVM_RUN, NULL), failure = errno;
    uint32_t reason = v->run->exit_reason;

    atomic_store(&v->inside, false);
    v->needs_entry = false;
    kvm_counted(v, KVM_COUNT_RUNS);
    take_flags(v);
    take_apic_changes(v);
    if (r < 0 && (failure == EINTR || failure == EAGAIN)) {
        kvm_counted(v, KVM_COUNT_SIGNAL);
        return true;
    }
    if (r < 0) {
        g_autofree char *why =
            g_strdup_printf("KVM_RUN of CPU %d: %s; -accel tcg runs the guest in software",
                            v->cpu->vcpu.index, g_strerror(failure));

        kvm_fail(v, why);
        return false;
    }
    if (reason < G_N_ELEMENTS(exits) && exits[reason]) {
        return exits[reason](v);
    }
    return exit_unknown(v);
}

void kvm_run(struct vcpu *vcpu)
{
    struct kvm_vcpu *v = kvm_vcpu_of(vcpu);

    accept_kicks();
    kvm_irqchip_enter(v);
    if (!kvm_debug_enter(v)) {
        return;
    }
    kvm_watch(v->kvm);
    for (;;) {
        __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        atomic_store(&v->inside, true);
        if (atomic_exchange(&vcpu->exit_request, false) && atomic_load(&vcpu->leave)) {
            break;
        }
        if (G_UNLIKELY(atomic_load_explicit(&v->look, memory_order_relaxed))) {
            atomic_store(&v->look, false);
            kvm_look(v);
        }
        if (!take_events(v) || !kvm_store(v) || !enter(v)) {
            break;
        }
    }
    atomic_store(&v->inside, false);
    kvm_settle(v);
}
