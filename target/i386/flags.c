/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/flags.c: arithmetic flags from what made them, conditions, and writes to EFLAGS.
 * Thread: the vCPU's own; built without vector instructions, for flags_normalise.
 */
#include "target/i386/operand.h"
#include "target/i386/sse_status.h"

struct flag_parts {
    uint64_t mask, sign, dst, src;
};

static struct flag_parts flag_parts(const struct x86_cpu *cpu)
{
    unsigned size = 1u << (cpu->cc_op & 3);
    uint64_t mask = size_mask(size);

    return (struct flag_parts){ mask, mask ^ (mask >> 1), cpu->cc_dst & mask, cpu->cc_src & mask };
}

/* By a count from 1 to the operand's bits less one: OF as for a count of 1. */
static uint32_t flags_of_shift(struct flag_parts p, unsigned kind, unsigned size)
{
    unsigned count = (unsigned)p.src, bits = size * 8;
    uint64_t v = p.dst, r = v >> count;
    uint32_t f = v >> (count - 1) & 1 ? FLAG_CF : 0;

    if (kind == CC_SHL) {
        r = v << count & p.mask;
        f = v >> (bits - count) & 1 ? FLAG_CF : 0;
        f |= !(r & p.sign) != !f ? FLAG_OF : 0;
    } else if (kind == CC_SHR) {
        f |= v & p.sign ? FLAG_OF : 0;
    } else if (v & p.sign) {
        r |= p.mask & ~(p.mask >> count);
    }
    return f | flags_szp(r, size);
}

/* As UCOMISS and UCOMISD compare: unordered, or by sign and magnitude. */
static uint32_t flags_of_floats(const struct x86_cpu *cpu, struct flag_parts p, unsigned size)
{
    const uint64_t normal = size == 8 ? 1ull << 52 : 1u << 23;
    const uint64_t infinity = size == 8 ? 0x7ffull << 52 : 0xffu << 23;
    uint64_t a = p.dst & ~p.sign, b = p.src & ~p.sign;
    int64_t x, y;

    if (a > infinity || b > infinity) {
        return FLAG_ZF | FLAG_PF | FLAG_CF;
    }
    if (cpu->mxcsr & MXCSR_DAZ) {
        a = a < normal ? 0 : a;
        b = b < normal ? 0 : b;
    }
    x = p.dst & p.sign ? -(int64_t)a : (int64_t)a;
    y = p.src & p.sign ? -(int64_t)b : (int64_t)b;
    return x == y ? FLAG_ZF : x < y ? FLAG_CF : 0;
}

uint32_t flags_arith(const struct x86_cpu *cpu)
{
    struct flag_parts p;
    unsigned kind = cpu->cc_op >> 2;
    uint64_t a;
    uint32_t f;

    if (kind == CC_FLAGS) {
        return (uint32_t)cpu->cc_src & FLAGS_ARITH; /* translated code leaves other bits */
    }
    p = flag_parts(cpu);
    if (kind == CC_CMP) {
        p.dst = (p.dst - p.src) & p.mask;
        kind = CC_SUB;
    } else if (kind == CC_TEST) {
        p.dst &= p.src;
        kind = CC_LOGIC;
    } else if (kind == CC_NEG) {
        p.src = (0 - p.dst) & p.mask;
        kind = CC_SUB;
    } else if (kind == CC_COMIS) {
        return flags_of_floats(cpu, p, 1u << (cpu->cc_op & 3));
    } else if (kind >= CC_SHL) {
        return flags_of_shift(p, kind, 1u << (cpu->cc_op & 3));
    }
    f = flags_szp(p.dst, 1u << (cpu->cc_op & 3));
    switch (kind) {
    case CC_ADD:
        a = (p.dst - p.src) & p.mask;
        f |= p.dst < p.src ? FLAG_CF : 0;
        f |= (a ^ p.src ^ p.dst) & FLAG_AF;
        f |= (a ^ p.dst) & (p.src ^ p.dst) & p.sign ? FLAG_OF : 0;
        break;
    case CC_SUB:
        a = (p.dst + p.src) & p.mask;
        f |= a < p.src ? FLAG_CF : 0;
        f |= (a ^ p.src ^ p.dst) & FLAG_AF;
        f |= (a ^ p.src) & (a ^ p.dst) & p.sign ? FLAG_OF : 0;
        break;
    case CC_INC:
        f |= p.src & 1 ? FLAG_CF : 0;
        f |= (p.dst & 0xf) == 0 ? FLAG_AF : 0;
        f |= p.dst == p.sign ? FLAG_OF : 0;
        break;
    case CC_DEC:
        f |= p.src & 1 ? FLAG_CF : 0;
        f |= (p.dst & 0xf) == 0xf ? FLAG_AF : 0;
        f |= p.dst == p.sign - 1 ? FLAG_OF : 0;
        break;
    case CC_SZP:
        f |= (uint32_t)cpu->cc_src;
        break;
    case CC_MUL:
        f = (f & ~FLAG_ZF) | (uint32_t)cpu->cc_src;
        break;
    default: /* CC_LOGIC */
        break;
    }
    return f;
}

