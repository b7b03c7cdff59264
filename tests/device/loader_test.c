/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/loader_test.c: what -device loader has in memory after every reset, and what it refuses. */
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/device/rig.h"

extern const struct device_type loader_type;

static char *file_with(const void *bytes, size_t len)
{
    char *path = NULL;
    int fd = g_file_open_tmp("rhea-loader-XXXXXX", &path, NULL);

    g_assert_cmpint(write(fd, bytes, len), ==, (ssize_t)len);
    close(fd);
    return path;
}

static void numbers_are_there_after_every_reset(void)
{
    g_autoptr(rig) r = rig_new();

    rig_device(r, "loader", "addr=0x1000,data=0x1122334455,data-len=8");
    rig_device(r, "loader", "addr=0x2000,data=0x1234,data-len=2,data-be=on");
    rig_store(r, 0x2002, 0x77, 1);
    machine_reset(r->m);
    g_assert_cmphex(rig_load(r, 0x1000, 8), ==, 0x1122334455);
    g_assert_cmphex(rig_load(r, 0x2000, 4), ==, 0x773412);
    rig_store(r, 0x1000, 0, 8);
    machine_reset(r->m);
    g_assert_cmphex(rig_load(r, 0x1000, 8), ==, 0x1122334455);
}

static void files_are_there(void)
{
    g_autoptr(rig) r = rig_new();
    g_autofree char *path = file_with("raw bytes", 9);
    g_autofree char *props = g_strdup_printf("file=%s,addr=0x3000", path);
    char got[10] = "";

    rig_device(r, "loader", props);
    g_unlink(path); /* it was read */
    machine_reset(r->m);
    rig_read(r, 0x3000, got, 9);
    g_assert_cmpstr(got, ==, "raw bytes");
}

/* One segment of four bytes, which four zeroes follow. */
struct image {
    Elf64_Ehdr h;
    Elf64_Phdr p;
    uint8_t bytes[4];
};

static struct image sample(void)
{
    return (struct image){
        .h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
               .e_machine = EM_X86_64,
               .e_phoff = sizeof(Elf64_Ehdr),
               .e_entry = 0x4000,
               .e_phentsize = sizeof(Elf64_Phdr),
               .e_phnum = 1 },
        .p = { .p_type = PT_LOAD,
               .p_offset = offsetof(struct image, bytes),
               .p_paddr = 0x4000,
               .p_filesz = 4,
               .p_memsz = 8 },
        .bytes = "abcd",
    };
}

static void segments_of_elf_images(void)
{
    g_autoptr(rig) r = rig_new();
    struct image image = sample();
    g_autofree char *path = file_with(&image, sizeof(image));
    g_autofree char *props = g_strdup_printf("file=%s,addr=0x9000", path);
    g_autofree char *raw = g_strdup_printf("file=%s,addr=0x9000,force-raw=on", path);

    rig_store(r, 0x4004, UINT64_MAX, 8);
    rig_device(r, "loader", props);
    machine_reset(r->m);
    g_assert_cmphex(rig_load(r, 0x4000, 8), ==, 0x64636261);
    g_assert_cmphex(rig_load(r, 0x4008, 4), ==, 0xffffffff);
    g_assert_cmphex(rig_load(r, 0x9000, 4), ==, 0);
    rig_device(r, "loader", raw);
    machine_reset(r->m);
    g_assert_cmphex(rig_load(r, 0x9000, 4), ==, 0x464c457f);
    g_unlink(path);
}

static void damaged_images_are_refused(void)
{
    static const struct {
        size_t offset;
        uint64_t value;
        unsigned size;
    } damages[] = {
        { offsetof(struct image, h.e_machine), EM_ARM, 2 },
        { offsetof(struct image, h.e_phnum), 2, 2 },
        { offsetof(struct image, h.e_phentsize), 1, 2 },
        { offsetof(struct image, h.e_phoff), UINT64_MAX, 8 },
        { offsetof(struct image, p.p_offset), UINT64_MAX - 1, 8 },
        { offsetof(struct image, p.p_filesz), 9, 8 },
        { offsetof(struct image, p.p_memsz), 3, 8 },
        { offsetof(struct image, p.p_memsz), UINT64_MAX, 8 },
        { offsetof(struct image, p.p_type), PT_NULL, 4 },
    };
    g_autoptr(rig) r = rig_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(damages); i++) {
        struct image image = sample();
        g_autofree char *path = NULL, *props = NULL, *why = NULL;

        memcpy((char *)&image + damages[i].offset, &damages[i].value, damages[i].size);
        path = file_with(&image, sizeof(image));
        props = g_strdup_printf("file=%s", path);
        why = rig_device_error(r, &loader_type, props);
        g_test_message("%u: %s", i, why);
        g_assert_nonnull(strstr(why, "no whole ELF image"));
        g_unlink(path);
    }
}

static void mistakes_are_named(void)
{
    static const struct {
        const char *props, *says;
    } rows[] = {
        { NULL, "please include valid arguments" },
        { "addr=1", "please include valid arguments" },
        { "addr=1,data=1", "Both data and data-len must be specified" },
        { "addr=1,data=1,data-len=9", "data-len cannot be greater" },
        { "addr=1,data=1,data-len=2,file=x", "Specifying a file is not supported with data" },
        { "addr=1,data=1,data-len=2,cpu-num=0", "Specifying cpu-num is not supported with data" },
        { "addr=1,cpu-num=0", "Specified boot CPU#0 is nonexistent" },
        { "addr=1,cpu-num=0,force-raw=on", "force-raw is of a file" },
        { "file=/nonexistent", "Cannot load specified image /nonexistent" },
    };
    g_autoptr(rig) r = rig_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *why = rig_device_error(r, &loader_type, rows[i].props);

        g_test_message("%s", why);
        g_assert_nonnull(strstr(why, rows[i].says));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loader/data", numbers_are_there_after_every_reset);
    g_test_add_func("/loader/file", files_are_there);
    g_test_add_func("/loader/elf", segments_of_elf_images);
    g_test_add_func("/loader/damaged", damaged_images_are_refused);
    g_test_add_func("/loader/mistakes", mistakes_are_named);
    return g_test_run();
}
