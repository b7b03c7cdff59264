/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_string.c: PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM.
 * Follows SDM vol. 2, 4.1: operation in terms of the immediate's fields.
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* clang-format off */
enum string_imm {
    STRING_WORDS    = 1 << 0, /* elements are words, else bytes */
    STRING_SIGNED   = 1 << 1,
    STRING_ANY      = 0 << 2, /* aggregation: bits 3-2 */
    STRING_RANGES   = 1 << 2,
    STRING_EACH     = 2 << 2,
    STRING_ORDERED  = 3 << 2,
    STRING_NEGATE   = 1 << 4,
    STRING_MASKED   = 1 << 5, /* negates valid elements only */
    STRING_LAST     = 1 << 6, /* index: of the last; mask: expanded to elements */
};
#define STRING_AGGREGATE (3 << 2)
/* clang-format on */

struct strings {
    unsigned imm;
    unsigned lanes; /* 8 or 16 */
    int32_t a[16], b[16];
    unsigned len_a, len_b; /* valid elements */
};

static int32_t element(const union vec *v, unsigned imm, unsigned k)
{
    if (imm & STRING_WORDS) {
        return imm & STRING_SIGNED ? (int16_t)v->w[k] : v->w[k];
    }
    return imm & STRING_SIGNED ? (int8_t)v->b[k] : v->b[k];
}

static void load_strings(struct x86_cpu *cpu, const struct insn *i, struct strings *s)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    s->imm = i->imm & 0xff;
    s->lanes = s->imm & STRING_WORDS ? 8 : 16;
    for (unsigned k = 0; k < s->lanes; k++) {
        s->a[k] = element(&a, s->imm, k);
        s->b[k] = element(&b, s->imm, k);
    }
}

static unsigned implicit_length(const int32_t *elements, unsigned lanes)
{
    unsigned n = 0;

    while (n < lanes && elements[n]) {
        n++;
    }
    return n;
}

/* The absolute value of EAX or EDX (RAX or RDX with REX.W), at most the number of lanes. */
static unsigned explicit_length(struct x86_cpu *cpu, const struct insn *i, unsigned reg,
                                unsigned lanes)
{
    int64_t n = i->rex & 8 ? (int64_t)cpu->regs[reg] : (int32_t)cpu->regs[reg];
    uint64_t length = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    return length > lanes ? lanes : (unsigned)length;
}

/* Is element j of b among a's elements, or in one of a's ranges (pairs low, high)? */
static bool in_set(const struct strings *s, unsigned j)
{
    for (unsigned k = 0; k < s->len_a; k++) {
        if (s->a[k] == s->b[j]) {
            return true;
        }
    }
    return false;
}

static bool in_ranges(const struct strings *s, unsigned j)
{
    for (unsigned k = 0; k + 1 < s->len_a; k += 2) {
        if (s->a[k] <= s->b[j] && s->b[j] <= s->a[k + 1]) {
            return true;
        }
    }
    return false;
}

/* Does a, as far as b's lanes reach, stand in b at j?  Past the end of a everything matches. */
static bool stands_at(const struct strings *s, unsigned j)
{
    for (unsigned k = 0; k < s->len_a && j + k < s->lanes; k++) {
        if (j + k >= s->len_b || s->a[k] != s->b[j + k]) {
            return false;
        }
    }
    return true;
}

/* IntRes2: one bit an element of b. */
static uint32_t aggregate(const struct strings *s)
{
    uint32_t r = 0, valid = (1u << s->len_b) - 1;

    for (unsigned j = 0; j < s->lanes; j++) {
        bool in_a = j < s->len_a, in_b = j < s->len_b, hit;

        switch (s->imm & STRING_AGGREGATE) {
        case STRING_ANY:
            hit = in_b && in_set(s, j);
            break;
        case STRING_RANGES:
            hit = in_b && in_ranges(s, j);
            break;
        case STRING_EACH:
            hit = in_a && in_b ? s->a[j] == s->b[j] : in_a == in_b;
            break;
        default:
            hit = stands_at(s, j);
        }
        r |= (uint32_t)hit << j;
    }
    if (s->imm & STRING_NEGATE) {
        r ^= s->imm & STRING_MASKED ? valid : (1u << s->lanes) - 1;
    }
    return r;
}

static void string_flags(struct x86_cpu *cpu, const struct strings *s, uint32_t r)
{
    flags_set(cpu, (r ? FLAG_CF : 0) | (s->len_b < s->lanes ? FLAG_ZF : 0) |
                       (s->len_a < s->lanes ? FLAG_SF : 0) | (r & 1 ? FLAG_OF : 0));
}

static void result_index(struct x86_cpu *cpu, const struct strings *s)
{
    uint32_t r = aggregate(s);
    unsigned index = s->lanes;

    if (r) {
        index = (unsigned)(s->imm & STRING_LAST ? 31 - __builtin_clz(r) : __builtin_ctz(r));
    }
    reg_write(cpu, R_RCX, index, 4);
    string_flags(cpu, s, r);
}

static void result_mask(struct x86_cpu *cpu, const struct strings *s)
{
    uint32_t r = aggregate(s);
    union vec v = { .q = { 0, 0 } };

    if (!(s->imm & STRING_LAST)) {
        v.q[0] = r;
    } else if (s->imm & STRING_WORDS) {
        for (unsigned k = 0; k < 8; k++) {
            v.w[k] = r >> k & 1 ? UINT16_MAX : 0;
        }
    } else {
        for (unsigned k = 0; k < 16; k++) {
            v.b[k] = r >> k & 1 ? UINT8_MAX : 0;
        }
    }
    memcpy(cpu->vec[0].b, v.b, 16);
    string_flags(cpu, s, r);
}

static void implicit_strings(struct x86_cpu *cpu, const struct insn *i, struct strings *s)
{
    load_strings(cpu, i, s);
    s->len_a = implicit_length(s->a, s->lanes);
    s->len_b = implicit_length(s->b, s->lanes);
}

static void explicit_strings(struct x86_cpu *cpu, const struct insn *i, struct strings *s)
{
    load_strings(cpu, i, s);
    s->len_a = explicit_length(cpu, i, R_RAX, s->lanes);
    s->len_b = explicit_length(cpu, i, R_RDX, s->lanes);
}

void x_pcmpistri(struct x86_cpu *cpu, const struct insn *i)
{
    struct strings s;

    implicit_strings(cpu, i, &s);
    result_index(cpu, &s);
}

void x_pcmpistrm(struct x86_cpu *cpu, const struct insn *i)
{
    struct strings s;

    implicit_strings(cpu, i, &s);
    result_mask(cpu, &s);
}

void x_pcmpestri(struct x86_cpu *cpu, const struct insn *i)
{
    struct strings s;

    explicit_strings(cpu, i, &s);
    result_index(cpu, &s);
}

void x_pcmpestrm(struct x86_cpu *cpu, const struct insn *i)
{
    struct strings s;

    explicit_strings(cpu, i, &s);
    result_mask(cpu, &s);
}
