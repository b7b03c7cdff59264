/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/xsave.c: the FXSAVE and XSAVE families and XCR0 (SDM vol. 1, 10.5 and ch. 13).
 *
 * The area is built in, or read into, a host buffer at once.  A state component is one row of
 * `components`: a new one adds a row and nothing else.
 *
 * Invariants: every read of guest memory and every check comes before the first change of state;
 *             every page is probed before the first write.
 * Thread:     the vCPU's own, no lock.
 */
#include "target/i386/sse_status.h"
#include "target/i386/vec_exec.h"
#include "target/i386/x87.h"
#include "target/i386/xsave.h"

/* clang-format off */
#define LEGACY_SIZE      512u
#define AREA_HEADER      512u  /* XSTATE_BV, XCOMP_BV, 48 reserved bytes */
#define AREA_EXTENDED    576u
#define AREA_MXCSR       24u
#define AREA_ST          32u
#define AREA_XMM         160u
#define AREA_MAX         4096u /* every component there may ever be */
#define XCOMP_COMPACTED  (1ull << 63)
#define X87_CONTROL_INIT 0x037fu
#define XCR0_AVX512      0xe0u
/* clang-format on */

static void put(uint8_t *p, uint64_t v, unsigned size)
{
    memcpy(p, &v, size);
}

static uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

/* Components ----------------------------------------------------------------------------------- */

/* FIP and FDP are 64 bits wide with REX.W, else 32 bits and a selector. */
static void x87_save(const struct x86_cpu *cpu, uint8_t *area, bool wide)
{
    const struct x87_state *x = &cpu->x87;

    put(area, x->control, 2);
    put(area + 2, (x->status & ~0x3800u) | (x->top & 7u) << 11, 2);
    put(area + 4, (uint8_t)~x->empty, 2);
    put(area + 6, x->opcode & 0x7ffu, 2);
    if (wide) {
        put(area + 8, x->ip, 8);
        put(area + 16, x->dp, 8);
    } else {
        put(area + 8, (uint32_t)x->ip | (uint64_t)x->cs << 32, 8);
        put(area + 16, (uint32_t)x->dp | (uint64_t)x->ds << 32, 8);
    }
    for (unsigned k = 0; k < 8; k++) {
        const struct float80 *r = &x->reg[(x->top + k) & 7];

        put(area + AREA_ST + 16 * k, r->mant, 8);
        put(area + AREA_ST + 16 * k + 8, r->sexp, 8);
    }
}

static void x87_load(struct x86_cpu *cpu, const uint8_t *area, bool wide)
{
    struct x87_state *x = &cpu->x87;
    uint16_t status = (uint16_t)get(area + 2, 2);

    x->control = (uint16_t)((get(area, 2) & 0x1f3f) | 0x40);
    x->top = status >> 11 & 7;
    /* ES and B follow from the flags and the masks. */
    x->status = status & 0x477f;
    if (x->status & ~x->control & 0x3f) {
        x->status |= 0x8080;
    }
    x->empty = (uint8_t)~area[4];
    x->opcode = get(area + 6, 2) & 0x7ff;
    x->ip = get(area + 8, wide ? 8 : 4);
    x->dp = get(area + 16, wide ? 8 : 4);
    x->cs = wide ? 0 : (uint16_t)get(area + 12, 2);
    x->ds = wide ? 0 : (uint16_t)get(area + 20, 2);
    for (unsigned k = 0; k < 8; k++) {
        struct float80 *r = &x->reg[(x->top + k) & 7];

        r->mant = get(area + AREA_ST + 16 * k, 8);
        r->sexp = (uint16_t)get(area + AREA_ST + 16 * k + 8, 2);
    }
}

static void x87_clear(struct x86_cpu *cpu)
{
    cpu->x87 = (struct x87_state){ .control = X87_CONTROL_INIT, .empty = 0xff };
}

