/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/bios_test.c: the firmware's ROM, and what the pc board tells it. */
#include <glib/gstdio.h>
#include "hw/i386/pc.h"
#include "target/i386/cpu.h"

#define RAM_SIZE (64ull << 20)

struct fixture {
    struct machine *m;
    struct pc *pc;
    char *folder;
};

/* A ROM whose 64 KiB blocks are numbered from the end: 1, 2 ... */
static void write_bios(const char *path, size_t size)
{
    g_autofree char *data = g_malloc(size);

    for (size_t i = 0; i < size; i++) {
        data[i] = (char)((size - 1 - i) / 0x10000 + 1);
    }
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

static bool try_pc(struct fixture *f, size_t size, GError **error)
{
    g_autofree char *path = NULL;

    f->folder = g_dir_make_tmp("rhea-bios-XXXXXX", NULL);
    f->m = machine_new();
    machine_lock(f->m);
    clock_virtual_manual(f->m);
    f->m->config.ram_size = RAM_SIZE;
    g_ptr_array_add(f->m->config.data_dirs, g_strdup(f->folder));
    path = g_build_filename(f->folder, "bios-256k.bin", NULL);
    if (size) {
        write_bios(path, size);
    }
    return pc_init(f->m, error);
}

static void remove_folder(struct fixture *f)
{
    g_autofree char *path = g_build_filename(f->folder, "bios-256k.bin", NULL);

    g_unlink(path);
    g_rmdir(f->folder);
    g_free(f->folder);
}

static void reset(struct fixture *f)
{
    device_reset_all(f->m);
    for (unsigned i = 0; i < f->m->reset_hooks->len; i++) {
        struct reset_hook *hook = &g_array_index(f->m->reset_hooks, struct reset_hook, i);

        hook->fn(hook->opaque);
    }
}

static void set_up(struct fixture *f, size_t size)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(try_pc(f, size, &error));
    g_assert_no_error(error);
    f->pc = f->m->board;
    reset(f);
}

static void tear_down(struct fixture *f)
{
    remove_folder(f);
    machine_free(f->m);
}

static uint8_t byte(struct fixture *f, uint64_t addr)
{
    return (uint8_t)address_space_load(&f->m->memory, addr, 1);
}

static uint8_t cmos(struct fixture *f, uint8_t index)
{
    address_space_store(&f->m->io, 0x70, index, 1);
    return (uint8_t)address_space_load(&f->m->io, 0x71, 1);
}

static void rom_ends_at_4g_and_shows_below_1m(void)
{
    struct fixture f;

    set_up(&f, 256 << 10);
    g_assert_cmphex(byte(&f, 0xffffffff), ==, 1);
    g_assert_cmphex(byte(&f, 0xfffc0000), ==, 4);
    g_assert_cmphex(byte(&f, 0xfffbffff), ==, 0xff);
    g_assert_cmphex(byte(&f, 0xfffff), ==, 1);
    g_assert_cmphex(byte(&f, 0xe0000), ==, 2);
    g_assert_cmphex(byte(&f, 0xdffff), ==, 0xff);
    address_space_store(&f.m->memory, 0xfffffff0, 0, 1);
    address_space_store(&f.m->memory, 0xffff0, 0, 1);
    g_assert_cmphex(byte(&f, 0xfffffff0), ==, 1); /* it is ROM */
    g_assert_cmphex(byte(&f, 0xffff0), ==, 1);
    g_assert_false(f.pc->cpus[0]->halted);
    g_assert_cmphex(f.pc->cpus[0]->seg[SEG_CS].base + f.pc->cpus[0]->regs[R_RIP], ==, 0xfffffff0);
    tear_down(&f);
}

static void smallest_and_largest_rom(void)
{
    struct fixture f;

    set_up(&f, 64 << 10);
    g_assert_cmphex(byte(&f, 0xffff0000), ==, 1);
    g_assert_cmphex(byte(&f, 0xfffeffff), ==, 0xff);
    g_assert_cmphex(byte(&f, 0xeffff), ==, 0xff);
    tear_down(&f);
    set_up(&f, 16 << 20);
    g_assert_cmphex(byte(&f, 0xff000000), ==, 0);
    g_assert_cmphex(byte(&f, 0xe0000), ==, 2);
    tear_down(&f);
}

