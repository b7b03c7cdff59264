/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/specialise.c: quicker execute functions for the operand shapes that programs are made
 * of.  Each does exactly what the generic one does; the table at the end says which replaces which.
 * Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

#define RM_LOAD(size) linear_load(cpu, operand_linear(cpu, i, size, false), size)
#define REG(n, type)  ((type)cpu->regs[i->op[n].reg])

/* A register result: 4 bytes clear the upper half, smaller ones keep the rest. */
#define PUT_uint8_t(v)                                                                             \
    (cpu->regs[i->op[0].reg] = (cpu->regs[i->op[0].reg] & ~0xffull) | (uint8_t)(v))
#define PUT_uint16_t(v)                                                                            \
    (cpu->regs[i->op[0].reg] = (cpu->regs[i->op[0].reg] & ~0xffffull) | (uint16_t)(v))
#define PUT_uint32_t(v) (cpu->regs[i->op[0].reg] = (uint32_t)(v))
#define PUT_uint64_t(v) (cpu->regs[i->op[0].reg] = (v))

/* The memory destination of a read-modify-write: one address for both halves. */
static uint64_t rmw_linear(struct x86_cpu *cpu, const struct insn *i, unsigned size)
{
    uint64_t linear = operand_linear(cpu, i, size, true);
    const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];

    if (G_UNLIKELY(linear - e->write_tag > 4096 - size)) {
        mem_probe_write_slow(cpu, linear, size, cpu->bank);
    }
    return linear;
}

/* dst OP src -> dst, with flags of a kind: `flag_src` is what flags_lazy keeps beside the result. */
#define ALU_SHAPES(name, type, kind, expr, flag_src)                                               \
    static void f_##name##_rr_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = REG(0, type), b = REG(1, type), r = (type)(expr);                                 \
                                                                                                   \
        (void)a;                                                                                   \
        PUT_##type(r);                                                                             \
        flags_lazy(cpu, kind, sizeof(type), r, flag_src);                                          \
    }                                                                                              \
    static void f_##name##_ri_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = REG(0, type), b = (type)i->imm, r = (type)(expr);                                 \
                                                                                                   \
        (void)a;                                                                                   \
        PUT_##type(r);                                                                             \
        flags_lazy(cpu, kind, sizeof(type), r, flag_src);                                          \
    }                                                                                              \
    static void f_##name##_rm_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type b = (type)RM_LOAD(sizeof(type)), a = REG(0, type), r = (type)(expr);                  \
                                                                                                   \
        (void)a;                                                                                   \
        PUT_##type(r);                                                                             \
        flags_lazy(cpu, kind, sizeof(type), r, flag_src);                                          \
    }                                                                                              \
    static void f_##name##_mr_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        uint64_t linear = rmw_linear(cpu, i, sizeof(type));                                        \
        type a = (type)linear_load(cpu, linear, sizeof(type)), b = REG(1, type);                   \
        type r = (type)(expr);                                                                     \
                                                                                                   \
        linear_store(cpu, linear, r, sizeof(type));                                                \
        flags_lazy(cpu, kind, sizeof(type), r, flag_src);                                          \
    }                                                                                              \
    static void f_##name##_mi_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        uint64_t linear = rmw_linear(cpu, i, sizeof(type));                                        \
        type a = (type)linear_load(cpu, linear, sizeof(type)), b = (type)i->imm;                   \
        type r = (type)(expr);                                                                     \
                                                                                                   \
        linear_store(cpu, linear, r, sizeof(type));                                                \
        flags_lazy(cpu, kind, sizeof(type), r, flag_src);                                          \
    }

