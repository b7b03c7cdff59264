/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/tlb_test.c: what the soft TLB keeps and what it forgets: PCIDs, INVPCID, INVLPG, global
 * and large pages, and pages that come from its second level.
 *
 * A page table entry is changed behind the TLB's back: what is read then tells which of the two
 * pages the TLB knows.
 * Thread: the test's, which stands for the vCPU's.
 */
#include "target/i386/mem.h"
#include "target/i386/mmu.h"
#include "target/i386/tlb.h"
#include "tests/insn/system_rig.h"

#define SPACE_A 0x20000u /* four tables each */
#define SPACE_B 0x28000u
#define OLD     0x80000u /* the pages, and what the first byte is */
#define NEW     0x81000u
#define DESC    0x90000u

#define SMALL     0x40000000ull /* a page of 4 KiB, its neighbour, and a part of one of 2 MiB */
#define OTHER     0x40001000ull
#define LARGE     (0x40200000ull + OLD)
#define KERNEL    0xffff800040002000ull /* global */
#define LARGE_NEW 0xffu /* what the large page reads as when it is new: nothing is there */
#define FAR       (1ull << (12 + TLB_BITS)) /* to an address with the same slot */

#define KEEP (1ull << 63)

static uint32_t entry_at(uint32_t space, uint64_t linear)
{
    return space + 0x3000 + (uint32_t)(linear >> 12 & 511) * 8;
}

static void map(struct system_rig *r, uint32_t space, uint64_t linear, uint32_t page, unsigned bits)
{
    rig_store(r, entry_at(space, linear), page | 0x67 | bits, 8);
}

/* 1 GiB identical, then small pages, then a large one; the upper half shows the same. */
static void build(struct system_rig *r, uint32_t space)
{
    rig_store(r, space, (space + 0x1000) | 0x27, 8);
    rig_store(r, space + 0x800, (space + 0x1000) | 0x27, 8);
    rig_store(r, space + 0x1000, 0xe7, 8);
    rig_store(r, space + 0x1008, (space + 0x2000) | 0x27, 8);
    rig_store(r, space + 0x2000, (space + 0x3000) | 0x27, 8);
    rig_store(r, space + 0x2008, 0xe7, 8);
    for (uint64_t far = SMALL + FAR; far < SMALL + 8 * FAR; far += FAR) {
        rig_store(r, space + 0x2000 + (uint32_t)(far >> 21 & 511) * 8, (space + 0x3000) | 0x27, 8);
    }
}

/* What every space maps to the old page from now on, or to the new one. */
static void map_all(struct system_rig *r, uint32_t page)
{
    for (uint32_t space = SPACE_A; space <= SPACE_B; space += SPACE_B - SPACE_A) {
        map(r, space, SMALL, page, 0);
        map(r, space, OTHER, page, 0);
        map(r, space, KERNEL, page, 0x100);
        /* Both are in the first 2 MiB; where the large page begins tells which is meant. */
        rig_store(r, space + 0x2008, 0xe7 | (page == OLD ? 0 : 0x200000), 8);
    }
}

static void load_cr3(struct system_rig *r, uint64_t v)
{
    r->cpu->regs[R_RAX] = v;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xd8"), ==, -1);
}

static void load_cr4(struct system_rig *r, uint64_t v)
{
    r->cpu->regs[R_RAX] = v;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xe0"), ==, -1);
}

static void invlpg(struct system_rig *r, uint64_t linear)
{
    r->cpu->regs[R_RCX] = linear;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\x39"), ==, -1);
}

static int invpcid(struct system_rig *r, unsigned type, uint64_t pcid, uint64_t linear)
{
    r->cpu->regs[R_RAX] = type;
    r->cpu->regs[R_RCX] = DESC;
    rig_store(r, DESC, pcid, 8);
    rig_store(r, DESC + 8, linear, 8);
    return RIG_EXEC(r, "\x66\x0f\x38\x82\x01");
}