static bool x87_in_use(const struct x86_cpu *cpu)
{
    const struct x87_state *x = &cpu->x87;

    if (x->control != X87_CONTROL_INIT || x->status || x->top || x->empty != 0xff || x->opcode ||
        x->cs || x->ds || x->ip || x->dp) {
        return true;
    }
    for (unsigned k = 0; k < 8; k++) {
        if (x->reg[k].mant || x->reg[k].sexp) {
            return true;
        }
    }
    return false;
}

/* XMM8 to XMM15 exist in 64-bit code only: elsewhere they keep their values, in memory too. */
static unsigned xmm_count(const struct x86_cpu *cpu)
{
    return cpu->code64 ? 16 : 8;
}

static void sse_save(const struct x86_cpu *cpu, uint8_t *area, bool wide)
{
    (void)wide;
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memcpy(area + AREA_XMM + 16 * k, cpu->vec[k].b, 16);
    }
}

static void sse_load(struct x86_cpu *cpu, const uint8_t *area, bool wide)
{
    (void)wide;
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memcpy(cpu->vec[k].b, area + AREA_XMM + 16 * k, 16);
    }
}

static void sse_init(struct x86_cpu *cpu)
{
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memset(cpu->vec[k].b, 0, 16);
    }
}

static bool sse_in_use(const struct x86_cpu *cpu)
{
    for (unsigned k = 0; k < 16; k++) {
        if (cpu->vec[k].q[0] || cpu->vec[k].q[1]) {
            return true;
        }
    }
    return false;
}

/* Bytes 16 to 31 of the first 16 vectors; 8 outside 64-bit code, as for SSE. */
static void avx_save(const struct x86_cpu *cpu, uint8_t *to, bool wide)
{
    (void)wide;
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memcpy(to + 16 * k, cpu->vec[k].b + 16, 16);
    }
}

static void avx_load(struct x86_cpu *cpu, const uint8_t *from, bool wide)
{
    (void)wide;
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memcpy(cpu->vec[k].b + 16, from + 16 * k, 16);
    }
}

/* Bytes [from, from + size) of vectors first to last: zero them, or is any not? */
static void vectors_clear(struct x86_cpu *cpu, unsigned first, unsigned last, unsigned from,
                          unsigned size)
{
    for (unsigned k = first; k <= last; k++) {
        memset(cpu->vec[k].b + from, 0, size);
    }
}

static bool vectors_in_use(const struct x86_cpu *cpu, unsigned first, unsigned last, unsigned from,
                           unsigned size)
{
    static const uint8_t zero[64];

    for (unsigned k = first; k <= last; k++) {
        if (memcmp(cpu->vec[k].b + from, zero, size)) {
            return true;
        }
    }
    return false;
}

static void avx_init(struct x86_cpu *cpu)
{
    vectors_clear(cpu, 0, xmm_count(cpu) - 1, 16, 16);
}

static bool avx_in_use(const struct x86_cpu *cpu)
{
    return vectors_in_use(cpu, 0, 15, 16, 16);
}

static void opmask_save(const struct x86_cpu *cpu, uint8_t *to, bool wide)
{
    (void)wide;
    memcpy(to, cpu->kmask, sizeof(cpu->kmask));
}

static void opmask_load(struct x86_cpu *cpu, const uint8_t *from, bool wide)
{
    (void)wide;
    memcpy(cpu->kmask, from, sizeof(cpu->kmask));
}

static void opmask_init(struct x86_cpu *cpu)
{
    memset(cpu->kmask, 0, sizeof(cpu->kmask));
}

static bool opmask_in_use(const struct x86_cpu *cpu)
{
    uint64_t all = 0;

    for (unsigned k = 0; k < 8; k++) {
        all |= cpu->kmask[k];
    }
    return all != 0;
}

/* ZMM_Hi256: bytes 32 to 63 of the first 16. */
static void zmm_save(const struct x86_cpu *cpu, uint8_t *to, bool wide)
{
    (void)wide;
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memcpy(to + 32 * k, cpu->vec[k].b + 32, 32);
    }
}

static void zmm_load(struct x86_cpu *cpu, const uint8_t *from, bool wide)
{
    (void)wide;
    for (unsigned k = 0; k < xmm_count(cpu); k++) {
        memcpy(cpu->vec[k].b + 32, from + 32 * k, 32);
    }
}

