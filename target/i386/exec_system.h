/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_system.h: execute functions of system instructions and far control flow, and the
 * sub-tables of the two-byte system opcodes.
 *
 * Thread: the vCPU's own, no lock held.  The privilege and mode that a row's flags say (ROW_CPL0,
 * ROW_PROT, ROW_I64, ROW_O64) are checked before the function; what depends on more is checked in it.
 */
#ifndef TARGET_I386_EXEC_SYSTEM_H
#define TARGET_I386_EXEC_SYSTEM_H

#include "target/i386/insn.h"
#include "target/i386/exception.h"

/* clang-format off */
/* segment_insn.c; the expected operands of a row stand beside each function. */
x86_exec_fn x_lldt;         /* Ew */
x86_exec_fn x_ltr;          /* Ew */
x86_exec_fn x_sldt;         /* Ev; memory takes 16 bits whatever the size */
x86_exec_fn x_str;          /* Ev, likewise */
x86_exec_fn x_lgdt;         /* M */
x86_exec_fn x_lidt;         /* M */
x86_exec_fn x_sgdt;         /* M */
x86_exec_fn x_sidt;         /* M */
x86_exec_fn x_smsw;         /* Ev, memory takes 16 bits */
x86_exec_fn x_lmsw;         /* Ew */
x86_exec_fn x_clts;
x86_exec_fn x_lar;          /* Gv, Ew */
x86_exec_fn x_lsl;          /* Gv, Ew */
x86_exec_fn x_verr;         /* Ew */
x86_exec_fn x_verw;         /* Ew */
x86_exec_fn x_arpl;         /* Ew, Gw */
x86_exec_fn x_mov_to_seg;   /* Sw, Ew */
x86_exec_fn x_mov_from_seg; /* Ev, Sw; memory takes 16 bits */
x86_exec_fn x_push_seg;     /* S_xx */
x86_exec_fn x_pop_seg;      /* S_xx */
x86_exec_fn x_les;          /* Gv, Mp */
x86_exec_fn x_lds;
x86_exec_fn x_lss;
x86_exec_fn x_lfs;
x86_exec_fn x_lgs;

/* gates.c, interrupt.c */
x86_exec_fn x_int;          /* Ib */
x86_exec_fn x_int3;
x86_exec_fn x_into;
x86_exec_fn x_int1;
x86_exec_fn x_iret;
x86_exec_fn x_jmp_far;      /* Ap */
x86_exec_fn x_jmp_far_mem;  /* Mp */
x86_exec_fn x_call_far;     /* Ap */
x86_exec_fn x_call_far_mem; /* Mp */
x86_exec_fn x_ret_far;
x86_exec_fn x_ret_far_imm;  /* Iw */
x86_exec_fn x_syscall;      /* fast_call.c */
x86_exec_fn x_sysret;
x86_exec_fn x_sysenter;
x86_exec_fn x_sysexit;
x86_exec_fn x_swapgs;
x86_exec_fn x_fence;        /* table_0fae.c */

/* control.c, debug.c, msr.c, cpuid.c, system.c */
x86_exec_fn x_mov_from_cr;  /* Ry, Cy; register of 64 bits in 64-bit code, 32 elsewhere */
x86_exec_fn x_mov_to_cr;    /* Cy, Ry */
x86_exec_fn x_mov_from_dr;  /* Ry, Dy */
x86_exec_fn x_mov_to_dr;    /* Dy, Ry */
x86_exec_fn x_wrmsr;
x86_exec_fn x_rdmsr;
x86_exec_fn x_rdtsc;
x86_exec_fn x_rdtscp;
x86_exec_fn x_rdpmc;
x86_exec_fn x_cpuid;
x86_exec_fn x_hlt;
x86_exec_fn x_cli;          /* no ROW_CPL0: IOPL, VME and PVI decide */
x86_exec_fn x_sti;
x86_exec_fn x_invd;
x86_exec_fn x_wbinvd;
x86_exec_fn x_invlpg;       /* M */
x86_exec_fn x_invpcid;      /* Gy, Mdq */
x86_exec_fn x_in;           /* ALo or AXv, Ib or DXw */
x86_exec_fn x_out;          /* Ib or DXw, ALo or AXv */
x86_exec_fn x_rsm;
x86_exec_fn x_monitor;
x86_exec_fn x_mwait;
x86_exec_fn x_clac;
x86_exec_fn x_stac;
x86_exec_fn x_rdpid;        /* Rv; 64 bits in 64-bit code */
x86_exec_fn x_rdrand;       /* Rv */
x86_exec_fn x_rdseed;       /* Rv */
x86_exec_fn x_ud;

