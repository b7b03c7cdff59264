/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/bmi.c: bit scans and counts, BMI1, BMI2, ADX, MOVBE and CRC32.
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* BSF, BSR: a zero source leaves all of the destination as it was, as processors do. */
static void bit_scan(struct x86_cpu *cpu, const struct insn *i, bool reverse)
{
    uint64_t v = load_operand(cpu, i, 1);
    unsigned index;

    if (!v) {
        flags_change(cpu, FLAGS_ARITH, FLAG_ZF | FLAG_PF);
        return;
    }
    index = (unsigned)(reverse ? 63 - __builtin_clzll(v) : __builtin_ctzll(v));
    store_operand(cpu, i, 0, index);
    flags_change(cpu, FLAGS_ARITH, flags_szp(index, 1) & FLAG_PF);
}

void x_bsf(struct x86_cpu *cpu, const struct insn *i)
{
    bit_scan(cpu, i, false);
}

void x_bsr(struct x86_cpu *cpu, const struct insn *i)
{
    bit_scan(cpu, i, true);
}

static uint32_t count_flags(uint64_t source, uint64_t result)
{
    return (source ? 0 : FLAG_CF) | (result ? 0 : FLAG_ZF);
}

/* Without the feature F3 means nothing, and the opcode is BSF. */
void x_tzcnt(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v, n;

    if (!cpu_has(cpu, X86_BMI1)) {
        bit_scan(cpu, i, false);
        return;
    }
    v = load_operand(cpu, i, 1);
    n = v ? (unsigned)__builtin_ctzll(v) : i->op[1].size * 8u;
    store_operand(cpu, i, 0, n);
    flags_set(cpu, count_flags(v, n));
}

void x_lzcnt(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v, n;

    if (!cpu_has(cpu, X86_ABM)) {
        bit_scan(cpu, i, true);
        return;
    }
    v = load_operand(cpu, i, 1);
    n = v ? (unsigned)__builtin_clzll(v) - (64 - i->op[1].size * 8u) : i->op[1].size * 8u;
    store_operand(cpu, i, 0, n);
    flags_set(cpu, count_flags(v, n));
}

void x_popcnt(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);

    store_operand(cpu, i, 0, (unsigned)__builtin_popcountll(v));
    flags_set(cpu, v ? 0 : FLAG_ZF);
}

void x_movbe(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);

    store_operand(cpu, i, 0, __builtin_bswap64(v) >> (64 - 8 * i->op[1].size));
}

/* dst + src + flag, where the flag is CF or OF, and only it changes. */
static void add_carry(struct x86_cpu *cpu, const struct insn *i, uint32_t flag)
{
    uint64_t a = load_operand(cpu, i, 0), b = load_operand(cpu, i, 1);
    unsigned __int128 sum = (unsigned __int128)a + b + (flags_arith(cpu) & flag ? 1 : 0);

    store_operand(cpu, i, 0, (uint64_t)sum);
    flags_change(cpu, flag, sum >> (8 * i->op[0].size) ? flag : 0);
}

void x_adcx(struct x86_cpu *cpu, const struct insn *i)
{
    add_carry(cpu, i, FLAG_CF);
}

void x_adox(struct x86_cpu *cpu, const struct insn *i)
{
    add_carry(cpu, i, FLAG_OF);
}

void x_andn(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t r = ~load_operand(cpu, i, 1) & load_operand(cpu, i, 2);

    store_operand(cpu, i, 0, r);
    flags_set(cpu, flags_szp(r, i->op[0].size));
}

/* CF of BLSR and BLSMSK: the source is 0; of BLSI: it is not. */
void x_blsr(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1), r = v & (v - 1);

    store_operand(cpu, i, 0, r);
    flags_set(cpu, (flags_szp(r, i->op[0].size) & ~FLAG_PF) | (v ? 0 : FLAG_CF));
}

