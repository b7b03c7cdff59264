/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/tlb.c: the soft TLB: filling and flushing its two levels.
 *
 * The first level is direct-mapped and all that translated code looks at.  It holds pages of CR3's
 * PCID and global ones.  The second, set-associative, keeps whatever was filled, with the context
 * that it was filled in: a number that is never used twice.  A PCID has two of them, one for parts
 * of large pages, and so have global pages.  Flushing gives a new number; what has the old one is
 * dead.  INVLPG inside the range of large pages gives new ones to these alone.
 *
 * Invariants: a read or exec tag is valid only while the page tables allow the access for the
 *             bank's privilege and the page is RAM; a write tag also needs the dirty bit set, RAM
 *             that is not read-only, no RAM_PAGE_CODE flag on the page, and the flags for dirty
 *             RAM set.  Whoever changes the flags takes the tags back, by the log of fills; the
 *             second level holds no tags, the flags are looked at when a page comes from there.
 *             Between a wait for the machine lock and the flush that the wait asked for, nothing
 *             comes from there.
 * Thread:     the vCPU's own; built without vector instructions, for mmu_refill_quick.
 * Source:     SDM vol. 3, 4.10.
 */
#include "target/i386/tlb.h"
#include "target/i386/mem.h"

enum tlb_what {
    WHAT_BANK = 3,
    WHAT_LARGE = 4,
    WHAT_GLOBAL = 8,
    WHAT_READ = 16,
    WHAT_WRITE = 32, /* and the dirty bit is set */
    WHAT_EXEC = 64,
    WHAT_CONTEXT_SHIFT = 2, /* LARGE and GLOBAL are an index of tlb.context */
    WHAT_ORDER_SHIFT = 7,
};

#define ORDER_MASK 31u
#define DIRTY      (RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE)

static unsigned pcid_of(const struct x86_cpu *cpu)
{
    return cpu->cr4 & CR4_PCIDE ? (unsigned)cpu->cr3 & (TLB_PCIDS - 1) : 0;
}

/* Pages of the upper half lie in the same set for all PCIDs: only there may global ones be kept. */
static struct tlb_saved *saved_set(struct tlb *tlb, uint64_t linear, unsigned pcid)
{
    uint64_t n = linear >> 12 ^ linear >> 23 ^ (linear >> 63 ? 0 : pcid * 157);

    return tlb->saved[n & (TLB_SETS - 1)];
}

/* Contexts --------------------------------------------------------------------------------------- */

static void new_contexts(struct tlb *tlb, unsigned first, unsigned n)
{
    for (unsigned k = first; k < first + n; k++) {
        tlb->context[k] = ++tlb->contexts;
    }
}

static void clear_entry(struct tlb_entry *e, uint64_t slot)
{
    e->read_tag = e->write_tag = TLB_NO_TAG(slot);
    e->exec_key = TLB_NO_EXEC;
}

void tlb_init(struct x86_cpu *cpu)
{
    struct tlb *tlb = &cpu->tlb;

    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned n = 0; n < TLB_SIZE; n++) {
            clear_entry(&tlb->entry[b][n], n);
            tlb->state[b][n] = 0;
        }
        tlb->fills[b] = 0;
    }
    tlb_flush(cpu);
}

/* Flushing --------------------------------------------------------------------------------------- */

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

static void flush_banks(struct tlb *tlb, bool keep_global)
{
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        flush_bank(tlb, b, keep_global);
    }
    tlb->generation++;
}

void tlb_flush(struct x86_cpu *cpu)
{
    struct tlb *tlb = &cpu->tlb;

    flush_banks(tlb, false);
    for (unsigned half = 0; half < 2; half++) {
        tlb->large_first[half] = UINT64_MAX;
        tlb->large_last[half] = 0;
    }
    tlb->dead_contexts = tlb->contexts;
    new_contexts(tlb, 0, 4);
}

void tlb_flush_nonglobal(struct x86_cpu *cpu)
{
    flush_banks(&cpu->tlb, true);
    cpu->tlb.dead_contexts = cpu->tlb.contexts;
    new_contexts(&cpu->tlb, 0, 2);
}

void tlb_flush_pcid(struct x86_cpu *cpu, unsigned pcid)
{
    struct tlb *tlb = &cpu->tlb;

    if (pcid == pcid_of(cpu)) {
        flush_banks(tlb, true);
        new_contexts(tlb, 0, 2);
    } else {
        tlb->pcid[pcid][0] = tlb->pcid[pcid][1] = 0;
    }
}

