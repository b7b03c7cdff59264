/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/migration_test.c: a PC saved and loaded, as a stream and as a snapshot in a qcow2; streams that must be
 * refused.  Its CPUs do not run.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <zlib.h>
#include "migration/load.h"
#include "migration/snapshot.h"
#include "monitor/monitor.h"
#include "target/i386/cpu.h"
#include "tests/unit/pc_rig.h"

#define RAM_SIZE  (4u << 20)
#define DISK_SIZE (1u << 20)

struct fixture {
    struct machine *m;
    char *dir;
};

static struct block_backend *add_disk(struct fixture *f, const char *id, const char *format)
{
    g_autofree char *path = g_build_filename(f->dir, id, NULL);
    struct block_backend *blk = block_backend_new(f->m, id, NULL);
    struct block_open_options o = { .filename = path, .format = format };
    g_autoptr(block_options) options = block_options_new();
    g_autoptr(GError) error = NULL;

    block_options_setf(options, "size", "%u", DISK_SIZE);
    g_assert_true(block_create(format, path, options, NULL, &error));
    o.graph = block_graph_of(f->m);
    g_assert_true(block_backend_open(blk, &o, &error));
    return blk;
}

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->dir = g_dir_make_tmp("rhea-migration-XXXXXX", NULL);
    f->m = pc_new("pc", 2, RAM_SIZE);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;

    (void)data;
    machine_free(f->m);
    dir = g_dir_open(f->dir, 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->dir, name, NULL);

        g_unlink(path);
    }
    g_rmdir(f->dir);
    g_free(f->dir);
}

/* Streams in memory ----------------------------------------------------------------------------- */

struct memory_out {
    struct stream_out stream;
    GByteArray *bytes;
};

static bool memory_write(struct stream_out *s, const void *data, size_t len, GError **error)
{
    (void)error;
    g_byte_array_append(((struct memory_out *)s)->bytes, data, (guint)len);
    return true;
}

struct memory_in {
    struct stream_in stream;
    const GByteArray *bytes;
    size_t at;
};

static bool memory_read(struct stream_in *s, void *data, size_t len, GError **error)
{
    struct memory_in *in = (struct memory_in *)s;

    if (len > in->bytes->len - in->at) {
        g_set_error(error, G_FILE_ERROR, 0, "the stream ends in it");
        return false;
    }
    memcpy(data, in->bytes->data + in->at, len);
    in->at += len;
    return true;
}

static GByteArray *save(struct machine *m)
{
    struct memory_out out = { { .write = memory_write }, g_byte_array_new() };
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    struct ram_progress progress = { 0 };
    g_autoptr(GError) error = NULL;
    bool ok = stream_begin(&out.stream, &error) && ram_save_list(blocks, &out.stream, &error);

    device_prepare_save_all(m);
    for (unsigned i = 0; ok && i < blocks->len; i++) {
        const struct ram_block *b = g_ptr_array_index(blocks, i);

        ok = ram_save_pages(&out.stream, blocks, i, 0, b->size >> GUEST_PAGE_BITS, NULL, &progress,
                            &error);
    }
    ok = ok && saved_put(m, RUN_STATE_PAUSED, &out.stream, &error) &&
         stream_end(&out.stream, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return out.bytes;
}

/* The first pass alone: nothing changes. */
static bool check(struct machine *m, const GByteArray *bytes, GError **error)
{
    struct memory_in in = { { .read = memory_read }, bytes, 0 };
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    struct saved saved;
    bool ok;

    saved_init(&saved);
    ok = load_sections(&in.stream, blocks, &saved, false, error) && saved_check(m, &saved, error);
    saved_clear(&saved);
    return ok;
}

static bool load(struct machine *m, const GByteArray *bytes, GError **error)
{
    struct memory_in in = { { .read = memory_read }, bytes, 0 };
    g_autoptr(GPtrArray) blocks = ram_blocks_of(m);
    struct saved saved;
    bool ok;

    saved_init(&saved);
    machine_reset(m);
    ram_clear(blocks);
    ok = load_sections(&in.stream, blocks, &saved, true, error) && saved_check(m, &saved, error);
    ram_loaded(m, blocks);
    ok = ok && saved_apply(m, &saved, error);
    saved_clear(&saved);
    return ok;
}

static void refuse(struct machine *m, const GByteArray *bytes, const char *wanted)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(check(m, bytes, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, wanted)) {
        g_error("'%s', not '%s'", error->message, wanted);
    }
}