void x_blsmsk(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1), r = v ^ (v - 1);

    store_operand(cpu, i, 0, r);
    flags_set(cpu, (flags_szp(r, i->op[0].size) & FLAG_SF) | (v ? 0 : FLAG_CF));
}

void x_blsi(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1), r = v & (0 - v);

    store_operand(cpu, i, 0, r);
    flags_set(cpu, (flags_szp(r, i->op[0].size) & ~FLAG_PF) | (v ? FLAG_CF : 0));
}

/* The low `n` bits; n over the width changes nothing and is CF. */
void x_bzhi(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);
    unsigned n = load_operand(cpu, i, 2) & 0xff, bits = i->op[0].size * 8u;

    if (n < bits) {
        v &= (1ull << n) - 1;
    }
    store_operand(cpu, i, 0, v);
    flags_set(cpu, (flags_szp(v, i->op[0].size) & ~FLAG_PF) | (n >= bits ? FLAG_CF : 0));
}

/* Bits 7-0 of the control: the first bit; 15-8: how many. */
void x_bextr(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1), control = load_operand(cpu, i, 2);
    unsigned start = control & 0xff, length = control >> 8 & 0xff;

    v = start < 64 ? v >> start : 0;
    if (length < 64) {
        v &= (1ull << length) - 1;
    }
    store_operand(cpu, i, 0, v);
    flags_set(cpu, v ? 0 : FLAG_ZF);
}

/* Bits of v at the ones of mask, gathered at the bottom. */
void x_pext(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1), mask = load_operand(cpu, i, 2), r = 0;

    for (unsigned k = 0; mask; k++, mask &= mask - 1) {
        r |= (v >> __builtin_ctzll(mask) & 1) << k;
    }
    store_operand(cpu, i, 0, r);
}

/* The low bits of v, spread to the ones of mask. */
void x_pdep(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1), mask = load_operand(cpu, i, 2), r = 0;

    for (unsigned k = 0; mask; k++, mask &= mask - 1) {
        r |= (v >> k & 1) << __builtin_ctzll(mask);
    }
    store_operand(cpu, i, 0, r);
}

/* rDX times the source: the low half to VEX.vvvv, then the high half (last: they may be one). */
void x_mulx(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = i->op[0].size;
    unsigned __int128 product =
        (unsigned __int128)load_operand(cpu, i, 2) * reg_read(cpu, R_RDX, size);

    store_operand(cpu, i, 1, (uint64_t)product & size_mask(size));
    store_operand(cpu, i, 0, (uint64_t)(product >> (8 * size)) & size_mask(size));
}

/* Shifts by a register that leave the flags alone; the count is taken modulo the width. */
static unsigned count_of(struct x86_cpu *cpu, const struct insn *i)
{
    return load_operand(cpu, i, 2) & (i->op[0].size * 8u - 1);
}

void x_shlx(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);

    store_operand(cpu, i, 0, (v << count_of(cpu, i)) & size_mask(i->op[0].size));
}

void x_shrx(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);

    store_operand(cpu, i, 0, v >> count_of(cpu, i));
}

void x_sarx(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);
    int64_t s = i->op[0].size == 8 ? (int64_t)v : (int32_t)v;

    store_operand(cpu, i, 0, (uint64_t)(s >> count_of(cpu, i)) & size_mask(i->op[0].size));
}

void x_rorx(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);
    unsigned bits = i->op[0].size * 8u, n = i->imm & (bits - 1);

    store_operand(cpu, i, 0, n ? (v >> n | v << (bits - n)) & size_mask(i->op[0].size) : v);
}

/* CRC-32C (polynomial 0x11edc6f41, bit-reflected) of the source's bytes. */
void x_crc32(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = load_operand(cpu, i, 1);
    uint32_t crc = (uint32_t)load_operand(cpu, i, 0);

    for (unsigned n = 0; n < i->op[1].size; n++, v >>= 8) {
        crc ^= v & 0xff;
        for (unsigned k = 0; k < 8; k++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    store_operand(cpu, i, 0, crc);
}
