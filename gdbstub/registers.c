/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/registers.c: the table of registers, and how each is read and written.
 *
 * Thread: machine lock held, the vCPU stopped.
 * Source: GDB manual, appendix "Target Descriptions", "i386 Features".
 */
#include "gdbstub/registers.h"
#include <string.h>
#include "target/i386/debug_write.h"
#include "target/i386/operand.h"
#include "target/i386/x87.h"

#define MSR_EFER      0xc0000080u
#define MSR_KERNEL_GS 0xc0000102u
#define MXCSR_BITS    0xffffu

static void put(uint8_t *to, uint64_t v, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        to[k] = (uint8_t)(v >> (8 * k));
    }
}

static uint64_t take(const uint8_t *from, unsigned n)
{
    uint64_t v = 0;

    for (unsigned k = 0; k < n; k++) {
        v |= (uint64_t)from[k] << (8 * k);
    }
    return v;
}

/* The buffer has room for 8 bytes, whatever the register's size. */
static void get_general(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    put(to, cpu->regs[arg + n], 8);
}

static bool set_general(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    cpu->regs[arg + n] = take(from, cpu_has(cpu, X86_LM) ? 8 : 4);
    return true;
}

static bool canonical(uint64_t v)
{
    return (v + (1ull << 47)) >> 48 == 0;
}

static bool set_rip(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    uint64_t v = take(from, cpu_has(cpu, X86_LM) ? 8 : 4);

    (void)n;
    if (cpu->code64 ? !canonical(v) : v > UINT32_MAX) {
        return false;
    }
    if (v != cpu->regs[arg]) {
        cpu->vcpu.debug.pass = false; /* the breakpoint that it stands at stays behind */
        cpu->halted = cpu->wait_sipi;
    }
    cpu->regs[arg] = v;
    return true;
}

static void get_eflags(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    (void)arg;
    (void)n;
    put(to, cpu_eflags(cpu), 4);
}

static bool set_eflags(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    (void)arg;
    (void)n;
    return debug_write_eflags(cpu, (uint32_t)take(from, 4));
}

static void get_segment(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    (void)n;
    put(to, cpu->seg[arg].selector, 4);
}

static bool set_segment(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    uint64_t v = take(from, 4);

    (void)n;
    return v <= UINT16_MAX && debug_write_segment(cpu, arg, (uint16_t)v);
}

static void get_base(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    (void)n;
    put(to, cpu->seg[arg].base, 8);
}

static bool set_base(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    uint64_t v = take(from, 8);
    struct segment s = cpu->seg[arg];

    (void)n;
    if (!canonical(v)) {
        return false;
    }
    segment_set(&cpu->seg[arg], s.selector, v, s.limit, s.attr);
    return true;
}

static void get_msr(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    (void)n;
    put(to, arg == MSR_EFER ? cpu->efer : cpu->kernel_gs_base, 8);
}

static bool set_msr(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    (void)n;
    return cpu_write_msr(cpu, arg, take(from, 8));
}

static void get_cr(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    uint64_t cr8 = cpu->apic ? cpu->apic->get_tpr(cpu->apic_opaque) : 0;
    uint64_t v[] = { cpu->cr0, 0, cpu->cr2, cpu->cr3, cpu->cr4, 0, 0, 0, cr8 };

    (void)n;
    put(to, v[arg], 8);
}

static bool set_cr(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    uint64_t v = take(from, cpu_has(cpu, X86_LM) ? 8 : 4), old;
    uint8_t bytes[8];

    get_cr(cpu, arg, n, bytes);
    old = take(bytes, 8);
    return v == old || debug_write_cr(cpu, arg, v);
}

static void get_st(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    struct float80 v = x87_st(cpu, n);

    (void)arg;
    put(to, v.mant, 8);
    put(to + 8, v.sexp, 2);
}

static bool set_st(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    struct float80 *v = &cpu->x87.reg[(cpu->x87.top + n) & 7];

    (void)arg;
    v->mant = take(from, 8);
    v->sexp = (uint16_t)take(from + 8, 2);
    return true;
}

enum { X87_CONTROL, X87_STATUS, X87_TAGS, X87_CS, X87_IP, X87_DS, X87_DP, X87_OPCODE };

static void get_x87(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    const struct x87_state *x = &cpu->x87;
    uint64_t v[] = {
        [X87_CONTROL] = x->control,
        [X87_STATUS] = x87_status_word(cpu),
        [X87_TAGS] = x87_full_tag_word(cpu),
        [X87_CS] = x->cs,
        [X87_IP] = x->ip,
        [X87_DS] = x->ds,
        [X87_DP] = x->dp,
        [X87_OPCODE] = x->opcode,
    };

    (void)n;
    put(to, v[arg], 4);
}

