/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/translate_run.c: see translate_run.h.  Thread: the vCPU's own. */
#include "tests/insn/translate_run.h"
#include "accel/tcg/tcg.h"
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/vec_rows.h"
#include "tests/insn/translate_x87.h"

#define STEPS     600
#define SYSTEM    0xffffff0000000000ull /* linear address of the first MiB, supervisor only */
#define TABLES    0x12000u
#define DATA_PHYS 0x40000u
#define HANDLERS  0x7000u /* one HLT a vector, 16 bytes apart */
#define MMIO_PHYS 0x200000u

/* Devices and tables ---------------------------------------------------------------------------- */

static void mmio_note(struct bench *b, uint64_t v)
{
    b->mmio_hash = (b->mmio_hash ^ v) * 0x100000001b3ull;
    b->mmio_hash ^= b->mmio_hash >> 29;
    b->mmio_count++;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    struct bench *b = opaque;

    mmio_note(b, offset << 8 | size);
    if (b->mmio_hash & 1) {
        atomic_store(&b->cpu->vcpu.exit_request, true); /* polls have something to see */
    }
    return b->mmio_hash * 0x9e3779b97f4a7c15ull;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct bench *b = opaque;

    mmio_note(b, (offset << 8 | size) ^ 1ull << 63);
    mmio_note(b, value);
}

static const struct mem_ops mmio_ops = { .read = mmio_read, .write = mmio_write };

static void write_tables(struct bench *b)
{
    struct system_rig *r = b->rig;
    const uint32_t next[] = { TABLES + 0x1000, TABLES + 0x4000, TABLES + 0x7000 };

    /* Lower half and GEN_HIGH; the system's own; GEN_TOP. */
    rig_store(r, TABLES, next[0] | 0x27, 8);
    rig_store(r, TABLES + 256 * 8, next[0] | 0x27, 8);
    rig_store(r, next[0], (next[0] + 0x1000) | 0x27, 8);
    rig_store(r, next[0] + 0x1000 + 2 * 8, (next[0] + 0x2000) | 0x27, 8);
    rig_store(r, TABLES + 510 * 8, next[1] | 0x27, 8);
    rig_store(r, next[1], (next[1] + 0x1000) | 0x27, 8);
    rig_store(r, next[1] + 0x1000, (next[1] + 0x2000) | 0x27, 8);
    for (unsigned p = 0; p < 16; p++) {
        rig_store(r, next[1] + 0x2000 + p * 8, p * 0x1000 | 0x63, 8);
    }
    rig_store(r, TABLES + 255 * 8, next[2] | 0x27, 8);
    rig_store(r, next[2] + 511 * 8, (next[2] + 0x1000) | 0x27, 8);
    rig_store(r, next[2] + 0x1000 + 511 * 8, (next[2] + 0x2000) | 0x27, 8);
    rig_store(r, next[2] + 0x2000 + 511 * 8, (DATA_PHYS + PAGE_TOP * 0x1000) | 0x67 | 1ull << 63,
              8);
}

#define LEAF_TABLE (TABLES + 0x3000)
#define LOW_TABLE  (TABLES + 0xa000)

/*
 * What 16-bit addresses and those that wrap at 4 GiB reach, in 32-bit cases: the data pages once more
 * from 0, and GEN_TOP's as the last.
 */
static void map_narrow(struct bench *b, bool on)
{
    uint32_t pdpt = TABLES + 0x1000, top = TABLES + 0x8000;

    for (unsigned p = 0; p < 16; p++) {
        bool plain = p != PAGE_NONE && p != PAGE_MMIO && p < PAGE_TOP;

        rig_store(b->rig, LOW_TABLE + p * 8, plain ? (DATA_PHYS + p * 0x1000) | 0x67 : 0, 8);
    }
    rig_store(b->rig, pdpt + 0x1000, on ? LOW_TABLE | 0x27 : 0, 8);
    rig_store(b->rig, pdpt + 3 * 8, on ? top | 0x27 : 0, 8);
}

