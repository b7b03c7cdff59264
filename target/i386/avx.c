/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/avx.c: which row a VEX or EVEX instruction is, what refuses it, and running it on the
 * host by a stub of host_vec.c.
 *
 * Invariants: memory is read before the stub runs and written after it; masked-out elements are not
 *             accessed unless the row says so (AVX_FULL); nothing is written by an instruction that
 *             faults, MXCSR's flags with an unmasked exception excepted.
 * Thread:     the vCPU's own, no lock; the functions for the decoder are pure.
 * Source:     SDM vol. 2, 2.3 to 2.8.
 */
#include "target/i386/host_vec.h"
#include "target/i386/sse_status.h"

#define XCR0_AVX    0x06u
#define XCR0_AVX512 0xe6u

/* For the decoder ------------------------------------------------------------------------------ */

const struct avx_row *avx_rows_of(bool evex, unsigned map, unsigned opcode, unsigned prefix,
                                  unsigned *n)
{
    const struct avx_row *rows = evex ? evex_rows : vex_rows;
    unsigned low = 0, end = evex ? n_evex_rows : n_vex_rows, high = end;
    unsigned key = map << 10 | opcode << 2 | prefix, count = 0;

#define KEY(r) ((unsigned)(r)->map << 10 | (unsigned)(r)->opcode << 2 | (r)->prefix)
    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (KEY(&rows[middle]) < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low + count < end && KEY(&rows[low + count]) == key) {
        count++;
    }
#undef KEY
    *n = count;
    return count ? &rows[low] : NULL;
}

static bool has_gpr(const struct avx_row *r)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned code = r->insn.operands[n];

        if (code == Gy || code == Gd || code == Ey || code == Ed) {
            return true;
        }
    }
    return false;
}

/*
 * W as it counts.  General registers have 32 bits outside 64-bit code, whatever W says, in opcodes
 * that have a form with 64; in others W = 1 is refused there, too.
 */
static unsigned effective_w(const struct avx_row *rows, unsigned n, const struct avx_row *r,
                            const struct insn *i, bool code64)
{
    if (!code64 && has_gpr(r)) {
        for (const struct avx_row *other = rows; other < rows + n; other++) {
            if (other->w == W1) {
                return W0;
            }
        }
    }
    return i->imm2 & VEX_W ? W1 : W0;
}

const struct avx_row *avx_row_select(const struct avx_row *rows, unsigned n, const struct insn *i,
                                     bool code64)
{
    bool reg = i->modrm >= 0xc0;

    for (const struct avx_row *r = rows; r < rows + n; r++) {
        uint32_t flags = r->insn.flags;
        unsigned w = effective_w(rows, n, r, i, code64);
        /* With EVEX.b on registers L is the rounding mode, and the length 512 bits. */
        unsigned l = reg && (i->imm2 & EVEX_B) && (r->flags & (AVX_ER | AVX_SAE)) ? 2 : i->vex_l;

        if ((r->group && r->group - 1 != (i->modrm >> 3 & 7)) || (r->w != W_IGNORED && r->w != w) ||
            (flags & (reg ? ROW_MEM_ONLY : ROW_REG_ONLY)) ||
            (r->lengths != L_IGNORED && !(r->lengths >> l & 1))) {
            continue;
        }
        return r;
    }
    return NULL;
}

unsigned avx_length(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);

    if (r->lengths == L_IGNORED) {
        return 16;
    }
    return (i->imm2 & EVEX_B) && i->modrm >= 0xc0 ? 64 : 16u << i->vex_l;
}

unsigned avx_memory_size(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);
    unsigned length = avx_length(i);

    if (i->imm2 & EVEX_B) {
        return r->element;
    }
    switch (r->memory) {
    case MEM_VL:
        return length;
    case MEM_HALF:
        return length / 2;
    case MEM_QUARTER:
        return length / 4;
    case MEM_EIGHTH:
        return length / 8;
    case MEM_DUP:
        return length == 16 ? 8 : length;
    case MEM_Y:
        return i->rex & 8 ? 8 : 4;
    default:
        return r->memory;
    }
}

unsigned avx_disp8_scale(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);

    if (!(i->imm2 & EVEX_IS)) {
        return 1;
    }
    return r->flags & (AVX_PACKED | AVX_VSIB) ? r->lane : avx_memory_size(i);
}

unsigned avx_lanes(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);

    return r->lane && r->lengths != L_IGNORED ? avx_length(i) / r->lane : 1;
}

