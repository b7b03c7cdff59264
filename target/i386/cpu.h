/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu.h: the architectural state of one x86 CPU, shared by the interpreter, the
 * translator, KVM, the gdbstub, the monitor and migration.
 *
 * Thread: the vCPU's own while it runs; others only with the vCPU stopped.  `pending` is atomic.
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "softmmu/machine.h"
#include "softmmu/vcpu.h"
#include "target/i386/features.h"

/* clang-format off */
enum x86_reg {
    R_RAX, R_RCX, R_RDX, R_RBX, R_RSP, R_RBP, R_RSI, R_RDI,
    R_R8, R_R9, R_R10, R_R11, R_R12, R_R13, R_R14, R_R15,
    R_RIP,  /* regs[16] */
    R_ZERO, /* regs[17]: always 0, the base or index that an address lacks */
    R_LOOSE, /* engine's: an immediate, read from memory when its instruction executes */
    R_COUNT
};
enum x86_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

/* EFLAGS */
#define FLAG_CF   0x00001u
#define FLAG_PF   0x00004u
#define FLAG_AF   0x00010u
#define FLAG_ZF   0x00040u
#define FLAG_SF   0x00080u
#define FLAG_TF   0x00100u
#define FLAG_IF   0x00200u
#define FLAG_DF   0x00400u
#define FLAG_OF   0x00800u
#define FLAG_IOPL 0x03000u
#define FLAG_NT   0x04000u
#define FLAG_RF   0x10000u
#define FLAG_VM   0x20000u
#define FLAG_AC   0x40000u
#define FLAG_VIF  0x80000u
#define FLAG_VIP  0x100000u
#define FLAG_ID   0x200000u
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)
#define CR4_VME (1u << 0)
#define CR4_PVI (1u << 1)
#define CR4_TSD (1u << 2)
#define CR4_DE  (1u << 3)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_PCE (1u << 8)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_PCIDE (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

enum x86_exception {
    EXC_DE, EXC_DB, EXC_NMI, EXC_BP, EXC_OF, EXC_BR, EXC_UD, EXC_NM, EXC_DF,
    EXC_TS = 10, EXC_NP, EXC_SS, EXC_GP, EXC_PF, EXC_MF = 16, EXC_AC, EXC_MC, EXC_XM,
};

/* Bits of `pending`: what an instruction boundary must look at. */
enum x86_pending {
    PENDING_INTR   = 1 << 0, /* the interrupt controller has a vector */
    PENDING_NMI    = 1 << 1,
    PENDING_SMI    = 1 << 2,
    PENDING_INIT   = 1 << 3,
    PENDING_SIPI   = 1 << 4,
    PENDING_FLUSH  = 1 << 5, /* flush the soft TLB (A20, memory map) */
    PENDING_CODE   = 1 << 6, /* engine: somebody else wrote to code that this CPU may have cached */
};

/* Segment attributes, as bits 8-23 of a descriptor's high word shifted to 0 (the VMX layout). */
#define ATTR_TYPE 0x000fu   /* type; code/data: A=1, W/R=2, E/C=4, code=8 */
#define ATTR_A    0x0001u
#define ATTR_W    0x0002u   /* data: writable; code: readable */
#define ATTR_E    0x0004u   /* data: expand down; code: conforming */
#define ATTR_CODE 0x0008u
#define ATTR_S    0x0010u   /* code or data */
#define ATTR_DPL  0x0060u
#define ATTR_DPL_SHIFT 5
#define ATTR_P    0x0080u
#define ATTR_AVL  0x1000u
#define ATTR_L    0x2000u
#define ATTR_DB   0x4000u
#define ATTR_G    0x8000u
/* clang-format on */

/* What a memory access may skip; derived by segment_update (segment.c). */
enum segment_access {
    SEGMENT_FLAT_READ = 1 << 0,  /* base 0, limit 4 GiB - 1, readable: no check */
    SEGMENT_FLAT_WRITE = 1 << 1, /* the same and writable */
};

