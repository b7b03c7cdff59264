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

#define ORDER_MASK     31u
#define TLB_LARGE_PAGE (2u << 20)
#define DIRTY          (RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE)

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

/* b: of all banks. */
static void clear_slot(struct tlb *tlb, unsigned b, unsigned slot)
{
    if (b < TLB_BANKS) {
        struct tlb_entry *e = &tlb->entry[b][slot];

        e->read_tag = e->write_tag = TLB_NO_TAG(slot);
    } else {
        tlb->exec[b - TLB_BANKS][slot] = TLB_NO_EXEC;
    }
}

void tlb_init(struct x86_cpu *cpu)
{
    struct tlb *tlb = &cpu->tlb;

    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned n = 0; n < TLB_SIZE; n++) {
            clear_slot(tlb, b, n);
        }
    }
    memset(tlb->exec, 0xff, sizeof(tlb->exec)); /* TLB_NO_EXEC */
    memset(tlb->state, 0, sizeof(tlb->state));
    for (unsigned b = 0; b < TLB_ALL_BANKS; b++) {
        tlb->fills[b][0] = tlb->fills[b][1] = 0;
    }
    tlb_flush(cpu);
}

/* Flushing --------------------------------------------------------------------------------------- */

/* A log names a slot once, so that it never outgrows the bank. */
static void flush_log(struct tlb *tlb, unsigned b, bool global)
{
    const uint16_t *log = tlb->fill_log[b][global];
    uint8_t own = global ? TLB_LOGGED_GLOBAL : TLB_LOGGED;

    for (unsigned k = 0; k < tlb->fills[b][global]; k++) {
        uint8_t *state = &tlb->state[b][log[k]];

        if (!!(*state & TLB_GLOBAL) == global) {
            clear_slot(tlb, b, log[k]);
            *state &= TLB_LOGGED | TLB_LOGGED_GLOBAL;
        }
        *state &= (uint8_t)~own;
    }
    tlb->fills[b][global] = 0;
}

static void flush_sites(struct tlb *tlb)
{
    for (unsigned k = 0; k < tlb->site_fills; k++) {
        struct tlb_site *s = (struct tlb_site *)(uintptr_t)tlb->site_log[k];

        s->tag = TLB_NO_TAG(0);
        s->addend = 0;
    }
    tlb->site_fills = 0;
    for (unsigned b = 0; b < TLB_BANKS; b++) {
        tlb->stack[b][0].tag = tlb->stack[b][1].tag = TLB_NO_TAG(0);
    }
}

static void flush_banks(struct tlb *tlb, bool keep_global)
{
    flush_sites(tlb);
    for (unsigned b = 0; b < TLB_ALL_BANKS; b++) {
        flush_log(tlb, b, false);
        if (!keep_global) {
            flush_log(tlb, b, true);
        }
    }
    tlb->generation++;
}