/* As translated code reads: what the first level lacks may be in the second. */
static unsigned read_data(struct system_rig *r, uint64_t linear)
{
    struct tlb_entry *e = &r->cpu->tlb.entry[r->cpu->bank][linear >> 12 & (TLB_SIZE - 1)];

    if (e->read_tag != (linear & GUEST_PAGE_MASK)) {
        mmu_refill_quick(r->cpu, linear, 1, REFILL_READ);
    }
    return (unsigned)linear_load(r->cpu, linear, 1);
}

/* The same, and what code is fetched from is no other page. */
static unsigned read_byte(struct system_rig *r, uint64_t linear)
{
    unsigned byte = read_data(r, linear);
    const uint8_t *code = mmu_fetch_host(r->cpu, linear); /* NULL: not RAM */

    g_assert_cmpuint(code ? *code : LARGE_NEW, ==, byte);
    return byte;
}

static struct system_rig *rig_with_pcid(void)
{
    struct system_rig *r = system_rig_new("max");

    g_assert_true(cpu_has(r->cpu, X86_PCID));
    g_assert_true(cpu_has(r->cpu, X86_INVPCID));
    rig_long(r, 0);
    build(r, SPACE_A);
    build(r, SPACE_B);
    rig_store(r, OLD, 1, 1);
    rig_store(r, NEW, 2, 1);
    map_all(r, OLD);
    load_cr4(r, r->cpu->cr4 | CR4_PGE | CR4_PCIDE);
    load_cr3(r, SPACE_A | 1);
    return r;
}

static void read_all(struct system_rig *r)
{
    static const uint64_t all[] = { SMALL, OTHER, KERNEL, LARGE };

    for (unsigned n = 0; n < G_N_ELEMENTS(all); n++) {
        g_assert_cmpuint(read_byte(r, all[n]), ==, 1);
    }
}

/* PCIDs 1 and 2 know all old pages; PCID 2 is in use, and the tables say new. */
static struct system_rig *rig_with_old_pages(void)
{
    struct system_rig *r = rig_with_pcid();

    read_all(r);
    load_cr3(r, SPACE_B | 2);
    read_all(r);
    map_all(r, NEW);
    return r;
}

#define EITHER 0u /* more may be forgotten than must be */

static void assert_known(struct system_rig *r, unsigned small, unsigned other, unsigned kernel,
                         unsigned large)
{
    g_assert_cmpuint(read_byte(r, SMALL), ==, small);
    g_assert_cmpuint(read_byte(r, OTHER), ==, other);
    g_assert_cmpuint(read_byte(r, KERNEL), ==, kernel);
    if (large != EITHER) {
        g_assert_cmpuint(read_byte(r, LARGE), ==, large);
    }
}

static void what_is_known_of_a_pcid_is_kept_if_cr3_says_so(void)
{
    struct system_rig *r = rig_with_old_pages();

    load_cr3(r, SPACE_A | 1 | KEEP);
    g_assert_cmphex(r->cpu->cr3, ==, SPACE_A | 1);
    assert_known(r, 1, 1, 1, 1);
    load_cr3(r, SPACE_A | 1 | KEEP); /* the same again */
    assert_known(r, 1, 1, 1, 1);
    load_cr3(r, SPACE_A | 1);
    assert_known(r, 2, 2, 1, LARGE_NEW);
    load_cr3(r, SPACE_B | 2 | KEEP);
    assert_known(r, 1, 1, 1, 1);
    load_cr3(r, SPACE_A | 3 | KEEP); /* was never used */
    assert_known(r, 2, 2, 1, LARGE_NEW);
    system_rig_free(r);
}

static void spaces_do_not_mix(void)
{
    struct system_rig *r = rig_with_pcid();

    map(r, SPACE_B, SMALL, NEW, 0);
    for (unsigned n = 0; n < 3; n++) {
        load_cr3(r, SPACE_A | 1 | KEEP);
        g_assert_cmpuint(read_byte(r, SMALL), ==, 1);
        load_cr3(r, SPACE_B | 2 | KEEP);
        g_assert_cmpuint(read_byte(r, SMALL), ==, 2);
    }
    system_rig_free(r);
}

