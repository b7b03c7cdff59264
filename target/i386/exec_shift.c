/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/exec_shift.c: shifts, rotates, double shifts and bit tests.
 *
 * Counts are masked to 5 bits (6 for 64-bit operands).  A masked count of zero changes no flag.  OF is
 * defined for counts of 1; for others it is what processors were seen to give.
 * Thread: the vCPU's own.
 */
#include "target/i386/exec_int.h"
#include "target/i386/operand.h"

static unsigned masked_count(struct x86_cpu *cpu, const struct insn *i, unsigned n)
{
    return (unsigned)load_operand(cpu, i, n) & (i->size == 8 ? 63 : 31);
}

static uint64_t top_bit(uint64_t v, unsigned bits)
{
    return v >> (bits - 1) & 1;
}

void x_rol(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned bits = i->size * 8, count = masked_count(cpu, i, 1), c = count & (bits - 1);
    uint64_t a, r;

    do {
        a = load_operand_rmw(cpu, i, 0);
        r = c ? (a << c | a >> (bits - c)) & size_mask(i->size) : a;
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    if (count) {
        uint64_t cf = r & 1;

        flags_change(cpu, FLAG_CF | FLAG_OF,
                     (cf ? FLAG_CF : 0) | (top_bit(r, bits) ^ cf ? FLAG_OF : 0));
    }
}

void x_ror(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned bits = i->size * 8, count = masked_count(cpu, i, 1), c = count & (bits - 1);
    uint64_t a, r;

    do {
        a = load_operand_rmw(cpu, i, 0);
        r = c ? (a >> c | a << (bits - c)) & size_mask(i->size) : a;
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    if (count) {
        uint64_t cf = top_bit(r, bits);

        flags_change(cpu, FLAG_CF | FLAG_OF,
                     (cf ? FLAG_CF : 0) | (cf ^ (r >> (bits - 2) & 1) ? FLAG_OF : 0));
    }
}

/* Rotates through CF: the operand and CF are one word of bits + 1. */
static void rotate_carry(struct x86_cpu *cpu, const struct insn *i, bool left)
{
    unsigned bits = i->size * 8, count = masked_count(cpu, i, 1), c = count % (bits + 1);
    uint64_t a, r, cf = flag_cf(cpu), out;
    unsigned __int128 w, mask = ((unsigned __int128)1 << (bits + 1)) - 1;

    c = left || !c ? c : bits + 1 - c;
    do {
        a = load_operand_rmw(cpu, i, 0);
        w = a | (unsigned __int128)cf << bits;
        w = c ? (w << c | w >> (bits + 1 - c)) & mask : w;
        r = (uint64_t)w & size_mask(i->size);
        out = (uint64_t)(w >> bits) & 1;
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    if (count) {
        uint64_t of = left ? top_bit(r, bits) ^ out : top_bit(r, bits) ^ (r >> (bits - 2) & 1);

        flags_change(cpu, FLAG_CF | FLAG_OF, (out ? FLAG_CF : 0) | (of ? FLAG_OF : 0));
    }
}

void x_rcl(struct x86_cpu *cpu, const struct insn *i)
{
    rotate_carry(cpu, i, true);
}

void x_rcr(struct x86_cpu *cpu, const struct insn *i)
{
    rotate_carry(cpu, i, false);
}

void x_shl(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned bits = i->size * 8, c = masked_count(cpu, i, 1);
    uint64_t a, r, cf;

    do {
        a = load_operand_rmw(cpu, i, 0);
        r = a << c & size_mask(i->size);
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    if (c) {
        cf = c <= bits ? a >> (bits - c) & 1 : 0;
        flags_lazy(cpu, CC_SZP, i->size, r,
                   (cf ? FLAG_CF : 0) | (top_bit(r, bits) ^ cf ? FLAG_OF : 0));
    }
}

void x_shr(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned bits = i->size * 8, c = masked_count(cpu, i, 1);
    uint64_t a, r;

    do {
        a = load_operand_rmw(cpu, i, 0);
        r = a >> c;
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    if (c) {
        uint64_t of = c == 1 ? top_bit(a, bits) : 0;

        flags_lazy(cpu, CC_SZP, i->size, r, (a >> (c - 1) & 1 ? FLAG_CF : 0) | (of ? FLAG_OF : 0));
    }
}

void x_sar(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned shift = 64 - i->size * 8, c = masked_count(cpu, i, 1);
    uint64_t a;
    int64_t s, r;

    do {
        a = load_operand_rmw(cpu, i, 0);
        s = (int64_t)(a << shift) >> shift;
        r = s >> c;
    } while (!store_operand_rmw(cpu, i, 0, a, (uint64_t)r));
    if (c) {
        flags_lazy(cpu, CC_SZP, i->size, (uint64_t)r, s >> (c - 1) & 1 ? FLAG_CF : 0);
    }
}

/*
 * SHLD: bits of the source enter from the right.  For 16-bit operands counts of 17 to 31 are
 * undefined; processors rotate the destination in again behind the source.
 */
void x_shld(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned bits = i->size * 8, c = masked_count(cpu, i, 2);
    uint64_t b = load_operand(cpu, i, 1), a, r = 0, cf = 0;

    if (!c) {
        load_operand_rmw(cpu, i, 0);
        if (i->size == 4) {
            store_operand(cpu, i, 0, load_operand(cpu, i, 0));
        }
        return;
    }
    do {
        unsigned __int128 w;

        a = load_operand_rmw(cpu, i, 0);
        if (bits == 16) {
            w = (unsigned __int128)a << 32 | b << 16 | a;
            r = (uint64_t)(w >> (32 - c)) & 0xffff;
            cf = (uint64_t)(w >> (48 - c)) & 1;
        } else {
            r = (a << c | b >> (bits - c)) & size_mask(i->size);
            cf = a >> (bits - c) & 1;
        }
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    flags_set(cpu, flags_szp(r, i->size) | (cf ? FLAG_CF : 0) |
                       (top_bit(r, bits) ^ top_bit(a, bits) ? FLAG_OF : 0));
}

void x_shrd(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned bits = i->size * 8, c = masked_count(cpu, i, 2);
    uint64_t b = load_operand(cpu, i, 1), a, r = 0, cf = 0;

    if (!c) {
        load_operand_rmw(cpu, i, 0);
        if (i->size == 4) {
            store_operand(cpu, i, 0, load_operand(cpu, i, 0));
        }
        return;
    }
    do {
        a = load_operand_rmw(cpu, i, 0);
        if (bits == 16) {
            uint64_t w = a | b << 16 | a << 32;

            r = w >> c & 0xffff;
            cf = w >> (c - 1) & 1;
        } else {
            r = (a >> c | b << (bits - c)) & size_mask(i->size);
            cf = a >> (c - 1) & 1;
        }
    } while (!store_operand_rmw(cpu, i, 0, a, r));
    flags_set(cpu, flags_szp(r, i->size) | (cf ? FLAG_CF : 0) |
                       (top_bit(r, bits) ^ top_bit(a, bits) ? FLAG_OF : 0));
}

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static uint64_t bit_apply(uint64_t a, uint64_t bit, enum bit_op op)
{
    switch (op) {
    case BIT_SET:
        return a | bit;
    case BIT_RESET:
        return a & ~bit;
    case BIT_COMPLEMENT:
        return a ^ bit;
    default:
        return a;
    }
}

/* A register bit offset reaches memory outside the operand: the word that holds the bit is used. */
static void bit_op(struct x86_cpu *cpu, const struct insn *i, enum bit_op op)
{
    unsigned bits = i->size * 8;
    uint64_t off = load_operand(cpu, i, 1), bit = 1ull << (off & (bits - 1)), a;
    struct insn moved;

    if (i->op[0].kind == OPND_MEM && i->op[1].kind == OPND_REG) {
        int64_t s = (int64_t)(off << (64 - bits)) >> (64 - bits);

        moved = *i;
        moved.disp += (s >> (3 + size_log2(i->size))) * i->size;
        i = &moved;
    }
    if (op == BIT_TEST) {
        a = load_operand(cpu, i, 0);
    } else {
        do {
            a = load_operand_rmw(cpu, i, 0);
        } while (!store_operand_rmw(cpu, i, 0, a, bit_apply(a, bit, op)));
    }
    flags_change(cpu, FLAG_CF, a & bit ? FLAG_CF : 0);
}

void x_bt(struct x86_cpu *cpu, const struct insn *i)
{
    bit_op(cpu, i, BIT_TEST);
}

void x_bts(struct x86_cpu *cpu, const struct insn *i)
{
    bit_op(cpu, i, BIT_SET);
}

void x_btr(struct x86_cpu *cpu, const struct insn *i)
{
    bit_op(cpu, i, BIT_RESET);
}

void x_btc(struct x86_cpu *cpu, const struct insn *i)
{
    bit_op(cpu, i, BIT_COMPLEMENT);
}