/* The same without a result: CMP and TEST. */
#define TEST_SHAPES(name, type, kind, expr, flag_src)                                              \
    static void f_##name##_rr_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = REG(0, type), b = REG(1, type);                                                   \
                                                                                                   \
        flags_lazy(cpu, kind, sizeof(type), (type)(expr), flag_src);                               \
    }                                                                                              \
    static void f_##name##_ri_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = REG(0, type), b = (type)i->imm;                                                   \
                                                                                                   \
        flags_lazy(cpu, kind, sizeof(type), (type)(expr), flag_src);                               \
    }                                                                                              \
    static void f_##name##_rm_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type b = (type)RM_LOAD(sizeof(type)), a = REG(0, type);                                    \
                                                                                                   \
        flags_lazy(cpu, kind, sizeof(type), (type)(expr), flag_src);                               \
    }                                                                                              \
    static void f_##name##_mr_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = (type)RM_LOAD(sizeof(type)), b = REG(1, type);                                    \
                                                                                                   \
        flags_lazy(cpu, kind, sizeof(type), (type)(expr), flag_src);                               \
    }                                                                                              \
    static void f_##name##_mi_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = (type)RM_LOAD(sizeof(type)), b = (type)i->imm;                                    \
                                                                                                   \
        flags_lazy(cpu, kind, sizeof(type), (type)(expr), flag_src);                               \
    }

#define MOVE_SHAPES(type)                                                                          \
    static void f_mov_rr_##type(struct x86_cpu *cpu, const struct insn *i)                         \
    {                                                                                              \
        PUT_##type(REG(1, type));                                                                  \
    }                                                                                              \
    static void f_mov_ri_##type(struct x86_cpu *cpu, const struct insn *i)                         \
    {                                                                                              \
        PUT_##type((type)i->imm);                                                                  \
    }                                                                                              \
    static void f_mov_rm_##type(struct x86_cpu *cpu, const struct insn *i)                         \
    {                                                                                              \
        type v = (type)RM_LOAD(sizeof(type));                                                      \
                                                                                                   \
        PUT_##type(v);                                                                             \
    }                                                                                              \
    static void f_mov_mr_##type(struct x86_cpu *cpu, const struct insn *i)                         \
    {                                                                                              \
        linear_store(cpu, operand_linear(cpu, i, sizeof(type), true), REG(1, type), sizeof(type)); \
    }                                                                                              \
    static void f_mov_mi_##type(struct x86_cpu *cpu, const struct insn *i)                         \
    {                                                                                              \
        linear_store(cpu, operand_linear(cpu, i, sizeof(type), true), (type)i->imm, sizeof(type)); \
    }

#define ALL_SHAPES(type)                                                                           \
    ALU_SHAPES(add, type, CC_ADD, a + b, b)                                                        \
    ALU_SHAPES(sub, type, CC_SUB, a - b, b)                                                        \
    ALU_SHAPES(and, type, CC_LOGIC, a &b, 0)                                                       \
    ALU_SHAPES(or, type, CC_LOGIC, a | b, 0)                                                       \
    ALU_SHAPES(xor, type, CC_LOGIC, a ^ b, 0)                                                      \
    TEST_SHAPES(cmp, type, CC_SUB, a - b, b)                                                       \
    TEST_SHAPES(test, type, CC_LOGIC, a &b, 0)                                                     \
    MOVE_SHAPES(type)

ALL_SHAPES(uint8_t)
ALL_SHAPES(uint16_t)
ALL_SHAPES(uint32_t)
ALL_SHAPES(uint64_t)

/* Operations whose flags are taken from more than their result. */
#define CARRY_SHAPES(name, type, expr, carries)                                                    \
    static void f_##name##_rr_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = REG(0, type), b = REG(1, type), r = (type)(expr);                                 \
                                                                                                   \
        PUT_##type(r);                                                                             \
        flags_lazy(cpu, CC_SZP, sizeof(type), r, flags_of_carries(carries, sizeof(type)));         \
    }                                                                                              \
    static void f_##name##_ri_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type a = REG(0, type), b = (type)i->imm, r = (type)(expr);                                 \
                                                                                                   \
        PUT_##type(r);                                                                             \
        flags_lazy(cpu, CC_SZP, sizeof(type), r, flags_of_carries(carries, sizeof(type)));         \
    }                                                                                              \
    static void f_##name##_rm_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        type b = (type)RM_LOAD(sizeof(type)), a = REG(0, type), r = (type)(expr);                  \
                                                                                                   \
        PUT_##type(r);                                                                             \
        flags_lazy(cpu, CC_SZP, sizeof(type), r, flags_of_carries(carries, sizeof(type)));         \
    }                                                                                              \
    static void f_##name##_mr_##type(struct x86_cpu *cpu, const struct insn *i)                    \
    {                                                                                              \
        uint64_t linear = rmw_linear(cpu, i, sizeof(type));                                        \
        type a = (type)linear_load(cpu, linear, sizeof(type)), b = REG(1, type);                   \
        type r = (type)(expr);                                                                     \
                                                                                                   \
        linear_store(cpu, linear, r, sizeof(type));                                                \
        flags_lazy(cpu, CC_SZP, sizeof(type), r, flags_of_carries(carries, sizeof(type)));         \
    }
