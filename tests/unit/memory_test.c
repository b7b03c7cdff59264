/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/memory_test.c: regions, flattening, and how accesses reach devices. */
#include <string.h>
#include <sys/mman.h>
#include "softmmu/machine.h"

/* A device that notes what it is asked and answers with its offsets. */
struct probe {
    struct mem_region mr;
    unsigned reads, writes;
    uint64_t offset[16], value[16];
    unsigned size[16];
};

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned size)
{
    struct probe *p = opaque;
    uint64_t v = 0;

    p->offset[p->reads & 15] = offset;
    p->size[p->reads++ & 15] = size;
    for (unsigned i = 0; i < size; i++) {
        v |= ((offset + i) & 0xff) << (i * 8);
    }
    return v;
}

static void probe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct probe *p = opaque;

    p->offset[p->writes & 15] = offset;
    p->value[p->writes & 15] = value;
    p->size[p->writes++ & 15] = size;
}

static const struct mem_ops any_size = { probe_read, probe_write, 0, 0, false, false };
static const struct mem_ops only_words = { probe_read, probe_write, 4, 4, false, false };
static const struct mem_ops merged_words = { probe_read, probe_write, 4, 4, true, false };
static const struct mem_ops up_to_words = { probe_read, probe_write, 1, 4, false, false };
static const struct mem_ops unaligned_words = { probe_read, probe_write, 1, 4, false, true };

static struct machine *new_machine(void)
{
    struct machine *m = machine_new();

    machine_lock(m);
    return m;
}

static void add_probe(struct machine *m, struct probe *p, const struct mem_ops *ops, uint64_t addr,
                      uint64_t size, int priority)
{
    memset(p, 0, sizeof(*p));
    mem_region_init_mmio(&p->mr, m, "probe", ops, p, size);
    mem_region_add(&m->system_memory, addr, &p->mr, priority);
}

static void add_ram(struct machine *m, struct mem_region *mr, uint64_t addr, uint64_t size)
{
    g_autoptr(GError) error = NULL;

    mem_region_init_ram(mr, m, "ram", size, &error);
    g_assert_no_error(error);
    mem_region_add(&m->system_memory, addr, mr, 0);
}

static void check_section(struct machine *m, unsigned i, uint64_t start, uint64_t last,
                          const struct mem_region *mr, uint64_t offset)
{
    g_assert_cmpuint(i, <, m->memory.n_sections);
    g_assert_cmphex(m->memory.sections[i].start, ==, start);
    g_assert_cmphex(m->memory.sections[i].last, ==, last);
    g_assert_true(m->memory.sections[i].mr == mr);
    g_assert_cmphex(m->memory.sections[i].offset, ==, offset);
}

static void higher_priority_wins_where_siblings_overlap(void)
{
    struct machine *m = new_machine();
    struct probe low, high, tail;

    add_probe(m, &low, &any_size, 0x1000, 0x3000, 0);
    add_probe(m, &high, &any_size, 0x2000, 0x1000, 1);
    add_probe(m, &tail, &any_size, 0x3800, 0x1000, -1);
    g_assert_cmpuint(m->memory.n_sections, ==, 4);
    check_section(m, 0, 0x1000, 0x1fff, &low.mr, 0);
    check_section(m, 1, 0x2000, 0x2fff, &high.mr, 0);
    check_section(m, 2, 0x3000, 0x3fff, &low.mr, 0x2000);
    check_section(m, 3, 0x4000, 0x47ff, &tail.mr, 0x800);
    machine_free(m);
}

static void disabled_regions_vanish_and_return(void)
{
    struct machine *m = new_machine();
    struct probe low, high;

    add_probe(m, &low, &any_size, 0, 0x1000, 0);
    add_probe(m, &high, &any_size, 0x800, 0x100, 1);
    mem_region_set_enabled(&high.mr, false);
    g_assert_cmpuint(m->memory.n_sections, ==, 1);
    check_section(m, 0, 0, 0xfff, &low.mr, 0);
    mem_region_set_enabled(&high.mr, true);
    g_assert_cmpuint(m->memory.n_sections, ==, 3);
    mem_region_del(&high.mr);
    g_assert_cmpuint(m->memory.n_sections, ==, 1);
    machine_free(m);
}

static void moved_region_answers_at_its_new_address(void)
{
    struct machine *m = new_machine();
    struct probe p;

    add_probe(m, &p, &any_size, 0x1000, 0x100, 0);
    mem_region_set_addr(&p.mr, 0x8000);
    g_assert_null(address_space_lookup(&m->memory, 0x1000));
    g_assert_nonnull(address_space_lookup(&m->memory, 0x80ff));
    g_assert_null(address_space_lookup(&m->memory, 0x8100));
    machine_free(m);
}