static void invpcid_of_an_address(void)
{
    struct system_rig *r = rig_with_old_pages();

    g_assert_cmpint(invpcid(r, 0, 1, SMALL), ==, -1);
    assert_known(r, 1, 1, 1, 1);
    load_cr3(r, SPACE_A | 1 | KEEP);
    assert_known(r, 2, 1, 1, EITHER);
    g_assert_cmpint(invpcid(r, 0, 1, OTHER), ==, -1); /* its own */
    assert_known(r, 2, 2, 1, EITHER);
    g_assert_cmpint(invpcid(r, 0, 2, LARGE + 0x7000), ==, -1);
    load_cr3(r, SPACE_B | 2 | KEEP);
    assert_known(r, 1, 1, 1, LARGE_NEW);
    assert_fault(r, invpcid(r, 0, 0x1000, 0), EXC_GP, 0);
    assert_fault(r, invpcid(r, 0, 1, 1ull << 47), EXC_GP, 0);
    assert_fault(r, invpcid(r, 4, 1, 0), EXC_GP, 0);
    system_rig_free(r);
}

static void invpcid_of_more(void)
{
    static const struct {
        unsigned type, in_1, in_2, kernel;
    } rows[] = { { 1, 2, 1, 1 }, { 2, 2, 2, 2 }, { 3, 2, 2, 1 } };

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        struct system_rig *r = rig_with_old_pages();
        unsigned kernel = rows[n].kernel;

        g_assert_cmpint(invpcid(r, rows[n].type, 1, 0), ==, -1);
        assert_known(r, rows[n].in_2, rows[n].in_2, kernel, rows[n].in_2 == 1 ? 1 : LARGE_NEW);
        load_cr3(r, SPACE_A | 1 | KEEP);
        assert_known(r, rows[n].in_1, rows[n].in_1, kernel, rows[n].in_1 == 1 ? 1 : LARGE_NEW);
        system_rig_free(r);
    }
}

static void invlpg_is_of_one_pcid_and_of_global_pages(void)
{
    struct system_rig *r = rig_with_old_pages();

    invlpg(r, SMALL);
    assert_known(r, 2, 1, 1, 1);
    invlpg(r, KERNEL);
    assert_known(r, 2, 1, 2, 1);
    invlpg(r, LARGE ^ 0x13000); /* elsewhere in the page */
    assert_known(r, 2, 1, 2, LARGE_NEW);
    load_cr3(r, SPACE_A | 1 | KEEP);
    assert_known(r, 1, 1, 2, 1);
    invlpg(r, SMALL);
    assert_known(r, 2, 1, 2, 1);
    system_rig_free(r);
}

static void control_registers_flush_every_pcid(void)
{
    static const uint64_t bits[] = { CR4_PGE, CR4_PCIDE, CR4_SMEP };

    for (unsigned n = 0; n < G_N_ELEMENTS(bits); n++) {
        struct system_rig *r = rig_with_old_pages();
        uint64_t cr4 = r->cpu->cr4;

        load_cr3(r, SPACE_A | KEEP);
        load_cr4(r, cr4 ^ bits[n]);
        load_cr4(r, cr4);
        for (unsigned pcid = 1; pcid <= 2; pcid++) {
            load_cr3(r, (pcid == 1 ? SPACE_A : SPACE_B) | pcid | KEEP);
            assert_known(r, 2, 2, 2, LARGE_NEW);
        }
        system_rig_free(r);
    }
}

/* Another page takes the slot of SMALL, whose entry remains in the second level alone. */
static void evict(struct system_rig *r)
{
    read_data(r, SMALL + FAR);
    g_assert_cmphex(r->cpu->tlb.entry[r->cpu->bank][SMALL >> 12 & (TLB_SIZE - 1)].read_tag, ==,
                    SMALL + FAR);
}

