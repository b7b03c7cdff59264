/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/refill.c: the quick way to fill the soft TLB, for translated code that missed.
 *
 * Invariants: uses no vector register, which hold the guest's, and calls nothing that does: this
 *             file and tlb.c are built without vector instructions and without sanitizers.
 *             Does what mmu_translate does for the usual case alone, 64-bit mode and tables in
 *             RAM; in all others it says so, and mmu_refill follows.
 * Thread:     the vCPU's own.
 */
#include "softmmu/machine.h"
#include "target/i386/tlb.h"

#define LEVELS 4
#define DIRTY  (RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE)

typedef uint64_t unaligned_word __attribute__((aligned(1), may_alias));

/* An entry of a table: where it is, and what it was. */
struct walked {
    uint64_t *at;
    uint8_t *flags; /* of its page */
    uint64_t was;
};

/* The RAM section that served last, if it holds the whole page. */
static const struct mem_section *last_section(struct x86_cpu *cpu, uint64_t phys)
{
    const struct address_space *as = cpu->memory;
    const struct mem_section *s = &as->sections[cpu->tlb.section];
    uint64_t page = phys & GUEST_PAGE_MASK;

    if (cpu->tlb.section >= as->n_sections || page < s->start || page + 4095 > s->last || !s->ram) {
        return NULL;
    }
    return s;
}

static uint64_t reserved(const struct x86_cpu *cpu, unsigned shift, bool large)
{
    uint64_t bits = PTE_ADDR & ~((1ull << cpu->phys_bits) - 1);

    bits |= cpu->efer & EFER_NXE ? 0 : PTE_NX;
    return large ? bits | (((1ull << shift) - 1) & 0x000fffffffffe000ull) : bits;
}

/* UNKNOWN: somewhere else than in RAM that served last, or unusual; mmu_translate knows. */
enum walk_end { WALK_UNKNOWN, WALK_FAULT, WALK_OK };

static enum walk_end load_entry(struct x86_cpu *cpu, uint64_t phys, struct walked *w)
{
    const struct mem_section *s = last_section(cpu, phys);
    uint64_t off;

    if (!s || s->readonly) {
        return WALK_UNKNOWN;
    }
    off = s->ram_offset + (phys - s->start);
    if (off & 7) {
        return WALK_UNKNOWN;
    }
    w->at = (uint64_t *)(void *)(s->ram->host + off);
    w->flags = &s->ram->page_flags[off >> GUEST_PAGE_BITS];
    w->was = __atomic_load_n(w->at, __ATOMIC_RELAXED);
    return w->was & PTE_P ? WALK_OK : WALK_FAULT;
}

/*
 * Sets bits in an entry.  Only a lone vCPU does it here: others could begin to hold code of the page in
 * the meantime, and would have to be told.
 */