static bool set_x87(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    struct x87_state *x = &cpu->x87;
    uint32_t v = (uint32_t)take(from, 4);

    (void)n;
    switch (arg) {
    case X87_CONTROL:
        x87_set_control_word(cpu, (uint16_t)v);
        break;
    case X87_STATUS:
        x->top = v >> 11 & 7;
        x87_set_status_word(cpu, (uint16_t)v);
        break;
    case X87_TAGS:
        x87_set_full_tag_word(cpu, (uint16_t)v);
        break;
    case X87_CS:
        x->cs = (uint16_t)v;
        break;
    case X87_IP: /* gdb has 32 bits of it: the others stay */
        x->ip = (x->ip & ~(uint64_t)UINT32_MAX) | v;
        break;
    case X87_DS:
        x->ds = (uint16_t)v;
        break;
    case X87_DP:
        x->dp = (x->dp & ~(uint64_t)UINT32_MAX) | v;
        break;
    default:
        x->opcode = v & 0x7ff;
        break;
    }
    return true;
}

static void get_mxcsr(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    (void)arg;
    (void)n;
    put(to, cpu->mxcsr, 4);
}

static bool set_mxcsr(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    uint32_t v = (uint32_t)take(from, 4);

    (void)arg;
    (void)n;
    if (v & ~MXCSR_BITS) {
        return false;
    }
    cpu->mxcsr = v;
    return true;
}

/* Parts of vector registers.  arg: their first byte << 8 | bytes. */
#define VEC_PART(first, n) ((first) << 8 | (n))

static void get_vec(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    memcpy(to, cpu->vec[n].b + (arg >> 8), arg & 0xff);
}

static bool set_vec(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    memcpy(cpu->vec[n].b + (arg >> 8), from, arg & 0xff);
    return true;
}

static void get_mask(struct x86_cpu *cpu, unsigned arg, unsigned n, uint8_t *to)
{
    (void)arg;
    put(to, cpu->kmask[n], 8);
}

static bool set_mask(struct x86_cpu *cpu, unsigned arg, unsigned n, const uint8_t *from)
{
    (void)arg;
    cpu->kmask[n] = take(from, 8);
    return true;
}

/* clang-format off */
#define WIDE(name, type, reg) \
    { FEATURE_CORE, name, NULL, 0, 1, 0, 64, 0, type, NULL, NULL, get_general, set_general, reg }
#define NARROW(name, type, reg) \
    { FEATURE_CORE, NULL, name, 0, 0, 1, 0, 32, NULL, type, NULL, get_general, set_general, reg }
#define SEGMENT(name, seg) \
    { FEATURE_CORE, name, name, 0, 1, 1, 32, 32, "int32", "int32", NULL, get_segment, set_segment, seg }
#define X87(name, what) \
    { FEATURE_CORE, name, name, 0, 1, 1, 32, 32, "int", "int", "float", get_x87, set_x87, what }
#define CONTROL(name, name32, n) \
    { FEATURE_SYSTEM, name, name32, 0, 1, 1, 64, 32, "int64", "int32", "system", get_cr, set_cr, n }
#define BASE(name, seg) \
    { FEATURE_SEGMENTS, name, NULL, 0, 1, 0, 64, 0, "int64", NULL, NULL, get_base, set_base, seg }
#define MSR(name, n) \
    { FEATURE_SYSTEM, name, NULL, 0, 1, 0, 64, 0, "int64", NULL, "system", get_msr, set_msr, n }
#define VEC(feature, name, first, count, count32, bits, type, at) \
    { feature, name, name, first, count, count32, bits, bits, type, type, NULL, get_vec, set_vec, VEC_PART(at, bits / 8) }