static void start_page_table(struct bench *b)
{
    uint64_t *t = b->start.page_table;

    memset(t, 0, sizeof(b->start.page_table));
    t[0] = CODE_PHYS | 0x67;
    t[1] = (CODE_PHYS + 0x1000) | 0x67;
    for (unsigned p = 0; p < PAGE_TOP; p++) {
        uint64_t e = (DATA_PHYS + p * 0x1000) | 0x67 | 1ull << 63;

        switch (p) {
        case PAGE_NONE:
            e = 0;
            break;
        case PAGE_CLEAN:
            e &= ~0x60ull;
            break;
        case PAGE_READ_ONLY:
            e &= ~0x42ull;
            break;
        case PAGE_MMIO:
            e = MMIO_PHYS | 0x67 | 1ull << 63;
            break;
        case PAGE_SUPERVISOR:
            e &= ~4ull;
            break;
        case PAGE_CODE:
            e = CODE_PHYS | 0x67 | 1ull << 63;
            break;
        default:
            break;
        }
        t[256 + p] = e;
    }
}

/* The code of some cases reaches into the page behind it. */
#define MOVED_LIMIT ((GEN_CODE - GEN_MOVED_BASE) >> 12)

/* Limits of the moved and the expand-down segment lie within the data pages, too. */
static const struct {
    uint16_t selector, attr;
    uint32_t base, limit;
} narrow_segments[] = {
    { GEN_CODE32_0, A_CODE | A_32, 0, 0xfffff },
    { GEN_CODE32_3, A_CODE | A_DPL3 | A_32, 0, 0xfffff },
    { GEN_DATA_SHORT, A_DATA | A_DPL3 | A_32, 0, GEN_DATA >> 12 },
    { GEN_DATA_MOVED, A_DATA | A_DPL3 | A_32, 0x1008, 0xfffff },
    { GEN_DATA_READ, (A_DATA & ~2) | A_DPL3 | A_32, 0, 0xfffff },
    { GEN_DATA_DOWN, A_DATA | 4 | A_DPL3 | A_32, 0, GEN_DATA >> 12 },
    { GEN_CODE_MOVED_0, A_CODE | A_32, GEN_MOVED_BASE, MOVED_LIMIT },
    { GEN_CODE_MOVED_3, A_CODE | A_DPL3 | A_32, GEN_MOVED_BASE, MOVED_LIMIT },
    { GEN_CODE16_0, A_CODE, GEN_CODE, GEN_CODE_SIZE - 1 },
    { GEN_CODE16_3, A_CODE | A_DPL3, GEN_CODE, GEN_CODE_SIZE - 1 },
    { GEN_DATA16, A_DATA | A_DPL3, GEN_DATA, 0xffff },
    { GEN_DATA16_SHORT, A_DATA | A_DPL3, GEN_DATA, 0x1fff },
    { GEN_DATA16_BIG, A_DATA | A_DPL3 | A_32, GEN_DATA, 0xfffff },
    { GEN_STACK16_0, A_DATA, GEN_DATA, 0xffff },
    { GEN_STACK16_3, A_DATA | A_DPL3, GEN_DATA, 0xffff },
    { GEN_STACK_MOVED_0, A_DATA | A_32, 0x1008, 0xfffff },
    { GEN_STACK_MOVED_3, A_DATA | A_DPL3 | A_32, 0x1008, 0xfffff },
    { GEN_STACK_BIG_0, A_DATA | A_32, GEN_DATA, 0xfffff },
    { GEN_STACK_BIG_3, A_DATA | A_DPL3 | A_32, GEN_DATA, 0xfffff },
};

/* The segment of a selector that code at the case's level may have. */
static void set_segment(struct bench *b, unsigned seg, uint16_t selector)
{
    struct segment *s = &b->cpu->seg[seg];

    for (unsigned n = 0; n < G_N_ELEMENTS(narrow_segments); n++) {
        if (narrow_segments[n].selector == selector) {
            uint32_t limit = narrow_segments[n].limit;

            limit = narrow_segments[n].attr & ATTR_G ? limit << 12 | 0xfff : limit;
            segment_set(s, selector, narrow_segments[n].base, limit, narrow_segments[n].attr);
            return;
        }
    }
    *s = b->user[(selector & 3) == 3][seg];
    s->selector = selector; /* SYSRET's differ */
}