static bool set_bits(struct x86_cpu *cpu, const struct walked *w, uint64_t bits)
{
    uint64_t was = w->was;

    if ((was & bits) == bits) {
        return true;
    }
    if (cpu->vcpu.machine->n_vcpus > 1 ||
        (__atomic_load_n(w->flags, __ATOMIC_RELAXED) & RAM_PAGE_CODE) ||
        !__atomic_compare_exchange_n(w->at, &was, was | bits, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        return false;
    }
    __atomic_fetch_or(w->flags, DIRTY, __ATOMIC_SEQ_CST);
    return true;
}

static enum walk_end walk(struct x86_cpu *cpu, uint64_t linear, enum mmu_access access,
                          struct translation *t)
{
    uint64_t table = cpu->cr3 & PTE_ADDR, e, mask;
    struct walked w[LEVELS];
    unsigned n = 0, shift = 39;
    bool large;

    t->writable = t->user = true;
    t->nx = false;
    for (;; n++, shift -= 9) {
        uint64_t at = table + (linear >> shift & 511) * 8;
        enum walk_end end = load_entry(cpu, at & cpu->a20_mask, &w[n]);

        if (end != WALK_OK) {
            return end;
        }
        e = w[n].was;
        large = shift != 12 && (e & PTE_PS);
        if ((e & reserved(cpu, shift, large)) ||
            (large && (shift == 39 || (shift == 30 && !cpu_has(cpu, X86_PDPE1GB))))) {
            return WALK_UNKNOWN;
        }
        t->writable &= !!(e & PTE_W);
        t->user &= !!(e & PTE_U);
        t->nx |= !!(e & PTE_NX);
        if (large || shift == 12) {
            break;
        }
        table = e & PTE_ADDR;
    }
    mask = (1ull << shift) - 1;
    t->phys = ((e & PTE_ADDR & ~mask) | (linear & mask)) & cpu->a20_mask;
    t->page_size = mask + 1;
    t->global = (e & PTE_G) && (cpu->cr4 & CR4_PGE);
    t->dirty = access == MMU_WRITE || (e & PTE_D);
    if (!tlb_allowed(cpu, t, access, cpu->bank)) {
        return WALK_FAULT;
    }
    for (unsigned k = 0; k <= n; k++) {
        if (!set_bits(cpu, &w[k], k == n && access == MMU_WRITE ? PTE_A | PTE_D : PTE_A)) {
            return WALK_UNKNOWN;
        }
    }
    return WALK_OK;
}

enum refill_result mmu_refill_quick(struct x86_cpu *cpu, uint64_t linear, unsigned size,
                                    unsigned how)
{
    const struct mem_section *s;
    enum mmu_access access;
    struct translation t;
    enum walk_end end;

    if (!refill_possible(linear, size, how)) {
        return REFILL_NEVER;
    }
    how &= REFILL_ALIGNED - 1;
    access = how == REFILL_WRITE ? MMU_WRITE : MMU_READ;
    if (tlb_recall(cpu, linear, cpu->bank, access)) {
        if (refill_hits(cpu, linear, size, how)) {
            return REFILL_DONE;
        }
        if (access == MMU_WRITE && tlb_code_page(cpu, linear, cpu->bank)) {
            return REFILL_NEVER;
        }
    }
    if (!(cpu->cr0 & CR0_PG) || !(cpu->efer & EFER_LMA)) {
        return REFILL_UNKNOWN;
    }
    end = walk(cpu, linear, access, &t);
    if (end != WALK_OK) {
        return end == WALK_FAULT ? REFILL_NEVER : REFILL_UNKNOWN;
    }
    s = last_section(cpu, t.phys);
    if (!s) {
        return REFILL_UNKNOWN;
    }
    tlb_fill(cpu, linear, cpu->bank, &t, s, how == REFILL_READ ? MMU_READ : MMU_WRITE);
    return refill_hits(cpu, linear, size, how) ? REFILL_DONE : REFILL_NEVER;
}

/* The host's address of bytes within a page, or NULL. */
static const uint8_t *readable(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];

    if (!refill_hits(cpu, linear, size, REFILL_READ) &&
        mmu_refill_quick(cpu, linear, size, REFILL_READ) != REFILL_DONE) {
        return NULL;
    }
    return (const uint8_t *)(uintptr_t)(linear + e->addend);
}

/* Atomic words, then bytes: of a plain loop the compiler may make a call of memcpy, which uses vectors. */
static void copy(uint8_t *to, const uint8_t *from, unsigned n)
{
    for (; n >= 8; n -= 8, to += 8, from += 8) {
        uint64_t word =
            __atomic_load_n((const unaligned_word *)(const void *)from, __ATOMIC_RELAXED);

        __builtin_memcpy(to, &word, 8);
    }
    while (n--) {
        *to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
    }
}

bool mmu_cross_read(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    unsigned n = 4096 - (unsigned)(linear & 4095);
    const uint8_t *first, *second;

    first = size <= sizeof(cpu->tlb.cross_bytes) && n < size ? readable(cpu, linear, n) : NULL;
    second = first ? readable(cpu, linear + n, size - n) : NULL;
    if (!second) {
        return false;
    }
    copy(cpu->tlb.cross_bytes, first, n);
    copy(cpu->tlb.cross_bytes + n, second, size - n);
    cpu->tlb.cross.addend = (uintptr_t)cpu->tlb.cross_bytes - linear;
    return true;
}