/* Where the n-th section of a name begins, with its magic number. */
static size_t find_section(const GByteArray *bytes, const char *name)
{
    size_t len = strlen(name);

    for (size_t at = 12; at + 5 + len < bytes->len; at++) {
        if (memcmp(bytes->data + at, "RhSe", 4) == 0 && bytes->data[at + 4] == len &&
            memcmp(bytes->data + at + 5, name, len) == 0) {
            return at;
        }
    }
    g_error("no section '%s'", name);
}

/* Of a section's parts, of which the last is its checksum. */
static size_t header_size(const GByteArray *bytes, size_t at)
{
    return 5 + bytes->data[at + 4] + 12;
}

static uint32_t length_of(const GByteArray *bytes, size_t at)
{
    uint32_t len;

    memcpy(&len, bytes->data + at + header_size(bytes, at) - 4, 4);
    return GUINT32_FROM_LE(len);
}

/* After a change that means to be no accident. */
static void make_checksum(GByteArray *bytes, size_t at)
{
    size_t size = header_size(bytes, at) + length_of(bytes, at);
    uint32_t crc = GUINT32_TO_LE((uint32_t)crc32(0, bytes->data + at + 4, (uInt)(size - 4)));

    memcpy(bytes->data + at + size, &crc, 4);
}

static GByteArray *copy_of(const GByteArray *bytes)
{
    GByteArray *copy = g_byte_array_new();

    g_byte_array_append(copy, bytes->data, bytes->len);
    return copy;
}

static void put_ram(struct machine *m, uint64_t addr, uint64_t value)
{
    address_space_write(&m->memory, addr, &value, sizeof(value));
}

static uint64_t ram_at(struct machine *m, uint64_t addr)
{
    uint64_t value = 0;

    address_space_read(&m->memory, addr, &value, sizeof(value));
    return value;
}

/* Tests ----------------------------------------------------------------------------------------- */

static void another_machine_becomes_the_same(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) first = NULL, second = NULL;
    struct x86_cpu *cpu = x86_cpu_of(f->m->vcpus[1]);
    g_autoptr(GError) error = NULL;
    struct machine *other;

    (void)data;
    put_ram(f->m, 0x12340, 0x1122334455667788);
    put_ram(f->m, 0x3ffff8, 5);
    address_space_store(&f->m->io, 0x70, 0x60, 1); /* a byte of CMOS RAM */
    address_space_store(&f->m->io, 0x71, 0x77, 1);
    cpu->regs[R_R9] = 99;
    cpu->regs[R_RIP] = 0x1234;
    cpu->halted = cpu->wait_sipi = false;
    clock_virtual_set(f->m, 77 * NS_PER_MS);
    first = save(f->m);
    g_assert_cmpuint(first->len, <, 3 << 20); /* zeroes take no room */

    other = pc_new("pc", 2, RAM_SIZE);
    put_ram(other, 0x2000, 3); /* was zero there */
    if (!load(other, first, &error)) {
        g_error("%s", error->message);
    }
    g_assert_cmphex(ram_at(other, 0x12340), ==, 0x1122334455667788);
    g_assert_cmphex(ram_at(other, 0x3ffff8), ==, 5);
    g_assert_cmphex(ram_at(other, 0x2000), ==, 0);
    address_space_store(&other->io, 0x70, 0x60, 1);
    g_assert_cmphex(address_space_load(&other->io, 0x71, 1), ==, 0x77);
    cpu = x86_cpu_of(other->vcpus[1]);
    g_assert_cmpuint(cpu->regs[R_R9], ==, 99);
    g_assert_cmphex(cpu->insn_start, ==, 0x1234);
    g_assert_false(cpu->halted);
    g_assert_cmpint(clock_now(other, CLOCK_KIND_VIRTUAL), ==, 77 * NS_PER_MS);
    second = save(other);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    machine_free(other);
}

static void cut_streams_name_a_section(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) bytes = save(f->m);
    guint len = bytes->len;

    (void)data;
    for (guint cut = 0; cut < len; cut += cut < 64 || cut > len - 64 ? 1 : 4801) {
        bytes->len = cut;
        refuse(f->m, bytes, cut < 12 ? "the head of the stream" : "the stream ends");
    }
    bytes->len = (guint)(find_section(bytes, "machine") + 40);
    refuse(f->m, bytes, "section 'machine' 0: the stream ends in it");
    bytes->len = len;
}