void enter_mode(struct bench *b, enum gen_mode mode, unsigned cpl)
{
    static const uint8_t code[][2] = { [GEN_FLAT_32] = { GEN_CODE32_0, GEN_CODE32_3 },
                                       [GEN_MOVED_32] = { GEN_CODE_MOVED_0, GEN_CODE_MOVED_3 },
                                       [GEN_16] = { GEN_CODE16_0, GEN_CODE16_3 } };

    memcpy(b->cpu->seg, b->user[cpl == 3], sizeof(b->cpu->seg));
    if (mode != GEN_64) {
        set_segment(b, SEG_CS, code[mode][cpl == 3]);
    }
    cpu_update_mode(b->cpu);
}

static void set_up_cpu(struct bench *b)
{
    struct system_rig *r = b->rig;
    struct x86_cpu *cpu = b->cpu;

    for (unsigned k = 0; k < 2; k++) {
        rig_long(r, k ? 3 : 0);
        memcpy(b->user[k], cpu->seg, sizeof(cpu->seg));
    }
    write_tables(b);
    cpu->cr3 = TABLES;
    cpu->cr0 |= CR0_WP | CR0_NE | CR0_MP;
    cpu->cr4 |= CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
    cpu->xcr0 = cpu_has(cpu, X86_AVX512F) ? 0xe7 : cpu_has(cpu, X86_AVX) ? 7 : 3;
    b->cr0 = cpu->cr0;
    b->cr4 = cpu->cr4;
    b->xcr0 = cpu->xcr0;
    for (unsigned n = 0; n < G_N_ELEMENTS(narrow_segments); n++) {
        rig_descriptor(r, narrow_segments[n].selector, narrow_segments[n].base,
                       narrow_segments[n].limit, narrow_segments[n].attr);
    }
    for (unsigned v = 0; v < 32; v++) {
        rig_gate(r, v, SEL_CODE0, SYSTEM + HANDLERS + v * 16, 0x8e, 1);
        rig_store(r, HANDLERS + v * 16, 0xf4, 1);
    }
    rig_store(r, RIG_TSS + 4, SYSTEM + RIG_STACK0, 8);
    rig_store(r, RIG_TSS + 36, SYSTEM + RIG_STACK0, 8);
    cpu->gdt.base += SYSTEM;
    cpu->gdt.limit = 0xff;
    cpu->idt.base += SYSTEM;
    cpu->tr.base += SYSTEM;
}

/* State ----------------------------------------------------------------------------------------- */

/* Registers beyond the guest's XCR0 are 0; those within often are, from some bit on. */
static void random_vectors(struct bench *b, uint64_t *rng)
{
    struct outcome *s = &b->start;
    unsigned end;

    s->xcr0 = gen_below(rng, 12) ? b->xcr0 : b->xcr0 & (gen_below(rng, 2) ? 3 : 7);
    end = s->xcr0 & 0xe0 ? 8 : s->xcr0 & 4 ? 4 : 2;
    if (gen_below(rng, 2)) {
        end = MIN(end, 2u << gen_below(rng, 3));
    }
    memset(s->vec, 0, sizeof(s->vec));
    memset(s->kmask, 0, sizeof(s->kmask));
    for (unsigned n = 0; n < (s->xcr0 & 0xe0 ? 32 : 16); n++) {
        for (unsigned q = 0; q < (n < 16 ? end : 8); q++) {
            s->vec[n].q[q] =
                gen_below(rng, 3) ? gen_random(rng) : (uint64_t)gen_below(rng, 9) << 60;
        }
    }
    for (unsigned n = 0; n < 8 && (s->xcr0 & 0xe0); n++) {
        s->kmask[n] = gen_number(rng);
    }
}

