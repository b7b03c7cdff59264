/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ahci_test.c: a disk behind ich9-ahci: command list, DMA, NCQ, errors. */
#include "hw/block/ahci.h"
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define ABAR  0xf0000000u
#define PORT  (ABAR + 0x100)
#define LIST  0x10000u
#define FIS   0x11000u
#define TABLE 0x12000u
#define DATA  0x20000u

struct fixture {
    struct rig *r;
    struct mem_region memory;
    struct ahci *ahci;
    struct block_backend *blk;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    f->ahci = (struct ahci *)rig_device(f->r, "ich9-ahci", NULL);
    f->blk = drive_rig_new(f->r, "d0", 4096, false);
    ide_create_drive(&f->ahci->ports[0].ch, f->blk, 0, &error);
    g_assert_no_error(error);
    pci_rig_write(f->r, f->ahci->pci.devfn, PCI_BAR0 + 20, ABAR, 4);
    pci_rig_write(f->r, f->ahci->pci.devfn, PCI_COMMAND, 6, 2);
    rig_store(f->r, ABAR + 4, 0x80000002, 4);
    rig_store(f->r, PORT, LIST, 4);
    rig_store(f->r, PORT + 8, FIS, 4);
    rig_store(f->r, PORT + 0x14, 0xffffffff, 4);
    rig_store(f->r, PORT + 0x18, 0x10, 4);
    rig_store(f->r, PORT + 0x18, 0x11, 4);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* Fills slot n with a command of `count` sectors at lba, one PRD. */
static void prepare(struct fixture *f, unsigned slot, uint8_t command, uint64_t lba, unsigned count)
{
    uint32_t table = TABLE + slot * 0x100, header = LIST + slot * 32;
    bool ncq = command == 0x60 || command == 0x61;
    uint8_t fis[20] = { 0x27, 0x80, command };

    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t)(lba >> i * 8);
        fis[8 + i] = (uint8_t)(lba >> (24 + i * 8));
    }
    fis[7] = 0x40;
    fis[3] = ncq ? (uint8_t)count : 0;
    fis[12] = ncq ? (uint8_t)(slot << 3) : (uint8_t)count;
    rig_write(f->r, table, fis, sizeof(fis));
    rig_store(f->r, table + 0x80, DATA + slot * 0x1000, 8);
    rig_store(f->r, table + 0x88, 0, 4);
    rig_store(f->r, table + 0x8c, MAX(count, 1) * 512 - 1, 4);
    rig_store(f->r, header, 5 | 1 << 16, 4);
    rig_store(f->r, header + 4, 0, 4);
    rig_store(f->r, header + 8, table, 8);
}

static void wait_port(struct fixture *f)
{
    while (rig_load(f->r, PORT + 0x34, 4) | rig_load(f->r, PORT + 0x38, 4)) {
        if (rig_load(f->r, PORT + 0x10, 4) & 1u << 30) {
            return;
        }
        machine_iterate(f->r->m, true);
    }
}

static void ports_say_what_is_there(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(rig_load(f->r, ABAR + 0xc, 4), ==, 0x3f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x24, 4), ==, 0x101);
    g_assert_cmphex(rig_load(f->r, PORT + 0x28, 4), ==, 0x113);
    g_assert_cmphex(rig_load(f->r, PORT + 0x80 + 0x28, 4), ==, 0);
    g_assert_cmphex(rig_load(f->r, FIS + 0x40, 1), ==, 0x34); /* the signature */
}

