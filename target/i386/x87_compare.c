/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87_compare.c: comparisons of the x87 stack's top, and FXAM (SDM vol. 1, 8.3.6 and
 * 8.3.7).  Thread: the vCPU's own.
 */
#include "target/i386/x87_exec.h"

/* C3, C2, C0 by enum float_relation + 1. */
static const uint16_t relation_cc[4] = { X87_C0, X87_C3, 0, X87_C3 | X87_C2 | X87_C0 };

static void pop_n(struct x86_cpu *cpu, unsigned pops)
{
    while (pops--) {
        x87_pop(cpu);
    }
}

/* Compares ST(0) with src.  An unmasked exception keeps the stack, not the condition codes. */
static void compare(struct x86_cpu *cpu, const struct insn *i, struct float_status *st,
                    struct float80 src, bool empty, bool signal, unsigned pops)
{
    int relation = FLOAT_UNORDERED;
    bool done;

    if (empty) {
        done = x87_stack_fault(cpu, i, false);
    } else {
        relation = f80_compare(st, x87_get(cpu, 0), src, signal);
        done = x87_end(cpu, i, st);
    }
    x87_set_cc(cpu, X87_C3 | X87_C2 | X87_C0, relation_cc[relation + 1]);
    if (done) {
        pop_n(cpu, pops);
    }
}

/* FCOM, FCOMP, FICOM, FICOMP with memory: ModRM.reg 3 pops. */
void x_fcom_mem(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 src = x87_load_source(cpu, i, &st);

    compare(cpu, i, &st, src, x87_empty(cpu, 0), true, (i->modrm >> 3 & 7) == 3);
}

static void compare_reg(struct x86_cpu *cpu, const struct insn *i, bool signal, unsigned pops)
{
    struct float_status st = x87_begin(cpu);
    unsigned n = i->modrm & 7;

    compare(cpu, i, &st, x87_get(cpu, n), x87_empty(cpu, 0) || x87_empty(cpu, n), signal, pops);
}

/* FCOM and FCOMP, and their undocumented aliases: ModRM.reg 3 pops, and DE D0. */
void x_fcom_reg(struct x86_cpu *cpu, const struct insn *i)
{
    compare_reg(cpu, i, true, (i->modrm >> 3 & 7) == 3 || (i->opcode & 7) == 6);
}

void x_fcompp(struct x86_cpu *cpu, const struct insn *i)
{
    compare_reg(cpu, i, true, 2);
}

/* ModRM.reg 5 pops. */
void x_fucom(struct x86_cpu *cpu, const struct insn *i)
{
    compare_reg(cpu, i, false, (i->modrm >> 3 & 7) == 5);
}

void x_fucompp(struct x86_cpu *cpu, const struct insn *i)
{
    compare_reg(cpu, i, false, 2);
}

/* FCOMI, FUCOMI (ModRM.reg 5), and with DF the popping forms. */
void x_fcomi(struct x86_cpu *cpu, const struct insn *i)
{
    static const uint32_t flags[4] = { FLAG_CF, FLAG_ZF, 0, FLAG_ZF | FLAG_PF | FLAG_CF };
    struct float_status st = x87_begin(cpu);
    unsigned n = i->modrm & 7;
    int relation = FLOAT_UNORDERED;
    bool done;

    if (x87_empty(cpu, 0) || x87_empty(cpu, n)) {
        done = x87_stack_fault(cpu, i, false);
    } else {
        relation = f80_compare(&st, x87_get(cpu, 0), x87_get(cpu, n), (i->modrm >> 3 & 7) != 5);
        st.rounded_up = cpu->x87.status & X87_C1; /* C1 stays */
        done = x87_end(cpu, i, &st);
    }
    flags_set(cpu, flags[relation + 1]);
    if (done) {
        pop_n(cpu, (i->opcode & 7) == 7);
    }
}

void x_ftst(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);

    compare(cpu, i, &st, f80_make(false, 0, 0), x87_empty(cpu, 0), true, 0);
}

/* Class in C3, C2, C0; sign in C1, of an empty register too. */
void x_fxam(struct x86_cpu *cpu, const struct insn *i)
{
    static const uint16_t class_cc[] = {
        [F80_UNSUPPORTED] = 0, [F80_NAN] = X87_C0,
        [F80_NORMAL] = X87_C2, [F80_INFINITY] = X87_C2 | X87_C0,
        [F80_ZERO] = X87_C3,   [F80_DENORMAL] = X87_C3 | X87_C2,
    };
    struct float80 a = x87_get(cpu, 0);
    unsigned cc = x87_empty(cpu, 0) ? X87_C3 | X87_C0 : class_cc[f80_classify(a)];

    x87_record(cpu, i);
    x87_set_cc(cpu, X87_CC, cc | (a.sexp >> 15 ? X87_C1 : 0));
}
