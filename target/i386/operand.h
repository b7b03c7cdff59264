/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/operand.h: what execute functions are written with: operands, flags, the stack.
 * All may raise where they touch memory.
 */
#ifndef TARGET_I386_OPERAND_H
#define TARGET_I386_OPERAND_H

#include "target/i386/insn.h"
#include "target/i386/mem.h"

static inline uint64_t size_mask(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
}

static inline unsigned size_log2(unsigned size)
{
    return (unsigned)__builtin_ctz(size);
}

/* General registers: a 4-byte write clears the upper half, smaller ones keep it. */
static inline uint64_t reg_read(const struct x86_cpu *cpu, unsigned reg, unsigned size)
{
    return cpu->regs[reg] & size_mask(size);
}

static inline void reg_write(struct x86_cpu *cpu, unsigned reg, uint64_t v, unsigned size)
{
    switch (size) {
    case 1:
        cpu->regs[reg] = (cpu->regs[reg] & ~0xffull) | (v & 0xff);
        break;
    case 2:
        cpu->regs[reg] = (cpu->regs[reg] & ~0xffffull) | (v & 0xffff);
        break;
    case 4:
        cpu->regs[reg] = (uint32_t)v;
        break;
    default:
        cpu->regs[reg] = v;
    }
}

/* Operand n of up to 8 bytes, zero-extended.  Registers, memory, immediates, segments. */
uint64_t load_operand(struct x86_cpu *cpu, const struct insn *i, unsigned n);
/* The same for a destination that will be stored: memory faults as a write does. */
uint64_t load_operand_rmw(struct x86_cpu *cpu, const struct insn *i, unsigned n);
void store_operand(struct x86_cpu *cpu, const struct insn *i, unsigned n, uint64_t v);
/*
 * Ends a read-modify-write begun with load_operand_rmw.  With LOCK the store happens only if memory
 * still holds `old`; false: begin again.  Without LOCK it stores and is always true.
 */
bool store_operand_rmw(struct x86_cpu *cpu, const struct insn *i, unsigned n, uint64_t old,
                       uint64_t v);
/* The checked linear address of the memory operand, for `size` bytes. */
static inline uint64_t operand_linear(struct x86_cpu *cpu, const struct insn *i, unsigned size,
                                      bool write)
{
    return segment_linear(cpu, i->seg, insn_ea(cpu, i), size, write);
}

/*
 * The same where a misaligned address is #GP(0).  64-bit code finds that first, so that an address
 * that is not canonical either is no #SS through the stack.
 */
static inline uint64_t operand_linear_aligned(struct x86_cpu *cpu, const struct insn *i,
                                              unsigned size, unsigned align, bool write)
{
    uint64_t ea = insn_ea(cpu, i), linear;

    if (cpu->code64 && ((ea + (i->seg >= SEG_FS ? cpu->seg[i->seg].base : 0)) & (align - 1))) {
        raise_gp0(cpu);
    }
    linear = segment_linear(cpu, i->seg, ea, size, write);
    if (linear & (align - 1)) {
        raise_gp0(cpu);
    }
    return linear;
}

/*
 * Vector operands (XMM, MMX, memory, general register) of op[n].size bytes: load zero-fills *v up
 * to 16 bytes; store of an XMM register writes op.size bytes of the low 16 and keeps the rest.  A 16-byte
 * memory operand that is not aligned raises #GP(0) unless the row is ROW_UNALIGNED.
 */
void load_vec(struct x86_cpu *cpu, const struct insn *i, unsigned n, union vec *v);
void store_vec(struct x86_cpu *cpu, const struct insn *i, unsigned n, const union vec *v);

/* Flags ------------------------------------------------------------------------------------- */

/* The six arithmetic flags as EFLAGS bits. */
uint32_t flags_arith(const struct x86_cpu *cpu);
/* The whole of EFLAGS. */
static inline uint32_t cpu_eflags(const struct x86_cpu *cpu)
{
    return cpu->eflags | flags_arith(cpu);
}

/* Flags that translated code left are CC_FLAGS behind this, which leaves the vector registers alone. */
void flags_normalise(struct x86_cpu *cpu);

/* All six at once, from EFLAGS bits. */
static inline void flags_set(struct x86_cpu *cpu, uint32_t arith)
{
    cpu->cc_op = CC_FLAGS << 2;
    cpu->cc_src = arith & FLAGS_ARITH;
}

