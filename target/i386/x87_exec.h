/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87_exec.h: what x87 execute functions are written with, and their names for
 * table_x87.c.
 *
 * The pattern: load memory (may fault); x87_begin; look at the stack (a fault ends there); compute;
 * store memory (may fault); x87_end, which says whether the destination is written; write it, pop.
 */
#ifndef TARGET_I386_X87_EXEC_H
#define TARGET_I386_X87_EXEC_H

#include "target/i386/operand.h"
#include "target/i386/softfloat.h"
#include "target/i386/x87.h"

/* clang-format off */
#define X87_C0 0x0100u
#define X87_C1 0x0200u
#define X87_C2 0x0400u
#define X87_C3 0x4000u
#define X87_CC (X87_C0 | X87_C1 | X87_C2 | X87_C3)
#define X87_IE 0x0001u
#define X87_SF 0x0040u
/* clang-format on */

/* A status for one instruction, from the control word. */
struct float_status x87_begin(const struct x86_cpu *cpu);
/*
 * Merges flags and C1 into the status word, sets ES, and records the instruction and data pointers.
 * False: an unmasked invalid, denormal or zero-divide: the destination and the stack stay.
 */
bool x87_end(struct x86_cpu *cpu, const struct insn *i, const struct float_status *st);
/* IE and SF, C1 tells which way.  True: masked, the caller delivers the indefinite. */
bool x87_stack_fault(struct x86_cpu *cpu, const struct insn *i, bool overflow);
/* The pointers of a non-control instruction. */
void x87_record(struct x86_cpu *cpu, const struct insn *i);
/* ES and B from flags and masks; drives FERR#. */
void x87_update_summary(struct x86_cpu *cpu);

static inline unsigned x87_physical(const struct x86_cpu *cpu, unsigned n)
{
    return (cpu->x87.top + n) & 7;
}

static inline bool x87_empty(const struct x86_cpu *cpu, unsigned n)
{
    return cpu->x87.empty >> x87_physical(cpu, n) & 1;
}

static inline struct float80 x87_get(const struct x86_cpu *cpu, unsigned n)
{
    return cpu->x87.reg[x87_physical(cpu, n)];
}

static inline void x87_set(struct x86_cpu *cpu, unsigned n, struct float80 v)
{
    cpu->x87.reg[x87_physical(cpu, n)] = v;
    cpu->x87.empty &= (uint8_t) ~(1u << x87_physical(cpu, n));
}

static inline void x87_pop(struct x86_cpu *cpu)
{
    cpu->x87.empty |= (uint8_t)(1u << cpu->x87.top);
    cpu->x87.top = (cpu->x87.top + 1) & 7;
}

static inline void x87_push(struct x86_cpu *cpu, struct float80 v)
{
    cpu->x87.top = (cpu->x87.top - 1) & 7;
    x87_set(cpu, 0, v);
}

static inline void x87_set_cc(struct x86_cpu *cpu, unsigned mask, unsigned cc)
{
    cpu->x87.status = (uint16_t)((cpu->x87.status & ~mask) | cc);
}

static inline uint64_t x87_load(struct x86_cpu *cpu, const struct insn *i, unsigned size)
{
    return segment_load(cpu, i->seg, insn_ea(cpu, i), size);
}

static inline void x87_store(struct x86_cpu *cpu, const struct insn *i, uint64_t v, unsigned size)
{
    segment_store(cpu, i->seg, insn_ea(cpu, i), v, size);
}

/* The memory operand of arithmetic: D8 m32, DA integer m32, DC m64, DE integer m16. */
static inline struct float80 x87_load_source(struct x86_cpu *cpu, const struct insn *i,
                                             struct float_status *st)
{
    switch (i->opcode >> 1 & 3) {
    case 0:
        return f32_widen(st, (uint32_t)x87_load(cpu, i, 4));
    case 1:
        return i64_to_f80((int32_t)x87_load(cpu, i, 4));
    case 2:
        return f64_widen(st, x87_load(cpu, i, 8));
    default:
        return i64_to_f80((int16_t)x87_load(cpu, i, 2));
    }
}

/* x87_arith.c, x87_compare.c, x87_trans.c, x87_move.c, x87_control.c */
x86_exec_fn x_f_arith_reg, x_f_arith_mem, x_fsqrt, x_fchs, x_fabs, x_frndint, x_fscale, x_fprem,
    x_fxtract;
x86_exec_fn x_fcom_mem, x_fcom_reg, x_fcompp, x_fucom, x_fucompp, x_fcomi, x_ftst, x_fxam;
x86_exec_fn x_f2xm1, x_fyl2x, x_fyl2xp1, x_fptan, x_fpatan, x_fsin, x_fcos, x_fsincos;
x86_exec_fn x_fld_mem, x_fld_m80, x_fld_reg, x_fild, x_fbld, x_fst_mem, x_fstp_m80, x_fst_reg,
    x_fist, x_fisttp, x_fbstp, x_fxch, x_fcmov, x_f_const;
x86_exec_fn x_fincdecstp, x_ffree, x_fnop, x_f_nothing, x_fninit, x_fnclex, x_fnstcw, x_fldcw,
    x_fnstsw, x_fnstsw_ax, x_fnstenv, x_fldenv, x_fnsave, x_frstor, x_fwait;

#endif