static void pages_come_back_from_the_second_level(void)
{
    struct system_rig *r = rig_with_pcid();

    read_all(r);
    evict(r);
    map_all(r, NEW);
    g_assert_cmpuint(read_byte(r, SMALL), ==, 1);
    evict(r);
    invlpg(r, SMALL);
    g_assert_cmpuint(read_byte(r, SMALL), ==, 2);
    map_all(r, OLD);
    evict(r);
    tlb_flush(r->cpu); /* as A20 and the memory map do */
    g_assert_cmpuint(read_byte(r, SMALL), ==, 1);
    map_all(r, NEW);
    evict(r);
    cpu_flush_later(r->cpu); /* not yet done, but nothing comes back */
    g_assert_cmpuint(read_data(r, SMALL), ==, 2);
    system_rig_free(r);
}

/* Flags of the page that changed while it was in the second level alone. */
static void no_write_tag_comes_back_that_was_taken(void)
{
    struct system_rig *r = rig_with_pcid();
    struct tlb_entry *e = &r->cpu->tlb.entry[r->cpu->bank][SMALL >> 12 & (TLB_SIZE - 1)];
    uint8_t *flags = &r->ram.ram->page_flags[OLD >> GUEST_PAGE_BITS];
    const uint8_t dirty = RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE;

    linear_store(r->cpu, SMALL, 1, 1);
    g_assert_cmphex(e->write_tag, ==, SMALL);
    evict(r);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_READ), ==, REFILL_DONE);
    g_assert_cmphex(e->write_tag, ==, SMALL);
    evict(r);
    *flags = dirty | RAM_PAGE_CODE;
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_READ), ==, REFILL_DONE);
    g_assert_cmphex(e->write_tag, !=, SMALL);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_WRITE), ==, REFILL_NEVER);
    evict(r);
    *flags = RAM_PAGE_DISPLAY;
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_READ), ==, REFILL_DONE);
    g_assert_cmphex(e->write_tag, !=, SMALL);
    g_assert_cmphex(*flags, ==, RAM_PAGE_DISPLAY);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_WRITE), ==, REFILL_DONE);
    g_assert_cmphex(e->write_tag, ==, SMALL);
    g_assert_cmphex(*flags, ==, dirty);
    system_rig_free(r);
}

static bool has_write_tag(const struct system_rig *r, uint64_t linear)
{
    return r->cpu->tlb.entry[r->cpu->bank][linear >> 12 & (TLB_SIZE - 1)].write_tag == linear;
}

/* One address, several, none; and pages that share a number with others keep theirs. */
static void write_tags_of_a_page_are_revoked_wherever_it_is_mapped(void)
{
    static const uint64_t at[] = { SMALL, OTHER, LARGE, OLD };
    struct system_rig *r = rig_with_pcid();
    uint64_t old = (uintptr_t)r->ram.ram->host + OLD;

    for (unsigned n = 0; n <= G_N_ELEMENTS(at); n++) {
        for (unsigned k = 0; k < n; k++) {
            linear_store(r->cpu, at[k], 1, 1);
            g_assert_true(has_write_tag(r, at[k]));
        }
        linear_store(r->cpu, NEW, 1, 1);
        tlb_revoke_write(r->cpu, old);
        for (unsigned k = 0; k < n; k++) {
            g_assert_false(has_write_tag(r, at[k]));
        }
        g_assert_true(has_write_tag(r, NEW));
    }
    linear_store(r->cpu, OTHER, 1, 1);
    linear_store(r->cpu, SMALL, 1, 1);
    map(r, SPACE_A, OTHER, NEW, 0); /* whose entry goes to another page, and comes back */
    invlpg(r, OTHER);
    linear_store(r->cpu, OTHER, 1, 1);
    tlb_revoke_write(r->cpu, old);
    g_assert_true(has_write_tag(r, OTHER));
    map(r, SPACE_A, OTHER, OLD, 0);
    invlpg(r, OTHER);
    linear_store(r->cpu, OTHER, 1, 1);
    tlb_revoke_write(r->cpu, old);
    g_assert_false(has_write_tag(r, OTHER));
    g_assert_false(has_write_tag(r, SMALL));
    g_assert_true(has_write_tag(r, NEW));
    tlb_revoke_write(r->cpu, old + NEW - OLD);
    g_assert_false(has_write_tag(r, NEW));
    system_rig_free(r);
}