CARRY_SHAPES(adc, uint32_t, a + b + flag_cf(cpu), (a & b) | ((a | b) & ~r))
CARRY_SHAPES(adc, uint64_t, a + b + flag_cf(cpu), (a & b) | ((a | b) & ~r))
CARRY_SHAPES(sbb, uint32_t, a - b - flag_cf(cpu), (~a & b) | ((~a | b) & r))
CARRY_SHAPES(sbb, uint64_t, a - b - flag_cf(cpu), (~a & b) | ((~a | b) & r))

#define SHIFTS(type, stype)                                                                        \
    static void f_shl_##type(struct x86_cpu *cpu, const struct insn *i)                            \
    {                                                                                              \
        const unsigned bits = sizeof(type) * 8;                                                    \
        unsigned c = (unsigned)i->imm & (bits - 1);                                                \
        type a = REG(0, type), r = (type)(a << c);                                                 \
                                                                                                   \
        PUT_##type(r);                                                                             \
        if (c) {                                                                                   \
            uint32_t cf = (uint32_t)(a >> (bits - c)) & 1;                                         \
                                                                                                   \
            flags_lazy(cpu, CC_SZP, sizeof(type), r,                                               \
                       cf | ((uint32_t)(r >> (bits - 1)) ^ cf) << 11);                             \
        }                                                                                          \
    }                                                                                              \
    static void f_shr_##type(struct x86_cpu *cpu, const struct insn *i)                            \
    {                                                                                              \
        const unsigned bits = sizeof(type) * 8;                                                    \
        unsigned c = (unsigned)i->imm & (bits - 1);                                                \
        type a = REG(0, type), r = (type)(a >> c);                                                 \
                                                                                                   \
        PUT_##type(r);                                                                             \
        if (c) {                                                                                   \
            uint32_t of = c == 1 ? (uint32_t)(a >> (bits - 1)) << 11 : 0;                          \
                                                                                                   \
            flags_lazy(cpu, CC_SZP, sizeof(type), r, ((uint32_t)(a >> (c - 1)) & 1) | of);         \
        }                                                                                          \
    }                                                                                              \
    static void f_sar_##type(struct x86_cpu *cpu, const struct insn *i)                            \
    {                                                                                              \
        unsigned c = (unsigned)i->imm & (sizeof(type) * 8 - 1);                                    \
        stype a = (stype)REG(0, type), r = a >> c;                                                 \
                                                                                                   \
        PUT_##type((type)r);                                                                       \
        if (c) {                                                                                   \
            flags_lazy(cpu, CC_SZP, sizeof(type), (type)r, (uint32_t)(a >> (c - 1)) & 1);          \
        }                                                                                          \
    }                                                                                              \
    static void f_imul_rr_##type(struct x86_cpu *cpu, const struct insn *i)                        \
    {                                                                                              \
        __int128 r = (__int128)(stype)REG(0, type) * (stype)REG(1, type);                          \
                                                                                                   \
        PUT_##type((type)r);                                                                       \
        flags_lazy(cpu, CC_MUL, sizeof(type), (type)r, r != (stype)r ? FLAG_CF | FLAG_OF : 0);     \
    }

SHIFTS(uint32_t, int32_t)
SHIFTS(uint64_t, int64_t)

static void multiply64(struct x86_cpu *cpu, uint64_t b)
{
    unsigned __int128 r = (unsigned __int128)cpu->regs[R_RAX] * b;

    cpu->regs[R_RAX] = (uint64_t)r;
    cpu->regs[R_RDX] = (uint64_t)(r >> 64);
    flags_lazy(cpu, CC_MUL, 8, (uint64_t)r, r >> 64 ? FLAG_CF | FLAG_OF : 0);
}

static void f_mul_r(struct x86_cpu *cpu, const struct insn *i)
{
    multiply64(cpu, REG(0, uint64_t));
}

