/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/internal.h: what the files of this folder share.
 *
 * Invariants: of a vCPU, either the kernel has the architectural state (kvm_vcpu.in_kernel) or x86_cpu has it;
 *             whoever looks at x86_cpu from outside of `run` finds it there (vcpu_ops.fetch), may change it, and it goes
 *             back to the kernel before the vCPU's next entry.  A few fields of x86_cpu are right all the time:
 *             halted, wait_sipi, in_smm and memory, pending, a20_mask, and IF in eflags.
 * Thread:     struct kvm's fields change under the machine lock; a kvm_vcpu is its own thread's while in `run`,
 *             else the lock holder's.  Counters are atomic, relaxed.
 */
#ifndef ACCEL_KVM_INTERNAL_H
#define ACCEL_KVM_INTERNAL_H

#include <glib.h>
#include <linux/kvm.h>
#include <stdatomic.h>
#include "accel/kvm/ioctl.h"
#include "accel/kvm/kvm.h"
#include "accel/kvm/options.h"
#include "softmmu/io_event.h"
#include "softmmu/irqchip.h"
#include "softmmu/machine.h"
#include "target/i386/cpu_request.h"

/* Of a vCPU: `info kvm`. */
enum kvm_count {
    KVM_COUNT_RUNS,      /* entries into the guest */
    KVM_COUNT_IO,        /* exits: port I/O, */
    KVM_COUNT_MMIO,      /* memory-mapped I/O, */
    KVM_COUNT_HLT,       /* HLT without an irqchip in the kernel, */
    KVM_COUNT_WINDOW,    /* an interrupt can be taken now, */
    KVM_COUNT_SIGNAL,    /* somebody wanted attention, */
    KVM_COUNT_OTHER,     /* all others */
    KVM_COUNT_INJECTED,  /* interrupts given to the kernel */
    KVM_COUNT_FETCHES,   /* whole states read from the kernel */
    KVM_COUNT_STORES,    /* whole states written to it */
    KVM_COUNT_RING_FULL, /* exits because of a full dirty ring */
    KVM_COUNT_COMPLETED, /* instructions that the interpreter completed */
    KVM_COUNTS
};

/* A run of guest memory that the kernel maps: whole pages of one block. */
struct kvm_slot {
    uint64_t start, size; /* physical */
    struct ram_block *ram;
    uint64_t ram_offset;
    uint32_t id; /* within its space */
    bool readonly, logged;
    bool placed; /* the kernel has it */
};

/* Those of an address space. */
struct kvm_slots {
    struct kvm *kvm;
    unsigned space; /* the kernel's number: 0, or 1 of SMM */
    struct address_space *as;
    struct mem_listener listener;
    struct kvm_slot *slot; /* sorted */
    unsigned n, n_ids;
    bool *used;    /* by id */
    bool started;  /* a failure is no start-up's any more */
    char *failure; /* the first; NULL: none */
};

/* KVM_CHECK_EXTENSION's answers that are asked for often. */
struct kvm_caps {
    int address_spaces; /* 2: SMM has its own */
    int max_slots;      /* of one space */
    bool readonly_mem, x86_smm, sregs2, xcrs, mp_state, get_tsc_khz;
    int xsave_size;       /* bytes of KVM_GET_XSAVE2; 0: KVM_GET_XSAVE */
    uint32_t debug_flags; /* of KVM_SET_GUEST_DEBUG */
    uint32_t nested_size; /* bytes of KVM_GET_NESTED_STATE; 0: there is none */
};

struct kvm {
    struct machine *machine;
    struct kvm_host *host;
    int fd, vm_fd;   /* -1: not open */
    size_t run_size; /* of each vCPU's mapping */
    enum kvm_irqchip_mode irqchip;
    struct kvm_options options;
    struct kvm_caps caps;
    struct kvm_offer *cpuid;    /* cpuid.c: what the kernel offers; NULL: not asked yet */
    struct kvm_slots *slots[2]; /* of the address space `memory`, and of SMM's; NULL: none */
    struct dirty_listener dirty;
    GHashTable *
        logged; /* struct ram_block * to the flags that are collected of it: its writes are logged */
    struct kvm_vcpu *vcpus[MACHINE_MAX_VCPUS]; /* by vcpu.index */
    struct irqchip chip;                       /* machine's, if irqchip is not OFF */
    struct run_state_listener chip_listener;
    struct kvm_routes *routes;
    struct io_events io_events; /* machine's */
    struct kvm_views *views;
    struct run_state_listener clock_listener;
    bool clock_runs;           /* the guest's paravirtual one */
    uint32_t ring_size;        /* entries of each vCPU's dirty ring; 0: bitmaps */
    uint64_t n_ring_pages;     /* that came by them */
    unsigned n_events;         /* eventfds that the kernel adds to: `info kvm` */
    uint64_t n_coalesced;      /* writes that came late */
    _Atomic uint64_t messages; /* sent by KVM_SIGNAL_MSI: `info kvm` */
    struct timer watch;        /* progress.c: */
    _Atomic bool watched;      /* it is armed */
    _Atomic bool told;         /* that the guest gets nowhere */
};