/* 32 bits of everything, what 64-bit code may have left above, FS and GS that may be cut, and sometimes an ES that is not flat. */
static void narrow_state(struct outcome *s, uint64_t *rng)
{
    static const uint8_t selectors[] = {
        0, 0, 0, GEN_DATA_SHORT, GEN_DATA_MOVED, GEN_DATA_READ, GEN_DATA_DOWN
    };
    static const uint8_t segs[] = { SEG_FS, SEG_GS, SEG_ES };
    bool junk = !gen_below(rng, 3);

    if (!gen_below(rng, 24)) {
        s->regs[R_RSP] = gen_below(rng, 48) - 24;
    }
    for (unsigned n = 0; n < 8; n++) {
        s->regs[n] = (uint32_t)s->regs[n] | (junk ? gen_random(rng) << 32 : 0);
    }
    s->rip = (uint32_t)s->rip;
    s->fs = (uint32_t)s->fs;
    s->gs = (uint32_t)s->gs;
    for (unsigned n = 0; n < 3; n++) {
        s->selector[segs[n]] = selectors[gen_below(rng, sizeof(selectors))];
    }
}

/* Data and stack of cases whose code is not flat; in 16-bit ones GEN_DATA is offset 0. */
static void segmented_state(struct outcome *s, uint64_t *rng, enum gen_mode mode, unsigned cpl)
{
    static const uint16_t data[] = { GEN_DATA16, GEN_DATA16, GEN_DATA16_SHORT, GEN_DATA16_BIG };
    static const uint8_t small[][2] = { { GEN_STACK16_0, GEN_STACK16_3 },
                                        { GEN_STACK16_0, GEN_STACK16_3 },
                                        { GEN_STACK16_0, GEN_STACK16_3 },
                                        { GEN_STACK_BIG_0, GEN_STACK_BIG_3 } };
    bool junk = gen_below(rng, 2);

    if (mode == GEN_MOVED_32) {
        bool moved = gen_below(rng, 2);

        s->selector[SEG_DS] = gen_below(rng, 2) ? GEN_DATA_MOVED : 0;
        s->selector[SEG_SS] = !moved ? 0 : cpl ? GEN_STACK_MOVED_3 : GEN_STACK_MOVED_0;
        if (!gen_below(rng, 8)) {
            s->selector[SEG_SS] = cpl ? GEN_STACK16_3 : GEN_STACK16_0;
            s->regs[R_RSP] -= GEN_DATA;
        }
        return;
    }
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        s->selector[n] = data[gen_below(rng, G_N_ELEMENTS(data))];
    }
    s->selector[SEG_SS] = small[gen_below(rng, G_N_ELEMENTS(small))][cpl == 3];
    for (unsigned n = 0; n < 8; n++) {
        uint32_t v = (uint32_t)(s->regs[n] - GEN_DATA);

        v = s->regs[n] < GEN_DATA ? (uint32_t)s->regs[n] : v;
        s->regs[n] = junk && (n != R_RSP || s->selector[SEG_SS] < GEN_STACK_MOVED_0)
                         ? (uint16_t)v | (uint32_t)gen_random(rng) << 16
                         : (uint16_t)v;
    }
}