void tlb_load_cr3(struct x86_cpu *cpu, uint64_t cr3, bool keep)
{
    struct tlb *tlb = &cpu->tlb;
    unsigned old = pcid_of(cpu), pcid;

    cpu->cr3 = cr3;
    pcid = pcid_of(cpu);
    if (keep && pcid == old) {
        return;
    }
    flush_banks(tlb, true);
    for (unsigned k = 0; k < 2; k++) {
        tlb->pcid[old][k] = tlb->context[k];
        if (keep && tlb->pcid[pcid][k] > tlb->dead_contexts) {
            tlb->context[k] = tlb->pcid[pcid][k];
        } else {
            new_contexts(tlb, k, 1);
        }
    }
}

static bool in_large_range(const struct tlb *tlb, uint64_t linear)
{
    unsigned half = linear >> 63;

    return linear >= tlb->large_first[half] && linear <= tlb->large_last[half];
}

/* Every part of the page that holds the address goes, when that is a large one. */
static void flush_large(struct tlb *tlb, unsigned b, uint64_t linear)
{
    for (unsigned k = 0; k < tlb->fills[b]; k++) {
        unsigned slot = tlb->fill_log[b][k];
        unsigned order = tlb->state[b][slot] >> TLB_ORDER_SHIFT;
        struct tlb_entry *e = &tlb->entry[b][slot];

        /* One that may only be executed has no such tag: it goes, too. */
        if (order &&
            (e->read_tag == TLB_NO_TAG(slot) || !((e->read_tag ^ linear) >> (12 + order)))) {
            clear_entry(e, slot);
        }
    }
}

/* In the second level: of any context, which can only be too much. */
static void forget_page(struct tlb *tlb, uint64_t linear, unsigned pcid)
{
    struct tlb_saved *s = saved_set(tlb, linear, pcid);

    for (unsigned k = 0; k < TLB_WAYS; k++) {
        if (!((s[k].what ^ linear) & GUEST_PAGE_MASK)) {
            s[k].context = 0;
        }
    }
}

void tlb_flush_page(struct x86_cpu *cpu, uint64_t linear)
{
    struct tlb *tlb = &cpu->tlb;
    bool large = in_large_range(tlb, linear);

    for (unsigned b = 0; b < TLB_BANKS; b++) {
        struct tlb_entry *e = &tlb->entry[b][linear >> 12 & (TLB_SIZE - 1)];
        uint64_t page = linear & GUEST_PAGE_MASK;

        if (e->read_tag == page || e->write_tag == page || tlb_exec_host(cpu, b, page)) {
            clear_entry(e, linear >> 12); /* it stays in the log */
        }
        if (large) {
            flush_large(tlb, b, linear);
        }
    }
    forget_page(tlb, linear, pcid_of(cpu));
    if (large) {
        new_contexts(tlb, WHAT_LARGE >> WHAT_CONTEXT_SHIFT, 1);
        new_contexts(tlb, (WHAT_LARGE | WHAT_GLOBAL) >> WHAT_CONTEXT_SHIFT, 1);
    }
    tlb->generation++;
}