struct segment {
    uint16_t selector;
    uint16_t attr;
    uint32_t limit; /* in bytes, inclusive, granularity applied */
    uint64_t base;
    uint8_t access; /* enum segment_access, derived */
    /*
     * Derived, too: an access that ends at or before this offset is within the segment, by [width of the
     * address: 16 bits?][write]; one that does not may be for a reason that is not looked at here.
     */
    uint64_t end[2][2];
};

struct desc_table {
    uint64_t base;
    uint16_t limit;
};

/* A vector register, low bytes first in memory order on a little-endian host. */
union vec {
    uint8_t b[64];
    uint16_t w[32];
    uint32_t d[16];
    uint64_t q[8];
};

/* An 80-bit extended real. */
struct float80 {
    uint64_t mant;
    uint16_t sexp; /* sign and exponent */
};

struct x87_state {
    struct float80 reg[8]; /* physical; ST(i) is reg[(top + i) & 7]; MMi is reg[i].mant */
    uint8_t top;
    uint16_t control;
    uint16_t status; /* without TOP (bits 11-13), which is `top` */
    uint8_t empty;   /* bit i: physical register i is empty (abridged tag inverted) */
    uint16_t opcode; /* last non-control instruction: 11 bits */
    uint16_t cs, ds; /* and its pointers */
    uint64_t ip, dp;
};

/*
 * The soft TLB: direct-mapped, one bank a memory mode, and two for code.  An access of `size` bytes hits when
 * linear - tag <= 4096 - size (unsigned): one compare finds a miss and a page crossing.  An unused
 * tag of a slot is TLB_NO_TAG(slot), a page that belongs in another slot: no linear address hits
 * it, canonical or not, since translated code does not check that first.
 */
#define TLB_BITS         14
#define TLB_SIZE         (1u << TLB_BITS)
#define TLB_NO_TAG(slot) (0x0008000000000000ull | (~(uint64_t)(slot)&1) << 12)

struct tlb_entry {
    uint64_t read_tag;
    uint64_t write_tag; /* RAM, dirty in the page table, no code on the page */
    uint64_t addend;    /* host address - linear address, while a tag is valid */
    uint64_t unused;    /* so that a shift makes the offset of a slot */
};

/*
 * Code has slots of its own, which data cannot take, each with a key: which page of the slot it is (bits 36 and up),
 * and where it lies in the host; TLB_NO_EXEC: none.  Pages that lie a multiple of TLB_SIZE apart, as a program and
 * its libraries may, have different slots.
 */
#define TLB_NO_EXEC UINT64_MAX

static inline uint64_t tlb_exec_key(uint64_t linear, uint64_t host)
{
    return linear << 16 >> (28 + TLB_BITS) << 36 | host >> 12;
}

static inline unsigned tlb_exec_slot(uint64_t linear)
{
    return (linear >> 12 ^ linear >> (12 + TLB_BITS)) & (TLB_SIZE - 1);
}

enum tlb_state {
    TLB_LOGGED = 1,        /* the slot is in the log of pages that are not global, */
    TLB_LOGGED_GLOBAL = 2, /* or that are: in both, when it has held one of each */
    TLB_GLOBAL = 4,        /* the page has G set: survives a CR3 load */
    TLB_ORDER_SHIFT = 3,   /* part of a page of 4 KiB << order: 0, 9, 10 or 18 */
};

/* exec_mode: the code size (2, 4 or 8), and: */
enum exec_mode_bit {
    EXEC_MODE_CPL3 = 16,
    EXEC_MODE_BANK_SHIFT = 5, /* two bits */
    EXEC_MODE_CPL12 = 128,
};

enum tlb_bank {
    TLB_USER,      /* CPL 3 */
    TLB_KERNEL,    /* CPL 0-2, SMAP in force */
    TLB_KERNEL_AC, /* CPL 0-2, user pages allowed */
    TLB_USER_AC,   /* CPL 3 with alignment checks: never filled, every access takes the slow path */
    TLB_BANKS
};