void random_state(struct bench *b)
{
    struct outcome *s = &b->start;
    uint64_t rng = b->c.seed * 3 + 1;

    for (unsigned n = 0; n < 16; n++) {
        s->regs[n] = gen_below(&rng, 3) ? gen_number(&rng) : gen_pointer(&rng);
    }
    random_vectors(b, &rng);
    for (unsigned n = 0; n < 3; n++) {
        s->regs[b->c.pointers[n]] = gen_pointer(&rng);
    }
    for (unsigned n = 0; n < 2; n++) {
        s->regs[b->c.indices[n]] = gen_below(&rng, 64) - 16ull;
    }
    s->regs[R_RSP] =
        gen_below(&rng, 3) ? GEN_DATA + 2048 + 8ull * gen_below(&rng, 64) : gen_pointer(&rng);
    if (gen_below(&rng, 2)) {
        s->regs[R_RCX] &= 31; /* counts */
    }
    s->rip = GEN_CODE + b->c.entry + (gen_below(&rng, 8) ? 0 : GEN_HIGH);
    s->fs = gen_below(&rng, 3) ? 64 - gen_below(&rng, 128) : gen_pointer(&rng);
    s->gs = gen_below(&rng, 3) ? gen_below(&rng, 4096) : gen_pointer(&rng);
    s->kernel_gs = gen_pointer(&rng);
    memset(s->selector, 0, sizeof(s->selector));
    if (b->c.narrow) {
        narrow_state(s, &rng);
        s->rip -= b->c.base;
    }
    if (b->c.mode >= GEN_MOVED_32) {
        segmented_state(s, &rng, b->c.mode, b->c.cpl);
    }
    s->eflags = 2 | (gen_below(&rng, 5) ? 0 : FLAG_DF);
    s->cr0 = b->cr0 | (gen_below(&rng, 24) ? 0 : CR0_TS);
    s->cr4 = b->cr4;
    if (b->c.cpl == 0 && !gen_below(&rng, 8)) {
        s->cr4 |= CR4_SMAP;
        s->eflags |= FLAG_AC;
    }
    s->arith = (uint32_t)gen_random(&rng) & FLAGS_ARITH;
    s->mxcsr = 0x1f80;
    if (!gen_below(&rng, 3)) {
        s->mxcsr = (uint32_t)gen_random(&rng) & 0xffff;
        s->mxcsr |= gen_below(&rng, 3) ? 0x1f80 : 0;
    }
    random_x87(&s->x87, &rng);
    if (!gen_below(&rng, 48)) {
        s->cr0 |= CR0_EM;
    }
    for (unsigned n = 0; n < sizeof(s->data); n += 8) {
        uint64_t v = b->c.x87 ? gen_float_bytes(&rng) : gen_random(&rng);

        memcpy(s->data + n, &v, 8);
    }
    memcpy(s->code, b->c.code, sizeof(s->code));
    start_page_table(b);
}

static void restore_segments(struct bench *b)
{
    const struct outcome *s = &b->start;
    struct x86_cpu *cpu = b->cpu;

    for (unsigned n = 0; n < SEG_COUNT; n++) {
        if (s->selector[n] && n != SEG_CS) {
            set_segment(b, n, s->selector[n]);
        }
    }
    segment_set_base(&cpu->seg[SEG_FS], s->fs);
    segment_set_base(&cpu->seg[SEG_GS], s->gs);
    map_narrow(b, b->c.narrow);
}

static void restore(struct bench *b)
{
    struct x86_cpu *cpu = b->cpu;
    const struct outcome *s = &b->start;
    uint8_t *ram = b->rig->ram.ram->host;

    enter_mode(b, b->c.mode, b->c.cpl);
    memcpy(cpu->regs, s->regs, sizeof(s->regs));
    cpu->regs[R_RIP] = s->rip;
    restore_segments(b);
    cpu->kernel_gs_base = s->kernel_gs;
    cpu->lstar = GEN_CODE + b->c.at[s->kernel_gs % b->c.n];
    cpu->cstar = cpu->lstar;
    cpu->star = (uint64_t)(SEL_DATA0 | 3) << 48 | (uint64_t)SEL_CODE0 << 32;
    cpu->sfmask = FLAG_TF | FLAG_RF | FLAG_IF | FLAG_DF;
    cpu->eflags = s->eflags;
    flags_set(cpu, s->arith);
    cpu->mxcsr = s->mxcsr;
    memcpy(cpu->vec, s->vec, sizeof(s->vec));
    memcpy(cpu->kmask, s->kmask, sizeof(s->kmask));
    cpu->xcr0 = s->xcr0;
    cpu->x87 = s->x87;
    cpu->cr2 = 0;
    cpu->cr0 = s->cr0;
    cpu->cr4 = s->cr4;
    b->mmio_hash = 1;
    b->mmio_count = 0;
    cpu->halted = cpu->stop_block = cpu->intr_shadow = false;
    cpu->delivering = -1;
    memcpy(ram + DATA_PHYS, s->data, sizeof(s->data));
    memcpy(ram + LEAF_TABLE, s->page_table, sizeof(s->page_table));
    for (unsigned at = 0; at < GEN_CODE_SIZE; at += 64) {
        if (memcmp(ram + CODE_PHYS + at, s->code + at, 64) != 0) {
            address_space_write(&b->rig->m->memory, CODE_PHYS + at, s->code + at, 64);
        }
    }
    tlb_flush(cpu);
    cpu_update_mode(cpu);
}