static void zmm_init(struct x86_cpu *cpu)
{
    vectors_clear(cpu, 0, xmm_count(cpu) - 1, 32, 32);
}

static bool zmm_in_use(const struct x86_cpu *cpu)
{
    return vectors_in_use(cpu, 0, 15, 32, 32);
}

/* Hi16_ZMM: the other 16, which exist in 64-bit code only. */
static void hi16_save(const struct x86_cpu *cpu, uint8_t *to, bool wide)
{
    (void)wide;
    if (cpu->code64) {
        memcpy(to, cpu->vec[16].b, 1024);
    }
}

static void hi16_load(struct x86_cpu *cpu, const uint8_t *from, bool wide)
{
    (void)wide;
    if (cpu->code64) {
        memcpy(cpu->vec[16].b, from, 1024);
    }
}

static void hi16_init(struct x86_cpu *cpu)
{
    if (cpu->code64) {
        vectors_clear(cpu, 16, 31, 0, 64);
    }
}

static bool hi16_in_use(const struct x86_cpu *cpu)
{
    return vectors_in_use(cpu, 16, 31, 0, 64);
}

/*
 * Offsets are from the area's start for the two legacy components, and in the standard form;
 * save and load get the area for those, and the component's own bytes for the others.
 */
static const struct xsave_component components[] = {
    /* clang-format off */
    /* bit  feature   offset  size  save      load      init      in_use */
    {  0,   X86_FPU,  0,      160,  x87_save, x87_load, x87_clear, x87_in_use },
    {  1,   X86_SSE,  160,    256,  sse_save, sse_load, sse_init, sse_in_use },
    {  2,   X86_AVX,  576,    256,  avx_save, avx_load, avx_init, avx_in_use },
    {  5,   X86_AVX512F, 1088, 64,  opmask_save, opmask_load, opmask_init, opmask_in_use },
    {  6,   X86_AVX512F, 1152, 512, zmm_save, zmm_load, zmm_init, zmm_in_use },
    {  7,   X86_AVX512F, 1664, 1024, hi16_save, hi16_load, hi16_init, hi16_in_use },
    /* clang-format on */
};
#define N_COMPONENTS (sizeof(components) / sizeof(components[0]))

const struct xsave_component *xsave_component(const struct x86_cpu *cpu, unsigned bit)
{
    for (unsigned n = 0; n < N_COMPONENTS; n++) {
        if (components[n].bit == bit && cpu_has(cpu, components[n].feature)) {
            return &components[n];
        }
    }
    return NULL;
}

uint64_t xsave_supported(const struct x86_cpu *cpu)
{
    uint64_t mask = 0;

    for (unsigned n = 0; n < N_COMPONENTS; n++) {
        if (cpu_has(cpu, components[n].feature)) {
            mask |= 1ull << components[n].bit;
        }
    }
    return mask;
}

bool xsave_xcr0_valid(const struct x86_cpu *cpu, uint64_t v)
{
    uint64_t avx512 = v & XCR0_AVX512;

    /* x87 is always on; AVX needs SSE; the three of AVX-512 go together, and need AVX. */
    return (v & 1) && !(v & ~xsave_supported(cpu)) && !((v & 4) && !(v & 2)) &&
           (!avx512 || (avx512 == XCR0_AVX512 && (v & 4)));
}

unsigned xsave_area_size(uint64_t mask, bool compacted)
{
    unsigned size = AREA_EXTENDED;

    for (unsigned n = 0; n < N_COMPONENTS; n++) {
        const struct xsave_component *c = &components[n];

        if (c->bit > 1 && (mask >> c->bit & 1)) {
            size = compacted ? size + c->size : MAX(size, c->offset + c->size);
        }
    }
    return size;
}

/* Components in other than their initial state, as bits. */
static uint64_t in_use(const struct x86_cpu *cpu)
{
    uint64_t mask = 0;

    for (unsigned n = 0; n < N_COMPONENTS; n++) {
        mask |= (uint64_t)components[n].in_use(cpu) << components[n].bit;
    }
    return mask;
}