static void flipped_bits_are_refused(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) bytes = save(f->m), before = save(f->m), after = NULL;

    (void)data;
    for (guint at = 0; at < bytes->len; at += at < 200 ? 1 : 3301) {
        uint8_t bit = (uint8_t)(1u << at % 8);

        bytes->data[at] ^= bit;
        refuse(f->m, bytes, at < 8 ? "not the state of a Rhea machine" : "");
        bytes->data[at] ^= bit;
    }
    bytes->data[find_section(bytes, "ram") + 100] ^= 1;
    refuse(f->m, bytes, "section 'ram' 0: its checksum is");
    after = save(f->m);
    g_assert_cmpmem(before->data, before->len, after->data, after->len);
}

static void unknown_versions_are_refused(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *section;
        size_t offset; /* within it, of the version */
        const char *wanted;
    } rows[] = {
        { "machine", 5 + 7 + 4, "section 'machine' 0: it has version 9, must be 1" },
        { "machine", 5 + 7 + 12, "section 'machine' 0: section has version 9, must be 1 to 2" },
        { "cpu", 5 + 3 + 4, "section 'cpu' 0: it has version 9, must be 1" },
        { "cpu", 5 + 3 + 12, "section 'cpu' 0: section has version 9, must be 1 to 4" },
        { "ram", 5 + 3 + 4, "section 'ram' 0: version 9, must be 1" },
        { "device ioapic", 5 + 13 + 4, "section 'device ioapic' 0: it has version 9" },
        { "device ioapic", 5 + 13 + 12 + 8,
          "section 'device ioapic' 0: device 'ioapic': section has version 9" },
    };
    g_autoptr(GByteArray) bytes = save(f->m);

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) copy = copy_of(bytes);
        size_t at = find_section(copy, rows[i].section);

        copy->data[at + rows[i].offset] = 9;
        make_checksum(copy, at);
        refuse(f->m, copy, rows[i].wanted);
    }
    bytes->data[8] = 2;
    refuse(f->m, bytes, "the stream has version 2, must be 1");
}

static void other_machines_are_refused(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) bytes = save(f->m), again = copy_of(bytes);
    struct machine *more = pc_new("pc", 3, RAM_SIZE), *large = pc_new("pc", 2, 2 * RAM_SIZE),
                   *q35 = pc_new("q35", 2, RAM_SIZE);
    struct device *extra = device_new(f->m, device_type_find("isa-debug-exit"));
    size_t at = find_section(again, "device ioapic");

    (void)data;
    refuse(more, bytes, "section 'machine' 0: that is -machine pc-");
    refuse(more, bytes, "-smp 3");
    refuse(large, bytes, "section 'blocks' 0: that machine has other memory");
    refuse(q35, bytes, "section ");
    machine_free(more);
    machine_free(large);
    machine_free(q35);

    again->data[at + 5 + 12] = 'd';
    make_checksum(again, at);
    refuse(f->m, again, "section 'device ioapic' 0 is missing");

    g_assert_true(device_realize(extra, bus_find(f->m, BUS_ISA, NULL), NULL));
    refuse(f->m, bytes, "section 'device isa-debug-exit' 0 is missing");
    g_byte_array_unref(g_steal_pointer(&bytes));
    bytes = save(f->m);
    device_free(extra);
    refuse(f->m, bytes, "section 'device isa-debug-exit' 0: this machine has no such part");
}

/* A CPU with more than the saved one had is good enough, one with less is not: whatever the engine. */
static void features_may_not_be_fewer(struct fixture *f, gconstpointer data)
{
    uint32_t *words = x86_cpu_of(f->m->vcpus[0])->features;
    const uint32_t popcnt = 1u << X86_POPCNT % 32;
    g_autoptr(GByteArray) with = save(f->m), without = NULL, kvm = NULL;
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(words[FEAT_1_ECX] & popcnt);
    words[FEAT_1_ECX] &= ~popcnt;
    refuse(f->m, with, "its CPUs have features that these have not (popcnt): use the same -cpu");
    without = save(f->m);
    words[FEAT_1_ECX] |= popcnt;
    g_assert_true(check(f->m, without, &error));
    g_assert_no_error(error);
    words[FEAT_KVM] = 1u << 5;
    kvm = save(f->m);
    g_assert_true(check(f->m, kvm, &error));
    words[FEAT_KVM] = 0;
    refuse(f->m, kvm, "(kvm-steal-time)");
}