static void f_mul_m(struct x86_cpu *cpu, const struct insn *i)
{
    multiply64(cpu, RM_LOAD(8));
}

static void f_setcc(struct x86_cpu *cpu, const struct insn *i)
{
    PUT_uint8_t(cond_true(cpu, i->opcode & 15));
}

static void f_xchg_mr64(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t linear = operand_linear(cpu, i, 8, true), old;
    uint64_t *host = linear & 7 ? NULL : mem_host(cpu, linear, 8, true, cpu->bank);

    if (!host) {
        x_xchg(cpu, i);
        return;
    }
    old = __atomic_exchange_n(host, REG(1, uint64_t), __ATOMIC_SEQ_CST);
    cpu->regs[i->op[1].reg] = old;
}

#define EXTENSIONS(to, stype)                                                                      \
    static void f_movzx8_rr_##to(struct x86_cpu *cpu, const struct insn *i)                        \
    {                                                                                              \
        PUT_##to((to)REG(1, uint8_t));                                                             \
    }                                                                                              \
    static void f_movzx8_rm_##to(struct x86_cpu *cpu, const struct insn *i)                        \
    {                                                                                              \
        uint64_t v = RM_LOAD(1);                                                                   \
                                                                                                   \
        PUT_##to((to)v);                                                                           \
    }                                                                                              \
    static void f_movzx16_rr_##to(struct x86_cpu *cpu, const struct insn *i)                       \
    {                                                                                              \
        PUT_##to((to)REG(1, uint16_t));                                                            \
    }                                                                                              \
    static void f_movzx16_rm_##to(struct x86_cpu *cpu, const struct insn *i)                       \
    {                                                                                              \
        uint64_t v = RM_LOAD(2);                                                                   \
                                                                                                   \
        PUT_##to((to)v);                                                                           \
    }                                                                                              \
    static void f_lea_##to(struct x86_cpu *cpu, const struct insn *i)                              \
    {                                                                                              \
        PUT_##to((to)insn_ea(cpu, i));                                                             \
    }                                                                                              \
    static void f_inc_##to(struct x86_cpu *cpu, const struct insn *i)                              \
    {                                                                                              \
        bool cf = flag_cf(cpu);                                                                    \
        to r = (to)(REG(0, to) + 1);                                                               \
                                                                                                   \
        PUT_##to(r);                                                                               \
        flags_lazy(cpu, CC_INC, sizeof(to), r, cf);                                                \
    }                                                                                              \
    static void f_dec_##to(struct x86_cpu *cpu, const struct insn *i)                              \
    {                                                                                              \
        bool cf = flag_cf(cpu);                                                                    \
        to r = (to)(REG(0, to) - 1);                                                               \
                                                                                                   \
        PUT_##to(r);                                                                               \
        flags_lazy(cpu, CC_DEC, sizeof(to), r, cf);                                                \
    }                                                                                              \
    static void f_cmov_rr_##to(struct x86_cpu *cpu, const struct insn *i)                          \
    {                                                                                              \
        to v = cond_true(cpu, i->opcode & 15) ? REG(1, to) : REG(0, to);                           \
                                                                                                   \
        PUT_##to(v);                                                                               \
    }

EXTENSIONS(uint32_t, int32_t)
EXTENSIONS(uint64_t, int64_t)

static void f_movsxd_rr(struct x86_cpu *cpu, const struct insn *i)
{
    cpu->regs[i->op[0].reg] = (uint64_t)(int64_t)REG(1, int32_t);
}

static void f_movsxd_rm(struct x86_cpu *cpu, const struct insn *i)
{
    cpu->regs[i->op[0].reg] = (uint64_t)(int64_t)(int32_t)RM_LOAD(4);
}

static void f_nothing(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu;
    (void)i;
}

/* 64-bit code: the target of a relative branch, canonical or #GP(0). */
static void jump64(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t target = cpu->regs[R_RIP] + i->imm;

    if (G_UNLIKELY((target + (1ull << 47)) >> 48)) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RIP] = target;
}

static void f_jcc(struct x86_cpu *cpu, const struct insn *i)
{
    if (cond_true(cpu, i->opcode & 15)) {
        jump64(cpu, i);
    }
}