/* What EVEX adds: masks, broadcast, rounding, and the features of short vectors. */
static bool evex_refused(const struct x86_cpu *cpu, const struct insn *i)
{
    const struct avx_row *r = avx_row(i);
    bool memory = i->modrm < 0xc0;

    if (!cpu_has(cpu, X86_AVX512F)) {
        return true;
    }
    if (r->lengths != L_IGNORED && (r->lengths & L512) && avx_length(i) < 64 &&
        !cpu_has(cpu, X86_AVX512VL)) {
        return true;
    }
    /* 256 bits are the longest of a few 128-bit inserts and the like. */
    if (r->lengths == L256 && !cpu_has(cpu, X86_AVX512VL)) {
        return true;
    }
    if (i->imm2 & EVEX_AAA ? !(r->flags & AVX_MASK) : (r->flags & AVX_NEED) != 0) {
        return true;
    }
    /* L = 3 is a rounding mode only. */
    if (i->vex_l == 3 && (memory || !(i->imm2 & EVEX_B))) {
        return true;
    }
    if ((i->imm2 & EVEX_Z) &&
        (!(r->flags & AVX_ZERO) || !(i->imm2 & EVEX_AAA) || i->op[0].kind == OPND_MEM)) {
        return true;
    }
    if (i->imm2 & EVEX_B) {
        return memory ? !r->element : !(r->flags & (AVX_ER | AVX_SAE));
    }
    return false;
}

static bool same_vector(const struct insn *i, unsigned a, unsigned b)
{
    return (i->op[b].kind == OPND_VEC || i->op[b].kind == OPND_MEM) && i->op[a].reg == i->op[b].reg;
}

bool avx_refused(const struct x86_cpu *cpu, const struct insn *i, bool code64)
{
    const struct avx_row *r = avx_row(i);
    bool evex = i->imm2 & EVEX_IS;

    (void)code64;
    if (!cpu_has(cpu, r->insn.feature) || !cpu_has(cpu, X86_AVX)) {
        return true;
    }
    if (!evex && r->long_feature && i->vex_l && !cpu_has(cpu, r->long_feature)) {
        return true;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (i->op[n].kind == OPND_K && i->op[n].reg > 7) {
            return true;
        }
    }
    if ((r->flags & AVX_DISTINCT) &&
        (same_vector(i, 0, 1) || (i->op[2].kind == OPND_VEC && same_vector(i, 0, 2)))) {
        return true;
    }
    if (r->flags & AVX_VSIB) {
        if ((i->modrm & 7) != 4 || i->addrsize == 2) {
            return true; /* no SIB */
        }
        /* The index is in the memory operand's reg: AVX2 has three registers, all different. */
        if (evex ? i->op[0].kind == OPND_VEC && same_vector(i, 0, 1)
                 : same_vector(i, 0, 1) || same_vector(i, 0, 2) || same_vector(i, 1, 2)) {
            return true;
        }
    }
    return evex && evex_refused(cpu, i);
}

/* Execution ------------------------------------------------------------------------------------ */

void avx_check(struct x86_cpu *cpu, const struct insn *i)
{
    bool wide = (i->imm2 & EVEX_IS) || (avx_row(i)->flags & AVX_OPMASK);
    uint64_t need = wide ? XCR0_AVX512 : XCR0_AVX;

    if (!(cpu->cr4 & CR4_OSXSAVE) || (cpu->xcr0 & need) != need || !cpu->protected_mode ||
        cpu->vm86) {
        raise_ud(cpu);
    }
    if (cpu->cr0 & CR0_TS) {
        raise_exception(cpu, EXC_NM);
    }
}

/* The mask as it selects elements: all ones without one. */
static uint64_t active_lanes(const struct x86_cpu *cpu, const struct insn *i)
{
    unsigned lanes = avx_lanes(i), k = i->imm2 & EVEX_AAA;
    uint64_t mask = k ? cpu->kmask[k] : UINT64_MAX;

    return lanes >= 64 ? mask : mask & ((1ull << lanes) - 1);
}

/* Elements of the memory operand that are accessed, as bits, and the bytes of one. */
static uint64_t active_elements(const struct insn *i, uint64_t lanes, unsigned size, unsigned *each)
{
    const struct avx_row *r = avx_row(i);
    unsigned n_lanes = avx_lanes(i), count = (unsigned)__builtin_popcountll(lanes);

    if (r->flags & AVX_PACKED) {
        *each = r->lane;
        return count >= 64 ? UINT64_MAX : (1ull << count) - 1;
    }
    if ((r->flags & AVX_REPEAT) || (i->imm2 & EVEX_B)) {
        unsigned n;
        uint64_t folded = 0;

        *each = i->imm2 & EVEX_B || !r->lane ? size : MIN(size, r->lane);
        n = size / *each;
        for (unsigned k = 0; k < n_lanes; k++) {
            folded |= (lanes >> k & 1) << (k % n);
        }
        return folded;
    }
    if (r->flags & AVX_PART) {
        *each = r->lane;
        return lanes & ((1ull << (size / r->lane)) - 1);
    }
    *each = size / n_lanes;
    return lanes;
}