struct kvm_vcpu {
    struct kvm *kvm;
    struct x86_cpu *cpu;
    int fd;
    struct kvm_run *run;
    bool in_kernel;      /* the kernel has the state, x86_cpu's is old */
    _Atomic bool inside; /* own thread: in KVM_RUN, or about to: a signal is needed to get it out */
    bool guest_debug;    /* KVM_SET_GUEST_DEBUG is in force: debug.c */
    struct kvm_vcpu_msrs {
        struct kvm_msrs *buffer; /* of KVM_GET_MSRS: what there is, as it was read last */
        uint64_t *initial;       /* its values at first */
        uint64_t tsc_offset;     /* x86_cpu's as it was read or written: another one is written */
    } msrs;
    struct kvm_vcpu_nested {
        GByteArray *initial; /* KVM_GET_NESTED_STATE's at first; NULL: the CPU has none */
        GByteArray *kernel;  /* what the kernel has, as it was read or written last */
    } nested;
    bool needs_entry;        /* port or memory I/O is done when the kernel is entered next */
    bool smm_inside_nmi;     /* in system-management mode: NMIs were blocked before it */
    uint64_t cr8, apic_base; /* as the kernel had them last, without an irqchip there */
    void *xsave;             /* an area of caps.xsave_size, or of struct kvm_xsave */
    /* complete.c: */
    bool assistant;             /* the interpreter's part is there */
    uint64_t stuck_rip;         /* where it completed instructions last, and */
    unsigned stuck;             /* how often in a row without the kernel's progress */
    struct kvm_dirty_gfn *ring; /* ring.c; NULL: none */
    uint32_t ring_at;           /* the next entry, modulo its size */
    /* debug.c: what is in the debug registers; each instruction's place is compared with the breakpoints. */
    struct debug_point in_register[4];
    unsigned n_registers;
    bool debug_changed, compares;
    uint64_t deadline; /* irqchip.c: a TSC deadline that is written with the next store */
    bool deadline_waits;
    /* progress.c: */
    _Atomic bool look;            /* kvm_look is to be called */
    _Atomic uint64_t looked_runs; /* entries so far, when somebody looked last */
    _Atomic unsigned looks;       /* in a row at the same place, with no exit in between: */
    uint64_t looked_rip;
    _Atomic uint64_t count[KVM_COUNTS];
};

static inline struct kvm_vcpu *kvm_vcpu_of(const struct vcpu *v)
{
    return v->machine->kvm->vcpus[v->index];
}

static inline void kvm_counted(struct kvm_vcpu *v, enum kvm_count what)
{
    atomic_fetch_add_explicit(&v->count[what], 1, memory_order_relaxed);
}

/* vm.c.  -1 and errno; repeated when a signal came (EINTR). */
int kvm_sys_ioctl(struct kvm *k, unsigned long request, void *arg);
int kvm_vm_ioctl(struct kvm *k, unsigned long request, void *arg);
int kvm_vcpu_ioctl(struct kvm_vcpu *v, unsigned long request, void *arg);
/* KVM_CHECK_EXTENSION of the virtual machine; 0: it is not there. */
int kvm_cap(struct kvm *k, unsigned cap);
/* KVM_ENABLE_CAP of the virtual machine, with arg0. */
bool kvm_enable_cap(struct kvm *k, unsigned cap, uint64_t arg);

/* slots.c: memory slots follow the address spaces; dirty pages. */
bool kvm_slots_init(struct kvm *k, GError **error);
void kvm_slots_free(struct kvm *k);
/* The address that the A20 gate lets through, as far as slots can show it. */
uint64_t kvm_a20(const struct kvm *k, uint64_t phys);

/* run.c */
void kvm_run(struct vcpu *v);
void kvm_kick(struct vcpu *v);
bool kvm_has_work(struct vcpu *v);
/* Own thread, no lock, before the state is read: completes the I/O that the last exit was for. */
void kvm_settle(struct kvm_vcpu *v);
/* Own thread, no lock: `why`, with the state in the log; the machine pauses in internal-error. */
void kvm_fail(struct kvm_vcpu *v, const char *why);

/*
 * state.c: the whole state to x86_cpu, or to the kernel; nothing where it is there already.  What is in delivery when
 * it is fetched is delivered by the interpreter.  kvm_store is false if the kernel refuses; kvm_fail was called.
 */
void kvm_fetch(struct kvm_vcpu *v);
bool kvm_store(struct kvm_vcpu *v);

/* msrs.c.  False and errno, here and below: the kernel refuses. */
bool kvm_msrs_init(struct kvm_vcpu *v);
bool kvm_fetch_msrs(struct kvm_vcpu *v);
bool kvm_store_msrs(struct kvm_vcpu *v);
void kvm_msrs_free(struct kvm_vcpu *v);

/* xsave.c: x87, vector registers, XCR0. */
bool kvm_fetch_xsave(struct kvm_vcpu *v);
bool kvm_store_xsave(struct kvm_vcpu *v);

