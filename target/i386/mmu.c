/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/mmu.c: the page walk (SDM vol. 3, ch. 4) and filling and flushing the soft TLB.
 *
 * Invariants: a read or exec tag is valid only while the page tables allow the access for the
 *             bank's privilege and the page is RAM; a write tag also needs the dirty bit set, RAM
 *             that is not read-only, and no RAM_PAGE_CODE flag on the page.
 * Thread:     the vCPU's own.
 */
#include <inttypes.h>
#include "target/i386/mmu.h"
#include "target/i386/exec_system.h"
#include "target/i386/mem.h"
#include "util/log.h"

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

/* #PF error code */
#define PF_P    1u
#define PF_W    2u
#define PF_U    4u
#define PF_RSVD 8u
#define PF_I    16u

static const struct mem_section *physical(struct x86_cpu *cpu, uint64_t phys)
{
    return address_space_lookup(&cpu->vcpu.machine->memory, phys);
}

static uint64_t table_load(struct x86_cpu *cpu, uint64_t phys, unsigned size)
{
    return address_space_load(&cpu->vcpu.machine->memory, phys & cpu->a20_mask, size);
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

/* Do the accumulated rights allow the access?  The protection part of the error code, or 0. */
static bool allowed(const struct x86_cpu *cpu, const struct translation *t, enum mmu_access access,
                    unsigned bank)
{
    bool user_mode = bank == TLB_USER || bank == TLB_USER_AC;
    bool nx = t->nx && (cpu->efer & EFER_NXE);

    if (access == MMU_EXEC) {
        if (nx) {
            return false;
        }
        return user_mode ? t->user : !(t->user && (cpu->cr4 & CR4_SMEP));
    }
    if (user_mode) {
        return t->user && (access == MMU_READ || t->writable);
    }
    if (t->user && (cpu->cr4 & CR4_SMAP) && bank == TLB_KERNEL) {
        return false;
    }
    return access == MMU_READ || t->writable || !(cpu->cr0 & CR0_WP);
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
    if (!allowed(cpu, t, access, bank)) {
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

/* Flushing ------------------------------------------------------------------------------------ */

static void clear_entry(struct tlb_entry *e, uint64_t slot)
{
    e->read_tag = e->write_tag = TLB_NO_TAG(slot);
    e->exec_key = TLB_NO_EXEC;
}

void tlb_init(struct x86_cpu *cpu)
{
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned n = 0; n < TLB_SIZE; n++) {
            clear_entry(&cpu->tlb.entry[b][n], n);
            cpu->tlb.state[b][n] = 0;
        }
        cpu->tlb.fills[b] = 0;
    }
    cpu->tlb.large_first = UINT64_MAX;
    cpu->tlb.large_last = 0;
    cpu->tlb.generation++;
}

/* The log names each filled slot once; when it is full the bank is walked whole. */
static void flush_bank(struct tlb *tlb, unsigned b, bool keep_global)
{
    unsigned kept = 0, n = tlb->fills[b];

    for (unsigned k = 0; k < n; k++) {
        uint16_t slot = tlb->fill_log[b][k];

        if (keep_global && (tlb->state[b][slot] & TLB_GLOBAL)) {
            tlb->fill_log[b][kept++] = slot;
        } else {
            clear_entry(&tlb->entry[b][slot], slot);
            tlb->state[b][slot] = 0;
        }
    }
    tlb->fills[b] = kept;
}

void tlb_flush(struct x86_cpu *cpu)
{
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        flush_bank(&cpu->tlb, b, false);
    }
    cpu->tlb.large_first = UINT64_MAX;
    cpu->tlb.large_last = 0;
    cpu->tlb.generation++;
}

void tlb_flush_nonglobal(struct x86_cpu *cpu)
{
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        flush_bank(&cpu->tlb, b, true);
    }
    cpu->tlb.generation++;
}

void tlb_flush_page(struct x86_cpu *cpu, uint64_t linear)
{
    struct tlb *tlb = &cpu->tlb;

    if (linear >= tlb->large_first && linear <= tlb->large_last) {
        tlb_flush(cpu);
        return;
    }
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        struct tlb_entry *e = &tlb->entry[b][linear >> 12 & (TLB_SIZE - 1)];
        uint64_t page = linear & GUEST_PAGE_MASK;

        if (e->read_tag == page || e->write_tag == page || tlb_exec_host(cpu, b, page)) {
            clear_entry(e, linear >> 12); /* it stays in the log */
        }
    }
    tlb->generation++;
}

void tlb_revoke_write(struct x86_cpu *cpu, uint64_t host_page)
{
    struct tlb *tlb = &cpu->tlb;

    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned k = 0; k < tlb->fills[b]; k++) {
            struct tlb_entry *e = &tlb->entry[b][tlb->fill_log[b][k]];

            if (e->addend + e->write_tag == host_page) {
                e->write_tag = TLB_NO_TAG(tlb->fill_log[b][k]);
            }
        }
    }
}

/* Filling ------------------------------------------------------------------------------------- */

/* Host pointer to the page that holds phys, when a whole page of RAM or ROM serves it. */
static uint8_t *ram_page(struct x86_cpu *cpu, uint64_t phys, bool *writable, uint8_t **flags)
{
    uint64_t page = phys & GUEST_PAGE_MASK, off;
    const struct mem_section *s = physical(cpu, page);

    if (!s || !s->ram || page < s->start || page + 4095 > s->last) {
        return NULL;
    }
    off = s->ram_offset + (page - s->start);
    *writable = !s->readonly;
    *flags = &s->ram->page_flags[off >> GUEST_PAGE_BITS];
    return off & 4095 ? NULL : s->ram->host + off;
}