static void aliases_of_aliases_add_their_offsets(void)
{
    struct machine *m = new_machine();
    struct mem_region ram, outer, inner;

    add_ram(m, &ram, 0, 0x10000);
    mem_region_init_alias(&inner, m, "inner", &ram, 0x4000, 0x8000);
    mem_region_init_alias(&outer, m, "outer", &inner, 0x1000, 0x2000);
    mem_region_set_readonly(&inner, true);
    mem_region_add(&m->system_memory, 0x100000, &outer, 0);
    check_section(m, 1, 0x100000, 0x101fff, &ram, 0x5000);
    g_assert_true(m->memory.sections[1].readonly);
    mem_region_set_alias_offset(&outer, 0x7000); /* sticks out of inner's end */
    check_section(m, 1, 0x100000, 0x100fff, &ram, 0xb000);
    machine_free(m);
}

static void alias_windows_of_one_region_merge(void)
{
    struct machine *m = new_machine();
    struct mem_region ram, a, b;
    g_autoptr(GError) error = NULL;

    g_assert_true(mem_region_init_ram(&ram, m, "ram", 0x4000, &error));
    mem_region_init_alias(&a, m, "a", &ram, 0, 0x2000);
    mem_region_init_alias(&b, m, "b", &ram, 0x2000, 0x2000);
    mem_region_add(&m->system_memory, 0x10000, &a, 0);
    mem_region_add(&m->system_memory, 0x12000, &b, 0);
    g_assert_cmpuint(m->memory.n_sections, ==, 1);
    check_section(m, 0, 0x10000, 0x13fff, &ram, 0);
    mem_region_set_readonly(&b, true);
    g_assert_cmpuint(m->memory.n_sections, ==, 2);
    machine_free(m);
}

static void region_of_2_to_the_64_covers_everything(void)
{
    struct machine *m = new_machine();
    struct probe all, top;

    add_probe(m, &all, &any_size, 0, UINT64_MAX, -10);
    add_probe(m, &top, &any_size, UINT64_MAX - 0xfff, 0x1000, 0);
    g_assert_cmpuint(m->memory.n_sections, ==, 2);
    check_section(m, 0, 0, UINT64_MAX - 0x1000, &all.mr, 0);
    check_section(m, 1, UINT64_MAX - 0xfff, UINT64_MAX, &top.mr, 0);
    g_assert_cmphex(address_space_load(&m->memory, UINT64_MAX, 1), ==, 0xff);
    g_assert_cmpuint(top.reads, ==, 1);
    machine_free(m);
}

static void children_are_clipped_to_their_container(void)
{
    struct machine *m = new_machine();
    struct mem_region box;
    struct probe p = { 0 };

    mem_region_init_container(&box, m, "box", 0x1000);
    mem_region_init_mmio(&p.mr, m, "p", &any_size, &p, 0x1000);
    mem_region_add(&box, 0x800, &p.mr, 0);
    mem_region_add(&m->system_memory, 0x20000, &box, 0);
    g_assert_cmpuint(m->memory.n_sections, ==, 1);
    check_section(m, 0, 0x20800, 0x20fff, &p.mr, 0);
    machine_free(m);
}

struct counter {
    struct mem_listener listener;
    unsigned n;
};

static void count_change(struct mem_listener *l, struct address_space *as)
{
    (void)as;
    ((struct counter *)l)->n++;
}

static void transaction_flattens_once_and_only_for_a_change(void)
{
    struct machine *m = new_machine();
    struct counter c = { .listener.changed = count_change };
    struct probe p;

    add_probe(m, &p, &any_size, 0, 0x100, 0);
    address_space_add_listener(&m->memory, &c.listener);
    g_assert_cmpuint(c.n, ==, 1);
    mem_transaction_begin(m);
    mem_region_set_addr(&p.mr, 0x1000);
    mem_region_set_addr(&p.mr, 0x2000);
    g_assert_cmpuint(c.n, ==, 1);
    mem_transaction_commit(m);
    g_assert_cmpuint(c.n, ==, 2);
    mem_transaction_begin(m);
    mem_region_set_enabled(&p.mr, false);
    mem_region_set_enabled(&p.mr, true);
    mem_transaction_commit(m);
    g_assert_cmpuint(c.n, ==, 2);
    machine_free(m);
}