/*
 * nested.c: a hypervisor in the guest, cpu->kvm_nested.  Its guest's events stay in the kernel's form, with it.
 * kvm_leave_nested before the rest of the state is stored, kvm_store_nested after it.
 */
bool kvm_nested_init(struct kvm_vcpu *v);
void kvm_nested_free(struct kvm_vcpu *v);
bool kvm_fetch_nested(struct kvm_vcpu *v);
bool kvm_leave_nested(struct kvm_vcpu *v);
bool kvm_store_nested(struct kvm_vcpu *v);
/* The CPU's state is that of a hypervisor's guest, which nobody but the kernel can go on with. */
bool kvm_in_nested_guest(const struct x86_cpu *cpu);
/* Its events; NULL: it is in none. */
struct kvm_vcpu_events *kvm_nested_events(const struct x86_cpu *cpu);

/* complete.c: the interpreter executes what the kernel could not.  False: kvm_fail was called. */
bool kvm_complete(struct kvm_vcpu *v);
void kvm_complete_free(struct kvm_vcpu *v);

/*
 * progress.c: is the guest getting anywhere?  kvm_watch: own thread, no lock, the vCPU begins to run; kvm_look: the
 * same, at an exit; kvm_watch_tick: the timer, with struct kvm.
 */
void kvm_watch(struct kvm *k);
void kvm_watch_tick(void *opaque);
void kvm_look(struct kvm_vcpu *v);
/* Own thread: a triple fault. */
void kvm_tell_shutdown(struct kvm_vcpu *v);

/*
 * cpuid.c: asks what CPUs can have, m->cpu_support from then on; KVM_SET_CPUID2 from the CPU's model.  Lock held, before
 * the vCPU's thread is.
 */
bool kvm_cpuid_init(struct kvm *k, GError **error);
void kvm_cpuid_free(struct kvm *k);
/* XCR0 and IA32_XSS that the features allow. */
uint64_t kvm_xsave_components(const struct x86_cpu *cpu);
/* Where one lies in the kernel's area, from bit 2 on: in XCR0, not IA32_XSS. */
bool kvm_xsave_place(const struct kvm *k, unsigned bit, uint32_t *offset, uint32_t *size);
bool kvm_set_cpuid(struct kvm_vcpu *v, GError **error);
/* hyperv.c: what of Hyper-V's interfaces there is; a vCPU's are turned on, before its CPUID. */
void kvm_hyperv_find(struct kvm *k, struct cpu_support *s);
bool kvm_hyperv_enable(struct kvm_vcpu *v, GError **error);
/* KVM_EXIT_HYPERV.  False: leave `run`. */
bool kvm_hyperv_exit(struct kvm_vcpu *v);

/*
 * irqchip.c.  What -accel kvm,kernel-irqchip= asks for, after the VM was made and before its vCPUs are; NULL for the
 * machine's chips behind it when it goes.
 */
bool kvm_irqchip_init(struct kvm *k, GError **error);
void kvm_irqchip_free(struct kvm *k);
/* Own thread, no lock, when `run` begins: the kernel's chips are in charge from now on. */
void kvm_irqchip_enter(struct kvm_vcpu *v);
/* The part of a local APIC that goes with a vCPU's state; after its TSC. */
void kvm_irqchip_store(struct kvm_vcpu *v);
/* routes.c: eventfds that the kernel makes interrupts of. */
unsigned kvm_count_routes(const struct kvm *k);
/* KVM_EXIT_IOAPIC_EOI. */
void kvm_irqchip_eoi(struct kvm_vcpu *v);

/* io_events.c: writes that the kernel takes. */
void kvm_io_events_init(struct kvm *k);
void kvm_io_events_free(struct kvm *k);
/* Lock held, before any access to a device: those that the kernel has gathered reach theirs. */
void kvm_flush_coalesced(struct machine *m);

/* debug.c: cpu->debug changed (vcpu_ops.debug); vcpu_ops.takes_point. */
void kvm_debug(struct vcpu *v, bool points);
bool kvm_debug_takes(struct machine *m, const struct debug_point *p);
/* Own thread, no lock, when `run` begins.  False: leave it. */
bool kvm_debug_enter(struct kvm_vcpu *v);
/* KVM_EXIT_DEBUG.  False: leave `run`. */
bool kvm_debug_exit(struct kvm_vcpu *v);

/* ring.c: dirty rings, if options.dirty_ring asks for them; of a vCPU, after it was made. */
bool kvm_ring_init(struct kvm *k, GError **error);
bool kvm_ring_map(struct kvm_vcpu *v, GError **error);
void kvm_ring_unmap(struct kvm_vcpu *v);
/* Lock held: what they hold becomes dirty, and they are empty. */
void kvm_ring_collect(struct kvm *k);
/* KVM_EXIT_DIRTY_RING_FULL. */
bool kvm_ring_full(struct kvm_vcpu *v);
/* slots.c: the page of a slot, numbered as the kernel does, was written. */
void kvm_slot_dirty(struct kvm *k, uint32_t slot, uint64_t page);

/* clock.c: the guest's paravirtual clock stops with the machine. */
void kvm_clock_init(struct kvm *k);
void kvm_clock_free(struct kvm *k);

#endif
