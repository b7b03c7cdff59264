/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expansion ROMs: romfile= and rombar= of any PCI device, and a model's own ROM. Thread: the test's. */
#include <glib/gstdio.h>
#include <string.h>
#include "hw/pci/pci.h"
#include "tests/device/pci_rig.h"

#define ROM_AT 0xc0000000u

struct fixture {
    struct rig *r;
    struct mem_region memory;
    char *folder, *path;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    memset(f, 0, sizeof(*f));
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    f->folder = g_dir_make_tmp("rhea-rom-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "efi-e1000.rom", NULL);
    g_ptr_array_add(f->r->m->config.data_dirs, g_strdup(f->folder));
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
    rig_free(f->r);
}

/* A BIOS image and an EFI image, both of 2 KiB and for 1234:5678; the bytes of each sum up to 0. */
static void write_rom(struct fixture *f)
{
    uint8_t rom[4096] = { 0 };

    for (unsigned i = 0; i < 2; i++) {
        uint8_t *p = rom + i * 2048, sum = 0;
        static const uint8_t data[] = { 'P', 'C', 'I', 'R', 0x34, 0x12, 0x78, 0x56, 0, 0, 24,
                                        0,   0,   0,   0,   2,    4,    0,    0,    0, 0, 0 };

        p[0] = 0x55;
        p[1] = 0xaa;
        p[2] = 4;
        p[0x18] = 0x20;
        memcpy(p + 0x20, data, sizeof(data));
        p[0x20 + 20] = i ? 3 : 0;
        p[0x20 + 21] = i ? 0x80 : 0;
        for (unsigned j = 0; j < 2048; j++) {
            sum = (uint8_t)(sum + p[j]);
        }
        p[6] = (uint8_t)-sum;
    }
    g_assert_true(g_file_set_contents(f->path, (const char *)rom, sizeof(rom), NULL));
}

/* Of the ROM's BAR. */
static uint32_t size_mask(struct fixture *f, const struct pci_device *d)
{
    pci_rig_write(f->r, d->devfn, PCI_ROM_BAR, UINT32_MAX, 4);
    return pci_rig_read(f->r, d->devfn, PCI_ROM_BAR, 4);
}

static void map(struct fixture *f, const struct pci_device *d)
{
    pci_rig_write(f->r, d->devfn, PCI_ROM_BAR, ROM_AT | 1, 4);
    pci_rig_write(f->r, d->devfn, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
}

static void a_rom_is_the_file(struct fixture *f, gconstpointer data)
{
    const char *type = data;
    g_autofree char *props = g_strconcat("romfile=", f->path, NULL), *text = NULL;
    struct pci_device *d;

    g_assert_true(g_file_set_contents(f->path,
                                      "\x55\xaa"
                                      "abc",
                                      5, NULL));
    d = (struct pci_device *)rig_device(f->r, type, props);
    g_assert_cmphex(size_mask(f, d), ==, 0xfffff801);
    map(f, d);
    g_assert_cmphex(rig_load(f->r, ROM_AT, 4), ==, 0x6261aa55);
    rig_store(f->r, ROM_AT, 0, 4);
    g_assert_cmphex(rig_load(f->r, ROM_AT, 4), ==, 0x6261aa55);
    g_assert_cmpint(g_unlink(f->path), ==, 0);
    text = rig_device_error(f->r, device_type_find(type), props);
    g_assert_nonnull(strstr(text, "efi-e1000.rom"));
}

static void a_card_has_its_own(struct fixture *f, gconstpointer data)
{
    uint8_t rom[4096], sum = 0;
    struct pci_device *d;

    (void)data;
    write_rom(f);
    d = (struct pci_device *)rig_device(f->r, "e1000", NULL);
    g_assert_cmphex(size_mask(f, d), ==, 0xfffff001);
    map(f, d);
    rig_read(f->r, ROM_AT, rom, sizeof(rom));
    g_assert_cmphex(rom[0x24] | rom[0x25] << 8, ==, 0x8086); /* the BIOS image has its ids */
    g_assert_cmphex(rom[0x26] | rom[0x27] << 8, ==, 0x100e);
    g_assert_cmphex(rom[2048 + 0x24], ==, 0x34);
    for (unsigned i = 0; i < 2048; i++) {
        sum = (uint8_t)(sum + rom[i]);
    }
    g_assert_cmphex(sum, ==, 0);
}

static void no_rom(struct fixture *f, gconstpointer data)
{
    const char *props = data;

    if (props) {
        write_rom(f);
    }
    g_assert_cmphex(size_mask(f, (struct pci_device *)rig_device(f->r, "e1000", props)), ==, 0);
}

/* Whatever is in the file, nothing outside of it is touched. */
static void broken_files(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(55);

    (void)data;
    for (unsigned i = 0; i < 200; i++) {
        uint8_t rom[4096] = { 0x55, 0xaa };
        gsize len = (gsize)g_rand_int_range(rand, 1, 200);

        rom[0x18] = (uint8_t)g_rand_int_range(rand, 0, 200);
        memcpy(rom + rom[0x18], "PCIR", 4);
        rom[rom[0x18] + 16] = i & 1; /* a length that leads out of the file */
        g_assert_true(g_file_set_contents(f->path, (const char *)rom, (gssize)len, NULL));
        device_free(rig_device(f->r, "e1000", NULL));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, arg, fn) g_test_add("/pci-rom/" name, struct fixture, arg, set_up, fn, tear_down)
    ADD("a ROM is the file/VGA", "VGA", a_rom_is_the_file);
    ADD("a ROM is the file/edu", "edu", a_rom_is_the_file);
    ADD("a card has its own", NULL, a_card_has_its_own);
    ADD("no ROM/romfile=", "romfile=", no_rom);
    ADD("no ROM/rombar=0", "rombar=0", no_rom);
    ADD("no ROM/no file", NULL, no_rom);
    ADD("broken files", NULL, broken_files);
    return g_test_run();
}