static void capture(struct bench *b, struct outcome *o)
{
    struct x86_cpu *cpu = b->cpu;
    const uint8_t *ram = b->rig->ram.ram->host;

    memcpy(o->regs, cpu->regs, sizeof(o->regs));
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        o->selector[n] = cpu->seg[n].selector;
    }
    o->es = cpu->seg[SEG_ES].base;
    o->ds = cpu->seg[SEG_DS].base;
    o->ss = cpu->seg[SEG_SS].base;
    o->fs = cpu->seg[SEG_FS].base;
    o->gs = cpu->seg[SEG_GS].base;
    o->kernel_gs = cpu->kernel_gs_base;
    o->eflags = cpu->eflags & ~FLAG_RF;
    o->arith = flags_arith(cpu);
    o->mxcsr = cpu->mxcsr;
    memcpy(o->vec, cpu->vec, sizeof(o->vec));
    memcpy(o->kmask, cpu->kmask, sizeof(o->kmask));
    o->x87 = cpu->x87;
    o->mmio_hash = b->mmio_hash;
    o->mmio_count = b->mmio_count;
    memcpy(o->data, ram + DATA_PHYS, sizeof(o->data));
    memcpy(o->code, ram + CODE_PHYS, sizeof(o->code));
    memcpy(o->page_table, ram + LEAF_TABLE, sizeof(o->page_table));
}

static bool in_code(uint64_t rip)
{
    return rip - GEN_CODE < GEN_CODE_SIZE || rip - GEN_CODE - GEN_HIGH < GEN_CODE_SIZE;
}

static bool decode_at(struct bench *b, uint64_t rip, struct insn *i)
{
    struct x86_cpu *cpu = b->cpu;
    uint64_t linear = cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
    unsigned room = 4096 - (unsigned)(linear & 4095);
    uint64_t phys, off;
    struct ram_block *ram;
    uint8_t bytes[16];
    const uint8_t *p;

    if (!cpu->code64 && rip > cpu->seg[SEG_CS].limit) {
        raise_gp0(cpu);
    }
    p = mmu_fetch(cpu, linear, &phys, &ram, &off);
    if (!p || !in_code(linear)) {
        return false;
    }
    if (room >= 15) {
        return insn_decode(cpu, p, 15, i) != DECODE_TRUNCATED;
    }
    memcpy(bytes, p, room);
    if (insn_decode(cpu, bytes, room, i) != DECODE_TRUNCATED) {
        return true;
    }
    p = mmu_fetch(cpu, linear + room, &phys, &ram, &off);
    if (!p || !in_code(linear + room)) {
        return false;
    }
    memcpy(bytes + room, p, 15 - room);
    return insn_decode(cpu, bytes, 15, i) != DECODE_TRUNCATED;
}

/* The instruction at rip as the decoder sees it; raises fetch faults.  False: no code. */
static bool fetch(struct bench *b, uint64_t rip, struct insn *i)
{
    if (!decode_at(b, rip, i)) {
        return false;
    }
    if (!b->cpu->code64 && rip + i->len - 1 > b->cpu->seg[SEG_CS].limit) {
        raise_gp0(b->cpu);
    }
    return true;
}

/* The reference: one instruction after another -------------------------------------------------- */

static bool is_shift(const struct insn *i)
{
    x86_exec_fn *fn = i->row->exec;

    return fn == x_shl || fn == x_shr || fn == x_sar || fn == x_rol || fn == x_ror || fn == x_rcl ||
           fn == x_rcr || fn == x_shld || fn == x_shrd;
}