/* Neither data nor code takes a slot from code that is as far away as that. */
static void code_has_slots_of_its_own(void)
{
    struct system_rig *r = rig_with_pcid();

    for (unsigned k = 0; k < 4; k++) {
        mmu_fetch_host(r->cpu, SMALL + k * FAR);
    }
    evict(r);
    for (unsigned k = 0; k < 4; k++) {
        g_assert_nonnull(tlb_exec_host(r->cpu, TLB_KERNEL, SMALL + k * FAR));
    }
    g_assert_null(tlb_exec_host(r->cpu, TLB_KERNEL, SMALL + 4 * FAR));
    g_assert_null(tlb_exec_host(r->cpu, TLB_USER, SMALL));
    mmu_fetch_host(r->cpu, KERNEL);
    load_cr3(r, SPACE_B | 2);
    g_assert_null(tlb_exec_host(r->cpu, TLB_KERNEL, SMALL));
    g_assert_nonnull(tlb_exec_host(r->cpu, TLB_KERNEL, KERNEL));
    system_rig_free(r);
}

/* Stores seen by whoever watches code. */
struct watcher {
    struct code_watch watch;
    uint64_t offset, len;
    uint8_t byte;
};

static void watch_store(struct code_watch *watch, struct ram_block *ram, uint64_t offset,
                        uint64_t len)
{
    struct watcher *w = (struct watcher *)(void *)watch;

    w->offset = offset;
    w->len = len;
    w->byte = ram->host[offset];
}

static void stores_beside_code_are_announced_when_they_are_done(void)
{
    struct system_rig *r = rig_with_pcid();
    struct watcher w = { .watch.written = watch_store };
    uint8_t *flags = &r->ram.ram->page_flags[OLD >> GUEST_PAGE_BITS];

    code_watch_add(r->m, &w.watch);
    linear_store(r->cpu, SMALL, 1, 1);
    *flags = RAM_PAGE_CODE;
    tlb_revoke_write(r->cpu, (uintptr_t)r->ram.ram->host + OLD);
    g_assert_nonnull(tlb_code_page(r->cpu, SMALL, r->cpu->bank));
    linear_store(r->cpu, SMALL + 0x123, 0x5a, 2);
    g_assert_cmphex(w.offset, ==, OLD + 0x123);
    g_assert_cmpuint(w.len, ==, 2);
    g_assert_cmphex(w.byte, ==, 0x5a);
    g_assert_cmphex(*flags, ==, RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE | RAM_PAGE_CODE);
    g_assert_false(has_write_tag(r, SMALL));
    g_assert_null(tlb_code_page(r->cpu, OTHER, r->cpu->bank)); /* not known */
    system_rig_free(r);
}

static uint64_t first_level(const struct system_rig *r, uint64_t linear)
{
    return r->cpu->tlb.entry[r->cpu->bank][linear >> 12 & (TLB_SIZE - 1)].read_tag;
}

/* One slot holds a global page, then one that is not, and the other way round. */
static void global_pages_stay_in_the_first_level(void)
{
    for (unsigned global = 0; global < 2; global++) {
        struct system_rig *r = rig_with_pcid();
        const struct tlb *tlb = &r->cpu->tlb;

        for (unsigned n = 0; n < 2; n++) {
            map(r, SPACE_A, SMALL, OLD, n == global ? 0x100 : 0);
            invlpg(r, SMALL);
            g_assert_cmpuint(read_byte(r, SMALL), ==, 1);
        }
        read_byte(r, KERNEL);
        load_cr3(r, SPACE_B | 2);
        g_assert_cmphex(first_level(r, KERNEL), ==, KERNEL);
        if (global) {
            g_assert_cmphex(first_level(r, SMALL), ==, SMALL);
        } else {
            g_assert_cmphex(first_level(r, SMALL), !=, SMALL);
        }
        g_assert_cmpuint(tlb->fills[r->cpu->bank][0], <, 4); /* what a load of CR3 looks through */
        tlb_flush(r->cpu);
        g_assert_cmphex(first_level(r, SMALL), !=, SMALL);
        g_assert_cmphex(first_level(r, KERNEL), !=, KERNEL);
        system_rig_free(r);
    }
}