/* ZF alone, by the kinds that comparisons leave. */
static bool zero_flag(const struct x86_cpu *cpu)
{
    if (G_LIKELY(cpu->cc_op >> 2 != CC_FLAGS)) {
        return cpu->cc_dst << (64 - (8u << (cpu->cc_op & 3))) == 0;
    }
    return cpu->cc_src & FLAG_ZF;
}

static void f_jz(struct x86_cpu *cpu, const struct insn *i)
{
    if (zero_flag(cpu)) {
        jump64(cpu, i);
    }
}

static void f_jnz(struct x86_cpu *cpu, const struct insn *i)
{
    if (!zero_flag(cpu)) {
        jump64(cpu, i);
    }
}

static void push64(struct x86_cpu *cpu, uint64_t v)
{
    uint64_t sp = cpu->regs[R_RSP] - 8;

    linear_store(cpu, segment_linear(cpu, SEG_SS, sp, 8, true), v, 8);
    cpu->regs[R_RSP] = sp;
}

static void f_push(struct x86_cpu *cpu, const struct insn *i)
{
    push64(cpu, cpu->regs[i->op[0].reg]);
}

static void f_pop(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t sp = cpu->regs[R_RSP];
    uint64_t v = linear_load(cpu, segment_linear(cpu, SEG_SS, sp, 8, false), 8);

    cpu->regs[R_RSP] = sp + 8;
    cpu->regs[i->op[0].reg] = v;
}

static void f_call(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t next = cpu->regs[R_RIP], target = next + i->imm;

    if (G_UNLIKELY((target + (1ull << 47)) >> 48)) {
        raise_gp0(cpu);
    }
    push64(cpu, next);
    cpu->regs[R_RIP] = target;
}

static void jump_to64(struct x86_cpu *cpu, uint64_t target)
{
    if (G_UNLIKELY((target + (1ull << 47)) >> 48)) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RIP] = target;
}

static void f_jmp_r(struct x86_cpu *cpu, const struct insn *i)
{
    jump_to64(cpu, REG(0, uint64_t));
}

static void f_ret(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t sp = cpu->regs[R_RSP];
    uint64_t target = linear_load(cpu, segment_linear(cpu, SEG_SS, sp, 8, false), 8);

    (void)i;
    if (G_UNLIKELY((target + (1ull << 47)) >> 48)) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RIP] = target;
    cpu->regs[R_RSP] = sp + 8;
}

enum shape { ANY, RR, RI, RM, MR, MI, R1, M1 };