/* Code's, of TLB_USER and TLB_KERNEL; in logs they come behind the others. */
#define TLB_EXEC_BANKS 2
#define TLB_ALL_BANKS  (TLB_BANKS + TLB_EXEC_BANKS)

/* The second level: what was filled, of several PCIDs; see tlb.c. */
#define TLB_SETS  2048
#define TLB_WAYS  4
#define TLB_PCIDS 4096

#define TLB_LARGE_BITS   4096
#define TLB_WRITER_LISTS 8192
#define TLB_WRITERS      (TLB_USER_AC * TLB_SIZE) /* entries that may have a write tag */

struct tlb_saved {
    uint64_t what; /* page | enum tlb_what */
    uint64_t host; /* of the page */
    struct ram_block *ram;
    uint64_t context; /* valid while it is the one of now */
};

/*
 * The page that a place in translated code found last: an entry of bank TLB_USER for reads or for
 * writes, which several places may share.  They lie in two halves, the second for writes.
 */
#define TLB_SITES       28672u /* of 255 vCPUs all has to lie below 2 GiB */
#define TLB_MIXED_SITES 16u

struct tlb_site {
    uint64_t tag;    /* or TLB_NO_TAG(0): set when the site is given out */
    uint64_t addend; /* or 0: the site is not in the log */
};

/* 0: in no list. */
struct tlb_writer {
    uint16_t next, previous;
};

G_STATIC_ASSERT(TLB_WRITERS + TLB_WRITER_LISTS <= UINT16_MAX);

struct tlb {
    struct tlb_entry entry[TLB_BANKS][TLB_SIZE];
    uint64_t exec[TLB_EXEC_BANKS][TLB_SIZE]; /* by tlb_exec_slot */
    /* Of all accesses near RSP: by bank, for reads and for writes.  They are not in the log. */
    struct tlb_site stack[TLB_BANKS][2];
    struct tlb_site site[2 * TLB_SITES];
    uint32_t site_log[2 * TLB_SITES]; /* addresses of those that were filled since the last flush */
    unsigned site_fills;
    /* Fills until a site is looked at, and the host's time-stamp when it was; sites that see many pages. */
    int32_t site_left[2 * TLB_SITES];
    uint32_t site_time[2 * TLB_SITES], site_mixed[TLB_MIXED_SITES];
    unsigned n_mixed_sites;
    /* Slots filled since the last flush: of pages that are not global, and of those that are. */
    uint16_t fill_log[TLB_ALL_BANKS][2][TLB_SIZE];
    unsigned fills[TLB_ALL_BANKS][2];
    uint8_t state[TLB_ALL_BANKS][TLB_SIZE]; /* enum tlb_state */
    /*
     * Where parts of large pages were filled, for INVLPG: 2 MiB each, by a hash; and the linear range of
     * each half that holds every larger one.
     */
    uint64_t large[TLB_LARGE_BITS / 64];
    uint64_t huge_first[2], huge_last[2];
    unsigned
        generation;   /* changes with every flush: what was looked up by linear address is stale */
    unsigned section; /* where RAM was found last: a guess */
    unsigned victim;
    uint64_t contexts, dead_contexts; /* given out so far; up to which PCIDs have lost theirs */
    uint64_t context[4];              /* of now, by TLB_WHAT_LARGE and TLB_WHAT_GLOBAL */
    uint64_t pcid[TLB_PCIDS][2];      /* contexts of the PCIDs that are not CR3's */
    struct tlb_saved saved[TLB_SETS][TLB_WAYS];
    struct tlb_entry cross; /* engine: of what mmu_cross_read has found, for translated code */
    uint8_t cross_bytes[64];
    /* Who may write to a page of RAM, in lists by a hash of its number: see tlb.c.  The first is nobody's. */
    struct tlb_writer writer[1 + TLB_WRITERS + TLB_WRITER_LISTS];
};