/* An address outside every large page costs them nothing. */
static void invlpg_elsewhere_leaves_large_pages(void)
{
    struct system_rig *r = rig_with_pcid();

    read_all(r);
    invlpg(r, SMALL);
    g_assert_cmphex(first_level(r, LARGE), ==, LARGE);
    map_all(r, NEW);
    g_assert_cmpuint(read_byte(r, LARGE), ==, 1);
    invlpg(r, LARGE + 0x10000); /* another part of it */
    g_assert_cmpuint(read_byte(r, LARGE), ==, LARGE_NEW);
    system_rig_free(r);
}

/* The quick walk sets the bits that the other does, and leaves faults alone. */
static void quick_walk(void)
{
    struct system_rig *r = rig_with_pcid();
    uint32_t at = entry_at(SPACE_A, SMALL);

    r->cpu->cr0 |= CR0_WP;
    rig_store(r, at, OLD | 7, 8);
    g_assert_cmpint((int)read_byte(r, OLD), ==, 1); /* it knows the RAM */
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_READ), ==, REFILL_DONE);
    g_assert_cmphex(rig_load(r, at, 8), ==, OLD | 0x27);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_WRITE_LATER), ==, REFILL_NEVER);
    g_assert_cmphex(rig_load(r, at, 8), ==, OLD | 0x27);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_WRITE), ==, REFILL_DONE);
    g_assert_cmphex(rig_load(r, at, 8), ==, OLD | 0x67);
    rig_store(r, at, OLD | 5, 8);
    invlpg(r, SMALL);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_WRITE), ==,
                    REFILL_NEVER); /* read-only */
    g_assert_cmphex(rig_load(r, at, 8), ==, OLD | 5);
    rig_store(r, at, OLD | 7 | 1ull << 51, 8);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_READ), ==,
                    REFILL_UNKNOWN); /* reserved */
    rig_store(r, at, OLD | 6, 8);
    g_assert_cmpint(mmu_refill_quick(r->cpu, SMALL, 1, REFILL_READ), ==,
                    REFILL_NEVER); /* not present */
    g_assert_cmpint(mmu_refill_quick(r->cpu, OTHER + 4095, 2, REFILL_READ), ==, REFILL_NEVER);
    g_assert_cmpint(mmu_refill_quick(r->cpu, 1ull << 47, 1, REFILL_READ), ==, REFILL_NEVER);
    system_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tlb/cr3", what_is_known_of_a_pcid_is_kept_if_cr3_says_so);
    g_test_add_func("/tlb/spaces", spaces_do_not_mix);
    g_test_add_func("/tlb/invpcid-address", invpcid_of_an_address);
    g_test_add_func("/tlb/invpcid", invpcid_of_more);
    g_test_add_func("/tlb/invlpg", invlpg_is_of_one_pcid_and_of_global_pages);
    g_test_add_func("/tlb/cr4", control_registers_flush_every_pcid);
    g_test_add_func("/tlb/second-level", pages_come_back_from_the_second_level);
    g_test_add_func("/tlb/write-tags", no_write_tag_comes_back_that_was_taken);
    g_test_add_func("/tlb/revoke", write_tags_of_a_page_are_revoked_wherever_it_is_mapped);
    g_test_add_func("/tlb/code", code_has_slots_of_its_own);
    g_test_add_func("/tlb/beside-code", stores_beside_code_are_announced_when_they_are_done);
    g_test_add_func("/tlb/global", global_pages_stay_in_the_first_level);
    g_test_add_func("/tlb/invlpg-elsewhere", invlpg_elsewhere_leaves_large_pages);
    g_test_add_func("/tlb/quick-walk", quick_walk);
    return g_test_run();
}
