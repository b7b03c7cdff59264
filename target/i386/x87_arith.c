/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87_arith.c: FADD to FDIVRP in every form, and the unary and binary operations on the
 * top of the stack (SDM vol. 1, 8.3.5 and 8.3.6).  Thread: the vCPU's own.
 */
#include "target/i386/x87_exec.h"

/* By ModRM.reg, which says the same in D8 and DC: /4 subtracts the source from ST(0). */
static struct float80 arith(struct float_status *st, unsigned reg, struct float80 st0,
                            struct float80 src)
{
    switch (reg) {
    case 0:
        return f80_add(st, st0, src);
    case 1:
        return f80_mul(st, st0, src);
    case 4:
        return f80_sub(st, st0, src);
    case 5:
        return f80_sub(st, src, st0);
    case 6:
        return f80_div(st, st0, src);
    default:
        return f80_div(st, src, st0);
    }
}

/* D8: to ST(0); DC: to ST(i); DE: to ST(i), and pop. */
void x_f_arith_reg(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    unsigned n = i->modrm & 7, dest = i->opcode & 4 ? n : 0;
    struct float80 r = f80_default_nan();
    bool write;

    if (x87_empty(cpu, 0) || x87_empty(cpu, n)) {
        write = x87_stack_fault(cpu, i, false);
    } else {
        r = arith(&st, i->modrm >> 3 & 7, x87_get(cpu, 0), x87_get(cpu, n));
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, dest, r);
        if ((i->opcode & 7) == 6) {
            x87_pop(cpu);
        }
    }
}

/* D8: m32; DA: integer m32; DC: m64; DE: integer m16. */
void x_f_arith_mem(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 src = x87_load_source(cpu, i, &st), r = f80_default_nan();
    bool write;

    if (x87_empty(cpu, 0)) {
        write = x87_stack_fault(cpu, i, false);
    } else {
        r = arith(&st, i->modrm >> 3 & 7, x87_get(cpu, 0), src);
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, 0, r);
    }
}

/* ST(0) = f(ST(0)). */
static void unary(struct x86_cpu *cpu, const struct insn *i,
                  struct float80 (*f)(struct float_status *st, struct float80 a))
{
    struct float_status st = x87_begin(cpu);
    struct float80 r = f80_default_nan();
    bool write;

    if (x87_empty(cpu, 0)) {
        write = x87_stack_fault(cpu, i, false);
    } else {
        r = f(&st, x87_get(cpu, 0));
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, 0, r);
    }
}

static struct float80 change_sign(struct float_status *st, struct float80 a)
{
    (void)st;
    a.sexp ^= 0x8000;
    return a;
}

static struct float80 clear_sign(struct float_status *st, struct float80 a)
{
    (void)st;
    a.sexp &= 0x7fff;
    return a;
}

void x_fsqrt(struct x86_cpu *cpu, const struct insn *i)
{
    unary(cpu, i, f80_sqrt);
}

void x_frndint(struct x86_cpu *cpu, const struct insn *i)
{
    unary(cpu, i, f80_round_to_int);
}

void x_fchs(struct x86_cpu *cpu, const struct insn *i)
{
    unary(cpu, i, change_sign);
}

void x_fabs(struct x86_cpu *cpu, const struct insn *i)
{
    unary(cpu, i, clear_sign);
}

/*
 * Processors differ in the last bits of transcendental functions.  Where translated code has them done by
 * the host, they are done there always: the same operands give the same result.
 */
static bool on_host(struct x86_cpu *cpu, const struct insn *i)
{
    return cpu->x87_run && cpu->x87_run(cpu, i);
}

void x_f2xm1(struct x86_cpu *cpu, const struct insn *i)
{
    if (on_host(cpu, i)) {
        return;
    }
    unary(cpu, i, f80_f2xm1);
}

void x_fscale(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 r = f80_default_nan();
    bool write;

    if (x87_empty(cpu, 0) || x87_empty(cpu, 1)) {
        write = x87_stack_fault(cpu, i, false);
    } else {
        r = f80_scale(&st, x87_get(cpu, 0), x87_get(cpu, 1));
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, 0, r);
    }
}

/* FPREM (D9 F8) and FPREM1 (D9 F5): C0, C3, C1 are the quotient's bits 2, 1, 0; C2: not done. */
void x_fprem(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 r;
    unsigned q;
    bool partial;

    x87_set_cc(cpu, X87_C2, 0);
    if (x87_empty(cpu, 0) || x87_empty(cpu, 1)) {
        if (x87_stack_fault(cpu, i, false)) {
            x87_set(cpu, 0, f80_default_nan());
        }
        return;
    }
    r = f80_rem(&st, x87_get(cpu, 0), x87_get(cpu, 1), i->modrm == 0xf5, &q, &partial);
    if (x87_end(cpu, i, &st)) {
        x87_set(cpu, 0, r);
        if (f80_classify(r) == F80_NAN) { /* no quotient */
            return;
        }
        x87_set_cc(cpu, X87_CC,
                   (q & 4 ? X87_C0 : 0) | (q & 2 ? X87_C3 : 0) | (q & 1 ? X87_C1 : 0) |
                       (partial ? X87_C2 : 0));
    }
}