void tlb_flush(struct x86_cpu *cpu)
{
    struct tlb *tlb = &cpu->tlb;

    flush_banks(tlb, false);
    memset(tlb->large, 0, sizeof(tlb->large));
    for (unsigned half = 0; half < 2; half++) {
        tlb->huge_first[half] = UINT64_MAX;
        tlb->huge_last[half] = 0;
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

static uint64_t *large_word(struct tlb *tlb, uint64_t linear, uint64_t *bit)
{
    uint64_t n = (linear >> 21 ^ linear >> 33) & (TLB_LARGE_BITS - 1);

    *bit = 1ull << (n & 63);
    return &tlb->large[n / 64];
}

/* May pages beyond 2 MiB have been filled about here? */
static bool in_huge_range(const struct tlb *tlb, uint64_t linear)
{
    unsigned half = linear >> 63;

    return linear >= tlb->huge_first[half] && linear <= tlb->huge_last[half];
}

static bool may_be_large(struct tlb *tlb, uint64_t linear)
{
    uint64_t bit;

    return (*large_word(tlb, linear, &bit) & bit) || in_huge_range(tlb, linear);
}

static void note_large(struct tlb *tlb, uint64_t linear, uint64_t page_size)
{
    uint64_t first = linear & ~(page_size - 1), last = first + page_size - 1, bit;
    unsigned half = linear >> 63;

    if (page_size <= TLB_LARGE_PAGE) {
        *large_word(tlb, linear, &bit) |= bit;
    } else {
        tlb->huge_first[half] = MIN(tlb->huge_first[half], first);
        tlb->huge_last[half] = MAX(tlb->huge_last[half], last);
    }
}

/*
 * Every part of a large page goes, if it is the one that holds the address, and all code that has its slots: parts of
 * 2 MiB lie in neighbouring slots.
 */
static void flush_large(struct tlb *tlb, unsigned b, uint64_t linear)
{
    bool huge = in_huge_range(tlb, linear);
    unsigned n = huge ? TLB_SIZE : TLB_LARGE_PAGE >> 12;
    unsigned at = b < TLB_BANKS ? (unsigned)(linear >> 12) & (TLB_SIZE - 1) : tlb_exec_slot(linear);
    unsigned first = huge ? 0 : at & ~(n - 1);

    for (unsigned slot = first; slot < first + n; slot++) {
        unsigned order = tlb->state[b][slot] >> TLB_ORDER_SHIFT;

        if (order && (b >= TLB_BANKS || tlb->entry[b][slot].read_tag == TLB_NO_TAG(slot) ||
                      !((tlb->entry[b][slot].read_tag ^ linear) >> (12 + order)))) {
            clear_slot(tlb, b, slot);
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
    bool large = may_be_large(tlb, linear);

    flush_sites(tlb);
    for (unsigned b = 0; b < TLB_BANKS; b++) { /* what is cleared stays in the log */
        unsigned slot = linear >> 12 & (TLB_SIZE - 1);
        const struct tlb_entry *e = &tlb->entry[b][slot];
        uint64_t page = linear & GUEST_PAGE_MASK;

        if (e->read_tag == page || e->write_tag == page) {
            clear_slot(tlb, b, slot);
        }
    }
    for (unsigned b = 0; b < TLB_EXEC_BANKS; b++) {
        if (tlb_exec_host(cpu, b, linear)) {
            clear_slot(tlb, TLB_BANKS + b, tlb_exec_slot(linear));
        }
    }
    for (unsigned b = 0; b < TLB_ALL_BANKS && large; b++) {
        flush_large(tlb, b, linear);
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
    if (may_be_large(&cpu->tlb, linear)) {
        cpu->tlb.pcid[pcid][WHAT_LARGE >> WHAT_CONTEXT_SHIFT] = 0;
    }
}

/* Write tags ------------------------------------------------------------------------------------- */

/*
 * Whoever may have a write tag for a page is in the list of that page's hash: an entry is in one list at most, by its
 * number, and stays there when its tag goes another way.  Each list begins and ends with a node of its own.
 */
static unsigned writer_number(unsigned bank, unsigned slot)
{
    return 1 + bank * TLB_SIZE + slot;
}

static struct tlb_entry *writer_entry(struct tlb *tlb, unsigned number, unsigned *slot)
{
    *slot = (number - 1) % TLB_SIZE;
    return &tlb->entry[(number - 1) / TLB_SIZE][*slot];
}

/* The node of the list of a page. */
static unsigned writer_list(uint64_t host)
{
    return 1 + TLB_WRITERS + ((host >> 12 ^ host >> 26) & (TLB_WRITER_LISTS - 1));
}

static void remove_writer(struct tlb *tlb, unsigned number)
{
    struct tlb_writer *w = &tlb->writer[number];

    if (w->next) {
        tlb->writer[w->previous].next = w->next;
        tlb->writer[w->next].previous = w->previous;
        *w = (struct tlb_writer){ 0, 0 };
    }
}

static void note_writer(struct tlb *tlb, unsigned bank, unsigned slot, uint64_t host)
{
    unsigned number = writer_number(bank, slot), list = writer_list(host), first;

    remove_writer(tlb, number);
    first = tlb->writer[list].next ? tlb->writer[list].next : list;
    tlb->writer[number] =
        (struct tlb_writer){ .next = (uint16_t)first, .previous = (uint16_t)list };
    tlb->writer[first].previous = (uint16_t)number;
    tlb->writer[list].next = (uint16_t)number;
}

void tlb_revoke_write(struct x86_cpu *cpu, uint64_t host)
{
    struct tlb *tlb = &cpu->tlb;
    unsigned list = writer_list(host), next;

    flush_sites(tlb);
    for (unsigned n = tlb->writer[list].next; n && n != list; n = next) {
        unsigned slot;
        struct tlb_entry *e = writer_entry(tlb, n, &slot);

        next = tlb->writer[n].next;
        if (e->addend + e->write_tag == host) {
            e->write_tag = TLB_NO_TAG(slot);
        }
        if (e->write_tag == TLB_NO_TAG(slot) || writer_list(e->addend + e->write_tag) != list) {
            remove_writer(tlb, n);
        }
    }
}

void tlb_revoke_writes(struct x86_cpu *cpu, uint64_t first, uint64_t len)
{
    struct tlb *tlb = &cpu->tlb;

    flush_sites(tlb);
    for (unsigned n = 0; n < TLB_BANKS * 2; n++) {
        const uint16_t *log = tlb->fill_log[n / 2][n % 2];

        for (unsigned k = 0; k < tlb->fills[n / 2][n % 2]; k++) {
            struct tlb_entry *e = &tlb->entry[n / 2][log[k]];

            if (e->addend + e->write_tag - first < len) {
                e->write_tag = TLB_NO_TAG(log[k]);
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

/* A data breakpoint or watchpoint on this page: its accesses stay on the slow path, which reports them. */
static bool watched(const struct x86_cpu *cpu, uint64_t page)
{
    if (debugger_watches_page(&cpu->vcpu.machine->debugger, page)) {
        return true;
    }
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

static uint8_t *page_flags(const struct tlb_saved *s)
{
    return &s->ram->page_flags[(s->host - (uintptr_t)s->ram->host) >> GUEST_PAGE_BITS];
}

/* Something of these properties is about to be in a slot of a bank, of all banks. */
static void log_slot(struct tlb *tlb, unsigned bank, unsigned slot, uint64_t what)
{
    unsigned order = what >> WHAT_ORDER_SHIFT & ORDER_MASK;
    bool global = what & WHAT_GLOBAL;
    uint8_t logged = tlb->state[bank][slot] & (TLB_LOGGED | TLB_LOGGED_GLOBAL);

    if (!(logged & (global ? TLB_LOGGED_GLOBAL : TLB_LOGGED))) {
        logged |= global ? TLB_LOGGED_GLOBAL : TLB_LOGGED;
        tlb->fill_log[bank][global][tlb->fills[bank][global]++] = (uint16_t)slot;
    }
    tlb->state[bank][slot] =
        (uint8_t)(logged | (global ? TLB_GLOBAL : 0) | order << TLB_ORDER_SHIFT);
}

static void enter_data(struct tlb *tlb, const struct tlb_saved *s, bool write)
{
    uint64_t what = s->what, page = what & GUEST_PAGE_MASK;
    unsigned slot = page >> 12 & (TLB_SIZE - 1), bank = what & WHAT_BANK;
    struct tlb_entry *e = &tlb->entry[bank][slot];

    log_slot(tlb, bank, slot, what);
    e->addend = s->host - page;
    e->read_tag = what & WHAT_READ ? page : TLB_NO_TAG(slot);
    e->write_tag = TLB_NO_TAG(slot);
    if ((what & WHAT_WRITE) && flags_allow_write(page_flags(s), write)) {
        e->write_tag = page;
        note_writer(tlb, bank, slot, s->host);
    }
}

/* Into the first level, where the access looks. */
static void enter(struct tlb *tlb, const struct tlb_saved *s, enum mmu_access access)
{
    uint64_t page = s->what & GUEST_PAGE_MASK;
    unsigned slot = tlb_exec_slot(page), bank = s->what & WHAT_BANK;

    if (access != MMU_EXEC) {
        enter_data(tlb, s, access == MMU_WRITE);
    } else if (s->what & WHAT_EXEC) {
        log_slot(tlb, TLB_BANKS + bank, slot, s->what);
        tlb->exec[bank][slot] = tlb_exec_key(page, s->host);
    }
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
              const struct mem_section *s, enum mmu_access access)
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
    if (n.host == page) {
        return; /* an addend of 0 would say of a site that it is not in the log, which has room for each once */
    }
    n.ram = s->ram;
    n.what |= tlb_allowed(cpu, t, MMU_READ, bank) ? WHAT_READ : 0;
    /* What a debugger wants to stop at, only the engine's slow path finds. */
    if (tlb_allowed(cpu, t, MMU_EXEC, bank) &&
        !debugger_breaks_page(&cpu->vcpu.machine->debugger, page)) {
        n.what |= WHAT_EXEC;
    }
    if (!s->readonly && t->dirty && tlb_allowed(cpu, t, MMU_WRITE, bank)) {
        n.what |= WHAT_WRITE;
    }
    n.what |= (order ? WHAT_LARGE : 0) | (t->global ? WHAT_GLOBAL : 0) | order << WHAT_ORDER_SHIFT;
    n.context = tlb->context[(n.what & (WHAT_LARGE | WHAT_GLOBAL)) >> WHAT_CONTEXT_SHIFT];
    if (order) {
        note_large(tlb, linear, t->page_size);
    }
    enter(tlb, &n, access);
    save(cpu, &n);
}

/* What the second level knows of a page, in the contexts of now, or NULL. */
static const struct tlb_saved *find_saved(struct x86_cpu *cpu, uint64_t linear, unsigned bank)
{
    struct tlb *tlb = &cpu->tlb;
    const struct tlb_saved *s = saved_set(tlb, linear, pcid_of(cpu));
    uint64_t page = (linear & GUEST_PAGE_MASK) | bank;

    if (atomic_load_explicit(&cpu->pending, memory_order_relaxed) & PENDING_FLUSH) {
        return NULL;
    }
    for (unsigned k = 0; k < TLB_WAYS; k++, s++) {
        if (!((s->what ^ page) & (GUEST_PAGE_MASK | WHAT_BANK)) &&
            s->context ==
                tlb->context[(s->what & (WHAT_LARGE | WHAT_GLOBAL)) >> WHAT_CONTEXT_SHIFT]) {
            return s;
        }
    }
    return NULL;
}

bool tlb_recall(struct x86_cpu *cpu, uint64_t linear, unsigned bank, enum mmu_access access)
{
    static const uint8_t right[] = {
        [MMU_READ] = WHAT_READ, [MMU_WRITE] = WHAT_WRITE, [MMU_EXEC] = WHAT_EXEC
    };
    const struct tlb_saved *s = find_saved(cpu, linear, bank);

    if (!s || !(s->what & right[access])) {
        return false;
    }
    enter(&cpu->tlb, s, access);
    return true;
}

const struct tlb_saved *tlb_code_page(struct x86_cpu *cpu, uint64_t linear, unsigned bank)
{
    const struct tlb_saved *s = find_saved(cpu, linear, bank);

    if (s && (s->what & WHAT_WRITE) &&
        (__atomic_load_n(page_flags(s), __ATOMIC_RELAXED) & RAM_PAGE_CODE)) {
        return s;
    }
    return NULL;
}
