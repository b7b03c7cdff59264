/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_muldiv.c: multiplication, division, decimal adjustment.
 * Undefined flags are what Intel processors leave: MUL and IMUL set SF, ZF and PF by the low half.
 * Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

static int64_t sign_extend(uint64_t v, unsigned size)
{
    unsigned shift = 64 - size * 8;

    return (int64_t)(v << shift) >> shift;
}

/* CF = OF = "the high half matters"; AF cleared. */
static void multiply_flags(struct x86_cpu *cpu, uint64_t low, unsigned size, bool high)
{
    flags_lazy(cpu, CC_MUL, size, low, high ? FLAG_CF | FLAG_OF : 0);
}

/* The double-width result: AX for bytes, else rDX:rAX. */
static void write_pair(struct x86_cpu *cpu, unsigned size, uint64_t low, uint64_t high)
{
    if (size == 1) {
        reg_write(cpu, R_RAX, (low & 0xff) | (high & 0xff) << 8, 2);
    } else {
        reg_write(cpu, R_RAX, low, size);
        reg_write(cpu, R_RDX, high, size);
    }
}

void x_mul(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->size;
    unsigned __int128 r = (unsigned __int128)reg_read(cpu, R_RAX, size) * load_operand(cpu, i, 0);
    uint64_t low = (uint64_t)r & size_mask(size);
    uint64_t high = (uint64_t)(r >> (size * 8)) & size_mask(size);

    write_pair(cpu, size, low, high);
    multiply_flags(cpu, low, size, high != 0);
}

void x_imul1(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->size;
    __int128 r = (__int128)sign_extend(reg_read(cpu, R_RAX, size), size) *
                 sign_extend(load_operand(cpu, i, 0), size);

    write_pair(cpu, size, (uint64_t)r, (uint64_t)(r >> (size * 8)));
    multiply_flags(cpu, (uint64_t)r, size, r != sign_extend((uint64_t)r, size));
}

static void imul(struct x86_cpu *cpu, const struct insn *i, uint64_t a, uint64_t b)
{
    __int128 r = (__int128)sign_extend(a, i->size) * sign_extend(b, i->size);

    store_operand(cpu, i, 0, (uint64_t)r);
    multiply_flags(cpu, (uint64_t)r, i->size, r != sign_extend((uint64_t)r, i->size));
}

void x_imul2(struct x86_cpu *cpu, const struct insn *i)
{
    imul(cpu, i, load_operand(cpu, i, 0), load_operand(cpu, i, 1));
}

void x_imul3(struct x86_cpu *cpu, const struct insn *i)
{
    imul(cpu, i, load_operand(cpu, i, 1), load_operand(cpu, i, 2));
}

static unsigned __int128 read_pair(struct x86_cpu *cpu, unsigned size)
{
    if (size == 1) {
        return reg_read(cpu, R_RAX, 2);
    }
    return (unsigned __int128)reg_read(cpu, R_RDX, size) << (size * 8) | reg_read(cpu, R_RAX, size);
}

/* #DE for a zero divisor or a quotient that does not fit; the flags stay as they were. */
void x_div(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->size;
    uint64_t d = load_operand(cpu, i, 0);
    unsigned __int128 n = read_pair(cpu, size), q;

    if (d == 0) {
        raise_exception(cpu, EXC_DE);
    }
    if (!(n >> 64)) {
        uint64_t n64 = (uint64_t)n, q64 = n64 / d;

        if (q64 > size_mask(size)) {
            raise_exception(cpu, EXC_DE);
        }
        write_pair(cpu, size, q64, n64 % d);
        return;
    }
    q = n / d;
    if (q > size_mask(size)) {
        raise_exception(cpu, EXC_DE);
    }
    write_pair(cpu, size, (uint64_t)q, (uint64_t)(n % d));
}

void x_idiv(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->size, shift = 128 - size * 16;
    __int128 d = sign_extend(load_operand(cpu, i, 0), size);
    __int128 n = (__int128)(read_pair(cpu, size) << shift) >> shift, q;

    if (d == 0 || (d == -1 && n == (__int128)((unsigned __int128)1 << 127))) {
        raise_exception(cpu, EXC_DE);
    }
    q = n / d;
    if (q != sign_extend((uint64_t)q, size)) {
        raise_exception(cpu, EXC_DE);
    }
    write_pair(cpu, size, (uint64_t)q, (uint64_t)(n % d));
}

/* DAA and DAS (SDM vol. 2): sign is +1 or -1. */
static void decimal_adjust(struct x86_cpu *cpu, bool subtract)
{
    uint32_t f = flags_arith(cpu), out = 0;
    uint8_t al = (uint8_t)cpu->regs[R_RAX], r = al;
    bool cf = f & FLAG_CF;

    if ((al & 0xf) > 9 || (f & FLAG_AF)) {
        out |= FLAG_AF;
        if (subtract) {
            out |= cf || al < 6 ? FLAG_CF : 0;
            r -= 6;
        } else {
            out |= cf || al > 0xf9 ? FLAG_CF : 0;
            r += 6;
        }
    }
    if (al > 0x99 || cf) {
        r = subtract ? r - 0x60 : r + 0x60;
        out |= FLAG_CF;
    }
    reg_write(cpu, R_RAX, r, 1);
    flags_set(cpu, out | flags_szp(r, 1));
}

void x_daa(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    decimal_adjust(cpu, false);
}

void x_das(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    decimal_adjust(cpu, true);
}

static void ascii_adjust(struct x86_cpu *cpu, bool subtract)
{
    uint16_t ax = (uint16_t)cpu->regs[R_RAX];
    uint32_t out = 0;

    if ((ax & 0xf) > 9 || (flags_arith(cpu) & FLAG_AF)) {
        ax = subtract ? (uint16_t)(ax - 0x106) : (uint16_t)(ax + 0x106);
        out = FLAG_AF | FLAG_CF;
    }
    ax &= 0xff0f;
    reg_write(cpu, R_RAX, ax, 2);
    flags_set(cpu, out | flags_szp(ax, 1));
}

void x_aaa(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    ascii_adjust(cpu, false);
}

void x_aas(struct x86_cpu *cpu, const struct insn *i)
{
    (void)i;
    ascii_adjust(cpu, true);
}

void x_aam(struct x86_cpu *cpu, const struct insn *i)
{
    uint8_t al = (uint8_t)cpu->regs[R_RAX], base = (uint8_t)i->imm;

    if (!base) {
        raise_exception(cpu, EXC_DE);
    }
    reg_write(cpu, R_RAX, (uint64_t)(al / base) << 8 | al % base, 2);
    flags_set(cpu, flags_szp(al % base, 1));
}

void x_aad(struct x86_cpu *cpu, const struct insn *i)
{
    uint16_t ax = (uint16_t)cpu->regs[R_RAX];
    uint8_t al = (uint8_t)((ax & 0xff) + (ax >> 8) * (uint8_t)i->imm);

    reg_write(cpu, R_RAX, al, 2);
    flags_set(cpu, flags_szp(al, 1));
}