/* Where a component is in an area that holds `mask` compacted, or in the standard form. */
static unsigned component_at(const struct xsave_component *c, uint64_t mask, bool compacted)
{
    return compacted && c->bit > 1 ? xsave_area_size(mask & ((1ull << c->bit) - 1), true)
                                   : c->offset;
}

/* FXSAVE and FXRSTOR --------------------------------------------------------------------------- */

/*
 * The checked address of an area, which must be aligned to `align`: found after a first byte that is
 * not canonical, and before a last byte that is not.
 */
static uint64_t area_linear(struct x86_cpu *cpu, const struct insn *i, unsigned size,
                            unsigned align, bool write)
{
    uint64_t linear = operand_linear(cpu, i, 1, write);

    if (linear & (align - 1)) {
        raise_gp0(cpu);
    }
    return operand_linear(cpu, i, size, write);
}

static bool is_wide(const struct insn *i)
{
    return (i->rex & 8) != 0;
}

static void save_mxcsr(const struct x86_cpu *cpu, uint8_t *area)
{
    put(area + AREA_MXCSR, cpu->mxcsr, 4);
    put(area + AREA_MXCSR + 4, MXCSR_VALID, 4);
}

static uint32_t checked_mxcsr(struct x86_cpu *cpu, uint32_t v)
{
    if (v & ~MXCSR_VALID) {
        raise_gp0(cpu);
    }
    return v;
}

void x_fxsave(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t linear = area_linear(cpu, i, LEGACY_SIZE, 16, true);
    uint8_t area[LEGACY_SIZE];

    x87_save(cpu, area, is_wide(i));
    save_mxcsr(cpu, area);
    sse_save(cpu, area, false);
    mem_write_bytes(cpu, linear, area, AREA_XMM + 16 * xmm_count(cpu), cpu->bank);
}

void x_fxrstor(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t linear = area_linear(cpu, i, LEGACY_SIZE, 16, false);
    uint8_t area[LEGACY_SIZE];

    mem_read_bytes(cpu, linear, area, LEGACY_SIZE, cpu->bank);
    cpu->mxcsr = checked_mxcsr(cpu, (uint32_t)get(area + AREA_MXCSR, 4));
    x87_load(cpu, area, is_wide(i));
    sse_load(cpu, area, false);
}

void x_ldmxcsr(struct x86_cpu *cpu, const struct insn *i)
{
    cpu->mxcsr = checked_mxcsr(cpu, (uint32_t)load_operand(cpu, i, 0));
}

void x_stmxcsr(struct x86_cpu *cpu, const struct insn *i)
{
    store_operand(cpu, i, 0, cpu->mxcsr);
}

/* XSAVE and its kin ---------------------------------------------------------------------------- */

static void check_xsave(struct x86_cpu *cpu)
{
    x87_to_memory(cpu);
    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        raise_ud(cpu);
    }
    if (cpu->cr0 & CR0_TS) {
        raise_exception(cpu, EXC_NM);
    }
}

/* EDX:EAX, limited to what is enabled. */
static uint64_t requested(const struct x86_cpu *cpu, uint64_t enabled)
{
    return enabled & ((uint32_t)cpu->regs[R_RAX] | cpu->regs[R_RDX] << 32);
}

/* One range of the buffer to the guest; its pages were probed. */
static void write_range(struct x86_cpu *cpu, uint64_t linear, const uint8_t *area, unsigned from,
                        unsigned size)
{
    mem_write_bytes(cpu, linear + from, area + from, size, cpu->bank);
}

