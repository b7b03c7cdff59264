/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/i440fx_test.c: PAM and SMRAM: who answers between 640 KiB and 1 MiB. */
#include "hw/i386/i440fx.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN PCI_DEVFN(0, 0)

struct fixture {
    struct mem_region memory, rom;
    struct rig *r;
    struct i440fx *s;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    mem_region_init_rom(&f->rom, f->r->m, "rom", 0x10000, &error);
    g_assert_no_error(error);
    memset(f->rom.ram->host, 0xb5, 0x10000);
    mem_region_add(&f->memory, 0xf0000, &f->rom, 0); /* what PCI shows there */
    f->s = (struct i440fx *)rig_device_new(f->r, &i440fx_type, "addr=0");
    f->s->ram = &f->r->ram;
    f->s->pci_memory = &f->memory;
    rig_device_realize(f->r, &f->s->pci.dev);
    memset(f->r->ram.ram->host + 0xa0000, 0x11, 0x60000);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void pam(struct fixture *f, unsigned reg, uint8_t v)
{
    pci_rig_write(f->r, DEVFN, reg, v, 1);
}

static uint8_t ram_byte(struct fixture *f, uint64_t addr)
{
    return f->r->ram.ram->host[addr];
}

static void pam_has_four_modes(struct fixture *f, gconstpointer data)
{
    (void)data;
    /* 0: PCI both ways */
    g_assert_cmphex(rig_load(f->r, 0xf0010, 1), ==, 0xb5);
    rig_store(f->r, 0xf0010, 0x22, 1);
    g_assert_cmphex(ram_byte(f, 0xf0010), ==, 0x11);
    /* 2: writes go to RAM: firmware copies itself */
    pam(f, 0x59, 0x20);
    g_assert_cmphex(rig_load(f->r, 0xf0010, 4), ==, 0xb5b5b5b5);
    rig_store(f->r, 0xf0010, 0x44332233, 4);
    g_assert_cmphex(rig_load(f->r, 0xf0010, 1), ==, 0xb5);
    g_assert_cmphex(ram_byte(f, 0xf0010), ==, 0x33);
    g_assert_cmphex(ram_byte(f, 0xf0013), ==, 0x44);
    /* 1: reads come from RAM, writes are lost */
    pam(f, 0x59, 0x10);
    g_assert_cmphex(rig_load(f->r, 0xf0010, 1), ==, 0x33);
    rig_store(f->r, 0xf0010, 0x55, 1);
    g_assert_cmphex(ram_byte(f, 0xf0010), ==, 0x33);
    /* 3: RAM */
    pam(f, 0x59, 0x30);
    rig_store(f->r, 0xf0010, 0x66, 1);
    g_assert_cmphex(rig_load(f->r, 0xf0010, 1), ==, 0x66);
    g_assert_cmphex(ram_byte(f, 0xf0010), ==, 0x66);
}

/* PAM1-PAM6: two segments of 16 KiB each; a neighbour does not change. */
static void pam_segments_are_apart(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 12; i++) {
        uint64_t base = 0xc0000 + i * 0x4000;

        pam(f, 0x5a + i / 2, i % 2 ? 0x30 : 0x03);
        for (unsigned k = 0; k < 12; k++) {
            uint64_t other = 0xc0000 + k * 0x4000;

            g_assert_cmphex(rig_load(f->r, other + 0x3fff, 1), ==, other == base ? 0x11 : 0xff);
        }
        pam(f, 0x5a + i / 2, 0);
    }
}

static void smram_opens_and_locks(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x72, 1), ==, 0x02);
    g_assert_cmphex(rig_load(f->r, 0xa0000, 1), ==, 0xff);
    pam(f, 0x72, 0x48);
    g_assert_cmphex(rig_load(f->r, 0xa0000, 1), ==, 0x11);
    pam(f, 0x72, 0x58); /* lock: closes at once */
    g_assert_cmphex(rig_load(f->r, 0xbffff, 1), ==, 0xff);
    pam(f, 0x72, 0x48);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x72, 1), ==, 0x1a);
    f->s->pci.dev.type->reset(&f->s->pci.dev);
    pam(f, 0x72, 0x48);
    g_assert_cmphex(rig_load(f->r, 0xa0000, 1), ==, 0x11);
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    (void)data;
    pam(f, 0x59, 0x10);
    pam(f, 0x72, 0x58);
    rig_check_state(f->r, &f->s->pci.dev);
    g_assert_cmphex(rig_load(f->r, 0xf0010, 1), ==, 0x11);
    pam(f, 0x72, 0x48);
    g_assert_cmphex(rig_load(f->r, 0xa0000, 1), ==, 0xff);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(440);

    (void)data;
    for (unsigned i = 0; i < 2000; i++) {
        pci_rig_write(f->r, DEVFN, g_rand_int_range(rand, 0, 256), g_rand_int(rand),
                      1u << g_rand_int_range(rand, 0, 3));
        rig_store(f->r, 0xa0000 + g_rand_int_range(rand, 0, 0x5fff8), g_rand_int(rand),
                  1u << g_rand_int_range(rand, 0, 4));
    }
    rig_check_state(f->r, &f->s->pci.dev);
}

#define ADD(path, fn) g_test_add("/i440fx/" path, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("pam", pam_has_four_modes);
    ADD("segments", pam_segments_are_apart);
    ADD("smram", smram_opens_and_locks);
    ADD("state", state_survives);
    ADD("fuzz", random_accesses);
    return g_test_run();
}