/* What an interrupt controller (hw/intc/apic.c) gives the CPU.  Machine lock held in every call. */
struct x86_apic_ops {
    int (*acknowledge)(void *opaque);   /* the vector to deliver, or -1: spurious, nothing */
    uint64_t (*get_base)(void *opaque); /* IA32_APIC_BASE */
    bool (*set_base)(void *opaque, uint64_t value); /* false: #GP */
    uint8_t (*get_tpr)(void *opaque);               /* CR8: bits 7-4 of TPR */
    void (*set_tpr)(void *opaque, uint8_t cr8);
    bool (*read_msr)(void *opaque, uint32_t msr,
                     uint64_t *value); /* x2APIC 0x800-0x8ff; false: #GP */
    bool (*write_msr)(void *opaque, uint32_t msr, uint64_t value);
    uint64_t (*get_tsc_deadline)(void *opaque);
    void (*set_tsc_deadline)(void *opaque, uint64_t value); /* guest TSC ticks; 0 disarms */
    void (*reset)(void *opaque, bool init);
};

/* Lazy arithmetic flags: what made them.  kind << 2 | log2(size in bytes). */
enum cc_kind {
    CC_FLAGS, /* cc_src holds the six flags as EFLAGS bits */
    CC_ADD,   /* cc_dst = result, cc_src = second operand */
    CC_SUB,   /* cc_dst = result, cc_src = subtrahend; minuend = result + src */
    CC_LOGIC, /* cc_dst = result; CF = OF = AF = 0 */
    CC_INC,   /* cc_dst = result, cc_src = CF before */
    CC_DEC,
    CC_SZP, /* cc_dst = result for SF, ZF, PF; cc_src holds CF, AF, OF as EFLAGS bits */
    CC_MUL, /* the same, but ZF clear */
    /* Left by translated code, for flags_arith alone: normalised before other C code sees them. */
    CC_CMP,  /* cc_dst compared with cc_src */
    CC_TEST, /* cc_dst AND cc_src */
    CC_NEG,  /* cc_dst is the negative of something */
    CC_SHL,  /* cc_dst shifted by cc_src, which is neither 0 nor beyond the operand */
    CC_SHR,
    CC_SAR,
    CC_COMIS, /* cc_dst compared with cc_src as floats, of 4 or 8 bytes */
};

struct insn;
struct cpu_model;
struct cpu_own_model;

#define CPU_WINDOWS    16
#define CPU_HEAT       4096
#define CPU_EXTRA_MSRS 64
#define CPU_KVM_BLOB   16384 /* bytes */

struct x86_cpu {
    struct vcpu vcpu;
    uint32_t apic_id; /* initial; see topology.h */

    uint64_t regs[R_COUNT];
    uint64_t insn_start; /* rip of the instruction that executes; regs[R_RIP] is already the next */
    uint32_t cc_op;
    uint64_t cc_dst, cc_src;
    uint32_t eflags; /* all but the arithmetic flags; bit 1 set */

    /* Derived (cpu_update_mode): */
    uint8_t cpl;
    uint8_t code_size;  /* 2, 4 or 8: default size of code */
    uint8_t stack_size; /* 2, 4 or 8: which part of RSP the stack uses */
    uint8_t bank;       /* enum tlb_bank for data accesses */
    bool long_mode;     /* EFER.LMA */
    bool code64;        /* LMA and CS.L */
    bool protected_mode, vm86;
    bool alignment_check;   /* CR0.AM, EFLAGS.AC, CPL 3 */
    uint8_t exec_mode;      /* enum exec_mode_bit: what a block of code depends on */
    uint32_t scratch_mxcsr; /* engine: what the host held */
    uint32_t host_mxcsr;    /* engine: the next three are for translated code */
    uint8_t vectors_loaded, vectors_usable; /* levels */
    uint64_t branch_target;                 /* engine: kept across a check by translated code */
    uint64_t flag_operand; /* engine: the operand from memory that made the flags */
    uint64_t flag_carry;   /* engine: 0 or 1: CF as INC and DEC found it */
    /* Engine: jumps back that are left until code is hot, by target; then that it is, and its variant. */
    int32_t heat[CPU_HEAT];
    uint64_t hot_variant;
    bool hot;
    /* Engine: where calls of translated code begin on the host's stack, and as far as they may go. */
    uint64_t return_base, return_limit;
    uint64_t site_save[3];        /* engine: a thunk's */
    uint64_t window[CPU_WINDOWS]; /* engine: host addresses that translated code found */
    uint64_t loop_limit;          /* engine: as far as a loop's pointers may go: loop.c */
    uint64_t loop_room;           /* engine: what is left of it, while it is found */
    uint64_t jump_key;            /* engine: translator_key at an instruction that goes on */
    void *jump_table;             /* engine: of the mode; and the bank that holds its exec keys */
    const uint64_t *jump_bank;
    /* Engine: the x87 is in the host's FPU, see x87_to_memory(); translated code may use it there. */
    bool x87_in_host, x87_ready;
    void (*x87_fetch)(struct x86_cpu *cpu);
    bool (*x87_run)(struct x86_cpu *cpu, const struct insn *i); /* see on_host() in x87_arith.c */
    uint64_t x87_control; /* of FLDCW, while translated code looks at it */