/* The components of `mask` into the guest's area. */
static void write_components(struct x86_cpu *cpu, uint64_t linear, uint64_t mask, uint64_t layout,
                             bool compacted, bool wide)
{
    uint8_t area[AREA_MAX] = { 0 };

    for (unsigned n = 0; n < N_COMPONENTS; n++) {
        const struct xsave_component *c = &components[n];
        unsigned at = component_at(c, layout, compacted);

        if (!(mask >> c->bit & 1) || at + c->size > AREA_MAX) {
            continue;
        }
        c->save(cpu, c->bit > 1 ? area + at : area, wide);
        if (c->bit == 0) {
            write_range(cpu, linear, area, 0, AREA_MXCSR);
            write_range(cpu, linear, area, AREA_ST, AREA_XMM - AREA_ST);
        } else if (c->bit == 1) {
            write_range(cpu, linear, area, AREA_XMM, 16 * xmm_count(cpu));
        } else {
            write_range(cpu, linear, area, at, c->size);
        }
    }
}

static void write_mxcsr(struct x86_cpu *cpu, uint64_t linear)
{
    uint8_t area[AREA_MXCSR + 8];

    save_mxcsr(cpu, area);
    write_range(cpu, linear, area, AREA_MXCSR, 8);
}

static void probe_area(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    mem_probe_write_slow(cpu, linear, 1, cpu->bank);
    mem_probe_write_slow(cpu, linear + size - 1, 1, cpu->bank);
}

/* XSAVE writes every component asked for; XSAVEOPT those that are not in their initial state. */
static void save_standard(struct x86_cpu *cpu, const struct insn *i, bool optimised)
{
    uint64_t rfbm, used, linear, bv;
    unsigned size;
    uint8_t header[8];

    check_xsave(cpu);
    rfbm = requested(cpu, cpu->xcr0);
    size = xsave_area_size(rfbm, false);
    linear = area_linear(cpu, i, size, 64, true);
    probe_area(cpu, linear, size);
    used = in_use(cpu);
    mem_read_bytes(cpu, linear + AREA_HEADER, header, 8, cpu->bank);
    bv = (get(header, 8) & ~rfbm) | (used & rfbm);
    write_components(cpu, linear, optimised ? rfbm & used : rfbm, 0, false, is_wide(i));
    if (rfbm & 6) {
        write_mxcsr(cpu, linear);
    }
    mem_write_bytes(cpu, linear + AREA_HEADER, &bv, 8, cpu->bank);
}

void x_xsave(struct x86_cpu *cpu, const struct insn *i)
{
    save_standard(cpu, i, false);
}

void x_xsaveopt(struct x86_cpu *cpu, const struct insn *i)
{
    save_standard(cpu, i, true);
}

static void save_compacted(struct x86_cpu *cpu, const struct insn *i, uint64_t enabled)
{
    uint64_t rfbm = requested(cpu, enabled), used = in_use(cpu), linear, header[2];
    unsigned size = xsave_area_size(rfbm, true);

    linear = area_linear(cpu, i, size, 64, true);
    probe_area(cpu, linear, size);
    /* Here MXCSR belongs to the SSE component (SDM vol. 1, 13.10). */
    if (cpu->mxcsr != MXCSR_DEFAULT) {
        used |= 2;
    }
    header[0] = used & rfbm;
    header[1] = rfbm | XCOMP_COMPACTED;
    write_components(cpu, linear, rfbm & used, rfbm, true, is_wide(i));
    if (rfbm & used & 2) {
        write_mxcsr(cpu, linear);
    }
    mem_write_bytes(cpu, linear + AREA_HEADER, header, 16, cpu->bank);
}

void x_xsavec(struct x86_cpu *cpu, const struct insn *i)
{
    check_xsave(cpu);
    save_compacted(cpu, i, cpu->xcr0);
}

void x_xsaves(struct x86_cpu *cpu, const struct insn *i)
{
    check_xsave(cpu);
    if (cpu->cpl) {
        raise_gp0(cpu);
    }
    save_compacted(cpu, i, cpu->xcr0 | cpu->xss);
}