/* The linear address of a part of the memory operand. */
static uint64_t part_linear(struct x86_cpu *cpu, const struct insn *i, unsigned offset,
                            unsigned size, bool write)
{
    uint64_t ea = insn_ea(cpu, i) + offset;

    if (i->addrsize != 8) {
        ea &= size_mask(i->addrsize);
    }
    return segment_linear(cpu, i->seg, ea, size, write);
}

/* Calls back for each run of active elements: offset and bytes. */
#define FOR_RUNS(bits, each, offset, bytes)                                                        \
    for (uint64_t left = bits, first, count;                                                       \
         left && (first = (uint64_t)__builtin_ctzll(left),                                         \
                 count = ~(left >> first) ? (uint64_t)__builtin_ctzll(~(left >> first)) : 64,      \
                 offset = (unsigned)first * (each), bytes = (unsigned)count * (each), true);       \
         left = first + count >= 64 ? 0 : left & ~0ull << (first + count))

static void load_active(struct x86_cpu *cpu, const struct insn *i, uint64_t bits, unsigned each,
                        uint8_t *to)
{
    unsigned offset, bytes;

    memset(to, 0, 64);
    FOR_RUNS(bits, each, offset, bytes)
    {
        uint64_t linear = part_linear(cpu, i, offset, bytes, false);

        mem_read_bytes(cpu, linear, to + offset, bytes, cpu->bank);
    }
}

static void probe(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    mem_probe_write_slow(cpu, linear, 1, cpu->bank);
    if ((linear & 4095) + size > 4096) {
        mem_probe_write_slow(cpu, (linear | 4095) + 1, 1, cpu->bank);
    }
}

static void store_active(struct x86_cpu *cpu, const struct insn *i, uint64_t bits, unsigned each,
                         const uint8_t *from)
{
    unsigned offset, bytes;

    FOR_RUNS(bits, each, offset, bytes)
    {
        probe(cpu, part_linear(cpu, i, offset, bytes, true), bytes);
    }
    FOR_RUNS(bits, each, offset, bytes)
    {
        uint64_t linear = part_linear(cpu, i, offset, bytes, true);

        mem_write_bytes(cpu, linear, from + offset, bytes, cpu->bank);
    }
}

/*
 * With a mask that selects nothing there is no access whose alignment matters.  In 64-bit code a
 * misaligned address is #GP(0) even where it is not canonical, through the stack too.
 */
static void check_alignment(struct x86_cpu *cpu, const struct insn *i, unsigned size, bool write)
{
    uint64_t linear;

    if (G_LIKELY(!(avx_row(i)->flags & AVX_ALIGNED)) || !active_lanes(cpu, i)) {
        return;
    }
    if (cpu->code64) {
        linear = insn_ea(cpu, i) + (i->seg >= SEG_FS ? cpu->seg[i->seg].base : 0);
    } else {
        linear = part_linear(cpu, i, 0, 1, write);
    }
    if (linear & (size - 1)) {
        raise_gp0(cpu);
    }
}

void *avx_load(struct x86_cpu *cpu, const struct insn *i, uint8_t *buffer)
{
    const struct avx_row *r = avx_row(i);
    unsigned size = avx_memory_size(i);

    check_alignment(cpu, i, size, false);
    if (G_LIKELY(!(i->imm2 & EVEX_AAA) || (r->flags & AVX_FULL))) {
        uint64_t linear = operand_linear(cpu, i, size, false);
        const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];
        uint64_t off = linear - e->read_tag;

        if (G_LIKELY(off <= 4096 - size)) {
            return (void *)(uintptr_t)(e->addend + linear);
        }
        mem_read_bytes(cpu, linear, buffer, size, cpu->bank);
    } else {
        unsigned each;
        uint64_t bits = active_elements(i, active_lanes(cpu, i), size, &each);

        if (cpu->code64) { /* all of it in a page that can be read: the host's mask chooses */
            uint64_t linear = insn_ea(cpu, i) + (i->seg >= SEG_FS ? cpu->seg[i->seg].base : 0);
            const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];

            if (G_LIKELY(linear - e->read_tag <= 4096 - size)) {
                return (void *)(uintptr_t)(e->addend + linear);
            }
        }
        load_active(cpu, i, bits, each, buffer);
    }
    return buffer;
}

