/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/mem.h: guest memory as instructions see it: segmentation, then the soft TLB, then the
 * page walk.  Every function here may raise (see exception.h) and runs on the vCPU's own thread.
 */
#ifndef TARGET_I386_MEM_H
#define TARGET_I386_MEM_H

#include <string.h>
#include "softmmu/guest_ram.h"
#include "target/i386/cpu.h"
#include "target/i386/exception.h"
#include "target/i386/insn.h"

/* mmu.c: misses, MMIO, page crossings, code pages. bank: enum tlb_bank. size: 1-8. */
uint64_t mem_load_slow(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank);
void mem_store_slow(struct x86_cpu *cpu, uint64_t linear, uint64_t value, unsigned size,
                    unsigned bank);
/* Faults as a write of size bytes would, without writing. */
void mem_probe_write_slow(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank);
/*
 * A host pointer to [linear, linear + size) when it lies in one page of RAM and the access is allowed (else
 * it raises); NULL for MMIO, a page crossing, or a write to a page with code.
 */
void *mem_host(struct x86_cpu *cpu, uint64_t linear, unsigned size, bool write, unsigned bank);
/*
 * What a write of size bytes would change: raises like one, and reports to data breakpoints.  Gives the
 * bytes within the first page and the physical addresses of both parts.
 */
unsigned mem_write_target(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank,
                          uint64_t phys[2]);
/*
 * atomic.c: one step for all vCPUs: if memory still holds `old`, it becomes `new`; else false.  size: 1 to
 * 8 bytes of the first element, or 16.  For operands that were read as read-modify-writes are, so that
 * the page allows the write.
 */
bool mem_cas(struct x86_cpu *cpu, uint64_t linear, const uint64_t old[2], const uint64_t new[2],
             unsigned size, unsigned bank);
/* Any length: through the functions above; a write checks every page before it changes the first. */
void mem_read_bytes(struct x86_cpu *cpu, uint64_t linear, void *buf, unsigned len, unsigned bank);
void mem_write_bytes(struct x86_cpu *cpu, uint64_t linear, const void *buf, unsigned len,
                     unsigned bank);

/*
 * The bank of implicit supervisor accesses (descriptor tables, TSS, delivery frames): they ignore
 * EFLAGS.AC, so user pages fault under SMAP.
 */
#define BANK_SYSTEM TLB_KERNEL

/* TLB maintenance (mmu.c). */
void tlb_flush(struct x86_cpu *cpu);                       /* everything, global pages too */
void tlb_flush_nonglobal(struct x86_cpu *cpu);             /* of all PCIDs */
void tlb_flush_page(struct x86_cpu *cpu, uint64_t linear); /* INVLPG */
void tlb_flush_pcid(struct x86_cpu *cpu, unsigned pcid);   /* all but global pages */
void tlb_flush_pcid_page(struct x86_cpu *cpu, unsigned pcid, uint64_t linear);
/* Loads CR3; keep: what is known of its PCID stays valid. */
void tlb_load_cr3(struct x86_cpu *cpu, uint64_t cr3, bool keep);
/* Write tags for a page of RAM, by its host address, go: it is about to hold code.  Any bank. */
void tlb_revoke_write(struct x86_cpu *cpu, uint64_t host_page);
/* The same for RAM at host addresses [first, first + len). */
void tlb_revoke_writes(struct x86_cpu *cpu, uint64_t first, uint64_t len);

/*
 * Address translation without side effects for monitors and gdb: -1 physical when not mapped.
 */
uint64_t mmu_debug_translate(struct x86_cpu *cpu, uint64_t linear);
/* For instruction fetch: host pointer to the page's code byte and its RAM block; raises #PF. NULL: not RAM. */
const uint8_t *mmu_fetch(struct x86_cpu *cpu, uint64_t linear, uint64_t *phys,
                         struct ram_block **ram, uint64_t *ram_offset);

/* The same by way of the soft TLB, which knows the page then if it is RAM. */
const uint8_t *mmu_fetch_host(struct x86_cpu *cpu, uint64_t linear);