    struct segment seg[SEG_COUNT];
    struct segment ldt, tr;
    struct desc_table gdt, idt;

    uint64_t cr0, cr2, cr3, cr4;
    uint64_t xcr0;
    uint64_t efer;
    uint64_t pdpte[4]; /* PAE: loaded by CR3 writes */
    uint64_t dr[8];
    uint64_t tsc_offset; /* guest TSC - clock's TSC */
    uint64_t a20_mask;   /* ANDed to physical addresses */

    /* MSRs */
    uint64_t star, lstar, cstar, sfmask;
    uint64_t kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_aux, tsc_adjust;
    uint64_t pat;
    uint64_t misc_enable, spec_ctrl, xss;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_var[16];
    uint64_t mcg_status, mcg_ctl;
    uint64_t smbase;
    /* What this program does not know, and an engine keeps: by number. */
    uint32_t n_extra_msrs, extra_msr[CPU_EXTRA_MSRS];
    uint32_t pkru; /* of protection keys */
    uint64_t extra_value[CPU_EXTRA_MSRS];
    GByteArray *kvm_nested; /* a hypervisor in the guest, in KVM's form; empty: there is none */
    GByteArray *kvm_xsave;  /* XSAVE components that are KVM's alone: see accel/kvm/xsave.c */
    uint64_t kvm_clock; /* ns, while the machine stands still: KVM's paravirtual clock; CPU 0's */

    struct x87_state x87;
    _Alignas(64) union vec vec[32];
    uint64_t kmask[8];
    uint32_t mxcsr;

    _Atomic uint32_t pending; /* enum x86_pending */
    bool halted;              /* HLT; also wait-for-SIPI when wait_sipi */
    bool wait_sipi;
    bool nmi_blocked;
    bool in_smm;
    struct address_space *memory; /* what it sees: see cpu_set_smm */
    uint8_t sipi_vector;
    /* Shadow after STI and MOV/POP SS: the boundary after the next instruction takes interrupts. */
    bool intr_shadow;
    bool ss_shadow;       /* the same for debug traps */
    bool stop_block;      /* engine: leave the block after this instruction */
    bool trap_pending;    /* TF was set when the instruction began */
    uint64_t dr6_pending; /* debug conditions that the instruction hit (B0-B3) */

    /* Delivery of an event: makes double and triple faults. */
    int delivering;      /* vector in delivery, or -1 */
    bool delivering_ext; /* EXT bit of error codes during delivery */

    /* The engine's entry: exceptions longjmp here with the vector in exc_*. */
    jmp_buf unwind;
    int exc_vector;
    bool exc_has_error;
    uint32_t exc_error;

    const struct cpu_model *model;   /* own_model's */
    struct cpu_own_model *own_model; /* cpu_request.h */
    uint32_t features[FEAT_WORDS];
    uint64_t tsc_hz;
    unsigned phys_bits, linear_bits;

    const struct x86_apic_ops *apic; /* NULL: no local APIC */
    void *apic_opaque;
    const struct irq *ferr; /* FERR#: raised by an x87 exception while CR0.NE is 0; may be NULL */