/* Who looks before the commit still finds the memory; a device is not called any more. */
static void destroyed_regions_stay_until_the_commit(void)
{
    struct machine *m = new_machine();
    struct mem_region ram, unused;
    struct probe p;
    g_autoptr(GError) error = NULL;

    add_ram(m, &ram, 0x1000, 0x1000);
    add_probe(m, &p, &any_size, 0x8000, 0x100, 0);
    mem_region_init_ram(&unused, m, "unused", 0x1000, &error);
    address_space_store(&m->memory, 0x1000, 0x11223344, 4);
    mem_transaction_begin(m);
    mem_region_destroy(&ram);
    mem_region_destroy(&p.mr);
    mem_region_destroy(&unused);
    g_assert_cmphex(address_space_load(&m->memory, 0x1000, 4), ==, 0x11223344);
    g_assert_cmphex(address_space_load(&m->memory, 0x8000, 4), ==, 0xffffffff);
    address_space_store(&m->memory, 0x8000, 0, 4);
    g_assert_cmpuint(p.reads + p.writes, ==, 0);
    mem_transaction_commit(m);
    g_assert_null(m->ram_blocks);
    g_assert_cmphex(address_space_load(&m->memory, 0x1000, 4), ==, 0xffffffff);
    machine_free(m);
}

static void large_accesses_split_in_ascending_order(void)
{
    struct machine *m = new_machine();
    struct probe p;

    add_probe(m, &p, &only_words, 0x1000, 0x100, 0);
    g_assert_cmphex(address_space_load(&m->memory, 0x1010, 8), ==, 0x1716151413121110);
    g_assert_cmpuint(p.reads, ==, 2);
    g_assert_cmphex(p.offset[0], ==, 0x10);
    g_assert_cmphex(p.offset[1], ==, 0x14);
    address_space_store(&m->memory, 0x1020, 0x1122334455667788, 8);
    g_assert_cmphex(p.value[0], ==, 0x55667788);
    g_assert_cmphex(p.value[1], ==, 0x11223344);
    g_assert_cmphex(p.offset[1], ==, 0x24);
    machine_free(m);
}

static void small_accesses_widen(void)
{
    struct machine *m = new_machine();
    struct probe plain, merged;

    add_probe(m, &plain, &only_words, 0x1000, 0x100, 0);
    add_probe(m, &merged, &merged_words, 0x2000, 0x100, 0);
    g_assert_cmphex(address_space_load(&m->memory, 0x1012, 1), ==, 0x12);
    g_assert_cmphex(plain.offset[0], ==, 0x10);
    g_assert_cmpuint(plain.size[0], ==, 4);
    address_space_store(&m->memory, 0x1012, 0xaabb, 2);
    g_assert_cmphex(plain.offset[0], ==, 0x10);
    g_assert_cmphex(plain.value[0], ==, 0xaabb0000);
    address_space_store(&m->memory, 0x2011, 0xcc, 1);
    g_assert_cmphex(merged.value[0], ==, 0x1312cc10);
    machine_free(m);
}

static void unaligned_accesses_split_unless_the_device_takes_them(void)
{
    struct machine *m = new_machine();
    struct probe p, q;

    add_probe(m, &p, &up_to_words, 0x1000, 0x100, 0);
    add_probe(m, &q, &unaligned_words, 0x2000, 0x100, 0);
    g_assert_cmphex(address_space_load(&m->memory, 0x1001, 4), ==, 0x04030201);
    g_assert_cmpuint(p.reads, ==, 3); /* 1, 2, 1 */
    g_assert_cmpuint(p.size[1], ==, 2);
    g_assert_cmphex(address_space_load(&m->memory, 0x2001, 4), ==, 0x04030201);
    g_assert_cmpuint(q.reads, ==, 1);
    machine_free(m);
}

static void unclaimed_reads_are_ones(void)
{
    struct machine *m = new_machine();
    struct mem_region ram;
    uint8_t buf[4];

    add_ram(m, &ram, 0, 0x1000);
    g_assert_cmphex(address_space_load(&m->memory, 0x5000, 4), ==, 0xffffffff);
    g_assert_cmphex(address_space_load(&m->io, 0xffff, 2), ==, 0xffff);
    g_assert_false(address_space_read(&m->memory, 0xffe, buf, 4)); /* runs out of the RAM */
    g_assert_cmpmem(buf, 4, "\0\0\xff\xff", 4);
    g_assert_false(address_space_write(&m->memory, 0x5000, buf, 4));
    g_assert_cmphex(address_space_load(&m->memory, UINT64_MAX - 3, 8), ==, 0x00000000ffffffff);
    machine_free(m);
}