/* table_system.c */
extern const struct insn_row table_0f00[8];      /* 0F 00, [modrm.reg] */
extern const struct insn_row table_0f01_mem[8];  /* 0F 01, mod != 3: [modrm.reg] */
extern const struct insn_row table_0f01_reg[64]; /* 0F 01, mod == 3: [modrm & 0x3f] */
extern const struct insn_row table_0fc7_mem[8];  /* 0F C7, mod != 3: [modrm.reg] */
extern const struct insn_row table_0fc7_reg[4][8]; /* 0F C7, mod == 3: [prefix][modrm.reg] */

/* clang-format on */

/* segment.c: a descriptor as memory holds it, taken apart. */
struct descriptor {
    uint64_t linear; /* of the descriptor, for the accessed and busy bits */
    uint32_t lo, hi;
    uint16_t attr; /* ATTR_* */
    uint32_t limit;
    uint64_t base; /* 32 bits; 64 once descriptor_read_high was called */
};
void descriptor_unpack(struct descriptor *d, uint32_t lo, uint32_t hi);
/* Reads the descriptor of a selector from the GDT or LDT.  False: outside the table (or no LDT). */
bool descriptor_read(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d);
/*
 * Long mode, system descriptors of 16 bytes: adds the base's upper half.  False: outside the table,
 * or a reserved type field that is not 0.  For gates, *high is the target's upper half.
 */
bool descriptor_read_high(struct x86_cpu *cpu, uint16_t selector, struct descriptor *d,
                          uint32_t *high);
/* Sets the accessed bit of a code or data descriptor in memory, if clear. */
void descriptor_set_accessed(struct x86_cpu *cpu, struct descriptor *d);
/* Sets or clears the busy bit (type bit 1) of a TSS descriptor in memory. */
void descriptor_set_busy(struct x86_cpu *cpu, const struct descriptor *d, bool busy);
/* Loads CS with this descriptor at a privilege level, and re-derives the mode. */
void code_segment_load(struct x86_cpu *cpu, uint16_t selector, const struct descriptor *d,
                       unsigned cpl);
/* Fills a segment register from a descriptor; no checks. */
void segment_from_descriptor(struct segment *s, uint16_t selector, const struct descriptor *d);
/* LLDT and LTR, with every check; also for task switches. */
void load_ldt(struct x86_cpu *cpu, uint16_t selector, enum x86_exception vector);

/* A line under -d pcall after a far transfer of protected mode. */
void log_far(const struct x86_cpu *cpu, const char *what);
/* Limit check of a segment, expand-down ones included. */
bool segment_within_limit(const struct segment *s, uint32_t offset, unsigned size);

/* inner_stack.c.  A new inner stack while it is not yet SS:RSP: checked pushes, and no state until it is committed. */
struct inner_stack {
    uint16_t selector;
    struct segment seg;
    uint64_t rsp;
    unsigned bits;            /* 16, 32 or 64: how far rsp wraps */
    unsigned bank;            /* enum tlb_bank of the pushes */
    enum x86_exception fault; /* for limit violations: EXC_SS */
    uint32_t error;           /* and its error code */
};
/* The stack for privilege level `dpl` from the TSS, with the checks of SDM vol. 3, 6.12.1. */
void inner_stack_from_tss(struct x86_cpu *cpu, unsigned dpl, struct inner_stack *st);
/* The linear address of [rsp, rsp + size) in it; raises #SS. */
uint64_t inner_stack_linear(struct x86_cpu *cpu, const struct inner_stack *st, uint64_t offset,
                            unsigned size);