    uint64_t pause_rip; /* where it spins, and how many PAUSEs there since it yielded */
    unsigned pauses;

    struct host_vec *host_vec; /* stubs of vector instructions, made when the first one runs */
    void *engine;              /* accel's own */
    uint64_t executed;         /* instructions retired, for benchmarks and `info jit` */
    struct tlb tlb;
};

static inline struct x86_cpu *x86_cpu_of(struct vcpu *v)
{
    return (struct x86_cpu *)v;
}

static inline bool cpu_has(const struct x86_cpu *cpu, enum x86_feature f)
{
    return cpu->features[f / 32] >> (f % 32) & 1;
}

/* Any thread: flags an event and wakes the CPU / takes a level away. */
void cpu_set_pending(struct x86_cpu *cpu, uint32_t bits);
void cpu_clear_pending(struct x86_cpu *cpu, uint32_t bits);
/*
 * In an exclusive section or on the CPU's own thread: what its soft TLB holds is out of date.  It flushes
 * after the instruction that it is in.
 */
void cpu_flush_later(struct x86_cpu *cpu);

/* A start-up message: nothing unless the CPU waits for one, or will after an INIT on its way.  Lock held. */
void cpu_send_sipi(struct x86_cpu *cpu, uint8_t vector);

/*
 * Zeros that translated code can reach by address: below 2 GiB, as long as there is room and the host can.
 * NULL and errno: there are none.  To be unmapped with the same size.  huge: from a multiple of HUGE_PAGE on, if
 * there is room for that.
 */
void *cpu_map_low(size_t size, bool huge);
/* Few enough vCPUs for that: all share the 2 GiB. */
static inline bool cpu_low_huge(const struct machine *m)
{
    return m->n_vcpus <= 32;
}
/* cpu.c: power-on state (SDM vol. 3, 10.1.1) or INIT.  Lock held, CPU stopped. */
struct x86_cpu *cpu_new(struct machine *m, int index, const char *model, GError **error);
void cpu_free(struct x86_cpu *cpu);
void cpu_reset(struct x86_cpu *cpu, bool init);
/* Enters or leaves system-management mode's view of memory. */
void cpu_set_smm(struct x86_cpu *cpu, bool in_smm);
/* Derives the fields above from CR0, EFER, EFLAGS and the segments: after any change of them. */
void cpu_update_mode(struct x86_cpu *cpu);
/* Guest TSC now. */
uint64_t cpu_tsc(struct x86_cpu *cpu);
/* `info registers`, and -d cpu. */
void cpu_print_state(struct x86_cpu *cpu, GString *out);
extern const struct state_row cpu_state_rows[];
/*
 * cpu_saved.c: those rows, appended to `out`; and back, which cpu_check tries without a change.  False and *error: no
 * such CPU; it is as after reset.
 */
void cpu_save(struct x86_cpu *cpu, GByteArray *out);
bool cpu_check(const struct x86_cpu *cpu, const uint8_t *data, size_t len, GError **error);
bool cpu_load(struct x86_cpu *cpu, const uint8_t *data, size_t len, GError **error);

/* cpuid.c */
void cpu_cpuid(struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4]);
/* Fills model and features from "-cpu" text; "NAME,+feat,-feat,feat=on". */
bool cpu_model_parse(struct x86_cpu *cpu, const char *text, GError **error);
void cpu_model_print_list(GString *out); /* -cpu help */

/* msr.c: false means #GP. */
bool cpu_read_msr(struct x86_cpu *cpu, uint32_t msr, uint64_t *value);
bool cpu_write_msr(struct x86_cpu *cpu, uint32_t msr, uint64_t value);

/* segment.c: fills a segment from its parts and derives `access`. */
void segment_set(struct segment *s, uint16_t selector, uint64_t base, uint32_t limit,
                 uint16_t attr);
/* The real-mode and VM86 form. */
void segment_set_real(struct segment *s, uint16_t selector);

#endif