static void commands_move_data(struct fixture *f, gconstpointer data)
{
    (void)data;
    prepare(f, 0, 0xec, 0, 1);
    rig_store(f->r, PORT + 0x38, 1, 4);
    wait_port(f);
    g_assert_cmphex(rig_load(f->r, DATA + 120, 4), ==, 4096);
    g_assert_cmphex(rig_load(f->r, LIST + 4, 4), ==, 512);
    /* PIO Setup: what it is, status with DRQ, status at the end, length. */
    g_assert_cmphex(rig_load(f->r, FIS + 0x20, 1), ==, 0x5f);
    g_assert_cmphex(rig_load(f->r, FIS + 0x22, 1), ==, 0x58);
    g_assert_cmphex(rig_load(f->r, FIS + 0x2f, 1), ==, 0x50);
    g_assert_cmphex(rig_load(f->r, FIS + 0x30, 2), ==, 512);
    prepare(f, 3, 0x25, 7, 4);
    rig_store(f->r, PORT + 0x38, 8, 4);
    wait_port(f);
    g_assert_cmphex(rig_load(f->r, DATA + 0x3000, 1), ==, 7);
    g_assert_cmphex(rig_load(f->r, DATA + 0x3000 + 2047, 1), ==, 10);
    g_assert_cmphex(rig_load(f->r, ABAR + 8, 4), ==, 1);
    rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
    rig_store(f->r, ABAR + 8, 1, 4);
    g_assert_cmphex(rig_load(f->r, ABAR + 8, 4), ==, 0);
    prepare(f, 0, 0x35, 100, 4);
    rig_store(f->r, TABLE + 0x80, DATA + 0x3000, 8);
    rig_store(f->r, PORT + 0x38, 1, 4);
    wait_port(f);
    g_assert_cmphex(drive_rig_byte(f->blk, 100 * 512), ==, 7);
}

static void queued_ones_run_together(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 8; i++) {
        prepare(f, i, 0x60, 20 + i, 2);
    }
    rig_store(f->r, PORT + 0x34, 0xff, 4);
    rig_store(f->r, PORT + 0x38, 0xff, 4);
    wait_port(f);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(rig_load(f->r, DATA + i * 0x1000, 1), ==, 20 + i);
    }
    prepare(f, 1, 0x61, 500, 1);
    rig_store(f->r, PORT + 0x34, 2, 4);
    rig_store(f->r, PORT + 0x38, 2, 4);
    rig_check_state(f->r, &f->ahci->pci.dev);
    g_assert_cmphex(drive_rig_byte(f->blk, 500 * 512), ==, 21);
}

static void errors_stop_the_port(struct fixture *f, gconstpointer data)
{
    (void)data;
    prepare(f, 0, 0x25, 1 << 20, 1);
    rig_store(f->r, PORT + 0x38, 1, 4);
    wait_port(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x10, 4) & 1u << 30, !=, 0);
    g_assert_cmphex(rig_load(f->r, PORT + 0x20, 4) & 1, ==, 1);
    rig_store(f->r, PORT + 0x18, 0x10, 4);
    g_assert_cmphex(rig_load(f->r, PORT + 0x38, 4), ==, 0);
    rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
    rig_store(f->r, PORT + 0x18, 0x11, 4);
    prepare(f, 0, 0x60, 1 << 20, 1);
    rig_store(f->r, PORT + 0x34, 1, 4);
    rig_store(f->r, PORT + 0x38, 1, 4);
    wait_port(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x10, 4) & 1u << 30, !=, 0);
}

static void fuzz_registers(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2922);

    (void)data;
    for (unsigned i = 0; i < FUZZ_ROUNDS; i++) {
        unsigned slot = (unsigned)g_rand_int_range(rand, 0, 32);

        if (i % 4 == 0) {
            static const uint8_t codes[] = { 0x60, 0x61, 0x25, 0x35, 0x20, 0x30, 0xec, 0xef, 0xb0 };

            prepare(f, slot, codes[g_rand_int_range(rand, 0, G_N_ELEMENTS(codes))],
                    (uint64_t)g_rand_int_range(rand, 0, 5000),
                    (unsigned)g_rand_int_range(rand, 0, 9));
            rig_store(f->r, LIST + g_rand_int_range(rand, 0, 1024), fuzz_value(rand), 1);
            rig_store(f->r, PORT + 0x38, 1u << slot, 4);
        } else {
            rig_store(f->r, ABAR + (uint32_t)g_rand_int_range(rand, 0, 0x60) * 4,
                      i % 64 ? 0x11 : fuzz_value(rand), 4);
        }
        if (i % 128 == 0) {
            rig_store(f->r, PORT, LIST, 4);
            rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
            rig_store(f->r, PORT + 0x18, 0x11, 4);
        }
        if (i % 8 == 0) {
            rig_poll(f->r);
        }
    }
    rig_check_state(f->r, &f->ahci->pci.dev);
}

#define ADD(name, fn) g_test_add("/ahci/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("ports", ports_say_what_is_there);
    ADD("commands", commands_move_data);
    ADD("ncq", queued_ones_run_together);
    ADD("errors", errors_stop_the_port);
    ADD("fuzz", fuzz_registers);
    return g_test_run();
}