void inner_stack_push(struct x86_cpu *cpu, struct inner_stack *st, uint64_t v, unsigned size);
/* Long mode: the TSS's RSP0-2 (slots 0-2) or IST1-7 (slots 4-10). */
uint64_t tss64_stack(struct x86_cpu *cpu, unsigned slot);
/* The current stack in the same form, for pushes that commit at the end. */
void inner_stack_current(const struct x86_cpu *cpu, struct inner_stack *st);
/* Makes it SS:RSP of privilege level `cpl`; the caller's code_segment_load re-derives the mode. */
void inner_stack_commit(struct x86_cpu *cpu, const struct inner_stack *st);
/* A new base (MSRs, WRFSBASE, SWAPGS), with `access` derived again. */
static inline void segment_set_base(struct segment *s, uint64_t base)
{
    segment_set(s, s->selector, base, s->limit, s->attr);
}
/* A null SS of 64-bit code at this level. */
void segment_set_null_ss(struct segment *s, unsigned rpl);
/* Loads a segment as real and virtual-8086 mode do. */
void load_segment_real(struct x86_cpu *cpu, unsigned seg, uint16_t selector);
/* Linear address of system structures: wraps at 4 GiB outside long mode. */
static inline uint64_t system_linear(const struct x86_cpu *cpu, uint64_t linear)
{
    return cpu->long_mode ? linear : (uint32_t)linear;
}
static inline bool is_canonical(uint64_t linear)
{
    return (linear + (1ull << 47)) >> 48 == 0;
}

static inline unsigned attr_dpl(uint16_t attr)
{
    return (attr & ATTR_DPL) >> ATTR_DPL_SHIFT;
}
static inline bool attr_is_code(uint16_t attr)
{
    return (attr & (ATTR_S | ATTR_CODE)) == (ATTR_S | ATTR_CODE);
}
static inline bool attr_is_conforming(uint16_t attr)
{
    return (attr & (ATTR_S | ATTR_CODE | ATTR_E)) == (ATTR_S | ATTR_CODE | ATTR_E);
}
/* Writable data: what a stack needs. */
static inline bool attr_is_stack(uint16_t attr)
{
    return (attr & (ATTR_S | ATTR_CODE | ATTR_W)) == (ATTR_S | ATTR_W);
}
/* gates.c: an instruction pointer must lie in its segment or be canonical: #GP(0). */
void check_target(struct x86_cpu *cpu, const struct descriptor *d, uint64_t offset);

/* deliver.c: the three ways through a table of handlers. */
struct event {
    int vector;
    enum event_kind kind;
    bool has_error;
    uint32_t error;
    uint32_t flags; /* EFLAGS to push */
};
void deliver_real(struct x86_cpu *cpu, const struct event *e);
void deliver_protected(struct x86_cpu *cpu, const struct event *e);
void deliver_long(struct x86_cpu *cpu, const struct event *e);

/* system.c: does the TSS's bitmap allow these ports? */
bool io_permission(struct x86_cpu *cpu, uint16_t port, unsigned size);

/* control.c */
bool efer_write(struct x86_cpu *cpu, uint64_t v); /* false: #GP */
uint64_t cr4_allowed(const struct x86_cpu *cpu);
/* PAE: the four entries are read once, when paging is set up.  False: a reserved bit is set. */
bool load_pdptes(struct x86_cpu *cpu, uint64_t cr3);
/* All of CR0, CR3, CR4 as a task switch loads CR3: no checks beyond PAE's PDPTEs. */
void cr3_load(struct x86_cpu *cpu, uint64_t v, bool keep);

/* interrupt.c: the CPU stops and asks for a reset. */
void cpu_enter_shutdown(struct x86_cpu *cpu, const char *why);
/* smm.c: takes an SMI at an instruction boundary. */
void smm_enter(struct x86_cpu *cpu);

/* debug.c: is an enabled instruction breakpoint at this linear address?  Sets dr6_pending. */
bool debug_insn_breakpoint(struct x86_cpu *cpu, uint64_t linear);
/* Notes enabled data or I/O breakpoints that an access hits, for cpu_take_debug_traps. */
void debug_data_access(struct x86_cpu *cpu, uint64_t linear, unsigned size, bool write);
void debug_io_access(struct x86_cpu *cpu, uint16_t port, unsigned size);

#endif