/* Some of the six: `mask` says which. */
static inline void flags_change(struct x86_cpu *cpu, uint32_t mask, uint32_t value)
{
    flags_set(cpu, (flags_arith(cpu) & ~mask) | (value & mask));
}

static inline void flags_lazy(struct x86_cpu *cpu, enum cc_kind kind, unsigned size, uint64_t dst,
                              uint64_t src)
{
    cpu->cc_op = (uint32_t)kind << 2 | size_log2(size);
    cpu->cc_dst = dst;
    cpu->cc_src = src;
}

/* ZF, SF, PF of a result, as EFLAGS bits. */
static inline uint32_t flags_szp(uint64_t r, unsigned size)
{
    uint32_t f = 0;

    r &= size_mask(size);
    f |= r == 0 ? FLAG_ZF : 0;
    f |= r >> (size * 8 - 1) ? FLAG_SF : 0;
    f |= __builtin_parity((unsigned)(r & 0xff)) ? 0 : FLAG_PF;
    return f;
}

/* CF, AF and OF of an addition or subtraction by the carries (borrows) out of each bit. */
static inline uint32_t flags_of_carries(uint64_t carries, unsigned size)
{
    unsigned top = size * 8 - 1;

    return (uint32_t)(carries >> top & 1) | (uint32_t)(carries & 8) << 1 |
           (uint32_t)((carries >> top ^ carries >> (top - 1)) & 1) << 11;
}

bool flag_cf(const struct x86_cpu *cpu);
/* Condition code 0-15 of Jcc, SETcc, CMOVcc. */
bool cond_true(const struct x86_cpu *cpu, unsigned cc);
/* Loads EFLAGS bits in `mask`, arithmetic ones included, and re-derives the mode where needed. */
void eflags_write(struct x86_cpu *cpu, uint32_t value, uint32_t mask);

/* Stack: size 2, 4 or 8 bytes; SS and the stack size of the mode. ------------------------------- */
void stack_push(struct x86_cpu *cpu, uint64_t v, unsigned size);
uint64_t stack_pop(struct x86_cpu *cpu, unsigned size);
/* RSP by the stack size's part. */
static inline uint64_t stack_pointer(const struct x86_cpu *cpu)
{
    return cpu->regs[R_RSP] & size_mask(cpu->stack_size);
}
static inline void stack_pointer_set(struct x86_cpu *cpu, uint64_t v)
{
    if (cpu->stack_size == 2) {
        reg_write(cpu, R_RSP, v, 2);
    } else {
        cpu->regs[R_RSP] = cpu->stack_size == 4 ? (uint32_t)v : v;
    }
}

/* A near branch target: wraps to opsize, checks CS limit or canonical form (#GP(0)), sets rip. */
void branch_near(struct x86_cpu *cpu, uint64_t target, unsigned opsize);

/* segment.c, gates.c: far control flow and segment loads, with every check. */
void load_segment(struct x86_cpu *cpu, unsigned seg, uint16_t selector); /* MOV, POP, LxS */
void far_jump(struct x86_cpu *cpu, uint16_t selector, uint64_t offset, unsigned opsize);
void far_call(struct x86_cpu *cpu, uint16_t selector, uint64_t offset, unsigned opsize);
void far_return(struct x86_cpu *cpu, unsigned opsize, unsigned pop_bytes);
void interrupt_return(struct x86_cpu *cpu, unsigned opsize);
enum task_switch_kind { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE };
void task_switch(struct x86_cpu *cpu, uint16_t selector, enum task_switch_kind kind, bool has_error,
                 uint32_t error);
/* Port access rights (IOPL, TSS bitmap): raises #GP(0). */
void check_io(struct x86_cpu *cpu, uint16_t port, unsigned size);
/* Control registers: checks, side effects (TLB, mode). Raises #GP(0). */
void cr_write(struct x86_cpu *cpu, unsigned n, uint64_t v);
uint64_t cr_read(struct x86_cpu *cpu, unsigned n);
/* The checks that ROW_SSE, ROW_MMX, ROW_X87 and ROW_X87_WAIT stand for; x87.c. */
void check_sse(struct x86_cpu *cpu);
void check_mmx(struct x86_cpu *cpu);
/* What an MMX instruction does to the x87 once nothing can fault: TOP = 0, every tag valid or empty. */
void mmx_executed(struct x86_cpu *cpu, bool empty);
void check_x87(struct x86_cpu *cpu, bool wait);

#endif
