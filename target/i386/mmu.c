/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/mmu.c: the page walk (SDM vol. 3, ch. 4) and accesses that missed the soft TLB.
 *
 * Thread: the vCPU's own.
 */
#include <inttypes.h>
#include "target/i386/mmu.h"
#include "target/i386/exec_system.h"
#include "target/i386/mem.h"
#include "target/i386/tlb.h"
#include "util/log.h"

/* #PF error code */
#define PF_P    1u
#define PF_W    2u
#define PF_U    4u
#define PF_RSVD 8u
#define PF_I    16u

static const struct mem_section *physical(struct x86_cpu *cpu, uint64_t phys)
{
    return address_space_lookup(cpu->memory, phys);
}

/* Straight from the RAM that served last, where that holds the table. */
static uint64_t table_load(struct x86_cpu *cpu, uint64_t phys, unsigned size)
{
    const struct address_space *as = cpu->memory;
    const struct mem_section *s = &as->sections[cpu->tlb.section];
    uint64_t page;

    phys &= cpu->a20_mask;
    page = phys & GUEST_PAGE_MASK;
    if (cpu->tlb.section < as->n_sections && s->ram && page >= s->start && page + 4095 <= s->last) {
        return guest_ram_load(s->ram->host + s->ram_offset + (phys - s->start), size);
    }
    return address_space_load(cpu->memory, phys, size);
}