/* ST(0) becomes the exponent, then the significand is pushed. */
void x_fxtract(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 exponent = f80_default_nan(), significand = exponent;
    bool write;

    if (x87_empty(cpu, 0)) {
        write = x87_stack_fault(cpu, i, false);
    } else if (!x87_empty(cpu, 7)) {
        write = x87_stack_fault(cpu, i, true);
    } else {
        exponent = f80_extract(&st, x87_get(cpu, 0), &significand);
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, 0, exponent);
        x87_push(cpu, significand);
    }
}

/* Two operands of a transcendental: ST(1) = f(ST(0), ST(1)), and pop. */
static void binary_pop(struct x86_cpu *cpu, const struct insn *i,
                       struct float80 (*f)(struct float_status *st, struct float80 x,
                                           struct float80 y))
{
    struct float_status st = x87_begin(cpu);
    struct float80 r = f80_default_nan();
    bool write;

    if (on_host(cpu, i)) {
        return;
    }
    if (x87_empty(cpu, 0) || x87_empty(cpu, 1)) {
        write = x87_stack_fault(cpu, i, false);
    } else {
        r = f(&st, x87_get(cpu, 0), x87_get(cpu, 1));
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, 1, r);
        x87_pop(cpu);
    }
}

void x_fyl2x(struct x86_cpu *cpu, const struct insn *i)
{
    binary_pop(cpu, i, f80_fyl2x);
}

void x_fyl2xp1(struct x86_cpu *cpu, const struct insn *i)
{
    binary_pop(cpu, i, f80_fyl2xp1);
}

void x_fpatan(struct x86_cpu *cpu, const struct insn *i)
{
    binary_pop(cpu, i, f80_fpatan);
}

/* FSIN and FCOS replace ST(0); out of range sets C2 and changes nothing else. */
static void sin_or_cos(struct x86_cpu *cpu, const struct insn *i, bool cosine)
{
    struct float_status st = x87_begin(cpu);
    struct float80 r = f80_default_nan();
    bool write, in_range = true;

    if (on_host(cpu, i)) {
        return;
    }
    if (x87_empty(cpu, 0)) {
        write = x87_stack_fault(cpu, i, false);
    } else {
        struct float80 a = x87_get(cpu, 0);

        in_range = f80_sincos(&st, a, cosine ? NULL : &r, cosine ? &r : NULL);
        write = x87_end(cpu, i, &st) && in_range;
    }
    x87_set_cc(cpu, X87_C2, in_range ? 0 : X87_C2);
    if (write) {
        x87_set(cpu, 0, r);
    }
}

void x_fsin(struct x86_cpu *cpu, const struct insn *i)
{
    sin_or_cos(cpu, i, false);
}

void x_fcos(struct x86_cpu *cpu, const struct insn *i)
{
    sin_or_cos(cpu, i, true);
}

/* FSINCOS pushes the cosine over the sine, FPTAN 1.0 over the tangent. */
static void sincos_or_tan(struct x86_cpu *cpu, const struct insn *i, bool tangent)
{
    struct float_status st = x87_begin(cpu);
    struct float80 r = f80_default_nan(), top = r;
    bool write, in_range = true;

    if (on_host(cpu, i)) {
        return;
    }
    if (x87_empty(cpu, 0)) {
        write = x87_stack_fault(cpu, i, false);
    } else if (!x87_empty(cpu, 7)) {
        write = x87_stack_fault(cpu, i, true);
    } else if (tangent) {
        in_range = f80_tan(&st, x87_get(cpu, 0), &r);
        write = x87_end(cpu, i, &st) && in_range;
        /* A NaN is pushed as itself. */
        top = f80_classify(r) == F80_NAN ? r : f80_make(false, 0x3fff, 1ull << 63);
    } else {
        in_range = f80_sincos(&st, x87_get(cpu, 0), &r, &top);
        write = x87_end(cpu, i, &st) && in_range;
    }
    x87_set_cc(cpu, X87_C2, in_range ? 0 : X87_C2);
    if (write) {
        x87_set(cpu, 0, r);
        x87_push(cpu, top);
    }
}

void x_fsincos(struct x86_cpu *cpu, const struct insn *i)
{
    sincos_or_tan(cpu, i, false);
}

void x_fptan(struct x86_cpu *cpu, const struct insn *i)
{
    sincos_or_tan(cpu, i, true);
}
