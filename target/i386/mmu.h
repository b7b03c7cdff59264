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
/* Empties every slot, whatever it held: power-on. */
void tlb_init(struct x86_cpu *cpu);

#endif