bool flag_cf(const struct x86_cpu *cpu)
{
    struct flag_parts p;

    switch (cpu->cc_op >> 2) {
    case CC_FLAGS:
    case CC_INC:
    case CC_DEC:
    case CC_SZP:
    case CC_MUL:
        return cpu->cc_src & FLAG_CF;
    case CC_ADD:
        p = flag_parts(cpu);
        return p.dst < p.src;
    case CC_SUB:
        p = flag_parts(cpu);
        return ((p.dst + p.src) & p.mask) < p.src;
    default:
        return false;
    }
}

/* Conditions after a subtraction or a logical operation come from its values, without the flags. */
static bool cond_from_flags(uint32_t f, unsigned cc)
{
    bool sf_ne_of = !(f & FLAG_SF) != !(f & FLAG_OF);

    switch (cc >> 1) {
    case 0:
        return f & FLAG_OF;
    case 1:
        return f & FLAG_CF;
    case 2:
        return f & FLAG_ZF;
    case 3:
        return f & (FLAG_CF | FLAG_ZF);
    case 4:
        return f & FLAG_SF;
    case 5:
        return f & FLAG_PF;
    case 6:
        return sf_ne_of;
    default:
        return sf_ne_of || (f & FLAG_ZF);
    }
}

static bool cond_sub(const struct x86_cpu *cpu, unsigned cc)
{
    unsigned shift = 64 - (8u << (cpu->cc_op & 3));
    /* Both operands at the top of a word: comparisons of every size are those of 64 bits. */
    uint64_t b = cpu->cc_src << shift, r = cpu->cc_dst << shift, a = r + b;

    switch (cc >> 1) {
    case 1:
        return a < b;
    case 2:
        return r == 0;
    case 3:
        return a <= b;
    case 4:
        return (int64_t)r < 0;
    case 6:
        return (int64_t)a < (int64_t)b;
    case 7:
        return (int64_t)a <= (int64_t)b;
    default:
        return cond_from_flags(flags_arith(cpu), cc);
    }
}

bool cond_true(const struct x86_cpu *cpu, unsigned cc)
{
    bool r;

    switch (cpu->cc_op >> 2) {
    case CC_SUB:
        r = cond_sub(cpu, cc);
        break;
    case CC_LOGIC: {
        uint64_t v = cpu->cc_dst << (64 - (8u << (cpu->cc_op & 3)));

        switch (cc >> 1) {
        case 0:
        case 1:
            r = false;
            break;
        case 2:
        case 3:
            r = v == 0;
            break;
        case 4:
        case 6:
            r = (int64_t)v < 0;
            break;
        case 7:
            r = (int64_t)v <= 0;
            break;
        default:
            r = cond_from_flags(flags_arith(cpu), cc);
        }
        break;
    }
    default:
        r = cond_from_flags(flags_arith(cpu), cc);
    }
    return r ^ (cc & 1);
}

void eflags_write(struct x86_cpu *cpu, uint32_t value, uint32_t mask)
{
    uint32_t control = mask & ~FLAGS_ARITH, before = cpu->eflags;

    if (mask & FLAGS_ARITH) {
        flags_change(cpu, mask & FLAGS_ARITH, value);
    }
    cpu->eflags = ((cpu->eflags & ~control) | (value & control)) | 2;
    if ((before ^ cpu->eflags) & (FLAG_VM | FLAG_AC | FLAG_IOPL)) {
        cpu_update_mode(cpu);
    }
}

void flags_normalise(struct x86_cpu *cpu)
{
    if (cpu->cc_op >> 2 != CC_FLAGS) {
        flags_set(cpu, flags_arith(cpu));
    }
}