/* The host address of a byte that may be executed, or NULL: not in the soft TLB.  bank: TLB_USER or TLB_KERNEL. */
static inline const uint8_t *tlb_exec_host(const struct x86_cpu *cpu, unsigned bank,
                                           uint64_t linear)
{
    uint64_t key = cpu->tlb.exec[bank][tlb_exec_slot(linear)];

    if (key == TLB_NO_EXEC || key >> 36 != linear << 16 >> (28 + TLB_BITS) ||
        (uint64_t)((int64_t)(linear << 16) >> 16) != linear) {
        return NULL;
    }
    return (const uint8_t *)(uintptr_t)((key & 0xfffffffffull) << 12 | (linear & 4095));
}

static inline uint64_t mem_load_bank(struct x86_cpu *cpu, uint64_t linear, unsigned size,
                                     unsigned bank)
{
    const struct tlb_entry *e = &cpu->tlb.entry[bank][linear >> 12 & (TLB_SIZE - 1)];
    uint64_t off = linear - e->read_tag;

    if (G_LIKELY(off <= 4096 - size)) {
        return guest_ram_load((const void *)(uintptr_t)(e->addend + linear), size);
    }
    return mem_load_slow(cpu, linear, size, bank);
}

static inline void mem_store_bank(struct x86_cpu *cpu, uint64_t linear, uint64_t value,
                                  unsigned size, unsigned bank)
{
    const struct tlb_entry *e = &cpu->tlb.entry[bank][linear >> 12 & (TLB_SIZE - 1)];
    uint64_t off = linear - e->write_tag;

    if (G_LIKELY(off <= 4096 - size)) {
        guest_ram_store((void *)(uintptr_t)(e->addend + linear), value, size);
        return;
    }
    mem_store_slow(cpu, linear, value, size, bank);
}

/* At the current privilege, linear addresses: size is 1, 2, 4 or 8. */
static inline uint64_t linear_load(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    return mem_load_bank(cpu, linear, size, cpu->bank);
}

static inline void linear_store(struct x86_cpu *cpu, uint64_t linear, uint64_t value, unsigned size)
{
    mem_store_bank(cpu, linear, value, size, cpu->bank);
}

/* Implicit supervisor accesses, whatever the CPL. */
static inline uint64_t system_load(struct x86_cpu *cpu, uint64_t linear, unsigned size)
{
    return mem_load_bank(cpu, linear, size, BANK_SYSTEM);
}

static inline void system_store(struct x86_cpu *cpu, uint64_t linear, uint64_t value, unsigned size)
{
    mem_store_bank(cpu, linear, value, size, BANK_SYSTEM);
}

/* segment.c: checks outside the flat cases: limits, types, canonical form; raises #GP or #SS. */
uint64_t segment_linear_slow(struct x86_cpu *cpu, unsigned seg, uint64_t offset, unsigned size,
                             bool write);

/* The linear address of an access through a segment, checked. */
static inline uint64_t segment_linear(struct x86_cpu *cpu, unsigned seg, uint64_t offset,
                                      unsigned size, bool write)
{
    const struct segment *s = &cpu->seg[seg];

    if (G_LIKELY(cpu->code64)) {
        uint64_t linear = seg >= SEG_FS ? offset + s->base : offset;

        /* Both ends canonical (48 bits): what is left faults in the slow path. */
        if (G_LIKELY(((linear + (1ull << 47)) >> 48) == 0 &&
                     ((linear + size - 1 + (1ull << 47)) >> 48) == 0)) {
            return linear;
        }
    } else if (G_LIKELY(s->access & (write ? SEGMENT_FLAT_WRITE : SEGMENT_FLAT_READ)) &&
               G_LIKELY((uint32_t)offset <= 0xffffffffu - (size - 1))) {
        return (uint32_t)offset;
    }
    return segment_linear_slow(cpu, seg, offset, size, write);
}

static inline uint64_t segment_load(struct x86_cpu *cpu, unsigned seg, uint64_t offset,
                                    unsigned size)
{
    return linear_load(cpu, segment_linear(cpu, seg, offset, size, false), size);
}

static inline void segment_store(struct x86_cpu *cpu, unsigned seg, uint64_t offset, uint64_t value,
                                 unsigned size)
{
    linear_store(cpu, segment_linear(cpu, seg, offset, size, true), value, size);
}

/* Offset of the memory operand within its segment, wrapped to the address size. */
static inline uint64_t insn_ea(const struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t ea = cpu->regs[i->base] + (cpu->regs[i->index] << i->scale) + (uint64_t)i->disp;

    if (i->addrsize == 8) {
        return ea;
    }
    return i->addrsize == 4 ? (uint32_t)ea : (uint16_t)ea;
}

#endif