/* A data breakpoint on this page: its accesses stay on the slow path, which reports them. */
static bool watched(const struct x86_cpu *cpu, uint64_t page)
{
    for (unsigned n = 0; n < 4; n++) {
        bool enabled = cpu->dr[7] >> (2 * n) & 3, data = cpu->dr[7] >> (16 + 4 * n) & 1;

        if (enabled && data && (cpu->dr[n] & GUEST_PAGE_MASK) == page) {
            return true;
        }
    }
    return false;
}

static void note_access(struct x86_cpu *cpu, uint64_t linear, unsigned size, bool write)
{
    if (G_UNLIKELY(cpu->dr[7] & 0xff)) {
        debug_data_access(cpu, linear, size, write);
    }
}

static void tlb_fill(struct x86_cpu *cpu, uint64_t linear, unsigned bank,
                     const struct translation *t)
{
    struct tlb *tlb = &cpu->tlb;
    unsigned slot = linear >> 12 & (TLB_SIZE - 1);
    struct tlb_entry *e = &tlb->entry[bank][slot];
    uint64_t page = linear & GUEST_PAGE_MASK;
    uint8_t *flags, *host;
    bool writable;

    if (bank == TLB_USER_AC || watched(cpu, page)) {
        return;
    }
    host = ram_page(cpu, t->phys, &writable, &flags);
    if (!host) {
        return;
    }
    if (!(tlb->state[bank][slot] & TLB_LOGGED)) {
        tlb->fill_log[bank][tlb->fills[bank]++] = (uint16_t)slot;
    }
    e->addend = (uintptr_t)host - page;
    e->read_tag = allowed(cpu, t, MMU_READ, bank) ? page : TLB_NO_TAG(slot);
    e->exec_key =
        allowed(cpu, t, MMU_EXEC, bank) ? tlb_exec_key(page, (uintptr_t)host) : TLB_NO_EXEC;
    e->write_tag = TLB_NO_TAG(slot);
    if (writable && t->dirty && allowed(cpu, t, MMU_WRITE, bank) &&
        !(__atomic_load_n(flags, __ATOMIC_RELAXED) & RAM_PAGE_CODE)) {
        /* Dirty once known is dirty until somebody looks and clears, which revokes the tag. */
        __atomic_or_fetch(flags, RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE, __ATOMIC_RELAXED);
        e->write_tag = page;
    }
    tlb->state[bank][slot] = TLB_LOGGED | (t->global ? TLB_GLOBAL : 0);
    if (t->page_size > 4096) {
        uint64_t first = linear & ~(t->page_size - 1);

        tlb->large_first = MIN(tlb->large_first, first);
        tlb->large_last = MAX(tlb->large_last, first + t->page_size - 1);
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
    tlb_fill(cpu, linear, bank, &t);
    return t.phys;
}

bool mmu_refill(struct x86_cpu *cpu, uint64_t linear, unsigned size, unsigned how)
{
    const struct tlb_entry *e = &cpu->tlb.entry[cpu->bank][linear >> 12 & (TLB_SIZE - 1)];
    struct translation t;
    uint32_t error;

    if (((linear + (1ull << 47)) >> 48) != 0 || (linear & 4095) + size > 4096 ||
        ((how & REFILL_ALIGNED) &&
         ((linear + (how >> 8)) & ((16u << (how >> REFILL_ALIGN_SHIFT & 3)) - 1)))) {
        return false;
    }
    how &= REFILL_ALIGNED - 1;
    if (!mmu_translate(cpu, linear, how == REFILL_WRITE ? MMU_WRITE : MMU_READ, cpu->bank, true, &t,
                       &error)) {
        return false;
    }
    tlb_fill(cpu, linear, cpu->bank, &t);
    if (cpu->stop_block) { /* the walk waited for the machine lock */
        return false;
    }
    return linear - (how == REFILL_READ ? e->read_tag : e->write_tag) <= 4096 - size;
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

static uint64_t physical_load(struct x86_cpu *cpu, uint64_t phys, unsigned size)
{
    return address_space_load(&cpu->vcpu.machine->memory, phys, size);
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
    unsigned room;
    uint64_t low, high;

    linear = wrap(cpu, linear);
    room = room_in_page(linear);
    check_alignment(cpu, linear, size, bank);
    note_access(cpu, linear, size, false);
    if (size <= room) {
        return load_part(cpu, linear, size, bank);
    }
    low = load_part(cpu, linear, room, bank);
    high = load_part(cpu, wrap(cpu, linear + room), size - room, bank);
    return low | high << (8 * room);
}

static void store_part(struct x86_cpu *cpu, uint64_t phys, uint64_t v, unsigned size)
{
    struct address_space *as = &cpu->vcpu.machine->memory;

    if (size == 1 || size == 2 || size == 4 || size == 8) {
        address_space_store(as, phys, v, size);
        return;
    }
    for (unsigned k = 0; k < size; k++) {
        address_space_store(as, phys + k, v >> (8 * k) & 0xff, 1);
    }
}

void mem_store_slow(struct x86_cpu *cpu, uint64_t linear, uint64_t value, unsigned size,
                    unsigned bank)
{
    uint64_t phys, phys2;
    unsigned room;

    linear = wrap(cpu, linear);
    room = room_in_page(linear);
    check_alignment(cpu, linear, size, bank);
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
            resolve(cpu, wrap(cpu, linear), write ? MMU_WRITE : MMU_READ, bank);
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
        unsigned n = MIN(left, room_in_page(at));

        mem_probe_write_slow(cpu, at, 1, bank);
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