/* Sets bits in an entry that still holds `old`; false: it changed, walk again. */
static bool table_set_bits(struct x86_cpu *cpu, uint64_t phys, unsigned size, uint64_t old,
                           uint64_t bits)
{
    const struct mem_section *s = physical(cpu, phys & cpu->a20_mask);
    uint64_t off;
    void *p;
    bool done;

    if (!s || !s->ram || s->readonly) {
        return true;
    }
    off = s->ram_offset + ((phys & cpu->a20_mask) - s->start);
    p = s->ram->host + off;
    if (size == 4) {
        uint32_t o = (uint32_t)old;

        done = __atomic_compare_exchange_n((uint32_t *)p, &o, (uint32_t)(old | bits), false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    } else {
        done = __atomic_compare_exchange_n((uint64_t *)p, &old, old | bits, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }
    ram_written(cpu->vcpu.machine, s->ram, off, size);
    return done;
}

/* One level of a paging mode: where its index lies and whether it may end the walk. */
struct walk_level {
    uint8_t shift, index_bits;
    bool may_be_large;
};

struct paging_mode {
    uint8_t entry_size;
    uint8_t levels;
    struct walk_level level[4];
};

static const struct paging_mode mode_32 = { 4, 2, { { 22, 10, true }, { 12, 10, false } } };
static const struct paging_mode mode_pae = { 8, 2, { { 21, 9, true }, { 12, 9, false } } };
static const struct paging_mode mode_long = {
    8, 4, { { 39, 9, false }, { 30, 9, true }, { 21, 9, true }, { 12, 9, false } }
};

static uint64_t reserved_bits(const struct x86_cpu *cpu, const struct paging_mode *mode,
                              unsigned shift, bool large, uint64_t entry)
{
    uint64_t rsvd = 0;

    if (mode->entry_size == 4) {
        /* PSE-36: bits 20-13 hold physical bits 39-32; bit 21 is reserved. */
        return large ? 1ull << 21 : 0;
    }
    rsvd = PTE_ADDR & ~((1ull << cpu->phys_bits) - 1);
    if (!(cpu->efer & EFER_NXE)) {
        rsvd |= PTE_NX;
    }
    if (mode == &mode_pae) {
        rsvd |= 0x7ff0000000000000ull;
    }
    if (large) {
        rsvd |= ((1ull << shift) - 1) & 0x000fffffffffe000ull;
    } else if (mode == &mode_long && shift == 39 && (entry & PTE_PS)) {
        rsvd |= PTE_PS;
    } else if (shift == 30 && (entry & PTE_PS) && !cpu_has(cpu, X86_PDPE1GB)) {
        rsvd |= PTE_PS;
    }
    return rsvd;
}

static uint32_t fault_code(const struct x86_cpu *cpu, enum mmu_access access, unsigned bank)
{
    uint32_t e = access == MMU_WRITE ? PF_W : 0;

    if (bank == TLB_USER || bank == TLB_USER_AC) {
        e |= PF_U;
    }
    if (access == MMU_EXEC && ((cpu->cr4 & CR4_SMEP) || (cpu->efer & EFER_NXE))) {
        e |= PF_I;
    }
    return e;
}

enum walk_result { WALK_OK, WALK_FAULT, WALK_AGAIN };

/* The entries of one walk, from the root down; sets A, and D for writes, once access is known good. */
static enum walk_result walk(struct x86_cpu *cpu, uint64_t linear, enum mmu_access access,
                             unsigned bank, bool set_bits, struct translation *t, uint32_t *error)
{
    const struct paging_mode *mode = cpu->efer & EFER_LMA ? &mode_long
                                     : cpu->cr4 & CR4_PAE ? &mode_pae
                                                          : &mode_32;
    uint64_t table = mode == &mode_32 ? cpu->cr3 & 0xfffff000u : cpu->cr3 & PTE_ADDR;
    uint64_t entry_addr[4], entry[4];
    unsigned n;

    *error = fault_code(cpu, access, bank);
    if (mode == &mode_pae) {
        uint64_t pdpte = cpu->pdpte[linear >> 30 & 3];

        if (!(pdpte & PTE_P)) {
            return WALK_FAULT;
        }
        table = pdpte & PTE_ADDR;
    }
    *t = (struct translation){ .writable = true, .user = true };
    for (n = 0; n < mode->levels; n++) {
        const struct walk_level *l = &mode->level[n];
        uint64_t index = linear >> l->shift & ((1u << l->index_bits) - 1);
        uint64_t e, mask = (1ull << l->shift) - 1;
        bool last = n == mode->levels - 1u, large;

        entry_addr[n] = table + index * mode->entry_size;
        e = entry[n] = table_load(cpu, entry_addr[n], mode->entry_size);
        if (!(e & PTE_P)) {
            return WALK_FAULT;
        }
        large =
            !last && l->may_be_large && (e & PTE_PS) && (mode != &mode_32 || (cpu->cr4 & CR4_PSE));
        if (e & reserved_bits(cpu, mode, l->shift, large, e)) {
            *error |= PF_P | PF_RSVD;
            return WALK_FAULT;
        }
        t->writable &= !!(e & PTE_W);
        t->user &= !!(e & PTE_U);
        t->nx |= mode->entry_size == 8 && (e & PTE_NX);
        if (last || large) {
            uint64_t base = e & PTE_ADDR & ~mask;

            if (mode == &mode_32 && large) {
                base = (e & 0xffc00000u) | (e >> 13 & 0xff) << 32;
            } else if (mode == &mode_32) {
                base = e & 0xfffff000u;
            }
            t->phys = base | (linear & mask);
            t->page_size = mask + 1;
            t->global = (e & PTE_G) && (cpu->cr4 & CR4_PGE);
            break;
        }
        table = mode == &mode_32 ? e & 0xfffff000u : e & PTE_ADDR;
    }
    if (!tlb_allowed(cpu, t, access, bank)) {
        *error |= PF_P;
        return WALK_FAULT;
    }
    if (set_bits) {
        for (unsigned k = 0; k <= n; k++) {
            uint64_t bits = PTE_A | (k == n && access == MMU_WRITE ? PTE_D : 0);

            if ((entry[k] & bits) != bits &&
                !table_set_bits(cpu, entry_addr[k], mode->entry_size, entry[k], bits)) {
                return WALK_AGAIN;
            }
        }
    }
    t->dirty = (entry[n] & PTE_D) || (set_bits && access == MMU_WRITE);
    return WALK_OK;
}

bool mmu_translate(struct x86_cpu *cpu, uint64_t linear, enum mmu_access access, unsigned bank,
                   bool set_bits, struct translation *t, uint32_t *error)
{
    enum walk_result r;

    if (!(cpu->cr0 & CR0_PG)) {
        *t = (struct translation){ .phys = (uint32_t)linear & cpu->a20_mask,
                                   .page_size = 4096,
                                   .writable = true,
                                   .user = true,
                                   .dirty = true };
        return true;
    }
    do {
        r = walk(cpu, linear, access, bank, set_bits, t, error);
    } while (r == WALK_AGAIN);
    t->phys &= cpu->a20_mask;
    return r == WALK_OK;
}

uint64_t mmu_debug_translate(struct x86_cpu *cpu, uint64_t linear)
{
    struct translation t;
    uint32_t error;

    if (!mmu_translate(cpu, linear, MMU_READ, TLB_KERNEL_AC, false, &t, &error)) {
        return UINT64_MAX;
    }
    return t.phys;
}

/* Filling ------------------------------------------------------------------------------------- */

static void note_access(struct x86_cpu *cpu, uint64_t linear, unsigned size, bool write)
{
    if (G_UNLIKELY(cpu->dr[7] & 0xff)) {
        debug_data_access(cpu, linear, size, write);
    }
    if (G_UNLIKELY(cpu->vcpu.debug.slow)) {
        debugger_access(&cpu->vcpu, linear, size, write);
    }
}

static void fill(struct x86_cpu *cpu, uint64_t linear, unsigned bank, const struct translation *t,
                 enum mmu_access access)
{
    const struct mem_section *s = physical(cpu, t->phys & GUEST_PAGE_MASK);

    if (s) {
        if (s->ram && !s->readonly) {
            cpu->tlb.section = (unsigned)(s - cpu->memory->sections);
        }
        tlb_fill(cpu, linear, bank, t, s, access);
    }
}

/* Translates for one access within a page, filling the TLB; raises #PF. */
static uint64_t resolve(struct x86_cpu *cpu, uint64_t linear, enum mmu_access access, unsigned bank)
{
    struct translation t;
    uint32_t error;

    if (!mmu_translate(cpu, linear, access, bank, true, &t, &error)) {
        log_line(LOG_MMU, "mmu: page fault at 0x%016" PRIx64 ", error 0x%x, rip 0x%016" PRIx64,
                 linear, error, cpu->insn_start);
        raise_page_fault(cpu, linear, error);
    }
    fill(cpu, linear, bank, &t, access);
    return t.phys;
}

bool mmu_refill(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned how)
{
    struct translation t;
    uint32_t error;

    if (!refill_possible(linear, size, how)) {
        return false;
    }
    how &= REFILL_ALIGNED - 1;
    if (how != REFILL_READ && tlb_code_page(cpu, linear, cpu->bank)) {
        return false;
    }
    if (!mmu_translate(cpu, linear, how == REFILL_WRITE ? MMU_WRITE : MMU_READ, cpu->bank, true, &t,
                       &error)) {
        return false;
    }
    fill(cpu, linear, cpu->bank, &t, how == REFILL_READ ? MMU_READ : MMU_WRITE);
    if (cpu->stop_block) { /* the walk waited for the machine lock */
        return false;
    }
    return refill_hits(cpu, linear, size, how);
}

/* Slow accesses ------------------------------------------------------------------------------- */

static void check_alignment(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank)
{
    if (bank == TLB_USER_AC && (linear & (size - 1))) {
        raise_error(cpu, EXC_AC, 0);
    }
}

/* Linear addresses wrap at 4 GiB outside 64-bit code. */
static uint64_t wrap(const struct x86_cpu *cpu, uint64_t linear)
{
    return cpu->code64 || (linear >> 32) == 0 || cpu->long_mode ? linear : (uint32_t)linear;
}

static unsigned room_in_page(uint64_t linear)
{
    return 4096 - (unsigned)(linear & 4095);
}

/* From the TLB's second level: where the bytes are if they lie in one page that is known, or NULL. */
static void *recall(struct x86_cpu *cpu, uint64_t linear, unsigned size, enum mmu_access access,
                    unsigned bank)
{
    const struct tlb_entry *e = &cpu->tlb.entry[bank][linear >> 12 & (TLB_SIZE - 1)];

    if (!tlb_recall(cpu, linear, bank, access) ||
        linear - (access == MMU_WRITE ? e->write_tag : e->read_tag) > 4096 - size) {
        return NULL;
    }
    return (void *)(uintptr_t)(e->addend + linear);
}

static uint64_t physical_load(struct x86_cpu *cpu, uint64_t phys, unsigned size)
{
    return address_space_load(cpu->memory, phys, size);
}

/* 3, 5, 6 and 7 bytes occur when a page boundary cuts an operand. */
static uint64_t load_part(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank)
{
    uint64_t phys = resolve(cpu, linear, MMU_READ, bank), v = 0;

    if (size == 1 || size == 2 || size == 4 || size == 8) {
        return physical_load(cpu, phys, size);
    }
    for (unsigned k = 0; k < size; k++) {
        v |= physical_load(cpu, phys + k, 1) << (8 * k);
    }
    return v;
}

uint64_t mem_load_slow(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank)
{
    uint64_t low, high;
    unsigned room;
    void *host;

    linear = wrap(cpu, linear);
    room = room_in_page(linear);
    check_alignment(cpu, linear, size, bank);
    note_access(cpu, linear, size, false);
    if (size <= room) {
        host = recall(cpu, linear, size, MMU_READ, bank);
        return host ? guest_ram_load(host, size) : load_part(cpu, linear, size, bank);
    }
    low = load_part(cpu, linear, room, bank);
    high = load_part(cpu, wrap(cpu, linear + room), size - room, bank);
    return low | high << (8 * room);
}

static void store_part(struct x86_cpu *cpu, uint64_t phys, uint64_t v, unsigned size)
{
    struct address_space *as = cpu->memory;

    if (size == 1 || size == 2 || size == 4 || size == 8) {
        address_space_store(as, phys, v, size);
        return;
    }
    for (unsigned k = 0; k < size; k++) {
        address_space_store(as, phys + k, v >> (8 * k) & 0xff, 1);
    }
}

/* To a page that is known and holds code: the quicker way.  Pages with data breakpoints are not known. */
static bool store_beside_code(struct x86_cpu *cpu, uint64_t linear, uint64_t value, unsigned size,
                              unsigned bank)
{
    const struct tlb_saved *s = tlb_code_page(cpu, linear, bank);
    uint8_t *host;

    if (!s) {
        return false;
    }
    host = (uint8_t *)(uintptr_t)(s->host + (linear & 4095));
    guest_ram_store(host, value, size);
    ram_written(cpu->vcpu.machine, s->ram, (uint64_t)(host - s->ram->host), size);
    return true;
}

void mem_store_slow(struct x86_cpu *cpu, uint64_t linear, uint64_t value, unsigned size,
                    unsigned bank)
{
    uint64_t phys, phys2;
    unsigned room;
    void *host;

    linear = wrap(cpu, linear);
    room = room_in_page(linear);
    check_alignment(cpu, linear, size, bank);
    host = size <= room ? recall(cpu, linear, size, MMU_WRITE, bank) : NULL;
    if (host) {
        note_access(cpu, linear, size, true);
        guest_ram_store(host, value, size);
        return;
    }
    if (size <= room && store_beside_code(cpu, linear, value, size, bank)) {
        return;
    }
    phys = resolve(cpu, linear, MMU_WRITE, bank);
    note_access(cpu, linear, size, true);
    if (size <= room) {
        store_part(cpu, phys, value, size);
        return;
    }
    phys2 = resolve(cpu, wrap(cpu, linear + room), MMU_WRITE, bank);
    store_part(cpu, phys, value, room);
    store_part(cpu, phys2, value >> (8 * room), size - room);
}

void mem_probe_write_slow(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank)
{
    unsigned room;

    linear = wrap(cpu, linear);
    room = room_in_page(linear);
    check_alignment(cpu, linear, size, bank);
    if (size <= room && tlb_code_page(cpu, linear, bank)) {
        return;
    }
    resolve(cpu, linear, MMU_WRITE, bank);
    if (size > room) {
        resolve(cpu, wrap(cpu, linear + room), MMU_WRITE, bank);
    }
}

unsigned mem_write_target(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned bank,
                          uint64_t phys[2])
{
    unsigned room;

    linear = wrap(cpu, linear);
    room = room_in_page(linear);
    check_alignment(cpu, linear, size, bank);
    phys[0] = resolve(cpu, linear, MMU_WRITE, bank);
    phys[1] = size > room ? resolve(cpu, wrap(cpu, linear + room), MMU_WRITE, bank) : 0;
    note_access(cpu, linear, size, true);
    return MIN(size, room);
}

void *mem_host(struct x86_cpu *cpu, uint64_t linear, unsigned size, bool write, unsigned bank)
{
    struct tlb_entry *e = &cpu->tlb.entry[bank][linear >> 12 & (TLB_SIZE - 1)];

    for (int pass = 0; pass < 2; pass++) {
        uint64_t off = linear - (write ? e->write_tag : e->read_tag);

        if (off <= 4096 - size) {
            return (void *)(uintptr_t)(e->addend + linear);
        }
        if (pass == 0) {
            if (size > room_in_page(linear)) {
                return NULL;
            }
            if (!tlb_recall(cpu, linear, bank, write ? MMU_WRITE : MMU_READ)) {
                resolve(cpu, wrap(cpu, linear), write ? MMU_WRITE : MMU_READ, bank);
            }
        }
    }
    return NULL;
}

void mem_read_bytes(struct x86_cpu *cpu, uint64_t linear, void *buf, unsigned len, unsigned bank)
{
    uint8_t *p = buf;

    while (len) {
        unsigned n = MIN(len, room_in_page(linear));
        void *host = mem_host(cpu, linear, n, false, bank);

        if (host) {
            guest_ram_copy(p, host, n);
        } else {
            for (unsigned k = 0; k < n; k++) {
                p[k] = (uint8_t)mem_load_bank(cpu, linear + k, 1, bank);
            }
        }
        p += n;
        linear = wrap(cpu, linear + n);
        len -= n;
    }
}

void mem_write_bytes(struct x86_cpu *cpu, uint64_t linear, const void *buf, unsigned len,
                     unsigned bank)
{
    const uint8_t *p = buf;
    uint64_t at = linear;
    unsigned left = len;

    while (left) {
        const struct tlb_entry *e = &cpu->tlb.entry[bank][at >> 12 & (TLB_SIZE - 1)];
        unsigned n = MIN(left, room_in_page(at));

        if (at - e->write_tag > 4095) {
            mem_probe_write_slow(cpu, at, 1, bank);
        }
        at = wrap(cpu, at + n);
        left -= n;
    }
    while (len) {
        unsigned n = MIN(len, room_in_page(linear));
        void *host = mem_host(cpu, linear, n, true, bank);

        if (host) {
            guest_ram_copy(host, p, n);
        } else {
            for (unsigned k = 0; k < n; k++) {
                mem_store_bank(cpu, linear + k, p[k], 1, bank);
            }
        }
        p += n;
        linear = wrap(cpu, linear + n);
        len -= n;
    }
}

const uint8_t *mmu_fetch(struct x86_cpu *cpu, uint64_t linear, uint64_t *phys,
                         struct ram_block **ram, uint64_t *ram_offset)
{
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;
    const struct mem_section *s;

    *phys = resolve(cpu, linear, MMU_EXEC, bank);
    s = physical(cpu, *phys);
    if (!s || !s->ram) {
        return NULL;
    }
    *ram = s->ram;
    *ram_offset = s->ram_offset + (*phys - s->start);
    return s->ram->host + *ram_offset;
}

const uint8_t *mmu_fetch_host(struct x86_cpu *cpu, uint64_t linear)
{
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;
    const uint8_t *host = tlb_exec_host(cpu, bank, linear);
    struct ram_block *ram;
    uint64_t phys, offset;

    if (!host && tlb_recall(cpu, linear, bank, MMU_EXEC)) {
        host = tlb_exec_host(cpu, bank, linear);
    }
    return host ? host : mmu_fetch(cpu, linear, &phys, &ram, &offset);
}