/* False: the result is undefined, or depends on a flag that is. */
static bool note_flags(struct bench *b, const struct insn *i)
{
    const struct insn_row *row = i->row;
    x86_exec_fn *fn = row->exec;
    struct x86_cpu *cpu = b->cpu;

    if (row->reads & FLAGS_ARITH & b->taint) {
        return false;
    }
    if (is_shift(i)) {
        unsigned n = i->op[2].kind != OPND_NONE ? 2 : 1;
        unsigned count = (unsigned)load_operand(cpu, i, n) & (i->size == 8 ? 63 : 31);

        if ((fn == x_shld || fn == x_shrd) && count > i->size * 8u) {
            return false;
        }
        if (count == 0) {
            return true;
        }
    }
    if ((fn == x_bsf || fn == x_bsr) && i->op[1].kind != OPND_MEM && !load_operand(cpu, i, 1)) {
        return false;
    }
    if (fn == x_movsxd) {
        return true; /* its row is ARPL's, too */
    }
    if (!(row->flags & ROW_REP)) {
        b->taint &= ~row->writes;
    }
    b->taint |= row->undefined & FLAGS_ARITH;
    return true;
}

/* After a fault: false if the case ends with it. */
static bool go_on(struct bench *b, struct outcome *o, int vector, uint64_t rip)
{
    struct x86_cpu *cpu = b->cpu;
    struct fault *f = &o->faults[o->n_faults++];
    bool has_error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;

    *f = (struct fault){ rip, cpu->regs[R_RSP], vector == EXC_PF ? cpu->cr2 : 0,
                         has_error ? cpu->exc_error : 0, vector };
    if (o->n_faults == MAX_FAULTS || (vector == EXC_PF && (cpu->exc_error & 16))) {
        return false;
    }
    return true;
}

static bool code_changed(const struct bench *b)
{
    const struct gen_case *c = &b->c;
    unsigned from = c->at[0], to = c->at[c->n - 1] + 16u;

    return memcmp(b->rig->ram.ram->host + CODE_PHYS + from, b->start.code + from, to - from) != 0;
}

/* Has the instruction at insn_start, which faulted half-way, changed itself? */
static bool overwritten(struct bench *b)
{
    struct insn now;

    return (b->insn.row->flags & ROW_REP) || !fetch(b, b->cpu->insn_start, &now) ||
           now.len != b->insn.len || now.row != b->insn.row;
}

enum ending run_reference(struct bench *b, struct outcome *o)
{
    struct x86_cpu *cpu = b->cpu;
    volatile unsigned steps = 0;
    const unsigned size = b->c.mode == GEN_64 ? 8 : b->c.mode == GEN_16 ? 2 : 4;

    restore(b);
    o->n_faults = 0;
    b->taint = 0;
    b->flags_lost = false;
    for (;;) {
        if (++steps > STEPS) {
            return DROPPED;
        }
        cpu->insn_start = cpu->regs[R_RIP];
        b->fetching = true;
        if (setjmp(cpu->unwind)) {
            uint32_t kills = (b->insn.row->writes | b->insn.row->undefined) & FLAGS_ARITH;

            cpu->regs[R_RIP] = cpu->insn_start;
            if (!b->fetching && code_changed(b) && overwritten(b)) {
                return DROPPED;
            }
            if (!go_on(b, o, cpu->exc_vector, cpu->insn_start) || b->fetching) {
                b->flags_lost = true;
                break;
            }
            b->taint |= b->insn.row->flags & ROW_ENDS ? FLAGS_ARITH : kills;
            cpu->regs[R_RIP] += b->insn.len;
            continue;
        }
        if (!fetch(b, cpu->insn_start, &b->insn) || !gen_allowed(&b->insn)) {
            return DROPPED;
        }
        b->fetching = false;
        if (b->insn.row->exec == x_hlt) {
            break;
        }
        if (!note_flags(b, &b->insn)) {
            return DROPPED;
        }
        cpu->regs[R_RIP] += b->insn.len;
        b->insn.exec(cpu, &b->insn);
        cpu->intr_shadow = false;
        if (cpu->eflags & FLAG_TF || cpu->code_size != size) {
            return DROPPED;
        }
        /* Liveness was known from code that is no more. */
        if (code_changed(b)) {
            if (b->insn.row->flags & ROW_REP) {
                return DROPPED;
            }
            b->taint = FLAGS_ARITH;
        }
    }
    o->rip = cpu->regs[R_RIP];
    capture(b, o);
    return ENDED;
}