void avx_store(struct x86_cpu *cpu, const struct insn *i, const uint8_t *from)
{
    unsigned size = avx_memory_size(i);

    check_alignment(cpu, i, size, true);
    if (G_LIKELY(!(i->imm2 & EVEX_AAA))) {
        uint64_t linear = operand_linear(cpu, i, size, true);
        const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];
        uint64_t off = linear - e->write_tag;

        if (G_LIKELY(off <= 4096 - size)) {
            guest_ram_copy((void *)(uintptr_t)(e->addend + linear), from, size);
        } else {
            mem_write_bytes(cpu, linear, from, size, cpu->bank);
        }
    } else {
        unsigned each;
        uint64_t bits = active_elements(i, active_lanes(cpu, i), size, &each);

        if (avx_row(i)->flags & AVX_FULL) {
            probe(cpu, operand_linear(cpu, i, size, true), size);
        }
        store_active(cpu, i, bits, each, from);
    }
}

/* The frame's view of operand n.  Memory that is read is loaded here. */
static void set_operand(struct x86_cpu *cpu, const struct insn *i, unsigned n,
                        struct host_vec_frame *f, uint8_t *buffer)
{
    const struct insn_operand *o = &i->op[n];

    switch (i->row->operands[n]) {
    case VV:
    case VVh:
    case VVx:
        f->reg = &cpu->vec[o->reg];
        break;
    case HV:
    case HVh:
    case HVx:
        f->vvvv = &cpu->vec[o->reg];
        break;
    case LV:
        f->is4 = &cpu->vec[o->reg];
        break;
    case KG:
        f->k_reg = cpu->kmask[o->reg & 7];
        break;
    case KH:
        f->k_vvvv = cpu->kmask[o->reg & 7];
        break;
    case WV:
    case WVh:
    case WVx:
    case KR:
    case Ey:
    case Ed:
        if (o->kind == OPND_MEM) {
            f->rm = n || (avx_row(i)->flags & AVX_CONST) ? avx_load(cpu, i, buffer) : buffer;
        } else if (o->kind == OPND_VEC) {
            f->rm = &cpu->vec[o->reg];
        } else if (o->kind == OPND_K) {
            f->k_rm = cpu->kmask[o->reg & 7];
        } else {
            f->gpr_rm = reg_read(cpu, o->reg, o->size);
        }
        break;
    default:
        break;
    }
}

/* Results that the stub left in the frame. */
static void commit(struct x86_cpu *cpu, const struct insn *i, const struct host_vec_frame *f)
{
    const struct insn_operand *o = &i->op[0];

    switch (o->kind) {
    case OPND_K:
        cpu->kmask[o->reg & 7] = i->row->operands[0] == KR ? f->k_rm : f->k_reg;
        break;
    case OPND_REG:
        reg_write(cpu, o->reg,
                  i->row->operands[0] == Gy || i->row->operands[0] == Gd ? f->gpr_reg : f->gpr_rm,
                  o->size);
        break;
    default:
        break;
    }
}

/* MXCSR as the instruction left it; with an unmasked exception nothing else has changed. */
static void float_done(struct x86_cpu *cpu, const struct host_vec_frame *f)
{
    cpu->mxcsr = f->mxcsr;
    if (G_UNLIKELY(f->raised)) {
        raise_exception(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
    }
}

void x_avx(struct x86_cpu *cpu, const struct insn *i)
{
    const struct avx_row *r = avx_row(i);
    struct host_vec_frame f;
    union vec buffer __attribute__((aligned(64)));
    host_vec_fn *fn;

    avx_check(cpu, i);
    if (i->imm2 & EVEX_AAA) {
        f.mask = cpu->kmask[i->imm2 & EVEX_AAA];
    }
    for (unsigned n = 0; n < 4 && i->row->operands[n]; n++) {
        set_operand(cpu, i, n, &f, buffer.b);
    }
    fn = host_vec_stub(cpu, i);
    if (G_UNLIKELY(!fn)) {
        raise_ud(cpu);
    }
    f.raised = f.illegal = false;
    f.mxcsr = cpu->mxcsr;
    f.host_mxcsr = MXCSR_DEFAULT;
    host_vec_run(cpu->host_vec, fn, &f);
    if (G_UNLIKELY(f.illegal)) {
        raise_ud(cpu);
    }
    if (r->flags & AVX_FP) {
        float_done(cpu, &f);
    }
    if (i->op[0].kind == OPND_MEM && !(r->flags & AVX_CONST)) {
        avx_store(cpu, i, f.rm);
    }
    if (!(r->flags & AVX_CONST)) {
        commit(cpu, i, &f);
    }
    if (r->insn.writes) {
        flags_set(cpu, (uint32_t)f.flags);
    }
}