const struct register_row register_rows[] = {
    /* gdb's order of the general registers is not that of instructions, and another one for each width. */
    WIDE("rax", "int64", R_RAX), WIDE("rbx", "int64", R_RBX), WIDE("rcx", "int64", R_RCX), WIDE("rdx", "int64", R_RDX),
    WIDE("rsi", "int64", R_RSI), WIDE("rdi", "int64", R_RDI), WIDE("rbp", "data_ptr", R_RBP), WIDE("rsp", "data_ptr", R_RSP),
    { FEATURE_CORE, "r%u", NULL, 8, 8, 0, 64, 0, "int64", NULL, NULL, get_general, set_general, 0 },
    NARROW("eax", "int32", R_RAX), NARROW("ecx", "int32", R_RCX), NARROW("edx", "int32", R_RDX), NARROW("ebx", "int32", R_RBX),
    NARROW("esp", "data_ptr", R_RSP), NARROW("ebp", "data_ptr", R_RBP), NARROW("esi", "int32", R_RSI), NARROW("edi", "int32", R_RDI),
    { FEATURE_CORE, "rip", "eip", 0, 1, 1, 64, 32, "code_ptr", "code_ptr", NULL, get_general, set_rip, R_RIP },
    { FEATURE_CORE, "eflags", "eflags", 0, 1, 1, 32, 32, "i386_eflags", "i386_eflags", NULL, get_eflags, set_eflags, 0 },
    SEGMENT("cs", SEG_CS), SEGMENT("ss", SEG_SS), SEGMENT("ds", SEG_DS),
    SEGMENT("es", SEG_ES), SEGMENT("fs", SEG_FS), SEGMENT("gs", SEG_GS),
    { FEATURE_CORE, "st%u", "st%u", 0, 8, 8, 80, 80, "i387_ext", "i387_ext", NULL, get_st, set_st, 0 },
    X87("fctrl", X87_CONTROL), X87("fstat", X87_STATUS), X87("ftag", X87_TAGS), X87("fiseg", X87_CS),
    X87("fioff", X87_IP), X87("foseg", X87_DS), X87("fooff", X87_DP), X87("fop", X87_OPCODE),

    VEC(FEATURE_SSE, "xmm%u", 0, 16, 8, 128, "vec128", 0),
    { FEATURE_SSE, "mxcsr", "mxcsr", 0, 1, 1, 32, 32, "i386_mxcsr", "i386_mxcsr", "vector", get_mxcsr, set_mxcsr, 0 },

    BASE("fs_base", SEG_FS), BASE("gs_base", SEG_GS),

    MSR("k_gs_base", MSR_KERNEL_GS),
    CONTROL("cr0", "cr0", 0), CONTROL("cr2", "cr2", 2), CONTROL("cr3", "cr3", 3), CONTROL("cr4", "cr4", 4),
    { FEATURE_SYSTEM, "cr8", NULL, 0, 1, 0, 64, 0, "int64", NULL, "system", get_cr, set_cr, 8 },
    MSR("efer", MSR_EFER),

    VEC(FEATURE_AVX, "ymm%uh", 0, 16, 8, 128, "uint128", 16),

    VEC(FEATURE_AVX512, "xmm%u", 16, 16, 0, 128, "vec128", 0),
    VEC(FEATURE_AVX512, "ymm%uh", 16, 16, 0, 128, "uint128", 16),
    { FEATURE_AVX512, "k%u", "k%u", 0, 8, 8, 64, 64, "uint64", "uint64", NULL, get_mask, set_mask, 0 },
    VEC(FEATURE_AVX512, "zmm%uh", 0, 32, 8, 256, "v2ui128", 32),
    { 0 }
};
/* clang-format on */

static bool has_feature(const struct x86_cpu *cpu, enum register_feature feature)
{
    static const uint16_t needs[FEATURE_COUNT] = {
        [FEATURE_SSE] = X86_SSE, [FEATURE_AVX] = X86_AVX, [FEATURE_AVX512] = X86_AVX512F
    };

    return !needs[feature] || cpu_has(cpu, needs[feature]);
}

void registers_init(struct registers *r, const struct x86_cpu *cpu)
{
    r->wide = cpu_has(cpu, X86_LM);
    r->n_general = r->pc = 0;
    r->entries = g_array_new(FALSE, FALSE, sizeof(struct register_entry));
    for (const struct register_row *row = register_rows; row->get; row++) {
        unsigned count = r->wide ? row->count : row->count32;
        unsigned bits = r->wide ? row->bits : row->bits32;

        if (!has_feature(cpu, row->feature)) {
            continue;
        }
        if (count && row->get == get_general && row->arg == R_RIP) {
            r->pc = r->entries->len;
        }
        for (unsigned n = 0; n < count; n++) {
            struct register_entry e = { row, (uint8_t)(row->first + n), (uint8_t)(bits / 8) };

            g_array_append_val(r->entries, e);
        }
        if (row->feature <= FEATURE_SSE) {
            r->n_general = r->entries->len;
        }
    }
}

void registers_clear(struct registers *r)
{
    g_array_unref(r->entries);
}

static const struct register_entry *entry_of(const struct registers *r, unsigned number)
{
    return number < r->entries->len ? &g_array_index(r->entries, struct register_entry, number)
                                    : NULL;
}

unsigned registers_size(const struct registers *r, unsigned number)
{
    const struct register_entry *e = entry_of(r, number);

    return e ? e->bytes : 0;
}

unsigned registers_read(const struct registers *r, struct x86_cpu *cpu, unsigned number,
                        uint8_t *to)
{
    const struct register_entry *e = entry_of(r, number);

    if (!e) {
        return 0;
    }
    e->row->get(cpu, e->row->arg, e->n, to);
    return e->bytes;
}

bool registers_write(const struct registers *r, struct x86_cpu *cpu, unsigned number,
                     const uint8_t *from)
{
    const struct register_entry *e = entry_of(r, number);

    return e && e->row->set(cpu, e->row->arg, e->n, from);
}