void tlb_flush_pcid_page(struct x86_cpu *cpu, unsigned pcid, uint64_t linear)
{
    if (pcid == pcid_of(cpu)) {
        tlb_flush_page(cpu, linear);
        return;
    }
    forget_page(&cpu->tlb, linear, pcid);
    if (in_large_range(&cpu->tlb, linear)) {
        cpu->tlb.pcid[pcid][WHAT_LARGE >> WHAT_CONTEXT_SHIFT] = 0;
    }
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

/* Filling ---------------------------------------------------------------------------------------- */

bool tlb_allowed(const struct x86_cpu *cpu, const struct translation *t, enum mmu_access access,
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

/* May the page have a write tag?  A write may mark it as written for that. */
static bool flags_allow_write(uint8_t *flags, bool write)
{
    uint8_t now = __atomic_load_n(flags, __ATOMIC_RELAXED);

    if (now & RAM_PAGE_CODE) {
        return false;
    }
    if ((now & DIRTY) == DIRTY) {
        return true;
    }
    if (write) {
        /* Dirty once known is dirty until somebody looks and clears, which revokes the tag. */
        __atomic_or_fetch(flags, DIRTY, __ATOMIC_RELAXED);
    }
    return write;
}

/* Into the first level. */
static void enter(struct tlb *tlb, const struct tlb_saved *s, bool write)
{
    uint64_t what = s->what, page = what & GUEST_PAGE_MASK;
    unsigned slot = page >> 12 & (TLB_SIZE - 1), bank = what & WHAT_BANK;
    struct tlb_entry *e = &tlb->entry[bank][slot];
    unsigned order = what >> WHAT_ORDER_SHIFT & ORDER_MASK;

    if (!(tlb->state[bank][slot] & TLB_LOGGED)) {
        tlb->fill_log[bank][tlb->fills[bank]++] = (uint16_t)slot;
    }
    e->addend = s->host - page;
    e->read_tag = what & WHAT_READ ? page : TLB_NO_TAG(slot);
    e->exec_key = what & WHAT_EXEC ? tlb_exec_key(page, s->host) : TLB_NO_EXEC;
    e->write_tag =
        (what & WHAT_WRITE) && flags_allow_write(s->flags, write) ? page : TLB_NO_TAG(slot);
    tlb->state[bank][slot] =
        (uint8_t)(TLB_LOGGED | (what & WHAT_GLOBAL ? TLB_GLOBAL : 0) | order << TLB_ORDER_SHIFT);
}

/* Into the second; an older state of the page goes. */
static void save(struct x86_cpu *cpu, const struct tlb_saved *s)
{
    struct tlb *tlb = &cpu->tlb;
    struct tlb_saved *set = saved_set(tlb, s->what, pcid_of(cpu));
    unsigned way = tlb->victim++ % TLB_WAYS;

    if ((s->what & WHAT_GLOBAL) && !(s->what >> 63)) {
        return; /* INVLPG under another PCID would not find it */
    }
    for (unsigned k = 0; k < TLB_WAYS; k++) {
        if (!((set[k].what ^ s->what) & (GUEST_PAGE_MASK | WHAT_BANK))) {
            set[k].context = 0;
            way = k;
        }
    }
    set[way] = *s;
}

void tlb_fill(struct x86_cpu *cpu, uint64_t linear, unsigned bank, const struct translation *t,
              const struct mem_section *s, bool write)
{
    uint64_t page = linear & GUEST_PAGE_MASK, phys = t->phys & GUEST_PAGE_MASK, off;
    unsigned order = (unsigned)__builtin_ctzll(t->page_size) - 12;
    struct tlb *tlb = &cpu->tlb;
    struct tlb_saved n = { .what = page | bank };

    if (bank == TLB_USER_AC || !s->ram || phys < s->start || phys + 4095 > s->last ||
        watched(cpu, page)) {
        return;
    }
    off = s->ram_offset + (phys - s->start);
    if (off & 4095) {
        return;
    }
    n.host = (uintptr_t)s->ram->host + off;
    n.flags = &s->ram->page_flags[off >> GUEST_PAGE_BITS];
    n.what |= tlb_allowed(cpu, t, MMU_READ, bank) ? WHAT_READ : 0;
    n.what |= tlb_allowed(cpu, t, MMU_EXEC, bank) ? WHAT_EXEC : 0;
    if (!s->readonly && t->dirty && tlb_allowed(cpu, t, MMU_WRITE, bank)) {
        n.what |= WHAT_WRITE;
    }
    n.what |= (order ? WHAT_LARGE : 0) | (t->global ? WHAT_GLOBAL : 0) | order << WHAT_ORDER_SHIFT;
    n.context = tlb->context[(n.what & (WHAT_LARGE | WHAT_GLOBAL)) >> WHAT_CONTEXT_SHIFT];
    if (order) {
        uint64_t first = linear & ~(t->page_size - 1), last = first + t->page_size - 1;
        unsigned half = linear >> 63;

        tlb->large_first[half] = MIN(tlb->large_first[half], first);
        tlb->large_last[half] = MAX(tlb->large_last[half], last);
    }
    enter(tlb, &n, write);
    save(cpu, &n);
}

bool tlb_recall(struct x86_cpu *cpu, uint64_t linear, unsigned bank, enum mmu_access access)
{
    static const uint8_t right[] = {
        [MMU_READ] = WHAT_READ, [MMU_WRITE] = WHAT_WRITE, [MMU_EXEC] = WHAT_EXEC
    };
    struct tlb *tlb = &cpu->tlb;
    const struct tlb_saved *s = saved_set(tlb, linear, pcid_of(cpu));
    uint64_t page = (linear & GUEST_PAGE_MASK) | bank;

    if (atomic_load_explicit(&cpu->pending, memory_order_relaxed) & PENDING_FLUSH) {
        return false;
    }
    for (unsigned k = 0; k < TLB_WAYS; k++, s++) {
        if (!((s->what ^ page) & (GUEST_PAGE_MASK | WHAT_BANK)) &&
            s->context ==
                tlb->context[(s->what & (WHAT_LARGE | WHAT_GLOBAL)) >> WHAT_CONTEXT_SHIFT]) {
            if (!(s->what & right[access])) {
                return false;
            }
            enter(tlb, s, access == MMU_WRITE);
            return true;
        }
    }
    return false;
}