static void rom_ignores_writes(void)
{
    struct machine *m = new_machine();
    struct mem_region rom;
    g_autoptr(GError) error = NULL;
    uint64_t len = 16;

    g_assert_true(mem_region_init_rom(&rom, m, "rom", 0x1000, &error));
    memcpy(rom.ram->host, "firmware", 8);
    mem_region_add(&m->system_memory, 0xf0000, &rom, 0);
    g_assert_false(address_space_write(&m->memory, 0xf0000, "zz", 2));
    g_assert_cmpmem(rom.ram->host, 8, "firmware", 8);
    g_assert_null(address_space_map(&m->memory, 0xf0000, &len, true));
    g_assert_nonnull(address_space_map(&m->memory, 0xf0000, &len, false));
    machine_free(m);
}

/* Reads come from the memory, writes go to the device with offsets of the region. */
static void rom_traps_writes(void)
{
    struct machine *m = new_machine();
    struct mem_region rom, window;
    struct probe p = { 0 };
    g_autoptr(GError) error = NULL;
    uint64_t len = 16;

    g_assert_true(mem_region_init_rom(&rom, m, "flash", 0x1000, &error));
    memcpy(rom.ram->host + 0x10, "firmware", 8);
    mem_region_trap_writes(&rom, &up_to_words, &p);
    mem_region_add(&m->system_memory, 0xf0000, &rom, 0);
    mem_region_init_alias(&window, m, "window", &rom, 0x800, 0x800);
    mem_region_add(&m->system_memory, 0x20000, &window, 0);
    g_assert_true(address_space_write(&m->memory, 0xf0010, "zz", 2));
    g_assert_cmpuint(p.writes, ==, 1);
    g_assert_cmphex(p.offset[0], ==, 0x10);
    g_assert_cmphex(p.value[0], ==, 0x7a7a);
    address_space_store(&m->memory, 0x20004, 0x1122334455667788, 8); /* through the alias, split */
    g_assert_cmpuint(p.writes, ==, 3);
    g_assert_cmphex(p.offset[1], ==, 0x804);
    g_assert_cmphex(p.value[2], ==, 0x11223344);
    g_assert_cmpmem(rom.ram->host + 0x10, 8, "firmware", 8);
    g_assert_cmphex(address_space_load(&m->memory, 0xf0010, 4), ==, 0x6d726966);
    g_assert_cmpuint(p.reads, ==, 0);
    g_assert_null(address_space_map(&m->memory, 0xf0000, &len, true));
    g_assert_nonnull(address_space_map(&m->memory, 0xf0000, &len, false));
    machine_free(m);
}

static void map_shrinks_to_what_is_contiguous(void)
{
    struct machine *m = new_machine();
    struct mem_region ram;
    uint64_t len = 0x2000;

    add_ram(m, &ram, 0x1000, 0x1000);
    g_assert_true(address_space_map(&m->memory, 0x1800, &len, true) == ram.ram->host + 0x800);
    g_assert_cmphex(len, ==, 0x800);
    g_assert_null(address_space_map(&m->memory, 0x2000, &len, false));
    machine_free(m);
}

struct watcher {
    struct code_watch watch;
    unsigned n;
    uint64_t offset, len;
};

static void note_write(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    struct watcher *v = (struct watcher *)w;

    (void)ram;
    v->n++;
    v->offset = offset;
    v->len = len;
}

static void writes_announce_code_pages_and_mark_dirty(void)
{
    struct machine *m = new_machine();
    struct watcher w = { .watch.written = note_write };
    struct mem_region ram;
    uint8_t buf[0x1800] = { 0 };

    add_ram(m, &ram, 0, 0x10000);
    code_watch_add(m, &w.watch);
    ram.ram->page_flags[3] = RAM_PAGE_CODE;
    address_space_store(&m->memory, 0x2ffc, 1, 4);
    g_assert_cmpuint(w.n, ==, 0);
    g_assert_cmphex(ram.ram->page_flags[2], ==, RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE);
    g_assert_cmphex(ram.ram->page_flags[4], ==, 0);
    address_space_write(&m->memory, 0x2c00, buf, sizeof(buf));
    g_assert_cmpuint(w.n, ==, 1);
    g_assert_cmphex(w.offset, ==, 0x3000);
    g_assert_cmphex(w.len, ==, 0x1000);
    ram_written(m, ram.ram, 0x100000, 1); /* beyond the block: nothing */
    machine_free(m);
}