/* What no guest can bring about; a value of the first row that has the name. */
static void impossible_cpus_are_refused(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *row;
        unsigned offset; /* of a byte of the value */
        uint8_t value;
        const char *wanted;
    } rows[] = {
        { "cr0", 3, 0x80, "are not those of a mode that there is" },
        { "cr4", 7, 1, "CR4 is 0x1" },
        { "efer", 1, 4, "are not those of a mode that there is" },
        { "eflags", 3, 0x80, "EFLAGS is 0x8" },
        { "mxcsr", 3, 1, "MXCSR is 0x1" },
        { "cc_op", 0, 77, "kind of flags 77" },
        { "xcr0", 0, 2, "XCR0 0x2 are none" },
        { "top", 0, 8, "TOP of the x87 is 0x8" },
        { "halted", 0, 2, "field 'halted' is 2, must be 0 or 1" },
    };
    g_autoptr(GByteArray) bytes = save(f->m);
    size_t at = find_section(bytes, "cpu");

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) copy = copy_of(bytes);
        size_t len = strlen(rows[i].row), end = at + length_of(bytes, at), k = at;

        while (k < end && (copy->data[k] != len || memcmp(copy->data + k + 1, rows[i].row, len))) {
            k++;
        }
        g_assert_cmpuint(k, <, end);
        copy->data[k + 1 + len + 9 + rows[i].offset] = rows[i].value;
        make_checksum(copy, at);
        refuse(f->m, copy, "section 'cpu' 0: ");
        refuse(f->m, copy, rows[i].wanted);
    }
}

/* Random bytes with a good checksum, in everything but RAM: loaded or refused, nothing else. */
static void random_changes_do_no_harm(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) bytes = save(f->m);
    const char *steps = g_getenv("RHEA_FUZZ_STEPS");
    unsigned n = steps ? (unsigned)strtoul(steps, NULL, 0) : 300;
    g_autoptr(GArray) sections = g_array_new(FALSE, FALSE, sizeof(size_t));

    (void)data;
    for (size_t at = 12; at < bytes->len; at += header_size(bytes, at) + length_of(bytes, at) + 4) {
        if (memcmp(bytes->data + at + 5, "ram", 3) != 0 && length_of(bytes, at) > 0) {
            g_array_append_val(sections, at);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        size_t at =
            g_array_index(sections, size_t, (guint)g_test_rand_int_range(0, (gint32)sections->len));
        g_autoptr(GByteArray) copy = copy_of(bytes);
        uint32_t len = length_of(copy, at);

        for (int k = g_test_rand_int_range(1, 4); k > 0; k--) {
            copy->data[at + header_size(copy, at) + (uint32_t)g_test_rand_int() % len] =
                (uint8_t)g_test_rand_int();
        }
        make_checksum(copy, at);
        load(f->m, copy, NULL);
    }
    g_assert_true(load(f->m, bytes, NULL));
}

/* Snapshots ------------------------------------------------------------------------------------- */

static void expect(struct fixture *f, const char *line, const char *wanted)
{
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(f->m, line, out);
    if (*wanted ? !strstr(out->str, wanted) : out->len != 0) {
        g_error("%s: '%s', not '%s'", line, out->str, wanted);
    }
}

static uint32_t disk_word(struct block_backend *blk)
{
    uint32_t word = 0;

    g_assert_cmpint(block_node_read(blk->root, 4096, &word, sizeof(word)), ==, 0);
    return word;
}

static void set_all(struct fixture *f, struct block_backend **disks, unsigned n, uint32_t value)
{
    put_ram(f->m, 0x5000, value);
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpint(block_node_write(disks[i]->root, 4096, &value, sizeof(value)), ==, 0);
    }
}

static void expect_all(struct fixture *f, struct block_backend **disks, unsigned n, uint32_t value)
{
    g_assert_cmphex(ram_at(f->m, 0x5000), ==, value);
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(disk_word(disks[i]), ==, value);
    }
}

