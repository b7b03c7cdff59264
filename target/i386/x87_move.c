/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/x87_move.c: loads, stores, exchanges, conditional moves and constants (SDM vol. 1,
 * 8.3.3 and 8.3.4).  Thread: the vCPU's own.
 */
#include "target/i386/x87_exec.h"

/* A store is not done for these, unmasked: the memory operand and the stack stay. */
#define STORE_STOPPERS                                                                             \
    (FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_DIVBYZERO | FLOAT_OVERFLOW | FLOAT_UNDERFLOW)

/* Pushes what a load made; `st` has its exceptions. */
static void push_value(struct x86_cpu *cpu, const struct insn *i, struct float_status *st,
                       struct float80 v)
{
    if (!x87_empty(cpu, 7)) {
        if (x87_stack_fault(cpu, i, true)) {
            x87_push(cpu, f80_default_nan());
        }
        return;
    }
    x87_end(cpu, i, st);
    if (!(st->flags & ~st->masked & FLOAT_INVALID)) { /* a denormal is loaded in any case */
        x87_push(cpu, v);
    }
}

/* D9 /0: m32; DD /0: m64. */
void x_fld_mem(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 v;

    if (i->opcode & 4) {
        v = f64_to_f80(&st, x87_load(cpu, i, 8));
    } else {
        v = f32_to_f80(&st, (uint32_t)x87_load(cpu, i, 4));
    }
    push_value(cpu, i, &st, v);
}

static void load_bytes(struct x86_cpu *cpu, const struct insn *i, uint8_t *buf, unsigned len)
{
    mem_read_bytes(cpu, operand_linear(cpu, i, len, false), buf, len, cpu->bank);
}

static void store_bytes(struct x86_cpu *cpu, const struct insn *i, const uint8_t *buf, unsigned len)
{
    mem_write_bytes(cpu, operand_linear(cpu, i, len, true), buf, len, cpu->bank);
}

/* A plain move: not even a signalling NaN raises. */
void x_fld_m80(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 v;
    uint8_t buf[10];

    load_bytes(cpu, i, buf, 10);
    memcpy(&v.mant, buf, 8);
    memcpy(&v.sexp, buf + 8, 2);
    push_value(cpu, i, &st, v);
}

void x_fbld(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    uint8_t buf[10];

    load_bytes(cpu, i, buf, 10);
    push_value(cpu, i, &st, bcd_to_f80(buf));
}

/* DB /0: m32; DF /0: m16; DF /5: m64. */
void x_fild(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    int64_t v;

    if ((i->opcode & 7) == 3) {
        v = (int32_t)x87_load(cpu, i, 4);
    } else if ((i->modrm >> 3 & 7) == 0) {
        v = (int16_t)x87_load(cpu, i, 2);
    } else {
        v = (int64_t)x87_load(cpu, i, 8);
    }
    push_value(cpu, i, &st, i64_to_f80(v));
}

void x_fld_reg(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    unsigned n = i->modrm & 7;

    if (x87_empty(cpu, n)) { /* comes before an overflow */
        if (x87_stack_fault(cpu, i, false)) {
            x87_push(cpu, f80_default_nan());
        }
        return;
    }
    push_value(cpu, i, &st, x87_get(cpu, n));
}

/* SDM vol. 1, table 8-2: FLD1 to FLDZ, nearest; then how much other roundings take away or add. */
static const struct {
    uint16_t exp;
    uint64_t mant;
    int8_t down, up; /* change of mant for rounding down or to zero, and for up */
} constants[7] = {
    { 0x3fff, 0x8000000000000000ull, 0, 0 },  /* 1 */
    { 0x4000, 0xd49a784bcd1b8afeull, 0, 1 },  /* log2(10) */
    { 0x3fff, 0xb8aa3b295c17f0bcull, -1, 0 }, /* log2(e) */
    { 0x4000, 0xc90fdaa22168c235ull, -1, 0 }, /* pi */
    { 0x3ffd, 0x9a209a84fbcff799ull, -1, 0 }, /* log10(2) */
    { 0x3ffe, 0xb17217f7d1cf79acull, -1, 0 }, /* ln(2) */
    { 0, 0, 0, 0 },
};

void x_f_const(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    unsigned n = MIN(i->modrm & 7u, 6u);
    uint64_t m = constants[n].mant;

    if (st.rounding == FLOAT_UP) {
        m += (uint64_t)constants[n].up;
    } else if (st.rounding != FLOAT_NEAREST) {
        m += (uint64_t)(int64_t)constants[n].down;
    }
    push_value(cpu, i, &st, f80_make(false, constants[n].exp, m));
}

/*
 * Ends a store that has written memory, or found that it must not.  C1 is 0 on underflow of the
 * stack.
 */
static void end_store(struct x86_cpu *cpu, const struct insn *i, struct float_status *st,
                      bool empty, bool stopped, bool pop)
{
    if (empty) {
        x87_stack_fault(cpu, i, false);
    } else {
        st->rounded_up &= !stopped;
        x87_end(cpu, i, st);
    }
    if (!stopped && pop) {
        x87_pop(cpu);
    }
}

/* Whether the store happens, before anything has changed. */
static bool store_stopped(const struct float_status *st, bool empty)
{
    unsigned flags = empty ? FLOAT_INVALID : st->flags;

    return flags & ~st->masked & STORE_STOPPERS;
}