static void absurd_ram_is_an_error(void)
{
    struct machine *m = new_machine();
    struct mem_region mr;
    g_autoptr(GError) error = NULL;

    g_assert_false(mem_region_init_ram(&mr, m, "ram", 1ull << 51, &error));
    g_assert_nonnull(error);
    machine_free(m);
}

/* Does the mapping that begins here ask for huge pages? */
static bool wants_huge_pages(const void *at)
{
    g_autofree char *text = NULL, *head = g_strdup_printf("%zx-", (size_t)(uintptr_t)at);
    const char *p, *flags;

    g_assert_true(g_file_get_contents("/proc/self/smaps", &text, NULL, NULL));
    p = strstr(text, head);
    g_assert_nonnull(p);
    flags = strstr(p, "VmFlags:");
    g_assert_nonnull(flags);
    return g_strstr_len(flags, strcspn(flags, "\n"), " hg") != NULL;
}

/* Some hosts have none, and emulators of a process take no advice. */
static bool has_huge_pages(void)
{
    const size_t size = 4 << 20;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has;

    g_assert_true(at != MAP_FAILED);
    has = !madvise(at, size, MADV_HUGEPAGE) && wants_huge_pages(at);
    g_assert_cmpint(munmap(at, size), ==, 0);
    return has;
}

static void large_ram_lies_on_huge_pages(void)
{
    struct machine *m = new_machine();
    struct mem_region ram = { 0 };

    add_ram(m, &ram, 0, 8 << 20);
    g_assert_cmphex((uintptr_t)ram.ram->host & ((2 << 20) - 1), ==, 0);
    if (!has_huge_pages()) {
        g_test_skip("no transparent huge pages here");
    } else {
        g_assert_true(wants_huge_pages(ram.ram->host));
    }
    machine_free(m);
}

static void tree_prints_names_and_ranges(void)
{
    struct machine *m = new_machine();
    struct mem_region ram;
    g_autoptr(GString) out = g_string_new(NULL);

    add_ram(m, &ram, 0x1000, 0x1000);
    mem_region_set_enabled(&ram, false);
    mem_print_tree(m, false, out);
    g_assert_null(strstr(out->str, "ram): ram"));
    mem_print_tree(m, true, out);
    g_assert_nonnull(
        strstr(out->str, "0000000000001000-0000000000001fff (prio 0, ram): ram [disabled]\n"));
    mem_region_set_enabled(&ram, true);
    g_string_truncate(out, 0);
    mem_print_tree(m, false, out);
    g_assert_nonnull(strstr(out->str, "0000000000001000-0000000000001fff (prio 0, ram): ram\n"));
    g_string_truncate(out, 0);
    mem_print_flat(m, out);
    g_assert_nonnull(strstr(out->str, "0000000000001000-0000000000001fff (ram): ram @"));
    machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/priority", higher_priority_wins_where_siblings_overlap);
    g_test_add_func("/memory/disabled", disabled_regions_vanish_and_return);
    g_test_add_func("/memory/moved", moved_region_answers_at_its_new_address);
    g_test_add_func("/memory/alias-of-alias", aliases_of_aliases_add_their_offsets);
    g_test_add_func("/memory/alias-merge", alias_windows_of_one_region_merge);
    g_test_add_func("/memory/whole-space", region_of_2_to_the_64_covers_everything);
    g_test_add_func("/memory/clip", children_are_clipped_to_their_container);
    g_test_add_func("/memory/transaction", transaction_flattens_once_and_only_for_a_change);
    g_test_add_func("/memory/destroyed", destroyed_regions_stay_until_the_commit);
    g_test_add_func("/memory/split", large_accesses_split_in_ascending_order);
    g_test_add_func("/memory/widen", small_accesses_widen);
    g_test_add_func("/memory/unaligned", unaligned_accesses_split_unless_the_device_takes_them);
    g_test_add_func("/memory/unclaimed", unclaimed_reads_are_ones);
    g_test_add_func("/memory/rom", rom_ignores_writes);
    g_test_add_func("/memory/rom-traps", rom_traps_writes);
    g_test_add_func("/memory/map", map_shrinks_to_what_is_contiguous);
    g_test_add_func("/memory/written", writes_announce_code_pages_and_mark_dirty);
    g_test_add_func("/memory/absurd", absurd_ram_is_an_error);
    g_test_add_func("/memory/huge-pages", large_ram_lies_on_huge_pages);
    g_test_add_func("/memory/print", tree_prints_names_and_ranges);
    return g_test_run();
}