/* The header's rules (SDM vol. 1, 13.8 and 13.12): false is #GP(0). */
static bool header_valid(const struct x86_cpu *cpu, const uint8_t *header, uint64_t enabled,
                         bool supervisor)
{
    uint64_t bv = get(header, 8), comp = get(header + 8, 8);
    bool compacted = (comp & XCOMP_COMPACTED) != 0;

    if (compacted ? !cpu_has(cpu, X86_XSAVEC) : supervisor) {
        return false;
    }
    if (!compacted) {
        return !(bv & ~enabled) && !comp && !get(header + 16, 8);
    }
    for (unsigned k = 16; k < 64; k++) {
        if (header[k]) {
            return false;
        }
    }
    return !(comp & ~XCOMP_COMPACTED & ~enabled) && !(bv & ~comp) && !(bv & XCOMP_COMPACTED);
}

static void restore(struct x86_cpu *cpu, const struct insn *i, uint64_t enabled, bool supervisor)
{
    uint64_t rfbm = requested(cpu, enabled), linear, bv, comp;
    uint32_t mxcsr = cpu->mxcsr;
    uint8_t area[AREA_MAX];
    bool compacted;
    unsigned size;

    linear = area_linear(cpu, i, AREA_EXTENDED, 64, false);
    mem_read_bytes(cpu, linear, area, AREA_EXTENDED, cpu->bank);
    if (!header_valid(cpu, area + AREA_HEADER, enabled, supervisor)) {
        raise_gp0(cpu);
    }
    bv = get(area + AREA_HEADER, 8);
    comp = get(area + AREA_HEADER + 8, 8);
    compacted = (comp & XCOMP_COMPACTED) != 0;
    size = MIN(xsave_area_size(compacted ? comp : rfbm & bv, compacted), AREA_MAX);
    if (size > AREA_EXTENDED) {
        linear = area_linear(cpu, i, size, 64, false);
        mem_read_bytes(cpu, linear + AREA_EXTENDED, area + AREA_EXTENDED, size - AREA_EXTENDED,
                       cpu->bank);
    }
    /* The standard form loads MXCSR whatever XSTATE_BV says. */
    if (compacted ? (rfbm & bv & 2) != 0 : (rfbm & 6) != 0) {
        mxcsr = checked_mxcsr(cpu, (uint32_t)get(area + AREA_MXCSR, 4));
    } else if (compacted && (rfbm & 2)) {
        mxcsr = MXCSR_DEFAULT;
    }
    /* Nothing faults from here on. */
    cpu->mxcsr = mxcsr;
    for (unsigned n = 0; n < N_COMPONENTS; n++) {
        const struct xsave_component *c = &components[n];
        unsigned at = component_at(c, comp, compacted);

        if (!(rfbm >> c->bit & 1)) {
            continue;
        }
        if (!(bv >> c->bit & 1)) {
            c->init(cpu);
        } else if (at + c->size <= size) {
            c->load(cpu, c->bit > 1 ? area + at : area, is_wide(i));
        }
    }
}

void x_xrstor(struct x86_cpu *cpu, const struct insn *i)
{
    check_xsave(cpu);
    restore(cpu, i, cpu->xcr0, false);
}

void x_xrstors(struct x86_cpu *cpu, const struct insn *i)
{
    check_xsave(cpu);
    if (cpu->cpl) {
        raise_gp0(cpu);
    }
    restore(cpu, i, cpu->xcr0 | cpu->xss, true);
}

/* XCR0 ----------------------------------------------------------------------------------------- */

void x_xgetbv(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t n = (uint32_t)cpu->regs[R_RCX];
    uint64_t v = cpu->xcr0;

    (void)i;
    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        raise_ud(cpu);
    }
    if (n == 1 && cpu_has(cpu, X86_XGETBV1)) {
        x87_to_memory(cpu);
        v &= in_use(cpu);
    } else if (n != 0) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RAX] = (uint32_t)v;
    cpu->regs[R_RDX] = v >> 32;
}

void x_xsetbv(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = (uint32_t)cpu->regs[R_RAX] | cpu->regs[R_RDX] << 32;

    (void)i;
    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        raise_ud(cpu);
    }
    if (cpu->cpl || (uint32_t)cpu->regs[R_RCX] != 0 || !xsave_xcr0_valid(cpu, v)) {
        raise_gp0(cpu);
    }
    cpu->xcr0 = v;
}