/* The engine ------------------------------------------------------------------------------------ */

void heat_blocks(struct bench *b)
{
    struct tcg *t = b->cpu->engine;
    const uint8_t *host = b->rig->ram.ram->host + CODE_PHYS;

    for (unsigned n = 0; n < 2; n++) {
        struct code_page *p = g_hash_table_lookup(t->pages, host + n * 4096);

        for (unsigned l = 0; p && l < PAGE_LISTS; l++) {
            for (struct block *k = p->first[l]; k;
                 k = k->page_next[host_page(k->host) == host + n * 4096 ? 0 : 1]) {
                k->runs = 10000;
            }
        }
    }
}

/* If the HLT that ended the run is a handler's: notes the fault and leaves it.  False: the end. */
static bool leave_handler(struct bench *b, struct outcome *o)
{
    struct x86_cpu *cpu = b->cpu;
    uint64_t at = cpu->regs[R_RIP] - 1 - (SYSTEM + HANDLERS), frame[6] = { 0 };
    volatile uint64_t rip;
    unsigned vector = (unsigned)(at >> 4);
    bool has_error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    const uint8_t *stack = b->rig->ram.ram->host + RIG_STACK0;
    volatile bool fetched = false;
    bool more;

    if (at >= 32 * 16) {
        o->rip = cpu->insn_start; /* HLT may have prefixes */
        return false;
    }
    memcpy(frame, stack - (has_error ? 48 : 40), has_error ? 48 : 40);
    cpu->exc_error = has_error ? (uint32_t)frame[0] : 0;
    rip = frame[has_error];
    cpu->regs[R_RSP] = frame[3 + has_error];
    cpu->regs[R_RIP] = rip;
    cpu->eflags = ((uint32_t)frame[2 + has_error] & ~(FLAGS_ARITH | FLAG_RF)) | 2;
    set_segment(b, SEG_CS, (uint16_t)frame[1 + has_error]);
    set_segment(b, SEG_SS, (uint16_t)frame[4 + has_error]);
    cpu->halted = false;
    cpu_update_mode(cpu);
    o->rip = rip;
    cpu->insn_start = rip;
    if (setjmp(cpu->unwind) == 0) {
        fetched = fetch(b, rip, &b->insn);
    }
    if (fetched && b->insn.row->exec == x_hlt) {
        return false; /* CPL 3 */
    }
    more = go_on(b, o, (int)vector, rip) && fetched;
    cpu->regs[R_RIP] = rip + (fetched ? b->insn.len : 0);
    return more;
}

void run_engine(struct bench *b, struct outcome *o)
{
    struct x86_cpu *cpu = b->cpu;

    if (b->c.seed % 64 == 0) {
        block_cache_flush(cpu->engine);
    }
    restore(b);
    o->n_faults = 0;
    do {
        unsigned spins = 0;

        do {
            atomic_store(&cpu->vcpu.exit_request, false);
            tcg_vcpu_ops.run(&cpu->vcpu);
        } while (!cpu->halted && ++spins < 1000);
        if (!cpu->halted) {
            o->rip = 0xbad;
            break;
        }
    } while (leave_handler(b, o));
    capture(b, o);
}

/* Life ------------------------------------------------------------------------------------------ */

struct bench *bench_new(void)
{
    struct bench *b = g_new0(struct bench, 1);
    struct machine *m;

    b->rig = system_rig_new("max");
    b->cpu = b->rig->cpu;
    m = b->rig->m;
    /* A small buffer: it fills often. */
    m->config.accel = g_strdup("tcg,engine=translate,tb-size=1");
    set_up_cpu(b);
    machine_lock(m);
    mem_region_init_mmio(&b->mmio, m, "mmio", &mmio_ops, b, 0x1000);
    mem_region_add(&m->system_memory, MMIO_PHYS, &b->mmio, 0);
    machine_unlock(m);
    return b;
}

void bench_free(struct bench *b)
{
    mem_region_destroy(&b->mmio);
    system_rig_free(b->rig);
    g_free(b);
}
