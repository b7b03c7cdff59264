/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/i386/tlb.h: what mmu.c, tlb.c and refill.c share.  Thread: the vCPU's own. */
#ifndef TARGET_I386_TLB_H
#define TARGET_I386_TLB_H

#include "softmmu/memory.h"
#include "target/i386/mmu.h"

/* Page table entries. */
#define PTE_P    (1ull << 0)
#define PTE_W    (1ull << 1)
#define PTE_U    (1ull << 2)
#define PTE_A    (1ull << 5)
#define PTE_D    (1ull << 6)
#define PTE_PS   (1ull << 7)
#define PTE_G    (1ull << 8)
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* Do the accumulated rights of a translation allow the access? */
bool tlb_allowed(const struct x86_cpu *cpu, const struct translation *t, enum mmu_access access,
                 unsigned bank);
/*
 * Enters what a walk found into both levels, if a whole page of RAM in section s serves it.  access: what it was for,
 * which says where in the first level, and whether the page may be marked as written.  MMU_EXEC has bank TLB_USER or
 * TLB_KERNEL.
 */
void tlb_fill(struct x86_cpu *cpu, uint64_t linear, unsigned bank, const struct translation *t,
              const struct mem_section *s, enum mmu_access access);
/* From the second level to the first, if the page is there and allows the access. */
bool tlb_recall(struct x86_cpu *cpu, uint64_t linear, unsigned bank, enum mmu_access access);

/* A page that nothing but RAM_PAGE_CODE keeps from having a write tag, or NULL: that, or not known. */
const struct tlb_saved *tlb_code_page(struct x86_cpu *cpu, uint64_t linear, unsigned bank);

/* Is an access such that a filled page could serve it?  For mmu_refill and mmu_refill_quick. */
static inline bool refill_possible(uint64_t linear, unsigned size, unsigned how)
{
    return ((linear + (1ull << 47)) >> 48) == 0 && (linear & 4095) + size <= 4096 &&
           (!(how & REFILL_ALIGNED) ||
            !((linear + (how >> 8)) & ((16u << (how >> REFILL_ALIGN_SHIFT & 3)) - 1)));
}

/* how: without REFILL_ALIGNED and above */
static inline bool refill_hits(const struct x86_cpu *cpu, uint64_t linear, unsigned size,
                               unsigned how)
{
    const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];

    return linear - (how == REFILL_READ ? e->read_tag : e->write_tag) <= 4096 - size;
}

#endif