static void machine_and_disks_go_back(struct fixture *f, gconstpointer data)
{
    struct block_backend *disks[2];

    (void)data;
    expect(f, "savevm one", "no block device can store vmstate for snapshot\n");
    disks[0] = add_disk(f, "d0", "qcow2");
    disks[1] = add_disk(f, "d1", "qcow2");
    expect(f, "info snapshots", "There is no snapshot available.\n");
    set_all(f, disks, 2, 1);
    expect(f, "savevm one", "");
    set_all(f, disks, 2, 2);
    expect(f, "savevm two", "");
    set_all(f, disks, 2, 3);
    expect(f, "info snapshots",
           "List of snapshots present on all disks:\n"
           "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n"
           "--        one  ");
    expect(f, "loadvm one", "");
    expect_all(f, disks, 2, 1);
    expect(f, "loadvm two", "");
    expect_all(f, disks, 2, 2);
    expect(f, "loadvm 1", "Snapshot '1' does not exist in one or more devices\n"); /* an id */
    set_all(f, disks, 2, 4);
    expect(f, "savevm one", ""); /* instead of the old one */
    set_all(f, disks, 2, 5);
    expect(f, "loadvm one", "");
    expect_all(f, disks, 2, 4);
    expect(f, "delvm one", "");
    expect(f, "loadvm one", "Snapshot 'one' does not exist in one or more devices\n");
    expect(f, "info status", "paused (prelaunch)");
}

static void what_cannot_be_is_told(struct fixture *f, gconstpointer data)
{
    struct block_backend *disk = add_disk(f, "d0", "qcow2");
    struct block_snapshot s = { .name = (char *)"disk", .disk_size = DISK_SIZE };

    (void)data;
    g_assert_true(block_snapshot_create(disk->root, &s, NULL));
    expect(f, "loadvm disk", "Snapshot 'disk' is of the disks alone");
    expect(f, "loadvm", "loadvm: see 'help loadvm'");
    expect(f, "delvm a b", "delvm: see 'help delvm'");
    expect(f, "delvm nosuch", "");
    expect(f, "savevm one", "");
    add_disk(f, "d1", "raw");
    expect(f, "savevm two", "Device 'd1' is writable but does not support snapshots\n");
    expect(f, "loadvm one", "Device 'd1' is writable but does not support snapshots\n");
}

static void partial_snapshots_are_listed(struct fixture *f, gconstpointer data)
{
    (void)data;
    add_disk(f, "d0", "qcow2");
    expect(f, "savevm one", "");
    add_disk(f, "d1", "qcow2");
    expect(f, "info snapshots", "\nList of partial (non-loadable) snapshots on 'd0':\nID ");
    expect(f, "info snapshots", "\n1         one  ");
    expect(f, "loadvm one", "Snapshot 'one' does not exist in one or more devices\n");
}

/* A byte of the state in the image changes: everything stays as it is. */
static void damaged_snapshots_are_refused(struct fixture *f, gconstpointer data)
{
    struct block_backend *disk = add_disk(f, "d0", "qcow2");
    g_autofree char *path = g_build_filename(f->dir, "d0", NULL), *image = NULL;
    const char *hit;
    gsize len;

    (void)data;
    put_ram(f->m, 0x5000, 0x6e6565206576614c);
    set_all(f, &disk, 1, 1);
    put_ram(f->m, 0x6000, 0x21746f6820736921);
    expect(f, "savevm one", "");
    set_all(f, &disk, 1, 2);
    g_assert_true(g_file_get_contents(path, &image, &len, NULL));
    hit = memmem(image, len, "!is hot!", 8);
    g_assert_nonnull(hit);
    g_assert_cmpint(block_node_write(disk->root->file, (uint64_t)(hit - image), "!is cold", 8), ==,
                    0);
    expect(f, "loadvm one", "section 'ram' 0: its checksum is");
    expect_all(f, &disk, 1, 2);
}

#define ADD(name) g_test_add("/migration/" #name, struct fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(another_machine_becomes_the_same);
    ADD(cut_streams_name_a_section);
    ADD(flipped_bits_are_refused);
    ADD(unknown_versions_are_refused);
    ADD(other_machines_are_refused);
    ADD(features_may_not_be_fewer);
    ADD(impossible_cpus_are_refused);
    ADD(random_changes_do_no_harm);
    ADD(machine_and_disks_go_back);
    ADD(what_cannot_be_is_told);
    ADD(partial_snapshots_are_listed);
    ADD(damaged_snapshots_are_refused);
    return g_test_run();
}