static void odd_and_missing_roms_are_refused(void)
{
    static const size_t sizes[] = { 0, 1000, 32 << 10, 65 << 10, 17 << 20 };

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GError) error = NULL;
        struct fixture f;

        g_assert_false(try_pc(&f, sizes[i], &error));
        g_assert_nonnull(strstr(error->message, sizes[i] ? "64 KiB" : "package 'seabios'"));
        tear_down(&f);
    }
}

/* SeaBIOS copies its upper megabyte-end into RAM, then writes it. */
static void firmware_shadows_itself(void)
{
    struct fixture f;

    set_up(&f, 256 << 10);
    address_space_store(&f.m->io, 0xcf8, 0x80000058, 4);
    address_space_store(&f.m->io, 0xcfd, 0x30, 1); /* PAM0: 0xf0000 is RAM */
    g_assert_cmphex(byte(&f, 0xfffff), ==, 0);
    address_space_store(&f.m->memory, 0xfffff, 0x5a, 1);
    g_assert_cmphex(byte(&f, 0xfffff), ==, 0x5a);
    reset(&f);
    g_assert_cmphex(byte(&f, 0xfffff), ==, 1);
    tear_down(&f);
}

static GBytes *item(struct fixture *f, const char *name)
{
    for (unsigned i = 0; i < f->pc->fw_cfg->files->len; i++) {
        const struct fw_cfg_file *file =
            &g_array_index(f->pc->fw_cfg->files, struct fw_cfg_file, i);

        if (strcmp(file->name, name) == 0) {
            return file->data;
        }
    }
    g_error("there is no file %s", name);
}

static uint8_t sum(const uint8_t *data, size_t len)
{
    uint8_t s = 0;

    for (size_t i = 0; i < len; i++) {
        s = (uint8_t)(s + data[i]);
    }
    return s;
}

static uint32_t le32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return GUINT32_FROM_LE(v);
}

struct loaded {
    GByteArray *tables, *rsdp;
};

static GByteArray *loaded_file(struct loaded *l, const uint8_t *name, uint32_t *base)
{
    bool rsdp = strcmp((const char *)name, "etc/acpi/rsdp") == 0;

    g_assert_true(rsdp || strcmp((const char *)name, "etc/acpi/tables") == 0);
    *base = rsdp ? 0xf5000 : 0x3f00000;
    return rsdp ? l->rsdp : l->tables;
}

static void run_command(struct loaded *l, const uint8_t *c)
{
    uint32_t base, other;
    GByteArray *file = loaded_file(l, c + 4, &base);

    switch (le32(c)) {
    case 1:
        break;
    case 2: {
        uint32_t off = le32(c + 116);
        uint64_t v = 0;

        loaded_file(l, c + 60, &other);
        g_assert_cmpuint(off + c[120], <=, file->len);
        memcpy(&v, file->data + off, c[120]);
        v += other;
        memcpy(file->data + off, &v, c[120]);
        break;
    }
    case 3: {
        uint32_t off = le32(c + 60), start = le32(c + 64), len = le32(c + 68);

        g_assert_cmpuint(start + len, <=, file->len);
        g_assert_cmphex(file->data[off], ==, 0);
        file->data[off] = (uint8_t)-sum(file->data + start, len);
        break;
    }
    default:
        g_assert_not_reached();
    }
}

