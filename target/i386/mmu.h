/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/i386/mmu.h: linear to physical, for the engine and for debuggers.  Thread: the vCPU's own. */
#ifndef TARGET_I386_MMU_H
#define TARGET_I386_MMU_H

#include "target/i386/cpu.h"

enum mmu_access { MMU_READ, MMU_WRITE, MMU_EXEC };

struct translation {
    uint64_t phys;
    uint64_t page_size; /* bytes */
    bool writable, user, nx, global, dirty;
};

/*
 * Walks the page tables for one byte; set_bits: sets A and D as the processor does.  False: the
 * access is not allowed and *error is the #PF error code.
 */
bool mmu_translate(struct x86_cpu *cpu, uint64_t linear, enum mmu_access access, unsigned bank,
                   bool set_bits, struct translation *t, uint32_t *error);
/*
 * WRITE_LATER: not yet, so that no dirty bit is set.  ALIGNED, a bit: the access in question, (how >> 8)
 * bytes on, faults unless it is aligned to 16 bytes.
 */
enum refill_how { REFILL_READ, REFILL_WRITE, REFILL_WRITE_LATER, REFILL_ALIGNED = 4 };
#define REFILL_ALIGN_SHIFT 3 /* with REFILL_ALIGNED: to 16 << (how >> 3 & 3) bytes */
/*
 * For translated code that missed: fills the soft TLB so that [linear, linear + size) hits.  False: it
 * cannot (a fault, MMIO, a page crossing, a page with code): nothing is raised.
 */
bool mmu_refill(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned how);
/*
 * The same for what is quick: pages that are known, and tables in RAM.  Leaves the vector registers alone.
 * NEVER: mmu_refill cannot do it either; UNKNOWN: it may.
 */
enum refill_result { REFILL_UNKNOWN, REFILL_NEVER, REFILL_DONE };
enum refill_result mmu_refill_quick(struct x86_cpu *cpu, uint64_t linear, unsigned size,
                                    unsigned how);
/*
 * For translated code whose load of at most 64 bytes crosses into another page: makes tlb.cross the slot of a copy.
 * False: a fault, MMIO or a page that mmu_refill must look for.  Nothing is raised; the vector registers stay.
 */
bool mmu_cross_read(struct x86_cpu *cpu, uint64_t linear, unsigned size);
/* Empties every slot, whatever it held: power-on. */
void tlb_init(struct x86_cpu *cpu);

#endif