/* clang-format off */
#define SHAPES(name, type, size) \
    { x_##name, RR, size, 0, f_##name##_rr_##type }, { x_##name, RI, size, 0, f_##name##_ri_##type }, \
    { x_##name, RM, size, 0, f_##name##_rm_##type }, { x_##name, MR, size, 0, f_##name##_mr_##type }, \
    { x_##name, MI, size, 0, f_##name##_mi_##type }
#define SIZES(name) SHAPES(name, uint8_t, 1), SHAPES(name, uint16_t, 2), \
                    SHAPES(name, uint32_t, 4), SHAPES(name, uint64_t, 8)
#define TWO(name, shape, f) { x_##name, shape, 4, 0, f##_uint32_t }, { x_##name, shape, 8, 0, f##_uint64_t }

/* generic, shape, size of operand 0, size of operand 1 (0: the same or none), the quick one */
static const struct fast_row {
    x86_exec_fn *generic;
    uint8_t shape, size, size1;
    x86_exec_fn *fast;
    bool code64;   /* only in 64-bit code with 64-bit operands */
    uint8_t opcode; /* 0: any */
} fast_rows[] = {
    SIZES(mov), SIZES(add), SIZES(sub), SIZES(and), SIZES(or), SIZES(xor), SIZES(cmp), SIZES(test),
    TWO(lea, RM, f_lea), TWO(inc, R1, f_inc), TWO(dec, R1, f_dec), TWO(cmov, RR, f_cmov_rr),
    { x_movzx, RR, 4, 1, f_movzx8_rr_uint32_t },  { x_movzx, RM, 4, 1, f_movzx8_rm_uint32_t },
    { x_movzx, RR, 8, 1, f_movzx8_rr_uint64_t },  { x_movzx, RM, 8, 1, f_movzx8_rm_uint64_t },
    { x_movzx, RR, 4, 2, f_movzx16_rr_uint32_t }, { x_movzx, RM, 4, 2, f_movzx16_rm_uint32_t },
    { x_movzx, RR, 8, 2, f_movzx16_rr_uint64_t }, { x_movzx, RM, 8, 2, f_movzx16_rm_uint64_t },
    { x_movsxd, RR, 8, 4, f_movsxd_rr, true },     { x_movsxd, RM, 8, 4, f_movsxd_rm, true },
    { x_adc, RR, 4, 0, f_adc_rr_uint32_t }, { x_adc, RR, 8, 0, f_adc_rr_uint64_t },
    { x_adc, RI, 4, 0, f_adc_ri_uint32_t }, { x_adc, RI, 8, 0, f_adc_ri_uint64_t },
    { x_adc, RM, 4, 0, f_adc_rm_uint32_t }, { x_adc, RM, 8, 0, f_adc_rm_uint64_t },
    { x_adc, MR, 4, 0, f_adc_mr_uint32_t }, { x_adc, MR, 8, 0, f_adc_mr_uint64_t },
    { x_sbb, RR, 4, 0, f_sbb_rr_uint32_t }, { x_sbb, RR, 8, 0, f_sbb_rr_uint64_t },
    { x_sbb, RI, 4, 0, f_sbb_ri_uint32_t }, { x_sbb, RI, 8, 0, f_sbb_ri_uint64_t },
    { x_sbb, RM, 4, 0, f_sbb_rm_uint32_t }, { x_sbb, RM, 8, 0, f_sbb_rm_uint64_t },
    { x_sbb, MR, 4, 0, f_sbb_mr_uint32_t }, { x_sbb, MR, 8, 0, f_sbb_mr_uint64_t },
    TWO(shl, RI, f_shl), TWO(shr, RI, f_shr), TWO(sar, RI, f_sar), TWO(imul2, RR, f_imul_rr),
    { x_mul,   R1, 8, 0, f_mul_r }, { x_mul, M1, 8, 0, f_mul_m },
    { x_setcc, R1, 1, 0, f_setcc },
    { x_xchg,  MR, 8, 0, f_xchg_mr64 },
    { x_jmp_ind, R1, 8, 0, f_jmp_r, true },
    { x_nop,   ANY, 0, 0, f_nothing },
    { x_jcc,   ANY, 0, 0, f_jz,  true, 0x74 }, { x_jcc, ANY, 0, 0, f_jz,  true, 0x84 },
    { x_jcc,   ANY, 0, 0, f_jnz, true, 0x75 }, { x_jcc, ANY, 0, 0, f_jnz, true, 0x85 },
    { x_jcc,   ANY, 0, 0, f_jcc,  true }, { x_jmp,  ANY, 0, 0, jump64, true },
    { x_call,  ANY, 0, 0, f_call, true }, { x_ret,  ANY, 0, 0, f_ret,  true },
    { x_push,  R1,  8, 0, f_push, true }, { x_pop,  R1,  8, 0, f_pop,  true },
};
/* clang-format on */

static enum shape shape_of(const struct insn *i)
{
    unsigned a = i->op[0].kind, b = i->op[1].kind;

    if (i->op[2].kind != OPND_NONE) {
        return ANY;
    }
    if (a == OPND_REG) {
        return b == OPND_REG ? RR : b == OPND_IMM ? RI : b == OPND_MEM ? RM : b ? ANY : R1;
    }
    if (a == OPND_MEM) {
        return b == OPND_REG ? MR : b == OPND_IMM ? MI : b ? ANY : M1;
    }
    return ANY;
}

void insn_specialise(struct insn *i, bool code64)
{
    enum shape shape = shape_of(i);

    if (i->prefixes & PREFIX_LOCK) {
        return;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(fast_rows); n++) {
        const struct fast_row *r = &fast_rows[n];

        if (r->generic != i->exec ||
            (r->shape != ANY && (r->shape != shape || r->size != i->size)) ||
            (r->size1 && r->size1 != i->op[1].size) || (r->opcode && r->opcode != i->opcode) ||
            (r->code64 && (!code64 || i->opsize != 8))) {
            continue;
        }
        i->exec = r->fast;
        return;
    }
}