/* Does what firmware does, and follows the pointers. */
static void acpi_script_makes_valid_tables(void)
{
    struct fixture f;
    struct loaded l;
    const uint8_t *script;
    size_t len;
    uint32_t rsdt, n;
    unsigned seen = 0;

    set_up(&f, 256 << 10);
    l.tables = g_bytes_unref_to_array(g_bytes_ref(item(&f, "etc/acpi/tables")));
    l.rsdp = g_bytes_unref_to_array(g_bytes_ref(item(&f, "etc/acpi/rsdp")));
    script = g_bytes_get_data(item(&f, "etc/table-loader"), &len);
    g_assert_cmpuint(len % 128, ==, 0);
    for (size_t i = 0; i < len; i += 128) {
        run_command(&l, script + i);
    }
    g_assert_cmpuint(sum(l.rsdp->data, 20), ==, 0);
    g_assert_cmpuint(sum(l.rsdp->data, 36), ==, 0);
    rsdt = le32(l.rsdp->data + 16) - 0x3f00000;
    g_assert_cmpmem(l.tables->data + rsdt, 4, "RSDT", 4);
    n = (le32(l.tables->data + rsdt + 4) - 36) / 4;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *t = l.tables->data + (le32(l.tables->data + rsdt + 36 + 4 * i) - 0x3f00000);

        g_assert_cmpuint(sum(t, le32(t + 4)), ==, 0);
        if (memcmp(t, "FACP", 4) == 0) {
            seen++;
            g_assert_cmpmem(l.tables->data + (le32(t + 40) - 0x3f00000), 4, "DSDT", 4);
            g_assert_cmpmem(l.tables->data + (le32(t + 36) - 0x3f00000), 4, "FACS", 4);
        }
    }
    g_assert_cmpuint(seen, ==, 1);
    g_byte_array_unref(l.tables);
    g_byte_array_unref(l.rsdp);
    tear_down(&f);
}

/* Structures follow each other up to type 127, and the anchor counts them. */
static void smbios_is_well_formed(void)
{
    struct fixture f;
    const uint8_t *t, *anchor;
    size_t len, anchor_len, at = 0;
    unsigned count = 0, last = 0;

    set_up(&f, 256 << 10);
    t = g_bytes_get_data(item(&f, "etc/smbios/smbios-tables"), &len);
    anchor = g_bytes_get_data(item(&f, "etc/smbios/smbios-anchor"), &anchor_len);
    g_assert_cmpuint(anchor_len, ==, 31);
    g_assert_cmpmem(anchor, 4, "_SM_", 4);
    g_assert_cmpuint(sum(anchor, 31), ==, 0);
    g_assert_cmpuint(sum(anchor + 16, 15), ==, 0);
    g_assert_cmpuint(anchor[22] | anchor[23] << 8, ==, len);
    while (at < len) {
        last = t[at];
        at += t[at + 1];
        while (t[at] || t[at + 1]) {
            at++;
        }
        at += 2;
        count++;
    }
    g_assert_cmpuint(at, ==, len);
    g_assert_cmpuint(last, ==, 127);
    g_assert_cmpuint(anchor[28] | anchor[29] << 8, ==, count);
    tear_down(&f);
}

static void board_tells_memory_and_boot_order(void)
{
    struct fixture f;
    const uint8_t *e820;
    size_t len;

    set_up(&f, 256 << 10);
    e820 = g_bytes_get_data(item(&f, "etc/e820"), &len);
    g_assert_cmpuint(len, ==, 20);
    g_assert_cmphex(le32(e820 + 8), ==, RAM_SIZE);
    g_assert_cmphex(cmos(&f, 0x3d), ==, 0x12); /* disk, floppy, CD */
    g_assert_cmphex(cmos(&f, 0x38), ==, 0x30); /* floppies need a signature */
    f.m->config.no_fd_bootchk = true;
    f.m->config.boot.once = g_strdup("dn");
    f.pc->was_reset = false;
    reset(&f);
    g_assert_cmphex(cmos(&f, 0x3d), ==, 0x43);
    g_assert_cmphex(cmos(&f, 0x38), ==, 0x01);
    reset(&f);
    g_assert_cmphex(cmos(&f, 0x3d), ==, 0x12);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bios/rom", rom_ends_at_4g_and_shows_below_1m);
    g_test_add_func("/bios/sizes", smallest_and_largest_rom);
    g_test_add_func("/bios/refused", odd_and_missing_roms_are_refused);
    g_test_add_func("/bios/shadow", firmware_shadows_itself);
    g_test_add_func("/bios/acpi", acpi_script_makes_valid_tables);
    g_test_add_func("/bios/smbios", smbios_is_well_formed);
    g_test_add_func("/bios/told", board_tells_memory_and_boot_order);
    return g_test_run();
}