/* FST and FSTP m32 (D9) and m64 (DD): ModRM.reg 3 pops. */
void x_fst_mem(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    bool empty = x87_empty(cpu, 0), stopped;
    struct float80 a = empty ? f80_default_nan() : x87_get(cpu, 0);
    unsigned size = i->opcode & 4 ? 8 : 4;
    uint64_t v = size == 8 ? f80_to_f64(&st, a) : f80_to_f32(&st, a);

    stopped = store_stopped(&st, empty);
    if (!stopped) {
        x87_store(cpu, i, v, size);
    }
    end_store(cpu, i, &st, empty, stopped, (i->modrm >> 3 & 7) == 3);
}

void x_fstp_m80(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    bool empty = x87_empty(cpu, 0), stopped = store_stopped(&st, empty);
    struct float80 a = empty ? f80_default_nan() : x87_get(cpu, 0);
    uint8_t buf[10];

    memcpy(buf, &a.mant, 8);
    memcpy(buf + 8, &a.sexp, 2);
    if (!stopped) {
        store_bytes(cpu, i, buf, 10);
    }
    end_store(cpu, i, &st, empty, stopped, true);
}

/* ModRM.reg: 1 FISTTP, 2 FIST, 3 FISTP; 7 FISTP m64.  DB: m32; DD: m64; DF: m16. */
static void store_integer(struct x86_cpu *cpu, const struct insn *i, bool truncate)
{
    struct float_status st = x87_begin(cpu);
    bool empty = x87_empty(cpu, 0), stopped;
    struct float80 a = empty ? f80_default_nan() : x87_get(cpu, 0);
    unsigned op = i->opcode & 7, reg = i->modrm >> 3 & 7;
    unsigned size = op == 3 ? 4 : op == 5 || reg == 7 ? 8 : 2;
    uint8_t rc = truncate ? FLOAT_ZERO : st.rounding;
    int64_t v;

    if (size == 8) {
        v = f80_to_i64(&st, a, rc);
    } else {
        v = size == 4 ? f80_to_i32(&st, a, rc) : f80_to_i16(&st, a, rc);
    }
    stopped = store_stopped(&st, empty);
    if (!stopped) {
        x87_store(cpu, i, (uint64_t)v & size_mask(size), size);
    }
    end_store(cpu, i, &st, empty, stopped, reg != 2);
}

void x_fist(struct x86_cpu *cpu, const struct insn *i)
{
    store_integer(cpu, i, false);
}

void x_fisttp(struct x86_cpu *cpu, const struct insn *i)
{
    store_integer(cpu, i, true);
}

void x_fbstp(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    bool empty = x87_empty(cpu, 0), stopped;
    struct float80 a = empty ? f80_default_nan() : x87_get(cpu, 0);
    uint8_t buf[10];

    f80_to_bcd(&st, a, buf);
    stopped = store_stopped(&st, empty);
    if (!stopped) {
        store_bytes(cpu, i, buf, 10);
    }
    end_store(cpu, i, &st, empty, stopped, true);
}

/* FST ST(i) (DD D0) and FSTP ST(i) (DD D8 and its aliases).  FSTP1 (D9 D8) pops an empty ST(0). */
void x_fst_reg(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    struct float80 v = x87_get(cpu, 0);
    bool write;

    if (x87_empty(cpu, 0) && i->opcode == 0xd9) {
        x87_end(cpu, i, &st);
        x87_pop(cpu);
        return;
    }
    if (x87_empty(cpu, 0)) {
        write = x87_stack_fault(cpu, i, false);
        v = f80_default_nan();
    } else {
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, i->modrm & 7, v);
        if (i->opcode != 0xdd || i->modrm >= 0xd8) {
            x87_pop(cpu);
        }
    }
}

void x_fxch(struct x86_cpu *cpu, const struct insn *i)
{
    struct float_status st = x87_begin(cpu);
    unsigned n = i->modrm & 7;
    struct float80 a = x87_get(cpu, 0), b = x87_get(cpu, n);
    bool write;

    if (x87_empty(cpu, 0) || x87_empty(cpu, n)) {
        write = x87_stack_fault(cpu, i, false);
        a = x87_empty(cpu, 0) ? f80_default_nan() : a;
        b = x87_empty(cpu, n) ? f80_default_nan() : b;
    } else {
        write = x87_end(cpu, i, &st);
    }
    if (write) {
        x87_set(cpu, 0, b);
        x87_set(cpu, n, a);
    }
}

/* DA: B, E, BE, U by ModRM.reg 0-3; DB: their negations. */
void x_fcmov(struct x86_cpu *cpu, const struct insn *i)
{
    static const uint32_t conditions[4] = { FLAG_CF, FLAG_ZF, FLAG_CF | FLAG_ZF, FLAG_PF };
    struct float_status st = x87_begin(cpu);
    bool taken = flags_arith(cpu) & conditions[i->modrm >> 3 & 3];
    unsigned n = i->modrm & 7;

    if (x87_empty(cpu, 0) || x87_empty(cpu, n)) {
        if (x87_stack_fault(cpu, i, false)) {
            x87_set(cpu, 0, f80_default_nan());
        }
        return;
    }
    st.rounded_up = cpu->x87.status & X87_C1; /* C1 stays */
    x87_end(cpu, i, &st);
    if (taken != (i->opcode & 1)) {
        x87_set(cpu, 0, x87_get(cpu, n));
    }
}
